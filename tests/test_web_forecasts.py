"""Sites of models that forecast: the numbers that a real browser says, against the Python runtime."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error, Page, expect
from stage import TINY, loads, make_site, run, serve

import seqloom
from seqloom.exported import load_exported

ASK = """async ([table, quantiles]) => {
  const { connect } = await import("/browser/connection.js");
  window.backend ??= await connect(() => {});
  return (await window.backend.forecast({ table, ...(quantiles && { quantiles }) })).forecast;
}"""
CLOCK = ["minute", "hour", "weekday", "monthday", "yearday", "month"]
PATH = ["model.linear_path.history=6", "model.linear_path.horizon=4"]
LONG: dict[str, Any] = {"forecast": ["load", "warmth"], "time_column": "time", "series": "plant", "horizon": 4, "calendar": CLOCK}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "quantiles, in one go": ({**LONG, "quantiles": (0.05, 0.5, 0.8)}, ["model.direct=true", *PATH]),
    "normal, turn by turn": ({**LONG, "past": ["wind"], "known": ["free"], "scaling": "series"}, ['model.head={"kind": "gaussian"}']),
    "Student's t, a floor": ({**LONG, "window": "standard", "floor": "seen"}, ['model.head={"kind": "student_t"}']),
    "points, with errors from dev": ({**LONG, "known": ["free"], "window": "last"}, ['model.head={"kind": "absolute"}', *PATH]),
    "a row a series": ({"forecast": "value", "wide": True, "horizon": 4, "scaling": "series"}, ['model.head={"kind": "quantile"}']),
}


def rows(wide: bool, count: int) -> list[dict[str, str]]:
    """Two series with holes in nothing, and four moments to come of which only `free` is known."""
    draw = np.random.default_rng(3)
    if wide:
        return [{"name": name, **{f"V{place}": f"{draw.normal(20, 4):.2f}" for place in range(count)}} for name in "ab"]
    table: list[dict[str, str]] = []
    for name in ("a", "b"):
        for place, row in enumerate(loads(count, name)):
            told = {"load": f"{row['load']}", "warmth": f"{draw.normal(15, 5):.2f}", "wind": f"{draw.normal(3, 1):.3f}"}
            empty = dict.fromkeys(told, "") if place >= count - 4 else {}
            table.append({"time": row["time"], "plant": name, "free": f"{place % 7 // 5}", **told, **empty})
    return table


def write(table: list[dict[str, str]], path: Path) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_browser_forecasts_as_the_python_runtime(case: str, page: Page, tmp_path: Path, onnxruntime_web: Path) -> None:
    given, settings = CASES[case]
    wide = bool(given.get("wide"))
    table = rows(wide, 200 if case.startswith(("points", "quantiles")) else 90)  # enough to measure errors on dev, or not
    place = write(table, tmp_path / "table.csv")
    seqloom.train_forecast(place, history=12, out=tmp_path / "run", settings=[*TINY, *settings], **given)
    site = tmp_path / "site"
    assert run("export", tmp_path / "run", "--web", "--out", site, "--runtime", onnxruntime_web, "--float32") == 0
    strangers = [row | ({"name": "z" + row["name"]} if wide else {"plant": "z"}) for row in table[: 1 if wide else len(table) // 2]]
    with serve(site) as address:
        page.goto(address)
        assert_same(page, site, table, None, tmp_path)
        assert_same(page, site, strangers, None, tmp_path)
        if not wide:
            assert_same(page, site, table, [0.025, 0.3, 0.975], tmp_path)


def assert_same(page: Page, site: Path, table: list[dict[str, str]], quantiles: list[float] | None, folder: Path) -> None:
    found = page.evaluate(ASK, [table, quantiles])
    wanted = list(load_exported(site / "model", threads=1).forecast(write(table, folder / "asked.csv"), quantiles))
    assert [(line["series"], line["time"], line["column"], line.get("quantile")) for line in found] == [line[:4] for line in wanted]
    np.testing.assert_allclose([line["value"] for line in found], [line.value for line in wanted], rtol=1e-4, atol=1e-4)


# ---------------------------------------------------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def site(forecasting: Path, onnxruntime_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(forecasting, tmp_path_factory.mktemp("forecasts") / "site", onnxruntime_web)


def text_of(table: list[Mapping[str, Any]]) -> str:
    return "\n".join([",".join(table[0]), *(",".join(map(str, row.values())) for row in table)])


def test_a_pasted_table_is_forecast_and_drawn_in_the_browser_and_nobody_else_is_asked(page: Page, address: str, site: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    table = [*loads(40, "a"), *loads(40, "b")]
    page.get_by_role("textbox", name="Table").fill(text_of(table))
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".chart svg")).to_have_count(1)
    expect(page.locator("#facts")).to_contain_text("load, 3 moments ahead")
    expect(page.locator(".legend li")).to_have_text(["known", "forecast", "10 % to 90 %"])
    assert_same(page, site, [{name: str(cell) for name, cell in row.items()} for row in table], None, site.parent)
    expect(page.locator("#search")).to_be_hidden()
    expect(page.locator("#file")).to_be_hidden()
    assert {url for url in asked if not url.startswith((address, "blob:"))} == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,plant,lod\n2024-03-01,a,3", "table: no column 'load'; there are time, plant, lod."),
        ("time,plant,load\n2024-03-01,a,much", "table:2: load is 'much'; expected a number. Mend the cell, or choose other columns."),
        (
            "time,plant,load\n2024-03-01 01:00,a,1\n2024-03-01 02:00,a,2\n2024-03-01 04:00,a,2",
            "table:4: 2024-03-01 04:00 follows 2024-03-01 02:00; expected a row every 1 hour (1 such row). Put in what is missing.",
        ),
        (
            "time,plant,load\n2024-03-01,a,1\n2024-03-02,a,2\n2024-03-03,a,2",
            "table:3: 2024-03-02 follows 2024-03-01; expected a row every 1 hour (2 such rows). Put in what is missing.",
        ),
    ],
)
def test_a_table_that_cannot_be_forecast_is_refused_in_the_browser(page: Page, address: str, text: str, said: str) -> None:
    page.goto(address)
    page.get_by_role("textbox", name="Table").fill(text)
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert").first).to_have_text(said)
    expect(page.locator(".chart")).to_have_count(0)


@pytest.mark.parametrize(
    ("quantiles", "message"), [([0.001], "quantile 0.001: measured on dev are 0.01 to 0.99. Ask for one between them.")]
)
def test_quantiles_that_the_model_does_not_say_are_refused(page: Page, address: str, quantiles: list[float], message: str) -> None:
    page.goto(address)
    with pytest.raises(Error, match=re.escape(message)):
        page.evaluate(ASK, [loads(20), quantiles])


def test_a_model_of_arrays_has_no_page_to_stand_on(tmp_path: Path, onnxruntime_web: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = np.random.default_rng(1)
    sources = draw.normal(size=(30, 6, 2)).astype(np.float32)
    seqloom.train((sources, sources[:, :, :1]), out=tmp_path / "run", settings=TINY)
    assert run("export", tmp_path / "run", "--web", "--out", tmp_path / "site", "--runtime", onnxruntime_web) == 2
    refusal = f"--web: {tmp_path / 'run'} is a model of arrays; expected one of text, sound or a table. Ask it from Python."
    assert refusal in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
