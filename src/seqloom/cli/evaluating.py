"""`seqloom evaluate`: how good a model is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli import options
from seqloom.cli.choosing import column_names, refuse_device, refuse_exported, refuse_idle, refuse_many, refuse_unread
from seqloom.cli.forecasting import evaluate_forecasts, holds_forecasts
from seqloom.cli.output import escape, format_asked, one_line, open_output, say, to_json
from seqloom.errors import ConfigError, count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from seqloom.answers import Prediction
    from seqloom.checkpoint import RunDirectory
    from seqloom.config import DataConfig
    from seqloom.data.rows import Row
    from seqloom.fields.task import Fields
    from seqloom.measuring import Measurable
    from seqloom.model import Model

__all__ = ["FORECASTS", "PAIRS", "evaluate", "exchanged", "load_model", "rows_of"]

FORECASTS, PAIRS = "the model forecasts numbers", "the model was trained on pairs"
"""Why an option of the other kind of model would do nothing."""
WAYS = {
    "txt": "a line an answer (.txt)",
    "tsv": "TSV with a header, a line a pair (.tsv)",
    "jsonl": "JSON Lines, an object a pair (.jsonl)",
}
"""In which the answers to pairs are written, by what the name of --output says."""
OWN_DEV = "the run's own dev pairs are read already"

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", show_default=False, help="Pairs: one file, or two parallel ones. [default: the run's dev pairs]"),
]
Beam = Annotated[
    int | None, typer.Option("--beam", metavar="N", show_default=False, help="Hypotheses kept a sentence. [default: the run's]")
]
Predictions = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="FILE",
        show_default=False,
        help="Also write the answers, line for line of FILE, or beside their pairs (.tsv, .jsonl); or each forecast beside what followed.",
    ),
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
    An exported model of texts is measured by its answers alone, without the loss, and without torch; of one that says numbers, measure
    the run that it was made from.
    With --output: line n is the answer to line n of FILE behind its header, empty where that is blank or left out; a line break in an
    answer is a blank, as sacrebleu reads it. With --output x.jsonl or x.tsv: each pair with its place, source, target, answer (`output`)
    and whether that is right. Of forecasts a line for each number: series, origin, time, column, forecast and actual, as TSV or CSV.
    """
    from seqloom.settings import only, override_header, override_search, read_settings

    asked = read_settings(settings or [])
    if holds_forecasts(run):
        refuse_idle(context, ("source", "target", "beam", "skip_bad", "any_target"), FORECASTS)
        evaluate_forecasts(run, files or [], part=part, settings=asked, device=device, as_json=as_json, output=output)
        return
    refuse_idle(context, ["part"], PAIRS)
    form = format_asked(output, WAYS)
    model = _load_either(run, device, files)
    from seqloom.cuts import Cuts
    from seqloom.planning.relation import ceiling
    from seqloom.unseen import Unseen

    reading, others = override_header(model.data, asked)
    if not files:
        refuse_idle(context, ("source", "target", "skip_bad"), OWN_DEV)
        refuse_unread(only(asked, "data.header"), OWN_DEV, "a file")
    places = rows_of(model, files, reading, source, target, skip_bad=skip_bad) if files else _run(run).read_dev()
    rows = [row for row in places if row is not None]
    search = override_search(model.search(beam=beam), others)
    values, predictions = model.measured(rows, search, any_target=any_target)
    if output is not None:
        said = _said(places, predictions, any_target=any_target)
        with open_output(output, *(files or [])) as out:
            out.writelines(_plain(said) if form in (None, "txt") else _beside(said, form, model.fields, any_target=any_target))
    unseen = Unseen(model.fields, copies=model.copies)
    unseen.add_pairs(rows)
    for warning in exchanged(model, rows, files or [], reading, source, target):
        say(f"warning: {warning}")
    several = [] if any_target else [f"{note}; --any-target takes any of them" for note in ceiling(rows)]
    for warning in [] if files else _run(run).read_about().get("warnings", []):
        say(f"warning: {warning}")
    for note in (*several, *unseen.notes(), *Cuts(predictions).notes(model, search)):
        say(f"note: {note}")
    sources = len(predictions) if any_target else None
    of = " + ".join(files or ["the run's dev pairs"])
    with open_output(None) as out:
        out.write(_as_json(values, rows, files, sources) if as_json else _as_text(values, rows, f"{run} on {of}", sources))


