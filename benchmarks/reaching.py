"""The time until a BLEU on dev: everyone trains the same shape, from the start of its process, until its greedy answers reach it.

    python benchmarks/reaching.py [--peers opennmt eole] [--bleu 30] [--shape A] [--json reaching.json]

Multi30k German to English, words and marks in lower case; sacreBLEU over those. A peer leaves a checkpoint every half pass, whose answers
to the dev sentences are found beside the training and cost it nothing; seqloom looks at dev itself, and that is part of its time.
`chosen` is seqloom without a flag but a budget of 8 minutes, which takes another network. Time is processor time of the training, since
on shared cores a process waits for its core; wall time stands beside it. All train at the same time, each on so many threads. Exits with 1
while the bar is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from peers.eole import Eole
from peers.opennmt import OpenNMT
from peers.ours import Chosen, Seqloom
from peers.peer import Learner, Place, call
from race import Racer, Turn
from running import ROOT, circumstances
from speed import markdown, place_of

PEERS: dict[str, Learner] = {"seqloom": Seqloom(), "chosen": Chosen(), "opennmt": OpenNMT(), "eole": Eole()}
OURS = ("seqloom", "chosen")
BAR = 5.0
"""How many times the time of the quickest peer that gets there."""
TURN = 2.0
"""Seconds between two looks for a checkpoint: an update that is reached within is as late as its end."""

Row = dict[str, Any]


def main() -> None:
    """Lets all train, and prints when each was there."""
    options = _options()
    rows: dict[str, Row] = json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else {}
    names = [*dict.fromkeys((*options.peers, *(() if "seqloom" in rows else ("seqloom",))))]  # all others stand beside it
    with ThreadPoolExecutor(len(names)) as pool:
        found = pool.map(lambda name: reach(PEERS[name], place_of(PEERS[name], name, options.shape, options), options), names)
        rows |= {name: row | circumstances() for name, row in zip(names, found, strict=True)}
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows, options.bleu))
    print("; ".join(sorted({f"{row['machine']}; {row['date']}" for row in rows.values()})))
    others = [row["processor"] for name, row in rows.items() if name not in OURS and row["reached"]]
    sys.exit(0 if rows["seqloom"]["reached"] and (not others or min(others) >= BAR * rows["seqloom"]["processor"]) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data, work = ROOT.parent / "shared" / "data", ROOT / "benchmarks" / "work"
    parser.add_argument("--data", type=Path, default=data, help="folder of the data sets; default ../shared/data")
    parser.add_argument("--work", type=Path, default=work / "peers", help="folder of environments, texts and runs")
    parser.add_argument("--peers", nargs="+", choices=[*PEERS], default=[*PEERS])
    parser.add_argument("--shape", choices=["A", "C"], default="A")
    parser.add_argument("--bleu", type=float, default=30.0)
    parser.add_argument("--passes", type=int, default=12, help="after which one that is not there is given up")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file that keeps the results; rows measured now replace older ones")
    return parser.parse_args()


def reach(peer: Learner, place: Place, options: argparse.Namespace) -> Row:
    """When its answers to dev were as good, and the BLEU of each look before."""
    peer.prepare(place)
    every = math.ceil(len(place.texts.lines("train", "source")) / place.shape.pairs / 2)
    racer = Racer(peer, place, command=peer.learn(place, every))
    wall, processor = racer.seconds_to_first
    looks: dict[int, dict[str, float]] = {}
    turn: Turn | None = racer.first
    try:
        while turn is not None and not _is_enough(looks, options, 2 * options.passes * every):
            if (turn := _turn(racer)) is not None:
                wall, processor = wall + turn.seconds, processor + turn.processor
            for step, found in sorted(peer.looks(place, every).items()):
                if step not in looks:
                    bleu = found if isinstance(found, float) else _bleu_of(place, found)
                    looks[step] = {"step": step, "processor": processor, "wall": wall, "bleu": bleu}
                    said = f"{processor:.0f} s of a processor, {wall:.0f} s: BLEU {bleu:.1f}"
                    print(f"{peer.name}: update {step}, {said}", file=sys.stderr, flush=True)
    finally:
        racer.stop()
    last = next((look for look in looks.values() if look["bleu"] >= options.bleu), [*looks.values()][-1])
    common = {"name": peer.name, "shape": options.shape, "threads": options.threads, "reached": last["bleu"] >= options.bleu}
    return {**common, "looks": [*looks.values()], **last}


def _turn(racer: Racer) -> Turn | None:
    """What it did in its turn; None where its training came to its end, as a budget's does."""
    try:
        return racer.turn(TURN)
    except RuntimeError:
        if racer.process.wait():
            raise
        return None


def _is_enough(looks: dict[int, dict[str, float]], options: argparse.Namespace, updates: int) -> bool:
    """Whether the BLEU is there, or so many updates are gone."""
    return any(look["bleu"] >= options.bleu or look["step"] >= updates for look in looks.values())


def _bleu_of(place: Place, command: list[str]) -> float:
    """BLEU of the answers that the command writes."""
    from sacrebleu import corpus_bleu

    call(place, command)
    answers = (place.folder / "answers.dev").read_text(encoding="utf-8").splitlines()
    wanted = place.texts.path("dev", "target").read_text(encoding="utf-8").splitlines()
    return corpus_bleu(answers, [wanted], force=True).score


def table(rows: dict[str, Row], bleu: float) -> str:
    """A line a program, seqloom first."""
    head = [
        "shape",
        "threads",
        "program",
        "updates",
        "dev BLEU, greedy",
        "processor s",
        "wall s",
        "times as long",
        "bar",
        "reached",
        "commit",
    ]
    ours, lines = rows["seqloom"], list[list[str]]()
    for name, row in sorted(rows.items(), key=lambda item: item[0] != "seqloom"):
        times = row["processor"] / ours["processor"]
        judged = ["", ""] if name in OURS else [f"{BAR:g}", "yes" if times >= BAR else "**no**"]
        bleus = f"{row['bleu']:.1f}" if row["reached"] else f"{row['bleu']:.1f}, below {bleu:g}"
        cells = [row["shape"], str(row["threads"]), row["name"], f"{row['step']:,}", bleus]
        lines.append([*cells, f"{row['processor']:,.0f}", f"{row['wall']:,.0f}", f"{times:.2f}", *judged, row["commit"]])
    return markdown(head, lines)


if __name__ == "__main__":
    main()
