import re

import numpy as np
import pytest

from seqloom.config import NumbersField
from seqloom.config.numbers import STEP
from seqloom.errors import DataError
from seqloom.numbers.clock import calendar_names, check_times, clock_features, filled, finest, spelled
from seqloom.numbers.date_columns import together
from seqloom.numbers.dates import ANY, EXPECTED, find_dates, have_offsets, look_like_times, read_times
from seqloom.numbers.steps import Step, continued, find_step


def where(row: int) -> str:
    return f"load.csv:{row + 2}"


def hours(*texts: str) -> np.ndarray:
    return read_times([f"2024-03-01 {text}:00" for text in texts], where, "date")


def test_iso_dates_dates_with_slashes_and_whole_numbers_are_times():
    assert read_times(["2024-03-01", "2024-03-01 14:00:30"], where, "date").astype(str).tolist() == [
        "2024-03-01T00:00:00",
        "2024-03-01T14:00:30",
    ]
    assert read_times(["2024/03/01 14:00", "2024-03-02T00:00Z"], where, "date").astype(str).tolist()[0] == "2024-03-01T14:00:00"
    assert read_times(["1999", "2000"], where, "year").astype(str).tolist() == ["1999-01-01T00:00:00", "2000-01-01T00:00:00"]


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["20240228", "20240229", "20240301"], "2024-03-01T00:00:00"),
        (["202312", "202401"], "2024-01-01T00:00:00"),
        (["2024022900", "2024022923"], "2024-02-29T23:00:00"),
        (["202402292300", "202402292359"], "2024-02-29T23:59:00"),
        (["20240229230000", "20240229235958"], "2024-02-29T23:59:58"),
        (["999999999", "1000000000"], "2001-09-09T01:46:40"),
        (["1709251200000", "1709254800000"], "2024-03-01T01:00:00"),
        (["1709251200000000", "1709254800000000"], "2024-03-01T01:00:00"),
        (["1709251200000000000", "1709254800000000000"], "2024-03-01T01:00:00"),
        (["1709251200", "1709254800"], "2024-03-01T01:00:00"),
    ],
    ids=["days", "months", "hours", "minutes", "seconds", "since 1970", "milliseconds", "microseconds", "nanoseconds", "of today"],
)
def test_whole_numbers_are_dates_or_seconds_and_parts_of_them(cells: list[str], last: str):
    assert find_dates(cells, where, "date") == "iso"
    assert str(read_times(cells, where, "date")[-1]) == last


@pytest.mark.parametrize(
    ("cells", "step", "ahead"),
    [
        (["7", "10", "13"], "3", "16"),
        (["0", "1"], "1", "2"),
        (["45291", "45292"], "1", "45293"),
        (["3600", "7200"], "3600", "10800"),
        (["1001", "1002"], "1", "1003"),
        (["990000000000", "990000003600"], "3600", "990000007200"),
    ],
    ids=[
        "by three",
        "from nought",
        "days of a spreadsheet",
        "as hours have them",
        "of four digits that are no years",
        "milliseconds before 2001",
    ],
)
def test_whole_numbers_that_say_no_time_are_counted(cells: list[str], step: str, ahead: str):
    assert find_dates(cells, where, "t") == "count"
    times = read_times(cells, where, "t", [0], "count")
    found = find_step(times, [0])
    assert str(found) == step
    assert Step.parse(found.text) == found
    assert spelled(continued(times[-1:], found, 1)[0]) == ahead
    assert calendar_names(np.arange(10**6), found) == []


@pytest.mark.parametrize(("cells", "row"), [(["20240229", "20240230"], 3), (["202412", "202460"], 3), (["2024010100", "2024010125"], 3)])
def test_whole_numbers_that_look_like_dates_and_are_none_are_refused(cells: list[str], row: int):
    assert find_dates(cells, where, "t") == "iso"
    said = rf"^load\.csv:{row}: t is '{cells[1]}'; expected a date in ISO form .* Mend the cell, or train without --time: rows are "
    with pytest.raises(DataError, match=said + r"numbered then, or with --set fields\.numbers\.dates=count, if it counts rows\.$"):
        read_times(cells, where, "t")
    assert read_times(cells, where, "t", [0], "count").tolist() == [int(cell) for cell in cells]


def test_one_slip_of_the_pen_does_not_turn_dates_into_counts():
    cells = [*(f"202401{day:02}" for day in range(1, 21)), "2024013", "20240122"]
    assert find_dates(cells, where, "t") == "iso"
    with pytest.raises(DataError, match=r"^load\.csv:22: t is '2024013'; expected a date in ISO form"):
        read_times(cells, where, "t")


def test_filling_is_not_offered_where_more_would_be_put_in_than_is_there():
    quarters = read_times([f"{year}-{month}" for year in range(2020, 2024) for month in (1, 2, 3, 4)], where, "date")
    with pytest.raises(
        DataError, match=r"expected a row every 1 month \(3 such rows\)\. Put in what is missing, or train without --time: rows"
    ):
        check_times(quarters, [0], find_step(quarters, [0]), where, "date")


