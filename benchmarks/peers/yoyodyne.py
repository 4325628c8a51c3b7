"""Yoyodyne 0.5.27: bidirectional LSTM with attention inside the recurrence, batches drawn at random.

It takes no least length of an output, so its search cannot be given the work of the others, and only its training is measured.
"""

from __future__ import annotations

from typing import Any

import yaml

from peers.peer import NEVER, Place

__all__ = ["Yoyodyne"]


class Yoyodyne:
    """Its command `yoyodyne fit`."""

    name, environment, shapes, driver = "yoyodyne 0.5.27", "yoyodyne", "B", "turns.py"

    def prepare(self, place: Place) -> None:
        """A table of pairs for each part; the vocabulary is part of training."""
        for part in ("train", "dev"):
            sides = (place.texts.path(part, side).read_text(encoding="utf-8").splitlines() for side in ("source", "target"))
            table = "".join(f"{source}\t{target}\n" for source, target in zip(*sides, strict=True))
            (place.folder / f"{part}.tsv").write_text(table, encoding="utf-8")

    def train(self, place: Place, steps: int) -> list[str]:
        """`yoyodyne fit`."""
        (place.folder / "config.yaml").write_text(yaml.safe_dump(_config(place, steps)), encoding="utf-8")
        return [place.script("yoyodyne"), "fit", "--config", "config.yaml"]


def _config(place: Place, steps: int) -> dict[str, Any]:
    files = {"train": "train.tsv", "val": "dev.tsv", "model_dir": "model"}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0, "check_val_every_n_epoch": NEVER}
    return {
        "seed_everything": 1,
        "trainer": {"accelerator": "cpu", "max_epochs": NEVER, "max_steps": steps, "gradient_clip_val": 1.0, **quiet},
        "data": {**files, "source_sep": " ", "target_sep": " ", "tie_embeddings": False, "batch_size": place.shape.pairs},
        "model": {"class_path": "yoyodyne.models.SoftAttentionLSTMModel", "init_args": _network(place)},
        "checkpoint": {"filename": "model", "monitor": "val_loss", "mode": "min"},
    }


def _network(place: Place) -> dict[str, Any]:
    shape = place.shape
    sizes = {"embedding_size": shape.embedding, "layers": shape.layers, "dropout": shape.dropout}
    encoder = {**sizes, "hidden_size": shape.width // 2, "bidirectional": True}
    return {
        "embedding_size": shape.embedding,
        "decoder_hidden_size": shape.width,
        "decoder_layers": shape.layers,
        "decoder_dropout": shape.dropout,
        "source_encoder": {"class_path": "yoyodyne.models.modules.LSTMEncoder", "init_args": encoder},
        "optimizer": {"class_path": "yoyodyne.optimizers.Adam", "init_args": {"lr": shape.learning_rate}},
    }
