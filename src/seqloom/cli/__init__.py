"""The command line: `main` runs a command, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence

import typer

from seqloom.cli.choosing import config, inspect
from seqloom.cli.commands import Command, Commands, Session
from seqloom.cli.evaluating import evaluate
from seqloom.cli.exporting import export
from seqloom.cli.joining import join
from seqloom.cli.options import Debug, Version
from seqloom.cli.predicting import predict, score
from seqloom.cli.reporting import report
from seqloom.cli.serving import serve
from seqloom.cli.training import resume, train
from seqloom.threads import let_waiting_threads_sleep

__all__ = ["LASTING", "app", "main"]

LASTING = 100_000
"""So many objects come before Python looks for cycles among them. It does for each 700, which took a tenth of the time to the first update:
what is read lasts, and an update leaves no cycle behind.
"""

app = typer.Typer(
    name="seqloom",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    rich_markup_mode=None,  # help in plain letters: rich alone would take half of the time that help takes
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


@app.callback(epilog="First steps: `seqloom train PAIRS.tsv`, or `seqloom train --example dates`. More: `seqloom train --help`.")
def before(context: typer.Context, version: Version = False, debug: Debug = False) -> None:
    """Sequence-to-sequence models from a file of pairs: one sequence in, another out."""
    context.obj = Session(context.obj.started if isinstance(context.obj, Session) else time.perf_counter(), debug)


for _run in (train, resume, join, evaluate, predict, score, report, export, serve, inspect, config):
    app.command(cls=Command)(_run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in `arguments`, or in those of the process, and exit.

    Exit codes: 0, 1 for what nobody foresaw, 2 for what a user can mend, 130 after Ctrl-C.
    """
    started = time.perf_counter()
    let_waiting_threads_sleep()
    gc.set_threshold(LASTING)
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show must not end a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    app(args=None if arguments is None else list(arguments), prog_name="seqloom", obj=Session(started))
