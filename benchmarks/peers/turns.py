"""Training by turns, inside the process of whoever is measured: it works when it is told to, and says how far it came.

    python turns.py ASK TELL ENTRY [ARGUMENT ...]

ENTRY is a peer's own script, or `-m MODULE`; it runs unchanged. ASK and TELL are file descriptors of pipes. After each update of the
weights, whatever optimizer of torch makes it, this process either goes on or, where its turn is over, says so and waits. Target tokens are
counted where losses are taken: those that cross-entropy does not ignore, so padding is left out and the end of a sentence is not.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Turns"]


class Turns:
    """The side of the pipe that works. A turn lasts for the seconds that are asked for, and then to the end of the update."""

    def __init__(self, ask: int, tell: int) -> None:
        self.ask, self.tell = os.fdopen(ask, "r"), os.fdopen(tell, "w")
        self.tokens = self.steps = 0
        self.until = self.wall = self.processor = 0.0

    def watch(self) -> None:
        """Looks at the clock after each update from now on."""
        from torch.optim.optimizer import register_optimizer_step_post_hook

        register_optimizer_step_post_hook(lambda optimizer, arguments, named: self.updated())

    def updated(self) -> None:
        """An update is done: say what the turn came to, where it is over, and wait for the next."""
        self.steps += 1
        if time.perf_counter() >= self.until:
            wall, processor = time.perf_counter() - self.wall, time.process_time() - self.processor
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10)
            said = {"seconds": wall, "processor": processor, "tokens": self.tokens, "steps": self.steps, "peak_mb": peak}
            print(json.dumps(said), file=self.tell, flush=True)
            self.wait()

    def wait(self) -> None:
        """Nothing is done until the next turn; the end of the pipe is the end of the process."""
        line = self.ask.readline()
        if not line:
            os._exit(0)
        self.tokens = self.steps = 0
        self.wall, self.processor = time.perf_counter(), time.process_time()
        self.until = self.wall + float(line)


def count_cross_entropy(turns: Turns) -> None:
    """Counts the targets of torch's own losses, of the outermost call where one is made of another."""
    from torch.nn import functional

    inside = False

    def counted(loss: Callable[..., Any]) -> Callable[..., Any]:
        def call(scores: Any, target: Any, *rest: Any, **named: Any) -> Any:
            nonlocal inside
            outermost, inside = not inside, True
            try:
                if outermost and scores.requires_grad:
                    turns.tokens += int((target != named.get("ignore_index", -100)).sum())
                return loss(scores, target, *rest, **named)
            finally:
                inside = not outermost

        return call

    functional.cross_entropy = counted(functional.cross_entropy)
    functional.nll_loss = counted(functional.nll_loss)


def main() -> None:
    """Runs the entry point that the arguments name."""
    turns = Turns(int(sys.argv[1]), int(sys.argv[2]))
    turns.watch()
    count_cross_entropy(turns)
    entry, *arguments = sys.argv[3:]
    if entry == "-m":
        sys.argv, sys.path[0] = arguments, os.getcwd()
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = [entry, *arguments], os.path.dirname(os.path.abspath(entry))
        runpy.run_path(entry, run_name="__main__")


if __name__ == "__main__":
    main()
