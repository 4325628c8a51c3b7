"""A table that the program makes, so that anyone can train a first forecasting model without a file."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np

from seqloom.files import write_atomically
from seqloom.numbers.clock import finest, spelled
from seqloom.numbers.dates import read_times
from seqloom.numbers.panel import Panel
from seqloom.numbers.steps import Step

__all__ = ["WAVES", "waves", "write_waves"]

WAVES = "waves"
"""Its name for --example."""
HOURS = 24 * 7 * 26
BEGIN = datetime(2024, 1, 1)


def waves(seed: int = 1) -> Panel:
    """Half a year of hours: `load`, which has a day, a week, a slow drift and noise a tenth of its size, and `warmth`, which it follows two
    hours later.
    """
    random = Random(seed)
    warmth = [10 + 6 * math.sin(2 * math.pi * (hour - 9) / 24) + 3 * math.sin(2 * math.pi * hour / (24 * 31)) for hour in range(HOURS)]
    warmth = [value + random.gauss(0, 1) for value in warmth]
    rows: list[tuple[float, float]] = []
    for hour in range(HOURS):
        day, week = math.sin(2 * math.pi * (hour - 6) / 24), -1.0 if hour // 24 % 7 >= 5 else 0.4
        felt = warmth[max(hour - 2, 0)]
        rows.append((50 + 8 * day + 5 * week - 0.8 * (felt - 10) + hour / 1000 + random.gauss(0, 1), warmth[hour]))
    times = [(BEGIN + timedelta(hours=hour)).isoformat(" ") for hour in range(HOURS)]
    values = np.array(rows, dtype=np.float32).astype(np.float64)
    return Panel(("load", "warmth"), values, np.array([0, HOURS]), ("",), read_times(times, str, "time"), Step(0, 3600), "waves")


def write_waves(panel: Panel, folder: Path) -> Path:
    """The table as a file in the folder: waves.csv with time, load and warmth."""
    times = [] if panel.times is None else [spelled(moment, finest(panel.times, panel.step)) for moment in panel.times]
    rows = (f"{time},{','.join(f'{value:.9g}' for value in row)}" for time, row in zip(times, panel.values.tolist(), strict=True))
    path = folder / "waves.csv"
    write_atomically(path, "\n".join([f"time,{','.join(panel.columns)}", *rows, ""]).encode(), shared=True)
    return path
