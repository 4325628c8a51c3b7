"""Seqloom itself, through its command line, in the same shapes: nothing tied, nothing smoothed, attention after the recurrence."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from peers.peer import NEVER, Place, call

__all__ = ["Chosen", "Exported", "Seqloom"]


class Seqloom:
    """`seqloom train` and `seqloom predict`."""

    name, environment, shapes, driver = "seqloom", None, "ABC", "seqloom_turns.py"
    batches = (0,)

    def prepare(self, place: Place) -> None:
        """The config; the vocabulary is part of training."""
        self._write(place, {"kind": "tokens", "min_count": place.shape.min_count})

    def train(self, place: Place, steps: int) -> list[str]:
        """`seqloom train`."""
        return [*_train(place), "--config", "config.yaml", "--set", f"training.max_steps={steps}"]

    def learn(self, place: Place, every: int) -> list[str]:
        """`seqloom train`, which looks at dev itself; the same words as text, of which it measures BLEU."""
        self._write(place, {"kind": "text", "unit": "word", "min_count": place.shape.min_count})
        looks = [f"training.evaluate_every={every}", "training.early_stopping.metric=bleu", "training.early_stopping.patience=1000"]
        return [*_train(place), "--config", "config.yaml", *(text for value in looks for text in ("--set", value))]

    def looks(self, place: Place, every: int) -> dict[int, list[str] | float]:
        """Its own."""
        said = place.folder / "run" / "metrics.jsonl"
        looks = [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines()] if said.exists() else []
        return {look["step"]: look["bleu"] for look in looks}

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`seqloom predict`, which batches as it finds best."""
        return _predict("run", beam, source, output, length)

    def _write(self, place: Place, side: dict[str, Any]) -> None:
        (place.folder / "config.yaml").write_text(yaml.safe_dump(_config(place, side)), encoding="utf-8")


class Chosen(Seqloom):
    """`seqloom train` without a flag but paths and a budget, on the same texts: its own network, batches and looks."""

    name, shapes = "seqloom, no flags", "A"

    def prepare(self, place: Place) -> None:
        """Nothing is said."""

    def learn(self, place: Place, every: int) -> list[str]:
        """`seqloom train`."""
        return [*_train(place), "--budget", "8m"]


class Exported(Seqloom):
    """The same after `seqloom export`: onnxruntime runs it, and torch is never loaded."""

    name = "seqloom, exported"

    def prepare(self, place: Place) -> None:
        """The config; what was exported before goes."""
        super().prepare(place)
        shutil.rmtree(place.folder / "exported", ignore_errors=True)

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`seqloom predict` of what `seqloom export`, the first time, writes in float32."""
        if not (place.folder / "exported").exists():
            call(place, [sys.executable, "-m", "seqloom", "export", "run", "--out", "exported", "--float32"])
        return _predict("exported", beam, source, output, length)


def _train(place: Place) -> list[str]:
    files = [str(place.texts.path("train", side)) for side in ("source", "target")]
    dev = [text for side in ("source", "target") for text in ("--dev", str(place.texts.path("dev", side)))]
    return ["train", *files, *dev, "--out", "run", "--overwrite", "--quiet"]


def _predict(model: str, beam: int, source: Path, output: Path, length: int) -> list[str]:
    sizes = ["--beam", str(beam), "--min-length", str(length), "--max-length", str(length)]
    return [sys.executable, "-m", "seqloom", "predict", model, "--input", str(source), "--output", str(output), *sizes]


def _config(place: Place, side: dict[str, Any]) -> dict[str, Any]:
    shape = place.shape
    model = {
        "embedding": shape.embedding,
        "dropout": shape.dropout,
        "tie_embeddings": "none",
        "head": {"kind": "tokens", "label_smoothing": 0.0},
    }
    return {
        "fields": {"source": [side], "target": side},
        "model": model | _network(place),
        "training": {
            "threads": place.threads,
            "device": "cpu",
            "epochs": 1000,
            "clip_norm": 1.0,
            "evaluate_every": NEVER,
            "checkpoint_seconds": float(NEVER),
            "batch": {"unit": "pairs", "size": shape.pairs},
            "optimizer": {"kind": "adam", "learning_rate": shape.learning_rate},
            "schedule": {"kind": "constant"},
        },
    }


def _network(place: Place) -> dict[str, Any]:
    shape = place.shape
    if shape.is_transformer:
        block = {
            "kind": "transformer",
            "layers": shape.layers,
            "width": shape.width,
            "heads": shape.heads,
            "feed_forward": shape.feed_forward,
        }
        return {"encoder": block, "decoder": block, "attention": {"kind": "multihead", "heads": shape.heads}}
    cell = {"kind": "recurrent", "layers": shape.layers, "width": shape.width}
    return {"encoder": cell, "decoder": cell, "attention": {"kind": "bilinear"}}
