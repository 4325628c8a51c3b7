"""Forecasts over HTTP: rows or arrays in, the table out, and what is refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stage import TINY, loads
from starlette.testclient import TestClient

import seqloom
from seqloom.export import export
from seqloom.exported import load_exported
from seqloom.server.app import create_app
from seqloom.server.limits import Limits
from seqloom.stopping import stoppable

DOCS = "/docs lists what is allowed."
LIMITS = Limits(body_bytes=20_000, items=2, characters=50, max_length=20)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, draw = tmp_path_factory.mktemp("arrays"), np.random.default_rng(1)
    pairs = draw.normal(size=(16, 6, 2)), draw.normal(size=(16, 6, 1))
    return export(seqloom.train(pairs, out=place / "run", settings=TINY, quiet=True).path, place / "dist", precision="float32").folder


@pytest.fixture(scope="module")
def client(forecasting: Path, arrays: Path) -> TestClient:
    models: Any = {"load": load_exported(forecasting, threads=1), "arrays": load_exported(arrays, threads=1)}
    return TestClient(create_app(models, limits=LIMITS), raise_server_exceptions=False)


def test_rows_are_answered_by_what_predict_writes(client: TestClient, forecasting: Path, tmp_path: Path) -> None:
    given = [*loads(30), *loads(20, "b")]
    answer = client.post("/v1/predict", json={"table": given})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["model", "forecast"]
    said = answer.json()["forecast"]
    (tmp_path / "t.csv").write_text("\n".join(["time,plant,load", *(",".join(map(str, row.values())) for row in given)]))
    expected = [line._asdict() for line in seqloom.load(forecasting, threads=1).forecast(tmp_path / "t.csv")]
    assert [{"quantile": None, **line} for line in said] == [{**line, "value": pytest.approx(line["value"])} for line in expected]
    assert len(said) == 2 * 3 * 4


def test_what_a_forecast_goes_on_from_is_given_where_it_is_asked_for(client: TestClient) -> None:
    table = [{**row, "load": None if place > 8 else row["load"]} for place, row in enumerate(loads(12))]
    said = client.post("/v1/predict", json={"table": table, "history": 3}).json()
    assert said["history"] == [{"series": "a", "time": row["time"], "column": "load", "value": row["load"]} for row in loads(9)[-3:]]
    assert said["forecast"][0]["time"] == "2024-03-01 09:00"
    assert len(client.post("/v1/predict", json={"table": table, "history": 100_000}).json()["history"]) == 9


def test_what_is_to_be_known_of_a_forecast_is_said(client: TestClient) -> None:
    said = client.post("/v1/predict", json={"table": loads(5)}).json()
    assert list(said) == ["model", "forecast", "notes"]
    assert said["notes"] == ["the table has fewer rows than the 12 that the model reads before a forecast: 5"]


def test_true_and_false_are_read_as_training_reads_them(client: TestClient) -> None:
    tables = [[{**row, "load": load} for row in loads(3)] for load in (True, "true", 1)]
    said = [client.post("/v1/predict", json={"table": rows}).json()["forecast"] for rows in tables]
    assert said[0] == said[1] == said[2]


def test_quantiles_can_be_chosen(client: TestClient) -> None:
    said = client.post("/v1/predict", json={"table": loads(20), "quantiles": [0.9]}).json()["forecast"]
    assert [line.get("quantile") for line in said] == [None, 0.9] * 3


def test_arrays_are_answered_by_arrays(client: TestClient, arrays: Path) -> None:
    given = np.random.default_rng(2).normal(size=(2, 6, 2)).round(3)
    said = client.post("/v1/predict", json={"model": "arrays", "values": given.tolist()}).json()["values"]
    np.testing.assert_allclose(said, seqloom.load(arrays, threads=1).predict(given), rtol=1e-5, atol=1e-6)
    longer = client.post("/v1/predict", json={"model": "arrays", "values": given.tolist(), "length": 9}).json()["values"]
    assert np.array(longer).shape == (2, 9, 1)


def test_a_single_row_is_enough_to_go_on_from(client: TestClient) -> None:
    said = client.post("/v1/predict", json={"table": loads(1)}).json()["forecast"]
    assert list(dict.fromkeys(line["time"] for line in said)) == [f"2024-03-01 0{hour}:00" for hour in (1, 2, 3)]


def test_a_model_that_forecasts_is_listed_with_its_columns(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["models"][0]
    columns = [("time", "time"), ("plant", "series"), ("load", "target")]
    assert [(column["name"], column["role"]) for column in listed["source"]] == columns
    assert [listed[key] for key in ("table", "history", "horizon")] == ["long", 12, 3]
    assert [listed[key] for key in ("dates", "decimal", "thousands")] == ["iso", ".", "none"]
    assert listed["target"] == {"name": "load", "kind": "numbers"}


def test_the_server_counts_and_ends_cleanly(forecasting: Path) -> None:
    app = create_app({"load": load_exported(forecasting, threads=1)})
    with TestClient(app) as made:
        assert made.post("/v1/predict", json={"table": loads(20)}).status_code == 200
        assert made.post("/v1/predict", json={"table": [*loads(20), *loads(9, "b")]}).status_code == 200
        counted = made.get("/metrics").text
        assert all(
            f'seqloom_{name}{{model="load"}} {count}' in counted
            for name, count in (("sources_waiting", 0.0), ("sources_total", 3.0), ("batch_sources_count", 2.0), ("wait_seconds_count", 3.0))
        )
    late = TestClient(app).post("/v1/predict", json={"table": loads(20)})
    assert late.status_code == 503
    assert late.json() == {"error": "the server is stopping. Try again when it is back."}


def test_a_forecast_that_takes_too_long_is_refused(forecasting: Path) -> None:
    app = create_app({"load": load_exported(forecasting, threads=1)}, limits=Limits(seconds=1e-6))
    answer = TestClient(app).post("/v1/predict", json={"table": loads(20)})
    assert answer.status_code in (408, 504)


def test_a_forecast_that_nobody_waits_for_any_more_is_ended(forecasting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, is_to_end, ended = load_exported(forecasting, threads=1), threading.Event(), threading.Event()

    def endless(*_: Any) -> Any:
        with stoppable(is_to_end.set):
            assert is_to_end.wait(10)
            ended.set()
            raise RuntimeError("a run was ended")

    monkeypatch.setattr(model, "forecast", endless)
    with TestClient(create_app({"load": model}, limits=Limits(seconds=0.2))) as made:
        assert made.post("/v1/predict", json={"table": loads(20)}).status_code == 504
        assert ended.wait(10)


EMPTY = "table[2]: load is empty (1 such cells); expected a number. Fill it."
GAP = "table[1]: 2024-03-01 02:00 follows 2024-03-01; expected a row every 1 hour (4 such rows). Put in what is missing."
OTHER = [*loads(3), {"time": "2024-03-01 03:00", "plant": "a", "load": "much"}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": "a"}, f"body: model load forecasts numbers; expected table, a list of rows as objects, as in [{{...}}, ...]. {DOCS}"),
        ({"model": "arrays", "table": loads(3)}, "body: model arrays forecasts numbers; expected values, a list of arrays of numbers."),
        ({"table": loads(3), "beam": 3}, "beam: of no effect, model load forecasts numbers. Leave it out."),
        ({"table": []}, f"table: expected at least one; got a list of 0. {DOCS}"),
        ({"table": OTHER}, "table[3]: load is 'much'; expected a number. Mend the cell."),
        ({"table": [{"time": "2024", "plant": "a", "lod": 3}]}, "table: no column 'load'; there are time, plant, lod. Did you mean 'lod'?"),
        ({"table": [row for name in "abc" for row in loads(5, name)]}, "table: 3 series; the limit is 2. Send them in several requests."),
        ({"table": loads(20), "quantiles": [0.001]}, "quantile 0.001: measured on dev are 0.01 to 0.99. Ask for one between them."),
        ({"model": "arrays", "values": [[[1.0]]]}, "X: 1 numbers a moment; expected 2, as in training."),
        ({"model": "arrays", "values": [[]]}, "X[0]: shape (0, 1); expected (T, D) with at least one moment. Mend the array."),
        ({"model": "arrays", "values": [[[1.0, 2.0]]] * 3}, "values: 3 arrays; the limit is 2. Send them in several requests."),
        ({"model": "arrays", "values": [[[1.0, 2.0]]], "length": 21}, "length: 21; the limit is 20. Ask for less."),
        ({"model": "arrays", "values": [[[1, 2]], [[1, 2]] * 51]}, "values[1]: 51 moments; the limit is 50. Cut it into shorter parts."),
        ({"model": "arrays", "values": [[[1, 2], [3]]]}, "values[0]: moments of unlike width; expected as many numbers at each. Mend the"),
        ({"model": "arrays", "values": [[[1, 1e39]]]}, "X[0, 0, 1] is 1e+39; expected a finite number, at most 1e+38 in size."),
        ({"model": "arrays", "values": [[[1, 2]]], "quantiles": [0.5]}, "quantiles: of no effect, model arrays forecasts numbers."),
        ({"table": loads(20), "length": 7}, "length: of no effect, model load forecasts numbers. Leave it out."),
        ({"table": loads(20), "quantiles": [0.5] * 100}, f"quantiles: expected at most 99; got a list of 100. {DOCS}"),
        ({"table": loads(9)[::2]}, GAP),
        ({"table": loads(3)[::-1]}, "table[1]: 2024-03-01 01:00 after 2024-03-01 02:00. Sort the rows by time."),
        ({"table": [*loads(3), *loads(3)]}, "table[3]: 2024-03-01 after 2024-03-01 02:00. Sort the rows by time."),
        ({"table": loads(1) * 2}, "table[1]: the same time as the row before (2024-03-01). Remove one of the two."),
        ({"table": [*loads(2), {"time": "2024-03-01 02:00", "plant": "a"}, *loads(4)[3:]]}, EMPTY),
        ({"table": [{}]}, "table: the rows have no columns; expected time, plant, load. Give each row its cells by column."),
        ({"table": [{**loads(1)[0], "load": "x" * 90}]}, f"table[0]: load is '{'x' * 76}...; expected a number. Mend the cell."),
        ({"table": [{**loads(1)[0], "load": []}]}, f"table[0].load: expected a text, a number, true or false; got a list of 0. {DOCS}"),
        ({"table": [{"\ud800": 3}]}, "table: no column 'time'; there are ?."),
        ({"table": loads(20, "\ud800")}, "table: half of a surrogate pair; expected whole characters. Decode the text as UTF-8 or UTF-16"),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused_in_a_line(client: TestClient, body: dict[str, Any], said: str) -> None:
    answer = client.post("/v1/predict", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"].startswith(said)
    assert "--" not in answer.json()["error"], "nobody who asks over HTTP has a command line"


def test_a_table_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/predict", json={"table": loads(600)})
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("body: more than 20,000 bytes, which is the limit.")


def test_too_many_forecasts_are_refused_while_they_wait(forecasting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, may_answer, begun = load_exported(forecasting, threads=1), threading.Event(), threading.Event()
    forecast = model.forecast
    monkeypatch.setattr(model, "forecast", lambda *asked: (begun.set(), may_answer.wait(10), forecast(*asked))[-1])
    with TestClient(create_app({"load": model}, limits=Limits(waiting=1))) as made:
        answered: list[int] = []
        asking = threading.Thread(target=lambda: answered.append(made.post("/v1/predict", json={"table": loads(20)}).status_code))
        asking.start()
        assert begun.wait(10)
        refused = made.post("/v1/predict", json={"table": loads(20)})
        may_answer.set()
        asking.join(10)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json() == {"error": "model load: forecasts that wait: 1; the limit is 1. Try again in a second."}
        assert answered == [200]
        assert made.post("/v1/predict", json={"table": loads(20)}).status_code == 200


def test_columns_that_are_not_read_are_said(forecasting: Path) -> None:
    table = [{**row, "weather": "fine", "hall": 3} for row in loads(20)]
    with TestClient(create_app({"load": load_exported(forecasting, threads=1)})) as made:
        notes, before = (made.post("/v1/predict", json={"table": rows}).json().get("notes", []) for rows in (table, loads(20)))
    assert notes == [*before, "columns that the model does not read: 'weather', 'hall'"]


def test_a_table_of_a_row_a_series_is_answered(tmp_path: Path) -> None:
    lines = ["name," + ",".join(f"V{step}" for step in range(1, 61))]
    lines += [f"{name}," + ",".join(f"{5 + np.sin(step / 3 + shift):.3f}" for step in range(60)) for shift, name in enumerate("abc")]
    (tmp_path / "wide.csv").write_text("\n".join([*lines, ""]))
    run = seqloom.train_forecast(tmp_path / "wide.csv", wide=True, history=8, horizon=3, out=tmp_path / "run", settings=TINY)
    model = load_exported(export(run.path, tmp_path / "wide", precision="float32").folder, threads=1)
    table = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    with TestClient(create_app({"wide": model}, limits=Limits(items=3))) as made:
        assert made.get("/v1/models").json()["models"][0]["table"] == "wide"
        said = made.post("/v1/predict", json={"table": table}).json()["forecast"]
        many = made.post(
            "/v1/predict", json={"table": [{"name": "a", f"V{place}": 1} for place in range(4)]}
        )  # the same one, if it is read
        twice, bare = (made.post("/v1/predict", json={"table": part}) for part in ([table[0]] * 2, [{}]))
        nothing = made.post("/v1/predict", json={"table": [{"name": "a", "V1": None}]})
    expected = [line._asdict() for line in model.forecast(tmp_path / "wide.csv")]
    assert [{"quantile": None, **line} for line in said] == [{**line, "value": pytest.approx(line["value"])} for line in expected]
    assert [line["time"] for line in said if line["series"] == "b" and "quantile" not in line] == ["1", "2", "3"]
    assert many.json() == {"error": "table: 4 series; the limit is 3. Send them in several requests."}
    assert nothing.json() == {"error": "table[0]: series 'a' has no values. Remove the row."}
    assert twice.json() == {
        "error": "table[1]: series 'a' is in table[0] already; expected a row a series. Rename or remove one of the two."
    }
    bare_rows = "the rows have no columns; expected the name of a series, and its values"
    assert bare.json() == {"error": f"table: {bare_rows}. Give each row its cells by column."}
