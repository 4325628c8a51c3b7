"""The public face: train, load, predict, score, evaluate."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dying import Interrupted
from unusual import unusual_torch

import seqloom
from seqloom.training.events import Silence, Started

PAIRS = [
    (" ".join(part), " ".join(reversed(part))) for part in ("abc", "bca", "cab", "ab", "ba", "ca", "ac", "bc", "cb", "acb", "bac", "cba")
]
TINY = ["model.embedding=16", "model.encoder.width=16", "model.decoder.width=24", "model.dropout=0", "training.max_steps=30",
        "training.device=cpu", "training.precision=float32", "training.threads=1", "training.optimizer.learning_rate=0.02"]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqloom.Model:
    return seqloom.train(PAIRS * 4, dev=PAIRS, out=tmp_path_factory.mktemp("model") / "run", settings=TINY)


def test_public_names_are_sorted_and_are_there() -> None:
    assert seqloom.__all__ == sorted(seqloom.__all__)
    assert all(hasattr(seqloom, name) for name in seqloom.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = seqloom.nothing


def test_importing_the_package_leaves_torch_out() -> None:
    code = "import sys, seqloom; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_loaded_model_predicts_what_the_trained_one_does(model: seqloom.Model) -> None:
    sources = [source for source, _ in PAIRS]
    assert seqloom.load(model.path).predict(sources) == model.predict(sources)


def test_threads_of_a_trained_model_are_refused(model: seqloom.Model) -> None:
    message = (
        f"{model.path}: threads 2; torch has its threads for the whole process, so a trained model cannot have its own. "
        "Leave it out, and use torch.set_num_threads(2)."
    )
    with pytest.raises(seqloom.ConfigError, match=f"^{re.escape(message)}$"):
        seqloom.load(model.path, threads=2)


def test_predictions_come_in_the_order_of_the_sources_and_an_empty_one_is_answered_by_nothing(model: seqloom.Model) -> None:
    alone = [model.predict([source])[0] for source, _ in PAIRS[:4]]
    assert model.predict([PAIRS[0][0], "", *(source for source, _ in PAIRS[1:4])]) == [alone[0], "", *alone[1:]]


def test_a_target_scores_what_its_prediction_summed_up_to(model: seqloom.Model) -> None:
    best = model.predictions([PAIRS[0][0]], beam=1)[0].outputs[0]
    assert model.score([(PAIRS[0][0], best.text)]) == pytest.approx([best.log_prob], abs=1e-4)


def test_evaluation_without_pairs_is_on_the_dev_pairs(model: seqloom.Model) -> None:
    assert model.evaluate() == pytest.approx(model.evaluate(PAIRS))
    assert {"exact_match", "token_error_rate", "loss", "perplexity"} <= set(model.evaluate())


def test_search_settings_can_be_given_for_one_call(model: seqloom.Model) -> None:
    assert len(model.predictions(["a b c"], beam=3)[0].outputs) == 3
    assert model.predict(["a b c"], max_length=1)[0].count(" ") == 0
    with pytest.raises(seqloom.ConfigError, match=r"unknown setting 'search\.beems'"):
        model.predict(["a b c"], beems=3)


def test_a_text_in_place_of_a_list_and_missing_columns_are_refused(model: seqloom.Model) -> None:
    with pytest.raises(seqloom.DataError, match="expected a list of texts, got the text 'a b c'"):
        model.predict("a b c")
    with pytest.raises(seqloom.DataError, match=r"^sources:1: 2 source columns; expected 1\. Give a text\.$"):
        model.predict([("a", "b")])


def test_outer_blanks_and_line_ends_of_a_source_change_nothing(model: seqloom.Model) -> None:
    assert len(set(model.predict(["a b c", "a b c\n", " a b c "]))) == 1


def test_training_prints_the_choices_and_the_score_unless_it_is_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [*TINY, "training.max_steps=2"]
    seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "told", settings=few)
    told = capsys.readouterr()
    assert told.out.startswith("data: 24 pairs to train on, 12 dev pairs\n")
    assert "\nwarning: 12 of 12 dev rows (100.0%) have a source that training has too" in told.out
    assert re.search(r"^  model.dropout +0.0 +as asked for$", told.out, re.MULTILINE)
    assert "\ndev score (12 pairs, beam 5, the best on dev, update " in told.out
    assert f"model: {tmp_path / 'told'} (done after " in told.out
    seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "quiet", settings=few, quiet=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert "warning: 12 of 12 dev rows (100.0%) have a source that training has too, 12 of them with the same target" in told.err


def test_an_out_below_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(seqloom.CheckpointError, match=r"cannot be made, .*file is no folder that can be written to"):
        seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "file" / "run", settings=TINY)


def test_an_existing_run_is_not_overwritten_unless_asked(model: seqloom.Model) -> None:
    with pytest.raises(seqloom.CheckpointError, match="exists already"):
        seqloom.train(PAIRS, dev=PAIRS, out=model.path, settings=TINY)


def test_two_source_columns_become_one_source(tmp_path: Path) -> None:
    pairs = [
        ((word, tag), word + ending) for word in ("alo", "bilo", "cedo", "dano", "ero") for tag, ending in (("A;B", "s"), ("A;C", "n"))
    ]
    model = seqloom.train(pairs * 3, dev=pairs, out=tmp_path / "run", settings=TINY)
    assert len(model.config.fields.source) == 2
    assert len(model.predict([("alo", "A;B"), ("ero", "A;C")])) == 2


def test_training_leaves_torch_to_the_rest_of_the_process_as_it_was(tmp_path: Path) -> None:
    few, threads = [*TINY, "training.max_steps=1", "training.threads=2"], torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    first, then = torch.rand(1), torch.rand(1)
    torch.manual_seed(7)
    assert torch.rand(1) == first
    seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "run", settings=few, quiet=True)
    assert torch.rand(1) == then
    assert torch.get_num_threads() == 1
    torch.set_num_threads(threads)


def test_a_second_training_beside_one_is_refused(tmp_path: Path) -> None:
    said: list[str] = []

    class Second(Silence):
        def started(self, event: Started) -> None:
            with pytest.raises(seqloom.TrainingError) as error:
                seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "second", settings=TINY)
            said.append(str(error.value))

    seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "run", settings=[*TINY, "training.max_steps=1"], watcher=Second())
    assert said == [
        "another training goes on in this process; expected one at a time, since all draw from one generator. "
        "Train one after the other, or each in a process of its own."
    ]
    seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "second", settings=[*TINY, "training.max_steps=1"], quiet=True)


def test_an_interrupt_ends_what_trains_and_its_run_can_be_loaded_and_resumed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as error:
        seqloom.train(PAIRS, dev=PAIRS, out=run, settings=TINY, watcher=Interrupted(3))
    assert str(error.value) == (
        f"{run}: interrupted after 3 updates; seqloom.load({str(run)!r}) gives the model so far, seqloom.resume({str(run)!r}) goes on."
    )
    assert len(seqloom.load(run).predict(["a b c"])) == 1
    with pytest.raises(KeyboardInterrupt):
        seqloom.resume(run, watcher=Interrupted(5))
    whole = seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "whole", settings=TINY, quiet=True)
    assert seqloom.resume(run, quiet=True).score(PAIRS) == whole.score(PAIRS)
    with pytest.raises(seqloom.CheckpointError, match=r"run: this run is finished \(done\)\."):
        seqloom.resume(run)


def test_settings_config_and_budget_are_taken_in_the_forms_that_python_has(tmp_path: Path) -> None:
    nested = {"training": {"max_steps": 2, "threads": 1, "device": "cpu", "precision": "float32"}, "model.encoder.width": 8}
    model = seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "a", settings=nested, budget=timedelta(minutes=5), quiet=True)
    assert (model.config.training.max_steps, model.config.model.encoder.width, model.config.training.budget_seconds) == (2, 8, 300.0)
    tree = {"model": {"embedding": 6, "decoder": {"width": 8}, "encoder": {"width": 8}}, "training": {"max_steps": 1, "threads": 1}}
    model = seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "b", config=tree, settings="training.precision=float32", quiet=True)
    assert (model.config.model.embedding, model.config.training.precision) == (6, "float32")
    with pytest.raises(seqloom.ConfigError, match=r"^config: unknown setting 'model\.embeding'\. Did you mean 'model\.embedding'\?$"):
        seqloom.train(PAIRS, out=tmp_path / "c", config={"model": {"embeding": 6}})
    with pytest.raises(
        seqloom.ConfigError, match=r"^settings: training\.max_steps:5: expected key=value, as in settings=\"model\.dropout=0\.2\"\.$"
    ):
        seqloom.train(PAIRS, out=tmp_path / "c", settings="training.max_steps:5")


def test_a_device_that_is_not_here_is_refused(model: seqloom.Model) -> None:
    for device in ("gpu", "cuda:77"):
        with pytest.raises(
            seqloom.ConfigError, match=rf"^training\.device: '{device}' cannot be used here \(.*\)\. Use --device auto or cpu\.$"
        ):
            seqloom.load(model.path, device=device)


def test_what_is_wrong_is_said_in_words_of_python(model: seqloom.Model, tmp_path: Path) -> None:
    with pytest.raises(seqloom.CheckpointError, match=r"exists already\. Replace it with overwrite=True, or choose another out\.$"):
        seqloom.train(PAIRS, out=model.path)
    with pytest.raises(seqloom.ConfigError, match=r"^settings: unknown setting 'model\.dropuot'\. Did you mean 'model\.dropout'\?$"):
        seqloom.train(PAIRS, out=tmp_path / "new", settings={"model.dropuot": 1})
    with pytest.raises(seqloom.CheckpointError, match=rf"^start_from {tmp_path}/no: no run\. Give a folder that `seqloom train` wrote\.$"):
        seqloom.train(PAIRS, out=tmp_path / "new", start_from=tmp_path / "no")
    with pytest.raises(seqloom.ConfigError, match=r"^the run: NoneType None; expected the path of a folder\. Give one as a text\.$"):
        seqloom.train(PAIRS, out=None)  # pyright: ignore[reportArgumentType]
    for given in (7, [model]):
        with pytest.raises(seqloom.ConfigError, match=r"^(int|list): no run to begin with; expected a folder that training"):
            seqloom.train(PAIRS, out=tmp_path / "new", start_from=given)  # pyright: ignore[reportArgumentType]


def test_a_run_begins_with_a_model_whose_weights_are_those_of_its_run(model: seqloom.Model, tmp_path: Path) -> None:
    begun = seqloom.train(PAIRS, out=tmp_path / "new", start_from=model, settings="training.max_steps=1", quiet=True)
    assert begun.config.training.start_from == str(model.path)
    other = seqloom.load(model.path)
    with torch.no_grad():
        other.network.head.project.bias[5] += 9
    with pytest.raises(seqloom.CheckpointError, match=r"holds other weights than the model has in memory.*Write these with model\.save"):
        seqloom.train(PAIRS, out=tmp_path / "no", start_from=other)


def test_symbols_that_the_model_does_not_know_in_a_prefix_or_a_scored_target_are_warned_of_once_a_call(model: seqloom.Model) -> None:
    with pytest.warns(UserWarning, match="unknown to the model") as told:
        model.predict(["a b", "b a"], prefix="é ö é")
    assert [str(one.message) for one in told] == [
        "prefix: unknown to the model: 'é', 'ö'; answers hold <unk> there, or a copy from the source."
    ]
    with pytest.warns(UserWarning, match="scored as <unk>") as told:
        model.score([("a b", "é"), ("a é", "b")])
    expected = "1 of 2 targets hold symbols that training never saw, which the model cannot write: 'é' (1)"
    assert [str(one.message) for one in told] == [f"score: {expected}; scored as <unk>"]


def test_a_prefix_is_a_text_or_none(model: seqloom.Model) -> None:
    assert model.predict(["a b"], prefix=None) == model.predict(["a b"])
    with pytest.raises(
        seqloom.ConfigError,
        match=r"^prefix: list \['a', 'b'\]; expected a text, with which all answers begin\. Ask for each prefix by itself\.$",
    ):
        model.predict(["a b", "b a"], prefix=["a", "b"])


def test_settings_of_sampling_are_refused_where_nothing_is_drawn(model: seqloom.Model) -> None:
    message = r"^predict: temperature, top_k: of no effect with kind 'beam'\. Say kind=sample, or leave it out\.$"
    with pytest.raises(seqloom.ConfigError, match=message):
        model.predict(["a b"], temperature=2.0, top_k=3)
    assert len(model.predict(["a b"], kind="sample", temperature=2.0, top_k=3, seed=2)) == 1


def test_a_model_finds_its_run_from_another_folder_and_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    few = [*TINY, "training.max_steps=1"]
    seqloom.train(PAIRS, dev=PAIRS, out="~/run", settings=few, quiet=True)
    assert (tmp_path / "home" / "run" / "run.json").is_file()
    model = seqloom.load("home/run")
    monkeypatch.chdir(tmp_path / "home")
    assert model.evaluate() == seqloom.load("~/run").evaluate()
    assert seqloom.train(PAIRS, start_from="~/run", out="more", settings="training.max_steps=1", quiet=True).path == Path.cwd() / "more"


def test_a_process_without_a_terminal_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "run", settings=[*TINY, "training.max_steps=1"]).path.is_dir()


def test_what_a_process_has_set_for_torch_changes_neither_training_nor_answers(model: seqloom.Model, tmp_path: Path) -> None:
    settings = [*TINY, "training.max_steps=2"]
    usual = seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "usual", settings=settings).score(PAIRS)
    with unusual_torch("meta"):
        assert seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "run", settings=settings).score(PAIRS) == usual
        assert seqloom.load(tmp_path / "usual").score(PAIRS) == usual
        assert model.predict(["a b"]) == seqloom.load(model.path).predict(["a b"])
        model.export(tmp_path / "exported", precision="float32")
    assert all(weight.dtype == torch.float32 and not weight.is_inference() for weight in model.network.parameters())


def test_loading_and_exporting_draw_no_numbers_from_the_generator_of_the_process(model: seqloom.Model, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    seqloom.load(model.path)
    model.export(tmp_path / "exported", precision="float32")
    seqloom.join([model, seqloom.train(PAIRS, dev=PAIRS, out=tmp_path / "run", settings=TINY)], out=tmp_path / "joined")
    assert torch.equal(torch.get_rng_state(), before)


def test_whole_numbers_are_read_as_a_column_of_them_was_in_training(tmp_path: Path) -> None:
    table = {"number": [100 + number for number in range(30)], "text": [f"no {number % 3}" for number in range(30)]}
    model = seqloom.train(table, out=tmp_path / "run", settings=["training.max_steps=1"], quiet=True)
    texts = [str(number) for number in table["number"]]
    answers, scores = model.predict(texts), model.score(list(zip(texts, table["text"], strict=True)))
    for numbers in (table["number"], np.array(table["number"]), list(np.array(table["number"]))):
        assert model.predict(numbers) == answers
        assert model.score(numbers, table["text"]) == scores
    assert model.score(list(zip(table["number"], table["text"], strict=True))) == scores
    with pytest.raises(seqloom.DataError, match=r"^sources:1: the source is float 1\.5; expected a text"):
        model.predict([1.5])


def test_pairs_that_cannot_be_measured_are_left_out_where_that_is_said_or_was_in_training(model: seqloom.Model, tmp_path: Path) -> None:
    bad = [PAIRS[0], ("", "b a"), PAIRS[1], ("a b", "")]
    message = "pairs:2: the source is empty; expected at least one symbol. Mend it, or go on without such pairs: skip_bad=True."
    for measure in (model.evaluate, model.score):
        with pytest.raises(seqloom.DataError, match=f"^{re.escape(message)}$"):
            measure(bad)
    with pytest.warns(UserWarning, match="went by") as told:
        assert model.score(bad, skip_bad=True) == model.score(PAIRS[:2])
    assert [str(one.message) for one in told] == [
        "1 row with an empty source went by, the first at pairs:2.",
        "1 row with an empty target went by, the first at pairs:4.",
    ]
    skips = seqloom.train(bad + PAIRS, dev=PAIRS, out=tmp_path / "run", settings=[*TINY, "training.max_steps=1", "data.skip_bad=true"])
    file = tmp_path / "bad.tsv"
    file.write_text("".join(f"{source}\t{target}\n" for source, target in bad), encoding="utf-8")
    for pairs in (bad, file):
        with pytest.warns(UserWarning, match="went by"):
            assert skips.evaluate(pairs) == skips.evaluate(PAIRS[:2])
    with pytest.raises(seqloom.DataError, match=r"the source is empty"):
        skips.evaluate(bad, skip_bad=False)
    with pytest.raises(seqloom.ConfigError, match=r"^skip_bad: of no effect"):
        model.evaluate(skip_bad=True)


def test_a_warning_names_the_line_that_called(model: seqloom.Model) -> None:
    calls = (lambda: model.predict(["a"], prefix="z"), lambda: model.predictions(["a"], prefix="z"), lambda: model.score([("a", "z")]))
    for call in calls:
        with pytest.warns(UserWarning, match="'z'") as told:
            call()
        assert told[0].filename == __file__


def test_several_answers_asked_for_by_another_name_are_told_where_they_are(model: seqloom.Model) -> None:
    message = (
        "predict: n_best: no setting of the search; expected beam=5, or kind='sample', samples=5. "
        "Take the answers from predictions(...)[0].outputs, best first."
    )
    with pytest.raises(seqloom.ConfigError, match=f"^{re.escape(message)}$"):
        model.predict(["a b"], n_best=5)


def test_an_exported_model_says_why_it_has_no_score(model: seqloom.Model, tmp_path: Path) -> None:
    model.export(tmp_path / "exported", precision="float32")
    exported: Any = seqloom.load(tmp_path / "exported")
    what = "an exported model has no score: its graph says how probable its own answers are, not given ones"
    message = f"{tmp_path / 'exported'}: {what}. Score with the run that it was made from."
    with pytest.raises(AttributeError, match=f"^{re.escape(message)}$"):
        exported.score(PAIRS)
    with pytest.raises(AttributeError, match=r"^'Predictor' object has no attribute 'scores'$"):
        _ = exported.scores
