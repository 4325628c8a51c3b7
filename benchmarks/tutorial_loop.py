"""The loop that tutorials teach, as the yardstick of training speed: attention LSTM, one decoder step at a time, float32.

It has the shape of seqloom's network and nothing of its speed-ups: bidirectional LSTM encoder, LSTM decoder run position by position in a
Python loop, Luong's dot attention and the projection to the vocabulary at each position, padded batches, cross-entropy that ignores
the padding. Where tutorials differ the cheaper way is taken, so that the yardstick is not made slow: the encoder is not packed, the loss
has no label smoothing, and the projection is the shared embedding behind a narrowing map, as in seqloom, not a 512-wide one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["END", "PAD", "START", "Pair", "Shape", "TutorialSeq2Seq", "tutorial_stepper"]

PAD, START, END = 0, 1, 2

Pair = tuple[np.ndarray, np.ndarray]
"""Source and target ids, int64 (S,) and (T,), without <s> and </s>."""


@dataclass(frozen=True)
class Shape:
    """The network's sizes and its training. The encoder's two directions together are as wide as the decoder: the dot product needs it."""

    vocabulary: int
    source_vocabulary: int = 0  # where it is not that of the target too; then nothing is tied
    embedding: int = 256
    encoder: int = 256  # each direction
    decoder: int = 512
    dropout: float = 0.4
    learning_rate: float = 1e-3
    clip_norm: float = 1.0


class Encoder(nn.Module):
    """A bidirectional LSTM over the padded source."""

    def __init__(self, shape: Shape, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.dropout = nn.Dropout(shape.dropout)
        self.rnn = nn.LSTM(shape.embedding, shape.encoder, bidirectional=True, batch_first=True)
        self.bridge = nn.ModuleList(nn.Linear(2 * shape.encoder, shape.decoder) for _ in range(2))

    def forward(self, source: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs (B, S, E) and the decoder's first state, two of (1, B, D)."""
        outputs, final = self.rnn(self.dropout(self.embedding(source)))
        both = [torch.cat([part[0], part[1]], 1) for part in final]  # (B, E)
        hidden, cell = (torch.tanh(bridge(part)).unsqueeze(0) for bridge, part in zip(self.bridge, both, strict=True))
        return self.dropout(outputs), (hidden, cell)


class Decoder(nn.Module):
    """One position: LSTM, attention, projection."""

    def __init__(self, shape: Shape, embedding: nn.Embedding, *, cell: bool) -> None:
        super().__init__()
        self.embedding = embedding
        self.dropout = nn.Dropout(shape.dropout)
        self.rnn = (nn.LSTMCell if cell else nn.LSTM)(shape.embedding, shape.decoder)
        self.combine = nn.Linear(shape.decoder + 2 * shape.encoder, shape.decoder)
        tied = not shape.source_vocabulary
        self.narrow = nn.Linear(shape.decoder, shape.embedding, bias=False) if tied else nn.Identity()
        self.project = nn.Linear(shape.embedding if tied else shape.decoder, shape.vocabulary)
        if tied:
            self.project.weight = embedding.weight

    def forward(self, token: Tensor, state: tuple[Tensor, Tensor], outputs: Tensor, mask: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scores (B, V) of what follows the token (B,)."""
        embedded = self.dropout(self.embedding(token))  # (B, D)
        if isinstance(self.rnn, nn.LSTMCell):
            hidden, cell = self.rnn(embedded, (state[0][0], state[1][0]))
            state = (hidden.unsqueeze(0), cell.unsqueeze(0))
        else:
            _, state = self.rnn(embedded.unsqueeze(0), state)
        hidden = state[0][0]  # (B, D)
        energy = torch.bmm(outputs, hidden.unsqueeze(2)).squeeze(2)  # (B, S)
        weights = functional.softmax(energy.masked_fill(~mask, -1e9), dim=1)
        context = torch.bmm(weights.unsqueeze(1), outputs).squeeze(1)  # (B, E)
        combined = self.dropout(torch.tanh(self.combine(torch.cat([hidden, context], 1))))
        return self.project(self.narrow(combined)), state


class TutorialSeq2Seq(nn.Module):
    """Encoder and decoder, with the loop over the target. `cell`: step an nn.LSTMCell instead of an nn.LSTM."""

    def __init__(self, shape: Shape, *, cell: bool = False) -> None:
        super().__init__()
        embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        apart = nn.Embedding(shape.source_vocabulary, shape.embedding) if shape.source_vocabulary else embedding
        self.encoder = Encoder(shape, apart)
        self.decoder = Decoder(shape, embedding, cell=cell)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.08, 0.08)

    def forward(self, source: Tensor, target: Tensor, teacher_forcing: float) -> Tensor:
        """Scores (B, T - 1, V) of target[:, 1:], for source (B, S) and target (B, T) that begins with <s>."""
        outputs, state = self.encoder(source)
        mask, token, scores = source != PAD, target[:, 0], list[Tensor]()
        for position in range(1, target.shape[1]):
            step, state = self.decoder(token, state, outputs, mask)
            scores.append(step)
            token = target[:, position] if random.random() < teacher_forcing else step.argmax(1)
        return torch.stack(scores, 1)


def tutorial_stepper(shape: Shape, *, cell: bool = False, teacher_forcing: float = 1.0) -> Callable[[list[Pair]], float]:
    """A function that does one whole training step on a batch of pairs, padding included, and gives back the loss."""
    model = TutorialSeq2Seq(shape, cell=cell)
    optimizer = torch.optim.Adam(model.parameters(), lr=shape.learning_rate)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)

    def step(pairs: list[Pair]) -> float:
        source = _pad([torch.tensor([*source, END]) for source, _ in pairs])
        target = _pad([torch.tensor([START, *target, END]) for _, target in pairs])
        optimizer.zero_grad()
        scores = model(source, target, teacher_forcing)
        loss = criterion(scores.flatten(0, 1), target[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), shape.clip_norm)
        optimizer.step()
        return loss.item()

    return step


def _pad(rows: list[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
