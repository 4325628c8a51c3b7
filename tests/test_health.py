from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from random import Random

import pytest

from seqloom import metrics
from seqloom.config import RunConfig, TextField
from seqloom.examples import make_example
from seqloom.training.health import Evidence, Finding, easier_dev, examine, no_number, worse_search

ROWS = 200
PAIRS = make_example("dates").dev[:ROWS]
SOURCES, REFERENCES = [source for source, _ in PAIRS], [target for _, target in PAIRS]


def evidence(predictions, *, sources=SOURCES, references=REFERENCES, **known):
    """What an evaluation in the middle of the training would give."""
    given = {
        "sources": list(sources),
        "references": list(references),
        "predictions": list(predictions),
        "lengths": [len(text) for text in predictions],
        "unknown": [0] * len(predictions),
        "hit_length_limit": [False] * len(predictions),
        "reference_lengths": [len(text) for text in references],
        "length_limits": [60] * len(predictions),
        "commonest_train_target": "1984-03-03",
        "unknown_share": 0.0,
        "step": 50,
        "progress": 0.5,
    }
    return Evidence(**(given | known))


def only(found):
    assert len(found) == 1, found
    assert "\n" not in found[0].message
    return found[0]


def wrong_days(share):
    """The references, with the day wrong in so many of 10 rows."""
    return [text if row % 10 >= share else f"{text[:-2]}00" for row, text in enumerate(REFERENCES)]


# ------------------------------------------------------------------------------------------------------------- health


@pytest.mark.parametrize("progress", [0.03, 0.25, 1.0])
def test_a_healthy_run_has_no_findings(progress):
    healthy = evidence(wrong_days(3), progress=progress, teacher_forced_accuracy=0.97, free_running_accuracy=0.95)
    assert examine(healthy) == []


def test_a_young_model_that_is_often_wrong_has_no_findings():
    young = [f"19{row % 100:02}-0{row % 9 + 1}-11" for row in range(ROWS)]
    assert examine(evidence(young, progress=0.03, teacher_forced_accuracy=0.75, free_running_accuracy=0.3)) == []


def test_a_perfect_model_of_targets_with_repetitions_has_no_findings():
    targets = [" ".join(["WALK"] * (row % 9 + 1)) for row in range(ROWS)]
    assert examine(evidence(targets, references=targets, commonest_train_target="WALK")) == []
    zeros = [f"{row}000000000" for row in range(ROWS)]
    assert examine(evidence([f"{text}00" for text in zeros], references=zeros, sources=["?"] * ROWS)) == []


def test_three_rows_are_too_few_to_tell():
    assert examine(evidence([""] * 3, references=["a", "b", "c"], sources=["A", "B", "C"])) == []


# ---------------------------------------------------------------------------------------------------------- collapses


def test_the_same_output_for_every_input_is_found():
    finding = only(examine(evidence(["the man is"] * ROWS)))
    assert finding == Finding(
        "same_output",
        "All 200 dev predictions are 'the man is'. The decoder ignores its source: too young, too high a learning rate, or pairs that "
        "do not belong together. Try a lower training.optimizer.learning_rate or more training.epochs, and look at the pairs with "
        "'seqloom inspect'.",
    )


def test_the_same_output_at_the_first_evaluation_is_an_early_hint():
    finding = only(examine(evidence(["x" * 50] * 190 + REFERENCES[190:], progress=0.05)))
    assert finding.name == "same_output"
    assert finding.message.startswith(f"Early hint at step 50, which may pass: 190 of 200 dev predictions are '{'x' * 39}…'. The decoder")


def test_the_same_output_for_sources_that_training_did_not_know_is_put_down_to_these():
    finding = only(examine(evidence(["the man is"] * ROWS, unseen_sources=0.98)))
    assert finding.message == (
        "All 200 dev predictions are 'the man is'. 98 % of the dev sources hold symbols that training never saw, read as <unk>: the likely "
        "cause. Use characters or subwords (the unit in fields.source), or train on pairs that are like those of dev."
    )
    assert "The decoder ignores its source" in only(examine(evidence(["the man is"] * ROWS, unseen_sources=0.5))).message


def test_the_same_output_is_right_where_most_targets_are_the_same():
    assert examine(evidence(["yes"] * ROWS, references=["yes"] * 120 + ["no"] * 80, commonest_train_target="yes")) == []


