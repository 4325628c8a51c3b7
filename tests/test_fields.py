import copy
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqloom.config import FieldsConfig, TextField, TokensField
from seqloom.errors import CheckpointError, ConfigError, DataError, TrainingError
from seqloom.fields import columns, subwords, units
from seqloom.fields.subwords import Subwords
from seqloom.fields.task import Fields
from seqloom.fields.text import TargetField
from seqloom.fields.units import Characters, Tokens, Words
from seqloom.fields.vocabulary import BOS, EOS, PAD, SEP, UNK

steadily = settings(deadline=None, derandomize=True, max_examples=150)
family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
WORDS = TextField(unit="word")
TOKENS = TokensField()
any_text = st.text() | st.text(
    st.sampled_from(list("aB<s>/0x4 \t\r\n\0\u0301\u0338￭▁▅\ufdd0한\u1112\u1161가́🇩🇪\U0001f468\u200d\ud800ﬁİẞ_.,"))
)


@dataclass(frozen=True)
class Pair:
    source: tuple[str, ...]
    target: str
    where: str = "pairs.tsv:1"


def fit(source: Any, target: Any, pairs: Iterable[tuple[Any, str]], **settings: Any) -> Fields:
    config = FieldsConfig(source=source if isinstance(source, list) else [source], target=target, **settings)
    rows = [Pair((left,) if isinstance(left, str) else left, right, f"pairs.tsv:{line}") for line, (left, right) in enumerate(pairs, 1)]
    return Fields.fit(config, rows)


def target_of(config: Any, *texts: str) -> TargetField:
    return fit(TextField(), config, [("", text) for text in texts]).target


def form(text: str, name: Any = "NFC") -> str:
    return unicodedata.normalize(name, re.sub("[\ud800-\udfff]", "\ufffd", text))


# ---------------------------------------------------------------------------------------------------------------- ids


def test_characters_become_ids_by_their_frequency():
    field = target_of(TextField(), "abba", "ab a")
    assert field.size == 4 + 3
    assert field.encode("ab b").tolist() == [4, 5, 6, 5]
    assert field.encode("ab").dtype == np.int64


def test_the_empty_text_has_no_target_ids_and_only_the_end_as_source():
    for config in (TextField(), WORDS, TOKENS, TokensField(separator=","), TextField(unit="subword")):
        fields = fit(config, config, [("a b", "a b")])
        assert fields.target.encode("").shape == (0,)
        assert fields.source.encode(("",)).tolist() == [EOS]
        assert fields.target.decode(fields.target.encode("")) == ""


def test_fields_can_be_learned_from_empty_texts_or_no_rows_at_all():
    for config in (TextField(), WORDS, TOKENS, TextField(unit="subword"), TextField(unit="subword", subwords="unigram")):
        for pairs in ([], [("", "")]):
            fields = fit(config, config, pairs)
            assert fields.target.decode(fields.target.encode("")) == ""


def test_a_source_of_one_column_may_be_given_as_plain_text():
    source = fit(TextField(), TextField(), [("ab", "x")]).source
    assert source.encode("ab").tolist() == source.encode(("ab",)).tolist() == [4, 5, EOS]


@pytest.mark.parametrize(("room", "longest"), [(columns.PARTS, columns.LONG), (2, 40), (100, 2)])
def test_a_text_is_encoded_alike_whether_its_parts_came_before_or_not(monkeypatch: pytest.MonkeyPatch, room: int, longest: int):
    monkeypatch.setattr(columns, "PARTS", room)
    monkeypatch.setattr(columns, "LONG", longest)
    texts = ["the cat", "", "a  dog, wéll", "<s> 😀", "the dog"]
    for config in (TextField(), TextField(decompose=True), WORDS, TOKENS, TextField(unit="subword")):
        fields = fit([config, TOKENS], config, [((text, "V PST"), text) for text in texts])
        for text in (*texts, *texts):
            assert fields.target.encode(text).tolist() == fields.target.vocabulary.ids(fields.target.symbols(text))
            symbols = fields.source.columns[0].keys(fields.source.columns[0].split(text))
            assert fields.source.encode((text, "")).tolist() == [*fields.source.vocabulary.ids(symbols), SEP, EOS]


