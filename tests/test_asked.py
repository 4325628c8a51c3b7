"""What is asked for by arguments, settings and a given config."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqloom.errors import ConfigError
from seqloom.planning.asked import as_settings, asked_for, parse_duration


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("1.5m", 90), (7, 7), (0.5, 0.5)])
def test_a_time_is_read_in_hours_minutes_and_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "15 minutes", "-3m", "0", 0, "m", "1h30", "1m30", True])
def test_what_is_no_time_is_refused(text: str | float) -> None:
    with pytest.raises(ConfigError, match=rf"--budget {text}: expected a time such as 90s, 15m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("value", [np.int64(20), np.float32(20), np.array(20)])
def test_a_time_may_be_a_number_of_numpy(value: float) -> None:
    assert parse_duration(value) == 20


def test_numbers_of_numpy_are_settings_as_those_of_python_are() -> None:
    given = {"training.max_steps": np.int64(2), "training": {"keep": np.str_("best")}, "x": [np.float32(0.5)], "y": np.array([1, 2])}
    asked = asked_for({**given, " data.train ": (Path("a.tsv"), {"z": np.bool_(True)})})
    assert asked == {
        "training.max_steps": 2,
        "training.keep": "best",
        "x": [0.5],
        "y": [1, 2],
        "data.train": ["a.tsv", {"z": True}],
    }
    assert [type(value) for value in (*asked.values(), asked["x"][0], asked["y"][0])] == [int, str, list, list, list, float, int]
    settings = as_settings(np.int64(1), np.int64(2), np.int64(20), np.int64(3))  # pyright: ignore[reportArgumentType]
    assert settings == {"data.source": [1], "data.target": 2, "training.budget_seconds": 20.0, "seed": 3}
    assert {type(settings[name]) for name in ("data.target", "seed")} == {int}


def test_a_text_texts_and_a_dictionary_ask_for_the_same() -> None:
    texts = ["model={dropout: 0.2, copy: no}", "data.source=[a, 2]"]
    wanted = {"model.dropout": 0.2, "model.copy": "no", "data.source": ["a", 2]}
    assert asked_for(texts) == asked_for(iter(texts)) == wanted
    assert asked_for({"model": {"dropout": 0.2, "copy": "no"}, "data.source": ("a", 2)}) == wanted
    assert asked_for(texts[1]) == {"data.source": ["a", 2]}
