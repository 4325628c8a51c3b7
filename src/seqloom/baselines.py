"""What a forecast must beat: the last value, the last season, Naive2, and a straight line from the history (DLinear, NLinear)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import BatchConfig
from seqloom.number_pairs import NumberPairs

__all__ = ["fit_linear", "linear", "naive", "naive2", "seasonal_naive"]

Floats = npt.NDArray[np.floating[Any]]

RIDGE = 1e-4
"""Of the mean size of the squares, added to them so that alike moments do not tear the weights apart."""
REWEIGHTED = 3
"""Times that windows are weighed anew, after which nothing changes much (measured on dev)."""
SMALLEST_ERROR = 0.05
"""In scaled units: no window weighs more than one over this."""
ENOUGH = 100_000
"""Windows that a straight line is fitted on, at most."""


def naive(history: Floats, horizon: int) -> Floats:
    """The last value (horizon, D) of a history (S, D)."""
    return np.repeat(history[-1:], horizon, 0)


def seasonal_naive(history: Floats, horizon: int, season: int) -> Floats:
    """The last season, again and again; the last value where the history is shorter than a season."""
    if len(history) < season:
        return naive(history, horizon)
    return history[len(history) - season + np.arange(horizon) % season]


def naive2(history: Floats, horizon: int, season: int) -> Floats:
    """The last value of a history (S,), seasonally adjusted where it is seasonal (Makridakis et al. 2020): the yardstick of OWA."""
    factors = _seasonal_factors(history, season)
    level = history[-1] / factors[(len(history) - 1) % season]
    return level * factors[(len(history) + np.arange(horizon)) % season]


def _seasonal_factors(history: Floats, season: int) -> Floats:
    """Multiplicative factors (season,) by classical decomposition; ones where the series is not seasonal at the 90 % level."""
    if season < 2 or len(history) < 3 * season or (history <= 0).any() or not _is_seasonal(history, season):
        return np.ones(season)
    window = np.ones(season) if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    trend = np.convolve(history, window / season, "valid")
    begin = len(window) // 2
    ratios = history[begin : begin + len(trend)] / trend
    places = (begin + np.arange(len(trend))) % season
    factors = np.array([ratios[places == place].mean() for place in range(season)])
    return factors / factors.mean()


def _is_seasonal(history: Floats, season: int) -> bool:
    """Whether the autocorrelation at a season stands out (the test of the M4 organisers)."""
    centred = history - history.mean()
    total = float(centred @ centred)
    if total <= 0:
        return False
    lags = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / total
    return bool(abs(lags[-1]) > 1.645 * np.sqrt((1 + 2 * np.square(lags[:-1]).sum()) / len(history)))


def fit_linear(pairs: NumberPairs, seed: int, *, absolute: bool = False) -> Floats:
    """Weights (horizon, history + 1), the last a constant: from the scaled past of a column to its future, the same for all
    (Zeng et al. 2023 learn such a map by gradients). By least squares, or by least absolute errors, for which windows are weighed
    anew by the error that the last weights left them (Schlossmacher 1973).
    """
    weights, is_whole = _solve(pairs, seed, None, absolute=absolute)
    for _ in range(REWEIGHTED if absolute or not is_whole else 0):
        weights, _ = _solve(pairs, seed, weights, absolute=absolute)
    return weights


def _solve(pairs: NumberPairs, seed: int, last: Floats | None, *, absolute: bool) -> tuple[Floats, bool]:
    """The weights of least squares, each window weighed by one over the mean error of the last weights for absolute errors; and whether
    all of the future is known. What is not is taken to be as the last weights say, first of all as the last value of the past.
    """
    numbers, size = pairs.fields.config.numbers, pairs.fields.target.size
    width, is_whole = numbers.history, True
    squares, products = np.zeros((width + 1, width + 1)), np.zeros((width + 1, numbers.horizon))
    for past, future in _pairs(pairs, size, seed):
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
    squares[np.diag_indices(width + 1)] += RIDGE * np.trace(squares) / (width + 1)
    return np.linalg.solve(squares, products).T, is_whole


def _pairs(pairs: NumberPairs, size: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Scaled pasts (n, history + 1), the newest last and then ones, and futures (n, horizon); a short past begins with zeros."""
    numbers, seen = pairs.fields.config.numbers, 0
    for index in pairs.batches(BatchConfig(unit="pairs", size=256), seed, 0):
        if seen >= ENOUGH:
            return
        batch = pairs.batch(index)
        past = _past(batch.source.astype(np.float32), batch.source_mask, numbers.history, size)
        yield past, batch.target_out[:, : numbers.horizon].transpose(0, 2, 1).reshape(-1, numbers.horizon).astype(np.float64)
        seen += len(past)


def _past(source: Floats, mask: npt.NDArray[np.bool_], history: int, size: int) -> Floats:
    """The last `history` frames of each column, newest last, and ones: (B · D, history + 1)."""
    places = mask.sum(1)[:, None] - history + np.arange(history)
    rows = np.take_along_axis(source[:, :, :size], np.maximum(places, 0)[:, :, None], 1) * (places >= 0)[:, :, None]
    columns = rows.transpose(0, 2, 1).reshape(-1, history).astype(np.float64)
    return np.concatenate([columns, np.ones((len(columns), 1))], 1)


def linear(weights: Floats, source: Floats, mask: npt.NDArray[np.bool_], size: int) -> Floats:
    """What the straight line says, in scaled units: (B, horizon, D) for sources (B, S, D')."""
    said = _past(source, mask, weights.shape[1] - 1, size) @ weights.T
    return said.reshape(len(source), size, -1).transpose(0, 2, 1)
