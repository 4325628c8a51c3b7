import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seqloom.config import AudioField
from seqloom.errors import DataError, MissingFileError
from seqloom.sound.audio import About, Sound, about, is_silent, is_sound, log_mel, read_frames, read_sound

FIELD = AudioField(sample_rate=8000, mels=20)
GO_ON = "Go on without such files with --skip-bad."


def noise(count: int, channels: int = 1, seed: int = 1) -> np.ndarray:
    samples = 0.1 * np.random.default_rng(seed).normal(size=(count, channels))
    return samples[:, 0] if channels == 1 else samples


def tone(hertz: float, rate: int, seconds: float = 0.4) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def written(folder: Path, name: str, samples: np.ndarray, rate: int = 8000, **how: str) -> str:
    path = folder / name
    soundfile.write(path, samples, rate, **how)
    return str(path)


def message(path: str) -> str:
    with pytest.raises(DataError) as error:
        read_sound(path)
    with pytest.raises(DataError):
        read_frames(path, FIELD)
    return str(error.value)


# -------------------------------------------------------------------------------------------------------------- reading


FORMATS = [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.wav", "PCM_24"), ("a.flac", "PCM_16"), ("a.WAV", "ULAW")]


@pytest.mark.parametrize(("name", "subtype"), FORMATS)
def test_sounds_of_several_formats_are_read(tmp_path: Path, name: str, subtype: str):
    samples = noise(1234)
    sound = read_sound(written(tmp_path, name, samples, 11025, subtype=subtype))
    assert (sound.rate, sound.samples.shape, sound.samples.dtype) == (11025, (1234,), np.float32)
    assert sound.seconds == pytest.approx(1234 / 11025)
    np.testing.assert_allclose(sound.samples, samples, atol=0.02 if subtype == "ULAW" else 1e-4)


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III"), ("a.wav", "GSM610")]
)
def test_a_clip_is_the_part_of_the_sound_between_its_times(tmp_path: Path, name: str, subtype: str):
    path = written(tmp_path, name, noise(8000), 8000, subtype=subtype)
    whole = read_sound(path).samples
    for times, begin, end in (("0.25,0.5", 2000, 4000), ("0.5", 4000, len(whole)), (",0.125", 0, 1000), ("0.9,1.4", 7200, len(whole))):
        clip = f"{path}#t={times}"
        assert is_sound(clip)
        np.testing.assert_allclose(read_sound(clip).samples, whole[begin:end], atol=0.01 if subtype == "MPEG_LAYER_III" else 1e-6)
        assert about(clip) == About((end - begin) / 8000, 8000, 1)


def test_a_clip_is_silent_where_the_rest_is_not(tmp_path: Path):
    path = written(tmp_path, "a.wav", np.concatenate([noise(4000), np.zeros(4000)]))
    assert [is_silent(f"{path}#t={times}") for times in ("0,1", "0.5,1", "0.25,0.5")] == [False, True, False]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("2,3", "begins at 2 s; expected times in the sound, which ends at 1 s. Mend the times."),
        ("0.5,9", "ends at 9 s; expected times in the sound, which ends at 1 s. Mend the times."),
        ("0.5,0.25", "begins at 0.5 s and ends at 0.25 s; expected an end behind the begin. Mend the times."),
    ],
)
def test_times_outside_of_a_sound_are_refused(tmp_path: Path, times: str, said: str):
    path = written(tmp_path, "a.wav", noise(8000))
    assert message(f"{path}#t={times}") == f"{path}#t={times}: {said} {GO_ON}"


def test_channels_are_averaged(tmp_path: Path):
    samples = noise(500, channels=3)
    path = written(tmp_path, "a.wav", samples, 8000, subtype="FLOAT")
    np.testing.assert_allclose(read_sound(path).samples, samples.mean(1), atol=1e-6)
    assert about(path) == About(500 / 8000, 8000, 3)


def test_sounds_are_told_by_their_names():
    assert all(is_sound(name) for name in ("a.wav", "b/c.FLAC", "a.b.ogg"))
    assert not any(is_sound(name) for name in ("wav", "a.txt", "a.wav.txt", "", "das ist ein Satz."))