def test_counted_rows_are_held_to_their_step_and_to_being_numbers():
    times = read_times(["1", "2", "5", "7"], where, "t", [0], "count")
    with pytest.raises(DataError, match=r"^load\.csv:4: 5 follows 2; expected a row every 1 \(2 such rows\)\. Put in what is missing, "):
        check_times(times, [0], find_step(times, [0]), where, "t")
    assert filled(times, [0], find_step(times, [0]))[0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(
        DataError, match=r"^load\.csv:2: t is '7'; expected a date in ISO form .* seconds since 1970\. Mend the cell, or train"
    ):
        read_times(["7", "8"], where, "t")
    with pytest.raises(DataError, match=r"^load\.csv:3: t is '2024-03-01'; expected a whole number, as in training\. Mend the cell\.$"):
        read_times(["1", "2024-03-01"], where, "t", [0], "count")


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["2024/1/1 0:00", "2024/12/31 23:30"], "2024-12-31 23:30"),
        (["2024.1.1", "2024.12.31"], "2024-12-31"),
        (["2024-1-1 5.30", "2024-1-1 6.30.15"], "2024-01-01 06:30:15"),
        (["2024Q1", "2024Q4"], "2024-10-01"),
        (["2024-q1", "2024 Q2"], "2024-04-01"),
        (["2024-01-01 00:00 UTC", "2024-01-01 01:00:00 GMT"], "2024-01-01 01:00"),
        (["2024-1", "2024-2"], "2024-02-01"),
        (["2024-12-31 23:00", "2024-12-31 24:00"], "2025-01-01"),
        (["2024-W52", "2025W1"], "2024-12-30"),
        (["2024123123", "2024123124"], "2025-01-01"),
        (["Jan 2024", "February 2024"], "2024-02-01"),
        (["01-Jan-2024", "2 Sept 2024 14:00", "Sep 3 2024", "Dec. 31, 2024 11:30 PM"], "2024-12-31 23:30"),
        (["2024 Jan", "2024-Feb-03"], "2024-02-03"),
        (["Dec-99", "Jan/00", "Jan '69", "Sept-68"], "2068-09-01"),
        (["31-Dec-99", "1 Jan 00", "01/Jan/24 14:00"], "2024-01-01 14:00"),
        (["01/2024", "12.2024"], "2024-12-01"),
        (["2024M01", "2024-M12"], "2024-12-01"),
        (["Q1 2024", "Q4-2024"], "2024-10-01"),
    ],
)
def test_dates_need_not_be_in_iso_form(cells: list[str], last: str):
    assert find_dates(cells, where, "date") == "iso"
    assert spelled(read_times(cells, where, "date")[-1]) == last


@pytest.mark.parametrize(
    ("cells", "last"),
    [
        (["1949.000", "1949.083", "1949.167"], "1949-03-01"),
        (["1949.08", "1949.17"], "1949-03-01"),
        (["1949.9166666", "1950"], "1950-01-01"),
        (["1949.25", "1949.5", "1949.75"], "1949-10-01"),
    ],
)
def test_years_with_decimals_are_months_where_they_cannot_be_a_year_and_a_month(cells: list[str], last: str):
    assert find_dates(cells, where, "date") == "decimal"
    assert spelled(read_times(cells, where, "date", dates="decimal")[-1]) == last
    assert find_dates(["2024.01", "2024.02"], where, "date") == find_dates(["2024.0", "2024.12"], where, "date") == "iso"
    with pytest.raises(DataError, match=r"^load\.csv:3: t is '2024\.12'; expected a year and twelfths of it, such as 2024\.083\. Mend"):
        read_times(["2024.0", "2024.12"], where, "t", dates="decimal")


def test_six_digits_that_are_no_months_are_weeks_and_stay_so():
    weeks = ["202451", "202452", "202501"]
    assert find_dates(weeks, where, "date") == "weeks"
    assert find_dates(["202411", "202412"], where, "date") == "iso"
    assert spelled(read_times(weeks, where, "date", [0], "weeks")[-1]) == "2024-12-30"
    assert spelled(read_times(["202401", "202402"], where, "date", [0], "weeks")[-1]) == "2024-01-08"
    for cell in ("202453", "2024-W01", "20241"):
        said = rf"^load\.csv:3: date is '{cell}'; expected a year and a week of it, such as 202401\. "
        with pytest.raises(DataError, match=said):
            read_times(["202401", cell], where, "date", [0], "weeks")


@pytest.mark.parametrize("cell", ["Jan 12", "12-Jan", "Jan-1", "Jan12", "Foo-12", "31 Feb 12"])
def test_what_may_be_a_day_is_no_year_of_two_digits(cell: str):
    with pytest.raises(DataError, match=rf"^load\.csv:3: date is '{cell}'; expected a date in ISO form"):
        read_times(["Jan-12", cell], where, "date")


