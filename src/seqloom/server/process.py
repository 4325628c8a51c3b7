"""A server as a process: a socket, signals, and an end that finishes what was taken."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Generator
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from seqloom.errors import ConfigError

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["address_of", "listen", "make_server", "run"]

BACKLOG = 2_048
"""Connections that the system holds before they are taken."""
IDLE_SECONDS = 30
"""After so long a connection that asks nothing is closed."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Its connections send an answer at once, not when the head of it is acknowledged.

    Raises:
        ConfigError: the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.create_server(found[4][:2], family=found[0], backlog=BACKLOG)
    except UnicodeError:
        raise ConfigError(f"{host}:{port}: cannot listen there (no name of a machine). Give another --host, such as 127.0.0.1.") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
        raise ConfigError(f"{host}:{port}: cannot listen there ({reason}). Give a free --port, or an address of this machine.") from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it accepts inherits it; asyncio leaves sockets of protocol 0 alone
    return made


def address_of(listening: socket.socket) -> str:
    """The address as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; then take no more, finish what was taken, and come back. A second does not wait for that."""
    with _signals_end_quietly(), _hangup_ends(server):
        server.run(sockets=[listening])


def make_server(app: FastAPI, finish_seconds: float, started: Callable[[], None], root_path: str = "") -> uvicorn.Server:
    """A server that calls `started` when it answers, and in the end finishes what was taken within so many seconds.

    root_path: what a proxy takes from the begin of every address before it asks here, such as /ai.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        root_path=root_path,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=max(round(finish_seconds), 1),
    )
    return _Server(config, started, app.state.give_up)


class _Server(uvicorn.Server):
    """Gives up what was taken where a second signal says so: `app.state.give_up` of the application refuses it."""

    def __init__(self, config: uvicorn.Config, say_started: Callable[[], None], give_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started, self._give_up = say_started, give_up
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._say_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the server, a second one what it still finishes; uvicorn would leave its threads behind."""
        if self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._give_up)  # a signal comes at any moment, locks may be held
        self.should_exit = True


def _ignore(number: int, frame: FrameType | None) -> None:
    return None


@contextlib.contextmanager
def _hangup_ends(server: uvicorn.Server) -> Generator[None]:
    """SIGHUP ends the server as SIGTERM does, where the system has it and nobody ignores it, as nohup does; uvicorn is deaf to it."""
    number = getattr(signal, "SIGHUP", None)
    if number is None or signal.getsignal(number) == signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextlib.contextmanager
def _signals_end_quietly() -> Generator[None]:
    """uvicorn raises the signal that ended it once more when all is done; that one is not heard."""
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
