"""Files: written so that a crash or a full disk leaves the old or the new one, never half of one; and told before they are read."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import tempfile
from pathlib import Path, PurePath

from seqloom.errors import CheckpointError, TrainingError

__all__ = [
    "cannot_write",
    "draft_of",
    "folder_beside",
    "format_of_name",
    "give_second_name",
    "holds_numbers",
    "is_taken",
    "refuse_file",
    "refuse_no_run",
    "refuse_site",
    "refuse_unasked",
    "says_full",
    "write_atomically",
]


def draft_of(path: Path) -> Path:
    """A name in the same folder that nobody else has: for a file that is renamed when it is whole. Open it with `x`."""
    return path.with_name(f"{path.name[:_NAME]}.{secrets.token_hex(8)}.part")


_NAME = 50
"""Characters of the name in that of a draft, which would else be too long where the name is as long as it may be."""


def write_atomically(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Write a file so that at any moment either the old or the new one is there, whole.

    The draft is NAME.part: what one that was killed left is written over, so that in a run, which one training at a time writes to,
    nothing piles up.

    Args:
        shared: others may write the same file at the same time, or keep files of their own beside it: the draft has a name of its own.

    Raises:
        TrainingError: it cannot be written, such as where the disk is full; the old file stays.
    """
    temporary = draft_of(path) if shared else path.with_name(path.name + ".part")
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


def refuse_file(path: Path) -> None:
    """Raises a CheckpointError for a file where the folder of a model is expected: an archive of it, or a part."""
    if path.is_file():
        raise CheckpointError(f"{path}: a file; expected the folder of a model. Unpack it where it is an archive, and give the folder.")


def refuse_site(path: Path) -> None:
    """Raises a CheckpointError for a site that `export --web` wrote, in place of the model in it."""
    if (path / "model" / "manifest.json").is_file():
        raise CheckpointError(f"{path}: a site for the browser; expected the folder of a model. Give the one in it, {path / 'model'}.")


def refuse_no_run(path: Path) -> None:
    """Raises a CheckpointError for what is not the folder of a run."""
    refuse_file(path)
    refuse_site(path)
    if not path.is_dir():
        raise CheckpointError(f"{path}: no such run directory. `seqloom train PAIRS --out {path}` makes one.")
    if not (path / "run.json").is_file():
        raise CheckpointError(f"{path}: not a run directory, run.json is missing. Give the folder that `seqloom train` wrote.")


def is_taken(folder: Path) -> bool:
    """Whether something is there already; an empty folder is nothing."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def refuse_unasked(folder: Path, *, overwrite: bool, advice: str = "Replace") -> None:
    """Raises a CheckpointError for a folder that is there already, where nobody asked for another in its place."""
    if not overwrite:
        raise CheckpointError(f"{folder}: exists already. {advice} it with --overwrite, or choose another --out.")


def folder_beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder next to the one that is to be written, from which it is put in place.

    Raises:
        CheckpointError: nothing can be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be made ({error.strerror}). Choose another --out.") from None


def give_second_name(path: Path, second: Path) -> None:
    """Let a file stand under a second name too, in place of what was there, without writing its content again where the disk has links.

    Both are whole at any moment, and writing one atomically leaves the other as it is.

    Raises:
        TrainingError: the disk is full; what stood under the second name stays.
    """
    if second.exists() and path.samefile(second):
        return
    temporary = second.with_name(second.name + ".part")
    try:
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
        temporary.replace(second)
    except OSError:
        write_atomically(second, path.read_bytes())


def says_full(error: OSError) -> bool:
    """Whether the disk, or what one may use of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def cannot_write(path: Path, error: OSError) -> TrainingError:
    """What to say when a file cannot be written."""
    near = (path.parent, path.parent.parent, path.parent / "training")  # of the state itself, of the best weights, of what lies in the run
    kept = any((folder / "state.safetensors").exists() for folder in near)
    stays, then = ("; the last good checkpoint stays", "then `seqloom resume`") if kept else ("", "then run this again")
    if says_full(error):
        return TrainingError(f"{path}: no space left on the disk while saving{stays}. Free some space, {then}.")
    if error.errno == errno.EFBIG:
        advice = f"Files may not be so large here: raise the limit (`ulimit -f unlimited`), {then}, or train a smaller model"
    else:
        advice = f"See to it that {path.parent} can be written to, {then}"
    return TrainingError(f"{path}: cannot be written ({error.strerror}){stays}. {advice}.")


def format_of_name(path: str) -> str | None:
    """The format that a file's name says, or None."""
    suffix = PurePath(path.removesuffix(".gz")).suffix.lower()
    return _SUFFIXES.get(suffix)


_SUFFIXES = {".tsv": "tsv", ".tab": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


def holds_numbers(path: str | Path) -> bool:
    """Whether a `fields.json` is of numbers; False where it cannot be read, which is for its reader to say."""
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(state, dict) and state.get("kind") == "numbers"
