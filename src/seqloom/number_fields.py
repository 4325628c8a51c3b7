"""Fields of numbers: which columns stand in the frames of both sides, and how they are scaled. Kept in `fields.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from seqloom.config import FieldsConfig
from seqloom.errors import CheckpointError
from seqloom.files import write_atomically
from seqloom.scaling import Scaling, fit_scaling
from seqloom.spread import Spread
from seqloom.vocabulary import DAMAGED, entry

__all__ = ["FORMAT", "NumberFields", "NumberSide", "holds_numbers"]

Floats = npt.NDArray[np.float32]

FORMAT = 1


@dataclass(frozen=True)
class NumberSide:
    """What the network must know of a side."""

    size: int
    """Numbers a frame, D."""
    known: int = 0
    """Numbers that are known of each target frame beforehand, C."""
    kind: Literal["ids", "frames"] = "frames"


@dataclass(frozen=True)
class NumberFields:
    """Both sides of a task of numbers, and what was learned from the training part: the scaling."""

    config: FieldsConfig
    source_scaling: Scaling
    target_scaling: Scaling
    """Of a table the targets' part of the source's."""
    source: NumberSide
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
        return cls(config, scaling, of_targets, NumberSide(columns + clock), NumberSide(targets, known))

    @classmethod
    def fit_arrays(cls, config: FieldsConfig, sources: Sequence[Floats], targets: Sequence[Floats]) -> NumberFields:
        """For arrays (S, D) and (T, D) that need not have anything in common."""
        kind = config.numbers.scaling
        scalings = [fit_scaling("standard" if kind == "series" else kind, [""], [np.concatenate(side)]) for side in (sources, targets)]
        return cls(config, scalings[0], scalings[1], NumberSide(sources[0].shape[1]), NumberSide(targets[0].shape[1], 1))

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds."""
        measured = {} if self.spread is None else {"spread": self.spread.state()}
        return {
            "format": FORMAT,
            "kind": "numbers",
            "config": self.config.model_dump(mode="json"),
            "source": {"size": self.source.size, "scaling": self.source_scaling.state()},
            "target": {"size": self.target.size, "known": self.target.known, "scaling": self.target_scaling.state()},
            **measured,
        }

    @classmethod
    def from_state(cls, state: object) -> NumberFields:
        """The fields that `state` was taken from.

        Raises:
            CheckpointError: keys are missing or of wrong types, or another format number.
        """
        number = entry(state, "format", int)
        if number != FORMAT:
            raise CheckpointError(f"fields: format {number}; expected {FORMAT}. Use the Seqloom that wrote it, or train again.")
        try:
            source, target = entry(state, "source", dict), entry(state, "target", dict)
            spread = Spread.from_state(entry(state, "spread", dict)) if isinstance(state, dict) and "spread" in state else None
            return cls(
                FieldsConfig.model_validate(entry(state, "config", dict)),
                Scaling.from_state(entry(source, "scaling", dict)),
                Scaling.from_state(entry(target, "scaling", dict)),
                NumberSide(entry(source, "size", int)),
                NumberSide(entry(target, "size", int), entry(target, "known", int)),
                spread,
            )
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"fields: cannot be read: {' '.join(str(error).split())}. {DAMAGED}") from None

    def save(self, path: str | Path) -> None:
        """Writes `state` as JSON, whole or not at all."""
        write_atomically(Path(path), json.dumps(self.state(), ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> NumberFields:
        """The fields that `save` wrote; CheckpointError names the file when it is missing or damaged."""
        try:
            return cls.from_state(json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read ({error.strerror}); expected the fields of a run. Check the path.") from None
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        except (ValueError, RecursionError):
            raise CheckpointError(f"{path}: not JSON. {DAMAGED}") from None


def holds_numbers(path: str | Path) -> bool:
    """Whether a `fields.json` is of numbers; False where it cannot be read, which is for its reader to say."""
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(state, dict) and state.get("kind") == "numbers"
