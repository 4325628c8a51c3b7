"""From files, pairs and settings to a plan, without torch."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from seqloom.config_file import dump_config
from seqloom.errors import ConfigError, DataError, MissingFileError
from seqloom.planning.plan import make_plan
from seqloom.settings import read_settings, setting

PAIRS = [(f"a{'bc'[n % 2]}{n}", f"x{n}") for n in range(60)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text("left,right,note\n" + "".join(f"{source},{target},n\n" for source, target in PAIRS), encoding="utf-8")
    return path


def test_pairs_and_two_lists_give_the_same_plan() -> None:
    pairs, lists = make_plan(PAIRS), make_plan([source for source, _ in PAIRS], [target for _, target in PAIRS])
    assert list(pairs.train) == list(lists.train)
    assert pairs.dev == lists.dev
    assert pairs.config == lists.config


def test_dev_pairs_are_held_out_once_and_the_same_each_time() -> None:
    plan = make_plan(PAIRS)
    sources = {row.source for row in plan.train}
    assert plan.dev
    assert not sources & {row.source for row in plan.dev}
    assert len(sources) + len(plan.dev) == len(PAIRS)
    assert make_plan(PAIRS).dev == plan.dev
    assert make_plan(PAIRS, seed=2).dev != plan.dev


def test_pairs_in_memory_with_an_empty_side_go_by_where_that_is_wanted() -> None:
    plan = make_plan([*PAIRS, ("", "x"), ("x", "")], settings={"data.skip_bad": True})
    assert len(list(plan.train)) + len(plan.dev) == len(PAIRS)
    assert f"1 row with an empty source went by, the first at pairs:{len(PAIRS) + 1}." in plan.notes


def test_given_dev_pairs_are_used_and_their_overlap_with_training_is_said() -> None:
    plan = make_plan(PAIRS, dev=PAIRS[:3])
    assert [row.target for row in plan.dev] == ["x0", "x1", "x2"]
    assert any("3 of 3 dev rows" in warning for warning in plan.warnings)
    assert not any("dev rows" in note for note in plan.notes)


def test_a_few_dev_pairs_that_training_has_too_are_no_more_than_noted() -> None:
    plan = make_plan(PAIRS, dev=[PAIRS[0], *((f"new {number}", "x") for number in range(10))])
    assert any("1 of 11 dev rows" in note for note in plan.notes)
    assert plan.warnings == []


def test_columns_by_name_are_kept_in_the_config(table: Path) -> None:
    plan = make_plan(table, source="left", target="right")
    assert (plan.config.data.source, plan.config.data.target, plan.config.data.header) == (["left"], "right", True)
    assert make_plan(table, source=["1"], target="2").config.data == plan.config.data, "what was found stays, not what was asked for"
    assert make_plan(table, source=[1, 3], target=2).config.data.source == ["left", "note"]
    assert plan.config.data.train == [str(table)]


def test_settings_are_laid_over_what_was_chosen_and_their_reason_says_so() -> None:
    plan = make_plan(PAIRS, settings={"model.dropout": 0.25}, budget="2m", seed=5)
    assert (plan.config.model.dropout, plan.config.training.budget_seconds, plan.config.seed) == (0.25, 120, 5)
    assert plan.reasons["model.dropout"] == "as asked for"


def test_a_target_that_is_cut_as_asked_is_judged_by_what_fits_it() -> None:
    for name, value, metric in (("kind", "tokens", "token_error_rate"), ("unit", "subword", "character_error_rate")):
        assert make_plan(PAIRS, settings={f"fields.target.{name}": value}).config.training.early_stopping.metric == metric
    words = [(source, f"{target} y z {source}") for source, target in PAIRS]
    assert make_plan(words).config.training.early_stopping.metric == "character_error_rate"
    plan = make_plan(words, settings={"fields.target.unit": "subword"})
    assert plan.config.training.early_stopping.metric == "bleu"
    assert plan.reasons["training.early_stopping.metric"] == "targets are sentences"
    asked = {"fields.target.unit": "subword", "training.early_stopping.metric": "chrf"}
    assert make_plan(words, settings=asked).config.training.early_stopping.metric == "chrf"


def test_a_budget_counts_in_the_choices_however_it_is_given() -> None:
    by_argument, by_setting = make_plan(PAIRS, budget="2s"), make_plan(PAIRS, settings={"training.budget_seconds": 2})
    assert by_argument.config == by_setting.config
    assert by_argument.reasons == by_setting.reasons


def test_a_config_replaces_the_choices(tmp_path: Path, table: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"data: {{train: [{table}], source: [left], target: right}}\nmodel: {{dropout: 0.11}}\n", encoding="utf-8")
    plan = make_plan(config=path)
    assert plan.config.model.dropout == 0.11
    assert len(list(plan.train)) + len(plan.dev) == len(PAIRS)


def test_a_written_config_keeps_its_reasons_but_those_of_values_that_were_changed(tmp_path: Path) -> None:
    chosen, path = make_plan(PAIRS, budget="5m"), tmp_path / "run.yaml"
    written = dump_config(chosen.config, chosen.reasons)
    path.write_text(written, encoding="utf-8")
    followed = make_plan(PAIRS, config=path)
    assert (followed.config, followed.reasons) == (chosen.config, chosen.reasons)
    assert followed.estimates_length
    assert f"  dropout: 0.4  # {chosen.reasons['model.dropout']}\n" in written
    path.write_text(written.replace("  dropout: 0.4  #", "  dropout: 0.1  #").replace("  patience: 10\n", "  patience: 3  # in a hurry\n"))
    changed = make_plan(PAIRS, config=path, settings={"model.embedding": 32})
    assert "model.dropout" not in changed.reasons
    assert changed.reasons["training.early_stopping.patience"] == "in a hurry"
    assert changed.reasons["model.embedding"] == "as asked for"
    assert set(chosen.reasons) - set(changed.reasons) == {"model.dropout"}


def test_the_length_of_outputs_is_an_estimate_until_someone_says_it(tmp_path: Path) -> None:
    chosen, path = make_plan(PAIRS), tmp_path / "run.yaml"
    written = dump_config(chosen.config, chosen.reasons)
    line = next(line for line in written.splitlines() if line.startswith("  max_length_ratio: "))
    assert chosen.estimates_length
    for other in (line.replace(": 1.0", ": 3.0"), "  max_length_ratio: 1.0", "  max_length_ratio: 1.0  # mine"):
        path.write_text(written.replace(line, other))
        assert not make_plan(PAIRS, config=path).estimates_length
    assert not make_plan(PAIRS, settings={"search.max_length_ratio": 1.0}).estimates_length


def test_what_depends_on_the_machine_is_left_to_fit_unless_a_setting_or_a_config_says_it(tmp_path: Path) -> None:
    size = {"model.encoder.width", "model.dropout", "training.optimizer.learning_rate"}
    assert make_plan(PAIRS).fitted == {*size, "training.batch.size", "training.epochs", "training.schedule.warmup_steps"}
    asked = {"training.batch.size": 64, "model.decoder.width": 64, "model.dropout": 0.3, "training.epochs": 3}
    assert make_plan(PAIRS, settings={**asked, "training.optimizer.kind": "adam"}).fitted == {"training.schedule.warmup_steps"}
    path = tmp_path / "run.yaml"
    path.write_text(dump_config(make_plan(PAIRS).config), encoding="utf-8")
    assert make_plan(PAIRS, config=path).fitted == frozenset()


def test_a_network_of_another_kind_gets_the_usual_learning_rate() -> None:
    chosen, asked = make_plan(PAIRS), make_plan(PAIRS, settings={"model.encoder.kind": "transformer"})
    assert chosen.config.training.optimizer.learning_rate == 0.004
    assert asked.config.training.optimizer.learning_rate == 0.001
    assert "training.optimizer.learning_rate" not in {*asked.reasons, *asked.fitted}


def test_an_optimizer_of_another_kind_gets_its_own_learning_rate_and_no_reason_of_another(tmp_path: Path) -> None:
    rate, path = "training.optimizer.learning_rate", tmp_path / "run.yaml"
    chosen = make_plan(PAIRS)
    path.write_text(dump_config(chosen.config, chosen.reasons), encoding="utf-8")
    for given in (None, path):
        plan = make_plan(PAIRS, config=given, settings={"training.optimizer.kind": "sgd"})
        assert plan.config.training.optimizer.learning_rate == 0.1
        assert rate not in {*plan.reasons, *plan.fitted}
        plan = make_plan(PAIRS, config=given, settings={"training.optimizer.kind": "adam"})
        assert (plan.config.training.optimizer.learning_rate, plan.reasons[rate]) == (0.004, chosen.reasons[rate])
    both = make_plan(PAIRS, settings={rate: 0.5, "training.optimizer.kind": "sgd"})
    assert (both.config.training.optimizer.learning_rate, both.reasons[rate]) == (0.5, "as asked for")


def test_a_transformer_that_is_asked_for_gets_the_layers_and_the_attention_that_are_usual_for_one() -> None:
    encoder, decoder = {"model.encoder.kind": "transformer"}, {"model.decoder.kind": "transformer"}
    plan = make_plan(PAIRS, settings=encoder | decoder)
    model = plan.config.model
    assert (model.encoder.layers, model.decoder.layers, model.attention.kind) == (3, 3, "multihead")
    assert not {"model.encoder.layers", "model.decoder.layers", "model.attention.kind"} & set(plan.reasons)
    groups = make_plan(PAIRS, settings=read_settings(["model.encoder={kind: transformer}", "model.decoder={kind: transformer}"])).config
    assert (groups.training.optimizer.learning_rate, groups.model.attention.kind) == (0.001, "multihead")
    model = make_plan(PAIRS, settings={**encoder, **decoder, "model.decoder.layers": 2, "model.attention.kind": "dot"}).config.model
    assert (model.encoder.layers, model.decoder.layers, model.attention.kind) == (3, 2, "dot")
    model = make_plan(PAIRS, settings=encoder).config.model
    assert (model.encoder.layers, model.decoder.layers, model.attention.kind) == (3, 2, "dot")


@pytest.mark.parametrize(
    ("group", "dotted"),
    [
        ("data={hold_out: 0.3}", "data.hold_out=0.3"),
        ("training={budget_seconds: 20}", "training.budget_seconds=20"),
        ("search={beam: 4}", "search.beam=4"),
        ("model.encoder={layers: 3}", "model.encoder.layers=3"),
        ("seed = 5", "seed=5"),
        ("training={max_steps: 3, batch: {size: 64}}", "training.max_steps=3 training.batch.size=64"),
    ],
)
def test_a_group_of_settings_means_its_settings_one_by_one(group: str, dotted: str) -> None:
    """A group took the place of all that was chosen beside it, and of a few names it was not seen."""
    one, other = make_plan(PAIRS, settings=read_settings([group])), make_plan(PAIRS, settings=read_settings(dotted.split(" ")))
    assert (one.config, one.reasons, one.dev, one.fitted) == (other.config, other.reasons, other.dev, other.fitted)


def test_of_options_and_settings_the_settings_hold() -> None:
    assert make_plan(PAIRS, seed=3, budget="5m", settings={"seed": 4, "training.budget_seconds": 60}).config.seed == 4


def test_a_chosen_tie_of_embeddings_gives_way_where_vocabularies_are_not_shared() -> None:
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(5000)]
    pairs = [(" ".join(draw.choices(words, k=9)), " ".join(draw.choices(words, k=9))) for _ in range(400)]
    assert make_plan(pairs).reasons["model.tie_embeddings"] == "source and target share their symbols"
    for asked in ({"fields.shared": False}, {"fields.target.unit": "character"}):
        plan = make_plan(pairs, settings=asked)
        assert (plan.config.fields.shared, plan.config.model.tie_embeddings) == (False, "target")
        assert "model.tie_embeddings" not in plan.reasons
    assert make_plan(pairs, settings={"fields.shared": True}).config.model.tie_embeddings == "all"


def test_what_hands_its_last_state_over_gets_the_layers_and_the_direction_that_this_needs() -> None:
    pairs, start = [(f"word{number}", f"word{number}s") for number in range(60)], {"model.decoder.start": "copy"}
    assert make_plan(pairs).config.model.encoder.layers == 2
    for more, layers in (({}, 1), ({"model.decoder.layers": 3}, 3), ({"model.encoder.layers": 2}, 2)):
        plan = make_plan(pairs, settings=start | more)
        encoder = plan.config.model.encoder
        assert (encoder.layers, plan.config.model.decoder.layers, setting(plan.config, "model.encoder.bidirectional")) == (
            layers,
            layers,
            False,
        )
        assert plan.reasons["model.encoder.bidirectional"] == "what model.decoder.start=copy needs"


def test_no_pairs_at_all_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no training pairs: give a file, .* or a config with data\.train"):
        make_plan()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"none\.tsv: no such file"):
        make_plan(tmp_path / "none.tsv")


def test_targets_that_are_all_empty_are_refused() -> None:
    with pytest.raises(DataError, match="target"):
        make_plan([("a", ""), ("b", ""), ("c", "")])


def test_an_iterator_of_pairs_is_used_whole_and_sources_beside_targets_are_no_paths() -> None:
    plan = make_plan(zip(*zip(*PAIRS, strict=True), strict=True))
    assert len(list(plan.train)) + len(plan.dev) == len(PAIRS)
    assert list(make_plan(["a b", "c d"], ["x", "y"], dev=PAIRS[:3]).train)[1].target == "y"


@pytest.mark.parametrize("asked", ["model.attention.kind=none", "model.encoder.subsampling.kind=conv", "model.head.ctc_weight=0.3"])
def test_a_pointer_that_was_chosen_gives_way_to_what_has_no_place_for_it(asked: str) -> None:
    pairs = [(f"word{number}", f"word{number}s") for number in range(60)]
    assert "model.copy" in make_plan(pairs).reasons
    plan = make_plan(pairs, settings=read_settings([asked]))
    assert not plan.config.model.copy_source
    assert "model.copy" not in plan.reasons


@pytest.mark.parametrize("asked", ["model.copy=false", "model.attention.kind=none"])
def test_the_second_layer_of_a_decoder_gives_way_where_there_is_no_pointer_below_it(asked: str) -> None:
    pairs = [(f"word{number}", f"word{number}s") for number in range(60)]
    assert "model.decoder.layers" in make_plan(pairs).reasons
    plan = make_plan(pairs, settings=read_settings([asked]))
    assert plan.config.model.decoder.layers == 1
    assert "model.decoder.layers" not in plan.reasons


def test_pairs_that_repeat_are_trained_on_less_often_unless_told_otherwise() -> None:
    often, dev = PAIRS * 9, [("q", "x")]
    assert len(list(make_plan(often, dev=dev).train)) == 3 * len(PAIRS)
    assert len(list(make_plan(often, dev=dev, settings={"data.repeats": "all"}).train)) == len(often)
    assert len(list(make_plan(PAIRS, dev=dev, settings={"data.repeats": "root"}).train)) == len(PAIRS)


def test_one_array_of_numbers_beside_texts_is_planned_as_their_sources() -> None:
    plan = make_plan(np.random.default_rng(0).normal(size=(40, 7, 3)).astype(np.float32), ["a b c", "c d"] * 20)
    assert plan.config.fields.source[0].kind == "array"
    assert len(list(plan.train)) + len(plan.dev) == 40


def test_numbers_behind_sources_are_told_before_they_are_learned(tmp_path: Path):
    path = tmp_path / "lex.tsv"
    words = [f"w{number}" for number in range(40)]
    path.write_text("".join(f"{word}\tA B\n{word}(1)\tA C\n" for word in words), encoding="utf-8")
    note = next(note for note in make_plan(path).notes if "a number in brackets behind it" in note)
    assert "say --set data.variants=true. For instance" in note
    plan = make_plan(path, settings={"data.variants": True})
    assert not any("in brackets" in note for note in plan.notes)
    assert plan.config.data.variants
    assert {row.source for row in plan.dev}.isdisjoint(row.source for row in plan.train)


def test_a_pointer_that_could_copy_nothing_is_refused_where_it_is_asked_for_and_left_out_where_it_was_chosen() -> None:
    """It was taken without a word: every position of the source stood for nothing that the target has."""
    pairs = [(f"the number of room {number} is {number * 7}", f"{number * 7}") for number in range(400)]
    words = ["fields.source.0={kind: text, unit: word}", "fields.target={kind: text, unit: character}"]
    with pytest.raises(ConfigError) as error:
        make_plan(pairs, settings=read_settings(["model.copy=true", *words]))
    assert str(error.value) == (
        "model.copy: nothing can be copied: the target is cut into characters, the source into words; expected the same symbols on both "
        "sides. Cut both alike (fields.*.kind and unit), or leave it out."
    )
    chosen = make_plan(pairs)
    assert chosen.config.model.copy_source
    assert not make_plan(pairs, settings=read_settings(["fields.source.0={kind: tokens}"])).config.model.copy_source
    tokens = ["fields.source.0={kind: tokens}", "fields.target={kind: tokens}"]
    alike = make_plan(pairs, settings=read_settings(["model.copy=true", *tokens]))
    assert alike.config.model.copy_source
