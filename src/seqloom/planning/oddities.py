"""What is odd in pairs of texts, with where it stands: rows that a person should look at before training on them."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from seqloom.data.rows import Row, unnumbered
from seqloom.errors import count_of
from seqloom.sound.audio import is_silent

__all__ = ["TOLD", "Oddity", "find_in_sounds", "find_oddities", "key_of"]

EXAMPLES = 3
COPIES = 0.95
"""Share of the rows whose target is their source, from which on it is odd."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One kind of odd rows."""

    kind: str
    text: str
    """What it is, with its count: a plain sentence without its end."""
    count: int
    where: tuple[str, ...]
    """Up to three rows, `train.tsv:17` and what stands there."""


def find_oddities(
    rows: Sequence[Row], lengths: np.ndarray, target_lengths: np.ndarray, say_length: Callable[[int], str] = "{:,}".format
) -> list[Oddity]:
    """Everything odd in some rows in file order.

    Args:
        lengths, target_lengths: (N,), of targets in characters, of sources too, but where `say_length` says otherwise: a length in words.
    """
    found = [
        *_empty(rows),
        *_repeated(rows),
        *_copies(rows),
        *_of_dictionaries(rows),
        *_characters(rows),
        *_contents(rows),
        *_lengths(rows, lengths, target_lengths, say_length),
        *_order(rows, lengths),
    ]
    return [oddity for oddity in found if oddity.count]


def find_in_sounds(rows: Sequence[Row]) -> list[Oddity]:
    """What is odd in sounds and their words besides: silence, and words that are written in several ways, which cannot be heard."""
    silent = {path for path in {row.source[0] for row in rows} if path and is_silent(path)}
    found = [_rows_that(rows, "silent", "whose sound is silence: all samples are the same", lambda row: row.source[0] in silent)]
    ways: dict[str, Counter[str]] = {}
    for row in rows:
        ways.setdefault(_heard(row.target), Counter())[row.target] += 1
    several = sorted((way for heard, way in ways.items() if heard and len(way) > 1), key=lambda way: -way.total())
    text = "whose words are written in several ways, in case or punctuation, of which all but the expected one count as errors"
    shown = [", ".join(f"{_quoted(target, 30)} ({count:,})" for target, count in way.most_common(4)) for way in several[:EXAMPLES]]
    count = sum(way.total() for way in several)
    found.append(Oddity("written in several ways", f"{count_of(count, 'row')} {text}", count, tuple(shown)))
    return [oddity for oddity in found if oddity.count]


def _heard(text: str) -> str:
    """A text without case and punctuation."""
    return " ".join("".join(letter for letter in text.casefold() if letter.isalnum() or letter.isspace()).split())


def key_of(row: Row) -> tuple[str, ...]:
    """The source's texts in NFC: what makes two sources the same."""
    return tuple([unicodedata.normalize("NFC", text) for text in row.source])


def _shown(row: Row, *texts: str) -> str:
    """A row's place, and what stands there."""
    return f"{row.where}  {' → '.join(_quoted(text) for text in texts)}" if texts else row.where


def _quoted(text: str, limit: int = 50) -> str:
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return "'" + "".join(letter if letter.isprintable() else _code(letter) for letter in text) + "'"


def _code(letter: str) -> str:
    return f"<U+{ord(letter):04X}>"


def _pair(row: Row) -> str:
    return _shown(row, " | ".join(row.source), row.target)


def _rows_that(rows: Iterable[Row], kind: str, text: str, odd: Callable[[Row], bool], show: Callable[[Row], str] = _pair) -> Oddity:
    hits = [row for row in rows if odd(row)]
    return Oddity(kind, f"{count_of(len(hits), 'row')} {text}", len(hits), tuple([show(row) for row in hits[:EXAMPLES]]))


# --------------------------------------------------------------------------------------------------- empty and repeated


def _empty(rows: Sequence[Row]) -> Iterator[Oddity]:
    yield _rows_that(rows, "empty source", "with an empty source", lambda row: not any(row.source))
    yield _rows_that(rows, "empty target", "with an empty target", lambda row: not row.target)


