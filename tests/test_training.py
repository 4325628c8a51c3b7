"""Runs end to end on tiny data. Run as a script, this file makes the killed runs."""

import json
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from dying import Interrupted, die, dying_at_call, make_killed_runs, run_as_script
from safetensors import safe_open

from seqloom import files, hardware, metrics
from seqloom.answers import Output, Prediction
from seqloom.checkpoint import RunDirectory, read_tensors
from seqloom.config import RunConfig, TrainingConfig
from seqloom.config_file import load_config
from seqloom.corpus import Corpus, encode_rows
from seqloom.errors import CheckpointError, DataError, TrainingError
from seqloom.fields.task import Fields
from seqloom.model import load
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.planning.pace import Work
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import override, read_settings
from seqloom.training import best, runs
from seqloom.training import loop as training
from seqloom.training.course import LEEWAY, Course
from seqloom.training.dev import DevSet, Look
from seqloom.training.events import Evaluated, Finished, Silence, Updated
from seqloom.training.learning import Learner
from seqloom.training.loop import Trainer

Pairs = list[tuple[str, str]]
SMALL = [
    "fields.source=[{kind: tokens}]",
    "fields.target={kind: tokens}",
    "model.embedding=6",
    "model.encoder={kind: recurrent, width: 8, bidirectional: true}",
    "model.decoder={kind: recurrent, width: 8}",
    "model.dropout=0.2",
    "training.batch={unit: pairs, size: 3}",
    "training.epochs=3",
    "training.evaluate_every=5",
    "training.optimizer.learning_rate=0.02",
    "training.schedule.warmup_steps=2",
    "training.precision=float32",
    "training.device=cpu",
    "training.threads=1",
    "search.beam=2",
]


def pairs(count: int, seed: int) -> Pairs:
    """Reversed rows of 1 to 5 letters."""
    draw = random.Random(seed)
    sources = [" ".join(draw.choices("abcdef", k=draw.randint(1, 5))) for _ in range(count)]
    return [(source, source[::-1]) for source in sources]


TRAIN, DEV = pairs(24, 1), pairs(7, 2)


def config_of(*settings: str) -> RunConfig:
    return override(RunConfig(), read_settings([*SMALL, *settings]))


def start(out: Path, *settings: str, watcher: Any = None, train: Pairs = TRAIN, dev: Pairs = DEV, **more: Any) -> Finished:
    return runs.start(make_plan(train, dev=dev, config=config_of(*settings)), out, watcher=watcher, **more)


class Watch(Silence):
    """Keeps what it is told, and does something at an update or an evaluation."""

    def __init__(
        self, at_update: Callable[[Updated], None] | None = None, at_evaluation: Callable[[Evaluated], None] | None = None
    ) -> None:
        self.updates, self.evaluations = list[Updated](), list[Evaluated]()
        self.at_update, self.at_evaluation = at_update, at_evaluation

    def updated(self, event: Updated) -> None:
        self.updates.append(event)
        if self.at_update:
            self.at_update(event)

    def evaluated(self, event: Evaluated) -> None:
        self.evaluations.append(event)
        if self.at_evaluation:
            self.at_evaluation(event)