def test_empty_output_is_found():
    finding = only(examine(evidence([""] * 50 + REFERENCES[50:])))
    assert finding.name == "empty_output"
    said = "search.min_length=1 shows what the model would say."
    assert finding.message == (
        "50 of 200 dev predictions are empty. The model ends at once: too young, or too high a learning rate. "
        f"Try a lower training.optimizer.learning_rate; {said}"
    )
    learned = only(examine(evidence([""] * 50 + REFERENCES[50:], empty_targets=0.31)))
    assert learned.message == (
        "50 of 200 dev predictions are empty. The model ends at once, and 31 % of the training targets are empty. "
        f"Look at the pairs with 'seqloom inspect', or leave those out with --skip-bad; {said}"
    )
    assert examine(evidence([""] * 50 + REFERENCES[50:], references=[""] * 50 + REFERENCES[50:])) == []


def test_unknown_symbols_where_nearly_all_are_known_are_no_good_guess():
    finding = only(examine(evidence(["<unk> <unk>"] * ROWS, lengths=[2] * ROWS, unknown=[2] * ROWS, unknown_share=0.001)))
    said = "nothing but <unk>. 0.1 % of the dev targets' symbols are not in the vocabulary, so that <unk> is no good guess: "
    assert finding.message.endswith(said + "the model has learned little yet. Train longer, or on more pairs.")


def test_output_of_nothing_but_unknown_is_found():
    predictions = ["<unk> <unk>"] * ROWS
    finding = only(examine(evidence(predictions, lengths=[2] * ROWS, unknown=[2] * ROWS, unknown_share=0.314)))
    assert finding.name == "unknown_output"
    assert finding.message.startswith(
        "All 200 dev predictions are nothing but <unk>. 31.4 % of the dev targets' symbols are not in the vocabulary, so <unk> is a good "
        "guess. Lower fields.target.min_count, raise"
    )
    mostly = only(examine(evidence(REFERENCES, lengths=[3] * ROWS, unknown=[2] * 30 + [1] * 170)))
    assert mostly.message.startswith("30 of 200 dev predictions are mostly <unk>. 0.0 % of")


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("{} the man the man the man the man", "'the man' 4 times over"),
        ("{} k k k k k k", "'k' 6 times over"),
        ("{}ababababab", "'ab' 5 times over"),
        ("{}!!!!!!!!!!", "'!' 10 times over"),
    ],
)
def test_endless_repetition_is_found(text, example):
    predictions = [text.format(row) if row < 40 else REFERENCES[row] for row in range(ROWS)]
    finding = only(examine(evidence(predictions, hit_length_limit=[row < 40 for row in range(ROWS)])))
    assert finding.name == "repetition"
    assert finding.message.startswith(f"40 of 200 dev predictions end in a repetition, such as {example}. The decoder does not know")


def test_some_repetition_is_normal_in_a_young_model():
    predictions = [f"{row} no no no no no" if row < 80 else REFERENCES[row] for row in range(ROWS)]
    assert examine(evidence(predictions, progress=0.1)) == []
    assert only(examine(evidence(predictions, progress=0.3))).name == "repetition"


# ------------------------------------------------------------------------------------------------------------- limits


def test_targets_longer_than_the_limit_are_found_at_once():
    finding = only(examine(evidence(REFERENCES, length_limits=[9] * 3 + [60] * 197, progress=0.01)))
    assert finding == Finding(
        "targets_too_long",
        "3 of 200 dev targets are longer than the search allows (one has 10 symbols, 9 are allowed): they cannot come out right. "
        "Raise search.max_length_ratio or search.max_length.",
    )


def test_targets_that_training_saw_cut_are_found_at_once():
    references = [*REFERENCES[:-2], "1984-03-03 at noon", "1984-03-03 at one"]
    given = {"references": references, "reference_lengths": [len(text) for text in references], "progress": 0.01}
    finding = only(examine(evidence(references, cut_at=10, **given)))
    assert finding == Finding(
        "targets_cut",
        "2 of 200 dev targets are longer than 10 symbols, where training targets are cut: the model learns to end too early. "
        "Raise data.max_target_length, or leave long pairs out with data.too_long=skip.",
    )
    assert examine(evidence(references, **given)) == []


