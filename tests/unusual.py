"""A process that has set much of torch for code of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def unusual_torch(device: str) -> Generator[None]:
    """Within, dtype, device, gradients and autocast are others than usual."""
    torch.set_default_dtype(torch.float64)
    torch.set_default_device(device)
    try:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
