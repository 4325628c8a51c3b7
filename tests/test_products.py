"""Products by oneDNN say what torch's own say, and are taken for answers in float32 alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqloom.nn import products
from seqloom.nn.layers import Recurrence

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """oneDNN's product whatever the processor, and how often it was taken."""
    calls: list[int] = []
    product: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise

    def count(*arguments: Any) -> Tensor:
        calls.append(1)
        return product(*arguments)

    monkeypatch.setattr(products, "ONEDNN", count)
    monkeypatch.setattr(products, "WORTH", 1)
    torch.manual_seed(1)
    return calls


@pytest.mark.parametrize("shape", [(1, 24), (5, 24), (3, 7, 24)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_says_what_torchs_layer_says(counted: list[int], shape: tuple[int, ...], bias: bool) -> None:
    layer, inputs = products.Linear(24, 10, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(layer(inputs), nn.functional.linear(inputs, layer.weight, layer.bias))
    assert counted == [1]


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_position_at_a_time_says_what_the_whole_sequence_says(counted: list[int], kind: str) -> None:
    layer, inputs = Recurrence(kind, 6, 8), torch.randn(4, 5, 6)
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    with torch.inference_mode():
        whole, last = layer(inputs)
        state = tuple(torch.zeros(4, 8) for _ in layer.state_names)
        for place in range(5):
            output, state = layer(inputs[:, place : place + 1], state)
            torch.testing.assert_close(output[:, 0], whole[:, place])
    torch.testing.assert_close(state, last)
    assert len(counted) == 10


def test_what_is_learned_or_rounded_or_empty_is_torchs(counted: list[int]) -> None:
    layer, inputs = products.Linear(24, 10), torch.randn(3, 24)
    layer(inputs).sum().backward()
    assert layer.weight.grad is not None
    with torch.inference_mode():
        assert layer(inputs[:0]).shape == (0, 10)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(inputs).dtype == torch.bfloat16
        assert products.Linear(24, 10).bfloat16()(inputs.bfloat16()).dtype == torch.bfloat16
    assert counted == []


def test_small_products_are_torchs(counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "WORTH", 24 * 10 * 3)
    layer = products.Linear(24, 10)
    with torch.inference_mode():
        layer(torch.randn(2, 24))
        assert counted == []
        layer(torch.randn(3, 24))
    assert counted == [1]


@pytest.mark.parametrize(
    ("maker", "capability", "taken"),
    [
        ("vendor_id : AuthenticAMD", "AVX512", True),
        ("vendor_id : AuthenticAMD", "AVX2", False),
        ("vendor_id : GenuineIntel", "AVX512", False),
    ],
)
def test_the_maker_of_the_processor_decides(monkeypatch: pytest.MonkeyPatch, maker: str, capability: str, taken: bool) -> None:
    monkeypatch.setattr(products, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    assert (products.choose() is not None) is taken
