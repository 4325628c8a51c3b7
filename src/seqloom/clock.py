"""Time columns: read, checked for order, gaps and duplicates, continued, and shown to a model as sine and cosine."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError

__all__ = [
    "WORKING",
    "Step",
    "Times",
    "are_counted",
    "calendar_names",
    "check_times",
    "clock_features",
    "continued",
    "filled",
    "find_dates",
    "find_step",
    "have_offsets",
    "read_times",
    "spelled",
    "together",
]

Times = npt.NDArray[Any]
"""(N,) datetime64[s], or int64 where rows are counted"""
Moment = Any
"""datetime64[s], or an int64 that counts"""
Turns = npt.NDArray[np.float64]
"""(...), 0 to 1"""
Dates = Literal["iso", "day_first", "month_first", "count"]
Where = Callable[[int], str]
"""The place in the file of a row, for messages."""

OFFSET = re.compile(r"[T ]\d\d(:\d\d)*(\.\d+)?[+-](?!00:?(00)?\s*$)\d\d:?(\d\d)?\s*$")
"""Behind a time of the day, other than that of UTC itself."""
DATED = re.compile(
    r"(\d\d?)([./-])(\d\d?)\2(\d{4})(?:(?:, ?|[T ] *)(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?(?: ?([AP])M)?)?",
    re.IGNORECASE | re.ASCII,
)
"""A date with the year last, and a time of the day."""
YEAR_LAST: tuple[Dates, ...] = ("day_first", "month_first")
EXPECTED: dict[Dates, str] = {
    "iso": "a date in ISO form (2024-03-01 or 2024-03-01 14:00), one without marks (20240301) or seconds since 1970",
    "day_first": "a date such as 31.12.2024 or 31/12/2024 14:00",
    "month_first": "a date such as 12/31/2024 or 12/31/2024 2:00 PM",
    "count": "a whole number, as in training",
}
YEAR_FIRST = re.compile(
    r"(\d{4})([./-])(\d\d?)\2(\d\d?)(?:[T ] *(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?)?", re.ASCII
)  # fmt: skip
"""A date with the year first, not quite in ISO form."""
QUARTER = re.compile(r"(\d{4})[ -]?Q([1-4])", re.IGNORECASE | re.ASCII)
IN_UTC = re.compile(r" ?(?:UTC|GMT|Z)$", re.IGNORECASE)
"""Behind a moment, as numpy does not read it."""
PART = re.compile(r":\d\d\.\d*[1-9]")
"""Of a second."""
NO_TIME = "NaT"
HALF_A_DAY = 12
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
WORKING = 5
"""Days of a week, from Monday on."""
MONTH, YEAR = 30.436875 * DAY, 365.2425 * DAY
"""Seconds, on the average."""
WIDEST_GAP = 10
"""Times as many rows as there are may be put in at once: more is a slip of the pen, such as a wrong century."""
MOST_FILLED = 100
"""Times as many may be put in together: many gaps, each as wide as one may be, would take the square of the rows in memory."""
UNMARKED = {6, 8, 10, 12, 14}
"""Digits of dates without marks, in this century or the last: month, day, hour, minute, second."""
SECONDS, SECONDS_SIZES = ("seconds", 1), {9, 10}
PARTS = {13: ("milliseconds", 10**3), 16: ("microseconds", 10**6), 19: ("nanoseconds", 10**9)}
"""What whole numbers of so many digits say since 1970, and how many of it are a second: the digits that they have from 2001 to 2286.
Seconds have 9 from 1973 on."""
FIRST_YEAR, LAST_YEAR = "1600", "2199"
"""Of numbers that are years."""
MOST_COUNTED = 15
"""Digits of a number that counts."""
LATEST = str(np.iinfo(np.int64).max)
"""Of nanoseconds."""
WHOLE_SECONDS = "whole seconds. Round the times, or leave --time out: rows are numbered then."
A_MONTH = np.timedelta64(1, "M")
EPOCH_MONDAY = 4 * DAY
"""1970-01-05 was a Monday."""


class Step(NamedTuple):
    """From one row to the next: so many months, or so many seconds."""

    months: int
    seconds: int
    from_end: bool = False
    """Whether a day of the month is counted from its end: 31 January, 29 February, 31 March."""
    is_count: bool = False
    """Whether the seconds are none, but so many of what is counted."""
    weekdays: bool = False
    """Whether days are from Monday to Friday, and the next after a Friday is a Monday."""

    def __str__(self) -> str:
        if self.is_count:
            return str(self.seconds)
        if self.weekdays:
            return "weekday"
        if self.months:
            return f"{self.months} month{'s' * (self.months > 1)}"
        units = (("week", WEEK), ("day", DAY), ("hour", HOUR), ("minute", 60), ("second", 1))
        unit, size = next((unit, size) for unit, size in units if self.seconds % size == 0)
        return f"{self.seconds // size} {unit}{'s' * (self.seconds > size)}"


def find_dates(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = ()) -> Dates:
    """How dates are written; `count` where all are whole numbers that say no date. Where the day and the month could each be first, full
    stops say the day, since no one writes the month first between them; else rows that follow each other in even steps tell which it is.

    Raises:
        DataError: nothing tells it.
    """
    if not cells or not (first := DATED.fullmatch(cells[0].strip())):
        counts = cells and _are_whole(cells) and not _say_time(cells) and max(map(len, cells)) <= MOST_COUNTED
        return "count" if counts else "iso"
    times = {dates: _with_the_year_last(cells, dates) for dates in YEAR_LAST}
    said = {dates: int((~np.isnat(read)).sum()) for dates, read in times.items()}
    if said["day_first"] == said["month_first"]:
        if first[2] == "." or said["day_first"] < len(cells):  # a cell that is no date is named when they are read
            return "day_first"
        if np.array_equal(times["day_first"], times["month_first"]) and len(np.unique(times["day_first"].astype("datetime64[D]"))) > 1:
            return "day_first"  # as of years that all begin on 1/1
        said = {dates: _even_steps(times[dates], starts) for dates in YEAR_LAST}
    if said["day_first"] != said["month_first"]:
        return "day_first" if said["day_first"] > said["month_first"] else "month_first"
    raise DataError(
        f"{where(0)}: {column} is {cells[0]!r}, and nothing tells whether the day or the month is first. "
        "Say --set fields.numbers.dates=day_first (or month_first)."
    )


def _even_steps(times: Times, starts: Sequence[int]) -> int:
    """How many rows are one step after the row before."""
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts))
    return int((continued(times[inside - 1], find_step(times, starts), 1) == times[inside]).sum())


def _with_the_year_last(cells: Sequence[str], dates: Dates, unit: str = "s") -> Times:
    """The moments of dates so written, not a time where a cell is none."""
    return np.array([_in_iso_form(cell, dates) for cell in cells], dtype=f"datetime64[{unit}]")


def _in_iso_form(cell: str, dates: Dates) -> str:
    """A date with the year last in ISO form; NaT, which numpy reads as no time, where it is none, or there is no such day or time."""
    found = DATED.fullmatch(cell.strip())
    if not found:
        return NO_TIME
    first, _, second, year, hour, _, minute, seconds, part, half = found.groups()
    day, month = (first, second) if dates == "day_first" else (second, first)
    if half and not 1 <= int(hour) <= HALF_A_DAY:
        return NO_TIME
    hours = int(hour or 0) % HALF_A_DAY + HALF_A_DAY * (half in "Pp") if half else int(hour or 0)
    with contextlib.suppress(ValueError):
        return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(seconds or 0)).isoformat() + (part or "")
    return NO_TIME


def read_times(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = (), dates: Dates = "iso") -> Times:
    """The moments that cells say. In ISO form, also whole numbers: dates without marks (20240301, 202403, 2024030114), or seconds, milli-,
    micro- or nanoseconds since 1970, told by their digits. Numbers that count stay as they are.

    starts: the row where each series begins.

    Raises:
        DataError: a cell that is none of this; no whole second, where parts of seconds tell rows apart.
    """
    if dates == "count":
        return _counted(cells, where, column)
    if dates == "iso" and _are_whole(cells) and _say_time(cells):
        return _from_numbers(cells, where, column)
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
    return "Mend the cell, or leave --time out: rows are numbered then."


def _read_dates(cells: Sequence[str], dates: Dates, unit: str = "s") -> Times:
    """The moments that dates say, in whole units; not a time where a cell is none."""
    if dates in YEAR_LAST:
        return _with_the_year_last(cells, dates, unit)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no explicit representation of timezones")  # numpy brings them to UTC
        with contextlib.suppress(ValueError):
            if all(map(_begins_as_date, cells)):
                return np.array(cells, dtype=f"datetime64[{unit}]")
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


def _are_whole(cells: Sequence[str]) -> bool:
    """Whether all are whole numbers, and not all of them years."""
    return all(cell.isdecimal() for cell in cells) and not all(
        len(cell) == len(FIRST_YEAR) and FIRST_YEAR <= cell <= LAST_YEAR for cell in cells
    )


def _say_time(cells: Sequence[str]) -> bool:
    """Whether whole numbers say when: dates without marks, or what has gone by since 1970."""
    sizes = set(map(len, cells))
    if len(sizes) == 1 and sizes <= PARTS.keys():
        return max(cells) <= LATEST or sizes != {len(LATEST)}
    return sizes <= SECONDS_SIZES or _unmarked(cells) is not None


def _counted(cells: Sequence[str], where: Where, column: str) -> Times:
    for row, cell in enumerate(cells):
        if not cell.isdecimal() or len(cell) > MOST_COUNTED:
            raise DataError(f"{where(row)}: {column} is {cell!r}; expected {EXPECTED['count']}. Mend the cell.")
    return np.array(cells, dtype=np.int64)


def _from_numbers(cells: Sequence[str], where: Where, column: str) -> Times:
    """The moments of whole numbers that say them."""
    if (times := _unmarked(cells)) is not None:
        return times
    name, parts = PARTS.get(len(cells[0]), SECONDS)
    numbers = np.array(cells, dtype=np.int64)
    if len(broken := np.nonzero(numbers % parts)[0]):
        row = int(broken[0])
        raise DataError(f"{where(row)}: {column} is {cells[row]!r}, taken for {name} since 1970; expected {WHOLE_SECONDS}")
    return (numbers // parts).astype("datetime64[s]")


def _unmarked(cells: Sequence[str]) -> Times | None:
    """The moments of dates without marks, of 6, 8, 10, 12 or 14 digits; None where not all are one."""
    digits = len(cells[0])
    if digits not in UNMARKED or not all(len(cell) == digits and cell[:2] in ("19", "20") for cell in cells):
        return None
    with contextlib.suppress(ValueError):
        return np.array([_with_marks(cell) for cell in cells], dtype="datetime64[s]")
    return None


def _with_marks(cell: str) -> str:
    """20240301 as 2024-03-01, 202403011430 as 2024-03-01T14:30."""
    day = "-".join(filter(None, (cell[:4], cell[4:6], cell[6:8])))
    return day + "T" * (len(cell) > 8) + ":".join(cell[place : place + 2] for place in range(8, len(cell), 2))


def _begins_as_date(cell: str) -> bool:
    """Whether a year may stand in front: numpy takes `now` for a moment, an empty cell for none, and any number for a year."""
    begin = cell.strip()[:4]
    return len(begin) == 4 and begin.isdecimal() and not cell.strip()[4:5].isdecimal()


def _moment(cell: str, unit: str) -> np.datetime64:
    """The moment that a cell with the year first says, not a time where it says none."""
    text = IN_UTC.sub("", cell.strip())
    if found := YEAR_FIRST.fullmatch(text):
        year, _, month, day, hour, _, minute, seconds, part = found.groups()
        text = f"{year}-{int(month):02}-{int(day):02}T{int(hour or 0):02}:{minute or '00'}:{seconds or '00'}{part or ''}"
    elif found := QUARTER.fullmatch(text):
        text = f"{found[1]}-{3 * int(found[2]) - 2:02}"
    if _begins_as_date(text):
        with contextlib.suppress(ValueError):
            return np.datetime64(text.replace("/", "-"), unit)
    return np.datetime64(NO_TIME)


def together(rows: Sequence[Sequence[str]]) -> list[str]:
    """What the columns of a time say as one: a year, month, day, hour, minute and second in whole numbers, as far as they are given, or
    parts that stand behind each other, such as a date and a time of the day.
    """
    if rows and len(rows[0]) > 1 and all(all(map(str.isdecimal, row)) and len(row[0]) == len(FIRST_YEAR) for row in rows):
        return [_of_parts(row) for row in rows]
    return [" ".join(row) for row in rows]


def _of_parts(row: Sequence[str]) -> str:
    year, *rest = (f"{int(part):02}" for part in row)
    day = "-".join([year, *rest[:2]])
    return f"{day} {':'.join(rest[2:])}".rstrip()


def find_step(times: Times, starts: Sequence[int]) -> Step:
    """The commonest step between rows; calendar months where all days of the month are the same, from its begin or from its end.

    Of days, those from Monday to Friday, where all are and a weekend is left out.

    starts: the row where each series begins. A single row steps by a day, or by one where rows are counted.
    """
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts), assume_unique=True)
    if are_counted(times):
        return Step(0, _commonest(times[inside] - times[inside - 1]), is_count=True)
    if not len(inside):
        return Step(0, DAY)
    months = times.astype("datetime64[M]")
    from_begin, from_end = (len(np.unique(times - (months + place * A_MONTH))) == 1 for place in (0, 1))
    is_monthly = from_begin or from_end
    moments = (months if is_monthly else times).astype(np.int64)
    common = _commonest(moments[inside] - moments[inside - 1])
    if is_monthly:
        return Step(common, 0, not from_begin)
    return Step(0, common, weekdays=common == DAY and _are_weekdays(times, inside))


def _are_weekdays(times: Times, inside: npt.NDArray[np.int64]) -> bool:
    """Whether all moments are at one time of the day, from Monday to Friday, and a Monday follows a Friday."""
    since = times.astype(np.int64) - EPOCH_MONDAY
    days = since // DAY
    follows = (days[inside] % 7 == 0) & (days[inside] - days[inside - 1] == 3)
    return len(np.unique(since % DAY)) == 1 and bool((days % 7 < WORKING).all()) and bool(follows.any())


def _commonest(gaps: npt.NDArray[np.int64]) -> int:
    """The gap above 0 that is there most often, 1 where there is none."""
    usual, counts = np.unique(gaps[gaps > 0], return_counts=True)
    return int(usual[counts.argmax()]) if len(usual) else 1


def are_counted(times: Times) -> bool:
    """Whether rows are counted, and nothing says when they were."""
    return times.dtype.kind == "i"


def check_times(times: Times, starts: Sequence[int], step: Step, where: Where, column: str, *, gaps_allowed: bool = False) -> None:
    """Make sure that each series goes on by one step from row to row.

    Raises:
        DataError: a row that is earlier than the one before, the same, or too late; says which. Gaps that are too much together.
    """
    expected = continued(times[:-1], step, 1)
    wrong = np.setdiff1d(np.nonzero(times[1:] != expected)[0] + 1, np.asarray(starts))
    steps = _steps_between(times[wrong - 1], times[wrong], step)
    put_in = int(np.maximum(steps - 1, 0).sum())
    if gaps_allowed:
        wrong, steps = (part[(steps <= 0) | (steps > WIDEST_GAP * len(times))] for part in (wrong, steps))
    for row, count in zip(wrong[:1].tolist(), steps[:1].tolist(), strict=True):
        now, before = times[row], times[row - 1]
        follows, unless = f"{spelled(now)} follows {spelled(before)}", "or leave --time out: rows are numbered then"
        if now == before:
            fault, todo = f"the same {column} as the row before ({spelled(now)})", "Remove one of the two, or name the column of --series"
        elif now < before:
            fault, todo = f"{spelled(now)} after {spelled(before)}", f"Sort the file by {column}, or name the column of --series"
        elif not count:
            fault = f"{follows}; expected a row every {step}, or so many of them later"
            todo = f"Bring the times to even steps, {unless}"
        elif gaps_allowed:
            fault = f"{follows}, {count:,} steps later; expected at most {WIDEST_GAP} times the rows"
            todo = "Mend the time, or cut the table there"
        else:
            fault = f"{follows}; expected a row every {step} ({len(wrong):,} such row{'s' * (len(wrong) > 1)})"
            todo = (
                "Put in what is missing, let it be filled (--set fields.numbers.gaps=fill --set fields.numbers.missing=linear), " + unless
            )
        raise DataError(f"{where(row)}: {fault}. {todo}.")
    if gaps_allowed and put_in > MOST_FILLED * len(times):
        what = f"between {len(times):,} rows {put_in:,} are left out, one every {step}; expected at most {MOST_FILLED} times the rows"
        raise DataError(f"{where(0)}: {what}. Mend the times, or give a row for a longer step.")


def _steps_between(before: Times, now: Times, step: Step) -> npt.NDArray[np.int64]:
    """(N,): how many steps lie between moments; 0 where they are not whole."""
    if step.weekdays:
        return _weekdays_since(now) - _weekdays_since(before)
    if step.months:
        now, before, size = now.astype("datetime64[M]"), before.astype("datetime64[M]"), step.months
    else:
        size = step.seconds
    between = (now - before).astype(np.int64)
    return np.where(between % size == 0, between // size, 0)


def filled(times: Times, starts: Sequence[int], step: Step) -> tuple[Times, npt.NDArray[np.int64]]:
    """Times without gaps, and for each the row that it comes from, -1 where there is none."""
    firsts = np.asarray(starts, dtype=np.int64)
    sizes = np.diff(np.append(firsts, len(times)))
    steps = _steps_between(times[np.repeat(firsts, sizes)], times, step)
    lengths = steps[firsts + sizes - 1] + 1
    begins = np.cumsum(lengths) - lengths
    rows = np.full(int(lengths.sum()), -1, dtype=np.int64)
    rows[np.repeat(begins, sizes) + steps] = np.arange(len(times))
    places = np.arange(len(rows)) - np.repeat(begins, lengths)
    return continued(times[np.repeat(firsts, lengths)], step, places), rows


def continued(times: Times, step: Step, count: int | npt.NDArray[np.int64]) -> Times:
    """The moments `count` steps after others: as many after all, or a number for each. The 30th of a shorter month is its last day."""
    steps = np.asarray(count, dtype=np.int64)
    if step.is_count:
        return times + steps * step.seconds
    if step.weekdays:
        weeks, day = np.divmod(_weekdays_since(times) + steps, WORKING)
        since = (7 * weeks + day) * DAY + (times.astype(np.int64) - EPOCH_MONDAY) % DAY
        return (since + EPOCH_MONDAY).astype("datetime64[s]")
    if not step.months:
        return times + (steps * step.seconds).astype("timedelta64[s]")
    anchor = times.astype("datetime64[M]") + int(step.from_end) * A_MONTH  # the month's begin, or its end
    month, within = anchor + steps * step.months * A_MONTH, times - anchor
    last = (month + (not step.from_end) * A_MONTH).astype("datetime64[s]") - np.timedelta64(DAY, "s") + within % np.timedelta64(DAY, "s")
    return np.minimum(month.astype("datetime64[s]") + within, last)


def _weekdays_since(times: Times) -> npt.NDArray[np.int64]:
    """Days from Monday to Friday since a Monday."""
    weeks, day = np.divmod((times.astype(np.int64) - EPOCH_MONDAY) // DAY, 7)
    return WORKING * weeks + day


def spelled(moment: Moment) -> str:
    """The moment as people write it, or the number that counts."""
    if moment.dtype.kind == "i":
        return str(moment)
    text = str(moment.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00") if text.endswith("00:00:00") else text.removesuffix(":00")


def _in_turns_of(seconds: float) -> Callable[[Times], Turns]:
    def turns(times: Times) -> Turns:
        since = times.astype("datetime64[s]").astype(np.float64) - EPOCH_MONDAY
        return since % seconds / seconds

    return turns


def _of_month(times: Times) -> Turns:
    """How much of its month has gone by, however long it is."""
    begin = times.astype("datetime64[M]")
    length = ((begin + A_MONTH).astype("datetime64[s]") - begin).astype(np.int64)
    return (times - begin.astype("datetime64[s]")).astype(np.int64) / length


def _of_months(times: Times) -> Turns:
    """The month, in twelfths of the year."""
    return times.astype("datetime64[M]").astype(np.int64) % 12 / 12


class Cycle(NamedTuple):
    """What of the clock comes back."""

    seconds: float
    """After which it does, on the average."""
    turns: Callable[[Times], Turns]
    """How much of it has gone by, 0 to 1."""
    from_step: float = 0
    """Seconds from row to row, from which it takes another's place ..."""
    before_step: float = np.inf
    """... and from which another takes its place."""


