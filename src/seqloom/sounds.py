"""Sources that name sound files: how they are told from texts, where the files lie, and which of them cannot be used."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seqloom.audio import is_sound, read_sound
from seqloom.errors import DataError, MissingFileError

__all__ = ["FOLDER_COLUMNS", "FaultySounds", "folder_rows", "hint_at_texts", "located", "name_sounds", "require_sound", "sounds_in"]

NEARLY_ALL = 0.9
"""Share of the values in a column of sounds that end as names of sound files do."""
FOLDER_COLUMNS = ("path", "text")
"""What the columns of a folder of sounds and transcripts are called."""


def name_sounds(values: Iterable[str]) -> bool:
    """Whether values name sound files: nearly all that are not empty, so that a slip of the pen in one is found and named."""
    named = [is_sound(value) for value in values if value]
    return bool(named) and sum(named) >= NEARLY_ALL * len(named)


def located(name: str, table: str) -> str:
    """The whole path of a sound that a table names, from the folder of the table, or from here for standard input: however it is spelled,
    and from wherever it is asked for, a sound has one name.
    """
    return os.path.abspath(os.path.join("" if table == "-" else os.path.dirname(table), name)) if name else ""


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


def folder_rows(folder: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Number, sound and transcript, by name: each sound has a text file of the same name beside it.

    Raises:
        DataError: no sounds at all, one of both is missing, or a transcript is not UTF-8.
    """
    sounds = sounds_in(folder)
    if not sounds:
        raise DataError(f"{folder}: a folder; expected a file, or a folder of sounds, each with a .txt beside it. Name the file in it.")
    _refuse_lonely(folder, sounds)
    for number, name in enumerate(sounds, 1):
        yield number, (name, _transcript(Path(folder, name).with_suffix(".txt")))


def _refuse_lonely(folder: str, sounds: Sequence[str]) -> None:
    heard = {Path(folder, name).with_suffix(".txt") for name in sounds}
    for path in sorted(Path(folder).rglob("*.txt")):
        if path not in heard:
            beside = f"{path.stem}.wav (or another sound)"
            raise DataError(f"{path}: a transcript without sound; expected {beside} beside it. Add the sound, or remove the transcript.")
    for path in sorted(heard):
        if not path.is_file():
            raise DataError(f"{path}: missing; expected the transcript of the sound beside it. Write it, or name a table of path and text.")


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
        return [f"{len(faults):,} sound{'' if len(faults) == 1 else 's'} could not be used and went by, such as {faults[0]}."]
