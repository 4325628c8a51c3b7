"""Whether an exported model answers as the trained one does: the same dev sources, at several batch sizes and widths of beam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest

from seqloom.answers import Answerer, Output, Prediction
from seqloom.checkpoint import RunDirectory
from seqloom.data import Row
from seqloom.model import Model
from seqloom.runtime import Predictor

__all__ = ["Parity", "compare"]

BATCHES = (1, 2, 7, 50)
"""Sources that are asked together, one after the other, over and over."""
SOURCES = 120
BEAMS = (1, 5)
TIE = 1e-4
"""Hypotheses whose scores differ by less are a tie: float32 adds up in another order."""

NONE = Output("", -math.inf, -math.inf, [], [], False)
"""What stands where one model has an answer more."""


@dataclass(frozen=True)
class Parity:
    """How alike two models answer."""

    hypotheses: int
    identical: int
    ties: int
    """Those that differ and score the same."""
    score_difference: float
    """The largest, among identical hypotheses."""


def compare(trained: Model, exported: Predictor) -> Parity:
    """The exported beside the trained model on dev sources."""
    rows = [row for row in RunDirectory(trained.path).read_dev() if any(row.source)]
    rows = rows[:: max(len(rows) // SOURCES, 1)][:SOURCES]
    pairs = [pair for beam in BEAMS for pair in zip(_ask(trained, rows, beam), _ask(exported, rows, beam), strict=True)]
    ranked = [both for ours, theirs in pairs for both in zip_longest(ours.outputs, theirs.outputs, fillvalue=NONE)]
    gaps = [(one.tokens == other.tokens, abs(one.score - other.score)) for one, other in ranked]
    return Parity(
        hypotheses=len(ranked),
        identical=sum(same for same, _ in gaps),
        ties=sum(not same and gap < TIE for same, gap in gaps),
        score_difference=max((gap for same, gap in gaps if same), default=0.0),
    )


def _ask(model: Answerer, rows: Sequence[Row], beam: int) -> list[Prediction]:
    """Answers to the rows, asked in batches of unlike sizes."""
    stream, answers, sizes = iter(rows), list[Prediction](), cycle(BATCHES)
    while batch := list(islice(stream, next(sizes))):
        answers += model.answers(batch, model.search(beam=beam))
    return answers
