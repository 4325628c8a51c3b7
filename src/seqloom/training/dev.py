"""The dev set: how good the weights are now, what the model says, and whether something looks broken."""

from __future__ import annotations

import time
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np

from seqloom import metrics
from seqloom.answers import Prediction
from seqloom.config import RunConfig
from seqloom.corpus import Corpus
from seqloom.data.rows import Row
from seqloom.fields.columns import can_copy
from seqloom.fields.pieces import marks_of, whole
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import SPECIALS, UNK
from seqloom.nn.seq2seq import Network, Seq2Seq
from seqloom.prediction import Translator, inference_copy
from seqloom.training import health
from seqloom.training.events import Sample
from seqloom.unseen import Unseen

__all__ = ["Dev", "DevSet", "Look"]

LOOKED_AT = 1000
"""At most so many dev pairs are looked at while training; the end looks at all."""
TIMED, FEWEST = 50, 100
"""Dev pairs by which is told how long a look takes; that are looked at however long it takes."""
COUNTED = 100_000
"""Training pairs, at the most, whose commonest target is a baseline."""


class Found(Protocol):
    """What one evaluation found."""

    @property
    def values(self) -> dict[str, float]:
        """Metrics by name."""
        ...

    @property
    def rows(self) -> Sized: ...
    def samples(self) -> list[Sample]:
        """A few pairs and their predictions, the same each time."""
        ...


class Dev(Protocol):
    """A dev set of any kind."""

    @property
    def rows(self) -> Sized: ...
    @property
    def sample(self) -> Sized:
        """What is looked at while training."""
        ...

    def fitting(self, network: Seq2Seq, seconds: float) -> int:
        """How much of the sample a look of so many seconds reaches, and no less than says something."""
        ...

    def shorten(self, count: int) -> None:
        """Look at no more than so much of the sample, evenly, from now on."""
        ...

    def look(self, network: Seq2Seq, *, last: bool = False, whole: bool = False) -> Found:
        """What one evaluation finds; the network is left in training mode."""
        ...

    def listens(self, look: Any) -> bool:
        """Whether what was predicted follows from the sources, so that its score says something."""
        ...

    def findings(self, look: Any, step: int, progress: float) -> list[str]:
        """What looks broken, one line each."""
        ...

    def simple(self, look: Any) -> dict[str, float]:
        """The errors of simple forecasts on what was looked at, by name; empty where there are none."""
        ...


