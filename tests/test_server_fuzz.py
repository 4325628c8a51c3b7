"""Nothing that can be sent makes the server fail: requests made from its own description, and bytes and texts of any kind."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import threading
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import schemathesis
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from starlette.testclient import TestClient

from seqloom.answers import Output, Prediction
from seqloom.config import AudioField, FieldsConfig, SearchConfig, TextField
from seqloom.data.rows import Row
from seqloom.errors import standing_at
from seqloom.fields.task import Fields
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.server.process import address_of, listen, make_server
from seqloom.settings import build
from seqloom.sound.field import SoundField


class Echo:
    """Reads its source as a real model would, and writes it."""

    stride, copies = 1, False

    def __init__(self) -> None:
        self.fields = Fields.fit(FieldsConfig(source=[TextField()], target=TextField()), [Row(("abc",), "abc", "")])
        self.manifest = SimpleNamespace(precision="int8", parameters=7, metrics={}, measured=None, versions={})

    def search(self, **changes: Any) -> SearchConfig:
        return build({"search": changes}, where="predict").search

    def answers(
        self, rows: Iterable[Row], config: SearchConfig, *, prefix: str, replace_unknown: bool, keep_attention: bool
    ) -> Iterator[Prediction]:
        for row in rows:
            text = self.fields.target.decode([*self.fields.encode_target(prefix, []), *self.fields.source.encode(row.source)])
            yield Prediction(row.source, self.fields.source.symbols(row.source), [Output(text, 0.0, 0.0, list(text), [0.0], False)])


LIMITS = Limits(body_bytes=20_000, items=20, characters=200)
APP = create_app({"echo": Echo(), "other": Echo()}, limits=LIMITS)
CLIENT = TestClient(create_app({"echo": Echo(), "other": Echo()}, limits=LIMITS), raise_server_exceptions=False)


class Hearing(Echo):
    """Hears its source as a real model would."""

    def __init__(self) -> None:
        super().__init__()
        config = FieldsConfig(source=[AudioField(sample_rate=8000, mels=4)], target=TextField())
        self.fields = dataclasses.replace(self.fields, config=config, source=SoundField(AudioField(sample_rate=8000, mels=4)))

    def answers(
        self, rows: Iterable[Row], config: SearchConfig, *, prefix: str, replace_unknown: bool, keep_attention: bool
    ) -> Iterator[Prediction]:
        for row in rows:
            with standing_at(row.where):
                frames = self.fields.source.encode(row.source)
            assert np.isfinite(frames).all()
            yield Prediction(row.source, [], [Output("", 0.0, 0.0, [], [0.0], False)])


HEARING = TestClient(create_app({"hearing": Hearing()}, limits=LIMITS), raise_server_exceptions=False)
SOUND = io.BytesIO()
soundfile.write(SOUND, 0.1 * np.random.default_rng(1).normal(size=900), 8000, format="WAV", subtype="FLOAT")
PACKED = io.BytesIO()
soundfile.write(PACKED, 0.1 * np.random.default_rng(1).normal(size=900), 8000, format="FLAC")
FORESEEN = {200, 404, 405, 413, 415, 422}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server on a socket."""
    listening, started = listen("127.0.0.1", 0), threading.Event()
    server = make_server(APP, 5, started.set)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    assert started.wait(10)
    yield address_of(listening)
    server.should_exit = True
    thread.join(10)


@schemathesis.openapi.from_dict(APP.openapi()).parametrize()
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_requests_made_from_the_description_are_answered_as_it_says(case: schemathesis.Case, address: str) -> None:
    response = case.call_and_validate(base_url=address, checks=CHECKS)
    assert response.status_code in FORESEEN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=8), parts, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["input", "inputs", "model", "beam", "n_best", "scores", "min_length", "max_length", "length_penalty", "prefix", "stream"]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS | st.text(max_size=8), JSON, max_size=5))
def test_any_json_is_answered_or_refused_in_words(body: dict[str, Any]) -> None:
    response = CLIENT.post("/v1/predict", content=json.dumps(body).encode(), headers={"content-type": "application/json"})
    assert_foreseen(response)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/plain", "multipart/form-data", "", "\x7f"]))
def test_any_bytes_are_refused_in_words(body: bytes, kind: str) -> None:
    assert_foreseen(CLIENT.post("/v1/predict", content=body, headers={"content-type": kind}))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.text(max_size=5), st.booleans())
def test_any_text_is_answered_or_refused_in_words(inputs: list[str], prefix: str, attention: bool) -> None:
    response = CLIENT.post("/v1/predict", json={"inputs": inputs, "prefix": prefix, "attention": attention})
    assert_foreseen(response)
    if "\0" not in "".join([*inputs, prefix]) and not set(prefix) - set("abc"):
        assert response.status_code == 200
        assert len(response.json()["predictions"]) == len(inputs)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=40), st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]))
def test_any_address_and_method_are_answered_or_refused_in_words(path: str, method: str) -> None:
    from urllib.parse import quote

    assert_foreseen(CLIENT.request(method, "/" + quote(path, errors="replace")))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([SOUND, PACKED]), st.lists(st.tuples(st.integers(0, 120), st.binary(max_size=8)), max_size=3), st.integers(0, 4000))
def test_any_damage_to_a_sound_is_heard_or_refused_in_words(sound: io.BytesIO, damage: list[tuple[int, bytes]], cut: int) -> None:
    content = bytearray(sound.getvalue())
    for place, put in damage:
        content[place : place + len(put)] = put
    text = base64.b64encode(content[:cut] if cut < 200 else content).decode()
    assert_foreseen(HEARING.post("/v1/predict", json={"input": text}))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=30) | st.binary(max_size=60).map(lambda content: base64.b64encode(b"RIFF" + content).decode()))
def test_any_text_in_place_of_a_sound_is_refused_in_words(text: str) -> None:
    response = HEARING.post("/v1/predict", json={"input": text})
    assert_foreseen(response)
    assert response.status_code == 422


def assert_foreseen(response: Any) -> None:
    if response.status_code != 200:
        assert response.status_code in FORESEEN, response.text
        assert list(response.json()) == ["error"]
        assert response.json()["error"]
        assert "\n" not in response.json()["error"]
