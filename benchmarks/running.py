"""Running seqloom as a user does, and what a result was measured with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "circumstances", "count_parameters", "flags", "run_seqloom", "seqloom", "table_line", "what_was_chosen"]

ROOT = Path(__file__).resolve().parent.parent


def seqloom() -> list[str]:
    """The installed command beside this Python, as a user calls it."""
    script = Path(sys.executable).parent / "seqloom"
    return [str(script)] if script.exists() else [sys.executable, "-m", "seqloom"]


def run_seqloom(arguments: list[str], log: Path, timeout: float) -> str:
    """Runs seqloom with its output in the log; the last line of it when it failed, else ''."""
    command = [*seqloom(), *arguments]
    with log.open("w", encoding="utf-8") as out:
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return f"killed after {timeout:.0f} s"
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return "" if result.returncode == 0 else f"exit {result.returncode}: {lines[-1] if lines else 'no output'}"


def flags(name: str, values: tuple[str, ...]) -> list[str]:
    """The name before each value."""
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
    attention = model["attention"]["kind"] + (" after the first" if model["decoder"].get("attend_after") == "first" else "")
    network = f"{_part(model['encoder'])} → {_part(model['decoder'])}, {attention}" + (", copy" if model["copy"] else "")
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


def table_line(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"
