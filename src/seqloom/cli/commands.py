"""What becomes of an exception on the command line: one line on stderr and an exit code, or the traceback with --debug."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from dataclasses import dataclass
from typing import Any

from typer import Abort, Exit
from typer.core import TyperGroup

from seqloom.errors import SeqloomError

__all__ = ["Commands", "Session"]

EXTRAS = {
    **dict.fromkeys(("torch", "safetensors", "sacrebleu", "rouge_score", "rapidfuzz"), "train"),
    **dict.fromkeys(("pyarrow",), "parquet"),
    **dict.fromkeys(("tensorboard",), "tensorboard"),
}
"""Module to the extra that brings it."""


@dataclass(frozen=True)
class Session:
    """What all commands know."""

    started: float
    """`time.perf_counter()` at the begin of the process, from which a budget counts."""
    debug: bool = False


class Commands(TyperGroup):
    """The commands, with one place for what goes wrong in any of them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            Exit: with 2 for what a user can mend, 1 for what nobody foresaw, 130 for Ctrl-C, 0 when the reader of a pipe has gone.
        """
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError, SeqloomError, ModuleNotFoundError, OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, (Exit, Abort)) or ctx.params.get("debug"):
                raise
            raise Exit(_explain(error)) from None
        except Exception as error:
            if ctx.params.get("debug") or type(error).__module__.startswith(("typer", "click")):
                raise
            raise Exit(_explain(error)) from None


def _explain(error: BaseException) -> int:
    """The exit code, after the line that says what happened."""
    if isinstance(error, BrokenPipeError):
        _drop_stdout()
        return 0
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted")
        return 130
    if isinstance(error, SeqloomError):
        _say(f"error: {_one_line(error)}")
        return 2
    if isinstance(error, ModuleNotFoundError) and (name := (error.name or "").partition(".")[0]) in EXTRAS:
        _say(f"error: {name} is not installed, and this command needs it. Install it with: pip install 'seqloom[{EXTRAS[name]}]'")
        return 2
    again = shlex.join(["seqloom", "--debug", *sys.argv[1:]])
    if isinstance(error, MemoryError):
        _say(f"error: not enough memory ({_one_line(error)}). Try --set training.batch.size=1024, or a smaller model. Traceback: {again}")
    else:
        _say(f"error: {type(error).__name__}: {_one_line(error)}. Nobody foresaw this. Traceback: {again}")
    return 1


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
