"""Sources that name sound files: how they are told from texts, where the files lie, and which of them cannot be used."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from seqloom.data.lines import read_lines
from seqloom.errors import DataError, MissingFileError, count_of
from seqloom.sound.audio import READABLE, is_sound, read_sound
from seqloom.sound.clips import clip_of

__all__ = [
    "DEV_PARTS",
    "FOLDER_COLUMNS",
    "IF_TEXTS",
    "LOOKED_AT",
    "NEARLY_ALL",
    "TEST_PARTS",
    "TRAIN_PARTS",
    "FaultySounds",
    "SoundFolder",
    "hint_at_texts",
    "located",
    "name_sounds",
    "name_sounds_without_ends",
    "require_sound",
    "sounds_in",
]

TRAIN_PARTS, DEV_PARTS, TEST_PARTS = (
    ("train", "training"),
    ("validation", "valid", "val", "dev", "development", "eval"),
    ("test", "testing"),
)
"""What the parts of a data set are called."""

NEARLY_ALL = 0.9
"""Share of the values in a column of sounds that end as names of sound files do."""
IF_TEXTS = "If they are texts: --set data.sounds=false."
"""What is said where lines were taken for names of sounds."""
FOLDERS = 50
"""In the folder of a table, that sounds are looked for in."""
LOOKED_AT, LONGEST = 20, 100
"""Values that may be names of sounds without their ends, or behind ids, and characters of one."""
FOLDER_COLUMNS = ("path", "text")
"""What the columns of a folder of sounds and transcripts are called."""


def name_sounds(values: Iterable[str]) -> bool:
    """Whether values name sound files: nearly all that are not empty, so that a slip of the pen in one is named. Words that end as
    films and sounds do that nothing here reads (`how do I open x.mov`) are texts, unless nearly all values are paths without blanks.
    """
    given = [value for value in values if value]
    paths = [value for value in given if len(value.split()) == 1]
    are_paths = len(paths) >= NEARLY_ALL * len(given)
    named = [is_sound(value) and (are_paths or is_sound(value, READABLE) or len(value.split()) == 1) for value in given]
    return bool(named) and sum(named) >= NEARLY_ALL * len(named)


def located(name: str, table: str) -> str:
    """The whole path of a sound that a table names, from the folder of the table, or from here for standard input: however it is spelled,
    and from wherever it is asked for, a sound has one name. One that is not there is looked for in the folders of that folder, and a name
    without an end with those of sounds; it is taken where one file alone is found. The times of a clip stay.
    """
    if not name:
        return ""
    name, clip = clip_of(name)
    home = "" if table == "-" else os.path.dirname(table)
    whole = os.path.abspath(os.path.join(home, name))
    if os.path.isfile(whole) or os.path.isabs(name):
        return f"{whole}{clip}"
    places = [whole, *(os.path.abspath(os.path.join(home, inner, name)) for inner in _folders_in(home or "."))]
    ends = [""] if is_sound(name) else ["", *sorted(READABLE)]
    found = [path for place in places for end in ends if os.path.isfile(path := place + end)]
    return f"{found[0] if len(found) == 1 else whole}{clip}"


def _folders_in(folder: str) -> tuple[str, ...]:
    """The names of the folders in a folder, where they are few."""
    try:
        return _folders_since(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=8)
def _folders_since(folder: str, changed: int) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return tuple(names) if len(names) <= FOLDERS else ()


def name_sounds_without_ends(values: Iterable[str], table: str) -> bool:
    """Whether values name sounds that lie where the table does, or in a folder there, all but their ends."""
    some = [value for value in islice(filter(None, values), LOOKED_AT) if len(value) < LONGEST and not is_sound(value)]
    found = (is_sound(located(value, table)) for value in some)
    return next(found, False) and 1 + sum(found) >= NEARLY_ALL * len(some)


def require_sound(name: str, where: str) -> None:
    """Raises a DataError for a row that has a transcript and names no sound."""
    if not name:
        raise DataError(
            f"{where}: a transcript without sound: the name is empty; expected that of a sound file. Fill it in, or remove the row. "
            "Go on without such rows with --skip-bad."
        )


@contextmanager
def hint_at_texts(asked: bool | None) -> Generator[None]:
    """Where a sound is missing and nobody said that names are sounds, the way to read them as texts is said too."""
    try:
        yield
    except MissingFileError as error:
        hint = " If such names are texts: --set data.sounds=false." if asked is None else ""
        raise MissingFileError(f"{error}{hint}") from None


# --------------------------------------------------------------------------------------------------------------- folders


def sounds_in(folder: str) -> list[str]:
    """The sound files of a folder and the folders in it, from that folder, by name."""
    found = (path for path in Path(folder).rglob("*") if is_sound(path.name) and path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


@dataclass(frozen=True, slots=True)
class SoundFolder:
    """A folder of sounds and their words: each has them in a text of its name, or behind its name in one text for all beside it; or else
    they lie in folders that are called so.
    """

    folder: str
    words: dict[str, str | None]
    """Of each sound, from the folder, by name; None: in the file beside it."""
    lonely: list[str]
    """Text files, and lines of them, that have no sound beside them, or one with a text of its own."""
    labels: tuple[str, ...] = ()
    """The folders in it, where they are called as what is said in them."""

    @classmethod
    def read(cls, folder: str) -> SoundFolder:
        """What is in a folder and the folders in it.

        Raises:
            DataError: no sounds at all, one without words, or one with several.
        """
        sounds = sounds_in(folder)
        if not sounds:
            raise DataError(f"{folder}: a folder; expected a file, or a folder of sounds, each with a .txt beside it. Name the file in it.")
        texts = sorted(path.relative_to(folder) for path in Path(folder).rglob("*.txt") if path.is_file())
        if labels := _labels(folder, sounds, texts):
            return cls(folder, {name: os.path.dirname(name) for name in sounds}, [], labels)
        named, names = {text.with_suffix("").as_posix() for text in texts}, {os.path.splitext(name)[0]: name for name in sounds}
        words, lonely = dict[str, _Said](), list[str]()
        for text in texts:
            if text.with_suffix("").as_posix() not in names:
                lonely += _lines_behind_names(Path(folder), text, {stem: name for stem, name in names.items() if stem not in named}, words)
        for name in sounds:
            if name not in words and os.path.splitext(name)[0] not in named:
                missing = f"{Path(folder, name).with_suffix('.txt')}: missing; expected the transcript of the sound beside it"
                folders = "" if texts else ", or put all sounds into folders, two at least, that are called as what is said in them"
                raise DataError(f"{missing}. Write it, or name a table of path and text{folders}.")
        return cls(folder, {name: words[name].words if name in words else None for name in sounds}, lonely)

    def rows(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """Number, sound and words; DataError where a text file is not UTF-8."""
        for number, (name, words) in enumerate(self.words.items(), 1):
            yield number, (name, _transcript(Path(self.folder, name).with_suffix(".txt")) if words is None else words)

    def notes(self) -> list[str]:
        """Where the words are; and a sentence with the number of texts without a sound, and the first."""
        if self.labels:
            shown = ", ".join(self.labels[:8]) + (f" and {len(self.labels) - 8:,} more" if len(self.labels) > 8 else "")
            return [f"A folder of {len(self.labels):,} folders of sounds; what is said in each is what it is called: {shown}."]
        return ["A folder of sounds, each with a transcript beside it.", *self._lonely()]

    def _lonely(self) -> list[str]:
        if not self.lonely:
            return []
        texts, them = ("text has", "it") if len(self.lonely) == 1 else ("texts have", "them")
        return [
            f"{len(self.lonely):,} {texts} no sound beside {them}, or one with a text of its own, and went by, such as {self.lonely[0]}."
        ]


def _labels(folder: str, sounds: Sequence[str], texts: Sequence[Path]) -> tuple[str, ...]:
    """The folders in which all sounds lie, two at the least, where no text says anything of them; one that only lists sounds does not."""
    names = sorted({os.path.dirname(sound) for sound in sounds})
    if len(names) < 2 or not all(names) or any("/" in name for name in names):
        return ()
    if all(name.casefold() in (*TRAIN_PARTS, *DEV_PARTS, *TEST_PARTS) for name in names) or any(map(_is_table, os.listdir(folder))):
        return ()
    return tuple(names) if all(_lists_only(Path(folder), text, frozenset(sounds)) for text in texts) else ()


def _is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv", ".jsonl"))


def _lists_only(folder: Path, text: Path, sounds: frozenset[str]) -> bool:
    """Whether a text has a sound of the folder on every line, and nothing else."""
    try:
        lines = [line.strip() for _, line in read_lines(str(folder / text)) if line.strip()]
    except DataError:
        return False
    return bool(lines) and all((text.parent / line).as_posix() in sounds for line in lines)


class _Said(NamedTuple):
    words: str
    where: str


def _lines_behind_names(folder: Path, text: Path, names: Mapping[str, str], words: dict[str, _Said]) -> list[str]:
    """Where lines of a text file stand that begin with the name of no sound; of a file without such names its path.

    Args:
        names: of the sounds that have no text of their own, by what they are without their ends.
        words: of the sounds, to which those that are found are added.

    Raises:
        DataError: a sound has other words already.
    """
    try:
        lines = [(number, *line.split(None, 1)) for number, line in read_lines(str(folder / text)) if line.strip()]
    except DataError:  # no text
        lines = []
    found = {number: names.get(os.path.join(text.parent.as_posix(), name).removeprefix("./")) for number, name, *_ in lines}
    if not any(found.values()):
        return [str(folder / text)]
    for number, _, *rest in lines:
        if heard := found[number]:
            said = _Said(" ".join(" ".join(rest).split()), f"{folder / text}:{number}")
            if words.setdefault(heard, said).words != said.words:
                expected = f"expected one transcript of {heard}, which has another at {words[heard].where}"
                raise DataError(f"{said.where}: {said.words[:40]!r}; {expected}. Leave one out.")
    return [f"{folder / text}:{number}" for number, heard in found.items() if not heard]


def _transcript(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start + 1} is not UTF-8; expected UTF-8. Convert the transcript.") from None


# ---------------------------------------------------------------------------------------------------------------- faults


class FaultySounds:
    """Sounds that cannot be used, each read whole once to find out."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self.rows = 0
        """That became blank for them."""
        self.names: dict[int, str] = {}
        """Of those, by the number of the row, from 1."""

    def __contains__(self, path: str) -> bool:
        if path not in self._reasons:
            try:
                read_sound(path)
                self._reasons[path] = ""
            except DataError as error:
                self._reasons[path] = str(error).partition("; expected")[0]
        return bool(self._reasons[path])

    def notes(self) -> list[str]:
        """One sentence with the number of such sounds and the first of them."""
        faults = [reason for reason in self._reasons.values() if reason]
        if not faults:
            return []
        return [f"{count_of(len(faults), 'sound')} could not be used and went by, such as {faults[0]}."]
