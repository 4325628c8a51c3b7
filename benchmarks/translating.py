"""Decoding beside the peers: all translate the same sentences into outputs of one length, in turn, each by its own command.

The models have seen a few updates only: with a fixed length the work is the same whatever they say. The time of a command with one
sentence, measured in the same round, is taken off, so that what is compared is decoding and not start-up.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers.peer import Place, Translator
from race import Racer, spread

__all__ = ["BAR", "Translating", "learn", "measure_translating", "translating_table"]

BAR = 3.0
"""How many times the fastest peer seqloom in torch has to be."""
OURS = ("seqloom", "exported")
"""They are measured, not judged."""
Row = dict[str, Any]
Seconds = dict[str, list[tuple[float, float]]]
"""Of all sentences and of one, a pair a round."""


@dataclass(frozen=True)
class Translating:
    """What is translated, and how often."""

    length: int
    """Symbols of each output."""
    sentences: int
    rounds: int
    beams: tuple[int, ...] = (1, 5)


def learn(contestants: dict[str, Translator], places: dict[str, Place], updates: int) -> None:
    """Each leaves a model behind."""
    for name, peer in contestants.items():
        print(f"{name}: {updates} updates", file=sys.stderr, flush=True)
        peer.prepare(places[name])
        Racer(peer, places[name], updates).finish()


def measure_translating(contestants: dict[str, Translator], places: dict[str, Place], rounds: int, beams: list[int]) -> dict[str, Row]:
    """A row for each contestant and beam. `seqloom` is among them."""
    targets = places["seqloom"].texts.lines("test", "target")
    task = Translating(round(statistics.mean(len(target) for target in targets)), len(targets), rounds, tuple(beams))
    rows: dict[str, Row] = {}
    for beam in task.beams:
        batches = {name: _best_batch(peer, places[name], beam, task) for name, peer in contestants.items()}
        seconds: Seconds = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, peer in contestants.items():
                seconds[name].append(_seconds(peer, places[name], beam, task, batches[name]))
        rows |= rows_of(places["seqloom"], {name: peer.name for name, peer in contestants.items()}, seconds, batches, beam, task)
    return rows


def rows_of(place: Place, names: dict[str, str], seconds: Seconds, batches: dict[str, int], beam: int, task: Translating) -> dict[str, Row]:
    """What each came to, in (all sentences, one sentence) a round; how many times as fast seqloom was in the same round."""
    nets = {name: [every - one for every, one in pairs] for name, pairs in seconds.items()}
    rows: dict[str, Row] = {}
    for name, title in names.items():
        ratio = spread([theirs / ours for theirs, ours in zip(nets[name], nets["seqloom"], strict=True)])
        command = spread([theirs[0] / ours[0] for theirs, ours in zip(seconds[name], seconds["seqloom"], strict=True)])
        row = {"translated": task.sentences, "shape": place.shape.name, "threads": place.threads, "beam": beam, "length": task.length}
        row |= {"name": title, "batch": batches[name], "net": spread(nets[name]), "ratio_net": ratio, "command": command}
        row["whole"] = spread([every for every, _ in seconds[name]])
        judged = {} if name in OURS else {"reached": ratio["median"] >= BAR}
        rows[f"translate {place.shape.name} {beam} {name} {place.threads}"] = row | judged
    return rows


def _best_batch(peer: Translator, place: Place, beam: int, task: Translating) -> int:
    """The size of a batch that takes the least time; nothing is run where there is no choice."""
    if len(peer.batches) == 1:
        return peer.batches[0]
    return min(peer.batches, key=lambda batch: _command_seconds(peer, place, beam, place.texts.path("test", "source"), task.length, batch))


def _seconds(peer: Translator, place: Place, beam: int, task: Translating, batch: int) -> tuple[float, float]:
    """Processor time of the command on all sentences, and on one."""
    one = place.folder / "one.source"
    one.write_text(place.texts.path("test", "source").read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    every = _command_seconds(peer, place, beam, place.texts.path("test", "source"), task.length, batch)
    return every, _command_seconds(peer, place, beam, one, task.length, batch)


def _command_seconds(peer: Translator, place: Place, beam: int, source: Path, length: int, batch: int) -> float:
    command = peer.translate(place, beam, source, place.folder / f"answers-{beam}.target", length, batch)
    before, log = resource.getrusage(resource.RUSAGE_CHILDREN), place.folder / "translate.log"
    with source.open("rb") as given, log.open("wb") as said:
        done = subprocess.run(command, cwd=place.folder, env=place.environment(), stdin=given, stdout=said, stderr=said, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{log.read_text(encoding='utf-8')[-1500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{peer.name}, beam {beam}, batches of {batch or 'its own'}, {source.name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


def translating_table(rows: dict[str, Row]) -> str:
    """A line for each shape, beam and program, the fastest first."""
    head = ["shape", "beam", "threads", "program", "sentences a batch", "sentences/s", "processor s", "times as fast is seqloom", "range"]
    lines = [[*head, "by whole commands", "bar", "reached", "commit"]]
    lines.append(["---"] * len(lines[0]))
    chosen = [row for row in rows.values() if "translated" in row]
    for row in sorted(chosen, key=lambda row: (row["shape"], row["beam"], row["threads"], row["net"]["median"])):
        net, ratio = row["net"]["median"], row["ratio_net"]
        judged = [f"{BAR:g}", "yes" if row["reached"] else "**no**"] if "reached" in row else ["", ""]
        cells = [row["shape"], str(row["beam"]), str(row["threads"]), row["name"], str(row["batch"] or "its own")]
        cells += [f"{row['translated'] / net:,.0f}", f"{net:.1f}", f"{ratio['median']:.2f}", f"{ratio['least']:.2f} to {ratio['most']:.2f}"]
        lines.append([*cells, f"{row['command']['median']:.2f}", *judged, row["commit"]])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
