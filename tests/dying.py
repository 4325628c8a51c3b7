"""Runs that are killed at a chosen point. A test file, run as a script, makes them: one process, a fork for each point of death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from seqloom.training.events import Silence, Updated


class Interrupted(Silence):
    """Presses Ctrl-C after so many updates."""

    def __init__(self, step: int) -> None:
        self.step = step

    def updated(self, event: Updated) -> None:
        if event.step == self.step:
            raise KeyboardInterrupt


def die() -> None:
    """End this process as the system would: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at_call(owner: Any, name: str, number: int, *, before: bool) -> None:
    """Let the number-th call of a function be the last, before or after it did its work."""
    function, calls = getattr(owner, name), iter(range(1, 10_000))

    def wrapped(*args: Any, **more: Any) -> Any:
        now = next(calls)
        if now == number and before:
            die()
        result = function(*args, **more)
        if now == number:
            die()
        return result

    setattr(owner, name, wrapped)


def make_killed_runs(names: Iterable[str], begin: Callable[[str], object]) -> None:
    """Begin each run in a process of its own, and print how that ended."""
    torch.set_num_threads(1)
    for name in names:
        child = os.fork()
        if child == 0:
            begin(name)
            os._exit(0)  # lived on
        _, status = os.waitpid(child, 0)
        print(name, os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}")  # noqa: T201


def run_as_script(file: str, folder: Path, names: Iterable[str]) -> None:
    """Let a test file make its killed runs in the folder; all of them must have died."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, file, str(folder)], capture_output=True, text=True, env=environment, check=False)
    assert result.stdout.splitlines() == [f"{name} {int(signal.SIGKILL)}" for name in names], result.stderr
