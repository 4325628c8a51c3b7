"""Work that nobody waits for any more is ended by another thread, without what lies between knowing of it; Ctrl-C, held back until what
must be whole is done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Interrupts", "Stop", "Stopped", "stoppable", "stopped_by"]


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


class Interrupts:
    """Ctrl-C while something is done that must be whole: it raises a KeyboardInterrupt behind that; a second one does at once. So it is in
    the main thread, where nobody else has taken the signal; elsewhere it is as it was.
    """

    def __init__(self) -> None:
        self._holds = self._came = False

    @contextmanager
    def heeded(self) -> Generator[None]:
        """Inside, Ctrl-C is heard here."""
        is_ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if is_ours:
            signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            if is_ours:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def held(self) -> Generator[None]:
        """What is done inside is done to its end."""
        self._holds, self._came = True, False
        try:
            yield
        finally:
            self._holds = False
        if self._came:
            raise KeyboardInterrupt

    def _hear(self, *_: object) -> None:
        if not self._holds or self._came:
            raise KeyboardInterrupt
        self._came = True
