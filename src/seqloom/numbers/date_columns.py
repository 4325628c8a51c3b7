"""The columns of a time as one text a row: year, month and day, year and week, date and time of the day."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from seqloom.numbers.steps import WEEK, Step

__all__ = ["CENTURIES", "FIRST_YEAR", "LAST_YEAR", "as_whole", "in_order", "part_of_year", "together"]

YearPart = Literal["quarter", "month", "week", "day"]

SAID: dict[YearPart, tuple[str, ...]] = {
    "quarter": ("q", "qtr", "quarter"),
    "month": ("m", "mo", "mon", "month"),
    "week": ("w", "wk", "week"),
    "day": ("d", "day", "doy"),
}
"""Names of columns that say a part of the year, the longer ones also as a part of a name."""
OF_DATE: dict[str, tuple[str, ...]] = {"year": ("y", "yr", "year"), "month": SAID["month"], "day": ("d", "day")}
"""Names of columns that say a date together."""
MOST: dict[YearPart, int] = {"quarter": 4, "month": 12, "week": 53, "day": 366}
"""In a year, at the most."""
FIRST_YEAR, LAST_YEAR = "1600", "2199"
"""Of numbers that are years."""
CENTURIES = ("19", "20")
"""How dates without marks begin."""
FLOAT = re.compile(r"(\d+)[.,]0*|(\d[.,]?\d*)e\+?(\d\d?)", re.ASCII | re.IGNORECASE)
"""A whole number as a float is written: 1262304000.0, or 1.262304e+09."""
FRACTION = re.compile(r"\d+[.,]\d*[1-9]\d*", re.ASCII)


def as_whole(cells: Sequence[str]) -> Sequence[str]:
    """Whole numbers without the decimals of floats, as of a column that a data frame holds as such; other cells as they are.

    Where one has a part behind the full stop, as 2024.083 and 14.30 have, all stay.
    """
    if not cells or not FLOAT.fullmatch(cells[0]) or any(map(FRACTION.fullmatch, cells)):
        return cells
    return [_as_whole(cell) for cell in cells]


def _as_whole(cell: str) -> str:
    if not (found := FLOAT.fullmatch(cell)):
        return cell
    if found[1]:
        return found[1]
    number = Decimal(f"{found[2].replace(',', '.')}e{found[3]}")
    return str(int(number)) if number == int(number) else cell


def in_order(names: Sequence[str]) -> list[int]:
    """The places of the columns of a time: the year, its month and its day in this order, where names say both, and the others behind."""
    parts = [_part_of_date(name.casefold()) for name in names]
    places = [place for part in OF_DATE for place, said in enumerate(parts) if said == part]
    if not {"year", "month"} <= {*parts} or len({parts[place] for place in places}) < len(places):
        return [*range(len(names))]
    return [*places, *(place for place in range(len(names)) if place not in places)]


def _part_of_date(name: str) -> str:
    """Which part of a date a column says by its name, '' where it says none."""
    year, month, day = (_says(name, words) for words in OF_DATE.values())
    if day:
        return "" if year or "week" in name else "day"  # of the year or the week, else of the month
    return "month" if month else "year" if year else ""


def _says(name: str, words: tuple[str, ...]) -> bool:
    return name in words or any(len(word) > 2 and word in name for word in words)


def part_of_year(rows: Sequence[Sequence[str]], names: Sequence[str], step: Step | None = None) -> YearPart:
    """What the second column of a time says of the year in the first: as its name says, or else the step, where that is known, or else the
    longest part of which a year has so many.
    """
    if _whole_dates(rows) < 2:
        return "month"
    name, is_last, most = names[1].casefold(), _whole_dates(rows) == 2, max(int(row[1]) for row in rows)
    said: list[YearPart] = [part for part, words in SAID.items() if _says(name, words)]
    if said:
        return said[0]
    if not is_last:
        return "month" if most <= MOST["month"] else "day"
    if step is None:
        fitting: list[YearPart] = [part for part, count in MOST.items() if most <= count]
        return fitting[0] if fitting else "month"
    if step.months:
        return "month" if step.months % 3 or most > MOST["quarter"] else "quarter"
    return "day" if step.seconds % WEEK else "week"


def _whole_dates(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first columns are a year and whole numbers behind it, three at the most; 0 where there is no year."""
    whole = [all(row[place].isdecimal() for row in rows) for place in range(min(len(rows[0]), 3))] if rows else [False]
    are_years = whole[0] and all(len(row[0]) == len(FIRST_YEAR) for row in rows)
    return [*whole, False].index(False) if are_years else 0


def together(rows: Sequence[Sequence[str]], part: YearPart = "month") -> list[str]:
    """What the columns of a time say as one: a date, or year, month and day, or year and another part of it, in whole numbers, and then a
    time of the day, or hour, minute and second, or an hour alone, or 930 for half past nine, as far as they are given.
    """
    if not rows or len(rows[0]) == 1:
        return [cell for row in rows for cell in row]
    dates = max(_whole_dates(rows), 1) if part == "month" else 2
    clocks = _clocks([row[dates:] for row in rows])
    return [f"{_date(row[:dates], part)} {clock}".strip() for row, clock in zip(rows, clocks, strict=True)]


def _date(parts: Sequence[str], part: YearPart) -> str:
    if part != "month":
        year, number = parts[0], int(parts[1])
        return _day_of_year(year, number) if part == "day" else f"{year}{part[0].upper()}{number}"
    if len(parts) > 1:
        return "-".join([parts[0], *(f"{int(part):02}" for part in parts[1:])])
    (whole,) = parts
    return f"{whole[:4]}-{whole[4:6]}-{whole[6:]}" if len(whole) == 8 and whole.isdecimal() and whole[:2] in CENTURIES else whole


def _day_of_year(year: str, number: int) -> str:
    with contextlib.suppress(ValueError, OverflowError):
        day = datetime(int(year), 1, 1) + timedelta(days=number - 1)
        if day.year == int(year):
            return day.date().isoformat()
    return f"{year}-{number:03}"  # which is no date, and is named


def _clocks(rows: Sequence[Sequence[str]]) -> list[str]:
    """Times of the day; as they are written where they are not whole numbers."""
    if not all(part.isdecimal() for row in rows for part in row):
        return [" ".join(row) for row in rows]
    if not rows[0] or len(rows[0]) > 1:
        return [":".join(f"{int(part):02}" for part in row) for row in rows]
    digits = max(len(part) for (part,) in rows)
    if digits <= 2:
        return [f"{int(part):02}:00" for (part,) in rows]
    return [":".join(re.findall("..", part.zfill(digits + digits % 2))) for (part,) in rows]
