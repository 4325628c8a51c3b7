"""Pairs in whatever Python holds them, as lists: iterators, dictionaries, data frames, records, arrays of texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from seqloom.config import DataConfig
from seqloom.data.column_roles import SPOKEN
from seqloom.data.header import LABEL_WORDS, pair_in_object, tell_sides, text_and_label
from seqloom.data.languages import with_target_language
from seqloom.data.memory_rows import is_missing
from seqloom.data.tabular import Table, as_cell, columns_in, flattened, is_column, values_of
from seqloom.errors import DataError, count_of, first_few, listed, nearest
from seqloom.fields.frame_text import numbers_of_lists
from seqloom.sound.samples import is_held, is_plainly_sound
from seqloom.sound.sounds import DEV_PARTS, TEST_PARTS, TRAIN_PARTS, name_sounds

__all__ = [
    "Column",
    "Columns",
    "Given",
    "Held",
    "Pairs",
    "Place",
    "Targets",
    "as_list",
    "at_hand",
    "hold",
    "hold_sources",
    "kept_columns",
    "paths_of",
]


class HasColumns(Protocol):
    """A data frame or a table of any library."""

    @property
    def columns(self) -> Any: ...


Given = str | Path | Iterable[Any] | HasColumns
"""Pairs as a caller may have them: a path, two of them, pairs or columns in memory."""
Targets = str | Path | Iterable[Any] | HasColumns
"""Targets beside sources: the second of two paths, texts, numbers, arrays, or a table of one column."""
Pairs = str | Path | Sequence[Any]
"""The same as they are worked with: a path, two of them, or pairs in memory."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column by its number from 1, whatever the names of the columns are."""

    number: int
    of_file: bool = False
    """Whether a file's columns are meant, whose numbers say nothing of a table with names."""


Column = str | int | Place
Columns = tuple[Column | Sequence[Column] | None, Column | None]
"""Those of the sources, and that of the targets; None where nothing is said."""
SAMPLE = 1000  # rows looked at


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


def paths_of(data: Pairs) -> list[str] | None:
    """The files that are meant, or None for pairs in memory."""
    if isinstance(data, (str, Path)):
        return [str(data)]
    return [str(item) for item in data] if 0 < len(data) <= 2 and all(isinstance(item, (str, Path)) for item in data) else None


def as_list(source: Column | Sequence[Column] | None) -> list[Any]:
    """The columns of the sources, where one may stand without a list."""
    return [source] if isinstance(source, (str, int, Place)) else list(source or [])


def hold(
    data: Any,
    targets: Any = None,
    source: Column | Sequence[Column] | None = None,
    target: Column | None = None,
    usual: Sequence[str] = (),
) -> Held:
    """The data and the targets, and the columns that they are of.

    Args:
        data: a path or two, of which `targets` may be the second, pairs, sources, (sources, targets), a dictionary of sources and their
            targets, or columns: a dictionary of lists, a list of dictionaries, a data frame.
        targets: those of the sources.
        source: the columns of the sources, by name or number from 1; without, the first of two, or the one whose name says it. A column
            whose name is that number goes before one in that place.
        target: the column of the targets, likewise.
        usual: the names of both, where a table has all of them and nothing else is said.

    Raises:
        DataError: columns that do not exist, or of which it cannot be told which is which.
    """
    data, targets = _as_arrays(data), _as_arrays(targets)
    paths = [part for part in (data, targets) if isinstance(part, (str, os.PathLike))]
    if data is None or (paths and targets is None):
        return Held(data, targets)
    if len(paths) == 2:
        return Held(paths)  # parallel files
    if paths:
        what = f"data: {str(paths[0])!r:.60} beside values in memory"
        raise DataError(f"{what}; expected two paths, or two lists. Put a single text into a list.")
    if targets is None and isinstance(data, Mapping) and not data.keys() & {*as_list(source), target}:
        _refuse_splits(data)
    data = _gone_through(data)
    if not isinstance(data, Iterable) and not hasattr(data, "columns"):
        raise DataError(f"data: {type(data).__name__} {data!r:.40}; expected a path, pairs or columns. Give one of these.")
    if targets is not None:
        return Held(_side(data), _targets(_side(_gone_through(targets))))
    if isinstance(data, tuple) and len(data) == 2 and (all(isinstance(part, list) for part in data) or any(map(_is_of_arrays, data))):
        return Held(numbers_of_lists(at_hand(data[0])), _targets(data[1]))
    wanted = as_list(source)
    if isinstance(data, Mapping) and not _holds_columns(data) and not data.keys() & {*wanted, target}:
        return Held(list(data.items()))
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        data = at_hand(data)
    columns = flattened(columns_in(data))
    if columns is None:
        return Held(_numbers_of_pairs(data))
    if usual and not wanted and target is None and columns.keys() >= {*usual}:
        *wanted, target = usual
    return _pairs(columns, wanted, target)


