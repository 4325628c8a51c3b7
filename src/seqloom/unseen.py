"""Symbols that a model never saw in training: counted, with the commonest as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from seqloom.data.rows import Row
from seqloom.errors import short
from seqloom.fields.task import Fields

__all__ = ["Unseen", "exchanged_column", "unknown_in_prefix"]

SHOWN = 8
FEW, MANY, LOOKED_AT = 0.1, 0.5, 1000
"""Shares of the rows without an unseen symbol, as they are and with two columns exchanged, that tell of wrong columns; rows looked at."""
LONGEST = 30  # letters of a symbol that are shown


class Unseen:
    """Counts what the vocabularies do not have, row by row."""

    def __init__(self, fields: Fields, *, copies: bool = False) -> None:
        """`copies`: whether the model can write what stands in the source though it never saw it."""
        self.fields = fields
        self.copies = copies
        self.sources, self.targets = Counter[str](), Counter[str]()
        self.rows = self.rows_with_source = self.rows_with_target = 0

    def add_source(self, source: tuple[str, ...]) -> None:
        """Look at the source of a row."""
        unknown = self.fields.source.unknown(source) if any(source) else []
        self.sources.update(unknown)
        self.rows, self.rows_with_source = self.rows + 1, self.rows_with_source + bool(unknown)

    def add_pairs(self, rows: Iterable[Row]) -> None:
        """Look at sources and targets."""
        for row in rows:
            self.add_source(row.source)
            self._add_target(row)

    def add_targets(self, rows: Iterable[Row]) -> None:
        """Look at targets alone."""
        for row in rows:
            self.rows += 1
            self._add_target(row)

    def _add_target(self, row: Row) -> None:
        if unknown := self.fields.target.unknown(row.target):
            within = set(self.fields.copy_ids(row.source)[1]) if self.copies else set[str]()
            unknown = [symbol for symbol in unknown if symbol not in within]
            self.targets.update(unknown)
            self.rows_with_target += bool(unknown)

    def notes(self, of: str = "") -> list[str]:
        """A sentence for each side that has some; `of` says whose rows they are, as in "dev "."""
        lines: list[str] = []
        for count, side, effect, symbols in (
            (self.rows_with_source, "sources", "read as <unk>", self.sources),
            (self.rows_with_target, "targets", "which the model cannot write", self.targets),
        ):
            if symbols:
                where = f"{count:,} of {self.rows:,} {of}{side}"
                lines.append(f"{where} hold symbols that training never saw, {effect}: {_commonest(symbols)}")
        return lines


def exchanged_column(fields: Fields, rows: Sequence[Row]) -> int | None:
    """The source column that fits the model in place of the target, and the target in its place, where hardly a row fits as it is."""
    rows = rows[:LOOKED_AT]
    if fields.source.kind != "ids" or sum(_fits(fields, row.source, row.target) for row in rows) > FEW * len(rows):
        return None
    for place in range(len(rows[0].source)):
        exchanged = [((*row.source[:place], row.target, *row.source[place + 1 :]), row.source[place]) for row in rows]
        if sum(_fits(fields, source, target) for source, target in exchanged) >= MANY * len(rows):
            return place
    return None


def _fits(fields: Fields, source: tuple[str, ...], target: str) -> bool:
    """Whether training saw all symbols of a pair."""
    return not fields.source.unknown(source) and not fields.target.unknown(target)


def unknown_in_prefix(fields: Fields, prefix: str) -> str:
    """A sentence where what answers must begin with holds symbols that the model does not know, else ''."""
    unknown = dict.fromkeys(fields.target.unknown(prefix))
    shown = ", ".join(repr(symbol) for symbol in unknown)
    return f"unknown to the model: {shown}; answers hold <unk> there, or a copy from the source." if unknown else ""


def _commonest(counts: Counter[str]) -> str:
    first = ", ".join(
        f"{(symbol if len(symbol) <= LONGEST else short(symbol, LONGEST))!r} ({count:,})" for symbol, count in counts.most_common(SHOWN)
    )
    return first + (f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else "")
