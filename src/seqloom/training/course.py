"""The course of a run: where it is, how much of it is done, when it looks at dev, and when it ends."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from seqloom.config import TrainingConfig

__all__ = ["Course", "Place"]

EVALUATIONS = 20
"""Looks at the dev set in a run, where the config does not say."""
LOOKING = 1 / 8
"""The share of a budget, at the most, that is spent on looking."""
LEEWAY = 0.05
"""Updates are behind the clock only by more than this share of what is left: a run whose passes end before its time, as one that began
with some seconds of reading, is a function of its seed alone."""
PERFECT = 2
"""Looks in a row without any error, after which the run is brought to its end ..."""
TELLING = 100
"""... if they are at so many dev pairs or more: three that are right say next to nothing ..."""
COOLING = 1 / 3
"""... in this share of the updates so far, while the learning rate falls as it would have ..."""
COOLING_LOOKS = 4
"""... and dev is looked at so often, evenly."""


@dataclass
class Place:
    """Where a run is: all of its state besides the weights, the optimizer's, and which weights were best."""

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
    without_better: int = 0
    """Evaluations in a row that found nothing better."""
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
    looked_at: int = 0
    """Dev pairs at which a run with a budget looks; 0 before its first look."""
    looked_step: int = 0
    """The updates before the last look."""


class Course:
    """A run of at most `total` updates, in the time that it has; `place` is where it is."""

    def __init__(self, settings: TrainingConfig, total: int, started: float) -> None:
        """`started` is `time.perf_counter()` at the begin of the command."""
        self.settings, self.total, self.started = settings, total, started
        self.place = Place()
        self._reached = 0.0

    def seconds(self) -> float:
        """Wall time of the run so far, stops not counted."""
        return self.place.seconds + time.perf_counter() - self.started

    def progress(self) -> float:
        """How much of the run is done, 0 to 1: by updates, or by time where there is a budget and that is further by more than LEEWAY."""
        progress = self.place.step / self.total
        if self.settings.budget_seconds is not None:
            by_time = 1 - (1 - self.seconds() / self._allowed()) / (1 - LEEWAY)
            progress = self._reached = max(progress, self._reached, by_time)
        if begun := self.place.cooling_step:
            cooled = (self.place.step - begun) / max(round(COOLING * begun), 1)
            progress = max(progress, self.place.cooling_progress + (1 - self.place.cooling_progress) * cooled)
        return min(1.0, progress)

    def reason_to_stop(self) -> str:
        """Why training ends here, '' where it does not."""
        if self.place.without_better >= self.settings.early_stopping.patience:
            return "early stopping"
        if self.progress() < 1:
            return ""
        if self.place.cooling_step:
            return "perfect on dev"
        return "done" if self.place.step >= self.total else "budget"

    def is_to_look(self) -> bool:
        """Whether the dev set is to be looked at now."""
        if self.settings.evaluate_every is not None:
            return self.place.step % self.settings.evaluate_every == 0 or self.progress() >= 1
        pause = 1 / EVALUATIONS
        if self.settings.budget_seconds is not None:
            pause = max(pause, self.place.evaluation_seconds / LOOKING / self._allowed())
        if self.place.cooling_step:
            pause = max(pause, (1 - self.place.cooling_progress) / COOLING_LOOKS)
        return self.progress() >= min(1.0, self.place.evaluated_at + pause)

    def looked(self, seconds: float, *, pairs: int, is_best: bool, is_perfect: bool) -> None:
        """Take note of what a look at so many pairs of dev found, and how long it took."""
        place, schedule = self.place, self.settings.schedule
        place.without_better = 0 if is_best else place.without_better + 1
        place.on_plateau = 0 if is_best else place.on_plateau + 1
        counts = self.settings.early_stopping.perfect and place.step > 0  # what a run begins with says nothing of what it learns
        place.perfect = place.perfect + 1 if counts and is_perfect and pairs >= TELLING else 0
        if schedule.kind == "plateau" and place.on_plateau > schedule.patience:
            place.plateaus, place.on_plateau = place.plateaus + 1, 0
        if place.perfect >= PERFECT and not place.cooling_step:
            place.cooling_step, place.cooling_progress = place.step, self.progress()
        place.evaluated_at, place.evaluation_seconds, place.looked_step = self.progress(), seconds, place.step

    def has_time_for(self, seconds: float) -> bool:
        """Whether the budget allows that much more."""
        return self.seconds() + seconds < (self.settings.budget_seconds or math.inf)

    def _allowed(self) -> float:
        """Seconds that training may take: the budget less what choosing and measuring the weights will take, judged by the last look."""
        budget = self.settings.budget_seconds or math.inf
        return max(budget - 2 - 8 * self.place.evaluation_seconds, 0.7 * budget)
