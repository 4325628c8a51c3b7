"""From a run to the exported folder, which is put in place only when it was found to answer as the run does."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any, Literal, Protocol

from onnx import GraphProto, ModelProto, checker, helper

from seqloom.checkpoint import RunDirectory
from seqloom.config import DataConfig, HeadConfig, SearchConfig, TokenHead, has_own_parts
from seqloom.errors import CheckpointError, PartError, SeqloomError
from seqloom.export import check, number_check
from seqloom.export.beams import beam_graph
from seqloom.export.card import About, about_numbers, about_pairs, model_card
from seqloom.export.check import Loss
from seqloom.export.frames import frame_graph
from seqloom.export.graph import OPSET
from seqloom.export.program import write_program
from seqloom.export.quantize import quantized
from seqloom.export.tracing import LOOPS
from seqloom.export.weights import settled
from seqloom.fields.task import Fields
from seqloom.files import cannot_write, folder_beside, is_taken, refuse_unasked
from seqloom.hardware import usual_torch, without_draws
from seqloom.manifest import FORMAT, NAME, Manifest, Measured, describe_files, is_exported, manifest_bytes, refuse_exported_again
from seqloom.model import load as load_run
from seqloom.nn.seq2seq import Network
from seqloom.numbers.fields import NumberFields
from seqloom.planning.asked import asked_for
from seqloom.settings import override_search
from seqloom.version import __version__

__all__ = ["WAYS", "Precision", "Report", "Way", "export", "to_onnx"]

Precision = Literal["auto", "int8", "float32"]

IR_VERSION = 8
"""Of the file format; goes with the operator set."""
PROGRAM = "model.pt2"
WRITTEN = {"model.onnx", "fields.json", "manifest.json", "README.md", PROGRAM}
"""All that an exported folder can hold."""


class Parity(Protocol):
    """How alike the trained and the exported model answer; as text, what a person reads."""

    @property
    def holds(self) -> bool: ...


@dataclass(frozen=True)
class Way:
    """How models of one kind of target are exported."""

    graph: Callable[[Any, Any], GraphProto]
    """Of the network, and of the fields."""
    compare: Callable[[Any, ModelProto], Parity]
    """Of the trained model and the whole graph."""
    loss: Callable[[Any, ModelProto, ModelProto], Loss]
    """Of the trained model, the whole graph and the one in 8 bits."""
    about: Callable[[Any], About]
    """For the model card."""


def _graph_of_texts(network: Any, fields: Fields) -> GraphProto:
    return beam_graph(network, fields.never)


WAYS = {
    "ids": Way(_graph_of_texts, check.compare, check.loss, about_pairs),
    "frames": Way(lambda network, _: frame_graph(network), number_check.compare, number_check.loss, about_numbers),
}


@dataclass(frozen=True)
class Report:
    """What was exported."""

    folder: Path
    manifest: Manifest
    parity: Parity
    """Of the float32 beside the trained model."""
    small: Loss | None
    """What 8 bits cost, where they were tried."""


@usual_torch()
@without_draws()
def export(
    run: str | Path,
    out: str | Path,
    *,
    precision: Precision = "auto",
    overwrite: bool = False,
    beside: bool = False,
    settings: str | Iterable[str] | Mapping[str, Any] = (),
) -> Report:
    """Export a run into the folder `out`.

    Args:
        precision: int8, float32, or `auto`: int8 where the dev metric loses no more than half a percent of itself.
        beside: also write the network as a `torch.export` program, for those who stay with PyTorch.
        settings: "search.beam=3" and the like, one or several, or a dictionary of them. Laid over the search of the run.

    Raises:
        CheckpointError: the run cannot be read, `out` is there already or cannot be written, or the exported model answers otherwise than
            the trained one.
    """
    folder = Path(out).resolve()
    refuse_exported_again(run)
    _refuse_existing(folder, overwrite)
    model = load_run(run)
    trained = model.config.search
    model.config = model.config.model_copy(update={"search": override_search(trained, asked_for(settings))})
    if model.config.search.kind == "sample":
        raise CheckpointError(
            f"{run}: search.kind is sample, and no graph draws; expected beam or greedy. Export with --set search.kind=beam."
        )
    if model.config.search.no_repeat_ngram:
        raise CheckpointError(
            f"{run}: search.no_repeat_ngram, which no graph knows; expected 0. Export with --set search.no_repeat_ngram=0."
        )
    with folder_beside(folder) as temporary:
        draft = Path(temporary) / folder.name
        draft.mkdir()
        with _said_of(folder):
            report = replace(_write(model, draft, precision, beside, trained), folder=Path(out))
        _put_in_place(draft, folder, Path(temporary) / "before", overwrite)
    return report


@contextmanager
def _said_of(folder: Path) -> Generator[None]:
    """Raises a CheckpointError that names the folder where a file of it cannot be written."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(str(cannot_write(folder, error))) from None