CYCLES = {
    "minute": Cycle(HOUR, _in_turns_of(HOUR)),
    "hour": Cycle(DAY, _in_turns_of(DAY)),
    "weekday": Cycle(WEEK, _in_turns_of(WEEK)),
    "monthday": Cycle(MONTH, _of_month),
    "yearday": Cycle(YEAR, _in_turns_of(YEAR), before_step=28 * DAY),
    "month": Cycle(YEAR, _of_months, from_step=28 * DAY),
}
"""Where a moment stands in the hour, day, week, month and year. Of a table of weeks `yearday` is the week of the year."""


def calendar_names(times: Times, step: Step) -> list[str]:
    """The features of the clock that can be learned from these times: what comes back at least twice within them, and not within a step."""
    if not len(times) or are_counted(times):
        return []
    span, size = float((times.max() - times.min()).astype(np.int64)), step.months * MONTH + step.seconds
    return [
        name
        for name, cycle in CYCLES.items()
        if span >= 2 * cycle.seconds and size < cycle.seconds / 2 and cycle.from_step <= size < cycle.before_step
    ]


def clock_features(times: Times, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Sine and cosine of where each moment stands in each cycle: times (...), features (..., 2 x names)."""
    angles = [2 * np.pi * CYCLES[name].turns(times) for name in names]
    parts = [part for angle in angles for part in (np.sin(angle), np.cos(angle))]
    return np.stack(parts, axis=-1).astype(np.float32) if parts else np.zeros((*times.shape, 0), dtype=np.float32)
