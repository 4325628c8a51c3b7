"""Times as tables write them, read as moments: dates in several forms, and whole numbers."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from seqloom.data.header import is_number
from seqloom.errors import DataError
from seqloom.numbers.clock import Where
from seqloom.numbers.date_columns import CENTURIES, FIRST_YEAR, LAST_YEAR, as_whole
from seqloom.numbers.steps import Times, continued, find_step

__all__ = ["Dates", "are_even_in_place", "find_dates", "have_offsets", "look_like_times", "read_times", "without_offsets"]

Dates = Literal["iso", "weeks", "decimal", "day_first", "month_first", "count"]

YEAR_LAST: tuple[Dates, ...] = ("day_first", "month_first")
EXPECTED: dict[Dates, str] = {
    "iso": "a date in ISO form (2024-03-01 or 2024-03-01 14:00), with the month's name (1 March 2024, Mar-24), of a month, quarter or week "
    "(03/2024, 2024Q1, 2024W09), without marks (20240301) or seconds since 1970",
    "weeks": "a year and a week of it, such as 202401",
    "decimal": "a year and twelfths of it, such as 2024.083",
    "day_first": "a date such as 31.12.2024 or 31/12/2024 14:00",
    "month_first": "a date such as 12/31/2024 or 12/31/2024 2:00 PM",
    "count": "a whole number, as in training",
}
ANY = (
    "dates in ISO form (2024-03-01 14:00), with the year last (31.12.2024, 12/31/2024 2:00 PM) or the month's name (1 March 2024, Mar-24), "
    "months, quarters, weeks (03/2024, 2024Q1, 2024W09), dates without marks (20240301), years (2024, 2024.083) or seconds since 1970"
)
FEWEST = 3
"""Rows of which most may say that a column holds no times."""
LAST = re.compile(
    r"(\d\d?)([./-])(\d\d?)\2(\d{4}|(?<!-)\d\d(?!\d))(?:(?:, ?|[T ] *)(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?(?: ?([AP])M)?)?",
    re.IGNORECASE | re.ASCII,
)
"""A date with the year last, in two digits not behind a hyphen, where it is mostly first; and a time of the day."""
FIRST = re.compile(r"(\d{4})([./-])(\d\d?)(?:\2(\d\d?)(?:[T ] *(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?)?)?", re.ASCII)
"""A date with the year first, not quite in ISO form."""
QUARTER = re.compile(r"(\d{4})[ -]?Q([1-4])", re.IGNORECASE | re.ASCII)
WEEK_OF_YEAR = re.compile(r"(\d{4})[ -]?W(\d\d?)", re.IGNORECASE | re.ASCII)
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
NAME = r"([a-z]{3,9})\.?"
NAMED = re.compile(rf"(?:(\d\d?)[ -])?{NAME}(?: (\d\d?),?)?[ -](\d{{4}})(|[ ,T].*)", re.IGNORECASE | re.ASCII)
"""1 March 2024, 01-Mar-2024, Mar 1, 2024, Mar 1 2024, March 2024, and a time of the day."""
SHORT = re.compile(rf"(?:(\d\d?)([ /-]){NAME}\2|{NAME}(?:[/-]| ?(?=')))'?(\d\d)(|[ ,T].*)", re.IGNORECASE | re.ASCII)
"""01-Mar-24, 1 Mar '24, Mar-24, Mar '24, and a time of the day; not Mar 24, which may be a day."""
YEAR_NAMED = re.compile(rf"(\d{{4}})[ -]{NAME}(?:[ -](\d\d?))?(|[ ,T].*)", re.IGNORECASE | re.ASCII)
MONTH_YEAR = re.compile(r"(\d\d?)[./-](\d{4})", re.ASCII)
YEAR_MONTH = re.compile(r"(\d{4})[ -]?M(\d\d?)", re.IGNORECASE | re.ASCII)
QUARTER_YEAR = re.compile(r"Q([1-4])[ /-]?(\d{4})", re.IGNORECASE | re.ASCII)
IN_UTC = re.compile(r" ?(?:UTC|GMT|Z)$", re.IGNORECASE)
"""Behind a moment, as numpy does not read it."""
OFFSET = re.compile(r"[T ]\d\d(:\d\d)*(\.\d+)?[+-](?!00:?(00)?\s*$)\d\d:?(\d\d)?\s*$")
"""Behind a time of the day, other than that of UTC itself."""
ANY_OFFSET = re.compile(r"([T ]\d\d(?::\d\d)*(?:\.\d+)?) ?(?:[+-]\d\d:?(?:\d\d)?|UTC|GMT|Z)\s*$", re.IGNORECASE)
"""Of UTC itself too."""
PART = re.compile(r":\d\d\.\d*[1-9]")
"""Of a second."""
DECIMAL = re.compile(r"\d{4}(\.\d+)?", re.ASCII)
"""A year, and how much of it has gone by."""
NEARLY = 0.05
"""Of a month: as 0.08 is a twelfth of a year."""
MONTHS_TO_1970 = 12 * 1970
NO_TIME = "NaT"
HALF_A_DAY, A_DAY = 12, 24
UNMARKED = {6, 8, 10, 12, 14}
"""Digits of dates without marks: year, month, day, hour, minute and second."""
SECONDS, SECONDS_SIZES = ("seconds", 1), {9, 10}
PARTS = {13: ("milliseconds", 10**3), 16: ("microseconds", 10**6), 19: ("nanoseconds", 10**9)}
"""What whole numbers of so many digits say since 1970, and how many of it are a second: the digits that they have from 2001 to 2286.
Seconds have 9 from 1973 on."""
NEARLY_ALL = 0.9
"""Of whole numbers, which are dates then."""
MOST_COUNTED = 15
"""Digits of a number that counts."""
LATEST = str(np.iinfo(np.int64).max)
"""Of nanoseconds."""
WHOLE_SECONDS = "whole seconds. Round the times, or train without --time: rows are numbered then."


def find_dates(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = ()) -> Dates:
    """How dates are written; `count` where all are whole numbers that say no date. Where the day and the month could each be first, full
    stops say the day, since no one writes the month first between them; else rows that follow each other in even steps tell which it is.

    Raises:
        DataError: nothing tells it, or the column holds no times.
    """
    if not cells or not (first := LAST.fullmatch(IN_UTC.sub("", cells[0].strip()))):
        if not cells or not _are_whole(cells):
            if cells and _are_decimal(cells):
                return "decimal"
            _refuse_column(cells, where, column)
            return "iso"
        if _count(cells):
            return "iso" if sum(map(_looks_like_date, cells)) >= NEARLY_ALL * len(cells) else "count"  # a cell that is none is named
        return "weeks" if _are_weeks(cells) else "iso"
    times = {dates: _with_the_year_last(cells, dates) for dates in YEAR_LAST}
    said = {dates: int((~np.isnat(read)).sum()) for dates, read in times.items()}
    if said["day_first"] == said["month_first"]:
        if first[2] == "." or said["day_first"] < len(cells):  # a cell that is no date is named when they are read
            return "day_first"
        if np.array_equal(times["day_first"], times["month_first"]) and len(np.unique(times["day_first"].astype("datetime64[D]"))) > 1:
            return "day_first"  # as of years that all begin on 1/1
        said = {dates: _even_steps(times[dates], starts) for dates in YEAR_LAST}
    best: Dates = "day_first" if said["day_first"] > said["month_first"] else "month_first"
    if len(first[4]) == len(first[1]) == 2 and _year_is_first(cells, starts, _even_steps(times[best], starts)):
        raise DataError(
            f"{where(0)}: {column} is {cells[0]!r}, and nothing tells whether the year is first or last. Write years in four digits, or "
            "say --set fields.numbers.dates=day_first (or month_first) if it is last."
        )
    if said["day_first"] != said["month_first"]:
        return best
    raise DataError(
        f"{where(0)}: {column} is {cells[0]!r}, and nothing tells whether the day or the month is first. "
        "Say --set fields.numbers.dates=day_first (or month_first)."
    )


def _year_is_first(cells: Sequence[str], starts: Sequence[int], even: int) -> bool:
    """Whether dates of two digits each, the year first, would be all there, and no less than so many rows in even steps."""
    found = [LAST.fullmatch(IN_UTC.sub("", cell.strip())) for cell in cells]
    turned = [f"{each[4]}.{each[3]}.{_whole_year(each[1])}" if each else "" for each in found]
    times = _with_the_year_last(turned, "day_first")
    return not np.isnat(times).any() and _even_steps(times, starts) >= even


def look_like_times(cells: Sequence[str]) -> bool:
    """Whether all cells but empty ones say moments, several: dates with marks, or numbers in even steps, as other numbers seldom are."""
    there = as_whole([cell for cell in cells if cell])
    if len({*there}) < 2:
        return False
    try:
        read_times(there[:1], str, "", dates=find_dates(there[:1], str, ""))  # which most columns of other things do not get past
        if (dates := find_dates(there, str, "")) == "count":
            return False
        times = read_times(there, str, "", dates=dates)
    except DataError:
        return all(map(LAST.fullmatch, there))  # of which nothing tells whether the day or the month is first
    return not all(map(is_number, there)) or _even_steps(times, [0]) == len(times) - 1


def _refuse_column(cells: Sequence[str], where: Where, column: str) -> None:
    """Raises a DataError where the first cell and most others say no time, so that none of them is a slip of the pen."""
    if len(cells) < FEWEST or not np.isnat(_read_dates(cells[:1], "iso")).any():
        return
    if (count := int(np.isnat(_read_dates(cells, "iso")).sum())) > len(cells) / 2:
        raise DataError(
            f"{where(0)}: {column} is {cells[0]!r}, and {count:,} of {len(cells):,} rows say no time that can be read; expected {ANY}. "
            "Write them so, name another column, or train without --time: rows are numbered then."
        )


def _even_steps(times: Times, starts: Sequence[int]) -> int:
    """How many rows are one step after the row before."""
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts))
    return int((continued(times[inside - 1], find_step(times, starts), 1) == times[inside]).sum())


def read_times(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = (), dates: Dates = "iso") -> Times:
    """The moments that cells say. In ISO form, also whole numbers: dates without marks (20240301, 202403, 2024030114), or seconds, milli-,
    micro- or nanoseconds since 1970, told by their digits. Numbers that count stay as they are.

    starts: the row where each series begins.

    Raises:
        DataError: a cell that is none of this; no whole second, where parts of seconds tell rows apart.
    """
    if dates == "count":
        return _counted(cells, where, column)
    if dates == "iso" and _are_whole(cells) and not _look_like_dates(cells) and not _count(cells):
        return _since_1970(cells, where, column)
    times = _read_dates(cells, dates)
    if len(broken := np.nonzero(np.isnat(times))[0]):
        row = int(broken[0])
        raise DataError(f"{where(row)}: {column} is {cells[row]!r}; expected {EXPECTED[dates]}. {_advice(cells[row])}")
    _refuse_parts_of_seconds(times, cells, starts, where, column, dates)
    return times


def _advice(cell: str) -> str:
    """What to do about a cell that says no time."""
    try:
        float(cell)
    except ValueError:
        return "Mend the cell."
    counts = ", or with --set fields.numbers.dates=count, if it counts rows" if cell.isdecimal() else ""
    return f"Mend the cell, or train without --time: rows are numbered then{counts}."


def _read_dates(cells: Sequence[str], dates: Dates, unit: str = "s") -> Times:
    """The moments that dates say, in whole units; not a time where a cell is none."""
    if dates in YEAR_LAST and not all(map(_begins_as_date, cells)):  # ISO form is the same in all tables, and that of forecasts
        return _with_the_year_last(cells, dates, unit)
    if dates == "weeks":
        return _weeks(cells)
    if dates == "decimal":
        return _decimal_years(cells)
    if _are_whole(cells) and _look_like_dates(cells):
        return _unmarked(cells)
    forms = [cells, [cell.replace("/", "-") for cell in cells]] if cells and "/" in cells[0] else [cells]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no explicit representation of timezones")  # numpy brings them to UTC
        for form in forms if all(map(_begins_as_date, cells)) else []:
            with contextlib.suppress(ValueError):
                return np.array(form, dtype=f"datetime64[{unit}]")
        return np.array([_moment(cell, unit) for cell in cells], dtype=f"datetime64[{unit}]")


def _refuse_parts_of_seconds(times: Times, cells: Sequence[str], starts: Sequence[int], where: Where, column: str, dates: Dates) -> None:
    """Parts of a second are cut: refused where rows of a series differ in nothing else, or step by some."""
    if not any("." in cell and PART.search(cell) for cell in cells):
        return
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts))
    exact = _read_dates(cells, dates, "ns").astype(np.int64)
    steps = exact[inside] - exact[inside - 1]
    same = inside[(times[inside] == times[inside - 1]) & (steps > 0)]
    if len(same):
        row, what = int(same[0]), "in the same second as the row before"
    elif (parts := steps % 10**9 > 0).any() and np.unique(steps, return_counts=True)[1].max() > len(steps) / 2 and parts.mean() > 1 / 2:
        row, what = int(inside[parts][0]), "and rows step by parts of a second"
    else:
        return
    raise DataError(f"{where(row)}: {column} is {cells[row]!r}, {what}; expected {WHOLE_SECONDS}")


def have_offsets(cells: Sequence[str]) -> bool:
    """Whether a moment says how far it is from UTC, to which it is brought then."""
    return any(map(OFFSET.search, cells))


def without_offsets(cells: Sequence[str]) -> list[str]:
    """The moments as the clock of the place shows them."""
    return [ANY_OFFSET.sub(r"\1", cell) for cell in cells]


def are_even_in_place(cells: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether more rows follow each other in even steps by the clock of the place than in UTC, as days do where clocks are set."""
    in_place, in_utc = (_read_dates(form, "iso") for form in (without_offsets(cells), cells))
    return _even_steps(in_place, starts) > _even_steps(in_utc, starts)