def _repeated(rows: Sequence[Row]) -> Iterator[Oddity]:
    first: dict[tuple[tuple[str, ...], str], Row] = {}
    again = [row for row in rows if first.setdefault((row.source, row.target), row) is not row]
    places = [f"{row.where}  as {first[row.source, row.target].where}  {_quoted(' | '.join(row.source))}" for row in again[:EXAMPLES]]
    yield Oddity("duplicates", f"{count_of(len(again), 'row')} repeating an earlier pair exactly", len(again), tuple(places))
    keys = [key_of(row) for row in rows]
    times, targets = Counter(keys), dict[tuple[str, ...], dict[str, Row]]()
    for key, row in zip(keys, rows, strict=True):
        if times[key] > 1:
            targets.setdefault(key, {}).setdefault(row.target, row)
    several = {key: found for key, found in targets.items() if len(found) > 1}
    count = sum(times[key] for key in several)
    most = sorted(several.values(), key=len, reverse=True)[:EXAMPLES]
    shown = [_many_targets(list(found.values())) for found in most]
    text = f"{count_of(count, 'row')} whose source has several targets, up to {len(most[0]) if most else 0} for one source"
    yield Oddity("several targets", text, count, tuple(shown))


def _copies(rows: Sequence[Row]) -> Iterator[Oddity]:
    count = sum(row.target != "" and row.target in row.source for row in rows)
    if count >= COPIES * len(rows):
        text = f"{count_of(count, 'row')} whose target is their source: little is to be learned here but copying"
        yield Oddity("nothing but copies", text, count, ())


def _many_targets(rows: list[Row]) -> str:
    targets = ", ".join(_quoted(row.target, 25) for row in rows[:3]) + (", …" if len(rows) > 3 else "")
    return f"{rows[0].where}, {rows[1].where}  {_quoted(' | '.join(rows[0].source), 30)} → {targets}"


# --------------------------------------------------------------------------------------------------------- dictionaries

TOLD = ("numbered sources", "weights", "comments behind")
"""Kinds that training tells too: what is meant for the reader of a dictionary, and would be learned as text."""
FEWEST = 3
"""Rows from which on what stands in them is a habit."""
WEIGHT = re.compile(r"(?:0?\.\d+|[01](?:\.\d+)?)(?:e-?\d+)?\s+\S", re.IGNORECASE)
BEHIND = re.compile(r"(?<=\S)\s+(#+|//)\s+(?=\w)")


def _of_dictionaries(rows: Sequence[Row]) -> Iterator[Oddity]:
    """Numbers behind sources, weights before targets and comments behind them."""
    sources = {row.source for row in rows}
    numbered = {source for source in sources if (bare := unnumbered(source)) != source and bare in sources}
    text = "whose source is another source with a number in brackets behind it, which is learned as letters"
    advice = "If they are further targets of that source, say --set data.variants=true"
    if len(numbered) >= FEWEST:
        yield _rows_that(rows, "numbered sources", f"{text}. {advice}", lambda row: row.source in numbered)
    weighted = sum(WEIGHT.match(row.target) is not None for row in rows)
    if weighted >= max(FEWEST, COPIES * len(rows)):
        text = "whose target begins with a number from 0 to 1, which is learned as part of it"
        advice = """If it is a weight, take it out first, as `awk '{$2 = ""; print}'` does behind a first word"""
        yield _rows_that(rows, "weights", f"{text}. {advice}", lambda row: WEIGHT.match(row.target) is not None)
    if commented := [row for row in rows if BEHIND.search(row.target)]:
        yield from _comments_behind(rows, commented)


def _comments_behind(rows: Sequence[Row], commented: Sequence[Row]) -> Iterator[Oddity]:
    """Marks of comments with words behind them that stand nowhere else in a target, in some of the rows."""
    parts = [BEHIND.split(row.target, 1) for row in commented]
    mark, count = Counter(part[1] for part in parts).most_common(1)[0]
    others = {id(row) for row in commented}
    usual = {token for front, *_ in parts for token in front.split()}.union(*(row.target.split() for row in rows if id(row) not in others))
    if count >= FEWEST and 2 * count <= len(rows) and usual.isdisjoint(token for part in parts for token in part[2].split()):
        text = f"whose target has {mark!r} and words behind it that stand nowhere else, which are learned as part of it"
        advice = f"If they are comments, take them out first, as `sed 's|[[:blank:]]*{mark} .*||'` does"
        yield _rows_that(commented, "comments behind", f"{text}. {advice}", lambda row: BEHIND.split(row.target, 1)[1] == mark)


# ----------------------------------------------------------------------------------------------------------- characters

