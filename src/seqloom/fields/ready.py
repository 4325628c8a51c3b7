"""Ready vocabularies, subword models and word vectors in a config: what follows from them, and what contradicts them."""

from __future__ import annotations

import re
from typing import Any

from seqloom.config import FieldConfig, FieldsConfig, ModelConfig, RunConfig, TextField, TokensField
from seqloom.errors import ConfigError
from seqloom.fields.columns import unit_of
from seqloom.fields.ready_model import read_model
from seqloom.fields.units import Characters
from seqloom.fields.vectors import width_of
from seqloom.fields.vocabulary_file import read_vocabulary
from seqloom.settings import Asked, override, said_by

__all__ = ["ready_fields", "settings_of_ready", "settings_of_vectors", "settled"]

_VECTORS, _EMBEDDING, _TIED = "model.vectors", "model.embedding", "model.tie_embeddings"
_NAMED = re.compile(r"fields\.(source\.\d+|target)\.(vocabulary|model)")


def ready_fields(fields: FieldsConfig) -> dict[str, str]:
    """The files that fields name, by the names of the fields in a config."""
    named = {name: _file_of(part) for name, part in _parts(fields).items()}
    return {name: file for name, file in named.items() if file is not None}


def settings_of_ready(settings: Asked, chosen: FieldsConfig) -> Asked | None:
    """What follows from the ready files that these settings name, for fields that were chosen without them, but for what settings say.

    A subword model wants the unit `subword`; a vocabulary of single characters wants characters, any other tokens between blanks. Where
    the field was chosen to be of tokens, it is, unless the blank is a symbol. Both sides share what is in one file.
    None: they name no such file.
    """
    said, files, follow = said_by(settings), dict[str, str](), dict[str, Any]()
    for name, file in said.items():
        side, key = match.groups() if (match := _NAMED.fullmatch(name)) else ("", "")
        part = _parts(chosen).get(f"fields.{side}")
        if part is not None and isinstance(file, str):  # of others the setting itself is refused
            files[side] = file
            cut = _cut_by(file, part, f"fields.{side}", said, is_model=key == "model")
            follow |= {f"fields.{side}.{name}": value for name, value in {**cut, "max_size": None, "min_count": 1}.items()}
    if not files:
        return None
    is_one = len(chosen.source) == 1 and files.get("source.0") == files.get("target")
    follow["fields.shared"] = is_one
    return {name: value for name, value in follow.items() if name not in said}


def settings_of_vectors(settings: Asked, model: ModelConfig, *, embedding: int | None) -> tuple[dict[str, Any], dict[str, str]]:
    """What follows from the word vectors that settings or the model name, and the reasons: embeddings as wide as they are, and two of
    them where there are two files.

    Args:
        embedding: the width that a config asks for, None where it does not.

    Raises:
        MissingFileError: no such file.
        DataError: no vectors.
        ConfigError: vectors of two widths, or another width is asked for.
    """
    named = model.vectors.files | {side: settings[name] for side in ("source", "target") if (name := f"{_VECTORS}.{side}") in settings}
    files = {side: file for side, file in named.items() if isinstance(file, str)}  # of others the setting itself is refused
    if not files:
        return {}, {}
    first, *others = dict.fromkeys(files.values())
    width = width_of(first)
    for other in others:
        if (found := width_of(other)).numbers != width.numbers:
            expected = f"expected {width.numbers} as in {first}:{width.line}, since embeddings are of one width"
            raise ConfigError(f"{other}:{found.line}: vectors of {found.numbers} numbers; {expected}. Give vectors of one width.")
    asked = settings.get(_EMBEDDING, embedding)
    if asked is not None and str(asked) != str(width.numbers):
        expected = f"expected {asked}, as {_EMBEDDING} says. Leave that out, it follows the file"
        raise ConfigError(f"{first}:{width.line}: vectors of {width.numbers} numbers; {expected}.")
    follow, reasons = dict[str, Any]({_EMBEDDING: width.numbers}), {_EMBEDDING: f"as the vectors in {first}"}
    if others and model.tie_embeddings == "all" and _TIED not in settings:
        follow[_TIED], reasons[_TIED] = "target", "source and target have vectors of their own"
    return follow, reasons


def settled(fields: FieldsConfig) -> tuple[FieldsConfig, dict[str, str]]:
    """The fields with what their subword models say of themselves, and the reasons by dotted names.

    Raises:
        DataError: a ready file is missing, or not what it should be.
        ConfigError: a size of vocabulary contradicts it, or one vocabulary is asked for and the sides name several.
    """
    files = ready_fields(fields)
    if fields.shared and files and len({_file_of(part) for part in _parts(fields).values()}) > 1:
        named = ", ".join(f"{name} {_file_of(part) or 'none'}" for name, part in _parts(fields).items())
        raise ConfigError(
            f"fields.shared: one vocabulary for all; the fields name {named}. Give all the same file, or set shared to false."
        )
    settings, reasons = dict[str, Any](), dict[str, str]()
    for name, part in _parts(fields).items():
        if name in files:
            size, said = _said_by(part, name, files[name])
            settings |= {f"{name}.{key}": value for key, value in said.items()}
            reasons |= {name: f"the {size:,} symbols of {files[name]}"} | {f"{name}.{key}": f"as {files[name]} says" for key in said}
    return override(RunConfig(fields=fields), settings).fields if settings else fields, reasons


def _said_by(part: FieldConfig, name: str, file: str) -> tuple[int, dict[str, Any]]:
    """How many symbols a ready file holds, and the settings that it decides: none of a vocabulary."""
    if not isinstance(part, TextField) or part.model is None:
        size = len(read_vocabulary(file, part, unit_of(part, None)))
        return _checked(size, part.max_size, name, file), {}
    model = read_model(file)
    said: dict[str, Any] = {"subwords": model.kind, "byte_fallback": model.byte_fallback}
    said |= {"normalization": model.normalization} if model.normalization != "none" else {}
    said |= {"lowercase": True} if model.lowercase else {}
    return _checked(model.size, part.max_size, name, file), said


def _checked(size: int, wanted: int | None, name: str, file: str) -> int:
    """The size of a ready vocabulary.

    Raises:
        ConfigError: another one is asked for.
    """
    if wanted is not None and wanted != size:
        raise ConfigError(f"{name}.max_size: {wanted:,}; {file} has {size:,} symbols. Leave max_size out, it follows the file.")
    return size


def _cut_by(file: str, part: FieldConfig, name: str, said: Asked, *, is_model: bool) -> dict[str, str]:
    """The kind and unit that a vocabulary or a subword model wants, where no setting says them."""
    kind = said.get(f"{name}.kind")
    if kind not in (None, "text"):
        return {}
    if is_model:
        return {"kind": "text", "unit": "subword"}
    if f"{name}.unit" in said:
        return {"kind": "text"}
    words = TextField(unit="word", normalization="none")
    symbols = read_vocabulary(file, words, unit_of(words, None))
    are_characters = all(len(Characters().split(symbol)) == 1 for symbol in symbols)
    if kind is None and isinstance(part, TokensField) and not (are_characters and " " in symbols):
        return {}
    if are_characters or kind == "text":
        return {"kind": "text", "unit": "character" if are_characters else "word"}
    return {"kind": "tokens"}


def _parts(fields: FieldsConfig) -> dict[str, FieldConfig]:
    """The fields of texts by their names in a config."""
    return {f"fields.source.{number}": part for number, part in enumerate(fields.texts)} | {"fields.target": fields.target}


def _file_of(part: FieldConfig) -> str | None:
    return part.vocabulary if not isinstance(part, TextField) or part.vocabulary is not None else part.model
