"""OpenNMT-py 3.5.1: bidirectional LSTM with input feeding, or Transformer, batches of like length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from peers.family import LONGEST, VOCABULARY, flags, lengths, texts_and_vocabulary, updates
from peers.peer import NEVER, Place, call
from peers.shapes import Shape

__all__ = ["OpenNMT"]


class OpenNMT:
    """Its commands `onmt_build_vocab`, `onmt_train` and `onmt_translate`."""

    name, environment, shapes, driver, batches = "OpenNMT-py 3.5.1", "opennmt", "ABC", "turns.py", (64, 256)

    def prepare(self, place: Place) -> None:
        """The config, and the vocabulary by its own command; models of before go."""
        for model in place.folder.glob("model_step_*.pt"):
            model.unlink()
        config = {**texts_and_vocabulary(place), "save_model": "model", **updates(place.shape), **_network(place.shape)}
        (place.folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        call(place, [str(place.python), place.script("onmt_build_vocab"), *VOCABULARY])

    def train(self, place: Place, steps: int) -> list[str]:
        """`onmt_train`."""
        return self._train(place, steps, steps)

    def learn(self, place: Place, every: int) -> list[str]:
        """`onmt_train`, with checkpoints."""
        return self._train(place, NEVER, every)

    def looks(self, place: Place, every: int) -> dict[int, list[str] | float]:
        """`onmt_translate` for each."""
        models = {int(model.stem.rpartition("_")[2]): model for model in place.folder.glob("model_step_*.pt")}
        source, answers = place.texts.path("dev", "source"), Path("answers.dev")
        return {step: self._translate(place, model, source, answers, LONGEST) for step, model in models.items()}

    def translate(self, place: Place, beam: int, source: Path, output: Path, length: int, batch: int) -> list[str]:
        """`onmt_translate`."""
        model = max(place.folder.glob("model_step_*.pt"), key=lambda path: path.stat().st_mtime)
        return self._translate(place, model, source, output, lengths(beam, length, batch))

    def _train(self, place: Place, steps: int, every: int) -> list[str]:
        return [place.script("onmt_train"), "-config", "config.yaml", "-train_steps", str(steps), "-save_checkpoint_steps", str(every)]

    def _translate(self, place: Place, model: Path, source: Path, output: Path, search: dict[str, int]) -> list[str]:
        files = ["-model", str(model), "-src", str(source), "-output", str(output), "-gpu", "-1"]
        return [str(place.python), place.script("onmt_translate"), *files, *flags(search)]


def _network(shape: Shape) -> dict[str, Any]:
    sizes = {"word_vec_size": shape.embedding, "hidden_size": shape.width, "enc_layers": shape.layers, "dec_layers": shape.layers}
    if shape.is_transformer:
        blocks = {"heads": shape.heads, "transformer_ff": shape.feed_forward, "attention_dropout": [shape.dropout]}
        return {**sizes, "encoder_type": "transformer", "decoder_type": "transformer", "position_encoding": True, **blocks}
    attention = {"global_attention": "general", "input_feed": 1}
    return {**sizes, "encoder_type": "brnn", "decoder_type": "rnn", "rnn_type": "LSTM", **attention}
