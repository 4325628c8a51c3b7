"""What OpenNMT-py and Eole, its successor, name alike."""

from __future__ import annotations

from typing import Any

from peers.peer import NEVER, Place
from peers.shapes import Shape

__all__ = ["LONGEST", "VOCABULARY", "flags", "lengths", "texts_and_vocabulary", "updates"]

LONGEST = {"beam_size": 1, "batch_size": 64, "max_length": 100}
"""The options of a greedy search that ends by itself."""

VOCABULARY = ["-config", "config.yaml", "-n_sample", "-1", "--num_threads", "1"]
"""What follows the command that makes the vocabulary of all sentences."""


def texts_and_vocabulary(place: Place) -> dict[str, Any]:
    """The files, the symbols that are kept, and a seed."""
    parts = {"corpus_1": "train", "valid": "dev"}.items()
    files = {
        name: {"path_src": str(place.texts.path(part, "source")), "path_tgt": str(place.texts.path(part, "target")), "transforms": []}
        for name, part in parts
    }
    kept = {f"{side}_words_min_frequency": place.shape.min_count for side in ("src", "tgt")}
    named = {"data": files, "save_data": "vocabulary", "src_vocab": "vocab.src", "tgt_vocab": "vocab.tgt"}
    return {**named, "overwrite": True, **kept, "seed": 1, "report_every": NEVER}


def updates(shape: Shape) -> dict[str, Any]:
    """Batches of so many pairs of like length, and Adam."""
    batches = {"batch_size": shape.pairs, "batch_type": "sents", "num_workers": 0, "bucket_size": 12800, "valid_steps": NEVER}
    return {**batches, "dropout": [shape.dropout], "optim": "adam", "learning_rate": shape.learning_rate, "max_grad_norm": 1.0}


def lengths(beam: int, length: int, batch: int) -> dict[str, int]:
    """The options of a search whose outputs all have one length."""
    return {"beam_size": beam, "batch_size": batch, "min_length": length, "max_length": length}


def flags(values: dict[str, int]) -> list[str]:
    """Options of one dash, each with its value."""
    return [text for name, value in values.items() for text in (f"-{name}", str(value))]
