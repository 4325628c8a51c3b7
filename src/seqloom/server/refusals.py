"""What is said to a request that gets no answer: always a status and `{"error": "where: what is wrong; expected, got. What to do."}`."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from seqloom.errors import SeqloomError, nearest
from seqloom.server.wire import Failure, PredictRequest

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

__all__ = ["ADVICE", "MISSED", "Refusal", "failure", "install", "listed", "refuse", "stopping", "unusable"]

ADVICE = "/docs lists what is allowed."
NO_OBJECT = ("missing", "model_type", "model_attributes_type")
"""What pydantic calls a body that is absent, or JSON of another kind."""
REWORDED: Sequence[tuple[str, str]] = (
    (r"^predict: search: ", ""),
    (r"docs/config\.md lists what is allowed\.", ADVICE),
    (r"search\.max_length", "max_length"),
    (r", or train a model with --set .*$", "."),
    (r", or go on without such rows: --skip-bad\.$", "."),
    (r", or train with --quantiles\.", "."),
    (r" Train with --quantiles, or .*$", " Leave quantiles out."),
    (r", let it be filled \(--set [^)]*\)", ""),
    (r", or train without --time: rows are numbered then", ""),
    (r", or with --set .*$", "."),
    (r", or name the column of --series", ""),
    (r"If it is a word, .*; else mend ", "Mend "),
    (r", or (name a rule: --set .*|choose other columns\.)$", "."),
    (r"Choose other columns\.$", "Give numbers, or another table."),
    (r" Say --set .*$", " Write it as the table of training did."),
    (r" If decimals stand behind the comma, say --set .*$", " Mend the cell."),
    (r" Name a rule for what they hold: --set .*$", " Give those rows."),
    (r" \(fields\.numbers\.\w+=\w+\)| by fields\.numbers\.gaps=fill", ""),
    (r" before training\.$", "."),
    (r"Remove the line\.$", "Remove the row."),
)
"""What the errors of files and of the command line say, and what one who asks over HTTP can do instead."""
ROW = re.compile(r"^table:(\d{1,9})\b|(?<= is in )line (\d{1,9})(?= already; expected a row a series)")
"""How they name a row of a table, from 1; here it is from 0, as all that stands in a request."""
QUOTED = re.compile(r"(?<!\w)'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
LONGEST, LONGEST_MESSAGE, SHOWN = 80, 1_000, 8
"""Characters of what a message quotes, and of a message; symbols that it lists."""
MISSED = "the server failed on it, and its log says where. Try another input, and report this one."


class Refusal(HTTPException):
    """A request that is not answered, and why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)


def unusable(error: SeqloomError) -> Refusal:
    """The refusal (422) of what a model cannot use, in words for one who has sent JSON."""
    quoted = list[str]()

    def kept(found: re.Match[str]) -> str:  # what was sent stays as it was sent
        quoted.append(_cut(found[0]))
        return f"\0{len(quoted) - 1}\0"

    message = QUOTED.sub(kept, ROW.sub(lambda found: f"table[{int(found[1] or found[2]) - 1}]", str(error)))
    for said, instead in REWORDED:
        message = re.sub(said, instead, message)
    return Refusal(422, _cut(re.sub("\0(\\d+)\0", lambda found: quoted[int(found[1])], message), LONGEST_MESSAGE))


def stopping() -> Refusal:
    """The refusal (503) of a server that is about to end."""
    return Refusal(503, "the server is stopping. Try again when it is back.", {"Retry-After": "10"})


def listed(symbols: Sequence[str]) -> str:
    """The first of some symbols, quoted, and how many more there are."""
    more = f" and {len(symbols) - SHOWN:,} more" if len(symbols) > SHOWN else ""
    return ", ".join(_cut(repr(symbol)) for symbol in symbols[:SHOWN]) + more


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refused request; half of a surrogate pair that it quotes becomes a question mark."""
    return Response(Failure(error=message.encode("utf-8", "replace").decode()).to_json(), status, headers, "application/json")


def _within(scope: Mapping[str, Any], message: str) -> str:
    """The message with the addresses that it sends to as they are asked for behind a proxy (`--root-path`)."""
    for address in ("/docs", "/v1/models"):
        begin, found, end = message.rpartition(address)
        if found and end in (" lists what is allowed.", "."):  # the advice at its end, nothing that it quotes
            return f"{begin}{scope.get('root_path', '')}{address}{end}"
    return message


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
        return failure(error.status_code, _within(request.scope, error.detail), error.headers)
    return _unforeseen(request, error)


def _unforeseen(request: Request, error: HTTPException) -> Response:
    """For what FastAPI and Starlette refuse by themselves."""
    advice = _within(request.scope, ADVICE)
    address = _shown(request.url.path)
    if error.status_code == 400:  # how FastAPI calls bytes that it cannot read as JSON
        return failure(422, f"body: {_unreadable(error.__cause__)}. Send an object with input or inputs; {advice}")
    if error.status_code == 404:
        return failure(404, f"{address}: nothing there. {advice}")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return failure(405, f"{address}: {request.method} is not for this address; expected {allowed}. {advice}", error.headers)
    return failure(error.status_code, f"{address}: {http.HTTPStatus(error.status_code).phrase.lower()}. {advice}", error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if (kind := request.headers.get("content-type", "")) and not _is_json(kind):
        wanted = "expected application/json. Send an object with input or inputs, of a text file its lines, a sound file in base64"
        return failure(415, f"body: Content-Type {_shown(kind.partition(';')[0])!r}; {wanted}; {_within(request.scope, ADVICE)}")
    return failure(422, _within(request.scope, _first_problem(error.errors())))


async def _failed(request: Request, error: Exception) -> Response:
    """For what nobody foresaw; uvicorn logs the traceback."""
    return failure(500, f"{_shown(request.url.path)}: {MISSED}")


def _unreadable(cause: BaseException | None) -> str:
    """Why Python does not read a body as JSON."""
    if isinstance(cause, RecursionError):
        return "JSON that is nested too deep"
    if isinstance(cause, ValueError) and not isinstance(cause, UnicodeError):
        return "JSON with a number of too many digits"
    return "not JSON in UTF-8"


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
    return _shown(_cut(repr(value), 40))


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in _cut(text))


def _cut(text: str, most: int = LONGEST) -> str:
    """The text, or its begin and `...`."""
    return text if len(text) <= most else text[: most - 3] + "..."
