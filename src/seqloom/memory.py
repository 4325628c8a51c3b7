"""Pairs in whatever Python holds them, as lists: iterators, dictionaries, data frames, records, arrays of texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from seqloom.errors import DataError, nearest
from seqloom.header import pair_in_object, tell_sides
from seqloom.tables import first_few, flat

__all__ = ["at_hand", "columns_of", "held", "time_index"]

Column = str | int
SAMPLE = 1000  # rows looked at


def held(data: Any, targets: Any = None, source: Column | Sequence[Column] | None = None, target: Column | None = None) -> tuple[Any, Any]:
    """The data and the targets as `train` works with them: paths, and arrays of numbers, as they are; all else as lists.

    Args:
        data: a path or two, of which `targets` may be the second, pairs, sources, (sources, targets), a dictionary of sources and their
            targets, or columns: a dictionary of lists, a list of dictionaries, a data frame.
        targets: those of the sources.
        source: the columns of the sources, by name or number from 1; without, the first of two, or the one whose name says it.
        target: the column of the targets, likewise.

    Raises:
        DataError: columns that do not exist, or of which it cannot be told which is which.
    """
    paths = [part for part in (data, targets) if isinstance(part, (str, os.PathLike))]
    if data is None or (paths and targets is None):
        return data, targets
    if len(paths) == 2:
        return paths, None  # parallel files
    if paths:
        what = f"data: {str(paths[0])!r:.60} beside values in memory"
        raise DataError(f"{what}; expected two paths, or two lists. Put a single text into a list.")
    if not isinstance(data, Iterable) and not hasattr(data, "columns"):
        raise DataError(f"data: {type(data).__name__} {data!r:.40}; expected a path, pairs or columns. Give one of these.")
    if targets is not None:
        return at_hand(data), _targets(targets)
    if isinstance(data, tuple) and len(data) == 2 and (all(isinstance(part, list) for part in data) or any(map(_is_of_arrays, data))):
        return at_hand(data[0]), _targets(data[1])
    wanted = [source] if isinstance(source, (str, int)) else list(source or [])
    if isinstance(data, Mapping) and not _holds_columns(data) and not data.keys() & {*wanted, target}:
        return list(data.items()), None
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        data = at_hand(data)
    columns = _flattened(_columns(data))
    return (data if columns is None else _pairs(columns, wanted, target)), None


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
    return len(data) > 1 and all(isinstance(values, (list, np.ndarray)) for values in data.values())


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
    columns = None if isinstance(table, (str, np.ndarray)) else _columns(table)
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


def _columns(data: Any) -> dict[str, list[Any]] | None:
    """The columns by name, None where there are none."""
    if isinstance(data, Mapping):
        return {str(name): list(values) for name, values in data.items()}
    if hasattr(data, "column_names"):  # an Arrow table
        parts = {str(name): data[name] for name in cast("Iterable[Any]", data.column_names)}
        return {name: values.to_pylist() if hasattr(values, "to_pylist") else list(values) for name, values in parts.items()}
    if hasattr(data, "columns"):
        return {str(name): list(data[name]) for name in cast("Iterable[Any]", data.columns)}
    if isinstance(data, (list, tuple)) and data and all(isinstance(record, Mapping) for record in cast("Sequence[Any]", data)):
        records = cast("Sequence[Mapping[str, Any]]", data)
        names = list(dict.fromkeys(name for record in records for name in record))
        return {str(name): [record.get(name, "") for record in records] for name in names}
    return None


def _flattened(columns: dict[str, list[Any]] | None) -> dict[str, list[Any]] | None:
    """The columns, those that hold dictionaries as columns with dotted names."""
    if columns is None or not any(_of_objects(values) for values in columns.values()):
        return columns
    found: dict[str, list[Any]] = {}
    for name, values in columns.items():
        objects = [flat({name: value}) for value in values] if _of_objects(values) else [{name: value} for value in values]
        for inner in dict.fromkeys(key for one in objects for key in one):
            found[inner] = [one.get(inner, "") for one in objects]
    return found


def _of_objects(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)


def _pairs(columns: dict[str, list[Any]], wanted: Sequence[Column], target: Column | None) -> list[tuple[Any, Any]]:
    names = list(columns)
    source, goal = tuple(_place(column, names) for column in wanted), None if target is None else _place(target, names)
    if twice := [names[place] for place in source if (*source, goal).count(place) > 1]:
        raise DataError(f"data: column {twice[0]!r} is named twice; expected different columns. Change source or target.")
    source, goal = tell_sides(["" if name.isdecimal() else name for name in names], source, goal)
    if (
        not source
        and goal is None
        and (pair := pair_in_object(names, list(zip(*(values[:SAMPLE] for values in columns.values()), strict=False))))
    ):
        source, goal = pair[:1], pair[1]
    if not source or goal is None:
        raise DataError(f"data: {len(names)} columns ({first_few(names)}); expected 2, or source and target to say which. Name both.")
    *sources, result = (names[place] for place in (*source, goal))
    parts = [columns[name] for name in sources]
    for name in (*sources, result):
        if len(columns[name]) != len(parts[0]):
            lengths = f"column {sources[0]} has {len(parts[0]):,} values and {name} {len(columns[name]):,}"
            raise DataError(f"data: {lengths}; expected equally many. Mend the columns.")
    return list(zip(parts[0] if len(parts) == 1 else zip(*parts, strict=True), columns[result], strict=True))


def _place(column: Column, names: list[str]) -> int:
    if isinstance(column, str) and column in names:
        return names.index(column)
    if str(column).isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise DataError(f"data: no column {column!r}; expected one of {first_few(names)}.{nearest(str(column), names)} Name another.")
