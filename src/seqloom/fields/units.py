"""What a text is cut into: characters, words, tokens (subwords have a module of their own), and how it is put together again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

import regex

from seqloom.config import FieldConfig, TextField
from seqloom.fields.pieces import together

__all__ = ["JOINER", "Characters", "Tokens", "Unit", "Words", "clean"]

JOINER = "\uffed"  # ￭, the mark of OpenNMT's tokenizer (Klein et al. 2017)

_SURROGATE = re.compile("[\ud800-\udfff]")
_CLUSTER = regex.compile(r"\X")
# Characters that are always a grapheme cluster each beside any other of this set: five times as fast as \X. Checked in the tests.
_SIMPLE = re.compile(
    "[\0-\x0c\x0e-\u02ff\u0370-\u0482\u048a-\u058f\u1e00-\u1fff\u2010-\u2027\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]*"
)
# Blanks; letters, marks and digits (joined by ZWNJ and ZWJ in Persian and Indic words); else one cluster.
_PARTS = regex.compile(r"( +)|([\p{L}\p{M}\p{N}_\u200c\u200d]+)|(\X)")


class Unit(Protocol):
    """A way to cut text into symbols: `join(split(text))` is the text, for tokens with its separators made alike.

    `parts` are what is cut alike wherever it stands: the symbols of a text are those of its parts, which `cut` gives, one after another.
    """

    def split(self, text: str) -> list[str]: ...
    def parts(self, text: str) -> Sequence[str]: ...
    def cut(self, part: str) -> list[str]: ...
    def join(self, symbols: Iterable[str]) -> str: ...


class Characters:
    """Grapheme clusters (Unicode annex 29); decomposed: code points of NFD, composed again when joined."""

    def __init__(self, decompose: bool = False) -> None:
        self.decompose = decompose

    def split(self, text: str) -> list[str]:
        return list(self.parts(text))

    def parts(self, text: str) -> Sequence[str]:
        """As `split`; a text whose characters are its symbols is its own list of them."""
        if self.decompose:
            return unicodedata.normalize("NFD", text)
        return text if _SIMPLE.fullmatch(text) else _CLUSTER.findall(text)

    def cut(self, part: str) -> list[str]:
        return [part]

    def join(self, symbols: Iterable[str]) -> str:
        text = "".join(symbols)
        return unicodedata.normalize("NFC", text) if self.decompose else text


class Words:
    """Words and single other characters, and joiners on those others where no blank stands beside them, so that joining restores the text.

    A word is the same symbol wherever it stands: quotes, brackets and commas say what they touch. One blank between two symbols is
    understood. Further ones are symbols themselves (joiner and blanks), before the understood one; at the start of a text the joiner
    alone stands for nothing before the understood blank. A joiner in the text is doubled, and is touched by a word that has one.
    """

    def split(self, text: str) -> list[str]:
        parts: list[tuple[str, str, str]] = _PARTS.findall(text)
        symbols: list[str] = []
        last = len(parts) - 1
        is_glued = False
        for index, (blanks, word, other) in enumerate(parts):
            if blanks:
                if index == last or index == 0 or len(blanks) > 1:
                    symbols.append(JOINER + (blanks if index == last else blanks[1:]))
            elif not is_glued:
                symbols.append(word or _doubled(other))
            elif word and symbols[-1].strip(JOINER):
                symbols[-1] += JOINER
                symbols.append(word)
            else:
                symbols.append(JOINER + (word or _doubled(other)))
            is_glued = not blanks
        return symbols

    def parts(self, text: str) -> list[str]:
        return self.split(text)

    def cut(self, part: str) -> list[str]:
        return [part]

    def join(self, symbols: Iterable[str]) -> str:
        pieces: list[str] = []
        is_glued = True
        for symbol in symbols:
            marks = len(symbol) - len(symbol.lstrip(JOINER))  # 1: joined; 2: a joiner in the text; 3: both
            if not is_glued and not marks % 2:
                pieces.append(" ")
            is_glued = marks < len(symbol) and symbol[-1] == JOINER
            pieces.append(symbol[(marks + 1) // 2 : -1 if is_glued else None])
        return "".join(pieces)


def _doubled(other: str) -> str:
    """One that is no word, told from one with a joiner."""
    return JOINER + other if other[0] == JOINER else other


class Tokens:
    """What stands between separators; ' ' is any run of blanks."""

    def __init__(self, separator: str = " ") -> None:
        self.separator = separator

    def split(self, text: str) -> list[str]:
        if self.separator == " ":
            return text.split()
        return text.split(self.separator) if text else []

    def parts(self, text: str) -> list[str]:
        return self.split(text)

    def cut(self, part: str) -> list[str]:
        return [part]

    def join(self, symbols: Iterable[str]) -> str:
        return self.separator.join(symbols)


def clean(config: FieldConfig, text: str) -> str:
    """The text in the field's Unicode form and case, of whole words; half a surrogate pair, which is no text, becomes U+FFFD."""
    if isinstance(config, TextField) and config.pieces != "none":
        text = together(text, config.pieces)
    if text.isascii():
        return text.lower() if config.lowercase else text
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    text = _composed(config, text)
    return _composed(config, text.lower()) if config.lowercase else text


def _composed(config: FieldConfig, text: str) -> str:
    if config.normalization != "none":
        return unicodedata.normalize(config.normalization, text)
    if isinstance(config, TextField) and config.unit == "character" and config.decompose:
        return unicodedata.normalize("NFC", text)
    return text
