"""Which choices go with what is asked for, which give way to it, and which are still to be fitted to the machine. No torch."""

from __future__ import annotations

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

OF_TRANSFORMERS = {
    "encoder": {ENCODER_LAYERS: TransformerEncoder().layers},
    "decoder": {DECODER_LAYERS: TransformerDecoder().layers, ATTENTION: MultiheadAttention().kind},
}
"""What a part wants that is asked to be a Transformer, and was chosen to be none."""


def give_way(choice: Choice, settings: Asked) -> tuple[RunConfig, dict[str, str]]:
    """The choice, and its reasons, without what does not go with these settings."""
    dropped = {name: setting(RunConfig(), name) for name in _contradicted(choice, settings)}
    if choice.config.fields.shared and not _may_share(choice, settings):
        dropped |= {name: setting(RunConfig(), name) for name in (SHARED, TIED)}
    asked = override(choice.config, only(settings, *KINDS)).model
    for part, wants in OF_TRANSFORMERS.items():
        if getattr(asked, part).kind == "transformer" and getattr(choice.config.model, part).kind != "transformer":
            dropped |= {name: value for name, value in wants.items() if setting(choice.config, name) != value}
    needed = _needed_by(settings)
    reasons = {key: why for key, why in choice.reasons.items() if key not in dropped}
    return override(choice.config, dropped | needed), reasons | dict.fromkeys(needed, f"what {START}=copy needs")


def _contradicted(choice: Choice, settings: Asked) -> list[str]:
    """Choices that do not go with what is asked for: a pointer, the second layer of the decoder that would run over it, CTC."""
    no_pointer = settings.get(ATTENTION) == "none" or only(settings, "model.encoder.subsampling", "model.head.ctc_weight")
    no_second = no_pointer or settings.get(COPY) is False or only(settings, "model.decoder.kind")
    found = {RATE: only(settings, *KINDS), COPY: no_pointer, DECODER_LAYERS: no_second, ATTEND_AFTER: no_second}
    found |= dict.fromkeys((CTC, CTC_READINGS, CTC_SEARCH), not _keeps_ctc(choice, settings))
    return [name for name, by in found.items() if by]


def _may_share(choice: Choice, settings: Asked) -> bool:
    """Whether one vocabulary, which was chosen, goes with what is said of how the columns are cut, or of the vocabulary itself."""
    own = choice.config.fields.model_copy(update={"shared": False})
    fields = override(RunConfig(fields=own), only(settings, "fields")).fields
    return fields.shared if SHARED in settings else all(column == fields.target for column in fields.source)


def _keeps_ctc(choice: Choice, settings: Asked) -> bool:
    """Whether CTC, where it was chosen, has its place, and of texts room: both sides are cut as they were, and each symbol has a state."""
    chosen = choice.config.fields
    if not choice.config.model.head.ctc_weight:
        return True
    if settings.get(CTC) == 0:
        return False
    if not chosen.texts:  # sounds, of which CTC is chosen with the subsampling
        return True
    if settings.get(COPY) is True or only(settings, "model.encoder.subsampling"):
        return False
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
