"""Files → rows: pairs of texts with the place each came from, read as a stream."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol, cast

import numpy as np

from seqloom.audio import is_sound
from seqloom.config import DataConfig
from seqloom.errors import DataError, nearest
from seqloom.frame_text import text_of_array
from seqloom.header import SOURCE_WORDS
from seqloom.keyed import apart, behind_id, lists_ids
from seqloom.layout import Layout, columns_of_sounds, find_column, find_layout, find_table, format_of_name
from seqloom.lines import Arriving, LineCounts, decode_lines, read_lines, regular_path, shown, stdin_holds_bytes
from seqloom.memory import is_missing
from seqloom.sounds import LOOKED_AT, FaultySounds, located, require_sound, sounds_in
from seqloom.tables import Table, csv_rows, delimited_rows, first_few, json_object, listed, pick_keys, read_records, refuse_bad_characters

__all__ = [
    "SOUNDS_ARE_FILES",
    "DerivedRows",
    "FileRows",
    "Row",
    "Rows",
    "names_columns",
    "read_rows",
    "read_sources",
    "resolve",
    "rows_from_memory",
    "sides_of_numbers",
    "texts_of",
    "without_empty",
]


SOUNDS_ARE_FILES = "expected the path of a sound file. Write one, as with soundfile.write(path, samples, rate), and give its path."
"""What is said of samples in memory."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pair: one text a source column, the target's text, and where they stand."""

    source: tuple[str, ...]
    target: str
    where: str  # "train.tsv:17", the file as it was named and the line from 1; "pairs:3" in memory


class Rows(Protocol):
    """Rows that can be read again and again; no more than one is in memory at a time."""

    @property
    def names(self) -> tuple[str, ...]:
        """The source columns' names or numbers, then the target's."""
        ...

    @property
    def are_sounds(self) -> bool:
        """Whether sources are paths of sounds."""
        ...

    @property
    def notes(self) -> list[str]:
        """What was found, a plain sentence each; what only a whole reading shows is there after one."""
        ...

    def __iter__(self) -> Iterator[Row]: ...


class FileRows(Rows, Protocol):
    """Rows that are read from files."""

    def in_step(self) -> Iterator[Row | None]:
        """Each record behind the header in its place, None where it is blank or left out."""
        ...


