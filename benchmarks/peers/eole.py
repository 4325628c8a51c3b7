"""Eole 0.6.4, the successor of OpenNMT-py.

Its `architecture: rnn` turns any encoder into one of a single direction and says nothing of it, so the encoder of shapes A and B reads the
source once where all others read it twice: the comparison is in its favour.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from peers.family import LONGEST, VOCABULARY, flags, lengths, texts_and_vocabulary, updates
from peers.peer import NEVER, Place, call
from peers.shapes import Shape

__all__ = ["Eole"]


class Eole:
    """Its command `eole` with `build_vocab`, `train` and `predict`."""

    name, environment, shapes, driver, batches = "Eole 0.6.4", "eole", "ABC", "turns.py", (64, 256)

    def prepare(self, place: Place) -> None:
        """The config, and the vocabulary by its own command; models of before go."""
        shutil.rmtree(place.folder / "model", ignore_errors=True)
        self._write(place, NEVER, NEVER)
        call(place, [str(place.python), place.script("eole"), "build_vocab", *VOCABULARY])

    def train(self, place: Place, steps: int) -> list[str]:
        """`eole train`."""
        self._write(place, steps, steps)
        return [place.script("eole"), "train", "-config", "config.yaml"]

    def learn(self, place: Place, every: int) -> list[str]:
        """`eole train`, with checkpoints."""
        self._write(place, NEVER, every)
        return [place.script("eole"), "train", "-config", "config.yaml"]

    def looks(self, place: Place, every: int) -> dict[int, list[str] | float]:
        """`eole predict` for each."""
        written = {
            int(file.parent.name[len("step_") :]): file.parent for file in place.folder.glob("model/step_*/optimizer.pt")
        }  # the last
        source, answers = place.texts.path("dev", "source"), Path("answers.dev")
        return {step: self._predict(place, model, source, answers, LONGEST) for step, model in written.items()}

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`eole predict`."""
        return self._predict(place, Path("model"), source, output, lengths(beam, length, batch))

    def _predict(self, place: Place, model: Path, source: Path, output: Path, search: dict[str, int]) -> list[str]:
        files = ["-model_path", str(model), "-src", str(source), "-output", str(output)]
        return [str(place.python), place.script("eole"), "predict", *files, *flags(search)]

    def _write(self, place: Place, steps: int, every: int) -> None:
        (place.folder / "config.yaml").write_text(yaml.safe_dump(_config(place, steps, every)), encoding="utf-8")


def _config(place: Place, steps: int, every: int) -> dict[str, Any]:
    shape = place.shape
    attention = {"attention_dropout": [shape.dropout]} if shape.is_transformer else {}
    run = {"model_path": "model", "compute_dtype": "fp32", "dropout_steps": [0], "train_steps": steps, "save_checkpoint_steps": every}
    return {**texts_and_vocabulary(place), "model": _network(shape), "training": {**updates(shape), **run, **attention}}


def _network(shape: Shape) -> dict[str, Any]:
    if shape.is_transformer:
        return {
            "architecture": "transformer",
            "hidden_size": shape.width,
            "heads": shape.heads,
            "transformer_ff": shape.feed_forward,
            "embeddings": {"word_vec_size": shape.embedding, "position_encoding_type": "SinusoidalInterleaved"},
            "encoder": {"layers": shape.layers},
            "decoder": {"layers": shape.layers},
        }
    sizes = {"layers": shape.layers, "hidden_size": shape.width}
    return {
        "architecture": "rnn",
        "hidden_size": shape.width,
        "rnn_type": "LSTM",
        "embeddings": {"word_vec_size": shape.embedding},
        "encoder": {"encoder_type": "brnn", **sizes},
        "decoder": {"decoder_type": "rnn", "global_attention": "general", **sizes},
    }
