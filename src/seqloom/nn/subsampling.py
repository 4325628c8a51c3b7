"""Fewer states than source positions: convolutions in front of an encoder, for frames that come a hundred a second."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom import config
from seqloom.nn.dropout import Dropout

__all__ = ["SUBSAMPLINGS", "as_product", "make_subsampling"]


class ConvSubsampling(nn.Module):
    """Convolutions of 3 × 3 with stride 2 over time and bands (Dong et al. 2018, section 3.3), a halving each.

    `width` is that of the states. What stands behind the end of a row is zero for every layer, as the border is, so padding changes
    nothing.
    """

    def __init__(self, config: config.ConvSubsampling, inputs: int, dropout: float) -> None:
        super().__init__()
        halvings = int(math.log2(config.factor))
        channels = [1] + [config.channels] * halvings
        self.layers = nn.ModuleList(nn.Conv2d(above, below, 3, 2, padding=1) for above, below in itertools.pairwise(channels))
        self.width = config.channels * math.ceil(inputs / config.factor)
        self.norm = nn.LayerNorm(self.width)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, S / factor, width) and their mask, of inputs (B, S, D); parts of a state count as one."""
        inputs = inputs.to(self.norm.weight.dtype)
        images = (inputs * mask.unsqueeze(2)).unsqueeze(1)  # (B, 1, S, D)
        for layer in self.layers:
            mask = mask[:, ::2]
            images = functional.relu(_convolved(layer, images)) * mask[:, None, :, None]  # (B, C, S / 2, D / 2)
        return self.dropout(self.norm(images.transpose(1, 2).flatten(2))), mask


def _convolved(layer: nn.Module, images: Tensor) -> Tensor:
    """What the layer gives. On a GPU as a product of matrices: cuDNN prepares itself for each new size of its input, and every batch of
    sounds has another, which took 0.2 s an update on an H100.
    """
    return as_product(layer, images) if images.is_cuda and isinstance(layer, nn.Conv2d) else layer(images)


def as_product(layer: nn.Conv2d, images: Tensor) -> Tensor:
    """The images (B, C, H, W) convolved, by a product with their patches (B, C · 9, H' · W'); to rounding what the layer gives."""
    patches = functional.unfold(images, layer.kernel_size, padding=1, stride=2)
    outputs = torch.matmul(layer.weight.flatten(1), patches)
    if layer.bias is not None:
        outputs = outputs + layer.bias[:, None]
    return outputs.unflatten(2, tuple((size + 1) // 2 for size in images.shape[2:]))


SUBSAMPLINGS: dict[str, Callable[..., ConvSubsampling]] = {"conv": ConvSubsampling}


def make_subsampling(config: Any, inputs: int, dropout: float) -> ConvSubsampling | None:
    """What the config names for inputs of a width; None where every position is to have its state."""
    return SUBSAMPLINGS[config.kind](config, inputs, dropout) if config.kind in SUBSAMPLINGS else None
