"""The whole network: source to memory, target to states, states to a loss. Either side is ids or frames."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple, Protocol, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom import config as settings
from seqloom.config import ModelConfig, RecurrentDecoder
from seqloom.errors import PartError
from seqloom.nn.ctc import CtcHead, ctc_loss
from seqloom.nn.decoders import Decoded, Memory, State, joined, make_decoder
from seqloom.nn.encoders import Encoded, make_encoder
from seqloom.nn.frame_heads import FRAME_HEADS, FrameHead
from seqloom.nn.heads import LossSum, Pointer, TokenHead
from seqloom.nn.layers import FrameInput, LinearPath, TokenInput, initialise, last_frames

__all__ = ["Network", "Seq2Seq", "Side", "TensorBatch", "answering", "make_network"]

INPUTS: dict[str, Callable[[int, int, float], nn.Module]] = {"ids": TokenInput, "frames": FrameInput}


class Side(Protocol):
    """What a field says of its arrays."""

    @property
    def kind(self) -> str:
        """`ids` or `frames`."""
        ...

    @property
    def size(self) -> int:
        """Symbols of the vocabulary V, or numbers a frame D."""
        ...

    @property
    def known(self) -> int:
        """For target frames: numbers C that are known of each beforehand."""
        ...


class TensorBatch(NamedTuple):
    """A batch on the device; see `seqloom.batching.Batch`."""

    source: Tensor
    """(B, S) ids, or (B, S, D) frames"""
    source_mask: Tensor
    """(B, S)"""
    target_in: Tensor
    """(B, T) ids, <s> first; or (B, T, D + C) frames, each the one before, with what is known of this one"""
    target_out: Tensor
    """(B, T) ids, </s> last; or (B, T, D) frames"""
    target_mask: Tensor
    """(B, T)"""
    pointer: Pointer | None
    """Where source symbols stand among the target's, for a model that copies."""


class Network(nn.Module):
    """What search, evaluation and export ask of a network, be it one or several that answer as one."""

    head: Any
    """A TokenHead, one of FRAME_HEADS, or what has their methods."""
    stride: int
    """Source positions a state."""
    target_size: int
    """Symbols of the target's vocabulary V, or numbers a frame D."""
    source_frame: tuple[int, ...]
    """The shape of a source position: (D,) for frames, () for ids."""
    attends: bool
    """Whether it says where it looks."""

    def prepare(self, source: Tensor, mask: Tensor) -> Memory:
        """All that the decoder needs of the source: ids (B, S) or frames (B, S, D)."""
        raise NotImplementedError

    def start(self, memory: Memory) -> State:
        """The state before the first position."""
        raise NotImplementedError

    def decode(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        """Decoder states for target ids (B, T) or frames (B, T, D + C), from the state before them."""
        raise NotImplementedError

    def forward(self, batch: TensorBatch, teacher_forcing: float = 1.0) -> LossSum:
        """The loss of a batch. Below 1 what is true is shown with that probability, else the decoder's own last guess."""
        raise NotImplementedError


_LOCK = Lock()
_WITHIN = WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]]()
"""Networks that answer: in how many threads, and their parts that were in the mode of training."""


@contextmanager
def answering(network: nn.Module) -> Generator[None]:
    """Within, nothing is dropped in the network; afterwards, when no other thread is within, each part is in the mode in which it was, such
    as that of training.
    """
    with _LOCK:
        count, learning = _WITHIN.get(network, (0, [part for part in network.modules() if part.training]))
        _WITHIN[network] = count + 1, learning
        if learning and not count:
            network.eval()
    try:
        yield
    finally:
        with _LOCK:
            count, learning = _WITHIN.pop(network)
            if count > 1:
                _WITHIN[network] = count - 1, learning
            else:
                for part in learning:
                    part.training = True


