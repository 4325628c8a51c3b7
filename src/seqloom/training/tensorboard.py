"""A run as TensorBoard files, in its folder `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from seqloom.errors import ConfigError
from seqloom.training.events import Evaluated, Finished, Silence, Started, Updated
from seqloom.training.progress import printable

__all__ = ["TensorBoard"]


class Writer(Protocol):
    """What is used of TensorBoard's SummaryWriter."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...
    def add_text(self, tag: str, text_string: str, global_step: int) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class TensorBoard(Silence):
    """TensorBoard files: train and dev curves, the learning rate, the samples as text."""

    def __init__(self) -> None:
        """Nothing is written before the run starts.

        Raises:
            ConfigError: tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            advice = "Install it with: pip install 'seqloom[tensorboard]'"
            raise ConfigError(f"--tensorboard: tensorboard is not installed ({error}). {advice}") from None
        self.make: Any = SummaryWriter
        self.writer: Writer | None = None

    def started(self, event: Started) -> None:
        """Open the files; what an earlier part of the run wrote beyond this point is void."""
        self.writer = self.make(str(Path(event.run) / "tensorboard"), purge_step=event.step + 1 if event.step else None)

    def updated(self, event: Updated) -> None:
        """Write the training curves."""
        if self.writer is not None:
            for name in ("loss", "learning_rate", "tokens_per_second"):
                self.writer.add_scalar(f"train/{name}", getattr(event, name), event.step)

    def evaluated(self, event: Evaluated) -> None:
        """Write the dev curves and the samples."""
        if self.writer is not None:
            for name, value in event.metrics.items():
                self.writer.add_scalar(f"dev/{name}", value, event.step)
            for number, sample in enumerate(event.samples, 1):
                parts = {"source": sample.source, "target": sample.target, "prediction": sample.prediction}
                text = "\n".join(f"    {label}: {printable(value)}" for label, value in parts.items())
                self.writer.add_text(f"sample {number}", text, event.step)
            self.writer.flush()

    def finished(self, event: Finished) -> None:
        """Write the score of the weights that were kept."""
        if self.writer is not None:
            for name, value in event.metrics.items():
                self.writer.add_scalar(f"final/{name}", value, event.step)
        self.close()

    def close(self) -> None:
        """Close the files; nothing where they are closed already."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
