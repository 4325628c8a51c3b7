"""Every setting of a run: one frozen tree, checked without torch.

A part that comes in several kinds (field, encoder, decoder, attention, optimizer, schedule, search) is a union told apart by `kind`.
The text of each field below is the reference: `docs/config.md` is generated from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["DataConfig", "FieldsConfig", "ModelConfig", "RunConfig", "SearchConfig", "Settings", "TokensField", "TrainingConfig"]

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A node of the tree: cannot be changed once made, refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# ---------------------------------------------------------------------------------------------------------------- data


class DataConfig(Settings):
    """Where the pairs come from and which of them are used."""

    train: list[str] = Field(default=[], description="One file of pairs, or two parallel text files. '-' is standard input; empty for pairs given in Python.")
    dev: list[str] = Field(default=[], description="Held-out pairs in the same form. Empty: a part of the training pairs is held out.")
    source: list[str | int] = Field(default=[], description="Source columns, by name or by number from 1. Several are joined. Empty: the first column.")
    target: str | int | None = Field(default=None, description="Target column. Empty: the second column, or the last where the source has several.")
    format: Literal["auto", "tsv", "csv", "jsonl", "parquet", "parallel"] = Field(default="auto", description="auto: told from the name and the first lines.")
    delimiter: str | None = Field(default=None, description="Between columns. Empty: found from the first lines.")
    header: bool | None = Field(default=None, description="Whether the first line names the columns. Empty: found.")
    hold_out: Annotated[float, Field(gt=0, lt=0.5)] = Field(default=0.1, description="Largest share of the training pairs to hold out as dev set when none is given.")
    hold_out_at_most: Positive = Field(default=1000, description="Never hold out more pairs than about this.")
    max_source_length: Positive = Field(default=5000, description="Longest source in symbols (characters, subwords, words).")
    max_target_length: Positive = Field(default=2000, description="Longest target in symbols.")
    too_long: Literal["error", "cut", "skip"] = Field(default="error", description="What happens to a training pair over these limits. What was cut or skipped is counted and said.")


# -------------------------------------------------------------------------------------------------------------- fields


class TextField(Settings):
    """Text: ids of characters, words or subwords."""

    kind: Literal["text"] = "text"
    unit: Literal["character", "word", "subword"] = Field(default="character", description="character: grapheme clusters; word: split on blanks and around punctuation; subword: sentencepiece.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that text is brought to when read.")
    decompose: bool = Field(default=False, description="Characters are split into base letters and marks (NFD; Korean syllables into letters) and composed again in the output.")
    lowercase: bool = Field(default=False, description="Lower-case when read; the output is then lower case too.")
    subwords: Literal["bpe", "unigram"] = Field(default="bpe", description="Subword model (Sennrich et al. 2016; Kudo 2018). Only for unit: subword.")
    byte_fallback: bool = Field(default=True, description="Subwords: spell characters that were never seen as bytes instead of <unk>.")
    min_count: Positive = Field(default=1, description="Symbols rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many symbols (the commonest); the subword vocabulary's size. Empty: all (8000 for subwords).")


class TokensField(Settings):
    """Ready-made tokens: ids of what stands between separators."""

    kind: Literal["tokens"] = "tokens"
    separator: str = Field(default=" ", min_length=1, description="What stands between tokens; ' ' is any run of blanks.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that tokens are brought to when read.")
    lowercase: bool = Field(default=False, description="Lower-case when read.")
    min_count: Positive = Field(default=1, description="Tokens rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many tokens, the commonest. Empty: all.")


FieldConfig = Annotated[Union[TextField, TokensField], Field(discriminator="kind")]  # noqa: UP007


class FieldsConfig(Settings):
    """How both sides become arrays."""

    source: list[FieldConfig] = Field(default=[TextField()], min_length=1, description="One a source column, in order; several are joined with <sep> between.")
    target: FieldConfig = TextField()
    shared: bool = Field(default=False, description="One vocabulary (and one subword model) for source and target.")


# --------------------------------------------------------------------------------------------------------------- model


class RecurrentEncoder(Settings):
    """LSTM, GRU or plain recurrent network over the source."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    layers: Positive = 1
    width: Positive = Field(default=512, description="Width of the output; each direction has half of it when bidirectional.")
    bidirectional: bool = True
    residual: bool = Field(default=False, description="Add a layer's input to its output where the widths agree.")
    variational: bool = Field(default=False, description="One dropout mask for all positions of a sequence (Gal & Ghahramani 2016).")

    @model_validator(mode="after")
    def _even(self) -> RecurrentEncoder:
        if self.bidirectional and self.width % 2:
            raise ValueError(f"width must be even for two directions; got {self.width}")
        return self


