"""A model's forecasts measured beside those of naive, seasonal naive and a straight line: whether the network was worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.batching import Ids
from seqloom.config import HeadConfig
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.numbers.accuracy import Accuracy
from seqloom.numbers.baselines import linear
from seqloom.numbers.distributions import quantile_levels
from seqloom.numbers.forecasting import Forecast, forecasts
from seqloom.numbers.pairs import NumberPairs, Rival

__all__ = ["SIMPLE", "better_without", "measure", "scoreboard"]

Floats = npt.NDArray[np.floating[Any]]

SIMPLE = {
    "naive": "repeating the last value",
    "seasonal naive": "repeating the last season",
    "mean": "the mean of the training targets",
}
"""What each of the simple forecasts says."""
ROWS = 256
"""Windows whose straight lines are drawn at once."""


def measure(pairs: NumberPairs, index: Sequence[int] | Ids, said: Iterable[Forecast], levels: Sequence[float] = ()) -> dict[str, float]:
    """Every measure that fits, of a forecast for each example of the index, at the moments that both forecast and truth have."""
    accuracy, is_free = Accuracy(levels), pairs.fields.target.is_free
    for number, forecast in zip(index, said, strict=True):
        yardsticks = pairs.yardsticks([int(number)])
        scale, seasonal = (None if part is None else part[0] for part in yardsticks)
        truth = pairs.truth([int(number)])[0]
        both = min(len(truth), len(forecast.point))
        accuracy.add(truth[:both], forecast.point[:both], scale=scale, seasonal=seasonal, quantiles=forecast.quantiles[:both])
        if is_free:
            accuracy.add_length(len(truth), len(forecast.point))
    return accuracy.values()


def scoreboard(
    network: Seq2Seq, pairs: NumberPairs, index: Sequence[int] | Ids, head: HeadConfig, weights: Floats | None
) -> dict[str, dict[str, float]]:
    """The measures of the model, then of each of its rivals.

    Args:
        weights: of the straight line, as `baselines.fit_linear` gave them.
    """
    levels = quantile_levels(head)
    board = {"model": measure(pairs, index, forecasts(network, pairs, index, head, levels), levels)}
    board |= {name: _without_length(measure(pairs, index, _each(index, say))) for name, say in pairs.rivals().items()}
    if weights is not None:
        board["linear"] = measure(pairs, index, _lines(pairs, index, weights))
    if (say := pairs.yardstick()) is not None:
        _add_owa(board, measure(pairs, index, _each(index, say)))
    return board


def better_without(board: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A sentence where the best of the simple forecasts has a smaller mean absolute error than the model, with what squares say of it."""
    ours, simple = board["model"], {name: values for name, values in board.items() if name in SIMPLE}
    if not simple:
        return []
    name = min(simple, key=lambda name: simple[name]["mae"])
    theirs = simple[name]
    if ours["mae"] <= theirs["mae"]:
        return []
    squares = f"; by squares the model is (rmse {ours['rmse']:.4g} against {theirs['rmse']:.4g})" if ours["rmse"] < theirs["rmse"] else ""
    return [f"{SIMPLE[name]} would have been better here: mae {theirs['mae']:.4g}, of the model {ours['mae']:.4g}{squares}"]


def _without_length(values: dict[str, float]) -> dict[str, float]:
    """The measures of what was told how long the truth is."""
    return {name: value for name, value in values.items() if name != "length_error"}


def _each(index: Sequence[int] | Ids, say: Rival) -> Iterator[Forecast]:
    for number in index:
        yield _point(say(int(number)))


def _lines(pairs: NumberPairs, index: Sequence[int] | Ids, weights: Floats) -> Iterator[Forecast]:
    size = pairs.fields.target.size
    for start in range(0, len(index), ROWS):
        part = index[start : start + ROWS]
        batch, levels = pairs.batch(part), pairs.levels(part)
        yield from map(_point, linear(weights, batch.source.astype(np.float32), batch.source_mask, size) * levels.scale + levels.shift)


def _add_owa(board: dict[str, dict[str, float]], yardstick: Mapping[str, float]) -> None:
    """The overall weighted average of M4: mean of the sMAPE and the MASE, each over that of the yardstick."""
    for values in board.values():
        if values.get("mase") and yardstick.get("mase"):
            values["owa"] = (values["smape"] / yardstick["smape"] + values["mase"] / yardstick["mase"]) / 2


def _point(point: Floats) -> Forecast:
    return Forecast(point, np.zeros((*point.shape, 0)))
