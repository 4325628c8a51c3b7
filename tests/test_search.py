import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from seqloom.config import SearchConfig
from seqloom.fields.vocabulary import BOS, EOS, PAD, UNK
from seqloom.search import Hypothesis, Stepped, search

A, B, C = 4, 5, 6
SIZE = 7
"""<pad> <s> </s> <unk> a b c"""


class Table:
    """A bigram table (B, V, V) a sentence as a model; `looks` (B, V, S) is where a step looks when it has taken a symbol."""

    def __init__(self, tables: np.ndarray[Any, Any], looks: np.ndarray[Any, Any] | None = None) -> None:
        self.tables, self.looks, self.sentences, self.rows, self.widths = tables, looks, np.arange(len(tables)), list[int](), list[int]()

    def step(self, tokens: Any, parents: Any, k: int, wanted: Any) -> Stepped:
        self.sentences = self.sentences[parents]
        self.rows.append(len(tokens))
        self.widths.append(k)
        log_probs = self.tables[self.sentences, tokens].astype(np.float32)
        ids = np.argsort(-log_probs, axis=1, kind="stable")[:, :k]
        looks = None if self.looks is None else self.looks[self.sentences, tokens].astype(np.float32)
        copies = None if looks is None else looks / 2
        return Stepped(np.take_along_axis(log_probs, ids, 1), ids, log_probs[np.arange(len(tokens)), wanted], looks, copies)


def random_tables(count: int, seed: int = 1, size: int = SIZE, spread: float = 1.5) -> np.ndarray[Any, Any]:
    scores = np.random.default_rng(seed).normal(0, spread, (count, size, size))
    return scores - np.log(np.exp(scores).sum(2, keepdims=True))


def table(**rows: dict[int, float]) -> np.ndarray[Any, Any]:
    """One sentence's table from probabilities: what follows <s>, a, b, c; all else is impossible."""
    result = np.full((1, SIZE, SIZE), 1e-12)
    for name, follow in rows.items():
        for symbol, probability in follow.items():
            result[0, {"start": BOS, "a": A, "b": B, "c": C}[name], symbol] = probability
    return np.log(result)


def find(
    stepper: Table, lengths: Sequence[int], prefixes: Any = None, numbers: Any = None, keep: bool = False, **config: Any
) -> list[list[Hypothesis]]:
    size = stepper.tables.shape[2]
    return search(
        stepper, SearchConfig(**config), lengths, vocabulary=size, prefixes=prefixes, sentence_numbers=numbers, keep_attention=keep
    )


def ids_of(found: list[list[Hypothesis]]) -> list[list[list[int]]]:
    return [[hypothesis.ids for hypothesis in hypotheses] for hypotheses in found]


def log_prob_of(rows: np.ndarray[Any, Any], ids: Sequence[int]) -> float:
    return sum(float(rows[before, after]) for before, after in itertools.pairwise([BOS, *ids, EOS]))


def test_what_is_never_chosen_keeps_its_probability_and_comes_where_a_prefix_says_it():
    tables, never = random_tables(3), (PAD, BOS, UNK)
    for kind in ("greedy", "beam", "sample"):
        config = SearchConfig(kind=kind, beam=3)
        found = search(Table(tables), config, [4] * 3, vocabulary=SIZE, prefixes=[[], [], [UNK]], never=never)
        for rows, hypotheses in zip(tables, found, strict=True):
            for one in hypotheses:
                assert one.log_prob == pytest.approx(log_prob_of(rows, one.ids), abs=1e-4)
        assert not any(UNK in one.ids for hypotheses in found[:2] for one in hypotheses)
        assert all(one.ids[0] == UNK and UNK not in one.ids[1:] for one in found[2])