@given(text=any_text)
@steadily
def test_the_symbols_of_a_text_are_those_of_its_parts(text: str):
    for unit in (Characters(), Characters(decompose=True), Words(), Tokens(), Tokens("a")):
        assert unit.split(text) == [symbol for part in unit.parts(text) for symbol in unit.cut(part)]


def test_decoding_stops_at_the_end_and_drops_padding_and_start():
    field = target_of(TextField(), "abc")
    assert field.decode([BOS, 4, PAD, 5, EOS, 6]) == "ab"
    assert field.decode(np.array([4, 6])) == "ac"
    assert field.decode([]) == ""


def test_unknown_symbols_are_shown_and_copied_ones_are_looked_up():
    field = target_of(TOKENS, "a b")
    assert field.decode([4, UNK, 6, 7, 5], ["X", "Y"]) == "a <unk> X Y b"
    assert field.decode([4, 8, -1], ["X"]) == "a <unk> <unk>"


def test_unknown_symbols_are_named_as_often_as_they_occur():
    fields = fit([TextField(), TOKENS], TextField(min_count=2), [(("ab", "V"), "aab")])
    assert fields.target.unknown("abxb") == ["b", "x", "b"]
    assert fields.source.unknown(("abx", "V N")) == ["x", "2:N"]


def test_start_symbol_in_the_text_is_not_the_start_symbol():
    text = "<s> a </s> <unk> <pad> <sep>"
    for config in (TextField(), WORDS, TOKENS, TextField(unit="subword"), TextField(unit="subword", subwords="unigram")):
        fields = fit([config, config], config, [((text, text), text)] * 20)
        ids = fields.target.encode(text)
        assert not set(ids.tolist()) & {PAD, BOS, EOS, UNK}
        assert fields.target.decode(ids) == text
        assert fields.source.encode((text, text)).tolist().count(SEP) == 1
        assert fields.source.decode(fields.source.encode((text, text))) == f"{text}\t{text}"


# --------------------------------------------------------------------------------------------------------- characters


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("a\r\nb", ["a", "\r\n", "b"]),
        ("가나", ["가", "나"]),
        ("\u1112\u1161\u11ab", ["한"]),
        ("q\u0303u", ["q\u0303", "u"]),
        ("Tiếng", ["T", "i", "ế", "n", "g"]),
        (f"a{family}b", ["a", family, "b"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("नमस्ते", regex.findall(r"\X", "नमस्ते")),
    ],
)
def test_characters_are_grapheme_clusters(text: str, symbols: list[str]):
    assert target_of(TextField(), text).symbols(text) == symbols


def test_decomposed_characters_are_letters_and_marks_and_are_composed_again():
    field = target_of(TextField(decompose=True), "한 ế")
    assert field.symbols("한 ế") == ["\u1112", "\u1161", "\u11ab", " ", "e", "\u0302", "\u0301"]
    assert field.decode(field.encode("한 ế")) == "한 ế"


def test_characters_of_the_fast_path_are_clusters_beside_each_other():
    simple = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000 and units._SIMPLE.fullmatch(chr(point))]
    assert len(simple) > 30_000
    kinds = ["a", "가", "각", "あ", "中", "©", "é", "\n", *simple]
    for other in kinds[:8]:
        assert regex.findall(r"\X", "".join(symbol + other for symbol in simple)) == [x for symbol in simple for x in (symbol, other)]


@given(any_text)
@steadily
def test_text_comes_back_from_characters_in_its_normal_form(text: str):
    for config in (TextField(), TextField(decompose=True), TextField(normalization="NFKC")):
        field = target_of(config, text)
        assert field.decode(field.encode(text)) == form(text, config.normalization) == field.normalize(text)
    field = target_of(TextField(normalization="none"), text)
    assert field.decode(field.encode(text)) == re.sub("[\ud800-\udfff]", "\ufffd", text)


