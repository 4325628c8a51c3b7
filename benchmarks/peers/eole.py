"""Eole 0.6.4, the successor of OpenNMT-py.

Its `architecture: rnn` turns any encoder into one of a single direction and says nothing of it, so the encoder of shapes A and B reads the
source once where all others read it twice: the comparison is in its favour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from peers.peer import NEVER, Place, call, corpora, flags
from peers.shapes import Shape

__all__ = ["Eole"]


class Eole:
    """Its command `eole` with `build_vocab`, `train` and `predict`."""

    name, environment, shapes, driver = "Eole 0.6.4", "eole", "ABC", "turns.py"

    def prepare(self, place: Place) -> None:
        """The config, and the vocabulary by its own command."""
        self._write(place, NEVER)
        call(
            place,
            [str(place.python), place.script("eole"), "build_vocab", "-config", "config.yaml", "-n_sample", "-1", "--num_threads", "1"],
        )

    def train(self, place: Place, steps: int) -> list[str]:
        """`eole train`."""
        self._write(place, steps)
        return [place.script("eole"), "train", "-config", "config.yaml"]

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`eole predict`."""
        sizes = {"beam_size": beam, "batch_size": batch, "min_length": length, "max_length": length}
        files = ["-model_path", "model", "-src", str(source), "-output", str(output)]
        return [str(place.python), place.script("eole"), "predict", *files, *flags(sizes)]

    def _write(self, place: Place, steps: int) -> None:
        (place.folder / "config.yaml").write_text(yaml.safe_dump(_config(place, steps)), encoding="utf-8")


def _config(place: Place, steps: int) -> dict[str, Any]:
    shape = place.shape
    return {
        "data": corpora(place.texts),
        "save_data": "vocabulary",
        "src_vocab": "vocab.src",
        "tgt_vocab": "vocab.tgt",
        "overwrite": True,
        "src_words_min_frequency": shape.min_count,
        "tgt_words_min_frequency": shape.min_count,
        "seed": 1,
        "report_every": NEVER,
        "model": _network(shape),
        "training": {
            "model_path": "model",
            "compute_dtype": "fp32",
            "optim": "adam",
            "learning_rate": shape.learning_rate,
            "max_grad_norm": 1.0,
            "dropout": [shape.dropout],
            "dropout_steps": [0],
            "batch_size": shape.pairs,
            "batch_type": "sents",
            "num_workers": 0,
            "bucket_size": 12800,
            "train_steps": steps,
            "valid_steps": NEVER,
            "save_checkpoint_steps": steps,
            **({"attention_dropout": [shape.dropout]} if shape.is_transformer else {}),
        },
    }


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
