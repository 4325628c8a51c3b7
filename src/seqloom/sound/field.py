"""The field of sounds: a file, or one that came as text, is heard as frames, and varied when training hears it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from threading import Lock
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from seqloom.config import AudioField
from seqloom.errors import CheckpointError, standing_at
from seqloom.fields.frames import Doubts, FrameSource
from seqloom.fields.vocabulary import DAMAGED, entry
from seqloom.sound.audio import NATS_A_DECIBEL, Sound, about, is_silent, log_mel, read_frames
from seqloom.sound.augment import Quiet, augment
from seqloom.sound.clips import file_of
from seqloom.sound.text import is_sound_text, sound_of_text

__all__ = ["SoundField"]

Frames = npt.NDArray[np.float32]

HEARD = 2000
"""Sounds from which mean and spread are learned."""
NOISE_SECONDS = 3
CACHED_BYTES = 2 << 30
"""On disk at the most; what does not fit is computed anew."""


class SoundField(FrameSource):
    """The path of a sound file, or the file itself as text (`sound.text`), as frames (S, mels)."""

    def __init__(self, config: AudioField, mean: Sequence[float] = (0.0,), spread: Sequence[float] = (1.0,)) -> None:
        """`mean` and `spread` of each mel band over the training part, or one for all."""
        self.config = config
        self.mean, self.spread = np.asarray(mean, np.float32), np.asarray(spread, np.float32)
        self._cache = _Cache()
        self._known: dict[tuple[str, int, int], Doubts] = {}

    @classmethod
    def fit(cls, config: AudioField, places: Iterable[tuple[str, str]]) -> SoundField:
        """The field for sounds like those of the training part, of which the first 2,000 are heard: where each stands, and its path.

        Raises:
            DataError: a file cannot be used; says why.
        """
        field = cls(config)
        if config.normalization != "training":
            return field
        sums, squares, count = np.zeros(config.mels), np.zeros(config.mels), 0
        for where, path in islice(places, HEARD):
            with standing_at(where):
                frames = field.encode((path,)).astype(np.float64)
            sums, squares, count = sums + frames.sum(0), squares + (frames**2).sum(0), count + len(frames)
        mean = sums / max(count, 1)
        field.mean = mean.astype(np.float32)
        field.spread = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 1e-6)).astype(np.float32)
        return field

    @property
    def size(self) -> int:
        """Numbers a frame."""
        return self.config.mels

    def encode(self, value: Sequence[str]) -> Frames:
        """The frames (S, mels) of a file. They cost several times what reading them does, so they are kept on disk while the process runs;
        not those of a sound that came as text, which does not come again.

        Raises:
            DataError: the file cannot be used; says why.
        """
        (path,) = value
        if is_sound_text(path):
            return (read_frames(sound_of_text(path), self.config) - self.mean) / self.spread
        key = _identity(path)
        frames = self._cache.get(key)
        if frames is None:
            frames = read_frames(path, self.config)
            self._cache.put(key, frames)
        return (frames - self.mean) / self.spread

    def doubts(self, value: Sequence[str]) -> Doubts:
        """Whether a sound is silent, and its rate where the model hears more."""
        (path,) = value
        if is_sound_text(path):
            return self._doubts(sound_of_text(path))
        key = _identity(path)
        if key not in self._known:
            self._known[key] = self._doubts(path)
        return self._known[key]

    def _doubts(self, sound: str | bytes) -> Doubts:
        rate = about(sound).rate
        return Doubts(is_silent(sound), rate if rate < self.config.sample_rate else 0)

    def vary(self, array: Frames, generator: np.random.Generator) -> Frames:
        """Frames as training hears them this time."""
        return augment(array, self.config, generator, self._quiet)

    @cached_property
    def _quiet(self) -> Quiet | None:
        """What quiet is like where sounds are brought to one loudness; elsewhere how loud it is beside a sound is not known."""
        if self.config.normalization != "training":
            return None
        samples = np.random.default_rng(0).normal(0, 0.1, NOISE_SECONDS * self.config.sample_rate).astype(np.float32)
        noise = log_mel(Sound(samples, self.config.sample_rate), self.config)
        silence = (-self.config.dynamic_range_db * NATS_A_DECIBEL - self.mean) / self.spread
        return Quiet((noise - noise.mean(0).max() - self.mean) / self.spread, NATS_A_DECIBEL / self.spread, silence)

    def labels(self, value: Sequence[str], array: Frames) -> list[str]:
        """When each frame begins, in seconds: what attention is shown over."""
        return [f"{number * self.config.frame_shift_ms / 1000:.2f}" for number in range(len(array))]

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds besides the config: mean and spread of each mel band."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_state(cls, config: AudioField, state: Mapping[str, Any]) -> SoundField:
        """The field that `state` was taken from.

        Raises:
            CheckpointError: it is damaged.
        """
        mean, spread = entry(state, "mean", list), entry(state, "spread", list)
        if {len(mean), len(spread)} - {1, config.mels}:
            raise CheckpointError(f"fields: mean and spread are not those of {config.mels} mel bands. {DAMAGED}")
        return cls(config, mean, spread)


def _identity(path: str) -> tuple[str, int, int]:
    """A file, or a clip of it, as it is now."""
    try:
        status = os.stat(file_of(path))
    except OSError:  # said better where it is read
        return path, 0, 0
    return path, status.st_size, status.st_mtime_ns


class _Cache:
    """Arrays in one temporary file that goes when the process does."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: dict[tuple[str, int, int], tuple[int, tuple[int, ...]]] = {}
        self._end = 0
        self._lock = Lock()

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def get(self, key: tuple[str, int, int]) -> Frames | None:
        """The array that was put under the key, or None."""
        if key not in self._places or self._file is None:
            return None
        place, shape = self._places[key]
        with self._lock:
            self._file.seek(place)
            data = self._file.read(4 * int(np.prod(shape)))
        return np.frombuffer(data, np.float32).reshape(shape)

    def put(self, key: tuple[str, int, int], array: Frames) -> None:
        """Keep an array, while there is room."""
        if self._end + array.nbytes > CACHED_BYTES:
            return
        with self._lock:
            try:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(prefix="seqloom-")  # noqa: SIM115  # it goes with this object
                self._file.seek(self._end)
                self._file.write(array.tobytes())
            except OSError:  # a full disk: nothing is kept from here on
                self._end = CACHED_BYTES
                return
            self._places[key] = (self._end, array.shape)
            self._end += array.nbytes
