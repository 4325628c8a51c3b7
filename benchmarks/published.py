"""The table of `quality.py`: which sets, by which metric, what others have published on them, and what is to be reached.

Where a number is from stands behind it. [C] read in the file or on the page of the paper or repository that is named; [R] recomputed from
these very files; [M] from memory of the paper: a rough target, to be looked up before it is relied on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scores import Metric, accuracy, error, moses_bleu, rouge, sacrebleu_cased, tutorial_bleu
from sets import Files, advising, aeslc, cmudict, conll2017, histnorm, multi30k, scan, sigmorphon2020, tatoeba

__all__ = ["SETS", "Part", "Set", "Summary"]

WER = Metric("WER %", error, digits=2, more_is_better=False)
ACCURACY = Metric("accuracy %", accuracy)
EXACT = Metric("exact match %", accuracy)
TUTORIAL = Metric("BLEU, spaCy tokens, lower case / sacreBLEU", tutorial_bleu)
SACREBLEU = Metric("sacreBLEU", sacrebleu_cased)
ROUGE = Metric("ROUGE-1 / 2 / L", rouge)


@dataclass(frozen=True)
class Part:
    """One training: its files, what others have published and what is to be reached."""

    name: str
    title: str
    files: Callable[[Path, Path], Files]
    published: str = ""
    goal: tuple[float, ...] = ()


@dataclass(frozen=True)
class Summary:
    """The row that is the mean of the parts; `members` are goals of ensembles, by their number of networks."""

    title: str
    published: str = ""
    goal: tuple[float, ...] = ()
    members: tuple[tuple[int, tuple[float, ...]], ...] = ()


@dataclass(frozen=True)
class Set:
    """Rows that share a metric."""

    name: str
    metric: Metric
    parts: tuple[Part, ...]
    mean: Summary | None = None


LANGUAGES = ["ady", "arm", "bul", "dut", "fre", "geo", "gre", "hin", "hun", "ice", "jpn", "kor", "lit", "rum", "vie"]
LSTM = (28.00, 14.67, 31.11, 16.44, 6.22, 26.44, 18.89, 6.67, 5.33, 10.00, 7.56, 46.89, 19.11, 10.67, 4.67)
TRANSFORMER = (28.44, 14.22, 34.00, 15.78, 6.89, 28.00, 18.89, 9.56, 5.33, 10.22, 7.33, 43.78, 20.67, 12.00, 7.56)

G2P = Set(
    "g2p",
    WER,
    tuple(
        Part(f"g2p-{name}", f"SIGMORPHON 2020 G2P, {name}", sigmorphon2020(name), f"LSTM {lstm:.2f} [M], Transformer {other:.2f} [M]")
        for name, lstm, other in zip(LANGUAGES, LSTM, TRANSFORMER, strict=True)
    ),
    Summary(
        "**SIGMORPHON 2020 G2P, macro over 15**",
        "LSTM 16.84 [M], Transformer 17.51 [M], IMS ensemble with self-training 13.81 [M]",
        (15.0,),
        ((5, (13.8,)),),
    ),
)
CMUDICT = Set(
    "cmudict",
    WER,
    (
        Part(
            "cmudict",
            "CMUdict 0.7b, any listed pronunciation",
            cmudict,
            "attention LSTM (Toshniwal & Livescu 2016) 21.69 [M], their ensemble of 5 20.24 [M], "
            "Transformer (cmusphinx g2p-seq2seq) 20.6 [C], WFST (same page) 24.4 [C]",
            (21.0,),
        ),
    ),
)
INFLECTED = {"arabic": (50.7, 42.1), "finnish": (78.2, 43.7), "navajo": (37.8, 33.5), "spanish": (90.7, 84.7), "turkish": (72.6, 32.9)}


def _inflection(size: str, column: int, mean: str, goal: float) -> Set:
    parts = (
        Part(f"conll-{size}-{name}", f"CoNLL 2017 {size}, {name}", conll2017(name, size), f"rule baseline {rules[column]} [R]")
        for name, rules in INFLECTED.items()
    )
    return Set(f"conll-{size}", ACCURACY, tuple(parts), Summary(f"**CoNLL 2017 inflection, {size}, mean of 5**", mean, (goal,)))


SCAN = Set(
    "scan",
    EXACT,
    (
        Part(
            "scan-simple",
            "SCAN, simple split",
            scan("simple"),
            "LSTM of Lake & Baroni 2018 99.8 [M], GRU with attention (Bastings et al. 2018) 100 [M]",
            (99.8,),
        ),
        Part("scan-addprim_jump", "SCAN, jump added", scan("addprim_jump"), "Lake & Baroni 2018 1.2 [M], Bastings et al. 2018 12.5 [M]"),
        Part("scan-length", "SCAN, length split", scan("length"), "Lake & Baroni 2018 20.8 [M], Bastings et al. 2018 18 [M]"),
    ),
)


def _translation(source: str, target: str, metric: Metric, title: str, published: str, goal: tuple[float, ...]) -> Set:
    name = f"multi30k-{source}-{target}"
    return Set(name, metric, (Part(name, f"Multi30k {title}, test 2016", multi30k(source, target), published, goal),))


def _moses(language: str) -> Metric:
    return Metric("BLEU, Moses tokens, lower case / sacreBLEU", moses_bleu(language))


NORMALISED = {
    "german-anselm": ("about 89", "83.84", 89.0),
    "german-ridges": ("about 88", "82.18", 88.0),
    "icelandic-icepahc": ("about 87", "83.00", 87.0),
    "slovene-goo300k-bohoric": ("about 91", "81.73", 91.0),
    "slovene-goo300k-gaj": ("about 95", "93.90", 95.0),
}

SETS = (
    G2P,
    CMUDICT,
    _inflection("high", 0, "rule baseline, these 5, 66.0 [R]; best system, mean of 52 languages, 95.3 [M]", 93.0),
    _inflection("medium", 1, "rule baseline, these 5, 47.4 [R]; best system, mean of 52 languages, 82.8 [M]", 76.0),
    SCAN,
    _translation(
        *("de", "en", TUTORIAL, "German to English"),
        "on spaCy tokens, bentrevett/pytorch-seq2seq: GRU with attention 28.3 [C], Transformer 36.5 [C]",
        (38.0, 36.5),
    ),
    _translation(
        *("en", "de", _moses("de"), "English to German"),
        "on Moses tokens: GRU (Caglayan et al. 2017) 38.1 [M], Transformer-Tiny (Wu et al. 2021) 41.02 [C]",
        (40.0,),
    ),
    _translation(
        *("en", "fr", _moses("fr"), "English to French"),
        "on Moses tokens: GRU (Caglayan et al. 2017) 52.5 [M], Transformer-Tiny (Wu et al. 2021) 61.80 [M]",
        (59.0,),
    ),
    Set(
        "histnorm",
        ACCURACY,
        tuple(
            Part(
                f"histnorm-{name}",
                f"histnorm {name}",
                histnorm(name),
                f"neural, all data {known} [M]; memorise, else copy {memory} [R]",
                (goal,),
            )
            for name, (known, memory, goal) in NORMALISED.items()
        ),
    ),
    Set(
        "advising",
        EXACT,
        (
            Part(
                "advising",
                "Advising, question split",
                advising,
                "attention 29 [M], with copying 70 [C], templates 80 [C] (version 1 of the data)",
                (75.0,),
            ),
        ),
    ),
    Set(
        "aeslc",
        ROUGE,
        (
            Part(
                "aeslc",
                "AESLC, e-mail to subject",
                aeslc,
                "Transformer from scratch (PEGASUS paper) 15.0 / 7.4 / 14.9 [M], "
                "LSTM with RL (Zhang & Tetreault 2019) 23.7 / 10.3 / 23.4 [C]",
                (20.0, 8.0, 19.0),
            ),
        ),
    ),
    Set("tatoeba", SACREBLEU, (Part("tatoeba", "Tatoeba English to French, split by English side", tatoeba, "none"),)),
)
