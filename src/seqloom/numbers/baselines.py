"""What a forecast must beat: the last value, the last season, Naive2, and what a straight line from the history says (DLinear, NLinear)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["PLAIN", "StraightLine", "linear", "naive", "naive2", "read_past", "seasonal_naive"]

Floats = npt.NDArray[np.floating[Any]]


PLAIN = {
    "last": "the last value",
    "season": "the last season",
    "seasons": "the mean of the seasons read",
    "mean": "the mean of what is read",
}
"""What the plain lines repeat."""


class StraightLine(NamedTuple):
    """A line, and how it came to be."""

    weights: Floats
    """(horizon, history + 1), the last a constant."""
    plain: str
    """The name of the plain line that it leans on."""
    strength: float
    """Of the ridge that holds it there; inf: it is the plain line itself."""

    def __str__(self) -> str:
        """In words."""
        plain = PLAIN[self.plain]
        return f"{plain}, repeated" if np.isinf(self.strength) else f"a straight line drawn to {plain} by a ridge of {self.strength:g}"


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


def read_past(source: Floats, mask: npt.NDArray[np.bool_], history: int, size: int) -> Floats:
    """The last `history` frames of each column, newest last, and ones: (B · D, history + 1); a short past begins with zeros."""
    places = mask.sum(1)[:, None] - history + np.arange(history)
    rows = np.take_along_axis(source[:, :, :size], np.maximum(places, 0)[:, :, None], 1) * (places >= 0)[:, :, None]
    columns = rows.transpose(0, 2, 1).reshape(-1, history).astype(np.float64)
    return np.concatenate([columns, np.ones((len(columns), 1))], 1)


def linear(weights: Floats, source: Floats, mask: npt.NDArray[np.bool_], size: int) -> Floats:
    """What the straight line says, in scaled units: (B, horizon, D) for sources (B, S, D')."""
    said = read_past(source, mask, weights.shape[1] - 1, size) @ weights.T
    return said.reshape(len(source), size, -1).transpose(0, 2, 1)
