"""Tables of many languages: the column that names the target's language is read before the source."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from seqloom.config import DataConfig
from seqloom.data.memory import hold
from seqloom.data.pairs import read_rows
from seqloom.planning.plan import make_plan

WORDS = {"de": ["Hund", "Katze", "Haus"], "en": ["dog", "cat", "house"], "fr": ["chien", "chat", "maison"]}


def table(*names: str, targets: tuple[str, ...] = ("en", "fr")) -> list[dict[str, str]]:
    """Rows sorted by the language of the target; its column, and that of the source's language, called by the first two names."""
    to, of, source, target = names
    rows = [(language, place) for language in targets for place in range(3)]
    return [{of: "de", to: language, source: WORDS["de"][place], target: WORDS[language][place]} for language, place in rows]


def written(path: Path, rows: list[dict[str, str]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.mark.parametrize(
    "names",
    [
        ("tgt_lang", "src_lang", "src", "tgt"),
        ("target_language", "source_language", "source", "target"),
        ("TargetLang", "from", "input", "output"),
        ("to-lang", "id", "question", "answer"),
        ("lang", "domain", "source", "target"),
        ("language", "src_lang", "source", "target"),
    ],
)
def test_the_language_of_the_target_is_the_first_source_column(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows, (to, of, source, target) = table(*names), names
    path = written(tmp_path / "many.csv", rows)
    read = read_rows([path], DataConfig(train=[path]))
    assert read.names == (to, source, target)
    assert [row.source for row in read] == [(row[to], row[source]) for row in rows]
    assert f"Source: {to!r} and {source!r}. Target: {target!r}. Not read: {of}." in read.notes
    held = hold(rows)
    assert (held.source, held.target) == ([to, source], target)
    config = make_plan(path).config
    assert (config.data.source, config.data.target, len(config.fields.source)) == ([to, source], target, 2)


@pytest.mark.parametrize(
    ("rows", "used"),
    [
        (table("tgt_lang", "src_lang", "src", "tgt", targets=("en",)), ("src", "tgt")),
        (table("src_lang", "x", "src", "tgt"), ("src", "tgt")),
        ([{**row, "source": row["source"] + row["lang"]} for row in table("lang", "x", "source", "target")], ("source", "target")),
        ([{**row, "trg_lang": "en"} for row in table("tgt_lang", "x", "src", "tgt")], ("src", "tgt")),
        ([{**row, "tgt_lang": ""} if place else row for place, row in enumerate(table("tgt_lang", "x", "src", "tgt"))], ("src", "tgt")),
    ],
    ids=["one language", "that of the source", "a lang that tells nothing", "two columns", "empty but once"],
)
def test_other_columns_are_not_read(tmp_path: Path, rows: list[dict[str, str]], used: tuple[str, str]) -> None:
    path = written(tmp_path / "many.csv", rows)
    assert read_rows([path], DataConfig(train=[path])).names == used
    held = hold(rows)
    assert (held.source, held.target) == ([used[0]], used[1])


def test_columns_that_are_asked_for_are_all_there_are(tmp_path: Path) -> None:
    rows = table("tgt_lang", "src_lang", "src", "tgt")
    plan = make_plan(written(tmp_path / "many.csv", rows), source="src", target="tgt")
    assert plan.names == ("src", "tgt")
    frame: Any = {name: [row[name] for row in rows] for name in rows[0]}
    assert hold(frame, source="src").source == ["src"]


def test_a_language_that_is_missing_in_memory_is_no_second_value() -> None:
    rows: list[dict[str, Any]] = [
        {**row, "tgt_lang": "en" if place else None} for place, row in enumerate(table("tgt_lang", "x", "src", "tgt"))
    ]
    assert hold(rows).source == ["src"]
