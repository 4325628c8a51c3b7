from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.config import BatchConfig, FieldsConfig, NumbersField
from seqloom.errors import DataError
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.panel import Panel
from seqloom.numbers.steps import Step
from seqloom.numbers.windows import Part, Windows


def panel(*lengths: int, columns: tuple[str, ...] = ("y", "p")) -> Panel:
    """Series s has y = 100 s + 0, 1, 2 ... and p = -y."""
    parts = [100 * number + np.arange(length, dtype=np.float32) for number, length in enumerate(lengths, 1)]
    y = np.concatenate(parts)
    values = np.stack([y, -y], 1)[:, : len(columns)]
    return Panel(columns, values, np.cumsum([0, *lengths]), tuple(f"s{number}" for number in range(len(lengths))))


def windows(table: Panel, part: Part | None = None, reach_back: bool = True, stride: int = 1, **numbers: Any) -> Windows:
    field = NumbersField(**{"targets": ["y"], "past": ["p"], "history": 3, "horizon": 2, "scaling": "none", **numbers})
    spans = zip(table.starts[:-1].tolist(), table.starts[1:].tolist(), strict=True)
    fields = NumberFields.fit(FieldsConfig(numbers=field), table.series, [table.values[a:b] for a, b in spans])
    return Windows(table, fields, part or Part(table.starts[:-1], table.starts[1:]), reach_back=reach_back, stride=stride)


def test_a_window_is_a_history_and_the_horizon_after_it():
    made = windows(panel(10), reach_back=False)
    assert len(made) == 6
    batch = made.batch([0, 5])
    assert batch.source[:, :3, 0].tolist() == [[100, 101, 102], [105, 106, 107]]
    assert batch.source[:, :3, 1].tolist() == [[-100, -101, -102], [-105, -106, -107]]
    assert batch.target_out[:, :2, 0].tolist() == [[103, 104], [108, 109]]
    assert batch.target_in[0, :2].tolist() == [[0, 0.5], [103, 1]]
    assert (batch.source_mask.sum(1).tolist(), batch.target_mask.sum(1).tolist()) == ([3, 3], [2, 2])


def test_histories_of_dev_reach_back_and_those_of_training_never_leave_their_part():
    table = panel(10)
    train = windows(table, Part(np.array([0]), np.array([6])), reach_back=False)
    dev = windows(table, Part(np.array([6]), np.array([10])))
    assert max(float(part.max()) for part in train.truth(range(len(train)))) == 105
    assert [part[0, 0] for part in dev.truth(range(len(dev)))] == [106, 107, 108]
    assert dev.batch([0]).source[0, :3, 0].tolist() == [103, 104, 105]