class Seq2Seq(Network):
    """An encoder, a decoder and a head, for vocabularies or frames of the sizes given."""

    def __init__(
        self,
        config: ModelConfig,
        source_size: int,
        target_size: int,
        *,
        source_kind: str = "ids",
        target_kind: str = "ids",
        known: int = 0,
    ) -> None:
        super().__init__()
        self.direct, self.recent = config.direct, config.recent
        self.target_size, self.known = target_size, known
        self.source_frame = (source_size,) if source_kind == "frames" else ()
        shown = known + (0 if config.direct else target_size) if target_kind == "frames" else target_size
        bands = source_kind == "frames" and config.encoder.subsampling.kind != "none"
        width = source_size if bands else config.embedding
        self.source_input = nn.Identity() if bands else INPUTS[source_kind](source_size, width, config.dropout)
        """Convolutions read frames as they are: their bands have an order."""
        self.stride = config.encoder.subsampling.factor
        self.target_input = INPUTS[target_kind](shown, config.embedding, config.dropout)
        if config.tie_embeddings == "all":
            self.source_input.embedding = self.target_input.embedding
        hands_over = isinstance(config.decoder, RecurrentDecoder) and config.decoder.start == "copy"
        self.encoder = make_encoder(config.encoder, inputs=width, dropout=config.dropout, hands_over=hands_over)
        self.decoder = make_decoder(
            config.decoder, config.attention, inputs=config.embedding, encoder=self.encoder.width, dropout=config.dropout
        )
        self.attends = self.decoder.attends
        self.head = self._head(config, target_size)
        path = config.linear_path
        self.linear_path = LinearPath(path.history, path.horizon) if path.history else None
        self.ctc_weight = config.head.ctc_weight
        self.ctc = self._ctc(config, target_size)
        initialise(self, [self.head.project] if self.linear_path else [])
        for side in config.vectors.files if config.vectors.frozen else ():
            self.embedding(side).weight.requires_grad_(False)

    def embedding(self, side: str) -> nn.Embedding:
        """The embedding of the symbols of `source` or `target`."""
        return cast("TokenInput", self.source_input if side == "source" else self.target_input).embedding

    def _ctc(self, config: ModelConfig, size: int) -> CtcHead | None:
        return CtcHead(self.encoder.width, size, config.head.ctc_readings) if config.head.ctc_weight else None

    def _head(self, config: ModelConfig, size: int) -> TokenHead | FrameHead:
        if not isinstance(config.head, settings.TokenHead):
            return FRAME_HEADS[config.head.kind](config.head, self.decoder.width, size)
        tied = None
        if config.tie_embeddings != "none" and isinstance(self.target_input, TokenInput):
            tied = self.target_input.embedding
        if config.copy_source:
            self._refuse_blind()
        return TokenHead(config.head, self.decoder.width, size, tied, config.copy_source)

    def _refuse_blind(self) -> None:
        """Make sure that a pointer is told where the decoder looks.

        Raises:
            PartError: the decoder, or its attention, is of a user's and gives no weights.
        """
        if not self.decoder.attends:
            what = "attention" if self.decoder.gives_weights is None else "decoder"
            raise PartError(
                f"model.copy: the {what} gives no weights; expected some (B, T, S), by which a pointer copies. "
                "Give them in forward, or set model.copy=false."
            )

    def encode(self, source: Tensor, mask: Tensor) -> Encoded:
        """What the encoder makes of the source, ids (B, S) or frames (B, S, D): states (B, S / stride, E), their mask, the last ones."""
        read, read_mask = last_frames(source, mask, self.recent) if self.recent else (source, mask)
        return self.encoder(self.source_input(read), read_mask)

    def prepare(self, source: Tensor, mask: Tensor) -> Memory:
        encoded = self.encode(source, mask)
        memory = self.decoder.prepare(encoded)
        if self.ctc is not None:
            memory["ctc"] = self.ctc(encoded.states)  # (B, S · r, V)
        if self.linear_path is not None:
            memory["ahead"] = self.linear_path(source[:, :, : self.target_size], mask)  # (B, horizon, D)
        return memory

    def start(self, memory: Memory) -> State:
        state = self.decoder.start(memory)
        return {**state, "ahead": memory["ahead"]} if "ahead" in memory else state

    def decode(self, inputs: Tensor, memory: Memory, state: State, need_attention: bool = False) -> tuple[Decoded, State]:
        shown = inputs[:, :, self.target_size :] if self.direct else inputs
        decoded, after = self.decoder(self.target_input(shown), memory, state, need_attention or self.head.points)
        if "ahead" not in state:
            return decoded, after
        length, ahead = inputs.shape[1], state["ahead"]
        base = functional.pad(ahead[:, :length], (0, 0, 0, length - min(length, ahead.shape[1])))
        return decoded._replace(base=base), {**after, "ahead": ahead[:, length:]}

    def forward(self, batch: TensorBatch, teacher_forcing: float = 1.0) -> LossSum:
        memory = self.prepare(batch.source, batch.source_mask)
        if teacher_forcing < 1 and not self.direct:
            decoded = self._unroll(batch, memory, teacher_forcing)
        else:
            decoded, _ = self.decode(batch.target_in, memory, self.start(memory))
        losses = self.head.loss(decoded, batch.target_out, batch.target_mask, batch.pointer)
        return losses if self.ctc is None else self._with_ctc(losses, memory, batch)

    def _with_ctc(self, losses: LossSum, memory: Memory, batch: TensorBatch) -> LossSum:
        """The loss with its share of CTC's (Watanabe et al. 2017, eq. 14)."""
        ordered = ctc_loss(memory["ctc"], memory["mask"], batch.target_out, batch.target_mask)
        return replace(losses, loss=(1 - self.ctc_weight) * losses.loss + self.ctc_weight * ordered)

    def _unroll(self, batch: TensorBatch, memory: Memory, teacher_forcing: float) -> Decoded:
        """Scheduled sampling (Bengio et al. 2015): a position at a time, on what is true or on the best guess before it."""
        state, shown = self.start(memory), batch.target_in[:, :1]
        is_true = torch.rand(batch.target_mask.shape, device=shown.device) < teacher_forcing
        parts: list[Decoded] = []
        for place in range(batch.target_in.shape[1]):
            if place:
                true = batch.target_in[:, place : place + 1]
                guess = self.head.best(parts[-1], batch.pointer).to(true.dtype)
                if true.dim() == 3:  # what is known of a frame beforehand is true in any case
                    guess = torch.cat([guess, true[:, :, self.target_size :]], 2)
                choose = is_true[:, place : place + 1].view(-1, 1, *[1] * (true.dim() - 2))
                shown = torch.where(choose, true, guess)
            decoded, state = self.decode(shown, memory, state)
            parts.append(decoded)
        return joined(parts)


def make_network(config: ModelConfig, source: Side, target: Side) -> Seq2Seq:
    """The network for the fields of both sides."""
    return Seq2Seq(config, source.size, target.size, source_kind=source.kind, target_kind=target.kind, known=target.known)
