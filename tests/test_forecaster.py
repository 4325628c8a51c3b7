"""Models of numbers from end to end: arrays and tables, Python and the command line."""

import json
import re
import runpy
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet
from stage import panel_of_arrays

import seqloom
from seqloom.cli import forecasting, main
from seqloom.config import DataConfig, NumbersField, QuantileHead
from seqloom.config_file import load_config
from seqloom.errors import CheckpointError, ConfigError, DataError
from seqloom.numbers.choices import choose_forecast, found_season, heaviness
from seqloom.numbers.distributions import point_of
from seqloom.numbers.forecaster import Forecaster, Said, load_forecaster, train_forecast
from seqloom.numbers.panel import Panel, read_panel
from seqloom.numbers.plan import plan_forecast
from seqloom.numbers.scoreboard import better_without, measure
from seqloom.numbers.spread import LEVELS
from seqloom.numbers.waves import waves
from seqloom.training.events import Finished, Silence

SMALL = ["model.encoder.width=8", "model.decoder.width=8", "model.embedding=4", "training.threads=1", "training.max_steps=6"]


def table(folder: Path, rows: int = 300, name: str = "load.csv") -> Path:
    """An hourly table of a wave of 12 hours with a little noise, and its sign."""
    draw, lines = np.random.default_rng(1), ["date,load,sign"]
    for row in range(rows):
        moment = np.datetime64("2024-01-01T00", "h") + np.timedelta64(row, "h")
        load = 10 + 3 * np.sin(2 * np.pi * row / 12) + draw.normal(0, 0.1)
        lines.append(f"{str(moment).replace('T', ' ')}:00,{load:.4f},{int(load > 10)}")
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def forecaster(folder: Path, *settings: str, **more: Any) -> Forecaster:
    numbers = {"forecast": "load", "time_column": "date", "history": 24, "horizon": 6, "season": 12, "split": ["0.6", "0.2", "0.2"], **more}
    return train_forecast(table(folder), out=folder / "run", settings=[*SMALL, *settings], overwrite=True, quiet=True, **numbers)


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def arrays(pairs: int = 16, length: int = 10) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    return draw.normal(size=(pairs, length, 5)), draw.normal(size=(pairs, length, 1))


# -------------------------------------------------------------------------------------------------------------- arrays


def test_arrays_train_in_one_call_and_come_back_in_their_shape(tmp_path: Path):
    x, y = arrays()
    model = seqloom.train((x, y), out=tmp_path / "run", settings=[*SMALL, "training.epochs=2"])
    said = model.predict(x)
    assert (said.shape, bool(np.isfinite(said).all())) == ((16, 10, 1), True)
    np.testing.assert_array_equal(seqloom.load(tmp_path / "run").predict(x), said)


def test_what_can_be_learned_from_arrays_is_learned(tmp_path: Path):
    x = np.random.default_rng(1).normal(size=(200, 6, 2))
    y = x.sum(2, keepdims=True).cumsum(1) + 50
    settings = ["model.encoder.width=32", "model.decoder.width=32", "training.optimizer.learning_rate=0.01", "training.threads=1"]
    model = seqloom.train((x, y), out=tmp_path / "run", settings=[*settings, "training.epochs=30", "model.dropout=0"])
    values = model.evaluate((x, y))["model"]
    assert values["mae_scaled"] < 0.3


def test_lists_of_arrays_may_have_any_lengths(tmp_path: Path):
    draw = np.random.default_rng(2)
    x = [draw.normal(size=(3 + number % 4, 2)) for number in range(12)]
    y = [draw.normal(size=(1 + number % 3, 3)) for number in range(12)]
    model = seqloom.train(x, y, out=tmp_path / "run", settings=[*SMALL, "model.head.stop=length"])
    assert [part.shape for part in model.predict(x, length=2)] == [(2, 3)] * 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y[:-1]), r"^arrays: X has 16 sequences and y has 15; expected one target for each source\.$"),
        (
            lambda x, y: (np.where(np.arange(5) == 2, np.nan, x), y),
            r"^X\[0, 0, 2\] is nan; expected a finite number, at most 1e\+38 in size\. Fill or",
        ),
        (lambda x, y: ([*x[:3], x[3][:, :4]], list(y[:4])), r"^X\[3\]: 4 numbers a moment; expected 5, as in X\[0\]\.$"),
        (lambda x, y: (list(x[:2]), [y[0], y[1][:0]]), r"^y\[1\]: shape \(0, 1\); expected \(T, D\) with at least one moment\."),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, change: Any, message: str):
    with pytest.raises(DataError, match=message):
        seqloom.train(change(*arrays()), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_worked_example_learns_its_pairs_by_heart_and_nothing_of_noise(tmp_path: Path, monkeypatch: Any, capsys: Any):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(Path(__file__).parents[1] / "examples" / "5-numbers-in-numbers-out" / "arrays.py"))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("(16, 10, 1) ")
    heart, noise = (float(re.search(r"'mse_scaled': ([\d.]+)", line)[1]) for line in (first, second))  # type: ignore[index]
    assert heart < 0.8 < 1 < noise


def test_sources_of_another_width_are_refused(tmp_path: Path):
    x, y = arrays()
    with pytest.raises(DataError, match=r"^X: 4 numbers a moment; expected 5, as in training\.$"):
        seqloom.train((x, y), dev=(x[:, :, :4], y), out=tmp_path / "run", settings=SMALL)
    model = seqloom.train((x, y), out=tmp_path / "run", settings=SMALL)
    with pytest.raises(DataError, match=r"^X: 3 numbers a moment; expected 5, as in training\.$"):
        model.predict(x[:, :, :3])


def test_a_network_in_training_mode_forecasts_with_nothing_dropped_and_stays_in_it(tmp_path: Path):
    x, y = arrays()
    model = seqloom.train((x, y), out=tmp_path / "run", settings=[*SMALL, "model.dropout=0.5", "training.max_steps=1"])
    usual, measured = model.predict(x), model.evaluate((x, y))["model"]
    model.network.train()
    np.testing.assert_array_equal(model.predict(x), usual)
    assert model.evaluate((x, y))["model"] == measured
    assert model.network.training


def test_a_model_that_learns_where_to_end_may_end_anywhere(tmp_path: Path):
    x, y = arrays(40)
    model = seqloom.train((x, y), out=tmp_path / "run", settings=[*SMALL, "model.head.stop=learned", "training.max_steps=1"])
    with torch.no_grad():
        model.network.head.stop.weight.mul_(20)
    lengths = {len(part) for part in model.predict(x)}
    assert len(lengths) > 1
    assert "mae" in model.evaluate((x, y))["model"]


def test_models_of_arrays_and_of_tables_are_not_taken_for_each_other(tmp_path: Path):
    x, y = arrays()
    model = seqloom.train((x, y), out=tmp_path / "arrays", settings=SMALL)
    with pytest.raises(ConfigError, match=r"arrays: a model of pairs; expected one of a table\. Give its sources to `predict`\.$"):
        list(model.forecast(table(tmp_path)))
    with pytest.raises(ConfigError, match=r"run: a model of a table; expected one of pairs\. Give a table to `forecast`\.$"):
        forecaster(tmp_path).predict(x)
    with pytest.raises(ConfigError, match=r"^model\.head\.kind: 'tokens' says symbols; expected a head for numbers, as in settings="):
        seqloom.train((x, y), out=tmp_path / "none", settings=["model.head.kind=tokens"])


# --------------------------------------------------------------------------------------------------------------- table


@pytest.mark.parametrize("head", ["squared", "huber", "quantile", "gaussian", "student_t"])
@pytest.mark.parametrize("direct", ["true", "false"])
def test_every_head_forecasts_directly_or_fed_its_own_output(tmp_path: Path, head: str, direct: str):
    model = forecaster(tmp_path, f"model.head.kind={head}", f"model.direct={direct}")
    lines = list(model.forecast(tmp_path / "load.csv"))
    levels = {line.quantile for line in lines}
    assert levels == ({None} if head in ("squared", "huber") else {None, 0.1, 0.5, 0.9})
    points = [line for line in lines if line.quantile is None]
    assert [line.time for line in points] == [f"2024-01-13 {hour}:00" for hour in range(12, 18)]
    assert all(5 < line.value < 15 for line in points)
    for time in {line.time for line in lines}:
        values = [line.value for line in lines if line.time == time and line.quantile is not None]
        assert values == sorted(values)


