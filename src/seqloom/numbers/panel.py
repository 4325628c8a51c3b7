"""Tables of numbers over time: one series or many, long or wide, from a file or from arrays, whole and checked."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import DataConfig, NumbersField
from seqloom.data.layout import find_table
from seqloom.data.lines import LineCounts
from seqloom.data.memory_rows import is_missing
from seqloom.data.tables import Record, Table, cells_at, read_records
from seqloom.data.tabular import columns_of
from seqloom.errors import DataError, nearest
from seqloom.numbers.clock import check_times, filled, spelled
from seqloom.numbers.date_columns import as_whole, in_order, part_of_year, together
from seqloom.numbers.dates import Dates, are_even_in_place, find_dates, have_offsets, look_like_times, read_times, without_offsets
from seqloom.numbers.spelling import PLAIN, Decimal, Marks, Spelling
from seqloom.numbers.steps import Step, Times, continued, find_step
from seqloom.numbers.wide import are_series, find_heads, read_rows, said_of

__all__ = ["Panel", "panel_of", "panel_of_rows", "read_panel"]

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

_Reading = Callable[[Sequence[int]], Iterable[Record]]
"""Gives the columns of some places, row by row."""
EACH = Step(0, 1)
"""Rows that follow each other, without a time."""
LOOKED_AT = 1000
"""Rows in memory in which the mark before the decimals is looked for; of a file as many."""


@dataclass(frozen=True)
class Panel:
    """Rows of numbers, series after series."""

    columns: tuple[str, ...]
    values: Floats
    """(N, columns), as they were written: a float32 would lose what changes on a high level"""
    starts: Ids
    """(series + 1,): the row where each begins, and N"""
    series: tuple[str, ...]
    times: Times | None = None
    """(N,)"""
    step: Step = EACH
    name: str = "the table"
    lines: Ids | None = field(default=None, repr=False)
    """(N,): the line of the file that each row comes from, 0 where it was put in"""
    brought_to_utc: bool = False
    """Whether the times were read with their offsets from it."""
    is_local: bool = False
    """Whether they had offsets, and were read without."""
    dates: Dates = "iso"
    """How the dates were written."""
    marks: Marks = PLAIN
    """What stood before decimals and between thousands."""
    signs: Mapping[str, str] = field(default_factory=dict[str, str])
    """What stood beside all numbers of a column, where there is something."""
    filled: npt.NDArray[np.bool_] | None = field(default=None, repr=False)
    """(N, columns): the cells in which a rule has put a value; None where there are none"""
    layout: tuple[str, ...] = ()
    """What was found and may be meant otherwise: whether line 1 is a header, what is taken off numbers. A sentence each."""
    doubts: tuple[str, ...] = ()
    """What training warns of, a sentence each: numbers that look as if they were read wrong."""
    unread: str = ""
    """A column that looks like times, of rows that are numbered."""
    header: bool | None = None
    """Whether line 1 names the columns, of a file in which that was looked for to tell it from a series."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> Ids:
        """(series,)"""
        return np.diff(self.starts)

    def of_series(self, number: int) -> tuple[Floats, Times | None]:
        """The values (N, columns) and times (N,) of one series."""
        rows = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return self.values[rows], None if self.times is None else self.times[rows]

    def are_filled(self, number: int) -> npt.NDArray[np.bool_]:
        """(N, columns): of one series the cells in which a rule has put a value."""
        rows = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return np.zeros(self.values[rows].shape, dtype=np.bool_) if self.filled is None else self.filled[rows]

    def known(self, start: int, end: int) -> Floats:
        """(end - start, columns): the values of rows, NaN where none was given."""
        values = self.values[start:end]
        return values if self.filled is None else np.where(self.filled[start:end], np.nan, values)

    def notes(self, numbers: NumbersField) -> list[str]:
        """What rules have put in, in words."""
        if self.filled is None:
            return []
        new = 0 if self.lines is None else int((self.lines == 0).sum())
        rows = [f"{new:,} rows that are left out in {self.name} were put in (fields.numbers.gaps=fill)"] if new else []
        counts = zip(self.columns, self.filled.sum(0).tolist(), strict=True)
        cells = ", ".join(f"{name} {count:,}" for name, count in counts if count)
        return [*rows, f"empty cells were given a value (fields.numbers.missing={numbers.missing}), which counts as no truth: {cells}"]

    def where(self, row: int) -> str:
        """The place of a row, for messages."""
        return f"{self.name}:{self.line(row)}"

    def line(self, row: int) -> int:
        """The line of a row in its file, or its number."""
        return row + 1 if self.lines is None else int(self.lines[row])


