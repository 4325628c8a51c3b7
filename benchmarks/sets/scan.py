"""SCAN: commands to actions."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from sets.files import Files

__all__ = ["scan"]


def scan(split: str) -> Callable[[Path, Path], Files]:
    """SCAN: commands and actions, written as TSV; it has no dev part, so seqloom holds one out."""

    def files(data: Path, work: Path) -> Files:
        folder = data / "scan" / f"{split}_split"
        paths = {part: work / f"scan_{split}_{part}.tsv" for part in ("train", "test")}
        for part, path in paths.items():
            _scan_to_tsv(folder / f"tasks_{part}_{split}.txt.gz", path)
        return Files(train=(str(paths["train"]),), test=(str(paths["test"]),))

    return files


def _scan_to_tsv(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        pairs = [line.rstrip("\n").removeprefix("IN: ").split(" OUT: ") for line in lines]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(f"{command}\t{actions}\n" for command, actions in pairs), encoding="utf-8")
