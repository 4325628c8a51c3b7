"""Runs of several members: stopped anywhere and resumed to the same weights, loaded, measured and exported as one."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from dying import die, dying_at_call, make_killed_runs, run_as_script

import seqloom
from seqloom.checkpoint import RunDirectory
from seqloom.config import RunConfig, SearchConfig
from seqloom.config_file import load_config
from seqloom.errors import CheckpointError, ConfigError
from seqloom.export import export
from seqloom.loading import load
from seqloom.nn.ensemble import Ensemble
from seqloom.planning.plan import make_plan
from seqloom.settings import override, read_settings
from seqloom.training import members, runs
from seqloom.training.events import Finished, Silence, Updated
from seqloom.training.members import Members, seed_of

Pairs = list[tuple[str, str]]

SETTINGS = [
    "model.embedding=8",
    "model.encoder.width=8",
    "model.decoder.width=8",
    "training.batch.size=24",
    "training.epochs=3",
    "training.evaluate_every=5",
    "training.optimizer.learning_rate=0.02",
    "training.schedule.warmup_steps=2",
    "training.average=3",
    "training.precision=float32",
    "training.device=cpu",
    "training.threads=1",
    "training.members=3",
    "search.beam=2",
]


def pairs(count: int, seed: int) -> Pairs:
    """Reversed rows of 1 to 5 letters."""
    draw = random.Random(seed)
    sources = [" ".join(draw.choices("abcdef", k=draw.randint(1, 5))) for _ in range(count)]
    return [(source, source[::-1]) for source in sources]


TRAIN, DEV = pairs(24, 1), pairs(7, 2)


def start(out: Path, *settings: str, watcher: Any = None) -> Finished:
    return runs.start(make_plan(TRAIN, dev=DEV, config=override(RunConfig(), read_settings([*SETTINGS, *settings]))), out, watcher=watcher)


def weights_of(run: Path) -> list[bytes]:
    return [(run / "members" / str(number) / "model.safetensors").read_bytes() for number in (1, 2, 3)]


def scores_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(file.read_text(encoding="utf-8"))["metrics"] for file in sorted(run.glob("**/run.json"))]


class Watch(Silence):
    """Keeps what is said, and does something at an update of the n-th member."""

    def __init__(self, member: int = 0, at_update: Callable[[Updated], None] | None = None) -> None:
        self.member, self.at_update, self.begun, self.said = member, at_update, 0, list[str]()

    def say(self, text: str) -> None:
        self.said.append(text)

    def started(self, event: Any) -> None:
        self.begun += 1

    def updated(self, event: Updated) -> None:
        if self.at_update and self.begun == self.member:
            self.at_update(event)


# -------------------------------------------------------------------------------------------------------------- killed


DEATHS: dict[str, Callable[[], Watch | None]] = {
    "in_the_first": lambda: Watch(1, lambda event: die() if event.step == 8 else None),
    "between_first_and_second": lambda: dying_at_call(RunDirectory, "create", 3, before=True),
    "while_the_second_is_begun": lambda: dying_at_call(RunDirectory, "create", 3, before=False),
    "before_the_second_says_that_it_is_there": lambda: dying_at_call(RunDirectory, "write_about", 4, before=True),
    "in_the_third": lambda: Watch(3, lambda event: die() if event.step == 8 else None),
    "before_all_are_measured": lambda: dying_at_call(members, "load_network", 1, before=True),
    "before_the_end_is_written": lambda: dying_at_call(RunDirectory, "write_about", 8, before=True),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    run_as_script(__file__, folder, DEATHS)
    return folder


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert start(out).why == "done"
    return out


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_and_resumed_run_ends_with_the_weights_of_an_unbroken_one(death: str, killed: Path, unbroken: Path):
    event = runs.resume(killed / death)
    assert (event.why, event.chosen) == ("done", "the mean of 3 members")
    assert weights_of(killed / death) == weights_of(unbroken)
    assert scores_of(killed / death) == scores_of(unbroken)
    assert not list((killed / death).glob("**/training"))


# --------------------------------------------------------------------------------------------------------------- as one


def test_members_differ_by_their_seed_alone(unbroken: Path):
    whole, each = load_config(unbroken / "config.yaml"), [load_config(unbroken / f"members/{number}/config.yaml") for number in (1, 2, 3)]
    assert [config.seed for config in each] == [whole.seed, seed_of(whole.seed, 2), seed_of(whole.seed, 3)]
    assert len({seed_of(seed, number) for seed in range(50) for number in range(1, 20)}) == 50 * 19
    alone = override(whole, {"training.members": 1})
    assert all(config.model_copy(update={"seed": whole.seed}) == alone for config in each)


def test_the_first_member_is_the_model_that_would_be_trained_alone(unbroken: Path, tmp_path: Path):
    start(tmp_path / "run", "training.members=1")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == weights_of(unbroken)[0]
    assert not (tmp_path / "run" / "members").exists()


def test_a_run_of_members_predicts_scores_and_evaluates_as_one(unbroken: Path):
    model = load(unbroken)
    assert isinstance(model.translator.network, Ensemble)
    each = [load(unbroken / "members" / str(number)) for number in (1, 2, 3)]
    assert len({tuple(member.predict([source for source, _ in DEV])) for member in each}) > 1
    for row, parts in zip(model.rows(DEV), model.translator.score(model.rows(DEV)), strict=True):
        (forced,) = model.translator.predict([row], SearchConfig(kind="greedy", max_length=len(parts) - 1), prefix=row.target)
        assert forced.outputs[0].log_prob == pytest.approx(sum(parts), abs=2e-5)
    written = json.loads((unbroken / "run.json").read_text(encoding="utf-8"))
    found = model.evaluate()
    assert found == pytest.approx({name: written["metrics"][name] for name in found})
    assert found["loss"] < sum(member.evaluate()["loss"] for member in each) / 3  # the logarithm is concave


def test_a_run_of_members_exports_as_one(unbroken: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    report = export(unbroken, tmp_path / "dist", precision="float32")
    assert report.parity.hypotheses == report.parity.identical + report.parity.ties
    one = load(unbroken / "members" / "1").translator.network
    assert report.manifest.parameters == 3 * sum(weight.numel() for weight in one.parameters())
    sources = [source for source, _ in DEV]
    assert load(tmp_path / "dist").predict(sources) == load(unbroken).predict(sources)
    capfd.readouterr()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2  # warnings
    onnxruntime.InferenceSession(tmp_path / "dist" / "model.onnx", options, providers=["CPUExecutionProvider"])
    assert capfd.readouterr().err == "", "onnxruntime has nothing to say of the graph"
    assert "| networks | 3, which answer as one: the mean of their probabilities |" in (tmp_path / "dist" / "README.md").read_text()


def test_the_scores_of_each_member_and_of_all_together_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")  # room for every cell in one line
    watch = Watch()
    start(tmp_path / "run", watcher=watch)
    announced = [line for line in watch.said if line.startswith("member ")]
    assert announced == [f"member {number} of 3, seed {seed_of(1, number)}:" for number in (1, 2, 3)]
    table = watch.said[watch.said.index("members on dev, each alone and all together:") + 1 :]
    assert table[0].split()[0] == "loss"
    assert [line.split()[:2] for line in table[1:4]] == [["member", str(number)] for number in (1, 2, 3)]
    together = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert table[4].split()[:2] == ["together", f"{together['metrics']['loss']:.4g}"]
    assert "beam 2" in table[4]
    assert table[4].endswith("the mean of 3 members")


def test_a_member_that_is_better_alone_is_named():
    from seqloom.training.summary import members_alone_and_together

    alone = [{"metrics": {"exact_match": value}, "search": "beam 5", "chosen": "the last"} for value in (0.5, 0.75, 0.625)]
    together = Finished("runs/x", 9, 1.0, "done", {"exact_match": 0.7}, "the mean of 3 members", 8, "beam 5")
    lines = members_alone_and_together(alone, together, "exact_match")
    assert lines[-1] == "note: member 2 alone has the best exact_match on dev."
    greedy = [{**part, "search": "greedy"} for part in alone]
    assert "note" not in members_alone_and_together(greedy, together, "exact_match")[-1]


# ------------------------------------------------------------------------------------------------------ Ctrl-C, budget


@pytest.mark.parametrize(("member", "answering"), [(1, 1), (2, 1), (3, 2)])
def test_ctrl_c_leaves_a_model_of_the_members_that_are_there(member: int, answering: int, tmp_path: Path, unbroken: Path):
    event = start(tmp_path / "run", watcher=Watch(member, lambda event: signal.raise_signal(signal.SIGINT) if event.step == 8 else None))
    assert event.why == "interrupted"
    network = load(tmp_path / "run").translator.network
    assert (len(network.members) if isinstance(network, Ensemble) else 1) == answering
    assert event.chosen.startswith({1: "member 1 alone, ", 2: "the mean of 2 members"}[answering])
    assert len(load(tmp_path / "run").predict(["a b", "c"])) == 2
    assert runs.resume(tmp_path / "run").chosen == "the mean of 3 members"
    assert weights_of(tmp_path / "run") == weights_of(unbroken)


def test_each_member_gets_as_much_of_what_is_left_of_a_budget_as_those_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    begin = time.perf_counter()
    monkeypatch.setattr(members.time, "perf_counter", lambda: begin + 10)
    config = override(RunConfig(), read_settings([*SETTINGS, "training.budget_seconds=100"]))
    run = RunDirectory(tmp_path)
    parts: Any = None
    whole = Members(run, config, parts, parts, parts, Silence(), begin)
    assert whole.share(1, begin) == pytest.approx(10 + (90 - 10) / 3)
    for number, seconds in ((1, 36.0), (2, 20.0)):
        run.member(number).path.mkdir(parents=True)
        run.member(number).write_about(seconds=seconds)
    assert whole.share(3, begin + 10) == pytest.approx(90 - 56)
    assert whole.share(3, begin + 6) == pytest.approx(90 - 56), "what was done since is a part of it"
    run.member(2).write_about(seconds=70.0)
    assert whole.share(3, begin + 10) == 1.0, "some is always left"


@pytest.mark.slow
def test_a_run_of_members_with_a_budget_ends_within_it(tmp_path: Path):
    endless = ["training.epochs=100000", "training.evaluate_every=null", "training.early_stopping.patience=1000"]
    event = start(tmp_path / "run", *endless, "training.budget_seconds=24")
    assert event.why == "budget"
    assert event.seconds < 24


# ------------------------------------------------------------------------------------------------------------- refused


def test_a_member_is_not_resumed_without_the_others(tmp_path: Path):
    start(tmp_path / "run", watcher=Watch(2, lambda event: signal.raise_signal(signal.SIGINT)))
    member = tmp_path / "run" / "members" / "2"
    message = f"{member}: a member of a run, which goes on as a whole. Use `seqloom resume {tmp_path / 'run'}`."
    with pytest.raises(CheckpointError, match=re.escape(message)):
        runs.resume(member)


def test_a_finished_run_without_one_of_its_members_is_refused(unbroken: Path, tmp_path: Path):
    shutil.copytree(unbroken, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "members" / "2")
    message = f"{tmp_path / 'run'}: 2 of 3 members are there. Copy the folder again from where it came, or train again."
    with pytest.raises(CheckpointError, match=re.escape(message)):
        load(tmp_path / "run")


def test_fewer_than_one_member_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"training\.members"):
        seqloom.train(TRAIN, dev=DEV, out=tmp_path / "run", members=0)
    assert not (tmp_path / "run").exists()


def test_members_are_not_for_numbers(tmp_path: Path):
    arrays = np.arange(24.0).reshape(8, 3, 1), np.arange(8.0).reshape(8, 1, 1)
    with pytest.raises(ConfigError, match=r"training\.members 2 is for targets of symbols, and these are numbers; set it to 1"):
        seqloom.train(*arrays, out=tmp_path / "run", members=2)
    assert not (tmp_path / "run").exists()


if __name__ == "__main__":
    make_killed_runs(DEATHS, lambda name: start(Path(sys.argv[1]) / name, watcher=DEATHS[name]()))