class TransformerEncoder(Settings):
    """Self-attention over the source (Vaswani et al. 2017), normalised before each block."""

    kind: Literal["transformer"] = "transformer"
    layers: Positive = 3
    width: Positive = 256
    heads: Positive = 4
    feed_forward: Positive = Field(default=1024, description="Inner width of the feed-forward blocks.")

    @model_validator(mode="after")
    def _divides(self) -> TransformerEncoder:
        return _heads_divide(self)


class RecurrentDecoder(Settings):
    """LSTM, GRU or plain recurrent network over the target, attention after the recurrence (Luong et al. 2015)."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    layers: Positive = 1
    width: Positive = 512
    residual: bool = Field(default=False, description="Add a layer's input to its output where the widths agree.")
    variational: bool = Field(default=False, description="One dropout mask for all positions of a sequence.")
    input_feeding: bool = Field(default=False, description="Feed the last attentional vector with the next token (Luong et al. 2015, 3.3). Steps one token at a time in training: several times slower.")
    start: Literal["bridge", "copy"] = Field(default="bridge", description="First state: a learned map of the encoder's last state (bridge), or that very state, handed over (copy; needs the same cell, layers and width and one direction).")


class TransformerDecoder(Settings):
    """Masked self-attention and attention to the source (Vaswani et al. 2017), normalised before each block."""

    kind: Literal["transformer"] = "transformer"
    layers: Positive = 3
    width: Positive = 256
    heads: Positive = 4
    feed_forward: Positive = Field(default=1024, description="Inner width of the feed-forward blocks.")

    @model_validator(mode="after")
    def _divides(self) -> TransformerDecoder:
        return _heads_divide(self)


class NoAttention(Settings):
    """The context vector alone: the encoder's last state (Sutskever et al. 2014)."""

    kind: Literal["none"] = "none"


class DotAttention(Settings):
    """query · W_k source (Luong et al. 2015 'dot', with the source mapped to the query's width)."""

    kind: Literal["dot"] = "dot"


class BilinearAttention(Settings):
    """query W source (Luong et al. 2015 'general')."""

    kind: Literal["bilinear"] = "bilinear"


class AdditiveAttention(Settings):
    """v · tanh(W query + U source) (Bahdanau et al. 2015)."""

    kind: Literal["additive"] = "additive"
    width: Positive = Field(default=256, description="Width inside the tanh.")


class MultiheadAttention(Settings):
    """Scaled dot products in several heads (Vaswani et al. 2017)."""

    kind: Literal["multihead"] = "multihead"
    heads: Positive = 4


EncoderConfig = Annotated[Union[RecurrentEncoder, TransformerEncoder], Field(discriminator="kind")]  # noqa: UP007
DecoderConfig = Annotated[Union[RecurrentDecoder, TransformerDecoder], Field(discriminator="kind")]  # noqa: UP007
AttentionConfig = Annotated[
    Union[NoAttention, DotAttention, BilinearAttention, AdditiveAttention, MultiheadAttention],  # noqa: UP007
    Field(discriminator="kind"),
]


class TokenHead(Settings):
    """From decoder states to scores of target symbols."""

    kind: Literal["tokens"] = "tokens"
    label_smoothing: Probability = Field(default=0.1, description="Share of the probability spread over all symbols (Szegedy et al. 2016). 0: cross-entropy, which is NLL of log-softmax.")


