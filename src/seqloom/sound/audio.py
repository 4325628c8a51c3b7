"""Sound files → log-mel frames: WAV, FLAC and what else libsndfile reads, of any rate and number of channels. No torch.

A file that is not whole is refused with what is wrong with it; nothing is guessed. A sound is a path, of which a clip may be named
(`talk.wav#t=1.5,3.25`), or the bytes of a file.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.config import AudioField
from seqloom.errors import DataError, MissingFileError
from seqloom.sound.clips import Clip, clip_of, file_of

__all__ = [
    "HIGHEST_RATE",
    "LOWEST_RATE",
    "MP3",
    "NATS_A_DECIBEL",
    "READABLE",
    "SUFFIXES",
    "About",
    "Sound",
    "about",
    "is_silent",
    "is_sound",
    "log_mel",
    "read_frames",
    "read_sound",
]

Samples = npt.NDArray[np.float32]
Frames = npt.NDArray[np.float32]

UNREADABLE = frozenset(
    [".aac", ".ac3", ".amr", ".ape", ".dss", ".m4a", ".m4b", ".mka", ".pcm", ".ra", ".raw", ".spx", ".wma", ".wv"]
) | frozenset([".3gp", ".3gpp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"])
"""Ends of files with sound that nothing here reads, films among them: they have to be converted, and are no text."""
READABLE = frozenset(
    [".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".nist", ".oga", ".ogg", ".opus", ".snd", ".sph", ".voc", ".w64"]
) | frozenset([".rf64", ".wav", ".wave", ".wv1", ".wv2"])
SUFFIXES = READABLE | UNREADABLE
LOWEST_RATE = 4000
"""Hertz; below it speech can no longer be told."""
HIGHEST_RATE = 768_000
"""Hertz; nothing records above it, so that a header which says more is damaged or made to cost time."""
AT_ONCE = 1 << 17
"""Samples of which features are made at once."""
FULL_SCALE = 32768.0
"""Of 16-bit samples: what Kaldi's features, and so their smallest energy, are made for."""
LOUDEST = 1e10
"""Of a sample; whole numbers of 32 bits written as they are stay below. The power of much more leaves the range of a float."""
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""In the header of a file that was written as a stream."""
LARGEST_STREAM = 0x7F000000
"""From this on a size of 32 bits may be what a writer to a pipe puts there, who cannot know it."""
MP3 = (b"ID3", *(bytes([0xFF, second]) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)))
"""How such files begin."""
ROUNDING = 1 / FULL_SCALE
"""Of a sample: what two channels that cancel each other may leave."""
MOST_A_BYTE = 16
"""Samples of what is packed evenly, as GSM 6.10 with five."""
W64_HEAD = 40
"""Bytes before the first chunk: two names of 16 bytes, and the size."""
BLOCK = 4096
"""Samples read together to see whether they differ."""
SPHERE_HEAD = 1024
"""Bytes; longer heads hold no more of what is asked for."""
OVERSHOOT = 0.5
"""Seconds by which a clip may end behind its sound, as times that were rounded or written by hand do; it ends there then."""
NATS_A_DECIBEL = float(np.log(10) / 10)
SMALLEST_SPREAD = 1e-3
"""Of a mel band over a sound, below which it is not stretched: digital silence stays silent."""


class Sound(NamedTuple):
    """One sound, mixed to one channel."""

    samples: Samples
    """(N,), full scale is 1"""
    rate: int
    """Samples a second."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class About:
    """What the header of a sound file says."""

    seconds: float
    rate: int
    channels: int


def is_sound(name: str, ends: frozenset[str] = SUFFIXES) -> bool:
    """Whether a name ends as those of sound files do."""
    return os.path.splitext(file_of(name))[1].lower() in ends


def about(sound: str | bytes) -> About:
    """What the header of a sound file says.

    Raises:
        DataError: as `read_sound`, as far as a header shows it.
    """
    with _heard(sound) as (file, count):
        return About(count / file.samplerate, file.samplerate, file.channels)


