"""Trains the tutorial's loop on the text files of a shape: python tutorial_script.py SHAPE TEXTS STEPS."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # this script is run by its path, in a process of its own

import numpy as np
import torch
from shapes import SHAPES, Shape, Texts
from tutorial_loop import END, Pair, tutorial_stepper
from tutorial_loop import Shape as Sizes

UNKNOWN = END + 1
POOL = 200
"""Batches that are sorted by length together."""


def main() -> None:
    """Trains."""
    shape, texts, steps = SHAPES[sys.argv[1]], Texts(Path(sys.argv[2])), int(sys.argv[3])
    torch.manual_seed(1)
    kept = {side: texts.known(side, shape.min_count) for side in ("source", "target")}
    known = {side: {symbol: number for number, symbol in enumerate(symbols, UNKNOWN + 1)} for side, symbols in kept.items()}
    sizes = Sizes(
        vocabulary=UNKNOWN + 1 + len(known["target"]),
        source_vocabulary=UNKNOWN + 1 + len(known["source"]),
        embedding=shape.embedding,
        encoder=shape.width // 2,
        decoder=shape.width,
        dropout=shape.dropout,
        learning_rate=shape.learning_rate,
    )
    step = tutorial_stepper(sizes)
    for batch in islice(batches(shape, encoded(texts, known)), steps):
        step(batch)


def encoded(texts: Texts, known: dict[str, dict[str, int]]) -> list[Pair]:
    """The training pairs as ids."""
    sides = ([np.array([known[side].get(symbol, UNKNOWN) for symbol in line]) for line in texts.lines("train", side)] for side in known)
    return list(zip(*sides, strict=True))


def batches(shape: Shape, pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Without end: pools of pairs sorted by length and cut into batches, in random order."""
    draw, size = random.Random(1), shape.pairs
    while True:
        draw.shuffle(pairs)
        for start in range(0, len(pairs), POOL * size):
            pool = sorted(pairs[start : start + POOL * size], key=lambda pair: (len(pair[0]), len(pair[1])))
            cut = [pool[place : place + size] for place in range(0, len(pool), size)]
            draw.shuffle(cut)
            yield from cut


if __name__ == "__main__":
    main()
