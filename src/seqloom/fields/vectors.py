"""Ready word vectors: text files of word2vec, fastText and GloVe, read as a stream, of which the rows of a vocabulary are kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqloom.data.lines import read_lines
from seqloom.errors import DataError, MissingFileError
from seqloom.fields.columns import Column
from seqloom.fields.subwords import BLANK, Subwords
from seqloom.fields.text import SourceField, TargetField
from seqloom.fields.units import JOINER, Characters, Words
from seqloom.fields.vocabulary import SPECIALS

__all__ = ["Found", "Width", "read_vectors", "width_of"]

FEW = 0.5
"""Share of a vocabulary that has vectors, below which that is warned of."""
MANY_IN_LOWER_CASE = 0.1
"""Share of a vocabulary that would have vectors in lower case, from which on that is why it has few."""


@dataclass(frozen=True)
class Width:
    """How many numbers the vectors of a file have."""

    numbers: int
    line: int
    """Of the first vector: 2 behind a header."""
    count: int | None
    """How many vectors the header promises."""


@dataclass
class Found:
    """The vectors of the symbols of one side."""

    side: str
    file: str
    symbols: int
    """Of its vocabulary, without special ones."""
    ids: list[int] = field(default_factory=list[int])
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list[npt.NDArray[np.float32]])
    """Each (D,)."""
    cut: str = ""
    """What the side is cut into, in words, where that is why few were found."""
    in_lower_case: int = 0
    """Symbols without a vector that would have one in lower case."""

    def notes(self, *, shared: bool = False) -> list[str]:
        """How many symbols have vectors, and a warning where few have, with the likely cause.

        Args:
            shared: whether both sides have one vocabulary, and so must be cut alike.
        """
        share = len(self.ids) / max(self.symbols, 1)
        lines = [f"vectors: {len(self.ids):,} of {self.symbols:,} {self.side} symbols are in {self.file} ({share:.0%})"]
        if share >= FEW:
            return lines
        own = "fields.source.0" if self.side == "source" else "fields.target"
        names = ["fields.source.0", "fields.target"] if shared else [own]
        if self.in_lower_case >= MANY_IN_LOWER_CASE * self.symbols:
            why = f"{self.in_lower_case:,} more are in it in lower case. Lower-case the text with {_set(names, 'lowercase=true')}"
        elif self.cut:
            why = f"the text is cut into {self.cut}, and the file holds words. Cut it into words with {_set(names, 'unit=word')}"
        else:
            why = "is it of another language, or of text that was tokenised otherwise?"
        return [*lines, f"warning: few {self.side} symbols have vectors: {why}"]


def _set(names: Sequence[str], what: str) -> str:
    return " ".join(f"--set {name}.{what}" for name in names)


def width_of(file: str) -> Width:
    """How many numbers the vectors of a file have, from its first lines.

    Raises:
        MissingFileError: no such file.
        DataError: it holds no vectors.
    """
    try:
        first = list(islice(read_lines(file), 2))
    except DataError as error:
        if isinstance(error, MissingFileError) or Path(file).suffix != ".bin":
            raise
        advice = "Save it as text, as with save_word2vec_format(PATH, binary=False) of gensim"
        raise DataError(f"{file}: vectors in a program's own form; expected text, a word and its numbers a line. {advice}.") from error
    if not first:
        raise DataError(f"{file}: empty; expected a word and its numbers a line. Name a file of vectors.")
    parts = _parts(first[0][1])
    if len(parts) == 2 and all(part.isdecimal() for part in parts):
        width = Width(int(parts[1]), 2, int(parts[0]))
    else:
        width = Width(len(parts) - 1, 1, None)
    if width.numbers < 2 or len(first) < width.line:
        got = f"{first[0][1]!r:.60}"
        raise DataError(
            f"{file}:1: {got}; expected a word and its numbers, with blanks or tabs between, or how many of both. Name a file of vectors."
        )
    _vector(first[width.line - 1][1], width, file, width.line)
    return width


def read_vectors(file: str, fields: Mapping[str, SourceField | TargetField]) -> list[Found]:
    """The vectors in a file of the symbols of each side, `source` or `target`.

    A subword that begins a word is looked for with its mark, then as the word; pieces that go on inside a word only where the file has such
    marks. Of a word with a mark for its blank the same. The first of several vectors of a word counts.

    Raises:
        MissingFileError: no such file.
        DataError: a vector of another width or with what is no number; fewer vectors than the header promises.
    """
    width, wanted, count = width_of(file), [_Wanted(side, file, field) for side, field in fields.items()], 0
    for number, line in _behind_header(file, width):
        count += 1
        name = line.partition(" ")[0].partition("\t")[0]
        if sides := [side for side in wanted if side.asks_for(name)]:
            word, row = _vector(line, width, file, number)
            for side in sides:
                side.take(word, row)
    if width.count is not None and count < width.count:
        raise DataError(f"{file}: {count:,} vectors; expected {width.count:,}, as line 1 says: the file is cut off. Download it again.")
    return [side.found() for side in wanted]


def _behind_header(file: str, width: Width) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in read_lines(file) if number >= width.line and line)


def _vector(line: str, width: Width, file: str, number: int) -> tuple[str, npt.NDArray[np.float32]]:
    """The word of a line, which may hold blanks, and its vector (D,)."""
    parts = _parts(line)
    words, values, place = parts[: -width.numbers], parts[-width.numbers :], f"{file}:{number}"
    if not words or (len(words) > 1 and all(map(_is_number, words[1:]))):
        says = f"line {width.line if width.count is None else 1} {'has' if width.count is None else 'says'}"
        got = f"{len(parts) - 1} numbers behind {parts[0]!r:.40}"
        raise DataError(f"{place}: {got}; expected {width.numbers}, as {says}. Mend or delete the line.")
    if wrong := [value for value in values if not _is_number(value)]:
        raise DataError(f"{place}: {wrong[0]!r:.40} is no number; expected {width.numbers} behind the word. Mend or delete the line.")
    return " ".join(words), np.array(values, np.float32)


def _parts(line: str) -> list[str]:
    """The word, in one part or several, and its numbers."""
    return line.rstrip().replace("\t", " ").split(" ")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


class _Wanted:
    """The symbols of a side that are looked for in a file."""

    def __init__(self, side: str, file: str, field: SourceField | TargetField) -> None:
        columns = field.columns if isinstance(field, SourceField) else (field.column,)
        first = len(SPECIALS) + len(field.vocabulary.reserved)
        self._names: dict[str, list[tuple[int, int]]] = {}
        """Of a name, the ids that it is for, each with how well: 0 as it is, 1 without its mark."""
        self._inner = set[int]()
        """Ids of pieces that go on inside a word."""
        self._found = Found(side, file, len(field.vocabulary) - first, cut=_cut(columns))
        self._rows: dict[int, tuple[int, npt.NDArray[np.float32]]] = {}
        self._has_marks = False
        self._lower: dict[str, list[int]] = {}
        self._seen_lower = set[int]()
        for number in range(first, len(field.vocabulary)):
            column, symbol = _bare(columns, field.vocabulary.symbol(number))
            self._ask(number, symbol, column)

    def _ask(self, number: int, symbol: str, column: Column) -> None:
        plain = symbol.strip(JOINER) if isinstance(column.unit, Words) else symbol
        if isinstance(column.unit, Subwords):
            plain = symbol.removeprefix(BLANK)
            if plain == symbol and symbol.isalnum():
                self._inner.add(number)
        for how, name in enumerate(dict.fromkeys((symbol, plain))):
            if name:
                self._names.setdefault(name, []).append((number, how))
        if plain.lower() != plain:
            self._lower.setdefault(plain.lower(), []).append(number)

    def asks_for(self, name: str) -> bool:
        """Whether a word that begins so may be one that is looked for."""
        return name in self._names or name in self._lower

    def take(self, word: str, row: npt.NDArray[np.float32]) -> None:
        """Keep the vector (D,) of a word for the symbols that it is for."""
        self._seen_lower.update(self._lower.get(word, ()))
        for number, how in self._names.get(word, ()):
            self._has_marks = self._has_marks or word.startswith(BLANK)
            if number not in self._rows or how < self._rows[number][0]:
                self._rows[number] = how, row

    def found(self) -> Found:
        """What was found, once all of the file was gone through."""
        kept = {number: row for number, (_, row) in sorted(self._rows.items()) if self._has_marks or number not in self._inner}
        self._found.ids, self._found.rows = list(kept), list(kept.values())
        self._found.in_lower_case = len(self._seen_lower - kept.keys())
        return self._found


def _cut(columns: Sequence[Column]) -> str:
    units = [column.unit for column in columns]
    if any(isinstance(unit, Subwords) for unit in units):
        return "subwords"
    return "characters" if any(isinstance(unit, Characters) for unit in units) else ""


def _bare(columns: Sequence[Column], key: str) -> tuple[Column, str]:
    """The column that a key of the vocabulary is of, and its symbol there."""
    column = next((column for column in columns if column.namespace > 1 and key.startswith(f"{column.namespace}:")), None)
    column = column or next((column for column in columns if column.namespace < 2), columns[0])
    return column, column.name(key)