# ------------------------------------------------------------------------------------------------------------- features


def test_a_frame_comes_every_shift_and_shows_where_the_tone_is():
    sounds = [log_mel(Sound(tone(hertz, 8000).astype(np.float32), 8000), FIELD) for hertz in (300, 900, 2500)]
    assert {frames.shape for frames in sounds} == {(40, 20)}
    assert {frames.dtype for frames in sounds} == {np.dtype(np.float32)}
    peaks = [int(frames[20].argmax()) for frames in sounds]
    assert peaks == sorted(set(peaks))
    other = FIELD.model_copy(update={"frame_shift_ms": 20.0, "frame_length_ms": 50.0})
    assert len(log_mel(Sound(noise(8000).astype(np.float32), 8000), other)) == 50


def test_the_same_sound_at_another_rate_gives_nearly_the_same_frames():
    given = log_mel(Sound(tone(700, 8000).astype(np.float32), 8000), FIELD)
    for rate in (16000, 22050, 44100, 48000):
        resampled = log_mel(Sound(tone(700, rate).astype(np.float32), rate), FIELD)
        assert resampled.shape == given.shape
        assert np.abs(resampled - given)[2:-2, :8].max() < 0.1, "the bands around the tone"


@pytest.mark.parametrize("count", [1, 30, 200, 201])
def test_sounds_shorter_than_a_window_have_frames(count: int):
    frames = log_mel(Sound(noise(count).astype(np.float32), 8000), FIELD)
    assert len(frames) >= 1
    assert np.isfinite(frames).all()


