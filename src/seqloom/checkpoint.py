"""The run directory: every file is written whole or not at all, and holds nothing that could run code.

config.yaml            every setting, each automatic choice with its reason
fields.json            vocabularies and how text becomes ids
model.safetensors      the weights to predict with
metrics.jsonl          one line an evaluation
run.json               format number, versions, how the run ended
dev.jsonl              the dev pairs
training/              while the run is not finished: encoded data, state.safetensors (weights, optimizer, where it is), best weights,
                       first.safetensors (those that it began with, where another run gave them), vectors.safetensors (ready word
                       vectors that its embeddings began with)
members/1, 2, ...      in place of model.safetensors and metrics.jsonl: runs whose networks answer as one; where finished runs were joined,
                       run.json says which
dev/, line.json        of a run of numbers, in place of dev.jsonl: the dev windows, and the straight line that it began with
tensorboard/           what TensorBoard shows, where that was asked for
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from seqloom.claims import claimed
from seqloom.config import RunConfig
from seqloom.config_file import dump_config, load_config
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError, TrainingError
from seqloom.files import cannot_write, folder_beside, is_taken, refuse_no_run, refuse_unasked, write_atomically
from seqloom.nn.ensemble import Ensemble
from seqloom.nn.seq2seq import Network, Side, make_network
from seqloom.version import __version__

__all__ = ["FORMAT", "WRITTEN", "RunDirectory", "load_grown", "load_network", "load_one", "load_weights", "read_tensors", "write_tensors"]

FORMAT = 1
WRITTEN = frozenset(
    [
        *("config.yaml", "fields.json", "model.safetensors", "metrics.jsonl", "run.json", "dev.jsonl"),
        *("training", "members", "dev", "line.json", "tensorboard"),
    ]
)
"""All that stands in the folder of a run; what else lies there is its owner's, and stays where the run is replaced."""
TIED = "tied"
"""Where the metadata of a file of tensors names those that stand under another name: JSON, name to name."""


