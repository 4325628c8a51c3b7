"""Texts whose words were cut into pieces before: told by their marks, put together, learned as if they had been whole."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.cli import main
from seqloom.config import FieldsConfig, RunConfig, TextField
from seqloom.data.memory_rows import rows_from_memory
from seqloom.fields.pieces import AFTER, BEFORE, JOINED, find_mark, together
from seqloom.fields.units import clean
from seqloom.metrics import score
from seqloom.planning.plan import Plan, make_plan
from seqloom.planning.profile import describe, profile_rows
from seqloom.settings import read_settings

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


CUT_PAIRS = [(CUT[AFTER](one), CUT[AFTER](one[::-1])) for one in sentences(200, 4)]
IN_PIECES = "words are cut into pieces marked @@, "
STANDING = "and learned as they stand, which is rarely meant. "


def said_of_pieces(plan: Plan) -> list[str]:
    said = [*(f"note: {note}" for note in plan.notes), *(f"warning: {warning}" for warning in plan.warnings)]
    return [line.replace(IN_PIECES, "") for line in said if IN_PIECES in line]


def test_what_becomes_of_pieces_is_said_of_the_config_as_it_is_in_the_end(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.src"
    vocabulary.write_text("\n".join(sorted({piece for source, _ in CUT_PAIRS for piece in source.split()})) + "\n", encoding="utf-8")
    together, target = "which are put together", "note: target: which are put together"
    cut = '{kind: text, unit: subword, pieces: "@@"}'

    def said(*settings: str, fields: FieldsConfig | None = None) -> list[str]:
        config = None if fields is None else RunConfig(fields=fields)
        return said_of_pieces(make_plan(CUT_PAIRS, dev=CUT_PAIRS[:20], settings=read_settings(settings), config=config))

    assert said() == [f"note: source: {together}", target]
    own = f"note: source: which stay symbols of their own. fields.source.0: {cut} puts them together."
    assert said("fields.source.0.kind=tokens") == [own, target]
    listed = f"note: source: which stay symbols of their own. fields.source.0: {cut}, without its vocabulary, puts them together."
    assert said(f"fields.source.0.vocabulary={vocabulary}") == [listed, target]
    assert said("fields.target.kind=tokens")[1] == (
        f"note: target: which stay symbols of their own, and scores count pieces. fields.target: {cut} puts them together."
    )
    of_config = FieldsConfig(source=[TextField(unit="subword")], target=TextField(unit="word", pieces="@@"))
    assert said(fields=of_config) == [target, f'warning: source: {STANDING}fields.source.0.pieces: "@@" puts them together.']
    assert said("fields.source.0.pieces=@@", fields=of_config) == [f"note: source: {together}", target]
    advised = said(f"fields.source.0={cut}", f"fields.target={cut}")
    assert advised == said()


def test_the_column_that_is_in_pieces_is_named_among_several() -> None:
    pairs = [((f"topic {number % 7}", source), target.replace("@@ ", "")) for number, (source, target) in enumerate(CUT_PAIRS)]
    fields = FieldsConfig(source=[TextField(), TextField()])
    said = said_of_pieces(make_plan(pairs, dev=pairs[:20], config=RunConfig(fields=fields)))
    assert said == [f'warning: source 2: {STANDING}fields.source.1.pieces: "@@" puts them together.']


def test_odd_rows_are_told_and_shown_in_whole_words() -> None:
    rows = [(source, target) for source, target in CUT_PAIRS if source != target]
    rows += [("Bu@@ il@@ tin@@ s", "Bu@@ il@@ tin@@ s"), (rows[0][0], "o@@ ther")]
    profile = profile_rows(rows_from_memory(rows))
    odd = {oddity.kind: oddity for oddity in profile.oddities}
    assert "copies" not in odd, "one word, in four pieces"
    shown = " ".join(odd["several targets"].where)
    assert "'other'" in shown
    assert "@@" not in shown
    assert f"source: {IN_PIECES}which train puts together unless a config says otherwise" in describe(profile)


def test_samples_and_the_next_command_show_whole_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cut.tsv"
    lines = ["source\ttarget", *("\t".join(pair) for pair in CUT_PAIRS)]
    file.write_text("\n".join(lines), encoding="utf-8")
    small = ["training.max_steps=2", "training.evaluate_every=1", "model.embedding=8", "model.encoder.width=8", "model.decoder.width=8"]
    settings = [part for item in small for part in ("--set", item)]
    with pytest.raises(SystemExit) as ended:
        main(["train", str(file), "--out", str(tmp_path / "run"), "--device", "cpu", *settings])
    assert ended.value.code == 0
    said = "".join(capsys.readouterr())
    assert "target " in said
    assert " predict " in said
    assert "@@ " not in said.replace("marked @@,", "").replace("pieces=@@", "")


def test_a_target_in_pieces_goes_beside_sources_that_are_no_texts():
    rows = [(np.ones((4, 2), np.float32) * number, f"wo@@ rd{number} an@@ d more") for number in range(12)]
    plan = make_plan([source for source, _ in rows], [target for _, target in rows])
    assert plan.profile.target.mark == "@@"
    assert plan.config.fields.target.pieces == "@@"
