"""Which columns of a table are the source and which is the target; where that cannot be told, what to do about it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from seqloom.config import DataConfig
from seqloom.data.header import ID_WORDS, LABEL_WORDS, TARGET_WORDS, is_number, pair_in_object, tell_sides, text_and_label
from seqloom.data.languages import with_target_language
from seqloom.data.lines import LineCounts
from seqloom.data.tables import COMMENT, Table, cells_at, read_records
from seqloom.errors import DataError, first_few, nearest, short
from seqloom.numbers.dates import look_like_times
from seqloom.numbers.sentinels import say_sentinels
from seqloom.numbers.spelling import EMPTY, may_be_number
from seqloom.numbers.wide import are_series
from seqloom.planning.sides import find_separator
from seqloom.sound.sounds import name_sounds, name_sounds_without_ends

__all__ = ["SPOKEN", "choose", "columns_of_sounds", "columns_of_times", "find_column", "one_column", "over_time", "places_of_sounds"]

WORD = re.compile(r"(?<!\S)[^\W\d_]+(?![\w-])")
"""What begins behind a blank and is written in letters, perhaps with a mark behind: ids are not."""
NEARLY_ALL = 0.9
"""Share of the lines that have a blank where the first word may be one column."""
SPOKEN = frozenset(["sentence", "text", "transcript", "transcription", "utterance", "words"]) | TARGET_WORDS
"""Names of columns that hold what is said."""
OFFSET, DURATION = "offset", "duration"
"""Names of columns that say what of a sound is heard, as manifests of NeMo do: when it begins, and how long it lasts, in seconds."""


def choose(table: Table, sample: list[list[str]], config: DataConfig) -> tuple[tuple[int, ...], int]:
    """The places of the source columns and of the target column."""
    source = tuple(find_column(table, column, "--source") for column in config.source)
    target = None if config.target is None else find_column(table, config.target, "--target")
    if target in source or len(set(source)) < len(source):
        twice = next(table.columns[place] for place in source if (*source, target).count(place) > 1)
        raise DataError(f"{table.name}: column {twice!r} is named twice; expected different columns. Change --source or --target.")
    source, target = tell_sides(table.columns if table.header else [""] * len(table.columns), source, target)
    if not source and target is None and (pair := _pair_among(table, sample)):
        source, target = pair[:1], pair[1]
    if config.sounds is not False and (not source or target is None):
        source, target = _heard_and_said(table, sample, config, source, target)
    if not source or target is None:
        is_index = table.header and len(table.columns) == 2 and not config.source and config.target is None
        raise DataError(_beside_an_index(table, sample) if is_index else _which_columns(table, sample, config))
    is_said = bool(config.source) or config.target is not None
    _refuse_nested(table, (*source, target), is_said=is_said)
    if table.header and not is_said and not (config.sounds or columns_of_sounds(sample, table)):
        source = with_target_language(table.columns, source, target, partial(_cells, table))
    return source, target


def _cells(table: Table, places: Sequence[int]) -> Iterator[Sequence[str]]:
    """The cells of some columns, up to a record that cannot be read, which is said when all are."""
    with suppress(DataError):
        yield from (cells for _, cells in read_records(table, places, LineCounts()) if cells)


def _refuse_nested(table: Table, used: Sequence[int], *, is_said: bool) -> None:
    """Raises where a side is no text: a list of objects, or, where nobody asks for it, the turns of a chat beside an id alone."""
    others = [place for place in used if place not in table.nested]
    are_ids = not is_said and all(table.columns[place].casefold() in ID_WORDS for place in others)
    for nested in (table.nested[place] for place in used if place in table.nested):
        if are_ids or not nested.is_text:
            raise DataError(f"{table.name}: {nested.name!r} holds {nested.what}; expected texts. {nested.advice}")


def _pair_among(table: Table, sample: list[list[str]]) -> tuple[int, int] | None:
    """Source and target among several columns of which no name says either: two in one object, or a text and its label, without sounds."""
    pair = pair_in_object(table.columns, sample) if table.format in ("jsonl", "parquet") else None
    return pair or (text_and_label(table.columns) if table.header and not columns_of_sounds(sample, table) else None)


def _heard_and_said(
    table: Table, sample: list[list[str]], config: DataConfig, source: tuple[int, ...], target: int | None
) -> tuple[tuple[int, ...], int | None]:
    """The sides that are not known, where one column alone names sounds, and one other alone is called as what is said of them."""
    heard = places_of_sounds(sample, table) if config.sounds else columns_of_sounds(sample, table)
    if len(heard) != 1 or (source or (heard[0],)) != (heard[0],) or target == heard[0]:
        return source, target
    if target is None and table.header:
        said = [place for place, name in enumerate(table.columns) if place != heard[0] and name.casefold() in SPOKEN | LABEL_WORDS]
        target = said[0] if len(said) == 1 else None
    return (source, target) if target is None else ((heard[0],), target)


def find_column(table: Table, column: str | int, flag: str) -> int:
    """The place of a column given by name or by number from 1."""
    there = first_few(table.columns)
    if isinstance(column, str) and column in table.columns and table.header:
        count = table.columns.count(column)
        if count > 1:
            raise DataError(f"{table.name}: {count} columns are called {column!r}; expected one. Give {flag} a number.")
        return table.columns.index(column)
    if isinstance(column, int) or column.isdecimal():
        if not 1 <= int(column) <= len(table.columns):
            raise DataError(f"{table.name}: no column {column}; expected 1 to {len(table.columns)} ({there}). Change {flag}.")
        return int(column) - 1
    if flag == "--target" and "," in column:
        raise DataError(
            f"{table.name}: no column {column!r}; expected one target column of {there}. Name one; only --source takes several."
        )
    near = nearest(column, table.columns) if table.header else ""
    raise DataError(f"{table.name}: no column {column!r}; expected one of {there}.{near} Change {flag}, or give it a number from 1.")


def _which_columns(table: Table, sample: list[list[str]], config: DataConfig) -> str:
    row = next((row for row in sample if len(row) == len(table.columns)), sample[0])
    columns = [f"{column} ({short(cell, 30)!r})" for column, cell in zip(table.columns, row, strict=False)]
    expected = "2, or --source and --target to say which"
    advice = "Say which one is to be written and what it is told from, one column or several: --source A,B --target C."
    if heard := places_of_sounds(sample, table):
        whole = "" if columns_of_sounds(sample, table) else " --set data.sounds=true"
        source, target = (shlex.quote(table.columns[place]) for place in (heard[0], _most_in_words(table, sample, heard)))
        advice = f"Choose, as in --source {source} --target {target}{whole}."
    elif config.target is not None:
        expected, advice = "--source beside --target", "Say what the target is told from, one column or several: --source A,B."
    elif config.source:
        expected, advice = "--target beside --source", "Say which one is to be written: --target C."
    else:
        advice = _beside_marks(table, sample) or advice
    more = [f"{nested.name!r} holds {nested.what}. {nested.advice}" for nested in table.nested.values()]
    more += [] if heard else [over_time(table, sample)]
    what = f"{len(columns)} columns; expected {expected}. Columns: {first_few(columns)}"
    return " ".join([f"{table.name}: {what}. {advice}", *filter(None, more)])


def _beside_marks(table: Table, sample: list[list[str]]) -> str:
    """How three columns are read of which one alone holds marks of a small set, such as `V;PST;3;SG`: they are read with the source."""
    separators = [find_separator(cells_at(sample, place)) for place in range(len(table.columns))]
    if len(separators) != 3 or sum(separator is not None for separator in separators) != 1:
        return ""
    marks = next(place for place, separator in enumerate(separators) if separator)
    first, second = (place for place in range(3) if place != marks)
    source = ",".join(shlex.quote(_called(table, place)) for place in sorted((first, marks)))
    holds = f"Column {_called(table, marks)} holds marks with {separators[marks]!r} between them, as a source has beside its text"
    target = shlex.quote(_called(table, second))
    return f"{holds}: --source {source} --target {target}, or name the columns otherwise."


def _called(table: Table, place: int) -> str:
    return table.columns[place] if table.header else str(place + 1)


def over_time(table: Table, sample: list[list[str]]) -> str:
    """How numbers over time are forecast, where all columns but at most one are of numbers or of times; '' of other tables."""
    if are_series(table, sample):
        command = f"seqloom train {shlex.quote(table.paths[0])} --wide --horizon N"
        return f"Rows that are series, in columns called by times, are forecast by `{command}`."
    columns = {place: cells_at(sample, place) for place in range(len(table.columns))}
    time = next((place for place, cells in columns.items() if look_like_times(cells)), None)
    others = [cells for place, cells in columns.items() if place != time]
    numbers = sum(all(cell.lower() in EMPTY or may_be_number(cell) for cell in cells) for cells in others)
    if numbers < max(len(others) - 1, 1) or (time is None and len(others) == 2):  # numbers to numbers may be pairs
        return ""
    when = "" if time is None else f"--time {shlex.quote(table.columns[time])} "
    command = f"seqloom train {shlex.quote(table.paths[0])} {when}--forecast COLUMN --horizon N"
    return " ".join([f"Numbers over time are forecast by `{command}`.", *_doubtful_numbers(table, columns, time)])


def _doubtful_numbers(table: Table, columns: Mapping[int, Sequence[str]], time: int | None) -> Iterator[str]:
    """A sentence for each number in the columns that may say that nothing was measured."""
    plain = {place: [cell for cell in cells if is_number(cell)] for place, cells in columns.items() if place != time}
    numbers = {table.columns[place]: np.array(cells, dtype=np.float64) for place, cells in plain.items()}
    yield from (f"{said}." for said in say_sentinels(numbers))


def _beside_an_index(table: Table, sample: list[list[str]]) -> str:
    """What to do about two columns of which one has no name, as the index of a data frame."""
    place = next(place for place, name in enumerate(table.columns) if name == str(place + 1))
    example = f" ({short(sample[0][place], 30)!r})" if place < len(sample[0]) else ""
    what = f"column {place + 1}{example} has no name, as an index has none, and {table.columns[1 - place]!r} is the only other"
    advice = "Add the other side; or, if the column without a name is one, name it or say --source 1 --target 2."
    return f"{table.name}: {what}; expected a source and a target. {advice}"


def _most_in_words(table: Table, sample: list[list[str]], heard: Sequence[int]) -> int:
    """The column, beside those that name sounds, that holds what is said: by its name, then by its words, and by how seldom they repeat."""

    def spoken(place: int) -> tuple[bool, int, int]:
        values = cells_at(sample, place)
        return table.columns[place].casefold() in SPOKEN, sum(len(WORD.findall(value)) for value in values), len(set(values))

    return max((place for place in range(len(table.columns)) if place not in heard), key=spoken, default=heard[0])


def one_column(table: Table, sample: list[list[str]], *, of_two: bool) -> str:
    """What to do about a table of one column; `of_two`: training has two parallel files."""
    begin = f"{table.name}: 1 column; expected 2 or more (source, target)"
    if of_two:
        return f"{begin}, or two parallel files as in training. Name both; a dev set takes --dev twice."
    if table.format in ("jsonl", "parquet"):
        for nested in table.nested.values():
            return f"{begin}, got {nested.name}, which holds {nested.what}. {nested.advice}"
        return f"{begin}, got {first_few(table.columns)}. Name both values on every line."
    cell = (table.columns if table.header else sample[0])[0]
    advice = "Put a tab between them, or say what stands there: --set data.delimiter=…"
    blanks = sum(len(row[0].split()) > 1 for row in sample) >= NEARLY_ALL * len(sample)
    rest = ". For a first word and the rest of the line: --set data.split=first" if blanks and table.format == "tsv" else ""
    mark = COMMENT.match(cell)
    comment = f". If it is a comment, say --set data.comment={mark[0]!r}" if mark and not rest else ""
    return f"{begin}, got {short(cell)!r}. {advice}{rest}{comment}"


def columns_of_sounds(sample: list[list[str]], table: Table) -> list[int]:
    """The places of columns that name sound files."""
    return [place for place in range(len(table.columns)) if name_sounds(cells_at(sample, place))]


def columns_of_times(table: Table) -> tuple[int, ...]:
    """The places of the columns that say what of each sound is heard: when it begins, and how long it lasts; none without the first."""
    names = [name.casefold() for name in table.columns] if table.header else []
    return tuple(names.index(name) for name in (OFFSET, DURATION) if name in names) if OFFSET in names else ()


def places_of_sounds(sample: list[list[str]], table: Table) -> list[int]:
    """The same, or else those of columns that name sounds all but their ends."""
    columns = range(len(table.columns))
    return columns_of_sounds(sample, table) or [
        place for place in columns if name_sounds_without_ends(cells_at(sample, place), table.paths[0])
    ]