def every_output(rows: np.ndarray[Any, Any], longest: int, penalty: float = 1.0) -> list[tuple[float, list[int]]]:
    """All outputs of at most so many symbols with their scores, best first."""
    symbols = [symbol for symbol in range(len(rows)) if symbol not in (PAD, BOS, EOS)]
    outputs = [list(ids) for length in range(longest + 1) for ids in itertools.product(symbols, repeat=length)]
    return sorted(((log_prob_of(rows, ids) / (len(ids) + 1) ** penalty, ids) for ids in outputs), key=lambda pair: -pair[0])


# --------------------------------------------------------------------------------------------------------------- beam


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_a_beam_as_wide_as_all_outputs_finds_all_of_them_in_order(penalty: float):
    tables = random_tables(3, seed=7)
    found = find(Table(tables), [3, 0, 2], kind="beam", beam=90, length_penalty=penalty)
    for rows, longest, hypotheses in zip(tables, (3, 0, 2), found, strict=True):
        wanted = every_output(rows, longest, penalty)[:90]
        assert [hypothesis.ids for hypothesis in hypotheses] == [ids for _, ids in wanted]
        np.testing.assert_allclose([hypothesis.score for hypothesis in hypotheses], [score for score, _ in wanted], rtol=1e-5)


def repeats(ids: list[int], count: int) -> bool:
    rows = [tuple(ids[place : place + count]) for place in range(len(ids) - count + 1)]
    return len(set(rows)) < len(rows)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_wide_beam_finds_all_outputs_that_repeat_no_row_of_symbols(count: int):
    tables = random_tables(3, seed=7)
    for rows, hypotheses in zip(tables, find(Table(tables), [4] * 3, kind="beam", beam=400, no_repeat_ngram=count), strict=True):
        wanted = [(score, ids) for score, ids in every_output(rows, 4) if not repeats(ids, count)]
        assert sorted(hypothesis.ids for hypothesis in hypotheses) == sorted(ids for _, ids in wanted)
        np.testing.assert_allclose([hypothesis.score for hypothesis in hypotheses], [score for score, _ in wanted], rtol=1e-5)


