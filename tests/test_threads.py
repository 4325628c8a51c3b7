"""How many cores there are to use, and how threads wait."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqloom.threads import cores


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which cores a process may use")
def test_only_cores_that_the_process_may_use_are_counted() -> None:
    code = "import os; from seqloom.threads import cores; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "PASSIVE 10000"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None"), ({"GOMP_SPINCOUNT": "7"}, "None 7")],
    ids=["nothing said", "policy said", "count said"],
)
def test_waiting_threads_sleep_soon_unless_the_user_has_said_how_they_wait(given: dict[str, str], expected: str) -> None:
    code = "import os, seqloom; seqloom.load; print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('GOMP_SPINCOUNT'))"
    clean = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean | given)
    assert ran.stdout.strip() == expected


FORKS = """
import multiprocessing, warnings
import torch
import seqloom
seqloom.Model

from seqloom.config import TrainingConfig
from seqloom.hardware import resolve

def products(threads):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        config = resolve(TrainingConfig(device="cpu", precision="float32", threads=threads))
    return config.threads, torch.ones(1 << 20).add_(1.0).sum().item(), [str(warning.message) for warning in said]

torch.set_num_threads(2)
torch.ones(1 << 20).add_(1.0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for one in pool.map(products, [None, 2], chunksize=1):
        print(*one, sep="; ")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")
def test_a_forked_process_works_on_one_thread_where_two_worked_before_and_says_so_where_more_are_asked_for() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout.splitlines() == [
        "1; 2097152.0; []",
        "1; 2097152.0; [\"training.threads: 2 in a process that was forked, where torch's threads would wait for ever; it has 1. "
        "Start it with multiprocessing.get_context('spawn') for more.\"]",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such quotas")
@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "20000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 16),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16),
        ({}, 16),
    ],
)
def test_the_cores_of_a_container_are_those_of_its_quota(files: dict[str, str], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(tmp_path) == most
