"""`seqloom report`: pictures of what a model does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqloom.cli import options
from seqloom.cli.choosing import refuse_exported
from seqloom.cli.forecasting import holds_forecasts
from seqloom.errors import ConfigError

__all__ = ["report"]


def report(
    run: options.Run,
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", show_default=False, help="The table to forecast from. [default: the run's dev part]")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="NAME", show_default=False, help="dev or test of the split, or all.")
    ] = None,
    count: Annotated[int, typer.Option("--windows", metavar="N", help="Windows that are drawn.")] = 6,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", show_default=False, help="The PNG. [default: RUN/forecasts.png]")
    ] = None,
    parts: options.Parts = None,
) -> None:
    """Draw history, truth, forecast and interval of some windows of a model that forecasts."""
    if not holds_forecasts(run):
        raise ConfigError(f"{run}: not a model that forecasts; expected one trained with --forecast or --wide. Use `seqloom evaluate`.")
    refuse_exported(run)
    from seqloom.numbers.forecaster import load_forecaster
    from seqloom.report import draw_forecasts

    model, path = load_forecaster(run), output or run / "forecasts.png"
    if not model.numbers.horizon:
        raise ConfigError(f"{run}: a model of arrays; expected one of a table, whose history can be drawn.")
    drawn = draw_forecasts(model.network, model.windows(table, part=part), model.config.model.head, path, count=count)
    typer.echo(f"{path}: {drawn} windows")