def _put_in_place(draft: Path, folder: Path, before: Path, overwrite: bool) -> None:
    """Rename a whole folder to its place, where nothing or an empty folder is, or, with `overwrite`, an exported model, which is moved away
    first and comes back where that fails.

    Raises:
        CheckpointError: something that may not be replaced was put there since the export began; it stays.
    """
    if overwrite and is_taken(folder):
        _refuse_existing(folder, overwrite)
        _swap(draft, folder, before)
    else:
        _rename(draft, folder)


def _swap(draft: Path, folder: Path, before: Path) -> None:
    _rename(folder, before)
    try:
        _refuse_foreign(before, folder)  # once more, where nobody finds it to put files into
        _rename(draft, folder)
    except CheckpointError:
        _put_back(before, folder)
        raise


def _rename(old: Path, new: Path) -> None:
    """The system's own rename, which replaces no folder that is not empty, however late it was made."""
    try:
        if os.name == "nt" and new.is_dir():  # where it replaces none at all
            new.rmdir()
        old.rename(new)
    except OSError as error:
        if is_taken(new):
            what = "something was put there while the export worked, and stays"
            raise CheckpointError(f"{new}: {what}. Choose another --out, or export again with --overwrite.") from None
        raise CheckpointError(f"{new}: cannot be put in place ({error.strerror}). Choose another --out.") from None


def _put_back(before: Path, folder: Path) -> None:
    """What was in the folder comes back; beside it, where its name is taken.

    Raises:
        CheckpointError: it is taken; says where the older model lies.
    """
    try:
        before.rename(folder)
    except OSError:
        kept = Path(tempfile.mkdtemp(prefix=f"{folder.name}-before-", dir=folder.parent))
        before.rename(kept)
        what = f"something was put there while the export worked; the model that was there is {kept.name} beside it"
        raise CheckpointError(f"{folder}: {what}. Look at both, and export again.") from None


def _compared(model: Any, way: Way, graph: ModelProto) -> Parity:
    """How alike the graph answers.

    Raises:
        PartError: it cannot run, and a part of a user's may be why.
    """
    try:
        return way.compare(model, graph)
    except SeqloomError:
        raise
    except Exception as error:  # onnxruntime's exceptions have no common ancestor
        if not has_own_parts():
            raise
        what = " ".join(str(error).rpartition("Status Message:")[2].split()).rstrip(".")
        raise PartError(
            f"{model.path}: the graph of the model fails at a dev source ({what}); expected answers. Nothing is written. {LOOPS}."
        ) from error


def _write(model: Any, folder: Path, precision: Precision, beside: bool, trained: SearchConfig) -> Report:
    """Write the files of the folder, the smaller model where it is good enough; `trained` is the search of the run."""
    config, way = model.config, WAYS[model.fields.target.kind]
    graph = to_onnx(model.network, model.fields, config.search, config.data, config.model.head)
    whole = settled(graph)
    parity, small, chosen = _compared(model, way, whole), None, "float32"
    if not parity.holds and has_own_parts():
        raise PartError(f"{model.path}: {parity}. The exported model is not written. {LOOPS}.")
    if not parity.holds:
        raise CheckpointError(f"{model.path}: {parity}. The exported model is wrong, so it is not written: please report this.")
    if precision != "float32":
        reduced = settled(quantized(graph))
        small = way.loss(model, whole, reduced)
        if precision == "int8" or small.is_small:
            whole, chosen = reduced, "int8"
    (folder / "model.onnx").write_bytes(whole.SerializeToString())
    (folder / "fields.json").write_text(json.dumps(_state(model.fields), ensure_ascii=False, indent=1), encoding="utf-8")
    if beside:
        write_program(model.network, folder / PROGRAM)
    metrics, measured = _scores(model, chosen, small, trained)
    manifest = _manifest(model, chosen, metrics, measured)
    card = model_card(way.about(model), manifest, str(parity), small, len(whole.SerializeToString()))
    (folder / "README.md").write_text(card, encoding="utf-8")
    manifest = manifest.model_copy(update={"files": describe_files(folder)})
    (folder / NAME).write_bytes(manifest_bytes(manifest))
    return Report(folder, manifest, parity, small)


