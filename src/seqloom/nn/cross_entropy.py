"""Cross-entropy with label smoothing straight from decoder states, without the scores of all symbols ever standing in float32."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seqloom.nn.products import dtype_of_products

__all__ = ["Mixed", "smoothed_cross_entropy"]

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
IMPOSSIBLE = math.log(1e-30)
"""What is taken for the logarithm of no probability at all."""


class Mixed(NamedTuple):
    """What a pointer makes of the true symbol's probability: generate · softmax + copied (See et al. 2017, eq. 9)."""

    generate: Tensor
    """(n,): the probability of the vocabulary"""
    copied: Tensor
    """(n,): that of the true symbol by copying, all in all"""


def smoothed_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, mixed: Mixed | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss, the summed loss without smoothing, and the number of right guesses (Szegedy et al. 2016, section 7).

    hidden (n, D), weight (V, D), bias (V,), target (n,) ids. Only the loss has a gradient. Under autocast the products and the shares run
    in its dtype, which rounds each loss by some thousandths of a nat; sums are float32, and without gradients the shares too. Right guesses
    are counted without gradients and without a pointer alone, else they are NaN: it would take training a pass over all scores.

    Args:
        mixed: of a pointer, whose targets may be V or more, symbols that only copying can say. What is smoothed is the vocabulary's part.
    """
    hidden = hidden.to(dtype_of_products(hidden))
    if not torch.is_grad_enabled():  # which the function below cannot see: it would compute gradients for nobody
        hidden, weight, bias = hidden.detach(), weight.detach(), bias.detach()
        mixed = mixed and Mixed(*(part.detach() for part in mixed))
    loss, nll, correct = _Function.apply(hidden, weight, bias, target, smoothing, *(mixed or (None, None)))
    return loss, nll, correct


class _Pointed(NamedTuple):
    """What a pointer adds to each row."""

    known: Tensor
    """(n, 1): whether the vocabulary has the true symbol"""
    generate: Tensor
    """(n, 1): see Mixed"""
    copied: Tensor
    """(n, 1)"""


class _Rows(NamedTuple):
    """What is gone through, some rows at a time."""

    hidden: Tensor
    """(n, columns): states, and a one for the bias; zeros where there is no row"""
    real: Tensor
    """(n, 1): 1, or 0 where there is no row"""
    target: Tensor
    """(n, 1): ids of the vocabulary, any where it lacks the symbol"""
    pointed: _Pointed | None

    def part(self, start: int, end: int) -> _Rows:
        pointed = self.pointed and _Pointed(*(each[start:end] for each in self.pointed))
        return _Rows(self.hidden[start:end], self.real[start:end], self.target[start:end], pointed)


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
    to_mixed: Tensor
    """(n, 2): the gradients of generate and copied."""


class _Function(torch.autograd.Function):
    """The slope of a score is its share less the smoothed target, so gradients are taken while the scores are at hand.

    The bias is one more column of the weights, beside a column of ones: products add it and sum its gradient. The smoothing is the same
    for all symbols but the true one, so it is not among the slopes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        target: Tensor,
        smoothing: float,
        generate: Tensor | None,
        copied: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        wants, (symbols, width), count = any(ctx.needs_input_grad), weight.shape, len(hidden)
        sums = torch.promote_types(hidden.dtype, torch.float32)
        even = hidden.dtype == torch.bfloat16 or hidden.device.type != "cpu"
        extra, empty = -(width + 1) % EVEN if even else 0, -count % EVEN if count else EVEN
        table = hidden.new_empty(symbols, width + 1 + extra)
        table[:, :width], table[:, width], table[:, width + 1 :] = weight, bias, 0
        states = functional.pad(hidden, (0, 1 + extra, 0, empty))
        states[:count, width] = 1
        real, ids, pointed = _column(hidden.new_ones(count, dtype=sums), empty), _column(target, empty), None
        if generate is not None and copied is not None:
            pointed = _Pointed(ids < symbols, *(_column(part.to(sums), empty) for part in (generate, copied)))
            ids = torch.where(pointed.known, ids, 0)
        rows = _Rows(states, real, ids, pointed)
        found = _go_through(rows, table, smoothing, wants, shift=False)
        if not bool(found.plain):
            del found
            found = _go_through(rows, table, smoothing, wants, shift=True)
        each, all_hidden = smoothing / symbols, hidden.sum(0, dtype=sums)
        all_weights = weight.sum(0, dtype=sums) if smoothing else torch.zeros_like(all_hidden)
        if wants:
            smoothed = (each * all_hidden).to(weight.dtype), each * all_weights
            ctx.save_for_backward(found.to_hidden[:count, :width], found.to_weight, found.to_mixed[:count], *smoothed)
            ctx.rest = width, each * count, bias.dtype
        ctx.mark_non_differentiable(found.nll, found.correct)
        smooth = found.normalisers - (all_hidden * all_weights).sum() / symbols - count * bias.to(sums).mean()
        return (1 - smoothing) * found.nll + smoothing * smooth, found.nll, found.correct

    @staticmethod
    def backward(ctx: Any, *of_loss: Tensor) -> tuple[Tensor | None, ...]:
        to_hidden, to_table, to_mixed, to_all_weights, to_all_hidden = ctx.saved_tensors
        (width, to_all_biases, dtype), scale = ctx.rest, of_loss[0]
        to_weight = torch.addcmul(to_all_weights * -scale, to_table[:, :width], scale)
        to_bias = (to_table[:, width].to(dtype) - to_all_biases) * scale
        to_generate, to_copied = (to_mixed * scale).unbind(1) if any(ctx.needs_input_grad[5:]) else (None, None)
        return (to_hidden - to_all_hidden) * scale, to_weight, to_bias, None, None, to_generate, to_copied


