"""Fields whose arrays are frames: what those of sounds and of numbers have in common, and the field of numbers over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.errors import CheckpointError, DataError, standing_at
from seqloom.fields.columns import Column
from seqloom.fields.frame_text import frames_of_text
from seqloom.fields.vocabulary import DAMAGED, entry
from seqloom.numbers.scaling import Scaling, fit_scaling

__all__ = ["ArraySource", "Doubts", "FrameSource"]

Frames = npt.NDArray[np.float32]

LOOKED_AT = 10_000
"""Arrays from which the scaling is learned."""


class Doubts(NamedTuple):
    """What may be wrong with a source that can be used."""

    silent: bool = False
    """Whether it is a sound of which all samples are the same."""
    rate: int = 0
    """Samples a second of a sound that has fewer than the model hears; else 0."""


class FrameSource:
    """What a source of frames says of text: that there is none."""

    columns: tuple[Column, ...] = ()
    """No text, so none."""

    @property
    def kind(self) -> Literal["ids", "frames"]:
        """What its arrays are."""
        return "frames"

    @property
    def known(self) -> int:
        """Numbers that are known of each position beforehand."""
        return 0

    def vary(self, array: Frames, generator: np.random.Generator) -> Frames:
        """Frames as training meets them this time: as they are."""
        return array

    def split(self, value: Sequence[str]) -> list[list[str]]:
        """No symbols: there is no text in frames."""
        return []

    def unknown(self, value: Sequence[str]) -> list[str]:
        """No symbols, so none unknown."""
        return []

    def doubts(self, value: Sequence[str]) -> Doubts:
        """What may be wrong with a source that can be used: nothing that is known."""
        return Doubts()


class ArraySource(FrameSource):
    """Numbers over time, as text (`frame_text`), as frames (S, D) of a common size."""

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling

    @classmethod
    def fit(cls, kind: Literal["none", "standard", "robust"], values: Iterable[tuple[str, str]]) -> ArraySource:
        """The field for arrays like those of the training part, of which the first 10,000 are measured: where each stands, and its text.

        Raises:
            DataError: an array cannot be used; says why.
        """
        parts: list[Frames] = []
        for where, text in islice(values, LOOKED_AT):
            with standing_at(where):
                parts.append(_of_width(frames_of_text(text, "source"), parts[0].shape[1] if parts else None))
        return cls(fit_scaling(kind, [""], [np.concatenate(parts)]))

    @property
    def size(self) -> int:
        """Numbers a frame."""
        return self.scaling.shift.shape[1]

    def encode(self, value: Sequence[str]) -> Frames:
        """The scaled frames (S, D).

        Raises:
            DataError: the text is not that of such frames; says why.
        """
        (text,) = value
        return self.scaling.apply(_of_width(frames_of_text(text, "source"), self.size))

    def labels(self, value: Sequence[str], array: Frames) -> list[str]:
        """The number of each frame, from 1: what attention is shown over."""
        return [str(number) for number in range(1, len(array) + 1)]

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds besides the config: the scaling."""
        return {"scaling": self.scaling.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ArraySource:
        """The field that `state` was taken from.

        Raises:
            CheckpointError: it is damaged.
        """
        try:
            return cls(Scaling.from_state(entry(state, "scaling", dict)))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"fields: {error}. {DAMAGED}") from None


def _of_width(frames: Frames, width: int | None) -> Frames:
    if width is not None and frames.shape[1] != width:
        raise DataError(f"the source has {frames.shape[1]} numbers a moment; expected {width}, as in training. Mend the array.")
    return frames
