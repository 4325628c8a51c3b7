"""Cross-entropy with label smoothing straight from decoder states, without the scores of all symbols ever standing in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["smoothed_cross_entropy"]

ROWS = 256
"""Rows whose scores stand at a time; small enough that they stay in the processor's cache."""


def smoothed_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss, the summed loss without smoothing, and the number of right guesses (Szegedy et al. 2016, section 7).

    hidden (n, D), weight (V, D), bias (V,), target (n,) ids. Only the loss has a gradient. Under autocast the products run in its dtype;
    log-softmax and sums are float32.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    loss, nll, correct = _Function.apply(hidden, weight, bias, target, smoothing)
    return loss, nll, correct


class _Function(torch.autograd.Function):
    """The gradient of the scores is softmax minus the smoothed target, so it is taken while the scores are at hand."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
        wants = any(ctx.needs_input_grad)
        to_hidden = torch.empty_like(hidden)
        to_weight = torch.zeros_like(weight, dtype=torch.float32) if wants else weight
        to_bias = torch.zeros_like(bias, dtype=torch.float32)
        nll, smooth, correct = (torch.zeros((), device=hidden.device) for _ in range(3))
        for start in range(0, len(hidden), ROWS):
            part, wanted = hidden[start : start + ROWS], target[start : start + ROWS, None]
            scores = torch.addmm(bias.to(part.dtype), part, weight.t()).float()
            mean_score, true_score = scores.mean(1, keepdim=True), scores.gather(1, wanted)
            top = scores.amax(1, keepdim=True)
            correct += (true_score >= top).sum()
            shares = scores.sub_(top).exp_()
            total = shares.sum(1, keepdim=True)
            partition = total.log() + top
            nll += (partition - true_score).sum()
            smooth += (partition - mean_score).sum()
            if wants:
                slopes = shares.div_(total).sub_(smoothing / len(weight))
                slopes.scatter_add_(1, wanted, slopes.new_full((len(part), 1), smoothing - 1))
                to_bias += slopes.sum(0)
                narrow = slopes.to(part.dtype)
                to_hidden[start : start + ROWS] = narrow @ weight
                to_weight += narrow.t() @ part
        if wants:
            ctx.save_for_backward(to_hidden, to_weight.to(weight.dtype), to_bias)
        ctx.mark_non_differentiable(nll, correct)
        return (1 - smoothing) * nll + smoothing * smooth, nll.clone(), correct

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        scale = slopes[0]
        to_hidden, to_weight, to_bias = ctx.saved_tensors
        return to_hidden * scale, to_weight * scale, to_bias * scale, None, None
