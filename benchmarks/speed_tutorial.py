"""Training speed beside the tutorial's loop: the same network shape, the same batches, measured in turn.

    python benchmarks/speed_tutorial.py [--data FOLDER] [--rounds 5] [--batches 20] [--json speed.json]

Multi30k German to English, BPE of 8,000 pieces for both languages, batches of pairs of like length. Each contestant lives in a process of
its own, so that no setting of one reaches the other, and works only when it is its turn: A B C, A B C, ... A round is all batches once; the
first round warms up (kernels are chosen, code is compiled) and is not counted. Speed is target tokens that are not padding, </s> included,
by the wall time of whole training steps.

Beside each speed stands its share of the limit: the operations that the network needs for the real symbols, by what a large matrix product
of the same process reaches in the same round (the faster of float32 and bfloat16). No contestant can pass it, so the row of the limit says
how many times the loop's speed there is to have on this processor.
"""

from __future__ import annotations

import argparse
import gzip
import io
import itertools
import json
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import sentencepiece
import torch
from race import rate_of_products
from running import ROOT, circumstances
from sets import multi30k
from tutorial_loop import END, PAD, START, Pair, Shape, tutorial_stepper

from seqloom.batching import Example, collate
from seqloom.config import ModelConfig, RecurrentDecoder, RecurrentEncoder, RunConfig, TrainingConfig
from seqloom.hardware import resolve
from seqloom.training.learning import Learner

VOCABULARY = 8000
POOL = 100  # batches that are sorted by length together
OURS, LOOP = "seqloom", "tutorial loop"
Stepper = Callable[[list[Pair]], float]


def seqloom_step(shape: Shape) -> Stepper:
    """seqloom's own training step on a batch of pairs, as `seqloom train` runs it on this machine."""
    model = ModelConfig(
        embedding=shape.embedding,
        dropout=shape.dropout,
        tie_embeddings="all",
        encoder=RecurrentEncoder(width=2 * shape.encoder),
        decoder=RecurrentDecoder(width=shape.decoder),
    )
    training = resolve(TrainingConfig(device="cpu", threads=torch.get_num_threads(), clip_norm=shape.clip_norm))
    ids = SimpleNamespace(kind="ids", size=shape.vocabulary, known=0)
    learner = Learner(RunConfig.model_construct(seed=1, model=model, training=training), ids, ids)
    numbers = itertools.count()

    def step(pairs: list[Pair]) -> float:
        batch = collate([Example(np.append(source, END), target, "") for source, target in pairs])
        return learner.update([batch], next(numbers), shape.learning_rate, teacher_forcing=1.0) / batch.tokens

    return step


CONTESTANTS: dict[str, Callable[[Shape], Stepper]] = {
    LOOP: tutorial_stepper,
    "the same with LSTMCell": lambda shape: tutorial_stepper(shape, cell=True),
    OURS: seqloom_step,
}


