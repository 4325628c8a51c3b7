"""Convolutions in front of an encoder, and the CTC head behind it: the laws where there are fewer states than positions."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.answers import Answerer
from seqloom.batching import Example, collate
from seqloom.config import ConvSubsampling, DataConfig, FieldsConfig, ModelConfig, SearchConfig, TokensField
from seqloom.data.rows import Row
from seqloom.errors import ConfigError
from seqloom.export.folder import to_onnx
from seqloom.fields.task import Fields
from seqloom.nn.encoders import make_encoder
from seqloom.nn.layers import initialise
from seqloom.nn.seq2seq import Seq2Seq, TensorBatch
from seqloom.nn.subsampling import as_product, make_subsampling
from seqloom.prediction import Translator
from seqloom.runtime import Graph
from seqloom.settings import build
from seqloom.tensors import to_tensors

EXACT = {"rtol": 0.0, "atol": 1e-10}
V = 9
ENCODERS: dict[str, dict[str, Any]] = {
    "lstm_both": {"kind": "recurrent", "width": 6, "layers": 2},
    "transformer": {"kind": "transformer", "width": 6, "heads": 3, "feed_forward": 7},
}


def frames(length: int, seed: int, width: int = 10) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, length, width)))


def padded(rows: list[Tensor], length: int) -> tuple[Tensor, Tensor]:
    """Rows behind each other; the padding is not zero, as nothing may read it."""
    inputs = torch.full((len(rows), length, rows[0].shape[2]), 7.0, dtype=torch.float64)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for place, row in enumerate(rows):
        inputs[place, : row.shape[1]], mask[place, : row.shape[1]] = row[0], True
    return inputs, mask


@pytest.mark.parametrize(("factor", "states"), [(2, 7), (4, 4), (8, 2)])
def test_there_is_a_state_for_every_so_many_positions(factor: Any, states: int):
    layers = make_subsampling(ConvSubsampling(factor=factor, channels=3), 10, 0.0)
    assert layers is not None
    layers.double()
    outputs, mask = layers(*padded([frames(13, 1), frames(1, 2)], 16))
    assert outputs.shape == (2, 16 // factor, layers.width)
    assert mask.sum(1).tolist() == [states, 1]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (13, 40), (8, 7)])
def test_as_a_product_of_matrices_a_convolution_is_the_same(size: tuple[int, int], bias: bool):
    layer = torch.nn.Conv2d(3, 5, 3, 2, padding=1, bias=bias).double()
    images = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, *size))).requires_grad_()
    found, wanted = as_product(layer, images), layer(images)
    torch.testing.assert_close(found, wanted, **EXACT)
    for weight in (images, *layer.parameters()):
        gradients = [torch.autograd.grad(outputs.square().sum(), weight, retain_graph=True)[0] for outputs in (found, wanted)]
        torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("length", [1, 5, 13])
def test_padding_and_other_rows_change_nothing(name: str, factor: Any, length: int):
    part = ModelConfig.model_validate({"encoder": {**ENCODERS[name], "subsampling": {"kind": "conv", "factor": factor, "channels": 3}}})
    torch.manual_seed(1)
    encoder = make_encoder(part.encoder, inputs=10, dropout=0.0).double().eval()
    initialise(encoder)
    row = frames(length, 1)
    alone, among = encoder(*padded([row], length)), encoder(*padded([frames(22, 2), row], 24))
    real = -(-length // factor)
    assert alone.mask.sum() == real
    assert among.mask[1].sum() == real
    torch.testing.assert_close(among.states[1, :real], alone.states[0, :real], **EXACT)
    torch.testing.assert_close(among.final["hidden"][1], alone.final["hidden"][0], **EXACT)


def test_a_state_hears_its_own_positions_and_their_neighbours_only():
    layers = make_subsampling(ConvSubsampling(factor=4, channels=3), 10, 0.0)
    assert layers is not None
    layers.double()
    inputs, mask = padded([frames(40, 1)], 40)
    inputs.requires_grad_()
    layers(inputs, mask)[0][0, 5].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad[0].abs().sum(1).nonzero().flatten().tolist() == list(range(17, 24))


@pytest.mark.parametrize("factor", [2, 4])
def test_frames_are_read_as_they_are_and_their_padding_changes_nothing(factor: Any):
    encoder = {**ENCODERS["lstm_both"], "subsampling": {"kind": "conv", "factor": factor, "channels": 3}}
    tree = {"embedding": 6, "encoder": encoder, "decoder": {"kind": "recurrent", "width": 8}, "head": {"kind": "tokens", "ctc_weight": 0.3}}
    torch.manual_seed(1)
    model = Seq2Seq(ModelConfig.model_validate(tree), 10, V, source_kind="frames").double().eval()
    assert model.stride == factor
    draw = np.random.default_rng(1)
    mine, other = (
        Example(draw.normal(size=(length, 10)).astype(np.float32), draw.integers(4, V, target), "") for length, target in ((13, 3), (22, 5))
    )
    alone, both = (to_tensors(collate(examples), V, "cpu") for examples in ([mine], [other, mine]))
    real = -(-13 // factor)
    with torch.no_grad():
        one, among = (model.prepare(part.source, part.source_mask) for part in (alone, both))
        torch.testing.assert_close(among["ctc"][1, :real], one["ctc"][0, :real], rtol=0.0, atol=1e-5)
        assert among["mask"][1].sum() == real
        decoded = [model.decode(part.target_in, memory, model.start(memory))[0].hidden for part, memory in ((alone, one), (both, among))]
    torch.testing.assert_close(decoded[1][1, :4], decoded[0][0, :4], **EXACT)


def test_an_exported_model_labels_its_states_as_the_trained_one_does():
    rows = [Row(("a b c d e f g",), "x y", "1"), Row(("g f e",), "y", "2")]
    fields = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows)
    encoder = {**ENCODERS["lstm_both"], "subsampling": {"kind": "conv", "factor": 2, "channels": 3}}
    torch.manual_seed(1)
    model = Seq2Seq(ModelConfig.model_validate({"embedding": 6, "encoder": encoder}), fields.source.size, fields.target.size).eval()
    search, data = SearchConfig(beam=2, max_length=3), DataConfig()
    graph = Graph(to_onnx(model, fields, search, data).SerializeToString())
    trained, exported = (Answerer(fields, data, search, finder) for finder in (Translator(model, fields, search, data), graph))
    for ours, theirs in zip(*(part.predictions(["a b c d e f g", "g f e"], attention=True) for part in (exported, trained)), strict=True):
        assert ours.source_tokens == theirs.source_tokens
        np.testing.assert_allclose(ours.outputs[0].attention, theirs.outputs[0].attention, atol=1e-4)  # type: ignore[arg-type]
        assert len(ours.outputs[0].attention[0]) == (len(ours.source) and -(-(len(ours.source[0].split()) + 1) // 2))  # type: ignore[index]


# -------------------------------------------------------------------------------------------------------------- with CTC


def network(name: str, **head: Any) -> Seq2Seq:
    encoder = {**ENCODERS[name], "subsampling": {"kind": "conv", "factor": 2, "channels": 3}}
    tree = {
        "embedding": 6,
        "dropout": 0.0,
        "encoder": encoder,
        "decoder": {"kind": "recurrent", "width": 8},
        "head": {"kind": "tokens", **head},
    }
    torch.manual_seed(1)
    return Seq2Seq(ModelConfig.model_validate(tree), 11, V).double()


def batch(*lengths: tuple[int, int]) -> TensorBatch:
    draw = np.random.default_rng(1)
    examples = [Example(draw.integers(3, 11, source), draw.integers(4, V, target), "") for source, target in lengths]
    return to_tensors(collate(examples), V, "cpu")


@pytest.mark.parametrize("name", ENCODERS)
def test_losses_with_ctc_add_up_over_rows_whatever_the_padding(name: str):
    model = network(name, ctc_weight=0.3, label_smoothing=0.0).eval()
    both = batch((21, 3), (9, 2))
    rows = [
        TensorBatch(*(part[place : place + 1, :length] for part, length in zip(both[:5], cut, strict=True)), None)
        for place, cut in ((0, (21, 21, 4, 4, 4)), (1, (9, 9, 3, 3, 3)))
    ]
    with torch.no_grad():
        whole, parts = model(both), [model(row) for row in rows]
    torch.testing.assert_close(whole.loss.double(), sum(part.loss.double() for part in parts), rtol=1e-5, atol=0.0)
    assert whole.loss > 0.7 * whole.nll, "CTC has its share"


@pytest.mark.parametrize("name", ENCODERS)
def test_every_parameter_gets_a_gradient(name: str):
    model = network(name, ctc_weight=0.3)
    model(batch((21, 3), (9, 2))).loss.backward()
    for weight_name, weight in model.named_parameters():
        assert weight.grad is not None, weight_name
        assert weight.grad.abs().max() > 1e-7, weight_name


def test_the_loss_is_the_decoders_and_ctcs_by_their_weights():
    without, model, both = network("lstm_both"), network("lstm_both", ctc_weight=0.25), batch((21, 3), (9, 2))
    without.load_state_dict({name: part for name, part in model.state_dict().items() if not name.startswith("ctc.")})
    with torch.no_grad():
        log_probs = model.prepare(both.source, both.source_mask)["ctc"]
        assert log_probs.shape == (2, 11, V)
        alone = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1), both.target_out, torch.tensor([11, 5]), torch.tensor([3, 2]), reduction="sum"
        )
        expected = 0.75 * without(both).loss + 0.25 * alone
        torch.testing.assert_close(model(both).loss.float(), expected.float(), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model": {"copy": True, "encoder": {"kind": "recurrent", "subsampling": {"kind": "conv"}}}},
            "copy points at single source positions; set encoder.subsampling.kind to 'none'",
        ),
        ({"model": {"copy": True, "head": {"ctc_weight": 0.3}}}, "copy can write symbols that CTC does not know; set head.ctc_weight to 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as error:
        build(settings, where="run.yaml")
    assert message in str(error.value)
