"""Rows that are gone through several times and read only once, where memory can well hold them."""

from __future__ import annotations

from collections.abc import Iterator

from seqloom.data.rows import DerivedRows, Row, Rows

__all__ = ["KeptRows"]

MOST = 50_000_000  # bytes, about: a hundred thousand sentences with their translations
ROW = 300  # bytes of a row without its letters


class KeptRows(DerivedRows):
    """The same rows. The first whole reading keeps them; where they take more than MOST bytes, each reading is anew."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self._kept: list[Row] | None = None

    def __iter__(self) -> Iterator[Row]:
        return self._read() if self._kept is None else iter(self._kept)

    def _read(self) -> Iterator[Row]:
        seen, size = list[Row](), 0
        for row in self._rows:
            if size <= MOST:
                seen.append(row)
                size += ROW + len(row.target) + sum(map(len, row.source))
            elif seen:
                seen.clear()
            yield row
        self._kept = seen if size <= MOST else None
