"""Whether an exported model of numbers says what the trained one does: the same dev windows, at several batch sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from seqloom.export.check import BATCHES, LOOKED_AT, SOURCES, Loss
from seqloom.numbers.answers import forecasts_of
from seqloom.numbers.distributions import quantile_levels
from seqloom.numbers.forecaster import Forecaster
from seqloom.numbers.pairs import evenly
from seqloom.numbers.runtime import FrameGraph
from seqloom.numbers.scoreboard import measure

__all__ = ["NumberParity", "compare", "loss"]

CLOSE = 1e-3
"""Numbers that differ by less, in scaled units or in relation to themselves, are the same: float32 adds up in another order, and a rollout
reads what it said.
"""


@dataclass(frozen=True)
class NumberParity:
    """How alike two models forecast."""

    forecasts: int
    alike: int
    """Of the same length, with no number that is not the same."""
    difference: float
    """The largest, in scaled units, among forecasts of the same length."""

    @property
    def holds(self) -> bool:
        """Whether all forecasts are the same."""
        return self.alike == self.forecasts

    def __str__(self) -> str:
        return (
            f"{self.alike:,} of {self.forecasts:,} forecasts are those of the trained model, numbers within {self.difference:.0e} "
            "in scaled units"
        )


def compare(trained: Forecaster, onnx: ModelProto) -> NumberParity:
    """The exported beside the trained model on dev windows."""
    pairs, graph = trained.pairs(), FrameGraph(onnx.SerializeToString())
    alike, largest, count = 0, 0.0, 0
    for index in _batches(evenly(len(pairs), SOURCES)):
        batch, lengths = pairs.batch(index), pairs.lengths(index)
        for ours, theirs in zip(trained.finder.values(batch, lengths), graph.values(batch, lengths), strict=True):
            count += 1
            if ours.shape == theirs.shape:
                gap = np.abs(ours - theirs)
                largest = max(largest, float(gap.max(initial=0.0)))
                alike += bool((gap <= CLOSE * np.maximum(np.abs(ours), 1)).all())
    return NumberParity(count, alike, largest)


def loss(trained: Forecaster, whole: ModelProto, reduced: ModelProto) -> Loss:
    """The most telling measure of both on dev windows."""
    pairs, levels = trained.pairs(), quantile_levels(trained.head)
    index = evenly(len(pairs), LOOKED_AT)
    values = [
        measure(pairs, index, forecasts_of(FrameGraph(onnx.SerializeToString()), pairs, index, trained.head, levels), levels)
        for onnx in (whole, reduced)
    ]
    metric = next(iter(values[0]))
    return Loss(metric, values[0][metric], values[1][metric], f"{len(index):,} dev windows")


def _batches(index: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """The index in batches of unlike sizes."""
    sizes = cycle(BATCHES)
    while len(index):
        size = next(sizes)
        yield index[:size]
        index = index[size:]
