"""One update of the weights."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.batching import Example, collate
from seqloom.config import SGD, ModelConfig, RecurrentDecoder, RecurrentEncoder, RunConfig, TrainingConfig
from seqloom.training.learning import Diverged, Learner

BATCH = collate([Example(np.array([4, 5, 2]), np.array([6, 7, 8]), ""), Example(np.array([5, 2]), np.array([9]), "")])


def learner(seed: int = 1, dropout: float = 0.0, **settings: Any) -> Learner:
    model = ModelConfig(embedding=6, encoder=RecurrentEncoder(width=8), decoder=RecurrentDecoder(width=8), dropout=dropout)
    training = TrainingConfig(device="cpu", precision="float32", optimizer=SGD(momentum=0.0), **settings)
    ids = SimpleNamespace(kind="ids", size=10, known=0)
    return Learner(RunConfig.model_construct(seed=seed, model=model, training=training), ids, ids)


def change(**settings: Any) -> float:
    """How far one update at a learning rate of 1 moves the weights: plain SGD moves them by the gradients."""
    learning = learner(**settings)
    before = torch.nn.utils.parameters_to_vector(learning.network.parameters()).detach()
    learning.update([BATCH], 0, 1.0, 1.0)
    return float((torch.nn.utils.parameters_to_vector(learning.network.parameters()).detach() - before).norm())


def test_gradients_are_clipped_to_the_norm_that_is_asked_for_and_only_where_they_are_larger() -> None:
    free = change(clip_norm=None)
    assert change(clip_norm=free / 2) == pytest.approx(free / 2, rel=1e-4)
    assert change(clip_norm=free * 2) == free


def test_the_first_weights_depend_on_the_whole_seed() -> None:
    drawn = [float(next(learner(seed).network.parameters()).detach().sum()) for seed in (1, 2, 1 + 2**32, 1 + 2**64)]
    assert len(set(drawn)) == 4


def test_what_is_dropped_depends_on_the_whole_seed_and_on_the_number_of_the_update() -> None:
    weights = learner(dropout=0.5).tensors()

    def loss(seed: int, number: int) -> float:
        learning = learner(seed, dropout=0.5)
        learning.restore(weights, "here")
        return learning.update([BATCH], number, 0.0, 1.0)

    assert loss(1, 3) == loss(1, 3)
    assert len({loss(1, 3), loss(1, 4), loss(2, 3), loss(1 + 2**32, 3), loss(1 + 2**64, 3)}) == 5


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_no_number_any_more_is_said_before_the_weights_are_touched(wrong: float) -> None:
    learning = learner(clip_norm=1.0)
    with torch.no_grad():
        next(learning.network.parameters()).fill_(wrong)
    before = [weight.clone() for weight in learning.network.parameters()]
    with pytest.raises(Diverged, match="the loss became nan"):
        learning.update([BATCH], 0, 1.0, 1.0)
    for old, now in zip(before, learning.network.parameters(), strict=True):
        assert torch.equal(old.nan_to_num(), now.nan_to_num())
