"""`seqloom predict` and `seqloom score`: what a model answers, and how likely it finds given answers."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Container, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli import options
from seqloom.cli.choosing import refuse_device, refuse_idle
from seqloom.cli.evaluating import FORECASTS, PAIRS, exchanged, load_model, rows_of
from seqloom.cli.forecasting import Quantiles, holds_forecasts, predict_numbers
from seqloom.cli.output import escape, one_line, open_output, say, say_note, says_json, standard_input, to_json
from seqloom.errors import ConfigError, DataError, count_of

if TYPE_CHECKING:
    from seqloom.answers import Answerer, Prediction
    from seqloom.config import DataConfig, SearchConfig
    from seqloom.data.lines import Arriving
    from seqloom.data.rows import Row
    from seqloom.settings import Asked
    from seqloom.sound.sounds import FaultySounds

__all__ = ["predict", "score"]

Texts = Annotated[list[str] | None, typer.Argument(metavar="TEXT", show_default=False, help="Sources.")]
Input = Annotated[
    str | None,
    typer.Option(
        "--input", metavar="FILE", show_default=False, help="Read sources from a file, one a line or record. [default: standard input]"
    ),
]
WAYS = {
    "txt": "a line an answer (.txt)",
    "tsv": "TSV with --scores or --n-best (.tsv)",
    "jsonl": "JSON Lines (.jsonl)",
}
"""In which answers are written, by what the name of --output says."""
Output = Annotated[str | None, typer.Option("--output", metavar="FILE", show_default=False, help="Write there. [default: standard output]")]


def _option(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, help=text)


def predict(
    context: typer.Context,
    run: options.Run,
    texts: Texts = None,
    input: Input = None,
    output: Output = None,
    beam: Annotated[int | None, _option("--beam", "N", "Hypotheses kept a sentence. [default: the run's]")] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Take the likeliest symbol each time: fast.")] = False,
    n_best: Annotated[int | None, _option("--n-best", "N", "Print N answers to each source, as TSV: the best, or drawn ones.")] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Print scores too, as TSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="Draw an answer at random.")] = False,
    temperature: Annotated[float | None, _option("--temperature", "X", "With --sample: below 1 sharper, above 1 flatter.")] = None,
    top_k: Annotated[int | None, _option("--top-k", "N", "With --sample: only from the N likeliest symbols.")] = None,
    top_p: Annotated[float | None, _option("--top-p", "P", "With --sample: only from the symbols that hold this probability.")] = None,
    seed: Annotated[int | None, _option("--seed", "N", "With --sample: the same seed draws the same. [default: 1]")] = None,
    prefix: Annotated[str, _option("--prefix", "TEXT", "What every answer begins with.")] = "",
    min_length: Annotated[int | None, _option("--min-length", "N", "No end before N target symbols.")] = None,
    max_length: Annotated[int | None, _option("--max-length", "N", "At most N target symbols. [default: by the source's length]")] = None,
    length_penalty: Annotated[float | None, _option("--length-penalty", "X", "Scores are divided by length to this power.")] = None,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention", help="Draw where each symbol looked in the source, or would be copied from, a PNG each; with --json: print it."
        ),
    ] = False,
    replace_unknown: Annotated[bool, typer.Option("--replace-unknown", help="Put the source symbol most looked at for <unk>.")] = False,
    skip_bad: options.SkipBad = False,
    settings: options.SearchSettings = None,
    parts: options.Parts = None,
    device: options.Device = None,
    quantiles: Quantiles = None,
) -> None:
    """Print a model's answer to each source.

        Sources are TEXT, the lines of --input, or standard input; several columns are separated by tabs. Answers come one a line, in the
        input's order; a blank line is answered by a blank line, and a line break in an answer is a blank. With --n-best or --scores:
        TSV with number of the source, rank, score, text, where \\t, \\n, \\r and \\\\ stand for the characters. With --json, or
        --output x.jsonl: one object a line, with scores and tokens. A model that forecasts reads a table, TEXT or --input, and writes
        TSV with series, time, column, quantile and value, or what the name of --output says: x.csv, x.jsonl, x.parquet. A model whose
        targets are arrays writes one a line as JSON, a list of numbers, or of a list a moment; with --json, or --output x.jsonl, an
        object with the source.
    With --attention: attention-1.png and so on, in the folder of --output or here.
    """
    from seqloom.manifest import looks_exported
    from seqloom.settings import read_settings

    laid_over = read_settings(settings or [])
    if looks_exported(run):
        refuse_idle(context, ["parts"], "an exported model is whole")
    if holds_forecasts(run):
        read = {"run", "texts", "input", "output", "as_json", "device", "quantiles", "settings", "parts"}
        refuse_idle(context, context.params.keys() - read, FORECASTS)
        predict_numbers(run, texts, input, quantiles=quantiles, settings=laid_over, output=output, device=device, as_json=as_json)
        return
    refuse_idle(context, ["quantiles"], PAIRS)
    from seqloom.answers import FIRST, READ_AHEAD, Growing, check_attention
    from seqloom.cuts import Cuts, TooLong
    from seqloom.sound.sounds import FaultySounds
    from seqloom.unseen import unknown_in_prefix

    drawing: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    _check(texts, input, sample, greedy, beam, n_best, drawing)
    as_json = says_json(output, WAYS, as_json=as_json)
    model = _open(run, device)
    model.data, laid_over = _reading(model.data, laid_over)
    kind = "sample" if sample else "greedy" if greedy else None
    asked = {"kind": kind, "beam": beam, "min_length": min_length, "max_length": max_length, "length_penalty": length_penalty, **drawing}
    search, wider = _search(model, asked, laid_over, n_best)
    check_attention(search, attends=model.finder.attends, replace_unknown=replace_unknown, attention=attention)
    faults = FaultySounds() if skip_bad else None
    layout: list[str] = []
    stdin = standard_input(texts, input)
    sources, long = _sources(model, texts, input, stdin, faults, layout), TooLong(model)
    rows = _Watched(sources, model, long if skip_bad else (), faults)
    ask = partial(model.answers, config=search, prefix=prefix, replace_unknown=replace_unknown, keep_attention=attention)
    answers = ask(rows, gather=partial(stdin.together, most=READ_AHEAD) if stdin else Growing())
    write = _json if as_json else _table if scores or n_best else _plain
    cuts = Cuts()
    with open_output(output, input) as out:
        for number, answer in enumerate(answers, 1):
            cuts.add(answer)
            if faults and number in faults.names:
                answer = replace(answer, source=(faults.names[number],))  # the name of the sound that went by
            out.writelines(write(number, answer, n_best or 1))
            if attention and not as_json:
                _draw(number, answer, model, output)
            if stdin or number % FIRST == 0:  # where each chunk ends, or within one
                out.flush()
    unknown = unknown_in_prefix(model.fields, prefix)
    of_prefix = [f"--prefix: {unknown}"] if unknown else []
    of_sounds = faults.notes() if faults else []
    for note in (*wider, *layout, *rows.notes(), *cuts.notes(model, search), *of_prefix, *of_sounds, *long.notes()):
        say_note(note)


def _check(
    texts: list[str] | None,
    input: str | None,
    sample: bool,
    greedy: bool,
    beam: int | None,
    n_best: int | None,
    drawing: dict[str, Any],
) -> None:
    """Refuse options that contradict each other or would do nothing."""
    if texts and input is not None:
        raise ConfigError("--input: TEXT is given too; expected one of both. Leave one out.")
    for number, text in enumerate(texts or [], 1):
        if not text.strip():
            raise DataError(f"TEXT {number}: empty; expected a source. Leave it out.")
        if any("\udc80" <= character <= "\udcff" for character in text):  # how Python keeps bytes of an argument that it cannot read
            what = f"bytes that are no {sys.getfilesystemencoding()}, which is what the locale says"
            raise DataError(f"TEXT {number}: {what}; expected whole characters. Say what your terminal writes, as in LC_ALL=C.UTF-8.")
    if sample + greedy + (beam is not None) > 1:
        raise ConfigError("--beam, --greedy, --sample: more than one is given; expected one of them. Leave the others out.")
    if n_best is not None and n_best < 1:
        raise ConfigError(f"--n-best {n_best}: expected 1 or more. Give another number.")
    if n_best is not None and greedy:
        raise ConfigError(f"--n-best {n_best}: of no effect with --greedy, which has one answer. Leave one of them out.")
    if not sample and (idle := [f"--{name.replace('_', '-')}" for name, value in drawing.items() if value is not None]):
        raise ConfigError(f"{', '.join(idle)}: of no effect without --sample. Add --sample, or leave it out.")


def _open(folder: Path, device: str | None) -> Answerer:
    """The model of a run, or an exported one, for which torch is not imported."""
    from seqloom.manifest import looks_exported

    if not looks_exported(folder):
        return load_model(folder, device)
    from seqloom.runtime import Predictor

    refuse_device(device)
    return Predictor.load(folder)


def _reading(data: DataConfig, settings: Asked) -> tuple[DataConfig, dict[str, Any]]:
    """How sources are read, with what the settings say of a header, and the other settings.

    Raises:
        ConfigError: a header of sources whose columns have no names.
    """
    from seqloom.settings import override_header

    reading, others = override_header(data, settings)
    if reading.header and not data.header:
        raise ConfigError("--set data.header=true: of no effect on sources of a model that was trained without one. Leave line 1 out.")
    return reading, others


def _search(model: Answerer, asked: dict[str, Any], settings: Asked, n_best: int | None) -> tuple[SearchConfig, list[str]]:
    """How to search for what is asked, which finds as many answers as are printed, and a note where that takes more than was asked for.

    Raises:
        ConfigError: several answers are asked of a search that has one.
    """
    from seqloom.settings import override_search

    search = override_search(model.search(**asked), settings)
    if n_best is None:
        return search, []
    if search.kind == "sample":
        return search.model_copy(update={"samples": n_best}), []
    if search.kind != "beam":
        raise ConfigError(f"--n-best {n_best}: the search of this run is {search.kind}; expected a beam. Add --beam {n_best}.")
    beam = asked["beam"]
    wider = [f"--n-best {n_best}: searched with {n_best} hypotheses; --beam {beam} keeps fewer"] if beam and n_best > beam else []
    return search.model_copy(update={"beam": max(n_best, search.beam)}), wider


def _sources(
    model: Answerer, texts: list[str] | None, input: str | None, stdin: Arriving | None, faults: FaultySounds | None, notes: list[str]
) -> Iterator[Row]:
    from seqloom.data.sources import read_sources

    given = "-" if stdin else texts or input or "-"
    for text in given if isinstance(given, list) else ():
        _hint_at_input(text, sounds=model.data.sounds is True)
    return read_sources(given, len(model.fields.config.source), model.data, faults, notes, stdin)


def _hint_at_input(text: str, *, sounds: bool) -> None:
    """Say so where a TEXT is rather a file or a folder to read sources from.

    Raises:
        DataError: a folder in place of a sound.
    """
    from seqloom.sound.audio import is_sound

    instead = f"--input {shlex.quote(text)}"
    if sounds and os.path.isdir(text):
        raise DataError(f"TEXT {text}: a folder; expected a sound file. All sounds in it are heard with {instead}.")
    if sounds and os.path.isfile(text) and not is_sound(text):
        say(f"note: {text} is heard here as a sound; {instead} hears those that it names")
    if not sounds and os.path.isfile(text):
        say(f"note: {text} is a file, and read here as a text; {instead} reads what is in it")


class _Watched:
    """Rows that are counted as they pass; those that are too long become blank, as those of faulty sounds are, and are not counted so."""

    def __init__(self, rows: Iterator[Row], model: Answerer, long: Container[Row], faults: FaultySounds | None) -> None:
        from seqloom.unseen import Unseen

        self.rows, self._long, self._faults = rows, long, faults
        self.unseen = Unseen(model.fields)
        self.blank = 0

    def __iter__(self) -> Iterator[Row]:
        from seqloom.data.rows import Row

        for given in self.rows:
            self.blank += not any(given.source)
            row = Row(("",) * len(given.source), "", given.where) if given in self._long else given
            self.unseen.add_source(row.source)
            yield row

    def notes(self) -> list[str]:
        """What a person should know about the sources, once all have passed."""
        count = self.blank - (self._faults.rows if self._faults else 0)
        blank = [f"{count_of(count, 'blank source')}, answered by nothing"] if count else []
        return [*blank, *self.unseen.notes()]


def _plain(number: int, answer: Prediction, n_best: int) -> list[str]:
    return [one_line(answer.text) + "\n"]


def _table(number: int, answer: Prediction, n_best: int) -> list[str]:
    """Lines of number, rank, score, text; a blank source has one with neither score nor text."""
    if not answer.outputs:
        return [f"{number}\t1\t\t\n"]
    return [f"{number}\t{rank}\t{output.score:.6f}\t{escape(output.text)}\n" for rank, output in enumerate(answer.outputs[:n_best], 1)]


def _draw(number: int, answer: Prediction, model: Answerer, output: str | None) -> None:
    """Where the best answer looked, as a picture; none of a blank source."""
    from seqloom.pictures import draw_attention

    if not answer.outputs or (weights := (best := answer.outputs[0]).attention) is None:
        return
    path = Path(output or ".").resolve().parent / f"attention-{number}.png" if output else Path(f"attention-{number}.png")
    frames: Any = model.fields.source.encode(answer.source) if model.fields.source.kind == "frames" else None
    draw_attention(path, answer.source_tokens, best.tokens, weights, frames)
    say(f"attention: {path}")


def _json(number: int, answer: Prediction, n_best: int) -> list[str]:
    source = answer.source[0] if len(answer.source) == 1 else list(answer.source)
    record: dict[str, Any] = {"source": source, "outputs": [asdict(output) for output in answer.outputs[:n_best]]}
    if answer.source_cut:
        record["source_cut"] = True
    if answer.silent:
        record["silent"] = True
    if any(output["attention"] is not None for output in record["outputs"]):
        record["source_tokens"] = answer.source_tokens
    for output in record["outputs"]:
        for name in ("attention", "copying"):
            if output[name] is None:
                del output[name]
    return [to_json(record) + "\n"]


# --------------------------------------------------------------------------------------------------------------- score


def score(
    run: options.Run,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="A file of pairs, or two parallel text files.")],
    source: options.Source = None,
    target: options.Target = None,
    settings: options.HeaderSetting = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Print TSV: number of the pair, symbol, its log-probability; </s> last.")
    ] = False,
    output: Output = None,
    skip_bad: options.SkipBad = False,
    parts: options.Parts = None,
    device: options.Device = None,
) -> None:
    """Print how likely a model finds given targets.

    One line a pair, in the input's order: the log-probability of the target given the source, in nats, which is the sum over its
    symbols, </s> included, and what `predict --json` calls log_prob. A line that is blank or left out gets an empty line.
    """
    if holds_forecasts(run):
        raise ConfigError(f"{run}: a model of numbers, whose targets have no such probability. `seqloom evaluate` measures it.")
    from seqloom.answers import READ_AHEAD
    from seqloom.settings import override_header, read_settings, shown
    from seqloom.unseen import Unseen

    model = load_model(run, device)
    reading, rest = override_header(model.config.data, read_settings(settings or []))
    if rest:
        raise ConfigError(f"--set {shown(rest)}: of no effect on scores; expected data.header=true or false. Leave it out.")
    places = rows_of(model, files, reading, source, target, skip_bad=skip_bad)
    unseen = Unseen(model.fields, copies=model.copies)
    unseen.add_pairs(found := [row for row in places if row is not None])
    for warning in exchanged(model, found, files, reading, source, target):
        say(f"warning: {warning}")
    with open_output(output, *files) as out:
        for begin in range(0, len(places), READ_AHEAD):
            chunk = places[begin : begin + READ_AHEAD]
            rows = [row for row in chunk if row is not None]
            scored = iter(model.translator.score(rows) if rows else [])
            for number, row in enumerate(chunk, begin + 1):
                said = None if row is None else next(scored)
                if not tokens:
                    out.write("\n" if said is None else f"{sum(said):.6f}\n")
                elif row is not None and said is not None:
                    symbols = [*model.fields.target.symbols(row.target), "</s>"]
                    out.writelines(f"{number}\t{escape(symbol)}\t{part:.6f}\n" for symbol, part in zip(symbols, said, strict=True))
    for note in unseen.notes():
        say(f"note: {note}; scored as <unk>")
