"""Columns of whatever Python holds a table in: dictionaries, records, data frames, Arrow tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from seqloom.data.memory_rows import is_missing
from seqloom.data.tables import as_text, flat
from seqloom.errors import DataError, nearest
from seqloom.sound.samples import is_held

__all__ = ["Table", "as_cell", "columns_in", "columns_of", "flattened", "is_column", "time_index", "values_of"]

Table = dict[str | int, list[Any]]
"""Columns by name; the names of a data frame may be whole numbers."""
ABSENT = object()
"""Stands in a column where a dictionary does not have its name."""


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
    columns = {} if isinstance(table, (str, np.ndarray)) else {str(name): values for name, values in (columns_in(table) or {}).items()}
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


def columns_in(data: Any) -> Table | None:
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


def flattened(columns: Table | None) -> Table | None:
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
    return bool(values) and all(isinstance(value, Mapping) for value in values) and not all(map(is_held, values))


def is_column(values: Any) -> bool:
    """Whether these are several values: a list, or an array or series of any library."""
    is_array = hasattr(values, "__array__") and hasattr(values, "__len__") and not isinstance(values, (str, bytes))
    return is_array or isinstance(values, (list, tuple))


def as_cell(value: Any, takes_numbers: bool, joins_numbers: bool = False) -> Any:
    """A value of a table as a file would hold it: one that is missing is empty, a number is text where numbers are taken, and a list of
    texts, or where that is said of whole numbers, is joined by blanks. A list of others is measured.
    """
    if is_missing(value):
        return ""
    if isinstance(value, list) and _is_joined(cast("list[Any]", value), joins_numbers):
        return as_text(cast("list[Any]", value), "", "")
    return str(value) if takes_numbers and isinstance(value, (Real, Decimal, np.bool_)) else value


def _is_joined(values: list[Any], joins_numbers: bool) -> bool:
    """Whether a list is a text in parts."""
    if not all(value is None or isinstance(value, (str, int, float, Decimal)) for value in values):
        return False
    return any(isinstance(value, str) for value in values) or (joins_numbers and all(isinstance(value, int) for value in values))


def values_of(columns: Table, name: str | int) -> list[Any]:
    """The values of a column, which every dictionary has that it is made of."""
    place = next((place for place, value in enumerate(columns[name]) if value is ABSENT), None)
    if place is None:
        return columns[name]
    here = [str(other) for other, values in columns.items() if place < len(values) and values[place] is not ABSENT]
    near = nearest(str(name), here) or f" Here are: {', '.join(here)}."
    raise DataError(f"pairs:{place + 1}: no {name!r} in the dictionary; expected it in every one.{near}")
