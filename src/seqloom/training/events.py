"""What a run tells whoever watches it: plain values, no torch."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Evaluated", "Finished", "Sample", "Silence", "Started", "Updated", "Watcher"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One dev pair and what the model makes of it."""

    source: str
    target: str
    prediction: str


@dataclass(frozen=True, slots=True)
class Started:
    """Training begins, or goes on at `step`."""

    run: str
    step: int
    pairs: int
    dev_pairs: int
    parameters: int
    device: str
    precision: str
    threads: int
    budget_seconds: float | None
    epochs: float


@dataclass(frozen=True, slots=True)
class Updated:
    """One update of the weights."""

    step: int
    epoch: float
    progress: float
    """0 to 1: how much of the run is done, by updates or by time, whichever is further."""
    loss: float
    """Mean training loss a target symbol, in nats, smoothed label cross-entropy."""
    learning_rate: float
    tokens_per_second: float
    """Target symbols, </s> included, padding not, since the last evaluation."""
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A look at the dev set."""

    step: int
    epoch: float
    seconds: float
    """Since the run began, stops not counted."""
    metrics: dict[str, float]
    watched: str
    """The metric that decides which weights are best."""
    is_best: bool
    samples: list[Sample]
    findings: list[str] = field(default_factory=list[str])
    """What looks wrong, one line each."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a run."""

    run: str
    step: int
    seconds: float
    why: str
    """One of: done, budget, early stopping, perfect on dev, interrupted."""
    metrics: dict[str, float]
    """Of the weights that were kept, on dev: with the search of the config on all of it, or greedily on a sample where a budget ends."""
    chosen: str
    """Which weights were kept."""
    dev_pairs: int
    """How many dev pairs the metrics are of."""
    search: str
    """greedy, beam 5, ..."""
    findings: list[str] = field(default_factory=list[str])
    """What looks wrong of the weights that were kept, one line each."""
    simple: dict[str, float] = field(default_factory=dict[str, float])
    """The mean absolute errors of the simple forecasts on the same dev examples, by name; of numbers alone."""


class Watcher(Protocol):
    """Whoever wants to know how a run goes."""

    def say(self, text: str) -> None:
        """A line for people."""
        ...

    def phase(self, what: str) -> AbstractContextManager[object]:
        """What is done inside may take long, and nothing else is told meanwhile: "encoding 1,000,000 pairs"."""
        ...

    def started(self, event: Started) -> None: ...

    def updated(self, event: Updated) -> None: ...

    def evaluated(self, event: Evaluated) -> None: ...

    def finished(self, event: Finished) -> None: ...


class Silence:
    """A watcher that says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def phase(self, what: str) -> AbstractContextManager[object]:
        """Nothing."""
        return nullcontext()

    def started(self, event: Started) -> None:
        """Nothing."""

    def updated(self, event: Updated) -> None:
        """Nothing."""

    def evaluated(self, event: Evaluated) -> None:
        """Nothing."""

    def finished(self, event: Finished) -> None:
        """Nothing."""
