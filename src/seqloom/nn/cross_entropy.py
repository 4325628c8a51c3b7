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

    hidden (n, D), weight (V, D), bias (V,), target (n,) ids. Only the loss has a gradient. Under autocast the products and the shares run
    in its dtype, which rounds each loss by up to 0.004 nats; sums are float32, and without gradients the shares too.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    if not torch.is_grad_enabled():  # which the function below cannot see: it would compute gradients for nobody
        hidden, weight, bias = hidden.detach(), weight.detach(), bias.detach()
    loss, nll, correct = _Function.apply(hidden, weight, bias, target, smoothing)
    return loss, nll, correct


class _Function(torch.autograd.Function):
    """The gradient of the scores is softmax less the smoothed target, so it is taken while the scores are at hand.

    The slopes of a row must sum to zero: softmax does not feel a shift of all scores, so nothing would ever undo one, Adam would drive it
    on, and bfloat16 would lose the differences between large scores. Hence the slope of the true symbol is less the sum of the others,
    which bfloat16 also holds more exactly than share - 1.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
        wants, each = any(ctx.needs_input_grad), smoothing / len(weight)
        sums = torch.promote_types(hidden.dtype, torch.float32)
        to_hidden, narrow_bias, ones = torch.empty_like(hidden), bias.to(hidden.dtype), hidden.new_ones(len(hidden))
        to_weight, to_bias, all_symbols = torch.zeros_like(weight), torch.zeros_like(narrow_bias), weight.new_ones(len(weight), 1)
        nll, smooth, correct = (hidden.new_zeros((), dtype=sums) for _ in range(3))
        mean_weight, mean_bias = (weight.new_ones(len(weight)) @ weight).to(sums) / len(weight), bias.to(sums).mean()
        for start in range(0, len(hidden), ROWS):
            part, wanted = hidden[start : start + ROWS], target[start : start + ROWS, None]
            scores = torch.addmm(narrow_bias, part, weight.t())  # (rows, V)
            true_score = scores.gather(1, wanted).to(sums)
            shares = scores.softmax(1, dtype=None if wants else sums)  # where there is no gradient, exactness costs little
            true_share = shares.gather(1, wanted)
            correct += (true_share >= shares.amax(1, keepdim=True)).sum()
            less = -true_share.to(sums).clamp(min=1e-38).log()
            nll += less.sum()
            smooth += (less + true_score).sum() - (part.to(sums) @ mean_weight + mean_bias).sum()
            if wants:
                slopes = shares.sub_(each).scatter_(1, wanted, 0)
                slopes.scatter_(1, wanted, -(slopes @ all_symbols))
                to_hidden[start : start + ROWS] = slopes @ weight
                to_weight.addmm_(slopes.t(), part)
                to_bias.addmv_(slopes.t(), ones[: len(part)])
        if wants:
            ctx.save_for_backward(to_hidden, to_weight, to_bias.to(bias.dtype))
        ctx.mark_non_differentiable(nll, correct)
        return (1 - smoothing) * nll + smoothing * smooth, nll, correct

    @staticmethod
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor | None, ...]:
        scale = of_loss[0]
        to_hidden, to_weight, to_bias = ctx.saved_tensors
        return to_hidden * scale, to_weight * scale, to_bias * scale, None, None