class DerivedRows:
    """Rows that are made of others, whose names and notes they have."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def names(self) -> tuple[str, ...]:
        return self._rows.names

    @property
    def are_sounds(self) -> bool:
        return self._rows.are_sounds

    @property
    def notes(self) -> list[str]:
        return self._rows.notes


def read_rows(paths: Sequence[str], config: DataConfig) -> FileRows:
    """The pairs of a file, or of two parallel files; each iteration reads them anew, and nothing but the beginning is read before.

    Raises:
        MissingFileError: no such file.
        DataError: here, where the columns cannot be told; while iterating, where a row cannot be read.
    """
    layout = find_layout(paths, config)
    return _SoundRows(layout, config.skip_bad) if layout.sounds else _FileRows(layout, config.skip_bad)


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
    return isinstance(sides[0], np.ndarray), isinstance(sides[1], np.ndarray)


def _lasting_name(table: Table, place: int) -> str | int:
    name = table.columns[place]
    return name if table.header and table.columns.count(name) == 1 else place + 1


class _FileRows:
    are_sounds = False

    def __init__(self, layout: Layout, skip_bad: bool) -> None:
        self._layout, self._skip_bad, self._counts, self._empty = layout, skip_bad, LineCounts(), _Empty()

    @property
    def names(self) -> tuple[str, ...]:
        return self._layout.names

    @property
    def notes(self) -> list[str]:
        return [*self._layout.notes, *self._counts.notes(), *self._empty.notes()]

    def __iter__(self) -> Iterator[Row]:
        return filter(None, self.in_step())

    def in_step(self) -> Iterator[Row | None]:
        layout, skip_bad, counts, empty, any_rows = self._layout, self._skip_bad, LineCounts(), _Empty(), False
        name = shown(layout.table.paths[layout.source[0] if layout.table.format == "parallel" else 0])
        for number, cells in read_records(layout.table, (*layout.source, layout.target), counts):
            row = Row(cells[:-1], cells[-1], f"{name}:{number}") if cells else None
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
            f"{len(places):,} row{'' if len(places) == 1 else 's'} with an empty {side} went by, the first at {places[0]}."
            for side, places in self._places.items()
        ]


class _SoundRows(_FileRows):
    """Rows whose sources are paths of sounds; the faulty ones go by where that is wanted."""

    are_sounds = True

    def __init__(self, layout: Layout, skip_bad: bool) -> None:
        super().__init__(layout, skip_bad)
        self._faults = FaultySounds() if skip_bad else None

    @property
    def notes(self) -> list[str]:
        return [*super().notes, *(self._faults.notes() if self._faults else [])]

    def in_step(self) -> Iterator[Row | None]:
        table = self._layout.table
        home = table.paths[self._layout.source[0] if table.format == "parallel" else 0]
        home = os.path.join(home, "") if table.format == "folder" else home
        for row in super().in_step():
            yield None if row is None else self._heard(located(row.source[0], home), row)

    def _heard(self, path: str, row: Row) -> Row | None:
        """The row with the whole path of its sound, None where that goes by."""
        if self._faults is None:
            require_sound(path, row.where)
        elif path in self._faults:
            return None
        return Row((path,), row.target, row.where)


# ----------------------------------------------------------------------------------------------------------- in memory


def rows_from_memory(data: Iterable[Any], target: Iterable[str] | None = None) -> list[Row]:
    """Rows from a list of (source, target) pairs, or from a list of sources and one of targets.

    A source is a text, a tuple of texts, as many in every row, or an array of numbers; arrays become text (`frame_text`).
    """
    pairs = _split_pairs(data) if target is None else _zipped(list(data), list(target))
    rows = [_memory_row(*pair, f"pairs:{number}") for number, pair in enumerate(pairs, 1)]
    if not rows:
        raise DataError("pairs: no rows; expected a list of (source, target) pairs. Give at least one.")
    for row in rows:
        if len(row.source) != len(rows[0].source):
            raise DataError(f"{row.where}: {len(row.source)} source columns; expected {len(rows[0].source)} as in the first pair. Mend it.")
    return rows


def without_empty(rows: list[Row], notes: list[str]) -> list[Row]:
    """The rows that have a source and a target; `notes` gets the number of the others."""
    empty = _Empty()
    full = [row for row in rows if row not in empty]
    notes += empty.notes()
    return full


def _memory_row(source: Any, target: Any, where: str) -> Row:
    return Row(texts_of(source, where), _text(target, where, "target"), where)


def _split_pairs(data: Iterable[Any]) -> list[tuple[Any, Any]]:
    return [_pair(item, f"pairs:{number}") for number, item in enumerate(data, 1)]


def _pair(item: Any, where: str) -> tuple[Any, Any]:
    values = cast("list[Any]", item) if isinstance(item, (tuple, list)) else []
    if len(values) == 2:
        return values[0], values[1]
    got = f"{len(values)} values" if values else f"{item!r:.40}"
    raise DataError(f"{where}: expected a (source, target) pair, got {got}. Several source columns go into a tuple: ((a, b), target).")


def _zipped(sources: list[Any], targets: list[str]) -> list[tuple[Any, Any]]:
    if len(sources) != len(targets):
        raise DataError(f"pairs: {len(sources):,} sources and {len(targets):,} targets; expected equally many. Give one target a source.")
    return list(zip(sources, targets, strict=True))


def texts_of(source: Any, where: str) -> tuple[str, ...]:
    """The columns of a source in memory, each without outer blanks; DataError where one is no text, or none that can be read."""
    if not isinstance(source, str) and _holds_samples(source):
        raise DataError(f"{where}: samples with their rate; {SOUNDS_ARE_FILES}")
    if isinstance(source, (tuple, list)) and source:
        return tuple([_text(part, where, "source") for part in cast("list[Any]", source)])
    return (_text(source, where, "source"),)


def _holds_samples(source: Any) -> bool:
    """Whether a source is samples and their rate, as libraries of sound hold them: a pair, or a dictionary."""
    values = list(cast("Mapping[str, Any]", source).values()) if isinstance(source, Mapping) else source
    parts: list[Any] = list(values) if isinstance(values, (tuple, list)) else []
    return len(parts) > 1 and any(isinstance(part, np.ndarray) for part in parts) and any(isinstance(part, (int, float)) for part in parts)


def _text(value: Any, where: str, side: str) -> str:
    if isinstance(value, np.ndarray):
        return text_of_array(value, f"{where}: the {side}")
    if not isinstance(value, str) and isinstance(value, os.PathLike) and is_sound(name := os.fspath(cast("os.PathLike[str]", value))):
        value = name
    if not isinstance(value, str):
        raise DataError(f"{where}: the {side} is {type(value).__name__} {value!r:.40}; expected a text. {_advice(value)}")
    refuse_bad_characters(value, where)
    return value.strip()


def _advice(value: object) -> str:
    """How a value in memory becomes what can be learned."""
    if is_missing(value):
        return 'Give a text, or "" for an empty one.'
    if isinstance(value, (list, tuple)):
        return 'Join its parts with " ".join(...).'
    if isinstance(value, (bytes, bytearray)):
        return "Decode it; of a sound, give the path of its file."
    if isinstance(value, (int, float, np.number)):
        return "One that names something becomes a text with str(); one that is measured goes into an array, as in np.array([0.5])."
    return "Convert it with str()."


# ---------------------------------------------------------------------------------------------------------- prediction


def read_sources(
    lines: str | Iterable[str | Sequence[str]],
    columns: int = 1,
    config: DataConfig | None = None,
    faults: FaultySounds | None = None,
    notes: list[str] | None = None,
    stdin: Iterable[bytes] | None = None,
) -> Iterator[Row]:
    """The sources to predict from, one a line or record, blank ones too (with empty texts), so that each keeps its place.

    `lines` is a path ('-' reads `stdin`, standard input where not given, line by line, as it comes), or texts in memory (tuples for several
    columns); `columns` is how many source columns the model has, separated by tabs in a line; `config` is the resolved config of its
    training data. A file named CSV, JSON Lines or Parquet, or TSV where training had another format, and lines with more columns or with
    the training file's header, give the columns that training used. Targets are empty. With `faults`, sounds that cannot be used become
    blank and are counted there. A header where the training file had none is said in `notes`.
    """
    config = config or DataConfig()
    if not isinstance(lines, str):
        rows = _memory_sources(lines, columns)
    else:
        notes = [] if notes is None else notes
        read = _sound_sources if config.sounds else _file_sources
        rows = read(lines, columns, config, notes, stdin)
    return rows if faults is None or not config.sounds else _blanked(rows, faults)


def _blanked(rows: Iterator[Row], faults: FaultySounds) -> Iterator[Row]:
    for row in rows:
        is_faulty = bool(row.source[0]) and row.source[0] in faults
        faults.rows += is_faulty
        yield Row(("",), "", row.where) if is_faulty else row


TABLES = ("csv", "jsonl", "parquet")
"""Formats of files whose lines are no plain texts."""


def _file_sources(lines: str, columns: int, config: DataConfig, notes: list[str], stdin: Iterable[bytes] | None) -> Iterator[Row]:
    if lines == "-":
        return _line_sources(decode_lines(stdin or Arriving(), "stdin"), "stdin", columns, config, notes)
    named = format_of_name(lines)
    as_table = config.format in (*TABLES, "parallel") or config.sounds
    if named in TABLES or (named == "tsv" and as_table and _has_tabs(lines, columns)):
        return _table_sources(lines, columns, config, notes)
    return _line_sources(read_lines(lines), lines, columns, config, notes)


def _has_tabs(path: str, least: int) -> bool:
    """Whether so many tabs stand in the first line that is not blank."""
    return next((text.count("\t") >= least for _, text in read_lines(path) if text.strip()), False)


def _sound_sources(lines: str, columns: int, config: DataConfig, notes: list[str], stdin: Iterable[bytes] | None) -> Iterator[Row]:
    """The sounds that a table, a list of paths or a folder names, or a single one: a file of it, or standard input that holds it."""
    if lines == "-" and stdin_holds_bytes():
        yield Row((str(regular_path("-")),), "", "stdin")
        return
    if is_sound(lines) and os.path.isfile(lines):
        yield Row((os.path.abspath(lines),), "", lines)
        return
    if os.path.isdir(lines):
        yield from (Row((os.path.join(lines, name),), "", name) for name in sounds_in(lines))
        return
    rows = _file_sources(lines, columns, config, notes, stdin)
    first = [] if lines == "-" else list(islice(rows, LOOKED_AT))  # whoever writes standard input may wait for the first answer
    keyed = format_of_name(lines) is None and lists_ids((row.source[0] for row in first), lines)
    if keyed:
        row = next(row for row in first if row.source[0])
        notes += [f"{row.where}: {apart(row.source[0])[0]!r} is read as an id, and so is what each line begins with"]
    for row in chain(first, rows):
        name = row.source[0]
        yield Row((located(behind_id(name, lines) if keyed else name, lines),), "", row.where)


def _memory_sources(texts: Iterable[str | Sequence[str]], columns: int) -> Iterator[Row]:
    for number, item in enumerate(texts, 1):
        where = f"texts:{number}"
        source = texts_of(item.split("\t") if isinstance(item, str) and columns > 1 else item, where)
        yield _source_row(source, columns, where)


def _source_row(cells: Sequence[str], columns: int, where: str) -> Row:
    source = tuple([cell.strip() for cell in cells])
    if not any(source):
        return Row(("",) * columns, "", where)
    if len(source) != columns:
        separated = " separated by tabs" if columns > 1 else ""
        raise DataError(
            f"{where}: {_amount(len(source))}; expected the model's {_amount(columns)}{separated}, got {listed(source)}. Mend the line."
        )
    return Row(source, "", where)


def _amount(columns: int) -> str:
    return f"{columns} source column{'' if columns == 1 else 's'}"


def _line_sources(lines: Iterator[tuple[int, str]], name: str, columns: int, config: DataConfig, notes: list[str]) -> Iterator[Row]:
    """Sources from plain lines; lines like those of the training file give its source columns, and what stands beside those is said."""
    first, comments, unread = 1, 0, _Unread()
    for number, text in lines:
        where = f"{name}:{number}"
        if config.format == "jsonl" and text.lstrip().startswith("{"):
            value = json_object(text, where)
            yield Row(pick_keys(value, [str(key) for key in config.source], where), "", where)
            continue
        if config.comment and text.startswith(config.comment):
            first, comments = first + (number == first), comments + 1
            yield Row(("",) * columns, "", where)
            continue
        if number == first and (places := _header_places(text, config)):
            yield from _headed_sources(lines, name, places, config)
            return
        yield _source_row(_source_cells((number, text), name, columns, config, unread), columns, where)
    notes += unread.notes()
    if comments:
        notes += [f"{comments:,} line{' is a comment' if comments == 1 else 's are comments'}, as {config.comment!r} says (data.comment)"]


@dataclass(slots=True)
class _Unread:
    """Lines that hold more columns than are read."""

    count: int = 0
    first: str = ""
    places: Sequence[int] = ()

    def add(self, cells: Sequence[str], places: Sequence[int], where: str) -> None:
        """Count a line where there is text beside the places that are read."""
        if any(cell.strip() for place, cell in enumerate(cells) if place not in places):
            self.count, self.first, self.places = self.count + 1, self.first or where, places

    def notes(self) -> list[str]:
        """A sentence where there are some."""
        if not self.count:
            return []
        lines = f"{self.count:,} line{' has' if self.count == 1 else 's have'} further columns, which are not read"
        return [f"{lines} (the first at {self.first}); {_as_trained(self.places)}"]


def _as_trained(places: Sequence[int]) -> str:
    return f"the source is column {', '.join(str(place + 1) for place in places)}, as in the training file"


def _source_cells(line: tuple[int, str], name: str, columns: int, config: DataConfig, unread: _Unread) -> list[str]:
    """The source columns of one line without a header."""
    number, text = line
    delimiter = config.delimiter if config.format == "tsv" and config.delimiter else "\t"
    if config.split == "first":
        return text.strip().split(delimiter, 1)[:1] if config.source == [1] else [text]
    if config.format == "csv" and config.delimiter == "\t" and delimiter in text:  # text that is quoted
        return _picked(next(csv_rows([line], delimiter, name))[1], columns, config, unread, f"{name}:{number}")
    if columns == 1 and config.format != "tsv":
        return [text]
    return _picked(text.split(delimiter), columns, config, unread, f"{name}:{number}")


def _picked(cells: list[str], columns: int, config: DataConfig, unread: _Unread, where: str) -> list[str]:
    """The source columns among cells, where these are more."""
    places = [int(column) - 1 for column in config.source if isinstance(column, int)]
    if len(cells) > columns == len(places) and max(places) < len(cells):
        unread.add(cells, places, where)
        return [cells[place] for place in places]
    return cells


def _header_places(first: str, config: DataConfig) -> list[int]:
    """Where the training file's source columns stand when a first line of several cells names them all; otherwise nothing."""
    if not config.header or config.format not in ("csv", "tsv"):
        return []
    cells = [cell.strip().strip('"') for cell in first.split(config.delimiter or "\t")]
    named = len(cells) > 1 and all(column in cells for column in config.source)
    return [cells.index(str(column)) for column in config.source] if named else []


