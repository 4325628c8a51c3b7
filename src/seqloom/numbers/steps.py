"""From one row to the next: a step in time, found in a table's moments, and gone on in.

Days may be those from Monday to Friday, and a day may begin and end: rows of opening hours go on at the next opening.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "A_MONTH",
    "DAY",
    "EPOCH_MONDAY",
    "HOUR",
    "WEEK",
    "WORKING",
    "Step",
    "Times",
    "are_counted",
    "continued",
    "find_step",
    "steps_between",
]

Times = npt.NDArray[Any]
"""(N,) datetime64[s], or int64 where rows are counted"""
Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
UNITS = {"week": WEEK, "day": DAY, "hour": HOUR, "minute": 60, "second": 1}
WORKING = 5
"""Days of a week, from Monday on."""
A_MONTH = np.timedelta64(1, "M")
EPOCH_MONDAY = 4 * DAY
"""1970-01-05 was a Monday."""
NIGHTS = 2
"""Closed times, nights or weekends, from which on they are a habit and no gap."""


class Step(NamedTuple):
    """From one row to the next: so many months, or so many seconds."""

    months: int
    seconds: int
    from_end: bool = False
    """Whether a day of the month is counted from its end: 31 January, 29 February, 31 March."""
    is_count: bool = False
    """Whether the seconds are none, but so many of what is counted."""
    weekdays: bool = False
    """Whether days are from Monday to Friday, and the next after a Friday is a Monday; of months, whether it is their first weekday, or
    their last."""
    opens: int = 0
    """Seconds from midnight of the first row of a day ..."""
    closes: int = 0
    """... and of its last, behind which the next day's first follows; 0: rows go on around the clock."""

    def __str__(self) -> str:
        if self.is_count:
            return str(self.seconds)
        if self.months:
            day = f", on the {'last' if self.from_end else 'first'} weekday" if self.weekdays else ""
            return f"{self.months} month{'s' * (self.months > 1)}{day}"
        if self.weekdays and not self.closes:
            return "weekday"
        days = ", Monday to Friday" * self.weekdays
        return f"{self._plain}{f' from {_clock(self.opens)} to {_clock(self.closes)}' * (self.closes > 0)}{days}"

    @property
    def _plain(self) -> str:
        unit, size = next((unit, size) for unit, size in UNITS.items() if self.seconds % size == 0)
        return f"{self.seconds // size} {unit}{'s' * (self.seconds > size)}"

    @property
    def text(self) -> str:
        """What `parse` reads."""
        weekday = " weekday" * self.weekdays
        if self.closes:
            return f"{self._plain} {_clock(self.opens)}-{_clock(self.closes)}{weekday}"
        if self.months:
            return f"{self.months} month{'s' * (self.months > 1)}{weekday}{' end' * self.from_end}"
        return str(self)

    @classmethod
    def parse(cls, text: str) -> Step:
        """The step that a config names, in the form of `config.numbers.STEP`."""
        if text == "weekday":
            return cls(0, DAY, weekdays=True)
        count, unit, *more = [*text.split(" "), ""]
        if not unit:
            return cls(0, int(count), is_count=True)
        if unit.startswith("month"):
            return cls(int(count), 0, "end" in more, weekdays="weekday" in more)
        opens, _, closes = next((part for part in more if ":" in part), "").partition("-")
        seconds, hours = int(count) * UNITS[unit.removesuffix("s")], (_since_midnight(opens), _since_midnight(closes))
        return cls(0, seconds, weekdays="weekday" in more, opens=hours[0], closes=hours[1])

    @property
    def a_day(self) -> int:
        """Rows of a day that begins and ends."""
        return (self.closes - self.opens) // self.seconds + 1


def _clock(seconds: int) -> str:
    """A time of the day, 09:30, and its seconds where it has some."""
    text = f"{seconds // HOUR:02}:{seconds % HOUR // 60:02}:{seconds % 60:02}"
    return text.removesuffix(":00") if seconds % 60 == 0 else text


