"""What a person sees while a run goes: a live screen, plain lines, only warnings, or several of these.

All are `seqloom.training.events.Watcher`s. What they show is cut to the width of the terminal, where wide characters count twice, and
control characters are written out, so that no terminal obeys what stands in data.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from seqloom.errors import ConfigError, count_of
from seqloom.metrics import METRICS, format_value
from seqloom.training.events import Evaluated, Finished, Sample, Silence, Started, Updated, Watcher
from seqloom.training.health import is_hint, kind_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["Lines", "Screen", "Several", "Warnings", "duration", "printable", "told", "value_text"]

WATCHED = ("say", "phase", "started", "updated", "evaluated", "finished")
"""The methods of a watcher."""
PATIENCE = 5.0
"""Seconds for which plain lines say nothing of what is being done: most runs are prepared sooner."""


class Several:
    """A watcher that tells several others, in their order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = tuple(watchers)

    def say(self, text: str) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.say(text)

    @contextlib.contextmanager
    def phase(self, what: str) -> Generator[None]:
        """Pass it on."""
        with contextlib.ExitStack() as stack:
            for watcher in self.watchers:
                stack.enter_context(watcher.phase(what))
            yield

    def started(self, event: Started) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.started(event)

    def updated(self, event: Updated) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.updated(event)

    def evaluated(self, event: Evaluated) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.evaluated(event)

    def finished(self, event: Finished) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.finished(event)


def told(watcher: Watcher | None, *, quiet: bool) -> Watcher:
    """Who is told how a run goes: the one that is given, or else whoever prints it, or only what looks wrong.

    Raises:
        ConfigError: the one that is given cannot be told everything.
    """
    if watcher is None:
        return Warnings() if quiet else Lines()
    if missing := next((name for name in WATCHED if not callable(getattr(watcher, name, None))), None):
        raise ConfigError(
            f"watcher: {type(watcher).__name__} has no {missing}(); expected the methods of seqloom.training.events.Watcher. "
            "Begin with class Mine(seqloom.training.events.Silence), which has them all and does nothing."
        )
    return watcher


# --------------------------------------------------------------------------------------------------------- plain lines


class Warnings(Silence):
    """Only what looks wrong, each kind of it once; hints that may pass are none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream: TextIO | None = stream or sys.stderr
        """None where the process has neither a terminal nor a file to write to."""
        self.told: set[str] = set()
        """The kinds of what was printed."""

    def say(self, text: str) -> None:
        """Print it where it is a warning."""
        if text.startswith("warning"):
            self._print(text)

    def evaluated(self, event: Evaluated) -> None:
        """Print what no evaluation before has found."""
        for finding in event.findings:
            if (kind := kind_of(finding)) not in self.told and not is_hint(finding):
                self.told.add(kind)
                self._print(f"warning: {printable(finding)}")

    def _print(self, text: str) -> None:
        """Training goes on when nobody reads any more, the log is full, or the terminal has no such letters."""
        if self.stream is None:
            return
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
        with contextlib.suppress(OSError):
            self.stream.write(f"{text}\n")
            self.stream.flush()


class Waiting(Warnings):
    """What looks wrong, and what takes long."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.is_slow = False
        """Whether something took so long that it was told; then the rest is likely to, and is told as it begins."""

    @contextlib.contextmanager
    def phase(self, what: str) -> Generator[None]:
        """Print it where it takes longer than PATIENCE, or something before did: sentencepiece lets no other thread run while it learns."""
        if self.is_slow:
            self._tell(what)
            yield
            return
        timer = threading.Timer(PATIENCE, self._tell, [what])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # so that nothing is told after its end

    def _tell(self, what: str) -> None:
        self.is_slow = True
        self._print(f"{what} ...")


