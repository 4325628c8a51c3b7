"""Attention: what the decoder reads of the source at each target position.

One contract. `prepare(states (B, S, E), mask (B, S))` gives the tensors that depend on the source alone, computed once a sentence;
`forward(query (B, T, D), memory, mask (B, S))` gives the context (B, T, context_width) and, where asked for, the weights (B, T, S).
Nothing is kept on the module. A new attention is a config class in `config/model.py`, a module here and an entry in ATTENTIONS; one of a
user's is registered by `seqloom.parts`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom import config
from seqloom.nn.products import Linear

__all__ = ["ATTENTIONS", "Attention", "join_heads", "make_attention", "masked_softmax", "read_heads", "split_heads"]

Memory = dict[str, Tensor]


class Attention(nn.Module):
    """The contract above."""

    context_width: int
    gives_weights = True
    """Whether it says where it looks, found out of a user's when it is made."""

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        raise NotImplementedError

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError


class NoAttention(Attention):
    """A context of width 0: all that is known of the source came with the first state (Sutskever et al. 2014)."""

    context_width = 0
    gives_weights = False

    def __init__(self, config: config.NoAttention, query: int, source: int) -> None:
        super().__init__()

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        return {}

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return query[..., :0], None


class DotAttention(Attention):
    """score = query · source (Luong et al. 2015, 'dot'); the source is first mapped to the query's width where the widths differ."""

    def __init__(self, config: config.DotAttention, query: int, source: int) -> None:
        super().__init__()
        self.context_width = source
        self.keys = nn.Identity() if query == source else Linear(source, query, bias=False)

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        return {"keys": self.keys(states), "values": states}

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return _read(query @ memory["keys"].transpose(1, 2), memory, mask)


class BilinearAttention(DotAttention):
    """score = query W source (Luong et al. 2015, 'general'); W source is computed once a sentence."""

    def __init__(self, config: config.BilinearAttention, query: int, source: int) -> None:
        Attention.__init__(self)
        self.context_width = source
        self.keys = Linear(source, query, bias=False)


class AdditiveAttention(Attention):
    """score = v · tanh(W query + U source) (Bahdanau et al. 2015, appendix A.1.2)."""

    def __init__(self, config: config.AdditiveAttention, query: int, source: int) -> None:
        super().__init__()
        self.context_width = source
        self.query = Linear(query, config.width, bias=False)
        self.keys = Linear(source, config.width)
        self.score = Linear(config.width, 1, bias=False)

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        return {"keys": self.keys(states), "values": states}

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        inner = torch.tanh(self.query(query).unsqueeze(2) + memory["keys"].unsqueeze(1))  # (B, T, S, width)
        return _read(self.score(inner).squeeze(3), memory, mask)


class MultiheadAttention(Attention):
    """Scaled dot products in several heads (Vaswani et al. 2017, 3.2.2). The weights are the mean over the heads."""

    def __init__(self, config: config.MultiheadAttention, query: int, source: int) -> None:
        super().__init__()
        self.context_width = query
        self.heads = config.heads
        self.query = Linear(query, query)
        self.keys_values = Linear(source, 2 * query)
        self.outer = Linear(query, query)

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        keys, values = (split_heads(part, self.heads) for part in self.keys_values(states).chunk(2, dim=2))
        return {"keys": keys, "values": values}

    def forward(self, query: Tensor, memory: Memory, mask: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        queries = split_heads(self.query(query), self.heads)  # (B, H, T, d)
        if not need_weights:
            heads = read_heads(queries, memory["keys"], memory["values"], mask[:, None, None, :])
            return self.outer(join_heads(heads)), None
        weights = _weigh_heads(queries, memory["keys"], mask[:, None, None, :])
        return self.outer(join_heads(weights @ memory["values"])), weights.mean(1)


ATTENTIONS: dict[str, Callable[..., Attention]] = {
    "none": NoAttention,
    "dot": DotAttention,
    "bilinear": BilinearAttention,
    "additive": AdditiveAttention,
    "multihead": MultiheadAttention,
}


def make_attention(config: Any, *, query: int, source: int) -> Attention:
    """The attention that the config names, for queries of width `query` over states of width `source`."""
    return ATTENTIONS[config.kind](config, query, source)


FUSED_FROM = 1 << 20
"""Pairs of positions from which on torch's fused attention is the faster one in bfloat16 on a processor too."""


def read_heads(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1): (B, H, T, d) for queries (B, H, T, d), keys and values (B, H, S, d), and a
    mask that (T, S) can be spread to, True where a position is read.

    torch's fused kernel, but in bfloat16 on a processor, where it trains ten times as slowly as its parts at 13 positions (12.4 and
    1.2 ms a batch of 64 with 4 heads) and is the faster one above a thousand. A row that may read nothing gets something finite.
    """
    pairs = queries.shape[2] * keys.shape[2]
    if queries.dtype != torch.bfloat16 or queries.device.type != "cpu" or pairs >= FUSED_FROM:
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    return _weigh_heads(queries, keys, mask) @ values


def _weigh_heads(queries: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
    """The weights (B, H, T, S) of scaled dot products."""
    return masked_softmax(queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3]), mask)


def split_heads(inputs: Tensor, heads: int) -> Tensor:
    """(B, T, H·d) to (B, H, T, d)."""
    return inputs.unflatten(2, (heads, -1)).transpose(1, 2)


def join_heads(inputs: Tensor) -> Tensor:
    """(B, H, T, d) to (B, T, H·d)."""
    return inputs.transpose(1, 2).flatten(2)


def _read(scores: Tensor, memory: Memory, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The context (B, T, E) and the weights (B, T, S) for scores (B, T, S)."""
    weights = masked_softmax(scores, mask.unsqueeze(1))
    return weights @ memory["values"], weights


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Weights over the last axis that are zero where the mask, which can be spread to the scores, is False; in the dtype of the scores."""
    kept = scores if mask is None else scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return kept.softmax(-1).to(scores.dtype)
