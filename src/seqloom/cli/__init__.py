"""The command line: `main` runs a command, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import typer

from seqloom.cli.choosing import config, inspect
from seqloom.cli.errors import Commands, Session
from seqloom.cli.evaluating import evaluate
from seqloom.cli.options import Debug, Version
from seqloom.cli.predicting import predict, score
from seqloom.cli.training import resume, train

__all__ = ["app", "main"]

app = typer.Typer(
    name="seqloom",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,  # help in plain letters: rich alone would take half of the time that help takes
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


@app.callback(epilog="First steps: seqloom train PAIRS.tsv, or seqloom train --example dates. More about a command: seqloom train --help.")
def before(context: typer.Context, version: Version = False, debug: Debug = False) -> None:
    """Sequence-to-sequence models from a file of pairs: one sequence in, another out."""
    context.obj = Session(context.obj.started if isinstance(context.obj, Session) else time.perf_counter(), debug)


for _command in (train, resume, evaluate, predict, score, inspect, config):
    app.command()(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in `arguments`, or in those of the process, and exit: 0, 1 for a fault of ours, 2 for one to mend, 130 for Ctrl-C."""
    started = time.perf_counter()
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show must not end a run
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    app(args=None if arguments is None else list(arguments), prog_name="seqloom", obj=Session(started))
