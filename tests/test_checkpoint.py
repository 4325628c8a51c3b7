import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

from seqloom import files
from seqloom.checkpoint import FORMAT, RunDirectory, load_weights, read_tensors, write_tensors
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, TrainingError
from seqloom.version import __version__


def network(width: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return nn.Linear(5, width)


def run_at(path: Path, **about: Any) -> RunDirectory:
    run = RunDirectory(path)
    run.create()
    run.config.write_text("seed: 1\n")
    run.fields.write_text("{}")
    run.write_about(**about)
    return run


def refusal(action: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)


# -------------------------------------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
def test_tensors_come_back_bit_for_bit_with_their_metadata(tmp_path: Path, dtype: torch.dtype):
    torch.manual_seed(1)
    tensors = {"a.b": (torch.randn(2, 5) * 100).to(dtype), "turned": torch.randn(3, 2).T.to(dtype), "number": torch.tensor(7.5).to(dtype)}
    write_tensors(tmp_path / "a.safetensors", tensors, {"place": '{"ü": 1}'})
    back, metadata = read_tensors(tmp_path / "a.safetensors")
    assert metadata == {"place": '{"ü": 1}'}
    assert back.keys() == tensors.keys()
    for name, part in tensors.items():
        assert back[name].dtype == dtype
        assert torch.equal(back[name], part)


def test_a_tensor_under_two_names_is_written_once_and_read_under_both(tmp_path: Path):
    one = torch.randn(200, 3)
    write_tensors(tmp_path / "a.safetensors", {"one": one, "two": one, "part": one[0], "turned": one.T, "none": one[:0], "nil": one[:0]})
    back, metadata = read_tensors(tmp_path / "a.safetensors")
    assert metadata == {}
    assert sorted(back) == ["nil", "none", "one", "part", "turned", "two"]
    assert torch.equal(back["one"], one)
    assert torch.equal(back["two"], one)
    assert torch.equal(back["turned"], one.T)
    assert back["none"].shape == (0, 3)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert "two" not in file.keys()  # noqa: SIM118


def test_a_file_that_holds_a_tensor_once_a_name_is_read_too(tmp_path: Path):
    """As files were written before tied weights were told apart."""
    path, one = tmp_path / "a.safetensors", torch.randn(2, 3)
    path.write_bytes(safetensors.torch.save({"one": one, "two": one.clone()}, {"place": "x"}))
    back, metadata = read_tensors(path)
    assert metadata == {"place": "x"}
    assert torch.equal(back["one"], back["two"])


@pytest.mark.parametrize("names", ["{", "3", '["two"]', '{"two": "gone"}', '{"two": ["one"]}'])
def test_names_of_tied_tensors_that_make_no_sense_are_refused(tmp_path: Path, names: str):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors.torch.save({"one": torch.ones(3)}, {"tied": names}))
    assert refusal(lambda: read_tensors(path)).startswith(f"{path}: damaged or truncated (")


def test_a_full_disk_keeps_the_old_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(3)})
    fill_the_disk(monkeypatch)
    with pytest.raises(TrainingError, match="no space left on the disk while saving; the last good checkpoint stays"):
        write_tensors(path, {"a": torch.zeros(3)})
    assert read_tensors(path)[0]["a"].tolist() == [1, 1, 1]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_missing_weights_are_said_to_be_missing(tmp_path: Path):
    assert refusal(lambda: read_tensors(tmp_path / "model.safetensors")) == (
        f"{tmp_path / 'model.safetensors'}: missing. The run never saved weights, or the file was removed; train again or `seqloom resume`."
    )


def test_weights_that_may_not_be_read_are_not_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError

    path = tmp_path / "model.safetensors"
    write_tensors(path, network().state_dict())
    monkeypatch.setattr("seqloom.checkpoint.safe_open", refuse)
    assert refusal(lambda: read_tensors(path)) == f"{path}: cannot be read. Change its permissions."


@pytest.mark.parametrize("keep", [0, 5, 50, -1])
def test_truncated_weights_are_refused(tmp_path: Path, keep: int):
    path = tmp_path / "model.safetensors"
    write_tensors(path, network().state_dict())
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(lambda: read_tensors(path)).startswith(f"{path}: damaged or truncated (")


