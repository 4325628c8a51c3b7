"""What the values of one column look like, texts, sounds or arrays: lengths, symbols and how many are still unseen, a separator inside."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from seqloom.errors import standing_at
from seqloom.fields.frame_text import frames_of_text
from seqloom.fields.moses import is_of_moses
from seqloom.fields.pieces import find_mark, together
from seqloom.fields.units import Characters
from seqloom.sound.audio import About, about
from seqloom.sound.narrowness import narrowness

__all__ = [
    "ArrayProfile",
    "Ids",
    "SideProfile",
    "SoundProfile",
    "Spread",
    "Symbols",
    "find_separator",
    "numbered",
    "profile_arrays",
    "profile_side",
    "profile_sounds",
    "spread",
]

Ids = npt.NDArray[np.int64]

CHARACTERS = 0x110000  # code points that there can be
CODED = 10_000  # texts whose symbols stand in memory together
SEPARATOR_SAMPLE = 5000  # values looked at for a separator
OTHER_BLANKS = re.compile(r"[^\S ]|  ")


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is spread over the rows; zeros when there are none."""

    mean: float
    median: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Symbols:
    """One way to cut the values: how many symbols there are, and how much of new text would be symbols never seen."""

    total: int
    """Occurrences."""
    distinct: int
    once: int
    """Symbols that stand beside a single source, however often: what is repeated there tells nothing of new text."""
    rows_with_once: float
    """Share of the rows that hold one of those: about the share of new rows that will hold an unseen symbol."""

    @property
    def unseen(self) -> float:
        """Good–Turing estimate of the share of symbols in new text that were never seen (Good 1953): once / total."""
        return self.once / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class SideProfile:
    """One source column, or the target."""

    name: str
    count: int
    empty: float
    """Share of empty values."""
    distinct: int
    """Different values."""
    lengths: Spread
    """In characters (grapheme clusters)."""
    token_lengths: Spread
    """In tokens between blanks."""
    characters_per_token: float
    characters: Symbols
    """Grapheme clusters."""
    decomposed: Symbols
    """Code points of NFD: base letters and marks; Korean syllables in letters."""
    tokens: Symbols
    """Between blanks."""
    other_blanks: int
    """Values with tabs, line breaks or several blanks between tokens, which tokens do not keep."""
    separator: str | None
    """A mark inside the values that parts them into symbols of a small closed set, as in V;PRS;3;SG."""
    pieces: Symbols | None
    """What stands between the separators."""
    mark: str | None = None
    """Of pieces that words were cut into before, which all of this looks at put together; see `fields/pieces.py`."""
    is_of_moses: bool = False
    """Whether the text was tokenised as Moses does."""


@dataclass(frozen=True, slots=True)
class SoundProfile:
    """A source column that names sounds, from the headers of the files."""

    name: str
    count: int
    distinct: int
    """Different files."""
    seconds: Spread
    rate: int
    """Samples a second of most of them."""
    rates: int
    """Different numbers of samples a second."""
    channels: int
    """Of the one that has most."""
    narrowness: float = 0.0
    """How much of the energy of loud moments lies in a tenth of the mel bands, 0 to 1: of tones most."""


@dataclass(frozen=True, slots=True)
class ArrayProfile:
    """A column of numbers over time."""

    name: str
    count: int
    distinct: int
    """Different arrays."""
    lengths: Spread
    """In moments."""
    width: int
    """Numbers a moment."""


def profile_arrays(name: str, texts: Sequence[str], places: Sequence[str], side: str = "source") -> tuple[ArrayProfile, np.ndarray]:
    """The profile of a column of numbers over time, and their lengths (N,) in moments, int64; `places` is where each stands, `side` source
    or target.

    Raises:
        DataError: a text that is no array of the width of the first; says where.
    """
    lengths, width = list[int](), 0
    for text, where in zip(texts, places, strict=True):
        with standing_at(where):
            frames = frames_of_text(text, side)
        width = width or frames.shape[1]
        lengths.append(len(frames))
    counts = np.array(lengths, dtype=np.int64)
    return ArrayProfile(name, len(texts), len(set(texts)), spread(counts), width), counts