@pytest.mark.parametrize("kind", [{"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}, {"kind": "sample", "top_k": 1}])
def test_what_is_not_to_be_repeated_is_not_and_a_prefix_may(kind: dict[str, Any]):
    rows = table(start={A: 0.99}, a={B: 0.98, C: 0.01}, b={A: 0.98, C: 0.01}, c={A: 0.99})
    assert ids_of(find(Table(rows), [6], kind="greedy")) == [[[A, B, A, B, A, B]]]
    for hypothesis in find(Table(rows), [9], no_repeat_ngram=2, **kind)[0]:
        assert not repeats(hypothesis.ids, 2)
    ((first, *_),) = ids_of(find(Table(rows), [9], [[A, B, A, B]], no_repeat_ngram=2, **kind))
    assert first[:4] == [A, B, A, B]
    assert not repeats(first[3:], 2)
    assert (B, A) not in itertools.pairwise(first[3:])


@pytest.mark.parametrize("kind", [{"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}])
def test_where_nothing_else_may_come_what_was_said_may_come_again(kind: dict[str, Any]):
    found = find(Table(random_tables(1, seed=3)), [12], min_length=12, no_repeat_ngram=1, **kind)[0]
    assert [len(hypothesis.ids) for hypothesis in found] == [12] * len(found)
    symbols = [symbol for symbol in range(SIZE) if symbol not in (PAD, BOS, EOS)]
    assert set(found[0].ids[: len(symbols)]) == set(symbols)


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_best_output_and_a_narrow_one_none_better(seed: int):
    rows = random_tables(1, seed)
    (score, best), *_ = every_output(rows[0], 4, 0.0)
    for beam in (1, 2, 5, 8, 64):
        found = find(Table(rows), [4], kind="beam", beam=beam, length_penalty=0.0)[0][0]
        assert found.score <= score + 1e-5
        assert found.score == pytest.approx(log_prob_of(rows[0], found.ids), abs=1e-5)
    assert found.ids == best


def test_greedy_takes_the_best_symbol_each_time():
    tables = random_tables(5, seed=3)
    found = find(Table(tables), [6] * 5, kind="greedy")
    for rows, (hypothesis,) in zip(tables, found, strict=True):
        allowed, wanted, last = rows.copy(), list[int](), BOS
        allowed[:, [PAD, BOS]] = -np.inf
        while len(wanted) < 6 and (last := int(allowed[last].argmax())) != EOS:
            wanted.append(last)
        assert hypothesis.ids == wanted
        assert hypothesis.cut == (len(wanted) == 6)


@pytest.mark.parametrize("more", [{}, {"length_penalty": 0.0}, {"length_penalty": 3.0}, {"coverage_penalty": 0.7}, {"min_length": 2}])
def test_a_beam_of_one_is_greedy(more: dict[str, Any]):
    tables, looks = random_tables(5, seed=4), np.exp(random_tables(5, seed=8))[:, :, :3]
    lengths, prefixes = [6, 0, 3, 6, 2], [[], [], [A], [B, C], []]
    one, greedy = (
        find(Table(tables, looks), lengths, prefixes, **kind, **more) for kind in ({"kind": "beam", "beam": 1}, {"kind": "greedy"})
    )
    assert one == greedy


@pytest.mark.parametrize("kind", [{"kind": "greedy"}, {"kind": "beam", "beam": 1}])
def test_greedy_ends_when_the_end_is_the_best_whatever_the_coverage_penalty(kind: dict[str, Any]):
    rows = table(start={A: 0.6, B: 0.4}, a={EOS: 0.7, C: 0.3}, c={EOS: 1.0}, b={EOS: 1.0})
    looks = np.zeros((1, SIZE, 2))
    looks[0, BOS], looks[0, A], looks[0, C] = (1.0, 1e-9), (1.0, 1e-9), (1e-9, 1.0)
    stepper = Table(rows, looks)
    assert ids_of(find(stepper, [9], coverage_penalty=1.0, **kind)) == [[[A]]]
    assert stepper.rows == [1, 1]


def test_results_are_sorted_distinct_and_as_many_as_the_beam():
    found = find(Table(random_tables(4, seed=2)), [5, 8, 3, 2], kind="beam", beam=3)
    for hypotheses in found:
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(hypothesis.ids) for hypothesis in hypotheses}) == len(hypotheses) == 3


def test_the_log_probabilities_of_the_symbols_sum_to_that_of_the_output():
    tables = random_tables(4, seed=2)
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}):
        for rows, hypotheses in zip(tables, find(Table(tables), [5, 8, 0, 2], min_length=2, **kind), strict=True):
            for hypothesis in hypotheses:
                steps = itertools.pairwise([BOS, *hypothesis.ids, EOS])
                np.testing.assert_allclose(hypothesis.token_log_probs, [rows[before, after] for before, after in steps], rtol=1e-6)
                assert hypothesis.log_prob == pytest.approx(sum(hypothesis.token_log_probs), abs=1e-5)  # float32 sums of some ten terms
                assert hypothesis.score == pytest.approx(hypothesis.log_prob / (len(hypothesis.ids) + 1), abs=1e-5)


def test_a_sentence_is_answered_alone_as_among_others_and_in_its_place():
    tables, lengths = random_tables(5, seed=5), [5, 1, 8, 3, 0]
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 3}):
        together = find(Table(tables), lengths, **kind)
        alone = [find(Table(tables[place : place + 1]), [length], **kind)[0] for place, length in enumerate(lengths)]
        assert together == alone


