"""How good predictions are: one function and one entry in `METRICS` for each measure.

A metric sees whole sequences, as strings, after nothing but the target field's own normalisation. References may be several a
source: an exact match with any of them counts, error rates and ROUGE take the nearest, BLEU and chrF use all.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from operator import eq
from typing import TYPE_CHECKING, Any, Literal, Union

from seqloom.config import TextField, TokensField
from seqloom.errors import ConfigError, DataError, PartError, SeqloomError, nearest
from seqloom.fields.units import Tokens, clean

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

__all__ = [
    "METRICS",
    "Measure",
    "Metric",
    "Pairs",
    "better",
    "format_value",
    "is_perfect",
    "metrics_for",
    "position_accuracy",
    "register",
    "score",
    "signature",
    "words_per_target",
]

FieldConfig = Union[TextField, TokensField]  # noqa: UP007
References = Union[Sequence[str], Sequence[Sequence[str]]]  # noqa: UP007

_FORMATS = {"fraction": ".4f", "points": ".2f", "number": ".4g"}
FEWEST_WORDS = 300
"""Distinct tokens of targets; fewer are sounds, actions or tags, and not words, and make no sentences."""
SENTENCE_WORDS = 3.0
"""Words a target, on average, below which scores of n-grams of words are noise ..."""
BLEU_WORDS = 4.0
"""... and below which BLEU is: from here on targets have a 4-gram each on average, and where right answers have none, it is 0."""
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_OTHER_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"  # Thai, Lao, Burmese, Khmer, kana
_UNSPACED = re.compile(f"[{_HAN}{_OTHER_UNSPACED}]")  # letters of scripts that put no blanks between words
_WORD = re.compile(rf"[{_HAN}{_OTHER_UNSPACED}]{{1,2}}|[^\s{_HAN}{_OTHER_UNSPACED}]+")


@dataclass(frozen=True)
class Pairs:
    """Predictions beside their references (one or more each), normalised, and how the target field tells tokens apart."""

    predictions: list[str]
    references: list[list[str]]
    tokens: Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Metric:
    """A measure of predictions, known by name to evaluation, early stopping, logs and report.

    `compute` is None for what comes from the model and not from its predictions. `words`: a target has, on average, where the measure
    means something; 0: of any targets. `unit`: a fraction of 1, points of 100, or a plain number.
    """

    name: str
    higher_is_better: bool
    applies_to: frozenset[str]
    unit: Literal["fraction", "points", "number"]
    compute: Callable[[Pairs], float] | None
    words: float = 0.0
    signature: Callable[[Sequence[Sequence[str]]], str] | None = None


Measure = Callable[[list[str], list[list[str]]], float]
"""Of a user's: predictions, and the right answers to each, normalised as the target field has them."""


def register(name: str, measure: Measure, *, higher_is_better: bool) -> None:
    """Take a measure of a user's among the metrics of texts and tokens; the same name once more replaces it.

    Raises:
        ConfigError: the name is none, or of a metric of the package.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigError(f"metric {name!r}: no name; expected letters, digits and _, such as f1. Choose another.")
    if name in METRICS and name not in _OF_USERS:
        raise ConfigError(f"metric {name!r} is there already, one of Seqloom's own. Choose another name.")
    _OF_USERS.add(name)
    METRICS[name] = Metric(name, higher_is_better, _ANY, "number", partial(_measured, name, measure))


def _measured(name: str, measure: Measure, pairs: Pairs) -> float:
    """What a user's measure says of pairs.

    Raises:
        PartError: it raised something, or says no number.
    """
    try:
        value = measure([*pairs.predictions], [[*row] for row in pairs.references])
    except SeqloomError:
        raise
    except Exception as error:
        raise PartError(f"metric {name!r}: {type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}. Mend it.") from error
    if isinstance(value, bool) or not isinstance(value, Real):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PartError(f"metric {name!r}: gave {value!r:.60}; expected a number. Mend it.")
    return float(value)


def metrics_for(field_config: FieldConfig, words_per_target: float | None = None) -> list[str]:
    """The names of the metrics that fit a target field, the most telling first; not what comes from the model (loss, perplexity).

    BLEU is there for 4 or more `words_per_target` (see the function of that name), chrF and ROUGE for 3. Where that is not known, text in
    words or subwords counts as sentences, and text in characters and tokens do not.
    """
    if words_per_target is None:
        words_per_target = math.inf if isinstance(field_config, TextField) and field_config.unit != "character" else 0.0
    fitting = [m for m in METRICS.values() if field_config.kind in m.applies_to and words_per_target >= m.words]
    return [metric.name for metric in fitting if metric.compute is not None]


def score(names: Sequence[str], predictions: Sequence[str], references: References, field_config: FieldConfig) -> dict[str, float]:
    """The value of each named metric. A reference is a string, or a list of several right answers.

    Any metric that can be computed may be asked for, fitting or not. Names of what comes from the model (loss, perplexity) are
    left out of the result: the caller adds them.

    Raises:
        ConfigError: an unknown name; the nearest is offered.
        DataError: no predictions, another number of references, or a prediction without any reference.
    """
    wanted = [_metric(name) for name in names]
    pairs = _pair(predictions, references, field_config)
    return {metric.name: metric.compute(pairs) for metric in wanted if metric.compute is not None}


def position_accuracy(predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """The share of the references' positions, the end being one, at which a prediction has the same symbol; nothing is aligned."""
    rights, positions = zip(*map(_right_positions, predictions, references), strict=True)
    return sum(rights) / sum(positions)