def panel_of(table: Any, numbers: NumbersField, data: DataConfig) -> Panel:
    """The panel of a table: a path, a data frame or columns as `memory.columns_of` takes them; a panel is one already.

    Raises:
        DataError: as `read_panel`.
    """
    if isinstance(table, Panel):
        return table
    if isinstance(table, (str, PathLike)):
        return read_panel(str(table), numbers, data)  # pyright: ignore[reportUnknownArgumentType]
    columns = columns_of(table)
    whole = Table(("table",), "frame", None, True, tuple(columns))
    if any(isinstance(cell, (date, np.datetime64)) for name in numbers.times for cell in columns.get(name, [])[:1]):
        numbers = numbers.model_copy(update={"dates": "iso"})  # however the table of training has them

    def read(places: Sequence[int], rows: int | None = None) -> Iterator[Record]:
        cells = zip(*(columns[whole.columns[place]][:rows] for place in places), strict=True)
        return ((number, tuple([_cell(cell, numbers.decimal or ".") for cell in row])) for number, row in enumerate(cells, 1))

    return _read(whole, [cells for _, cells in read(range(len(columns)), LOOKED_AT)], numbers, read)


def read_panel(path: str, numbers: NumbersField, data: DataConfig) -> Panel:
    """The columns that the field names, of all rows of a file.

    A column of the targets, past, known or static, in this order. Rows at the end of a series whose targets are all empty stay: they are
    the time to be forecast.

    Raises:
        DataError: a column that does not exist, a cell that is no number, a missing value or time that the rules forbid.
    """
    table, sample, notes = find_table([path], data, [*_labels(numbers), *column_names(numbers)], wide=numbers.wide)
    panel = _read(table, sample, numbers, lambda places: read_records(table, places, LineCounts()))
    return replace(panel, layout=(*notes[-1:], *panel.layout), header=table.header) if numbers.wide and table.delimiter else panel


def panel_of_rows(rows: Sequence[Mapping[str, str | float | None]], numbers: NumbersField) -> Panel:
    """As `read_panel`, of rows in memory, each with its cells by column; one that is absent is empty.

    Raises:
        DataError: as `read_panel`; a row is named by its number, from 1, as in `table:3`.
    """
    table = Table(("table",), "memory", None, True, tuple(dict.fromkeys(column for row in rows for column in row)))
    if not table.columns:
        expected = "the name of a series, and its values" if numbers.wide else ", ".join([*_labels(numbers), *column_names(numbers)])
        raise DataError(f"{table.name}: the rows have no columns; expected {expected}. Give each row its cells by column.")

    def read(places: Sequence[int], rows: Sequence[Mapping[str, str | float | None]] = rows) -> Iterator[Record]:
        return _rows_of(rows, [table.columns[place] for place in places], numbers.decimal or ".")

    sample = [cells for _, cells in read(range(len(table.columns)), rows[:LOOKED_AT])]
    return _read(table, sample, numbers, read)


def _rows_of(rows: Sequence[Mapping[str, str | float | None]], names: Sequence[str], decimal: Decimal) -> Iterator[Record]:
    """Cells as a file of the model's table would hold them."""
    for number, row in enumerate(rows, 1):
        yield number, tuple([_cell(row.get(name), decimal) for name in names])


def _cell(cell: object, decimal: Decimal) -> str:
    """What stands in a cell, as a file of the model's table would hold it."""
    if isinstance(cell, str):
        return cell.strip()
    if is_missing(cell):
        return ""
    if isinstance(cell, (bool, np.bool_)):
        return str(cell).lower()
    return str(cell) if isinstance(cell, (date, np.datetime64)) else str(cell).replace(".", decimal)


def _read(table: Table, sample: Sequence[Sequence[str]], numbers: NumbersField, read: _Reading) -> Panel:
    return _checked((_wide if numbers.wide else _long)(table, sample, numbers, read), numbers)


def _checked(panel: Panel, numbers: NumbersField) -> Panel:
    """The panel with its times and what must not change checked, and whole."""
    had = [(item[:-1].rstrip(), item[-1]) for item in numbers.signs if item]
    lost = [(name, sign) for name, sign in had if name in panel.columns and name not in panel.signs]
    said = [f"{name} has no {sign!r} beside its numbers, which it had in training; they are taken for the same" for name, sign in lost]
    panel = replace(panel, layout=(*panel.layout, *said))
    _refuse_change(panel, numbers)
    if panel.times is not None:
        starts = panel.starts[:-1].tolist()
        step = Step.parse(numbers.step) if numbers.step else find_step(panel.times, starts)
        allowed = numbers.gaps == "fill"
        check_times(panel.times, starts, step, panel.where, " ".join(numbers.times) or "column", gaps_allowed=allowed)
        panel = _without_gaps(replace(panel, step=step), panel.times) if allowed else replace(panel, step=step)
    return _whole(panel, numbers)


