"""Who may ask: a bearer token before every address that answers for a model."""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.errors import ConfigError, MissingFileError
from seqloom.server.refusals import Refusal, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["TokenGate", "address_within", "check_origins", "is_loopback", "read_tokens"]

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+")
SHORTEST = 16
"""Characters of a token; a shorter one can be guessed."""


class TokenGate:
    """Refuses (401) what comes without one of the tokens; addresses in `open` need none."""

    def __init__(self, app: ASGIApp, tokens: Collection[str], open: Collection[str]) -> None:
        self.app = app
        self.tokens = [token.encode() for token in tokens]
        self.open = frozenset(open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http" or address_within(scope) in self.open or self._known(_given(scope)):
            return await self.app(scope, receive, send)
        message = "Authorization: no token that is known here; expected the header `Authorization: Bearer TOKEN`. Ask who runs the server."
        await refuse(Refusal(401, message, {"WWW-Authenticate": "Bearer"}), scope, receive, send)

    def _known(self, given: bytes) -> bool:
        """Whether it is one of the tokens, in a time that says nothing of how near it is."""
        return sum(hmac.compare_digest(given, token) for token in self.tokens) > 0  # all are compared


def address_within(scope: Scope) -> str:
    """The address that is asked for, without what a proxy has taken from its begin (`--root-path`)."""
    return scope["path"].removeprefix(scope.get("root_path", ""))


def _given(scope: Scope) -> bytes:
    kind, _, token = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else b""


def read_tokens(file: Path | None = None, variable: str | None = None) -> list[str]:
    """The tokens in a file, one a line, and the one in an environment variable.

    Raises:
        MissingFileError: no such file.
        ConfigError: none is there, or one is too short or holds what a header cannot.
    """
    tokens: list[str] = []
    if file is not None:
        tokens += _checked(_lines(file), f"--token-file {file}")
    if variable is not None:
        tokens += _checked([os.environ.get(variable, "").strip()], f"--token-env {variable}")
    return tokens


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise MissingFileError(f"--token-file {file}: no such file. Write a token into it, one a line.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-file {file}: cannot be read ({error}). Mend the file.") from None


def _checked(lines: list[str], where: str) -> list[str]:
    tokens = [line.strip() for line in lines if line.strip()]
    if not tokens:
        raise ConfigError(f"{where}: no token; expected at least one. `openssl rand -hex 32` makes one.")
    for number, token in enumerate(tokens, 1):
        if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
            problem = f"expected {SHORTEST} or more ASCII characters without blanks, got {len(token)}"
            raise ConfigError(f"{where}: token {number} cannot be used; {problem}. `openssl rand -hex 32` makes one.")
    return tokens


def check_origins(origins: Collection[str]) -> None:
    """Make sure that pages can have these origins, as a browser writes them.

    Raises:
        ConfigError: one is no origin.
    """
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            expected = "expected * or scheme, name and port in small letters, with nothing behind"
            raise ConfigError(f"--allow-origin {origin}: no origin; {expected}. Give one as in https://example.org.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
