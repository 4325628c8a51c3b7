"""The page in a real browser, before a real server with real, tiny models of numbers and of sound."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import FilePayload, Page, expect
from stage import DARK, PHONE, TINY, loads, served

import seqloom
from seqloom.errors import DataError
from seqloom.export import export
from seqloom.exported import load_exported
from seqloom.server.limits import Limits


@pytest.fixture(scope="module")
def address(forecasting: Path, hearing: Path) -> Iterator[str]:
    models = {"load": load_exported(forecasting, threads=1), "tones": load_exported(hearing, threads=1)}
    with served(models, limits=Limits(body_bytes=500_000, sound_seconds=5.0, attention=3_000)) as at:
        yield at


def table(*series: str, rows: int = 60, delimiter: str = ",") -> str:
    names = ["time", "plant", "load", "note"]
    lines = [delimiter.join([*map(str, row.values()), "left out"]) for name in series for row in loads(rows, name)]
    return "\n".join([delimiter.join(names), *lines, ""])


def forecast(page: Page, address: str, text: str) -> None:
    page.goto(address)
    page.get_by_role("textbox", name="Table").fill(text)
    page.get_by_role("button", name="Predict").click()


def hear(page: Page, address: str, name: str, content: bytes) -> None:
    page.goto(address)
    page.get_by_label("Model").select_option("tones")
    page.locator("#sound").set_input_files(FilePayload(name=name, mimeType="audio/wav", buffer=content))


def file(samples: Any, rate: int = 8000, kind: str = "WAV") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, format=kind)
    return held.getvalue()


# ----------------------------------------------------------------------------------------------------------- forecasts


def test_history_forecast_and_interval_are_drawn(page: Page, address: str) -> None:
    forecast(page, address, table("a"))
    chart = page.locator(".chart svg")
    expect(chart).to_have_count(1)
    assert points(page, "path.past") == 48  # of 60 hours: those that are near
    assert points(page, "path.coming") == 1 + 3
    assert points(page, "path.band") == 2 * (1 + 3)
    expect(page.locator(".legend li")).to_have_text(["known", "forecast", "10 % to 90 %"])
    expect(page.locator(".chart figcaption strong")).to_have_text("load, a")
    expect(page.locator(".chart .label").filter(has_text=":00")).to_contain_text(["18:00", "06:00"])
    expect(page.locator("#facts")).to_contain_text("load, 3 moments ahead")
    expect(page.locator("#file")).to_be_hidden()
    expect(page.locator("#search")).to_be_hidden()


def points(page: Page, path: str) -> int:
    """Of the line of that name in the chart."""
    drawn = page.locator(f".chart {path}").get_attribute("d") or ""
    return len(re.findall(r"[ML][\d.]+ [\d.]+", drawn))


def test_numbers_are_those_of_the_model_and_can_be_saved(page: Page, address: str, forecasting: Path, tmp_path: Path) -> None:
    forecast(page, address, table("a", "b"))
    (tmp_path / "load.csv").write_text(table("a", "b"), encoding="utf-8")
    expected = list(load_exported(forecasting, threads=1).forecast(tmp_path / "load.csv"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the forecast").click()
    download.value.save_as(tmp_path / "said.csv")
    with open(tmp_path / "said.csv", encoding="utf-8", newline="") as stream:
        said = list(csv.DictReader(stream))
    assert [(row["series"], row["time"], row["quantile"]) for row in said] == [
        (line.series, line.time, "" if line.quantile is None else str(line.quantile)) for line in expected
    ]
    np.testing.assert_allclose([float(row["value"]) for row in said], [line.value for line in expected], rtol=1e-5)
    page.get_by_text("Numbers", exact=True).click()
    expect(page.locator(".numbers th")).to_have_text(["Time", "load", "10 %", "50 %", "90 %"])
    expect(page.locator(".numbers td").first).to_have_text("2024-03-03 12:00")


def test_the_history_is_drawn_as_the_model_has_read_it(page: Page, tmp_path: Path) -> None:
    rows = [f"2024-03-{hour // 24 + 1:02}T{hour % 24:02}:00+02:00,{-999 if hour == 250 else hour % 24}" for hour in range(260)]
    (tmp_path / "load.csv").write_text("\n".join(["time,load", *rows]))
    trained = seqloom.train_forecast(
        tmp_path / "load.csv", forecast="load", time_column="time", history=12, horizon=3, out=tmp_path / "run",
        settings=[*TINY, "fields.numbers.offsets=local", "fields.numbers.sentinels=[-999]", "fields.numbers.missing=linear"],
    )  # fmt: skip
    model = load_exported(export(trained.path, tmp_path / "dist", precision="float32").folder, threads=1)
    with served({"load": model}) as address:
        forecast(page, address, "\n".join(["time,load", *rows[-20:]]))
        chart = page.locator(".chart svg")
        expect(chart).to_have_attribute("aria-label", re.compile("load: 20 known values and 3 that are forecast"))
        chart.focus()
        page.keyboard.press("Home")
        page.keyboard.press("Home")
        read = [page.locator(".chart .readout").inner_text()]
        for _ in range(22):
            page.keyboard.press("ArrowRight")
            read.append(page.locator(".chart .readout").inner_text())
    told = [f"2024-03-{hour // 24 + 1:02} {hour % 24:02}:00" for hour in range(240, 263)]
    assert [text[:16] for text in read] == told
    assert [text[16:].strip() for text in read[:20]] == ["–" if hour == 250 else str(hour % 24) for hour in range(240, 260)]


def test_forecasts_that_are_gone_are_let_go(page: Page, address: str) -> None:
    page.goto(address)
    page.evaluate("""() => {
      window.held = new Set();
      const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL].map((one) => one.bind(URL));
      URL.createObjectURL = (blob) => (window.made = make(blob), window.held.add(window.made), window.made);
      URL.revokeObjectURL = (address) => (window.held.delete(address), drop(address));
    }""")
    for rows in (40, 50, 60):
        page.get_by_role("textbox", name="Table").fill(table("a", rows=rows))
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".chart svg")).to_have_attribute("aria-label", re.compile(f"{min(rows, 48)} known"))
        expect(page.locator("#status")).to_have_text(re.compile("Answered"))
    assert page.evaluate("held.size") == 1


def test_what_is_to_be_known_of_a_forecast_is_shown(page: Page, address: str) -> None:
    forecast(page, address, table("a", rows=5))
    said = "Note: the table has fewer rows than the 12 that the model reads before a forecast: 5."
    expect(page.locator("#answers .hint")).to_have_text([said, "Note: columns that the model does not read: 'note'."])


def test_of_columns_that_are_not_read_the_first_row_alone_is_sent(page: Page, address: str) -> None:
    with page.expect_request("**/v1/predict") as sent:
        forecast(page, address, table("a"))
    rows = sent.value.post_data_json["table"]
    assert [list(row) for row in rows] == [["time", "plant", "load", "note"], *[["time", "plant", "load"]] * 59]


def test_a_series_can_be_chosen(page: Page, address: str) -> None:
    forecast(page, address, table("a", "b"))
    page.get_by_label("Series").select_option("b")
    expect(page.locator(".chart figcaption strong")).to_have_text("load, b")


def test_the_chart_follows_pointer_and_keys(page: Page, address: str) -> None:
    forecast(page, address, table("a"))
    chart, readout = page.locator(".chart svg"), page.locator(".readout")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 50)
    expect(readout).to_have_text(re.compile(r"^2024-03-03 14:00   −?[\d.]+   \(−?[\d.]+ to −?[\d.]+\)$"))
    page.mouse.move(box["x"], box["y"] - 30)
    expect(readout).to_have_text("")
    chart.focus()
    for key, moment in (("ArrowRight", "2024-03-03 12:00"), ("ArrowRight", "2024-03-03 13:00"), ("Home", "2024-03-01 12:00")):
        page.keyboard.press(key)
        expect(readout).to_contain_text(moment)
    page.keyboard.press("End")
    expect(readout).to_contain_text("2024-03-03 14:00")


@pytest.mark.parametrize(("key", "moment"), [("Home", "2024-03-01 12:00"), ("End", "2024-03-03 14:00"), ("PageUp", "2024-03-03 12:00")])
def test_the_first_key_on_a_chart_leads_where_it_says(page: Page, address: str, key: str, moment: str) -> None:
    forecast(page, address, table("a"))
    page.locator(".chart svg").press(key)
    expect(page.locator(".readout")).to_contain_text(moment)


@pytest.mark.logs("422")
def test_after_a_refusal_no_other_answer_stands_below(page: Page, address: str) -> None:
    forecast(page, address, table("a"))
    expect(page.locator(".chart svg")).to_have_count(1)
    page.get_by_role("textbox", name="Table").fill("time,plant,load\nx,a,y")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.locator("#answers")).to_be_hidden()
    expect(page.locator(".chart svg")).to_have_count(0)


def test_a_file_with_semicolons_is_forecast_at_once_and_control_enter_asks_again(page: Page, address: str) -> None:
    page.goto(address)
    content = table("a", delimiter=";").encode()
    page.locator("#table").set_input_files(FilePayload(name="load.csv", mimeType="text/csv", buffer=b"\xef\xbb\xbf" + content))
    expect(page.locator(".chart svg")).to_have_count(1)
    box = page.get_by_role("textbox", name="Table")
    box.fill("time;plant;load\n2024-03-01 00:00;a;5\n2024-03-01 01:00;a;6\n")
    box.press("Control+Enter")
    expect(page.locator(".chart svg")).to_have_attribute(
        "aria-label", "load, a: 2 known values and 3 that are forecast. Arrow keys read them."
    )


def test_a_table_that_is_not_utf8_is_refused(page: Page, address: str) -> None:
    page.goto(address)
    content = (table("a") + "2024-07-01 00:00,a,1,café\n").encode("latin-1")
    page.locator("#table").set_input_files(FilePayload(name="load.csv", mimeType="text/csv", buffer=content))
    expect(page.get_by_role("alert").first).to_have_text("load.csv:62: not UTF-8; expected UTF-8. Save it as UTF-8.")


@pytest.mark.logs("422")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing to forecast from: paste a table or choose a file first."),
        ("time,plant,load", "table: no rows; expected a line of column names and a line a row. Paste the whole table."),
        ("time,time,load\n1,2,3", "table: column 'time' stands there twice; expected different names. Rename one of both."),
        ("time,plant,load\n1,a,3,4", "table: line 2 has 4 cells; expected 3, as in the first line. Mend the line."),
        ("time,plant,lod\n2024-03-01,a,3", "table: no column 'load'; there are time, plant, lod."),
        ("lod\n3", "table: no column 'time'; there are lod."),
        ("time,plant,load\n2024-03-01,a,much", "table:2: load is 'much'; expected a number. Mend the cell."),
    ],
)
def test_a_table_that_cannot_be_forecast_is_refused(page: Page, address: str, text: str, said: str) -> None:
    forecast(page, address, text)
    expect(page.get_by_role("alert").first).to_contain_text(said)
    expect(page.locator(".chart")).to_have_count(0)


ASK = """async ([model, text]) => {
  const { TableSource } = await import("/page/numbers.js");
  const source = new TableSource(model, {});
  source.element.querySelector("textarea").value = text;
  let asked;
  const lines = ["1", "2"].map((time) => ({ series: "a,b", time, column: "value", value: 3 }));
  const history = ["-1", "0"].map((time) => ({ series: "a,b", time, column: "value", value: 2 }));
  const forecast = async (request) => ((asked = request), { forecast: lines, history });
  document.body.replaceChildren((await source.answers({ forecast }))[0]);
  return asked;
}"""


def test_a_row_a_series_is_sent_whole_and_counted_from_its_end(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    model = {"table": "wide", "source": [{"name": "values", "kind": "numbers"}], "history": 4, "horizon": 2}
    said = page.evaluate(ASK, [model, 'name,V1,V2,V3\n"a,b",1,"2",\n'])
    assert said == {"table": [{"name": "a,b", "V1": "1", "V2": "2", "V3": ""}], "history": 48}
    expect(page.locator(".chart .tick + .label")).to_have_text(["−1", "0", "1", "2"])
    numbered = page.evaluate(ASK, [model, "name,1,2,3\na,7,8,9\n"])["table"]
    assert list(numbered[0].items()) == [("name", "a"), ("column 1", "7"), ("column 2", "8"), ("column 3", "9")]


READ = "async (text) => (await import('/page/table.js')).readTable(text)"
ONE = {"names": ["a", "b"], "rows": [{"a": "1", "b": "2"}]}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a,b\n1,2", {**ONE, "lines": [2]}),
        ("\ufeff\n\n  \n a ;b\n\n;\n1; 2\x1f\n\n", {**ONE, "lines": [7]}),
        ("a,b\r1,2\r", {**ONE, "lines": [2]}),
        ("a,b\r\n\r\n1,2\r\n", {**ONE, "lines": [3]}),
        (
            'a\tb\n"1\n""x"""\t2\n\n\ufeff3\t4',
            {"names": ["a", "b"], "rows": [{"a": '1\n"x"', "b": "2"}, {"a": "\ufeff3", "b": "4"}], "lines": [2, 5]},
        ),
    ],
)
def test_tables_are_parsed_with_the_lines_in_which_their_rows_begin(page: Page, address: str, text: str, read: Any) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    assert page.evaluate(READ, text) == read


