"""The network: the kinds of encoder, decoder, attention and head."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Union, get_args

from pydantic import Field, model_validator

from seqloom.config.base import Above0, Natural, Positive, Probability, Settings
from seqloom.config.kinds import Kinds

__all__ = [
    "PARTS", "AbsoluteHead", "AdditiveAttention", "AttentionConfig", "AttentionSettings", "BilinearAttention",
    "ConvSubsampling", "DecoderConfig", "DecoderSettings", "DotAttention", "EncoderConfig", "EncoderSettings",
    "FrameHead", "GaussianHead", "HeadConfig", "HuberHead", "LinearPath", "ModelConfig", "MultiheadAttention",
    "NoAttention", "NoSubsampling", "QuantileHead", "RecurrentDecoder", "RecurrentEncoder", "SquaredHead",
    "StudentTHead", "SubsamplingConfig", "TokenHead", "TransformerDecoder", "TransformerEncoder", "Vectors", "has_own_parts",
]


class NoSubsampling(Settings):
    """A state for every source position."""

    kind: Literal["none"] = "none"
    factor: ClassVar[int] = 1


class ConvSubsampling(Settings):
    """Convolutions over time and bands in front of the encoder, a state for every `factor` source positions: for long frames, such as sound."""

    kind: Literal["conv"] = "conv"
    factor: Literal[2, 4, 8] = Field(default=4, description="Source positions a state. Each halving is a convolution of three positions by three bands.")
    channels: Positive = Field(default=32, description="Of each convolution.")


SubsamplingConfig = Annotated[Union[NoSubsampling, ConvSubsampling], Field(discriminator="kind")]  # noqa: UP007


class RecurrentEncoder(Settings):
    """LSTM, GRU or plain recurrent network over the source."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    layers: Positive = 1
    width: Positive = Field(default=512, description="Width of the output; each direction has half of it when bidirectional.")
    bidirectional: bool = True
    residual: bool = Field(default=False, description="Add a layer's input to its output where the widths agree.")
    variational: bool = Field(default=False, description="One dropout mask for all positions of a sequence (Gal & Ghahramani 2016).")
    subsampling: SubsamplingConfig = NoSubsampling()

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
    subsampling: SubsamplingConfig = NoSubsampling()

    @model_validator(mode="after")
    def _divides(self) -> TransformerEncoder:
        return _heads_divide(self)


class RecurrentDecoder(Settings):
    """LSTM, GRU or plain recurrent network over the target, with attention after a layer of it (Luong et al. 2015)."""

    kind: Literal["recurrent"] = "recurrent"
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    layers: Positive = 1
    width: Positive = 512
    residual: bool = Field(default=False, description="Add a layer's input to its output where the widths agree.")
    variational: bool = Field(default=False, description="One dropout mask for all positions of a sequence.")
    attend_after: Literal["first", "last"] = Field(default="last", description="The layer that attention follows. first: the layers above run over what was attended to (Wu et al. 2016, section 3), without the cost of input feeding.")
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


class EncoderSettings(Settings):
    """What the settings of an encoder of one's own begin with (docs/own-parts.md): a subclass adds its kind, and what else it has."""

    width: Positive = Field(default=512, description="Width of the output.")
    subsampling: SubsamplingConfig = NoSubsampling()


class DecoderSettings(Settings):
    """The same for a decoder."""

    width: Positive = 512


class AttentionSettings(Settings):
    """The same for an attention."""


_Encoders = Union[RecurrentEncoder, TransformerEncoder]  # noqa: UP007
_Decoders = Union[RecurrentDecoder, TransformerDecoder]  # noqa: UP007
_Attentions = Union[NoAttention, DotAttention, BilinearAttention, AdditiveAttention, MultiheadAttention]  # noqa: UP007
PARTS = {
    "encoder": Kinds("encoder", EncoderSettings, *get_args(_Encoders)),
    "decoder": Kinds("decoder", DecoderSettings, *get_args(_Decoders)),
    "attention": Kinds("attention", AttentionSettings, *get_args(_Attentions)),
}
"""The parts that can be of a kind of one's own. What is typed below is what the package has; those of a user are seen at run time alone."""


def has_own_parts() -> bool:
    """Whether a user's parts are registered in this process, which may be why a network does what no other does."""
    return any(kinds.files for kinds in PARTS.values())



EncoderConfig = Annotated[_Encoders, PARTS["encoder"]]
DecoderConfig = Annotated[_Decoders, PARTS["decoder"]]
AttentionConfig = Annotated[_Attentions, PARTS["attention"]]


class TokenHead(Settings):
    """From decoder states to scores of target symbols."""

    kind: Literal["tokens"] = "tokens"
    label_smoothing: Probability = Field(default=0.1, description="Share of the probability spread over all symbols (Szegedy et al. 2016). 0: cross-entropy, which is NLL of log-softmax.")
    ctc_weight: Probability = Field(default=0.0, description="Share of a CTC loss on the encoder's states (Graves et al. 2006; Watanabe et al. 2017): for targets that follow their source in order, such as speech. 0: none.")
    ctc_readings: Positive = Field(default=1, description="How many symbols CTC may read at each state of the encoder (Libovický and Helcl 2018): 2 where targets are longer than their sources.")


class FrameHead(Settings):
    """From decoder states to frames."""

    ctc_weight: ClassVar[float] = 0.0
    ctc_readings: ClassVar[int] = 1
    """There are no symbols to align."""
    stop: Literal["length", "learned"] = Field(default="length", description="Where an output ends: at a length that is given, or where the model says so.")


