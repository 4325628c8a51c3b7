"""Whether more pairs would help: what is reached on dev with growing parts of the pairs that there are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom import metrics
from seqloom.errors import ConfigError, DataError
from seqloom.planning.asked import parse_duration
from seqloom.planning.plan import Plan, make_plan
from seqloom.training.events import Finished, Silence, Started, Updated
from seqloom.training.progress import duration, value_text
from seqloom.training.runs import start
from seqloom.training.summary import columns

__all__ = ["DEFAULT_BUDGET", "Curve", "Point", "as_lines", "conclude", "learning_curve"]

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
DEFAULT_BUDGET = "5m"
LEAST_PAIRS = 64
"""So that an eighth of them is something to learn from."""
LEAST_SECONDS = 8.0
DEV_PAIRS = 1000
"""At most so many dev pairs are looked at, the same for each part."""
JUDGED = 3
"""The slope is that of so many points, the last ones: a curve bends, and its end is what matters."""
ENOUGH = 0.2
"""Of the passes that would be chosen, what the largest part has to get before its score says anything."""
MUCH, LITTLE = 1.0, 0.3
"""Points of 100 that a doubling brings, from which more pairs would help, and would help a little."""


@dataclass(frozen=True)
class Point:
    """One training."""

    pairs: int
    value: float
    """Of the curve's metric, on dev, greedy."""
    passes: float
    passes_chosen: float
    """What would be gone through with time enough."""
    seconds: float


@dataclass(frozen=True)
class Curve:
    """What was reached with how many pairs, the fewest first."""

    metric: str
    dev_pairs: int
    points: list[Point]
    doubling: float
    """What another doubling of the pairs would add to the metric, by the slope of the last points; it never goes past perfect."""
    conclusion: str
    """One sentence."""
    note: str
    """What the budget has to do with it, '' where nothing."""


