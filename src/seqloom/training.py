"""The training loop. A run is a function of its config and data: the same seed gives the same losses, and a run that was stopped
anywhere and resumed ends with the same weights, because each update draws from the seed and its own number alone.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from seqloom import health, metrics
from seqloom.batching import Batch, Ids
from seqloom.checkpoint import RunDirectory, load_weights, read_tensors, write_tensors
from seqloom.config import BatchConfig, RunConfig
from seqloom.dev import Dev
from seqloom.errors import CheckpointError, TrainingError
from seqloom.events import Evaluated, Finished, Started, Updated, Watcher
from seqloom.files import give_second_name
from seqloom.learning import Diverged, Learner
from seqloom.nn.seq2seq import Side
from seqloom.schedules import learning_rate_factor, teacher_forcing

__all__ = ["Trainer"]

EVALUATIONS = 20
"""Looks at the dev set in a run, where the config does not say."""
PERFECT = 2
"""Looks in a row without any error, after which the run is brought to its end ..."""
COOLING = 1 / 3
"""... in this share of the updates so far, while the learning rate falls as it would have."""


@dataclass
class Place:
    """Where a run is: all of its state besides the weights and the optimizer's."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of this pass that are done."""
    seconds: float = 0.0
    """Wall time of the run so far, stops not counted."""
    evaluated_at: float = 0.0
    """Progress at the last evaluation."""
    evaluation_seconds: float = 0.0
    """What the last evaluation took; early ones are slow, since outputs have not learned to end."""
    best: list[tuple[float, float, int]] = field(default_factory=list[tuple[float, float, int]])
    """(score, loss, step) of the best evaluations, best first."""
    without_better: int = 0
    perfect: int = 0
    """Evaluations in a row that could not have been better."""
    cooling_step: int = 0
    """The update from which the run is brought to its end early; 0 where it is not."""
    cooling_progress: float = 0.0
    """How much of the run was done then."""
    on_plateau: int = 0
    """Evaluations without a better score since the learning rate last fell, for a plateau schedule."""
    plateaus: int = 0
    """How often it fell."""


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