@given(any_text)
@steadily
def test_lower_casing_twice_changes_nothing_more(text: str):
    for name in ("none", "NFC", "NFKC"):
        field = target_of(TextField(lowercase=True, normalization=name), text)
        once = field.decode(field.encode(text))
        assert once == field.normalize(once)


# -------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Ein Hund, ein Wort.", ["Ein", "Hund", "￭,", "ein", "Wort", "￭."]),
        ("don't", ["don", "￭'￭", "t"]),
        ("(a)", ["(￭", "a", "￭)"]),
        ('in "a" ("b")', ["in", '"￭', "a", '￭"', "(", '￭"￭', "b", '￭"', "￭)"]),
        ("a - b", ["a", "-", "b"]),
        ("a  b", ["a", "￭ ", "b"]),
        (" a ", ["￭", "a", "￭ "]),
        ("  ", ["￭  "]),
        ("a\tb", ["a", "￭\t￭", "b"]),
        ("￭ a￭", ["￭￭", "a", "￭￭￭"]),
        ("￭a,￭b", ["￭￭", "￭a", "￭,", "￭￭￭", "￭b"]),
        (f"ok{family}", ["ok", "￭" + family]),
    ],
)
def test_words_are_split_at_blanks_and_around_punctuation(text: str, symbols: list[str]):
    assert Words().split(text) == symbols
    assert Words().join(symbols) == text


@given(any_text)
@steadily
def test_text_comes_back_from_words_with_all_its_blanks(text: str):
    field = target_of(WORDS, text)
    assert field.decode(field.encode(text)) == form(text)


# ------------------------------------------------------------------------------------------------------------- tokens


def test_tokens_stand_between_runs_of_blanks_or_exact_separators():
    assert Tokens().split("  k a  t ") == ["k", "a", "t"]
    assert Tokens(",").split("a,,b c") == ["a", "", "b c"]


@given(any_text)
@steadily
def test_tokens_come_back_with_single_separators(text: str):
    field = target_of(TOKENS, text)
    assert field.decode(field.encode(text)) == " ".join(form(text).split())
    field = target_of(TokensField(separator="a"), text)
    assert field.decode(field.encode(text)) == form(text)


# ----------------------------------------------------------------------------------------------------------- subwords

SENTENCES = ["ein Hund läuft über die Wiese.", "zwei Hunde laufen <s>schnell</s>", "x<s>x<s> <0x41>y<0x41>y", "▁▅\ufdd0 \t ende"] * 5


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def subword(request: pytest.FixtureRequest) -> TargetField:
    return target_of(TextField(unit="subword", subwords=request.param), *SENTENCES)


@given(text=any_text)
@example("<0x41>")
@example(" <s>x<s>  y")
@steadily
def test_text_comes_back_from_subwords_whatever_it_holds(subword: TargetField, text: str):
    ids = subword.encode(text)
    assert not set(ids.tolist()) & {PAD, BOS, EOS, UNK}
    assert subword.decode(ids) == form(text)
    assert subword.unknown(text) == []


@given(ids=st.lists(st.integers(0, 400)))
@steadily
def test_any_ids_decode_to_text(subword: TargetField, ids: list[int]):
    subword.decode(ids).encode()


@given(text=any_text)
@example("zwei Hunde laufen  <s>schnell</s> ")
@steadily
def test_the_subwords_of_a_text_are_those_of_its_parts(subword: TargetField, text: str):
    unit, text = subword.column.unit, form(text)
    assert unit.split(text) == [symbol for part in unit.parts(text) for symbol in unit.cut(part)]


@pytest.mark.parametrize("size", [280, 320])
def test_words_with_their_counts_teach_the_same_pieces_as_the_sentences(monkeypatch: pytest.MonkeyPatch, size: int):
    texts = [*SENTENCES[:3], "Hund  und\nHund", "wo<s>hl ☃☃ 1 22 333", "Hunde 1 laufen", ""] * 4
    config = TextField(unit="subword", max_size=size)
    of_words = Subwords.train(config, lambda: iter(texts))
    counts, sentences = subwords._survey(texts)
    material = {"sentence_iterator": subwords._sentences(texts, sentences, subwords._rare(counts, config))}
    monkeypatch.setattr(subwords, "_material", lambda *_: material)
    assert set(of_words.pieces) == set(Subwords.train(config, lambda: iter(texts)).pieces)


