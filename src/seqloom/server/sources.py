"""How what a request gives becomes the source of a row, by the kind of a model's columns, and what of it is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol

from seqloom.config import AudioField, FieldsConfig
from seqloom.data.lines import refuse_bad_characters
from seqloom.data.rows import Row
from seqloom.errors import DataError, count_of
from seqloom.fields.task import Fields
from seqloom.server.limits import Limits
from seqloom.server.refusals import Refusal
from seqloom.sound.audio import MP3, About, about
from seqloom.sound.text import is_sound_text, sound_of_text, text_of_sound

__all__ = ["SoundSources", "Sources", "TextSources", "body_bytes", "refuse_bad", "sources_of"]

SOUNDS = (b"RIFF", b"fLaC", b"OggS", *MP3)
"""How WAV, FLAC, Ogg (Vorbis, Opus) and MP3 begin. No other file that a stranger sends is opened: libsndfile has readers for 25 kinds,
some of them old.
"""
SAMPLES_A_SECOND = 96_000
"""Numbers that a sound may hold for each second it may last: two channels of 48 kHz. FLAC and Opus pack silence a thousandfold."""


LARGE_BODY = 16_777_216
"""In base64 six minutes of one channel of 16 kHz, or 70 seconds of a CD."""


class Sources(Protocol):
    """The sources of a model."""

    waiting: int
    """Of them that may wait."""

    def row(self, source: tuple[str, ...], where: str) -> Row:
        """A source as a row.

        Raises:
            Refusal: 422, it cannot be used.
        """
        ...

    def symbols(self, row: Row) -> int:
        """How many positions the model reads of it."""
        ...


class TextSources:
    """A text a column."""

    def __init__(self, model: str, fields: Fields, limits: Limits) -> None:
        self.model, self.fields, self.limits = model, fields, limits
        self.waiting = limits.waiting

    def row(self, source: tuple[str, ...], where: str) -> Row:
        """See `Sources`."""
        self.limits.check_length(where, sum(map(len, source)))
        expected = len(self.fields.config.source)
        if len(source) != expected:
            form = "a text, or several in inputs" if expected == 1 else f"a list of {expected} texts"
            got = count_of(len(source), "source column")
            raise Refusal(422, f"{where}: {got}; model {self.model} expects {expected}. Give {form}.")
        for text in source:
            refuse_bad(where, text)
        return Row(tuple([text.strip() for text in source]), "", where)

    def symbols(self, row: Row) -> int:
        """See `Sources`."""
        return len(self.fields.source.encode(row.source))


class SoundSources:
    """A WAV, FLAC, Ogg or MP3 file in base64, with or without what a data URL puts before it. Nothing is written to a disk."""

    def __init__(self, model: str, fields: Fields, limits: Limits) -> None:
        (config,) = fields.config.source
        assert isinstance(config, AudioField)
        self.model, self.limits = model, limits
        self.waiting = limits.sounds
        self._shift = config.frame_shift_ms / 1000

    def row(self, source: tuple[str, ...], where: str) -> Row:
        """See `Sources`."""
        if len(source) != 1:
            raise Refusal(422, f"{where}: {len(source)} source columns; model {self.model} expects a sound. Give one file in base64.")
        (text,) = source
        row = Row((text if is_sound_text(text) else text_of_sound(text),), "", where)
        self._check(where, self._about(row))
        return row

    def symbols(self, row: Row) -> int:
        """See `Sources`."""
        return math.ceil(self._about(row).seconds / self._shift)

    def _about(self, row: Row) -> About:
        """What the header says."""
        try:
            sound = sound_of_text(row.source[0])
            if sound and not sound.startswith(SOUNDS):
                raise DataError("neither WAV, FLAC, Ogg nor MP3; expected one of these. Convert it, as in ffmpeg -i FILE sound.wav.")
            return about(sound)
        except DataError as error:
            raise Refusal(422, f"{row.where}: {error}") from None

    def _check(self, where: str, sound: About) -> None:
        longest = self.limits.sound_seconds
        if sound.seconds > longest:
            raise Refusal(422, f"{where}: {sound.seconds:,.1f} seconds; the limit is {longest:,g}. Cut it into shorter parts.")
        samples, most = round(sound.seconds * sound.rate) * sound.channels, round(longest * SAMPLES_A_SECOND)
        if samples > most:
            what = f"{samples:,} samples in {sound.channels:,} channels; the limit is {most:,}"
            raise Refusal(422, f"{where}: {what}. Send one channel at a lower rate.")


_KINDS: dict[str, Callable[[str, Fields, Limits], Sources]] = {"ids": TextSources, "frames": SoundSources}


def sources_of(model: str, fields: Fields, limits: Limits) -> Sources:
    """The sources of the model of a name, by what its columns become."""
    return _KINDS[fields.source.kind](model, fields, limits)


def body_bytes(models: Iterable[FieldsConfig]) -> int:
    """Bytes of a request that are enough for models of such fields: where one of them hears, a minute of music and more."""
    return LARGE_BODY if any(column.kind == "audio" for fields in models for column in fields.source) else Limits().body_bytes


def refuse_bad(where: str, text: str) -> None:
    """Refuse characters that are no text."""
    try:
        refuse_bad_characters(text, where)
    except DataError as error:
        raise Refusal(422, str(error)) from None
