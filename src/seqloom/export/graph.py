"""Putting ONNX graphs together: `graph.Add(a, b)` adds a node and gives back the name of its output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

__all__ = ["OPSET", "TYPES", "Graph", "Loop", "Value", "put", "reads_of", "tensor"]

OPSET = 17
"""Of 2022: every onnxruntime that people have runs it."""
TYPES = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT, "bool": TensorProto.BOOL}

TRUTHS = {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or", "Xor"}
"""Operators whose output is bool whatever goes in."""

Value = str | int | float | bool | Sequence[int] | np.ndarray[Any, Any]
"""The name of a tensor, or a constant: an int becomes int64, a float float32."""


class Graph:
    """A graph, or the body of a loop in one, under construction. Constants live in the outermost graph, each once."""

    def __init__(self, outer: Graph | None = None) -> None:
        self.inner = outer is not None
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = outer.constants if outer else {}
        self._names: list[int] = outer._names if outer else [0]

    def __getattr__(self, operator: str) -> Callable[..., str]:
        """The function that adds a node of one output: `graph.Add` for operator Add."""
        if not operator[0].isupper():
            raise AttributeError(operator)
        return lambda *inputs, **attributes: self.add(operator, 1, *inputs, **attributes)[0]

    def add(self, operator: str, count: int, *inputs: Value, **attributes: Any) -> list[str]:
        """Add a node of `count` outputs; their names."""
        outputs = [self.name(operator) for _ in range(count)]
        self.nodes.append(helper.make_node(operator, [self.constant(value) for value in inputs], outputs, **attributes))
        return outputs

    def call(self, value: str, name: str) -> None:
        """Give a tensor the name of an output."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def name(self, kind: str) -> str:
        """A name that no other tensor has."""
        self._names[0] += 1
        return f"{kind.lower()}_{self._names[0]}"

    def constant(self, value: Value) -> str:
        """The name of a tensor as it is; for a number or an array, that of a constant which holds it."""
        if isinstance(value, str):
            return value
        dtype = np.bool_ if isinstance(value, bool) else np.float32 if isinstance(value, float) else np.int64
        array = value if isinstance(value, np.ndarray) else np.asarray(value, dtype=dtype)
        name = f"constant_{array.dtype}_{list(array.shape)}_{array.tobytes().hex()}" if array.size < 8 else self.name("constant")
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def include(self, nodes: Iterable[NodeProto], names: dict[str, str], prefix: str) -> None:
        """Add nodes of another graph. `names` says which of our tensors theirs are, and is told what the new ones are called."""
        self.nodes += _renamed(nodes, names, prefix)

    def finish(self, name: str, inputs: Iterable[ValueInfoProto], outputs: Iterable[ValueInfoProto]) -> GraphProto:
        """The graph as it is now; the outermost one has the constants that are read, for onnxruntime warns of others."""
        read = set[str]() if self.inner else {name for node in self.nodes for name in _reads(node)}
        constants = [constant for constant in self.constants.values() if constant.name in read]
        return helper.make_graph(self.nodes, name, list(inputs), list(outputs), constants)