def main() -> None:
    """Measures in turn and prints speeds and ratios."""
    options = _options()
    batches = read_batches(options.data, options.work, options.batch_size)[: options.batches]
    tokens = sum(len(target) + 1 for batch in batches for _, target in batch)
    work = sum(operations(Shape(VOCABULARY), pair) for batch in batches for pair in batch)
    workers = {name: Worker(name, batches, options.threads) for name in CONTESTANTS}
    speeds: dict[str, list[float]] = {name: [] for name in workers}
    limits: list[float] = []
    for number in range(options.rounds + 1):
        for name, worker in workers.items():
            seconds, loss, rate = worker.round()
            print(f"round {number or 'of warming up'}: {name}: {tokens / seconds:,.0f} tokens/s, loss {loss:.2f}", flush=True)
            if number:
                speeds[name].append(tokens / seconds)
                limits.append(rate)
    for worker in workers.values():
        worker.stop()
    limit = statistics.median(limits) * tokens / work
    print(table(speeds, limit))
    each, rate = work / tokens / 1e6, statistics.median(limits) / 1e9
    print(f"\nlimit: {limit:,.0f} tokens/s, {each:.0f} million operations a token at {rate:,.0f} GFLOP/s")
    print(f"{len(batches)} batches of {options.batch_size} pairs, {tokens:,} target tokens a round; {options.threads} threads")
    print("; ".join(circumstances().values()))
    if options.json:
        options.json.write_text(json.dumps({"speeds": speeds, "limit": limit, **circumstances()}, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder of the data sets; default ../shared/data")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work", help="folder for the subword model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20, help="batches a round")
    parser.add_argument("--batch-size", type=int, default=80, help="pairs a batch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the raw speeds")
    return parser.parse_args()


def read_batches(data: Path, work: Path, size: int) -> list[list[Pair]]:
    """Training pairs of Multi30k as ids, in batches of like length, in random order; the same for every call."""
    source, target = (_lines(path) for path in multi30k("de", "en")(data, work).train)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(source + target), model_writer=model, vocab_size=VOCABULARY, model_type="bpe",
        pad_id=PAD, bos_id=START, eos_id=END, unk_id=3, minloglevel=2,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    sides = (pieces.encode(lines) for lines in (source, target))
    pairs = [(np.array(a), np.array(b)) for a, b in zip(*sides, strict=True)]
    draw = random.Random(1)
    draw.shuffle(pairs)
    batches: list[list[Pair]] = []
    for start in range(0, len(pairs), POOL * size):
        pool = sorted(pairs[start : start + POOL * size], key=lambda pair: (len(pair[0]), len(pair[1])))
        batches += [pool[place : place + size] for place in range(0, len(pool), size)]
    draw.shuffle(batches)
    return batches


def _lines(path: str) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.strip() for line in file]


class Worker:
    """A contestant in its own process, idle until asked for a round."""

    def __init__(self, name: str, batches: list[list[Pair]], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(name, batches, threads, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def round(self) -> tuple[float, float, float]:
        """Seconds for all batches, the mean loss, and operations a second of a large matrix product."""
        self.pipe.send("round")
        return self.pipe.recv()

    def stop(self) -> None:
        """Ends the process."""
        self.pipe.send("stop")
        self.process.join()


def _work(name: str, batches: list[list[Pair]], threads: int, pipe: Connection) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    step = CONTESTANTS[name](Shape(VOCABULARY))
    while pipe.recv() == "round":
        started = time.perf_counter()
        losses = [step(batch) for batch in batches]
        pipe.send((time.perf_counter() - started, sum(losses) / len(losses), rate_of_products(torch.get_num_threads())))


def operations(shape: Shape, pair: Pair) -> float:
    """What a training step needs for a pair: a product and a sum for each weight and position, forward once and backward twice."""
    source, target = len(pair[0]) + 1, len(pair[1]) + 1
    encoder = 2 * 4 * shape.encoder * (shape.embedding + shape.encoder)
    decoder = 4 * shape.decoder * (shape.embedding + shape.decoder)
    attention = 2 * source * 2 * shape.encoder + (shape.decoder + 2 * shape.encoder) * shape.decoder
    projection = shape.embedding * (shape.decoder + shape.vocabulary)
    return 3 * 2 * (source * encoder + target * (decoder + attention + projection))


def table(speeds: dict[str, list[float]], limit: float) -> str:
    """Median and range of the speeds, of each one's ratio to the loop in the same round, and its share of the limit."""
    lines = ["| | target tokens/s, median | range | times the loop, median | range | of the limit |", "|---|---|---|---|---|---|"]
    for name, values in speeds.items():
        ratios = [value / base for value, base in zip(values, speeds[LOOP], strict=True)]
        cells = [name, _median(values, ",.0f"), _range(values, ",.0f"), _median(ratios, ".2f"), _range(ratios, ".2f")]
        lines.append(f"| {' | '.join(cells)} | {statistics.median(values) / limit:.0%} |")
    ratios = [limit / base for base in speeds[LOOP]]
    lines.append(f"| limit of this processor | {limit:,.0f} | | {_median(ratios, '.2f')} | {_range(ratios, '.2f')} | 100% |")
    return "\n".join(lines)


def _median(values: list[float], form: str) -> str:
    return format(statistics.median(values), form)


def _range(values: list[float], form: str) -> str:
    return f"{min(values):{form}} to {max(values):{form}}"


if __name__ == "__main__":
    main()
