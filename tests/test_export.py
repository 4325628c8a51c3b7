"""Exporting: what is checked before it is put in place, 8 bits, large vocabularies, what is said and what is refused."""

from __future__ import annotations

import copy
import errno
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import GraphProto, ModelProto, checker, helper, numpy_helper

import seqloom
from seqloom.answers import Answerer, Prediction
from seqloom.checkpoint import RunDirectory
from seqloom.cli import main
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.export import check, export, folder
from seqloom.export.check import most_telling
from seqloom.export.folder import to_onnx
from seqloom.export.program import write_program
from seqloom.export.quantize import quantized
from seqloom.export.weights import PRODUCTS, settled
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import UNK
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.prediction import Translator
from seqloom.runtime import Graph
from seqloom.testing.exported import translator_of

WORDS = [f"w{number}" for number in range(4200)]
ROWS = [Row((" ".join(WORDS[start::97][:length]),), "", "") for start, length in enumerate((3, 9, 1, 6, 12))]
PAIRS = [(" ".join(part), " ".join(reversed(part))) for part in ("abc", "bca", "cab", "ab", "ba", "ca", "ac", "bc")]
TINY = ["model.embedding=16", "model.encoder.width=32", "model.decoder.width=64", "model.dropout=0", "training.max_steps=30",
        "training.device=cpu", "training.precision=float32", "training.threads=1", "training.optimizer.learning_rate=0.02"]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqloom.Model:
    return seqloom.train(PAIRS * 4, dev=PAIRS, out=tmp_path_factory.mktemp("model") / "run", settings=TINY)


@pytest.fixture(scope="module")
def large() -> Translator:
    """Of a vocabulary so large that its best symbols are looked for in groups."""
    rows = [Row((" ".join(WORDS),), " ".join(WORDS), "")]
    fields = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField(), shared=True), rows)
    torch.manual_seed(3)
    parts: dict[str, Any] = {"encoder": {"kind": "recurrent", "width": 64}, "decoder": {"kind": "recurrent", "width": 48}}
    config = ModelConfig.model_validate({"embedding": 32, "tie_embeddings": "all", "dropout": 0.0, **parts})
    network = Seq2Seq(config, fields.source.size, fields.target.size)
    with torch.no_grad():
        network.head.project.bias.normal_(std=2.0)  # so that some symbols are likelier than others
    return Translator(network, fields, SearchConfig(), DataConfig())


def exported(here: Translator, *, small: bool = False) -> Answerer:
    onnx = to_onnx(here.network, here.fields, here.config, here.data)
    graph = Graph(settled(quantized(onnx) if small else onnx).SerializeToString(), threads=1)
    return Answerer(here.fields, here.data, here.config, graph)


def answerer(here: Translator) -> Answerer:
    return Answerer(here.fields, here.data, here.config, here)


def tokens_of(answers: list[Prediction]) -> list[list[list[str]]]:
    return [[output.tokens for output in answer.outputs] for answer in answers]


@pytest.mark.parametrize("beam", [1, 3, 80])
def test_the_best_of_a_large_vocabulary_are_found_in_groups(large: Translator, beam: int) -> None:
    config = SearchConfig(beam=beam, max_length=5)
    ours, theirs = list(large.predict(ROWS, config)), list(exported(large).answers(ROWS, config))
    assert tokens_of(ours) == tokens_of(theirs)


@pytest.mark.parametrize("beam", [1, 3, 80])
@pytest.mark.parametrize("ctc", [0.0, 0.3])
def test_what_no_training_target_held_is_never_written_by_the_exported_model_either(beam: int, ctc: float) -> None:
    parts: dict[str, Any] = {"encoder": {"kind": "recurrent", "width": 8}, "decoder": {"kind": "recurrent", "width": 5}}
    here = translator_of(ModelConfig.model_validate({"embedding": 6, "head": {"kind": "tokens", "ctc_weight": ctc}, **parts}))
    here.network.float()
    with torch.no_grad():
        here.network.head.project.bias[UNK] = 9.0
    here.fields = replace(here.fields, writes_unknown=False)
    rows, config = [Row((source,), "", "") for source in ("a b X c Y", "e d", "b")], SearchConfig(beam=beam, max_length=5, ctc_weight=ctc)
    for prefix in ("", "a Q"):
        ours, theirs = (list(model.answers(rows, config, prefix=prefix)) for model in (answerer(here), exported(here)))
        assert tokens_of(ours) == tokens_of(theirs)
        for output in (output for answer in ours for output in answer.outputs):
            assert output.tokens.count("<unk>") == bool(prefix)
            assert sum(output.token_log_probs) == pytest.approx(output.log_prob, rel=1e-5)


