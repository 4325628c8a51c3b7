"""Sources that arrive together are answered together: a bounded queue, and the threads that take from it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from seqloom.answers import Prediction
from seqloom.config import SearchConfig
from seqloom.data.rows import Row
from seqloom.stopping import Stop, Stopped, stopped_by

__all__ = ["Asked", "Batcher", "Closed", "Full", "Watch"]


@dataclass(frozen=True, slots=True)
class Asked:
    """All that has to be alike for sources to be answered in one search."""

    search: SearchConfig
    prefix: str = ""
    replace_unknown: bool = False
    attention: bool = False


Answering = Callable[[Sequence[Row], Asked], Sequence[Prediction]]
"""A prediction for each row, in their order."""
CLOSING_SECONDS = 5.0
"""When a batcher closes: so long what was taken may still be answered; then so long what runs may take to end."""


class Full(Exception):
    """So many sources wait that no more are taken."""


class Closed(Exception):
    """No more are taken, ever."""


@dataclass(frozen=True, slots=True)
class _Job:
    row: Row
    future: Future[Prediction] = field(default_factory=Future[Prediction])
    arrived: float = field(default_factory=time.monotonic)


class Watch:
    """What a batcher tells of its work; does nothing."""

    def batch(self, size: int, waited: Sequence[float], seconds: float) -> None:
        """So many sources were taken together, after each waited so many seconds, and worked on for so many."""

    def answered(self, sources: int, unknown: int = 0) -> None:
        """So many sources have an answer, and hold so many symbols that training never saw; blank and refused ones have none."""


class Batcher:
    """Answers sources in threads of its own: those that came within `window` seconds together, up to `batch` of them.

    Sources with unlike settings wait in lines of their own, and the lines take turns, so that nobody starves. While a batch is being
    answered the next one gathers, so under load nobody waits for the window.
    """

    def __init__(
        self,
        answer: Answering,
        *,
        threads: int = 1,
        batch: int = 32,
        waiting: int = 1_024,
        window: float = 0.003,
        watch: Watch | None = None,
    ) -> None:
        self._answer = answer
        self._batch, self._most, self._window = batch, waiting, window
        self._watch = watch or Watch()
        self._lines: dict[Asked, deque[_Job]] = {}
        self._waiting, self._closed = 0, False
        self._stops = set[Stop]()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"seqloom-batcher-{number}", daemon=True) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Sources that wait."""
        return self._waiting

    def submit(self, rows: Sequence[Row], asked: Asked) -> list[Future[Prediction]]:
        """A future for each row; all of them are taken, or none. A future that is cancelled costs nothing more: where it waits it is
        dropped, and a search of whose futures nobody waits for any is ended.

        Raises:
            Full: there is no room for so many.
            Closed: the batcher has been closed.
        """
        jobs = [_Job(row) for row in rows]
        with self._changed:
            if self._closed:
                raise Closed
            if self._waiting + len(jobs) > self._most:
                self._drop_cancelled()
            if self._waiting + len(jobs) > self._most:
                raise Full
            self._lines.setdefault(asked, deque()).extend(jobs)
            idle, self._waiting = not self._waiting, self._waiting + len(jobs)
            if idle or self._waiting >= self._batch:
                self._changed.notify_all()
        return [job.future for job in jobs]

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Take no more, and come back when all that was taken is answered.

        What is not answered after so many seconds is ended, and a thread that does not heed that is left behind after as many more.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if not self._ends_within(seconds):
            self.give_up()
            self._ends_within(seconds)

    def _ends_within(self, seconds: float) -> bool:
        """Whether all threads end in time."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def give_up(self) -> None:
        """Take no more, and let all that waits or is worked on fail with a Stopped."""
        with self._changed:
            self._closed = True
            jobs, stops = [job for line in self._lines.values() for job in line], [*self._stops]
            self._lines, self._waiting = {}, 0
            self._changed.notify_all()
        for job in jobs:
            _settle_one(job.future, Stopped())
        for stop in stops:
            stop.say()

    def _drop_cancelled(self) -> None:
        """Leave out what waits and nobody waits for; the lock is held."""
        lines = {asked: deque(job for job in line if not job.future.cancelled()) for asked, line in self._lines.items()}
        self._lines = {asked: line for asked, line in lines.items() if line}
        self._waiting = sum(map(len, self._lines.values()))

    def _work(self) -> None:
        while taken := self._take():
            asked, jobs, stop = taken
            wanted = [job for job in jobs if not job.future.cancelled()]
            if wanted:
                started = time.monotonic()
                self._search(wanted, asked, stop)
                self._watch.batch(len(wanted), [started - job.arrived for job in wanted], time.monotonic() - started)
                done = [job.future for job in wanted if not job.future.cancelled()]
                self._tell_answered([future.result() for future in done if future.exception() is None])
            with self._changed:
                self._stops.remove(stop)

    def _search(self, jobs: Sequence[_Job], asked: Asked, stop: Stop) -> None:
        """Answer the jobs, for as long as somebody waits for one of them."""
        for job in jobs:  # a future that was cancelled meanwhile says so at once
            job.future.add_done_callback(lambda one: stop.say() if one.cancelled() and all(job.future.done() for job in jobs) else None)
        try:
            with stopped_by(stop):
                self._settle(jobs, asked)
        except Stopped as ended:
            for job in jobs:
                _settle_one(job.future, ended)

    def _tell_answered(self, predictions: Sequence[Prediction]) -> None:
        real = [prediction for prediction in predictions if prediction.outputs]
        self._watch.answered(len(real), sum(len(prediction.unknown) for prediction in real))

    def _take(self) -> tuple[Asked, list[_Job], Stop] | None:
        """The next batch, once there is one, and what ends it from now on; nothing when there will be none."""
        with self._changed:
            while not self._gathered():
                if self._closed:
                    return None
                self._changed.wait()
            asked = next(iter(self._lines))
            line = self._lines.pop(asked)
            jobs = [line.popleft() for _ in range(min(self._batch, len(line)))]
            if line:
                self._lines[asked] = line  # to the end: the others have their turn first
            self._waiting -= len(jobs)
            self._stops.add(stop := Stop())
            return asked, jobs, stop

    def _gathered(self) -> bool:
        """Whether there is something to take once the window of the one that has waited longest is over, or a batch is full."""
        over = min((line[0].arrived for line in self._lines.values()), default=0.0) + self._window
        while 0 < self._waiting < self._batch and not self._closed and (left := over - time.monotonic()) > 0:
            self._changed.wait(left)  # another thread may take all of it meanwhile
        return self._waiting > 0

    def _settle(self, jobs: Sequence[_Job], asked: Asked) -> None:
        """Answer the jobs; where they cannot be answered together, halve them until the one that is to blame stands alone."""
        try:
            answered = list(zip(jobs, self._answer([job.row for job in jobs], asked), strict=True))
        except Stopped:
            raise
        except Exception as error:
            if len(jobs) == 1:
                _settle_one(jobs[0].future, error)
                return
            middle = len(jobs) // 2
            self._settle(jobs[:middle], asked)
            self._settle(jobs[middle:], asked)
            return
        for job, prediction in answered:
            _settle_one(job.future, prediction)


def _settle_one(future: Future[Prediction], said: Prediction | Exception) -> None:
    """Give a future what it waits for, unless nobody wants it any more, or it has it already."""
    if future.done() or not future.set_running_or_notify_cancel():  # running from here on only, so that it can be cancelled until then
        return
    if isinstance(said, Exception):
        future.set_exception(said)
    else:
        future.set_result(said)
