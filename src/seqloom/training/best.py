"""The weights that were best on dev: a few are kept while a run goes on, and at its end the best or their mean is the model's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from seqloom import metrics
from seqloom.checkpoint import RunDirectory, load_weights, read_tensors, write_tensors
from seqloom.files import give_second_name
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.training.dev import Dev

__all__ = ["Best", "Kept"]

TRUSTED_LOSS = 1.1
"""The mean of the weights is not taken where its loss is more than this times that of the best ones, whatever its score."""


class Kept(NamedTuple):
    """How good the weights after some update were."""

    score: float
    """Of the metric that is watched."""
    loss: float
    """Of a target symbol of dev, in nats."""
    step: int
    listens: bool = True
    """Whether what they answered followed from the sources; a score says little of others."""


class Best:
    """The `count` best weights of a run by `metric`, each in a file of the run's folder; the best of them are the run's model."""

    def __init__(self, run: RunDirectory, metric: str, count: int) -> None:
        self.run, self.metric, self.count = run, metric, count
        self.ranking: list[Kept] = []
        """Best first."""

    def is_better(self, one: Kept, other: Kept) -> bool:
        """By the watched metric, and where that is the same by the loss. What listens to its sources goes before what does not, of which
        the loss alone decides.
        """
        if not (one.listens and other.listens):
            return one.listens or (not other.listens and one.loss < other.loss)
        return metrics.better(self.metric, one.score, other.score) or (one.score == other.score and one.loss < other.loss)

    def consider(self, network: Seq2Seq, now: Kept) -> bool:
        """Keep the network's weights if they are among the best; True if they are better than all before."""
        place = next((number for number, other in enumerate(self.ranking) if self.is_better(now, other)), len(self.ranking))
        if place < self.count:
            write_tensors(self._file(now.step), network.state_dict())
            self.ranking.insert(place, now)
            del self.ranking[self.count :]
            if place == 0:
                give_second_name(self._file(now.step), self.run.weights)
        return place == 0

    def forget_others(self) -> None:
        """Remove the files of weights that are no longer among the best. Until then a run that is resumed may need them."""
        keep = {self._file(kept.step) for kept in self.ranking}
        for file in self.run.best.glob("*.safetensors"):
            if file not in keep:
                file.unlink()

    def restore(self, ranking: Iterable[Sequence[float]]) -> None:
        """Go on from a ranking that was written down."""
        self.ranking = [Kept(float(score), float(loss), int(step), *map(bool, rest)) for score, loss, step, *rest in ranking]

    def choose(self, network: Seq2Seq, dev: Dev, step: int, *, keep: str = "best", with_mean: bool = True) -> str:
        """Let network and model have the best weights, or the mean of those that are kept where it is better on dev; says which.

        Args:
            step: the update that the network is after; its weights are taken where none were ever looked at.
            keep: `last`: its weights are taken in any case.
            with_mean: whether there is time to look at what the mean does.
        """
        if not self.ranking or keep == "last":
            write_tensors(self.run.weights, network.state_dict())
            return f"the last, update {step}"
        if with_mean and len(self.ranking) > 1 and self._mean_is_better(network, dev):
            write_tensors(self.run.weights, network.state_dict())
            return f"the average of the {len(self.ranking)} best on dev"
        file = self._file(self.ranking[0].step)
        load_weights(network, read_tensors(file)[0], self.run.best)
        give_second_name(file, self.run.weights)
        return f"the best on dev, update {self.ranking[0].step}"

    def _mean_is_better(self, network: Seq2Seq, dev: Dev) -> bool:
        """Give the network the mean of the kept weights; True if that is better on dev than the best ones."""
        load_weights(network, _mean([read_tensors(self._file(kept.step))[0] for kept in self.ranking]), self.run.best)
        look, best = dev.look(network), self.ranking[0]
        mean = Kept(look.values[self.metric], look.values["loss"], 0, dev.listens(look))
        return self.is_better(mean, best) and mean.loss < TRUSTED_LOSS * best.loss

    def _file(self, step: int) -> Path:
        return self.run.best / f"{step}.safetensors"


def _mean(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name].double() for part in parts]).mean(0).to(tensor.dtype) for name, tensor in parts[0].items()}
