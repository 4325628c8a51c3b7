"""The pairs that are learned from as ids or frames, and the plan fitted to the machine: all of the pairs, or, where a budget ends long
before one pass over them, an even part that it leaves time for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from seqloom.batching import Example, updates_a_pass
from seqloom.config import DataConfig, RunConfig
from seqloom.corpus import Corpus, encode_rows
from seqloom.data.rows import Row
from seqloom.errors import DataError, TooLongError, count_of
from seqloom.fields.ready import ready_fields
from seqloom.fields.task import Fields
from seqloom.planning.pace import LEARNING, Work, fit_to_time
from seqloom.planning.plan import Plan
from seqloom.planning.relation import ceiling
from seqloom.training.events import Watcher
from seqloom.unseen import Unseen

__all__ = ["encode"]

MANY_UNKNOWN = 0.2
"""Share of the symbols of a side, from which on a ready vocabulary is likely to be of other text."""
QUICK = 0.05
"""Share of the time left: where all pairs are encoded in less, all are; and no more is spent on the first part of others."""
ASKED, FIRST = 500, 20_000
"""Pairs, at the most, by which is told how long encoding takes; in the first part, on which networks are tried."""
LEAST = 100
"""Pairs that are encoded even where no time is left."""
SPARE = 2.0
"""Times as many pairs as are likely to be gone through: a machine that was busy when it was measured may not be so for the whole run."""
MOST = 0.25
"""The share of the time left, at the most, that goes into encoding more than the first part, where not all are gone through anyway."""
TRYING = 0.1
"""The share of the time left, at the most, that goes into trying networks."""
GOLDEN = (math.sqrt(5) - 1) / 2


def encode(plan: Plan, fields: Fields, watcher: Watcher, started: float | None = None) -> tuple[Plan, Corpus]:
    """The plan, with the dev pairs that can be used and with what fits the time on this machine, and the training pairs.

    Args:
        started: `time.perf_counter()` when the budget began; None: it begins after this.

    Raises:
        DataError: a pair cannot be used, or none is left.
    """
    encoding = _Encoding(plan, fields, _Clock(plan.config, started), watcher)
    first = encoding.first()
    corpus = encoding.all() if first is None else first.corpus
    if plan.base is None:
        _say_what_is_missing(fields, corpus, watcher)
    plan = _with_usable_dev(plan, fields, watcher)
    unseen = Unseen(fields, copies=plan.config.model.copy_source)
    unseen.add_pairs(plan.dev)
    for note in (*ceiling(plan.dev, "dev "), *unseen.notes("dev ")):
        watcher.say(f"note: {note}")
    plan, rate = _fit(plan, fields, corpus, watcher, encoding.clock, 1.0 if first is None else 1 / first.share)
    if first is not None:
        corpus = encoding.completed(first, plan.config, rate)
    return plan, corpus


@dataclass(frozen=True)
class _Clock:
    """How much of the budget is left."""

    config: RunConfig
    started: float | None

    def spent(self) -> float:
        """Seconds of it that are gone."""
        return 0.0 if self.started is None else time.perf_counter() - self.started

    def left(self) -> float:
        """Seconds for the training of a network, infinitely many without a budget."""
        training = self.config.training
        return math.inf if training.budget_seconds is None else max(training.budget_seconds - self.spent(), 0.0) / training.members


@dataclass(frozen=True)
class _Part:
    """Some of the pairs, evenly drawn, encoded."""

    corpus: Corpus
    share: float
    """Of all pairs; those of a smaller one are among those of a larger."""
    of: int
    """All pairs."""
    seconds: float
    """What encoding takes for a pair."""


@dataclass(frozen=True)
class _Encoding:
    """The training pairs of a plan on their way to ids or frames."""

    plan: Plan
    fields: Fields
    clock: _Clock
    watcher: Watcher
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """What was cut or skipped, and how often."""

    def all(self) -> Corpus:
        """All pairs, in their order.

        Raises:
            DataError: none is left.
        """
        with self.watcher.phase(f"encoding {count_of(self.plan.profile.pairs, 'pair')}"):
            corpus = self._corpus(self.plan.train)
        _say_what_was_done(self.counts, "training", self.plan.config.data, self.watcher)
        if not len(corpus):
            raise DataError("no training pair is left after the length limits; raise data.max_source_length and data.max_target_length.")
        return corpus

    def first(self) -> _Part | None:
        """A part that tells how many pairs fit the time; None where all are encoded in no time, or there is time without end."""
        left = self.clock.left()
        if math.isinf(left):
            return None
        with self.watcher.phase("encoding some of the pairs"):
            drawn, share, of = self._drawn()
            for some, seconds in ((drawn[:ASKED], QUICK / 5 * left), (drawn, QUICK * left)):
                self.counts.clear()
                part = self._in_time(some, share, of, seconds)
                if part.seconds * of <= QUICK * left or not len(part.corpus):
                    self.counts.clear()
                    return None
        return part

    def _drawn(self) -> tuple[list[tuple[float, Row]], float, int]:
        """At most about FIRST rows, so that the first of them are an even part of all too; their share, and how many all are."""
        share, of = FIRST / max(self.plan.profile.pairs, FIRST), 0
        drawn = list[tuple[float, Row]]()
        for draw, row in _draws(self.plan.train):
            of += 1
            if draw < share:
                drawn.append((draw, row))
        return sorted(drawn, key=lambda each: each[0]), share, of

    def completed(self, first: _Part, config: RunConfig, rate: float) -> Corpus:
        """The first part, and of the others as many as a network that learns from so many symbols a second can go through."""
        left, symbols = self.clock.left(), _symbols(first.corpus) / len(first.corpus)
        visited = SPARE * LEARNING * left * rate / symbols / min(config.training.epochs, 1.0)
        many = visited if visited >= first.of else min(visited, len(first.corpus) + MOST * left / first.seconds)
        share = many / first.of
        more = (row for draw, row in _draws(self.plan.train) if first.share <= draw < share)
        with self.watcher.phase("encoding as many more as fit the time"):
            corpus = Corpus.build(chain(first.corpus, self._examples(more))) if share > first.share else first.corpus
        if len(corpus) < first.of - self.counts.get("skip", 0):
            self.watcher.say(f"note: {len(corpus):,} of {first.of:,} pairs fit the time: an even part of them is trained on.")
        _say_what_was_done(self.counts, "training", config.data, self.watcher)
        return corpus

    def _in_time(self, drawn: Sequence[tuple[float, Row]], share: float, of: int, seconds: float) -> _Part:
        """As many of the rows as are encoded in so many seconds, and a few at the least."""
        begin, taken = time.perf_counter(), 0

        def rows() -> Iterator[Row]:
            nonlocal taken
            for taken, (_, row) in enumerate(drawn, 1):
                yield row
                if taken >= LEAST and time.perf_counter() - begin > seconds:
                    return

        corpus = self._corpus(rows())
        share = drawn[taken][0] if taken < len(drawn) else share
        return _Part(corpus, share, of, (time.perf_counter() - begin) / max(taken, 1))

    def _corpus(self, rows: Iterable[Row]) -> Corpus:
        return Corpus.build(self._examples(rows))

    def _examples(self, rows: Iterable[Row]) -> Iterator[Example]:
        copies = self.plan.config.model.copy_source
        return encode_rows(rows, self.fields, self.plan.config.data, copy=copies, trained=True, counts=self.counts)


def _draws(rows: Iterable[Row]) -> Iterator[tuple[float, Row]]:
    """Each row with a number in [0, 1), the same each time; those below any number are spread evenly, and keep no step with the rows."""
    return (((number * GOLDEN) % 1.0, row) for number, row in enumerate(rows))


def _symbols(corpus: Corpus) -> int:
    return int(corpus.source_lengths.sum() + corpus.target_lengths.sum())


def _say_what_is_missing(fields: Fields, corpus: Corpus, watcher: Watcher) -> None:
    """Say how much of the training text ready vocabularies and subword models do not know."""
    files = ready_fields(fields.config)
    for side in ("source", "target"):
        names = sorted({file for name, file in files.items() if name.startswith(f"fields.{side}")})
        if names and (share := corpus.unknown_share(side)):
            kind = "warning" if share > MANY_UNKNOWN else "note"
            advice = ". Is it of text that is cut or written in another way (fields.*.kind, unit, lowercase)?" if kind == "warning" else ""
            watcher.say(f"{kind}: {share:.1%} of the {side}'s symbols in training are not in {', '.join(names)}, and become <unk>{advice}")


def _with_usable_dev(plan: Plan, fields: Fields, watcher: Watcher) -> Plan:
    """The plan without the held-out pairs that are skipped as training pairs are; a given dev pair that cannot be used is refused."""
    counts, data = dict[str, int](), plan.config.data
    examples = encode_rows(plan.dev, fields, data, copy=False, trained=plan.dev_is_held_out or data.skip_bad, counts=counts)
    try:
        places = {example.where for example in examples}
    except TooLongError as error:
        raise TooLongError(f"{error} With --skip-bad such dev pairs are left out.") from None
    if "skip" not in counts:
        return plan
    _say_what_was_done(counts, "dev", data, watcher)
    if not places:
        raise DataError("no dev pair is left after the length limits; raise data.max_source_length and data.max_target_length.")
    return replace(plan, dev=[row for row in plan.dev if row.where in places])


def _say_what_was_done(counts: Mapping[str, int], of: str, data: DataConfig, watcher: Watcher) -> None:
    kept, other = ("begin", "end") if data.keep == "begin" else ("end", "begin")
    for done, count in counts.items():
        how, were = "cut" if done == "cut" else "skipped", "was" if count == 1 else "were"
        which = f" Of a source its {kept} is read; --set data.keep={other} reads its {other}." if done == "cut" else ""
        watcher.say(f"note: {count_of(count, f'{of} pair')} over the length limits {were} {how} (data.too_long: {done}).{which}")


def _fit(plan: Plan, fields: Fields, corpus: Corpus, watcher: Watcher, clock: _Clock, times: float) -> tuple[Plan, float]:
    """The plan with what fits the time on this machine, and symbols a second that its network may reach; says what changed.

    Args:
        times: how many times as many pairs there are as in the corpus.
    """
    from seqloom.hardware import choose_device, threads_to_train_on
    from seqloom.training.trial import Trials

    batches, device = corpus.batches(plan.config.training.batch, 0, 0), plan.config.training.device
    work = Work(round(times * _symbols(corpus)), round(times * updates_a_pass(len(batches), plan.config.training.batch)))
    corpus.vary, trials = fields.source.vary, Trials(fields, corpus, TRYING * clock.left())
    threads, on_gpu = threads_to_train_on(device), choose_device(device) != "cpu"
    with watcher.phase("trying how fast this machine trains"):
        plan, lines = fit_to_time(plan, work, trials, clock.spent(), threads, on_gpu=on_gpu)
    for line in lines:
        watcher.say(f"fitted: {line}")
    return plan, trials.reached(plan.config) if times > 1 else 0.0
