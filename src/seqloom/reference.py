"""The pages docs/cli.md and docs/config.md, made from the program itself: `python -m seqloom.reference docs` writes them."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from seqloom.config import RunConfig

__all__ = ["cli_page", "config_page", "write"]

COMMANDS = ("train", "resume", "join", "evaluate", "predict", "score", "report", "export", "serve", "inspect", "config")
WIDTH = 100
"""Columns of the terminal that the help is printed for."""


def write(folder: str | Path) -> list[Path]:
    """The files written: cli.md and config.md in the folder."""
    pages = {"cli.md": cli_page(), "config.md": config_page()}
    paths = [Path(folder) / name for name in pages]
    for path in paths:
        path.write_bytes(pages[path.name].encode())
    return paths


# ---------------------------------------------------------------------------------------------------------- the commands


def cli_page() -> str:
    """The help of every command, as printed in a terminal of 100 columns."""
    lines = ["# The command line", "", "What `--help` prints. This page is made by `make docs`.", ""]
    for command in ("", *COMMANDS):
        words = ["seqloom", *([command] if command else []), "--help"]
        lines += [f"## {' '.join(words[:-1])}", "", "```", f"$ {' '.join(words)}", help_of(command).rstrip(), "```", ""]
    return "\n".join(lines)


def help_of(command: str) -> str:
    """The help of a command, or of the program where the name is empty."""
    from seqloom.cli import main

    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
            main([*([command] if command else []), "--help"])
        return text.getvalue()
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns


# ---------------------------------------------------------------------------------------------------------- the settings


def config_page() -> str:
    """Every setting: one table a part of the config, and one for each kind of a part that has several."""
    lines = [
        "# Settings",
        "",
        "All that a run can be told: in `config.yaml`, or with `--set key=value` as in `--set model.encoder.layers=2`. Nothing has to be",
        "set; `seqloom config PAIRS` prints what is chosen for your data, with reasons. An unknown key is refused. *Empty* is written",
        "`null`. This page is made by `make docs`.",
        "",
    ]
    return "\n".join([*lines, *_part("", RunConfig, 1, {})])


def _part(path: str, model: type[BaseModel], level: int, seen: dict[str, str], about: str = "", begin: str = "") -> Iterator[str]:
    """The table of one part, then those of the parts in it; kinds that were described before are only named.

    Args:
        seen: the kinds described so far, by the place where that was; added to.
        about: what the heading says besides the path.
        begin: what stands before the text of the part.
    """
    if path:
        yield from (f"{'#' * min(level, 4)} `{path}`{about}", "")
    yield from (begin + _text(model.__doc__), "")
    settings = {info.alias or name: info for name, info in model.model_fields.items()}
    rows = [_row(key, info) for key, info in settings.items() if not _models(info.annotation) and not (about and key == "kind")]
    if rows:
        yield from ("| setting | value | default | |", "|---|---|---|---|", *rows, "")
    for key, info in settings.items():
        place = f"{path}.{key}" if path else key
        yield from _parts(place, info, level + 1, seen)


def _parts(place: str, info: FieldInfo, level: int, seen: dict[str, str]) -> Iterator[str]:
    """The tables of a part, one a kind."""
    models = _models(info.annotation)
    if get_origin(info.annotation) is list and models:
        place += ".0"
    names = ", ".join(model.__name__ for model in models)
    if names in seen:
        yield from (f"{'#' * min(level, 4)} `{place}`", "", f"The same kinds as [`{seen[names]}`](#{_anchor(seen[names], models[0])}).", "")
        return
    if models:
        seen[names] = place
    usual = info.get_default()[0] if get_origin(info.annotation) is list and models else info.get_default()
    for model in models:
        about = f", kind `{_kind(model)}`" if len(models) > 1 else ""
        yield from _part(place, model, level, seen, about, "The usual kind. " if about and type(usual) is model else "")


def _kind(model: type[BaseModel]) -> str:
    return str(model.model_fields["kind"].default)


def _anchor(place: str, model: type[BaseModel]) -> str:
    """The address of a heading, as GitHub makes it."""
    return f"{place.replace('.', '')}-kind-{_kind(model)}"


def _text(text: str | None) -> str:
    return inspect.cleandoc(text or "").replace("<", "&lt;").replace("|", "\\|")


def _row(key: str, info: FieldInfo) -> str:
    value, default = _value(info.annotation, info.metadata), _default(info.get_default())
    return f"| `{key}` | {value} | {default} | {_text(info.description)} |"


def _default(value: object) -> str:
    if value is None:
        return "*empty*"
    if isinstance(value, tuple):
        value = list(cast("tuple[object, ...]", value))
    return f"`{value if isinstance(value, str) and value.strip() else json.dumps(value)}`"


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The groups of settings that an annotation can be, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (list, Union, types.UnionType, Annotated):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


_WORDS = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", type(None): "*empty*"}


def _value(annotation: Any, metadata: list[Any]) -> str:
    """What may stand there, in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(parts[0], [part for item in parts[1:] for part in getattr(item, "metadata", [item])])
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin is list:
        return f"list of {_value(parts[0], [])}"
    if origin is tuple:
        return f"list of {len(parts)}: {_value(parts[0], [])}"
    if origin in (Union, types.UnionType):
        return " or ".join(_value(part, metadata if part is not type(None) else []) for part in parts)
    return f"{_WORDS[annotation]}{_limits(metadata)}"


def _limits(metadata: list[Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [f"{sign} {getattr(item, name):g}" for item in metadata for name, sign in signs.items() if hasattr(item, name)]
    found += ["not empty" for item in metadata if hasattr(item, "min_length")]
    return f" {', '.join(found)}" if found else ""


if __name__ == "__main__":
    for written in write(sys.argv[1] if len(sys.argv) > 1 else "docs"):
        sys.stdout.write(f"{written}\n")