def test_eight_bits_change_scores_little_and_answers_do_not_depend_on_the_batch(large: Translator) -> None:
    config, small = SearchConfig(beam=3, max_length=6), exported(large, small=True)
    together = list(small.answers(ROWS, config))
    for row, answer in zip(ROWS, together, strict=True):
        (alone,) = small.answers([row], config)
        assert tokens_of([alone]) == tokens_of([answer])
    for whole, answer in zip(large.predict(ROWS, config), together, strict=True):
        np.testing.assert_allclose([output.score for output in answer.outputs], [output.score for output in whole.outputs], atol=0.02)


def bodies(graph: GraphProto) -> list[GraphProto]:
    """All bodies of loops and conditions, at any depth."""
    inner = [part.g for node in graph.node for part in node.attribute if part.HasField("g")]
    return inner + [body for graph in inner for body in bodies(graph)]


@pytest.mark.parametrize("small", [False, True], ids=["float32", "int8"])
def test_weights_stand_in_the_loop_that_multiplies_by_them(large: Translator, small: bool) -> None:
    """onnxruntime lays out no weight of the outermost graph for the products of a loop within a loop, but does so at each position."""
    whole = to_onnx(large.network, large.fields, large.config, large.data)
    before = quantized(whole) if small else whole
    after = settled(before)
    checker.check_model(after, full_check=True)
    products = [(body, node) for body in bodies(after.graph) for node in body.node if node.op_type in PRODUCTS]
    weights = {part.name for part in before.graph.initializer if len(part.dims) == 2} | {node.output[0] for node in before.graph.node}
    mine = [(body, node.input[1]) for body, node in products if node.input[1] in weights]
    assert len(mine) >= 2
    for body, name in mine:
        assert name in {part.name for part in body.initializer} | {output for node in body.node for output in node.output}
    assert settled(before) == after  # in the same order
    assert abs(len(after.SerializeToString()) - len(before.SerializeToString())) < 2000
    graphs = [Graph(model.SerializeToString(), threads=1) for model in (before, after)]
    config = SearchConfig(beam=3, max_length=6)
    ours, theirs = (list(Answerer(large.fields, large.data, config, graph).answers(ROWS, config)) for graph in graphs)
    assert tokens_of(ours) == tokens_of(theirs)


def test_eight_bits_take_a_quarter_of_the_room(large: Translator) -> None:
    whole = to_onnx(large.network, large.fields, large.config, large.data)
    del whole.metadata_props[:]
    assert len(quantized(whole).SerializeToString()) < 0.4 * len(whole.SerializeToString())  # graph and divisors stay as they are


