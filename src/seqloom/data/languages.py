"""Which column of a table says into which language its row goes, where one model learns several."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

__all__ = ["with_target_language"]

LANGUAGE = ("lang", "language")
OF_TARGETS = ("out", "output", "target", "tgt", "to", "trg")
NAMES = frozenset("".join(parts) for side in OF_TARGETS for word in LANGUAGE for parts in ((side, word), (word, side)))
"""What such a column is called, but for case and what stands between its words: `tgt_lang`, `TargetLanguage`."""
LOOKED_AT = 10_000
"""Rows in which a column that is called `lang` alone is looked for several values beside one source."""


def with_target_language(
    names: Sequence[str], source: tuple[int, ...], target: int, cells: Callable[[Sequence[int]], Iterable[Sequence[object]]]
) -> tuple[int, ...]:
    """The places of the source columns, before them that of the one column that names the language of the target and has two values at
    least: nothing else tells which of several targets is meant. A column that is called `lang` or `language` may be of either side: it is
    of the target where one source stands beside several of its values.

    Args:
        cells: gives the cells of some columns, by their places, row by row.
    """
    plain = {place: "".join(filter(str.isalnum, name.casefold())) for place, name in enumerate(names) if place not in (*source, target)}
    called = [place for place, name in plain.items() if name in NAMES]
    if len(called) == 1 and _differ(row[0] for row in cells(called)):
        return (called[0], *source)
    either = [place for place, name in plain.items() if name in LANGUAGE]
    if not called and len(either) == 1 and _parts_sources(itertools.islice(cells((either[0], *source)), LOOKED_AT)):
        return (either[0], *source)
    return source


def _differ(values: Iterable[object]) -> bool:
    """Whether there are two values, but for empty ones; no more are looked at than it takes."""
    there = filter(None, values)
    first = next(there, None)
    return any(value != first for value in there)


def _parts_sources(rows: Iterable[Sequence[object]]) -> bool:
    """Whether some source, behind the first cell, stands beside two values of that."""
    known: dict[tuple[object, ...], object] = {}
    return any(known.setdefault(tuple(source), value) != value for value, *source in rows if value)
