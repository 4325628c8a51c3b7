"""From a run to the exported folder, which is put in place only when it was found to answer as the run does."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from onnx import ModelProto, checker, helper

from seqloom.checkpoint import RunDirectory
from seqloom.config import DataConfig, SearchConfig
from seqloom.errors import CheckpointError
from seqloom.export.beams import assemble
from seqloom.export.check import Parity, compare
from seqloom.export.graph import OPSET
from seqloom.export.tracing import trace
from seqloom.fields import Fields
from seqloom.manifest import FORMAT, Manifest, describe_files, is_exported, write_manifest
from seqloom.model import Model, load
from seqloom.nn.seq2seq import Seq2Seq
from seqloom.runtime import Predictor
from seqloom.version import __version__

__all__ = ["Report", "export"]

IR_VERSION = 8
"""Of the file format; goes with the operator set."""


@dataclass(frozen=True)
class Report:
    """What was exported."""

    folder: Path
    manifest: Manifest
    parity: Parity
    """Of the exported beside the trained model."""


def export(run: str | Path, out: str | Path, *, overwrite: bool = False) -> Report:
    """Export a run into the folder `out`.

    Raises:
        CheckpointError: the run cannot be read, `out` is there already, or the exported model answers otherwise than the trained one.
    """
    folder = Path(out)
    _refuse_existing(folder, overwrite)
    model = load(run)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        draft = Path(temporary) / folder.name
        draft.mkdir()
        manifest = _write(model, draft)
        parity = compare(model, Predictor.load(draft))
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    return Report(folder, manifest, parity)


def _refuse_existing(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise CheckpointError(f"{folder}: exists already. Replace it with --overwrite, or choose another --out.")
    if not is_exported(folder):
        raise CheckpointError(f"{folder}: exists and is no exported model, so it is not overwritten. Choose another --out.")


def _write(model: Model, folder: Path) -> Manifest:
    """Write the files of the folder."""
    network = model.translator.network
    onnx = to_onnx(network, model.fields, model.config.search, model.config.data)
    (folder / "model.onnx").write_bytes(onnx.SerializeToString())
    model.fields.save(folder / "fields.json")
    about = RunDirectory(model.path).check()
    manifest = Manifest(
        name=model.path.resolve().name,
        precision="float32",
        parameters=sum(weight.numel() for weight in network.parameters()),
        metrics=about.get("metrics", {}),
        search=model.config.search,
        data=_without_paths(model.config.data),
        versions={"seqloom": __version__} | {name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        files=describe_files(folder),
    )
    write_manifest(folder, manifest)
    return manifest


def to_onnx(network: Seq2Seq, fields: Fields, search: SearchConfig, data: DataConfig) -> ModelProto:
    """The model file: the graph, and as metadata all that a program needs beside it."""
    graph = assemble(trace(network))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "seqloom", __version__
    settings = {"search": search, "data": _without_paths(data)}
    about = {"format": FORMAT, "fields": fields.state()} | {name: part.model_dump(mode="json") for name, part in settings.items()}
    helper.set_model_props(model, {f"seqloom.{name}": json.dumps(value, ensure_ascii=False) for name, value in about.items()})
    checker.check_model(model)
    return model


def _without_paths(data: DataConfig) -> DataConfig:
    """The settings without the places of files, which are nobody else's business."""
    return data.model_copy(update={"train": [], "dev": []})
