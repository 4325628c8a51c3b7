"""Weights as whole numbers of 8 bits: a quarter of the size, and products several times as fast.

A product x W becomes s · (q W_q) · c: q holds each row of x, divided by its own largest value, in 8 bits; W_q each column of W, divided by
its own largest; s and c are those divisors. As each row of x has its own, an answer does not depend on what else is asked with it. Only
operators of ONNX itself are used, in the bodies of loops too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from seqloom.export.graph import put, reads_of

__all__ = ["quantized"]

SMALLEST = 2048
"""Weights of fewer numbers stay as they are."""
STEPS = 63
"""Weights are -63 to 63 and not -127 to 127: then a pair of products fits into 16 bits, in which older processors add them up."""
LEAST = 1e-12
"""Rows of zeros are divided by this."""

Weights = npt.NDArray[np.float32]


def quantized(model: ModelProto) -> ModelProto:
    """The model with its larger weights in 8 bits."""
    result = ModelProto()
    result.CopyFrom(model)
    _Quantizer(result.graph).run()
    return result


class _Quantizer:
    def __init__(self, graph: GraphProto) -> None:
        self.graph = graph
        self.weights = {part.name: part for part in graph.initializer if len(part.dims) == 2 and np.prod(part.dims) >= SMALLEST}
        self.turned = {
            node.output[0]: node.input[0] for node in graph.node if node.op_type == "Transpose" and node.input[0] in self.weights
        }
        self.constants: dict[str, TensorProto] = {}
        self.first: list[NodeProto] = []
        """Nodes before all others."""
        self.rows: set[str] = set()
        """The activations of the graph at hand that are quantised already."""

    def run(self) -> None:
        self._constant("int8.least", np.asarray(LEAST, np.float32))
        self._constant("int8.two_rows", np.array([0, 0, 2, 0]))
        self._rewrite(self.graph)
        put(self.graph, [*self.first, *self.graph.node])
        self.graph.initializer.extend(self.constants.values())
        _forget_unused(self.graph)

    def _rewrite(self, graph: GraphProto) -> None:
        self.rows = set()
        put(graph, [made for node in list(graph.node) for made in self._replace(node)])
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self._rewrite(attribute.g)

    def _replace(self, node: NodeProto) -> Iterator[NodeProto]:
        if node.op_type == "MatMul" and (name := self.turned.get(node.input[1])):
            yield from self._product(node.input[0], name, node.output[0])
        elif node.op_type == "Gemm" and node.input[1] in self.weights and _is_plain(node):
            inner = f"{node.output[0]}.product"
            yield from self._product(node.input[0], node.input[1], inner)
            yield helper.make_node("Add", [inner, node.input[2]], node.output)
        elif node.op_type == "Gather" and node.input[0] in self.weights:
            yield from self._rows_of(node)
        else:
            yield node

    def _product(self, inputs: str, name: str, output: str) -> Iterator[NodeProto]:
        """inputs (..., K) times the transpose of weights (M, K)."""
        yield from self._quantize(inputs)
        rows, step, zero_point, divisors = (f"{inputs}.{name}" for name in ("rows", "step", "zero_point", "divisors"))
        columns, factors = self._weights(name)
        yield helper.make_node("MatMulInteger", [rows, columns, zero_point], [f"{output}.sums"])
        yield helper.make_node("Cast", [f"{output}.sums"], [f"{output}.numbers"], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [step, factors], [f"{output}.factors"])
        yield helper.make_node("Mul", [f"{output}.numbers", f"{output}.factors"], [f"{output}.scaled"])
        yield helper.make_node("Mul", [f"{output}.scaled", divisors], [output])

    def _quantize(self, inputs: str) -> Iterator[NodeProto]:
        """Each row of activations (..., K) divided by its largest value and rounded. Two values more, 1 and -1, make the range of every
        batch the same; the weights are zero there. So written, onnxruntime makes one operator of rounding and product.
        """
        if inputs in self.rows:
            return
        self.rows.add(inputs)
        names = "sizes", "largest", "divisors", "negative", "wide", "parts", "rows", "step", "zero_point"
        sizes, largest, divisors, negative, wide, parts, rows, step, zero_point = (f"{inputs}.{name}" for name in names)
        yield helper.make_node("Abs", [inputs], [sizes])
        yield helper.make_node("ReduceMax", [sizes], [largest], axes=[-1], keepdims=1)
        yield helper.make_node("Max", [largest, "int8.least"], [divisors])
        yield helper.make_node("Neg", [divisors], [negative])
        yield helper.make_node("Concat", [inputs, divisors, negative], [wide], axis=-1)
        yield helper.make_node("Div", [wide, divisors], [parts])
        yield helper.make_node("DynamicQuantizeLinear", [parts], [rows, step, zero_point])

    def _rows_of(self, node: NodeProto) -> Iterator[NodeProto]:
        """Some rows of an embedding."""
        name, ids, output = node.input[0], node.input[1], node.output[0]
        self._weights(name)
        yield helper.make_node("Gather", [f"{name}.int8", ids], [f"{output}.int8"])
        yield helper.make_node("Cast", [f"{output}.int8"], [f"{output}.numbers"], to=TensorProto.FLOAT)
        yield helper.make_node("Gather", [f"{name}.steps", ids], [f"{output}.steps"])
        yield helper.make_node("Mul", [f"{output}.numbers", f"{output}.steps"], [output])

    def _weights(self, name: str) -> tuple[str, str]:
        """The names of weights (K + 2, M), and of what their columns have to be multiplied by."""
        whole, steps, turned, columns, factors = (f"{name}.{part}" for part in ("int8", "steps", "turned", "columns", "factors"))
        if whole not in self.constants:
            weights: Weights = numpy_helper.to_array(self.weights[name])
            sizes = np.maximum(np.abs(weights).max(1, keepdims=True) / STEPS, LEAST).astype(np.float32)  # (M, 1)
            self._constant(whole, np.round(weights / sizes).astype(np.int8))
            self._constant(steps, sizes)
            self._constant(factors, sizes[:, 0])
            self.first.append(helper.make_node("Transpose", [whole], [turned], perm=[1, 0]))
            self.first.append(helper.make_node("Pad", [turned, "int8.two_rows"], [columns]))
        return columns, factors

    def _constant(self, name: str, array: npt.NDArray[np.generic]) -> None:
        self.constants[name] = numpy_helper.from_array(array, name)


def _is_plain(node: NodeProto) -> bool:
    """Whether a Gemm is inputs · weightsᵀ + bias."""
    settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return settings.get("transB") == 1 and not settings.get("transA") and settings.get("alpha", 1.0) == settings.get("beta", 1.0) == 1.0


def _forget_unused(graph: GraphProto) -> None:
    """Drop nodes and constants that nothing reads."""
    while True:
        read = set(reads_of(graph))
        kept = [node for node in graph.node if read & set(node.output)]
        if len(kept) == len(graph.node):
            break
        put(graph, kept)
    constants = [part for part in graph.initializer if part.name in read]
    del graph.initializer[:]
    graph.initializer.extend(constants)
