"""What everyone trains: three shapes of network, each on its data, as plain text with blanks between the symbols."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SHAPES", "Shape", "Texts", "Work", "operations_a_token", "work_of", "write_texts"]

PARTS = ("train", "dev", "test")
SIDES = ("source", "target")


@dataclass(frozen=True)
class Shape:
    """A network, its batches, and the data that it is trained on."""

    name: str
    title: str
    data: str
    embedding: int
    width: int
    """Of the decoder, and of the encoder with both its directions."""
    pairs: int
    """A batch."""
    min_count: int
    """Symbols rarer than this are unknown."""
    dropout: float
    learning_rate: float
    layers: int = 1
    heads: int = 0
    feed_forward: int = 0

    @property
    def is_transformer(self) -> bool:
        return self.heads > 0


SHAPES = {
    "A": Shape("A", "words, BiLSTM 2 × 256, LSTM 512, embedding 256, attention", "multi30k", 256, 512, 64, 2, 0.3, 1e-3),
    "B": Shape("B", "characters, BiLSTM 2 × 256, LSTM 512, embedding 128, attention", "french", 128, 512, 32, 1, 0.3, 1e-3),
    "C": Shape(
        "C",
        "words, Transformer 3 + 3 layers, 256, 1024, 4 heads",
        "multi30k",
        256,
        256,
        64,
        2,
        0.1,
        5e-4,
        layers=3,
        heads=4,
        feed_forward=1024,
    ),
}


@dataclass(frozen=True)
class Texts:
    """The files of a shape's data."""

    folder: Path

    def path(self, part: str, side: str) -> Path:
        """Lines of symbols with blanks between: part is train, dev or test; side is source or target."""
        return self.folder / f"{part}.{side}"

    def lines(self, part: str, side: str) -> list[list[str]]:
        """The symbols of each line."""
        return [line.split() for line in self.path(part, side).read_text(encoding="utf-8").splitlines()]

    def known(self, side: str, min_count: int) -> list[str]:
        """The symbols that occur so often in training, commonest first."""
        counts = Counter(symbol for line in self.lines("train", side) for symbol in line)
        return [symbol for symbol, count in counts.most_common() if count >= min_count]


def write_texts(shape: Shape, data: Path, work: Path) -> Texts:
    """The shape's data as text files: Multi30k in lower case, cut into words and marks; SIGMORPHON 2020 French in letters and phones."""
    texts = Texts(work / "texts" / shape.data)
    texts.folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        for side, lines in zip(SIDES, _multi30k(data, part) if shape.data == "multi30k" else _french(data, part), strict=True):
            texts.path(part, side).write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
    return texts


def _multi30k(data: Path, part: str) -> Iterable[list[list[str]]]:
    name = {"dev": "val", "test": "test_2016_flickr"}.get(part, part)
    for language in ("de", "en"):
        with gzip.open(data / "multi30k" / f"{name}.{language}.gz", "rt", encoding="utf-8") as file:
            yield [re.findall(r"\w+|[^\w\s]", line.lower()) for line in file]


def _french(data: Path, part: str) -> Iterable[list[list[str]]]:
    file = data / "sigmorphon2020-g2p" / part / f"fre_{part}.tsv"
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    return [[list(word) for word, _ in rows], [phones.split() for _, phones in rows]]


# ------------------------------------------------------------------------------------------------------------ operations


@dataclass(frozen=True)
class Work:
    """What a pass over the training pairs is: sizes that a count of operations needs."""

    lengths: list[tuple[int, int]]
    """Source and target symbols of each pair, each with its end."""
    vocabulary: int
    """Of the target, with the four symbols that every program adds."""


def work_of(shape: Shape, texts: Texts) -> Work:
    """The lengths and the vocabulary of a shape's training pairs."""
    sides = (texts.lines("train", side) for side in SIDES)
    lengths = [(len(source) + 1, len(target) + 1) for source, target in zip(*sides, strict=True)]
    return Work(lengths, len(texts.known("target", shape.min_count)) + 4)


def operations_a_token(shape: Shape, work: Work) -> float:
    """Floating-point operations that training needs for a target token: a product and a sum a weight, forward once and backward twice."""
    each = _transformer if shape.is_transformer else _recurrent
    total = sum(each(shape, work.vocabulary, source, target) for source, target in work.lengths)
    return 3 * 2 * total / sum(target for _, target in work.lengths)


def _recurrent(shape: Shape, vocabulary: int, source: int, target: int) -> float:
    """Products of a pair, forward."""
    width, half = shape.width, shape.width // 2
    encoder = 2 * 4 * half * (shape.embedding + half)
    decoder = 4 * width * (shape.embedding + width)
    attention = 2 * source * width + 2 * width * width  # scores and context; what joins context and state
    return source * (encoder + width * width) + target * (decoder + attention + width * vocabulary)


def _transformer(shape: Shape, vocabulary: int, source: int, target: int) -> float:
    """Products of a pair, forward: four maps an attention, two a feed-forward block, and what the positions do with each other."""
    width, inner = shape.width, 2 * shape.width * shape.feed_forward
    encoder = source * (4 * width * width + inner) + 2 * source * source * width
    crossing = target * 2 * width * width + source * 2 * width * width + 2 * target * source * width
    decoder = target * (4 * width * width + inner) + 2 * target * target * width + crossing
    return shape.layers * (encoder + decoder) + target * width * vocabulary
