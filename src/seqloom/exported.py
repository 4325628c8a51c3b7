"""An exported folder as what answers with it. Each kind of target is imported when the first folder of it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.manifest import target_of

if TYPE_CHECKING:
    from seqloom.numbers.runtime import NumberPredictor
    from seqloom.runtime import Predictor

__all__ = ["load_exported"]


def load_exported(path: str | Path, *, threads: int | None = None) -> Predictor | NumberPredictor:
    """The model in an exported folder, on so many threads; without a number on those of OMP_NUM_THREADS, else on all cores.

    Raises:
        CheckpointError: not an exported folder, damaged, or of another format.
    """
    return _LOADERS[target_of(Path(path))](path, threads)


def _of_ids(path: str | Path, threads: int | None) -> Predictor:
    from seqloom.runtime import Predictor

    return Predictor.load(path, threads=threads)


def _of_frames(path: str | Path, threads: int | None) -> NumberPredictor:
    from seqloom.numbers.runtime import NumberPredictor

    return NumberPredictor.load(path, threads=threads)


_LOADERS: dict[str, Callable[[str | Path, int | None], Predictor | NumberPredictor]] = {"ids": _of_ids, "frames": _of_frames}
