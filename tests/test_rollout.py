"""Frames that are said one after another, by a model that fits into one's head."""

import numpy as np
import pytest

from seqloom.numbers.rollout import FrameStep, rollout


class Doubling:
    """Says twice the frame before plus the sum of what is known; says that a frame is the last when it passes 20."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def step(self, frames: np.ndarray) -> FrameStep:
        self.shown.append(frames)
        point = 2 * frames[:, :2] + frames[:, 2:].sum(1, keepdims=True)
        return FrameStep(point[:, :, None], point, (point[:, 0] > 20).astype(np.float32))


def known(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)[:, :, None]


def test_each_frame_is_shown_before_the_next_with_what_is_known_of_that():
    model = Doubling()
    (said,) = rollout(model, [3], 2, known([1, 0, 5]))
    assert said[:, :, 0].tolist() == [[1, 1], [2, 2], [9, 9]]
    assert [frames.tolist() for frames in model.shown] == [[[0, 0, 1]], [[1, 1, 0]], [[2, 2, 5]]]


def test_a_row_ends_at_its_length_or_where_the_model_says_so():
    said = rollout(Doubling(), [2, 6, 6], 2, known([1] * 6, [1] * 6, [9] * 6))
    assert [row[:, 0, 0].tolist() for row in said] == [[1, 3], [1, 3, 7, 15, 31], [9, 27]]


def test_nothing_is_stepped_once_all_rows_have_ended():
    model = Doubling()
    rollout(model, [6], 2, known([30] * 6))
    assert len(model.shown) == 1


def test_no_rows_say_nothing():
    assert rollout(Doubling(), [], 2) == []


@pytest.mark.parametrize("length", [1, 4])
def test_without_anything_known_only_the_frame_before_is_shown(length: int):
    model = Doubling()
    (said,) = rollout(model, [length], 2)
    assert said.shape == (length, 2, 1)
    assert {frames.shape for frames in model.shown} == {(1, 2)}
