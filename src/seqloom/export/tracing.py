"""A trained network as two ONNX graphs: what is computed once a batch, and what is computed once a target position.

Any encoder, decoder and attention is traced as it is, with two things put differently: a recurrence over a whole sequence becomes the
operator of ONNX, and attention reads the memory of a sentence for its K hypotheses at once, so that the memory never stands K times.
"""

from __future__ import annotations

import copy
import io
import re
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import onnx
import torch
from onnx import GraphProto
from torch import Tensor, nn
from torch.nn import functional

from seqloom.errors import ConfigError
from seqloom.export.graph import OPSET
from seqloom.export.recurrence import DOMAIN, expand
from seqloom.nn.attention import Attention, Memory
from seqloom.nn.decoders import Decoded
from seqloom.nn.heads import Pointer, TokenHead
from seqloom.nn.layers import Recurrence, last_real
from seqloom.nn.seq2seq import Network

__all__ = [
    "BEAM",
    "GROUP",
    "LOOPS",
    "PAST",
    "SENTENCES",
    "SYMBOLS",
    "Prepare",
    "Traced",
    "TracedRecurrence",
    "example",
    "graph_of",
    "grown",
    "trace",
    "traceable",
    "tracing",
]

Traceable = TypeVar("Traceable", bound=Network)

