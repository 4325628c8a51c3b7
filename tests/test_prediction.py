import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from seqloom import answers as reading
from seqloom.answers import Answerer
from seqloom.batching import pad
from seqloom.config import DataConfig, FieldsConfig, ModelConfig, SearchConfig, TextField, TokensField
from seqloom.cuts import Cuts
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, DataError
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import BOS, EOS, UNK
from seqloom.nn.seq2seq import Seq2Seq, answering
from seqloom.prediction import TorchStepper, Translator, inference_copy

PAIRS = [("a b c d e", "b a c"), ("e d c b a", "a a d"), ("b a d", "c"), ("d e e d", "d c b a"), ("a c e", "")]


def rows_of(*sources: Any) -> list[Row]:
    return [Row((source,) if isinstance(source, str) else source, "", f"pairs:{line}") for line, source in enumerate(sources, 1)]


def translator(
    source: Any = None, target: Any = None, pairs: Any = PAIRS, data: DataConfig | None = None, attention: str = "dot", **model: Any
) -> Translator:
    rows = [Row((left,) if isinstance(left, str) else left, right, "") for left, right in pairs]
    fields = Fields.fit(FieldsConfig(source=source or [TokensField()], target=target or TokensField()), rows)
    torch.manual_seed(3)
    tree = {
        "embedding": 6,
        "encoder": {"kind": "recurrent", "width": 8},
        "decoder": {"kind": "recurrent", "width": 5},
        "attention": {"kind": attention},
    }
    network = Seq2Seq(ModelConfig.model_validate({**tree, **model}), fields.source.size, fields.target.size)
    return Translator(network, fields, SearchConfig(), data or DataConfig())


def say_only(here: Translator, symbol: int) -> None:
    """Let the model put one symbol before all others."""
    with torch.no_grad():
        here.network.head.project.bias[symbol] = 50.0


def test_as_many_samples_are_drawn_as_are_asked_for():
    asked = SearchConfig(kind="sample", samples=4, temperature=3.0)
    answers = list(translator().predict(rows_of(*SOURCES), asked))
    assert [len(answer.outputs) for answer in answers] == [4 if source else 0 for source in SOURCES]
    assert len({output.text for output in answers[1].outputs}) > 1


SOURCES = ["a", "a b c d e a b c", "", "e d", "c c c c c c", "  ", "b"]


@pytest.mark.parametrize("kind", ["greedy", "beam", "sample"])
def test_answers_come_in_the_order_of_the_sources_each_as_if_asked_alone(kind: Any):
    here = translator()
    answers = list(here.predict(rows_of(*SOURCES), SearchConfig(kind=kind, beam=3)))
    assert [answer.source for answer in answers] == [(source,) for source in SOURCES]
    assert [len(answer.outputs) for answer in answers] == [0 if not source else 3 if kind == "beam" else 1 for source in SOURCES]
    assert answers[2].text == ""
    for answer in answers:
        scores = [output.score for output in answer.outputs]
        assert scores == sorted(scores, reverse=True)
    if kind != "sample":  # where the seed goes with the place in the file
        for answer, row in zip(answers, rows_of(*SOURCES), strict=True):
            (alone,) = here.predict([row], SearchConfig(kind=kind, beam=3))
            assert [output.text for output in alone.outputs] == [output.text for output in answer.outputs]


def test_a_network_in_training_mode_answers_scores_and_is_measured_with_nothing_dropped_and_stays_in_it():
    rows = [Row((source,), target, f"pairs:{line}") for line, (source, target) in enumerate(PAIRS, 1)]
    here = translator(dropout=0.5)

    def said() -> Any:
        texts = [(output.text, output.score) for answer in here.predict(rows) for output in answer.outputs]
        return texts, here.score(rows), here.evaluate(rows)[0]

    usual = said()
    here.network.train()
    frozen = next(part for part in here.network.modules() if part is not here.network).eval()
    assert said() == usual
    assert here.network.training
    assert not frozen.training, "each part is in the mode that it had"