class ModelConfig(Settings):
    """The network."""

    embedding: Positive = Field(default=256, description="Width of the source and target embeddings.")
    dropout: Probability = Field(default=0.3, description="Dropout of embeddings, between layers and before the projection.")
    tie_embeddings: Literal["none", "target", "all"] = Field(default="target", description="target: the output projection is the target embedding (Press & Wolf 2017); all: the source embedding too, which needs fields.shared.")
    encoder: EncoderConfig = RecurrentEncoder()
    decoder: DecoderConfig = RecurrentDecoder()
    attention: AttentionConfig = DotAttention()
    copy_source: bool = Field(default=False, alias="copy", description="A pointer that can copy source symbols (See et al. 2017).")
    head: TokenHead = TokenHead()

    @model_validator(mode="after")
    def _fits(self) -> ModelConfig:
        if self.copy_source and self.attention.kind == "none":
            raise ValueError("copy needs an attention to point with; got attention kind 'none'")
        if isinstance(self.attention, MultiheadAttention) and self.decoder.width % self.attention.heads:
            raise ValueError(f"attention.heads must divide decoder.width ({self.decoder.width}); got {self.attention.heads}")
        if isinstance(self.decoder, RecurrentDecoder) and self.decoder.start == "copy":
            _states_agree(self.encoder, self.decoder)
        return self


# ------------------------------------------------------------------------------------------------------------ training


class AdamW(Settings):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    betas: tuple[Probability, Probability] = (0.9, 0.98)
    weight_decay: Annotated[float, Field(ge=0)] = 0.01


class Adam(Settings):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    betas: tuple[Probability, Probability] = (0.9, 0.999)


class SGD(Settings):
    """Stochastic gradient descent, with momentum if wanted."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    momentum: Probability = 0.0


class ConstantSchedule(Settings):
    """The same learning rate all the time, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup_steps: Natural = 0