@dataclass(frozen=True)
class Look:
    """What one evaluation found."""

    values: dict[str, float]
    """Metrics by name."""
    rows: Sequence[Row]
    predictions: list[Prediction]
    marks: Sequence[str | None] = ()
    """Of the pieces that each column is put together of, the target last."""

    def samples(self) -> list[Sample]:
        """Three pairs and their predictions, the same pairs each time."""
        count = len(self.rows)
        places = sorted({count // 6, count // 2, count * 5 // 6})
        pairs = [(whole(self.rows[place], self.marks), self.predictions[place]) for place in places]
        return [Sample(" ".join(row.source), row.target, prediction.text) for row, prediction in pairs]


class DevSet:
    """The dev pairs of a run."""

    def __init__(self, rows: Sequence[Row], config: RunConfig, fields: Fields, corpus: Corpus) -> None:
        """`corpus` is the training part, whose commonest target is a baseline."""
        self.rows, self.config, self.fields = rows, config, fields
        count = min(len(rows), LOOKED_AT)
        places = np.random.default_rng(config.seed).permutation(len(rows))[:count]
        self.sample = [rows[int(place)] for place in sorted(places)]
        self._empty_targets = float((corpus.target_lengths == 0).mean())
        self.commonest = fields.target.decode(corpus.commonest_target(COUNTED))

    def fitting(self, network: Network, seconds: float) -> int:
        """How many pairs a look of so many seconds reaches, by a look at a few; `FEWEST` at the least. A young model writes on and on."""
        whole, begin = self.sample, time.perf_counter()
        if len(whole) <= FEWEST:
            return len(whole)
        self.sample = _evenly(whole, TIMED)
        self.look(network)
        self.sample, each = whole, (time.perf_counter() - begin) / TIMED
        return min(max(int(seconds / each), FEWEST), len(whole))

    def shorten(self, count: int) -> None:
        """Look at no more than so many pairs from now on."""
        self.sample = _evenly(self.sample, count)

    def look(self, network: Network, *, last: bool = False, whole: bool = False) -> Look:
        """Greedy decoding of the sample in the run's precision, on a GPU in float32, or the config's search over the whole set as a loaded
        model would do it. The network is left in training mode.

        Before the `last` look, outputs are written no further than tells whether they are right: a young model writes without end.
        """
        rows = self.rows if whole else self.sample
        search = self.config.search if whole else self.config.search.model_copy(update={"kind": "greedy"})
        here = network if whole else inference_copy(network, self.config.training.precision)
        enough = None if last or whole else partial(_enough, self.fields)
        device = self.config.training.device
        translator = Translator(here, self.fields, search, self.config.data, device, enough)
        values, predictions = translator.evaluate(rows, also=self.config.training.early_stopping.metric)
        network.train()
        return Look(values, rows, predictions, marks_of(self.config.fields))

    def listens(self, look: Look) -> bool:
        """Whether the predictions are not one and the same, and better by the watched metric than always the commonest target."""
        watched = self.config.training.early_stopping.metric
        if metrics.METRICS[watched].compute is None:  # the loss, and what else is measured with the true symbols given
            return True
        sources, references = [row.source[0] for row in look.rows], [self.fields.target.normalize(row.target) for row in look.rows]
        if health.same_answer([prediction.text for prediction in look.predictions], references, sources):
            return False
        return metrics.better(watched, look.values[watched], self._commonest_score)

    @cached_property
    def _unseen(self) -> Unseen:
        """What dev, as far as it is looked at, holds that training never saw."""
        unseen = Unseen(self.fields, copies=self.config.model.copy_source)
        unseen.add_pairs(self.sample)
        return unseen

    @cached_property
    def _commonest_score(self) -> float:
        """What the commonest target would reach on the sample, by the watched metric."""
        target, watched = self.fields.target, self.config.training.early_stopping.metric
        references = [target.normalize(row.target) for row in self.sample]
        return metrics.score([watched], [self.commonest] * len(references), references, self.config.fields.target)[watched]

    def findings(self, look: Look, step: int, progress: float) -> list[str]:
        """What looks broken, one line each."""
        target = self.fields.target
        outputs = [prediction.outputs[0] for prediction in look.predictions]
        references = [target.encode(row.target) for row in look.rows]
        evidence = health.Evidence(
            sources=[row.source[0] for row in look.rows],
            references=[target.normalize(row.target) for row in look.rows],
            predictions=[output.text for output in outputs],
            lengths=[len(output.tokens) for output in outputs],
            unknown=[output.tokens.count(SPECIALS[UNK]) for output in outputs],
            hit_length_limit=[output.cut for output in outputs],
            reference_lengths=[len(ids) for ids in references],
            length_limits=[prediction.limit for prediction in look.predictions],
            commonest_train_target=self.commonest,
            unknown_share=sum(int((ids == UNK).sum()) for ids in references) / max(sum(map(len, references)), 1),
            step=step,
            progress=progress,
            teacher_forced_accuracy=look.values["teacher_forced_accuracy"],
            free_running_accuracy=look.values["free_running_accuracy"],
            unwritable=self._unseen.rows_with_target / len(self.sample),
            unseen_sources=self._unseen.rows_with_source / len(self.sample),
            empty_targets=self._empty_targets,
            copies=self.config.model.copy_source,
            can_copy=can_copy(self.config.fields),
            cut_at=self.config.data.max_target_length if self.config.data.too_long == "cut" else None,
        )
        return [finding.message for finding in health.examine(evidence)]

    def simple(self, look: Look) -> dict[str, float]:
        """Nothing: what is simple of symbols is among the findings."""
        return {}


def _evenly(rows: Sequence[Row], count: int) -> list[Row]:
    """So many of the rows, evenly spread; all where they are no more."""
    return [rows[place * len(rows) // count] for place in range(count)] if count < len(rows) else list(rows)


def _enough(fields: Fields, row: Row) -> int:
    """The target symbols of a row, half as many again, and ten: what runs on after these is wrong, repeats itself, or does not end."""
    return len(fields.target.encode(row.target)) * 3 // 2 + 10
