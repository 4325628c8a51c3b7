"""From the profile of sounds and their words to a complete config, every choice with its reason.

The rules look at hours, rates and lengths alone; none knows a language or a data set. `docs/speech.md` says them in plain words.
"""

from __future__ import annotations

import math

from seqloom.config import AudioField, Augmentation, DataConfig, FieldsConfig, RunConfig, TextField, TokensField
from seqloom.planning.autoconfig import ENOUGH_UPDATES, WARM_UP, Choice, Cut, Settings, cut, is_closed, put_together, warm_up
from seqloom.planning.profile import Profile
from seqloom.planning.sides import SideProfile, SoundProfile
from seqloom.settings import override

__all__ = ["choose_for_sound"]

FRAMES_A_SECOND = 100
HIGHEST_RATE = 16_000
"""Hertz; speech has little above half of it."""
LITTLE_HOURS, MUCH_HOURS = 10.0, 50.0
"""Of sound, up to which a small network is enough; from which on targets are cut into subwords."""
STATES_A_SYMBOL = 1.3
"""At least so many states a target symbol where it goes fast, or CTC has no room to align them."""
SMALLEST_BATCH, BATCH, LARGE_BATCH = 1000, 4000, 16_000
"""Frames of a batch: where there would be few updates, below ten hours, and from there on."""
MOST_PASSES = 150
OFTEN = 20
"""Sounds of a word, in the mean, from which on single words are learned whole: by 100 they are better than letters, by 2.5 worse."""
TONES = 0.8
"""Of the energy of loud moments, from which on in a tenth of the mel bands: of speech 0.6 lies there, of tones with noise 0.85 and more."""
CTC = 0.3
"""Of the loss and of the search (Watanabe et al. 2017)."""


def choose_for_sound(
    profile: Profile, data: DataConfig, known: FieldsConfig | None = None, *, budget_seconds: float | None = None
) -> Choice:
    """The config for sounds of this profile.

    Args:
        known: how sounds are heard and targets cut, where that is no longer to be chosen.

    Raises:
        ValueError: the profile is one of texts.
    """
    sound = profile.sound
    if sound is None:
        raise ValueError("a profile of sounds was expected")
    hours = sound.seconds.mean * profile.pairs / 3600
    fields, reasons = _fields(sound, profile.target, hours) if known is None else (known, dict[str, str]())
    settings = Settings()
    settings.reasons |= reasons
    _choose_limits(settings, sound)
    _choose_model(settings, profile, fields, hours)
    _choose_training(settings, hours, budget_seconds)
    settings.set("training.early_stopping.metric", *_metric(profile.target, fields))
    return Choice(override(RunConfig(data=data, fields=fields), settings.values), settings.reasons)


