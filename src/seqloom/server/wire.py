"""What travels: the request, the answers, and what is known of a model, as JSON. The descriptions here are those of the OpenAPI page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema, PlainValidator, model_validator
from pydantic_core import core_schema

from seqloom.answers import Output, Prediction
from seqloom.config import LengthPenalty

__all__ = [
    "Answer",
    "ColumnKind",
    "Done",
    "Failure",
    "ForecastLine",
    "ForecastResponse",
    "Health",
    "HistoryLine",
    "Manifest",
    "ModelInfo",
    "ModelList",
    "PredictRequest",
    "PredictResponse",
    "Predicted",
    "Role",
    "StreamedFailure",
    "StreamedPrediction",
    "ValuesResponse",
    "Wire",
]  # fmt: skip

MOST = 100_000
"""Of anything that is counted; what a server allows (`Limits`) is far below."""
MOST_QUANTILES = 99
"""Of a forecast: each is a number more for every one that is said."""


def _told_once(schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """The schema of a cell, which is wrong once and not once for each type that it could be."""
    return core_schema.custom_error_schema(
        schema, custom_error_type="cell", custom_error_message="expected a text, a number, true or false"
    )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in cast("list[object]", value)):
        return tuple(cast("list[str]", value))
    raise ValueError("expected a text, or a list of texts, in the order of the columns, where the model has several")


SourceTexts = Annotated[tuple[str, ...], PlainValidator(_texts, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)])]
Count = Annotated[int, Field(ge=1, le=MOST)]
Role = Literal["time", "series", "target", "past", "known", "static"]
Cell = Annotated[str | bool | int | float | None, GetPydanticSchema(lambda kind, handler: _told_once(handler(kind)))]
Number = Annotated[float, Field(allow_inf_nan=False)]
SourceCut = Annotated[
    bool | None,
    Field(
        description="True where the source was longer than the model reads: an end of it, of several columns of the longest, was left out."
    ),
]
Silent = Annotated[bool | None, Field(description="True where the source is a sound of which all samples are the same.")]
Unknown = Annotated[
    list[str] | None,
    Field(description="Symbols of the source that training never saw, each once, read as <unk>; absent where there are none."),
]


GIVEN = ("input", "inputs", "table", "values")
"""What can be answered; a request has one of them."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Wire(BaseModel):
    """Something that the server sends."""

    model_config = ConfigDict(frozen=True)

    def to_json(self) -> bytes:
        """UTF-8, without what is absent; a number that is not finite is null."""
        return self.model_dump_json(exclude_none=True).encode()