def learning_curve(pairs: Sequence[str], *, budget: str = DEFAULT_BUDGET, say: Callable[[str], None] = print, **options: Any) -> Curve:
    """Trains what would be chosen for an eighth, a quarter, a half and all of the pairs, on the same dev part, within the budget.

    Each part is in the next larger one. A training gets time by the square root of its share, and what is left of the time of those
    before it. Nothing stays on disk.

    Args:
        pairs: the file, or two parallel ones.
        budget: wall time for all trainings together.
        say: hears of each training as it begins.
        options: `dev`, `source`, `target` and `settings` of `make_plan`.

    Raises:
        ConfigError: too short a budget, or pairs that can be read only once.
        DataError: too few pairs.
    """
    seconds, began = parse_duration(budget), time.perf_counter()
    if seconds < LEAST_SECONDS:
        raise ConfigError(f"--budget {budget}: expected {LEAST_SECONDS:.0f}s or more, for {len(SHARES)} trainings. Give more time.")
    if "-" in pairs:
        raise ConfigError("--curve: reads the pairs several times, and standard input can be read only once. Save them in a file.")
    whole = make_plan(list(pairs), **options)
    if whole.profile.pairs < LEAST_PAIRS:
        raise DataError(f"{' + '.join(pairs)}: {whole.profile.pairs:,} training pairs; a learning curve needs {LEAST_PAIRS}. Add pairs.")
    metric, dev = whole.config.training.early_stopping.metric, whole.dev[:: -(-len(whole.dev) // DEV_PAIRS)]
    settings = {**options.pop("settings", {}), "training.early_stopping.metric": metric, "search.kind": "greedy"}
    points: list[Point] = []
    for place, share in enumerate(SHARES):
        left = seconds - (time.perf_counter() - began)
        allowed = max(left * share**0.5 / sum(other**0.5 for other in SHARES[place:]), 1.0)
        plan = make_plan(list(pairs), **options, settings=settings, budget=allowed, share=share)
        say(f"training on {plan.profile.pairs:,} of {whole.profile.pairs:,} pairs, at most {duration(allowed)}")
        points.append(_train(replace(plan, dev=dev), metric))
    doubling = _doubling(metric, points)
    return Curve(metric, len(dev), points, doubling, conclude(metric, points, doubling), _note(points))


class _Recorder(Silence):
    """Remembers how many pairs were trained on, and how often."""

    def __init__(self) -> None:
        self.pairs, self.passes = 0, 0.0

    def started(self, event: Started) -> None:
        self.pairs = event.pairs

    def updated(self, event: Updated) -> None:
        self.passes = event.epoch


def _train(plan: Plan, metric: str) -> Point:
    """The point of a plan; its run directory is gone afterwards.

    Raises:
        KeyboardInterrupt: training was interrupted.
    """
    seen = _Recorder()
    with tempfile.TemporaryDirectory(prefix="seqloom-curve-") as folder:
        finished: Finished = start(plan, Path(folder) / "run", watcher=seen)
    if finished.why == "interrupted":
        raise KeyboardInterrupt
    passes, chosen = seen.passes, plan.config.training.epochs  # as for a machine with time enough
    enough = finished.why not in ("done", "budget")
    return Point(seen.pairs, finished.metrics[metric], passes, passes if enough else max(passes, chosen), finished.seconds)


# ------------------------------------------------------------------------------------------------------- what it says


def _doubling(metric: str, points: Sequence[Point]) -> float:
    """The least-squares slope of the last points over log2(pairs), cut where the metric would get better than perfect."""
    last = points[-JUDGED:]
    slope = float(np.polyfit(np.log2([point.pairs for point in last]), [point.value for point in last], 1)[0])
    perfect, now = _perfect(metric), points[-1].value
    return slope if perfect is None or (perfect - now) * (perfect - now - slope) >= 0 else perfect - now


def _perfect(metric: str) -> float | None:
    """The value that cannot get better; None where there is none."""
    known = metrics.METRICS[metric]
    if known.unit == "number":
        return None
    return (100.0 if known.unit == "points" else 1.0) if known.higher_is_better else 0.0


def as_lines(curve: Curve) -> list[str]:
    """The curve as a small table, and the sentence below."""
    head = ["pairs", curve.metric, "passes", "time"]
    rows = [
        [f"{point.pairs:,}", value_text(curve.metric, point.value), f"{point.passes:.1f}", duration(point.seconds)]
        for point in curve.points
    ]
    note = [f"note: {curve.note}"] if curve.note else []
    return [f"Learning curve, on {curve.dev_pairs:,} dev pairs:", *columns([head, *rows]), curve.conclusion, *note]


def conclude(metric: str, points: Sequence[Point], doubling: float) -> str:
    """One plain sentence: whether more pairs would help, and what twice as many would bring."""
    known, now, last = metrics.METRICS[metric], points[-1].value, points[-1]
    if now == _perfect(metric):
        return f"More pairs cannot help: {metric} on dev is perfect with {last.pairs:,}."
    if last.passes < ENOUGH * last.passes_chosen:
        return "Whether more pairs would help cannot be told: there was too little time to learn from those that there are."
    scale = {"fraction": 100.0, "points": 1.0, "number": 100.0 / max(abs(now), 1e-9)}[known.unit]
    gain = scale * (doubling if known.higher_is_better else -doubling)
    answer = "would help" if gain >= MUCH else "would help a little" if gain >= LITTLE else "would hardly help"
    change = f"{metric} from {value_text(metric, now)} to about {value_text(metric, now + doubling)}"
    return f"More pairs {answer}: twice the {last.pairs:,} would bring {change}, going by the last {JUDGED} trainings."


def _note(points: Sequence[Point]) -> str:
    """That time was short, where it was: large parts suffer from it more than small ones."""
    last = points[-1]
    if last.passes >= 0.8 * last.passes_chosen:
        return ""
    done = f"all pairs were gone through {last.passes:.1f} times, where {last.passes_chosen:.0f} would be chosen"
    return f"{done}. With a longer --budget the large parts would gain more than the small ones."
