"""The config tree under dotted names: built and checked, and single settings of it read and overridden. Those of texts are read as YAML."""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from seqloom.config import (
    DRAWING,
    DataConfig,
    HeadConfig,
    Kinds,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    SearchConfig,
    SourceFieldConfig,
    SubsamplingConfig,
    UnknownKindError,
)
from seqloom.errors import ConfigError, nearest

__all__ = [
    "NOTHING",
    "Asked",
    "Loader",
    "UnknownPartError",
    "build",
    "changed_search",
    "has_setting",
    "leaves",
    "only",
    "override",
    "override_header",
    "override_search",
    "read_settings",
    "said_by",
    "setting",
    "shown",
    "together",
    "without",
]

Asked = Mapping[str, Any]
"""Settings that are asked for or chosen, by their dotted names. None is a group; of a list and its items the later one holds."""

NOTHING: Asked = types.MappingProxyType({})

HEADER = "data.header"
OF_A_KIND = frozenset({"learning_rate"})
"""Settings that kinds share by name alone: a learning rate that is right for AdamW does nothing with SGD."""


_BOOL, _INT, _FLOAT, _TIME = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "timestamp"))


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last. `no`, `2020-01-01`, `1:30` and `1_000` are texts, `1e-4` a number
    and `010` ten, as in YAML 1.2.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_BOOL, _INT, _FLOAT, _TIME)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if key.value in first:
                raise ConfigError(f"line {line}: {key.value!r} stands in line {first[key.value]} too. Put the settings under one of them.")
            first[key.value] = line
        return super().construct_mapping(node, deep)


def _whole(loader: Loader, node: yaml.ScalarNode) -> int:
    return int(node.value, 0 if node.value[:2] in ("0o", "0x") else 10)


