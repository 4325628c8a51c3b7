"""Cross-entropy with label smoothing straight from decoder states, without the scores of all symbols ever standing in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["smoothed_cross_entropy"]

SCORES = {"cpu": 1 << 21}
"""How many scores stand at a time; more would leave a processor's cache."""
SCORES_ELSEWHERE = 1 << 25
"""The same on other devices: fewer would leave a GPU idle."""
ROWS = 128
"""Rows that are taken at a time at least, however many symbols there are."""
EVEN = 32
"""Rows are filled up to a multiple of this, so that shapes of products repeat: a processor's library makes a kernel for each new one."""


def smoothed_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss, the summed loss without smoothing, and the number of right guesses (Szegedy et al. 2016, section 7).

    hidden (n, D), weight (V, D), bias (V,), target (n,) ids. Only the loss has a gradient. Under autocast the products and the shares run
    in its dtype, which rounds each loss by some thousandths of a nat; sums are float32, and without gradients the shares too.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    if not torch.is_grad_enabled():  # which the function below cannot see: it would compute gradients for nobody
        hidden, weight, bias = hidden.detach(), weight.detach(), bias.detach()
    loss, nll, correct = _Function.apply(hidden, weight, bias, target, smoothing)
    return loss, nll, correct


class _Function(torch.autograd.Function):
    """The slope of a score is its share less the smoothed target, so gradients are taken while the scores are at hand.

    Shares never stand as such: a row holds exp(score - top), and what a row's sum divides is a column beside it. The smoothing is the same
    for all symbols but the true one, so it leaves the products too. All pieces use one place in memory, one after another.

    The slopes of a row must sum to about zero: softmax does not feel a shift of all scores, so nothing would ever undo one, Adam would
    drive it on, and bfloat16 would lose the differences between large scores. Hence the slope of the true symbol is less the sum of the
    others, which bfloat16 also holds more exactly than share - 1.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
        wants, each = any(ctx.needs_input_grad), smoothing / len(weight)
        sums = torch.promote_types(hidden.dtype, torch.float32)
        narrow_weight, narrow_bias = weight.to(hidden.dtype), bias.to(hidden.dtype)
        count, all_hidden, all_weights = len(hidden), hidden.sum(0, dtype=sums), weight.sum(0, dtype=sums)
        extra = -count % EVEN  # rows of nothing
        real = functional.pad(hidden.new_ones(count, 1, dtype=sums), (0, 0, 0, extra))
        hidden, target = functional.pad(hidden, (0, 0, 0, extra)), functional.pad(target, (0, extra)).unsqueeze(1)
        to_hidden, to_weight, to_bias = torch.empty_like(hidden), torch.zeros_like(narrow_weight), torch.zeros_like(narrow_bias)
        step = max(SCORES.get(hidden.device.type, SCORES_ELSEWHERE) // len(weight) // EVEN * EVEN, ROWS)
        place = hidden.new_empty(min(step, len(hidden)), len(weight))
        nll, normalisers, correct = (hidden.new_zeros((), dtype=sums) for _ in range(3))
        index = torch.arange(len(place), device=hidden.device).unsqueeze(1)
        for start in range(0, len(hidden), step):
            part, wanted, is_real = (rows[start : start + step] for rows in (hidden, target, real))
            scores = torch.addmm(narrow_bias, part, narrow_weight.t(), out=place[: len(part)])  # (rows, V)
            scores = scores if wants else scores.to(sums)  # where there is no gradient, exactness costs little
            true_score, top = scores.gather(1, wanted).to(sums), scores.amax(1, keepdim=True)
            rows, powers = index[: len(part)], scores.sub_(top).exp_()
            true_power = powers.gather(1, wanted).to(sums)
            powers[rows, wanted] = 0
            others = powers.sum(1, keepdim=True, dtype=sums)
            all_powers = others + true_power
            normaliser = all_powers.log() + top
            correct += ((true_score >= top) * is_real).sum()
            nll += ((normaliser - true_score) * is_real).sum()
            normalisers += (normaliser * is_real).sum()
            if wants:
                powers[rows, wanted] = (smoothing * all_powers - others).to(powers.dtype)
                slopes, share = powers, is_real / all_powers  # the slopes are share times these, less the smoothing of each symbol
                to_hidden[start : start + step] = (slopes @ narrow_weight) * share - each * all_weights
                narrow_share = share.to(part.dtype)
                to_weight.addmm_(slopes.t(), part * narrow_share)
                to_bias.addmv_(slopes.t(), narrow_share.squeeze(1))
        if wants:
            ctx.save_for_backward(to_hidden[:count], to_weight, to_bias.to(bias.dtype), (each * all_hidden).to(weight.dtype))
            ctx.smoothing = each * count
        ctx.mark_non_differentiable(nll, correct)
        smooth = normalisers - (all_hidden * all_weights).sum() / len(weight) - count * bias.to(sums).mean()
        return (1 - smoothing) * nll + smoothing * smooth, nll, correct

    @staticmethod
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor | None, ...]:
        scale = of_loss[0]
        to_hidden, to_weight, to_bias, to_all_weights = ctx.saved_tensors
        return to_hidden * scale, (to_weight - to_all_weights).mul_(scale), (to_bias - ctx.smoothing) * scale, None, None