def test_a_network_in_training_mode_drops_nothing_until_the_last_of_several_threads_has_answered():
    """The first that was done put it back into training under the others, a quarter of whose scores were wrong."""
    network = translator(dropout=0.5).network.train()
    inside, leave = threading.Event(), threading.Event()

    def answer_for_long() -> bool:
        with answering(network):
            inside.set()
            assert leave.wait(60)
            return network.training

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(answer_for_long)
        assert inside.wait(60)
        with answering(network):
            assert not network.training
        assert not network.training, "another thread is within"
        leave.set()
        assert not long.result()
    assert network.training


def test_a_sentence_that_gets_as_many_rows_as_there_were_sentences_is_still_read_itself():
    here, sources = translator(), [np.array([5, 6, EOS]), np.array([7, EOS]), np.array([8, 9, 5, EOS])]

    def said(sources: Any, rows: list[int], then: list[int]) -> Any:
        stepper = TorchStepper(here.network, here.network.prepare(*map(torch.from_numpy, pad(sources))), None, need_attention=False)
        for tokens, parents in (([BOS] * len(rows), rows), ([5, 6, 7], then)):
            stepped = stepper.step(np.array(tokens), np.array(parents), 3, np.full(len(parents), EOS))
        return stepped.log_probs

    with torch.inference_mode():
        among, alone = said(sources, [0, 1, 2], [2, 2, 2]), said(sources[2:], [0], [0, 0, 0])
    np.testing.assert_allclose(among, alone, rtol=1e-5)


def test_a_stream_is_answered_in_pieces_as_it_would_be_at_once(monkeypatch: pytest.MonkeyPatch):
    here, sampling = translator(), SearchConfig(kind="sample", seed=4)
    sources = [" ".join("abcde"[place % 5] for place in range(start, start + 1 + start % 4)) for start in range(11)]
    whole = [answer.text for answer in here.predict(rows_of(*sources), sampling)]
    monkeypatch.setattr(reading, "READ_AHEAD", 3)
    monkeypatch.setattr(here, "batch_tokens", 12)
    taken: list[int] = []

    def stream() -> Any:
        for number, row in enumerate(rows_of(*sources)):
            taken.append(number)
            yield row

    answers = here.predict(stream(), sampling)
    assert next(answers).text == whole[0]
    assert len(taken) == 3, "no more is read than is answered"
    assert [answer.text for answer in answers] == whole[1:]


def test_the_first_answers_do_not_wait_for_the_last_sources():
    rows, grow = iter(rows_of(*["a b"] * 10_000)), reading.Growing()
    sizes = list(map(len, iter(lambda: grow(rows), [])))
    assert sizes == [64, 128, 256, 512, 1024, 2048, 4096, 1872]


def test_no_sources_have_no_answers():
    assert list(translator().predict([])) == []


def test_no_pairs_have_no_scores_and_cannot_be_evaluated():
    assert translator().score([]) == []
    with pytest.raises(DataError, match="nothing to evaluate: no pairs were given"):
        translator().evaluate([])


def test_attention_has_a_row_a_symbol_and_the_end_over_the_source_and_its_end():
    for answer in translator().predict(rows_of("a b c d e", "d"), keep_attention=True):
        assert answer.outputs
        for output in answer.outputs:
            weights = np.array(output.attention)
            assert weights.shape == (len(output.tokens) + 1, len(answer.source_tokens) + 1)
            np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-5)  # float32
    (unasked,), (without,) = translator().predict(rows_of("a b")), translator(attention="none").predict(rows_of("a"), keep_attention=True)
    assert [output.attention for output in (unasked.outputs[0], without.outputs[0])] == [None, None]


