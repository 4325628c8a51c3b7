"""`seqloom train` and `seqloom resume`: from the options to a model, with what a person wants to read on the way."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqloom.cli import forecasting, options
from seqloom.cli.arrays import closing, train_arrays
from seqloom.cli.choosing import Choosing, refuse_exported, refuse_idle
from seqloom.cli.output import run_words

if TYPE_CHECKING:
    from seqloom.data.rows import Row
    from seqloom.examples import ExampleData
    from seqloom.planning.plan import Plan
    from seqloom.training.events import Finished, Watcher

__all__ = ["resume", "train"]

SHOWN = 200
"""Characters of a source that is shown as one to try."""

Out = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", show_default=False, help="Folder for the model. [default: runs/ and the name of the file]"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a run that is in the folder already; what no run wrote stays.")]


def train(
    context: typer.Context,
    pairs: options.Pairs = None,
    dev: options.Dev = None,
    source: options.Source = None,
    target: options.Target = None,
    out: Out = None,
    budget: options.Budget = None,
    config: options.Config = None,
    settings: options.Settings = None,
    parts: options.Parts = None,
    example: options.Example = None,
    seed: options.Seed = None,
    device: options.Device = None,
    members: options.Members = None,
    start_from: options.From = None,
    overwrite: Overwrite = False,
    skip_bad: options.SkipBad = False,
    tensorboard: options.TensorBoard = False,
    quiet: options.Quiet = False,
    forecast: forecasting.Forecast = None,
    time: forecasting.Time = None,
    history: forecasting.History = None,
    horizon: forecasting.Horizon = None,
    past: forecasting.Past = None,
    known: forecasting.Known = None,
    static: forecasting.Static = None,
    series: forecasting.Series = None,
    wide: forecasting.Wide = False,
    split: forecasting.Split = None,
    season: forecasting.Season = None,
    quantiles: forecasting.Quantiles = None,
) -> None:
    """Train a model on pairs, with no flags needed.

    Tokenisation, model and training are chosen from the data, and every choice is explained. PAIRS is one file, or two parallel text
    files, of texts, sounds or lists of numbers; or, with --forecast and --horizon, one table of numbers over time. Ctrl-C ends the
    training early and leaves a usable model; `seqloom resume` goes on with it.
    """
    from seqloom.installed import BEHIND_A_RUN, TRAINING, require
    from seqloom.settings import read_settings
    from seqloom.training.summary import introduction

    asked = forecasting.Forecasting(forecast, time, history, horizon, past, known, static, series, wide, split, season, quantiles)
    of_table = asked.asked or example == "waves" or forecasting.is_of_numbers(config)
    require(BEHIND_A_RUN if of_table else TRAINING)
    laid_over = read_settings(settings or []) | ({"data.skip_bad": True} if skip_bad else {})
    choosing = Choosing(pairs, dev, source, target, budget, config, laid_over, example, seed, device, members, start_from, parts)
    choosing.check()
    folder = Path(out or _default_out(choosing))
    with _claimed(folder, overwrite, parts or []), _watching(tensorboard=tensorboard, quiet=quiet) as watcher:
        if of_table:
            refuse_idle(context, ("dev", "source", "target", "skip_bad", "members", "start_from"), "numbers are forecast")
            _train_forecasts(asked, choosing, folder, watcher, overwrite, context.obj.started)
            return
        with watcher.phase("reading the pairs"):
            numbers = choosing.number_plan()
        if numbers is not None:
            refuse_idle(context, ("skip_bad", "members", "start_from"), "the targets are numbers")
            ended = train_arrays(numbers, folder, watcher, overwrite=overwrite, started=context.obj.started, parts=parts)
            if ended.why == "interrupted":
                raise typer.Exit(130)
            return
        made = choosing.example_data()
        with watcher.phase("reading the pairs"):
            plan = _with_files(choosing.plan(made), made, folder)
        for line in introduction(plan, folder):
            watcher.say(line)
        finished = _start(plan, folder, overwrite, watcher, made, context.obj.started)
        _end(watcher, finished, plan.dev, folder, parts)


@contextlib.contextmanager
def _claimed(folder: Path, overwrite: bool, parts: Sequence[str]) -> Generator[None]:
    """Keeps the folder of a run for this process, before any data is read.

    Raises:
        CheckpointError: another training writes there, or what is there may not be replaced.
    """
    from seqloom.checkpoint import RunDirectory

    run = RunDirectory(folder)
    with run.reserved(overwrite=overwrite):
        for file in parts:
            run.refuse_replacing(f"--parts {file}", file)
        yield


def _train_forecasts(
    asked: forecasting.Forecasting, choosing: Choosing, folder: Path, watcher: Watcher, overwrite: bool, started: float
) -> None:
    """Where numbers over time are forecast."""
    from seqloom.numbers.waves import WAVES, waves
    from seqloom.planning.asked import as_settings
    from seqloom.settings import together

    example = waves() if choosing.example == WAVES else None
    if example is not None and not asked.forecast:
        asked = replace(
            asked, time=["time"], forecast=["load"], past=["warmth"], horizon=asked.horizon or 24, split=asked.split or "0.7/0.1/0.2"
        )
    finished = forecasting.train_forecasts(
        asked,
        choosing.pairs or [],
        folder,
        watcher,
        config=choosing.config,
        settings=together(choosing.settings, as_settings(device=choosing.device or None)),
        budget=choosing.budget,
        seed=choosing.seed,
        overwrite=overwrite,
        started=started,
        example=example,
        parts=choosing.parts,
    )
    if finished.why == "interrupted":
        raise typer.Exit(130)


def resume(
    context: typer.Context,
    run: options.Run,
    device: options.NewDevice = None,
    threads: options.NewThreads = None,
    parts: options.Parts = None,
    tensorboard: options.TensorBoard = False,
    quiet: options.Quiet = False,
) -> None:
    """Go on with a run that was stopped or killed.

    It ends with the same model as if it had not been stopped. On another device or with other threads, sums are rounded otherwise, and
    the model is nearly the same.
    """
    refuse_exported(run)
    from seqloom.checkpoint import RunDirectory
    from seqloom.training.runs import resume as go_on

    with _watching(tensorboard=tensorboard, quiet=quiet) as watcher:
        finished = go_on(run, device=device, threads=threads, watcher=watcher, started=context.obj.started)
        if forecasting.holds_forecasts(run):
            is_of_table = forecasting.is_of_table(run)
            for line in forecasting.closing(finished, forecasting.table_of(run), parts) if is_of_table else closing(finished, parts):
                watcher.say(line)
            if finished.why == "interrupted":
                raise typer.Exit(130)
            return
        _end(watcher, finished, RunDirectory(run).read_dev(), run, parts)


def _end(watcher: Watcher, finished: Finished, dev: Sequence[Row], folder: Path, parts: list[str] | None) -> None:
    from seqloom.checkpoint import RunDirectory
    from seqloom.config_file import load_config
    from seqloom.fields.pieces import marks_of, whole

    test, marks = folder / "test.tsv", marks_of(load_config(RunDirectory(folder).config).fields)
    for line in _closing(finished, [whole(row, marks) for row in dev], test if test.is_file() else None, parts):
        watcher.say(line)
    if finished.why == "interrupted":
        raise typer.Exit(130)


def _default_out(choosing: Choosing) -> str:
    """runs/ and what the data is called: `data/train.de.gz` → `runs/train`."""
    first = choosing.example or (choosing.pairs or [str(choosing.config)])[0]
    name = "stdin" if first == "-" else Path(first).name
    if name.endswith(".gz"):
        name = name[:-3]
    return str(Path("runs") / (Path(name).stem or "model"))


def _with_files(plan: Plan, made: ExampleData | None, folder: Path) -> Plan:
    """The plan with a config that names the files into which an example is written, so that its run can be read like any other."""
    if made is None:
        return plan
    names = {"train": [str(folder / "train.tsv")], "dev": [str(folder / "dev.tsv")]}
    found = {"format": "tsv", "delimiter": "\t", "header": False, "source": [1], "target": 2}
    return replace(plan, config=plan.config.model_copy(update={"data": plan.config.data.model_copy(update={**names, **found})}))


def _start(plan: Plan, folder: Path, overwrite: bool, watcher: Watcher, made: ExampleData | None, started: float) -> Finished:
    from seqloom.examples import write
    from seqloom.training.events import Silence, Started
    from seqloom.training.progress import Several
    from seqloom.training.runs import start

    class ExampleFiles(Silence):
        """Writes train.tsv, dev.tsv and test.tsv as soon as the run directory is there, so that they are there after Ctrl-C too."""

        def started(self, event: Started) -> None:
            if made is not None:
                write(made, folder)

    return start(plan, folder, overwrite=overwrite, watcher=Several([ExampleFiles(), watcher]), started=started)


@contextlib.contextmanager
def _watching(*, tensorboard: bool = False, quiet: bool = False) -> Generator[Watcher]:
    """The watcher that fits where the output goes: a screen on a terminal, lines elsewhere, only warnings when quiet.

    Raises:
        ConfigError: TensorBoard is asked for and not installed.
    """
    from seqloom.training.progress import Lines, Screen, Several, Warnings

    with contextlib.ExitStack() as stack:
        watchers: list[Watcher] = []
        if tensorboard:
            from seqloom.training.tensorboard import TensorBoard

            watchers.append(stack.enter_context(contextlib.closing(TensorBoard())))
        if quiet:
            watchers.append(Warnings())
        elif sys.stdout.isatty():
            watchers.append(stack.enter_context(contextlib.closing(Screen())))
        else:
            watchers.append(Lines())
        yield Several(watchers)


# ----------------------------------------------------------------------------------------------------- what is printed


def _closing(finished: Finished, dev: Sequence[Row], test: Path | None, parts: Sequence[str] | None) -> list[str]:
    """The dev score, where the model is, and the commands to try."""
    from seqloom.training.summary import argument, result

    run = run_words(finished.run, parts)
    lines = [*result(finished), "next:"]
    if finished.why == "interrupted":
        lines.append(f"  seqloom resume {run}")
    lines.append(f"  seqloom evaluate {run} {shlex.quote(str(test)) if test else 'TEST_PAIRS'}")
    sources = ["\t".join(row.source) for row in dev if any(row.source)]
    if sources:
        short = next((source for source in sources if len(source) <= SHOWN), None)
        lines.append(f"  seqloom predict {run} " + ("TEXT" if short is None else argument(short)))
    return lines
