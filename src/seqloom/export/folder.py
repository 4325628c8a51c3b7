"""From a run to the exported folder, which is put in place only when it was found to answer as the run does."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from onnx import ModelProto, checker, helper

from seqloom.answers import Answerer
from seqloom.checkpoint import RunDirectory
from seqloom.config import DataConfig, SearchConfig
from seqloom.errors import CheckpointError
from seqloom.export.beams import assemble
from seqloom.export.card import model_card
from seqloom.export.check import Loss, Parity, compare, loss
from seqloom.export.graph import OPSET
from seqloom.export.program import write_program
from seqloom.export.quantize import quantized
from seqloom.export.tracing import trace
from seqloom.fields import Fields
from seqloom.manifest import FORMAT, Manifest, describe_files, is_exported, write_manifest
from seqloom.model import Model
from seqloom.model import load as load_run
from seqloom.nn.seq2seq import Network
from seqloom.number_fields import holds_numbers
from seqloom.runtime import Graph
from seqloom.version import __version__

__all__ = ["Precision", "Report", "export", "to_onnx"]

Precision = Literal["auto", "int8", "float32"]

IR_VERSION = 8
"""Of the file format; goes with the operator set."""
PROGRAM = "model.pt2"
WRITTEN = {"model.onnx", "fields.json", "manifest.json", "README.md", PROGRAM}
"""All that an exported folder can hold."""


@dataclass(frozen=True)
class Report:
    """What was exported."""

    folder: Path
    manifest: Manifest
    parity: Parity
    """Of the float32 beside the trained model."""
    small: Loss | None
    """What 8 bits cost, where they were tried."""


def export(run: str | Path, out: str | Path, *, precision: Precision = "auto", overwrite: bool = False, beside: bool = False) -> Report:
    """Export a run into the folder `out`.

    Args:
        precision: int8, float32, or `auto`: int8 where the dev metric loses no more than half a percent of itself.
        beside: also write the network as a `torch.export` program, for those who stay with PyTorch.

    Raises:
        CheckpointError: the run cannot be read, `out` is there already, or the exported model answers otherwise than the trained one.
    """
    folder = Path(out).resolve()
    _refuse_existing(folder, overwrite)
    if holds_numbers(RunDirectory(run).fields):
        raise CheckpointError(f"{run}: a model of numbers; only ids to ids can be exported. Answer with the run itself.")
    model = load_run(run)
    _refuse_unsupported(model)
    with _beside(folder) as temporary:
        draft = Path(temporary) / folder.name
        draft.mkdir()
        report = replace(_write(model, draft, precision, beside), folder=Path(out))
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    return report


def _write(model: Model, folder: Path, precision: Precision, beside: bool) -> Report:
    """Write the files of the folder, the smaller model where it is good enough."""
    whole = to_onnx(model.translator.network, model.fields, model.config.search, model.config.data)
    exported = answerer(model, whole)
    parity, small, chosen = compare(model, exported), None, "float32"
    if parity.identical + parity.ties < parity.hypotheses:
        raise CheckpointError(f"{model.path}: {parity}. The exported model is wrong, so it is not written: please report this.")
    if precision != "float32":
        reduced = quantized(whole)
        small = loss(model, exported, answerer(model, reduced))
        if precision == "int8" or small.is_small:
            whole, chosen = reduced, "int8"
    (folder / "model.onnx").write_bytes(whole.SerializeToString())
    model.fields.save(folder / "fields.json")
    if beside:
        write_program(model.translator.network, folder / PROGRAM)
    manifest = _manifest(model, chosen, small)
    card = model_card(model, manifest, parity, small, len(whole.SerializeToString()))
    (folder / "README.md").write_text(card, encoding="utf-8")
    manifest = manifest.model_copy(update={"files": describe_files(folder)})
    write_manifest(folder, manifest)
    return Report(folder, manifest, parity, small)


def answerer(model: Model, onnx: ModelProto) -> Answerer:
    """The exported graph with all else as in the trained model."""
    return Answerer(model.fields, model.config.data, model.config.search, Graph(onnx.SerializeToString()))


def _manifest(model: Model, precision: Literal["float32", "int8"], small: Loss | None) -> Manifest:
    metrics: dict[str, float | None] = dict(RunDirectory(model.path).check().get("metrics", {}))
    if small is not None and precision == "int8":
        metrics = {name: value for name, value in metrics.items() if name == small.metric} | {small.metric: small.reduced}
    return Manifest(
        name=model.path.resolve().name,
        precision=precision,
        parameters=sum(weight.numel() for weight in model.translator.network.parameters()),
        metrics=metrics,
        search=model.config.search,
        data=_without_paths(model.config.data),
        versions={"seqloom": __version__} | {name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        files={},
    )


def _refuse_unsupported(model: Model) -> None:
    kinds = f"{model.fields.source.kind} to {model.fields.target.kind}"
    if kinds != "ids to ids":
        raise CheckpointError(f"{model.path}: a model of {kinds}; only ids to ids can be exported. Answer with the run itself.")
    if model.config.model.head.ctc_weight:
        raise CheckpointError(f"{model.path}: its search asks a CTC head, which cannot be exported. Train with model.head.ctc_weight=0.")


def _refuse_existing(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise CheckpointError(f"{folder}: exists already. Replace it with --overwrite, or choose another --out.")
    if not is_exported(folder):
        raise CheckpointError(f"{folder}: exists and is no exported model, so it is not overwritten. Choose another --out.")
    strange = sorted(path.name for path in folder.iterdir() if path.name not in WRITTEN)
    if strange:
        raise CheckpointError(f"{folder}: holds {strange[0]}, which no export wrote, so it is not overwritten. Choose another --out.")


def _beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder next to the one that is to be written, from which it is put in place.

    Raises:
        CheckpointError: nothing can be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be made ({error.strerror}). Choose another --out.") from None


def to_onnx(network: Network, fields: Fields, search: SearchConfig, data: DataConfig) -> ModelProto:
    """The model file: the graph, and as metadata all that a program needs beside it."""
    graph = assemble(trace(network))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "seqloom", __version__
    settings = {"search": search, "data": _without_paths(data)}
    about = {"format": FORMAT, "stride": network.stride, "fields": fields.state()} | {
        name: part.model_dump(mode="json") for name, part in settings.items()
    }
    helper.set_model_props(model, {f"seqloom.{name}": json.dumps(value, ensure_ascii=False) for name, value in about.items()})
    checker.check_model(model)
    return model


def _without_paths(data: DataConfig) -> DataConfig:
    """The settings without the places of files, which are nobody else's business."""
    return data.model_copy(update={"train": [], "dev": []})
