"""How many threads have a core of their own, and how those behave that wait."""

from __future__ import annotations

import os
import sys

__all__ = ["cores", "let_waiting_threads_sleep"]

SPINS = 10_000
"""How often a waiting thread looks before it sleeps: as long as most waits of a training step last."""


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP, which reads it when torch is imported, to let threads sleep soon that wait for others; nothing where the user has said.

    Threads that wait by spinning starve each other where the processor is shared: with five others on two cores an update took 4 s at
    times in place of 0.3 s. Threads that sleep at once are late for the next piece of work. An update of an LSTM of 512 in bfloat16 on two
    threads took 175 ms with 3,000 looks, 134 with SPINS, 128 with 30,000 and 115 without end on two idle cores; beside another process
    440, 517, 845 and, with 100,000, 1,740.
    """
    if "torch" in sys.modules or not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ):
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)  # GNU's OpenMP, which torch has on Linux; it goes before the policy


def cores() -> int:
    """The processor cores that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
