"""Lines of an id, a blank and the rest, as recipes of speech keep sounds and words in two files: Kaldi's `wav.scp` and `text`, and
`segments`, which says what of a sound in `wav.scp` a line of `text` is of.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from seqloom.data.lines import LineCounts, read_lines, shown
from seqloom.errors import DataError
from seqloom.sound.audio import is_sound
from seqloom.sound.clips import Clip, file_of
from seqloom.sound.sounds import IF_TEXTS, LOOKED_AT, NEARLY_ALL, located, name_sounds

__all__ = ["apart", "behind_id", "joined", "keyed_lines", "list_in", "lists_ids", "may_have_ids", "recipe_in", "share_ids"]

SOUNDS, WORDS, SEGMENTS = "wav.scp", "text", "segments"


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
    rests = (located(apart(line)[1], table) for line in some if not os.path.exists(file_of(located(line, table))))
    found = [rest for rest in rests if os.path.isfile(file_of(rest))]
    return len(some) > 1 and len(set(found)) == len(found) and len(found) >= NEARLY_ALL * len(some)


def behind_id(line: str, table: str) -> str:
    """What a line of a list with ids names: what stands behind the id, or all of it, where that is what exists."""
    return line if os.path.exists(file_of(located(line, table))) else apart(line)[1] or line


def recipe_in(folder: str) -> list[str]:
    """The files of sounds and of words in a folder of a recipe; none where it has not both."""
    listed, words = list_in(folder), os.path.join(folder, WORDS)
    return [listed, words] if listed and os.path.isfile(words) else []


def list_in(folder: str) -> str:
    """The file that lists the sounds of a folder, behind ids: `segments`, or else `wav.scp`; '' where there is none."""
    if not os.path.isfile(sounds := os.path.join(folder, SOUNDS)):
        return ""
    return segments if os.path.isfile(segments := os.path.join(folder, SEGMENTS)) else sounds


def keyed_lines(path: str, counts: LineCounts | None = None) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file. Those of `segments` beside a `wav.scp` are told as that would name the clips: an id, and a file with
    times.

    Raises:
        DataError: a line that is none of segments, or of a recording that `wav.scp` has not; and as `read_lines`.
    """
    lines, recordings = read_lines(path, counts), os.path.join(os.path.dirname(path), SOUNDS)
    if os.path.basename(path) != SEGMENTS or not os.path.isfile(recordings):
        return lines
    names = _by_id(read_lines(recordings), shown(recordings))
    return ((number, line.strip() and _as_clip(line, f"{shown(path)}:{number}", names, recordings)) for number, line in lines)


def _as_clip(line: str, place: str, names: Mapping[str, tuple[int, str]], recordings: str) -> str:
    """An id, and the clip that a line of segments means: its id, that of a recording, and two times, of which -1 is the end."""
    try:
        key, recording, *rest = line.split()
        begin, end = map(float, rest)
        clip = Clip(begin, math.inf if end == -1 else end)
    except ValueError:
        expected = "expected an id, that of a recording, and from which second to which"
        raise DataError(f"{place}: {line:.60}; {expected}. Mend the line.") from None
    if recording not in names:
        raise DataError(f"{place}: no recording {recording!r} in {recordings}; expected its sound there. Add it, or leave the line out.")
    number, sound = names[recording]
    return f"{key} {_no_command(sound, f'{recordings}:{number}')}{clip}"
