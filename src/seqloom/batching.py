"""Encoded examples to padded batches, in an order that is fixed by the seed and can start anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seqloom.config import BatchConfig
from seqloom.fields.vocabulary import BOS, EOS, PAD

__all__ = ["Array", "Batch", "Example", "Frames", "Ids", "collate", "make_batches", "pad", "updates_a_pass"]

Ids = npt.NDArray[np.int64]
"""(T,)"""
Frames = npt.NDArray[np.float32]
"""(T, D): D numbers at each of T moments"""
Array = Ids | Frames
Mask = npt.NDArray[np.bool_]
Row = TypeVar("Row", bound=npt.NDArray[Any])

ROWS = 8
"""Batches of so many pairs, or a multiple."""


@dataclass(frozen=True, slots=True)
class Example:
    """One encoded pair, either side ids or frames."""

    source: Array
    """(S,) ids, </s> last; or (S, D) frames"""
    target: Array
    """(T,) ids without <s> and </s>; or (T, D) frames, at least one"""
    where: str
    copy: Ids | None = None
    """(S,): for a model that copies, the target id of each source symbol; see `Fields.copy_ids`."""
    known: Frames | None = None
    """(T, C): what is known beforehand of each target frame"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded examples; masks come from lengths and are True where something real stands."""

    source: Array
    """(B, S) ids, or (B, S, D) frames"""
    source_mask: Mask
    """(B, S)"""
    target_in: Array
    """(B, T) ids: <s> and the target; or (B, T, D + C) frames: the frame before, zeros at first, and what is known of this one"""
    target_out: Array
    """(B, T) ids: the target and </s>; or (B, T, D) frames: the target, NaN where it is not known"""
    target_mask: Mask
    """(B, T)"""
    copy: Ids | None
    """(B, S), -1 at padding"""
    index: Ids
    """(B,): where each example stood"""

    @property
    def tokens(self) -> int:
        """Target positions, </s> included, padding not."""
        return int(self.target_mask.sum())


def collate(examples: Sequence[Example], index: Sequence[int] | None = None) -> Batch:
    """The examples padded into one batch."""
    source, source_mask = pad([example.source for example in examples])
    target_in, target_mask = pad([_shown(example) for example in examples])
    target_out, _ = pad([_wanted(example.target) for example in examples])
    copies = [example.copy for example in examples if example.copy is not None]
    copy = pad(copies, fill=-1)[0] if len(copies) == len(examples) else None
    places = np.arange(len(examples)) if index is None else np.asarray(index, dtype=np.int64)
    return Batch(source, source_mask, target_in, target_out, target_mask, copy, places)


def _shown(example: Example) -> Array:
    """What the decoder is shown at each position, where all before it was right."""
    if example.target.ndim == 1:
        return np.concatenate([[BOS], example.target.astype(np.int64)])
    target = example.target.astype(np.float32, copy=False)
    before = np.concatenate([np.zeros_like(target[:1]), target[:-1]])
    return before if example.known is None else np.concatenate([before, example.known], axis=1)


def _wanted(target: Array) -> Array:
    """What it has to say: ids end with </s>, frames with their last."""
    if target.ndim > 1:
        return target
    return np.concatenate([target.astype(np.int64), [EOS]])


def pad(rows: Sequence[Row], fill: int = PAD) -> tuple[Row, Mask]:
    """Rows (T,) or (T, D) filled up to the longest, at least 1, and the mask (B, T) of what is real."""
    lengths = np.array([len(row) for row in rows])
    longest = max(int(lengths.max()), 1)
    mask = np.arange(longest) < lengths[:, None]
    padded = np.full((len(rows), longest, *rows[0].shape[1:]), fill, dtype=rows[0].dtype)
    padded[mask] = np.concatenate(rows)
    return padded, mask  # pyright: ignore[reportReturnType]  # of the dtype of the rows


def make_batches(source_lengths: Ids, target_lengths: Ids, config: BatchConfig, seed: int, epoch: int) -> list[Ids]:
    """The indices of each batch of one pass, in order; the same for the same seed and pass.

    Pairs of like length stand together, so little is padding; which of them, and the order of the batches, is drawn anew each pass.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(source_lengths))
    order = order[np.lexsort(_sort_keys(source_lengths[order], target_lengths[order], config))]
    batches = list(_cut(order, source_lengths, target_lengths, config))
    return [batches[place] for place in generator.permutation(len(batches))]


def _sort_keys(source: Ids, target: Ids, config: BatchConfig) -> tuple[Ids, ...]:
    """Keys for np.lexsort, the weightiest last; ties keep the drawn order."""
    if config.bucket_by == "none":
        return (np.zeros_like(source),)
    if config.bucket_by == "source":
        return (source,)
    return (source // 2, target)


def _cut(order: Ids, source: Ids, target: Ids, config: BatchConfig) -> Iterator[Ids]:
    """The order cut where the next pair would make the batch too large; at least one pair each."""
    if config.unit == "pairs":
        yield from (order[start : start + config.size] for start in range(0, len(order), config.size))
        return
    widths = np.maximum(source, target + 1)[order]
    start, widest = 0, 0
    for place, width in enumerate(widths.tolist()):
        widest = max(widest, width)
        if place > start and place + 1 - start > _rows_for(widest, config.size):
            yield order[start:place]
            start, widest = place, width
    if len(order):
        yield order[start:]


def _rows_for(width: int, size: int) -> int:
    """How many rows of so many padded symbols fit; in eights, so that shapes repeat."""
    rows = size // width
    return rows // ROWS * ROWS if rows > ROWS else max(rows, 1)


def updates_a_pass(batches: int, config: BatchConfig) -> int:
    """How often the weights change while all batches are gone through once."""
    return math.ceil(batches / config.accumulate)
