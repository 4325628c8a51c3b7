"""Every setting of a run: one frozen tree, checked without torch.

A part that comes in several kinds (field, encoder, decoder, attention, head, optimizer, schedule, search) is a union told apart by `kind`.
The text of each field below is the reference: `docs/config.md` is generated from it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seqloom.config.base import AtLeast0, LengthPenalty, Natural, Positive, Probability, Settings
from seqloom.config.fields import ArrayField, AudioField, Augmentation, FieldConfig, FieldsConfig, SourceFieldConfig, TextField, TokensField
from seqloom.config.kinds import Kinds, UnknownKindError
from seqloom.config.model import (
    PARTS,
    AbsoluteHead,
    AdditiveAttention,
    AttentionConfig,
    AttentionSettings,
    BilinearAttention,
    ConvSubsampling,
    DecoderConfig,
    DecoderSettings,
    DotAttention,
    EncoderConfig,
    EncoderSettings,
    GaussianHead,
    HeadConfig,
    HuberHead,
    LinearPath,
    ModelConfig,
    MultiheadAttention,
    NoAttention,
    NoSubsampling,
    QuantileHead,
    RecurrentDecoder,
    RecurrentEncoder,
    SquaredHead,
    StudentTHead,
    SubsamplingConfig,
    TokenHead,
    TransformerDecoder,
    TransformerEncoder,
    Vectors,
    has_own_parts,
)
from seqloom.config.numbers import NumbersField
from seqloom.config.training import (
    SGD,
    Adam,
    AdamW,
    BatchConfig,
    ConstantSchedule,
    CosineSchedule,
    EarlyStopping,
    InverseSqrtSchedule,
    OptimizerConfig,
    PlateauSchedule,
    ScheduleConfig,
    TeacherForcing,
    TrainingConfig,
)

__all__ = ["DRAWING", "PARTS", "SGD", "AbsoluteHead", "Adam", "AdamW", "AdditiveAttention", "ArrayField", "AttentionConfig", "AttentionSettings", "AudioField", "Augmentation", "BatchConfig", "BilinearAttention", "ConstantSchedule", "ConvSubsampling", "CosineSchedule", "DataConfig", "DecoderConfig", "DecoderSettings", "DotAttention", "EarlyStopping", "EncoderConfig", "EncoderSettings", "FieldConfig", "FieldsConfig", "GaussianHead", "HeadConfig", "HuberHead", "InverseSqrtSchedule", "Kinds", "LengthPenalty", "LinearPath", "ModelConfig", "MultiheadAttention", "NoAttention", "NoSubsampling", "NumbersField", "OptimizerConfig", "PlateauSchedule", "QuantileHead", "RecurrentDecoder", "RecurrentEncoder", "RunConfig", "ScheduleConfig", "SearchConfig", "Settings", "SourceFieldConfig", "SquaredHead", "StudentTHead", "SubsamplingConfig", "TeacherForcing", "TextField", "TokenHead", "TokensField", "TrainingConfig", "TransformerDecoder", "TransformerEncoder", "UnknownKindError", "Vectors", "has_own_parts"]


class DataConfig(Settings):
    """Where the pairs come from and which of them are used."""

    train: list[str] = Field(default=[], description="One file of pairs, or two parallel text files. '-' is standard input; empty for pairs given in Python.")
    dev: list[str] = Field(default=[], description="Held-out pairs in the same form. Empty: a part of the training pairs is held out.")
    source: list[str | int] = Field(default=[], description="Source columns, by name or by number from 1. Several are joined. Empty: the first column.")
    target: str | int | None = Field(default=None, description="Target column. Empty: the second column, or the last where the source has several.")
    format: Literal["auto", "tsv", "csv", "jsonl", "parquet", "parallel", "folder"] = Field(default="auto", description="auto: told from the name and the first lines; folder: sounds, each with its transcript in a .txt beside it.")
    delimiter: str | None = Field(default=None, description="Between columns. Empty: found from the first lines.")
    split: Literal["all", "first"] | None = Field(default=None, description="Where a line of text is parted: at all delimiters, or at the first: a word, then the rest (without a delimiter: at the first blank). Empty: all, unless the delimiter is a blank that lines have unequally often.")
    comment: str | None = Field(default=None, description="What a line begins with that is a comment, such as ;;; or #, in text and CSV. Empty: told from the first line of a dictionary; '': there are none.")
    header: bool | None = Field(default=None, description="Whether the first line names the columns. Empty: found.")
    variants: bool = Field(default=False, description="Whether a number in brackets at the end of a source, as in `READ(1)`, only says that it is another row of the source before it, and is left out.")
    sounds: bool | None = Field(default=None, description="Whether sources are names of sound files, looked for from the folder of the table that names them. Empty: told from the names.")
    skip_bad: bool = Field(default=False, description="Go on without rows that have an empty source or target or are over the length limits, and without sounds that are missing, unreadable, empty or cut off; they are counted. False: the first empty source or bad sound ends the run, and an empty target is learned.")
    repeats: Literal["all", "root"] = Field(default="all", description="How often a pass goes over a training pair that stands n times: all: n times; root: √n times, rounded down, so that what is frequent stays so and does not fill the pass.")
    hold_out: Annotated[float, Field(gt=0, lt=0.5)] = Field(default=0.1, description="Largest share of the training pairs to hold out as dev set when none is given.")
    hold_out_at_most: Positive = Field(default=1000, description="Never hold out more pairs than about this.")
    max_source_length: Positive = Field(default=5000, description="Longest source in symbols (characters, subwords, words).")
    max_target_length: Positive = Field(default=2000, description="Longest target in symbols.")
    too_long: Literal["error", "cut", "skip"] = Field(default="error", description="What happens to a training pair over these limits. What was cut or skipped is counted and said.")
    keep: Literal["begin", "end"] = Field(default="begin", description="Which end of a source is read where too_long is cut, in training and in prediction; of several columns, of each that is cut. end: what is said last decides, as in a chat.")


DRAWING = ("samples", "temperature", "top_k", "top_p", "seed")
"""Settings of a search that samples."""


class SearchConfig(Settings):
    """How predictions are looked for; each can be given anew at prediction."""

    kind: Literal["greedy", "beam", "sample"] = "beam"
    beam: Positive = Field(default=5, description="Hypotheses kept a sentence, for kind: beam.")
    length_penalty: LengthPenalty = Field(default=1.0, description="Scores are divided by length to this power. 0: none.")
    ctc_weight: Probability = Field(default=0.0, description="Weight of the CTC head's score of each symbol beside the decoder's; needs model.head.ctc_weight above 0.")
    coverage_penalty: AtLeast0 = Field(default=0.0, description="Weight of the penalty for source positions that no attention reached (Wu et al. 2016, eq. 14), divided by the length as the rest of a score is: for answers that leave out what the source says.")
    min_length: Natural = Field(default=0, description="No end before so many target symbols.")
    max_length: Positive | None = Field(default=None, description="At most so many target symbols. Empty: max_length_ratio decides.")
    no_repeat_ngram: Natural = Field(default=0, description="No so many symbols in a row twice in an output, as in 3; 0: none are forbidden. Not in an exported model.")
    max_length_ratio: Annotated[float, Field(gt=0, le=100_000)] = Field(default=2.0, description="At most this many target symbols a source symbol, and ten more.")
    samples: Positive = Field(default=1, description="Sampling: outputs that are drawn of each source.")
    temperature: Annotated[float, Field(gt=0, le=100)] = Field(default=1.0, description="Sampling: below 1 sharper, above 1 flatter.")
    top_k: Positive | None = Field(default=None, description="Sampling: only from so many best symbols.")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(default=None, description="Sampling: only from the best symbols that hold this probability together.")
    seed: Natural = Field(default=1, description="Sampling: the same seed draws the same outputs.")

    @model_validator(mode="after")
    def _can_end(self) -> SearchConfig:
        if self.max_length is not None and self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length:,} is above max_length {self.max_length:,}; lower the one or raise the other")
        return self

    @property
    def name(self) -> str:
        """The kind as a person reads it: `greedy`, `beam 5`."""
        return f"beam {self.beam}" if self.kind == "beam" else self.kind

    @property
    def rows(self) -> int:
        """Hypotheses of a sentence that are followed side by side, which is what a search costs."""
        return {"beam": self.beam, "sample": self.samples}.get(self.kind, 1)


class RunConfig(Settings):
    """A whole run."""

    seed: Natural = Field(default=1, description="Of everything that is drawn: the same seed gives the same losses, but where a budget ends a run: how much is done by when follows the clock then.")
    data: DataConfig = DataConfig()
    fields: FieldsConfig = FieldsConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()

    @model_validator(mode="after")
    def _fits(self) -> RunConfig:
        if self.model.tie_embeddings == "all" and not self.fields.shared:
            raise ValueError("model.tie_embeddings 'all' needs one vocabulary; set fields.shared to true, or use 'target'")
        if self.model.copy_source and not self.fields.texts:
            raise ValueError("model.copy writes symbols of the source, and frames have none; set model.copy to false")
        if self.model.vectors.source is not None and not self.fields.texts:
            raise ValueError("model.vectors.source is of symbols, and frames have none; leave it out")
        if self.training.members > 1 and self.model.head.kind != "tokens":
            raise ValueError(f"training.members {self.training.members} is for targets of symbols, and these are numbers; set it to 1")
        return self
