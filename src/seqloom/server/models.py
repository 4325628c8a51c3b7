"""The models that are served: each a name, a predictor, and a batcher before it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from starlette.responses import Response, StreamingResponse

from seqloom.answers import Prediction
from seqloom.config import SearchConfig, SourceFieldConfig
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, nearest
from seqloom.fields.task import Fields
from seqloom.server.answering import UNCACHED, answer, events
from seqloom.server.batcher import Asked, Batcher, Closed, Full, Watch
from seqloom.server.limits import Limits
from seqloom.server.refusals import Refusal, listed, stopping, unusable
from seqloom.server.sources import refuse_bad, sources_of
from seqloom.server.wire import ColumnKind, Manifest, ModelInfo, PredictRequest

__all__ = ["Models", "Predictor", "Served", "ServedModel", "named_paths"]

OF_NUMBERS = {"table", "values", "quantiles", "history", "length"}
"""What a request says to models of numbers alone."""
SETTINGS_KEPT = 256
"""Settings of the search that are not checked anew: a check takes as long as all else that is done for a request."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Predictor(Protocol):
    """What the server needs of a model: `seqloom.runtime.Predictor`, or anything else that answers."""

    @property
    def fields(self) -> Fields:
        """What its columns are."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What its folder says of it."""
        ...

    @property
    def stride(self) -> int:
        """Source positions a state of its encoder."""
        ...

    @property
    def copies(self) -> bool:
        """Whether it can write what stands in the source though training never saw it."""
        ...

    def search(self, **changes: Any) -> SearchConfig:
        """Its settings of the search, some of them changed."""
        ...

    def answers(
        self, rows: Iterable[Row], config: SearchConfig, *, prefix: str, replace_unknown: bool, keep_attention: bool
    ) -> Iterator[Prediction]:
        """Answers to the sources of rows, in their order."""
        ...


class ServedModel:
    """A model that answers requests, those that come together in one search."""

    def __init__(
        self, name: str, predictor: Predictor, limits: Limits, *, threads: int, batch: int, window: float, watch: Watch | None = None
    ) -> None:
        """The model of a name."""
        self.name = name
        self.predictor = predictor
        self.limits = limits
        self.sources = sources_of(name, predictor.fields, limits)
        self._search = lru_cache(SETTINGS_KEPT)(self._checked_search)
        self.batcher = Batcher(self._answer, threads=threads, batch=batch, waiting=self.sources.waiting, window=window, watch=watch)

    @property
    def info(self) -> ModelInfo:
        """What may be known of it."""
        fields, columns, manifest = self.predictor.fields, self.predictor.fields.config.source, self.predictor.manifest
        numbers = [str(number) for number in range(1, len(columns) + 1)]
        names = fields.names[: len(columns)] if len(fields.names) >= len(columns) else numbers  # the target's comes last
        return ModelInfo(
            name=self.name,
            source=[_column(name, config) for name, config in zip(names, columns, strict=True)],
            target=_column("target", fields.config.target),
            search=self.predictor.search().model_dump(),
            precision=manifest.precision,
            parameters=manifest.parameters,
            metrics=dict(manifest.metrics),
            measured=str(manifest.measured) if manifest.measured else None,
            versions=dict(manifest.versions),
        )

    @property
    def waiting(self) -> int:
        """Sources that wait."""
        return self.batcher.waiting

    async def respond(self, request: PredictRequest) -> Response:
        """The answers to a request, together or as a stream of events; as `take` and `answering.answer`, it may raise a Refusal."""
        taken = self.take(request)
        if request.stream:
            return StreamingResponse(events(request, taken, self.limits.seconds), media_type="text/event-stream", headers=UNCACHED)
        return Response((await answer(self.name, request, taken, self.limits.seconds)).to_json(), media_type="application/json")

    def close(self) -> None:
        """Answer what was taken, and take no more."""
        self.batcher.close()

    def give_up(self) -> None:
        """Refuse what was taken, and take no more."""
        self.batcher.give_up()

    def take(self, request: PredictRequest) -> list[asyncio.Future[Prediction]]:
        """Futures of the predictions that a request asks for, in the order of its sources.

        Raises:
            Refusal: 422 for what the model cannot use, 429 when too many wait, 503 when the server is stopping.
        """
        most = self.sources.waiting
        if idle := sorted(request.model_fields_set & OF_NUMBERS):
            raise Refusal(422, f"{idle[0]}: of no effect, model {self.name} answers no numbers; expected input or inputs. Give those.")
        if len(request.sources) > most:
            what = f"{len(request.sources):,} sources; at most {most:,} can wait"
            raise Refusal(422, f"inputs: {what}. Send them in several requests.")
        rows, refused = self._rows(request)
        asked = self._asked(request)
        self._refuse_unknown(asked.prefix, rows)
        if asked.attention:
            self.limits.check_attention(map(self.sources.symbols, rows), asked.search, self.predictor.stride)
        try:
            taken = self.batcher.submit(rows, asked)
        except Full:
            waiting = f"{self.batcher.waiting:,} sources wait, and {len(rows):,} more are asked for; the limit is {most:,}"
            raise Refusal(429, f"model {self.name}: {waiting}. Try again in a second.", {"Retry-After": "1"}) from None
        except Closed:
            raise stopping() from None
        answers = map(asyncio.wrap_future, taken)
        return [_refusing(refused[place]) if place in refused else next(answers) for place in range(len(request.sources))]

    def _rows(self, request: PredictRequest) -> tuple[list[Row], dict[int, Refusal]]:
        """The rows of the sources that can be used, and why the others, by their places, cannot: only a stream has words for each."""
        rows, refused = list[Row](), dict[int, Refusal]()
        for place, source in enumerate(request.sources):
            try:
                rows.append(self.sources.row(source, request.where(place)))
            except Refusal as refusal:
                if not request.stream:
                    raise
                refused[place] = refusal
        if not rows and refused:
            raise next(iter(refused.values()))
        return rows, refused

    def _refuse_unknown(self, prefix: str, rows: Sequence[Row]) -> None:
        """Refuse a prefix that no answer could begin with: symbols unknown to the model, which are not in a source to be copied either."""
        unknown = dict.fromkeys(self.predictor.fields.target.unknown(prefix))
        for row in (row for row in rows if unknown and any(row.source)):
            within = self.predictor.fields.copy_ids(row.source)[1] if self.predictor.copies else []
            if missing := [symbol for symbol in unknown if symbol not in within]:
                where = f", and not in {row.where} to be copied" if self.predictor.copies else ""
                what = f"unknown to model {self.name}{where}: {listed(missing)}; expected symbols of its targets"
                raise Refusal(422, f"prefix: {what}. Leave them out.")

    def _asked(self, request: PredictRequest) -> Asked:
        try:
            search = self._search(**request.search)
        except ConfigError as error:
            raise unusable(error) from None
        if request.n_best > search.rows:
            search = search.model_copy(update={"kind": "beam", "beam": request.n_best})
        refuse_bad("prefix", request.prefix)
        return Asked(search, request.prefix, request.replace_unknown, request.attention)

    def _checked_search(self, **changes: float) -> SearchConfig:
        return self.predictor.search(**changes)

    def _answer(self, rows: Sequence[Row], asked: Asked) -> Sequence[Prediction]:
        return list(
            self.predictor.answers(
                rows, asked.search, prefix=asked.prefix, replace_unknown=asked.replace_unknown, keep_attention=asked.attention
            )
        )


