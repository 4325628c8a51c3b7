from typing import Any

import pytest

from seqloom.config import RunConfig, SearchConfig, TokensField
from seqloom.errors import ConfigError
from seqloom.settings import (
    build,
    changed_search,
    only,
    override,
    override_search,
    read_settings,
    said_by,
    setting,
    shown,
    together,
    without,
)


def changed(*texts: str) -> RunConfig:
    return override(RunConfig(), read_settings(texts))


def refusal(*texts: str) -> str:
    with pytest.raises(ConfigError) as caught:
        changed(*texts)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("model.encoder.layers=2", "model.encoder.layers", 2),
        ("seed=7", "seed", 7),
        ("model.dropout=0.25", "model.dropout", 0.25),
        ("training.optimizer.learning_rate=1e-4", "training.optimizer.learning_rate", 1e-4),
        ("training.optimizer.learning_rate=5e3", "training.optimizer.learning_rate", 5000.0),
        ("training.optimizer.betas=[0.5, 0.6]", "training.optimizer.betas", (0.5, 0.6)),
        ("training.optimizer.betas.1=0.7", "training.optimizer.betas", (0.9, 0.7)),
        ("model.copy=true", "model.copy_source", True),
        ("data.header=false", "data.header", False),
        ("data.train=[a.txt, b c.txt]", "data.train", ["a.txt", "b c.txt"]),
        ("data.source=[lemma, 3]", "data.source", ["lemma", 3]),
        ("data.target=2", "data.target", 2),
        ("data.target=tag", "data.target", "tag"),
        ("data.target=null", "data.target", None),
        ("training.clip_norm=", "training.clip_norm", None),
        ("training.early_stopping.metric=exact_match", "training.early_stopping.metric", "exact_match"),
        ("training.budget_seconds=90", "training.budget_seconds", 90.0),
        ("search.top_p=1", "search.top_p", 1.0),
        ("data.delimiter='a=b'", "data.delimiter", "a=b"),
        ('data.delimiter="\\t"', "data.delimiter", "\t"),
    ],
)
def test_one_value_is_changed(text: str, path: str, value: object):
    config: Any = changed(text)
    for name in path.split("."):
        config = getattr(config, name)
    assert config == value
    assert type(config) is type(value)


def test_the_rest_stays_and_the_given_config_is_not_touched():
    before = RunConfig()
    after = override(before, {"model.dropout": 0.5})
    assert before == RunConfig()
    assert after.model.model_copy(update={"dropout": 0.3}) == before.model
    assert after.training == before.training


def test_later_texts_win():
    assert changed("seed=1", "seed=5").seed == 5


def test_another_kind_keeps_what_both_have_and_takes_its_defaults_for_the_rest():
    config = changed("model.encoder.width=96", "model.encoder.layers=5", "model.encoder.kind=transformer")
    assert config.model.encoder.model_dump() == {
        "kind": "transformer",
        "layers": 5,
        "width": 96,
        "heads": 4,
        "feed_forward": 1024,
        "subsampling": {"kind": "none"},
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("model.decoder.kind=transformer", "model.decoder"),
        ("model.attention.kind=none", "model.attention"),
        ("model.attention.kind=additive", "model.attention"),
        ("training.optimizer.kind=sgd", "training.optimizer"),
        ("training.optimizer.kind=adam", "training.optimizer"),
        ("training.schedule.kind=constant", "training.schedule"),
        ("training.schedule.kind=plateau", "training.schedule"),
        ("fields.target.kind=tokens", "fields.target"),
        ("search.kind=sample", "search"),
    ],
)
def test_every_part_changes_its_kind(text: str, kind: str):
    config: Any = changed(text)
    for name in kind.split("."):
        config = getattr(config, name)
    assert config.kind == text.partition("=")[2]


