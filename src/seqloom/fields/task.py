"""Both sides of a task: from raw values to ids and back. What is learned from the training texts is kept in `fields.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from seqloom.config import FieldsConfig
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError, DataError, SeqloomError, count_of
from seqloom.fields.columns import Column, build_columns, groups, learn, model_of, namespace, new_symbols, unit_of
from seqloom.fields.frames import ArraySource, Doubts
from seqloom.fields.subwords import Subwords
from seqloom.fields.text import End, Ids, SourceField, TargetField, Value, kept_of_columns
from seqloom.fields.units import Unit
from seqloom.fields.vocabulary import BOS, DAMAGED, PAD, SEPARATOR, UNK, Vocabulary, entry
from seqloom.files import write_atomically
from seqloom.sound.field import SoundField

__all__ = ["FORMAT", "Fields", "Source", "check_format", "fit_source", "load_state", "restore_source", "save_state"]

FORMAT = 1

Source = SourceField | SoundField | ArraySource
Restored = TypeVar("Restored")


@dataclass(frozen=True)
class Fields:
    """Both sides of a task: what was learned from the training texts, and nothing else, turns values into arrays."""

    config: FieldsConfig
    source: Source
    target: TargetField
    names: tuple[str, ...] = ()
    longest: int = field(default=0, compare=False)
    """Positions of the longest source that was learned from; 0 where nobody knows."""
    writes_unknown: bool = field(default=True, compare=False)
    """Whether targets that were learned from hold <unk>, or nobody knows; where none does, no answer may."""
    shares_limit: bool = False
    """Whether of a source that is too long the longest columns are cut; else its end, whatever stands there, as in older models."""

    @classmethod
    def fit(cls, config: FieldsConfig, rows: Iterable[Row], names: Sequence[str] = ()) -> Fields:
        """Fields learned from the training rows, which are gone through several times; `names` of the columns, the target's last, are kept.

        Raises:
            ConfigError: `shared` with sides that are cut differently, or a size too small for subwords.
            DataError: a row with another number of source columns.
        """
        _check_shared(config)
        rows = list(rows) if isinstance(rows, Iterator) else rows
        source, several = fit_source(config, rows), len(config.source) > 1
        if config.shared and isinstance(source, SourceField):
            target = TargetField(source.columns[0], source.vocabulary)
        else:
            unit, symbols = learn(config.target, partial(_texts, rows, (), len(config.source), True))
            target = TargetField(Column(config.target, unit), Vocabulary(symbols))
        return cls(config, source, target, tuple(names), shares_limit=several)

    def grown(self, rows: Iterable[Row]) -> tuple[Fields, list[str]]:
        """The same fields with the symbols of these rows added behind their own, where columns are not cut into subwords and their size is
        not given; and those symbols. Ids that were there keep their meaning.

        Raises:
            DataError: a row with another number of source columns.
        """
        rows = list(rows) if isinstance(rows, Iterator) else rows
        source, width, added = self.source, len(self.config.source), list[str]()
        if isinstance(source, SourceField):
            for index, members in groups(self.config).items():
                texts = partial(_texts, rows, members, width, self.config.shared)
                added += new_symbols(source.columns[index], source.vocabulary, texts)
            source = SourceField(source.columns, source.vocabulary.grown(added))
            if self.config.shared:
                return replace(self, source=source, target=TargetField(source.columns[0], source.vocabulary)), added
        column, known = self.target.column, self.target.vocabulary
        new = new_symbols(column, known, partial(_texts, rows, (), width, True))
        return replace(self, source=source, target=TargetField(column, known.grown(new))), [*added, *new]

    @property
    def never(self) -> tuple[int, ...]:
        """The ids that no answer holds, but where a prefix says them."""
        return (PAD, BOS) if self.writes_unknown else (PAD, BOS, UNK)

    def doubts(self, source: Value) -> Doubts:
        """What may be wrong with a source that can be used; nothing that is known of texts."""
        return Doubts() if isinstance(self.source, SourceField) else self.source.doubts(source)

    def kept(self, source: npt.NDArray[Any], limit: int, keep: End = "begin") -> npt.NDArray[np.bool_]:
        """Which positions of an encoded source are read, bool (S,), where so many are: symbols (but for the last, </s>) or moments; those
        at its begin, or at its end.
        """
        if self.shares_limit and len(source) > limit + 1:
            return kept_of_columns(source, limit, keep)
        has_end = self.source.kind == "ids"
        places = np.arange(len(source))
        kept = places < limit if keep == "begin" else places >= len(source) - has_end - limit
        kept[-1:] |= has_end
        return kept

    def copy_ids(self, source: Value) -> tuple[Ids, list[str]]:
        """For each source position the id of its symbol among the targets, int64 (S,), and the source symbols that targets do not have.

        S is that of `source.encode`. Symbol k of the second has id V + k, V the target's size. -1 stands where nothing can be copied:
        at </s>, <sep> and columns that are cut differently from the target.
        """
        extra: dict[str, int] = {}
        ids: list[int] = []
        for column, symbols in zip(self.source.columns, self.source.split(source), strict=True):
            if column.same_symbols(self.target.column):
                ids += [self._target_id(symbol, extra) for symbol in symbols]
            else:
                ids += [-1] * len(symbols)
            ids.append(-1)
        return np.array(ids, np.int64), list(extra)

    def encode_target(self, target: str, extra: Sequence[str]) -> Ids:
        """As `target.encode`, but an unknown symbol that `extra` has at k gets id V + k."""
        places = {symbol: index for index, symbol in reversed(list(enumerate(extra)))}
        known, size = self.target.vocabulary, self.target.size
        symbols = self.target.symbols(target)
        ids = [size + places[symbol] if symbol in places and symbol not in known else known.id(symbol) for symbol in symbols]
        return np.array(ids, np.int64)

    def without_cut_away(self, target: Ids, copy_ids: Ids) -> Ids:
        """The target's ids (T,) with <unk> for symbols that were to be copied and do not stand among the `copy_ids` (S,) that are left."""
        return np.where((target >= self.target.size) & ~np.isin(target, copy_ids), UNK, target)

    def state(self) -> dict[str, Any]:
        """What `fields.json` holds: the config, the vocabularies and the subword models."""
        state: dict[str, Any] = {"format": FORMAT, "names": list(self.names), "config": self.config.model_dump(mode="json")}
        state["source"] = self.source.state()
        if self.longest:
            state["longest_source"] = self.longest
        if not self.writes_unknown:
            state["writes_unknown"] = False
        if self.shares_limit:
            state["shares_limit"] = True
        if not self.config.shared:
            state["target"] = {"vocabulary": self.target.vocabulary.state(), "subwords": [model_of(self.target.column.unit)]}
        return state

    @classmethod
    def from_state(cls, state: object) -> Fields:
        """The fields that `state` was taken from.

        Raises:
            CheckpointError: keys are missing or of wrong types, the parts contradict each other, or another format number.
        """
        try:
            return _restore(state)
        except CheckpointError:
            raise
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = f"config.{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except (SeqloomError, KeyError, IndexError, TypeError, ValueError, RuntimeError, OverflowError) as error:
            reason = " ".join(str(error).split())
        raise CheckpointError(f"fields: cannot be read: {reason}. {DAMAGED}")

    def save(self, path: str | Path) -> None:
        """Writes `state` as JSON; a crash leaves the old file or the new one, never half of one."""
        save_state(path, self.state())

    @classmethod
    def load(cls, path: str | Path) -> Fields:
        """The fields that `save` wrote; CheckpointError names the file when it is missing or damaged."""
        return load_state(path, cls.from_state)

    def _target_id(self, symbol: str, extra: dict[str, int]) -> int:
        if symbol in self.target.vocabulary:
            return self.target.vocabulary.id(symbol)
        return self.target.size + extra.setdefault(symbol, len(extra))


