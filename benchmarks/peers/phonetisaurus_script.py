"""Phonetisaurus by its own functions, with their defaults: `LEXICON WORDS MODEL ANSWERS`. Runs in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from phonetisaurus import predict, train  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Trains on the lexicon (word, tab, phones), answers the words, one a line, and writes a word, a tab and its phones a line."""
    lexicon, words, model, answers = map(Path, sys.argv[1:])
    pronunciations: dict[str, list[list[str]]] = {}
    for line in lexicon.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition("\t")
        pronunciations.setdefault(word, []).append(phones.split())
    train(pronunciations, model_path=model)
    said = predict(words.read_text(encoding="utf-8").splitlines(), model_path=model)
    answers.write_text("".join(f"{word}\t{' '.join(phones)}\n" for word, phones in said), encoding="utf-8")


if __name__ == "__main__":
    main()
