"""Tatoeba as packed by manythings.org: short English sentences to French. It has no split of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sets.files import Files, answers_by_source, read_lines, write_pairs

__all__ = ["tatoeba"]

BUCKETS = 50
"""Of these one is dev and one is test."""


def tatoeba(data: Path, work: Path) -> Files:
    """Split by the English side, so that no English sentence stands in two parts; the test asks each one once, right by any translation.

    Which part a sentence is in depends on nothing but the sentence: on the SHA-256 of its UTF-8.
    """
    lines = read_lines(data / "tatoeba-eng-fra" / "fra.txt.gz")
    pairs: dict[str, list[tuple[str, str]]] = {"train": [], "dev": [], "test": []}
    for english, french in dict.fromkeys((line.split("\t")[0], line.split("\t")[1]) for line in lines):
        pairs[_part(english)].append((english, french))
    known = answers_by_source(pairs["test"])
    pairs["test"] = [(english, french[0]) for english, french in known.items()]
    paths = {part: write_pairs(work / f"tatoeba_{part}.jsonl", found) for part, found in pairs.items()}
    return Files(train=(paths["train"],), dev=(paths["dev"],), test=(paths["test"],), answers=tuple(known.values()))


def _part(english: str) -> str:
    bucket = int.from_bytes(hashlib.sha256(english.encode()).digest()[:8], "big") % BUCKETS
    return {0: "test", 1: "dev"}.get(bucket, "train")
