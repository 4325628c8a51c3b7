"""How fast a trained and an exported model answer, measured in turn, on one thread.

    python benchmarks/decoding.py RUN SOURCES [--references FILE] [--sentences 1000] [--rounds 3]

Exports the run in float32 and in int8 into a temporary folder. Prints a Markdown table: sentences a second at beam 1 and 5, of wall and of
processor time (where other work shares the machine only the latter tells), the best of the rounds; the time of one sentence at a time;
the whole process of `seqloom predict DIR TEXT`; and, with references, BLEU.
"""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
BEAMS = (1, 5)
ALONE = 50
STARTS = 5


def main() -> None:
    """Measures and prints."""
    options = _options()
    import torch

    import seqloom
    from seqloom.export import export

    torch.set_num_threads(1)
    sources = _lines(options.sources)[: options.sentences]
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("float32", "int8"):
            export(options.run, Path(folder) / precision, precision=precision)
        models: dict[str, Any] = {"torch float32": seqloom.load(options.run)}
        models |= {f"exported {name}": seqloom.load(Path(folder) / name, threads=1) for name in ("float32", "int8")}
        references = _lines(options.references)[: options.sentences] if options.references else None
        _print_speed(models, sources, options.rounds, references)
        print(
            f"\n`seqloom predict` of one sentence, the whole process, int8, median of {STARTS}: {_start(Path(folder) / 'int8', sources[0])}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.strip()]


def _print_speed(models: dict[str, Any], sources: list[str], rounds: int, references: list[str] | None) -> None:
    print(f"{len(sources)} sentences, best of {rounds} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| beam | model | sentences/s | of processor time | beside torch | one sentence, ms | BLEU |")
    print("|---|---|---|---|---|---|---|")
    for beam in BEAMS:
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):  # in turn, so that what else the machine does meets all of them
            for name, model in models.items():
                wall, cpu = _seconds(partial(model.predict, sources, beam=beam))
                best[name] = min(wall, best.get(name, (wall, cpu))[0]), min(cpu, best.get(name, (wall, cpu))[1])
        for name, model in models.items():
            wall, cpu = best[name]
            alone = [_seconds(partial(model.predict, [source], beam=beam))[1] for source in sources[:ALONE]]
            bleu = "" if references is None else f"{_bleu(model.predict(sources, beam=beam), references):.2f}"
            ratio = best["torch float32"][1] / cpu
            rates = f"{len(sources) / wall:,.0f} | {len(sources) / cpu:,.0f} | {ratio:.1f}"
            print(f"| {beam} | {name} | {rates} | {1000 * statistics.median(alone):.1f} | {bleu} |", flush=True)


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _bleu(predictions: list[str], references: list[str]) -> float:
    from sacrebleu import corpus_bleu

    return corpus_bleu(predictions, [references]).score


def _start(folder: Path, source: str) -> str:
    """Wall and processor seconds of the command."""
    walls, cpus = list[float](), list[float]()
    for _ in range(STARTS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "seqloom", "predict", str(folder), source], check=True, capture_output=True)
        walls.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return f"{statistics.median(walls):.2f} s, {statistics.median(cpus):.2f} s of processor time"


if __name__ == "__main__":
    main()
