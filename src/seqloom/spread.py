"""How far the truth lay from the forecasts of a model on dev, by step of the horizon: where intervals come from that a head cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "LEVELS", "Spread", "measured_spread"]

Floats = npt.NDArray[np.float32]

LEVELS = (0.01, 0.025, 0.05, *(number / 20 for number in range(2, 19)), 0.95, 0.975, 0.99)
"""At which errors are kept; what lies between them is on a line."""
FEWEST = 20
"""Forecasts, from whose errors quantiles are taken."""


@dataclass(frozen=True)
class Spread:
    """Quantiles of truth less forecast, (T, D, LEVELS) in scaled units."""

    errors: Floats

    def around(self, point: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles (T, D, levels) around a point forecast (T, D), all in scaled units."""
        at = np.interp(levels, LEVELS, np.arange(len(LEVELS)))
        low = np.minimum(at.astype(np.int64), len(LEVELS) - 2)
        share = (at - low).astype(np.float32)
        errors = self.errors[: len(point)]
        between = errors[..., low] * (1 - share) + errors[..., low + 1] * share
        return (point[..., None] + between).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """What `from_state` reads."""
        return {"levels": list(LEVELS), "errors": np.round(self.errors, 5).tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Spread:
        """The spread that `state` was taken from."""
        errors = np.asarray(state["errors"], dtype=np.float32)
        if list(state["levels"]) != list(LEVELS) or errors.ndim != 3 or errors.shape[2] != len(LEVELS) or not np.isfinite(errors).all():
            raise ValueError("spread: levels and errors do not fit each other")
        return cls(errors)


def measured_spread(errors: Sequence[Floats]) -> Spread | None:
    """The spread of errors (T, D), one of each forecast, missing ones left out; None where they are too few."""
    if len(errors) < FEWEST:
        return None
    together = np.stack(errors)
    if (np.isfinite(together).sum(0) < FEWEST).any():
        return None
    return Spread(np.moveaxis(np.nanquantile(together, LEVELS, axis=0), 0, 2).astype(np.float32))
