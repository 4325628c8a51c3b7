"""The fields of a protobuf message (https://protobuf.dev/programming-guides/encoding/), as far as models need them."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BYTES", "read_fields"]

BYTES = 2
"""The type of a field that is a text or a message."""
_VARINT, _WIDE, _NARROW = 0, 1, 5


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field of a message in order: its number, and a number or its bytes; ValueError or IndexError where it ends too early."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        sort = key & 7
        if sort == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if sort not in (_WIDE, BYTES, _NARROW):
            raise ValueError(f"a field of type {sort}")
        size, place = _varint(message, place) if sort == BYTES else (8 if sort == _WIDE else 4, place)
        if place + size > len(message):
            raise ValueError("the message is cut")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place
