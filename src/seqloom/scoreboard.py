"""A model's forecasts measured beside those of naive, seasonal naive and a straight line: whether the network was worth it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from seqloom.accuracy import Accuracy
from seqloom.baselines import linear, naive, naive2, seasonal_naive
from seqloom.batching import Ids
from seqloom.config import HeadConfig
from seqloom.distributions import quantile_levels
from seqloom.forecasting import Forecast, forecasts
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.windows import NumberPairs, Windows

__all__ = ["measure", "scoreboard"]

Floats = npt.NDArray[np.float32]

ROWS = 256
"""Windows whose straight lines are drawn at once."""


def measure(pairs: NumberPairs, index: Sequence[int] | Ids, said: Iterable[Forecast], levels: Sequence[float] = ()) -> dict[str, float]:
    """Every measure that fits, of a forecast for each example of the index, as far as the forecast goes."""
    accuracy = Accuracy(levels)
    for number, forecast in zip(index, said, strict=True):
        yardsticks = pairs.yardsticks([int(number)])
        scale, seasonal = (None if part is None else part[0] for part in yardsticks)
        truth = pairs.truth([int(number)])[0][: len(forecast.point)]
        accuracy.add(truth, forecast.point, scale=scale, seasonal=seasonal, quantiles=forecast.quantiles)
    return accuracy.values()


def scoreboard(
    network: Seq2Seq, pairs: NumberPairs, index: Sequence[int] | Ids, head: HeadConfig, weights: Floats | None
) -> dict[str, dict[str, float]]:
    """The measures of the model, then of each baseline that windows have.

    Args:
        weights: of the straight line, as `baselines.fit_linear` gave them.
    """
    levels = quantile_levels(head)
    board = {"model": measure(pairs, index, forecasts(network, pairs, index, head, levels), levels)}
    if isinstance(pairs, Windows):
        season = pairs.fields.config.numbers.season
        board["naive"] = measure(pairs, index, _each(pairs, index, lambda past: naive(past, pairs.horizon)))
        if season > 1:
            board["seasonal naive"] = measure(pairs, index, _each(pairs, index, lambda past: seasonal_naive(past, pairs.horizon, season)))
        if weights is not None:
            board["linear"] = measure(pairs, index, _lines(pairs, index, weights))
        if len(pairs) == len(pairs.panel.series):
            _add_owa(board, pairs, index, season)
    return board


def _each(windows: Windows, index: Sequence[int] | Ids, say: Callable[[Floats], npt.NDArray[np.floating]]) -> Iterator[Forecast]:
    for number in index:
        yield _point(say(windows.past(int(number))))


def _lines(windows: Windows, index: Sequence[int] | Ids, weights: Floats) -> Iterator[Forecast]:
    size = windows.fields.target.size
    for start in range(0, len(index), ROWS):
        part = index[start : start + ROWS]
        batch, levels = windows.batch(part), windows.levels(part)
        yield from map(_point, linear(weights, batch.source.astype(np.float32), batch.source_mask, size) * levels.scale + levels.shift)


def _add_owa(board: dict[str, dict[str, float]], windows: Windows, index: Sequence[int] | Ids, season: int) -> None:
    """The overall weighted average of M4, where there is one forecast a series: mean of the sMAPE and the MASE, each over Naive2's."""

    def say(past: Floats) -> npt.NDArray[np.floating]:
        columns = [naive2(past[:, place].astype(np.float64), windows.horizon, season) for place in range(past.shape[1])]
        return np.stack(columns, 1)

    yardstick = measure(windows, index, _each(windows, index, say))
    for values in board.values():
        if values.get("mase") and yardstick.get("mase"):
            values["owa"] = (values["smape"] / yardstick["smape"] + values["mase"] / yardstick["mase"]) / 2


def _point(point: npt.NDArray[np.floating]) -> Forecast:
    return Forecast(point.astype(np.float32), np.zeros((*point.shape, 0), dtype=np.float32))