def _fields(sound: SoundProfile, target: SideProfile, hours: float) -> tuple[FieldsConfig, dict[str, str]]:
    rate = min(sound.rate, HIGHEST_RATE)
    mels = 40 if rate <= HIGHEST_RATE // 2 else 80
    varied, tones = Augmentation(frequency_mask_bands=mels // 8), ""
    if sound.narrowness >= TONES:
        varied = varied.model_copy(update={"vocal_tract": 0.0, "frequency_masks": 0})
        tones = f"; tones, {sound.narrowness:.0%} of the energy in a tenth of the bands: pitch, which may tell words, is kept"
    audio = AudioField(sample_rate=rate, mels=mels, augmentation=varied)
    most = f"most sounds have {sound.rate:,} samples a second" + (", speech needs no more than 16,000" if rate < sound.rate else "")
    field, why = _single_words(target) or cut(target)
    if isinstance(field, TextField):
        field, why = _letters(field, why, hours)
    field, why = put_together(target, (field, why))
    return FieldsConfig(source=[audio], target=field), {"fields.source.0": most + tones, "fields.target": why}


def _single_words(target: SideProfile) -> Cut | None:
    """Whole words, where each target is one of a closed set that are heard often."""
    each = target.tokens.total / max(target.tokens.distinct, 1)
    if target.mark is not None or target.token_lengths.max > 1 or not is_closed(target.tokens) or each < OFTEN:
        return None
    return TokensField(), f"one of {target.tokens.distinct:,} words a sound, each in {each:,.0f} sounds"


def _letters(field: TextField, why: str, hours: float) -> tuple[TextField, str]:
    """What is heard is spelled; subwords need to be heard often."""
    if field.unit == "subword" and hours < MUCH_HOURS:
        return TextField(unit="character"), f"{hours:.1f} hours are too few to hear every subword often"
    return (field.model_copy(update={"max_size": 1000}), why) if field.unit == "subword" else (field, why)


def _choose_limits(settings: Settings, sound: SoundProfile) -> None:
    longest = FRAMES_A_SECOND * sound.seconds.max
    if longest > 5000:
        settings.set("data.max_source_length", math.ceil(longest / 100) * 100, f"the longest sound has {sound.seconds.max:,.0f} seconds")
    settings.set("search.max_length_ratio", 0.5, "targets are shorter than their sounds have frames")


def _choose_model(settings: Settings, profile: Profile, fields: FieldsConfig, hours: float) -> None:
    width = _width(hours)
    settings.set("model.encoder.kind", "recurrent", "trains fastest on a processor and needs least data")
    settings.set("model.encoder.width", width, f"{hours:.1f} hours of sound")
    settings.set("model.encoder.layers", 2 if hours < LITTLE_HOURS else 3)
    pace = FRAMES_A_SECOND * profile.ratio.p99 * _symbols_a_character(profile.target, fields.target)
    factor = next((factor for factor in (8, 4) if pace * STATES_A_SYMBOL <= FRAMES_A_SECOND / factor), 2)
    settings.set("model.encoder.subsampling.kind", "conv")
    settings.set("model.encoder.subsampling.channels", width // 16)
    states = f"{FRAMES_A_SECOND / factor:g} states a second, and 99 of 100 targets have at most {pace:.1f} symbols a second"
    settings.set("model.encoder.subsampling.factor", factor, states)
    settings.set("model.decoder.width", width)
    settings.set("model.embedding", width // 2)
    settings.set("model.attention.kind", "multihead", "heads can look at the beginning and the end of a word at once")
    settings.set("model.head.ctc_weight", CTC, "words come in the order of their sounds")
    settings.set("search.ctc_weight", CTC, "CTC keeps the order, so nothing is left out or said twice")
    settings.set("model.dropout", 0.2, "sounds are varied anew each time besides")


def _width(hours: float) -> int:
    return 256 if hours < LITTLE_HOURS else 512


def _symbols_a_character(target: SideProfile, field: TextField | TokensField) -> float:
    if isinstance(field, TokensField):
        return target.token_lengths.mean / max(target.lengths.mean, 1.0)
    return 1 / 3 if field.unit == "subword" else 1.0


def _choose_training(settings: Settings, hours: float, budget_seconds: float | None) -> None:
    frames = max(FRAMES_A_SECOND * 3600 * hours, 1)
    passes = min(max(60 / math.sqrt(max(hours, 0.01)), 10), MOST_PASSES)
    batch = _batch(hours, frames * passes)
    settings.set("training.batch.size", batch, f"frames; about {math.ceil(frames / batch):,} updates a pass")
    if hours < LITTLE_HOURS:
        settings.set("training.optimizer.learning_rate", 0.002, "a small network and small batches")
    if budget_seconds is not None:  # which ends the run
        passes = max(passes, ENOUGH_UPDATES * batch / frames)
    settings.set("training.epochs", float(round(passes)), f"{hours:.1f} hours: few are gone through often, many seldom")
    settings.set("training.schedule.warmup_steps", warm_up(frames / batch * passes), f"{WARM_UP:.0%} of the run")
    settings.set("training.average", 5, "the best five, where their mean is better on dev")
    if budget_seconds is not None:
        settings.set("training.budget_seconds", budget_seconds, "as asked for: the schedule is fitted to it")


def _batch(hours: float, frames: float) -> int:
    """Frames of a batch; `frames` is how many are heard in all passes."""
    batch = BATCH if hours < LITTLE_HOURS else LARGE_BATCH
    while batch > SMALLEST_BATCH and frames / batch < ENOUGH_UPDATES:
        batch //= 2
    return batch


def _metric(target: SideProfile, fields: FieldsConfig) -> tuple[str, str]:
    if isinstance(fields.target, TokensField):
        return "token_error_rate", "finer than exact matches, and falls with them"
    if target.token_lengths.max <= 1:
        return "character_error_rate", "each target is one word: finer than whether all of it is right"
    return "word_error_rate", "what speech recognition is measured by"
