"""The client of docs/export.md, which knows nothing of this package, against `seqloom.load` on models that were exported here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from stage import TINY

import seqloom
from seqloom.examples import make_example
from seqloom.export import export
from seqloom.runtime import Predictor

PAGE = Path(__file__).parents[1] / "docs" / "export.md"
DATES = make_example("dates").train[:200]
CHARACTERS = '{"kind": "text", "max_size": 30}'
THREE = [((source, f"1:{number % 3} {target[:2]}", target), target.replace("-", "|")) for number, (source, target) in enumerate(DATES)]
SMALL = [*TINY, "model.dropout=0", "training.optimizer.learning_rate=0.02", "data.hold_out_at_most=10"]
CASES: dict[str, tuple[Sequence[Any], list[str]]] = {
    "characters": (DATES, ["search.max_length_ratio=0.5", "search.length_penalty=0.4"]),
    "characters, copying": (DATES, [f"fields.source=[{CHARACTERS}]", 'fields.target={"kind": "text", "max_size": 3}', "model.copy=true"]),
    "decomposed, lower case": (
        [(f"É{source}", f"é{target}") for source, target in DATES],
        [
            'fields.source=[{"kind": "text", "decompose": true, "lowercase": true}]',
            'fields.target={"kind": "text", "decompose": true}',
            "search.kind=greedy",
        ],
    ),
    "three columns of two kinds, copying": (
        THREE,
        [
            f'fields.source=[{CHARACTERS}, {{"kind": "tokens"}}, {CHARACTERS}]',
            'fields.target={"kind": "tokens", "separator": "|", "max_size": 5}',
            "model.copy=true",
        ],
    ),
    "cut, read to its end": (DATES, ["data.max_source_length=6", "data.too_long=cut", "data.keep=end"]),
    "shared tokens": (
        [(f"{source} ä", source) for source, _ in DATES],
        ['fields.source=[{"kind": "tokens"}]', 'fields.target={"kind": "tokens"}', "fields.shared=true"],
    ),
}


def client_of_the_page() -> Any:
    """The class `Client` that the page shows."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(code.replace("\nprint(", "\n# print("), str(PAGE), "exec"), names)
    return names["Client"]


@pytest.fixture(scope="module", params=CASES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, (pairs, settings) = tmp_path_factory.mktemp("client"), CASES[request.param]
    model = seqloom.train(pairs, out=place / "run", settings=[*SMALL, *settings], quiet=True)
    return export(model.path, place / "dist", precision="float32").folder


def test_the_client_of_the_page_answers_as_the_package(folder: Path) -> None:
    model, client = seqloom.load(folder), client_of_the_page()(folder / "model.onnx")
    assert isinstance(model, Predictor)
    width = len(model.fields.config.source)
    sources = [*(source for source, _ in make_example("dates").test[:8]), "  ΣΑΣ ñ ﬁ  03\t<s>  ", "☃☃ 7 ☃", "E\u0301"]
    asked = [tuple([source, "1:2 x 1:2", f"{source[::-1]} ☃"][:width]) for source in sources]
    for search in ({}, {"beam": 3, "length_penalty": 2.0}, {"beam": 2, "min_length": 9}):
        for texts, prediction in zip(asked, model.predictions(asked, **search), strict=True):
            found = client.answers(*texts, **search)
            assert [text for text, _ in found] == [output.text for output in prediction.outputs], texts
            assert [score for _, score in found] == pytest.approx([output.score for output in prediction.outputs], abs=1e-5)


def test_onnxruntime_loads_an_exported_model_without_a_warning(folder: Path) -> None:
    code = f"import onnxruntime; onnxruntime.InferenceSession({str(folder / 'model.onnx')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "W:onnxruntime" not in done.stderr


def test_the_page_names_all_that_a_model_says_of_itself(folder: Path) -> None:
    model = seqloom.load(folder)
    assert isinstance(model, Predictor)
    carried = model.graph.session.get_modelmeta().custom_metadata_map
    assert set(re.findall(r"^\| `(seqloom\.\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)) == set(carried)
