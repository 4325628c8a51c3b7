"""Preparing pairs for training, from a file to the encoded corpus: how its time and memory grow with their number.

The pairs are made: sentences of words drawn from a vocabulary of 60,000 by Zipf's law, 12 words on average, as long texts have them.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

__all__ = ["measure_preparing", "preparing_table"]

SECONDS, MEGABYTES = 60.0, 1000.0
"""The bar for a million pairs."""
WORDS = 60_000
BEGINS = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "st", "tr", "kl"]
VOWELS = ["a", "e", "i", "o", "u", "ei", "ou"]
ENDS = ["", "n", "r", "s", "t", "l", "k", "m"]
PROBE = """
import gc, json, resource, sys, time
from seqloom.cli import LASTING
from seqloom.corpus import Corpus, encode_rows
from seqloom.fields.task import Fields
from seqloom.planning.plan import make_plan
gc.set_threshold(LASTING)
found, start = {}, time.perf_counter()
def note(part):
    found[part] = [time.perf_counter() - start, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
plan = make_plan(sys.argv[1])
note("read")
fields = Fields.fit(plan.config.fields, plan.train, plan.names)
note("fit")
corpus = Corpus.build(encode_rows(plan.train, fields, plan.config.data, copy=False))
note("encode")
print(json.dumps(found))
"""
"""What `seqloom train` does before its network is made, with the clock read in between; in a process of its own, for its memory's sake."""


def write_pairs(path: Path, count: int) -> None:
    """A file of pairs; the same for every call."""
    draw = random.Random(1)
    words = ["".join(_syllable(draw) for _ in range(1 + min(3, int(draw.expovariate(0.8))))) for _ in range(WORDS)]
    weights = list(accumulate(1 / (place + 2) for place in range(WORDS)))
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            length = max(3, int(draw.gauss(12, 4)))
            lengths = (length, max(3, length + draw.randint(-2, 2)))
            sides = (" ".join(draw.choices(words, cum_weights=weights, k=size)).capitalize() for size in lengths)
            file.write(".\t".join(sides) + ".\n")


def _syllable(draw: random.Random) -> str:
    return draw.choice(BEGINS) + draw.choice(VOWELS) + draw.choice(ENDS)


def measure_preparing(counts: list[int], work: Path) -> dict[str, dict[str, Any]]:
    """A row for each number of pairs: wall and processor seconds and peak memory after reading, after learning, after encoding."""
    rows: dict[str, dict[str, Any]] = {}
    for count in counts:
        path = work / f"pairs-{count}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_pairs(path, count)
        done = subprocess.run([sys.executable, "-c", PROBE, str(path)], stdout=subprocess.PIPE, text=True, check=True)
        parts = json.loads(done.stdout)
        reached = {"reached": parts["encode"][0] < SECONDS and parts["encode"][2] < MEGABYTES} if count == 1_000_000 else {}
        rows[f"prepare {count}"] = {"pairs": count, "parts": parts, **reached}
    return rows


def preparing_table(rows: dict[str, dict[str, Any]]) -> str:
    """A line for each number of pairs: processor time, part by part, and wall time."""
    head = ["pairs", "read and choose, s", "learn subwords, s", "encode, s", "all, s", "by wall time, s", "peak MB", "commit"]
    lines = [head, ["---"] * len(head)]
    for row in sorted((row for row in rows.values() if "parts" in row), key=lambda row: row["pairs"]):
        ends = [processor for _, processor, _ in row["parts"].values()]
        each = [end - begin for begin, end in zip([0.0, *ends[:-1]], ends, strict=True)]
        cells = [f"{row['pairs']:,}", *(f"{seconds:.1f}" for seconds in each), f"{ends[-1]:.1f}", f"{row['parts']['encode'][0]:.1f}"]
        lines.append([*cells, f"{row['parts']['encode'][2]:,.0f}", row["commit"]])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
