"""Sounds that Python holds: samples with their rate, or the bytes of a file. As sources they become text, or files for a training."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from numbers import Real
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError
from seqloom.sound.audio import HIGHEST_RATE, LOWEST_RATE, MP3
from seqloom.sound.text import text_of_sound

__all__ = ["FORMS", "is_held", "is_plainly_sound", "kept_text", "lasting_name", "sound_as_file", "sound_as_text", "with_sounds"]

FORMS = "expected samples with their rate, as in (samples, 16000), the bytes of a sound file, or its path. Give one of these."
"""What is said of what may be a sound, and is none of these."""
BEGINNINGS = {
    b"RIFF": "wav", b"RF64": "wav", b"fLaC": "flac", b"OggS": "ogg", b"FORM": "aiff", b".snd": "au", b"caff": "caf",
    b"riff": "w64", b"NIST_1A": "sph", **dict.fromkeys(MP3, "mp3"),
}  # fmt: skip
"""How sound files begin, and the end that is given to their names."""
FORMATS = {"i2": (1, "<i2"), "i4": (1, "<i4"), "f2": (3, "<f4"), "f4": (3, "<f4"), "f8": (3, "<f4")}
"""Of samples: how a WAV holds them."""
MOST_CHANNELS = 64


def is_held(value: Any) -> bool:
    """Whether a value is a sound: an array with a number, in any order, as libraries of sound give it; a dictionary with `array` or
    `bytes`, as `datasets` has it; or the bytes of a file.
    """
    if isinstance(value, Mapping):
        return "array" in value or isinstance(cast("Mapping[str, Any]", value).get("bytes"), bytes)
    return _is_file(value) or _as_pair(value) is not None


def is_plainly_sound(value: Any) -> bool:
    """The same, where nobody knows that sounds are meant: bytes must begin as those of a sound file."""
    return is_held(value) and (not _is_file(value) or _bytes_of(value).startswith(tuple(BEGINNINGS)))


def with_sounds(data: Any, targets: Any, to_source: Callable[[Any, str], Any]) -> Any:
    """Sources, or pairs where there are no targets beside them, each source changed."""
    if not isinstance(data, (list, tuple)):
        return data
    rows = cast("list[Any]", data)
    sources = rows if targets is not None else (row[0] if type(row) in (tuple, list) and row else row for row in rows)
    if all(type(source) is str for source in sources):  # as of a million texts
        return rows
    items = enumerate(rows, 1)
    if targets is not None:
        return [to_source(item, f"pairs:{number}") for number, item in items]
    pairs = ((number, item, isinstance(item, (list, tuple)) and len(cast("list[Any]", item)) == 2) for number, item in items)
    return [(to_source(item[0], f"pairs:{number}"), item[1]) if is_pair else item for number, item, is_pair in pairs]


def sound_as_text(value: Any, where: str) -> Any:
    """A source that is a sound as text, which holds it whole (`sound.text`); any other as it is.

    Raises:
        DataError: its samples or its rate cannot be used; says where.
    """
    return text_of_sound(_file_of(value, where)) if is_held(value) else value


def sound_as_file(value: Any, where: str) -> Any:
    """A source that plainly is a sound as the path of a file in a folder that goes when the process does; any other as it is.

    Raises:
        DataError: as `sound_as_text`, or the disk is full.
    """
    if not is_plainly_sound(value):
        return value
    content = _file_of(value, where)
    end = next((end for begin, end in BEGINNINGS.items() if content.startswith(begin)), "wav")
    path = Path(_folder(), f"{blake2b(content, digest_size=12).hexdigest()}.{end}")
    if not path.exists():
        try:
            path.write_bytes(content)
        except OSError as error:
            what = f"a sound cannot be written to {path.parent} ({error.strerror}); expected room for all"
            raise DataError(f"{where}: {what}. Set TMPDIR to another folder.") from None
    return str(path)


def kept_text(source: str) -> str:
    """A source that lasts when the process does not: of a sound that `sound_as_file` wrote its text, else itself."""
    return text_of_sound(Path(source).read_bytes()) if _is_ours(source) else source


def lasting_name(source: str) -> str:
    """What a source is called in any process: of a sound that `sound_as_file` wrote a name that tells it from others, else itself."""
    return os.path.basename(source) if _is_ours(source) else source


def _is_ours(source: str) -> bool:
    return _folder.cache_info().currsize > 0 and os.path.dirname(source) == _folder()


@lru_cache(maxsize=1)
def _folder() -> str:
    """A new folder that goes when the process does."""
    folder, process = tempfile.mkdtemp(prefix="seqloom-sounds-"), os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == process else None)  # not when a child ends
    return folder


def _is_file(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview, io.BytesIO))


def _bytes_of(value: Any) -> bytes:
    return value.getvalue() if isinstance(value, io.BytesIO) else bytes(value)


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and hasattr(value, "shape") and not isinstance(value, np.generic)


def _as_pair(value: Any) -> tuple[Any, Any] | None:
    """Samples and their rate, where a value holds both and nothing else."""
    parts: list[Any] = list(cast("Iterable[Any]", value)) if isinstance(value, (tuple, list)) and len(cast("list[Any]", value)) == 2 else []
    if not parts or sum(map(_is_array, parts)) != 1:
        return None
    samples, rate = parts if _is_array(parts[0]) else reversed(parts)
    return (samples, rate) if rate is None or isinstance(rate, Real) else None


def _file_of(value: Any, where: str) -> bytes:
    """The bytes of a file that holds the sound."""
    if _is_file(value):
        return _bytes_of(value)
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        if "array" not in found:
            return found["bytes"]
        if found.get("sampling_rate") is None:
            expected = "expected both, as in {'array': samples, 'sampling_rate': 16000}"
            raise DataError(f"{where}: samples without their rate; {expected}. Add the rate.")
        samples, rate = found["array"], found["sampling_rate"]
    else:
        samples, rate = _as_pair(value) or (value, None)
    return _wav(_checked(samples, where), _rate(rate, where))


def _rate(rate: Any, where: str) -> int:
    hertz = float(cast("Any", rate)) if isinstance(rate, Real) else 0.5
    if not hertz.is_integer():  # which NaN and infinity are not either
        raise DataError(f"{where}: a rate of {rate!r:.40}; expected whole samples a second, such as 16000. Mend it.")
    if not LOWEST_RATE <= hertz <= HIGHEST_RATE:
        what = f"{int(hertz):,} samples a second; expected {LOWEST_RATE:,} to {HIGHEST_RATE:,}"
        raise DataError(f"{where}: {what}. Mend the rate, or take another recording.")
    return int(hertz)


def _checked(samples: Any, where: str) -> npt.NDArray[Any]:
    """Samples (N, channels) as a WAV holds them."""
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:  # as of a tensor on a GPU
        reason = " ".join(str(error).split())[:100]
        raise DataError(f"{where}: samples that are no array ({reason}); expected one of numpy. Convert them.") from None
    kind = array.dtype.str[1:]
    if kind not in FORMATS:
        expected = "expected floats with 1 at full scale, int16 or int32"
        raise DataError(f"{where}: samples of {array.dtype}; {expected}. Convert them with astype, floats divided by full scale.")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size or array.shape[1] > min(MOST_CHANNELS, max(array.shape[0], 2)):
        turned = " Transpose them." if array.ndim == 2 and array.size else " Mend the array."
        raise DataError(f"{where}: samples of shape {np.shape(samples)}; expected (N,), or (N, channels), with one at least.{turned}")
    if not (finite := np.isfinite(array)).all():
        place = int(np.argwhere(~finite)[0][0])
        raise DataError(f"{where}: sample {place:,} is {array[~finite][0]}; expected finite numbers. Mend the recording.")
    return array.astype(FORMATS[kind][1], copy=False)


def _wav(samples: npt.NDArray[Any], rate: int) -> bytes:
    (count, channels), size = samples.shape, samples.dtype.itemsize
    form = struct.pack("<HHIIHH", 3 if samples.dtype.kind == "f" else 1, channels, rate, rate * channels * size, channels * size, 8 * size)
    length = count * channels * size
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + length, b"WAVE", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", length)
    return head + samples.tobytes()
