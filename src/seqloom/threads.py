"""How many threads have a core of their own, and how those behave that wait."""

from __future__ import annotations

import os
import sys

__all__ = ["cores", "let_waiting_threads_sleep"]


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP, which reads it when torch is imported, to let threads sleep that wait for others; does nothing where the user has said.

    Threads that wait by spinning starve each other where the processor is shared: with five others on two cores an update took 0.3 s in
    place of 0.7 to 1.0 s when they sleep, and at times 4 s.
    """
    if "torch" not in sys.modules and "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def cores() -> int:
    """The processor cores that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
