"""Frames as text: as in JSON, or numbers with blanks between; so that a row is texts, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError

__all__ = [
    "LARGEST",
    "checked_frames",
    "frames_of_text",
    "hold_frames",
    "numbers_of_lists",
    "text_of_array",
    "text_of_frames",
    "text_of_lists",
]

Floats = npt.NDArray[Any]
"""float32 or float64"""

LARGEST = 1e38
"""Of a number: a float32 holds it, and its distance from any other."""

FORM = "expected numbers with blanks between, as in 0.5 1.25, or lists as in JSON, as in [[0.5, 1], [1.25, 2]]"


def hold_frames(values: Iterable[object]) -> bool:
    """Whether values of JSON or Parquet are numbers over time: all of them lists of numbers, or of lists of numbers, and not all of whole
    numbers a moment, which may as well be symbols. Missing ones do not count.
    """
    there = [value for value in values if value is not None]
    lists = [cast("list[object]", value) for value in there if isinstance(value, list)]
    return bool(there) and len(lists) == len(there) and all(map(_are_numbers, lists)) and not all(map(_are_whole, lists))


def _are_numbers(value: list[object]) -> bool:
    rows = [cast("list[object]", item) if isinstance(item, list) else [item] for item in value]
    return all(_is_number(item) for row in rows for item in row)


def _are_whole(value: list[object]) -> bool:
    return all(not isinstance(item, list) and _is_number(item) and str(item).lstrip("+-").isdecimal() for item in value)


def _is_number(item: object) -> bool:
    if isinstance(item, (bool, list, dict)) or item is None:
        return False
    try:
        float(str(item))
    except ValueError:
        return False
    return True


def numbers_of_lists(values: Any, *, whole_too: bool = False) -> Any:
    """Values in memory, of which lists of numbers, or of lists of numbers, are arrays; where all numbers are whole they are texts, as of a
    file, unless `whole_too` says that they are numbers. What is missing stays; all is as it was where anything else is among them.
    """
    if not isinstance(values, list) or not _may_be_lists(cast("list[Any]", values)):
        return cast(Any, values)
    there = [value for value in cast("list[Any]", values) if value is not None]
    if not any(there) or not all(isinstance(value, (list, tuple)) and _holds_numbers(value) for value in there):
        return values
    if not whole_too and all(isinstance(item, Integral) for value in there for item in value):
        return [value if value is None else " ".join(map(str, value)) for value in cast("list[Any]", values)]
    try:
        return [value if value is None else np.array(value, dtype=np.float64) for value in cast("list[Any]", values)]
    except (ValueError, OverflowError):  # lists of unlike lengths in one, of which is said where they stand
        return cast(Any, values)


def _may_be_lists(values: list[Any]) -> bool:
    """Whether the first value that is there is a list: all others, which may be millions of texts, are looked at only then."""
    return isinstance(next((value for value in values if value is not None), None), (list, tuple))


def _holds_numbers(value: Sequence[Any]) -> bool:
    rows = [item if isinstance(item, (list, tuple)) else [item] for item in value]
    items: list[Any] = [item for row in rows for item in cast("Sequence[Any]", row)]
    return all(isinstance(item, (Real, Decimal)) for item in items) and not any(item is True or item is False for item in items)


def text_of_lists(value: list[Any]) -> str | None:
    """Lists of numbers in a list as the text of JSON, their numbers as they are written; None where something else is in them."""
    rows = [cast("list[object]", item) for item in value if isinstance(item, list)]
    if not rows or len(rows) < len(value) or not all(_is_number(item) for row in rows for item in row):
        return None
    return "[" + ", ".join(f"[{', '.join(map(str, row))}]" for row in rows) + "]"


def text_of_frames(frames: Floats) -> str:
    """Frames (T, D) as the text of JSON: a list a moment, of one number a moment a number, with the digits that tell it from others."""
    rows: list[list[float]] = [[float(str(number)) for number in row] for row in frames]
    return json.dumps([row[0] for row in rows] if frames.shape[1] == 1 else rows)


def text_of_array(array: npt.NDArray[Any], name: str) -> str:
    """An array of numbers over time, (T, D) or (T,), as text.

    Raises:
        DataError: it is none, or has NaN or infinity; says where.
    """
    if array.dtype.kind not in "fiub":
        raise DataError(f"{name}: an array of {array.dtype}; expected numbers. Convert it with astype.")
    return text_of_frames(checked_frames(array, name))


def frames_of_text(text: str, side: str) -> Floats:
    """Frames (T, D); a number a moment where there are no inner lists.

    Args:
        side: what the text is, for what is said of a fault: source or target.

    Raises:
        DataError: it is none; says why.
    """
    if not text.strip():
        raise DataError(f"the {side} is empty; expected one number at least. Mend or remove the line.")
    try:
        rows: Any = json.loads(text) if text.lstrip().startswith("[") else [float(word) for word in text.split()]
        frames = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        shown = text if len(text) <= 40 else text[:39] + "…"
        raise DataError(f"the {side} {shown!r} is not numbers, equally many at each moment; {FORM}. Mend or remove the line.") from None
    return checked_frames(frames, f"the {side}")


def checked_frames(frames: npt.NDArray[Any], name: str, *place: int) -> Floats:
    """Frames (T, D) in float64, or in float32 where they are; (T,) is taken as one number a moment.

    Args:
        name, place: what they are called, and which of several they are: X[3].

    Raises:
        DataError: of another shape, empty, or with NaN, infinity or numbers above 1e38 in size; says where.
    """

    def at(*more: int) -> str:
        where = (*place, *more)
        return f"{name}[{', '.join(map(str, where))}]" if where else name

    part = frames if frames.dtype == np.float32 else frames.astype(np.float64, copy=False)
    part = part[:, None] if part.ndim == 1 else part
    if part.ndim != 2 or not part.size:
        raise DataError(f"{at()}: shape {part.shape}; expected (T, D) with at least one moment. Mend the array.")
    if not (fits := np.abs(part) <= LARGEST).all():  # which NaN is not either
        row, column = (int(number) for number in np.argwhere(~fits)[0])
        expected = f"expected a finite number, at most {LARGEST:g} in size"
        raise DataError(f"{at(row, column)} is {part[row, column]}; {expected}. Fill or remove it before training.")
    return part