def test_every_model_of_a_table_takes_its_intervals_from_the_errors_on_dev(tmp_path: Path):
    rolled = forecaster(tmp_path, "model.direct=false", "model.head.kind=gaussian")
    assert rolled.fields.spread is not None
    assert rolled.fields.spread.errors.shape == (6, 1, len(LEVELS))
    said = list(rolled.forecast(tmp_path / "load.csv", [0.25, 0.75]))
    assert [line.quantile for line in said[:3]] == [None, 0.25, 0.75]
    dev = measure(rolled.pairs(), range(50), rolled.forecasts(rolled.pairs(), range(50), [0.1, 0.9]), [0.1, 0.9])
    assert 0.7 < dev["coverage_80"] < 0.9
    points = forecaster(tmp_path)
    assert len([line for line in points.forecast(tmp_path / "load.csv", [0.05, 0.95]) if line.quantile == 0.95]) == 6
    assert all(line.quantile is None for line in points.forecast(tmp_path / "load.csv"))
    direct = forecaster(tmp_path, "model.direct=true", "model.head.kind=quantile")
    assert direct.fields.spread is not None
    values = [line.value for line in direct.forecast(tmp_path / "load.csv", [0.01, 0.2, 0.37, 0.99])][1:5]
    assert values == sorted(values)


def test_quantiles_beyond_those_that_dev_can_measure_are_as_the_head_says(tmp_path: Path):
    model = forecaster(tmp_path, "model.head.kind=quantile", "model.head.levels=[0.001,0.5,0.999]")
    values = [(line.quantile, line.value) for line in model.forecast(tmp_path / "load.csv")][1:4]
    assert ([level for level, _ in values], model.fields.spread) == ([0.001, 0.5, 0.999], None)
    with pytest.raises(ConfigError, match=r"^quantile 0\.9: the model was trained for \[0\.001, 0\.5, 0\.999\]\. Ask for those, or train"):
        list(model.forecast(tmp_path / "load.csv", [0.9]))


class Index:
    """As much of an index of dates as is asked for."""

    inferred_type, names, name = "datetime64", [None], None


class Frame:
    """As much of a data frame as is asked for, with an index of dates until it is reset."""

    def __init__(self, columns: dict[str, Any], index: list[datetime] | None = None) -> None:
        self.all, self.columns, self.dates = columns, list(columns), index
        self.index = Index() if index else SimpleNamespace(inferred_type="integer", names=[None])

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self.all[name], dtype=object)

    def reset_index(self) -> "Frame":
        return Frame({"index": self.dates, **self.all})


