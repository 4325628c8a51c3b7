import numpy as np
import pytest

from seqloom.config import HeadConfig, QuantileHead, SquaredHead
from seqloom.distributions import quantile_levels
from seqloom.errors import ConfigError
from seqloom.spread import FEWEST, LEVELS, Spread, measured_spread


def spread_of(forecasts: int = 2000) -> Spread:
    """Of errors whose deviation is 1, 2 and 3 at the steps of a horizon, and ten times that in the second column."""
    errors = np.random.default_rng(1).normal(size=(forecasts, 3, 2)) * np.array([[1, 10], [2, 20], [3, 30]])
    found = measured_spread(list(errors.astype(np.float32)))
    assert found is not None
    return found


def test_intervals_widen_with_the_errors_of_each_step_and_column():
    quantiles = spread_of().around(np.full((3, 2), 100, dtype=np.float32), [0.1, 0.9])
    assert quantiles.shape == (3, 2, 2)
    widths = quantiles[..., 1] - quantiles[..., 0]
    np.testing.assert_allclose(widths, 2 * 1.2816 * np.array([[1, 10], [2, 20], [3, 30]]), rtol=0.08)
    np.testing.assert_allclose(quantiles.mean(2), 100, atol=3)


def test_levels_that_were_not_kept_lie_on_a_line_between_their_neighbours():
    point = np.zeros((3, 2), dtype=np.float32)
    low, middle, high = np.moveaxis(spread_of().around(point, [0.3, 0.325, 0.35]), 2, 0)
    np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-4)
    ends = spread_of().around(point, [LEVELS[0], LEVELS[-1]])
    np.testing.assert_allclose(ends, spread_of().errors[..., [0, -1]], rtol=1e-5)


def test_missing_errors_are_left_out_and_of_few_there_is_no_spread():
    errors = [np.full((3, 2), number, dtype=np.float32) for number in range(FEWEST + 1)]
    errors[-1][1, 1] = np.nan
    found = measured_spread(errors)
    assert found is not None
    assert found.errors[1, 1, -1] < found.errors[1, 0, -1]
    assert measured_spread(errors[1:-1]) is None
    assert measured_spread(errors[1:]) is None


def test_a_spread_is_the_same_once_written_and_read_and_refused_where_it_does_not_fit():
    spread = spread_of()
    np.testing.assert_allclose(Spread.from_state(spread.state()).errors, spread.errors, atol=1e-5)
    with pytest.raises(ValueError, match="levels and errors do not fit"):
        Spread.from_state({"levels": [0.5], "errors": [[[0.0]]]})


@pytest.mark.parametrize("head", [SquaredHead(), QuantileHead(levels=[0.1, 0.5])])
def test_with_a_spread_any_head_gives_the_levels_that_were_measured(head: HeadConfig):
    assert quantile_levels(head, [0.2, 0.85], spread_of(100)) == [0.2, 0.85]
    assert quantile_levels(head, None, spread_of(100)) == quantile_levels(head)
    with pytest.raises(ConfigError, match=r"^quantile 0\.005: measured on dev are 0\.01 to 0\.99\. Ask for one between them\.$"):
        quantile_levels(head, [0.005], spread_of(100))
