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
    "Step",
    "Times",
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
]

Times = npt.NDArray[Any]
"""(N,) datetime64[s]"""
Moment = Any
"""datetime64[s]"""
Turns = npt.NDArray[np.float64]
"""(...), 0 to 1"""
Dates = Literal["iso", "day_first", "month_first"]
Where = Callable[[int], str]
"""The place in the file of a row, for messages."""

OFFSET = re.compile(r"[T ]\d\d(:\d\d)*(\.\d+)?[+-](?!00:?(00)?\s*$)\d\d:?(\d\d)?\s*$")
"""Behind a time of the day, other than that of UTC itself."""
DATED = re.compile(
    r"(\d\d?)([./-])(\d\d?)\2(\d{4})(?:(?:, ?|[T ] *)(\d\d?):(\d\d)(?::(\d\d)(\.\d{1,18})?)?(?: ?([AP])M)?)?", re.IGNORECASE | re.ASCII
)
"""A date with the year last, and a time of the day."""
DATES: dict[Dates, str] = {
    "day_first": "a date such as 31.12.2024 or 31/12/2024 14:00",
    "month_first": "a date such as 12/31/2024 or 12/31/2024 2:00 PM",
}
"""What is expected where the year is last."""
PART = re.compile(r":\d\d\.\d")
"""Of a second."""
NO_TIME = "NaT"
HALF_A_DAY = 12
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
MONTH, YEAR = 30.436875 * DAY, 365.2425 * DAY
"""Seconds, on the average."""
WIDEST_GAP = 10
"""Times as many rows as there are may be put in at once: more is a slip of the pen, such as a wrong century."""
MOST_FILLED = 100
"""Times as many may be put in together: many gaps, each as wide as one may be, would take the square of the rows in memory."""
DIGITS = 17
"""Of a whole number of seconds, at most."""
SECONDS = "seconds", 1
PARTS = {13: ("milliseconds", 10**3), 16: ("microseconds", 10**6), 19: ("nanoseconds", 10**9)}
"""What whole numbers of so many digits count since 1970, and how many of it are a second: the digits that they have from 2001 to 2286."""
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

    def __str__(self) -> str:
        if self.months:
            return f"{self.months} month{'s' * (self.months > 1)}"
        units = (("week", WEEK), ("day", DAY), ("hour", HOUR), ("minute", 60), ("second", 1))
        unit, size = next((unit, size) for unit, size in units if self.seconds % size == 0)
        return f"{self.seconds // size} {unit}{'s' * (self.seconds > size)}"


def find_dates(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = ()) -> Dates:
    """How dates are written. Where the day and the month could each be first, full stops say the day, since no one writes the month
    first between them; else rows that follow each other in even steps tell which it is.

    Raises:
        DataError: nothing tells it.
    """
    if not cells or not (first := DATED.fullmatch(cells[0].strip())):
        return "iso"
    times = {dates: _with_the_year_last(cells, dates) for dates in DATES}
    said = {dates: int((~np.isnat(read)).sum()) for dates, read in times.items()}
    if said["day_first"] == said["month_first"]:
        if first[2] == "." or said["day_first"] < len(cells):  # a cell that is no date is named when they are read
            return "day_first"
        if np.array_equal(times["day_first"], times["month_first"]) and len(np.unique(times["day_first"].astype("datetime64[D]"))) > 1:
            return "day_first"  # as of years that all begin on 1/1
        said = {dates: _even_steps(times[dates], starts) for dates in DATES}
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


def _with_the_year_last(cells: Sequence[str], dates: Dates) -> Times:
    """The moments of dates so written, not a time where a cell is none."""
    return np.array([_in_iso_form(cell, dates) for cell in cells], dtype="datetime64[s]")


def _in_iso_form(cell: str, dates: Dates) -> str:
    """A date with the year last in ISO form; NaT, which numpy reads as no time, where it is none, or there is no such day or time."""
    found = DATED.fullmatch(cell.strip())
    if not found:
        return NO_TIME
    first, _, second, year, hour, minute, seconds, part, half = found.groups()
    day, month = (first, second) if dates == "day_first" else (second, first)
    if half and not 1 <= int(hour) <= HALF_A_DAY:
        return NO_TIME
    hours = int(hour or 0) % HALF_A_DAY + HALF_A_DAY * (half in "Pp") if half else int(hour or 0)
    with contextlib.suppress(ValueError):
        return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(seconds or 0)).isoformat() + (part or "")
    return NO_TIME


def read_times(cells: Sequence[str], where: Where, column: str, starts: Sequence[int] = (), dates: Dates = "iso") -> Times:
    """The moments that dates say, or whole numbers: dates without marks (20240301, 202403), milli-, micro- or nanoseconds since 1970
    where all have 13, 16 or 19 digits, else seconds.

    starts: the row where each series begins.

    Raises:
        DataError: a cell that is neither, or no whole second; one that differs from the row before by a part of a second only.
    """
    if dates != "iso":
        times = _with_the_year_last(cells, dates)
        if len(broken := np.nonzero(np.isnat(times))[0]):
            row = int(broken[0])
            raise DataError(f"{where(row)}: {column} is {cells[row]!r}; expected {DATES[dates]}. Mend the cell.")
        _refuse_parts_of_seconds(times, cells, starts, where, column)
        return times
    if _are_numbers(cells):
        return _from_numbers(cells, where, column)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no explicit representation of timezones")  # numpy brings them to UTC
        try:
            times = np.array(cells, dtype="datetime64[s]") if all(map(_begins_as_date, cells)) else None
        except ValueError:
            times = None
        if times is None:
            times = np.array([_moment(cell, where, row, column) for row, cell in enumerate(cells)], dtype="datetime64[s]")
    _refuse_parts_of_seconds(times, cells, starts, where, column)
    return times


