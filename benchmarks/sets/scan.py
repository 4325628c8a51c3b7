"""SCAN: commands to actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sets.files import Files, read_lines

__all__ = ["scan"]


def scan(split: str) -> Callable[[Path, Path], Files]:
    """SCAN: commands and actions, written as TSV; it has no dev part, so seqloom holds one out."""

    def files(data: Path, work: Path) -> Files:
        folder = data / "scan" / ("add_prim_split" if split.startswith("addprim") else f"{split}_split")
        pairs = {part: [_pair(line) for line in read_lines(folder / f"tasks_{part}_{split}.txt.gz")] for part in ("train", "test")}
        paths = {part: _write(work / f"scan_{split}_{part}.tsv", found) for part, found in pairs.items()}
        return Files(train=(paths["train"],), test=(paths["test"],), answers=tuple((actions,) for _, actions in pairs["test"]))

    return files


def _pair(line: str) -> tuple[str, str]:
    command, _, actions = line.removeprefix("IN: ").partition(" OUT: ")
    return command, actions


def _write(path: Path, pairs: list[tuple[str, str]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{command}\t{actions}\n" for command, actions in pairs), encoding="utf-8")
    return str(path)
