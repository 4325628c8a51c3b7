"""How many cores there are to use, and how threads wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


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
