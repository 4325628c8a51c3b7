"""Which sources are answered together, what happens when one cannot be answered, and how the queue ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from seqloom.answers import Prediction
from seqloom.config import SearchConfig
from seqloom.data.rows import Row
from seqloom.server.batcher import Asked, Batcher, Closed, Full, Watch
from seqloom.stopping import Stopped, stoppable

WIDE, NARROW = Asked(SearchConfig(beam=5)), Asked(SearchConfig(beam=1))
SECONDS = 10.0
"""Long enough for anything here; only a failing test takes it."""


class Model:
    """Answers with the source itself, once it may; refuses the source "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.may_answer = threading.Semaphore(0), threading.Event()
        self.may_answer.set()

    def __call__(self, rows: Sequence[Row], asked: Asked) -> list[Prediction]:
        texts = [row.source[0] for row in rows]
        self.batches.append(texts)
        self.begun.release()
        assert self.may_answer.wait(SECONDS)
        if "bad" in texts:
            raise ValueError("bad")
        return [Prediction(row.source, [], []) for row in rows]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def batcher(model: Model) -> Iterator[Batcher]:
    """A batcher whose model is busy with a first source, so that what a test submits gathers behind it."""
    made = Batcher(model, batch=4, waiting=8, window=0.0)
    model.may_answer.clear()
    made.submit(rows("first"), WIDE)
    assert model.begun.acquire(timeout=SECONDS)
    yield made
    model.may_answer.set()
    made.close()


def rows(*texts: str) -> list[Row]:
    return [Row((text,), "", f"inputs[{place}]") for place, text in enumerate(texts)]


def sources(futures: Sequence[Future[Prediction]]) -> list[str]:
    return [future.result(SECONDS).source[0] for future in futures]


def test_sources_that_wait_are_answered_together(model: Model, batcher: Batcher) -> None:
    futures = [*batcher.submit(rows("a"), WIDE), *batcher.submit(rows("b", "c"), WIDE)]
    model.may_answer.set()
    assert sources(futures) == ["a", "b", "c"]
    assert model.batches == [["first"], ["a", "b", "c"]]


def test_no_more_than_a_batch_is_answered_together(model: Model, batcher: Batcher) -> None:
    futures = batcher.submit(rows(*"abcdef"), WIDE)
    model.may_answer.set()
    assert sources(futures) == list("abcdef")
    assert model.batches[1:] == [list("abcd"), list("ef")]


def test_sources_with_unlike_settings_are_answered_apart_and_take_turns(model: Model, batcher: Batcher) -> None:
    futures = [*batcher.submit(rows(*"abcdef"), WIDE), *batcher.submit(rows("X"), NARROW)]
    model.may_answer.set()
    assert sources(futures) == list("abcdefX")
    assert model.batches[1:] == [list("abcd"), ["X"], list("ef")]


def test_a_source_waits_for_others_no_longer_than_the_window() -> None:
    model = Model()
    batcher = Batcher(model, batch=3, window=SECONDS)
    futures = [future for text in "abc" for future in batcher.submit(rows(text), WIDE)]  # the third fills the batch
    assert sources(futures) == ["a", "b", "c"]
    assert model.batches == [["a", "b", "c"]]
    batcher.close()
    short = Batcher(model, batch=3, window=0.001)
    assert sources(short.submit(rows("alone"), WIDE)) == ["alone"]
    short.close()


def test_one_bad_source_fails_alone(model: Model, batcher: Batcher) -> None:
    good, bad, other = batcher.submit(rows("a"), WIDE), batcher.submit(rows("bad"), WIDE), batcher.submit(rows("b", "c"), WIDE)
    model.may_answer.set()
    assert sources([*good, *other]) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="bad"):
        bad[0].result(SECONDS)
    assert model.batches[2:] == [["a", "bad"], ["a"], ["bad"], ["b", "c"]]


def test_a_model_that_leaves_answers_out_fails_and_the_batcher_goes_on() -> None:
    batcher = Batcher(lambda rows, asked: [], window=0.0)
    for _ in range(2):
        (future,) = batcher.submit(rows("a"), WIDE)
        with pytest.raises(ValueError, match="shorter"):
            future.result(SECONDS)
    batcher.close()


def test_a_full_queue_takes_all_of_a_request_or_nothing(model: Model, batcher: Batcher) -> None:
    futures = batcher.submit(rows(*"abcdef"), WIDE)
    with pytest.raises(Full):
        batcher.submit(rows(*"ghi"), WIDE)
    assert batcher.waiting == 6
    futures += batcher.submit(rows(*"gh"), WIDE)
    model.may_answer.set()
    assert sources(futures) == list("abcdefgh")