class SquaredHead(FrameHead):
    """Frames; squared error: the mean is learned."""

    kind: Literal["squared"] = "squared"


class AbsoluteHead(FrameHead):
    """Frames; absolute error: the median is learned."""

    kind: Literal["absolute"] = "absolute"


class HuberHead(FrameHead):
    """Frames; squared error up to `delta`, absolute beyond (Huber 1964): between mean and median, calm about outliers."""

    kind: Literal["huber"] = "huber"
    delta: Above0 = Field(default=1.0, description="Where squares end, in scaled units.")


class QuantileHead(FrameHead):
    """Frames; several quantiles at once that never cross (pinball loss, Koenker & Bassett 1978)."""

    kind: Literal["quantile"] = "quantile"
    levels: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[0.1, 0.5, 0.9], min_length=1, description="Rising; the one nearest 0.5 is the point forecast.")

    @model_validator(mode="after")
    def _rise(self) -> QuantileHead:
        if sorted(set(self.levels)) != self.levels:
            raise ValueError(f"levels must rise; got {self.levels}")
        return self


class GaussianHead(FrameHead):
    """Frames; a normal distribution for each number, by its likelihood."""

    kind: Literal["gaussian"] = "gaussian"


class StudentTHead(FrameHead):
    """Frames; a Student-t distribution for each number, by its likelihood: for heavy tails."""

    kind: Literal["student_t"] = "student_t"


HeadConfig = Annotated[
    Union[TokenHead, SquaredHead, AbsoluteHead, HuberHead, QuantileHead, GaussianHead, StudentTHead],  # noqa: UP007
    Field(discriminator="kind"),
]


class LinearPath(Settings):
    """A straight way around the network: each target number as a weighted sum of its own past (Zeng et al. 2023), the same weights for all
    columns. It begins at zero and is added to what the decoder says.
    """

    history: Natural = Field(default=0, description="Last source frames that are summed. 0: no such path.")
    horizon: Natural = Field(default=0, description="Target frames that it reaches.")


class Vectors(Settings):
    """Ready word vectors, as text of word2vec, fastText or GloVe (.vec, .txt, .gz), that the embeddings of the symbols in them begin with."""

    source: str | None = Field(default=None, description="File of vectors for the source embedding. Empty: it begins as all weights do.")
    target: str | None = Field(default=None, description="The same for the target embedding, which the output projection is where embeddings are tied.")
    frozen: bool = Field(default=False, description="The embeddings that have vectors do not change in training, those of symbols that are not in the file included.")

    @model_validator(mode="after")
    def _has_any(self) -> Vectors:
        if self.frozen and not self.files:
            raise ValueError("frozen keeps ready vectors as they are; expected source or target to name a file of them")
        return self

    @property
    def files(self) -> dict[str, str]:
        """The file of each side that has one."""
        return {side: file for side, file in (("source", self.source), ("target", self.target)) if file is not None}


class ModelConfig(Settings):
    """The network."""

    embedding: Positive = Field(default=256, description="Width of the source and target embeddings.")
    dropout: Probability = Field(default=0.3, description="Dropout of embeddings, between layers and before the projection.")
    tie_embeddings: Literal["none", "target", "all"] = Field(default="target", description="target: the output projection is the target embedding (Press & Wolf 2017); all: the source embedding too, which needs fields.shared.")
    vectors: Vectors = Vectors()
    encoder: EncoderConfig = RecurrentEncoder()
    decoder: DecoderConfig = RecurrentDecoder()
    attention: AttentionConfig = DotAttention()
    copy_source: bool = Field(default=False, alias="copy", description="A pointer that can copy source symbols (See et al. 2017).")
    head: HeadConfig = TokenHead()
    direct: bool = Field(default=False, description="Frames: the whole target in one go, the decoder never being shown what it said; it needs something known of each target frame, such as its place.")
    recent: Natural = Field(default=0, description="Frames: the encoder reads so many of the last source frames, the linear path all. 0: the encoder reads all too.")
    linear_path: LinearPath = LinearPath()

    @model_validator(mode="after")
    def _fits(self) -> ModelConfig:
        if self.copy_source and self.attention.kind == "none" and self.decoder.kind not in PARTS["decoder"].files:
            raise ValueError("copy needs an attention to point with; got attention kind 'none'")
        if self.copy_source and self.encoder.subsampling.kind != "none":
            raise ValueError("copy points at single source positions; set encoder.subsampling.kind to 'none'")
        if self.copy_source and self.head.ctc_weight:
            raise ValueError("copy can write symbols that CTC does not know; set head.ctc_weight to 0")
        if isinstance(self.attention, MultiheadAttention) and self.decoder.width % self.attention.heads:
            raise ValueError(f"attention.heads must divide decoder.width ({self.decoder.width}); got {self.attention.heads}")
        if isinstance(self.decoder, RecurrentDecoder) and self.decoder.start == "copy":
            _states_agree(self.encoder, self.decoder)
        if self.head.kind == "tokens" and (self.direct or self.recent or self.linear_path.history):
            raise ValueError("direct, recent and linear_path are for frames; got head kind 'tokens'")
        if self.head.kind != "tokens" and self.vectors.files:
            raise ValueError(f"vectors are of the symbols of texts and tokens; got head kind {self.head.kind!r}")
        if self.tie_embeddings == "all" and len(set(self.vectors.files.values())) > 1:
            raise ValueError("tie_embeddings 'all' is one embedding, and vectors name two files; name one of them, or use 'target'")
        if self.head.kind != "tokens" and self.copy_source:
            raise ValueError(f"copy needs a target of symbols; got head kind {self.head.kind!r}")
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
