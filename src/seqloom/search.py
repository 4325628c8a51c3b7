"""Search: from a model that scores next symbols to whole hypotheses. Knows neither torch nor which model it steps.

A `Stepper` holds N rows. Each call tells it which symbol every row takes, and which row of the call before it goes on from; rows whose
sentence has finished are simply no longer named. Everything here is numpy over B sentences × K hypotheses at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seqloom.config import SearchConfig
from seqloom.fields.vocabulary import BOS, EOS, PAD

__all__ = ["IMPOSSIBLE", "NEVER", "Hypothesis", "Stepped", "Stepper", "search"]

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Kind = TypeVar("Kind", np.float32, np.int64)

NEVER = (PAD, BOS)
"""Symbols that no output holds."""
IMPOSSIBLE = np.float32(-1e30)


class Stepped(NamedTuple):
    """What a model says after each row took its symbol."""

    log_probs: Floats
    """(N, k): of the k best next symbols, best first"""
    ids: Ids
    """(N, k)"""
    wanted: Floats
    """(N,): log-probability of the symbol that was asked about"""
    attention: Floats | None
    """(N, S): where the step looked, if asked for"""
    copying: Floats | None = None
    """(N, S): the probability of copying each source symbol, if asked for and where the model copies"""


class Stepper(Protocol):
    """A model that goes forward one symbol at a time."""

    def step(self, tokens: Ids, parents: Ids, k: int, wanted: Ids) -> Stepped:
        """Row n goes on from row parents[n] of the last call (of the sentences, at the first) and takes tokens[n].

        All of shape (N,); `wanted` asks for the log-probability of one next symbol a row. k is at most the vocabulary.
        """
        ...


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output of one sentence."""

    ids: list[int]
    """Without <s> and </s>."""
    score: float
    """What hypotheses are ranked by: log_prob and the coverage penalty, which is at most 0, together over (T + 1) ** length_penalty."""
    log_prob: float
    """Log-probability of the ids and </s>: the sum of token_log_probs."""
    token_log_probs: list[float]
    """(T + 1,), </s> last."""
    cut: bool
    """Whether </s> was put because the longest allowed length was reached."""
    attention: Floats | None = field(default=None, compare=False)
    """(T + 1, S), if asked for."""
    copying: Floats | None = field(default=None, compare=False)
    """(T + 1, S), if asked for: the probability of copying each source symbol; the rest to 1 is that of writing from the vocabulary."""


def search(
    stepper: Stepper,
    config: SearchConfig,
    max_lengths: Sequence[int],
    *,
    vocabulary: int,
    prefixes: Sequence[Sequence[int]] | None = None,
    sentence_numbers: Sequence[int] | None = None,
    keep_attention: bool = False,
    never: Sequence[int] = NEVER,
) -> list[list[Hypothesis]]:
    """The best hypotheses of each sentence, best first: `beam` of them for a beam search, one for greedy, `samples` for sampling.

    Args:
        max_lengths: (B,) the most symbols before </s>; there </s> is put, with its own log-probability.
        vocabulary: V, symbols that can follow.
        prefixes: (B, ...) ids that an output must begin with.
        sentence_numbers: (B,) with the seed, what sampling draws from, so that a sentence's sample does not depend on its batch.
        never: ids that are not chosen where no prefix says them; what the model gives them stays with them.
    """
    beams = _Beams(config, max_lengths, prefixes or [[]] * len(max_lengths), keep_attention, never)
    numbers = range(len(max_lengths)) if sentence_numbers is None else sentence_numbers
    sampler = _Sampler(config, numbers) if config.kind == "sample" else None
    wide = vocabulary if config.kind == "sample" and config.top_k is None else _candidates_needed(config, len(never))
    while len(beams.sentences):
        most = wide + (beams.length if config.no_repeat_ngram else 0)  # as many symbols can be forbidden as there are before
        stepped = stepper.step(beams.tokens.ravel(), beams.parents.ravel(), min(most, vocabulary), beams.wanted())
        log_probs, ids = beams.candidates(stepped)
        chosen = sampler.choose(log_probs, ids, beams.sentences) if sampler else beams.choose(log_probs, ids)
        beams.advance(stepped, *chosen)
    return beams.results()


def _candidates_needed(config: SearchConfig, never: int) -> int:
    """2K leave K that go on even when K of them end; the rest make up for symbols that may not be chosen."""
    if config.kind == "sample":
        return (config.top_k or 1) + never + 1
    return 2 * _width(config) + never + 1


