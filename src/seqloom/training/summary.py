"""What a run says of itself in words: before it begins the data and what was chosen, with reasons; at its end the score and the model."""

from __future__ import annotations

import io
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from seqloom.config import RunConfig
from seqloom.errors import count_of
from seqloom.metrics import better
from seqloom.numbers.plan import NumberPlan
from seqloom.planning.plan import Plan
from seqloom.settings import setting
from seqloom.training.events import Finished
from seqloom.training.progress import duration, printable, value_text

__all__ = ["argument", "columns", "introduction", "members_alone_and_together", "metric_rows", "number_introduction", "result"]


def introduction(plan: Plan, folder: str | Path) -> list[str]:
    """The data, what was found in it, and what was chosen for it."""
    lines = [f"data: {count_of(plan.profile.pairs, 'pair')} to train on, {count_of(len(plan.dev), 'dev pair')}"]
    lines += [*(f"warning: {warning}" for warning in plan.warnings), *(f"note: {note}" for note in plan.notes)]
    rows = [(key, _value(plan.config, key), why) for key, why in plan.reasons.items()]
    chosen = ["chosen:", *columns(rows)] if rows else []
    return [*lines, *chosen, f"the run: {folder}"]


def number_introduction(plan: NumberPlan, folder: str | Path) -> list[str]:
    """The same where targets are numbers."""
    rows = [(key, _value(plan.config, key), why) for key, why in plan.reasons.items()]
    said = [*(f"warning: {warning}" for warning in plan.warnings), *(f"note: {note}" for note in plan.notes[1:])]
    return [f"data: {plan.notes[0]}", *said, "chosen:", *columns(rows), f"the run: {folder}"]


def result(finished: Finished) -> list[str]:
    """The dev score, and where the model is."""
    how = f"{finished.why} after {duration(finished.seconds)} and {finished.step:,} updates"
    score = f"dev score ({count_of(finished.dev_pairs, 'pair')}, {finished.search}, {finished.chosen}):"
    return ["", score, *columns(metric_rows(finished.metrics)), f"model: {finished.run} ({how})"]


def number_result(finished: Finished) -> list[str]:
    """The same where targets are numbers."""
    how = f"{finished.why} after {duration(finished.seconds)} and {finished.step:,} updates"
    lines = ["", f"dev ({finished.dev_pairs:,} windows, {finished.chosen}):", *columns(metric_rows(finished.metrics))]
    beside = ", ".join(f"{name} {value_text('mae', value)}" for name, value in finished.simple.items())
    return [*lines, *([f"beside it, by mae: {beside}"] if beside else []), f"model: {finished.run} ({how})"]


def argument(text: str) -> str:
    """A text as an argument of a command, `--` before it where it looks like an option. No character of it reaches a shell or a terminal as
    anything but text: what is not printable is escaped as bash, zsh and ksh read it.
    """
    options = "-- " if text.startswith("-") else ""
    return options + (shlex.quote(text) if text.isprintable() else "$'" + "".join(map(_escaped, text)) + "'")


def _escaped(character: str) -> str:
    """A character between $' and '."""
    known = {"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    code = ord(character)
    return known.get(character) or (character if character.isprintable() else f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}")


def members_alone_and_together(members: Sequence[Mapping[str, Any]], together: Finished, watched: str) -> list[str]:
    """The dev scores of members, as their run.json says, and of all together; and which member is better alone, if one is."""
    names = list(dict.fromkeys([watched, *list(together.metrics)[:2]]))
    scored = [(f"member {number}", part["metrics"], part["search"], part["chosen"]) for number, part in enumerate(members, 1)]
    scored.append(("together", together.metrics, together.search, together.chosen))
    rows = [[who, *(value_text(name, values[name]) for name in names), how, what] for who, values, how, what in scored]
    lines = ["", "members on dev, each alone and all together:", *columns([["", *names, "search", "weights"], *rows])]
    alone = [(who, values[watched]) for who, values, how, _ in scored[:-1] if how == together.search]
    best = reduce(lambda one, other: other if better(watched, other[1], one[1]) else one, alone, ("", together.metrics[watched]))
    if best[0]:
        lines.append(f"note: {best[0]} alone has the best {watched} on dev.")
    return lines


def metric_rows(values: Mapping[str, float]) -> list[tuple[str, str]]:
    """Name and printed value of each metric."""
    return [(name, value_text(name, value)) for name, value in values.items()]


def columns(rows: Iterable[Sequence[str]], indent: int = 2) -> list[str]:
    """The rows as lines, the cells of each column under each other; the last is cut into lines that fit the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*[Text(printable(cell)) for cell in row])
    for column in table.columns[:-1]:
        column.no_wrap = True
    width = shutil.get_terminal_size((120, 24)).columns - indent
    text = io.StringIO()
    Console(file=text, width=max(width, 40), color_system=None, legacy_windows=False).print(table)
    return [" " * indent + line.rstrip() for line in text.getvalue().splitlines()]


def _value(config: RunConfig, key: str) -> str:
    """A setting as a person reads it; of a list its entries."""
    part: Any = setting(config, key)
    entries: list[Any] = part if isinstance(part, list) else [part]
    return ", ".join(map(_text, entries)) or "none"


def _text(part: Any) -> str:
    """Of a group its kind, and what is not as usual in it."""
    if not isinstance(part, BaseModel):
        return str(part).lower() if isinstance(part, bool) else str(part)
    fields = type(part).model_fields
    said = [getattr(part, name) for name in ("kind", "unit") if name in fields]
    usual = {name for name, info in fields.items() if getattr(part, name) == info.default}
    return " ".join([*said, *(f"{name}={getattr(part, name)}" for name in fields if name not in usual | {"kind", "unit"})])
