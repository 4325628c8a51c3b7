"""`seqloom.load`: a trained or an exported model, told by what is in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.errors import ConfigError
from seqloom.manifest import looks_exported

if TYPE_CHECKING:
    from seqloom.forecaster import Forecaster
    from seqloom.model import Model
    from seqloom.number_runtime import NumberPredictor
    from seqloom.runtime import Predictor

__all__ = ["load"]


def load(path: str | Path, *, device: str = "cpu", threads: int | None = None) -> Model | Forecaster | Predictor | NumberPredictor:
    """The model in the folder of a run, or in an exported one, for which torch is not needed.

    Args:
        device: of a trained model, such as cuda, or auto for the best one here; an exported one runs on the processor.
        threads: of an exported model; all cores where none are given. A trained one has those of torch.

    Raises:
        CheckpointError: neither, damaged, or of another format.
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
    from seqloom.model import load as load_run

    return load_run(path, device=device)
