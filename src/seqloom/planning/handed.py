"""What was handed over in Python, in memory or as paths, as planning reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from seqloom.config import RunConfig
from seqloom.data.memory import Columns, Given, Held, Targets, hold, kept_columns, paths_of
from seqloom.data.pairs import names_columns, resolve
from seqloom.errors import count_of
from seqloom.numbers.array_plan import plan_pairs, says_numbers
from seqloom.numbers.plan import NumberPlan
from seqloom.planning.asked import as_settings, base_config, given_config
from seqloom.planning.base import read_base
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import Asked, override, together
from seqloom.sound.samples import sound_as_file, with_sounds

__all__ = ["Handed", "handed_over"]

COLUMNS = ("data.source", "data.target")
Planned = TypeVar("Planned", Plan, NumberPlan)


@dataclass(frozen=True)
class Handed:
    """Pairs, dev pairs and what is asked of a training on them."""

    held: Held
    dev: Any
    config: Any
    settings: Asked
    is_told: bool
    """Whether how the table stands in memory says which columns are which, and nobody asked for others."""

    def plan(self, budget: str | float | timedelta | None, seed: int | None) -> Plan | NumberPlan:
        """The plan of texts or sounds, or that of numbers where the targets are.

        Raises:
            ConfigError, DataError: what has to be mended in them.
        """
        data = (self.held.data, self.held.targets)
        named: dict[str, Any] = {"dev": self.dev, "config": self.config, "settings": self.settings}
        if says_numbers(*data, **named):
            return self._with_names(plan_pairs(*data, budget=budget, seed=seed, **named))
        return self._with_names(make_plan(*data, budget=budget, seed=seed, **named))

    def warnings(self, config: RunConfig) -> list[str]:
        """What of the pairs is to be warned of before they are learned."""
        gaps = self.held.gaps
        if not gaps or config.data.skip_bad:
            return []
        rows = f"{count_of(len(gaps), 'row')} {'has' if len(gaps) == 1 else 'have'} no target, the first pairs:{gaps[0]}"
        return [f"warning: {rows}; an empty text is learned there. Leave them out with data.skip_bad=true."]

    def _with_names(self, plan: Planned) -> Planned:
        """The plan, and the columns that were told, to be found again by name."""
        if not self.is_told:
            return plan
        data = plan.config.data.model_copy(update={"source": self.held.source, "target": self.held.target})
        config = plan.config.model_copy(update={"data": data})
        told = dict.fromkeys(COLUMNS, "told by how the columns stand, or by their names")
        return replace(plan, config=config, reasons=plan.reasons | told)


def handed_over(
    data: Given | None,
    targets: Targets | None,
    dev: Given | None,
    config: str | Path | RunConfig | Mapping[str, Any] | None,
    settings: Asked,
) -> Handed:
    """What is trained on, and the settings with the names of columns that were found.

    Raises:
        ConfigError, DataError: a config, setting or table that cannot be read.
    """
    given = given_config(config)
    columns, start = _columns(settings, given), base_config(None, None, given, settings).training.start_from
    usual = [] if start is None else read_base(start).columns
    held = _with_files(hold(data, targets, *columns, usual))
    names = as_settings(held.source or None, held.target)
    is_told = bool(names) and not any(columns)
    reading = base_config(held.data if held.targets is None else [], None, given, together(settings, names)).data
    held_out = None if dev is None else _held_out(_with_files(hold(dev, None, *kept_columns(resolve(reading)))))
    if not is_told or _names(held_out, held):
        settings = together(settings, names)
    return Handed(held, held_out, given if isinstance(config, Mapping) else config, settings, is_told)


def _columns(settings: Asked, config: RunConfig | None) -> Columns:
    """The columns that are asked for: by settings, or else by a config."""
    asked = override(RunConfig(), {name: value for name, value in settings.items() if name in COLUMNS}).data
    kept = kept_columns(config.data) if config else ((), None)
    return asked.source or kept[0], kept[1] if asked.target is None else asked.target


def _names(dev: Any, held: Held) -> bool:
    """Whether the dev pairs are in a file that names the columns of a table in memory; one without names is read in order."""
    paths = None if dev is None else paths_of(dev)
    return paths is not None and names_columns(paths, [*held.source, *([] if held.target is None else [held.target])])


def _with_files(held: Held) -> Held:
    """The same with a file for each sound that is held in memory."""
    return replace(held, data=with_sounds(held.data, held.targets, sound_as_file))


def _held_out(dev: Held) -> Any:
    """Dev rows as planning reads them: paths, or sources and targets."""
    data, targets = dev.data, dev.targets
    if targets is not None:
        return data, targets
    if data is None or paths_of(data) or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in data):
        return data
    return [source for source, _ in data], [target for _, target in data]
