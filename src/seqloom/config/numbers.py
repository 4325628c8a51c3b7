"""How tables and arrays of numbers become frames."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from seqloom.config.base import Natural, Positive, Settings

__all__ = ["STEP", "NumbersField"]

CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
STEP = (
    r"^(?:weekday|[1-9]\d*(?: (?:months?(?: weekday)?(?: end)?|(?:week|day)s?(?: end)?"
    rf"|(?:hour|minute|second)s?(?: end| {CLOCK}-{CLOCK}(?: weekday)?)?))?)$"
)
"""How a step is written."""


class NumbersField(Settings):
    """Numbers over time, frames (T, columns), on both sides. Without columns to forecast and without arrays: a run of symbols."""

    targets: list[str] = Field(default=[], description="Columns that are forecast.")
    past: list[str] = Field(default=[], description="Columns that are read but not forecast, known up to now only.")
    known: list[str] = Field(default=[], description="Columns known in advance for the time that is forecast, such as holidays or prices.")
    static: list[str] = Field(default=[], description="Columns that do not change within a series.")
    time: str | list[str] | None = Field(default=None, description="Column that says when: dates, or numbers; or several that do so together, such as date and time. Empty: rows follow each other.")
    dates: Literal["iso", "weeks", "decimal", "day_first", "month_first", "count"] | None = Field(default=None, description="How dates are written: 2024-12-31; 31.12.2024 or 31/12/2024; 12/31/2024; weeks: 202401 is the first week of 2024; decimal: 2024.083 is February 2024; count: whole numbers that count rows and say no date. Empty: found.")
    offsets: Literal["utc", "local"] | None = Field(default=None, description="Of times with offsets from UTC. utc: brought to it; local: read as they stand, by the clock of the place. Empty: found; local where rows are even so and not in UTC, as of days where clocks are set.")
    step: str | None = Field(default=None, pattern=STEP, description="From one row to the next: 1 hour, 15 minutes, 2 weeks, 3 months, 1 month end (counted from the month's end), 1 month weekday end (its last day from Monday to Friday), weekday, 1 hour 09:00-17:00 (each day, or with weekday behind it from Monday to Friday); a number where rows are counted. Empty: found.")
    decimal: Literal[".", ","] | None = Field(default=None, description="What stands before the decimals of a number. Empty: found.")
    thousands: Literal["none", ".", ",", "'", " "] | None = Field(default=None, description="What stands between the thousands of a number. Empty: found.")
    signs: list[str] = Field(default=[], description="Columns whose numbers had a sign beside them in training, of percent or a currency, each with it, as in 'share %'. That a later table has none is said.")
    series: str | None = Field(default=None, description="Column that says which series a row belongs to. Empty: all rows are one series.")
    wide: bool = Field(default=False, description="One row a series: its name, perhaps codes, then its values, empty after the last. Where these columns are called by dates (2010-01, 2010Q1, 1960), these are its times.")
    history: Natural = Field(default=0, description="Moments that are read before a forecast; 0: arrays, of any length.")
    horizon: Natural = Field(default=0, description="Moments that are forecast; 0: arrays, of any length.")
    season: Positive = Field(default=1, description="Moments after which numbers are alike again, such as 24 hours; 1: none.")
    split: list[str] = Field(default=[], description="Where train, dev and test part: shares, numbers of moments, or the dates at which dev and test begin.")
    scaling: Literal["none", "standard", "robust", "series"] = Field(default="standard", description="Fitted on the training part. standard: mean 0, deviation 1 a column; robust: median 0, half the distance of the quartiles 1; series: standard, for each series by itself.")
    window: Literal["none", "last", "standard"] = Field(default="none", description="Each window by itself, for columns that are forecast. last: less its last value; standard: less its last value, over its deviation.")
    floor: Literal["none", "seen"] = Field(default="none", description="seen: no forecast is below the smallest value that its column has had before.")
    missing: Literal["error", "previous", "linear", "zero"] = Field(default="error", description="An empty cell. error: refused; previous: the value before, where there is none the first one of the series; linear: on a line between its neighbours; zero: 0.")
    sentinels: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(default=[], description="Numbers that say that nothing was measured, such as -999; such a cell is empty, and `missing` says what then. Empty: there are none.")
    gaps: Literal["error", "fill"] = Field(default="error", description="A moment that is left out. error: refused; fill: put in, its values missing.")
    calendar: list[Literal["minute", "hour", "weekday", "monthday", "yearday", "month"]] = Field(default=[], description="What of the clock the model is shown, as sine and cosine: where a moment stands in its hour, day, week, month and year; month: in the year, by whole months.")

    @property
    def times(self) -> list[str]:
        """The columns that say when."""
        return [self.time] if isinstance(self.time, str) else self.time or []

    @field_validator("sentinels", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A number alone as a list of it."""
        return [given] if isinstance(given, (int, float)) else given

    @model_validator(mode="after")
    def _once(self) -> NumbersField:
        names = [*self.targets, *self.past, *self.known, *self.static, *self.times, *filter(None, [self.series])]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"column {twice!r} is named twice; expected each in one part alone")
        idle = [name for name in ("past", "known", "static", "time", "series") if getattr(self, name)]
        if self.wide and (idle or len(self.targets) > 1):
            what = f"{idle[0]} is of no effect" if idle else f"{len(self.targets)} targets cannot be told"
            raise ValueError(f"{what} where a row is a series (wide); expected its name and then its values. Leave one of both out")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"{self.decimal!r} cannot stand both before decimals and between thousands (decimal, thousands)")
        return self
