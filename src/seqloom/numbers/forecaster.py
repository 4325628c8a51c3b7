"""The public face of models whose targets are numbers: train one on pairs or on a table, load one, forecast with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.checkpoint import RunDirectory, load_weights, read_tensors
from seqloom.config import RunConfig
from seqloom.config_file import load_config
from seqloom.data.memory import hold, kept_columns
from seqloom.data.tabular import time_index
from seqloom.errors import ConfigError, DataError, in_words_of_python, nearest
from seqloom.exportable import Exportable
from seqloom.hardware import apart, choose_device, on_device
from seqloom.nn.seq2seq import Seq2Seq, make_network
from seqloom.numbers.answers import NumberAnswerer, Said
from seqloom.numbers.array_pairs import ArrayPairs, are_arrays, read_sources, read_targets
from seqloom.numbers.array_plan import read_rows_of_numbers
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.forecasting import TorchFrames
from seqloom.numbers.pairs import NumberPairs
from seqloom.numbers.panel import Panel, joined
from seqloom.numbers.plan import NumberPlan, known_ends, parts_of, plan_forecast, refuse_unseen, split_of
from seqloom.numbers.runs import load_pairs, read_line, start_numbers
from seqloom.numbers.scoreboard import scoreboard
from seqloom.numbers.windows import Part, Windows
from seqloom.planning.asked import asked_for, given_config, parse_duration
from seqloom.settings import build
from seqloom.training.events import Watcher
from seqloom.training.progress import told
from seqloom.training.runs import pass_on_interrupt
from seqloom.training.summary import number_introduction, number_result

__all__ = ["Forecaster", "Said", "load_forecaster", "train_forecast", "train_numbers"]

ROUNDED = 1e-6
"""By how much numbers of a table may differ from those of training and be the same, as in a file that was written with fewer digits."""


class Forecaster(Exportable, NumberAnswerer):
    """A trained model of numbers in its run directory."""

    def __init__(self, path: Path, config: RunConfig, fields: NumberFields, network: Seq2Seq) -> None:
        super().__init__(path, fields, config.data, config.model.head, TorchFrames(network))
        self.config, self.network = config, network

    def evaluate(self, table: Any = None, *, truth: Any = None, part: str | None = None) -> dict[str, dict[str, float]]:
        """The measures of the model and of what it must beat, by name.

        Args:
            table: a file, or a data frame; of pairs also sources and arrays (X, y), or a list of pairs; without, the run's dev part.
            truth: a file of what follows the table, which is then what is forecast.
            part: dev or test of the table's split, or all, which is every window whose history lies in the table; without, test where the
                run has one.
        """
        return self.scores(self.pairs(table, truth=truth, part=part))

    def scores(self, pairs: NumberPairs) -> dict[str, dict[str, float]]:
        """As `evaluate`, on what `pairs` gave."""
        return scoreboard(self.network, pairs, range(len(pairs)), self.head, read_line(RunDirectory(self.path)))

    def pairs(self, table: Any = None, *, truth: Any = None, part: str | None = None) -> NumberPairs:
        """What `evaluate` measures on."""
        if self.numbers.horizon:
            return self.windows(table, truth=truth, part=part)
        if truth is not None:
            raise ConfigError(f"{self.path}: a model of pairs; expected one file of them, whose targets are the truth. Leave out {truth}.")
        if table is None:
            _refuse_part(part)
            return load_pairs(self.path / "dev", self.fields)
        if part is not None:
            raise ConfigError(f"--part {part}: of no effect, all pairs are measured. Leave it out.")
        held = hold(table, None, *kept_columns(self.config.data))
        table, targets = held.data, held.targets
        if are_arrays(targets):
            return ArrayPairs.of(read_sources(table, "X"), read_targets(targets, "y"), self.fields)
        table = table if targets is None else list(zip(table, targets, strict=True))
        sources, targets = read_rows_of_numbers(table, self.config.data, is_numbers=self.fields.source.kind == "frames")
        return ArrayPairs.of(sources, targets, self.fields, (f"{table}: the source", f"{table}: the target"))

    def windows(self, table: Any = None, *, truth: Any = None, part: str | None = None) -> Windows:
        """The same, of a model of a table."""
        if table is None:
            _refuse_part(part)
            return Windows.load(self.path / "dev", self.fields)
        panel = self.panel(table)
        if truth is not None and part is not None:
            raise ConfigError(f"--part {part}: of no effect, what followed the table is measured. Leave one of both out.")
        if truth is not None:
            then = self.panel(truth)
            whole = joined(panel, then)
            return self._measurable(whole, Part(whole.starts[:-1] + panel.lengths, whole.starts[1:]), then.name)
        _, dev, test = parts_of(panel, self.numbers)
        name = part or ("dev" if test is None else "test")
        parts = {"dev": dev, "test": test, "all": self._all(panel)}
        if name not in parts:
            raise ConfigError(f"--part {name}: there is no such part; expected dev, test or all.{nearest(name, parts)}")
        chosen = parts[name]
        if chosen is None:
            raise ConfigError("--part test: the run was trained without a test part; give `seqloom train` a --split of three.")
        return self._measurable(panel, chosen, panel.name if name == "all" else f"{panel.name}: the {name} part")

    def _all(self, panel: Panel) -> Part:
        """All that is known of a table behind a first history, or behind what is there of one."""
        begins, ends = panel.starts[:-1], known_ends(panel, self.numbers)
        return Part(begins + np.clip(ends - begins - self.numbers.horizon, 1, self.numbers.history), ends, "all")

    def doubts(self, windows: Windows) -> list[str]:
        """What is to be known of measures on a part of a table, a sentence each."""
        name, panel = windows.part.name, windows.panel
        if not self._is_of_training(panel):
            return [] if name in ("", "all") else [f"only the {name} part of {panel.name} is measured; --part all takes all of it"]
        if name == "all":
            return ["the model was trained on a part of this table, of which the measures say too much good"]
        if name == "dev" and parts_of(panel, self.numbers)[2] is None:
            return ["the model was chosen on this part; `seqloom train` with --split 0.7/0.1/0.2 leaves a test part that it never sees"]
        return []

    def _is_of_training(self, panel: Panel) -> bool:
        """Whether a table is that of training, as far as the run still holds it."""
        if not (self.path / "dev").is_dir():
            return False
        trained = Windows.load(self.path / "dev", self.fields).panel
        return len(panel) == len(trained) and np.allclose(panel.values, trained.values, rtol=ROUNDED, atol=0, equal_nan=True)

    def _measurable(self, panel: Panel, part: Part, where: str) -> Windows:
        """The windows of a part, of which there is one at least."""
        windows = Windows(panel, self.fields, part)
        if not len(windows):
            raise DataError(
                f"{where}: no series has the {self.numbers.horizon} rows of a horizon; expected them to measure a forecast. "
                "Give a longer table."
            )
        refuse_unseen(panel, part, self.fields.target.size, where)
        return windows


def _refuse_part(part: str | None) -> None:
    """Raises a ConfigError for a part that a run without a table does not keep."""
    if part not in (None, "dev"):
        raise ConfigError(f"--part {part}: no table to take it from; a run keeps its dev part alone. Name the table.")


def train_numbers(plan: NumberPlan, out: str | Path, *, overwrite: bool, watcher: Watcher, started: float) -> Forecaster:
    """A model whose targets are numbers, as planned; what is chosen and how good it is are told."""
    for line in number_introduction(plan, out):
        watcher.say(line)
    finished = start_numbers(plan, out, overwrite=overwrite, watcher=watcher, started=started)
    for line in number_result(finished):
        watcher.say(line)
    pass_on_interrupt(finished)
    return load_forecaster(out)


@in_words_of_python()
@apart()
def train_forecast(
    table: Any,
    *,
    forecast: str | int | Sequence[str | int] = (),
    history: int | None = None,
    horizon: int | None = None,
    time_column: str | int | Sequence[str | int] | None = None,
    out: str | Path = "runs/model",
    config: str | Path | RunConfig | Mapping[str, Any] | None = None,
    settings: str | Iterable[str] | Mapping[str, Any] = (),
    quantiles: str | float | Sequence[float] = (),
    budget: str | float | timedelta | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    watcher: Watcher | None = None,
    **numbers: Any,
) -> Forecaster:
    """A model that forecasts columns of a table.

    Args:
        table: a file; a data frame of pandas, polars or Arrow, whose index may be the time; lists by name, or dictionaries row by row.
        forecast: the columns, by name, or by number in a data frame whose columns are numbers.
        time_column: which column says when, or which columns do; without, the index of a data frame where it is of dates.
        quantiles: a number, several, or one text as in 0.1,0.9.
        config, settings, budget, quiet, watcher: as for `train`.
        numbers: other settings of `fields.numbers`, such as split, past, known, static, series, wide, season. A name alone is one column;
            split may be one text, as in 0.7/0.1/0.2.

    Raises:
        ConfigError: a setting that does not exist, is out of range or contradicts another.
        DataError: a table that cannot be read, or is too short.
    """
    started, watcher = time.perf_counter(), told(watcher, quiet=quiet)
    seconds = None if budget is None else parse_duration(budget)
    given: dict[str, Any] = {
        "targets": _listed(forecast),
        "history": history,
        "horizon": horizon,
        "time": time_index(table) if time_column is None and not numbers.get("wide") else _named(time_column),
    }
    given |= {name: _listed(value) if name in ("past", "known", "static") else value for name, value in numbers.items()}
    given |= {"series": _named(numbers["series"])} if "series" in numbers else {}
    if "split" in given:
        split = given["split"]
        given["split"] = split_of(split) if isinstance(split, str) else [str(part) for part in split]
    said = {name: value for name, value in given.items() if value is not None and (value != [] or name in numbers)}
    field = build({"fields": {"numbers": said}}, where="train_forecast").fields.numbers
    table = str(table) if isinstance(table, Path) else table
    named: dict[str, Any] = {"config": given_config(config), "settings": asked_for(settings), "quantiles": quantiles}
    with RunDirectory(out).reserved(overwrite=overwrite):
        with watcher.phase("reading the table"):
            plan = plan_forecast(table, field, **named, budget=seconds, seed=seed)
        return train_numbers(plan, out, overwrite=overwrite, watcher=watcher, started=started)


def _listed(names: str | int | Sequence[str | int] | None) -> list[str] | None:
    """The names of columns, each as a text, as which a data frame whose columns are numbers has them."""
    return None if names is None else [str(name) for name in ([names] if isinstance(names, (str, int)) else names)]


def _named(name: str | int | Sequence[str | int] | None) -> str | list[str] | None:
    return name if name is None or isinstance(name, str) else str(name) if isinstance(name, int) else _listed(name)


def load_forecaster(path: str | Path, *, device: str = "cpu") -> Forecaster:
    """The model of numbers in a run directory.

    Raises:
        CheckpointError: not a run, damaged, or of another format.
        ConfigError: the device is not on this machine.
    """
    run = RunDirectory(path)
    run.check()
    config, fields = load_config(run.config), NumberFields.load(run.fields)
    network = make_network(config.model, fields.source, fields.target)
    load_weights(network, read_tensors(run.weights)[0], run.weights)
    return Forecaster(run.path.absolute(), config, fields, on_device(network, choose_device(device)).eval())
