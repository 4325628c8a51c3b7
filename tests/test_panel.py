import re
from datetime import datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.config import DataConfig, NumbersField
from seqloom.errors import DataError
from seqloom.numbers.panel import Panel, joined, panel_of, panel_of_rows, read_panel
from seqloom.numbers.spelling import Marks

LONG = ["date,shop,sales,price", "2024-01-01,a,1,10", "2024-01-01,b,5,50", "2024-01-02,a,2,10", "2024-01-02,b,6,50"]


def read(folder: Path, lines: list[str], **numbers: Any) -> Panel:
    file = folder / "sales.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_panel(str(file), NumbersField(**{"targets": ["sales"], **numbers}), DataConfig())


def refused(folder: Path, lines: list[str], message: str, **numbers: Any) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(str(folder / 'sales.csv') + message)}"):
        read(folder, lines, **numbers)


def test_a_row_that_does_not_say_of_which_series_it_is_is_refused(tmp_path: Path):
    """What pandas has for a missing name, NaN, was a series called nan."""
    message = ":3: shop is empty (2 such cells); expected the name of a series. Fill it, or remove the rows."
    refused(tmp_path, ["shop,sales", "a,1", ",2", ",3"], message, series="shop")
    held = {"shop": ["a", float("nan"), None], "sales": [1.0, 2.0, 3.0]}
    with pytest.raises(DataError, match=f"^table{re.escape(message.replace(':3', ':2'))}$"):
        panel_of(held, NumbersField(targets=["sales"], series="shop"), DataConfig())
    assert read(tmp_path, ["shop,sales", ",1", ",2"], series="shop").series == ("",)


def test_dates_in_iso_form_are_read_beside_another_form_of_training(tmp_path: Path):
    """Forecasts are written so; a model of 12/31/2024 refused a table that had its own forecasts."""
    for dates in ("month_first", "day_first"):
        panel = read(tmp_path, ["day,sales", "2024-03-01,1", "2024-03-02,2"], time="day", dates=dates)
        assert panel.times is not None
        assert panel.times.astype("datetime64[D]").astype(str).tolist() == ["2024-03-01", "2024-03-02"]


@pytest.mark.parametrize("first", ["Country,1960,1961,1962", ",1,2,3", "n,0,1,2", "id,1990,1995,2000"])
@pytest.mark.parametrize("rows", [["a,7,5,9"], ["a,7,5,9", "b,1,2,3", "c,4,4,5"]])
def test_years_and_counts_over_rows_of_a_series_are_a_header(tmp_path: Path, first: str, rows: list[str]):
    panel = read(tmp_path, [first, *rows], targets=[], wide=True)
    assert panel.values[:3, 0].tolist() == [7, 5, 9]
    said, *of_times = panel.layout
    assert len(of_times) == (panel.times is not None) == (first[-1] in "0" or "19" in first)
    assert re.fullmatch(r"Line 1 is read as a header: .*\d\. If it is data, say --set data\.header=false\.", said)


@pytest.mark.parametrize(
    "rows",
    [
        ["a,1,2,3", "b,2,4,6"],
        ["a,1,2,4", "b,5,7,6"],
        ["a,1,2", "b,7,5"],
        ["a,1.0,2.0,3.0", "b,7,5,9"],
        ["a,100,102,104", "b,7,5,9"],
        ["a,2100,2200,2300", "b,7,5,9"],
        ["a,2,3,4", "b,7,5,9"],
        ["a,1,2,3,4", "b,10,20,30,"],
        ["a,10%,20%,30%", "b,7%,5%,9%"],
        ["a,$7,$8,$2", "b,$3,$4,$1"],
    ],
)
def test_rows_that_go_on_like_the_first_or_a_first_that_does_not_rise_evenly_are_all_data(tmp_path: Path, rows: list[str]):
    panel = read(tmp_path, rows, targets=[], wide=True)
    assert panel.series == ("a", "b")
    assert panel.layout[0].endswith("is a number. If it is a header, say --set data.header=true.")


def test_what_was_data_in_training_is_none_the_less_where_it_reads_like_a_header(tmp_path: Path):
    file, numbers, trained = tmp_path / "later.csv", NumbersField(wide=True), DataConfig(header=False)
    file.write_text("a,1,2,3\nb,7,5,9\n", encoding="utf-8")
    assert read_panel(str(file), numbers, DataConfig()).series == ("b",)
    panel = read_panel(str(file), numbers, trained)
    assert (panel.series, panel.layout) == (("a", "b"), ("Without a header: line 1 ('a', '1', '2', '3') is data.",))
    file.write_text("id,V1,V2,V3\nb,7,5,9\n", encoding="utf-8")
    panel = read_panel(str(file), numbers, trained)
    assert (panel.series, panel.layout) == (("b",), ("Line 1 is a header: id, V1, V2, V3.",))


