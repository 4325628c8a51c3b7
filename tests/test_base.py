"""Runs that begin with another: the same network and symbols, new symbols behind them, and what does not go with it."""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dying import die, dying_at_call, make_killed_runs, run_as_script
from stage import run

import seqloom
from seqloom.checkpoint import RunDirectory, load_grown, read_tensors
from seqloom.config import FieldsConfig, RunConfig, TextField, TokensField
from seqloom.config_file import load_config, load_reasons
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError, SeqloomError
from seqloom.export import export
from seqloom.fields.task import Fields
from seqloom.loading import load
from seqloom.nn.seq2seq import make_network
from seqloom.planning.autoconfig import Choice, choose
from seqloom.planning.base import read_base
from seqloom.planning.plan import make_plan
from seqloom.planning.profile import profile_rows
from seqloom.settings import override, read_settings
from seqloom.training import runs
from seqloom.training.loop import Trainer

Pairs = list[tuple[str, str]]

SMALL = [
    "model.embedding=8", "model.encoder.width=8", "model.encoder.layers=1", "model.decoder.width=8", "training.precision=float32",
    "training.device=cpu", "training.threads=1", "search.beam=2",
]  # fmt: skip
FEW = ["training.batch.size=24", "training.epochs=2", "training.evaluate_every=5"]
"""Settings that may be said beside --from."""


def pairs(count: int, seed: int, letters: str = "abcdef") -> Pairs:
    """Reversed words of 3 to 6 letters."""
    draw = random.Random(seed)
    sources = ["".join(draw.choices(letters, k=draw.randint(3, 6))) for _ in range(count)]
    return [(source, source[::-1]) for source in sources]


TRAIN, DEV = pairs(60, 1), pairs(9, 2)
NEW, NEW_DEV = pairs(30, 3, "abcxyz"), pairs(9, 4, "abcxyz")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "run"
    seqloom.train(TRAIN, dev=DEV, out=folder, settings=[*SMALL, *FEW, "model.dropout=0.1"], quiet=True)
    return folder


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return read_tensors(path / "model.safetensors")[0]


