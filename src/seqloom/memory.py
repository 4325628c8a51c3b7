"""Pairs in whatever Python holds them, as lists: iterators, dictionaries, data frames, records, arrays of texts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from seqloom.config import DataConfig
from seqloom.errors import DataError, nearest
from seqloom.header import pair_in_object, tell_sides
from seqloom.tables import first_few, flat, listed

__all__ = [
    "Column",
    "Columns",
    "Held",
    "Place",
    "as_list",
    "at_hand",
    "columns_of",
    "hold",
    "hold_sources",
    "is_missing",
    "kept_columns",
    "time_index",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A column by its number from 1, whatever the names of the columns are."""

    number: int
    of_file: bool = False
    """Whether a file's columns are meant, whose numbers say nothing of a table with names."""


Column = str | int | Place
Columns = tuple[Column | Sequence[Column] | None, Column | None]
"""Those of the sources, and that of the targets; None where nothing is said."""
Table = dict[str | int, list[Any]]
"""Columns by name; the names of a data frame may be whole numbers."""
SAMPLE = 1000  # rows looked at
ABSENT = object()
"""Stands in a column where a dictionary does not have its name."""


@dataclass(frozen=True, slots=True)
class Held:
    """Pairs as `train` works with them: paths, and arrays of numbers, as they are; all else as lists."""

    data: Any
    targets: Any = None
    source: list[str | int] = field(default_factory=list[str | int])
    """The columns that the sources are of: by name; by number from 1 where a table has no names and columns were asked for."""
    target: str | int | None = None
    gaps: list[int] = field(default_factory=list[int])
    """The numbers, from 1, of rows of a table whose target is missing."""


def kept_columns(config: DataConfig) -> Columns:
    """The columns that a config names, for `hold`."""
    is_file = bool(config.train)
    *source, target = (Place(name, is_file) if isinstance(name, int) else name for name in (*config.source, config.target))
    return [name for name in source if name is not None], target


def as_list(source: Column | Sequence[Column] | None) -> list[Any]:
    """The columns of the sources, where one may stand without a list."""
    return [source] if isinstance(source, (str, int, Place)) else list(source or [])


def hold(data: Any, targets: Any = None, source: Column | Sequence[Column] | None = None, target: Column | None = None) -> Held:
    """The data and the targets, and the columns that they are of.

    Args:
        data: a path or two, of which `targets` may be the second, pairs, sources, (sources, targets), a dictionary of sources and their
            targets, or columns: a dictionary of lists, a list of dictionaries, a data frame.
        targets: those of the sources.
        source: the columns of the sources, by name or number from 1; without, the first of two, or the one whose name says it. A column
            whose name is that number goes before one in that place.
        target: the column of the targets, likewise.

    Raises:
        DataError: columns that do not exist, or of which it cannot be told which is which.
    """
    paths = [part for part in (data, targets) if isinstance(part, (str, os.PathLike))]
    if data is None or (paths and targets is None):
        return Held(data, targets)
    if len(paths) == 2:
        return Held(paths)  # parallel files
    if paths:
        what = f"data: {str(paths[0])!r:.60} beside values in memory"
        raise DataError(f"{what}; expected two paths, or two lists. Put a single text into a list.")
    data = _gone_through(data)
    if not isinstance(data, Iterable) and not hasattr(data, "columns"):
        raise DataError(f"data: {type(data).__name__} {data!r:.40}; expected a path, pairs or columns. Give one of these.")
    if targets is not None:
        return Held(_side(data), _targets(_side(_gone_through(targets))))
    if isinstance(data, tuple) and len(data) == 2 and (all(isinstance(part, list) for part in data) or any(map(_is_of_arrays, data))):
        return Held(at_hand(data[0]), _targets(data[1]))
    wanted = as_list(source)
    if isinstance(data, Mapping) and not _holds_columns(data) and not data.keys() & {*wanted, target}:
        return Held(list(data.items()))
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        data = at_hand(data)
    columns = _flattened(_columns(data))
    return Held(data) if columns is None else _pairs(columns, wanted, target)


