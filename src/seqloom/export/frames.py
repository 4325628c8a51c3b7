"""A target of frames as ONNX operators: in one go, or frame by frame in a loop, as `seqloom.numbers.rollout` does in numpy."""

from __future__ import annotations

import torch
from onnx import GraphProto, ValueInfoProto
from torch import Tensor, nn

from seqloom.export.graph import Graph, Loop, tensor
from seqloom.export.tracing import PAST, SENTENCES, Prepare, TracedRecurrence, example, graph_of, grown, traceable, tracing
from seqloom.nn.attention import Memory
from seqloom.nn.decoders import RecurrentDecoder
from seqloom.nn.layers import Recurrence
from seqloom.nn.seq2seq import Seq2Seq

__all__ = ["frame_graph"]


def frame_graph(network: Seq2Seq) -> GraphProto:
    """The whole job as one graph; its inputs and outputs are told in docs/export.md."""
    decoder = network.decoder
    is_free = isinstance(decoder, RecurrentDecoder) and not decoder.input_feeding  # of others a trace knows the example's length alone
    network = traceable(network, {Recurrence: TracedRecurrence})
    return _at_once(network) if network.direct and is_free else _one_by_one(network)


def _at_once(network: Seq2Seq) -> GraphProto:
    """All frames of a model that is never shown what it said."""
    inputs = example(network) | {"known": torch.full((SENTENCES, PAST, network.known), 0.5)}
    with tracing():
        traced = graph_of(_Whole(network), inputs, ["said"])
    graph, names = Graph(), {name: name for name in [*inputs, *(part.name for part in traced.initializer)]}
    graph.constants.update((part.name, part) for part in traced.initializer)
    graph.include(traced.node, names, "network")
    return _finished(graph, network, names["said"], "max_lengths")


def _one_by_one(network: Seq2Seq) -> GraphProto:
    """A frame a turn, each shown to the model before the next, until every row has come to its length or said that it is done."""
    inputs = example(network) | {"known": torch.full((SENTENCES, PAST, network.known), 0.5)}
    first = _First(network)
    with tracing():
        memory, state = first.parts(*inputs.values())
        prepare = graph_of(first, inputs, [*memory, *(f"first.{name}" for name in state)])
        shown = {"frame": torch.full((SENTENCES, network.target_size + network.known), 0.5)} | memory
        shown |= {name: grown(part) for name, part in state.items()}
        outputs = ["said", "point", "stops", *(f"next.{name}" for name in state)]
        step = graph_of(_Next(network, tuple(memory), tuple(state)), shown, outputs)
    graph = Graph()
    for part in (prepare, step):
        graph.constants.update((constant.name, constant) for constant in part.initializer)
    names = {name: name for name in [*inputs, *graph.constants]}
    graph.include(prepare.node, names, "encoder")
    rows = graph.Shape("source", start=0, end=1)
    carried = {name: names[f"first.{name}"] for name in state} | {
        "time": graph.Identity(0),
        "before": graph.ConstantOfShape(graph.Concat(rows, [network.target_size], axis=0)),
        "ends": graph.Identity("max_lengths"),
    }
    types = dict.fromkeys([*carried, "values"], "float32") | {"time": "int64", "ends": "int64"}
    loop = Loop(graph, carried, types, turns=graph.Squeeze(graph.Shape("known", start=1, end=2)))
    body = loop.body
    frame = body.Concat(loop["before"], body.Gather("known", loop["time"], axis=1), axis=1)
    inside = names | {"frame": frame} | {name: loop[name] for name in state}
    body.include(step.node, inside, "step")
    time = body.Add(loop["time"], 1)
    ended = body.And(body.Greater(inside["stops"], 0.5), body.Greater(loop["ends"], time))
    ends = body.Where(ended, time, loop["ends"])
    after = {name: inside[f"next.{name}"] for name in state} | {"time": time, "before": inside["point"], "ends": ends}
    found = loop.finish(after, body.Less(time, body.ReduceMax(ends, keepdims=0)), scanned={"values": inside["said"]})
    return _finished(graph, network, graph.Transpose(found["values"], perm=[1, 0, 2, 3]), found["ends"])


def _finished(graph: Graph, network: Seq2Seq, values: str, lengths: str) -> GraphProto:
    graph.call(values, "values")
    graph.call(lengths, "lengths")
    inputs = [
        tensor("source", "float32" if network.source_frame else "int64", "B", "S", *network.source_frame),
        tensor("source_lengths", "int64", "B"),
        tensor("known", "float32", "B", "T", network.known),
        tensor("max_lengths", "int64", "B"),
    ]
    return graph.finish("seqloom", inputs, _outputs(network))


def _outputs(network: Seq2Seq) -> list[ValueInfoProto]:
    parameters = network.head.parameters_each
    return [tensor("values", "float32", "B", "T", network.target_size, parameters), tensor("lengths", "int64", "B")]


class _First(Prepare):
    """What is computed once a batch; the linear path goes on in zeros, so that it never comes to its end."""

    def parts(self, source: Tensor, lengths: Tensor, known: Tensor) -> tuple[Memory, Memory]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Memory and first state for sources (B, S, D) of lengths (B,), and what is known of each target frame (B, T, C)."""
        memory, state = super().parts(source, lengths)
        memory.pop("ahead", None)
        if "ahead" in state:
            more = known.new_zeros(known.shape[0], known.shape[1], self.network.target_size)
            state["ahead"] = torch.cat([state["ahead"], more], 1)
        return memory, state

    def forward(self, source: Tensor, lengths: Tensor, known: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The same, one after the other."""
        memory, state = self.parts(source, lengths, known)
        return *memory.values(), *state.values()


class _Whole(nn.Module):
    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        self.network = network
        self.first = _First(network)

    def forward(self, source: Tensor, lengths: Tensor, known: Tensor) -> Tensor:
        memory, state = self.first.parts(source, lengths, known)
        before = known.new_zeros(known.shape[0], known.shape[1], self.network.target_size)
        decoded, _ = self.network.decode(torch.cat([before, known], 2), memory, state)
        return self.network.head.values(decoded)


class _Next(nn.Module):
    def __init__(self, network: Seq2Seq, memory: tuple[str, ...], state: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.memory, self.state = network, memory, state

    def forward(self, frame: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        memory = dict(zip(self.memory, parts, strict=False))
        state = dict(zip(self.state, parts[len(memory) :], strict=False))
        decoded, after = self.network.decode(frame.unsqueeze(1), memory, state)
        head, values = self.network.head, self.network.head.values(decoded)
        stops = torch.zeros_like(frame[:, 0]) if self.network.direct else head.stops(decoded).squeeze(1)
        return values.squeeze(1), head.point(values).squeeze(1), stops, *(after[name] for name in self.state)
