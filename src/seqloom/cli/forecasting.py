"""What `train`, `evaluate` and `predict` do where numbers over time are forecast."""

from __future__ import annotations

import csv
import io
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar, cast

import typer

from seqloom.cli.arrays import predict_arrays
from seqloom.cli.choosing import column_names, refuse_device, refuse_unread
from seqloom.cli.output import escape, format_asked, open_output, run_words, say, to_json
from seqloom.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from seqloom.config import NumbersField
    from seqloom.numbers.answers import NumberAnswerer, Said
    from seqloom.numbers.panel import Panel
    from seqloom.settings import Asked
    from seqloom.training.events import Finished, Watcher

COLUMNS = ("series", "time", "column", "quantile", "value")
"""Of a forecast that is written."""

_Model = TypeVar("_Model", bound="NumberAnswerer")

__all__ = [
    "Forecasting",
    "closing",
    "evaluate_forecasts",
    "figures",
    "filling",
    "holds_forecasts",
    "is_of_numbers",
    "is_of_table",
    "predict_numbers",
    "table_of",
    "train_forecasts",
]


def _option(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, help=text, rich_help_panel="Forecasting")


Forecast = Annotated[list[str] | None, _option("--forecast", "COL[,COL]", "Forecast these columns of a table of numbers over time.")]
Time = Annotated[list[str] | None, _option("--time", "COL[,COL]", "Forecasting: the column that says when, or those that do.")]
History = Annotated[int | None, _option("--history", "N", "Forecasting: moments that are read. [default: chosen]")]
Horizon = Annotated[int | None, _option("--horizon", "N", "Forecasting: moments that are forecast.")]
Past = Annotated[list[str] | None, _option("--past", "COL[,COL]", "Forecasting: columns that are read and not forecast.")]
Known = Annotated[list[str] | None, _option("--known", "COL[,COL]", "Forecasting: columns that are known in advance.")]
Static = Annotated[list[str] | None, _option("--static", "COL[,COL]", "Forecasting: columns that do not change within a series.")]
Series = Annotated[str | None, _option("--series", "COL", "Forecasting: the column that says which series a row belongs to.")]
Wide = Annotated[bool, typer.Option("--wide", help="Forecasting: one row a series, its name and then its values.")]
Split = Annotated[str | None, _option("--split", "A/B[/C]", "Forecasting: shares, moments or dates of train, dev and test.")]
Season = Annotated[int | None, _option("--season", "N", "Forecasting: moments after which numbers are alike. [default: found]")]
Quantiles = Annotated[str | None, _option("--quantiles", "Q[,Q]", "Forecasting: quantiles, as in 0.1,0.5,0.9.")]


@dataclass(frozen=True)
class Forecasting:
    """What a person said about the table and what to forecast."""

    forecast: list[str] | None = None
    time: list[str] | None = None
    history: int | None = None
    horizon: int | None = None
    past: list[str] | None = None
    known: list[str] | None = None
    static: list[str] | None = None
    series: str | None = None
    wide: bool = False
    split: str | None = None
    season: int | None = None
    quantiles: str | None = None

    @property
    def asked(self) -> list[str]:
        """The flags that were given."""
        return [f"--{name}" for name, value in asdict(self).items() if _is_given(value)]

    def numbers(self, *, is_rest_said: bool = False) -> NumbersField:
        """As settings; `is_rest_said`: whether a config says what was not asked for.

        Raises:
            ConfigError: it is not said what to forecast, or how far.
        """
        from seqloom.numbers.plan import split_of
        from seqloom.settings import build

        if not (is_rest_said or self.forecast or self.wide):
            raise ConfigError(f"{self.asked[0]}: it is not said what to forecast. Add --forecast COLUMN, or --wide for a row a series.")
        if (int(is_rest_said) if self.horizon is None else self.horizon) < 1:
            got = "" if self.horizon is None else f" {self.horizon}"
            raise ConfigError(f"--horizon{got}: expected how many moments to forecast, as in --horizon 24.")
        values: dict[str, Any] = {
            "targets": column_names(self.forecast),
            "past": column_names(self.past),
            "known": column_names(self.known),
            "static": column_names(self.static),
            "split": split_of(self.split or ""),
            **{name: getattr(self, name) for name in ("series", "wide", "history", "horizon", "season")},
        }
        times = column_names(self.time)
        values["time"] = times[0] if len(times) == 1 else times
        given = {name: value for name, value in values.items() if _is_given(value)}
        return build({"fields": {"numbers": given}}, where="forecasting").fields.numbers


