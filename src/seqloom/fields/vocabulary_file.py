"""Ready vocabularies: text files that hold a symbol a line, as other toolkits write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile

from seqloom.config import FieldConfig, TokensField
from seqloom.data.lines import read_lines
from seqloom.errors import DataError
from seqloom.fields.subwords import BLANK
from seqloom.fields.units import Characters, Unit, Words, clean

__all__ = ["read_vocabulary"]

SPECIAL = frozenset(("<unk>", "<blank>", "<pad>", "<s>", "</s>"))
"""What OpenNMT-py, JoeyNMT and fairseq name so stands at the head of a vocabulary; ours has its own."""


_COUNTED = re.compile(r"(.+)[\t ](-?\d+(?:\.\d+)?)(?: #fairseq:overwrite)?")
_COUNTED_AFTER_TAB = re.compile(r"(.+)\t(-?\d+(?:\.\d+)?)")
_EMPTY = re.compile(r"\t-?\d+(?:\.\d+)?")  # onmt_build_vocab counts what stands between two blanks: a symbol that no text here has
_OTHER_BLANK = re.compile(r"[^ \t]*[^\S \t][^ \t]*")  # others cut at U+0020 alone, tokens here at every blank: no text has such a one
_MADE_UP = re.compile(r"madeupword\d{4,}")  # with which fairseq fills its dictionary up to a multiple of eight


def read_vocabulary(path: str, config: FieldConfig, unit: Unit) -> list[str]:
    """The symbols of a vocabulary file in their order, in the field's Unicode form and case, without special ones at its head.

    A count may stand behind each, after a tab or a blank (OpenNMT-py, subword-nmt, fairseq); the first symbol decides whether it does.
    Tokens with a no-break space in them, at which others do not cut, are left out. Among characters `▁` is the blank, where that is
    not there itself (JoeyNMT).

    Raises:
        MissingFileError: no such file.
        DataError: no symbols, not UTF-8, a line without its count, one that the field would cut, or a symbol that stands twice.
    """
    symbols: dict[str, tuple[int, str]] = {}
    cuts_at_all = isinstance(config, TokensField) and config.separator == " "
    for number, symbol in _counts_cut_off(path, config):
        if cuts_at_all and _OTHER_BLANK.fullmatch(symbol):
            continue
        parts = [clean(config, symbol)] if isinstance(unit, Words) else unit.split(clean(config, symbol))
        if len(parts) != 1:
            how = "as fields.*.unit or separator says; mend the line, or name the vocabulary of the other field"
            raise DataError(f"{path}:{number}: {symbol!r:.80} is {len(parts)} symbols of this field; expected one, {how}.")
        cleaned = parts[0]
        if cleaned in symbols:
            first, written = symbols[cleaned]
            twice = f"{symbol!r:.80} stands in line {first} too{'' if written == symbol else f', once both are {_form(config)}'}"
            raise DataError(f"{path}:{number}: {twice}; expected each symbol once. Delete one line.")
        symbols[cleaned] = (number, symbol)
    if not symbols:
        raise DataError(f"{path}: no symbols; expected one a line. Name a vocabulary, or leave it out to learn one.")
    stands_for_blank = isinstance(unit, Characters) and " " not in symbols
    return [" " if stands_for_blank and symbol == BLANK else symbol for symbol in symbols]


def _counts_cut_off(path: str, config: FieldConfig) -> Iterator[tuple[int, str]]:
    """The symbols with the numbers of their lines; special ones at the head, empty ones, and those that fill fairseq's up, are left out."""
    has_tab_alone = isinstance(config, TokensField) and config.separator != " "
    counted, has_counts, first = _COUNTED_AFTER_TAB if has_tab_alone else _COUNTED, False, 0
    lines = ((number, line) for number, line in read_lines(path) if line and not _EMPTY.fullmatch(line))
    for number, line in dropwhile(lambda item: _symbol(counted.fullmatch(item[1]), item[1]) in SPECIAL, lines):
        match = counted.fullmatch(line)
        if not first:
            first, has_counts = number, match is not None
        if has_counts and match is None:
            raise DataError(
                f"{path}:{number}: {line!r:.80} has no count; expected a symbol and its count, as in line {first}. Mend the line."
            )
        if not (has_counts and _MADE_UP.fullmatch(_symbol(match, line))):
            yield number, _symbol(match, line) if has_counts else line


def _symbol(match: re.Match[str] | None, line: str) -> str:
    return line if match is None else match[1]


def _form(config: FieldConfig) -> str:
    """What the field does to text, in words."""
    return " and ".join(
        [*([] if config.normalization == "none" else [config.normalization]), *(["lower-cased"] if config.lowercase else [])]
    )
