from __future__ import annotations

import math
import subprocess
import sys

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from seqloom.config import TextField, TokensField
from seqloom.errors import ConfigError, DataError
from seqloom.metrics import METRICS, better, format_value, is_perfect, metrics_for, position_accuracy, score, signature, words_per_target

TEXT = TextField()
WORDS = TextField(unit="word")
PHONES = TokensField()


def value(name, predictions, references, field=TEXT):
    return score([name], predictions, references, field)[name]


def test_exact_match_and_sequence_error_rate_add_up_to_one():
    scores = score(["exact_match", "sequence_error_rate"], ["ab", "b", "c", "d"], ["ab", "x", "c", ""], TEXT)
    assert scores == {"exact_match": 0.5, "sequence_error_rate": 0.5}


@pytest.mark.parametrize(
    ("prediction", "accuracy"),
    [("a b c", 1.0), ("a b", 2 / 4), ("a b c d", 3 / 4), ("a x c", 3 / 4), ("b c", 0.0), ("", 0.0)],
)
def test_token_accuracy_counts_positions_and_the_end(prediction, accuracy):
    assert value("token_accuracy", [prediction], ["a b c"], PHONES) == accuracy


def test_position_accuracy_counts_all_positions_of_all_references_and_their_ends():
    assert position_accuracy([["a", "b"], [], ["c", "d", "e"]], [["a", "x"], [], ["c", "d"]]) == (1 + 1 + 1 + 2) / (3 + 1 + 3)


def test_token_accuracy_of_text_is_over_characters_or_words():
    assert value("token_accuracy", ["cat"], ["cut"]) == 3 / 4
    assert value("token_accuracy", ["the cat"], ["the cut"], WORDS) == 2 / 3


def test_token_error_rate_is_edits_over_reference_tokens():
    assert value("token_error_rate", ["k a t", "d o", "g"], ["k ae t", "d o g", "x g"], PHONES) == 3 / 8


def test_word_and_character_error_rate_are_over_the_whole_set():
    predictions, references = ["the cat sat", "no"], ["the cat sat down", "now"]
    assert value("word_error_rate", predictions, references) == 2 / 5
    assert value("character_error_rate", predictions, references) == 6 / 19


def test_an_error_rate_can_exceed_one():
    assert value("word_error_rate", ["a b c"], ["d"]) == 3.0


def test_empty_references_have_finite_error_rates():
    assert value("character_error_rate", ["", ""], ["", ""]) == 0.0
    assert value("character_error_rate", ["abc", ""], ["", ""]) == 3.0
    assert score(["exact_match", "token_accuracy"], [""], [""], TEXT) == {"exact_match": 1.0, "token_accuracy": 1.0}


def test_every_metric_is_defined_on_empty_strings():
    names = [name for name, metric in METRICS.items() if metric.compute]
    for field in (TEXT, WORDS, PHONES, TokensField(separator="|")):
        assert all(math.isfinite(v) for v in score(names, ["", "a b"], ["", ""], field).values())


def test_of_several_references_the_nearest_counts():
    predictions, references = ["k a t", "d o"], [["x x x", "k a t"], ["d o g", "d"]]
    assert value("exact_match", predictions, references, PHONES) == 0.5
    assert value("token_error_rate", predictions, references, PHONES) == 1 / 6  # of equals the longer: 1 of 3
    assert value("token_accuracy", predictions, references, PHONES) == 6 / 8  # d o g </s>: 2 of 4 beats d </s>: 1 of 2


def test_only_the_fields_own_normalisation_is_applied():
    assert value("exact_match", ["e\u0301"], ["é"]) == 1.0
    assert value("exact_match", ["e\u0301"], ["é"], TextField(normalization="none")) == 0.0
    assert value("exact_match", ["한"], ["\u1112\u1161\u11ab"], TextField(normalization="none", decompose=True)) == 1.0
    assert value("exact_match", ["straße"], ["Straße"]) == 0.0
    assert value("exact_match", ["straße"], ["Straße"], TextField(lowercase=True)) == 1.0
    assert value("exact_match", ["a b"], ["a  b"]) == 0.0
    assert value("exact_match", ["a b"], [" a  b "], PHONES) == 1.0
    assert value("exact_match", ["A\u0301|b"], ["á|B"], TokensField(separator="|", lowercase=True)) == 1.0


