"""From sources to answers, whatever runs the network: limits, reading ahead, batches of like length, hypotheses as text. No torch.

A `Finder` turns a batch of ids into hypotheses: the torch network (`prediction.Translator`) or an exported graph (`runtime.Predictor`).
All else that lies between a text and its answer stands here, so that the two cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom.batching import Array
from seqloom.config import DataConfig, SearchConfig
from seqloom.corpus import encode_rows
from seqloom.data.memory_rows import numbers_as_texts, texts_of
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, DataError, count_of, warn_caller
from seqloom.fields.frame_text import text_of_array
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import UNK
from seqloom.search import Floats, Hypothesis, Ids
from seqloom.settings import changed_search
from seqloom.sound.samples import FORMS, sound_as_text
from seqloom.unseen import unknown_in_prefix

__all__ = ["Answerer", "Finder", "Growing", "Output", "Prediction", "Questions", "check_attention", "longest_output"]

READ_AHEAD = 4096
"""Sentences that are sorted by length together; the memory that a stream of any length takes."""
SEVERAL = ("n_best", "num_beams", "num_return_sequences")
"""What asking for several answers is called elsewhere."""
FIRST = 64
"""Sentences that are answered first where somebody waits for the answers."""


@dataclass(frozen=True, slots=True)
class Output:
    """One answer."""

    text: str
    score: float
    """What answers are ranked by."""
    log_prob: float
    """Log-probability in nats, </s> included: the sum of token_log_probs."""
    tokens: list[str]
    token_log_probs: list[float]
    """(T + 1,), </s> last."""
    cut: bool
    """Whether it was ended by the longest allowed length."""
    attention: list[list[float]] | None = field(default=None, repr=False)
    """(T + 1, S): weights over source_tokens and the end, where asked for."""
    copying: list[list[float]] | None = field(default=None, repr=False)
    """(T + 1, S), given with the attention by a trained model that copies: the probability of copying each of source_tokens, and 0 for the
    end; what a row lacks to 1 is the probability of writing from the vocabulary.
    """


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answers to one source, best first."""

    source: tuple[str, ...]
    source_tokens: list[str]
    outputs: list[Output]
    limit: int = 0
    """The most target symbols that the search allowed."""
    source_cut: bool = False
    """Whether the source is longer than the model reads, so that one end, of several columns that of the longest, was left out."""
    unknown: list[str] = field(default_factory=list[str])
    """The symbols of the source that training never saw, in order, as often as they occur; read as <unk>."""
    longest: int = 0
    """Positions of the longest source that training had, where this one has more."""
    silent: bool = False
    """Whether the source is a sound of which all samples are the same."""
    rate: int = 0
    """Samples a second of a sound that has fewer than the model hears; else 0."""

    @property
    def text(self) -> str:
        """The best answer."""
        return self.outputs[0].text if self.outputs else ""


@dataclass(frozen=True, slots=True)
class Questions:
    """The sources of one search: B of them, of like length."""

    sources: list[Array]
    """(S,) each, </s> last"""
    max_lengths: list[int]
    """(B,) the most target symbols"""
    numbers: list[int]
    """(B,) the place of each in the stream, with which sampling draws"""
    extra: list[list[str]]
    """(B,) the symbols that ids past the vocabulary stand for; empty for a model that does not copy"""
    copy_ids: list[Ids] | None = None
    """(S,) each, for a model that copies: see `Fields.copy_ids`"""
    prefixes: list[list[int]] | None = None
    """(B, ...) ids that an output must begin with"""


@dataclass(frozen=True, slots=True)
class _Read:
    """A source as it is read."""

    source: Array
    """(S,), or frames"""
    whole: Any
    """The same before it was cut; of frames that are read from their begin what is left."""
    kept: npt.NDArray[np.bool_] | None = None
    """Which positions of the whole are read, where it was cut."""

    def left(self, values: Ids) -> Ids:
        """Those of a value for each position of the whole that are of positions that are read."""
        return values if self.kept is None else values[self.kept]