def _refuse_change(panel: Panel, numbers: NumbersField) -> None:
    """Raises a DataError for a column of `static` that changes within a series."""
    for column in range(len(panel.columns) - len(numbers.static), len(panel.columns)):
        values = panel.values[:, column]
        least, most = (bound.reduceat(values, panel.starts[:-1]) for bound in (np.fmin, np.fmax))  # which leave out what is missing
        if not (changing := np.flatnonzero(least < most)).size:
            continue
        series = int(changing[0])
        begin, end = int(panel.starts[series]), int(panel.starts[series + 1])
        rows = begin + np.flatnonzero(~np.isnan(values[begin:end]))
        first, other = int(rows[0]), int(rows[values[rows] != values[rows[0]]][0])
        name = f" of series {panel.series[series]!r}" if panel.series[series] else ""
        before = f"{values[first]:.12g} in line {panel.line(first)}"
        what = f"{panel.columns[column]}{name} is {values[other]:.12g}, and {before}; expected one value within a series"
        raise DataError(f"{panel.where(other)}: {what}. Mend the cell, or name the column with --known or --past in place of --static.")


def column_names(numbers: NumbersField) -> tuple[str, ...]:
    """The columns of a panel, in their order."""
    return (*numbers.targets, *numbers.past, *numbers.known, *numbers.static)


# ---------------------------------------------------------------------------------------------------------------- long


def _long(table: Table, sample: Sequence[Sequence[str]], numbers: NumbersField, read: _Reading) -> Panel:
    """One row a moment."""
    names = column_names(numbers)
    labels = _labels(numbers)
    places = [_place(table, sample, name) for name in (*labels, *names)]
    spelling, heads = Spelling.of(table, sample, places[len(labels) :], numbers), [table.columns[place] for place in places[len(labels) :]]
    cells = array("d")
    marks: list[tuple[str, ...]] = []
    lines, where = array("q"), table.name
    for number, record in read(places):
        if not record:
            continue
        marks.append(record[: len(labels)])
        lines.append(number)
        cells.extend(spelling.number(cell, where, number, name) for cell, name in zip(record[len(labels) :], heads, strict=True))
    values = np.frombuffer(cells, dtype=np.float64).reshape(len(lines), len(names))
    panel = Panel(
        names,
        values,
        np.array([0, len(lines)]),
        ("",),
        name=table.name,
        lines=np.frombuffer(lines, dtype=np.int64),
        marks=spelling.marks,
        doubts=spelling.doubts,
        layout=(*spelling.notes, *_rows_among(table, sample, numbers)),
        signs={name: spelling.signs[head] for name, head in zip(names, heads, strict=True) if head in spelling.signs},
        unread="" if numbers.times else _times_among(table, sample, places),
    )
    if numbers.series is not None:
        names_of_series = [mark[-1] for mark in marks]
        _refuse_nameless(panel, names_of_series, numbers.series)
        panel, order = _grouped(panel, names_of_series)
        marks = [marks[row] for row in order.tolist()]
    return _timed(panel, marks, numbers) if numbers.times else panel


def _refuse_nameless(panel: Panel, names: Sequence[str], column: str) -> None:
    """Raises a DataError for rows of which it is not said to which series they belong, where it is of others."""
    if (count := names.count("")) and any(names):
        what = f"{column} is empty ({count:,} such cell{'s' * (count > 1)}); expected the name of a series"
        raise DataError(f"{panel.where(names.index(''))}: {what}. Fill it, or remove the rows.")


def _timed(panel: Panel, marks: Sequence[Sequence[str]], numbers: NumbersField) -> Panel:
    """The panel with the moments of its rows, read from what stands in their columns of times."""
    places = in_order(numbers.times)
    columns = [numbers.times[place] for place in places]
    parts = [*zip(*(as_whole([mark[place] for mark in marks]) for place in places), strict=True)]
    part = part_of_year(parts, columns, Step.parse(numbers.step) if numbers.step else None)
    moments = together(parts, part)
    where = (panel.where, " ".join(numbers.times), panel.starts[:-1].tolist())
    dates = numbers.dates or find_dates(moments, *where)
    said = [] if part == "month" else [f"{columns[1]} is read as the {part} of the year"]
    has_offsets = have_offsets(moments)
    is_local = has_offsets and _is_local(moments, where[2], numbers)
    if is_local:
        moments = without_offsets(moments)
        said.append(
            "times are read as they stand, without their offsets from UTC: days begin where the clock says so, and in forecasts too"
        )
    return replace(
        panel,
        layout=(*said, *panel.layout),
        times=read_times(moments, *where, dates),
        brought_to_utc=has_offsets and not is_local,
        is_local=is_local,
        dates=dates,
    )


