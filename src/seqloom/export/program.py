"""The network as a `torch.export` program, for those who stay with PyTorch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqloom.errors import ConfigError
from seqloom.export.tracing import TracedRecurrence
from seqloom.nn.frame_heads import FrameHead
from seqloom.nn.layers import Recurrence
from seqloom.nn.seq2seq import Network

__all__ = ["write_program"]


def write_program(network: Network, path: Path) -> None:
    """Write the program, for batches and sequences of any size. `torch.export.load(path).module()` gives it back.

    Raises:
        ConfigError: the network copies source symbols, or a side of it is frames.
    """
    if network.source_frame or isinstance(network.head, FrameHead):
        raise ConfigError("--format torch-export: a model of frames; expected one of ids on both sides. Leave --format out.")
    if network.head.points:
        raise ConfigError("--format torch-export: a model that copies source symbols (model.copy); expected one without. Export as onnx.")
    whole = copy.deepcopy(network).to("cpu", torch.float32).eval()
    for module in list(whole.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Recurrence):
                module.add_module(name, _Scanned(child))
    source, target = torch.full((3, 7), 4), torch.full((3, 5), 4)
    rows, places, symbols = torch.export.Dim("B"), torch.export.Dim("S"), torch.export.Dim("T")
    sizes = {"source": {0: rows, 1: places}, "source_mask": {0: rows, 1: places}, "target_in": {0: rows, 1: symbols}}
    with torch.no_grad():
        made = torch.export.export(_Scores(whole), (source, source > 0, target), dynamic_shapes=sizes, strict=False)
    torch.export.save(made, path)


class _Scores(nn.Module):
    """Source and target to log-probabilities, the whole target at once."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, source_mask: Tensor, target_in: Tensor) -> Tensor:
        """(B, T, V) in float32, for source ids (B, S) with their mask, and target ids (B, T), <s> first."""
        memory = self.network.prepare(source, source_mask)
        decoded, _ = self.network.decode(target_in, memory, self.network.start(memory))
        return self.network.head.log_probs(decoded)


class _Scanned(TracedRecurrence):
    """A recurrence as a loop that keeps its length open: nn.LSTM would be written for the length of the example alone."""

    def __init__(self, layer: Recurrence) -> None:
        super().__init__(layer)
        for name in ("joint", "bias") if self.cell == "gru" else ("read", "kept", "read_bias", "kept_bias"):
            delattr(self, name)

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        states = self.run(inputs, state)
        return states[0], tuple(part[:, -1] for part in states)

    def run(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> list[Tensor]:
        """The states (B, S, W) after each position, one for each name."""
        from torch._higher_order_ops.scan import scan  # not public yet; the only loop that torch.export keeps

        def step(before: list[Tensor], read: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            after = self.step(read, tuple(before))
            return list(after), [part.clone() for part in after]

        begin = state or tuple(inputs.new_zeros(inputs.shape[0], self.width) for _ in self.state_names)
        states: Any = scan(step, [part.clone() for part in begin], inputs.transpose(0, 1), dim=0)[1]
        return [part.transpose(0, 1) for part in states]
