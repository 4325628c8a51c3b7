"""Models of numbers that are served: a table or arrays in, the forecast out."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from starlette.responses import Response

from seqloom.config import NumbersField
from seqloom.errors import SeqloomError
from seqloom.numbers.answers import Lines, Past, Said, past_of
from seqloom.numbers.fields import NumberFields
from seqloom.numbers.panel import panel_of_rows
from seqloom.server.answering import late
from seqloom.server.batcher import Watch
from seqloom.server.limits import Limits
from seqloom.server.refusals import ADVICE, Refusal, listed, stopping, unusable
from seqloom.server.sources import refuse_bad
from seqloom.server.wire import (
    ColumnKind,
    ForecastLine,
    ForecastResponse,
    HistoryLine,
    Manifest,
    ModelInfo,
    PredictRequest,
    Role,
    ValuesResponse,
    Wire,
)
from seqloom.stopping import Stop, Stopped, stopped_by

__all__ = ["ForecastPredictor", "ServedForecaster"]

READ = {"table": {"model", "table", "quantiles", "history"}, "values": {"model", "values", "length"}}
"""What a request may say to a model of a table, and to one of arrays."""


class ForecastPredictor(Protocol):
    """What the server needs of a model of numbers: `seqloom.numbers.runtime.NumberPredictor`, or anything else that forecasts."""

    @property
    def fields(self) -> NumberFields:
        """What its columns are."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What its folder says of it."""
        ...

    def forecast(self, table: Any, quantiles: Sequence[float] | None) -> Lines:
        """The horizon after a table, and what is to be known of it."""
        ...

    def predict(self, sources: Any, length: int | None) -> Any:
        """Targets for arrays."""
        ...