def _is_local(moments: Sequence[str], starts: Sequence[int], numbers: NumbersField) -> bool:
    """Whether times with offsets are read without: as it is asked for, or as they are even in training, whose step is not yet known."""
    return numbers.offsets == "local" or (numbers.offsets is None and numbers.step is None and are_even_in_place(moments, starts))


def _times_among(table: Table, sample: Sequence[Sequence[str]], taken: Sequence[int]) -> str:
    """The first column that looks like times beside those that are taken for other things, '' where there is none."""
    left = (place for place in range(len(table.columns)) if place not in taken)
    return next((table.columns[place] for place in left if look_like_times(cells_at(sample, place))), "")


def _rows_among(table: Table, sample: Sequence[Sequence[str]], numbers: NumbersField) -> tuple[str, ...]:
    """A sentence where columns are called by times, so that rows may be series."""
    are_rows = not numbers.times and are_series(table, sample)
    return ("columns are called by times: --wide reads each row as a series",) if are_rows else ()


def _labels(numbers: NumbersField) -> list[str]:
    """The columns that say when a row is, and of which series."""
    return [*numbers.times, *filter(None, [numbers.series])]


def _place(table: Table, sample: Sequence[Sequence[str]], name: str) -> int:
    if (count := table.columns.count(name)) > 1:
        raise DataError(f"{table.name}: {count} columns are called {name!r}; expected one. Rename the others, or name it by its number.")
    if count:
        return table.columns.index(name)
    if name.isdecimal() and 0 < int(name) <= len(table.columns):
        return int(name) - 1
    of_rows = " Columns are called by times: --wide reads each row as a series." if are_series(table, sample) else ""
    raise DataError(f"{table.name}: no column {name!r}; there are {', '.join(table.columns[:20])}.{nearest(name, table.columns)}{of_rows}")


def _grouped(panel: Panel, labels: Sequence[str]) -> tuple[Panel, Ids]:
    """The rows of each series together, in their order, the series in that of their first rows; and where each row stood, (N,)."""
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(known)))])
    lines = None if panel.lines is None else panel.lines[order]
    return replace(panel, values=panel.values[order], lines=lines, starts=starts, series=tuple(known)), order


# ---------------------------------------------------------------------------------------------------------------- wide


def _wide(table: Table, sample: Sequence[Sequence[str]], numbers: NumbersField, read: _Reading) -> Panel:
    """One row a series: its name, then its values."""
    heads = find_heads(table, sample, numbers)
    spelling = Spelling.of(table, sample, range(heads.labels, len(table.columns)), numbers)
    rows = read_rows(table, heads, spelling, read(range(len(table.columns))))
    columns, signs = column_names(numbers) or ("value",), {*spelling.signs.values()}
    return Panel(
        columns,
        rows.values.reshape(-1, 1),
        rows.starts,
        rows.series,
        None if heads.times is None else heads.times[rows.places],
        name=table.name,
        lines=rows.lines,
        dates=heads.dates,
        marks=spelling.marks,
        doubts=spelling.doubts,
        layout=(*said_of(heads, table.columns), *rows.notes, *spelling.notes),
        signs={columns[0]: signs.pop()} if len(signs) == 1 else {},
    )


# --------------------------------------------------------------------------------------------------------- whole


def _without_gaps(panel: Panel, given: Times) -> Panel:
    """The moments left out are put in, with nothing in them."""
    times, rows = filled(given, panel.starts[:-1].tolist(), panel.step)
    values = panel.values[rows].copy()
    values[rows < 0] = np.nan
    firsts = np.searchsorted(np.maximum.accumulate(rows), panel.starts[:-1])
    lines = None if panel.lines is None else np.where(rows < 0, 0, panel.lines[rows])
    return replace(panel, values=values, times=times, starts=np.append(firsts, len(times)), lines=lines)