def _since_midnight(text: str) -> int:
    parts = [*map(int, text.split(":"))] if text else []
    return sum(part * size for part, size in zip(parts, (HOUR, 60, 1), strict=False))


def are_counted(times: Times) -> bool:
    """Whether rows are counted, and nothing says when they were."""
    return times.dtype.kind == "i"


# --------------------------------------------------------------------------------------------------------------- found


def find_step(times: Times, starts: Sequence[int] | Ids) -> Step:
    """The commonest step between rows; calendar months where all days of the month are the same, from its begin or from its end, or all
    its first or last weekday.

    Of days, those from Monday to Friday, where all are and a weekend is left out; of parts of a day, the hours from which to which rows go
    on each day, where what lies between is left out again and again.

    starts: the row where each series begins. A single row steps by a day, or by one where rows are counted.
    """
    inside = np.setdiff1d(np.arange(1, len(times)), np.asarray(starts), assume_unique=True)
    if are_counted(times):
        return Step(0, _commonest(times[inside] - times[inside - 1]), is_count=True)
    if not len(inside):
        return Step(0, DAY)
    months = times.astype("datetime64[M]")
    from_begin, from_end = (len(np.unique(times - (months + place * A_MONTH))) == 1 for place in (0, 1))
    on_weekday = None if from_begin or from_end else _weekday_of_month(times, inside)
    is_monthly = from_begin or from_end or on_weekday is not None
    moments = (months if is_monthly else times).astype(np.int64)
    common = _commonest(moments[inside] - moments[inside - 1])
    if is_monthly:
        return Step(common, 0, not from_begin if on_weekday is None else on_weekday, weekdays=on_weekday is not None)
    if common < DAY:
        return _opening(times, inside, common) or Step(0, common)
    return Step(0, common, weekdays=common == DAY and _are_weekdays(times, inside))


def _weekday_of_month(times: Times, inside: Ids) -> bool | None:
    """Whether all moments are on the last weekday of their months, or all on the first; None: neither, or they step evenly."""
    days, clocks = times.astype("datetime64[D]"), times.astype(np.int64) % DAY
    if len(np.unique(clocks)) > 1 or len(np.unique(days[inside] - days[inside - 1])) < 2:
        return None
    months = times.astype("datetime64[M]")
    return next((from_end for from_end in (True, False) if (days == _weekday_in(months, from_end=from_end)).all()), None)


def _weekday_in(months: Times, *, from_end: bool) -> Times:
    """(N,) days: the last weekday of each month, or the first."""
    day = np.timedelta64(1, "D")
    if from_end:
        return np.busday_offset((months + A_MONTH).astype("datetime64[D]") - day, 0, roll="backward")
    return np.busday_offset(months.astype("datetime64[D]"), 0, roll="forward")


def _are_weekdays(times: Times, inside: Ids) -> bool:
    """Whether all moments are at one time of the day, from Monday to Friday, and a Monday follows a Friday."""
    days, clocks = np.divmod(times.astype(np.int64) - EPOCH_MONDAY, DAY)
    return len(np.unique(clocks)) == 1 and _leave_weekends_out(days, inside)


def _leave_weekends_out(days: Ids, inside: Ids) -> bool:
    """Whether all days, counted from a Monday, are from Monday to Friday, and a Monday follows the Friday before."""
    over_weekend = (days[inside] % 7 == 0) & (days[inside] - days[inside - 1] == 3)
    return bool((days % 7 < WORKING).all() and over_weekend.any())


