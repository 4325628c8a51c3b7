"""Spoken digits, from recordings to words: official test clips, connected strings, and each speaker left out; prints Markdown tables.

    python benchmarks/sound.py [--data FOLDER] [--budget 480] [--parts clips speakers] [--speaker-budget 110]

Trains through the command line with no flag but paths and a budget, one seed. Dev clips (numbers 5 to 9 of the set) are held out of the
training part; no clip of the test, alone or in a string, is ever in training.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from running import circumstances, seqloom

ROOT = Path(__file__).resolve().parent.parent
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
CLIPS_BAR, STRINGS_BAR = 98.0, 3.0


def main() -> None:
    """Measures what was asked for and prints a table each."""
    options = _options()
    where = circumstances()
    if "clips" in options.parts:
        print(clips(options), flush=True)
    if "speakers" in options.parts:
        print(speakers(options), flush=True)
    print(f"\n{where['machine']}; {where['date']}; commit {where['commit']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data sets")
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "work", help="folder for sounds and runs")
    parser.add_argument("--parts", nargs="+", choices=["clips", "speakers"], default=["clips", "speakers"])
    parser.add_argument("--speakers", nargs="+", choices=SPEAKERS, default=SPEAKERS, help="whom to leave out, one at a time")
    parser.add_argument("--budget", type=int, default=480, help="seconds for the model of all speakers")
    parser.add_argument("--speaker-budget", type=int, default=110, help="seconds for the model of each left-out speaker")
    return parser.parse_args()


def clips(options: argparse.Namespace) -> str:
    """The table of the official split."""
    folder, run = _make(options), options.work / "runs" / "digits"
    seconds = _train(folder, run, options.budget)
    single, strings, seven = (_evaluate(run, folder / f"test-{name}.tsv") for name in ("single", "strings", "7"))
    accuracy, wer, long = (100 * value for value in (single["exact_match"], strings["token_error_rate"], seven["token_error_rate"]))
    return "\n".join(
        [
            "| digits | metric | bar | ours | reached |",
            "|---|---|---|---|---|",
            f"| official test, {single['pairs']} clips | accuracy % | ≥ {CLIPS_BAR} | {accuracy:.2f} | {_reached(accuracy >= CLIPS_BAR)} |",
            f"| {strings['pairs']} strings of 3 to 7 | WER % | ≤ {STRINGS_BAR} | {wer:.2f} | {_reached(wer <= STRINGS_BAR)} |",
            f"| of these {seven['pairs']} of 7 | WER % | ≤ {STRINGS_BAR} | {long:.2f} | {_reached(long <= STRINGS_BAR)} |",
            f"\nTraining: {seconds:.0f} s of {options.budget} s.",
        ]
    )


def speakers(options: argparse.Namespace) -> str:
    """The table of speakers that training never heard."""
    lines = ["| left out | clips % | strings, WER % | training, s |", "|---|---|---|---|"]
    for speaker in options.speakers:
        folder, run = _make(options, speaker), options.work / "runs" / f"digits-{speaker}"
        seconds = _train(folder, run, options.speaker_budget)
        single, strings = (_evaluate(run, folder / f"test-{name}.tsv") for name in ("single", "strings"))
        lines.append(f"| {speaker} | {100 * single['exact_match']:.1f} | {100 * strings['token_error_rate']:.1f} | {seconds:.0f} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(["", *lines])


def _make(options: argparse.Namespace, speaker: str | None = None) -> Path:
    """The folder of tables and sounds, made where it is not there yet."""
    folder = options.work / f"digits{f'-without-{speaker}' if speaker else ''}"
    if not (folder / "train.tsv").exists():
        recordings = options.data / "fsdd" / "fsdd-recordings.tar.xz"
        script = ROOT / "examples" / "6-spoken-digits" / "make_data.py"
        fewer = ["--leave-out", speaker, "--strings", "800"] if speaker else []
        subprocess.run([sys.executable, str(script), str(recordings), "--out", str(folder), *fewer], check=True, stdout=sys.stderr)
    return folder


def _train(folder: Path, run: Path, budget: int) -> float:
    files = [str(folder / "train.tsv"), "--dev", str(folder / "dev.tsv")]
    command = [*seqloom(), "train", *files, "--out", str(run), "--budget", f"{budget}s", "--overwrite"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ})
    return time.perf_counter() - started


def _evaluate(run: Path, table: Path) -> dict[str, Any]:
    command = [*seqloom(), "evaluate", str(run), str(table), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _reached(is_reached: bool) -> str:
    return "yes" if is_reached else "**no**"


if __name__ == "__main__":
    main()
