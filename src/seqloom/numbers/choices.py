"""From a table of numbers to a complete config for forecasting it, every choice with its reason.

The rules look at lengths, steps and autocorrelations of the training part alone; none knows a data set. `docs/forecasting.md` says them
in plain words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seqloom.config import DataConfig, FieldsConfig, NumbersField, RunConfig
from seqloom.numbers.clock import calendar_names
from seqloom.numbers.panel import Panel
from seqloom.numbers.steps import WEEK, WORKING, Step, are_counted
from seqloom.planning.autoconfig import Choice, Settings
from seqloom.settings import override

__all__ = ["choose_forecast", "choose_numbers", "found_season", "heaviness"]

Floats = npt.NDArray[np.float64]

MANY = 20
"""Series, from which on each is only a small part of what is learned."""
SEASONS_READ = 14
"""Seasons in a history: two weeks of days, so that a week is seen twice."""
WITHOUT_SEASON = 4
"""Horizons in a history where there is no season."""
SHARE_READ = 1 / 5
"""Of a usual training series at most, so that there are windows to learn from."""
STANDS_OUT = 0.3
"""Autocorrelation of changes, from which a season is one."""
UPDATES = 2000
"""In a run without a budget, at most."""
ENOUGH = 500
"""Updates, of which a run has no fewer: a small table is gone over more often (measured on dev)."""
PASSES, PASSES_OF_MANY = 5, 20
"""Over one table, and over many series: windows overlap."""
BATCH, SMALL_BATCH = 128, 32
"""Windows in a batch: the small one where the other would make too few updates."""

HEAVY = 6.0
"""Root of the mean square of changes over their median, from which on a few of them count for too much; 1.5 of a normal distribution,
2 to 4 of the columns of ETTh1, 4.5 of days with an outage, and 7 and more of those with single spikes.
"""

A_YEAR_OF_WEEKS = 52
FEWEST_YEARS = 3
"""Of weeks in a training series, from which on a year of them is thought of."""
WEEKS_MORE = 8
"""Than a year, in a history of weeks."""
MOST_LOOKED_AT = 200
"""Series."""

OF_STEP = {(1, 0): 12, (3, 0): 4, (0, 3600): 24, (0, 1800): 48, (0, 900): 96, (0, 600): 144, (0, 86_400): 7}
"""The usual season of a step of months and seconds: a year of months or quarters, a day, a week of days."""


def choose_numbers(numbers: NumbersField, panel: Panel, parts: Sequence[Floats], step: Step | None) -> tuple[NumbersField, dict[str, str]]:
    """Season, history, calendar, scaling and window where they were not given, and the reasons.

    Args:
        parts: the targets (N, D) of the training part of each series.
        step: from row to row, where there is a time column.
    """
    given, update, reasons = numbers.model_fields_set, dict[str, object](), dict[str, str]()

    def choose(name: str, value: object, why: str) -> None:
        if name in given and getattr(numbers, name) is not None:
            return
        update[name] = value
        if why:
            reasons[f"fields.numbers.{name}"] = why

    why = {"iso": "", "count": "whole numbers that say no date"}
    choose("dates", panel.dates, why.get(panel.dates, "as the time column has them"))
    choose("step", panel.step.text if panel.times is not None else None, "")
    said = "a comma stands before the decimals" if panel.marks.thousands != "." else "full stops stand between thousands"
    choose("decimal", panel.marks.decimal, "" if panel.marks.decimal == "." else said)
    choose("thousands", panel.marks.thousands, "" if panel.marks.thousands == "none" else "as numbers above a thousand have them")
    choose("signs", [f"{name} {sign}" for name, sign in panel.signs.items()], "")
    if step is not None and (usual := _usual_season(step)):
        choose("season", usual, f"a row every {step}")
    else:
        choose("season", *_season_of(parts, step, numbers.horizon))
    season = int(update.get("season", numbers.season))  # pyright: ignore[reportArgumentType]
    choose("history", *_history(season, numbers.horizon, parts, is_year=season == A_YEAR_OF_WEEKS and _is_of_weeks(step)))
    if panel.times is not None:
        first, last = int(panel.starts[0]), int(panel.starts[1])
        names = calendar_names(panel.times[first : min(last, first + len(parts[0]))], panel.step)
        nothing = "" if are_counted(panel.times) else "nothing of it comes back in the training part"
        choose("calendar", names, "comes back at least twice in the training part" if names else nothing)
    if len(parts) > 1:
        choose("scaling", "none", "series of their own sizes: each window is scaled by itself")
        choose("window", "standard", "series of their own sizes, and levels that move on")
        if len(parts) >= MANY and all(len(part) == 0 or float(np.nanmin(part)) >= 0 for part in parts):
            choose("floor", "seen", "no value is below zero: none is forecast below what was seen (measured on dev)")
    else:
        choose("scaling", "standard", "columns of their own sizes")
        if heaviness(parts, season) >= HEAVY:
            choose("window", "none", "single spikes are there, and one is no level")
        else:
            choose("window", "last", "levels move on after the training part")
    return numbers.model_copy(update=update), reasons


def _usual_season(step: Step) -> int:
    """Rows after which numbers of such a step are mostly alike again, 0 where that is not known."""
    if step.closes:
        return step.a_day
    if step.weekdays and not step.months:
        return WORKING
    return 0 if step.is_count else OF_STEP.get(step[:2], 0)


def _is_of_weeks(step: Step | None) -> bool:
    return step is not None and not step.is_count and step[:2] == (0, WEEK)


def _history(season: int, horizon: int, parts: Sequence[Floats], *, is_year: bool = False) -> tuple[int, str]:
    """As many seasons as are usual and fit; of a year of weeks that year and some weeks, since few weeks are left to learn from."""
    if is_year:
        return season + WEEKS_MORE, f"a year and {WEEKS_MORE} weeks (measured on dev)"
    usual = int(np.median([len(part) for part in parts]))
    wanted, why = (
        (SEASONS_READ * season, f"{SEASONS_READ} seasons") if season > 1 else (WITHOUT_SEASON * horizon, f"{WITHOUT_SEASON} horizons")
    )
    most = max(int(SHARE_READ * usual), 2 * season, horizon) if len(parts) < MANY else max(usual // 2, horizon)
    if wanted <= most:
        return wanted, why
    return max(most // season, 1) * season, f"what is left for windows in {usual:,} rows"


def _season_of(parts: Sequence[Floats], step: Step | None, horizon: int) -> tuple[int, str]:
    """The season that is found; of weeks a year of them where, repeated, it comes nearer to what followed in the training part."""
    found, why = found_season(parts)
    long = [part for part in parts if len(part) >= FEWEST_YEARS * A_YEAR_OF_WEEKS]
    if not _is_of_weeks(step) or found == A_YEAR_OF_WEEKS or 2 * len(long) < len(parts):
        return found, why
    ratios = [_repeated(part, A_YEAR_OF_WEEKS, horizon) / _repeated(part, found, horizon) for part in long[:MOST_LOOKED_AT]]
    ratio = float(np.median([each for each in ratios if np.isfinite(each)] or [1.0]))
    if ratio >= 1:
        return found, why
    other = "the last value" if found == 1 else f"{found} weeks"
    return A_YEAR_OF_WEEKS, f"the weeks of the year before came nearer to training than {other} ({ratio:.2f} of the error)"


def _repeated(values: Floats, season: int, horizon: int) -> float:
    """The mean absolute error of the last season of a series (N, D), said again and again, over the steps of a horizon."""
    lags = [season * math.ceil(step / season) for step in range(1, horizon + 1)]
    errors = {lag: np.nanmean(np.abs(values[lag:] - values[:-lag]), axis=0) for lag in {*lags} if lag < len(values) // 2}
    there = [errors[lag] for lag in lags if lag in errors]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(np.mean(there, axis=0) / np.nanmean(np.abs(np.diff(values, axis=0)), axis=0))) if there else math.nan


def found_season(parts: Sequence[Floats]) -> tuple[int, str]:
    """The shortest lag at which changes are alike again, over the series; 1 where none stands out."""
    shortest = int(np.median([len(part) for part in parts]))
    lags = np.arange(2, min(shortest // 3, 400))
    if not len(lags):
        return 1, "too short to show a season"
    looked_at = [part for part in parts[:MOST_LOOKED_AT] if len(part) > 2 * lags[-1]]
    curves = [_alikeness(part[:, column], lags) for part in looked_at for column in range(part.shape[1])]
    mean = np.mean(curves, axis=0) if curves else np.zeros(len(lags))
    falls = np.nonzero(mean < 0)[0]  # neighbours are alike in any smooth series; a season is where likeness comes back
    if not len(falls) or mean[falls[0] :].max() < STANDS_OUT:
        return 1, "no lag at which changes are alike again"
    high = mean[falls[0] :].max()
    best = int(lags[falls[0] :][mean[falls[0] :] > 0.9 * high][0])
    near = lags[(lags >= best) & (lags <= 1.2 * best)]
    season = int(near[mean[near - lags[0]].argmax()])
    return season, f"changes are alike after so many rows (autocorrelation {mean[season - lags[0]]:.2f})"


def heaviness(parts: Sequence[Floats], season: int) -> float:
    """The root of the mean square of the changes from season to season over their median, of the usual column; 1 where half of the values
    do not change at all: nothing is a spike then, or all that is not nothing.

    Args:
        parts: of each series (N, D).
    """
    ratios: list[float] = []
    for part in parts[:MOST_LOOKED_AT]:
        changes = np.abs(part[season:] - part[:-season])
        ratios += [_over_median(column[~np.isnan(column)]) for column in changes.T]
    return float(np.median(ratios or [1.0]))


def _over_median(changes: Floats) -> float:
    there = changes[changes > 0]
    return float(np.sqrt(np.square(there).mean()) / np.median(there)) if len(there) > len(changes) / 2 else 1.0


def _alikeness(values: Floats, lags: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Autocorrelation of the changes of a series at each lag."""
    changes = np.diff(values.astype(np.float64))
    changes -= changes.mean()
    total = float(changes @ changes)
    if total <= 0:
        return np.zeros(len(lags))
    size = 2 ** int(np.ceil(np.log2(2 * len(changes))))
    power = np.abs(np.fft.rfft(changes, size)) ** 2
    return np.fft.irfft(power, size)[lags] / total


