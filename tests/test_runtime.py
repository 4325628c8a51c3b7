"""Exported models: the same answers as the trained one, without torch, from a folder that is not trusted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import seqloom
from seqloom.cli import main
from seqloom.errors import ConfigError
from seqloom.export import export
from seqloom.exported import load_exported
from seqloom.loading import load
from seqloom.manifest import describe_files
from seqloom.runtime import Predictor, _names_a_file, open_session
from seqloom.stopping import Stop, Stopped, stopped_by

PAIRS = [
    (" ".join(part), " ".join(reversed(part))) for part in ("abc", "bca", "cab", "ab", "ba", "ca", "ac", "bc", "cb", "acb", "bac", "cba")
]
TINY = ["model.embedding=16", "model.encoder.width=16", "model.decoder.width=24", "model.dropout=0", "training.max_steps=30",
        "training.device=cpu", "training.precision=float32", "training.threads=1", "training.optimizer.learning_rate=0.02"]  # fmt: skip
SOURCES = ["a b c", "c", "", "b a c b a c", "a q b", "b b"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqloom.Model:
    return seqloom.train(PAIRS * 4, dev=PAIRS, out=tmp_path_factory.mktemp("model") / "run", settings=TINY)


@pytest.fixture(scope="module")
def folder(model: seqloom.Model) -> Path:
    return export(model.path, model.path.parent / "dist", precision="float32").folder


@pytest.fixture
def spoilt(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "dist")


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_an_exported_model_is_on_the_processor(folder: Path) -> None:
    message = f"{folder}: device 'cuda'; an exported model runs on the processor. Leave it out."
    with pytest.raises(seqloom.ConfigError, match=f"^{re.escape(message)}$"):
        seqloom.load(folder, device="cuda")


def test_a_text_waits_for_nothing_that_reads_tables(folder: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "seqloom", "predict", str(folder), "a b c"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert "seqloom.runtime" in loaded
    assert not loaded & {
        "torch",
        "seqloom.data.pairs",
        "seqloom.data.tables",
        "seqloom.numbers.dates",
        "seqloom.data.memory",
        "seqloom.numbers.fields",
    }


def test_an_exported_model_answers_as_the_trained_one(model: seqloom.Model, folder: Path) -> None:
    exported = seqloom.load(folder)
    assert isinstance(exported, Predictor)
    for search in ({}, {"kind": "greedy"}, {"beam": 3, "min_length": 4}, {"prefix": "c"}, {"length_penalty": 0.0, "max_length": 2}):
        ours, theirs = model.predictions(SOURCES, **search), exported.predictions(SOURCES, **search)
        assert [answer.source_tokens for answer in ours] == [answer.source_tokens for answer in theirs]
        assert [answer.limit for answer in ours] == [answer.limit for answer in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert [output.tokens for output in one.outputs] == [output.tokens for output in other.outputs]
            assert [output.cut for output in one.outputs] == [output.cut for output in other.outputs]
            assert [output.score for output in one.outputs] == pytest.approx([output.score for output in other.outputs], abs=1e-5)


def test_symbols_that_training_never_saw_are_told_with_each_answer(model: seqloom.Model, folder: Path) -> None:
    for one in (model, seqloom.load(folder)):
        found = one.predictions(["a b", "a q b z q", ""], beam=1)
        assert [answer.unknown for answer in found] == [[], ["q", "z", "q"], []]


def test_a_search_that_can_never_end_is_refused_by_trained_and_exported_models(model: seqloom.Model, folder: Path) -> None:
    said = r"^predict: search: min_length 9 is above max_length 5; lower the one or raise the other\. docs/config\.md lists what is allowed"
    for one in (model, seqloom.load(folder)):
        with pytest.raises(ConfigError, match=said):
            one.predict(["a b"], min_length=9, max_length=5)


def test_attention_comes_where_asked_for_and_replaces_what_is_unknown(model: seqloom.Model, folder: Path) -> None:
    exported = load(folder)
    ours, theirs = (here.predictions(SOURCES, attention=True, beam=2, replace_unknown=True) for here in (model, exported))
    for one, other in zip(ours, theirs, strict=True):
        for mine, its in zip(one.outputs, other.outputs, strict=True):
            assert mine.text == its.text
            assert mine.attention is not None
            assert its.attention is not None
            assert [row == pytest.approx(its_row, abs=1e-5) for row, its_row in zip(mine.attention, its.attention, strict=True)]
    assert exported.predictions(["a b"])[0].outputs[0].attention is None


def said_without_torch(*words: str) -> str:
    """What a command prints, which must not have loaded torch, onnx or matplotlib."""
    code = (
        "import sys; from seqloom.cli import main\n"
        f"try: main({[*words]!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {name for name in sys.modules if name.split('.')[0] in {'torch', 'onnx', 'matplotlib'}}"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_an_exported_model_predicts_without_torch(folder: Path) -> None:
    said = said_without_torch("predict", str(folder), "a b", "--n-best", "2")
    assert [line.split("\t")[:2] for line in said.splitlines()] == [["1", "1"], ["1", "2"]]


def test_a_file_that_was_cut_or_changed_is_refused(spoilt: Path) -> None:
    path = spoilt / "model.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(seqloom.CheckpointError, match=rf"model\.onnx: {len(whole) - 7:,} bytes; expected {len(whole):,}\. Copy the"):
        load(spoilt)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(seqloom.CheckpointError, match=r"changed since it was exported, its SHA-256 is not that of manifest\.json"):
        load(spoilt)
    path.unlink()
    with pytest.raises(seqloom.CheckpointError, match=r"model\.onnx: cannot be read \(No such file or directory\)"):
        load(spoilt)


def test_what_is_no_model_is_refused_in_one_line_though_its_hash_is_right(spoilt: Path) -> None:
    (spoilt / "model.onnx").write_bytes(b"not a model")
    renew_hashes(spoilt)
    with pytest.raises(seqloom.CheckpointError, match=r"model\.onnx: onnxruntime cannot load it \(.*\)\. Copy the folder again"):
        load(spoilt)


def renew_hashes(folder: Path, **changes: Any) -> None:
    change_manifest(folder, files={name: entry.model_dump() for name, entry in describe_files(folder).items()}, **changes)


def test_files_of_two_models_are_refused_though_their_hashes_are_right(spoilt: Path) -> None:
    again = "expected the files of one model. Copy the folder again, or export it again."
    fields = json.loads((spoilt / "fields.json").read_text(encoding="utf-8"))
    (spoilt / "fields.json").write_text(json.dumps(dict(reversed(fields.items()))), encoding="utf-8")
    renew_hashes(spoilt)
    assert load(spoilt).predict(["a"]), "the same fields in another order"
    fields["target"]["vocabulary"]["symbols"].reverse()
    (spoilt / "fields.json").write_text(json.dumps(fields), encoding="utf-8")
    renew_hashes(spoilt)
    with pytest.raises(seqloom.CheckpointError, match=f"onnx: carries other fields than fields.json says; {again}$"):
        load(spoilt)


def test_a_manifest_with_the_settings_of_another_model_is_refused(spoilt: Path) -> None:
    search = json.loads((spoilt / "manifest.json").read_text(encoding="utf-8"))["search"]
    change_manifest(spoilt, search={name: value for name, value in search.items() if name != "seed"})
    assert load(spoilt).predict(["a"]), "a setting that is left out is the default"
    change_manifest(spoilt, search=search | {"beam": 7})
    with pytest.raises(seqloom.CheckpointError, match=r"onnx: carries other search than manifest\.json says; expected the files of one"):
        load(spoilt)


def test_a_folder_without_its_manifest_says_so(spoilt: Path) -> None:
    (spoilt / "manifest.json").unlink()
    message = r"dist/manifest\.json: missing; expected it beside model\.onnx\. Copy the folder again, or export it again\.$"
    for loads in (load, load_exported):
        with pytest.raises(seqloom.CheckpointError, match=message):
            loads(spoilt)


def test_a_site_in_place_of_the_model_in_it_is_named_as_that(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "site" / "model")
    said = (
        f"{tmp_path / 'site'}: a site for the browser; expected the folder of a model. Give the one in it, {tmp_path / 'site' / 'model'}."
    )
    for open_ in (load, load_exported):
        with pytest.raises(seqloom.CheckpointError, match=f"^{re.escape(said)}$"):
            open_(tmp_path / "site")


def test_an_exported_folder_is_not_exported_again(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        seqloom.CheckpointError, match=rf"^{re.escape(str(folder))}: exported already; expected a run\. Copy the folder, make a"
    ):
        export(folder, tmp_path / "again")


@pytest.mark.parametrize("number", [1.0, True, "1"])
def test_a_format_that_is_no_whole_number_is_refused(spoilt: Path, number: object) -> None:
    change_manifest(spoilt, format=number)
    with pytest.raises(seqloom.CheckpointError, match=rf"manifest\.json: format {number!r}; this is Seqloom .*, which reads format 1"):
        load(spoilt)


def test_fields_of_a_format_that_is_no_number_are_refused(spoilt: Path) -> None:
    fields = json.loads((spoilt / "fields.json").read_text(encoding="utf-8"))
    (spoilt / "fields.json").write_text(json.dumps(fields | {"format": True}), encoding="utf-8")
    renew_hashes(spoilt)
    with pytest.raises(seqloom.CheckpointError, match=r"fields: 'format' is bool; expected int"):
        load(spoilt)


@pytest.mark.parametrize("file", ["secret", "inner/../secret", "../secret"])
def test_a_graph_whose_numbers_lie_in_another_file_is_refused(tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnx import TensorProto, helper

    (tmp_path / "secret").write_bytes(bytes(400))
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look
    numbers = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[100], data_location=TensorProto.EXTERNAL)
    numbers.external_data.add(key="location", value=file)
    sides = helper.make_tensor_value_info("x", TensorProto.INT64, [1]), helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Gather", ["w", "x"], ["y"])], "g", [sides[0]], [sides[1]], [numbers])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    for form in (model, model.replace(b"\x08location", b"\x88\x00location")):  # the same length as protobuf may write it too
        with pytest.raises(seqloom.CheckpointError, match=r"^m: names another file for its data; expected all of it in this one\."):
            open_session(form, 1, "m")


def test_a_text_about_a_location_is_no_file() -> None:
    assert not _names_a_file(b"location of a location")
    assert _names_a_file(b"location of a\x08location")


def test_a_manifest_that_names_a_path_or_another_format_is_refused(spoilt: Path, folder: Path) -> None:
    entry = {"sha256": "0" * 64, "size": 1}
    for name in ("../model.onnx", "/etc/passwd", "a/b", ".."):
        change_manifest(spoilt, files={name: entry})
        with pytest.raises(seqloom.CheckpointError, match=r"manifest\.json: files\..*String should match pattern"):
            load(spoilt)
    change_manifest(spoilt, files={})
    with pytest.raises(seqloom.CheckpointError, match=r"manifest\.json: files: model\.onnx is missing"):
        load(spoilt)
    change_manifest(spoilt, format=7)
    with pytest.raises(seqloom.CheckpointError, match=r"manifest\.json: format 7; this is Seqloom .*, which reads format 1"):
        load(spoilt)
    for text in ("", "[1]", "{", "[" * 100_000):
        (spoilt / "manifest.json").write_text(text, encoding="utf-8")
        with pytest.raises(seqloom.CheckpointError, match=r"manifest\.json: (cannot be read|format None)"):
            load(spoilt)


def test_a_link_that_leads_out_of_the_folder_is_refused(spoilt: Path, folder: Path) -> None:
    (spoilt / "model.onnx").unlink()
    (spoilt / "model.onnx").symlink_to(folder / "model.onnx")
    with pytest.raises(seqloom.CheckpointError, match=r"model\.onnx: leads out of the folder"):
        load(spoilt)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["evaluate"], "an exported model, which has no dev pairs with it; expected a file of pairs. Name one, or give the run."),
        (
            ["score", "pairs.tsv"],
            "an exported model; this needs the run that it was made from. Give the folder that `seqloom train` wrote.",
        ),
    ],
)
def test_what_needs_the_run_says_so(folder: Path, command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command[0], str(folder), *command[1:]])
    assert end.value.code == 2
    assert f"dist: {said}" in capsys.readouterr().err


def test_an_exported_model_is_measured_as_the_trained_one_by_its_answers(model: seqloom.Model, folder: Path) -> None:
    exported = seqloom.load(folder)
    assert isinstance(exported, Predictor)
    trained, alone = model.evaluate(PAIRS), exported.evaluate(PAIRS)
    assert 0 < alone["token_accuracy"] <= 1
    assert alone == {name: trained[name] for name in alone}
    assert {*trained} - {*alone} == {"loss", "perplexity", "teacher_forced_accuracy", "free_running_accuracy"}
    several = [*PAIRS, (PAIRS[0][0], "z")]
    assert exported.evaluate(several, any_target=True, beam=1)["exact_match"] == exported.evaluate(PAIRS, beam=1)["exact_match"]


def test_an_exported_model_is_measured_on_a_file_without_torch(folder: Path, tmp_path: Path) -> None:
    pairs, answers = tmp_path / "pairs.tsv", tmp_path / "said"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    values = json.loads(said_without_torch("evaluate", str(folder), str(pairs), "--json", "--output", str(answers)))
    assert values["pairs"] == len(PAIRS)
    said = answers.read_text(encoding="utf-8").splitlines()
    assert values["exact_match"] == sum(mine == target for mine, (_, target) in zip(said, PAIRS, strict=True)) / len(PAIRS)


@pytest.mark.parametrize("threads", ["1,1", " 1", "", "all", "-1"])
def test_any_number_of_threads_that_openmp_is_told_is_understood(folder: Path, threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert len(load(folder).predict(["a b"])) == 1


def test_a_setting_of_the_search_that_is_none_changes_nothing(folder: Path) -> None:
    exported = load(folder)
    exported.defaults = exported.defaults.model_copy(update={"kind": "greedy"})
    assert exported.search(beam=None).kind == "greedy"
    assert exported.search(beam=3).kind == "beam"


def test_a_search_under_way_ends_when_it_is_told_to(folder: Path) -> None:
    model, stop = load_exported(folder, threads=1), Stop()
    assert isinstance(model, Predictor)
    begun, run = threading.Event(), model.graph.session.run
    model.graph.session = SimpleNamespace(run=lambda *asked: (begun.set(), run(*asked))[-1])
    threading.Thread(target=lambda: (begun.wait(10), stop.say())).start()
    with pytest.raises(Stopped), stopped_by(stop):  # some minutes, if nothing ended it
        model.predict(["a b c"] * 8, beam=32, min_length=20_000, max_length=20_000)
    model.graph.session.run = run
    assert model.predict(["a b"]) == load(folder).predict(["a b"])


def test_sampling_is_refused(folder: Path) -> None:
    with pytest.raises(seqloom.ConfigError, match=r"search\.kind: an exported model does not sample; expected beam or greedy"):
        load(folder).predict(["a"], kind="sample")
    with pytest.raises(seqloom.ConfigError, match=r"search\.no_repeat_ngram: an exported model does not know it; expected 0\. Set it to 0"):
        load(folder).predict(["a"], no_repeat_ngram=2)


def test_an_export_replaces_only_an_exported_model_and_only_when_told(model: seqloom.Model, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(seqloom.CheckpointError, match=r"dist: exists already\. Replace it with --overwrite"):
        export(model.path, folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(seqloom.CheckpointError, match="exists and is no exported model, so it is not overwritten"):
        export(model.path, tmp_path / "mine", overwrite=True)
    assert export(model.path, folder, overwrite=True).parity.identical > 0
    (tmp_path / "mine" / "manifest.json").write_text('{"name": "web page"}', encoding="utf-8")
    with pytest.raises(seqloom.CheckpointError, match=r"mine: holds thesis\.txt, which no export wrote, so it is not overwritten\. Choose"):
        export(model.path, tmp_path / "mine", overwrite=True)
    with pytest.raises(seqloom.CheckpointError, match=r"txt.dist: cannot be made \(.*\)\. Choose another --out\."):
        export(model.path, tmp_path / "mine" / "thesis.txt" / "dist")


def test_an_export_goes_where_a_link_leads(model: seqloom.Model, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shutil.copytree(folder, tmp_path / "dist"))
    (tmp_path / "dist" / "README.md").write_text("old", encoding="utf-8")
    assert export(model.path, tmp_path / "link", precision="float32", overwrite=True).folder == tmp_path / "link"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dist" / "README.md").read_text(encoding="utf-8") != "old"


def test_the_graph_alone_is_the_model(folder: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert {"seqloom.format", "seqloom.fields", "seqloom.search", "seqloom.data"} <= set(metadata)
    assert json.loads(metadata["seqloom.fields"]) == json.loads((folder / "fields.json").read_text(encoding="utf-8"))