@pytest.mark.parametrize("row", ["x,1,2,3", "x,1990,1991,1992", "x,100,102,104"])
def test_a_series_by_itself_is_no_header(tmp_path: Path, row: str):
    panel = read(tmp_path, [row], targets=[], wide=True)
    assert (panel.series, panel.header) == (("x",), False)


def test_what_is_said_not_to_change_within_a_series_must_not(tmp_path: Path):
    rows = ["date,shop,sales,size", "2024-01-01,a,1,3", "2024-01-01,b,1,5", "2024-01-02,a,2,3", "2024-01-02,b,2,", "2024-01-03,b,2,6.5"]
    message = (
        ":6: size of series 'b' is 6.5, and 5 in line 3; expected one value within a series. Mend the cell, or name the column with "
        "--known or --past in place of --static."
    )
    refused(tmp_path, rows, message, time="date", series="shop", static=["size"], missing="zero")
    panel = read(tmp_path, rows[:-1], time="date", series="shop", static=["size"], missing="zero")
    assert panel.values[:, 1].tolist() == [3, 3, 5, 5], "what does not change is not 0 where it is empty"
    refused(tmp_path, ["sales,size", "1,3", "2,4"], ":3: size is 4, and 3 in line 2; expected one value within a series.", static=["size"])


@pytest.mark.parametrize(
    ("name", "numbers", "step", "said"),
    [
        ("quarter", (1, 2, 3), "3 months", "quarter"),
        ("period", (1, 2, 3), "3 months", "quarter"),
        ("period", (11, 12), "1 month", None),
        ("month", (1, 2, 3), "1 month", None),
        ("Week", (1, 2, 3), "1 week", "week"),
        ("n", (51, 52), "1 week", "week"),
        ("dayofyear", (1, 2, 3), "1 day", "day"),
        ("n", (98, 99), "1 day", "day"),
    ],
)
def test_the_second_column_of_a_time_may_say_any_part_of_the_year(
    tmp_path: Path, name: str, numbers: tuple[int, ...], step: str, said: str | None
):
    panel = read(tmp_path, [f"year,{name},sales", *(f"2024,{number},{number}" for number in numbers)], time=["year", name])
    assert str(panel.step) == step
    assert panel.layout == (() if said is None else (f"{name} is read as the {said} of the year",))


@pytest.mark.parametrize("time", [["year", "day", "month"], ["day", "month", "year"], ["month", "day", "year"], ["year", "month", "day"]])
def test_a_day_beside_a_month_is_one_of_the_month_in_whatever_order(tmp_path: Path, time: list[str]):
    panel = read(tmp_path, ["year,month,day,sales", "2023,1,31,1", "2023,2,1,2", "2023,2,2,3"], time=time)
    assert panel.times is not None
    assert (str(panel.step), str(panel.times[0]), panel.layout) == ("1 day", "2023-01-31T00:00:00", ())


def test_rows_of_a_series_are_put_together_in_their_order(tmp_path: Path):
    panel = read(tmp_path, LONG, time="date", series="shop", known=["price"])
    assert (panel.columns, panel.series, panel.starts.tolist()) == (("sales", "price"), ("a", "b"), [0, 2, 4])
    assert panel.values.tolist() == [[1, 10], [2, 10], [5, 50], [6, 50]]
    assert str(panel.step) == "1 day"
    assert panel.where(2).endswith("sales.csv:3")


def test_one_row_a_series_has_its_name_and_then_its_values(tmp_path: Path):
    panel = read(tmp_path, ["id,V1,V2,V3", "x,1.5,2.5,", "y,3,4,5"], targets=[], wide=True)
    assert (panel.columns, panel.series, panel.starts.tolist()) == (("value",), ("x", "y"), [0, 2, 5])
    assert panel.values[:, 0].tolist() == [1.5, 2.5, 3, 4, 5]


def test_a_series_that_is_there_twice_is_refused_with_both_lines(tmp_path: Path):
    message = ":4: series 'x' is in line 2 already; expected a row a series. Rename or remove one of the two."
    refused(tmp_path, ["id,V1,V2", "x,1,2", "y,3,4", "x,5,6"], message, targets=[], wide=True)


