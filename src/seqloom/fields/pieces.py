"""Texts whose words were cut into pieces before, as other toolkits want them: told by their marks, and put together again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqloom.config import FieldsConfig, TextField
from seqloom.data.rows import Row

__all__ = ["AFTER", "BEFORE", "JOINED", "find_mark", "marks_of", "say_pieces", "together", "whole"]

AFTER, BEFORE, JOINED = "@@", "\u2581", "\uffed"
"""Behind a piece that goes on (subword-nmt); before the first of a word (sentencepiece); where no blank stands (OpenNMT's tokenizer)."""

_AFTER = re.compile(r"@@(?: |$)")
_JOINED = re.compile(" ?\uffed ?")
LOOKED_AT = 5000
"""Texts, of which so many are looked at."""
OFTEN, NEARLY_ALL = 0.05, 0.98
"""Share of the texts that hold a mark of pieces; of those that begin with the mark that stands before each word."""


def together(text: str, mark: str) -> str:
    """The text of whole words."""
    if mark == AFTER:
        return _AFTER.sub("", text)
    if mark == BEFORE:
        return text.replace(" ", "").replace(BEFORE, " ").strip() if BEFORE in text else text
    return _JOINED.sub("", text)


def marks_of(fields: FieldsConfig) -> list[str | None]:
    """The mark of pieces of each source column, and of the target; None where none are put together."""
    return [part.pieces if isinstance(part, TextField) and part.pieces != "none" else None for part in (*fields.source, fields.target)]


def whole(row: Row, marks: Sequence[str | None]) -> Row:
    """The row with whole words, where its columns are cut into pieces of these marks."""
    if not any(marks):
        return row
    *source, target = [text if mark is None else together(text, mark) for text, mark in zip((*row.source, row.target), marks, strict=True)]
    return Row(tuple(source), target, row.where)


def find_mark(texts: Sequence[str]) -> str | None:
    """The mark of pieces in these texts; None where words are whole."""
    there = [text for text in texts[:LOOKED_AT] if text]
    if not there:
        return None
    if sum(text.startswith(BEFORE) for text in there) >= NEARLY_ALL * len(there) and any(" " in text for text in there):
        return BEFORE
    for mark, is_cut in ((AFTER, _goes_on), (JOINED, _is_joined)):
        if sum(map(is_cut, there)) >= OFTEN * len(there) and not (mark == AFTER and any(map(_holds_names, there))):
            return mark
    return None


def say_pieces(column: str, mark: str, what: str) -> str:
    """A sentence of a column that is in pieces; `what` becomes of them, behind a comma."""
    return f"{column}: words are cut into pieces marked {mark}, {what}"


def _goes_on(text: str) -> bool:
    """Whether a piece of a word stands before another."""
    return "@@ " in text and any(len(word) > 2 and word.endswith(AFTER) for word in text.split(" ")[:-1])


def _holds_names(text: str) -> bool:
    """Whether the mark stands before a word as well, as around a placeholder: @@NAME@@."""
    return AFTER in text and any(word.startswith(AFTER) for word in text.split(" "))


def _is_joined(text: str) -> bool:
    return JOINED in text and any(len(word) > 1 and JOINED in (word[0], word[-1]) for word in text.split(" "))
