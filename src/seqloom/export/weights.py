"""Where the weights of a graph stand: in the loop that multiplies by them.

onnxruntime lays a constant weight out for its products once, when it loads a graph, but not for those of a loop within a loop where the
weight belongs to the graph around both: there it did so again at each position, which took four times as long as the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from seqloom.export.graph import put, reads_of

__all__ = ["settled"]

PRODUCTS = {"MatMul", "Gemm", "MatMulInteger"}


def settled(model: ModelProto) -> ModelProto:
    """The model with each weight that one loop alone multiplies by, and what is made of constants for it, inside that loop."""
    result = ModelProto()
    result.CopyFrom(model)
    for body in list(_bodies(result.graph)):
        _settle(result.graph, body)
    return result


def _settle(outer: GraphProto, body: GraphProto) -> None:
    """Move into the body what stands in the outermost graph for its products alone."""
    wanted = dict.fromkeys(node.input[1] for node in body.node if node.op_type in PRODUCTS)  # a set, in the same order each time
    readers, own = Counter(reads_of(outer)), Counter(name for node in body.node for name in node.input)
    constants = {part.name: part for part in outer.initializer}
    made = {name: node for node in outer.node for name in node.output}
    first: list[NodeProto] = []
    while wanted:
        name, _ = wanted.popitem()
        if readers[name] != own[name]:
            continue  # something else reads it too, or will turn out to be in the body as well
        if name in constants:
            body.initializer.append(constants[name])
            outer.initializer.remove(constants[name])
        elif _is_constant(name, made, constants) and len(made[name].output) == 1:
            node = NodeProto.FromString(made[name].SerializeToString())  # the graph's own is gone with the next line
            outer.node.remove(made[name])
            first.insert(0, node)
            own.update(node.input)
            wanted |= dict.fromkeys(node.input)
    put(body, [*first, *body.node])


def _is_constant(name: str, made: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]) -> bool:
    """Whether a tensor is a constant, or made of such alone."""
    return name in constants or (name in made and all(_is_constant(part, made, constants) for part in made[name].input))


def _bodies(graph: GraphProto) -> Iterator[GraphProto]:
    """The bodies of all loops and conditions, the inner ones before those around them."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _bodies(attribute.g)
                yield attribute.g
