"""Multi30k task 1: captions in English, German and French."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sets.files import Files, read_lines

__all__ = ["multi30k"]


def multi30k(source: str, target: str) -> Callable[[Path, Path], Files]:
    """Multi30k task 1, raw text: parallel files, compressed, as they are."""

    def files(data: Path, work: Path) -> Files:
        def pair(part: str) -> tuple[str, str]:
            folder = data / "multi30k"
            return str(folder / f"{part}.{source}.gz"), str(folder / f"{part}.{target}.gz")

        test = pair("test_2016_flickr")
        answers = tuple((line,) for line in read_lines(Path(test[1])))
        return Files(train=pair("train"), dev=pair("val"), test=test, answers=answers)

    return files