def is_silent(sound: str | bytes) -> bool:
    """Whether all samples of a sound file are the same, its channels averaged; it is read as far as they are.

    Raises:
        DataError: as `about`.
    """
    with _heard(sound) as (file, count):
        first = None
        try:
            for block in file.blocks(BLOCK, frames=count, dtype="float32", always_2d=True):
                samples = block.mean(1)
                first = samples[0] if first is None else first
                if (np.abs(samples - first) > (ROUNDING if file.channels > 1 else 0.0)).any():
                    return False
        except (_soundfile().LibsndfileError, ValueError):  # said where it is read whole
            return False
    return True


def read_sound(sound: str | bytes) -> Sound:
    """The samples of a sound file, its channels averaged.

    Raises:
        MissingFileError: no such file.
        DataError: not a sound, empty, cut off, without samples, not finite, below 4 kHz or above 768; the message says which.
    """
    with _heard(sound) as (file, count):
        return Sound(_samples(file, count), file.samplerate)


@contextlib.contextmanager
def _heard(sound: str | bytes) -> Generator[tuple[Any, int]]:
    """The open `soundfile.SoundFile`, at the first of the samples that are to be heard, and how many these are."""
    path, clip = (sound, Clip()) if isinstance(sound, bytes) else clip_of(sound)
    with _named(sound), _open(path) as file:
        begin, end = _places(clip, file.frames, file.samplerate)
        if begin:
            _go_to(file, begin)
        yield file, end - begin


def _places(clip: Clip, count: int, rate: int) -> tuple[int, int]:
    """The first sample of a clip and the one behind its last, of so many samples."""
    begin = round(clip.begin * rate)
    end = count if math.isinf(clip.end) else round(clip.end * rate)
    inside = f"expected times in the sound, which ends at {count / rate:g} s. Mend the times."
    if begin >= count:
        raise _Fault(f"begins at {clip.begin:g} s; {inside}")
    if end > count + OVERSHOOT * rate:
        raise _Fault(f"ends at {clip.end:g} s; {inside}")
    if end <= begin:
        raise _Fault(f"begins at {clip.begin:g} s and ends at {clip.end:g} s; expected an end behind the begin. Mend the times.")
    return begin, min(end, count)


def _go_to(file: Any, place: int) -> None:
    """To a sample, through those before it in kinds that cannot be read from their middle on (GSM 6.10, G.721)."""
    if file.seekable():
        file.seek(place)
    else:
        file.read(place)


def _samples(file: Any, count: int) -> Samples:
    try:
        samples: Samples = file.read(count, dtype="float32", always_2d=True)
    except _soundfile().LibsndfileError as error:
        raise _truncated(f"reading breaks off: {_reason(error)}") from None
    if len(samples) < count:
        raise _truncated(f"{count:,} samples are announced and {len(samples):,} are there")
    if not np.isfinite(samples).all():
        raise _Fault("holds samples that are not finite numbers; expected a recording. Write the file anew.")
    if (loudest := np.abs(samples).max()) > LOUDEST:
        raise _Fault(f"holds a sample of {loudest:.2g}; expected 1 at full scale. Write the file anew.")
    return samples.mean(1) if samples.shape[1] > 1 else samples[:, 0]


def log_mel(sound: Sound, config: AudioField) -> Frames:
    """Log-mel energies (T, mels) of a sound at the config's rate, a frame every `frame_shift_ms`; at least one frame.

    As Kaldi computes them, without dither: the same sound gives the same frames.
    """
    samples = _resample(sound, config.sample_rate)
    shortest = int(config.sample_rate * config.frame_length_ms / 1000) + 1
    if len(samples) < shortest:  # a click shorter than a window is heard in silence
        samples = np.pad(samples, (0, shortest - len(samples)))
    extractor = _kaldi().OnlineFbank(_options(config))
    for begin in range(0, len(samples), AT_ONCE):  # it takes a list, which is far larger than an array
        extractor.accept_waveform(config.sample_rate, (samples[begin : begin + AT_ONCE] * FULL_SCALE).tolist())
    extractor.input_finished()
    frames = np.stack([extractor.get_frame(number) for number in range(extractor.num_frames_ready)])
    return frames.astype(np.float32, copy=False)


def read_frames(sound: str | bytes, config: AudioField) -> Frames:
    """The features (T, mels) of a sound file: log-mel, from the dynamic range on, at one loudness or normalised over the sound."""
    frames = log_mel(read_sound(sound), config)
    loudest = frames.max()
    np.maximum(frames, loudest - config.dynamic_range_db * NATS_A_DECIBEL, out=frames)
    if config.normalization == "training":
        frames -= loudest
    elif config.normalization == "sound":
        frames -= frames.mean(0, dtype=np.float64).astype(np.float32)
        frames /= np.maximum(frames.std(0), SMALLEST_SPREAD)
    return frames


