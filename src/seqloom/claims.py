"""Folders that one process at a time writes to. The system keeps the lock, on the folder itself, so that no file has to lie there, and
frees it when the process ends, in whatever way, and those that it forked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seqloom.errors import CheckpointError

try:
    import fcntl
except ImportError:  # not on Windows, where nothing is locked
    fcntl = None

__all__ = ["claimed"]

_HELD = set[Path]()
"""What this process has claimed: who claims it again inside has it already."""


@contextmanager
def claimed(folder: Path, otherwise: str = "") -> Generator[None]:
    """Keeps other processes from claiming the folder, which is made, and removed again where it stays empty.

    Where the system or the disk has no locks, or the folder cannot be made, nothing is kept: what is written there says what is wrong.

    Args:
        otherwise: what to do in place of waiting, as in ", or choose another --out".

    Raises:
        CheckpointError: another process has claimed it.
    """
    place = folder.resolve()
    if place in _HELD:
        yield
        return
    with contextlib.ExitStack() as stack:
        made = _lock(place, folder, stack, otherwise)
        stack.callback(_remove, made)  # while it is locked still
        _HELD.add(place)
        stack.callback(_HELD.discard, place)
        yield


def _lock(place: Path, folder: Path, stack: contextlib.ExitStack, otherwise: str) -> list[Path]:
    """Lock the folder until the stack is closed; gives those that were made for it. One that its owner removed between is made anew."""
    while True:
        made = [each for each in (place, *place.parents) if not each.exists()]
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return made
        try:
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return made
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(os.fstat(handle).st_ino)
            os.close(handle)
            raise CheckpointError(f"{folder}: another training writes there{who}. Wait for it{otherwise}.") from None
        except OSError:  # some network disks
            os.close(handle)
            return made
        if place.exists() and os.path.samestat(os.fstat(handle), place.stat()):
            stack.callback(os.close, handle)
            return made
        os.close(handle)


def _holder(inode: int) -> str:
    """' (process 123)', where Linux tells which one holds the lock."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            fields = line.split()  # 1: FLOCK ADVISORY WRITE 123 08:01:4567 0 EOF
            if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}") and int(fields[4]) > 0:
                return f" (process {fields[4]})"
    return ""


def _remove(folders: list[Path]) -> None:
    """Remove those that are empty, the innermost first."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