def better(name: str, a: float, b: float) -> bool:
    """Whether `a` is a better value of the metric than `b`; anything is better than NaN, and NaN than nothing."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(b) and not math.isnan(a)
    return a > b if _metric(name).higher_is_better else a < b


def is_perfect(name: str, value: float) -> bool:
    """Whether a metric cannot get better; never for loss and perplexity, nor for a user's, whose best nobody knows."""
    metric = _metric(name)
    if metric.compute is None or name in _OF_USERS:
        return False
    return value >= (100.0 if metric.unit == "points" else 1.0) if metric.higher_is_better else value <= 0.0


def format_value(name: str, value: float) -> str:
    """The value as it is printed: fractions with four decimals, points with two, loss and perplexity with four digits."""
    return format(value, _FORMATS[_metric(name).unit])


def signature(name: str, references: References = ()) -> str | None:
    """The sacrebleu signature of a metric as `score` computes it on these references; None for metrics that have none.

    Without references: that of one reference each, in a script with blanks between words.
    """
    describe = _metric(name).signature
    return None if describe is None else describe(_as_lists(references) or [[""]])


def words_per_target(references: References, field_config: FieldConfig | None = None) -> float:
    """The mean number of words in a reference: what stands between blanks, or two letters where a script has no blanks; 0 for targets of
    tokens that are no words.
    """
    every = [reference for several in _as_lists(references) for reference in several]
    if isinstance(field_config, TokensField):
        tokens = _tokens(field_config)
        if len({token for reference in every for token in tokens(reference)}) < FEWEST_WORDS:
            return 0.0
    return sum(len(_WORD.findall(reference)) for reference in every) / len(every) if every else 0.0


# ------------------------------------------------------------------------------------------------- predictions as pairs


def _metric(name: str) -> Metric:
    if name not in METRICS:
        own = "One of your own needs its file (--parts)."
        raise ConfigError(f"metric {name!r} does not exist.{nearest(name, METRICS)} Known: {', '.join(METRICS)}. {own}")
    return METRICS[name]


def _as_lists(references: References) -> list[list[str]]:
    return [[reference] if isinstance(reference, str) else list(reference) for reference in references]


def _pair(predictions: Sequence[str], references: References, field_config: FieldConfig) -> Pairs:
    several = _as_lists(references)
    if not predictions:
        raise DataError("no predictions to score; expected at least one. Give a file with pairs in it.")
    if len(predictions) != len(several):
        raise DataError(f"{len(predictions)} predictions for {len(several)} references; expected one for each.")
    if [] in several:
        raise DataError(f"prediction {several.index([]) + 1} has no reference; expected one or more right answers.")
    normalise = _normaliser(field_config)
    return Pairs([normalise(text) for text in predictions], [[normalise(text) for text in row] for row in several], _tokens(field_config))


