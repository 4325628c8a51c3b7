"""The CTC head's part in a search: how likely it finds each way on, beside the decoder (Watanabe et al. 2017, section IV). numpy only."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqloom.config import SearchConfig
from seqloom.errors import ConfigError
from seqloom.fields.vocabulary import EOS, PAD
from seqloom.search import IMPOSSIBLE, Stepped, Stepper

__all__ = ["BLANK", "WORST", "JointStepper", "PrefixScorer", "SecondScorer", "check_ctc", "with_ctc"]

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

BLANK = PAD
WORST = np.float32(-1000.0)
"""The score of a symbol that no alignment allows: far below all others, and still a number to add up."""
WIDER = 3
"""Times as many candidates are asked of the decoder as the search wants, since the second opinion reorders them."""


class SecondScorer(Protocol):
    """Scores next symbols by itself, row by row, beside a `seqloom.search.Stepper`."""

    def follow(self, tokens: Ids, parents: Ids) -> None:
        """As in `Stepper.step`: row n goes on from row parents[n] and takes tokens[n]; all of shape (N,)."""
        ...

    def score(self, ids: Ids) -> Floats:
        """Log-probabilities (N, k) of the next symbols ids (N, k)."""
        ...


def with_ctc(stepper: Stepper, scorer: SecondScorer | None, config: SearchConfig, vocabulary: int) -> Stepper:
    """The stepper, with the scorer beside it where the config gives it a weight.

    Raises:
        ConfigError: there is a weight and no scorer, as of a model that was trained without.
    """
    check_ctc(config, scorer is not None)
    return JointStepper(stepper, scorer, config.ctc_weight, vocabulary) if scorer and config.ctc_weight else stepper


def check_ctc(config: SearchConfig, has_head: bool) -> None:
    """Raises a ConfigError where the search asks for a CTC head that is not there."""
    if config.ctc_weight and not has_head:
        raise ConfigError(
            f"search.ctc_weight: {config.ctc_weight:g} for a model without a CTC head; expected 0. "
            "Set it to 0, or train with model.head.ctc_weight above 0."
        )


class JointStepper:
    """A stepper whose log-probabilities are (1 - weight) of one stepper's and weight of a second scorer's."""

    def __init__(self, stepper: Stepper, second: SecondScorer, weight: float, vocabulary: int) -> None:
        self.stepper, self.second, self.weight, self.vocabulary = stepper, second, np.float32(weight), vocabulary

    def step(self, tokens: Ids, parents: Ids, k: int, wanted: Ids) -> Stepped:
        """See `seqloom.search.Stepper`."""
        stepped = self.stepper.step(tokens, parents, min(WIDER * k, self.vocabulary), wanted)
        self.second.follow(tokens, parents)
        first = np.concatenate([stepped.log_probs, stepped.wanted[:, None]], 1)
        second = self.second.score(np.concatenate([stepped.ids, wanted[:, None]], 1))
        joint = (1 - self.weight) * first + self.weight * second
        best = np.argsort(-joint[:, :-1], axis=1, kind="stable")[:, :k]
        log_probs, ids = (np.take_along_axis(part, best, 1) for part in (joint, stepped.ids))
        return stepped._replace(log_probs=log_probs, ids=ids, wanted=joint[:, -1])


class PrefixScorer:
    """Log-probability that CTC's reading goes on with a symbol, given the symbols so far (Graves 2008, algorithm 1).

    For each row and number t of states that were read stands the log-probability of all alignments that spell the prefix so far, once for
    those that end in its last symbol and once for those that end in blank.
    """

    def __init__(self, log_probs: Floats, mask: npt.NDArray[np.bool_]) -> None:
        """log_probs (B, S · r, V), r readings of each state of a sentence, mask (B, S). Padding is read as blank for certain."""
        silence = np.full(log_probs.shape[2], IMPOSSIBLE)
        silence[BLANK] = 0
        is_read = mask.repeat(log_probs.shape[1] // mask.shape[1], 1)
        self.log_probs = np.where(is_read[:, :, None], log_probs, silence)
        self.sentences: Ids | None = None

    def follow(self, tokens: Ids, parents: Ids) -> None:
        """See `SecondScorer`; at the first call parents are sentences, and tokens <s>."""
        if self.sentences is None:
            self._start(parents)
            return
        self.sentences, self.last, self.prefix = self.sentences[parents], self.last[parents], self.prefix[parents]
        self.symbol, self.blank = self.symbol[parents], self.blank[parents]  # (N, S + 1) each
        self.prefix = self._reach(tokens[:, None])[:, 0]
        self._take(tokens)
        self.last = tokens

    def score(self, ids: Ids) -> Floats:
        """See `SecondScorer`; </s> is the log-probability that nothing more is read."""
        reached = self._reach(ids)
        whole = np.logaddexp(self.symbol[:, -1], self.blank[:, -1])
        reached = np.where(ids == EOS, whole[:, None], reached)
        return np.where(reached > IMPOSSIBLE / 2, np.maximum(reached - self.prefix[:, None], WORST), WORST).astype(np.float32)

    def _start(self, sentences: Ids) -> None:
        """The empty prefix: only blanks were read."""
        blanks = self.log_probs[sentences, :, BLANK].cumsum(1)
        self.sentences = sentences
        self.blank = np.concatenate([np.zeros((len(sentences), 1), np.float32), blanks], 1)
        self.symbol = np.full_like(self.blank, IMPOSSIBLE)
        self.prefix = np.zeros(len(sentences), np.float32)  # (N,) log-probability of all readings that begin so
        self.last = np.full(len(sentences), BLANK)

    def _open(self, repeated: npt.NDArray[np.bool_]) -> Floats:
        """After how many states a new symbol can begin, (N, ..., S): at once, but only behind a blank if it repeats the last one."""
        whole = np.logaddexp(self.symbol, self.blank)[:, :-1]
        return np.where(repeated[..., None], self.blank[:, None, :-1], whole[:, None])

    def _reach(self, ids: Ids) -> Floats:
        """The log-probability (N, k) of all readings that begin with the prefix and a symbol."""
        begins = self._open(ids == self.last[:, None]) + self._heard(ids)  # (N, k, S)
        highest = begins.max(2)
        return highest + np.log(np.exp(begins - highest[:, :, None]).sum(2))

    def _heard(self, ids: Ids) -> Floats:
        """The log-probability (N, k, S) of symbols at each state."""
        return np.take_along_axis(self.log_probs[self.sentences].transpose(0, 2, 1), ids[:, :, None], 1)

    def _take(self, tokens: Ids) -> None:
        """Alignments of the prefix and one more symbol, from those of the prefix."""
        begins, heard = self._open((tokens == self.last)[:, None])[:, 0], self._heard(tokens[:, None])[:, 0]
        silent = self.log_probs[self.sentences, :, BLANK]
        symbol, blank = np.full_like(self.symbol, IMPOSSIBLE), np.full_like(self.blank, IMPOSSIBLE)
        for place in range(heard.shape[1]):
            symbol[:, place + 1] = np.logaddexp(symbol[:, place], begins[:, place]) + heard[:, place]
            blank[:, place + 1] = np.logaddexp(blank[:, place], symbol[:, place]) + silent[:, place]
        self.symbol, self.blank = symbol, blank
