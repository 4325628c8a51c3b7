"""What the command line is given for a data set, what is right on its test part, and writing files for it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Files", "answers_by_source", "read_lines", "write_pairs"]

Answers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Files:
    """What the command line gets: `train` and `test` are one file of pairs or two parallel ones; `columns` are flags."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    dev: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    answers: Answers = ()
    """The right answers to each source of `test`, in its order."""


def read_lines(path: Path) -> list[str]:
    """The lines of a file, plain or .gz, without their ends (LF or CRLF)."""
    stored = path.read_bytes()
    text = (gzip.decompress(stored) if path.suffix == ".gz" else stored).decode("utf-8")
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def write_pairs(path: Path, pairs: Iterable[tuple[str, str]]) -> str:
    """Writes pairs as JSON Lines, which hold any text; gives the path back as a flag."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"source": source, "target": target}, ensure_ascii=False) for source, target in pairs)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def answers_by_source(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Every distinct source, in the order in which it first stands, with all its distinct targets."""
    found: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        found.setdefault(source, {})[target] = None
    return {source: tuple(targets) for source, targets in found.items()}
