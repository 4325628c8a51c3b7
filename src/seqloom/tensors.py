"""The one place where arrays become tensors: a batch on its way to the network."""

from __future__ import annotations

import torch

from seqloom.batching import Batch
from seqloom.nn.heads import Pointer
from seqloom.nn.seq2seq import TensorBatch

__all__ = ["to_tensors"]


def to_tensors(batch: Batch, target_size: int, device: torch.device | str) -> TensorBatch:
    """The batch as tensors on the device."""
    source, source_mask, target_in, target_out, target_mask = (
        torch.from_numpy(part).to(device, non_blocking=True)
        for part in (batch.source, batch.source_mask, batch.target_in, batch.target_out, batch.target_mask)
    )
    pointer = None
    if batch.copy is not None:
        extra = max(int(batch.copy.max()) + 1 - target_size, 0)
        pointer = Pointer(torch.from_numpy(batch.copy).to(device), extra)
    return TensorBatch(source, source_mask, target_in, target_out, target_mask, pointer)
