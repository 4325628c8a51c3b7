"""Sound files as text: the bytes of a file in base64, behind `data:`, as in a data URL (RFC 2397)."""

from __future__ import annotations

import base64
import contextlib

from seqloom.errors import DataError

__all__ = ["is_sound_text", "sound_of_text", "text_of_sound"]

MARK = "data:"


def is_sound_text(source: str) -> bool:
    """Whether a source is a sound itself, and no path of one."""
    return source.startswith(MARK)


def text_of_sound(sound: bytes | str) -> str:
    """The bytes of a file, or their base64, as a source."""
    return f"{MARK};base64,{sound if isinstance(sound, str) else base64.b64encode(sound).decode()}"


def sound_of_text(source: str) -> bytes:
    """The bytes of the file.

    Raises:
        DataError: it is not base64.
    """
    about, _, content = source.partition(",")
    reason = "" if about.endswith(";base64") else " (no `;base64,` stands before it)"
    with contextlib.suppress(ValueError):
        if not reason:
            return base64.b64decode("".join(content.split()), validate=True)
    raise DataError(f"not base64{reason}; expected a sound file in base64. Encode it whole, as `base64 -w0 FILE` does.")
