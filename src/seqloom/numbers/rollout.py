"""Frames that a model says one after another, each shown to it before the next. Knows neither torch nor which model it steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["FrameStep", "FrameStepper", "rollout"]

Floats = npt.NDArray[np.float32]


class FrameStep(NamedTuple):
    """What a model says of one position."""

    values: Floats
    """(N, D, P): the parameters that the head gives of each number"""
    point: Floats
    """(N, D): the frame to go on with"""
    stops: Floats
    """(N,): the probability that this frame is the last"""


class FrameStepper(Protocol):
    """A model that goes forward one frame at a time."""

    def step(self, frames: Floats) -> FrameStep:
        """All rows take their frame (N, D + C): the one before, and what is known of the one to come."""
        ...


def rollout(stepper: FrameStepper, lengths: Sequence[int], size: int, known: Floats | None = None) -> list[Floats]:
    """What the model says of each row, (T, D, P) a row: at most lengths[row] frames, fewer where it says that one is the last.

    Args:
        size: D, numbers a frame.
        known: (N, T, C), what is known beforehand of each frame.
    """
    longest, rows = max(lengths, default=0), len(lengths)
    said: list[Floats] = []
    ends = np.asarray(lengths, dtype=np.int64)
    before = np.zeros((rows, size), dtype=np.float32)
    for place in range(longest):
        step = stepper.step(before if known is None else np.concatenate([before, known[:, place]], axis=1))
        said.append(step.values)
        ends = np.where((step.stops > 0.5) & (ends > place + 1), place + 1, ends)
        if place + 1 >= int(ends.max()):
            break
        before = step.point
    return [np.stack([values[row] for values in said[:end]]) for row, end in enumerate(ends.tolist())]
