"""Fields of tasks whose targets are numbers: what stands in the frames of both sides, and how it is scaled. Kept in `fields.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from seqloom.config import FieldsConfig
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, DataError
from seqloom.fields.task import Source, check_format, fit_source, load_state, restore_source, save_state
from seqloom.fields.text import SourceField
from seqloom.fields.vocabulary import DAMAGED, entry
from seqloom.numbers.scaling import Scaling, fit_scaling
from seqloom.numbers.spread import Spread

__all__ = ["FORMAT", "SHOWN", "NumberFields", "NumberSide", "moments"]

Floats = npt.NDArray[np.floating[Any]]

FORMAT = 1
ROOM = 1.2
"""Times the longest target of training: how long an output may be where the model says where it ends."""
SHOWN = 3
"""Frames in a sample."""


@dataclass(frozen=True)
class NumberSide:
    """A side of numbers: what the network must know of it, and how its arrays are scaled."""

    size: int
    """Numbers a frame, D."""
    scaling: Scaling
    """Of the targets of a table the part of the source's."""
    known: int = 0
    """Numbers that are known of each target frame beforehand, C."""
    longest: int = 0
    """Frames of a target at the most; 0: as many as its source has moments."""
    is_free: bool = False
    """Whether the model says where a target ends."""
    mean: tuple[float, ...] = ()
    """Of the target frames of training, in their own units; of pairs alone."""
    rank: int = 2
    """Dimensions of one target as it was given: 2 of (T, D), 1 of (T,), 0 of a single number."""

    @property
    def kind(self) -> Literal["ids", "frames"]:
        """What its arrays are."""
        return "frames"

    def encode(self, frames: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The scaled frames (T, D) of an array, where all are scaled alike."""
        return self.scaling.apply(frames)

    def decode(self, frames: npt.NDArray[np.float32]) -> str:
        """The last frames in their own units, the first number of each, as a person reads them."""
        last = (frames[-SHOWN:] * self.scaling.scale + self.scaling.shift)[:, 0]
        return " ".join(f"{number:.4g}" for number in last.tolist())

    def state(self) -> dict[str, Any]:
        """What `from_state` reads."""
        said = {"size": self.size, "known": self.known, "scaling": self.scaling.state()}
        more = {"longest": self.longest, "is_free": self.is_free, "mean": list(self.mean)}
        given = {} if self.rank == 2 else {"rank": self.rank}
        return said | {name: value for name, value in more.items() if value} | given

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NumberSide:
        """The side that `state` was taken from."""
        scaling, longest = Scaling.from_state(entry(state, "scaling", dict)), int(state.get("longest", 0))
        mean = tuple(map(float, state.get("mean", ())))
        if len(mean) not in (0, scaling.shift.shape[1]) or longest < 0:
            raise ValueError("mean, longest and scaling do not fit each other")
        size, rank = entry(state, "size", int), int(state.get("rank", 2))
        if rank not in (0, 1, 2) or (rank < 2 and size > 1):
            raise ValueError("rank and size do not fit each other")
        return cls(size, scaling, int(state.get("known", 0)), longest, bool(state.get("is_free")), mean, rank)


@dataclass(frozen=True)
class NumberFields:
    """Both sides of a task whose targets are numbers, and what was learned from the training part: scaling, symbols of texts."""

    config: FieldsConfig
    source: NumberSide | SourceField
    target: NumberSide
    spread: Spread | None = None
    """Of the trained model's forecasts on dev, where quantiles are taken from it."""

    @classmethod
    def fit(cls, config: FieldsConfig, names: Sequence[str], parts: Sequence[Floats]) -> NumberFields:
        """For a table: scaling of all its columns, fitted on the training part of each series (N, C)."""
        numbers = config.numbers
        targets, clock = len(numbers.targets), 2 * len(numbers.calendar)
        scaling = fit_scaling(numbers.scaling, names, parts)
        of_targets = Scaling(scaling.kind, scaling.shift[:, :targets], scaling.scale[:, :targets], scaling.series)
        columns = targets + len(numbers.past) + len(numbers.known) + len(numbers.static)
        known = 1 + len(numbers.known) + len(numbers.static) + clock
        return cls(config, NumberSide(columns + clock, scaling), NumberSide(targets, of_targets, known))

    @classmethod
    def fit_pairs(
        cls, config: FieldsConfig, sources: Sequence[Any], targets: Sequence[Floats], *, learned: bool | None = None, rank: int = 2
    ) -> NumberFields:
        """For sources, each an array (S, D) or a tuple of texts, and targets (T, D) that need not have anything in common with them.

        Args:
            learned: whether the model says where a target ends; None: where targets are neither as long as their sources nor of one length.
            rank: dimensions of one target as it was given.
        """
        kind = "standard" if config.numbers.scaling == "series" else config.numbers.scaling
        if isinstance(sources[0], np.ndarray):
            source = NumberSide(sources[0].shape[1], fit_scaling(kind, [""], [np.concatenate(sources)]))
        else:
            source = _of_texts(fit_source(config, [Row(texts, "", "") for texts in sources]))
        frames, lengths = np.concatenate(targets), [len(part) for part in targets]
        follows = all(moments(source.encode(value)) == length for value, length in zip(sources, lengths, strict=True))
        is_one = len(set(lengths)) == 1 and not follows
        is_free = not (follows or is_one) if learned is None else learned
        longest = math.ceil(ROOM * max(lengths)) if is_free else lengths[0] if is_one else 0
        mean = tuple(map(float, frames.mean(0, dtype=np.float64)))
        target = NumberSide(frames.shape[1], fit_scaling(kind, [""], [frames]), 0 if is_free else 1, longest, is_free, mean, rank)
        return cls(config, source, target)

    @property
    def source_scaling(self) -> Scaling:
        """Of a source of numbers.

        Raises:
            DataError: the source is text.
        """
        if isinstance(self.source, NumberSide):
            return self.source.scaling
        raise DataError("fields: the source is text, which is not scaled; expected numbers.")

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds."""
        measured = {} if self.spread is None else {"spread": self.spread.state()}
        return {
            "format": FORMAT,
            "kind": "numbers",
            "config": self.config.model_dump(mode="json"),
            "source": self.source.state(),
            "target": self.target.state(),
            **measured,
        }

    @classmethod
    def from_state(cls, state: object) -> NumberFields:
        """The fields that `state` was taken from.

        Raises:
            CheckpointError: keys are missing or of wrong types, or another format number.
        """
        check_format(state, FORMAT)
        try:
            config = _as_trained(FieldsConfig.model_validate(entry(state, "config", dict)))
            source, target = entry(state, "source", dict), entry(state, "target", dict)
            spread = Spread.from_state(entry(state, "spread", dict)) if isinstance(state, dict) and "spread" in state else None
            read = NumberSide.from_state(source) if "scaling" in source else _of_texts(restore_source(config, source))
            return cls(config, read, NumberSide.from_state(target), spread)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"fields: cannot be read: {' '.join(str(error).split())}. {DAMAGED}") from None

    def save(self, path: str | Path) -> None:
        """Writes `state` as JSON, whole or not at all."""
        save_state(path, self.state())

    @classmethod
    def load(cls, path: str | Path) -> NumberFields:
        """The fields that `save` wrote; CheckpointError names the file when it is missing or damaged."""
        return load_state(path, cls.from_state)


def _as_trained(config: FieldsConfig) -> FieldsConfig:
    """Without marks between thousands, where the model is older than these: it was trained on numbers that have none."""
    numbers = config.numbers
    if numbers.decimal is None or numbers.thousands is not None:
        return config
    return config.model_copy(update={"numbers": numbers.model_copy(update={"thousands": "none"})})


def moments(source: npt.NDArray[Any]) -> int:
    """Positions of an encoded source (S,) or (S, D) that are of its own, which </s> is not."""
    return len(source) - (source.ndim == 1)


def _of_texts(source: Source) -> SourceField:
    if not isinstance(source, SourceField):
        raise CheckpointError(f"fields: the source is {source.kind}; expected texts, or the scaling of numbers. {DAMAGED}")
    return source
