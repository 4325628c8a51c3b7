"""The exception tree: each error says where, what was expected and got, and what to do, in one line.

Every error is also the built-in that a Python user would expect (`ValueError`, `FileNotFoundError`, ...), so that code which does
not know Seqloom can catch it. The command line prints `str(error)` and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "MissingFileError",
    "PartError",
    "SeqloomError",
    "TooLongError",
    "TrainingError",
    "nearest",
    "standing_at",
]


class SeqloomError(Exception):
    """Anything that a user can mend: the message is one line and says how."""


class DataError(SeqloomError, ValueError):
    """A file or value that cannot be read as pairs of sequences."""


class MissingFileError(DataError, FileNotFoundError):
    """A file that is not there."""

    def __str__(self) -> str:
        return str(self.args[0])


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


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that offer the nearest known name: ` Did you mean 'layers'?`, or '' when none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""
