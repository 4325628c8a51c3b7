"""Optimizers, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqloom import config
from seqloom.errors import CheckpointError

__all__ = ["make_optimizer", "restore_optimizer", "save_optimizer"]

PREFIX = "optimizer."


def make_optimizer(network: nn.Module, settings: config.AdamW | config.Adam | config.SGD) -> torch.optim.Optimizer:
    """The optimizer that the config names. Weight decay is for matrices, not for biases and norms."""
    weights = [part for part in network.parameters() if part.requires_grad]
    if isinstance(settings, config.SGD):
        return torch.optim.SGD(weights, lr=settings.learning_rate, momentum=settings.momentum)
    if isinstance(settings, config.Adam):
        return torch.optim.Adam(weights, lr=settings.learning_rate, betas=settings.betas, fused=_fused(weights))
    groups = [
        {"params": [part for part in weights if part.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [part for part in weights if part.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=_fused(weights))


def _fused(weights: list[nn.Parameter]) -> bool:
    return weights[0].device.type in ("cpu", "cuda")


def save_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors by name."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {f"{PREFIX}{number}.{name}": part for number, parts in state.items() for name, part in parts.items() if isinstance(part, Tensor)}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put saved tensors back.

    Raises:
        CheckpointError: they are of another optimizer.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, part in tensors.items():
        if name.startswith(PREFIX):
            number, _, key = name.removeprefix(PREFIX).partition(".")
            state.setdefault(int(number), {})[key] = part
            if int(number) >= len(weights) or key not in _names(optimizer) or part.shape not in (weights[int(number)].shape, ()):
                raise CheckpointError(f"the optimizer's state does not fit the config (no place for {name}). Train anew with --overwrite.")
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _names(optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
    """What the optimizer keeps for each weight."""
    if isinstance(optimizer, torch.optim.SGD):
        return ("momentum_buffer",) if optimizer.defaults["momentum"] else ()
    return "step", "exp_avg", "exp_avg_sq"
