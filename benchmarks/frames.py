"""Forecasting on public data, training speed beside a per-step loop, and memory over a large table.

    python benchmarks/frames.py [--data FOLDER] [--only ett m4 speed memory] [--json frames.json]

`ett` and `m4` go through the command line: `seqloom train` with the columns, the horizon and the published split, and no other setting;
then `seqloom evaluate` on the test part. One seed, the default one. `speed` trains the same shape in turn: windows a second by wall time
of whole updates. `memory` makes windows over a table of 10 million rows that lies in memory already.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from running import ROOT, circumstances

COLUMNS = "HUFL,HULL,MUFL,MULL,LUFL,LULL,OT"
ETT = {  # name: columns, horizon, (MSE, MAE) published: Informer, LSTMa, and the bar of our own where there is one
    "ETTh1, all columns, 24": (COLUMNS, 24, {"Informer": (0.577, 0.549), "LSTMa": (0.650, 0.624)}),
    "ETTh1, all columns, 96": (
        COLUMNS,
        96,
        {"DLinear": (0.375, 0.399), "PatchTST/42": (0.375, 0.399), "Informer": (0.865, 0.713), "bar": (0.40, 9)},
    ),
    "ETTh1, OT, 24": ("OT", 24, {"Informer": (0.098, 0.247), "LSTMa": (0.114, 0.272)}),
}
M4 = {  # name: season, horizon, (sMAPE, OWA) published
    "Hourly": (24, 48, {"seasonal naive": (13.912, 0.627), "RNN": (14.698, 1.036), "Theta": (18.138, 1.006), "ES-RNN": (9.328, 0.440)}),
    "Weekly": (1, 13, {"seasonal naive": (9.161, 1.000), "RNN": (15.220, 1.755), "Theta": (9.093, 0.971), "ES-RNN": (7.817, 0.851)}),
}
TO_BEAT = ("Informer", "LSTMa", "RNN", "Theta", "seasonal naive", "bar")
ROWS, HISTORY, HORIZON, WIDTH = 128, 96, 96, 64
TABLE = 10_000_000


def seqloom(*arguments: object) -> str:
    """What a command prints; its end is shown when it fails."""
    command = [sys.executable, "-m", "seqloom", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def train(run: Path, *arguments: object) -> float:
    """Seconds of the whole `train` command."""
    begin = time.perf_counter()
    seqloom("train", *arguments, "--out", run, "--overwrite", "--quiet")
    return time.perf_counter() - begin


def row(
    name: str, board: dict[str, Any], measures: tuple[str, str], published: dict[str, tuple[float, float]], seconds: float
) -> dict[str, Any]:
    """One line of the table: ours, the baselines of the same run, the published ones, and whether all that are to beat are beaten."""
    ours = [board["model"][measure] for measure in measures]
    passed = all(mine < theirs for who in TO_BEAT if who in published for mine, theirs in zip(ours, published[who], strict=True))
    own = {who: [values.get(measure) for measure in measures] for who, values in board.items() if isinstance(values, dict)}
    return {
        "name": name,
        "measures": measures,
        **own,
        "published": published,
        "seconds": round(seconds),
        "windows": board["windows"],
        "passed": passed,
    }


def ett(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """The published protocol: scaled by the training part, all windows of the test part."""
    table = data / "ett" / "ETTh1.csv.gz"
    for number, (name, (columns, horizon, published)) in enumerate(ETT.items()):
        run = work / f"ett-{number}"
        seconds = train(run, table, "--time", "date", "--forecast", columns, "--horizon", horizon, "--split", "8640/2880/2880")
        board = json.loads(seqloom("evaluate", run, table, "--json"))
        yield row(name, board, ("mse_scaled", "mae_scaled"), published, seconds)


def m4(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """One forecast a series after its training values, by a minute of training; the season is that of the competition's MASE."""
    for name, (season, horizon, published) in M4.items():
        files = [data / "m4" / f"{name}-{part}.csv.gz" for part in ("train", "test")]
        run = work / f"m4-{name.lower()}"
        seconds = train(run, files[0], "--wide", "--horizon", horizon, "--season", season, "--budget", "60s")
        board = json.loads(seqloom("evaluate", run, *files, "--json"))
        yield row(f"M4 {name}", board, ("smape", "owa"), published, seconds)


# --------------------------------------------------------------------------------------------------------------- speed