@pytest.mark.parametrize("kind", ["greedy", "beam", "sample"])
def test_copying_is_given_beside_attention_by_a_model_that_copies(kind: Any):
    here = translator(copy=True)
    with torch.no_grad():
        here.network.head.gate.bias.fill_(-4.0)  # copies nearly always
    (answer,) = here.predict(rows_of("X Y a"), SearchConfig(kind=kind, beam=3, max_length=6), keep_attention=True)
    for output in answer.outputs:
        copying, attention = np.array(output.copying), np.array(output.attention)
        assert copying.shape == attention.shape == (len(output.tokens) + 1, 4)
        assert (copying[:, 3] == 0).all(), "the end cannot be copied"
        assert (copying.sum(1) > 0.9).all()
        assert (copying.sum(1) < 1).all()
        shares, looks = (part[:, :3] / part[:, :3].sum(1, keepdims=True) for part in (copying, attention))
        np.testing.assert_allclose(shares, looks, atol=1e-4)  # rounded to six digits
        for token, log_prob, row in zip(output.tokens, output.token_log_probs, copying, strict=False):
            if token in ("X", "Y"):  # which the vocabulary does not have
                assert math.exp(log_prob) == pytest.approx(row["XY".index(token)], abs=1e-4)
    assert any(token in ("X", "Y") for output in answer.outputs for token in output.tokens)
    (plain,) = here.predict(rows_of("X Y a"))
    assert plain.outputs[0].copying is None
    (other,) = translator().predict(rows_of("X Y a"), keep_attention=True)
    assert (other.outputs[0].copying, other.outputs[0].attention is None) == (None, False)


def test_an_unknown_symbol_is_replaced_by_the_source_symbol_most_attended_to():
    here = translator()
    say_only(here, UNK)
    config = SearchConfig(kind="greedy", max_length=3)
    (plain,) = here.predict(rows_of("X Y a"), config)
    (answer,) = here.predict(rows_of("X Y a"), config, replace_unknown=True, keep_attention=True)
    assert plain.text == "<unk> <unk> <unk>"
    weights = np.array(answer.outputs[0].attention)[:3, :3]
    assert answer.text.split() == [["X", "Y", "a"][place] for place in weights.argmax(1)]
    assert answer.outputs[0].tokens == answer.text.split()


def test_what_replaces_an_unknown_symbol_is_the_symbol_and_not_its_name_in_the_vocabulary():
    pairs = [((source, "V;PST"), target) for source, target in PAIRS]
    here = translator([TokensField(), TokensField(separator=";")], pairs=pairs)
    say_only(here, UNK)
    with torch.no_grad():
        (answer,) = here.predict(rows_of(("X", "NEW;V")), SearchConfig(kind="greedy", max_length=9), replace_unknown=True)
    assert answer.source_tokens == ["X", "<sep>", "NEW", "V"]
    assert set(answer.text.split()) <= {"X", "<sep>", "NEW", "V"}


def test_a_source_over_the_limit_is_refused_with_its_place_and_cut_where_the_run_cuts():
    here = translator(data=DataConfig(max_source_length=3))
    with pytest.raises(DataError, match=r"pairs:2: the source has 4 symbols; the limit is 3"):
        list(here.predict(rows_of("a b c", "a b c d")))
    cutting = translator(data=DataConfig(max_source_length=3, too_long="cut"))
    one, two = cutting.predict(rows_of("a b c", "a b c d"))
    assert one.text == two.text
    assert (one.source_cut, two.source_cut) == (False, True)
    pairs = [Row(row.source, "a b c d e f", row.where) for row in rows_of("a b c", "a b c d")]
    scores = translator(data=DataConfig(max_source_length=3, max_target_length=4, too_long="cut")).score(pairs)
    assert [len(parts) for parts in scores] == [7, 7], "targets are whole"
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    skipping = translator(data=DataConfig(max_source_length=3, too_long="skip"))
    with pytest.raises(DataError, match="pairs:2"):
        list(skipping.predict(rows_of("a b c", "a b c d")))


def test_a_model_that_copies_answers_a_source_that_is_cut():
    here = translator(data=DataConfig(max_source_length=3, too_long="cut"), copy=True)
    one, two = here.predict(rows_of("a X c", "a X c d e Y b b b b"), keep_attention=True, replace_unknown=True)
    assert two.source_tokens == ["a", "X", "c"]
    assert [output.text for output in one.outputs] == [output.text for output in two.outputs]
    assert {len(row) for output in two.outputs for row in output.attention or []} == {4}


