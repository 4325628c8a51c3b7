"""Laws that every encoder × decoder × attention × pointer obeys, ids or frames on either side. A new part joins by one entry in a table."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from seqloom.answers import Answerer, Prediction
from seqloom.batching import Example, collate
from seqloom.checkpoint import load_weights, read_tensors, write_tensors
from seqloom.config import AdamW, DataConfig, FieldsConfig, ModelConfig, SearchConfig, TextField, TokensField
from seqloom.data import Row
from seqloom.export.folder import to_onnx
from seqloom.fields import Fields
from seqloom.nn.decoders import Decoded
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.heads import Pointer
from seqloom.nn.seq2seq import Network, Seq2Seq, TensorBatch
from seqloom.optimizers import Optimizer
from seqloom.prediction import Translator, to_tensors
from seqloom.runtime import Graph
from seqloom.vocabulary import BOS, UNK

SOURCE_SIZE, TARGET_SIZE = 11, 9
EXACT = {"rtol": 0.0, "atol": 1e-10}
"""States in float64: products of a few dozen terms of size 1, added up in another order."""
SINGLE = {"rtol": 0.0, "atol": 2e-5}
"""Log-probabilities and losses, which are float32 whatever the network is: sums of some 30 terms of size 1 to 5."""


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


def network_of(config: ModelConfig, case: Combination) -> Seq2Seq:
    sides = SIDES.get(case.sides, {})
    source, target = sides.get("source"), sides.get("target")
    kinds = {"source_kind": "frames" if source else "ids", "target_kind": "frames" if target else "ids", "known": sides.get("known", 0)}
    return Seq2Seq(config, source or SOURCE_SIZE, target or TARGET_SIZE, **kinds)


def make(case: Combination, seed: int = 1, **more: Any) -> Seq2Seq:
    torch.manual_seed(seed)
    return network_of(config_of(case, **more), case)


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
    """Random ids or frames; for a pointer, the first source symbol is one that the target lacks and that the output holds."""
    draw, sides = np.random.default_rng(seed), SIDES.get(case.sides, {})
    source, target = draw.integers(3, SOURCE_SIZE, source_length), draw.integers(4, TARGET_SIZE, target_length)
    if sides:
        width, height = sides["source"], sides["target"]
        source = draw.normal(size=(source_length, width)).astype(np.float32) if width else source
        target = draw.normal(size=(target_length, height)).astype(np.float32) if height else target
        known = draw.normal(size=(target_length, sides["known"])).astype(np.float32) if "known" in sides else None
        return Example(source, target, "", None, known)
    if not case.copy:
        return Example(source, target, "")
    copy = draw.integers(4, TARGET_SIZE, source_length)
    copy[0], copy[-1], target[-1] = TARGET_SIZE, -1, TARGET_SIZE
    return Example(source, target, "", copy)


def batch_of(*examples: Example) -> TensorBatch:
    return to_tensors(collate(examples), TARGET_SIZE, "cpu")


def run(network: Network, batch: TensorBatch) -> tuple[Decoded, Tensor]:
    with torch.no_grad():
        memory = network.prepare(batch.source, batch.source_mask)
        decoded, _ = network.decode(batch.target_in, memory, network.start(memory), need_attention=True)
        return decoded, outputs(network, decoded, batch)


def outputs(network: Network, decoded: Decoded, batch: TensorBatch) -> Tensor:
    """Log-probabilities (B, T, V), or the parameters of frames (B, T, D, P)."""
    return network.head.log_probs(decoded, batch.pointer) if batch.target_out.dim() == 2 else network.head.values(decoded)


def with_later_targets_changed(batch: TensorBatch, place: int) -> TensorBatch:
    """The batch with other targets after what is shown at `place`; what is known of frames beforehand stays."""
    changed, size = batch.target_in.clone(), batch.target_out.shape[-1]
    if changed.dim() == 2:
        changed[:, place + 1 :] = (changed[:, place + 1 :] + 1) % TARGET_SIZE
    else:
        changed[:, place + 1 :, :size] += 1
    return batch._replace(target_in=changed)


def close(ours: Tensor, theirs: Tensor, tolerance: dict[str, float]) -> None:
    torch.testing.assert_close(ours, theirs, **tolerance)


# ----------------------------------------------------------------------------------------------------------------- 1


@named([*ALL, *FRAMED, *ENSEMBLES])
def test_stepping_one_token_at_a_time_equals_decoding_the_whole_target(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    whole, log_probs = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    before = {name: part.clone() for name, part in memory.items()}
    state = network.start(memory)
    assert set(state), "a state is never empty: a search reorders it"
    for place in range(batch.target_in.shape[1]):
        assert all(len(part) == 2 for part in state.values()), "states are batch first"
        decoded, state = network.decode(batch.target_in[:, place : place + 1], memory, state, need_attention=True)
        close(decoded.hidden[:, 0], whole.hidden[:, place], EXACT)
        if whole.attention is not None:
            assert decoded.attention is not None
            close(decoded.attention[:, 0], whole.attention[:, place], EXACT)
        close(outputs(network, decoded, batch)[:, 0], log_probs[:, place], SINGLE)
    assert memory.keys() == before.keys()
    assert all(torch.equal(part, before[name]) for name, part in memory.items()), "the memory never changes"


@named([*SOME, *FRAMED, *ENSEMBLES])
def test_going_on_from_the_middle_of_a_target_equals_decoding_the_whole_target(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    whole, _ = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    first, state = network.decode(batch.target_in[:, :3], memory, network.start(memory))
    second, _ = network.decode(batch.target_in[:, 3:], memory, state)
    close(torch.cat([first.hidden, second.hidden], 1), whole.hidden, EXACT)


@named([*SOME, *FRAMED, *ENSEMBLES])
def test_reordering_the_state_is_following_another_hypothesis(case: Combination):
    network, examples = in_double(case), (example(5, 3, 1, case), example(5, 3, 2, case))
    batch = batch_of(examples[0], replace(examples[1], source=examples[0].source, copy=examples[0].copy))
    whole, _ = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    _, state = network.decode(batch.target_in[:, :2], memory, network.start(memory))
    crossed = {name: part.index_select(0, torch.tensor([1, 0])) for name, part in state.items()}
    decoded, _ = network.decode(batch.target_in[:, 2:].flip(0), memory, crossed)
    close(decoded.hidden.flip(0), whole.hidden[:, 2:], EXACT)


@named([*SOME, *FRAMED])
def test_scheduled_sampling_that_always_shows_the_true_token_is_teacher_forcing(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    with torch.no_grad():
        whole, stepped = network(batch), network(batch, teacher_forcing=1 - 1e-9)
    close(torch.stack(astuple(stepped)).float(), torch.stack(astuple(whole)).float(), {"rtol": 1e-6, "atol": 0.0})


@named([*SOME, *FRAMED])
def test_scheduled_sampling_that_never_shows_the_true_token_does_not_see_the_target(case: Combination):
    network, batch = in_double(case), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    other = with_later_targets_changed(batch, 0)
    with torch.no_grad():
        assert network(batch, teacher_forcing=0.0).loss == network(other, teacher_forcing=0.0).loss
        assert (network(batch).loss == network(other).loss) == network.direct


# ----------------------------------------------------------------------------------------------------------------- 2


@named([*ALL, *FRAMED, *ENSEMBLES])
def test_padding_and_other_rows_change_nothing(case: Combination):
    network = in_double(case)
    mine, other = example(5, 3, 1, case), example(9, 13, 2, case)
    alone, together = batch_of(mine), batch_of(other, mine)
    assert (alone.source.shape[1], together.source.shape[1]) == (5, 9)
    (decoded, log_probs), (among, log_probs_among) = run(network, alone), run(network, together)
    real = int(alone.target_mask.sum())
    close(among.hidden[1, :real], decoded.hidden[0, :real], EXACT)
    close(log_probs_among[1, :real], log_probs[0, :real], SINGLE)
    if decoded.attention is not None:
        assert among.attention is not None
        close(among.attention[1, :real, :5], decoded.attention[0, :real, :5], EXACT)
        assert not among.attention[1, :, 5:].any(), "padding gets no attention"
        close(among.attention.sum(2), torch.ones(2, among.attention.shape[1], dtype=torch.float64), EXACT)
    if not SIDES.get(case.sides, {}).get("target"):
        close(log_probs.exp().sum(2), torch.ones(log_probs.shape[:2]), SINGLE)


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
    network, batch = in_double(case), batch_of(example(5, 7, 1, case), example(2, 3, 2, case))
    whole, _ = run(network, batch)
    for place in (0, 3):
        other = with_later_targets_changed(batch, place)._replace(target_out=torch.zeros_like(batch.target_out))
        changed, _ = run(network, other)
        close(changed.hidden[:, : place + 1], whole.hidden[:, : place + 1], EXACT)
        if not network.direct:
            assert (changed.hidden[:, place + 1] - whole.hidden[:, place + 1]).abs().max() > 1e-4, "what comes later sees it"


# ----------------------------------------------------------------------------------------------------------------- 4


@named([*ALL, *FRAMED])
def test_every_parameter_gets_a_gradient(case: Combination):
    network = make(case)
    for seed in (1, 3):
        batch = batch_of(example(5, 3, seed, case), example(2, 7, seed + 1, case))
        network(batch).loss.backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().max() > 1e-7, name


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
    torch.manual_seed(1)
    network = network_of(ModelConfig.model_validate({**wide, "embedding": 24, "dropout": 0.0}), case)
    batch = batch_of(*(example(2 + number % 5, 1 + number % 4, number, case) for number in range(8)))
    optimizer, begin = Optimizer(network, AdamW()), float(network(batch).loss.detach())
    for _ in range(150):
        sums = network(batch)
        if sums.correct == sums.count:
            break
        (sums.loss / sums.count).backward()
        optimizer.step(0.01)
        optimizer.forget_gradients()
    with torch.no_grad():
        sums = network.eval()(batch)
    assert sums.correct == sums.count if batch.target_out.dim() == 2 else sums.loss < 0.05 * begin


# ----------------------------------------------------------------------------------------------------------- 5 and 7


@named([*SOME, *FRAMED])
@pytest.mark.parametrize("tie", ["none", "target"])
def test_saved_and_loaded_a_model_gives_the_same_output(case: Combination, tie: str, tmp_path: Any):
    network, other = make(case, 1, tie_embeddings=tie).eval(), make(case, 2, tie_embeddings=tie).eval()
    batch = batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    _, wanted = run(network, batch)
    assert not torch.equal(run(other, batch)[1], wanted)
    write_tensors(tmp_path / "model.safetensors", network.state_dict())
    load_weights(other, read_tensors(tmp_path / "model.safetensors")[0], tmp_path)
    assert torch.equal(run(other, batch)[1], wanted)


@named([*SOME, *FRAMED])
def test_the_same_seed_gives_the_same_losses_and_another_seed_others(case: Combination):
    def losses(seed: int) -> list[float]:
        network = make(case, seed, dropout=0.3)
        optimizer, result = Optimizer(network, AdamW()), list[float]()
        for number in range(3):
            sums = network(batch_of(example(5, 3, number, case), example(2, 7, number + 1, case)), 0.5 if number else 1.0)
            sums.loss.backward()
            optimizer.step(0.001)
            optimizer.forget_gradients()
            result.append(float(sums.loss.detach()))
        return result

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@named([*SOME, *FRAMED])
def test_dropout_changes_the_loss_in_training_and_not_in_evaluation(case: Combination):
    network, batch = make(case, dropout=0.3), batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    with torch.no_grad():
        assert network(batch).loss != network(batch).loss
        network.eval()
        assert network(batch).loss == network(batch).loss


@named([*SOME, *FRAMED])
def test_a_step_under_bfloat16_gives_finite_gradients_near_those_of_float32(case: Combination):
    network = make(case, dropout=0.0)
    batch = batch_of(example(5, 3, 1, case), example(2, 7, 2, case))
    single = network(batch)
    for forcing in (1.0, 0.5):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            sums = network(batch, forcing)
        assert sums.loss.dtype == torch.float32
        sums.loss.backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
        if forcing == 1:  # bfloat16 has 8 bits: some parts in a thousand of a loss that sums a dozen symbols, more of squares over a spread
            close(sums.loss.detach(), single.loss.detach(), {"rtol": 0.02 if batch.target_out.dim() == 2 else 0.05, "atol": 0.0})


# ----------------------------------------------------------------------------------------------------------------- 8

PAIRS = [("abcde", "b a c"), ("edcba", "a a d"), ("bad", "c"), ("deed", "d c b a"), ("ace", "")]
SOURCES = ["abXcYde", "ed", "bZZ", "dacde", "c"]
"""X, Y and Z are unknown on both sides."""
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
    rows = [Row((" ".join(source),), target, "") for source, target in PAIRS]
    fields = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows)
    torch.manual_seed(3)
    networks = [Seq2Seq(config_of(case), fields.source.size, fields.target.size).double() for _ in range(case.members)]
    with torch.no_grad():
        for network in networks:
            network.head.project.bias[UNK] = -20  # an output with <unk> cannot be written as text and scored again
            network.head.project.bias[BOS] = 1.0  # what may not be chosen is likely
    return Translator(Ensemble(networks) if case.members > 1 else networks[0], fields, SearchConfig(), DataConfig())


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

EXPORTED_MODES = [mode for mode in MODES if "sample" not in mode]
LONGER = [" ".join("abcdeXY"[(place * step) % 7] for place in range(length)) for step, length in enumerate((1, 13, 2, 7, 30, 1, 4, 9), 1)]
"""Unlike in number and length to the example that is traced."""


@named(SEARCHED)
def test_an_exported_model_gives_the_hypotheses_of_the_trained_one(case: Combination):
    export_answers_alike(case)


@pytest.mark.slow
@named([case for case in SOME if case[:4] not in SEARCHED])
def test_every_part_can_be_exported(case: Combination):
    export_answers_alike(case)


def export_answers_alike(case: Combination) -> None:
    trained = translator(case)
    model = to_onnx(trained.network, trained.fields, trained.config, trained.data)
    exported = Answerer(trained.fields, trained.data, trained.config, Graph(model.SerializeToString(), threads=1))
    for mode in EXPORTED_MODES:
        search = {name: value for name, value in MODES[mode].items() if name != "prefix"}
        for sources in (SOURCES, LONGER, LONGER[:1]):
            rows = [Row((" ".join(source.split()) if " " in source else " ".join(source),), "", "") for source in sources]
            ask = {"config": SearchConfig(**search), "prefix": MODES[mode].get("prefix", ""), "keep_attention": True}
            for ours, theirs in zip(trained.predict(rows, **ask), exported.answers(rows, **ask), strict=True):
                assert [output.tokens for output in ours.outputs] == [output.tokens for output in theirs.outputs]
                for one, other in zip(ours.outputs, theirs.outputs, strict=True):
                    assert one.score == pytest.approx(other.score, abs=2e-5)  # the trained one is in float64, the other in float32
                    np.testing.assert_allclose(one.token_log_probs, other.token_log_probs, atol=2e-5)
                    assert one.cut == other.cut
                    assert (one.attention is None) == (other.attention is None)
                    if one.attention is not None and other.attention is not None:
                        np.testing.assert_allclose(one.attention, other.attention, atol=2e-5)
