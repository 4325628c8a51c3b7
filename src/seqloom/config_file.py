"""The file of a config: YAML, with a reason behind each automatic choice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from seqloom.config import RunConfig
from seqloom.errors import ConfigError, MissingFileError
from seqloom.settings import Loader, UnknownPartError, build

__all__ = ["dump_config", "load_config", "load_reasons"]

_OTHERS = {
    "OpenNMT-py": ("src_vocab", "save_data", "save_model", "encoder_type", "path_src"),
    "JoeyNMT": ("joeynmt_version", "model_dir", "testing"),
    "yoyodyne": ("seed_everything", "trainer"),
}
"""Keys at the top of configs of other toolkits, by which they are told."""


def load_config(path: str | Path) -> RunConfig:
    """The config in a YAML file.

    Raises:
        MissingFileError: no such file.
        ConfigError: not YAML, an unknown key (the nearest one is offered), or a value out of range.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such config file. `seqloom config PAIRS > {path.name}` writes one.")
    try:
        tree: object = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not YAML: {' '.join(str(error).split())}. Mend the file or write a new one with `seqloom config`."
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds {type(tree).__name__}; expected keys such as data, model, training.")
    if other := next(((name, key) for name, keys in _OTHERS.items() for key in keys if key in tree), None):
        expected = "expected one of Seqloom. docs/coming-from.md says which setting each option is"
        raise ConfigError(f"{path}: a config of {other[0]}, which has {other[1]!r}; {expected}.")
    try:
        return build(tree, where=str(path))
    except UnknownPartError as error:
        raise error.noted(load_reasons(path)) from None


def load_reasons(path: str | Path) -> dict[str, str]:
    """What stands behind the settings of a YAML file as comments, by dotted key: what `dump_config` wrote, and what a person added."""
    text = Path(path).read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(_comments(root, text.splitlines(), ""))


def dump_config(config: RunConfig, reasons: Mapping[str, str] | None = None) -> str:
    """The whole config as YAML; `reasons` maps dotted keys to a text that stands behind them as a comment."""
    tree = config.model_dump(by_alias=True, mode="json")
    return "\n".join(_yaml_lines(tree, "", 0, dict(reasons or {}))) + "\n"


def _comments(node: Any, lines: list[str], path: str) -> Iterator[tuple[str, str]]:
    """Dotted key and comment of each setting below a node of YAML that has one. That on the first line of a list's group is its own."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
            if text := _comment_after(key.end_mark if is_block else value.end_mark, lines):
                yield here, text
            if is_block:
                yield from _comments(value, lines, here)
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        for number, item in enumerate(node.value):
            found = dict(_comments(item, lines, f"{path}.{number}"))
            if isinstance(item, yaml.MappingNode) and (first := f"{path}.{number}.{item.value[0][0].value}") in found:
                found = {f"{path}.{number}": found.pop(first), **found}
            yield from found.items()


def _comment_after(mark: yaml.Mark, lines: list[str]) -> str:
    """The comment in the rest of a mark's line, '' where there is none."""
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    match = re.fullmatch(r"\s*:?\s+#\s*(.*?)\s*", rest)
    return match.group(1) if match else ""


def _yaml_lines(node: Any, path: str, indent: int, reasons: Mapping[str, str]) -> list[str]:
    """One line a setting, its reason behind it; a list of groups is written with `-`."""
    lines: list[str] = []
    for key, value in node.items():
        here = f"{path}.{key}" if path else str(key)
        comment = f"  # {' '.join(reasons[here].split())}" if here in reasons else ""
        head = " " * indent + f"{key}:"
        if isinstance(value, dict):
            lines += [head + comment, *_yaml_lines(value, here, indent + 2, reasons)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(head + comment)
            for number, item in enumerate(value):
                inner = _yaml_lines(item, f"{here}.{number}", indent + 4, reasons)
                why = reasons.get(f"{here}.{number}")
                first = f"{' ' * (indent + 2)}- {inner[0].lstrip()}"
                lines += [f"{first}  # {' '.join(why.split())}" if why else first, *inner[1:]]
        else:
            scalar = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
            if yaml.load(scalar, Loader) != value:  # a text that is a number to YAML 1.2 and none to 1.1, such as 1e4
                scalar = json.dumps(value, ensure_ascii=False)
            lines.append(f"{head} {scalar}{comment}")
    return lines
