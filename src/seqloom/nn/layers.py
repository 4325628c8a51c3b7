"""The small parts that encoders and decoders are made of, and how every weight begins."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqloom.nn.dropout import Dropout
from seqloom.nn.products import Linear, cell, dtype_of_products

__all__ = [
    "FeedForward",
    "FrameInput",
    "LinearPath",
    "Recurrence",
    "TokenInput",
    "initialise",
    "last_frames",
    "last_real",
    "positions",
    "reverse_real",
    "time_first",
]


FAINT = 0.01
"""Of its usual size, what is added to something good already begins as."""


def initialise(model: nn.Module, faint: Iterable[nn.Linear] = ()) -> None:
    """Give every weight its first value; the only place where this is done.

    Matrices: uniform with variance 2 / (inputs + outputs) (Glorot & Bengio 2010). Recurrent matrices: orthogonal, a gate at a time
    (Saxe et al. 2014). Convolutions: normal with variance 2 / inputs (He et al. 2015). Embeddings: normal with variance 1 / D, since
    inputs are scaled by sqrt(D) and tied outputs are not. Biases: zero, but one for the forget gate of an LSTM (Jozefowicz et al. 2015).

    Args:
        faint: what is added to something good already, and begins at FAINT of that.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, nn.RNNBase):
            _initialise_recurrent(module)
    for linear in faint:
        linear.weight.data.mul_(FAINT)


def _initialise_recurrent(rnn: nn.RNNBase) -> None:
    for name, weight in rnn.named_parameters():
        if "bias" in name:
            nn.init.zeros_(weight)
        elif "_hh_" in name:
            for gate in weight.data.split(rnn.hidden_size):
                nn.init.orthogonal_(gate)
        else:
            for gate in weight.data.split(rnn.hidden_size):
                nn.init.xavier_uniform_(gate)
    if isinstance(rnn, nn.LSTM):
        with torch.no_grad():
            rnn.get_parameter("bias_ih_l0")[rnn.hidden_size : 2 * rnn.hidden_size] = 1.0


