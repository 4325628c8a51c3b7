import re
from pathlib import Path

import pytest
import yaml

from seqloom.config import RunConfig, TokensField
from seqloom.config_file import dump_config, load_config, load_reasons
from seqloom.errors import ConfigError, MissingFileError
from seqloom.settings import override, read_settings


def changed(*texts: str) -> RunConfig:
    return override(RunConfig(), read_settings(texts))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# -------------------------------------------------------------------------------------------------------------- reading


def test_a_file_gives_what_it_says_and_defaults_for_the_rest(tmp_path: Path):
    path = written(tmp_path, "model:\n  dropout: 0.1\n  encoder: {kind: transformer, layers: 2}\nseed: 5\n")
    config = load_config(path)
    assert (config.model.dropout, config.model.encoder.kind, config.seed) == (0.1, "transformer", 5)
    assert config.training == RunConfig().training


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {dropot: 0.1}", "unknown setting 'model.dropot'. Did you mean 'model.dropout'?"),
        ("model: {encoder: {kind: recurrent, layer: 1}}", "unknown setting 'model.encoder.layer'. Did you mean 'model.encoder.layers'?"),
        ("- a\n- b", "holds list; expected keys such as data, model, training."),
        ("", "holds NoneType; expected keys such as data, model, training."),
        (
            "data:\n  corpus_1: {path_src: a}\nsrc_vocab: v.en\n",
            "a config of OpenNMT-py, which has 'src_vocab'; expected one of Seqloom. docs/coming-from.md says which setting each option",
        ),
        ("name: x\njoeynmt_version: 2.3.0\ntraining: {epochs: 3}\n", "a config of JoeyNMT, which has 'joeynmt_version'; expected one"),
        ("a: [1", "not YAML:"),
        ("model: {dropout: 2}", "model.dropout: Input should be less than 1; got 2."),
        ("model: {encoder: {heads: 2}}", "unknown setting 'model.encoder.heads'. Known here: bidirectional,"),
        (
            "fields: {source: [{kind: txt}]}",
            "fields.source.0: no kind 'txt'; expected one of text, tokens, audio, array.",
        ),
        ("3: 4", "unknown setting '3'."),
        ("? [a]\n: 1", "not YAML:"),
        ("search: {beam: 1, beam: 5}", "line 1: 'beam' stands in line 1 too."),
        (
            "data: {}\nmodel:\n  dropout: 0.1\n  width: 3\n  dropout: 0.2",
            "line 5: 'dropout' stands in line 3 too. Put the settings under one",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path: Path, text: str, message: str):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_part_without_a_kind_is_of_the_default_kind_until_another_is_set(tmp_path: Path):
    path = written(tmp_path, "model: {encoder: {layers: 2, bidirectional: false}}")
    assert load_config(path).model.encoder.kind == "recurrent"
    assert override(load_config(path), {"model.encoder.kind": "transformer"}).model.encoder.layers == 2


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path):
    with pytest.raises(
        MissingFileError, match=re.escape(f"{tmp_path / 'run.yaml'}: no such config file. `seqloom config PAIRS > run.yaml` writes")
    ):
        load_config(tmp_path / "run.yaml")
    path = tmp_path / "run.yaml"
    path.write_bytes(b"seed: \xff\xfe")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(path)


def test_yaml_cannot_run_code(tmp_path: Path):
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(written(tmp_path, "seed: !!python/object/apply:os.getpid []"))
    with pytest.raises(ConfigError):
        changed("seed=!!python/object/apply:os.getpid []")


# -------------------------------------------------------------------------------------------------------------- writing

ODD = [
    "1e4",
    "0o17",
    "-.5e3",
    "010",
    "",
    " ",
    "\t",
    "\n",
    "a: b",
    "# no comment",
    "- a",
    "'",
    '"',
    "null",
    "1e3",
    "ü∑",
    "\u2028",
    "a\nb\n",
    "\\",
    "{}",
    "[",
    "%",
    "@",
    "!x",
    "\r",
    "\x00",
]