def test_of_very_many_words_the_rarest_are_not_learned_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subwords, "SAMPLE", 20)
    texts = [f"Hund {number} Wiese {number + 1}" for number in range(100)]
    words = subwords._words(texts)
    assert len(words) <= 20
    assert words["Hund"] == words["Wiese"] == 100


def test_subwords_begin_after_our_specials_and_frequent_words_are_whole():
    field = target_of(TextField(unit="subword", max_size=300), *SENTENCES)
    assert field.size <= 300
    assert [field.vocabulary.symbol(number) for number in range(5)] == ["<pad>", "<s>", "</s>", "<unk>", "<0x00>"]
    assert len(field.symbols("Hund")) < 4
    assert field.symbols("☃") == ["▁", "<0xE2>", "<0x98>", "<0x83>"]


def test_subwords_without_byte_fallback_do_not_know_new_characters():
    field = target_of(TextField(unit="subword", byte_fallback=False), *SENTENCES)
    assert field.unknown("ein ☃") == ["☃"]
    assert field.decode(field.encode("ein ☃")) == "ein <unk>"
    assert field.normalize("ein ☃  <0x41>") == "ein ☃  <0x41>"


def test_subwords_are_the_same_each_time_and_learning_prints_nothing(capfd: pytest.CaptureFixture[str]):
    for kind in ("bpe", "unigram"):
        config = TextField(unit="subword", subwords=kind)
        first, second = (fit(config, config, [(text, text) for text in SENTENCES], shared=True).state() for _ in range(2))
        assert first == second
    assert capfd.readouterr() == ("", "")


def test_a_rich_alphabet_leaves_room_for_subwords():
    texts = ["".join(chr(0x4E00 + (7 * start + step) % 900) for step in range(40)) for start in range(60)]
    field = target_of(TextField(unit="subword", max_size=600), *texts)
    assert field.size == 600
    assert field.decode(field.encode(texts[3])) == texts[3]


def test_a_size_without_room_for_subwords_is_refused():
    told = r"has no room for subwords; expected more than 261\. Raise it, or set byte_fallback to false, which spares 256\."
    with pytest.raises(ConfigError, match=f"max_size 100 {told}"):
        target_of(TextField(unit="subword", max_size=100), "a b")


def test_subwords_without_sentencepiece_say_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ConfigError, match=r"needs the package sentencepiece\. Run `pip install sentencepiece`"):
        target_of(TextField(unit="subword"), "a b")


# ---------------------------------------------------------------------------------------------------- several columns


def test_columns_are_joined_and_other_settings_have_a_namespace():
    source = fit([TextField(), TOKENS], TextField(), [(("Vau", "V PST"), "x")]).source
    assert source.symbols(("Vau", "V PST")) == ["V", "a", "u", "<sep>", "2:V", "2:PST"]
    ids = source.encode(("VV", "V"))
    assert ids.tolist() == [source.vocabulary.id("V")] * 2 + [SEP, source.vocabulary.id("2:V"), EOS]
    assert source.decode(ids) == "VV\tV"
    assert source.size == 4 + 1 + 3 + 2


def test_columns_with_the_same_settings_share_their_symbols():
    source = fit([TextField(), TOKENS, TextField(), TOKENS], TextField(), [(("a", "V", "b", "N"), "x")]).source
    assert source.symbols(("b", "N", "a", "V")) == ["b", "<sep>", "2:N", "<sep>", "a", "<sep>", "2:V"]
    assert source.unknown(("b", "N", "a", "V")) == []


def test_a_token_that_looks_like_a_namespace_is_not_one():
    source = fit([TOKENS, TokensField(lowercase=True)], TextField(), [(("2:v 1:v v", "v"), "x")]).source
    value = ("2:v 1:v v", "V")
    assert source.symbols(value) == ["1:2:v", "1:1:v", "v", "<sep>", "2:v"]
    assert len(set(source.encode(value).tolist())) == 6
    assert source.decode(source.encode(value)) == "2:v 1:v v\tv"


