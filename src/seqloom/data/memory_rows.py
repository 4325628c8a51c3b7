"""Values in memory → rows: pairs, and sources without a target."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from seqloom.data.lines import refuse_bad_characters
from seqloom.data.rows import Row
from seqloom.errors import DataError, count_of, listed
from seqloom.fields.frame_text import text_of_array
from seqloom.sound.audio import is_sound
from seqloom.sound.samples import is_held

__all__ = ["is_missing", "numbers_as_texts", "rows_from_memory", "source_row", "sources_from_memory", "texts_of"]


def rows_from_memory(data: Iterable[Any], target: Iterable[str] | None = None) -> list[Row]:
    """Rows from a list of (source, target) pairs, or from a list of sources and one of targets.

    A source is a text, a tuple of texts, as many in every row, or an array of numbers; arrays become text (`frame_text`).
    """
    pairs = _split_pairs(data) if target is None else _zipped(list(data), list(target))
    rows = [_memory_row(*pair, f"pairs:{number}") for number, pair in enumerate(pairs, 1)]
    if not rows:
        raise DataError("pairs: no rows; expected a list of (source, target) pairs. Give at least one.")
    for row in rows:
        if len(row.source) != len(rows[0].source):
            got = count_of(len(row.source), "source column")
            raise DataError(f"{row.where}: {got}; expected {len(rows[0].source)} as in the first pair. Mend it.")
    return rows


def _memory_row(source: Any, target: Any, where: str) -> Row:
    return Row(texts_of(source, where), _text(target, where, "target"), where)


def _split_pairs(data: Iterable[Any]) -> list[tuple[Any, Any]]:
    return [_pair(item, f"pairs:{number}") for number, item in enumerate(data, 1)]


def _pair(item: Any, where: str) -> tuple[Any, Any]:
    values = cast("list[Any]", item) if isinstance(item, (tuple, list)) else []
    if len(values) == 2:
        return values[0], values[1]
    got = count_of(len(values), "value") if values else f"{item!r:.40}"
    raise DataError(f"{where}: expected a (source, target) pair, got {got}. Several source columns go into a tuple: ((a, b), target).")


def _zipped(sources: list[Any], targets: list[str]) -> list[tuple[Any, Any]]:
    if len(sources) != len(targets):
        raise DataError(f"pairs: {len(sources):,} sources and {len(targets):,} targets; expected equally many. Give one target a source.")
    return list(zip(sources, targets, strict=True))


def texts_of(source: Any, where: str) -> tuple[str, ...]:
    """The columns of a source in memory, each without outer blanks; DataError where one is no text, or none that can be read."""
    if not isinstance(source, (str, bytes, bytearray)) and is_held(source):
        raise DataError(f"{where}: a sound; expected a text, as in training. Give texts; only a model that was trained on sounds hears.")
    if isinstance(source, (tuple, list)) and source:
        return tuple([_text(part, where, "source") for part in cast("list[Any]", source)])
    return (_text(source, where, "source"),)


def _text(value: Any, where: str, side: str) -> str:
    if isinstance(value, np.ndarray):
        return text_of_array(value, f"{where}: the {side}")
    if not isinstance(value, str) and isinstance(value, os.PathLike) and is_sound(name := os.fspath(cast("os.PathLike[str]", value))):
        value = name
    if not isinstance(value, str):
        raise DataError(f"{where}: the {side} is {type(value).__name__} {value!r:.40}; expected a text. {_advice(value)}")
    refuse_bad_characters(value, where)
    return value.strip()


def numbers_as_texts(value: Any) -> Any:
    """A whole number as a text, and those in a list, a tuple or an array (N,) likewise; all else as it is."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        parts = [numbers_as_texts(part) for part in cast("Sequence[Any]", value)]
        return tuple(parts) if isinstance(value, tuple) else parts
    return value


def _advice(value: object) -> str:
    """How a value in memory becomes what can be learned."""
    if is_missing(value):
        return 'Give a text, or "" for an empty one.'
    if isinstance(value, (list, tuple)):
        if all(isinstance(part, str) for part in cast("Sequence[object]", value)):
            return 'Join its parts with " ".join(...).'
        return "Give numbers alone, equally many at each moment, or a text."
    if isinstance(value, (bytes, bytearray)):
        return "Decode it; of a sound, give the path of its file."
    if isinstance(value, (int, float, np.number)):
        return "One that names something becomes a text with str(); one that is measured goes into an array, as in np.array([0.5])."
    return "Convert it with str()."


def sources_from_memory(texts: Iterable[str | Sequence[str]], columns: int) -> Iterator[Row]:
    """Texts of the command line to predict from, tuples or separated by tabs where the model has several source columns."""
    for number, item in enumerate(texts, 1):
        where = f"TEXT {number}"
        source = texts_of(item.split("\t") if isinstance(item, str) and columns > 1 else item, where)
        yield source_row(source, columns, where, "text")


def source_row(cells: Sequence[str], columns: int, where: str, of: str = "line", advice: str = "") -> Row:
    """A source to predict from; blank in every column where all cells are. DataError where they are not as many as the model's.

    `of` says what they stand in, `advice` what else may help where there are more.
    """
    source = tuple([cell.strip() for cell in cells])
    if not any(source):
        return Row(("",) * columns, "", where)
    if len(source) != columns:
        separated = " separated by tabs" if columns > 1 else ""
        wanted = f"the model's {count_of(columns, 'source column')}{separated}"
        what = f"{count_of(len(source), 'source column')}; expected {wanted}, got {listed(source)}"
        raise DataError(f"{where}: {what}. Mend the {of}{advice if len(source) > columns else ''}.")
    return Row(source, "", where)


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, pandas' NA and NaT."""
    is_nan = isinstance(value, (float, np.floating)) and bool(value != value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")