@pytest.mark.parametrize("text", ODD)
def test_any_text_survives_being_written(tmp_path: Path, text: str):
    fields = RunConfig().fields.model_copy(update={"source": [TokensField(separator=text or "x")] * 2})
    config = RunConfig().model_copy(update={"fields": fields})
    config = config.model_copy(update={"data": config.data.model_copy(update={"delimiter": text, "train": [text, "b"], "target": text})})
    assert load_config(written(tmp_path, dump_config(config))) == config


def test_every_setting_is_written_and_read_back(tmp_path: Path):
    config = changed(
        "model.copy=true", "model.encoder.kind=transformer", "fields.source=[{kind: tokens, max_size: 5}, {kind: text, unit: word}]",
        "training.optimizer={kind: sgd, learning_rate: 1.0e-30}", "training.budget_seconds=900", "data.source=[a, 2]", "search.top_p=0.5",
    )  # fmt: skip
    text = dump_config(config)
    assert load_config(written(tmp_path, text)) == config
    assert yaml.safe_load(text) == config.model_dump(by_alias=True, mode="json")
    assert "copy_source" not in text


def test_reasons_stand_behind_their_settings_and_change_nothing(tmp_path: Path):
    reasons = {
        "seed": "as asked for",
        "model": "a # group",
        "model.encoder": "is\nbroken: over lines",
        "model.encoder.width": "'quoted' \"twice\" {",
        "fields.source.0.kind": "first",
        "fields.source.1.unit": "second",
        "fields.source": "two columns",
        "data.train": "a list",
        "nothing.here": "lost",
    }
    config = changed("fields.source=[{kind: tokens}, {kind: text, unit: word}]", "data.train=[a.tsv]")
    text = dump_config(config, reasons)
    assert load_config(written(tmp_path, text)) == config
    lines = text.splitlines()
    assert "seed: 1  # as asked for" in lines
    assert "model:  # a # group" in lines
    assert "  encoder:  # is broken: over lines" in lines
    assert "    width: 512  # 'quoted' \"twice\" {" in lines
    assert "  source:  # two columns" in lines
    assert "  - kind: tokens  # first" in lines or "    - kind: tokens  # first" in lines
    assert any(re.fullmatch(r" +unit: word  # second", line) for line in lines)
    assert "  train: [a.tsv]  # a list" in lines
    assert "lost" not in text


def test_names_that_old_yaml_takes_for_truths_times_and_numbers_stay_names(tmp_path: Path) -> None:
    data = changed("data.source=[no, en]", "data.target=2020-01-01", "data.header=True").data
    assert (data.source, data.target, data.header) == (["no", "en"], "2020-01-01", True)
    data = changed("data.source=[1:30, 1_000, 010, 0x10, 1e2]", "data.target=0b1").data
    assert (data.source, data.target) == (["1:30", "1_000", 10, 16, 100], "0b1")
    (tmp_path / "run.yaml").write_text("data:\n  source: [no, y]\n  target: off\n  header: false\n")
    data = load_config(tmp_path / "run.yaml").data
    assert (data.source, data.target, data.header) == (["no", "y"], "off", False)


def test_reasons_come_back_from_what_was_written(tmp_path: Path) -> None:
    config = override(RunConfig(), {"fields.source": [{"kind": "tokens", "separator": " # "}, {}], "model.dropout": 0.2})
    assert [field.kind for field in config.fields.source] == ["tokens", "text"], "the usual kind need not be named"
    reasons = {
        "seed": "as asked for",
        "fields.source.0": "pieces recur between ' # '",
        "fields.source.1": "short texts: '#' is one of 7 characters",
        "fields.target": "a group",
        "model.dropout": "few pairs # many symbols",
        "training.optimizer.betas": "a list",
        "training.max_steps": "nothing there",
    }
    path = tmp_path / "run.yaml"
    path.write_text(dump_config(config, reasons), encoding="utf-8")
    assert load_config(path) == config
    assert load_reasons(path) == reasons
    path.write_text(
        "# a page of one's own\nmodel: {dropout: 0.1}  # less\nsearch:\n  # not behind a setting\n  beam: 3 # wide\n  seed: 2#3\n"
    )
    assert load_reasons(path) == {"model": "less", "search.beam": "wide"}
    path.write_text("")
    assert load_reasons(path) == {}