def test_what_is_cancelled_while_it_waits_is_not_answered(model: Model, batcher: Batcher) -> None:
    first, second = batcher.submit(rows("a", "b"), WIDE)
    assert first.cancel()
    model.may_answer.set()
    assert sources([second]) == ["b"]
    assert model.batches == [["first"], ["b"]]


def test_what_is_cancelled_while_it_waits_leaves_its_place_to_others(model: Model, batcher: Batcher) -> None:
    for future in batcher.submit(rows(*"abcdefgh"), WIDE):
        assert future.cancel()
    futures = batcher.submit(rows("i"), WIDE)
    assert batcher.waiting == 1
    model.may_answer.set()
    assert sources(futures) == ["i"]
    assert model.batches == [["first"], ["i"]]


def test_a_batch_that_was_taken_and_has_not_begun_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, may_go_on, search = threading.Semaphore(0), threading.Event(), Batcher._search

    def late(self: Batcher, *arguments: Any) -> None:
        taken.release()
        assert may_go_on.wait(SECONDS)
        search(self, *arguments)

    monkeypatch.setattr(Batcher, "_search", late)
    batcher = Batcher(Endless(), window=0.0)
    (future,) = batcher.submit(rows("a"), WIDE)
    assert taken.acquire(timeout=SECONDS)
    batcher.give_up()
    may_go_on.set()
    assert isinstance(future.exception(SECONDS), Stopped)
    batcher.close()


class Endless:
    """Answers nothing; searches until it is ended."""

    def __init__(self) -> None:
        self.begun, self.is_to_end, self.ended = threading.Semaphore(0), threading.Event(), threading.Event()

    def __call__(self, rows: Sequence[Row], asked: Asked) -> list[Prediction]:
        self.begun.release()
        with stoppable(self.is_to_end.set):
            assert self.is_to_end.wait(SECONDS)
            self.ended.set()
            raise RuntimeError("a run was ended")


def test_a_search_ends_when_nobody_waits_for_any_of_its_sources() -> None:
    model = Endless()
    batcher = Batcher(model, batch=2, window=SECONDS)
    first, second = batcher.submit(rows("a", "b"), WIDE)
    assert model.begun.acquire(timeout=SECONDS)
    assert first.cancel()
    assert not model.is_to_end.is_set(), "the other is wanted still"
    assert second.cancel()
    assert model.ended.wait(SECONDS)
    batcher.close()


def test_closing_ends_a_search_that_is_not_over_in_time() -> None:
    model = Endless()
    batcher = Batcher(model, window=0.0)
    (searched,) = batcher.submit(rows("a"), WIDE)
    assert model.begun.acquire(timeout=SECONDS)
    (waits,) = batcher.submit(rows("b"), NARROW)
    batcher.close(0.01)
    for future in (searched, waits):
        assert isinstance(future.exception(SECONDS), Stopped)


def test_closing_leaves_behind_what_does_not_end(model: Model, batcher: Batcher) -> None:
    batcher.close(0.01)
    with pytest.raises(Closed):
        batcher.submit(rows("late"), WIDE)


def test_closing_answers_what_was_taken_and_takes_no_more(model: Model, batcher: Batcher) -> None:
    futures = batcher.submit(rows(*"abcdef"), WIDE)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    model.may_answer.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert all(future.done() for future in futures)
    with pytest.raises(Closed):
        batcher.submit(rows("late"), WIDE)


def test_the_watch_is_told_how_many_were_answered_and_how_long_each_waited() -> None:
    told: list[tuple[int, int]] = []

    class Told(Watch):
        def batch(self, size: int, waited: Sequence[float], seconds: float) -> None:
            assert min(waited) >= 0
            assert seconds >= 0
            told.append((size, len(waited)))

    batcher = Batcher(Model(), batch=2, window=SECONDS, watch=Told())
    assert sources(batcher.submit(rows("a", "b"), WIDE)) == ["a", "b"]
    batcher.close()
    assert told == [(2, 2)]


def test_several_threads_answer_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=SECONDS)

    def answer(rows: Sequence[Row], asked: Asked) -> list[Prediction]:
        both.wait()
        return [Prediction(row.source, [], []) for row in rows]

    batcher = Batcher(answer, threads=2, batch=2, window=0.0)
    assert sources(batcher.submit(rows(*"abcd"), WIDE)) == list("abcd")
    batcher.close()


def test_many_threads_each_get_their_own_answers() -> None:
    batcher = Batcher(Model(), threads=3, batch=7, waiting=10_000, window=0.0)
    found: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        asked = WIDE if number % 2 else NARROW
        found[number] = [text for place in range(50) for text in sources(batcher.submit(rows(f"{number}:{place}"), asked))]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    batcher.close()
    assert found == {number: [f"{number}:{place}" for place in range(50)] for number in range(8)}
