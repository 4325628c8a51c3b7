"""Hugging Face transformers 5.23.0: a Marian Transformer from scratch, by the script beside this one and its `Seq2SeqTrainer`."""

from __future__ import annotations

from pathlib import Path

from peers.peer import Place

__all__ = ["HuggingFace"]

SCRIPT = str(Path(__file__).resolve().with_name("hugging_face_script.py"))


class HuggingFace:
    """`Seq2SeqTrainer` and `generate`."""

    name, environment, shapes, driver, batches = "transformers 5.23.0", "transformers", "C", "turns.py", (64, 256)

    def prepare(self, place: Place) -> None:
        """Nothing: the vocabulary is part of training."""

    def train(self, place: Place, steps: int) -> list[str]:
        """The script's `train`."""
        return [SCRIPT, "train", place.shape.name, str(place.texts.folder), str(steps)]

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """The script's `translate`."""
        numbers = [str(number) for number in (beam, length, batch)]
        return [str(place.python), SCRIPT, "translate", place.shape.name, str(place.texts.folder), *numbers, str(source), str(output)]
