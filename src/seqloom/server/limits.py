"""What one request may ask for, and the gate that counts its bytes as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqloom.answers import longest_output
from seqloom.config import SearchConfig
from seqloom.server.refusals import Refusal, refuse
from seqloom.server.wire import PredictRequest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyGate", "Limits"]

HANG_UP = {"Connection": "close"}
"""After a body that did not come there is no telling where the next request begins."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may ask for, and what waits at most."""

    body_bytes: int = 1_048_576
    items: int = 256
    """Sources in a request."""
    characters: int = 2_000
    """In a source, all its columns together, and in a prefix; of an array its moments."""
    beam: int = 32
    max_length: int = 1_000
    seconds: float = 30.0
    """From the first byte of a request to its last answer."""
    waiting: int = 1_024
    """Sources that wait for one model."""
    sounds: int = 64
    """Sounds that wait for one model: each is a whole file in memory."""
    sound_seconds: float = 60.0
    attention: int = 10_000_000
    """Weights that an answer with attention may hold; each takes 80 bytes of memory."""

    def check(self, request: PredictRequest) -> None:
        """Make sure that a request keeps within the limits; `Sources` check what it gives.

        Raises:
            Refusal: 422, with what is too much.
        """
        sources = request.sources
        if len(sources) > self.items:
            raise Refusal(422, f"inputs: {len(sources):,} sources; the limit is {self.items:,}. Send them in several requests.")
        self.check_length("prefix", len(request.prefix))
        for name, value, most in (
            ("beam", request.beam, self.beam),
            ("n_best", request.n_best, self.beam),
            ("min_length", request.min_length, self.max_length),
            ("max_length", request.max_length, self.max_length),
        ):
            if value is not None and value > most:
                raise Refusal(422, f"{name}: {value:,}; the limit is {most:,}. Ask for less.")

    def check_attention(self, symbols: Iterable[int], search: SearchConfig, stride: int) -> None:
        """Make sure that the weights of sources of so many symbols keep within the limit: every hypothesis has a row a target symbol, over
        the states of the encoder, one for `stride` symbols.

        Raises:
            Refusal: 422, with how many there can be.
        """
        weights = search.rows * sum(-(-count // stride) * (longest_output(search, count) + 1) for count in symbols)
        if weights > self.attention:
            what = f"up to {weights:,} weights; the limit is {self.attention:,}"
            raise Refusal(422, f"attention: {what}. Send fewer or shorter sources, a smaller beam or max_length, or go without.")

    def check_length(self, where: str, characters: int) -> None:
        """Make sure that a text keeps within the limit.

        Raises:
            Refusal: 422, with how many characters there are.
        """
        if characters > self.characters:
            advice = "Cut it into shorter parts, or serve with a higher --max-characters."
            raise Refusal(422, f"{where}: {characters:,} characters; the limit is {self.characters:,}. {advice}")


class BodyGate:
    """Refuses a body that is packed (415), too large (413) or too slow to arrive (408), before all of it is in memory."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _check_encoding(scope)
            _check_size(_declared_length(scope), self.limits)
        except Refusal as refusal:
            return await refuse(refusal, scope, receive, send)
        await self.app(scope, _Counted(receive, self.limits), send)


class _Counted:
    """A body that is counted and timed as its parts arrive."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self.receive = receive
        self.limits = limits
        self.size, self.complete = 0, False
        self.deadline = time.monotonic() + limits.seconds

    async def __call__(self) -> Message:
        if self.complete:
            return await self.receive()  # all that comes now is that the client has gone
        try:
            message = await asyncio.wait_for(self.receive(), max(self.deadline - time.monotonic(), 0.0))
        except (TimeoutError, asyncio.TimeoutError):
            late = f"body: not here after {self.limits.seconds:g} s, which is the limit. Send it in one go."
            raise Refusal(408, late, HANG_UP) from None
        self.size += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        _check_size(self.size, self.limits)
        return message


def _check_encoding(scope: Scope) -> None:
    encoding = dict(scope["headers"]).get(b"content-encoding", b"").decode("latin-1").strip().lower()
    if encoding not in ("", "identity"):
        raise Refusal(415, f"body: Content-Encoding is not read; expected identity, got {encoding!r:.40}. Send the JSON as it is.")


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.body_bytes:
        large = f"body: more than {limits.body_bytes:,} bytes, which is the limit. Send the sources in several requests."
        raise Refusal(413, large)  # the rest is read and dropped, so that the client gets to read this


def _declared_length(scope: Scope) -> int:
    """What Content-Length says, 0 where it says nothing that is a number."""
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) < 20 else 0