class PredictRequest(_Request):
    """What to answer, and how. Every setting but the input may be left out: then the model's own is used."""

    input: SourceTexts | None = Field(
        default=None,
        description="One source: a text, a list with a text a column, or, for a model of sound, a file in base64: WAV, FLAC, Ogg, MP3.",
    )
    inputs: Annotated[list[SourceTexts], Field(min_length=1)] | None = Field(default=None, description="Many sources.")
    table: Annotated[list[dict[str, Cell]], Field(min_length=1)] | None = Field(
        default=None,
        description="For a model that forecasts: the rows of a table, each with its cells by column, the oldest first.",
    )
    values: Annotated[list[list[list[Number]]], Field(min_length=1)] | None = Field(
        default=None, description="For a model of arrays: a list of numbers a moment, in a list a source."
    )
    quantiles: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(max_length=MOST_QUANTILES)] | None = Field(
        default=None, description="Of a forecast; those that the model gives by itself without."
    )
    history: Count | None = Field(
        default=None, description="Of a table: give so many moments before the forecast too, as they were read; none without."
    )
    length: Count | None = Field(default=None, description="With `values`: how many moments to say; as many as a source has without.")
    model: str | None = Field(default=None, description="Name of the model, as `GET /v1/models` lists it. The first one is used without.")
    beam: Count | None = Field(default=None, description="Hypotheses kept while searching; 1 is greedy.")
    n_best: Count = Field(
        default=1,
        description="At most so many answers to each source, best first. Without `beam` widens the model's own where that is narrower.",
    )
    scores: bool = Field(default=False, description="Give scores, tokens and the log-probability of each.")
    attention: bool = Field(default=False, description="Give where each token looked in the source, and the scores.")
    min_length: Annotated[int, Field(ge=0, le=MOST)] | None = Field(default=None, description="No end before so many target symbols.")
    max_length: Count | None = Field(default=None, description="At most so many target symbols.")
    length_penalty: LengthPenalty | None = Field(default=None, description="Scores are divided by length to this power.")
    prefix: str = Field(default="", description="What every answer begins with.")
    replace_unknown: bool = Field(default=False, description="Put the source symbol most looked at where an answer says <unk>.")
    stream: bool = Field(default=False, description="Send each prediction when it is there, as server-sent events.")

    @model_validator(mode="after")
    def _one_of_all(self) -> PredictRequest:
        given = [name for name in GIVEN if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of {', '.join(GIVEN[:-1])} and {GIVEN[-1]}; got {' and '.join(given) or 'none of them'}")
        return self

    @model_validator(mode="after")
    def _no_more_answers_than_hypotheses(self) -> PredictRequest:
        if self.beam is not None and self.n_best > self.beam:
            raise ValueError(f"n_best {self.n_best:,} is above beam {self.beam:,}; lower the one or raise the other, or leave beam out")
        return self

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """The sources, one or many."""
        return [self.input] if self.input is not None else self.inputs or []

    def where(self, place: int) -> str:
        """How a message names the source at a place: `input`, or `inputs[3]`."""
        return "input" if self.input is not None else f"inputs[{place}]"

    @property
    def search(self) -> dict[str, Any]:
        """The search settings that were given, by their names in the config."""
        given = {"beam": self.beam, "min_length": self.min_length, "max_length": self.max_length, "length_penalty": self.length_penalty}
        return {name: value for name, value in given.items() if value is not None}


class Answer(Wire):
    """One answer to a source. What was not asked for is left out."""

    text: str
    score: float | None = Field(default=None, description="What answers are ranked by.")
    log_prob: float | None = Field(default=None, description="Log-probability in nats: the sum of token_log_probs.")
    tokens: list[str] | None = None
    token_log_probs: list[float | None] | None = Field(default=None, description="One a token and one for the end.")
    cut: bool | None = Field(default=None, description="Whether the longest allowed length ended it.")
    attention: list[list[float]] | None = Field(
        default=None, description="A row a token and one for the end, over source_tokens and the end."
    )

    @classmethod
    def of(cls, output: Output, *, scores: bool, attention: bool) -> Answer:
        """An output of a search, with as much of it as was asked for."""
        if not (scores or attention):
            return cls.model_construct(text=output.text)
        return cls.model_construct(
            text=output.text,
            score=output.score,
            log_prob=output.log_prob,
            tokens=output.tokens,
            token_log_probs=output.token_log_probs,
            cut=output.cut,
            attention=output.attention if attention else None,
        )


class Predicted(Wire):
    """The answers to one source, best first; none to a blank one."""

    outputs: list[Answer]
    source_tokens: list[str] | None = Field(default=None, description="The source as the model read it, where attention was asked for.")
    unknown: Unknown = None
    source_cut: SourceCut = None
    silent: Silent = None

    @classmethod
    def of(cls, prediction: Prediction, request: PredictRequest) -> Predicted:
        """A prediction, with as much of it as the request asked for."""
        outputs = [Answer.of(output, scores=request.scores, attention=request.attention) for output in prediction.outputs[: request.n_best]]
        return cls.model_construct(
            outputs=outputs,
            source_tokens=prediction.source_tokens if request.attention else None,
            unknown=list(dict.fromkeys(prediction.unknown)) or None,
            source_cut=prediction.source_cut or None,
            silent=prediction.silent or None,
        )


class StreamedPrediction(Wire):
    """A prediction as an event."""

    index: int = Field(description="The place of its source, from 0.")
    outputs: list[Answer]
    source_tokens: list[str] | None = None
    unknown: Unknown = None
    source_cut: SourceCut = None
    silent: Silent = None

    @classmethod
    def at(cls, index: int, prediction: Predicted) -> StreamedPrediction:
        """A prediction with its place."""
        return cls.model_construct(
            index=index,
            outputs=prediction.outputs,
            source_tokens=prediction.source_tokens,
            unknown=prediction.unknown,
            source_cut=prediction.source_cut,
            silent=prediction.silent,
        )


class StreamedFailure(Wire):
    """What went wrong with the source at a place, or, without one, with all that have not been answered."""

    index: int | None = None
    error: str


class Done(Wire):
    """The last event."""

    predictions: int
    errors: int


class PredictResponse(Wire):
    """A prediction for each source, in their order."""

    model: str
    predictions: list[Predicted]


class ForecastLine(Wire):
    """One number of a forecast."""

    series: str
    time: str = Field(
        description="To the day, minute or second, all alike; or the steps after the last known one where the table has no times."
    )
    column: str
    quantile: float | None = Field(default=None, description="Absent: the point forecast.")
    value: float


class HistoryLine(Wire):
    """One number of what a forecast goes on from."""

    series: str
    time: str = Field(
        description="As those of the forecast; where the table has no times 0 is the last known step, those before are below."
    )
    column: str
    value: float | None = Field(default=None, description="Absent where none was given.")


class ForecastResponse(Wire):
    """The horizon after the table, number by number."""

    model: str
    forecast: list[ForecastLine]
    history: list[HistoryLine] | None = Field(default=None, description="What it goes on from, where that was asked for.")
    notes: list[str] | None = Field(default=None, description="What is to be known of it, such as a table with fewer rows than are read.")


class ValuesResponse(Wire):
    """For each array of `values`, a list of numbers a moment."""

    model: str
    values: list[list[list[float]]]


class Manifest(Protocol):
    """What may be told of a model; where its files lie may not."""

    @property
    def precision(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def metrics(self) -> Mapping[str, float | None]: ...
    @property
    def measured(self) -> object | None: ...
    @property
    def versions(self) -> Mapping[str, str]: ...


class ColumnKind(Wire):
    """What one column holds: a kind of `fields` in the config (text, tokens, audio, numbers) and what else is known of it."""

    name: str
    kind: str
    unit: str | None = None
    role: Role | None = Field(
        default=None, description="Of a table of numbers: what the column is to the forecast, as in `fields.numbers` of the config."
    )
    sample_rate: int | None = Field(default=None, description="Of sound, in hertz: a sound of another rate is resampled.")


class ModelInfo(Wire):
    """What is known of a model."""

    name: str
    source: list[ColumnKind]
    target: ColumnKind
    table: Literal["long", "wide"] | None = Field(
        default=None,
        description="Of a model that forecasts. long: a row a moment; wide: a row a series, its name first.",
    )
    history: int | None = Field(default=None, description="Moments that a forecast reads.")
    horizon: int | None = Field(default=None, description="Moments that it says.")
    dates: str | None = Field(default=None, description="How the table's dates are written, as in `fields.numbers` of the config.")
    decimal: str | None = Field(default=None, description="What stands before the decimals of a number in a text.")
    thousands: str | None = Field(default=None, description="What stands between its thousands.")
    search: dict[str, Any] = Field(description="Its own settings of the search.")
    precision: str = Field(description="float32 or int8.")
    parameters: int
    metrics: dict[str, float | None] = Field(
        description="On the dev pairs of the run that was exported; none where its search was changed then."
    )
    measured: str | None = Field(default=None, description="On what they were measured, and with which search.")
    versions: dict[str, str] = Field(description="Of what made it.")


class ModelList(Wire):
    """Every model, the one that is used where no name is given first."""

    models: list[ModelInfo]


class Health(Wire):
    """That the server answers."""

    status: Literal["ok"] = "ok"
    version: str
    models: list[str]


class Failure(Wire):
    """Why a request was refused: where, what was expected and got, and what to do."""

    error: str
