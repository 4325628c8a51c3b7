"""Sound files as text: the bytes of a file in base64, behind `data:`, as in a data URL (RFC 2397)."""

from __future__ import annotations

import base64

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
    try:
        if not about.endswith(";base64"):
            raise ValueError("no `;base64,` stands before it")
        return base64.b64decode("".join(content.split()), validate=True)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"not base64 ({reason}); expected a sound file in base64. Encode it whole, as `base64 -w0 FILE` does.") from None
