"""No flags needed: trains on the public sets with paths only, scores each test part once, prints a table beside what is published.

    python benchmarks/quality.py [--only g2p-fre cmudict] [--seeds 1 2 3] [--members 5] [--budget 30m] [--json results.json]

`--only` takes names of sets and of their parts. With `--json` the results of several invocations are kept and printed together; each
names the commit that it was measured on. A set's mean stands in the table once all of its parts are there. A number that missed its
goal is marked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from published import SETS, Part, Set
from running import ROOT, circumstances, count_parameters, flags, run_seqloom, seqloom, table_line, what_was_chosen
from sets import Files

from seqloom.planning.asked import parse_duration

HEAD = ["set", "metric", "published", "to reach", "ours", "minutes", "parameters", "chosen", "commit"]
LEGEND = "Published: [C] read where it was published, [R] recomputed from these files, [M] from memory of the paper, a rough target."

Result = dict[str, Any]


def main() -> None:
    """Measures what was asked for and prints the table of all results there are."""
    options = _options()
    results: dict[str, Result] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text(encoding="utf-8"))
    for group in SETS:
        for part in group.parts:
            if not {group.name, part.name} & set(options.only or [group.name]):
                continue
            for seed in options.seeds:
                results[key(part, seed, options.members)] = measure(group, part, seed, options) | circumstances()
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(results))


def _options() -> argparse.Namespace:
    names = sorted({name for group in SETS for name in (group.name, *(part.name for part in group.parts))})
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder of the data sets; default ../shared/data")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "benchmarks" / "work", help="folder for runs, logs and what is made from the data"
    )
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}; default all")
    parser.add_argument("--budget", default="30m", metavar="TIME", help="wall time of each training, as in 90s or 15m; default 30m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], metavar="N", help="a training each; default 1, which is seqloom's own")
    parser.add_argument("--members", type=int, default=1, metavar="N", help="networks in each model, where more than one")
    parser.add_argument("--json", type=Path, help="file that keeps the results; measured anew, one replaces the older one")
    return parser.parse_args()


def key(part: Part, seed: int, members: int) -> str:
    """The name of a result among all that are kept."""
    return f"{part.name}/seed {seed}/members {members}"


# --------------------------------------------------------------------------------------------------------------- measuring


def measure(group: Set, part: Part, seed: int, options: argparse.Namespace) -> Result:
    """Trains on the files of a part and scores its test part."""
    name = f"{part.name}-{seed}-{options.members}"
    run, log = options.work / "runs" / name, options.work / f"{name}.log"
    options.work.mkdir(parents=True, exist_ok=True)
    files = part.files(options.data, options.work / "pairs")
    command = train_command(files, run, seed, options)
    print(f"{part.name}: seqloom {' '.join(command)}", file=sys.stderr, flush=True)
    seconds = parse_duration(options.budget)
    started = time.perf_counter()
    problem = run_seqloom(command, log, timeout=2 * seconds + 300)
    result: Result = {"seconds": round(time.perf_counter() - started, 1), "budget_seconds": seconds}
    scores = {} if problem else evaluate(run, files, log)
    if not scores:
        return result | {"failed": problem or f"no predictions, see {log.name}"}
    predictions = predictions_of(run)
    values = group.metric.compute(predictions, files.answers)
    return result | {
        "values": values,
        "scores": scores,
        "parameters": options.members * count_parameters(log),
        "chosen": what_was_chosen(run),
    }


def train_command(files: Files, run: Path, seed: int, options: argparse.Namespace) -> list[str]:
    """Paths, and the columns that name the task; no other choice but the time, and what was asked for by a flag of this bench."""
    asked = [*(["--seed", str(seed)] if seed != 1 else []), *(["--members", str(options.members)] if options.members > 1 else [])]
    paths = [*files.train, *flags("--dev", files.dev), *files.columns]
    return ["train", *paths, "--budget", options.budget, "--out", str(run), "--overwrite", *asked]


def evaluate(run: Path, files: Files, log: Path) -> dict[str, float]:
    """What `seqloom evaluate` says of the test part; it leaves the predictions in the run. Empty when it failed."""
    command = [*seqloom(), "evaluate", str(run), *files.test, "--json", "--output", str(run / "predictions.txt")]
    with log.open("a", encoding="utf-8") as errors:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True, check=False)
    if result.returncode:
        return {}
    return {name: value for name, value in json.loads(result.stdout).items() if isinstance(value, int | float)}


def predictions_of(run: Path) -> list[str]:
    """The predictions, one a line, in the order of the test part."""
    return (run / "predictions.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")


# ---------------------------------------------------------------------------------------------------------------- printing


def table(results: dict[str, Result]) -> str:
    """The results as a Markdown table, in the order of the sets, with legend and machines below."""
    members = sorted({int(name.rpartition(" ")[2]) for name in results})
    rows = [row for group in SETS for count in members for row in _rows(group, count, results)]
    lines = [table_line(HEAD), table_line(["---"] * len(HEAD)), *map(table_line, rows)]
    machines = sorted({f"{result['machine']}; {result['date']}" for result in results.values()})
    return "\n".join([*lines, "", LEGEND, "", *machines])


def _rows(group: Set, members: int, results: dict[str, Result]) -> list[list[str]]:
    found = {part: of_part(part, members, results) for part in group.parts}
    ensemble = f", {members} members" if members > 1 else ""
    rows = [_row(group, part.title + ensemble, part.published, part.goal, seeds) for part, seeds in found.items() if seeds]
    mean, together = group.mean, means(list(found.values()))
    if mean and together:
        goal = dict(mean.members).get(members, mean.goal)
        rows.append(_row(group, mean.title + ensemble, mean.published, goal, together))
    return rows


def of_part(part: Part, members: int, results: dict[str, Result]) -> dict[int, Result]:
    """The results of a part, by seed."""
    seeds = {int(name.split("/")[1].removeprefix("seed ")) for name in results if name.startswith(f"{part.name}/")}
    return {seed: results[name] for seed in sorted(seeds) if (name := key(part, seed, members)) in results}


def means(parts: list[dict[int, Result]]) -> dict[int, Result]:
    """For each seed that every part was trained with the means of the parts, the sum of their seconds, and what they share."""
    seeds = set.intersection(*map(set, parts)) if parts else set[int]()
    return {seed: _mean([part[seed] for part in parts]) for seed in sorted(seeds) if all("values" in part[seed] for part in parts)}


def _mean(results: list[Result]) -> Result:
    columns = zip(*(result["values"] for result in results), strict=True)
    return {
        "values": [statistics.fmean(column) for column in columns],
        "seconds": sum(result["seconds"] for result in results),
        "parameters": statistics.fmean(result["parameters"] for result in results),
        "chosen": "",
        "commit": ", ".join(sorted({result["commit"] for result in results})),
    }


def _row(group: Set, title: str, published: str, goal: tuple[float, ...], seeds: dict[int, Result]) -> list[str]:
    done = [result for result in seeds.values() if "values" in result]
    better = "≥" if group.metric.more_is_better else "≤"
    to_reach = f"{better} {group.metric.text(goal)}" if goal else ""
    if not done:
        failed = next(iter(seeds.values()))
        return _cells(title, group.metric.label, published, to_reach, f"failed: {failed['failed']}", "", "", "", failed["commit"])
    return _cells(
        *(title, group.metric.label, published, to_reach, ours(group, goal, [result["values"] for result in done])),
        f"{statistics.median(result['seconds'] for result in done) / 60:.1f}",
        f"{statistics.median(result['parameters'] for result in done) / 1e6:.2f} M",
        "; or ".join(dict.fromkeys(result["chosen"] for result in done)),
        ", ".join(dict.fromkeys(result["commit"] for result in done)),
    )


def _cells(*cells: str) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def ours(group: Set, goal: tuple[float, ...], values: list[list[float]]) -> str:
    """The median over the seeds, how far they spread, and whether the goal was missed."""
    columns = list(zip(*values, strict=True))
    middle = [statistics.median(column) for column in columns]
    text = group.metric.text(middle)
    if len(values) > 1:
        text += f" ({group.metric.text([min(column) for column in columns])} to {group.metric.text([max(column) for column in columns])})"
    sign = 1 if group.metric.more_is_better else -1
    missed = any(sign * (value - bar) < -1e-9 for value, bar in zip(middle, goal, strict=False))
    return f"{text} **missed**" if missed else text


if __name__ == "__main__":
    main()
