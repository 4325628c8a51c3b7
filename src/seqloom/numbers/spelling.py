"""How the numbers of a table are written: what stands before decimals, and what between thousands. Found in its first rows, or said."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from seqloom.config import NumbersField
from seqloom.data.tables import Table, cells_at
from seqloom.errors import DataError, first_few
from seqloom.fields.frame_text import LARGEST

__all__ = ["EMPTY", "PLAIN", "Decimal", "Marks", "Spelling", "may_be_number"]

Decimal = Literal[".", ","]

EMPTY = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "\\n", "?", "-", "\u2212", "--", "."})
"""What an empty cell may hold, in lower case."""
TRUTHS = {"true": 1.0, "false": 0.0}
"""In lower case."""
MINUS = "\u2212"
BLANKS = str.maketrans("\u00a0\u202f\u2009\u2019" + MINUS, "   '-")
"""Blanks that keep a line together and thin ones, and the curved apostrophe, as they stand between thousands; and the longer minus."""
BELOW_ZERO = re.compile(r"\(([^()+\d-]*\d[^()+-]*)\)")
"""A number as accounts write it, with what stands before its first digit: no long text is gone through more than once."""
BETWEEN: Mapping[str, str] = {".": "full stops", ",": "commas", "'": "apostrophes", " ": "blanks"}
MEND = "Mend the cell, or choose other columns."
OF_WORDS = f"If it is a word, as of a kind, make a column of 0 and 1 for each; else {MEND[0].lower()}{MEND[1:]}"
WORD = re.compile(r"[^\W\d_]{2}[^\d]*")


class Marks(NamedTuple):
    """What stands before the decimals of a number, and between its thousands."""

    decimal: Decimal = "."
    thousands: Literal["none", ".", ",", "'", " "] = "none"

    def __str__(self) -> str:
        """What is expected in a cell."""
        parts = ["a comma before its decimals"] if self.decimal == "," else []
        parts += [] if self.thousands == "none" else [f"{BETWEEN[self.thousands]} between thousands"]
        return "a number" + (f", with {' and '.join(parts)}" if parts else "")


PLAIN, SWAPPED = Marks(".", "none"), Marks(",", ".")
NUMBER = {mark: re.compile(rf"[+-]?(\d+({re.escape(mark)}\d*)?|{re.escape(mark)}\d+)(e[+-]?\d+)?", re.IGNORECASE) for mark in ".,"}
"""By what stands before decimals, with nothing between thousands."""
GROUPED = {
    marks: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(marks.thousands)}\d{{3}})+({re.escape(marks.decimal)}\d*)?")
    for marks in (Marks(".", ","), SWAPPED, Marks(".", "'"), Marks(",", "'"), Marks(".", " "), Marks(",", " "))
}
"""Above a thousand, with something between."""
MARKED = re.compile(r"[+-]?[.,' ]*\d[.,' \d]*(e[+-]?\d+)?", re.IGNORECASE)
"""What may be a number, however it is written."""
BELOW_A_THOUSAND = re.compile(r"[+-]?\d{1,3}")


@dataclass(frozen=True)
class Spelling:
    """How the numbers of one table are read."""

    marks: Marks
    stop: str
    """What a full stop is beside a comma before decimals: a full stop, or no part of a number."""
    advice: str
    """For a number with a comma, where that is no mark of decimals."""
    signs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of columns that have one beside each of their first numbers: the sign of percent, or of a currency."""
    doubtful: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns of which all first numbers look like `1.010`, each with one: whole numbers below a thousand say that these are thousands."""
    may_be_thousands: bool = False
    """Whether all of these numbers are read as decimals, and no cell of the table says that they are."""
    sentinels: frozenset[float] = frozenset()
    """Numbers that say that nothing was measured."""

    @classmethod
    def of(cls, table: Table, sample: Sequence[Sequence[str]], places: Sequence[int], numbers: NumbersField) -> Spelling:
        """As the field says, or as the table's first rows do. Where numbers have a type of their own, a full stop stands before decimals.

        Raises:
            DataError: full stops that may stand before decimals or between thousands.
        """
        is_typed = table.format in ("jsonl", "parquet", "frame")
        columns = {table.columns[place]: cells_at(sample, place) for place in places}
        signs = {name: sign for name, cells in columns.items() if (sign := _sign(cells))}
        columns |= {name: [unsigned(cell, sign) for cell in columns[name]] for name, sign in signs.items()}
        cells = _Cells.of(columns, table)
        marks = _find(cells, numbers, is_typed=is_typed)
        doubtful = cells.above_a_thousand() if marks == PLAIN and numbers.decimal is None and not is_typed else {}
        advice = "If decimals stand behind the comma, say --set fields.numbers.decimal=, (if thousands stand before it, =.)."
        stop, advice = "." if is_typed else "?", advice if numbers.decimal is None else MEND
        return cls(marks, stop, advice, signs, doubtful, cells.can_be(SWAPPED), frozenset(numbers.sentinels))

    def number(self, cell: str, name: str, line: int, column: str, written: str = "") -> float:
        """The number in a cell, NaN where it is empty; `written`: the cell in errors, where it is another."""
        text = cell.replace("_", "?")  # Python would read 1_0 as ten
        if self.signs and column in self.signs:
            sign, bare = self.signs[column], unsigned(text, "\0")
            text = unsigned(text, sign)
            if text == bare and cell.lower() not in EMPTY:
                what = f"{cell!r}, without the {sign!r} beside the numbers of other rows"
                raise DataError(f"{name}:{line}: {column} is {what}; expected it in all rows. Write it there too, or leave it out of all.")
        if self.marks != PLAIN:
            text = self._plainly(text)
        try:
            value = float(text)
        except ValueError:
            if cell.lower() in EMPTY:
                return math.nan
            if cell.lower() in TRUTHS:
                return TRUTHS[cell.lower()]
            if (plain := with_minus(cell)) != cell:
                return self.number(plain, name, line, column, cell)
            advice = self.advice if self.marks == PLAIN and NUMBER[","].fullmatch(cell) else OF_WORDS if WORD.fullmatch(cell) else MEND
            raise DataError(f"{name}:{line}: {column} is {written or cell!r}; expected {self.marks}. {advice}") from None
        if self.doubtful and column in self.doubtful and BELOW_A_THOUSAND.fullmatch(cell):
            raise DataError(f"{name}:{line}: {column} is {cell!r}, and {_unclear(self.doubtful[column])}")
        if abs(value) > LARGEST and value not in self.sentinels:
            raise DataError(f"{name}:{line}: {column} is {cell!r}; expected a finite number, at most {LARGEST:g} in size. Mend the cell.")
        return math.nan if value in self.sentinels else value

    @property
    def notes(self) -> tuple[str, ...]:
        """What is taken off numbers, a sentence each."""
        columns = {sign: [column for column in self.signs if self.signs[column] == sign] for sign in self.signs.values()}
        return tuple(f"{sign!r} beside each number is taken off: {first_few(names)}" for sign, names in columns.items())

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence where numbers look like thousands with full stops, all of them, and are read as decimals."""
        if not (self.doubtful and self.may_be_thousands):
            return ()
        cell, where = next(iter(self.doubtful.values())), first_few([*self.doubtful])
        read = f"such as {cell!r}, which is read as {float(cell):g}"
        more = f"If it is {cell.replace('.', '')}, say --set fields.numbers.decimal=,"
        return (f"all numbers of {where} have three digits behind a full stop, {read}. {more}",)

    def _plainly(self, cell: str) -> str:
        """With a full stop before decimals and nothing between thousands; what is written otherwise is left as no number."""
        text = cell.translate(BLANKS)
        if self.marks.thousands in text:
            text = text.replace(self.marks.thousands, "") if GROUPED[self.marks].fullmatch(text) else "?"
        return text if self.marks.decimal == "." else text.replace(".", self.stop).replace(",", ".")


