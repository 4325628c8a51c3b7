"""Files → rows: pairs of texts with the place each came from, read as a stream."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqloom.config import DataConfig
from seqloom.data.column_roles import places_of_sounds
from seqloom.data.layout import Layout, find_layout, find_table
from seqloom.data.lines import LineCounts, shown
from seqloom.data.rows import FileRows, Row, unnumbered
from seqloom.data.tables import Table, read_records
from seqloom.errors import DataError, count_of
from seqloom.sound.clips import clipped
from seqloom.sound.sounds import FaultySounds, located, require_sound

__all__ = [
    "names_columns",
    "read_as_trained",
    "read_rows",
    "resolve",
    "sides_of_numbers",
    "without_empty",
]


def read_rows(paths: Sequence[str], config: DataConfig) -> FileRows:
    """The pairs of a file, or of two parallel files; each iteration reads them anew, and nothing but the beginning is read before.

    Raises:
        MissingFileError: no such file.
        DataError: here, where the columns cannot be told; while iterating, where a row cannot be read.
    """
    layout = find_layout(paths, config)
    if layout.sounds:
        return _SoundRows(layout, config.skip_bad)
    return _FileRows(layout, config.skip_bad, variants=config.variants)


def resolve(config: DataConfig) -> DataConfig:
    """The config with format, delimiter, header and columns as found in the training file, so that other files are read alike.

    Columns become names where there is a header, numbers where there is none. Without a training file: the config itself.
    """
    if not config.train:
        return config
    layout = find_layout(config.train, config)
    table = layout.table
    columns = [_lasting_name(table, place) for place in (*layout.source, layout.target)]
    found = {"format": table.format, "delimiter": table.delimiter, "header": table.header, "source": columns[:-1], "target": columns[-1]}
    if table.delimiter:
        found |= {"split": "first" if table.once else "all", "comment": table.comment}
    found["sounds"] = layout.sounds
    return config.model_copy(update=found)


def read_as_trained(paths: Sequence[str], config: DataConfig, *, source: bool = False, target: bool = False) -> FileRows:
    """The pairs of further files for a model that was trained on data of this config. Where it hears, and they do not name the columns of
    training, these are told anew, from the file: by which one names sounds, and what is called as said of them.

    Args:
        config: with `header` None, the file says itself whether it has one.
        source, target: whether the config's side is asked for, and no longer that of training.

    Raises:
        As `read_rows`.
    """
    return read_rows(paths, _told_anew(paths, config, source, target) if config.sounds else config)


def _told_anew(paths: Sequence[str], config: DataConfig, source: bool, target: bool) -> DataConfig:
    names = [name for name in (*config.source, config.target) if isinstance(name, str)]
    blank = config.model_copy(update={"source": [], "target": None})
    table, sample, _ = find_table(paths, blank, names)
    if table.format in ("parallel", "folder"):
        return config
    told: dict[str, Any] = {"header": table.header}
    heard = places_of_sounds(sample, table)
    if not source and len(heard) == 1 and not _names_all(table, config.source, heard):
        told["source"] = [_lasting_name(table, heard[0])]
    if not target and not (table.header and config.target in table.columns) and ("source" in told or table.header):
        told["target"] = None
    return config.model_copy(update=told)


def _names_all(table: Table, source: Sequence[str | int], heard: Sequence[int]) -> bool:
    """Whether a table has the source column of training: under its name, or, where it has no names, in its place."""
    if table.header:
        return bool(source) and all(name in table.columns for name in source)
    return [name - 1 for name in source if isinstance(name, int)] == list(heard)


def names_columns(paths: Sequence[str], names: Sequence[str | int]) -> bool:
    """Whether a file names its columns, these among them."""
    table, _, _ = find_table(paths, DataConfig())
    return bool(names) and table.header and all(name in table.columns for name in names)


def sides_of_numbers(config: DataConfig, data: Any = None, targets: Any = None) -> tuple[bool, bool]:
    """Whether source and target hold numbers over time: arrays in memory, lists of numbers in a file whose format tells them from text."""
    if config.train:
        layout = find_layout(config.train, config)
        return layout.table.frames.issuperset(layout.source) and len(layout.source) == 1, layout.target in layout.table.frames
    if data is None or isinstance(data, (str, os.PathLike)) or not len(data):
        return False, False
    first: Any = data[0] if targets is None else (data[0], next(iter(targets), None))
    sides: list[Any] = list(first) if isinstance(first, (tuple, list)) and len(first) == 2 else [None, None]
    are_numbers = isinstance(targets, np.ndarray) and targets.dtype.kind == "f"
    return isinstance(sides[0], np.ndarray), are_numbers or isinstance(sides[1], np.ndarray)


def _lasting_name(table: Table, place: int) -> str | int:
    name = table.columns[place]
    return name if table.header and table.columns.count(name) == 1 else place + 1


class _FileRows:
    are_sounds = False

    def __init__(self, layout: Layout, skip_bad: bool, *, variants: bool = False) -> None:
        self._wanted = (*layout.source, layout.target)
        self._variants = variants
        self._layout, self._skip_bad, self._counts, self._empty = layout, skip_bad, LineCounts(), _Empty()

    @property
    def names(self) -> tuple[str, ...]:
        return self._layout.names

    @property
    def other_way(self) -> str:
        return self._layout.other_way

    @property
    def notes(self) -> list[str]:
        return [*self._layout.notes, *self._counts.notes(), *self.left_out]

    @property
    def doubt(self) -> str:
        return self._layout.table.doubt

    @property
    def left_out(self) -> list[str]:
        return self._empty.notes()

    def __iter__(self) -> Iterator[Row]:
        return filter(None, self.in_step())

    def in_step(self) -> Iterator[Row | None]:
        layout, skip_bad, counts, empty, any_rows = self._layout, self._skip_bad, LineCounts(), _Empty(), False
        name = shown(layout.table.paths[layout.source[0] if layout.table.format == "parallel" else 0])
        for number, cells in read_records(layout.table, self._wanted, counts):
            row = self._row(cells, f"{name}:{number}") if cells else None
            if row is None:
                counts.blank += 1
            elif skip_bad and row in empty:
                row = None
            else:
                any_rows = True
            yield row
        self._counts, self._empty = counts, empty
        if not any_rows:
            raise DataError(f"{layout.table.name}: no rows; expected a source and a target on each line. Name files that hold pairs.")

    def _row(self, cells: tuple[str, ...], where: str) -> Row:
        return Row(unnumbered(cells[:-1]) if self._variants else cells[:-1], cells[-1], where)


class _Empty:
    """Rows without a source or without a target, counted."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def __contains__(self, row: Row) -> bool:
        side = "source" if not any(row.source) else "" if row.target else "target"
        if side:
            self._places.setdefault(side, []).append(row.where)
        return side != ""

    def notes(self) -> list[str]:
        """One sentence a side, with the number of such rows and the place of the first."""
        return [
            f"{count_of(len(places), 'row')} with an empty {side} went by, the first at {places[0]}."
            for side, places in self._places.items()
        ]


