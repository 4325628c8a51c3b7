"""Looking at pairs before training: what they are like (`inspect`), and the config that `train` would choose (`config`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli import options
from seqloom.cli.output import open_output, say, to_json
from seqloom.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from seqloom.examples import ExampleData
    from seqloom.numbers.plan import NumberPlan
    from seqloom.planning.plan import Plan
    from seqloom.settings import Asked
    from seqloom.training.curve import Curve

__all__ = ["Choosing", "column_names", "config", "inspect", "refuse_exported", "refuse_idle", "refuse_many", "refuse_unread"]


@dataclass(frozen=True)
class Choosing:
    """What a person said about data and config."""

    pairs: list[str] | None = None
    dev: list[str] | None = None
    source: list[str] | None = None
    target: str | None = None
    budget: str | None = None
    config: Path | None = None
    settings: Asked = field(default_factory=dict[str, Any])
    example: str | None = None
    seed: int | None = None
    device: str | None = None
    members: int | None = None
    start_from: str | None = None
    parts: list[str] | None = None

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigError: no pairs, pairs from two places, or more than two files.
        """
        if self.example and self.pairs:
            raise ConfigError(f"--example {self.example}: PAIRS are given too; expected one of both. Leave one out.")
        if self.example and (self.dev or self.source or self.target):
            raise ConfigError(f"--example {self.example}: brings its own dev set and columns. Leave out --dev, --source and --target.")
        if not (self.example or self.pairs or self.config):
            raise ConfigError("no pairs: expected a file of pairs, two parallel files, --example or --config. See `seqloom train --help`.")
        refuse_many(self.pairs, "PAIRS", self.dev)
        refuse_many(self.dev, "--dev")

    def example_data(self) -> ExampleData | None:
        """The pairs that the program makes, where they were asked for."""
        from seqloom.examples import make_example

        return make_example(self.example) if self.example else None

    def plan(self, example: ExampleData | None = None) -> Plan:
        """Read, profile, choose."""
        from seqloom.planning.plan import make_plan

        given: dict[str, Any] = {**self._given(), **({"dev": example.dev} if example else {})}
        return make_plan(example.train if example else self.pairs or None, budget=self.budget, seed=self.seed, **given)

    def number_plan(self) -> NumberPlan | None:
        """The same where the targets of pairs are numbers; None where they are not."""
        from seqloom.numbers.array_plan import plan_pairs, says_numbers

        if self.example or not says_numbers(self.pairs or None, **self._given()):
            return None
        return plan_pairs(self.pairs or None, budget=self.budget, seed=self.seed, **self._given())

    def _given(self) -> dict[str, Any]:
        """What was said, as both kinds of plan want it."""
        from seqloom.planning.asked import as_settings
        from seqloom.settings import together

        named = as_settings(device=self.device, members=self.members, start_from=self.start_from or None)
        return {
            "dev": self.dev or None,
            "source": column_names(self.source) or None,
            "target": self.target,
            "config": self.config,
            "settings": together(named, self.settings),
        }


def column_names(source: list[str] | None) -> list[str]:
    """The columns in --source, given once with commas or several times."""
    return [name.strip() for text in source or [] for name in text.split(",") if name.strip()]


def refuse_many(files: list[str] | None, name: str, dev: list[str] | None = None) -> None:
    """Make sure that there are at most two files; `dev`: those of --dev, which has one file each time that it is given.

    Raises:
        ConfigError: there are more.
    """
    if files and len(files) > 2:
        do = f"Say --dev {dev[0]} --dev {files[-1]} if these belong together" if dev and len(dev) == 1 else "Join them first, with cat"
        raise ConfigError(f"{name}: {len(files)} files; expected one file of pairs or two parallel files. {do}.")


def refuse_idle(context: typer.Context, names: Collection[str], why: str) -> None:
    """Make sure that none of the parameters of these names was given.

    Raises:
        ConfigError: some were; they would do nothing.
    """
    parts: list[Any] = [part for part in context.command.params if part.name in names]
    given = [part for part in parts if (source := context.get_parameter_source(part.name)) and source.name == "COMMANDLINE"]
    if given:
        flags = ", ".join(part.opts[0] if part.param_type_name == "option" else part.metavar for part in given)
        raise ConfigError(f"{flags}: of no effect, {why}. Leave it out.")


def refuse_unread(settings: Asked, why: str, name: str) -> None:
    """Make sure that nothing is set about how a file is read where none is named.

    Raises:
        ConfigError: something is; it would do nothing.
    """
    if settings:
        from seqloom.settings import shown

        raise ConfigError(f"--set {shown(settings)}: of no effect, {why}. Name {name}, or leave it out.")


def refuse_device(device: str | None) -> None:
    """Raises a ConfigError where an exported model is to run elsewhere than on the processor."""
    if device not in (None, "auto", "cpu"):
        raise ConfigError(f"--device {device}: an exported model runs on the processor. Leave --device out.")