def test_the_settings_of_a_new_kind_may_stand_before_it():
    config = changed(
        "training.optimizer.momentum=0.9", "training.optimizer.kind=sgd", "fields.source.0.separator=/", "fields.source.0.kind=tokens"
    )
    assert config.training.optimizer.model_dump() == {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    assert config.fields.source == [TokensField(separator="/")]


def test_an_optimizer_of_another_kind_has_its_own_learning_rate_unless_one_is_given():
    rate = "training.optimizer.learning_rate=0.004"
    chosen = changed(rate)
    assert override(chosen, {"training.optimizer.kind": "sgd"}).training.optimizer.learning_rate == 0.1
    assert override(chosen, {"training.optimizer.kind": "adam"}).training.optimizer.learning_rate == 0.004
    both = {"training.optimizer.learning_rate": 0.5, "training.optimizer.kind": "sgd"}
    assert override(chosen, both).training.optimizer.learning_rate == 0.5
    assert override(chosen, {"training.optimizer.kind": "adamw"}).training.optimizer.learning_rate == 0.004


def test_a_whole_part_can_be_given():
    config = changed("model.attention={kind: additive, width: 5}", "fields.source=[{kind: tokens}, {kind: text, unit: word}]")
    assert config.model.attention.model_dump() == {"kind": "additive", "width": 5}
    assert [field.kind for field in config.fields.source] == ["tokens", "text"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.encoder.layer=2", "--set: unknown setting 'model.encoder.layer'. Did you mean 'model.encoder.layers'?"),
        ("modle.dropout=2", "--set: unknown setting 'modle'. Did you mean 'model'?"),
        ("training.batch.sizes=9", "--set: unknown setting 'training.batch.sizes'. Did you mean 'training.batch.size'?"),
        ("model.copy_source=true", "--set: unknown setting 'model.copy_source'."),
        ("fields.source.0.uint=word", "--set: unknown setting 'fields.source.0.uint'. Did you mean 'fields.source.0.unit'?"),
        (
            "training.optimizer.momentum=0.5",
            "--set: unknown setting 'training.optimizer.momentum'. Known here: betas, kind, learning_rate, weight_decay.",
        ),
        ("search.zzz=1", "--set: unknown setting 'search.zzz'. Known here: beam,"),
        ("model.dropout", "--set model.dropout: expected key=value, as in --set model.dropout=0.2."),
        ("=3", "--set =3: expected key=value"),
        ("seed.x=3", "--set seed: 'seed' is a value, not a group of settings."),
        ("fields.source.1.unit=word", "--set fields.source.1: expected a number from 0 to 0, got '1'."),
        ("fields.source.first=word", "--set fields.source.first: expected a number from 0 to 0, got 'first'."),
        ("fields.source.².unit=word", "--set fields.source.²: expected a number from 0 to 0, got '²'."),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(text: str, message: str):
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.dropout=1", "--set: model.dropout: Input should be less than 1; got 1."),
        ("model.dropout=-0.1", "--set: model.dropout: Input should be greater than or equal to 0; got -0.1."),
        ("model.encoder.layers=0", "--set: model.encoder.layers: Input should be greater than or equal to 1; got 0."),
        ("model.encoder.width=7", "--set: model.encoder: width must be even for two directions; got 7."),
        (
            "training.batch.size=many",
            "--set: training.batch.size: Input should be a valid integer, unable to parse string as an integer; got 'many'.",
        ),
        ("training.precision=half", "--set: training.precision: Input should be 'auto', 'float32' or 'bfloat16'; got 'half'."),
        ("data.hold_out=0.5", "--set: data.hold_out: Input should be less than 0.5; got 0.5."),
        ("model.tie_embeddings=all", "--set: model.tie_embeddings 'all' needs one vocabulary; set fields.shared to true, or use 'target'."),
        ("model=3", "--set: model: "),
        ("fields.source=[]", "--set: fields.source: List should have at least 1 item"),
        ("training.epochs=.inf", "--set: training.epochs: Input should be a finite number; got inf."),
        ("training.optimizer.learning_rate=.nan", "--set: training.optimizer.learning_rate: Input should be a finite number; got nan."),
        ("search.max_length_ratio=1e300", "--set: search.max_length_ratio: Input should be less than or equal to 100000; got 1e+300."),
        ("search.temperature=1e30", "--set: search.temperature: Input should be less than or equal to 100; got 1e+30."),
        ("training.optimizer.betas=[0.5]", "--set: training.optimizer.betas.1: Field required"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_place_and_value(text: str, message: str):
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["model.copy=true", "model.attention.kind=none"],
            "--set: model: copy needs an attention to point with; got attention kind 'none'.",
        ),
        (
            ["model.attention.kind=multihead", "model.attention.heads=7"],
            "--set: model: attention.heads must divide decoder.width (512); got 7.",
        ),
        (["model.encoder.kind=transformer", "model.encoder.heads=3"], "--set: model.encoder: heads must divide width (512); got 3."),
        (
            ["model.decoder.start=copy"],
            "--set: model: decoder.start 'copy' needs a recurrent encoder of one direction; set decoder.start to 'bridge'.",
        ),
        (
            ["model.decoder.start=copy", "model.encoder.bidirectional=false", "model.encoder.layers=2"],
            "--set: model: decoder.start 'copy' needs the encoder's layers (2); got 1. Set decoder.start to 'bridge'.",
        ),
        (
            ["model.encoder.kind=convolution"],
            "--set: model.encoder: no kind 'convolution'; expected one of recurrent, transformer. One of your own needs its file",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(texts: list[str], message: str):
    assert refusal(*texts).startswith(message)


def test_the_length_of_a_list_is_kept_within_it():
    assert refusal("data.train.0=a.tsv") == "--set data.train.0: the list is empty; give it whole, as in --set data.train=[...]."


def test_building_does_not_change_the_mapping_that_is_given():
    tree = {"model": {"dropout": 0.1}}
    asked = {"model.dropout": 0.2, "fields.source": [{"unit": "word"}], "fields.source.0.lowercase": True}
    build(tree, asked, where="here")
    assert tree == {"model": {"dropout": 0.1}}
    assert asked == {"model.dropout": 0.2, "fields.source": [{"unit": "word"}], "fields.source.0.lowercase": True}


def test_a_mark_that_yaml_reads_as_nothing_is_taken_as_it_is() -> None:
    for mark in ("|", "#", "~"):
        assert changed(f"data.delimiter={mark}").data.delimiter == mark
    assert changed("data.delimiter=null").data.delimiter is None


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed: Input should be greater than or equal to 0; got -1"):
        override(RunConfig(), {"seed": -1})


def test_settings_are_told_one_by_one_and_the_last_of_a_name_holds():
    asked = read_settings([" a.b = 1", "c={d: 2, e: {f: [1, {g: 3}]}}", "a.b=x y", "h={}", "i=#", "j={0: null}"])
    assert [*asked.items()] == [("c.d", 2), ("c.e.f", [1, {"g": 3}]), ("a.b", "x y"), ("h", {}), ("i", "#"), ("j.0", None)]
    assert [*together(asked, {"c.d": 3}).items()][-1] == ("c.d", 3)
    assert said_by({"a": [{"b": 1}, {"c": 2}], "d": [1, 2]}) == {"a.0.b": 1, "a.1.c": 2, "d": [1, 2]}


def test_a_name_stands_for_its_group_and_for_no_longer_name():
    asked = {"model.encoder.kind": "transformer", "model.encoder": 1, "model.encoders": 2, "model.encoder_x.kind": 3, "seed": 4}
    assert only(asked, "model.encoder", "see") == {"model.encoder.kind": "transformer", "model.encoder": 1}
    assert without(asked, "model.encoder", "seed") == {"model.encoders": 2, "model.encoder_x.kind": 3}


@pytest.mark.parametrize(
    "text", ["search.beam=3", "data.header=true", "data.target=a b", "data.source=[1, 2]", "data.target=null", "x.y=[{a: ä}, 0.5]"]
)
def test_a_setting_is_shown_as_it_was_written(text: str):
    assert shown(read_settings([text, "seed=1"])) == text


@pytest.mark.parametrize(
    ("before", "kind", "key", "value"),
    [
        (
            "training.schedule={kind: constant, warmup_steps: 0}",
            "training.schedule.kind=inverse_sqrt",
            "training.schedule.warmup_steps",
            1000,
        ),
        ("fields.source.0.normalization=NFC", "fields.source.0.kind=audio", "fields.source.0.normalization", "training"),
    ],
)
def test_a_value_that_another_kind_does_not_take_is_its_default(before: str, kind: str, key: str, value: object):
    """It was refused, though nobody had set it beside that kind."""
    assert setting(override(changed(before), read_settings([kind])), key) == value


def test_so_many_hypotheses_of_a_greedy_search_are_a_beam():
    """It did nothing, without a word, where `--beam 3` did."""
    greedy = SearchConfig(kind="greedy")
    assert override_search(greedy, {"search.beam": 3}) == changed_search(greedy, {"beam": 3}, where="predict")
    assert override_search(greedy, {"search.beam": 3}) == SearchConfig(kind="beam", beam=3)
    assert override_search(greedy, {"search.beam": 3, "search.kind": "greedy"}).kind == "greedy"


@pytest.mark.parametrize("blanks", [" ", "  ", "\t"])
def test_a_value_of_blanks_alone_stays(blanks: str):
    """A delimiter of one blank was taken away, and the file read at tabs."""
    assert read_settings([f"data.delimiter={blanks}"]) == {"data.delimiter": blanks}


def test_a_ratio_of_lengths_that_is_asked_for_decides_in_place_of_a_length():
    search = SearchConfig(max_length=38, max_length_ratio=1.0)
    assert changed_search(search, {"max_length_ratio": 3.0}, where="--set").max_length is None
    assert changed_search(search, {"max_length_ratio": 3.0, "max_length": 9}, where="--set").max_length == 9
    assert changed_search(search, {"beam": 3}, where="--set").max_length == 38
