"""Heads: decoder states to scores of target symbols, and to a loss.

Losses travel as (sum, count), so that batches of any size add up to the same mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom import config
from seqloom.nn.cross_entropy import Mixed, smoothed_cross_entropy
from seqloom.nn.decoders import Decoded
from seqloom.nn.products import Linear

__all__ = ["IMPOSSIBLE", "LossSum", "Pointer", "TokenHead"]

IMPOSSIBLE = -1e30
"""The log-probability of a symbol that cannot be written; a search takes none of so little."""


@dataclass(frozen=True, slots=True)
class LossSum:
    """A loss added up over the target symbols of a batch."""

    loss: Tensor
    """What is made small: cross-entropy with label smoothing in nats, or what the head for frames measures."""
    nll: Tensor
    """The same without smoothing and without what stops an output; no gradient."""
    count: Tensor
    """Target positions, </s> included."""
    correct: Tensor
    """Target symbols that were the best guess, given the true ones before; none of frames. NaN where a gradient is wanted: see
    `smoothed_cross_entropy`.
    """


class Pointer(NamedTuple):
    """Where each source symbol stands among the target's symbols."""

    copy_ids: Tensor
    """(B, S): the id in the target vocabulary, V + k for the k-th symbol that it lacks, -1 for what cannot be copied."""
    extra: int
    """How many ids past V there are in the batch."""


class TokenHead(nn.Module):
    """A projection to the vocabulary, tied to the target embedding where the config says so, and with `copy` a pointer:
    p = g · softmax(vocabulary) + (1 - g) · attention to the positions that hold the symbol (See et al. 2017, eq. 9).
    """

    def __init__(self, config: config.TokenHead, width: int, vocabulary: int, embedding: nn.Embedding | None, copies: bool = False) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        inner = width if embedding is None else embedding.embedding_dim
        self.narrow = nn.Identity() if inner == width else Linear(width, inner, bias=False)
        self.project = Linear(inner, vocabulary)
        if embedding is not None:
            self.project.weight = embedding.weight
        self.gate = Linear(width, 1) if copies else None

    @property
    def points(self) -> bool:
        """Whether there is a pointer, which needs attention weights."""
        return self.gate is not None

    def log_probs(self, decoded: Decoded, pointer: Pointer | None = None) -> Tensor:
        """Log-probabilities (B, T, V) in float32, or (B, T, V + extra) with a pointer; IMPOSSIBLE for a symbol that neither the
        vocabulary nor the row's own source holds.
        """
        scores = self.project(self.narrow(decoded.hidden)).float()
        if self.gate is None or pointer is None:
            return scores.log_softmax(-1)
        generate, copied = self._pointer_parts(decoded, pointer)
        mixed = torch.cat([scores.softmax(-1) * generate, scores.new_zeros(*scores.shape[:2], pointer.extra)], 2)
        index = pointer.copy_ids.clamp(min=0).unsqueeze(1).expand_as(copied)
        log_probs = mixed.scatter_add_(2, index, copied).clamp(min=1e-30).log()
        log_probs[..., scores.shape[2] :].masked_fill_(_foreign(pointer, scores.shape[2]), IMPOSSIBLE)
        return log_probs

    def copying(self, decoded: Decoded, pointer: Pointer) -> Tensor:
        """The probability (B, T, S) of copying the symbol at each source position; the rest to 1 is that of the vocabulary."""
        return self._pointer_parts(decoded, pointer)[1]

    @torch.no_grad()
    def best(self, decoded: Decoded, pointer: Pointer | None = None) -> Tensor:
        """The likeliest ids (B, T)."""
        if self.gate is None:
            return self.project(self.narrow(decoded.hidden)).argmax(2)
        return self.log_probs(decoded, pointer).argmax(2)

    def loss(self, decoded: Decoded, target: Tensor, mask: Tensor, pointer: Pointer | None = None) -> LossSum:
        """The loss of targets (B, T) where the mask (B, T) is True."""
        mixed = None
        if self.gate is not None and pointer is not None:
            if not torch.is_grad_enabled():
                return self._counted_pointer_loss(decoded, target, mask, pointer)
            generate, copied = self._pointer_parts(decoded, pointer)
            mixed = Mixed(generate.squeeze(2)[mask], _copied(copied, pointer.copy_ids, target)[mask])
        hidden, wanted = self.narrow(decoded.hidden)[mask], target[mask]  # (n, D), (n,): padding is not projected
        weights = self.project.weight, self.project.bias
        loss, nll, correct = smoothed_cross_entropy(hidden, *weights, wanted, self.label_smoothing, mixed)
        return LossSum(loss, nll, mask.sum(), correct)

    def _counted_pointer_loss(self, decoded: Decoded, target: Tensor, mask: Tensor, pointer: Pointer) -> LossSum:
        """The same in float32 and without gradients, with right guesses counted, copied ones too: all scores stand at once."""
        generate, copied = self._pointer_parts(decoded, pointer)
        scores = self.project(self.narrow(decoded.hidden)).float().log_softmax(-1)  # (B, T, V)
        symbols, share = scores.shape[2], generate.squeeze(2)
        own = scores.gather(2, target.clamp(max=symbols - 1).unsqueeze(2)).squeeze(2).exp() * (target < symbols)
        likely = share * own + _copied(copied, pointer.copy_ids, target)
        nll = -likely.clamp(min=1e-30).log()[mask]
        smooth = -scores.mean(2)[mask]
        loss = (1 - self.label_smoothing) * nll + self.label_smoothing * smooth
        correct = (likely >= (1 - 1e-6) * _likeliest(scores, generate, copied, pointer.copy_ids))[mask].sum()
        return LossSum(loss.sum(), nll.sum(), mask.sum(), correct)

    def _pointer_parts(self, decoded: Decoded, pointer: Pointer) -> tuple[Tensor, Tensor]:
        """The probability (B, T, 1) of the vocabulary, 1 where nothing can be copied, and those (B, T, S) of copying each position.

        A softmax of the gate and zero: 1 - sigmoid(x) loses its digits where copying is unlikely, and so does onnxruntime's sigmoid(-x).
        """
        if self.gate is None or decoded.attention is None:
            raise RuntimeError("a pointer needs the attention of the decoder")
        can = (pointer.copy_ids >= 0).unsqueeze(1)
        weights = decoded.attention.float() * can
        weights = weights / weights.sum(2, keepdim=True).clamp(min=1e-9)
        generate, copy = functional.pad(self.gate(decoded.hidden).float(), (0, 1)).softmax(2).split(1, 2)
        return torch.where(can.any(2, keepdim=True), generate, 1.0), weights * copy


