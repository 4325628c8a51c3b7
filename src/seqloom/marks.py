"""What stands between the cells of a line: found from the first lines of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqloom.errors import DataError
from seqloom.lines import read_lines, shown
from seqloom.tables import csv_rows

__all__ = ["SAMPLE", "csv_delimiter", "find_delimiter", "first_lines", "plain_delimiter"]

SAMPLE = 1000  # rows looked at
SAMPLE_CHARACTERS = 1 << 20
DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}([.' ]\d{3})+),\d+(e[+-]?\d+)?", re.IGNORECASE)
"""A number with a comma before its decimals, and perhaps with marks between its thousands."""
MARKS = ("|||", "->", "=>", "→", "  ")
"""What people write between source and target, besides a tab."""


def first_lines(path: str) -> list[tuple[int, str]]:
    """The first lines that are not blank, at most some megabyte."""
    lines: list[tuple[int, str]] = []
    room = SAMPLE_CHARACTERS
    for number, text in read_lines(path):
        if text.strip():
            lines.append((number, text))
        room -= len(text) + 1
        if room < 0 or len(lines) == SAMPLE:
            break
    return lines


def find_delimiter(path: str, format: str, asked: str | None) -> tuple[str, str]:
    """The format (tsv or csv) and what stands between its columns."""
    if asked:
        return format, asked.replace("\\t", "\t")
    if format == "csv":
        return format, csv_delimiter(path, whole=False) or ","
    return format, plain_delimiter([text for _, text in first_lines(path)]) or "\t"


def plain_delimiter(lines: Sequence[str]) -> str | None:
    """A tab in most lines; failing that, three bars, an arrow or two blanks, once in nearly every line."""
    if sum("\t" in line for line in lines) * 2 > len(lines):
        return "\t"
    for mark in MARKS:
        if lines and sum(_splits_once(line, mark) for line in lines) >= 0.9 * len(lines):
            return mark
    return None


def _splits_once(line: str, mark: str) -> bool:
    left, _, right = line.strip().partition(mark)
    return bool(left and right.strip()) and mark not in right.strip()


def csv_delimiter(path: str, *, whole: bool) -> str | None:
    """The mark that splits the first records into equally many columns (all of them if `whole`), the most columns first."""
    lines = first_lines(path)
    best: tuple[float, int, str | None] = (0.0, 0, None)
    for mark in (",", ";", "\t", "|"):
        records, is_whole = _records(lines, mark, shown(path))
        widths = [len(cells) for cells in records]
        if not widths or widths[0] < 2:
            continue
        agreeing = widths.count(widths[0]) / len(widths)
        if mark == ";" and is_whole and agreeing == 1 and _commas_are_in_numbers(records):
            return mark
        if (agreeing, widths[0]) > best[:2] and (agreeing == 1 or not whole):
            best = (agreeing, widths[0], mark)
    return best[2]


def _commas_are_in_numbers(records: list[list[str]]) -> bool:
    """Whether there are commas in the cells, each before the decimals of a number."""
    commas = [cell.strip() for cells in records for cell in cells if "," in cell]
    return bool(commas) and all(map(DECIMAL_COMMA.fullmatch, commas))


def _records(lines: list[tuple[int, str]], mark: str, name: str) -> tuple[list[list[str]], bool]:
    """The cells of the first records, as far as they can be read with this mark, and whether these are all."""
    records: list[list[str]] = []
    try:
        for _, cells in csv_rows(lines, mark, name):
            records.append(list(cells))
    except DataError:  # with the right mark the reading itself says it, with its line
        return records, False
    return records, True
