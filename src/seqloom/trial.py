"""How fast a network trains on this machine: by whole updates on real pairs, for a moment."""

from __future__ import annotations

import time

import numpy as np
import torch

from seqloom.config import RunConfig
from seqloom.corpus import Corpus
from seqloom.fields import Fields
from seqloom.hardware import resolve
from seqloom.learning import Learner

__all__ = ["symbols_per_second"]

BATCHES = 3
BUSY = 2.0
"""Wall time counts up to so many times the processor time: a machine that is busy now may not be so for the whole run."""


def symbols_per_second(config: RunConfig, fields: Fields, corpus: Corpus) -> float:
    """Source and target symbols a second, as they stand in the corpus, in the updates of some batches; of each the second one, since a
    kernel is built in the first.

    The process keeps its number of threads.

    Raises:
        MemoryError: they do not fit into the memory of a GPU.
    """
    threads = torch.get_num_threads()
    try:
        return _measured(config, fields, corpus)
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from None
    finally:
        torch.set_num_threads(threads)


def _measured(config: RunConfig, fields: Fields, corpus: Corpus) -> float:
    config = config.model_copy(update={"training": resolve(config.training)})
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
    return symbols / max(seconds, 1e-9)
