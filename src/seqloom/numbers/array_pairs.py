"""Pairs whose targets are arrays of numbers, of any lengths; their sources are arrays or texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.batching import Array, Batch, Example, Ids
from seqloom.config import BatchConfig
from seqloom.corpus import Corpus
from seqloom.data.memory_rows import rows_from_memory
from seqloom.errors import DataError
from seqloom.fields.frame_text import checked_frames
from seqloom.fields.text import SourceField
from seqloom.numbers.fields import NumberFields, NumberSide, moments
from seqloom.numbers.pairs import Levels, NumberPairs, Rival, Yardsticks, place_known

__all__ = ["ArrayPairs", "are_arrays", "are_texts", "rank_of", "read_arrays", "read_sources", "read_targets", "same_width"]

Floats = npt.NDArray[np.floating[Any]]
Texts = tuple[str, ...]


def are_arrays(data: Any) -> bool:
    """Whether these are numbers over time: an array (N, T, D) or (N, T), one (N,) that is not whole numbers, or a list of arrays."""
    if isinstance(data, np.ndarray):
        return (data.ndim in (2, 3) and data.dtype.kind in "fiub") or (data.ndim == 1 and data.dtype.kind == "f")
    return (
        isinstance(data, (list, tuple)) and bool(data) and all(isinstance(part, np.ndarray) and part.dtype.kind in "fiub" for part in data)
    )


def are_texts(data: Any) -> bool:
    """Whether these are sources of text: a list of texts, or of a tuple of them where there are several columns."""
    return isinstance(data, (list, tuple)) and bool(data) and all(isinstance(part, (str, tuple)) for part in data)


def read_arrays(data: Any, name: str) -> list[Floats]:
    """Arrays (T, D) of float64; (N, T) is taken as one number a moment.

    Raises:
        DataError: not numbers over time, empty, of unlike widths, or with NaN or infinity; says which.
    """
    parts = [checked_frames(np.asarray(part), name, number) for number, part in enumerate(data)]
    if not parts:
        raise DataError(f"{name}: empty; expected arrays (N, T, D), or a list of arrays (T, D).")
    return same_width(parts, [f"{name}[{number}]" for number in range(len(parts))])


def read_targets(data: Any, name: str) -> list[Floats]:
    """As `read_arrays`, where (N,) is one moment of one number each."""
    return read_arrays(data[:, None] if rank_of(data) == 0 else data, name)


def rank_of(data: Any) -> int:
    """Dimensions of one array of these: 0 of (N,), 1 of (N, T) and of a list of (T,), else 2."""
    if isinstance(data, np.ndarray):
        return data.ndim - 1
    return 1 if all(part.ndim == 1 for part in data) else 2


def same_width(parts: list[Floats], places: Sequence[str]) -> list[Floats]:
    """The arrays, after making sure that all have as many numbers a moment.

    Raises:
        DataError: one has not; its place says which.
    """
    for part, place in zip(parts, places, strict=True):
        if part.shape[1] != parts[0].shape[1]:
            raise DataError(f"{place}: {part.shape[1]} numbers a moment; expected {parts[0].shape[1]}, as in {places[0]}.")
    return parts


def read_sources(data: Any, name: str) -> list[Texts] | list[Floats]:
    """Texts, a tuple a source, or arrays (S, D), whichever they are.

    Raises:
        DataError: they cannot be used; says which.
    """
    if not are_texts(data):
        return read_arrays(data, name)
    return [row.source for row in rows_from_memory(data, [""] * len(data))]


class ArrayPairs:
    """Encoded pairs, and what their numbers mean."""

    def __init__(self, corpus: Corpus, fields: NumberFields, *, room: bool = False) -> None:
        """`room`: whether the targets are no truth, but room for what is said."""
        self.corpus, self.fields = corpus, fields
        self.may_go_on = fields.target.is_free and not room

    @classmethod
    def of(
        cls, sources: Sequence[Texts] | Sequence[Floats], targets: Sequence[Floats], fields: NumberFields, names: Sequence[str] = ("X", "y")
    ) -> ArrayPairs:
        """Pairs of sources, each a tuple of texts or an array (S, D), and targets (T, D').

        Raises:
            DataError: their numbers differ, or their widths from those of training.
        """
        if len(sources) != len(targets):
            raise DataError(f"arrays: {len(sources)} sources and {len(targets)} targets; expected one target for each source.")
        encoded = _encoded(sources, fields.source, names[0])
        _refuse_width(targets, fields.target, names[1])
        return cls(Corpus.build(_examples(encoded, targets, fields)), fields)

    @classmethod
    def asked(cls, sources: Sequence[Texts] | Sequence[Floats], fields: NumberFields, length: int | None = None) -> ArrayPairs:
        """Sources without targets, each with room for an output of that length, or else as long as the fields say."""
        encoded = _encoded(sources, fields.source, "X")
        room = [length or fields.target.longest or moments(source) for source in encoded]
        blank = [np.zeros((frames, fields.target.size)) for frames in room]
        return cls(Corpus.build(_examples(encoded, blank, fields)), fields, room=True)

    @property
    def noun(self) -> str:
        """What a number of them is called."""
        return "pairs"

    def __len__(self) -> int:
        return len(self.corpus)

    def __getitem__(self, number: int) -> Example:
        return self.corpus[number]

    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]:
        """The indices of each batch of one pass, in order; the same for the same seed and pass."""
        return self.corpus.batches(config, seed, epoch)

    def batch(self, index: Sequence[int] | Ids, draw: np.random.Generator | None = None) -> Batch:
        """The pairs of that index, padded."""
        return self.corpus.batch(index)

    def levels(self, index: Sequence[int] | Ids) -> Levels:
        """What the target frames mean."""
        scaling, shape = self.fields.target.scaling, (len(index), 1, self.fields.target.size)
        return Levels(np.broadcast_to(scaling.shift, shape), np.broadcast_to(scaling.scale, shape))

    def lengths(self, index: Sequence[int] | Ids) -> list[int]:
        """The most frames that may be said of each: those of its target, or more where the model has to find out."""
        lengths: list[int] = self.corpus.target_lengths[np.asarray(index, dtype=np.int64)].tolist()
        return [max(length, self.fields.target.longest) for length in lengths] if self.may_go_on else lengths

    def truth(self, index: Sequence[int] | Ids) -> list[Floats]:
        """The targets in their own units."""
        scaling = self.fields.target.scaling
        return [self.corpus[int(place)].target * scaling.scale + scaling.shift for place in index]

    def yardsticks(self, index: Sequence[int] | Ids) -> Yardsticks:
        """What errors are measured by."""
        return Yardsticks(self.levels(index).scale if self.fields.target.scaling.kind == "standard" else None, None)

    def read(self, number: int) -> str:
        """What is read of a pair, for a person."""
        source: Any = self.corpus[number].source
        return self.fields.source.decode(source)

    def rivals(self) -> Mapping[str, Rival]:
        """The mean of all target frames of training, at each moment of the target."""
        mean = np.array([self.fields.target.mean])
        say: Rival = lambda number: np.repeat(mean, int(self.corpus.target_lengths[number]), 0)  # noqa: E731
        return {"mean": say} if mean.size else {}

    def yardstick(self) -> Rival | None:
        """None."""

    def straight_line(self, dev: NumberPairs, seed: int, *, absolute: bool) -> None:
        """None: lengths differ."""

    def floor(self, number: int) -> Floats:
        """-inf for every column: what targets have been before is not known."""
        return np.full(self.fields.target.size, -np.inf)

    def save(self, folder: Path) -> None:
        """Write the pairs into the folder, which is made."""
        self.corpus.save(folder)

    @classmethod
    def load(cls, folder: Path, fields: NumberFields) -> ArrayPairs:
        """The pairs that `save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        return cls(Corpus.load(folder), fields)


def _encoded(sources: Sequence[Texts] | Sequence[Floats], field: NumberSide | SourceField, name: str) -> list[Array]:
    """Each source as ids (S,) or scaled frames (S, D).

    Raises:
        DataError: texts where the model reads numbers, or the other way about, or of another width.
    """
    is_text = bool(sources) and not isinstance(sources[0], np.ndarray)
    if sources and is_text != isinstance(field, SourceField):
        kinds = ("texts", "arrays") if is_text else ("arrays", "texts")
        raise DataError(f"{name}: {kinds[0]}; expected {kinds[1]}, as in training.")
    if isinstance(field, NumberSide):
        _refuse_width(sources, field, name)
    encode: Callable[[Any], Array] = field.encode
    values: Sequence[Any] = sources
    return [encode(value) for value in values]


def _refuse_width(arrays: Sequence[Any], side: NumberSide, name: str) -> None:
    if arrays and arrays[0].shape[1] != side.size:
        advice = " Put a single array into a list." if name == "X" and arrays[0].shape[1] == 1 else ""
        raise DataError(f"{name}: {arrays[0].shape[1]} numbers a moment; expected {side.size}, as in training.{advice}")


def _examples(sources: Sequence[Array], targets: Sequence[Floats], fields: NumberFields) -> Iterable[Example]:
    """The place in a target is known where its length is."""
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        known = place_known(len(target)) if fields.target.known else None
        yield Example(source, fields.target.encode(target), str(number), None, known)
