"""`model.export`: what `seqloom export` does, from the model itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from stage import TINY

import seqloom
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
