"""Ready sentencepiece models: read from their file, and brought into the form of those that are learned here.

A model is a protobuf message (sentencepiece_model.proto): pieces with scores and types, how it was trained, how it normalises.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from seqloom.data.lines import open_file
from seqloom.errors import ConfigError, DataError
from seqloom.fields.protobuf import BYTES, read_fields
from seqloom.fields.subwords import FOLDING, NORMALIZER, Subwords
from seqloom.fields.vocabulary import BOS, EOS, PAD, SPECIALS, UNK

__all__ = ["ReadyModel", "has_own_symbols", "read_model"]

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
"""Types of pieces."""
PIECES, TRAINER = 1, 2
"""Fields of a model."""
KINDS: dict[int, Literal["bpe", "unigram"]] = {1: "unigram", 2: "bpe"}
FORMS: dict[str, tuple[Literal["none", "NFKC"], bool]] = {
    "identity": ("none", False), "nfkc": ("NFKC", False), "nmt_nfkc": ("NFKC", False), "nfkc_cf": ("NFKC", True),
    "nmt_nfkc_cf": ("NFKC", True),
}  # fmt: skip
"""Of sentencepiece's rules of normalisation: the Unicode form, and whether text is lower-cased."""
IDS = {40: UNK, 41: BOS, 42: EOS, 43: PAD}
"""Fields of the training that give the ids of special pieces; their names stand five fields further."""

Numbered = dict[int, int | bytes]
"""Fields of a message by their numbers."""


@dataclass(frozen=True)
class ReadyModel:
    """A sentencepiece model as `Subwords` wants it, and what it says of itself."""

    proto: bytes
    size: int
    """Pieces, without those that stand for nothing in a text."""
    kind: Literal["bpe", "unigram"]
    byte_fallback: bool
    normalization: Literal["none", "NFKC"]
    lowercase: bool

    def subwords(self) -> Subwords:
        """The unit that cuts by this model."""
        return Subwords(self.proto, self.byte_fallback, self.kind)


def read_model(path: str) -> ReadyModel:
    """The sentencepiece model in that file, with our special symbols before its pieces. It cuts text that the field has normalised.

    Raises:
        MissingFileError: no such file.
        DataError: no sentencepiece model.
        ConfigError: one that cuts in a way that is not offered: at words or characters, with blanks behind words or rules of its own.
    """
    with open_file(path, refuse=False) as file:
        return _model_of(path, file.read())


@lru_cache(maxsize=2)  # of either side: a plan asks several times, and each piece of a model is gone through
def _model_of(path: str, content: bytes) -> ReadyModel:
    try:
        parts = list(read_fields(content))
        pieces = [_piece(value) for number, value in parts if number == PIECES and isinstance(value, bytes)]
        trainer, normalizer = _message(parts, TRAINER), _message(parts, NORMALIZER)
        rule = bytes(normalizer[1]).decode() if normalizer.get(2) else "identity"
        if all(sort != UNKNOWN for _, _, sort in pieces):
            raise ValueError("no piece for what is unknown")
    except (ValueError, IndexError, KeyError, TypeError):
        raise _no_model(path) from None
    _check(path, trainer, normalizer, rule)
    own = [piece for piece in pieces if piece[2] not in (UNKNOWN, CONTROL) and piece[0] not in SPECIALS]
    normalization, lowercase = FORMS[rule]
    proto, has_bytes = _rebuilt(own, trainer, folds=rule.startswith("nmt_")), any(sort == BYTE for _, _, sort in own)
    ready = ReadyModel(proto, len(own), KINDS[int(trainer.get(3, 1))], has_bytes, normalization, lowercase)
    try:
        ready.subwords()
    except RuntimeError:
        raise _no_model(path) from None
    return ready


def has_own_symbols(proto: bytes) -> bool:
    """Whether a model has symbols that are found in a text before it is cut (user_defined_symbols)."""
    return any(_piece(value)[2] == USER_DEFINED for number, value in read_fields(proto) if number == PIECES and isinstance(value, bytes))


def _no_model(path: str) -> DataError:
    hint = "A list of symbols goes under vocabulary" if Path(path).suffix in (".vocab", ".txt") else "Name that file, or copy it again"
    return DataError(f"{path}: not a sentencepiece model; expected the file .model that spm_train wrote. {hint}.")


def _check(path: str, trainer: Numbered, normalizer: Numbered, rule: str) -> None:
    """Refuse what would cut differently here.

    Raises:
        ConfigError: it would.
    """
    if int(trainer.get(3, 1)) not in KINDS:
        raise ConfigError(f"{path}: a model of words or characters; expected one of bpe or unigram. Set unit to 'word' or 'character'.")
    made = [
        *(["add_dummy_prefix=false"] if normalizer.get(3, 1) == 0 else []),
        *(["escape_whitespaces=false"] if normalizer.get(5, 1) == 0 else []),
        *(["treat_whitespace_as_suffix=true"] if trainer.get(24) else []),
        *([f"normalization_rule_name={rule}"] if rule not in FORMS else []),
    ]
    if made:
        expected = f"expected sentencepiece's defaults, and a rule among {', '.join(FORMS)}"
        raise ConfigError(f"{path}: made with {made[0]}; {expected}. Leave model out to learn one here.")


def _rebuilt(own: list[tuple[str, float, int]], trainer: Numbered, *, folds: bool) -> bytes:
    """The model with our special pieces, and a normalisation that changes nothing: the field normalises, and `Subwords` makes blanks of
    tabs and line breaks where the name of the normalisation says so. Of how it was trained the numbers are kept, and no text, which names
    files of another machine.
    """
    special = [(name, 0.0, UNKNOWN if number == UNK else CONTROL) for number, name in enumerate(SPECIALS)]
    pieces = b"".join(_field(PIECES, _packed(*piece)) for piece in (*special, *own))
    kept = b"".join(_field(number, value) for number, value in trainer.items() if isinstance(value, int) and number not in IDS)
    ids = b"".join(_field(number, place) + _field(number + 5, SPECIALS[place].encode()) for number, place in IDS.items())
    normalizer = _field(1, FOLDING if folds else b"identity") + _field(3, 1) + _field(4, 0) + _field(5, 1)
    return pieces + _field(TRAINER, kept + ids) + _field(NORMALIZER, normalizer)


# ------------------------------------------------------------------------------------------------------------ protobuf


def _piece(message: bytes) -> tuple[str, float, int]:
    """A piece, its score and its type."""
    found = dict(read_fields(message))
    score = bytes(found.get(2, bytes(4)))
    if len(score) != 4:
        raise ValueError("a score of another width")
    return bytes(found[1]).decode(), struct.unpack("<f", score)[0], int(found.get(3, NORMAL))


def _packed(piece: str, score: float, sort: int) -> bytes:
    return _field(1, piece.encode()) + b"\x15" + struct.pack("<f", score) + _field(3, sort)


def _message(parts: list[tuple[int, int | bytes]], wanted: int) -> Numbered:
    """The fields of the inner message of that number, the last of each; TypeError where it is a number."""
    return dict(item for number, value in parts if number == wanted and isinstance(value, bytes) for item in read_fields(value))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _as_varint(number << 3) + _as_varint(value)
    return _as_varint(number << 3 | BYTES) + _as_varint(len(value)) + value


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