def _normaliser(field_config: FieldConfig) -> Callable[[str], str]:
    """What the target field does to a text and its `decode` gives back."""
    if isinstance(field_config, TextField):
        return partial(clean, field_config)
    unit = Tokens(clean(field_config, field_config.separator))
    return lambda text: unit.join(unit.split(clean(field_config, text)))


def _tokens(field_config: FieldConfig) -> Callable[[str], Sequence[str]]:
    """Code points for text in characters, words between blanks for other text, what stands between separators for tokens."""
    if isinstance(field_config, TextField):
        return _characters if field_config.unit == "character" else str.split
    return Tokens(clean(field_config, field_config.separator)).split


def _characters(text: str) -> Sequence[str]:
    return text


# ---------------------------------------------------------------------------------------------------- right and wrong


def _exact_match(pairs: Pairs) -> float:
    """The fraction of predictions that equal a reference."""
    rows = zip(pairs.predictions, pairs.references, strict=True)
    return sum(prediction in references for prediction, references in rows) / len(pairs.predictions)


def _sequence_error_rate(pairs: Pairs) -> float:
    """The fraction of predictions with any error: what the literature of grapheme-to-phoneme conversion calls WER."""
    return 1.0 - _exact_match(pairs)


def _token_accuracy(pairs: Pairs) -> float:
    """The fraction of target positions, the end being one, that hold the reference's token.

    So it counts what teacher-forced accuracy counts and both can be compared. Nothing is aligned: a token too many or too few
    makes the rest wrong (token_error_rate aligns). Of several references that with the most right positions.
    """
    right = positions = 0
    for prediction, references in zip(pairs.predictions, pairs.references, strict=True):
        counts = [_right_positions(pairs.tokens(prediction), pairs.tokens(reference)) for reference in references]
        best = max(counts, key=lambda count: (count[0] / count[1], count[1]))
        right, positions = right + best[0], positions + best[1]
    return right / positions


def _right_positions(prediction: Sequence[str], reference: Sequence[str]) -> tuple[int, int]:
    right = sum(map(eq, prediction, reference)) + (len(prediction) == len(reference))
    return right, len(reference) + 1


def _token_error_rate(pairs: Pairs) -> float:
    """Edits between tokens a reference token; PER where tokens are phones."""
    return _error_rate(pairs, pairs.tokens)


def _word_error_rate(pairs: Pairs) -> float:
    """Edits between words, split on blanks, a reference word."""
    return _error_rate(pairs, str.split)


def _character_error_rate(pairs: Pairs) -> float:
    """Edits between code points, blanks included, a reference code point."""
    return _error_rate(pairs, _characters)


def _error_rate(pairs: Pairs, split: Callable[[str], Sequence[str]]) -> float:
    """Insertions, deletions and substitutions over the whole set, divided by its reference length; above 1 where more.

    Of several references the one with the fewest edits counts, the longest among these. Where all references are empty it is
    the number of edits, so that it stays finite and 0 is right.
    """
    from rapidfuzz.distance import Levenshtein

    edits = length = 0
    for prediction, references in zip(pairs.predictions, pairs.references, strict=True):
        symbols = split(prediction)
        counts = [(Levenshtein.distance(symbols, reference), -len(reference)) for reference in map(split, references)]
        edits, length = edits + min(counts)[0], length - min(counts)[1]
    return edits / max(length, 1)


# ---------------------------------------------------------------------------------------- sentences: sacrebleu, rouge


def _bleu(pairs: Pairs) -> float:
    """BLEU (Papineni et al. 2002) as sacrebleu computes it (Post 2018)."""
    return _corpus_score(_bleu_scorer(pairs.references), pairs.predictions, pairs.references)


def _chrf(pairs: Pairs) -> float:
    """chrF2 (Popović 2015), sacrebleu's default."""
    return _corpus_score(_chrf_scorer(), pairs.predictions, pairs.references)


def _bleu_signature(references: Sequence[Sequence[str]]) -> str:
    return _signature(_bleu_scorer(references), references)


def _chrf_signature(references: Sequence[Sequence[str]]) -> str:
    return _signature(_chrf_scorer(), references)