def test_a_source_of_which_the_end_is_read_is_answered_shown_and_copied_by_its_end():
    here = translator(data=DataConfig(max_source_length=3, too_long="cut", keep="end"), copy=True)
    one, two = here.predict(rows_of("a X c", "Y b b c d e a X c"), keep_attention=True, replace_unknown=True)
    assert two.source_tokens == ["a", "X", "c"]
    assert [output.text for output in one.outputs] == [output.text for output in two.outputs]
    for prefix, expected in (("X", "X"), ("Y", "<unk>")):
        (answer,) = here.predict(rows_of("Y b b c d e a X c"), prefix=prefix)
        assert {output.tokens[0] for output in answer.outputs} == {expected}
    answerer = Answerer(here.fields, here.data, here.config, here)
    note = Cuts([one, two]).notes(answerer, here.config)[0]
    assert note == (
        "1 of 2 sources are longer than the model reads: cut to their last 3 positions "
        "(a model trained with data.keep=begin reads the first)"
    )


def test_a_symbol_of_a_prefix_that_was_cut_from_the_source_is_unknown():
    here = translator(data=DataConfig(max_source_length=3, too_long="cut"), copy=True)
    for prefix, expected in (("X", "X"), ("Y", "<unk>")):
        (answer,) = here.predict(rows_of("a X c d e Y"), prefix=prefix)
        assert {output.tokens[0] for output in answer.outputs} == {expected}


def test_of_a_source_of_several_columns_that_is_cut_what_is_left_is_shown_copied_and_begun_with():
    pairs = [((source, "v w"), target) for source, target in PAIRS]
    here = translator([TokensField()] * 2, pairs=pairs, data=DataConfig(max_source_length=5, too_long="cut"), copy=True)
    one, two = here.predict(rows_of(("a X", "v Z"), ("a X c e Y d", "v Z")), keep_attention=True, replace_unknown=True)
    assert (one.source_cut, two.source_cut) == (False, True)
    assert one.source_tokens == two.source_tokens == ["a", "X", "<sep>", "v", "Z"]
    assert [output.text for output in one.outputs] == [output.text for output in two.outputs]
    for prefix, expected in (("X", "X"), ("Y", "<unk>"), ("Z", "Z")):
        (answer,) = here.predict(rows_of(("a X c e Y d", "v Z")), prefix=prefix)
        assert {output.tokens[0] for output in answer.outputs} == {expected}
    scores = here.score([Row(source, "a Z", "") for source in (("a X", "v Z"), ("a X c e Y d", "v Z"))])
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    answerer = Answerer(here.fields, here.data, here.config, here)
    assert Cuts([one, two]).notes(answerer, here.config)[0] == (
        "1 of 2 sources are longer than the model reads: the longest columns are cut to their first symbols, "
        "5 positions in all (a model trained with data.keep=end reads the last)"
    )


def test_a_prefix_begins_every_output():
    for kind in ("greedy", "beam", "sample"):
        for answer in translator().predict(rows_of("a", "b c d"), SearchConfig(kind=kind), prefix="d a"):
            assert answer.outputs
            assert all(output.text.startswith("d a") for output in answer.outputs)


def test_a_prefix_that_is_longer_than_an_output_may_be_is_refused():
    here = translator()
    (answer,) = here.predict(rows_of("a"), SearchConfig(max_length=3), prefix="d a b")
    assert answer.text == "d a b"
    with pytest.raises(ConfigError) as caught:
        list(here.predict(rows_of("b"), SearchConfig(max_length=2), prefix="d a b"))
    assert str(caught.value) == (
        "pairs:1: the prefix 'd a b' has 3 symbols; the longest output allowed here has 2. Shorten it, or raise search.max_length."
    )
    with pytest.raises(ConfigError, match=r"pairs:2: the prefix .* has 12 symbols; the longest output allowed here has 11\."):
        list(here.predict(rows_of("a b c", "b"), SearchConfig(max_length_ratio=0.5), prefix=" ".join("dabcdabcdabc")))


def test_an_answer_is_written_no_further_than_is_of_interest():
    here = translator()
    with torch.no_grad():
        here.network.head.project.bias[EOS] = -50.0
    rows = [Row(("a b",), "a", "pairs:1"), Row(("a b c",), "a b c d e", "pairs:2")]
    config = SearchConfig(kind="greedy", max_length_ratio=1.0)
    brief = Translator(here.network, here.fields, config, DataConfig(), enough=lambda row: len(row.target))
    one, two = brief.predict(rows)
    assert [len(answer.outputs[0].tokens) for answer in (one, two)] == [1, 9]
    assert (one.limit, two.limit, two.outputs[0].cut) == (1, 9, True)
    (free,) = brief.predict(rows[1:], SearchConfig(kind="greedy", max_length=4))
    assert free.limit == 4, "a narrower limit of the search still holds"


