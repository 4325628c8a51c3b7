"""Laws that every encoder × decoder × attention × pointer obeys, ids or frames on either side. A new part joins by one entry in a table."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, astuple
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.answers import Prediction
from seqloom.batching import Example
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TextField
from seqloom.data.rows import Row
from seqloom.fields.task import Fields
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.heads import Pointer
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.prediction import Translator
from seqloom.testing import exported, laws, networks
from seqloom.testing.exported import SOURCES, translator_of
from seqloom.testing.networks import TARGET_SIZE, Sides, batch_of, changed_later, run

SINGLE = {"rtol": 0.0, "atol": laws.SINGLE}


def recurrent(cell: str, **more: Any) -> dict[str, Any]:
    return {"kind": "recurrent", "cell": cell, "width": 6, **more}


TRANSFORMER = {"kind": "transformer", "layers": 2, "width": 6, "heads": 3, "feed_forward": 7}
ENCODERS: dict[str, dict[str, Any]] = {
    "lstm": recurrent("lstm", bidirectional=False),
    "lstm_2": recurrent("lstm", bidirectional=False, layers=2),
    "lstm_both": recurrent("lstm"),
    "lstm_both_2_residual": recurrent("lstm", layers=2, residual=True),
    "gru": recurrent("gru", bidirectional=False),
    "gru_both_2_variational": recurrent("gru", layers=2, variational=True),
    "rnn_2_residual": recurrent("rnn", bidirectional=False, layers=2, residual=True),
    "rnn_both": recurrent("rnn"),
    "transformer": TRANSFORMER,
}
DECODERS: dict[str, dict[str, Any]] = {
    "lstm": recurrent("lstm", width=8),
    "lstm_2_residual": recurrent("lstm", width=8, layers=2, residual=True),
    "lstm_copied": recurrent("lstm", start="copy"),
    "lstm_2_copied": recurrent("lstm", start="copy", layers=2),
    "lstm_2_attends_first": recurrent("lstm", width=8, layers=2, residual=True, attend_after="first"),
    "gru_fed": recurrent("gru", width=8, input_feeding=True),
    "gru_2_variational": recurrent("gru", width=8, layers=2, variational=True),
    "gru_copied_fed": recurrent("gru", start="copy", input_feeding=True),
    "rnn_2": recurrent("rnn", width=8, layers=2),
    "transformer": {**TRANSFORMER, "width": 8, "heads": 4},
    "transformer_6": {**TRANSFORMER, "layers": 1},
}
COPIED_FROM = {"lstm_copied": "lstm", "lstm_2_copied": "lstm_2", "gru_copied_fed": "gru"}
ATTENTIONS: dict[str, dict[str, Any]] = {
    "none": {"kind": "none"},
    "dot": {"kind": "dot"},
    "bilinear": {"kind": "bilinear"},
    "additive": {"kind": "additive", "width": 5},
    "multihead": {"kind": "multihead", "heads": 2},
}
PATH = {"history": 3, "horizon": 5}
SIDES: dict[str, dict[str, Any]] = {
    "frames_to_ids": {"source": 3, "target": None},
    "ids_to_frames": {"source": None, "target": 2, "head": {"kind": "squared", "stop": "learned"}},
    "frames_to_frames": {"source": 3, "target": 2, "known": 2, "head": {"kind": "gaussian"}, "linear_path": PATH},
    "direct": {"source": 3, "target": 2, "known": 2, "head": {"kind": "quantile"}, "direct": True, "recent": 4, "linear_path": PATH},
}
"""Sizes of frames, None where a side is ids, and what the model has to be for them."""


class Combination(NamedTuple):
    """One kind of model."""

    encoder: str
    decoder: str
    attention: str
    copy: bool = False
    sides: str = ""
    """A key of SIDES; ids to ids where empty."""
    members: int = 1
    """Of an ensemble."""


def fits(combination: Combination) -> bool:
    encoder, decoder, attention, copy = combination[:4]
    return COPIED_FROM.get(decoder, encoder) == encoder and not (copy and attention == "none")


EVERY = [case for case in itertools.starmap(Combination, itertools.product(ENCODERS, DECODERS, ATTENTIONS, (False, True))) if fits(case)]
SMALLER = ("lstm", "transformer_6"), ("lstm_2", "gru")
ALL = [case for case in EVERY if case[1] not in SMALLER[0] and (case[0] not in SMALLER[1] or case[1] in COPIED_FROM)]
"""The product, but for decoders and encoders that are a smaller kind of another."""
FEWER_ENCODERS = [case for case in ALL if case[0] in ("lstm", "gru_both_2_variational", "transformer")]
"""For what happens behind the encoder."""
SOME = list(
    dict.fromkeys(
        case
        for case in EVERY
        if case[1:4] == ("lstm", "dot", False)
        or case[:3:2] == (COPIED_FROM.get(case[1], "lstm_both"), "multihead")
        or case[:2] in (("lstm_both", "lstm"), ("transformer", "transformer"))
    )
)
"""Each encoder, each decoder and each attention at least once, with and without a pointer."""
FRAMED = [case._replace(sides=sides) for sides in SIDES for case in SOME if not case.copy]
ENSEMBLES = [case._replace(members=2) for case in SOME]


def named(cases: Sequence[Combination | tuple[Any, ...]]) -> Any:
    made = [Combination(*case) for case in cases]
    names = [
        "-".join(
            [
                *case[:3],
                *(["copy"] if case.copy else []),
                *([case.sides] if case.sides else []),
                *([f"{case.members}_members"] if case.members > 1 else []),
            ]
        )
        for case in made
    ]
    return pytest.mark.parametrize("case", made, ids=names)


def config_of(case: Combination, **more: Any) -> ModelConfig:
    encoder, decoder, attention, copy, sides, _ = case
    tree = {"embedding": 6, "encoder": ENCODERS[encoder], "decoder": DECODERS[decoder], "attention": ATTENTIONS[attention], "copy": copy}
    of_frames = {name: value for name, value in SIDES.get(sides, {}).items() if name not in ("source", "target", "known")}
    return ModelConfig.model_validate({**tree, **of_frames, **more})


def sides_of(case: Combination) -> Sides:
    known = {name: value for name, value in SIDES.get(case.sides, {}).items() if name in ("source", "target", "known")}
    return Sides(**known, copy=case.copy)


def make(case: Combination, seed: int = 1, **more: Any) -> Seq2Seq:
    return networks.network_of(config_of(case, **more), sides_of(case), seed)


@lru_cache(maxsize=4)
def in_double(case: Combination) -> Any:
    """A network, or an ensemble, in evaluation mode."""
    if case.members > 1:
        return Ensemble([make(case, seed) for seed in range(1, case.members + 1)]).double().eval()
    network = make(case).double().eval()
    if network.linear_path is not None:
        torch.nn.init.normal_(network.linear_path.weight)  # it begins at zero
    return network


def example(source_length: int, target_length: int, seed: int, case: Combination) -> Example:
    return networks.example(source_length, target_length, seed, sides_of(case))


def close(ours: Tensor, theirs: Tensor, tolerance: dict[str, float]) -> None:
    torch.testing.assert_close(ours, theirs, **tolerance)


# ----------------------------------------------------------------------------------------------------------------- 1


@named([*ALL, *FRAMED, *ENSEMBLES])
def test_stepping_one_token_at_a_time_equals_decoding_the_whole_target(case: Combination):
    laws.stepping(in_double(case), sides_of(case))


@named([*SOME, *FRAMED, *ENSEMBLES])
def test_going_on_from_the_middle_of_a_target_equals_decoding_the_whole_target(case: Combination):
    laws.going_on(in_double(case), sides_of(case))


@named([*SOME, *FRAMED, *ENSEMBLES])
def test_reordering_the_state_is_following_another_hypothesis(case: Combination):
    laws.reordering(in_double(case), sides_of(case))


@named([*SOME, *FRAMED])
def test_scheduled_sampling_that_always_shows_the_true_token_is_teacher_forcing(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    with torch.no_grad():
        whole, stepped = network(batch), network(batch, teacher_forcing=1 - 1e-9)
    close(torch.stack(astuple(stepped)).float(), torch.stack(astuple(whole)).float(), {"rtol": 1e-6, "atol": 0.0})


@named([*SOME, *FRAMED])
def test_scheduled_sampling_that_never_shows_the_true_token_does_not_see_the_target(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    other = changed_later(batch, 0)
    with torch.no_grad():
        assert network(batch, teacher_forcing=0.0).loss == network(other, teacher_forcing=0.0).loss
        assert (network(batch).loss == network(other).loss) == network.direct


# ----------------------------------------------------------------------------------------------------------------- 2


@named([*ALL, *FRAMED, *ENSEMBLES])
def test_padding_and_other_rows_change_nothing(case: Combination):
    laws.padding(in_double(case), sides_of(case))


@named([*FEWER_ENCODERS, *FRAMED, *ENSEMBLES])
def test_losses_of_rows_add_up_and_are_the_log_probabilities_of_the_targets(case: Combination):
    network = in_double(case)
    first, second = example(5, 3, 1, case), example(9, 6, 2, case)
    with torch.no_grad():
        one, two, both = (network(batch_of(*examples)) for examples in ((first,), (second,), (first, second)))
    for name, part in asdict(both).items():
        close(part.float(), (getattr(one, name) + getattr(two, name)).float(), {"rtol": 1e-5, "atol": 0.0})
    batch = batch_of(first, second)
    assert int(both.count) == int(batch.target_mask.sum())
    if batch.target_out.dim() == 3:
        return
    _, log_probs = run(network, batch)
    wanted = log_probs.gather(2, batch.target_out.unsqueeze(2)).squeeze(2)
    close(both.nll.float(), -wanted[batch.target_mask].sum(), {"rtol": 1e-5, "atol": 0.0})
    assert int(both.correct) == int((log_probs.argmax(2) == batch.target_out)[batch.target_mask].sum())


# ----------------------------------------------------------------------------------------------------------------- 3


@named([*FEWER_ENCODERS, *FRAMED])
def test_an_output_does_not_depend_on_targets_at_its_place_or_later(case: Combination):
    network = in_double(case)
    laws.later_targets(network, sides_of(case), direct=network.direct)


# ----------------------------------------------------------------------------------------------------------------- 4


@named([*ALL, *FRAMED])
def test_every_parameter_gets_a_gradient(case: Combination):
    laws.the_gradients(make(case), sides_of(case))


BY_HEART: list[tuple[Any, ...]] = [
    ("lstm", "lstm_copied", "none", False),
    ("gru", "gru_copied_fed", "bilinear", False),
    ("lstm_both", "lstm", "dot", False),
    ("lstm_both_2_residual", "transformer", "additive", True),
    ("rnn_both", "rnn_2", "additive", False),
    ("transformer", "transformer", "multihead", False),
    ("transformer", "gru_2_variational", "multihead", True),
    ("lstm_both", "lstm", "dot", False, "frames_to_ids"),
    ("gru", "transformer", "multihead", False, "ids_to_frames"),
    ("lstm", "gru_fed", "none", False, "frames_to_frames"),
    ("transformer", "rnn_2", "dot", False, "direct"),
]


@named(BY_HEART)
def test_eight_examples_can_be_learned_by_heart(case: Combination):
    wide = config_of(case).model_dump(by_alias=True)
    for part in ("encoder", "decoder"):
        wide[part]["width"] = 24
    config = ModelConfig.model_validate({**wide, "embedding": 24, "dropout": 0.0})
    laws.learned_by_heart(networks.network_of(config, sides_of(case)), sides_of(case))


# ----------------------------------------------------------------------------------------------------------- 5 and 7


@named([*SOME, *FRAMED])
@pytest.mark.parametrize("tie", ["none", "target"])
def test_saved_and_loaded_a_model_gives_the_same_output(case: Combination, tie: str, tmp_path: Any):
    laws.saved_and_loaded(partial(make, case, tie_embeddings=tie), sides_of(case), tmp_path)


@named([*SOME, *FRAMED])
def test_the_same_seed_gives_the_same_losses_and_another_seed_others(case: Combination):
    laws.same_seed(partial(make, case, dropout=0.3), sides_of(case))


@named([*SOME, *FRAMED])
def test_dropout_changes_the_loss_in_training_and_not_in_evaluation(case: Combination):
    network, batch = make(case, dropout=0.3), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    with torch.no_grad():
        assert network(batch).loss != network(batch).loss
        network.eval()
        assert network(batch).loss == network(batch).loss


@named([*SOME, *FRAMED])
def test_a_step_under_bfloat16_gives_finite_gradients_near_those_of_float32(case: Combination):
    laws.half_precision(make(case, dropout=0.0), sides_of(case))


# ----------------------------------------------------------------------------------------------------------------- 8

MODES: dict[str, dict[str, Any]] = {
    "greedy": {"kind": "greedy"},
    "beam": {"kind": "beam", "beam": 3},
    "wide_beam": {"kind": "beam", "beam": 20, "length_penalty": 0.0, "max_length": 2},
    "coverage": {"kind": "beam", "beam": 3, "coverage_penalty": 0.4},
    "sample": {"kind": "sample", "seed": 5},
    "sample_top": {"kind": "sample", "top_k": 4, "top_p": 0.9, "temperature": 0.7},
    "prefix": {"kind": "beam", "beam": 3, "prefix": "b d"},
    "sampled_prefix": {"kind": "sample", "prefix": "b"},
    "min_length": {"kind": "beam", "beam": 3, "min_length": 6},
    "max_length": {"kind": "greedy", "max_length": 2, "min_length": 2},
}
SEARCHED: list[tuple[Any, ...]] = [
    ("lstm_both", "lstm_2_residual", "none", False),
    ("lstm", "lstm_copied", "dot", True),
    ("gru_both_2_variational", "gru_fed", "additive", False),
    ("rnn_both", "transformer", "multihead", True),
    ("transformer", "transformer", "none", False),
    ("transformer", "rnn_2", "bilinear", True),
    ("transformer", "gru_fed", "dot", False),
    ("lstm_both", "lstm", "dot", False, "", 3),
    ("transformer", "transformer", "none", False, "", 2),
    ("gru_both_2_variational", "transformer", "multihead", True, "", 2),
    ("rnn_both", "gru_fed", "additive", True, "", 2),
]


@lru_cache
def translator(case: Combination) -> Translator:
    return translator_of(config_of(case), case.members)


def answers(case: Combination, prefix: str = "", **search: Any) -> list[Prediction]:
    rows = [Row((" ".join(source),), "", f"pairs:{line}") for line, source in enumerate(SOURCES, 1)]
    return list(translator(case).predict(rows, SearchConfig(**search), prefix=prefix))


@named(SEARCHED)
@pytest.mark.parametrize("mode", MODES)
def test_token_log_probabilities_sum_to_the_hypothesis_and_equal_its_score_as_a_given_target(case: Combination, mode: str):
    predictions = answers(case, **MODES[mode])
    assert [prediction.source for prediction in predictions] == [(" ".join(source),) for source in SOURCES]
    outputs = [(prediction.source, output) for prediction in predictions for output in prediction.outputs]
    assert len(outputs) >= len(SOURCES)
    given = translator(case).score([Row(source, output.text, "") for source, output in outputs])
    for (_, output), parts in zip(outputs, given, strict=True):
        assert "<unk>" not in output.tokens
        assert len(output.token_log_probs) == len(output.tokens) + 1
        assert output.log_prob == pytest.approx(sum(output.token_log_probs), abs=2e-5)
        np.testing.assert_allclose(output.token_log_probs, parts, atol=2e-5)  # float32, the steps batched otherwise
        assert output.text.startswith(MODES[mode].get("prefix", ""))
        assert len(output.tokens) >= MODES[mode].get("min_length", 0)
        if "max_length" in MODES[mode]:
            assert len(output.tokens) <= 2
            assert output.cut == (len(output.tokens) == 2)


@named([case for case in SEARCHED if case[3] and len(case) == 4])
def test_a_pointer_outputs_symbols_that_neither_side_knows_and_they_score_the_same(case: Combination):
    gate = translator(case).network.head.gate
    assert gate is not None
    before = gate.bias.detach().clone()
    try:
        torch.nn.init.constant_(gate.bias, -4.0)
        outputs = [(row, output) for row in answers(case, kind="sample", seed=2, min_length=5) for output in row.outputs]
        assert set("XYZ") & {token for _, output in outputs for token in output.tokens}
        given = translator(case).score([Row(row.source, output.text, "") for row, output in outputs])
        for (_, output), parts in zip(outputs, given, strict=True):
            np.testing.assert_allclose(output.token_log_probs, parts, atol=2e-5)
    finally:
        with torch.no_grad():
            gate.bias.copy_(before)


@named([case for case in SEARCHED if case[3]])
def test_the_hypotheses_of_a_pointer_do_not_depend_on_what_other_sources_hold(case: Combination):
    config = SearchConfig(beam=40, max_length=1)
    rows = [Row((source,), "", "") for source in ("a b", "X a Y Z", "b")]
    together = translator(case).predict(rows, config)
    for row, answer in zip(rows, together, strict=True):
        (alone,) = translator(case).predict([row], config)
        assert [output.tokens for output in answer.outputs] == [output.tokens for output in alone.outputs]
        np.testing.assert_allclose(*([output.score for output in part.outputs] for part in (answer, alone)), atol=1e-5)


@pytest.mark.parametrize("unit", ["character", "word", "subword"])
def test_every_unit_of_text_scores_what_it_predicts(unit: Any):
    texts = ["ein Hund läuft", "der Hund bellt", "eine Katze läuft", "die Katze schläft, ja"]
    rows = [Row((text,), text[::-1], "") for text in texts]
    field = TextField(unit=unit, max_size=45 if unit == "subword" else None, byte_fallback=False)
    fields = Fields.fit(FieldsConfig(source=[field], target=field), rows)
    torch.manual_seed(1)
    network = Seq2Seq(config_of(Combination("gru", "transformer", "dot")), fields.source.size, fields.target.size).double()
    here = Translator(network, fields, SearchConfig(), DataConfig())
    given = here.score(rows)
    assert [len(parts) for parts in given] == [len(fields.target.encode(row.target)) + 1 for row in rows]
    for row, parts in zip(rows, given, strict=True):
        (forced,) = here.predict([row], SearchConfig(kind="greedy", max_length=len(parts) - 1), prefix=row.target)
        assert forced.outputs[0].log_prob == pytest.approx(sum(parts), abs=1e-4)


def test_the_pointer_never_points_at_padding():
    case = Combination("lstm_both", "lstm", "dot", True)
    network = in_double(case)
    batch = batch_of(example(5, 3, 1, case), example(9, 3, 2, case))
    decoded, log_probs = run(network, batch)
    blind = Pointer(torch.full_like(batch.source, -1), 1)
    nothing = network.head.log_probs(decoded, blind)
    close(nothing[:, :, :TARGET_SIZE].exp().sum(2), torch.ones(2, 4), SINGLE)
    assert nothing[:, :, TARGET_SIZE].exp().max() < 1e-20
    assert log_probs[:, :, TARGET_SIZE].exp().min() > 1e-4


# ----------------------------------------------------------------------------------------------------------------- 6

EXPORTED_MODES = [MODES[mode] for mode in MODES if "sample" not in mode]


@named(SEARCHED)
def test_an_exported_model_gives_the_hypotheses_of_the_trained_one(case: Combination):
    exported.answers_alike(translator(case), EXPORTED_MODES)


@pytest.mark.slow
@named([case for case in SOME if case[:4] not in SEARCHED])
def test_every_part_can_be_exported(case: Combination):
    exported.answers_alike(translator(case), EXPORTED_MODES)
