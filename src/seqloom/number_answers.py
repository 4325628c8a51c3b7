"""From numbers to forecasts, whatever runs the network: windows, batches, units, the table that is written. No torch.

A `FrameFinder` turns a batch of frames into what the head says of each number: the torch network (`forecasting.TorchFrames`) or an exported
graph (`number_runtime.FrameGraph`). All else stands here, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seqloom.array_pairs import ArrayPairs, read_arrays
from seqloom.batching import Batch, Ids
from seqloom.clock import continued, spelled
from seqloom.config import DataConfig, HeadConfig, NumbersField
from seqloom.distributions import point_of, quantile_levels, quantiles_of
from seqloom.errors import ConfigError, DataError
from seqloom.forecast_plan import parts_of
from seqloom.number_fields import NumberFields
from seqloom.number_pairs import NumberPairs
from seqloom.panel import Panel, read_panel
from seqloom.windows import Part, Windows

__all__ = ["Forecast", "FrameFinder", "NumberAnswerer", "Said", "forecasts_of"]

Floats = npt.NDArray[np.float32]

ROWS = 256
"""Windows in one pass of the network."""


class FrameFinder(Protocol):
    """What runs the network."""

    def values(self, batch: Batch, lengths: Sequence[int]) -> list[Floats]:
        """The head's parameters (T, D, P) for each row, in scaled units: at most lengths[row] frames."""
        ...


@dataclass(frozen=True)
class Forecast:
    """What is said of one window, in its own units."""

    point: Floats
    """(T, D)"""
    quantiles: Floats
    """(T, D, levels)"""


class Said(NamedTuple):
    """One number of a forecast: a line of the table that `predict` writes."""

    series: str
    time: str
    """The moment, or the steps after the last known one where the table has no times."""
    column: str
    quantile: float | None
    """None: the point forecast."""
    value: float


def forecasts_of(
    finder: FrameFinder, pairs: NumberPairs, index: Sequence[int] | Ids, head: HeadConfig, levels: Sequence[float] = ()
) -> Iterator[Forecast]:
    """A forecast for each example of the index."""
    for start in range(0, len(index), ROWS):
        part = index[start : start + ROWS]
        levels_of = pairs.levels(part)
        for row, values in enumerate(finder.values(pairs.batch(part), pairs.lengths(part))):
            shift, scale = levels_of.shift[row], levels_of.scale[row]
            floor = pairs.floor(int(part[row]))
            middle, spread = point_of(head, values), pairs.fields.spread
            around = quantiles_of(head, values, levels) if spread is None else spread.around(middle, levels)
            point = np.maximum(middle * scale + shift, floor)
            quantiles = np.maximum(around * scale[..., None] + shift[..., None], floor[:, None])
            yield Forecast(point.astype(np.float32), quantiles.astype(np.float32))


class NumberAnswerer:
    """Fields and a head over a finder: the face that a trained and an exported model of numbers share."""

    def __init__(self, path: Path, fields: NumberFields, data: DataConfig, head: HeadConfig, finder: FrameFinder) -> None:
        self.path, self.fields, self.data, self.head, self.finder = path, fields, data, head, finder

    @property
    def numbers(self) -> NumbersField:
        """Which columns, history and horizon."""
        return self.fields.config.numbers

    def forecasts(self, pairs: NumberPairs, index: Sequence[int] | Ids, levels: Sequence[float] = ()) -> Iterator[Forecast]:
        """A forecast for each example of the index."""
        return forecasts_of(self.finder, pairs, index, self.head, levels)

    def predict(self, sources: Any, length: int | None = None) -> Any:
        """Targets (N, T, D) for sources (N, S, D'), or a list of (T, D) for a list of (S, D') and where they end at unlike lengths.

        Args:
            length: T; for a model of arrays whose targets were as long as their sources it may be left out.

        Raises:
            DataError: sources that cannot be used; says which.
            ConfigError: a model of a table.
        """
        if self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of a table; expected one of arrays. Give a table to `forecast`.")
        given = read_arrays(sources, "X")
        empty = [np.zeros((length or len(part), self.fields.target.size), dtype=np.float32) for part in given]
        pairs = ArrayPairs(given, empty, self.fields)
        said = [forecast.point for forecast in self.forecasts(pairs, range(len(pairs)))]
        is_even = len({len(part) for part in said}) == 1  # a model that learned where to end may end anywhere
        return np.stack(said) if isinstance(sources, np.ndarray) and is_even else said

    def panel(self, table: Any) -> Panel:
        """The table of a file, read as that of training was."""
        if not self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of arrays; expected one of a table. Give arrays to `predict` in Python.")
        return table if isinstance(table, Panel) else read_panel(str(table), self.numbers, self.data)

    def forecast(self, table: Any, quantiles: Sequence[float] | None = None) -> Iterator[Said]:
        """The horizon after what is known of each series, a number a line: the point, then its quantiles.

        Raises:
            ConfigError: quantiles that the model does not give, or a model of arrays.
            DataError: a series of which nothing is known.
        """
        panel = self.panel(table)
        levels = quantile_levels(self.head, quantiles, self.fields.spread)
        begins = parts_of(panel, self.numbers.model_copy(update={"split": []}))[1].ends
        _refuse_unknown(panel, begins)
        windows = Windows(panel, self.fields, Part(begins, begins + self.numbers.horizon))
        for number, said in enumerate(self.forecasts(windows, range(len(windows)), levels)):
            series, origin = (int(part[0]) for part in windows.origins([number]))
            for step, (point, of_levels) in enumerate(zip(said.point, said.quantiles, strict=True), 1):
                time = _moment(panel, origin, step)
                for column, name in enumerate(self.numbers.targets):
                    for level, value in [(None, point[column]), *zip(levels, of_levels[column], strict=True)]:
                        yield Said(panel.series[series], time, name, level, float(value))


def _refuse_unknown(panel: Panel, ends: Ids) -> None:
    """Raises a DataError for a series of which nothing is known before the row in `ends` (series,)."""
    for number in np.nonzero(ends == panel.starts[:-1])[0].tolist():
        place = panel.where(int(panel.starts[number]))
        raise DataError(
            f"{place}: series {panel.series[number]!r} has no values; expected one at least to forecast from. Remove the series."
        )


def _moment(panel: Panel, origin: int, step: int) -> str:
    if panel.times is None:
        return str(step)
    return spelled(continued(panel.times[origin - 1 : origin], panel.step, step)[0])
