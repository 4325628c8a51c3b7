import math

import pytest
import torch
from torch import nn

from seqloom.config import ModelConfig
from seqloom.nn.attention import join_heads, read_heads, split_heads
from seqloom.nn.dropout import Dropout, draw_mask
from seqloom.nn.encoders import make_encoder
from seqloom.nn.layers import FeedForward, Recurrence, TokenInput, initialise, last_real, positions, reverse_real, time_first
from seqloom.nn.seq2seq import Seq2Seq

LENGTHS = torch.tensor([5, 2, 1])
MASK = torch.arange(5) < LENGTHS.unsqueeze(1)  # (3, 5)


def states() -> torch.Tensor:
    return torch.arange(3 * 5 * 2, dtype=torch.float32).view(3, 5, 2)


def test_rows_are_reversed_within_their_own_length():
    reversed_ = reverse_real(states(), MASK)[:, :, 0]
    assert reversed_.tolist() == [[8, 6, 4, 2, 0], [12, 10, 14, 16, 18], [20, 22, 24, 26, 28]]


def test_reversing_twice_gives_the_rows_back():
    assert torch.equal(reverse_real(reverse_real(states(), MASK), MASK), states())


def test_what_recurrent_layers_read_is_laid_out_time_first_and_reversed_so_too():
    laid_out = time_first(states())
    assert torch.equal(laid_out, states())
    for part in (laid_out, reverse_real(states(), MASK), reverse_real(laid_out, MASK)):
        assert part.transpose(0, 1).is_contiguous()
    assert torch.equal(reverse_real(laid_out, MASK), reverse_real(states(), MASK))
    with torch.autocast("cpu", torch.bfloat16):
        assert time_first(states()).dtype == torch.bfloat16


def test_the_last_real_vector_of_each_row_is_taken():
    assert last_real(states(), MASK).tolist() == [[8, 9], [12, 13], [20, 21]]


def test_positions_are_sines_and_cosines_from_fast_to_slow():
    table = positions(7, 8, 0, torch.zeros(()))
    assert table.shape == (7, 8)
    rates = [1.0, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3), 1e-4]
    for place in (0, 1, 6):
        wanted = [math.sin(place * rate) for rate in rates] + [math.cos(place * rate) for rate in rates]
        assert table[place].tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_positions_from_an_offset_are_the_later_part_of_the_whole(width: int):
    whole = positions(9, width, 0, torch.zeros((), dtype=torch.float64))
    assert whole.shape == (9, width)
    assert torch.equal(positions(5, width, 4, whole), whole[4:])
    assert len(whole.unique(dim=0)) == 9, "no two places look alike"


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.75])
@pytest.mark.parametrize("shape", [(1000, 101), (101_000,)])
def test_dropout_zeroes_the_share_asked_for_and_keeps_the_mean(probability: float, shape: tuple[int, ...]):
    torch.manual_seed(1)
    dropped = Dropout(probability)(torch.ones(shape))
    near = 4 * math.sqrt(probability * (1 - probability) / 101_000)  # four standard deviations
    assert (dropped == 0).float().mean() == pytest.approx(probability, abs=near)
    assert dropped[dropped > 0].unique().tolist() == pytest.approx([1 / (1 - probability)], rel=1e-4)
    assert dropped.mean() == pytest.approx(1.0, abs=near / (1 - probability))


def test_dropout_draws_each_value_on_its_own():
    torch.manual_seed(1)
    kept = (Dropout(0.5)(torch.ones(4000, 8)) > 0).double()
    together = kept.T @ kept / 4000  # (8, 8): one 64-bit draw serves four values
    off = together[~torch.eye(8, dtype=torch.bool)]
    assert (off - 0.25).abs().max() < 0.03  # four standard deviations of 4,000 draws


def test_dropout_does_nothing_in_evaluation_and_at_probability_zero():
    ones = torch.ones(3, 5)
    assert torch.equal(Dropout(0.5).eval()(ones), ones)
    assert torch.equal(Dropout(0.0)(ones), ones)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_dropout_takes_any_number_of_values(count: int):
    assert Dropout(0.5)(torch.ones(count, 1)).shape == (count, 1)


def test_dropout_nearly_everywhere_is_possible():
    torch.manual_seed(1)
    assert Dropout(0.999999)(torch.ones(100)).isfinite().all()


