"""The pairs that are learned from: all, or an even part where a budget ends long before one pass over them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from seqloom.checkpoint import RunDirectory
from seqloom.corpus import Corpus
from seqloom.errors import DataError
from seqloom.fields.task import Fields
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import read_settings
from seqloom.training import encoding
from seqloom.training.encoding import encode
from seqloom.training.events import Silence, Started, Updated
from seqloom.training.runs import resume, start

SMALL = ["model.encoder.width=8", "model.decoder.width=8", "training.threads=1", "training.device=cpu", "fields.target={kind: text}"]


class Heard(Silence):
    def __init__(self) -> None:
        self.lines, self.pairs = list[str](), 0

    def say(self, text: str) -> None:
        self.lines.append(text)

    def started(self, event: Started) -> None:
        self.pairs = event.pairs


def plan_of(count: int, *settings: str, budget: str | None = "20s") -> Plan:
    pairs = [(f"{number:05}", f"{number:05}"[::-1]) for number in range(count)]
    return make_plan(pairs, dev=pairs[:5], budget=budget, settings=read_settings([*SMALL, *settings]))


def fields_of(plan: Plan) -> Fields:
    return Fields.fit(plan.config.fields, plan.train, plan.names)


def numbers(corpus: Corpus, fields: Fields) -> list[int]:
    """The pairs, which are numbers, as they stand in the corpus."""
    return [int(fields.target.decode(example.target)[::-1]) for example in corpus]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoding never is quick; a network is tried on 200 pairs, and may learn from hardly more."""
    monkeypatch.setattr(encoding, "QUICK", 1e-4)
    monkeypatch.setattr(encoding, "FIRST", 200)
    monkeypatch.setattr(encoding, "_Part", _Part)


class _Part(encoding._Part):  # pyright: ignore[reportPrivateUsage]
    """Encoded in an eternity."""

    def __init__(self, corpus: Corpus, share: float, of: int, seconds: float) -> None:
        super().__init__(corpus, share, of, seconds=1.0)


@pytest.mark.parametrize("budget", [None, "10m"])
def test_where_encoding_is_quick_or_time_is_endless_all_pairs_are_encoded_in_their_order(budget: str | None) -> None:
    plan, heard = plan_of(600, budget=budget), Heard()
    fields = fields_of(plan)
    _, corpus = encode(plan, fields, heard, time.perf_counter())
    assert numbers(corpus, fields) == list(range(600))
    assert not any("pairs fit" in line for line in heard.lines)


@pytest.mark.usefixtures("short")
def test_of_more_pairs_than_fit_the_time_an_even_part_is_encoded_and_said() -> None:
    plan, heard = plan_of(4_000), Heard()
    fields = fields_of(plan)
    _, corpus = encode(plan, fields, heard, time.perf_counter() - 19.99)
    found = sorted(numbers(corpus, fields))
    assert 100 <= len(found) == len(set(found)) < 1_000
    assert f"note: {len(found):,} of 4,000 pairs fit the time: an even part of them is trained on." in heard.lines
    for share in (0.25, 0.5, 0.75):
        assert np.quantile(found, share) == pytest.approx(4_000 * share, abs=150), "from the whole file"


@pytest.mark.usefixtures("short")
def test_as_many_pairs_are_encoded_as_a_pass_in_the_time_left_would_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST", 1e9)
    monkeypatch.setattr("seqloom.training.trial.symbols_per_second", lambda *_: 300.0)  # 11 symbols a pair
    plan = plan_of(4_000, budget="50s")
    fields = fields_of(plan)
    _, corpus = encode(plan, fields, Silence(), time.perf_counter())
    assert len(corpus) == pytest.approx(2 * 0.85 * 50 * 300 / 11, rel=0.05), "twice as many"
    assert len(set(numbers(corpus, fields))) == len(corpus), "each once"
    monkeypatch.setattr("seqloom.training.trial.symbols_per_second", lambda *_: 3_000.0)
    heard = Heard()
    _, corpus = encode(plan, fields, heard, time.perf_counter())
    assert sorted(numbers(corpus, fields)) == list(range(4_000)), "all fit"
    assert not any("pairs fit" in line for line in heard.lines)


@pytest.mark.usefixtures("short")
def test_a_part_of_a_pass_that_was_asked_for_stays_as_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST", 1e9)
    monkeypatch.setattr("seqloom.training.trial.symbols_per_second", lambda *_: 30.0)
    plan = plan_of(4_000, "training.epochs=0.25", budget="50s")
    _, corpus = encode(plan, fields_of(plan), Silence(), time.perf_counter())
    assert len(corpus) == pytest.approx(4 * 2 * 0.85 * 50 * 30 / 11, rel=0.05)


@pytest.mark.usefixtures("short")
def test_pairs_over_a_limit_are_counted_once_and_none_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST", 1e9)
    monkeypatch.setattr("seqloom.training.trial.symbols_per_second", lambda *_: 1e6)
    heard = Heard()
    pairs = [("a" * (20 if number % 4 == 0 else 5), str(number)) for number in range(1_000)]
    settings = [*SMALL, "data.max_source_length=10", "data.too_long=skip"]
    plan = make_plan(pairs, dev=[("a", "1")], budget="20s", settings=read_settings(settings))
    _, corpus = encode(plan, fields_of(plan), heard, time.perf_counter())
    assert len(corpus) == 750
    assert [line for line in heard.lines if "pairs" in line] == [
        "note: 250 training pairs over the length limits were skipped (data.too_long: skip)."
    ]
    plan = make_plan([("a" * 20, "1"), ("b" * 20, "2")], dev=[("a", "1")], budget="20s", settings=read_settings(settings))
    with pytest.raises(DataError, match="no training pair is left after the length limits"):
        encode(plan, fields_of(plan), Silence(), time.perf_counter())


@pytest.mark.usefixtures("short")
def test_a_run_on_a_part_goes_on_with_that_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom.training.encoding.QUICK", 1e-9)  # however quick the machine is
    monkeypatch.setattr("seqloom.training.encoding.SPARE", 1e-9)

    class Interrupting(Heard):
        def updated(self, event: Updated) -> None:
            raise KeyboardInterrupt

    heard, again = Interrupting(), Heard()
    begun = time.perf_counter() - 10
    finished = start(plan_of(4_000, "training.max_steps=6", "training.evaluate_every=2"), tmp_path / "run", watcher=heard, started=begun)
    kept = len(Corpus.load(RunDirectory(tmp_path / "run").training / "corpus"))
    assert (finished.why, kept) == ("interrupted", heard.pairs)
    assert kept < 4_000
    resume(tmp_path / "run", watcher=again)
    assert again.pairs == kept