def test_tokens_are_told_apart_by_the_fields_separator():
    assert value("token_error_rate", ["a b|c"], ["a b|d"], TokensField(separator="|")) == 0.5


def test_bleu_and_chrf_are_sacrebleus():
    predictions = ["the dog bit the man.", "it wasn't surprising"]
    first, second = ["The dog bit the man.", "It was not surprising."], ["The dog had bit the man.", "It was unexpected."]
    one = score(["bleu", "chrf"], predictions, first, WORDS)
    assert one["bleu"] == pytest.approx(BLEU().corpus_score(predictions, [first]).score, abs=1e-9)
    assert one["chrf"] == pytest.approx(CHRF().corpus_score(predictions, [first]).score, abs=1e-9)
    two = score(["bleu", "chrf"], predictions, list(zip(first, second, strict=True)), WORDS)
    assert two["bleu"] == pytest.approx(BLEU().corpus_score(predictions, [first, second]).score, abs=1e-9)
    assert two["chrf"] == pytest.approx(CHRF().corpus_score(predictions, [first, second]).score, abs=1e-9)
    assert two["bleu"] > one["bleu"] > 0


def test_rows_may_have_different_numbers_of_references():
    predictions = ["the dog bit the man .", "it was a cold day"]
    references = [["a dog bit the man .", "the dog bit a man ."], ["it was a cold day"]]
    assert value("bleu", predictions, references, WORDS) > value("bleu", predictions, [["a dog bit the man ."], references[1]], WORDS)
    assert "nrefs:var" in str(signature("bleu", references))


def test_signatures_name_what_was_computed():
    assert str(signature("bleu")).startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert str(signature("bleu", [["a b", "c d"]])).startswith("nrefs:2|")
    assert "|nc:6|nw:0|" in str(signature("chrf"))
    assert signature("exact_match") is None


def test_bleu_is_no_metric_of_targets_with_fewer_than_four_words():
    """Right answers of three words have no 4-gram: their BLEU is 0, and that of wrong and longer ones was above it."""
    right = ["Anna Maria Braun", "John Paul Smith"]
    assert value("bleu", right, [[text] for text in right], WORDS) == 0
    assert value("bleu", [f"{text} {text}" for text in right], [[text] for text in right], WORDS) > 0
    assert "bleu" not in metrics_for(WORDS, 3.9)
    assert "bleu" in metrics_for(WORDS, 4)
    assert {"chrf", "rouge1"} <= {*metrics_for(WORDS, 3)}
    assert {"bleu", "chrf", "rouge1"} <= {*metrics_for(WORDS)}


def test_bleu_splits_scripts_without_blanks():
    assert "tok:zh" in str(signature("bleu", ["我們今天去學校。"]))
    assert "tok:char" in str(signature("bleu", ["私たちは学校へ行く。"]))
    assert "tok:13a" in str(signature("bleu", ["우리는 오늘 학교에 간다."]))
    assert "tok:13a" in str(signature("bleu", ["Tokyo is written 東京."]))
    assert 0 < value("bleu", ["我們今天去學校。"], ["我們明天去學校。"], TextField(unit="subword")) < 100


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_of_ascii_is_rouge_scores(kind):
    predictions, references = ["Police killed the gunman_1!", "the cat"], ["police kill the gunman-1", "a cat sat there"]
    scorer = RougeScorer([kind])
    rows = [scorer.score(r, p)[kind].fmeasure for p, r in zip(predictions, references, strict=True)]
    assert value(kind, predictions, references, WORDS) == pytest.approx(50 * sum(rows), abs=1e-9)


@pytest.mark.parametrize(
    ("prediction", "reference", "rouge1"),
    [
        ("η γάτα κοιμάται", "η γάτα τρώει", 200 / 3),
        ("être", "tre", 0.0),
        ("हिन्दी है", "हिन्दी थी", 50.0),
        ("私は行く", "私は来た", 50.0),
    ],
)
def test_rouge_keeps_the_letters_of_every_script(prediction, reference, rouge1):
    assert value("rouge1", [prediction], [reference], WORDS) == pytest.approx(rouge1, abs=1e-9)


