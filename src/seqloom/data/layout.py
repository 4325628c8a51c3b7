"""What a file's layout is: format, delimiter, header, and which columns are source and target; found from its name and first rows."""

from __future__ import annotations

import itertools
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from seqloom.config import DataConfig
from seqloom.data.column_roles import choose, columns_of_sounds, columns_of_times, one_column, over_time
from seqloom.data.header import has_header, say_sides
from seqloom.data.keyed import apart, keyed_lines, may_have_ids, recipe_in, share_ids
from seqloom.data.lines import LineCounts, open_file, regular_path, shown
from seqloom.data.marks import SAMPLE, Marks, csv_delimiter, find_marks, first_lines, plain_delimiter, without_comments
from seqloom.data.nested import find_nested
from seqloom.data.tables import Table, cells_at, flat, json_rows, parquet_names, parquet_values, said_delimiter, table_rows
from seqloom.errors import DataError, count_of, first_few
from seqloom.fields.frame_text import hold_frames
from seqloom.files import format_of_name
from seqloom.numbers.wide import stand_over_series
from seqloom.sound.audio import is_sound
from seqloom.sound.sounds import FOLDER_COLUMNS, SoundFolder, located, name_sounds_without_ends

__all__ = ["Layout", "find_layout", "find_table"]


@dataclass(frozen=True, slots=True)
class Layout:
    """A table and which of its columns are used."""

    table: Table
    source: tuple[int, ...]
    target: int
    notes: tuple[str, ...]
    sounds: bool = False
    """Whether the source names sound files."""
    times: tuple[int, ...] = ()
    """Columns that say what of each sound is heard: when that begins, and how long it lasts."""
    other_way: str = ""
    """What asks for the two sides the other way round, where nothing tells which is which; else ''."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.columns[place] for place in (*self.source, self.target))


def find_layout(paths: Sequence[str], config: DataConfig) -> Layout:
    """The layout of one table or of two parallel files; what the config says goes before what is found.

    Raises:
        DataError: the columns cannot be told, do not exist, or the file has no rows.
    """
    table, sample, notes = find_table(paths, config)
    in_memory = not config.train and any(isinstance(name, str) for name in (*config.source, config.target))  # a table, trained on
    if table.format in ("parallel", "folder") and (in_memory or config.format not in ("auto", table.format)):
        config = _first_and_second(table, config)
    if len(table.columns) < 2:
        raise DataError(one_column(table, sample, of_two=len(config.train) > 1))
    if table.header and config.train and not _read_alike(paths[0], config) and all(map(_is_number, (*config.source, config.target))):
        config = config.model_copy(update={"source": [], "target": None})  # numbers of another file's columns say nothing of names
    source, target = choose(table, sample, config)
    if config.sounds is None:
        source, target = _with_sounds_as_source(table, columns_of_sounds(sample, table), config, source, target)
    first = min(source)
    sounds = first in columns_of_sounds(sample, table) if config.sounds is None else config.sounds
    heard = f", which names sound files{_elsewhere(table, sample, first)}" if sounds else ""
    times = columns_of_times(table) if sounds else ()
    used = f"Source: {_columns(table, source)}{heard}{_timed(table, times)}. Target: {_columns(table, (target,))}."
    left = [name for place, name in enumerate(table.columns) if place not in (*source, target, *times)]
    if left and not config.source and config.target is None:
        used += f" Not read: {first_few(left)}."
    doubts = [] if sounds or config.sounds is not None or len(source) > 1 else _doubts(table, sample, first)
    if len(table.columns) == 2 and not config.source and config.target is None and (advice := over_time(table, sample)):
        doubts.append(advice)
    joined = [_joined(table.columns[place], place == target) for place in (*source, target) if place in table.lists]
    is_told = bool(config.source) or config.target is not None or sounds or say_sides(*(table.columns[place] for place in (first, target)))
    other_way = "" if is_told else f"--source {_as_option(table, target)} --target {_as_option(table, first)}"
    return Layout(table, source, target, (*notes, used, *joined, *doubts), sounds, times, other_way)


def _as_option(table: Table, place: int) -> str:
    return shlex.quote(table.columns[place]) if table.header else str(place + 1)


def _joined(column: str, is_target: bool) -> str:
    advice = " If they are several right answers, give each a row of its own." if is_target else ""
    return f"{column!r} holds lists of several texts, which are joined by blanks.{advice}"


def _timed(table: Table, times: Sequence[int]) -> str:
    if not times:
        return ""
    begin, *lasts = (repr(table.columns[place]) for place in times)
    return f", of each what begins at {begin}" + "".join(f" and lasts {length}" for length in lasts)


def _elsewhere(table: Table, sample: list[list[str]], place: int) -> str:
    """Where the first sound lies, if not where its name says."""
    name, path = next(filter(None, cells_at(sample, place)), ""), table.paths[0]
    if table.format in ("parallel", "folder") or not name:
        return ""
    home = os.path.abspath(os.path.dirname("" if path == "-" else path))
    found = os.path.dirname(located(name, path))
    return "" if found == os.path.dirname(os.path.abspath(os.path.join(home, name))) else f" in {os.path.relpath(found, home)}"


def _doubts(table: Table, sample: list[list[str]], place: int) -> list[str]:
    """A sentence where sources, but not nearly all, look like sound files, or are the names of such without their ends."""
    values = cells_at(sample, place)
    count = sum(map(is_sound, values))
    advice = "all are read as texts. If they name sounds, say --set data.sounds=true."
    if not count and name_sounds_without_ends(values, table.paths[0]):
        return [f"Sources are names of sound files that lie beside {table.name}, without their ends; {advice}"]
    return [f"{count:,} of {len(sample):,} sources look like names of sound files; {advice}"] if count else []


def _with_sounds_as_source(
    table: Table, heard: list[int], config: DataConfig, source: tuple[int, ...], target: int
) -> tuple[tuple[int, ...], int]:
    """Source and target the other way round, where nothing is said and the second column names sounds: they are heard, not written.

    Raises:
        DataError: sounds beside other sources, or as a target.
    """
    if len(source) > 1 and (named := [place for place in source if place in heard]):
        what = f"{_columns(table, named[:1])} names sound files; expected it as the only source"
        raise DataError(f"{table.name}: {what}. Leave the others out, or say --set data.sounds=false to read the names as texts.")
    if target not in heard or any(place in heard for place in source):
        return source, target
    if not config.source and config.target is None:
        return (target,), min(source)
    what = f"{_columns(table, (target,))} names sound files; expected it as the source"
    raise DataError(f"{table.name}: {what}. Change --source and --target, or say --set data.sounds=false to write such names.")


def _is_number(column: str | int | None) -> bool:
    return isinstance(column, int)


def _first_and_second(table: Table, config: DataConfig) -> DataConfig:
    """The config for parallel files where training read a table: its columns mean nothing here."""
    if len(config.source) > 1:
        raise DataError(f"{table.name}: one source file; expected {len(config.source)} source columns. Put all columns into one table.")
    return config.model_copy(update={"source": [1], "target": 2})


def find_table(
    paths: Sequence[str], config: DataConfig, named: Sequence[str] = (), *, wide: bool = False
) -> tuple[Table, list[list[str]], list[str]]:
    """The table, its first rows (without a header), and what was found, a sentence each.

    Args:
        named: columns that are asked for: a first row that holds one of these names is a header.
        wide: each row is a series, and a first row of years or 1, 2, 3 ... a header.
    """
    paths = (recipe_in(paths[0]) if len(paths) == 1 else []) or paths
    format = _format(paths, config)
    if format == "parallel":
        return _parallel_table(paths, config)
    if format == "folder":
        folder = SoundFolder.read(paths[0])
        sample = [list(cells) for _, cells in itertools.islice(folder.rows(), SAMPLE)]
        return Table(tuple(paths), format, None, True, FOLDER_COLUMNS), sample, folder.notes()
    path, alike = paths[0], _read_alike(paths[0], config)
    if format in ("jsonl", "parquet"):
        columns, values = _named_columns(path, format)
        frames = frozenset(place for place in range(len(columns)) if hold_frames([row[place] for row in values]))
        lists = frozenset(place for place in range(len(columns)) if any(_is_of_texts(row[place]) for row in values))
        table = Table((path,), format, None, True, columns, frames=frames, lists=lists, nested=find_nested(columns, values))
        sample = [[*map(_loosely, row)] for row in values]
        notes = [f"{'JSON Lines' if format == 'jsonl' else 'Parquet'} with {count_of(len(columns), 'name')}: {first_few(columns)}."]
    else:
        own = config if alike else config.model_copy(update={"delimiter": None, "header": None, "comment": None, "split": None})
        lines = first_lines(path)
        marks = find_marks(lines, shown(path), format, own)
        table, sample, notes = _delimited_table(path, marks, config, own.header, named, wide=wide)
        is_told = config.delimiter or config.format != "auto" or format_of_name(path)
        if marks.delimiter == "," and not is_told and all(", " in text and '"' not in text for _, text in lines):
            notes.append("A blank follows the commas. If they are of the texts, say what stands between columns: --set data.delimiter=…")
    if not sample:
        header = ", only a header" if table.header and format in ("csv", "tsv") else ""
        expected = ("numbers on each line", "some") if named else ("a source and a target on each line", "pairs")
        raise DataError(f"{table.name}: no rows{header}; expected {expected[0]}. Name a file that holds {expected[1]}.")
    return table, sample, notes


def _parallel_table(paths: Sequence[str], config: DataConfig) -> tuple[Table, list[list[str]], list[str]]:
    """Two files of one column each, with ids before it where both begin with the same ones and it names sounds."""
    for path in paths:
        regular_path(path)
    lines = itertools.islice(zip(*map(keyed_lines, paths), strict=False), SAMPLE)
    pairs = [[text.strip() for _, text in line] for line in lines]
    keyed = config.sounds is not False and bool(pairs) and may_have_ids(pairs)
    if keyed and not share_ids(*zip(*pairs, strict=True)):  # they may stand in another order
        keyed = share_ids(*([text for _, text in keyed_lines(path)] for path in paths))
    table = Table(tuple(paths), "parallel", None, False, ("1", "2"), keyed=keyed)
    sample = [[apart(text)[1] for text in pair] for pair in pairs] if keyed else pairs
    return table, sample, [f"Two parallel files: {paths[0]} and {paths[1]}{', behind the ids that both have' if keyed else ''}."]


# -------------------------------------------------------------------------------------------------------------- format


def _read_alike(path: str, config: DataConfig) -> bool:
    """Whether what the config says of the training file also holds for this one: true unless their names say other formats, the
    format itself where the file's name is no longer known.
    """
    if config.format == "parallel" or len(config.train) > 1:
        return False
    named = format_of_name(path)
    if config.train:
        return named == format_of_name(config.train[0])
    return config.format == "auto" or named in (None, config.format)


def _format(paths: Sequence[str], config: DataConfig) -> str:
    if not paths:
        raise DataError("data: no file; expected one file of pairs or two parallel text files. Name it after the command.")
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return "folder"
    if len(paths) == 1 and config.format != "auto" and _read_alike(paths[0], config):
        return config.format
    if len(paths) == 1:
        return format_of_name(paths[0]) or _sniffed(paths[0], config.comment)
    names = ", ".join(shown(path) for path in paths)
    one_or_two = "expected one file of pairs or two parallel text files"
    if len(paths) > 2:
        raise DataError(f"{names}: {len(paths)} files; {one_or_two}. Join tables of the same columns into one with cat.")
    if all(format_of_name(path) for path in paths) and config.format != "parallel":
        raise DataError(f"{names}: two tables; {one_or_two}. Join them with cat, or say --set data.format=parallel.")
    if len(set(paths)) == 1:
        raise DataError(f"{names}: the same file twice; {one_or_two}. Name the file of the targets second.")
    return "parallel"


def _sniffed(path: str, comment: str | None) -> str:
    """jsonl, parquet, csv or tsv, from the beginning of a file."""
    if path != "-":
        with open_file(path, refuse=False) as stream:
            if stream.read(4) == b"PAR1":
                return "parquet"
    numbered = without_comments(first_lines(path), comment)
    lines = [text for _, text in numbered]
    if lines and (lines[0].lstrip().startswith("{") or _json_array(path, lines)):
        return "jsonl"
    if plain_delimiter(lines):
        return "tsv"
    return "csv" if said_delimiter(lines[0] if lines else "") or csv_delimiter(numbered, shown(path), whole=True) else "tsv"


def _json_array(path: str, lines: list[str]) -> bool:
    """Whether a file is one JSON array, which reading it as JSON Lines refuses with advice."""
    return PurePath(path.removesuffix(".gz")).suffix.lower() == ".json" and lines[0].lstrip().startswith("[")


# -------------------------------------------------------------------------------------------------------------- header


def _named_columns(path: str, format: str) -> tuple[tuple[str, ...], list[list[object]]]:
    """The names in a JSON Lines or Parquet file and the values of its first rows."""
    if format == "parquet":
        columns = parquet_names(path)
        return columns, [[*row] for row in itertools.islice(parquet_values(path, columns), SAMPLE)]
    rows = [flat(row) for _, row in itertools.islice(json_rows(path, LineCounts()), SAMPLE) if row is not None]
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return columns, [[row.get(key) for key in columns] for row in rows]


def _is_of_texts(value: object) -> bool:
    """Whether a value is a list of several texts that are more than tokens: some have blanks inside."""
    parts: list[object] = value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
    return len(parts) > 1 and any(isinstance(part, str) and " " in part.strip() for part in parts)


def _loosely(value: object) -> str:
    """A value as an example to show: only the used columns must hold texts."""
    return "" if value is None else str(value)


def _delimited_table(
    path: str, marks: Marks, config: DataConfig, header: bool | None, named: Sequence[str], *, wide: bool
) -> tuple[Table, list[list[str]], list[str]]:
    table = Table((path,), marks.format, marks.delimiter, False, (), marks.once, marks.comment)
    rows = ([cell.strip() for cell in cells] for _, cells in table_rows(table, LineCounts()))
    sample = list(itertools.islice((cells for cells in rows if any(cells)), SAMPLE))
    if not sample:
        return table, sample, []
    first = sample[0]
    if header is None and any(name in first and not name.isdecimal() for name in named):
        header = True
    format = "tsv" if marks.quoted else marks.format
    found, reason, is_doubtful = has_header(
        first, sample[1:], format, config, header, shown(path), wide=wide, timed=wide and stand_over_series(first, sample[1:])
    )
    width = len(first) if found else Counter(map(len, sample)).most_common(1)[0][0]
    columns = tuple(cell or str(number) for number, cell in enumerate(first, 1)) if found else tuple(map(str, range(1, width + 1)))
    table = replace(table, header=found, columns=columns, doubt=reason if is_doubtful else "")
    return table, sample[1:] if found else sample, [*_said(marks, columns), reason]


def _said(marks: Marks, columns: Sequence[str]) -> list[str]:
    """How lines become cells, a sentence each."""
    between = {"\t": "tabs", "  ": "two blanks or more"}.get(marks.delimiter, f"{marks.delimiter!r}")
    between = f"the first {marks.delimiter!r} of each line" if marks.once else between
    kind = "CSV" if marks.format == "csv" and not marks.quoted else "Text"
    notes = [f"{kind} with {count_of(len(columns), 'column')} separated by {between}."]
    if marks.quoted:
        notes.append("Every value is quoted, and read without its quotes. If they belong to it, say --set data.format=tsv.")
    if marks.comment:
        notes.append(f"Lines that begin with {marks.comment!r} are comments. If they are data, say --set data.comment='\"\"'.")
    return notes


def _columns(table: Table, places: Sequence[int]) -> str:
    names = " and ".join(repr(table.columns[place]) if table.header else table.columns[place] for place in places)
    return names if table.header else f"column{'s' if len(places) > 1 else ''} {names}"
