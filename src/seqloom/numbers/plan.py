"""From a table of numbers to a whole plan of a run: which windows, which config, and why. No torch."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import DataConfig, FieldsConfig, NumbersField, RunConfig
from seqloom.data.header import is_number
from seqloom.errors import ConfigError, DataError
from seqloom.numbers.choices import MANY, choose_forecast, choose_numbers, heaviness
from seqloom.numbers.clock import spelled
from seqloom.numbers.dates import read_times
from seqloom.numbers.distributions import read_levels
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.pairs import NumberPairs
from seqloom.numbers.panel import Panel, panel_of
from seqloom.numbers.sentinels import say_sentinels
from seqloom.numbers.steps import Times
from seqloom.numbers.wide import left_out
from seqloom.numbers.windows import Part, Windows
from seqloom.planning.asked import as_settings, unchanged, with_asked
from seqloom.planning.base import refuse_base
from seqloom.settings import NOTHING, Asked, only, override, together

__all__ = ["NumberPlan", "known_ends", "of_numbers", "parts_of", "plan_forecast", "refuse_unseen", "split_of"]

Ids = npt.NDArray[np.int64]

MEDIAN = 0.5
"""The quantile that is the point forecast, learned beside those that are asked for."""
A_HUNDRED = 100
NAMED = 5
"""Series in a note, at most."""
ABOUT = "fields.numbers"
"""The group of settings that say how the table is read and cut."""


@dataclass(frozen=True)
class NumberPlan:
    """What a run of numbers is about to do."""

    config: RunConfig
    reasons: dict[str, str]
    """Dotted setting to the reason for its value, where it was chosen."""
    fields: NumberFields
    train: NumberPairs
    dev: NumberPairs
    notes: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def plan_forecast(
    table: Any,
    numbers: NumbersField,
    *,
    config: RunConfig | None = None,
    settings: Asked = NOTHING,
    quantiles: str | float | Sequence[float] = (),
    budget: float | None = None,
    seed: int | None = None,
) -> NumberPlan:
    """Read, split by time, choose.

    Args:
        table: a file, a data frame, columns by name, or a table that is read already.
        numbers: what was asked for; what was not is taken from `config`, if that is of a table, and else chosen.
    """
    asked = read_levels(quantiles)
    levels = sorted({*asked, MEDIAN}) if asked else []
    settings = together(_laid_over(config, levels, budget), as_settings(seed=seed), settings)
    data = _reading(config, settings).model_copy(update={"train": [table] if isinstance(table, str) else []})
    numbers = _asked(_over(config, numbers), settings)
    _refuse_nothing(numbers, is_read=isinstance(table, Panel))
    panel = panel_of(table, numbers, data)
    if data.header is None and panel.header is False:  # so it is in later tables; a header that is found may be missing there
        data = data.model_copy(update={"header": False})
    numbers = numbers.model_copy(update={"offsets": "local"}) if panel.is_local else numbers  # so it is in later tables
    _refuse_dates(panel, numbers.split)
    train_part, dev_part, test_part = parts_of(panel, numbers)
    size, longest = len(numbers.targets) or 1, int((train_part.ends - train_part.begins).max())
    if longest <= numbers.horizon:
        raise DataError(
            f"{panel.name}: the longest series has {panel.lengths.max():,} rows, of which {longest:,} are to train on; a horizon of "
            f"{numbers.horizon:,} needs at least {numbers.horizon + 1:,} there. Use a shorter --horizon, a longer table or another --split."
            f"{_percents(panel, numbers.split)}"
        )
    numbers = numbers if numbers.targets else numbers.model_copy(update={"targets": [panel.columns[0]]})
    spans = list(zip(train_part.begins.tolist(), train_part.ends.tolist(), strict=True))
    parts = [panel.values[a:b, :size] for a, b in spans]
    chosen, reasons = choose_numbers(numbers, panel, parts, panel.step if panel.times is not None else None)
    fields = NumberFields.fit(FieldsConfig(numbers=chosen), panel.series, [panel.values[a:b] for a, b in spans])
    train, dev = Windows(panel, fields, train_part, reach_back=False), Windows(panel, fields, dev_part)
    _refuse_short(panel, chosen, train, dev)
    refuse_unseen(panel, train_part, size, f"{panel.name}: the train part")
    refuse_unseen(panel, dev_part, size, f"{panel.name}: the dev part")
    heavy = heaviness(parts, chosen.season)
    choice = choose_forecast(chosen, data, len(panel.series), len(train), levels, budget, has_mase=_has_mase(dev), heavy=heavy)
    base = choice.config if config is None else config.model_copy(update={"data": data, "fields": fields.config})
    reasons = {**reasons, **(choice.reasons if config is None else {})}
    asked = override(base, settings)
    final = of_numbers(asked)
    reasons = with_asked(unchanged(reasons, base, asked), final, settings)
    refuse_base(final)
    return NumberPlan(final, reasons, fields, train, dev, _notes(panel, train, dev, test_part), _warnings(panel))


def _laid_over(config: RunConfig | None, levels: Sequence[float], budget: float | None) -> Asked:
    """What is asked for as settings of a config, where one is given and nothing is chosen."""
    if config is None:
        return NOTHING
    head = {"model.head.kind": "quantile", "model.head.levels": [*levels]} if levels else {}
    return {**head, **as_settings(budget=budget)}


def _refuse_nothing(numbers: NumbersField, *, is_read: bool) -> None:
    """Raises a ConfigError where nothing is to be forecast, or from nothing."""
    if not (is_read or numbers.targets or numbers.wide):
        raise ConfigError("fields.numbers.targets: it is not said what to forecast; expected columns, or wide: true for a row a series.")
    if not numbers.horizon:
        raise ConfigError("fields.numbers.horizon: 0; expected how many moments to forecast, such as 24.")
    if not numbers.history and "history" in numbers.model_fields_set:
        raise ConfigError("fields.numbers.history: 0; expected how many moments are read, such as 48. Leave it out to have it chosen.")


def of_numbers(config: RunConfig) -> RunConfig:
    """The config, whose head says numbers."""
    if config.model.head.kind == "tokens":
        raise ConfigError("model.head.kind: 'tokens' says symbols; expected a head for numbers, as in --set model.head.kind=squared.")
    return config


def _reading(config: RunConfig | None, settings: Asked) -> DataConfig:
    """How the file is read."""
    return override(config or RunConfig(), only(settings, "data")).data


def _over(config: RunConfig | None, numbers: NumbersField) -> NumbersField:
    """What was asked for, over what the config says of a table."""
    if config is None or not config.fields.numbers.horizon:
        return numbers
    return config.fields.numbers.model_copy(update={name: getattr(numbers, name) for name in numbers.model_fields_set})


def _asked(numbers: NumbersField, settings: Asked) -> NumbersField:
    """What was asked for, with the settings that say how the table is read and cut; the rest stays open, to be chosen."""
    about = only(settings, ABOUT)
    laid_over = override(RunConfig(fields=FieldsConfig(numbers=numbers)), about).fields.numbers
    names = [part for name in about for part in name.split(".")[2:3]]
    return numbers.model_copy(update={name: getattr(laid_over, name) for name in names})


# --------------------------------------------------------------------------------------------------------------- parts


def split_of(text: str) -> list[str]:
    """The parts of a split in one text, as in 0.7/0.1/0.2; two dates may have slashes of their own."""
    parts = [part.strip() for part in text.split("/") if part.strip()]
    return ["/".join(parts[:3]), "/".join(parts[3:])] if len(parts) == 6 else parts


def parts_of(panel: Panel, numbers: NumbersField) -> tuple[Part, Part, Part | None]:
    """Which rows of each series the targets of train, dev and test stand in.

    Without a split: dev is the last tenth of a series, at least a horizon; of many series a horizon of each. There is no test part then.

    Raises:
        ConfigError: a split that is none.
    """
    begins, known = panel.starts[:-1], known_ends(panel, numbers)
    lengths = known - begins
    if not numbers.split:
        share = lengths // 10 if len(begins) < MANY else np.zeros_like(lengths)
        middle = np.maximum(known - np.maximum(share, numbers.horizon), begins)
        return Part(begins, middle, "train"), Part(middle, known, "dev"), None
    bounds = _bounds(panel, numbers.split, lengths)
    ends = [np.minimum(begins + bound, known) for bound in bounds]
    test = Part(ends[1], ends[2], "test") if len(ends) > 2 else None
    return Part(begins, ends[0], "train"), Part(ends[0], ends[1], "dev"), test


def known_ends(panel: Panel, numbers: NumbersField) -> Ids:
    """(series,): the row behind the last whose targets are known, with which a forecast begins."""
    rows = [_known(panel, number, len(numbers.targets) or 1) for number in range(len(panel.series))]
    return panel.starts[:-1] + np.array(rows, dtype=np.int64)


def _known(panel: Panel, number: int, targets: int) -> int:
    """Rows of a series before the time to be forecast, whose targets are empty."""
    values = panel.values[panel.starts[number] : panel.starts[number + 1], :targets]
    there = np.nonzero(~np.isnan(values).all(1))[0] if np.isnan(values[-1]).any() else [len(values) - 1]
    return int(there[-1]) + 1 if len(there) else 0


def _bounds(panel: Panel, split: Sequence[str], lengths: Ids) -> list[Ids]:
    """Rows from the begin of each series at which the parts end."""
    if not all(map(is_number, split)):
        return _bounds_of_dates(panel, split, lengths)
    numbers = [float(part) for part in split]
    if not 2 <= len(numbers) <= 3 or not all(0 < number < math.inf for number in numbers):
        raise ConfigError(f"--split {'/'.join(split)}: expected two or three parts above 0, as in 0.7/0.1/0.2, 8640/2880/2880 or dates.")
    if max(numbers) < 1:
        if sum(numbers) > 1 + 1e-6:
            raise ConfigError(f"--split {'/'.join(split)}: the shares are {sum(numbers):g} together; expected at most 1.")
        return [np.round(total * lengths).astype(np.int64) for total in np.cumsum(numbers)]
    return [np.minimum(int(total), lengths) for total in np.cumsum(numbers)]


def _bounds_of_dates(panel: Panel, split: Sequence[str], lengths: Ids) -> list[Ids]:
    times, dates = _dates_of(panel, split)
    spans = zip(panel.starts[:-1].tolist(), panel.starts[1:].tolist(), strict=True)
    places = np.array([np.searchsorted(times[begin:end], dates) for begin, end in spans], dtype=np.int64)
    return [*places.T, lengths]


def _dates_of(panel: Panel, split: Sequence[str]) -> tuple[Times, Times]:
    """The moments of the table, and those at which the split says that parts begin."""
    if panel.times is None:
        raise ConfigError(f"--split {'/'.join(split)}: there is no time column. Name it with --time, or give shares.")
    are_iso = not panel.step.is_count and all(part[:4].isdecimal() for part in split)
    return panel.times, read_times(split, lambda row: "--split", f"part {'/'.join(split)}", dates="iso" if are_iso else panel.dates)


def _refuse_dates(panel: Panel, split: Sequence[str]) -> None:
    """Raises a ConfigError for dates of a split that do not rise, or at which no part of the table can begin."""
    if all(map(is_number, split)):
        return
    times, dates = _dates_of(panel, split)
    given, first, last = "/".join(split), times.min(), times.max()
    if len(dates) > 2:
        raise ConfigError(f"--split {given}: {len(dates)} dates; expected two, at which dev and test begin. Leave the others out.")
    if len(dates) == 2 and dates[0] >= dates[1]:
        raise ConfigError(f"--split {given}: test begins no later than dev; expected dates that rise. Give the begin of dev first.")
    for name, part, date in zip(("dev", "test"), split, dates, strict=False):
        if not first < date <= last:
            where = f"before or with the first row ({spelled(first)})" if date <= first else f"after the last row ({spelled(last)})"
            raise ConfigError(f"--split {given}: {name} begins at {part}, {where}; expected a date between. Change it.")


def _percents(panel: Panel, split: Sequence[str]) -> str:
    """A sentence for numbers of rows that look like percents: a hundred together, of more rows than that."""
    if not all(map(is_number, split)) or sum(map(float, split)) != A_HUNDRED or panel.lengths.max() <= A_HUNDRED:
        return ""
    shares = "/".join(f"{float(part) / A_HUNDRED:g}" for part in split)
    return f" --split {'/'.join(split)} says numbers of rows; for shares say {shares}."


def _refuse_short(panel: Panel, numbers: NumbersField, train: Windows, dev: Windows) -> None:
    for name, windows in (("train", train), ("dev", dev)):
        if not len(windows):
            rows = int((windows.part.ends - windows.part.begins).max())
            raise DataError(
                f"{panel.name}: no window fits into the {name} part: it has {rows:,} rows of a series at the most, a horizon of "
                f"{numbers.horizon} needs as many. Use a shorter --horizon or another --split.{_percents(panel, numbers.split)}"
            )


def refuse_unseen(panel: Panel, part: Part, targets: int, where: str) -> None:
    """Raises a DataError where all targets of a part were put in by a rule, so that nothing is known of them."""
    if panel.filled is None:
        return
    spans = zip(part.begins.tolist(), part.ends.tolist(), strict=True)
    if all(panel.filled[begin:end, :targets].all() for begin, end in spans):
        columns = ", ".join(panel.columns[:targets][:NAMED])
        raise DataError(f"{where} has no value of {columns} that was given, all were put in; expected some. Use another --split.")


def _has_mase(dev: Windows) -> bool:
    """Whether most dev windows can be measured by the season before: those of constants, and of series no longer than a season, cannot."""
    seasonal = dev.yardsticks(np.arange(len(dev))).seasonal
    return seasonal is not None and float(np.mean(seasonal > 0)) > 0.5


def _warnings(panel: Panel) -> list[str]:
    """What may be wrong with the numbers of a table."""
    values = panel.known(0, len(panel))
    return [*panel.doubts, *say_sentinels({name: values[:, place] for place, name in enumerate(panel.columns)})]


def _notes(panel: Panel, train: Windows, dev: Windows, test: Part | None) -> list[str]:
    numbers = train.fields.config.numbers
    notes = [f"{len(panel):,} rows in {len(panel.series):,} series, {', '.join(panel.columns[:8])}"]
    notes += [*panel.layout, *filter(None, [_percents(panel, numbers.split).strip()])]
    if panel.times is not None:
        what = "rows are counted, one" if panel.step.is_count else "a row"
        notes.append(f"{what} every {panel.step}, from {spelled(panel.times.min())} to {spelled(panel.times.max())}")
    if panel.unread:
        notes.append(f"column {panel.unread} looks like times: --time {shlex.quote(panel.unread)} reads them; without, rows are numbered")
    if panel.brought_to_utc:
        notes.append("times are brought to UTC by their offsets; forecasts are in UTC too")
    notes += panel.notes(numbers)
    notes.append(
        f"{len(train):,} windows to train on, {len(dev):,} in dev" + ("" if test is None else "; a test part is kept for `evaluate`")
    )
    if left := int((known_ends(panel, numbers) - (dev.part if test is None else test).ends).sum()):
        notes.append(f"--split {'/'.join(numbers.split)} leaves out the last {left:,} rows, which are neither learned nor measured")
    notes += left_out([name for name, begin, end in zip(panel.series, train.part.begins, dev.part.ends, strict=True) if begin == end])
    short = int((panel.lengths < train.history + train.horizon).sum())
    if short:
        notes.append(f"{short:,} series are shorter than a window: they are read from their begin on")
    return notes