def test_no_window_sees_two_series():
    made = windows(panel(6, 5), reach_back=False)
    for number in range(len(made)):
        seen = {int(value) // 100 for value in [*made.batch([number]).source[0, :3, 0], *made.truth([number])[0][:, 0]]}
        assert len(seen) == 1


def test_a_value_that_a_rule_put_in_is_read_and_is_no_truth(tmp_path: Path):
    table = panel(10)
    filled = np.zeros(table.values.shape, dtype=np.bool_)
    filled[[4, 5], 0] = True
    made = windows(replace(table, filled=filled), season=2)
    made.save(tmp_path / "dev")
    for one in (made, Windows.load(tmp_path / "dev", made.fields)):
        batch = one.batch([2])
        assert np.isnan(one.truth([2])[0][:, 0]).tolist() == np.isnan(batch.target_out[0, :2, 0]).tolist() == [False, True]
        assert batch.target_in[0, :2].tolist() == [[0, 0.5], [103, 1]]
        assert one.batch([3]).target_in[0, 1].tolist() == [104, 1], "what is fed back is the value that was put in"
        assert one.batch([4]).source[0, :3, 0].tolist() == [102, 103, 104]


def test_a_short_history_is_padded_at_its_end_and_masked():
    made = windows(panel(4), history=8, window="last")
    batch = made.batch([0])
    assert batch.source_mask[0].tolist() == [True] + [False] * 7
    assert not batch.source[0, 1:].any()


@pytest.mark.parametrize(("scaling", "window"), [("standard", "none"), ("standard", "last"), ("none", "standard"), ("none", "last")])
def test_a_high_level_takes_no_digit_from_what_changes_on_it(scaling: str, window: str):
    table = panel(10)
    made = windows(replace(table, values=table.values.astype(np.float64) + 1e9), scaling=scaling, window=window)
    batch, levels = made.batch([4]), made.levels([4])
    assert batch.source.dtype == batch.target_in.dtype == batch.target_out.dtype == np.float32
    np.testing.assert_allclose(batch.target_out[0] * levels.scale[0] + levels.shift[0], made.truth([4])[0], rtol=0, atol=1e-5)
    assert made.truth([4])[0][:, 0].tolist() == [1e9 + 105, 1e9 + 106]


def test_each_window_can_be_scaled_by_itself_and_is_brought_back():
    for kind, first in (("none", 103), ("last", 1), ("standard", 1 / np.std([100, 101, 102]))):
        made = windows(panel(10), reach_back=False, window=kind)
        batch, levels = made.batch([0]), made.levels([0])
        assert batch.target_out[0, 0, 0] == pytest.approx(first)
        np.testing.assert_allclose(batch.target_out[0, :2] * levels.scale[0] + levels.shift[0], made.truth([0])[0], rtol=1e-6)


def test_a_window_of_numbers_of_any_size_is_scaled_by_itself():
    table = panel(10)
    plain, tiny = (windows(replace(table, values=table.values * size), window="standard").batch([4]) for size in (1, 1e-14))
    np.testing.assert_allclose(tiny.target_out[0], plain.target_out[0], rtol=1e-4)  # of numbers about 100, which differ in the last digits


def test_a_series_that_training_never_saw_is_scaled_by_what_is_known_of_it():
    seen, calm = windows(panel(10), scaling="series").fields, panel(10, 12)
    wild = replace(calm, values=np.where(np.arange(22)[:, None] < 20, calm.values, 1e6))
    part = Part(np.array([10, 20]), np.array([10, 22]))
    first, second = (Windows(table, seen, part).batch([0]).source for table in (calm, wild))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first).max() < 3


def test_scaling_is_undone_with_that_of_the_window():
    for scaling in ("standard", "robust", "series"):
        made = windows(panel(10, 7), reach_back=False, scaling=scaling, window="standard")
        index = range(len(made))
        batch, levels = made.batch(index), made.levels(index)
        np.testing.assert_allclose(batch.target_out[:, :2] * levels.scale + levels.shift, np.stack(made.truth(index)), rtol=1e-5)


def test_what_is_known_of_the_horizon_is_its_place_the_known_columns_and_the_clock():
    times = np.arange(np.datetime64("2024-01-01", "s"), np.datetime64("2024-01-11", "s"), np.timedelta64(1, "D"))
    table = Panel(("y", "k"), np.arange(20, dtype=np.float32).reshape(10, 2), np.array([0, 10]), ("",), times, Step(0, 86_400))
    batch = windows(table, past=[], known=["k"], calendar=["weekday"]).batch([2])
    shown = batch.target_in[0, :2]
    assert shown.shape == (2, 1 + 1 + 1 + 2)
    assert shown[:, 1].tolist() == [0.5, 1]
    assert shown[:, 2].tolist() == [7, 9]
    np.testing.assert_allclose(shown[:, 3], [np.sin(2 * np.pi * 3 / 7), np.sin(2 * np.pi * 4 / 7)], rtol=1e-5)


def test_the_future_has_a_clock_but_no_truth_and_known_columns_must_be_given():
    times = np.arange(np.datetime64("2024-01-01", "s"), np.datetime64("2024-01-11", "s"), np.timedelta64(1, "D"))
    table = Panel(("y", "k"), np.arange(20, dtype=np.float32).reshape(10, 2), np.array([0, 10]), ("",), times, Step(0, 86_400))
    ahead = Part(np.array([10]), np.array([12]))
    made = windows(table, ahead, past=[], targets=["y", "k"], calendar=["weekday"])
    assert np.isnan(made.truth([0])[0]).all()
    assert np.isfinite(made.batch([0]).target_in).all()
    with pytest.raises(
        DataError, match=r"^the table: k: nothing is said of the time that is forecast; expected 2 rows after the last known"
    ):
        windows(table, ahead, past=[], known=["k"]).batch([0])