def refuse_exported(run: Path) -> None:
    """Raises a CheckpointError where the folder holds an exported model, and a run is needed."""
    from seqloom.manifest import looks_exported

    if looks_exported(run):
        raise CheckpointError(
            f"{run}: an exported model; this needs the run that it was made from. Give the folder that `seqloom train` wrote."
        )


def inspect(
    context: typer.Context,
    pairs: Annotated[list[str], typer.Argument(metavar="PAIRS", help="One file of pairs, or two parallel text files.")],
    dev: options.Dev = None,
    source: options.Source = None,
    target: options.Target = None,
    settings: options.Settings = None,
    parts: options.Parts = None,
    skip_bad: options.SkipBad = False,
    curve: Annotated[bool, typer.Option("--curve", help="Also train on growing parts of the pairs: would more of them help?")] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", show_default=False, help="With --curve: wall time for it. [default: 5m]")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Print what pairs look like and what is odd in them.

    Lengths, alphabets, duplicates, what dev shares with train, and rows that should be looked at, each with its place. With --curve:
    what is reached on dev with an eighth, a quarter, a half and all of the pairs, and whether more would help.
    """
    from seqloom.config import DataConfig, RunConfig
    from seqloom.data.pairs import read_rows, resolve
    from seqloom.numbers.array_plan import says_numbers
    from seqloom.planning.plan import reads_numbers
    from seqloom.planning.profile import describe, profile_rows
    from seqloom.settings import override, read_settings
    from seqloom.sound.sounds import hint_at_texts
    from seqloom.training.progress import Waiting

    refuse_many(pairs, "PAIRS", dev)
    refuse_many(dev, "--dev")
    if not curve:
        refuse_idle(context, ["budget"], "nothing is trained without --curve")
    asked = read_settings(settings or []) | ({"data.skip_bad": True} if skip_bad else {})
    columns = DataConfig.model_validate({"train": pairs, "source": column_names(source), "target": target})
    base = override(RunConfig(data=columns), asked)
    rows, held_out = read_rows(pairs, base.data), list(read_rows(dev, resolve(base.data))) if dev else None
    with Waiting().phase("reading the pairs"), hint_at_texts(base.data.sounds):
        of_arrays = {
            "is_numbers": reads_numbers(base, asked, None, None),
            "says_numbers": says_numbers(pairs, source=column_names(source) or None, target=target, settings=asked),
        }
        profile = profile_rows(rows, held_out, **of_arrays, sounds=base.data.sounds)
    learned = _curve(pairs, dev, source, target, asked, budget) if curve else None
    with open_output(None) as out:
        if as_json:
            more = {} if learned is None else {"curve": dataclasses.asdict(learned)}
            out.write(to_json(dataclasses.asdict(profile) | more) + "\n")
        else:
            out.write(describe(profile) + ("" if learned is None else _described(learned)))


def _curve(
    pairs: list[str], dev: list[str] | None, source: list[str] | None, target: str | None, settings: Asked, budget: str | None
) -> Curve:
    from seqloom.training.curve import DEFAULT_BUDGET, learning_curve

    choices = {"dev": dev or None, "source": column_names(source) or None, "target": target, "settings": settings}
    return learning_curve(pairs, budget=budget or DEFAULT_BUDGET, say=say, **choices)


def _described(curve: Curve) -> str:
    from seqloom.training.curve import as_lines

    return "\n" + "".join(f"{line}\n" for line in as_lines(curve))


def config(
    pairs: options.Pairs = None,
    dev: options.Dev = None,
    source: options.Source = None,
    target: options.Target = None,
    budget: options.Budget = None,
    config: options.Config = None,
    settings: options.Settings = None,
    parts: options.Parts = None,
    example: options.Example = None,
    seed: options.Seed = None,
    device: options.Device = None,
    start_from: options.From = None,
) -> None:
    """Print the config that train would choose, with reasons.

    It is YAML: `seqloom config PAIRS > run.yaml`, change what you like, `seqloom train --config run.yaml`. Every setting is explained
    in docs/config.md.
    """
    from seqloom.config_file import dump_config
    from seqloom.planning.plan import Plan
    from seqloom.settings import read_settings
    from seqloom.training.progress import Waiting

    asked = read_settings(settings or [])
    choosing = Choosing(pairs, dev, source, target, budget, config, asked, example, seed, device, start_from=start_from)
    choosing.check()
    watcher = Waiting()
    with watcher.phase("reading the pairs"):
        plan = choosing.number_plan() or choosing.plan(choosing.example_data())
    for warning in plan.warnings if isinstance(plan, Plan) else []:
        say(f"warning: {warning}")
    for note in plan.notes:
        say(f"note: {note}")
    if isinstance(plan, Plan) and plan.fitted:  # to how fast this machine is, which takes the encoded pairs and a moment of training
        from seqloom.training.runs import fitted

        plan = fitted(plan, watcher)
    with open_output(None) as out:
        out.write(dump_config(plan.config, plan.reasons))