def metrics_of(out: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without their wall time."""
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def weights_of(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


# ------------------------------------------------------------------------------------------------------- the killed runs

THOROUGH = ["training.average=3", "training.teacher_forcing={start: 1.0, end: 0.5}", "training.batch.accumulate=2", "training.epochs=5"]
"""20 updates, evaluated at 5, 10, 15 and 20."""


def half_a_line(run: RunDirectory, record: Any) -> None:
    with run.metrics.open("a") as file:
        file.write(json.dumps(record)[:20])
    if record["step"] == 10:
        die()
    with run.metrics.open("a") as file:
        file.write(json.dumps(record)[20:] + "\n")


def die_before_finished(self: RunDirectory, **about: Any) -> None:
    if about["finished"]:
        die()
    WRITE_ABOUT(self, **about)


def die_of_old_weights(self: Path, missing_ok: bool = False) -> None:
    UNLINK(self, missing_ok)
    if self.suffix == ".safetensors":
        die()


WRITE_ABOUT, UNLINK = RunDirectory.write_about, Path.unlink
EACH_STEP = "training.checkpoint_seconds=1.0e-9"
DEATHS: dict[str, tuple[list[str], Callable[[], Watch | None]]] = {
    "after_the_first_update": ([], lambda: Watch(lambda event: die() if event.step == 1 else None)),
    "between_evaluations": ([], lambda: Watch(lambda event: die() if event.step == 13 else None)),
    "between_evaluations_saving_each_step": ([EACH_STEP], lambda: Watch(lambda event: die() if event.step == 13 else None)),
    "at_an_evaluation": ([], lambda: Watch(None, lambda event: die() if event.step == 10 else None)),
    "at_the_first_evaluation_saving_each_step": ([EACH_STEP], lambda: Watch(None, lambda _: die())),
    "before_the_first_state": ([], lambda: dying_at_call(training, "write_tensors", 1, before=True)),
    "after_the_first_state": ([], lambda: dying_at_call(training, "write_tensors", 1, before=False)),
    "between_best_weights_and_model": ([], lambda: dying_at_call(best, "write_tensors", 1, before=False)),
    "between_model_and_state": ([], lambda: dying_at_call(training, "write_tensors", 2, before=True)),
    "while_a_file_is_written": ([], lambda: dying_at_call(files.os, "fsync", 12, before=True)),
    "in_a_line_of_metrics": ([], lambda: setattr(RunDirectory, "append_metrics", half_a_line)),
    "while_old_weights_are_removed": ([], lambda: setattr(Path, "unlink", die_of_old_weights)),
    "before_the_end_is_written": ([], lambda: setattr(RunDirectory, "write_about", die_before_finished)),
    "while_the_best_weights_are_chosen": ([], lambda: dying_at_call(best.Best, "choose", 1, before=True)),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    run_as_script(__file__, folder, DEATHS)
    return folder


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    event = start(out, *THOROUGH)
    assert (event.step, event.why) == (20, "done")
    assert [record["step"] for record in metrics_of(out)] == [5, 10, 15, 20]
    return out


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_and_resumed_run_ends_with_the_weights_of_an_unbroken_one(death: str, killed: Path, unbroken: Path):
    out = killed / death
    assert RunDirectory(out).check()["finished"] is False
    torch.manual_seed(99)  # the state of the process does not matter
    event = runs.resume(out)
    assert (event.step, event.why) == (20, "done")
    assert weights_of(out) == weights_of(unbroken)
    assert metrics_of(out) == metrics_of(unbroken)
    ours, theirs = (json.loads((path / "run.json").read_text()) for path in (out, unbroken))
    assert {**ours, "run": "", "seconds": 0} == {**theirs, "run": "", "seconds": 0}
    assert sorted(file.name for file in out.iterdir()) == sorted(file.name for file in unbroken.iterdir())


def test_a_resumed_run_can_be_stopped_and_resumed_again(unbroken: Path, tmp_path: Path):
    class Stop(Exception):
        pass

    def stop_at(step: int) -> Watch:
        def stop(event: Updated) -> None:
            if event.step == step:
                raise Stop

        return Watch(stop)

    with pytest.raises(Stop):
        start(tmp_path / "run", *THOROUGH, EACH_STEP, watcher=stop_at(3))
    for step in (4, 9, 10, 19):
        with pytest.raises(Stop):
            runs.resume(tmp_path / "run", watcher=stop_at(step))
    runs.resume(tmp_path / "run")
    assert weights_of(tmp_path / "run") == weights_of(unbroken)
    assert metrics_of(tmp_path / "run") == metrics_of(unbroken)


def test_the_time_of_a_resumed_run_goes_on_where_it_stood(tmp_path: Path):
    def stop(event: Updated) -> None:
        if event.step == 9:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start(tmp_path / "run", watcher=Watch(stop), started=time.perf_counter() - 1000)
    watch = Watch()
    event = runs.resume(tmp_path / "run", watcher=watch)
    assert 1000 < event.seconds < 1100
    assert all(1000 < evaluation.seconds < 1100 for evaluation in watch.evaluations)


def test_how_fast_a_resumed_run_goes_counts_nothing_from_before_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]  # an update takes a second, but for the first, which takes none

    def tick(_: Updated) -> None:
        clock[0] += 1

    def tick_and_stop(event: Updated) -> None:
        tick(event)
        if event.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("seqloom.training.loop.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    settings = ("training.evaluate_every=100", "training.checkpoint_seconds=0.5")
    whole, resumed = Watch(tick), Watch(tick)
    start(tmp_path / "whole", *settings, watcher=whole)
    start(tmp_path / "run", *settings, watcher=Watch(tick_and_stop))
    runs.resume(tmp_path / "run", watcher=resumed)
    third, fifth = (whole.updates[place].tokens_per_second * place for place in (2, 4))
    assert [event.step for event in resumed.updates[:2]] == [4, 5]
    assert resumed.updates[1].tokens_per_second == pytest.approx(fifth - third)


def test_what_is_fitted_to_the_time_counts_the_updates_that_training_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = [*SMALL, "training.epochs=1", "training.batch.accumulate=3"]  # 8 batches: two whole updates, and one of the rest
    event = runs.start(make_plan(TRAIN, dev=DEV, config=override(RunConfig(), read_settings(settings))), tmp_path / "run")
    works: list[Work] = []

    def keep(plan: Plan, work: Work, *_: Any, **__: Any) -> tuple[Plan, list[str]]:
        works.append(work)
        return plan, []

    monkeypatch.setattr("seqloom.training.encoding.fit_to_time", keep)
    plan = replace(make_plan(TRAIN, dev=DEV, config=override(RunConfig(), read_settings(settings))), fitted=frozenset({"training.epochs"}))
    runs.fitted(plan, Silence())
    assert [work.updates for work in works] == [event.step] == [3]


def test_the_length_that_encoded_pairs_need_is_said_where_it_replaces_an_estimate(tmp_path: Path):
    pairs = [(f"{number}", " ".join(f"{number}" * 9)) for number in range(10, 90)]  # 2, with </s>, and 18: 1.2 * (18 - 10) / 2

    def said(name: str, *settings: str) -> list[str]:
        lines: list[str] = []
        watcher = Watch()
        watcher.say = lines.append
        plan = make_plan(pairs, dev=pairs[:5], settings=read_settings([*SMALL, "training.epochs=1", *settings]))
        runs.start(replace(plan, fitted=frozenset()), tmp_path / name, watcher=watcher)
        return [line for line in lines if "max_length_ratio" in line]

    assert said("chosen") == ["fitted: search.max_length_ratio 4.8: 1.2 times what 999 of 1,000 training targets need"]
    assert load_config(tmp_path / "chosen" / "config.yaml").search.max_length_ratio == 4.8
    assert said("asked", "search.max_length_ratio=5") == []


def test_long_sources_of_short_targets_may_not_be_answered_at_length(tmp_path: Path):
    """A young model writes on and on, as far as it may: 200 symbols and more for targets of one."""
    pairs = [(" ".join(f"{number}" * (90 + number % 7)), f"{number * 7919 % 90_001:05d}") for number in range(10, 90)]

    def bound(name: str, *settings: str) -> tuple[int | None, list[str]]:
        lines: list[str] = []
        watcher = Watch()
        watcher.say = lines.append
        plan = make_plan(pairs, dev=pairs[:5], settings=read_settings([*SMALL, "training.max_steps=1", *settings]))
        runs.start(replace(plan, fitted=frozenset()), tmp_path / name, watcher=watcher)
        return load_config(tmp_path / name / "config.yaml").search.max_length, [line for line in lines if "search.max_length " in line]

    assert bound("chosen") == (
        12,
        ["fitted: search.max_length 12: twice the longest training target and ten more: long sources do not have longer ones"],
    )
    assert bound("ratio", "search.max_length_ratio=3") == (None, [])
    assert bound("asked", "search.max_length=7") == (7, [])


def test_resuming_sets_the_number_of_threads_that_the_run_has(tmp_path: Path):
    """Another number adds up products in another order: not the same weights."""

    def stop(_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        start(tmp_path / "run", "training.max_steps=3", watcher=Watch(stop))
    torch.set_num_threads(2)
    seen: list[int] = []
    runs.resume(tmp_path / "run", watcher=Watch(lambda _: seen.append(torch.get_num_threads())))
    assert set(seen) == {1}


def test_a_run_that_moves_to_other_threads_writes_it_down_and_measures_its_precision_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        start(tmp_path / "run", "training.max_steps=3", "training.precision=auto", watcher=Watch(stop))
    config = tmp_path / "run" / "config.yaml"
    config.write_text(re.sub(r"precision: \w+", "precision: bfloat16", config.read_text()).replace("threads: 1", "threads: 1  # few"))
    monkeypatch.setattr(hardware, "choose_precision", lambda device: "float32")
    runs.resume(tmp_path / "run", device="cpu", threads=2)
    assert load_config(config).training.threads == 2
    assert torch.get_num_threads() == 2
    assert "threads: 2  # as asked for" in config.read_text()
    assert load_config(config).training.precision == "float32"


# ---------------------------------------------------------------------------------------------------------- one whole run


def test_the_same_seed_gives_the_same_losses_and_the_same_weights(tmp_path: Path):
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        start(tmp_path / name, f"seed={seed}")
    assert metrics_of(tmp_path / "one") == metrics_of(tmp_path / "two")
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")
    assert metrics_of(tmp_path / "one") != metrics_of(tmp_path / "other")


def test_a_finished_run_is_complete_and_can_be_loaded_and_asked(tmp_path: Path):
    watch = Watch()
    event = start(tmp_path / "run", watcher=watch)
    names = sorted(file.name for file in (tmp_path / "run").iterdir())
    assert names == ["config.yaml", "dev.jsonl", "fields.json", "metrics.jsonl", "model.safetensors", "run.json"]
    assert (event.why, event.step, [update.step for update in watch.updates]) == ("done", 24, list(range(1, 25)))
    assert load_config(tmp_path / "run" / "config.yaml").training == config_of().training
    model = load(tmp_path / "run")
    assert model.evaluate() == pytest.approx(event.metrics)
    answers = model.predict(["a b", "c d e f", ""])
    assert (len(answers), answers[2]) == (3, "")
    assert model.predict(["a b", "c d e f", ""]) == answers


def test_what_the_watcher_is_told_is_what_is_written(tmp_path: Path):
    watch = Watch()
    start(tmp_path / "run", watcher=watch)
    assert [evaluation.step for evaluation in watch.evaluations] == [5, 10, 15, 20, 24]
    for record, evaluation in zip(metrics_of(tmp_path / "run"), watch.evaluations, strict=True):
        assert record["step"] == evaluation.step
        assert record["epoch"] == pytest.approx(evaluation.step / 8)
        assert {name: record[name] for name in evaluation.metrics} == evaluation.metrics
        assert record["findings"] == evaluation.findings
    losses = [evaluation.metrics["loss"] for evaluation in watch.evaluations]
    assert [evaluation.is_best for evaluation in watch.evaluations] == [
        loss == min(losses[: place + 1]) for place, loss in enumerate(losses)
    ]
    assert all(len(evaluation.samples) == 3 for evaluation in watch.evaluations)
    assert [update.progress for update in watch.updates] == pytest.approx([step / 24 for step in range(1, 25)])
    assert watch.updates[-1].learning_rate < 0.02 * 0.2 < watch.updates[2].learning_rate


def test_a_tiny_task_is_learned(tmp_path: Path):
    pairs_ = pairs(16, 3)
    settings = ["training.epochs=80", "model.dropout=0.0", "model.decoder.width=24", "model.encoder.width=24", "model.embedding=16"]
    event = start(tmp_path / "run", *settings, "training.evaluate_every=60", train=pairs_, dev=pairs_[:10])
    assert event.metrics["exact_match"] == 1.0
    assert load(tmp_path / "run").predict([source for source, _ in pairs_]) == [target for _, target in pairs_]


def test_the_best_weights_on_dev_are_kept_not_the_last(tmp_path: Path):
    """Dev pairs that contradict the training pairs: the loss on them gets worse."""
    dev = [(source, " ".join("f" for _ in target.split())) for source, target in DEV]
    event = start(tmp_path / "run", "training.epochs=20", "training.evaluate_every=8", dev=dev)
    losses = [record["loss"] for record in metrics_of(tmp_path / "run")]
    assert losses.index(min(losses)) < len(losses) - 1
    assert event.metrics["loss"] == pytest.approx(min(losses), rel=1e-6)
    assert event.chosen == f"the best on dev, update {8 * (losses.index(min(losses)) + 1)}"
    assert load(tmp_path / "run").evaluate()["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_a_dev_set_that_is_much_easier_than_training_is_said_at_the_end(tmp_path: Path):
    draw, said = random.Random(3), list[str]()
    noise = [(source, " ".join(draw.choices("abcdef", k=6))) for source, _ in pairs(60, 4)]
    watcher = Watch()
    watcher.say = said.append
    start(tmp_path / "run", "training.epochs=30", train=[*noise, *[("a", "a")] * 30], dev=[("a", "a")] * 5, watcher=watcher)
    assert [line for line in said if line.startswith("note: dev is much easier than training (loss 0.")]
    said.clear()
    start(tmp_path / "other", "training.epochs=30", train=noise[:50], dev=noise[50:], watcher=watcher)
    assert not [line for line in said if "easier" in line]


def test_early_stopping_ends_a_run_that_gets_no_better(tmp_path: Path):
    dev = [(source, " ".join("f" for _ in target.split())) for source, target in DEV]
    event = start(tmp_path / "run", "training.epochs=200", "training.evaluate_every=8", "training.early_stopping.patience=3", dev=dev)
    losses = [record["loss"] for record in metrics_of(tmp_path / "run")]
    assert (event.why, len(losses) - 1 - losses.index(min(losses))) == ("early stopping", 3)


def test_early_stopping_ends_a_run_with_a_plateau_schedule_too(tmp_path: Path):
    dev = [(source, " ".join("f" for _ in target.split())) for source, target in DEV]
    settings = ["training.epochs=25", "training.evaluate_every=8", "training.early_stopping.patience=4", "training.schedule.kind=plateau"]
    assert start(tmp_path / "run", *settings, dev=dev).why == "early stopping"


def test_a_plateau_lowers_the_learning_rate(tmp_path: Path):
    dev, watch = [(source, " ".join("f" for _ in target.split())) for source, target in DEV], Watch()
    settings = [
        "training.epochs=20",
        "training.evaluate_every=8",
        "training.schedule={kind: plateau, factor: 0.25, patience: 1, warmup_steps: 0}",
    ]
    start(tmp_path / "run", *settings, dev=dev, watcher=watch)
    rates = [update.learning_rate for update in watch.updates]
    assert rates[0] == 0.02
    assert {rate / 0.02 for rate in rates} >= {1.0, 0.25, 0.0625}
    assert rates == sorted(rates, reverse=True)


def test_early_stopping_watches_the_metric_that_is_asked_for(tmp_path: Path):
    watch = Watch()
    start(tmp_path / "run", "training.early_stopping.metric=token_error_rate", watcher=watch)
    rates = [(evaluation.metrics["token_error_rate"], evaluation.metrics["loss"]) for evaluation in watch.evaluations]  # ties: by the loss
    better = [place == 0 or rate < min(rates[:place]) for place, rate in enumerate(rates)]
    assert [evaluation.is_best for evaluation in watch.evaluations] == better


def test_a_run_without_errors_on_dev_is_brought_to_its_end_while_the_learning_rate_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    watch = Watch()
    monkeypatch.setattr(training.metrics, "is_perfect", lambda name, value: True)
    settings = ["training.evaluate_every=6", "training.schedule={kind: cosine, warmup_steps: 0}"]
    event = start(tmp_path / "run", *settings, watcher=watch, dev=pairs(100, 2))
    rates = [update.learning_rate for update in watch.updates]
    assert (event.why, event.step) == ("perfect on dev", 12 + 12 // 3)  # two looks, and a third of the updates so far
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.2 * rates[11]
    assert start(tmp_path / "few", *settings, dev=pairs(99, 2)).why == "done", "so few dev pairs may be right by chance"


def test_a_run_without_errors_goes_on_where_that_is_asked_for_and_what_it_begins_with_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training.metrics, "is_perfect", lambda name, value: True)
    event = start(tmp_path / "run", "training.evaluate_every=6", "training.early_stopping.perfect=false", dev=pairs(100, 2))
    assert event.why == "done"
    more = ["training.evaluate_every=6", f"training.start_from={tmp_path / 'run'}", "training.max_steps=60"]
    event = start(tmp_path / "more", *more, dev=pairs(100, 2))
    assert (event.why, event.step) == ("perfect on dev", 12 + 12 // 3), "the look at update 0 is none of the two"


def test_the_last_weights_are_kept_where_that_is_asked_for(tmp_path: Path):
    watch = Watch()
    settings = ["training.evaluate_every=6", "training.optimizer.learning_rate=0.5", "training.keep=last", "training.average=3"]
    event = start(tmp_path / "run", *settings, watcher=watch)
    losses = [evaluation.metrics["loss"] for evaluation in watch.evaluations]
    assert min(losses) < losses[-1], "the best are others"
    assert event.chosen == f"the last, update {event.step}"
    assert load(tmp_path / "run").evaluate()["loss"] == pytest.approx(losses[-1], rel=1e-4)


def test_a_run_that_is_brought_to_its_end_looks_at_dev_four_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    watch = Watch()
    monkeypatch.setattr(training.metrics, "is_perfect", lambda name, value: True)
    event = start(tmp_path / "run", "training.epochs=400", "training.evaluate_every=null", watcher=watch, dev=pairs(100, 2))
    looks = [evaluation.step for evaluation in watch.evaluations]
    assert (event.why, event.step) == ("perfect on dev", looks[1] + round(looks[1] / 3))
    assert len(looks) == 2 + 4


def test_an_unknown_metric_is_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(ValueError, match=r"training\.early_stopping\.metric: .*'bleus'.*token_accuracy"):
        start(tmp_path / "run", "training.early_stopping.metric=bleus")
    assert not (tmp_path / "run").exists()


def test_looks_at_answers_that_ignore_their_sources_are_compared_by_the_loss(tmp_path: Path):
    """A constant answer may have a better error rate than a model that has begun to learn, and says nothing of it."""
    ranking = best.Best(RunDirectory(tmp_path), "token_error_rate", 3)
    constant, later = best.Kept(0.59, 1.48, 63, listens=False), best.Kept(0.87, 1.07, 176, listens=False)
    hears, hears_more = best.Kept(0.95, 1.2, 200), best.Kept(0.7, 1.3, 220)
    assert ranking.is_better(later, constant)
    assert not ranking.is_better(constant, later)
    for one in (constant, later):
        assert ranking.is_better(hears, one)
        assert not ranking.is_better(one, hears)
    assert ranking.is_better(hears_more, hears), "by the metric, which then tells"
    ranking.restore([hears, [0.5, 0.9, 7], later])
    assert ranking.ranking == [hears, best.Kept(0.5, 0.9, 7), later], "of runs from before, too"


def test_predictions_that_are_the_same_or_no_better_than_the_commonest_do_not_listen(tmp_path: Path):
    config = config_of("training.early_stopping.metric=token_error_rate")
    plan = make_plan(TRAIN, dev=DEV, config=config)
    fields = Fields.fit(config.fields, plan.train)
    dev = DevSet(plan.dev, config, fields, Corpus.build(encode_rows(plan.train, fields, config.data, copy=False)))

    def listens(answers: list[str], error: float) -> bool:
        predictions = [Prediction(("",), [], [Output(text, 0, 0, [], [], cut=False)]) for text in answers]
        return dev.listens(Look({"token_error_rate": error}, dev.sample, predictions))

    right = [target for _, target in DEV]
    commonest = metrics.score(["token_error_rate"], [dev.commonest] * 7, right, config.fields.target)["token_error_rate"]
    assert listens(right, 0.0)
    assert not listens(["a b"] * 7, 0.1), "one and the same"
    assert listens(right, commonest - 0.01)
    assert not listens(right, commonest), "no better than the commonest target"
    by_loss = DevSet(plan.dev, config_of(), fields, Corpus.build(encode_rows(plan.train, fields, config.data, copy=False)))
    assert by_loss.listens(Look({"loss": 2.0}, dev.sample, [])), "the loss needs no help"


def test_the_average_of_the_best_is_kept_where_it_is_better(tmp_path: Path):
    kept: list[list[dict[str, torch.Tensor]]] = []
    with pytest.MonkeyPatch.context() as patch:
        average = best._mean
        patch.setattr(best, "_mean", lambda parts: kept.append(list(parts)) or average(parts))
        event = start(tmp_path / "run", "training.average=3", "training.epochs=6")
    single = start(tmp_path / "single", "training.epochs=6")
    (parts,) = kept
    assert len(parts) == 3
    weights = read_tensors(tmp_path / "run" / "model.safetensors")[0]
    if event.chosen.startswith("the average of the 3 best"):
        assert event.metrics["loss"] <= single.metrics["loss"]
        for name, weight in weights.items():
            torch.testing.assert_close(weight, torch.stack([part[name] for part in parts]).mean(0))
    else:
        assert event.metrics["loss"] == single.metrics["loss"]


def test_where_a_budget_leaves_no_time_to_look_at_the_average_the_best_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seconds = list[float]()
    monkeypatch.setattr(training.Course, "has_time_for", lambda self, more: bool(seconds.append(more)))
    event = start(tmp_path / "run", "training.average=3", "training.epochs=6")
    assert event.chosen.startswith("the best on dev, update ")
    assert seconds[0] > 0


def test_the_best_weights_are_written_once_and_tied_ones_once_in_them(tmp_path: Path):
    same: list[bool] = []

    def look(event: Evaluated) -> None:
        file = tmp_path / "run" / "training" / "best" / f"{event.step}.safetensors"
        same.append(not event.is_best or file.samefile(tmp_path / "run" / "model.safetensors"))

    settings = ["fields.shared=true", "model.tie_embeddings=all", "training.average=3"]
    start(tmp_path / "run", *settings, watcher=Watch(None, look))
    assert len(same) > 2
    assert all(same)
    with safe_open(tmp_path / "run" / "model.safetensors", framework="pt") as file:
        written = set(file.keys())
    read = read_tensors(tmp_path / "run" / "model.safetensors")[0]
    assert set(read) - written == {"source_input.embedding.weight", "target_input.embedding.weight", "head.project.weight"} - written
    assert len(set(read) - written) == 2
    assert load(tmp_path / "run").predict(["a b"])


def test_accumulated_halves_give_the_update_of_the_whole_batch(tmp_path: Path):
    whole = ["training.batch={unit: pairs, size: 24, bucket_by: none}", "model.dropout=0.0", "training.epochs=3"]
    halves = ["training.batch={unit: pairs, size: 12, bucket_by: none, accumulate: 2}", "model.dropout=0.0", "training.epochs=3"]
    watches = [Watch(), Watch()]
    for name, settings, watch in zip(("whole", "halves"), (whole, halves), watches, strict=True):
        start(tmp_path / name, *settings, watcher=watch)
    one, two = ([update.loss for update in watch.updates] for watch in watches)
    assert len(one) == len(two) == 3
    assert two == pytest.approx(one, rel=1e-5)  # float32 sums of some hundred symbols in another order
    for name, weight in read_tensors(tmp_path / "whole" / "model.safetensors")[0].items():
        other = read_tensors(tmp_path / "halves" / "model.safetensors")[0][name]
        # Adam divides by the gradient's size, so a gradient of rounding alone moves a weight by up to the learning rate
        assert (weight - other).abs().mean() < 1e-4, name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("more", ["model.copy=true", "model.decoder.input_feeding=true", "training.teacher_forcing.start=0.5"])
def test_runs_of_every_precision_end_with_weights_in_float32(tmp_path: Path, precision: str, more: str):
    watch = Watch()
    event = start(tmp_path / "run", f"training.precision={precision}", more, "training.epochs=1", watcher=watch)
    assert all(0 < update.loss < 5 for update in watch.updates)
    assert 0 < event.metrics["loss"] < 5
    assert {weight.dtype for weight in read_tensors(tmp_path / "run" / "model.safetensors")[0].values()} == {torch.float32}
    assert len(load(tmp_path / "run").predict(["a b", "X b"])) == 2


def test_teacher_forcing_follows_its_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[float] = []
    forward = Seq2Seq.forward

    def spy(self: Any, batch: Any, forcing: float = 1.0) -> Any:
        if self.training:
            seen.append(forcing)
        return forward(self, batch, forcing)

    monkeypatch.setattr(Seq2Seq, "forward", spy)
    start(tmp_path / "run", "training.teacher_forcing={start: 1.0, end: 0.5}")
    assert seen == pytest.approx([1 - 0.5 * step / 24 for step in range(24)])


def test_a_seed_may_be_larger_than_torch_takes(tmp_path: Path):
    assert start(tmp_path / "run", f"seed={10**30}", "training.max_steps=1").why == "done"


def test_max_steps_and_a_part_of_a_pass_end_a_run(tmp_path: Path):
    assert start(tmp_path / "steps", "training.max_steps=7").step == 7
    assert start(tmp_path / "part", "training.epochs=0.5").step == 4


def test_one_pair_is_enough(tmp_path: Path):
    one = [("a b", "b a")]
    assert start(tmp_path / "run", "training.epochs=2", train=one, dev=one).step == 2


def test_a_run_of_characters_and_several_columns_trains(tmp_path: Path):
    train: Any = [((source, "up"), target.upper()) for source, target in TRAIN]
    event = start(
        tmp_path / "run", "fields.source=[{kind: text}, {kind: tokens}]", "fields.target={kind: text}", train=train, dev=train[:5]
    )
    assert event.why == "done"
    assert len(load(tmp_path / "run").predict([("a b", "up"), ("c", "down")])) == 2


# ------------------------------------------------------------------------------------------------------------- broken off


def interrupt(step: int) -> Watch:
    def stop(event: Updated) -> None:
        if event.step == step:
            signal.raise_signal(signal.SIGINT)

    return Watch(stop)


@pytest.mark.parametrize("step", [1, 4, 5, 12])
def test_ctrl_c_leaves_a_model_that_answers_and_a_run_that_can_be_resumed(tmp_path: Path, step: int):
    event = start(tmp_path / "run", watcher=interrupt(step))
    assert (event.why, event.step) == ("interrupted", step)
    assert len(load(tmp_path / "run").predict(["a b", "c"])) == 2
    assert runs.resume(tmp_path / "run").why == "done"
    assert load(tmp_path / "run").evaluate()["loss"] > 0


@pytest.mark.parametrize("step", [1, 4, 5, 12, 20])
def test_a_run_resumed_after_ctrl_c_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path, step: int, unbroken: Path):
    start(tmp_path / "run", *THOROUGH, watcher=interrupt(step))
    runs.resume(tmp_path / "run")
    assert metrics_of(tmp_path / "run") == metrics_of(unbroken)
    assert weights_of(tmp_path / "run") == weights_of(unbroken)


@pytest.mark.parametrize("where", ["_update", "_evaluate"])
def test_ctrl_c_in_the_middle_of_an_update_or_an_evaluation_can_be_resumed_to_the_same_weights(tmp_path: Path, unbroken: Path, where: str):
    """The signal meets the loop anywhere, say in the forward pass of the eleventh batch or in the search of the first look."""
    forward, calls = Seq2Seq.prepare, iter(range(10_000))
    deadline = {"_update": 10, "_evaluate": 15}[where]

    def interrupted(self: Any, *parts: Any) -> Any:
        if next(calls) == deadline:
            signal.raise_signal(signal.SIGINT)
        return forward(self, *parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Seq2Seq, "prepare", interrupted)
        assert start(tmp_path / "run", *THOROUGH).why == "interrupted"
    runs.resume(tmp_path / "run")
    assert metrics_of(tmp_path / "run") == metrics_of(unbroken)
    assert weights_of(tmp_path / "run") == weights_of(unbroken)


def finite(tensors: dict[str, torch.Tensor]) -> bool:
    return all(bool(part.isfinite().all()) for part in tensors.values())


def test_a_loss_that_becomes_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path):
    def poison(event: Updated) -> None:
        if event.step == 12:
            with torch.no_grad():
                next(iter(trainers[0].network.parameters())).fill_(float("nan"))

    trainers: list[Trainer] = []
    with pytest.MonkeyPatch.context() as patch:
        announce = Trainer._announce
        patch.setattr(Trainer, "_announce", lambda self: trainers.append(self) or announce(self))
        with pytest.raises(TrainingError) as caught:
            start(tmp_path / "run", watcher=Watch(poison))
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: the loss became nan at update 13 (pass 2). The last good checkpoint is kept. "
        "Train anew with half of training.optimizer.learning_rate, or with --set training.precision=float32."
    )
    assert finite(read_tensors(tmp_path / "run" / "model.safetensors")[0])
    assert finite(read_tensors(tmp_path / "run" / "training" / "state.safetensors")[0])
    assert [record["step"] for record in metrics_of(tmp_path / "run")] == [5, 10]
    assert load(tmp_path / "run").evaluate()["loss"] < 5


@pytest.mark.parametrize("every", [1, 3])
def test_a_learning_rate_that_is_far_too_high_stops_the_run_and_nothing_broken_is_kept(tmp_path: Path, every: int):
    with pytest.raises(TrainingError, match=r"became (nan|inf) at update \d+ \(pass 1\)\. The last good checkpoint is kept\."):
        start(
            tmp_path / "run", "training.optimizer.learning_rate=1e30", "training.schedule.kind=constant", f"training.evaluate_every={every}"
        )
    state = read_tensors(tmp_path / "run" / "training" / "state.safetensors")[0]
    assert finite(state)
    assert max(float(part.abs().max()) for name, part in state.items() if name.startswith("weights.")) < 1e20
    if (tmp_path / "run" / "model.safetensors").exists():
        assert finite(read_tensors(tmp_path / "run" / "model.safetensors")[0])


def test_a_model_that_became_nan_between_updates_is_not_kept_as_the_best(tmp_path: Path):
    """The dev loss of the only evaluation is NaN: there is nothing to keep, and the run says so."""

    def poison(event: Updated) -> None:
        if event.step == 5:
            with torch.no_grad():
                next(iter(trainers[0].network.parameters())).fill_(float("nan"))

    trainers: list[Trainer] = []
    with pytest.MonkeyPatch.context() as patch:
        announce = Trainer._announce
        patch.setattr(Trainer, "_announce", lambda self: trainers.append(self) or announce(self))
        with pytest.raises(TrainingError, match="The last good checkpoint is kept"):
            start(tmp_path / "run", watcher=Watch(poison))
    assert finite(read_tensors(tmp_path / "run" / "training" / "state.safetensors")[0])


def test_a_full_disk_stops_the_run_and_the_run_can_be_resumed(tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch):
    fsync, calls = os.fsync, iter(range(10_000))

    def full(number: int) -> None:
        if next(calls) == 11:
            raise OSError(28, "No space left on device")
        fsync(number)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(TrainingError, match="no space left on the disk while saving; the last good checkpoint stays"):
        start(tmp_path / "run", *THOROUGH)
    monkeypatch.undo()
    runs.resume(tmp_path / "run")
    assert weights_of(tmp_path / "run") == weights_of(unbroken)


def test_an_existing_directory_is_refused_and_replaced_on_demand(tmp_path: Path):
    start(tmp_path / "run", "training.max_steps=2")
    before = weights_of(tmp_path / "run")
    with pytest.raises(CheckpointError, match=re.escape(f"{tmp_path / 'run'}: exists already. Replace it with --overwrite")):
        start(tmp_path / "run", "training.max_steps=3")
    assert weights_of(tmp_path / "run") == before
    assert start(tmp_path / "run", "training.max_steps=3", overwrite=True).step == 3
    assert weights_of(tmp_path / "run") != before


def test_a_finished_run_is_not_resumed(tmp_path: Path):
    start(tmp_path / "run", "training.max_steps=2")
    with pytest.raises(CheckpointError, match=re.escape(f"{tmp_path / 'run'}: this run is finished (done). Use it with `seqloom predict")):
        runs.resume(tmp_path / "run")


def test_nothing_is_written_when_the_data_cannot_be_used(tmp_path: Path):
    for train, dev in (([*TRAIN, ("a " * 30, "a")], DEV), (TRAIN, [*DEV, ("", "a")])):
        with pytest.raises(DataError):
            start(tmp_path / "run", "data.max_source_length=20", train=train, dev=dev)
        assert not (tmp_path / "run").exists()


def test_a_dev_pair_over_the_limits_is_refused_or_cut_before_training_and_not_in_its_midst(tmp_path: Path):
    dev = [*DEV, ("a", "a " * 30)]
    with pytest.raises(DataError, match=r"pairs:8: the target has 30 symbols; the limit is 20"):
        start(tmp_path / "run", "data.max_target_length=20", dev=dev)
    assert not (tmp_path / "run").exists()


def test_held_out_pairs_over_the_limits_are_skipped_where_training_pairs_are(tmp_path: Path):
    said, watch = list[str](), Watch()
    watch.say = said.append  # pyright: ignore
    long = [("a " * 30 + letter, letter) for letter in "abcdefghijklmnopqrst"]
    skipping = config_of("data.max_source_length=20", "data.too_long=skip", "data.hold_out=0.4", "training.max_steps=1")
    plan = make_plan([*TRAIN, *long], config=skipping)
    over = sum(len(row.source[0].split()) > 20 for row in plan.dev)
    assert 0 < over < 20
    assert runs.start(plan, tmp_path / "run", watcher=watch).dev_pairs == len(plan.dev) - over
    assert said[:2] == [
        f"note: {20 - over} training pairs over the length limits were skipped (data.too_long: skip).",
        f"note: {over} dev pairs over the length limits were skipped (data.too_long: skip).",
    ]
    assert all(len(row.source[0].split()) <= 20 for row in RunDirectory(tmp_path / "run").read_dev())
    with pytest.raises(DataError, match=r"pairs:1: the source has 31 symbols; the limit is 20\. .* With --skip-bad such dev pairs"):
        runs.start(make_plan(TRAIN, dev=long, config=skipping), tmp_path / "given")


def test_dev_pairs_over_the_limits_do_not_stop_a_run_that_cuts(tmp_path: Path):
    dev, watch = [*DEV, ("a", "a " * 30)], Watch()
    limits = ["data.max_target_length=20", "data.too_long=cut"]
    event = start(tmp_path / "run", *limits, dev=dev, train=[*TRAIN, ("b", "b " * 40)], watcher=watch)
    assert event.why == "done"
    assert "1 of 8 dev targets are longer than 20 symbols, where training targets are cut" in " ".join(watch.evaluations[0].findings)


@pytest.mark.slow
def test_a_budget_that_ends_before_the_learning_rate_has_risen_is_said(tmp_path: Path):
    said = list[str]()
    watch = Watch()
    watch.say = said.append  # pyright: ignore
    start(tmp_path / "run", "training.budget_seconds=0.001", watcher=watch)
    assert said == [
        "warning: the budget ended after 0 updates, before the learning rate had risen: next to nothing is learned. "
        "Give more time with --budget, or fewer pairs."
    ]


def test_a_run_that_ends_before_the_learning_rate_has_risen_is_said(tmp_path: Path):
    said = list[str]()
    watch = Watch()
    watch.say = said.append  # pyright: ignore
    start(tmp_path / "run", "training.max_steps=2", "training.schedule.warmup_steps=5", watcher=watch)
    assert said == [
        "warning: the run ended after 2 updates, before the learning rate had risen: next to nothing is learned. "
        "Raise training.max_steps or training.epochs, or lower training.schedule.warmup_steps."
    ]


def test_a_run_with_a_budget_ends_within_it(tmp_path: Path):
    begin, watch = time.perf_counter(), Watch()
    settings = ["training.epochs=100000", "training.evaluate_every=null", "training.early_stopping.patience=1000", "training.average=3"]
    event = start(tmp_path / "run", *settings, "training.budget_seconds=20", watcher=watch)
    assert event.seconds < time.perf_counter() - begin < 20
    assert event.why == "budget"
    assert event.seconds > 15
    assert watch.updates[-1].learning_rate < 0.02 * 0.05
    assert 10 <= len(watch.evaluations) <= 21


if __name__ == "__main__":

    def begin(name: str) -> None:
        settings, prepare = DEATHS[name]
        start(Path(sys.argv[1]) / name, *THOROUGH, *settings, watcher=prepare())

    make_killed_runs(DEATHS, begin)


def test_a_look_takes_a_share_of_the_budget_however_young_the_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    looks, clock, look = list[int](), [0.0], DevSet.look

    def slow(dev: DevSet, network: Any, **more: Any) -> Look:
        """A look of a hundredth of a second a pair."""
        looks.append(len(dev.sample))
        clock[0] += 0.01 * len(dev.sample)
        return look(dev, network, **more)

    monkeypatch.setattr(DevSet, "look", slow)
    monkeypatch.setattr("seqloom.training.dev.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    asked = ("training.max_steps=10", "training.budget_seconds=50")
    runs.start(make_plan(pairs(40, seed=1), dev=pairs(400, seed=2), config=config_of(*asked)), tmp_path / "run")
    assert looks[:3] == [50, 200, 200], "50 tell that 200 take 4 % of the budget"
    monkeypatch.setattr("seqloom.training.dev.FEWEST", 1000)
    looks.clear()
    runs.start(make_plan(pairs(40, seed=1), dev=pairs(400, seed=2), config=config_of(*asked)), tmp_path / "other")
    assert looks[:2] == [400, 400]


def test_a_resumed_run_looks_at_the_same_part_of_dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config, sizes, look = config_of("training.max_steps=30", "training.budget_seconds=100"), list[int](), DevSet.look

    class Stopping(Silence):
        def evaluated(self, event: Evaluated) -> None:
            if event.step == 10:
                raise KeyboardInterrupt

    def watched(dev: DevSet, network: Any, **more: Any) -> Look:
        sizes.append(len(dev.sample))
        return look(dev, network, **more)

    def fitting(*_: object) -> int:
        return 123

    monkeypatch.setattr(DevSet, "fitting", fitting)
    runs.start(make_plan(pairs(40, seed=1), dev=pairs(400, seed=2), config=config), tmp_path / "run", watcher=Stopping())
    monkeypatch.undo()
    monkeypatch.setattr(DevSet, "look", watched)
    runs.resume(tmp_path / "run")
    assert set(sizes) == {123}


def test_a_run_that_looks_at_some_of_dev_says_so_at_its_first_look_and_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines: list[str] = []
    watcher = Watch()
    watcher.say = lines.append
    monkeypatch.setattr(DevSet, "fitting", lambda *_: 123)
    monkeypatch.setattr(Trainer, "_has_time_for_all", lambda _: False)
    start(tmp_path / "run", "training.budget_seconds=60", "training.max_steps=2", dev=pairs(400, seed=2), watcher=watcher)
    assert [line for line in lines if "of the 400 dev pairs" in line] == [
        "note: looks at dev are at 123 of the 400 dev pairs, evenly drawn: more would take too much of the budget.",
        f"note: the score is of 123 of the 400 dev pairs; `seqloom evaluate {tmp_path / 'run'}` takes all.",
    ]


@pytest.mark.parametrize("step", [4, 5])
def test_a_run_stopped_between_updates_goes_on_from_there_to_the_same_weights(tmp_path: Path, step: int):
    """What came since the last save was done again; at 5, where a look is due, it comes before the next update."""
    settings = ("training.max_steps=12", "training.evaluate_every=5")
    start(tmp_path / "whole", *settings)
    start(tmp_path / "run", *settings, watcher=Interrupted(step))
    resumed = Watch()
    runs.resume(tmp_path / "run", watcher=resumed)
    assert resumed.updates[0].step == step + 1
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "whole")
    assert metrics_of(tmp_path / "run") == metrics_of(tmp_path / "whole")


def test_ctrl_c_during_an_update_waits_for_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    update, done = Learner.update, list[int]()

    def pressed(learner: Learner, *given: Any) -> float:
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        loss = update(learner, *given)
        done.append(1)
        return loss

    monkeypatch.setattr(Learner, "update", pressed)
    event = start(tmp_path / "run", "training.max_steps=12", "training.evaluate_every=5")
    assert (event.why, event.step, len(done)) == ("interrupted", 4, 4)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("budget", [60, 300])
def test_a_run_whose_passes_end_before_its_budget_is_a_function_of_its_seed(tmp_path: Path, budget: int, monkeypatch: pytest.MonkeyPatch):
    """The seconds of the first reading were ahead of the first updates, so that their rates followed the clock."""

    def at(seconds: float, name: str) -> list[Any]:
        clock = [3.0]
        monkeypatch.setattr("seqloom.training.course.time", SimpleNamespace(perf_counter=lambda: clock[0]))

        def tick(_: Updated) -> None:
            clock[0] += seconds

        watch = Watch(tick)
        budgeted = f"training.budget_seconds={budget}"
        event = start(tmp_path / name, budgeted, "training.evaluate_every=null", "training.epochs=6", watcher=watch, started=0.0)
        assert event.why == "done"
        return [(update.step, update.loss, update.learning_rate) for update in watch.updates], weights_of(tmp_path / name)

    assert at(0.1, "quick") == at(0.4, "slow")


def test_a_budget_ends_the_schedule_of_a_run_that_it_ends():
    clock = Course(TrainingConfig(budget_seconds=102.0), 1000, time.perf_counter() - 50)
    assert clock.progress() == pytest.approx((0.5 - LEEWAY) / (1 - LEEWAY), abs=0.01)
    late = Course(TrainingConfig(budget_seconds=102.0), 1000, time.perf_counter() - 100.1)
    assert (late.progress(), late.reason_to_stop()) == (1.0, "budget")


def test_a_part_of_a_pass_is_no_update_too_many(tmp_path: Path):
    """10 updates a pass, 1.1 passes: 11.000000000000002 of them in floating point."""
    assert start(tmp_path / "run", "training.epochs=1.1", train=pairs(30, 1)).step == 11


def test_a_run_whose_time_ends_while_it_saves_looks_at_its_last_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It ended between the look that was not due yet and the next update, with the weights of a look long before."""
    clock, save, watch = [0.0], Trainer._save, Watch()  # pyright: ignore[reportPrivateUsage]

    def slow(trainer: Trainer) -> None:
        save(trainer)
        clock[0] += 30 if trainer.place.step == 7 else 0

    monkeypatch.setattr(Trainer, "_save", slow)
    times = SimpleNamespace(perf_counter=lambda: clock[0])
    monkeypatch.setattr("seqloom.training.loop.time", times)
    monkeypatch.setattr("seqloom.training.course.time", times)

    def tick(_: Updated) -> None:
        clock[0] += 0.5

    watch = Watch(tick)
    settings = ("training.budget_seconds=30", "training.checkpoint_seconds=3.4", "training.evaluate_every=1000", "training.epochs=10000")
    event = start(tmp_path / "run", *settings, watcher=watch, started=0.0)
    assert (event.why, event.step) == ("budget", 7)
    assert [look.step for look in watch.evaluations] == [7]
