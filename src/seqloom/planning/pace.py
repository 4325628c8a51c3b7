"""How large a network and how many passes fit the time, from how fast networks train on this machine: the last of the choices.

`docs/autoconfig.md` says the rule in plain words, and what was measured.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from seqloom.config import RunConfig
from seqloom.planning.autoconfig import (
    BATCH,
    DROPOUT,
    ENOUGH_UPDATES,
    NARROW,
    RATE,
    SMALLEST_BATCH,
    WARM_UP,
    Settings,
    has_sentences,
    smallest_batch,
    warm_up,
)
from seqloom.planning.plan import Plan
from seqloom.settings import Asked, only, override, setting

__all__ = ["LEARNING", "Work", "fit_to_time"]

WIDTHS = (512, 384, 256, 128)
"""Of the networks that are tried, the widest first."""
ENOUGH_PASSES = 0.5
"""A network is narrow enough if it gets this share of the passes wanted, or enough updates."""
ENOUGH_OF_WORDS = 0.75
"""The share of the passes for one wider than `NARROW` where no side is a sentence; updates, of which there are many, do not count then."""
MORE_THREADS = 1.2
"""How many times as fast twice the threads have to be: beside other programs, which may begin later, they wait for each other."""
FASTER = 1.15
"""How many times as fast a narrower network has to be: on a GPU the time goes into starting the work, and all are alike."""
FEWEST_UPDATES = 200
"""With fewer updates next to nothing is learned, of however many pairs each."""
LARGER, MOST_TIMES = 1.6, 16
"""How many times as many symbols a second make a batch twice as large worth it; how many times as large it may become."""
QUICKER = 1.3
"""How many times as many updates a second make a batch half as large worth it."""
LEAST_DROPOUT = 0.1
"""A narrow network, or one that sees its pairs seldom, hardly learns them by heart; this much is left."""
LONGEST_MINUTES = 40.0
"""Without a budget a run is planned to take about this long at the most."""
LEARNING = 0.85
"""Share of the time that is left for updates; the rest goes into looks at the dev set."""
SLOWEST = 500.0
"""Source and target symbols a second that any machine trains on: what fits at this speed needs no measuring."""

FASTEST = 50_000.0
"""The same that a thread of no processor trains on: what would not fit at this speed needs no measuring either."""

Speed = Callable[[RunConfig], float]
"""Source and target symbols a second that a network of this config trains on here; MemoryError where its batches do not fit, TimeoutError
where no time is left to measure it.
"""


@dataclass(frozen=True)
class Work:
    """One pass over the training pairs."""

    symbols: int
    """Source and target symbols."""
    updates: int


def fit_to_time(
    plan: Plan, work: Work, speed: Speed, spent: float = 0.0, threads: int = 1, *, on_gpu: bool = False
) -> tuple[Plan, list[str]]:
    """The plan with what fits the time, and a line for each choice that changed.

    What the user has set stays. `speed` is asked as seldom as can be: it trains for a moment.

    Args:
        spent: seconds of a budget that are gone already; each member has its share of the rest.
        threads: on which a network is trained where no setting says it.
        on_gpu: whether it is trained where larger batches may take no longer.
    """
    if plan.profile.sound and on_gpu:  # where an update of a fourth of the frames takes as long
        plan = replace(plan, fitted=plan.fitted - {BATCH})
    training = plan.config.training
    whole = training.budget_seconds
    seconds = LEARNING * (LONGEST_MINUTES * 60 if whole is None else max(whole - spent, 0.0) / training.members)
    wanted = training.epochs
    settings, updates = Settings(), work.updates
    if "training.epochs" not in plan.fitted or seconds * SLOWEST > wanted * work.symbols:
        if plan.profile.sound and threads > 1 and training.threads is None:
            _choose_threads(settings, plan.config, speed, _measured(speed, plan.config), threads)
        if training.max_steps is not None or not {"training.epochs", BATCH} <= plan.fitted:  # the choice knew of none of these
            _warm_up(settings, plan, wanted * updates)
        return _with(plan, settings) if settings.values else (plan, [])
    hopeless = not on_gpu and _is_hopeless(plan, work, seconds * FASTEST * threads)
    width, rate, config = _with_threads(settings, plan, work, speed, seconds, threads, hopeless=hopeless)
    times, rate = _larger_batches(settings, plan, config, speed, rate, seconds / work.symbols) if on_gpu else (1, rate)
    passes = seconds * rate / work.symbols
    _drop_less(settings, plan, width, passes)
    if plan.profile.sound:
        parts, rate = _quicker_batches(settings, plan, work, speed, rate, seconds)
        updates, passes = updates * parts, seconds * rate / work.symbols
    elif times == 1 and passes < ENOUGH_PASSES * wanted:
        updates *= _smaller_batches(settings, plan, passes * updates, smallest_batch(work.symbols / plan.profile.pairs))
    updates = max(updates // times, 1)
    if training.budget_seconds is None and passes < wanted:
        settings.set(
            "training.epochs", _rounded(passes), f"about {LONGEST_MINUTES:.0f} minutes on this machine; --budget gives more or less"
        )
    _warm_up(settings, plan, min(passes, wanted) * updates)
    return _with(plan, settings)


def _warm_up(settings: Settings, plan: Plan, updates: float) -> None:
    if "training.schedule.warmup_steps" in plan.fitted:
        updates = min(updates, plan.config.training.max_steps or math.inf)
        settings.set("training.schedule.warmup_steps", warm_up(updates), f"{WARM_UP:.0%} of the run")


def _with_threads(
    settings: Settings, plan: Plan, work: Work, speed: Speed, seconds: float, threads: int, *, hopeless: bool
) -> tuple[int, float, RunConfig]:
    """The width, its symbols a second and its config, on the threads that it wants. These are chosen first: beside other programs threads
    that wait for each other make all widths alike. A narrower one may want fewer still.
    """
    widest = WIDTHS[-1] if hopeless else plan.config.model.encoder.width
    config = _at_width(widest, plan.config)
    rate, wants = _measured(speed, config), threads if plan.config.training.threads is None else 1
    if wants > 1:
        wants, rate = _choose_threads(settings, config, speed, rate, threads)
        config = override(config, settings.values)
    width, rate = _narrow(settings, replace(plan, config=override(plan.config, settings.values)), work, speed, seconds, widest, rate)
    config = _at_width(width, config)
    if width < widest and wants > 1:
        _, rate = _choose_threads(settings, config, speed, rate, wants)
        config = override(config, only(settings.values, "training.threads"))
    return width, rate, config


def _measured(speed: Speed, config: RunConfig) -> float:
    """Symbols a second of this config; the fewest of any machine where no time is left to measure it."""
    try:
        return speed(config)
    except TimeoutError:
        return SLOWEST


def _is_hopeless(plan: Plan, work: Work, symbols: float) -> bool:
    """Whether none but the narrowest network is worth a trial where no more than so many symbols can be learned from."""
    if "model.encoder.width" not in plan.fitted or plan.config.model.encoder.width <= WIDTHS[-1]:
        return False
    passes = symbols / work.symbols
    return not _learns_enough(plan, WIDTHS[-1], passes, passes * work.updates)


def _narrow(settings: Settings, plan: Plan, work: Work, speed: Speed, seconds: float, width: int, rate: float) -> tuple[int, float]:
    """The widest network that learns enough in the time, or the widest of those that are as fast as any, at the learning rate that it
    wants: a narrow one of sentences twice that of a wide one; of words, whose batches are smaller, the same. Gives its width and
    its symbols a second. Where no time is left to try more, the narrowest is taken.

    Args:
        width, rate: of the widest that is considered.
    """
    chosen, training = plan.config.model.encoder.width, plan.config.training
    if "model.encoder.width" not in plan.fitted:
        return width, rate
    tried = [(width, rate)]
    try:
        for narrower in (candidate for candidate in WIDTHS if candidate < width):
            passes = seconds * rate / work.symbols
            if _learns_enough(plan, tried[-1][0], passes, passes * work.updates):
                break
            rate = speed(_at_width(narrower, plan.config))
            tried.append((narrower, rate))
        fastest = max(each for _, each in tried)
        width, rate = next(each for each in tried if each[1] * FASTER >= fastest)
    except TimeoutError:
        width = WIDTHS[-1]
    if width < chosen:
        wanted = f"of {training.epochs:,.0f} passes"
        few = f"three quarters {wanted}" if _is_wide_for_words(plan, chosen) else f"half {wanted}, or {ENOUGH_UPDATES:,} updates,"
        settings.values |= _of_width(width, plan.config)
        how = " (measured)" if tried[0][0] == chosen and tried[0][1] != SLOWEST else ""
        settings.reasons["model.encoder.width"] = f"{chosen} wide, {few} would not fit the time on this machine{how}"
        if RATE in plan.fitted and width <= NARROW < chosen and has_sentences(plan.config.fields):
            settings.set(RATE, 2 * training.optimizer.learning_rate, f"{width} wide: the narrower, the higher (measured on dev)")
    return width, rate


def _learns_enough(plan: Plan, width: int, passes: float, updates: float) -> bool:
    """Whether a network of this width does in so many passes and updates."""
    share = passes / plan.config.training.epochs
    if _is_wide_for_words(plan, width):
        return share >= ENOUGH_OF_WORDS
    return share >= ENOUGH_PASSES or updates >= ENOUGH_UPDATES


def _is_wide_for_words(plan: Plan, width: int) -> bool:
    return width > NARROW and not has_sentences(plan.config.fields)


def _drop_less(settings: Settings, plan: Plan, width: int, passes: float) -> None:
    """Less dropout, the narrower the network is than the one chosen and the fewer of the passes wanted there are, where those are few."""
    model, wanted = plan.config.model, plan.config.training.epochs
    share, whys = width / model.encoder.width, list[str]()
    if share < 1:
        whys.append(f"{width} wide in place of {model.encoder.width}")
    if passes < ENOUGH_PASSES * wanted:
        share *= passes / wanted
        whys.append(f"{_rounded(passes)} of {wanted:,.0f} passes fit the time")
    less = round(max(model.dropout * share, LEAST_DROPOUT), 2)
    if DROPOUT in plan.fitted and less < model.dropout:
        settings.set(DROPOUT, less, f"{', '.join(whys)}: little is learned by heart (measured on dev)")


def _rounded(passes: float) -> float:
    """To a tenth; a part of a pass, which may be a small one of very many pairs, to two digits."""
    return round(passes, 1) if passes >= 1 else float(f"{passes:.2g}")


def _larger_batches(
    settings: Settings, plan: Plan, config: RunConfig, speed: Speed, rate: float, passes_a_symbol: float
) -> tuple[int, float]:
    """Batches twice as large and so on, while an update hardly takes longer for it and no more passes are made than are wanted: as many
    updates, of more pairs each. Gives how many times as large they are, and the symbols a second.

    Args:
        passes_a_symbol: how many passes one symbol a second comes to.
    """
    training, times = config.training, 1
    while BATCH in plan.fitted and times < MOST_TIMES and 2 * rate * passes_a_symbol <= training.epochs:
        try:
            more = speed(override(config, {BATCH: 2 * times * training.batch.size}))
        except (MemoryError, TimeoutError):
            break
        if more < LARGER * rate:
            break
        times, rate = 2 * times, more
    if times > 1:
        size = times * training.batch.size
        settings.set(BATCH, size, f"an update of so many takes hardly longer here than one of {training.batch.size:,} (measured)")
    return times, rate


def _smaller_batches(settings: Settings, plan: Plan, updates: float, least: int) -> int:
    """Smaller batches where a run would end after few updates, no smaller than `least` but where hardly any are made; gives how many
    there are for one of before.
    """
    chosen, parts = plan.config.training.batch.size, 1
    while updates * parts < ENOUGH_UPDATES and chosen // (2 * parts) >= (least if updates * parts >= FEWEST_UPDATES else SMALLEST_BATCH):
        parts *= 2
    if BATCH not in plan.fitted or parts == 1:
        return 1
    why = f"{chosen:,} would leave {updates:,.0f} updates, too few to learn much (measured on dev)"
    settings.set(BATCH, chosen // parts, why)
    return parts


def _quicker_batches(settings: Settings, plan: Plan, work: Work, speed: Speed, rate: float, seconds: float) -> tuple[int, float]:
    """Batches half as large and so on, where a run would end after few updates and these come quicker: those of long sounds hardly do.
    Gives how many of them there are for one of before, and the symbols a second.
    """
    training, parts = plan.config.training, 1
    updates = first = min(seconds * rate / work.symbols, training.epochs) * work.updates
    while BATCH in plan.fitted and updates < ENOUGH_UPDATES and (size := training.batch.size // (2 * parts)) >= SMALLEST_BATCH:
        try:
            slower = speed(override(plan.config, {**settings.values, BATCH: size}))
        except TimeoutError:
            break
        if 2 * slower < QUICKER * rate:
            break
        parts, rate = 2 * parts, slower
        updates = min(seconds * rate / work.symbols, training.epochs) * work.updates * parts
    if parts > 1:
        why = f"{training.batch.size:,} would leave {first:,.0f} updates, too few to learn much, and these come quicker (measured)"
        settings.set(BATCH, training.batch.size // parts, why)
    return parts, rate


def _choose_threads(settings: Settings, config: RunConfig, speed: Speed, rate: float, threads: int) -> tuple[int, float]:
    """Half of the threads, and half of those, as long as more are not worth it against `rate`, that of all, or no time is left to try;
    gives how many, and the rate of the last.
    """
    fewest, of_all = threads, rate
    with contextlib.suppress(TimeoutError):
        while fewest > 1 and MORE_THREADS * (fewer := speed(override(config, {"training.threads": fewest // 2}))) > rate:
            fewest, rate = fewest // 2, fewer
    if fewest < threads:
        how = "faster than" if rate > of_all else "nearly as fast as"
        settings.set("training.threads", fewest, f"{how} {threads} here: threads wait for each other (measured)")
    return fewest, rate


def _at_width(width: int, config: RunConfig) -> RunConfig:
    return config if width == config.model.encoder.width else override(config, _of_width(width, config))


def _of_width(width: int, config: RunConfig) -> Asked:
    """The settings that make a network so wide; embeddings that begin with ready vectors stay as wide as these."""
    embedding = {} if config.model.vectors.files else {"model.embedding": width // 2}
    return {"model.encoder.width": width, "model.decoder.width": width, **embedding}


def _with(plan: Plan, settings: Settings) -> tuple[Plan, list[str]]:
    """The plan with these settings, and what is new in words."""
    config, reasons = override(plan.config, settings.values), settings.reasons
    new = [key for key, why in reasons.items() if plan.reasons.get(key) != why or setting(plan.config, key) != setting(config, key)]
    lines = [f"{key} {setting(config, key)}: {reasons[key]}" for key in new]
    return replace(plan, config=config, reasons=plan.reasons | reasons, fitted=frozenset()), lines
