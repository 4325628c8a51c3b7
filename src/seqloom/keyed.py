"""Lines of an id, a blank and the rest, as recipes of speech keep sounds and words in two files: Kaldi's `wav.scp` and `text`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice

from seqloom.audio import is_sound
from seqloom.errors import DataError
from seqloom.sounds import IF_TEXTS, LOOKED_AT, NEARLY_ALL, located, name_sounds

__all__ = ["apart", "behind_id", "behind_ids", "lists_ids", "share_ids"]


def apart(line: str) -> tuple[str, str]:
    """The id that a line begins with, and the rest."""
    key, *rest = line.split(None, 1) or [""]
    return key, rest[0].strip() if rest else ""


def share_ids(pairs: Sequence[Sequence[str]]) -> bool:
    """Whether lines of two files begin with ids, each once and most of them in both, behind which nearly all lines of one file alone name
    sounds, or commands for them.
    """
    sides = [[apart(line) for line in lines if line] for lines in zip(*pairs, strict=True)]
    if sum(name_sounds(_sound_in(rest) for _, rest in side) for side in sides) != 1:
        return False
    first, second = ({key for key, _ in side} for side in sides)
    once = len(first) == len(sides[0]) and len(second) == len(sides[1])
    return once and 2 * len(first & second) >= min(len(first), len(second))


def _sound_in(rest: str) -> str:
    """The sound that is named behind an id: by a word of a command, where that is one."""
    words = (word.strip("'\"") for word in rest.split()) if rest.endswith("|") else ()
    return next(filter(is_sound, words), rest)


def behind_ids(lines: tuple[str, str], places: tuple[str, str]) -> tuple[str, str]:
    """What stands behind the id of two lines, which is the same.

    Args:
        places: of the lines, for what is said of a fault.

    Raises:
        DataError: the ids differ, or a line gives a command in place of a sound.
    """
    (one, first), (other, second) = map(apart, lines)
    if one != other:
        what = f"the id {one!r} stands beside {other!r} in {places[1]}; expected the same ids in both, line by line"
        raise DataError(f"{places[0]}: {what}. Sort both files by them, and leave out what stands in one alone. {IF_TEXTS}")
    for place, rest in zip(places, (first, second), strict=True):
        if rest.endswith("|"):
            raise DataError(
                f"{place}: a command ({rest:.60}); expected the name of a sound file. Run it, and name the file that it writes. {IF_TEXTS}"
            )
    return first, second


def lists_ids(lines: Iterable[str], table: str) -> bool:
    """Whether the first lines of a list of sounds, two at the least, are ids with names behind them: nearly all are no files where their
    rests are, each another one.
    """
    some = list(islice(filter(None, lines), LOOKED_AT))
    rests = (located(apart(line)[1], table) for line in some if not os.path.exists(located(line, table)))
    found = [rest for rest in rests if os.path.isfile(rest)]
    return len(some) > 1 and len(set(found)) == len(found) and len(found) >= NEARLY_ALL * len(some)


def behind_id(line: str, table: str) -> str:
    """What a line of a list with ids names: what stands behind the id, or all of it, where that is what exists."""
    return line if os.path.exists(located(line, table)) else apart(line)[1] or line
