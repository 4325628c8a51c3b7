"""How the two sides of pairs relate: their lengths, and what stands on both."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from seqloom.data.rows import Row
from seqloom.planning.sides import Ids, Spread, spread

__all__ = [
    "Ends",
    "NewWords",
    "ceiling",
    "correlation",
    "new_words",
    "order",
    "picked_out",
    "ratio",
    "shared",
    "telling_ends",
    "with_all_targets",
]

FEWEST_NEW_WORDS, MOST_SOURCES = 20, 5
"""Rare words, from which on they say something; sources that a word may be seen beside to be called rare."""
NEARLY_ALL = 0.95
"""Share of the rows that can come out right, up to which it is worth saying that no more can."""
ORDERED_SYMBOLS, FEWEST_PLACES = 100, 30
"""Of rows that are looked at for the order of their sides: symbols at the most, and the fewest places that say something."""
ENDS_OF, LARGEST_END = 1000, 50
"""Rows, at the most, by which is told which end of a source says more of its target; words of an end, at the most."""
PRIOR, SEEN = 4, 0.5
"""How many rows the share of a target word in all rows counts as, beside those that hold a word of the source; how likely a target word is
taken to be where it stands in the source itself.
"""
WORD = regex.compile(r"[\w\p{M}\u200c\u200d]+")


@dataclass(frozen=True, slots=True)
class NewWords:
    """How much of what training has not seen stands in its source, as shares of the target's rarest words."""

    copied: float
    """As it is."""
    respelled: float
    """In other case or with other marks alone, and not as it is."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How much the first third of a source says of its target, and the last: bits a target word, by the most telling word of each."""

    begin: float
    end: float


def ratio(target: np.ndarray, source: np.ndarray) -> Spread:
    """Of lengths (N,): the target's over the source's, where there is a source."""
    return spread(target[source > 0] / source[source > 0])


def correlation(source: np.ndarray, target: np.ndarray) -> float:
    """Of lengths (N,) (Pearson); 0 where one does not vary."""
    scale = float(source.std() * target.std())
    return float(((source - source.mean()) * (target - target.mean())).mean()) / scale if scale > 0 else 0.0


def shared(rows: Sequence[Row]) -> tuple[float, float]:
    """Shares of the targets' characters and tokens that their own sources hold."""
    letters = same_letters = tokens = same_tokens = 0
    for row in rows:
        text, words = _letters(row.target), row.target.split()
        letters, tokens = letters + len(text), tokens + len(words)
        others = set(text).difference(*map(_letters, row.source))
        same_letters += len(text) - sum(map(text.count, others))
        same_tokens += sum(map(set[str]().union(*map(str.split, row.source)).__contains__, words))
    return same_letters / max(letters, 1), same_tokens / max(tokens, 1)


def new_words(rows: Sequence[Row], sources: Ids) -> NewWords | None:
    """How much of what training has not seen stands in its source, None where too little tells: Good (1953) takes words seen once for a
    picture of those never seen. Where these are too few, as a name is that stands in each turn of its dialogue, the next rarest are taken.

    `sources` (N,) has the same number for rows of the same source: a word that stands beside one source alone is seen once.
    """
    places: dict[str, list[int]] = {}
    groups = sources.tolist()
    for number, row in enumerate(rows):
        for word in _words(row.target):
            found = places.setdefault(word, [])
            if len(found) <= MOST_SOURCES and all(groups[number] != groups[before] for before in found):
                found.append(number)
    for most in range(1, MOST_SOURCES + 1):
        rare = {word: found for word, found in places.items() if len(found) <= most}
        if len(rare) >= FEWEST_NEW_WORDS:
            return _new_words([(word, rows[number].source) for word, found in rare.items() for number in found])
    return None


def _new_words(beside: Sequence[tuple[str, tuple[str, ...]]]) -> NewWords:
    """What stands in its source, of words that each stand beside one."""
    others = [(word, source) for word, source in beside if not _stands_in(word, source)]
    respelled = sum(_stands_in(_bare(word), map(_bare, source)) for word, source in others)
    return NewWords(1 - len(others) / len(beside), respelled / len(beside))


def _stands_in(word: str, texts: Iterable[str]) -> bool:
    return any(word in _words(text) for text in texts)


def _bare(text: str) -> str:
    """The text without case and without marks on its letters; vowel signs, which are no such marks, stay."""
    return "".join(letter for letter in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(letter))


def picked_out(rows: Sequence[Row]) -> float:
    """Share of the rows whose target is a part of one source column, word for word, whatever marks stand around it."""
    wanted = [(f" {' '.join(_words(row.target))} ", row.source) for row in rows]
    return sum(target != "  " and any(target in f" {' '.join(_words(text))} " for text in source) for target, source in wanted) / len(rows)


