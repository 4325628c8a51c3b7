"""How good answers are, beside the targets that were wanted: all of an evaluation that needs the answers alone. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seqloom.answers import Answerer, Prediction, check_attention
from seqloom.config import DataConfig, SearchConfig
from seqloom.cuts import TooLong
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.rows import Row
from seqloom.errors import DataError, warn_caller
from seqloom.fields.task import Fields
from seqloom.sound.samples import sound_as_text, with_sounds

if TYPE_CHECKING:
    from seqloom.data.memory import Given, Targets

__all__ = ["Measurable", "Sources", "measured"]

Sources = str | int | Sequence[str | int] | None
"""Columns of a file or table, by name or number."""


class Measurable(Answerer):
    """A model that can be held against pairs, trained or exported."""

    def rows(
        self,
        pairs: Given,
        targets: Targets | None = None,
        *,
        source: Sources = None,
        target: str | int | None = None,
        skip_bad: bool | None = None,
    ) -> list[Row]:
        """The rows of a file, read as the training file was, or of pairs in memory; of other columns where these are named.

        Args:
            skip_bad: go on without pairs that lack a side or are too long, which a UserWarning counts; without, as in training.

        Raises:
            DataError: a pair that cannot be used; says which.
        """
        skips = self.data.skip_bad if skip_bad is None else skip_bad
        rows, notes = self._read(pairs, targets, source, target, skips)
        if skips:
            return self._without_bad(rows, notes)
        if empty := next((row for row in rows if not any(row.source)), None):
            what = f"{empty.where}: the source is empty; expected at least one symbol"
            raise DataError(f"{what}. Mend it, or go on without such pairs: skip_bad=True.")
        return rows

    def _without_bad(self, rows: list[Row], notes: list[str]) -> list[Row]:
        """The rows that have both sides and are not too long; the others are warned of."""
        from seqloom.data.pairs import without_empty

        long = TooLong(self)
        rows = [row for row in without_empty(rows, notes) if row not in long]
        for note in (*notes, *long.notes()):
            warn_caller(note)
        return rows

    def _read(
        self, pairs: Given, targets: Targets | None, source: Sources, target: str | int | None, skips: bool
    ) -> tuple[list[Row], list[str]]:
        """The rows, and what is to be said of those of a file that went by."""
        from seqloom.data.memory import as_list, hold, kept_columns, paths_of
        from seqloom.data.pairs import read_as_trained, sides_of_numbers  # a model that only answers tells no tables apart

        data, asked, kept = self.data.model_copy(update={"skip_bad": skips}), as_list(source), kept_columns(self.data)
        given = hold(pairs, targets, asked or kept[0], kept[1] if target is None else target)
        given = replace(given, data=self.as_written(given.data), targets=self.as_written(given.targets))
        if asked or target is not None:  # then the file itself says whether it has a header
            update = {"header": None, "source": asked or data.source, "target": data.target if target is None else target}
            data = data.model_copy(update=update)
        paths = paths_of(given.data) if given.targets is None else None
        if sides_of_numbers(DataConfig(), given.data, given.targets)[0]:
            self.refuse_array("pairs:1")
        if not paths:
            held = with_sounds(given.data, given.targets, sound_as_text) if data.sounds else given.data
            return rows_from_memory(held, given.targets), []
        data = data.model_copy(update={"header": None}) if data.sounds else data
        rows = read_as_trained(paths, data, source=bool(asked), target=target is not None)
        return list(rows), rows.left_out

    def measured(self, rows: Sequence[Row], search: SearchConfig, *, any_target: bool = False) -> tuple[dict[str, float], list[Prediction]]:
        """Every metric of the answers that fits the target, by name, and the answers.

        Args:
            any_target: pairs of one source are one question, right by any of their targets.

        Raises:
            DataError: there are no rows.
            ConfigError: the search needs an attention that is not there.
        """
        check_attention(search, attends=self.finder.attends)
        return measured(self.fields, rows, lambda asked: self.answers(asked, search), any_target=any_target)


def measured(
    fields: Fields, rows: Sequence[Row], answer: Callable[[Sequence[Row]], Iterable[Prediction]], also: str = "", *, any_target: bool
) -> tuple[dict[str, float], list[Prediction]]:
    """The metrics of the answers to these rows that fit the target, and `also` one more, whether it fits or not; and the answers.

    Args:
        any_target: each source is asked once, and right by any of its targets.

    Raises:
        DataError: there are no rows.
    """
    from seqloom import metrics  # which answering does without
    from seqloom.planning.relation import with_all_targets

    if not rows:
        raise DataError("nothing to evaluate: no pairs were given. Give a file with at least one pair.")
    asked, references = with_all_targets(rows) if any_target else (rows, [row.target for row in rows])
    predictions, target = list(answer(asked)), fields.config.target
    names = [*metrics.metrics_for(target, metrics.words_per_target(references, target)), *([also] if also else [])]
    return metrics.score(list(dict.fromkeys(names)), [prediction.text for prediction in predictions], references, target), predictions
