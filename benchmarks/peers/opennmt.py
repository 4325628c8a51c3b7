"""OpenNMT-py 3.5.1: bidirectional LSTM with input feeding, or Transformer, batches of like length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from peers.peer import NEVER, Place, call, corpora, flags
from peers.shapes import Shape

__all__ = ["OpenNMT"]


class OpenNMT:
    """Its commands `onmt_build_vocab`, `onmt_train` and `onmt_translate`."""

    name, environment, shapes, driver = "OpenNMT-py 3.5.1", "opennmt", "ABC", "turns.py"

    def prepare(self, place: Place) -> None:
        """The config, and the vocabulary by its own command."""
        (place.folder / "config.yaml").write_text(yaml.safe_dump(self._config(place)), encoding="utf-8")
        build = place.script("onmt_build_vocab")
        call(place, [str(place.python), build, "-config", "config.yaml", "-n_sample", "-1", "--num_threads", "1"])

    def train(self, place: Place, steps: int) -> list[str]:
        """`onmt_train`."""
        return [place.script("onmt_train"), "-config", "config.yaml", "-train_steps", str(steps), "-save_checkpoint_steps", str(steps)]

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`onmt_translate`."""
        model = max(place.folder.glob("model_step_*.pt"), key=lambda path: path.stat().st_mtime)
        sizes = {"beam_size": beam, "batch_size": batch, "min_length": length, "max_length": length, "gpu": -1}
        files = ["-model", str(model), "-src", str(source), "-output", str(output)]
        return [str(place.python), place.script("onmt_translate"), *files, *flags(sizes)]

    def _config(self, place: Place) -> dict[str, Any]:
        shape = place.shape
        return {
            "data": corpora(place.texts),
            "save_data": "vocabulary",
            "src_vocab": "vocab.src",
            "tgt_vocab": "vocab.tgt",
            "save_model": "model",
            "overwrite": True,
            "src_words_min_frequency": shape.min_count,
            "tgt_words_min_frequency": shape.min_count,
            "seed": 1,
            "word_vec_size": shape.embedding,
            "hidden_size": shape.width,
            "enc_layers": shape.layers,
            "dec_layers": shape.layers,
            "dropout": [shape.dropout],
            "optim": "adam",
            "learning_rate": shape.learning_rate,
            "max_grad_norm": 1.0,
            "batch_size": shape.pairs,
            "batch_type": "sents",
            "num_workers": 0,
            "bucket_size": 12800,
            "valid_steps": NEVER,
            "report_every": NEVER,
            **_network(shape),
        }


def _network(shape: Shape) -> dict[str, Any]:
    if shape.is_transformer:
        blocks = {"heads": shape.heads, "transformer_ff": shape.feed_forward, "attention_dropout": [shape.dropout]}
        return {"encoder_type": "transformer", "decoder_type": "transformer", "position_encoding": True, **blocks}
    attention = {"global_attention": "general", "input_feed": 1}
    return {"encoder_type": "brnn", "decoder_type": "rnn", "rnn_type": "LSTM", **attention}
