"""Tables → numbered records: tab-separated, CSV (RFC 4180), JSON Lines, Parquet, two parallel text files, folders of sounds.

A record is `(number, cells)`: the line that an editor shows (of a record over several lines, the first) and the wanted cells, outer
blanks stripped. A blank record has no cells, so that a caller can skip it or keep its place.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Protocol, cast

from seqloom.data.keyed import joined, keyed_lines
from seqloom.data.lines import LineCounts, read_lines, refuse_bad_characters, regular_path, shown
from seqloom.data.nested import Nested, nested_in
from seqloom.errors import DataError, count_of, listed, nearest, short
from seqloom.fields.frame_text import text_of_lists
from seqloom.sound.sounds import SoundFolder

__all__ = [
    "COMMENT",
    "Record",
    "Table",
    "as_text",
    "cells_at",
    "csv_rows",
    "delimited_rows",
    "flat",
    "json_object",
    "json_rows",
    "parquet_names",
    "parquet_values",
    "parted",
    "pick_keys",
    "read_records",
    "said_delimiter",
    "table_rows",
]

Record = tuple[int, tuple[str, ...]]
COMMENT = re.compile(r"(?:[#;%]+|//)(?= |$)")
"""What a comment may begin with."""
BLANKS = "  "
"""Two blanks or more between two cells, as words stand that are aligned."""
SAID = re.compile(r'"?sep=(.|\\t)"?', re.IGNORECASE)
QUOTED_LIMIT = 1_000_000  # characters in one quoted value, after which its quote counts as never closed


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of a file before its rows are read."""

    paths: tuple[str, ...]
    format: str
    delimiter: str | None
    header: bool
    columns: tuple[str, ...]
    once: bool = False
    """Whether a line of text is parted at its first delimiter only."""
    comment: str = ""
    """What a line that is a comment begins with; '' where there are none."""
    frames: frozenset[int] = frozenset()
    """Places of the columns that hold lists of numbers, as far as the format tells numbers from text."""
    lists: frozenset[int] = frozenset()
    """Places of the columns that hold lists of several texts, some of them with blanks inside, which are joined by blanks."""

    nested: Mapping[int, Nested] = field(default_factory=dict[int, Nested])
    """Columns that hold chats, or objects in lists, by their places."""

    doubt: str = ""
    """A sentence where line 1 is read as data, as in training, and would be taken for a header if nothing were known of training."""

    keyed: bool = False
    """Whether the lines of parallel files begin with ids, by which they are joined, and which are dropped."""

    @property
    def name(self) -> str:
        return " and ".join(shown(path) for path in self.paths)


def read_records(table: Table, wanted: Sequence[int], counts: LineCounts) -> Iterator[Record]:
    """The wanted columns (places from 0) of all records after the header, blank ones with no cells.

    Raises:
        DataError: a record with more or fewer columns than the table, or one that cannot be read.
    """
    if table.format == "jsonl":
        return _pick_keys(json_rows(table.paths[0], counts), table, wanted)
    if table.format == "parquet":
        return _strip(_parquet_rows(table.paths[0], [table.columns[place] for place in wanted]), range(len(wanted)))
    if table.format == "folder":
        return _strip(SoundFolder.read(table.paths[0]).rows(), wanted)
    if table.format == "parallel":
        return _strip(_joined_rows(table, counts) if table.keyed else _parallel_rows(table, counts), wanted)
    return _strip(_regular(table_rows(table, counts), table, counts), wanted)


def table_rows(table: Table, counts: LineCounts) -> Iterator[tuple[int, list[str]]]:
    """The raw cells of each line of a tab-separated file or record of a CSV file, header and blank lines too; none of a comment."""
    lines, delimiter = read_lines(table.paths[0], counts), table.delimiter or "\t"
    if table.format == "csv":
        return csv_rows(_behind_said_delimiter(lines), delimiter, table.name, table.comment)
    return delimited_rows(lines, delimiter, once=table.once, comment=table.comment)