def _headed_sources(lines: Iterator[tuple[int, str]], name: str, places: list[int], config: DataConfig) -> Iterator[Row]:
    delimiter = config.delimiter or "\t"
    once, comment = config.split == "first", config.comment or ""
    is_csv = config.format == "csv"
    rows = csv_rows(lines, delimiter, name, comment) if is_csv else delimited_rows(lines, delimiter, once=once, comment=comment)
    for number, cells in rows:
        where = f"{name}:{number}"
        picked = [cells[place] for place in places] if max(places) < len(cells) else cells if any(cells) else []
        yield _source_row(picked, len(places), where)


def _table_sources(path: str, columns: int, config: DataConfig, notes: list[str]) -> Iterator[Row]:
    """Sources from a table, which may lack the target."""
    if not config.train and config.format == "auto" and not names_columns([path], config.source):  # trained on pairs in memory
        config = config.model_copy(update={"format": "tsv", "header": False, "source": []})
    told: dict[str, Any] = {"source": [], "header": None} if config.sounds else {}  # by what the columns hold
    table, sample, _ = find_table([path], config.model_copy(update={"target": None, **told}))
    if table.format == "csv" and table.header and not config.header:
        notes += [f"{table.name}:1: {listed(table.columns)} is read as a header; if it is a source, put the line 'source' above it"]
    heard = _place_of_sounds(table, sample, config)
    places = heard or _source_places(table, columns, config)
    if not heard and not table.header and len(table.columns) > len(places):
        notes += [f"{table.name}: {len(table.columns)} columns; {_as_trained(places)}"]
    for number, cells in read_records(table, places, LineCounts()):
        yield Row(cells or ("",) * columns, "", f"{table.name}:{number}")


