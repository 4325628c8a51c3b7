"""The kinds that a part comes in, to which `seqloom.parts` adds those of a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from seqloom.config.base import Settings
from seqloom.errors import ConfigError, nearest

__all__ = ["Kinds", "UnknownKindError"]


class UnknownKindError(ValueError):
    """A kind that no part has, as a config names it."""

    def __init__(self, kind: object, known: list[str]) -> None:
        super().__init__(kind, known)
        self.kind, self.known = kind, known

    def __str__(self) -> str:
        return self.told("FILE")

    def told(self, file: str) -> str:
        """What is wrong, and that the kind may be one of the file's."""
        offer = nearest(str(self.kind), self.known)
        return f"no kind {self.kind!r}; expected one of {', '.join(self.known)}.{offer} One of your own needs its file: --parts {file}, in Python an import"


class Kinds:
    """A union of settings told apart by their `kind`, which can grow: `Annotated[Union[...], Kinds("attention", ...)]`."""

    def __init__(self, part: str, base: type[Settings], *models: type[Settings]) -> None:
        self.part = part
        """Its name below `model`."""
        self.base = base
        """What the settings of a user's part begin with."""
        self.models: dict[str, type[Settings]] = {_kind(model): model for model in models}
        self.files: dict[str, str] = {}
        """Of a user's kinds the names of the files that they come from."""

    def add(self, model: type[Settings], file: str) -> str:
        """Take a user's settings among the kinds; gives their kind. The same class once more takes the place of its older self.

        Raises:
            ConfigError: the settings are none, without a kind or a default, or of a kind that another class has.
        """
        if not (isinstance(model, type) and issubclass(model, self.base)):  # pyright: ignore[reportUnnecessaryIsInstance]
            name = getattr(model, "__name__", repr(model))
            raise ConfigError(f"{name}: not settings for model.{self.part}; expected class {name}({self.base.__name__}), with a kind. Mend it.")
        model.model_rebuild()  # where annotations are texts, raises what a name in them is not known
        kind, name = _kind(model), model.__name__
        if not re.fullmatch(r"[a-z][a-z0-9_]*", kind):
            raise ConfigError(f'{name}: has no kind; expected a name of small letters, such as kind: Literal["gated"] = "gated". Add it.')
        if missing := [key for key, info in model.model_fields.items() if info.is_required()]:
            raise ConfigError(f"{name}: {missing[0]} has no default; expected one for each setting, which --set may leave out. Give it one.")
        known = self.models.get(kind)
        if known is not None and (known.__module__, known.__qualname__) != (model.__module__, model.__qualname__):
            whose = f"{known.__name__} of {self.files[kind] or 'your own'}" if kind in self.files else "one of Seqloom's own"
            raise ConfigError(f"{name}: kind {kind!r} is there already, {whose}; expected one that is not: {', '.join(self.models)}. Choose another name.")
        self.models[kind], self.files[kind] = model, file
        return kind

    def note(self, kind: str) -> str:
        """What is noted beside a kind of a user's in the config of a run, '' for another: its file."""
        return f"a part of {self.files[kind] or 'your own'}" if kind in self.files else ""

    def read(self, value: object) -> Settings:
        """Settings from a mapping or from settings.

        Raises:
            ValueError: neither, or of no kind that is known.
        """
        kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
        model = self.models.get(kind) if isinstance(kind, str) else None
        if model is None:
            if not isinstance(value, (Mapping, Settings)):
                raise ValueError("expected settings with a kind")
            raise UnknownKindError(kind, list(self.models))
        return model.model_validate(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The kinds of the moment when a config is read, and not of that when its class was made."""
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: self.read(value), handler(source), serialization=core_schema.simple_ser_schema("any")
        )


def _kind(model: type[Settings]) -> str:
    """The kind of settings, '' where they have none."""
    info = model.model_fields.get("kind")
    return info.default if info is not None and isinstance(info.default, str) else ""
