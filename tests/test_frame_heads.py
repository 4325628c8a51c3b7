"""Heads for frames against what one can compute by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.config import ModelConfig
from seqloom.nn.decoders import Decoded
from seqloom.nn.frame_heads import FRAME_HEADS, FrameHead
from seqloom.nn.layers import LinearPath


def head(kind: str, width: int = 5, size: int = 3, **more: Any) -> FrameHead:
    torch.manual_seed(1)
    config = ModelConfig.model_validate({"head": {"kind": kind, **more}}).head
    return FRAME_HEADS[kind](config, width, size).double()


def each(kind: str, values: list[float], target: float, **more: Any) -> float:
    """The loss of one number for the parameters that the head would give."""
    tensor = torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)
    return float(head(kind, **more).each(tensor, torch.tensor(target, dtype=torch.float64).view(1, 1, 1)))


def states(rows: int = 2, length: int = 4, width: int = 5) -> Tensor:
    return torch.randn(rows, length, width, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_the_loss_of_each_head_is_what_its_name_says():
    assert each("squared", [2.0], 5.0) == pytest.approx(9)
    assert each("absolute", [2.0], 5.0) == pytest.approx(3)
    assert each("huber", [2.0], 5.0, delta=0.5) == pytest.approx(0.5 * (3 - 0.25))
    assert each("quantile", [1.0, 2.0, 9.0], 5.0, levels=[0.1, 0.5, 0.8]) == pytest.approx(2 * (0.1 * 4 + 0.5 * 3 + 0.2 * 4) / 3)
    assert each("gaussian", [2.0, 3.0], 5.0) == pytest.approx(0.5 + math.log(3) + math.log(2 * math.pi) / 2)
    cauchy_like = math.lgamma(2) - math.lgamma(1.5) - math.log(3 * math.pi) / 2 - math.log(2) - 2 * math.log(1 + (3 / 2) ** 2 / 3)
    assert each("student_t", [2.0, 2.0, 3.0], 5.0) == pytest.approx(-cauchy_like)


@pytest.mark.parametrize("kind", FRAME_HEADS)
def test_a_number_that_is_not_known_is_no_target(kind: str):
    one, target, mask = head(kind), torch.ones(2, 4, 3, dtype=torch.float64), torch.ones(2, 4, dtype=torch.bool)
    target[0, 1, 2], target[1, 3], mask[1, 3] = math.nan, math.nan, False
    decoded = Decoded(states().requires_grad_(), None)
    sums = one.loss(decoded, target, mask)
    losses = one.each(one.values(decoded), torch.ones_like(target)).detach()
    assert float(sums.count) == pytest.approx(7 - 1 / 3)
    assert float(sums.loss.detach()) == pytest.approx(float(losses[mask].mean(1).sum() - losses[0, 1, 2] / 3))
    sums.loss.backward()
    assert decoded.hidden.grad is not None
    assert bool(decoded.hidden.grad.isfinite().all())


def test_quantiles_never_cross_whatever_the_states_are():
    quantiles = head("quantile", levels=[0.05, 0.2, 0.5, 0.7, 0.99]).values(Decoded(100 * states(), None))
    assert quantiles.shape == (2, 4, 3, 5)
    assert bool((quantiles.diff(dim=3) >= 0).all())


def test_the_quantile_nearest_to_the_median_is_the_point():
    chosen = head("quantile", levels=[0.1, 0.4, 0.9])
    values = chosen.values(Decoded(states(), None))
    assert torch.equal(chosen.point(values), values[..., 1])


@pytest.mark.parametrize("kind", FRAME_HEADS)
def test_a_base_moves_the_point_by_itself(kind: str):
    one, base = head(kind), torch.arange(24, dtype=torch.float64).view(2, 4, 3)
    without, moved = (one.best(Decoded(states(), None, part)) for part in (None, base))
    torch.testing.assert_close(moved - without, base)


@pytest.mark.parametrize("kind", FRAME_HEADS)
def test_padding_counts_nothing_and_losses_add_up(kind: str):
    one, target = head(kind, stop="learned"), torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    both = one.loss(Decoded(states(), None), target, mask)
    changed = target.clone()
    changed[0, 2:] = 1e6
    assert torch.equal(one.loss(Decoded(states(), None), changed, mask).loss, both.loss)
    parts = [one.loss(Decoded(states()[row : row + 1], None), target[row : row + 1], mask[row : row + 1]) for row in (0, 1)]
    torch.testing.assert_close(both.loss, parts[0].loss + parts[1].loss)
    assert (int(both.count), int(both.correct)) == (6, 0)


def test_where_an_output_ends_is_learned_only_if_asked_for():
    assert head("squared").stops(Decoded(states(), None)).tolist() == [[0.0] * 4] * 2
    stops = head("squared", stop="learned").stops(Decoded(states(), None))
    assert stops.shape == (2, 4)
    assert bool(((stops > 0) & (stops < 1)).all())


def test_the_linear_path_sums_the_last_real_frames_of_each_column():
    path = LinearPath(history=2, horizon=3)
    with torch.no_grad():
        path.weight.copy_(torch.tensor([[1.0, 10.0], [0.0, 1.0], [2.0, 0.0]]))
        path.bias.copy_(torch.tensor([0.0, 0.0, 100.0]))
    frames = torch.tensor([[[1.0, -1.0], [2.0, -2.0], [3.0, -3.0]], [[7.0, 8.0], [99.0, 99.0], [99.0, 99.0]]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert path(frames, mask).tolist() == [[[32, -32], [3, -3], [104, 96]], [[70, 80], [7, 8], [100, 100]]]