def _place_of_sounds(table: Table, sample: list[list[str]], config: DataConfig) -> tuple[int, ...]:
    """The only column that names sounds, where the model hears and no column is called as in training."""
    if not config.sounds or (table.header and any(column in table.columns for column in config.source)):
        return ()
    heard = columns_of_sounds(sample, table)
    return (heard[0],) if len(heard) == 1 else ()


def _source_places(table: Table, columns: int, config: DataConfig) -> tuple[int, ...]:
    if table.header and all(isinstance(column, int) for column in config.source):  # numbers say nothing of names
        plain = tuple(place for place, name in enumerate(table.columns) if name.casefold() in SOURCE_WORDS)
        if len(plain) == columns:
            return plain
        config = config.model_copy(update={"source": []})
    if table.header and (missing := [column for column in config.source if isinstance(column, str) and column not in table.columns]):
        there = f"no column {missing[0]!r}, which training read; expected it among {first_few(table.columns)}"
        raise DataError(f"{table.name}: {there}.{nearest(missing[0], table.columns)} Give the column of the source that name.")
    if config.source and (table.header or len(table.columns) > columns):
        return tuple(find_column(table, column, "--source") for column in config.source)
    if len(table.columns) != columns:
        there = f"{len(table.columns)} columns ({first_few(table.columns)}); expected the model's {_amount(columns)}"
        called = "Call it 'source', or leave the others out." if table.header and columns == 1 else "Leave the others out."
        raise DataError(f"{table.name}: {there}. {called}")
    return tuple(range(columns))
