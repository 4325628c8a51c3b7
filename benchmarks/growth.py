"""How cost grows: processor time and memory against sentences, their length, the vocabulary, the width and the threads.

    python benchmarks/growth.py [--only sentences length vocabulary width threads] [--pairs 1000 10000 100000 1000000] [--json growth.json]

Prints a table and draws a picture beside this file for each: `growth-length.svg` and so on. Both axes are logarithmic, so a cost that grows
as its cause is a line that rises as the grey one. The table says how steep it is: the exponent between two neighbours, 1 where double the
size is double the cost. `sentences` is preparing, from a file to the encoded corpus; all others are one update of the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from preparing import measure_preparing
from running import ROOT, circumstances

FOLDER = Path(__file__).resolve().parent
KINDS = ("recurrent", "transformer")
USUAL = {"length": 20, "pairs": 16, "vocabulary": 8000, "width": 256}
SIZES = {
    "length": [10, 30, 100, 300, 1000],
    "vocabulary": [100, 1000, 10_000, 100_000],
    "width": [64, 128, 256, 512, 1024],
}
WHAT = {"sentences": "preparing", **dict.fromkeys(("length", "vocabulary", "width", "threads"), "an update")}
Point = dict[str, float]
Series = dict[str, list[Point]]


def main() -> None:
    """Measures what is asked for, prints and draws all there is."""
    options = _options()
    found: dict[str, Any] = json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else {}
    for name in options.only:
        found[name] = {"series": _measure(name, options), "where": "; ".join(circumstances().values())}
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, one in found.items():
        print(table(name, one["series"]), one["where"], sep="\n\n", end="\n\n")
        draw(name, one["series"], options.pictures / f"growth-{name}.svg")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*WHAT], default=[*WHAT])
    parser.add_argument("--pairs", nargs="+", type=int, default=[1000, 10_000, 100_000, 1_000_000], help="how many are prepared")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work" / "peers", help="folder for the pairs that are made")
    parser.add_argument("--pictures", type=Path, default=FOLDER, help="folder of the pictures")
    parser.add_argument("--json", type=Path, help="file that keeps the results; parts measured now replace older ones")
    return parser.parse_args()


# ------------------------------------------------------------------------------------------------------------ measuring


def _measure(name: str, options: argparse.Namespace) -> Series:
    print(f"{name} ...", file=sys.stderr, flush=True)
    if name == "sentences":
        rows = measure_preparing(options.pairs, options.work).values()
        return {"preparing": [_prepared(row) for row in rows]}
    if name == "threads":
        return {kind: [_probe(kind, threads, "threads", [4 * USUAL["pairs"]])[0] for threads in (1, 2)] for kind in KINDS}
    return {kind: _probe(kind, 1, name, SIZES[name]) for kind in KINDS}


def _prepared(row: dict[str, Any]) -> Point:
    wall, processor, peak = row["parts"]["encode"]
    return {"size": row["pairs"], "processor": processor, "wall": wall, "mb": peak}


def _probe(kind: str, threads: int, name: str, sizes: list[int]) -> list[Point]:
    """Points of rising size; with threads the size is their number, and batches are larger."""
    varied = "pairs" if name == "threads" else name
    fewer = {"pairs": 4} if name == "length" else {}
    series = {"kind": kind, "threads": threads, "points": [{**USUAL, **fewer, varied: size} for size in sizes]}
    command = [sys.executable, str(FOLDER / "growing_probe.py"), json.dumps(series)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    shown = [threads] if name == "threads" else sizes
    return [{"size": size, **point} for size, point in zip(shown, json.loads(done.stdout), strict=True)]


# -------------------------------------------------------------------------------------------------------------- showing


def exponents(sizes: Iterable[float], costs: Iterable[float]) -> list[float]:
    """Between neighbours: 1 where the cost grows as the size, 2 as its square, 0 where it stays."""
    points = [(math.log(size), math.log(cost)) for size, cost in zip(sizes, costs, strict=True)]
    return [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(points)]


def table(name: str, series: Series) -> str:
    """A line for each point."""
    lines = [[name, "of", "processor s", "exponent", "wall s", "peak MB", "exponent"], ["---"] * 7]
    for title, points in series.items():
        sizes = [point["size"] for point in points]
        steep = {key: ["", *(f"{each:.2f}" for each in exponents(sizes, [point[key] for point in points]))] for key in ("processor", "mb")}
        for number, point in enumerate(points):
            costs = [
                f"{point['processor']:.3g}",
                steep["processor"][number],
                f"{point['wall']:.3g}",
                f"{point['mb']:,.0f}",
                steep["mb"][number],
            ]
            lines.append([f"{point['size']:,.0f}", title, *costs])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def draw(name: str, series: Series, path: Path) -> None:
    """Time and memory against the size, side by side; grey: in proportion."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name})  # small, and the same for the same numbers
    time_key = "wall" if name == "threads" else "processor"
    figure = Figure(figsize=(8, 3), layout="constrained")
    labels = {time_key: f"{time_key} seconds of {WHAT[name]}", "mb": "MB at peak"}
    for axes, (key, label) in zip(figure.subplots(1, 2), labels.items(), strict=True):
        for title, points in series.items():
            axes.plot([point["size"] for point in points], [point[key] for point in points], marker="o", label=title)
        _draw_proportion(axes, next(iter(series.values())), key)
        axes.set(xscale="log", yscale="log", xlabel=name, title=label)
    figure.axes[0].legend()
    figure.savefig(path, metadata={"Date": None})


def _draw_proportion(axes: Any, points: list[Point], key: str) -> None:
    """A line through the last point of a series that rises as the size does."""
    sizes, last = [point["size"] for point in points], points[-1]
    axes.plot(sizes, [last[key] * size / last["size"] for size in sizes], color="lightgrey", zorder=0)


if __name__ == "__main__":
    main()
