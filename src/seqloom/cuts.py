"""What is told of sources that are over the limits of a model, and of answers that are not whole. No torch."""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.answers import Answerer, Prediction
from seqloom.config import SearchConfig
from seqloom.corpus import encode_rows
from seqloom.data.rows import Row
from seqloom.errors import TooLongError

__all__ = ["Cuts", "TooLong"]


class TooLong:
    """Rows that are over the length limits of a model, found by encoding them, and counted."""

    def __init__(self, model: Answerer) -> None:
        self._model, self._count, self._first = model, 0, ""

    def __contains__(self, row: Row) -> bool:
        try:
            any(encode_rows([row], self._model.fields, self._model.data, copy=False) if any(row.source) else ())
        except TooLongError as error:
            self._count, self._first = self._count + 1, self._first or str(error).partition(" Shorten it")[0]
            return True
        return False

    def notes(self) -> list[str]:
        """A sentence where there were some."""
        were = "was" if self._count == 1 else "were"
        return [f"{self._count:,} over the length limit {were} left out, such as {self._first}"] if self._count else []


class Cuts:
    """Sources and answers that are not whole, or unlike those of training, counted as they pass."""

    def __init__(self, predictions: Iterable[Prediction] = ()) -> None:
        self._sources = self._answers = self._all = self._longer = self._longest = self._silent = 0
        self._rates: list[int] = []
        for prediction in predictions:
            self.add(prediction)

    def add(self, prediction: Prediction) -> None:
        """Count a source, and the best answer to it."""
        self._all += 1
        self._sources += prediction.source_cut
        self._answers += bool(prediction.outputs) and prediction.outputs[0].cut
        self._longer, self._longest = self._longer + bool(prediction.longest), max(self._longest, prediction.longest)
        self._silent += prediction.silent
        self._rates += [prediction.rate] if prediction.rate else []

    def notes(self, model: Answerer, search: SearchConfig) -> list[str]:
        """A sentence where some were cut, or longer, or cannot be heard as those of training."""
        notes, sound = list[str](), model.fields.config.sound
        if self._silent:
            silent = f"{self._silent:,} of {self._all:,} sounds {'is' if self._silent == 1 else 'are'} silent: all samples are the same"
            notes.append(f"{silent}, so the answer means nothing")
        if self._rates and sound is not None:
            count, low = len(self._rates), min(self._rates)
            rates = f"{low:,}" if low == max(self._rates) else f"{low:,} to {max(self._rates):,}"
            few = f"{count:,} of {self._all:,} sounds {'has' if count == 1 else 'have'} {rates} samples a second"
            notes.append(f"{few}; the model learned from {sound.sample_rate:,}, of which these lack the high tones")
        if self._longer:
            long = f"{self._longer:,} of {self._all:,} sources {'is' if self._longer == 1 else 'are'} longer than any that training had"
            notes.append(f"{long} ({self._longest:,} positions): answers to such are often wrong")
        if self._sources:
            long = f"{self._sources:,} of {self._all:,} sources are longer than the model reads"
            notes.append(f"{long}: {_what_is_read(model)}")
        if self._answers:
            name, limit = ("max_length", search.max_length) if search.max_length else ("max_length_ratio", search.max_length_ratio)
            were = "was" if self._answers == 1 else "were"
            notes.append(
                f"{self._answers:,} of {self._all:,} answers {were} cut off at the longest allowed length (search.{name} is {limit:g}). "
                f"Where more is to be said: --set search.{name}={limit * 2:g}"
            )
        return notes


def _what_is_read(model: Answerer) -> str:
    """Of sources that are too long, and what would read their other end."""
    limit = f"{model.data.max_source_length:,} positions"
    kept, end, other = ("first", "end", "last") if model.data.keep == "begin" else ("last", "begin", "first")
    advice = f"(a model trained with data.keep={end} reads the {other})"
    if model.fields.shares_limit:
        return f"the longest columns are cut to their {kept} symbols, {limit} in all {advice}"
    return f"cut to their {kept} {limit} {advice}"