def _column(part: Tensor, empty: int) -> Tensor:
    """(n + empty, 1) of (n,), zeros at the end."""
    return functional.pad(part, (0, empty)).unsqueeze(1)


def _go_through(rows: _Rows, table: Tensor, smoothing: float, wants: bool, shift: bool) -> _Sums:
    """All rows beside the table (V, columns), some at a time, all in one place in memory.

    Shares never stand as such: a row holds exp(score), and what a row's sum divides is a column beside it. With `shift` it is
    exp(score - the row's highest), which nothing is too large for, and takes two more passes over all scores.

    The slopes of a row must sum to about zero: softmax does not feel a shift of all scores, so nothing would ever undo one, Adam would
    drive it on, and bfloat16 would lose the differences between large scores. Hence the slope of the true symbol is less the sum of the
    others, which bfloat16 also holds more exactly than share - 1.
    """
    hidden, sums = rows.hidden, rows.real.dtype
    nll, normalisers, correct = (hidden.new_zeros((), dtype=sums) for _ in range(3))
    plain = torch.ones((), dtype=torch.bool, device=hidden.device)
    to_hidden, to_weight, to_mixed = (torch.empty_like(part) for part in (hidden, table, rows.real.expand(-1, 2)))
    step = max(SCORES.get(hidden.device.type, SCORES_ELSEWHERE) // len(table) // EVEN * EVEN, ROWS)
    place = hidden.new_empty(min(step, len(hidden)), len(table))
    index = torch.arange(len(place), device=hidden.device).unsqueeze(1)
    for start in range(0, len(hidden), step):
        part = rows.part(start, start + step)
        scores = torch.mm(part.hidden, table.t(), out=place[: len(part.hidden)])  # (rows, V)
        scores = scores if wants else scores.to(sums)  # where there is no gradient, exactness costs little
        true_score, at = scores.gather(1, part.target).to(sums), index[: len(part.hidden)]
        if not wants:
            correct += ((true_score >= scores.amax(1, keepdim=True)) * part.real).sum()
        top = scores.amax(1, keepdim=True) if shift else torch.zeros_like(scores[:, :1])
        powers = (scores.sub_(top) if shift else scores).exp_()
        powers[at, part.target] = 0
        others, true_power = powers.sum(1, keepdim=True).to(sums), (true_score - top).exp()
        all_powers = others + true_power
        normaliser = all_powers.log() + top
        log_likely, own, slopes = _mix(true_score - normaliser, part.pointed)
        plain &= (normaliser.abs() <= PLAIN).all()
        nll -= (log_likely * part.real).sum()
        normalisers += (normaliser * part.real).sum()
        if wants:
            pull = ((1 - smoothing) * own + smoothing).clamp(min=1e-30)  # of the row, without a pointer 1
            powers[at, part.target] = (smoothing / pull * all_powers - others).to(powers.dtype)
            share = (pull * part.real / all_powers).to(hidden.dtype)  # the slopes are this times the powers
            torch.mm(powers, table, out=to_hidden[start : start + step]).mul_(share)
            to_weight.addmm_(powers.t(), part.hidden * share, beta=min(start, 1))  # what stood there before the first is not read
            to_mixed[start : start + step] = slopes * ((smoothing - 1) * part.real)
    counted = not wants and rows.pointed is None
    return _Sums(nll, normalisers, correct if counted else torch.full_like(correct, math.nan), plain, to_hidden, to_weight, to_mixed)


def _mix(log_share: Tensor, pointed: _Pointed | None) -> tuple[Tensor, Tensor, Tensor]:
    """Of each row's true symbol, whose share of the vocabulary has the logarithm (n, 1): the logarithm of its probability, how much of that
    is the vocabulary's, and the slopes (n, 2) of the first by generate and copied.
    """
    if pointed is None:
        return log_share, torch.ones_like(log_share), torch.zeros_like(log_share)
    log_share = log_share.masked_fill(~pointed.known, -math.inf)
    log_own = pointed.generate.log() + log_share
    log_likely = torch.logaddexp(log_own, pointed.copied.log())
    impossible = log_likely == -math.inf
    log_likely = log_likely.masked_fill(impossible, IMPOSSIBLE)
    slopes = torch.cat([log_share, torch.zeros_like(log_share)], 1) - log_likely
    slopes = slopes.clamp(max=-IMPOSSIBLE).exp()  # larger ones would be infinite, and what they are multiplied with is nothing
    return log_likely, (log_own - log_likely).exp(), slopes.masked_fill(impossible, 0)