def test_many_blanks_in_a_table_take_no_time(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    began = time.monotonic()
    text = "a,b\n1,x" + " " * 400_000 + "x\n"
    assert len(page.evaluate(READ, text)["rows"]) == 1
    assert time.monotonic() - began < 10  # a minute and more, where each blank is looked at anew from all before it


PLACES = [
    "\n\ntime,plant,load\n2024-03-01 00:00,a,1\n\n2024-03-01 01:00,a,2\n2024-03-01 02:00,a,much\n",
    'plant,time,load\n"a\nb",2024-03-01 00:00,1\n"a\nb",2024-03-01 01:00,2\n"a\nb",2024-03-01 02:00,table[0]\n',
    "time,plant,load\n2024-03-01 00:00,a,1\n\n2024-03-01 01:00,,2\n",
    "time,plant,load\n2024-03-01 00:00,a,1\n2024-03-01 01:00,a,2\n,,\n2024-03-01 01:00,a,3\n",
]


@pytest.mark.logs("422")
@pytest.mark.parametrize("text", PLACES)
def test_errors_name_the_lines_of_the_text_as_those_of_a_file(
    page: Page, address: str, forecasting: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "table").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        load_exported(forecasting, threads=1).forecast(tmp_path / "table")
    fault = str(refused.value).removeprefix(f"{tmp_path}/").partition("; expected")[0].partition(". ")[0]
    assert re.match(r"table:\d+: ", fault)
    forecast(page, address, text)
    expect(page.get_by_role("alert").first).to_contain_text(fault)


SAID = """async ([lines, message]) => {
  const { TableSource } = await import("/page/numbers.js");
  const source = new TableSource({ table: "wide", source: [{ name: "values", kind: "numbers" }], history: 2, horizon: 1 }, {});
  source.element.querySelector("textarea").value = lines.join("\\n");
  return source.answers({ forecast: async () => { throw new Error(message); } }).catch((error) => error.message);
}"""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "table:2: series 'a' is in line 1 already; expected a row a series.",
            "table:5: series 'a' is in line 3 already; expected a row a series.",
        ),
        (
            "table[1]: series 'a' is in table[0] already; expected a row a series.",
            "table:5: series 'a' is in line 3 already; expected a row a series.",
        ),
        (
            "table:2: size is 3, and 2 in line 1; expected one value within a series.",
            "table:5: size is 3, and 2 in line 3; expected one value within a series.",
        ),
        ("table: no column 'table:1'; there are table[0].", "table: no column 'table:1'; there are table[0]."),
        ("table:0: nothing", "table:0: nothing"),
    ],
)
def test_both_places_of_an_error_become_lines(page: Page, address: str, message: str, said: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    assert page.evaluate(SAID, [["name,V1", "", "a,1", "", "a,2"], message]) == said


LACKING = """async (name) => {
  const { TableSource } = await import("/page/numbers.js");
  const column = (name, role) => ({ name, role, kind: "numbers" });
  const source = new TableSource({ table: "long", source: [column("load", "target"), column(name, "known")], history: 2, horizon: 1 }, {});
  source.element.querySelector("textarea").value = "load\\n1\\n2";
  let asked;
  await source.answers({ forecast: async (request) => ((asked = structuredClone(request.table)), { forecast: [] }) });
  return asked;
}"""


@pytest.mark.parametrize("name", ["constructor", "toString"])
def test_a_column_that_the_table_lacks_is_not_taken_from_elsewhere(page: Page, address: str, name: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    assert page.evaluate(LACKING, name) == [{"load": "1"}, {"load": "2"}]  # and not what all objects have


DRAWN = """async (known) => {
  const { Forecast } = await import("/page/forecast.js");
  const lines = ["2024-12-31 23:00", "2025-01-01"].map((time) => ({ series: "", time, column: "load", value: 1700 }));
  const history = known.map(([time, value]) => ({ series: "", time, column: "load", value }));
  document.body.replaceChildren(new Forecast(lines, history).element);
}"""


def test_a_chart_is_read_with_keys(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    page.evaluate(DRAWN, [["2024-12-31 21:00", 1500.5], ["2024-12-31 22:00", 1600]])
    chart = page.get_by_role("application")
    expect(chart).to_have_attribute("aria-label", re.compile("2 known values and 2 that are forecast"))
    expect(page.locator(".chart .tick + .label").first).to_have_text(re.compile(r"\d\d:\d\d"))
    chart.focus()
    for key, moment, value in (
        ("ArrowLeft", "2024-12-31 23:00", "1,700"),
        ("ArrowLeft", "2024-12-31 22:00", "1,600"),
        ("Home", "21:00", "1,501"),
    ):
        page.keyboard.press(key)
        expect(page.locator(".chart output")).to_contain_text(re.compile(f"{moment}.*{value}"))


MARKS = "async ([name, ...given]) => (await import('/page/axes.js'))[name](...given).map(({ label }) => label)"
DAY = 86_400_000


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (["numberMarks", 3.1, 61.9, 5], ["20", "40", "60"]),
        (["numberMarks", -0.012, 0.021, 5], ["−0.01", "0.00", "0.01", "0.02"]),
        (["numberMarks", 0, 3_200_000, 4], ["0", "1M", "2M", "3M"]),
        (["numberMarks", 300_000, 2_300_000, 4], ["500K", "1M", "1.5M", "2M"]),
        (["numberMarks", 1e9 - 2, 1e9 + 12, 3], ["1B", "1.000000005B", "1.00000001B"]),
        (["timeMarks", 0, DAY, 4], ["1 Jan", "06:00", "12:00", "18:00", "2 Jan"]),
        (["timeMarks", 0, 20 * DAY, 4], ["5 Jan", "12 Jan", "19 Jan"]),
        (["timeMarks", 0, 250 * DAY, 4], ["Jan 1970", "Mar 1970", "May 1970", "Jul 1970", "Sept 1970"]),
        (["timeMarks", 0, 9_000 * DAY, 6], ["Jan 1970", "Jan 1975", "Jan 1980", "Jan 1985", "Jan 1990"]),
    ],
)
def test_axes_have_round_marks(page: Page, address: str, given: list[Any], labels: list[str]) -> None:
    page.goto(address)
    assert page.evaluate(MARKS, given) == labels


# -------------------------------------------------------------------------------------------------------------- sounds


def test_a_sound_file_is_transcribed_with_when_each_word_was_heard(page: Page, address: str, tones: Path, hearing: Path) -> None:
    clip = tones / "test" / "0000.wav"
    hear(page, address, "clip.wav", clip.read_bytes())
    (answer,) = seqloom.load(hearing, threads=1).predict([str(clip)])
    expect(page.locator(".best p")).to_have_text(answer or "(empty)")
    expect(page.locator(".readout")).to_have_text("When each symbol was heard, in seconds")
    expect(page.get_by_text("clip.wav")).to_be_visible()
    expect(page.locator("audio")).to_be_visible()
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".readout")).to_have_text(re.compile(r" ← 0\.00 s   "))
    assert page.evaluate("document.querySelector('audio').error") is None


