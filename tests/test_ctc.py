"""The CTC score in a search: against alignments that are counted one by one, and against torch's own loss."""

import itertools

import numpy as np
import pytest
import torch

from seqloom.config import SearchConfig
from seqloom.ctc import WORST, JointStepper, PrefixScorer, with_ctc
from seqloom.errors import ConfigError
from seqloom.fields.vocabulary import BOS, EOS
from seqloom.nn.ctc import CtcHead, ctc_loss
from seqloom.search import Stepped, search

V = 6
A, B = 4, 5


def log_probs(*shape: int, seed: int = 1) -> np.ndarray:
    draws = np.random.default_rng(seed).normal(size=(*shape, V)) * 2
    return (draws - np.log(np.exp(draws).sum(-1, keepdims=True))).astype(np.float32)


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def by_counting(scores: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each output of one sentence (S, V), over all V ** S alignments."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(V), repeat=len(scores)):
        share = float(np.exp(sum(scores[place, symbol] for place, symbol in enumerate(path))))
        found[spelled(path)] = found.get(spelled(path), 0.0) + share
    return found


def follow(scorer: PrefixScorer, prefix: tuple[int, ...]) -> None:
    scorer.follow(np.array([BOS]), np.array([0]))
    for symbol in prefix:
        scorer.follow(np.array([symbol]), np.array([0]))


@pytest.mark.parametrize("prefix", [(), (A,), (B, A), (A, A), (A, B, A)])
def test_scores_are_those_of_all_alignments_counted_one_by_one(prefix: tuple[int, ...]):
    scores = log_probs(5)
    outputs = by_counting(scores)
    begins = sum(share for output, share in outputs.items() if output[: len(prefix)] == prefix)
    scorer = PrefixScorer(scores[None], np.ones((1, 5), bool))
    follow(scorer, prefix)
    here = scorer.score(np.array([[A, EOS, B]]))[0]
    for symbol, score in zip((A, B), here[[0, 2]], strict=True):
        longer = (*prefix, symbol)
        share = sum(share for output, share in outputs.items() if output[: len(longer)] == longer)
        assert score == pytest.approx(np.log(share / begins), abs=1e-4)
    assert here[1] == pytest.approx(np.log(outputs[prefix] / begins), abs=1e-4)


def test_each_state_may_be_read_as_several_symbols_and_padding_stays_silent():
    scores, mask = log_probs(2, 6), np.array([[True, True, True], [True, True, False]])
    alone = PrefixScorer(scores[1:, :4], np.ones((1, 4), bool))
    both = PrefixScorer(scores, mask)
    alone.follow(np.array([BOS]), np.array([0]))
    both.follow(np.array([BOS, BOS]), np.array([0, 1]))
    for symbol in (A, B, A, B):  # four symbols at two states
        ids = np.array([[A, B, EOS]])
        np.testing.assert_allclose(both.score(ids.repeat(2, 0))[1], alone.score(ids)[0], atol=1e-4)
        alone.follow(np.array([symbol]), np.array([0]))
        both.follow(np.array([symbol, symbol]), np.array([0, 1]))
    head = CtcHead(7, V, readings=2)
    states = torch.randn(2, 3, 7)
    read = head(states)
    assert read.shape == (2, 6, V)
    torch.testing.assert_close(read[:, 2:4], head(states[:, 1:2]))
    assert float(ctc_loss(read, torch.ones(2, 3).bool(), torch.tensor([[A, B, A, B, EOS]] * 2), torch.ones(2, 5).bool()).detach()) > 0


def test_the_scores_of_an_output_add_up_to_the_loss_whatever_the_padding():
    scores = log_probs(2, 7)
    lengths, targets = (7, 4), ([A, A, B], [B, A])
    mask = np.arange(7) < np.array(lengths)[:, None]
    scorer = PrefixScorer(scores, mask)
    total = np.zeros(2, np.float32)
    scorer.follow(np.full(2, BOS), np.arange(2))
    for place in range(4):
        ids = np.array([[*target, EOS, EOS, EOS][place] for target in targets])
        live = np.array([place <= len(target) for target in targets])
        total += scorer.score(ids[:, None])[:, 0] * live
        scorer.follow(ids, np.arange(2))
    for row, target in enumerate(targets):
        loss = ctc_loss(
            torch.from_numpy(scores[row : row + 1]),
            torch.from_numpy(mask[row : row + 1]),
            torch.tensor([[*target, EOS]]),
            torch.ones(1, len(target) + 1, dtype=torch.bool),
        )
        assert -total[row] == pytest.approx(float(loss), abs=1e-4)


def test_what_has_no_alignment_gets_the_worst_score_and_no_loss():
    scores = log_probs(1, 2)
    scorer = PrefixScorer(scores, np.ones((1, 2), bool))
    follow(scorer, (A,))
    assert scorer.score(np.array([[A]]))[0, 0] == WORST, "a repetition takes a blank between: three states"
    follow_on = scorer.score(np.array([[B]]))[0, 0]
    assert WORST < follow_on < 0
    scorer.follow(np.array([A]), np.array([0]))
    assert (scorer.score(np.array([[A, B, EOS]])) == WORST).all()
    assert float(ctc_loss(torch.from_numpy(scores), torch.ones(1, 2).bool(), torch.tensor([[A, A, EOS]]), torch.ones(1, 3).bool())) == 0


class Indifferent:
    """A decoder that finds all symbols equally likely."""

    def step(self, tokens: np.ndarray, parents: np.ndarray, k: int, wanted: np.ndarray) -> Stepped:
        even = np.float32(-np.log(V))
        return Stepped(np.full((len(tokens), k), even), np.tile(np.arange(k), (len(tokens), 1)), np.full(len(tokens), even), None)


def test_a_joint_search_finds_the_likeliest_reading_of_ctc_where_the_decoder_does_not_care():
    scores = log_probs(3, 5, seed=4)
    stepper = JointStepper(Indifferent(), PrefixScorer(scores, np.ones((3, 5), bool)), 0.5, V)
    config = SearchConfig(beam=30, length_penalty=0.0, ctc_weight=0.5)
    found = search(stepper, config, [5, 5, 5], vocabulary=V)
    for row, hypotheses in enumerate(found):
        joint = {
            output: 0.5 * np.log(share) - 0.5 * np.log(V) * (len(output) + 1)
            for output, share in by_counting(scores[row]).items()
            if not {BOS, EOS} & set(output)
        }
        best = max(joint, key=lambda output: joint[output])
        assert tuple(hypotheses[0].ids) == best
        assert hypotheses[0].log_prob == pytest.approx(joint[best], abs=1e-4)
        assert hypotheses[0].log_prob == pytest.approx(sum(hypotheses[0].token_log_probs), abs=1e-4)


def test_rows_follow_their_parents():
    scores = log_probs(2, 6)
    together, alone = PrefixScorer(scores, np.ones((2, 6), bool)), PrefixScorer(scores[1:], np.ones((1, 6), bool))
    together.follow(np.full(4, BOS), np.array([0, 0, 1, 1]))
    together.follow(np.array([A, B, A, B]), np.arange(4))
    together.follow(np.array([B, A]), np.array([2, 2]))
    follow(alone, (A, B))
    np.testing.assert_allclose(together.score(np.array([[A, B], [A, EOS]]))[0], alone.score(np.array([[A, B]]))[0], atol=1e-5)


def test_a_weight_without_a_ctc_head_is_refused():
    stepper = Indifferent()
    assert with_ctc(stepper, None, SearchConfig(), V) is stepper
    with pytest.raises(ConfigError) as error:
        with_ctc(stepper, None, SearchConfig(ctc_weight=0.3), V)
    assert str(error.value) == (
        "search.ctc_weight: 0.3 for a model without a CTC head; expected 0. Set it to 0, or train with model.head.ctc_weight above 0."
    )
