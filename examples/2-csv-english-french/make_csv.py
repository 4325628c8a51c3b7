"""Make train.csv and validation.csv (columns English, French) of short pairs from Tatoeba's fra.txt.

python make_csv.py fra.txt [PAIRS] [FOLDER]
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from random import Random

LONGEST = 8  # words on either side


def read(path: str | Path) -> dict[str, list[str]]:
    """The French sentences of each English one; a third column, in newer files, is left out."""
    translations: dict[str, list[str]] = {}
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            english, french = line.rstrip("\n").split("\t")[:2]
            if max(len(english.split()), len(french.split())) <= LONGEST:
                translations.setdefault(english, []).append(french)
    return translations


def make(path: str | Path, pairs: int = 20_000, folder: str | Path = ".") -> list[Path]:
    """The two files: a tenth of the pairs for validation, and all translations of an English sentence in the same file."""
    translations = read(path)
    order = sorted(translations)
    Random(1).shuffle(order)
    chosen = [(english, french) for english in order for french in translations[english]][:pairs]
    first = len(chosen) // 10
    while first and chosen[first - 1][0] == chosen[first][0]:
        first -= 1
    parts = {"validation.csv": chosen[:first], "train.csv": chosen[first:]}
    for name, rows in parts.items():
        with (Path(folder) / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("English", "French"), *rows])
    return [Path(folder) / name for name in parts]


if __name__ == "__main__":
    for file in make(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000, sys.argv[3] if len(sys.argv) > 3 else "."):
        print(file)