def _is_given(value: object) -> bool:
    """Whether a value was said, be it 0."""
    return not (value is None or value is False or value == [])


def holds_forecasts(run: Path) -> bool:
    """Whether a run is of numbers."""
    from seqloom.files import holds_numbers

    return holds_numbers(run / "fields.json")


def is_of_numbers(config: Path | None) -> bool:
    """Whether a config is one of a table of numbers."""
    from seqloom.config_file import load_config

    return config is not None and load_config(config).fields.numbers.horizon > 0


def is_of_table(run: Path) -> bool:
    """Whether a run of numbers is one of a table, not of pairs."""
    return is_of_numbers(run / "config.yaml")


def table_of(run: Path) -> str | None:
    """The table that a run was trained on, where it is a file."""
    from seqloom.config_file import load_config

    return next(iter(load_config(run / "config.yaml").data.train), None)


def train_forecasts(
    asked: Forecasting,
    files: list[str],
    folder: Path,
    watcher: Watcher,
    *,
    settings: Asked,
    config: Path | None = None,
    budget: str | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    started: float | None = None,
    example: Panel | None = None,
    parts: Sequence[str] | None = None,
) -> Finished:
    """Plan, say what was chosen, train, and say how good it is."""
    from seqloom.config_file import load_config
    from seqloom.numbers.plan import plan_forecast
    from seqloom.numbers.runs import start_numbers
    from seqloom.numbers.waves import write_waves
    from seqloom.planning.asked import parse_duration
    from seqloom.training.summary import number_introduction

    given = None if config is None else load_config(config)
    files = files or (list(given.data.train) if given else [])
    if example is None and len(files) != 1:
        raise ConfigError(f"PAIRS: {len(files)} files; expected one table to forecast from.")
    with watcher.phase("reading the table"):
        plan = plan_forecast(
            example or files[0],
            asked.numbers(is_rest_said=is_of_numbers(config)),
            config=given,
            settings=settings,
            quantiles=asked.quantiles or (),
            budget=None if budget is None else parse_duration(budget),
            seed=seed,
        )
    for line in number_introduction(plan, folder):
        watcher.say(line)
    finished = start_numbers(plan, folder, overwrite=overwrite, watcher=watcher, started=started)
    table = str(write_waves(example, folder)) if example is not None else files[0]
    for line in closing(finished, table, parts):
        watcher.say(line)
    return finished


def closing(finished: Finished, table: str | None, parts: Sequence[str] | None = None) -> list[str]:
    """The dev score, where the model is, and the commands to try on the table, where there is one."""
    from seqloom.training.summary import number_result

    run, lines = run_words(finished.run, parts), [*number_result(finished), "next:"]
    if finished.why == "interrupted":
        lines.append(f"  seqloom resume {run}")
    file = "" if table is None else shlex.quote(table)
    if not file:
        return [*lines, f"  seqloom evaluate {run}"]
    added = _rows_to_add(Path(finished.run), file)
    predict = f"  seqloom predict {run} --input {f'FILE  # {added}' if added else file}"
    return [*lines, f"  seqloom evaluate {run} {file}", predict, f"  seqloom report {run} {file}"]


def _rows_to_add(run: Path, file: str) -> str:
    """What FILE is, from which a model with columns known in advance can forecast, '' where the table of the run says all of it."""
    from seqloom.numbers.fields import NumberFields
    from seqloom.numbers.plan import known_ends
    from seqloom.numbers.windows import Windows

    fields = NumberFields.load(run / "fields.json")
    numbers, panel = fields.config.numbers, Windows.load(run / "dev", fields).panel
    if not numbers.known or (panel.starts[1:] - known_ends(panel, numbers) >= numbers.horizon).all():
        return ""
    rows = f"{numbers.horizon:,} rows more{' of each series' * (numbers.series is not None)}"
    return f"FILE is {file} with {rows}: {', '.join(numbers.known)} filled in, {', '.join(numbers.targets)} empty"