@pytest.mark.parametrize("cell", ["2024/13/1", "2024/2/30", "2024/1/1 24:00:01", "2024/1-1", "2024Q5", "2024-1-1 5:00:61", "2024W53"])
def test_a_date_with_the_year_first_that_is_none_is_refused(cell: str):
    with pytest.raises(DataError, match=rf"^load\.csv:3: date is '{cell}'; expected a date in ISO form"):
        read_times(["2024/1/1", cell], where, "date")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["2024-03-01", "14:00"]], ["2024-03-01 14:00"]),
        ([["2024", "3", "1", "5"], ["2024", "12", "31", "24"]], ["2024-03-01 05:00", "2024-12-31 24:00"]),
        ([["2024", "3", "1", "14:30"]], ["2024-03-01 14:30"]),
        ([["2024-03-01", "0"], ["2024-03-01", "23"]], ["2024-03-01 00:00", "2024-03-01 23:00"]),
        ([["31.12.2024", "930"], ["31.12.2024", "1000"]], ["31.12.2024 09:30", "31.12.2024 10:00"]),
        ([["1/3/2024", "093015"]], ["1/3/2024 09:30:15"]),
        ([["1/3/2024", "10:00", "PM"]], ["1/3/2024 10:00 PM"]),
        ([["2024", "3"]], ["2024-03"]),
        ([["2024", "3", "1", "5", "7", "9"]], ["2024-03-01 05:07:09"]),
        ([["20240301", "14:00"]], ["2024-03-01 14:00"]),
        ([["20240301", "0"]], ["2024-03-01 00:00"]),
        ([["2024"]], ["2024"]),
        ([["2024", "3"], ["2024", "x"]], ["2024 3", "2024 x"]),
    ],
)
def test_columns_of_a_time_are_put_together(rows: list[list[str]], said: list[str]):
    assert together(rows) == said


@pytest.mark.parametrize(("digits", "name"), [(13, "milliseconds"), (16, "microseconds"), (19, "nanoseconds")])
def test_fractions_of_a_second_are_refused(digits: int, name: str):
    whole, part = "1709251200".ljust(digits, "0"), "1709254800".ljust(digits - 1, "0") + "1"
    said = f"load.csv:3: date is '{part}', taken for {name} since 1970; expected whole seconds. Round the times, or train without --time: "
    with pytest.raises(DataError, match=f"^{re.escape(said)}rows are numbered then.$"):
        read_times([whole, part], where, "date")


def test_dates_that_differ_by_a_part_of_a_second_are_refused_and_others_are_cut():
    cells = ["2024-03-01T00:00:00.003", "2024-03-01T00:00:01.002", "2024-03-01T00:00:01.004", "2024-03-01T00:00:02.009"]
    said = (
        "load.csv:4: date is '2024-03-01T00:00:01.004', in the same second as the row before; expected whole seconds. Round the times, or "
    )
    with pytest.raises(DataError, match=f"^{re.escape(said)}train without --time: rows are numbered then.$"):
        read_times(cells, where, "date")
    assert len(read_times(cells, where, "date", [0, 2])) == 4, "of another series"
    assert spelled(read_times([*cells[:2], cells[3]], where, "date")[2]) == "2024-03-01 00:00:02", "clocks that are not quite even"


@pytest.mark.parametrize("dates", ["iso", "day_first"])
def test_steps_of_parts_of_a_second_are_refused(dates: str):
    day = {"iso": "2024-03-01", "day_first": "1.3.2024"}[dates]
    cells = [f"{day} 00:00:{second:04.1f}" for second in (0, 1.5, 3, 4.5, 9)]
    said = f"load.csv:3: date is '{day} 00:00:01.5', and rows step by parts of a second; expected whole seconds. Round the times, or "
    with pytest.raises(DataError, match=f"^{re.escape(said)}train without --time: rows are numbered then.$"):
        read_times(cells, where, "date", [0], dates)
    assert len(read_times([cells[0], cells[2], cells[1]], where, "date", [0, 2], dates)) == 3, "of another series"


def test_more_nanoseconds_than_fit_are_no_time():
    with pytest.raises(DataError, match=r"^load\.csv:2: date is '9999999999999999999'; expected a date"):
        read_times(["9" * 19, "9" * 19], where, "date")


@pytest.mark.parametrize("cell", ["soon", "", "NaT", "now", "today", "-5", "²", "9" * 20])
def test_a_cell_that_is_no_time_is_named(cell: str):
    said = (
        f"load.csv:3: date is {cell!r}; expected a date in ISO form (2024-03-01 or 2024-03-01 14:00), with the month's name (1 March 2024, "
        "Mar-24), of a month, quarter or week (03/2024, 2024Q1, 2024W09), without marks (20240301) or seconds since 1970. Mend the cell"
    )
    with pytest.raises(DataError, match=f"^{re.escape(said)}"):
        read_times(["2024-03-01", cell], where, "date")
    with pytest.raises(DataError, match=r"^load\.csv:2: date is "):
        read_times([cell, "7"], where, "date")


@pytest.mark.parametrize("cells", [["1-1-12", "1-2-12", "1-3-12"], ["Jan 1st 2000", "Feb 1st 2000", "March 2000"]])
def test_a_column_that_holds_no_times_is_named_as_one(cells: list[str]):
    count = sum("-" in cell or "st" in cell for cell in cells)
    said = (
        f"load.csv:2: date is {cells[0]!r}, and {count} of 3 rows say no time that can be read; expected dates in ISO form (2024-03-01 "
        "14:00), with the year last (31.12.2024, 12/31/2024 2:00 PM) or the month's name (1 March 2024, Mar-24), months, quarters, weeks "
        "(03/2024, 2024Q1, 2024W09), dates without marks (20240301), years (2024, 2024.083) or seconds since 1970. Write them so, name "
        "another column, or train without --time: rows are numbered then."
    )
    with pytest.raises(DataError, match=f"^{re.escape(said)}$"):
        find_dates(cells, where, "date")
    assert find_dates([cells[0], "2024-03-01", "2024-03-02"], where, "date") == "iso", "reading them names the cell"


