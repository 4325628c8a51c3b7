"""From files or pairs to a whole plan of a run: which rows, which config, and why. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from seqloom.config import DataConfig, FieldConfig, FieldsConfig, RunConfig, TextField, TokensField
from seqloom.config_file import load_reasons
from seqloom.data.kept import KeptRows
from seqloom.data.memory import Pairs, at_hand
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows, resolve, sides_of_numbers, without_empty
from seqloom.data.rows import Row, Rows
from seqloom.errors import ConfigError
from seqloom.fields.columns import can_copy
from seqloom.fields.pieces import say_pieces
from seqloom.fields.ready import settings_of_ready, settings_of_vectors, settled
from seqloom.numbers.autoarray import choose_for_arrays
from seqloom.planning.asked import ASKED, as_settings, base_config, given_config, unchanged
from seqloom.planning.autoconfig import COPY, Choice, choose, metric_for
from seqloom.planning.base import Base, read_base
from seqloom.planning.giving_way import KEPT, give_way, left_to_choose
from seqloom.planning.oddities import TOLD
from seqloom.planning.profile import Profile, profile_rows
from seqloom.planning.selection import Roots, split, thin
from seqloom.settings import NOTHING, Asked, has_setting, only, override, said_by, setting, together, without
from seqloom.sound.autosound import choose_for_sound
from seqloom.sound.sounds import hint_at_texts

__all__ = ["LAYOUT", "LENGTH", "Plan", "hold_out", "make_plan", "read_pairs", "reads_numbers"]

LAYOUT = tuple(f"data.{name}" for name in ("format", "delimiter", "header", "source", "target"))
"""Settings that reading replaces by what it found."""

LENGTH = "search.max_length_ratio"
"""Is estimated from the profile; encoded pairs tell it better."""
METRIC = "training.early_stopping.metric"
SAMPLES = 2000
"""Numbers, one a moment, from which on they look like the samples of a sound: a quarter of a second of speech."""


@dataclass(frozen=True)
class Plan:
    """What `seqloom train` is about to do."""

    config: RunConfig
    reasons: dict[str, str]
    """Dotted setting to the reason for its value, where it was chosen."""
    train: Iterable[Row]
    """Can be gone through again and again."""
    dev: list[Row]
    dev_is_held_out: bool
    """Whether they are a part of the training pairs, and not given."""
    names: tuple[str, ...]
    """Of the source columns, then of the target."""
    profile: Profile
    notes: list[str] = field(default_factory=list[str])
    """What was found in the files, one plain sentence each."""
    estimates_length: bool = False
    """Whether search.max_length_ratio is an estimate, which encoded pairs will tell better."""
    base: Base | None = None
    """The run that this one begins with."""
    fitted: frozenset[str] = frozenset()
    """Settings, of FITTED, that are chosen for a machine with time enough, and not yet fitted to this one."""
    warnings: list[str] = field(default_factory=list[str])
    """What in the data makes a score look other than it is, which is said where notes are not."""


def make_plan(
    data: Pairs | None = None,
    targets: Sequence[str] | None = None,
    *,
    dev: Pairs | None = None,
    source: str | int | Sequence[str | int] | None = None,
    target: str | int | None = None,
    config: str | Path | RunConfig | None = None,
    settings: Asked = NOTHING,
    budget: str | float | timedelta | None = None,
    seed: int | None = None,
    share: float = 1.0,
) -> Plan:
    """Read, profile, choose.

    Args:
        data: a path, two paths of parallel files, or pairs in memory; None: what `config` names.
        targets: the targets, where `data` is a list of sources.
        dev: held-out pairs, in the same forms (two lists as a tuple).
        source: source columns of the files, by name or number from 1.
        target: their target column.
        config: a config to follow in place of choosing one.
        settings: laid over what was chosen.
        budget: wall time, as in "15m", in seconds, or a timedelta.
        share: how many of the training pairs to use; the dev rows are the same for all shares.
    """
    data, dev = at_hand(data), dev if isinstance(dev, tuple) else at_hand(dev)
    settings = together(as_settings(source, target, budget, seed), settings)
    given = given_config(config)
    base = base_config(None if targets is not None else data, dev, given, settings)
    start = None if base.training.start_from is None else read_base(base.training.start_from)
    if start is not None:
        base = base.model_copy(update={"data": start.reading(base.data)})
    pairs = _read(data, targets, dev, base, settings, share)
    profile = pairs.profile
    choice = _choice(profile, pairs.reading, base, start, settings if given is None else NOTHING)
    if given is None:
        before, reasons = give_way(choice, settings)
        fitted = _to_fit(profile, start, settings) & reasons.keys()
    else:
        before = given.model_copy(update={"data": pairs.reading})
        reasons, fitted = _still_true(_written_reasons(config), before, choice), frozenset[str]()
    embedding = given.model.embedding if given and "embedding" in given.model.model_fields_set else None
    final, reasons = _laid_over(before, reasons, settings, profile, start, embedding)
    final, reasons = _without_idle_pointer(final, reasons, is_asked=given is not None or COPY in said_by(settings), is_new=start is None)
    overlap = [profile.overlap.sentence] if profile.overlap and profile.overlap.sources else []
    warnings = overlap if profile.overlap and profile.overlap.is_considerable else []
    pieces, doubtful_pieces = _pieces(profile, final.fields)
    return Plan(
        final,
        reasons,
        train=Roots(pairs.train) if final.data.repeats == "root" else pairs.train,
        dev=pairs.dev,
        dev_is_held_out=dev is None and not pairs.reading.dev,
        names=pairs.names,
        profile=profile,
        notes=[
            *profile.notes,
            *pieces,
            *pairs.notes,
            *(overlap if not warnings else []),
            *(f"{oddity.text}. For instance {oddity.where[0]}." for oddity in profile.oddities if oddity.kind in TOLD),
            *_lost_blanks(profile, final),
            *_raw_samples(profile),
        ],
        estimates_length=reasons.get(LENGTH) is not None and reasons.get(LENGTH) == choice.reasons.get(LENGTH),
        base=start,
        fitted=fitted,
        warnings=[*warnings, *pairs.warnings, *doubtful_pieces],
    )


@dataclass(frozen=True)
class _Pairs:
    """What was read, before anything is chosen."""

    reading: DataConfig
    """As the files turned out to be."""
    names: tuple[str, ...]
    train: Rows | Sequence[Row]
    dev: list[Row]
    profile: Profile
    notes: list[str]
    warnings: list[str]


def _read(data: Pairs | None, targets: Sequence[str] | None, dev: Pairs | None, base: RunConfig, settings: Asked, share: float) -> _Pairs:
    """Read, hold out, profile."""
    reading = base.data
    rows, names = read_pairs(data, targets, reading)
    reading = resolve(reading) if reading.train else reading
    if reading.skip_bad and reading.too_long == "error":
        reading = reading.model_copy(update={"too_long": "skip"})
    notes: list[str] = []
    if reading.skip_bad and isinstance(rows, list):
        rows = without_empty(rows, notes)
    warnings = list[str]() if base.data.header is None else notes  # of a header that nobody spoke of
    held_out, train = hold_out(rows, dev, reading, base.seed, notes, warnings)
    train = thin(train, share, base.seed)
    with hint_at_texts(base.data.sounds):
        profile = profile_rows(train, held_out, is_numbers=reads_numbers(base, settings, data, targets), sounds=reading.sounds)
    reading = reading.model_copy(update={"sounds": profile.sound is not None})
    return _Pairs(reading, names, train, held_out, profile, notes, [] if warnings is notes else warnings)


def _to_fit(profile: Profile, start: Base | None, settings: Asked) -> frozenset[str]:
    """What of a config that is chosen for these data is then fitted to the machine."""
    if not profile.source and not profile.sound:
        return frozenset()
    return left_to_choose(settings) - (KEPT if start or profile.sound else frozenset())


def _laid_over(
    before: RunConfig, reasons: Mapping[str, str], settings: Asked, profile: Profile, start: Base | None, embedding: int | None
) -> tuple[RunConfig, dict[str, str]]:
    """The config with what is asked for laid over it, what follows from that, and the reasons that still hold.

    Args:
        start: the run that this one begins with, whose symbols it keeps.
        embedding: the width that a given config asks for.
    """
    follow, ready = ({}, {}) if start else settings_of_vectors(settings, before.model, embedding=embedding)
    final = override(before, {**follow, **without(settings, *LAYOUT)})
    if start is not None:
        start.refuse_others(final)
    reasons = unchanged(reasons, before, final)
    final, of_fields = _settled(final, start)
    reasons = {key: why for key, why in reasons.items() if not only(settings, key)}
    if profile.source and METRIC in reasons and only(settings, "fields.target"):
        name, reasons[METRIC] = metric_for(profile, final.fields)
        final = override(final, {METRIC: name})
    reasons = {key: why for key, why in reasons.items() if has_setting(final, key)}
    return final, reasons | dict.fromkeys(settings, ASKED) | ready | of_fields


def _without_idle_pointer(config: RunConfig, reasons: dict[str, str], *, is_asked: bool, is_new: bool) -> tuple[RunConfig, dict[str, str]]:
    """The config without a pointer that could copy nothing, where it was chosen before settings cut the columns otherwise.

    Raises:
        ConfigError: it was asked for.
    """
    if not is_new or not config.model.copy_source or not config.fields.texts or can_copy(config.fields):
        return config, reasons
    if is_asked:
        columns = ", ".join(_how_cut(column) for column in config.fields.texts)
        what = f"{COPY}: nothing can be copied: the target is cut into {_how_cut(config.fields.target)}, the source into {columns}"
        raise ConfigError(f"{what}; expected the same symbols on both sides. Cut both alike (fields.*.kind and unit), or leave it out.")
    return override(config, {COPY: False}), {key: why for key, why in reasons.items() if key != COPY}


def _how_cut(field: FieldConfig) -> str:
    return f"{field.unit}s" if isinstance(field, TextField) else "tokens"


def _lost_blanks(profile: Profile, config: RunConfig) -> list[str]:
    """What is lost where targets that are cut at blanks have others than one between tokens."""
    target, count = config.fields.target, profile.target.other_blanks
    if not count or not isinstance(target, TokensField) or target.separator != " ":
        return []
    of = f"{count:,} of {profile.target.count:,} targets have tabs, line breaks or several blanks between tokens"
    return [f"{of}: each becomes one blank, in what is learned and in what is answered. Keep them with --set fields.target.kind=text."]


def _pieces(profile: Profile, fields: FieldsConfig) -> tuple[list[str], list[str]]:
    """What becomes of words that were cut into pieces before, a sentence a column: notes, and warnings where it is rarely meant."""
    of_sources = [(f"fields.source.{place}", *both) for place, both in enumerate(zip(profile.source, fields.texts, strict=False))]
    notes, warnings = list[str](), list[str]()
    for name, side, part in (*of_sources, ("fields.target", profile.target, fields.target)):
        if side.mark is not None:
            is_meant = isinstance(part, TokensField) or part.pieces == side.mark
            (notes if is_meant else warnings).append(say_pieces(side.name, side.mark, _fate_of_pieces(name, part, side.mark)))
    return notes, warnings


def _fate_of_pieces(name: str, part: FieldConfig, mark: str) -> str:
    """What becomes of pieces with this mark in the field of this name, and what to say where something else is meant."""
    if not isinstance(part, TokensField):
        as_they_stand = f'and learned as they stand, which is rarely meant. {name}.pieces: "{mark}" puts them together.'
        return "which are put together" if part.pieces == mark else as_they_stand
    counted = ", and scores count pieces" if name == "fields.target" else ""
    no_file = ", without its vocabulary," if part.vocabulary is not None else ""
    return f'which stay symbols of their own{counted}. {name}: {{kind: text, unit: subword, pieces: "{mark}"}}{no_file} puts them together.'


def _raw_samples(profile: Profile) -> list[str]:
    """What to do where arrays may be the samples of sounds, of which thousands make a moment."""
    array = profile.array
    if array is None or array.width > 1 or array.lengths.mean < SAMPLES:
        return []
    what = f"arrays of one number a moment, {array.lengths.mean:,.0f} moments in the mean: more than can be learned from well"
    return [f"{what}. If they are samples of sounds, give each with its rate: ((samples, 16000), target)."]


def _settled(config: RunConfig, start: Base | None) -> tuple[RunConfig, dict[str, str]]:
    """The config with what its ready vocabularies and subword models say, which a run that another begins with has in itself."""
    if start is not None:
        return config, {}
    fields, reasons = settled(config.fields)
    return config.model_copy(update={"fields": fields}), reasons


def _choice(profile: Profile, reading: DataConfig, base: RunConfig, start: Base | None, settings: Asked) -> Choice:
    """The config for data of this profile; what `settings` name that is ready decides how their columns are cut, and so does what they say
    of the target where the source is no text, which nothing else of it follows from.
    """
    if start is not None:
        start.check(profile)
        return start.begin(_choice_for(profile, reading, base, start.config.fields))
    choice = _choice_for(profile, reading, base)
    follow = settings_of_ready(settings, choice.config.fields)
    if follow is None and (profile.source or not only(settings, "fields.target")):
        return choice
    asked = {**(follow or {}), **only(settings, "fields")}
    fields, _ = settled(override(RunConfig(fields=choice.config.fields), asked).fields)
    known = _choice_for(profile, reading, base, fields)
    kept = {
        key: why
        for key, why in choice.reasons.items()
        if key.startswith("fields.") and setting(choice.config, key) == setting(known.config, key)
    }
    return Choice(known.config, kept | known.reasons)


def _choice_for(profile: Profile, reading: DataConfig, base: RunConfig, fields: FieldsConfig | None = None) -> Choice:
    """The same; `fields`: how columns are cut, where that is known."""
    whole = base.training.budget_seconds
    seconds = whole and whole / base.training.members
    if profile.sound is not None:
        return choose_for_sound(profile, reading, fields, budget_seconds=seconds)
    if profile.array is not None:
        return choose_for_arrays(profile, profile.array, reading, fields, budget_seconds=seconds)
    return choose(profile, reading, fields)


def _written_reasons(config: str | Path | RunConfig | None) -> dict[str, str]:
    return {} if config is None or isinstance(config, RunConfig) else load_reasons(config)


def _still_true(reasons: dict[str, str], config: RunConfig, choice: Choice) -> dict[str, str]:
    """The reasons without those of choices that were changed by hand since: the same words behind another value."""
    return {
        key: why for key, why in reasons.items() if choice.reasons.get(key) != why or setting(config, key) == setting(choice.config, key)
    }


def reads_numbers(base: RunConfig, settings: Asked, data: Any, targets: Any) -> bool:
    """Whether sources are numbers over time: settings or config say it, or the pairs do."""
    kind = said_by(settings).get("fields.source.0.kind")
    if kind or not base.fields.texts:
        return (kind or base.fields.source[0].kind) == "array"
    return sides_of_numbers(base.data, data, targets)[0]


def read_pairs(data: Pairs | None, targets: Sequence[str] | None, reading: DataConfig) -> tuple[Rows | list[Row], tuple[str, ...]]:
    """The rows of files, or of pairs in memory, and the names of their columns."""
    if targets is not None and not isinstance(data, (str, Path)):
        return rows_from_memory([] if data is None else data, targets), ()
    if reading.train:
        rows = KeptRows(read_rows(reading.train, reading))
        return rows, rows.names
    if data is None or isinstance(data, (str, Path)):
        raise ConfigError("no training pairs: give a file, two parallel files, pairs, or a config with data.train.")
    return rows_from_memory(data), ()


def hold_out(
    rows: Rows | list[Row], dev: Pairs | None, reading: DataConfig, seed: int, notes: list[str], warnings: list[str]
) -> tuple[list[Row], Rows | Sequence[Row]]:
    """The dev rows, and the training rows; what is said of a dev file goes to `notes`, or to `warnings`."""
    if reading.dev:
        read = read_rows(reading.dev, reading)
        found = list(read)
        for note in read.notes:
            (warnings if note == read.doubt else notes).append(f"dev: {note}")
        return found, rows
    if dev is not None and not isinstance(dev, (str, Path)):
        return rows_from_memory(*dev) if _two_lists(dev) else rows_from_memory(dev), rows
    train, held_out = split(rows, reading, seed)
    return list(held_out), train


def _two_lists(dev: Sequence[Any]) -> bool:
    return isinstance(dev, tuple) and len(dev) == 2 and not isinstance(dev[0], str)
