"""Numbers that may say that nothing was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqloom.config import NumbersField
from seqloom.errors import DataError
from seqloom.numbers.panel import panel_of_rows
from seqloom.numbers.plan import plan_forecast
from seqloom.numbers.sentinels import find_sentinels, say_sentinels

DAY = [float(hour) for hour in range(24)]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([*DAY, -999, -999], {-999: 2}),
        ([*DAY, -9999.0, -9999.0, -999, -999, -999], {-9999: 2, -999: 3}),
        ([*DAY, 99999, 99999, -99.9, -99.9], {99999: 2, -99.9: 2}),
        ([*(500 * hour for hour in DAY), -999, -999], {-999: 2}),
        ([*DAY, np.nan, 999.99, 999.99], {999.99: 2}),
        ([*DAY, -999], {}),
        ([*DAY, 1000, 1000], {}),
        ([*(-300 * hour for hour in DAY), -999, -999], {}),
        ([*DAY, 99, 99], {}),
        ([*(90 * hour for hour in DAY), 999, 999], {}),
        ([0, 999, 0, 999, 999], {}),
        ([np.nan], {}),
    ],
)
def test_nines_far_from_all_others_and_there_again_may_be_sentinels(values: list[float], found: dict[float, int]) -> None:
    assert {item.number: item.times for item in find_sentinels(np.array(values))} == found


def test_what_may_be_a_sentinel_is_said_with_its_columns_and_its_setting() -> None:
    a, b = np.array([*DAY, -999, -999]), np.array([*DAY, *[-999] * 1200])
    (said,) = say_sentinels({"ozone": a, "wind": b, "sun": np.array(DAY)})
    assert said == (
        "-999 stands 2 times in ozone, 1,200 times in wind, far from all else. If it says that nothing was measured, say "
        "--set fields.numbers.sentinels=-999 --set fields.numbers.missing=linear (or previous, zero)"
    )


def test_training_warns_of_them_and_reads_them_as_empty_where_it_is_told_to(tmp_path: Path) -> None:
    file, asked = tmp_path / "t.csv", NumbersField(targets=["load"], horizon=6)
    file.write_text("\n".join(["load", *map(str, [*DAY, *DAY, -999, *DAY, *DAY, -999, *DAY]), ""]), encoding="utf-8")
    plan = plan_forecast(str(file), asked)
    assert plan.warnings[0].startswith("-999 stands 2 times in load, far from all else.")
    assert plan.train.past(len(plan.train) - 1).min() == -999
    with pytest.raises(DataError, match=r"t\.csv:50: load is empty \(2 such cells\)"):
        plan_forecast(str(file), asked, settings={"fields.numbers.sentinels": -999})
    plan = plan_forecast(str(file), asked, settings={"fields.numbers.sentinels": -999, "fields.numbers.missing": "linear"})
    assert (plan.warnings, plan.config.fields.numbers.sentinels) == ([], [-999])
    assert plan.train.past(len(plan.train) - 1).min() == 0


def test_a_sentinel_may_be_larger_than_any_other_number() -> None:
    numbers = NumbersField(targets=["y"], sentinels=[1e300], missing="previous")
    panel = panel_of_rows([{"y": 1.0}, {"y": 1e300}, {"y": 3.0}], numbers)
    assert panel.values[:, 0].tolist() == [1, 1, 3]