def _width(config: SearchConfig) -> int:
    return config.beam if config.kind == "beam" else 1


def _copies(config: SearchConfig) -> int:
    return config.samples if config.kind == "sample" else 1


def _best_first(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)


class _Beams:
    """The hypotheses of all sentences that are still open: arrays over b open sentences × K, at the first step × 1: K equal ones would
    say the same. A sentence of which several outputs are drawn is as many sentences.
    """

    def __init__(
        self,
        config: SearchConfig,
        max_lengths: Sequence[int],
        prefixes: Sequence[Sequence[int]],
        keep_attention: bool,
        never: Sequence[int],
    ) -> None:
        self.copies, self.width = _copies(config), _width(config)
        given = np.repeat(np.arange(len(max_lengths)), self.copies)
        count = len(given)
        self.config = config
        self.keep_attention = keep_attention
        self.never = tuple(never)
        self.max_lengths = np.asarray(max_lengths, dtype=np.int64)[given]
        self.prefixes = _padded(prefixes)[given]  # (B, P + 1), PAD where free
        self.done: list[list[Hypothesis]] = [[] for _ in range(count)]
        self.length = 0
        self.sentences: Ids = np.arange(count)  # (b,)
        self.tokens = np.full((count, 1), BOS, dtype=np.int64)
        self.parents = given.reshape(count, 1)
        self.ids = np.zeros((count, 1, 0), dtype=np.int64)  # (b, K, t)
        self.log_probs = np.zeros((count, 1, 0), dtype=np.float32)  # (b, K, t)
        self.sums = np.zeros((count, 1), dtype=np.float32)
        self.coverage: Floats | None = None  # (b, K, S)
        self.kept: dict[str, Floats] = {}  # what a hypothesis keeps of each step, (b, K, t, S)

    def _forced(self) -> Ids:
        """(b,): the symbol that must come next, PAD where any may."""
        forced = self.prefixes[self.sentences, min(self.length, self.prefixes.shape[1] - 1)]
        return np.where(self.length >= self.max_lengths[self.sentences], EOS, forced)

    def wanted(self) -> Ids:
        """(b·K,): the forced symbol where there is one, else </s>."""
        forced = self._forced()
        return np.repeat(np.where(forced == PAD, EOS, forced), self.tokens.shape[1])

    def candidates(self, stepped: Stepped) -> tuple[Floats, Ids]:
        """(b, K, k) log-probabilities of the next symbols, IMPOSSIBLE where one may not be chosen, and the symbols."""
        shape = (*self.tokens.shape, -1)
        log_probs, ids = stepped.log_probs.reshape(shape).astype(np.float32), stepped.ids.reshape(shape).copy()
        log_probs[np.isin(ids, self.never)] = IMPOSSIBLE
        if self.length < self.config.min_length:
            log_probs[ids == EOS] = IMPOSSIBLE
        if 0 < self.config.no_repeat_ngram <= self.length:
            self._forbid_repeats(log_probs, ids)
        self._force(log_probs, ids, stepped.wanted)
        return log_probs, ids

    def _forbid_repeats(self, log_probs: Floats, ids: Ids) -> None:
        """Forbid symbols (b, K, k) that would repeat so many in a row; where nothing else may come, they may."""
        repeats = self._repeats(ids, self.config.no_repeat_ngram)
        others = (log_probs > IMPOSSIBLE) & ~repeats
        log_probs[repeats & others.any(2, keepdims=True)] = IMPOSSIBLE

    def _force(self, log_probs: Floats, ids: Ids, wanted: Floats) -> None:
        """Let the forced symbol, whose log-probability is wanted (b·K,), be the only one among (b, K, k) where there is one."""
        forced = self._forced()
        bound = forced != PAD
        log_probs[bound] = IMPOSSIBLE
        log_probs[bound, :, 0] = wanted.reshape(ids.shape[:2])[bound]
        ids[bound, :, 0] = forced[bound, None]

    def _repeats(self, ids: Ids, count: int) -> npt.NDArray[np.bool_]:
        """Which of the symbols (b, K, k) would end a row of so many that stands in the hypothesis already."""
        rows = np.lib.stride_tricks.sliding_window_view(self.ids, count, axis=2)  # (b, K, n, count)
        last = self.ids[:, :, None, self.length - count + 1 :]  # (b, K, 1, count - 1)
        forbidden = np.where((rows[..., :-1] == last).all(3), rows[..., -1], PAD).reshape(-1, rows.shape[2])  # (b·K, n)
        found = np.zeros((len(forbidden), int(max(ids.max(), forbidden.max())) + 1), dtype=np.bool_)
        np.put_along_axis(found, forbidden, True, 1)
        return np.take_along_axis(found, ids.reshape(len(found), -1), 1).reshape(ids.shape)

    def choose(self, log_probs: Floats, ids: Ids) -> tuple[Ids, Ids, Floats]:
        """The 2K best ways on (b, 2K): the hypothesis each comes from, its symbol, and that symbol's log-probability."""
        flat = (self.sums[:, :, None] + np.maximum(log_probs, IMPOSSIBLE)).reshape(len(ids), -1)
        count = min(2 * self.width, flat.shape[1])
        best = np.argpartition(-flat, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(flat, best, 1), axis=1, kind="stable"), 1)
        origin = best // ids.shape[2]
        symbols = np.take_along_axis(ids.reshape(len(ids), -1), best, 1)
        return origin, symbols, np.take_along_axis(log_probs.reshape(len(ids), -1), best, 1)

    def advance(self, stepped: Stepped, origin: Ids, symbols: Ids, log_probs: Floats) -> None:
        """Take the chosen ways on (b, 2K): those that end among the K best are done, the K best others go on."""
        self._look(stepped)
        sums = np.take_along_axis(self.sums, origin, 1) + log_probs
        ends = symbols == EOS
        alive = sums > IMPOSSIBLE / 2
        for row, column in np.argwhere(ends & alive & (np.arange(ends.shape[1]) < self.width)).tolist():
            self._finish(row, origin[row, column], log_probs[row, column], sums[row, column])
        going = np.argsort(ends | ~alive, axis=1, kind="stable")[:, : self.width]
        usable = np.take_along_axis(~ends & alive, going, 1)
        origin, log_probs = np.take_along_axis(origin, going, 1), np.take_along_axis(log_probs, going, 1)
        symbols = np.where(usable, np.take_along_axis(symbols, going, 1), EOS)
        sums = np.where(usable, np.take_along_axis(sums, going, 1), IMPOSSIBLE)
        self._follow(usable.any(1) & ~self._settled(sums), origin, symbols, log_probs, sums)

    def _look(self, stepped: Stepped) -> None:
        """Add this step's attention to what was looked at before."""
        if stepped.attention is None:
            return
        now = stepped.attention.reshape(*self.tokens.shape, -1)
        self.coverage = now if self.coverage is None else self.coverage + now
        if self.keep_attention:
            self._keep("attention", stepped.attention)
            self._keep("copying", stepped.copying)

    def _keep(self, name: str, step: Floats | None) -> None:
        if step is not None:
            now = step.reshape(*self.tokens.shape, 1, -1)
            self.kept[name] = np.concatenate([self.kept[name], now], 2) if name in self.kept else now

    def _finish(self, row: int, hypothesis: int, log_prob: np.float32, total: np.float32) -> None:
        length, sentence = self.length, self.sentences[row]
        self.done[sentence].append(
            Hypothesis(
                ids=self.ids[row, hypothesis].tolist(),
                score=float(self._normalise(total + self._coverage(row, hypothesis), length + 1)),
                log_prob=float(total),
                token_log_probs=[*self.log_probs[row, hypothesis].tolist(), float(log_prob)],
                cut=bool(length >= self.max_lengths[sentence]),
                **{name: part[row, hypothesis].copy() for name, part in self.kept.items()},
            )
        )

    def _normalise(self, sums: Floats | np.float32, length: int) -> Floats | np.float32:
        return sums / length**self.config.length_penalty

    def _coverage(self, row: int, hypothesis: int) -> float:
        """The coverage penalty (Wu et al. 2016, eq. 14); source padding gets no attention and must not count, so zeros are left out. It is
        divided by the length as the log-probabilities are: beside their mean a sum over the source would decide everything.
        """
        if self.coverage is None or not self.config.coverage_penalty:
            return 0.0
        seen = self.coverage[row, hypothesis]
        return self.config.coverage_penalty * float(np.log(np.minimum(seen[seen > 0], 1.0)).sum())

    def _settled(self, sums: Floats) -> npt.NDArray[np.bool_]:
        """(b,): sentences with K results that are all as good as the best open hypothesis as it stands. With a beam of one the first
        result is the answer.

        Its sum is divided by its length without the </s> that it lacks. With that counted the search goes on a step more here and there:
        of 600 words and phrases every first answer was the same, and a quarter of the lists of five differed, in 5 to 11 % more time.
        """
        if self.width == 1:
            return np.array([len(self.done[sentence]) > 0 for sentence in self.sentences.tolist()], dtype=np.bool_)
        open_scores = self._normalise(sums.max(1), self.length + 1)
        return np.array([self._enough(sentence) for sentence in self.sentences.tolist()], dtype=np.float32) >= open_scores

    def _enough(self, sentence: int) -> float:
        """The score of the K-th best result so far."""
        scores = sorted((hypothesis.score for hypothesis in self.done[sentence]), reverse=True)
        return scores[self.width - 1] if len(scores) >= self.width else -np.inf

    def _follow(self, stay: npt.NDArray[np.bool_], origin: Ids, symbols: Ids, log_probs: Floats, sums: Floats) -> None:
        """Drop the sentences that are done, and let each hypothesis go on from the one that it came from."""
        rows = np.nonzero(stay)[0]
        origin = origin[rows]
        self.parents = rows[:, None] * self.tokens.shape[1] + origin
        self.tokens = symbols[rows]
        self.ids, self.log_probs = _longer(self.ids, rows, origin, self.tokens), _longer(self.log_probs, rows, origin, log_probs[rows])
        if self.coverage is not None:
            self.coverage = np.take_along_axis(self.coverage[rows], origin[:, :, None], 1)
        self.kept = {name: np.take_along_axis(part[rows], origin[:, :, None, None], 1) for name, part in self.kept.items()}
        self.sums, self.sentences = sums[rows], self.sentences[rows]
        self.length += 1

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence, best first."""
        kept = [_best_first(done)[: self.width] for done in self.done]
        drawn = (kept[place : place + self.copies] for place in range(0, len(kept), self.copies))
        return [_best_first([*chain.from_iterable(copies)]) for copies in drawn]


class _Sampler:
    """Draws the next symbol: temperature, top-k (Fan et al. 2018), top-p (Holtzman et al. 2020)."""

    def __init__(self, config: SearchConfig, sentence_numbers: Sequence[int]) -> None:
        self.config = config
        draws = [[config.seed, number, *([draw] if draw else [])] for number in sentence_numbers for draw in range(config.samples)]
        self.generators = [np.random.default_rng(draw) for draw in draws]  # the first draws as it does alone

    def choose(self, log_probs: Floats, ids: Ids, sentences: Ids) -> tuple[Ids, Ids, Floats]:
        """One way on a sentence, as `_Beams.choose` gives 2K: shapes (b, 1). The log-probability is the model's own."""
        order = np.argsort(-log_probs[:, 0], axis=1, kind="stable")
        log_probs, ids = np.take_along_axis(log_probs[:, 0], order, 1), np.take_along_axis(ids[:, 0], order, 1)
        picked = [[self._draw(row, self.generators[sentence])] for row, sentence in zip(log_probs, sentences, strict=True)]
        place = np.array(picked, dtype=np.int64).reshape(len(ids), 1)
        return np.zeros_like(place), np.take_along_axis(ids, place, 1), np.take_along_axis(log_probs, place, 1)

    def _draw(self, log_probs: Floats, generator: np.random.Generator) -> int:
        """The place of the drawn symbol in log-probabilities that fall."""
        scaled = log_probs[: self.config.top_k].astype(np.float64) / self.config.temperature
        shares = np.exp(scaled - scaled[0])
        shares /= shares.sum()
        if self.config.top_p is not None:
            shares[1:][np.cumsum(shares)[:-1] >= self.config.top_p] = 0
        return int(np.searchsorted(np.cumsum(shares / shares.sum()), generator.random(), side="right").clip(0, len(shares) - 1))


def _longer(written: npt.NDArray[Kind], rows: Ids, origin: Ids, now: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """(r, K, t + 1): what was written (b, K, t) in rows (r,) by the hypotheses there that others come from, (r, K), and one more."""
    longer = np.empty((*now.shape, written.shape[2] + 1), dtype=written.dtype)
    longer[:, :, :-1] = written[rows[:, None], origin]
    longer[:, :, -1] = now
    return longer


def _padded(prefixes: Sequence[Sequence[int]]) -> Ids:
    """(B, P + 1): PAD behind each, at least one."""
    table = np.full((len(prefixes), max(map(len, prefixes), default=0) + 1), PAD, dtype=np.int64)
    for row, prefix in enumerate(prefixes):
        table[row, : len(prefix)] = prefix
    return table
