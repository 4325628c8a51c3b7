"""What a running server has done, as Prometheus reads it. Names and labels are listed in docs/serving.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from seqloom.server.access import address_within
from seqloom.server.batcher import Watch

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Metered", "Meters"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """The counts of one server, apart from those of any other in the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("seqloom_requests", "Requests by address and status.", ["path", "status"], registry=self.registry)
        self.seconds = Histogram("seqloom_request_seconds", "Time a request took.", ["path"], buckets=SECONDS, registry=self.registry)
        self.open = Gauge("seqloom_requests_open", "Requests that are being answered.", registry=self.registry)
        self.sources = Counter("seqloom_sources", "Sources answered.", ["model"], registry=self.registry)
        self.unknown = Counter("seqloom_unknown_symbols", "Symbols unknown to the model.", ["model"], registry=self.registry)
        self.batches = Histogram("seqloom_batch_sources", "Sources taken together.", ["model"], buckets=SIZES, registry=self.registry)
        self.waited = Histogram("seqloom_wait_seconds", "Time a source waited.", ["model"], buckets=SECONDS, registry=self.registry)
        self.worked = Histogram("seqloom_batch_seconds", "Time a batch took.", ["model"], buckets=SECONDS, registry=self.registry)
        self.waiting = Gauge("seqloom_sources_waiting", "Sources that wait.", ["model"], registry=self.registry)

    def watch(self, model: str) -> Watch:
        """What counts the batches of a model."""
        return _BatchMeter(self, model)

    def watch_waiting(self, model: str, waiting: Callable[[], int]) -> None:
        """Ask for the number of sources that wait whenever the counts are read."""
        self.waiting.labels(model).set_function(waiting)

    def text(self) -> bytes:
        """All counts in the Prometheus text format."""
        return generate_latest(self.registry)


class _BatchMeter(Watch):
    def __init__(self, meters: Meters, model: str) -> None:
        self._sources, self._unknown = meters.sources.labels(model), meters.unknown.labels(model)
        self._batches = meters.batches.labels(model)
        self._waited, self._worked = meters.waited.labels(model), meters.worked.labels(model)

    def batch(self, size: int, waited: Sequence[float], seconds: float) -> None:
        self._batches.observe(size)
        self._worked.observe(seconds)
        for one in waited:
            self._waited.observe(one)

    def answered(self, sources: int, unknown: int = 0) -> None:
        self._sources.inc(sources)
        self._unknown.inc(unknown)


class Metered:
    """Counts each request with its status and time; an address that does not exist counts as `other`."""

    def __init__(self, app: ASGIApp, meters: Meters, paths: Collection[str]) -> None:
        self.app = app
        self.meters = meters
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = time.perf_counter(), 500
        path = address if (address := address_within(scope)) in self.paths else "other"

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.meters.open.track_inprogress():
            try:
                await self.app(scope, receive, noted)
            finally:
                self.meters.requests.labels(path, str(status)).inc()
                self.meters.seconds.labels(path).observe(time.perf_counter() - started)