class TokenInput(nn.Module):
    """Ids to vectors of about unit variance, with dropout."""

    def __init__(self, size: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        self.dropout = Dropout(dropout)
        self.scale = math.sqrt(width)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors (B, T, D) of ids (B, T). Ids past the vocabulary (copied source symbols) are read as <unk>, id 3."""
        known = torch.where(ids < self.embedding.num_embeddings, ids, 3)
        return self.dropout(self.embedding(known) * self.scale)


class FrameInput(nn.Module):
    """Frames of `size` numbers to vectors."""

    def __init__(self, size: int, width: int, dropout: float) -> None:
        super().__init__()
        self.project = Linear(size, width)
        self.dropout = Dropout(dropout)

    def forward(self, frames: Tensor) -> Tensor:
        """Vectors (B, T, width) of frames (B, T, size)."""
        return self.dropout(self.project(frames.to(self.project.weight.dtype)))


class LinearPath(nn.Module):
    """Each of the next `horizon` numbers of a column as a weighted sum of its last `history` ones, the same weights for all columns."""

    def __init__(self, history: int, horizon: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(horizon, history))
        self.bias = nn.Parameter(torch.zeros(horizon))

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """(B, horizon, D) from frames (B, S, D); before the first frame of a row stand zeros."""
        history = self.weight.shape[1]
        places = mask.sum(1, keepdim=True) - history + torch.arange(history, device=mask.device)  # (B, history)
        last = frames.gather(1, places.clamp(min=0).unsqueeze(2).expand(-1, -1, frames.shape[2])) * (places >= 0).unsqueeze(2)
        return self.weight @ last.to(self.weight.dtype) + self.bias.unsqueeze(1)


def last_frames(frames: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The last `count` real frames of each row (B, count, D), in front where there are fewer, and their mask (B, count)."""
    lengths, places = mask.sum(1, keepdim=True), torch.arange(count, device=mask.device)
    index = ((lengths - count).clamp(min=0) + places).clamp(max=mask.shape[1] - 1)
    return frames.gather(1, index.unsqueeze(2).expand(-1, -1, frames.shape[2])), places < lengths


class Recurrence(nn.Module):
    """One recurrent layer of one direction: whole sequences by the fused kernel, a single position by the cell, with the same weights."""

    def __init__(self, cell: str, inputs: int, width: int) -> None:
        super().__init__()
        kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        self.cell = cell
        self.width = width
        self.rnn = kinds[cell](inputs, width, batch_first=True)

    @property
    def state_names(self) -> tuple[str, ...]:
        """What a state holds: ("hidden", "cell") for an LSTM, else ("hidden",)."""
        return ("hidden", "cell") if self.cell == "lstm" else ("hidden",)

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs (B, T, W) and the state after the last position, tensors (B, W); no state means zeros."""
        if inputs.shape[1] == 1 and state is not None:
            state = self._step(inputs[:, 0], state)
            return state[0].unsqueeze(1), state
        if state is None:
            outputs, final = self.rnn(inputs)
        else:
            parts = tuple(part.unsqueeze(0).contiguous() for part in state)
            outputs, final = self.rnn(inputs, parts if self.cell == "lstm" else parts[0])
        finals = final if isinstance(final, tuple) else (final,)
        return outputs, tuple(part.squeeze(0) for part in finals)

    def to_the_ends(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As `forward` without a state, but with the state (B, W) after each row's own length (B,). Rows of unlike length are packed,
        which leaves oneDNN's kernel.
        """
        lengths, longest = lengths.cpu(), inputs.shape[1]
        if int(lengths.min()) == int(lengths.max()):
            outputs, final = self(inputs[:, : int(lengths[0])])
            return functional.pad(outputs, (0, 0, 0, longest - outputs.shape[1])), final
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs, final = self.rnn(packed)
        states, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=longest)
        return states, tuple(part.squeeze(0) for part in (final if isinstance(final, tuple) else (final,)))

    def _step(self, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The state after one position, from inputs (B, D). nn.LSTM for one step costs twice the cell."""
        rnn = self.rnn
        named = (rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0)
        weights = cast("tuple[Tensor, ...]", named)  # nn.LSTM sets them by name, unseen by a type checker
        if torch.is_autocast_enabled(inputs.device.type):
            dtype = dtype_of_products(inputs)
            inputs, weights = inputs.to(dtype), tuple(weight.to(dtype) for weight in weights)
            state = tuple(part.to(dtype) for part in state)
        return cell(self.cell, inputs, state, weights)


class FeedForward(nn.Module):
    """Two matrices with a ReLU between (Vaswani et al. 2017, eq. 2)."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.inner = Linear(width, inner)
        self.outer = Linear(inner, width)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outer(self.dropout(functional.relu(self.inner(inputs))))


def positions(length: int, width: int, offset: int, like: Tensor) -> Tensor:
    """Position vectors (length, width) from position `offset` on: sines, then cosines (Vaswani et al. 2017, 3.5); mean square 0.5."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=like.device, dtype=torch.float32) * (-math.log(10_000.0) / max(half - 1, 1)))
    angles = torch.arange(offset, offset + length, device=like.device, dtype=torch.float32).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width].to(like.dtype)


def time_first(inputs: Tensor) -> Tensor:
    """The same (B, S, D), laid out in memory as recurrent layers read it, and under autocast in its dtype: once for all that read it."""
    vectors = inputs.transpose(0, 1).to(dtype_of_products(inputs), memory_format=torch.contiguous_format)
    return vectors.contiguous().transpose(0, 1)  # where nothing is cast, the line above changes nothing


def reverse_real(inputs: Tensor, mask: Tensor) -> Tensor:
    """Each row (B, S, D) reversed within its own length; the padding stays where it is. Its own inverse. Time is first in memory, as
    recurrent layers have it.
    """
    length = mask.sum(1, keepdim=True)
    place = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
    index = torch.where(mask, length - 1 - place, place)  # (B, S)
    vectors = inputs.transpose(0, 1)  # (S, B, D)
    index = index.t() * vectors.shape[1] + torch.arange(vectors.shape[1], device=mask.device)
    return vectors.reshape(-1, vectors.shape[2]).index_select(0, index.reshape(-1)).view(vectors.shape).transpose(0, 1)


def last_real(outputs: Tensor, mask: Tensor) -> Tensor:
    """The vector (B, D) at the last real position of outputs (B, S, D)."""
    index = (mask.sum(1) - 1).clamp(min=0)
    return outputs.gather(1, index.view(-1, 1, 1).expand(-1, 1, outputs.shape[2])).squeeze(1)