def _refuse_parts_of_seconds(times: Times, cells: Sequence[str], starts: Sequence[int], where: Where, column: str) -> None:
    """Parts of a second are cut, so that rows of a series which differ in nothing else would be taken for one moment."""
    for row in np.setdiff1d(np.nonzero(times[1:] == times[:-1])[0] + 1, np.asarray(starts)).tolist():
        if PART.search(str(cells[row])) and cells[row] != cells[row - 1]:
            raise DataError(f"{where(row)}: {column} is {cells[row]!r}, in the same second as the row before; expected {WHOLE_SECONDS}")


def have_offsets(cells: Sequence[str]) -> bool:
    """Whether a moment says how far it is from UTC, to which it is brought then."""
    return any(map(OFFSET.search, cells))


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether all are whole numbers, of seconds that fit, and not all of them years."""
    if not all(cell.isdecimal() for cell in cells):
        return False
    sizes = set(map(len, cells))
    return sizes != {4} and (max(sizes, default=0) <= DIGITS or (sizes == {19} and max(cells) <= LATEST))


def _from_numbers(cells: Sequence[str], where: Where, column: str) -> Times:
    for digits in (8, 6):
        if all(len(cell) == digits and cell[:2] in ("19", "20") for cell in cells):
            with contextlib.suppress(ValueError):
                return np.array(["-".join(filter(None, (cell[:4], cell[4:6], cell[6:]))) for cell in cells], dtype="datetime64[s]")
    sizes = set(map(len, cells))
    name, parts = PARTS.get(sizes.pop(), SECONDS) if len(sizes) == 1 else SECONDS
    numbers = np.array(cells, dtype=np.int64)
    if len(broken := np.nonzero(numbers % parts)[0]):
        row = int(broken[0])
        raise DataError(f"{where(row)}: {column} is {cells[row]!r}, taken for {name} since 1970; expected {WHOLE_SECONDS}")
    return (numbers // parts).astype("datetime64[s]")


def _begins_as_date(cell: str) -> bool:
    """Whether a year may stand in front: numpy takes `now` for a moment, an empty cell for none, and any number for a year."""
    begin = cell.strip()[:4]
    return len(begin) == 4 and begin.isdecimal() and not cell.strip()[4:5].isdecimal()


def _moment(cell: str, where: Where, row: int, column: str) -> np.datetime64:
    if _begins_as_date(cell):
        with contextlib.suppress(ValueError):
            return np.datetime64(cell.strip().replace("/", "-").removesuffix("Z"), "s")
    raise DataError(
        f"{where(row)}: {column} is {cell!r}; expected a date in ISO form (2024-03-01 or 2024-03-01 14:00) or a whole number. "
        "Mend the cell."
    )


def find_step(times: Times, starts: Sequence[int]) -> Step:
    """The commonest step between rows; calendar months where all days of the month are the same, from its begin or from its end.

    starts: the row where each series begins. A single row steps by a day.
    """
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts), assume_unique=True)
    if not len(inside):
        return Step(0, DAY)
    months = times.astype("datetime64[M]")
    from_begin, from_end = (len(np.unique(times - (months + place * A_MONTH))) == 1 for place in (0, 1))
    is_monthly = from_begin or from_end
    gaps = (months if is_monthly else times).astype(np.int64)
    gaps = gaps[inside] - gaps[inside - 1]
    usual, counts = np.unique(gaps[gaps > 0], return_counts=True)
    common = int(usual[counts.argmax()]) if len(usual) else 1
    return Step(common, 0, not from_begin) if is_monthly else Step(0, common)


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
        if now == before:
            fault, todo = f"the same {column} as the row before ({spelled(now)})", "Remove one of the two, or name the column of --series"
        elif now < before:
            fault, todo = f"{spelled(now)} after {spelled(before)}", f"Sort the file by {column}, or name the column of --series"
        elif gaps_allowed and count:
            fault = f"{spelled(now)} follows {spelled(before)}, {count:,} steps later; expected at most {WIDEST_GAP} times the rows"
            todo = "Mend the time, or cut the table there"
        else:
            fault = f"{spelled(now)} follows {spelled(before)}; expected a row every {step}"
            todo = "Put in what is missing, or let it be filled with --set fields.numbers.gaps=fill and a rule in fields.numbers.missing"
        raise DataError(f"{where(row)}: {fault}. {todo}.")
    if gaps_allowed and put_in > MOST_FILLED * len(times):
        what = f"between {len(times):,} rows {put_in:,} are left out, one every {step}; expected at most {MOST_FILLED} times the rows"
        raise DataError(f"{where(0)}: {what}. Mend the times, or give a row for a longer step.")


def _steps_between(before: Times, now: Times, step: Step) -> npt.NDArray[np.int64]:
    """(N,): how many steps lie between moments; 0 where they are not whole."""
    unit, size = ("datetime64[M]", step.months) if step.months else ("datetime64[s]", step.seconds)
    between = (now.astype(unit) - before.astype(unit)).astype(np.int64)
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
    if not step.months:
        return times + (steps * step.seconds).astype("timedelta64[s]")
    anchor = times.astype("datetime64[M]") + int(step.from_end) * A_MONTH  # the month's begin, or its end
    month, within = anchor + steps * step.months * A_MONTH, times - anchor
    last = (month + (not step.from_end) * A_MONTH).astype("datetime64[s]") - np.timedelta64(DAY, "s") + within % np.timedelta64(DAY, "s")
    return np.minimum(month.astype("datetime64[s]") + within, last)


def spelled(moment: Moment) -> str:
    """The moment as people write it."""
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
    if not len(times):
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
