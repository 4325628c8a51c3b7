"""Writing files so that a crash or a full disk leaves the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from seqloom.errors import TrainingError

__all__ = ["cannot_write", "write_atomically"]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the new one is there, whole.

    Raises:
        TrainingError: the disk is full; the old file stays.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> TrainingError:
    """What to say when a file cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TrainingError(
            f"{path}: no space left on the disk while saving; the last good checkpoint stays. Free some space, then `seqloom resume`."
        )
    return TrainingError(f"{path}: cannot be written ({error.strerror}); the last good checkpoint stays.")