def _opening(times: Times, inside: Ids, common: int) -> Step | None:
    """The step within days that begin and end, where most of what is left out lies between the end of one and the begin of the next."""
    days, clocks = np.divmod(times.astype(np.int64) - EPOCH_MONDAY, DAY)
    opens, closes = int(clocks.min()), int(clocks.max())
    if closes <= opens or ((clocks - opens) % common).any():
        return None
    weekdays = _leave_weekends_out(days, inside)
    if not weekdays and closes - opens + common >= DAY:
        return None
    step = Step(0, common, weekdays=weekdays, opens=opens, closes=closes)
    jumps = inside[(times[inside] - times[inside - 1]).astype(np.int64) != common]
    habit = int((continued(times[jumps - 1], step, 1) == times[jumps]).sum())
    return step if habit >= NIGHTS and 2 * habit > len(jumps) else None


def _commonest(gaps: Ids) -> int:
    """The gap above 0 that is there most often, 1 where there is none."""
    usual, counts = np.unique(gaps[gaps > 0], return_counts=True)
    return int(usual[counts.argmax()]) if len(usual) else 1


# --------------------------------------------------------------------------------------------------------------- gone on in


def continued(times: Times, step: Step, count: int | Ids) -> Times:
    """The moments `count` steps after others: as many after all, or a number for each. The 30th of a shorter month is its last day."""
    steps = np.asarray(count, dtype=np.int64)
    if step.is_count:
        return times + steps * step.seconds
    if step.months:
        return _months_on(times, step, steps)
    if not (step.weekdays or step.closes):
        return times + (steps * step.seconds).astype("timedelta64[s]")
    places, clocks, _ = _places(times, step)
    days, slots = np.divmod(places + steps, step.a_day) if step.closes else (places + steps, None)
    if step.weekdays:
        weeks, day = np.divmod(days, WORKING)
        days = 7 * weeks + day
    within = clocks if slots is None else step.opens + slots * step.seconds
    return (days * DAY + within + EPOCH_MONDAY).astype("datetime64[s]")


def _months_on(times: Times, step: Step, steps: Ids) -> Times:
    if step.weekdays:
        days = _weekday_in(times.astype("datetime64[M]") + steps * step.months * A_MONTH, from_end=step.from_end)
        return days.astype("datetime64[s]") + (times.astype(np.int64) % DAY).astype("timedelta64[s]")
    anchor = times.astype("datetime64[M]") + int(step.from_end) * A_MONTH  # the month's begin, or its end
    month, within = anchor + steps * step.months * A_MONTH, times - anchor
    last = (month + (not step.from_end) * A_MONTH).astype("datetime64[s]") - np.timedelta64(DAY, "s") + within % np.timedelta64(DAY, "s")
    return np.minimum(month.astype("datetime64[s]") + within, last)


def steps_between(before: Times, now: Times, step: Step) -> Ids:
    """(N,): how many steps lie between moments; 0 where they are not whole."""
    if not step.months and (step.weekdays or step.closes):
        (first, clock, is_one), (second, other, is_other) = _places(before, step), _places(now, step)
        return np.where(is_one & is_other & ((step.closes > 0) | (clock == other)), second - first, 0)
    if step.months:
        now, before, size = now.astype("datetime64[M]"), before.astype("datetime64[M]"), step.months
    else:
        size = step.seconds
    between = (now - before).astype(np.int64)
    return np.where(between % size == 0, between // size, 0)


def _places(times: Times, step: Step) -> tuple[Ids, Ids, Mask]:
    """Of moments the place among those that the step has since a Monday, the time of the day, and whether the step has such a moment."""
    days, clocks = np.divmod(times.astype(np.int64) - EPOCH_MONDAY, DAY)
    are_there = days % 7 < WORKING if step.weekdays else np.ones_like(days, dtype=np.bool_)
    if step.weekdays:
        weeks, day = np.divmod(days, 7)
        days = WORKING * weeks + day
    if not step.closes:
        return days, clocks, are_there
    slots, rest = np.divmod(clocks - step.opens, step.seconds)
    return days * step.a_day + slots, clocks, are_there & (rest == 0) & (slots >= 0) & (clocks <= step.closes)
