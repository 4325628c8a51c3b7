"""Models of numbers as one graph: what the network says, in one go or frame by frame, and the folder that forecasts without torch."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import checker, helper
from stage import run

import seqloom
from seqloom.batching import Batch
from seqloom.cli import main
from seqloom.config import ModelConfig
from seqloom.errors import CheckpointError
from seqloom.export import export, folder, number_check
from seqloom.export.frames import frame_graph
from seqloom.export.graph import OPSET
from seqloom.export.program import write_program
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.numbers.forecaster import Forecaster
from seqloom.numbers.forecasting import TorchFrames
from seqloom.numbers.runtime import FrameGraph
from seqloom.numbers.waves import waves, write_waves

LSTM, GRU = {"kind": "recurrent", "cell": "lstm", "width": 6}, {"kind": "recurrent", "cell": "gru", "width": 6, "layers": 2}
TRANSFORMER = {"kind": "transformer", "layers": 2, "width": 6, "heads": 3, "feed_forward": 7}
PATH = {"history": 3, "horizon": 5}
SYMBOLS = 11
TINY = ["model.embedding=8", "model.encoder.width=8", "model.decoder.width=8", "training.max_steps=20", "training.device=cpu",
        "training.precision=float32", "training.threads=1"]  # fmt: skip


def network(encoder: dict[str, Any], decoder: dict[str, Any], *, source_kind: str = "frames", known: int = 2, **more: Any) -> Seq2Seq:
    torch.manual_seed(1)
    settings = {"embedding": 6, "encoder": encoder, "decoder": decoder, "tie_embeddings": "none", "head": {"kind": "squared"}, **more}
    size = 3 if source_kind == "frames" else SYMBOLS
    made = Seq2Seq(ModelConfig.model_validate(settings), size, 2, source_kind=source_kind, target_kind="frames", known=known).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return made


def graph(made: Seq2Seq) -> FrameGraph:
    model = helper.make_model(frame_graph(made), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model)
    return FrameGraph(model.SerializeToString(), threads=1)


def batch(rows: int, source: int, target: int, made: Seq2Seq) -> tuple[Batch, list[int]]:
    """Random ids or frames for a network; each row is a position shorter than the one before."""
    draw = np.random.default_rng(rows)
    mask = np.arange(source) < np.array([max(source - row, 1) for row in range(rows)])[:, None]
    frames: Any = draw.normal(size=(rows, source, 3)).astype(np.float32) * mask[:, :, None]
    if not made.source_frame:
        frames = draw.integers(3, SYMBOLS, (rows, source)) * mask
    shown = draw.normal(size=(rows, target, 2 + made.known)).astype(np.float32)
    out, real = np.zeros((rows, target, 2), np.float32), np.ones((rows, target), np.bool_)
    return Batch(frames, mask, shown, out, real, None, np.arange(rows)), [max(target - row, 1) for row in range(rows)]


def assert_alike(made: Seq2Seq) -> list[int]:
    """The lengths of all that was said, in both ways the same."""
    exported, lengths_said = graph(made), []
    for sizes in ((1, 3, 1), (2, 9, 5), (5, 12, 7), (3, 6, 12)):
        given, lengths = batch(*sizes, made)
        for ours, theirs in zip(TorchFrames(made).values(given, lengths), exported.values(given, lengths), strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=2e-5)  # float32 in another order, fed back a dozen times
            lengths_said.append(len(theirs))
    return lengths_said


@pytest.mark.parametrize("encoder", [LSTM, TRANSFORMER])
@pytest.mark.parametrize("decoder", [LSTM, {**GRU, "input_feeding": True}, TRANSFORMER])
@pytest.mark.parametrize("more", [{}, {"linear_path": PATH}, {"direct": True, "recent": 4, "linear_path": PATH}])
def test_the_graph_says_what_the_network_says(encoder: dict[str, Any], decoder: dict[str, Any], more: dict[str, Any]) -> None:
    assert_alike(network(encoder, decoder, **more))


@pytest.mark.parametrize("encoder", [LSTM, TRANSFORMER])
@pytest.mark.parametrize("decoder", [LSTM, {**GRU, "input_feeding": True}, TRANSFORMER])
@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
def test_the_graph_reads_ids_and_says_frames_of_which_nothing_is_known(
    encoder: dict[str, Any], decoder: dict[str, Any], attention: str
) -> None:
    head = {"kind": "squared", "stop": "learned"}
    assert_alike(network(encoder, decoder, source_kind="ids", known=0, attention={"kind": attention}, head=head))


@pytest.mark.parametrize("kind", ["squared", "absolute", "huber", "quantile", "gaussian", "student_t"])
def test_every_head_is_in_the_graph_and_a_learned_stop_ends_it(kind: str) -> None:
    made = network(LSTM, LSTM, head={"kind": kind, "stop": "learned"})
    with torch.no_grad():
        made.head.stop.bias.fill_(0.1)  # so that some rows stop and some do not
        made.head.stop.weight.mul_(3)
    said = assert_alike(made)
    assert 1 in said
    assert max(said) > 3


def test_behind_a_subsampling_the_graph_reads_any_length() -> None:
    assert_alike(network({**LSTM, "subsampling": {"kind": "conv", "factor": 4, "channels": 3}}, LSTM, attention={"kind": "additive"}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "more"),
    [(LSTM, {}), (TRANSFORMER, {"head": {"kind": "quantile"}}), (LSTM, {"direct": True, "recent": 4, "linear_path": PATH})],
    ids=["fed back", "transformer, quantiles", "in one go"],
)
def test_a_program_of_torch_says_numbers_at_any_size(part: dict[str, Any], more: dict[str, Any], tmp_path: Path) -> None:
    made = network(part, part, **more)
    write_program(made, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for rows, length in ((2, 9), (1, 13), (4, 30)):
        given, _ = batch(rows, length, 5, made)
        source, mask, shown = (torch.from_numpy(part) for part in (given.source, given.source_mask, given.target_in))
        with torch.no_grad():
            memory = made.prepare(source, mask)
            decoded, _ = made.decode(shown, memory, made.start(memory))
            torch.testing.assert_close(program(source, mask, shown), made.head.values(decoded), rtol=0.0, atol=1e-5)


# -------------------------------------------------------------------------------------------------------------- folders


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_waves(waves(), tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def model(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Forecaster:
    return seqloom.train_forecast(
        table, forecast=["load", "warmth"], time_column="time", history=24, horizon=6, quantiles=(0.1, 0.5, 0.9),
        out=tmp_path_factory.mktemp("numbers") / "run", settings=TINY,
    )  # fmt: skip


@pytest.fixture(scope="module")
def exported(model: Forecaster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(model.path, tmp_path_factory.mktemp("dist") / "waves", precision="float32").folder


def test_an_exported_model_forecasts_the_same_table(model: Forecaster, exported: Path, table: Path) -> None:
    ours, theirs = list(model.forecast(table)), list(seqloom.load(exported, threads=1).forecast(table))
    assert [said[:4] for said in ours] == [said[:4] for said in theirs]
    assert len(ours) == 6 * 2 * 4
    np.testing.assert_allclose([said.value for said in theirs], [said.value for said in ours], rtol=1e-4)


@pytest.mark.parametrize("head", ["squared", "gaussian"])
def test_quantiles_from_the_errors_on_dev_are_those_of_the_trained_model(head: str, table: Path, tmp_path: Path) -> None:
    settings = [*TINY, f"model.head.kind={head}", "model.direct=false"]
    trained = seqloom.train_forecast(
        table, forecast=["load", "warmth"], time_column="time", history=24, horizon=6, out=tmp_path / "run", settings=settings
    )
    again = seqloom.load(export(trained.path, tmp_path / "dist", precision="float32").folder, threads=1)
    assert trained.fields.spread is not None
    ours, theirs = (list(model.forecast(table, [0.05, 0.33, 0.95])) for model in (trained, again))
    assert [said[:4] for said in ours] == [said[:4] for said in theirs]
    assert len(ours) == 6 * 2 * 4
    np.testing.assert_allclose([said.value for said in theirs], [said.value for said in ours], rtol=1e-4)
    wide = {said.quantile: said.value for said in theirs if said.time == theirs[0].time and said.column == "load"}
    assert wide[0.05] < wide[0.33] < wide[0.95]


def test_forecasts_of_an_exported_model_need_no_torch(exported: Path, table: Path) -> None:
    program = (
        "import sys; from seqloom.cli import main\n"
        f"try: main(['predict', {str(exported)!r}, {str(table)!r}])\n"
        "finally: print(sorted({'torch', 'onnx', 'safetensors'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    head, first, *_ = done.stdout.splitlines()
    assert head.split("\t") == ["series", "time", "column", "quantile", "value"]
    assert first.split("\t")[:4] == ["", "2024-07-01 00:00", "load", ""]


def test_an_export_of_numbers_says_what_was_compared_and_writes_a_card(
    model: Forecaster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["export", str(model.path), "--out", str(tmp_path / "dist")])
    assert not end.value.code
    said = capsys.readouterr().err
    assert "float32: 120 of 120 forecasts are those of the trained model, numbers within " in said
    assert "int8: mse_scaled " in said
    card = (tmp_path / "dist" / "README.md").read_text(encoding="utf-8")
    assert "`model.onnx` holds encoder, decoder and rollout." in card
    assert "| forecasts | load, warmth |" in card
    assert "- The table has the time in 'time'." in card


def test_a_model_of_arrays_is_exported_too(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    sources, targets = draw.normal(size=(16, 10, 5)), draw.normal(size=(16, 10, 1))
    model = seqloom.train((sources, targets), out=tmp_path / "run", settings=TINY, quiet=True)
    again = seqloom.load(export(model.path, tmp_path / "dist", precision="float32").folder)
    np.testing.assert_allclose(again.predict(sources), model.predict(sources), rtol=1e-4, atol=1e-5)


def test_a_graph_that_forecasts_otherwise_is_not_written(model: Forecaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    otherwise = replace(folder.WAYS["frames"], compare=lambda *_: number_check.NumberParity(9, 7, 0.5))
    monkeypatch.setitem(folder.WAYS, "frames", otherwise)
    with pytest.raises(seqloom.CheckpointError, match=r"7 of 9 forecasts are those of the trained model, numbers within 5e-01 .* is wrong"):
        export(model.path, tmp_path / "dist")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_replaced_stays_as_it_was(
    model: Forecaster, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = export(model.path, tmp_path / "dist", precision="float32").folder
    before = (out / "manifest.json").read_bytes()
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        if target == out.resolve() and self.name == out.name:
            raise OSError(errno.EIO, "no room")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(CheckpointError, match=r"dist: cannot be put in place \(no room\)\. Choose another --out\.$"):
        export(model.path, out, precision="float32", overwrite=True)
    assert (out / "manifest.json").read_bytes() == before


def test_a_table_may_be_piped_in(exported: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    for arguments in (["--input", str(table)], ["--input", "-"], []):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(table.read_bytes())))
        assert run("predict", exported, *arguments) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]


def test_what_numbers_cannot_be_is_refused(
    exported: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for arguments, said in (
        ([str(table), "--input", str(table)], "TEXT, --input: 2 tables; expected one to forecast from. Leave the others out."),
        ([str(table), "--device", "cuda"], "--device cuda: an exported model runs on the processor. Leave --device out."),
        ([], "--input: expected the table whose future is forecast. Give it with --input FILE."),
        ([str(table), "--quantiles", "0.001"], "quantile 0.001: measured on dev are 0.01 to 0.99. Ask for one between them."),
    ):
        with pytest.raises(SystemExit) as end:
            main(["predict", str(exported), *arguments])
        assert end.value.code == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_what_needs_the_run_says_so_of_an_exported_model(
    command: str, exported: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, exported, table) == 2
    said = "an exported model; this needs the run that it was made from. Give the folder that `seqloom train` wrote."
    if command == "evaluate":
        said = "an exported model that says numbers; its measures need the run that it was made from. Give the folder that "
        said += "`seqloom train` wrote; card and manifest hold those on dev."
    assert capsys.readouterr().err == f"error: {exported}: {said}\n"