def evaluate_forecasts(
    run: Path,
    files: list[str],
    *,
    part: str | None = None,
    settings: Asked,
    device: str | None = None,
    as_json: bool = False,
    output: str | None = None,
) -> None:
    """Print the measures of the model beside those of the baselines, over rolling origins; `output`: where each forecast is written."""
    from seqloom.cli.backtest import write_backtest
    from seqloom.hardware import choose_device
    from seqloom.numbers.forecaster import load_forecaster
    from seqloom.numbers.scoreboard import better_without
    from seqloom.numbers.windows import Windows
    from seqloom.training.progress import value_text
    from seqloom.training.summary import columns

    _refuse_exported_numbers(run)
    if len(files) > 2:
        raise ConfigError(f"FILE: {len(files)} files; expected a table, and perhaps a second with what followed it.")
    begun, model = time.perf_counter(), load_forecaster(run, device=choose_device(device or "auto"))
    if not files:
        refuse_unread(settings, "the run's dev part is read already", "the table")
    model = filling(model, settings)
    table, truth, *_ = [*files, None, None]
    pairs = model.pairs(table, truth=truth, part=part)
    where = " then ".join(files) if files else "the run's dev part"
    about: dict[str, Any] = {pairs.noun: len(pairs), "data": files or None}
    if isinstance(pairs, Windows):
        where = f"{where}, {PARTS[pairs.part.name]}{pairs.since}"
        about |= {"part": pairs.part.name} if pairs.part.name else {}
        for note in [*pairs.panel.layout, *pairs.panel.notes(model.numbers), *model.doubts(pairs)] if table else []:
            say(f"note: {note}")
    elif output is not None:
        raise ConfigError(f"--output {output}: of no effect, the model says arrays of pairs. Leave it out; `seqloom predict` writes them.")
    board = model.scores(pairs)
    for note in better_without(board):
        say(f"note: {note}")
    if output is not None and isinstance(pairs, Windows):
        write_backtest(model, pairs, output, *files)
    names = list(dict.fromkeys(name for values in board.values() for name in values))
    rows = [
        ("", *names),
        *((who, *(value_text(name, values[name]) if name in values else "" for name in names)) for who, values in board.items()),
    ]
    with open_output(None) as out:
        if as_json:
            out.write(to_json({**about, **board}) + "\n")
            return
        seconds = time.perf_counter() - begun
        out.write("\n".join([f"{run} on {where}: {len(pairs):,} {pairs.noun}, {seconds:.0f} s", *columns(rows)]) + "\n")


def _refuse_exported_numbers(run: Path) -> None:
    """Raises a CheckpointError for an exported model of numbers, whose straight line and dev part are with its run alone."""
    from seqloom.manifest import looks_exported

    if looks_exported(run):
        raise CheckpointError(
            f"{run}: an exported model that says numbers; its measures need the run that it was made from. Give the folder that "
            "`seqloom train` wrote; card and manifest hold those on dev."
        )


PARTS = {"": "", "dev": "its dev part ", "test": "its test part ", "all": "all of it "}
"""What a part of a table is called."""
RULES = ("fields.numbers.gaps", "fields.numbers.missing", "data.header")
"""What may be set anew of a trained model."""


def filling(model: _Model, settings: Asked) -> _Model:
    """The model with the rules for gaps, empty cells and the first line that are asked for with --set.

    Raises:
        ConfigError: another setting, or a model of pairs.
    """
    for name in settings:
        if not model.numbers.horizon or name not in RULES:
            expected = (
                "expected fields.numbers.gaps, fields.numbers.missing or data.header" if model.numbers.horizon else "it reads no table"
            )
            raise ConfigError(f"--set {name}: of no effect, the model is trained; {expected}. Leave it out.")
    return model.following(settings) if settings else model


