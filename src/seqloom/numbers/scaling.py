"""Numbers brought to a common size: fitted on the training part, undone in the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Scaling", "fit_scaling"]

Floats = npt.NDArray[np.floating[Any]]
Frames = npt.NDArray[np.float32]

SMALLEST = 1e-12
"""A spread below this, relative to the size of the numbers, is that of a constant, which is only shifted."""
TINIEST = 1e-30
"""So is any below this: dividing by it leaves the range of a float32."""

ROWS = 100_000
"""Rows that are measured at once."""


@dataclass(frozen=True)
class Scaling:
    """(number - shift) / scale, for each column, and for each series where it is fitted so."""

    kind: str
    shift: Floats
    """(1, C), or (series, C)"""
    scale: Floats
    series: tuple[str, ...] = ()

    def apply(self, values: npt.NDArray[Any]) -> Frames:
        """The scaled numbers of (T, C), where all series are scaled alike."""
        return ((values - self.shift) / self.scale).astype(np.float32)

    def of_series(self, names: Sequence[str], parts: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Shift and scale (series, C) for series of these names; one that was not fitted is scaled by its own numbers (N, C)."""
        if self.kind != "series":
            return np.repeat(self.shift, len(names), 0), np.repeat(self.scale, len(names), 0)
        known = {name: place for place, name in enumerate(self.series)}
        rows = [
            (self.shift[known[name]], self.scale[known[name]]) if name in known else _standard(part)
            for name, part in zip(names, parts, strict=True)
        ]
        return np.stack([shift for shift, _ in rows]), np.stack([scale for _, scale in rows])

    def state(self) -> dict[str, Any]:
        """What `from_state` reads."""
        return {"kind": self.kind, "shift": self.shift.tolist(), "scale": self.scale.tolist(), "series": list(self.series)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Scaling:
        """The scaling that `state` was taken from."""
        shift, scale = (np.asarray(state[name], dtype=np.float64) for name in ("shift", "scale"))
        if shift.shape != scale.shape or shift.ndim != 2 or not np.isfinite(shift).all() or not (scale > 0).all():
            raise ValueError("scaling: shift and scale do not fit each other")
        return cls(str(state["kind"]), shift, scale, tuple(map(str, state["series"])))


def fit_scaling(kind: str, names: Sequence[str], parts: Sequence[Floats]) -> Scaling:
    """A scaling of that kind for the training part of each series (N, C); missing numbers, and of a kind for each series those without
    a row, are left out.
    """
    if kind == "series":
        fitted = {name: _standard(part) for name, part in zip(names, parts, strict=True) if len(part)}
        shift, scale = (np.stack(rows) for rows in zip(*fitted.values(), strict=True))
        return Scaling(kind, shift, scale, tuple(fitted))
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if kind == "none":
        return Scaling(kind, np.zeros((1, values.shape[1])), np.ones((1, values.shape[1])))
    shift, scale = _robust(values) if kind == "robust" else _standard(values)
    return Scaling(kind, shift[None], scale[None])


def _standard(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column, some rows at a time: a table can be large."""
    parts = [values[start : start + ROWS] for start in range(0, len(values), ROWS)]
    count = np.maximum(sum(np.isfinite(part).sum(0) for part in parts), 1)
    mean = sum(np.nansum(part, axis=0, dtype=np.float64) for part in parts) / count
    squares = sum(np.nansum(np.square(part - mean), axis=0) for part in parts)
    return mean, _positive(np.sqrt(squares / count), mean)


def _robust(values: Floats) -> tuple[Floats, Floats]:
    """Median and half the distance of the quartiles of each column; of a large table those of evenly spaced rows."""
    low, middle, high = np.nanquantile(values[:: -(-len(values) // (10 * ROWS))], [0.25, 0.5, 0.75], axis=0)
    return middle, _positive((high - low) / 2, middle)


def _positive(scale: npt.NDArray[Any], size: npt.NDArray[Any]) -> Floats:
    return np.where(scale > np.maximum(SMALLEST * np.abs(size), TINIEST), scale, 1.0)
