"""`model.export`: what `seqloom export` does, from the model itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from stage import TINY

import seqloom
from seqloom.checkpoint import RunDirectory
from seqloom.errors import CheckpointError

PAIRS = [(" ".join(part), " ".join(reversed(part))) for part in ("abc", "bca", "cab", "ab", "ba", "ca", "ac", "bc")]
SOURCES = [source for source, _ in PAIRS]


def test_a_model_exports_itself(tmp_path: Path) -> None:
    model = seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "run", settings=TINY, quiet=True)
    report = model.export(tmp_path / "dist", precision="float32", settings=["search.beam=3"])
    assert (report.folder, report.manifest.precision, report.manifest.search.beam) == (tmp_path / "dist", "float32", 3)
    assert seqloom.load(tmp_path / "dist").predict(SOURCES) == model.predict(SOURCES, beam=3)
    with pytest.raises(CheckpointError, match=re.escape(f"{tmp_path / 'dist'}: exists already.")):
        model.export(tmp_path / "dist")
    assert model.export(tmp_path / "dist", precision="int8", overwrite=True).manifest.precision == "int8"
    for settings in ("search.beam=4", {"search": {"beam": 4}}):
        report = model.export(tmp_path / "dist", precision="float32", overwrite=True, settings=settings)
        assert report.manifest.search.beam == 4, "as settings of train may be given"


def test_a_model_of_numbers_exports_itself(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    sources = draw.normal(size=(24, 5, 2))
    model = seqloom.train(sources, sources[:, :3, :1], out=tmp_path / "run", settings=["training.max_steps=2"], quiet=True)
    assert model.export(tmp_path / "dist", precision="float32").parity.holds
    ours, theirs = model.predict(list(sources[:3])), seqloom.load(tmp_path / "dist").predict(list(sources[:3]))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_weights_that_a_loop_of_ones_own_has_changed_are_saved_as_a_run_and_not_exported_before(tmp_path: Path) -> None:
    model = seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "run", settings=TINY, quiet=True)
    with torch.no_grad():
        model.network.head.project.bias[5] += 9
    told = "model.safetensors: holds other weights than the model has in memory; expected those that it was trained with. Write these with"
    with pytest.raises(CheckpointError, match=re.escape(told)):
        model.export(tmp_path / "dist", precision="float32")
    saved = seqloom.load(model.save(tmp_path / "mine"))
    assert saved.predict(SOURCES) == model.predict(SOURCES) != seqloom.load(tmp_path / "run").predict(SOURCES)
    saved.export(tmp_path / "dist", precision="float32")
    assert seqloom.load(tmp_path / "dist").predict(SOURCES) == model.predict(SOURCES)
    about = RunDirectory(tmp_path / "mine").read_about()
    assert (about["why"], about["finished"], "metrics" in about) == ("saved", True, False)
    assert (tmp_path / "run" / "metrics.jsonl").is_file()
    assert not (tmp_path / "mine" / "metrics.jsonl").exists(), "the learning curve is that of other weights"
    with pytest.raises(CheckpointError, match="exists already"):
        model.save(tmp_path / "mine")
    with pytest.raises(CheckpointError, match=re.escape("the run that the model came from")):
        model.save(tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / "run.json").is_file()
    again = seqloom.load(model.save(tmp_path / "run" / "within"))
    assert sorted(entry.name for entry in again.path.iterdir()) == sorted(entry.name for entry in (tmp_path / "mine").iterdir())


def test_members_and_models_of_numbers_are_saved_too(tmp_path: Path) -> None:
    two = seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "two", settings=TINY, members=2, quiet=True)
    with torch.no_grad():
        two.network.members[1].head.project.bias[5] += 9
    with pytest.raises(CheckpointError, match=r"members/2/model\.safetensors: holds other weights"):
        two.export(tmp_path / "dist")
    assert seqloom.load(two.save(tmp_path / "more")).predict(SOURCES) == two.predict(SOURCES)
    first = seqloom.load(tmp_path / "two" / "members" / "1")
    with pytest.raises(CheckpointError, match=re.escape(f"lies in {tmp_path / 'two'}, which saving would replace. Choose another")):
        first.save(tmp_path / "two", overwrite=True)
    within = tmp_path / "two" / "members" / "3"
    message = f"{within}: lies in what makes up {tmp_path / 'two'}, the run that the model came from; expected a folder outside of it."
    with pytest.raises(CheckpointError, match=re.escape(f"{message} Choose another out.")):
        two.save(within)
    assert sorted(entry.name for entry in within.parent.iterdir()) == ["1", "2"]
    assert seqloom.load(tmp_path / "two").predict(SOURCES), "it is still there"
    for member in RunDirectory(tmp_path / "more").members():
        assert not member.metrics.exists()
        assert "metrics" not in member.read_about()
    sources = np.random.default_rng(1).normal(size=(24, 5, 2))
    model = seqloom.train(sources, sources[:, :3, :1], out=tmp_path / "run", settings=["training.max_steps=2"], quiet=True)
    saved = seqloom.load(model.save(tmp_path / "mine"))
    np.testing.assert_array_equal(saved.predict(list(sources[:3]))[0], model.predict(list(sources[:3]))[0])


def test_an_exported_model_does_not_say_where_its_ready_vocabulary_lay(tmp_path: Path) -> None:
    ready = tmp_path / "private" / "words.txt"
    ready.parent.mkdir()
    ready.write_text("a\nb\nc\n", encoding="utf-8")
    settings = [*TINY, *(f"fields.{side}={{kind: tokens, vocabulary: '{ready}'}}" for side in ("source.0", "target"))]
    model = seqloom.train(PAIRS * 2, dev=PAIRS, out=tmp_path / "run", settings=settings, quiet=True)
    model.export(tmp_path / "dist", precision="float32")
    assert seqloom.load(tmp_path / "dist").predict(SOURCES) == model.predict(SOURCES)
    for file in (tmp_path / "dist").iterdir():
        assert b"private" not in file.read_bytes(), file.name
    assert "words.txt" in (tmp_path / "dist" / "fields.json").read_text(encoding="utf-8")
