"""From files or pairs to a whole plan of a run: which rows, which config, and why. No torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from seqloom.autoarray import choose_for_arrays
from seqloom.autoconfig import (
    ATTEND_AFTER,
    ATTENTION,
    BATCH,
    COPY,
    DECODER_LAYERS,
    DROPOUT,
    ENCODER_LAYERS,
    RATE,
    Choice,
    choose,
    metric_for,
)
from seqloom.autosound import choose_for_sound
from seqloom.base import Base, read_base
from seqloom.config import DataConfig, FieldsConfig, MultiheadAttention, RunConfig, TokensField, TransformerDecoder, TransformerEncoder
from seqloom.config_file import build, has_setting, load_config, load_reasons, override, said_by, setting
from seqloom.data import read_rows, resolve, sides_of_numbers, without_empty
from seqloom.errors import ConfigError
from seqloom.kept import KeptRows
from seqloom.memory import Pairs, at_hand, paths_of
from seqloom.memory_rows import rows_from_memory
from seqloom.profile import Profile, profile_rows
from seqloom.ready import settings_of_ready, settings_of_vectors, settled
from seqloom.rows import Row, Rows
from seqloom.selection import Roots, split, thin
from seqloom.sounds import hint_at_texts
from seqloom.tables import flat

__all__ = [
    "ASKED",
    "LAYOUT",
    "Plan",
    "as_settings",
    "base_config",
    "given_config",
    "hold_out",
    "make_plan",
    "overrides",
    "parse_duration",
    "read_pairs",
    "reads_numbers",
    "unchanged",
    "with_asked",
]

ASKED = "as asked for"
"""The reason for a setting that the user gave."""

FIRST = ("data.", "seed=", "training.budget_seconds=", "training.members=", "training.start_from=")
"""Settings that reading, holding out and choosing ask for."""
LAYOUT = tuple(f"data.{name}=" for name in ("format", "delimiter", "header", "source", "target"))
"""Settings that reading replaces by what it found."""

SHARED, TIED, START = "fields.shared", "model.tie_embeddings", "model.decoder.start"
LENGTH = "search.max_length_ratio"
METRIC = "training.early_stopping.metric"
FITTED = {
    "model.encoder.width": ("model.encoder", "model.decoder", "model.embedding"),
    RATE: ("training.optimizer",),
    DROPOUT: ("model.dropout",),
    BATCH: ("training.batch",),
    "training.epochs": ("training.epochs",),
    "training.schedule.warmup_steps": ("training.schedule",),
}
"""What depends on how fast this machine is, and the settings that say it otherwise."""
KEPT = frozenset(("model.encoder.width", DROPOUT, RATE))
"""What of FITTED a run brings that another begins with, and what stays of a network that hears: narrower ones learned less in the time."""
SAMPLES = 2000
"""Numbers, one a moment, from which on they look like the samples of a sound: a quarter of a second of speech."""
KINDS = ("model.encoder.kind", "model.decoder.kind")
"""Of another kind than the one chosen, a network wants another learning rate: the usual one."""
NO_COPY = ("model.attention.kind=none", "model.encoder.subsampling", "model.head.ctc_weight")
"""Asked for, these leave no place for a pointer."""
NO_SECOND_LAYER = (*NO_COPY, "model.copy=false", "model.decoder.kind")
"""Asked for, there is no pointer that a second layer of the decoder would run over."""
GIVE_WAY = {RATE: KINDS, COPY: NO_COPY} | dict.fromkeys((DECODER_LAYERS, ATTEND_AFTER), NO_SECOND_LAYER)
"""Choices, and the settings that they do not go with."""
OF_TRANSFORMERS = {
    "encoder": {ENCODER_LAYERS: TransformerEncoder().layers},
    "decoder": {DECODER_LAYERS: TransformerDecoder().layers, ATTENTION: MultiheadAttention().kind},
}
"""What a part wants that is asked to be a Transformer, and was chosen to be none."""


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
    settings: Iterable[str] = (),
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
        settings: `a.b=value`, laid over what was chosen.
        budget: wall time, as in "15m", in seconds, or a timedelta.
        share: how many of the training pairs to use; the dev rows are the same for all shares.
    """
    data, dev = at_hand(data), dev if isinstance(dev, tuple) else at_hand(dev)
    settings = [*as_settings(source, target, budget, seed), *settings]
    given = given_config(config)
    asked = given.model.embedding if given and "embedding" in given.model.model_fields_set else None
    base = base_config(None if targets is not None else data, dev, given, settings)
    start = None if base.training.start_from is None else read_base(base.training.start_from)
    reading = base.data
    rows, names = read_pairs(data, targets, reading)
    reading = resolve(reading) if reading.train else reading
    if reading.skip_bad and reading.too_long == "error":
        reading = reading.model_copy(update={"too_long": "skip"})
    notes: list[str] = []
    if reading.skip_bad and isinstance(rows, list):
        rows = without_empty(rows, notes)
    held_out, train = hold_out(rows, dev, reading, base.seed, notes)
    train = thin(train, share, base.seed)
    with hint_at_texts(base.data.sounds):
        profile = profile_rows(train, held_out, is_numbers=reads_numbers(base, settings, data, targets), sounds=reading.sounds)
    reading = reading.model_copy(update={"sounds": profile.sound is not None})
    choice, fitted = _choice(profile, reading, base, start, [] if config else settings), frozenset[str]()
    if config is None and (profile.source or profile.sound):
        fitted = _left_to_choose(settings) - (KEPT if start or profile.sound else frozenset())
    if given is None:
        given, reasons = _give_way(choice, settings)
        fitted = fitted & reasons.keys()
    else:
        given = given.model_copy(update={"data": reading})
        reasons = _still_true(_written_reasons(config), given, choice)
    follow, ready = ([], {}) if start else settings_of_vectors(settings, given.model, embedding=asked)
    final = override(given, [*follow, *(item for item in settings if not item.startswith(LAYOUT))])
    if start is not None:
        start.refuse_others(final)
    reasons = unchanged(reasons, given, final)
    final, of_fields = _settled(final, start)
    reasons = {key: text for key, text in reasons.items() if not any(item.startswith((f"{key}=", f"{key}.")) for item in settings)}
    if profile.source and METRIC in reasons and any(item.startswith("fields.target") for item in settings):
        name, reasons[METRIC] = metric_for(profile, final.fields)
        final = override(final, [f"{METRIC}={name}"])
    reasons = {key: why for key, why in reasons.items() if has_setting(final, key)}
    reasons |= {item.partition("=")[0]: ASKED for item in settings} | ready | of_fields
    overlap = [profile.overlap.sentence] if profile.overlap and profile.overlap.sources else []
    warnings = overlap if profile.overlap and profile.overlap.is_considerable else []
    notes = [*profile.notes, *notes, *(overlap if not warnings else []), *_lost_blanks(profile, final), *_raw_samples(profile)]
    estimates = reasons.get(LENGTH) is not None and reasons.get(LENGTH) == choice.reasons.get(LENGTH)
    train = Roots(train) if final.data.repeats == "root" else train
    is_held_out = dev is None and not reading.dev
    return Plan(final, reasons, train, held_out, is_held_out, names, profile, notes, estimates, start, fitted, warnings)