def hold_sources(data: Any, config: DataConfig, count: int) -> Any:
    """The sources to predict from: of a table the columns of training, or all where they are as many; all else as it is, or as a list.

    Args:
        config: of the training data.
        count: how many source columns the model has.

    Raises:
        DataError: no sources, or other columns.
    """
    if data is None or isinstance(data, (str, os.PathLike)):
        got = "None" if data is None else f"the {'text' if isinstance(data, str) else 'path'} {str(data)[:40]!r}"
        in_file = isinstance(data, os.PathLike) and not config.sounds
        advice = "Read its lines into one" if in_file else "Put it into a list" if data is not None else "Give one"
        raise DataError(f"sources: expected a list of texts, got {got}. {advice}.")
    data = _gone_through(data)
    if isinstance(data, Mapping) and not all(map(_is_column, data.values())):
        raise DataError("sources: expected a list of texts, got a dictionary of texts. Give list(...) of its sources.")
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        data = at_hand(data)
    if config.sounds and isinstance(data, list) and any(isinstance(row, Mapping) and "array" in row for row in cast("list[Any]", data)):
        return data  # sounds as `datasets` has them, of which what is wrong is said where a sound is read
    columns = _flattened(_columns(data))
    if columns is None:
        return data
    names = list(columns)
    parts = [[_cell(value, takes_numbers=True) for value in _everywhere(columns, names[place])] for place in _sources(names, config, count)]
    return parts[0] if count == 1 else list(zip(*parts, strict=True))


def _sources(names: Sequence[str | int], config: DataConfig, count: int) -> Sequence[int]:
    """The places of the source columns of training in a table, which may have no others."""
    kept, said = as_list(kept_columns(config)[0]), [name for name in config.source if isinstance(name, str)]
    if not _count(names):
        kept = said  # numbers say nothing of names
    if kept and all(column.number <= len(names) if isinstance(column, Place) else column in map(str, names) for column in kept):
        return [_place(column, names) for column in kept]
    if len(names) == count:
        return range(count)
    wanted = f"the columns of training, {listed(said)}" if said else f"the model's {count} source column{'' if count == 1 else 's'} alone"
    raise DataError(f"sources: {len(names)} columns ({first_few([*map(str, names)])}); expected {wanted}. Choose or rename them.")


def _gone_through(data: Any) -> Any:
    """Items that are only asked for by number, as of a Dataset of torch, as a list; a query of polars as its table."""
    if type(data).__name__ == "LazyFrame":
        return data.collect()
    if isinstance(data, Iterable) or hasattr(data, "columns") or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        return cast("Any", data)
    return [data[place] for place in range(len(data))]


def _side(data: Any) -> Any:
    """Sources or targets alone, which may be a table of one column."""
    columns = _columns(data) if hasattr(data, "columns") or hasattr(data, "column_names") else None
    if columns is None:
        return at_hand(data)
    if len(columns) > 1:
        what = f"{len(columns)} columns ({first_few([*map(str, columns)])}) beside targets"
        raise DataError(f"data: {what}; expected one. Leave the targets out, and name both columns with source and target.")
    return [_cell(value, takes_numbers=True) for value in next(iter(columns.values()))]


def at_hand(values: Any) -> Any:
    """What can be gone through only once, and an array of texts, as a list."""
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype.kind in "UO" else values
    if values is None or isinstance(values, (str, os.PathLike, list, tuple)):
        return values
    return list(values)


def _targets(values: Any) -> Any:
    """The same of targets, of which a number each, as of a regression, is an array (N, 1): one moment of one number."""
    values = at_hand(values)
    if isinstance(values, np.ndarray):
        return values[:, None] if values.ndim == 1 and values.dtype.kind == "f" else values
    if isinstance(values, list) and values and all(isinstance(value, (float, np.floating)) for value in cast("list[Any]", values)):
        return np.asarray(values)[:, None]
    return cast(Any, values)


def _is_of_arrays(part: Any) -> bool:
    if isinstance(part, (list, tuple)):
        return bool(part) and all(isinstance(one, np.ndarray) for one in cast("Sequence[Any]", part))
    return isinstance(part, np.ndarray)


