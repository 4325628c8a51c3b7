"""Make the files of pairs for three tasks from three public sets, each with pairs for the test that training never sees.

python make_data.py translator fra.txt                     makes translator.csv (English, French)
python make_data.py summariser AESLC/enron_subject_line    makes summariser.jsonl (body, subject)
python make_data.py answerer advising.json                 makes answerer.tsv (question, sql)
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

Pair = tuple[str, str]

LONGEST = 5  # words on either side of the translator's pairs


def translator(path: Path, folder: Path) -> None:
    """English sentences and French ones of at most five words; a tenth of the English ones, 1,000 at the most, are for the test."""
    with path.open(encoding="utf-8") as lines:
        columns = [line.rstrip("\n").split("\t")[:2] for line in lines]
    pairs = [(english, french) for english, french in columns if max(len(english.split()), len(french.split())) <= LONGEST]
    order = sorted({english for english, _ in pairs})
    Random(1).shuffle(order)
    unseen = set(order[: min(1000, len(order) // 10)])
    for name, wanted in (("translator.csv", False), ("translator-test.csv", True)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("English", "French"), *(pair for pair in pairs if (pair[0] in unseen) == wanted)])


def summariser(path: Path, folder: Path) -> None:
    """Bodies of e-mails and their subjects, in the splits of the set."""
    for name, split in (("summariser.jsonl", "train"), ("summariser-test.jsonl", "test")):
        with (folder / name).open("w", encoding="utf-8") as file:
            for mail in sorted((path / split).glob("*.subject")):
                body, _, rest = mail.read_text(encoding="utf-8").partition("@subject")
                subject = re.split(r"^@ann\d", rest, flags=re.MULTILINE)[0]
                file.write(json.dumps({"body": body.strip(), "subject": subject.strip()}, ensure_ascii=False) + "\n")


def answerer(path: Path, folder: Path) -> None:
    """Questions and SQL, in the set's question split; what it marks 'exclude' is left out."""
    queries = json.loads(path.read_text(encoding="utf-8"))
    for name, splits in (("answerer.tsv", ("train", "dev")), ("answerer-test.tsv", ("test",))):
        lines = [f"{question}\t{sql}\n" for query in queries for question, sql in _questions(query, splits)]
        (folder / name).write_text("".join(["question\tsql\n", *lines]), encoding="utf-8")


def _questions(query: dict, splits: tuple[str, ...]) -> Iterator[Pair]:
    """Each question of a query with its SQL (the first of several), values in place of department0, number0 and so on."""
    examples = {variable["name"]: variable["example"] for variable in query["variables"]}
    for sentence in query["sentences"]:
        if sentence["question-split"] in splits:
            values = examples | {name: value for name, value in sentence["variables"].items() if value}
            yield _filled(sentence["text"], values), _filled(query["sql"][0], values)


def _filled(text: str, values: dict[str, str]) -> str:
    text = re.sub(r"\w+", lambda name: values.get(name.group(), name.group()), text)
    return " ".join(text.split())


if __name__ == "__main__":
    make = {"translator": translator, "summariser": summariser, "answerer": answerer}[sys.argv[1]]
    make(Path(sys.argv[2]), Path(sys.argv[3] if len(sys.argv) > 3 else "."))
