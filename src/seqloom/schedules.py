"""Learning rates and teacher forcing over a run: pure functions of the step and of how much of the run is done."""

from __future__ import annotations

import math

from seqloom.config import (
    ConstantSchedule,
    CosineSchedule,
    InverseSqrtSchedule,
    PlateauSchedule,
    TeacherForcing,
)

__all__ = ["learning_rate_factor", "teacher_forcing"]

Schedule = ConstantSchedule | CosineSchedule | InverseSqrtSchedule | PlateauSchedule


def learning_rate_factor(schedule: Schedule, step: int, progress: float, bad_evaluations: int = 0) -> float:
    """What the learning rate is multiplied by at update `step` (from 0), when `progress` (0 to 1) of the run is done.

    Args:
        bad_evaluations: for a plateau schedule, how often `patience` evaluations in a row brought nothing better.
    """
    warmup = min(1.0, (step + 1) / max(schedule.warmup_steps, 1))
    if isinstance(schedule, CosineSchedule):
        falling = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
        return warmup * falling
    if isinstance(schedule, InverseSqrtSchedule):
        return min(warmup, math.sqrt(schedule.warmup_steps / (step + 1)))
    if isinstance(schedule, PlateauSchedule):
        return warmup * schedule.factor**bad_evaluations
    return warmup


def teacher_forcing(config: TeacherForcing, progress: float) -> float:
    """The probability with which a true token is shown, when `progress` (0 to 1) of the run is done."""
    if config.end is None:
        return config.start
    return config.start + (config.end - config.start) * min(max(progress, 0.0), 1.0)