def test_every_form_of_a_time_that_messages_name_is_read():
    named = [cell for cells in re.findall(r"\(([^)]*)\)", ANY + EXPECTED["iso"]) for cell in re.split(", | or ", cells)]
    assert {"12/31/2024 2:00 PM", "1 March 2024", "2024W09", "20240301", "2024.083", "2024-03-01 14:00"} <= {*named}
    for cell in named:
        assert len(read_times([cell], where, "date", [0], find_dates([cell], where, "date"))) == 1, cell


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-03-01", "2024-03-01", "", "2024-04-01"], ["1/2/2024", "2/2/2024"], ["Jan-24", "Mar-24"], ["2024Q1", "2024Q2"],
        ["1871", "1872", "1873"], ["202411", "202412", "202501"], ["1709164800", "1709168400", "1709172000"],
        ["2024.0", "2024.083", "2024.167"],
    ],
)  # fmt: skip
def test_dates_and_numbers_in_even_steps_look_like_times(cells: list[str]):
    assert look_like_times(cells)


@pytest.mark.parametrize(
    "cells",
    [
        [], ["", ""], ["2024-03-01", "2024-03-01"], ["2024-03-01", "soon"], ["1", "2", "3"], ["12", "24"], ["1871", "1905", "1888"],
        ["5.25", "6.25"], ["MSFT", "AAPL"], ["14:00", "15:00"], ["20240101", "20240103", "20240110"],
    ],
)  # fmt: skip
def test_other_texts_and_numbers_do_not_look_like_times(cells: list[str]):
    assert not look_like_times(cells)


def test_it_is_known_whether_times_had_offsets():
    for cell in ("2024-03-31T01:00+01:00", "2024-03-31 01:00:00.5-0330", "2024-03-31T01:00+02", "2024-03-31T01+05:00"):
        assert have_offsets(["2024-03-31 01:00", cell]), cell
    assert not have_offsets(["2024-03-31", "2024-03-31 01:00", "2024-03-31T01:00Z", "2024-03-31T01:00:00+00:00", "202403", "1709164800"])


def test_times_of_other_zones_are_brought_to_one():
    read = read_times(["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"], where, "date")
    assert read.astype(str).tolist() == ["2024-03-31T00:00:00", "2024-03-31T01:00:00"]


@pytest.mark.parametrize(
    ("texts", "step", "name"),
    [
        (["2024-03-01 00:00", "2024-03-01 01:00", "2024-03-01 02:00"], Step(0, 3600), "1 hour"),
        (["2024-01-01", "2024-01-08"], Step(0, 7 * 86_400), "1 week"),
        (["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"], Step(1, 0), "1 month"),
        (["2024-01-15", "2024-04-15", "2024-07-15"], Step(3, 0), "3 months"),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], Step(1, 0, from_end=True), "1 month"),
        (["2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30"], Step(3, 0, from_end=True), "3 months"),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:45"], Step(0, 45), "45 seconds"),
        (["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"], Step(0, 86_400, weekdays=True), "weekday"),
        (["1969-12-25 16:00", "1969-12-26 16:00", "1969-12-29 16:00"], Step(0, 86_400, weekdays=True), "weekday"),
        (["2024-01-01", "2024-01-02", "2024-01-03"], Step(0, 86_400), "1 day"),
    ],
)
def test_the_step_is_found_and_said(texts: list[str], step: Step, name: str):
    times = read_times(texts, where, "date")
    assert find_step(times, [0]) == step
    assert str(step) == name
    assert Step.parse(step.text) == step
    assert re.match(STEP, step.text)
    assert continued(times[:1], step, len(times) - 1)[0] == times[-1]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["00", "01", "01", "02"], r"^load\.csv:4: the same date as the row before \(2024-03-01 01:00\)\. Remove one of the two, or name"),
        (
            ["00", "01", "00"],
            r"^load\.csv:4: 2024-03-01 after 2024-03-01 01:00\. Sort the rows by date, or name the column of --series\.$",
        ),
        (
            ["03", "07", "01", "06", "00"],
            r"^load\.csv:4: 2024-03-01 01:00 after 2024-03-01 07:00\. Sort the rows by date, or name the column of --series\.$",
        ),
        (
            ["00", "01", "02", "05"],
            r"^load\.csv:5: 2024-03-01 05:00 follows 2024-03-01 02:00; expected a row every 1 hour \(1 such row\)\. Put in what is",
        ),
    ],
)
def test_duplicates_disorder_and_gaps_are_named_with_the_row(texts: list[str], message: str):
    with pytest.raises(DataError, match=message):
        check_times(hours(*texts), [0], Step(0, 3600), where, "date")


