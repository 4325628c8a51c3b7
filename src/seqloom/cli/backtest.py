"""What a model forecast at every moment that `evaluate` measures, beside what followed: a table to look at and to reckon with."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqloom.cli.output import escape, format_asked, open_output
from seqloom.numbers.clock import finest, spelled

if TYPE_CHECKING:
    from seqloom.numbers.answers import NumberAnswerer
    from seqloom.numbers.windows import Windows

__all__ = ["write_backtest"]

COLUMNS = ("series", "origin", "time", "column", "forecast", "actual")


def write_backtest(model: NumberAnswerer, windows: Windows, output: str, *inputs: str) -> None:
    """Write a line for each number that is forecast, as TSV, or as CSV where the name says so; `actual` is empty where nothing is known.

    Raises:
        ConfigError: the name says another format, or is that of a file that is read.
    """
    is_csv = format_asked(output, {"tsv": ".tsv", "csv": ".csv"}) == "csv"
    with open_output(output, *inputs) as out:
        if is_csv:
            csv.writer(out, lineterminator="\n").writerows([COLUMNS, *_lines(model, windows)])
            return
        for cells in [COLUMNS, *_lines(model, windows)]:
            out.write("\t".join(map(escape, cells)) + "\n")


def _lines(model: NumberAnswerer, windows: Windows) -> Iterator[tuple[str, ...]]:
    """The cells of COLUMNS, of each window step by step; `origin` is the moment of the last row that was read."""
    panel, names = windows.panel, model.numbers.targets
    unit = None if panel.times is None else finest(panel.times, panel.step)
    for number, said in enumerate(model.forecasts(windows, range(len(windows)))):
        (series,), (origin,) = (part.tolist() for part in windows.origins([number]))
        first, truth = int(panel.starts[series]), windows.truth([number])[0]
        for step, (point, actual) in enumerate(zip(said.point, truth, strict=True)):
            rows = (origin - 1, origin + step)
            begin, now = (str(row - first + 1) if panel.times is None else spelled(panel.times[row], unit) for row in rows)
            for column, name in enumerate(names):
                known = "" if np.isnan(actual[column]) else f"{actual[column]:.10g}"
                yield panel.series[series], begin, now, name, f"{point[column]:.10g}", known