def test_finished_sentences_leave_the_batch():
    stepper = Table(np.concatenate([table(start={EOS: 1.0}), table(start={A: 1.0}, a={EOS: 1.0}), table(start={A: 1.0}, a={A: 1.0})]))
    found = find(stepper, [9, 9, 3], kind="greedy")
    assert ids_of(found) == [[[]], [[A]], [[A, A, A]]]
    assert stepper.rows == [3, 2, 1, 1]
    stepper = Table(random_tables(3, seed=2))
    find(stepper, [0, 2, 5], kind="beam", beam=2)
    assert stepper.rows[:2] == [3, 4]  # one row a sentence at first, then two
    assert stepper.rows[-1] == 2


def test_a_bad_early_result_does_not_keep_a_sentence_open_that_has_enough_better_ones():
    """With the beam full of results that are better than anything open could be, a worse result beside them says nothing."""
    rows = table(start={A: 0.9, EOS: 0.05, B: 1e-4}, a={EOS: 0.5, C: 0.5}, c={EOS: 0.5, B: 1e-3}, b={B: 0.9})
    stepper = Table(rows)
    found = find(stepper, [50], kind="beam", beam=2, length_penalty=1.0)
    assert ids_of(found) == [[[A], [A, C]]]
    assert len(stepper.rows) == 3


def test_no_more_candidates_are_asked_for_than_the_search_can_use():
    stepper = Table(random_tables(2, size=40))
    for kind, wanted in (
        ({"kind": "greedy"}, 5),
        ({"kind": "beam", "beam": 4}, 11),
        ({"kind": "sample", "top_k": 2}, 5),
        ({"kind": "sample"}, 40),
    ):
        stepper = Table(random_tables(2, size=40))
        find(stepper, [3, 2], **kind)
        assert set(stepper.widths) == {wanted}


def test_a_vocabulary_smaller_than_the_number_of_candidates_is_searched_whole():
    tables = random_tables(2, seed=6, size=5)
    found = find(Table(tables), [2, 1], kind="beam", beam=8)
    for rows, longest, hypotheses in zip(tables, (2, 1), found, strict=True):
        assert [hypothesis.ids for hypothesis in hypotheses] == [ids for _, ids in every_output(rows, longest)][:8]


def test_ties_go_to_the_same_output_each_time():
    tables = np.full((2, SIZE, SIZE), -math.log(SIZE))
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 4}):
        first = find(Table(tables), [4, 4], **kind)
        assert first == find(Table(tables), [4, 4], **kind)
        assert first[0] == first[1]
    assert len({tuple(hypothesis.ids) for hypothesis in first[0]}) == 4


def test_no_sentences_have_no_results_and_take_no_step():
    stepper = Table(random_tables(0))
    assert find(stepper, []) == []
    assert stepper.rows == []


def test_padding_and_start_are_never_chosen_however_likely():
    tables = np.full((1, SIZE, SIZE), -9.0)
    tables[:, :, PAD], tables[:, :, BOS], tables[:, :, A] = -0.1, -0.2, -5.0
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 2}, {"kind": "sample"}, {"kind": "sample", "top_k": 1}):
        for hypothesis in find(Table(tables), [4], **kind)[0]:
            assert not {PAD, BOS} & set(hypothesis.ids)


def test_a_model_that_says_nothing_but_nan_ends_without_a_result():
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 2}, {"kind": "sample"}):
        assert find(Table(np.full((2, SIZE, SIZE), np.nan)), [4, 3], **kind) == [[], []]


# ------------------------------------------------------------------------------------------------- lengths and prefixes


def test_nothing_ends_before_the_minimum_nor_after_the_maximum_length():
    tables = random_tables(3, seed=9)
    tables[:, :, EOS] += 5  # what would rather end at once
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}, {"kind": "sample", "top_k": 1}):
        for hypotheses in find(Table(tables), [4, 9, 3], min_length=3, **kind):
            assert hypotheses
            assert all(len(hypothesis.ids) >= 3 for hypothesis in hypotheses)
    tables[:, :, EOS] -= 20  # what would never end
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}):
        for longest, hypotheses in zip((4, 0, 1), find(Table(tables), [4, 0, 1], **kind), strict=True):
            assert [len(hypothesis.ids) for hypothesis in hypotheses] == [longest] * len(hypotheses)
            assert all(hypothesis.cut for hypothesis in hypotheses)


