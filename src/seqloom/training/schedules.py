"""Learning rates and teacher forcing over a run: pure functions of the step and of how much of the run is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from seqloom.config import (
    ConstantSchedule,
    CosineSchedule,
    InverseSqrtSchedule,
    PlateauSchedule,
    ScheduleConfig,
    TeacherForcing,
)

__all__ = ["SCHEDULES", "learning_rate_factor", "teacher_forcing"]


def learning_rate_factor(schedule: ScheduleConfig, step: int, progress: float, bad_evaluations: int = 0) -> float:
    """What the learning rate is multiplied by at update `step` (from 0), when `progress` (0 to 1) of the run is done.

    Args:
        bad_evaluations: for a plateau schedule, how often `patience` evaluations in a row brought nothing better.
    """
    warmup = min(1.0, (step + 1) / max(schedule.warmup_steps, 1))
    return warmup * SCHEDULES[type(schedule)](schedule, step, min(max(progress, 0.0), 1.0), bad_evaluations)


def _constant(schedule: ConstantSchedule, step: int, progress: float, bad_evaluations: int) -> float:
    return 1.0


def _cosine(schedule: CosineSchedule, step: int, progress: float, bad_evaluations: int) -> float:
    return schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * progress))


def _inverse_sqrt(schedule: InverseSqrtSchedule, step: int, progress: float, bad_evaluations: int) -> float:
    return min(1.0, math.sqrt(schedule.warmup_steps / (step + 1)))  # during the warm-up it is the warm-up that counts


def _plateau(schedule: PlateauSchedule, step: int, progress: float, bad_evaluations: int) -> float:
    return schedule.factor**bad_evaluations


SCHEDULES: dict[type, Callable[[Any, int, float, int], float]] = {
    ConstantSchedule: _constant,
    CosineSchedule: _cosine,
    InverseSqrtSchedule: _inverse_sqrt,
    PlateauSchedule: _plateau,
}
"""Each kind's factor behind the warm-up, of the step, the progress (0 to 1) and the bad evaluations."""


def teacher_forcing(config: TeacherForcing, progress: float) -> float:
    """The probability with which a true token is shown, when `progress` (0 to 1) of the run is done."""
    if config.end is None:
        return config.start
    return config.start + (config.end - config.start) * min(max(progress, 0.0), 1.0)
