"""Tell early that a run is broken: runs whose loss looks fine and whose model is useless, told from its dev predictions."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seqloom import metrics
from seqloom.config import TextField
from seqloom.errors import count_of

__all__ = ["Evidence", "Finding", "easier_dev", "examine", "is_hint", "kind_of", "no_number", "same_answer", "too_short", "worse_search"]

HINT = "Early hint at step"
"""What the message of a young model begins with."""
EARLY = 0.25  # progress before which a model may be young and not broken
MOSTLY = 0.75  # of the predictions that begin as their targets, which must be right where the first symbol decides
FEWEST_ROWS = 4  # with fewer, nothing can be told from a share
EARLY_SHARE, SHARE = 0.5, 0.1  # of the rows that must have a fault, before and after EARLY
SAME_SHARE = 0.9  # of the predictions that must be the same, where less than half of the references are
MOST_UNKNOWN = 0.5  # of the symbols of a prediction that is as good as nothing but <unk>
MANY_UNWRITABLE = 0.1  # of the dev targets, from which on symbols that cannot be written are the likely cause of a bad score
FEW_UNKNOWN = 0.01  # share of the dev symbols that training does not know, below which saying <unk> does not pay
REPEATS, MORE_REPEATS, REPEATED_CHARACTERS, LONGEST_PERIOD = 4, 3, 8, 60
GOOD_TEACHER_FORCED, VERY_GOOD_TEACHER_FORCED, USELESS_ERROR_RATE = 0.7, 0.9, 0.8
MEASURABLE_MATCHES = 0.05  # exact matches of a baseline below which character error rates are compared
EASIER, WORTH_SAYING = 0.5, 0.1  # dev's loss over training's, and how far below it, from which on dev is too easy
CLEARLY_WORSE, CLEAR = 0.1, 0.01  # share of its score, and how much at the least, by which a search is worse than the greedy one
SHOWN = 40  # characters of a text in a message
TOO_SHORT = {
    "budget": ("the budget", "Give more time with --budget, or fewer pairs."),
    "done": ("the run", "Raise training.max_steps or training.epochs, or lower training.schedule.warmup_steps."),
}
"""How a run may end before its learning rate has risen, and what to do."""


@dataclass(frozen=True)
class Evidence:
    """What one evaluation on dev gave; each list has one entry a dev pair, lengths are in target symbols without the end."""

    sources: list[str]
    """What copying would answer: the source, or its first column."""
    references: list[str]
    predictions: list[str]
    lengths: list[int]
    """Of the predictions."""
    unknown: list[int]
    """How many of these symbols are <unk>."""
    hit_length_limit: list[bool]
    """Whether the limit ended the prediction, and not the model."""
    reference_lengths: list[int]
    length_limits: list[int]
    """The longest prediction that the search allows."""
    commonest_train_target: str
    unknown_share: float
    """Of the symbols of the references, those that the vocabulary does not have."""
    step: int
    progress: float
    """Share of the training that is done, 0 to 1."""
    teacher_forced_accuracy: float | None = None
    """Share of target positions, the end being one, that are right when the true symbols before are given."""
    free_running_accuracy: float | None = None
    """The same of the predictions, without the true symbols."""
    unwritable: float = 0.0
    """Share of the dev targets with a symbol that the model can neither write nor copy."""
    unseen_sources: float = 0.0
    """Share of the dev sources with a symbol that training never saw."""
    empty_targets: float = 0.0
    """Share of the training targets that are empty."""
    copies: bool = False
    """Whether the model has a pointer to its source."""
    can_copy: bool = True
    """Whether one would find symbols there that the target has."""
    cut_at: int | None = None
    """The symbols after which training targets were cut, where they were."""


@dataclass(frozen=True)
class Finding:
    """One fault: its name, and one line with its likely cause and what to do."""

    name: str
    message: str


def examine(evidence: Evidence) -> list[Finding]:
    """The faults of a run, by name below; empty for a healthy one and, but for `targets_too_long` and `targets_cut`, where there are
    fewer than 4 rows.

    Before a quarter of the training is done a model may be young and not broken: a fault then has to be in half of the rows
    instead of a tenth, its message says that it is an early hint, and the last three are not looked for at all.

    * `empty_output`: the prediction is empty and the reference is not.
    * `unknown_output`: more than half of the symbols are <unk>.
    * `same_output`: 9 of 10 predictions are the same, and less than half of the references.
    * `repetition`: the prediction ends in the same piece 4 or more times, over 8 or more characters, and 3 times more than the
      reference does.
    * `targets_too_long`: a reference is longer than the search allows (at any time).
    * `targets_cut`: a reference is longer than the training targets were allowed to be (at any time).
    * `cut_output`: the limit ended a prediction that does not repeat itself and whose reference is within the limit.
    * `free_running`: teacher-forced accuracy is 0.7 or more, and the free-running one below half of what would be left if the first
      mistake spoilt all that follows; or it is 0.9 or more and the character error rate of the predictions 0.8 or more.
    * `below_copying`, `below_commonest`: fewer exact matches than the source itself, or the commonest target, would have; where
      these have less than 5 % of them, a higher character error rate.

    The last three can follow from one of the first four and are not given beside one.
    """
    findings = _targets_too_long(evidence) + _targets_cut(evidence)
    if len(evidence.references) < FEWEST_ROWS:
        return findings
    collapse = _empty(evidence) or _unknown(evidence) or _same(evidence) or _repetition(evidence)
    findings += collapse + _cut(evidence)
    if not collapse and evidence.progress >= EARLY:
        findings += _free_running(evidence) + _below_baselines(evidence)
    return findings


def easier_dev(train: float, dev: float, *, of_table: bool = False) -> list[str]:
    """A sentence where the loss on dev is so far below that on training that dev says too much good of a model.

    of_table: whether dev is a part of a table over time.
    """
    if train <= 0 or dev >= EASIER * train or train - dev < WORTH_SAYING:
        return []
    pairs = "Dev should be drawn like what the model is for; 'seqloom inspect' compares the two."
    advice = "The table was calm there; try another part of it as dev, with --split." if of_table else pairs
    return [
        f"dev is much easier than training (loss {dev:.3f} beside {train:.3f}, with the final weights): its scores look better than "
        f"those on new data will be. {advice}"
    ]


def too_short(why: str, updates: int, warm_up: int) -> list[str]:
    """A sentence where a run came to its end before its learning rate had risen.

    Args:
        why: it ended.
        warm_up: updates in which the learning rate rises.
    """
    if 0 < updates >= warm_up or why not in TOO_SHORT:
        return []
    what, todo = TOO_SHORT[why]
    return [f"{what} ended after {count_of(updates, 'update')}, before the learning rate had risen: next to nothing is learned. {todo}"]


def no_number(metric: str, value: float) -> list[str]:
    """A sentence where what decides is no number."""
    if not math.isnan(value):
        return []
    what = f"{metric} of dev is no number (NaN): weights cannot be chosen by it"
    return [f"{what}. Mend the metric, or watch another (training.early_stopping.metric)."]


def same_answer(predictions: Sequence[str], references: Sequence[str], sources: Sequence[str]) -> tuple[str, int] | None:
    """The answer that 9 of 10 predictions are, and how many; None where there is none, or half of the references are the same too."""
    rows = len(predictions)
    if rows < FEWEST_ROWS or len(set(sources)) == 1 or Counter(references).most_common(1)[0][1] >= rows / 2:
        return None
    text, count = Counter(predictions).most_common(1)[0]
    return (text, count) if count >= SAME_SHARE * rows else None


def worse_search(metric: str, greedy: float, found: float, search: str) -> list[str]:
    """A sentence where a search is clearly worse than the greedy one on the same pairs."""
    if not metrics.better(metric, greedy, found) or abs(greedy - found) < max(CLEARLY_WORSE * abs(greedy), CLEAR):
        return []
    values = f"{metrics.format_value(metric, found)} by {search} and {metrics.format_value(metric, greedy)} by greedy search"
    return [
        f"the dev {metric} is {values}: the model is so unsure that its likeliest answers are bad ones. Predict with --greedy, evaluate "
        "with --beam 1, and export with --set search.kind=greedy; more pairs or a longer training mend it."
    ]


# ------------------------------------------------------------------------------------------------- collapsed outputs


def _empty(evidence: Evidence) -> list[Finding]:
    expected = [not p.strip() for p, r in zip(evidence.predictions, evidence.references, strict=True) if r.strip()]
    if not _is_common(evidence, sum(expected), len(expected)):
        return []
    cause, todo = "The model ends at once: too young, or too high a learning rate.", "Try a lower training.optimizer.learning_rate;"
    if evidence.empty_targets:
        cause = f"The model ends at once, and {_percent(evidence.empty_targets)} of the training targets are empty."
        todo = "Look at the pairs with 'seqloom inspect', or leave those out with --skip-bad;"
    todo += " search.min_length=1 shows what the model would say."
    return [_finding(evidence, "empty_output", f"{_of(sum(expected), len(expected), 'are')} empty. {cause} {todo}")]


def _unknown(evidence: Evidence) -> list[Finding]:
    rows = zip(evidence.unknown, evidence.lengths, strict=True)
    count = sum(unknown > MOST_UNKNOWN * length for unknown, length in rows)
    if not _is_common(evidence, count):
        return []
    share = f"{100 * evidence.unknown_share:.1f} % of the dev targets' symbols are not in the vocabulary, "
    todo = "Lower fields.target.min_count, raise fields.target.max_size, or use characters or subwords (fields.target.unit)."
    if evidence.unknown_share < FEW_UNKNOWN:
        share, todo = share + "so that <unk> is no good guess: the model has learned little yet.", "Train longer, or on more pairs."
    else:
        share += "so <unk> is a good guess."
    what = "nothing but <unk>" if evidence.unknown == evidence.lengths else "mostly <unk>"
    return [_finding(evidence, "unknown_output", f"{_of(count, len(evidence.predictions), 'are')} {what}. {share} {todo}")]


def _same(evidence: Evidence) -> list[Finding]:
    rows, same = len(evidence.predictions), same_answer(evidence.predictions, evidence.references, evidence.sources)
    if same is None:
        return []
    text, count = same
    cause = "The decoder ignores its source: too young, too high a learning rate, or pairs that do not belong together."
    todo = "Try a lower training.optimizer.learning_rate or more training.epochs, and look at the pairs with 'seqloom inspect'."
    if evidence.unseen_sources >= SAME_SHARE:
        cause = (
            f"{_percent(evidence.unseen_sources)} of the dev sources hold symbols that training never saw, read as <unk>: the likely cause."
        )
        todo = "Use characters or subwords (the unit in fields.source), or train on pairs that are like those of dev."
    return [_finding(evidence, "same_output", f"{_of(count, rows, 'are')} {_short(text)}. {cause} {todo}")]


class _Tail(NamedTuple):
    """The piece that a text ends in, and how often over."""

    repeats: int
    piece: str


def _repetition(evidence: Evidence) -> list[Finding]:
    found = [_endless(p, r) for p, r in zip(evidence.predictions, evidence.references, strict=True)]
    tails = [tail for tail in found if tail is not None]
    if not _is_common(evidence, len(tails)):
        return []
    worst = max(tails)
    example = f"{_short(worst.piece.strip() or worst.piece)} {worst.repeats} times over"
    what = f"{_of(len(tails), len(found), 'end')} in a repetition, such as {example}."
    cause = "The decoder does not know what it has already said: the attention is not learned yet, or cannot be."
    todo = "Train longer (training.epochs), or use an attention (model.attention.kind); search.no_repeat_ngram forbids repetitions."
    return [_finding(evidence, "repetition", f"{what} {cause} {todo}")]


def _endless(prediction: str, reference: str) -> _Tail | None:
    """The shortest piece that the prediction ends in over and over and its reference does not."""
    for period in range(1, min(LONGEST_PERIOD, len(prediction) // 2 + 1) + 1):
        repeats = _repeats(prediction, period)
        if repeats >= max(REPEATS, REPEATED_CHARACTERS / period) and repeats >= _repeats(reference, period) + MORE_REPEATS:
            return _Tail(repeats, prediction[-period:])
    return None


def _repeats(text: str, period: int) -> int:
    """How many times over the text ends in its last `period` characters; a missing last blank counts: 'no no no' is 3 times 'no '."""
    end = len(text)
    while end > period and text[end - 1] == text[end - 1 - period]:
        end -= 1
    same = len(text) - end + period
    return (same + (period > 1)) // period


# ------------------------------------------------------------------------------------------------------------ limits


def _targets_too_long(evidence: Evidence) -> list[Finding]:
    over = [pair for pair in zip(evidence.reference_lengths, evidence.length_limits, strict=True) if pair[0] > pair[1]]
    if not over:
        return []
    length, limit = max(over)
    count = f"{len(over)} of {len(evidence.references)} dev targets"
    what = f"{count} are longer than the search allows (one has {length} symbols, {limit} are allowed): they cannot come out right."
    return [Finding("targets_too_long", f"{what} Raise search.max_length_ratio or search.max_length.")]


def _targets_cut(evidence: Evidence) -> list[Finding]:
    limit = evidence.cut_at
    over = [length for length in evidence.reference_lengths if limit is not None and length > limit]
    if not over:
        return []
    count = f"{len(over)} of {len(evidence.references)} dev targets"
    what = f"{count} are longer than {limit} symbols, where training targets are cut: the model learns to end too early."
    return [Finding("targets_cut", f"{what} Raise data.max_target_length, or leave long pairs out with data.too_long=skip.")]


def _cut(evidence: Evidence) -> list[Finding]:
    rows = zip(evidence.hit_length_limit, evidence.reference_lengths, evidence.length_limits, strict=True)
    cut = [is_cut and length <= limit for is_cut, length, limit in rows]
    texts = zip(evidence.predictions, evidence.references, strict=True)
    count = sum(is_cut and _endless(*pair) is None for is_cut, pair in zip(cut, texts, strict=True))
    if not _is_common(evidence, count):
        return []
    cause = "though their targets are shorter: the model has not learned to end, or its training targets were cut (data.too_long)."
    todo = "Train longer (training.epochs), or raise data.max_target_length if it cuts."
    what = f"{_of(count, len(cut), 'were')} ended by the length limit,"
    return [_finding(evidence, "cut_output", f"{what} {cause} {todo}")]


# ------------------------------------------------------------------------------------------------------ comparisons


def _free_running(evidence: Evidence) -> list[Finding]:
    forced, free = evidence.teacher_forced_accuracy, evidence.free_running_accuracy
    if forced is None or free is None or forced < GOOD_TEACHER_FORCED:
        return []
    errors = _score("character_error_rate", evidence.predictions, evidence)
    useless = forced >= VERY_GOOD_TEACHER_FORCED and errors >= USELESS_ERROR_RATE
    if free >= _left_after_mistakes(forced, evidence.reference_lengths) / 2 and not useless:
        return []
    if _is_decided_at_once(evidence):
        return []
    what = f"Given the true symbols before it, the model gets {100 * forced:.1f} % of the dev symbols right, but running freely"
    numbers = f"{100 * free:.1f} % (character error rate {errors:.2f})."
    cause = "It leans on the true symbols and is lost after its own (exposure bias), or is trained otherwise than it is searched."
    todo = "Try training.teacher_forcing.end=0.5, more model.dropout, or search.kind=greedy to see whether the search is to blame."
    return [_finding(evidence, "free_running", f"{what} {numbers} {cause} {todo}")]


def _is_decided_at_once(evidence: Evidence) -> bool:
    """Whether what begins as its target does mostly ends as it does, as where one of some words is spelled: its first letter decides, and
    the others, which follow from it, look well learned when the true one is given.
    """
    begun = [said == wanted for said, wanted in zip(evidence.predictions, evidence.references, strict=True) if said[:1] == wanted[:1]]
    return len(begun) >= FEWEST_ROWS and sum(begun) >= MOSTLY * len(begun)


def _left_after_mistakes(accuracy: float, lengths: Sequence[int]) -> float:
    """The free-running accuracy if symbols are right with this probability and the first mistake spoils all that follows.

    That is the mean of accuracy + accuracy² + ... over the T + 1 positions; a healthy model, which recovers, stays above it.
    """
    shares = (sum(accuracy**position for position in range(1, length + 2)) / (length + 1) for length in lengths)
    return sum(shares) / len(lengths)


def _below_baselines(evidence: Evidence) -> list[Finding]:
    commonest = [evidence.commonest_train_target] * len(evidence.references)
    pointer = "model.copy=true, " if evidence.can_copy and not evidence.copies else ""
    copying_todo = f"Try {pointer}a longer training (training.epochs), or another training.optimizer.learning_rate."
    commonest_todo = "Look with 'seqloom inspect' whether the sources tell the targets; try another training.optimizer.learning_rate."
    return [
        *_below(evidence, "below_copying", evidence.sources, "copying the source", copying_todo),
        *_below(evidence, "below_commonest", commonest, f"always answering {_short(commonest[0])}", commonest_todo),
    ]


def _below(evidence: Evidence, name: str, answers: list[str], what: str, todo: str) -> list[Finding]:
    matches = _score("exact_match", answers, evidence)
    metric = "exact_match" if matches >= MEASURABLE_MATCHES else "character_error_rate"
    baseline, ours = _score(metric, answers, evidence), _score(metric, evidence.predictions, evidence)
    if not metrics.better(metric, baseline, ours):
        return []
    numbers = f"{metrics.format_value(metric, ours)}, worse than the {metrics.format_value(metric, baseline)}"
    done = f"After {100 * evidence.progress:.0f} % of the training"
    return [_finding(evidence, name, f"{done} the dev {metric} is {numbers} of {what}. {_unwritable(evidence) or todo}")]


def _unwritable(evidence: Evidence) -> str:
    """The likely cause, where many targets cannot come out right whatever the model learns, and what to do; else ''."""
    if evidence.unwritable < MANY_UNWRITABLE:
        return ""
    cause = f"{_percent(evidence.unwritable)} of the dev targets hold symbols that the model cannot write: the likely cause."
    return f"{cause} Lower fields.target.min_count, raise fields.target.max_size, or use characters or subwords (fields.target.unit)."


def _score(metric: str, answers: list[str], evidence: Evidence) -> float:
    return metrics.score([metric], answers, evidence.references, TextField.model_validate({}))[metric]


# ------------------------------------------------------------------------------------------------------------- words


def _is_common(evidence: Evidence, count: int, rows: int | None = None) -> bool:
    share = EARLY_SHARE if evidence.progress < EARLY else SHARE
    return count > 1 and count >= share * (len(evidence.predictions) if rows is None else rows)


def is_hint(message: str) -> bool:
    """Whether what it says may pass, since the model is young."""
    return message.startswith(HINT)


def kind_of(message: str) -> str:
    """What a message says, without the numbers and the examples of one look."""
    return re.sub(r"(All|\d[\d,]* of) \d[\d,]*|\d[\d.,]*|'[^']*'|\"[^\"]*\"", "", re.sub(rf"^{HINT} \d+, which may pass: ", "", message))


def _finding(evidence: Evidence, name: str, text: str) -> Finding:
    early = f"{HINT} {evidence.step}, which may pass: " if evidence.progress < EARLY else ""
    return Finding(name, early + text)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"


def _of(count: int, rows: int, verb: str) -> str:
    return f"{f'All {rows}' if count == rows else f'{count} of {rows}'} dev predictions {verb}"


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")