def _lost_blanks(profile: Profile, config: RunConfig) -> list[str]:
    """What is lost where targets that are cut at blanks have others than one between tokens."""
    target, count = config.fields.target, profile.target.other_blanks
    if not count or not isinstance(target, TokensField) or target.separator != " ":
        return []
    of = f"{count:,} of {profile.target.count:,} targets have tabs, line breaks or several blanks between tokens"
    return [f"{of}: each becomes one blank, in what is learned and in what is answered. Keep them with --set fields.target.kind=text."]


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


def _choice(profile: Profile, reading: DataConfig, base: RunConfig, start: Base | None, settings: Sequence[str]) -> Choice:
    """The config for data of this profile; what `settings` name that is ready decides how their columns are cut, and so does what they say
    of the target where the source is no text, which nothing else of it follows from.
    """
    if start is not None:
        start.check(profile)
        return start.begin(_choice_for(profile, reading, base, start.config.fields))
    choice = _choice_for(profile, reading, base)
    follow = settings_of_ready(settings, choice.config.fields)
    if follow is None and (profile.source or not any(item.startswith("fields.target") for item in settings)):
        return choice
    own = [item for item in settings if item.startswith("fields.")]
    fields, _ = settled(override(RunConfig(fields=choice.config.fields), [*(follow or []), *own]).fields)
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


