"""`seqloom.load`: a trained or an exported model, told by what is in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqloom.errors import CheckpointError, ConfigError
from seqloom.files import refuse_no_run
from seqloom.installed import BEHIND_A_RUN, how_to_install, missing
from seqloom.manifest import looks_exported

__all__ = ["load", "refuse_unreadable"]


def load(path: str | Path, *, device: str = "cpu", threads: int | None = None) -> Any:
    """The model in the folder of a run (`Model`, or `Forecaster` of numbers), or in an exported one, for which torch is not needed.

    Which it is, the folder says; annotate it where types are checked: `model: seqloom.Model = seqloom.load("runs/x")`.

    Args:
        device: of a trained model, such as cuda, or auto for the best one here; an exported one runs on the processor.
        threads: of an exported model; all cores where none are given. A trained one has those of torch.

    Raises:
        CheckpointError: neither, damaged, or of another format; or a trained one where torch is not installed.
        ConfigError: the device is not there, or threads are given for a trained model.
    """
    path = Path(path).expanduser()
    if looks_exported(path):
        if device not in ("auto", "cpu"):
            raise ConfigError(f"{path}: device {device!r}; an exported model runs on the processor. Leave it out.")
        from seqloom.exported import load_exported

        return load_exported(path, threads=threads)
    if threads is not None:
        raise ConfigError(
            f"{path}: threads {threads}; torch has its threads for the whole process, so a trained model cannot have its own. "
            f"Leave it out, and use torch.set_num_threads({threads})."
        )
    refuse_unreadable(path)
    from seqloom.model import load as load_run

    return load_run(path, device=device)


def refuse_unreadable(run: Path) -> None:
    """Make sure that a run can be loaded here, before what loads it is imported: a wrong path is told as that.

    Raises:
        CheckpointError: no run, or torch is not installed.
    """
    refuse_no_run(run)
    if absent := missing(BEHIND_A_RUN):
        what = f"a trained run, which needs {absent[0]}, and that is not installed"
        raise CheckpointError(f"{run}: {what}. {how_to_install('train')}, or export the run where it is.")
