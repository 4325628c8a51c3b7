"""Where results go and how they are written: one line each, in UTF-8, a file whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from seqloom.errors import ConfigError

if TYPE_CHECKING:
    from seqloom.lines import Arriving

__all__ = ["escape", "format_asked", "one_line", "open_output", "run_words", "say", "says_json", "standard_input", "to_json"]


def run_words(run: str, parts: Sequence[str] | None) -> str:
    """A run as it stands in a command to try, with the files of the parts that it was trained with."""
    return " ".join([shlex.quote(run), *(f"--parts {shlex.quote(file)}" for file in parts or [])])


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def standard_input(texts: list[str] | None, file: str | None) -> Arriving | None:
    """What reads standard input where the sources to predict from stand there: there are no texts, or `-` alone, and no other file."""
    from seqloom.lines import Arriving

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
    went well.

    Args:
        read: the files from which the results are made.

    Raises:
        ConfigError: the file cannot be written, or is one of those that are read.
    """
    if path is None or path == "-":
        if not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
        yield sys.stdout
        sys.stdout.flush()
        return
    final = Path(path)
    if (taken := next((name for name in read if name is not None and _is_file(final, name)), None)) is not None:
        what = "the file that is read" if taken == path else f"the same file as {taken}, which is read"
        raise ConfigError(f"--output {path}: {what}, and would be replaced; expected another. Name one.")
    draft = final.with_name(f"{final.name}.part") if final.is_file() or not final.exists() else final  # /dev/null, a pipe: written as it is
    try:
        stream = _opened(draft, packed=final.suffix == ".gz")
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written ({error.strerror}). Name another file.") from None
    try:
        with stream:
            yield stream
        if draft != final:
            draft.replace(final)
    finally:
        if draft != final:
            draft.unlink(missing_ok=True)


def _opened(path: Path, *, packed: bool) -> TextIO:
    if not packed:
        return path.open("w", encoding="utf-8", errors="replace", newline="\n")
    import gzip  # which most results do without

    return cast("TextIO", gzip.open(path, "wt", encoding="utf-8", errors="replace", newline="\n"))


def _is_file(path: Path, name: str) -> bool:
    """Whether both are one file, be it through links; a device or a pipe may well be read and written."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file() and path.samefile(name)
    return False


def one_line(text: str) -> str:
    """The text with ends of lines written as \\n, so that it takes one line."""
    return text if text.isprintable() else "\\n".join(text.splitlines())


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