def test_shuffled_rows_are_told_as_out_of_order_whatever_their_commonest_step_and_a_slip_of_the_pen_is_not():
    months = read_times([f"{1949 + month // 12}-{month % 12 + 1:02}" for month in (7, 89, 25, 131, 2, 60, 143, 43)], where, "Month")
    said = r"^load\.csv:4: 1951-02-01 after 1956-06-01\. Sort the rows by Month, or name the column of --series\.$"
    for allowed in (False, True):
        with pytest.raises(DataError, match=said):
            check_times(months, [0], find_step(months, [0]), where, "Month", gaps_allowed=allowed)
    with pytest.raises(DataError, match=r"^load\.csv:4: 2024-03-01 22:00 follows 2024-03-01 01:00; expected a row every 1 hour \(2 such"):
        check_times(hours("00", "01", "22", "03"), [0], Step(0, 3600), where, "date")


@pytest.mark.parametrize(
    ("minutes", "texts", "message"),
    [
        (
            60,
            ["2010-03-14 01:00", "2010-03-14 03:00"],
            "2010-03-14 03:00 follows 2010-03-14 01:00; expected a row every 1 hour (1 such row). {}put in what is missing, let it be",
        ),
        (
            15,
            ["2010-03-14 01:45", "2010-03-14 03:00"],
            "2010-03-14 03:00 follows 2010-03-14 01:45; expected a row every 15 minutes (1 such row). {}put in what is missing, let it be",
        ),
        (
            60,
            ["2010-11-07 01:00", "2010-11-07 01:00"],
            "the same date as the row before (2010-11-07 01:00). {}remove one of the two, or name the column of --series.",
        ),
        (
            30,
            ["2010-11-07 01:30", "2010-11-07 01:00"],
            "2010-11-07 01:00 after 2010-11-07 01:30. {}sort the rows by date, or name the column of --series.",
        ),
    ],
)
def test_an_hour_left_out_or_there_twice_may_be_daylight_saving(minutes: int, texts: list[str], message: str):
    saving = "If clocks were set for daylight saving, give times with their offsets or in UTC, both of which are read; else "
    first, second = read_times(texts, where, "date")
    step = Step(0, 60 * minutes)
    times = np.concatenate([[first], continued(np.repeat(second, 19), step, np.arange(19))])
    with pytest.raises(DataError, match="^" + re.escape(f"load.csv:3: {message.format(saving)}")):
        check_times(times, [0], step, where, "date")


@pytest.mark.parametrize("texts", [["00", "03"], ["01", "00"], ["00", "02", "04"]])
def test_other_gaps_are_no_daylight_saving(texts: list[str]):
    with pytest.raises(DataError, match=r"^load\.csv:3: 2024-03-01 [^.]*\. (Put|Sort) "):
        check_times(hours(*texts), [0], Step(0, 3600), where, "date")
    with pytest.raises(DataError, match=r"^load\.csv:3: 7200 follows 0; expected a row every 3600 \(1 such row\)\. Put in"):
        check_times(np.array([0, 7200]), [0], Step(0, 3600, is_count=True), where, "date")


def test_a_table_of_weekdays_goes_on_over_weekends_and_says_what_is_left_out():
    days = np.arange("2024-01-01", "2024-02-03", dtype="datetime64[D]")
    weekdays = days[np.is_busday(days)].astype("datetime64[s]")
    step = find_step(weekdays, [0])
    check_times(weekdays, [0], step, where, "date")
    assert [spelled(moment) for moment in continued(weekdays[-1:], step, np.arange(4))] == [
        "2024-02-02", "2024-02-05", "2024-02-06", "2024-02-07",
    ]  # fmt: skip
    holiday = np.delete(weekdays, 9)
    said = r"^load\.csv:11: 2024-01-15 follows 2024-01-11; expected a row every weekday \(1 such row\)\. Put in what is missing"
    with pytest.raises(DataError, match=said):
        check_times(holiday, [0], find_step(holiday, [0]), where, "date")
    times, rows = filled(holiday, [0], step)
    assert (times.tolist(), np.nonzero(rows < 0)[0].tolist()) == (weekdays.tolist(), [9])
    sunday = np.sort(np.append(weekdays, np.datetime64("2024-01-14", "s")))
    assert not find_step(sunday, [0]).weekdays
    moved = weekdays + np.arange(len(weekdays)) % 2 * np.timedelta64(1, "h")
    assert not find_step(moved, [0]).weekdays
    assert calendar_names(weekdays, step) == ["weekday"]


def days_of(begin: str, days: int, first: int, last: int, minutes: int = 60) -> np.ndarray:
    """Moments from the hour `first` to the hour `last` of so many days."""
    clocks = np.arange(first * 60, last * 60 + 1, minutes).astype("timedelta64[m]")
    return (np.arange(days).astype("timedelta64[D]") + np.datetime64(begin, "m")).astype("datetime64[m]")[:, None] + clocks


def test_opening_hours_go_on_at_the_next_opening_and_say_what_is_left_out():
    times = days_of("2024-01-05", 4, 9, 17).ravel()[3:].astype("datetime64[s]")
    step = find_step(times, [0])
    assert (str(step), step.text) == ("1 hour from 09:00 to 17:00", "1 hour 09:00-17:00")
    check_times(times, [0], step, where, "date")
    assert [spelled(moment) for moment in continued(times[-2:-1], step, np.arange(4))] == [
        "2024-01-08 16:00", "2024-01-08 17:00", "2024-01-09 09:00", "2024-01-09 10:00",
    ]  # fmt: skip
    gap = np.delete(times, 12)
    said = r"2024-01-06 16:00 follows 2024-01-06 14:00; expected a row every 1 hour from 09:00 to 17:00 \(1 such row\)"
    with pytest.raises(DataError, match=said):
        check_times(gap, [0], find_step(gap, [0]), where, "date")
    whole, rows = filled(gap, [0], step)
    assert (whole.tolist(), np.nonzero(rows < 0)[0].tolist()) == (times.tolist(), [12])
    early = np.sort(np.append(times, np.datetime64("2024-01-07 08:00", "s")))
    with pytest.raises(DataError, match=r"2024-01-07 08:00 follows 2024-01-06 17:00; expected a row every 1 hour from 09:00 to 17:00, or"):
        check_times(early, [0], step, where, "date", gaps_allowed=True)


