import re
from typing import Any

import pytest
import torch
from torch import nn

from seqloom.config import SGD, Adam, AdamW
from seqloom.errors import CheckpointError
from seqloom.optimizers import make_optimizer, restore_optimizer, save_optimizer

KINDS: list[Any] = [AdamW(learning_rate=0.1), Adam(learning_rate=0.1), SGD(), SGD(momentum=0.9)]


def network(seed: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    inputs = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
    model(inputs).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_saved_and_restored_an_optimizer_goes_on_bit_for_bit(settings: Any):
    model, other = network(1), network(2)
    optimizer, second = make_optimizer(model, settings), make_optimizer(other, settings)
    for seed in range(3):
        step(model, optimizer, seed)
    step(other, second, 8)
    other.load_state_dict(model.state_dict())
    restore_optimizer(second, {name: part.clone() for name, part in save_optimizer(optimizer).items()})
    for seed in range(3, 5):
        step(model, optimizer, seed)
        step(other, second, seed)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_a_fresh_optimizer_can_be_saved_and_restored(settings: Any):
    model, other = network(), network()
    optimizer, second = make_optimizer(model, settings), make_optimizer(other, settings)
    assert save_optimizer(optimizer) == {}
    restore_optimizer(second, {})
    step(model, optimizer, 1)
    step(other, second, 1)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))


def test_plain_descent_goes_down_the_gradient():
    model = network()
    before = [weight.detach().clone() for weight in model.parameters()]
    optimizer = make_optimizer(model, SGD(learning_rate=0.25))
    model(torch.ones(2, 5)).square().sum().backward()
    gradients = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    optimizer.step()
    for old, gradient, new in zip(before, gradients, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - 0.25 * gradient)


def test_weight_decay_shrinks_matrices_and_nothing_else():
    model = network()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(2.0)
    optimizer = make_optimizer(model, AdamW(learning_rate=0.5, weight_decay=0.1))
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for weight in model.parameters():
        assert weight.unique().tolist() == pytest.approx([2.0 * (1 - 0.05) if weight.dim() > 1 else 2.0])


def test_settings_reach_the_optimizer():
    adamw = make_optimizer(network(), AdamW(learning_rate=0.3, betas=(0.5, 0.6)))
    assert all((group["lr"], group["betas"]) == (0.3, (0.5, 0.6)) for group in adamw.param_groups)
    assert make_optimizer(network(), Adam(betas=(0.1, 0.2))).param_groups[0]["betas"] == (0.1, 0.2)
    assert make_optimizer(network(), SGD(momentum=0.4)).param_groups[0]["momentum"] == 0.4


def test_a_weight_that_two_modules_share_is_changed_once():
    model = nn.ModuleDict({"one": nn.Linear(3, 3, bias=False), "two": nn.Linear(3, 3, bias=False)})
    model["two"].weight = model["one"].weight
    assert sum(len(group["params"]) for group in make_optimizer(model, AdamW()).param_groups) == 1


@pytest.mark.parametrize(("saved", "restored"), [(Adam(), SGD(momentum=0.9)), (SGD(momentum=0.9), AdamW()), (AdamW(), SGD())], ids=str)
def test_the_state_of_another_optimizer_is_refused(saved: Any, restored: Any):
    model = network()
    optimizer = make_optimizer(model, saved)
    step(model, optimizer, 1)
    with pytest.raises(CheckpointError, match=re.escape("the optimizer's state does not fit the config")):
        restore_optimizer(make_optimizer(network(), restored), save_optimizer(optimizer))


def test_the_state_of_an_optimizer_for_other_weights_is_refused():
    model = network()
    optimizer = make_optimizer(model, Adam())
    step(model, optimizer, 1)
    tensors = save_optimizer(optimizer)
    shape, number = ({**tensors, "optimizer.0.exp_avg": torch.ones(5, 3)}, {**tensors, "optimizer.17.exp_avg": torch.ones(3)})
    for damaged in (shape, number):
        with pytest.raises(CheckpointError, match=re.escape("the optimizer's state does not fit the config")):
            restore_optimizer(make_optimizer(network(), Adam()), damaged)
