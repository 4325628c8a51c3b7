"""Frames as text: read back as they were written, told from symbols, refused where they are none."""

import numpy as np
import pytest

from seqloom.errors import DataError
from seqloom.fields.frame_text import frames_of_text, hold_frames, text_of_array, text_of_frames, text_of_lists


@pytest.mark.parametrize("width", [1, 3])
def test_frames_come_back_from_their_text_bit_for_bit(width: int):
    frames = (
        np.random.default_rng(1).normal(size=(5, width)).astype(np.float32) * np.float32(1e7) ** np.arange(-2, 3, dtype=np.float32)[:, None]
    )
    np.testing.assert_array_equal(frames_of_text(text_of_frames(frames), "source").astype(np.float32), frames)
    exact = frames.astype(np.float64) + 1e9
    np.testing.assert_array_equal(frames_of_text(text_of_frames(exact), "source"), exact)


def test_numbers_may_stand_with_blanks_between_or_as_in_json():
    for text in ("0.5 1.25  -2e1", "[0.5, 1.25, -20]", "[[0.5], [1.25], [-20]]"):
        np.testing.assert_array_equal(frames_of_text(text, "target"), np.array([[0.5], [1.25], [-20]], np.float32))
    assert frames_of_text("[[1, 2, 3]]", "target").shape == (1, 3)


def test_lists_are_numbers_over_time_where_they_cannot_be_symbols():
    assert hold_frames([["0.5", "1"], ["2", "3"], None])
    assert hold_frames([[[1, 2]], [[3, 4], [5, 6]]])
    assert not hold_frames([["1", "2"], ["3"]]), "whole numbers may be symbols"
    assert not hold_frames([["0.5", "up"], ["1.5"]])
    assert not hold_frames([["0.5"], "0.5"])
    assert not hold_frames([None, None])


def test_lists_in_a_list_are_the_text_of_json_where_all_are_numbers():
    assert text_of_lists([["0.5", 1], [2.0, "3e2"]]) == "[[0.5, 1], [2.0, 3e2]]"
    assert text_of_lists([["a"], ["b"]]) is None
    assert text_of_lists([["1"], "2"]) is None


@pytest.mark.parametrize("text", ["up", "[1, [2]]", "[[1, 2], [3]]", '["a"]', "[[[1]]]", "[1, null", "0.5,1", f"[1{'0' * 400}]"])
def test_what_is_no_frames_is_refused(text: str):
    with pytest.raises(DataError, match=r"^the source"):
        frames_of_text(text, "source")


def test_an_array_of_another_kind_is_refused():
    with pytest.raises(DataError, match=r"^pairs:3: the source: an array of <U1; expected numbers\. Convert it with astype\.$"):
        text_of_array(np.array(["a"]), "pairs:3: the source")
    with pytest.raises(DataError, match=r"^x: shape \(2, 1, 1\); expected \(T, D\) with at least one moment\. Mend the array\.$"):
        text_of_array(np.zeros((2, 1, 1)), "x")
