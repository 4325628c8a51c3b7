"""Finished runs that are joined: they answer as one with the mean of their probabilities, stand by themselves, or are refused."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stage import TINY, run

import seqloom
from seqloom.checkpoint import RunDirectory
from seqloom.config import RunConfig
from seqloom.config_file import load_config, load_reasons
from seqloom.errors import CheckpointError, ConfigError
from seqloom.export import export
from seqloom.fields.task import Fields
from seqloom.loading import load
from seqloom.nn.ensemble import Ensemble
from seqloom.planning.plan import make_plan
from seqloom.settings import override, read_settings
from seqloom.training import joining, runs
from seqloom.training.events import Silence

Pairs = list[tuple[str, str]]

SMALL = [*TINY, "model.copy=false", "training.optimizer.learning_rate=0.02", "training.batch.size=48", "search.beam=2"]
OTHER = [
    "model.encoder.kind=transformer", "model.encoder.width=12", "model.encoder.heads=3", "model.encoder.feed_forward=7",
    "model.decoder.kind=recurrent", "model.decoder.cell=gru", "model.decoder.width=10", "model.attention.kind=additive",
]  # fmt: skip


def pairs(count: int, seed: int, letters: str = "abcdef") -> Pairs:
    """Reversed words of 2 to 5 letters."""
    draw = random.Random(seed)
    sources = [*letters, *("".join(draw.choices(letters, k=draw.randint(2, 5))) for _ in range(count))]
    return [(source, source[::-1]) for source in sources]


TRAIN, DEV = pairs(40, 1), pairs(9, 2)
SOURCES = [source for source, _ in DEV]


def train(out: Path, *settings: str, dev: Pairs = DEV, data: Pairs = TRAIN) -> Path:
    seqloom.train(data, dev=dev, out=out, settings=[*SMALL, *settings], quiet=True)
    return out


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two of one kind, and a smaller one of another kind."""
    folder = tmp_path_factory.mktemp("three")
    return [train(folder / "a"), train(folder / "b", "seed=2"), train(folder / "c", "seed=3", *OTHER)]


