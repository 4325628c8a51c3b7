"""A run from plan to model: start it, or go on with one that was stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from seqloom import metrics
from seqloom.checkpoint import RunDirectory, load_grown, load_weights, read_tensors, write_tensors
from seqloom.config import PARTS, FieldsConfig, ModelConfig, RunConfig, TextField
from seqloom.config_file import load_config, load_reasons
from seqloom.corpus import Corpus, length_bound, length_ratio
from seqloom.ctc import check_ctc
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError, count_of, nearest
from seqloom.fields.ready import ready_fields
from seqloom.fields.subwords import DEFAULT_SIZE
from seqloom.fields.task import Fields
from seqloom.files import holds_numbers
from seqloom.installed import TRAINING, require
from seqloom.nn.seq2seq import Side, make_network
from seqloom.planning.asked import ASKED, as_settings
from seqloom.planning.autoconfig import FOLLOWING
from seqloom.planning.base import Base
from seqloom.planning.plan import LENGTH, Plan
from seqloom.settings import override
from seqloom.sound.samples import kept_text
from seqloom.training.embeddings import begin_with_vectors, vectors_of
from seqloom.training.encoding import encode
from seqloom.training.events import Finished, Silence, Watcher
from seqloom.training.learning import seed_first_weights

__all__ = ["check_parts", "decide", "fitted", "pass_on_interrupt", "resume", "start"]

MOST = "search.max_length"
"""Is chosen where long sources do not have longer targets."""


def start(
    plan: Plan, out: str | Path, *, overwrite: bool = False, watcher: Watcher | None = None, started: float | None = None
) -> Finished:
    """Train what is planned, into the directory `out`. Nothing is written before the data has been read and encoded.

    Args:
        started: `time.perf_counter()` when the command began, which is when the budget began.

    Raises:
        CheckpointError: `out` exists and may not be overwritten.
        DataError: a pair cannot be used.
    """
    started, run = time.perf_counter() if started is None else started, RunDirectory(out)
    with run.claimed():
        return _start(plan, run, overwrite, watcher or Silence(), started)


def _start(plan: Plan, run: RunDirectory, overwrite: bool, watcher: Watcher, started: float) -> Finished:
    run.refuse_existing(overwrite=overwrite)
    refuse_replacing(plan.config, run)
    if plan.base is not None:
        run.refuse_replacing(f"--from {plan.base.path}", plan.base.path)
    _check_metric(plan)
    check_ctc(plan.config.search, plan.config.model.head.ctc_weight > 0)
    fields = _fields(plan, watcher)
    vectors = {} if plan.base else vectors_of(plan.config.model, fields, watcher)
    plan, corpus = encode(plan, fields, watcher, started)
    writes_unknown = corpus.unknown_share("target") > 0 or (plan.base is not None and fields.writes_unknown)
    longest = int(corpus.source_lengths.max()) if plan.base is None or fields.longest else 0
    fields = replace(fields, longest=max(fields.longest, longest), writes_unknown=writes_unknown)
    config, reasons = _decide(plan, corpus, watcher)
    first = _first_weights(plan.base, config, fields) if plan.base else None
    check_parts(config.model, fields.source, fields.target)
    run.refuse_existing(overwrite=overwrite)  # again: where the disk has no locks, a run may have come in the meantime
    run.begin()
    fields.save(run.fields)
    run.write_config(config, reasons)
    run.write_dev(replace(row, source=tuple(map(kept_text, row.source))) for row in plan.dev)
    if first is not None:
        write_tensors(run.first, first)
    if vectors:
        write_tensors(run.vectors, vectors)
    corpus.save(run.training / "corpus")  # the last: a run that was killed before cannot be resumed, and so not from other weights
    return _train(run, config, fields, corpus, plan.dev, watcher, started)


def resume(
    path: str | Path,
    *,
    device: str | None = None,
    threads: int | None = None,
    watcher: Watcher | None = None,
    started: float | None = None,
) -> Finished:
    """Go on with a run that was stopped or killed, to the same weights as if it had not been.

    Args:
        device, threads: to go on with in place of the run's; the sums are then rounded otherwise, and the weights end up near the others.

    Raises:
        CheckpointError: no run, damaged, or finished already.
        ConfigError: the device is not on this machine.
        MissingPackageError: what training needs is not installed.
    """
    run, started = RunDirectory(path), time.perf_counter() if started is None else started
    run.check()
    if not holds_numbers(run.fields):  # what those need besides is imported here already
        require(TRAINING)
    with run.claimed(otherwise=""):
        return _resume(run, device, threads, watcher or Silence(), started)


def _resume(run: RunDirectory, device: str | None, threads: int | None, watcher: Watcher, started: float) -> Finished:
    about = run.check()
    _refuse_member(run)
    if about.get("joined"):
        further = f"or go on learning with one of its networks: `seqloom train PAIRS --from {run.member(1).path}`"
        raise CheckpointError(f"{run.path}: joined from finished runs. Use it with `seqloom predict {run.path}`, {further}.")
    if about.get("finished"):
        config = load_config(run.config)
        can_begin = config.model.head.kind == "tokens" and config.training.members == 1
        further = f"go on learning with `seqloom train PAIRS --from {run.path}`" if can_begin else "train a new one"
        raise CheckpointError(
            f"{run.path}: this run is finished ({about.get('why')}). Use it with `seqloom predict {run.path}`, or {further}."
        )
    config = _moved(run, device, threads)
    if config.model.head.kind != "tokens":  # the target is frames: other files hold the data
        from seqloom.numbers.runs import resume_numbers

        return resume_numbers(run, config, watcher, started)
    fields, corpus = Fields.load(run.fields), Corpus.load(run.training / "corpus")
    return _train(run, config, fields, corpus, run.read_dev(), watcher, started)


def pass_on_interrupt(finished: Finished) -> None:
    """Raises KeyboardInterrupt again where one ended a run, which has written its model: what trains from Python ends too.

    A loop over settings would go on with a model that is half trained, and a notebook with its next cell.
    """
    if finished.why == "interrupted":
        run = f"seqloom.load({finished.run!r}) gives the model so far, seqloom.resume({finished.run!r}) goes on"
        raise KeyboardInterrupt(f"{finished.run}: interrupted after {finished.step:,} updates; {run}.")


def _refuse_member(run: RunDirectory) -> None:
    """Make sure that the run is no member of another that goes on, which holds its encoded pairs."""
    whole = RunDirectory(run.path.absolute().parent.parent)
    if run.path.absolute().parent.name == "members" and whole.about.is_file() and not whole.is_finished():
        raise CheckpointError(f"{run.path}: a member of a run, which goes on as a whole. Use `seqloom resume {run.path.parent.parent}`.")


def _moved(run: RunDirectory, device: str | None, threads: int | None) -> RunConfig:
    """The run's config, with another device or number of threads where they are given, which is then written into it.

    The process gets as many threads as the run has: sums in another order would end with other weights.
    """
    from seqloom.hardware import PRECISION_REASON, resolve

    changes = as_settings(device=device, threads=threads)
    config, reasons = override(load_config(run.config), changes), load_reasons(run.config)
    if device is not None and reasons.get("training.precision") == PRECISION_REASON:
        config = override(config, {"training.precision": "auto"})
    config = config.model_copy(update={"training": resolve(config.training)})
    if changes:
        run.write_config(config, reasons | dict.fromkeys(changes, ASKED))
    return config


def _check_metric(plan: Plan) -> None:
    """Refuse now what no evaluation could measure."""
    kind, name = plan.config.fields.target.kind, plan.config.training.early_stopping.metric
    known = [metric.name for metric in metrics.METRICS.values() if kind in metric.applies_to]
    if name not in known:
        offer = f"choose from {', '.join(known)}, or give the file of your own with --parts.{nearest(name, known)}"
        raise ConfigError(f"training.early_stopping.metric: {name!r} is no metric; {offer}")


def _fields(plan: Plan, watcher: Watcher) -> Fields:
    """The fields: learned from the training pairs, or those of the run that this one begins with and what is new in the pairs."""
    if plan.base is None:
        with watcher.phase(f"learning {_learned(plan.config.fields)} from {count_of(plan.profile.pairs, 'pair')}"):
            return Fields.fit(plan.config.fields, plan.train, plan.names)
    with watcher.phase(f"looking for new symbols in {count_of(plan.profile.pairs, 'pair')}"):
        fields, new = plan.base.fields.grown(plan.train)
    if new:
        shown = ", ".join(repr(symbol) for symbol in new[:5]) + (", ..." if len(new) > 5 else "")
        watcher.say(f"note: symbols that {plan.base.path} does not know are added, {len(new):,} in all: {shown}")
    for side in plan.config.model.vectors.files if plan.config.model.vectors.frozen else ():
        if added := _size(fields, side) - _size(plan.base.fields, side):
            what = f"{count_of(added, f'new {side} symbol')}: embeddings are drawn, and with model.vectors.frozen=true they stay so"
            watcher.say(f"warning: {what}, so that they are never learned. Set it to false to learn them.")
    return replace(fields, names=plan.names)


def _size(fields: Fields, side: str) -> int:
    """How many symbols the source or the target has."""
    return (fields.source if side == "source" else fields.target).size


def _learned(config: FieldsConfig) -> str:
    """What is learned of the columns: `16,000 subwords`, the most of a column, or `symbols` where none has any."""
    fields = (*config.texts, config.target)
    sizes = {field.max_size or DEFAULT_SIZE for field in fields if isinstance(field, TextField) and field.unit == "subword"}
    return f"{max(sizes):,} subwords" if sizes else "symbols"


def refuse_replacing(config: RunConfig, run: RunDirectory) -> None:
    """Make sure that no file that a run reads goes with an older one in its place."""
    data, vectors = config.data, config.model.vectors
    for file in (*data.train, *data.dev, *ready_fields(config.fields).values(), vectors.source, vectors.target):
        if file is not None:
            run.refuse_replacing(file, file)


def _first_weights(base: Base, config: RunConfig, fields: Fields) -> dict[str, Tensor]:
    """The weights that a run begins with: those of another, and drawn ones for symbols that are new.

    Raises:
        CheckpointError: they are damaged.
    """
    seed_first_weights(config.seed)
    network, weights = make_network(config.model, fields.source, fields.target), RunDirectory(base.path).weights
    load_grown(network, read_tensors(weights)[0], weights)
    return network.state_dict()


def fitted(plan: Plan, watcher: Watcher) -> Plan:
    """The plan as `start` would follow it: its pairs are encoded, and where that matters a network is trained for a moment."""
    if not plan.fitted:
        return plan
    fields = _fields(plan, watcher)
    return encode(plan, fields, watcher)[0]


def _decide(plan: Plan, corpus: Corpus, watcher: Watcher) -> tuple[RunConfig, dict[str, str]]:
    """The config with what only this machine and the encoded pairs can tell, and the reasons with those added; says what takes a choice's
    place.
    """
    config, reasons = decide(plan.config, plan.reasons)
    ratio = length_ratio(corpus) if plan.estimates_length else 0.0
    if ratio > (config.search.max_length_ratio if plan.profile.sound else 0.0):  # what sounds may need is known before any is heard
        reasons[LENGTH] = "1.2 times what 999 of 1,000 training targets need"
        if ratio != config.search.max_length_ratio:
            watcher.say(f"fitted: {LENGTH} {ratio}: {reasons[LENGTH]}")
        config = config.model_copy(update={"search": config.search.model_copy(update={"max_length_ratio": ratio})})
    follows = plan.profile.length_correlation >= FOLLOWING or not plan.profile.source
    bound = length_bound(corpus, ratio) if ratio and not follows and config.search.max_length is None else None
    if bound is not None and bound >= config.search.min_length:
        reasons[MOST] = "twice the longest training target and ten more: long sources do not have longer ones"
        watcher.say(f"fitted: {MOST} {bound}: {reasons[MOST]}")
        config = config.model_copy(update={"search": config.search.model_copy(update={"max_length": bound})})
    return config, reasons


def decide(config: RunConfig, reasons: Mapping[str, str]) -> tuple[RunConfig, dict[str, str]]:
    """The config with what only this machine can tell, and the reasons with those added."""
    from seqloom.hardware import PRECISION_REASON, resolve

    settings, reasons = config.training, dict(reasons)
    if settings.device == "auto":
        reasons["training.device"] = "what this machine has"
    if settings.precision == "auto":
        reasons["training.precision"] = PRECISION_REASON
    if settings.threads is None:
        reasons["training.threads"] = "the processor's cores"
    for part, kinds in PARTS.items():
        if note := kinds.note(getattr(config.model, part).kind):
            reasons[f"model.{part}.kind"] = note
    return config.model_copy(update={"training": resolve(settings)}), reasons


def check_parts(config: ModelConfig, source: Side, target: Side) -> None:
    """Make a network that has parts of a user's, so that one that keeps no contract is refused before anything is written or replaced.

    Raises:
        PartError: it does not keep its contract.
    """
    if any(kinds.note(getattr(config, part).kind) for part, kinds in PARTS.items()):
        make_network(config, source, target)


def _train(
    run: RunDirectory, config: RunConfig, fields: Fields, corpus: Corpus, dev: Sequence[Row], watcher: Watcher, started: float
) -> Finished:
    """Train from where the run is to its end."""
    from seqloom.training.dev import DevSet
    from seqloom.training.loop import Trainer
    from seqloom.training.members import Members

    corpus.vary, first, vectors = fields.source.vary, run.first, run.vectors

    def train(run: RunDirectory, config: RunConfig, started: float) -> Finished:
        trainer = Trainer(run, config, fields, corpus, DevSet(dev, config, fields, corpus), watcher, started)
        if run.state.is_file():
            trainer.restore()
        elif first.is_file():
            load_weights(trainer.network, read_tensors(first)[0], first)
        elif vectors.is_file():
            begin_with_vectors(trainer.network, read_tensors(vectors)[0])
        return trainer.fit(look_first=first.is_file())

    if config.training.members == 1:
        return train(run, config, started)
    return Members(run, config, fields, DevSet(dev, config, fields, corpus), train, watcher, started).fit()