def test_predictions_ended_by_the_limit_are_found():
    predictions = [f"{text} and {row} words more" if row < 60 else text for row, text in enumerate(REFERENCES)]
    finding = only(examine(evidence(predictions, hit_length_limit=[row < 60 for row in range(ROWS)])))
    assert finding.name == "cut_output"
    assert finding.message.startswith(
        "60 of 200 dev predictions were ended by the length limit, though their targets are shorter: the model"
    )


# -------------------------------------------------------------------------------------------------------- comparisons


def test_a_model_that_is_only_good_when_teacher_forced_is_found():
    lost = [f"{text[:3]}{row * 37 % 1000:03}-99" for row, text in enumerate(REFERENCES)]
    given = evidence(lost, teacher_forced_accuracy=0.98, free_running_accuracy=0.3)
    finding = only(examine(given))
    assert finding.name == "free_running"
    errors = metrics.score(["character_error_rate"], lost, REFERENCES, TextField())["character_error_rate"]
    assert finding.message.startswith(
        f"Given the true symbols before it, the model gets 98.0 % of the dev symbols right, but running freely 30.0 % (character error "
        f"rate {errors:.2f}). It leans on the true symbols and is lost after its own (exposure bias)"
    )
    assert examine(replace(given, progress=0.2)) == []
    assert examine(replace(given, free_running_accuracy=0.5)) == []


def test_a_word_whose_first_letter_decides_is_no_exposure_bias():
    """The letters behind it follow from it, and look well learned where the true ones are given: it was said of every such task."""
    words = ["Paris", "Oslo", "Lima", "Cairo", "Delhi", "Tokyo", "Quito", "Riga", "Accra", "Hanoi"]
    wanted, said = [words[row % 10] for row in range(ROWS)], [words[row % 10 if row % 4 == 0 else row * 7 % 10] for row in range(ROWS)]
    given = evidence(said, references=wanted, teacher_forced_accuracy=0.95, free_running_accuracy=0.3)
    assert "free_running" not in [finding.name for finding in examine(given)]
    lost = [f"{word[0]}{word[::-1]}" for word in wanted]
    assert "free_running" in [finding.name for finding in examine(replace(given, predictions=lost))]


def test_the_gap_that_a_language_leaves_a_healthy_translator_is_no_finding():
    """German to English at about 35 BLEU: 70 % teacher forced, 35 % of the positions running freely, 12 words."""
    given = evidence(wrong_days(9), reference_lengths=[12] * ROWS, teacher_forced_accuracy=0.7, free_running_accuracy=0.35)
    assert examine(given) == []


def test_a_long_sequence_that_is_all_wrong_is_found_though_few_positions_could_be_right():
    random = Random(1)
    long = ["".join(random.choices("abcdefg", k=100)) for _ in range(ROWS)]
    wrong = ["".join(random.choices("ghijklm", k=100)) for _ in range(ROWS)]
    given = evidence(wrong, references=long, teacher_forced_accuracy=0.95, free_running_accuracy=0.06, length_limits=[999] * ROWS)
    assert only(examine(given)).name == "free_running"


def test_a_model_below_copying_the_source_is_found():
    sources = [text if row % 2 else f"{text}." for row, text in enumerate(REFERENCES)]
    finding = only(examine(evidence(wrong_days(9), sources=sources)))
    assert finding.name == "below_copying"
    assert finding.message.startswith(
        "After 50 % of the training the dev exact_match is 0.1000, worse than the 0.5000 of copying the source. Try model.copy=true,"
    )
    pointing = only(examine(evidence(wrong_days(9), sources=sources, copies=True)))
    assert pointing.message.endswith(
        " of copying the source. Try a longer training (training.epochs), or another training.optimizer.learning_rate."
    )
    assert "model.copy" not in only(examine(evidence(wrong_days(9), sources=sources, can_copy=False))).message
    assert examine(evidence(wrong_days(9), sources=sources, progress=0.2)) == []
    unwritable = only(examine(evidence(wrong_days(9), sources=sources, unwritable=0.35)))
    assert unwritable.message.endswith(
        " of copying the source. 35 % of the dev targets hold symbols that the model cannot write: the likely cause. "
        "Lower fields.target.min_count, raise fields.target.max_size, or use characters or subwords (fields.target.unit)."
    )
    assert only(examine(evidence(wrong_days(9), sources=sources, unwritable=0.09))) == finding


