"""One series of `growth.py` in a process of its own: the time of an update and the memory, for sizes that rise.

    python growing_probe.py '{"kind": "recurrent", "threads": 1, "points": [{"length": 10, "pairs": 8, "vocabulary": 9, "width": 64}]}'

Prints a JSON list: processor and wall seconds of an update (the median of three after one that warms up) and the most memory so far, in MB.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from seqloom.batching import Batch, Example, collate
from seqloom.config import ModelConfig, RunConfig, TrainingConfig
from seqloom.hardware import resolve
from seqloom.training.learning import Learner

FIRST = 4
"""Ids below are special."""


def main() -> None:
    """Measures the points in turn; the largest is the last, so that the memory is its own."""
    series = json.loads(sys.argv[1])
    print(json.dumps([_point(series["kind"], series["threads"], point) for point in series["points"]]))


def _point(kind: str, threads: int, point: dict[str, int]) -> dict[str, float]:
    training = resolve(TrainingConfig(device="cpu", threads=threads, clip_norm=1.0))
    ids = SimpleNamespace(kind="ids", size=point["vocabulary"], known=0)
    learner = Learner(RunConfig.model_construct(seed=1, model=_model(kind, point["width"]), training=training), ids, ids)
    batch, seconds = _batch(point), list[tuple[float, float]]()
    for number in range(4):
        begun = time.process_time(), time.perf_counter()
        learner.update([batch], number, 1e-3, teacher_forcing=1.0)
        seconds.append((time.process_time() - begun[0], time.perf_counter() - begun[1]))
    processor, wall = (statistics.median(values) for values in zip(*seconds[1:], strict=True))
    return {"processor": processor, "wall": wall, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _batch(point: dict[str, int]) -> Batch:
    """Pairs of random symbols, all of one length."""
    draw = np.random.default_rng(1)
    rows = draw.integers(FIRST, point["vocabulary"], (2, point["pairs"], point["length"]))
    return collate([Example(source, target, "") for source, target in zip(*rows, strict=True)])


def _model(kind: str, width: int) -> ModelConfig:
    block: dict[str, Any] = {"kind": kind, "width": width}
    if kind == "transformer":
        block |= {"layers": 3, "heads": 4, "feed_forward": 4 * width}
    attention = {"kind": "multihead", "heads": 4} if kind == "transformer" else {"kind": "bilinear"}
    settings = {"embedding": width, "tie_embeddings": "none", "encoder": block, "decoder": block, "attention": attention}
    return ModelConfig.model_validate(settings)


if __name__ == "__main__":
    main()
