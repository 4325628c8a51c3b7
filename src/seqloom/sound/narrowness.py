"""How narrow sounds are: tones have their energy in few bands, speech and noise in many. By that it is told whether pitch may be varied."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from seqloom.config import AudioField
from seqloom.errors import DataError
from seqloom.sound.audio import Sound, log_mel, read_sound

__all__ = ["narrowness"]

HEARD, SECONDS = 50, 10
"""Sounds, at the most, that are listened to, and how long each."""
HIGHEST_RATE = 16_000
MELS = 40
LOUD = 0.1
"""A moment counts that has this share of the loudest one's energy: between tones there may be noise."""
FEW = 0.1
"""Share of the bands that the energy of a tone lies in."""


def narrowness(paths: Sequence[str]) -> float:
    """How much of the energy of loud moments lies in the tenth of the mel bands that have most of it, 0 to 1: the median over the sounds.

    0 where none can be heard; what is wrong with a sound is said where all are read.
    """
    shares = list[float]()
    for path in paths[:: max(len(paths) // HEARD, 1)][:HEARD]:
        try:
            shares.append(_share(read_sound(path)))
        except DataError:
            continue
    return median(shares) if shares else 0.0


def _share(sound: Sound) -> float:
    start = Sound(sound.samples[: SECONDS * sound.rate], sound.rate)
    energies = np.exp(log_mel(start, AudioField(sample_rate=min(sound.rate, HIGHEST_RATE), mels=MELS)).astype(np.float64))
    loudness = energies.sum(1)
    is_loud = loudness >= LOUD * loudness.max()
    most = np.sort(energies[is_loud], 1)[:, -round(FEW * MELS) :].sum(1)
    return float(np.median(most / loudness[is_loud]))
