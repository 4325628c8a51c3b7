"""The dev part of a run of numbers while it trains: how good the forecasts are, some of them, and whether they beat the last value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.accuracy import Accuracy
from seqloom.config import RunConfig
from seqloom.distributions import are_measurable, quantile_levels
from seqloom.errors import ConfigError
from seqloom.events import Sample
from seqloom.forecasting import Forecast, forecasts, misses_of, teacher_forced_loss
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.number_fields import SHOWN
from seqloom.number_pairs import NumberPairs, Rival, evenly
from seqloom.scoreboard import measure
from seqloom.spread import measured_spread

__all__ = ["ForecastDev", "ForecastLook"]

LOOKED_AT = 500
"""At most so many dev windows are looked at while training; the end looks at all."""
LATE = 0.5
"""Progress from which a model should beat what is simple."""
_SERIES = "Look whether the past tells the future at all; try a longer --history, or more dropout"
_PAIRS = "Look whether the sources tell the targets at all; try more pairs, or more dropout"
SIMPLE = {
    "naive": ("repeating the last value", _SERIES),
    "seasonal naive": ("repeating the last season", _SERIES),
    "mean": ("the mean of the training targets", _PAIRS),
}
"""What each of the simple forecasts says, and what to do where it is better."""

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
        self.simple = self._simple()

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
        if progress < LATE or self.simple is None or look.values["mae"] <= self.simple[0]:
            return []
        error, name = self.simple
        what, todo = SIMPLE[name]
        numbers = f"{look.values['mae']:.4g}, worse than the {error:.4g} of {what}"
        return [f"After {100 * progress:.0f} % of the training the dev mae is {numbers}. {todo}."]

    def _simple(self) -> tuple[float, str] | None:
        """The mean absolute error of the best of the simple forecasts on the sample, and its name; None where there is none."""
        return min(((self._error(say), name) for name, say in self.pairs.rivals().items()), default=None)

    def _error(self, say: Rival) -> float:
        accuracy = Accuracy()
        for number in self.sample:
            accuracy.add(self.pairs.truth([number])[0], say(number))
        return accuracy.values()["mae"]

    def _shown(self, number: int, forecast: Forecast) -> Sample:
        """The first column of a window as text: what came before, what came, and what was said."""
        truth = self.pairs.truth([number])[0]
        return Sample(self.pairs.read(number), _text(truth[:SHOWN]), _text(forecast.point[:SHOWN]))


def _text(frames: Floats) -> str:
    return " ".join(f"{value:.4g}" for value in frames[:, 0].tolist())