_CP1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_MISREAD = re.compile(f"[ÂÃ][\x80-\xbf{_CP1252}]|[à-ï][\x80-\xbf{_CP1252}]{{2}}|(?:[Â-ß][\x80-\xbf{_CP1252}]){{2,}}")
_EMOJI = regex.compile(r"(?=\p{Extended_Pictographic})\X")
"""With what joins and marks its parts, which is no more to be seen and is as it should be."""
_KINDS = {
    "line break": "line breaks inside",
    "control": "control characters",
    "tab": "tabs inside",
    "blank": "no-break or other special blanks",
    "zero width": "invisible characters",
    "replacement": "the replacement character U+FFFD: bytes were lost in an earlier conversion",
    "private": "characters of private use, which no standard names",
}


def _characters(rows: Sequence[Row]) -> Iterator[Oddity]:
    found: dict[str, list[tuple[Row, str]]] = {}
    counts: Counter[str] = Counter()
    special = _special(rows)
    for row in rows if special else ():
        for text in (*row.source, row.target):
            if not text.isascii() or not text.isprintable():
                for kind, letter in {_kind_of(letter): letter for letter in special.intersection(_EMOJI.sub("", text))}.items():
                    if kind not in found or found[kind][-1][0] is not row:
                        found.setdefault(kind, []).append((row, text))
                        counts[kind + letter] += 1
    for kind, text in _KINDS.items():
        hits = found.get(kind, [])
        letters = [item[-1] for item, _ in counts.most_common() if item[:-1] == kind][:3]
        named = f" ({', '.join(_named(letter) for letter in letters)})" if kind != "replacement" else ""
        shown = [_shown(row, _around(value, letters)) for row, value in hits[:EXAMPLES]]
        yield Oddity(kind, f"{count_of(len(hits), 'row')} with {text}{named}", len(hits), tuple(shown))
    yield _rows_that(rows, "not NFC", "not in Unicode form NFC", _is_not_nfc)
    yield _rows_that(rows, "misread", "looking like UTF-8 once read as Latin-1 or Windows-1252", _is_misread)


def _special(rows: Sequence[Row]) -> set[str]:
    """The characters of some kind that occur."""
    letters = set[str]()
    for row in rows:
        for text in (*row.source, row.target):
            if not text.isascii() or not text.isprintable():
                letters.update(text)
    return {letter for letter in letters if not " " <= letter <= "~" and _kind_of(letter)}


@functools.cache
def _kind_of(letter: str) -> str:
    """The kind of a special character, '' for an ordinary one."""
    if letter == "\ufffd":
        return "replacement"
    if letter in "\n\r\u2028\u2029\x85\x0b\x0c":
        return "line break"
    if letter == "\t":
        return "tab"
    return {"Cc": "control", "Zs": "blank", "Cf": "zero width", "Co": "private", "Cn": ""}.get(unicodedata.category(letter), "")


def _named(letter: str) -> str:
    return f"U+{ord(letter):04X} {unicodedata.name(letter, '').lower()}".rstrip()


def _around(text: str, letters: Sequence[str]) -> str:
    """What stands around the first of some characters, those spelled out."""
    at = min((text.find(letter) for letter in letters if letter in text), default=0)
    begin = max(at - 20, 0)
    part = "".join(_code(letter) if letter in letters else letter for letter in text[begin : at + 20])
    return ("…" if begin else "") + part + ("…" if at + 20 < len(text) else "")


def _is_not_nfc(row: Row) -> bool:
    return not all(text.isascii() or unicodedata.is_normalized("NFC", text) for text in (*row.source, row.target))


def _is_misread(row: Row) -> bool:
    return any(_misread(text) for text in (*row.source, row.target) if not text.isascii())


def _misread(text: str) -> bool:
    """Whether a run of the text, written as Windows-1252, is a piece of UTF-8."""
    for match in _MISREAD.finditer(text):
        raw = b"".join(letter.encode("latin-1") if letter < "\u0100" else letter.encode("cp1252") for letter in match.group())
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


# ------------------------------------------------------------------------------------------------------------- contents


def _contents(rows: Sequence[Row]) -> Iterator[Oddity]:
    marks = _rows_that(rows, "only punctuation", "where one side holds only punctuation and the other has letters", _has_one_mute_side)
    if marks.count * 2 <= len(rows):  # more than that is what the task is like
        yield marks
    same = _rows_that(
        rows, "copies", "whose target is the source, in several words", lambda row: " " in row.target and row.target in row.source
    )
    if same.count * 5 <= len(rows):  # and the facts show it
        yield same
    (target, count), *_ = Counter(row.target for row in rows).most_common(1)
    if count > 1 and count * 2 > len(rows):
        shown = [_pair(row) for row in rows if row.target == target][:EXAMPLES]
        yield Oddity("one target", f"{count_of(count, 'row')} with the same target {_quoted(target)}", count, tuple(shown))
    for place in range(len(rows[0].source)):
        if len(rows) > 1 and all(row.source[place] == rows[0].source[place] for row in rows):
            text = f"source column {place + 1} is {_quoted(rows[0].source[place])} in all rows"
            yield Oddity("constant", text, len(rows), (rows[0].where,))


