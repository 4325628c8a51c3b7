"""Moments: checked for order, gaps and duplicates, continued, and shown to a model as sine and cosine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError
from seqloom.numbers.steps import A_MONTH, DAY, EPOCH_MONDAY, HOUR, WEEK, Step, Times, are_counted, continued, steps_between

__all__ = ["Where", "calendar_names", "check_times", "clock_features", "filled", "finest", "spelled"]

Moment = Any
"""datetime64[s], or an int64 that counts"""
Turns = npt.NDArray[np.float64]
"""(...), 0 to 1"""
Unit = Literal["D", "m", "s"]
"""Days, minutes or seconds."""
Where = Callable[[int], str]
"""The place in the file of a row, for messages."""

MONTH, YEAR = 30.436875 * DAY, 365.2425 * DAY
"""Seconds, on the average."""
WIDEST_GAP = 10
"""Times as many rows as there are may be put in at once: more is a slip of the pen, such as a wrong century."""
MOST_FILLED = 100
"""Times as many may be put in together: many gaps, each as wide as one may be, would take the square of the rows in memory."""
NUMBERED = ", or train without --time: rows are numbered then"
SAVING = "If clocks were set for daylight saving, give times with their offsets or in UTC, both of which are read; else "
DAYS_SAVING = "If clocks were set for daylight saving, give dates alone, or the times of the place with their offsets; else "
SELDOM = 20
"""Rows to one that does not follow, at the least, where clocks that are set may be the reason: of other steps more are none."""


def check_times(
    times: Times, starts: Sequence[int], step: Step, where: Where, column: str, *, gaps_allowed: bool = False, otherwise: str = NUMBERED
) -> None:
    """Make sure that each series goes on by one step from row to row.

    otherwise: what may be done in place of mending the times.

    Raises:
        DataError: a row that is earlier than the one before, the same, or too late; says which. Gaps that are too much together.
    """
    expected = continued(times[:-1], step, 1)
    wrong = np.setdiff1d(np.nonzero(times[1:] != expected)[0] + 1, np.asarray(starts))
    steps = steps_between(times[wrong - 1], times[wrong], step)
    put_in = int(np.maximum(steps - 1, 0).sum())
    earlier = times[wrong] < times[wrong - 1]
    if earlier.sum() > 1:  # a single one may follow a time that is a slip of the pen
        wrong, steps = wrong[earlier], steps[earlier]
    elif gaps_allowed:
        wrong, steps = (part[(steps <= 0) | (steps > WIDEST_GAP * len(times))] for part in (wrong, steps))
    for row, count in zip(wrong[:1].tolist(), steps[:1].tolist(), strict=True):
        now, before = times[row], times[row - 1]
        follows, unless = f"{spelled(now)} follows {spelled(before)}", otherwise
        if now == before:
            fault, todo = f"the same {column} as the row before ({spelled(now)})", "Remove one of the two, or name the column of --series"
        elif now < before:
            fault, todo = f"{spelled(now)} after {spelled(before)}", f"Sort the rows by {column}, or name the column of --series"
        elif not count:
            fault = f"{follows}; expected a row every {step}, or so many of them later"
            todo = f"Bring the times to even steps{unless}"
        elif gaps_allowed:
            fault = f"{follows}, {count:,} steps later; expected at most {WIDEST_GAP} times the rows"
            todo = "Mend the time, or cut the table there"
        else:
            fault = f"{follows}; expected a row every {step} ({len(wrong):,} such row{'s' * (len(wrong) > 1)})"
            is_mostly_there = put_in <= len(times) / 2
            filled = ", let it be filled (--set fields.numbers.gaps=fill --set fields.numbers.missing=linear)" if is_mostly_there else ""
            todo = f"Put in what is missing{filled}{unless}" + ("; write dates as 2024-03-01" if step.is_count else "")
        if len(wrong) <= len(times) / SELDOM and _is_an_hour_off(before, now, step):
            todo = f"{SAVING if step.seconds <= HOUR else DAYS_SAVING}{todo[0].lower()}{todo[1:]}"
        raise DataError(f"{where(row)}: {fault}. {todo}.")
    if gaps_allowed and put_in > MOST_FILLED * len(times):
        what = f"between {len(times):,} rows {put_in:,} are left out, one every {step}; expected at most {MOST_FILLED} times the rows"
        raise DataError(f"{where(0)}: {what}. Mend the times, or give a row for a longer step.")


def _is_an_hour_off(before: Moment, now: Moment, step: Step) -> bool:
    """Whether just an hour is left out or is there twice, as where clocks are set for daylight saving, of rows an hour apart or less, or
    whole days.
    """
    if step.is_count or step.months or (step.seconds > HOUR and step.seconds % DAY):
        return False
    return abs(int((now - before).astype(np.int64)) - step.seconds) == HOUR


def filled(times: Times, starts: Sequence[int], step: Step) -> tuple[Times, npt.NDArray[np.int64]]:
    """Times without gaps, and for each the row that it comes from, -1 where there is none."""
    firsts = np.asarray(starts, dtype=np.int64)
    sizes = np.diff(np.append(firsts, len(times)))
    steps = steps_between(times[np.repeat(firsts, sizes)], times, step)
    lengths = steps[firsts + sizes - 1] + 1
    begins = np.cumsum(lengths) - lengths
    rows = np.full(int(lengths.sum()), -1, dtype=np.int64)
    rows[np.repeat(begins, sizes) + steps] = np.arange(len(times))
    places = np.arange(len(rows)) - np.repeat(begins, lengths)
    return continued(times[np.repeat(firsts, lengths)], step, places), rows


def finest(times: Times, step: Step) -> Unit:
    """How finely moments of a table, and those a step after another, are told, so that all of them are told alike."""
    if times.dtype.kind == "i":
        return "D"
    finer = [(part, np.any(times.astype("datetime64[s]").astype(np.int64) % part)) for part in (60, DAY)]
    seconds, minutes = (bool(told) or (not step.is_count and step.seconds % part != 0) for part, told in finer)
    return "s" if seconds else "m" if minutes else "D"


def spelled(moment: Moment, unit: Unit | None = None) -> str:
    """The moment as people write it, or the number that counts; to the unit, or without one as short as it can be, for a message."""
    if moment.dtype.kind == "i":
        return str(moment)
    if unit is not None:
        return str(np.datetime_as_string(moment, unit)).replace("T", " ")
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
