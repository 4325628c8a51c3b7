"""Recurrences over whole sequences as loops of plain operators.

ONNX has operators for them, but onnxruntime runs its LSTM three times slower than these loops, and can run it in float32 alone.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import GraphProto, NodeProto, helper

from seqloom.export.graph import Graph, tensor

__all__ = ["DOMAIN", "expand"]

DOMAIN = "seqloom.recurrence"
"""Of the nodes that stand for a recurrence in a traced graph: inputs (S, B, gates · W), weights (gates · W, W), biases (gates · W,), and
the states (B, W) that it begins with, where these are not zeros.
"""

Step = Callable[[Graph, str, str, list[str], int, str], list[str]]
"""What one position reads (B, gates · W) and the product of the state with the weights → the states after it."""


def expand(graph: GraphProto) -> GraphProto:
    """The graph with a loop in place of each node that stands for a recurrence."""
    made = Graph()
    nodes = [new for node in graph.node for new in (_loop(node, made) if node.domain == DOMAIN else [node])]
    result = helper.make_graph(nodes, graph.name, graph.input, graph.output, [*graph.initializer, *made.constants.values()])
    return result


def _loop(node: NodeProto, graph: Graph) -> list[NodeProto]:
    """The nodes that compute what `node` stands for."""
    read, weights, bias, *begin = node.input
    width = int(helper.get_node_attr_value(node, "width"))
    outer, body = Graph(graph), Graph(graph)
    turned = outer.Transpose(weights, perm=[1, 0])
    begin = begin or [outer.ConstantOfShape(outer.Concat(outer.Shape(read, start=1, end=2), [width], axis=0))] * len(node.output)
    before = [f"{output}.before" for output in node.output]
    now = f"{node.output[0]}.now"
    states = STEPS[node.op_type](body, now, body.MatMul(before[0], turned), before, width, bias)
    after = [body.Identity(state) for state in states]
    inputs = [tensor(name, "float32", "B", width) for name in before]
    outputs = [tensor(name, "float32", "B", width) for name in (*after, *states)]
    block = body.finish(f"{node.output[0]}.body", [*inputs, tensor(now, "float32", "B", "G")], outputs)
    ends = [f"{output}.end" for output in node.output]
    scan = helper.make_node("Scan", [*begin, read], [*ends, *node.output], body=block, num_scan_inputs=1)
    return [*outer.nodes, scan]


def _lstm(body: Graph, read: str, kept: str, before: list[str], width: int, bias: str) -> list[str]:
    gates = body.Add(kept, read)
    opened, new = body.add("Split", 2, gates, [3 * width, width], axis=1)
    enter, forget, leave = body.add("Split", 3, body.Sigmoid(opened), [width] * 3, axis=1)
    cell = body.Add(body.Mul(forget, before[1]), body.Mul(enter, body.Tanh(new)))
    return [body.Mul(leave, body.Tanh(cell)), cell]


def _gru(body: Graph, read: str, kept: str, before: list[str], width: int, bias: str) -> list[str]:
    read_gates, read_new = body.add("Split", 2, read, [2 * width, width], axis=1)
    kept_gates, kept_new = body.add("Split", 2, body.Add(kept, bias), [2 * width, width], axis=1)
    update, reset = body.add("Split", 2, body.Sigmoid(body.Add(read_gates, kept_gates)), [width] * 2, axis=1)
    new = body.Tanh(body.Add(read_new, body.Mul(reset, kept_new)))
    return [body.Add(new, body.Mul(update, body.Sub(before[0], new)))]


def _rnn(body: Graph, read: str, kept: str, before: list[str], width: int, bias: str) -> list[str]:
    return [body.Tanh(body.Add(kept, read))]


STEPS: dict[str, Step] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