def test_each_column_has_its_own_least_count_and_size():
    source = fit([TextField(min_count=2), TokensField(max_size=1)], TextField(), [(("aab", "V V N"), "x")]).source
    assert source.unknown(("ab", "V N")) == ["b", "2:N"]


def test_another_number_of_columns_is_refused_with_the_line():
    with pytest.raises(DataError, match=r"pairs\.tsv:2: 1 source column; expected 2\. Give fields\.source an entry a column"):
        fit([TextField(), TOKENS], TextField(), [(("a", "V"), "x"), (("a",), "x")])
    source = fit([TextField(), TOKENS], TextField(), [(("a", "V"), "x")]).source
    for value in ("a", ("a", "b", "c")):
        with pytest.raises(DataError, match=r"source: (1 column|3 columns); expected 2\."):
            source.encode(value)


def test_both_sides_share_one_vocabulary_when_asked():
    for config in (TextField(), TextField(unit="subword")):
        fields = fit(config, config, [("ab", "xy")], shared=True)
        assert fields.source.vocabulary is fields.target.vocabulary
        assert fields.source.encode(("xa",))[:-1].tolist() == fields.target.encode("xa").tolist()
        assert fields.target.unknown("ab") == []


def test_sides_with_different_settings_cannot_share():
    for source in ([TextField(lowercase=True)], [TextField(), TOKENS]):
        with pytest.raises(ConfigError, match=r"fields\.shared: columns with different settings; .* Set shared to false"):
            Fields.fit(FieldsConfig(source=source, target=TextField(), shared=True), [])


# --------------------------------------------------------------------------------------------------------------- copy


def test_copied_symbols_have_their_target_ids_and_new_ones_follow_in_order():
    fields = fit(TOKENS, TOKENS, [("a b c", "b a")])
    size = fields.target.size
    ids, extra = fields.copy_ids(("a X b Y X",))
    assert ids.tolist() == [4, size, 5, size + 1, size, -1]
    assert ids.dtype == np.int64
    assert extra == ["X", "Y"]
    target = fields.encode_target("b Y Z X", extra)
    assert target.tolist() == [5, size + 1, UNK, size]
    assert fields.target.decode(target, extra) == "b Y <unk> X"


def test_tags_separators_and_the_end_cannot_be_copied():
    fields = fit([TextField(), TOKENS, TextField()], TextField(), [(("ab", "V", "c"), "abc")])
    value = ("ba", "V N", "c")
    ids, extra = fields.copy_ids(value)
    assert ids.tolist() == [5, 4, -1, -1, -1, -1, 6, -1]
    assert len(ids) == len(fields.source.encode(value))
    assert extra == []


def test_a_special_in_the_source_is_copied_as_text():
    fields = fit(TOKENS, TOKENS, [("a", "a")])
    ids, extra = fields.copy_ids(("<s> a",))
    assert (ids.tolist(), extra) == ([fields.target.size, 4, -1], ["<s>"])
    assert fields.target.decode(ids[:-1], extra) == "<s> a"


@given(any_text, any_text)
@steadily
def test_a_copied_source_reads_as_the_source(seen: str, text: str):
    for config in (TextField(), TextField(decompose=True), WORDS, TOKENS):
        fields = fit(config, config, [(seen, seen)])
        ids, extra = fields.copy_ids((text,))
        assert fields.target.decode(ids[:-1], extra) == fields.target.normalize(text)
        assert ids[:-1].tolist() == fields.encode_target(text, extra).tolist()


# -------------------------------------------------------------------------------------------------------------- state

KINDS: list[Any] = [
    ([TextField()], TextField(decompose=True), False),
    ([TextField(), TOKENS, TextField()], WORDS, False),
    ([TextField(unit="subword"), TOKENS], TextField(unit="subword", subwords="unigram"), False),
    ([TextField(unit="subword")] * 2, TextField(unit="subword"), True),
]


