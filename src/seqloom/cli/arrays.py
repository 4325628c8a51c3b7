"""What `train`, `resume` and `predict` do where targets are numbers that are no table's future: pairs of texts or arrays, and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.cli.output import open_output, run_words, say_note, says_json, standard_input, to_json
from seqloom.errors import ConfigError

if TYPE_CHECKING:
    from seqloom.data.lines import Arriving
    from seqloom.data.rows import Row
    from seqloom.numbers.answers import NumberAnswerer
    from seqloom.numbers.plan import NumberPlan
    from seqloom.training.events import Finished, Watcher

__all__ = ["closing", "predict_arrays", "train_arrays"]

WAYS = {"txt": "a list of numbers a line (.txt)", "jsonl": "JSON Lines with the sources (.jsonl)"}
"""In which arrays are written, by what the name of --output says."""


def train_arrays(
    plan: NumberPlan, folder: Path, watcher: Watcher, *, overwrite: bool, started: float | None, parts: Sequence[str] | None = None
) -> Finished:
    """Say what was chosen, train, and say how good it is."""
    from seqloom.numbers.runs import start_numbers
    from seqloom.training.summary import number_introduction

    for line in number_introduction(plan, folder):
        watcher.say(line)
    finished = start_numbers(plan, folder, overwrite=overwrite, watcher=watcher, started=started)
    for line in closing(finished, parts):
        watcher.say(line)
    return finished


def closing(finished: Finished, parts: Sequence[str] | None = None) -> list[str]:
    """The dev score, where the model is, and the commands to try."""
    from seqloom.training.summary import result

    run = run_words(finished.run, parts)
    goes_on = [f"  seqloom resume {run}"] if finished.why == "interrupted" else []
    return [*result(finished), "next:", *goes_on, f"  seqloom evaluate {run}", f"  seqloom predict {run} --input FILE"]


def predict_arrays(
    model: NumberAnswerer, texts: list[str] | None, file: str | None, *, quantiles: str | None, output: str | None, as_json: bool
) -> None:
    """Write the array for each source, a line each, as JSON: a list of numbers, or of a list a moment where there are several; with --json,
    or --output x.jsonl, an object with the source.
    """
    from seqloom.data.sources import read_sources

    if quantiles:
        raise ConfigError("--quantiles: of no effect, the model was trained on pairs and says points. Leave it out.")
    if texts and file is not None:
        raise ConfigError("--input: TEXT is given too; expected one of both. Leave one out.")
    as_json, stdin = says_json(output, WAYS, as_json=as_json), standard_input(texts, file)
    notes: list[str] = []
    rows = read_sources("-" if stdin else texts or file or "-", len(model.fields.config.source), model.data, notes=notes, stdin=stdin)
    with open_output(output, file) as out:
        for row, frames in _answers(model, rows, stdin):
            values: list[list[float]] = [[float(f"{number:.7g}") for number in frame] for frame in frames.tolist()]
            if as_json:
                source = row.source[0] if len(row.source) == 1 else list(row.source)
                out.write(to_json({"source": source, "values": values}) + "\n")
            else:
                out.write(to_json([value for (value,) in values] if model.fields.target.size == 1 else values) + "\n")
            if stdin:
                out.flush()
    for note in notes:
        say_note(note)


def _answers(model: NumberAnswerer, rows: Iterator[Row], stdin: Arriving | None) -> Iterator[tuple[Row, Any]]:
    """Each row and the frames (T, D) that follow it, some thousand rows at a time, or those that have come."""
    from seqloom.answers import READ_AHEAD, read_ahead

    while chunk := stdin.together(rows, READ_AHEAD) if stdin else read_ahead(rows):
        yield from zip(chunk, model.answers(_sources(model, chunk)), strict=True)


def _sources(model: NumberAnswerer, rows: Sequence[Row]) -> list[Any]:
    """The texts of rows, or the numbers that they are; nothing for a blank row."""
    from seqloom.numbers.array_plan import numbers_of

    return [row.source if model.fields.source.kind == "ids" or not any(row.source) else numbers_of(row) for row in rows]
