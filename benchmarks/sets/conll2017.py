"""CoNLL-SIGMORPHON 2017 task 1: lemma and tags to inflected form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sets.files import Files, read_lines

__all__ = ["conll2017"]


def conll2017(language: str, size: str) -> Callable[[Path, Path], Files]:
    """CoNLL-SIGMORPHON 2017 task 1: lemma, form and tags; lemma and tags are the source."""

    def files(data: Path, work: Path) -> Files:
        folder = data / "conll2017-inflection"
        test = folder / f"{language}-uncovered-test"
        return Files(
            train=(str(folder / f"{language}-train-{size}"),),
            dev=(str(folder / f"{language}-dev"),),
            test=(str(test),),
            columns=("--source", "1", "--source", "3", "--target", "2"),
            answers=tuple((line.split("\t")[1],) for line in read_lines(test)),
        )

    return files