class Trainer:
    """A run in its directory; `fit` takes it from where it is to its end."""

    def __init__(
        self, run: RunDirectory, config: RunConfig, fields: BothSides, corpus: Examples, dev: Dev, watcher: Watcher, started: float
    ) -> None:
        """`config` has its device, precision and threads decided; `started` is `time.perf_counter()` at the begin of the command."""
        self.run, self.config, self.settings = run, config, config.training
        self.corpus, self.watcher, self.started = corpus, watcher, started
        self.dev = dev
        self.learner = Learner(config, fields.source, fields.target)
        self.network = self.learner.network
        self.place = Place()
        batches = len(self._batches(0))
        self.updates_a_pass = math.ceil(batches / self.settings.batch.accumulate)
        self.total = max(1, math.ceil(self.updates_a_pass * self.settings.epochs))
        if self.settings.max_steps is not None:
            self.total = min(self.total, self.settings.max_steps)
        self._loss = self._symbols = self._reached = 0.0
        self._since = self._saved = time.perf_counter()

    # --------------------------------------------------------------------------------------------------- the loop

    def fit(self, *, look_first: bool = False) -> Finished:
        """Train to the end of the run: its passes, its budget, early stopping, or Ctrl-C, which leaves a usable model too.

        Args:
            look_first: whether the weights before the first update are good for something, and may be those that are kept.
        """
        self._announce()
        why = ""
        if not self.place.step:
            self.place.evaluated_at = self._progress()  # getting ready is no part of what the first look waits for
        try:
            if not self.run.state.is_file():
                if look_first:
                    self._evaluate()
                self._save()
            updates = self._updates()
            while not (why := self._reason_to_stop()):
                self._update(next(updates))
                if self._evaluation_is_due():
                    self._evaluate()
                    self._save()
                elif time.perf_counter() - self._saved > self.settings.checkpoint_seconds:
                    self._save()
        except KeyboardInterrupt:
            why = "interrupted"
        return self._finish(why)

    def _reason_to_stop(self) -> str:
        """Why training ends here, '' where it does not."""
        if self.place.without_better >= self.settings.early_stopping.patience:
            return "early stopping"
        if self._progress() < 1:
            return ""
        if self.place.cooling_step:
            return "perfect on dev"
        return "done" if self.place.step >= self.total else "budget"

    def _updates(self) -> Iterator[list[Batch]]:
        """The batches of each update, from where the run is, pass after pass."""
        while True:
            order = self._batches(self.place.epoch)
            while self.place.batch < len(order):
                chosen = order[self.place.batch : self.place.batch + self.settings.batch.accumulate]
                draw = np.random.default_rng([self.config.seed, self.place.step])
                batches = [self.corpus.batch(index, draw) for index in chosen]
                self.place.batch += len(chosen)
                yield batches
            self.place.epoch, self.place.batch = self.place.epoch + 1, 0

    def _update(self, batches: Sequence[Batch]) -> None:
        progress, step = self._progress(), self.place.step
        factor = learning_rate_factor(self.settings.schedule, step, progress, self.place.plateaus)
        rate, forcing = self.settings.optimizer.learning_rate * factor, teacher_forcing(self.settings.teacher_forcing, progress)
        try:
            loss = self.learner.update(batches, step, rate, forcing)
        except Diverged as fault:
            raise self._diverged(str(fault)) from None
        self.place.step += 1
        self._report(loss, sum(batch.tokens for batch in batches), rate)

    def _diverged(self, fault: str) -> TrainingError:
        return TrainingError(
            f"{self.run.path}: {fault} at update {self.place.step + 1} (pass {self.place.epoch + 1}). The last good checkpoint is kept. "
            "Train anew with half of training.optimizer.learning_rate, or with --set training.precision=float32."
        )

    # -------------------------------------------------------------------------------------------- time and progress

    def _seconds(self) -> float:
        return self.place.seconds + time.perf_counter() - self.started

    def _allowed(self) -> float:
        """Seconds that training may take: the budget less what choosing and measuring the weights will take, judged by the last look."""
        budget = self.settings.budget_seconds or math.inf
        return max(budget - 2 - 8 * self.place.evaluation_seconds, 0.7 * budget)

    def _progress(self) -> float:
        """How much of the run is done, 0 to 1: by updates, or by time where there is a budget and that is further."""
        progress = self.place.step / self.total
        if self.settings.budget_seconds is not None:
            progress = self._reached = max(progress, self._reached, self._seconds() / self._allowed())
        if begun := self.place.cooling_step:
            cooled = (self.place.step - begun) / max(round(COOLING * begun), 1)
            progress = max(progress, self.place.cooling_progress + (1 - self.place.cooling_progress) * cooled)
        return min(1.0, progress)

    def _evaluation_is_due(self) -> bool:
        if self.settings.evaluate_every is not None:
            return self.place.step % self.settings.evaluate_every == 0 or self._progress() >= 1
        step = 1 / EVALUATIONS
        if self.settings.budget_seconds is not None:  # not more than an eighth of the time for looking
            step = max(step, 8 * self.place.evaluation_seconds / self._allowed())
        return self._progress() >= min(1.0, self.place.evaluated_at + step)

    def _report(self, loss: float, symbols: int, rate: float) -> None:
        self._loss, self._symbols = self._loss + loss, self._symbols + symbols
        progress, seconds = self._progress(), time.perf_counter() - self._since
        spent = self._seconds()
        self.watcher.updated(
            Updated(
                step=self.place.step,
                epoch=self._epoch(),
                progress=progress,
                loss=loss / symbols,
                learning_rate=rate,
                tokens_per_second=self._symbols / max(seconds, 1e-9),
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
        begin = time.perf_counter()
        look = self.dev.look(self.network)
        if not math.isfinite(look.values["loss"]):
            raise self._diverged(f"the loss on dev became {look.values['loss']}")
        values, is_best = look.values, self._remember(look.values)
        findings = self.dev.findings(look, self.place.step, self._progress())
        now = time.perf_counter()
        if self.place.perfect >= PERFECT and not self.place.cooling_step:
            self.place.cooling_step, self.place.cooling_progress = self.place.step, self._progress()
        self.place.evaluated_at = self._progress()
        self.place.evaluation_seconds = now - begin
        learned = {"train_loss": self._loss / self._symbols} if self._symbols else {}
        when = {"step": self.place.step, "epoch": round(self._epoch(), 4), "seconds": round(self._seconds(), 3)}
        self.run.append_metrics({**when, **learned, **values, "findings": findings})
        self.watcher.evaluated(
            Evaluated(
                step=self.place.step,
                epoch=self._epoch(),
                seconds=self._seconds(),
                metrics=values,
                watched=self.settings.early_stopping.metric,
                is_best=is_best,
                samples=look.samples(),
                findings=findings,
            )
        )
        self._loss = self._symbols = 0.0
        self._since = time.perf_counter()

    def _remember(self, values: dict[str, float]) -> bool:
        """Keep the weights if they are among the `average` best; True if they are the best so far."""
        name = self.settings.early_stopping.metric
        score, best = (values[name], values["loss"]), self.place.best
        is_best = not best or self._is_better(score, best[0][:2])
        self.place.without_better = 0 if is_best else self.place.without_better + 1
        self.place.perfect = self.place.perfect + 1 if metrics.is_perfect(name, score[0]) else 0
        self.place.on_plateau = 0 if is_best else self.place.on_plateau + 1
        if self.settings.schedule.kind == "plateau" and self.place.on_plateau > self.settings.schedule.patience:
            self.place.plateaus, self.place.on_plateau = self.place.plateaus + 1, 0
        place = next((number for number, other in enumerate(best) if self._is_better(score, other[:2])), len(best))
        if place < self.settings.average:
            self._keep(place, score)
        return is_best

    def _keep(self, place: int, score: tuple[float, float]) -> None:
        """Put the weights at this place among the best; those at the first are the model's."""
        file, best = self._kept(self.place.step), self.place.best
        write_tensors(file, self.network.state_dict())
        best.insert(place, (*score, self.place.step))
        del best[self.settings.average :]
        if place == 0:
            give_second_name(file, self.run.weights)

    # ------------------------------------------------------------------------------------------------- save and end

    def _save(self) -> None:
        """Write all that `restore` needs, in one file, whole or not at all."""
        record = {**asdict(self.place), "seconds": self._seconds(), "loss": self._loss, "symbols": self._symbols}
        write_tensors(self.run.state, self.learner.tensors(), {"place": json.dumps(record)})
        keep = {f"{step}.safetensors" for *_, step in self.place.best}
        for file in self.run.best.glob("*.safetensors"):
            if file.name not in keep:
                file.unlink()
        self._saved = time.perf_counter()

    def restore(self) -> None:
        """Go on from what `_save` wrote.

        Raises:
            CheckpointError: it is missing, damaged, or of another model.
        """
        tensors, metadata = read_tensors(self.run.state)
        try:
            record = json.loads(metadata["place"])
            self._loss, self._symbols = record.pop("loss"), record.pop("symbols")
            self.place = Place(**record)
            self.place.best = [(float(score), float(loss), int(step)) for score, loss, step in self.place.best]
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.run.state}: damaged ({error}). Train anew with --overwrite.") from None
        self.learner.restore(tensors, str(self.run.state))
        self.run.forget_metrics_after(self.place.step)

    def _finish(self, why: str) -> Finished:
        """Choose the weights to keep, measure them on all of dev, and write the model."""
        chosen = self._choose_weights()
        whole, search = self._has_time_for_all(), self.config.search
        look = self.dev.look(self.network, last=True, whole=whole)
        event = Finished(
            run=str(self.run.path),
            step=self.place.step,
            seconds=self._seconds(),
            why=why,
            metrics=look.values,
            chosen=chosen,
            dev_pairs=len(look.rows),
            search=search.name if whole else "greedy",
        )
        self.run.write_about(**{**asdict(event), "finished": why != "interrupted"})
        if why != "interrupted":
            self.run.forget_training()
            for note in health.easier_dev(self.learner.loss(self._as_many()), look.values["loss"]):
                self.watcher.say(f"note: {note}")
        self.watcher.finished(event)
        return event

    def _as_many(self) -> Iterator[Batch]:
        """Batches with as many training examples as dev is looked at."""
        seen = 0
        for index in self._batches(0):
            if seen >= len(self.dev.sample):
                return
            seen += len(index)
            yield self.corpus.batch(index)

    def _has_time_for_all(self) -> bool:
        """Whether the budget allows the config's search over all of dev; else the last look is like those before it."""
        rows, search = len(self.dev.rows) / max(len(self.dev.sample), 1), self.config.search
        seconds = self.place.evaluation_seconds * rows * (search.beam if search.kind == "beam" else 1)
        return self._seconds() + seconds < (self.settings.budget_seconds or math.inf)

    def _choose_weights(self) -> str:
        """Let network and model have the best weights, or the average of the best ones where that is better on dev; says which."""
        if not self.place.best:
            write_tensors(self.run.weights, self.network.state_dict())
            return f"the last, update {self.place.step}"
        *score, step = self.place.best[0]
        if len(self.place.best) > 1 and self._average_is_better((score[0], score[1])):
            write_tensors(self.run.weights, self.network.state_dict())
            return f"the average of the {len(self.place.best)} best on dev"
        load_weights(self.network, read_tensors(self._kept(step))[0], self.run.best)
        give_second_name(self._kept(step), self.run.weights)
        return f"the best on dev, update {step}"

    def _average_is_better(self, best: tuple[float, float]) -> bool:
        """Give the network the average of the kept weights; True if that is better on dev than `best`, (score, loss) of the best ones."""
        load_weights(self.network, _average([read_tensors(self._kept(step))[0] for *_, step in self.place.best]), self.run.best)
        values = self.dev.look(self.network).values
        mean = (values[self.settings.early_stopping.metric], values["loss"])
        return self._is_better(mean, best) and mean[1] < 1.1 * best[1]

    def _is_better(self, one: tuple[float, float], other: tuple[float, float]) -> bool:
        """Whether a (score, loss) beats another: by the watched metric, and where that is the same by the loss."""
        name = self.settings.early_stopping.metric
        return metrics.better(name, one[0], other[0]) or (one[0] == other[0] and one[1] < other[1])

    def _kept(self, step: int) -> Path:
        """The file of the weights after an update that are among the best."""
        return self.run.best / f"{step}.safetensors"


def _average(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name].double() for part in parts]).mean(0).to(tensor.dtype) for name, tensor in parts[0].items()}
