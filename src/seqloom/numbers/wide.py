"""Tables of a row a series: its name, perhaps codes behind it, and then its values, in columns that may be called by their times."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqloom.config import NumbersField
from seqloom.data.header import is_number
from seqloom.data.tables import Record, Table
from seqloom.errors import DataError, first_few
from seqloom.numbers.clock import check_times, spelled
from seqloom.numbers.dates import Dates, find_dates, look_like_times, read_times
from seqloom.numbers.spelling import EMPTY, Spelling
from seqloom.numbers.steps import Step, Times, find_step

__all__ = ["Heads", "WideRows", "are_series", "find_heads", "heads_of_times", "left_out", "read_rows", "said_of", "stand_over_series"]

MOST_LABELS = 8
"""Columns before the first time, at the most."""
NAMED = 5
"""Series in a sentence."""
FEWEST = 3
"""Columns called by numbers, that these may be times."""
LOOKED_AT = 100
"""Rows below the first."""
FILLER = "column "
"""What the page writes before a name that is a number, which JavaScript would move to the front."""


@dataclass(frozen=True)
class Heads:
    """What the columns of a table of a row a series are."""

    labels: int = 1
    """Columns before the values, by which a series is called."""
    end: int | None = None
    """The place behind the last value; None: there is none behind."""
    times: Times | None = None
    """(values,), where the columns are called by them."""
    dates: Dates = "iso"


@dataclass(frozen=True)
class WideRows:
    """The values of all series, one behind the other."""

    values: npt.NDArray[np.float64]
    """(N,)"""
    starts: npt.NDArray[np.int64]
    """(series + 1,)"""
    series: tuple[str, ...]
    lines: npt.NDArray[np.int64]
    """(N,)"""
    places: npt.NDArray[np.int64]
    """(N,): of each value that of its column, from 0"""
    notes: tuple[str, ...]
    """What was left out, a sentence each."""


def heads_of_times(names: Sequence[str]) -> int:
    """The place of the first column that is called by a time, as those behind it are; 0 where none is."""
    bare = [name.removeprefix(FILLER) for name in names]
    for place in range(1, min(len(bare) - 1, MOST_LABELS + 1)):
        found = bare[place:]
        if look_like_times(found) and "" not in found and (len(found) >= FEWEST or not all(map(is_number, found))):
            return place
    return 0


def stand_over_series(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a first row is called by times, and less than half of the rows below it, of which there are some, look so too."""
    names = [*first]
    while names and not names[-1]:
        names.pop()
    if not (rest and (place := heads_of_times(names))):
        return False
    below = [[*filter(None, row[place : len(names)])] for row in rest[:LOOKED_AT]]
    return 2 * sum(len(row) >= FEWEST and look_like_times(row) for row in below) < len(below)


def are_series(table: Table, sample: Sequence[Sequence[str]]) -> bool:
    """Whether rows look like series where that was not asked for: columns are called by times, or the first row of data is."""
    return heads_of_times(table.columns) > 0 if table.header else bool(sample) and stand_over_series(sample[0], sample[1:])


def find_heads(table: Table, sample: Sequence[Sequence[str]], numbers: NumbersField) -> Heads:
    """Which columns are names and which are values, and the times of these where they are called by them; later as in training.

    Raises:
        DataError: times that do not go on evenly, or are missing where training had them.
    """
    is_asked = numbers.step is not None or numbers.dates in (None, "weeks", "decimal", "day_first", "month_first")
    if not (table.header and is_asked):
        return Heads()
    end = _end(table, sample)
    names = [name.removeprefix(FILLER) for name in table.columns[:end]]
    labels = heads_of_times(names) if numbers.step is None else _as_trained(names, numbers.dates or "iso")
    if not labels:
        if numbers.step is None:
            return Heads()
        what = f"the columns ({first_few(names[1:])}) are not called by times, as those of training were"
        raise DataError(f"{table.name}: {what}; expected one every {Step.parse(numbers.step)}. Name them in a first line.")
    where = f"{table.name}: the first line"
    dates = numbers.dates or find_dates(names[labels:], lambda row: where, "a column")
    times = read_times(names[labels:], lambda row: where, "a column", dates=dates)
    step = Step.parse(numbers.step) if numbers.step else find_step(times, [0])
    check_times(times, [0], step, lambda row: where, "column", gaps_allowed=numbers.gaps == "fill", otherwise="")
    return Heads(labels, end, times, dates)


