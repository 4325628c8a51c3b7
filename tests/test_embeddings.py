"""Networks whose embeddings begin with ready word vectors: what they begin with, what stays, and that the files are not needed again."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dying import die, dying_at_call, make_killed_runs, run_as_script
from stage import TINY, run

import seqloom
from seqloom.checkpoint import RunDirectory, read_tensors
from seqloom.config import RunConfig
from seqloom.errors import CheckpointError, ConfigError, DataError, MissingFileError
from seqloom.export import export
from seqloom.fields.task import Fields
from seqloom.loading import load
from seqloom.model import Model
from seqloom.nn.seq2seq import make_network
from seqloom.planning.asked import asked_for
from seqloom.planning.plan import make_plan
from seqloom.settings import override, read_settings
from seqloom.training import runs
from seqloom.training.embeddings import begin_with_vectors, vectors_of
from seqloom.training.events import Silence
from seqloom.training.loop import Trainer

WORDS = ("red", "green", "blue", "black", "white", "grey")
TRAIN = [(f"{one} {two} {three}", f"{three} {two} {one}") for one in WORDS for two in WORDS[:4] for three in WORDS[:3]]
DEV = [(f"{one} {one}", f"{one} {one}") for one in WORDS]
TOKENS = ["fields.source.0.kind=tokens", "fields.target.kind=tokens", "fields.shared=false", "model.tie_embeddings=target"]
WIDTH = 6
SMALL = [*(item for item in TINY if not item.startswith("model.embedding")), "training.max_steps=6", "training.evaluate_every=3"]


def vectors(path: Path, words: tuple[str, ...] = WORDS[:4], width: int = WIDTH, size: float = 5.0) -> str:
    """A file of vectors, far longer than the embeddings that are drawn."""
    draw = np.random.default_rng(len(path.name))
    path.write_text("".join(f"{word} {' '.join(map(str, draw.normal(0, size, width).round(4)))}\n" for word in words), encoding="utf-8")
    return str(path)


def train(out: Path, *settings: str, **options: Any) -> Model:
    return seqloom.train(TRAIN, dev=DEV, out=out, settings=[*SMALL, *TOKENS, *settings], quiet=True, **options)


def fields_of(config: RunConfig) -> Fields:
    return Fields.fit(config.fields, make_plan(TRAIN, dev=DEV, settings=read_settings(TOKENS)).train)


def begun(*settings: str) -> tuple[Any, dict[str, torch.Tensor], Fields]:
    """A network, its weights before and the fields, after it was given its vectors."""
    config = override(RunConfig(), read_settings([*TOKENS, *settings]))
    fields = fields_of(config)
    network = make_network(config.model, fields.source, fields.target)
    before = {name: part.clone() for name, part in network.state_dict().items()}
    begin_with_vectors(network, vectors_of(config.model, fields, Silence()))
    return network, before, fields


def test_found_rows_begin_with_their_vectors_at_the_scale_of_the_others_which_stay_as_drawn(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    network, before, fields = begun(f"model.embedding={WIDTH}", f"model.vectors.source={file}")
    weight, drawn = network.embedding("source").weight.detach(), before["source_input.embedding.weight"]
    ids = [fields.source.vocabulary.id(word) for word in WORDS[:4]]
    given = torch.tensor([[float(number) for number in line.split()[1:]] for line in Path(file).read_text().splitlines()])
    torch.testing.assert_close(weight[ids], given / given.square().sum(1).mean().sqrt())
    assert float(weight[ids].square().sum(1).mean()) == pytest.approx(1.0)
    others = [number for number in range(len(weight)) if number not in ids]
    assert torch.equal(weight[others], drawn[others])
    assert torch.equal(network.embedding("target").weight, before["target_input.embedding.weight"])


def test_target_vectors_are_the_output_projection_too_where_it_is_tied(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    network, before, fields = begun(f"model.embedding={WIDTH}", f"model.vectors.target={file}")
    ids = [fields.target.vocabulary.id(word) for word in WORDS[:4]]
    assert network.head.project.weight is network.embedding("target").weight
    assert not torch.equal(network.head.project.weight[ids], before["head.project.weight"][ids])
    loose, before, _ = begun(f"model.embedding={WIDTH}", f"model.vectors.target={file}", "model.tie_embeddings=none")
    assert torch.equal(loose.head.project.weight, before["head.project.weight"])


def test_one_embedding_for_both_sides_takes_the_vectors_of_either(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    both = ["fields.shared=true", "model.tie_embeddings=all", f"model.embedding={WIDTH}"]
    made = [begun(*both, *(f"model.vectors.{side}={file}" for side in sides)) for sides in (["source"], ["target"], ["source", "target"])]
    ids = [made[0][2].source.vocabulary.id(word) for word in WORDS[:4]]
    for network, _, _ in made:
        assert network.embedding("source").weight is network.head.project.weight
        assert torch.equal(network.embedding("source").weight[ids], made[0][0].embedding("source").weight[ids])


def test_the_embedding_is_as_wide_as_the_vectors_where_nothing_else_is_asked(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    plan = make_plan(TRAIN, dev=DEV, settings=read_settings([*TOKENS, f"model.vectors.source={file}"]))
    assert plan.config.model.embedding == WIDTH
    assert plan.reasons["model.embedding"] == f"as the vectors in {file}"
    written = tmp_path / "run.yaml"
    written.write_text(f"model:\n  vectors: {{target: {file}}}\n", encoding="utf-8")
    assert make_plan(TRAIN, dev=DEV, config=written).config.model.embedding == WIDTH


def test_vectors_may_be_named_in_a_group_in_a_dictionary_or_as_a_path(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    for named in (f"model.vectors={{source: {file}}}", {"model": {"vectors": {"source": Path(file)}}}):
        model = make_plan(TRAIN, dev=DEV, settings=read_settings(TOKENS) | asked_for(named)).config.model
        assert (model.embedding, model.vectors.source) == (WIDTH, file)


def test_vectors_of_two_files_for_one_embedding_make_two_where_that_is_to_be_chosen(tmp_path: Path):
    settings = [f"model.vectors.source={vectors(tmp_path / 'x')}", f"model.vectors.target={vectors(tmp_path / 'yy')}"]
    shared = [f"fields.{side}.vocabulary={tmp_path / 'v'}" for side in ("source.0", "target")]
    (tmp_path / "v").write_text("".join(f"{word}\n" for word in WORDS), encoding="utf-8")
    assert make_plan(TRAIN, dev=DEV, settings=read_settings(shared)).config.model.tie_embeddings == "all"
    assert make_plan(TRAIN, dev=DEV, settings=read_settings([*shared, *settings])).config.model.tie_embeddings == "target"
    with pytest.raises(ConfigError, match=r"tie_embeddings 'all' is one embedding, and vectors name two files; name one of them, or use"):
        make_plan(TRAIN, dev=DEV, settings=read_settings([*shared, *settings, "model.tie_embeddings=all"]))


def test_widths_that_contradict_each_other_are_refused_with_file_and_line(tmp_path: Path):
    file, wide = vectors(tmp_path / "x.vec"), vectors(tmp_path / "wide.vec", width=9)
    with pytest.raises(ConfigError) as error:
        make_plan(TRAIN, dev=DEV, settings={"model.vectors.source": file, "model.embedding": 8})
    said = "vectors of 6 numbers; expected 8, as model.embedding says. Leave that out, it follows the file."
    assert str(error.value) == f"{file}:1: {said}"
    with pytest.raises(ConfigError) as error:
        make_plan(TRAIN, dev=DEV, settings={"model.vectors.source": file, "model.vectors.target": wide})
    expected = f"expected 6 as in {file}:1, since embeddings are of one width. Give vectors of one width."
    assert str(error.value) == f"{wide}:1: vectors of 9 numbers; {expected}"
    with pytest.raises(MissingFileError, match=r"none.vec: no such file"):
        make_plan(TRAIN, dev=DEV, settings={"model.vectors.source": str(tmp_path / "none.vec")})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.vectors.frozen=true"], "model.vectors: frozen keeps ready vectors as they are; expected source or target to name a file"),
        (["model.vectors.source=x", "model.head.kind=squared"], "vectors are of the symbols of texts and tokens; got head kind 'squared'"),
        (
            ["model.vectors.source=x", "fields.source=[{kind: audio}]"],
            "model.vectors.source is of symbols, and frames have none; leave it out",
        ),
    ],
)
def test_vectors_without_symbols_are_refused(settings: list[str], message: str):
    with pytest.raises(ConfigError) as error:
        override(RunConfig(), read_settings(settings))
    assert message in str(error.value)


def test_frozen_embeddings_do_not_change_and_others_do(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    model = train(tmp_path / "run", f"model.vectors.source={file}", "model.vectors.frozen=true")
    config, weights = model.config, read_tensors(tmp_path / "run" / "model.safetensors")[0]
    torch.manual_seed(config.seed)
    network = make_network(config.model, model.fields.source, model.fields.target)
    begin_with_vectors(network, vectors_of(config.model, model.fields, Silence()))
    first = network.state_dict()
    assert torch.equal(weights["source_input.embedding.weight"], first["source_input.embedding.weight"])
    assert not torch.equal(weights["target_input.embedding.weight"], first["target_input.embedding.weight"])


def test_frozen_vectors_of_no_symbol_are_refused(tmp_path: Path):
    file = vectors(tmp_path / "x.vec", words=("one", "two"))
    message = (
        f"{file}: no vectors of source symbols, and with model.vectors.frozen=true all of them would stay as drawn; "
        "expected some. Leave model.vectors.source or model.vectors.frozen out, or name another file."
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        train(tmp_path / "run", f"model.vectors.source={file}", "model.vectors.frozen=true")
    assert not (tmp_path / "run").exists()


def test_symbols_that_are_new_to_a_frozen_run_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, pairs = vectors(tmp_path / "x.vec"), [(f"crimson {word}", f"{word} red") for word in WORDS]
    begin = train(tmp_path / "run", f"model.vectors.source={file}", "model.vectors.frozen=true")
    given = {"dev": pairs, "start_from": begin, "quiet": True}
    capsys.readouterr()
    stays = seqloom.train(pairs, out=tmp_path / "stays", settings=["training.max_steps=2"], **given)
    message = (
        "warning: 1 new source symbol: embeddings are drawn, and with model.vectors.frozen=true they stay so, so that they are never "
        "learned. Set it to false to learn them."
    )
    assert message in capsys.readouterr().err
    learns = seqloom.train(pairs, out=tmp_path / "learns", settings=["training.max_steps=2", "model.vectors.frozen=false"], **given)
    assert "never learned" not in capsys.readouterr().err
    new = stays.fields.source.vocabulary.id("crimson")
    assert not torch.equal(stays.network.embedding("source").weight[new], learns.network.embedding("source").weight[new])


def test_the_file_is_not_needed_to_load_export_or_begin_with_the_run(tmp_path: Path):
    file = vectors(tmp_path / "x.vec")
    said = train(tmp_path / "run", f"model.vectors.source={file}", "model.vectors.frozen=true").predict(["red green blue"])
    Path(file).unlink()
    assert load(tmp_path / "run").predict(["red green blue"]) == said
    export(tmp_path / "run", tmp_path / "exported")
    assert load(tmp_path / "exported").predict(["red green blue"]) == said
    settings = ["training.max_steps=2", "model.vectors.frozen=false"]
    seqloom.train(TRAIN, dev=DEV, out=tmp_path / "next", start_from=tmp_path / "run", settings=settings, quiet=True)
    before, after = (read_tensors(tmp_path / name / "model.safetensors")[0]["source_input.embedding.weight"] for name in ("run", "next"))
    assert before.shape == after.shape


def test_vectors_beside_a_run_to_begin_with_are_refused(tmp_path: Path):
    train(tmp_path / "run", f"model.embedding={WIDTH}")
    file = vectors(tmp_path / "x.vec")
    with pytest.raises(ConfigError) as error:
        seqloom.train(TRAIN, dev=DEV, out=tmp_path / "next", start_from=tmp_path / "run", settings=[f"model.vectors.source={file}"])
    assert str(error.value).startswith(
        f"model.vectors.source: {file}; {tmp_path / 'run'} has None, and start_from keeps its symbols and its"
    )
    assert not (tmp_path / "next").exists()


def test_vectors_do_not_go_with_the_run_that_is_replaced(tmp_path: Path):
    run = tmp_path / "run"
    (run / "members").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    file = vectors(run / "members" / "x.vec")
    with pytest.raises(CheckpointError, match=re.escape(f"{file}: lies in {run}, which training would replace. Choose another out.")):
        seqloom.train(TRAIN, dev=DEV, out=run, settings=[f"model.vectors.source={file}"], overwrite=True, quiet=True)
    assert Path(file).is_file()


def test_members_begin_with_the_same_vectors_and_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    firsts: list[dict[str, torch.Tensor]] = []
    fit = Trainer.fit

    def remember(trainer: Trainer, **options: Any) -> Any:
        firsts.append({name: part.clone() for name, part in trainer.network.state_dict().items()})
        return fit(trainer, **options)

    monkeypatch.setattr(Trainer, "fit", remember)
    model = train(tmp_path / "run", f"model.vectors.source={vectors(tmp_path / 'x.vec')}", members=2)
    ids = [model.fields.source.vocabulary.id(word) for word in WORDS[:4]]
    one, two = (first["source_input.embedding.weight"] for first in firsts)
    assert torch.equal(one[ids], two[ids])
    assert not torch.equal(one, two)
    assert not torch.equal(firsts[0]["head.narrow.weight"], firsts[1]["head.narrow.weight"])


def test_how_many_were_found_is_said_and_a_broken_file_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "run"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in TRAIN), encoding="utf-8")
    file = vectors(tmp_path / "x.vec")
    asked = [part for item in (*SMALL, *TOKENS, f"model.vectors.source={file}") for part in ("--set", item)]
    assert run("train", pairs, "--dev", pairs, "--out", out, *asked) == 0
    assert f"vectors: 4 of 6 source symbols are in {file} (67%)" in "".join(capsys.readouterr()).splitlines()
    with Path(file).open("a", encoding="utf-8") as text:
        text.write("grey 1 2 3\n")
    assert run("train", pairs, "--dev", pairs, "--out", tmp_path / "other", *asked) == 2
    assert f"error: {file}:5: 3 numbers behind 'grey'; expected 6, as line 1 has. Mend or delete the line." in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


# ------------------------------------------------------------------------------------------------------------- killed, resumed


def test_a_run_that_ended_before_its_vectors_were_written_does_not_go_on_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "write_tensors", end)
    settings = [*SMALL, *TOKENS, f"model.vectors.source={vectors(tmp_path / 'x.vec')}"]
    with pytest.raises(KeyboardInterrupt):
        runs.start(make_plan(TRAIN, dev=DEV, settings=read_settings(settings)), tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"the encoded training data is damaged .*; train anew with --overwrite\.$"):
        runs.resume(tmp_path / "run")


KILLED = ["at the first save", "after it", "at the third update"]
PLACES = {
    "at the first save": (Trainer, "_save", True),
    "after it": (Trainer, "_save", False),
    "at the third update": (Trainer, "_update", True),
}


def start(folder: Path, out: Path) -> None:
    named = [f"model.vectors.{side}={folder / 'x.vec'}" for side in ("source", "target")]
    runs.start(make_plan(TRAIN, dev=DEV, settings=read_settings([*SMALL, *TOKENS, *named, "model.vectors.frozen=true"])), out)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    vectors(folder / "x.vec")
    run_as_script(__file__, folder, KILLED)
    torch.set_num_threads(1)
    start(folder, folder / "whole")
    (folder / "x.vec").unlink()
    return folder


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_run_ends_with_the_same_weights_though_the_file_is_gone(name: str, killed: Path):
    runs.resume(killed / name)
    assert RunDirectory(killed / name).weights.read_bytes() == RunDirectory(killed / "whole").weights.read_bytes()
    assert not RunDirectory(killed / name).training.exists()


if __name__ == "__main__":
    folder = Path(sys.argv[1])

    def begin(name: str) -> None:
        owner, function, before = PLACES[name]
        dying_at_call(owner, function, 3 if function == "_update" else 1, before=before)
        start(folder, folder / name)
        die()

    make_killed_runs(KILLED, begin)
