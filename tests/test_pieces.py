"""Texts whose words were cut into pieces before: told by their marks, put together, learned as if they had been whole."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import seqloom
from seqloom.config import TextField
from seqloom.metrics import score
from seqloom.pieces import AFTER, BEFORE, JOINED, find_mark, together
from seqloom.plan import make_plan
from seqloom.units import clean

SYLLABLES = [first + vowel for first in "bcdfghklmnprst" for vowel in "aeiou"]


def sentences(count: int, seed: int) -> list[list[list[str]]]:
    """Sentences of words of one to three syllables."""
    draw = random.Random(seed)
    return [[draw.choices(SYLLABLES, k=draw.randint(1, 3)) for _ in range(draw.randint(4, 9))] for _ in range(count)]


def plain(sentence: list[list[str]]) -> str:
    return " ".join("".join(word) for word in sentence)


CUT: dict[str, Callable[[list[list[str]]], str]] = {
    AFTER: lambda sentence: " ".join("@@ ".join(word) for word in sentence),
    BEFORE: lambda sentence: " ".join("\u2581" + " ".join(word) for word in sentence),
    JOINED: lambda sentence: " ".join(" \uffed".join(word) for word in sentence),
}


@pytest.mark.parametrize("mark", CUT)
def test_pieces_are_told_by_their_mark_and_put_together(mark: str) -> None:
    made = sentences(300, 1)
    cut = [CUT[mark](sentence) for sentence in made]
    assert find_mark(cut) == mark
    assert [together(text, mark) for text in cut] == [plain(sentence) for sentence in made]
    assert [clean(TextField(pieces=mark), text) for text in cut] == [plain(sentence) for sentence in made]  # pyright: ignore[reportArgumentType]
    assert [together(plain(sentence), mark) for sentence in made] == [plain(sentence) for sentence in made], "whole words stay"


@pytest.mark.parametrize(
    "texts",
    [
        [plain(sentence) for sentence in sentences(100, 2)],
        ["mail me @@ home", "diff @@ -1 +1 @@", "@@"] * 30,
        [f"Dear @@NAME@@ your order @@ORDER@@ number {number}" for number in range(50)],
        ["\u2581"] * 50,
        ["a \u2581 bar", "\u2581\u2582\u2583"] * 30,
        [""],
        [],
    ],
    ids=["words", "at signs", "placeholders", "a bar alone", "bars", "empty", "none"],
)
def test_marks_that_stand_for_themselves_are_none(texts: list[str]) -> None:
    assert find_mark(texts) is None


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("lo@@ w@@ er est@@", AFTER, "lower est"),
        ("\u2581Hello , \u2581world !", BEFORE, "Hello, world!"),
        ("Hello \uffed, world \uffed! ( \uffedsic\uffed )", JOINED, "Hello, world! (sic)"),
    ],
)
def test_pieces_at_ends_and_beside_marks(text: str, mark: str, expected: str) -> None:
    assert together(text, mark) == expected


@pytest.mark.parametrize("mark", CUT)
def test_a_corpus_in_pieces_gets_the_model_of_the_plain_one_and_answers_in_words(mark: str, tmp_path: Path) -> None:
    made = [(one, one[::-1]) for one in sentences(400, 3)]
    pairs = [(plain(source), plain(target)) for source, target in made]
    cut = [(CUT[mark](source), CUT[mark](target)) for source, target in made]
    here = [
        "training.max_steps=2", "training.precision=float32", "training.device=cpu", "training.threads=1", "model.embedding=8",
        "model.encoder.width=8", "model.decoder.width=8",
    ]  # fmt: skip
    one = make_plan(pairs, dev=pairs[:20])
    two = make_plan(cut, dev=cut[:20])
    assert two.config.fields.target == one.config.fields.target.model_copy(update={"pieces": mark})
    assert two.config.model == one.config.model
    assert two.config.training == one.config.training
    assert [note for note in two.notes if note not in one.notes] == [
        f"{side}: words are cut into pieces marked {mark}, which are put together" for side in ("source", "target")
    ]
    assert f"their pieces, marked {mark}, are put together when read" in two.reasons["fields.target"]
    models = [
        seqloom.train(data, dev=data[:20], out=tmp_path / str(place), settings=here, quiet=True) for place, data in enumerate((pairs, cut))
    ]
    assert (tmp_path / "0" / "model.safetensors").read_bytes() == (tmp_path / "1" / "model.safetensors").read_bytes()
    answers = [model.predict([source for source, _ in data[:5]]) for model, data in zip(models, (pairs, cut), strict=True)]
    assert answers[0] == answers[1] == models[1].predict([source for source, _ in pairs[:5]])
    assert models[0].evaluate(pairs[:20]) == models[1].evaluate(cut[:20])


def test_a_translation_in_pieces_is_measured_in_words() -> None:
    field = TextField(unit="subword", pieces="@@")
    values = score(
        ["exact_match", "bleu", "word_error_rate"], ["the lower house stands here"], ["the lo@@ w@@ er house stands here"], field
    )
    assert values == {"exact_match": 1.0, "bleu": pytest.approx(100), "word_error_rate": 0.0}
