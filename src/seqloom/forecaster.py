"""The public face of models of numbers: train one on arrays or on a table, load one, forecast with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.array_pairs import ArrayPairs, read_arrays
from seqloom.batching import Ids
from seqloom.checkpoint import RunDirectory, load_weights, read_tensors
from seqloom.clock import continued, spelled
from seqloom.config import NumbersField, RunConfig
from seqloom.config_file import load_config
from seqloom.distributions import quantile_levels
from seqloom.errors import ConfigError, DataError, nearest
from seqloom.events import Watcher
from seqloom.forecast_plan import parts_of, plan_arrays, plan_forecast
from seqloom.forecast_runs import load_pairs, read_line, start_numbers
from seqloom.forecasting import forecasts
from seqloom.nn.seq2seq import Seq2Seq, make_network
from seqloom.number_fields import NumberFields
from seqloom.panel import Panel, joined, read_panel
from seqloom.plan import parse_duration
from seqloom.scoreboard import scoreboard
from seqloom.windows import NumberPairs, Part, Windows

__all__ = ["Forecaster", "Said", "load_forecaster", "train_arrays", "train_forecast"]

Floats = npt.NDArray[np.float32]


class Said(NamedTuple):
    """One number of a forecast: a line of the table that `predict` writes."""

    series: str
    time: str
    """The moment, or the steps after the last known one where the table has no times."""
    column: str
    quantile: float | None
    """None: the point forecast."""
    value: float


class Forecaster:
    """A trained model of numbers in its run directory."""

    def __init__(self, path: Path, config: RunConfig, fields: NumberFields, network: Seq2Seq) -> None:
        self.path, self.config, self.fields, self.network = path, config, fields, network

    @property
    def numbers(self) -> NumbersField:
        """Which columns, history and horizon."""
        return self.fields.config.numbers

    def predict(self, sources: Any, length: int | None = None) -> Any:
        """Targets (N, T, D) for sources (N, S, D'), or a list of (T, D) for a list of (S, D') and where they end at unlike lengths.

        Args:
            length: T; for a model of arrays whose targets were as long as their sources it may be left out.

        Raises:
            DataError: sources that cannot be used; says which.
            ConfigError: a model of a table.
        """
        if self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of a table; expected one of arrays. Give a table to `forecast`.")
        given = read_arrays(sources, "X")
        empty = [np.zeros((length or len(part), self.fields.target.size), dtype=np.float32) for part in given]
        pairs = ArrayPairs(given, empty, self.fields)
        said = [forecast.point for forecast in forecasts(self.network, pairs, range(len(pairs)), self.config.model.head)]
        is_even = len({len(part) for part in said}) == 1  # a model that learned where to end may end anywhere
        return np.stack(said) if isinstance(sources, np.ndarray) and is_even else said

    def evaluate(self, table: Any = None, *, truth: Any = None, part: str | None = None) -> dict[str, dict[str, float]]:
        """The measures of the model and of what it must beat, by name.

        Args:
            table: a file, or a pair of arrays (X, y); without, the run's dev part.
            truth: a file of what follows the table, which is then what is forecast.
            part: dev or test of the table's split; without, test where the run has one.
        """
        return self.scores(self.pairs(table, truth=truth, part=part))

    def scores(self, pairs: NumberPairs) -> dict[str, dict[str, float]]:
        """As `evaluate`, on what `pairs` gave."""
        return scoreboard(self.network, pairs, range(len(pairs)), self.config.model.head, read_line(RunDirectory(self.path)))

    def pairs(self, table: Any = None, *, truth: Any = None, part: str | None = None) -> NumberPairs:
        """What `evaluate` measures on."""
        if table is None:
            if part not in (None, "dev"):
                raise ConfigError(f"--part {part}: no table to take it from; a run keeps its dev part alone. Name the table.")
            return load_pairs(self.path / "dev", self.fields)
        if isinstance(table, tuple) and not self.numbers.horizon:
            return ArrayPairs(read_arrays(table[0], "X"), read_arrays(table[1], "y"), self.fields)
        panel = self.panel(table)
        if truth is not None:
            then = self.panel(truth)
            whole = joined(panel, then)
            return self._measurable(whole, Part(whole.starts[:-1] + panel.lengths, whole.starts[1:]), then.name)
        _, dev, test = parts_of(panel, self.numbers)
        name = part or ("dev" if test is None else "test")
        if name not in ("dev", "test"):
            raise ConfigError(f"--part {name}: there is no such part; expected dev or test.{nearest(name, ['dev', 'test'])}")
        chosen = {"dev": dev, "test": test}[name]
        if chosen is None:
            raise ConfigError("--part test: the run was trained without a test part; give `seqloom train` a --split of three.")
        return self._measurable(panel, chosen, f"{panel.name}: the {name} part")

    def _measurable(self, panel: Panel, part: Part, where: str) -> Windows:
        """The windows of a part, of which there is one at least."""
        windows = Windows(panel, self.fields, part)
        if not len(windows):
            raise DataError(
                f"{where}: no series has the {self.numbers.horizon} rows of a horizon; expected them to measure a forecast. "
                "Give a longer table."
            )
        return windows

    def panel(self, table: Any) -> Panel:
        """The table of a file, read as that of training was."""
        if not self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of arrays; expected one of a table. Give arrays to `predict` in Python.")
        return table if isinstance(table, Panel) else read_panel(str(table), self.numbers, self.config.data)

    def forecast(self, table: Any, quantiles: Sequence[float] | None = None) -> Iterator[Said]:
        """The horizon after what is known of each series, a number a line: the point, then its quantiles.

        Raises:
            ConfigError: quantiles that the model does not give, or a model of arrays.
            DataError: a series of which nothing is known.
        """
        panel, head = self.panel(table), self.config.model.head
        levels = quantile_levels(head, quantiles)
        begins = parts_of(panel, self.numbers.model_copy(update={"split": []}))[1].ends
        _refuse_unknown(panel, begins)
        windows = Windows(panel, self.fields, Part(begins, begins + self.numbers.horizon))
        for number, said in enumerate(forecasts(self.network, windows, range(len(windows)), head, levels)):
            series, origin = (int(part[0]) for part in windows.origins([number]))
            for step, (point, of_levels) in enumerate(zip(said.point, said.quantiles, strict=True), 1):
                time = _moment(panel, origin, step)
                for column, name in enumerate(self.numbers.targets):
                    for level, value in [(None, point[column]), *zip(levels, of_levels[column], strict=True)]:
                        yield Said(panel.series[series], time, name, level, float(value))


def _refuse_unknown(panel: Panel, ends: Ids) -> None:
    """Raises a DataError for a series of which nothing is known before the row in `ends` (series,)."""
    for number in np.nonzero(ends == panel.starts[:-1])[0].tolist():
        place = panel.where(int(panel.starts[number]))
        raise DataError(
            f"{place}: series {panel.series[number]!r} has no values; expected one at least to forecast from. Remove the series."
        )


def _moment(panel: Panel, origin: int, step: int) -> str:
    if panel.times is None:
        return str(step)
    return spelled(continued(panel.times[origin - 1 : origin], panel.step, step)[0])


def train_arrays(
    sources: Any,
    targets: Any,
    *,
    dev: tuple[Any, Any] | None = None,
    out: str | Path = "runs/model",
    config: str | Path | RunConfig | None = None,
    settings: Iterable[str] = (),
    budget: str | float | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
) -> Forecaster:
    """A model from arrays (N, S, D) to arrays (N, T, D'), or lists of arrays of any lengths."""
    started, seconds = time.perf_counter(), None if budget is None else parse_duration(budget)
    plan = plan_arrays(sources, targets, dev=dev, config=_given(config), settings=settings, budget=seconds, seed=seed)
    start_numbers(plan, out, overwrite=overwrite, watcher=watcher, started=started)
    return load_forecaster(out)


def train_forecast(
    table: Any,
    *,
    forecast: str | Sequence[str] = (),
    history: int | None = None,
    horizon: int | None = None,
    time_column: str | None = None,
    out: str | Path = "runs/model",
    config: str | Path | RunConfig | None = None,
    settings: Iterable[str] = (),
    quantiles: Sequence[float] = (),
    budget: str | float | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    **numbers: Any,
) -> Forecaster:
    """A model that forecasts columns of a table: a file, or a `Panel`.

    Args:
        forecast: the columns.
        time_column: which column says when.
        numbers: other settings of `fields.numbers`, such as split, past, known, static, series, wide, season.
    """
    started, seconds = time.perf_counter(), None if budget is None else parse_duration(budget)
    given = {
        "targets": [forecast] if isinstance(forecast, str) else list(forecast),
        "history": history,
        "horizon": horizon,
        "time": time_column,
    }
    field = NumbersField.model_validate({**{name: value for name, value in given.items() if value}, **numbers})
    table = table if isinstance(table, Panel) else str(table)
    plan = plan_forecast(table, field, config=_given(config), settings=settings, quantiles=quantiles, budget=seconds, seed=seed)
    start_numbers(plan, out, overwrite=overwrite, watcher=watcher, started=started)
    return load_forecaster(out)


def load_forecaster(path: str | Path, *, device: str = "cpu") -> Forecaster:
    """The model of numbers in a run directory.

    Raises:
        CheckpointError: not a run, damaged, or of another format.
    """
    run = RunDirectory(path)
    run.check()
    config, fields = load_config(run.config), NumberFields.load(run.fields)
    network = make_network(config.model, fields.source, fields.target)
    load_weights(network, read_tensors(run.weights)[0], run.weights)
    return Forecaster(run.path, config, fields, network.to(device).eval())


def _given(config: str | Path | RunConfig | None) -> RunConfig | None:
    return config if isinstance(config, RunConfig) or config is None else load_config(config)