@pytest.mark.parametrize("kind", ["FLAC", "OGG"])
def test_other_sounds_are_transcribed_too(page: Page, address: str, tones: Path, kind: str) -> None:
    samples, rate = soundfile.read(tones / "test" / "0000.wav")
    hear(page, address, f"clip.{kind.lower()}", file(samples, rate, kind))
    expect(page.locator(".best p")).to_be_visible()


def test_what_the_browser_decodes_is_what_the_file_holds(page: Page, address: str) -> None:
    page.goto(address)
    script = """async () => {
      const { waveFile } = await import("/sound/wave.js");
      return [...new Uint8Array(await waveFile(new Float32Array([0, 0.5, -0.25, 1.5, -2]), 8000).arrayBuffer())];
    }"""
    samples, rate = soundfile.read(io.BytesIO(bytes(page.evaluate(script))))
    assert rate == 8000
    np.testing.assert_allclose(samples, [0, 0.5, -0.25, 1, -1], atol=1e-4)


@pytest.mark.logs("422")  # on a busy machine it becomes too long for attention, and is answered without
def test_a_recording_is_transcribed_when_it_ends(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Model").select_option("tones")
    page.get_by_role("button", name="Record").press("Enter")
    expect(page.get_by_text("Recording…")).to_be_visible()
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.locator(".best p")).to_be_visible()
    expect(page.get_by_role("button", name="Record")).to_be_visible()


