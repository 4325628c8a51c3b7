"""AESLC: the body of an e-mail to its subject line (Zhang & Tetreault 2019)."""

from __future__ import annotations

import json
from pathlib import Path

from sets.files import Files, read_lines, write_pairs

__all__ = ["aeslc"]


def aeslc(data: Path, work: Path) -> Files:
    """The three parts as published; right is the subject that the e-mail had, not those of the annotators."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for part in ("train", "dev", "test"):
        mails = [json.loads(line) for line in read_lines(data / "aeslc" / f"{part}.jsonl.gz")]
        pairs[part] = [(mail["body"], mail["subject"]) for mail in mails]
    paths = {part: write_pairs(work / f"aeslc_{part}.jsonl", found) for part, found in pairs.items()}
    answers = tuple((subject,) for _, subject in pairs["test"])
    return Files(train=(paths["train"],), dev=(paths["dev"],), test=(paths["test"],), answers=answers)
