"""The config that is chosen from the profile of the data."""

from __future__ import annotations

from seqloom.autoconfig import choose
from seqloom.config import DataConfig, RunConfig
from seqloom.data import rows_from_memory
from seqloom.profile import profile_rows


def chosen(pairs: int, budget_seconds: float | None) -> RunConfig:
    """The config for that many pairs of digits and the number after."""
    profile = profile_rows(rows_from_memory([(" ".join(str(n)), " ".join(str(n + 1))) for n in range(pairs)]))
    return choose(profile, DataConfig(), budget_seconds=budget_seconds).config


def test_the_warm_up_is_short_where_the_budget_ends_the_run_early() -> None:
    warmups = [chosen(30_000, budget).training.schedule.warmup_steps for budget in (2, 400, 10_000, None)]
    assert warmups[0] == 20
    assert warmups[0] < warmups[1] < warmups[2] == warmups[3]
