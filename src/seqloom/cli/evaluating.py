"""`seqloom evaluate`: how good a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli import options
from seqloom.cli.choosing import column_names, refuse_device, refuse_exported, refuse_idle, refuse_many, refuse_unread
from seqloom.cli.forecasting import evaluate_forecasts, holds_forecasts
from seqloom.cli.output import one_line, open_output, say, to_json
from seqloom.errors import ConfigError, count_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seqloom.checkpoint import RunDirectory
    from seqloom.config import DataConfig
    from seqloom.measuring import Measurable
    from seqloom.model import Model
    from seqloom.rows import Row

__all__ = ["FORECASTS", "PAIRS", "evaluate", "load_model", "rows_of"]

FORECASTS, PAIRS = "the model forecasts numbers", "the model was trained on pairs"
"""Why an option of the other kind of model would do nothing."""
OWN_DEV = "the run's own dev pairs are read already"

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", show_default=False, help="Pairs: one file, or two parallel ones. [default: the run's dev pairs]"),
]
Beam = Annotated[
    int | None, typer.Option("--beam", metavar="N", show_default=False, help="Hypotheses kept a sentence. [default: the run's]")
]
Predictions = Annotated[
    str | None, typer.Option("--output", metavar="FILE", show_default=False, help="Also write the predictions, line for line of FILE.")
]


def evaluate(
    context: typer.Context,
    run: options.Run,
    files: Files = None,
    source: options.Source = None,
    target: options.Target = None,
    beam: Beam = None,
    settings: options.SearchSettings = None,
    parts: options.Parts = None,
    as_json: options.Json = False,
    output: Predictions = None,
    skip_bad: options.SkipBad = False,
    device: options.Device = None,
    any_target: Annotated[
        bool, typer.Option("--any-target", help="Pairs of one source are one question, right by any of their targets.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", metavar="NAME", show_default=False, help="Forecasts: dev or test of the split, or all. [default: test, if there]"
        ),
    ] = None,
) -> None:
    """Print how good a model is, by every metric that fits.

    With --json: one object with the metrics by name, the number of pairs, and the signatures of sacrebleu. Forecasts are made at every
    moment of the part, and stand beside naive, seasonal naive and a straight line; a second file is what followed the first.
    An exported model is measured by its answers alone, without the loss, and without torch.
    With --output: line n is the answer to line n of FILE behind its header, empty where that is blank or left out.
    """
    if holds_forecasts(run):
        refuse_idle(context, ("source", "target", "beam", "skip_bad", "output", "any_target"), FORECASTS)
        evaluate_forecasts(run, files or [], part=part, settings=settings or [], device=device, as_json=as_json)
        return
    refuse_idle(context, ["part"], PAIRS)
    model = _load_either(run, device, files)
    from seqloom.answers import Cuts
    from seqloom.metrics import METRICS, signature
    from seqloom.relation import ceiling, with_all_targets
    from seqloom.settings import override_header, override_search
    from seqloom.summary import columns, metric_rows
    from seqloom.unseen import Unseen

    reading, others = override_header(model.data, settings or [])
    if not files:
        refuse_idle(context, ("source", "target", "skip_bad"), OWN_DEV)
        refuse_unread([text for text in settings or [] if text not in others], OWN_DEV, "a file")
    places = rows_of(model, files, reading, source, target, skip_bad=skip_bad) if files else _run(run).read_dev()
    rows = [row for row in places if row is not None]
    search = override_search(model.search(beam=beam), others)
    values, predictions = model.measured(rows, search, any_target=any_target)
    if output is not None:
        with open_output(output, *(files or [])) as out:
            of_source = {prediction.source: prediction for prediction in predictions}
            said = iter([of_source[row.source] for row in rows] if any_target else predictions)
            out.writelines("\n" if row is None else f"{one_line(next(said).text)}\n" for row in places)
    references = with_all_targets(rows)[1] if any_target else [[row.target] for row in rows]
    signatures = {name: text for name in values if name in METRICS and (text := signature(name, references))}
    unseen = Unseen(model.fields, copies=model.copies)
    unseen.add_pairs(rows)
    several = [] if any_target else [f"{note}; --any-target takes any of them" for note in ceiling(rows)]
    for warning in [] if files else _run(run).read_about().get("warnings", []):
        say(f"warning: {warning}")
    for note in (*several, *unseen.notes(), *Cuts(predictions).notes(model, search)):
        say(f"note: {note}")
    name = " + ".join(files or ["the run's dev pairs"])
    with open_output(None) as out:
        if as_json:
            about: dict[str, Any] = {
                "pairs": len(rows),
                **({"sources": len(predictions)} if any_target else {}),
                "data": files or None,
                "signatures": signatures,
            }
            out.write(to_json({**values, **about}) + "\n")
        else:
            of = f", {count_of(len(predictions), 'source')}" if any_target else ""
            head = f"{run} on {name}: {count_of(len(rows), 'pair')}{of}"
            lines = [head, *columns(metric_rows(values)), *signatures.values()]
            out.write("\n".join(lines) + "\n")


def _run(run: Path) -> RunDirectory:
    from seqloom.checkpoint import RunDirectory  # loads torch

    return RunDirectory(run)


def _load_either(run: Path, device: str | None, files: Sequence[str] | None) -> Measurable:
    """The model of a run, or an exported one, for which torch is not needed.

    Raises:
        ConfigError: an exported model, which has no dev pairs with it, and no files.
    """
    from seqloom.manifest import looks_exported

    if not looks_exported(run):
        return load_model(run, device)
    from seqloom.runtime import Predictor

    refuse_device(device)
    if not files:
        raise ConfigError(f"{run}: an exported model, which has no dev pairs with it; expected a file of pairs. Name one, or give the run.")
    return Predictor.load(run)


def load_model(run: Path, device: str | None) -> Model:
    """The model of a run on the device asked for, or on the best one here.

    Raises:
        CheckpointError: the folder holds an exported model.
    """
    from seqloom.loading import refuse_unreadable

    refuse_exported(run)
    refuse_unreadable(run)
    from seqloom.hardware import choose_device
    from seqloom.model import load

    return load(run, device=choose_device(device or "auto"))


def rows_of(
    model: Measurable, files: list[str], reading: DataConfig, source: list[str] | None, target: str | None, *, skip_bad: bool
) -> Sequence[Row | None]:
    """The pairs of files in their places, None where a line is blank or left out. They are read as `reading` says, with other columns
    where they are named: then the file itself says whether it has a header, if that is not said.
    """
    from seqloom.answers import TooLong
    from seqloom.data import read_as_trained

    refuse_many(files, "FILE")
    update: dict[str, Any] = {"skip_bad": skip_bad, **({"source": column_names(source)} if source else {})}
    if target is not None:
        update["target"] = target
    if (source or target is not None or reading.sounds) and reading is model.data:  # nothing was said of a header
        update["header"] = None
    rows = read_as_trained(files, reading.model_copy(update=update), source=bool(source), target=target is not None)
    found, long = list(rows.in_step()), TooLong(model)
    if skip_bad:
        found = [None if row is None or row in long else row for row in found]
    for note in (*rows.notes, *long.notes()):
        say(f"note: {note}")
    return found
