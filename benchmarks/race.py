"""Contestants that train in turn, each in a process of its own which works only when it is its turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers.peer import NEVER, Peer, Place

__all__ = ["Racer", "Turn", "rate_of_products", "seconds_to_first_step", "spread"]

DRIVERS = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True)
class Turn:
    """What a contestant did in its turn: whole updates, from the end of one to the end of another."""

    seconds: float
    processor: float
    """Seconds of processor time, all threads together."""
    tokens: int
    """Target positions that the loss counts: the end of each sentence, no padding."""
    steps: int
    peak_mb: float
    """The most memory that the process had so far."""


class Racer:
    """A training run in its own process. It has made its first update when it is there, and then waits for its turn."""

    def __init__(self, peer: Peer, place: Place, steps: int = NEVER, command: list[str] | None = None) -> None:
        """`command` takes the place of the peer's own for so many updates."""
        ask, asked = os.pipe()
        told, tell = os.pipe()
        driver = [str(place.python), str(DRIVERS / peer.driver), str(ask), str(tell)]
        self.log = place.folder / "train.log"
        begun = time.perf_counter()
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*driver, *(command or peer.train(place, steps))], cwd=place.folder, env=place.environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(ask, tell),
            )  # fmt: skip
        os.close(ask)
        os.close(tell)
        self.asked, self.told = os.fdopen(asked, "w"), os.fdopen(told)
        self.first = self._said()
        self.seconds_to_first = time.perf_counter() - begun, self.first.processor

    def turn(self, seconds: float) -> Turn:
        """Lets it train so long, to the end of the update."""
        print(seconds, file=self.asked, flush=True)
        return self._said()

    def stop(self) -> None:
        """Ends the process."""
        self.asked.close()
        self.process.wait()
        self.told.close()

    def finish(self) -> None:
        """Lets it train to its end, and leave what it leaves."""
        try:
            self.turn(float(NEVER))
        except RuntimeError:
            if self.process.wait():
                raise

    def _said(self) -> Turn:
        line = self.told.readline()
        if not line:
            raise RuntimeError(f"training ended: {self.log.read_text(encoding='utf-8')[-1500:]}")
        return Turn(**json.loads(line))


def seconds_to_first_step(peer: Peer, place: Place) -> tuple[float, float]:
    """From the start of the process to the end of its first update: wall and processor time."""
    racer = Racer(peer, place)
    racer.stop()
    return racer.seconds_to_first


def rate_of_products(threads: int, size: int = 1024) -> float:
    """Floating-point operations a second of a product of large matrices, in the faster of float32 and bfloat16, of the best of five."""
    import torch

    torch.set_num_threads(threads)
    best = float("inf")
    for dtype in (torch.float32, torch.bfloat16):
        left, right = (torch.randn(size, size).to(dtype) for _ in range(2))
        for _ in range(6):
            started = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def spread(values: list[float]) -> dict[str, Any]:
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": values}
