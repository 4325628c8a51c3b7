"""What is asked for, by arguments, settings and configs, before anything is read or chosen. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from seqloom.config import RunConfig
from seqloom.config_file import load_config
from seqloom.data.memory import Pairs, paths_of
from seqloom.data.tables import flat
from seqloom.errors import ConfigError
from seqloom.settings import Asked, build, has_setting, only, override, read_settings, setting

__all__ = [
    "ASKED",
    "as_settings",
    "asked_for",
    "base_config",
    "given_config",
    "parse_duration",
    "unchanged",
    "with_asked",
]

ASKED = "as asked for"
"""The reason for a setting that the user gave."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"{_NUMBER}|(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")

NUMPYS = (np.generic, np.ndarray)

FIRST = ("data", "seed", "training.budget_seconds", "training.members", "training.start_from")
"""Settings that reading, holding out and choosing ask for."""


def as_settings(
    source: str | int | Sequence[str | int] | None = None,
    target: str | int | None = None,
    budget: Any = None,
    seed: int | None = None,
    **training: Any,
) -> dict[str, Any]:
    """The arguments that stand for a setting, as settings; `training`: those of this group that are called as they are."""
    source = _plain(source)
    columns = [source] if isinstance(source, (str, int)) else source and list(source)
    seconds = None if budget is None else parse_duration(budget)
    named = {"data.source": columns, "data.target": target, "training.budget_seconds": seconds, "seed": seed}
    named |= {f"training.{name}": value for name, value in training.items()}
    return {name: _plain(value) for name, value in named.items() if value is not None}


def parse_duration(text: str | float | timedelta) -> float:
    """Seconds in "90", "90s", "15m", "1h30m", or of a timedelta. "1h30", of which nobody knows whether seconds are meant, is none.

    Raises:
        ConfigError: anything else.
    """
    text = _plain(text)
    if isinstance(text, timedelta):
        seconds = text.total_seconds()
    elif isinstance(text, (int, float)):
        seconds = 0.0 if isinstance(text, bool) else float(text)
    else:
        match = _DURATION.fullmatch(str(text).strip())
        seconds = sum(float(part) * unit for part, unit in zip(match.groups(), (1, 3600, 60, 1), strict=True) if part) if match else 0.0
    if seconds <= 0:
        raise ConfigError(f"--budget {text}: expected a time such as 90s, 15m or 1h30m.")
    return seconds


def asked_for(settings: str | Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for in Python: by `a.b=value`, one or several, or by a dictionary, whose settings may stand in groups."""
    if isinstance(settings, Mapping):
        return {name.strip(): _plain(value) for name, value in flat(settings).items()}
    return read_settings([settings] if isinstance(settings, str) else settings)


def _plain(value: Any) -> Any:
    """A value as a file of settings would hold it: one of numpy as Python's own, a path as a text."""
    if isinstance(value, NUMPYS):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def given_config(config: str | Path | RunConfig | Mapping[str, Any] | None) -> RunConfig | None:
    """The config that is given, read where it is a file, or built of what such a file holds."""
    if isinstance(config, Mapping):
        return build(config, where="config")
    return config if isinstance(config, RunConfig) or config is None else load_config(config)


def base_config(data: Pairs | None, dev: Pairs | None, given: RunConfig | None, settings: Asked) -> RunConfig:
    """What reading, holding out and choosing ask for: the paths that were given, and the settings that say how files are read."""
    base = override(given or RunConfig(), only(settings, *FIRST))
    update: dict[str, Any] = {}
    if data is not None:
        update["train"] = paths_of(data) or []
    if dev is not None:
        update["dev"] = paths_of(dev) or []
    return base.model_copy(update={"data": base.data.model_copy(update=update)})


def unchanged(reasons: Mapping[str, str], before: RunConfig, after: RunConfig) -> dict[str, str]:
    """The reasons of settings that have the same value in both: one that follows from what is asked for was not chosen for the data."""
    return {key: why for key, why in reasons.items() if has_setting(after, key) and setting(before, key) == setting(after, key)}


def with_asked(reasons: Mapping[str, str], config: RunConfig, settings: Asked) -> dict[str, str]:
    """The reasons of what was chosen and the config has, but for what `settings` ask for, whose reason that is."""
    asked = dict.fromkeys(settings, ASKED)
    return {key: why for key, why in reasons.items() if key not in asked and has_setting(config, key)} | asked
