"""Training and decoding beside the peers, on the same data, with the same shape of network, batch and threads, in turn.

    python benchmarks/speed.py [--only A B C translate prepare] [--peers opennmt eole] [--threads 1] [--json speed.json]

Every contestant is its own program in its own environment and process (`peers/`), and trains only in its turn: seqloom, a peer, another,
seqloom again, so that whatever else the machine does weighs on all. The first turns warm up and are not counted. Speed is target tokens by
the processor time of whole updates, with whatever comes between two of them, since a process that shares its core waits for it half the
time; a ratio is taken within a round, and the one by wall time stands beside it. With `--json` rows of several invocations are kept and
printed together, each with the commit that it was measured on. Exits with 1 while a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from main_job import ROOT, circumstances
from peers import environments
from peers.eole import Eole
from peers.hugging_face import HuggingFace
from peers.joey import Joey
from peers.opennmt import OpenNMT
from peers.ours import Exported, Seqloom
from peers.peer import Peer, Place, Translator
from peers.shapes import SHAPES, operations_a_token, work_of, write_texts
from peers.tutorial import Tutorial
from peers.yoyodyne import Yoyodyne
from preparing import measure_preparing, preparing_table
from race import Racer, Turn, rate_of_products, seconds_to_first_step, spread
from translating import learn, measure_translating, translating_table

PEERS: dict[str, Peer] = {
    "opennmt": OpenNMT(),
    "eole": Eole(),
    "joeynmt": Joey(),
    "yoyodyne": Yoyodyne(),
    "transformers": HuggingFace(),
    "tutorial": Tutorial(),
}
BARS = {"A": 5.0, "B": 5.0, "C": 2.5}
"""How many times the fastest peer seqloom has to be."""
OTHERS = ("translate", "prepare")

Row = dict[str, Any]


def main() -> None:
    """Measures what is asked for, and prints the tables of all there is."""
    options = _options()
    rows: dict[str, Row] = json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else {}
    for part in options.only:
        rows |= {key: row | circumstances() for key, row in _measure(part, options).items()}
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for table in (training_table, translating_table, preparing_table):
        print(table(rows), end="\n\n")
    print("; ".join(sorted({f"{row['machine']}; {row['date']}" for row in rows.values()})))
    sys.exit(0 if all(row.get("reached", True) for row in rows.values()) else 1)


def _measure(part: str, options: argparse.Namespace) -> dict[str, Row]:
    if part == "prepare":
        return measure_preparing(options.pairs, options.work)
    if part != "translate":
        return race(part, options)
    return {key: row for shape in options.translate for key, row in translate(shape, options).items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data, work = ROOT.parent / "shared" / "data", ROOT / "benchmarks" / "work"
    parser.add_argument("--data", type=Path, default=data, help="folder of the data sets; default ../shared/data")
    parser.add_argument("--work", type=Path, default=work / "peers", help="folder of environments, texts and runs")
    parser.add_argument("--only", nargs="+", choices=[*SHAPES, *OTHERS], default=[*SHAPES, *OTHERS])
    parser.add_argument("--peers", nargs="+", choices=[*PEERS], default=[*PEERS])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--translate", nargs="+", choices=[*SHAPES], default=["A", "C"], help="shapes that are decoded")
    parser.add_argument("--beams", nargs="*", type=int, default=[1, 5])
    parser.add_argument("--updates", type=int, default=10, help="of a model that decodes; 0: the models of the last call are there")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a turn")
    parser.add_argument("--warm-up", type=float, default=15.0, help="length of the first turn: kernels are built for each new shape")
    parser.add_argument("--starts", type=int, default=3, help="how often each is started for the time to its first step")
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="how many are prepared")
    parser.add_argument("--json", type=Path, help="file that keeps the results; rows measured now replace older ones")
    return parser.parse_args()


# -------------------------------------------------------------------------------------------------------------- training


def race(shape_name: str, options: argparse.Namespace) -> dict[str, Row]:
    """A row a peer: seqloom and all of them in turn."""
    contestants = {"seqloom": Seqloom(), **{name: PEERS[name] for name in options.peers if shape_name in PEERS[name].shapes}}
    places = {name: place_of(peer, name, shape_name, options) for name, peer in contestants.items()}
    for name, peer in contestants.items():
        peer.prepare(places[name])
    firsts: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(options.starts - 1):
        for name, peer in contestants.items():
            firsts[name].append(seconds_to_first_step(peer, places[name]))
    racers = {name: Racer(peer, places[name]) for name, peer in contestants.items()}
    for name, racer in racers.items():
        firsts[name].append(racer.seconds_to_first)
    rounds, rates = _rounds(racers, options)
    for racer in racers.values():
        racer.stop()
    place = places["seqloom"]
    limit = statistics.median(rates) / operations_a_token(place.shape, work_of(place.shape, place.texts))
    sides = {name: side(peer.name, rounds[name], firsts[name], limit) for name, peer in contestants.items()}
    common = {"shape": shape_name, "threads": options.threads, "rate": spread(rates), "limit": limit}
    return training_rows(common, sides, rounds)


def training_rows(common: Row, sides: dict[str, Row], rounds: dict[str, list[Turn]]) -> dict[str, Row]:
    """What seqloom and each other contestant came to, and how many times as fast seqloom was in the same round."""
    bar, found = BARS[common["shape"]], dict[str, Row]()
    for name in sides.keys() - {"seqloom"}:
        pairs = list(zip(rounds["seqloom"], rounds[name], strict=True))
        wall = spread([(ours.tokens / ours.seconds) / (theirs.tokens / theirs.seconds) for ours, theirs in pairs])
        ratio = spread([(ours.tokens / ours.processor) / (theirs.tokens / theirs.processor) for ours, theirs in pairs])
        row = {**common, "bar": bar, "peer": sides[name], "ours": sides["seqloom"], "wall": wall, "ratio": ratio}
        found[f"{common['shape']} {name} {common['threads']}"] = row | {"reached": ratio["median"] >= bar}
    return found


def translate(shape_name: str, options: argparse.Namespace) -> dict[str, Row]:
    """A row for each beam and program that can be told how long its outputs are: seqloom, exported or not, and peers."""
    chosen = {name: peer for name, peer in PEERS.items() if name in options.peers and shape_name in peer.shapes}
    translators = {name: peer for name, peer in chosen.items() if isinstance(peer, Translator)}
    contestants: dict[str, Translator] = {"seqloom": Seqloom(), "exported": Exported(), **translators}
    places = {name: place_of(peer, name, shape_name, options) for name, peer in contestants.items()}
    if options.updates:
        learn(contestants, places, options.updates)
    return measure_translating(contestants, places, options.rounds, options.beams)


def place_of(peer: Peer, name: str, shape_name: str, options: argparse.Namespace) -> Place:
    """Where a contestant works; its environment is made where it is missing."""
    folder = options.work / "runs" / f"{name}-{shape_name}"
    folder.mkdir(parents=True, exist_ok=True)
    python = environments.make(peer.environment, options.work) if peer.environment else Path(sys.executable)
    shape = SHAPES[shape_name]
    return Place(shape, write_texts(shape, options.data, options.work), folder, python, options.threads)


def _rounds(racers: dict[str, Racer], options: argparse.Namespace) -> tuple[dict[str, list[Turn]], list[float]]:
    """The counted turns of each, and the rate of matrix products of each round."""
    turns: dict[str, list[Turn]] = {name: [] for name in racers}
    rates: list[float] = []
    for number in range(options.rounds + 1):
        for name, racer in racers.items():
            turn = racer.turn(options.seconds if number else options.warm_up)
            print(f"round {number or 'of warming up'}: {name}: {turn.tokens / turn.seconds:,.0f} tokens/s, {turn}", file=sys.stderr)
            if number:
                turns[name].append(turn)
        rates += [rate_of_products(options.threads)] if number else []
    return turns, rates


def side(name: str, turns: list[Turn], firsts: list[tuple[float, float]], limit: float) -> Row:
    """What one contestant came to."""
    speed = spread([turn.tokens / turn.processor for turn in turns])
    return {
        "name": name,
        "speed": speed,
        "by_wall": spread([turn.tokens / turn.seconds for turn in turns]),
        "of_limit": speed["median"] / limit,
        "tokens_a_step": sum(turn.tokens for turn in turns) / sum(turn.steps for turn in turns),
        "steps": sum(turn.steps for turn in turns),
        "peak_mb": turns[-1].peak_mb,
        "first": spread([processor for _, processor in firsts]),
        "first_by_wall": spread([wall for wall, _ in firsts]),
    }


# -------------------------------------------------------------------------------------------------------------- printing


def training_table(rows: dict[str, Row]) -> str:
    """A line a shape, number of threads and peer."""
    head = ["shape", "threads", "beside", "seqloom, tokens/s", "peer, tokens/s", "ratio, median", "range", "by wall time", "bar", "reached"]
    head += ["peak MB, seqloom / peer", "processor s to first step, seqloom / peer", "of the limit, seqloom / peer", "commit"]
    chosen = sorted((row for row in rows.values() if "ratio" in row), key=lambda row: (row["shape"], row["threads"], row["peer"]["name"]))
    return markdown(head, [_training_cells(row) for row in chosen])


def _training_cells(row: Row) -> list[str]:
    ours, peer, ratio = row["ours"], row["peer"], row["ratio"]

    def both(cell: Callable[[Row], str]) -> str:
        return f"{cell(ours)} / {cell(peer)}"

    speeds = [f"{side['speed']['median']:,.0f}" for side in (ours, peer)]
    ratios = [f"{ratio['median']:.2f}", f"{ratio['least']:.2f} to {ratio['most']:.2f}", f"{row['wall']['median']:.2f}"]
    bar = [f"{row['bar']:g}", "yes" if row["reached"] else "**no**"]
    memory, first = both(lambda side: f"{side['peak_mb']:,.0f}"), both(lambda side: f"{side['first']['median']:.1f}")
    share = both(lambda side: f"{side['of_limit']:.0%}")
    return [row["shape"], str(row["threads"]), peer["name"], *speeds, *ratios, *bar, memory, first, share, row["commit"]]


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *lines])


if __name__ == "__main__":
    main()