def _refuse_splits(data: Mapping[Any, Any]) -> None:
    """Make sure that a dictionary does not hold the parts of a data set, each with pairs of its own."""
    names, texts = [*data], any(isinstance(values, str) for values in data.values())
    train, dev = ([name for name in names if name in known] for known in (TRAIN_PARTS, DEV_PARTS))
    if train and not texts and all(name in (*TRAIN_PARTS, *DEV_PARTS, *TEST_PARTS) for name in names):
        also = f" and dev=data[{dev[0]!r}]" if dev else ""
        raise DataError(f"data: a dictionary of parts ({first_few(names)}); expected the pairs of one. Give data[{train[0]!r}]{also}.")


def hold_sources(data: Any, config: DataConfig, count: int, *, of_numbers: bool = False) -> Any:
    """The sources to predict from: of a table the columns of training, or all where they are as many; all else as it is, or as a list.

    Args:
        config: of the training data.
        count: how many source columns the model has.
        of_numbers: whether it reads numbers over time, so that lists of whole numbers are such too.

    Raises:
        DataError: no sources, or other columns.
    """
    if config.sounds and is_held(data):
        raise DataError(f"sources: expected a list of sounds, got one ({type(data).__name__}). Put it into a list.")
    if data is None or isinstance(data, (str, os.PathLike)):
        got = "None" if data is None else f"the {'text' if isinstance(data, str) else 'path'} {str(data)[:40]!r}"
        in_file = isinstance(data, os.PathLike) and not config.sounds
        advice = "Read its lines into one" if in_file else "Put it into a list" if data is not None else "Give one"
        raise DataError(f"sources: expected a list of texts, got {got}. {advice}.")
    data = _gone_through(data)
    if isinstance(data, Mapping) and not all(map(is_column, data.values())):
        raise DataError("sources: expected a list of texts, got a dictionary of texts. Give list(...) of its sources.")
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        data = at_hand(data)
    if config.sounds and isinstance(data, list) and any(isinstance(row, Mapping) and "array" in row for row in cast("list[Any]", data)):
        return data  # sounds as `datasets` has them, of which what is wrong is said where a sound is read
    columns = flattened(columns_in(data))
    if columns is None:
        return numbers_of_lists(data, whole_too=of_numbers)
    names = list(columns)
    places = _sources(names, config, count, _heard(columns) if config.sounds else [])
    held = [numbers_of_lists(values_of(columns, names[place]), whole_too=of_numbers) for place in places]
    parts = [[as_cell(value, takes_numbers=True) for value in values] for values in held]
    return parts[0] if count == 1 else list(zip(*parts, strict=True))


def _sources(names: Sequence[str | int], config: DataConfig, count: int, heard: Sequence[int]) -> Sequence[int]:
    """The places of the source columns of training in a table, which may have no others, or of the only one that holds sounds."""
    kept, said = as_list(kept_columns(config)[0]), [name for name in config.source if isinstance(name, str)]
    if not _count(names):
        kept = said  # numbers say nothing of names
    if kept and all(column.number <= len(names) if isinstance(column, Place) else column in map(str, names) for column in kept):
        return [_place(column, names) for column in kept]
    if len(names) == count and not any(name in map(str, names) for name in said):
        return range(count)
    if len(heard) == count:
        return heard
    wanted = f"the columns of training, {listed(said)}" if said else f"the model's {count_of(count, 'source column')} alone"
    there = f"{count_of(len(names), 'column')} ({first_few([*map(str, names)])})"
    raise DataError(f"sources: {there}; expected {wanted}. Choose or rename them.")


def _as_arrays(values: Any) -> Any:
    """Tensors of torch as arrays, those in lists and tuples too; all else as it is."""
    if _is_tensor(values):
        return values.detach().cpu().numpy()
    if isinstance(values, (list, tuple)) and values and any(map(_is_tensor, _first_of(cast("Sequence[Any]", values)))):
        parts = map(_as_arrays, cast("Sequence[Any]", values))
        return tuple(parts) if isinstance(values, tuple) else list(parts)
    return cast(Any, values)


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def _first_of(values: Sequence[Any]) -> list[Any]:
    """The first value and, where it is a pair or a list, what is in it."""
    first = values[0]
    return [first, *cast("Sequence[Any]", first)[:2]] if isinstance(first, (list, tuple)) else [first]


def _gone_through(data: Any) -> Any:
    """Items that are only asked for by number, as of a Dataset of torch, as a list; a query of polars as its table."""
    if type(data).__name__ == "LazyFrame":
        return data.collect()
    if isinstance(data, Iterable) or hasattr(data, "columns") or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        return cast("Any", data)
    return [data[place] for place in range(len(data))]


def _side(data: Any) -> Any:
    """Sources or targets alone, which may be a table of one column."""
    columns = columns_in(data) if hasattr(data, "columns") or hasattr(data, "column_names") else None
    if columns is None:
        return numbers_of_lists(at_hand(data))
    if len(columns) > 1:
        what = f"{len(columns)} columns ({first_few([*map(str, columns)])}) beside targets"
        raise DataError(f"data: {what}; expected one. Leave the targets out, and name both columns with source and target.")
    return [as_cell(value, takes_numbers=True) for value in numbers_of_lists(next(iter(columns.values())))]