def _whole(panel: Panel, numbers: NumbersField) -> Panel:
    """The panel with the rule for missing values followed; the targets of rows to come may be missing.

    Raises:
        DataError: a value is missing where the rule forbids it.
    """
    holes = np.isnan(panel.values)
    if not holes.any():
        return panel
    read = len(numbers.targets) + len(numbers.past)
    holes[_to_come(panel, len(numbers.targets)), :read] = False
    if not holes.any():
        return panel
    if numbers.missing == "error":
        given = holes if panel.lines is None else holes & (panel.lines > 0)[:, None]
        if not given.any():
            what = f"{int(holes.any(1).sum()):,} rows were put in by fields.numbers.gaps=fill, with nothing in them"
            rule = "--set fields.numbers.missing=previous (or linear, zero)"
            raise DataError(f"{panel.name}: {what}. Name a rule for what they hold: {rule}.")
        row, column = (int(place) for place in np.argwhere(given)[0])
        if np.isnan(panel.values[:, column]).all():
            raise DataError(f"{panel.name}: {panel.columns[column]} is empty in all rows; expected numbers. Choose other columns.")
        raise DataError(
            f"{panel.where(row)}: {panel.columns[column]} is empty ({int(given.sum()):,} such cells); expected a number. Fill it, or "
            "name a rule: --set fields.numbers.missing=previous (or linear, zero)."
        )
    values = panel.values.copy()
    for start, end in zip(panel.starts[:-1].tolist(), panel.starts[1:].tolist(), strict=True):
        for column in range(values.shape[1]):
            part, empty = values[start:end, column], holes[start:end, column]
            if empty.any():
                is_static = column >= values.shape[1] - len(numbers.static)
                part[empty] = _guess(part, empty, "previous" if is_static else numbers.missing)
    return replace(panel, values=values, filled=holes)


def _to_come(panel: Panel, targets: int) -> npt.NDArray[np.bool_]:
    """(N,): rows at the end of a series where all targets are missing."""
    empty = np.asarray(np.isnan(panel.values[:, :targets]).all(axis=1))
    result = np.zeros(len(panel), dtype=np.bool_)
    for start, end in zip(panel.starts[:-1].tolist(), panel.starts[1:].tolist(), strict=True):
        last = end
        while last > start and empty[last - 1]:
            last -= 1
        result[last:end] = True
    return result


def _guess(part: Floats, empty: npt.NDArray[np.bool_], rule: str) -> Floats | float:
    """What stands in the empty places; before the first value, that value."""
    real = np.nonzero(~empty & ~np.isnan(part))[0]
    if rule == "zero" or not len(real):
        return 0.0
    places = np.nonzero(empty)[0]
    if rule == "linear":
        return np.interp(places, real, part[real])
    return part[real[np.maximum(np.searchsorted(real, places) - 1, 0)]]


def joined(first: Panel, second: Panel) -> Panel:
    """Each series of the first with what follows it in the second.

    Raises:
        DataError: the second has other series, or does not begin one step after the end of the first.
    """
    if set(second.series) - set(first.series) or first.columns != second.columns:
        strange = next(iter(sorted(set(second.series) - set(first.series))), second.columns[0])
        raise DataError(
            f"{second.name}: series {strange!r} is not in {first.name}; expected what follows its series.{nearest(strange, first.series)}"
        )
    places = {name: number for number, name in enumerate(second.series)}
    values: list[Floats] = []
    filled: list[npt.NDArray[np.bool_]] = []
    times: list[Times] = []
    for number, name in enumerate(first.series):
        spans = [(first, number), *([(second, places[name])] if name in places else [])]
        parts = [panel.of_series(place) for panel, place in spans]
        values.append(np.concatenate([part for part, _ in parts]))
        moments = [part for _, part in parts if part is not None]
        _refuse_apart(moments, first.step, f"{second.name}: series {name!r}" if name else second.name, first.name)
        times += moments
        filled += [panel.are_filled(place) for panel, place in spans]
    starts = np.cumsum([0, *map(len, values)])
    return replace(
        first,
        values=np.concatenate(values),
        starts=starts,
        lines=None,
        times=np.concatenate(times) if times else None,
        filled=None if first.filled is None and second.filled is None else np.concatenate(filled),
    )


def _refuse_apart(moments: Sequence[Times], step: Step, where: str, before: str) -> None:
    if len(moments) < 2:
        return
    expected = continued(moments[0][-1:], step, 1)[0]
    if moments[1][0] != expected:
        begin, end = spelled(moments[1][0]), spelled(moments[0][-1])
        raise DataError(
            f"{where}: begins at {begin}; expected {spelled(expected)}, a step after {before} ends ({end}). "
            "Give a table that goes on where the first one ends."
        )