class Finder(Protocol):
    """What runs the network under a search."""

    @property
    def points(self) -> bool:
        """Whether the model copies, so that questions need `copy_ids`."""
        ...

    @property
    def stride(self) -> int:
        """Source positions a state of the encoder: more than 1 behind a subsampling."""
        ...

    @property
    def attends(self) -> bool:
        """Whether the model says where it looks."""
        ...

    @property
    def batch_tokens(self) -> int:
        """Padded source symbols × hypotheses in one search."""
        ...

    def find(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> list[list[Hypothesis]]:
        """The hypotheses of each question, best first."""
        ...


def check_attention(config: SearchConfig, *, attends: bool, replace_unknown: bool = False, attention: bool = False) -> None:
    """Raises a ConfigError where a search, putting symbols in place of <unk>, or showing where it looks needs a model that says so."""
    if attends:
        return
    if attention:
        raise ConfigError("attention: this model does not say where it looks; expected one with an attention. Leave it out.")
    if config.coverage_penalty:
        what = f"search.coverage_penalty: {config.coverage_penalty:g} for a model that does not say where it looks"
        raise ConfigError(f"{what}; expected 0. Set it to 0, or train with an attention.")
    if replace_unknown:
        raise ConfigError("replace_unknown: this model does not say where it looks; expected one with an attention. Leave it out.")


def read_ahead(rows: Iterator[Row]) -> list[Row]:
    """The next READ_AHEAD rows."""
    return list(islice(rows, READ_AHEAD))


class Growing:
    """Takes FIRST rows, then twice as many each time, up to READ_AHEAD: of thousands of sources the first answers come within seconds."""

    def __init__(self) -> None:
        self.size = FIRST

    def __call__(self, rows: Iterator[Row]) -> list[Row]:
        """The next rows."""
        taken, self.size = list(islice(rows, self.size)), min(2 * self.size, READ_AHEAD)
        return taken


class Answerer:
    """Fields, limits and a search over a finder: the face that a trained and an exported model share."""

    def __init__(
        self, fields: Fields, data: DataConfig, search: SearchConfig, finder: Finder, enough: Callable[[Row], int] | None = None
    ) -> None:
        """`enough`: target symbols after which the answer to a row is of no further interest, though the search would allow more."""
        self.fields = fields
        self.enough = enough
        self.data = data
        self.defaults = search
        self.finder = finder

    @property
    def stride(self) -> int:
        """Source positions a state of the encoder: attention has a weight for each state."""
        return self.finder.stride

    @property
    def copies(self) -> bool:
        """Whether the model can write what stands in the source though training never saw it."""
        return self.finder.points

    def predict(self, sources: Iterable[Any], **search: Any) -> list[str]:
        """The best answer to each source, in their order; '' for an empty source.

        Args:
            sources: a text each (or a whole number, read as one), a tuple of texts where the model has several source columns, an array
                (S, D) where it reads numbers; where it hears sounds the path of a file, its bytes, or samples (N,) or (N, channels) with
                their rate, as in (samples, 16000) or {"array": samples, "sampling_rate": 16000}. Or a table (a data frame, a dictionary of
                lists, a list of dictionaries) that has the source columns of training, or no others.
            search: settings of `search` in the config for this call, such as beam=1 or max_length=50. With kind="sample" each call draws
                the same, by `search.seed`; seed=7 draws others.

        Raises:
            ConfigError: an unknown search setting.
            DataError: a source that cannot be used; says which.
        """
        return [prediction.text for prediction in self.predictions(sources, **search)]

    def predictions(
        self,
        sources: Iterable[Any],
        *,
        prefix: str | None = None,
        replace_unknown: bool = False,
        attention: bool = False,
        **search: Any,
    ) -> list[Prediction]:
        """Every answer kept by the search, with scores and on request attention and copying; otherwise as `predict`.

        Args:
            prefix: what every answer must begin with; a UserWarning names symbols in it that the model does not know.
            search: as for `predict`. There are as many answers as `beam`, or `samples` where they are drawn.
        """
        if prefix is not None and not isinstance(prefix, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            what = f"prefix: {type(prefix).__name__} {prefix!r:.40}; expected a text, with which all answers begin"
            raise ConfigError(f"{what}. Ask for each prefix by itself.")
        self._refuse_one(sources)
        from seqloom.data.memory import hold_sources  # all forms that Python has of tables: the command line needs none of it

        sources = hold_sources(sources, self.data, len(self.fields.config.source))
        rows = [self._row(source, number) for number, source in enumerate(sources, 1)]
        config = self.search(**search)
        check_attention(config, attends=self.finder.attends, replace_unknown=replace_unknown, attention=attention)
        if unknown := unknown_in_prefix(self.fields, prefix or ""):
            warn_caller(f"prefix: {unknown}")
        return list(self.answers(rows, config, prefix=prefix or "", replace_unknown=replace_unknown, keep_attention=attention))

    def search(self, **changes: Any) -> SearchConfig:
        """The search of the config with some settings changed, None being no change; beam=1 means greedy.

        Raises:
            ConfigError: an unknown setting, a value out of range, or one of sampling where nothing is drawn.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if several := [name for name in SEVERAL if name in given]:
            what = f"predict: {several[0]}: no setting of the search; expected beam=5, or kind='sample', samples=5"
            raise ConfigError(f"{what}. Take the answers from predictions(...)[0].outputs, best first.")
        return changed_search(self.defaults, given, where="predict")

    def answers(
        self,
        rows: Iterable[Row],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        replace_unknown: bool = False,
        keep_attention: bool = False,
        gather: Callable[[Iterator[Row]], list[Row]] = read_ahead,
    ) -> Iterator[Prediction]:
        """Answers to the sources of rows, in their order, as a stream. A row without source is answered by nothing.

        Args:
            prefix: what every output must begin with.
            replace_unknown: put the source symbol most attended to where the output says <unk>.
            keep_attention: give the attention with each output, and where a model that copies would copy from.
            gather: takes the next rows, which are answered together, from those that are left; none once all are answered.

        Raises:
            DataError: a source is longer than the limit.
            ConfigError: the prefix is longer than an output may be.
        """
        stream, number = iter(rows), 0
        while chunk := gather(stream):
            yield from self._answer_chunk(chunk, number, config or self.defaults, prefix, replace_unknown, keep_attention)
            number += len(chunk)

    def _answer_chunk(
        self, rows: list[Row], number: int, config: SearchConfig, prefix: str, replace_unknown: bool, keep_attention: bool
    ) -> list[Prediction]:
        """Sorted by length, searched batch by batch, returned in order."""
        real = [place for place, row in enumerate(rows) if any(row.source)]
        encoded = {place: self._encode(rows[place]) for place in real}
        sources = {place: read.source for place, read in encoded.items()}
        answers = [Prediction(row.source, [], []) for row in rows]
        for places in _by_length(sources, self.finder.batch_tokens // config.rows):
            asked = {place: encoded[place] for place in places}
            questions = self._questions(asked, rows, number, config, prefix)
            found = self.finder.find(questions, config, replace_unknown or keep_attention)
            for order, (place, hypotheses) in enumerate(zip(places, found, strict=True)):
                read, extra = self._labels(rows[place], encoded[place]), questions.extra[order]
                labels, states = read[:: self.finder.stride], -(-len(sources[place]) // self.finder.stride)
                outputs = [self._output(hypothesis, labels, states, extra, replace_unknown, keep_attention) for hypothesis in hypotheses]
                doubts = self.fields.doubts(rows[place].source)
                answers[place] = Prediction(
                    source=rows[place].source,
                    source_tokens=labels,
                    outputs=outputs,
                    limit=questions.max_lengths[order],
                    source_cut=encoded[place].kept is not None,
                    unknown=self._unknown(read, sources[place]),
                    longest=self.fields.longest if len(sources[place]) > self.fields.longest else 0,
                    silent=doubts.silent,
                    rate=doubts.rate,
                )
        return answers

    def _encode(self, row: Row) -> _Read:
        """The source of a row, cut where it is too long."""
        counts = dict[str, int]()
        (example,) = encode_rows([Row(row.source, "", row.where)], self.fields, self.data, copy=False, counts=counts)
        if not counts:
            return _Read(example.source, example.source)
        is_begin_of_frames = self.fields.source.kind != "ids" and self.data.keep == "begin"
        whole = example.source if is_begin_of_frames else self.fields.source.encode(row.source)
        return _Read(example.source, whole, self.fields.kept(whole, self.data.max_source_length, self.data.keep))

    def _questions(self, sources: dict[int, _Read], rows: Sequence[Row], number: int, config: SearchConfig, prefix: str) -> Questions:
        """The sources at some places among the rows, as a finder wants them."""
        points = self.finder.points
        max_lengths = [self._longest(config, read.source, rows[place]) for place, read in sources.items()]
        copies = [self.fields.copy_ids(rows[place].source) if points else (np.empty(0, np.int64), list[str]()) for place in sources]
        cut = [read.left(ids) if points else ids for read, (ids, _) in zip(sources.values(), copies, strict=True)]
        counts = [max(int(ids.max(initial=-1)) + 1 - self.fields.target.size, 0) for ids in cut]
        extra = [symbols[:count] for count, (_, symbols) in zip(counts, copies, strict=True)]
        begun = [self.fields.encode_target(prefix, symbols) for symbols in extra]
        prefixes = [self.fields.without_cut_away(ids, left).tolist() for ids, left in zip(begun, cut, strict=True)]
        for place, ids, most in zip(sources, prefixes, max_lengths, strict=True):
            if len(ids) > most:
                what = f"the prefix {prefix!r} has {len(ids)} symbols; the longest output allowed here has {most}"
                raise ConfigError(f"{rows[place].where}: {what}. Shorten it, or raise search.max_length.")
        return Questions(
            sources=[read.source for read in sources.values()],
            max_lengths=max_lengths,
            numbers=[number + place for place in sources],
            extra=extra,
            copy_ids=cut if points else None,
            prefixes=prefixes if prefix else None,
        )

    def _longest(self, config: SearchConfig, source: Array, row: Row) -> int:
        most = longest_output(config, len(source))
        return most if self.enough is None else min(most, self.enough(row))

    def _labels(self, row: Row, read: _Read) -> list[str]:
        """What stands at each position of the source that is read: its symbols, or moments of a sound."""
        labels = self.fields.source.labels(row.source, read.whole)
        return labels if read.kept is None else list(compress(labels, read.kept))

    def _unknown(self, symbols: list[str], source: Array) -> list[str]:
        """Those of the symbols that are read as <unk>; frames have none."""
        if self.fields.source.kind != "ids":
            return []
        return [symbols[place] for place in np.flatnonzero(source == UNK).tolist()]

    def _output(
        self, hypothesis: Hypothesis, source: list[str], states: int, extra: list[str], replace_unknown: bool, keep_attention: bool
    ) -> Output:
        ids, extra = list(hypothesis.ids), list(extra)
        attention = None if hypothesis.attention is None else hypothesis.attention[:, :states]
        if replace_unknown and attention is not None and source and self.fields.source.kind == "ids":
            for place, symbol in enumerate(ids):
                if symbol == UNK:
                    ids[place] = self.fields.target.size + len(extra)
                    extra.append(source[int(attention[place, : len(source)].argmax())])
        return Output(
            text=self.fields.target.decode(ids, extra),
            score=hypothesis.score,
            log_prob=hypothesis.log_prob,
            tokens=self.fields.target.to_symbols(ids, extra),
            token_log_probs=hypothesis.token_log_probs,
            cut=hypothesis.cut,
            attention=_rows_of(attention) if keep_attention else None,
            copying=_rows_of(None if hypothesis.copying is None else hypothesis.copying[:, : len(source) + 1]) if keep_attention else None,
        )

    def _refuse_one(self, sources: Any) -> None:
        """Make sure that an array is several sources, and not one."""
        if not isinstance(sources, np.ndarray) or sources.dtype.kind not in "fiu":
            return
        kind, shape = self.fields.config.source[0].kind, sources.shape
        if kind == "audio" and sources.ndim == 1:
            raise DataError(f"sources: an array of shape {shape}; expected a list of sounds, each with its rate, as in [(samples, 16000)].")
        if kind == "array" and sources.ndim <= 1 + (self.fields.source.size > 1):
            what = f"sources: one array, of shape {shape}; expected a list of arrays (S, {self.fields.source.size})"
            raise DataError(f"{what}. Put it into a list.")

    def as_written(self, values: Any) -> Any:
        """Whole numbers as the texts that they were in a table to train on, those in pairs and tuples too, for a model of texts."""
        return numbers_as_texts(values) if self.fields.config.source[0].kind in ("text", "tokens") else values

    def refuse_array(self, where: str) -> None:
        """Make sure that the model reads numbers.

        Raises:
            DataError: it reads sounds or texts.
        """
        kind = self.fields.config.source[0].kind
        if kind != "array":
            raise DataError(f"{where}: an array; {FORMS if kind == 'audio' else 'expected a text, as in training. Give texts.'}")

    def _row(self, source: Any, number: int) -> Row:
        where, expected = f"sources:{number}", len(self.fields.config.source)
        if isinstance(source, np.ndarray):
            self.refuse_array(where)
        source = sound_as_text(source, where) if self.fields.config.sound else self.as_written(source)
        columns = (text_of_array(source, where),) if isinstance(source, np.ndarray) else texts_of(source, where)
        if len(columns) != expected:
            got = count_of(len(columns), "source column")
            raise DataError(f"{where}: {got}; expected {expected}. Give {'a text' if expected == 1 else f'a tuple of {expected} texts'}.")
        return Row(columns, "", where)


def _rows_of(weights: Floats | None) -> list[list[float]] | None:
    return None if weights is None else weights.round(6).tolist()


def longest_output(config: SearchConfig, symbols: int) -> int:
    """The most target symbols for so many of the source, </s> included: a multiple of them, so that nothing runs for ever, or the least
    that is asked for; and ten more.
    """
    return config.max_length or max(math.ceil(config.max_length_ratio * symbols), config.min_length) + 10


def _by_length(sources: dict[int, Array], tokens: int) -> Iterator[list[int]]:
    """The places of the sources, longest first, cut into batches of at most so many padded symbols."""
    batch: list[int] = []
    for place in sorted(sources, key=lambda place: -len(sources[place])):
        if batch and len(sources[batch[0]]) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
