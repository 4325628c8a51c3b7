"""Decoders: target vectors and the encoded source to decoder states.

One contract, for training and search alike::

    memory = decoder.prepare(encoded)                  dict of tensors, batch first: all that depends on the source alone; never changes
    state  = decoder.start(memory)                     dict of tensors, batch first: what changes from position to position
    output, state = decoder(inputs (B, T, D), memory, state)     T is the whole target in training and 1 in search

Following the beams of a search is `index_select(0, parents)` on every tensor of the state, for every decoder alike. A new decoder is a
config class in `config/model.py`, a module here and an entry in DECODERS; one of a user's is registered by `seqloom.parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from seqloom import config
from seqloom.nn.attention import Attention, join_heads, make_attention, read_heads, split_heads
from seqloom.nn.dropout import Dropout, draw_mask
from seqloom.nn.encoders import Encoded
from seqloom.nn.layers import FeedForward, Recurrence, positions
from seqloom.nn.products import Linear

__all__ = ["DECODERS", "Decoded", "Decoder", "joined", "make_decoder"]

Memory = dict[str, Tensor]
State = dict[str, Tensor]


class Decoded(NamedTuple):
    """What a decoder says of some target positions."""

    hidden: Tensor
    """(B, T, D)"""
    attention: Tensor | None
    """(B, T, S), where asked for and where the attention has any."""
    base: Tensor | None = None
    """(B, T, D): for frames, what the linear path says."""
    members: tuple[Decoded, ...] = ()
    """What each network of an ensemble says."""


def joined(parts: Sequence[Decoded]) -> Decoded:
    """The positions of all the parts, one after the other."""
    weights = [part.attention for part in parts if part.attention is not None]
    base = [part.base for part in parts if part.base is not None]
    hidden = torch.cat([part.hidden for part in parts], 1)
    return Decoded(hidden, torch.cat(weights, 1) if weights else None, torch.cat(base, 1) if base else None)


class Decoder(nn.Module):
    """The contract above; `width` is the width D of the hidden states."""

    width: int
    gives_weights: bool | None = None
    """Whether it says where it looks, found out of a user's when it is made; None: as its attention does."""

    @property
    def attends(self) -> bool:
        """Whether it says where it looks."""
        if self.gives_weights is not None:
            return self.gives_weights
        return all(part.gives_weights for part in self.modules() if isinstance(part, Attention))

    def prepare(self, encoded: Encoded) -> Memory:
        raise NotImplementedError

    def start(self, memory: Memory) -> State:
        raise NotImplementedError

    def forward(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        raise NotImplementedError


class RecurrentDecoder(Decoder):
    """LSTM, GRU or plain recurrence over the whole target in one go, and attention: tanh(W [state; context]) (Luong et al. 2015, eq. 5).

    It follows the last layer, or the first: then the layers above run over what was attended to, and so know what was read before, as
    those of Wu et al. 2016 do. With input feeding the first knows it too, and the same code runs one position at a time.
    """

    def __init__(self, config: config.RecurrentDecoder, attention: Any, inputs: int, encoder: int, dropout: float) -> None:
        super().__init__()
        self.width = config.width
        self.residual = config.residual
        self.variational = config.variational
        self.input_feeding = config.input_feeding
        self.attends_after = 0 if config.attend_after == "first" else config.layers - 1
        widths = [inputs + (config.width if config.input_feeding else 0)] + [config.width] * (config.layers - 1)
        layers = nn.ModuleList(Recurrence(config.cell, width, config.width) for width in widths)
        self.layers = cast("Sequence[Recurrence]", layers)  # a ModuleList does not say what it holds
        self.names = self.layers[0].state_names
        self.bridge = nn.ModuleDict()
        if config.start == "bridge":
            self.bridge.update({name: Linear(encoder, config.layers * config.width) for name in self.names})
        self.attention: Attention = make_attention(attention, query=config.width, source=encoder)
        self.combine = Linear(config.width + self.attention.context_width, config.width)
        self.dropout = Dropout(dropout)

    def prepare(self, encoded: Encoded) -> Memory:
        memory = {"mask": encoded.mask, **self.attention.prepare(encoded.states, encoded.mask)}
        for name in self.names:
            if name in self.bridge:
                first = torch.tanh(self.bridge[name](encoded.final["hidden"][:, -1])).unflatten(1, (len(self.layers), self.width))
            else:
                first = encoded.final[name]
            memory[f"first_{name}"] = first  # (B, L, D)
        if self.variational and self.training:
            for number, layer in enumerate(self.layers):
                memory[f"dropout_{number}"] = draw_mask(encoded.states, len(encoded.mask), layer.rnn.input_size, self.dropout.probability)
        return memory

    def start(self, memory: Memory) -> State:
        state = {name: memory[f"first_{name}"] for name in self.names}
        if self.input_feeding:
            state["fed"] = state["hidden"].new_zeros(memory["mask"].shape[0], self.width)  # (B, D)
        return state

    def forward(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        if not self.input_feeding:
            return self._run(inputs, memory, state, need_attention)
        parts: list[Decoded] = []
        for place in range(inputs.shape[1]):
            below = torch.cat([inputs[:, place : place + 1], state["fed"].unsqueeze(1).to(inputs.dtype)], 2)
            decoded, state = self._run(below, memory, state, need_attention)
            state["fed"] = decoded.hidden[:, 0]
            parts.append(decoded)
        return joined(parts), state

    def _run(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool) -> tuple[Decoded, State]:
        """One pass of the layers and the attention over the positions given."""
        outputs, weights, finals = inputs, None, list[tuple[Tensor, ...]]()
        for number, layer in enumerate(self.layers):
            below = self._drop(outputs, number, memory)
            outputs, final = layer(below, tuple(state[name][:, number].to(below.dtype) for name in self.names))
            finals.append(final)
            if self.residual and below.shape == outputs.shape:
                outputs = outputs + below
            if number == self.attends_after:
                context, weights = self.attention(outputs, memory, memory["mask"], need_attention)
                outputs = torch.tanh(self.combine(torch.cat([outputs, context.to(outputs.dtype)], 2)))
        after = {name: torch.stack([final[place] for final in finals], 1) for place, name in enumerate(self.names)}
        return Decoded(self.dropout(outputs), weights), after

    def _drop(self, inputs: Tensor, number: int, memory: Memory) -> Tensor:
        if f"dropout_{number}" in memory:
            return inputs * memory[f"dropout_{number}"].to(inputs.dtype)
        return self.dropout(inputs) if number else inputs


class TransformerDecoder(Decoder):
    """Blocks of masked self-attention and attention to the source, normalised before each part. The state is the keys and values
    of the positions so far. Without attention the encoder's last state is added to every input.
    """

    def __init__(self, config: config.TransformerDecoder, attention: Any, inputs: int, encoder: int, dropout: float) -> None:
        super().__init__()
        self.width = config.width
        self.enter = nn.Identity() if inputs == config.width else Linear(inputs, config.width)
        layers = nn.ModuleList(_Block(config, attention, encoder, dropout) for _ in range(config.layers))
        self.layers = cast("Sequence[_Block]", layers)
        self.norm = nn.LayerNorm(config.width)
        sees_source = self.layers[0].attention.context_width > 0
        self.context = None if sees_source else Linear(encoder, config.width)

    def prepare(self, encoded: Encoded) -> Memory:
        memory = {"mask": encoded.mask}
        if self.context is not None:
            memory["context"] = self.context(encoded.final["hidden"][:, -1:])  # (B, 1, D)
        for number, layer in enumerate(self.layers):
            memory.update({f"{name}_{number}": part for name, part in layer.attention.prepare(encoded.states, encoded.mask).items()})
        return memory

    def start(self, memory: Memory) -> State:
        rows, state = memory["mask"].shape[0], dict[str, Tensor]()
        for number, layer in enumerate(self.layers):
            empty = layer.norm.weight.new_zeros(rows, layer.heads, 0, self.width // layer.heads)
            state |= {f"past_keys_{number}": empty, f"past_values_{number}": empty}
        return state

    def forward(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        past = state["past_keys_0"].shape[2]
        hidden = self.enter(inputs)
        if "context" in memory:
            hidden = hidden + memory["context"].to(hidden.dtype)
        hidden = hidden + positions(hidden.shape[1], self.width, past, hidden)
        after, weights = State(), None
        for number, layer in enumerate(self.layers):
            of_layer = {name.removesuffix(f"_{number}"): part for name, part in memory.items() if name.endswith(f"_{number}")}
            before = (state[f"past_keys_{number}"], state[f"past_values_{number}"])
            last = number == len(self.layers) - 1
            hidden, weights, (keys, values) = layer(hidden, before, of_layer, memory["mask"], need_attention and last)
            after |= {f"past_keys_{number}": keys, f"past_values_{number}": values}
        return Decoded(self.norm(hidden), weights), after


class _Block(nn.Module):
    def __init__(self, config: config.TransformerDecoder, attention: Any, encoder: int, dropout: float) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.width)
        self.queries_keys_values = Linear(config.width, 3 * config.width)
        self.outer = Linear(config.width, config.width)
        self.attention: Attention = make_attention(attention, query=config.width, source=encoder)
        width = self.attention.context_width
        self.source_norm = nn.LayerNorm(config.width) if width else nn.Identity()
        self.context = nn.Identity() if width in (0, config.width) else Linear(width, config.width, bias=False)
        self.feed_norm = nn.LayerNorm(config.width)
        self.feed = FeedForward(config.width, config.feed_forward, dropout)
        self.dropout = Dropout(dropout)

    def forward(
        self, hidden: Tensor, past: tuple[Tensor, Tensor], memory: Memory, mask: Tensor, need_weights: bool
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, Tensor]]:
        read, now = self._read_past(self.norm(hidden), past)
        hidden = hidden + self.dropout(read)
        context, weights = self.attention(self.source_norm(hidden), memory, mask, need_weights)
        if context.shape[2]:
            hidden = hidden + self.dropout(self.context(context))
        return hidden + self.dropout(self.feed(self.feed_norm(hidden))), weights, now

    def _read_past(self, inputs: Tensor, past: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Self-attention of the new positions to the past and to themselves; the keys and values so far (B, H, t, d)."""
        queries, keys, values = (split_heads(part, self.heads) for part in self.queries_keys_values(inputs).chunk(3, dim=2))
        if past[0].shape[2]:
            keys = torch.cat([past[0].to(keys.dtype), keys], 2)
            values = torch.cat([past[1].to(values.dtype), values], 2)
        new, seen = queries.shape[2], keys.shape[2]
        mask = None
        if new > 1:
            places = torch.arange(seen, device=inputs.device)
            mask = places <= places[seen - new :].unsqueeze(1)  # (T, t)
        heads = read_heads(queries, keys, values, mask)
        return self.outer(join_heads(heads)), (keys, values)


DECODERS: dict[str, Callable[..., Decoder]] = {"recurrent": RecurrentDecoder, "transformer": TransformerDecoder}


def make_decoder(config: Any, attention: Any, *, inputs: int, encoder: int, dropout: float) -> Decoder:
    """The decoder that the config names, for input vectors of width `inputs` and an encoder of width `encoder`."""
    return DECODERS[config.kind](config, attention, inputs, encoder, dropout)
