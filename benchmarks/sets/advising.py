"""Advising of the text2sql collection: questions about courses to SQL (Finegan-Dollak et al. 2018), by the question split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sets.files import Files, read_lines, write_pairs

__all__ = ["advising"]


def advising(data: Path, work: Path) -> Files:
    """Questions and the first SQL of their query, with values in place of variables on both sides; what the split excludes is left out."""
    queries = json.loads("\n".join(read_lines(data / "text2sql-advising" / "advising.json.gz")))
    pairs: dict[str, list[tuple[str, str]]] = {"train": [], "dev": [], "test": []}
    for query in queries:
        for sentence in query["sentences"]:
            if sentence["question-split"] in pairs:
                pairs[sentence["question-split"]].append(_pair(query, sentence))
    paths = {part: write_pairs(work / f"advising_{part}.jsonl", found) for part, found in pairs.items()}
    answers = tuple((sql,) for _, sql in pairs["test"])
    return Files(train=(paths["train"],), dev=(paths["dev"],), test=(paths["test"],), answers=answers)


def _pair(query: dict[str, Any], sentence: dict[str, Any]) -> tuple[str, str]:
    """A question that does not say a value leaves it to the query's example, as the collection's own tools do."""
    examples = {variable["name"]: variable["example"] for variable in query["variables"]}
    said = {name: value for name, value in sentence["variables"].items() if value}
    return _filled(sentence["text"], said), _filled(query["sql"][0], examples | said)


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with every word that is a variable replaced, within quotation and percent marks too."""
    words: list[str] = []
    for word in text.split():
        name = word.strip("\"'%")
        words.append(word.replace(name, values[name]) if name in values else word)
    return " ".join(words)