class RunDirectory:
    """The files of one run."""

    def __init__(self, path: str | Path) -> None:
        """Raises a ConfigError where that is no path."""
        if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"the run: {type(path).__name__} {path!r:.40}; expected the path of a folder. Give one as a text.")
        self.path = Path(path).expanduser()
        self.config = self.path / "config.yaml"
        self.fields = self.path / "fields.json"
        self.weights = self.path / "model.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.about = self.path / "run.json"
        self.dev = self.path / "dev.jsonl"
        self.training = self.path / "training"
        self.state = self.training / "state.safetensors"
        self.best = self.training / "best"
        self.first = self.training / "first.safetensors"
        self.vectors = self.training / "vectors.safetensors"

    def claimed(self, otherwise: str = ", or choose another --out") -> AbstractContextManager[None]:
        """Keeps other trainings from writing here; to read from it, as `predict` does, nobody asks.

        Raises:
            CheckpointError: another one writes here.
        """
        return claimed(self.path, otherwise)

    @contextmanager
    def reserved(self, *, overwrite: bool) -> Generator[None]:
        """Claims the folder for a training whose data are yet to be read, after making sure that it may be made or replaced.

        Raises:
            CheckpointError: another training writes here, or what is here may not be replaced.
        """
        with self.claimed():
            if self.path.exists():
                self.refuse_existing(overwrite=overwrite)
            yield

    def refuse_existing(self, *, overwrite: bool) -> None:
        """Make sure that the directory may be made or replaced.

        Raises:
            CheckpointError: it is there already and may not be overwritten, or is not a run and not empty.
        """
        parents = self.path.absolute().parents
        place = self.path if self.path.is_dir() else next(folder for folder in parents if folder.exists())
        if not place.is_dir() or not os.access(place, os.W_OK):
            raise CheckpointError(f"{self.path}: cannot be made, {place} is no folder that can be written to. Choose another --out.")
        if is_taken(self.path):
            advice = f"Go on with it by `seqloom resume {self.path}`, replace" if self.training.is_dir() else "Replace"
            refuse_unasked(self.path, overwrite=overwrite, advice=advice)
            if not self.about.is_file():
                raise CheckpointError(f"{self.path}: exists and is no run of Seqloom, so it is not overwritten. Choose another --out.")

    def refuse_replacing(self, name: str, path: str | Path, act: str = "training") -> None:
        """Make sure that what is read does not go with the older run that `act` would replace.

        Raises:
            CheckpointError: it is that run, or a part of it.
        """
        if self.holds(path):
            raise CheckpointError(f"{name}: lies in {self.path}, which {act} would replace. Choose another --out.")

    def holds(self, path: str | Path) -> bool:
        """Whether a path is this folder, or lies in what a run writes there."""
        here, place = self.path.resolve(), Path(path).expanduser().resolve()
        return place == here or (here in place.parents and place.relative_to(here).parts[0] in WRITTEN)

    def begin(self) -> None:
        """Make the directory of a run that is not finished, in place of an older one. run.json, by which it is known, is there throughout:
        a run that is killed in between can be replaced.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._cannot_be_made(error) from None
        self.write_about(finished=False)
        self.create(keep=self.about)

    def create(self, keep: Path | None = None) -> None:
        """Make the directory, in place of an older run; the folder itself, `keep`, and all in it that no run writes, stays."""
        try:
            for old in self.path.iterdir() if self.path.exists() else ():
                if old.name not in WRITTEN or old == keep:
                    continue
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                else:
                    old.unlink()
            self.best.mkdir(parents=True)
        except OSError as error:
            raise self._cannot_be_made(error) from None

    def _cannot_be_made(self, error: OSError) -> CheckpointError:
        return CheckpointError(f"{self.path}: cannot be made ({error.strerror}). Choose another --out.")

    @contextmanager
    def beside(self) -> Generator[RunDirectory]:
        """A folder next to this one to write a run into, which is put in place of an older one at the end: whole, or not at all.

        Raises:
            CheckpointError: nothing can be written there, or the disk is full.
        """
        try:
            with self.claimed(), folder_beside(self.path.absolute()) as folder:
                draft = RunDirectory(folder)
                yield draft
                self.begin()
                self.forget_training()
                for entry in sorted(draft.path.iterdir(), key=lambda entry: entry == draft.about):  # run.json makes a folder a run
                    shutil.move(entry, self.path / entry.name)
        except (OSError, TrainingError) as error:
            reason = getattr(error, "strerror", None) or "no space left on the disk"
            raise CheckpointError(f"{self.path}: cannot be written ({reason}). Free some space, or choose another --out.") from None

    def check(self) -> dict[str, Any]:
        """What run.json says, after making sure that this is a run of a format that can be read.

        Raises:
            CheckpointError: not a run directory, damaged, or of another format.
        """
        refuse_no_run(self.path)
        about = read_json(self.about)
        found = about.get("format") if isinstance(about, dict) else about
        if not isinstance(about, dict) or type(found) is not int or found != FORMAT:
            raise CheckpointError(
                f"{self.path}: format {found}; this is Seqloom {__version__}, which reads format {FORMAT}. "
                "Train it anew or use the Seqloom that wrote it."
            )
        for file in (self.config, self.fields):
            if not file.is_file():
                raise CheckpointError(f"{self.path}: {file.name} is missing, the run is incomplete. Train it anew with --overwrite.")
        return about

    def read_about(self) -> dict[str, Any]:
        """What run.json says; nothing where there is none."""
        return read_json(self.about) if self.about.is_file() else {}

    def is_finished(self) -> bool:
        """Whether the run came to its end, be it early."""
        return bool(self.read_about().get("finished"))

    def write_about(self, **more: Any) -> None:
        """Write run.json."""
        write_atomically(self.about, json.dumps({"format": FORMAT, "seqloom": __version__, **more}, indent=1, ensure_ascii=False).encode())

    def write_config(self, config: RunConfig, reasons: Mapping[str, str]) -> None:
        """Write config.yaml, the reasons as comments."""
        write_atomically(self.config, f"# Seqloom {__version__}. What was chosen says why.\n{dump_config(config, reasons)}".encode())

    def write_dev(self, rows: Iterable[Row]) -> None:
        """Keep the dev pairs, which `resume` and `evaluate` without a file need."""
        lines = (json.dumps({"source": row.source, "target": row.target, "where": row.where}, ensure_ascii=False) for row in rows)
        write_atomically(self.dev, ("\n".join(lines) + "\n").encode())

    def read_dev(self) -> list[Row]:
        """The dev pairs."""
        try:
            records = [json.loads(line) for line in self.dev.read_text(encoding="utf-8").split("\n") if line]
            return [Row(tuple(record["source"]), record["target"], record["where"]) for record in records]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{self.dev}: cannot be read ({error}). Give the pairs to evaluate on as a file.") from None

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl; null stands for a number that JSON does not have.

        Raises:
            TrainingError: the disk is full.
        """
        known = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in record.items()}
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known, ensure_ascii=False) + "\n")
        except OSError as error:
            raise cannot_write(self.metrics, error) from None

    def forget_metrics_after(self, step: int) -> None:
        """Drop the lines of evaluations later than `step`, which a resumed run will make again."""
        if self.metrics.is_file():
            lines = [line for line in self.metrics.read_text(encoding="utf-8").split("\n") if line and _step(line) <= step]
            write_atomically(self.metrics, "".join(f"{line}\n" for line in lines).encode())

    def forget_training(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.training, ignore_errors=True)

    def member(self, number: int) -> RunDirectory:
        """The run of a member, numbered from 1."""
        return RunDirectory(self.path / "members" / str(number))

    def members(self) -> list[RunDirectory]:
        """The members that were begun."""
        numbers = sorted(int(file.parent.name) for file in self.path.glob("members/[0-9]*/run.json"))
        return [self.member(number) for number in numbers]

    def answering(self) -> list[RunDirectory]:
        """The runs whose networks answer: the members that are finished, the first as long as none is; without members this one."""
        members = self.members()
        return [member for member in members if member.is_finished()] or members[:1] or [self]


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors atomically. One that stands under several names, as a tied weight does, is written once, its other names beside it."""
    firsts, tied = dict[tuple[Any, ...], str](), dict[str, str]()
    for name, tensor in tensors.items():
        first = firsts.setdefault(_identity(name, tensor), name)
        if first != name:
            tied[name] = first
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items() if name not in tied}
    names = {TIED: json.dumps(tied)} if tied else {}
    write_atomically(path, safetensors.torch.save(plain, {**(metadata or {}), **names}))


def _identity(name: str, tensor: Tensor) -> tuple[Any, ...]:
    """What two names of the same numbers in memory have in common."""
    if not tensor.numel():
        return (name,)
    return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, each under all of its names, and the metadata of a file.

    Raises:
        CheckpointError: missing, truncated or not a safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
        tied: dict[str, str] = json.loads(metadata.pop(TIED, "{}"))
        return tensors | {name: tensors[first] for name, first in tied.items()}, metadata
    except FileNotFoundError:
        if path.exists():  # what safetensors says of any file that it may not open
            raise CheckpointError(f"{path}: cannot be read. Change its permissions.") from None
        raise CheckpointError(
            f"{path}: missing. The run never saved weights, or the file was removed; train again or `seqloom resume`."
        ) from None
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged or truncated ({error}). Copy it again from where it came, or train again.") from None


def load_network(run: RunDirectory, config: RunConfig, source: Side, target: Side) -> Network:
    """The network that answers for a run, several as one.

    Raises:
        CheckpointError: weights, or members of a finished run, are missing or damaged.
    """
    runs, networks = run.answering(), list[Network]()
    if run.is_finished() and len(runs) != config.training.members:
        found = f"{len(runs)} of {config.training.members} members are there"
        raise CheckpointError(f"{run.path}: {found}. Copy the folder again from where it came, or train again.")
    for part in runs:  # members may be of other sizes and kinds: a joined run has those of several
        networks.append(load_one(part, config if part is run else load_config(part.config), source, target))
    return Ensemble(networks) if len(networks) > 1 else networks[0]


def load_one(run: RunDirectory, config: RunConfig, source: Side, target: Side) -> Network:
    """The network whose weights are in the run itself.

    Raises:
        CheckpointError: they are missing, damaged, or of another network.
    """
    network = make_network(config.model, source, target)
    load_weights(network, read_tensors(run.weights)[0], run.weights)
    return network


def load_weights(network: nn.Module, tensors: Mapping[str, Tensor], where: Path | str) -> None:
    """Put the tensors into the network.

    Raises:
        CheckpointError: names or shapes are not those of this network.
    """
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{where}: weights of another model than config.yaml describes ({detail}). Restore the pair that belongs together."
        ) from None


def load_grown(network: nn.Module, tensors: Mapping[str, Tensor], where: Path | str) -> None:
    """Put the tensors into a network whose vocabularies have grown since: what is new keeps the values it has.

    Raises:
        CheckpointError: names or shapes are those of another network.
    """
    grown = dict(tensors)
    for name, fresh in network.state_dict().items():
        part = tensors.get(name)
        if part is not None and part.shape[1:] == fresh.shape[1:] and 0 < len(part) < len(fresh):
            grown[name] = torch.cat([part, fresh[len(part) :]])
    load_weights(network, grown, where)


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        CheckpointError: it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Copy it again from where it came, or train again.") from None