@pytest.mark.parametrize(("symbol", "copies", "right"), [(6, False, 3), (6, True, 3), (UNK, False, 1), (UNK, True, 0)])
def test_free_running_accuracy_counts_the_symbols_that_teacher_forced_accuracy_counts(symbol: int, copies: bool, right: int):
    """A model that says one symbol whatever stands before is as right with the true ones as without."""
    subwords = TextField(unit="subword", max_size=40, byte_fallback=False)
    pairs = [("ab abba", "baab ab"), ("abab", "baba a"), ("ba ab", "ab")]
    here = translator([subwords], subwords, pairs, copy=copies)
    rows = [Row((source,), target, "") for source, target in [*pairs, ("abX", "abX")]]
    say_only(here, symbol)
    if copies:
        with torch.no_grad():
            here.network.head.gate.bias.fill_(50.0)  # never copy
    values, predictions = here.evaluate(rows)
    assert len({token for prediction in predictions for token in prediction.outputs[0].tokens}) == 1
    assert values["free_running_accuracy"] == pytest.approx(values["teacher_forced_accuracy"])
    positions = sum(len(here.fields.target.symbols(row.target)) + 1 for row in rows)
    assert values["free_running_accuracy"] * positions == pytest.approx(right)


def test_the_longest_output_grows_with_the_source():
    here = translator()
    with torch.no_grad():
        here.network.head.project.bias[EOS] = -50.0
    one, two = here.predict(rows_of("a", "a b c d e"), SearchConfig(kind="greedy", max_length_ratio=1.5))
    assert [len(answer.outputs[0].tokens) for answer in (one, two)] == [13, 19]  # 1.5 a symbol and </s>, rounded up, and ten
    assert (one.limit, two.limit, one.outputs[0].cut) == (13, 19, True)
    one, two = here.predict(rows_of("a", "a b c d e"), SearchConfig(kind="greedy", max_length_ratio=1.5, min_length=15))
    assert [len(answer.outputs[0].tokens) for answer in (one, two)] == [25, 25]  # as if so much were usual


def test_scores_are_one_a_symbol_and_the_end_and_sum_to_the_loss():
    here = translator()
    rows = [Row((source,), target, "") for source, target in PAIRS]
    scores, losses = here.score(rows), here.losses_of(rows) if hasattr(here, "losses_of") else here.evaluate(rows)[0]
    assert [len(parts) for parts in scores] == [len(target.split()) + 1 for _, target in PAIRS]
    mean = -sum(map(sum, scores)) / sum(map(len, scores))
    assert losses["loss"] == pytest.approx(mean, rel=1e-5)
    assert losses["perplexity"] == pytest.approx(math.exp(mean), rel=1e-5)


def test_characters_are_answered_as_text():
    here = translator([TextField()], TextField(), [("ab c", "Ab c"), ("b", "B")])
    answers = list(here.predict(rows_of("ab", "c b")))
    assert [bool(answer.outputs) for answer in answers] == [True, True]
    assert all(output.text == "".join(output.tokens) for answer in answers for output in answer.outputs)


def test_a_network_that_says_nan_gives_no_output_and_does_not_hang():
    here = translator()
    with torch.no_grad():
        here.network.head.project.bias.fill_(float("nan"))
    assert [answer.text for answer in here.predict(rows_of("a", "b c"))] == ["", ""]


def test_training_decodes_with_a_narrow_copy_on_a_processor_and_with_the_network_itself_elsewhere():
    network = translator().network
    narrow = inference_copy(network, "bfloat16")
    assert {weight.dtype for weight in narrow.parameters()} == {torch.bfloat16}
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert inference_copy(network, "float32") is network
    elsewhere = network.to("meta")
    assert inference_copy(elsewhere, "bfloat16") is elsewhere
