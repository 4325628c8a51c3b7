"""Where results go and how they are written: one line each, in UTF-8, a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import shlex
import signal
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from seqloom.errors import ConfigError
from seqloom.files import draft_of

if TYPE_CHECKING:
    from seqloom.data.lines import Arriving

__all__ = ["escape", "format_asked", "one_line", "open_output", "run_words", "say", "say_note", "says_json", "standard_input", "to_json"]


def run_words(run: str, parts: Sequence[str] | None) -> str:
    """A run as it stands in a command to try, with the files of the parts that it was trained with."""
    return " ".join([shlex.quote(run), *(f"--parts {shlex.quote(file)}" for file in parts or [])])


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_note(text: str) -> None:
    """Print what is worth knowing; what is a warning says so itself."""
    say(text if text.startswith("warning: ") else f"note: {text}")


def standard_input(texts: list[str] | None, file: str | None) -> Arriving | None:
    """What reads standard input where the sources to predict from stand there: there are no texts, or `-` alone, and no other file."""
    from seqloom.data.lines import Arriving

    if file not in (None, "-") or (texts and (texts != ["-"] or file is not None)):
        return None
    stdin = Arriving()
    if sys.stdin.isatty():
        say("reading sources from the keyboard: one a line, Ctrl-D ends")
    return stdin


def format_asked(output: str | None, ways: Mapping[str, str]) -> str | None:
    """The format that the name of --output says, None where it says none.

    Args:
        ways: the formats that answers are written in, with their words.

    Raises:
        ConfigError: it says another.
    """
    from seqloom.files import format_of_name

    name = (output or "").lower().removesuffix(".gz")
    format = format_of_name(output or "") or ("json" if name.endswith(".json") else None)
    if format is None or format in ways:
        return format
    *others, last = ways.values()
    raise ConfigError(
        f"--output {output}: answers are not written as {format}; expected {', '.join(others)}, or {last}. Name another file."
    )


def says_json(output: str | None, ways: Mapping[str, str], *, as_json: bool) -> bool:
    """Whether answers are written as JSON Lines, which the name of --output says as --json does.

    Raises:
        ConfigError: the name says a format that answers are not written in.
    """
    return as_json or format_asked(output, ways) == "jsonl"


@contextlib.contextmanager
def open_output(path: str | None, *read: str | None) -> Generator[TextIO]:
    """A stream for results in UTF-8: standard output, or a file, packed where its name ends in .gz, that is put in place only when all
    went well. What is no file (a device, a pipe), or is open already (/dev/stdout), is written as it is.

    Args:
        read: the files from which the results are made.

    Raises:
        ConfigError: the file cannot be written, or not to its end, or is one of those that are read.
    """
    if path is None or path == "-":
        if not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
        yield sys.stdout
        sys.stdout.flush()
        return
    if (taken := next((name for name in read if name is not None and _is_file(Path(path), name)), None)) is not None:
        what = "the file that is read" if taken == path else f"the same file as {taken}, which is read"
        raise ConfigError(f"--output {path}: {what}, and would be replaced; expected another. Name one.")
    with _unwinds_when_told_to_end(), _written(path) as stream:
        yield stream


@contextlib.contextmanager
def _written(path: str) -> Generator[TextIO]:
    """A draft of the file, put in its place at the end; of a link that of its target. What is open already or no file is written as it is.

    Raises:
        ConfigError: it cannot be written, or not to its end.
    """
    final = Path(os.path.realpath(path))
    is_open, is_drafted = _leads_to_open(Path(path)), os.path.isfile(final) or not os.path.exists(final)
    draft = draft_of(final) if is_drafted and not is_open else None
    try:
        file = draft.open("xb") if draft else open(path, "ab" if is_open else "wb")  # noqa: SIM115
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written ({error.strerror}). Name another file.") from None
    try:
        with _as_text(file, packed=path.endswith(".gz")) as stream:
            yield stream
        if draft:
            draft.replace(final)
    except OSError as error:
        if error.filename is None and error.errno in _CUT_SHORT:
            raise ConfigError(f"--output {path}: {_CUT_SHORT[error.errno]}, and run this again.") from None
        raise
    finally:
        if draft:
            draft.unlink(missing_ok=True)


_FULL = "no space left on the disk. Free some space"
_CUT_SHORT = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "cannot be written (File too large). Files may not be so large here: raise the limit (`ulimit -f unlimited`)",
}
"""What ends a file before its end, and what to do."""


@contextlib.contextmanager
def _as_text(file: BinaryIO, *, packed: bool) -> Generator[TextIO]:
    """Text in UTF-8 into an open file, which is closed; packed without name and time, so that the same answers are the same bytes."""
    with file:
        inner = file
        if packed:
            import gzip  # which most results do without

            inner = cast("BinaryIO", gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0))
        with io.TextIOWrapper(inner, encoding="utf-8", errors="replace", newline="\n") as stream:
            yield stream


def _leads_to_open(path: Path) -> bool:
    """Whether a path is, be it through links, a file that a process has open already, as /dev/stdout is: what stands there stays."""
    for _ in range(_LINKS):
        folder = os.path.realpath(path.parent)
        if folder == "/dev/fd" or folder.startswith("/proc/"):
            return True
        if not path.is_symlink():
            return False
        path = Path(folder, os.readlink(path))
    return False


_LINKS = 40
"""From one to the next, as many as Linux follows."""


@contextlib.contextmanager
def _unwinds_when_told_to_end() -> Generator[None]:
    """SIGTERM ends the program as an exception does, so that no draft is left; where nobody else asked to hear of it."""
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _is_file(path: Path, name: str) -> bool:
    """Whether both are one file, be it through links; a device or a pipe may well be read and written."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file() and path.samefile(name)
    return False


def one_line(text: str) -> str:
    """The text with a blank for each end of a line, so that it takes one line and every mark in it is its own."""
    return text if text.isprintable() else " ".join(text.splitlines())


def escape(text: str) -> str:
    """The text as one cell of a TSV line: \\t, \\n, \\r and \\\\ stand for the characters."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def to_json(value: Any) -> str:
    """One line of JSON; what is not a finite number is null, which every reader of JSON knows."""
    return json.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