def _holds_columns(data: Mapping[Any, Any]) -> bool:
    return len(data) > 1 and all(map(_is_column, data.values()))


def columns_of(table: Any) -> dict[str, list[Any]]:
    """The columns of a data frame (pandas, polars, Arrow), a dictionary of lists or a list of dictionaries, by name. An index that does
    more than count the rows is the first of them: `index`, where it has no name.

    Raises:
        DataError: there are none, two of one name, or of unlike lengths.
    """
    if hasattr(table, "to_frame") and not hasattr(table, "columns"):  # a Series
        table = table.to_frame(getattr(table, "name", None) or "value")
    if hasattr(table, "reset_index") and (table.index.inferred_type != "integer" or any(name is not None for name in table.index.names)):
        table = table.reset_index()
    names = [str(name) for name in getattr(table, "columns", [])] if not hasattr(table, "column_names") else list(table.column_names)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"table: {names.count(twice)} columns are called {twice!r}; expected one. Rename the others.")
    columns = {} if isinstance(table, (str, np.ndarray)) else {str(name): values for name, values in (_columns(table) or {}).items()}
    if not columns:
        what = f"{type(table).__name__} {getattr(table, 'shape', '')}".strip()
        raise DataError(f"table: {what}; expected a path, a data frame or columns by name. Give numbers as {{'load': values}}.")
    first, *others = columns
    if unlike := next((name for name in others if len(columns[name]) != len(columns[first])), None):
        lengths = f"column {first} has {len(columns[first]):,} values and {unlike} {len(columns[unlike]):,}"
        raise DataError(f"table: {lengths}; expected equally many. Mend the columns.")
    return columns


def time_index(table: Any) -> str | None:
    """The name of the index of a data frame, as `columns_of` gives it, where it says when rows are."""
    index: Any = getattr(table, "index", None)
    return (index.name or "index") if getattr(index, "inferred_type", "") in ("datetime64", "datetime", "date", "period") else None


def _is_column(values: Any) -> bool:
    """Whether these are several values: a list, or an array or series of any library."""
    is_array = hasattr(values, "__array__") and hasattr(values, "__len__") and not isinstance(values, (str, bytes))
    return is_array or isinstance(values, (list, tuple))


def _columns(data: Any) -> Table | None:
    """The columns by name, None where there are none."""
    if isinstance(data, Mapping):
        return {_name(name): list(values) for name, values in data.items()}
    if hasattr(data, "column_names"):  # an Arrow table
        parts = {str(name): data[name] for name in cast("Iterable[Any]", data.column_names)}
        return {name: values.to_pylist() if hasattr(values, "to_pylist") else list(values) for name, values in parts.items()}
    if hasattr(data, "columns"):
        names = [_name(name) for name in cast("Iterable[Any]", data.columns)]
        name, count = Counter(names).most_common(1)[0] if names else ("", 0)
        if count > 1:
            raise DataError(f"data: {count} columns are called {str(name)!r}; expected one. Rename the others.")
        return {name: list(data[held]) for name, held in zip(names, cast("Iterable[Any]", data.columns), strict=True)}
    if isinstance(data, (list, tuple)) and data and all(isinstance(record, Mapping) for record in cast("Sequence[Any]", data)):
        records = cast("Sequence[Mapping[str, Any]]", data)
        names = list(dict.fromkeys(name for record in records for name in record))
        return {_name(name): [record.get(name, ABSENT) for record in records] for name in names}
    return None


def _name(name: Any) -> str | int:
    return int(name) if isinstance(name, Integral) else str(name)


def _flattened(columns: Table | None) -> Table | None:
    """The columns, those that hold dictionaries as columns with dotted names."""
    if columns is None or not any(_of_objects(values) for values in columns.values()):
        return columns
    found: Table = {}
    for name, values in columns.items():
        objects = [flat({str(name): value}) for value in values] if _of_objects(values) else [{str(name): value} for value in values]
        for inner in dict.fromkeys(key for one in objects for key in one):
            found[inner] = [one.get(inner, ABSENT) for one in objects]
    return found


def _of_objects(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)