# -------------------------------------------------------------------------------------------------------- dates with marks


def _with_the_year_last(cells: Sequence[str], dates: Dates, unit: str = "s") -> Times:
    """The moments of dates so written, not a time where a cell is none."""
    return np.array([_in_iso_form(cell, dates) for cell in cells], dtype=f"datetime64[{unit}]")


def _in_iso_form(cell: str, dates: Dates) -> str:
    """A date with the year last in ISO form."""
    found = LAST.fullmatch(IN_UTC.sub("", cell.strip()))
    if not found:
        return NO_TIME
    first, _, second, year, hour, _, minute, seconds, part, half = found.groups()
    day, month = (first, second) if dates == "day_first" else (second, first)
    year = year if len(year) > 2 else str(_whole_year(year))
    if half and not 1 <= int(hour) <= HALF_A_DAY:
        return NO_TIME
    hours = int(hour or 0) % HALF_A_DAY + HALF_A_DAY * (half in "Pp") if half else int(hour or 0)
    return _iso(year, month, day, hours, minute, seconds, part)


def _iso(year: str, month: str, day: str | None, hour: str | int | None, minute: str | None, seconds: str | None, part: str | None) -> str:
    """A moment in ISO form, 24:00 as the begin of the next day; NaT, which numpy reads as no time, where there is no such day or time."""
    is_end = int(hour or 0) == A_DAY and not int(minute or 0) and not int(seconds or 0)
    with contextlib.suppress(ValueError, OverflowError):
        clock = 0 if is_end else int(hour or 0), int(minute or 0), int(seconds or 0)
        return (datetime(int(year), int(month), int(day or 1), *clock) + timedelta(days=is_end)).isoformat() + (part or "")
    return NO_TIME


