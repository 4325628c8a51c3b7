"""What runs must have alike to answer as one: what is read and written, symbol for symbol, and where their networks meet.

Kind, width and layers of the networks may differ, and so may the attention: at each position only probabilities come together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from seqloom.checkpoint import RunDirectory
from seqloom.config import RunConfig
from seqloom.config_file import load_config
from seqloom.errors import ConfigError
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import Vocabulary
from seqloom.settings import leaves

__all__ = ["Part", "differing_answers", "read_part", "refuse_disagreement"]

LEARNING = ("min_count", "max_size", "vocabulary", "model")
"""Settings of a field that say how its vocabulary was learned, or from which file it is: vocabularies are compared themselves."""
ANSWERING = ("max_source_length", "max_target_length", "too_long", "keep")
"""Of the data, what says how long sources and targets may be."""
TRAIN_TOGETHER = (
    "Train on the same pairs with the same --dev, without which each seed holds out other pairs, with the same ready vocabularies, or all "
    "at once with --members."
)


@dataclass(frozen=True)
class Part:
    """One of the networks that are to answer together."""

    run: RunDirectory
    config: RunConfig
    fields: Fields

    @property
    def name(self) -> str:
        """The folder, as it was given."""
        return str(self.run.path)


@dataclass(frozen=True)
class Difference:
    """Something that one run has and the other has otherwise."""

    what: str
    one: str
    other: str
    todo: str


def read_part(run: RunDirectory) -> Part:
    """What is known of a run that has weights of its own.

    Raises:
        CheckpointError: it is damaged.
    """
    return Part(run, load_config(run.config), Fields.load(run.fields))


def refuse_disagreement(one: Part, other: Part) -> None:
    """Make sure that both can answer as one.

    Raises:
        ConfigError: they cannot; the first thing that differs is named.
    """
    found = next(_differences(one, other), None)
    if found is not None:
        both = f"{one.name} has {found.one}, {other.name} has {found.other}"
        raise ConfigError(f"{found.what}: {both}; runs that answer as one have the same. {found.todo}")


def differing_answers(one: Part, other: Part) -> list[str]:
    """Where the search of both, or how long they let sources and targets be, differs: each setting in words, with what the first has, which
    holds.
    """
    settings = zip(_answering(one.config), _answering(other.config), strict=True)
    return [
        f"{key}: {_said(value)}, as in {one.name}; {other.name} has {_said(found)}"
        for (key, value), (_, found) in settings
        if value != found
    ]


def _answering(config: RunConfig) -> Iterator[tuple[str, Any]]:
    yield from leaves(config.search, "search")
    yield from ((f"data.{name}", getattr(config.data, name)) for name in ANSWERING)


def _differences(one: Part, other: Part) -> Iterator[Difference]:
    yield from _of_columns(one, other)
    yield from _of_fields(one, other)
    yield from _of_networks(one.config, other.config)
    yield from _of_symbols(one.fields, other.fields)


def _of_columns(one: Part, other: Part) -> Iterator[Difference]:
    """Which columns are read, where both say it in the same way, by name or by number; and which of two parallel files is the source."""
    todo = "Join runs that read the same columns."
    counts = [f"{len(part.fields.config.source)}" for part in (one, other)]
    if counts[0] != counts[1]:
        yield Difference("number of source columns", counts[0], counts[1], todo)
    for side in ("source", "target"):
        found = [getattr(part.config.data, side) for part in (one, other)]
        kinds = [type(column[0] if isinstance(column, list) and column else column) for column in found]
        if kinds[0] is kinds[1] and found[0] != found[1]:
            yield Difference(f"data.{side}", _said(found[0]), _said(found[1]), todo)
    ours, theirs = one.config.data.train, other.config.data.train
    if ours != theirs and ours == theirs[::-1]:
        yield Difference("data.train", _said(ours), _said(theirs), "Join runs of one direction.")


def _of_fields(one: Part, other: Part) -> Iterator[Difference]:
    """How values become symbols or frames, as the settings say."""
    ours, theirs = (dict(leaves(part.fields.config, "fields")) for part in (one, other))
    for key in dict.fromkeys((*ours, *theirs)):
        free = key.rpartition(".")[2] in LEARNING or ".augmentation." in key
        if not free and ours.get(key) != theirs.get(key):
            yield Difference(key, _said(ours.get(key)), _said(theirs.get(key)), "Join runs whose sides are cut or heard alike.")


def _of_networks(one: RunConfig, other: RunConfig) -> Iterator[Difference]:
    """Where the networks of an ensemble meet: probabilities of the same symbols, copied ones too, over the same states of the source."""
    for what, value in _meeting(one).items():
        if value != (found := _meeting(other)[what]):
            yield Difference(what, _said(value), _said(found), "Join runs that agree in it.")


def _meeting(config: RunConfig) -> dict[str, Any]:
    subsampling = config.model.encoder.subsampling
    return {
        "model.copy": config.model.copy_source,
        "model.encoder.subsampling": subsampling.kind if subsampling.factor == 1 else f"{subsampling.kind} of {subsampling.factor}",
        "a CTC head (model.head.ctc_weight above 0)": config.model.head.ctc_weight > 0,
        "model.head.ctc_readings": config.model.head.ctc_readings,
    }


def _of_symbols(one: Fields, other: Fields) -> Iterator[Difference]:
    """What was learned from the training pairs: the same symbols under the same ids, the same pieces, the same scales."""
    sides = [("source", getattr(one.source, "vocabulary", None), getattr(other.source, "vocabulary", None))]
    for side, ours, theirs in [*sides, ("target", one.target.vocabulary, other.target.vocabulary)]:
        if ours is not None and theirs is not None:
            yield from _of_vocabularies(side, ours, theirs)
    ours, theirs = one.state(), other.state()
    for side in ("source", "target"):
        if _json(ours.get(side)) != _json(theirs.get(side)):
            what = "subwords" if one.config.texts or side == "target" else "scales"
            yield Difference(f"{what} of the {side}", "its own", "others", TRAIN_TOGETHER)


def _of_vocabularies(side: str, one: Vocabulary, other: Vocabulary) -> Iterator[Difference]:
    ours, theirs = _symbols(one), _symbols(other)
    if ours == theirs:
        return
    known = [set(ours), set(theirs)]
    if known[0] != known[1]:
        said = [_counted(own, others) for own, others in ((ours, known[1]), (theirs, known[0]))]
        yield Difference(f"symbols of the {side}", said[0], said[1], TRAIN_TOGETHER)
    place = next(place for place, (mine, yours) in enumerate(zip_longest(ours, theirs)) if mine != yours)
    yield Difference(f"symbol {place} of the {side}", repr(ours[place]), repr(theirs[place]), TRAIN_TOGETHER)


def _counted(symbols: Sequence[str], others: set[str]) -> str:
    """How many, and the first that is not among the others."""
    alone = next((f" with {symbol!r}" for symbol in symbols if symbol not in others), "")
    return f"{len(symbols):,}{alone}"


def _symbols(vocabulary: Vocabulary) -> Sequence[str]:
    """In the order of their ids."""
    return [vocabulary.symbol(number) for number in range(len(vocabulary))]


def _json(state: object) -> str:
    return json.dumps(state, sort_keys=True)


def _said(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
