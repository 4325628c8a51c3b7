"""From what a head for frames says of each number to a point and to quantiles. No torch: an exported model needs it too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import HeadConfig, QuantileHead
from seqloom.errors import ConfigError
from seqloom.numbers.spread import LEVELS, Spread

__all__ = ["are_measurable", "point_of", "quantile_levels", "quantiles_of", "read_levels", "width_of"]

Floats = npt.NDArray[np.float32]

NARROWEST = 1e-3
"""Of the width that a head says, in scaled units."""


def point_of(head: HeadConfig, values: Floats) -> Floats:
    """The forecast (..., D): the mean, the median, or the quantile nearest to it, from parameters (..., D, P)."""
    place = _middle(head.levels) if isinstance(head, QuantileHead) else 0
    return values[..., place]


def width_of(head: HeadConfig, values: Floats) -> Floats:
    """How wide (..., D) a head says that truth lies about its point: half its outermost quantiles' distance, a deviation; 1 where it says
    points alone.
    """
    if isinstance(head, QuantileHead) and len(head.levels) > 1:
        return np.maximum((values[..., -1] - values[..., 0]) / 2, NARROWEST)
    return np.maximum(values[..., 1], NARROWEST) if head.kind in _INVERSES else np.ones_like(values[..., 0])


def quantile_levels(head: HeadConfig, asked: Sequence[float] | None = None, spread: Spread | None = None) -> list[float]:
    """The levels that a head can give: those asked for, or its own; none for a head of points, of which a spread gives those asked for.

    Raises:
        ConfigError: levels are asked for that the head was not trained for, or too near to 0 or 1 to be known from a spread.
    """
    if asked and spread is not None:
        if beyond := [level for level in asked if not LEVELS[0] <= level <= LEVELS[-1]]:
            raise ConfigError(f"quantile {beyond[0]}: measured on dev are {LEVELS[0]} to {LEVELS[-1]}. Ask for one between them.")
        return list(asked)
    if isinstance(head, QuantileHead):
        if missing := [level for level in asked or [] if level not in head.levels]:
            raise ConfigError(f"quantile {missing[0]}: the model was trained for {head.levels}. Ask for those, or train with --quantiles.")
        return list(asked or head.levels)
    if head.kind not in _INVERSES:
        if asked:
            raise ConfigError(
                f"quantiles: a head of kind {head.kind!r} says points only. Train with --quantiles, or with model.head.kind=gaussian."
            )
        return []
    return list(asked or (0.1, 0.5, 0.9))


def read_levels(asked: str | float | Iterable[float] | None) -> list[float]:
    """The levels that are asked for, each once, from the lowest; a text has commas between.

    Raises:
        ConfigError: they are not numbers between 0 and 1.
    """
    if isinstance(asked, str):
        parts = [part for part in asked.split(",") if part.strip()]
    else:
        parts = [asked] if isinstance(asked, (int, float, np.number)) else asked or []
    try:
        levels = sorted({float(part) for part in parts})
    except (TypeError, ValueError):
        levels = [0.0]
    if any(not 0 < level < 1 for level in levels):
        raise ConfigError(f"quantiles {asked}: expected numbers between 0 and 1, as in 0.1,0.5,0.9.")
    return levels


def are_measurable(head: HeadConfig) -> bool:
    """Whether a spread knows the levels that a head says: beyond the outermost of them no errors are kept."""
    return not isinstance(head, QuantileHead) or all(LEVELS[0] <= level <= LEVELS[-1] for level in head.levels)


def quantiles_of(head: HeadConfig, values: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles (..., D, levels) from parameters (..., D, P)."""
    if isinstance(head, QuantileHead):
        return values[..., [head.levels.index(level) for level in levels]]
    if not levels:
        return values[..., :0]
    inverse = _INVERSES[head.kind]
    return np.stack([inverse(values, level) for level in levels], axis=-1).astype(np.float32)


def _middle(levels: Sequence[float]) -> int:
    return min(range(len(levels)), key=lambda place: abs(levels[place] - 0.5))


def _gaussian(values: Floats, level: float) -> npt.NDArray[Any]:
    return values[..., 0] + values[..., 1] * NormalDist().inv_cdf(level)


def _student_t(values: Floats, level: float) -> npt.NDArray[Any]:
    return values[..., 0] + values[..., 1] * student_quantile(level, values[..., 2].astype(np.float64))


def student_quantile(level: float, freedom: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The quantile of Student's t, for degrees of freedom above 2 (Hill 1970, CACM algorithm 396): right to some 1e-3 there."""
    if level == 0.5:
        return np.zeros_like(freedom)
    two_sided, n = 2 * min(level, 1 - level), freedom
    a = 1 / (n - 0.5)
    b = (48 / a) / a
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * np.sqrt(a * np.pi / 2) * n
    x = d * two_sided
    y = x ** (2 / n)
    normal = -NormalDist().inv_cdf(two_sided / 2)
    square = normal**2
    near = n < 5
    c = np.where(near, c + 0.3 * (n - 4.5) * (normal + 0.6), c)
    c = (((0.05 * d * normal - 5) * normal - 7) * normal - 2) * normal + b + c
    z = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * normal
    z = np.expm1(a * z * z)
    tail = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (n + 2) + 1 / y
    square_of = np.where(y > 0.05 + a, z, tail)
    return np.sqrt(n * square_of) * (1 if level > 0.5 else -1)


_INVERSES: dict[str, Callable[[Floats, float], npt.NDArray[Any]]] = {"gaussian": _gaussian, "student_t": _student_t}