def test_json_lines_are_read_like_csv(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    file.write_text('{"t": "2024-01-01", "v": 1.5}\n{"t": "2024-01-02", "v": 2}\n', encoding="utf-8")
    assert read_panel(str(file), NumbersField(targets=["v"], time="t"), DataConfig()).values.tolist() == [[1.5], [2.0]]


@pytest.mark.parametrize(
    "lines",
    [
        ["date;sales", "1.3.2024;1,5", "2.3.2024;-2", "3.3.2024;,25"],
        ["date;sales", "1.3.2024;1,500", "2.3.2024;-2,000", "3.3.2024;0,250"],
        ["date,sales", '1.3.2024,"1,50"', "2.3.2024,-2", '3.3.2024,"0,25"'],
    ],
    ids=["semicolons", "three digits", "quotes"],
)
def test_a_comma_before_decimals_and_dates_with_the_year_last_are_found(tmp_path: Path, lines: list[str]):
    panel = read(tmp_path, lines, time="date")
    assert panel.values[:, 0].tolist() == [1.5, -2, 0.25]
    assert (panel.marks, panel.dates, str(panel.step)) == (Marks(","), "day_first", "1 day")


def test_semicolons_with_commas_in_numbers_are_told_without_a_header(tmp_path: Path):
    lines = ["1.3.2024;1;2,5", "2.3.2024;1;4,5"]
    assert read(tmp_path, lines, targets=["3"], time="1").values[:, 0].tolist() == [2.5, 4.5]


def test_commas_between_semicolons_that_may_be_thousands_are_asked_for(tmp_path: Path):
    lines = ["date;sales", "2024-01-01;1,500", "2024-01-02;12,000", "2024-01-03;999"]
    refused(tmp_path, lines, ":2: sales is '1,500'; expected a number. If decimals stand behind the comma, say --set fields.numbers.")
    assert read(tmp_path, lines, decimal=".").values[:, 0].tolist() == [1500, 12000, 999]
    assert read(tmp_path, lines, decimal=",").values[:, 0].tolist() == [1.5, 12, 999]


@pytest.mark.parametrize(
    ("cells", "marks", "values"),
    [
        (["1,500", "12,000.5", "2"], Marks(".", ","), [1500, 12000.5, 2]),
        (["1.500", "12.000,5", "2"], Marks(",", "."), [1500, 12000.5, 2]),
        (["1,000,000", "2"], Marks(".", ","), [1000000, 2]),
        (["1.000.000", "-2"], Marks(",", "."), [1000000, -2]),
        (["1,500", "1.5"], Marks(".", ","), [1500, 1.5]),
        (["1.500", "1,5"], Marks(",", "."), [1500, 1.5]),
        (["950", "1,012", "1,012,000"], Marks(".", ","), [950, 1012, 1012000]),
        (["1'500", "12'000.5"], Marks(".", "'"), [1500, 12000.5]),
        (["1 500,5", "12\u00a0000", "1\u202f234\u202f567"], Marks(",", " "), [1500.5, 12000, 1234567]),
        (["0.500", "2"], Marks(), [0.5, 2]),
        (["1.500", "2.250"], Marks(), [1.5, 2.25]),
        (["1.500", "2.25", "3"], Marks(), [1.5, 2.25, 3]),
        (["1.500", "2000"], Marks(), [1.5, 2000]),
        (["1.5e3", "1.250"], Marks(), [1500, 1.25]),
    ],
)
def test_marks_between_thousands_are_found_where_they_cannot_be_another_thing(
    tmp_path: Path, cells: list[str], marks: Marks, values: list[float]
):
    panel = read(tmp_path, ["date\tsales", *(f"2024-01-0{day}\t{cell}" for day, cell in enumerate(cells, 1))])
    assert (panel.marks, panel.values[:, 0].tolist()) == (marks, values)


def test_commas_that_may_be_thousands_beside_numbers_below_a_thousand_are_asked_for(tmp_path: Path):
    lines = ["date\tsales", "2024-01-01\t950", "2024-01-02\t1,500"]
    refused(
        tmp_path, lines, ":3: sales is '1,500'; expected a number. If decimals stand behind the comma, say --set fields.numbers.decimal=,"
    )
    assert read(tmp_path, lines, decimal=".").values[:, 0].tolist() == [950, 1500]


def test_full_stops_that_may_be_thousands_are_asked_for(tmp_path: Path):
    weights = ["date,kg", "2024-01-01,1.500", "2024-01-02,3", "2024-01-03,2.750"]
    refused(tmp_path, weights, ": kg has whole numbers below a thousand, and nothing tells whether '1.500' is 1.5 or 1500", targets=["kg"])
    lines = ["date;sales", "2024-01-01;950", "2024-01-02;1.125"]
    said = "nothing tells whether '1.125' is 1.125 or 1125. Say --set fields.numbers.decimal=. (for 1.125) or =, (for 1125)."
    refused(tmp_path, lines, f": sales has whole numbers below a thousand, and {said}")
    assert 1.125 in read(tmp_path, lines, decimal=".").values
    assert 1125 in read(tmp_path, lines, decimal=",").values
    late = [lines[0], *["2024-01-01;1.125"] * 1001, lines[1]]
    assert len(read(tmp_path, late[:-1])) == 1001
    refused(tmp_path, late, f":1003: sales is '950', and {said}")
    assert 950 in read(tmp_path, late, decimal=".").values


def test_whole_numbers_of_one_column_say_nothing_of_decimals_in_another(tmp_path: Path):
    lines = ["date,sales,price", "2024-01-01,950,1.010", "2024-01-02,960,2.125"]
    assert read(tmp_path, lines, past=["price"]).values.tolist() == [[950, pytest.approx(1.01)], [960, 2.125]]


def test_what_is_not_grouped_by_thousands_is_no_number(tmp_path: Path):
    for cell in ("1,23", "12,3456", "0,123", "1,234,5"):
        lines = ["date\tsales", "2024-01-01\t1,500.5", f"2024-01-02\t{cell}"]
        refused(
            tmp_path, lines, f":3: sales is {cell!r}; expected a number, with commas between thousands. Mend", decimal=".", thousands=","
        )


def test_one_mark_cannot_be_both():
    with pytest.raises(ValueError, match=r"',' cannot stand both before decimals and between thousands"):
        NumbersField(decimal=",", thousands=",")


@pytest.mark.parametrize("header", ["date,sales,", "date,sales,7", "date,sales,sales of the year before this one and of all shops"])
def test_a_first_row_with_a_name_that_is_asked_for_is_a_header(tmp_path: Path, header: str):
    assert read(tmp_path, [header, "2024-01-01,1,2", "2024-01-02,3,4"], time="date").values[:, 0].tolist() == [1, 3]


def test_dates_and_decimals_of_parquet_are_read_as_they_are(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    moments = [datetime(2024, 1, day, 5, tzinfo=timezone.utc) for day in (1, 2, 3)]
    kinds = {
        "ns": pyarrow.timestamp("ns", "UTC"),
        "us": pyarrow.timestamp("us", "+02:00"),
        "s": pyarrow.timestamp("s"),
        "day": pyarrow.date32(),
    }
    columns = {name: pyarrow.array(moments, kind) for name, kind in kinds.items()}
    prices = pyarrow.array([Decimal("1.50"), Decimal("2.25"), None], pyarrow.decimal128(5, 2))
    file = tmp_path / "sales.parquet"
    parquet.write_table(pyarrow.table({**columns, "at": pyarrow.array([time(5)] * 3), "sales": prices, "free": [True, False, True]}), file)
    for name in [*columns, ["day", "at"]]:
        panel = read_panel(str(file), NumbersField(targets=["sales"], known=["free"], time=name), DataConfig())
        assert (panel.values[:2].tolist(), str(panel.step)) == ([[1.5, 1], [2.25, 0]], "1 day")
        assert panel.times is not None
        assert str(panel.times[0]) == ("2024-01-01T00:00:00" if name == "day" else "2024-01-01T05:00:00")


def test_the_time_may_stand_in_several_columns_and_marks_of_nothing_are_empty_cells(tmp_path: Path):
    rows = ["13/03/2004;18.00.00;2,6", "13/03/2004;19.00.00;?", "13/03/2004;21.00.00;-", "13/03/2004;22.00.00;2,5"]
    lines, times = ["date;hour;sales;;", *(f"{row};;" for row in rows), ";;;;"], ["date", "hour"]
    refused(tmp_path, lines, ":3: sales is empty (2 such cells); expected a number.", time=times, gaps="fill")
    refused(tmp_path, lines, ":4: 2004-03-13 21:00 follows 2004-03-13 19:00; expected a row every 1 hour", time=times)
    panel = read(tmp_path, lines, time=times, missing="previous", gaps="fill")
    assert (str(panel.step), panel.dates) == ("1 hour", "day_first")
    assert panel.values[3:].tolist() == [[pytest.approx(2.6)], [2.5]]
    with pytest.raises(ValueError, match=r"column 'date' is named twice"):
        NumbersField(targets=["sales"], time=["date", "date"])


@pytest.mark.parametrize(
    ("cells", "values", "sign"),
    [
        (["12%", "", "\u22123.5 %"], [12, -3.5], "%"),
        (["$1,500.50", "", "-$2,000,000"], [1500.5, -2_000_000], "$"),
        (["100 €", "", "€-3"], [100, -3], "€"),
        (["\u2212100", "", "7"], [-100, 7], None),
        (["(1,234.5)", "", "2,345"], [-1234.5, 2345], None),
        (["(12)", "", "7"], [-12, 7], None),
        (["($12)", "", "(7 $)"], [-12, -7], "$"),
    ],
)
def test_a_sign_beside_each_number_of_a_column_is_taken_off_and_said(
    tmp_path: Path, cells: list[str], values: list[float], sign: str | None
):
    rows = ["date\tsales", *(f"2024-01-0{day}\t{cell}" for day, cell in enumerate(cells, 1))]
    panel = read(tmp_path, rows, missing="previous")
    assert panel.values[[0, 2], 0].tolist() == values
    assert panel.layout == (() if sign is None else (f"{sign!r} beside each number is taken off: sales",))
    if sign is not None:
        refused(tmp_path, [*rows, "2024-01-04\t5"], f":2: sales is {cells[0]!r}; expected a number", missing="previous")


@pytest.mark.parametrize("cell", ["(-3)", "()", "((3))", "(3", "(a)"])
def test_parentheses_without_a_number_are_refused(tmp_path: Path, cell: str):
    refused(tmp_path, ["sales", "(1)", cell], f":3: sales is {cell!r}; expected a number. Mend the cell, or choose other columns.")


@pytest.mark.parametrize("begin", ["", "("])
def test_a_long_cell_that_is_no_number_is_refused_at_once(tmp_path: Path, begin: str):
    cell = begin + "1" * 300_000 + "x"  # gone through once for each digit, it would take minutes
    refused(tmp_path, ["sales", cell, "2"], f":2: sales is {cell!r}; expected a number. Mend the cell, or choose other columns.")


@pytest.mark.parametrize("cell", ["0.05", "-3", "5", "0"])
def test_a_number_without_the_sign_that_the_others_have_is_refused(tmp_path: Path, cell: str):
    rows = ["sales", *["3%"] * 1500, "", cell]
    message = f":1503: sales is {cell!r}, without the '%' beside the numbers of other rows; expected it in all rows. Write it there too, or"
    refused(tmp_path, rows, message, missing="previous")


def test_true_and_false_are_numbers(tmp_path: Path):
    assert read(tmp_path, ["date,sales", "2024-01-01,True", "2024-01-02,false", "2024-01-03,2"]).values[:, 0].tolist() == [1, 0, 2]


def test_numbers_of_json_lines_are_numbers_beside_a_comma_before_decimals(tmp_path: Path):
    file = tmp_path / "t.jsonl"
    file.write_text('{"t": "2024-01-01", "v": 1.125}\n{"t": "2024-01-02", "v": "2,5"}\n', encoding="utf-8")
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(f'{{"v": "{cell}"}}\n' for cell in ("1.100", "950", "1.250")), encoding="utf-8")
    panel = read_panel(str(texts), NumbersField(targets=["v"]), DataConfig())
    assert (panel.marks, panel.values[:2, 0].tolist()) == (Marks(), [pytest.approx(1.1), 950])
    for thousands in (None, "."):
        numbers = NumbersField.model_validate({"targets": ["v"], "time": "t", "decimal": ",", "thousands": thousands})
        assert read_panel(str(file), numbers, DataConfig()).values.tolist() == [[1.125], [2.5]]


def test_a_model_that_knows_full_stops_gives_no_advice_that_it_cannot_follow(tmp_path: Path):
    lines = ["date;sales", "2024-01-01;1,5"]
    refused(tmp_path, lines, ":2: sales is '1,5'; expected a number. Mend the cell, or choose other columns.", decimal=".")


def test_numbers_that_may_all_be_thousands_are_decimals_and_doubted(tmp_path: Path):
    lines = ["date;sales;price", "2024-01-01;135.450;1.5", "2024-01-02;98.120;2"]
    assert read(tmp_path, lines, targets=["sales", "price"]).doubts == ()
    panel = read(tmp_path, lines)
    assert panel.values[:, 0].tolist() == [135.45, 98.12]
    assert panel.doubts == (
        "all numbers of sales have three digits behind a full stop, such as '135.450', which is read as 135.45. If it is 135450, say "
        "--set fields.numbers.decimal=,",
    )
    assert read(tmp_path, lines, decimal=",").values[:, 0].tolist() == [135450, 98120]
    for decimal, cell in ((".", "98.120"), (None, "98.12"), (None, "0.120"), (None, "1.198.120")):
        assert read(tmp_path, [*lines[:2], f"2024-01-02;{cell};2"], decimal=decimal).doubts == ()


@pytest.mark.parametrize("between", ["'", " ", "\u00a0", "\u202f", "\u2009", "\u2019"])
def test_blanks_and_apostrophes_stand_between_thousands(tmp_path: Path, between: str):
    panel = read(tmp_path, ["date;sales", f"2024-01-01;1{between}234{between}567.5", "2024-01-02;950"])
    assert panel.values[:, 0].tolist() == [1234567.5, 950]


def test_commas_that_may_be_thousands_are_asked_for(tmp_path: Path):
    lines = ["date\tsales", "2024-01-01\t1,500", "2024-01-02\t2,000"]
    message = ":2: sales is '1,500'; expected a number. If decimals stand behind the comma, say --set fields.numbers.decimal=, (if"
    refused(tmp_path, lines, message)
    assert read(tmp_path, lines, decimal=",").values[:, 0].tolist() == [1.5, 2]


@pytest.mark.parametrize("cell", ["1.500", "1.500,5", "1,5,0"])
def test_beside_a_comma_before_decimals_nothing_else_is_read(tmp_path: Path, cell: str):
    lines = ["date;sales", "2024-01-01;1,5", f"2024-01-02;{cell}"]
    message = f":3: sales is {cell!r}; expected a number, with a comma before its decimals. Mend the cell"
    refused(tmp_path, lines, message, decimal=",", thousands="none")


def test_a_series_a_row_may_have_commas_before_decimals(tmp_path: Path):
    panel = read(tmp_path, ["id;V1;V2;V3", "x;1,5;2;", "y;3;4,25;5"], targets=[], wide=True)
    assert (panel.values[:, 0].tolist(), panel.marks) == ([1.5, 2, 3, 4.25, 5], Marks(","))


def test_a_column_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path):
    refused(tmp_path, LONG, ": no column 'sale'; there are date, shop, sales, price. Did you mean 'sales'?", targets=["sale"])
    refused(tmp_path, LONG, ": no column '²'; there are date, shop, sales, price.", targets=["²"])


