"""The tasks of the main job, each with its files, what is measured, the bar to reach and the time for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sets import Files, conll2017, multi30k, scan, sigmorphon2020

__all__ = ["TASKS", "Metric", "Task"]


@dataclass(frozen=True)
class Metric:
    """A number of `seqloom evaluate --json`, in the unit that papers print."""

    key: str
    label: str
    scale: float = 1.0
    offset: float = 0.0
    digits: int = 1
    more_is_better: bool = True

    def value(self, scores: dict[str, float]) -> float:
        """The number in the papers' unit."""
        return self.offset + self.scale * scores[self.key]

    def reaches(self, value: float, bar: float) -> bool:
        """Whether the value is at the bar or better, but for the rounding of 100 · (1 - x)."""
        ahead = value - bar if self.more_is_better else bar - value
        return ahead >= -1e-9


EXACT = Metric("exact_match", "exact match", digits=3)
ACCURACY = Metric("exact_match", "accuracy %", scale=100)
WORD_ERROR_RATE = Metric("exact_match", "WER %", scale=-100, offset=100, digits=2, more_is_better=False)
BLEU = Metric("bleu", "sacreBLEU", digits=2)


@dataclass(frozen=True)
class Task:
    """One row of the table. An `example` is a data set that seqloom makes itself; the others have `files`."""

    name: str
    title: str
    metric: Metric
    bar: float
    budget_seconds: int
    files: Callable[[Path, Path], Files] | None = None
    example: str | None = None


TASKS = [
    Task("reverse", "reverse (made)", EXACT, 1.0, 60, example="reverse"),
    Task("dates", "dates (made)", EXACT, 0.99, 150, example="dates"),
    Task("french", "SIGMORPHON 2020 French", WORD_ERROR_RATE, 7.5, 360, sigmorphon2020("fre")),
    Task("korean", "SIGMORPHON 2020 Korean", WORD_ERROR_RATE, 32.0, 360, sigmorphon2020("kor")),
    Task("spanish", "CoNLL 2017 Spanish, high", ACCURACY, 92.0, 600, conll2017("spanish", "high")),
    Task("scan", "SCAN, simple split", ACCURACY, 99.0, 600, scan("simple")),
    Task("multi30k", "Multi30k German to English, test 2016", BLEU, 34.5, 1200, multi30k("de", "en")),
]
