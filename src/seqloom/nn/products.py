"""Products with weights, by whichever of torch's libraries multiplies fastest on this processor.

torch takes MKL for float32, which takes slower instructions on processors of other makers. On an AMD EPYC with AVX-512 a thread
does 98 billion operations a second with it and 215 with oneDNN, which torch brings too and takes for whole recurrent layers already
(320 rows by 512 × 8,000 weights). The operation is the one that torch's compiler uses; it has no gradient, so that only answers are
computed with it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Linear", "by_onednn", "cell", "dtype_of_products", "linear"]


def choose() -> Callable[..., Tensor] | None:
    """oneDNN's product, where it is the faster one: told by the maker of the processor, not by the clock, so that answers are the same
    to the last digit from one process to the next.
    """
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):
        return None
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or "AuthenticAMD" not in _maker():
        return None
    return cast("Callable[..., Tensor] | None", getattr(torch.ops.mkldnn, "_linear_pointwise", None))


def _maker() -> str:
    """What the system says of the processor, its maker among it."""
    if platform.system() != "Linux":
        return os.environ.get("PROCESSOR_IDENTIFIER", "")  # Windows: "AMD64 Family 25 Model 33 Stepping 2, AuthenticAMD"
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return ""


ONEDNN = choose()
WORTH = 1 << 22
"""Multiplications below which MKL's product is taken: oneDNN prepares itself for each new shape, in half a millisecond, and answers have
many: rows become fewer as they end.
"""


def by_onednn(inputs: Tensor) -> bool:
    """Whether the product of these inputs with weights is oneDNN's: float32 on a processor of which MKL makes less, for an answer."""
    here = ONEDNN is not None and inputs.dtype == torch.float32 and inputs.device.type == "cpu"
    return here and torch.is_inference_mode_enabled() and not torch.is_autocast_enabled("cpu")


def dtype_of_products(inputs: Tensor) -> torch.dtype:
    """That in which these inputs are multiplied: autocast's, where that is on."""
    device = inputs.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else inputs.dtype


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """inputs (..., D) times weight (W, D), transposed, and bias (W,): (..., W), as `torch.nn.functional.linear` has it."""
    if ONEDNN is not None and by_onednn(inputs) and weight.dtype == inputs.dtype and inputs.numel() * len(weight) >= WORTH:
        return ONEDNN(inputs, weight, bias, "none", [], "")
    return functional.linear(inputs, weight, bias)


class Linear(nn.Linear):
    """torch's layer, by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def cell(kind: str, inputs: Tensor, state: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The state, tensors (B, W), after inputs (B, D): `torch.lstm_cell`, `gru_cell` or `rnn_tanh_cell`, with products by `linear`."""
    if not by_onednn(inputs):
        if kind == "lstm":
            return tuple(torch.lstm_cell(inputs, list(state), *weights))
        return ((torch.gru_cell if kind == "gru" else torch.rnn_tanh_cell)(inputs, state[0], *weights),)
    of_inputs, of_state = linear(inputs, weights[0], weights[2]), linear(state[0], weights[1], weights[3])
    if kind == "gru":
        (reset, keep, new), (reset_too, keep_too, before) = of_inputs.chunk(3, 1), of_state.chunk(3, 1)
        new = torch.tanh(new + torch.sigmoid(reset + reset_too) * before)
        return (new + torch.sigmoid(keep + keep_too) * (state[0] - new),)
    if kind == "rnn":
        return (torch.tanh(of_inputs + of_state),)
    enter, keep, new, leave = (of_inputs + of_state).chunk(4, 1)
    inner = torch.sigmoid(keep) * state[1] + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(inner), inner
