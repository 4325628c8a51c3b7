"""A run of numbers from plan to model: start it, or go on with one that was stopped."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqloom.checkpoint import RunDirectory
from seqloom.config import RunConfig
from seqloom.files import write_atomically
from seqloom.numbers.array_pairs import ArrayPairs
from seqloom.numbers.dev import ForecastDev
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.pairs import NumberPairs
from seqloom.numbers.plan import NumberPlan
from seqloom.numbers.windows import Windows
from seqloom.training.events import Finished, Silence, Watcher
from seqloom.training.loop import Trainer
from seqloom.training.runs import check_parts, decide, refuse_replacing

__all__ = ["load_pairs", "read_line", "resume_numbers", "start_numbers"]


ROBUST = ("absolute", "quantile", "student_t")
"""Heads that outliers should not pull; their straight line is fitted so too."""
SMALL = 0.1
"""Of the usual size: what the network adds to a straight line at first."""


def start_numbers(
    plan: NumberPlan, out: str | Path, *, overwrite: bool = False, watcher: Watcher | None = None, started: float | None = None
) -> Finished:
    """Train what is planned, into the directory `out`.

    Raises:
        CheckpointError: `out` exists and may not be overwritten.
    """
    started, run = time.perf_counter() if started is None else started, RunDirectory(out)
    with run.claimed():
        return _start(plan, run, overwrite, watcher or Silence(), started)


def _start(plan: NumberPlan, run: RunDirectory, overwrite: bool, watcher: Watcher, started: float) -> Finished:
    run.refuse_existing(overwrite=overwrite)
    refuse_replacing(plan.config, run)
    config, reasons = decide(plan.config, plan.reasons)
    check_parts(config.model, plan.fields.source, plan.fields.target)
    run.begin()
    plan.fields.save(run.fields)
    run.write_config(config, reasons)
    plan.dev.save(run.path / "dev")
    with watcher.phase("fitting a straight line"):
        line = plan.train.straight_line(plan.dev, config.seed, absolute=config.model.head.kind in ROBUST)
    if line is not None:
        watcher.say(f"training begins with {line}")
        write_atomically(run.path / "line.json", json.dumps(np.round(line.weights, 7).tolist()).encode())
    weights = read_line(run)  # rounded, as one who goes on with the run finds them
    plan.train.save(run.training / "train")  # last: what is there without it cannot be gone on with
    trainer = _trainer(run, config, plan.fields, plan.train, plan.dev, watcher, started)
    if weights is not None:
        _begin_with_line(trainer, weights)
    return _finished(trainer, run, plan.dev, look_first=weights is not None)


def resume_numbers(run: RunDirectory, config: RunConfig, watcher: Watcher, started: float) -> Finished:
    """Go on with a run that was stopped, to the same weights as if it had not been."""
    fields = replace(NumberFields.load(run.fields), spread=None)  # of a run that goes on after its end: it is measured anew
    train, dev = load_pairs(run.training / "train", fields), load_pairs(run.path / "dev", fields)
    trainer, weights = _trainer(run, config, fields, train, dev, watcher, started), read_line(run)
    if run.state.is_file():
        trainer.restore()
    elif weights is not None:
        _begin_with_line(trainer, weights)
    return _finished(trainer, run, dev, look_first=weights is not None)


def load_pairs(folder: Path, fields: NumberFields) -> NumberPairs:
    """What `save` wrote into the folder."""
    return Windows.load(folder, fields) if (folder / "windows.json").is_file() else ArrayPairs.load(folder, fields)


def read_line(run: RunDirectory) -> Any:
    """The weights of the straight line that the run is measured against, None where it has none."""
    path = run.path / "line.json"
    return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=np.float32) if path.is_file() else None


def _begin_with_line(trainer: Trainer, weights: Any) -> None:
    """Let the network's own straight line begin with this one: what is learned is what it leaves."""
    path = trainer.network.linear_path
    if path is not None and path.weight.shape == (weights.shape[0], weights.shape[1] - 1):
        with torch.no_grad():
            path.weight.copy_(torch.from_numpy(weights[:, :-1]))
            path.bias.copy_(torch.from_numpy(weights[:, -1]))
            trainer.network.head.project.weight.mul_(SMALL)


def _trainer(
    run: RunDirectory, config: RunConfig, fields: NumberFields, train: NumberPairs, dev: NumberPairs, watcher: Watcher, started: float
) -> Trainer:
    return Trainer(run, config, fields, train, ForecastDev(dev, config), watcher, started)


def _finished(trainer: Trainer, run: RunDirectory, dev: NumberPairs, *, look_first: bool) -> Finished:
    """The run brought to its end, and what was measured then of its forecasts on dev."""
    finished = trainer.fit(look_first=look_first)
    dev.fields.save(run.fields)
    return finished
