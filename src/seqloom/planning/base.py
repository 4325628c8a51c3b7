"""A trained run that another begins with: what it brings to a plan, and what does not go with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.config import DataConfig, RunConfig
from seqloom.config_file import load_config
from seqloom.data.pairs import names_columns
from seqloom.errors import CheckpointError, ConfigError
from seqloom.fields.task import Fields
from seqloom.planning.autoconfig import RATE, Choice
from seqloom.planning.profile import Profile
from seqloom.settings import leaves, override, setting

__all__ = ["Base", "read_base", "refuse_base"]

SLOWER = 0.5
"""Of the learning rate that the run was trained with: what it knows is to be kept."""
FREE = ("model.dropout", "model.head.label_smoothing", "model.encoder.variational", "model.decoder.variational", "model.vectors.frozen")
"""Settings of a network that may change: its weights stay what they are."""


@dataclass(frozen=True)
class Base:
    """The run that `--from` names."""

    path: Path
    config: RunConfig
    fields: Fields

    @property
    def columns(self) -> list[str]:
        """The names of its source columns, then that of its target; none where it was not trained on columns with names."""
        names = [*self.config.data.source, self.config.data.target]
        return [name for name in names if isinstance(name, str)] if all(isinstance(name, str) for name in names) else []

    def reading(self, data: DataConfig) -> DataConfig:
        """How files are read, with the columns of the run where they have them and nobody says which."""
        if data.source or data.target is not None or not (data.train and self.columns and names_columns(data.train, self.columns)):
            return data
        *source, target = self.columns
        return data.model_copy(update={"source": source, "target": target})

    def check(self, profile: Profile) -> None:
        """Make sure that pairs of this profile can be read as those that the run was trained on.

        Raises:
            ConfigError: they are of another kind, or have another number of source columns.
        """
        own, fields = "texts", self.config.fields
        if not fields.texts:
            own = "sounds" if fields.sound else "arrays of numbers"
        found = "sounds" if profile.sound else "arrays of numbers" if profile.array else "texts"
        if own != found:
            raise ConfigError(f"--from {self.path}: its model reads {own}; these pairs have {found}. Give pairs of the same kind.")
        if len(profile.source) != len(fields.texts):
            found = f"{len(fields.texts)} of the source; these pairs have {len(profile.source)}"
            raise ConfigError(f"--from {self.path}: columns that its model reads: {found}. Name as many with --source.")

    def begin(self, choice: Choice) -> Choice:
        """The choice with the symbols and the network of the run, at a lower learning rate than the run's; at the run's own where that had
        begun with another run, and was lower already.
        """
        optimizer = self.config.training.optimizer
        training = choice.config.training.model_copy(update={"optimizer": optimizer})
        search = choice.config.search.model_copy(update={"ctc_weight": self.config.search.ctc_weight})  # the head is there, or not
        kept = {"fields": self.config.fields, "model": self.config.model, "training": training, "search": search}
        config = choice.config.model_copy(update=kept)
        share, of = (1.0, "") if self.config.training.start_from is not None else (SLOWER, "half of ")
        config = override(config, {RATE: optimizer.learning_rate * share})
        left = {key: why for key, why in choice.reasons.items() if not key.startswith(("fields.", "model.", "search.ctc_weight"))}
        return Choice(config, left | {RATE: f"{of}what {self.path} was trained with, whose network is kept"})

    def refuse_others(self, config: RunConfig) -> None:
        """Make sure that the config describes the symbols and the network of the run.

        Raises:
            ConfigError: a setting differs that cannot.
        """
        own = [*leaves(self.config.fields, "fields"), *leaves(self.config.model, "model")]
        names = {key for key, _ in own}
        other = [*leaves(config.fields, "fields"), *leaves(config.model, "model")]
        for key, value in (*own, *((key, None) for key, _ in other if key not in names)):
            if key not in FREE and (found := _at(config, key)) != value:
                why = f"{key}: {found}; {self.path} has {value}, and --from keeps its symbols and its network"
                raise ConfigError(f"{why}. Leave it out; of a --config, begin with that of `seqloom config PAIRS --from {self.path}`.")


def read_base(path: str | Path) -> Base:
    """The run in that folder.

    Raises:
        CheckpointError: it is none, or an ensemble.
        ConfigError: it is one whose targets are numbers.
    """
    path = Path(path).expanduser()
    if (path / "manifest.json").is_file():
        raise CheckpointError(
            f"--from {path}: an exported model, whose weights can no longer be trained. Give the run that it was made from."
        )
    if not (path / "run.json").is_file():
        raise CheckpointError(f"--from {path}: no run. Give a folder that `seqloom train` wrote.")
    config = load_config(path / "config.yaml")
    if config.model.head.kind != "tokens":
        raise ConfigError(f"--from {path}: its targets are numbers; expected a model of texts or tokens. Train without --from.")
    if config.training.members > 1:
        raise CheckpointError(f"--from {path}: {config.training.members} networks; expected one. Give one of them, as {path}/members/1.")
    if not (path / "model.safetensors").is_file():
        raise CheckpointError(f"--from {path}: no weights, model.safetensors is missing. Go on with it by `seqloom resume {path}` first.")
    return Base(path, config, Fields.load(path / "fields.json"))


def refuse_base(config: RunConfig) -> None:
    """Make sure that no run to begin with was asked for.

    Raises:
        ConfigError: there was, where targets are numbers.
    """
    if config.training.start_from is not None:
        raise ConfigError(f"--from {config.training.start_from}: the targets are numbers; expected texts or tokens. Leave it out.")


def _at(config: RunConfig, key: str) -> Any:
    """The setting under that name as JSON has it, None where the config has no such group."""
    try:
        value = setting(config, key)
    except (AttributeError, IndexError):
        return None
    return list(value) if isinstance(value, tuple) else value
