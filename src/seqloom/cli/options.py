"""The options that several commands share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqloom.version import __version__

__all__ = [
    "Budget", "Config", "Debug", "Dev", "Device", "Example", "From", "Json", "Members", "NewDevice", "NewThreads", "Pairs", "Parts",
    "Quiet", "Run", "SearchSettings", "Seed", "Settings", "SkipBad", "Source", "Target", "TensorBoard", "Version",
]  # fmt: skip


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seqloom {__version__}")
        raise typer.Exit


def _load_parts(context: typer.Context, files: list[str] | None) -> list[str] | None:
    """Runs the files, before the command does anything."""
    if files and not context.resilient_parsing:
        from seqloom.parts import load_parts

        for file in files:
            load_parts(file)
    return files


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; stands before the command.")]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `seqloom train` wrote.")]
Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PAIRS",
        show_default=False,
        help="One file of pairs (TSV, CSV, JSON Lines, Parquet) or two parallel text files, plain or .gz; - is standard input.",
    ),
]
Dev = Annotated[
    list[str] | None,
    typer.Option(
        "--dev", metavar="FILE", show_default=False, help="Held-out pairs; twice for two parallel files. Without, train holds some out."
    ),
]
Source = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="COL[,COL]",
        show_default=False,
        help="Source columns, by name or by number from 1; several are joined. [default: found]",
    ),
]
Target = Annotated[
    str | None, typer.Option("--target", metavar="COL", show_default=False, help="Target column, by name or number. [default: found]")
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="TIME", show_default=False, help="Wall time for the whole command, as in 90s, 15m, 1h30m. [default: chosen]"
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="RUN",
        show_default=False,
        help="Begin with the symbols and the network of this run: adapt it to other pairs, or go on learning.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", show_default=False, help="Follow this config (YAML, as `seqloom config` prints it); choose nothing."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", show_default=False, help="Change a setting of the config, as in model.dropout=0.2; may be repeated."
    ),
]
SearchSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        show_default=False,
        help="Change a setting of the search, as in search.beam=3, or of a model of a table fields.numbers.gaps or "
        "fields.numbers.missing, or say with data.header whether line 1 of FILE names the columns; may be repeated.",
    ),
]
HeaderSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", show_default=False, help="data.header=true or false: whether line 1 of FILE names the columns."
    ),
]
Example = Annotated[
    str | None,
    typer.Option(
        "--example",
        metavar="NAME",
        show_default=False,
        help="Train on pairs that the program makes: reverse, dates or numbers; or on waves, a table.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", show_default=False, help="Of everything that is drawn. [default: 1]")]
Members = Annotated[
    int | None,
    typer.Option(
        "--members",
        metavar="N",
        show_default=False,
        help="Train N networks that differ by their seed, one after the other; they answer and export as one. [default: 1]",
    ),
]
Device = Annotated[
    str | None, typer.Option("--device", metavar="NAME", show_default=False, help="cpu, cuda, cuda:1, mps. [default: found]")
]
NewDevice = Annotated[
    str | None, typer.Option("--device", metavar="NAME", show_default=False, help="cpu, cuda, cuda:1, mps, auto. [default: the run's]")
]
NewThreads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, show_default=False, help="Processor threads. [default: the run's]")
]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--parts",
        metavar="FILE",
        show_default=False,
        callback=_load_parts,
        help="Run this Python file, which brings kinds of attention, encoder or decoder of your own; may be repeated.",
    ),
]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard files into RUN/tensorboard.")]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Go on without rows that lack a side or are too long, and sounds that cannot be used; count them."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors and warnings only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