class Loop:
    """A loop under construction. It carries values by name: `loop[name]` is the value at the begin of a turn."""

    def __init__(self, graph: Graph, carried: Mapping[str, str], types: Mapping[str, str], turns: str = "") -> None:
        self.graph = graph
        self.body = Graph(graph)
        self.carried = dict(carried)
        self.types = types
        self.turns = turns
        self.inside = {name: graph.name(name) for name in carried}

    def __getitem__(self, name: str) -> str:
        return self.inside[name]

    def finish(self, after: Mapping[str, str], go_on: str = "", scanned: Mapping[str, str] | None = None) -> dict[str, str]:
        """Add the loop to its graph. `after` says what each carried value is after a turn; where they are found after the last one,
        and with them each scanned value, stacked along a new first axis.
        """
        self._move_out()
        made = {output for node in self.body.nodes for output in node.output}
        ends = [self._end(after[name], made) for name in self.carried]
        stacked = [self._end(value, made) for value in (scanned or {}).values()]
        flag = self._end(go_on, made) if go_on else self.body.Identity(True)
        inputs = [tensor(self.graph.name("turn"), "int64"), tensor(self.graph.name("go_on"), "bool")]
        inputs += [_untold(self.inside[name], self.types[name]) for name in self.carried]
        names = [*self.carried, *(scanned or {})]
        outputs = [tensor(flag, "bool"), *(_untold(end, self.types[name]) for name, end in zip(names, [*ends, *stacked], strict=True))]
        body = self.body.finish(self.graph.name("body"), inputs, outputs)
        results = self.graph.add("Loop", len(names), self.turns, "" if self.turns else True, *self.carried.values(), body=body)
        return dict(zip(names, results, strict=True))

    def _move_out(self) -> None:
        """Let what is the same in each turn, such as what is made of constants and of the source, be computed once, before the loop."""
        changing, every_turn = set(self.inside.values()), list[NodeProto]()
        for node in self.body.nodes:
            if _reads(node) & changing:
                changing.update(node.output)
                every_turn.append(node)
            else:
                self.graph.nodes.append(node)
        self.body.nodes[:] = every_turn

    def _end(self, value: str, made: set[str]) -> str:
        """The name under which the body gives the value: its own, if it is one of `made` that was not given before."""
        if value not in made:
            return self.body.Identity(value)
        made.remove(value)
        return value


def _untold(name: str, dtype: str) -> ValueInfoProto:
    """The declaration of a tensor whose shape is left open."""
    return helper.make_tensor_value_info(name, TYPES[dtype], None)


def _renamed(nodes: Iterable[NodeProto], names: dict[str, str], prefix: str) -> list[NodeProto]:
    """The nodes with their outputs prefixed, and all names of `names` put in, in the bodies of conditions and loops too.

    Casts of a constant or a truth to the type that it has are left out: onnxruntime does so itself, and warns where a loop reads one.
    """
    result: list[NodeProto] = []
    types: dict[str, int] = {}
    """Of constants and truths."""
    for node in nodes:
        if node.op_type in TRUTHS:
            types[node.output[0]] = TensorProto.BOOL
        if node.op_type == "Constant":
            types |= {output: value.t.data_type for output in node.output for value in node.attribute if value.name == "value"}
        if node.op_type == "Cast" and types.get(node.input[0]) == node.attribute[0].i:
            types[node.output[0]], names[node.output[0]] = types[node.input[0]], names[node.input[0]]
            continue
        renamed = NodeProto()
        renamed.CopyFrom(node)
        for attribute in renamed.attribute:
            if attribute.HasField("g"):
                inner = dict(names)
                body = _renamed(attribute.g.node, inner, prefix)
                for output in attribute.g.output:
                    output.name = inner[output.name]
                del attribute.g.node[:]
                attribute.g.node.extend(body)
        names |= {output: f"{prefix}/{output}" for output in node.output if output}
        renamed.name = ""
        renamed.input[:] = [names.get(name, name) for name in node.input]
        renamed.output[:] = [names.get(name, name) for name in node.output]
        result.append(renamed)
    return result


def tensor(name: str, dtype: str, *shape: str | int) -> ValueInfoProto:
    """The declaration of an input or output; an axis of unknown size has a name."""
    return helper.make_tensor_value_info(name, TYPES[dtype], list(shape))


def _reads(node: NodeProto) -> set[str]:
    """The tensors that a node reads, in its bodies too."""
    inner = {name for attribute in node.attribute for part in attribute.g.node for name in _reads(part) - set(part.output)}
    inner |= {output.name for attribute in node.attribute for output in attribute.g.output}
    made = {name for attribute in node.attribute for part in attribute.g.node for name in part.output}
    return {name for name in node.input if name} | (inner - made)


def reads_of(graph: GraphProto) -> Iterator[str]:
    """Each reading of a tensor in a finished graph, by its outputs and in its bodies too."""
    yield from (output.name for output in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from reads_of(attribute.g)


def put(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    """Give a finished graph these nodes and no others."""
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