def test_the_maximum_length_wins_over_the_minimum():
    found = find(Table(random_tables(2)), [2, 0], min_length=5, kind="greedy")
    assert [len(hypotheses[0].ids) for hypotheses in found] == [2, 0]


def test_an_end_that_the_limit_puts_keeps_its_own_log_probability():
    rows = table(start={A: 1.0}, a={A: 0.9, EOS: 0.1})
    (hypothesis,) = find(Table(rows), [2], kind="greedy")[0]
    assert hypothesis.ids == [A, A]
    np.testing.assert_allclose(hypothesis.token_log_probs, np.log([1.0, 0.9, 0.1]), atol=1e-6)
    assert hypothesis.cut


@pytest.mark.parametrize("kind", [{"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}, {"kind": "sample", "top_k": 1}])
def test_outputs_begin_with_prefixes_of_different_lengths(kind: dict[str, Any]):
    tables, prefixes = random_tables(5, seed=1), [[], [C], [B, B, A], [3], [A, B, C, A, B]]
    found = find(Table(tables), [6, 6, 6, 6, 3], prefixes, **kind)
    assert [hypotheses[0].ids[: len(prefix)] for hypotheses, prefix in zip(found[:4], prefixes, strict=False)] == prefixes[:4]
    assert found[4][0].ids == [A, B, C], "the limit cuts a prefix too"
    assert found[4][0].cut
    for rows, hypotheses in zip(tables, found, strict=True):
        for hypothesis in hypotheses:
            assert hypothesis.log_prob == pytest.approx(log_prob_of(rows, hypothesis.ids), abs=1e-5)
    for place in range(5) if kind["kind"] != "sample" else ():
        assert found[place] == find(Table(tables[place : place + 1]), [6 if place < 4 else 3], prefixes[place : place + 1], **kind)[0]


def test_a_prefix_under_a_wide_beam_is_the_best_output_that_begins_so():
    tables = random_tables(1, seed=4)
    found = find(Table(tables), [4], [[C, A]], kind="beam", beam=40, length_penalty=1.0)[0]
    wanted = [ids for _, ids in every_output(tables[0], 4) if ids[:2] == [C, A]]
    assert [hypothesis.ids for hypothesis in found] == wanted[:40]


def test_an_unlikely_prefix_is_forced_although_it_is_no_candidate():
    tables = random_tables(1, size=40)
    tables[0, BOS, 17] = -60.0
    found = find(Table(tables), [3], [[17]], kind="beam", beam=2)[0]
    assert {hypothesis.ids[0] for hypothesis in found} == {17}
    assert found[0].token_log_probs[0] == -60.0


# ----------------------------------------------------------------------------------------------------------- penalties


def test_the_length_penalty_changes_the_winner():
    """P(a) = 0.5 · 0.9 = 0.45; P(b c) = 0.5 · 0.9 · 0.9 = 0.405. Per symbol: sqrt(0.45) = 0.671 < 0.405 ** (1/3) = 0.740."""
    rows = table(start={A: 0.5, B: 0.5}, a={EOS: 0.9}, b={C: 0.9}, c={EOS: 0.9})
    (without,) = find(Table(rows), [5], kind="beam", beam=2, length_penalty=0.0)
    (with_,) = find(Table(rows), [5], kind="beam", beam=2, length_penalty=1.0)
    assert [hypothesis.ids for hypothesis in without] == [[A], [B, C]]
    assert [hypothesis.ids for hypothesis in with_] == [[B, C], [A]]
    assert without[0].score == pytest.approx(math.log(0.45), abs=1e-6)
    assert with_[0].score == pytest.approx(math.log(0.405) / 3, abs=1e-6)
    assert with_[0].log_prob == pytest.approx(math.log(0.405), abs=1e-6)


def test_the_coverage_penalty_is_that_of_wu_et_al_2016():
    """a looks at the first of two source positions alone: after <s> and a, coverage is (1.4, 0.6); b looks at both: (0.9, 1.1)."""
    rows = table(start={A: 0.6, B: 0.4}, a={EOS: 1.0}, b={EOS: 1.0})
    looks = np.zeros((1, SIZE, 3))  # the third position is padding
    looks[0, BOS, :2], looks[0, A, :2], looks[0, B, :2] = (0.4, 0.6), (1.0, 0.0), (0.5, 0.5)
    looks[0, A, 1] = 1e-9
    (without,) = find(Table(rows, looks), [5], kind="beam", beam=2, length_penalty=0.0)
    (with_,) = find(Table(rows, looks), [5], kind="beam", beam=2, length_penalty=0.0, coverage_penalty=2.0)
    assert [hypothesis.ids for hypothesis in without] == [[A], [B]]
    assert [hypothesis.ids for hypothesis in with_] == [[B], [A]]
    assert with_[0].score == pytest.approx(math.log(0.4) + 2 * math.log(0.9), abs=1e-5)
    assert with_[1].score == pytest.approx(math.log(0.6) + 2 * math.log(0.6), abs=1e-5)
    assert with_[0].log_prob == pytest.approx(math.log(0.4), abs=1e-6)
    (divided,) = find(Table(rows, looks), [5], kind="beam", beam=2, length_penalty=1.5, coverage_penalty=2.0)
    assert divided[0].score == pytest.approx((math.log(0.4) + 2 * math.log(0.9)) / 2**1.5, abs=1e-5), "as the rest of the score is"


def test_kept_attention_and_copying_are_those_of_the_hypothesis_and_have_a_row_for_the_end():
    tables, looks = random_tables(3, seed=3), np.exp(random_tables(3, seed=4))[:, :, :5]
    for kind in ({"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "sample"}):
        found = find(Table(tables, looks), [4, 2, 0], keep=True, **kind)
        for sentence, hypotheses in enumerate(found):
            for hypothesis in hypotheses:
                assert hypothesis.attention is not None
                np.testing.assert_allclose(hypothesis.attention, looks[sentence, [BOS, *hypothesis.ids]], rtol=1e-6)
                assert hypothesis.copying is not None
                np.testing.assert_allclose(hypothesis.copying, hypothesis.attention / 2)
    assert find(Table(tables, looks), [4, 2, 0])[0][0].attention is None


# ------------------------------------------------------------------------------------------------------------- sampling


def test_the_same_seed_draws_the_same_whatever_else_is_in_the_batch():
    tables, lengths, numbers = random_tables(5, seed=5), [8, 3, 8, 5, 8], [11, 12, 13, 14, 15]
    together = find(Table(tables), lengths, None, numbers, kind="sample", seed=3)
    alone = [
        find(Table(tables[place : place + 1]), [lengths[place]], None, [numbers[place]], kind="sample", seed=3)[0] for place in range(5)
    ]
    order = [3, 0, 4, 1, 2]
    shuffled = find(
        Table(tables[order]), [lengths[place] for place in order], None, [numbers[place] for place in order], kind="sample", seed=3
    )
    assert together == alone
    assert [shuffled[order.index(place)] for place in range(5)] == together
    assert find(Table(tables), lengths, None, numbers, kind="sample", seed=4) != together


def test_several_samples_of_a_sentence_are_drawn_apart_and_come_best_first():
    tables, lengths, numbers = random_tables(4, seed=6), [8, 3, 0, 5], [11, 12, 13, 14]
    found = find(Table(tables), lengths, None, numbers, kind="sample", samples=6, seed=3)
    assert [len(hypotheses) for hypotheses in found] == [6] * 4
    for hypotheses, rows, one in zip(found, tables, find(Table(tables), lengths, None, numbers, kind="sample", seed=3), strict=True):
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert one[0] in hypotheses
        for hypothesis in hypotheses:
            assert hypothesis.log_prob == pytest.approx(log_prob_of(rows, hypothesis.ids), abs=1e-4)
    assert [len({tuple(hypothesis.ids) for hypothesis in hypotheses}) > 1 for hypotheses in found] == [True, True, False, True]
    alone = find(Table(tables[1:2]), lengths[1:2], None, numbers[1:2], kind="sample", samples=6, seed=3)
    assert alone[0] == found[1]


def first_symbols(rows: np.ndarray[Any, Any], count: int = 3000, **config: Any) -> np.ndarray[Any, Any]:
    """The share of each symbol among first symbols drawn; an end counts as </s>."""
    found = find(Table(np.repeat(rows, count, 0)), [1] * count, kind="sample", **config)
    return np.bincount([hypotheses[0].ids[0] if hypotheses[0].ids else EOS for hypotheses in found], minlength=SIZE) / count


START = {EOS: 0.1, A: 0.4, B: 0.2, C: 0.3}
NEAR = 0.04
"""Four standard deviations of a share of 3,000 draws: 4 · sqrt(0.25 / 3000) = 0.037."""


def test_draws_follow_the_probabilities():
    shares = first_symbols(table(start=START))
    np.testing.assert_allclose(shares, [0, 0, 0.1, 0, 0.4, 0.2, 0.3], atol=NEAR)


def test_temperature_sharpens_and_flattens():
    sharp, flat = (first_symbols(table(start=START), temperature=heat) for heat in (0.5, 100.0))
    squares = np.array([0.1, 0.4, 0.2, 0.3]) ** 2
    np.testing.assert_allclose(sharp[[EOS, A, B, C]], squares / squares.sum(), atol=NEAR)
    even = np.exp(np.log([1e-12, 0.1, 0.4, 0.2, 0.3]) / 100)
    np.testing.assert_allclose(flat[[3, EOS, A, B, C]], even / even.sum(), atol=NEAR)
    assert first_symbols(table(start=START), 50, temperature=0.01)[A] == 1


def test_top_k_draws_from_the_k_best_that_may_be_chosen():
    rows = table(start={**START, PAD: 0.9, BOS: 0.8})
    np.testing.assert_allclose(first_symbols(rows, top_k=2), [0, 0, 0, 0, 4 / 7, 0, 3 / 7], atol=NEAR)
    np.testing.assert_allclose(first_symbols(rows, top_k=3, min_length=1), [0, 0, 0, 0, 4 / 9, 2 / 9, 3 / 9], atol=NEAR)
    assert first_symbols(rows, 50, top_k=1)[A] == 1


def test_top_p_draws_from_the_fewest_that_hold_the_probability():
    for top_p, support in ((0.05, [A]), (0.39, [A]), (0.5, [A, C]), (0.75, [A, B, C]), (0.95, [EOS, A, B, C]), (1.0, [EOS, A, B, C])):
        assert np.nonzero(first_symbols(table(start=START), 400, top_p=top_p))[0].tolist() == support
    np.testing.assert_allclose(first_symbols(table(start=START), top_p=0.6), [0, 0, 0, 0, 4 / 7, 0, 3 / 7], atol=NEAR)


def test_a_sample_says_the_models_own_log_probability_whatever_the_temperature():
    rows = table(start=START, a={EOS: 1.0}, b={EOS: 1.0}, c={EOS: 1.0})
    for hypotheses in find(Table(np.repeat(rows, 20, 0)), [1] * 20, kind="sample", temperature=3.0, top_k=3, top_p=0.9):
        assert hypotheses[0].log_prob == pytest.approx(math.log(START[hypotheses[0].ids[0]]), abs=1e-5)
