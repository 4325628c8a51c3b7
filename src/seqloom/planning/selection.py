"""Which rows are used for what: held out for dev, trained on, and how often."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from seqloom.config import DataConfig
from seqloom.data.rows import DerivedRows, Row, Rows
from seqloom.errors import DataError, count_of
from seqloom.sound.samples import lasting_name

__all__ = ["Roots", "split", "thin"]

COMMON = 0.01
"""A source of more than this share of the rows, and of more than `OFTEN` of them, is trained on: all of a comma, which is a tenth of
running text, would be in dev, and none in training.
"""
OFTEN = 10


def split(rows: Rows | Sequence[Row], config: DataConfig, seed: int) -> tuple[Rows | list[Row], Rows | list[Row]]:
    """Training rows and dev rows; all rows with one source fall on the same side, whatever their order and number, those of a very common
    one into training.

    The side is told by a hash of source and seed, so the share held out is nearly, not exactly, the one asked for.

    Raises:
        DataError: fewer than two different sources.
    """
    count, lowest, highest = 0, 2.0, -1.0
    low: list[tuple[float, Row]] = []
    """Rows that may be held out: the more rows there are, the lower the share can only get."""
    for count, row in enumerate(rows, 1):
        place = _place(row, seed)
        lowest, highest = min(lowest, place), max(highest, place)
        if place <= min(config.hold_out, config.hold_out_at_most / count):
            low.append((place, row))
    if lowest >= highest:
        pairs = f"{count_of(count, 'pair')}{' of one source' if count > 1 else ''}"
        raise DataError(f"data: {pairs}; expected two different sources or more, to hold one out. Add pairs, or give --dev FILE.")
    share = min(config.hold_out, config.hold_out_at_most / count)
    cut = share if lowest <= share < highest else lowest
    each = Counter(place for place, _ in low if place <= cut)
    common = {place for place, rows_of in each.items() if rows_of > max(COMMON * count, OFTEN)}
    held = each.keys() - common or each.keys() or {lowest}
    if isinstance(rows, Sequence):
        return [row for row in rows if _place(row, seed) not in held], [row for row in rows if _place(row, seed) in held]
    held_out = [row for place, row in low if place in held] if each else [row for row in rows if _place(row, seed) in held]
    places = {row.where for row in held_out}
    return _PartOfRows(rows, lambda row: row.where not in places), held_out


def thin(rows: Rows | Sequence[Row], share: float, seed: int) -> Rows | Sequence[Row]:
    """About this share of the rows, by source; those of a smaller share are among those of a larger."""
    if share >= 1:
        return rows
    drawn = seed + 2**32  # another draw than that of `split`, which left only high places
    if isinstance(rows, Sequence):
        return [row for row in rows if _place(row, drawn) < share]
    return _PartOfRows(rows, lambda row: _place(row, drawn) < share)


class Roots:
    """The rows, of which a pair that stands n times comes √n times, rounded down: the first, the fourth, the ninth.

    Can be gone through again and again, and gives the same rows each time.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        seen = Counter[int]()
        for row in self._rows:
            pair = hash((row.source, row.target))  # eight bytes in place of the texts
            seen[pair] += 1
            if math.isqrt(seen[pair]) ** 2 == seen[pair]:
                yield row


def _place(row: Row, seed: int) -> float:
    """A number in [0, 1) that depends on the source's text (NFC, stripped) and the seed alone."""
    text = unicodedata.normalize("NFC", "\x1f".join([lasting_name(part.strip()) for part in row.source]))
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big") / 2**64


class _PartOfRows(DerivedRows):
    def __init__(self, rows: Rows, belongs: Callable[[Row], bool]) -> None:
        super().__init__(rows)
        self._belongs = belongs

    def __iter__(self) -> Iterator[Row]:
        return filter(self._belongs, self._rows)
