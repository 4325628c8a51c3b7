"""The law of export: the exported model gives the hypotheses of the trained one, at other lengths than those that were traced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from seqloom.answers import Answerer, Output
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TokensField
from seqloom.data.rows import Row
from seqloom.export.folder import to_onnx
from seqloom.export.weights import settled
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import BOS, UNK
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.prediction import Translator
from seqloom.runtime import Graph
from seqloom.testing.laws import SINGLE, true

__all__ = ["LONGER", "PAIRS", "SOURCES", "answers_alike", "translator_of"]

PAIRS = [("abcde", "b a c"), ("edcba", "a a d"), ("bad", "c"), ("deed", "d c b a"), ("ace", "")]
SOURCES = ["abXcYde", "ed", "bZZ", "dacde", "c"]
"""X, Y and Z are unknown on both sides."""
LONGER = [" ".join("abcdeXY"[(place * step) % 7] for place in range(length)) for step, length in enumerate((1, 13, 2, 7, 30, 1, 4, 9), 1)]
"""Unlike in number and length to the example that is traced."""


def translator_of(config: ModelConfig, members: int = 1) -> Translator:
    """A model of PAIRS with drawn weights in float64."""
    rows = [Row((" ".join(source),), target, "") for source, target in PAIRS]
    fields = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows)
    torch.manual_seed(3)
    networks = [Seq2Seq(config, fields.source.size, fields.target.size).double() for _ in range(members)]
    with torch.no_grad():
        for network in networks:
            bias: Any = network.head.project.bias
            bias[UNK] = -20  # an output with <unk> cannot be written as text and scored again
            bias[BOS] = 1.0  # what may not be chosen is likely
    return Translator(Ensemble(networks) if members > 1 else networks[0], fields, SearchConfig(), DataConfig())


def answers_alike(trained: Translator, modes: Iterable[Mapping[str, Any]]) -> None:
    """6. The exported model gives the hypotheses of the trained one, with every search given, prefix included."""
    model = settled(to_onnx(trained.network, trained.fields, trained.config, trained.data))
    exported = Answerer(trained.fields, trained.data, trained.config, Graph(model.SerializeToString(), threads=1))
    for mode in modes:
        search = {name: value for name, value in mode.items() if name != "prefix"}
        ask: dict[str, Any] = {"config": SearchConfig(**search), "prefix": mode.get("prefix", ""), "keep_attention": True}
        for sources in (SOURCES, LONGER, LONGER[:1]):
            rows = [Row((" ".join(source.split()) if " " in source else " ".join(source),), "", "") for source in sources]
            for ours, theirs in zip(trained.predict(rows, **ask), exported.answers(rows, **ask), strict=True):
                true(len(ours.outputs) == len(theirs.outputs), f"{len(theirs.outputs)} hypotheses; expected {len(ours.outputs)}")
                for one, other in zip(ours.outputs, theirs.outputs, strict=True):
                    _alike(one, other)


def _alike(trained: Output, exported: Output) -> None:
    """Make sure that two hypotheses are one; the trained network is in float64, the other in float32."""
    true(exported.tokens == trained.tokens, f"the exported model says {exported.tokens}; expected {trained.tokens}, as the trained one")
    true(exported.cut == trained.cut, f"the exported hypothesis is{'' if exported.cut else ' not'} cut off; expected the other")
    scores = (exported.score, *exported.token_log_probs), (trained.score, *trained.token_log_probs)
    apart = float(np.abs(np.subtract(*scores)).max())
    true(apart <= SINGLE, f"scores of the exported model differ by {apart:.1g}; expected at most {SINGLE:.0g}")
    true((exported.attention is None) == (trained.attention is None), "one of the models gives attention, and the other none")
    if exported.attention is not None and trained.attention is not None:
        apart = float(np.abs(np.subtract(exported.attention, trained.attention)).max(initial=0.0))
        true(apart <= SINGLE, f"attention of the exported model differs by {apart:.1g}; expected at most {SINGLE:.0g}")
