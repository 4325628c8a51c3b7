"""The network as a `torch.export` program, for those who stay with PyTorch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqloom.config import has_own_parts
from seqloom.errors import ConfigError, PartError
from seqloom.export.tracing import PAST, SENTENCES, SYMBOLS, TracedRecurrence, example
from seqloom.nn.decoders import RecurrentDecoder
from seqloom.nn.frame_heads import FrameHead
from seqloom.nn.layers import LinearPath, Recurrence
from seqloom.nn.seq2seq import Network, Seq2Seq

__all__ = ["write_program"]


def write_program(network: Network, path: Path) -> None:
    """Write the program, for batches and sequences of any size. `torch.export.load(path).module()` gives it back.

    Raises:
        ConfigError: the network has a part whose lengths torch cannot keep open.
    """
    _refuse_unsupported(network)
    whole = copy.deepcopy(network).to("cpu", torch.float32).eval()
    for module in list(whole.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Recurrence):
                module.add_module(name, _Scanned(child))
    source, mask = example(whole)["source"], torch.arange(SYMBOLS) < torch.tensor([[SYMBOLS], [3], [5]])
    horizon = next((len(part.bias) for part in whole.modules() if isinstance(part, LinearPath)), None)  # beyond it there is no path
    target = torch.full((SENTENCES, horizon or PAST, *_shown(whole)), 0.5 if _shown(whole) else 4)
    rows, places, symbols = torch.export.Dim("B"), torch.export.Dim("S"), torch.export.Dim("T")
    sizes = {
        "source": {0: rows, 1: places},
        "source_mask": {0: rows, 1: places},
        "target_in": {0: rows} | ({} if horizon else {1: symbols}),
    }
    torch.compiler.reset()  # what a program before this one has taught the tracer about sizes would be taken for a law of this one
    try:
        with torch.no_grad():
            made = torch.export.export(_Said(whole), (source, mask, target), dynamic_shapes=sizes, strict=False)
    except Exception as error:  # torch raises several kinds, of pages of text
        if not has_own_parts():
            raise
        what = f"{type(error).__name__}: {(str(error).strip() or 'no reason').splitlines()[0].rstrip('.')}"
        raise PartError(
            f"--format torch-export: torch cannot trace a part of yours for every length ({what[:200]}); "
            "expected one without Python loops over positions. Export as onnx."
        ) from error
    torch.export.save(made, path)


def _refuse_unsupported(network: Network) -> None:
    feeds = any(isinstance(part, RecurrentDecoder) and part.input_feeding for part in network.modules())
    for is_there, what in (
        (network.head.points, "a model that copies source symbols (model.copy)"),
        (network.stride > 1, "a subsampling before the encoder (model.encoder.subsampling)"),
        (feeds, "a decoder with input feeding (model.decoder.input_feeding)"),
    ):
        if is_there:
            raise ConfigError(f"--format torch-export: {what}; expected one without. Export as onnx.")


def _shown(network: Network) -> tuple[int, ...]:
    """The shape of a target position: (D + C,) for frames, () for ids."""
    return (network.target_size + network.known,) if isinstance(network, Seq2Seq) and isinstance(network.head, FrameHead) else ()


class _Said(nn.Module):
    """Source and target to what the head says of each position, the whole target at once."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.say = network.head.values if isinstance(network.head, FrameHead) else network.head.log_probs

    def forward(self, source: Tensor, source_mask: Tensor, target_in: Tensor) -> Tensor:
        """(B, T, V) log-probabilities or (B, T, D, P) parameters of numbers, in float32, for a source (B, S) of ids or (B, S, D) of frames
        with its mask, and target ids (B, T), <s> first, or frames (B, T, D + C): the one before, zeros first, and what is known of each.
        """
        memory = self.network.prepare(source, source_mask)
        decoded, _ = self.network.decode(target_in, memory, self.network.start(memory))
        return self.say(decoded)


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