def _begins_as_date(cell: str) -> bool:
    """Whether a year may stand in front: numpy takes `now` for a moment, an empty cell for none, and any number for a year."""
    begin = cell.strip()[:4]
    return len(begin) == 4 and begin.isdecimal() and not cell.strip()[4:5].isdecimal()


def _moment(cell: str, unit: str) -> np.datetime64:
    """The moment that a cell with the year first says, not a time where it says none."""
    text = IN_UTC.sub("", cell.strip())
    if text.isdecimal() and _looks_like_date(text):
        return _unmarked([text]).astype(f"datetime64[{unit}]")[0]
    if found := FIRST.fullmatch(text):
        year, _, month, day, hour, _, minute, seconds, part = found.groups()
        return np.datetime64(_iso(year, month, day, hour, minute, seconds, part), unit)
    if numbers := _in_numbers(text):
        return np.datetime64(_in_iso_form(numbers, "day_first"), unit)
    if found := QUARTER.fullmatch(text):
        return np.datetime64(f"{found[1]}-{3 * int(found[2]) - 2:02}", unit)
    if found := WEEK_OF_YEAR.fullmatch(text):
        return np.datetime64(_monday(*found.groups()), unit)
    if _begins_as_date(text):
        with contextlib.suppress(ValueError):
            return np.datetime64(text.replace("/", "-"), unit)
    return np.datetime64(NO_TIME)


