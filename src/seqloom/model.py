"""The public face: train a model, load one, use one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from seqloom.answers import Answerer, Prediction
from seqloom.checkpoint import RunDirectory, load_network
from seqloom.config import RunConfig, SearchConfig
from seqloom.config_file import load_config
from seqloom.data.memory import Given, Targets
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, in_words_of_python, warn_caller
from seqloom.exportable import Exportable
from seqloom.fields.task import Fields
from seqloom.files import holds_numbers
from seqloom.hardware import apart, choose_device, usual_torch, without_draws
from seqloom.installed import TRAINING, require
from seqloom.measuring import Measurable, Sources
from seqloom.metrics import METRICS
from seqloom.numbers.forecaster import load_forecaster, train_numbers
from seqloom.numbers.plan import NumberPlan
from seqloom.planning.asked import as_settings, asked_for
from seqloom.planning.handed import handed_over
from seqloom.prediction import Translator
from seqloom.saving import refuse_changed
from seqloom.settings import together
from seqloom.training import joining, runs
from seqloom.training.events import Finished, Watcher
from seqloom.training.progress import told
from seqloom.training.runs import pass_on_interrupt, start
from seqloom.training.summary import introduction, result
from seqloom.unseen import Unseen

__all__ = ["Model", "join", "load", "resume", "train"]


class Model(Exportable, Measurable):
    """A trained model in its run directory."""

    def __init__(self, path: Path, config: RunConfig, fields: Fields, translator: Translator) -> None:
        super().__init__(fields, config.data, config.search, translator)
        self.path = path
        self.config = config
        self.translator = translator
        self.network = translator.network

    def score(
        self,
        pairs: Given,
        targets: Targets | None = None,
        *,
        source: Sources = None,
        target: str | int | None = None,
        skip_bad: bool | None = None,
    ) -> list[float]:
        """The log-probability of each target given its source, in nats, </s> included: the number that `predict` sums up. A UserWarning
        names symbols in targets that training never saw, which are scored as <unk>.

        Args:
            source, target: columns of the file or table, where they are not those of training.
            skip_bad: go on without pairs that lack a side or are too long, which a UserWarning counts; without, as in training.
        """
        rows = self.rows(pairs, targets, source=source, target=target, skip_bad=skip_bad)
        unseen = Unseen(self.fields, copies=self.copies)
        unseen.add_targets(rows)
        for note in unseen.notes():
            warn_caller(f"score: {note}; scored as <unk>")
        return [sum(parts) for parts in self.translator.score(rows)]

    def evaluate(
        self,
        pairs: Given | None = None,
        targets: Targets | None = None,
        *,
        source: Sources = None,
        target: str | int | None = None,
        any_target: bool = False,
        skip_bad: bool | None = None,
        **search: Any,
    ) -> dict[str, float]:
        """Every metric that fits the target, by name, on a file, on pairs or on two lists; on the run's dev pairs where none are given.

        Args:
            source, target: columns of the file or table, where they are not those of training.
            any_target: pairs of one source are one question, right by any of their targets.
            skip_bad: as for `score`.
        """
        given = {"targets": targets, "source": source, "target": target, "skip_bad": skip_bad}
        said = [name for name, value in given.items() if value is not None]
        if pairs is None and said:
            what = f"{', '.join(said)}: of no effect, the run's own dev pairs are read already"
            raise ConfigError(f"{what}. Give pairs, or leave {'it' if len(said) == 1 else 'them'} out.")
        if pairs is None:
            rows = RunDirectory(self.path).read_dev()
        else:
            rows = self.rows(pairs, targets, source=source, target=target, skip_bad=skip_bad)
        return self.measured(rows, self.search(**search), any_target=any_target)[0]

    def measured(self, rows: Sequence[Row], search: SearchConfig, *, any_target: bool = False) -> tuple[dict[str, float], list[Prediction]]:
        """The same of rows, with the metric that training watched and the losses, and the answers."""
        watched = self.config.training.early_stopping.metric
        also = watched if watched in METRICS else "loss"  # one of a user's, whose file was not given
        return self.translator.evaluate(rows, search, also=also, any_target=any_target)


@in_words_of_python()
@apart()
def train(
    data: Given | None = None,
    targets: Targets | None = None,
    *,
    dev: Given | None = None,
    out: str | Path = "runs/model",
    source: Sources = None,
    target: str | int | None = None,
    budget: str | float | timedelta | None = None,
    config: str | Path | RunConfig | Mapping[str, Any] | None = None,
    settings: str | Iterable[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    members: int | None = None,
    start_from: str | Path | Model | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    watcher: Watcher | None = None,
) -> Any:
    """A model trained on a file, on two parallel files, on pairs, on sources and targets, or on a table in memory.

    A `Model`, or a `Forecaster` where targets are numbers, which only the data say: so what is given back has no type of its own. Annotate
    it where types are checked: `model: seqloom.Model = seqloom.train(...)`.

    Sources may be sounds: paths of files, their bytes, or samples with their rate, as in (samples, 16000) or {"array": samples,
    "sampling_rate": 16000}. Those that are not files are written to a temporary folder, for as long as the process lives.

    Either side may be numbers over time: an array (N, T, D), a list of arrays (T, D) of any lengths, lists of numbers in JSON Lines or
    Parquet.

    Args:
        data: path, two paths, or pairs; with `targets`, sources; (sources, targets), two lists or arrays; a dictionary of sources and their
            targets; columns: a data frame, a dictionary of lists, a list of dictionaries.
        dev: held-out pairs in the same forms; without, some of the pairs are held out.
        out: the run directory.
        source: source columns of the file or table, by name or number from 1.
        target: its target column.
        budget: wall time, as in "15m", in seconds, or a timedelta.
        config: a config to follow in place of choosing one from the data: a YAML file, a `RunConfig`, or what such a file holds.
        settings: "a.b=value" laid over the config, one or several, or a dictionary of them.
        members: so many networks that differ by their seed, are trained one after the other and answer as one.
        start_from: a trained run, or its model, whose symbols and network this one begins with: to adapt it, or to go on learning.
        quiet: print only warnings, on standard error, and not what `seqloom train` does: the choices, how the run goes, the score.
        watcher: who is told in place of that.

    Raises:
        SeqloomError: something in data, config or `out` has to be mended, or a package is missing; the message says what.
        KeyboardInterrupt: Ctrl-C ended the training; the model so far is in `out` all the same, and `resume` goes on with it.
    """
    require(TRAINING)
    started, watcher = time.perf_counter(), told(watcher, quiet=quiet)
    named = as_settings(source, target, members=members, start_from=start_from and str(_run_of(start_from)))
    with RunDirectory(out).reserved(overwrite=overwrite):
        handed = handed_over(data, targets, dev, config, together(named, asked_for(settings)))
        with watcher.phase("reading the pairs"):
            plan = handed.plan(budget, seed)
        if isinstance(plan, NumberPlan):
            return train_numbers(plan, out, overwrite=overwrite, watcher=watcher, started=started)
        for line in (*handed.warnings(plan.config), *introduction(plan, out)):
            watcher.say(line)
        return _ended(start(plan, out, overwrite=overwrite, watcher=watcher, started=started), watcher)


@in_words_of_python()
@apart()
def resume(
    path: str | Path,
    *,
    device: str | None = None,
    threads: int | None = None,
    quiet: bool = False,
    watcher: Watcher | None = None,
) -> Any:
    """The model of a run that was stopped or killed, after going on with it to its end, as if it had not been.

    Args:
        device, threads: to go on with in place of the run's; the model is then nearly the same.
        quiet, watcher: as for `train`.

    Raises:
        CheckpointError: no run, damaged, or finished already.
        KeyboardInterrupt: as for `train`.
    """
    watcher = told(watcher, quiet=quiet)
    return _ended(runs.resume(path, device=device, threads=threads, watcher=watcher), watcher)


@in_words_of_python()
@usual_torch()
@without_draws()
def join(
    runs: Sequence[str | Path | Model], *, out: str | Path, overwrite: bool = False, quiet: bool = False, watcher: Watcher | None = None
) -> Model:
    """The model of several finished runs that answer as one, in a run of its own: at each position the mean of their probabilities.

    Args:
        runs: folders, or models; all with the same symbols under the same ids. The search is that of the first.
        out: the run directory, which holds copies.
        quiet, watcher: as for `train`.

    Raises:
        CheckpointError: one is no finished run, is damaged, is given twice or has other weights in memory, or `out` exists and may not be
            overwritten.
        ConfigError: they cannot answer as one; the message names the first thing that differs.
    """
    folders = [_run_of(run) for run in ([runs] if isinstance(runs, (str, Path, Answerer)) else runs)]
    joining.join(folders, out, overwrite=overwrite, watcher=told(watcher, quiet=quiet))
    return load(out)


def _run_of(given: Any) -> Any:
    """The folder of a run, or of that of a model, whose weights are still those in the folder."""
    if isinstance(given, Exportable):
        refuse_changed(given.path, given.network)
    path = getattr(given, "path", given)
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigError(f"{type(given).__name__}: no run to begin with; expected a folder that training wrote, or its model. Give one.")
    return path


def _ended(finished: Finished, watcher: Watcher) -> Any:
    """The model of a run that came to its end, after saying how good it is."""
    for line in result(finished):
        watcher.say(line)
    pass_on_interrupt(finished)
    return load(finished.run)


@usual_torch()
@without_draws()
def load(path: str | Path, *, device: str = "cpu") -> Any:
    """The model of a run directory: a `Model`, or a `Forecaster` where it is of numbers.

    Args:
        device: such as cuda; auto: the best one here.

    Raises:
        CheckpointError: not a run, damaged, or of another format.
        ConfigError: the device is not on this machine.
    """
    run = RunDirectory(path)
    run.check()
    if holds_numbers(run.fields):
        return load_forecaster(path, device=device)
    config, fields = load_config(run.config), Fields.load(run.fields)
    network = load_network(run, config, fields.source, fields.target)
    return Model(run.path.absolute(), config, fields, Translator(network, fields, config.search, config.data, choose_device(device)))
