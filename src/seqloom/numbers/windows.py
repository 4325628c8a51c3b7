"""Windows over a table: a history and the horizon after it, made when they are asked for and never stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from seqloom.batching import Batch, Ids, Mask
from seqloom.config import BatchConfig
from seqloom.errors import CheckpointError, DataError
from seqloom.numbers.accuracy import seasonal_error, without_rounding
from seqloom.numbers.baselines import StraightLine, naive, naive2, seasonal_naive
from seqloom.numbers.clock import clock_features, spelled
from seqloom.numbers.fields import SHOWN, NumberFields
from seqloom.numbers.pairs import Levels, NumberPairs, Rival, Yardsticks, place_known
from seqloom.numbers.panel import Panel
from seqloom.numbers.steps import Step, continued
from seqloom.numbers.straight_line import fit_line

__all__ = ["Part", "Slices", "Windows"]

Floats = npt.NDArray[np.floating[Any]]
Frames = npt.NDArray[np.float32]

FLAT = 1e-12
"""A deviation within a window below this, relative to its mean, is that of a constant."""
TINIEST = 1e-15
"""So is any below this, in scaled units: its square is hardly a float32."""


class Part(NamedTuple):
    """Which windows are meant: for each series the rows in which targets may stand."""

    begins: Ids
    """(series,)"""
    ends: Ids
    """(series,)"""
    name: str = ""
    """Of a part of a table: train, dev, test, or all."""


class Slices(Sequence[Ids]):
    """An order cut into batches of so many, each cut when it is asked for."""

    def __init__(self, order: npt.NDArray[np.integer[Any]], size: int) -> None:
        self.order, self.size = order, size

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    @overload
    def __getitem__(self, place: int) -> Ids: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Ids]: ...
    def __getitem__(self, place: int | slice) -> Ids | Sequence[Ids]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return self.order[place * self.size : (place + 1) * self.size].astype(np.int64)

    def __iter__(self) -> Iterator[Ids]:
        return (self[place] for place in range(len(self)))


@dataclass(frozen=True)
class _Places:
    """Rows of some windows."""

    series: Ids
    """(B,)"""
    history: Ids
    """(B, H) rows, oldest first; of a short history the first are real"""
    mask: Mask
    """(B, H)"""
    horizon: Ids
    """(B, T) rows, which may lie after the end of their series"""


class Windows:
    """All windows whose targets stand in a part of each series. The history may reach back before the part, never before the series."""

    def __init__(self, panel: Panel, fields: NumberFields, part: Part, *, reach_back: bool = True, stride: int = 1) -> None:
        """`reach_back`: whether histories may begin before the part; without, the part is one for training."""
        numbers = fields.config.numbers
        self.panel, self.fields, self.stride = panel, fields, stride
        self.history, self.horizon = numbers.history, numbers.horizon
        bounds = zip(panel.starts[:-1].tolist(), part.begins.tolist(), strict=True)  # of a series that is new, what is known of it
        parts = [panel.values[start : max(end, start + 1)] for start, end in bounds]
        self.shift, self.scale = fields.source_scaling.of_series(panel.series, parts)
        room = part.ends - part.begins - self.horizon  # where a history in the part must fit
        least = np.ones_like(room) if reach_back else np.clip(room, 1, self.history)
        self.firsts = np.maximum(part.begins + (0 if reach_back else least), panel.starts[:-1] + 1)
        counts = np.maximum((part.ends - self.horizon - self.firsts) // stride + 1, 0)
        self.ends: Ids = np.cumsum(counts)
        self.part = part
        self._seasonal: Floats | None = None

    @property
    def noun(self) -> str:
        """What a number of them is called."""
        return "windows"

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def batches(self, config: BatchConfig, seed: int, epoch: int) -> Sequence[Ids]:
        """The windows of each batch of one pass, in an order drawn from the seed and the pass."""
        rows = config.size if config.unit == "pairs" else max(config.size // max(self.history, self.horizon), 1)
        kind = np.int32 if len(self) < 2**31 else np.int64
        order = np.arange(len(self), dtype=kind)
        np.random.default_rng([seed, epoch]).shuffle(order)
        return Slices(order, rows)

    def batch(self, index: Sequence[int] | Ids, draw: np.random.Generator | None = None) -> Batch:
        """The windows of that index."""
        places = self._places(index)
        source, known, target = self._source(places), self._known(places), self._targets(places)
        levels = self._levels(places, source)
        size = target.shape[2]
        source[:, :, :size] -= levels.shift
        source[:, :, :size] /= levels.scale
        source[~places.mask] = 0
        target = (target - levels.shift) / levels.scale
        before = np.concatenate([np.zeros_like(target[:, :1]), np.nan_to_num(target[:, :-1])], 1)
        self._forget_filled(target, places)
        shown = np.concatenate([before, known], 2)
        mask = np.ones(target.shape[:2], dtype=np.bool_)
        source, shown, target = (part.astype(np.float32) for part in (source, shown, target))  # only now: what is left has no level
        return Batch(source, places.mask, shown, target, mask, None, np.asarray(index, dtype=np.int64))

    def levels(self, index: Sequence[int] | Ids) -> Levels:
        """What the target frames of these windows mean."""
        places = self._places(index)
        inner, size = self._levels(places, self._source(places)), self.fields.target.size
        shift, scale = self.shift[places.series, None, :size], self.scale[places.series, None, :size]
        return Levels(inner.shift * scale + shift, inner.scale * scale)

    def lengths(self, index: Sequence[int] | Ids) -> list[int]:
        """Target frames of each window: the horizon."""
        return [self.horizon] * len(index)

    def truth(self, index: Sequence[int] | Ids) -> list[Floats]:
        """The targets (T, D) in their own units, NaN where none is known."""
        places = self._places(index)
        targets = self._raw(places.horizon, places.series)[:, :, : self.fields.target.size]
        self._forget_filled(targets, places)
        return list(targets)

    def yardsticks(self, index: Sequence[int] | Ids) -> Yardsticks:
        """What errors are measured by; of unlike series there is no common scale."""
        if self._seasonal is None:
            self._seasonal = self._errors_before() if self.part.name == "all" else self._seasonal_errors()
        (series, origins), size = self.origins(index), self.fields.target.size
        seasonal = self._seasonal[origins] if self.part.name == "all" else self._seasonal[series]
        has_scale = self.fields.source_scaling.kind == "standard"
        return Yardsticks(self.scale[series, None, :size] if has_scale else None, seasonal[:, None])

    @property
    def since(self) -> str:
        """From when on forecasts are measured, or from which row where there are no times; of series that differ the first and the last."""
        there = np.diff(self.ends, prepend=0) > 0
        rows, times = self.firsts[there], self.panel.times
        begins = rows - self.panel.starts[:-1][there] + 1 if times is None else times[rows]
        first, last = (f"row {begin:,}" if times is None else spelled(begin) for begin in (begins.min(), begins.max()))
        return f"from {first} on" if first == last else f"from {first} on, the last series from {last} on"

    def read(self, number: int) -> str:
        """The last values of the first column before the window."""
        return " ".join(f"{value:.4g}" for value in self.past(number)[-SHOWN:, 0].tolist())

    def past(self, number: int) -> Floats:
        """All that is known of the targets before the window of that number, (N, D), in their own units."""
        series, origin = self.origins([number])
        return self.panel.values[self.panel.starts[int(series[0])] : int(origin[0]), : self.fields.target.size]

    def rivals(self) -> Mapping[str, Rival]:
        """The last value, and the last season where there is one."""
        season = self.fields.config.numbers.season
        said: dict[str, Rival] = {"naive": lambda number: naive(self.past(number), self.horizon)}
        if season > 1:
            said["seasonal naive"] = lambda number: seasonal_naive(self.past(number), self.horizon, season)
        return said

    def yardstick(self) -> Rival | None:
        """Naive2, where there is one window a series, as in M4."""
        if len(self) != len(self.panel.series):
            return None
        season = self.fields.config.numbers.season

        def say(number: int) -> Floats:
            columns = self.past(number).astype(np.float64).T
            return np.stack([naive2(column, self.horizon, season) for column in columns], 1)

        return say

    def straight_line(self, dev: NumberPairs, seed: int, *, absolute: bool) -> StraightLine | None:
        """The straight line from a history to its horizon that is best on dev."""
        return fit_line(self, dev, seed, absolute=absolute)

    def floor(self, number: int) -> Floats:
        """The smallest value that each column has had before the window, where forecasts are kept above it."""
        if self.fields.config.numbers.floor == "seen":
            return np.nanmin(self.past(number), axis=0)
        return np.full(self.fields.target.size, -np.inf)

    def _seasonal_errors(self) -> Floats:
        season, size = self.fields.config.numbers.season, self.fields.target.size
        bounds = zip(self.panel.starts[:-1].tolist(), self.part.begins.tolist(), strict=True)
        return np.stack([seasonal_error(self.panel.known(start, end)[:, :size], season) for start, end in bounds])

    def _errors_before(self) -> Floats:
        """(N + 1, D): the same, on what its series has had before each row, for a part that begins behind a first history: by the few rows
        of that, errors of a series that has grown since would be many.
        """
        season, starts = self.fields.config.numbers.season, self.panel.starts
        values = self.panel.known(0, len(self.panel))[:, : self.fields.target.size]
        errors = np.full(values.shape, np.nan)
        errors[season:] = np.abs(values[season:] - values[:-season])
        for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            errors[begin:end] = without_rounding(errors[begin:end], values[begin:end])
        place = np.arange(len(values)) - np.repeat(starts[:-1], np.diff(starts))
        errors[place < season] = np.nan
        is_there = np.isfinite(errors)
        totals, counts = (np.concatenate([np.zeros((1, values.shape[1])), part.cumsum(0)]) for part in (np.nan_to_num(errors), is_there))
        first = np.append(np.repeat(starts[:-1], np.diff(starts)), starts[-2])  # of the series of each row, behind the last of the last
        with np.errstate(invalid="ignore"):
            return (totals - totals[first]) / (counts - counts[first])

    def origins(self, index: Sequence[int] | Ids) -> tuple[Ids, Ids]:
        """The series of each window, and the row of its first target: (B,), (B,)."""
        index = np.asarray(index, dtype=np.int64)
        series = np.searchsorted(self.ends, index, side="right")
        before = np.where(series > 0, self.ends[series - 1], 0)
        return series, self.firsts[series] + (index - before) * self.stride

    # ----------------------------------------------------------------------------------------------------------- frames

    def _places(self, index: Sequence[int] | Ids) -> _Places:
        series, origin = self.origins(index)
        length = np.minimum(self.history, origin - self.panel.starts[series])
        steps = np.arange(self.history)
        mask = steps < length[:, None]
        history = (origin - length)[:, None] + np.minimum(steps, length[:, None] - 1)
        return _Places(series, history, mask, origin[:, None] + np.arange(self.horizon))

    def _raw(self, rows: Ids, series: Ids) -> Floats:
        """The columns of rows (B, T), nothing after the end of their series."""
        values = self.panel.values[np.minimum(rows, len(self.panel) - 1)]
        values[rows >= self.panel.starts[series + 1, None]] = np.nan
        return values

    def _forget_filled(self, targets: Floats, places: _Places) -> None:
        """Make NaN of targets (B, T, D) that a rule has put in, which no one has seen."""
        filled, size = self.panel.filled, self.fields.target.size
        if filled is not None:
            targets[filled[np.minimum(places.horizon, len(filled) - 1), :size]] = np.nan

    def _scaled(self, rows: Ids, series: Ids) -> Floats:
        values = self._raw(rows, series) - self.shift[series, None]
        values /= self.scale[series, None]
        return values

    def _clock(self, rows: Ids, series: Ids) -> Frames:
        """The features of the clock at rows (B, T), which go on after the end of their series."""
        names, times = self.fields.config.numbers.calendar, self.panel.times
        if not names or times is None:
            return np.zeros((*rows.shape, 0), dtype=np.float32)
        last = self.panel.starts[series + 1, None] - 1
        return clock_features(continued(times[np.minimum(rows, last)], self.panel.step, np.maximum(rows - last, 0)), names)

    def _source(self, places: _Places) -> Floats:
        """(B, H, D): the scaled columns and the clock, zeros at padding."""
        columns, clock = self._scaled(places.history, places.series), self._clock(places.history, places.series)
        frames = columns if not clock.shape[2] else np.concatenate([columns, clock], 2)
        frames[~places.mask] = 0
        return frames

    def _targets(self, places: _Places) -> Floats:
        return self._scaled(places.horizon, places.series)[:, :, : self.fields.target.size]

    def _known(self, places: _Places) -> Floats:
        """(B, T, C): the place within the horizon, what is known in advance, and the clock."""
        numbers = self.fields.config.numbers
        place = np.broadcast_to(place_known(self.horizon), (*places.horizon.shape, 1))
        first = len(numbers.targets) + len(numbers.past)
        fixed, advance = len(numbers.static), first + len(numbers.known)
        columns = self._scaled(places.horizon, places.series)
        if np.isnan(columns[:, :, first:advance]).any():
            raise DataError(
                f"{self.panel.name}: {', '.join(numbers.known)}: nothing is said of the time that is forecast; expected {self.horizon} "
                "rows after the last known target, with the columns known in advance and empty targets. Add them."
            )
        same = np.repeat(self._scaled(places.history[:, :1], places.series)[:, :, advance : advance + fixed], self.horizon, 1)
        return np.concatenate([place, columns[:, :, first:advance], same, self._clock(places.horizon, places.series)], 2)

    def _levels(self, places: _Places, source: Floats) -> Levels:
        """What is taken out of each window by itself, in scaled units."""
        size, kind = self.fields.target.size, self.fields.config.numbers.window
        rows, mask = source[:, :, :size], places.mask[:, :, None]
        ones = np.ones((len(rows), 1, size))
        if kind == "none":
            return Levels(0 * ones, ones)
        last = np.take_along_axis(rows, places.mask.sum(1)[:, None, None] - 1, 1)
        if kind == "last":
            return Levels(last, ones)
        count = mask.sum(1, keepdims=True)
        mean = rows.sum(1, keepdims=True) / count
        deviation = np.sqrt((np.square(rows - mean) * mask).sum(1, keepdims=True) / count)
        return Levels(last, np.where(deviation > np.maximum(FLAT * np.abs(mean), TINIEST), deviation, 1))

    # ------------------------------------------------------------------------------------------------------------- disk

    def save(self, folder: Path) -> None:
        """Write the table and which windows are meant into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        panel, arrays = self.panel, {"values": self.panel.values, "starts": self.panel.starts, "firsts": self.firsts, "ends": self.ends}
        if panel.times is not None:
            arrays["times"] = (panel.times if panel.step.is_count else panel.times.astype("datetime64[s]")).astype(np.int64)
        about = {"columns": panel.columns, "series": panel.series, "step": panel.step, "name": panel.name, "stride": self.stride}
        arrays |= {"begins": self.part.begins, "finishes": self.part.ends}
        arrays |= {} if panel.filled is None else {"filled": panel.filled}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / "windows.json").write_text(json.dumps(about), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, fields: NumberFields) -> Windows:
        """The windows that `save` wrote, the table by memory map.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        try:
            about = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
            arrays = {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
            step, times = Step(*about["step"]), arrays.get("times")
            times = times if times is None or step.is_count else times.astype("datetime64[s]")
            panel = Panel(
                tuple(about["columns"]),
                arrays["values"],
                arrays["starts"],
                tuple(about["series"]),
                times,
                step,
                about["name"],
                filled=arrays.get("filled"),
            )
            part = Part(np.asarray(arrays["begins"]), np.asarray(arrays["finishes"]))
            windows = cls(panel, fields, part, stride=int(about["stride"]))
            windows.firsts, windows.ends = np.asarray(arrays["firsts"]), np.asarray(arrays["ends"])
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder}: the training data is damaged ({error}); train anew with --overwrite.") from None
        return windows
