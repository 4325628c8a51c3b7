"""Small networks and random examples for the laws. No two axes are of one size, so that a swapped one is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from seqloom.batching import Example, collate
from seqloom.config import ModelConfig
from seqloom.nn.decoders import Decoded
from seqloom.nn.seq2seq import Network, Seq2Seq, TensorBatch
from seqloom.tensors import to_tensors

__all__ = ["SOURCE_SIZE", "TARGET_SIZE", "Sides", "batch_of", "changed_later", "example", "moved", "network_of", "outputs", "run"]

Weighted = TypeVar("Weighted", bound=torch.nn.Module)

SOURCE_SIZE, TARGET_SIZE = 11, 9
"""Symbols of the vocabularies."""


@dataclass(frozen=True)
class Sides:
    """What a network reads and writes: frames of so many numbers, ids where there is no number."""

    source: int | None = None
    target: int | None = None
    known: int = 0
    """Numbers that are known of each target frame beforehand."""
    copy: bool = False
    """Whether sources hold symbols to copy."""


def network_of(config: ModelConfig, sides: Sides, seed: int = 1) -> Seq2Seq:
    """A network whose weights are drawn from a seed."""
    torch.manual_seed(seed)
    return Seq2Seq(
        config,
        sides.source or SOURCE_SIZE,
        sides.target or TARGET_SIZE,
        source_kind="frames" if sides.source else "ids",
        target_kind="frames" if sides.target else "ids",
        known=sides.known,
    )


def moved(network: Weighted) -> Weighted:
    """The network with each weight moved a little: what begins at zero, as gates and biases often do, hides what is wrong with it."""
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=draw)
    return network


def example(source_length: int, target_length: int, seed: int, sides: Sides) -> Example:
    """Random ids or frames; for a pointer, the first source symbol is one that the target lacks and that the output holds."""
    draw = np.random.default_rng(seed)
    source, target = draw.integers(3, SOURCE_SIZE, source_length), draw.integers(4, TARGET_SIZE, target_length)
    if sides.source or sides.target:
        source = draw.normal(size=(source_length, sides.source)).astype(np.float32) if sides.source else source
        target = draw.normal(size=(target_length, sides.target)).astype(np.float32) if sides.target else target
        known = draw.normal(size=(target_length, sides.known)).astype(np.float32) if sides.known else None
        return Example(source, target, "", None, known)
    if not sides.copy:
        return Example(source, target, "")
    copy = draw.integers(4, TARGET_SIZE, source_length)
    copy[0], copy[-1], target[-1] = TARGET_SIZE, -1, TARGET_SIZE
    return Example(source, target, "", copy)


def batch_of(*examples: Example) -> TensorBatch:
    """The examples as a batch on the processor."""
    return to_tensors(collate(examples), TARGET_SIZE, "cpu")


def run(network: Network, batch: TensorBatch) -> tuple[Decoded, Tensor]:
    """A network decodes targets. Gives what is decoded of the whole at once, and what the head says of it, as `outputs` does."""
    with torch.no_grad():
        memory = network.prepare(batch.source, batch.source_mask)
        decoded, _ = network.decode(batch.target_in, memory, network.start(memory), need_attention=True)
        return decoded, outputs(network, decoded, batch)


def outputs(network: Network, decoded: Decoded, batch: TensorBatch) -> Tensor:
    """Log-probabilities (B, T, V), or the parameters of frames (B, T, D, P)."""
    return network.head.log_probs(decoded, batch.pointer) if batch.target_out.dim() == 2 else network.head.values(decoded)


def changed_later(batch: TensorBatch, place: int) -> TensorBatch:
    """The batch with other targets after what is shown at `place`; what is known of frames beforehand stays."""
    changed, size = batch.target_in.clone(), batch.target_out.shape[-1]
    if changed.dim() == 2:
        changed[:, place + 1 :] = (changed[:, place + 1 :] + 1) % TARGET_SIZE
    else:
        changed[:, place + 1 :, :size] += 1
    return batch._replace(target_in=changed)