def test_an_export_says_what_was_compared_and_writes_a_card(
    model: seqloom.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["export", str(model.path), "--out", str(tmp_path / "dist")])
    assert not end.value.code
    said = capsys.readouterr().err
    assert re.search(r"^float32: (\d+) of \1 hypotheses are those of the trained model, scores within \de-0\d$", said, re.MULTILINE)
    assert re.search(r"^int8: \w+ \d\.\d+ in float32, \d\.\d+ in int8 on 8 dev pairs, \d answers the same", said, re.MULTILINE)
    assert re.search(r"dist: model\.onnx of \d\.\d MB, (int8|float32)$", said, re.MULTILINE)
    card = (tmp_path / "dist" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\| encoder \| recurrent lstm, \d × 32 \|$", card, re.MULTILINE)
    assert "| exact_match |" in card
    assert "Measured on 8 dev pairs, " in card


def test_scores_of_another_search_are_not_those_of_the_exported_model(model: seqloom.Model, tmp_path: Path) -> None:
    as_trained = export(model.path, tmp_path / "same", precision="float32")
    measured = as_trained.manifest.measured
    assert measured is not None
    assert (measured.on, measured.search) == ("8 dev pairs", RunDirectory(model.path).check()["search"])
    assert as_trained.manifest.metrics == RunDirectory(model.path).check()["metrics"]
    settings = ["search.beam=2", "search.length_penalty=0.5"]
    bare = export(model.path, tmp_path / "bare", precision="float32", settings=settings)
    assert (bare.manifest.metrics, bare.manifest.measured) == ({}, None)
    card = (tmp_path / "bare" / "README.md").read_text(encoding="utf-8")
    assert "Not measured with these weights and this search; `seqloom evaluate` of the run measures them." in card
    assert re.search(r"^\| search \| beam 2, length_penalty 0\.5", card, re.MULTILINE)
    tried = export(model.path, tmp_path / "tried", precision="int8", settings=settings)
    assert tried.small is not None
    assert tried.manifest.metrics == {tried.small.metric: tried.small.reduced}
    assert str(tried.manifest.measured) == "8 dev pairs, beam 2"


def test_a_card_says_where_scores_are_of_a_greedy_look(model: seqloom.Model, tmp_path: Path) -> None:
    run = shutil.copytree(model.path, tmp_path / "run")
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"search": "greedy"}))
    export(run, tmp_path / "dist", precision="float32")
    card = (tmp_path / "dist" / "README.md").read_text(encoding="utf-8")
    assert "Measured on 8 dev pairs, greedy; the model itself searches with beam 5, with which its scores are others." in card