def choose_forecast(
    numbers: NumbersField,
    data: DataConfig,
    series: int,
    windows: int,
    quantiles: Sequence[float],
    budget: float | None,
    *,
    has_mase: bool = True,
    heavy: float = 1.0,
) -> Choice:
    """The config for forecasting with these numbers: `windows` to train on, of so many series.

    Args:
        has_mase: whether it can be measured.
        heavy: the `heaviness` of the training part.
    """
    settings = Settings()
    many = series >= MANY
    _choose_model(settings, numbers, many, list(quantiles), heavy)
    _choose_training(settings, windows, many, budget, beside=bool(numbers.known or numbers.past))
    watched = ("mase", "series of their own sizes") if many and has_mase else ("loss", "what is trained")
    settings.set("training.early_stopping.metric", *watched)
    base = RunConfig(data=data, fields=FieldsConfig(numbers=numbers))
    return Choice(override(base, settings.values), settings.reasons)


def _choose_model(settings: Settings, numbers: NumbersField, many: bool, quantiles: list[float], heavy: float) -> None:
    settings.set(
        "model.linear_path.history", numbers.history, "numbers follow their own past in a straight line first; the network adds the rest"
    )
    settings.set("model.linear_path.horizon", numbers.horizon)
    recent = 2 * numbers.season if numbers.season > 1 else 2 * numbers.horizon
    if recent < numbers.history:
        settings.set("model.recent", recent, "the network adds what the last two seasons tell; the straight line reads all")
    settings.set("model.direct", True, "the whole horizon in one go: errors cannot feed on themselves")
    if quantiles:
        settings.set("model.head.kind", "quantile", "quantiles are asked for")
        settings.set("model.head.levels", quantiles, "the median is the point forecast")
    elif many:
        settings.set("model.head.kind", "absolute", f"{MANY} or more series: relative errors count")
    elif heavy >= HEAVY:
        why = f"the root of the mean square of changes is {heavy:.0f} times their median: squares would be those of a few spikes"
        settings.set("model.head.kind", "absolute", why)
    else:
        settings.set("model.head.kind", "squared", "one table: squared errors count")
    settings.set("model.encoder.kind", "recurrent")
    width = 64
    settings.set("model.encoder.width", width, "much noise, few numbers" if not many else "many series")
    settings.set("model.encoder.bidirectional", False, "the last moments count most")
    settings.set("model.decoder.width", width)
    settings.set("model.embedding", 32)
    settings.set("model.attention.kind", "dot")
    settings.set("model.dropout", 0.1 if many else 0.3)


