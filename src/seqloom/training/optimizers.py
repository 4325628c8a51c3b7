"""Optimizers: torch's own rules for an update, and what they keep of each weight as named tensors.

The rules are functions in `torch.optim`. Its classes are not used: they load torch's compiler, which takes a second and a half of processor
time before the first update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from seqloom import config
from seqloom.errors import CheckpointError

__all__ = ["Optimizer"]

PREFIX = "optimizer."
EPSILON = 1e-8
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam keeps of a weight: how often it was changed, the mean of its gradients and that of their squares."""
MOMENTUM = ("momentum_buffer",)

Kept = dict[str, Tensor]


class Optimizer:
    """The rule that the config names, over the weights of a network. Weight decay is for matrices, not for biases and norms."""

    def __init__(self, network: nn.Module, settings: config.AdamW | config.Adam | config.SGD) -> None:
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.change, self.names = _rule(settings)
        self.weights = sorted(weights, key=lambda weight: weight.dim() <= 1) if settings.kind == "adamw" else weights
        self.kept: list[Kept] = [{} for _ in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the weights by their gradients, at this learning rate."""
        pairs = [(weight, kept) for weight, kept in zip(self.weights, self.kept, strict=True) if weight.grad is not None]
        self.change([weight for weight, _ in pairs], [kept for _, kept in pairs], rate)

    def forget_gradients(self) -> None:
        """The next gradients are not added to those that the weights have."""
        for weight in self.weights:
            weight.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """What is kept, by name."""
        return {f"{PREFIX}{number}.{name}": part for number, kept in enumerate(self.kept) for name, part in kept.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on with what `tensors` gave, among whatever else there is.

        Raises:
            CheckpointError: it is of another optimizer.
        """
        kept: list[Kept] = [{} for _ in self.weights]
        for name, part in tensors.items():
            if name.startswith(PREFIX):
                number, _, key = name.removeprefix(PREFIX).partition(".")
                if int(number) >= len(kept) or key not in self.names or part.shape not in (self.weights[int(number)].shape, ()):
                    raise CheckpointError(
                        f"the optimizer's state does not fit the config (no place for {name}). Train anew with --overwrite."
                    )
                kept[int(number)][key] = part.to(self.weights[int(number)].device)
        self.kept = kept


Change = Callable[[Sequence[nn.Parameter], Sequence[Kept], float], None]


def _rule(settings: config.AdamW | config.Adam | config.SGD) -> tuple[Change, tuple[str, ...]]:
    """How weights are changed, and the names of what that keeps of each."""
    if isinstance(settings, config.SGD):
        return lambda weights, kept, rate: _descend(weights, kept, rate, settings.momentum), MOMENTUM if settings.momentum else ()
    if isinstance(settings, config.Adam):
        return lambda weights, kept, rate: _adapt(weights, kept, rate, settings.betas, None), MOMENTS
    return lambda weights, kept, rate: _decay_matrices(weights, kept, rate, settings), MOMENTS


def _decay_matrices(weights: Sequence[nn.Parameter], kept: Sequence[Kept], rate: float, settings: config.AdamW) -> None:
    """The weights are the matrices, and then the others."""
    matrices = sum(weight.dim() > 1 for weight in weights)
    _adapt(weights[:matrices], kept[:matrices], rate, settings.betas, settings.weight_decay)
    _adapt(weights[matrices:], kept[matrices:], rate, settings.betas, 0.0)


def _adapt(weights: Sequence[nn.Parameter], kept: Sequence[Kept], rate: float, betas: tuple[float, float], decay: float | None) -> None:
    """Adam; AdamW with a weight decay."""
    if not weights:
        return
    is_fused = weights[0].device.type in ("cpu", "cuda")
    for weight, state in zip(weights, kept, strict=True):
        if not state:
            state["step"] = torch.zeros((), device=weight.device if is_fused else "cpu")
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
    steps, means, squares = ([state[name] for state in kept] for name in MOMENTS)
    (adam if decay is None else adamw)(
        list[Tensor](weights), _gradients(weights), means, squares, [], steps, fused=is_fused,
        amsgrad=False, beta1=betas[0], beta2=betas[1], lr=rate, weight_decay=decay or 0.0, eps=EPSILON, maximize=False,
    )  # fmt: skip


def _descend(weights: Sequence[nn.Parameter], kept: Sequence[Kept], rate: float, momentum: float) -> None:
    buffers = [state.get("momentum_buffer") for state in kept]
    sgd(
        list[Tensor](weights), _gradients(weights), buffers,
        weight_decay=0.0, momentum=momentum, lr=rate, dampening=0.0, nesterov=False, maximize=False,
    )  # fmt: skip
    for state, buffer in zip(kept, buffers, strict=True):
        if buffer is not None:
            state["momentum_buffer"] = buffer


def _gradients(weights: Sequence[nn.Parameter]) -> list[Tensor]:
    return [weight.grad for weight in weights if weight.grad is not None]
