import numpy as np
import pytest

from seqloom.numbers import scaling
from seqloom.numbers.scaling import Scaling, fit_scaling


def table(rows: int = 7) -> np.ndarray:
    draw = np.random.default_rng(1)
    return (draw.normal(size=(rows, 3)) * [1, 10, 0] + [1e4, -5, 3]).astype(np.float32)


def test_standard_scaling_is_mean_and_deviation_however_many_rows_are_measured_at_once(monkeypatch: pytest.MonkeyPatch):
    whole = fit_scaling("standard", ["a"], [table()])
    np.testing.assert_allclose(whole.shift[0], table().astype(float).mean(0), rtol=1e-6)
    np.testing.assert_allclose(whole.scale[0], [*table().astype(float).std(0)[:2], 1], rtol=1e-3)
    monkeypatch.setattr(scaling, "ROWS", 2)
    np.testing.assert_allclose(fit_scaling("standard", ["a"], [table()]).scale, whole.scale, rtol=1e-6)


def test_missing_numbers_are_left_out():
    values = table()
    values[2, 1] = np.nan
    np.testing.assert_allclose(fit_scaling("standard", ["a"], [values]).shift[0, 1], np.nanmean(values[:, 1]), rtol=1e-6)


def test_robust_scaling_is_median_and_half_the_distance_of_the_quartiles():
    made = fit_scaling("robust", ["a"], [np.array([[1.0], [2], [3], [4], [1000]], dtype=np.float32)])
    assert (made.shift.tolist(), made.scale.tolist()) == ([[3]], [[1]])


def test_a_constant_is_only_shifted():
    assert fit_scaling("standard", ["a"], [np.full((5, 1), 7.0, dtype=np.float32)]).scale.tolist() == [[1]]


@pytest.mark.parametrize("kind", ["standard", "robust", "series"])
@pytest.mark.parametrize("size", [1e-13, 1e-20, 1e20])
def test_numbers_of_any_size_are_scaled(kind: str, size: float):
    values = (np.sin(np.arange(60.0)) * size).astype(np.float32)[:, None]
    made = fit_scaling(kind, ["a"], [values])
    assert 0.5 < np.abs((values - made.shift) / made.scale).max() < 5


def test_what_changes_on_a_high_level_is_no_constant():
    values = 1e9 + 20 * np.sin(np.arange(60.0))[:, None]
    made = fit_scaling("standard", ["a"], [values])
    np.testing.assert_allclose(made.scale[0], values.std(0), rtol=1e-9)
    np.testing.assert_allclose(made.apply(values), (values - values.mean(0)) / values.std(0), atol=1e-6)


def test_each_series_can_have_its_own_scale_and_one_that_was_not_fitted_is_scaled_by_its_own_numbers():
    made = fit_scaling("series", ["a", "b"], [table(), table() * 3])
    shift, scale = made.of_series(["b", "new"], [table(), table() * 5])
    np.testing.assert_allclose(shift[0], 3 * made.shift[0], rtol=1e-5)
    np.testing.assert_allclose(scale[1, :2], 5 * made.scale[0, :2], rtol=1e-3)


def test_a_series_without_a_row_to_train_on_is_not_fitted():
    made = fit_scaling("series", ["a", "b"], [table(0), table()])
    assert (made.series, made.shift.shape) == (("b",), (1, 3))


def test_no_scaling_changes_nothing_and_a_state_is_read_back():
    made = fit_scaling("none", ["a"], [table()])
    np.testing.assert_array_equal(made.apply(table()), table())
    again = Scaling.from_state(fit_scaling("series", ["a", "b"], [table(), table()]).state())
    assert (again.kind, again.series, again.shift.shape) == ("series", ("a", "b"), (2, 3))
    with pytest.raises(ValueError, match="shift and scale do not fit"):
        Scaling.from_state({"kind": "none", "shift": [[1.0]], "scale": [[0.0]], "series": []})
