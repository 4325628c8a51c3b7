"""From numbers to forecasts, whatever runs the network: windows, batches, units, the table that is written. No torch.

A `FrameFinder` turns a batch of frames into what the head says of each number: the torch network (`forecasting.TorchFrames`) or an exported
graph (`numbers.runtime.FrameGraph`). All else stands here, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seqloom.batching import Batch, Ids
from seqloom.config import DataConfig, HeadConfig, NumbersField, RunConfig
from seqloom.data.memory import hold_sources
from seqloom.errors import ConfigError, DataError, in_words_of_python
from seqloom.numbers.array_pairs import ArrayPairs, read_sources
from seqloom.numbers.clock import finest, spelled
from seqloom.numbers.distributions import point_of, quantile_levels, quantiles_of, read_levels, width_of
from seqloom.numbers.fields import NumberFields, NumberSide
from seqloom.numbers.pairs import NumberPairs
from seqloom.numbers.panel import Panel, panel_of
from seqloom.numbers.plan import known_ends
from seqloom.numbers.spread import change_of
from seqloom.numbers.steps import continued
from seqloom.numbers.wide import left_out
from seqloom.numbers.windows import Part, Windows
from seqloom.settings import Asked, override

__all__ = ["Forecast", "FrameFinder", "Lines", "NumberAnswerer", "Past", "Said", "forecasts_of", "known_of", "past_of", "window_changes"]

Floats = npt.NDArray[np.floating[Any]]
Frames = npt.NDArray[np.float32]

ROWS = 256
"""Windows in one pass of the network."""


_Answerer = TypeVar("_Answerer", bound="NumberAnswerer")


class FrameFinder(Protocol):
    """What runs the network."""

    def values(self, batch: Batch, lengths: Sequence[int]) -> list[Frames]:
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


class Past(NamedTuple):
    """One number of what a forecast goes on from."""

    series: str
    time: str
    """The moment, or where the table has no times the steps from the last known one, which is 0."""
    column: str
    value: float
    """NaN where none was given."""


class Lines(list[Said]):
    """The numbers of a forecast, one after the other, and what is to be known of them."""

    def __init__(self, lines: Iterable[Said], notes: Sequence[str]) -> None:
        super().__init__(lines)
        self.notes = [*notes]
        """A sentence each: values that a rule put in, fewer rows than the model reads."""


def known_of(batch: Batch, lengths: Sequence[int]) -> Frames:
    """What is known beforehand of each target frame, (B, T, C), with room for the longest output; of a free length nothing is known."""
    known = np.asarray(batch.target_in[:, :, batch.target_out.shape[2] :], dtype=np.float32)
    return np.pad(known, ((0, 0), (0, max(max(lengths, default=0) - known.shape[1], 0)), (0, 0)))


def forecasts_of(
    finder: FrameFinder, pairs: NumberPairs, index: Sequence[int] | Ids, head: HeadConfig, levels: Sequence[float] = ()
) -> Iterator[Forecast]:
    """A forecast for each example of the index."""
    spread = pairs.fields.spread if levels else None
    for start in range(0, len(index), ROWS):
        part = index[start : start + ROWS]
        levels_of, batch = pairs.levels(part), pairs.batch(part)
        changes = None if spread is None else window_changes(batch, pairs.fields)
        for row, values in enumerate(finder.values(batch, pairs.lengths(part))):
            shift, scale = levels_of.shift[row], levels_of.scale[row]
            floor = pairs.floor(int(part[row]))
            point = np.maximum(point_of(head, values) * scale + shift, floor)
            if spread is None or changes is None:
                around = quantiles_of(head, values, levels)
            else:  # as measured on dev, where that was done
                around = spread.around(point_of(head, values), width_of(head, values), changes[row], levels)
            quantiles = np.maximum(around * scale[..., None] + shift[..., None], floor[:, None])
            yield Forecast(point, quantiles)


def window_changes(batch: Batch, fields: NumberFields) -> Frames:
    """(B, D): how much the targets changed in the past of each window; NaN where nothing was measured by it."""
    if not fields.config.numbers.horizon:
        return np.full((len(batch.index), fields.target.size), np.nan, dtype=np.float32)
    past: Frames = batch.source[:, :, : fields.target.size].astype(np.float32)
    return change_of(past, batch.source_mask, fields.config.numbers.season)


def past_of(panel: Panel, numbers: NumbersField, most: int) -> Iterator[Past]:
    """What is known of the targets of each series, of the last moments, at most so many, as they were read: the oldest first."""
    times, unit = panel.times, None if panel.times is None else finest(panel.times, panel.step)
    for series, (start, end) in enumerate(zip(panel.starts.tolist(), known_ends(panel, numbers).tolist(), strict=False)):
        first = max(start, end - most)
        for row, values in enumerate(panel.known(first, end).tolist(), first):
            time = str(row + 1 - end) if times is None else spelled(times[row], unit)
            for name, value in zip(numbers.targets, values, strict=False):  # the targets stand first
                yield Past(panel.series[series], time, name, value)


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
        """Targets of the rank that those of training had, which were arrays in memory: (N,), (N, T) or (N, T, D) for arrays (N, S, D').

        For a list of texts or arrays, or where they end at unlike lengths, a list of (T,) or (T, D); (N,) where each is a single number,
        NaN for a blank text. A model that was trained on a file says (T, D).

        Args:
            length: T, at the most where the model says where it ends; without, as in training: as long as the source, of the length of all
                training targets, or wherever the model ends.

        Raises:
            DataError: sources that cannot be used; says which.
            ConfigError: a model of a table.
        """
        if self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of a table; expected one of pairs. Give a table to `forecast`.")
        of_numbers = isinstance(self.fields.source, NumberSide)
        sources = hold_sources(sources, self.data, len(self.fields.config.source), of_numbers=of_numbers)
        said = self.answers(read_sources(sources, "X"), length)
        if self.fields.target.rank == 0 and {len(part) for part in said} <= {0, 1}:
            return np.array([part[0, 0] if len(part) else np.nan for part in said])
        said = said if self.fields.target.rank == 2 else [part[:, 0] for part in said]
        is_even = len({len(part) for part in said}) == 1  # a model that learned where to end may end anywhere
        return np.stack(said) if isinstance(sources, np.ndarray) and is_even else said

    def answers(self, sources: Sequence[Any], length: int | None = None) -> list[Floats]:
        """As `predict`, for sources that are read; a blank text is answered by no frames (0, D)."""
        real = [place for place, source in enumerate(sources) if any(map(len, source))]
        said: list[Floats] = [np.zeros((0, self.fields.target.size)) for _ in sources]
        if real:
            pairs = ArrayPairs.asked([sources[place] for place in real], self.fields, length)
            for place, forecast in zip(real, self.forecasts(pairs, range(len(pairs))), strict=True):
                said[place] = forecast.point
        return said

    @in_words_of_python()
    def filling(self: _Answerer, *, gaps: str | None = None, missing: str | None = None, header: bool | None = None) -> _Answerer:
        """The same model, which follows another rule than that of training where a table has a gap in time, or an empty cell.

        Args:
            gaps, missing: as `fields.numbers.gaps` and `fields.numbers.missing`; None: as in training.
            header: as `data.header`, whether line 1 names the columns; None: found.

        Raises:
            ConfigError: there is no such rule.
        """
        rules = {"fields.numbers.gaps": gaps, "fields.numbers.missing": missing, "data.header": header}
        return self.following({name: rule for name, rule in rules.items() if rule is not None})

    def following(self: _Answerer, asked: Asked) -> _Answerer:
        """The same model, with what is asked for of how tables are read.

        Raises:
            ConfigError: a value out of range.
        """
        model, laid_over = copy(self), override(RunConfig(fields=self.fields.config, data=self.data), asked)
        model.fields, model.data = replace(self.fields, config=laid_over.fields), laid_over.data
        return model

    def panel(self, table: Any) -> Panel:
        """The table of a file, or of a data frame or columns by name, read as that of training was."""
        if not self.numbers.horizon:
            raise ConfigError(f"{self.path}: a model of pairs; expected one of a table. Give its sources to `predict`.")
        return panel_of(table, self.numbers, self.data)

    def notes(self, panel: Panel) -> list[str]:
        """What is to be known of a forecast from this table, a sentence each."""
        known, history, count = known_ends(panel, self.numbers) - panel.starts[:-1], self.numbers.history, len(panel.series)
        short = np.flatnonzero((known > 0) & (known < history))
        unknown = left_out([name for name, rows in zip(panel.series, known.tolist(), strict=True) if not rows])
        said = [*panel.layout, *panel.notes(self.numbers), *unknown]
        if not len(short):
            return said
        first = int(short[0])
        who = f"{len(short):,} of {count:,} series have fewer rows" if count > 1 else "the table has fewer rows"
        such = f", such as {panel.series[first]!r} with {known[first]:,}" if count > 1 else f": {known[first]:,}"
        return [*said, f"{who} than the {history} that the model reads before a forecast{such}"]

    def forecast(self, table: Any, quantiles: str | float | Sequence[float] | None = None) -> Lines:
        """The horizon after what is known of each series, a number a line: the point, then its quantiles. What is to be known of them
        stands in `notes`.

        Raises:
            ConfigError: quantiles that the model does not give, or a model of arrays.
            DataError: a table of which nothing is known, or times without a step.
        """
        panel = self.panel(table)
        return Lines(self.forecast_lines(panel, quantiles), self.notes(panel))

    def forecast_lines(self, panel: Panel, quantiles: str | float | Sequence[float] | None = None) -> Iterator[Said]:
        """As `forecast`, the lines as they come, so that not all of many series are in memory.

        Raises:
            ConfigError, DataError: as `forecast`, before the first line.
        """
        levels = quantile_levels(self.head, read_levels(quantiles), self.fields.spread)
        _refuse_stepless(panel, self.numbers)
        begins = known_ends(panel, self.numbers)
        _refuse_unknown(panel, begins)
        return self._lines(panel, begins, levels)

    def _lines(self, panel: Panel, begins: Ids, levels: Sequence[float]) -> Iterator[Said]:
        ahead = np.where(begins > panel.starts[:-1], self.numbers.horizon, 0)  # of a series of which nothing is known no row
        windows = Windows(panel, self.fields, Part(begins, begins + ahead))
        moment = _moments(panel)
        for number, said in enumerate(self.forecasts(windows, range(len(windows)), levels)):
            series, origin = (int(part[0]) for part in windows.origins([number]))
            for step, (point, of_levels) in enumerate(zip(said.point, said.quantiles, strict=True), 1):
                time = moment(origin, step)
                for column, name in enumerate(self.numbers.targets):
                    for level, value in [(None, point[column]), *zip(levels, of_levels[column], strict=True)]:
                        yield Said(panel.series[series], time, name, level, float(value))


def _refuse_stepless(panel: Panel, numbers: NumbersField) -> None:
    """Raises a DataError for moments of which none follows another, so that there is no telling when the forecast is."""
    if panel.times is not None and panel.lengths.max() < 2 and not numbers.step:
        row, column = f"a single row{' of each series' if numbers.series else ''}", " ".join(numbers.times)
        why = f"{row} tells no step of {column}; expected two rows or more"
        raise DataError(f"{panel.where(0)}: {why}. Give those before it too.")


def _refuse_unknown(panel: Panel, ends: Ids) -> None:
    """Raises a DataError where nothing is known of any series before the row in `ends` (series,)."""
    if (ends == panel.starts[:-1]).all():
        what = f"series {panel.series[0]!r}" if len(panel.series) == 1 and panel.series[0] else "the table"
        raise DataError(f"{panel.where(0)}: {what} has no values; expected one at least to forecast from. Give what is known of it.")


def _moments(panel: Panel) -> Callable[[int, int], str]:
    """How the moment so many steps after the row before an origin is told: all of a forecast in one form."""
    times = panel.times
    if times is None:
        return lambda origin, step: str(step)
    unit = finest(times, panel.step)
    return lambda origin, step: spelled(continued(times[origin - 1 : origin], panel.step, step)[0], unit)