def with_minus(cell: str) -> str:
    """A cell with a short minus before a number that has a long one, or stands in parentheses."""
    found = BELOW_ZERO.fullmatch(cell) if cell.startswith("(") else None
    return f"-{found[1].strip()}" if found else cell.replace(MINUS, "-")


def unsigned(cell: str, sign: str) -> str:
    """A cell without the sign that stands before or behind its number, and with a short minus."""
    text = with_minus(cell)
    if text.endswith(sign):
        return text.removesuffix(sign).rstrip()
    minus, rest = ("-", text[1:].lstrip()) if text.startswith("-") else ("", text)
    return minus + rest.removeprefix(sign).lstrip()


# ----------------------------------------------------------------------------------------------------------------- found


def may_be_number(cell: str) -> bool:
    """Whether a cell is a number in one spelling or another, with or without a sign beside it."""
    text = unsigned(cell, next(filter(_is_sign, cell), "\0")).translate(BLANKS)
    return any(form.fullmatch(text) for form in (*NUMBER.values(), *GROUPED.values()))


def _is_sign(letter: str) -> bool:
    return letter == "%" or unicodedata.category(letter) == "Sc"


def _sign(cells: Sequence[str]) -> str:
    """The sign that stands beside each number of a column, '' where there is none."""
    there = [cell for cell in cells if cell.lower() not in EMPTY]
    found = {*there[0]} if there else set[str]()
    signs = [*filter(_is_sign, found)]
    if len(signs) == 1 and all(unsigned(cell, signs[0]) != unsigned(cell, "\0") for cell in there):
        return signs[0]
    return ""


