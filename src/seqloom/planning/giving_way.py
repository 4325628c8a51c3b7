"""Which choices go with what is asked for, which give way to it, and which are still to be fitted to the machine. No torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from seqloom.settings import override, said_by, setting

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

NO_COPY = ('model.attention.kind="none"', "model.encoder.subsampling", "model.head.ctc_weight")
"""Asked for, these leave no place for a pointer."""

NO_SECOND_LAYER = (*NO_COPY, "model.copy=false", "model.decoder.kind")
"""Asked for, there is no pointer that a second layer of the decoder would run over."""

OF_CTC = (CTC, CTC_READINGS, CTC_SEARCH)
NO_CTC = ("model.copy=true", "model.encoder.subsampling")
"""Asked for, these leave CTC no place, or no room."""

GIVE_WAY = {RATE: KINDS, COPY: NO_COPY} | dict.fromkeys((DECODER_LAYERS, ATTEND_AFTER), NO_SECOND_LAYER)
"""Choices, and the settings that they do not go with."""

OF_TRANSFORMERS = {
    "encoder": {ENCODER_LAYERS: TransformerEncoder().layers},
    "decoder": {DECODER_LAYERS: TransformerDecoder().layers, ATTENTION: MultiheadAttention().kind},
}
"""What a part wants that is asked to be a Transformer, and was chosen to be none."""


def give_way(choice: Choice, settings: Sequence[str]) -> tuple[RunConfig, dict[str, str]]:
    """The choice, and its reasons, without what does not go with these settings."""
    said = [f"{name}={json.dumps(value)}" for name, value in said_by(settings).items()]  # of a group one by one
    dropped = {name: setting(RunConfig(), name) for name, by in GIVE_WAY.items() if any(item.startswith(by) for item in said)}
    if choice.config.model.head.ctc_weight and not _may_align(choice, said):
        dropped |= {name: setting(RunConfig(), name) for name in OF_CTC}
    if choice.config.fields.shared and not _may_share(choice, settings):
        dropped |= {name: setting(RunConfig(), name) for name in (SHARED, TIED)}
    asked = override(choice.config, [item for item in said if item.startswith(KINDS)]).model
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


def _may_align(choice: Choice, settings: Sequence[str]) -> bool:
    """Whether CTC, which was chosen, goes with what is said: it is not left out, and both sides are cut as they were when it was."""
    if any(item.startswith(NO_CTC) for item in settings) or said_by(settings).get(CTC) == 0:
        return False
    chosen = choice.config.fields
    asked = override(RunConfig(fields=chosen), [item for item in settings if item.startswith("fields.")]).fields
    return [*map(_cut, (*asked.source, asked.target))] == [*map(_cut, (*chosen.source, chosen.target))]


def _cut(field: SourceFieldConfig) -> tuple[Any, ...]:
    return field.kind, getattr(field, "unit", None), getattr(field, "decompose", None), getattr(field, "separator", None)


def _needed_by(settings: Sequence[str]) -> dict[str, Any]:
    """What an encoder and a decoder must have in common where the last state of the one is the first of the other, and no setting says."""
    said = said_by(item for item in settings if item.startswith("model."))
    if said.get(START) != "copy":
        return {}
    layers = said.get(DECODER_LAYERS, said.get(ENCODER_LAYERS, 1))
    needed = {"model.encoder.bidirectional": False, ENCODER_LAYERS: layers, DECODER_LAYERS: layers}
    return {name: value for name, value in needed.items() if name not in said and "model.encoder.kind" not in said}


def left_to_choose(settings: Sequence[str]) -> frozenset[str]:
    """What of FITTED no setting says."""
    return frozenset(name for name, by in FITTED.items() if not any(item.startswith(by) for item in settings))
