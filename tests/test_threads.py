"""How many cores there are to use."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which cores a process may use")
def test_only_cores_that_the_process_may_use_are_counted() -> None:
    code = "import os; from seqloom.threads import cores; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "1"