def _in_numbers(text: str) -> str:
    """A date with the name of its month, or without a day, as day.month.year and the time of the day behind it; '' where it is none."""
    if (found := NAMED.fullmatch(text)) and not (found[1] and found[3]):
        before, name, behind, year, rest = found.groups()
        return f"{before or behind or 1}.{_month(name)}.{year}{rest}"
    if found := SHORT.fullmatch(text):
        day, _, name, alone, year, rest = found.groups()
        return f"{day or 1}.{_month(name or alone)}.{_whole_year(year)}{rest}"
    if found := YEAR_NAMED.fullmatch(text):
        year, name, day, rest = found.groups()
        return f"{day or 1}.{_month(name)}.{year}{rest}"
    if found := MONTH_YEAR.fullmatch(text):
        return f"1.{found[1]}.{found[2]}"
    if found := YEAR_MONTH.fullmatch(text):
        return f"1.{found[2]}.{found[1]}"
    return f"1.{3 * int(found[1]) - 2}.{found[2]}" if (found := QUARTER_YEAR.fullmatch(text)) else ""


def _whole_year(year: str) -> int:
    """The year that two digits say, from 1969 to 2068, as POSIX has it."""
    return int(year) + (1900 if int(year) >= 69 else 2000)


def _month(name: str) -> int:
    """The number of a month that is named, whole or in three letters, September also in four; 0, which none has, where it is no month."""
    names = {form.lower(): number for number, month in enumerate(MONTHS, 1) for form in (month, month[:3])}
    return {**names, "sept": 9}.get(name.lower(), 0)


