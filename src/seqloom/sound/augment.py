"""Sounds varied anew each time that training hears them: speed, vocal tract, quiet around them, silenced bands and moments.

numpy, on log-mel frames: working on the features costs a hundredth of what the sound would, and needs no copy of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seqloom.config import AudioField

__all__ = ["Quiet", "add_quiet", "augment", "mask_bands", "mask_moments", "stretch_time", "warp_bands"]

Frames = npt.NDArray[np.float32]

LONGEST_SILENCE = 0.2
"""Share of a sound that one silenced moment may take (Park et al. 2019, the bound p)."""
LOWEST_HERTZ = 20.0
LOUDEST_QUIET, SOFTEST_QUIET, TILT = -15.0, -60.0, 10.0
"""Decibels of the noise that quiet is, beside the loudest of a sound; what its highest band may have more than the middle, or less."""
CEILING = 3.0
"""In units of a band's spread: where training sounds have nothing in a band, any noise is thousands of them."""
QUIET_SHARE = 0.3
"""Of the sounds that quiet is added to: the more, the later learning begins (measured on dev)."""


@dataclass(frozen=True)
class Quiet:
    """What quiet is like, in the units of a field's frames."""

    noise: Frames
    """White noise (N, D), its loudest band as loud as the loudest of any sound."""
    decibel: Frames
    """What is a decibel louder (D,)."""
    silence: Frames
    """What is heard of digital silence (D,)."""


def augment(frames: Frames, config: AudioField, generator: np.random.Generator, quiet: Quiet | None = None) -> Frames:
    """Other frames (T', mels) that say the same; what is drawn depends on the generator alone. Without `quiet` none is added."""
    settings = config.augmentation
    speed = 1 + settings.speed * generator.uniform(-1, 1)
    tract = 1 + settings.vocal_tract * generator.uniform(-1, 1)
    frames = warp_bands(stretch_time(frames, speed), tract, config.sample_rate)
    if settings.quiet_ms and quiet is not None and generator.random() < QUIET_SHARE:
        frames = add_quiet(frames, int(settings.quiet_ms / config.frame_shift_ms), quiet, generator)
    for _ in range(settings.frequency_masks):
        frames = mask_bands(frames, settings.frequency_mask_bands, generator)
    for _ in range(settings.time_masks):
        frames = mask_moments(frames, int(settings.time_mask_ms / config.frame_shift_ms), generator)
    return frames


def stretch_time(frames: Frames, speed: float) -> Frames:
    """Frames (T / speed, D) of the same sound played faster, between neighbours in a straight line; at least one."""
    count = max(1, round(len(frames) / speed))
    if count == len(frames):
        return frames
    places = (np.arange(count) + 0.5) * (len(frames) / count) - 0.5
    places = places.clip(0, len(frames) - 1).astype(np.float32)
    below = places.astype(np.int64)
    share, above = (places - below)[:, None], np.minimum(below + 1, len(frames) - 1)
    return (frames[below] + (frames[above] - frames[below]) * share).astype(np.float32, copy=False)


def warp_bands(frames: Frames, factor: float, rate: int) -> Frames:
    """Frames (T, D) in which all frequencies are `factor` times as high; the edges are kept where nothing is known."""
    return frames @ _warping(frames.shape[1], round(factor, 3), rate)


@lru_cache(maxsize=4096)
def _warping(bands: int, factor: float, rate: int) -> Frames:
    """The matrix (D, D) that reads each mel band where it stood before, between neighbours in a straight line."""
    lowest, highest = _mel(np.array([LOWEST_HERTZ, rate / 2]))
    step = (highest - lowest) / (bands + 1)
    centres = _hertz(lowest + step * np.arange(1, bands + 1))
    places = ((_mel(centres / factor) - lowest) / step - 1).clip(0, bands - 1)
    below = np.minimum(places.astype(np.int64), bands - 2)
    share = places - below
    matrix = np.zeros((bands, bands), np.float32)
    matrix[below, np.arange(bands)] = 1 - share
    matrix[below + 1, np.arange(bands)] = share
    return matrix


def _mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1127.0 * np.log1p(hertz / 700.0)


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 700.0 * np.expm1(mel / 1127.0)


def add_quiet(frames: Frames, longest: int, quiet: Quiet, generator: np.random.Generator) -> Frames:
    """Frames (T', D) that begin and end with up to `longest` of noise of one colour, from just below the sound down to silence."""
    before, behind = generator.integers(0, longest + 1, 2)
    colour = generator.uniform(SOFTEST_QUIET, LOUDEST_QUIET) + generator.uniform(-TILT, TILT) * np.linspace(-1, 1, frames.shape[1])
    places = generator.integers(len(quiet.noise)) + np.arange(before + behind)
    noise = quiet.noise[places % len(quiet.noise)] + colour * quiet.decibel
    heard = np.maximum(np.minimum(noise, CEILING), quiet.silence).astype(np.float32)
    return np.concatenate([heard[:before], frames, heard[before:]])


def mask_bands(frames: Frames, widest: int, generator: np.random.Generator) -> Frames:
    """A copy in which up to `widest` bands beside each other have the mean of all (SpecAugment's frequency mask)."""
    start, width = _stretch(frames.shape[1], widest, generator)
    masked = frames.copy()
    masked[:, start : start + width] = frames.mean()
    return masked


def mask_moments(frames: Frames, longest: int, generator: np.random.Generator) -> Frames:
    """A copy in which up to `longest` frames after each other, a fifth of them at most, have the mean of all (a time mask)."""
    start, width = _stretch(len(frames), min(longest, int(LONGEST_SILENCE * len(frames))), generator)
    masked = frames.copy()
    masked[start : start + width] = frames.mean()
    return masked


def _stretch(length: int, longest: int, generator: np.random.Generator) -> tuple[int, int]:
    """Where a stretch of up to `longest` of `length` places begins, and how many it has."""
    width = int(generator.integers(0, min(longest, length) + 1))
    return int(generator.integers(0, length - width + 1)), width