def _open(run: Path, device: str | None) -> NumberAnswerer:
    """The model of a run, or an exported one, for which torch is not imported."""
    from seqloom.manifest import looks_exported

    if looks_exported(run):
        from seqloom.numbers.runtime import NumberPredictor

        refuse_device(device)
        return NumberPredictor.load(run)
    from seqloom.loading import refuse_unreadable

    refuse_unreadable(run)
    from seqloom.hardware import choose_device
    from seqloom.numbers.forecaster import load_forecaster

    return load_forecaster(run, device=choose_device(device or "auto"))


def predict_numbers(
    run: Path,
    texts: list[str] | None,
    file: str | None,
    *,
    quantiles: str | None = None,
    settings: Asked,
    output: str | None = None,
    device: str | None = None,
    as_json: bool = False,
) -> None:
    """Write what a model of a table, or of pairs, says."""
    model = filling(_open(run, device), settings)
    write = _write_forecasts if model.numbers.horizon else predict_arrays
    write(model, texts, file, quantiles=quantiles, output=output, as_json=as_json)


def _write_forecasts(
    model: NumberAnswerer, texts: list[str] | None, file: str | None, *, quantiles: str | None, output: str | None, as_json: bool
) -> None:
    """Write a line for each number: series, time, column, quantile, value, in the format that the name of --output says. The table is named
    by itself or with --input, or is piped in.
    """
    format = format_asked(output, {name: f".{name}" for name in _WRITERS}) or "tsv"
    if as_json and format == "parquet":
        raise ConfigError(f"--json: {output} would be Parquet by its name; expected one of both. Leave --json out, or name another file.")
    given = [*(texts or []), *([file] if file is not None else [])]
    if not given and sys.stdin.isatty():
        raise ConfigError("--input: expected the table whose future is forecast. Give it with --input FILE.")
    given = given or ["-"]
    if len(given) > 1:
        raise ConfigError(f"TEXT, --input: {len(given)} tables; expected one to forecast from. Leave the others out.")
    panel = model.panel(given[0])
    for note in model.notes(panel):
        say(f"note: {note}")
    forecast = model.forecast_lines(panel, quantiles)
    first = list(islice(forecast, 1))  # what is wrong is said before anything is written
    with open_output(output, *given) as out:
        _WRITERS["jsonl" if as_json else format](out, chain(first, forecast))
    if panel.brought_to_utc:
        say("note: times are in UTC, to which those of the table were brought by their offsets")


def _write_tsv(out: TextIO, lines: Iterable[Said]) -> None:
    out.write("\t".join(COLUMNS) + "\n")
    for said in lines:
        out.write("\t".join(map(escape, _cells(said))) + "\n")


def _write_csv(out: TextIO, lines: Iterable[Said]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, lines))


def _cells(said: Said) -> list[str]:
    level = "" if said.quantile is None else f"{said.quantile:g}"
    return [said.series, said.time, said.column, level, figures(said.value)]


def _write_json(out: TextIO, lines: Iterable[Said]) -> None:
    out.writelines(to_json(said._asdict()) + "\n" for said in lines)


def _write_parquet(out: TextIO, lines: Iterable[Said]) -> None:
    import pyarrow.parquet  # pyright: ignore

    arrow, content = cast(Any, pyarrow), io.BytesIO()
    schema = arrow.schema([(name, arrow.float64() if name in ("quantile", "value") else arrow.string()) for name in COLUMNS])
    arrow.parquet.write_table(arrow.Table.from_arrays([*map(arrow.array, zip(*lines, strict=True), schema.types)], schema=schema), content)
    out.buffer.write(content.getvalue())


_WRITERS = {"tsv": _write_tsv, "csv": _write_csv, "jsonl": _write_json, "parquet": _write_parquet}
"""By format."""


def figures(value: float) -> str:
    """A number with seven digits, and with two decimals at the least as far as a float64 has them: a high level hides no change."""
    return f"{value:.{min(max(7, len(str(int(abs(value)))) + 2), 17)}g}"
