"""What is asked for by arguments, settings and a given config."""

from __future__ import annotations

import pytest

from seqloom.asked import parse_duration
from seqloom.errors import ConfigError


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("1.5m", 90), (7, 7), (0.5, 0.5)])
def test_a_time_is_read_in_hours_minutes_and_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "15 minutes", "-3m", "0", 0, "m"])
def test_what_is_no_time_is_refused(text: str | float) -> None:
    with pytest.raises(ConfigError, match=rf"--budget {text}: expected a time such as 90s, 15m or 1h30m"):
        parse_duration(text)
