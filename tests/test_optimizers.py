import re
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from seqloom.config import SGD, Adam, AdamW
from seqloom.errors import CheckpointError
from seqloom.training.optimizers import Optimizer

KINDS: list[Any] = [AdamW(learning_rate=0.1), Adam(learning_rate=0.1), SGD(), SGD(momentum=0.9)]


def network(seed: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def step(model: nn.Module, optimizer: Optimizer, seed: int, rate: float = 0.1) -> None:
    gradients(model, seed)
    optimizer.step(rate)
    optimizer.forget_gradients()


def gradients(model: nn.Module, seed: int) -> None:
    inputs = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
    model(inputs).square().sum().backward()


def of_torch(model: nn.Module, settings: Any) -> torch.optim.Optimizer:
    """The class of torch that has the same rule."""
    weights = list(model.parameters())
    if isinstance(settings, SGD):
        return torch.optim.SGD(weights, lr=0.1, momentum=settings.momentum)
    if isinstance(settings, Adam):
        return torch.optim.Adam(weights, lr=0.1, betas=settings.betas, fused=True)
    others = {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0}
    groups = [{"params": [weight for weight in weights if weight.dim() > 1]}, others]
    return torch.optim.AdamW(groups, lr=0.1, betas=settings.betas, weight_decay=settings.weight_decay, fused=True)


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_weights_and_state_are_those_of_the_class_of_torch_bit_for_bit(settings: Any):
    model, other = network(), network()
    ours, theirs = Optimizer(model, settings), of_torch(other, settings)
    for seed, rate in enumerate((0.1, 0.05, 0.2)):
        step(model, ours, seed, rate)
        gradients(other, seed)
        for group in theirs.param_groups:
            group["lr"] = rate
        theirs.step()
        theirs.zero_grad()
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))
    state: dict[int, dict[str, Any]] = theirs.state_dict()["state"]
    named = {f"optimizer.{number}.{name}": part for number, parts in state.items() for name, part in parts.items()}
    kept = {name: part for name, part in named.items() if isinstance(part, torch.Tensor)}
    assert ours.tensors().keys() == kept.keys()
    assert all(torch.equal(part, kept[name]) for name, part in ours.tensors().items())


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_a_weight_without_a_gradient_stays_as_it_is(settings: Any):
    model = network()
    optimizer, frozen = Optimizer(model, settings), model[0].bias
    before = frozen.detach().clone()
    gradients(model, 1)
    frozen.grad = None
    optimizer.step(0.1)
    assert torch.equal(frozen, before)
    number = next(number for number, weight in enumerate(optimizer.weights) if weight is frozen)
    assert not any(name.startswith(f"optimizer.{number}.") for name in optimizer.tensors())


def test_an_update_does_not_load_the_compiler_of_torch():
    code = """
import sys, torch
from seqloom.config import SGD, Adam, AdamW
from seqloom.training.optimizers import Optimizer
for settings in (AdamW(), Adam(), SGD(momentum=0.9)):
    model = torch.nn.Linear(3, 2)
    model(torch.ones(1, 3)).sum().backward()
    Optimizer(model, settings).step(0.1)
print(*(name for name in sys.modules if name.startswith("torch._dynamo")))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_saved_and_restored_an_optimizer_goes_on_bit_for_bit(settings: Any):
    model, other = network(1), network(2)
    optimizer, second = Optimizer(model, settings), Optimizer(other, settings)
    for seed in range(3):
        step(model, optimizer, seed)
    step(other, second, 8)
    other.load_state_dict(model.state_dict())
    second.restore({name: part.clone() for name, part in optimizer.tensors().items()})
    for seed in range(3, 5):
        step(model, optimizer, seed)
        step(other, second, seed)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_a_fresh_optimizer_can_be_saved_and_restored(settings: Any):
    model, other = network(), network()
    optimizer, second = Optimizer(model, settings), Optimizer(other, settings)
    assert optimizer.tensors() == {}
    second.restore({})
    step(model, optimizer, 1)
    step(other, second, 1)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))


def test_plain_descent_goes_down_the_gradient():
    model = network()
    before = [weight.detach().clone() for weight in model.parameters()]
    optimizer = Optimizer(model, SGD())
    model(torch.ones(2, 5)).square().sum().backward()
    gradients = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    optimizer.step(0.25)
    for old, gradient, new in zip(before, gradients, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - 0.25 * gradient)


def test_weight_decay_shrinks_matrices_and_nothing_else():
    model = network()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(2.0)
    optimizer = Optimizer(model, AdamW(weight_decay=0.1))
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step(0.5)
    for weight in model.parameters():
        assert weight.unique().tolist() == pytest.approx([2.0 * (1 - 0.05) if weight.dim() > 1 else 2.0])


@pytest.mark.parametrize(
    ("one", "two"), [(AdamW(), AdamW(betas=(0.5, 0.6))), (Adam(), Adam(betas=(0.1, 0.2))), (SGD(), SGD(momentum=0.4))], ids=str
)
def test_settings_reach_the_optimizer(one: Any, two: Any):
    model, other = network(), network()
    optimizer, second = Optimizer(model, one), Optimizer(other, two)
    for seed in range(2):
        step(model, optimizer, seed)
        step(other, second, seed)
    assert not any(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), other.parameters(), strict=True))


def test_a_weight_that_two_modules_share_is_changed_once():
    model = nn.ModuleDict({"one": nn.Linear(3, 3, bias=False), "two": nn.Linear(3, 3, bias=False)})
    model["two"].weight = model["one"].weight
    assert len(Optimizer(model, AdamW()).weights) == 1


@pytest.mark.parametrize(("saved", "restored"), [(Adam(), SGD(momentum=0.9)), (SGD(momentum=0.9), AdamW()), (AdamW(), SGD())], ids=str)
def test_the_state_of_another_optimizer_is_refused(saved: Any, restored: Any):
    model = network()
    optimizer = Optimizer(model, saved)
    step(model, optimizer, 1)
    with pytest.raises(CheckpointError, match=re.escape("the optimizer's state does not fit the config")):
        Optimizer(network(), restored).restore(optimizer.tensors())


def test_the_state_of_an_optimizer_for_other_weights_is_refused():
    model = network()
    optimizer = Optimizer(model, Adam())
    step(model, optimizer, 1)
    tensors = optimizer.tensors()
    shape, number = ({**tensors, "optimizer.0.exp_avg": torch.ones(5, 3)}, {**tensors, "optimizer.17.exp_avg": torch.ones(3)})
    for damaged in (shape, number):
        with pytest.raises(CheckpointError, match=re.escape("the optimizer's state does not fit the config")):
            Optimizer(network(), Adam()).restore(damaged)
