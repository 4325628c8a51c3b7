"""The main job on real data: trains with no flags but paths and a budget, scores the test set, prints one Markdown table.

    python benchmarks/main_job.py [--data FOLDER] [--only reverse french startup] [--json results.json]

Everything goes through the command line, as a user's run would. With `--json` the results of several invocations are kept and
printed together; each row names the commit that it was measured on. Exits with 1 when a bar was missed.
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

from running import ROOT, circumstances, count_parameters, flags, run_seqloom, seqloom, table_line, what_was_chosen
from sets import Files
from tasks import TASKS, Task

STARTUP = "startup"
HELP_SECONDS = 0.3
HELP_RUNS = 5


def main() -> None:
    """Measures what was asked for and prints the table of all results there are."""
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Any]] = {}
    if options.json and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    for name in options.only:
        measured = measure_startup() if name == STARTUP else measure(_task(name), options.data, options.work)
        for key, row in measured.items():
            rows[key] = row | circumstances()
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(rows))
    sys.exit(0 if all(row["reached"] for row in rows.values()) else 1)


def _options() -> argparse.Namespace:
    names = [task.name for task in TASKS] + [STARTUP]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder of the data sets; default ../shared/data")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work", help="folder for runs and logs")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, help="file that keeps the results; rows measured now replace older ones of the same name")
    return parser.parse_args()


def _task(name: str) -> Task:
    return next(task for task in TASKS if task.name == name)


# --------------------------------------------------------------------------------------------------------------- measuring


def measure(task: Task, data: Path, work: Path) -> dict[str, dict[str, Any]]:
    """The row of a task: train within the budget, evaluate on the test set."""
    run, log = work / "runs" / task.name, work / f"{task.name}.log"
    files = task.files(data, work) if task.files else Files(train=("--example", str(task.example)), test=(str(run / "test.tsv"),))
    train = ["train", *files.train, *flags("--dev", files.dev), *files.columns, "--out", str(run), "--budget", f"{task.budget_seconds}s"]
    row: dict[str, Any] = {"title": task.title, "metric": task.metric.label, "budget_seconds": task.budget_seconds, "bar": _bar(task)}
    print(f"{task.name}: seqloom {' '.join(train)}", file=sys.stderr, flush=True)
    started = time.perf_counter()
    problem = run_seqloom([*train, "--overwrite"], log, timeout=2 * task.budget_seconds + 120)
    row["train_seconds"] = round(time.perf_counter() - started, 1)
    scores = {} if problem else evaluate(run, files.test, log)
    if task.metric.key not in scores:
        return {task.name: row | {"reached": False, "ours": "failed", "chosen": problem or f"no score, see {log.name}"}}
    value = task.metric.value(scores)
    row |= {"ours": f"{value:.{task.metric.digits}f}", "value": value, "scores": scores}
    row["reached"] = task.metric.reaches(value, task.bar) and row["train_seconds"] <= task.budget_seconds
    return {task.name: row | {"parameters": count_parameters(log), "chosen": what_was_chosen(run)}}


def evaluate(run: Path, test: tuple[str, ...], log: Path) -> dict[str, float]:
    """The metrics of a run on a test set, by name; none when the command failed."""
    with log.open("a", encoding="utf-8") as errors:
        command = [*seqloom(), "evaluate", str(run), *test, "--json"]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True, check=False)
    if result.returncode:
        return {}
    found = json.loads(result.stdout)
    return {key: value for key, value in found.items() if isinstance(value, int | float)}


def measure_startup() -> dict[str, dict[str, Any]]:
    """The rows of `seqloom --help` (whole process, median) and of torch after `import seqloom`."""
    seconds = [_seconds([*seqloom(), "--help"]) for _ in range(HELP_RUNS)]
    middle = statistics.median(seconds)
    code = "import sys, seqloom; print('torch' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "True"
    return {
        "help": {
            "title": "`seqloom --help`", "metric": f"s, median of {HELP_RUNS}", "bar": f"< {HELP_SECONDS}",
            "ours": f"{middle:.2f}", "value": middle, "all": seconds, "reached": middle < HELP_SECONDS,
        },
        "import": {
            "title": "`import seqloom`", "metric": "loads torch", "bar": "no", "ours": "yes" if loaded else "no", "reached": not loaded,
        },
    }  # fmt: skip


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


# ------------------------------------------------------------------------------------------------------------------ printing


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The results as a Markdown table, in the order of the tasks, with the machines below."""
    order = [task.name for task in TASKS] + ["help", "import"]
    ordered = [rows[name] for name in order if name in rows]
    head = ["set", "metric", "bar", "ours", "reached", "training, s", "budget, s", "parameters", "chosen", "commit"]
    lines = [table_line(head), table_line(["---"] * len(head)), *(table_line(_cells(row)) for row in ordered)]
    machines = sorted({f"{row['machine']}; {row['date']}" for row in ordered})
    return "\n".join([*lines, "", *machines])


def _bar(task: Task) -> str:
    return f"{'≥' if task.metric.more_is_better else '≤'} {task.bar:.{task.metric.digits}f}"


def _cells(row: dict[str, Any]) -> list[str]:
    parameters = f"{row['parameters'] / 1e6:.2f} M" if "parameters" in row else ""
    seconds = [str(row.get("train_seconds", "")), str(row.get("budget_seconds", ""))]
    chosen = row.get("chosen", "").replace("|", "\\|")
    reached = "yes" if row["reached"] else "**no**"
    return [row["title"], row["metric"], row["bar"], row["ours"], reached, *seconds, parameters, chosen, row["commit"]]


if __name__ == "__main__":
    main()
