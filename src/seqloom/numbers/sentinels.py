"""Numbers that may say that nothing was measured: -999, -9999, 99999, again and again and far from all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Sentinel", "find_sentinels", "say_sentinels"]

FEWEST = 2
"""Times that such a number stands in a column."""
OTHERS = 3
"""Different other numbers, at the least: of fewer none is far away."""


class Sentinel(NamedTuple):
    """A number that may stand for none."""

    number: float
    times: int

    def __str__(self) -> str:
        return f"{self.number:.10g}"


def find_sentinels(values: npt.NDArray[np.floating[Any]]) -> list[Sentinel]:
    """Those among the numbers (N,) of a column, NaN left out: of nines alone, there several times, and the lowest or the highest by more
    than the others lie apart, or the only one below zero.
    """
    numbers, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    found: list[Sentinel] = []
    while len(numbers) > OTHERS and (place := _outer(numbers, counts)) is not None:
        found.append(Sentinel(float(numbers[place]), int(counts[place])))
        numbers, counts = np.delete(numbers, place), np.delete(counts, place)
    return found


def _outer(numbers: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> int | None:
    """The place of the lowest or the highest of numbers in their order, where it may be a sentinel; others of nines count for nothing."""
    for place in (0, len(numbers) - 1):
        others = np.array([number for number in np.delete(numbers, place)[[0, 1, -2, -1]] if not _is_of_nines(float(number))])
        if counts[place] < FEWEST or not _is_of_nines(number := float(numbers[place])) or not len(others):
            continue
        distance = others.min() - number if place == 0 else number - others.max()
        if distance > others.max() - others.min() or number < 0 <= others.min():
            return place
    return None


def _is_of_nines(number: float) -> bool:
    """Whether a number is written with nines alone: two or more below zero, three or more above."""
    digits = f"{abs(number):.10g}".replace(".", "")
    return {*digits} == {"9"} and len(digits) >= (2 if number < 0 else 3)


def say_sentinels(columns: Mapping[str, npt.NDArray[np.floating[Any]]]) -> Iterator[str]:
    """A sentence for each number that may be one, with its columns and counts, and the setting that says so."""
    found = {name: find_sentinels(values) for name, values in columns.items()}
    for number in dict.fromkeys(str(item) for items in found.values() for item in items):
        where = [f"{item.times:,} times in {name}" for name, items in found.items() for item in items if str(item) == number]
        more = f" and {len(where) - 4} columns more" if len(where) > 4 else ""
        rule = f"--set fields.numbers.sentinels={number} --set fields.numbers.missing=linear (or previous, zero)"
        yield f"{number} stands {', '.join(where[:4])}{more}, far from all else. If it says that nothing was measured, say {rule}"