def _behind_said_delimiter(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    first = next(lines, None)
    return lines if first is None or said_delimiter(first[1]) else itertools.chain([first], lines)


def said_delimiter(first: str) -> str | None:
    """The delimiter that a first line of Excel's says, as in sep=;"""
    match = SAID.fullmatch(first.strip())
    return match and match[1].replace("\\t", "\t")


def delimited_rows(
    lines: Iterable[tuple[int, str]], delimiter: str, *, once: bool = False, comment: str = ""
) -> Iterator[tuple[int, list[str]]]:
    """Each line split at the delimiter, or once; quotes are letters like any other."""
    if not once and not comment and delimiter != BLANKS:
        for number, text in lines:
            yield number, text.split(delimiter)
        return
    for number, text in lines:
        if comment and text.startswith(comment):
            yield number, []
        else:
            yield number, text.strip().split(delimiter, 1) if once else parted(text, delimiter)


def parted(text: str, delimiter: str) -> list[str]:
    """The cells of a line of text. A run of two blanks or more is one delimiter, and around a line none, unless a side is empty there."""
    if delimiter != BLANKS:
        return text.split(delimiter)
    cells = re.split(" {2,}", text.strip(" "))
    return cells if len(cells) > 1 else re.split(" {2,}", text)


def csv_rows(lines: Iterable[tuple[int, str]], delimiter: str, name: str, comment: str = "") -> Iterator[tuple[int, list[str]]]:
    """CSV records; a quoted value may hold delimiters, line ends and doubled quotes (RFC 4180)."""
    lines = iter(lines)
    for number, text in lines:
        if comment and text.startswith(comment):
            yield number, []
            continue
        yield number, _Quoted(lines, delimiter, name, number, text).cells() if '"' in text else text.split(delimiter)


class _Quoted:
    """One CSV record with quotes, read from its first line and as many more as it takes."""

    def __init__(self, lines: Iterator[tuple[int, str]], delimiter: str, name: str, number: int, text: str) -> None:
        self.lines, self.delimiter, self.name, self.number, self.text, self.at = lines, delimiter, name, number, text, 0

    def cells(self) -> list[str]:
        cells: list[str] = []
        while True:
            begin = self._after_blanks(self.at)
            if self.text.startswith('"', begin):
                cells.append(self._quoted(begin + 1))
            else:
                end = self.text.find(self.delimiter, self.at)
                end = len(self.text) if end < 0 else end
                cells.append(self.text[self.at : end])
                self.at = end
            if self.at >= len(self.text):
                return cells
            self.at += len(self.delimiter)

    def _quoted(self, at: int) -> str:
        """The value whose quote is open at a place; the end is at the next delimiter."""
        opened, parts, length = self.number, list[str](), 0
        while True:
            end = self.text.find('"', at)
            part = self.text[at:] + "\n" if end < 0 else self.text[at:end]
            parts.append(part)
            length += len(part)
            if end < 0:
                self._next_line(opened, length)
                at = 0
            elif self.text.startswith('""', end):
                parts.append('"')
                at = end + 2
            else:
                self._close(end + 1)
                return "".join(parts)

    def _next_line(self, opened: int, length: int) -> None:
        line = next(self.lines, None) if length < QUOTED_LIMIT else None
        if line is None:
            end = "the end of the file" if length < QUOTED_LIMIT else f"{QUOTED_LIMIT:,} characters on"
            raise DataError(
                f"{self.name}:{opened}: a quote is opened here and not closed by {end}. "
                'Close it, or double a quote inside a quoted value (""); for a file without quoting use --set data.format=tsv.'
            )
        self.number, self.text = line

    def _close(self, at: int) -> None:
        end = self._after_blanks(at)
        if end < len(self.text) and not self.text.startswith(self.delimiter, end):
            raise DataError(
                f"{self.name}:{self.number}: {short(self.text[at:])!r} stands behind a closing quote; expected {self.delimiter!r} or the "
                'end of the line. Double a quote inside a quoted value (""); for a file without quoting use --set data.format=tsv.'
            )
        self.at = end

    def _after_blanks(self, at: int) -> int:
        while self.delimiter != " " and self.text.startswith(" ", at):
            at += 1
        return at


def _regular(rows: Iterable[tuple[int, list[str]]], table: Table, counts: LineCounts) -> Iterator[tuple[int, list[str]]]:
    """Rows behind the header; one of another width is refused unless it is blank."""
    width, header = len(table.columns), table.header
    for number, cells in rows:
        if len(cells) == width or not any(cell.strip() for cell in cells):
            if header and any(cell.strip() for cell in cells):
                header = False
                continue
            counts.comments += not cells
            yield number, cells
        else:
            found = f"{count_of(len(cells), 'column')}; expected {width} ({', '.join(table.columns)}), got {listed(cells)}"
            raise DataError(f"{table.name}:{number}: {found}. Mend or delete the line.{_if_comment(cells)}")


def _if_comment(cells: list[str]) -> str:
    mark = COMMENT.match(cells[0]) if cells else None
    return f" If it is a comment, say --set data.comment='{mark[0]}'." if mark else ""


def _strip(rows: Iterable[tuple[int, Sequence[str]]], wanted: Sequence[int]) -> Iterator[Record]:
    least = max(wanted, default=-1)
    for number, cells in rows:
        record = tuple([cells[place].strip() for place in wanted]) if len(cells) > least else ()
        yield number, record if any(record) or any(map(str.strip, cells)) else ()


# ---------------------------------------------------------------------------------------------------------- JSON Lines


def json_rows(path: str, counts: LineCounts) -> Iterator[tuple[int, dict[str, object] | None]]:
    """The object on each line with its numbers as they are written; None for a blank line."""
    for number, text in read_lines(path, counts):
        yield number, json_object(text, f"{shown(path)}:{number}") if text.strip() else None


def json_object(text: str, where: str) -> dict[str, object]:
    """One line of JSON Lines."""
    try:
        value: object = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at character {error.pos + 1}"
        raise DataError(f"{where}: not JSON ({reason}); expected one object a line, got {short(text)!r}.{_json_advice(text)}") from None
    except RecursionError:
        raise DataError(f"{where}: JSON too deeply nested; expected one object a line with texts in it. Flatten it first.") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: {short(text)!r} is not an object; expected one object a line, with named values.{_json_advice(text)}")
    found = cast("dict[str, object]", value)
    if "\\u" in text:
        _refuse_broken_escapes(found, where)
    return found


def _json_advice(text: str) -> str:
    """What to do about a line that is not one whole object."""
    text = text.strip()
    if text.startswith("["):
        return ' A JSON array becomes JSON Lines with jq -c ".[]".'
    if text == "{":
        return " An object over several lines becomes one line with jq -c ., or one line a name and its value with jq -c 'to_entries[]'."
    return " Mend the line."


def _refuse_broken_escapes(value: dict[str, object], where: str) -> None:
    items = (cast("list[object]", item) if isinstance(item, list) else [item] for item in flat(value).values())
    text = "".join(item for group in items for item in group if isinstance(item, str))
    refuse_bad_characters(text, where)


def _pick_keys(rows: Iterable[tuple[int, dict[str, object] | None]], table: Table, wanted: Sequence[int]) -> Iterator[Record]:
    keys = [table.columns[place] for place in wanted]
    for number, found in rows:
        yield number, () if found is None else pick_keys(found, keys, f"{table.name}:{number}")


def flat(value: Mapping[str, object], deep: int = 8) -> dict[str, object]:
    """The values of an object by name, and those of objects in it, down to some depth, by dotted names: `translation.de`."""
    found: dict[str, object] = {}
    for name, item in value.items():
        inner = flat(cast("Mapping[str, object]", item), deep - 1) if deep and isinstance(item, Mapping) and item else None
        found |= {str(name): item} if inner is None else {f"{name}.{key}": part for key, part in inner.items()}
    return found


def pick_keys(value: dict[str, object], keys: Sequence[str], where: str) -> tuple[str, ...]:
    """The texts under some keys of one object, dotted ones of objects in it, outer blanks stripped."""
    for key in keys:
        if key not in value and key not in (value := flat(value)):
            here = nearest(key, value) or f" Here are: {', '.join(value)}."
            raise DataError(f"{where}: no {key!r} in the object; expected it on every line.{here}")
    return tuple([as_text(value[key], where, key).strip() for key in keys])


def as_text(value: object, where: str, key: str) -> str:
    """A JSON or Parquet value as text: a number as written, a list joined by blanks, lists of numbers as in JSON, a missing value empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, list):
        items = cast("list[object]", value)
        if not any(isinstance(item, (list, dict)) for item in items):
            return " ".join(as_text(item, where, key) for item in items)
        if (text := text_of_lists(items)) is not None:
            return text
    if found := nested_in(key, cast("object", value)):
        raise DataError(f"{where}: {key!r} holds {found.what}; expected text, a number or a list of texts. {found.advice}")
    kind = "an object" if isinstance(value, dict) else "lists in a list" if isinstance(value, list) else f"a {type(value).__name__}"
    advice = (
        f"Name what is in it, as in {key}.{next(iter(cast('dict[str, object]', value)))}."
        if isinstance(value, dict) and value
        else "Flatten it first."
    )
    raise DataError(f"{where}: {key!r} holds {kind}; expected text, a number or a list of texts. {advice}")


# ------------------------------------------------------------------------------------------------- Parquet and parallel


class _ParquetFile(Protocol):
    schema_arrow: Any

    def iter_batches(self, batch_size: int, columns: list[str]) -> Iterator[Any]: ...


def _open_parquet(path: str) -> _ParquetFile:
    try:
        import pyarrow.parquet as parquet  # pyright: ignore
    except ImportError:
        missing = f"{shown(path)}: Parquet needs pyarrow, which is not installed."
        raise DataError(f"{missing} Install it: pip install 'seqloom[parquet]'") from None
    file = regular_path(path)
    try:
        return cast(_ParquetFile, parquet.ParquetFile(file))  # pyright: ignore
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
        reason = " ".join(str(error).split())
        raise DataError(f"{shown(path)}: not a Parquet file ({reason}). Name its format with --set data.format.") from None


def parquet_names(path: str) -> tuple[str, ...]:
    """The names of the columns of a Parquet file, dotted ones where a column holds objects."""
    return tuple(name for column in _open_parquet(path).schema_arrow for name in _names_in(column))


def _names_in(column: Any) -> Iterator[str]:
    parts = [column.type.field(place) for place in range(column.type.num_fields)] if str(column.type).startswith("struct<") else []
    if not parts:
        yield column.name
    for part in parts:
        yield from (f"{column.name}.{name}" for name in _names_in(part))


def parquet_values(path: str, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """The values of some columns, row by row; moments to the microsecond."""
    file = _open_parquet(path)
    whole = [next(name for name in (column, *_outer(column)) if name in file.schema_arrow.names) for column in columns]
    for batch in file.iter_batches(batch_size=1024, columns=list(dict.fromkeys(whole))):
        values = {name: _to_microseconds(batch.column(name)).to_pylist() for name in set(whole)}
        yield from zip(*(_inside(values[name], column[len(name) + 1 :]) for name, column in zip(whole, columns, strict=True)), strict=True)


def _outer(column: str) -> Iterator[str]:
    """The names of the columns that may hold what has a dotted name."""
    while "." in column:
        column = column.rpartition(".")[0]
        yield column


def _inside(values: list[Any], name: str) -> list[Any]:
    """What objects hold under a dotted name, None where there is no object."""
    if not name:
        return values
    return [None if value is None else flat(value).get(name) for value in values]


def _to_microseconds(column: Any) -> Any:
    """A column of nanoseconds, which no type of Python's holds, without them."""
    if not str(column.type).startswith("timestamp[ns"):
        return column
    import pyarrow  # pyright: ignore

    return column.cast(cast(Any, pyarrow).timestamp("us", column.type.tz), safe=False)


def _parquet_rows(path: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for number, values in enumerate(parquet_values(path, columns), 1):
        yield number, [as_text(value, f"{shown(path)}:{number}", name) for value, name in zip(values, columns, strict=True)]


def _parallel_rows(table: Table, counts: LineCounts) -> Iterator[tuple[int, tuple[str, str]]]:
    """Line n of both files together; the counts are those of the first."""
    first, second = (read_lines(path, lines) for path, lines in zip(table.paths, (counts, None), strict=True))
    number = 0
    for left, right in itertools.zip_longest(first, second):
        if left is None or right is None:
            longer = number + 1 + sum(1 for _ in (second if left is None else first))
            lengths = (number, longer) if left is None else (longer, number)
            raise DataError(
                f"{shown(table.paths[0])} has {_lines(lengths[0])} and {shown(table.paths[1])} {lengths[1]:,}; "
                "expected equally many, line n of one for line n of the other. Find where they part before training."
            )
        number = left[0]
        yield number, (left[1], right[1])


def _joined_rows(table: Table, counts: LineCounts) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Lines of both files with the same ids together, in the order of the first, whose counts these are."""
    first, second = table.paths
    return joined(keyed_lines(first, counts), keyed_lines(second), (shown(first), shown(second)), counts)


def _lines(count: int) -> str:
    return f"{count:,} line" if count == 1 else f"{count:,} lines"


def cells_at(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    """The cells of one column, of the rows that reach so far."""
    return [row[place] for row in rows if place < len(row)]
