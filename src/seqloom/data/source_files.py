"""What is read from files to predict from → rows without a target: lines, tables, sounds, standard input as it comes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from seqloom.config import DataConfig
from seqloom.data.column_roles import columns_of_sounds, columns_of_times, find_column
from seqloom.data.header import SOURCE_WORDS, like_header
from seqloom.data.keyed import apart, behind_id, keyed_lines, list_in, lists_ids
from seqloom.data.layout import find_table
from seqloom.data.lines import Arriving, LineCounts, decode_lines, read_lines, regular_path, stdin_holds_bytes
from seqloom.data.marks import SAMPLE
from seqloom.data.memory_rows import source_row
from seqloom.data.pairs import names_columns
from seqloom.data.rows import Row, unnumbered
from seqloom.data.tables import Table, csv_rows, delimited_rows, json_object, parted, pick_keys, read_records
from seqloom.errors import DataError, count_of, first_few, listed, nearest
from seqloom.files import format_of_name
from seqloom.sound.audio import is_sound
from seqloom.sound.clips import clipped, file_of
from seqloom.sound.sounds import LOOKED_AT, located, sounds_in

__all__ = ["file_sources", "sound_sources"]

TABLES = ("csv", "jsonl", "parquet")
"""Formats of files whose lines are no plain texts."""


def file_sources(lines: str, columns: int, config: DataConfig, notes: list[str], stdin: Iterable[bytes] | None) -> Iterator[Row]:
    """Sources from a table or plain lines: a path, or - for standard input; what is read otherwise than it may seem goes to `notes`."""
    rows = _file_sources(lines, columns, config, notes, stdin)
    return (replace(row, source=unnumbered(row.source)) for row in rows) if config.variants else rows


def _file_sources(lines: str, columns: int, config: DataConfig, notes: list[str], stdin: Iterable[bytes] | None) -> Iterator[Row]:
    if lines == "-":
        return _line_sources(decode_lines(stdin or Arriving(), "stdin"), "stdin", columns, config, notes)
    named = format_of_name(lines)
    as_table = config.format in (*TABLES, "parallel") or config.sounds
    if named in TABLES or (named == "tsv" and as_table and _has_tabs(lines, columns)):
        return _table_sources(lines, columns, config, notes)
    return _line_sources(keyed_lines(lines), lines, columns, config, notes)


def _has_tabs(path: str, least: int) -> bool:
    """Whether so many tabs stand in the first line that is not blank."""
    return next((text.count("\t") >= least for _, text in read_lines(path) if text.strip()), False)


def sound_sources(lines: str, columns: int, config: DataConfig, notes: list[str], stdin: Iterable[bytes] | None) -> Iterator[Row]:
    """The sounds that a table, a list of paths or a folder names, or a single one: a file of it, or standard input that holds it."""
    if lines == "-" and stdin_holds_bytes():
        yield Row((str(regular_path("-")),), "", "stdin")
        return
    if is_sound(lines) and os.path.isfile(file_of(lines)):
        yield Row((os.path.abspath(lines),), "", lines)
        return
    if os.path.isdir(lines):
        lines = list_in(lines) or lines
    if os.path.isdir(lines):
        names = sounds_in(lines)
        if len(names) > 1:
            notes += [f"{lines}: {len(names):,} sounds, answered in the order of their names, from {names[0]} on; --json has the names"]
        yield from (Row((os.path.join(lines, name),), "", name) for name in names)
        return
    rows = file_sources(lines, columns, config, notes, stdin)
    first = [] if lines == "-" else list(islice(rows, LOOKED_AT))  # whoever writes standard input may wait for the first answer
    keyed = format_of_name(lines) is None and lists_ids((row.source[0] for row in first), lines)
    if keyed:
        row = next(row for row in first if row.source[0])
        notes += [f"{row.where}: {apart(row.source[0])[0]!r} is read as an id, and so is what each line begins with"]
    for row in chain(first, rows):
        name = row.source[0]
        yield Row((located(behind_id(name, lines) if keyed else name, lines),), "", row.where)


def _line_sources(lines: Iterator[tuple[int, str]], name: str, columns: int, config: DataConfig, notes: list[str]) -> Iterator[Row]:
    """Sources from plain lines; lines like those of the training file give its source columns, and what stands beside those is said."""
    first, comments, unread, looked = 1, 0, _Unread(), list[list[str]]()
    named = [column for column in config.source if isinstance(column, str)] if config.header else []
    advice = f", or, where no first line names {listed(named)} as in training, say --set data.header=false" if named else ""
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
        if len(looked) < SAMPLE and text.strip():
            looked.append([cell.strip() for cell in parted(text, config.delimiter or "\t")])
        yield source_row(_source_cells((number, text), name, columns, config, unread), columns, where, advice=advice)
    if config.header is False and looked and len(looked[0]) > columns and like_header(looked, config):
        notes += [f"warning: {name}:{first}: {_doubted(looked[0])}"]
    notes += unread.notes()
    if comments:
        notes += [f"{comments:,} line{' is a comment' if comments == 1 else 's are comments'}, as {config.comment!r} says (data.comment)"]


def _doubted(cells: Sequence[str]) -> str:
    return f"{listed(cells)} is answered as a source though it reads like a header; if it is one, leave that line out"


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
    numbers = [str(place + 1) for place in places]
    return f"the source is column{'s' if len(numbers) > 1 else ''} {' and '.join(numbers)}, as in the training file"


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
    return _picked(parted(text, delimiter), columns, config, unread, f"{name}:{number}")


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
    cells = [cell.strip().strip('"') for cell in parted(first, config.delimiter or "\t")]
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
        yield source_row(picked, len(places), where)


def _table_sources(path: str, columns: int, config: DataConfig, notes: list[str]) -> Iterator[Row]:
    """Sources from a table, which may lack the target."""
    if not config.train and config.format == "auto" and not names_columns([path], config.source):  # trained on pairs in memory
        config = config.model_copy(update={"format": "tsv", "header": False, "source": []})
    told: dict[str, Any] = {"source": [], "header": None} if config.sounds else {}  # by what the columns hold
    table, sample, _ = find_table([path], config.model_copy(update={"target": None, **told}))
    if table.format == "csv" and table.header and not config.header:
        notes += [f"{table.name}:1: {listed(table.columns)} is read as a header; if it is a source, put the line 'source' above it"]
    if table.doubt and len(table.columns) > columns:
        notes += [f"warning: {table.name}:1: {_doubted(table.columns if table.header else sample[0])}"]
    heard = _place_of_sounds(table, sample, config)
    places = heard or _source_places(table, columns, config)
    if not heard and not table.header and len(table.columns) > len(places):
        notes += [f"{table.name}: {len(table.columns)} columns; {_as_trained(places)}"]
    times = columns_of_times(table) if config.sounds else ()
    for number, cells in read_records(table, (*places, *times), LineCounts()):
        where = f"{table.name}:{number}"
        cells = (clipped(cells[0], cells[1:], where),) if times and cells else cells
        yield Row(cells or ("",) * columns, "", where)


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
        wanted = count_of(columns, "source column")
        there = f"{count_of(len(table.columns), 'column')} ({first_few(table.columns)}); expected the model's {wanted}"
        called = "Call it 'source', or leave the others out." if table.header and columns == 1 else "Leave the others out."
        raise DataError(f"{table.name}: {there}. {called}")
    return tuple(range(columns))
