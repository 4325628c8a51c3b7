"""How far the truth lay from the forecasts of a model on dev, by step of the horizon: where the quantiles of a table's forecasts come from.

An error counts in units of its window: as wide as the head says, and wider where the past changed more (conformal prediction with a scale
of its own for each case, Lei et al. 2018). So a calm week has a narrower interval than a wild one, and each step of the horizon its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "LEVELS", "Miss", "Spread", "change_of", "measured_spread"]

Floats = npt.NDArray[np.float32]

LEVELS = (0.01, 0.025, 0.05, *(number / 20 for number in range(2, 19)), 0.95, 0.975, 0.99)
"""At which errors are kept; what lies between them is on a line."""
FEWEST = 20
"""Forecasts, from whose errors quantiles are taken."""
CALMEST, WILDEST = 0.1, 10.0
"""Beside the usual change: a window that changes less, or more, counts as one that changes so."""


class Miss(NamedTuple):
    """How far one forecast lay from the truth, in scaled units."""

    error: Floats
    """(T, D): the truth less the forecast, NaN where there is no truth"""
    width: Floats
    """(T, D): how wide the head says"""
    change: Floats
    """(D,): of the window, as `change_of` says"""


@dataclass(frozen=True)
class Spread:
    """Quantiles of truth less forecast."""

    errors: Floats
    """(T, D, LEVELS), in units of a window"""
    usual: Floats
    """(D,): the change of a usual window"""

    def around(self, point: Floats, width: Floats, change: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles (T, D, levels) around a point forecast (T, D), all in scaled units; width and change as in `Miss`."""
        at = np.interp(levels, LEVELS, np.arange(len(LEVELS)))
        low = np.minimum(at.astype(np.int64), len(LEVELS) - 2)
        share = (at - low).astype(np.float32)
        errors = self.errors[: len(point)]
        between = errors[..., low] * (1 - share) + errors[..., low + 1] * share
        return (point[..., None] + between * _units(width, change, self.usual)[..., None]).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """What `from_state` reads."""
        return {"levels": list(LEVELS), "errors": np.round(self.errors, 5).tolist(), "usual": self.usual.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Spread:
        """The spread that `state` was taken from."""
        if "usual" not in state:
            raise ValueError("spread: measured by an older Seqloom; expected what a usual window changes. Train again")
        errors, usual = (np.asarray(state[name], dtype=np.float32) for name in ("errors", "usual"))
        fits = list(state["levels"]) == list(LEVELS) and errors.ndim == 3 and errors.shape[1:] == (*usual.shape, len(LEVELS))
        if not fits or not np.isfinite(errors).all() or not (usual > 0).all():
            raise ValueError("spread: levels, errors and usual change do not fit each other")
        return cls(errors, usual)


def change_of(source: Floats, mask: npt.NDArray[np.bool_], season: int) -> Floats:
    """(B, D): how much each column of windows (B, S, D) changes from one season to the next, the mean over what is real, mask (B, S).

    From one moment to the next where a window is no longer than a season; NaN where it holds one moment alone.
    """
    seasonal, stepwise = (_mean_change(source, mask, lag) for lag in (season, 1))
    return np.where(np.isnan(seasonal), stepwise, seasonal)


def _mean_change(source: Floats, mask: npt.NDArray[np.bool_], lag: int) -> Floats:
    real = mask[:, lag:, None]
    total = (np.abs(source[:, lag:] - source[:, :-lag]) * real).sum(1)
    count = real.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def measured_spread(misses: Sequence[Miss]) -> Spread | None:
    """The spread of forecasts that missed by so much, missing truth left out; None where they are too few."""
    if len(misses) < FEWEST:
        return None
    errors, widths, changes = (np.stack(parts) for parts in zip(*misses, strict=True))
    if (np.isfinite(errors).sum(0) < FEWEST).any():
        return None
    usual = np.nanmedian(np.where(changes > 0, changes, np.nan), axis=0) if (changes > 0).any(0).all() else np.ones_like(changes[0])
    units = _units(widths, changes[:, None], usual)
    quantiles = np.nanquantile(errors / units, LEVELS, axis=0, method="weibull")  # of n errors a share of q (n + 1): unbiased for any n
    side = np.sign(np.asarray(LEVELS) - 0.5)[:, None, None]  # the point stays the median, and no interval leaves it out
    quantiles = np.where(side * quantiles > 0, quantiles, 0)
    return Spread(np.moveaxis(quantiles, 0, 2).astype(np.float32), usual.astype(np.float32))


def _units(width: Floats, change: Floats, usual: Floats) -> Floats:
    """(..., T, D): the unit of errors. The root of the change was best on the dev parts that it was chosen by (docs/forecasting.md)."""
    ratio = np.clip(np.where(np.isnan(change), usual, change) / usual, CALMEST, WILDEST)
    return width * np.sqrt(ratio)
