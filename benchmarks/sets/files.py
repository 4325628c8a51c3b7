"""What the command line is given for a data set."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Files"]


@dataclass(frozen=True)
class Files:
    """What the command line gets: `train` and `test` are one file of pairs or two parallel ones; `columns` are flags."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    dev: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