def parse_duration(text: str | float | timedelta) -> float:
    """Seconds in "90", "90s", "15m", "1h30m", or of a timedelta.

    Raises:
        ConfigError: anything else.
    """
    if isinstance(text, timedelta):
        seconds = text.total_seconds()
    elif isinstance(text, (int, float)):
        seconds = float(text)
    else:
        match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
        seconds = sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True) if part) if match else 0.0
    if seconds <= 0:
        raise ConfigError(f"--budget {text}: expected a time such as 90s, 15m or 1h30m.")
    return seconds


def as_settings(source: str | int | Sequence[str | int] | None, target: str | int | None, budget: Any, seed: int | None) -> list[str]:
    """The arguments that stand for a setting, as settings."""
    columns = [source] if isinstance(source, (str, int)) else source and list(source)
    seconds = None if budget is None else parse_duration(budget)
    named = {"data.source": columns, "data.target": target, "training.budget_seconds": seconds, "seed": seed}
    return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in named.items() if value is not None]


def unchanged(reasons: Mapping[str, str], before: RunConfig, after: RunConfig) -> dict[str, str]:
    """The reasons of settings that have the same value in both: one that follows from what is asked for was not chosen for the data."""
    return {key: why for key, why in reasons.items() if has_setting(after, key) and setting(before, key) == setting(after, key)}


def with_asked(reasons: Mapping[str, str], config: RunConfig, settings: Sequence[str]) -> dict[str, str]:
    """The reasons of what was chosen and the config has, but for what `settings` ask for, whose reason that is."""
    asked = dict.fromkeys((item.partition("=")[0] for item in settings), ASKED)
    return {key: why for key, why in reasons.items() if key not in asked and has_setting(config, key)} | asked


def overrides(settings: str | Iterable[str] | Mapping[str, Any]) -> list[str]:
    """`a.b=value` for each setting; those of a dictionary may stand in groups."""
    if isinstance(settings, Mapping):
        return [f"{name}={json.dumps(value, ensure_ascii=False, default=os.fspath)}" for name, value in flat(settings).items()]
    return [settings] if isinstance(settings, str) else list(settings)


def given_config(config: str | Path | RunConfig | Mapping[str, Any] | None) -> RunConfig | None:
    """The config that is given, read where it is a file, or built of what such a file holds."""
    if isinstance(config, Mapping):
        return build(config, where="config")
    return config if isinstance(config, RunConfig) or config is None else load_config(config)


def _written_reasons(config: str | Path | RunConfig | None) -> dict[str, str]:
    return {} if config is None or isinstance(config, RunConfig) else load_reasons(config)


def _still_true(reasons: dict[str, str], config: RunConfig, choice: Choice) -> dict[str, str]:
    """The reasons without those of choices that were changed by hand since: the same words behind another value."""
    return {
        key: why for key, why in reasons.items() if choice.reasons.get(key) != why or setting(config, key) == setting(choice.config, key)
    }