GATES = {"lstm": (0, 1, 3, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""torch's gates so that those with a sigmoid stand together: input, forget, output, cell; update, reset, new."""
SENTENCES, BEAM, SYMBOLS, PAST = 3, 5, 7, 11
"""Sizes of the example that is traced: unlike each other and no 1, which a tracer takes for a constant."""


GROUP = 64
"""The best of a large vocabulary are looked for in groups of so many symbols."""
NEVER = -1e4
"""The score of a symbol that is never written."""


LOOPS = (
    "A Python loop over positions, and an `if` on values, in a part of yours are traced as they go for one example: write it as a function "
    "under @torch.jit.script, or without a loop (docs/own-parts.md)"
)
"""What to do where a graph is wrong that has parts of a user's."""


@dataclass(frozen=True)
class Traced:
    """Both graphs. Tensors of the memory and of the state have the same names in both."""

    prepare: GraphProto
    """source (B, S) ids or (B, S, D) frames, source_lengths (B,) → memory, and state of B rows as `first.NAME`"""
    step: GraphProto
    """tokens (N,), memory, state, copy_ids (B, S) for a pointer → log_probs (B, K, V), attention (B, K, S), state as `next.NAME`"""
    memory: tuple[str, ...]
    state: tuple[str, ...]
    points: bool
    """Whether there is an input `copy_ids`."""
    groups: int
    """Into how many groups of GROUP symbols the vocabulary can be cut; 0 where it cannot."""
    attends: bool
    """Whether there is an output `attention`: positive at real positions, 0 at padding."""
    frame: tuple[int, ...] = ()
    """The shape of a source position: (D,) for frames, () for ids."""
    hears: bool = False
    """Whether `prepare` has an output `ctc`, what the CTC head says of each state, (B, S, V)."""


def trace(network: Network) -> Traced:
    """The network as ONNX graphs; itself it stays as it is."""
    network = traceable(network, {Recurrence: TracedRecurrence, Attention: _ForBeams})
    if _has_groups(network):
        for head in [module for module in network.modules() if isinstance(module, TokenHead)]:
            _fill_up(network, head.project)
    prepare, inputs = Prepare(network), example(network)
    with tracing():
        memory, state = prepare.parts(*inputs.values())
        before = graph_of(prepare, inputs, [*memory, *(f"first.{name}" for name in state)])
        inputs = {"tokens": torch.full((SENTENCES * BEAM,), 4)} | memory
        inputs |= {name: grown(part.repeat_interleave(BEAM, 0)) for name, part in state.items()}
        if network.head.points:
            inputs["copy_ids"] = torch.full((SENTENCES, SYMBOLS), 4)
        step = _Step(network, tuple(memory), tuple(state))
        attends = step(*inputs.values())[1] is not None
        each = graph_of(step, inputs, ["log_probs", *(["attention"] if attends else []), *(f"next.{name}" for name in state)])
    used = {name for node in each.node for name in node.input}
    return Traced(
        before,
        each,
        tuple(name for name in memory if name in used),
        tuple(state),
        network.head.points,
        _groups(network),
        attends,
        network.source_frame,
        "ctc" in memory,
    )


def _groups(network: Network) -> int:
    return -(-network.target_size // GROUP) if _has_groups(network) else 0


def _has_groups(network: Network) -> bool:
    return network.target_size >= GROUP * GROUP and not network.head.points


def example(network: Network) -> dict[str, Tensor]:
    """Sources of unlike length and their lengths, with which a network is traced: so long that no axis of a state is of length 1."""
    longest, frame = SYMBOLS * network.stride, network.source_frame
    source = torch.full((SENTENCES, longest, *frame), 0.5 if frame else 4)
    return {"source": source, "source_lengths": torch.tensor([longest, longest - 2, longest - 1])}


def grown(state: Tensor) -> Tensor:
    """A state as it is in the middle of a search: what grows with the positions is no longer empty."""
    return state if state.numel() else state.new_zeros([size or PAST for size in state.shape])


class Prepare(nn.Module):
    """What is computed once a batch."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def parts(self, source: Tensor, lengths: Tensor) -> tuple[Memory, Memory]:
        """Memory and first state for sources (B, S) or (B, S, D) of lengths (B,)."""
        mask = torch.arange(source.shape[1]).unsqueeze(0) < lengths.unsqueeze(1)
        memory = self.network.prepare(source, mask)
        return memory, self.network.start(memory)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The same, one after the other."""
        memory, state = self.parts(source, lengths)
        return *memory.values(), *state.values()


class _Step(nn.Module):
    def __init__(self, network: Network, memory: tuple[str, ...], state: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.memory = memory
        self.state = state
        self.attentions = [part for part in network.modules() if isinstance(part, _ForBeams)]
        self.shared = {name for part in self.attentions for name in part.names}

    def forward(self, tokens: Tensor, *parts: Tensor) -> tuple[Tensor | None, ...]:
        memory = dict(zip(self.memory, parts, strict=False))
        state = dict(zip(self.state, parts[len(memory) :], strict=False))
        mask = memory["mask"]
        for attention in self.attentions:
            attention.mask = mask  # that of the memory is for a decoder that looks at the source by itself
        for name in memory:
            if not self._is_shared(name):
                memory[name] = _for_each_hypothesis(memory[name], tokens)
        decoded, after = self.network.decode(tokens.unsqueeze(1), memory, state, need_attention=True)
        decoded = _decoded_by_sentence(decoded, mask)
        log_probs, weights = self.network.head.log_probs(decoded, self._pointer(parts)), decoded.attention
        if weights is not None:
            weights = weights.clamp(min=1e-9) * mask.unsqueeze(1)
        return log_probs, weights, *(after[name] for name in self.state)

    def _is_shared(self, name: str) -> bool:
        """Whether this part of the memory stands once for all hypotheses of a sentence; layers and members stand around its name."""
        bare = name.rpartition(".")[2]
        layer = re.fullmatch(r"(.+)_\d+", bare)
        return bare in self.shared or (layer is not None and layer[1] in self.shared)

    def _pointer(self, parts: tuple[Tensor, ...]) -> Pointer | None:
        if not self.network.head.points:
            return None
        extra: Any = (parts[-1].max() + 1 - self.network.target_size).clamp(min=0)  # while traced, a tensor does as a number
        return Pointer(parts[-1], extra)


def _by_sentence(rows: Tensor, mask: Tensor) -> Tensor:
    """(N, 1, D) to (B, K, D). D is put down as a number, so that the shape need not be found out at every position."""
    return rows.reshape(mask.shape[0], -1, int(rows.shape[2]))


def _decoded_by_sentence(decoded: Decoded, mask: Tensor) -> Decoded:
    """What was decoded of N rows, of an ensemble by each member too, as that of B sentences."""
    weights = None if decoded.attention is None else decoded.attention.reshape(mask.shape[0], -1, mask.shape[1])
    members = tuple(_decoded_by_sentence(part, mask) for part in decoded.members)
    return Decoded(_by_sentence(decoded.hidden, mask), weights, members=members)


def _for_each_hypothesis(part: Tensor, tokens: Tensor) -> Tensor:
    """(B, ...) to (N, ...)."""
    count = part.shape[0]
    return part.unsqueeze(1).expand(count, tokens.shape[0] // count, *part.shape[1:]).flatten(0, 1)


# --------------------------------------------------------------------------------------- what is put differently


def traceable(network: Traceable, otherwise: Mapping[type[nn.Module], Callable[[Any], nn.Module]]) -> Traceable:
    """A copy in float32 in which the parts of some kinds are put differently, a part within another of its kind with that one."""
    network = copy.deepcopy(network).to("cpu", torch.float32).eval()
    within = {
        id(part)
        for kind in otherwise
        for whole in network.modules()
        if isinstance(whole, kind)
        for part in whole.modules()
        if part is not whole
    }
    children = [(parent, name, child) for parent in network.modules() for name, child in parent.named_children() if id(child) not in within]
    for parent, name, child in children:
        for kind, put in otherwise.items():
            if isinstance(child, kind):
                parent.add_module(name, put(child))
    return network


def _fill_up(network: Network, project: nn.Linear) -> None:
    """Add symbols that are never written, so that the vocabulary is a multiple of GROUP."""
    missing = -project.out_features % GROUP
    weight = nn.Parameter(functional.pad(project.weight.detach(), (0, 0, 0, missing)))
    for module in network.modules():
        if getattr(module, "weight", None) is project.weight and module is not project:
            module.weight = weight
    project.weight, project.bias = weight, nn.Parameter(functional.pad(project.bias.detach(), (0, missing), value=NEVER))


class _ForBeams(Attention):
    """An attention whose queries (N, 1, D) are those of K hypotheses a sentence, over a memory of B sentences."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        self.context_width = attention.context_width
        self.names: set[str] = set()
        """What it keeps in the memory."""
        self.mask: Tensor | None = None
        """That of the sentences (B, S), as it stands in the memory: a decoder gives that of its rows."""

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        memory = self.attention.prepare(states, mask)
        self.names.update(memory)
        return memory

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        mask = mask if self.mask is None else self.mask
        context, weights = self.attention(_by_sentence(query, mask), memory, mask, need_weights)
        return context.flatten(0, 1).unsqueeze(1), None if weights is None else weights.flatten(0, 1).unsqueeze(1)


class TracedRecurrence(nn.Module):
    """As `Recurrence`: over a sequence a node that `recurrence.expand` makes a loop of, for one position plain products."""

    def __init__(self, layer: Recurrence) -> None:
        super().__init__()
        self.cell, self.width, self.state_names = layer.cell, layer.width, layer.state_names
        weights = [layer.rnn.get_parameter(f"{name}_l0").detach() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        ordered = [torch.cat([part.split(layer.width)[gate] for gate in GATES[layer.cell]]) for part in weights]
        self.read, self.kept, self.read_bias, self.kept_bias = (nn.Parameter(part) for part in ordered)
        self.joint, self.bias = nn.Parameter(torch.cat(ordered[:2], 1)), nn.Parameter(ordered[2] + ordered[3])

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        if state is not None and inputs.shape[1] == 1:
            state = self.step(inputs[:, 0], state)
            return state[0].unsqueeze(1), state
        states = self.run(inputs, state)
        return states[0], tuple(part[:, -1] for part in states)

    def to_the_ends(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """See `Recurrence.to_the_ends`."""
        states = self.run(inputs)
        mask = torch.arange(inputs.shape[1]).unsqueeze(0) < lengths.unsqueeze(1)
        return states[0], tuple(last_real(part, mask) for part in states)

    def run(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> list[Tensor]:
        """The states (B, S, W) after each position, one for each name; from zeros where no state (B, W) is given."""
        bias = self.read_bias if self.cell == "gru" else self.bias
        read = functional.linear(inputs.transpose(0, 1), self.read, bias)  # (S, B, gates · W)
        return [part.transpose(0, 1) for part in _Loop.apply(read, self.kept, self.kept_bias, self.cell, self.width, *(state or ()))]

    def step(self, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The state after one position, from inputs (N, D)."""
        if self.cell == "gru":
            read = functional.linear(inputs, self.read, self.read_bias).split(self.width, 1)
            kept = functional.linear(state[0], self.kept, self.kept_bias).split(self.width, 1)
            update, reset = (torch.sigmoid(one + other) for one, other in zip(read[:2], kept[:2], strict=True))
            new = torch.tanh(read[2] + reset * kept[2])
            return (new + update * (state[0] - new),)
        gates = functional.linear(torch.cat([inputs, state[0]], 1), self.joint, self.bias)
        if self.cell == "rnn":
            return (torch.tanh(gates),)
        enter, forget, leave = torch.sigmoid(gates[:, : 3 * self.width]).split(self.width, 1)
        cell = forget * state[1] + enter * torch.tanh(gates[:, 3 * self.width :])
        return leave * torch.tanh(cell), cell


class _Loop(torch.autograd.Function):
    """A recurrence over what it reads (S, B, gates · W). Only traced: what it computes here is no more than the shapes."""

    @staticmethod
    def forward(ctx: Any, read: Tensor, kept: Tensor, bias: Tensor, cell: str, width: int, *begin: Tensor) -> tuple[Tensor, ...]:
        return tuple(read.new_zeros(*read.shape[:2], width) for _ in range(2 if cell == "lstm" else 1))

    @staticmethod
    def symbolic(g: Any, read: Any, kept: Any, bias: Any, cell: str, width: int, *begin: Any) -> Any:
        count = 2 if cell == "lstm" else 1
        made = g.op(f"{DOMAIN}::{cell.upper()}", read, kept, bias, *begin, width_i=width, outputs=count)
        for output in made if count > 1 else [made]:
            output.setType(read.type().with_sizes([None, None, width]))
        return made


def graph_of(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> GraphProto:
    """The trace of a module. Constants are not folded, so that each weight is stored once, under its name in the network.

    Raises:
        ConfigError: a part of a user's has an operator that ONNX lacks.
    """
    sizes = {SENTENCES, SENTENCES * BEAM, SYMBOLS, PAST}
    free = {name: [axis for axis, size in enumerate(part.shape) if size in sizes] for name, part in inputs.items()}
    free["source"] = [0, 1]
    file: Any = io.BytesIO()  # which the exporter takes and does not declare
    try:
        torch.onnx.export(
            module, tuple(inputs.values()), file, dynamo=False, opset_version=OPSET, do_constant_folding=False,
            input_names=list(inputs), output_names=outputs, dynamic_axes={name: free[name] for name in inputs},
        )  # fmt: skip
    except torch.onnx.errors.UnsupportedOperatorError as error:
        name = re.search(r"'(\S+?)'", str(error))
        what = f"the network has an operator that ONNX lacks, {name.group(1) if name else error}"
        raise ConfigError(f"export: {what}; expected one of operator set {OPSET}. Compute it otherwise in your part.") from error
    return expand(onnx.load_from_string(file.getvalue()).graph)


@contextmanager
def tracing() -> Generator[None]:
    """Without gradients, and without the warnings of this way of tracing, which is deprecated: the newer one unrolls a recurrence (pytorch
    #191855).
    """
    inner: Any = torch._C  # pyright: ignore[reportPrivateUsage]
    told = inner._jit_onnx_log
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner._jit_onnx_log = _nothing
        try:
            yield
        finally:
            inner._jit_onnx_log = told


def _nothing(*text: object) -> None:
    """In place of a page of text, the whole graph, on standard output where an operator is not known."""
