"""What names of columns say: whether a table's first line holds them, and which column is a source and which the target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from seqloom.config import DataConfig
from seqloom.errors import DataError, first_few, listed, nearest, short
from seqloom.numbers.spelling import may_be_number
from seqloom.sound.audio import is_sound
from seqloom.sound.sounds import name_sounds

__all__ = [
    "ID_WORDS",
    "LABEL_WORDS",
    "SOURCE_WORDS",
    "TARGET_WORDS",
    "has_header",
    "is_number",
    "like_header",
    "pair_in_object",
    "say_sides",
    "tell_sides",
    "text_and_label",
]

SOURCE_WORDS = frozenset({"source", "sources", "src", "input", "inputs", "in"})
TARGET_WORDS = frozenset({"target", "targets", "tgt", "trg", "output", "outputs", "out"})
LABEL_WORDS = frozenset({"label", "labels", "class", "category"})
"""A target, beside whatever one other column there is; beside several, of a text."""
TEXT_WORDS = frozenset({"text", "texts", "sentence"})
QUESTION_WORDS = frozenset({"question", "questions", "query", "prompt"})
ANSWER_WORDS = frozenset({"answer", "answers", "response", "completion"})
"""The targets of questions."""
INSTRUCTION_WORDS = frozenset({"instruction", "instructions"})
BESIDE_WORDS = frozenset({"context", "contexts", "history", "passage"}) | INSTRUCTION_WORDS
"""What is read together with a source or a question; an instruction also without."""
ID_WORDS = frozenset({"id", "ids", "idx", "index", "guid", "uuid"})
"""What says which row it is, and is not read."""
COLUMN_WORDS = (
    SOURCE_WORDS
    | TARGET_WORDS
    | LABEL_WORDS
    | TEXT_WORDS
    | QUESTION_WORDS
    | ANSWER_WORDS
    | frozenset(["form", "id", "index", "key", "lemma", "line", "reference"])
    | frozenset(["audio", "clip", "file", "filename", "path", "sound", "transcript", "transcription", "wav"])
    | frozenset(["feats", "features", "ipa", "pos", "pron", "pronunciation", "pronunciations"])
    | frozenset(["summary", "tag", "tags", "value", "word", "words"])
)
"""General names of columns: a first line of nothing else is a header even where none is expected."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
"""What any name of a column looks like, in plain letters; one letter may be a word."""
LETTERS = re.compile(r"[^\W\d]")
FIRST_YEAR, LAST_YEAR = 1700, 2200
"""Of whole numbers that are years."""
ENOUGH, NEARLY_ALL = 20, 0.95
"""Rows from which on values can be told from a name above them, and the share of them that must be unlike it."""


def has_header(
    first: list[str],
    rest: list[list[str]],
    format: str,
    config: DataConfig,
    said: bool | None,
    name: str,
    *,
    wide: bool = False,
    timed: bool = False,
) -> tuple[bool, str, bool]:
    """Whether the first row names the columns, the sentence that says why, and whether a row that is read as data, as in training, would
    be taken for a header if nothing were known of training.

    wide: whether each row below is a series; timed: and the first row says the times of their values.
    """
    shown_row = listed(first)
    data_reason = _why_data(first, rest)
    if wide and said is False and len({*first[1:]}) == len(first) - 1 > 0 and all(map(NAME.fullmatch, first[1:])):
        said = True  # without a number it is no series, though the training file had no header
    general = all(cell.casefold() in COLUMN_WORDS for cell in first) or _heads_sounds(first, rest)
    general = general or (data_reason is None and len(first) > 2 and _name_sides(first))
    asked = [str(column) for column in (*config.source, config.target) if isinstance(column, str) and not column.isdecimal()]
    if asked and said:
        _refuse_nameless(first, asked, name, sure=False)
    if said is not None:
        alike = not said and not wide and (_names_apart(first, general) or _is_named(first, rest, format, data_reason))
        return said, _forced(first, said, data_reason if not general else None, general or alike), alike
    if asked:
        _refuse_nameless(first, asked, name, sure=general or (format == "csv" and not data_reason))
        return True, f"Line 1 is a header: {first_few(first)}.", False
    unexpected = config.header is False  # in the training file there was none
    named = _names_apart(first, general) or (wide and not unexpected and (timed or _heads_series(first, rest)))
    alike = _is_named(first, rest, format, data_reason)
    if named or (alike and not unexpected):
        return True, f"Line 1 is read as a header: {first_few(first)}. If it is data, say --set data.header=false.", False
    if format == "csv" and data_reason:
        return False, f"Line 1 ({shown_row}) is read as data: {data_reason}. If it is a header, say --set data.header=true.", False
    if unexpected and alike and not wide:
        return False, _forced(first, False, None, True), True
    way_out = "" if unexpected else " If it is a header, say --set data.header=true."
    return False, f"Without a header: line 1 ({shown_row}) is data.{way_out}", False