def profile_sounds(name: str, paths: Sequence[str], places: Sequence[str]) -> tuple[SoundProfile, np.ndarray]:
    """The profile of a column of sound files, and their lengths (N,) in hundredths of a second, int64; `places` is where each stands.

    Raises:
        DataError: a file whose header shows that it cannot be used.
    """
    known: dict[str, About] = {}
    for path, where in zip(paths, places, strict=True):
        if path and path not in known:
            with standing_at(where):
                known[path] = about(path)
    seconds = np.array([known[path].seconds if path else 0.0 for path in paths])
    rates = Counter(item.rate for item in known.values())
    found = SoundProfile(
        name=name,
        count=len(paths),
        distinct=len(known),
        seconds=spread(seconds),
        rate=rates.most_common(1)[0][0],
        rates=len(rates),
        channels=max(item.channels for item in known.values()),
        narrowness=narrowness(list(known)),
    )
    return found, np.ceil(100 * seconds).astype(np.int64)


def profile_side(name: str, values: Sequence[str], sources: Ids | None = None) -> tuple[SideProfile, np.ndarray, np.ndarray]:
    """The profile of a column, and its values' lengths (N,) in characters and in tokens, int64.

    Symbols are counted in NFC text, as fields read it by default. `sources` (N,) has the same number for rows of the same source;
    without it each row is one of its own.
    """
    mark = find_mark(values)
    texts = [unicodedata.normalize("NFC", value if mark is None else together(value, mark)) for value in values]
    groups = np.arange(len(texts)) if sources is None else sources
    joined = _joined(texts, groups, "")
    clusters = Characters()
    lengths = np.fromiter((len(clusters.parts(text)) for text in texts), np.int64, len(texts))
    tokens, token_lengths = _counted(texts, str.split)
    separator = find_separator([texts[place] for place in np.unique(groups, return_index=True)[1]])
    letters = sum(len(token) * count for token, count in tokens.items())
    side = SideProfile(
        name=name,
        count=len(texts),
        empty=sum(not text for text in texts) / max(len(texts), 1),
        distinct=len(set(texts)),
        lengths=spread(lengths),
        token_lengths=spread(token_lengths),
        characters_per_token=letters / max(int(token_lengths.sum()), 1),
        characters=_letters(texts, clusters.parts, joined),
        decomposed=_letters(texts, _decompose, joined),
        tokens=_symbols(tokens, texts, str.split, _joined(texts, groups, " ")),
        other_blanks=sum(OTHER_BLANKS.search(text) is not None for text in texts),
        separator=separator,
        pieces=_pieces_of(texts, separator, groups) if separator else None,
        mark=mark,
        is_of_moses=is_of_moses(texts),
    )
    return side, lengths, token_lengths


def spread(numbers: np.ndarray) -> Spread:
    """Mean, median, 99th percentile and largest of some numbers."""
    if not numbers.size:
        return Spread(0.0, 0.0, 0.0, 0.0)
    return Spread(float(numbers.mean()), float(np.median(numbers)), float(np.percentile(numbers, 99)), float(numbers.max()))


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _counted(texts: Sequence[str], cut: Callable[[str], Sequence[str]]) -> tuple[Counter[str], np.ndarray]:
    """How often each symbol occurs, and how many symbols each text has (N,), int64."""
    counts, lengths = Counter[str](), list[int]()
    for start in range(0, len(texts), CODED):
        parts = [cut(text) for text in texts[start : start + CODED]]
        lengths += map(len, parts)
        counts.update(chain.from_iterable(parts))
    return counts, np.array(lengths, np.int64)


def _pieces_of(texts: Sequence[str], separator: str, groups: Ids) -> Symbols:
    def cut(text: str) -> list[str]:
        return text.split(separator) if text else []

    return _symbols(_counted(texts, cut)[0], texts, cut, _joined(texts, groups, separator))


def numbered(sources: Iterable[tuple[str, ...]]) -> Ids:
    """(N,): the same number for the same source."""
    known: dict[tuple[str, ...], int] = {}
    return np.array([known.setdefault(source, len(known)) for source in sources], np.int64)


def _joined(texts: Sequence[str], groups: Ids, mark: str) -> Sequence[str]:
    """The texts of each source as one."""
    if len(np.unique(groups)) == len(texts):
        return texts
    together: dict[int, list[str]] = {}
    for text, group in zip(texts, groups.tolist(), strict=True):
        together.setdefault(group, []).append(text)
    return [mark.join(filter(None, part)) for part in together.values()]


def _symbols(counts: Counter[str], texts: Sequence[str], cut: Callable[[str], Iterable[str]], joined: Sequence[str]) -> Symbols:
    """What the counts of the texts' symbols say; `joined` are the texts of each source as one."""
    beside = Counter(chain.from_iterable(set(cut(text)) for text in joined))
    once = {symbol for symbol, count in beside.items() if count == 1}
    rows = sum(not once.isdisjoint(cut(text)) for text in texts) if once else 0
    return Symbols(counts.total(), len(counts), len(once), rows / max(len(texts), 1))