def test_the_gradient_of_dropout_is_its_mask():
    torch.manual_seed(1)
    ones = torch.ones(50, requires_grad=True)
    dropped = Dropout(0.5)(ones)
    dropped.sum().backward()
    assert torch.equal(ones.grad, dropped.detach())


def test_a_variational_mask_is_one_for_all_positions():
    torch.manual_seed(1)
    mask = draw_mask(torch.ones(()), 200, 8, 0.25)
    assert mask.shape == (200, 1, 8)
    assert mask.unique().tolist() == pytest.approx([0, 4 / 3])
    assert len(mask.unique(dim=0)) > 20, "each row has its own"


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_step_of_a_recurrence_equals_the_whole_and_takes_the_same_state(cell: str):
    torch.manual_seed(1)
    layer = Recurrence(cell, 5, 3).double()
    inputs = torch.randn(2, 8, 5, dtype=torch.float64)
    whole, final = layer(inputs)
    assert whole.shape == (2, 8, 3)
    assert len(final) == len(layer.state_names)
    torch.testing.assert_close(final[0], whole[:, -1])
    state = tuple(torch.zeros(2, 3, dtype=torch.float64) for _ in layer.state_names)
    for place in range(8):
        output, state = layer(inputs[:, place : place + 1], state)
        torch.testing.assert_close(output[:, 0], whole[:, place], rtol=0, atol=1e-12)
    for ours, theirs in zip(state, final, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    _, middle = layer(inputs[:, :3])
    rest, _ = layer(inputs[:, 3:], middle)
    torch.testing.assert_close(rest, whole[:, 3:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_one_position_without_a_state_equals_a_step_from_zeros(cell: str):
    torch.manual_seed(1)
    layer = Recurrence(cell, 5, 3).double()
    inputs = torch.randn(2, 1, 5, dtype=torch.float64)
    zeros = tuple(torch.zeros(2, 3, dtype=torch.float64) for _ in layer.state_names)
    torch.testing.assert_close(layer(inputs)[0], layer(inputs, zeros)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 2])
def test_an_encoder_hands_over_the_state_at_the_last_real_position_of_each_row(cell: str, layers: int):
    """Rows of unlike length run packed for an LSTM, rows of one length do not: both are the same."""
    torch.manual_seed(1)
    settings = {"kind": "recurrent", "cell": cell, "layers": layers, "width": 3, "bidirectional": False}
    encoder = (
        make_encoder(ModelConfig.model_validate({"encoder": settings}).encoder, inputs=2, dropout=0.0, hands_over=True).double().eval()
    )
    inputs = torch.randn(3, 5, 2, dtype=torch.float64)
    together = encoder(inputs, MASK)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(inputs[row : row + 1, :length], MASK[row : row + 1, :length])
        torch.testing.assert_close(together.states[row, :length], alone.states[0], rtol=0, atol=1e-12)
        assert set(together.final) == ({"hidden", "cell"} if cell == "lstm" else {"hidden"})
        for name, part in together.final.items():
            assert part.shape == (3, layers, 3)
            torch.testing.assert_close(part[row], alone.final[name][0], rtol=0, atol=1e-12)
        torch.testing.assert_close(together.final["hidden"][row, -1], alone.states[0, -1], rtol=0, atol=1e-12)


def test_both_directions_are_a_layer_and_one_over_the_reversed_row():
    torch.manual_seed(1)
    config = ModelConfig.model_validate({"encoder": {"kind": "recurrent", "cell": "gru", "width": 6}}).encoder
    encoder = make_encoder(config, inputs=2, dropout=0.0, hands_over=True).double().eval()
    inputs = torch.randn(1, 5, 2, dtype=torch.float64)
    encoded = encoder(inputs, torch.ones(1, 5, dtype=torch.bool))
    ahead, back = encoder.forwards[0](inputs)[0], encoder.backwards[0](inputs.flip(1))[0].flip(1)
    torch.testing.assert_close(encoded.states, torch.cat([ahead, back], 2))
    torch.testing.assert_close(encoded.final["hidden"][:, 0], torch.cat([ahead[:, -1], back[:, 0]], 1))


def test_heads_are_split_and_joined_without_mixing():
    inputs = states()[:, :, :1] + torch.arange(6) / 10
    split = split_heads(inputs, 3)
    assert split.shape == (3, 3, 5, 2)
    assert torch.equal(split[:, 1], inputs[:, :, 2:4])
    assert torch.equal(join_heads(split), inputs)


def test_ids_past_the_vocabulary_are_read_as_unknown():
    layer = TokenInput(5, 2, 0.0)
    assert torch.equal(layer(torch.tensor([[4, 5, 99]])), layer(torch.tensor([[4, 3, 3]])))


def test_inputs_have_about_unit_variance():
    torch.manual_seed(1)
    layer = TokenInput(400, 64, 0.0)
    initialise(layer)
    assert layer(torch.arange(400).unsqueeze(0)).detach().var() == pytest.approx(1.0, rel=0.05)  # 25,600 normal draws: 1 % a deviation


def test_the_feed_forward_block_is_two_products_and_a_relu():
    torch.manual_seed(1)
    block, inputs = FeedForward(3, 5, 0.5).eval(), torch.randn(2, 3)
    inner = (inputs @ block.inner.weight.T + block.inner.bias).clamp(min=0)
    torch.testing.assert_close(block(inputs), inner @ block.outer.weight.T + block.outer.bias)


def test_weights_begin_as_said_in_one_place():
    torch.manual_seed(1)
    model = nn.ModuleList([nn.Linear(5, 3), nn.LSTM(5, 3), nn.GRU(5, 3), nn.Embedding(500, 8)])
    initialise(model)
    linear, lstm, gru, embedding = model
    assert not linear.bias.any()
    assert linear.weight.abs().max() <= math.sqrt(6 / 8)
    assert lstm.bias_ih_l0.view(4, 3).tolist() == [[0] * 3, [1] * 3, [0] * 3, [0] * 3]
    assert not lstm.bias_hh_l0.any()
    assert not gru.bias_ih_l0.any()
    for gate in gru.weight_hh_l0.split(3):
        torch.testing.assert_close(gate @ gate.T, torch.eye(3), atol=1e-5, rtol=0)
    assert embedding.weight.detach().std() == pytest.approx(8**-0.5, rel=0.05)  # 4,000 normal draws


def test_tied_embeddings_are_one_weight():
    def of(tie: str) -> Seq2Seq:
        tree = {
            "embedding": 4,
            "tie_embeddings": tie,
            "encoder": {"kind": "recurrent", "width": 6},
            "decoder": {"kind": "recurrent", "width": 3},
        }
        return Seq2Seq(ModelConfig.model_validate(tree), 9, 9)

    none, target, all_ = (of(tie) for tie in ("none", "target", "all"))
    assert none.head.project.weight is not none.target_input.embedding.weight
    assert target.head.project.weight is target.target_input.embedding.weight
    assert target.source_input.embedding.weight is not target.target_input.embedding.weight
    assert all_.source_input.embedding.weight is all_.head.project.weight


@pytest.mark.parametrize("kind", ["none", "source", "past"])
def test_heads_are_read_in_parts_as_by_the_fused_kernel(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    heads = [torch.randn(3, 2, length, 8).bfloat16().requires_grad_() for length in (3, 5, 5)]
    source = torch.ones(3, 5, dtype=torch.bool)
    source[1, 2:] = False
    mask = {"none": None, "source": source[:, None, None, :], "past": torch.ones(3, 5, dtype=torch.bool).tril(2)}[kind]
    exact = read_heads(*(part.double() for part in heads), mask)
    wanted = torch.autograd.grad(exact.square().sum(), heads)
    with monkeypatch.context() as without:
        without.setattr("torch.nn.functional.scaled_dot_product_attention", None)
        found = read_heads(*heads, mask)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), exact, rtol=0.02, atol=0.02)  # 8 bits
    for mine, theirs in zip(torch.autograd.grad(found.square().sum(), heads), wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.1)
    monkeypatch.setattr("seqloom.nn.attention.FUSED_FROM", 0)
    torch.testing.assert_close(read_heads(*heads, mask).double(), exact, rtol=0.02, atol=0.02)


def test_what_is_added_to_a_straight_line_begins_faint():
    sizes = {"kind": "recurrent", "width": 16}
    settings = {"encoder": sizes, "decoder": sizes, "head": {"kind": "squared"}}
    shape = {"source_size": 2, "target_size": 2, "source_kind": "frames", "target_kind": "frames"}
    torch.manual_seed(1)
    usual = Seq2Seq(ModelConfig.model_validate(settings), **shape).head.project.weight
    torch.manual_seed(1)
    line = {"linear_path": {"history": 4, "horizon": 3}}
    torch.testing.assert_close(Seq2Seq(ModelConfig.model_validate(settings | line), **shape).head.project.weight, usual / 100)