class Lines(Waiting):
    """Plain lines for logs and pipes: one an evaluation, its samples below it, and what looks wrong, when it begins and, where it still
    does, at the end.
    """

    def __init__(self, stream: TextIO | None = None, width: int | None = None) -> None:
        super().__init__(stream or sys.stdout)
        self.width = width or max(shutil.get_terminal_size((120, 24)).columns, 40)
        self.pace = Pace()
        self.open: dict[str, str] = {}
        """What looked wrong at the last evaluation, by its kind."""
        self.new: frozenset[str] = frozenset()
        """The kinds of these that the evaluation before had not."""

    def say(self, text: str) -> None:
        """Print it."""
        self._print(text)

    def started(self, event: Started) -> None:
        """Print what is trained on what."""
        self._print(introduction(event))

    def updated(self, event: Updated) -> None:
        """Keep it for the next line."""
        self.pace.add(event)

    def evaluated(self, event: Evaluated) -> None:
        """Print the main numbers, three predictions, and what looks wrong; all numbers are in metrics.jsonl."""
        parts = [f"{duration(event.seconds)}", f"update {event.step:,}", f"pass {event.epoch:.1f}"]
        if (last := self.pace.last) is not None:
            parts = [f"{last.progress:4.0%}", *parts, f"loss {self.pace.loss:.3f}", f"{last.tokens_per_second:,.0f} tokens/s"]
        values = "  ".join(f"{name} {value_text(name, event.metrics[name])}" for name in main_metrics(event))
        self._print(f"{'  '.join(parts)}  dev: {values}{'  best so far' if event.is_best else ''}")
        for sample in event.samples:
            self._print(f"      {sample_line(sample, self.width - 6)}")
        self.pace.reset()
        now = {kind_of(finding): finding for finding in event.findings}
        self.new, self.open = frozenset(now.keys() - self.open.keys()), now
        for kind, finding in now.items():
            if kind in self.new:
                self._print(f"warning: {printable(finding)}")

    def finished(self, event: Finished) -> None:
        """Print what is wrong with the weights that are kept, unless it was said just before: it may stand far above, or be of others."""
        for finding in event.findings:
            kind = kind_of(finding)
            if kind not in self.new:
                when = ", at the end still" if kind in self.open else ""
                self._print(f"warning{when}: {printable(finding)}")
        self.open, self.new = {}, frozenset()


class Pace:
    """The last update, and the mean loss since the last evaluation."""

    def __init__(self) -> None:
        self.last: Updated | None = None
        self.reset()

    def reset(self) -> None:
        """Begin a new mean."""
        self.total, self.count = 0.0, 0

    def add(self, event: Updated) -> None:
        """Count an update."""
        self.last = event
        self.total, self.count = self.total + event.loss, self.count + 1

    @property
    def loss(self) -> float:
        return self.total / self.count if self.count else self.last.loss if self.last else 0.0


# ------------------------------------------------------------------------------------------------------------ a screen


class Screen(Silence):
    """A live screen: how far, how fast, the last evaluation beside the best, three predictions, what looks wrong."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = console or Console(highlight=False)
        self.pace, self.begin = Pace(), time.perf_counter()
        self.seen: Evaluated | None = None
        self.best: Evaluated | None = None
        # Twice a second: each drawing takes some milliseconds from the training.
        self.live = Live(get_renderable=self.draw, console=self.console, refresh_per_second=2)

    def say(self, text: str) -> None:
        """Print it, above the screen while that is there."""
        from rich.text import Text

        self.console.print(Text(text, style="yellow" if text.startswith(("warning", "note")) else ""), soft_wrap=True)

    def phase(self, what: str) -> AbstractContextManager[object]:
        """Show it as long as it lasts."""
        from rich.text import Text

        return self.console.status(Text(what), refresh_per_second=4)

    def started(self, event: Started) -> None:
        """Begin to draw."""
        self.say(introduction(event))
        self.pace, self.begin = Pace(), time.perf_counter()
        self.seen = self.best = None
        self.live.start()

    def updated(self, event: Updated) -> None:
        """Keep it for the next drawing."""
        self.pace.add(event)

    def evaluated(self, event: Evaluated) -> None:
        """Keep it for the next drawing."""
        self.pace.reset()
        self.seen = event
        self.best = event if event.is_best else self.best

    def finished(self, event: Finished) -> None:
        """Draw once more, with what is wrong with the weights that are kept, and leave it there."""
        self.seen = None if self.seen is None else replace(self.seen, findings=event.findings)
        self.close()

    def close(self) -> None:
        """Give the terminal back."""
        if self.live.is_started:
            self.live.stop()

    def draw(self) -> RenderableType:
        """The screen as it is now."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [Text(), *self._head()]
        if self.seen is not None:
            parts += [Text(), _metrics_table(self.seen, self.best or self.seen), Text(), _samples_table(self.seen.samples)]
            parts += [Text(f"warning: {printable(finding)}", style="bold yellow") for finding in self.seen.findings]
        return Group(*parts)

    def _head(self) -> list[RenderableType]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now = self.pace.last
        if now is None:
            return [Text("the first update is on its way", style="dim")]
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column()
        bar.add_column(ratio=1)
        bar.add_column(no_wrap=True)
        left = f"{duration(time.perf_counter() - self.begin)} elapsed, {duration(now.seconds_left)} left"
        bar.add_row(f"{now.progress:4.0%}", ProgressBar(total=1.0, completed=now.progress), left)
        words = [f"update {now.step:,}", f"pass {now.epoch:.1f}", f"loss {self.pace.loss:.3f}", f"{now.tokens_per_second:,.0f} tokens/s"]
        words.append(f"learning rate {now.learning_rate:.2e}")
        lines: list[RenderableType] = [bar, Text("   ".join(words))]
        if self.best is not None:
            name = self.best.watched
            lines.append(Text(f"best {name} {value_text(name, self.best.metrics[name])} at update {self.best.step:,}"))
        return lines