def _bleu_scorer(references: Sequence[Sequence[str]]) -> BLEU:
    """A scorer with the tokenizer that sacrebleu's own command takes for the script; the signature names it.

    `13a` is its default. A script without blanks makes one word of a sentence there: Chinese gets `zh`, the others `char`,
    which, unlike sacrebleu's for Japanese, needs no dictionary.
    """
    from sacrebleu.metrics.bleu import BLEU

    letters = "".join(text for several in references for text in several if not text.isascii())
    unspaced = _UNSPACED.findall(letters)
    blank_free = 2 * len(unspaced) > sum(len(text) - text.count(" ") for several in references for text in several)
    tokenizer = "13a" if not blank_free else "zh" if re.fullmatch(f"[{_HAN}]+", "".join(unspaced)) else "char"
    return BLEU(tokenize=tokenizer, force=True)  # force: no warning about blanks before full stops at each evaluation


def _chrf_scorer() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _corpus_score(scorer: BLEU | CHRF, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The corpus score; sacrebleu wants all first references, all second ones and so on, None where there is none."""
    most = max(map(len, references))
    streams: Any = [[row[k] if k < len(row) else None for row in references] for k in range(most)]
    return float(scorer.corpus_score(predictions, streams).score)


def _signature(scorer: BLEU | CHRF, references: Sequence[Sequence[str]]) -> str:
    """The signature, which sacrebleu knows once it has seen how many references there are."""
    _corpus_score(scorer, [""] * len(references), references)
    return str(scorer.get_signature())


def _rouge(kind: str) -> Callable[[Pairs], float]:
    def compute(pairs: Pairs) -> float:
        """The mean F measure of a ROUGE kind (Lin 2004) in points, without stemming."""
        from rouge_score.rouge_scorer import RougeScorer

        scorer: Any = RougeScorer([kind], tokenizer=_RougeTokenizer())
        rows = zip(pairs.references, pairs.predictions, strict=True)
        values = [float(scorer.score_multi(references, prediction)[kind].fmeasure) for references, prediction in rows]
        return 100 * sum(values) / len(values)

    return compute


class _RougeTokenizer:
    """Words in lower case: runs of letters, marks and digits of any script; single letters where a script has no blanks.

    rouge_score's own keeps a-z and 0-9 and drops every other letter: Greek has no words there and 'être' is 'tre'. On ASCII
    both are the same.
    """

    def tokenize(self, text: str) -> list[str]:
        kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text.lower())
        return _UNSPACED.sub(r" \g<0> ", kept).split()


# ------------------------------------------------------------------------------------------------------------ entries

_TEXT, _TOKENS, _ANY = frozenset({"text"}), frozenset({"tokens"}), frozenset({"text", "tokens"})
_NUMBERS = frozenset({"numbers"})
_OF_FORECASTS = ("mse_scaled", "mae_scaled", "mae", "rmse", "smape", "mase", "pinball", "owa")

_OF_USERS: set[str] = set()
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("bleu", True, _ANY, "points", _bleu, words=BLEU_WORDS, signature=_bleu_signature),
        Metric("chrf", True, _ANY, "points", _chrf, words=SENTENCE_WORDS, signature=_chrf_signature),
        Metric("rouge1", True, _ANY, "points", _rouge("rouge1"), words=SENTENCE_WORDS),
        Metric("rouge2", True, _ANY, "points", _rouge("rouge2"), words=SENTENCE_WORDS),
        Metric("rougeL", True, _ANY, "points", _rouge("rougeL"), words=SENTENCE_WORDS),
        Metric("exact_match", True, _ANY, "fraction", _exact_match),
        Metric("sequence_error_rate", False, _ANY, "fraction", _sequence_error_rate),
        Metric("token_accuracy", True, _ANY, "fraction", _token_accuracy),
        Metric("token_error_rate", False, _TOKENS, "fraction", _token_error_rate),
        Metric("word_error_rate", False, _TEXT, "fraction", _word_error_rate),
        Metric("character_error_rate", False, _TEXT, "fraction", _character_error_rate),
        *(Metric(name, False, _NUMBERS, "number", None) for name in _OF_FORECASTS),
        Metric("loss", False, _ANY | _NUMBERS, "number", None),
        Metric("perplexity", False, _ANY, "number", None),
    )
}