def test_bands_are_brought_to_mean_zero_and_spread_one_over_a_sound_where_that_is_wanted(tmp_path: Path):
    path, field = written(tmp_path, "a.wav", noise(4000)), FIELD.model_copy(update={"normalization": "sound"})
    plain = read_frames(path, FIELD.model_copy(update={"normalization": "none"}))
    whole = read_frames(path, field)
    assert plain.mean() > 5
    np.testing.assert_allclose(whole.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(whole.std(0), 1, atol=1e-3)
    silence = read_frames(written(tmp_path, "b.wav", np.zeros(4000)), field)
    np.testing.assert_allclose(silence, 0, atol=2e-3)


def test_digital_silence_around_a_sound_is_no_deeper_than_the_dynamic_range(tmp_path: Path):
    quiet = np.concatenate([np.zeros(2000), tone(700, 8000), np.zeros(2000)])
    frames = read_frames(written(tmp_path, "a.wav", quiet), FIELD.model_copy(update={"dynamic_range_db": 40.0}))
    assert frames.max() == 0
    assert frames.min() == pytest.approx(-4 * np.log(10), rel=1e-3)


def test_a_recording_half_as_loud_gives_the_same_frames(tmp_path: Path):
    loud, soft = (read_frames(written(tmp_path, f"{gain}.wav", gain * noise(4000), 8000, subtype="FLOAT"), FIELD) for gain in (1, 0.5))
    np.testing.assert_allclose(loud, soft, atol=1e-3)


# --------------------------------------------------------------------------------------------------------------- faults


def test_a_missing_file_is_named(tmp_path: Path):
    path = str(tmp_path / "no.wav")
    with pytest.raises(MissingFileError) as error:
        read_sound(path)
    assert str(error.value) == f"{path}: no such sound file; expected one. Mend the path (from the folder of its table). {GO_ON}"
    assert message(str(tmp_path)) == f"{tmp_path}: a folder; expected a sound file. Name the file. {GO_ON}"


def test_what_is_no_sound_is_refused(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_text("hello, this is text and no sound at all")
    assert message(str(path)) == (
        f"{path}: cannot be read as sound (Format not recognised); expected WAV, FLAC, Ogg or MP3. "
        f"Convert it, as in ffmpeg -i FILE sound.wav. {GO_ON}"
    )


def test_an_empty_file_is_refused(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.touch()
    assert message(str(path)) == f"{path}: an empty file (0 bytes); expected a sound. Record or copy it again. {GO_ON}"


def test_a_sound_of_no_length_is_refused(tmp_path: Path):
    path = written(tmp_path, "a.wav", noise(0))
    assert message(path) == f"{path}: no samples (0 seconds); expected a sound. Record it again. {GO_ON}"


def test_a_wav_that_was_cut_off_is_refused(tmp_path: Path):
    path = Path(written(tmp_path, "a.wav", noise(1000)))
    path.write_bytes(path.read_bytes()[:-500])
    assert message(str(path)) == (
        f"{path}: the sound is cut off: 2,000 bytes of sound are announced and 1,500 are there; expected all of it. "
        f"Copy or record the file again. {GO_ON}"
    )


@pytest.mark.parametrize("name", ["a.w64", "a.aiff", "a.au", "a.rf64"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_sounds_of_other_kinds_that_were_cut_off_are_refused(tmp_path: Path, name: str, subtype: str):
    path = tmp_path / name
    soundfile.write(path, noise(1001), 8000, subtype=subtype, format=name.removeprefix("a.").upper())
    assert len(read_sound(str(path)).samples) == 1001
    path.write_bytes(path.read_bytes()[:-500])
    said = message(str(path))
    assert said.startswith(f"{path}: the sound is cut off: ")
    assert said.endswith(f" are there; expected all of it. Copy or record the file again. {GO_ON}")


def test_an_aiff_whose_writer_could_not_know_its_size_is_read_to_its_end(tmp_path: Path):
    path = tmp_path / "a.aiff"
    soundfile.write(path, noise(1000), 8000, subtype="PCM_16", format="AIFF")
    data = bytearray(path.read_bytes())
    place = data.index(b"SSND") + 4
    data[place : place + 4] = struct.pack(">I", 0x7F000008)
    path.write_bytes(data)
    assert len(read_sound(str(path)).samples) == 1000


def test_a_flac_that_was_cut_off_is_refused(tmp_path: Path):
    path = Path(written(tmp_path, "a.flac", noise(20_000)))
    path.write_bytes(path.read_bytes()[:10_000])
    text = message(str(path))
    assert text.startswith(f"{path}: the sound is cut off: ")
    assert text.endswith(f"; expected all of it. Copy or record the file again. {GO_ON}")


def test_a_sphere_file_is_read_and_one_that_was_cut_off_is_refused(tmp_path: Path):
    path = Path(written(tmp_path, "a.sph", noise(1000), 8000, format="NIST"))
    assert len(read_sound(str(path)).samples) == 1000
    path.write_bytes(path.read_bytes()[:-500])
    assert message(str(path)) == (
        f"{path}: the sound is cut off: 2,000 bytes of sound are announced and 1,500 are there; expected all of it. "
        f"Copy or record the file again. {GO_ON}"
    )


def test_samples_without_a_header_are_refused(tmp_path: Path):
    (tmp_path / "a.raw").write_bytes(bytes(1000))
    assert message(str(tmp_path / "a.raw")) == (
        f"{tmp_path}/a.raw: samples without a header, which does not say their rate; expected WAV, FLAC, Ogg or MP3. "
        f"Convert it, as in ffmpeg -f s16le -ar RATE -i FILE sound.wav. {GO_ON}"
    )


@pytest.mark.parametrize("suffix", ["sph", "webm", "oga", "mp4", "3gp", "raw", "SPH"])
def test_files_with_sound_are_told_by_their_ends(suffix: str):
    assert is_sound(f"clips/1.{suffix}")


def test_a_wav_that_was_written_as_a_stream_is_read_to_its_end(tmp_path: Path):
    path = Path(written(tmp_path, "a.wav", noise(1000)))
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert len(read_sound(str(path)).samples) == 1000


@pytest.mark.parametrize("whole", [0, 36])
def test_a_wav_whose_recorder_was_killed_before_it_wrote_the_sizes_is_read_to_its_end(tmp_path: Path, whole: int):
    """It was said to hold no samples."""
    data = bytearray(Path(written(tmp_path, "a.wav", noise(1000))).read_bytes())
    place = data.index(b"data") + 4
    data[4:8], data[place : place + 4] = struct.pack("<I", whole), struct.pack("<I", 0)
    (tmp_path / "b.wav").write_bytes(data)
    wanted = read_sound(str(tmp_path / "a.wav")).samples
    assert np.array_equal(read_sound(str(tmp_path / "b.wav")).samples, wanted)
    assert np.array_equal(read_sound(bytes(data)).samples, wanted)
    assert about(bytes(data)).seconds == 1000 / 8000
    data[4:8] = struct.pack("<I", len(data) - 8)  # an end that was written, with another chunk behind it
    with pytest.raises(DataError, match=r"^no samples \(0 seconds\)"):
        read_sound(bytes(data))


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "GSM610"), ("a.au", "G721_32"), ("a.wav", "NMS_ADPCM_16")])
def test_kinds_that_can_only_be_read_from_their_beginning_are_read(tmp_path: Path, name: str, subtype: str):
    """`frames must be specified for non-seekable files` was said of them."""
    samples = tone(300, 8000, 0.2)
    path = written(tmp_path, name, samples, subtype=subtype)
    heard = read_sound(path).samples
    assert len(heard) >= 1600
    assert np.corrcoef(heard[:1600], samples)[0, 1] > 0.8
    assert not is_silent(path)


def test_a_sound_whose_channels_cancel_each_other_is_silent(tmp_path: Path):
    samples = noise(9000)
    assert is_silent(written(tmp_path, "a.wav", np.stack([samples, -samples], 1)))
    assert not is_silent(written(tmp_path, "b.wav", np.stack([samples, samples], 1)))


def test_a_rate_below_4_kilohertz_is_refused(tmp_path: Path):
    path = written(tmp_path, "a.wav", noise(1000), 2000)
    assert message(path) == f"{path}: 2,000 samples a second; expected 4,000 or more. Record it at a higher rate. {GO_ON}"


def test_samples_that_are_not_numbers_are_refused(tmp_path: Path):
    samples = noise(1000)
    samples[17] = np.nan
    path = written(tmp_path, "a.wav", samples, 8000, subtype="FLOAT")
    assert message(path) == f"{path}: holds samples that are not finite numbers; expected a recording. Write the file anew. {GO_ON}"


def test_a_rate_above_768_kilohertz_is_refused(tmp_path: Path):
    path = written(tmp_path, "a.wav", noise(1000), 2_000_000)
    assert message(path) == f"{path}: 2,000,000 samples a second; expected 768,000 or fewer. Record it at a lower rate. {GO_ON}"


def test_samples_whose_power_is_no_number_are_refused(tmp_path: Path):
    path = written(tmp_path, "a.wav", np.full((1000, 2), 3e38, np.float32), 8000, subtype="FLOAT")
    assert message(path) == f"{path}: holds a sample of 3e+38; expected 1 at full scale. Write the file anew. {GO_ON}"


def test_a_sound_in_memory_is_heard_as_its_file_is(tmp_path: Path):
    path = Path(written(tmp_path, "a.wav", noise(1000)))
    np.testing.assert_array_equal(read_frames(path.read_bytes(), FIELD), read_frames(str(path), FIELD))
    assert about(path.read_bytes()) == about(str(path))
    with pytest.raises(DataError) as error:
        read_sound(path.read_bytes()[:-500])
    assert str(error.value).startswith("the sound is cut off: 2,000 bytes of sound are announced and 1,500 are there; ")
    assert str(error.value).endswith("Copy or record the file again.")


def test_a_missing_library_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = written(tmp_path, "a.wav", noise(1000))
    monkeypatch.setitem(sys.modules, "kaldi_native_fbank", None)
    with pytest.raises(DataError) as error:
        read_frames(path, FIELD)
    assert str(error.value) == "sound needs kaldi-native-fbank, which is not installed. Install it: pip install 'seqloom[sound]'"


def test_a_long_sound_has_the_features_that_it_has_at_once(monkeypatch: pytest.MonkeyPatch):
    sound = Sound(noise(30_011).astype(np.float32), 8000)
    whole = log_mel(sound, FIELD)
    monkeypatch.setattr("seqloom.sound.audio.AT_ONCE", 4096)
    np.testing.assert_array_equal(log_mel(sound, FIELD), whole)