def _choose_training(settings: Settings, windows: int, many: bool, budget: float | None, *, beside: bool) -> None:
    rows, passes = _pace(windows, PASSES_OF_MANY if many else PASSES)
    settings.set("training.batch.unit", "pairs")
    settings.set("training.batch.size", rows, f"{windows:,} windows" + (": small batches, for more updates" if rows < BATCH else ""))
    updates = passes * math.ceil(windows / rows)
    why = "windows overlap, few passes are enough" if updates > ENOUGH else "a small table is gone over more often"
    settings.set("training.epochs", round(max(passes, 0.01), 2), f"about {updates:,.0f} updates: {why}")
    little = "the straight line is there already: what is left is small (measured on dev)"
    much = "the straight line does not see other columns, past or known in advance: much is left (measured on dev)"
    settings.set("training.optimizer.learning_rate", *((0.005, much) if beside else (0.0005, little)))
    settings.set("training.early_stopping.patience", 5)
    settings.set("training.schedule.warmup_steps", 50)
    settings.set("training.precision", "float32", "numbers need their digits")
    settings.set("training.threads", 1, "a small network: two threads would wait for each other (measured)")
    settings.set("training.average", 3, "the best three, where their mean is better on dev")
    settings.set("search.kind", "greedy", "there is one forecast")
    if budget is not None:
        settings.set("training.budget_seconds", budget, "as asked for: the schedule is fitted to it")


def _pace(windows: int, usual: int) -> tuple[int, float]:
    """Windows in a batch, and passes: as many as usual, but neither too few nor too many updates."""
    rows = BATCH if usual * windows >= ENOUGH * BATCH else SMALL_BATCH
    a_pass = math.ceil(windows / rows)
    return rows, min(max(usual, ENOUGH / a_pass), UPDATES / a_pass)