def test_nothing_of_the_training_data_runs_in_the_shell_of_who_copies_the_command_of_a_card(model: seqloom.Model, tmp_path: Path) -> None:
    run = shutil.copytree(model.path, tmp_path / "run")
    lines = (run / "dev.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    changed = json.loads(json.dumps(row).replace(json.dumps(row["source"]), json.dumps(['$(touch owned) `id` "a'])))
    assert changed != row
    (run / "dev.jsonl").write_text("\n".join([json.dumps(changed), *lines[1:]]) + "\n")
    export(run, tmp_path / "dist", precision="float32")
    (command,) = re.findall(r"^\$ (.*)$", (tmp_path / "dist" / "README.md").read_text(), re.MULTILINE)
    assert shlex.split(command) == ["seqloom", "predict", "run", '$(touch owned) `id` "a']
    assert command.endswith("""'$(touch owned) `id` "a'""")


def test_eight_bits_that_cost_too_much_are_not_taken_unless_asked_for(
    model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "ALLOWED", -2.0)
    with pytest.raises(SystemExit):
        main(["export", str(model.path), "--out", str(tmp_path / "dist")])
    assert "more than 0.5 % is lost, so weights stay float32" in capsys.readouterr().err
    assert export(model.path, tmp_path / "asked", precision="int8").manifest.precision == "int8"
    assert export(model.path, tmp_path / "whole", precision="float32").small is None


@pytest.fixture(scope="module")
def undecided(tmp_path_factory: pytest.TempPathFactory) -> seqloom.Model:
    """A symbol can be as likely as another in it, and something else follow."""
    settings = [*TINY, "model.tie_embeddings=none", "training.schedule.warmup_steps=20"]
    return seqloom.train(PAIRS * 4, dev=PAIRS, out=tmp_path_factory.mktemp("undecided") / "run", settings=settings)


def twin(model: seqloom.Model, bias: float) -> seqloom.Model:
    """The model with two symbols that are as likely as each other, but for a bias of one."""
    network = copy.deepcopy(model.network)
    project = network.head.project
    with torch.no_grad():
        project.weight[-1], project.bias[-1] = project.weight[-2], project.bias[-2] + bias
    translator = Translator(network, model.fields, model.config.search, model.config.data)
    return seqloom.Model(model.path, model.config, model.fields, translator)


def test_answers_that_rounding_could_have_given_are_ties_and_others_are_not(undecided: seqloom.Model) -> None:
    one = twin(undecided, 0.0)
    for bias, holds in ((1e-6, True), (0.05, False)):
        other = twin(undecided, bias)
        parity = check.compare(one, to_onnx(other.network, other.fields, other.config.search, other.config.data))
        assert parity.identical < parity.hypotheses, bias
        assert parity.holds == holds, (bias, str(parity))


def test_a_graph_that_answers_otherwise_is_not_written(model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(folder.WAYS, "ids", replace(folder.WAYS["ids"], compare=lambda *_: check.Parity(10, 8, 1, 0.0)))
    with pytest.raises(seqloom.CheckpointError, match=r"8 of 10 hypotheses are those of the trained model \(1 ties\).* is wrong, so"):
        export(model.path, tmp_path / "dist")
    assert not list(tmp_path.iterdir())


def test_a_graph_that_answers_the_same_with_other_scores_is_not_written(
    model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = folder.to_onnx

    def shifted(*parts: Any) -> ModelProto:
        onnx = honest(*parts)
        (node,) = [node for node in onnx.graph.node if "scores" in node.output]
        node.output[list(node.output).index("scores")] = "right"
        onnx.graph.initializer.append(numpy_helper.from_array(np.array(0.01, np.float32), "fault"))
        onnx.graph.node.append(helper.make_node("Add", ["right", "fault"], ["scores"]))
        return onnx

    monkeypatch.setattr(folder, "to_onnx", shifted)
    same = r"(\d+) of \1 hypotheses are those of the trained model"
    said = rf"{same}, scores within 1e-02; expected within 1e-03\. The exported model is wrong, so"
    with pytest.raises(seqloom.CheckpointError, match=said):
        export(model.path, tmp_path / "dist")
    assert not list(tmp_path.iterdir())


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Has something happen while an export compares answers."""
    compare = folder.WAYS["ids"].compare

    def comparing(*given: Any) -> Any:
        happens()
        return compare(*given)

    monkeypatch.setitem(folder.WAYS, "ids", replace(folder.WAYS["ids"], compare=comparing))


def contents(place: Path) -> dict[str, bytes]:
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("is_file", [True, False])
def test_what_appears_in_place_of_an_export_while_it_works_stays(
    model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_file: bool
) -> None:
    mine = tmp_path / "dist" if is_file else tmp_path / "dist" / "mine.txt"

    def put() -> None:
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine", encoding="utf-8")

    meanwhile(monkeypatch, put)
    what = f"{tmp_path / 'dist'}: something was put there while the export worked, and stays"
    with pytest.raises(seqloom.CheckpointError, match=re.escape(f"{what}. Choose another --out, or export again with --overwrite.")):
        export(model.path, tmp_path / "dist", precision="float32")
    assert contents(tmp_path) == {mine.relative_to(tmp_path).as_posix(): b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["dist"]


def test_of_two_exports_into_one_new_folder_the_second_stops(model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([True])
    meanwhile(monkeypatch, lambda: next(asked, False) and export(model.path, tmp_path / "dist", precision="float32"))
    with pytest.raises(seqloom.CheckpointError, match="something was put there while the export worked"):
        export(model.path, tmp_path / "dist", precision="int8")
    assert seqloom.load(tmp_path / "dist").manifest.precision == "float32"  # type: ignore[union-attr]


def test_a_file_that_is_put_beside_an_exported_model_while_it_is_replaced_stays(
    model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(model.path, tmp_path / "dist", precision="float32")
    (tmp_path / "empty").mkdir()
    export(model.path, tmp_path / "empty", precision="float32")
    before = contents(tmp_path / "dist")
    meanwhile(monkeypatch, lambda: (tmp_path / "dist" / "LICENSE").write_text("mine", encoding="utf-8"))
    with pytest.raises(seqloom.CheckpointError, match="holds LICENSE, which no export wrote, so it is not overwritten"):
        export(model.path, tmp_path / "dist", precision="int8", overwrite=True)
    assert contents(tmp_path / "dist") == before | {"LICENSE": b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist", "empty"]


def test_an_exported_model_whose_place_is_taken_while_it_is_replaced_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "other.txt").touch()
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "manifest.json").touch()
    with pytest.raises(seqloom.CheckpointError, match=r"the model that was there is dist-before-.* beside it") as caught:
        folder._put_back(tmp_path / "before", tmp_path / "dist")  # pyright: ignore[reportPrivateUsage]
    (kept,) = tmp_path.glob("dist-before-*")
    assert kept.name in str(caught.value)
    assert [path.name for path in kept.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left on the disk while saving. Free some space, then run this again."),
        (errno.EFBIG, "cannot be written (File too large). Files may not be so large here: raise the limit (`ulimit -f unlimited`), then"),
    ],
)
def test_an_export_that_cannot_be_written_names_its_folder(
    model: seqloom.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(seqloom.CheckpointError, match=re.escape(f"{tmp_path / 'dist'}: {said}")):
        export(model.path, tmp_path / "dist", precision="float32")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--int8", "--float32"], "--int8, --float32: both are given; expected one of them. Leave one out."),
        (["--web", "--format", "torch-export"], "--format torch-export: of no effect with --web. Leave one of them out."),
        (["--format", "torch_export"], "--format torch_export: expected onnx or torch-export. Did you mean 'torch-export'?"),
    ],
)
def test_options_that_contradict_are_refused(
    model: seqloom.Model, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["export", str(model.path), "--out", "dist", *options])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_program_of_torch_gives_the_log_probabilities_at_any_size(cell: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    part = {"kind": "recurrent", "cell": cell, "width": 6}
    network = Seq2Seq(ModelConfig.model_validate({"embedding": 5, "encoder": part, "decoder": part}), 11, 9).eval()
    write_program(network, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    source, mask, target = torch.arange(18).view(2, 9) % 11, torch.arange(9) < torch.tensor([[9], [4]]), torch.arange(6).view(2, 3)
    with torch.no_grad():
        memory = network.prepare(source, mask)
        decoded, _ = network.decode(target, memory, network.start(memory))
        torch.testing.assert_close(program(source, mask, target), network.head.log_probs(decoded), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"copy": True}, "a model that copies source symbols (model.copy)"),
        ({"decoder": {"kind": "recurrent", "input_feeding": True}}, "a decoder with input feeding (model.decoder.input_feeding)"),
        (
            {"encoder": {"kind": "recurrent", "subsampling": {"kind": "conv"}}},
            "a subsampling before the encoder (model.encoder.subsampling)",
        ),
    ],
)
def test_what_torch_cannot_keep_open_is_no_program(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    network = Seq2Seq(ModelConfig.model_validate({"embedding": 4, **settings}), 11, 9)
    with pytest.raises(seqloom.ConfigError, match=re.escape(f"--format torch-export: {said}; expected one without. Export as onnx.")):
        write_program(network, tmp_path / "model.pt2")


def test_a_search_that_draws_is_not_exported_and_says_what_to_set(model: seqloom.Model, tmp_path: Path) -> None:
    said = f"{model.path}: search.kind is sample, and no graph draws; expected beam or greedy. Export with --set search.kind=beam."
    with pytest.raises(seqloom.CheckpointError, match=re.escape(said)):
        export(model.path, tmp_path / "dist", settings=["search.kind=sample"])
    said = f"{model.path}: search.no_repeat_ngram, which no graph knows; expected 0. Export with --set search.no_repeat_ngram=0."
    with pytest.raises(seqloom.CheckpointError, match=re.escape(said)):
        export(model.path, tmp_path / "dist", settings=["search.no_repeat_ngram=3"])


def test_symbols_of_a_prefix_that_a_model_does_not_know_are_said(
    model: seqloom.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for prefix, said in (
        ("a é", "note: --prefix: unknown to the model: 'é'; answers hold <unk> there, or a copy from the source."),
        ("a b", ""),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["predict", str(model.path), "a b c", "--prefix", prefix])
        assert not ended.value.code
        assert [line for line in capsys.readouterr().err.splitlines() if "--prefix" in line] == ([said] if said else [])


@pytest.mark.parametrize(
    ("answer", "right", "field", "metric"),
    [
        ("a b", "a b", TokensField(), "exact_match"),
        ("a b", "a c", TokensField(), "token_error_rate"),
        ("ab", "ab", TextField(), "exact_match"),
        ("ab", "ac", TextField(), "character_error_rate"),
        ("the cat sat on it", "the cat sat on a mat", TextField(unit="word"), "bleu"),
        ("one", "a cat sat down", TextField(unit="word"), "character_error_rate"),
    ],
)
def test_smaller_weights_are_judged_by_errors_where_no_answer_is_right(
    answer: str, right: str, field: TextField | TokensField, metric: str
):
    assert most_telling([answer], [right], field) == metric
