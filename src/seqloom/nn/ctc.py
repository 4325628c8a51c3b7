"""A second reading of the source beside the decoder's, which keeps its order: connectionist temporal classification."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom.nn.products import Linear

__all__ = ["BLANK", "CtcHead", "ctc_loss"]

BLANK = 0
"""Says that nothing new is heard: the padding id, which no target holds."""


class CtcHead(nn.Module):
    """Encoder states to symbols or blank (Graves et al. 2006); each state is split into r readings (Libovický and Helcl 2018), so that
    targets may be longer than their sources.
    """

    def __init__(self, encoder: int, vocabulary: int, readings: int = 1) -> None:
        super().__init__()
        self.readings = readings
        self.project = Linear(encoder, readings * vocabulary)

    def forward(self, states: Tensor) -> Tensor:
        """Log-probabilities (B, S · r, V) in float32 of states (B, S, E)."""
        scores = self.project(states).float()
        return scores.reshape(scores.shape[0], scores.shape[1] * self.readings, -1).log_softmax(2)


def ctc_loss(log_probs: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor) -> Tensor:
    """The summed loss, in nats, of targets (B, T) that end in </s>, over all their alignments with log_probs (B, S · r, V), where
    source_mask is (B, S).

    A target that is longer than its readings allow (a repeated symbol takes a blank between) has no alignment and counts nothing.
    """
    readings = log_probs.shape[1] // source_mask.shape[1]
    with torch.autocast(log_probs.device.type, enabled=False):
        return functional.ctc_loss(
            log_probs.transpose(0, 1),
            target,
            readings * source_mask.sum(1),
            target_mask.sum(1) - 1,
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,
        )
