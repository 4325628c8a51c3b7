import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from seqloom.nn.cross_entropy import ROWS, SCORES, Mixed, smoothed_cross_entropy

V, D = 8, 5


def inputs(count: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    hidden, weight, bias = torch.randn(count, D), torch.randn(V, D), torch.randn(V)
    leaves = [part.to(dtype).requires_grad_() for part in (hidden, weight, bias)]
    return leaves[0], leaves[1], leaves[2], torch.randint(0, V, (count,))


@pytest.mark.parametrize("count", [1, 3, ROWS, ROWS + 1, 2 * ROWS + 7])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scores", [0, 1 << 21], ids=["in pieces", "at once"])
def test_loss_and_gradients_are_those_of_torch(
    count: int, smoothing: float, dtype: torch.dtype, scores: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(SCORES, "cpu", scores)
    hidden, weight, bias, target = inputs(count, dtype)
    ours, nll, correct = smoothed_cross_entropy(hidden, weight, bias, target, smoothing)
    assert correct.isnan()  # nobody counts while a network is trained
    with torch.no_grad():
        _, _, correct = smoothed_cross_entropy(hidden, weight, bias, target, smoothing)
    scores = functional.linear(hidden, weight, bias)
    theirs = functional.cross_entropy(scores, target, reduction="sum", label_smoothing=smoothing)
    # a sum of up to 263 rows
    torch.testing.assert_close(ours.to(dtype), theirs, rtol=2e-5, atol=0)
    torch.testing.assert_close(nll.to(dtype), functional.cross_entropy(scores, target, reduction="sum").detach(), rtol=2e-5, atol=0)
    assert int(correct) == int((scores.argmax(1) == target).sum())
    gradients = torch.autograd.grad(ours * 3.0, (hidden, weight, bias))
    for mine, wanted in zip(gradients, torch.autograd.grad(theirs * 3.0, (hidden, weight, bias)), strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-4)  # sums of hundreds of float32 slopes of size 1


def test_gradients_may_be_asked_for_twice():
    hidden, weight, bias, target = inputs(3)
    loss, _, _ = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    first = torch.autograd.grad(loss, (hidden, weight, bias), retain_graph=True)
    for one, other in zip(first, torch.autograd.grad(loss, (hidden, weight, bias)), strict=True):
        assert torch.equal(one, other)


def test_only_the_loss_has_a_gradient():
    hidden, weight, bias, target = inputs(3)
    loss, nll, correct = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    assert (loss.requires_grad, nll.requires_grad, correct.requires_grad) == (True, False, False)


def test_without_smoothing_the_loss_is_the_negative_log_likelihood():
    loss, nll, _ = smoothed_cross_entropy(*inputs(5), 0.0)
    assert loss == nll


def test_no_rows_have_no_loss_and_no_gradient():
    hidden, weight, bias, target = inputs(0)
    loss, nll, _ = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    assert (float(loss.detach()), float(nll)) == (0, 0)
    loss.backward()
    assert weight.grad is not None
    assert not weight.grad.any()


def test_losses_of_parts_add_up():
    hidden, weight, bias, target = inputs(11)
    whole = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    parts = [smoothed_cross_entropy(hidden[part], weight, bias, target[part], 0.1) for part in (slice(4), slice(4, 11))]
    for all_rows, one, other in zip(whole[:2], parts[0], parts[1], strict=False):
        torch.testing.assert_close(all_rows, one + other)


def test_large_scores_do_not_overflow():
    hidden, weight, bias, target = inputs(3)
    loss, _, _ = smoothed_cross_entropy(hidden * 1e6, weight, bias, target, 0.1)
    assert loss.isfinite()
    assert all(part.isfinite().all() for part in torch.autograd.grad(loss, (hidden, weight, bias)))


@pytest.mark.parametrize("far", [100.0, -100.0, -1000.0])
def test_scores_that_are_all_far_from_zero_are_shifted(far: float):
    """exp(100) is too large for float32, and exp(-100) too small for its usual form."""
    hidden, weight, bias, target = inputs(5)
    found = []
    for added in (0.0, far):
        loss, nll, _ = smoothed_cross_entropy(hidden, weight, bias + added, target, 0.1)
        found.append((loss.detach(), nll, *torch.autograd.grad(loss, (hidden, weight, bias))))
    for plain, shifted in zip(*found, strict=True):
        torch.testing.assert_close(shifted, plain, rtol=0, atol=1e-3)  # float32 keeps 1,000 to 0.00006


@pytest.mark.parametrize("far", [100.0, -100.0])
def test_scores_that_are_all_far_from_zero_are_shifted_in_bfloat16(far: float):
    hidden, weight, bias, target = inputs(200)
    with torch.autocast("cpu", torch.bfloat16):
        loss, nll, _ = smoothed_cross_entropy(hidden, weight, bias + far, target, 0.0)
    parts = [part.detach().bfloat16().float() for part in (hidden, weight, bias + far)]
    scores = functional.linear(*parts).bfloat16().float()  # steps of half a nat, the same for both
    torch.testing.assert_close(nll, functional.cross_entropy(scores, target, reduction="sum"), rtol=0.01, atol=0)
    assert all(part.isfinite().all() for part in torch.autograd.grad(loss, (hidden, weight, bias)))


def test_a_loss_that_is_not_a_number_is_not_hidden():
    hidden, weight, bias, target = inputs(3)
    assert smoothed_cross_entropy(hidden * float("nan"), weight, bias, target, 0.1)[0].isnan()


@pytest.mark.parametrize("scores", [0, 1 << 21], ids=["in pieces", "at once"])
def test_under_autocast_products_are_bfloat16_and_sums_float32(scores: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SCORES, "cpu", scores)
    hidden, weight, bias, target = inputs(2 * ROWS + 7)
    with torch.autocast("cpu", torch.bfloat16):
        loss, nll, _ = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    assert (loss.dtype, nll.dtype) == (torch.float32, torch.float32)
    wanted = functional.cross_entropy(functional.linear(hidden, weight, bias), target, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(loss, wanted, rtol=0.01, atol=0)  # 8 bits a score, errors of both signs
    for mine, theirs in zip(
        torch.autograd.grad(loss, (hidden, weight, bias)), torch.autograd.grad(wanted, (hidden, weight, bias)), strict=True
    ):
        assert mine.dtype == torch.float32
        assert (mine - theirs).abs().max() < 0.02 * theirs.abs().max() + 0.02


def test_where_no_gradient_is_wanted_none_is_computed():
    hidden, weight, bias, target = inputs(ROWS)
    with FlopCounterMode(display=False) as wanted:
        loss, _, _ = smoothed_cross_entropy(hidden, weight, bias, target, 0.1)
    with torch.no_grad(), FlopCounterMode(display=False) as unwanted:
        assert smoothed_cross_entropy(hidden, weight, bias, target, 0.1)[0] == loss.detach()
    assert unwanted.get_total_flops() < 0.6 * wanted.get_total_flops()


def test_without_a_gradient_the_shares_of_narrow_scores_are_exact():
    torch.manual_seed(1)
    hidden, weight, target = torch.randn(300, 16).bfloat16(), torch.randn(500, 16).bfloat16(), torch.randint(0, 500, (300,))
    with torch.no_grad():
        _, nll, _ = smoothed_cross_entropy(hidden, weight, torch.zeros(500), target, 0.1)
    scores = (hidden @ weight.t()).float()
    torch.testing.assert_close(nll, functional.cross_entropy(scores, target, reduction="sum"), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("symbols", "smoothing"), [(10, 0.1), (10, 0.0), (3000, 0.1)])
def test_the_slopes_of_a_row_sum_to_zero_in_bfloat16_so_that_all_scores_cannot_drift_together(symbols: int, smoothing: float) -> None:
    """A well trained row, whose true share is near 1: share - 1 in bfloat16 would be off by up to 0.002 of 1, the same way each time."""
    torch.manual_seed(0)
    hidden = torch.randn(300, 16, dtype=torch.bfloat16)
    target = torch.randint(0, symbols, (300,))
    weight = torch.zeros(symbols, 16, dtype=torch.bfloat16)
    bias = torch.zeros(symbols, requires_grad=True)
    with torch.no_grad():
        bias[target[0]] = 9.0
    loss, _, _ = smoothed_cross_entropy(hidden, weight, bias, target[:1].expand(300), smoothing)
    loss.backward()
    assert bias.grad is not None
    others = bias.grad.abs().sum() - bias.grad[target[0]].abs()
    assert abs(float(bias.grad.sum())) < 0.01 * float(others)  # bfloat16 keeps 8 bits of each


def with_pointer(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, mixed: Mixed) -> tuple[Tensor, Tensor]:
    """The formula as it is written: the loss and the loss without smoothing."""
    log_shares = functional.linear(hidden, weight, bias).log_softmax(1)
    own = log_shares.gather(1, target.clamp(max=V - 1).unsqueeze(1)).squeeze(1).exp() * (target < V)
    nll = -(mixed.generate * own + mixed.copied).clamp(min=1e-30).log()
    return ((1 - smoothing) * nll - smoothing * log_shares.mean(1)).sum(), nll.sum().detach()


def mixed_inputs(count: int, dtype: torch.dtype) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Mixed]:
    """Targets of which some are copied, some are not in the vocabulary, and one is neither."""
    hidden, weight, bias, _ = inputs(count, dtype)
    target, generate = torch.randint(0, V + 3, (count,)), torch.rand(count).to(dtype)
    copied = torch.where(torch.rand(count) < 0.5, (1 - generate) * torch.rand(count), 0.0)
    copied = torch.where(target >= V, copied + 0.01 * (1 - generate), copied)
    target[0], generate[0], copied[0] = 2, 1.0, 0.0
    target[-1], generate[-1], copied[-1] = V + 1, 0.5, 0.0
    return (hidden, weight, bias), target, Mixed(generate.to(dtype).requires_grad_(), copied.to(dtype).requires_grad_())


@pytest.mark.parametrize("count", [2, ROWS, 2 * ROWS + 7])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scores", [0, 1 << 22], ids=["in pieces", "at once"])
def test_with_a_pointer_loss_and_gradients_are_those_of_the_formula(
    count: int, smoothing: float, dtype: torch.dtype, scores: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(SCORES, "cpu", scores)
    leaves, target, mixed = mixed_inputs(count, dtype)
    ours, nll, _ = smoothed_cross_entropy(*leaves, target, smoothing, mixed)
    theirs, their_nll = with_pointer(*leaves, target, smoothing, mixed)
    torch.testing.assert_close(ours.to(dtype), theirs, rtol=2e-5, atol=0)
    torch.testing.assert_close(nll.to(dtype), their_nll, rtol=2e-5, atol=0)
    gradients, wanted = (torch.autograd.grad(loss * 3.0, (*leaves, *mixed)) for loss in (ours, theirs))
    for mine, other in zip(gradients, wanted, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_with_a_pointer_a_symbol_that_nothing_can_say_costs_a_finite_loss_and_pulls_at_nothing_but_the_smoothing():
    leaves, target, mixed = mixed_inputs(2, torch.float32)
    loss, nll, _ = smoothed_cross_entropy(*leaves, target, 0.0, mixed)
    assert nll > 69
    to_hidden, *_, to_generate, to_copied = torch.autograd.grad(loss, (*leaves, *mixed))
    assert to_hidden[1].abs().max() < 1e-20
    assert (float(to_generate[1]), float(to_copied[1])) == (0, 0)


def test_with_a_pointer_what_is_unlikely_still_pulls():
    """exp(-200) is no number of float32: its logarithm is."""
    hidden, weight, bias, _ = inputs(1)
    mixed = Mixed(torch.full((1,), 0.5), torch.zeros(1))
    far = bias + torch.tensor([-200.0, *[0.0] * (V - 1)])
    loss, nll, _ = smoothed_cross_entropy(hidden * 0, weight, far, torch.zeros(1, dtype=torch.int64), 0.0, mixed)
    assert 190 < float(nll) < 210
    assert float(torch.autograd.grad(loss, bias)[0][0]) == pytest.approx(-1.0)


@pytest.mark.parametrize("generate", [1e-42, 0.0])
def test_with_a_pointer_that_hardly_lets_the_vocabulary_speak_slopes_are_numbers(generate: float):
    """By generate the slope is one over it, which float32 may not hold; what it is multiplied with is as small."""
    hidden, weight, bias, target = inputs(3)
    mixed = Mixed(torch.full((3,), generate, requires_grad=True), torch.tensor([0.0, 0.5, 0.0], requires_grad=True))
    loss, _, _ = smoothed_cross_entropy(hidden, weight, bias, target, 0.1, mixed)
    for part in torch.autograd.grad(loss, (hidden, weight, bias, *mixed)):
        assert part.isfinite().all()


@pytest.mark.parametrize("target", [V, -1])
def test_without_a_pointer_a_symbol_that_the_vocabulary_lacks_is_an_error(target: int):
    hidden, weight, bias, _ = inputs(2)
    with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
        smoothed_cross_entropy(hidden, weight, bias, torch.tensor([0, target]), 0.1)


def test_a_true_symbol_without_any_probability_is_not_hidden():
    hidden, weight, bias, target = inputs(2)
    with torch.no_grad():
        bias[int(target[0])] = -torch.inf
        assert not smoothed_cross_entropy(hidden, weight, bias, target, 0.0)[1].isfinite()


def test_right_guesses_are_not_counted_where_a_symbol_may_be_copied():
    leaves, target, mixed = mixed_inputs(5, torch.float32)
    with torch.no_grad():
        assert smoothed_cross_entropy(*leaves, target, 0.1, mixed)[2].isnan()


def test_with_a_pointer_under_autocast_products_are_bfloat16(monkeypatch: pytest.MonkeyPatch):
    leaves, target, mixed = mixed_inputs(2 * ROWS + 7, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _, _ = smoothed_cross_entropy(*leaves, target, 0.1, mixed)
    wanted, _ = with_pointer(*leaves, target, 0.1, mixed)
    torch.testing.assert_close(loss, wanted, rtol=0.01, atol=0)
    for mine, theirs in zip(torch.autograd.grad(loss, (*leaves, *mixed)), torch.autograd.grad(wanted, (*leaves, *mixed)), strict=True):
        assert mine.dtype == torch.float32
        assert (mine - theirs).abs().max() < 0.02 * theirs.abs().max() + 0.02
