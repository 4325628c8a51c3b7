"""Work that nobody waits for any more is ended by another thread, without what lies between knowing of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Stop", "Stopped", "stoppable", "stopped_by"]


class Stopped(Exception):
    """Work ended before it was done, for nobody waits for it."""


class Stop:
    """Says, from any thread, that work is to end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._said = False

    def say(self) -> None:
        """The work is to end. It does so soon, not at once; what comes after it under the same stop does not begin."""
        with self._lock:
            self._said = True
            if self._end is not None:
                self._end()

    @contextmanager
    def ends(self, end: Callable[[], None]) -> Generator[None]:
        """`end` ends what runs inside; what it then raises is a Stopped."""
        with self._lock:
            if self._said:
                raise Stopped
            self._end = end
        try:
            yield
        except Exception:
            if self._said:
                raise Stopped from None
            raise
        finally:
            with self._lock:
                self._end = None


_NOW: ContextVar[Stop | None] = ContextVar("seqloom_stop", default=None)


@contextmanager
def stopped_by(stop: Stop) -> Generator[None]:
    """All that is done inside, in this thread, is under the stop."""
    token = _NOW.set(stop)
    try:
        yield
    finally:
        _NOW.reset(token)


@contextmanager
def stoppable(end: Callable[[], None]) -> Generator[None]:
    """What runs inside can be ended by `end`, should the stop that it is under be said.

    Raises:
        Stopped: it was.
    """
    stop = _NOW.get()
    if stop is None:
        yield
        return
    with stop.ends(end):
        yield