def _resample(sound: Sound, rate: int) -> Samples:
    if sound.rate == rate:
        return sound.samples
    return _soxr().resample(sound.samples, sound.rate, rate)


def _options(config: AudioField) -> object:
    options = _kaldi().FbankOptions()
    frames, mel = options.frame_opts, options.mel_opts
    frames.samp_freq, frames.dither, frames.snip_edges = config.sample_rate, 0.0, False
    frames.frame_length_ms, frames.frame_shift_ms = config.frame_length_ms, config.frame_shift_ms
    mel.num_bins = config.mels
    return options


# --------------------------------------------------------------------------------------------------------------- faults

_GO_ON = "Go on without such files with --skip-bad."


class _Fault(Exception):
    """What is wrong with a sound, and what to do, before it is said where it stands."""


@contextlib.contextmanager
def _named(sound: str | bytes) -> Generator[None]:
    """A fault is said with the path of the file, and how to go on without it; of bytes, whoever has them knows where they stand."""
    try:
        yield
    except _Fault as fault:
        raise DataError(str(fault) if isinstance(sound, bytes) else f"{sound}: {fault} {_GO_ON}") from None


def _open(sound: str | bytes) -> Any:
    """The open `soundfile.SoundFile`, its header read and its size compared with what the header says."""
    size = len(sound) if isinstance(sound, bytes) else _size(sound)
    if not size:
        raise _Fault("an empty file (0 bytes); expected a sound. Record or copy it again.")
    file = _parsed(sound)
    with io.BytesIO(sound) if isinstance(sound, bytes) else open(sound, "rb") as stream:
        if not file.frames and (whole := _ended(stream)):
            file = _parsed(whole)
        stream.seek(0)
        _check(stream, file.frames, file.samplerate)
    if not file.seekable() and file.frames > MOST_A_BYTE * size:
        raise _Fault(f"{file.frames:,} samples are announced, which the file cannot hold; expected all of them. Write the file anew.")
    return file


def _parsed(sound: str | bytes) -> Any:
    """The open `soundfile.SoundFile`."""
    try:
        return _soundfile().SoundFile(io.BytesIO(sound) if isinstance(sound, bytes) else sound)
    except (_soundfile().LibsndfileError, OSError) as error:
        raise _unreadable(error) from None
    except TypeError:  # soundfile asks for rate and form of a file named .raw
        what = "samples without a header, which does not say their rate; expected WAV, FLAC, Ogg or MP3"
        raise _Fault(f"{what}. Convert it, as in ffmpeg -f s16le -ar RATE -i FILE sound.wav.") from None


def _ended(stream: BinaryIO) -> bytes:
    """A WAV whose recorder was killed before it wrote the sizes, with such as one that is written as a stream has; b'' of all others."""
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return b""
    while len(chunk := stream.read(8)) == 8:
        kind, size = struct.unpack("<4sI", chunk)
        here = stream.tell()
        if kind != b"data":
            stream.seek(here + size + size % 2)
            continue
        whole = struct.unpack("<I", head[4:8])[0]
        if size or whole + 8 > here:  # an end that was written; behind it may be other chunks
            return b""
        stream.seek(0)
        data = bytearray(stream.read())
        data[here - 4 : here] = struct.pack("<I", UNKNOWN_SIZES[1])
        return bytes(data) if len(data) > here else b""
    return b""


def _size(path: str) -> int:
    """The bytes of a file that must be there."""
    place = Path(path)
    if not _is_there(place):
        raise MissingFileError(f"{path:.200}: no such sound file; expected one. Mend the path (from the folder of its table). {_GO_ON}")
    if place.is_dir():
        raise _Fault("a folder; expected a sound file. Name the file.")
    return place.stat().st_size


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long to be one
        return False


