"""How fast a network trains on this machine: by whole updates on real pairs, for a moment."""

from __future__ import annotations

import math
import time

import numpy as np
import torch

from seqloom.config import RunConfig
from seqloom.corpus import Corpus
from seqloom.fields.task import Fields
from seqloom.hardware import resolve
from seqloom.training.learning import Learner

__all__ = ["Trials", "symbols_per_second"]

BATCHES = 3
BUSY = 2.0
"""Wall time counts up to so many times the processor time: a machine that is busy now may not be so for the whole run."""


class Trials:
    """Tells how fast networks train here, each by a trial; all trials together take about so many seconds at the most."""

    def __init__(self, fields: Fields, corpus: Corpus, seconds: float) -> None:
        self._fields, self._corpus, self._left = fields, corpus, seconds
        self.fastest = 0.0
        """Symbols a second of the fastest that was tried; 0 where none was."""

    def __call__(self, config: RunConfig) -> float:
        """Source and target symbols a second of a network of this config.

        Raises:
            MemoryError: its batches do not fit into the memory of a GPU.
            TimeoutError: no time is left to try it.
        """
        if self._left <= 0:
            raise TimeoutError("no time is left for trials")
        begin = time.perf_counter()
        try:
            rate = symbols_per_second(config, self._fields, self._corpus, self._left / 2)  # others come after it
        finally:
            self._left -= time.perf_counter() - begin
        self.fastest = max(self.fastest, rate)
        return rate

    def reached(self, config: RunConfig) -> float:
        """What networks here may reach: the fastest that was tried, or else one of this config; 0 where no time is left to try it."""
        try:
            return self.fastest or self(config)
        except (MemoryError, TimeoutError):
            return 0.0


def symbols_per_second(config: RunConfig, fields: Fields, corpus: Corpus, seconds: float = math.inf) -> float:
    """Source and target symbols a second, as they stand in the corpus, in the updates of some batches; of each the second one, since a
    kernel is built in the first.

    The process keeps its number of threads.

    Args:
        seconds: after which no further batch is begun.

    Raises:
        MemoryError: they do not fit into the memory of a GPU.
    """
    threads = torch.get_num_threads()
    try:
        return _measured(config, fields, corpus, seconds)
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from None
    finally:
        torch.set_num_threads(threads)


def _measured(config: RunConfig, fields: Fields, corpus: Corpus, limit: float) -> float:
    config, began = config.model_copy(update={"training": resolve(config.training)}), time.perf_counter()
    learner = Learner(config, fields.source, fields.target)
    symbols, seconds = 0, 0.0
    for index in corpus.batches(config.training.batch, config.seed, 0)[:BATCHES]:
        batch = corpus.batch(index, np.random.default_rng(config.seed))  # as training hears it
        learner.update([batch], 0, 0.0, config.training.teacher_forcing.start)
        begin, worked = time.perf_counter(), time.thread_time()
        learner.update([batch], 0, 0.0, config.training.teacher_forcing.start)
        wall, worked = time.perf_counter() - begin, time.thread_time() - worked
        seconds += min(wall, BUSY * worked) if config.training.device == "cpu" else wall
        symbols += int(corpus.source_lengths[index].sum() + corpus.target_lengths[index].sum())
        if time.perf_counter() - began > limit:
            break
    return symbols / max(seconds, 1e-9)