def like_header(rows: list[list[str]], config: DataConfig) -> bool:
    """Whether the first of some rows would be taken for a header if nothing were known of the training file."""
    alone = config.model_copy(update={"header": None, "source": [], "target": None})
    return has_header(rows[0], rows[1:], "tsv", alone, None, "")[0]


def _names_apart(first: list[str], general: bool) -> bool:
    """Whether a first row holds nothing but general names, all different."""
    return general and len(set(first)) == len(first)


def _is_named(first: list[str], rest: list[list[str]], format: str, data_reason: str | None) -> bool:
    """Whether a first row may name the columns, as that of a CSV file does, or stands out from the rows below it."""
    return data_reason is None and (format == "csv" or _stands_out(first, rest))


def _heads_series(first: list[str], rest: list[list[str]]) -> bool:
    """Whether a first row stands over rows of a series each: a text and then years, or 0, 1, 2 ... or 1, 2, 3 ..., with rows below it of
    which less than half rise evenly.
    """
    numbers = _rising_evenly(first)
    are_years = numbers and numbers[0] >= FIRST_YEAR and numbers[-1] <= LAST_YEAR
    is_count = numbers and numbers[0] in (0, 1) and numbers[1] - numbers[0] == 1
    return bool(rest and (are_years or is_count)) and 2 * sum(bool(_rising_evenly(row)) for row in rest) < len(rest)


def _rising_evenly(row: list[str]) -> list[int]:
    """The whole numbers behind a text or nothing, three at least, where they rise by one step."""
    cells = [cell for cell in row[1:] if cell]
    if len(cells) < 3 or is_number(row[0]) or not all(cell.isdecimal() for cell in cells):
        return []
    numbers = [int(cell) for cell in cells]
    steps = {after - before for before, after in pairwise(numbers)}
    return numbers if len(steps) == 1 and min(steps) > 0 else []


def _heads_sounds(first: list[str], rest: list[list[str]]) -> bool:
    """Whether a first row names no sound in a column in which all the others do."""
    columns = zip(first, zip(*(row for row in rest if len(row) == len(first)), strict=True), strict=False)
    return any(not is_sound(head) and name_sounds(cells) for head, cells in columns)


def _name_sides(first: list[str]) -> bool:
    """Whether of several cells one plainly says that it is the source, and one that it is the target."""
    return _told_by_name(first, [*range(len(first))]) is not None or text_and_label(first) is not None


def _stands_out(first: list[str], rest: list[list[str]]) -> bool:
    """Whether a first row of names stands over a column of other things: texts of several words, or without any plain letter."""
    rows = [row for row in rest if len(row) == len(first)]
    if len(rows) < ENOUGH or not all(map(NAME.fullmatch, first)):
        return False
    return any(sum(map(_is_unlike_a_name, cells)) >= NEARLY_ALL * len(rows) for cells in zip(*rows, strict=True))


def _is_unlike_a_name(cell: str) -> bool:
    return len(cell.split()) > 2 or (cell != "" and not re.search("[A-Za-z]", cell))


def _forced(first: list[str], header: bool, data_reason: str | None, general: bool) -> str:
    """The sentence for a header that the config decides, with a doubt where the first row looks otherwise."""
    if header:
        but = f" though it looks like data ({data_reason}). If it is, say --set data.header=false" if data_reason else ""
        return f"Line 1 is a header: {first_few(first)}{but}."
    but = " though it reads like a header. If it is one, say --set data.header=true" if general else ""
    return f"Without a header: line 1 ({listed(first)}) is data{but}."


def _refuse_nameless(first: list[str], asked: list[str], name: str, *, sure: bool) -> None:
    """Raises when columns are asked for by name and the first row holds no such names."""
    if sure or any(column in first or nearest(column, first) for column in asked):
        return
    numbers = " ".join(f"--source {number}" for number in range(1, max(len(first), 2))) + f" --target {max(len(first), 2)}"
    raise DataError(
        f"{name}: no header that names {', '.join(map(repr, asked))}; line 1 is {listed(first)}. "
        f"Use numbers, as in {numbers}, put a header line on top, or, of a trained model, say --set data.header=false."
    )


def _why_data(first: list[str], rest: list[list[str]]) -> str | None:
    """Why a first row cannot be the names of the columns, or None.

    Names are distinct, short, not numbers in any spelling (unless they count the columns), do not end a sentence, and are not values
    further down.
    """
    named = [cell for cell in first if cell]
    if not named or any(not cell for cell in first[1:]):
        return "a cell is empty"
    if len(set(named)) < len(named):
        return "the same value stands in it twice"
    for place, cell in enumerate(first):
        if cell and any(place < len(row) and row[place] == cell for row in rest):
            return f"{short(cell, 30)!r} occurs again in the same column"
        if len(cell) > 60 or len(cell.split()) > 6:
            return f"{short(cell, 30)!r} is too long for a name"
        if cell.endswith((".", "!", "。", "！")):
            return f"{cell!r} is a sentence"
    if (numbers := [cell for cell in named if is_number(cell) or may_be_number(cell)]) and not _count_columns(named):
        return f"{numbers[0]!r} is a number"
    return None


