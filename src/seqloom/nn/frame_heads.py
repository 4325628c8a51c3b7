"""Heads for frames: decoder states to numbers, or to distributions of numbers, and to a loss.

One contract. `values(decoded)` gives P parameters for each number, (B, T, D, P) in float32; `point(values)` the one number (B, T, D) that
is fed back and forecast; `each(values, target)` the loss of each number. A new head is a config class in `config/model.py`, a module
here and an entry in FRAME_HEADS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom import config
from seqloom.nn.decoders import Decoded
from seqloom.nn.heads import LossSum, Pointer
from seqloom.nn.products import Linear

__all__ = ["FRAME_HEADS", "FrameHead"]

SMALLEST = 1e-3
"""Of the spread of a distribution, in scaled units: the likelihood of a constant would have no end."""


class FrameHead(nn.Module):
    """The contract above, for one parameter a number: its mean, learned by squared error."""

    points = False
    """There is no pointer."""

    def __init__(self, config: Any, width: int, size: int, parameters: int = 1) -> None:
        super().__init__()
        self.parameters_each = parameters
        self.project = Linear(width, size * parameters)
        self.stop = Linear(width, 1) if config.stop == "learned" else None

    def values(self, decoded: Decoded) -> Tensor:
        """The parameters (B, T, D, P); the linear path's forecast is added to where a distribution stands."""
        raw = self.project(decoded.hidden).unflatten(2, (-1, self.parameters_each))
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        return self.shape(raw, raw.new_zeros(1, 1, 1) if decoded.base is None else decoded.base.to(raw.dtype))

    def shape(self, raw: Tensor, base: Tensor) -> Tensor:
        """What `values` gives, from P raw numbers and the base (B, T, D)."""
        return (raw[..., 0] + base).unsqueeze(3)

    def point(self, values: Tensor) -> Tensor:
        """The number (B, T, D) to go on with."""
        return values[..., 0]

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """The loss (B, T, D)."""
        return (self.point(values) - target).square()

    def stops(self, decoded: Decoded) -> Tensor:
        """The probability (B, T) that a frame is the last; zero where that is not learned."""
        if self.stop is None:
            return decoded.hidden.new_zeros(decoded.hidden.shape[:2])
        return torch.sigmoid(self.stop(decoded.hidden).squeeze(2))

    def best(self, decoded: Decoded, pointer: Pointer | None = None) -> Tensor:
        """The likeliest frames (B, T, D)."""
        return self.point(self.values(decoded))

    def loss(self, decoded: Decoded, target: Tensor, mask: Tensor, pointer: Pointer | None = None) -> LossSum:
        """The loss of targets (B, T, D) where the mask (B, T) is True: a mean over D, added up over the frames. NaN is no target: a frame
        counts by the share of its numbers that are known.
        """
        known = ~target.isnan()
        loss = self.each(self.values(decoded), target.nan_to_num()).masked_fill(~known, 0)[mask].mean(1).sum()
        nll = loss.detach()
        if self.stop is not None:
            loss = loss + self._stop_loss(self.stop(decoded.hidden).squeeze(2), mask)
        return LossSum(loss, nll, known[mask].float().mean(1).sum(), mask.new_zeros((), dtype=torch.int64))

    def _stop_loss(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Cross-entropy of scores (B, T) with being the last real frame."""
        last = mask & ~functional.pad(mask[:, 1:], (0, 1))
        return functional.binary_cross_entropy_with_logits(scores.float()[mask], last[mask].float(), reduction="sum")


class AbsoluteHead(FrameHead):
    """The median, learned by absolute error."""

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """The loss (B, T, D)."""
        return (self.point(values) - target).abs()


class HuberHead(FrameHead):
    """Between mean and median (Huber 1964)."""

    def __init__(self, config: config.HuberHead, width: int, size: int) -> None:
        super().__init__(config, width, size)
        self.delta = config.delta

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """The loss (B, T, D)."""
        return functional.huber_loss(self.point(values), target, reduction="none", delta=self.delta)


class QuantileHead(FrameHead):
    """Quantiles in rising order: the middle one, and from it outwards sums of positive steps, so that none can cross another."""

    levels: Tensor

    def __init__(self, config: config.QuantileHead, width: int, size: int) -> None:
        super().__init__(config, width, size, len(config.levels))
        self.middle = min(range(len(config.levels)), key=lambda place: abs(config.levels[place] - 0.5))
        self.register_buffer("levels", torch.tensor(config.levels), persistent=False)

    def shape(self, raw: Tensor, base: Tensor) -> Tensor:
        """The quantiles (B, T, D, P)."""
        middle = raw[..., self.middle : self.middle + 1] + base.unsqueeze(3)
        steps = functional.softplus(raw)
        above = middle + steps[..., self.middle + 1 :].cumsum(3)
        below = middle - steps[..., : self.middle].flip(3).cumsum(3).flip(3)
        return torch.cat([below, middle, above], 3)

    def point(self, values: Tensor) -> Tensor:
        """The quantile nearest to the median."""
        return values[..., self.middle]

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """Twice the mean pinball loss, so that for the median alone it is the absolute error."""
        error, levels = target.unsqueeze(3) - values, self.levels.to(values.dtype)
        return 2 * torch.maximum(levels * error, (levels - 1) * error).mean(3)


class GaussianHead(FrameHead):
    """Mean and standard deviation, by the likelihood."""

    def __init__(self, config: config.GaussianHead, width: int, size: int) -> None:
        super().__init__(config, width, size, 2)

    def shape(self, raw: Tensor, base: Tensor) -> Tensor:
        """Mean and deviation."""
        return torch.stack([raw[..., 0] + base, functional.softplus(raw[..., 1]) + SMALLEST], 3)

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """The negative log-likelihood in nats."""
        mean, deviation = values.unbind(3)
        return ((target - mean) / deviation).square() / 2 + deviation.log() + math.log(2 * math.pi) / 2


class StudentTHead(FrameHead):
    """Place, spread and degrees of freedom (above 2, so that there is a variance), by the likelihood."""

    def __init__(self, config: config.StudentTHead, width: int, size: int) -> None:
        super().__init__(config, width, size, 3)

    def shape(self, raw: Tensor, base: Tensor) -> Tensor:
        """Place, spread, degrees of freedom."""
        return torch.stack(
            [raw[..., 0] + base, functional.softplus(raw[..., 1]) + SMALLEST, 2 + SMALLEST + functional.softplus(raw[..., 2])], 3
        )

    def each(self, values: Tensor, target: Tensor) -> Tensor:
        """The negative log-likelihood in nats."""
        place, spread, freedom = values.unbind(3)
        return -torch.distributions.StudentT(freedom, place, spread, validate_args=False).log_prob(target)


FRAME_HEADS: dict[str, Callable[..., FrameHead]] = {
    "squared": FrameHead,
    "absolute": AbsoluteHead,
    "huber": HuberHead,
    "quantile": QuantileHead,
    "gaussian": GaussianHead,
    "student_t": StudentTHead,
}
