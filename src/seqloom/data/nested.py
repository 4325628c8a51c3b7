"""Chats and records inside of records, in JSON and Parquet: columns that are no texts, what they are, and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

__all__ = ["Nested", "find_nested", "nested_in"]

CHATS = "examples/4-one-command-three-tasks"
"""Where dialogues become pairs."""
CHAT_WORDS = frozenset(
    {"chat", "conversation", "conversations", "dialog", "dialogs", "dialogue", "dialogues", "messages", "turns", "utterances"}
)
"""Names of columns that hold what is said in turn."""
SPEAKER_WORDS = frozenset({"role", "speaker"})
"""Names, in the objects of a list, of who speaks."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A column of such values."""

    name: str
    what: str
    """What it holds."""
    advice: str
    is_text: bool
    """Whether its values are lists of texts, which can be joined."""


def find_nested(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[int, Nested]:
    """The columns, by their places, in which any row has such a value."""
    found = {place: next(filter(None, (nested_in(name, row[place]) for row in rows)), None) for place, name in enumerate(columns)}
    return {place: nested for place, nested in found.items() if nested is not None}


def nested_in(name: str, value: object) -> Nested | None:
    """What a value of this name is: turns of a chat, objects, or objects that hold such themselves; None where it is nothing of these."""
    if not isinstance(value, list) or not value:
        return None
    objects = _objects(value)
    is_chat = name.rpartition(".")[2].casefold() in CHAT_WORDS or any(not SPEAKER_WORDS.isdisjoint(item) for item in objects)
    if is_chat and (objects or _are_texts(cast("list[object]", value))):
        what = f"lists of {'objects' if objects else 'texts'}, as chats are kept"
        advice = f"Write a line for each reply, with what was said before it as the source, as {CHATS} does."
        return Nested(name, what, advice, not objects)
    if any(_objects(inner) for item in objects for inner in item.values()):
        advice = "Flatten them first, into one object a line with texts in it, as context, question and answer."
        return Nested(name, "records in records", advice, False)
    return Nested(name, "lists of objects", "Flatten them first, into one object a line with texts in it.", False) if objects else None


def _are_texts(items: Sequence[object]) -> bool:
    """Whether all are texts, and not numbers, which JSON gives as they are written."""
    return all(isinstance(item, str) for item in items) and any(letter.isalpha() for item in items for letter in str(item))


def _objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, dict)]
