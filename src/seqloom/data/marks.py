"""What stands between the cells of a line, around them, and before a comment: found from the first lines of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seqloom.config import DataConfig
from seqloom.data.lines import read_lines
from seqloom.data.tables import COMMENT, csv_rows, said_delimiter
from seqloom.errors import DataError

__all__ = ["SAMPLE", "Lines", "Marks", "csv_delimiter", "find_marks", "first_lines", "plain_delimiter", "without_comments"]

SAMPLE = 1000  # rows looked at
SAMPLE_CHARACTERS = 1 << 20
DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}([.' ]\d{3})+),\d+(e[+-]?\d+)?", re.IGNORECASE)
"""A number with a comma before its decimals, and perhaps with marks between its thousands."""
ARROWS = ("->", "=>", "→")
MARKS = ("|||", *ARROWS, "  ")
"""What people write between source and target, besides a tab."""
PUNCTUATION = {",": 2, ";": 1}
"""Marks that may be of the texts where a blank follows them, the likeliest with the highest number."""
NEARLY_ALL = 0.9
"""Share of the lines that a delimiter parts alike."""

Lines = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Marks:
    """How the lines of a file become cells."""

    format: str
    """tsv or csv."""
    delimiter: str
    once: bool
    """Whether a line is parted at its first delimiter only."""
    comment: str
    """What a comment begins with; '' where there are none."""
    quoted: bool
    """Whether quotes were found in a file whose name says none."""


def first_lines(path: str) -> Lines:
    """The first lines that are not blank, at most some megabyte."""
    lines: Lines = []
    room = SAMPLE_CHARACTERS
    for number, text in read_lines(path):
        if text.strip():
            lines.append((number, text))
        room -= len(text) + 1
        if room < 0 or len(lines) == SAMPLE:
            break
    return lines


def find_marks(lines: Lines, name: str, format: str, config: DataConfig) -> Marks:
    """What parts the first lines of a text file or a CSV into cells; what the config says goes before what is found."""
    mark = _comment_mark(lines) if config.comment is None else config.comment
    comments, rows = _apart(lines, mark)
    found = _marks_of(rows, name, format, config, mark)
    if config.comment is None and mark and not _are_comments(comments, found):
        return _marks_of(lines, name, format, config, "")
    return found


def _marks_of(lines: Lines, name: str, format: str, config: DataConfig, comment: str) -> Marks:
    texts = [text for _, text in lines]
    if format == "csv" and config.split == "first":
        raise DataError(f"{name}: data.split=first for CSV; expected lines of text. Leave it out, or add --set data.format=tsv.")
    if config.delimiter:
        delimiter = config.delimiter.replace("\\t", "\t")
    elif format == "csv" and (said := said_delimiter(texts[0] if texts else "")):
        delimiter = said
    elif format == "csv":
        delimiter = csv_delimiter(lines, name, whole=False) or ","
    else:
        delimiter = plain_delimiter(texts) or (" " if config.split == "first" else "\t")
    once = format == "tsv" and (config.split == "first" or (config.split is None and _is_ragged_at_blanks(texts, delimiter)))
    quoted = format == "tsv" and config.format == "auto" and not once and _are_quoted(texts, delimiter)
    return Marks("csv" if quoted else format, delimiter, once, comment, quoted)


def _is_ragged_at_blanks(texts: Sequence[str], delimiter: str) -> bool:
    """Whether blanks, asked for as the delimiter, part lines into unlike numbers of cells: a word, then the rest."""
    if delimiter.strip(" ") or delimiter in MARKS or not texts:
        return False
    widths = Counter(text.strip().count(delimiter) for text in texts)
    return widths[0] == 0 and max(widths.values()) < NEARLY_ALL * len(texts)


def _are_quoted(texts: Sequence[str], delimiter: str) -> bool:
    """Whether each cell is quoted in CSV's manner, but for the end of a sample that is cut off."""
    text, at = "\n".join(texts), 0
    cell = re.compile(rf'"[^"]*(?:""[^"]*)*"(?:{re.escape(delimiter)}|\n|\Z)')
    if not texts or delimiter not in text:
        return False
    while at < len(text):
        match = cell.match(text, at)
        if match is None:
            return at > 0 and re.compile(r'"[^"]*(?:""[^"]*)*\Z').match(text, at) is not None
        at = match.end()
    return True