def test_error_rates_are_compared_where_copying_is_never_quite_right():
    sources = [f"{text}." for text in REFERENCES]
    finding = only(examine(evidence(wrong_days(10), sources=sources)))
    assert re.search(r"the dev character_error_rate is 0\.1\d+, worse than the 0\.1000 of copying the source\. ", finding.message)


def test_a_model_below_the_commonest_target_is_found():
    references = ["noun" if row % 5 < 2 else f"verb{row}" for row in range(ROWS)]
    predictions = [f"verb{row + 1}" for row in range(ROWS)]
    finding = only(examine(evidence(predictions, references=references, commonest_train_target="noun")))
    assert finding.name == "below_commonest"
    assert finding.message.startswith(
        "After 50 % of the training the dev exact_match is 0.0000, worse than the 0.4000 of always answering 'noun'. Look with"
    )


# ------------------------------------------------------------------------------------------------------------- advice


NAMES = {"empty_output", "unknown_output", "same_output", "repetition", "targets_too_long", "cut_output", "free_running"}
NAMES |= {"below_copying", "below_commonest", "targets_cut"}


def test_every_setting_that_a_message_names_exists():
    limited = {"hit_length_limit": [True] * ROWS, "length_limits": [9] + [60] * (ROWS - 1)}
    faults = [
        evidence([""] * ROWS, **limited),
        evidence([""] * ROWS, empty_targets=0.1),
        evidence(["the man is"] * ROWS, unseen_sources=1.0),
        evidence(["x"] * ROWS, lengths=[1] * ROWS, unknown=[1] * ROWS),
        evidence(["x"] * ROWS, cut_at=5),
        evidence([f"{row} no no no no no no" for row in range(ROWS)]),
        evidence(
            [f"{row}" for row in range(ROWS)],
            sources=REFERENCES,
            commonest_train_target=REFERENCES[0],
            teacher_forced_accuracy=0.99,
            free_running_accuracy=0.1,
        ),
    ]
    found = [finding for fault in faults for finding in examine(fault)]
    assert {finding.name for finding in found} == NAMES
    config = RunConfig().model_dump(by_alias=True)
    for path in re.findall(r"\b(?:data|fields|model|search|training)\.\w+(?:\.\w+)*", " ".join(finding.message for finding in found)):
        reduce(dict.__getitem__, path.split("."), config)


def test_dev_far_below_training_is_too_easy():
    assert easier_dev(1.0, 0.4) == [
        "dev is much easier than training (loss 0.400 beside 1.000, with the final weights): its scores look better than those on new "
        "data will be. Dev should be drawn like what the model is for; 'seqloom inspect' compares the two."
    ]


def test_a_beam_that_is_clearly_worse_than_greedy_search_is_said():
    assert worse_search("character_error_rate", 0.7619, 1.0486, "beam 5") == [
        "the dev character_error_rate is 1.0486 by beam 5 and 0.7619 by greedy search: the model is so unsure that its likeliest answers "
        "are bad ones. Predict with --greedy, evaluate with --beam 1, and export with --set search.kind=greedy; more pairs or a longer "
        "training mend it."
    ]
    assert worse_search("bleu", 12.0, 10.0, "beam 5")
    for metric, greedy, beam in (("bleu", 12.0, 11.5), ("bleu", 10.0, 12.0), ("character_error_rate", 0.002, 0.004), ("bleu", 0.0, 0.0)):
        assert worse_search(metric, greedy, beam, "beam 5") == []


@pytest.mark.parametrize(("train", "dev"), [(1.0, 0.6), (0.1, 0.01), (0.0, 0.0), (0.3, 0.9), (-1.0, -1.5)])
def test_dev_like_training_or_harder_or_both_next_to_nothing_is_not(train: float, dev: float):
    assert easier_dev(train, dev) == []


def test_a_table_whose_dev_part_is_easy_is_not_sent_to_inspect():
    assert easier_dev(1.0, 0.4, of_table=True) == [
        "dev is much easier than training (loss 0.400 beside 1.000, with the final weights): its scores look better than those on new "
        "data will be. The table was calm there; try another part of it as dev, with --split."
    ]


def test_a_metric_that_is_no_number_is_said():
    assert no_number("f1", 0.0) == []
    assert no_number("f1", float("nan")) == [
        "f1 of dev is no number (NaN): weights cannot be chosen by it. Mend the metric, or watch another (training.early_stopping.metric)."
    ]
