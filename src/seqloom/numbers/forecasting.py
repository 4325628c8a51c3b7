"""Where a network of frames meets rollout: forecasts for windows or arrays, in their own units, and how good they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from seqloom.batching import Batch, Ids
from seqloom.config import HeadConfig
from seqloom.hardware import usual_torch
from seqloom.nn.decoders import Memory
from seqloom.nn.seq2seq import Seq2Seq, answering
from seqloom.numbers.answers import ROWS, Forecast, forecasts_of, known_of, window_changes
from seqloom.numbers.distributions import point_of, width_of
from seqloom.numbers.pairs import NumberPairs, evenly
from seqloom.numbers.rollout import FrameStep, rollout
from seqloom.numbers.spread import Miss
from seqloom.tensors import to_tensors

__all__ = ["Forecast", "TorchFrameStepper", "TorchFrames", "forecasts", "misses_of", "teacher_forced_loss"]

Floats = npt.NDArray[np.float32]


MEASURED = 1000
"""Examples whose errors are looked at, at most."""


class TorchFrameStepper:
    """`seqloom.numbers.rollout.FrameStepper` over the network."""

    def __init__(self, network: Seq2Seq, memory: Memory) -> None:
        self.network, self.memory, self.state = network, memory, network.start(memory)

    def step(self, frames: Floats) -> FrameStep:
        """See `seqloom.numbers.rollout.FrameStepper`."""
        head, inputs = self.network.head, torch.from_numpy(frames).to(self.memory["mask"].device).unsqueeze(1)
        decoded, self.state = self.network.decode(inputs, self.memory, self.state)
        values = head.values(decoded)
        parts = (values, head.point(values), head.stops(decoded))
        return FrameStep(*(part.squeeze(1).float().cpu().numpy() for part in parts))


class TorchFrames:
    """`seqloom.numbers.answers.FrameFinder` over the network, with nothing dropped in it."""

    def __init__(self, network: Seq2Seq) -> None:
        self.network = network

    @usual_torch()
    @torch.inference_mode()
    def values(self, batch: Batch, lengths: Sequence[int]) -> list[Floats]:
        """See `seqloom.numbers.answers.FrameFinder`."""
        with answering(self.network):
            return self._values(self.network, batch, lengths)

    def _values(self, network: Seq2Seq, batch: Batch, lengths: Sequence[int]) -> list[Floats]:
        tensors = to_tensors(batch, 0, next(network.parameters()).device)
        memory, size = network.prepare(tensors.source, tensors.source_mask), network.target_size
        if not network.direct:
            return rollout(TorchFrameStepper(network, memory), lengths, size, known_of(batch, lengths))
        decoded, _ = network.decode(tensors.target_in, memory, network.start(memory))
        values = network.head.values(decoded).float().cpu().numpy()
        return [row[:length] for row, length in zip(values, lengths, strict=True)]


def forecasts(
    network: Seq2Seq, pairs: NumberPairs, index: Sequence[int] | Ids, head: HeadConfig, levels: Sequence[float] = ()
) -> Iterator[Forecast]:
    """A forecast for each example of the index."""
    return forecasts_of(TorchFrames(network), pairs, index, head, levels)


def misses_of(network: Seq2Seq, pairs: NumberPairs, head: HeadConfig, most: int = MEASURED) -> Iterator[Miss]:
    """How far the forecasts of examples evenly spread, so many at the most, lay from the truth."""
    index, finder = evenly(len(pairs), most), TorchFrames(network)
    for start in range(0, len(index), ROWS):
        part = index[start : start + ROWS]
        levels, batch, truths = pairs.levels(part), pairs.batch(part), pairs.truth(part)
        changes = window_changes(batch, pairs.fields)
        for row, values in enumerate(finder.values(batch, pairs.lengths(part))):
            truth = (truths[row] - levels.shift[row]) / levels.scale[row]
            yield Miss(truth - point_of(head, values), width_of(head, values), changes[row])


@usual_torch()
@torch.inference_mode()
def teacher_forced_loss(network: Seq2Seq, pairs: NumberPairs, index: Sequence[int] | Ids) -> float:
    """The mean loss of a target frame, each shown the true one before."""
    device, loss, count = next(network.parameters()).device, 0.0, 0.0
    for start in range(0, len(index), ROWS):
        with answering(network):
            sums = network(to_tensors(pairs.batch(index[start : start + ROWS]), 0, device))
        loss, count = loss + float(sums.nll), count + float(sums.count)
    return loss / max(count, 1.0)