@pytest.mark.parametrize("content", [b"\xff" * 100, b"not weights at all, but long enough", b"\x08\0\0\0\0\0\0\0notjson!"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert refusal(lambda: read_tensors(path)).startswith(f"{path}: damaged or truncated (")
    assert refusal(lambda: read_tensors(tmp_path)).startswith(f"{tmp_path}: damaged or truncated (")


def test_a_pickle_is_not_read(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    torch.save(network().state_dict(), path)
    assert refusal(lambda: read_tensors(path)).startswith(f"{path}: damaged or truncated (")


@pytest.mark.parametrize(
    ("tensors", "detail"),
    [
        (network(4).state_dict(), "size mismatch for weight"),
        ({"weight": torch.zeros(3, 5)}, 'Missing key(s) in state_dict: "bias"'),
        ({**network().state_dict(), "more": torch.zeros(1)}, 'Unexpected key(s) in state_dict: "more"'),
    ],
)
def test_weights_of_another_model_are_refused(tensors: Any, detail: str):
    message = refusal(lambda: load_weights(network(), tensors, Path("runs/a/model.safetensors")))
    assert message.startswith("runs/a/model.safetensors: weights of another model than config.yaml describes (")
    assert detail in message


# -------------------------------------------------------------------------------------------------------- the directory


def test_a_run_says_what_it_is(tmp_path: Path):
    run = run_at(tmp_path / "a", finished=True, why="done", nothing=None)
    assert run.check() == {"format": FORMAT, "seqloom": __version__, "finished": True, "why": "done", "nothing": None}


def test_what_is_not_a_run_is_refused(tmp_path: Path):
    missing, file, empty = tmp_path / "missing", tmp_path / "file", tmp_path / "empty"
    file.write_text("x")
    empty.mkdir()
    assert refusal(RunDirectory(missing).check) == f"{missing}: no such run directory. `seqloom train PAIRS --out {missing}` makes one."
    unpack = "Unpack it where it is an archive, and give the folder."
    assert refusal(RunDirectory(file).check) == f"{file}: a file; expected the folder of a model. {unpack}"
    assert refusal(RunDirectory(empty).check) == (
        f"{empty}: not a run directory, run.json is missing. Give the folder that `seqloom train` wrote."
    )


@pytest.mark.parametrize("number", [FORMAT + 1, 0, None, "1", float(FORMAT), True])
def test_another_format_is_refused_with_both_numbers(tmp_path: Path, number: Any):
    run = run_at(tmp_path / "a")
    run.about.write_text(json.dumps({"format": number}))
    assert refusal(run.check) == (
        f"{run.path}: format {number}; this is Seqloom {__version__}, which reads format {FORMAT}. "
        "Train it anew or use the Seqloom that wrote it."
    )


@pytest.mark.parametrize("content", [b"", b'{"format": 1', b"\xff\xfe", b"[1, 2"])
def test_a_damaged_run_json_is_refused(tmp_path: Path, content: bytes):
    run = run_at(tmp_path / "a")
    run.about.write_bytes(content)
    assert refusal(run.check).startswith(f"{run.about}: cannot be read (")


@pytest.mark.parametrize("content", ["[]", "3", "null", '"format"'])
def test_a_run_json_of_another_shape_is_refused(tmp_path: Path, content: str):
    run = run_at(tmp_path / "a")
    run.about.write_text(content)
    assert refusal(run.check).startswith(f"{run.path}: format ")


@pytest.mark.parametrize("name", ["config.yaml", "fields.json"])
def test_a_run_without_one_of_its_files_is_refused(tmp_path: Path, name: str):
    run = run_at(tmp_path / "a")
    (run.path / name).unlink()
    assert refusal(run.check) == f"{run.path}: {name} is missing, the run is incomplete. Train it anew with --overwrite."


def test_an_existing_directory_is_only_replaced_when_asked_for_and_a_run(tmp_path: Path):
    run = run_at(tmp_path / "a")
    assert refusal(lambda: run.refuse_existing(overwrite=False)) == (
        f"{run.path}: exists already. Go on with it by `seqloom resume {run.path}`, replace it with --overwrite, or choose another --out."
    )
    run.forget_training()
    assert refusal(lambda: run.refuse_existing(overwrite=False)) == (
        f"{run.path}: exists already. Replace it with --overwrite, or choose another --out."
    ), "what is finished is not gone on with"
    run.refuse_existing(overwrite=True)
    run.metrics.write_text("x")
    (run.path / "mine").write_text("x")
    run.create()
    assert sorted(file.name for file in run.path.rglob("*")) == ["best", "mine", "training"], "what no run wrote stays"


@pytest.mark.parametrize("death", [1, 2, 3, 4])
def test_a_run_that_is_killed_while_it_takes_the_place_of_another_can_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: int
):
    """Its run.json was taken away with the rest, and written anew when the fields had been."""
    run, left = run_at(tmp_path / "run"), [death]

    def dying(path: Path, *more: Any, **others: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        unlink(path, *more, **others)

    unlink = Path.unlink
    for name in ("model.safetensors", "metrics.jsonl", "dev.jsonl"):
        (run.path / name).touch()
    monkeypatch.setattr(Path, "unlink", dying)
    with pytest.raises(KeyboardInterrupt):
        run.begin()
    monkeypatch.undo()
    run.refuse_existing(overwrite=True)
    run.begin()
    assert run.read_about()["finished"] is False
    assert {path.name for path in run.path.iterdir()} == {"run.json", "training"}


def test_a_folder_that_cannot_be_removed_can_hold_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (disk := tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(disk)
    monkeypatch.chdir(disk)
    for path in (tmp_path / "link", Path(".")):
        run = run_at(path)
        (disk / "kept").write_text("x")
        (run.training / "link").symlink_to(disk / "kept")
        run.refuse_existing(overwrite=True)
        run.create()
        assert sorted(file.name for file in disk.rglob("*")) == ["best", "kept", "training"]
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) == disk)
    run_at(disk).refuse_existing(overwrite=True)
    assert refusal(lambda: RunDirectory(tmp_path / "new").refuse_existing(overwrite=False)) == (
        f"{tmp_path / 'new'}: cannot be made, {tmp_path} is no folder that can be written to. Choose another --out."
    )


def test_what_is_no_run_is_never_replaced(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for path in (tmp_path, tmp_path / "thesis.tex"):
        for overwrite in (True, False):
            assert refusal(lambda path=path, overwrite=overwrite: RunDirectory(path).refuse_existing(overwrite=overwrite)).startswith(
                f"{path}: exists "
            )
    RunDirectory(tmp_path / "new").refuse_existing(overwrite=False)
    (tmp_path / "empty").mkdir()
    RunDirectory(tmp_path / "empty").refuse_existing(overwrite=False)
    RunDirectory(tmp_path / "empty").create()


def test_dev_rows_come_back_as_they_were(tmp_path: Path):
    run = run_at(tmp_path / "a")
    rows = [Row(("ü\u2028\x85", "b\tc\n"), "", "dev.tsv:1"), Row(("",), '"\r', "dev.tsv:2")]
    run.write_dev(rows)
    assert run.read_dev() == rows
    run.write_dev([])
    assert run.read_dev() == []


@pytest.mark.parametrize("content", ["{", "3", '{"source": ["a"]}', '{"source": 3, "target": "", "where": ""}'])
def test_damaged_dev_rows_are_refused(tmp_path: Path, content: str):
    run = run_at(tmp_path / "a")
    run.dev.write_text(content + "\n")
    assert refusal(run.read_dev).startswith(f"{run.dev}: cannot be read (")
    run.dev.unlink()
    assert refusal(run.read_dev).startswith(f"{run.dev}: cannot be read (")


# -------------------------------------------------------------------------------------------------------------- metrics


def test_metrics_are_one_line_an_evaluation_and_later_ones_can_be_forgotten(tmp_path: Path):
    run = run_at(tmp_path / "a")
    for step in (5, 10, 15):
        run.append_metrics({"step": step, "loss": step / 8, "text": "ü\u2028"})
    assert [json.loads(line)["step"] for line in run.metrics.read_text(encoding="utf-8").split("\n") if line] == [5, 10, 15]
    run.forget_metrics_after(10)
    assert [json.loads(line)["step"] for line in run.metrics.read_text(encoding="utf-8").split("\n") if line] == [5, 10]


def test_a_line_that_a_killed_run_left_half_written_is_forgotten(tmp_path: Path):
    run = run_at(tmp_path / "a")
    run.append_metrics({"step": 5})
    with run.metrics.open("a") as file:
        file.write('{"step": 5, "lo')
    run.forget_metrics_after(5)
    assert run.metrics.read_text() == '{"step": 5}\n'
    RunDirectory(tmp_path / "none").forget_metrics_after(5)


def test_metrics_that_are_not_a_number_are_written_as_json_knows_them(tmp_path: Path):
    run = run_at(tmp_path / "a")
    run.append_metrics({"step": 5, "loss": float("nan"), "perplexity": float("inf")})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(run.metrics.read_text(), parse_constant=refuse) == {"step": 5, "loss": None, "perplexity": None}


def test_a_disk_that_is_full_when_metrics_are_added_is_said_in_one_line(tmp_path: Path):
    run = run_at(tmp_path / "a")
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this machine")
    run.metrics.symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=re.escape(f"{run.metrics}: no space left on the disk")):
        run.append_metrics({"step": 5})


def test_a_full_disk_leaves_run_json_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = run_at(tmp_path / "a", finished=False)
    fill_the_disk(monkeypatch)
    with pytest.raises(TrainingError):
        run.write_about(finished=True)
    assert run.check()["finished"] is False
