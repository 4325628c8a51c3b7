"""How good forecasts are, added up window by window, so that any number of them fits in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Accuracy", "seasonal_error", "without_rounding"]

Floats = npt.NDArray[np.floating[Any]]


ROUNDING = 1e-12
"""Of the largest value: errors no greater than that are made by rounding, as sums and sines have it; a float64 has 16 digits."""


class Accuracy:
    """Sums of errors. Numbers are in their own units but for `mse_scaled` and `mae_scaled`."""

    def __init__(self, levels: Sequence[float] = ()) -> None:
        self.levels = list(levels)
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, float] = defaultdict(float)

    def add(
        self, truth: Floats, point: Floats, *, scale: Floats | None = None, seasonal: Floats | None = None, quantiles: Floats | None = None
    ) -> None:
        """One or more windows.

        Args:
            truth, point: (..., T, D); where the truth is missing nothing is counted.
            scale: (..., 1, D): the deviation of each column in training, for errors of scaled values.
            seasonal: (..., 1, D): the mean error of the seasonal naive forecast in training, for MASE (Hyndman & Koehler 2006).
            quantiles: (..., T, D, levels)
        """
        truth, point = truth.astype(np.float64), point.astype(np.float64)
        error, size = np.abs(truth - point), np.abs(truth) + np.abs(point)
        self._sum("mae", error)
        self._sum("squares", error**2)
        self._sum("smape", 200 * error / np.where(size > 0, size, 1))
        if scale is not None:
            self._sum("mse_scaled", (error / scale) ** 2)
            self._sum("mae_scaled", error / scale)
        if seasonal is not None:
            self._sum("mase", np.where(seasonal > 0, error / np.where(seasonal > 0, seasonal, 1), np.nan))
        if quantiles is not None and self.levels:
            self._add_quantiles(truth, quantiles.astype(np.float64))

    def add_length(self, truth: int, said: int) -> None:
        """The frames of one target, and of what was said of it."""
        self._sum("length_error", np.array(abs(truth - said)))

    def _add_quantiles(self, truth: Floats, quantiles: Floats) -> None:
        """Pinball loss a level, twice, so that the median's is the absolute error; and how often the outermost two hold the truth."""
        error, levels = truth[..., None] - quantiles, np.array(self.levels)
        self._sum("pinball", 2 * np.maximum(levels * error, (levels - 1) * error))
        if len(self.levels) > 1:
            inside = (truth >= quantiles[..., 0]) & (truth <= quantiles[..., -1])
            self._sum(coverage_name(self.levels), np.where(np.isnan(truth), np.nan, inside))

    def _sum(self, name: str, values: Floats) -> None:
        self.sums[name] += float(np.nansum(values))
        self.counts[name] += int(np.isfinite(values).sum())

    def values(self) -> dict[str, float]:
        """The means by name, the most telling first."""
        means = {name: total / self.counts[name] for name, total in self.sums.items() if self.counts[name]}
        means["rmse"] = float(np.sqrt(means.pop("squares", np.nan)))
        order = ["mse_scaled", "mae_scaled", "mae", "rmse", "smape", "mase", "pinball", coverage_name(self.levels), "length_error"]
        return {name: means[name] for name in order if name in means}


def coverage_name(levels: Sequence[float]) -> str:
    """coverage_80 for the levels 0.1 to 0.9: what share of the truth should lie between them."""
    return f"coverage_{100 * (max(levels) - min(levels)):.0f}" if len(levels) > 1 else "coverage"


def seasonal_error(values: Floats, season: int) -> Floats:
    """(D,): the mean absolute error of a series (N, D) against itself a season before; NaN where it is no longer than that, 0 where it
    repeats itself but for rounding.
    """
    if len(values) <= season:
        return np.full(values.shape[1], np.nan)
    values = values.astype(np.float64)
    error = np.nanmean(np.abs(values[season:] - values[:-season]), axis=0)
    return without_rounding(error, values)


def without_rounding(errors: Floats, values: Floats) -> Floats:
    """Errors (..., D) of a series (N, D), 0 where they are no more than rounding of its values."""
    return np.where(errors <= ROUNDING * np.abs(np.nan_to_num(values)).max(0, initial=0), 0, errors)