def test_hours_of_trade_leave_weekends_out():
    days = days_of("2024-01-03", 14, 10, 16, 15)
    times = days[np.is_busday(days[:, 0].astype("datetime64[D]"))].ravel().astype("datetime64[s]")
    step = find_step(times, [0])
    assert str(step) == "15 minutes from 10:00 to 16:00, Monday to Friday"
    check_times(times, [0], step, where, "date")
    assert spelled(continued(np.array(["2024-01-19T16:00:00"], dtype="datetime64[s]"), step, 1)[0]) == "2024-01-22 10:00"


def test_hours_around_the_clock_may_leave_weekends_out_too():
    days = days_of("2024-01-03", 21, 0, 23)
    times = days[np.is_busday(days[:, 0].astype("datetime64[D]"))].ravel().astype("datetime64[s]")
    step = find_step(times, [0])
    assert str(step) == "1 hour from 00:00 to 23:00, Monday to Friday"
    check_times(times, [0], step, where, "date")


def test_a_night_that_is_left_out_once_is_a_gap():
    times = np.delete(days_of("2024-01-05", 1, 0, 47).ravel(), np.arange(18, 32)).astype("datetime64[s]")
    assert find_step(times, [0]) == Step(0, 3600)
    with pytest.raises(DataError, match=r"2024-01-06 08:00 follows 2024-01-05 17:00; expected a row every 1 hour \(1 such row\)"):
        check_times(times, [0], find_step(times, [0]), where, "date")


@pytest.mark.parametrize(
    ("texts", "text", "name", "ahead"),
    [
        (["2024-01-31", "2024-02-29", "2024-03-29", "2024-04-30"], "1 month weekday end", "1 month, on the last weekday", "2024-05-31"),
        (["2024-03-29", "2024-06-28", "2024-09-30", "2024-12-31"], "3 months weekday end", "3 months, on the last weekday", "2025-03-31"),
        (["2024-05-01", "2024-06-03", "2024-07-01", "2024-08-01"], "1 month weekday", "1 month, on the first weekday", "2024-09-02"),
        (["2024-05-31", "2024-06-28", "2024-07-26"], "4 weeks", "4 weeks", "2024-08-23"),
    ],
)
def test_weekdays_of_months_are_gone_on_in(texts: list[str], text: str, name: str, ahead: str):
    times = np.array(texts, dtype="datetime64[s]")
    step = find_step(times, [0])
    assert (str(step), step.text, Step.parse(step.text)) == (name, text, step)
    assert NumbersField(step=text).step == text
    check_times(times, [0], step, where, "date")
    assert spelled(continued(times[-1:], step, 1)[0]) == ahead


@pytest.mark.parametrize("text", ["1 hour 09:00-17:00", "30 minutes 09:30-16:00 weekday", "15 seconds 09:30:15-16:00:45", "2 days end"])
def test_a_step_is_read_as_it_is_written(text: str):
    assert NumbersField(step=text).step == text
    assert text.startswith(Step.parse(text).text) or Step.parse(text).text == text


def test_a_new_series_may_begin_at_any_time():
    check_times(hours("00", "01", "00", "01"), [0, 2], Step(0, 3600), where, "date")


def test_a_gap_of_many_times_the_table_is_not_filled():
    times = read_times(["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2204-01-01 03:00"], where, "date")
    said = (
        r"^load\.csv:5: 2204-01-01 03:00 follows 2024-01-01 02:00, 1,577,833 steps later; expected at most 10 times the rows\. "
        r"Mend the time, or cut the table there\.$"
    )
    with pytest.raises(DataError, match=said):
        check_times(times, [0], Step(0, 3600), where, "date", gaps_allowed=True)


def test_the_30th_of_a_shorter_month_is_its_last_day():
    times = read_times(["2024-11-30 06:00", "2024-12-30 06:00"], where, "date")
    ahead = continued(np.repeat(times[-1:], 3), find_step(times, [0]), np.arange(1, 4))
    assert [spelled(moment) for moment in ahead] == ["2025-01-30 06:00", "2025-02-28 06:00", "2025-03-30 06:00"]
    times, rows = filled(read_times(["2024-01-30", "2024-03-30", "2024-04-30"], where, "date"), [0], Step(1, 0))
    assert ([spelled(moment) for moment in times], rows.tolist()) == (
        ["2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"],
        [0, -1, 1, 2],
    )


