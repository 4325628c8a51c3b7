"""How raw values become arrays: the kinds of field."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import Field, model_validator

from seqloom.config.base import Above0, Natural, Positive, Settings
from seqloom.config.numbers import NumbersField

__all__ = ["ArrayField", "AudioField", "Augmentation", "FieldConfig", "FieldsConfig", "SourceFieldConfig", "TextField", "TokensField"]

Half = Annotated[float, Field(ge=0, le=0.5)]


def _counts_nothing(field: Any) -> Any:
    """The field, which stands where defaults are made of it; refuses a least count beside a ready vocabulary."""
    if field.vocabulary is not None and field.min_count > 1:
        raise ValueError(f"vocabulary holds the symbols as they are; expected min_count 1, got {field.min_count}")
    return field


class TextField(Settings):
    """Text: ids of characters, words or subwords."""

    kind: Literal["text"] = "text"
    unit: Literal["character", "word", "subword"] = Field(default="character", description="character: grapheme clusters; word: split on blanks and around punctuation; subword: sentencepiece.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that text is brought to when read.")
    decompose: bool = Field(default=False, description="Characters are split into base letters and marks (NFD; Korean syllables into letters) and composed again in the output.")
    lowercase: bool = Field(default=False, description="Lower-case when read; the output is then lower case too.")
    pieces: Literal["none", "@@", "\u2581", "\uffed"] = Field(default="none", description="Mark of pieces that words were cut into before, which are put together when read: @@ at the end of one that goes on (subword-nmt), \u2581 at the beginning of a word (sentencepiece), \uffed where no blank stands (OpenNMT's tokenizer).")
    subwords: Literal["bpe", "unigram"] = Field(default="bpe", description="Subword model (Sennrich et al. 2016; Kudo 2018). Only for unit: subword.")
    byte_fallback: bool = Field(default=True, description="Subwords: spell characters that were never seen as bytes instead of <unk>.")
    min_count: Positive = Field(default=1, description="Symbols rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many symbols (the commonest); the subword vocabulary's size. Empty: all (8000 for subwords).")
    vocabulary: str | None = Field(default=None, description="Characters, words: a ready vocabulary, one symbol a line, a count behind it or none. Empty: learned from the training part.")
    model: str | None = Field(default=None, description="Subwords: a ready sentencepiece model, a file .model; what it says of subwords, byte_fallback and normalization holds. Empty: learned from the training part.")

    @model_validator(mode="after")
    def _ready(self) -> TextField:
        if self.model is not None and self.unit != "subword":
            raise ValueError(f"model is a sentencepiece model, for unit 'subword'; got unit {self.unit!r}")
        if self.vocabulary is not None and self.unit == "subword":
            raise ValueError("vocabulary is for characters, words and tokens; for unit 'subword' give a sentencepiece model, as model")
        return _counts_nothing(self)


class TokensField(Settings):
    """Ready-made tokens: ids of what stands between separators."""

    kind: Literal["tokens"] = "tokens"
    separator: str = Field(default=" ", min_length=1, description="What stands between tokens; ' ' is any run of blanks.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that tokens are brought to when read.")
    lowercase: bool = Field(default=False, description="Lower-case when read.")
    min_count: Positive = Field(default=1, description="Tokens rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many tokens, the commonest. Empty: all.")
    vocabulary: str | None = Field(default=None, description="A ready vocabulary, one token a line, a count behind it or none. Empty: learned from the training part.")

    @model_validator(mode="after")
    def _ready(self) -> TokensField:
        return _counts_nothing(self)


class Augmentation(Settings):
    """How sounds are varied in training, anew each time that they are heard. Zeros: not at all."""

    speed: Half = Field(default=0.1, description="Played faster or slower by up to this share, on the features; pitch stays (Ko et al. 2015 let it go along).")
    vocal_tract: Half = Field(default=0.1, description="Frequencies stretched by up to this share, as by a longer or shorter vocal tract (Jaitly & Hinton 2013); pitch goes along. 0 where labels are told by pitch.")
    quiet_ms: Natural = Field(default=500, description="Three sounds in ten get up to so many milliseconds of quiet before and behind, each drawn: noise from 15 dB below the loudest down to silence, as recordings begin and end. Only with normalization: training.")
    frequency_masks: Natural = Field(default=2, description="Bands that are silenced (SpecAugment, Park et al. 2019).")
    frequency_mask_bands: Natural = Field(default=8, description="A silenced band is up to so many mel bands wide.")
    time_masks: Natural = Field(default=2, description="Moments that are silenced (SpecAugment).")
    time_mask_ms: Natural = Field(default=100, description="A silenced moment lasts up to so many milliseconds, and at most a fifth of the sound.")


class AudioField(Settings):
    """Sound: files, heard as log-mel energies, frames (T, mels)."""

    kind: Literal["audio"] = "audio"
    sample_rate: Annotated[int, Field(ge=4000)] = Field(default=16_000, description="Hertz; sounds of another rate are resampled.")
    mels: Annotated[int, Field(ge=4)] = Field(default=80, description="Mel bands between 20 Hz and half the sample rate.")
    frame_length_ms: Annotated[float, Field(ge=5, le=200)] = Field(default=25.0, description="Length of the window behind each frame.")
    frame_shift_ms: Annotated[float, Field(ge=1, le=100)] = Field(default=10.0, description="From one frame to the next.")
    dynamic_range_db: Above0 = Field(default=60.0, description="What is softer than the loudest by more than this is silence.")
    normalization: Literal["training", "sound", "none"] = Field(default="training", description="training: each sound is brought to one loudness, each mel band to mean 0 and spread 1 over the training part; sound: each band over the sound itself.")
    augmentation: Augmentation = Augmentation()


class ArrayField(Settings):
    """Numbers over time: lists of numbers, or of a list a moment, frames (T, D); scaled as `fields.numbers.scaling` says."""

    kind: Literal["array"] = "array"


FieldConfig = Annotated[Union[TextField, TokensField], Field(discriminator="kind")]  # noqa: UP007


SourceFieldConfig = Annotated[Union[TextField, TokensField, AudioField, ArrayField], Field(discriminator="kind")]  # noqa: UP007


class FieldsConfig(Settings):
    """How both sides become arrays."""

    source: list[SourceFieldConfig] = Field(default=[TextField()], min_length=1, description="One a source column, in order; several are joined with <sep> between.")
    target: FieldConfig = TextField()
    shared: bool = Field(default=False, description="One vocabulary (and one subword model) for source and target.")
    numbers: NumbersField = NumbersField()

    @property
    def sound(self) -> AudioField | None:
        """The source, where it is sound."""
        return self.source[0] if isinstance(self.source[0], AudioField) else None

    @property
    def texts(self) -> list[FieldConfig]:
        """The source columns that hold text: all of them, or none."""
        return [part for part in self.source if not isinstance(part, (AudioField, ArrayField))]

    @model_validator(mode="after")
    def _frames_stand_alone(self) -> FieldsConfig:
        kind = next((part.kind for part in self.source if part not in self.texts), None)
        if kind and (len(self.source) > 1 or self.shared):
            raise ValueError(f"a source of kind {kind!r} stands alone: expected no other source column, and shared: false")
        return self
