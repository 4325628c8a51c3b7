"""Files and streams → numbered lines of text; what cannot be read is refused with its place."""

from __future__ import annotations

import atexit
import contextlib
import functools
import gzip
import io
import os
import re
import select
import shutil
import stat
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from seqloom.errors import DataError, MissingFileError, nearest

BLOCK = 1000  # lines that are decoded together
PAUSE = 0.02  # seconds without a line after which those that came are worked on
GZIP = b"\x1f\x8b"
"""What gzip writes first."""
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""What text in UTF-16 begins with, and no sound."""

Item = TypeVar("Item")

__all__ = [
    "Arriving",
    "LineCounts",
    "decode_lines",
    "open_file",
    "read_lines",
    "refuse_bad_characters",
    "regular_path",
    "shown",
    "stdin_holds_bytes",
]


@dataclass(slots=True)
class LineCounts:
    """What one reading of a file met."""

    lf: int = 0
    crlf: int = 0
    blank: int = 0
    """Lines that hold no row, comments among them."""
    comments: int = 0
    without_partner: int = 0
    """Of the blank ones, lines whose id another file does not have."""
    alone: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """Of each of two files that are joined by ids: lines whose id the other does not have, and where the first stands."""
    beyond_ascii: bool = False
    """Whether a line held letters that show it to be UTF-8."""

    def leave_alone(self, name: str, where: str) -> None:
        """Count a line of a file whose id the other one does not have."""
        count, first = self.alone.get(name, (0, where))
        self.alone[name] = count + 1, first

    def notes(self) -> list[str]:
        """One sentence for each thing that a person would want to know."""
        notes: list[str] = []
        if self.crlf and self.lf:
            notes.append(f"{self.crlf:,} lines end with CRLF and {self.lf:,} with LF; both are read.")
        for kind, count in (("comment", self.comments), ("blank line", self.blank - self.comments - self.without_partner)):
            if count:
                notes.append(f"{count:,} {kind}{'s were' if count > 1 else ' was'} skipped.")
        for name, (count, first) in self.alone.items():
            lines = f"{count:,} lines of {name} have ids" if count > 1 else f"1 line of {name} has an id"
            notes.append(f"{lines} that the other file does not have, and went by, such as {first}.")
        return notes


def read_lines(path: str, counts: LineCounts | None = None) -> Iterator[tuple[int, str]]:
    """The lines of a text file, plain or gzip, with their numbers from 1; only LF and CRLF end a line.

    Raises:
        MissingFileError: no such file.
        DataError: a folder, not UTF-8, a NUL byte, a damaged gzip file, or another compression.
    """
    counts, name, number = LineCounts() if counts is None else counts, shown(path), 1
    with open_file(path) as stream:
        while lines := list(islice(_undamaged(stream, name, number), BLOCK)):
            texts = _plain(lines, counts) if number > 1 else None
            yield from decode_lines(lines, name, counts, number) if texts is None else enumerate(texts, number)
            number += len(lines)


def _plain(lines: Sequence[bytes], counts: LineCounts) -> list[str] | None:
    """The texts of many lines at once, in a third of the time, where they end with LF alone and nothing is to be said of them."""
    joined = b"".join(lines)
    if b"\0" in joined or b"\r\n" in joined or not joined.endswith(b"\n"):
        return None
    try:
        texts = joined.decode("utf-8")[:-1].split("\n")
    except UnicodeDecodeError:
        return None
    counts.lf += len(lines)
    counts.beyond_ascii = counts.beyond_ascii or not joined.isascii()
    return texts


def shown(path: str) -> str:
    """The name of a file in messages."""
    return "stdin" if path == "-" else path


def open_file(path: str, *, refuse: bool = True) -> BinaryIO:
    """The uncompressed bytes of a file; gzip is told by its first two bytes, not by its name.

    With `refuse`, known kinds of file that hold no text are refused.
    """
    file = regular_path(path)
    try:
        stream = open(file, "rb")  # noqa: SIM115
    except OSError as error:
        raise _unreadable(path, error) from None
    with stream:
        start = stream.peek(8)
    if start.startswith(GZIP):
        return io.BufferedReader(gzip.GzipFile(file), buffer_size=1 << 16)  # pyright: ignore[reportArgumentType]
    if refuse:
        _refuse_kind(start, shown(path))
    return open(file, "rb")


def _refuse_kind(start: bytes, name: str) -> None:
    """Raises a DataError for known kinds of file that hold no text, by their first bytes."""
    if _holds_arrays(start):
        raise DataError(f"{name}: arrays of NumPy; expected text, plain or gzip. {_FROM_NUMPY}")
    for magic, kind, advice in _REFUSED:
        if start.startswith(magic):
            raise DataError(f"{name}: {kind}; expected text, plain or gzip. {advice}")


def _holds_arrays(start: bytes) -> bool:
    """Whether a file begins as one of `numpy.save`, or as one of `numpy.savez`: a zip archive whose first file is such."""
    length = int.from_bytes(start[26:28], "little")
    return start.startswith(b"\x93NUMPY") or (start.startswith(b"PK\x03\x04") and start[30 : 30 + length].endswith(b".npy"))


_FROM_NUMPY = "Load them in Python, with numpy.load, and give them to seqloom.train((X, y)) or seqloom.train_forecast({'load': y}, ...)."
_FROM_ARROW = "Save it as Parquet or JSON Lines, a Dataset of datasets with its to_parquet or to_json."
_REFUSED = (
    (b"PK\x03\x04", "a zip archive or spreadsheet", "Unpack it, or save the sheet as CSV."),
    (b"\xfd7zXZ\0", "compressed with xz", "Unpack it with xz -d."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it with zstd -d."),
    (b"BZh91AY&SY", "compressed with bzip2", "Unpack it with bzip2 -d."),
    (b"ARROW1", "an Arrow file", _FROM_ARROW),
    (b"\xff\xff\xff\xff", "an Arrow file", _FROM_ARROW),
    (b"PAR1", "a Parquet file", "Read it with --set data.format=parquet."),
)


def regular_path(path: str) -> Path:
    """A file that can be read more than once: the file itself, or a temporary copy of standard input or of a pipe."""
    if path == "-":
        return _spooled("-", _stdin())
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if os.path.islink(path):
            raise MissingFileError(f"{path}: a link to {os.readlink(path)}, which is not there. Mend the link.") from None
        raise MissingFileError(f"{path}: no such file.{_neighbour(path)}") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: a folder; expected a file. Name the file in it.")
    return Path(path) if stat.S_ISREG(mode) else _spooled(path, None)


def _stdin() -> io.BufferedReader:
    """Standard input as bytes.

    Raises:
        DataError: it is closed.
    """
    if sys.stdin is None or sys.stdin.closed:  # pyright: ignore[reportUnnecessaryComparison]
        raise DataError("stdin: closed; expected sources, one a line. Name a file, or give them to the command.")
    return cast("io.BufferedReader", sys.stdin.buffer)


def stdin_holds_bytes() -> bool:
    """Whether standard input begins with what is no text, as a file of sound does; nothing is taken from it. A keyboard gives text, and
    is not looked at: an end that is typed would be seen here alone.
    """
    stream = _stdin()
    peek = None if sys.stdin.isatty() else getattr(stream, "peek", None)
    head: bytes = peek(1) if peek else b""
    return not head.startswith((*UTF16_MARKS, GZIP)) and (b"\0" in head or head.startswith((b"ID3", b"\xff")))


def _unreadable(path: str, error: OSError) -> DataError:
    return DataError(f"{shown(path)}: cannot be read ({error.strerror}). Change its permissions or name another file.")


def _neighbour(path: str) -> str:
    folder = Path(path).parent
    try:
        names = os.listdir(folder)
    except (OSError, ValueError):
        names = []
    return nearest(Path(path).name, names) or " Check the name."


@functools.cache
def _spooled(path: str, stream: BinaryIO | None) -> Path:
    """A copy of what can be read only once; it goes when the process does."""
    copy = _spool_folder() / str(len(os.listdir(_spool_folder())))
    with open(path, "rb") if stream is None else contextlib.nullcontext(stream) as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)
    return copy


@functools.cache
def _spool_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="seqloom-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class _Unpacked:
    """Bytes of gzip, unpacked as they come; several files may follow each other."""

    def __init__(self) -> None:
        self._unpack, self.is_whole = zlib.decompressobj(_WITH_HEADER), False

    def more(self, packed: bytes) -> bytes:
        """What can be unpacked by now.

        Raises:
            DataError: it is damaged.
        """
        found: list[bytes] = []
        while packed:
            if self.is_whole:
                packed = packed.lstrip(b"\0")  # with which the last may be filled up
                if not packed:
                    break
                self._unpack = zlib.decompressobj(_WITH_HEADER)
            try:
                found.append(self._unpack.decompress(packed))
            except zlib.error as error:
                reason = " ".join(str(error).split())
                raise DataError(f"stdin: the gzip file is damaged ({reason}). Copy or download it again.") from None
            self.is_whole, packed = self._unpack.eof, self._unpack.unused_data
        return b"".join(found)


_WITH_HEADER = zlib.MAX_WBITS | 16
"""Of zlib: what gzip writes."""


class Arriving(Iterator[bytes]):
    """The lines of standard input as they arrive, from a pipe, a terminal or a file, plain or gzip."""

    def __init__(self) -> None:
        self._stream = _stdin()
        self._unpacked: _Unpacked | None = None
        self._is_begun = False
        self._ready: deque[bytes] = deque()
        self._rest: list[bytes] = []
        """Of a line whose end is yet to come."""

    def __next__(self) -> bytes:
        while not self._ready:
            if read := self._stream.read1(1 << 16):
                *whole, rest = self._plain(read).split(b"\n")
                if whole:
                    whole[0] = b"".join([*self._rest, whole[0]])
                    self._ready.extend(line + b"\n" for line in whole)
                    self._rest = []
                self._rest.append(rest)
            elif self._unpacked is not None and not self._unpacked.is_whole:
                raise DataError("stdin: the gzip file ends before its end. Copy or download it again.")
            elif last := b"".join(self._rest):
                self._rest = []
                self._ready.append(last)
            else:
                raise StopIteration
        return self._ready.popleft()

    def _plain(self, read: bytes) -> bytes:
        """What was read, unpacked where it began as gzip does."""
        if not self._is_begun:
            self._is_begun = True
            _refuse_kind(read, "stdin")
            self._unpacked = _Unpacked() if read.startswith(GZIP) else None
        return read if self._unpacked is None else self._unpacked.more(read)

    @property
    def _is_open(self) -> bool:
        """Whether the system knows the stream; a text in memory may stand for it."""
        try:
            return self._stream.fileno() >= 0
        except (OSError, ValueError):
            return False

    def pausing(self) -> bool:
        """Whether there is no line for the moment: whoever writes them may wait for an answer."""
        if self._ready or not self._is_open:
            return False
        if sys.platform == "win32":  # where pipes cannot be asked
            return self._stream.isatty()
        return not select.select([self._stream.fileno()], [], [], PAUSE)[0]

    def together(self, items: Iterator[Item], most: int) -> list[Item]:
        """The next of the items that are made from these lines: as many as come without a pause, one at least, unless all have come."""
        found = list(islice(items, 1))
        while found and len(found) < most and not self.pausing():
            count = len(found)
            found += islice(items, 1)
            if len(found) == count:
                break
        return found


def decode_lines(stream: Iterable[bytes], name: str, counts: LineCounts | None = None, first: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of an open byte stream as text without their ends, one by one as they come, numbered from `first`; a byte order mark is
    dropped.
    """
    counts = counts if counts is not None else LineCounts()
    for number, raw in enumerate(stream, first):
        if number == 1:
            raw = _first_line(raw, name)
        text = _decode(raw, name, number, counts.beyond_ascii)
        counts.beyond_ascii = counts.beyond_ascii or not text.isascii()
        if text.endswith("\r\n"):
            counts.crlf += 1
            yield number, text[:-2]
        else:
            counts.lf += 1
            yield number, text[:-1] if text.endswith("\n") else text


