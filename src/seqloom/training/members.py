"""A run of several members: networks that differ by their seed alone, trained one after the other, that answer as one.

Each member is a run of its own in the folder `members/NUMBER`, which reads the encoded pairs of the whole; so it is stopped and resumed as
any run is. The first has the seed of the whole: it is the model that would be trained alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from seqloom.checkpoint import RunDirectory, load_network
from seqloom.config import RunConfig
from seqloom.config_file import load_config, load_reasons
from seqloom.fields.task import Fields
from seqloom.files import give_second_name
from seqloom.training.dev import DevSet, Look
from seqloom.training.events import Finished, Watcher
from seqloom.training.summary import members_alone_and_together

__all__ = ["Members", "seed_of"]

MEASURING = 0.1
"""The share of a budget that is kept for measuring what the members say together."""


def seed_of(seed: int, number: int) -> int:
    """The seed of a member: the run's own of the first, then seeds that no other run's members are likely to have."""
    return seed if number == 1 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


@dataclass(frozen=True)
class Members:
    """The members of a run; `fit` takes them from where they are to their end."""

    run: RunDirectory
    config: RunConfig
    fields: Fields
    dev: DevSet
    train: Callable[[RunDirectory, RunConfig, float], Finished]
    """Takes a member from where it is to its end; the last argument is when the time that it is charged with began."""
    watcher: Watcher
    started: float
    """`time.perf_counter()` when the command began."""

    def fit(self) -> Finished:
        """Train those members that are not finished, then measure all together. After Ctrl-C those that are finished are the model."""
        why, begin, count = "done", self.started, self.config.training.members
        for number in range(1, count + 1):
            member = self.run.member(number)
            if member.is_finished():
                continue
            if not member.about.is_file():
                self._begin(member, number, begin)
            config = self._as_here(load_config(member.config))
            self.watcher.say(f"member {number} of {count}, seed {config.seed}:")
            if (why := self.train(member, config, begin).why) == "interrupted":
                break
            begin = time.perf_counter()
        return self._finish(why)

    def _begin(self, member: RunDirectory, number: int, begin: float) -> None:
        """Make the member's folder. Where run.json is there, all is."""
        training = {"members": 1, "budget_seconds": self.share(number, begin)}
        config = self.config.model_copy(
            update={
                "seed": seed_of(self.config.seed, number),
                "training": self.config.training.model_copy(update=training),
            }
        )
        said = f"member {number} of {self.config.training.members}"
        reasons = load_reasons(self.run.config) | {"seed": said, "training.members": said, "training.budget_seconds": "its share"}
        member.create()
        give_second_name(self.run.fields, member.fields)
        give_second_name(self.run.dev, member.dev)
        member.write_config(config, reasons)
        member.write_about(finished=False)

    def share(self, number: int, begin: float) -> float | None:
        """The member's part of the budget: of what is left, as much as those after it will get, and what was done before it began."""
        budget = self.config.training.budget_seconds
        if budget is None:
            return None
        gone = time.perf_counter() - begin
        left = (1 - MEASURING) * budget - self._spent() - gone
        return gone + max(left / (self.config.training.members - number + 1), 1.0)

    def _spent(self) -> float:
        """Seconds that the members took so far."""
        return sum(member.read_about().get("seconds", 0.0) for member in self.run.members())

    def _as_here(self, config: RunConfig) -> RunConfig:
        """A member's config on the device, in the precision and with the threads that the whole run has now."""
        here = {name: getattr(self.config.training, name) for name in ("device", "precision", "threads")}
        return config.model_copy(update={"training": config.training.model_copy(update=here)})

    # ----------------------------------------------------------------------------------------------------- together

    def _finish(self, why: str) -> Finished:
        """Measure what the members say together, and write it down."""
        begin, spent = time.perf_counter(), self._spent()
        look, search = self._look(spent)
        parts = [member.read_about() for member in self.run.answering()]
        event = Finished(
            run=str(self.run.path),
            step=sum(part["step"] for part in parts),
            seconds=spent + time.perf_counter() - begin,
            why=why,
            metrics=look.values,
            chosen=f"the mean of {len(parts)} members" if len(parts) > 1 else f"member 1 alone, {parts[0]['chosen']}",
            dev_pairs=len(look.rows),
            search=search,
        )
        self.run.write_about(**{**asdict(event), "finished": why != "interrupted"})
        if why != "interrupted":
            self.run.forget_training()
        self.watcher.finished(event)
        for line in members_alone_and_together(parts, event, self.config.training.early_stopping.metric):
            self.watcher.say(line)
        return event

    def _look(self, spent: float) -> tuple[Look, str]:
        """What they say together, and how it was looked for: with the config's search on all of dev where a budget leaves the time."""
        network = load_network(self.run, self.config, self.fields.source, self.fields.target)
        budget, search, begin = self.config.training.budget_seconds, self.config.search, time.perf_counter()
        if budget is not None:
            quick = self.dev.look(network, last=True)
            seconds = time.perf_counter() - begin
            more = len(self.dev.rows) / max(len(self.dev.sample), 1) * search.rows
            if spent + seconds * (1 + more) > budget:
                return quick, "greedy"
        return self.dev.look(network, whole=True), search.name
