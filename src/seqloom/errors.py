"""The exception tree: each error says where, what was expected and got, and what to do, in one line.

Every error is also the built-in that a Python user would expect (`ValueError`, `FileNotFoundError`, ...), so that code which does
not know Seqloom can catch it. The command line prints `str(error)` and exits with 2.
"""

from __future__ import annotations

import difflib
import re
import sys
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "MissingFileError",
    "MissingPackageError",
    "PartError",
    "SeqloomError",
    "TooLongError",
    "TrainingError",
    "count_of",
    "first_few",
    "in_words_of_python",
    "listed",
    "nearest",
    "short",
    "standing_at",
    "warn_caller",
]


class SeqloomError(Exception):
    """Anything that a user can mend: the message is one line and says how."""


class DataError(SeqloomError, ValueError):
    """A file or value that cannot be read as pairs of sequences."""


class MissingFileError(DataError, FileNotFoundError):
    """A file that is not there."""

    def __str__(self) -> str:
        return str(self.args[0])


class MissingPackageError(SeqloomError, ModuleNotFoundError):
    """A package that is not installed, and that what was asked for needs."""


class TooLongError(DataError):
    """A source or target that is over the length limits of a model."""


class ConfigError(SeqloomError, ValueError):
    """A setting that does not exist, is out of range, or contradicts another."""


class PartError(SeqloomError, TypeError):
    """An attention, an encoder or a decoder of a user's that does not keep its contract."""


class CheckpointError(SeqloomError, ValueError):
    """A run directory that is not one, is damaged, or is of another format."""


class TrainingError(SeqloomError, RuntimeError):
    """Training that cannot go on; the last good checkpoint is kept."""


class standing_at:
    """What is wrong inside is said with its place in front: `train.tsv:17: ...`."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DataError):
            raise type(error)(f"{self.where}: {error}") from None


SETTING = r"--set ([\w.]+=(?:\[[^\]]*\]|\{[^}]*\}|[^\s;,)]*[^\s.;,)]))"
SETTINGS = rf"(?<![^\s(]){SETTING}(?: {SETTING})*"
"""Of the command line, one or several behind each other."""
OPTIONS = (
    (r"(?<!\S)--overwrite\b", "overwrite=True"),
    (r"\banother --out\b", "another out"),
    (r"(?<!\S)--from\b", "start_from"),
)
"""Options of the command line, and the arguments of Python that are the same."""


@contextmanager
def in_words_of_python() -> Generator[None]:
    """What is wrong inside is said with arguments in place of options; commands, between backticks, stay what they are."""
    try:
        yield
    except SeqloomError as error:
        said, *rest = str(error).split("`")
        parts = [_as_arguments(said), *(part if place % 2 == 0 else _as_arguments(part) for place, part in enumerate(rest))]
        error.args = ("`".join(parts),)
        raise


def _as_arguments(text: str) -> str:
    text = re.sub(SETTINGS, _as_settings, re.sub(r"^--set:? ", "settings: ", text))
    for option, argument in OPTIONS:
        text = re.sub(option, argument, text)
    return text


def _as_settings(found: re.Match[str]) -> str:
    """Settings that stand together as one argument, which may not be given twice."""
    items = [f'"{item}"' for item in re.findall(SETTING, found[0])]
    return f"settings={items[0]}" if len(items) == 1 else f"settings=[{', '.join(items)}]"


def warn_caller(text: str) -> None:
    """A UserWarning that names the line of the user's code from which the package was called."""
    level, frame = 1, sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that offer the nearest known name: ` Did you mean 'layers'?`, or '' when none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def short(text: str, limit: int = 40) -> str:
    """A value for a message: its beginning, on one line."""
    text = " ".join(text[: 4 * limit].split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def listed(cells: Sequence[str]) -> str:
    """Cells for a message: the first few, quoted."""
    more = f" and {len(cells) - 4} more" if len(cells) > 4 else ""
    return ", ".join(repr(short(cell, 30)) for cell in cells[:4]) + more


def first_few(names: Sequence[str]) -> str:
    """Names for a message: the first eight."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def count_of(count: int, thing: str) -> str:
    """So many of a thing, in a message: `1 column`, `1,204 columns`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
