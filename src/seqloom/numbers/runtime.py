"""Exported models of numbers: the graph that says all target frames, run by onnxruntime. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqloom.batching import Batch
from seqloom.manifest import Manifest, read_manifest
from seqloom.numbers.answers import NumberAnswerer, known_of
from seqloom.numbers.fields import NumberFields
from seqloom.runtime import fields_of, open_session, refuse_another, run_session

__all__ = ["FrameGraph", "NumberPredictor"]

Floats = npt.NDArray[np.float32]


class NumberPredictor(NumberAnswerer):
    """An exported model of numbers, ready to forecast; may be used by several threads at once."""

    def __init__(self, path: Path, manifest: Manifest, fields: NumberFields, graph: FrameGraph) -> None:
        super().__init__(path, fields, manifest.data, manifest.head, graph)
        self.manifest = manifest

    @classmethod
    def load(cls, path: str | Path, *, threads: int | None = None) -> NumberPredictor:
        """As `seqloom.runtime.Predictor.load`."""
        folder = Path(path)
        manifest, contents = read_manifest(folder)
        fields = fields_of(folder, contents, NumberFields.from_state)
        graph = FrameGraph(contents["model.onnx"], threads, where=folder / "model.onnx")
        refuse_another(folder, manifest, contents, graph.session)
        return cls(folder, manifest, fields, graph)


class FrameGraph:
    """`seqloom.numbers.answers.FrameFinder` over an exported graph."""

    def __init__(self, model: bytes, threads: int | None = None, *, where: Path | str = "model.onnx") -> None:
        self.session = open_session(model, threads, where)

    def values(self, batch: Batch, lengths: Sequence[int]) -> list[Floats]:
        """See `seqloom.numbers.answers.FrameFinder`."""
        inputs = {
            "source": batch.source,
            "source_lengths": batch.source_mask.sum(1),
            "known": known_of(batch, lengths),
            "max_lengths": np.asarray(lengths, dtype=np.int64),
        }
        values, ends = run_session(self.session, ["values", "lengths"], inputs)
        return [row[:end] for row, end in zip(values, ends.tolist(), strict=True)]
