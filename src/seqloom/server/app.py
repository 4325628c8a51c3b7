"""The application: addresses, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from seqloom.errors import ConfigError
from seqloom.server import refusals
from seqloom.server.access import TokenGate
from seqloom.server.answering import while_wanted
from seqloom.server.forecasts import ForecastPredictor, ServedForecaster
from seqloom.server.limits import BodyGate, Limits
from seqloom.server.meters import Metered, Meters
from seqloom.server.models import Models, Predictor, Served, ServedModel
from seqloom.server.pages import manual, read_pages
from seqloom.server.wire import Failure, ForecastResponse, Health, ModelList, PredictRequest, PredictResponse, ValuesResponse
from seqloom.version import __version__

__all__ = ["create_app"]

Endpoint = Callable[[], Awaitable[Any]]
ABOUT = "Answers of sequence-to-sequence models. Every refusal is a status and a JSON object with one key, `error`."
SERVED: dict[str, Callable[..., Served]] = {"ids": ServedModel, "frames": ServedForecaster}
"""What serves a model, by what it says."""
SHARED: dict[str, Any] = {
    "allow_methods": ["GET", "HEAD", "POST"],
    "allow_headers": ["Authorization", "Content-Type"],
    "expose_headers": ["Retry-After", "WWW-Authenticate"],
}
"""What pages of other origins may send and read. Cookies are not among it: a token is put into a header by whoever has it."""
REFUSED = {
    401: "No token, or not one that is known here.",
    404: "No model of this name.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is of another type than JSON, or packed.",
    422: "Something in the request has to be mended.",
    429: "Too many sources wait. Try again after Retry-After seconds.",
    500: "The server failed.",
    503: "The server is stopping.",
    504: "The answer was not there in time.",
}


def create_app(
    predictors: Mapping[str, Predictor | ForecastPredictor],
    *,
    limits: Limits | None = None,
    tokens: Collection[str] = (),
    threads: int = 1,
    batch: int = 32,
    window: float = 0.003,
    origins: Collection[str] = (),
) -> FastAPI:
    """The application that serves predictors by their names; the first answers where a request names none.

    Args:
        tokens: those one of which a request must bring; none are asked for where there are none.
        threads: searches of one model at a time.
        batch: sources answered together at most.
        window: seconds that a source waits for others while nothing is being answered.
        origins: whose pages a browser lets ask here, such as https://example.org; * is all.

    Raises:
        ConfigError: a model of texts on one side and arrays of numbers on the other.
    """
    for name, predictor in predictors.items():
        _refuse_mixed(name, predictor)
    limits, meters = limits or Limits(), Meters()
    models = Models(
        SERVED[predictor.fields.target.kind](name, predictor, limits, threads=threads, batch=batch, window=window, watch=meters.watch(name))
        for name, predictor in predictors.items()
    )
    for model in models:
        meters.watch_waiting(model.name, lambda model=model: model.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        yield
        await run_in_threadpool(models.close)

    app = FastAPI(
        title="Seqloom", version=__version__, description=ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False, responses={500: {"model": Failure, "description": REFUSED[500]}},
    )  # fmt: skip
    app.state.give_up = models.give_up
    refusals.install(app)
    _add_addresses(app, models, limits, meters, _refused(401) if tokens else {})
    pages = _add_pages(app)
    app.add_middleware(BodyGate, limits=limits)
    if tokens:
        app.add_middleware(TokenGate, tokens=tokens, open={"/health", *pages})
    if origins:  # before the tokens, which a browser does not send with its question whether it may ask
        app.add_middleware(CORSMiddleware, allow_origins=list(origins), **SHARED)
    app.add_middleware(Metered, meters=meters, paths={"/v1/predict", "/v1/models", "/health", "/metrics", *pages})
    return app


def _add_addresses(app: FastAPI, models: Models, limits: Limits, meters: Meters, guarded: dict[int | str, dict[str, Any]]) -> None:
    """What answers for the models; `guarded` are the refusals that a token brings with it."""
    streamed = {200: {"model": PredictResponse | ForecastResponse | ValuesResponse, "content": {"text/event-stream": {}}}}

    @app.post(
        "/v1/predict",
        tags=["v1"],
        response_description="The answers.",
        responses={**streamed, **_refused(404, 408, 413, 415, 422, 429, 503, 504), **guarded},
    )
    async def predict(request: PredictRequest, connection: Request) -> Response:
        """Answer one source or many, or forecast what follows a table or arrays.

        With `stream` each prediction is sent when it is there: an event `prediction` with its index and outputs, or an event `error`
        with index and error, and in the end an event `done`.
        """
        limits.check(request)
        return await while_wanted(models.pick(request.model).respond(request), connection)

    @_get(app, "/v1/models", tags=["v1"], response_description="The models.", response_model=ModelList, responses=guarded)
    async def models_() -> Response:
        """List the models: what their columns are, how they search, what their folders say of them."""
        return Response(ModelList(models=[model.info for model in models]).to_json(), media_type="application/json")

    @_get(app, "/health", tags=["running"], response_description="It does.")
    async def health() -> Health:
        """Say that the server answers. Needs no token."""
        return Health(version=__version__, models=models.names)

    @_get(
        app,
        "/metrics",
        tags=["running"],
        response_description="The counts.",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **guarded},
    )
    async def metrics() -> Response:
        """Count requests, sources, batches, and the time that they took, as Prometheus reads it."""
        return Response(meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _get(app: FastAPI, path: str, **described: Any) -> Callable[[Endpoint], Endpoint]:
    """Adds what answers GET, and HEAD without a body. The description has GET alone: FastAPI would give both the same name in it."""

    def add(endpoint: Endpoint) -> Endpoint:
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)  # the first is asked, and named by a 405
        app.add_api_route(path, endpoint, methods=["GET"], **described)
        return endpoint

    return add


def _add_pages(app: FastAPI) -> list[str]:
    """The addresses of pages, which need no token: what answers behind them does."""
    pages = read_pages()
    pages["/docs"] = manual(app.openapi())
    pages.setdefault("/", pages["/docs"])
    for address, page in pages.items():
        app.add_api_route(address, page.respond, methods=["GET", "HEAD"], include_in_schema=False)
    return [*pages, "/openapi.json"]


def _refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Failure, "description": REFUSED[status]} for status in statuses}


def _refuse_mixed(name: str, predictor: Predictor | ForecastPredictor) -> None:
    """Raises a ConfigError for a model that a request has no words for."""
    fields: Any = predictor.fields
    says_numbers, reads_text = fields.target.kind == "frames", fields.source.kind == "ids"
    if (says_numbers and reads_text) or (not says_numbers and fields.config.source[0].kind == "array"):
        sides = "texts to arrays of numbers" if says_numbers else "arrays of numbers to texts"
        expected = "expected texts or sounds to texts, or numbers to numbers"
        raise ConfigError(f"{name}: a model from {sides}, which cannot be served; {expected}. Use `seqloom predict`.")
