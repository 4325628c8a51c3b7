"""Pairs of arrays of numbers from Python: any lengths, any columns, checked and kept whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.batching import Batch, Example, Ids, collate, make_batches
from seqloom.config import BatchConfig
from seqloom.errors import CheckpointError, DataError
from seqloom.number_fields import NumberFields
from seqloom.number_pairs import Levels, Rival, Yardsticks, place_known

__all__ = ["ArrayPairs", "are_arrays", "read_arrays"]

Floats = npt.NDArray[np.float32]


def are_arrays(data: Any) -> bool:
    """Whether these are numbers over time: an array (N, T, D) or (N, T), or a list of arrays."""
    if isinstance(data, np.ndarray):
        return data.ndim in (2, 3) and data.dtype.kind in "fiub"
    return (
        isinstance(data, (list, tuple)) and bool(data) and all(isinstance(part, np.ndarray) and part.dtype.kind in "fiub" for part in data)
    )


def read_arrays(data: Any, name: str) -> list[Floats]:
    """Arrays (T, D) of float32; (N, T) is taken as one number a moment.

    Raises:
        DataError: not numbers over time, empty, of unlike widths, or with NaN or infinity; says which.
    """
    parts = [np.asarray(part, dtype=np.float32) for part in data]
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    if not parts:
        raise DataError(f"{name}: empty; expected arrays (N, T, D), or a list of arrays (T, D).")
    for number, part in enumerate(parts):
        if part.ndim != 2 or not part.shape[0]:
            raise DataError(f"{name}[{number}]: shape {part.shape}; expected (T, D) with at least one moment. Mend the array.")
        if part.shape[1] != parts[0].shape[1]:
            raise DataError(f"{name}[{number}]: {part.shape[1]} numbers a moment; expected {parts[0].shape[1]}, as in {name}[0].")
        if not np.isfinite(part).all():
            row, column = (int(place) for place in np.argwhere(~np.isfinite(part))[0])
            fault = f"{name}[{number}, {row}, {column}] is {part[row, column]}"
            raise DataError(f"{fault}; expected a finite number. Fill or remove it before training.")
    return parts


class ArrayPairs:
    """Sources (S, D) and targets (T, D'), one a pair."""

    def __init__(self, sources: Sequence[Floats], targets: Sequence[Floats], fields: NumberFields) -> None:
        """
        Raises:
            DataError: their numbers differ, or their widths from those of training.
        """
        if len(sources) != len(targets):
            raise DataError(f"arrays: {len(sources)} sources and {len(targets)} targets; expected one target for each source.")
        for name, parts, side in (("X", sources, fields.source), ("y", targets, fields.target)):
            if parts and parts[0].shape[1] != side.size:
                raise DataError(f"{name}: {parts[0].shape[1]} numbers a moment; expected {side.size}, as in training.")
        self.sources, self.targets, self.fields = list(sources), list(targets), fields

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, number: int) -> Example:
        scalings = self.fields.source_scaling, self.fields.target_scaling
        source, target = (
            (part[number] - scaling.shift) / scaling.scale for part, scaling in zip((self.sources, self.targets), scalings, strict=True)
        )
        return Example(source, target, str(number), None, place_known(len(target)))

    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]:
        """The indices of each batch of one pass, in order; the same for the same seed and pass."""
        sources, targets = (np.array([len(part) for part in side], dtype=np.int64) for side in (self.sources, self.targets))
        return make_batches(sources, targets, config, seed, epoch)

    def batch(self, index: Sequence[int] | Ids, draw: np.random.Generator | None = None) -> Batch:
        """The pairs of that index, padded."""
        return collate([self[int(place)] for place in index], [int(place) for place in index])

    def levels(self, index: Sequence[int] | Ids) -> Levels:
        """What the target frames mean."""
        scaling, shape = self.fields.target_scaling, (len(index), 1, self.fields.target.size)
        return Levels(np.broadcast_to(scaling.shift, shape), np.broadcast_to(scaling.scale, shape))

    def lengths(self, index: Sequence[int] | Ids) -> list[int]:
        """Target frames of each."""
        return [len(self.targets[int(place)]) for place in index]

    def truth(self, index: Sequence[int] | Ids) -> list[Floats]:
        """The targets in their own units."""
        return [self.targets[int(place)] for place in index]

    def yardsticks(self, index: Sequence[int] | Ids) -> Yardsticks:
        """What errors are measured by."""
        return Yardsticks(self.levels(index).scale if self.fields.target_scaling.kind == "standard" else None, None)

    def past(self, number: int) -> Floats:
        """The source, in its own units."""
        return self.sources[number]

    def rivals(self) -> Mapping[str, Rival]:
        """None: targets need not be more of what the sources are."""
        return {}

    def yardstick(self) -> Rival | None:
        """None."""

    def straight_line(self, seed: int, *, absolute: bool) -> Floats | None:
        """None: lengths differ."""

    def floor(self, number: int) -> Floats:
        """None: what targets have been before is not known."""
        return np.full(self.fields.target.size, -np.inf, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the arrays into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, parts in (("sources", self.sources), ("targets", self.targets)):
            np.save(folder / f"{name}.npy", np.concatenate(parts), allow_pickle=False)
            np.save(folder / f"{name}_ends.npy", np.cumsum([len(part) for part in parts]), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, fields: NumberFields) -> ArrayPairs:
        """The pairs that `save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        try:
            sides = [
                np.split(np.load(folder / f"{name}.npy", mmap_mode="r"), np.load(folder / f"{name}_ends.npy")[:-1])
                for name in ("sources", "targets")
            ]
        except (OSError, EOFError, ValueError) as error:
            raise CheckpointError(f"{folder}: the training data is damaged ({error}); train anew with --overwrite.") from None
        return cls(sides[0], sides[1], fields)