def test_rouge_takes_the_nearest_reference():
    assert value("rouge1", ["a b"], [["c d", "a b"]], WORDS) == 100.0


def test_metrics_for_knows_what_fits_the_target():
    sentences = ["bleu", "chrf", "rouge1", "rouge2", "rougeL"]
    whole = ["exact_match", "sequence_error_rate", "token_accuracy"]
    text = [*whole, "word_error_rate", "character_error_rate"]
    assert metrics_for(PHONES) == metrics_for(PHONES, 0.0) == [*whole, "token_error_rate"]
    assert metrics_for(PHONES, 40.0) == [*sentences, *whole, "token_error_rate"]
    assert metrics_for(TEXT) == metrics_for(WORDS, 1.2) == text
    assert metrics_for(WORDS) == metrics_for(TEXT, 12.0) == sentences + text


def test_words_per_target_counts_words_of_scripts_with_and_without_blanks():
    assert words_per_target(["a b c d", "1984-03-03"]) == 2.5
    assert words_per_target([["東京へ行く", "東京"]]) == 2.0
    assert words_per_target([]) == 0.0


def test_tokens_make_sentences_where_there_are_many_of_them():
    sentences = [" ".join(f"word{10 * row + place}" for place in range(10)) for row in range(30)]
    assert words_per_target(sentences, TokensField()) == 10.0
    assert words_per_target(sentences[:-1], TokensField()) == 0.0, "290 tokens are no words of a language"
    assert words_per_target(sentences[:-1], TextField(unit="word")) == 10.0
    assert metrics_for(TokensField(), 10.0)[:2] == ["bleu", "chrf"]
    assert metrics_for(TokensField(), 0.0) == metrics_for(TokensField())
    assert score(["bleu"], sentences, sentences, TokensField())["bleu"] == pytest.approx(100.0)


def test_what_comes_from_the_model_is_known_by_name_but_left_to_the_caller():
    assert score(["loss", "exact_match", "perplexity"], ["a"], ["a"], TEXT) == {"exact_match": 1.0}
    assert better("loss", 0.5, 0.6)
    assert not better("perplexity", 7.0, 6.0)


def test_better_follows_the_metric_and_never_prefers_nan():
    assert better("bleu", 34.5, 34.4)
    assert not better("bleu", 34.5, 34.5)
    assert better("token_error_rate", 0.1, 0.2)
    assert better("bleu", 0.0, math.nan)
    assert not better("bleu", math.nan, 0.0)
    assert not better("bleu", math.nan, math.nan)


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [("exact_match", 1.0, "1.0000"), ("bleu", 34.567, "34.57"), ("loss", 1.23456, "1.235"), ("perplexity", 1e30, "1e+30")],
)
def test_values_are_printed_in_their_unit(name, number, text):
    assert format_value(name, number) == text


def test_an_unknown_metric_is_refused_with_the_nearest():
    for call in (lambda: score(["exact_mach"], ["a"], ["a"], TEXT), lambda: better("exact_mach", 1, 2)):
        with pytest.raises(ConfigError) as error:
            call()
        known = ", ".join(METRICS)
        assert str(error.value).startswith(f"metric 'exact_mach' does not exist. Did you mean 'exact_match'? Known: {known}. One of ")


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([], [], "no predictions to score; expected at least one. Give a file with pairs in it."),
        (["a"], ["a", "b"], "1 predictions for 2 references; expected one for each."),
        (["a", "b"], [["a"], []], "prediction 2 has no reference; expected one or more right answers."),
    ],
)
def test_what_cannot_be_scored_is_refused(predictions, references, message):
    with pytest.raises(DataError) as error:
        score(["exact_match"], predictions, references, TEXT)
    assert str(error.value) == message


def test_importing_metrics_loads_no_heavy_library():
    code = "import sys, seqloom.metrics; print([m for m in ('torch', 'sacrebleu', 'rouge_score', 'rapidfuzz', 'nltk') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_metric_is_perfect_at_its_best_value_and_a_loss_never_is() -> None:
    assert is_perfect("exact_match", 1.0)
    assert not is_perfect("exact_match", 0.999)
    assert is_perfect("token_error_rate", 0.0)
    assert not is_perfect("bleu", 1.0)
    assert is_perfect("bleu", 100.0)
    assert not is_perfect("loss", 0.0)
