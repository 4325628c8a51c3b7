"""The model card: README.md of an exported folder, made from what is known."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seqloom.checkpoint import RunDirectory
from seqloom.config import DRAWING, FieldsConfig, ModelConfig, NumbersField, SearchConfig
from seqloom.config_file import load_config
from seqloom.export.check import Loss
from seqloom.manifest import Manifest
from seqloom.model import Model
from seqloom.numbers.forecaster import Forecaster
from seqloom.sound.text import is_sound_text
from seqloom.training.progress import value_text
from seqloom.training.summary import argument

__all__ = ["About", "about_numbers", "about_pairs", "model_card"]


@dataclass(frozen=True)
class About:
    """What a card says that depends on what goes in and comes out."""

    holds: str
    """What model.onnx holds."""
    source: str
    """As one gives it to `seqloom predict`."""
    networks: list[ModelConfig]
    """Of each network that answers."""
    parts: list[tuple[str, str]]
    """More about the model, by name."""
    limits: list[str]


def model_card(about: About, manifest: Manifest, parity: str, small: Loss | None, size: int) -> str:
    """The card as Markdown."""
    lines = [
        f"# {manifest.name}",
        "",
        f"A sequence-to-sequence model trained and exported by Seqloom. `model.onnx` holds {about.holds}.",
        "",
        "```console",
        f"$ seqloom predict {shlex.quote(manifest.name)} {about.source}",
        "```",
        "",
        "## What it is",
        "",
        *_network(about, manifest, size),
        "",
        "## How good it is",
        "",
        *_measured(manifest),
        f"The float32 graph was compared with the trained network: {parity}.",
        *([f"With weights in 8 bits: {small}."] if small else []),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in about.limits),
        "- It knows what stood in its training part, mistakes and leanings too, and answers in any case: check what matters.",
    ]
    return "\n".join(lines) + "\n"


def _measured(manifest: Manifest) -> list[str]:
    values = [f"| {name} | {value_text(name, value)} |" for name, value in manifest.metrics.items() if value is not None]
    if not values:
        return ["Not measured with these weights and this search; `seqloom evaluate` of the run measures them.", ""]
    how, search = manifest.measured, manifest.search.name
    other = (
        f"; the model itself searches with {search}, with which its scores are others" if how and how.search not in (None, search) else ""
    )
    return ["| metric | dev |", "|---|---|", *values, "", *([f"Measured on {how}{other}.", ""] if how else [])]


def _network(about: About, manifest: Manifest, size: int) -> list[str]:
    points = ", with a pointer to the source" if about.networks[0].copy_source else ""
    parts = [
        ("parameters", f"{manifest.parameters:,}"),
        ("file", f"{size / 1e6:.1f} MB, {manifest.precision}"),
        ("encoder", _each(_part(network.encoder) for network in about.networks)),
        ("decoder", _each(_part(network.decoder) for network in about.networks)),
        ("attention", _each(network.attention.kind for network in about.networks) + points),
        *about.parts,
        ("made with", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in parts)]


def _each(parts: Iterable[str]) -> str:
    """What the networks have, said once where they have the same."""
    return "; ".join(dict.fromkeys(parts))


def _part(config: object) -> str:
    named = [str(getattr(config, name)) for name in ("kind", "cell") if hasattr(config, name)]
    return f"{' '.join(named)}, {getattr(config, 'layers', 1)} × {getattr(config, 'width', 0)}"


def _units(fields: FieldsConfig) -> tuple[str, str]:
    source, target = [getattr(part, "unit", part.kind) for part in fields.source], fields.target
    return " and ".join(source), getattr(target, "unit", target.kind)


# ------------------------------------------------------------------------------------------------------------- symbols


def about_pairs(model: Model) -> About:
    """Of a model whose target is symbols."""
    data, fields, search = model.config.data, model.fields, model.config.search
    source, target = _units(model.config.fields)
    runs = RunDirectory(model.path).answering()
    networks = [load_config(run.config).model for run in runs] if len(runs) > 1 else [model.config.model]
    parts = [
        *([("networks", f"{len(networks)}, which answer as one: the mean of their probabilities")] if len(networks) > 1 else []),
        ("source", f"{source}; {_size(fields.source.kind, fields.source.size)}"),
        ("target", f"{target}; {_size(fields.target.kind, fields.target.size)}"),
        ("search", ", ".join([search.name, *_chosen(search)])),
    ]
    too_long = f"cut to their {'first' if data.keep == 'begin' else 'last'} so many" if data.too_long == "cut" else "refused"
    limits = [
        f"Sources of up to {data.max_source_length:,} positions; longer ones are {too_long}.",
        "A symbol that training never saw is read as `<unk>`.",
    ]
    return About("encoder, decoder and beam search", _example(model), networks, parts, limits)


def _chosen(search: SearchConfig) -> Iterator[str]:
    """The settings of a search that are not as everywhere, but for those of a kind that no graph has."""
    unlike = search.model_dump(exclude_defaults=True, exclude={"kind", "beam", "no_repeat_ngram", *DRAWING})
    yield from (f"{name} {value:g}" for name, value in unlike.items())


def _size(kind: str, size: int) -> str:
    return f"{size:,} {'symbols' if kind == 'ids' else 'numbers a frame'}"


def _example(model: Model) -> str:
    """A source of the dev pairs, as an argument for any shell like bash: whoever made the pairs may have written anything."""
    rows = (row for row in RunDirectory(model.path).read_dev() if any(row.source) and not any(map(is_sound_text, row.source)))
    return argument(next(("\t".join(row.source) for row in rows), "..."))


# ------------------------------------------------------------------------------------------------------------- numbers


def about_numbers(model: Forecaster) -> About:
    """Of a model whose target is numbers."""
    numbers, fields, head = model.numbers, model.fields, model.head
    columns = {"forecasts": numbers.targets, "reads too": numbers.past, "knows in advance": numbers.known, "fixed": numbers.static}
    parts = [
        ("source", f"{fields.source.size:,} numbers a moment" + (f", the last {numbers.history:,} moments" if numbers.history else "")),
        ("target", f"{fields.target.size:,} numbers a moment" + (f", {numbers.horizon:,} moments" if numbers.horizon else "")),
        *((name, ", ".join(names)) for name, names in columns.items() if names),
        ("head", head.kind + (f" at {', '.join(map(str, getattr(head, 'levels', [])))}" if hasattr(head, "levels") else "")),
        ("scaling", numbers.scaling + (f", each window {numbers.window}" if numbers.window != "none" else "")),
    ]
    return About("encoder, decoder and rollout", _table(numbers), [model.config.model], parts, _rules(numbers))


def _table(numbers: NumbersField) -> str:
    return "table.csv" if numbers.horizon else "--input FILE"


def _rules(numbers: NumbersField) -> list[str]:
    rules = {"missing values": numbers.missing, "gaps in time": numbers.gaps}
    said = [f"{name[:1].upper()}{name[1:]}: {'refused' if rule == 'error' else rule}." for name, rule in rules.items()]
    if numbers.times:
        said.append(
            f"The table has the time in {' and '.join(map(repr, numbers.times))}"
            + (f", the series in {numbers.series!r}." if numbers.series else ".")
        )
    return said
