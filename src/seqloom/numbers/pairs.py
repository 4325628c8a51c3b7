"""Examples of numbers, whatever they are made from: what training, measuring and forecasting ask of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seqloom.batching import Batch, Ids
from seqloom.config import BatchConfig
from seqloom.numbers.baselines import StraightLine
from seqloom.numbers.fields import NumberFields

__all__ = ["Levels", "NumberPairs", "Rival", "Yardsticks", "evenly", "place_known"]

Floats = npt.NDArray[np.floating[Any]]
Rival = Callable[[int], Floats]
"""From the number of an example to a forecast (T, D) in its own units."""


class Levels(NamedTuple):
    """What a frame means: number = frame · scale + shift, both (B, 1, D)."""

    shift: Floats
    scale: Floats


class Yardsticks(NamedTuple):
    """What errors are measured by, each (B, 1, D), None where there is none."""

    scale: Floats | None
    """The deviation of each column in training."""
    seasonal: Floats | None
    """The mean error of the seasonal naive forecast on what was known before the part, or, where that is all of a table, before each."""


class NumberPairs(Protocol):
    """Examples of numbers, from which batches are made and to whose units outputs are brought back."""

    fields: NumberFields

    @property
    def noun(self) -> str:
        """What a number of them is called: windows, pairs."""
        ...

    def __len__(self) -> int: ...
    def batch(self, index: Sequence[int] | Ids, draw: np.random.Generator | None = None) -> Batch: ...
    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]: ...
    def levels(self, index: Sequence[int] | Ids) -> Levels:
        """What the target frames of these examples mean."""
        ...

    def lengths(self, index: Sequence[int] | Ids) -> list[int]:
        """Target frames of each, at the most where the model says where it ends."""
        ...

    def truth(self, index: Sequence[int] | Ids) -> list[Floats]:
        """The targets (T, D) in their own units, NaN where they are not known."""
        ...

    def yardsticks(self, index: Sequence[int] | Ids) -> Yardsticks:
        """What errors are measured by."""
        ...

    def read(self, number: int) -> str:
        """What is read of an example, for a person: the end of it where it is numbers."""
        ...

    def rivals(self) -> Mapping[str, Rival]:
        """The simple forecasts that a model must beat, by name."""
        ...

    def yardstick(self) -> Rival | None:
        """The forecast over whose errors OWA is taken, None where there is none."""
        ...

    def straight_line(self, dev: NumberPairs, seed: int, *, absolute: bool) -> StraightLine | None:
        """A straight line from what is read to the targets, fitted on these examples and chosen on dev, by squared or absolute errors; None
        where lengths differ.
        """
        ...

    def floor(self, number: int) -> Floats:
        """(D,): below which the targets of an example are not forecast, in their own units."""
        ...

    def save(self, folder: Path) -> None: ...


def evenly(count: int, most: int) -> Ids:
    """At most so many of `count` places, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def place_known(length: int) -> npt.NDArray[np.float32]:
    """(T, 1): the place of each target frame within the target."""
    return (np.arange(1, length + 1) / length).astype(np.float32)[:, None]
