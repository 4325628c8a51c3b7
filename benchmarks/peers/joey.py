"""JoeyNMT 2.3.0: bidirectional LSTM with input feeding and Luong's attention, or Transformer, batches drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from peers.peer import NEVER, Place
from peers.shapes import Shape

__all__ = ["Joey"]


class Joey:
    """Its module `joeynmt` with `train` and `translate`."""

    name, environment, shapes, driver, batches = "JoeyNMT 2.3.0", "joeynmt", "ABC", "turns.py", (64, 256)

    def prepare(self, place: Place) -> None:
        """A dev set of two pairs, which it validates on before it keeps a model; the vocabulary is part of training."""
        for side in ("source", "target"):
            lines = place.texts.path("dev", side).read_text(encoding="utf-8").splitlines()
            (place.folder / f"few.{side}").write_text("\n".join(lines[:2]) + "\n", encoding="utf-8")

    def train(self, place: Place, steps: int) -> list[str]:
        """`joeynmt train`."""
        return ["-m", "joeynmt", "train", self._write(place, "train.yaml", steps, _search(1, 20, 2)), "--skip-test"]

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`joeynmt translate`, which reads standard input and writes standard output."""
        config = self._write(place, "translate.yaml", NEVER, _search(beam, length, batch))
        return [str(place.python), "-m", "joeynmt", "translate", config]

    def _write(self, place: Place, name: str, steps: int, search: dict[str, Any]) -> str:
        config = {
            "name": place.shape.name,
            "joeynmt_version": "2.3.0",
            "model_dir": str(place.folder / "model"),
            "use_cuda": False,
            "random_seed": 1,
            "data": _data(place),
            "testing": search,
            "training": _training(place.shape, steps),
            "model": _network(place.shape),
        }
        (place.folder / name).write_text(yaml.safe_dump(config), encoding="utf-8")
        return name


def _data(place: Place) -> dict[str, Any]:
    sides = {
        key: {"lang": side, "level": "word", "lowercase": False, "max_length": 1000, "voc_min_freq": place.shape.min_count}
        for key, side in (("src", "source"), ("trg", "target"))
    }
    return {"train": str(place.texts.folder / "train"), "dev": str(place.folder / "few"), "dataset_type": "plain", **sides}


def _search(beam: int, length: int, batch: int) -> dict[str, Any]:
    sizes = {"beam_size": beam, "batch_size": batch, "batch_type": "sentence", "eval_metrics": []}
    return {**sizes, "min_output_length": length, "max_output_length": length}


def _training(shape: Shape, steps: int) -> dict[str, Any]:
    return {
        "optimizer": "adam",
        "learning_rate": shape.learning_rate,
        "scheduling": "exponential",  # its way to say none that works
        "decrease_factor": 1.0,
        "clip_grad_norm": 1.0,
        "batch_size": shape.pairs,
        "batch_type": "sentence",
        "early_stopping_metric": "ppl",
        "epochs": 1000,
        "updates": steps,
        "validation_freq": steps,
        "logging_freq": steps,  # not above validation_freq
        "print_valid_sents": [],
        "overwrite": True,
    }


def _network(shape: Shape) -> dict[str, Any]:
    dropped = 0.0 if shape.is_transformer else shape.dropout
    embeddings = {"embedding_dim": shape.embedding, "scale": shape.is_transformer, "dropout": dropped}
    each = {"embeddings": embeddings, "num_layers": shape.layers, "dropout": shape.dropout}
    if shape.is_transformer:
        block = {"type": "transformer", **each, "num_heads": shape.heads, "hidden_size": shape.width, "ff_size": shape.feed_forward}
        return {"initializer": "xavier_uniform", "embed_initializer": "xavier_uniform", "encoder": block, "decoder": block}
    cell = {"type": "recurrent", "rnn_type": "lstm", **each}
    fed = {"input_feeding": True, "init_hidden": "bridge", "attention": "luong", "hidden_dropout": shape.dropout}
    encoder = {**cell, "hidden_size": shape.width // 2, "bidirectional": True}
    return {"initializer": "xavier_uniform", "encoder": encoder, "decoder": {**cell, "hidden_size": shape.width, **fed}}
