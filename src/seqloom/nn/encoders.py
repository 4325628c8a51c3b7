"""Encoders: source vectors to states.

One contract: `forward(inputs (B, S, D), mask (B, S)) -> Encoded`, whose states can be fewer than the inputs. A new encoder is a config
class in `config/model.py`, a module here and an entry in ENCODERS; one of a user's is registered by `seqloom.parts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqloom import config
from seqloom.nn.attention import join_heads, read_heads, split_heads
from seqloom.nn.dropout import Dropout, draw_mask
from seqloom.nn.layers import FeedForward, Recurrence, last_real, positions, reverse_real, time_first
from seqloom.nn.products import Linear
from seqloom.nn.subsampling import make_subsampling

__all__ = ["ENCODERS", "Encoded", "Encoder", "make_encoder"]


class Encoded(NamedTuple):
    """What the decoder gets of the source."""

    states: Tensor
    """(B, S, E): one for each source position, or for several"""
    mask: Tensor
    """(B, S), of the states"""
    final: dict[str, Tensor]
    """The last states, (B, L, E) a name: 'hidden', and 'cell' where an LSTM hands it over."""


class Encoder(nn.Module):
    """The contract above; `width` is E."""

    width: int

    def forward(self, inputs: Tensor, mask: Tensor) -> Encoded:
        raise NotImplementedError


class RecurrentEncoder(Encoder):
    """Layers of LSTM, GRU or plain recurrence. Two directions are two layers and a reversal within each row's length:
    exact under padding, and twice as fast on a processor as packed sequences.
    """

    def __init__(self, config: config.RecurrentEncoder, inputs: int, dropout: float, hands_over: bool = False) -> None:
        super().__init__()
        self.hands_over = hands_over
        self.width = config.width
        self.residual = config.residual
        self.variational = config.variational
        each = config.width // 2 if config.bidirectional else config.width
        widths = [inputs] + [config.width] * (config.layers - 1)
        self.forwards = nn.ModuleList(Recurrence(config.cell, width, each) for width in widths)
        self.backwards = nn.ModuleList(Recurrence(config.cell, width, each) for width in widths if config.bidirectional)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor, mask: Tensor) -> Encoded:
        finals: list[dict[str, Tensor]] = []
        states = inputs
        for number in range(len(self.forwards)):
            below = self._drop(states) if number else states
            states, final = self._layer(number, below, mask)
            finals.append(final)
            if self.residual and below.shape == states.shape:
                states = states + below
        return Encoded(self.dropout(states), mask, {name: torch.stack([final[name] for final in finals], 1) for name in finals[0]})

    def _layer(self, number: int, inputs: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """States (B, S, E) of one layer, and its last states (B, E)."""
        forward = self.forwards[number]
        if not self.backwards:
            return _one_direction(forward, inputs, mask, self.hands_over)
        inputs = time_first(inputs)
        ahead, _ = forward(inputs)
        back, _ = self.backwards[number](reverse_real(inputs, mask))
        final = torch.cat([last_real(ahead, mask), last_real(back, mask)], 1)
        return torch.cat([ahead, reverse_real(back, mask)], 2), {"hidden": final}

    def _drop(self, states: Tensor) -> Tensor:
        if self.variational and self.training:
            return states * draw_mask(states, len(states), states.shape[2], self.dropout.probability)
        return self.dropout(states)


def _one_direction(layer: Any, inputs: Tensor, mask: Tensor, with_cell: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """States and last states, an LSTM's cell among them if asked for. The cell is only known at the end of a row, which costs more."""
    if layer.cell != "lstm" or not with_cell:
        states, _ = layer(inputs)
        return states, {"hidden": last_real(states, mask)}
    states, final = layer.to_the_ends(inputs, mask.sum(1).clamp(min=1))
    return states, dict(zip(layer.state_names, final, strict=True))


class TransformerEncoder(Encoder):
    """Self-attention blocks, normalised before each part (Xiong et al. 2020)."""

    def __init__(self, config: config.TransformerEncoder, inputs: int, dropout: float, hands_over: bool = False) -> None:
        super().__init__()
        self.width = config.width
        self.enter = nn.Identity() if inputs == config.width else Linear(inputs, config.width)
        self.layers = nn.ModuleList(_Block(config.width, config.heads, config.feed_forward, dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, inputs: Tensor, mask: Tensor) -> Encoded:
        states = self.enter(inputs)
        states = states + positions(states.shape[1], states.shape[2], 0, states)
        for layer in self.layers:
            states = layer(states, mask)
        states = self.norm(states)
        real = mask.unsqueeze(2).to(states.dtype)
        mean = (states * real).sum(1) / real.sum(1).clamp(min=1)
        return Encoded(states, mask, {"hidden": mean.unsqueeze(1)})


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.queries_keys_values = Linear(width, 3 * width)
        self.outer = Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width, inner, dropout)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        parts = self.queries_keys_values(self.norm(states)).chunk(3, dim=2)
        queries, keys, values = (split_heads(part, self.heads) for part in parts)
        heads = read_heads(queries, keys, values, mask[:, None, None, :])
        states = states + self.dropout(self.outer(join_heads(heads)))
        return states + self.dropout(self.feed(self.feed_norm(states)))


class SubsampledEncoder(Encoder):
    """An encoder behind a subsampling."""

    def __init__(self, subsampling: nn.Module, encoder: Encoder) -> None:
        super().__init__()
        self.subsampling, self.encoder, self.width = subsampling, encoder, encoder.width

    def forward(self, inputs: Tensor, mask: Tensor) -> Encoded:
        return self.encoder(*self.subsampling(inputs, mask))


ENCODERS: dict[str, Callable[..., Encoder]] = {"recurrent": RecurrentEncoder, "transformer": TransformerEncoder}


def make_encoder(config: Any, *, inputs: int, dropout: float, hands_over: bool = False) -> Encoder:
    """The encoder that the config names, for input vectors of width `inputs`; `hands_over`: an LSTM gives its last cells too."""
    subsampling = make_subsampling(config.subsampling, inputs, dropout)
    handing = {"hands_over": True} if hands_over else {}  # the recurrent one alone is asked to
    encoder = ENCODERS[config.kind](config, subsampling.width if subsampling else inputs, dropout, **handing)
    return SubsampledEncoder(subsampling, encoder) if subsampling else encoder