class ServedForecaster:
    """A model that forecasts, in threads of its own; each request by itself, since a table is a batch already."""

    def __init__(
        self,
        name: str,
        predictor: ForecastPredictor,
        limits: Limits,
        *,
        threads: int,
        batch: int = 1,
        window: float = 0.0,
        watch: Watch | None = None,
    ) -> None:
        """The model of a name; nothing waits for others, so `batch` and `window` say nothing here."""
        self.name, self.predictor, self.limits = name, predictor, limits
        self._watch = watch or Watch()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="seqloom-forecaster")
        self._changed = threading.Lock()
        self._waiting, self._closed = 0, False
        self._stops = set[Stop]()

    @property
    def waiting(self) -> int:
        """Requests that are not yet answered."""
        return self._waiting

    @property
    def numbers(self) -> NumbersField:
        """Its columns, history and horizon."""
        return self.predictor.fields.config.numbers

    @property
    def info(self) -> ModelInfo:
        """What may be known of it."""
        numbers, manifest = self.numbers, self.predictor.manifest
        return ModelInfo(
            name=self.name,
            source=list(_columns(numbers)) or [ColumnKind(name="values", kind="numbers")],
            target=ColumnKind(name=", ".join(numbers.targets) or "values", kind="numbers"),
            table=("wide" if numbers.wide else "long") if numbers.horizon else None,
            history=numbers.history or None,
            horizon=numbers.horizon or None,
            dates=numbers.dates,
            decimal=numbers.decimal,
            thousands=numbers.thousands,
            search={},
            precision=manifest.precision,
            parameters=manifest.parameters,
            metrics=dict(manifest.metrics),
            measured=str(manifest.measured) if manifest.measured else None,
            versions=dict(manifest.versions),
        )

    async def respond(self, request: PredictRequest) -> Response:
        """The forecast that a request asks for.

        Raises:
            Refusal: 422 for what the model cannot use, 429 when too many wait, 503 when the server is stopping, 504 when it takes too long.
        """
        self._check(request)
        stop = Stop()
        self._enter(stop)
        future = asyncio.wrap_future(self._pool.submit(self._answer, request, time.monotonic(), stop))
        try:
            said = await asyncio.wait_for(future, self.limits.seconds)
        except (TimeoutError, asyncio.TimeoutError):
            raise Refusal(504, late(1, 1, self.limits.seconds)) from None
        except SeqloomError as error:
            raise unusable(error) from None
        except Stopped:
            raise stopping() from None
        finally:
            stop.say()  # it was answered, or nobody waits for it any more
            self._leave(stop)
        return Response(said.to_json(), media_type="application/json")

    def close(self) -> None:
        """Take no more. What was taken is answered by now, or nobody waits for it and it ends."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _check(self, request: PredictRequest) -> None:
        wanted = "table" if self.numbers.horizon else "values"
        form = "rows as objects, as in [{...}, ...]" if self.numbers.horizon else "arrays of numbers"
        if getattr(request, wanted) is None:
            raise Refusal(422, f"body: model {self.name} forecasts numbers; expected {wanted}, a list of {form}. {ADVICE}")
        if idle := sorted(request.model_fields_set - READ[wanted]):
            raise Refusal(422, f"{idle[0]}: of no effect, model {self.name} forecasts numbers. Leave it out.")
        if len(request.values or []) > self.limits.items:
            what = f"{len(request.values or []):,} arrays; the limit is {self.limits.items:,}"
            raise Refusal(422, f"values: {what}. Send them in several requests.")
        if (request.length or 0) > self.limits.max_length:
            raise Refusal(422, f"length: {request.length:,}; the limit is {self.limits.max_length:,}. Ask for less.")
        for place, part in enumerate(request.values or []):
            if len(part) > self.limits.characters:
                what = f"{len(part):,} moments; the limit is {self.limits.characters:,}"
                raise Refusal(422, f"values[{place}]: {what}. Cut it into shorter parts.")
        if self.numbers.wide:  # before columns times rows are in memory
            self._check_series(len(request.table or []))

    def _check_series(self, count: int) -> None:
        if count > self.limits.items:
            what = f"{count:,} series; the limit is {self.limits.items:,}"
            raise Refusal(422, f"table: {what}. Send them in several requests.")

    def give_up(self) -> None:
        """Refuse what was taken, and take no more."""
        with self._changed:
            self._closed, stops = True, [*self._stops]
        for stop in stops:
            stop.say()

    def _enter(self, stop: Stop) -> None:
        with self._changed:
            if self._closed:
                raise stopping()
            if self._waiting >= self.limits.waiting:
                waiting = f"forecasts that wait: {self._waiting:,}; the limit is {self.limits.waiting:,}"
                raise Refusal(429, f"model {self.name}: {waiting}. Try again in a second.", {"Retry-After": "1"})
            self._waiting += 1
            self._stops.add(stop)

    def _leave(self, stop: Stop) -> None:
        with self._changed:
            self._waiting -= 1
            self._stops.remove(stop)

    def _answer(self, request: PredictRequest, arrived: float, stop: Stop) -> Wire:
        """The answer, counted with the series or arrays of the request as its sources."""
        started = time.monotonic()
        with stopped_by(stop):
            if request.table is not None:
                said = self._forecast(request.table, request.quantiles, request.history)
                count = len({line.series for line in said.forecast})
            else:
                said = self._values(request)
                count = len(said.values)
        self._watch.batch(count, [started - arrived] * count, time.monotonic() - started)
        self._watch.answered(count)
        return said

    def _values(self, request: PredictRequest) -> ValuesResponse:
        size = self.predictor.fields.target.size
        said = self.predictor.predict([_array(part, place) for place, part in enumerate(request.values or [])], request.length)
        return ValuesResponse(model=self.name, values=[np.reshape(part, (-1, size)).tolist() for part in said])

    def _forecast(
        self, table: Sequence[Mapping[str, str | float | None]], quantiles: Sequence[float] | None, history: int | None
    ) -> ForecastResponse:
        panel = panel_of_rows(table, self.numbers)
        self._check_series(len(panel.series))
        for name in panel.series:
            refuse_bad("table", name)
        said = self.predictor.forecast(panel, quantiles)
        notes = [*said.notes, *self._unread(table)]
        past = [_past(line) for line in past_of(panel, self.numbers, history)] if history else None
        return ForecastResponse(model=self.name, forecast=[*map(_line, said)], history=past, notes=notes or None)

    def _unread(self, table: Sequence[Mapping[str, Any]]) -> list[str]:
        """A sentence where rows have cells that are nothing to the model; of a row a series it reads all."""
        read = {column.name for column in _columns(self.numbers)}
        unread = [] if self.numbers.wide else [name for name in dict.fromkeys(name for row in table for name in row) if name not in read]
        return [f"columns that the model does not read: {listed(unread)}"] if unread else []


def _array(values: Sequence[Sequence[float]], place: int) -> npt.NDArray[np.float64]:
    """Numbers over time (T, D)."""
    try:
        return np.asarray(values, dtype=np.float64)
    except ValueError:
        raise Refusal(422, f"values[{place}]: moments of unlike width; expected as many numbers at each. Mend the array.") from None


def _columns(numbers: NumbersField) -> Iterator[ColumnKind]:
    """The columns that are read, with their roles."""
    parts: Sequence[tuple[Role, Sequence[str | None]]] = [
        ("time", numbers.times),
        ("series", [numbers.series]),
        ("target", numbers.targets),
        ("past", numbers.past),
        ("known", numbers.known),
        ("static", numbers.static),
    ]
    for role, names in parts:
        yield from (ColumnKind(name=name, kind="numbers", role=role) for name in names if name is not None)


def _line(said: Said) -> ForecastLine:
    return ForecastLine.model_construct(**said._asdict())


def _past(line: Past) -> HistoryLine:
    return HistoryLine.model_construct(**line._replace(value=None if math.isnan(line.value) else line.value)._asdict())
