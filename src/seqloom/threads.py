"""How many threads have a core of their own, how those behave that wait, and how many a forked process may have."""

from __future__ import annotations

import math
import os
import sys
import warnings
from pathlib import Path

__all__ = ["cores", "give_forked_processes_one_thread", "let_waiting_threads_sleep", "threads_here"]

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


def give_forked_processes_one_thread() -> None:
    """From now on torch has one thread in every process that is forked from this one, where such a thing is.

    GNU's OpenMP, which torch has on Linux, waits for ever in a child for the threads that its parent worked with. A process that is
    spawned begins anew and has all threads.
    """
    if hasattr(os, "register_at_fork") and not _FORKS.are_watched:
        _FORKS.are_watched = True
        os.register_at_fork(after_in_child=_begin_in_child)


def threads_here(wanted: int) -> int:
    """So many threads, and in a process that was forked one; it warns where more were wanted."""
    if wanted == 1 or not _FORKS.made_this_process:
        return wanted
    warnings.warn(
        f"training.threads: {wanted} in a process that was forked, where torch's threads would wait for ever; it has 1. "
        "Start it with multiprocessing.get_context('spawn') for more.",
        RuntimeWarning,
        stacklevel=2,
    )
    return 1


class _Forks:
    """What this process knows of forks."""

    are_watched = False
    made_this_process = False
    """With its parent's torch."""


_FORKS = _Forks()


def _begin_in_child() -> None:
    if (torch := sys.modules.get("torch")) is not None:
        _FORKS.made_this_process = True
        torch.set_num_threads(1)


def cores(quotas: Path = Path("/sys/fs/cgroup")) -> int:
    """The processor cores that this process may use, which in a container can be fewer than the machine has.

    Args:
        quotas: where Linux says for how much of a period the processes of a container may run, on all cores together.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return max(1, min(len(os.sched_getaffinity(0)), _quota(quotas)))


def _quota(folder: Path) -> int:
    """The cores that a container may keep busy (`docker --cpus`), rounded up; as many as one likes where nothing is said."""
    try:
        if (whole := folder / "cpu.max").is_file():
            quota, period = whole.read_text(encoding="ascii").split()
        else:
            quota, period = ((folder / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return math.ceil(int(quota) / int(period)) if int(quota) > 0 else sys.maxsize
    except (OSError, ValueError, ZeroDivisionError):  # no container, or "max"
        return sys.maxsize