def _check(stream: BinaryIO, count: int, rate: int) -> None:
    announced, there = _announced(stream)
    if there < announced:
        raise _truncated(f"{announced:,} bytes of sound are announced and {there:,} are there")
    if not count:
        raise _Fault("no samples (0 seconds); expected a sound. Record it again.")
    if rate < LOWEST_RATE:
        raise _Fault(f"{rate:,} samples a second; expected {LOWEST_RATE:,} or more. Record it at a higher rate.")
    if rate > HIGHEST_RATE:
        raise _Fault(f"{rate:,} samples a second; expected {HIGHEST_RATE:,} or fewer. Record it at a lower rate.")


def _announced(stream: BinaryIO) -> tuple[int, int]:
    """The bytes of sound that a header announces and those that are there; (0, 0) for compressed files and streams of unknown length.

    libsndfile takes a WAV, RF64, W64, AIFF, AU or SPHERE that was cut off for a shorter one, without a word.
    """
    head = stream.read(12)
    kind, form = head[:4], head[8:]
    if kind in (b"RIFF", b"RF64") and form == b"WAVE":
        return _data_of(stream, "<4sI", b"data", large=kind == b"RF64")
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        return _data_of(stream, ">4sI", b"SSND")
    if kind == b"riff":
        stream.seek(W64_HEAD)
        return _data_of(stream, "<4s12xQ", b"data", counts_head=True)
    if kind == b".snd" and len(head) == 12:
        offset, size = struct.unpack(">II", head[4:])
        return (0, 0) if size in UNKNOWN_SIZES else (size - offset, stream.seek(0, 2) - offset)  # some writers count the header too
    if head.startswith(b"NIST_1A"):
        return _data_of_sphere(stream)
    return 0, 0


def _data_of_sphere(stream: BinaryIO) -> tuple[int, int]:
    """The same of a SPHERE file: its head, of as many bytes as its second line says, names channels, samples and the bytes of one."""
    stream.seek(0)
    _, *lines = stream.read(SPHERE_HEAD).split(b"\n")
    said = {name: value for name, _, value in (line.split(b" ", 2) for line in lines[1:] if line.count(b" ") > 1)}
    try:
        head, (count, channels, size) = int(lines[0]), (int(said[name]) for name in (b"sample_count", b"channel_count", b"sample_n_bytes"))
    except (LookupError, ValueError):
        return 0, 0
    return count * channels * size, max(stream.seek(0, 2) - head, 0)


def _data_of(stream: BinaryIO, form: str, name: bytes, *, large: bool = False, counts_head: bool = False) -> tuple[int, int]:
    """The bytes that the chunk of that name announces, and those that are there.

    Args:
        form: of the head of a chunk, its name and size.
        large: whether the size may stand in a chunk before, of 64 bits (EBU 3306).
        counts_head: whether sizes are those of chunks with their heads, and chunks begin at multiples of eight (W64).
    """
    length, long = struct.calcsize(form), 0
    while len(chunk := stream.read(length)) == length:
        kind, size = struct.unpack(form, chunk)
        here, step = stream.tell(), 8 if counts_head else 2
        size -= length if counts_head else 0
        if large and kind == b"ds64":
            long = struct.unpack("<8xQ", stream.read(16))[0]
        if kind == name:
            size = long if large and size in UNKNOWN_SIZES else size
            there = stream.seek(0, 2) - here
            is_unknown = size <= 0 or size in UNKNOWN_SIZES or (size >= LARGEST_STREAM and there < size / 2)
            return (0, 0) if is_unknown else (size, there)
        if size < 0:
            break
        stream.seek(here + -(-size // step) * step)
    return 0, 0


def _unreadable(error: Exception) -> _Fault:
    return _Fault(
        f"cannot be read as sound ({_reason(error)}); expected WAV, FLAC, Ogg or MP3. Convert it, as in ffmpeg -i FILE sound.wav."
    )


def _truncated(what: str) -> _Fault:
    return _Fault(f"the sound is cut off: {what}; expected all of it. Copy or record the file again.")


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).rstrip(".")


# ------------------------------------------------------------------------------------------------------------ libraries


def _soundfile() -> ModuleType:
    return _library("soundfile")


def _kaldi() -> ModuleType:
    return _library("kaldi_native_fbank")


def _soxr() -> ModuleType:
    return _library("soxr")


def _library(name: str) -> ModuleType:
    """A library of the extra `sound`, imported when it is first needed."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        missing = f"sound needs {name.replace('_', '-')}, which is not installed"
        raise DataError(f"{missing}. Install it: pip install 'seqloom[sound]'") from None
