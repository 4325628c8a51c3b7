"""What else a user would pick for pronunciation: Phonetisaurus, a joint n-gram model (Novak et al. 2016), on the files of `quality.py`.

    .venv/bin/python benchmarks/joint_ngram.py --data path/to/data

It comes from the package index with its own settings (order 8), into an environment of its own, and is scored by the same function on the
same words. A word to which it gives no answer is wrong.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

from peers.environments import make
from published import CMUDICT, G2P, Part, Set
from running import ROOT, circumstances, table_line
from sets.files import read_lines

SCRIPT = Path(__file__).resolve().parent / "peers" / "phonetisaurus_script.py"


def main() -> None:
    """Trains and scores every part; prints one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the sets; default ../shared/data")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work", help="folder for the environment and what is made")
    options = parser.parse_args()
    python = make("phonetisaurus", options.work / "peers")
    print(table_line(["set", "WER %", "training and answering, s"]), table_line(["---"] * 3), sep="\n")
    for group in (G2P, CMUDICT):
        errors = [measure(group, part, python, options) for part in group.parts]
        if group.mean:
            print(table_line([group.mean.title, f"{statistics.fmean(errors):.2f}", ""]))
    print("\n{commit}; {machine}; {date}".format_map(circumstances()))


def measure(group: Set, part: Part, python: Path, options: argparse.Namespace) -> float:
    """Trains on the training part and scores the test part, in percent of words wrong."""
    files = part.files(options.data, options.work / "pairs")
    folder = options.work / "joint-ngram" / part.name
    folder.mkdir(parents=True, exist_ok=True)
    lexicon, words = folder / "lexicon.txt", folder / "words.txt"
    asked = [word for word, _ in pairs(files.test[0])]
    lexicon.write_text("".join(f"{word}\t{phones}\n" for word, phones in pairs(files.train[0])), encoding="utf-8")
    words.write_text("".join(f"{word}\n" for word in asked), encoding="utf-8")
    started = time.perf_counter()
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        command = [python, "-X", "utf8", SCRIPT, lexicon, words, folder / "model.fst", folder / "answers.tsv"]
        subprocess.run(command, stdout=log, stderr=log, check=True)
    seconds = time.perf_counter() - started
    said = dict(pairs(str(folder / "answers.tsv")))
    (wrong,) = group.metric.compute([said.get(word, "") for word in asked], files.answers)
    print(table_line([part.title, f"{wrong:.2f}", f"{seconds:.0f}"]), flush=True)
    return wrong


def pairs(path: str) -> list[tuple[str, str]]:
    """Word and phones of each line: JSON Lines, as the sets' readers write them, or parted by a tab."""
    if path.endswith(".jsonl"):
        rows = map(json.loads, read_lines(Path(path)))
        return [(row["source"], row["target"]) for row in rows]
    return [(word, phones) for word, _, phones in (line.partition("\t") for line in read_lines(Path(path)))]


if __name__ == "__main__":
    main()
