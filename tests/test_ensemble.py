"""An ensemble answers with the mean of its members' probabilities; the laws of all networks are held for it in test_laws.py."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.answers import Answerer, Prediction
from seqloom.batching import Example, collate
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TokensField
from seqloom.data.rows import Row
from seqloom.export.folder import to_onnx
from seqloom.export.program import write_program
from seqloom.export.quantize import quantized
from seqloom.fields.task import Fields
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.heads import IMPOSSIBLE
from seqloom.nn.seq2seq import Network, Seq2Seq, TensorBatch
from seqloom.prediction import Translator
from seqloom.runtime import Graph
from seqloom.tensors import to_tensors

SOURCES = ["a b X d", "e d", "b Z Z", "c a a b e d c"]
"""X and Z were never seen."""
ROWS = [Row((source,), "", "") for source in SOURCES]
KINDS: dict[str, dict[str, Any]] = {
    "recurrent": {},
    "pointer": {"copy": True},
    "tied": {"tie_embeddings": "target"},
    "ctc": {"head": {"kind": "tokens", "ctc_weight": 0.3}},
    "transformer": {
        "encoder": {"kind": "transformer", "width": 12, "heads": 3, "layers": 1, "feed_forward": 7},
        "decoder": {"kind": "transformer", "width": 12, "heads": 3, "layers": 2, "feed_forward": 7},
        "attention": {"kind": "multihead", "heads": 2},
    },
    "bare": {"attention": {"kind": "none"}, "decoder": {"kind": "recurrent", "cell": "gru", "width": 14, "layers": 2}},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def fields_of() -> Fields:
    rows = [Row((" ".join(source),), target, "") for source, target in (("abcde", "b a c"), ("edcba", "a a d"), ("bad", "c e"))]
    return Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows)


def network(kind: str, seed: int) -> Seq2Seq:
    small = {"embedding": 6, "encoder": {"kind": "recurrent", "width": 8}, "decoder": {"kind": "recurrent", "width": 10}}
    torch.manual_seed(seed)
    fields = fields_of()
    made = Seq2Seq(ModelConfig.model_validate({**small, **KINDS[kind]}), fields.source.size, fields.target.size)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(3)  # so that the members have opinions
    return made.eval()


def translator(*members: Seq2Seq) -> Translator:
    return Translator(Ensemble(members), fields_of(), SearchConfig(), DataConfig())


def batch(kind: str) -> TensorBatch:
    size, copy = fields_of().target.size, KINDS[kind].get("copy")
    examples = [
        Example(np.array([5, 6, 7, 5]), np.array([6, size if copy else 5, 7]), "", np.array([5, size, -1, -1]) if copy else None),
        Example(np.array([8, 6]), np.array([5]), "", np.array([6, -1]) if copy else None),
    ]
    return to_tensors(collate(examples), size, "cpu")


@torch.no_grad()
def log_probs(made: Network, of: TensorBatch) -> torch.Tensor:
    memory = made.prepare(of.source, of.source_mask)
    decoded, _ = made.decode(of.target_in, memory, made.start(memory))
    return made.head.log_probs(decoded, of.pointer)


def outputs(answers: list[Prediction]) -> list[list[tuple[list[str], float]]]:
    return [[(output.tokens, output.score) for output in answer.outputs] for answer in answers]


@every_kind
def test_the_probabilities_are_the_mean_of_the_members(kind: str):
    members, here = [network(kind, seed) for seed in (1, 2, 3)], batch(kind)
    each = [log_probs(member, here).double().exp() for member in members]
    assert (each[0] - each[1]).abs().max() > 0.1
    mean = (sum(each) / 3).log().clamp(min=IMPOSSIBLE)
    torch.testing.assert_close(log_probs(Ensemble(members), here).double(), mean, rtol=1e-7, atol=1e-5)


def test_members_in_training_mode_answer_with_nothing_dropped():
    members = [Seq2Seq(ModelConfig(dropout=0.5), fields_of().source.size, fields_of().target.size) for _ in range(2)]
    here, rows = translator(*members), [Row(("a b c",), "b a", "pairs:1")]
    usual = outputs(list(here.predict(rows))), here.score(rows)
    here.network.train()
    assert (outputs(list(here.predict(rows))), here.score(rows)) == usual
    assert members[1].training


@every_kind
def test_an_ensemble_of_one_is_its_member_exactly(kind: str):
    member, here = network(kind, 1), batch(kind)
    assert torch.equal(log_probs(Ensemble([member]), here), log_probs(member, here))
    alone = Translator(member, fields_of(), SearchConfig(), DataConfig())
    assert outputs(list(translator(member).predict(ROWS))) == outputs(list(alone.predict(ROWS)))


@every_kind
def test_members_that_are_alike_answer_as_one_of_them(kind: str):
    member = network(kind, 1)
    alone = Translator(member, fields_of(), SearchConfig(), DataConfig())
    pairs = zip(translator(*[network(kind, 1) for _ in range(4)]).predict(ROWS), alone.predict(ROWS), strict=True)
    for ours, theirs in pairs:
        assert [output.tokens for output in ours.outputs] == [output.tokens for output in theirs.outputs]
        for one, other in zip(ours.outputs, theirs.outputs, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-5)


@every_kind
def test_the_loss_is_that_of_the_mean_probabilities(kind: str):
    members, here = [network(kind, seed) for seed in (1, 2)], batch(kind)
    with torch.no_grad():
        sums = Ensemble(members)(here)
    said = log_probs(Ensemble(members), here)
    wanted = said.gather(2, here.target_out.unsqueeze(2)).squeeze(2)[here.target_mask]
    assert float(sums.nll) == pytest.approx(-float(wanted.sum()), abs=1e-5)
    assert int(sums.count) == int(here.target_mask.sum())
    assert int(sums.correct) == int((said.argmax(2) == here.target_out)[here.target_mask].sum())


def test_probabilities_far_below_what_float32_can_hold_are_averaged_too():
    from seqloom.nn.ensemble import _log_mean_exp  # pyright: ignore[reportPrivateUsage]

    parts = [torch.tensor([-500.0, -1e4]), torch.tensor([-501.0, 0.0])]
    expected = torch.tensor([-500 + math.log1p(math.exp(-1)) - math.log(2), -math.log(2)])
    torch.testing.assert_close(_log_mean_exp(parts), expected, rtol=1e-6, atol=0)


def test_attention_and_copying_are_the_means_of_the_members():
    members, rows = [network("pointer", seed) for seed in (1, 2)], [Row(("a b c",), "", "")]
    ask = {"config": SearchConfig(kind="greedy"), "prefix": "b a", "keep_attention": True}
    together = next(iter(translator(*members).predict(rows, **ask))).outputs[0]
    each = [next(iter(translator(member).predict(rows, **ask))).outputs[0] for member in members]
    for name in ("attention", "copying"):
        mean = sum(np.asarray(getattr(output, name))[:2] for output in each) / 2
        np.testing.assert_allclose(np.asarray(getattr(together, name))[:2], mean, atol=1e-6)


def test_the_second_reading_of_ctc_is_the_mean_of_the_members_too():
    members, source = [network("ctc", seed) for seed in (1, 2)], batch("ctc")
    with torch.no_grad():
        heard = [member.prepare(source.source, source.source_mask)["ctc"].exp() for member in members]
        together = Ensemble(members).prepare(source.source, source.source_mask)["ctc"]
    torch.testing.assert_close(together, (sum(heard) / 2).log(), rtol=0, atol=1e-5)
    answers = list(translator(*members).predict(ROWS, SearchConfig(ctc_weight=0.4)))
    assert [bool(answer.outputs) for answer in answers] == [True] * len(ROWS)


def test_weights_in_eight_bits_change_scores_little():
    wide = {"embedding": 64, "encoder": {"kind": "recurrent", "width": 64}, "decoder": {"kind": "recurrent", "width": 64}}
    torch.manual_seed(4)
    fields, config = fields_of(), ModelConfig.model_validate(wide)
    here = translator(*[Seq2Seq(config, fields.source.size, fields.target.size) for _ in range(2)])
    whole = to_onnx(here.network, here.fields, here.config, here.data)
    small = quantized(whole)
    assert small.ByteSize() < 0.45 * whole.ByteSize()
    answerer = Answerer(here.fields, here.data, here.config, Graph(small.SerializeToString(), threads=1))
    for ours, theirs in zip(here.predict(ROWS), answerer.answers(ROWS), strict=True):
        assert ours.outputs[0].score == pytest.approx(theirs.outputs[0].score, abs=0.02)


def test_the_best_of_a_large_vocabulary_are_found_in_groups():
    words = [f"w{number}" for number in range(4200)]
    fields = Fields.fit(
        FieldsConfig(source=[TokensField()], target=TokensField(), shared=True), [Row((" ".join(words),), " ".join(words), "")]
    )
    narrow = {"embedding": 16, "encoder": {"kind": "recurrent", "width": 16}, "decoder": {"kind": "recurrent", "width": 24}}
    config, members = ModelConfig.model_validate({**narrow, "tie_embeddings": "all"}), list[Seq2Seq]()
    torch.manual_seed(3)
    for _ in range(2):
        members.append(Seq2Seq(config, fields.source.size, fields.target.size))
        torch.nn.init.normal_(members[-1].head.project.bias, std=2.0)  # so that some symbols are likelier than others
    here = Translator(Ensemble(members), fields, SearchConfig(beam=3, max_length=5), DataConfig())
    model, rows = (
        to_onnx(here.network, fields, here.config, here.data),
        [Row((" ".join(words[start::97][:9]),), "", "") for start in (0, 5)],
    )
    exported = Answerer(fields, here.data, here.config, Graph(model.SerializeToString(), threads=1)).answers(rows)
    for ours, theirs in zip(here.predict(rows), exported, strict=True):
        assert [output.tokens for output in ours.outputs] == [output.tokens for output in theirs.outputs]


MIXED = ("recurrent", "transformer", "bare", "tied")


def test_members_of_other_kinds_and_widths_answer_with_the_mean_of_their_probabilities():
    members, here = [network(kind, seed) for seed, kind in enumerate(MIXED, 1)], batch("recurrent")
    each = [log_probs(member, here).double().exp() for member in members]
    torch.testing.assert_close(log_probs(Ensemble(members), here).double(), (sum(each) / 4).log(), rtol=0, atol=1e-5)
    together = translator(*members)
    for row, answer in zip(ROWS, together.predict(ROWS, keep_attention=True), strict=True):
        output = answer.outputs[0]
        (parts,) = together.score([Row(row.source, " ".join(output.tokens), "")])
        assert output.token_log_probs == pytest.approx(parts[: len(output.token_log_probs)], abs=1e-5)
        assert np.asarray(output.attention).sum(1) == pytest.approx(1.0, abs=1e-5), "those that attend say where"


def test_members_of_other_kinds_and_widths_are_exported_as_one():
    here = translator(*[network(kind, seed) for seed, kind in enumerate(MIXED, 1)])
    model = to_onnx(here.network, here.fields, here.config, here.data)
    answerer = Answerer(here.fields, here.data, here.config, Graph(model.SerializeToString(), threads=1))
    for ours, theirs in zip(here.predict(ROWS, keep_attention=True), answerer.answers(ROWS, keep_attention=True), strict=True):
        assert [output.tokens for output in ours.outputs] == [output.tokens for output in theirs.outputs]
        for one, other in zip(ours.outputs, theirs.outputs, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-5)
            np.testing.assert_allclose(np.asarray(one.attention), np.asarray(other.attention), atol=2e-4)  # weights are large, rounding too


@pytest.mark.slow
def test_a_program_of_torch_gives_the_log_probabilities_of_the_ensemble(tmp_path: Path):
    made, here = Ensemble([network("recurrent", seed) for seed in (1, 2)]), batch("recurrent")
    write_program(made, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    with torch.no_grad():
        said = program(here.source, here.source_mask, here.target_in)
    torch.testing.assert_close(said, log_probs(made, here), rtol=0.0, atol=1e-5)
