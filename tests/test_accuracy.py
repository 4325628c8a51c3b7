from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from stage import panel_of_arrays

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.numbers.accuracy import Accuracy, seasonal_error
from seqloom.numbers.baselines import linear, naive, naive2, seasonal_naive
from seqloom.numbers.distributions import point_of, quantile_levels, quantiles_of, read_levels, student_quantile
from seqloom.numbers.straight_line import fit_line


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_errors_by_hand():
    accuracy = Accuracy()
    accuracy.add(column(1, 4), column(2, 2), scale=np.array([[2.0]]), seasonal=np.array([[0.5]]))
    values = accuracy.values()
    assert values["mae"] == 1.5
    assert values["rmse"] == pytest.approx(np.sqrt(2.5))
    assert (values["mse_scaled"], values["mae_scaled"], values["mase"]) == (0.625, 0.75, 3)
    assert values["smape"] == pytest.approx((200 / 3 + 400 / 6) / 2)


def test_pinball_of_the_median_is_the_absolute_error_and_coverage_counts_the_truth_inside():
    accuracy = Accuracy([0.1, 0.5, 0.9])
    quantiles = np.array([[[0.0, 2.0, 3.0]], [[5.0, 6.0, 7.0]]])
    accuracy.add(column(1, 4), quantiles[..., 1], quantiles=quantiles)
    values = accuracy.values()
    assert values["coverage_80"] == 0.5
    assert values["pinball"] == pytest.approx(2 * np.mean([0.1 * 1, 0.5 * 1, 0.1 * 2, 0.9 * 1, 0.5 * 2, 0.1 * 3]))


def test_windows_add_up_and_missing_truth_counts_nothing():
    together, apart = Accuracy(), Accuracy()
    together.add(column(1, 4, np.nan), column(2, 2, 9))
    apart.add(column(1), column(2))
    apart.add(column(4), column(2))
    assert together.values() == apart.values()


def test_a_perfect_forecast_of_zero_has_no_percentage_error():
    accuracy = Accuracy()
    accuracy.add(column(0, 0), column(0, 0))
    assert accuracy.values()["smape"] == 0


def test_the_seasonal_error_is_that_of_the_season_before():
    assert seasonal_error(column(1, 2, 4, 8), 2).tolist() == [4.5]
    assert np.isnan(seasonal_error(column(1, 2), 2)).all()


def test_a_series_that_repeats_itself_but_for_rounding_has_no_seasonal_error():
    place = np.arange(100.0)[:, None]
    for level in (0, 10, 1e6):
        values = level + np.sin(2 * np.pi * place / 7)
        assert seasonal_error(values, 7).tolist() == [0]
        assert seasonal_error(values + 1e-4 * np.cos(place), 7)[0] > 0
    accuracy = Accuracy()
    accuracy.add(column(1, 2), column(1, 3), seasonal=np.array([[0.0]]))
    assert "mase" not in accuracy.values()


def test_naive_forecasts_by_hand():
    past = column(1, 2, 3, 4, 5)
    assert naive(past, 2)[:, 0].tolist() == [5, 5]
    assert seasonal_naive(past, 4, 3)[:, 0].tolist() == [3, 4, 5, 3]
    assert seasonal_naive(past[:2], 2, 3)[:, 0].tolist() == [2, 2]


def test_naive2_takes_the_season_out_and_puts_it_back():
    factors = np.array([0.5, 1.0, 1.5, 1.0])
    past = 10 * np.tile(factors, 6)
    np.testing.assert_allclose(naive2(past, 5, 4), 10 * factors[[0, 1, 2, 3, 0]], rtol=1e-6)
    plain = np.random.default_rng(1).normal(50, 1, 60)
    assert naive2(plain, 3, 4).tolist() == [plain[-1]] * 3, "a series without a season is repeated as it is"