def _has_one_mute_side(row: Row) -> bool:
    source = "".join(row.source)
    return bool(source and row.target) and any(map(str.isalnum, source)) != any(map(str.isalnum, row.target))


# -------------------------------------------------------------------------------------------------------------- lengths


def _lengths(rows: Sequence[Row], lengths: np.ndarray, target_lengths: np.ndarray, say_length: Callable[[int], str]) -> Iterator[Oddity]:
    yield _wild_ratio(rows, lengths, target_lengths, say_length)
    for side, numbers in (("source", lengths), ("target", target_lengths)):
        usual = float(np.percentile(numbers, 99))
        limit = max(5 * usual, 100.0)
        longest = [int(place) for place in np.argsort(-numbers, kind="stable")[: int((numbers > limit).sum())]]
        shown = [f"{rows[place].where}  {int(numbers[place]):,} characters" for place in longest[:EXAMPLES]]
        text = f"{count_of(len(longest), 'row')} with a {side} over {limit:,.0f} characters, while 99 of 100 have at most {usual:,.0f}"
        yield Oddity(f"long {side}", text, len(longest), tuple(shown))


def _wild_ratio(rows: Sequence[Row], lengths: np.ndarray, target_lengths: np.ndarray, say_length: Callable[[int], str]) -> Oddity:
    """Rows whose ratio of lengths lies far from the others': over six deviations (from the median of deviations) and five times."""
    both = (lengths > 0) & (target_lengths > 0)
    ratios = np.log((target_lengths + 3.0) / (lengths + 3.0))  # 3 more on each side: short texts vary by nature
    middle = float(np.median(ratios[both])) if both.any() else 0.0
    far = np.where(both, np.abs(ratios - middle), 0.0)
    deviation = 1.4826 * float(np.median(far[both])) if both.any() else 0.0
    limit = max(6 * deviation, float(np.log(5.0)))
    wild = [int(place) for place in np.argsort(-far, kind="stable")[: int((far > limit).sum())]]
    both_lengths = [f"{say_length(int(lengths[place]))} and {int(target_lengths[place]):,} characters" for place in wild[:EXAMPLES]]
    shown = [f"{rows[place].where}  {said}  {_quoted(rows[place].target, 30)}" for place, said in zip(wild, both_lengths, strict=False)]
    return Oddity("wild ratio", f"{count_of(len(wild), 'row')} where the two sides' lengths do not fit each other", len(wild), tuple(shown))


# ---------------------------------------------------------------------------------------------------------------- order


def _order(rows: Sequence[Row], lengths: np.ndarray) -> Iterator[Oddity]:
    if len(rows) >= 3 and rows[0].where.endswith(":1") and _is_nameless_header(rows[0], rows[1:1001]):
        text = "The first row looks like a header. If it is one, say --set data.header=true"
        yield Oddity("header", text, 1, (_pair(rows[0]),))
    if len(rows) < 50:
        return
    keys = [row.source for row in rows]
    rising = sum(left <= right for left, right in itertools.pairwise(keys))
    growing = int((np.diff(lengths) >= 0).sum())
    steps = len(rows) - 1
    if rising >= 0.99 * steps and keys[0] != keys[-1]:
        yield Oddity("sorted", "The rows are sorted by source, so the first ones are no fair sample of all", len(rows), ())
    elif growing >= 0.99 * steps and lengths[0] != lengths[-1]:
        yield Oddity("sorted", "The rows are sorted by the source's length, so the first ones are no fair sample of all", len(rows), ())


def _is_nameless_header(first: Row, others: Sequence[Row]) -> bool:
    """Whether a first row of single words that occur nowhere else stands over texts that nearly all have several words."""
    cells = (*first.source, first.target)
    if not all(re.fullmatch(r"[^\W\d][\w-]{1,30}", cell) for cell in cells):
        return False
    columns = list(zip(*((*row.source, row.target) for row in others), strict=True))
    alone = all(cell not in column for cell, column in zip(cells, columns, strict=True))
    return alone and any(sum(len(text.split()) > 2 for text in column) >= 0.95 * len(column) for column in columns)