def fit_source(config: FieldsConfig, rows: Iterable[Row]) -> Source:
    """The source's field, learned from the training rows; see `Fields.fit`."""
    if config.texts:
        return _fit_texts(config, rows)
    sources = ((row.where, row.source[0]) for row in rows if row.source[0])
    scaling = config.numbers.scaling
    return (
        SoundField.fit(config.sound, sources) if config.sound else ArraySource.fit("standard" if scaling == "series" else scaling, sources)
    )


def restore_source(config: FieldsConfig, state: dict[str, Any]) -> Source:
    """The source's field, as its `state` says.

    Raises:
        CheckpointError: that is damaged.
    """
    if config.texts:
        return _restore_texts(config, state)
    return SoundField.from_state(config.sound, state) if config.sound else ArraySource.from_state(state)


def _fit_texts(config: FieldsConfig, rows: Iterable[Row]) -> SourceField:
    units: dict[int, Unit] = {}
    keys: list[str] = []
    for index, members in groups(config).items():
        texts = partial(_texts, rows, members, len(config.source), config.shared)
        units[index], symbols = learn(config.texts[index], texts)
        keys += Column(config.texts[index], units[index], namespace(config, index)).keys(symbols)
    return SourceField(build_columns(config, units), Vocabulary(keys, _reserved(config)))


