"""Text as a field: one or more source columns, or the target, as ids and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError, count_of
from seqloom.fields.columns import Codes, Column, model_of
from seqloom.fields.vocabulary import BOS, EOS, PAD, SEP, SEPARATOR, SPECIALS, UNK, Vocabulary

__all__ = ["Ids", "SourceField", "TargetField", "Value", "kept_of_columns"]

_SEP, _EOS = (np.array([number], np.int64).tobytes() for number in (SEP, EOS))

Ids = npt.NDArray[np.int64]
Value = str | Sequence[str]
End = Literal["begin", "end"]
"""Of a source: which of its ends is read where it is too long."""


class _TextField:
    """What both sides say of themselves to the network."""

    vocabulary: Vocabulary

    @property
    def kind(self) -> Literal["ids", "frames"]:
        """What its arrays are."""
        return "ids"

    @property
    def size(self) -> int:
        """Vocabulary size V."""
        return len(self.vocabulary)

    @property
    def known(self) -> int:
        """Numbers that are known of each position beforehand."""
        return 0


class TargetField(_TextField):
    """Text or tokens of the target as ids, without <s> and </s>, which batching adds."""

    def __init__(self, column: Column, vocabulary: Vocabulary) -> None:
        self.column = column
        self.vocabulary = vocabulary
        self._codes = Codes(column, vocabulary)

    def normalize(self, value: str) -> str:
        """The text as the field sees it, which is what `decode` gives back where every symbol is known."""
        return self.column.unit.join(self.column.split(value))

    def symbols(self, value: str) -> list[str]:
        """The symbols of the text, known or not."""
        return self.column.split(value)

    def unknown(self, value: str) -> list[str]:
        """The symbols that the vocabulary does not have, in order, as often as they occur."""
        return [symbol for symbol in self.symbols(value) if symbol not in self.vocabulary]

    def encode(self, value: str) -> Ids:
        """Ids, int64 (T,); the empty text has T = 0."""
        return np.frombuffer(self._codes.of(value), np.int64)

    def to_symbols(self, ids: Iterable[int] | Ids, extra: Sequence[str] = ()) -> list[str]:
        """The symbols of ids up to the first </s>, without <pad> and <s>; id V + k is the copied symbol extra[k]."""
        return _to_symbols(self.vocabulary, ids, extra)

    def decode(self, ids: Iterable[int] | Ids, extra: Sequence[str] = ()) -> str:
        """The text of ids up to the first </s>; an unknown symbol is shown as "<unk>"."""
        return self.column.unit.join(self.to_symbols(ids, extra))


class SourceField(_TextField):
    """One or more source columns as one sequence of ids, <sep> between columns and </s> at the end."""

    def __init__(self, columns: Sequence[Column], vocabulary: Vocabulary) -> None:
        self.columns = tuple(columns)
        self.vocabulary = vocabulary
        self._codes = [Codes(column, vocabulary) for column in self.columns]

    def split(self, value: Value) -> list[list[str]]:
        """The symbols of each column, without namespaces.

        Raises:
            DataError: another number of columns than the field was made for.
        """
        return [column.split(text) for column, text in zip(self.columns, self._texts(value), strict=True)]

    def symbols(self, value: Value) -> list[str]:
        """The symbols of all columns as the vocabulary has them, <sep> between; `encode` has one more, </s>."""
        parts = self._keys(self.split(value))
        return [*parts[0], *chain.from_iterable((SEPARATOR, *part) for part in parts[1:])]

    def unknown(self, value: Value) -> list[str]:
        """The symbols that the vocabulary does not have, in order, as often as they occur."""
        return [key for part in self._keys(self.split(value)) for key in part if key not in self.vocabulary]

    def encode(self, value: Value) -> Ids:
        """Ids, int64 (S,), with </s> at the end; an empty text in a single column gives S = 1."""
        columns = [codes.of(text) for codes, text in zip(self._codes, self._texts(value), strict=True)]
        return np.frombuffer(_SEP.join(columns) + _EOS, np.int64)

    def decode(self, ids: Iterable[int] | Ids, extra: Sequence[str] = ()) -> str:
        """The text of ids up to the first </s>, with a tab between columns."""
        numbers = _numbers(ids)
        texts: list[str] = []
        for column in self.columns:
            end = numbers.index(SEP) if column is not self.columns[-1] and SEP in numbers else len(numbers)
            part, numbers = numbers[:end], numbers[end + 1 :]
            texts.append(column.unit.join(column.name(key) for key in _to_symbols(self.vocabulary, part, extra)))
        return "\t".join(texts)

    def vary(self, array: Ids, generator: np.random.Generator) -> Ids:
        """The ids as they are: texts are not varied in training."""
        return array

    def labels(self, value: Value, array: Ids) -> list[str]:
        """The symbol at each position of its ids (S,) as it was written, <sep> between columns, without </s>."""
        first, *others = self.split(value)
        return [*first, *(symbol for part in others for symbol in (SEPARATOR, *part))][: len(array) - 1]

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds: the vocabulary, and the subword model of each column, where it is the first of its kind."""
        models = [None if column in self.columns[:place] else model_of(column.unit) for place, column in enumerate(self.columns)]
        return {"vocabulary": self.vocabulary.state(), "subwords": models}

    def _texts(self, value: Value) -> Sequence[str]:
        texts = (value,) if isinstance(value, str) else value
        if len(texts) != len(self.columns):
            got, expected = count_of(len(texts), "column"), len(self.columns)
            raise DataError(f"source: {got}; expected {expected}. Give those that the model was trained with, in order.")
        return texts

    def _keys(self, parts: Sequence[list[str]]) -> list[list[str]]:
        return [column.keys(part) for column, part in zip(self.columns, parts, strict=True)]


def kept_of_columns(ids: Ids, limit: int, keep: End = "begin") -> npt.NDArray[np.bool_]:
    """Which positions of a source (S,) of several columns are kept where so many are, </s> not counted: short columns whole, and of those
    longer than their share of what these leave, its first symbols, or its last.
    """
    ends = [*np.flatnonzero(ids == SEP).tolist(), len(ids) - 1]
    begins = [0, *(end + 1 for end in ends[:-1])]
    kept = np.zeros(len(ids), bool)
    kept[ends] = True
    left = max(limit - len(ends) + 1, 0)
    for others, (length, begin) in enumerate(sorted((end - begin, begin) for begin, end in zip(begins, ends, strict=True))):
        share = min(length, left // (len(ends) - others))
        first = begin if keep == "begin" else begin + length - share
        kept[first : first + share] = True
        left -= share
    return kept


def _numbers(ids: Iterable[int] | Ids) -> list[int]:
    return ids.tolist() if isinstance(ids, np.ndarray) else [int(number) for number in ids]


def _to_symbols(vocabulary: Vocabulary, ids: Iterable[int] | Ids, extra: Sequence[str]) -> list[str]:
    symbols: list[str] = []
    for number in _numbers(ids):
        if number == EOS:
            break
        if number in (PAD, BOS):
            continue
        copied = number - len(vocabulary)
        if copied < 0:
            symbols.append(vocabulary.symbol(number) if number >= 0 else SPECIALS[UNK])
        else:
            symbols.append(extra[copied] if copied < len(extra) else SPECIALS[UNK])
    return symbols