class CosineSchedule(Settings):
    """Down to `final` of the learning rate along half a cosine (Loshchilov & Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    warmup_steps: Natural = 100
    final: Share = Field(default=0.01, description="Share of the learning rate that is left at the end.")


class InverseSqrtSchedule(Settings):
    """learning_rate · sqrt(warmup / step) after the warm-up (Vaswani et al. 2017)."""

    kind: Literal["inverse_sqrt"] = "inverse_sqrt"
    warmup_steps: Positive = 1000


class PlateauSchedule(Settings):
    """Multiplied by `factor` when the watched metric has not improved for more than `patience` evaluations."""

    kind: Literal["plateau"] = "plateau"
    warmup_steps: Natural = 0
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Natural = 1


OptimizerConfig = Annotated[Union[AdamW, Adam, SGD], Field(discriminator="kind")]  # noqa: UP007
ScheduleConfig = Annotated[
    Union[ConstantSchedule, CosineSchedule, InverseSqrtSchedule, PlateauSchedule],  # noqa: UP007
    Field(discriminator="kind"),
]


class BatchConfig(Settings):
    """Which pairs make a batch: pairs of like length together, the order drawn anew each pass."""

    unit: Literal["tokens", "pairs"] = Field(default="tokens", description="tokens: padded symbols of the longer side; pairs: so many pairs.")
    size: Positive = Field(default=2048, description="At most so many a batch.")
    accumulate: Positive = Field(default=1, description="Batches whose gradients are added before the weights change.")
    bucket_by: Literal["length", "source", "none"] = Field(default="length", description="length: both sides; source: by source length alone; none: any pairs together.")


class TeacherForcing(Settings):
    """How often the decoder is given the true last token in training, drawn for each token (Bengio et al. 2015)."""

    start: Share = Field(default=1.0, description="At the first step. 1: the whole target in one go; below 1 the decoder steps and is several times slower.")
    end: Share | None = Field(default=None, description="At the last step, in a straight line from start. Empty: start all the time.")


class EarlyStopping(Settings):
    """When the dev score no longer gets better, training ends; the best weights are kept in any case."""

    metric: str = Field(default="loss", description="Any metric that `evaluate` prints for this target; loss is the dev cross-entropy.")
    patience: Positive = Field(default=10, description="Evaluations without a better score before training ends.")


class TrainingConfig(Settings):
    """The loop."""

    epochs: Annotated[float, Field(gt=0)] = Field(default=20, description="Passes over the training pairs.")
    max_steps: Positive | None = Field(default=None, description="Never more updates than this.")
    budget_seconds: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Wall time for the whole command: the schedule is fitted to it and the run ends in it.")
    batch: BatchConfig = BatchConfig()
    optimizer: OptimizerConfig = AdamW()
    schedule: ScheduleConfig = CosineSchedule()
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(default=1.0, description="Largest norm of all gradients together. Empty: no clipping.")
    teacher_forcing: TeacherForcing = TeacherForcing()
    evaluate_every: Positive | None = Field(default=None, description="Updates between evaluations on dev. Empty: twenty in a run, fewer where they would take more than an eighth of a budget.")
    checkpoint_seconds: Annotated[float, Field(gt=0)] = Field(default=120.0, description="Also save the state for `resume` when this long has passed since the last save.")
    early_stopping: EarlyStopping = EarlyStopping()
    average: Positive = Field(default=1, description="Average the weights of so many best evaluations at the end, where that is better on dev.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="auto: bfloat16 where the processor multiplies it faster, measured at the start.")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps.")
    threads: Positive | None = Field(default=None, description="Processor threads. Empty: all cores.")


# -------------------------------------------------------------------------------------------------------------- search


class SearchConfig(Settings):
    """How predictions are looked for; each can be given anew at prediction."""

    kind: Literal["greedy", "beam", "sample"] = "beam"
    beam: Positive = Field(default=5, description="Hypotheses kept a sentence, for kind: beam.")
    length_penalty: Annotated[float, Field(ge=0)] = Field(default=1.0, description="Scores are divided by length to this power. 0: none.")
    coverage_penalty: Annotated[float, Field(ge=0)] = Field(default=0.0, description="Weight of the penalty for source positions that no attention reached (Wu et al. 2016, eq. 14).")
    min_length: Natural = Field(default=0, description="No end before so many target symbols.")
    max_length: Positive | None = Field(default=None, description="At most so many target symbols. Empty: max_length_ratio decides.")
    max_length_ratio: Annotated[float, Field(gt=0)] = Field(default=2.0, description="At most this many target symbols a source symbol, and ten more.")
    temperature: Annotated[float, Field(gt=0)] = Field(default=1.0, description="Sampling: below 1 sharper, above 1 flatter.")
    top_k: Positive | None = Field(default=None, description="Sampling: only from so many best symbols.")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(default=None, description="Sampling: only from the best symbols that hold this probability together.")
    seed: Natural = Field(default=1, description="Sampling: the same seed draws the same outputs.")


class RunConfig(Settings):
    """A whole run."""

    seed: Natural = Field(default=1, description="Of everything that is drawn: the same seed gives the same losses.")
    data: DataConfig = DataConfig()
    fields: FieldsConfig = FieldsConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()

    @model_validator(mode="after")
    def _fits(self) -> RunConfig:
        if self.model.tie_embeddings == "all" and not self.fields.shared:
            raise ValueError("model.tie_embeddings 'all' needs one vocabulary; set fields.shared to true, or use 'target'")
        return self


def _heads_divide(part: Any) -> Any:
    if part.width % part.heads:
        raise ValueError(f"heads must divide width ({part.width}); got {part.heads}")
    return part


def _states_agree(encoder: RecurrentEncoder | TransformerEncoder, decoder: RecurrentDecoder) -> None:
    if not isinstance(encoder, RecurrentEncoder) or encoder.bidirectional:
        raise ValueError("decoder.start 'copy' needs a recurrent encoder of one direction; set decoder.start to 'bridge'")
    for name in ("cell", "layers", "width"):
        ours, theirs = getattr(decoder, name), getattr(encoder, name)
        if ours != theirs:
            raise ValueError(f"decoder.start 'copy' needs the encoder's {name} ({theirs}); got {ours}. Set decoder.start to 'bridge'")
