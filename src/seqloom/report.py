"""Pictures of forecasts: what came before, what came, what was said, and how sure it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.config import HeadConfig
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.numbers.distributions import quantile_levels
from seqloom.numbers.forecasting import Forecast, forecasts
from seqloom.numbers.pairs import evenly
from seqloom.numbers.windows import Windows

__all__ = ["draw_forecasts"]

SHOWN = 3
"""Horizons of history in a picture, at most."""
WIDTH, HEIGHT = 8.0, 2.6
"""Of one picture, in inches."""


def draw_forecasts(network: Seq2Seq, windows: Windows, head: HeadConfig, path: Path, *, count: int = 6, columns: int = 4) -> int:
    """Write one PNG: a row for each of some windows, evenly spread over the part, a column a target. Gives the rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    index = evenly(len(windows), count).tolist()
    levels, targets = quantile_levels(head), windows.fields.config.numbers.targets[:columns]
    figure = Figure(figsize=(WIDTH * math.sqrt(len(targets)), HEIGHT * len(index)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(index), len(targets), squeeze=False)
    said = forecasts(network, windows, index, head, levels)
    for number, forecast, row in zip(index, said, axes, strict=True):
        for place, (name, axis) in enumerate(zip(targets, row, strict=True)):
            _draw(axis, windows, number, place, forecast, levels)
            axis.set_title(f"{name}, {_begin(windows, number)}", fontsize=9)
    axes[0, 0].legend(fontsize=8, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    return len(index)


def _draw(axis: Any, windows: Windows, number: int, place: int, forecast: Forecast, levels: Sequence[float]) -> None:
    """One window of one column: the last of its history at negative steps, then the horizon."""
    past = windows.past(number)[-SHOWN * windows.horizon :, place]
    ahead = np.arange(1, windows.horizon + 1)
    axis.plot(np.arange(1 - len(past), 1), past, color="black", linewidth=0.8, label="history")
    axis.plot(ahead, windows.truth([number])[0][:, place], color="black", linewidth=0.8, linestyle="dotted", label="truth")
    axis.plot(ahead, forecast.point[:, place], color="tab:blue", linewidth=1.2, label="forecast")
    for low, high in zip(range(len(levels) // 2), range(len(levels) - 1, 0, -1), strict=False):
        label = f"{100 * (levels[high] - levels[low]):.0f} % interval"
        band = forecast.quantiles[:, place, low], forecast.quantiles[:, place, high]
        axis.fill_between(ahead, *band, color="tab:blue", alpha=0.2, linewidth=0, label=label)
    axis.axvline(0, color="grey", linewidth=0.5)


def _begin(windows: Windows, number: int) -> str:
    """Which series, and when the forecast begins."""
    from seqloom.numbers.clock import finest, spelled

    series, origin = (int(part[0]) for part in windows.origins([number]))
    panel = windows.panel
    when = (
        f"row {origin + 1:,}"
        if panel.times is None or origin >= len(panel)
        else spelled(panel.times[origin], finest(panel.times, panel.step))
    )
    return " ".join(part for part in (windows.panel.series[series], when) if part)
