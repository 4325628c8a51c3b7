"""Targets that are measured numbers, written in a file that does not tell numbers from text: learned as text, which is rarely meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["are_measured", "say_measured"]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
MANY = 100
"""Different values at the least, or half as many as rows where these are few: marks and grades are fewer."""
FEWEST = 20
LOOKED_AT = 1000
"""Sources that are looked at."""


def are_measured(targets: Sequence[str]) -> bool:
    """Whether all targets are numbers, most of them with decimals, and of very many different values."""
    if not targets or not all(map(NUMBER.fullmatch, targets)):
        return False
    with_decimals, distinct = sum(DECIMAL.fullmatch(target) is not None for target in targets), len(set(targets))
    return 2 * with_decimals > len(targets) and distinct >= max(FEWEST, min(MANY, len(targets) / 2))


def say_measured(column: str, targets: Sequence[str], sources: Sequence[Sequence[str]]) -> str:
    """A sentence with the settings that read such targets as numbers; `sources` (columns, rows) of text, none where they are no text."""
    setting, more = "--set model.head.kind=squared", ""
    if sources and all(_are_numbers(texts) for texts in sources):
        setting += " --set fields.source.0.kind=array"
        more = "" if len(sources) == 1 else f", with the {len(sources)} source columns put into one, blanks between their numbers"
    return (
        f"{column}: decimal numbers, {len(set(targets)):,} different ones in {len(targets):,} rows, are learned as text, character by "
        f"character. {setting} reads them as numbers{more}."
    )


def _are_numbers(texts: Sequence[str]) -> bool:
    return all(text and all(map(NUMBER.fullmatch, text.split())) for text in texts[:LOOKED_AT])