def _pairs(columns: Table, wanted: Sequence[Column], target: Column | None) -> Held:
    """The pairs of a table, and their columns: those that are wanted, or as `tell_sides` tells them."""
    names = list(columns)
    has_names = not _count(names)
    if has_names:
        wanted, target = [column for column in wanted if not _is_of_file(column)], None if _is_of_file(target) else target
    is_asked = bool(wanted) or target is not None
    *source, goal = _told(columns, [_place(column, names) for column in wanted], None if target is None else _place(target, names))
    parts = [_everywhere(columns, names[place]) for place in (*source, goal)]
    takes_numbers = is_asked or any(isinstance(value, str) for part in parts for value in part)
    gaps = [number for number, value in enumerate(parts[-1], 1) if type(value) is not str and is_missing(value)]
    parts = [[value if type(value) is str else _cell(value, takes_numbers) for value in part] for part in parts]
    for place, part in zip((*source, goal), parts, strict=True):
        if len(part) != len(parts[0]):
            lengths = f"column {names[source[0]]} has {len(parts[0]):,} values and {names[place]} {len(part):,}"
            raise DataError(f"data: {lengths}; expected equally many. Mend the columns.")
    sources = parts[0] if len(parts) == 2 else zip(*parts[:-1], strict=True)
    pairs = list(zip(sources, parts[-1], strict=True))
    if not has_names and not is_asked:
        return Held(pairs, gaps=gaps)
    lasting: list[str | int] = [str(names[place]) if has_names else place + 1 for place in (*source, goal)]
    return Held(pairs, None, lasting[:-1], lasting[-1], gaps)


def _cell(value: Any, takes_numbers: bool) -> Any:
    """A value of a table as a file would hold it: one that is missing is empty, a number is text where numbers are taken."""
    if is_missing(value):
        return ""
    return str(value) if takes_numbers and isinstance(value, (Real, Decimal, np.bool_)) else value


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, pandas' NA and NaT."""
    is_nan = isinstance(value, (float, np.floating)) and bool(value != value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _everywhere(columns: Table, name: str | int) -> list[Any]:
    """The values of a column, which every dictionary has that it is made of."""
    place = next((place for place, value in enumerate(columns[name]) if value is ABSENT), None)
    if place is None:
        return columns[name]
    here = [str(other) for other, values in columns.items() if place < len(values) and values[place] is not ABSENT]
    near = nearest(str(name), here) or f" Here are: {', '.join(here)}."
    raise DataError(f"pairs:{place + 1}: no {name!r} in the dictionary; expected it in every one.{near}")


def _told(columns: Table, wanted: Sequence[int], target: int | None) -> list[int]:
    """The places of the source columns, then that of the target."""
    names = [*map(str, columns)]
    if twice := [names[place] for place in wanted if (*wanted, target).count(place) > 1]:
        raise DataError(f"data: column {twice[0]!r} is named twice; expected different columns. Change source or target.")
    source, goal = tell_sides(["" if name.isdecimal() else name for name in names], tuple(wanted), target)
    if not source and goal is None:
        first = list(zip(*(values[:SAMPLE] for values in columns.values()), strict=False))
        if pair := pair_in_object(names, first):
            return [*pair]
    if not source or goal is None:
        raise DataError(f"data: {len(names)} columns ({first_few(names)}); expected 2, or source and target to say which. Name both.")
    return [*source, goal]


def _count(names: Sequence[str | int]) -> bool:
    """Whether the names are the numbers 0, 1, 2 … or 1, 2, 3 …, as those of a data frame that was not given any."""
    return any(list(names) == list(range(begin, begin + len(names))) for begin in (0, 1))


def _is_of_file(column: Column | None) -> bool:
    return isinstance(column, Place) and column.of_file


def _place(column: Column, names: Sequence[str | int]) -> int:
    if column in names:
        return names.index(cast("str | int", column))
    number, there = column.number if isinstance(column, Place) else column, [*map(str, names)]
    if column in there:
        return there.index(cast("str", column))
    if str(number).isdecimal() and 1 <= int(number) <= len(names):
        return int(number) - 1
    raise DataError(f"data: no column {number!r}; expected one of {first_few(there)}.{nearest(str(number), there)} Name another.")
