"""The HTTP API as a client meets it: answers, streams, and the exact words of every refusal."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from seqloom.answers import Output, Prediction
from seqloom.config import FieldsConfig, SearchConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, DataError, MissingFileError
from seqloom.fields.task import Fields
from seqloom.server.access import check_origins, is_loopback, read_tokens
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.server.models import named_paths
from seqloom.server.refusals import unusable
from seqloom.settings import build
from seqloom.stopping import stoppable

if TYPE_CHECKING:
    from httpx2 import Response

SHORTER = "Cut it into shorter parts, or serve with a higher --max-characters."
DOCS = "/docs lists what is allowed."
TEXTS = "expected a text, or a list of texts, in the order of the columns, where the model has several"
LESS = "Send fewer or shorter sources, a smaller beam or max_length, or go without."
TOKEN = "correct-horse-battery"


class Reverse:
    """A model that writes its source backwards, as often as the beam is wide, and cannot answer "bad" and "broken".

    It knows a, b and c, and has never seen q.
    """

    stride = 1

    def __init__(self, columns: int = 1, *, copies: bool = False) -> None:
        self.copies = copies
        config = FieldsConfig(source=[TextField(), TokensField()][:columns], target=TextField())
        self.fields = Fields.fit(config, [Row(("abc", "V PST")[:columns], "cba", "")], names=(*("word", "tags")[:columns], "reversed"))
        self.manifest = SimpleNamespace(
            precision="int8", parameters=7, metrics={"bleu": 30.5}, measured=None, versions={"seqloom": "0.1.0"}
        )
        self.asked: list[tuple[list[str], SearchConfig]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def search(self, **changes: Any) -> SearchConfig:
        return build({"search": {"beam": 2, **changes}}, where="predict").search

    def answers(
        self, rows: Iterable[Row], config: SearchConfig, *, prefix: str, replace_unknown: bool, keep_attention: bool
    ) -> Iterator[Prediction]:
        rows = list(rows)
        self.asked.append((["|".join(row.source) for row in rows], config))
        assert self.may_answer.wait(10)
        for row in rows:
            if row.source[0] == "bad":
                raise DataError(f"{row.where}: the source has 9 symbols; the limit is 8. Mend it.")
            if row.source[0] == "broken":
                raise ZeroDivisionError
            text = prefix + "|".join(row.source)[::-1]
            attention = [[1.0, 0.0]] if keep_attention else None
            output = Output(text, -0.25, -0.5, list(text), [-0.25, float("-inf")], False, attention)
            unknown = ["q"] * row.source[0].count("q")
            outputs, is_cut = [output] * config.beam if any(row.source) else [], row.source[0].startswith("long")
            yield Prediction(row.source, list(row.source[0]), outputs, unknown=unknown, source_cut=is_cut)


@pytest.fixture
def model() -> Reverse:
    return Reverse()


@pytest.fixture
def client(model: Reverse) -> Iterator[TestClient]:
    limits = Limits(body_bytes=2_000, items=5, characters=20, beam=8, max_length=50, waiting=4, attention=250)
    with TestClient(create_app({"reverse": model, "two": Reverse(2)}, limits=limits), raise_server_exceptions=False) as made:
        yield made


def ask(client: TestClient, **body: Any) -> Response:
    return client.post("/v1/predict", json=body)


def texts(response: Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    return [[output["text"] for output in prediction["outputs"]] for prediction in response.json()["predictions"]]


def refusal(response: Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return response.status_code, response.json()["error"]


def events(response: Response) -> list[tuple[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    parts = [part.split("\n") for part in response.text.removesuffix("\n\n").split("\n\n")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in parts]


# ------------------------------------------------------------------------------------------------------------- answers


def test_one_source_is_answered(client: TestClient) -> None:
    response = ask(client, input="abc")
    assert response.json() == {"model": "reverse", "predictions": [{"outputs": [{"text": "cba"}]}]}


def test_many_sources_are_answered_in_their_order(client: TestClient) -> None:
    assert texts(ask(client, inputs=["abc", " de ", ["f"]])) == [["cba"], ["ed"], ["f"]]


def test_a_blank_source_has_no_answer(client: TestClient) -> None:
    assert texts(ask(client, inputs=["abc", "  "])) == [["cba"], []]


def test_several_columns_are_a_list_of_texts(client: TestClient) -> None:
    assert texts(ask(client, model="two", input=["abc", "V"])) == [["V|cba"]]
    assert texts(ask(client, model="two", inputs=[["abc", "V"], ["d", ""]])) == [["V|cba"], ["|d"]]


def test_n_best_widens_the_beam_and_is_never_exceeded(client: TestClient, model: Reverse) -> None:
    assert [len(found) for found in texts(ask(client, inputs=["ab"], n_best=2))] == [2]
    assert [len(found) for found in texts(ask(client, inputs=["ab"], n_best=3))] == [3]
    assert [len(found) for found in texts(ask(client, inputs=["ab"], n_best=2, beam=6))] == [2]
    assert [config.beam for _, config in model.asked] == [2, 3, 6]


def test_more_answers_than_the_beam_that_is_given_are_refused(client: TestClient, model: Reverse) -> None:
    said = f"body: n_best 5 is above beam 1; lower the one or raise the other, or leave beam out. {DOCS}"
    assert refusal(ask(client, input="ab", beam=1, n_best=5)) == (422, said)
    assert not model.asked


def test_scores_and_attention_come_where_they_are_asked_for(client: TestClient) -> None:
    (scored,) = ask(client, input="ab", scores=True).json()["predictions"]
    told = {"text": "ba", "score": -0.25, "log_prob": -0.5, "tokens": ["b", "a"], "token_log_probs": [-0.25, None], "cut": False}
    assert scored == {"outputs": [told]}
    (looked,) = ask(client, input="ab", attention=True).json()["predictions"]
    assert looked == {"outputs": [{**told, "attention": [[1.0, 0.0]]}], "source_tokens": ["a", "b"]}


def test_settings_of_the_search_reach_the_model(client: TestClient, model: Reverse) -> None:
    ask(client, input="ab", beam=1, min_length=2, max_length=7, length_penalty=0.5)
    assert model.asked == [(["ab"], SearchConfig(beam=1, min_length=2, max_length=7, length_penalty=0.5))]
    assert texts(ask(client, input="ab", prefix="c")) == [["cba"]]


def test_a_source_that_was_cut_is_marked(client: TestClient) -> None:
    assert ask(client, inputs=["abc", "long"]).json()["predictions"] == [
        {"outputs": [{"text": "cba"}]},
        {"outputs": [{"text": "gnol"}], "source_cut": True},
    ]


def test_symbols_that_training_never_saw_are_named_once_with_the_answer_and_counted(client: TestClient) -> None:
    predictions = ask(client, inputs=["abc", "qaq"]).json()["predictions"]
    assert predictions == [{"outputs": [{"text": "cba"}]}, {"outputs": [{"text": "qaq"}], "unknown": ["q"]}]
    streamed = events(ask(client, input="qaq", stream=True))
    assert streamed[0] == ("prediction", {"index": 0, "outputs": [{"text": "qaq"}], "unknown": ["q"]})
    assert 'seqloom_unknown_symbols_total{model="reverse"} 4.0' in client.get("/metrics").text.splitlines()
    described = client.get("/openapi.json").json()["components"]["schemas"]["Predicted"]["properties"]["unknown"]
    assert described["description"].startswith("Symbols of the source that training never saw")


def test_a_prefix_that_the_model_cannot_write_is_refused(client: TestClient) -> None:
    said = "prefix: unknown to model reverse: 'x', 'é'; expected symbols of its targets. Leave them out."
    assert refusal(ask(client, input="xé", prefix="axéx")) == (422, said)
    assert refusal(ask(client, input="a", prefix="defghijkl"))[1].startswith(
        "prefix: unknown to model reverse: 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k' and 1 more; "
    )


def test_a_prefix_may_hold_what_a_model_that_copies_finds_in_every_source() -> None:
    with TestClient(create_app({"copying": Reverse(copies=True)})) as client:
        assert texts(ask(client, inputs=["xé", "", "éx"], prefix="éx")) == [["éxéx"], [], ["éxxé"]]
        said = "prefix: unknown to model copying, and not in inputs[1] to be copied: 'é'; expected symbols of its targets. Leave them out."
        assert refusal(ask(client, inputs=["xé", "ax"], prefix="éx")) == (422, said)


def test_the_models_are_listed_with_their_columns(client: TestClient) -> None:
    first, second = client.get("/v1/models").json()["models"]
    assert first["name"] == "reverse"
    assert first["source"] == [{"name": "word", "kind": "text", "unit": "character"}]
    assert (first["precision"], first["parameters"], first["metrics"]) == ("int8", 7, {"bleu": 30.5})
    assert first["versions"] == {"seqloom": "0.1.0"}
    assert first["search"]["beam"] == 2
    assert second["source"][1] == {"name": "tags", "kind": "tokens"}
    assert client.get("/health").json() == {"status": "ok", "version": first_version(), "models": ["reverse", "two"]}


def first_version() -> str:
    from seqloom import __version__

    return __version__


# ------------------------------------------------------------------------------------------------------------- streams


def test_a_stream_sends_each_prediction_and_then_that_it_is_done(client: TestClient) -> None:
    found = events(ask(client, inputs=["abc", "de"], stream=True))
    assert sorted(found[:2], key=str) == [
        ("prediction", {"index": 0, "outputs": [{"text": "cba"}]}),
        ("prediction", {"index": 1, "outputs": [{"text": "ed"}]}),
    ]
    assert found[2:] == [("done", {"predictions": 2, "errors": 0})]


def test_a_source_that_fails_in_a_stream_is_an_event_and_the_others_are_answered(client: TestClient) -> None:
    found = events(ask(client, inputs=["abc", "bad", "broken"], stream=True))
    assert sorted(found[:3], key=lambda event: event[1]["index"]) == [
        ("prediction", {"index": 0, "outputs": [{"text": "cba"}]}),
        ("error", {"index": 1, "error": "inputs[1]: the source has 9 symbols; the limit is 8. Mend it."}),
        ("error", {"index": 2, "error": f"inputs[2]: {FAILED}"}),
    ]
    assert found[3:] == [("done", {"predictions": 1, "errors": 2})]


def test_a_source_that_cannot_be_used_in_a_stream_is_an_event_and_the_others_are_answered(client: TestClient) -> None:
    found = events(ask(client, inputs=["abc", ["a", "b"]], stream=True))
    said = "inputs[1]: 2 source columns; model reverse expects 1. Give a text, or several in inputs."
    assert sorted(found[:2], key=lambda event: event[1]["index"]) == [
        ("prediction", {"index": 0, "outputs": [{"text": "cba"}]}),
        ("error", {"index": 1, "error": said}),
    ]
    assert found[2:] == [("done", {"predictions": 1, "errors": 1})]
    whole = ask(client, inputs=[["a", "b"]], stream=True), ask(client, inputs=["abc", ["a", "b"]])
    assert [answer.status_code for answer in whole] == [422, 422]
    assert whole[1].json() == {"error": said}


FAILED = "the server failed on it, and its log says where. Try another input, and report this one."


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"table": [{"a": 1}]}, "table: of no effect, model reverse answers no numbers; expected input or inputs. Give those."),
        ({}, f"body: expected one of input, inputs, table and values; got none of them. {DOCS}"),
        ({"input": "a", "inputs": ["b"]}, f"body: expected one of input, inputs, table and values; got input and inputs. {DOCS}"),
        ({"input": "a", "bem": 3}, f"body: unknown key 'bem'. Did you mean 'beam'? {DOCS}"),
        ({"input": 3}, f"input: {TEXTS}; got 3. {DOCS}"),
        ({"inputs": ["a", {}]}, f"inputs[1]: {TEXTS}; got a JSON object of 0. {DOCS}"),
        ({"inputs": []}, f"inputs: expected at least one; got a list of 0. {DOCS}"),
        ({"input": "a", "beam": 0}, f"beam: expected 1 or more; got 0. {DOCS}"),
        ({"input": "a", "beam": "3"}, f"beam: expected a whole number; got '3'. {DOCS}"),
        ({"input": "a", "beam": True}, f"beam: expected a whole number; got true. {DOCS}"),
        ({"input": "a", "scores": None}, f"scores: expected true or false; got null. {DOCS}"),
        ({"input": "a", "length_penalty": 11}, f"length_penalty: expected 10 or less; got 11. {DOCS}"),
        ({"input": "a", "prefix": []}, f"prefix: expected a text; got a list of 0. {DOCS}"),
        ({"inputs": ["b" * 50, 7 * [{}]]}, f"inputs[1]: {TEXTS}; got a list of 7. {DOCS}"),
        ({"input": "a", "beam": "b" * 50}, f"beam: expected a whole number; got '{'b' * 36}.... {DOCS}"),
        ({"input": "a", "x" * 100: 3}, f"body: unknown key '{'x' * 77}...'. {DOCS}"),
        ({"input": "a", "table": [{"b": {}}]}, f"table[0].b: expected a text, a number, true or false; got a JSON object of 0. {DOCS}"),
        ({"input": "a", "table": [{"s": 3}, {"s": []}]}, f"table[1].s: expected a text, a number, true or false; got a list of 0. {DOCS}"),
        ({"input": "a", "min_length": 9, "max_length": 8}, f"min_length 9 is above max_length 8; lower the one or raise the other. {DOCS}"),
        ({"input": "a", "beam": 9}, "beam: 9; the limit is 8. Ask for less."),
        ({"input": "a", "n_best": 1_000}, "n_best: 1,000; the limit is 8. Ask for less."),
        ({"input": "a", "max_length": 51}, "max_length: 51; the limit is 50. Ask for less."),
        ({"inputs": ["a"] * 6}, "inputs: 6 sources; the limit is 5. Send them in several requests."),
        ({"inputs": ["a"] * 5}, "inputs: 5 sources; at most 4 can wait. Send them in several requests."),
        ({"inputs": ["a", "b" * 21]}, f"inputs[1]: 21 characters; the limit is 20. {SHORTER}"),
        ({"input": "a", "prefix": "b" * 21}, f"prefix: 21 characters; the limit is 20. {SHORTER}"),
        ({"input": ["a", "b"]}, "input: 2 source columns; model reverse expects 1. Give a text, or several in inputs."),
        ({"model": "two", "inputs": [["a", "b"], "c"]}, "inputs[1]: 1 source column; model two expects 2. Give a list of 2 texts."),
        ({"input": "a\0"}, "input: a NUL character; expected text. Remove it."),
        ({"input": "a", "prefix": "\0"}, "prefix: a NUL character; expected text. Remove it."),
        ({"inputs": ["abc", ""], "attention": True, "beam": 8, "max_length": 6}, f"attention: up to 280 weights; the limit is 250. {LESS}"),
        ({"inputs": ["a", "bad"]}, "inputs[1]: the source has 9 symbols; the limit is 8. Mend it."),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_words(client: TestClient, body: dict[str, Any], error: str) -> None:
    assert refusal(ask(client, **body)) == (422, error)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("table:4: load is 'x'; expected a number. Mend the cell, or choose other columns.",
         "table[3]: load is 'x'; expected a number. Mend the cell."),
        ("inputs[1]: the source has 9 symbols; the limit is 8. Shorten it, or train a model with --set data.max_source_length=9 or --set "
         "data.too_long=cut.",
         "inputs[1]: the source has 9 symbols; the limit is 8. Shorten it."),
        ("inputs[0]: the prefix 'abc' has 3 symbols; the longest output allowed here has 2. Shorten it, or raise search.max_length.",
         "inputs[0]: the prefix 'abc' has 3 symbols; the longest output allowed here has 2. Shorten it, or raise max_length."),
        ("table:2: day is '3x'; expected a date. Mend the cell, or train without --time: rows are numbered then, or with --set "
         "fields.numbers.dates=count, if it counts rows.",
         "table[1]: day is '3x'; expected a date. Mend the cell."),
        ("table:1: day is '01/02/03', and nothing tells whether the day or the month is first. Say --set fields.numbers.dates=day_first "
         "(or month_first).",
         "table[0]: day is '01/02/03', and nothing tells whether the day or the month is first. Write it as the table of training did."),
        ("table: 3 rows were put in by fields.numbers.gaps=fill, with nothing in them. Name a rule for what they hold: --set "
         "fields.numbers.missing=previous (or linear, zero).",
         "table: 3 rows were put in, with nothing in them. Give those rows."),
        ("quantiles: a head of kind 'squared' says points only. Train with --quantiles, or with model.head.kind=gaussian.",
         "quantiles: a head of kind 'squared' says points only. Leave quantiles out."),
        ("quantile 0.3: the model was trained for [0.1, 0.5]. Ask for those, or train with --quantiles.",
         "quantile 0.3: the model was trained for [0.1, 0.5]. Ask for those."),
        ("table: load is empty in all rows; expected numbers. Choose other columns.",
         "table: load is empty in all rows; expected numbers. Give numbers, or another table."),
        (f"table:1: load is {'x' * 99!r}, the model's cell is 'y'.", f"table[0]: load is '{'x' * 76}..., the model's cell is 'y'."),
        (f"table:1: load is 'table:{'9' * 5_000}'.", f"table[0]: load is 'table:{'9' * 70}....")
    ],
)  # fmt: skip
def test_what_is_said_to_those_with_a_command_line_is_said_in_words_of_a_request(said: str, instead: str) -> None:
    assert (unusable(DataError(said)).status_code, unusable(DataError(said)).detail) == (422, instead)


def test_a_message_never_grows_with_what_was_sent() -> None:
    assert len(unusable(DataError(f"table: no column 'a'; there are {'b' * 9_000}.")).detail) == 1_000


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"input":', "body: not JSON (Expecting value, at character 9). Send an object with input or inputs; " + DOCS),
        (b"\xff", "body: not JSON in UTF-8. Send an object with input or inputs; " + DOCS),
        (b'{"input": "a", "beam": 1' + b"0" * 1_900 + b"}", f"beam: expected 100,000 or less; got 1{'0' * 36}.... {DOCS}"),
        (b"[1]", f"body: expected a JSON object with input or inputs, and Content-Type: application/json. {DOCS}"),
        (b'"a"', f"body: expected a JSON object with input or inputs, and Content-Type: application/json. {DOCS}"),
        (b"", f"body: expected a JSON object with input or inputs, and Content-Type: application/json. {DOCS}"),
        (b'{"input": "\\ud800"}', "input: half of a surrogate pair; expected whole characters. Decode the text as UTF-8 or UTF-16 first."),
        (b'{"input": "a", "\\ud800": 1}', f"body: expected whole characters, not half of a surrogate pair; got '\\ud800'. {DOCS}"),
        (b'{"input": "a", "length_penalty": NaN}', f"length_penalty: expected a finite number; got nan. {DOCS}"),
    ],
)
def test_bytes_that_are_no_request_are_refused_in_words(client: TestClient, content: bytes, error: str) -> None:
    status, said = refusal(client.post("/v1/predict", content=content, headers={"content-type": "application/json"}))
    assert status == 422
    assert said.startswith(error)


def test_json_that_is_nested_too_deep_is_refused_as_that(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model})) as client:
        answer = client.post("/v1/predict", content=b"[" * 200_000, headers={"content-type": "application/json"})  # for any Python's limit
    assert refusal(answer) == (422, f"body: JSON that is nested too deep. Send an object with input or inputs; {DOCS}")


def test_a_number_of_too_many_digits_is_refused_as_that(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model})) as client:
        body = b'{"input": "a", "beam": ' + b"1" * 5_000 + b"}"
        answer = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    assert refusal(answer) == (422, f"body: JSON with a number of too many digits. Send an object with input or inputs; {DOCS}")


def test_a_packed_body_is_refused(client: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    said = "body: Content-Encoding is not read; expected identity, got 'gzip'. Send the JSON as it is."
    assert refusal(client.post("/v1/predict", content=b"\x1f\x8b\x08", headers=headers)) == (415, said)
    assert texts(client.post("/v1/predict", json={"input": "ab"}, headers={"content-encoding": "identity"})) == [["ba"]]


NO_JSON = f"expected application/json. Send an object with input or inputs, of a text file its lines, a sound file in base64; {DOCS}"


def test_a_body_of_another_type_is_refused(client: TestClient) -> None:
    response = client.post("/v1/predict", content=b'{"input": "a"}', headers={"content-type": "text/plain; charset=utf-8"})
    assert refusal(response) == (415, f"body: Content-Type 'text/plain'; {NO_JSON}")
    curl = client.post("/v1/predict", data={"input": "a"})
    assert refusal(curl) == (415, f"body: Content-Type 'application/x-www-form-urlencoded'; {NO_JSON}")
    untyped = client.post("/v1/predict", content=b'{"input": "a"}')
    assert refusal(untyped) == (422, f"body: expected a JSON object with input or inputs, and Content-Type: application/json. {DOCS}")


@pytest.mark.parametrize("file", [("clip.wav", b"RIFF....WAVE", "audio/wav"), ("words.txt", b"abc\nde\n", "text/plain")])
def test_a_file_that_is_uploaded_as_a_form_is_refused(client: TestClient, file: tuple[str, bytes, str]) -> None:
    assert refusal(client.post("/v1/predict", files={"file": file})) == (415, f"body: Content-Type 'multipart/form-data'; {NO_JSON}")


def test_a_model_that_is_not_there_is_refused_with_those_that_are(client: TestClient) -> None:
    said = "model: no model of this name; expected one of: reverse, two. Did you mean 'reverse'? See /v1/models."
    assert refusal(ask(client, input="a", model="revers")) == (404, said)


def test_an_address_that_is_not_there_and_a_wrong_method_are_refused_in_the_same_form(client: TestClient) -> None:
    assert refusal(client.get("/v1/nothing")) == (404, f"/v1/nothing: nothing there. {DOCS}")
    response = client.get("/v1/predict")
    assert refusal(response) == (405, f"/v1/predict: GET is not for this address; expected POST. {DOCS}")
    assert response.headers["allow"] == "POST"
    response = client.post("/health")
    assert refusal(response)[0] == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_refusal_behind_a_path_of_a_proxy_sends_to_addresses_with_it(model: Reverse) -> None:
    client = TestClient(create_app({"reverse": model}), root_path="/ai")
    assert refusal(ask(client, input="a", bogus=1))[1].endswith(" /ai/docs lists what is allowed.")
    assert refusal(ask(client, input="a", model="x"))[1].endswith(" See /ai/v1/models.")
    assert refusal(ask(client, input="a", prefix="/docs q"))[1].endswith("Leave them out.")
    assert refusal(client.get("/ai/nothing"))[1].endswith(" /ai/docs lists what is allowed.")
    assert refusal(client.post("/v1/predict", content=b"x", headers={"content-type": "text/plain"}))[1].endswith(
        "; /ai/docs lists what is allowed."
    )


def test_a_slash_at_the_end_leads_nowhere(client: TestClient) -> None:
    for path in ("/v1/predict/", "/health/", "/docs/"):
        response = client.post(path, headers={"host": "elsewhere.example"}, follow_redirects=False)
        assert refusal(response) == (404, f"{path}: nothing there. {DOCS}")


def test_head_is_answered_as_get_is_without_a_body(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model}, tokens=[TOKEN])) as client:
        for path in ("/health", "/v1/models", "/metrics"):
            known = {"authorization": f"Bearer {TOKEN}"}
            head, get = client.head(path, headers=known), client.get(path, headers=known)
            assert (head.status_code, head.headers["content-type"]) == (200, get.headers["content-type"])
            assert client.head(path).status_code == (200 if path == "/health" else 401)
        assert set(client.get("/openapi.json").json()["paths"]["/health"]) == {"get"}


def test_no_address_leads_to_a_file_beside_the_page(client: TestClient) -> None:
    for path in ("/../server/app.py", "/%2e%2e/errors.py", "/..%2f..%2fetc/passwd", "//etc/passwd", "/__init__.py", "/server/app.py"):
        assert client.get(path).status_code == 404


def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_its_size(client: TestClient) -> None:
    said = "body: more than 2,000 bytes, which is the limit. Send the sources in several requests."
    assert refusal(ask(client, input="a" * 2_001)) == (413, said)
    pieces = iter([b'{"input": "', *[b"a" * 100] * 30, b'"}'])
    assert refusal(client.post("/v1/predict", content=pieces, headers={"content-type": "application/json"})) == (413, said)


def test_a_failure_that_nobody_foresaw_is_said_without_its_inside(client: TestClient) -> None:
    assert refusal(ask(client, input="broken")) == (500, f"/v1/predict: {FAILED}")
    assert texts(ask(client, input="ab")) == [["ba"]]


def test_a_client_that_goes_away_leaves_no_search_behind(model: Reverse) -> None:
    begun, ended, is_to_end = threading.Event(), threading.Event(), threading.Event()

    def endless(*_: Any, **__: Any) -> Iterator[Prediction]:
        with stoppable(is_to_end.set):
            begun.set()
            assert is_to_end.wait(10)
            ended.set()
            raise RuntimeError("a run was ended")
        yield

    model.answers = endless
    app = create_app({"reverse": model})
    body = json.dumps({"input": "ab"}).encode()
    heard, sent = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}]), list[Any]()

    async def receive() -> Any:
        message = next(heard)
        assert message["type"] == "http.request" or await asyncio.to_thread(begun.wait, 10)
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask_and_go() -> None:
        await app(scope, receive, send)
        assert await asyncio.to_thread(ended.wait, 10)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    with TestClient(app) as client:
        asyncio.run(ask_and_go())
        assert sent[0]["status"] == 499
        assert 'seqloom_requests_total{path="/v1/predict",status="499"} 1.0' in client.get("/metrics").text


def test_an_answer_that_is_late_is_not_waited_for(model: Reverse) -> None:
    model.may_answer.clear()
    with TestClient(create_app({"reverse": model}, limits=Limits(seconds=0.05))) as client:
        said = "the answer was not there after 0.05 s, which is the limit. Send fewer or shorter sources, or try again later."
        assert refusal(ask(client, input="ab")) == (504, said)
        (late, done) = events(ask(client, inputs=["ab", "cd"], stream=True))
        said = "2 of 2 answers were not there after 0.05 s, which is the limit. Send fewer or shorter sources, or try again later."
        assert (late, done) == (("error", {"error": said}), ("done", {"predictions": 0, "errors": 2}))
        model.may_answer.set()
        assert texts(ask(client, input="ab")) == [["ba"]]
    assert [sources for sources, _ in model.asked] == [["ab"], ["ab"]], "what nobody waits for any more is not answered"


def test_a_full_queue_is_refused_and_says_when_to_come_back(client: TestClient, model: Reverse) -> None:
    model.may_answer.clear()
    answered: list[Response] = []
    asking = [threading.Thread(target=lambda: answered.append(ask(client, inputs=["ab", "cd", "ef"]))) for _ in range(2)]
    asking[0].start()
    wait_for(lambda: len(model.asked) == 1)
    asking[1].start()
    wait_for(lambda: 'seqloom_sources_waiting{model="reverse"} 3.0' in client.get("/metrics").text)
    response = ask(client, inputs=["gh", "ij"])
    assert refusal(response) == (429, "model reverse: 3 sources wait, and 2 more are asked for; the limit is 4. Try again in a second.")
    assert response.headers["retry-after"] == "1"
    model.may_answer.set()
    for thread in asking:
        thread.join(10)
    assert [texts(response) for response in answered] == [[["ba"], ["dc"], ["fe"]]] * 2


def wait_for(true: Any) -> None:
    for _ in range(1_000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("did not come about")


def test_a_server_that_is_stopping_refuses(model: Reverse) -> None:
    app = create_app({"reverse": model})
    with TestClient(app):
        pass
    response = ask(TestClient(app), input="ab")
    assert refusal(response) == (503, "the server is stopping. Try again when it is back.")
    assert response.headers["retry-after"] == "10"


def test_requests_that_come_together_are_answered_together_and_one_bad_one_fails_alone(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model}, window=5.0, batch=4), raise_server_exceptions=False) as client:
        found: dict[str, Response] = {}

        def send(text: str) -> None:
            found[text] = ask(client, input=text)

        threads = [threading.Thread(target=send, args=(text,)) for text in ("ab", "bad", "cd", "broken")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert sorted(model.asked[0][0]) == ["ab", "bad", "broken", "cd"]
    assert {text: response.status_code for text, response in found.items()} == {"ab": 200, "cd": 200, "bad": 422, "broken": 500}


# -------------------------------------------------------------------------------------------------------------- access


def test_a_token_is_asked_for_before_every_address_that_answers_for_a_model(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model}, tokens=["another-token-here", TOKEN])) as client:
        said = "Authorization: no token that is known here; expected the header `Authorization: Bearer TOKEN`. Ask who runs the server."
        for headers in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": "Bearer"}):
            response = client.post("/v1/predict", json={"input": "a"}, headers=headers)
            assert refusal(response) == (401, said)
            assert response.headers["www-authenticate"] == "Bearer"
        for path in ("/v1/models", "/metrics", "/nothing"):
            assert client.get(path).status_code == 401
        for path in ("/health", "/", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        assert texts(client.post("/v1/predict", json={"input": "ab"}, headers={"authorization": f"bearer {TOKEN}"})) == [["ba"]]


ORIGIN = "https://pages.example"


def test_no_page_of_another_origin_may_ask_unless_it_is_named(model: Reverse) -> None:
    with TestClient(create_app({"reverse": model})) as client:
        response = client.post("/v1/predict", json={"input": "ab"}, headers={"origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers
    with TestClient(create_app({"reverse": model}, origins=["https://other.example"])) as client:
        response = client.post("/v1/predict", json={"input": "ab"}, headers={"origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(("origins", "allowed"), [([ORIGIN, "http://localhost:3000"], ORIGIN), (["*"], "*")])
def test_a_page_of_an_origin_that_is_named_may_ask_with_a_token(model: Reverse, origins: list[str], allowed: str) -> None:
    with TestClient(create_app({"reverse": model}, origins=origins, tokens=[TOKEN])) as client:
        asking = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}
        before = client.options("/v1/predict", headers={"origin": ORIGIN, **asking})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, allowed)
        assert "POST" in before.headers["access-control-allow-methods"]
        refused = client.post("/v1/predict", json={"input": "ab"}, headers={"origin": ORIGIN})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, allowed)
        answer = client.post("/v1/predict", json={"input": "ab"}, headers={"origin": ORIGIN, "authorization": f"Bearer {TOKEN}"})
        assert answer.headers["access-control-allow-origin"] == allowed
        assert "access-control-allow-credentials" not in answer.headers
        assert texts(answer) == [["ba"]]


def test_what_is_no_origin_is_refused() -> None:
    check_origins(["*", "https://example.org", "http://localhost:3000"])
    for origin in ("example.org", "https://example.org/", "https://example.org/page", ""):
        said = f"--allow-origin {origin}: no origin; expected * or scheme, name and port in small letters, with nothing behind. "
        with pytest.raises(ConfigError, match=f"^{re.escape(said)}Give one as in https://example"):
            check_origins([origin])


def test_tokens_are_read_from_a_file_and_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokens").write_text(f"{TOKEN}\n\n another-token-here \n", encoding="utf-8")
    monkeypatch.setenv("SEQLOOM_TOKEN", "a-token-from-outside")
    assert read_tokens(tmp_path / "tokens", "SEQLOOM_TOKEN") == [TOKEN, "another-token-here", "a-token-from-outside"]
    assert read_tokens() == []


def test_tokens_that_protect_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokens"
    with pytest.raises(MissingFileError, match=r"^--token-file .*tokens: no such file\. Write a token into it, one a line\.$"):
        read_tokens(path)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tokens: no token; expected at least one\. `openssl rand -hex 32` makes one\.$"):
        read_tokens(path)
    path.write_text("short\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"token 1 cannot be used; expected 16 or more ASCII characters without blanks, got 5\."):
        read_tokens(path)
    monkeypatch.delenv("SEQLOOM_TOKEN", raising=False)
    with pytest.raises(ConfigError, match=r"^--token-env SEQLOOM_TOKEN: no token; expected at least one\."):
        read_tokens(variable="SEQLOOM_TOKEN")


def test_an_address_that_only_this_machine_reaches_is_known() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.7", "example.org"))


# --------------------------------------------------------------------------------------------------------------- pages


def test_the_counts_are_those_of_what_was_asked(client: TestClient) -> None:
    ask(client, inputs=["ab", "cd", "", "bad"], stream=True)
    ask(client, input=3)
    client.get("/no/such/address")
    text = client.get("/metrics").text
    for line in (
        'seqloom_requests_total{path="/v1/predict",status="200"} 1.0',
        'seqloom_requests_total{path="/v1/predict",status="422"} 1.0',
        'seqloom_requests_total{path="other",status="404"} 1.0',
        'seqloom_sources_total{model="reverse"} 2.0',
        'seqloom_batch_sources_count{model="reverse"} 1.0',
        'seqloom_sources_waiting{model="two"} 0.0',
    ):
        assert line in text.splitlines()


def test_the_list_of_addresses_stands_on_its_own(client: TestClient) -> None:
    response = client.get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert "http" not in response.text, "nothing is loaded from elsewhere"
    assert "<code>POST /v1/predict</code>" in response.text
    assert "<td><code>length_penalty</code><td>number ≥ 0, ≤ 10<td>Scores are divided by length to this power." in response.text
    assert "<td>413<td>The body is too large." in response.text


def test_behind_a_prefix_all_is_found_and_the_description_names_it(model: Reverse) -> None:
    with TestClient(
        create_app({"reverse": model}, tokens=[TOKEN]), root_path="/ai", headers={"authorization": f"Bearer {TOKEN}"}
    ) as client:
        assert client.get("/ai/openapi.json").json()["servers"] == [{"url": "/ai"}]
        assert "<a href='openapi.json'>" in client.get("/ai/docs").text
        assert texts(client.post("/ai/v1/predict", json={"input": "ab"})) == [["ba"]]
        assert refusal(client.get("/ai/v1/nothing")) == (404, "/ai/v1/nothing: nothing there. /ai/docs lists what is allowed.")
        assert 'seqloom_requests_total{path="/v1/predict",status="200"} 1.0' in client.get("/ai/metrics").text
        assert client.get("/ai/health", headers={"authorization": ""}).status_code == 200
        assert client.get("/ai/v1/models", headers={"authorization": ""}).status_code == 401


def test_the_page_and_all_that_it_loads_come_from_the_server(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "app.js" in loaded
    assert {client.get(f"/{name}").status_code for name in loaded} == {200}
    assert client.get("/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.head("/").status_code == 200


def test_a_page_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/app.js")
    again = client.get("/app.js", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == "no-cache"
    assert client.get("/app.js", headers={"If-None-Match": client.get("/style.css").headers["etag"]}).status_code == 200


def test_the_description_for_programs_names_every_refusal(client: TestClient) -> None:
    responses = client.get("/openapi.json").json()["paths"]["/v1/predict"]["post"]["responses"]
    assert set(responses) == {"200", "404", "408", "413", "415", "422", "429", "500", "503", "504"}
    refused = {status: response["content"]["application/json"]["schema"] for status, response in responses.items() if status != "200"}
    assert set(map(str, refused.values())) == {"{'$ref': '#/components/schemas/Failure'}"}


# --------------------------------------------------------------------------------------------------------------- names


def test_a_model_is_named_by_its_folder_or_as_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert named_paths(["dist/fr", "german=dist/de"]) == {"fr": Path("dist/fr"), "german": Path("dist/de")}
    with pytest.raises(ConfigError, match=r"^a=b: 'a=b' cannot be a name; expected letters, digits, .*\. Give one, as in NAME=a=b\.$"):
        named_paths(["a=b"])
    with pytest.raises(
        ConfigError, match=r"^x/fr: 'fr' is the name of dist/fr too; expected different ones\. Give one, as in NAME=x/fr\.$"
    ):
        named_paths(["dist/fr", "x/fr"])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "input: the prefix 'search.max_length, or with --set x' has 30 symbols. Shorten it, or raise search.max_length.",
            "input: the prefix 'search.max_length, or with --set x' has 30 symbols. Shorten it, or raise max_length.",
        ),
        ("inputs[0]: empty. Mend the line, or go on without such rows: --skip-bad.", "inputs[0]: empty. Mend the line."),
    ],
)  # fmt: skip
def test_what_to_do_is_said_for_http_and_what_was_sent_stays(said: str, expected: str) -> None:
    assert unusable(DataError(said)).detail == expected
