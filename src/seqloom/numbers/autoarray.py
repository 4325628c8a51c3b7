"""From the profile of arrays of numbers and their words to a complete config, every choice with its reason."""

from __future__ import annotations

from seqloom.config import ArrayField, DataConfig, FieldsConfig, RunConfig
from seqloom.errors import count_of
from seqloom.planning.autoconfig import RATE, Choice, Settings, cut, learning_rate, metric_for, put_together, warm_up
from seqloom.planning.profile import Profile
from seqloom.planning.sides import ArrayProfile
from seqloom.settings import override

__all__ = ["choose_for_arrays"]

FEW = 2000
"""Pairs, up to which a small network is enough."""
PAIRS = 32
"""In a batch, about: of them its symbols are counted."""


def choose_for_arrays(
    profile: Profile, array: ArrayProfile, data: DataConfig, known: FieldsConfig | None = None, *, budget_seconds: float | None = None
) -> Choice:
    """The config for arrays of this profile; `known`: how targets are cut, where that is no longer to be chosen."""
    settings, pairs, longest = Settings(), profile.pairs, array.lengths.max
    field, why = put_together(profile.target, cut(profile.target))
    fields = known or FieldsConfig(source=[ArrayField()], target=field)
    settings.reasons |= {"fields.source.0": f"{array.width:,} numbers a moment", "fields.target": why}
    if longest > data.max_source_length:
        settings.set("data.max_source_length", int(longest), f"the longest array has {longest:,.0f} moments")
    settings.set("search.max_length_ratio", 1.0, "what training targets need")
    width = 128 if pairs < FEW else 256
    settings.set("model.encoder.kind", "recurrent", "trains fastest on a processor and needs least data")
    settings.set("model.encoder.width", width, count_of(pairs, "pair"))
    settings.set("model.encoder.layers", 2)
    settings.set("model.decoder.width", width)
    settings.set("model.embedding", width // 2)
    settings.set("model.attention.kind", "multihead", "heads can look at several moments at once")
    settings.set("model.dropout", 0.2)
    settings.set(RATE, learning_rate(width, gently=True)[0], f"{width} wide: the narrower, the higher")
    batch = int(min(max(PAIRS * max(array.lengths.mean, 1.0), 256), 8192))
    passes = float(round(min(max(3600 / pairs**0.5, 5), 150)))
    settings.set("training.batch.size", batch, f"some {PAIRS} pairs")
    settings.set("training.epochs", passes, f"{count_of(pairs, 'pair')}: few are gone through often, many seldom")
    settings.set("training.schedule.warmup_steps", warm_up(pairs * array.lengths.mean / batch * passes), "3% of the run")
    settings.set("training.early_stopping.metric", *metric_for(profile, fields))
    settings.set("training.average", 5, "the best five, where their mean is better on dev")
    if budget_seconds is not None:
        settings.set("training.budget_seconds", budget_seconds, "as asked for: the schedule is fitted to it")
    return Choice(override(RunConfig(data=data, fields=fields), settings.values), settings.reasons)