def _numbers_of_pairs(data: Any) -> Any:
    """Pairs, of which sides that are lists of numbers are arrays, or texts of whole numbers."""
    pairs = cast("list[Any]", data) if isinstance(data, list) else []
    if not pairs or not all(isinstance(pair, (list, tuple)) and len(cast("Sequence[Any]", pair)) == 2 for pair in pairs):
        return data
    sides = [[pair[place] for pair in pairs] for place in (0, 1)]
    told = [numbers_of_lists(side) for side in sides]
    return data if all(ours is side for ours, side in zip(told, sides, strict=True)) else list(zip(*told, strict=True))


def at_hand(values: Any) -> Any:
    """What can be gone through only once, and an array of texts, as a list."""
    if isinstance(values, np.ndarray):
        return values.tolist() if values.dtype.kind in "UO" else values
    if values is None or isinstance(values, (str, os.PathLike, list, tuple)):
        return values
    return list(values)


def _targets(values: Any) -> Any:
    """The same of targets, of which a number each, as of a regression, is an array (N,)."""
    values = numbers_of_lists(at_hand(values))
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, list) and values and all(isinstance(value, (float, np.floating)) for value in cast("list[Any]", values)):
        return np.asarray(values)
    return cast(Any, values)


def _is_of_arrays(part: Any) -> bool:
    if isinstance(part, (list, tuple)):
        return bool(part) and all(isinstance(one, np.ndarray) for one in cast("Sequence[Any]", part))
    return isinstance(part, np.ndarray)


def _holds_columns(data: Mapping[Any, Any]) -> bool:
    return len(data) > 1 and all(map(is_column, data.values()))


def _pairs(columns: Table, wanted: Sequence[Column], target: Column | None) -> Held:
    """The pairs of a table, and their columns: those that are wanted, or as `tell_sides` tells them."""
    names = list(columns)
    has_names = not _count(names)
    if has_names:
        wanted, target = [column for column in wanted if not _is_of_file(column)], None if _is_of_file(target) else target
    is_asked = bool(wanted) or target is not None
    *source, goal = _told(columns, [_place(column, names) for column in wanted], None if target is None else _place(target, names))
    parts = [numbers_of_lists(values_of(columns, names[place])) for place in (*source, goal)]
    takes_numbers = is_asked or any(isinstance(value, str) for part in parts for value in part)
    gaps = [number for number, value in enumerate(parts[-1], 1) if type(value) is not str and is_missing(value)]
    parts = [[value if type(value) is str else as_cell(value, takes_numbers, takes_numbers) for value in part] for part in parts]
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


def _told(columns: Table, wanted: Sequence[int], target: int | None) -> list[int]:
    """The places of the source columns, then that of the target."""
    names = [*map(str, columns)]
    if twice := [names[place] for place in wanted if (*wanted, target).count(place) > 1]:
        raise DataError(f"data: column {twice[0]!r} is named twice; expected different columns. Change source or target.")
    if pair := _heard_and_said(columns, names, wanted, target):
        return pair
    source, goal = tell_sides(["" if name.isdecimal() else name for name in names], tuple(wanted), target)
    if not source and goal is None:
        first = list(zip(*(values[:SAMPLE] for values in columns.values()), strict=False))
        if pair := pair_in_object(names, first) or text_and_label(names):
            return [*pair]
    if not source or goal is None:
        raise DataError(f"data: {len(names)} columns ({first_few(names)}); expected 2, or source and target to say which. Name both.")
    if not wanted and target is None:
        source = with_target_language(names, source, goal, partial(_cells, list(columns.values())))
    return [*source, goal]


def _cells(columns: Sequence[Sequence[Any]], places: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The cells of some columns as texts, row by row; missing ones are empty."""
    for row in zip(*(columns[place] for place in places), strict=False):
        yield tuple(["" if is_missing(value) else str(value) for value in row])


def _heard_and_said(columns: Table, names: Sequence[str], wanted: Sequence[int], target: int | None) -> list[int]:
    """The places of the only column of sounds, and of the other one, or the one that is called as what is said of them, where that is told
    and nothing else is asked for.
    """
    heard = _heard(columns)
    if len(heard) != 1 or [*wanted] not in ([], heard) or target == heard[0]:
        return []
    others = [place for place in range(len(names)) if place != heard[0]]
    said = others if len(others) == 1 else [place for place in others if names[place].casefold() in SPOKEN | LABEL_WORDS]
    goal = said[0] if target is None and len(said) == 1 else target
    return [] if goal is None else [heard[0], goal]


def _heard(columns: Table) -> list[int]:
    """The places of columns that hold sounds, or else, among more than two, of those that name files of them."""
    some = [[value for value in values[:SAMPLE] if not is_missing(value)] for values in columns.values()]
    held = [place for place, values in enumerate(some) if values and all(map(is_plainly_sound, values))]
    named = [[os.fspath(value) for value in values if isinstance(value, (str, os.PathLike))] for values in some]
    are_named = [place for place, values in enumerate(named) if len(values) == len(some[place]) and name_sounds(values)]
    return held or (are_named if len(some) > 2 else [])


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