def exchanged(
    model: Measurable, rows: Sequence[Row], files: Sequence[str], reading: DataConfig, source: list[str] | None, target: str | None
) -> Iterator[str]:
    """A warning where the pairs of files fit the model with a source column and the target exchanged, and not as they were read."""
    from seqloom.unseen import exchanged_column

    place = exchanged_column(model.fields, rows) if files and rows else None
    if place is None:
        return
    columns: list[str | int] = [*(column_names(source) if source else reading.source or [1])]
    last: str | int = target or reading.target or 2
    columns[place], last = last, columns[place]
    options = f"--source {shlex.quote(','.join(map(str, columns)))} --target {shlex.quote(str(last))}"
    advice = "Give the two files in the other order" if len(files) > 1 else f"They are read so with {options}"
    yield f"columns exchanged? Hardly a pair holds only symbols that the model knows, and most do with two columns exchanged. {advice}"


def _said(places: Sequence[Row | None], predictions: Sequence[Prediction], *, any_target: bool) -> Iterator[tuple[Row, str] | None]:
    """Each row of the files with the answer to it, None for one that is left out; with `any_target` one answer to all pairs of a source."""
    of_source = {prediction.source: prediction for prediction in predictions}
    rows = [row for row in places if row is not None]
    said = iter([of_source[row.source] for row in rows] if any_target else predictions)
    for row in places:
        yield None if row is None else (row, next(said).text)


def _plain(said: Iterable[tuple[Row, str] | None]) -> Iterator[str]:
    """The answer to each line of the files, nothing to one that is left out."""
    for item in said:
        yield "\n" if item is None else f"{one_line(item[1])}\n"


def _beside(said: Iterable[tuple[Row, str] | None], form: str, fields: Fields, *, any_target: bool) -> Iterator[str]:
    """Each pair with the answer to it and whether that is right, as exact_match says, in JSON Lines or TSV."""
    from seqloom import metrics
    from seqloom.planning.relation import with_all_targets

    pairs = [item for item in said if item is not None]
    rows, references = with_all_targets([row for row, _ in pairs]) if any_target else ([], [])
    targets = {row.source: found for row, found in zip(rows, references, strict=True)}
    count = len(fields.config.source)
    if form == "tsv":
        sources = ["source"] if count == 1 else [f"source_{number}" for number in range(1, count + 1)]
        yield "\t".join(["where", *sources, "target", "output", "right"]) + "\n"
    for row, text in pairs:
        wanted = targets.get(row.source, [row.target])
        right = metrics.score(["exact_match"], [text], [wanted], fields.config.target)["exact_match"] == 1
        if form == "tsv":
            yield "\t".join(map(escape, (row.where, *row.source, row.target, text, "yes" if right else "no"))) + "\n"
        else:
            source = row.source[0] if count == 1 else list(row.source)
            several = {"targets": wanted} if any_target else {}
            yield to_json({"where": row.where, "source": source, "target": row.target, **several, "output": text, "right": right}) + "\n"


def _signatures(values: dict[str, Any], rows: Sequence[Row], *, any_target: bool) -> dict[str, str]:
    """How sacrebleu counted, by the name of the metric."""
    from seqloom.metrics import METRICS, signature
    from seqloom.planning.relation import with_all_targets

    references = with_all_targets(rows)[1] if any_target else [[row.target] for row in rows]
    return {name: text for name in values if name in METRICS and (text := signature(name, references))}


def _as_json(values: dict[str, Any], rows: Sequence[Row], files: list[str] | None, sources: int | None) -> str:
    """The metrics as one object; `sources`: how many questions the pairs are, where any of its targets is right."""
    about: dict[str, Any] = {
        "pairs": len(rows),
        **({} if sources is None else {"sources": sources}),
        "data": files or None,
        "signatures": _signatures(values, rows, any_target=sources is not None),
    }
    return to_json({**values, **about}) + "\n"


def _as_text(values: dict[str, Any], rows: Sequence[Row], name: str, sources: int | None) -> str:
    """The same for people."""
    from seqloom.training.summary import columns, metric_rows

    of = "" if sources is None else f", {count_of(sources, 'source')}"
    signatures = _signatures(values, rows, any_target=sources is not None)
    return "\n".join([f"{name}: {count_of(len(rows), 'pair')}{of}", *columns(metric_rows(values)), *signatures.values()]) + "\n"


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
    from seqloom.cuts import TooLong
    from seqloom.data.pairs import read_as_trained

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
        is_doubt = note == rows.doubt and reading is model.data  # nobody said that there is no header
        say(f"{'warning' if is_doubt else 'note'}: {note}")
    return found