def _metrics_table(seen: Evaluated, best: Evaluated) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("on dev", style="dim")
    table.add_column(f"update {seen.step:,}", justify="right")
    table.add_column(f"best, update {best.step:,}", justify="right")
    for name, value in seen.metrics.items():
        watched = "bold" if name == seen.watched else ""
        table.add_row(name, value_text(name, value), value_text(name, best.metrics.get(name, float("nan"))), style=watched)
    return table


def _samples_table(samples: Sequence[Sample]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for name in ("source", "target", "prediction"):
        table.add_column(name, ratio=1, no_wrap=True, overflow="ellipsis")
    for sample in samples:
        colour = "green" if sample.prediction == sample.target else "red"
        texts = [printable(sample.source), printable(sample.target), printable(sample.prediction) or "(nothing)"]
        table.add_row(*(Text(text, style=style) for text, style in zip(texts, ("", "", colour), strict=True)))
    return table


# ----------------------------------------------------------------------------------------------------------- the words


def introduction(event: Started) -> str:
    """What is trained on what, in one line."""
    limit = f"{event.epochs:g} passes" + (f" or {duration(event.budget_seconds)}" if event.budget_seconds else "")
    begin = f"going on after update {event.step:,}" if event.step else "training"
    size = f"{event.parameters:,} weights on {event.pairs:,} pairs"
    where = f"{event.device}, {event.precision}, {count_of(event.threads, 'thread')}"
    return f"{begin}: {size}, at most {limit}, on {where}"


def value_text(name: str, value: float) -> str:
    """A metric's value as it is printed; what is not in the list of metrics has four decimals."""
    return format_value(name, value) if name in METRICS else f"{value:.4f}"


def main_metrics(event: Evaluated) -> list[str]:
    """The metric that decides, the two that say most, and the loss."""
    first = [event.watched, *list(event.metrics)[:2], "loss"]
    return [name for name in dict.fromkeys(first) if name in event.metrics]


def duration(seconds: float) -> str:
    """'59s', '1m05s', '2h03m'; '-' where it is not known."""
    if not 0 <= seconds < 1e8:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def sample_line(sample: Sample, width: int) -> str:
    """'source -> prediction  (right)', or with the target where the prediction is another, cut to fit."""
    right = sample.prediction == sample.target
    parts = [sample.source, sample.prediction] if right else [sample.source, sample.prediction, sample.target]
    room = max((width - 18) // len(parts), 8)
    source, prediction, *target = [shorten(printable(part), room) for part in parts]
    return f"{source} -> {prediction or '(nothing)'}  ({'right' if right else f'target: {target[0]}'})"


def printable(text: str) -> str:
    """The text with control characters written out."""
    if text.isprintable():
        return text
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)


def shorten(text: str, width: int) -> str:
    """The text, cut to so many cells of a terminal with ... at the end."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 3).rstrip() + "..."