def test_many_wide_gaps_are_not_filled():
    few, many = (np.cumsum(np.where(np.arange(300) % 2, 1, gap)).astype("datetime64[s]") for gap in (150, 1000))
    check_times(few, [0], Step(0, 1), where, "date", gaps_allowed=True)
    said = (
        r"^load\.csv:2: between 300 rows 148,851 are left out, one every 1 second; expected at most 100 times the rows\. "
        r"Mend the times, or give a row for a longer step\.$"
    )
    with pytest.raises(DataError, match=said):
        check_times(many, [0], Step(0, 1), where, "date", gaps_allowed=True)


def test_gaps_are_filled_with_rows_that_come_from_nowhere():
    times, rows = filled(hours("00", "01", "04", "02", "03"), [0, 3], Step(0, 3600))
    assert [str(moment)[11:13] for moment in times] == ["00", "01", "02", "03", "04", "02", "03"]
    assert rows.tolist() == [0, 1, -1, -1, 2, 3, 4]
    check_times(hours("00", "04"), [0], Step(0, 3600), where, "date", gaps_allowed=True)


def test_months_left_out_are_filled_from_their_end():
    times, rows = filled(read_times(["2024-01-31", "2024-04-30", "2024-05-31"], where, "date"), [0], Step(1, 0, from_end=True))
    assert [spelled(moment) for moment in times] == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    assert rows.tolist() == [0, -1, -1, 1, 2]


def test_a_moment_between_two_steps_is_no_gap_to_fill():
    times = read_times(["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 03:30"], where, "date")
    said = r"^load\.csv:4: 2024-01-01 03:30 follows 2024-01-01 01:00; expected a row every 1 hour, or so "
    said += r"many of them later\. Bring the times to even steps, or train without --time: rows are numbered then\.$"
    with pytest.raises(DataError, match=said):
        check_times(times, [0], Step(0, 3600), where, "date", gaps_allowed=True)


@pytest.mark.parametrize(
    ("step", "days", "names"),
    [
        (60, 3, ["minute", "hour"]),
        (3600, 60, ["hour", "weekday"]),
        (3600, 90, ["hour", "weekday", "monthday"]),
        (3600, 1.25, []),
        (86_400, 60, ["weekday"]),
        (86_400, 800, ["weekday", "monthday", "yearday"]),
        (7 * 86_400, 800, ["monthday", "yearday"]),
    ],
)
def test_a_feature_of_the_clock_is_offered_where_the_step_shows_it_and_it_comes_back(step: int, days: float, names: list[str]):
    times = np.datetime64("2024-01-01", "s") + np.arange(0, days * 86_400, step).astype("timedelta64[s]")
    assert calendar_names(times, Step(0, step)) == names


def test_a_table_of_months_or_quarters_is_shown_the_month():
    months = np.arange("2020-01", "2024-01", dtype="datetime64[M]").astype("datetime64[s]")
    assert calendar_names(months, Step(1, 0)) == calendar_names(months[::3], Step(3, 0)) == ["month"]
    april = np.array(["2023-04-30", "2024-04-01"], dtype="datetime64[s]")
    np.testing.assert_allclose(clock_features(april, ["month"]), [[1, 0], [1, 0]], atol=1e-6)


def test_the_clock_is_sine_and_cosine_of_the_place_in_a_day_and_a_week():
    monday_noon = np.array(["2024-01-01T12:00:00"], dtype="datetime64[s]")
    np.testing.assert_allclose(clock_features(monday_noon, ["hour", "weekday"]), [[0, -1, np.sin(np.pi / 7), np.cos(np.pi / 7)]], atol=1e-6)
    assert clock_features(monday_noon, []).shape == (1, 0)


