"""A part of a sound, named by its file and from which second to which: `talk.wav#t=1.5,3.25` (W3C Media Fragments, temporal)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from seqloom.errors import DataError

__all__ = ["Clip", "clip_of", "clipped", "file_of"]

TIMES = re.compile(r"#t=(\d+(?:\.\d*)?)?(?:,(\d+(?:\.\d*)?))?$")


class Clip(NamedTuple):
    """What is heard of a sound."""

    begin: float = 0.0
    """Seconds."""
    end: float = math.inf

    def __str__(self) -> str:
        """What stands behind the name of the file."""
        end = "" if math.isinf(self.end) else f",{self.end:.10g}"
        return f"#t={self.begin:.10g}{end}" if self != Clip() else ""


def clip_of(name: str) -> tuple[str, Clip]:
    """The file that a name is of, and what of it."""
    found = TIMES.search(name)
    if not found or not any(found.groups()):
        return name, Clip()
    begin, end = found.groups()
    return name[: found.start()], Clip(float(begin or 0), math.inf if end is None else float(end))


def file_of(name: str) -> str:
    """The file that a name is of."""
    return clip_of(name)[0]


def clipped(name: str, times: Sequence[str], where: str) -> str:
    """The name of what is heard of a sound, where a row says after how many seconds it begins and, if it ends early, how long it lasts.

    Raises:
        DataError: one is no number of seconds.
    """
    offset, duration = [*times, "", ""][:2]
    if not name or not (offset or duration):
        return name
    try:
        begin = float(offset or 0)
        clip = Clip(begin, begin + float(duration) if duration else math.inf)
    except ValueError:
        raise DataError(f"{where}: offset {offset!r}, duration {duration!r}; expected seconds. Mend the row.") from None
    return f"{name}{clip}"
