"""CMUdict 0.7b without stress, in the split that came with CNTK: spelling to phones, English."""

from __future__ import annotations

from pathlib import Path

from sets.files import Files, answers_by_source, read_lines, write_pairs

__all__ = ["cmudict"]

PARTS = {"train": "cmudict-0.7b.train-dev-20-21.gz", "dev": "cmudict-0.7b.train-dev-1-21.gz", "test": "cmudict-0.7b.test.gz"}


def cmudict(data: Path, work: Path) -> Files:
    """A line a pronunciation in train and dev; a distinct word of test once, right by any pronunciation that it has there."""
    pairs = {part: [_pair(line) for line in read_lines(data / "cmudict-g2p" / name)] for part, name in PARTS.items()}
    known = answers_by_source(pairs["test"])
    pairs["test"] = [(word, phones[0]) for word, phones in known.items()]
    paths = {part: write_pairs(work / f"cmudict_{part}.jsonl", found) for part, found in pairs.items()}
    return Files(train=(paths["train"],), dev=(paths["dev"],), test=(paths["test"],), answers=tuple(known.values()))


def _pair(line: str) -> tuple[str, str]:
    word, _, phones = line.partition("  ")
    return word, phones.strip()