@pytest.mark.logs("422")
def test_a_sound_too_long_for_attention_is_answered_without(page: Page, address: str) -> None:
    with page.expect_response(lambda response: response.status == 422) as refused:
        hear(page, address, "long.wav", file(0.1 * np.random.default_rng(1).normal(size=38_000)))
    assert refused.value.json()["error"].startswith("attention: up to ")
    expect(page.locator(".best p")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)


@pytest.mark.logs("422")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no sound at all", "clip.wav: the browser cannot read it as sound. Choose a WAV, FLAC, MP3 or other sound file."),
        (file(np.zeros(48_000)), "inputs[0]: 6.0 seconds; the limit is 5. Cut it into shorter parts."),
        (file(np.zeros(800))[:-100], "inputs[0]: the sound is cut off: 1,600 bytes of sound are announced and 1,500 are there;"),
    ],
)
def test_what_cannot_be_heard_is_said(page: Page, address: str, content: bytes, said: str) -> None:
    hear(page, address, "clip.wav", content)
    expect(page.get_by_role("alert").first).to_contain_text(said)


MICROPHONE = """async ([script]) => {
  const { SoundSource } = await import("/page/sound.js");
  const streams = [];
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    await wait(300); // as long as a person is asked
    streams.push(await open(wanted));
    return streams.at(-1);
  };
  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const said = [];
  const readSound = async (file) => (await wait(file.name === "slow.wav" ? 600 : 0), file.name);
  const [onsubmit, onerror] = [() => said.push("asked"), ({ message }) => said.push(message)];
  const source = new SoundSource({ source: [{}] }, { onsubmit, onerror, readSound });
  document.body.append(source.element);
  const record = source.element.querySelector(".record");
  const choose = (name) => {
    const chosen = new DataTransfer();
    chosen.items.add(new File(["x"], name));
    const input = source.element.querySelector("input");
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
  };
  for (const step of script) {
    if (step === "record") record.click();
    else if (step === "leave") source.leave();
    else if (typeof step === "number") await wait(step);
    else if (step === "no recorder") window.MediaRecorder = class { constructor() { throw new Error("no such format"); } };
    else choose(step);
  }
  const live = streams.filter((stream) => stream.getTracks().some((track) => track.readyState === "live")).length;
  return { asked: streams.length, live, said, button: record.textContent, name: source.element.querySelector(".hint").textContent };
}"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (["record", "record", 900], {"asked": 1, "live": 1, "said": [], "button": "Stop"}),
        (["record", "record", 900, "record", 500], {"asked": 1, "live": 0, "said": ["asked"], "button": "Record"}),
        (["record", "leave", 900], {"asked": 1, "live": 0, "said": [], "button": "Record"}),
        (["record", 600, "leave", 500], {"asked": 1, "live": 0, "said": [], "button": "Record"}),
        (["record", "quick.wav", 900], {"asked": 1, "live": 0, "said": ["asked"], "button": "Record", "name": "quick.wav"}),
        (["slow.wav", 50, "quick.wav", 1200], {"said": ["asked"], "name": "quick.wav"}),
        (["slow.wav", "leave", 900], {"said": []}),
        (
            ["no recorder", "record", 900],
            {"live": 0, "said": ["Recording: the browser gives no microphone (no such format). Allow it, or choose a file."]},
        ),
    ],
)
def test_the_last_sound_that_is_asked_for_is_heard_and_no_microphone_stays_on(
    page: Page, address: str, script: list[Any], expected: dict[str, Any]
) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Predict")).to_be_enabled()
    assert expected.items() <= page.evaluate(MICROPHONE, [script]).items()


def test_a_sound_must_be_there_first(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Model").select_option("tones")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert").first).to_have_text("Nothing to hear yet: record or choose a sound first.")
    expect(page.get_by_role("button", name="Record")).to_be_focused()


# ------------------------------------------------------------------------------------------------------------ anywhere


@pytest.mark.parametrize("page", [PHONE, {**PHONE, **DARK}], indirect=True, ids=["phone", "dark phone"])
def test_forecasts_and_sounds_fit_a_phone(page: Page, address: str, tones: Path) -> None:
    forecast(page, address, table("a", "b"))
    expect(page.locator(".chart svg")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    hear(page, address, "clip.wav", (tones / "test" / "0000.wav").read_bytes())
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    record = page.get_by_role("button", name="Record").bounding_box()
    assert record is not None
    assert record["height"] >= 40
