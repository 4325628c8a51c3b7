"""The dev part of a run of numbers while it trains: how good the forecasts are, some of them, and whether they beat the last value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import RunConfig
from seqloom.errors import ConfigError
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.numbers.accuracy import Accuracy
from seqloom.numbers.distributions import are_measurable, quantile_levels
from seqloom.numbers.fields import SHOWN
from seqloom.numbers.forecasting import Forecast, forecasts, misses_of, teacher_forced_loss
from seqloom.numbers.pairs import NumberPairs, evenly
from seqloom.numbers.scoreboard import SIMPLE, measure
from seqloom.numbers.spread import measured_spread
from seqloom.training.events import Sample

__all__ = ["ForecastDev", "ForecastLook"]

LOOKED_AT = 500
"""At most so many dev windows are looked at while training; the end looks at all."""
LATE = 0.5
"""Progress from which a model should beat what is simple."""
TODO = {
    "pairs": "Look whether the sources tell the targets at all; try more pairs, or more dropout",
    "windows": "Say that, or look whether the past tells the future at all; try a shorter or a longer --history, or more model.dropout",
}
"""What to do where what is simple is better, by what there are of."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ForecastLook:
    """What one evaluation found."""

    values: dict[str, float]
    """Measures by name."""
    rows: Sequence[int]
    predictions: list[Sample]

    def samples(self) -> list[Sample]:
        """Three windows and their forecasts, the same each time."""
        return self.predictions


class ForecastDev:
    """The dev windows of a run."""

    def __init__(self, pairs: NumberPairs, config: RunConfig) -> None:
        pairs.fields = replace(pairs.fields, spread=None)  # which a run before may have measured
        self.pairs, self.config = pairs, config
        self.rows: Sequence[int] = range(len(pairs))
        self.sample: Sequence[int] = evenly(len(pairs), LOOKED_AT).tolist()

    def fitting(self, network: Seq2Seq, seconds: float) -> int:
        """All of the sample: a forecast is as long at first as it is at the end."""
        return len(self.sample)

    def shorten(self, count: int) -> None:
        """Nothing, since all of the sample is looked at."""

    def look(self, network: Seq2Seq, *, last: bool = False, whole: bool = False) -> ForecastLook:
        """Forecasts of the sample, or of the whole part; the network is left in training mode.

        At the `last` look it is measured how far forecasts lie from the truth, where that tells all that the head says, and quantiles
        are those that the model will give.

        Raises:
            ConfigError: the metric that is watched is not among what can be measured.
        """
        index, head = self.rows if whole else self.sample, self.config.model.head
        levels = quantile_levels(head)
        if last and self.pairs.fields.config.numbers.horizon and are_measurable(head):
            spread = measured_spread(list(misses_of(network, self.pairs, head)))
            self.pairs.fields = replace(self.pairs.fields, spread=spread)
        said = list(forecasts(network, self.pairs, index, head, levels))
        values = {**measure(self.pairs, index, said, levels), "loss": teacher_forced_loss(network, self.pairs, index)}
        if (watched := self.config.training.early_stopping.metric) not in values:
            what = f"{watched!r} cannot be measured on dev; expected one of {', '.join(values)}"
            raise ConfigError(f"training.early_stopping.metric: {what}. Set another.")
        shown = [self._shown(index[place], said[place]) for place in sorted({len(index) // 6, len(index) // 2, len(index) * 5 // 6})]
        network.train()
        return ForecastLook(values, index, shown)

    def listens(self, look: ForecastLook) -> bool:
        """Always: errors of numbers fall with the loss."""
        return True

    def findings(self, look: ForecastLook, step: int, progress: float) -> list[str]:
        """What looks broken, one line each."""
        simple = self.simple(look)
        if progress < LATE or not simple or look.values["mae"] <= min(simple.values()):
            return []
        error, name = min((error, name) for name, error in simple.items())
        numbers = f"{look.values['mae']:.4g}, worse than the {error:.4g} of {SIMPLE[name]}"
        return [f"After {100 * progress:.0f} % of the training the dev mae is {numbers}. {TODO[self.pairs.noun]}."]

    def simple(self, look: ForecastLook) -> dict[str, float]:
        """The mean absolute error of each of the simple forecasts on what was looked at, by name."""
        return self._simple_of_all if len(look.rows) > len(self.sample) else self._simple_of_sample

    @cached_property
    def _simple_of_sample(self) -> dict[str, float]:
        return self._errors(self.sample)

    @cached_property
    def _simple_of_all(self) -> dict[str, float]:
        return self._errors(self.rows)

    def _errors(self, index: Sequence[int]) -> dict[str, float]:
        errors: dict[str, float] = {}
        for name, say in self.pairs.rivals().items():
            accuracy = Accuracy()
            for number in index:
                accuracy.add(self.pairs.truth([number])[0], say(number))
            errors[name] = accuracy.values()["mae"]
        return errors

    def _shown(self, number: int, forecast: Forecast) -> Sample:
        """The first column of a window as text: what came before, what came, and what was said."""
        truth = self.pairs.truth([number])[0]
        return Sample(self.pairs.read(number), _text(truth[:SHOWN]), _text(forecast.point[:SHOWN]))


def _text(frames: Floats) -> str:
    return " ".join(f"{value:.4g}" for value in frames[:, 0].tolist())