# ------------------------------------------------------------------------------------------------------------ comments


def without_comments(lines: Lines, asked: str | None) -> Lines:
    """The lines without those that begin as the first one does, where that may be a comment, or as a comment is asked to."""
    return _apart(lines, _comment_mark(lines) if asked is None else asked)[1]


def _comment_mark(lines: Lines) -> str:
    """What may be the mark of comments: what the first line begins with, and not every line."""
    match = COMMENT.match(lines[0][1]) if lines else None
    return match[0] if match and not all(text.startswith(match[0]) for _, text in lines) else ""


def _apart(lines: Lines, mark: str) -> tuple[Lines, Lines]:
    """The comments, and the rows."""
    if not mark:
        return [], lines
    return [line for line in lines if line[1].startswith(mark)], [line for line in lines if not line[1].startswith(mark)]


def _are_comments(comments: Lines, marks: Marks) -> bool:
    """Whether lines with a mark are no rows, as far as that is safe to tell without being asked: in dictionaries, whose words stand before
    blanks, with a mark of several letters that is never the beginning of a word. Elsewhere a row may well begin so: code, headings.
    """
    glued = any(text[len(marks.comment) :][:1].strip(" ") for _, text in comments)
    return len(marks.comment) > 1 and (marks.once or marks.delimiter == "  ") and not glued


# ---------------------------------------------------------------------------------------------------------- delimiters


def plain_delimiter(lines: Sequence[str]) -> str | None:
    """A tab in most lines; failing that, three bars, an arrow or two blanks, once in nearly every line."""
    if sum("\t" in line for line in lines) * 2 > len(lines):
        return "\t"
    for mark in MARKS:
        if lines and sum(_splits_once(line, mark) for line in lines) >= NEARLY_ALL * len(lines):
            return mark
    return None


def _splits_once(line: str, mark: str) -> bool:
    left, _, right = line.strip().partition(mark)
    return bool(left and right.strip()) and mark not in right.strip()


def csv_delimiter(lines: Lines, name: str, *, whole: bool) -> str | None:
    """The mark that splits the first records into equally many columns (all of them if `whole`): of several a tab, else the one with most
    columns, one that blanks follow as in a text last. An arrow in each line goes before commas that are all of the texts.
    """
    best: tuple[float, bool, int, int] = (0.0, False, 0, 0)
    found, texts = None, [text for _, text in lines]
    for mark in (",", ";", "\t", "|"):
        records, is_whole = _records(lines, mark, name)
        widths = [len(cells) for cells in records]
        if not widths or widths[0] < 2:
            continue
        agreeing = widths.count(widths[0]) / len(widths)
        if mark in ";|" and is_whole and agreeing == 1 and _commas_are_in_numbers(records):
            return mark
        spaced = sum(map(_has_blanks_behind_marks, records)) / len(records)
        columns = widths[0] - all(not cells[-1].strip() for cells in records)  # a mark that ends all lines parts nothing
        rank = (agreeing, mark == "\t", columns, -PUNCTUATION.get(mark, 0) if spaced > 0.5 else 0)
        if rank > best and (agreeing == 1 or not whole):
            best, found = rank, mark
            if mark == "," and spaced == 1 and '"' not in "".join(texts):
                found = next((arrow for arrow in ARROWS if all(_splits_once(text, arrow) for text in texts)), mark)
    return found


def _has_blanks_behind_marks(cells: Sequence[str]) -> bool:
    return any(cell.startswith(" ") for cell in cells[1:])


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
