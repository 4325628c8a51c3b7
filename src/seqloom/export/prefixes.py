"""The CTC head's score in the graph's search: what `seqloom.ctc` computes in numpy as ONNX operators, for b open sentences × K rows."""

from __future__ import annotations

from dataclasses import dataclass

from seqloom import ctc
from seqloom.ctc import BLANK
from seqloom.export.graph import Graph, Loop
from seqloom.fields.vocabulary import EOS

__all__ = ["CARRIED", "Prefixes", "begin_prefixes", "heard_alone"]

IMPOSSIBLE, WORST = float(ctc.IMPOSSIBLE), float(ctc.WORST)

Names = dict[str, str]

CARRIED = ("alignments", "reached", "last")
"""What goes on from position to position; see `Prefixes`."""


def heard_alone(graph: Graph, log_probs: str, mask: str) -> str:
    """(B, V, S · r): the log-probability of each symbol at each reading, from log_probs (B, S · r, V), mask (B, S); padding is blank for
    certain.
    """
    readings = graph.Div(graph.Shape(log_probs, start=1, end=2), graph.Shape(mask, start=1, end=2))
    each = graph.Expand(graph.Unsqueeze(mask, [2]), graph.Concat([1, 1], readings, axis=0))
    is_read = graph.Reshape(each, graph.Concat(graph.Shape(mask, start=0, end=1), [-1], axis=0))
    is_blank = graph.Equal(graph.Range(0, graph.Squeeze(graph.Shape(log_probs, start=2)), 1), BLANK)
    silence = graph.Where(is_blank, 0.0, IMPOSSIBLE)
    return graph.Transpose(graph.Where(graph.Unsqueeze(is_read, [2]), log_probs, silence), perm=[0, 2, 1])


def begin_prefixes(graph: Graph, heard: str) -> Names:
    """What is carried of each sentence before its first symbol, from heard (B, V, S): only blanks were read."""
    silent = graph.CumSum(graph.Gather(heard, BLANK, axis=1), 1)  # (B, S)
    zeros = graph.Mul(graph.Slice(silent, [0], [1], [1]), 0.0)
    blank = graph.Concat(zeros, silent, axis=1)
    symbol = graph.Expand(IMPOSSIBLE, graph.Shape(blank))
    count = graph.Shape(heard, start=0, end=1)
    return {
        "alignments": graph.Concat(graph.Unsqueeze(symbol, [1]), graph.Unsqueeze(blank, [1]), axis=1),
        "reached": graph.Expand(0.0, count),
        "last": graph.Expand(BLANK, count),
    }


@dataclass
class Prefixes:
    """The prefixes of N = b·K rows at one position (Graves 2008, algorithm 1); see `seqloom.ctc.PrefixScorer`."""

    body: Graph
    heard: str
    """(b · V, S)"""
    begins: str
    """(N, 1): where the symbols of a row's sentence begin in `heard`."""
    alignments: str
    """(N, 2, S + 1): the log-probability of those that end in the last symbol, and of those that end in blank"""
    reached: str
    """(N,): the log-probability of all readings that begin with the prefix"""
    last: str
    """(N,): the last symbol"""

    @property
    def carried(self) -> Names:
        """What the next position needs."""
        return {name: getattr(self, name) for name in CARRIED}

    def follow(self, tokens: str, is_first: str) -> None:
        """Each row takes a symbol, tokens (N,); at the first position, where it is <s>, nothing changes."""
        body, column = self.body, self.body.Unsqueeze(tokens, [1])
        reached = body.Squeeze(self._reach(column), [1])
        taken = self._take(column)
        self.alignments = body.Where(is_first, self.alignments, taken)
        self.reached = body.Where(is_first, self.reached, reached)
        self.last = body.Where(is_first, self.last, tokens)

    def score(self, ids: str) -> str:
        """The log-probabilities (N, k) of the next symbols ids (N, k); of </s> that nothing more is read."""
        body = self.body
        whole = _sum(body, *(body.Gather(self._of(kind), -1, axis=1) for kind in (0, 1)))  # (N,)
        reached = body.Where(body.Equal(ids, EOS), body.Unsqueeze(whole, [1]), self._reach(ids))
        ahead = body.Max(body.Sub(reached, body.Unsqueeze(self.reached, [1])), WORST)
        return body.Where(body.Greater(reached, IMPOSSIBLE / 2), ahead, WORST)

    def _of(self, kind: int) -> str:
        """(N, S + 1): alignments that end in the last symbol (0) or in blank (1)."""
        return self.body.Gather(self.alignments, kind, axis=1)

    def _heard(self, ids: str) -> str:
        """(N, k, S): the log-probability of symbols ids (N, k) at each state."""
        return self.body.Gather(self.heard, self.body.Add(ids, self.begins))

    def _open(self, ids: str) -> str:
        """(N, k, S): after each state, whether symbols ids (N, k) can begin: at once, but behind a blank if they repeat the last one."""
        body = self.body
        symbol, blank = (body.Slice(self._of(kind), [0], [-1], [1]) for kind in (0, 1))
        repeated = body.Equal(ids, body.Unsqueeze(self.last, [1]))
        whole = _sum(body, symbol, blank)
        return body.Where(body.Unsqueeze(repeated, [2]), body.Unsqueeze(blank, [1]), body.Unsqueeze(whole, [1]))

    def _reach(self, ids: str) -> str:
        """(N, k): the log-probability of all readings that begin with the prefix and a symbol."""
        body = self.body
        begins = body.Add(self._open(ids), self._heard(ids))
        highest = body.ReduceMax(begins, axes=[2], keepdims=1)
        total = body.Log(body.ReduceSum(body.Exp(body.Sub(begins, highest)), [2], keepdims=0))
        return body.Add(body.Squeeze(highest, [2]), total)

    def _take(self, tokens: str) -> str:
        """(N, 2, S + 1): the alignments of the prefix and one more symbol, tokens (N, 1), state by state."""
        body = self.body
        silence = body.Mul(tokens, 0)  # the symbol is blank
        gains = body.Transpose(body.Concat(self._heard(tokens), self._heard(silence), axis=1), perm=[2, 1, 0])  # (S, 2, N)
        begins = body.Transpose(self._open(tokens), perm=[2, 1, 0])  # (S, 1, N)
        none = body.Add(body.Mul(body.Gather(gains, 0), 0.0), IMPOSSIBLE)  # (2, N)
        loop = Loop(
            body, {"both": none, "place": body.Identity(0)}, {"both": "float32", "place": "int64", "after": "float32"}, self._states
        )
        step = loop.body
        symbol = step.Slice(loop["both"], [0], [1], [0])
        come = step.Concat(step.Gather(begins, loop["place"]), symbol, axis=0)  # begun here, or gone on in silence
        both = step.Add(_sum(step, loop["both"], come), step.Gather(gains, loop["place"]))
        after = loop.finish({"both": both, "place": step.Add(loop["place"], 1)}, scanned={"after": both})["after"]
        return body.Transpose(body.Concat(body.Unsqueeze(none, [0]), after, axis=0), perm=[2, 1, 0])

    @property
    def _states(self) -> str:
        return self.body.Squeeze(self.body.Shape(self.heard, start=1))


def _sum(graph: Graph, one: str, other: str) -> str:
    """The logarithm of the sum of two numbers whose logarithms these are."""
    between = graph.Neg(graph.Abs(graph.Sub(one, other)))
    return graph.Add(graph.Max(one, other), graph.Softplus(between))
