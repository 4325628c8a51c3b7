"""Commands as typer runs them: their help, and what becomes of an exception: one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import shlex
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from typer import Abort, Exit
from typer.core import TyperCommand, TyperGroup

from seqloom.errors import SeqloomError
from seqloom.files import says_full
from seqloom.installed import EXTRAS, say_missing

__all__ = ["Command", "Commands", "Session"]


@dataclass(frozen=True)
class Session:
    """What all commands know."""

    started: float
    """`time.perf_counter()` at the begin of the process, from which a budget counts."""
    debug: bool = False


class Command(TyperCommand):
    """A command whose help leaves out the Python types of arguments, and how far lines of its docstring are indented."""

    def __init__(self, *arguments: Any, help: str | None = None, **more: Any) -> None:
        super().__init__(*arguments, help=None if help is None else re.sub(r"\n[ ]+", "\n", inspect.cleandoc(help)), **more)

    def get_params(self, ctx: Any) -> Any:
        """The parameters; typer would print `[TEXT]... <list[str]>` for one of them."""
        params = super().get_params(ctx)
        for param in params:
            if param.param_type_name == "argument":
                setattr(param, "display_type_rich", _nothing)  # noqa: B010
        return params


class Commands(TyperGroup):
    """The commands, with one place for what goes wrong in any of them."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            Exit: with 2 for what a user can mend, 1 for what nobody foresaw, 130 for Ctrl-C, 0 when the reader of a pipe has gone.
        """
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, (Exit, Abort)) or hasattr(error, "format_message"):  # typer's own, which it prints itself
                raise
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            raise Exit(_explain(error)) from None


def _nothing(*, ctx: Any) -> None:
    return None


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
        _say(f"error: {say_missing(name, 'this command', EXTRAS[name])}")
        return 2
    if isinstance(error, OSError) and says_full(error):
        _say(f"error: {error.filename or 'output'}: no space left on the disk. Free some space, and run this again.")
        return 2
    if (place := _in_parts(error)) and not isinstance(error, MemoryError) and not _tells_of_memory(error):
        debug = shlex.join(["seqloom", "--debug", *sys.argv[1:]])
        _say(f"error: --parts: {place}: {type(error).__name__}: {_one_line(error).rstrip('.')}. Mend it; `{debug}` shows the way there.")
        return 2
    if isinstance(error, MemoryError) or _tells_of_memory(error):
        what = f"not enough memory ({_one_line(error)}). Try a smaller training.batch.size or model.embedding"
    else:
        what = f"{type(error).__name__}: {_one_line(error)}. This was not foreseen"
    _say(f"error: {what}; `{shlex.join(['seqloom', '--debug', *sys.argv[1:]])}` shows where it happened.")
    return 1


def _in_parts(error: BaseException) -> str:
    """The innermost place in a file of --parts at which an error came about, such as gated.py:7; '' where none did."""
    loaded = [vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
    files = {names["__file__"] for names in loaded if names.get("__seqloom_parts__")}
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    places = [f"{os.path.basename(file)}:{line}" for file, line in lines if file in files]
    return places[-1] if places else ""


def _tells_of_memory(error: BaseException) -> bool:
    """Whether this is how torch, which may not be there, says that a processor or a GPU has too little of it."""
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _say(text: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