def test_a_name_that_several_columns_have_is_refused_and_their_numbers_are_not(tmp_path: Path):
    lines = ["date,sales,sales", "2024-01-01,1,2", "2024-01-02,3,4"]
    refused(tmp_path, lines, ": 2 columns are called 'sales'; expected one. Rename the others, or name it by its number.")
    assert read(tmp_path, lines, targets=["3"], time="date").values[:, 0].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "many",
            ":4: sales is 'many'; expected a number. If it is a word, as of a kind, make a column of 0 and 1 for each; "
            "else mend the cell, or choose other columns.",
        ),
        ("1_0", ":4: sales is '1_0'; expected a number. Mend the cell, or choose other columns."),
        ("inf", ":4: sales is 'inf'; expected a finite number, at most 1e+38 in size. Mend the cell."),
        ("-1e39", ":4: sales is '-1e39'; expected a finite number, at most 1e+38 in size. Mend the cell."),
        ("", ":4: sales is empty (1 such cells); expected a number. Fill it, or name a rule: --set fields.numbers.missing=previous"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_row_column_and_value(tmp_path: Path, cell: str, message: str):
    refused(tmp_path, ["date,sales", "2024-01-01,1", "2024-01-02,2", f"2024-01-03,{cell}", "2024-01-04,4"], message)


@pytest.mark.parametrize(("rule", "filled"), [("previous", [1, 1, 1, 7]), ("linear", [1, 3, 5, 7]), ("zero", [1, 0, 0, 7])])
def test_missing_values_follow_the_rule_that_is_named(tmp_path: Path, rule: Any, filled: list[float]):
    lines = ["date,sales", "2024-01-01,1", "2024-01-02,", "2024-01-03,NA", "2024-01-04,7"]
    panel = read(tmp_path, lines, time="date", missing=rule)
    assert panel.values[:, 0].tolist() == filled
    assert panel.filled is not None
    assert panel.filled[:, 0].tolist() == np.isnan(panel.known(0, 4)[:, 0]).tolist() == [False, True, True, False]
    said = f"empty cells were given a value (fields.numbers.missing={rule}), which counts as no truth: sales 2"
    assert panel.notes(NumbersField(missing=rule)) == [said]
    assert read(tmp_path, [*lines[:2], "2024-01-02,3"], time="date", missing=rule).notes(NumbersField(missing=rule)) == []


@pytest.mark.parametrize(("rule", "first"), [("previous", 5), ("linear", 5), ("zero", 0)])
def test_before_the_first_value_of_a_series_that_value_is_put_in(tmp_path: Path, rule: Any, first: float):
    lines = ["shop,sales", "a,3", "b,", "b,", "b,5"]
    assert read(tmp_path, lines, series="shop", missing=rule).values[:, 0].tolist() == [3, first, first, 5]


def test_a_column_without_a_number_and_a_table_without_a_row_are_refused(tmp_path: Path):
    lines = ["date,sales,price", "2024-01-01,1,", "2024-01-02,2,"]
    refused(tmp_path, lines, ": price is empty in all rows; expected numbers. Choose other columns.", past=["price"])
    refused(tmp_path, lines[:1], ": no rows, only a header; expected numbers on each line. Name a file that holds some.")


def test_empty_targets_at_the_end_are_the_time_to_come(tmp_path: Path):
    panel = read(tmp_path, ["date,sales,price", "2024-01-01,1,10", "2024-01-02,,11", "2024-01-03,,12"], known=["price"])
    assert np.isnan(panel.values[:, 0]).tolist() == [False, True, True]
    assert panel.values[:, 1].tolist() == [10, 11, 12]


def test_a_gap_is_refused_or_filled(tmp_path: Path):
    lines = ["date,sales", "2024-01-01,1", "2024-01-02,2", "2024-01-05,8"]
    refused(tmp_path, lines, ":4: 2024-01-05 follows 2024-01-02; expected a row every 1 day (1 such row). Put in", time="date")
    panel = read(tmp_path, lines, time="date", gaps="fill", missing="linear")
    assert panel.values[:, 0].tolist() == [1, 2, 4, 6, 8]
    assert len(panel.times) == 5  # type: ignore[arg-type]
    assert panel.notes(NumbersField(missing="linear")) == [
        f"2 rows that are left out in {panel.name} were put in (fields.numbers.gaps=fill)",
        "empty cells were given a value (fields.numbers.missing=linear), which counts as no truth: sales 2",
    ]
    refused(
        tmp_path, lines, ": 2 rows were put in by fields.numbers.gaps=fill, with nothing in them. Name a rule for", time="date", gaps="fill"
    )
    empty = [*lines, "2024-01-07,", "2024-01-08,9"]
    refused(tmp_path, empty, ":5: sales is empty (1 such cells); expected a number.", time="date", gaps="fill")


def test_what_follows_is_joined_to_its_series_and_strangers_are_refused(tmp_path: Path):
    first = read(tmp_path, ["id,V1,V2,V3", "x1,1,2,", "y1,3,4,5"], targets=[], wide=True)
    then = read(tmp_path, ["id,V1,V2,V3", "y1,6,7,", "x1,3,4,"], targets=[], wide=True)
    whole = joined(first, then)
    assert (whole.values[:, 0].tolist(), whole.starts.tolist()) == ([1, 2, 3, 4, 3, 4, 5, 6, 7], [0, 4, 9])
    with pytest.raises(DataError, match=r"series 'x11' is not in .*; expected what follows its series\. Did you mean 'x1'\?"):
        joined(first, read(tmp_path, ["id,V1,V2,V3", "x11,1,2,"], targets=[], wide=True))


def test_times_go_on_in_what_follows_or_it_is_refused(tmp_path: Path):
    first = read(tmp_path, ["date,sales", "2024-01-01,1", "2024-01-02,2"], time="date")
    whole = joined(first, read(tmp_path, ["date,sales", "2024-01-03,3"], time="date"))
    assert whole.times is not None
    assert whole.times.astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert whole.filled is None
    holes = read(tmp_path, ["date,sales", "2024-01-03,", "2024-01-04,3"], time="date", missing="zero")
    filled = joined(first, holes).filled
    assert filled is not None
    assert filled[:, 0].tolist() == [False, False, True, False]
    late = read(tmp_path, ["date,sales", "2024-01-04,3"], time="date")
    message = "sales.csv: begins at 2024-01-04; expected 2024-01-03, a step after .* ends \\(2024-01-02\\). Give a table that goes on"
    with pytest.raises(DataError, match=message):
        joined(first, late)


@pytest.mark.parametrize(
    "cells",
    [
        ("1262304000.0", "1262307600.0", "1262311200.0"),
        ("1262304000000.0", "1262307600000.0", "1262311200000.0"),
        ("1.262304000000000000e+09", "1.262307600000000000e+09", "1.262311200000000000e+09"),
        ("1262304000000000000.0", "1262307600000000000.0", "1262311200000000000.0"),
    ],
)
def test_moments_since_1970_may_be_written_as_floats(cells: tuple[str, ...]) -> None:
    panel = panel_of_rows([{"t": cell, "y": 1.0} for cell in cells], NumbersField(targets=["y"], time="t", horizon=1))
    assert panel.times is not None
    assert [str(time) for time in panel.times] == ["2010-01-01T00:00:00", "2010-01-01T01:00:00", "2010-01-01T02:00:00"]
    assert str(panel.step) == "1 hour"


def test_years_and_months_in_columns_of_floats_are_read_and_decimals_of_time_are_not_cut() -> None:
    rows = [{"year": "2024.0", "month": f"{month}.0", "y": 1.0} for month in (1, 2, 3)]
    panel = panel_of_rows(rows, NumbersField(targets=["y"], time=["year", "month"], horizon=1))
    assert panel.times is not None
    assert str(panel.times[-1]) == "2024-03-01T00:00:00"
    rows = [{"t": cell, "y": 1.0} for cell in ("2024.0", "2024.083", "2024.167")]
    decimal = panel_of_rows(rows, NumbersField(targets=["y"], time="t", horizon=1))
    assert decimal.times is not None
    assert str(decimal.times[-1]) == "2024-03-01T00:00:00"


BANK = [
    '"Country Name","Country Code","Indicator Name","2017","2018","2019","2020",',
    '"Aruba, The","ABW","GDP","","2","3","4",',
    '"Chad","TCD","GDP","5","6","7","",',
    '"Peru","PER","GDP","","","","",',
]


def test_columns_called_by_times_are_the_times_of_a_row_a_series(tmp_path: Path):
    panel = read(tmp_path, BANK, targets=[], wide=True)
    assert (panel.series, panel.values[:, 0].tolist(), panel.starts.tolist()) == (("Aruba, The", "Chad"), [2, 3, 4, 5, 6, 7], [0, 3, 6])
    assert panel.times is not None
    assert (str(panel.step), str(panel.times[0])[:10], str(panel.times[3])[:10]) == ("12 months", "2018-01-01", "2017-01-01")
    assert panel.layout[1:] == (
        "columns are called by their times, from 2017-01-01 to 2020-01-01, behind the names of series in Country Name and Country Code, "
        "Indicator Name",
        "1 series without a value is left out: Peru",
    )


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize(
    ("names", "step"),
    [
        (["2010-11", "2010-12", "2011-01"], "1 month"),
        (["2010Q3", "2010Q4", "2011Q1"], "3 months"),
        (["Nov-10", "Dec-10", "Jan-11"], "1 month"),
        (["201011", "201012", "201101"], "1 month"),
        (["31.12.2010", "01.01.2011", "02.01.2011"], "1 day"),
    ],
)
def test_times_stand_over_series_in_any_form(tmp_path: Path, names: list[str], step: str, ending: str):
    file, between = tmp_path / f"t.{ending}", {"csv": ",", "tsv": "\t"}[ending]
    file.write_text("\n".join(between.join(row) for row in (["id", *names], ["a", "7", "5", "9"], ["b", "1", "2", "3"])), encoding="utf-8")
    panel = read_panel(str(file), NumbersField(wide=True), DataConfig())
    assert (panel.series, str(panel.step)) == (("a", "b"), step)
    assert panel.times is not None


def test_series_whose_first_name_is_not_their_own_are_called_by_all_that_differs(tmp_path: Path):
    rows = ["land,year of base,what,2010-01,2010-02", "x,2000,gdp,1,2", "x,2000,cpi,3,4", "y,2000,gdp,5,6"]
    assert read(tmp_path, rows, targets=[], wide=True).series == ("x, gdp", "x, cpi", "y, gdp")


def test_times_of_columns_go_on_evenly_or_are_refused(tmp_path: Path):
    rows = ["id,2010-01,2010-02,2010-04", "a,1,2,3"]
    message = ": the first line: 2010-04-01 follows 2010-02-01; expected a row every 1 month (1 such row). Put in what is missing, let"
    refused(tmp_path, rows, message, targets=[], wide=True)
    assert read(tmp_path, rows, targets=[], wide=True, gaps="fill", missing="linear").values[:, 0].tolist() == [1, 2, 2.5, 3]
    message = ": the columns (V1, V2) are not called by times, as those of training were; expected one every 1 month. Name them in a first"
    refused(tmp_path, ["id,V1,V2", "a,1,2"], message, targets=[], wide=True, step="1 month", dates="iso")
    trained_without = read(tmp_path, ["id,2010-01,2010-02", "a,1,2"], targets=[], wide=True, dates="iso")
    assert trained_without.times is None


def test_a_row_a_series_is_told_of_where_it_was_not_said(tmp_path: Path):
    refused(tmp_path, BANK, ": no column 'sales'; there are", targets=["sales"])
    with pytest.raises(DataError, match=r" Columns are called by times: --wide reads each row as a series\.$"):
        read(tmp_path, BANK)
    months = ["id,2010-01,2010-02", "1,1,2"]
    assert "columns are called by times: --wide reads each row as a series" in read(tmp_path, months, targets=["2010-01"]).layout
