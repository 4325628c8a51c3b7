"""A model as it is in memory: whether a loop of one's own has changed its weights, and a run of its own for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from seqloom.checkpoint import WRITTEN, RunDirectory, read_tensors, write_tensors
from seqloom.errors import CheckpointError
from seqloom.nn.ensemble import Ensemble

__all__ = ["refuse_changed", "save"]

KEPT = WRITTEN - {"run.json", "training", "metrics.jsonl", "tensorboard"}
"""What of a run says something of other weights too."""
MEASURED = frozenset({"metrics", "chosen", "step", "seconds", "search", "format", "seqloom"})
"""What run.json says of the weights that were trained, and what is written anew."""


def save(run: Path, network: Any, out: str | Path, *, overwrite: bool = False) -> None:
    """Write the folder of a run once more, with the weights that its network has now.

    Raises:
        CheckpointError: `out` is the run itself, holds it as a member or lies among its members, exists and may not be overwritten, or
            cannot be written.
    """
    there, whole = RunDirectory(run), RunDirectory(out)
    about = there.check()
    whole.refuse_replacing(f"{there.path}, the run that the model came from", there.path, "saving")
    if there.holds(whole.path):
        what = f"lies in what makes up {there.path}, the run that the model came from; expected a folder outside of it"
        raise CheckpointError(f"{whole.path}: {what}. Choose another --out.")
    whole.refuse_existing(overwrite=overwrite)
    with whole.beside() as draft:
        for entry in there.path.iterdir():
            if entry.name not in KEPT:
                continue
            copy = shutil.copytree if entry.is_dir() else shutil.copyfile
            copy(entry, draft.path / entry.name)
        for part, own in _networks(draft, network):
            write_tensors(part.weights, own.state_dict())
            part.metrics.unlink(missing_ok=True)
        for part in draft.members():
            part.write_about(**_left(part.read_about()))
        draft.write_about(**_left(about) | {"run": str(whole.path), "why": "saved", "finished": True})


def _left(about: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json said that says something of other weights too."""
    left = {name: value for name, value in about.items() if name not in MEASURED}
    if "joined" in left:
        left["joined"] = [{name: value for name, value in part.items() if name not in MEASURED} for part in left["joined"]]
    return left


def refuse_changed(run: Path, network: Any) -> None:
    """Make sure that the folder of a run has the weights that its network has now.

    Raises:
        CheckpointError: they are others.
    """
    for part, own in _networks(RunDirectory(run), network):
        written = read_tensors(part.weights)[0]
        if any(not torch.equal(tensor.cpu(), written[name]) for name, tensor in own.state_dict().items()):
            what = "holds other weights than the model has in memory; expected those that it was trained with"
            raise CheckpointError(f"{part.weights}: {what}. Write these with model.save(OUT), and take seqloom.load(OUT).")


def _networks(run: RunDirectory, network: Any) -> Iterator[tuple[RunDirectory, Any]]:
    """Each network of a model beside the run that holds its weights."""
    return zip(run.answering(), network.members if isinstance(network, Ensemble) else [network], strict=True)
