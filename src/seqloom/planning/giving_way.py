"""Which choices go with what is asked for, which give way to it, and which are still to be fitted to the machine. No torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqloom.config import MultiheadAttention, RunConfig, SourceFieldConfig, TransformerDecoder, TransformerEncoder
from seqloom.planning.autoconfig import (
    ATTEND_AFTER,
    ATTENTION,
    BATCH,
    COPY,
    CTC,
    CTC_READINGS,
    CTC_SEARCH,
    DECODER_LAYERS,
    DROPOUT,
    ENCODER_LAYERS,
    RATE,
    Choice,
)
from seqloom.settings import Asked, only, override, setting

__all__ = ["KEPT", "give_way", "left_to_choose"]

SHARED, TIED, START = "fields.shared", "model.tie_embeddings", "model.decoder.start"

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

KINDS = ("model.encoder.kind", "model.decoder.kind")
"""Of another kind than the one chosen, a network wants another learning rate: the usual one."""


def _wants_other_kind(asked: Asked) -> bool:
    return bool(only(asked, *KINDS))


def _leaves_no_copy(asked: Asked) -> bool:
    """Whether there is no place for a pointer."""
    return asked.get(ATTENTION) == "none" or bool(only(asked, "model.encoder.subsampling", "model.head.ctc_weight"))


def _leaves_no_second_layer(asked: Asked) -> bool:
    """Whether there is no pointer that a second layer of the decoder would run over."""
    return _leaves_no_copy(asked) or asked.get(COPY) is False or bool(only(asked, "model.decoder.kind"))


def _leaves_no_ctc(asked: Asked) -> bool:
    """Whether CTC has no place, or no room."""
    return asked.get(COPY) is True or asked.get(CTC) == 0 or bool(only(asked, "model.encoder.subsampling"))


OF_CTC = (CTC, CTC_READINGS, CTC_SEARCH)

GIVE_WAY: dict[str, Callable[[Asked], bool]] = {
    RATE: _wants_other_kind,
    COPY: _leaves_no_copy,
    DECODER_LAYERS: _leaves_no_second_layer,
    ATTEND_AFTER: _leaves_no_second_layer,
    **dict.fromkeys(OF_CTC, _leaves_no_ctc),
}
"""Choices, and whether they do not go with what is asked for."""

OF_TRANSFORMERS = {
    "encoder": {ENCODER_LAYERS: TransformerEncoder().layers},
    "decoder": {DECODER_LAYERS: TransformerDecoder().layers, ATTENTION: MultiheadAttention().kind},
}
"""What a part wants that is asked to be a Transformer, and was chosen to be none."""


def give_way(choice: Choice, settings: Asked) -> tuple[RunConfig, dict[str, str]]:
    """The choice, and its reasons, without what does not go with these settings."""
    dropped = {name: setting(RunConfig(), name) for name, gives_way in GIVE_WAY.items() if gives_way(settings)}
    if choice.config.model.head.ctc_weight and not _is_cut_alike(choice, settings):
        dropped |= {name: setting(RunConfig(), name) for name in OF_CTC}
    if choice.config.fields.shared and not _may_share(choice, settings):
        dropped |= {name: setting(RunConfig(), name) for name in (SHARED, TIED)}
    asked = override(choice.config, only(settings, *KINDS)).model
    for part, wants in OF_TRANSFORMERS.items():
        if getattr(asked, part).kind == "transformer" and getattr(choice.config.model, part).kind != "transformer":
            dropped |= {name: value for name, value in wants.items() if setting(choice.config, name) != value}
    needed = _needed_by(settings)
    reasons = {key: why for key, why in choice.reasons.items() if key not in dropped}
    return override(choice.config, dropped | needed), reasons | dict.fromkeys(needed, f"what {START}=copy needs")


def _may_share(choice: Choice, settings: Asked) -> bool:
    """Whether one vocabulary, which was chosen, goes with what is said of how the columns are cut, or of the vocabulary itself."""
    own = choice.config.fields.model_copy(update={"shared": False})
    fields = override(RunConfig(fields=own), only(settings, "fields")).fields
    return fields.shared if SHARED in settings else all(column == fields.target for column in fields.source)


def _is_cut_alike(choice: Choice, settings: Asked) -> bool:
    """Whether both sides are cut as they were when CTC was chosen, which has room for so many symbols."""
    chosen = choice.config.fields
    asked = override(RunConfig(fields=chosen), only(settings, "fields")).fields
    return [*map(_cut, (*asked.source, asked.target))] == [*map(_cut, (*chosen.source, chosen.target))]


def _cut(field: SourceFieldConfig) -> tuple[Any, ...]:
    return field.kind, getattr(field, "unit", None), getattr(field, "decompose", None), getattr(field, "separator", None)


def _needed_by(settings: Asked) -> dict[str, Any]:
    """What an encoder and a decoder must have in common where the last state of the one is the first of the other, and no setting says."""
    if settings.get(START) != "copy":
        return {}
    layers = settings.get(DECODER_LAYERS, settings.get(ENCODER_LAYERS, 1))
    needed = {"model.encoder.bidirectional": False, ENCODER_LAYERS: layers, DECODER_LAYERS: layers}
    return {name: value for name, value in needed.items() if name not in settings and "model.encoder.kind" not in settings}


def left_to_choose(settings: Asked) -> frozenset[str]:
    """What of FITTED no setting says."""
    return frozenset(name for name, by in FITTED.items() if not only(settings, *by))