Loader.add_constructor(_INT, _whole)
Loader.add_implicit_resolver(_INT, re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"),
    list("-+.0123456789"),
)
Loader.add_implicit_resolver(_BOOL, re.compile("(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def read_settings(texts: Iterable[str]) -> dict[str, Any]:
    """What `a.b.c=value` texts ask for: values are read as YAML, those of a group are taken one by one, the last of a name holds.

    Raises:
        ConfigError: a text without a name or without a value.
    """
    return together(*(dict(_parted(*_read(text))) for text in texts))


def together(*parts: Asked) -> dict[str, Any]:
    """All of them, one behind the other; the last of a name alone."""
    found = dict[str, Any]()
    for name, value in chain.from_iterable(part.items() for part in parts):
        found.pop(name, None)
        found[name] = value
    return found


def only(asked: Asked, *names: str) -> dict[str, Any]:
    """Those of these names, and of the groups of these names: of `model.head` also `model.head.kind`."""
    return {name: value for name, value in asked.items() if _stands_in(names, name)}


def without(asked: Asked, *names: str) -> dict[str, Any]:
    """The others than `only` gives."""
    return {name: value for name, value in asked.items() if not _stands_in(names, name)}


def _stands_in(groups: tuple[str, ...], name: str) -> bool:
    return f"{name}.".startswith(tuple(f"{group}." for group in groups))


def shown(asked: Asked) -> str:
    """The first of them, as it stands behind `--set` in a message."""
    name, value = next(iter(asked.items()))
    as_yaml = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    return f"{name}={value if isinstance(value, str) else as_yaml}"


def override(config: RunConfig, asked: Asked) -> RunConfig:
    """The config with what is asked for.

    Setting a `kind` keeps those settings of the part that the new kind has too and gives it its own defaults for the rest, and for what
    is in OF_A_KIND where they differ.
    """
    return build(config.model_dump(by_alias=True, mode="json"), asked, where="--set")


def override_header(data: DataConfig, asked: Asked) -> tuple[DataConfig, dict[str, Any]]:
    """How a file is read that a trained model is asked about, with `data.header` where it is asked for, and all else that is.

    Columns that training read by name are then in order where there are no names.
    """
    header, rest = override(RunConfig(), only(asked, HEADER)).data.header, without(asked, HEADER)
    if header is None:
        return data, rest
    update: dict[str, Any] = {"header": header}
    if not header and any(isinstance(column, str) for column in (*data.source, data.target)):
        count = len(data.source)
        update |= {"source": list(range(1, count + 1)), "target": count + 1}
    return data.model_copy(update=update), rest


def override_search(search: SearchConfig, asked: Asked) -> SearchConfig:
    """The search with what is asked for under `search`: what can be changed of a model that is trained.

    Raises:
        ConfigError: a setting of another part, an unknown one (the nearest one is offered), or a value out of range.
    """
    for name, value in asked.items():
        if not name.startswith("search."):
            offer, said = _offer(name.rpartition(".")[2], SearchConfig, "search."), shown({name: value})
            raise ConfigError(f"--set {said}: of a trained model only the search can be changed; expected search.NAME=VALUE.{offer}")
    return changed_search(search, {name.removeprefix("search."): value for name, value in asked.items()}, where="--set")


def changed_search(search: SearchConfig, changes: Mapping[str, Any], *, where: str) -> SearchConfig:
    """The search with some settings changed: so many hypotheses want a beam where no kind is said, and a ratio of lengths that it decides
    in place of a length.

    Raises:
        ConfigError: an unknown setting, a value out of range, or one of sampling where nothing is drawn.
    """
    changes = {"kind": "beam", **changes} if "beam" in changes else dict(changes)
    changes = {"max_length": None, **changes} if "max_length_ratio" in changes else changes
    changed = build({"search": search.model_dump() | changes}, where=where).search
    if changed.kind != "sample" and (idle := [name for name in DRAWING if name in changes]):
        raise ConfigError(f"{where}: {', '.join(idle)}: of no effect with kind {changed.kind!r}. Say kind=sample, or leave it out.")
    return changed


def build(tree: Mapping[str, Any], asked: Asked = NOTHING, *, where: str) -> RunConfig:
    """A checked config from nested mappings, with what is asked for; `where` begins every error message."""
    data, laid_over = copy.deepcopy(dict(tree)), copy.deepcopy(dict(asked))
    _name_kinds(data, _DEFAULTS)
    for name in sorted(laid_over, key=lambda name: not name.endswith(".kind")):
        _apply(data, name, laid_over[name])
    _name_kinds(data, _DEFAULTS)
    _refuse_unknown(data, RunConfig, "", where)
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        raise _first_problem(error, where) from None


def _parted(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of a group by their dotted names; a list is one value."""
    if not (isinstance(value, dict) and value):
        yield path, value
        return
    for key, item in value.items():
        yield from _parted(f"{path}.{key}", item)


def said_by(asked: Asked) -> dict[str, Any]:
    """The same with the groups in lists one by one, by their numbers."""
    return dict(chain.from_iterable(leaves(value, name) for name, value in asked.items()))


def leaves(part: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The settings of a group by their dotted names, lists by their numbers; a single value under its own."""
    tree = part.model_dump(by_alias=True, mode="json") if isinstance(part, BaseModel) else part
    if not (isinstance(tree, dict) or (isinstance(tree, list) and tree and isinstance(tree[0], dict))):
        yield name, tree
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from leaves(value, f"{name}.{key}")


def setting(config: RunConfig, key: str) -> Any:
    """The value under a dotted key, as it is written in YAML: a group of settings, an item of a list, or a plain value."""
    part: Any = config
    for name in key.split("."):
        part = part[int(name)] if name.isdecimal() else getattr(part, "copy_source" if name == "copy" else name)
    return part


def has_setting(config: RunConfig, key: str) -> bool:
    """Whether there is anything under a dotted key: a part of another kind, one of a user's above all, lacks what the usual one has."""
    try:
        setting(config, key)
    except (AttributeError, IndexError):
        return False
    return True


def _name_kinds(tree: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Where a part is given without its kind, the default kind is meant."""
    for key, default in defaults.items():
        part = tree.get(key)
        if isinstance(part, dict) and isinstance(default, dict):
            if "kind" in default:
                part.setdefault("kind", default["kind"])
            _name_kinds(part, default)
        elif isinstance(part, list) and isinstance(default, list):
            for item in part:
                _name_kinds({key: item}, {key: default[0]} if default else {})


def _apply(tree: dict[str, Any], path: str, value: Any) -> None:
    """Lay one setting over the tree, in place."""
    *parents, last = path.split(".")
    node: Any = tree
    for depth, name in enumerate(parents):
        node = _child(node, name, ".".join(parents[: depth + 1]))
    if isinstance(node, list):
        node[_index(node, last, path)] = value
        return
    if last == "kind" and node.get("kind", value) != value:
        _change_kind(node, tuple(parents), value)
    node[last] = value


def _read(text: str) -> tuple[str, Any]:
    """The key of one `a.b.c=value`, and its value."""
    path, equals, said = text.partition("=")
    path, value_text = path.strip(), said.strip() or said  # blanks alone are a delimiter
    if not equals or not path:
        raise ConfigError(f"--set {text}: expected key=value, as in --set model.dropout=0.2.")
    try:
        value = yaml.load(value_text, Loader)
    except yaml.YAMLError:
        value = value_text
    if value_text and value in (None, "") and value_text != "null" and set(value_text) - set("\"'"):
        value = value_text  # a mark such as | or # or ~, which YAML reads as nothing
    return path, value


def _child(node: Any, name: str, path: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, name, path)]
    child = node.setdefault(name, {})
    if not isinstance(child, (dict, list)):
        raise ConfigError(f"--set {path}: {name!r} is a value, not a group of settings.")
    return child


def _index(node: list[Any], name: str, path: str) -> int:
    if not node:
        raise ConfigError(f"--set {path}: the list is empty; give it whole, as in --set {path.rpartition('.')[0]}=[...].")
    if not name.isdecimal() or int(name) >= len(node):
        raise ConfigError(f"--set {path}: expected a number from 0 to {len(node) - 1}, got {name!r}.")
    return int(name)


def _change_kind(node: dict[str, Any], parents: tuple[str, ...], kind: object) -> None:
    """Drop the settings that the part's new kind does not have, or has on another scale, or of whose values it has no such."""
    annotation: Any = RunConfig
    for name in parents:
        annotation = _field_annotation(annotation, name) if not name.isdecimal() else get_args(annotation)[0]
        if annotation is None:
            return
    model, before = _pick(annotation, {"kind": kind}), _pick(annotation, node)
    if model is not None:
        other = {key for key in OF_A_KIND & set(node) if before and _default(before, key) != _default(model, key)}
        refused = {key for key in set(node) & _names(model) - {"kind"} if not _takes(model, key, node[key])}
        for key in set(node) - _names(model) | other | refused:
            del node[key]


def _takes(model: type[BaseModel], key: str, value: Any) -> bool:
    """Whether a setting of the kind may have that value."""
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        return not any(problem["loc"][:1] == (key,) for problem in error.errors())
    return True


def _default(model: type[BaseModel], name: str) -> Any:
    return model.model_fields[name].default if name in model.model_fields else None


def _refuse_unknown(tree: Mapping[str, Any], model: type[BaseModel], prefix: str, where: str) -> None:
    for key, value in tree.items():
        if key not in _names(model):
            raise ConfigError(f"{where}: unknown setting {prefix + str(key)!r}.{_offer(str(key), model, prefix)}")
        annotation = _field_annotation(model, key)
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items):
            inner = get_args(annotation)[0] if isinstance(value, list) and get_origin(annotation) is list else annotation
            part = _pick(inner, item) if isinstance(item, Mapping) else None
            if part is not None:
                deeper = f"{prefix}{key}.{number}." if isinstance(value, list) else f"{prefix}{key}."
                _refuse_unknown(item, part, deeper, where)


def _offer(key: str, model: type[BaseModel], prefix: str) -> str:
    near = nearest(key, _names(model))
    return near.replace("'", f"'{prefix}", 1) if near else f" Known here: {', '.join(sorted(_names(model)))}."


def _names(model: type[BaseModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def _field_annotation(model: Any, key: str) -> Any:
    """The annotation of a setting, looked up by its name in YAML; for a union, in the first kind that has it."""
    for kind in _models(model):
        for name, info in kind.model_fields.items():
            if (info.alias or name) == key:
                return next((item for item in info.metadata if isinstance(item, Kinds)), info.annotation)
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models an annotation can be: one, or the kinds of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, Kinds):
        return [*annotation.models.values()]
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _pick(annotation: Any, item: Mapping[str, Any]) -> type[BaseModel] | None:
    """The model that an item is meant for: the one kind, or the kind that it names."""
    models = _models(annotation)
    if len(models) == 1:
        return models[0]
    return next((model for model in models if model.model_fields["kind"].default == item.get("kind")), None)


class UnknownPartError(ConfigError):
    """A part of a kind that is not there, and that the file of another person may have brought."""

    def __init__(self, where: str, key: str, kind: UnknownKindError, file: str = "FILE") -> None:
        super().__init__(f"{where}: {key}: {kind.told(file)}. docs/config.md lists what is allowed.")
        self.where, self.key, self.kind = where, key, kind

    def noted(self, reasons: Mapping[str, str]) -> ConfigError:
        """The same with the name of the file, where it is noted beside the kind."""
        match = re.search(r"a part of (.+\.py)$", reasons.get(f"{self.key}.kind", ""))
        return UnknownPartError(self.where, self.key, self.kind, match.group(1)) if match else self


def _first_problem(error: ValidationError, where: str) -> ConfigError:
    problem = error.errors(include_url=False)[0]
    kinds = {model.model_fields["kind"].default for name in _ALL_UNIONS for model in _models(name)}
    path = ".".join(str(part) for part in problem["loc"] if part not in kinds)
    more = problem.get("ctx", {})
    if isinstance(unknown := more.get("error"), UnknownKindError):
        return UnknownPartError(where, path, unknown)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "union_tag_invalid":
        message = f"no kind {more['tag']!r}; expected one of {more['expected_tags'].replace(chr(39), '')}"
    got = "" if isinstance(problem.get("input"), (dict, BaseModel)) else f"; got {problem.get('input')!r}"
    return ConfigError(f"{where}: {path + ': ' if path else ''}{message}{got}. docs/config.md lists what is allowed.")


_DEFAULTS = RunConfig().model_dump(by_alias=True, mode="json")
_ALL_UNIONS = (SourceFieldConfig, SubsamplingConfig, HeadConfig, OptimizerConfig, ScheduleConfig)
"""Whose kinds pydantic puts into the place of an error; those of PARTS it does not."""
