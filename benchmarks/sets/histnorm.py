"""Historical spelling to modern spelling, word by word (Bollmann 2019)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from sets.files import Files, read_lines, write_pairs

__all__ = ["histnorm"]

SPACE = "÷"


def histnorm(name: str) -> Callable[[Path, Path], Files]:
    """One of the sets, with the preprocessing of the comparison: `preprocess.py --all` of its repository."""

    def files(data: Path, work: Path) -> Files:
        read = {part: read_lines(data / "histnorm" / f"{name}.{part}.txt.gz") for part in ("train", "dev", "test")}
        pairs = {part: [pair for line in lines if (pair := _pair(line))] for part, lines in read.items()}
        paths = {part: write_pairs(work / f"histnorm_{name}_{part}.jsonl", found) for part, found in pairs.items()}
        answers = tuple((modern,) for _, modern in pairs["test"])
        return Files(train=(paths["train"],), dev=(paths["dev"],), test=(paths["test"],), answers=answers)

    return files


def _pair(line: str) -> tuple[str, str] | None:
    """The two forms, NFC, lower case, equal forms with digits as zeros, blanks inside as ÷; None for what the comparison leaves out."""
    columns = line.rstrip().split("\t")[:2]
    if len(columns) < 2 or any(_is_punctuation(form) for form in columns):
        return None
    old, new = (unicodedata.normalize("NFC", form).lower() for form in columns)
    if old == new:
        old = new = re.sub(r"\d", "0", old) if re.search("[0-9]", old) else old
    return old.replace(" ", SPACE), new.replace(" ", SPACE)


def _is_punctuation(form: str) -> bool:
    return bool(form) and all(unicodedata.category(letter).startswith("P") for letter in form)