def telling_ends(rows: Sequence[Row]) -> Ends | None:
    """How much each end of the longest source column says of the target: told by half of the rows, measured on the others. None where no
    source has several words.
    """
    rows = rows[:: -(-len(rows) // ENDS_OF)]
    longest = max(range(len(rows[0].source)), key=lambda place: sum(len(row.source[place]) for row in rows))
    cut = [(_ends(_words(row.source[longest])), set(_words(row.target))) for row in rows]
    whole = [(ends, target) for ends, target in cut if ends]
    if len(whole) < 2:
        return None
    return Ends(*(_bits([(ends[place], target) for ends, target in whole]) for place in (0, 1)))


def _ends(words: Sequence[str]) -> tuple[set[str], set[str]] | None:
    """The first third of the words and the last, None of too few."""
    count = min(len(words) // 3, LARGEST_END)
    return (set(words[:count]), set(words[-count:])) if count else None


def _bits(pairs: Sequence[tuple[set[str], set[str]]]) -> float:
    """How many bits the words of a source save of a target word, at the best one, as the first of every two pairs have them together."""
    told, measured = pairs[::2], pairs[1::2]
    targets = Counter(word for _, target in told for word in target)
    sources = Counter(word for source, _ in told for word in source)
    both = Counter((word, other) for source, target in told for word in source for other in target)
    bits = list[float]()
    for source, target in measured:
        for word in target:
            share = (targets[word] + 1) / (len(told) + 2)
            likely = max((both[other, word] + PRIOR * share) / (sources[other] + PRIOR) for other in source)
            bits.append(max(math.log2(max(likely, SEEN * (word in source)) / share), 0))
    return sum(bits) / max(len(bits), 1)


def with_all_targets(rows: Sequence[Row]) -> tuple[list[Row], list[list[str]]]:
    """The first row of each source, and the targets of all its rows."""
    first: dict[tuple[str, ...], Row] = {}
    targets: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        first.setdefault(row.source, row)
        targets.setdefault(row.source, []).append(row.target)
    return list(first.values()), [list(dict.fromkeys(found)) for found in targets.values()]


def ceiling(rows: Sequence[Row], of: str = "") -> list[str]:
    """A sentence where sources have several targets: how many rows come out right at the best, since a model gives each source one answer.

    `of` says whose rows they are, as in "dev ".
    """
    targets: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        targets.setdefault(row.source, Counter())[row.target] += 1
    right = sum(max(counts.values()) for counts in targets.values())
    if right > NEARLY_ALL * len(rows):
        return []
    best = f"at most {right:,} of {len(rows):,} {of}pairs can come out right (exact_match {right / len(rows):.2f})"
    return [f"some {of}sources have several targets, and a model gives one answer to each: {best}"]


def order(rows: Sequence[Row]) -> float:
    """How far the symbols of a target stand in the order of those that they go with in the source: the correlation of their places, 1 for
    the same order, -1 for the reverse, 0 for none and where too little tells.

    A target's symbol goes with the one that stands most often beside it and seldom without (Dice 1945); counted are pairs of these where
    each stands once in its row.
    """
    read = [(_symbols(row.source[0]), _symbols(row.target)) for row in rows if len(row.source) == 1]
    pairs = [(source, target) for source, target in read if source and target and max(len(source), len(target)) <= ORDERED_SYMBOLS]
    sources, targets = (Counter(symbol for pair in pairs for symbol in set(pair[side])) for side in (0, 1))
    beside = Counter((ours, theirs) for source, target in pairs for ours in set(source) for theirs in set(target))
    with_it = dict[str, tuple[float, str]]()
    for (ours, theirs), count in beside.items():
        with_it[theirs] = max(with_it.get(theirs, (0.0, "")), (count / (sources[ours] + targets[theirs]), ours))
    places = [
        ((source.index(ours) + 0.5) / len(source), (place + 0.5) / len(target))
        for source, target in pairs
        for place, theirs in enumerate(target)
        if source.count(ours := with_it[theirs][1]) == target.count(theirs) == 1
    ]
    return correlation(*np.array(places).T) if len(places) >= FEWEST_PLACES else 0.0


def _symbols(text: str) -> list[str]:
    """Tokens where there are blanks, else letters."""
    return text.split() if " " in text.strip() else [*unicodedata.normalize("NFC", text.strip())]


def _words(text: str) -> list[str]:
    """Runs of letters, digits and what combines with them, composed as fields are: the marks around a word are not what is copied."""
    return WORD.findall(unicodedata.normalize("NFC", text))


def _letters(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace(" ", "")