def is_number(cell: str) -> bool:
    """Whether a text is a number as Python writes it."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _count_columns(cells: list[str]) -> bool:
    """Whether the cells are 0, 1, 2 … or 1, 2, 3 …, the names that a data frame without names is written with."""
    return cells in ([str(number) for number in range(begin, begin + len(cells))] for begin in (0, 1))


def tell_sides(names: Sequence[str], source: tuple[int, ...], target: int | None) -> tuple[tuple[int, ...], int | None]:
    """The places of the source columns and of the target, where some are known: of two that are left, or three with an id, the first and
    the second, unless their names say the reverse; of more, those that plainly say what they are: a source or a question, with a context
    or an instruction beside it. () and None are what cannot be told.

    Args:
        names: of all columns, '' where there are none. One that is its own number, as of an index without a name, is taken only where
            all are.
    """
    left = [place for place in range(len(names)) if place not in source and place != target]
    if len(left) > 1:
        left = [place for place in left if names[place] != str(place + 1)] or left
    if not source and target is None:
        if len(left) > 2 and (told := _told_by_name(names, left)):
            return told
        if len(left) == 3:
            left = [place for place in left if names[place].casefold() not in ID_WORDS]
        if len(left) == 2:
            first, second = (names[place] for place in left)
            swapped = say_sides(second, first) and not say_sides(first, second)
            return ((left[swapped],), left[not swapped])
    if not source:
        found = _only(names, [place for place in left if place != _plain(names, left, TARGET_WORDS)], SOURCE_WORDS)
        source = () if found is None else (found,)
    if target is None:
        target = _only(names, [place for place in left if place not in source], TARGET_WORDS)
    return source, target


def _told_by_name(names: Sequence[str], places: list[int]) -> tuple[tuple[int, ...], int] | None:
    """A source or a question, with what is read beside it, and what answers it, where of several columns each says what it is. What is read
    beside a question is no question: without one, or an instruction, the columns are told where no other is left that may be it.
    """
    target = _plain(names, places, TARGET_WORDS | ANSWER_WORDS)
    beside = [place for place in places if names[place].casefold() in BESIDE_WORDS]
    asked = _plain(names, places, SOURCE_WORDS | QUESTION_WORDS)
    if target is None or not (beside or asked is not None):
        return None
    others = [place for place in places if place not in (*beside, target) and not _is_id(names[place])]
    if asked is None and others and not any(names[place].casefold() in INSTRUCTION_WORDS for place in beside):
        return None
    return tuple(sorted({*beside, *([] if asked is None else [asked])})), target


def _is_id(name: str) -> bool:
    """Whether a column says which row it is, in an object too."""
    return name.casefold().rpartition(".")[2] in ID_WORDS


def say_sides(source: str, target: str) -> bool:
    """Whether the names of two columns plainly say that one is the source and the other its target."""
    source, target, targets = source.casefold(), target.casefold(), TARGET_WORDS | LABEL_WORDS
    is_plain = (source in SOURCE_WORDS and target not in SOURCE_WORDS) or (target in targets and source not in targets)
    return is_plain or (source in QUESTION_WORDS and target in ANSWER_WORDS)


def text_and_label(names: Sequence[str]) -> tuple[int, int] | None:
    """The places of the only text and the only label, where no name says that it is a source or a target."""
    places = [*range(len(names))]
    text, label = _plain(names, places, TEXT_WORDS), _plain(names, places, LABEL_WORDS)
    if text is None or label is None or any(name.casefold() in SOURCE_WORDS | TARGET_WORDS for name in names):
        return None
    return text, label


def pair_in_object(names: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[int, int] | None:
    """The places of the only two dotted names, which are parts of one object, beside at most one other name, which says less than either
    (an id): how pairs of translations are published.
    """
    places = [place for place, name in enumerate(names) if "." in name]
    if len(places) != 2 or len(names) > 3 or len({names[place].rpartition(".")[0] for place in places}) > 1:
        return None
    letters = [sum(len(LETTERS.findall(str(row[place]))) for row in rows) for place in range(len(names))]
    if any(letters[place] >= min(letters[part] for part in places) for place in range(len(names)) if place not in places):
        return None
    return places[0], places[1]


def _only(names: Sequence[str], places: list[int], words: frozenset[str]) -> int | None:
    """The one place there is, or the one whose name plainly says it."""
    return places[0] if len(places) == 1 else _plain(names, places, words)


def _plain(names: Sequence[str], places: list[int], words: frozenset[str]) -> int | None:
    found = [place for place in places if names[place].casefold() in words]
    return found[0] if len(found) == 1 else None
