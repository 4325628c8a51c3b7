"""What is said to a request that gets no answer: always a status and `{"error": "where: what is wrong; expected, got. What to do."}`."""

from __future__ import annotations

import http
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from seqloom.errors import nearest
from seqloom.server.wire import Failure, PredictRequest

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

__all__ = ["ADVICE", "MISSED", "Refusal", "failure", "install", "refuse"]

ADVICE = "/docs lists what is allowed."
NO_OBJECT = ("missing", "model_type", "model_attributes_type")
"""What pydantic calls a body that is absent, or JSON of another kind."""
MISSED = "the server failed on it, and its log says where. Try another input, and report this one."


class Refusal(HTTPException):
    """A request that is not answered, and why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refused request; half of a surrogate pair that it quotes becomes a question mark."""
    return Response(Failure(error=message.encode("utf-8", "replace").decode()).to_json(), status, headers, "application/json")


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal from outside the application."""
    await failure(refusal.status_code, refusal.detail, refusal.headers)(scope, receive, send)


def install(app: FastAPI) -> None:
    """Let every refusal and failure of the application leave in the same form."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        return failure(error.status_code, error.detail, error.headers)
    address = _shown(request.url.path)
    if error.status_code == 400:  # how FastAPI calls bytes that it cannot read as JSON
        return failure(422, f"body: not JSON in UTF-8. Send an object with input or inputs; {ADVICE}")
    if error.status_code == 404:
        return failure(404, f"{address}: nothing there. {ADVICE}")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return failure(405, f"{address}: {request.method} is not for this address; expected {allowed}. {ADVICE}", error.headers)
    return failure(error.status_code, f"{address}: {http.HTTPStatus(error.status_code).phrase.lower()}. {ADVICE}", error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if (kind := request.headers.get("content-type", "")) and not _is_json(kind):
        wanted = "expected application/json. Send an object with input or inputs, of a text file its lines, a sound file in base64"
        return failure(415, f"body: Content-Type {_shown(kind.partition(';')[0])!r}; {wanted}; {ADVICE}")
    return failure(422, _first_problem(error.errors()))


async def _failed(request: Request, error: Exception) -> Response:
    """For what nobody foresaw; uvicorn logs the traceback."""
    return failure(500, f"{_shown(request.url.path)}: {MISSED}")


def _is_json(content_type: str) -> bool:
    """Whether FastAPI reads such a body as JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _first_problem(problems: Sequence[Any]) -> str:
    """The first of pydantic's problems in one line."""
    problem: Mapping[str, Any] = problems[0]
    where, kind, got = _place(problem["loc"]), str(problem["type"]), problem.get("input")
    if kind == "json_invalid":
        reason = f"{problem['ctx']['error']}, at character {problem['loc'][-1]}"
        return f"body: not JSON ({reason}). Send an object with input or inputs; {ADVICE}"
    if kind in NO_OBJECT:
        return f"body: expected a JSON object with input or inputs, and Content-Type: application/json. {ADVICE}"
    if kind == "extra_forbidden":
        known = PredictRequest.model_fields
        return f"body: unknown key {_shown(str(problem['loc'][-1]))!r}.{nearest(str(problem['loc'][-1]), known)} {ADVICE}"
    if kind == "value_error":
        expected = str(problem["ctx"]["error"])
        return f"{where}: {expected}{'' if where == 'body' else f'; got {_value(got)}'}. {ADVICE}"
    return f"{where}: {_expected(kind, problem.get('ctx') or {}, problem['msg'])}; got {_value(got)}. {ADVICE}"


def _place(location: Sequence[str | int]) -> str:
    """`inputs[3]` for ("body", "inputs", 3); `body` for the whole."""
    first, *rest = [part for part in location if part != "body"] or ["body"]
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


def _expected(kind: str, context: Mapping[str, Any], message: str) -> str:
    words = {
        "int_type": "expected a whole number", "float_type": "expected a number", "bool_type": "expected true or false",
        "string_type": "expected a text", "list_type": "expected a list", "too_short": "expected at least one",
        "too_long": f"expected at most {context.get('max_length', 0):,}",
        "finite_number": "expected a finite number", "string_unicode": "expected whole characters, not half of a surrogate pair",
        "greater_than_equal": f"expected {context.get('ge', 0):,g} or more",
        "less_than_equal": f"expected {context.get('le', 0):,g} or less",
    }  # fmt: skip
    return words.get(kind, message)


def _value(value: object) -> str:
    """A value as a person may see it: short, in one line, and such that UTF-8 can hold it."""
    if isinstance(value, (dict, list)):
        return f"a {'list' if isinstance(value, list) else 'JSON object'} of {len(value)}"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, (bool, type(None))):
        return {True: "true", False: "false", None: "null"}[value]
    return _shown(f"{value!r:.40}")


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text[:80])
