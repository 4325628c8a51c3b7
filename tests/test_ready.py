"""Ready vocabularies and subword models: what follows from them, what contradicts them, and runs that need their files no longer."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from stage import TINY, run

import seqloom
from seqloom.config import FieldsConfig, RunConfig, TextField, TokensField
from seqloom.config_file import load_config, load_reasons
from seqloom.errors import ConfigError
from seqloom.export import export
from seqloom.fields.ready import settled
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import SPECIALS
from seqloom.loading import load
from seqloom.planning.asked import asked_for
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import override, read_settings
from seqloom.site import check_kinds

ANIMALS = ("dog", "cat", "horse", "hen", "cow", "pig")
NAMES = ("Hund", "Katze", "Pferd", "Huhn", "Kuh", "Schwein")


def sentences(count: int) -> list[tuple[str, str]]:
    draw, pairs = random.Random(1), list[tuple[str, str]]()
    for _ in range(count):
        one, two = draw.sample(range(len(ANIMALS)), 2)
        words = (ANIMALS[one], ANIMALS[two]), (NAMES[one], NAMES[two])
        pairs.append((f"the {words[0][0]} sees the other {words[0][1]} there", f"da sieht ein {words[1][0]} noch ein {words[1][1]}"))
    return pairs


TRAIN, DEV = sentences(80), sentences(100)[80:]
SOURCE = ["the", "sees", "other", "there", *ANIMALS]
TARGET = ["da", "sieht", "ein", "noch", *NAMES[:5]]


def listed(path: Path, symbols: list[str]) -> str:
    path.write_text("<unk>\n<pad>\n<s>\n</s>\n" + "".join(f"{symbol}\n" for symbol in symbols), encoding="utf-8")
    return str(path)


def model_of(path: Path, texts: list[str], **options: object) -> str:
    writer = io.BytesIO()
    asked = {"vocab_size": 60, "hard_vocab_limit": False, "minloglevel": 2} | options
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=writer, **asked)
    path.write_bytes(writer.getvalue())
    return str(path)


@pytest.fixture
def vocabularies(tmp_path: Path) -> list[str]:
    source, target = listed(tmp_path / "v.src", SOURCE), listed(tmp_path / "v.tgt", TARGET)
    return [f"fields.source.0.vocabulary={source}", f"fields.target.vocabulary={target}"]


@pytest.fixture
def joint(tmp_path: Path) -> str:
    return model_of(tmp_path / "joint.model", [text for pair in TRAIN for text in pair], model_type="bpe")


def said_by(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for text in capsys.readouterr() for line in text.splitlines()]


def planned(settings: list[str] | dict[str, Any]) -> Plan:
    return make_plan(TRAIN, dev=DEV, settings=asked_for(settings))


def test_a_vocabulary_of_words_makes_tokens_and_the_rest_is_chosen_for_them(vocabularies: list[str]):
    plan = planned(vocabularies)
    assert [part.kind for part in (*plan.config.fields.source, plan.config.fields.target)] == ["tokens", "tokens"]
    assert not plan.config.fields.shared
    assert plan.config.model.tie_embeddings == "target"
    assert plan.config.training.early_stopping.metric == "token_error_rate"
    assert plan.reasons["fields.source.0"].startswith("the 10 symbols of ")
    assert plan.reasons["fields.source.0.vocabulary"] == "as asked for"


def test_a_file_may_be_named_in_a_dictionary_as_a_path_in_quotes_or_in_a_group(vocabularies: list[str]):
    file = vocabularies[0].partition("=")[2]
    for value in (file, Path(file)):
        assert planned({"fields": {"source.0": {"vocabulary": value}}}).config.fields.source == [TokensField(vocabulary=file)]
    for setting in (f'fields.source.0.vocabulary="{file}"', f"fields.source.0={{kind: tokens, vocabulary: {file}}}"):
        assert planned([setting]).config.fields.source == [TokensField(vocabulary=file)]
    assert planned([*vocabularies[:1], "fields.source.0.vocabulary=null"]).config == planned(["fields.source.0.vocabulary="]).config


def test_a_vocabulary_of_letters_makes_characters_where_texts_are_no_tokens(tmp_path: Path):
    letters = listed(tmp_path / "letters", sorted({letter for source, _ in TRAIN for letter in source}))
    field = planned([f"fields.source.0.vocabulary={letters}"]).config.fields.source[0]
    assert isinstance(field, TextField)
    assert field.unit == "character"


@pytest.mark.parametrize(("kind", "expected"), [("tokens", "tokens"), ("text", "word"), (None, "tokens")])
def test_a_kind_that_is_asked_for_stays(kind: str | None, expected: str, tmp_path: Path):
    closed, spelled = TRAIN, [(f"a{number}b c{number}", f"d{number} e{number}f") for number in range(90)]
    for pairs in (closed, spelled):
        source, target = (
            f"fields.{side}.vocabulary={listed(tmp_path / side, sorted({word for pair in pairs for word in pair[place].split()}))}"
            for place, side in enumerate(("source.0", "target"))
        )
        kinds = [f"fields.{side}.kind={kind}" for side in ("source.0", "target")] if kind else []
        for settings in ([source, *kinds[:1]], [*kinds[:1], source], [source, target, *kinds]):
            fields = make_plan(pairs, dev=pairs[:5], settings=read_settings(settings)).config.fields
            asked = [*fields.source, fields.target][: sum("vocabulary" in item for item in settings)]
            assert [part.unit if isinstance(part, TextField) else part.kind for part in asked] == [expected] * len(asked)
            assert all(isinstance(part, (TextField, TokensField)) and part.vocabulary for part in asked)


def test_a_kind_that_contradicts_the_file_is_refused_in_what_was_said(vocabularies: list[str], joint: str):
    with pytest.raises(ConfigError, match=r"unknown setting 'fields\.source\.0\.model'"):
        planned([f"fields.source.0.model={joint}", "fields.source.0.kind=tokens"])
    with pytest.raises(ConfigError, match=r"unknown setting 'fields\.source\.0\.unit'"):
        planned([vocabularies[0], "fields.source.0.kind=tokens", "fields.source.0.unit=word"])


def test_a_unit_that_is_asked_for_stays(tmp_path: Path):
    settings = [f"fields.source.0.vocabulary={listed(tmp_path / 'v', SOURCE)}", "fields.source.0.unit=word"]
    field = planned(settings).config.fields.source[0]
    assert isinstance(field, TextField)
    assert field.unit == "word"
    assert field.max_size is None


def test_the_vocabulary_of_a_run_is_that_of_the_file_in_its_order(vocabularies: list[str]):
    fields = Fields.fit(planned(vocabularies).config.fields, [])
    assert [fields.source.vocabulary.symbol(number) for number in range(len(fields.source.vocabulary))] == [*SPECIALS, *SOURCE]
    assert fields.target.decode(fields.target.encode("da sieht ein Schwein")) == "da sieht ein <unk>"


def test_one_model_for_both_sides_is_one_vocabulary(joint: str):
    plan = planned([f"fields.source.0.model={joint}", f"fields.target.model={joint}"])
    fields = plan.config.fields
    assert fields.shared
    assert plan.config.model.tie_embeddings == "all"
    assert isinstance(fields.target, TextField)
    assert (fields.target.subwords, fields.target.byte_fallback) == ("bpe", False)
    assert fields.target.normalization == "NFKC"
    assert plan.reasons["fields.target.normalization"] == f"as {joint} says"
    assert fields.source[0] == fields.target
    assert fields.target.max_size is None


def test_of_two_files_each_side_has_its_own(joint: str, tmp_path: Path):
    other = model_of(tmp_path / "other.model", [target for _, target in TRAIN])
    fields = planned([f"fields.source.0.model={joint}", f"fields.target.model={other}"]).config.fields
    assert not fields.shared
    assert isinstance(fields.target, TextField)
    assert fields.target.subwords == "unigram"


def test_a_config_file_says_of_a_model_its_file_alone(joint: str, tmp_path: Path):
    path = tmp_path / "run.yaml"
    path.write_text(f"fields:\n  source: [{{unit: subword, model: {joint}}}]\n", encoding="utf-8")
    field = make_plan(TRAIN, dev=DEV, config=path).config.fields.source[0]
    assert isinstance(field, TextField)
    assert (field.normalization, field.byte_fallback) == ("NFKC", False)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"model": "x.model"}, "fields.source.0: model is a sentencepiece model, for unit 'subword'; got unit 'character'"),
        (
            {"unit": "subword", "vocabulary": "x"},
            "fields.source.0: vocabulary is for characters, words and tokens; for unit 'subword' give a sentencepiece model, as model",
        ),
        ({"vocabulary": "x", "min_count": 2}, "fields.source.0: vocabulary holds the symbols as they are; expected min_count 1, got 2"),
    ],
)
def test_settings_that_contradict_a_ready_file_are_refused(field: dict[str, object], message: str):
    settings = [f"fields.source.0.{key}={value}" for key, value in field.items()]
    with pytest.raises(ConfigError) as error:
        override(RunConfig(), read_settings(settings))
    assert str(error.value) == f"--set: {message}. docs/config.md lists what is allowed."


def test_another_size_and_another_file_for_a_shared_vocabulary_are_refused(joint: str, tmp_path: Path):
    path = listed(tmp_path / "v", SOURCE)
    with pytest.raises(ConfigError) as error:
        settled(FieldsConfig(source=[TokensField(vocabulary=path, max_size=500)]))
    assert str(error.value) == f"fields.source.0.max_size: 500; {path} has 10 symbols. Leave max_size out, it follows the file."
    assert settled(FieldsConfig(source=[TokensField(vocabulary=path, max_size=10)]))[0].source[0].kind == "tokens"
    with pytest.raises(ConfigError) as error:
        planned([f"fields.source.0.model={joint}", "fields.shared=true"])
    named = f"the fields name fields.source.0 {joint}, fields.target none. Give all the same file, or set shared to false."
    assert str(error.value) == f"fields.shared: one vocabulary for all; {named}"


def test_a_file_that_cannot_be_used_ends_the_command_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "run"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in TRAIN), encoding="utf-8")
    assert run("train", pairs, "--out", out, "--set", f"fields.source.0.model={pairs}") == 2
    said = "not a sentencepiece model; expected the file .model that spm_train wrote. Name that file, or copy it again."
    assert capsys.readouterr().err.endswith(f"error: {pairs}: {said}\n")
    assert not out.exists()


def test_a_run_needs_its_ready_files_no_longer_be_it_asked_exported_or_begun_with(joint: str, vocabularies: list[str], tmp_path: Path):
    settings = [vocabularies[0], f"fields.target.model={joint}", *TINY]
    model = seqloom.train(TRAIN, dev=DEV, out=tmp_path / "run", settings=settings, quiet=True)
    sources = [source for source, _ in DEV[:4]]
    said = model.predict(sources)
    for file in (joint, vocabularies[0].partition("=")[2]):
        Path(file).unlink()
    export(tmp_path / "run", tmp_path / "exported")
    assert load(tmp_path / "run").predict(sources) == said
    assert load(tmp_path / "exported").predict(sources) == said
    new = [("the zebra sees", "da sieht ein Zebra"), *TRAIN[:20]]
    begun = seqloom.train(new, dev=DEV, out=tmp_path / "new", start_from=tmp_path / "run", settings=["training.max_steps=2"], quiet=True)
    assert begun.fields.source.size == len(SPECIALS) + len(SOURCE)  # what was given whole does not grow


def test_what_a_ready_vocabulary_lacks_is_counted(vocabularies: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in TRAIN), encoding="utf-8")
    settings = [part for item in (*vocabularies, *TINY, "data.repeats=all") for part in ("--set", item)]
    assert run("train", pairs, "--dev", pairs, "--out", tmp_path / "run", *settings) == 0
    share = sum(target.split().count("Schwein") for _, target in TRAIN) / sum(len(target.split()) for _, target in TRAIN)
    line = f"note: {share:.1%} of the target's symbols in training are not in {tmp_path / 'v.tgt'}, and become <unk>"
    shown = said_by(capsys)
    assert line in shown
    assert not any("of the source's symbols" in said for said in shown)
    listed(tmp_path / "v.src", [word.upper() for word in SOURCE])
    assert run("train", pairs, "--dev", pairs, "--out", tmp_path / "run", "--overwrite", *settings) == 0
    advice = "Is it of text that is cut or written in another way (fields.*.kind, unit, lowercase)?"
    line = f"warning: 100.0% of the source's symbols in training are not in {tmp_path / 'v.src'}, and become <unk>. {advice}"
    assert line in said_by(capsys)


def test_the_reasons_stand_in_the_config_of_the_run(joint: str, tmp_path: Path):
    settings = [f"fields.source.0.model={joint}", f"fields.target.model={joint}", *TINY]
    seqloom.train(TRAIN, dev=DEV, out=tmp_path / "run", settings=settings, quiet=True)
    reasons = load_reasons(tmp_path / "run" / "config.yaml")
    assert reasons["fields.source.0.byte_fallback"] == f"as {joint} says"
    assert load_config(tmp_path / "run" / "config.yaml").fields.shared


def test_a_model_with_symbols_of_its_own_is_refused_for_a_site(tmp_path: Path):
    path = model_of(tmp_path / "own.model", [source for source, _ in TRAIN], user_defined_symbols="<2de>")
    config, _ = settled(FieldsConfig(source=[TextField(unit="subword", model=path)]))
    Fields.fit(config, []).save(tmp_path / "fields.json")
    with pytest.raises(ConfigError) as error:
        check_kinds(tmp_path)
    why = "its sentencepiece model has user_defined_symbols, which the page does not know"
    assert str(error.value) == f"--web: {tmp_path}: {why}; expected a model without. Serve it with `seqloom serve`."
