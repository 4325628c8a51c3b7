"""A row, and rows that can be read again and again: pairs of texts with the place each came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["DerivedRows", "FileRows", "Row", "Rows", "unnumbered"]

NUMBER = re.compile(r"(?<=\S)(?:\(\d+\)|\[\d+\]|\{\d+\})$")
"""A number in brackets at the end of a source, by which dictionaries tell its rows apart: `READ(1)`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pair: one text a source column, the target's text, and where they stand."""

    source: tuple[str, ...]
    target: str
    where: str  # "train.tsv:17", the file as it was named and the line from 1; "pairs:3" in memory


def unnumbered(source: tuple[str, ...]) -> tuple[str, ...]:
    """A source without the number in brackets behind it."""
    return tuple([NUMBER.sub("", text) for text in source])


class Rows(Protocol):
    """Rows that can be read again and again; no more than one is in memory at a time."""

    @property
    def names(self) -> tuple[str, ...]:
        """The source columns' names or numbers, then the target's."""
        ...

    @property
    def are_sounds(self) -> bool:
        """Whether sources are paths of sounds."""
        ...

    @property
    def other_way(self) -> str:
        """What asks for the two sides the other way round, where nothing tells which is which; else ''."""
        ...

    @property
    def notes(self) -> list[str]:
        """What was found, a plain sentence each; what only a whole reading shows is there after one."""
        ...

    def __iter__(self) -> Iterator[Row]: ...


class FileRows(Rows, Protocol):
    """Rows that are read from files."""

    @property
    def doubt(self) -> str:
        """The note that is a warning where nobody said that there is no header: line 1 is data, as in training, and reads like one."""
        ...

    @property
    def left_out(self) -> list[str]:
        """A sentence each on rows that went by because they lack a side or cannot be heard, after a whole reading."""
        ...

    def in_step(self) -> Iterator[Row | None]:
        """Each record behind the header in its place, None where it is blank or left out."""
        ...


class DerivedRows:
    """Rows that are made of others, whose names and notes they have."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def names(self) -> tuple[str, ...]:
        return self._rows.names

    @property
    def are_sounds(self) -> bool:
        return self._rows.are_sounds

    @property
    def other_way(self) -> str:
        return self._rows.other_way

    @property
    def notes(self) -> list[str]:
        return self._rows.notes