def _give_way(choice: Choice, settings: Sequence[str]) -> tuple[RunConfig, dict[str, str]]:
    """The choice, and its reasons, without what does not go with these settings."""
    dropped = {name: setting(RunConfig(), name) for name, by in GIVE_WAY.items() if any(item.startswith(by) for item in settings)}
    if choice.config.fields.shared and not _may_share(choice, settings):
        dropped |= {name: setting(RunConfig(), name) for name in (SHARED, TIED)}
    asked = override(choice.config, [item for item in settings if item.startswith(KINDS)]).model
    for part, wants in OF_TRANSFORMERS.items():
        if getattr(asked, part).kind == "transformer" and getattr(choice.config.model, part).kind != "transformer":
            dropped |= {name: value for name, value in wants.items() if setting(choice.config, name) != value}
    needed = _needed_by(settings)
    usual = [f"{name}={json.dumps(value)}" for name, value in (dropped | needed).items()]
    reasons = {key: why for key, why in choice.reasons.items() if key not in dropped}
    return override(choice.config, usual), reasons | dict.fromkeys(needed, f"what {START}=copy needs")


def _may_share(choice: Choice, settings: Sequence[str]) -> bool:
    """Whether one vocabulary, which was chosen, goes with what is said of how the columns are cut, or of the vocabulary itself."""
    said = [item for item in settings if item.startswith("fields.")]
    own = choice.config.fields.model_copy(update={"shared": False})
    fields = override(RunConfig(fields=own), said).fields
    return fields.shared if SHARED in said_by(said) else all(column == fields.target for column in fields.source)


def _needed_by(settings: Sequence[str]) -> dict[str, Any]:
    """What an encoder and a decoder must have in common where the last state of the one is the first of the other, and no setting says."""
    said = said_by(item for item in settings if item.startswith("model."))
    if said.get(START) != "copy":
        return {}
    layers = said.get(DECODER_LAYERS, said.get(ENCODER_LAYERS, 1))
    needed = {"model.encoder.bidirectional": False, ENCODER_LAYERS: layers, DECODER_LAYERS: layers}
    return {name: value for name, value in needed.items() if name not in said and "model.encoder.kind" not in said}


def _left_to_choose(settings: Sequence[str]) -> frozenset[str]:
    """What of FITTED no setting says."""
    return frozenset(name for name, by in FITTED.items() if not any(item.startswith(by) for item in settings))


def base_config(data: Pairs | None, dev: Pairs | None, given: RunConfig | None, settings: Sequence[str]) -> RunConfig:
    """What reading, holding out and choosing ask for: the paths that were given, and the settings that say how files are read."""
    base = override(given or RunConfig(), [item for item in settings if item.startswith(FIRST)])
    update: dict[str, Any] = {}
    if data is not None:
        update["train"] = paths_of(data) or []
    if dev is not None:
        update["dev"] = paths_of(dev) or []
    return base.model_copy(update={"data": base.data.model_copy(update=update)})


def reads_numbers(base: RunConfig, settings: Sequence[str], data: Any, targets: Any) -> bool:
    """Whether sources are numbers over time: settings or config say it, or the pairs do."""
    kinds = [item.partition("=")[2] for item in settings if item.startswith("fields.source.0.kind=")]
    if kinds or not base.fields.texts:
        return (kinds or [base.fields.source[0].kind])[-1] == "array"
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
    rows: Rows | list[Row], dev: Pairs | None, reading: DataConfig, seed: int, notes: list[str]
) -> tuple[list[Row], Rows | Sequence[Row]]:
    """The dev rows, and the training rows."""
    if reading.dev:
        read = read_rows(reading.dev, reading)
        found = list(read)
        notes += [f"dev: {note}" for note in read.notes]
        return found, rows
    if dev is not None and not isinstance(dev, (str, Path)):
        return rows_from_memory(*dev) if _two_lists(dev) else rows_from_memory(dev), rows
    train, held_out = split(rows, reading, seed)
    return list(held_out), train


def _two_lists(dev: Sequence[Any]) -> bool:
    return isinstance(dev, tuple) and len(dev) == 2 and not isinstance(dev[0], str)
