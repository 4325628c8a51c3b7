"""Whether an exported model answers as the trained one does: the same dev sources, at several batch sizes and widths of beam."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, zip_longest

import torch
from onnx import ModelProto

from seqloom.answers import Answerer, Output, Prediction
from seqloom.checkpoint import RunDirectory
from seqloom.config import SearchConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.metrics import METRICS, metrics_for, score, words_per_target
from seqloom.model import Model
from seqloom.prediction import Translator
from seqloom.runtime import Graph
from seqloom.training.progress import value_text

__all__ = ["Loss", "Parity", "compare", "loss"]

BATCHES = (1, 2, 7, 50)
"""Sources that are asked together, one after the other, over and over."""
SOURCES = 120
BEAMS = (1, 5)
LOOKED_AT = 1000
"""At most so many dev pairs are answered to see what 8 bits cost."""
ERRORS = ("token_error_rate", "character_error_rate")
"""What tells of answers of which none is right: of tokens, of text."""
ALLOWED = 0.005
"""The share of itself that the dev metric may lose."""
TIE, TIE_SHARE = 1e-4, 1e-6
"""Hypotheses whose scores differ by less, or by less than that share of a score, are a tie: float32 adds up in another order. A symbol that
CTC cannot spell costs 1,000 nats.
"""

CLOSE = 1e-3
"""Scores of a hypothesis that differ by more, or by more than that share of a score above 1, are not those of the trained model. Rounding
made 1e-7 to 3e-6 in every model that was looked at: recurrent, Transformer, pointer, CTC, ensemble. A browser is held to the same.
"""
SHAKES, ROUNDING = 8, 1e-5
"""How often, and by what share of themselves, weights are shaken where answers differ: the sum of a long hypothesis, some forty nats, has
steps of 4e-6 in float32.
"""

NONE = Output("", -math.inf, -math.inf, [], [], False)
"""What stands where one model has an answer more."""


@dataclass(frozen=True)
class Parity:
    """How alike two models answer."""

    hypotheses: int
    identical: int
    ties: int
    """Those that differ and score the same, or whose beginnings did."""
    score_difference: float
    """The largest among identical hypotheses, of scores above 1 their share."""

    def __add__(self, other: Parity) -> Parity:
        counts = (self.hypotheses + other.hypotheses, self.identical + other.identical, self.ties + other.ties)
        return Parity(*counts, max(self.score_difference, other.score_difference))

    @property
    def others(self) -> int:
        """Hypotheses that are neither the same nor a tie."""
        return self.hypotheses - self.identical - self.ties

    @property
    def holds(self) -> bool:
        """Whether all hypotheses are the same, ties aside, and their scores too."""
        return not self.others and self.score_difference <= CLOSE

    def __str__(self) -> str:
        ties = f" ({self.ties:,} ties)" if self.ties else ""
        expected = f"; expected within {CLOSE:.0e}" if self.score_difference > CLOSE else ""
        return (
            f"{self.identical:,} of {self.hypotheses:,} hypotheses are those of the trained model{ties}, "
            f"scores within {self.score_difference:.0e}{expected}"
        )


@dataclass(frozen=True)
class Loss:
    """What answers of the smaller model are worth beside those of the whole one."""

    metric: str
    whole: float
    reduced: float
    on: str
    """What was answered."""
    alike: str = ""
    """How many answers are the same."""

    def __str__(self) -> str:
        values = f"{self.metric} {value_text(self.metric, self.whole)} in float32, {value_text(self.metric, self.reduced)} in int8"
        return f"{values} on {self.on}" + (f", {self.alike}" if self.alike else "")

    @property
    def is_small(self) -> bool:
        """Whether the metric loses at most ALLOWED of itself."""
        gone = self.whole - self.reduced if METRICS[self.metric].higher_is_better else self.reduced - self.whole
        return gone <= ALLOWED * abs(self.whole)


def loss(trained: Model, whole: ModelProto, reduced: ModelProto) -> Loss:
    """The most telling metric of both on the dev pairs, with the search of the run."""
    rows = RunDirectory(trained.path).read_dev()[:LOOKED_AT]
    references, field = [row.target for row in rows], trained.fields.config.target
    answers = [[prediction.text for prediction in _answerer(trained, onnx).answers(rows)] for onnx in (whole, reduced)]
    metric = most_telling(answers[0], references, field)
    values = [score([metric], texts, references, field)[metric] for texts in answers]
    same = sum(ours == theirs for ours, theirs in zip(*answers, strict=True))
    return Loss(metric, values[0], values[1], f"{len(rows):,} dev pairs", f"{same:,} answers the same")


def most_telling(answers: Sequence[str], references: Sequence[str], field: TextField | TokensField) -> str:
    """The metric by which answers are judged: the first that fits; where that is zero, of which nothing can be lost, a rate of errors."""
    names = metrics_for(field, words_per_target(references, field))
    if score(names[:1], answers, references, field)[names[0]]:
        return names[0]
    return next(name for name in ERRORS if name in names)


def compare(trained: Model, onnx: ModelProto) -> Parity:
    """The exported beside the trained model on dev sources."""
    exported = _answerer(trained, onnx)
    rows = [row for row in RunDirectory(trained.path).read_dev() if any(row.source)]
    rows = rows[:: max(len(rows) // SOURCES, 1)][:SOURCES]
    parity = Parity(0, 0, 0, 0.0)
    for beam in BEAMS:
        search = trained.config.search.model_copy(update={"kind": "beam", "beam": beam})
        for row, ours, theirs in zip(rows, _ask(trained, rows, search), _ask(exported, rows, search), strict=True):
            alike = _alike(ours, theirs)
            if alike.others and any(_is_same(shaken, theirs) for shaken in _shaken(trained, row, search)):
                alike = replace(alike, ties=alike.hypotheses - alike.identical)
            parity += alike
    return parity


def _alike(ours: Prediction, theirs: Prediction) -> Parity:
    """How alike the answers to one source are, rank by rank."""
    ranked = list(zip_longest(ours.outputs, theirs.outputs, fillvalue=NONE))
    gaps = [(one.tokens == other.tokens, abs(one.score - other.score), abs(one.score)) for one, other in ranked]
    return Parity(
        hypotheses=len(ranked),
        identical=sum(same for same, *_ in gaps),
        ties=sum(not same and gap < TIE + TIE_SHARE * size for same, gap, size in gaps),
        score_difference=max((gap / max(size, 1.0) for same, gap, size in gaps if same), default=0.0),
    )


def _is_same(ours: Prediction, theirs: Prediction) -> bool:
    """Whether answers are the same, scores too."""
    alike = _alike(ours, theirs)
    return alike.holds and alike.score_difference < TIE


def _shaken(trained: Model, row: Row, search: SearchConfig) -> Iterator[Prediction]:
    """What the trained network answers when its weights change by as much as rounding does: where two beginnings score the same, which of
    them is dropped, and with it all that would have come of it, is told by the last digit.
    """
    draw = torch.Generator().manual_seed(0)
    for _ in range(SHAKES):
        network = copy.deepcopy(trained.network)
        for weight in network.parameters():
            weight.data.mul_(1 + ROUNDING * torch.randn(weight.shape, generator=draw))
        translator = Translator(network, trained.fields, trained.config.search, trained.config.data)
        yield from translator.predict([row], search)


def _answerer(trained: Model, onnx: ModelProto) -> Answerer:
    """The exported graph with all else as in the trained model."""
    return Answerer(trained.fields, trained.config.data, trained.config.search, Graph(onnx.SerializeToString()))


def _ask(model: Answerer, rows: Sequence[Row], search: SearchConfig) -> list[Prediction]:
    """Answers to the rows, asked in batches of unlike sizes."""
    stream, answers, sizes = iter(rows), list[Prediction](), cycle(BATCHES)
    while batch := list(islice(stream, next(sizes))):
        answers += model.answers(batch, search)
    return answers