def test_a_table_in_memory_is_forecast_as_its_file_is(tmp_path: Path):
    asked: dict[str, Any] = {"forecast": "load", "history": 24, "horizon": 6, "season": 12, "settings": SMALL, "past": "sign"}
    file = table(tmp_path)
    model = train_forecast(file, time_column="date", out=tmp_path / "run", **asked)
    lines = model.forecast(file, "0.1,0.9")
    wanted = list(lines)
    assert (list(lines), len(lines), lines[-1]) == (wanted, len(wanted), wanted[-1]), "they can be gone through again"
    rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    dates, loads = [datetime.fromisoformat(date) for date, _, _ in rows], [float(load) for _, load, _ in rows]
    columns = {"date": dates, "load": loads, "sign": [sign == "1" for _, _, sign in rows]}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for held in (columns, records, Frame(columns), pyarrow.table(columns)):
        assert list(model.forecast(held, [0.1, 0.9])) == wanted
        assert model.evaluate(held) == model.evaluate(file)
    indexed = Frame({name: columns[name] for name in ("load", "sign")}, dates)
    again = train_forecast(indexed, out=tmp_path / "again", **asked)
    assert (again.numbers.times, again.numbers.step) == (["index"], "1 hour")
    assert [said.value for said in again.forecast(indexed, "0.1,0.9")] == [said.value for said in wanted]
    holed = {**columns, "load": [None, *loads[1:]]}
    with pytest.raises(DataError, match=r"^table:1: load is empty \(1 such cells\); expected a number\. Fill it, or name a rule:"):
        model.forecast(holed)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (np.zeros((9, 2)), r"ndarray \(9, 2\); expected a path, a data frame or columns by name\. Give numbers as {'load': values}\.$"),
        (None, "NoneType; expected a path, a data frame or columns by name."),
        ({"date": [1, 2], "load": [1]}, "column date has 2 values and load 1; expected equally many. Mend the columns."),
        (SimpleNamespace(columns=["load", "load"]), "2 columns are called 'load'; expected one. Rename the others."),
        ({"date": [1, 2], "lod": [1, 2]}, "no column 'load'; there are date, lod. Did you mean 'lod'?"),
    ],
)
def test_what_holds_no_table_is_refused_in_one_line(tmp_path: Path, held: Any, message: str):
    with pytest.raises(DataError, match="^table: " + (message if "\\" in message else re.escape(message))):
        train_forecast(held, forecast="load", time_column="date", horizon=6, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"horizon": -1}, "train_forecast: fields.numbers.horizon: Input should be greater than or equal to 0; got -1."),
        ({"past": "load"}, "train_forecast: fields.numbers: column 'load' is named twice; expected each in one part alone."),
        ({"pasts": "load"}, "train_forecast: unknown setting 'fields.numbers.pasts'. Did you mean 'fields.numbers.past'?"),
        ({"quantiles": "0.1,high"}, "quantiles 0.1,high: expected numbers between 0 and 1, as in 0.1,0.5,0.9."),
        ({"quantiles": 3}, "quantiles 3: expected numbers between 0 and 1, as in 0.1,0.5,0.9."),
        ({"split": [0.7, 0.8]}, "--split 0.7/0.8: the shares are 1.5 together; expected at most 1."),
    ],
)
def test_settings_in_python_that_cannot_be_are_refused_in_one_line(tmp_path: Path, asked: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        forecaster(tmp_path, **asked)


def test_columns_of_a_data_frame_may_be_numbers(tmp_path: Path):
    """The columns of pandas.DataFrame(array) are 0, 1, ...: forecast=0 was a TypeError."""
    held = {0: [float(hour % 12) for hour in range(100)], 1: [*range(100)]}
    model = train_forecast(held, forecast=0, past=[1], horizon=3, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert {said.column for said in model.forecast(held)} == {"0"}


def days_in_place() -> list[str]:
    """The begins of 120 days where clocks are set forward on the last of March, with their offsets from UTC."""
    days = [np.datetime64("2024-01-01") + np.timedelta64(day, "D") for day in range(120)]
    return [f"{day} 00:00:00+0{1 if day <= np.datetime64('2024-03-31') else 2}:00" for day in days]


def test_days_of_a_place_where_clocks_are_set_are_read_by_its_clock(tmp_path: Path):
    """In UTC a day of 23 hours is no day, and the table was refused."""
    held = {"date": days_in_place(), "load": [float(day % 7) for day in range(120)]}
    asked: dict[str, Any] = {"forecast": "load", "time_column": "date", "horizon": 3, "settings": SMALL, "quiet": True}
    model = train_forecast(held, out=tmp_path / "run", **asked)
    said = model.forecast(held)
    assert (said[0].time, model.numbers.offsets) == ("2024-04-30", "local")
    assert said.notes[0].startswith("times are read as they stand, without their offsets from UTC")
    summer = {name: values[100:] for name, values in held.items()}
    assert load_forecaster(tmp_path / "run").forecast(summer)[0].time == "2024-04-30", "a later table of one offset too"
    even = {name: values[:90] for name, values in held.items()}
    model = train_forecast(even, out=tmp_path / "even", **asked)
    assert (model.numbers.offsets, model.forecast(even)[0].time) == (None, "2024-03-30 23:00"), "as before, where UTC is even too"


def test_daylight_saving_is_named_where_days_are_given_in_utc(tmp_path: Path):
    times = [str(np.datetime64(moment[:19]) - np.timedelta64(int(moment[21]), "h")) for moment in days_in_place()]
    message = "If clocks were set for daylight saving, give dates alone, or the times of the place with their offsets; else bring"
    with pytest.raises(DataError, match=message):
        train_forecast({"date": times, "load": [1.0] * 120}, forecast="load", time_column="date", horizon=3, out=tmp_path / "run")


def test_settings_that_stand_together_are_one_argument_in_python(tmp_path: Path):
    """Two of one name are a mistake of syntax."""
    hours = [f"2024-01-01 {hour:02}:00" for hour in range(24) if hour != 5]
    held = {"date": hours, "load": [float(len(hour)) for hour in hours]}
    message = '(settings=["fields.numbers.gaps=fill", "fields.numbers.missing=linear"])'
    with pytest.raises(DataError, match=re.escape(message)):
        train_forecast(held, forecast="load", time_column="date", horizon=3, out=tmp_path / "run", settings=SMALL)


def test_a_high_level_changes_no_error_and_is_written_with_its_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    low, high = table(tmp_path), tmp_path / "high.csv"
    head, *rows = low.read_text(encoding="utf-8").splitlines()
    cells = [row.split(",") for row in rows]
    high.write_text("\n".join([head, *(f"{date},{1e9 + float(load):.4f},{sign}" for date, load, sign in cells)]), encoding="utf-8")
    asked: dict[str, Any] = {"forecast": "load", "time_column": "date", "history": 24, "horizon": 6, "season": 12, "settings": SMALL}
    boards = [train_forecast(file, out=tmp_path / file.stem, **asked).evaluate() for file in (low, high)]
    assert boards[0].keys() == boards[1].keys() == {"model", "naive", "seasonal naive", "linear"}
    for who, values in boards[0].items():
        assert boards[1][who]["mae"] == pytest.approx(values["mae"], rel=1e-3), who
    capsys.readouterr()
    assert run("predict", tmp_path / "high", "--input", high) == 0
    said = [line.split("\t")[-1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert len(set(said)) >= 5, "a season of twelve says some twice"
    assert all(re.fullmatch(r"10000000\d\d(\.\d\d?)?", number) for number in said), said


@pytest.mark.parametrize(
    ("value", "figures"),
    [(50.123456789, "50.12346"), (20000016.0, "20000016"), (-123456789.126, "-123456789.13"), (1e-9, "1e-09"), (1e30, "1e+30")],
)
def test_a_number_is_written_with_two_decimals_at_the_least(value: float, figures: str):
    assert forecasting.figures(value) == figures


def test_scheduled_sampling_and_teacher_forcing_train_the_same_model_differently(tmp_path: Path):
    settings = "model.direct=false", "training.keep=last"  # the best on dev may be the line that both begin with
    forced, sampled = (
        forecaster(tmp_path, *settings, f"training.teacher_forcing.start={share}").evaluate()["model"]["mae"] for share in (1.0, 0.3)
    )
    assert forced != sampled


def test_a_run_stopped_and_resumed_ends_with_the_same_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    class Stop(Silence):
        def updated(self, event: Any) -> None:
            if event.step == 3:
                raise KeyboardInterrupt

    whole = forecaster(tmp_path, "training.evaluate_every=2")
    wanted = {name: part.clone() for name, part in whole.network.state_dict().items()}
    with pytest.raises(KeyboardInterrupt, match="interrupted after 3 updates"):
        forecaster(tmp_path, "training.evaluate_every=2", watcher=Stop())
    assert run("resume", tmp_path / "run") == 0
    assert f"seqloom predict {tmp_path / 'run'} --input {tmp_path / 'load.csv'}" in capsys.readouterr().out
    for name, part in seqloom.load(tmp_path / "run").network.state_dict().items():
        assert bool((part == wanted[name]).all()), name


def test_a_run_killed_before_anything_was_saved_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def die(*_: Any, **__: Any) -> Any:
        raise SystemExit(9)

    whole = forecaster(tmp_path)
    wanted = {name: part.clone() for name, part in whole.network.state_dict().items()}
    with monkeypatch.context() as patch:
        patch.setattr("seqloom.numbers.runs._trainer", die)
        with pytest.raises(SystemExit):
            forecaster(tmp_path)
    assert run("resume", tmp_path / "run") == 0
    for name, part in seqloom.load(tmp_path / "run").network.state_dict().items():
        assert bool((part == wanted[name]).all()), name
    with monkeypatch.context() as patch:
        patch.setattr("seqloom.numbers.windows.Windows.straight_line", die)
        with pytest.raises(SystemExit):
            forecaster(tmp_path)
    assert run("resume", tmp_path / "run") == 2, "without the straight line it would be another run"


def test_a_table_in_the_folder_of_a_run_stays_or_is_no_reason_to_replace_it(tmp_path: Path):
    run = tmp_path / "run"
    (run / "dev").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    beside, within = table(run), table(run / "dev")
    asked = {"forecast": "load", "time_column": "date", "history": 24, "horizon": 6, "season": 12, "settings": SMALL, "quiet": True}
    with pytest.raises(CheckpointError, match=re.escape(f"{within}: lies in {run}, which training would replace. Choose another out.")):
        train_forecast(within, out=run, overwrite=True, **asked)
    assert within.read_bytes() == beside.read_bytes()
    train_forecast(beside, out=run, overwrite=True, **asked)
    assert beside.is_file(), "what no run wrote stays"


def test_the_model_begins_with_the_straight_line(tmp_path: Path):
    board = forecaster(tmp_path, "training.max_steps=1", "training.optimizer.learning_rate=1e-9").evaluate()
    assert board["model"]["mae"] == pytest.approx(board["linear"]["mae"], rel=0.2)
    assert board["linear"]["mae"] < 0.5 * board["naive"]["mae"]
    assert list(board) == ["model", "naive", "seasonal naive", "linear"]


def test_where_nothing_learned_is_better_the_straight_line_is_kept(tmp_path: Path):
    model = forecaster(tmp_path, "training.max_steps=4", "training.optimizer.learning_rate=0.5", "training.schedule.warmup_steps=1")
    about = json.loads((model.path / "run.json").read_text(encoding="utf-8"))
    assert about["chosen"] == "the best on dev, update 0"
    first = json.loads((model.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (first["step"], "train_loss" in first) == (0, False)


def days(spikes: float = 20, rows: int = 400) -> dict[str, list[Any]]:
    """Counts of days with a week, of which every fortieth or so is so many times as high."""
    draw = np.random.default_rng(1)
    counts = draw.poisson(50 + 30 * (np.arange(rows) % 7 < 5)) * np.where(draw.random(rows) < 0.025, spikes, 1)
    return {"day": [str(np.datetime64("2023-01-02") + row) for row in range(rows)], "visits": counts.tolist()}


def test_single_spikes_neither_count_in_squares_nor_are_levels():
    asked = NumbersField(targets=["visits"], time="day", horizon=7, split=["0.7", "0.15", "0.15"])
    spiky, calm = plan_forecast(days(), asked), plan_forecast(days(1), asked)
    assert (spiky.config.model.head.kind, spiky.config.fields.numbers.window) == ("absolute", "none")
    assert "times their median: squares would be those of a few spikes" in spiky.reasons["model.head.kind"]
    assert spiky.reasons["fields.numbers.window"] == "single spikes are there, and one is no level"
    assert (calm.config.model.head.kind, calm.config.fields.numbers.window) == ("squared", "last")
    given = plan_forecast(days(), asked, settings={"model.head.kind": "squared", "fields.numbers.window": "last"})
    assert (given.config.model.head.kind, given.config.fields.numbers.window) == ("squared", "last")


def test_days_with_spikes_are_forecast_better_than_by_repeating_them(tmp_path: Path):
    settings = [*SMALL, "training.max_steps=40"]
    split = "0.7/0.15/0.15"
    model = train_forecast(
        days(), forecast="visits", time_column="day", horizon=7, split=split, out=tmp_path / "run", quiet=True, settings=settings
    )
    board = model.evaluate(days())
    assert board["model"]["mae"] < min(board["naive"]["mae"], board["seasonal naive"]["mae"])


class Ending(Silence):
    """Keeps what is told at the end."""

    def finished(self, event: Finished) -> None:
        self.event = event


def test_the_end_says_what_is_wrong_with_the_weights_that_are_kept_and_what_is_simple(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    settings = [*SMALL, "training.optimizer.learning_rate=0.5", "training.schedule.warmup_steps=1", "training.max_steps=20"]
    asked = {"forecast": "load", "time_column": "date", "history": 24, "horizon": 6, "season": 12, "overwrite": True}
    train_forecast(table(tmp_path), out=tmp_path / "run", watcher=(told := Ending()), settings=settings, **asked)
    assert (told.event.findings, list(told.event.simple)) == ([], ["naive", "seasonal naive"]), "the line is kept, which is better"
    board = load_forecaster(tmp_path / "run").evaluate()
    assert told.event.simple == {name: pytest.approx(board[name]["mae"]) for name in told.event.simple}
    assert told.event.metrics["mae"] <= min(told.event.simple.values())
    knowing = lambda pairs: {"seasonal naive": lambda number: pairs.truth([number])[0] + 1e-3}  # noqa: E731
    monkeypatch.setattr("seqloom.numbers.windows.Windows.rivals", knowing)
    model = train_forecast(table(tmp_path), out=tmp_path / "run", watcher=told, settings=settings, **asked)
    numbers = f"{told.event.metrics['mae']:.4g}, worse than the 0.001 of repeating the last season"
    todo = "Say that, or look whether the past tells the future at all; try a shorter or a longer --history, or more model.dropout."
    assert told.event.findings == [f"After 100 % of the training the dev mae is {numbers}. {todo}"]
    capsys.readouterr()
    assert run("evaluate", model.path) == 0
    said = f"note: repeating the last season would have been better here: mae 0.001, of the model {told.event.metrics['mae']:.4g}\n"
    assert said in capsys.readouterr().err


def test_what_is_simple_is_said_to_be_better_with_what_squares_say():
    board = {"model": {"mae": 3.0, "rmse": 4.0}, "naive": {"mae": 2.0, "rmse": 5.0}, "seasonal naive": {"mae": 2.5, "rmse": 3.5}}
    said = "repeating the last value would have been better here: mae 2, of the model 3"
    assert better_without(board) == [f"{said}; by squares the model is (rmse 4 against 5)"]
    assert better_without({**board, "naive": {"mae": 2.0, "rmse": 3.0}}) == [said]
    assert better_without({**board, "model": {"mae": 1.0, "rmse": 9.0}}) == better_without({"model": board["model"]}) == []


@pytest.mark.parametrize("part", [None, "all"])
def test_what_repeats_itself_but_for_rounding_has_no_mase(tmp_path: Path, part: str | None):
    table = {"y": (10 + np.sin(2 * np.pi * np.arange(200) / 7)).tolist()}
    model = train_forecast(table, forecast="y", horizon=7, season=7, history=14, out=tmp_path / "run", quiet=True, settings=SMALL)
    assert "mase" not in model.evaluate(table, part=part)["model"]


def test_heaviness_is_that_of_the_usual_column_and_of_what_changes():
    draw = np.random.default_rng(1)
    plain, spiky = draw.normal(size=(700, 1)), draw.normal(size=(700, 1))
    spiky[::70] += 100
    rare = np.where(draw.random((700, 1)) < 0.1, draw.lognormal(0, 2, (700, 1)), 0)
    assert heaviness([plain], 7) == pytest.approx(1.48, abs=0.1)
    assert heaviness([spiky], 1) > 10
    assert heaviness([np.concatenate([plain, plain, spiky], 1)], 7) < 2, "most columns have no spikes"
    assert heaviness([rare], 7) == heaviness([np.ones((50, 1))], 7) == heaviness([plain[:3]], 7) == 1


@pytest.mark.parametrize(
    ("windows", "series", "batch", "updates"),
    [(1, 1, 32, 500), (285, 1, 32, 500), (5_000, 1, 32, 785), (13_000, 1, 128, 510), (285, 30, 32, 500), (80_000, 30, 128, 2000)],
)
def test_a_small_table_is_gone_over_more_often(windows: int, series: int, batch: int, updates: int):
    numbers = NumbersField(targets=["load"], history=24, horizon=6)
    training = choose_forecast(numbers, DataConfig(), series, windows, [], None).config.training
    assert training.batch.size == batch
    assert training.epochs * np.ceil(windows / batch) == pytest.approx(updates, rel=0.01)


@pytest.mark.parametrize(("beside", "rate"), [({}, 0.0005), ({"past": ["people"]}, 0.005), ({"known": ["price"]}, 0.005)])
def test_what_the_straight_line_does_not_see_is_learned_faster(beside: dict[str, list[str]], rate: float):
    numbers = NumbersField.model_validate({"targets": ["load"], "history": 24, "horizon": 6, **beside})
    assert choose_forecast(numbers, DataConfig(), 1, 285, [], None).config.training.optimizer.learning_rate == rate


def test_known_past_and_static_columns_and_several_series_are_read(tmp_path: Path):
    lines, first = ["day,shop,sold,price,people,size"], np.datetime64("2024-01-01")
    for shop, size in (("a", 3), ("b", 5)):
        lines += [f"{first + np.timedelta64(day, 'D')},{shop},{day % 7 + size},{day % 5},{day % 3},{size}" for day in range(60)]
        lines += [f"{first + np.timedelta64(day, 'D')},{shop},,{day % 5},,{size}" for day in range(60, 63)]
    file = tmp_path / "shops.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = train_forecast(
        str(file), forecast="sold", time_column="day", series="shop", known=["price"], past=["people"], static=["size"], horizon=3,
        history=14, out=tmp_path / "run", settings=SMALL,
    )  # fmt: skip
    assert model.config.training.optimizer.learning_rate == 0.005  # the line does not see the price
    cut = tmp_path / "cut.csv"
    cut.write_text(
        "\n".join([lines[0], *(line for line in lines[1:] if ",a," in line or line.startswith("2024-03-"))]) + "\n", encoding="utf-8"
    )
    assert model.notes(model.panel(cut)) == ["1 series without a value is left out: b"]
    said = [line for line in model.forecast(file) if line.quantile is None]
    assert [(line.series, line.time) for line in said] == [(shop, f"2024-03-0{day}") for shop in "ab" for day in (1, 2, 3)]


def test_a_forecast_from_fewer_rows_than_the_history_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    forecaster(tmp_path)
    lines = (tmp_path / "load.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "few.csv").write_text("".join(lines[:4]), encoding="utf-8")
    (tmp_path / "enough.csv").write_text("".join(lines[:25]), encoding="utf-8")
    capsys.readouterr()
    assert run("predict", tmp_path / "run", tmp_path / "few.csv") == 0
    assert capsys.readouterr().err == "note: the table has fewer rows than the 24 that the model reads before a forecast: 3\n"
    assert run("predict", tmp_path / "run", tmp_path / "enough.csv") == 0
    assert capsys.readouterr().err == ""


def test_one_row_a_series_is_measured_against_what_followed_it(tmp_path: Path):
    draw = np.random.default_rng(1)
    series = 20 + 5 * np.sin(np.arange(44) * np.pi / 4) + draw.normal(0, 0.2, (3, 44))
    for name, cut in (("train.csv", slice(0, 40)), ("test.csv", slice(40, 44))):
        lines = [",".join(["id", *(f"V{place}" for place in range(1, series[:, cut].shape[1] + 1))])]
        lines += [",".join([f"s{number}", *map(str, row[cut])]) for number, row in enumerate(series)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    train = str(tmp_path / "train.csv")
    model = train_forecast(train, wide=True, horizon=4, season=8, history=16, out=tmp_path / "run", settings=SMALL)
    board = model.evaluate(tmp_path / "train.csv", truth=tmp_path / "test.csv")
    assert board["seasonal naive"]["mae"] < 0.5 < board["naive"]["mae"]
    assert board["naive"]["owa"] > board["seasonal naive"]["owa"]
    assert len(list(model.forecast(tmp_path / "train.csv"))) == 3 * 4


def test_a_season_is_found_in_the_changes():
    hours = np.arange(600, dtype=np.float32)[:, None]
    noise = np.random.default_rng(1).normal(0, 0.3, (600, 1)).astype(np.float32)
    assert found_season([10 * np.sin(2 * np.pi * hours / 24) + hours / 10 + noise])[0] == 24
    assert found_season([noise])[0] == 1


def test_a_run_without_its_table_forecasts_and_is_measured_on_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, file = forecaster(tmp_path), tmp_path / "load.csv"
    said, board = [*model.forecast(file)], model.evaluate(file)
    shutil.rmtree(model.path / "dev")
    model = load_forecaster(model.path)
    assert ([*model.forecast(file)], model.evaluate(file)) == (said, board)
    assert run("evaluate", model.path, file) == 0
    assert "note: only the test part of" in capsys.readouterr().err
    out = tmp_path / "said.json"
    assert run("predict", model.path, "--input", file, "--output", out) == 2
    expected = "answers are not written as json; expected .tsv, .csv, .jsonl, or .parquet. Name another file."
    assert capsys.readouterr().err.endswith(f"error: --output {out}: {expected}\n")


def weeks(count: int, swing: float, step: str = "7D") -> dict[str, Any]:
    rng, place = np.random.default_rng(3), np.arange(count)
    values = 100 + swing * np.sin(2 * np.pi * place / 52.18) + rng.normal(0, 3, count) + np.cumsum(rng.normal(0, 0.5, count))
    days = {"7D": 7, "1D": 1}[step] * place
    return {"date": [str(np.datetime64("2015-01-05") + day) for day in days], "load": values.tolist()}


@pytest.mark.parametrize(
    ("table", "season", "history"),
    [(weeks(300, 10), 52, 60), (weeks(300, 0), 1, 52), (weeks(160, 10), 1, 28), (weeks(300, 10, "1D"), 7, 49)],
)
def test_a_year_of_weeks_is_a_season_where_it_says_more_of_training_than_the_last_value(table: dict[str, Any], season: int, history: int):
    plan = plan_forecast(table, NumbersField(targets=["load"], time="date", horizon=13))
    assert (plan.config.fields.numbers.season, plan.config.fields.numbers.history) == (season, history)
    if season == 52:
        assert plan.reasons["fields.numbers.season"].startswith(
            "the weeks of the year before came nearer to training than the last value (0."
        )
        assert plan.reasons["fields.numbers.history"] == "a year and 8 weeks (measured on dev)"


def test_a_model_that_is_shown_the_clock_is_measured_on_what_followed(tmp_path: Path):
    model = forecaster(tmp_path, "fields.numbers.calendar=[hour]")
    whole = table(tmp_path, 306, "whole.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "then.csv").write_text("\n".join([whole[0], *whole[-6:]]), encoding="utf-8")
    board = model.evaluate(tmp_path / "load.csv", truth=tmp_path / "then.csv")
    assert {"model", "naive", "linear"} <= set(board)
    (tmp_path / "short.csv").write_text("\n".join([whole[0], *whole[-6:-3]]), encoding="utf-8")
    with pytest.raises(DataError, match=r"short\.csv: no series has the 6 rows of a horizon; expected them to measure a forecast\."):
        model.evaluate(tmp_path / "load.csv", truth=tmp_path / "short.csv")
    with pytest.raises(DataError, match=r"then\.csv: the test part: no series has the 6 rows of a horizon"):
        model.evaluate(tmp_path / "then.csv")
    with pytest.raises(ConfigError, match=r"--part tests: there is no such part; expected dev, test or all\. Did you mean 'test'\?"):
        model.evaluate(tmp_path / "load.csv", part="tests")
    with pytest.raises(ConfigError, match=r"--part test: no table to take it from; a run keeps its dev part alone\. Name the table\."):
        model.evaluate(part="test")
    with pytest.raises(ConfigError, match=r"^--part dev: of no effect, what followed the table is measured\. Leave one of both out\.$"):
        model.evaluate(tmp_path / "load.csv", truth=tmp_path / "then.csv", part="dev")


def test_a_series_of_which_nothing_is_known_is_left_out_of_a_forecast_and_said(tmp_path: Path):
    model, file = forecaster(tmp_path, series="sign", time_column=None), tmp_path / "empty.csv"
    file.write_text("load,sign\n1.5,0\n2.5,0\n,1\n", encoding="utf-8")
    said = model.forecast(file)
    assert {line.series for line in said} == {"0"}
    assert "1 series without a value is left out: 1" in said.notes
    file.write_text("load,sign\n1.5,0\n2.5,0\n", encoding="utf-8")
    assert model.forecast(file) == said
    file.write_text("load,sign\n,0\n,1\n", encoding="utf-8")
    message = r"empty\.csv:2: the table has no values; expected one at least to forecast from\. Give what is known of it\.$"
    with pytest.raises(DataError, match=message):
        model.forecast(file)


def test_a_series_without_a_value_is_left_out_and_said(tmp_path: Path):
    file = tmp_path / "shops.csv"
    rows = [f"{shop},{'' if shop == 'b' else day % 7}" for shop in "abc" for day in range(60)]
    file.write_text("\n".join(["shop,sales", *rows]) + "\n", encoding="utf-8")
    numbers = NumbersField(targets=["sales"], series="shop", horizon=3)
    plan = plan_forecast(str(file), numbers)
    assert "1 series without a value is left out: b" in plan.notes
    file.write_text("\n".join(["shop,sales", *(row for row in rows if not row.startswith("b"))]) + "\n", encoding="utf-8")
    assert len(plan.train) == len(plan_forecast(str(file), numbers).train)


@pytest.mark.parametrize("short", [0, 1])
def test_a_series_shorter_than_the_horizon_shows_nothing_of_the_others(tmp_path: Path, short: int):
    file = tmp_path / "shops.csv"
    rows = [f"{number},{10**number + day % 7}" for number in range(3) for day in range(3 if number == short else 60)]
    file.write_text("\n".join(["shop,sales", *rows]) + "\n", encoding="utf-8")
    plan = plan_forecast(str(file), NumbersField(targets=["sales"], series="shop", horizon=6, scaling="series"))
    begins, ends, _ = plan.train.part
    assert (ends - begins).tolist() == [0 if number == short else 54 for number in range(3)]
    assert plan.fields.source_scaling.series == tuple(str(number) for number in range(3) if number != short)


def test_many_series_no_longer_than_a_season_are_trained_on(tmp_path: Path):
    file = tmp_path / "shops.csv"
    rows = [f"2023-{month:02d}-01,{shop},{100 + 10 * shop + 7 * month % 5}" for shop in range(22) for month in range(1, 11)]
    file.write_text("\n".join(["month,shop,sales", *rows]) + "\n", encoding="utf-8")
    asked: dict[str, Any] = {"forecast": "sales", "time_column": "month", "series": "shop", "horizon": 2, "out": tmp_path / "run"}
    model = train_forecast(file, **asked, settings=SMALL)
    assert (model.numbers.season, model.config.training.early_stopping.metric) == (12, "loss")
    said = r"^training\.early_stopping\.metric: 'mase' cannot be measured on dev; expected one of mae, rmse, smape, loss\. Set another\.$"
    with pytest.raises(ConfigError, match=said):
        train_forecast(file, **asked, settings=[*SMALL, "training.early_stopping.metric=mase"], overwrite=True)


def test_nothing_to_forecast_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^fields\.numbers\.horizon: 0; expected how many moments to forecast, such as 24\.$"):
        train_forecast(table(tmp_path), forecast="load", out=tmp_path / "run")
    with pytest.raises(ConfigError, match=r"^fields\.numbers\.targets: it is not said what to forecast; expected columns, or wide: true"):
        train_forecast(table(tmp_path), horizon=6, out=tmp_path / "run")


def test_a_setting_of_the_table_leaves_the_rest_to_be_chosen(tmp_path: Path):
    file, asked = str(table(tmp_path)), NumbersField(targets=["load"], time="date", horizon=6)
    chosen = plan_forecast(file, asked).config.fields.numbers
    plan = plan_forecast(file, asked, settings={"fields.numbers.missing": "previous"})
    assert plan.config.fields.numbers == chosen.model_copy(update={"missing": "previous"})
    assert (chosen.season, plan.config.model.linear_path.history) == (24, chosen.history)


def test_a_horizon_longer_than_the_data_is_refused(tmp_path: Path):
    def train(**more: Any) -> None:
        train_forecast(str(table(tmp_path, 30)), forecast="load", time_column="date", out=tmp_path / "run", **more)

    said = r"load\.csv: the longest series has 30 rows, of which 0 are to train on; a horizon of 2,000 needs at least 2,001 there\. Use a"
    with pytest.raises(DataError, match=said):
        train(horizon=2000, history=10)
    said = r"no window fits into the dev part: it has 3 rows of a series at the most, a horizon of 5 needs as many\. Use a shorter"
    with pytest.raises(DataError, match=said):
        train(horizon=5, history=10, split=["27", "3"])


def test_a_split_in_percents_is_said_to_be_rows(tmp_path: Path):
    asked = NumbersField(targets=["load"], time="date", horizon=6, split=["80", "10", "10"])
    said = "--split 80/10/10 says numbers of rows; for shares say 0.8/0.1/0.1."
    assert said in plan_forecast(str(table(tmp_path)), asked).notes
    with pytest.raises(
        DataError, match=re.escape(f"a horizon of 12 needs as many. Use a shorter --horizon or another --split. {said}") + "$"
    ):
        plan_forecast(str(table(tmp_path)), asked.model_copy(update={"horizon": 12}))
    assert said not in plan_forecast(str(table(tmp_path, 100)), asked).notes


@pytest.mark.parametrize(("split", "rows"), [("0.7/0.1/0.1", 30), ("200/50/20", 30), ("0.8/0.1", 30), ("0.7/0.1/0.2", 0), ("200/100", 0)])
def test_rows_that_a_split_leaves_out_are_counted(tmp_path: Path, split: str, rows: int):
    asked = NumbersField(targets=["load"], time="date", horizon=6, split=split.split("/"))
    said = [f"--split {split} leaves out the last {rows} rows, which are neither learned nor measured"] if rows else []
    assert [note for note in plan_forecast(str(table(tmp_path)), asked).notes if "leaves out" in note] == said


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (["0.5"], r"^--split 0\.5: expected two or three parts above 0, as in 0\.7/0\.1/0\.2, 8640/2880/2880 or dates\.$"),
        (["0.7", "nan"], r"^--split 0\.7/nan: expected two or three parts above 0"),
        (["2024-01-10", "2024-01-08"], r"^--split 2024-01-10/2024-01-08: test begins no later than dev; expected dates that rise\. Give"),
        (
            ["2024-01-10", "2025-01-08"],
            r": test begins at 2025-01-08, after the last row \(2024-01-13 11:00\); expected a date between\. Change it\.$",
        ),
        (["2024-01-01"], r"^--split 2024-01-01: dev begins at 2024-01-01, before or with the first row \(2024-01-01\); expected"),
        (["2024-01-05", "2024-01-07", "2024-01-09"], r": 3 dates; expected two, at which dev and test begin\. Leave the others out\.$"),
        (["0.9", "0.5"], r"^--split 0\.9/0\.5: the shares are 1\.4 together; expected at most 1\.$"),
    ],
)
def test_a_split_that_is_none_is_refused(tmp_path: Path, split: list[str], message: str):
    with pytest.raises(ConfigError, match=message):
        forecaster(tmp_path, split=split)


def with_holes(folder: Path, rows: range) -> Path:
    """The table of `table` without loads in some lines."""
    lines = table(folder).read_text(encoding="utf-8").splitlines()
    file = folder / "holes.csv"
    holes = [re.sub(r",[^,]*", ",", line, count=1) if number in rows else line for number, line in enumerate(lines)]
    file.write_text("\n".join(holes), encoding="utf-8")
    return file


@pytest.mark.parametrize(("part", "rows"), [("train", range(1, 181)), ("dev", range(181, 241))])
def test_a_part_of_which_nothing_is_known_is_not_learned(tmp_path: Path, part: str, rows: range):
    asked: dict[str, Any] = {"forecast": "load", "time_column": "date", "horizon": 6, "split": ["180", "60", "60"], "missing": "previous"}
    said = rf"holes\.csv: the {part} part has no value of load that was given, all were put in; expected some\. Use another --split\.$"
    with pytest.raises(DataError, match=said):
        train_forecast(str(with_holes(tmp_path, rows)), out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_a_part_of_which_nothing_is_known_is_not_measured(tmp_path: Path):
    model = forecaster(tmp_path, split=["180", "60", "60"], missing="previous")
    with pytest.raises(DataError, match="the dev part has no value of load that was given"):
        model.evaluate(with_holes(tmp_path, range(181, 241)), part="dev")
    assert model.evaluate(with_holes(tmp_path, range(241, 299)), part="test")["model"]["mae"] > 0, "two rows are known"


def test_holes_are_filled_for_a_model_that_was_trained_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = forecaster(tmp_path)
    rows = (tmp_path / "load.csv").read_text(encoding="utf-8").splitlines()
    rows[270] = f"{rows[270].split(',')[0]},,1"
    file = tmp_path / "holes.csv"
    file.write_text("\n".join([*rows[:280], *rows[283:]]), encoding="utf-8")
    fill = ["--set", "fields.numbers.gaps=fill", "--set", "fields.numbers.missing=linear"]
    for command in (["predict", tmp_path / "run", "--input", file], ["evaluate", tmp_path / "run", file]):
        assert run(*command) == 2
        assert " ".join(fill) in capsys.readouterr().err
        assert run(*command, *fill) == 0
        said = capsys.readouterr().err
        assert "note: 3 rows that are left out in " in said
        assert "empty cells were given a value (fields.numbers.missing=linear), which counts as no truth: load 4" in said
        assert run(*command, "--set", "fields.numbers={gaps: fill, missing: linear}") == 0
        assert capsys.readouterr().err == said
        assert run(*command, "--set", "fields.numbers.missing=some") == 2
        assert "error: --set: fields.numbers.missing: Input should be 'error', " in capsys.readouterr().err
        assert run(*command, "--set", "fields.numbers.season=2") == 2
        expected = "expected fields.numbers.gaps, fields.numbers.missing or data.header. Leave it out."
        assert f"error: --set fields.numbers.season: of no effect, the model is trained; {expected}" in capsys.readouterr().err
    assert run("evaluate", tmp_path / "run", *fill) == 2
    assert "--set fields.numbers.gaps=fill: of no effect, the run's dev part is read already. Name the table, or" in capsys.readouterr().err
    filling = model.filling(gaps="fill", missing="linear")
    assert len(list(filling.forecast(file))) == 6
    assert filling.evaluate(file)["model"]["mae"] > 0
    with pytest.raises(DataError, match=r"holes\.csv:271: load is empty \(1 such cells\); expected a number\."):
        model.filling(gaps="fill").panel(file)
    with pytest.raises(ConfigError, match=r"^settings: fields\.numbers\.missing: Input should be 'error', .*; got 'some'\."):
        model.filling(missing="some")


def test_a_first_series_that_rises_evenly_is_forecast_as_it_was_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, later, out = tmp_path / "wide.csv", tmp_path / "later.csv", tmp_path / "run"
    rng = np.random.default_rng(1)
    rows = [",".join(map(str, [name, *rng.integers(0, 99, 40).tolist()])) for name in "ab"]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    small = [part for setting in SMALL for part in ("--set", setting)]
    assert run("train", file, "--wide", "--horizon", 4, "--history", 8, "--out", out, *small) == 0
    capsys.readouterr()
    later.write_text(",".join(map(str, ["a", *range(1, 41)])) + "\n" + rows[1] + "\n", encoding="utf-8")
    for settings, series in (([], "ab"), (["--set", "data.header=true"], "b")):
        assert run("predict", out, "--input", later, *settings) == 0
        said = capsys.readouterr()
        assert {line[0] for line in said.out.splitlines()[1:]} == {*series}
        data, header = (
            "Without a header: line 1 ('a', '1', '2', '3' and 37 more) is data.",
            "Line 1 is a header: a, 1, 2, 3, 4, 5, 6, 7",
        )
        assert f"note: {header if settings else data}" in said.err
    assert run("evaluate", out, later, "--json") == 0
    assert "note: Without a header: line 1 ('a'" in capsys.readouterr().err


@pytest.mark.parametrize("is_wide", [False, True])
def test_a_sign_that_training_had_and_a_later_table_has_not_is_said(tmp_path: Path, is_wide: bool):
    percents = [f"{10 + row % 7}%" for row in range(60)]
    file, name = tmp_path / "t.csv", "value" if is_wide else "load"
    asked = NumbersField(wide=True, horizon=6) if is_wide else NumbersField(targets=["load"], horizon=6)

    def write(cells: list[str]) -> str:
        file.write_text(f"a,{','.join(cells)}\n" if is_wide else "\n".join(["load", *cells, ""]), encoding="utf-8")
        return str(file)

    numbers = plan_forecast(write(percents), asked).config.fields.numbers
    assert numbers.signs == [f"{name} %"]
    said = f"{name} has no '%' beside its numbers, which it had in training; they are taken for the same"
    assert said not in read_panel(str(file), numbers, DataConfig()).layout
    write([cell.removesuffix("%") for cell in percents])
    assert said in read_panel(str(file), numbers, DataConfig()).layout
    assert plan_forecast(str(file), asked).config.fields.numbers.signs == []


def test_a_model_goes_on_in_the_step_that_it_was_trained_in(tmp_path: Path):
    days = np.arange("2023-01-02", "2024-06-01", dtype="datetime64[D]")
    weekdays = [str(day) for day in days[np.is_busday(days)]]
    rows = [f"{day},{place % 5 + place / 100}" for place, day in enumerate(weekdays)]
    (tmp_path / "prices.csv").write_text("\n".join(["date,price", *rows]), encoding="utf-8")
    model = train_forecast(
        str(tmp_path / "prices.csv"), forecast="price", time_column="date", horizon=3, out=tmp_path / "run", settings=SMALL
    )
    assert (model.numbers.step, model.numbers.season) == ("weekday", 5)
    week = tmp_path / "week.csv"
    for count in (5, 1):
        week.write_text("\n".join(["date,price", *rows[5 - count : 5]]), encoding="utf-8")
        assert [said.time for said in model.forecast(week)] == ["2023-01-09", "2023-01-10", "2023-01-11"]
    week.write_text("date,price\n2023-01-02 00:00,1\n2023-01-02 01:00,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"week\.csv:3: .*expected a row every weekday"):
        list(model.forecast(week))


def test_a_step_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"fields\.numbers\.step"):
        train_forecast(str(table(tmp_path)), forecast="load", time_column="date", horizon=6, settings=["fields.numbers.step=hourly"])


def test_a_column_of_times_that_is_not_read_is_said(tmp_path: Path):
    file, asked = table(tmp_path), NumbersField(targets=["load"], horizon=6)
    said = "column date looks like times: --time date reads them; without, rows are numbered"
    assert plan_forecast(str(file), asked).notes[1] == said
    assert said not in plan_forecast(str(file), asked.model_copy(update={"time": "date"})).notes


def test_dates_of_a_split_may_have_slashes():
    from seqloom.cli.forecasting import Forecasting

    for text, parts in (
        ("20/01/2024/23/01/2024", ["20/01/2024", "23/01/2024"]),
        ("2024-01-08 12:00/2024-01-11", ["2024-01-08 12:00", "2024-01-11"]),
        ("0.7/0.1/0.2", ["0.7", "0.1", "0.2"]),
    ):
        assert Forecasting(forecast=["y"], horizon=2, split=text).numbers().split == parts


@pytest.mark.parametrize(
    "split", [["180", "60", "60"], ["0.6", "0.2", "0.2"], [0.6, 0.2, 0.2], "0.6/0.2/0.2", ["2024-01-08 12:00", "2024-01-11 00:00"]]
)
def test_parts_are_told_by_counts_shares_or_dates(tmp_path: Path, split: Any):
    model = forecaster(tmp_path, split=split)
    assert len(model.pairs(tmp_path / "load.csv")) == 60 - 6 + 1
    assert len(model.pairs(tmp_path / "load.csv", part="dev")) == 60 - 6 + 1


# -------------------------------------------------------------------------------------------------------- command line


def test_the_command_line_trains_evaluates_and_predicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = table(tmp_path), tmp_path / "run"
    small = [part for setting in SMALL for part in ("--set", setting)]
    asked = ["--time", "date", "--forecast", "load", "--horizon", 6, "--split", "0.6/0.2/0.2", "--quantiles", "0.2,0.5,0.8"]
    assert run("train", file, *asked, "--out", out, *small) == 0
    said = capsys.readouterr().out
    assert "note: a row every 1 hour, from 2024-01-01 to 2024-01-13 11:00" in said
    assert re.search(r"fields\.numbers\.season +24 +a row every 1 hour", said)
    assert run("evaluate", out, file, "--json") == 0
    board = json.loads(capsys.readouterr().out)
    assert board["windows"] == 55
    assert {"naive", "seasonal naive", "linear", "model"} <= set(board)
    assert "coverage_60" in board["model"]
    assert run("evaluate", out) == 0
    assert "seasonal naive" in capsys.readouterr().out
    assert run("predict", out, "--input", file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], len(lines)) == ("series\ttime\tcolumn\tquantile\tvalue", 1 + 6 * 4)
    assert lines[2].startswith("\t2024-01-13 12:00\tload\t0.2\t")


def test_a_model_of_known_columns_suggests_to_predict_with_rows_that_say_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = [part for setting in SMALL for part in ("--set", setting)]
    file, out = table(tmp_path), tmp_path / "run"
    asked = [
        "--time",
        "date",
        "--forecast",
        "load",
        "--known",
        "sign",
        "--horizon",
        3,
        "--history",
        24,
        "--out",
        out,
        "--overwrite",
        *small,
    ]
    assert run("train", file, *asked) == 0
    said = capsys.readouterr().out
    assert f"  seqloom predict {out} --input FILE  # FILE is {file} with 3 rows more: sign filled in, load empty\n" in said
    ahead = "".join(f"2024-01-13 {hour}:00,,1\n" for hour in (12, 13, 14))
    file.write_text(file.read_text(encoding="utf-8") + ahead, encoding="utf-8")
    assert run("train", file, *asked) == 0
    assert f"  seqloom predict {out} --input {file}\n" in capsys.readouterr().out
    assert run("predict", out, "--input", file) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3


def test_evaluating_says_which_part_of_the_table_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, file, out = forecaster(tmp_path), tmp_path / "load.csv", tmp_path / "run"
    new = table(tmp_path, 200, "new.csv")

    def said(*arguments: Any) -> tuple[str, str]:
        assert run("evaluate", out, *arguments) == 0
        first, notes = capsys.readouterr()
        return first.splitlines()[0].rpartition(", ")[0], notes

    assert said(file) == (f"{out} on {file}, its test part from 2024-01-11 on: 55 windows", "")
    assert said(file, "--part", "dev") == (f"{out} on {file}, its dev part from 2024-01-08 12:00 on: 55 windows", "")
    assert said() == (f"{out} on the run's dev part, from 2024-01-08 12:00 on: 55 windows", "")
    note = "note: the model was trained on a part of this table, of which the measures say too much good\n"
    assert said(file, "--part", "all") == (f"{out} on {file}, all of it from 2024-01-02 on: {300 - 24 - 5} windows", note)
    note = f"note: only the test part of {new} is measured; --part all takes all of it\n"
    assert said(new) == (f"{out} on {new}, its test part from 2024-01-07 16:00 on: 35 windows", note)
    assert said(new, "--part", "all") == (f"{out} on {new}, all of it from 2024-01-02 on: {200 - 24 - 5} windows", "")
    assert len(model.pairs(table(tmp_path, 20, "short.csv"), part="all")) == 1, "whose history is shorter"
    assert run("evaluate", out, file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["part"] == "test"
    note = "note: the model was chosen on this part; `seqloom train` with --split 0.7/0.1/0.2 leaves a test part that it never sees\n"
    forecaster(tmp_path, split=[])
    assert said(file) == (f"{out} on {file}, its dev part from 2024-01-12 06:00 on: 25 windows", note)
    forecaster(tmp_path, split=[], time_column=None)
    assert said(file) == (f"{out} on {file}, its dev part from row 271 on: 25 windows", note)


def test_series_that_begin_apart_are_measured_from_the_first_to_the_last(tmp_path: Path):
    lines = [line.split(",") for line in table(tmp_path).read_text(encoding="utf-8").splitlines()[1:]]
    rows = [(*line[:2], name) for name, count in (("a", 300), ("b", 100)) for line in lines[:count]]
    file = tmp_path / "sites.csv"
    file.write_text("\n".join(["date,load,site", *map(",".join, rows)]), encoding="utf-8")
    asked: dict[str, Any] = {"time_column": "date", "series": "site", "horizon": 6, "history": 24, "settings": SMALL, "quiet": True}
    model = train_forecast(file, forecast="load", split="0.8/0.2", out=tmp_path / "run", **asked)
    assert model.windows(file).since == "from 2024-01-04 08:00 on, the last series from 2024-01-11 on"


def test_training_and_evaluating_say_the_same_of_the_quantiles_on_dev(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = [part for setting in SMALL for part in ("--set", setting)]
    asked = ["--time", "date", "--forecast", "load", "--horizon", 6, "--quantiles", "0.2,0.5,0.8", "--out", tmp_path / "run"]
    assert run("train", table(tmp_path), *asked, *small) == 0
    said = dict(re.findall(r"^  (pinball|coverage_60) +(\S+)$", capsys.readouterr().out, flags=re.MULTILINE))
    assert run("evaluate", tmp_path / "run", "--json") == 0
    model = json.loads(capsys.readouterr().out)["model"]
    assert len(said) == 2
    assert {name: pytest.approx(model[name], rel=1e-3) for name in said} == {name: float(value) for name, value in said.items()}


def test_times_with_offsets_are_said_to_be_in_utc_and_the_span_is_of_all_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = table(tmp_path).read_text(encoding="utf-8").splitlines()
    file = tmp_path / "zones.csv"
    named = [f"{line.replace(':00,', ':00+01:00,')},{name}" for name, count in (("a", 301), ("b", 40)) for line in lines[1:count]]
    file.write_text("\n".join([f"{lines[0]},site", *named]) + "\n", encoding="utf-8")
    small = [part for setting in SMALL for part in ("--set", setting)]
    asked = ["--time", "date", "--forecast", "load", "--series", "site", "--horizon", 6, "--out", tmp_path / "run"]
    assert run("train", file, *asked, *small) == 0
    said = capsys.readouterr().out
    assert "note: a row every 1 hour, from 2023-12-31 23:00 to 2024-01-13 10:00" in said
    assert "note: times are brought to UTC by their offsets; forecasts are in UTC too" in said
    assert run("predict", tmp_path / "run", "--input", file) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("a\t2024-01-13 11:00\t")
    assert "note: times are in UTC, to which those of the table were brought by their offsets" in err
    file.write_text(file.read_text(encoding="utf-8").replace(",load,", ",lead,", 1), encoding="utf-8")
    assert run("predict", tmp_path / "run", "--input", file) == 2
    assert capsys.readouterr().out == "", "nothing half-written"


class Told:
    """A model that says these lines."""

    numbers = NumbersField(targets=["load"], horizon=1)

    def __init__(self, *lines: Said) -> None:
        self.lines = lines

    def panel(self, table: str) -> Panel:
        return panel_of_arrays(np.zeros((2, 1)), ["load"])

    def notes(self, table: Panel) -> list[str]:
        return []

    def forecast_lines(self, table: Panel, levels: str | None) -> Iterator[Said]:
        return iter(self.lines)


def test_a_name_with_a_tab_stays_one_cell_of_what_is_predicted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(forecasting, "_open", lambda run, device: Told(Said("a\tb", "1", "load", None, 0.5)))
    forecasting.predict_numbers(Path("run"), ["table.csv"], None, settings={})
    assert capsys.readouterr().out.splitlines()[1] == "a\\tb\t1\tload\t\t0.5"


def test_a_forecast_is_written_as_the_name_of_its_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = [Said("a,b", "2024-03-01", "load", None, 0.5), Said("a,b", "2024-03-01", "load", 0.1, 0.25)]
    monkeypatch.setattr(forecasting, "_open", lambda run, device: Told(*lines))

    def written(name: str, *, as_json: bool = False) -> bytes:
        forecasting.predict_numbers(Path("run"), ["table.csv"], None, settings={}, output=str(tmp_path / name), as_json=as_json)
        return (tmp_path / name).read_bytes()

    csv = 'series,time,column,quantile,value\n"a,b",2024-03-01,load,,0.5\n"a,b",2024-03-01,load,0.1,0.25\n'
    assert written("x.csv") == csv.encode()
    assert written("x.txt") == csv.replace('"a,b"', "a;b").replace(",", "\t").replace(";", ",").encode()
    rows = [said._asdict() for said in lines]
    assert [json.loads(line) for line in written("x.jsonl").splitlines()] == rows
    assert written("y.txt", as_json=True) == written("x.csv", as_json=True) == written("x.jsonl")
    table = parquet.read_table(pyarrow.BufferReader(written("x.parquet")))
    assert (table.to_pylist(), table.schema.types[3:]) == (rows, [pyarrow.float64()] * 2)
    with pytest.raises(
        ConfigError, match=r"x\.parquet would be Parquet by its name; expected one of both\. Leave --json out, or name another"
    ):
        written("x.parquet", as_json=True)


@pytest.mark.parametrize("given", [["--forecast", "load", "--forecast", "sign"], ["--forecast", "load,sign"]])
def test_columns_may_be_named_with_commas_or_one_by_one(tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]):
    small = [part for setting in SMALL for part in ("--set", setting)]
    asked = ["--time", "date", *given, "--horizon", 6, "--history", 24]
    assert run("train", table(tmp_path), *asked, "--out", tmp_path / "run", *small) == 0
    assert load_config(tmp_path / "run" / "config.yaml").fields.numbers.targets == ["load", "sign"]


def test_the_config_of_a_run_is_followed_and_may_be_changed(tmp_path: Path):
    forecaster(tmp_path, "fields.numbers.calendar=[hour]", "data.delimiter=,")
    config, again = load_config(tmp_path / "run" / "config.yaml"), tmp_path / "again"
    assert run("train", "--config", tmp_path / "run" / "config.yaml", "--out", again) == 0
    assert load_config(again / "config.yaml") == config
    assert run("train", "--config", tmp_path / "run" / "config.yaml", "--out", again, "--overwrite", "--history", 18) == 0
    assert load_config(again / "config.yaml").fields.numbers == config.fields.numbers.model_copy(update={"history": 18})


def test_the_median_is_learned_beside_the_quantiles_that_are_asked_for(tmp_path: Path):
    file, asked = str(table(tmp_path)), NumbersField(targets=["load"], time="date", horizon=6)
    chosen = plan_forecast(file, asked, quantiles=[0.1, 0.9]).config
    assert isinstance(chosen.model.head, QuantileHead)
    assert chosen.model.head.levels == [0.1, 0.5, 0.9]
    assert point_of(chosen.model.head, np.array([1.0, 2.0, 9.0])) == 2


def test_quantiles_and_a_budget_are_laid_over_a_config(tmp_path: Path):
    file, asked = str(table(tmp_path)), NumbersField(targets=["load"], time="date", horizon=6)
    given = plan_forecast(file, asked).config
    plan = plan_forecast(file, NumbersField(), config=given, quantiles=[0.2, 0.8], budget=60, settings={"training.budget_seconds": 30})
    assert isinstance(plan.config.model.head, QuantileHead)
    assert (plan.config.model.head.levels, plan.config.training.budget_seconds) == ([0.2, 0.5, 0.8], 30)
    assert plan_forecast(file, NumbersField(), config=given, budget=60).config.training.budget_seconds == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--time", "date"], "error: --time: it is not said what to forecast. Add --forecast COLUMN, or --wide for a row a series."),
        (["--forecast", "load"], "error: --horizon: expected how many moments to forecast, as in --horizon 24."),
        (["--forecast", "load", "--horizon", "0"], "error: --horizon 0: expected how many moments to forecast, as in --horizon 24."),
        (
            ["--forecast", "load", "--horizon", 6, "--season", 0],
            "season: Input should be greater than or equal to 1; got 0.",
        ),
        (["--forecast", "load", "--horizon", 6, "--history", 0], "error: fields.numbers.history: 0; expected how many moments are read"),
        (["--wide", "--horizon", 6, "--time", "date"], "time is of no effect where a row is a series (wide); expected its name and then"),
        (["--wide", "--horizon", 6, "--forecast", "a,b"], "2 targets cannot be told where a row is a series (wide); expected its name and"),
        (["--forecast", "load", "--horizon", 6, "--known", "load"], "column 'load' is named twice; expected each in one part alone"),
        (["--forecast", "lod", "--horizon", 6], "no column 'lod'; there are date, load, sign. Did you mean 'load'?"),
        (["--forecast", "load", "--horizon", 6, "--quantiles", "0.5,2"], "error: quantiles 0.5,2: expected numbers between 0 and 1"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(tmp_path: Path, arguments: list[Any], message: str, capsys: Any):
    assert run("train", table(tmp_path), *arguments, "--out", tmp_path / "run") == 2
    assert message in capsys.readouterr().err


def test_a_report_draws_windows_of_a_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    forecaster(tmp_path, "model.head.kind=quantile")
    assert run("report", tmp_path / "run", tmp_path / "load.csv", "--windows", 3) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'run' / 'forecasts.png'}: 3 windows\n"
    assert (tmp_path / "run" / "forecasts.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_that_does_not_forecast_has_no_such_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    x, y = arrays()
    seqloom.train((x, y), out=tmp_path / "run", settings=SMALL, quiet=True)
    assert run("report", tmp_path / "run") == 2
    assert "a model of arrays; expected one of a table, whose history can be drawn." in capsys.readouterr().err
    assert run("score", tmp_path / "run", tmp_path / "load.csv") == 2
    assert "a model of numbers, whose targets have no such probability. `seqloom evaluate` measures it." in capsys.readouterr().err
    assert run("report", tmp_path / "none") == 2
    assert "not a model that forecasts; expected one trained with --forecast or --wide." in capsys.readouterr().err


def test_options_that_are_for_pairs_are_refused_where_numbers_are_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = table(tmp_path)
    said = "{}: of no effect, the model forecasts numbers. Leave it out."
    assert run("train", file, "--forecast", "load", "--horizon", 6, "--dev", file, "--out", tmp_path / "run") == 2
    assert "--dev: of no effect, numbers are forecast. Leave it out." in capsys.readouterr().err
    forecaster(tmp_path)
    assert run("predict", tmp_path / "run", "--n-best", 3, "--input", file) == 2
    assert said.format("--n-best") in capsys.readouterr().err
    assert run("evaluate", tmp_path / "run", file, "--beam", 3) == 2
    assert said.format("--beam") in capsys.readouterr().err


def test_each_forecast_that_is_measured_is_written_beside_what_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = table(tmp_path), tmp_path / "said.csv"
    model = forecaster(tmp_path)
    assert run("evaluate", tmp_path / "run", file, "--output", out, "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    head, *lines = [line.split(",") for line in out.read_text(encoding="utf-8").splitlines()]
    assert head == ["series", "origin", "time", "column", "forecast", "actual"]
    assert len(lines) == measured["windows"] * model.numbers.horizon
    errors = [abs(float(forecast) - float(actual)) for *_, forecast, actual in lines]
    assert np.mean(errors) == pytest.approx(measured["model"]["mae"])
    loads = {line.split(",")[0]: float(line.split(",")[1]) for line in file.read_text(encoding="utf-8").splitlines()[1:]}
    assert all(loads[time] == float(actual) for _, _, time, _, _, actual in lines)
    hours = [np.datetime64(time) - np.datetime64(origin) for _, origin, time, *_ in lines[: model.numbers.horizon]]
    assert hours == [np.timedelta64(60 * step, "m") for step in range(1, model.numbers.horizon + 1)]
    assert run("evaluate", tmp_path / "run", file, "--output", tmp_path / "said.parquet") == 2
    assert capsys.readouterr().err.startswith(f"error: --output {tmp_path}/said.parquet: ")


def test_waves_can_be_trained_on_without_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = [part for setting in SMALL for part in ("--set", setting)]
    assert run("train", "--example", "waves", "--history", 48, "--out", tmp_path / "run", *small) == 0
    said = capsys.readouterr().out
    assert "windows to train on" in said
    file = tmp_path / "run" / "waves.csv"
    assert f"seqloom predict {tmp_path / 'run'} --input {file}" in said
    assert run("evaluate", tmp_path / "run", file) == 0
    assert waves().values.tolist() == waves().values.tolist()


def test_python_says_what_is_chosen_and_how_good_it_is_unless_told_to_be_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = table(tmp_path)
    asked: dict[str, Any] = {"forecast": "load", "time_column": "date", "horizon": 6, "out": tmp_path / "run", "overwrite": True}
    small = {"training": {"max_steps": 2}, "model.encoder.width": 4, "fields.numbers.history": 24}
    model = train_forecast(
        file, **asked, settings=small, budget=timedelta(minutes=1), config={"model": {"dropout": 0.25, "head": {"kind": "squared"}}}
    )
    assert (model.config.training.max_steps, model.config.training.budget_seconds, model.config.model.dropout) == (2, 60.0, 0.25)
    said = capsys.readouterr().out
    assert said.startswith("data: 300 rows in 1 series, load\n")
    assert "\nchosen:\n" in said
    assert f"\nmodel: {tmp_path / 'run'} (done after " in said
    train_forecast(file, **asked, settings="training.max_steps=2", quiet=True)
    assert capsys.readouterr().out == ""
