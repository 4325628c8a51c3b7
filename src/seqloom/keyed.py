"""Lines of an id, a blank and the rest, as recipes of speech keep sounds and words in two files: Kaldi's `wav.scp` and `text`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from seqloom.audio import is_sound
from seqloom.errors import DataError
from seqloom.lines import LineCounts
from seqloom.sounds import IF_TEXTS, LOOKED_AT, NEARLY_ALL, located, name_sounds

__all__ = ["apart", "behind_id", "joined", "lists_ids", "may_have_ids", "recipe_in", "share_ids"]


def apart(line: str) -> tuple[str, str]:
    """The id that a line begins with, and the rest."""
    key, *rest = line.split(None, 1) or [""]
    return key, rest[0].strip() if rest else ""


def may_have_ids(pairs: Sequence[Sequence[str]]) -> bool:
    """Whether lines of two files may begin with ids: nearly all stand once, and behind those of one file alone nearly all name sounds, or
    commands for them.
    """
    sides = [[apart(line) for line in lines if line] for lines in zip(*pairs, strict=True)]
    if sum(name_sounds(_sound_in(rest) for _, rest in side) for side in sides) != 1:
        return False
    return all(len({key for key, _ in side}) >= NEARLY_ALL * len(side) for side in sides)


def share_ids(first: Iterable[str], second: Iterable[str]) -> bool:
    """Whether most lines of one of two files begin with ids that lines of the other begin with."""
    one, other = ({apart(line)[0] for line in lines if line.strip()} for lines in (first, second))
    return 2 * len(one & other) >= min(len(one), len(other))


def _sound_in(rest: str) -> str:
    """The sound that is named behind an id: by a word of a command, where that is one."""
    words = (word.strip("'\"") for word in rest.split()) if rest.endswith("|") else ()
    return next(filter(is_sound, words), rest)


def joined(
    first: Iterable[tuple[int, str]], second: Iterable[tuple[int, str]], names: tuple[str, str], counts: LineCounts
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """What stands behind the ids of numbered lines, in the order of the first, each beside that of the second with the same id; nothing for
    a line whose id the other file does not have, which is counted.

    Args:
        names: of the files, for what is said of a fault.

    Raises:
        DataError: an id stands twice in a file, or a line gives a command in place of a sound.
    """
    others, seen = _by_id(second, names[1]), dict[str, int]()
    for number, line in first:
        (key, rest), place = apart(line), f"{names[0]}:{number}"
        if not key:
            yield number, ()
            continue
        _once(seen, key, number, names[0])
        if key not in others:
            counts.leave_alone(names[0], place)
            counts.without_partner += 1
            yield number, ()
            continue
        beside, other = others[key]
        yield number, (_no_command(rest, place), _no_command(other, f"{names[1]}:{beside}"))
    for key, (number, _) in others.items():
        if key not in seen:
            counts.leave_alone(names[1], f"{names[1]}:{number}")


def _by_id(lines: Iterable[tuple[int, str]], name: str) -> dict[str, tuple[int, str]]:
    found, seen = dict[str, tuple[int, str]](), dict[str, int]()
    for number, line in lines:
        key, rest = apart(line)
        if key:
            _once(seen, key, number, name)
            found[key] = number, rest
    return found


def _once(seen: dict[str, int], key: str, number: int, name: str) -> None:
    """Keep where an id stands, which must be once in its file."""
    if seen.setdefault(key, number) != number:
        what = f"the id {key!r} stands here and on line {seen[key]:,}; expected it once"
        raise DataError(f"{name}:{number}: {what}. Leave one out. {IF_TEXTS}")


def _no_command(rest: str, place: str) -> str:
    if rest.endswith("|"):
        raise DataError(
            f"{place}: a command ({rest:.60}); expected the name of a sound file. Run it, and name the file that it writes. {IF_TEXTS}"
        )
    return rest


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


def recipe_in(folder: str) -> list[str]:
    """The files of sounds and of words in a folder of a recipe, `wav.scp` and `text`; none where it has not both.

    Raises:
        DataError: it cuts the sounds into segments.
    """
    files = [os.path.join(folder, name) for name in ("wav.scp", "text")]
    if not all(map(os.path.isfile, files)):
        return []
    if os.path.exists(segments := os.path.join(folder, "segments")):
        what = "segments of the sounds in wav.scp; expected a sound for each line of text"
        raise DataError(f"{segments}: {what}. Cut them into files, as Kaldi's extract-segments does, and list those in wav.scp.")
    return files
