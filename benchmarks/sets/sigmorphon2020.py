"""SIGMORPHON 2020 task 1: spelling to phones in 15 languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sets.files import Files, read_lines

__all__ = ["sigmorphon2020"]


def sigmorphon2020(language: str) -> Callable[[Path, Path], Files]:
    """SIGMORPHON 2020 task 1: word and phones, the three files as they are."""

    def files(data: Path, work: Path) -> Files:
        train, dev, test = (data / "sigmorphon2020-g2p" / part / f"{language}_{part}.tsv" for part in ("train", "dev", "test"))
        answers = tuple((line.split("\t")[1],) for line in read_lines(test))
        return Files(train=(str(train),), dev=(str(dev),), test=(str(test),), answers=answers)

    return files
