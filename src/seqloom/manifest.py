"""The exported folder: what is in it, and reading it without trusting it.

model.onnx      the whole job: encoder, decoder and beam search; fields and search defaults inside as metadata
fields.json     vocabularies and how text becomes ids
manifest.json   format number, versions, metrics, defaults, and size and SHA-256 of each other file
README.md       the model card
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seqloom.config import DataConfig, HeadConfig, SearchConfig, TokenHead
from seqloom.errors import CheckpointError
from seqloom.files import refuse_file, refuse_site, write_atomically
from seqloom.version import __version__

__all__ = [
    "FORMAT",
    "NAME",
    "Manifest",
    "Measured",
    "describe_files",
    "is_exported",
    "looks_exported",
    "manifest_bytes",
    "read_manifest",
    "refuse_exported_again",
    "refuse_joining",
    "target_of",
    "write_manifest",
]

FORMAT = 1
NAME = "manifest.json"
NEEDED = ("model.onnx", "fields.json")
AGAIN = "Copy the folder again, or export it again."

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
"""A name in the folder itself: no path leads out of it."""


class FileEntry(BaseModel):
    """One file of the folder."""

    model_config = ConfigDict(frozen=True)
    sha256: str
    size: int


class Measured(BaseModel):
    """How scores came about."""

    model_config = ConfigDict(frozen=True)
    on: str
    """`946 dev pairs`"""
    search: str | None = None
    """`greedy`, `beam 5`; of numbers there is none, and of some old runs it is not known."""

    def __str__(self) -> str:
        return self.on + (f", {self.search}" if self.search else "")


class Manifest(BaseModel):
    """What manifest.json says."""

    model_config = ConfigDict(frozen=True)
    format: Literal[1] = FORMAT
    name: str
    """Of the run."""
    source: Literal["ids", "frames"] = "ids"
    target: Literal["ids", "frames"] = "ids"
    precision: Literal["float32", "int8"]
    parameters: int
    metrics: dict[str, float | None] = {}
    """On the dev pairs; none where `--set` gave the exported model another search than that of the run."""
    measured: Measured | None = None
    """How; None where there are none, or the folder is older than this."""
    search: SearchConfig
    """The defaults."""
    head: HeadConfig = TokenHead()
    """What the graph says of each position: scores of symbols, or parameters of numbers."""
    data: DataConfig
    """Limits on length, and how a file of sources is read."""
    versions: dict[str, str] = {}
    files: dict[FileName, FileEntry]


def is_exported(folder: str | Path) -> bool:
    """Whether a folder was exported, rather than trained."""
    return (Path(folder) / NAME).is_file()


def looks_exported(folder: str | Path) -> bool:
    """Whether a folder was exported, be it that its manifest was lost."""
    return is_exported(folder) or ((Path(folder) / NEEDED[0]).is_file() and not (Path(folder) / "run.json").is_file())


def refuse_exported_again(run: str | Path) -> None:
    """Raises a CheckpointError where a run is to be exported and an exported model is given."""
    if looks_exported(run):
        advice = "Copy the folder, make a site of it with --web, or give the run that it was made from."
        raise CheckpointError(f"{run}: exported already; expected a run. {advice}")


def refuse_joining(run: str | Path) -> None:
    """Raises a CheckpointError where runs are to be joined and an exported model is given."""
    if looks_exported(run):
        raise CheckpointError(f"{run}: an exported model, whose networks cannot be taken out. Give the run that it was made from.")


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Size and hash of each file in the folder but the manifest."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != NAME)
    return {
        path.name: FileEntry(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        for path in files
        for content in [path.read_bytes()]
    }


def manifest_bytes(manifest: Manifest) -> bytes:
    """The content of manifest.json."""
    return json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False).encode()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json."""
    write_atomically(folder / NAME, manifest_bytes(manifest), shared=True)


def read_manifest(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """What the manifest says, and the content of the files that a predictor needs, as the manifest describes them.

    Raises:
        CheckpointError: not an exported folder, of another format, or a file that is missing, cut or changed.
    """
    manifest = _parse(folder / NAME)
    contents = {name: _read(folder, name, manifest.files.get(name)) for name in NEEDED}
    return manifest, contents


def target_of(folder: Path) -> Literal["ids", "frames"]:
    """What the model of an exported folder says; CheckpointError as `read_manifest`."""
    return _parse(folder / NAME).target


def _parse(path: Path) -> Manifest:
    refuse_file(path.parent)
    try:
        tree: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        refuse_site(path.parent)
        if looks_exported(path.parent):
            raise CheckpointError(f"{path}: missing; expected it beside {NEEDED[0]}. {AGAIN}") from None
        raise CheckpointError(
            f"{path.parent}: not an exported model, {NAME} is missing. `seqloom export RUN --out DIR` makes one."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({_line(error)}). {AGAIN}") from None
    number = tree.get("format") if isinstance(tree, dict) else None
    if type(number) is not int or number != FORMAT:
        reads = f"this is Seqloom {__version__}, which reads format {FORMAT}"
        raise CheckpointError(f"{path}: format {number!r:.40}; {reads}. Export the run again, or use the Seqloom that wrote it.")
    try:
        return Manifest.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CheckpointError(f"{path}: {place}: {first['msg']}. {AGAIN}") from None


def _read(folder: Path, name: str, entry: FileEntry | None) -> bytes:
    """The content of a file, after its size and hash were found to be right."""
    path = folder / name
    if entry is None:
        raise CheckpointError(f"{folder / NAME}: files: {name} is missing. {AGAIN}")
    if path.is_symlink() and path.resolve().parent != folder.resolve():
        raise CheckpointError(f"{path}: leads out of the folder; expected a file in it. {AGAIN}")
    try:
        size = path.stat().st_size
        if size != entry.size:
            raise CheckpointError(f"{path}: {size:,} bytes; expected {entry.size:,}. {AGAIN}")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}). {AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise CheckpointError(f"{path}: changed since it was exported, its SHA-256 is not that of {NAME}. {AGAIN}")
    return content


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