@dataclass(frozen=True)
class _Cells:
    """What may be numbers in the first rows of a table."""

    columns: Mapping[str, Sequence[str]]
    table: Table

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[str]], table: Table) -> _Cells:
        spread = {name: [with_minus(cell).translate(BLANKS) for cell in cells] for name, cells in columns.items()}
        return cls({name: [cell for cell in cells if MARKED.fullmatch(cell)] for name, cells in spread.items()}, table)

    @property
    def all(self) -> list[str]:
        return [cell for cells in self.columns.values() for cell in cells]

    def can_be(self, marks: Marks) -> bool:
        """Whether one has a mark between thousands, and all can be read with these marks."""
        if not any(marks.thousands in cell for cell in self.all):
            return False
        return all(NUMBER[marks.decimal].fullmatch(cell) or GROUPED[marks].fullmatch(cell) for cell in self.all)

    def must_be(self, marks: Marks) -> bool:
        """Whether the mark between thousands cannot stand before decimals, since not all can be read so."""
        return marks.thousands not in NUMBER or not all(map(NUMBER[marks.thousands].fullmatch, self.all))

    def decimal(self) -> Decimal:
        """A comma, where all that holds one reads as a number with it, nothing has a full stop, and it does not mark thousands: not all of
        them have three digits behind the comma, or one has only a zero before it, or columns are separated by semicolons and all have one.
        """
        commas = [cell for cell in self.all if "," in cell]
        if not commas or any("." in cell for cell in self.all) or not all(map(NUMBER[","].fullmatch, commas)):
            return "."
        if not all(map(GROUPED[Marks(".", ",")].fullmatch, commas)):
            return ","
        return "," if self.table.delimiter == ";" and len(commas) == len(self.all) else "."

    def above_a_thousand(self) -> dict[str, str]:
        """The columns of which all could be thousands with full stops, each with one cell."""
        return {name: cells[0] for name, cells in self.columns.items() if cells and all(map(GROUPED[SWAPPED].fullmatch, cells))}

    def refuse_unclear(self) -> None:
        """Raises a DataError for full stops that may as well be marks of thousands, since only numbers above a thousand have them."""
        for column, cells in self.columns.items():
            with_stops, others = [cell for cell in cells if "." in cell], [cell for cell in cells if "." not in cell]
            if with_stops and others and all(map(BELOW_A_THOUSAND.fullmatch, others)):
                raise DataError(f"{self.table.name}: {column} has whole numbers below a thousand, and {_unclear(with_stops[0])}")


def _unclear(cell: str) -> str:
    """What is not known of a cell, and what to do."""
    less, more = f"{float(cell):g}", cell.replace(".", "")
    return f"nothing tells whether {cell!r} is {less} or {more}. Say --set fields.numbers.decimal=. (for {less}) or =, (for {more})."


def _find(cells: _Cells, numbers: NumbersField, *, is_typed: bool) -> Marks:
    """The marks that the field says, or else the cells; where numbers have a type of their own, no full stop stands between thousands."""
    if numbers.thousands is not None:
        other: Mapping[str, Decimal] = {".": ",", ",": "."}
        decimal = numbers.decimal or other.get(numbers.thousands) or cells.decimal()
        return Marks(decimal, "none" if is_typed and numbers.thousands == "." else numbers.thousands)
    possible = [marks for marks in GROUPED if numbers.decimal in (None, marks.decimal) and cells.can_be(marks)]
    possible = [marks for marks in possible if not (is_typed and marks.thousands == ".")]
    sure = [marks for marks in possible if numbers.decimal or cells.must_be(marks)]
    if sure and not {SWAPPED, Marks(".", ",")} <= {*sure}:
        return sure[0]
    plain = Marks(numbers.decimal or cells.decimal())
    if plain == PLAIN and numbers.decimal is None and SWAPPED in possible and cells.table.delimiter:  # else numbers have a type
        cells.refuse_unclear()
    return plain
