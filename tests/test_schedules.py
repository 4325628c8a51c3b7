import math
from typing import get_args

import pytest

from seqloom.config import ConstantSchedule, CosineSchedule, InverseSqrtSchedule, PlateauSchedule, ScheduleConfig, TeacherForcing
from seqloom.training.schedules import SCHEDULES, learning_rate_factor, teacher_forcing


def test_every_schedule_of_the_config_has_its_function():
    assert set(SCHEDULES) == set(get_args(get_args(ScheduleConfig)[0]))


@pytest.mark.parametrize("schedule", [kind(warmup_steps=8) for kind in SCHEDULES], ids=lambda schedule: schedule.kind)
def test_warm_up_rises_in_a_straight_line_from_above_zero_to_the_whole_rate(schedule):
    factors = [learning_rate_factor(schedule, step, 0.0) for step in range(8)]
    assert factors == pytest.approx([(step + 1) / 8 for step in range(8)])


@pytest.mark.parametrize(
    "schedule", [ConstantSchedule(), CosineSchedule(warmup_steps=0), PlateauSchedule(), InverseSqrtSchedule(warmup_steps=1)]
)
def test_without_warm_up_the_first_step_has_the_whole_rate(schedule):
    assert learning_rate_factor(schedule, 0, 0.0) == 1


def test_a_constant_rate_stays():
    assert {learning_rate_factor(ConstantSchedule(warmup_steps=3), step, step / 10) for step in range(3, 10)} == {1.0}


def test_a_cosine_falls_from_one_over_the_middle_to_its_final_share():
    schedule = CosineSchedule(warmup_steps=0, final=0.2)
    assert [learning_rate_factor(schedule, 5, progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.6, 0.2])
    quarter = 0.2 + 0.8 * 0.5 * (1 + math.sqrt(0.5))
    assert learning_rate_factor(schedule, 5, 0.25) == pytest.approx(quarter)
    assert learning_rate_factor(schedule, 5, 1.7) == pytest.approx(0.2)
    assert learning_rate_factor(schedule, 5, -0.1) == 1


def test_an_inverse_square_root_halves_when_the_step_is_four_times_the_warm_up():
    schedule = InverseSqrtSchedule(warmup_steps=10)
    assert learning_rate_factor(schedule, 9, 0.0) == 1
    assert learning_rate_factor(schedule, 39, 0.0) == pytest.approx(0.5)


def test_a_plateau_schedule_falls_by_its_factor_each_time():
    schedule = PlateauSchedule(factor=0.5)
    assert [learning_rate_factor(schedule, 7, 0.3, times) for times in (0, 1, 3)] == [1.0, 0.5, 0.125]


def test_teacher_forcing_goes_in_a_straight_line_from_start_to_end():
    forcing = TeacherForcing(start=1.0, end=0.5)
    assert [teacher_forcing(forcing, progress) for progress in (0.0, 0.5, 1.0, 2.0)] == [1.0, 0.75, 0.5, 0.5]
    assert teacher_forcing(TeacherForcing(start=0.25, end=0.75), 0.5) == 0.5


def test_teacher_forcing_without_an_end_stays_and_an_end_of_zero_is_an_end():
    assert [teacher_forcing(TeacherForcing(start=0.7), progress) for progress in (0.0, 1.0)] == [0.7, 0.7]
    assert teacher_forcing(TeacherForcing(start=1.0, end=0.0), 1.0) == 0.0