def speed(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Windows a second of each contestant, in turn, and the ratio within each round."""
    import torch

    torch.set_num_threads(1)
    steppers = {"seqloom": _ours(data), "per-step loop": _loop(fused=False), "loop, encoder in one call": _loop(fused=True)}
    frames, target = (torch.randn(ROWS, length, 7) for length in (HISTORY, HORIZON))
    seconds: dict[str, list[float]] = {name: [] for name in steppers}
    for _ in range(4):
        for name, step in steppers.items():
            begin = time.perf_counter()
            for _ in range(3):
                step(frames, target)
            seconds[name].append(time.perf_counter() - begin)
    counted = {name: taken[1:] for name, taken in seconds.items()}
    rates = {name: round(3 * ROWS / statistics.median(taken)) for name, taken in counted.items()}
    ratios = {
        name: round(statistics.median(theirs / ours for theirs, ours in zip(counted[name], counted["seqloom"], strict=True)), 1)
        for name in steppers
    }
    yield {
        "name": "training speed",
        "windows_per_second": rates,
        "seqloom_is_times_as_fast": ratios,
        "passed": ratios["per-step loop"] >= 5,
    }


def _ours(data: Path) -> Callable[[Any, Any], None]:
    """Whole updates of seqloom, windows made on the fly."""
    from seqloom.config import NumbersField
    from seqloom.hardware import resolve
    from seqloom.numbers.plan import plan_forecast
    from seqloom.training.learning import Learner

    numbers = NumbersField(targets=COLUMNS.split(","), time="date", history=HISTORY, horizon=HORIZON, calendar=[])
    settings = {"model.recent": 0, "model.dropout": 0, "training.threads": 1, "training.device": "cpu", "model.encoder.width": WIDTH}
    plan = plan_forecast(str(data / "ett" / "ETTh1.csv.gz"), numbers, settings=settings)
    config = plan.config.model_copy(update={"training": resolve(plan.config.training)})
    learner, batches = Learner(config, plan.fields.source, plan.fields.target), plan.train.batches(config.training.batch, 1, 0)
    numbers_of = iter(range(10**9))

    def step(frames: Any, target: Any) -> None:
        number = next(numbers_of)
        learner.update([plan.train.batch(batches[number % (len(batches) - 1)])], number, 1e-3, 1.0)

    return step


def _loop(*, fused: bool) -> Callable[[Any, Any], None]:
    """The loop that tutorials write: an LSTM of the same width that is called at each position, dot attention, teacher forcing."""
    import torch
    from torch import nn

    enter, leave = nn.Linear(7, 32), nn.Linear(7, 32)
    encoder, decoder = nn.LSTM(32, WIDTH, batch_first=True), nn.LSTM(32, WIDTH, batch_first=True)
    combine, say = nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, 7)
    parts = nn.ModuleList([enter, leave, encoder, decoder, combine, say])
    optimizer = torch.optim.AdamW(parts.parameters(), 1e-3)

    def encode(frames: Any) -> tuple[Any, Any]:
        if fused:
            return encoder(enter(frames))
        states, state = [], None
        for place in range(frames.shape[1]):
            output, state = encoder(enter(frames[:, place : place + 1]), state)
            states.append(output)
        return torch.cat(states, 1), state

    def step(frames: Any, target: Any) -> None:
        states, state = encode(frames)
        shown, loss = torch.zeros_like(target[:, :1]), torch.zeros(())
        for place in range(target.shape[1]):
            output, state = decoder(leave(shown), state)
            weights = (output @ states.transpose(1, 2)).softmax(2)
            said = say(torch.tanh(combine(torch.cat([output, weights @ states], 2))))
            loss = loss + (said - target[:, place : place + 1]).square().mean()
            shown = target[:, place : place + 1]
        optimizer.zero_grad()
        (loss / target.shape[1]).backward()
        torch.nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimizer.step()

    return step


# -------------------------------------------------------------------------------------------------------------- memory


def memory(data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """What windows over a table of 10 million rows take beyond the table, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--windows"], capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    result = json.loads(done.stdout.splitlines()[-1])
    yield {"name": "memory of windows over 10 million rows", **result, "passed": result["beyond_the_table_mb"] <= 300}


def windows_over_a_large_table() -> None:
    """Print the table's size and what making batches of it added to the peak of the process."""
    from seqloom.config import BatchConfig, FieldsConfig, NumbersField
    from seqloom.numbers.fields import NumberFields
    from seqloom.numbers.panel import Panel
    from seqloom.numbers.windows import Part, Windows

    values = np.random.default_rng(1).standard_normal((TABLE, 4))
    panel = Panel(("a", "b", "c", "d"), values, np.array([0, TABLE]), ("",))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    numbers = NumbersField(targets=["a"], past=["b", "c", "d"], history=HISTORY, horizon=HORIZON, window="last")
    fields = NumberFields.fit(FieldsConfig(numbers=numbers), panel.series, [panel.values])
    windows = Windows(panel, fields, Part(panel.starts[:-1], panel.starts[1:]), reach_back=False)
    begin, batches = time.perf_counter(), windows.batches(BatchConfig(unit="pairs", size=ROWS), 1, 0)
    for number in range(200):
        windows.batch(batches[number])
    rate = 200 * ROWS / (time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = {"table_mb": round(panel.values.nbytes / 2**20), "beyond_the_table_mb": round((after - before) / 1024)}
    print(json.dumps({**size, "windows": len(windows), "windows_per_second": round(rate)}))


PARTS = {"ett": ett, "m4": m4, "speed": speed, "memory": memory}


def main() -> None:
    """Run what is asked for, print it, and keep it in the JSON file, each row with its circumstances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--windows", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.windows:
        windows_over_a_large_table()
        return
    rows: list[dict[str, Any]] = []
    for part in options.only:
        for found in PARTS[part](options.data, options.work):
            rows.append({**found, **circumstances()})
            print(json.dumps(found), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if all(found["passed"] for found in rows) else 1)


if __name__ == "__main__":
    main()
