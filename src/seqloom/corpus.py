"""Encoded examples in flat arrays: compact in memory, and on disk for `resume`, read by memory map."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.batching import Array, Batch, Example, Ids, collate, make_batches
from seqloom.config import BatchConfig, DataConfig
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, DataError, TooLongError, TrainingError, standing_at
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import UNK

__all__ = ["Corpus", "encode_rows", "length_bound", "length_ratio"]

Stored = npt.NDArray[Any]
JOINED = 1000  # examples that are put together at a time: an array of a few ids is mostly its head
MUCH_MORE = 2
"""Times the longest answer that is likely to be needed: what may be longer is bounded."""
ARRAYS = ("source", "source_ends", "target", "target_ends", "copy", "known")


class Corpus:
    """A sequence of examples: `corpus[i]` is the i-th; lengths are arrays (n,)."""

    def __init__(self, arrays: dict[str, Stored]) -> None:
        self._arrays = arrays
        self.vary: Callable[[Any, np.random.Generator], Any] | None = None
        """What a source becomes in training, drawn anew each time; None: itself."""
        self.source_lengths: Ids = np.diff(arrays["source_ends"].astype(np.int64), prepend=0)
        self.target_lengths: Ids = np.diff(arrays["target_ends"].astype(np.int64), prepend=0)

    @classmethod
    def build(cls, examples: Iterable[Example]) -> Corpus:
        """The corpus of the examples; ids are kept as int32, frames as float32."""
        parts: dict[str, list[Stored]] = {"source": [], "target": [], "copy": [], "known": []}
        lengths: dict[str, list[int]] = {"source": [], "target": []}
        examples = iter(examples)
        while some := list(islice(examples, JOINED)):
            for name, chunks in parts.items():
                if arrays := [array for example in some if (array := getattr(example, name)) is not None]:
                    joined = np.concatenate(arrays)
                    chunks.append(joined.astype(np.int32 if joined.ndim == 1 else np.float32))
            for side, numbers in lengths.items():
                numbers += [len(getattr(example, side)) for example in some]
        arrays = {name: np.concatenate(chunks) if chunks else np.empty(0, np.int32) for name, chunks in parts.items()}
        return cls({**arrays, **{f"{side}_ends": np.cumsum(numbers, dtype=np.int64) for side, numbers in lengths.items()}})

    @property
    def source_is_frames(self) -> bool:
        """Whether sources are frames, of which there are many a target symbol."""
        return self._arrays["source"].ndim == 2

    def unknown_share(self, side: str) -> float:
        """How many of the symbols of a side, </s> left out, are <unk>; 0 of frames."""
        array = self._arrays[side]
        symbols = np.count_nonzero(array >= UNK) if array.ndim == 1 else 0
        return np.count_nonzero(array == UNK) / symbols if symbols else 0.0

    def __len__(self) -> int:
        return len(self.source_lengths)

    def __getitem__(self, number: int) -> Example:
        source, target = self._slice("source", "source", number), self._slice("target", "target", number)
        copy = self._slice("copy", "source", number) if len(self._arrays["copy"]) else None
        known = self._slice("known", "target", number) if len(self._arrays["known"]) else None
        return Example(source, target, str(number), copy, known)

    def __iter__(self) -> Iterator[Example]:
        return (self[number] for number in range(len(self)))

    def commonest_target(self, among: int) -> Stored:
        """The ids (T,) that are the target of most of the first examples, of which so many are looked at."""
        ends = self._arrays["target_ends"][:among].tolist()
        ids = self._arrays["target"][: ends[-1]]
        raw, size = ids.tobytes(), ids.itemsize
        counts = Counter(raw[begin * size : end * size] for begin, end in pairwise([0, *ends]))
        return np.frombuffer(counts.most_common(1)[0][0], ids.dtype)

    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]:
        """The indices of each batch of one pass, in order; the same for the same seed and pass."""
        return make_batches(self.source_lengths, self.target_lengths, config, seed, epoch)

    def batch(self, index: Sequence[int] | Ids, draw: np.random.Generator | None = None) -> Batch:
        """The examples of that index, padded; with a generator each source is varied by it, as its field does."""
        examples = [self[int(place)] for place in index]
        if draw is not None and self.vary is not None:
            examples = [replace(example, source=self.vary(example.source, draw)) for example in examples]
        return collate(examples, [int(place) for place in index])

    def _slice(self, name: str, side: str, number: int) -> Any:
        """The part of an array that is of one example: ids as int64 (T,), frames as float32 (T, D)."""
        ends, array = self._arrays[f"{side}_ends"], self._arrays[name]
        part = array[int(ends[number - 1]) if number else 0 : int(ends[number])]
        return part.astype(np.int64 if part.ndim == 1 else np.float32)

    def save(self, folder: Path) -> None:
        """Write the arrays into the folder, which is made.

        Raises:
            TrainingError: the disk is full, or may not be written to.
        """
        sizes = {name: len(array) for name, array in self._arrays.items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, array in self._arrays.items():
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
            (folder / "corpus.json").write_text(json.dumps(sizes), encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{folder}: the encoded training data cannot be written ({error.strerror}).") from None

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """The corpus that `save` wrote, by memory map.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        try:
            sizes = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r" if sizes[name] else None) for name in ARRAYS}
            if any(len(array) != sizes[name] for name, array in arrays.items()):
                raise ValueError("sizes differ")
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder}: the encoded training data is damaged ({error}); train anew with --overwrite.") from None
        return cls(arrays)


