"""Columns: how the text of each is cut, which of them share their symbols, and what is learned for them."""

from __future__ import annotations

import base64
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seqloom.config import FieldConfig, FieldsConfig, TextField, TokensField
from seqloom.errors import CheckpointError
from seqloom.fields.ready_model import read_model
from seqloom.fields.subwords import Subwords
from seqloom.fields.units import Characters, Tokens, Unit, Words, clean
from seqloom.fields.vocabulary import DAMAGED, Vocabulary, commonest
from seqloom.fields.vocabulary_file import read_vocabulary

__all__ = [
    "Codes",
    "Column",
    "build_columns",
    "can_copy",
    "first_alike",
    "groups",
    "learn",
    "model_of",
    "namespace",
    "new_symbols",
    "unit_of",
]

PARTS, LONG = 1 << 17, 40  # how many parts are kept with their ids, and of how many letters: some 30 MB
_NUMBERED = re.compile(r"\d+:")


@dataclass(frozen=True)
class Column:
    """One column: how its text is cut, and its namespace in a vocabulary that it shares with columns of another config.

    Namespace 0 is a vocabulary for this config alone. Otherwise it is the number of the first column with this config: the symbol "V"
    of namespace 2 is kept as "2:V". Namespace 1 is unmarked but for symbols that look marked.
    """

    config: FieldConfig
    unit: Unit
    namespace: int = 0

    def split(self, text: str) -> list[str]:
        return self.unit.split(clean(self.config, text))

    def parts(self, text: str) -> Sequence[str]:
        """What is cut alike wherever it stands; `unit.cut` gives the symbols of each."""
        return self.unit.parts(clean(self.config, text))

    def keys(self, symbols: list[str]) -> list[str]:
        """The symbols as the vocabulary has them."""
        if self.namespace == 0:
            return symbols
        if self.namespace == 1:
            return [f"1:{symbol}" if _NUMBERED.match(symbol) else symbol for symbol in symbols]
        return [f"{self.namespace}:{symbol}" for symbol in symbols]

    def name(self, key: str) -> str:
        """The symbol that the vocabulary has under `key`."""
        return key.removeprefix(f"{self.namespace}:") if self.namespace else key

    def same_symbols(self, other: Column) -> bool:
        """Whether a symbol here and the same string there mean the same, so that one can be copied into the other."""
        return _are_cut_alike(self.config, other.config)


def can_copy(config: FieldsConfig) -> bool:
    """Whether a source column has symbols that mean the same in the target."""
    return any(_are_cut_alike(column, config.target) for column in config.texts)


def _are_cut_alike(one: FieldConfig, other: FieldConfig) -> bool:
    if isinstance(one, TokensField) or isinstance(other, TokensField):
        return one.kind == other.kind
    return all(getattr(one, name) == getattr(other, name) for name in ("unit", "decompose", "byte_fallback"))


class Codes(dict[str, bytes]):
    """The ids of parts as bytes of int64, kept while there is room: the commonest parts come early, and are most of any text."""

    def __init__(self, column: Column, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.column, self.vocabulary = column, vocabulary

    def __missing__(self, part: str) -> bytes:
        codes = array("q", self.vocabulary.ids(self.column.keys(self.column.unit.cut(part)))).tobytes()
        if len(self) < PARTS and len(part) <= LONG:
            self[part] = codes
        return codes

    def of(self, text: str) -> bytes:
        """The ids of a text: a join of those of its parts."""
        return b"".join(map(self.__getitem__, self.column.parts(text)))


def first_alike(config: FieldsConfig, index: int) -> int:
    """The first source column with the config of this one: they share their symbols."""
    return config.texts.index(config.texts[index])


def groups(config: FieldsConfig) -> dict[int, list[int]]:
    """The source columns of each config, under the first of them."""
    members: dict[int, list[int]] = {}
    for index in range(len(config.texts)):
        members.setdefault(first_alike(config, index), []).append(index)
    return members


def namespace(config: FieldsConfig, index: int) -> int:
    """The namespace of a source column; see `Column`."""
    return first_alike(config, index) + 1 if len(groups(config)) > 1 else 0


def build_columns(config: FieldsConfig, units: dict[int, Unit]) -> list[Column]:
    """The source columns, from the unit of each group."""
    return [Column(part, units[first_alike(config, index)], namespace(config, index)) for index, part in enumerate(config.texts)]


def learn(config: FieldConfig, texts: Callable[[], Iterator[str]]) -> tuple[Unit, list[str]]:
    """The unit of a config and its symbols, commonest first; those of a ready model or vocabulary, where the config names one."""
    if isinstance(config, TextField) and config.unit == "subword":
        ready = config.model and read_model(config.model).subwords()
        subwords = ready or Subwords.train(config, lambda: (clean(config, text) for text in texts()))
        return subwords, subwords.pieces
    unit = unit_of(config, None)
    if config.vocabulary is not None:
        return unit, read_vocabulary(config.vocabulary, config, unit)
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(unit.split(clean(config, text)))
    return unit, commonest(counts, config.min_count, config.max_size)


def new_symbols(column: Column, known: Vocabulary, texts: Callable[[], Iterator[str]]) -> list[str]:
    """The symbols of these texts that the vocabulary does not have, commonest first: none of subwords, which a model spells, and none
    where the size of the vocabulary, or all of it, is given.
    """
    if isinstance(column.unit, Subwords) or column.config.max_size is not None or column.config.vocabulary is not None:
        return []
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(key for key in column.keys(column.split(text)) if key not in known)
    return commonest(counts, column.config.min_count)


def unit_of(config: FieldConfig, model: str | None) -> Unit:
    """The unit that a config names; subwords need the `model` that `model_of` gave."""
    if isinstance(config, TokensField):
        return Tokens(clean(config, config.separator))
    if config.unit == "subword":
        if not isinstance(model, str) or not model:
            raise CheckpointError(f"fields: the subword model is missing. {DAMAGED}")
        return Subwords(base64.b64decode(model, validate=True), config.byte_fallback, config.subwords)
    return Characters(config.decompose) if config.unit == "character" else Words()


def model_of(unit: Unit) -> str | None:
    """The subword model in base64; None where there is none."""
    return base64.b64encode(unit.model).decode("ascii") if isinstance(unit, Subwords) else None