def _scores(
    model: Any, precision: Literal["float32", "int8"], small: Loss | None, trained: SearchConfig
) -> tuple[dict[str, float | None], Measured | None]:
    """The dev scores of the exported model, and how they were measured: of a run those of its end, unless weights or search are others
    now; then that which was measured to see what 8 bits cost, or none.
    """
    search, has_search = model.config.search, model.fields.target.kind == "ids"
    is_changed = has_search and search != trained
    if small is not None and (precision == "int8" or is_changed):
        value = small.reduced if precision == "int8" else small.whole
        return {small.metric: value}, Measured(on=small.on, search=search.name if has_search else None)
    about = RunDirectory(model.path).check()
    if is_changed or not about.get("metrics"):
        return {}, None
    rows = "dev windows" if getattr(model.config.fields.numbers, "horizon", 0) else "dev pairs"
    on = f"{about['dev_pairs']:,} {rows}" if "dev_pairs" in about else rows
    return about["metrics"], Measured(on=on, search=about.get("search") if has_search else None)


def _manifest(model: Any, precision: Literal["float32", "int8"], metrics: dict[str, float | None], measured: Measured | None) -> Manifest:
    return Manifest(
        name=model.path.resolve().name,
        precision=precision,
        source=model.fields.source.kind,
        target=model.fields.target.kind,
        parameters=sum(weight.numel() for weight in model.network.parameters()),
        metrics=metrics,
        measured=measured,
        search=model.config.search,
        head=model.config.model.head,
        data=_without_paths(model.config.data),
        versions={"seqloom": __version__} | {name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        files={},
    )


def _refuse_existing(folder: Path, overwrite: bool) -> None:
    if not is_taken(folder):
        return
    refuse_unasked(folder, overwrite=overwrite)
    _refuse_foreign(folder, folder)


def _refuse_foreign(place: Path, folder: Path) -> None:
    """Raises a CheckpointError for what no export wrote, which is in `place` and is told by the name of `folder`."""
    if not is_exported(place):
        raise CheckpointError(f"{folder}: exists and is no exported model, so it is not overwritten. Choose another --out.")
    strange = sorted(path.name for path in place.iterdir() if path.name not in WRITTEN)
    if strange:
        raise CheckpointError(f"{folder}: holds {strange[0]}, which no export wrote, so it is not overwritten. Choose another --out.")


def to_onnx(
    network: Network, fields: Fields | NumberFields, search: SearchConfig, data: DataConfig, head: HeadConfig | None = None
) -> ModelProto:
    """The model file: the graph, and as metadata all that a program needs beside it."""
    graph = WAYS[fields.target.kind].graph(network, fields)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "seqloom", __version__
    settings = {"search": search, "data": _without_paths(data), "head": head or TokenHead()}
    about = {"format": FORMAT, "stride": network.stride, "fields": _state(fields)} | {
        name: part.model_dump(mode="json") for name, part in settings.items()
    }
    helper.set_model_props(model, {f"seqloom.{name}": json.dumps(value, ensure_ascii=False) for name, value in about.items()})
    checker.check_model(model)
    return model


def _state(fields: Fields | NumberFields) -> dict[str, Any]:
    """The state of fields, with the names of ready vocabularies and subword models in place of where they lay."""
    state = fields.state()
    if isinstance(fields, Fields):
        for column in (*state["config"]["source"], state["config"]["target"]):
            column.update({name: PurePath(column[name]).name for name in ("vocabulary", "model") if column.get(name)})
    return state


def _without_paths(data: DataConfig) -> DataConfig:
    """The settings without the places of files, which are nobody else's business."""
    return data.model_copy(update={"train": [], "dev": []})