def test_an_order_is_drawn_from_seed_and_pass_and_cut_when_asked_for():
    made = windows(panel(40, 30), reach_back=False)
    batches = made.batches(BatchConfig(unit="pairs", size=16), 1, 0)
    assert (len(batches), [len(batch) for batch in batches[-2:]]) == (-(-len(made) // 16), [16, len(made) % 16])
    assert sorted(int(place) for batch in batches for place in batch) == list(range(len(made)))
    again, other = made.batches(BatchConfig(unit="pairs", size=16), 1, 0), made.batches(BatchConfig(unit="pairs", size=16), 1, 1)
    assert batches[1].tolist() == again[1].tolist() != other[1].tolist()


def test_a_stride_leaves_windows_out():
    made = windows(panel(12), reach_back=False, stride=3)
    assert [part[0, 0] for part in made.truth(range(len(made)))] == [103, 106, 109]


def test_windows_are_the_same_once_saved_and_loaded(tmp_path: Path):
    made = windows(panel(10, 7), Part(np.array([6, 14]), np.array([10, 17])), window="last")
    made.save(tmp_path / "w")
    loaded = Windows.load(tmp_path / "w", made.fields)
    assert len(loaded) == len(made)
    for mine, theirs in zip(made.truth(range(len(made))), loaded.truth(range(len(made))), strict=True):
        np.testing.assert_array_equal(theirs, mine)
    np.testing.assert_allclose(loaded.yardsticks([0]).seasonal, made.yardsticks([0]).seasonal)  # type: ignore[arg-type]


def test_a_floor_is_the_smallest_value_seen_before_the_window_where_it_is_asked_for():
    table = panel(10)
    table.values[4, 0] = 7
    assert [float(windows(table, floor="seen").floor(number)[0]) for number in (0, 6)] == [100, 7]
    assert windows(table).floor(6).tolist() == [-np.inf]


def test_errors_over_all_of_a_table_are_measured_by_what_each_forecast_could_know():
    growing = 1.1 ** np.arange(40.0)
    table = panel(40, 12, columns=("y",))
    values = np.concatenate([growing, np.arange(12.0)])[:, None]
    filled = np.zeros(values.shape, dtype=np.bool_)
    filled[20] = True
    made = windows(
        replace(table, values=values, filled=filled), Part(np.array([6, 46]), np.array([40, 52]), "all"), past=[], history=6, season=4
    )
    series, origins = made.origins(range(len(made)))
    seasonal = made.yardsticks(range(len(made))).seasonal
    assert seasonal is not None
    assert seasonal.shape == (len(made), 1, 1)
    for row, (number, origin) in enumerate(zip(series.tolist(), origins.tolist(), strict=True)):
        known = np.where(filled, np.nan, values)[int(table.starts[number]) : origin, 0]
        np.testing.assert_allclose(seasonal[row, 0, 0], np.nanmean(np.abs(known[4:] - known[:-4])), rtol=1e-9)
    assert seasonal[0, 0, 0] < seasonal[-10, 0, 0]
    dev = windows(replace(table, values=values), Part(np.array([6, 46]), np.array([40, 52]), "dev"), past=[], history=6, season=4)
    same = dev.yardsticks([0, 20]).seasonal
    assert same is not None
    assert same[0] == same[1], "of a part all are measured by what was known before it"


def test_a_first_forecast_that_knows_no_season_has_no_yardstick():
    made = windows(panel(9, columns=("y",)), Part(np.array([1]), np.array([9]), "all"), past=[], season=4)
    seasonal = made.yardsticks(range(len(made))).seasonal
    assert seasonal is not None
    assert np.isnan(seasonal[:, 0, 0]).tolist() == [True] * 4 + [False] * 3
