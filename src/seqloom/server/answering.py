"""From the futures of predictions to what is sent: one answer for all of them, or an event each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from seqloom.answers import Prediction
from seqloom.errors import SeqloomError
from seqloom.server.refusals import MISSED, Refusal, stopping, unusable
from seqloom.server.wire import Done, Predicted, PredictRequest, PredictResponse, StreamedFailure, StreamedPrediction, Wire
from seqloom.stopping import Stopped

__all__ = ["UNCACHED", "answer", "events", "late", "while_wanted"]

Futures = Sequence["asyncio.Future[Prediction]"]
UNCACHED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Lets no proxy hold events back."""
GONE = 499
"""The status of an answer that nobody was there to read, as nginx counts it."""
_LOG = logging.getLogger(__name__)


async def while_wanted(answering: Coroutine[Any, Any, Response], connection: Request) -> Response:
    """The answer; where the client goes away before, what makes it is ended and the answer is empty."""
    wanted, gone = asyncio.ensure_future(answering), asyncio.ensure_future(connection.receive())  # the body is read: it says no more
    try:
        await asyncio.wait([wanted, gone], return_when=asyncio.FIRST_COMPLETED)
        return await wanted if wanted.done() else Response(status_code=GONE)
    finally:
        for task in (wanted, gone):
            task.cancel()


async def answer(model: str, request: PredictRequest, taken: Futures, seconds: float) -> PredictResponse:
    """All predictions together, once the last one is there.

    Raises:
        Refusal: 422 where the model cannot use a source or a setting, 503 when the server cannot wait for the end of the search, 504 when
            it takes longer than so many seconds.
    """
    try:
        _, missing = await asyncio.wait(taken, timeout=seconds)
    finally:
        _let_go(taken)
    if missing:
        raise Refusal(504, late(len(missing), len(taken), seconds))
    for future in taken:
        if isinstance(error := future.exception(), SeqloomError):
            raise unusable(error)
        if isinstance(error, Stopped):
            raise stopping()
        if error is not None:
            raise error
    return PredictResponse.model_construct(model=model, predictions=[Predicted.of(future.result(), request) for future in taken])


async def events(request: PredictRequest, taken: Futures, seconds: float) -> AsyncGenerator[bytes]:
    """An event for each prediction or failure, as they come, and `done` with how many there were of both."""
    finished: asyncio.Queue[int] = asyncio.Queue()
    for place, future in enumerate(taken):
        future.add_done_callback(lambda _, place=place: finished.put_nowait(place))
    counts, deadline = {"prediction": 0, "error": 0}, time.monotonic() + seconds
    try:
        for number in range(len(taken)):
            try:
                place = await asyncio.wait_for(finished.get(), max(deadline - time.monotonic(), 0.0))
            except (TimeoutError, asyncio.TimeoutError):
                counts["error"] += len(taken) - number
                yield _event("error", StreamedFailure(error=late(len(taken) - number, len(taken), seconds)))
                break
            kind, value = _streamed(request, place, taken[place])
            counts[kind] += 1
            yield _event(kind, value)
        yield _event("done", Done(predictions=counts["prediction"], errors=counts["error"]))
    finally:
        _let_go(taken)


def _streamed(request: PredictRequest, place: int, future: asyncio.Future[Prediction]) -> tuple[str, Wire]:
    error = future.exception()
    if error is None:
        return "prediction", StreamedPrediction.at(place, Predicted.of(future.result(), request))
    if isinstance(error, (SeqloomError, Refusal, Stopped)):
        refusal = stopping() if isinstance(error, Stopped) else error if isinstance(error, Refusal) else unusable(error)
        return "error", StreamedFailure(index=place, error=refusal.detail)
    _LOG.error("%s", request.where(place), exc_info=error)
    return "error", StreamedFailure(index=place, error=f"{request.where(place)}: {MISSED}")


def _event(kind: str, value: Wire) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), value.to_json())


def late(missing: int, of: int, seconds: float) -> str:
    """What is said where some answers were not there in time."""
    what = "the answer was" if of == 1 else f"{missing:,} of {of:,} answers were"
    return f"{what} not there after {seconds:g} s, which is the limit. Send fewer or shorter sources, or try again later."


def _let_go(taken: Futures) -> None:
    """Cancel what nobody waits for any more, and look at what failed, so that it is not reported as unseen."""
    for future in taken:
        if not future.cancel() and not future.cancelled():
            future.exception()
