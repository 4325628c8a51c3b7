"""The data sets of the benchmarks, each a `Task`: its files, what is measured, the bar to reach and the time for it.

Files are handed to seqloom as they were published wherever it can read them; only SCAN, which is not a table, is written anew, by the
split on ` OUT: ` that every paper uses. The two broken pairs of Multi30k (the German line is only `@@`) stay in, as they would for
anyone who downloads it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TASKS", "Files", "Task"]


@dataclass(frozen=True)
class Files:
    """What the command line gets: `train` and `test` are one file of pairs or two parallel ones; `columns` are flags."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    dev: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


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


def sigmorphon2020(language: str) -> Callable[[Path, Path], Files]:
    """SIGMORPHON 2020 task 1: word and phones, the three files as they are."""

    def files(data: Path, work: Path) -> Files:
        train, dev, test = (str(data / "sigmorphon2020-g2p" / part / f"{language}_{part}.tsv") for part in ("train", "dev", "test"))
        return Files(train=(train,), dev=(dev,), test=(test,))

    return files


def conll2017(language: str, size: str) -> Callable[[Path, Path], Files]:
    """CoNLL-SIGMORPHON 2017 task 1: lemma, form and tags; lemma and tags are the source."""

    def files(data: Path, work: Path) -> Files:
        folder = data / "conll2017-inflection"
        return Files(
            train=(str(folder / f"{language}-train-{size}"),),
            dev=(str(folder / f"{language}-dev"),),
            test=(str(folder / f"{language}-uncovered-test"),),
            columns=("--source", "1", "--source", "3", "--target", "2"),
        )

    return files


def scan(split: str) -> Callable[[Path, Path], Files]:
    """SCAN: commands and actions, written as TSV; it has no dev part, so seqloom holds one out."""

    def files(data: Path, work: Path) -> Files:
        folder = data / "scan" / f"{split}_split"
        paths = {part: work / f"scan_{split}_{part}.tsv" for part in ("train", "test")}
        for part, path in paths.items():
            _scan_to_tsv(folder / f"tasks_{part}_{split}.txt.gz", path)
        return Files(train=(str(paths["train"]),), test=(str(paths["test"]),))

    return files


def _scan_to_tsv(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        pairs = [line.rstrip("\n").removeprefix("IN: ").split(" OUT: ") for line in lines]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(f"{command}\t{actions}\n" for command, actions in pairs), encoding="utf-8")


def multi30k(source: str, target: str) -> Callable[[Path, Path], Files]:
    """Multi30k task 1, raw text: parallel files, compressed, as they are."""

    def files(data: Path, work: Path) -> Files:
        def pair(part: str) -> tuple[str, str]:
            folder = data / "multi30k"
            return str(folder / f"{part}.{source}.gz"), str(folder / f"{part}.{target}.gz")

        return Files(train=pair("train"), dev=pair("val"), test=pair("test_2016_flickr"))

    return files


TASKS = [
    Task("reverse", "reverse (made)", EXACT, 1.0, 60, example="reverse"),
    Task("dates", "dates (made)", EXACT, 0.99, 150, example="dates"),
    Task("french", "SIGMORPHON 2020 French", WORD_ERROR_RATE, 7.5, 360, sigmorphon2020("fre")),
    Task("korean", "SIGMORPHON 2020 Korean", WORD_ERROR_RATE, 32.0, 360, sigmorphon2020("kor")),
    Task("spanish", "CoNLL 2017 Spanish, high", ACCURACY, 92.0, 600, conll2017("spanish", "high")),
    Task("scan", "SCAN, simple split", ACCURACY, 99.0, 600, scan("simple")),
    Task("multi30k", "Multi30k German to English, test 2016", BLEU, 34.5, 1200, multi30k("de", "en")),
]