@pytest.mark.parametrize(("source", "target", "shared"), KINDS)
def test_saved_fields_do_the_same_again(source: Any, target: Any, shared: bool, tmp_path: Path):
    value = ("ein Hund", "V PST", "ein <s> 2:V")[: len(source)]
    fields = fit(source, target, [(value, "ein é Wort ￭")], shared=shared)
    path = tmp_path / "fields.json"
    fields.save(path)
    again = Fields.load(path)
    assert again.state() == fields.state() == json.loads(path.read_text("utf-8"))
    assert [again.source.encode(value).tolist(), again.target.encode("ein Wört").tolist()] == [
        fields.source.encode(value).tolist(),
        fields.target.encode("ein Wört").tolist(),
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["fields.json"]
    assert (again.source.vocabulary is again.target.vocabulary) == shared


def test_names_of_columns_are_kept():
    fields = Fields.fit(FieldsConfig(), iter([Pair(("a",), "b")]), names=["lemma"])
    assert Fields.from_state(fields.state()).names == ("lemma",)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fields = fit(TextField(), TextField(), [("a", "b")])
    path = tmp_path / "fields.json"
    fields.save(path)
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=r"fields\.json: no space left on the disk while saving"):
        fit(TextField(), TextField(), [("c", "d")]).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["fields.json"]


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ((), 5, "'format' is missing"),
        (("format",), 2, "format 2; expected 1"),
        (("format",), "1", "'format' is str; expected int"),
        (("config", "source"), [], "config.source"),
        (("config", "target", "kind"), "audio", "config.target"),
        (("config", "shared"), True, "fields.shared"),
        (("source", "vocabulary", "reserved"), ["<sep>"], "another number of columns; expected 1"),
        (("source", "subwords"), [], "another number of columns; expected 1"),
        (("target", "vocabulary", "symbols"), {}, "'symbols' is dict; expected list"),
        (("target", "subwords", 0), None, "the subword model is missing"),
        (("target", "subwords", 0), "%%%", "cannot be read"),
        (("target", "subwords", 0), "AAAA", "cannot be read"),
        (("target", "vocabulary", "symbols"), ["a"], "the subword model is of another vocabulary"),
        (("target", "subwords", 0), 7, "the subword model is missing"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(keys: tuple[Any, ...], value: Any, message: str, tmp_path: Path):
    state: Any = copy.deepcopy(_subword_state())
    place = state
    for key in keys[:-1]:
        place = place[key]
    if keys:
        place[keys[-1]] = value
    else:
        state = value
    path = tmp_path / "fields.json"
    path.write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        Fields.load(path)
    assert str(caught.value).startswith(f"{path}: fields: ") or "vocabulary: " in str(caught.value)
    assert "\n" not in str(caught.value)


def _subword_state() -> dict[str, Any]:
    return fit(TextField(), TextField(unit="subword"), [("ab", "ein Hund")]).state()


@given(st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_whatever_is_changed_in_a_state_it_loads_or_is_refused(data: st.DataObject):
    state: Any = _subword_state()
    place, key = state, data.draw(st.sampled_from(sorted(state)))
    while isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    junk = (
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.integers()) | st.dictionaries(st.text(), st.text())
    )
    if data.draw(st.booleans()) or isinstance(place, list):
        place[key] = data.draw(junk)
    else:
        del place[key]
    try:
        fields = Fields.from_state(state)
    except CheckpointError:
        return
    fields.target.decode(fields.target.encode("ein Hund ☃"))
    fields.copy_ids(("ein Hund",))


def test_a_bent_subword_model_is_refused_or_still_encodes():
    state: Any = _subword_state()
    model = state["target"]["subwords"][0]
    for cut in (4, 40, len(model) // 8 * 4):
        state["target"]["subwords"][0] = model[:cut]
        with pytest.raises(CheckpointError):
            Fields.from_state(state)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_not_json_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "fields.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"fields\.json: not JSON\. The file is damaged"):
        Fields.load(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"fields\.json: cannot be read \(No such file or directory\)"):
        Fields.load(tmp_path / "fields.json")


def test_fields_are_imported_without_torch_and_sentencepiece():
    code = "import sys, seqloom.fields; print(sorted({'torch', 'sentencepiece'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
