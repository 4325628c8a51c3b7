"""A search with the CTC head's score, inside the exported graph, against the trained model's own."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch

from seqloom.answers import Answerer, Output
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TokensField
from seqloom.data.rows import Row
from seqloom.errors import ConfigError
from seqloom.export.folder import to_onnx
from seqloom.fields.task import Fields
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.seq2seq import Network, Seq2Seq
from seqloom.prediction import Translator
from seqloom.runtime import Graph

SYMBOLS = "abcdefg"
LSTM: dict[str, Any] = {"kind": "recurrent", "width": 12}
TRANSFORMER = {"kind": "transformer", "width": 12, "heads": 2, "layers": 1, "feed_forward": 8}
HALVED = {**LSTM, "subsampling": {"kind": "conv", "factor": 2, "channels": 3}}
SEARCHES = ((1, 0.3), (2, 0.8), (3, 0.0), (5, 0.3), (10, 0.6))
"""Beams, and weights of CTC."""
LENGTHS = (1, 12, 3, 7, 2, 30, 5, 9)
"""Unlike each other, and to the example that is traced: some are longer than what their states can spell."""


def fields_of(words: list[str]) -> Fields:
    return Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), [Row((" ".join(words),), " ".join(words), "")])


def network(fields: Fields, seed: int, encoder: dict[str, Any], decoder: dict[str, Any], readings: int = 1) -> Seq2Seq:
    """A network that has learned nothing, and has strong opinions."""
    torch.manual_seed(seed)
    head = {"kind": "tokens", "ctc_weight": 0.3, "ctc_readings": readings}
    parts = {"encoder": encoder, "decoder": decoder, "head": head, "tie_embeddings": "none"}
    made = Seq2Seq(ModelConfig.model_validate({"embedding": 12, **parts}), fields.source.size, fields.target.size).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.4 * torch.randn_like(weight))
    return made


def sources(words: list[str]) -> list[Row]:
    draw = np.random.default_rng(5)
    return [Row((" ".join(draw.choice(words, size=length)),), "", "") for length in LENGTHS]


def assert_alike(made: Network, fields: Fields, words: list[str], **more: Any) -> None:
    trained = Translator(made, fields, SearchConfig(), DataConfig())
    model = to_onnx(made, fields, trained.config, trained.data)
    exported = Answerer(fields, trained.data, trained.config, Graph(model.SerializeToString(), threads=1))
    for beam, weight in SEARCHES:
        search = SearchConfig.model_validate({"kind": "beam", "beam": beam, "ctc_weight": weight, **more})
        for rows in (sources(words), sources(words)[1:2]):
            ours = [answer.outputs for answer in trained.predict(rows, search, keep_attention=True)]
            theirs = [answer.outputs for answer in exported.answers(rows, search, keep_attention=True)]
            assert [len(outputs) for outputs in ours] == [len(outputs) for outputs in theirs]
            for one, other in zip(chain(*ours), chain(*theirs), strict=True):
                assert_same(one, other)


def assert_same(one: Output, other: Output) -> None:
    """The same hypothesis, or one of the same score: what CTC cannot spell costs 1,000 nats a symbol, beside which float32 tells little."""
    slack = 1e-4 + 1e-6 * abs(one.score)
    assert other.score == pytest.approx(one.score, abs=slack)
    if abs(one.score) < 100:
        assert other.tokens == one.tokens
        assert other.cut == one.cut
        np.testing.assert_allclose(other.token_log_probs, one.token_log_probs, atol=1e-3)


@pytest.mark.parametrize("encoder", [LSTM, TRANSFORMER, HALVED], ids=["lstm", "transformer", "half as many states"])
@pytest.mark.parametrize("decoder", [LSTM, TRANSFORMER], ids=["lstm", "transformer"])
def test_the_graph_finds_with_ctc_what_the_trained_model_finds(encoder: dict[str, Any], decoder: dict[str, Any]) -> None:
    fields = fields_of(list(SYMBOLS))
    assert_alike(network(fields, 1, encoder, decoder), fields, list(SYMBOLS))


@pytest.mark.parametrize("encoder", [LSTM, HALVED], ids=["lstm", "half as many states"])
def test_the_graph_reads_several_symbols_at_a_state_as_the_trained_model_does(encoder: dict[str, Any]) -> None:
    fields = fields_of(list(SYMBOLS))
    assert_alike(network(fields, 1, encoder, LSTM, readings=2), fields, list(SYMBOLS))


@pytest.mark.parametrize(
    "search",
    [{"length_penalty": 0.2}, {"min_length": 4}, {"max_length": 3}, {"coverage_penalty": 0.5}],
    ids=lambda search: next(iter(search)),
)
def test_settings_of_the_search_hold_with_ctc_too(search: dict[str, Any]) -> None:
    fields = fields_of(list(SYMBOLS))
    assert_alike(network(fields, 2, LSTM, LSTM), fields, list(SYMBOLS), **search)


def test_several_networks_hear_together() -> None:
    fields = fields_of(list(SYMBOLS))
    assert_alike(Ensemble([network(fields, seed, LSTM, LSTM) for seed in (3, 4)]).eval(), fields, list(SYMBOLS))


def test_of_a_large_vocabulary_the_same_candidates_are_heard() -> None:
    words = [f"w{number}" for number in range(4200)]
    fields = fields_of(words)
    assert_alike(network(fields, 6, LSTM, LSTM), fields, words, max_length=6)


def test_a_prefix_is_heard_too() -> None:
    fields = fields_of(list(SYMBOLS))
    made = network(fields, 7, LSTM, LSTM)
    trained = Translator(made, fields, SearchConfig(), DataConfig())
    graph = Graph(to_onnx(made, fields, trained.config, trained.data).SerializeToString(), threads=1)
    search = SearchConfig(kind="beam", beam=4, ctc_weight=0.5)
    asked: dict[str, Any] = {"config": search, "prefix": "a b b"}
    ours = [answer.outputs for answer in trained.predict(sources(list(SYMBOLS)), **asked)]
    theirs = [answer.outputs for answer in Answerer(fields, trained.data, search, graph).answers(sources(list(SYMBOLS)), **asked)]
    assert [[output.tokens for output in outputs] for outputs in ours] == [[output.tokens for output in outputs] for outputs in theirs]


def test_a_model_without_the_head_cannot_be_asked_for_its_score() -> None:
    fields = fields_of(list(SYMBOLS))
    made = Seq2Seq(ModelConfig.model_validate({"embedding": 12, "encoder": LSTM, "decoder": LSTM}), fields.source.size, fields.target.size)
    graph = Graph(to_onnx(made.eval(), fields, SearchConfig(), DataConfig()).SerializeToString(), threads=1)
    answerer = Answerer(fields, DataConfig(), SearchConfig(ctc_weight=0.3), graph)
    with pytest.raises(ConfigError, match=r"search\.ctc_weight: 0\.3 for a model without a CTC head; expected 0\."):
        list(answerer.answers(sources(list(SYMBOLS))))