def _undamaged(stream: Iterable[bytes], name: str, number: int) -> Iterator[bytes]:
    """The lines of a stream from this number on."""
    try:
        for raw in stream:
            yield raw
            number += 1
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{name}:{number}: the gzip file is damaged here ({reason}). Copy or download it again.") from None


def _first_line(raw: bytes, name: str) -> bytes:
    """The first line without its byte order mark; refuses what its first bytes show not to be UTF-8 lines."""
    if raw.startswith(UTF16_MARKS):
        raise DataError(f"{name}:1: not UTF-8; it begins with the byte order mark of UTF-16. {_convert('UTF-16')}")
    if raw.count(b"\r") > 1 and not raw.endswith(b"\n"):
        raise DataError(
            f"{name}:1: the lines end with a carriage return alone; expected LF or CRLF. Convert it: tr '\\r' '\\n' < OLD > NEW"
        )
    return raw.removeprefix(b"\xef\xbb\xbf")


def _decode(raw: bytes, name: str, number: int, after_utf8: bool) -> str:
    zero = raw.find(b"\0")
    if zero >= 0:
        expected, advice = _about_zeros(raw)
        raise DataError(f"{name}:{number}: a NUL byte at byte {zero + 1} of the line; {expected}. {advice}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        encoding = _likely_encoding(raw)
        looks = f"it looks like {encoding}, " if encoding else ""
        advice = "The lines before are: mend this one alone." if after_utf8 else _convert(encoding or "ENCODING")
        raise DataError(
            f"{name}:{number}: byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8; {looks}expected UTF-8. {advice}"
        ) from None


def _about_zeros(raw: bytes) -> tuple[str, str]:
    """What a line with NUL bytes may be, and what to do: UTF-16 has them at every other byte, a file of a program's own anywhere."""
    zeros = raw.count(b"\0")
    if max(raw[0::2].count(b"\0"), raw[1::2].count(b"\0")) > 0.9 * zeros and zeros * 3 > len(raw):
        return "it looks like UTF-16, expected UTF-8", _convert("UTF-16")
    if zeros > 2:
        return "it looks like a program's own file, expected text", "Export it from there as TSV, CSV or JSON Lines."
    return "expected text", "Remove it: tr -d '\\000' < OLD > NEW"


def _convert(encoding: str) -> str:
    return f"Convert it: iconv -f {encoding} -t UTF-8 OLD > NEW"


def _likely_encoding(raw: bytes) -> str | None:
    """The one-byte encoding in which the high bytes are mostly letters and quotes among ASCII letters, or None."""
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return None
    high = [letter for letter in text if letter > "\x7f"]
    plain = sum(letter.isalnum() or letter.isspace() for letter in text if letter <= "\x7f")
    if len(high) > plain or sum(letter.isalpha() or letter in "‚„…‘’“”–—«»€" for letter in high) * 2 < len(high):
        return None
    return "WINDOWS-1252" if re.search(rb"[\x80-\x9f]", raw) else "ISO-8859-1"


def refuse_bad_characters(text: str, where: str) -> None:
    """Raises a DataError for characters that no UTF-8 text file can hold as text: NUL and halves of surrogate pairs."""
    if "\0" in text:
        raise DataError(f"{where}: a NUL character; expected text. Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{where}: half of a surrogate pair; expected whole characters. Decode the text as UTF-8 or UTF-16 first."
        ) from None