class Served(Protocol):
    """A model that answers requests: a `ServedModel`, or a `forecasts.ServedForecaster`."""

    name: str

    @property
    def waiting(self) -> int:
        """Sources that wait."""
        ...

    @property
    def info(self) -> ModelInfo:
        """What may be known of it."""
        ...

    async def respond(self, request: PredictRequest) -> Response:
        """The answer to a request; a Refusal is raised where there is none."""
        ...

    def close(self) -> None:
        """Answer what was taken, and take no more."""
        ...

    def give_up(self) -> None:
        """Refuse what was taken, and take no more."""
        ...


class Models:
    """All that are served, by name; the first answers where no name is given."""

    def __init__(self, models: Iterable[Served]) -> None:
        self._models = {model.name: model for model in models}

    def __iter__(self) -> Iterator[Served]:
        return iter(self._models.values())

    @property
    def names(self) -> list[str]:
        """Their names."""
        return list(self._models)

    def pick(self, name: str | None) -> Served:
        """The model of a name.

        Raises:
            Refusal: 404, there is none.
        """
        if name is None:
            return next(iter(self))
        if name not in self._models:
            there = ", ".join(self._models)
            raise Refusal(404, f"model: no model of this name; expected one of: {there}.{nearest(name, self._models)} See /v1/models.")
        return self._models[name]

    def close(self) -> None:
        """Answer what was taken, and take no more."""
        for model in self:
            model.close()

    def give_up(self) -> None:
        """Refuse what was taken, and take no more."""
        for model in self:
            model.give_up()


def named_paths(texts: Sequence[str]) -> dict[str, Path]:
    """Folders by name, of texts such as `french=dist/fr`, or `dist/fr`, which is then called `fr`.

    Raises:
        ConfigError: a name that cannot stand, or that stands twice.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or Path(text).exists():
            name, path = Path(text).resolve().name, text
        if not NAME.fullmatch(name):
            raise ConfigError(f"{text}: {name!r} cannot be a name; expected letters, digits, '.', '_', '-'. Give one, as in NAME={path}.")
        if name in found:
            raise ConfigError(f"{text}: {name!r} is the name of {found[name]} too; expected different ones. Give one, as in NAME={path}.")
        found[name] = Path(path)
    return found


def _refusing(refusal: Refusal) -> asyncio.Future[Prediction]:
    """A future that has failed already."""
    future = asyncio.get_running_loop().create_future()
    future.set_exception(refusal)
    return future


def _column(name: str, config: SourceFieldConfig) -> ColumnKind:
    return ColumnKind(name=name, kind=config.kind, unit=getattr(config, "unit", None), sample_rate=getattr(config, "sample_rate", None))
