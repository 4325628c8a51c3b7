"""The whole network: source ids to memory, target ids to states, states to a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqloom.config import ModelConfig, RecurrentDecoder
from seqloom.nn.ctc import CtcHead, ctc_loss
from seqloom.nn.decoders import Decoded, Memory, State, make_decoder
from seqloom.nn.encoders import make_encoder
from seqloom.nn.heads import LossSum, Pointer, TokenHead
from seqloom.nn.layers import TokenInput, initialise

__all__ = ["Seq2Seq", "TensorBatch"]


class TensorBatch(NamedTuple):
    """A batch on the device; see `seqloom.batching.Batch`."""

    source: Tensor
    """(B, S) ids"""
    source_mask: Tensor
    """(B, S)"""
    target_in: Tensor
    """(B, T) ids, <s> first"""
    target_out: Tensor
    """(B, T) ids, </s> last"""
    target_mask: Tensor
    """(B, T)"""
    pointer: Pointer | None
    """Where source symbols stand among the target's, for a model that copies."""


class Seq2Seq(nn.Module):
    """An encoder, a decoder and a head, for vocabularies of the sizes given."""

    def __init__(self, config: ModelConfig, source_size: int, target_size: int) -> None:
        super().__init__()
        self.source_input = TokenInput(source_size, config.embedding, config.dropout)
        self.target_input = TokenInput(target_size, config.embedding, config.dropout)
        if config.tie_embeddings == "all":
            self.source_input.embedding = self.target_input.embedding
        hands_over = isinstance(config.decoder, RecurrentDecoder) and config.decoder.start == "copy"
        self.encoder = make_encoder(config.encoder, inputs=config.embedding, dropout=config.dropout, hands_over=hands_over)
        self.decoder = make_decoder(
            config.decoder, config.attention, inputs=config.embedding, encoder=self.encoder.width, dropout=config.dropout
        )
        tied = None if config.tie_embeddings == "none" else self.target_input.embedding
        self.head = TokenHead(config, self.decoder.width, target_size, tied)
        self.ctc = CtcHead(self.encoder.width, target_size) if config.head.ctc_weight else None
        self.ctc_weight = config.head.ctc_weight
        initialise(self)

    def prepare(self, source: Tensor, mask: Tensor) -> Memory:
        """All that the decoder needs of the source (B, S)."""
        encoded = self.encoder(self.source_input(source), mask)
        memory = self.decoder.prepare(encoded)
        if self.ctc is not None:
            memory["ctc"] = self.ctc(encoded.states)  # (B, S, V)
        return memory

    def decode(self, tokens: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        """Decoder states for target ids (B, T), from the state before them."""
        return self.decoder(self.target_input(tokens), memory, state, need_attention or self.head.points)

    def forward(self, batch: TensorBatch, teacher_forcing: float = 1.0) -> LossSum:
        """The loss of a batch. Below 1 each true token is shown with that probability, else the decoder's own last guess."""
        memory = self.prepare(batch.source, batch.source_mask)
        if teacher_forcing < 1:
            decoded = self._unroll(batch, memory, teacher_forcing)
        else:
            decoded, _ = self.decode(batch.target_in, memory, self.decoder.start(memory))
        losses = self.head.loss(decoded, batch.target_out, batch.target_mask, batch.pointer)
        return losses if self.ctc is None else self._with_ctc(losses, memory, batch)

    def _with_ctc(self, losses: LossSum, memory: Memory, batch: TensorBatch) -> LossSum:
        """The loss with its share of CTC's (Watanabe et al. 2017, eq. 14)."""
        ordered = ctc_loss(memory["ctc"], memory["mask"], batch.target_out, batch.target_mask)
        return replace(losses, loss=(1 - self.ctc_weight) * losses.loss + self.ctc_weight * ordered)

    def _unroll(self, batch: TensorBatch, memory: Memory, teacher_forcing: float) -> Decoded:
        """Scheduled sampling (Bengio et al. 2015): a position at a time, on the true token or on the best guess before it."""
        state, token = self.decoder.start(memory), batch.target_in[:, :1]
        shown = torch.rand(batch.target_in.shape, device=token.device) < teacher_forcing
        parts: list[Decoded] = []
        for place in range(batch.target_in.shape[1]):
            if place:
                guess = self.head.best(parts[-1], batch.pointer)
                token = torch.where(shown[:, place : place + 1], batch.target_in[:, place : place + 1], guess)
            decoded, state = self.decode(token, memory, state)
            parts.append(decoded)
        weights = [part.attention for part in parts if part.attention is not None]
        return Decoded(torch.cat([part.hidden for part in parts], 1), torch.cat(weights, 1) if weights else None)
