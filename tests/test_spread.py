import numpy as np
import pytest

from seqloom.config import GaussianHead, HeadConfig, QuantileHead, SquaredHead
from seqloom.errors import ConfigError
from seqloom.numbers.distributions import quantile_levels, width_of
from seqloom.numbers.spread import FEWEST, LEVELS, Miss, Spread, change_of, measured_spread

WIDTH, CHANGE = np.ones((3, 2), dtype=np.float32), np.array([4, 1], dtype=np.float32)


def spread_of(forecasts: int = 2000) -> Spread:
    """Of errors whose deviation is 1, 2 and 3 at the steps of a horizon, and ten times that in the second column."""
    errors = np.random.default_rng(1).normal(size=(forecasts, 3, 2)) * np.array([[1, 10], [2, 20], [3, 30]])
    found = measured_spread([Miss(error, WIDTH, CHANGE) for error in errors.astype(np.float32)])
    assert found is not None
    return found


def test_intervals_widen_with_the_errors_of_each_step_and_column():
    quantiles = spread_of().around(np.full((3, 2), 100, dtype=np.float32), WIDTH, CHANGE, [0.1, 0.9])
    assert quantiles.shape == (3, 2, 2)
    widths = quantiles[..., 1] - quantiles[..., 0]
    np.testing.assert_allclose(widths, 2 * 1.2816 * np.array([[1, 10], [2, 20], [3, 30]]), rtol=0.08)
    np.testing.assert_allclose(quantiles.mean(2), 100, atol=3)


def test_no_interval_leaves_the_point_out_and_the_median_is_the_point():
    errors = np.random.default_rng(1).uniform(2, 5, size=(500, 3, 2))  # all forecasts of dev were too low
    spread = measured_spread([Miss(error, WIDTH, CHANGE) for error in errors.astype(np.float32)])
    assert spread is not None
    low, middle, high = np.moveaxis(spread.around(np.full((3, 2), 7, dtype=np.float32), WIDTH, CHANGE, [0.1, 0.5, 0.9]), 2, 0)
    assert (low == 7).all()
    assert (middle == 7).all()
    np.testing.assert_allclose(high, 7 + 2 + 0.9 * 3, atol=0.1)


def test_levels_that_were_not_kept_lie_on_a_line_between_their_neighbours():
    point = np.zeros((3, 2), dtype=np.float32)
    low, middle, high = np.moveaxis(spread_of().around(point, WIDTH, CHANGE, [0.3, 0.325, 0.35]), 2, 0)
    np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-4)
    ends = spread_of().around(point, WIDTH, CHANGE, [LEVELS[0], LEVELS[-1]])
    np.testing.assert_allclose(ends, spread_of().errors[..., [0, -1]], rtol=1e-5)


def test_intervals_are_as_wide_as_the_head_says_and_wider_where_the_past_changed_more():
    spread, point = spread_of(), np.zeros((3, 2), dtype=np.float32)
    usual = spread.around(point, WIDTH, CHANGE, [0.1, 0.9])
    np.testing.assert_allclose(spread.around(point, 3 * WIDTH, CHANGE, [0.1, 0.9]), 3 * usual, rtol=1e-5)
    np.testing.assert_allclose(spread.around(point, WIDTH, 4 * CHANGE, [0.1, 0.9]), 2 * usual, rtol=1e-5)
    np.testing.assert_allclose(spread.around(point, WIDTH, 0 * CHANGE, [0.1, 0.9]), np.sqrt(0.1) * usual, rtol=1e-5)
    np.testing.assert_allclose(spread.around(point, WIDTH, np.nan * CHANGE, [0.1, 0.9]), usual, rtol=1e-5)


def test_intervals_hold_the_share_they_say_whatever_the_number_of_forecasts_they_were_measured_on():
    draw, inside = np.random.default_rng(2), []
    for _ in range(400):
        changes = draw.uniform(0.5, 8, size=(FEWEST + 1, 1))
        errors = draw.normal(size=(FEWEST + 1, 1, 1)) * np.sqrt(changes)[:, None]
        *seen, new = [Miss(error, WIDTH[:1, :1], change) for error, change in zip(errors, changes, strict=True)]
        spread = measured_spread(seen)
        assert spread is not None
        low, high = spread.around(np.zeros((1, 1), dtype=np.float32), new.width, new.change, [0.1, 0.9])[0, 0]
        inside.append(low <= new.error[0, 0] <= high)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)  # three deviations of 400 draws


