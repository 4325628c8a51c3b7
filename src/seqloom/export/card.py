"""The model card: README.md of an exported folder, made from what is known."""

from __future__ import annotations

from seqloom.checkpoint import RunDirectory
from seqloom.config import FieldsConfig
from seqloom.export.check import Loss, Parity
from seqloom.manifest import Manifest
from seqloom.model import Model
from seqloom.progress import value_text

__all__ = ["model_card"]


def model_card(model: Model, manifest: Manifest, parity: Parity, small: Loss | None, size: int) -> str:
    """The card as Markdown."""
    lines = [
        f"# {manifest.name}",
        "",
        "A sequence-to-sequence model trained and exported by Seqloom. `model.onnx` holds encoder, decoder and beam search.",
        "",
        "```console",
        f'$ seqloom predict {manifest.name} "{_example(model)}"',
        "```",
        "",
        "## What it is",
        "",
        *_network(model, manifest, size),
        "",
        "## How good it is",
        "",
        "| metric | dev |",
        "|---|---|",
        *(f"| {name} | {value_text(name, value)} |" for name, value in manifest.metrics.items() if value is not None),
        "",
        f"The float32 graph was compared with the trained network: {parity}.",
        *([f"With weights in 8 bits: {small}."] if small else []),
        "",
        "## Limits",
        "",
        *_limits(model),
    ]
    return "\n".join(lines) + "\n"


def _example(model: Model) -> str:
    rows = (row for row in RunDirectory(model.path).read_dev() if any(row.source))
    return next((" ".join(row.source) for row in rows), "...").replace('"', "'")


def _network(model: Model, manifest: Manifest, size: int) -> list[str]:
    config, fields = model.config.model, model.fields
    parts = [
        ("parameters", f"{manifest.parameters:,}"),
        ("file", f"{size / 1e6:.1f} MB, {manifest.precision}"),
        ("encoder", _part(config.encoder)),
        ("decoder", _part(config.decoder)),
        ("attention", config.attention.kind + (", with a pointer to the source" if config.copy_source else "")),
        ("source", f"{_units(model.config.fields)[0]}; {fields.source.size:,} symbols"),
        ("target", f"{_units(model.config.fields)[1]}; {fields.target.size:,} symbols"),
        ("search", f"{manifest.search.kind}" + (f" of {manifest.search.beam}" if manifest.search.kind == "beam" else "")),
        ("made with", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in parts)]


def _part(config: object) -> str:
    named = [str(getattr(config, name)) for name in ("kind", "cell") if hasattr(config, name)]
    return f"{' '.join(named)}, {getattr(config, 'layers', 1)} × {getattr(config, 'width', 0)}"


def _units(fields: FieldsConfig) -> tuple[str, str]:
    source, target = [getattr(part, "unit", part.kind) for part in fields.source], fields.target
    return " and ".join(source), getattr(target, "unit", target.kind)


def _limits(model: Model) -> list[str]:
    data = model.config.data
    return [
        f"- Sources of up to {data.max_source_length:,} symbols; longer ones are {'cut' if data.too_long == 'cut' else 'refused'}.",
        "- It knows what stood in its training pairs, mistakes and leanings too, and answers in any case: check what matters.",
        "- A symbol that training never saw is read as `<unk>`.",
    ]
