"""Ready sentencepiece models, made here by sentencepiece's own trainer with its own defaults."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import TextField
from seqloom.errors import ConfigError, DataError, MissingFileError
from seqloom.fields.ready_model import has_own_symbols, read_model
from seqloom.fields.units import clean
from seqloom.fields.vocabulary import SPECIALS

TEXTS = [f"the {animal} sees the other {animal}s, {count} in all" for count, animal in enumerate(["dog", "cat", "horse", "hen"] * 9)]


@cache
def trained(**options: Any) -> bytes:
    writer = io.BytesIO()
    options = {"vocab_size": 60, "hard_vocab_limit": False, "minloglevel": 2} | options
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TEXTS), model_writer=writer, **options)
    return writer.getvalue()


def saved(folder: Path, **options: Any) -> str:
    path = folder / "own.model"
    path.write_bytes(trained(**options))
    return str(path)


KINDS: dict[str, dict[str, Any]] = {
    "unigram, as is usual": {},
    "bpe": {"model_type": "bpe"},
    "bpe over blanks": {"model_type": "bpe", "split_by_whitespace": False},
    "with bytes": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 320},
    "with symbols of its own": {"user_defined_symbols": "<2de>,horse", "control_symbols": "<2en>"},
    "with other ids and names": {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": 2, "unk_piece": "[UNK]", "pad_piece": "[PAD]"},
    "case-folding": {"normalization_rule_name": "nmt_nfkc_cf"},
    "without normalisation": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
    "with runs of blanks": {"model_type": "bpe", "remove_extra_whitespaces": False, "user_defined_symbols": "▁▁"},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_ready_model_cuts_as_sentencepiece_does_with_it(tmp_path: Path, options: dict[str, Any]):
    ready = read_model(saved(tmp_path, **options))
    subwords, own = ready.subwords(), sentencepiece.SentencePieceProcessor(model_proto=trained(**options))
    field = TextField(unit="subword", normalization=ready.normalization, lowercase=ready.lowercase)
    blanks = ["a   dog"] if "remove_extra_whitespaces" in options else []
    for text in [*TEXTS[:4], "The ﬁrst Hen", "<2de> horses other", "a dog", *blanks]:
        cut = subwords.split(clean(field, text))
        assert cut == own.encode(text, out_type=str)
        assert [piece for part in subwords.parts(clean(field, text)) for piece in subwords.cut(part)] == cut
        assert subwords.join(cut) == clean(field, text)
    assert ready.size == len(subwords.pieces)
    assert not set(SPECIALS) & set(subwords.pieces)
    assert "[UNK]" not in subwords.pieces
    assert "<2en>" not in subwords.pieces
    assert has_own_symbols(ready.proto) == ("user_defined_symbols" in options)


def test_a_ready_model_says_its_kind_its_bytes_and_how_it_normalises(tmp_path: Path):
    usual = read_model(saved(tmp_path))
    assert (usual.kind, usual.byte_fallback, usual.normalization, usual.lowercase) == ("unigram", False, "NFKC", False)
    other = read_model(saved(tmp_path, model_type="bpe", byte_fallback=True, vocab_size=320, normalization_rule_name="nfkc_cf"))
    assert (other.kind, other.byte_fallback, other.normalization, other.lowercase) == ("bpe", True, "NFKC", True)
    plain = read_model(saved(tmp_path, normalization_rule_name="identity"))
    assert (plain.normalization, plain.lowercase) == ("none", False)


@pytest.mark.parametrize("rule", ["nmt_nfkc", "nmt_nfkc_cf", "nfkc", "identity"])
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_tabs_and_line_breaks_are_blanks_where_the_model_takes_them_for_such(tmp_path: Path, rule: str, kind: str):
    """They were unknown, and the word behind them was cut as one in the middle of another."""
    ready = read_model(saved(tmp_path, normalization_rule_name=rule, model_type=kind))
    own = sentencepiece.SentencePieceProcessor(model_proto=trained(normalization_rule_name=rule, model_type=kind))
    subwords, field = ready.subwords(), TextField(unit="subword", normalization=ready.normalization, lowercase=ready.lowercase)
    for text in ["the dog\nsees", "dog\thorse", "in\r\nall", "hen \n\n the", "dog\u2028horse\u2029hen\fall", "dog\u1680hen"]:
        cut = subwords.split(clean(field, text))
        assert cut == own.encode(text, out_type=str)
        assert [piece for part in subwords.parts(clean(field, text)) for piece in subwords.cut(part)] == cut
    assert subwords.join(subwords.split("dog\nhen")) == ("dog hen" if rule.startswith("nmt") else "dog\nhen")


def test_what_is_written_holds_no_name_of_a_file_of_the_machine_that_trained_it(tmp_path: Path):
    (tmp_path / "secret-name.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "secret-name.txt"), model_prefix=str(tmp_path / "m"), vocab_size=60, hard_vocab_limit=False, minloglevel=2
    )
    assert b"secret-name" in (tmp_path / "m.model").read_bytes()
    assert b"secret-name" not in read_model(str(tmp_path / "m.model")).proto


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model_type": "word", "vocab_size": 20},
            "a model of words or characters; expected one of bpe or unigram. Set unit to 'word' or 'character'.",
        ),
        ({"add_dummy_prefix": False}, "made with add_dummy_prefix=false; "),
        ({"treat_whitespace_as_suffix": True}, "made with treat_whitespace_as_suffix=true; "),
    ],
)  # fmt: skip
def test_models_that_cut_in_other_ways_are_refused(tmp_path: Path, options: dict[str, Any], message: str):
    rules = "a rule among identity, nfkc, nmt_nfkc, nfkc_cf, nmt_nfkc_cf. Leave model out to learn one here."
    rest = f"expected sentencepiece's defaults, and {rules}"
    path = saved(tmp_path, **options)
    with pytest.raises(ConfigError) as error:
        read_model(path)
    assert str(error.value) == f"{path}: {message}" + (rest if message.endswith("; ") else "")


def test_what_is_no_model_is_refused(tmp_path: Path):
    whole, text = trained(), tmp_path / "own.vocab"
    text.write_text("the\t-1\n", encoding="utf-8")
    start = f"{text}: not a sentencepiece model; expected the file .model that spm_train wrote. "
    with pytest.raises(DataError) as error:
        read_model(str(text))
    assert str(error.value) == f"{start}A list of symbols goes under vocabulary."
    cut = tmp_path / "cut.model"
    for content in (b"", whole[: len(whole) // 2], b"\0" * 40):
        cut.write_bytes(content)
        with pytest.raises(DataError, match=r"cut.model: not a sentencepiece model; .* Name that file, or copy it again."):
            read_model(str(cut))
    with pytest.raises(MissingFileError, match=r"none.model: no such file"):
        read_model(str(tmp_path / "none.model"))


@given(st.integers(0, 4000), st.integers(0, 255))
def test_a_bent_model_is_refused_or_still_cuts(tmp_path_factory: pytest.TempPathFactory, place: int, value: int):
    content = bytearray(trained())
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("bent") / "bent.model"
    path.write_bytes(bytes(content))
    refusals = list[str]()
    try:
        assert "".join(read_model(str(path)).subwords().split("the dog")).strip("\u2581")
    except (DataError, ConfigError) as error:
        refusals.append(str(error))
    assert all(refusal.startswith(f"{path}: ") and "\n" not in refusal for refusal in refusals)