def _monday(year: str, week: str) -> str:
    """With which a week of ISO 8601 begins, NaT where the year has no such week."""
    with contextlib.suppress(ValueError):
        return datetime.fromisocalendar(int(year), int(week), 1).isoformat()
    return NO_TIME


# ----------------------------------------------------------------------------------------------------------- whole numbers


def _are_whole(cells: Sequence[str]) -> bool:
    """Whether all are whole numbers, and not all of them years."""
    return all(cell.isdecimal() for cell in cells) and not all(
        len(cell) == len(FIRST_YEAR) and FIRST_YEAR <= cell <= LAST_YEAR for cell in cells
    )


def _look_like_dates(cells: Sequence[str]) -> bool:
    """Whether whole numbers have the digits and the centuries of dates without marks, and are no seconds of the years to come."""
    digits = len(cells[0])
    if not all(len(cell) == digits and _looks_like_date(cell) for cell in cells):
        return False
    return digits not in SECONDS_SIZES or all(cell > "2" for cell in cells) or not np.isnat(_unmarked(cells)).any()


def _looks_like_date(cell: str) -> bool:
    return len(cell) in UNMARKED and cell[:2] in CENTURIES


def _count(cells: Sequence[str]) -> bool:
    """Whether whole numbers say neither dates nor what has gone by since 1970."""
    sizes = set(map(len, cells))
    if len(sizes) == 1 and sizes <= PARTS.keys():
        return False
    return not sizes <= SECONDS_SIZES and max(sizes) <= MOST_COUNTED and not _look_like_dates(cells)