class _SoundRows(_FileRows):
    """Rows whose sources are paths of sounds; the faulty ones go by where that is wanted."""

    are_sounds = True

    def __init__(self, layout: Layout, skip_bad: bool) -> None:
        super().__init__(layout, skip_bad)
        self._wanted = (*self._wanted, *layout.times)
        self._faults = FaultySounds() if skip_bad else None

    @property
    def left_out(self) -> list[str]:
        return [*super().left_out, *(self._faults.notes() if self._faults else [])]

    def in_step(self) -> Iterator[Row | None]:
        table = self._layout.table
        home = table.paths[self._layout.source[0] if table.format == "parallel" else 0]
        home = os.path.join(home, "") if table.format == "folder" else home
        for row in super().in_step():
            yield None if row is None else self._heard(located(row.source[0], home), row)

    def _row(self, cells: tuple[str, ...], where: str) -> Row:
        name, words, *times = cells
        return Row((clipped(name, times, where),), words, where)

    def _heard(self, path: str, row: Row) -> Row | None:
        """The row with the whole path of its sound, None where that goes by."""
        if self._faults is None:
            require_sound(path, row.where)
        elif path in self._faults:
            return None
        return Row((path,), row.target, row.where)


def without_empty(rows: list[Row], notes: list[str]) -> list[Row]:
    """The rows that have a source and a target; `notes` gets the number of the others."""
    empty = _Empty()
    full = [row for row in rows if row not in empty]
    notes += empty.notes()
    return full
