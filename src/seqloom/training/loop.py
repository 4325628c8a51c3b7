"""The training loop. A run is a function of its config and data: the same seed gives the same losses, and a run that was stopped
anywhere and resumed ends with the same weights, because each update draws from the seed and its own number alone.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np
import torch

from seqloom import metrics
from seqloom.answers import check_attention
from seqloom.batching import Batch, Ids, updates_a_pass
from seqloom.checkpoint import RunDirectory, read_tensors, write_tensors
from seqloom.config import BatchConfig, RunConfig
from seqloom.errors import CheckpointError, TrainingError
from seqloom.hardware import FreedMemory
from seqloom.nn.seq2seq import Side
from seqloom.stopping import Interrupts
from seqloom.training import health
from seqloom.training.best import Best, Kept
from seqloom.training.course import Course, Place
from seqloom.training.dev import Dev, Found
from seqloom.training.events import Evaluated, Finished, Started, Updated, Watcher
from seqloom.training.learning import Diverged, Learner
from seqloom.training.schedules import learning_rate_factor, teacher_forcing

__all__ = ["Trainer"]

LOOK = 0.04
"""The share of a budget that one look at dev may take, by how long the first one would."""
COMPARED = 300
"""Training pairs, at the most, whose loss is compared with that of dev at the end."""


class BothSides(Protocol):
    """Fields, as far as a network must know them."""

    @property
    def source(self) -> Side: ...
    @property
    def target(self) -> Side: ...


class Examples(Protocol):
    """What is learned from: a corpus of pairs, or windows over a table."""

    def __len__(self) -> int: ...
    def batch(self, index: Ids, draw: np.random.Generator | None = None) -> Batch:
        """The examples of that index, varied by what is drawn, where they can be."""
        ...

    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]: ...


class Learned:
    """What was learned from since the last look at dev."""

    def __init__(self, loss: float = 0.0, symbols: float = 0.0) -> None:
        """Of a run that was stopped, what was before the stop, which is no part of how fast it goes now."""
        self.loss, self.symbols, self._before, self._began = loss, symbols, symbols, time.perf_counter()

    def add(self, loss: float, symbols: int) -> None:
        """An update of so many target symbols, with a loss in nats summed over them."""
        self.loss, self.symbols = self.loss + loss, self.symbols + symbols

    def rate(self) -> float:
        """Target symbols a second."""
        return (self.symbols - self._before) / max(time.perf_counter() - self._began, 1e-9)


class Trainer:
    """A run in its directory; `fit` takes it from where it is to its end."""

    def __init__(
        self, run: RunDirectory, config: RunConfig, fields: BothSides, corpus: Examples, dev: Dev, watcher: Watcher, started: float
    ) -> None:
        """`config` has its device, precision and threads decided; `started` is `time.perf_counter()` at the begin of the command."""
        self.run, self.config, self.settings = run, config, config.training
        self.corpus, self.dev, self.watcher = corpus, dev, watcher
        self.learner = Learner(config, fields.source, fields.target)
        self.network = self.learner.network
        check_attention(config.search, attends=self.network.attends)
        self.best = Best(run, self.settings.early_stopping.metric, self.settings.average)
        self.updates_a_pass = updates_a_pass(len(self._batches(0)), self.settings.batch)
        total = max(1, math.ceil(round(self.updates_a_pass * self.settings.epochs, 6)))  # 100 passes of 1.1 are 110
        self.course = Course(self.settings, min(total, self.settings.max_steps or total), started)
        self.learned = Learned()
        self._saved = time.perf_counter()
        self._freed = FreedMemory()
        self._interrupts, self._is_whole = Interrupts(), True

    @property
    def place(self) -> Place:
        """Where the run is."""
        return self.course.place

    # --------------------------------------------------------------------------------------------------- the loop

    def fit(self, *, look_first: bool = False) -> Finished:
        """Train to the end of the run: its passes, its budget, early stopping, or Ctrl-C, which leaves a usable model too.

        Args:
            look_first: whether the weights before the first update are good for something, and may be those that are kept.
        """
        self._announce()
        if not self.place.step:
            self.place.evaluated_at = self.course.progress()  # getting ready is no part of what the first look waits for
        try:
            with self._interrupts.heeded():
                why = self._learn(look_first)
        except KeyboardInterrupt:
            why = "interrupted"
            if self._is_whole:
                self._save()
        return self._finish(why)

    def _learn(self, look_first: bool) -> str:
        """Update after update; gives why they ended. The last weights have been looked at then."""
        if not self.run.state.is_file():
            if look_first:
                self._evaluate()
            self._save()
        updates = self._updates()
        while True:
            if self.place.looked_step < self.place.step and self.course.is_to_look():
                self._evaluate()
                self._save()
            elif time.perf_counter() - self._saved > self.settings.checkpoint_seconds:
                self._save()
            if why := self.course.reason_to_stop():
                break
            self._update(next(updates))
        if self.place.looked_step < self.place.step:  # the time ran out between, as while they were saved
            self._evaluate()
            self._save()
        return why

    def _updates(self) -> Iterator[list[Batch]]:
        """The batches of each update, from where the run is, pass after pass."""
        while True:
            order = self._batches(self.place.epoch)
            while self.place.batch < len(order):
                chosen = order[self.place.batch : self.place.batch + self.settings.batch.accumulate]
                draw = np.random.default_rng([self.config.seed, self.place.step])
                batches = [self.corpus.batch(index, draw) for index in chosen]
                self._is_whole = False  # until they are learned
                self.place.batch += len(chosen)
                yield batches
            self.place.epoch, self.place.batch = self.place.epoch + 1, 0

    def _update(self, batches: Sequence[Batch]) -> None:
        progress, step = self.course.progress(), self.place.step
        factor = learning_rate_factor(self.settings.schedule, step, progress, self.place.plateaus)
        rate, forcing = self.settings.optimizer.learning_rate * factor, teacher_forcing(self.settings.teacher_forcing, progress)
        symbols = sum(batch.tokens for batch in batches)
        with self._interrupts.held():
            try:
                loss = self.learner.update(batches, step, rate, forcing)
            except Diverged as fault:
                raise self._diverged(str(fault)) from None
            self.place.step += 1
            self.learned.add(loss, symbols)
            self._is_whole = True
        self._freed.give_back_when_due()
        self._report(loss / symbols, rate)

    def _diverged(self, fault: str) -> TrainingError:
        return TrainingError(
            f"{self.run.path}: {fault} at update {self.place.step + 1} (pass {self.place.epoch + 1}). The last good checkpoint is kept. "
            "Train anew with half of training.optimizer.learning_rate, or with --set training.precision=float32."
        )

    # ------------------------------------------------------------------------------------------------- what is told

    def _report(self, loss: float, rate: float) -> None:
        progress, spent = self.course.progress(), self.course.seconds()
        self.watcher.updated(
            Updated(
                step=self.place.step,
                epoch=self._epoch(),
                progress=progress,
                loss=loss,
                learning_rate=rate,
                tokens_per_second=self.learned.rate(),
                seconds_left=spent * (1 - progress) / max(progress, 1e-9),
            )
        )

    def _epoch(self) -> float:
        return self.place.step / self.updates_a_pass

    def _batches(self, epoch: int) -> Sequence[Ids]:
        return self.corpus.batches(self.settings.batch, self.config.seed, epoch)

    def _announce(self) -> None:
        self.watcher.started(
            Started(
                run=str(self.run.path),
                step=self.place.step,
                pairs=len(self.corpus),
                dev_pairs=len(self.dev.rows),
                parameters=sum(weight.numel() for weight in self.network.parameters()),
                device=self.settings.device,
                precision=self.settings.precision,
                threads=self.settings.threads or torch.get_num_threads(),
                budget_seconds=self.settings.budget_seconds,
                epochs=self.settings.epochs,
            )
        )

    # -------------------------------------------------------------------------------------------------- evaluation

    def _evaluate(self) -> None:
        """Look at the dev set, greedily, keep the weights if they are among the best, and say what looks wrong."""
        begin, self._is_whole = time.perf_counter(), False
        if self.settings.budget_seconds is not None and not (self.place.looked_at or self.place.evaluation_seconds):
            self.place.looked_at = self.dev.fitting(self.network, LOOK * self.settings.budget_seconds)
            is_all = self.place.looked_at >= len(self.dev.sample)
            self.dev.shorten(self.place.looked_at)
            if not is_all and not self._is_of_table:
                some = f"{self.place.looked_at:,} of the {len(self.dev.rows):,} dev pairs, evenly drawn"
                self.watcher.say(f"note: looks at dev are at {some}: more would take too much of the budget.")
            begin = time.perf_counter()
        look = self.dev.look(self.network)
        if not math.isfinite(look.values["loss"]):
            raise self._diverged(f"the loss on dev became {look.values['loss']}")
        values, watched = look.values, self.best.metric
        now = Kept(values[watched], values["loss"], self.place.step, self.dev.listens(look))
        is_best = self.best.consider(self.network, now)
        findings = [*self.dev.findings(look, self.place.step, self.course.progress()), *health.no_number(watched, values[watched])]
        perfect = metrics.is_perfect(watched, values[watched])
        self.course.looked(time.perf_counter() - begin, pairs=len(look.rows), is_best=is_best, is_perfect=perfect)
        learned = {"train_loss": self.learned.loss / self.learned.symbols} if self.learned.symbols else {}
        when = {"step": self.place.step, "epoch": round(self._epoch(), 4), "seconds": round(self.course.seconds(), 3)}
        self.run.append_metrics({**when, **learned, **values, "findings": findings})
        self.watcher.evaluated(
            Evaluated(
                step=self.place.step,
                epoch=self._epoch(),
                seconds=self.course.seconds(),
                metrics=values,
                watched=watched,
                is_best=is_best,
                samples=look.samples(),
                findings=findings,
            )
        )
        self.learned, self._is_whole = Learned(), True

    # ------------------------------------------------------------------------------------------------- save and end

    def _save(self) -> None:
        """Write all that `restore` needs, in one file, whole or not at all."""
        done = {"seconds": self.course.seconds(), "loss": self.learned.loss, "symbols": self.learned.symbols}
        record = {**asdict(self.place), **done, "best": self.best.ranking}
        write_tensors(self.run.state, self.learner.tensors(), {"place": json.dumps(record)})
        self.best.forget_others()
        self._saved = time.perf_counter()

    def restore(self) -> None:
        """Go on from what `_save` wrote.

        Raises:
            CheckpointError: it is missing, damaged, or of another model.
        """
        tensors, metadata = read_tensors(self.run.state)
        try:
            record = json.loads(metadata["place"])
            self.learned = Learned(record.pop("loss"), record.pop("symbols"))
            self.best.restore(record.pop("best"))
            record.setdefault("looked_step", record["step"])  # of an older run, which was saved where no look was due
            self.course.place = Place(**record)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.run.state}: damaged ({error}). Train anew with --overwrite.") from None
        if self.place.looked_at:
            self.dev.shorten(self.place.looked_at)
        self.learner.restore(tensors, str(self.run.state))
        self.run.forget_metrics_after(self.place.step)

    def _finish(self, why: str) -> Finished:
        """Choose the weights to keep, measure them on all of dev, and write the model."""
        has_time = self.course.has_time_for(2 * self.place.evaluation_seconds)  # for a look at the mean, and for the last one
        chosen = self.best.choose(self.network, self.dev, self.place.step, keep=self.settings.keep, with_mean=has_time)
        whole, search = self._has_time_for_all(), self.config.search
        look = self.dev.look(self.network, last=True, whole=whole)
        notes = self._notes(look, whole=whole) if why != "interrupted" else []
        event = Finished(
            run=str(self.run.path),
            step=self.place.step,
            seconds=self.course.seconds(),
            why=why,
            metrics=look.values,
            chosen=chosen,
            dev_pairs=len(look.rows),
            search=search.name if whole else "greedy",
            findings=self.dev.findings(look, self.place.step, self.course.progress() if why == "interrupted" else 1.0),
            simple=self.dev.simple(look),
        )
        self.run.write_about(**{**asdict(event), "finished": why != "interrupted"})
        for warning in health.too_short(why, self.place.step, self.settings.schedule.warmup_steps):
            self.watcher.say(f"warning: {warning}")
        if why != "interrupted":
            self.run.forget_training()
        if len(look.rows) < len(self.dev.rows) and not self._is_of_table:
            all_of_it = f"seqloom evaluate {self.run.path}"
            notes += [f"the score is of {len(look.rows):,} of the {len(self.dev.rows):,} dev pairs; `{all_of_it}` takes all."]
        for note in notes:
            self.watcher.say(f"note: {note}")
        self.watcher.finished(event)
        return event

    @property
    def _is_of_table(self) -> bool:
        """Whether dev is a part of a table over time, and no pairs."""
        return self.config.fields.numbers.horizon > 0

    def _notes(self, look: Found, *, whole: bool) -> list[str]:
        """What the last look says beside training and the looks before it."""
        notes = health.easier_dev(self.learner.loss(self._as_many()), look.values["loss"], of_table=self._is_of_table)
        return notes + (self._doubts_about_search(look) if whole else [])

    def _doubts_about_search(self, look: Found) -> list[str]:
        """A sentence where the search of the last look does worse than the greedy one that chose the weights, on the same dev pairs."""
        metric, search = self.best.metric, self.config.search
        if search.kind != "beam" or not self.best.ranking or len(look.rows) != len(self.dev.sample) or metric not in look.values:
            return []
        if self.settings.keep == "last":  # other weights than those that the greedy one chose
            return []
        return health.worse_search(metric, self.best.ranking[0].score, look.values[metric], search.name)

    def _as_many(self) -> Iterator[Batch]:
        """Batches with as many training examples as dev is looked at; few where a budget is at its end, and each of many takes a while."""
        seen, most = 0, len(self.dev.sample)
        if self.settings.budget_seconds is not None:
            most = min(most, COMPARED)
        for index in self._batches(0):
            if seen >= most or (seen and not self.course.has_time_for(0)):
                return
            seen += len(index)
            yield self.corpus.batch(index)

    def _has_time_for_all(self) -> bool:
        """Whether the budget allows the config's search over all of dev; else the last look is like those before it."""
        rows, search = len(self.dev.rows) / max(len(self.dev.sample), 1), self.config.search
        seconds = self.place.evaluation_seconds * rows * search.rows
        return self.course.has_time_for(seconds)