def first_line(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8").split("\n")[0])


def follow(base: Path, out: Path, *settings: str, **more: Any) -> Any:
    return seqloom.train(NEW, dev=NEW_DEV, out=out, start_from=base, settings=[*FEW, *settings], quiet=True, **more)


# ---------------------------------------------------------------------------------------------- what a run begins with


def test_the_first_look_at_dev_is_that_of_the_base(base: Path, tmp_path: Path) -> None:
    model = seqloom.train(pairs(30, 5), dev=DEV, out=tmp_path / "new", start_from=base, settings=FEW, quiet=True)
    line, before = first_line(tmp_path / "new"), load(base)
    assert (line["step"], line["loss"]) == (0, pytest.approx(before.evaluate(DEV)["loss"], rel=1e-4))
    assert model.config.model == before.config.model
    assert model.config.training.optimizer.learning_rate == before.config.training.optimizer.learning_rate / 2


def test_without_an_update_the_model_is_the_base(base: Path, tmp_path: Path) -> None:
    settings = ["training.max_steps=1", "training.optimizer.learning_rate=1e-12", "training.optimizer.weight_decay=0"]
    model = seqloom.train(
        TRAIN, dev=DEV, out=tmp_path / "new", start_from=base, settings=[*FEW, *settings, "training.average=1"], quiet=True
    )
    sources = [source for source, _ in DEV]
    assert model.predict(sources, beam=2) == load(base).predict(sources, beam=2)
    for name, weights in tensors(base).items():
        torch.testing.assert_close(tensors(tmp_path / "new")[name], weights, rtol=0, atol=1e-9)


def test_new_symbols_are_added_behind_those_that_keep_their_ids(base: Path, tmp_path: Path) -> None:
    model, before = follow(base, tmp_path / "new"), load(base)
    for mine, theirs in ((model.fields.source, before.fields.source), (model.fields.target, before.fields.target)):
        known = theirs.vocabulary.state()["symbols"]
        symbols = mine.vocabulary.state()["symbols"]
        assert symbols[: len(known)] == known
        assert sorted(symbols[len(known) :]) == ["x", "y", "z"]
    assert model.fields.target.decode(model.fields.target.encode("xyz")) == "xyz"
    grown = tensors(tmp_path / "new")["target_input.embedding.weight"]
    assert len(grown) == len(tensors(base)["target_input.embedding.weight"]) + 3


def test_it_says_which_symbols_are_new(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seqloom.train([*NEW, ("w", "w")], dev=NEW_DEV, out=tmp_path / "new", start_from=base, settings=FEW)
    said = capsys.readouterr().out
    assert f"note: symbols that {base} does not know are added, 8 in all: " in said
    reasons = load_reasons(tmp_path / "new" / "config.yaml")
    assert reasons["training.optimizer.learning_rate"] == f"half of what {base} was trained with, whose network is kept"
    assert "model.encoder" not in said.split("the run:")[0]


def test_it_learns_more_from_few_pairs_than_from_nothing(tmp_path: Path) -> None:
    settings = ["model.embedding=24", "model.encoder.width=48", "model.decoder.width=48", "model.copy=false", "model.decoder.layers=1"]
    here = ["training.precision=float32", "training.device=cpu", "training.threads=1"]
    seqloom.train(pairs(900, 5), dev=pairs(40, 6), out=tmp_path / "base", settings=[*settings, *here, "training.epochs=30"], quiet=True)
    few, dev = pairs(40, 7, "abcdefg"), pairs(40, 8, "abcdefg")
    alone = seqloom.train(few, dev=dev, out=tmp_path / "alone", settings=[*settings, *here, "training.epochs=20"], quiet=True)
    more = [*here, "training.epochs=20"]
    adapted = seqloom.train(few, dev=dev, out=tmp_path / "adapted", start_from=tmp_path / "base", settings=more, quiet=True)
    assert adapted.evaluate()["exact_match"] > alone.evaluate()["exact_match"] + 0.3


def test_a_run_that_began_with_another_is_followed_at_its_own_rate(base: Path, tmp_path: Path) -> None:
    """Each run of a chain learned half as fast as the one before, and the third next to nothing."""
    rate = load(base).config.training.optimizer.learning_rate
    second, third = follow(base, tmp_path / "second"), follow(tmp_path / "second", tmp_path / "third")
    assert [model.config.training.optimizer.learning_rate for model in (second, third)] == [rate / 2, rate / 2]
    reasons = load_reasons(tmp_path / "third" / "config.yaml")
    assert reasons["training.optimizer.learning_rate"] == f"what {tmp_path / 'second'} was trained with, whose network is kept"


def test_columns_with_the_names_of_the_run_are_read_as_its_were_wherever_they_stand(tmp_path: Path) -> None:
    """They were read by where they stood: the wrong way round."""
    columns = {"said": [target.upper() for _, target in TRAIN], "heard": [source for source, _ in TRAIN]}
    first = seqloom.train(columns, source="heard", target="said", out=tmp_path / "base", settings=[*SMALL, *FEW], quiet=True)
    table = tmp_path / "more.csv"
    table.write_text("said,heard\n" + "".join(f"{said},{heard}\n" for said, heard in zip(*columns.values(), strict=True)))
    for number, data in enumerate((columns, table)):
        model = seqloom.train(data, out=tmp_path / f"{number}", start_from=first, settings=[*FEW, "training.max_steps=1"], quiet=True)
        assert (model.config.data.source, model.config.data.target) == (["heard"], "said")
        assert all(row.target.isupper() for row in RunDirectory(tmp_path / f"{number}").read_dev())
    other = seqloom.train({"x": columns["heard"], "y": columns["said"]}, out=tmp_path / "other", start_from=first, settings=FEW, quiet=True)
    assert other.config.data.target == "y"


def test_each_member_begins_with_it_and_differs(base: Path, tmp_path: Path) -> None:
    follow(base, tmp_path / "new", members=2)
    folders = [tmp_path / "new" / "members" / str(number) for number in (1, 2)]
    assert first_line(folders[0])["loss"] == first_line(folders[1])["loss"]
    assert (folders[0] / "model.safetensors").read_bytes() != (folders[1] / "model.safetensors").read_bytes()
    assert len(load(tmp_path / "new").network.members) == 2


def test_a_member_can_be_begun_with(base: Path, tmp_path: Path) -> None:
    follow(base, tmp_path / "two", members=2)
    model = seqloom.train(NEW, dev=NEW_DEV, out=tmp_path / "new", start_from=tmp_path / "two" / "members" / "2", settings=FEW, quiet=True)
    assert model.config.training.members == 1


def test_its_config_can_be_followed_again(base: Path, tmp_path: Path) -> None:
    follow(base, tmp_path / "one")
    again = {"config": tmp_path / "one" / "config.yaml", "dev": NEW_DEV, "out": tmp_path / "two", "quiet": True}
    seqloom.train(NEW, **again)
    assert load_config(tmp_path / "two" / "config.yaml").training.start_from == str(base)
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == (tmp_path / "two" / "model.safetensors").read_bytes()


def test_from_the_command_line(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.tsv"
    file.write_text("".join(f"{source}\t{target}\n" for source, target in NEW), encoding="utf-8")
    flags = [flag for setting in FEW for flag in ("--set", setting)]
    assert run("train", file, "--from", base, "--out", tmp_path / "run", *flags) == 0
    assert run("config", file, "--from", base, *flags) == 0
    printed = capsys.readouterr().out
    assert f"start_from: {base}" in printed
    assert run("resume", tmp_path / "run") == 2
    assert f"go on learning with `seqloom train PAIRS --from {tmp_path / 'run'}`" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------------------- kept, resumed


KILLED = ["at the first save", "after it", "at the third update"]
PLACES = {
    "at the first save": (Trainer, "_save", True),
    "after it": (Trainer, "_save", False),
    "at the third update": (Trainer, "_update", True),
}


def start(base: Path, out: Path) -> None:
    settings = [*FEW, "training.precision=float32", "training.device=cpu", "training.threads=1", f"training.start_from={base}"]
    runs.start(make_plan(NEW, dev=NEW_DEV, settings=read_settings(settings)), out)


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_run_ends_with_the_same_weights_though_the_base_is_gone(name: str, killed: Path) -> None:
    runs.resume(killed / name)
    assert (killed / name / "model.safetensors").read_bytes() == (killed / "whole" / "model.safetensors").read_bytes()
    assert not (killed / name / "training").exists()


@pytest.fixture(scope="module")
def killed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    shutil.copytree(base, folder / "base")
    run_as_script(__file__, folder, KILLED)
    torch.set_num_threads(1)
    start(folder / "base", folder / "whole")
    shutil.rmtree(folder / "base")
    return folder


# ---------------------------------------------------------------------------------------------------------- fields, weights


def rows(*found: tuple[tuple[str, ...], str]) -> list[Row]:
    return [Row(source, target, f"rows:{number}") for number, (source, target) in enumerate(found, 1)]


CHARACTERS, TAGS = TextField(unit="character"), TokensField(separator=";")


def test_columns_that_share_nothing_grow_each_by_itself() -> None:
    fields = Fields.fit(FieldsConfig(source=[CHARACTERS, TAGS], target=CHARACTERS), rows((("ab", "V;PST"), "ac")))
    grown, new = fields.grown(rows((("abd", "N;PST"), "ae"), (("d", "N"), "e")))
    assert new == ["2:N", "d", "e"] or new == ["d", "2:N", "e"]
    assert grown.source.decode(grown.source.encode(("abd", "N;PST"))) == "abd\tN;PST"
    before, after = (part.source.encode(("ab", "V;PST")) for part in (fields, grown))
    np.testing.assert_array_equal(before, after)
    assert Fields.from_state(grown.state()).source.vocabulary.state() == grown.source.vocabulary.state()


def test_a_shared_vocabulary_grows_once() -> None:
    fields = Fields.fit(FieldsConfig(source=[CHARACTERS], target=CHARACTERS, shared=True), rows((("ab",), "ac")))
    grown, new = fields.grown(rows((("d",), "de")))
    assert new == ["d", "e"]
    assert grown.target.vocabulary is grown.source.vocabulary


def test_subwords_a_given_size_and_rare_symbols_add_nothing() -> None:
    text = rows(*[((f"der Hund {word}",), f"the dog {word}") for word in ("bellt", "rennt", "frisst", "liegt", "steht")])
    subwords = TextField(unit="subword", max_size=300)
    for config in (
        FieldsConfig(source=[subwords], target=subwords),
        FieldsConfig(source=[TextField(max_size=9)], target=TextField(max_size=9)),
    ):
        fields = Fields.fit(config, text)
        assert fields.grown(rows((("ein Ω",), "an Ω")))[1] == []
    rare = FieldsConfig(source=[TextField(unit="word", min_count=2)], target=TextField(unit="word", min_count=2))
    fields = Fields.fit(rare, text)
    assert fields.grown(rows((("neu neu alt",), "new old"), (("neu",), "new")))[1] == ["neu", "new"]


@pytest.mark.parametrize("tied", ["none", "target", "all"])
@pytest.mark.parametrize("more", [(), ("model.head.ctc_weight=0.3",), ("model.copy=true",)])
def test_weights_of_known_symbols_say_the_same_in_a_grown_network(tied: str, more: tuple[str, ...]) -> None:
    shared = tied == "all"
    fields = Fields.fit(FieldsConfig(source=[CHARACTERS], target=CHARACTERS, shared=shared), rows((("abc",), "cab")))
    grown = fields.grown(rows((("xy",), "yz")))[0]
    config = override(RunConfig(), read_settings([*SMALL, f"fields.shared={shared}", f"model.tie_embeddings={tied}", *more])).model
    torch.manual_seed(1)
    small, large = (make_network(config, part.source, part.target).eval() for part in (fields, grown))
    load_grown(large, small.state_dict(), "here")
    ids, mask = torch.tensor(fields.source.encode("cabba"))[None], torch.ones(1, 6, dtype=torch.bool)
    shown = torch.tensor([[1, *fields.target.encode("bac")]])
    scores = []
    for network in (small, large):
        memory = network.prepare(ids, mask)
        decoded, _ = network.decode(shown, memory, network.start(memory))
        scores.append(network.head.project(network.head.narrow(decoded.hidden)))
    torch.testing.assert_close(scores[1][..., : fields.target.size], scores[0])


# ---------------------------------------------------------------------------------------------------------------- refusals


def refusal(match: str) -> Any:
    return pytest.raises(SeqloomError, match=match)


def test_another_network_or_other_symbols_are_refused(base: Path, tmp_path: Path) -> None:
    with refusal(
        rf"^model\.encoder\.width: 16; {base} has 8, and start_from keeps its symbols and its network\. Leave it out; of a --config, begin"
    ):
        follow(base, tmp_path / "new", "model.encoder.width=16")
    with refusal(rf"^model\.encoder\.kind: transformer; {base} has recurrent, "):
        follow(base, tmp_path / "new", "model.encoder.kind=transformer")
    with refusal(rf"^fields\.target\.decompose: True; {base} has False, "):
        follow(base, tmp_path / "new", "fields.target.decompose=true")
    assert not (tmp_path / "new").exists()
    assert follow(base, tmp_path / "new", "model.dropout=0.4", "model.head.label_smoothing=0").config.model.dropout == 0.4


def test_more_columns_and_a_name_that_is_empty_are_refused(base: Path, tmp_path: Path) -> None:
    with refusal(r"^fields\.source\.1\.kind: text; "):
        follow(base, tmp_path / "new", "fields.source=[{kind: text, unit: character}, {kind: text, unit: character}]")
    with refusal(r"^start_from \.: no run\."):
        follow(Path(""), tmp_path / "new")


def test_a_base_without_a_ctc_head_is_searched_without_one(base: Path) -> None:
    run, choice = read_base(base), choose(profile_rows(rows((("ab",), "ba"), (("cd",), "dc"))), RunConfig().data)
    heard = choice.config.model_copy(update={"search": choice.config.search.model_copy(update={"ctc_weight": 0.3})})
    begun = run.begin(Choice(heard, {**choice.reasons, "search.ctc_weight": "CTC keeps the order"}))
    assert begun.config.search.ctc_weight == 0
    assert "search.ctc_weight" not in begun.reasons


def test_pairs_of_another_kind_are_refused(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "three.jsonl"
    file.write_text("".join(json.dumps({"a": "ab", "b": f"c{number}", "target": "c"}) + "\n" for number in range(20)), encoding="utf-8")
    with refusal(rf"^start_from {base}: columns that its model reads: 1 of the source; these pairs have 2\. Name as many with --source\.$"):
        seqloom.train(file, source=["a", "b"], target="target", out=tmp_path / "new", start_from=base, quiet=True)
    arrays = [np.ones((4, 2), np.float32) * number for number in range(20)]
    with refusal(rf"^start_from {base}: its model reads texts; these pairs have arrays of numbers\. Give pairs of the same kind\.$"):
        seqloom.train((arrays, ["a"] * 20), out=tmp_path / "new", start_from=base, quiet=True)
    with refusal(rf"^start_from {base}: the targets are numbers; expected texts or tokens\. Leave it out\.$"):
        seqloom.train(([f"a{number}" for number in range(20)], arrays), out=tmp_path / "new", start_from=base, quiet=True)
    assert not (tmp_path / "new").exists()


def test_what_is_no_run_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"^--from {tmp_path}: no run\. Give a folder that `seqloom train` wrote\.$"):
        read_base(tmp_path)
    export(base, tmp_path / "exported")
    with pytest.raises(
        CheckpointError, match=r": an exported model, whose weights can no longer be trained\. Give the run that it was made from\.$"
    ):
        read_base(tmp_path / "exported")
    follow(base, tmp_path / "two", members=2)
    with pytest.raises(
        CheckpointError, match=rf"^--from {tmp_path}/two: 2 networks; expected one\. Give one of them, as {tmp_path}/two/members/1\.$"
    ):
        read_base(tmp_path / "two")
    numbers = seqloom.train(
        (np.random.default_rng(1).normal(size=(20, 4, 1)), np.ones((20, 2, 1))),
        out=tmp_path / "numbers",
        settings=["training.epochs=1"],
        quiet=True,
    )
    with pytest.raises(ConfigError, match=rf"^--from {numbers.path}: its targets are numbers; expected a model of texts or tokens\."):
        read_base(numbers.path)


def test_a_run_does_not_replace_what_it_begins_with(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(base, folder)
    with refusal(rf"^start_from {folder}: lies in {folder}, which training would replace\. Choose another out\.$"):
        follow(folder, folder, overwrite=True)
    assert load(folder).predict(["abc"])


def test_weights_that_are_missing_are_said(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(base, folder)
    (folder / "model.safetensors").unlink()
    with refusal(rf"^start_from {folder}: no weights, model\.safetensors is missing\. Go on with it by `seqloom resume {folder}` first\.$"):
        follow(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_line_refuses_it_for_forecasts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--example", "waves", "--from", "runs/x", "--out", tmp_path / "run") == 2
    assert capsys.readouterr().err == "error: --from: of no effect, numbers are forecast. Leave it out.\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1])

    def begin(name: str) -> None:
        owner, function, before = PLACES[name]
        dying_at_call(owner, function, 3 if function == "_update" else 1, before=before)
        start(folder / "base", folder / name)
        die()

    make_killed_runs(KILLED, begin)
