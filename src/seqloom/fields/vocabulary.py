"""Symbols and their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, cast

from seqloom.errors import CheckpointError

__all__ = ["BOS", "DAMAGED", "EOS", "PAD", "SEP", "SEPARATOR", "SPECIALS", "UNK", "Vocabulary", "commonest", "entry"]

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
SEP, SEPARATOR = 4, "<sep>"  # only in the vocabulary of a source with several columns

DAMAGED = "The file is damaged: copy it again, or train the model again."


class Vocabulary:
    """Ids of symbols: the four specials, then the reserved symbols, then the data's own.

    Specials and reserved symbols are reached by number only: "<s>" in the data is an ordinary symbol, with an id of its own.
    """

    __slots__ = ("_ids", "_symbols", "reserved")

    def __init__(self, symbols: Iterable[str], reserved: Sequence[str] = ()) -> None:
        own = list(symbols)
        self.reserved = tuple(reserved)
        self._symbols = [*SPECIALS, *self.reserved, *own]
        self._ids = {symbol: number for number, symbol in enumerate(own, len(self._symbols) - len(own))}
        if len(self._ids) != len(own):
            raise ValueError("a vocabulary holds each symbol once")

    def __len__(self) -> int:
        return len(self._symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._ids

    def id(self, symbol: str) -> int:
        """The id of a symbol of the data; UNK when it is not known."""
        return self._ids.get(symbol, UNK)

    def ids(self, symbols: Iterable[str]) -> list[int]:
        """The ids of symbols of the data, UNK for those that are not known."""
        return list(map(self._ids.get, symbols, repeat(UNK)))

    def symbol(self, number: int) -> str:
        """The symbol with this id, specials as "<unk>"; IndexError when there is none."""
        if number < 0:
            raise IndexError(f"id {number}; expected 0 to {len(self) - 1}")
        return self._symbols[number]

    def grown(self, symbols: Iterable[str]) -> Vocabulary:
        """The same with more symbols behind its own, which keep their ids."""
        return Vocabulary([*self._own(), *symbols], self.reserved)

    def state(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        return {"reserved": list(self.reserved), "symbols": self._own()}

    def _own(self) -> list[str]:
        """The data's symbols."""
        return self._symbols[len(SPECIALS) + len(self.reserved) :]

    @classmethod
    def from_state(cls, state: object) -> Vocabulary:
        """The vocabulary that `state` was taken from.

        Raises:
            CheckpointError: keys are missing, or a symbol is no text, stands twice, or cannot be written as UTF-8.
        """
        reserved, symbols = _texts(state, "reserved"), _texts(state, "symbols")
        if reserved not in ([], [SEPARATOR]):
            raise CheckpointError(f"vocabulary: reserved symbols {reserved!r:.80}; expected none or {SEPARATOR}. {DAMAGED}")
        try:
            return cls(symbols, reserved)
        except ValueError as error:
            raise CheckpointError(f"vocabulary: {error}. {DAMAGED}") from None


def commonest(counts: Mapping[str, int], min_count: int = 1, max_size: int | None = None) -> list[str]:
    """The symbols seen at least `min_count` times, at most `max_size`: commonest first, of equally common ones the lesser first."""
    kept = (symbol for symbol, count in counts.items() if count >= min_count)
    return sorted(kept, key=lambda symbol: (-counts[symbol], symbol))[:max_size]


def entry(state: object, key: str, kind: type[object], where: str = "fields") -> Any:
    """What `state` holds under a key; CheckpointError when `state` is no mapping, or the value missing or of another type."""
    mapping: Mapping[str, object] = cast("Mapping[str, object]", state) if isinstance(state, Mapping) else {}
    if key not in mapping:
        raise CheckpointError(f"{where}: {key!r} is missing. {DAMAGED}")
    value = mapping[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CheckpointError(f"{where}: {key!r} is {type(value).__name__}; expected {kind.__name__}. {DAMAGED}")
    return value


def _texts(state: object, key: str) -> list[str]:
    texts: list[object] = entry(state, key, list, "vocabulary")
    for text in texts:
        if not isinstance(text, str) or not _is_unicode(text):
            raise CheckpointError(f"vocabulary: {text!r:.80} in {key!r}; expected text. {DAMAGED}")
    return [str(text) for text in texts]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and no file can hold
        return False
    return True