def length_ratio(corpus: Corpus) -> float:
    """A `search.max_length_ratio` that lets 999 of 1,000 targets of the corpus be written, and a fifth more; at least 1 for ids."""
    targets, sources = corpus.target_lengths, np.maximum(corpus.source_lengths, 1)
    if corpus.source_is_frames:  # short targets need no more than the ten symbols, and would leave nothing to longer sources
        return max(0.01, float(np.ceil(120 * np.quantile(targets / sources, 0.999)) / 100))
    return max(1.0, float(np.ceil(12 * np.quantile((targets - 10) / sources, 0.999)) / 10))  # ten more symbols are always allowed


def length_bound(corpus: Corpus, ratio: float) -> int | None:
    """A `search.max_length` for targets that are not the longer the longer their sources are: twice the longest of the corpus, and ten
    more; None where the ratio does not let much more be written.
    """
    bound = 2 * int(corpus.target_lengths.max()) + 10
    return bound if ratio * int(corpus.source_lengths.max()) + 10 > MUCH_MORE * bound else None


def encode_rows(
    rows: Iterable[Row], fields: Fields, config: DataConfig, *, copy: bool, trained: bool = False, counts: dict[str, int] | None = None
) -> Iterator[Example]:
    """Each row as an example; what is over the limits of `config` is refused, cut or skipped, and counted in `counts`.

    Args:
        trained: whether the pairs are those of a training; of what is answered or measured none is skipped, but refused.

    Raises:
        DataError: a row without source; names file and line.
        TooLongError: one over a limit that is neither cut nor skipped.
    """
    counts = {} if counts is None else counts
    for row in rows:
        if not any(row.source):
            raise DataError(
                f"{row.where}: the source is empty; expected at least one symbol. Mend the line, or go on without such rows: --skip-bad."
            )
        with standing_at(row.where):
            source = fields.source.encode(row.source)
        copy_ids, extra = fields.copy_ids(row.source) if copy else (None, [])
        target = fields.encode_target(row.target, extra) if copy else fields.target.encode(row.target)
        over = _over_limit(source, len(target), config, trained)
        if over and (config.too_long == "error" or (config.too_long == "skip" and not trained)):
            raise TooLongError(f"{row.where}: {row.source[0] + ': ' if config.sounds else ''}{over}")
        if over:
            counts[config.too_long] = counts.get(config.too_long, 0) + 1
            if config.too_long == "skip":
                continue
            kept = fields.kept(source, config.max_source_length, config.keep)
            source, target = source[kept], target[: config.max_target_length]
            if copy_ids is not None:
                copy_ids = copy_ids[kept]
                target = fields.without_cut_away(target, copy_ids)
        yield Example(source, target, row.where, copy_ids)


def _over_limit(source: Array, target: int, config: DataConfig, trained: bool) -> str | None:
    """What is over a limit, and what to do about it."""
    read, unit = (len(source) - 1, "symbols") if source.ndim == 1 else (len(source), "moments")  # ids end with </s>
    sides = (("source", read, config.max_source_length, unit), ("target", target, config.max_target_length, "symbols"))
    for side, length, limit, unit in sides:
        if length > limit:
            what, higher = f"the {side} has {length:,} {unit}; the limit is {limit:,}.", f"--set data.max_{side}_length={length}"
            if trained:
                return f"{what} Mend the line, raise it with {higher}, or cut or skip such pairs with --set data.too_long=cut (or skip)."
            return f"{what} Shorten it, or train a model with {higher} or --set data.too_long=cut."
    return None
