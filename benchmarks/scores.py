"""The published metrics of the sets: each takes predictions and, for each, all right answers, and gives the numbers of a table.

They are computed here, from the predictions, because papers differ in what they do to text before they count; `seqloom evaluate` prints its
own beside them, which are kept in the results.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = ["Metric", "accuracy", "english_words", "error", "moses_bleu", "moses_tokens", "rouge", "sacrebleu_cased", "tutorial_bleu"]

Answers = Sequence[Sequence[str]]

_ENGLISH = re.compile(r"\.\.+|[a-z]+?(?=n't\b)|n't\b|'(?:s|re|ve|ll|d|m)\b|\d+(?:[.,:]\d+)*(?=\W|$|[a-z])|[^\W\d_]+(?:\d\w*)?|\w+|[^\w\s]")


@dataclass(frozen=True)
class Metric:
    """The numbers of one row of the table, and how they are printed."""

    label: str
    compute: Callable[[Sequence[str], Answers], tuple[float, ...]]
    digits: int = 1
    more_is_better: bool = True

    def text(self, values: Sequence[float]) -> str:
        """The numbers as in the papers: 23.7 / 10.3 / 23.4."""
        return " / ".join(f"{value:.{self.digits}f}" for value in values)


# ------------------------------------------------------------------------------------------------------- right or wrong


def accuracy(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
    """Percent of predictions that equal one of the answers, in NFC, each run of blanks as one."""
    rows = zip(predictions, answers, strict=True)
    return (100 * sum(_plain(prediction) in map(_plain, right) for prediction, right in rows) / len(predictions),)


def error(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
    """Percent of predictions that equal none of the answers: the WER of grapheme-to-phoneme conversion."""
    return (100 - accuracy(predictions, answers)[0],)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


# ----------------------------------------------------------------------------------------------------------------- BLEU


def sacrebleu_cased(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
    """sacreBLEU with its defaults (13a, cased), over all answers of a source."""
    return (_bleu(predictions, answers, "13a"),)


def tutorial_bleu(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
    """BLEU as the tutorials with spaCy and torchtext print it for English (tokens in lower case), then sacreBLEU."""
    words = _mapped(predictions, answers, lambda text: " ".join(english_words(text)))
    return _bleu(*words, "none"), *sacrebleu_cased(predictions, answers)


def moses_bleu(language: str) -> Callable[[Sequence[str], Answers], tuple[float, ...]]:
    """BLEU on tokens as Multi30k publishes them (lower case, Moses punctuation, Moses tokens), then sacreBLEU."""

    def compute(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
        tokens = _mapped(predictions, answers, lambda text: moses_tokens(language, text))
        return _bleu(*tokens, "none"), *sacrebleu_cased(predictions, answers)

    return compute


def english_words(text: str) -> list[str]:
    """The tokens of spaCy's English tokenizer in lower case.

    By one expression, since spaCy is large: on the 31,014 English captions of Multi30k it differs in 56 (`mr.`, `e.s.e.`).
    """
    return _ENGLISH.findall(text.lower())


def moses_tokens(language: str, text: str) -> str:
    """The tokens between blanks as the published files of Multi30k have them: lower case, Moses punctuation, Moses tokenizer."""
    punctuation, tokenizer = _moses(language)
    return str(tokenizer.tokenize(punctuation.normalize(text.lower()), return_str=True))


@cache
def _moses(language: str) -> tuple[Any, Any]:
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    return MosesPunctNormalizer(language), MosesTokenizer(language)


def _mapped(predictions: Sequence[str], answers: Answers, change: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    return [change(text) for text in predictions], [[change(text) for text in right] for right in answers]


def _bleu(predictions: Sequence[str], answers: Answers, tokenize: str) -> float:
    from sacrebleu.metrics.bleu import BLEU

    most = max(map(len, answers))
    streams: Any = [[right[k] if k < len(right) else None for right in answers] for k in range(most)]
    return float(BLEU(tokenize=tokenize, force=True).corpus_score(list(predictions), streams).score)


# ---------------------------------------------------------------------------------------------------------------- ROUGE


def rouge(predictions: Sequence[str], answers: Answers) -> tuple[float, ...]:
    """Mean F of ROUGE-1, -2 and -L in points, with stemming, as rouge_score computes it (what the PEGASUS paper used)."""
    from rouge_score.rouge_scorer import RougeScorer

    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = RougeScorer(kinds, use_stemmer=True)
    found = [scorer.score_multi(list(right), prediction) for prediction, right in zip(predictions, answers, strict=True)]
    return tuple(100 * sum(scores[kind].fmeasure for scores in found) / len(found) for kind in kinds)
