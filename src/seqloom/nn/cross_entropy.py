"""Cross-entropy with label smoothing straight from decoder states, without the scores of all symbols ever standing in float32."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["smoothed_cross_entropy"]

SCORES = {"cpu": 1 << 22}
"""How many scores stand at a time; more would leave a processor's cache."""
SCORES_ELSEWHERE = 1 << 25
"""The same on other devices: fewer would leave a GPU idle."""
ROWS = 128
"""Rows that are taken at a time at least, however many symbols there are."""
EVEN = 32
"""Rows are filled up to a multiple of this, so that shapes of products repeat: a processor's library makes a kernel for each new one.
Columns of bfloat16 too, which its instructions take so many of at a time.
"""
PLAIN = 60.0
"""How far from zero the logarithm of a row's sum of exp(score) may be for float32 and bfloat16 to hold all that matters of it."""


def smoothed_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss, the summed loss without smoothing, and the number of right guesses (Szegedy et al. 2016, section 7).

    hidden (n, D), weight (V, D), bias (V,), target (n,) ids. Only the loss has a gradient. Under autocast the products and the shares run
    in its dtype, which rounds each loss by some thousandths of a nat; sums are float32, and without gradients the shares too. Right guesses
    are counted without gradients alone, else they are NaN: it would take training a pass over all scores.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    if not torch.is_grad_enabled():  # which the function below cannot see: it would compute gradients for nobody
        hidden, weight, bias = hidden.detach(), weight.detach(), bias.detach()
    loss, nll, correct = _Function.apply(hidden, weight, bias, target, smoothing)
    return loss, nll, correct


class _Sums(NamedTuple):
    """What one way through all rows adds up to. Columns (D + 1, and more of nothing) hold the weights and then the bias."""

    nll: Tensor
    normalisers: Tensor
    correct: Tensor
    plain: Tensor
    """Whether all normalisers are within PLAIN."""
    to_hidden: Tensor
    """(n, columns): the gradient, less what the smoothing adds."""
    to_weight: Tensor
    """(V, columns): the same."""


class _Function(torch.autograd.Function):
    """The slope of a score is its share less the smoothed target, so gradients are taken while the scores are at hand.

    The bias is one more column of the weights, beside a column of ones: products add it and sum its gradient. The smoothing is the same
    for all symbols but the true one, so it is not among the slopes.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
        wants, (symbols, width), count = any(ctx.needs_input_grad), weight.shape, len(hidden)
        sums = torch.promote_types(hidden.dtype, torch.float32)
        extra, empty = -(width + 1) % EVEN if hidden.dtype == torch.bfloat16 else 0, -count % EVEN if count else EVEN
        rows = functional.pad(hidden, (0, 1 + extra, 0, empty))  # and rows of nothing
        rows[:count, width] = 1
        table = hidden.new_empty(symbols, width + 1 + extra)
        table[:, :width], table[:, width], table[:, width + 1 :] = weight, bias, 0
        wanted = functional.pad(target, (0, empty)).unsqueeze(1)
        found = _go_through(rows, table, wanted, count, smoothing, wants, shift=False)
        if not bool(found.plain):
            found = _go_through(rows, table, wanted, count, smoothing, wants, shift=True)
        each, all_hidden = smoothing / symbols, hidden.sum(0, dtype=sums)
        all_weights = weight.sum(0, dtype=sums) if smoothing else torch.zeros_like(all_hidden)
        if wants:
            smoothed = (each * all_hidden).to(weight.dtype), each * all_weights
            ctx.save_for_backward(found.to_hidden[:count, :width], found.to_weight, *smoothed)
            ctx.rest = width, each * count, bias.dtype
        ctx.mark_non_differentiable(found.nll, found.correct)
        smooth = found.normalisers - (all_hidden * all_weights).sum() / symbols - count * bias.to(sums).mean()
        return (1 - smoothing) * found.nll + smoothing * smooth, found.nll, found.correct

    @staticmethod
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor | None, ...]:
        to_hidden, to_table, to_all_weights, to_all_hidden = ctx.saved_tensors
        (width, to_all_biases, dtype), scale = ctx.rest, of_loss[0]
        to_weight = torch.addcmul(to_all_weights * -scale, to_table[:, :width], scale)
        return (to_hidden - to_all_hidden) * scale, to_weight, (to_table[:, width].to(dtype) - to_all_biases) * scale, None, None


def _go_through(rows: Tensor, table: Tensor, wanted: Tensor, count: int, smoothing: float, wants: bool, shift: bool) -> _Sums:
    """All rows (n, columns), of which `count` are real, beside the table (V, columns), some at a time, all in one place in memory.

    Shares never stand as such: a row holds exp(score), and what a row's sum divides is a column beside it. With `shift` it is
    exp(score - the row's highest), which nothing is too large for, in two more passes over all scores.

    The slopes of a row must sum to about zero: softmax does not feel a shift of all scores, so nothing would ever undo one, Adam would
    drive it on, and bfloat16 would lose the differences between large scores. Hence the slope of the true symbol is less the sum of the
    others, which bfloat16 also holds more exactly than share - 1.
    """
    sums = torch.promote_types(rows.dtype, torch.float32)
    nll, normalisers, correct = (rows.new_zeros((), dtype=sums) for _ in range(3))
    plain = torch.ones((), dtype=torch.bool, device=rows.device)
    to_hidden, to_weight = (torch.empty_like(rows), torch.empty_like(table)) if wants else (rows, table)
    real = (torch.arange(len(rows), device=rows.device) < count).unsqueeze(1).to(sums)
    step = max(SCORES.get(rows.device.type, SCORES_ELSEWHERE) // len(table) // EVEN * EVEN, ROWS)
    place = rows.new_empty(min(step, len(rows)), len(table))
    index = torch.arange(len(place), device=rows.device).unsqueeze(1)
    for start in range(0, len(rows), step):
        part, ids, is_real = (every[start : start + step] for every in (rows, wanted, real))
        scores = torch.mm(part, table.t(), out=place[: len(part)])  # (rows, V)
        scores = scores if wants else scores.to(sums)  # where there is no gradient, exactness costs little
        true_score, at = scores.gather(1, ids).to(sums), index[: len(part)]
        if not wants:
            correct += ((true_score >= scores.amax(1, keepdim=True)) * is_real).sum()
        top = scores.amax(1, keepdim=True) if shift else torch.zeros_like(scores[:, :1])
        powers = (scores.sub_(top) if shift else scores).exp_()
        powers[at, ids] = 0
        others, true_power = powers.sum(1, keepdim=True).to(sums), (true_score - top).exp()
        all_powers = others + true_power
        normaliser = all_powers.log() + top
        plain &= (normaliser.abs() <= PLAIN).all()
        nll += ((normaliser - true_score) * is_real).sum()
        normalisers += (normaliser * is_real).sum()
        if wants:
            powers[at, ids] = (smoothing * all_powers - others).to(powers.dtype)
            share = (is_real / all_powers).to(part.dtype)  # the slopes are this times the powers
            torch.mm(powers, table, out=to_hidden[start : start + step]).mul_(share)
            to_weight.addmm_(powers.t(), part * share, beta=min(start, 1))  # what stood there before the first is not read
    return _Sums(nll, normalisers, correct if not wants else correct * float("nan"), plain, to_hidden, to_weight)
