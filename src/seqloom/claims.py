"""Folders that one process at a time writes to. The system keeps the lock, on the folder itself, so that no file has to lie there, and
frees it when the process ends, in whatever way. A process that it forked keeps nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from seqloom.errors import CheckpointError

try:
    import fcntl
except ImportError:  # not on Windows, where nothing is locked
    fcntl = None

__all__ = ["claimed"]


class _Lock:
    """An open folder, for as long as which it is locked; or one that is not, where nothing can be."""

    def __init__(self, handle: int | None = None) -> None:
        self._handle = handle

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


_HELD: dict[tuple[int, Path], _Lock] = {}
"""By thread and folder: who claims inside what it has claimed has it already."""


def _keep_nothing() -> None:
    """In a process that was forked: otherwise the lock would outlive the one that claimed."""
    for lock in _HELD.values():
        lock.close()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_nothing)


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
    key = (threading.get_ident(), place)
    if key in _HELD:
        yield
        return
    lock, made = _lock(place, folder, otherwise)
    _HELD[key] = lock
    try:
        yield
    finally:
        if _HELD.pop(key, None) is lock:  # and this is no process that was forked
            _remove(made)  # while it is locked still
        lock.close()


def _lock(place: Path, folder: Path, otherwise: str) -> tuple[_Lock, list[Path]]:
    """The lock, and the folders that were made for it. One that its owner removed between is made anew."""
    while True:
        made = [each for each in (place, *place.parents) if not each.exists()]
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return _Lock(), made
        try:
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return _Lock(), made
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(os.fstat(handle).st_ino)
            os.close(handle)
            raise CheckpointError(f"{folder}: another training writes there{who}. Wait for it{otherwise}.") from None
        except OSError:  # some network disks
            os.close(handle)
            return _Lock(), made
        if place.exists() and os.path.samestat(os.fstat(handle), place.stat()):
            return _Lock(handle), made
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