def _end(table: Table, sample: Sequence[Sequence[str]]) -> int:
    """The place behind the last column that has a name or a cell: commas may end all lines."""
    end = len(table.columns)
    while end > 2 and table.columns[end - 1] == str(end) and not any(row[end - 1] for row in sample if len(row) >= end):
        end -= 1
    return end


def _as_trained(names: Sequence[str], dates: Dates) -> int:
    """The first place from which on all names say times that are written so, 0 where there is none."""
    for place in range(1, min(len(names), MOST_LABELS + 1)):
        try:
            read_times(names[place:], str, "", dates=dates)
        except DataError:
            continue
        return place
    return 0


def read_rows(table: Table, heads: Heads, spelling: Spelling, rows: Iterable[Record]) -> WideRows:
    """The values of each row, less what is empty behind them, and before them where columns are called by times.

    Raises:
        DataError: a series without values, where columns have no times, or one that is there twice; a cell that is no number.
    """
    values, places, lines, starts, labels, empty = array("d"), list[int](), list[int](), [0], list[tuple[str, ...]](), list[str]()
    numbers: list[int] = []
    for number, record in rows:
        if not record:
            continue
        begin, end = _given(record, heads)
        if begin == end:
            if heads.times is None:
                raise DataError(f"{table.name}:{number}: series {record[0]!r} has no values. Remove the line.")
            empty.append(record[0])
            continue
        labels.append(record[: heads.labels])
        numbers.append(number)
        values.extend(spelling.number(record[place], table.name, number, table.columns[place]) for place in range(begin, end))
        places.extend(range(begin - heads.labels, end - heads.labels))
        lines.extend([number] * (end - begin))
        starts.append(len(values))
    series = _names_of(labels)
    _refuse_twice(table, series, numbers)
    starts_of, lines_of, places_of = (np.array(part, dtype=np.int64) for part in (starts, lines, places))
    return WideRows(np.frombuffer(values, dtype=np.float64), starts_of, series, lines_of, places_of, left_out(empty))


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """A sentence where series have no value, with the first of them."""
    are = "is" if len(names) == 1 else "are"
    return (f"{len(names):,} series without a value {are} left out: {', '.join(names[:NAMED])}",) if names else ()


def _given(record: Sequence[str], heads: Heads) -> tuple[int, int]:
    """From which column of a row on values are given, and before which they end."""
    begin, end = heads.labels, len(record) if heads.end is None else heads.end
    while end > begin and record[end - 1].lower() in EMPTY:
        end -= 1
    while heads.times is not None and begin < end and record[begin].lower() in EMPTY:
        begin += 1
    return begin, end


def _names_of(labels: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The first label of each series; where that does not tell them apart all that differ."""
    firsts = tuple(label[0] for label in labels)
    if len({*firsts}) == len(firsts) or len({*labels}) < len(labels):
        return firsts
    differ = [place for place in range(len(labels[0])) if len({label[place] for label in labels}) > 1]
    return tuple(", ".join(label[place] for place in differ) for label in labels)


def _refuse_twice(table: Table, series: Sequence[str], numbers: Sequence[int]) -> None:
    known: dict[str, int] = {}
    for name, number in zip(series, numbers, strict=True):
        if (first := known.setdefault(name, number)) != number:
            what = f"series {name!r} is in line {first} already; expected a row a series"
            raise DataError(f"{table.name}:{number}: {what}. Rename or remove one of the two.")


def said_of(heads: Heads, columns: Sequence[str]) -> tuple[str, ...]:
    """What the columns are taken for, a sentence each."""
    if heads.times is None:
        return ()
    more = f", behind the names of series in {columns[0]} and {first_few(columns[1 : heads.labels])}" if heads.labels > 1 else ""
    return (f"columns are called by their times, from {spelled(heads.times[0])} to {spelled(heads.times[-1])}{more}",)
