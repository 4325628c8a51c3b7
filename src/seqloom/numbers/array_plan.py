"""From pairs whose targets are numbers to a whole plan of a run: texts or arrays in, arrays out. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from seqloom.config import ArrayField, DataConfig, FieldsConfig, HeadConfig, RunConfig
from seqloom.data.memory import paths_of
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows, resolve, sides_of_numbers
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, DataError, count_of, standing_at
from seqloom.fields.frame_text import frames_of_text
from seqloom.fields.ready import settled
from seqloom.numbers.array_pairs import ArrayPairs, are_arrays, rank_of, read_sources, read_targets, same_width
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.plan import NumberPlan, of_numbers
from seqloom.planning.asked import as_settings, base_config, given_config, unchanged, with_asked
from seqloom.planning.autoconfig import RATE, Settings, cut, learning_rate, put_together
from seqloom.planning.base import refuse_base
from seqloom.planning.plan import LAYOUT, hold_out, read_pairs, reads_numbers
from seqloom.planning.sides import numbered, profile_side
from seqloom.settings import NOTHING, Asked, override, setting, together, without

__all__ = ["numbers_of", "plan_pairs", "read_rows_of_numbers", "says_numbers"]

Floats = npt.NDArray[np.floating[Any]]
Sides = tuple[Sequence[Any], Sequence[Floats]]
"""Sources, each a tuple of texts or an array (S, D), and targets (T, D')."""

OF_NUMBERS = {head.model_fields["kind"].default for head in get_args(get_args(HeadConfig)[0])} - {"tokens"}
"""Kinds of head; what is none is told as such, by the checks of a config."""
HEAD, STOP = "model.head.kind", "model.head.stop"
FEWEST = 10
"""Pairs, of which some are held out."""


def says_numbers(
    data: Any,
    targets: Any = None,
    *,
    dev: Any = None,
    source: Any = None,
    target: Any = None,
    config: str | Path | RunConfig | None = None,
    settings: Asked = NOTHING,
) -> bool:
    """Whether the targets of pairs are numbers: they are arrays, the head says it, or the file tells numbers from text."""
    settings, given = together(as_settings(source, target), settings), given_config(config)
    kind = settings.get(HEAD) or (given.model.head.kind if given else None)
    reading = base_config(None if targets is not None else data, dev, given, settings).data
    says = str(kind) in OF_NUMBERS  # what is no text is no kind, which the checks of a config tell
    return says if kind and reading.train else says or sides_of_numbers(reading, data, targets)[1]


def plan_pairs(
    data: Any,
    targets: Any = None,
    *,
    dev: Any = None,
    source: str | int | Sequence[str | int] | None = None,
    target: str | int | None = None,
    config: str | Path | RunConfig | None = None,
    settings: Asked = NOTHING,
    budget: str | float | timedelta | None = None,
    seed: int | None = None,
) -> NumberPlan:
    """Read, hold out, choose.

    Args:
        data, targets: sources, which are texts or arrays, and arrays; or as for `plan.make_plan`, with targets that are numbers as text.
        dev: the same; without, a tenth is held out, where there are ten pairs or more.
    """
    settings, given = together(as_settings(source, target, budget, seed), settings), given_config(config)
    if targets is not None and are_arrays(targets):
        pairs, notes = (read_sources(data, "X"), read_targets(targets, "y")), list[str]()
        held = None if dev is None else (read_sources(dev[0], "dev X"), read_targets(dev[1], "dev y"))
        return _planned(pairs, held, DataConfig(), given, settings, notes, rank_of(targets))
    base = base_config(None if targets is not None else data, dev, given, settings)
    rows, _ = read_pairs(data, targets, base.data)
    reading = resolve(base.data)
    if reading.sounds:
        raise ConfigError(
            f"{reading.train[0]}: sounds with targets of numbers; expected texts or numbers on the source side. Make features."
        )
    is_numbers = reads_numbers(base, settings, data, targets)
    pairs = sides_of(rows, is_numbers)
    held = sides_of(hold_out(rows, dev, reading, base.seed, [], [])[0], is_numbers) if dev is not None or reading.dev else None
    return _planned(pairs, held, reading, given, settings, list(getattr(rows, "notes", [])))


def read_rows_of_numbers(data: Any, reading: DataConfig, *, is_numbers: bool) -> Sides:
    """Both sides of a file that is read as the training file was, or of pairs in memory; `is_numbers`: the sources too."""
    paths = paths_of(data)
    return sides_of(read_rows(paths, reading) if paths else rows_from_memory(data), is_numbers)


def numbers_of(row: Row) -> Floats:
    """The source of a row, (S, D), whose text is taken for numbers; DataError says where it is none."""
    with standing_at(row.where):
        return frames_of_text(row.source[0], "source")


def sides_of(rows: Iterable[Row], is_numbers: bool) -> Sides:
    """Both sides of rows, whose targets' texts are taken for numbers, and those of their sources where they are.

    Raises:
        DataError: a text that is none, or of another width than the first; says where.
    """
    sources, targets, places = list[Any](), list[Floats](), list[str]()
    for row in rows:
        with standing_at(row.where):
            if not any(row.source):
                raise DataError("the source is empty; expected at least one symbol. Mend or remove the line.")
            sources.append(frames_of_text(row.source[0], "source") if is_numbers else row.source)
            targets.append(frames_of_text(row.target, "target"))
        places.append(row.where)
    if is_numbers:
        same_width(sources, [f"{place}: the source" for place in places])
    return sources, same_width(targets, [f"{place}: the target" for place in places])


def _planned(
    pairs: Sides,
    held: Sides | None,
    reading: DataConfig,
    given: RunConfig | None,
    settings: Asked,
    notes: list[str],
    rank: int = 2,
) -> NumberPlan:
    sources, targets = pairs
    if len(sources) != len(targets):
        raise DataError(f"arrays: X has {len(sources)} sequences and y has {len(targets)}; expected one target for each source.")
    config, reasons = _chosen(sources, reading) if given is None else (given.model_copy(update={"data": reading}), dict[str, str]())
    asked = override(config, without(settings, *LAYOUT))
    reasons, config = unchanged(reasons, config, asked), of_numbers(asked)
    ready_fields, ready = settled(config.fields)
    config = config.model_copy(update={"fields": ready_fields})
    kept, held, note = (pairs, held, "") if held is not None else _held_out(pairs, config.seed)
    says = STOP in settings or given is not None
    fields = NumberFields.fit_pairs(config.fields, *kept, learned=setting(config, STOP) == "learned" if says else None, rank=rank)
    if fields.target.is_free and not says:
        config = override(config, {STOP: "learned"})
        reasons[STOP] = "targets are neither as long as their sources nor all of one length"
    reasons = with_asked(reasons, config, settings) | ready
    refuse_base(config)
    train, measured = (ArrayPairs.of(*side, fields) for side in (kept, held))
    about = f"{count_of(len(train), 'pair')} to train on, {len(measured):,} in dev"
    return NumberPlan(config, reasons, fields, train, measured, [about, *notes, *([note] if note else [])])


def _held_out(pairs: Sides, seed: int) -> tuple[Sides, Sides, str]:
    """The pairs to train on, a tenth that is held out, and what is to be said of that: all pairs of one source are on one side."""
    sources, targets = pairs
    if len(sources) < FEWEST:
        few = f"only {count_of(len(sources), 'pair')}"
        return pairs, pairs, f"{few}: dev is what is trained on, so its score is no promise"
    groups: dict[Any, list[int]] = {}
    for place, source in enumerate(sources):
        groups.setdefault(source.tobytes() if isinstance(source, np.ndarray) else source, []).append(place)
    members, count = list(groups.values()), max(1, min(len(groups) // 10, 1000))
    order = np.random.default_rng(seed).permutation(len(groups)).tolist()
    held, kept = (sorted(place for group in part for place in members[group]) for part in (order[:count], order[count:]))
    if not kept:
        raise DataError(
            f"arrays: {len(sources)} pairs of one source; expected two different sources or more, to hold one out. Give a dev set."
        )
    train, dev = (([sources[place] for place in part], [targets[place] for place in part]) for part in (kept, held))
    return train, dev, ""


# --------------------------------------------------------------------------------------------------------------- config


def _chosen(sources: Sequence[Any], reading: DataConfig) -> tuple[RunConfig, dict[str, str]]:
    """The config for so many pairs of such sources."""
    settings, count = Settings(), len(sources)
    is_text = not isinstance(sources[0], np.ndarray)
    width = 128 if is_text else 64
    fields = _text_fields(sources, settings) if is_text else FieldsConfig(source=[ArrayField()])
    settings.set(HEAD, "squared", "the mean of what follows such a source")
    settings.set("model.encoder.width", width)
    settings.set("model.encoder.layers", 2 if is_text else 1)
    settings.set("model.decoder.width", width)
    settings.set("model.embedding", width // 2)
    settings.set("model.dropout", 0.1)
    settings.set("training.batch.unit", "pairs")
    settings.set("training.batch.size", min(max(count // 8, 1), 64))
    settings.set("training.epochs", max(20, min(200, 20000 // count)), f"{count_of(count, 'pair')}: few are gone through often")
    settings.set(RATE, learning_rate(width, gently=True)[0], f"{width} wide: the narrower, the higher")
    settings.set("training.early_stopping.metric", "mae", "of what is said without being shown the truth")
    settings.set("training.precision", "float32")
    settings.set("training.schedule.warmup_steps", 20)
    settings.set("search.kind", "greedy")
    return override(RunConfig(data=reading, fields=fields), settings.values), settings.reasons


def _text_fields(sources: Sequence[tuple[str, ...]], settings: Settings) -> FieldsConfig:
    """How each column of text is cut into symbols."""
    groups = numbered(sources)
    sides = [profile_side("source", column, groups)[0] for column in zip(*sources, strict=True)]
    cuts = [put_together(side, cut(side)) for side in sides]
    settings.reasons |= {f"fields.source.{number}": why for number, (_, why) in enumerate(cuts)}
    return FieldsConfig(source=[field for field, _ in cuts])
