"""What every contestant of `speed.py` can say: how it gets ready, and the command lines of its training and its decoding."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from peers.shapes import Shape, Texts

__all__ = ["NEVER", "Learner", "Peer", "Place", "Translator", "call"]

NEVER = 1_000_000
"""Updates between looks at the dev set, reports and checkpoints, where none is wanted."""


@dataclass(frozen=True)
class Place:
    """Where a contestant works, and on what."""

    shape: Shape
    texts: Texts
    folder: Path
    """Its own, for configs, vocabularies and models."""
    python: Path
    """Of its environment."""
    threads: int

    def environment(self) -> dict[str, str]:
        """The process's variables: so many threads, and old checkpoints may be read."""
        threads = {name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        return {**os.environ, **threads, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1", "TOKENIZERS_PARALLELISM": "false"}

    def script(self, name: str) -> str:
        """A command of its environment."""
        return str(self.python.parent / name)


class Peer(Protocol):
    """A program that trains."""

    @property
    def name(self) -> str:
        """As the table has it, with the version."""
        ...

    @property
    def environment(self) -> str | None:
        """The name of its requirements; None for this Python."""
        ...

    @property
    def shapes(self) -> str:
        """Those that it has."""
        ...

    @property
    def driver(self) -> str:
        """The script beside this one that lets it train by turns."""
        ...

    def prepare(self, place: Place) -> None:
        """Writes what its training reads."""
        ...

    def train(self, place: Place, steps: int) -> list[str]:
        """What follows the driver: its own entry point and arguments, for so many updates and then a checkpoint."""
        ...


@runtime_checkable
class Translator(Peer, Protocol):
    """One that also decodes a file, with outputs of a length that it is told."""

    @property
    def batches(self) -> tuple[int, ...]:
        """Sentences a batch that are tried; 0 where it chooses its own."""
        ...

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """The command that decodes a file, which is its standard input too, each output so many symbols long."""
        ...


@runtime_checkable
class Learner(Peer, Protocol):
    """One whose progress on the dev set can be followed."""

    def learn(self, place: Place, every: int) -> list[str]:
        """What follows the driver: training without an end, with a look or a checkpoint after so many updates each."""
        ...

    def looks(self, place: Place, every: int) -> dict[int, list[str] | float]:
        """By the updates after which there is one, the BLEU that the training itself found on dev, or the command that answers `dev.source`
        greedily into `answers.dev` by a checkpoint.
        """
        ...


def call(place: Place, command: list[str]) -> None:
    """Runs a command of a contestant in its folder.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    done = subprocess.run(command, cwd=place.folder, env=place.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{(done.stdout + done.stderr)[-1500:]}")