def test_the_change_of_a_window_is_taken_from_season_to_season_over_what_is_real():
    source = np.array([[0, 1, 2, 1, 9, 9], [5, 0, 0, 0, 0, 0], [0, 3, 0, 3, 0, 3]], dtype=np.float32)[:, :, None]
    mask = np.arange(6) < np.array([[4], [1], [6]])
    np.testing.assert_allclose(change_of(source, mask, 2)[:, 0], [1.0, np.nan, 0.0])
    np.testing.assert_allclose(change_of(source, mask, 5)[:, 0], [1.0, np.nan, 3.0])
    np.testing.assert_allclose(change_of(source, mask, 24)[:, 0], [1.0, np.nan, 3.0])


def test_a_window_that_never_changes_has_a_spread_too():
    found = measured_spread([Miss(np.full((3, 2), number), WIDTH, 0 * CHANGE) for number in range(FEWEST)])
    assert found is not None
    assert np.isfinite(found.errors).all()
    np.testing.assert_allclose(found.usual, 1)


@pytest.mark.parametrize(
    ("head", "width"),
    [(SquaredHead(), 1.0), (GaussianHead(), 2.0), (QuantileHead(levels=[0.1, 0.9]), 3.0), (QuantileHead(levels=[0.5]), 1.0)],
)
def test_a_head_says_how_wide_it_is(head: HeadConfig, width: float):
    values = np.array([[[-4.0, 2.0]]], dtype=np.float32)[..., : 1 if width == 1.0 else 2]
    np.testing.assert_allclose(width_of(head, values), [[width]])


def test_missing_errors_are_left_out_and_of_few_there_is_no_spread():
    errors = [np.full((3, 2), number, dtype=np.float32) for number in range(FEWEST + 1)]
    errors[-1][1, 1] = np.nan
    misses = [Miss(error, WIDTH, CHANGE) for error in errors]
    found = measured_spread(misses)
    assert found is not None
    assert found.errors[1, 1, -1] < found.errors[1, 0, -1]
    assert measured_spread(misses[1:-1]) is None
    assert measured_spread(misses[1:]) is None


def test_a_spread_is_the_same_once_written_and_read_and_refused_where_it_does_not_fit():
    spread = spread_of()
    again = Spread.from_state(spread.state())
    np.testing.assert_allclose(again.errors, spread.errors, atol=1e-5)
    np.testing.assert_allclose(again.usual, spread.usual)
    with pytest.raises(ValueError, match="levels, errors and usual change do not fit each other"):
        Spread.from_state({"levels": [0.5], "errors": [[[0.0]]], "usual": [1.0]})
    with pytest.raises(ValueError, match=r"measured by an older Seqloom; expected what a usual window changes\. Train again"):
        Spread.from_state({"levels": list(LEVELS), "errors": spread.errors.tolist()})


def test_without_a_spread_a_head_gives_the_levels_that_it_was_trained_for():
    assert quantile_levels(QuantileHead(levels=[0.1, 0.5]), [0.5]) == [0.5]
    with pytest.raises(
        ConfigError, match=r"^quantile 0\.3: the model was trained for \[0\.1, 0\.5\]\. Ask for those, or train with --quantiles\.$"
    ):
        quantile_levels(QuantileHead(levels=[0.1, 0.5]), [0.3])


@pytest.mark.parametrize("head", [SquaredHead(), QuantileHead(levels=[0.1, 0.5])])
def test_with_a_spread_any_head_gives_the_levels_that_were_measured(head: HeadConfig):
    assert quantile_levels(head, [0.2, 0.85], spread_of(100)) == [0.2, 0.85]
    assert quantile_levels(head, None, spread_of(100)) == quantile_levels(head)
    with pytest.raises(ConfigError, match=r"^quantile 0\.005: measured on dev are 0\.01 to 0\.99\. Ask for one between them\.$"):
        quantile_levels(head, [0.005], spread_of(100))