def _foreign(pointer: Pointer, symbols: int) -> Tensor:
    """Which ids (B, 1, extra) past the vocabulary's only other rows of the batch hold: a row's answers must not depend on these."""
    places = (pointer.copy_ids - (symbols - 1)).clamp(min=0)  # (B, S), 0 for what is no id past them
    nothing = torch.zeros(places.shape[0], pointer.extra + 1, device=places.device)
    return (nothing.scatter(1, places, 1.0)[:, 1:] == 0).unsqueeze(1)


def _copied(copied: Tensor, copy_ids: Tensor, ids: Tensor) -> Tensor:
    """How much of the probabilities (B, T, S) is on positions that hold the symbol of ids (B, T)."""
    return (copied * (copy_ids.unsqueeze(1) == ids.unsqueeze(2))).sum(2)


def _likeliest(scores: Tensor, generate: Tensor, copied: Tensor, copy_ids: Tensor) -> Tensor:
    """The probability (B, T) of the best guess, without the probabilities of all: it is the vocabulary's best or a symbol of the source,
    since copying makes no other likelier. scores (B, T, V) are log-probabilities.
    """
    top, at = scores.max(2)
    of_vocabulary = generate.squeeze(2) * top.exp() + _copied(copied, copy_ids, at)
    same = (copy_ids.unsqueeze(1) == copy_ids.unsqueeze(2)).to(copied.dtype)  # (B, S, S)
    symbols = scores.shape[2]
    own = scores.gather(2, copy_ids.clamp(0, symbols - 1).unsqueeze(1).expand_as(copied)).exp()
    own = own * ((copy_ids >= 0) & (copy_ids < symbols)).unsqueeze(1)
    of_source = generate * own + copied @ same
    return torch.maximum(of_vocabulary, of_source.amax(2))
