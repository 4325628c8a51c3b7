"""Work that nobody waits for any more ends, whichever comes first: the work, or the word that it is to end."""

from __future__ import annotations

import threading

import pytest

from seqloom.stopping import Stop, Stopped, stoppable, stopped_by

SECONDS = 10.0


def test_what_runs_is_ended_from_another_thread_and_raises_that() -> None:
    stop, ended = Stop(), threading.Event()
    threading.Timer(0.01, stop.say).start()

    def run() -> None:
        assert ended.wait(SECONDS)
        raise RuntimeError("ended")

    with pytest.raises(Stopped), stopped_by(stop), stoppable(ended.set):
        run()


def test_what_comes_after_the_word_does_not_begin() -> None:
    stop = Stop()
    stop.say()
    with pytest.raises(Stopped), stopped_by(stop), stoppable(lambda: None):
        pytest.fail("begun")


def test_a_failure_of_the_work_itself_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), stopped_by(Stop()), stoppable(lambda: None):
        raise ZeroDivisionError


def test_work_without_a_stop_or_after_it_runs_to_its_end() -> None:
    stop, ended = Stop(), list[bool]()
    with stopped_by(stop), stoppable(lambda: ended.append(True)):
        pass
    stop.say()
    with stoppable(lambda: ended.append(True)):
        pass
    assert not ended