class Said(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def said_by_joining(some: list[Path], out: Path) -> list[str]:
    watcher = Said()
    joining.join(some, out, watcher=watcher)
    return watcher.lines


def each_symbol(path: Path) -> list[list[float]]:
    """The probability of each symbol of each dev target."""
    model = load(path)
    return [np.exp(row).tolist() for row in model.translator.score(model.rows(DEV))]


# ------------------------------------------------------------------------------------------------------------- together


def test_two_seeds_learn_the_same_fields_from_the_same_pairs(tmp_path: Path) -> None:
    for name, rows in (("train.tsv", TRAIN), ("dev.tsv", DEV)):
        (tmp_path / name).write_text("".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
    files = tmp_path / "train.tsv", "--dev", tmp_path / "dev.tsv"
    for seed in (1, 2):
        settings = [word for setting in SMALL for word in ("--set", setting)]
        assert run("train", *files, "--seed", str(seed), "--out", tmp_path / f"{seed}", "--quiet", *settings) == 0
    assert (tmp_path / "1" / "fields.json").read_bytes() == (tmp_path / "2" / "fields.json").read_bytes()


def test_the_probabilities_are_the_mean_of_the_runs_whatever_their_kinds(three: list[Path], tmp_path: Path) -> None:
    together = seqloom.join(three, out=tmp_path / "all", quiet=True)
    assert isinstance(together.network, Ensemble)
    assert len({part.encoder.width for part in together.network.members}) == 2
    parts = [each_symbol(path) for path in three]
    for row, *each in zip(each_symbol(tmp_path / "all"), *parts, strict=True):
        np.testing.assert_allclose(row, np.mean(each, 0), rtol=1e-4)
        assert np.std(each, 0).max() > 1e-4
    assert len(together.predict(SOURCES)) == len(SOURCES)
    assert together.evaluate() == pytest.approx(together.evaluate(DEV))


def test_joined_members_of_a_run_answer_as_that_run_does(tmp_path: Path) -> None:
    config = override(RunConfig(), read_settings([*SMALL, "training.members=2"]))
    runs.start(make_plan(TRAIN, dev=DEV, config=config), tmp_path / "two")
    members = [tmp_path / "two" / "members" / number for number in ("1", "2")]
    joined, whole = seqloom.join(members, out=tmp_path / "all", quiet=True), load(tmp_path / "two")
    assert [answer.outputs for answer in joined.predictions(SOURCES)] == [answer.outputs for answer in whole.predictions(SOURCES)]


def test_a_joined_run_needs_the_others_no_more(three: list[Path], tmp_path: Path) -> None:
    copies = [shutil.copytree(path, tmp_path / path.name) for path in three]
    before = seqloom.join(copies, out=tmp_path / "all", quiet=True).predict(SOURCES)
    for path in copies:
        shutil.rmtree(path)
    assert load(shutil.move(tmp_path / "all", tmp_path / "elsewhere")).predict(SOURCES) == before
    assert load(tmp_path / "elsewhere" / "members" / "3").predict(SOURCES) == load(three[2]).predict(SOURCES)
    assert load(tmp_path / "elsewhere" / "members" / "3").evaluate() == pytest.approx(load(three[2]).evaluate())
    assert not list((tmp_path / "elsewhere").glob("**/training"))


def test_a_run_of_several_networks_brings_all_of_them(three: list[Path], tmp_path: Path) -> None:
    seqloom.join(three[:2], out=tmp_path / "two", quiet=True)
    seqloom.join([three[2], tmp_path / "two"], out=tmp_path / "all", quiet=True)
    about = RunDirectory(tmp_path / "all").read_about()
    names = [str(three[2]), str(tmp_path / "two" / "members" / "1"), str(tmp_path / "two" / "members" / "2")]
    assert [part["run"] for part in about["joined"]] == names
    assert [part["seed"] for part in about["joined"]] == [3, 1, 2]
    assert load_config(tmp_path / "all" / "config.yaml").training.members == 3


def test_models_can_be_given_in_place_of_folders(three: list[Path], tmp_path: Path) -> None:
    models = [load(path) for path in three]
    joined = seqloom.join(models, out=tmp_path / "all", quiet=True)
    assert joined.predict(SOURCES) == seqloom.join(three, out=tmp_path / "again", quiet=True).predict(SOURCES)


def test_the_config_says_what_it_was_joined_from(three: list[Path], tmp_path: Path) -> None:
    seqloom.join(three, out=tmp_path / "all", quiet=True)
    reasons = load_reasons(tmp_path / "all" / "config.yaml")
    assert reasons["training.members"] == f"joined from {', '.join(map(str, three))}"
    assert reasons["model"] == "of the first member; each has its own in members/NUMBER/config.yaml"
    assert [load_config(tmp_path / f"all/members/{number}/config.yaml").model for number in (1, 2, 3)] == [
        load_config(path / "config.yaml").model for path in three
    ]
    seqloom.join(three[:2], out=tmp_path / "alike", quiet=True)
    assert "model" not in load_reasons(tmp_path / "alike" / "config.yaml")


def test_runs_of_other_kinds_are_exported_as_one(three: list[Path], tmp_path: Path) -> None:
    model = seqloom.join(three, out=tmp_path / "all", quiet=True)
    report = export(tmp_path / "all", tmp_path / "dist", precision="float32")
    assert report.parity.holds
    assert report.manifest.parameters == sum(weight.numel() for path in three for weight in load(path).network.parameters())
    assert load(tmp_path / "dist").predict(SOURCES) == model.predict(SOURCES)
    card = (tmp_path / "dist" / "README.md").read_text(encoding="utf-8")
    assert "| networks | 3, which answer as one: the mean of their probabilities |" in card
    assert re.search(r"\| encoder \| recurrent lstm, \d × 8; transformer, \d × 12 \|", card)
    assert "| decoder | recurrent lstm, 1 × 8; recurrent gru, 1 × 10 |" in card
    assert "| metric | dev |" not in card, "nothing was measured"


# -------------------------------------------------------------------------------------------------------- what is said


def test_the_networks_and_the_next_command_are_said(three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("join", *three, "--out", tmp_path / "all") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path / 'all'}: 3 networks that answer as one:"
    assert " ".join(lines).count("seed") == 3
    assert lines[-2:] == ["next:", f"  seqloom evaluate {tmp_path / 'all'}"]
    assert run("evaluate", tmp_path / "all") == 0
    assert f"{tmp_path / 'all'} on the run's dev pairs: {len(DEV)} pairs" in capsys.readouterr().out
    assert run("join", *three, "--out", tmp_path / "all", "--overwrite", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_the_search_of_the_first_holds_and_that_is_said(three: list[Path], tmp_path: Path) -> None:
    other = train(tmp_path / "d", "search.beam=4", "seed=5")
    lines = said_by_joining([three[0], other], tmp_path / "all")
    assert lines[-1] == f"note: search.beam: 2, as in {three[0]}; {other} has 4."
    assert load(tmp_path / "all").config.search.beam == 2


def test_only_dev_pairs_of_all_are_kept(three: list[Path], tmp_path: Path) -> None:
    other = train(tmp_path / "d", "seed=7", dev=DEV[:4])
    lines = said_by_joining([three[0], other], tmp_path / "all")
    expected = f"note: 4 of the {len(DEV)} dev pairs of {three[0]} are kept, those that are dev pairs of all: others may have been learned."
    assert lines[-1] == expected
    assert [row.target for row in RunDirectory(tmp_path / "all").read_dev()] == [target for _, target in DEV[:4]]


def test_the_longest_source_is_that_of_all_where_all_know_theirs(three: list[Path], tmp_path: Path) -> None:
    other = shutil.copytree(three[1], tmp_path / "other")
    state = json.loads((other / "fields.json").read_text(encoding="utf-8"))
    for longest, expected in ((60, 60), (None, 0)):
        known = {"longest_source": longest} if longest else {}
        changed = {key: value for key, value in state.items() if key != "longest_source"} | known
        (other / "fields.json").write_text(json.dumps(changed), encoding="utf-8")
        out = tmp_path / f"all-{expected}"
        said_by_joining([three[0], other], out)
        assert Fields.load(out / "fields.json").longest == expected


def test_the_dev_file_is_named_only_where_all_of_it_is_dev_pairs_of_all(
    three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dev.tsv"
    file.write_text("".join(f"{source}\t{target}\n" for source, target in DEV), encoding="utf-8")
    first = tmp_path / "first"
    seqloom.train(TRAIN, dev=str(file), out=first, settings=SMALL, quiet=True)
    for other, files in ((three[1], [file]), (train(tmp_path / "d", "seed=7", dev=DEV[:4]), [])):
        assert run("join", first, other, "--out", tmp_path / "all", "--overwrite") == 0
        assert capsys.readouterr().out.splitlines()[-1].split() == ["seqloom", "evaluate", str(tmp_path / "all"), *map(str, files)]


def test_it_warns_where_no_dev_pair_is_one_of_all(three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = train(tmp_path / "d", "seed=7", dev=[("fedcba", "abcdef")])
    lines = said_by_joining([three[0], other], tmp_path / "all")
    whose = f"{len(DEV)} dev pairs of {three[0]}"
    assert lines[-1] == f"warning: none of the {whose} is a dev pair of all, so others may have learned them. Measure on other pairs."
    assert run("join", three[0], other, "--out", tmp_path / "again") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"  seqloom evaluate {tmp_path / 'again'} PAIRS"
    assert run("evaluate", tmp_path / "again") == 0
    assert lines[-1] in capsys.readouterr().err.splitlines(), "whoever measures on them later is told"


# ------------------------------------------------------------------------------------------------------------- refused


def test_a_joined_run_is_not_resumed(three: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "all"
    seqloom.join(three, out=out, quiet=True)
    expected = (
        f"{out}: joined from finished runs. Use it with `seqloom predict {out}`, "
        f"or go on learning with one of its networks: `seqloom train PAIRS --from {out / 'members' / '1'}`."
    )
    with pytest.raises(CheckpointError, match=f"^{re.escape(expected)}$"):
        runs.resume(out)
    with pytest.raises(CheckpointError, match=r"members/2: this run is finished \(done\)\. Use it with"):
        runs.resume(out / "members" / "2")
    with pytest.raises(CheckpointError, match=rf"^start_from {out}: 3 networks; expected one\. Give one of them, as "):
        seqloom.train(TRAIN, dev=DEV, out=tmp_path / "more", start_from=out, quiet=True)
    more = seqloom.train(
        TRAIN, dev=DEV, out=tmp_path / "more", start_from=out / "members" / "3", settings=["training.max_steps=2"], quiet=True
    )
    assert more.config.model == load(three[2]).config.model


def refuses(some: Any, out: Path, message: str, kind: type[Exception] = CheckpointError) -> None:
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        seqloom.join(some, out=out, quiet=True)
    assert not out.exists()
    assert not list(out.parent.glob(f".{out.name}-*"))


def test_fewer_than_two_runs_are_refused(three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = f"join: one run, {three[0]}; expected two or more. Name the runs that are to answer as one."
    refuses([three[0]], tmp_path / "all", expected, ConfigError)
    refuses(three[0], tmp_path / "all", expected, ConfigError)
    refuses([], tmp_path / "all", expected.replace(f"one run, {three[0]}", "no run"), ConfigError)
    assert run("join", three[0], "--out", tmp_path / "all") == 2
    assert capsys.readouterr().err == f"error: {expected}\n"


def test_a_network_that_is_given_twice_is_refused(three: list[Path], tmp_path: Path) -> None:
    refuses([three[0], three[1], three[0]], tmp_path / "all", f"{three[0]}: given twice; expected each network once. Leave it out once.")
    seqloom.join(three[:2], out=tmp_path / "two", quiet=True)
    member = tmp_path / "two" / "members" / "2"
    refuses([tmp_path / "two", member], tmp_path / "all", f"{member}: given twice; expected each network once. Leave it out once.")
    again = f"{three[1]}: the same network as {member}; expected each network once. Leave it out once."
    refuses([tmp_path / "two", three[1]], tmp_path / "all", again)


def test_other_symbols_are_refused(three: list[Path], tmp_path: Path) -> None:
    other = train(tmp_path / "d", data=pairs(40, 1, "abcdefx"))
    with pytest.raises(ConfigError, match=re.escape(f"symbols of the source: {three[0]} has 10, {other} has 11 with 'x'; ")):
        seqloom.join([three[0], other], out=tmp_path / "all", quiet=True)
    assert not (tmp_path / "all").exists()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "unfinished": (
        lambda path: RunDirectory(path).write_about(finished=False),
        "{path}: not finished; expected a run that came to its end. Go on with `seqloom resume {path}`.",
    ),
    "without weights": (
        lambda path: (path / "model.safetensors").unlink(),
        "{path}/model.safetensors: missing. The run never saved weights, or the file was removed; train again or `seqloom resume`.",
    ),
    "gone": (shutil.rmtree, "{path}: no such run directory. `seqloom train PAIRS --out {path}` makes one."),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_finished_run_is_refused(damage: str, three: list[Path], tmp_path: Path) -> None:
    copy = shutil.copytree(three[1], tmp_path / "b")
    spoil, message = DAMAGES[damage]
    spoil(copy)
    refuses([three[0], copy], tmp_path / "all", message.format(path=copy))


def test_exported_models_are_refused(three: list[Path], tmp_path: Path) -> None:
    export(three[1], tmp_path / "dist", precision="float32")
    message = f"{tmp_path / 'dist'}: an exported model, whose networks cannot be taken out. Give the run that it was made from."
    refuses([three[0], tmp_path / "dist"], tmp_path / "all", message)
    refuses([load(three[0]), load(tmp_path / "dist")], tmp_path / "all", message)


def test_models_of_numbers_are_refused(three: list[Path], tmp_path: Path) -> None:
    arrays = np.arange(24.0).reshape(8, 3, 1), np.arange(8.0).reshape(8, 1, 1)
    seqloom.train(*arrays, out=tmp_path / "numbers", settings=["training.max_steps=1"], quiet=True)
    message = f"{tmp_path / 'numbers'}: its targets are numbers, of which there are no means; expected a model of texts or tokens."
    refuses([tmp_path / "numbers", three[0]], tmp_path / "all", message, ConfigError)


def test_what_is_in_the_folder_is_replaced_only_where_that_is_asked_for(three: list[Path], tmp_path: Path) -> None:
    out = shutil.copytree(three[2], tmp_path / "all")
    with pytest.raises(CheckpointError, match=re.escape(f"{out}: exists already.")):
        seqloom.join(three[:2], out=out, quiet=True)
    assert load(out).predict(SOURCES) == load(three[2]).predict(SOURCES)
    assert isinstance(seqloom.join(three[:2], out=out, overwrite=True, quiet=True).network, Ensemble)
    assert not (out / "model.safetensors").exists()
    message = f"{out}/members/1: lies in {out}, which joining would replace. Choose another out."
    with pytest.raises(CheckpointError, match=re.escape(message)):
        seqloom.join([out, three[2]], out=out, overwrite=True, quiet=True)
    assert len(load(out).predict(SOURCES)) == len(SOURCES)


def test_a_full_disk_leaves_what_was_there(three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shutil.copytree(three[2], tmp_path / "all")

    def copyfile(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(joining.shutil, "copyfile", copyfile)
    message = f"{out}: cannot be written (No space left on device). Free some space, or choose another out."
    with pytest.raises(CheckpointError, match=re.escape(message)):
        seqloom.join(three[:2], out=out, overwrite=True, quiet=True)
    assert load(out).predict(SOURCES) == load(three[2]).predict(SOURCES)
    assert [path.name for path in tmp_path.iterdir()] == ["all"]


def test_run_json_says_how_each_was_measured(three: list[Path], tmp_path: Path) -> None:
    seqloom.join(three, out=tmp_path / "all", quiet=True)
    about = json.loads((tmp_path / "all" / "run.json").read_text(encoding="utf-8"))
    assert (about["why"], about["finished"], about["run"]) == ("joined", True, str(tmp_path / "all"))
    assert [part["metrics"] for part in about["joined"]] == [RunDirectory(path).read_about()["metrics"] for path in three]
    member = RunDirectory(tmp_path / "all" / "members" / "2").read_about()
    assert (member["joined_from"], member["run"]) == (str(three[1]), str(tmp_path / "all" / "members" / "2"))
