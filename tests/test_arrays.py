"""Pairs in which a side is arrays of numbers and the other is text, from end to end: Python and the command line."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

import seqloom
from seqloom.batching import collate
from seqloom.cli import main
from seqloom.config_file import load_config
from seqloom.errors import CheckpointError, ConfigError, DataError
from seqloom.export import export
from seqloom.exported import load_exported
from seqloom.fields.task import Fields
from seqloom.numbers.array_pairs import ArrayPairs
from seqloom.numbers.array_plan import plan_pairs
from seqloom.numbers.fields import NumberFields
from seqloom.planning.plan import make_plan
from seqloom.server.app import create_app
from seqloom.settings import read_settings
from seqloom.site import check_kinds
from seqloom.training.events import Silence

SMALL = ["model.encoder.width=8", "model.decoder.width=8", "model.embedding=4", "training.threads=1", "training.max_steps=6"]
LEARNED = ["model.encoder.width=32", "model.decoder.width=32", "model.embedding=16", "model.encoder.layers=1", "training.threads=1",
           "model.dropout=0", "training.optimizer.learning_rate=0.01", "training.batch.size=16"]  # fmt: skip
HEIGHTS = {letter: np.array([place / 2, -place], np.float32) for place, letter in enumerate("abcdef")}


def words(count: int, seed: int = 1) -> list[str]:
    draw = np.random.default_rng(seed)
    return ["".join(draw.choice(list(HEIGHTS), draw.integers(2, 6))) for _ in range(count)]


def contours(texts: list[str], *, twice: str = "") -> list[np.ndarray]:
    """The height of each letter (T, 2), those of some letters twice."""
    return [np.stack([HEIGHTS[letter] for letter in text for _ in range(1 + (letter in twice))]) for text in texts]


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def pairs_file(folder: Path, name: str = "pairs.jsonl", count: int = 40) -> Path:
    file, texts = folder / name, words(count)
    records = [
        {"word": text, "pitch": frames[:, 0].tolist(), "curve": frames.tolist(), "half": float(frames[0, 0])}
        for text, frames in zip(texts, contours(texts), strict=True)
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file


# ------------------------------------------------------------------------------------------------------- texts to arrays


def test_texts_and_arrays_train_in_one_call_and_an_array_is_as_long_as_its_source(tmp_path: Path):
    texts = words(30)
    model = seqloom.train((texts, contours(texts)), out=tmp_path / "run", settings=SMALL, quiet=True)
    said = model.predict(texts)
    assert [part.shape for part in said] == [(len(text), 2) for text in texts]
    for ours, theirs in zip(said, seqloom.load(tmp_path / "run").predict(texts), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert load_config(tmp_path / "run" / "config.yaml").model.head.stop == "length"
    assert model.predict(["abc"], length=7)[0].shape == (7, 2)
    assert [part.shape for part in model.predict(["ab", " ", "abc"])] == [(2, 2), (0, 2), (3, 2)]


def test_what_can_be_learned_is_learned_and_stands_beside_the_mean(tmp_path: Path):
    texts = words(120)
    model = seqloom.train((texts, contours(texts)), out=tmp_path / "run", settings=[*LEARNED, "training.max_steps=150"], quiet=True)
    new = words(20, seed=2)
    board = model.evaluate((new, contours(new)))
    assert board["model"]["mae"] < 0.6 * board["mean"]["mae"]
    assert {"mse_scaled", "mae_scaled", "mae", "rmse"} <= board["mean"].keys()


def test_pairs_in_a_list_are_the_same_as_two_lists(tmp_path: Path):
    texts = words(30)
    for name, data in (("two", (texts, contours(texts))), ("pairs", list(zip(texts, contours(texts), strict=True)))):
        seqloom.train(data, out=tmp_path / name, settings=SMALL, quiet=True)
    one, other = (seqloom.load(tmp_path / name) for name in ("two", "pairs"))
    assert one.evaluate(list(zip(texts, contours(texts), strict=True))) == other.evaluate((texts, contours(texts)))


def test_where_an_array_ends_is_learned_where_it_follows_neither_its_source_nor_the_others(tmp_path: Path):
    texts = words(120)
    targets = contours(texts, twice="abc")
    model = seqloom.train((texts, targets), out=tmp_path / "run", settings=[*LEARNED, "training.max_steps=150"], quiet=True)
    assert load_config(tmp_path / "run" / "config.yaml").model.head.stop == "learned"
    said = model.predict(texts)
    assert len({len(part) for part in said}) > 3
    assert max(map(len, model.predict(texts, length=3))) == 3
    board = model.evaluate()
    assert board["model"]["length_error"] < 1.5
    assert "length_error" not in board["mean"], "it is told the length"


def test_a_target_of_free_length_is_measured_where_both_have_frames_and_may_go_on_too_long():
    texts = words(12)
    targets = contours(texts, twice="abc")
    plan = plan_pairs(texts, targets, settings=read_settings(SMALL))
    assert isinstance(plan.dev, ArrayPairs)
    longest = max(len(target) for target in targets)
    assert plan.dev.lengths([0])[0] >= longest > len(plan.dev.truth([0])[0])
    assert plan.dev.batch([0]).target_in.shape[2] == 2, "nothing is known of a frame whose place is not known"


def test_arrays_of_one_length_are_predicted_with_that_length(tmp_path: Path):
    texts = words(20)
    targets = [np.array([len(text), text.count("a")], np.float32) for text in texts]
    model = seqloom.train(texts, targets, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert [part.shape for part in model.predict(texts[:3])] == [(2,)] * 3


def test_several_source_columns_are_read(tmp_path: Path):
    texts = [(text, "up" if len(text) > 3 else "down") for text in words(20)]
    targets = [np.ones((3, 1)) * len(text[0]) for text in texts]
    model = seqloom.train((texts, targets), out=tmp_path / "run", settings=SMALL, quiet=True)
    assert model.predict([("abc", "up")])[0].shape == (3, 1)
    assert len(load_config(tmp_path / "run" / "config.yaml").fields.source) == 2


def test_texts_that_are_held_out_are_not_in_training_too():
    texts = words(8) * 4
    plan = plan_pairs(texts, contours(texts), settings=read_settings(SMALL))
    train, dev = ({plan.train.read(number) for number in range(len(plan.train))}, {plan.dev.read(0)})  # type: ignore[attr-defined]
    assert not train & dev


@pytest.mark.parametrize("head", ["absolute", "huber", "quantile", "gaussian", "student_t"])
def test_every_head_says_arrays_of_texts(tmp_path: Path, head: str):
    texts = words(12)
    settings = [*SMALL, "training.max_steps=1", f"model.head.kind={head}"]
    model = seqloom.train((texts, contours(texts)), out=tmp_path / "run", settings=settings, quiet=True)
    assert np.isfinite(np.concatenate(model.predict(texts))).all()


def test_eight_texts_and_their_arrays_are_learned_by_heart(tmp_path: Path):
    texts = sorted(set(words(20)))[:8]
    targets = [np.random.default_rng(place).normal(size=(len(text), 2)).astype(np.float32) for place, text in enumerate(texts)]
    settings = [*LEARNED, "training.batch.size=8", "training.max_steps=150", "training.epochs=150"]
    model = seqloom.train((texts, targets), out=tmp_path / "run", settings=settings, quiet=True)
    for said, target in zip(model.predict(texts), targets, strict=True):
        np.testing.assert_allclose(said, target, atol=0.25)


def test_a_ready_vocabulary_does_not_go_with_the_run_that_is_replaced(tmp_path: Path):
    texts, out = words(24), tmp_path / "run"
    seqloom.train(texts, contours(texts), out=out, settings=SMALL, quiet=True)
    (out / "training").mkdir()
    ready = out / "training" / "letters.txt"
    ready.write_text("".join(f"{letter}\n" for letter in sorted(set("".join(texts)))))
    settings = [*SMALL, f"fields.source.0.vocabulary={ready}"]
    with pytest.raises(CheckpointError, match=re.escape(f"{ready}: lies in {out}, which training would replace. Choose another out.")):
        seqloom.train(texts, contours(texts), out=out, settings=settings, overwrite=True, quiet=True)
    assert ready.is_file()


def test_a_run_of_arrays_stopped_and_resumed_ends_with_the_same_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    class Stop(Silence):
        def updated(self, event: Any) -> None:
            if event.step == 3:
                raise KeyboardInterrupt

    texts = words(30)
    data, settings = (texts, contours(texts, twice="ab")), [*SMALL, "training.evaluate_every=2"]
    wanted = seqloom.train(data, out=tmp_path / "whole", settings=settings, quiet=True).network.state_dict()
    with pytest.raises(KeyboardInterrupt, match="interrupted after 3 updates"):
        seqloom.train(data, out=tmp_path / "run", settings=settings, watcher=Stop())
    assert run("resume", tmp_path / "run") == 0
    assert f"seqloom predict {tmp_path / 'run'} --input FILE" in capsys.readouterr().out
    for name, part in seqloom.load(tmp_path / "run").network.state_dict().items():
        assert bool((part == wanted[name]).all()), name


@pytest.mark.parametrize("twice", ["", "abc"])
def test_an_exported_model_says_the_same_arrays(tmp_path: Path, twice: str):
    texts = words(40)
    model = seqloom.train((texts, contours(texts, twice=twice)), out=tmp_path / "run", settings=SMALL, quiet=True)
    report = export(model.path, tmp_path / "dist", precision="float32")
    assert report.parity.holds
    again = seqloom.load(tmp_path / "dist", threads=1)
    for ours, theirs in zip(model.predict([*texts, "", "a"]), again.predict([*texts, "", "a"]), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)


def test_numbers_of_the_other_rows_of_a_batch_change_nothing(tmp_path: Path):
    texts = ["ab", "abcdefabcdef", "f", "cccc", *words(8)]
    model = seqloom.train((texts, contours(texts)), out=tmp_path / "run", settings=SMALL, quiet=True)
    for text, together in zip(texts, model.predict(texts), strict=True):
        np.testing.assert_allclose(together, model.predict([text])[0], rtol=1e-5, atol=1e-5)


# -------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_learns_arrays_from_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = pairs_file(tmp_path), tmp_path / "run"
    options = [part for setting in SMALL for part in ("--set", setting)]
    assert run("train", file, "--source", "word", "--target", "curve", "--out", out, *options) == 0
    said = capsys.readouterr().out
    assert "data: 37 pairs to train on, 3 in dev" in said
    assert "model.head.kind" in said
    assert "mse_scaled" in said
    assert run("evaluate", out) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["model", "mean"]
    assert run("evaluate", out, file, "--json") == 0
    board = json.loads(capsys.readouterr().out)
    assert (board["pairs"], board["data"]) == (40, [str(file)])
    assert run("predict", out, "abc", "ff") == 0
    arrays = [np.array(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert [array.shape for array in arrays] == [(3, 2), (2, 2)]
    assert run("predict", out, "--input", file, "--json") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 40
    assert all(len(record["values"]) == len(record["source"]) for record in records)


def test_one_number_a_moment_is_a_plain_list_and_a_blank_source_keeps_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    file, out = pairs_file(tmp_path), tmp_path / "run"
    seqloom.train(file, source="word", target="pitch", out=out, settings=SMALL, quiet=True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc\n\nfa\n")))
    assert run("predict", out) == 0
    first, blank, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (len(first), blank, len(last)) == (3, [], 2)
    assert all(isinstance(value, float) for value in first)


def test_a_table_of_text_holds_numbers_where_the_head_says_so(tmp_path: Path):
    file = tmp_path / "pairs.tsv"
    file.write_text(
        "".join(
            f"{text}\t{' '.join(str(float(v)) for v in frames[:, 0])}\n"
            for text, frames in zip(words(20), contours(words(20)), strict=True)
        )
    )
    model = seqloom.train(file, out=tmp_path / "run", settings=[*SMALL, "model.head.kind=absolute"], quiet=True)
    assert model.predict(["abcd"])[0].shape == (4, 1)
    assert set(model.evaluate(file)) == {"model", "mean"}


def test_lists_of_whole_numbers_and_a_head_of_tokens_are_symbols(tmp_path: Path):
    file = tmp_path / "numbers.jsonl"
    file.write_text("".join(json.dumps({"source": text, "target": [len(text), 7]}) + "\n" for text in words(30)))
    model = seqloom.train(file, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert isinstance(model, seqloom.Model)
    curves = pairs_file(tmp_path)
    model = seqloom.train(
        curves, source="word", target="pitch", out=tmp_path / "text", settings=[*SMALL, "model.head.kind=tokens"], quiet=True
    )
    assert isinstance(model, seqloom.Model)


def test_numbers_on_both_sides_of_json_lines_are_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = pairs_file(tmp_path), tmp_path / "run"
    seqloom.train(file, source="curve", target="pitch", out=out, settings=SMALL, quiet=True)
    assert run("predict", out, "[[0.5, 1], [2, 3]]", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["source"], np.array(record["values"]).shape) == ("[[0.5, 1], [2, 3]]", (2, 1))
    lines = tmp_path / "said.jsonl"
    assert run("predict", out, "[[0.5, 1], [2, 3]]", "--output", lines) == 0
    assert json.loads(lines.read_text(encoding="utf-8")) == record
    for name in ("csv", "tsv", "json", "parquet", "csv.gz"):
        assert run("predict", out, "[[0.5, 1], [2, 3]]", "--output", tmp_path / f"said.{name}") == 2
        ways = "a list of numbers a line (.txt), or JSON Lines with the sources (.jsonl)"
        error = f"answers are not written as {name.removesuffix('.gz')}; expected {ways}. Name another file."
        assert capsys.readouterr().err == f"error: --output {tmp_path / f'said.{name}'}: {error}\n"
    assert run("evaluate", out, file, "--part", "dev") == 2
    assert "error: --part dev: of no effect, all pairs are measured. Leave it out." in capsys.readouterr().err
    assert run("evaluate", out, file) == 0


# ------------------------------------------------------------------------------------------------------ arrays to texts


def test_arrays_and_texts_train_in_one_call_and_what_can_be_learned_is_learned(tmp_path: Path):
    texts = words(150)
    settings = [*LEARNED, "training.batch.size=128", "training.max_steps=250", "training.epochs=99", "search.kind=greedy"]
    model = seqloom.train((contours(texts, twice="abc"), texts), out=tmp_path / "run", settings=settings, quiet=True)
    assert isinstance(model, seqloom.Model)
    new = words(30, seed=2)
    values = model.evaluate((contours(new, twice="abc"), new))
    assert values["character_error_rate"] < 0.2
    loaded = seqloom.load(tmp_path / "run")
    said = model.predict(contours(new, twice="abc"))
    assert said == loaded.predict(contours(new, twice="abc"))
    assert [len(model.score([(contours([new[0]], twice="abc")[0], new[0])]))] == [1]


def test_arrays_to_texts_are_exported_resumed_and_read_from_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    class Stop(Silence):
        def updated(self, event: Any) -> None:
            if event.step == 3:
                raise KeyboardInterrupt

    file, settings = pairs_file(tmp_path), [*SMALL, "training.evaluate_every=2", "training.device=cpu"]
    columns = {"source": "curve", "target": "word"}
    wanted = seqloom.train(file, **columns, out=tmp_path / "whole", settings=settings, quiet=True)
    with pytest.raises(KeyboardInterrupt, match="interrupted after 3 updates"):
        seqloom.train(file, **columns, out=tmp_path / "run", settings=settings, watcher=Stop())
    assert run("resume", tmp_path / "run", "--quiet") == 0
    model = seqloom.load(tmp_path / "run")
    for name, part in model.network.state_dict().items():
        assert bool((part == wanted.network.state_dict()[name]).all()), name
    capsys.readouterr()
    assert run("predict", tmp_path / "run", "--input", file, "--greedy") == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 40
    assert run("evaluate", tmp_path / "run", file) == 0
    export(model.path, tmp_path / "dist", precision="float32")
    arrays = contours(words(10))
    assert seqloom.load(tmp_path / "dist", threads=1).predict(arrays) == model.predict(arrays)


def test_inspect_says_what_arrays_are_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("inspect", pairs_file(tmp_path), "--source", "curve", "--target", "word") == 0
    assert "  moments: mean 3." in capsys.readouterr().out
    assert run("inspect", pairs_file(tmp_path), "--source", "word", "--target", "curve") == 0
    page = capsys.readouterr().out
    assert "Arrays (target (curve))\n  different ones: " in page
    assert "numbers a moment: 2\n" in page
    assert re.search(r"^ +source \(word\)$", page, re.MULTILINE), "targets are no text, which is measured in characters"
    assert run("inspect", pairs_file(tmp_path), "--source", "pitch", "--target", "curve") == 0
    page = capsys.readouterr().out
    assert "Arrays (source (pitch))\n" in page
    assert "Arrays (target (curve))\n" in page
    assert "characters" not in page


def sums(folder: Path, columns: int = 1) -> Path:
    """Rows of four numbers and their sum, the four in one column or in two."""
    draw, file = np.random.default_rng(3), folder / "sums.csv"
    rows = [[f"{number:.2f}" for number in draw.uniform(0, 10, 4)] for _ in range(60)]
    lines = [",".join([*(" ".join(row[place::columns]) for place in range(columns)), f"{sum(map(float, row)):.2f}"]) for row in rows]
    file.write_text("\n".join([",".join([*"abcd"[:columns], "total"]), *lines, ""]), encoding="utf-8")
    return file


def test_decimal_targets_that_would_be_learned_as_text_are_told_with_the_settings_that_read_them(tmp_path: Path, capsys: Any):
    file, settings = sums(tmp_path), ("model.head.kind=squared", "fields.source.0.kind=array")
    said = (
        "target (total): decimal numbers, 60 different ones in 60 rows, are learned as text, character by character. "
        "--set model.head.kind=squared --set fields.source.0.kind=array reads them as numbers."
    )
    assert run("inspect", file) == 0
    assert said in capsys.readouterr().out
    assert run("config", file) == 0
    assert said.partition("rows, ")[2] in capsys.readouterr().err, "of those that are not held out"
    asked = [part for setting in settings for part in ("--set", setting)]
    assert run("inspect", file, *asked) == 0
    assert "learned as text" not in capsys.readouterr().out
    model = seqloom.train(file, out=tmp_path / "run", settings=[*SMALL, *settings], quiet=True)
    assert model.evaluate(file)["model"].keys() >= {"mae"}
    assert (
        make_plan(sums(tmp_path, 2), source=["a", "b"], target="total")
        .notes[-1]
        .endswith("reads them as numbers, with the 2 source columns put into one, blanks between their numbers.")
    )


@pytest.mark.parametrize("targets", [["1.5", "2.5"] * 40, [str(number) for number in range(80)], ["v1.25", *(f"{n}.5" for n in range(79))]])
def test_grades_ids_and_texts_are_not_taken_for_measured_numbers(targets: list[str]):
    assert not any("learned as text" in note for note in make_plan(words(80), targets).notes)


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("form", [np.asarray, list])
def test_a_number_a_source_is_an_array_of_one_moment(tmp_path: Path, form: Any):
    """(N,) is what other libraries take for the targets of a regression; it was said to convert them to texts."""
    draw = np.random.default_rng(1)
    sources, numbers = draw.normal(size=(20, 6)), draw.normal(size=20)
    one = seqloom.train((sources, form(numbers)), out=tmp_path / "one", settings=SMALL, quiet=True)
    two = seqloom.train((sources, numbers[:, None]), out=tmp_path / "two", settings=SMALL, quiet=True)
    np.testing.assert_array_equal(one.predict(sources), two.predict(sources)[:, 0])
    assert one.predict(sources).shape == (20,), "and not (20, 1), from which y would be subtracted in a table of all pairs"
    assert one.evaluate((sources, form(numbers))) == two.evaluate((sources, numbers[:, None]))


def test_answers_have_the_rank_of_the_targets(tmp_path: Path):
    """Targets (N, T) came back as (N, T, 1): `y - predict(X)` was of all pairs with all."""
    draw = np.random.default_rng(1)
    sources, numbers = draw.normal(size=(20, 5, 3)), draw.normal(size=(20, 5))
    model = seqloom.train((sources, numbers), out=tmp_path / "rows", settings=SMALL, quiet=True)
    said = model.predict(sources)
    assert (said.shape, model.predict(sources, length=2).shape) == ((20, 5), (20, 2))
    np.testing.assert_array_equal(seqloom.load(tmp_path / "rows").predict(sources), said)
    state = json.loads((tmp_path / "rows" / "fields.json").read_text())
    del state["target"]["rank"]
    assert NumberFields.from_state(state).target.rank == 2, "as a model said that was trained before"
    texts = words(20)
    model = seqloom.train((texts, numbers[:, 0]), out=tmp_path / "texts", settings=SMALL, quiet=True)
    assert (model.predict(texts).shape, model.predict(texts[:3], length=2)[0].shape) == ((20,), (2,))
    np.testing.assert_array_equal(np.isnan(model.predict([*texts[:2], " "])), [False, False, True])


def test_lists_of_numbers_in_python_are_read_as_those_of_json_lines(tmp_path: Path):
    """They were refused with the advice to put each number into an array."""
    pitches = [[float(frame[0]) for frame in frames] for frames in contours(words(20))]
    plain, rows = [[*pitch, 0.25] for pitch in pitches], [{"x": [*pitch, 0.25], "y": pitch} for pitch in pitches]
    columns = {name: [row[name] for row in rows] for name in "xy"}
    kinds: list[Any] = [rows, columns, pyarrow.table(columns), (plain, pitches), list(zip(plain, pitches, strict=True))]
    for number, held in enumerate(kinds):
        model = seqloom.train(held, out=tmp_path / str(number), settings=[*SMALL, "training.max_steps=1"], quiet=True)
        said = [np.ravel(part) for part in model.predict(plain[:3])]
        if not number:
            first = said
        for ours, theirs in zip(said, first, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(np.ravel(model.predict([[1, 2, 3]])[0]), np.ravel(model.predict([[1.0, 2.0, 3.0]])[0]))
        assert model.evaluate(held).keys() >= {"model", "mean"}
    whole = [[number, 7] for number in range(20)]
    model = seqloom.train((whole, whole), out=tmp_path / "whole", settings=[*SMALL, "training.max_steps=1"], quiet=True)
    assert isinstance(model.predict(whole[:2])[0], str), "whole numbers may be symbols, as in a file"
    with pytest.raises(
        DataError, match=r"^pairs:1: the target is list \[\[1\.0\], \[1\.0, 2\.0\]\]; expected a text\. Give numbers alone, equally"
    ):
        seqloom.train((plain, [[[1.0], [1.0, 2.0]]] * 20), out=tmp_path / "ragged")


def test_what_is_no_array_is_refused_with_its_place(tmp_path: Path):
    def refused(target: str, message: str, source: str = '"ab"') -> None:
        file = tmp_path / "bad.jsonl"
        file.write_text('{"source": "abc", "target": [[0.5, 1], [2, 3]]}\n' + f'{{"source": {source}, "target": {target}}}\n')
        with pytest.raises(DataError, match=message):
            seqloom.train(file, out=tmp_path / "run", settings=[*SMALL, "model.head.kind=squared"])
        assert not (tmp_path / "run").exists()

    refused(
        "[[0.5, 1], [2]]",
        r"bad\.jsonl:2: the target '\[\[0\.5, 1\], \[2\]\]' is not numbers, equally many at each moment; expected numbers",
    )
    refused(
        '"high"',
        r"bad\.jsonl:2: the target 'high' is not numbers, equally many at each moment; expected numbers with blanks between, as in",
    )
    refused("[]", r"bad\.jsonl:2: the target is empty; expected one number at least\. Mend or remove the line\.$")
    refused("[0.5, NaN]", r"bad\.jsonl:2: the target\[1, 0\] is nan; expected a finite number, at most 1e\+38 in size\.")
    refused("[0.5]", r"bad\.jsonl:2: the target: 1 numbers a moment; expected 2, as in .*bad\.jsonl:1: the target\.$")
    refused("[[1, 2]]", r"bad\.jsonl:2: the source is empty; expected at least one symbol\.", source='""')


def test_texts_and_arrays_that_do_not_fit_are_refused(tmp_path: Path):
    texts = words(20)
    with pytest.raises(DataError, match=r"^arrays: X has 20 sequences and y has 19; expected one target for each source\.$"):
        seqloom.train((texts, contours(texts)[:-1]), out=tmp_path / "run")
    with pytest.raises(DataError, match=r"^arrays: 12 pairs of one source; expected two different sources or more, to hold one out\."):
        seqloom.train((["ab"] * 12, contours(["ab"] * 12)), out=tmp_path / "run")
    model = seqloom.train((texts, contours(texts)), out=tmp_path / "run", settings=SMALL, quiet=True)
    with pytest.raises(DataError, match=r"^X: arrays; expected texts, as in training\.$"):
        model.predict(contours(texts))
    with pytest.raises(DataError, match=r"^y: 1 numbers a moment; expected 2, as in training\.$"):
        model.evaluate((texts, [target[:, :1] for target in contours(texts)]))
    with pytest.raises(
        ConfigError, match=r"run: a model of pairs; expected one file of them, whose targets are the truth\. Leave out more\.$"
    ):
        model.evaluate("some", truth="more")


def test_arrays_of_another_width_are_refused_by_a_model_that_reads_them(tmp_path: Path):
    texts = words(20)
    model = seqloom.train((contours(texts), texts), out=tmp_path / "run", settings=SMALL, quiet=True)
    with pytest.raises(DataError, match=r"^sources:1: the source has 3 numbers a moment; expected 2, as in training\. Mend the array\.$"):
        model.predict([np.zeros((4, 3))])
    with pytest.raises(DataError, match=r"^sources:1\[0, 1\] is inf; expected a finite number, at most 1e\+38 in size\."):
        model.predict([np.array([[0, np.inf]])])
    with pytest.raises(DataError, match=r"^sources:1: an array of <U1; expected numbers\. Convert it with astype\.$"):
        model.predict([np.array([["a", "b"]])])


def test_one_array_in_place_of_a_list_is_named(tmp_path: Path):
    """Each moment was taken for a source: `the source has 1 numbers a moment; expected 2`."""
    texts = words(20)
    one = contours(texts)[0]
    model = seqloom.train((contours(texts), texts), out=tmp_path / "run", settings=SMALL, quiet=True)
    for given in (one, one[0]):
        said = re.escape(f"sources: one array, of shape {given.shape}; expected a list of arrays (S, 2). Put it into a list.")
        with pytest.raises(DataError, match=f"^{said}$"):
            model.predict(given)  # pyright: ignore[reportArgumentType]
    assert model.predict(np.stack([one, one])) == model.predict([one, one])  # pyright: ignore[reportArgumentType]
    other = seqloom.train((contours(texts), contours(texts)), out=tmp_path / "other", settings=SMALL, quiet=True)
    with pytest.raises(DataError, match=r"^X: 1 numbers a moment; expected 2, as in training\. Put a single array into a list\.$"):
        other.predict(one)


def test_options_that_do_nothing_for_pairs_of_arrays_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = pairs_file(tmp_path), tmp_path / "run"
    seqloom.train(file, source="word", target="pitch", out=out, settings=SMALL, quiet=True)
    assert run("predict", out, "abc", "--quantiles", "0.1,0.9") == 2
    assert "--quantiles: of no effect, the model was trained on pairs and says points. Leave it out." in capsys.readouterr().err
    assert run("predict", out, "abc", "--input", file) == 2
    assert "--input: TEXT is given too; expected one of both. Leave one out." in capsys.readouterr().err
    assert run("train", file, "--source", "word", "--target", "pitch", "--skip-bad", "--out", tmp_path / "no") == 2
    assert "--skip-bad: of no effect, the targets are numbers. Leave it out." in capsys.readouterr().err


def test_fields_of_pairs_that_are_damaged_are_refused():
    texts = words(12)
    state = plan_pairs(texts, contours(texts), settings=read_settings(SMALL)).fields.state()
    assert NumberFields.from_state(state).state() == state
    with pytest.raises(CheckpointError, match=r"^fields: cannot be read: mean, longest and scaling do not fit each other\."):
        NumberFields.from_state({**state, "target": {**state["target"], "mean": [1.0]}})
    with pytest.raises(CheckpointError, match=r"'vocabulary' is missing"):
        NumberFields.from_state({**state, "source": {}})


def test_one_batch_of_texts_and_arrays_has_ids_and_frames():
    plan = plan_pairs(["ab", "abcde", "c"], contours(["ab", "abcde", "c"]), settings=read_settings(SMALL))
    batch = plan.train.batch([0, 1, 2])
    again = collate([plan.train[number] for number in range(3)])  # type: ignore[index]
    assert (batch.source.shape, batch.target_in.shape, batch.target_out.shape) == ((3, 6), (3, 5, 3), (3, 5, 2))
    np.testing.assert_array_equal(batch.target_in, again.target_in)


def test_models_of_texts_and_arrays_are_not_served_yet(tmp_path: Path):
    texts = words(12)
    for name, data in (("texts to arrays of numbers", (texts, contours(texts))), ("arrays of numbers to texts", (contours(texts), texts))):
        model = seqloom.train(data, out=tmp_path / "run", settings=[*SMALL, "training.max_steps=1"], quiet=True, overwrite=True)
        export(model.path, tmp_path / "dist", precision="float32", overwrite=True)
        with pytest.raises(
            ConfigError, match=rf"^m: a model from {name}, which cannot be served; expected texts or sounds to texts, or numbers"
        ):
            create_app({"m": load_exported(tmp_path / "dist", threads=1)})


@pytest.mark.parametrize("reads_arrays", [True, False])
def test_no_site_is_made_of_arrays_on_either_side(tmp_path: Path, reads_arrays: bool):
    texts = words(12)
    if reads_arrays:
        plan = make_plan(contours(texts), texts)
        Fields.fit(plan.config.fields, plan.train).save(tmp_path / "fields.json")
    else:
        plan_pairs(texts, contours(texts)).fields.save(tmp_path / "fields.json")
    with pytest.raises(ConfigError, match=r"is a model of arrays; expected one of text, sound or a table\. Ask it from Python\.$"):
        check_kinds(tmp_path)


def test_a_kind_of_head_that_is_no_text_is_refused_as_any_other(tmp_path: Path):
    """It ended in a TypeError: a list was looked for among the kinds."""
    (tmp_path / "pairs.tsv").write_text("a\t1\nb\t2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"model\.head: no kind .*; expected one of tokens, squared"):
        seqloom.train(tmp_path / "pairs.tsv", out=tmp_path / "run", settings="model.head.kind=[x]")
    assert not (tmp_path / "run").exists()


def test_one_pair_is_said_in_the_singular() -> None:
    plan = plan_pairs(["ab"], [np.array([1.0, 2.0])], settings=read_settings(SMALL))
    assert plan.reasons["training.epochs"] == "1 pair: few are gone through often"
