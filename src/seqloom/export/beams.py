"""Beam search as ONNX operators: what `seqloom.search` does in numpy, in the same order, over b open sentences × K hypotheses.

Three loops. The innermost takes one position of all rows a turn. Around it, whenever a quarter of the sentences is done, these leave and
the others move together: so the memory of the source is seldom touched, and what is done costs little. The last walks back from each
result to its beginning: a hypothesis is a node that knows the node before it, so that no history is ever put in another order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, ValueInfoProto

from seqloom import search
from seqloom.ctc import WIDER
from seqloom.export.graph import TYPES, Graph, Loop, tensor
from seqloom.export.prefixes import CARRIED, Prefixes, begin_prefixes, heard_alone
from seqloom.export.tracing import GROUP, Traced, trace
from seqloom.fields.vocabulary import BOS, EOS, PAD
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.search import NEVER

__all__ = ["beam_graph"]

IMPOSSIBLE = float(search.IMPOSSIBLE)
NOTHING, LEAST = -3e38, -2e38
"""The score of no result, and one below that of every result."""

Names = dict[str, str]

NODES = ("symbols", "log_probs", "befores")
"""(n,) of each node: its symbol, its log-probability and the node before it. The first B·K are the beginnings."""
HYPOTHESES = ("tokens", "token_log_probs", "before", "parents", "sums")
"""(b, K) of each open hypothesis: its last symbol, that one's log-probability, the node before it, the row whose state it goes on from,
and the sum of its log-probabilities."""
RESULTS = ("scores", "nodes", "ends")
"""(b, K) of each result, best first: its score, its last node, and the log-probability of </s>."""
INTEGERS = {
    "time",
    "symbols",
    "befores",
    "tokens",
    "before",
    "parents",
    "nodes",
    "sentence",
    "prefix",
    "max_lengths",
    "copy_ids",
    "node",
    "last",
}


def beam_graph(network: Seq2Seq, never: Sequence[int] = NEVER) -> GraphProto:
    """The whole job as one graph; its inputs and outputs are told in docs/export.md. `never`: as for `seqloom.search.search`."""
    return _Assembly(trace(network), never).graph_of_all()


class _Assembly:
    def __init__(self, traced: Traced, never: Sequence[int]) -> None:
        self.traced = traced
        self.more = len(never) + 1
        """Candidates beside those that go on: </s>, and what may not be."""
        self.others_never = [symbol for symbol in never if symbol > EOS]
        self.graph = Graph()
        self.known: Names = {}
        """What the names of the traced step are called here: its constants and what is made of them."""
        self.types = dict.fromkeys(INTEGERS, "int64") | {"mask": "bool"}
        for part in (traced.prepare, traced.step):
            self.graph.constants.update((constant.name, constant) for constant in part.initializer)
            self.known |= {constant.name: constant.name for constant in part.initializer}

    def graph_of_all(self) -> GraphProto:
        graph, traced = self.graph, self.traced
        prepared = self.known | {"source": "source", "source_lengths": "source_lengths"}
        graph.include(traced.prepare.node, prepared, "encoder")
        self.beam = graph.Reshape("beam", [1])
        self.doubled = graph.Mul(self.beam, 2)
        self.kept = graph.Add(self.beam, self.more)  # a row's candidates
        self.reordered = graph.Mul(graph.Add(self.doubled, self.more), WIDER)  # those that CTC puts in another order, as in `seqloom.ctc`
        self.first_only = graph.Where(graph.Equal(graph.Range(0, graph.Add("beam", self.more), 1), 0), 0.0, IMPOSSIBLE)
        self.greedy = graph.Equal("beam", 1)
        self.attention_rows = graph.Where("want_attention", [2**62], [0])
        sentences = {name: prepared[name] for name in traced.memory} | self._limits()
        carried = self._begin(prepared) | {name: prepared[f"first.{name}"] for name in traced.state}
        if traced.hears:
            sentences["heard"] = heard_alone(graph, prepared["ctc"], prepared["mask"])
            carried |= begin_prefixes(graph, sentences["heard"])
        carried = sentences | carried
        found = self._sentences(sentences, carried)
        inputs = [
            tensor("source", "float32" if traced.frame else "int64", "B", "S", *traced.frame),
            tensor("source_lengths", "int64", "B"),
            tensor("beam", "int64"),
            tensor("max_lengths", "int64", "B"),
            tensor("min_length", "int64"),
            tensor("length_penalty", "float32"),
            tensor("coverage_penalty", "float32"),
            tensor("prefix", "int64", "B", "P"),
            tensor("want_attention", "bool"),
            *([tensor("copy_ids", "int64", "B", "S")] if traced.points else []),
            *([tensor("ctc_weight", "float32")] if traced.hears else []),
        ]
        return graph.finish("seqloom", inputs, self._answers(found))

    # -------------------------------------------------------------------------------------------------- the begin

    def _limits(self) -> Names:
        """What binds each sentence, and its place in the batch."""
        graph = self.graph
        self.count = graph.Shape("source", start=0, end=1)  # (1,): B
        nothing = graph.Expand(PAD, graph.Concat(self.count, [1], axis=0))
        limits = {"prefix": graph.Concat("prefix", nothing, axis=1), "max_lengths": graph.Identity("max_lengths")}
        limits["sentence"] = graph.Range(0, graph.Squeeze(self.count), 1)
        return limits | ({"copy_ids": graph.Identity("copy_ids")} if self.traced.points else {})

    def _begin(self, prepared: Names) -> Names:
        """One open hypothesis a sentence, <s>; no nodes and no results."""
        graph = self.graph
        shape = graph.Concat(self.count, self.beam, axis=0)
        rows = graph.Reshape(graph.Range(0, graph.Squeeze(self.count), 1), [-1, 1])
        begin = {
            "time": graph.Identity(0),
            "tokens": graph.Expand(BOS, shape),
            "token_log_probs": graph.Expand(0.0, shape),
            "before": graph.Expand(0, shape),
            "parents": graph.Expand(rows, shape),
            "sums": graph.Expand(graph.Slice(self.first_only, [0], self.beam), shape),
            "scores": graph.Expand(NOTHING, shape),
            "nodes": graph.Expand(0, shape),
            "ends": graph.Expand(0.0, shape),
        }
        empty = np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64)
        begin |= {name: graph.Identity(array) for name, array in zip(NODES, empty, strict=True)}
        if self.traced.attends:
            begin["looked"] = graph.ConstantOfShape(graph.Concat([0], graph.Shape(prepared["mask"], start=1), axis=0))  # (n, S) of nodes
            begin["coverage"] = graph.ConstantOfShape(graph.Shape(prepared["mask"]))  # (N, S) of the rows of the turn before
        return begin

    # ------------------------------------------------------------------------------------- sentences that are open

    def _sentences(self, sentences: Names, carried: Names) -> Names:
        """The loop in which sentences leave; what is found, in the order of the batch."""
        graph, traced = self.graph, self.traced
        none = graph.Concat([0], self.beam, axis=0)
        left = {f"all.{name}": graph.Expand(graph.Cast(0, to=_onnx(self._type(name))), none) for name in RESULTS}
        left["all.sentence"] = graph.Identity(np.zeros(0, np.int64))
        loop = Loop(graph, carried | left, {name: self._type(name) for name in carried | left})
        body = loop.body
        step_names = self.known | {name: loop[name] for name in traced.memory}
        if traced.points:
            step_names["copy_ids"] = loop["copy_ids"]
        inner = {name: loop[name] for name in carried if name not in sentences}
        turned = self._positions(body, inner, {name: loop[name] for name in sentences}, step_names)
        open_now = body.Reshape(body.Greater(_column(body, turned["sums"], 0), IMPOSSIBLE / 2), [-1])
        stay, gone = (body.Reshape(body.NonZero(flags), [-1]) for flags in (open_now, body.Not(open_now)))
        after = {name: body.Gather(loop[name], stay) for name in sentences}
        after |= {name: body.Gather(turned[name], stay) for name in (*HYPOTHESES, *RESULTS)}
        after |= {name: turned[name] for name in inner if name not in after}
        for name in RESULTS:
            after[f"all.{name}"] = body.Concat(loop[f"all.{name}"], body.Gather(turned[name], gone), axis=0)
        after["all.sentence"] = body.Concat(loop["all.sentence"], body.Gather(loop["sentence"], gone), axis=0)
        found = loop.finish(after, body.Greater(body.Size(stay), 0))
        places = graph.Range(0, graph.Squeeze(self.count), 1)
        order = graph.ScatterElements(graph.Expand(0, self.count), found["all.sentence"], places)
        return found | {name: graph.Gather(found[f"all.{name}"], order) for name in RESULTS}

    def _type(self, name: str) -> str:
        return self.types.get(name.removeprefix("all."), "float32")

    def _positions(self, outer: Graph, carried: Names, sentences: Names, step_names: Names) -> Names:
        """The loop over positions, until a quarter of the sentences is done."""
        self.rows = outer.Shape(sentences["max_lengths"])  # (1,): b
        many = outer.Squeeze(self.rows)
        self.row_begins = outer.Reshape(outer.Mul(outer.Range(0, many, 1), "beam"), [-1, 1])  # (b, 1)
        self.shape = outer.Concat(self.rows, self.beam, axis=0)
        begins = outer.Mul(outer.Range(0, outer.Mul(many, "beam"), 1), self.traced.groups)
        self.group_begins = outer.Reshape(begins, outer.Concat(self.shape, [1], axis=0))  # (b, K, 1)
        self.limits = sentences
        heard = self._heard(outer)
        loop = Loop(outer, carried, {name: self._type(name) for name in carried})
        body, after = loop.body, Names()
        base = body.Shape(loop["symbols"])
        for nodes, hypotheses in zip(NODES, HYPOTHESES[:3], strict=True):
            after[nodes] = body.Concat(loop[nodes], body.Reshape(loop[hypotheses], [-1]), axis=0)
        parents = body.Reshape(loop["parents"], [-1])
        names = step_names | {"tokens": body.Reshape(loop["tokens"], [-1])}
        names |= {name: body.Gather(loop[name], parents) for name in self.traced.state}
        body.include(self.traced.step.node, names, "step")
        after |= {name: names[f"next.{name}"] for name in self.traced.state}
        if self.traced.attends:
            looked = body.Flatten(names["attention"], axis=2)  # (N, S)
            after["looked"] = body.Concat(loop["looked"], body.Slice(looked, [0], self.attention_rows), axis=0)
            after["coverage"] = body.Add(body.Gather(loop["coverage"], parents), looked)
        prefixes = None
        if self.traced.hears:
            prefixes = Prefixes(body, **heard, **{name: body.Gather(loop[name], parents) for name in CARRIED})
            prefixes.follow(names["tokens"], body.Equal(loop["time"], 0))
            after |= prefixes.carried
        chosen = self._choose(body, loop, names["log_probs"], prefixes)
        after |= self._results(body, loop, chosen, base, after.get("coverage", ""))
        after |= self._going(body, loop, chosen, after["scores"], base)
        after["time"] = body.Add(loop["time"], 1)
        still = body.ReduceSum(body.Cast(body.Greater(_column(body, after["sums"], 0), IMPOSSIBLE / 2), to=_onnx("int64")), keepdims=0)
        return loop.finish(after, body.Greater(body.Mul(still, 4), body.Mul(many, 3)))

    def _heard(self, outer: Graph) -> Names:
        """What CTC hears at each state of the open sentences, (b · V, S), and where each row's sentence begins there, (b·K, 1)."""
        if not self.traced.hears:
            return {}
        heard = self.limits["heard"]
        size = outer.Shape(heard, start=1, end=2)
        begins = outer.Mul(outer.Range(0, outer.Squeeze(self.rows), 1), size)
        begins = outer.Expand(outer.Unsqueeze(begins, [1]), self.shape)
        flat = outer.Reshape(heard, outer.Concat([-1], outer.Shape(heard, start=2), axis=0))
        return {"heard": flat, "begins": outer.Reshape(begins, [-1, 1])}

    # ------------------------------------------------------------------------------------------------ one position

    def _choose(self, body: Graph, loop: Loop, log_probs: str, prefixes: Prefixes | None) -> Names:
        """The 2K best ways on, (b, 2K) each: `sums`, `origin` (the hypothesis it comes from), `symbols`, `log_probs`, `ends`, `alive`."""
        kept = body.Min(self.kept, body.Shape(log_probs, start=2))
        given = body.Gather(
            self.limits["prefix"], body.Min(loop["time"], body.Sub(body.Squeeze(body.Shape(self.limits["prefix"], start=1)), 1)), axis=1
        )
        forced = body.Reshape(body.Where(body.GreaterOrEqual(loop["time"], self.limits["max_lengths"]), EOS, given), [-1, 1, 1])
        free = body.Equal(forced, PAD)
        wanted = body.Expand(body.Where(free, EOS, forced), body.Concat(self.shape, [1], axis=0))
        best, ids, only = self._candidates(body, log_probs, wanted, kept, prefixes)
        best = body.Where(body.Less(ids, body.Where(body.Less(loop["time"], "min_length"), EOS + 1, EOS)), IMPOSSIBLE, best)
        for symbol in self.others_never:
            best = body.Where(body.Equal(ids, symbol), IMPOSSIBLE, best)
        only = body.Add(only, body.Slice(self.first_only, [0], kept))
        best, ids = body.Where(free, best, only), body.Where(free, ids, forced)
        sums = body.Add(body.Unsqueeze(loop["sums"], [2]), body.Max(best, IMPOSSIBLE))
        sums, places = body.add("TopK", 2, body.Flatten(sums, axis=1), self.doubled)
        symbols = body.GatherElements(body.Flatten(ids, axis=1), places, axis=1)
        return {
            "sums": sums,
            "origin": body.Div(places, kept),
            "symbols": symbols,
            "log_probs": body.GatherElements(body.Flatten(best, axis=1), places, axis=1),
            "ends": body.Equal(symbols, EOS),
            "alive": body.Greater(sums, IMPOSSIBLE / 2),
        }

    def _candidates(self, body: Graph, log_probs: str, wanted: str, kept: str, prefixes: Prefixes | None) -> tuple[str, str, str]:
        """The k best symbols of each hypothesis, their scores and ids (b, K, k), and the score of the one that is wanted (b, K, 1): the
        decoder's, or with CTC beside it as `seqloom.ctc.JointStepper` has them.
        """
        only = body.GatherElements(log_probs, wanted, axis=2)
        if prefixes is None:
            return *self._best(body, log_probs, kept), only
        best, ids = self._best(body, log_probs, body.Min(self.reordered, body.Shape(log_probs, start=2)))
        asked = body.Concat(ids, wanted, axis=2)
        heard = body.Reshape(prefixes.score(body.Flatten(asked, axis=2)), body.Shape(asked))
        decoded = body.Mul(body.Concat(best, only, axis=2), body.Sub(1.0, "ctc_weight"))
        joint = body.Add(decoded, body.Mul(heard, "ctc_weight"))
        best, places = body.add("TopK", 2, body.Slice(joint, [0], [-1], [2]), kept)
        return best, body.GatherElements(ids, places, axis=2), body.Slice(joint, [-1], [2**62], [2])

    def _best(self, body: Graph, log_probs: str, kept: str) -> tuple[str, str]:
        """The k best of log_probs (b, K, V) and their symbols, (b, K, k) each. Of many symbols they are looked for in the k best groups,
        which is four times as fast.
        """
        if not self.traced.groups:
            best, ids = body.add("TopK", 2, log_probs, kept)
            return best, ids
        rows = body.Reshape(log_probs, [-1, GROUP])  # (N · groups, GROUP)
        groups = body.Reshape(body.ReduceMax(rows, axes=[1], keepdims=0), body.Concat(self.shape, [self.traced.groups], axis=0))
        _, places = body.add("TopK", 2, groups, body.Min(kept, [self.traced.groups]), sorted=0)
        chosen = body.Gather(rows, body.Add(places, self.group_begins))  # (b, K, k, GROUP)
        best, within = body.add("TopK", 2, body.Reshape(chosen, [0, 0, -1]), kept)
        return best, body.Add(body.Mul(body.GatherElements(places, body.Div(within, GROUP), axis=2), GROUP), body.Mod(within, GROUP))

    def _results(self, body: Graph, loop: Loop, chosen: Names, base: str, coverage: str) -> Names:
        """The K best results so far, those that end now among them."""
        ended, sums, origin, ends = (
            body.Slice(part, [0], self.beam, [1])
            for part in (body.And(chosen["ends"], chosen["alive"]), chosen["sums"], chosen["origin"], chosen["log_probs"])
        )
        self.divisor = body.Pow(body.Cast(body.Add(loop["time"], 1), to=_onnx("float32")), "length_penalty")
        whole = body.Add(sums, body.GatherElements(self._coverage(body, coverage), origin, axis=1)) if coverage else sums
        scores = body.Div(whole, self.divisor)
        now = {
            "scores": body.Where(ended, scores, NOTHING),
            "nodes": body.Add(body.Add(origin, self.row_begins), base),
            "ends": ends,
        }
        both = {name: body.Concat(loop[name], now[name], axis=1) for name in RESULTS}
        scores, places = body.add("TopK", 2, both["scores"], self.beam)
        return {"scores": scores} | {name: body.GatherElements(both[name], places, axis=1) for name in RESULTS[1:]}

    def _coverage(self, body: Graph, coverage: str) -> str:
        """(b, K): the penalty of Wu et al. 2016, eq. 14, for the attention so far (N, S)."""
        seen = body.Reshape(coverage, body.Concat(self.shape, [-1], axis=0))
        logs = body.Where(body.Unsqueeze(self.limits["mask"], [1]), body.Log(body.Min(seen, 1.0)), 0.0)
        return body.Mul(body.ReduceSum(logs, [2], keepdims=0), "coverage_penalty")

    def _going(self, body: Graph, loop: Loop, chosen: Names, scores: str, base: str) -> Names:
        """The K best hypotheses that go on; none of a sentence whose results cannot be bettered."""
        stops = body.Or(chosen["ends"], body.Not(chosen["alive"]))
        sums, places = body.add("TopK", 2, body.Where(stops, IMPOSSIBLE, chosen["sums"]), self.beam)
        symbols, origin, log_probs = (body.GatherElements(chosen[name], places, axis=1) for name in ("symbols", "origin", "log_probs"))
        best = _column(body, sums, 0)
        hope = body.Where(self.greedy, LEAST, body.Div(best, self.divisor))
        is_open = body.And(body.Greater(best, IMPOSSIBLE / 2), body.Less(_column(body, scores, -1), hope))
        parents = body.Add(origin, self.row_begins)
        return {
            "tokens": symbols,
            "token_log_probs": log_probs,
            "before": body.Add(parents, base),
            "parents": parents,
            "sums": body.Where(is_open, sums, IMPOSSIBLE),
        }

    # -------------------------------------------------------------------------------------------------- the answers

    def _answers(self, found: Names) -> list[ValueInfoProto]:
        """Walks back from the results; the declarations of the outputs."""
        graph = self.graph
        loop = Loop(graph, {"node": found["nodes"]}, {"node": "int64", "walked": "int64"}, turns=found["time"])
        walked = loop.finish({"node": loop.body.Gather(found["befores"], loop["node"])}, scanned={"walked": loop["node"]})["walked"]
        walked = graph.Transpose(walked, perm=[1, 2, 0])  # (B, K, T): the last node first
        real = graph.GreaterOrEqual(walked, graph.Mul(self.count, self.beam))
        is_found = graph.Greater(found["scores"], LEAST)
        longest = graph.Add(graph.ReduceSum(graph.Cast(real, to=_onnx("int64")), [2], keepdims=0), 1)
        graph.call(graph.Mul(longest, graph.Cast(is_found, to=_onnx("int64"))), "lengths")
        end = graph.Sub(graph.Unsqueeze("lengths", [2]), graph.Range(0, found["time"], 1))  # 1 at </s>, more before, less after
        at = graph.GatherElements(walked, graph.Max(graph.Sub(end, 2), 0), axis=2)
        is_symbol, is_end = graph.Greater(end, 1), graph.Equal(end, 1)
        ids = graph.Where(is_symbol, graph.Gather(found["symbols"], at), graph.Where(is_end, EOS, PAD))
        log_probs = graph.Where(is_end, graph.Unsqueeze(found["ends"], [2]), 0.0)
        log_probs = graph.Where(is_symbol, graph.Gather(found["log_probs"], at), log_probs)
        outputs = {"ids": ids, "scores": graph.Identity(found["scores"]), "token_log_probs": log_probs}
        if self.traced.attends:
            from_node = graph.GatherElements(walked, graph.Max(graph.Sub(end, 1), 0), axis=2)
            asked = graph.Slice(from_node, [0], self.attention_rows, [2])
            outputs["attention"] = graph.Gather(found["looked"], asked)
        for name, value in outputs.items():
            graph.call(value, name)
        declared = {"ids": ("int64", "T"), "scores": ("float32",), "token_log_probs": ("float32", "T"), "attention": ("float32", "T", "S")}
        return [
            tensor("lengths", "int64", "B", "K"),
            *(tensor(name, kind, "B", "K", *axes) for name, (kind, *axes) in declared.items() if name in outputs),
        ]


def _column(graph: Graph, table: str, number: int) -> str:
    """(b, 1): one column of (b, K)."""
    return graph.Slice(table, [number], [number + 1 or 2**62], [1])


def _onnx(dtype: str) -> int:
    return int(TYPES[dtype])
