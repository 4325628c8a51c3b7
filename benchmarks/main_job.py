"""The main job on real data: trains with no flags but paths and a budget, scores the test set, prints one Markdown table.

    python benchmarks/main_job.py [--data FOLDER] [--only reverse french startup] [--json results.json]

Everything goes through the command line, as a user's run would. With `--json` the results of several invocations are kept and
printed together; each row names the commit that it was measured on. Exits with 1 when a bar was missed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from sets import TASKS, Files, Task

ROOT = Path(__file__).resolve().parent.parent
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
    train = ["train", *files.train, *_flags("--dev", files.dev), *files.columns, "--out", str(run), "--budget", f"{task.budget_seconds}s"]
    row: dict[str, Any] = {"title": task.title, "metric": task.metric.label, "budget_seconds": task.budget_seconds, "bar": _bar(task)}
    print(f"{task.name}: seqloom {' '.join(train)}", file=sys.stderr, flush=True)
    started = time.perf_counter()
    problem = _run([*train, "--overwrite"], log, timeout=2 * task.budget_seconds + 120)
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


def seqloom() -> list[str]:
    """The installed command beside this Python, as a user calls it."""
    script = Path(sys.executable).parent / "seqloom"
    return [str(script)] if script.exists() else [sys.executable, "-m", "seqloom"]


def _run(arguments: list[str], log: Path, timeout: float) -> str:
    """Runs seqloom with its output in the log; the last line of it when it failed, else ''."""
    command = [*seqloom(), *arguments]
    with log.open("w", encoding="utf-8") as out:
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return f"killed after {timeout:.0f} s"
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return "" if result.returncode == 0 else f"exit {result.returncode}: {lines[-1] if lines else 'no output'}"


def _flags(name: str, values: tuple[str, ...]) -> list[str]:
    return [text for value in values for text in (name, value)]


# ---------------------------------------------------------------------------------------------------- what was run, and where


def count_parameters(log: Path) -> int:
    """The network's weights, each counted once, as `train` says them."""
    said = re.findall(r"^training: ([\d,]+) weights", log.read_text(encoding="utf-8"), re.MULTILINE)
    return int(said[-1].replace(",", ""))


def what_was_chosen(run: Path) -> str:
    """One line on fields, network and regularisation, from the run's config."""
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    fields, model, training = config["fields"], config["model"], config["training"]
    sides = f"{' + '.join(_field(part) for part in fields['source'])} → {_field(fields['target'])}" + ", shared" * fields["shared"]
    network = f"{_part(model['encoder'])} → {_part(model['decoder'])}, {model['attention']['kind']}" + (", copy" if model["copy"] else "")
    batch = f"{training['batch']['size']} {training['batch']['unit']}"
    return f"{sides}; {network}; dropout {model['dropout']:g}, smoothing {model['head']['label_smoothing']:g}; batch {batch}"


def _field(part: dict[str, Any]) -> str:
    name = "tokens" if part["kind"] == "tokens" else part["unit"]
    size = f" {part['max_size']}" if part.get("max_size") else ""
    return name + size + (" decomposed" if part.get("decompose") else "")


def _part(part: dict[str, Any]) -> str:
    both = "bi" if part.get("bidirectional") else ""
    return f"{both}{part.get('cell', part['kind'])} {part['layers']}×{part['width']}"


def circumstances() -> dict[str, Any]:
    """Commit, machine and versions that a row was measured with."""
    commit = _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") or "unknown"
    dirty = "+changes" if _output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no") else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = f"Python {platform.python_version()}, torch {importlib.metadata.version('torch')}"
    return {
        "commit": commit + dirty,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {cores} cores; {versions}, {_threads(cores)}",
    }


def _processor() -> str:
    lines = [line.partition(":") for line in _output("lscpu").splitlines()]
    return next((value.strip() for key, _, value in lines if key.strip() == "Model name"), platform.processor() or platform.machine())


def _threads(cores: int | None) -> str:
    limit = os.environ.get("OMP_NUM_THREADS")
    return f"{limit or cores} threads" + (" (OMP_NUM_THREADS)" if limit else "")


def _output(*command: str) -> str:
    """What a command prints; '' when there is no such command or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


# ------------------------------------------------------------------------------------------------------------------ printing


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The results as a Markdown table, in the order of the tasks, with the machines below."""
    order = [task.name for task in TASKS] + ["help", "import"]
    ordered = [rows[name] for name in order if name in rows]
    head = ["set", "metric", "bar", "ours", "reached", "training, s", "budget, s", "parameters", "chosen", "commit"]
    lines = [_line(head), _line(["---"] * len(head)), *(_line(_cells(row)) for row in ordered)]
    machines = sorted({f"{row['machine']}; {row['date']}" for row in ordered})
    return "\n".join([*lines, "", *machines])


def _bar(task: Task) -> str:
    return f"{'≥' if task.metric.more_is_better else '≤'} {task.bar:.{task.metric.digits}f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: dict[str, Any]) -> list[str]:
    parameters = f"{row['parameters'] / 1e6:.2f} M" if "parameters" in row else ""
    seconds = [str(row.get("train_seconds", "")), str(row.get("budget_seconds", ""))]
    chosen = row.get("chosen", "").replace("|", "\\|")
    reached = "yes" if row["reached"] else "**no**"
    return [row["title"], row["metric"], row["bar"], row["ours"], reached, *seconds, parameters, chosen, row["commit"]]


if __name__ == "__main__":
    main()