def test_the_day_of_the_month_is_counted_in_the_length_of_its_month():
    half = np.array(["2023-02-15T00:00", "2024-02-15T12:00", "2024-04-16T00:00"], dtype="datetime64[s]")
    np.testing.assert_allclose(clock_features(half, ["monthday"]), [[0, -1]] * 3, atol=1e-6)
    quarter_past = np.array(["2024-02-15T12:15"], dtype="datetime64[s]")
    np.testing.assert_allclose(clock_features(quarter_past, ["minute"]), [[1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("cells", "dates", "last"),
    [
        (["2024-12-30", "2024-12-31"], "iso", "2024-12-31"),
        (["30.12.2024 23:00", "31.12.2024 0:00"], "day_first", "2024-12-31"),
        (["12/30/2024", "12/31/2024"], "month_first", "2024-12-31"),
        (["1/2/2024 10:00 PM", "1/2/2024 11:00:00 pm", "1/3/2024 12:00 AM", "1/3/2024, 1:00 AM"], "month_first", "2024-01-03 01:00"),
        (["01-11-2024", "01-12-2024", "01-01-2025"], "day_first", "2025-01-01"),
        ([f"{month % 12 + 1}/1/{2023 + month // 12}" for month in range(15)], "month_first", "2024-03-01"),
        (["30/01/2024", "31/01/2024", "01/02/2024"], "day_first", "2024-02-01"),
        (["31.12.2024 23:00 UTC", "31.12.2024 24:00 UTC"], "day_first", "2025-01-01"),
        (["10/03/2004 18.00.00", "13/03/2004 19.00.00"], "day_first", "2004-03-13 19:00"),
        (["01.02.2024", "08.02.2024 00:00:00"], "day_first", "2024-02-08"),
        (["05.01.2024", "05.02.2024", "05.03.2024", "06.03.2024"], "day_first", "2024-03-06"),
        (["1/1/2020", "1/1/2021", "1/1/2022"], "day_first", "2022-01-01"),
        (["12/30/99", "12/31/99", "1/1/00 0:00"], "month_first", "2000-01-01"),
        (["31.12.24 23:00", "1.1.25 0:00"], "day_first", "2025-01-01"),
        (["29/12/24", "30/12/24", "31/12/24", "01/01/25"], "day_first", "2025-01-01"),
    ],
)
def test_dates_with_the_year_last_are_read_by_what_their_rows_say(cells: list[str], dates: str, last: str):
    found = find_dates(cells, where, "date")
    assert found == dates
    assert spelled(read_times(cells, where, "date", [0], found)[-1]) == last


def test_years_in_two_digits_that_may_be_first_are_asked_for():
    said = (
        r"^load\.csv:2: date is '24/01/02', and nothing tells whether the year is first or last\. Write years in four digits, or say "
        r"--set fields\.numbers\.dates=day_first \(or month_first\) if it is last\.$"
    )
    with pytest.raises(DataError, match=said):
        find_dates([f"24/01/{day:02}" for day in range(2, 30)], where, "date")


def test_the_half_of_the_day_is_read_from_twelve_on():
    cells = ["1/2/2024 12:00 AM", "1/2/2024 1:00 AM", "1/2/2024 12:30 PM", "1/2/2024 11:59:59 PM"]
    times = read_times(cells, where, "date", [0], "month_first")
    assert [str(time)[11:] for time in times] == ["00:00:00", "01:00:00", "12:30:00", "23:59:59"]


def test_a_part_of_a_second_does_not_say_that_the_day_is_first():
    with pytest.raises(DataError, match=r"^load\.csv:2: date is '1/2/2024 10:00:00\.5', and nothing tells whether the day"):
        find_dates(["1/2/2024 10:00:00.5", "1/2/2024 10:00:01.5"], where, "date")


def test_a_second_that_is_there_twice_is_named_as_it_is_written():
    said = r"^load\.csv:3: date is '31\.12\.2024 10:00:00\.6', in the same second as the row before"
    with pytest.raises(DataError, match=said):
        read_times(["31.12.2024 10:00:00.1", "31.12.2024 10:00:00.6"], where, "date", [0], "day_first")


def test_dates_that_could_be_read_both_ways_are_asked_for():
    said = (
        r"^load\.csv:2: date is '1/2/2024 01:00', and nothing tells whether the day or the month is first\. "
        r"Say --set fields\.numbers\.dates=day_first \(or month_first\)\.$"
    )
    with pytest.raises(DataError, match=said):
        find_dates(["1/2/2024 01:00", "1/2/2024 02:00"], where, "date")


@pytest.mark.parametrize(
    "cell", ["31/12/2024", "12/32/2024", "2024-12-31", "12/31/2024 13:00 PM", "12/31/2024 24:01", "12/31/2024 2:60", "12-31-24", ""]
)
def test_a_date_of_another_order_or_of_no_day_is_refused_with_its_row(cell: str):
    said = rf"^load\.csv:3: date is '{cell}'; expected a date such as 12/31/2024 or 12/31/2024 2:00 PM\. Mend the cell\.$"
    with pytest.raises(DataError, match=said):
        read_times(["12/30/2024", cell], where, "date", [0], "month_first")


def test_one_bad_cell_does_not_turn_the_month_and_the_day_around():
    cells = ["12/30/2024", "12/31/2024", "soon", "1/2/2025"]
    assert find_dates(cells, where, "date") == "month_first"
    assert find_dates(["1/1/2024", "", "3/1/2024"], where, "date") != "iso", "reading them names the empty cell"
    with pytest.raises(DataError, match=r"^load\.csv:4: date is 'soon'; expected a date such as 12/31/2024"):
        read_times(cells, where, "date", [0], "month_first")


@pytest.mark.parametrize(
    ("cells", "unit", "ahead"),
    [
        (["2024-01-01", "2024-01-02"], "D", ["2024-01-03", "2024-01-04"]),
        (["2024-01-31", "2024-02-29"], "D", ["2024-03-31", "2024-04-30"]),
        (["2024-01-01 22:00", "2024-01-01 23:00"], "m", ["2024-01-02 00:00", "2024-01-02 01:00"]),
        (["2024-01-01 06:00", "2024-01-02 06:00"], "m", ["2024-01-03 06:00", "2024-01-04 06:00"]),
        (["2024-01-01 23:59:00", "2024-01-01 23:59:30"], "s", ["2024-01-02 00:00:00", "2024-01-02 00:00:30"]),
        (["2024-01-01 22:00:30", "2024-01-01 23:00:30"], "s", ["2024-01-02 00:00:30", "2024-01-02 01:00:30"]),
        (["7", "10"], "D", ["13", "16"]),
    ],
)
def test_the_moments_of_a_table_and_those_to_come_are_told_alike(cells: list[str], unit: str, ahead: list[str]):
    times = read_times(cells, where, "t", [0], find_dates(cells, where, "t"))
    step = find_step(times, [0])
    assert finest(times, step) == unit
    assert [spelled(continued(times[-1:], step, count)[0], finest(times, step)) for count in (1, 2)] == ahead
