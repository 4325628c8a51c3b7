"""What a person sees while a run goes: a live screen, plain lines, TensorBoard files, or several of these.

All are `seqloom.events.Watcher`s. They cut to the width of the terminal, where wide characters count twice, and write nothing that a
terminal could take for a command.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import unicodedata
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, TextIO

from seqloom.errors import ConfigError
from seqloom.events import Evaluated, Finished, Sample, Silence, Started, Updated, Watcher
from seqloom.metrics import METRICS, format_value

__all__ = ["Lines", "Several", "TensorBoard", "Warnings", "duration", "printable", "value_text", "watching"]


@contextlib.contextmanager
def watching(run: Path, *, tensorboard: bool = False, quiet: bool = False) -> Generator[Watcher]:
    """The watcher that fits where the output goes: a screen on a terminal, lines elsewhere, warnings alone when quiet.

    Raises:
        ConfigError: TensorBoard is asked for and not installed.
    """
    with contextlib.ExitStack() as stack:
        watchers: list[Watcher] = [Warnings() if quiet else Lines()]
        if tensorboard:
            watchers.append(stack.enter_context(contextlib.closing(TensorBoard(run / "tensorboard"))))
        yield Several(watchers)


class Several:
    """A watcher that tells several others, in their order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = tuple(watchers)

    def say(self, text: str) -> None:
        """Pass it on."""
        for watcher in self.watchers:
            watcher.say(text)

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


class Warnings(Silence):
    """Only what looks wrong, once each, on stderr."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.said = set[str]()

    def evaluated(self, event: Evaluated) -> None:
        """Print the findings that are new."""
        for finding in event.findings:
            if finding not in self.said:
                self.said.add(finding)
                self.stream.write(f"warning: {finding}\n")
                self.stream.flush()


class Lines(Silence):
    """Plain lines for logs and pipes: one an evaluation, its samples below it, and what looks wrong."""

    def __init__(self, stream: TextIO | None = None, width: int | None = None) -> None:
        self.stream = stream or sys.stdout
        self.width = width or max(shutil.get_terminal_size((120, 24)).columns, 40)
        self.last: Updated | None = None

    def say(self, text: str) -> None:
        """Print it."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def started(self, event: Started) -> None:
        """Print what is trained on what."""
        self.say(introduction(event))

    def updated(self, event: Updated) -> None:
        """Keep it for the next line."""
        self.last = event

    def evaluated(self, event: Evaluated) -> None:
        """Print the numbers, three predictions, and what looks wrong."""
        head = f"{duration(event.seconds):>6}  update {event.step:,}  pass {event.epoch:.1f}"
        if self.last is not None:
            now = self.last
            speed = f"{now.tokens_per_second:,.0f} tokens/s  {duration(now.seconds_left)} left"
            head = f"{now.progress:4.0%} {head}  loss {now.loss:.3f}  {speed}"
        values = "  ".join(f"{name} {value_text(name, value)}" for name, value in event.metrics.items())
        self.say(f"{head}  dev: {values}{'  (best so far)' if event.is_best else ''}")
        for sample in event.samples:
            self.say(f"      {sample_line(sample, self.width - 6)}")
        for finding in event.findings:
            self.say(f"warning: {finding}")


class TensorBoard(Silence):
    """TensorBoard files: train and dev curves, the learning rate, the samples as text."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written before the run starts.

        Raises:
            ConfigError: tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            advice = "Install it with: pip install 'seqloom[tensorboard]'"
            raise ConfigError(f"--tensorboard: tensorboard is not installed ({error}). {advice}") from None
        self.folder, self._make, self.writer = folder, SummaryWriter, None

    def started(self, event: Started) -> None:
        """Open the files."""
        self.writer: Any = self._make(str(self.folder), purge_step=event.step or None)

    def updated(self, event: Updated) -> None:
        """Write the training curves."""
        for name in ("loss", "learning_rate", "tokens_per_second"):
            self.writer.add_scalar(f"train/{name}", getattr(event, name), event.step)

    def evaluated(self, event: Evaluated) -> None:
        """Write the dev curves and the samples."""
        for name, value in event.metrics.items():
            self.writer.add_scalar(f"dev/{name}", value, event.step)
        for number, sample in enumerate(event.samples, 1):
            text = "\n".join(f"    {label}: {printable(value)}" for label, value in _labelled(sample))
            self.writer.add_text(f"sample {number}", text, event.step)
        self.writer.flush()

    def finished(self, event: Finished) -> None:
        """Write the score of the weights that were kept."""
        for name, value in event.metrics.items():
            self.writer.add_scalar(f"final/{name}", value, event.step)
        self.close()

    def close(self) -> None:
        """Close the files; nothing where they are closed already."""
        if self.writer is not None:
            self.writer.close()


# ----------------------------------------------------------------------------------------------------------- the words


def introduction(event: Started) -> str:
    """What is trained on what, in one line."""
    limit = f"{event.epochs:g} passes" + (f" or {duration(event.budget_seconds)}" if event.budget_seconds else "")
    begin = f"going on at update {event.step:,}" if event.step else "training"
    size = f"{event.parameters:,} weights on {event.pairs:,} pairs"
    where = f"{event.device}, {event.precision}, {event.threads} thread{'' if event.threads == 1 else 's'}"
    return f"{begin}: {size}, at most {limit}, on {where}"


def value_text(name: str, value: float) -> str:
    """A metric's value as it is printed; what is not in the list of metrics has four decimals."""
    return format_value(name, value) if name in METRICS else f"{value:.4f}"


def duration(seconds: float) -> str:
    """'59s', '1m05s', '2h03m'; '-' where it is not known."""
    if not 0 <= seconds < 1e8:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def sample_line(sample: Sample, width: int) -> str:
    """'source -> prediction  (right)', or with the target where the prediction is another, cut to fit."""
    right = sample.prediction == sample.target
    parts = [sample.source, sample.prediction] if right else [sample.source, sample.prediction, sample.target]
    room = max((width - 20) // len(parts), 8)
    source, prediction, *target = [shorten(printable(part), room) for part in parts]
    return f"{source} -> {prediction or '(nothing)'}  ({'right' if right else f'target: {target[0]}'})"


def printable(text: str) -> str:
    """The text with control characters written out, so that no terminal obeys them."""
    if text.isprintable():
        return text
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)


def shorten(text: str, width: int) -> str:
    """The text, cut to so many cells of a terminal with ... at the end."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 3).rstrip() + "..."


def _labelled(sample: Sample) -> list[tuple[str, str]]:
    return [("source", sample.source), ("target", sample.target), ("prediction", sample.prediction)]