def _reserved(config: FieldsConfig) -> list[str]:
    return [SEPARATOR] if len(config.source) > 1 else []


def _check_shared(config: FieldsConfig) -> None:
    if config.shared and any(part != config.target for part in config.source):
        raise ConfigError("fields.shared: columns with different settings; expected the same for one vocabulary. Set shared to false.")


def _texts(rows: Iterable[Row], columns: Sequence[int], width: int, has_target: bool) -> Iterator[str]:
    for row in rows:
        if len(row.source) != width:
            got = count_of(len(row.source), "source column")
            raise DataError(f"{row.where}: {got}; expected {width}. Give fields.source an entry a column or mend the line.")
        for index in columns:
            yield row.source[index]
        if has_target:
            yield row.target


def save_state(path: str | Path, state: dict[str, Any]) -> None:
    """Write what fields say of themselves as JSON, whole or not at all."""
    write_atomically(Path(path), json.dumps(state, ensure_ascii=False, indent=1).encode())


def load_state(path: str | Path, restore: Callable[[object], Restored]) -> Restored:
    """What `restore` makes of a state that `save_state` wrote; CheckpointError names the file when it is missing or damaged."""
    try:
        state: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); expected the fields of a run. Check the path.") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: not JSON. {DAMAGED}") from None
    try:
        return restore(state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def check_format(state: object, expected: int) -> None:
    """Raises a CheckpointError where fields were written in another format."""
    number = entry(state, "format", int)
    if number != expected:
        raise CheckpointError(f"fields: format {number}; expected {expected}. Use the Seqloom that wrote it, or train again.")


def _restore(state: object) -> Fields:
    check_format(state, FORMAT)
    names: list[object] = entry(state, "names", list)
    config = FieldsConfig.model_validate(entry(state, "config", dict))
    _check_shared(config)
    source = restore_source(config, entry(state, "source", dict))
    if config.shared and isinstance(source, SourceField):
        target = TargetField(source.columns[0], source.vocabulary)
    else:
        vocabulary, models = _side(entry(state, "target", dict), 1, [])
        target = TargetField(Column(config.target, unit_of(config.target, models[0])), vocabulary)
    _check_pieces(target.column, target.vocabulary)
    longest: int = entry(state, "longest_source", int) if isinstance(state, dict) and "longest_source" in state else 0
    writes_unknown: bool = entry(state, "writes_unknown", bool) if isinstance(state, dict) and "writes_unknown" in state else True
    shares_limit: bool = entry(state, "shares_limit", bool) if isinstance(state, dict) and "shares_limit" in state else False
    return Fields(config, source, target, tuple(map(str, names)), longest, writes_unknown, shares_limit and len(config.source) > 1)


def _restore_texts(config: FieldsConfig, state: dict[str, Any]) -> SourceField:
    vocabulary, models = _side(state, len(config.source), _reserved(config))
    columns = build_columns(config, {index: unit_of(config.texts[index], models[index]) for index in groups(config)})
    for column in columns:
        _check_pieces(column, vocabulary)
    return SourceField(columns, vocabulary)


def _check_pieces(column: Column, vocabulary: Vocabulary) -> None:
    if isinstance(column.unit, Subwords) and not all(key in vocabulary for key in column.keys(column.unit.pieces)):
        raise CheckpointError(f"fields: the subword model is of another vocabulary. {DAMAGED}")


def _side(state: dict[str, Any], columns: int, reserved: list[str]) -> tuple[Vocabulary, list[Any]]:
    vocabulary = Vocabulary.from_state(entry(state, "vocabulary", dict))
    models: list[Any] = entry(state, "subwords", list)
    if len(models) != columns or list(vocabulary.reserved) != reserved:
        raise CheckpointError(f"fields: made for another number of columns; expected {columns}. {DAMAGED}")
    return vocabulary, models
