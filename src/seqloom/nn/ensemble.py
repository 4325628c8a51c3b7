"""Several networks that answer as one: at each position the mean of their probabilities.

An ensemble keeps the contract of a network. Its memory and its state hold the members' under their numbers (`2.keys`), so search, scoring
and export do with them what they do with those of any network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seqloom.nn.decoders import Decoded, Memory, State
from seqloom.nn.heads import LossSum, Pointer, TokenHead
from seqloom.nn.seq2seq import Network, TensorBatch

__all__ = ["Ensemble"]


class Ensemble(Network):
    """Networks for the same source and target ids, with weights of their own. Their kinds and widths may differ; but all copy or none does,
    all have a CTC head or none has, and all have as many states for a source.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = cast("Sequence[Network]", nn.ModuleList(members))
        self.head = MeanHead([member.head for member in members])
        self.attends = any(member.attends for member in members)
        self.stride, self.target_size, self.source_frame = members[0].stride, members[0].target_size, members[0].source_frame

    def prepare(self, source: Tensor, mask: Tensor) -> Memory:
        memories = [member.prepare(source, mask) for member in self.members]
        memory = {"mask": memories[0]["mask"]}
        if "ctc" in memories[0]:
            memory["ctc"] = _log_mean_exp(part["ctc"] for part in memories)  # (B, S, V)
        return memory | _numbered([{name: part[name] for name in part if name not in memory} for part in memories])

    def start(self, memory: Memory) -> State:
        return _numbered([member.start(_of(number, memory)) for number, member in enumerate(self.members, 1)])

    def decode(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        """Hidden states side by side, (B, T, sum of D), and the mean of the members' attention."""
        said = [
            member.decode(inputs, _of(number, memory), _of(number, state), need_attention) for number, member in enumerate(self.members, 1)
        ]
        parts = tuple(decoded for decoded, _ in said)
        weights = [part.attention for part in parts if part.attention is not None]
        attention = torch.stack(weights).mean(0) if weights else None
        return Decoded(torch.cat([part.hidden for part in parts], 2), attention, members=parts), _numbered([after for _, after in said])

    def forward(self, batch: TensorBatch, teacher_forcing: float = 1.0) -> LossSum:
        """The loss of what the members say together; they learn one by one, so that what is true is always shown."""
        memory = self.prepare(batch.source, batch.source_mask)
        decoded, _ = self.decode(batch.target_in, memory, self.start(memory))
        return self.head.loss(decoded, batch.target_out, batch.target_mask, batch.pointer)


class MeanHead:
    """The heads of all members as one; see `seqloom.nn.heads.TokenHead`. The weights are the members'."""

    def __init__(self, heads: Sequence[TokenHead]) -> None:
        self.heads = heads

    @property
    def points(self) -> bool:
        """Whether there are pointers."""
        return self.heads[0].points

    def log_probs(self, decoded: Decoded, pointer: Pointer | None = None) -> Tensor:
        """The logarithm of the members' mean probabilities, (B, T, V) in float32, or (B, T, V + extra) with a pointer."""
        return _log_mean_exp(head.log_probs(part, pointer) for head, part in zip(self.heads, decoded.members, strict=True))

    def copying(self, decoded: Decoded, pointer: Pointer) -> Tensor:
        """The mean probability (B, T, S) of copying the symbol at each source position."""
        return torch.stack([head.copying(part, pointer) for head, part in zip(self.heads, decoded.members, strict=True)]).mean(0)

    def loss(self, decoded: Decoded, target: Tensor, mask: Tensor, pointer: Pointer | None = None) -> LossSum:
        """The cross-entropy of targets (B, T) where the mask (B, T) is True, without smoothing."""
        log_probs = self.log_probs(decoded, pointer)
        nll = -log_probs.gather(2, target.unsqueeze(2)).squeeze(2)[mask].sum()
        return LossSum(nll, nll, mask.sum(), (log_probs.argmax(2) == target)[mask].sum())


def _log_mean_exp(parts: Iterable[Tensor]) -> Tensor:
    """log of the mean of exp of the parts, all of one shape. Two at a time, so that those of a large vocabulary never stand in memory
    together; and written out, since ONNX has no logaddexp.
    """
    total, count = torch.empty(0), 0
    for part in parts:
        more = torch.maximum(total, part) + torch.log1p(torch.exp(-(total - part).abs())) if count else part
        total, count = more, count + 1
    return total - math.log(count)


def _numbered(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The members' tensors under their numbers."""
    return {f"{number}.{name}": tensor for number, part in enumerate(parts, 1) for name, tensor in part.items()}


def _of(number: int, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What one member knows of them: its own, and the mask, which all share."""
    own = {name.removeprefix(f"{number}."): tensor for name, tensor in tensors.items() if name.startswith(f"{number}.")}
    return {"mask": tensors["mask"], **own} if "mask" in tensors else own
