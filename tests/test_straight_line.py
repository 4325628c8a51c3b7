"""The straight line with which a forecaster begins: how strongly it is held, and that it is never worse on dev than what is plain."""

import numpy as np
import pytest
from stage import panel_of_arrays

from seqloom.config import FieldsConfig, NumbersField
from seqloom.numbers.baselines import linear, naive, seasonal_naive
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.straight_line import fit_line, plain_lines
from seqloom.numbers.windows import Part, Windows

HISTORY, HORIZON, SEASON = 56, 5, 7
WEEK = np.array([0, 1, 2, 3, 5, 9, 7])


def parts(values: np.ndarray, *, window: str = "last") -> tuple[Windows, Windows]:
    """Windows of training and dev over a series (N, 1), whose last quarter is dev."""
    panel, rows = panel_of_arrays(values, ["y"]), len(values)
    numbers = NumbersField.model_validate(
        {"targets": ["y"], "history": HISTORY, "horizon": HORIZON, "season": SEASON, "scaling": "standard", "window": window}
    )
    begin, middle, end = (np.array([place]) for place in (0, rows * 3 // 4, rows))
    fields = NumberFields.fit(FieldsConfig(numbers=numbers), panel.series, [panel.values[: middle[0]]])
    return Windows(panel, fields, Part(begin, middle), reach_back=False), Windows(panel, fields, Part(middle, end))


def error(weights: np.ndarray, windows: Windows, *, absolute: bool = False) -> float:
    batch = windows.batch(range(len(windows)))
    left = linear(weights, batch.source.astype(np.float32), batch.source_mask, 1) - batch.target_out[:, :HORIZON]
    return float(np.mean(np.abs(left) if absolute else np.square(left)))


def series(kind: str, seed: int = 1, rows: int = 300) -> np.ndarray:
    """Made series (N, 1)."""
    draw, place = np.random.default_rng(seed), np.arange(rows)
    values = {
        "week": 100 + 5 * WEEK[place % 7] + draw.normal(0, 5, rows),
        "spikes": (100 + 5 * WEEK[place % 7] + draw.normal(0, 5, rows)) * np.where(draw.random(rows) < 0.02, 20, 1),
        "counts": draw.poisson(3 + 0.5 * WEEK[place % 7]).astype(float),
        "walk": draw.normal(0, 1, rows).cumsum(),
        "noise": draw.normal(0, 1, rows),
        "constant": np.full(rows, 7.0),
    }
    return values[kind][:, None]


def test_plain_lines_say_what_the_simple_forecasts_say():
    history = np.random.default_rng(1).normal(size=(HISTORY, 1))
    numbers = NumbersField(targets=["y"], history=HISTORY, horizon=HORIZON, season=SEASON)
    said = {name: line[:, :HISTORY] @ history for name, line in plain_lines(numbers).items()}
    assert list(said) == ["last", "season", "seasons", "mean"]
    np.testing.assert_allclose(said["last"], naive(history, HORIZON))
    np.testing.assert_allclose(said["season"], seasonal_naive(history, HORIZON, SEASON))
    np.testing.assert_allclose(said["seasons"], history.reshape(-1, SEASON, 1).mean(0)[:HORIZON])
    np.testing.assert_allclose(said["mean"], np.full((HORIZON, 1), history.mean()))
    longer = {"history": 10, "horizon": 9, "season": 7}
    assert list(plain_lines(NumbersField(targets=["y"], **longer))) == ["last", "season", "mean"], "one season is no mean"
    assert list(plain_lines(NumbersField(targets=["y"], **{**longer, "season": 12}))) == ["last", "mean"], "none fits into the history"
    horizon = plain_lines(NumbersField(targets=["y"], **longer))["season"] @ np.append(np.arange(10.0), 1)
    assert horizon.tolist() == [3, 4, 5, 6, 7, 8, 9, 3, 4], "after a season it begins anew"


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("window", ["last", "none"])
@pytest.mark.parametrize("kind", ["week", "spikes", "counts", "walk", "noise", "constant"])
def test_the_line_is_never_worse_on_dev_than_what_is_plain(kind: str, window: str, absolute: bool):
    train, dev = parts(series(kind), window=window)
    line = fit_line(train, dev, 1, absolute=absolute)
    plain = {name: error(weights, dev, absolute=absolute) for name, weights in plain_lines(train.fields.config.numbers).items()}
    assert error(line.weights, dev, absolute=absolute) <= min(plain.values()) * (1 + 1e-6)


def test_noise_is_not_followed_and_a_rule_is():
    held = fit_line(*parts(series("noise")), 1)
    assert held.strength >= 1
    rule = np.zeros((300, 1))
    rule[:2, 0] = [1, 0.9]
    for row in range(2, 300):
        rule[row] = 1.8 * rule[row - 1] - 0.999 * rule[row - 2]
    free = fit_line(*parts(rule), 1)
    assert free.strength <= 1e-3
    assert error(free.weights, parts(rule)[1]) < 1e-3


def test_a_line_says_what_it_is():
    held = fit_line(*parts(series("noise")), 1)
    assert str(held._replace(plain="seasons", strength=10.0)) == "a straight line drawn to the mean of the seasons read by a ridge of 10"
    assert str(held._replace(plain="season", strength=np.inf)) == "the last season, repeated"
