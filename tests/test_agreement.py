"""What runs must have alike to answer as one: the first difference is named, with what both have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seqloom.checkpoint import RunDirectory
from seqloom.config import FieldsConfig, RunConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.errors import ConfigError
from seqloom.fields.task import Fields
from seqloom.settings import build, override, read_settings
from seqloom.training.agreement import Part, differing_answers, refuse_disagreement

PAIRS = [("abc", "c b a"), ("bad", "d a b"), ("a", "a")]
TRAIN = (
    "Train on the same pairs with the same --dev, without which each seed holds out other pairs, with the same ready vocabularies, or all "
    "at once with --members."
)
USUAL = FieldsConfig(source=[TextField()], target=TokensField())


def part(name: str, *settings: str, fields: FieldsConfig = USUAL, pairs: Any = PAIRS) -> Part:
    rows = [Row((source,) if isinstance(source, str) else source, target, "") for source, target in pairs]
    config = RunConfig(fields=fields)
    return Part(RunDirectory(f"runs/{name}"), override(config, read_settings(settings)), Fields.fit(fields, rows))


def refusal(one: Part, other: Part) -> str:
    with pytest.raises(ConfigError) as caught:
        refuse_disagreement(one, other)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_kinds_sizes_and_training_of_networks_may_differ():
    other = part(
        "b", "model.encoder.kind=transformer", "model.decoder.kind=transformer", "model.attention.kind=multihead", "model.embedding=8",
        "seed=7", "training.epochs=3", "model.head.label_smoothing=0", "search.beam=2", "data.train=[b.tsv]",
    )  # fmt: skip
    refuse_disagreement(part("a"), other)


def test_how_a_vocabulary_was_learned_may_differ_where_it_is_the_same():
    few = FieldsConfig(source=[TextField(min_count=1, max_size=900)], target=TokensField())
    refuse_disagreement(part("a"), part("b", fields=few))


def test_a_ready_vocabulary_may_lie_in_another_place(tmp_path: Path):
    files = [tmp_path / name for name in ("here", "there", "other")]
    for file, symbols in zip(files, ("abcd", "abcd", "abdc"), strict=True):
        file.write_text("".join(f"{symbol}\n" for symbol in symbols), encoding="utf-8")
    fields = [FieldsConfig(source=[TextField()], target=TokensField(vocabulary=str(file))) for file in files]
    parts = [part(name, fields=each) for name, each in zip("abc", fields, strict=True)]
    refuse_disagreement(*parts[:2])
    assert refusal(parts[0], parts[2]).startswith("symbol 6 of the target: runs/a has 'c', runs/c has 'd'; runs that answer as one have")


def test_how_sounds_are_varied_in_training_may_differ():
    heard = [
        build({"fields": {"source": [{"kind": "audio", "augmentation": {"speed": speed}}]}}, where="test").fields for speed in (0.1, 0.2)
    ]
    parts = [
        Part(RunDirectory(f"runs/{name}"), RunConfig(fields=fields), Fields.from_state(sound_state(fields, 0.5)))
        for name, fields in zip("ab", heard, strict=True)
    ]
    refuse_disagreement(*parts)
    other = Part(RunDirectory("runs/b"), parts[1].config, Fields.from_state(sound_state(heard[1], 0.6)))
    assert refusal(parts[0], other).startswith("scales of the source: runs/a has its own, runs/b has others; runs that answer as one have")


def sound_state(fields: FieldsConfig, mean: float) -> dict[str, Any]:
    target = {"vocabulary": {"reserved": [], "symbols": ["a"]}, "subwords": [None]}
    return {
        "format": 1, "names": [], "config": fields.model_dump(mode="json"), "source": {"mean": [mean], "spread": [1.0]}, "target": target,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "what", "said"),
    [
        ("model.copy=true", "model.copy", "runs/a has false, runs/b has true"),
        ("model.head.ctc_weight=0.3", "a CTC head (model.head.ctc_weight above 0)", "runs/a has false, runs/b has true"),
        ("model.encoder.subsampling.kind=conv", "model.encoder.subsampling", "runs/a has none, runs/b has conv of 4"),
    ],
)
def test_where_networks_meet_they_must_be_alike(settings: str, what: str, said: str):
    expected = f"{what}: {said}; runs that answer as one have the same. Join runs that agree in it."
    assert refusal(part("a"), part("b", settings)) == expected


def test_units_and_kinds_of_fields_must_be_alike():
    words = FieldsConfig(source=[TextField(unit="word")], target=TokensField())
    found = refusal(part("a"), part("b", fields=words))
    assert found.startswith("fields.source.0.unit: runs/a has character, runs/b has word; ")
    texts = FieldsConfig(source=[TextField()], target=TextField())
    assert refusal(part("a"), part("b", fields=texts)).startswith("fields.target.kind: runs/a has tokens, runs/b has text; ")


def test_a_symbol_that_one_run_alone_knows_is_named():
    found = refusal(part("a"), part("b", pairs=[*PAIRS, ("xa", "a")]))
    assert found == f"symbols of the source: runs/a has 8, runs/b has 9 with 'x'; runs that answer as one have the same. {TRAIN}"
    found = refusal(part("a"), part("b", pairs=[*PAIRS, ("a", "y")]))
    assert found.startswith("symbols of the target: runs/a has 8, runs/b has 9 with 'y'; ")


def test_the_same_symbols_under_other_ids_are_refused():
    found = refusal(part("a"), part("b", pairs=[*PAIRS, ("ddd", "a")]))
    assert found == f"symbol 4 of the source: runs/a has 'a', runs/b has 'd'; runs that answer as one have the same. {TRAIN}"


def test_other_subwords_of_the_same_symbols_are_refused():
    fields = FieldsConfig(source=[TextField()], target=TextField(unit="subword", subwords="unigram", max_size=280))
    one, other = (part(name, fields=fields, pairs=PAIRS * times) for name, times in (("a", 3), ("b", 4)))
    assert one.fields.target.vocabulary.state() == other.fields.target.vocabulary.state()
    assert refusal(one, other).startswith("subwords of the target: runs/a has its own, runs/b has others; ")
    refuse_disagreement(one, part("b", fields=fields, pairs=PAIRS * 3))


def test_other_columns_are_refused():
    two = FieldsConfig(source=[TextField(), TokensField()], target=TokensField())
    pairs = [((source, "N PL"), target) for source, target in PAIRS]
    found = refusal(part("a"), part("b", fields=two, pairs=pairs))
    assert found.startswith("number of source columns: runs/a has 1, runs/b has 2; ")


def test_other_places_of_columns_are_refused_where_both_are_known():
    one, other = part("a", "data.source=[1]", "data.target=2"), part("b", "data.source=[2]", "data.target=1")
    assert refusal(one, other).startswith("data.source: runs/a has 1, runs/b has 2; ")
    assert refusal(one, part("b", "data.source=[1]", "data.target=3")).startswith("data.target: runs/a has 2, runs/b has 3; ")
    one, other = part("a", "data.source=[lemma,tags]", "data.target=form"), part("b", "data.source=[tags,lemma]", "data.target=form")
    expected = "data.source: runs/a has lemma, tags, runs/b has tags, lemma; runs that answer as one have the same. "
    assert refusal(one, other) == f"{expected}Join runs that read the same columns."
    refuse_disagreement(one, part("b"))
    refuse_disagreement(one, part("b", "data.source=[1]", "data.target=2"))


def test_the_other_direction_of_parallel_files_is_refused():
    one, other = part("a", "data.train=[x.en,x.de]"), part("b", "data.train=[x.de,x.en]")
    expected = (
        "data.train: runs/a has x.en, x.de, runs/b has x.de, x.en; runs that answer as one have the same. Join runs of one direction."
    )
    assert refusal(one, other) == expected
    refuse_disagreement(one, part("b", "data.train=[y.en,y.de]"))


def test_what_differs_in_search_and_limits_is_said():
    one, other = part("a", "search.beam=5"), part("b", "search.beam=3", "data.max_source_length=7", "data.max_target_length=9")
    assert differing_answers(one, one) == []
    assert differing_answers(one, other) == [
        "search.beam: 5, as in runs/a; runs/b has 3",
        "data.max_source_length: 5000, as in runs/a; runs/b has 7",
        "data.max_target_length: 2000, as in runs/a; runs/b has 9",
    ]
    assert all(re.fullmatch(r"[\w.]+: .*", line) for line in differing_answers(one, other))
