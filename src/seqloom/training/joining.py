"""One run made of finished ones, whose networks answer together: their files are copied, and nothing is trained or measured."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqloom.checkpoint import RunDirectory, load_one
from seqloom.config_file import load_config, load_reasons
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError
from seqloom.files import give_second_name, holds_numbers
from seqloom.manifest import refuse_joining
from seqloom.training.agreement import Part, differing_answers, read_part, refuse_disagreement
from seqloom.training.events import Silence, Watcher
from seqloom.training.progress import value_text
from seqloom.training.summary import columns

__all__ = ["join"]

WARNING = "warning: "
"""With which a line begins that is said even where nothing else is."""


def join(runs: Sequence[str | Path], out: str | Path, *, overwrite: bool = False, watcher: Watcher | None = None) -> RunDirectory:
    """The run in the folder `out`, which the networks of these runs are copied into. Nothing is written before all were found to fit.

    Args:
        runs: two or more, finished; one of several members brings all of them. The search, and what is allowed to be read, are the first's.

    Raises:
        CheckpointError: one is no finished run, is damaged or is given twice, or `out` exists and may not be overwritten.
        ConfigError: they cannot answer as one.
    """
    watcher, whole = watcher or Silence(), RunDirectory(out)
    asked = [RunDirectory(run) for run in ([runs] if isinstance(runs, (str, Path)) else runs)]
    if len(asked) < 2:
        given = f"one run, {asked[0].path}" if asked else "no run"
        raise ConfigError(f"join: {given}; expected two or more. Name the runs that are to answer as one.")
    parts = [read_part(part) for run in asked for part in _networks(run)]
    _refuse_twice(parts)
    for part in parts[1:]:
        refuse_disagreement(parts[0], part)
    whole.refuse_existing(overwrite=overwrite)
    for part in parts:
        whole.refuse_replacing(part.name, part.run.path, "joining")
    dev, notes = _common_dev(parts)
    for part in parts:
        load_one(part.run, part.config, part.fields.source, part.fields.target)  # damaged weights are refused now
    with whole.beside() as draft:
        _write(draft, whole, asked[0], parts, dev)
        _say_of_it(draft, whole, parts, [note.removeprefix(WARNING) for note in notes if note.startswith(WARNING)])
    for line in (*_members(parts, whole), *notes, *_differing(parts)):
        watcher.say(line)
    return whole


def _networks(run: RunDirectory) -> list[RunDirectory]:
    """The runs, each of one network, that answer for a run.

    Raises:
        CheckpointError: it is no run, is not finished, or lacks members.
        ConfigError: its targets are numbers.
    """
    refuse_joining(run.path)
    about = run.check()
    if holds_numbers(run.fields):
        raise ConfigError(f"{run.path}: its targets are numbers, of which there are no means; expected a model of texts or tokens.")
    if not about.get("finished"):
        raise CheckpointError(f"{run.path}: not finished; expected a run that came to its end. Go on with `seqloom resume {run.path}`.")
    found, count = run.answering(), load_config(run.config).training.members
    if len(found) != count:
        raise CheckpointError(f"{run.path}: {len(found)} of {count} members are there. Copy the folder again from where it came.")
    return found


def _refuse_twice(parts: Sequence[Part]) -> None:
    """Make sure that no network counts twice, nor a copy of it, as a joined run holds them."""
    for place, part in enumerate(parts):
        for before in parts[:place]:
            twice = "given twice" if part.run.path.resolve() == before.run.path.resolve() else ""
            twice = twice or (f"the same network as {before.name}" if _are_copies(part.run.weights, before.run.weights) else "")
            if twice:
                raise CheckpointError(f"{part.name}: {twice}; expected each network once. Leave it out once.")


def _are_copies(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


# ------------------------------------------------------------------------------------------------------------- dev pairs


def _common_dev(parts: Sequence[Part]) -> tuple[list[Row], list[str]]:
    """The dev pairs of the first that are dev pairs of all, which none has learned; those of the first where there are none. And notes."""
    first = parts[0].run.read_dev()
    others = [{(row.source, row.target) for row in part.run.read_dev()} for part in parts[1:]]
    common = [row for row in first if all((row.source, row.target) in other for other in others)]
    if len(common) == len(first):
        return first, []
    whose = f"{len(first):,} dev pairs of {parts[0].name}"
    if common:
        return common, [f"note: {len(common):,} of the {whose} are kept, those that are dev pairs of all: others may have been learned."]
    return first, [f"{WARNING}none of the {whose} is a dev pair of all, so others may have learned them. Measure on other pairs."]


# --------------------------------------------------------------------------------------------------------------- writing


def _write(draft: RunDirectory, whole: RunDirectory, first: RunDirectory, parts: Sequence[Part], dev: Sequence[Row]) -> None:
    """Write the files of the whole: each network as a run of its own, and what they have in common."""
    config, reasons = load_config(first.config), load_reasons(first.config)
    together = config.training.model_copy(update={"members": len(parts)})
    reasons |= {"training.members": f"joined from {', '.join(part.name for part in parts)}"}
    if any(part.config.model != config.model for part in parts):
        reasons |= {"model": "of the first member; each has its own in members/NUMBER/config.yaml"}
    draft.write_config(config.model_copy(update={"training": together}), reasons)
    fields = [part.fields for part in parts]
    longest = max(each.longest for each in fields) if all(each.longest for each in fields) else 0
    replace(fields[0], longest=longest, writes_unknown=any(each.writes_unknown for each in fields)).save(draft.fields)
    draft.write_dev(dev)
    for number, part in enumerate(parts, 1):
        _copy(part, draft, draft.member(number), str(whole.member(number).path))


def _say_of_it(draft: RunDirectory, whole: RunDirectory, parts: Sequence[Part], warnings: list[str]) -> None:
    """Write run.json: what was joined, how each was measured, and what is wrong with the dev pairs, which `evaluate` repeats."""
    joined = [{"run": part.name, "seed": part.config.seed, "metrics": _about(part).get("metrics", {})} for part in parts]
    draft.write_about(run=str(whole.path), why="joined", joined=joined, warnings=warnings, finished=True)


def _copy(part: Part, draft: RunDirectory, member: RunDirectory, place: str) -> None:
    """Write a network as the run of a member: all that is needed to ask it alone, and how it was trained."""
    member.path.mkdir(parents=True)
    give_second_name(draft.fields, member.fields)
    for name in ("config", "weights", "metrics", "dev"):
        file: Path = getattr(part.run, name)
        if name != "metrics" or file.is_file():
            shutil.copyfile(file, getattr(member, name))
    about = {name: value for name, value in _about(part).items() if name not in ("format", "seqloom")}
    member.write_about(**{**about, "run": place, "joined_from": part.name})


def _about(part: Part) -> dict[str, Any]:
    return part.run.read_about()


# ------------------------------------------------------------------------------------------------------------ what is said


def _members(parts: Sequence[Part], whole: RunDirectory) -> list[str]:
    """Each network with where it came from and its dev score, as its run was measured at its end."""
    rows = [[f"seed {part.config.seed}", _network(part), _score(part), part.name] for part in parts]  # a long name is cut into lines
    numbered = [[str(number), *row] for number, row in enumerate(rows, 1)]
    return [f"{whole.path}: {len(parts)} networks that answer as one:", *columns(numbered)]


def _network(part: Part) -> str:
    sides = part.config.model.encoder, part.config.model.decoder
    return ", ".join(dict.fromkeys(" ".join([side.kind, *_layers(side), str(side.width)]) for side in sides))


def _layers(side: Any) -> list[str]:
    """`3 ×` of three layers; a part of a user's may have no such number."""
    return [f"{side.layers} ×"] if hasattr(side, "layers") else []


def _score(part: Part) -> str:
    """The most telling metric on its dev pairs, and how answers were looked for."""
    about = _about(part)
    first = next(iter(about.get("metrics", {}).items()), None)
    return "" if first is None else f"dev {first[0]} {value_text(*first)}, {about.get('search', '')}"


def _differing(parts: Sequence[Part]) -> list[str]:
    return [f"note: {note}." for part in parts[1:] for note in differing_answers(parts[0], part)]
