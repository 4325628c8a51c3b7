"""The straight line from the past of a column to its future with which a forecaster begins, and how strongly it is held to a plain one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.batching import Ids
from seqloom.config import BatchConfig, NumbersField
from seqloom.numbers.baselines import PLAIN, StraightLine, read_past
from seqloom.numbers.pairs import NumberPairs, evenly

__all__ = ["fit_line", "plain_lines"]

Floats = npt.NDArray[np.floating[Any]]

STRENGTHS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
"""Of the ridge, in mean sizes of the squares: from a line that follows the windows wherever they go to one that is hardly moved by them."""
WEAKEST = STRENGTHS[0]
"""The ridge on the constant: a level may be learned freely."""
REWEIGHTED = 3
"""Times that windows are weighed anew, after which nothing changes much (measured on dev)."""
SMALLEST_ERROR = 0.05
"""In scaled units: no window weighs more than one over this."""
ENOUGH = 100_000
"""Windows that a straight line is fitted on, at most."""
MEASURED = 4_000
"""Windows by which one is chosen, at most, of dev and of training, each column counted as one."""
BATCH = 256
"""Windows that are made at once."""


def plain_lines(numbers: NumbersField) -> dict[str, Floats]:
    """What is said without learning anything, as weights (horizon, history + 1): by the names of PLAIN, those of seasons where some fit."""
    history, horizon, season = numbers.history, numbers.horizon, numbers.season
    steps, lines = np.arange(horizon), {name: np.zeros((horizon, history + 1)) for name in PLAIN}
    lines["last"][:, history - 1] = 1
    lines["mean"][:, :history] = 1 / history
    seasons = history // season if season > 1 else 0
    for number in range(1, seasons + 1):
        lines["seasons"][steps, history - number * season + steps % season] = 1 / seasons
    if seasons:
        lines["season"][steps, history - season + steps % season] = 1
    fitting = {"last", "mean", *(["season"] if seasons else []), *(["seasons"] if seasons > 1 else [])}
    return {name: line for name, line in lines.items() if name in fitting}


def fit_line(pairs: NumberPairs, dev: NumberPairs, seed: int, *, absolute: bool = False) -> StraightLine:
    """A line from the scaled past of a column to its future, the same for all columns (Zeng et al. 2023 learn such a map by gradients).

    What each of the plain lines leaves is fitted under a ridge, of several strengths: with as many moments read as there are windows, a
    line that is not held follows noise and single spikes. Of the lines that are no worse on dev than the best of the plain ones, the one
    is taken that does best on dev and, fitted without it, on the last quarter of training; each counts alike.

    Fitted by least squares, or by least absolute errors, for which windows are weighed anew by the error that the last weights left them
    (Schlossmacher 1973); the one or the other is measured too, in scaled units.
    """
    plain = plain_lines(pairs.fields.config.numbers)
    on_dev = partial(_errors, dev, evenly(len(dev), _most(dev, MEASURED)), absolute=absolute)
    moments = _moments(pairs, seed, None, absolute=absolute)
    for _ in range(REWEIGHTED if absolute or not moments.is_whole else 0):
        lines = _fitted(moments.of_all, plain)
        moments = _moments(pairs, seed, lines[int(np.argmin(on_dev(lines)))].weights, absolute=absolute)
    unmoved = [StraightLine(weights, name, np.inf) for name, weights in plain.items()]
    lines, first = [*unmoved, *_fitted(moments.of_all, plain)], _late(pairs)
    errors, late = on_dev(lines), first + evenly(len(pairs) - first, _most(pairs, MEASURED))
    unseen = _errors(pairs, late, [*unmoved, *_fitted(moments.early, plain)], absolute=absolute) if first else errors
    score = _beside_plain(errors, len(plain)) + _beside_plain(unseen, len(plain))
    return lines[int(np.argmin(np.where(errors <= errors[: len(plain)].min(), score, np.inf)))]


def _beside_plain(errors: Floats, plain: int) -> Floats:
    """Errors over the least of the first few, those of the plain lines; as they are where nothing is left to do better."""
    return errors / (errors[:plain].min() or 1)


class _Sums(NamedTuple):
    """What the weights of all strengths are solved from."""

    squares: Floats
    """(history + 1, history + 1)"""
    products: Floats
    """(history + 1, horizon)"""


class _Moments(NamedTuple):
    """Sums over windows, and over those before the last quarter of training."""

    of_all: _Sums
    early: _Sums
    is_whole: bool
    """Whether all of the future is known."""


def _moments(pairs: NumberPairs, seed: int, last: Floats | None, *, absolute: bool) -> _Moments:
    """Sums over windows, each weighed by one over the mean error of the last weights for absolute errors. What is not known of the future
    is taken to be as the last weights say, first of all as the last value of the past.
    """
    numbers, is_whole = pairs.fields.config.numbers, True
    width, drawn = numbers.history, _drawn(pairs, seed)
    is_late, sums = drawn >= _late(pairs), list[_Sums]()
    for index in (drawn[~is_late], drawn[is_late]):
        squares, products = np.zeros((width + 1, width + 1)), np.zeros((width + 1, numbers.horizon))
        for past, future in _rows(pairs, index):
            said = np.broadcast_to(past[:, width - 1 : width], future.shape) if last is None else past @ last.T
            if (missing := np.isnan(future)).any():
                future, is_whole = np.where(missing, said, future), False
            if last is None or not absolute:
                weighed = past
            else:
                error = np.abs(said - future).mean(1, keepdims=True)
                weighed = past / np.maximum(error, SMALLEST_ERROR)
            squares += weighed.T @ past
            products += weighed.T @ future
        sums.append(_Sums(squares, products))
    early, late = sums
    return _Moments(_Sums(early.squares + late.squares, early.products + late.products), early, is_whole)


def _fitted(sums: _Sums, plain: Mapping[str, Floats]) -> list[StraightLine]:
    """What each ridge makes of what each plain line leaves."""
    squares, products = sums
    left = np.concatenate([products - squares @ weights.T for weights in plain.values()], 1)
    lines: list[StraightLine] = []
    for strength in STRENGTHS:
        ridge = np.full(len(squares), strength)
        ridge[-1] = WEAKEST
        moved = np.linalg.solve(squares + np.diag(ridge * np.trace(squares) / len(squares)), left).T
        parts = np.split(moved, len(plain))
        lines += [StraightLine(plain[name] + part, name, strength) for name, part in zip(plain, parts, strict=True)]
    return lines


def _errors(pairs: NumberPairs, index: Ids, lines: Sequence[StraightLine], *, absolute: bool) -> Floats:
    """The sum of the errors of each line on the examples of the index."""
    weights, totals = np.concatenate([line.weights for line in lines]), np.zeros(len(lines))
    for past, future in _rows(pairs, index):
        left = (past @ weights.T).reshape(len(past), len(lines), -1) - future[:, None]
        totals += np.nansum(np.abs(left) if absolute else np.square(left), axis=(0, 2))
    return totals


def _late(pairs: NumberPairs) -> int:
    """The first window of the last quarter of training; 0 where there are too few to leave some out."""
    return len(pairs) * 3 // 4


def _most(pairs: NumberPairs, rows: int) -> int:
    """Examples with so many rows, a row a column."""
    return max(rows // pairs.fields.target.size, 1)


def _drawn(pairs: NumberPairs, seed: int) -> Ids:
    """Examples of a pass, ENOUGH rows of them at the most."""
    batches = pairs.batches(BatchConfig(unit="pairs", size=BATCH), seed, 0)
    return np.concatenate(batches[: -(-_most(pairs, ENOUGH) // BATCH)])


def _rows(pairs: NumberPairs, index: Ids) -> Iterator[tuple[Floats, Floats]]:
    """Scaled pasts (n, history + 1), the newest last and then ones, and futures (n, horizon), a row for each column of some examples."""
    numbers, size = pairs.fields.config.numbers, pairs.fields.target.size
    for start in range(0, len(index), BATCH):
        batch = pairs.batch(index[start : start + BATCH])
        past = read_past(batch.source.astype(np.float32), batch.source_mask, numbers.history, size)
        yield past, batch.target_out[:, : numbers.horizon].transpose(0, 2, 1).reshape(-1, numbers.horizon).astype(np.float64)
