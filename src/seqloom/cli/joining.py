"""`seqloom join`: finished runs as one whose networks answer together."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqloom.cli import options
from seqloom.cli.output import run_words

if TYPE_CHECKING:
    from seqloom.checkpoint import RunDirectory

__all__ = ["join"]

Runs = Annotated[list[Path], typer.Argument(metavar="RUN", show_default=False, help="Two or more finished runs, with the same symbols.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Folder for the joined run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a run that is in the folder already; what no run wrote stays.")]


def join(runs: Runs, out: Out, overwrite: Overwrite = False, parts: options.Parts = None, quiet: options.Quiet = False) -> None:
    """Make one run of finished ones, whose networks answer as one.

    At each position of an answer the mean of their probabilities counts, as with `seqloom train --members`; kinds and sizes of the networks
    may differ. The runs must know the same symbols: train them on the same pairs with the same --dev. DIR holds copies, so the runs are
    needed no more. Nothing is measured: `seqloom evaluate DIR` does.
    """
    from seqloom.manifest import refuse_joining

    for run in runs:
        refuse_joining(run)
    from seqloom.training.joining import join as write
    from seqloom.training.progress import Lines, Warnings

    watcher = Warnings() if quiet else Lines()
    joined = write(runs, out, overwrite=overwrite, watcher=watcher)
    if not quiet:
        for line in ("next:", f"  {_evaluation(joined, parts)}"):
            watcher.say(line)


def _evaluation(run: RunDirectory, parts: Sequence[str] | None) -> str:
    """The command that measures it: on the dev files of the first, where they are to be found and dev pairs of all, or on the pairs that it
    keeps; where it has none that were dev pairs of all, on others.
    """
    from seqloom.config_file import load_config

    command = f"seqloom evaluate {run_words(str(run.path), parts)}"
    if run.read_about()["warnings"]:
        return f"{command} PAIRS"
    files = load_config(run.config).data.dev or []
    are_kept = len(run.read_dev()) == len(run.member(1).read_dev()) and all(Path(file).is_file() for file in files)
    return " ".join([command, *map(shlex.quote, files if are_kept else [])])