def _letters(texts: Sequence[str], cut: Callable[[str], Sequence[str]], joined: Sequence[str]) -> Symbols:
    """As `_symbols`, in a third of the time where `cut` gives texts whose characters are the symbols: those are counted as numbers."""
    numbers, counts, longest = np.zeros(CHARACTERS, np.int64), Counter[str](), 0
    for codes, ends, others in _coded(joined, cut):
        numbers += np.bincount(codes, minlength=CHARACTERS)
        for other in others:
            counts.update(other)
        longest = max(longest, int(np.diff(ends, prepend=0).max(initial=0)), *map(len, others))
    for number in np.flatnonzero(numbers):
        counts[chr(number)] += int(numbers[number])
    once = _beside_one(joined, cut, {symbol for symbol, count in counts.items() if count <= longest})
    is_once, rows = _is_in(once), 0
    for codes, ends, others in _coded(texts, cut) if once else ():
        rows += len(np.unique(np.searchsorted(ends, np.flatnonzero(is_once[codes]), side="right")))
        rows += sum(not once.isdisjoint(other) for other in others)
    return Symbols(counts.total(), len(counts), len(once), rows / max(len(texts), 1))


def _beside_one(joined: Sequence[str], cut: Callable[[str], Sequence[str]], rare: set[str]) -> set[str]:
    """Of rare letters, those that stand in a single text."""
    is_rare, numbers, beside = _is_in(rare), np.zeros(CHARACTERS, np.int64), Counter[str]()
    for codes, ends, others in _coded(joined, cut):
        places = np.flatnonzero(is_rare[codes])
        each = np.unique(np.searchsorted(ends, places, side="right") * CHARACTERS + codes[places])
        numbers += np.bincount(each % CHARACTERS, minlength=CHARACTERS)
        for other in others:
            beside.update(rare.intersection(other))
    for number in np.flatnonzero(numbers):
        beside[chr(number)] += int(numbers[number])
    return {symbol for symbol, count in beside.items() if count == 1}


def _is_in(symbols: set[str]) -> np.ndarray:
    """(CHARACTERS,): which code points are among the symbols, bool."""
    result = np.zeros(CHARACTERS, np.bool_)
    result[[ord(symbol) for symbol in symbols if len(symbol) == 1]] = True
    return result


def _coded(texts: Sequence[str], cut: Callable[[str], Sequence[str]]) -> Iterator[tuple[np.ndarray, np.ndarray, list[Sequence[str]]]]:
    """Some texts at a time: the code points of those that are cut at each character, where each such text ends, and the others' symbols."""
    for start in range(0, len(texts), CODED):
        parts = [cut(text) for text in texts[start : start + CODED]]
        simple = [part for part in parts if isinstance(part, str)]
        codes = np.frombuffer("".join(simple).encode("utf-32-le", "surrogatepass"), np.uint32)
        yield codes, np.cumsum([len(part) for part in simple]), [part for part in parts if not isinstance(part, str)]


def find_separator(texts: Sequence[str]) -> str | None:
    """The mark between symbols of a small closed set, or None.

    It stands in most values, hardly ever (2 %) beside a blank, and what is between two of it recurs: nearly nothing (2 %) occurs only
    once, and a piece occurs five times on average. Pieces that are mostly numbers (dates, amounts) do not count, nor single values in
    all rows.
    """
    values = [text for text in texts[:SEPARATOR_SAMPLE] if text]
    marks = Counter(
        mark for text in values for mark in set(text) if not mark.isalnum() and not mark.isspace() and not unicodedata.combining(mark)
    )
    found = [(_pieces(values, mark), mark) for mark, count in marks.items() if count * 2 > len(values)]
    found = [(pieces, mark) for pieces, mark in found if _is_closed(pieces)]
    return max(found, key=lambda item: len(item[0]))[1] if found else None


def _pieces(values: Sequence[str], mark: str) -> list[str]:
    return [piece for text in values for piece in text.split(mark)]


def _is_closed(pieces: Sequence[str]) -> bool:
    total, counts = len(pieces), Counter(pieces)
    blanks = sum(count for piece, count in counts.items() if not piece or " " in piece)
    numbers = sum(count for piece, count in counts.items() if piece.isdecimal())
    once = sum(count == 1 for count in counts.values())
    letters = sum(len(piece) * count for piece, count in counts.items())
    return blanks * 50 < total and numbers * 2 < total and once * 50 <= total and len(counts) * 5 <= total and letters > total
