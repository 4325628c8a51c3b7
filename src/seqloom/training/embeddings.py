"""Embeddings that begin with ready word vectors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from seqloom.config import ModelConfig
from seqloom.errors import DataError
from seqloom.fields.task import Fields
from seqloom.fields.text import SourceField, TargetField
from seqloom.fields.vectors import read_vectors
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.training.events import Watcher

__all__ = ["begin_with_vectors", "vectors_of"]

IDS, ROWS = "ids", "rows"


def vectors_of(config: ModelConfig, fields: Fields, watcher: Watcher) -> dict[str, Tensor]:
    """The vectors of the symbols that the files of the config have: `source.ids` (n,), `source.rows` (n, D), and the same of the target.

    Their rows are scaled by one number, so that their mean square is 1 / D, that of the embeddings that are drawn: a file's vectors may be
    far longer or shorter, and inputs and tied outputs expect about unit length. Says how many there are.

    Raises:
        DataError: a file holds something else than vectors of one width, or none of a side that is to stay as it begins.
    """
    files = config.vectors.files
    if config.tie_embeddings == "all":  # one embedding, whichever side names the file
        files = dict(list(files.items())[:1])
    found = dict[str, Tensor]()
    for file in dict.fromkeys(files.values()):
        with watcher.phase(f"reading word vectors from {file}"):
            parts = read_vectors(file, {side: _field(fields, side) for side, name in files.items() if name == file})
        for part in parts:
            for note in part.notes(shared=fields.config.shared):
                watcher.say(note)
            if config.vectors.frozen and not part.ids:
                what = f"no vectors of {part.side} symbols, and with model.vectors.frozen=true all of them would stay as drawn"
                advice = f"Leave model.vectors.{part.side} or model.vectors.frozen out, or name another file"
                raise DataError(f"{file}: {what}; expected some. {advice}.")
            if part.ids:
                rows = np.stack(part.rows)
                size = float(np.sqrt(np.mean(np.square(rows, dtype=np.float64)) * rows.shape[1])) or 1.0
                found[f"{part.side}.{IDS}"], found[f"{part.side}.{ROWS}"] = (
                    torch.tensor(part.ids),
                    torch.from_numpy(rows / np.float32(size)),
                )
    return found


def _field(fields: Fields, side: str) -> SourceField | TargetField:
    """The field of a side; the config has made sure that the source is one of texts."""
    if side == "source" and isinstance(fields.source, SourceField):
        return fields.source
    return fields.target


def begin_with_vectors(network: Seq2Seq, vectors: Mapping[str, Tensor]) -> None:
    """Put what `vectors_of` gave into the embeddings; the other rows stay as they were drawn."""
    with torch.no_grad():
        for side in ("source", "target"):
            if f"{side}.{IDS}" in vectors:
                weight = network.embedding(side).weight
                weight[vectors[f"{side}.{IDS}"]] = vectors[f"{side}.{ROWS}"].to(weight)