def test_a_student_quantile_is_near_the_tables():
    for freedom, wanted in ((3.0, 1.6377), (5.0, 1.4759), (10.0, 1.3722), (30.0, 1.3104)):
        assert student_quantile(0.9, np.array([freedom]))[0] == pytest.approx(wanted, rel=2e-3)
        assert student_quantile(0.1, np.array([freedom]))[0] == pytest.approx(-wanted, rel=2e-3)
    assert student_quantile(0.5, np.array([3.0]))[0] == 0


def test_points_and_quantiles_of_each_head():
    of = lambda **head: ModelConfig.model_validate({"head": head}).head  # noqa: E731
    values = np.array([[[1.0, 2.0, 4.0]]], dtype=np.float32)
    assert point_of(of(kind="squared"), values[..., :1]).tolist() == [[1]]
    assert point_of(of(kind="quantile"), values).tolist() == [[2]]
    assert quantiles_of(of(kind="quantile"), values, [0.1, 0.9]).tolist() == [[[1, 4]]]
    np.testing.assert_allclose(quantiles_of(of(kind="gaussian"), values, [0.5, 0.9]), [[[1, 1 + 2 * 1.2816]]], rtol=1e-4)
    assert quantiles_of(of(kind="squared"), values, []).shape == (1, 1, 0)
    assert quantile_levels(of(kind="squared")) == []
    assert quantile_levels(of(kind="student_t")) == [0.1, 0.5, 0.9]


def test_quantiles_that_a_model_does_not_give_are_refused():
    of = lambda **head: ModelConfig.model_validate({"head": head}).head  # noqa: E731
    with pytest.raises(ConfigError, match=r"^quantile 0\.25: the model was trained for \[0\.1, 0\.5, 0\.9\]\. Ask for those"):
        quantile_levels(of(kind="quantile"), [0.25])
    with pytest.raises(ConfigError, match=r"^quantiles: a head of kind 'squared' says points only\. Train with --quantiles"):
        quantile_levels(of(kind="squared"), [0.5])


@pytest.mark.parametrize(
    ("asked", "levels"),
    [
        ("0.1, 0.9", [0.1, 0.9]),
        ("0.1,0.10", [0.1]),
        (".5,0.1,", [0.1, 0.5]),
        ([0.9, 0.1, 0.9], [0.1, 0.9]),
        (0.5, [0.5]),
        (np.float32(0.5), [0.5]),
        ("", []),
        (None, []),
    ],
)
def test_levels_are_each_given_once_from_the_lowest(asked: Any, levels: list[float]):
    assert read_levels(asked) == levels


@pytest.mark.parametrize("asked", ["0.1,x", 0, 1.0, [0.5, None], "nan"])
def test_levels_that_are_none_are_refused(asked: Any):
    with pytest.raises(ConfigError, match=r"expected numbers between 0 and 1, as in 0\.1,0\.5,0\.9\.$"):
        read_levels(asked)


@pytest.mark.parametrize("share", [0, 0.1])
def test_a_straight_line_finds_the_rule_that_made_the_data_also_from_what_is_known_of_it(share: float):
    from seqloom.config import FieldsConfig, NumbersField
    from seqloom.numbers.fields import NumberFields
    from seqloom.numbers.windows import Part, Windows

    values = np.zeros((400, 1))
    values[:2, 0] = [1.0, 0.9]
    for row in range(2, 400):
        values[row] = 1.8 * values[row - 1] - 0.99 * values[row - 2]
    panel = panel_of_arrays(values, ["y"])
    fields = NumberFields.fit(FieldsConfig(numbers=NumbersField(targets=["y"], history=4, horizon=3)), panel.series, [panel.values])
    part = Part(panel.starts[:-1], panel.starts[1:])
    windows = Windows(panel, fields, part, reach_back=False)
    lost = np.random.default_rng(1).random(values.shape) < share
    holed = Windows(replace(panel, filled=lost if share else None), fields, part, reach_back=False)
    batch = windows.batch(range(50))
    said = linear(fit_line(holed, windows, 1).weights, batch.source.astype(np.float32), batch.source_mask, 1)
    np.testing.assert_allclose(said, batch.target_out[:, :3], atol=0.02)