def _counted(cells: Sequence[str], where: Where, column: str) -> Times:
    for row, cell in enumerate(cells):
        if not cell.isdecimal() or len(cell) > MOST_COUNTED:
            raise DataError(f"{where(row)}: {column} is {cell!r}; expected {EXPECTED['count']}. Mend the cell.")
    return np.array(cells, dtype=np.int64)


def _since_1970(cells: Sequence[str], where: Where, column: str) -> Times:
    """The moments of whole numbers of seconds or parts of them."""
    name, parts = PARTS.get(len(cells[0]), SECONDS)
    for row, cell in enumerate(cells):
        if len(cell) > len(LATEST) or (len(cell) == len(LATEST) and cell > LATEST) or (len(cell) > MOST_COUNTED and parts == 1):
            raise DataError(f"{where(row)}: {column} is {cell!r}; expected {EXPECTED['iso']}. {_advice(cell)}")
    numbers = np.array(cells, dtype=np.int64)
    if len(broken := np.nonzero(numbers % parts)[0]):
        row = int(broken[0])
        raise DataError(f"{where(row)}: {column} is {cells[row]!r}, taken for {name} since 1970; expected {WHOLE_SECONDS}")
    return (numbers // parts).astype("datetime64[s]")


def _unmarked(cells: Sequence[str]) -> Times:
    """The moments of dates without marks, not a time where a number is none."""
    read = [_iso(cell[:4], cell[4:6], cell[6:8], cell[8:10], cell[10:12], cell[12:14], "") for cell in cells]
    return np.array(read, dtype="datetime64[s]")


def _are_weeks(cells: Sequence[str]) -> bool:
    """Whether six digits are a year and a week of it, and not all of them a year and a month."""
    has_six = len(cells[0]) == min(UNMARKED) and _look_like_dates(cells)
    return has_six and bool(np.isnat(_unmarked(cells)).any()) and not np.isnat(_weeks(cells)).any()


def _weeks(cells: Sequence[str]) -> Times:
    """The Mondays of a year and a week in six digits, not a time where a number is none."""
    read = [_monday(cell[:4], cell[4:]) if len(cell) == min(UNMARKED) and cell.isdecimal() else NO_TIME for cell in cells]
    return np.array(read, dtype="datetime64[s]")


def _are_decimal(cells: Sequence[str]) -> bool:
    """Whether all are years and twelfths of them, and not all a year and a month, as 2024.01 is."""
    if not all(map(DECIMAL.fullmatch, cells)) or np.isnat(_decimal_years(cells)).any():
        return False
    return bool(np.isnat(_read_dates(cells, "iso")).any())


def _decimal_years(cells: Sequence[str]) -> Times:
    """The months of years with decimals, not a time where a cell is none, or no twelfth."""
    read = [divmod(12 * float(cell), 1) if DECIMAL.fullmatch(cell) else (0.0, 0.5) for cell in cells]
    months = [
        np.datetime64(round(whole + part) - MONTHS_TO_1970, "M") if abs(part - round(part)) < NEARLY else NO_TIME for whole, part in read
    ]
    return np.array(months, dtype="datetime64[s]")
