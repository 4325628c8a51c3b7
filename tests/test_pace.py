"""How large a network and how many passes fit the time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from seqloom.config import RunConfig
from seqloom.planning.autoconfig import warm_up
from seqloom.planning.pace import Work, fit_to_time
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import override, read_settings

WORK = Work(symbols=50_000, updates=80)


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 21,000 words be many, for which a wide network is chosen: fewer to make and to look at than the 100,000 that are."""
    monkeypatch.setattr("seqloom.planning.autoconfig.FEW_WORDS", 20_000)


@cache
def words(count: int) -> list[str]:
    draw = random.Random(3)
    return ["".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randrange(4, 12))) for _ in range(count)]


@cache
def plan_for(budget: str | None, *settings: str) -> Plan:
    """For 21,000 words and their reverses."""
    return make_plan([(word, word[::-1]) for word in words(21_000)], budget=budget, settings=read_settings(settings))


@cache
def plan_for_sentences(budget: str | None, *settings: str) -> Plan:
    """For 21,000 sentences of five words and their reverses."""
    made = words(105_000)
    sentences = [" ".join(made[place : place + 5]) for place in range(0, len(made), 5)]
    return make_plan([(sentence, sentence[::-1]) for sentence in sentences], budget=budget, settings=read_settings(settings))


class Machine:
    """Trains so many symbols a second at width 512, and twice as many at half the width."""

    def __init__(self, speed: float) -> None:
        self.speed, self.asked = speed, list[int]()

    def __call__(self, config: RunConfig) -> float:
        self.asked.append(config.model.encoder.width)
        return self.speed * 512 / config.model.encoder.width


@pytest.mark.parametrize(("speed", "width"), [(20_000, 512), (2_800, 384), (1_200, 256), (10, 128)])
def test_the_widest_network_that_gets_enough_of_its_passes_is_taken(speed: float, width: int) -> None:
    machine = Machine(speed)
    plan, lines = fit_to_time(plan_for("6m"), WORK, machine)
    model, training = plan.config.model, plan.config.training
    assert (model.encoder.width, model.decoder.width, model.embedding) == (width, width, width // 2)
    assert machine.asked == [each for each in (512, 384, 256, 128) if each >= width], "no network is tried in vain"
    assert training.optimizer.learning_rate == 0.002, "as wide ones"
    assert training.epochs == plan_for("6m").config.training.epochs, "the budget ends the run, not its passes"
    wide = "512 wide, three quarters of 25 passes would not fit the time on this machine (measured)"
    assert [line for line in lines if "width" in line] == ([f"model.encoder.width {width}: {wide}"] if width < 512 else [])


@pytest.mark.parametrize(("share", "of_words", "of_sentences"), [(0.8, 512, 512), (0.7, 384, 512), (0.45, 256, 384), (0.2, 128, 128)])
def test_a_wide_network_needs_more_passes_of_words_than_of_sentences(share: float, of_words: int, of_sentences: int) -> None:
    for plan, width in ((plan_for("6m"), of_words), (plan_for_sentences("6m"), of_sentences)):
        speed = share * plan.config.training.epochs * WORK.symbols / (0.85 * 360)
        assert fit_to_time(plan, WORK, Machine(speed))[0].config.model.encoder.width == width


def test_a_narrow_network_learns_sentences_at_twice_the_rate() -> None:
    for speed, rate in ((20_000, 0.001), (10, 0.002)):
        plan, lines = fit_to_time(plan_for_sentences("6m"), WORK, Machine(speed))
        assert plan.config.training.optimizer.learning_rate == rate
        wide = "model.encoder.width 128: 512 wide, half of 17 passes, or 3,000 updates, would not fit the time on this machine (measured)"
        assert (wide in lines) == (rate == 0.002)


def test_embeddings_that_begin_with_ready_vectors_stay_as_wide_as_these(tmp_path: Path) -> None:
    file = tmp_path / "x.vec"
    file.write_text("word 1 2 3\n", encoding="utf-8")
    plan, _ = fit_to_time(plan_for("6m", f"model.vectors.source={file}"), WORK, Machine(10))
    assert (plan.config.model.encoder.width, plan.config.model.embedding) == (128, 3)


def test_many_updates_are_enough_too() -> None:
    plan, lines = fit_to_time(plan_for_sentences("6m"), Work(symbols=1_000_000, updates=2_000), Machine(5_500))
    assert plan.config.model.encoder.width == 512
    assert [line.split()[0] for line in lines] == ["model.dropout", "training.schedule.warmup_steps"]
    plan, _ = fit_to_time(plan_for("6m"), Work(symbols=1_000_000, updates=2_000), Machine(5_500))
    assert plan.config.model.encoder.width == 256, "of words only up to this width"


@pytest.mark.parametrize(("best", "tried"), [(8, [4]), (4, [4, 2]), (2, [4, 2, 1]), (1, [4, 2, 1])])
def test_the_threads_are_halved_as_long_as_that_is_faster(best: int, tried: list[int]) -> None:
    asked = list[int | None]()

    def speed(config: RunConfig) -> float:
        asked.append(config.training.threads)
        threads = config.training.threads or 8
        return 1000 / max(threads / best, best / threads)

    plan, lines = fit_to_time(plan_for("6m", "model.encoder.width=512"), WORK, speed, threads=8)
    assert asked == [None, *tried]
    assert plan.config.training.threads == (best if best < 8 else None)
    line = f"training.threads {best}: faster than 8 here: threads wait for each other (measured)"
    assert [each for each in lines if "threads" in each] == ([line] if best < 8 else [])
    passes = 0.85 * 360 * 1000 / WORK.symbols
    assert f": {passes:.1f} of 25 passes fit" in " ".join(lines), "at the speed of these threads"


def test_threads_are_tried_with_the_network_that_was_asked_for() -> None:
    tried = list[tuple[int | None, int, int]]()

    def speed(config: RunConfig) -> float:
        model = config.model
        tried.append((config.training.threads, model.encoder.width, model.decoder.width))
        return 20_000.0

    fit_to_time(plan_for("6m", "model.encoder.width=100", "model.decoder.width=60"), WORK, speed, threads=2)
    assert tried == [(None, 100, 60), (1, 100, 60)]


@pytest.mark.parametrize(("gain", "threads", "how"), [(0.5, 1, "faster than"), (1.1, 1, "nearly as fast as"), (1.3, None, "")])
def test_more_threads_are_taken_where_they_are_worth_it_for_sounds_too(gain: float, threads: int | None, how: str) -> None:
    plan = plan_for("6m", "model.encoder.width=512")
    heard = replace(plan, fitted=frozenset(), profile=replace(plan.profile, sound=cast("Any", "heard")))
    for each in (plan, heard):
        found, lines = fit_to_time(each, WORK, lambda config: 20_000.0 if config.training.threads else gain * 20_000.0, threads=2)
        assert found.config.training.threads == threads
        line = f"training.threads 1: {how} 2 here: threads wait for each other (measured)"
        assert [said for said in lines if "threads" in said] == ([line] if how else [])
    asked = replace(heard, config=override(heard.config, {"training.threads": 2}))
    assert fit_to_time(asked, WORK, updates_a_second(1), threads=2) == (asked, [])


def heard(budget: str | None, *left: str) -> Plan:
    """A plan for sounds, of which only this is to be fitted."""
    plan = plan_for(budget)
    settings = ["training.batch.size=4000", "training.epochs=100", "model.encoder.width=256"]
    profile = replace(plan.profile, sound=cast("Any", "heard"))
    return replace(plan, config=override(plan.config, read_settings(settings)), fitted=frozenset(left), profile=profile)


OF_SOUND = ("training.epochs", "training.batch.size", "training.schedule.warmup_steps")


@pytest.mark.parametrize(("cost", "size"), [(0.0, 1000), (60.0, 1000), (120.0, 2000), (240.0, 4000)])
def test_of_sounds_batches_become_smaller_where_updates_are_few_and_come_quicker_for_it(cost: float, size: int) -> None:
    """An update takes what its frames take, and `cost` frames' time more for each pair of the longest sounds; or so."""

    def speed(config: RunConfig) -> float:
        frames = config.training.batch.size
        return 20_000 * frames / (frames + cost * 4000 / 120)

    plan, lines = fit_to_time(heard("1m", *OF_SOUND), Work(symbols=200_000, updates=50), speed)
    training = plan.config.training
    assert training.batch.size == size
    assert plan.config.model.encoder.width == 256, "narrower ones learn no more in the time"
    passes = 0.85 * 60 * speed(plan.config) / 200_000
    assert training.schedule.warmup_steps == max(20, int(0.03 * passes * 50 * 4000 / size)), "for the updates that there are"
    first = round(0.85 * 60 * speed(heard("1m").config) / 200_000 * 50)
    why = f"4,000 would leave {first:,} updates, too few to learn much, and these come quicker (measured)"
    assert (f"training.batch.size {size}: {why}" in lines) == (size < 4000)


def test_of_sounds_enough_updates_are_made_in_batches_as_large_as_was_chosen() -> None:
    plan, lines = fit_to_time(heard("10m", *OF_SOUND), Work(symbols=200_000, updates=50), lambda _: 80_000.0)
    assert (plan.config.training.batch.size, plan.config.training.schedule.warmup_steps) == (4000, 150)
    assert not [line for line in lines if "batch" in line]


def test_of_sounds_batches_stay_on_a_gpu_and_passes_are_those_that_fit() -> None:
    work = Work(symbols=200_000_000, updates=50_000)
    plan, _ = fit_to_time(heard(None, *OF_SOUND), work, lambda _: 1_000_000.0, on_gpu=True)
    assert (plan.config.training.batch.size, plan.config.training.epochs) == (4000, 10.2)


def test_threads_that_were_asked_for_stay() -> None:
    machine = Machine(20_000)
    plan, lines = fit_to_time(plan_for("6m", "training.threads=4"), WORK, machine, threads=8)
    assert (plan.config.training.threads, machine.asked) == (4, [512])
    assert not any("threads" in line for line in lines)


def test_without_a_budget_a_slow_machine_gets_fewer_passes() -> None:
    plan, lines = fit_to_time(plan_for(None, "model.encoder.width=512"), WORK, Machine(600))
    passes = round(0.85 * 2400 * 600 / WORK.symbols, 1)
    assert plan.config.training.epochs == passes
    assert lines[0] == f"training.epochs {passes}: about 40 minutes on this machine; --budget gives more or less"
    assert plan.config.training.schedule.warmup_steps == int(0.03 * 0.85 * 2400 * 600 / WORK.symbols * WORK.updates)


def test_of_very_many_pairs_a_small_part_of_a_pass_is_planned() -> None:
    plan, lines = fit_to_time(plan_for_sentences(None), Work(symbols=1_000_000_000, updates=500_000), Machine(4_000))
    assert plan.config.training.epochs == 0.0082
    assert lines[0].startswith("model.dropout 0.1: 0.0082 of 17 passes fit the time")
    assert lines[-2] == "training.epochs 0.0082: about 40 minutes on this machine; --budget gives more or less"


def test_what_the_user_has_set_stays() -> None:
    machine = Machine(10)
    chosen = plan_for("6m", "model.embedding=100", "training.optimizer.learning_rate=0.01", "model.dropout=0.3", "training.batch.size=2048")
    plan, lines = fit_to_time(chosen, WORK, machine)
    assert plan.config.model.encoder.width == 512
    assert machine.asked == [512]
    assert plan.config.training.optimizer.learning_rate == 0.01
    assert lines == ["training.schedule.warmup_steps 2: 3% of the run"], "nobody set that"
    plan, _ = fit_to_time(plan_for("6m", "training.epochs=500"), WORK, machine)
    assert plan.config.training.epochs == 500


@pytest.mark.parametrize(("speed", "dropout"), [(20_000, 0.4), (2_100, 0.4), (1_500, 0.15), (1_100, 0.11), (100, 0.1)])
def test_the_fewer_of_its_passes_a_network_gets_the_less_is_dropped(speed: float, dropout: float) -> None:
    plan, lines = fit_to_time(plan_for("6m", "model.encoder.width=512"), WORK, Machine(speed))
    assert plan.config.model.dropout == pytest.approx(dropout, abs=0.005)
    passes = 0.85 * 360 * speed / WORK.symbols
    why = f"{passes:.2g} of 25 passes fit the time: little is learned by heart (measured on dev)"
    assert (f"model.dropout {plan.config.model.dropout}: {why}" in lines) == (dropout < 0.4)


@pytest.mark.parametrize(("speed", "width", "dropout"), [(20_000, 512, 0.4), (2_800, 384, 0.3), (1_200, 256, 0.2), (600, 128, 0.1)])
def test_the_narrower_a_network_is_than_it_could_be_the_less_is_dropped(speed: float, width: int, dropout: float) -> None:
    plan, lines = fit_to_time(plan_for("6m"), WORK, Machine(speed))
    assert (plan.config.model.encoder.width, plan.config.model.dropout) == (width, dropout)
    why = f"model.dropout {dropout}: {width} wide in place of 512: little is learned by heart (measured on dev)"
    assert (why in lines) == (width < 512)


@pytest.mark.parametrize(("speed", "size"), [(300, 1024), (100, 512)])
def test_batches_of_long_pairs_hold_several_unless_hardly_an_update_is_left(speed: float, size: int) -> None:
    """Of 200 symbols each: eight have 1,600."""
    plan, _ = fit_to_time(plan_for_sentences("6m"), Work(symbols=4_200_000, updates=4_000), Machine(speed))
    assert plan.config.training.batch.size == size


@pytest.mark.parametrize(("speed", "size"), [(1_200, 1024), (300, 512), (100, 512)])
def test_where_few_updates_fit_batches_are_smaller(speed: float, size: int) -> None:
    plan, lines = fit_to_time(plan_for_sentences("6m"), WORK, Machine(speed))
    assert plan.config.training.batch.size == size
    passes = 0.85 * 360 * speed * 4 / WORK.symbols
    why = f"training.batch.size 512: 1,024 would leave {passes * WORK.updates:,.0f} updates, too few to learn much (measured on dev)"
    assert (why in lines) == (size == 512)
    if size == 512:
        assert plan.config.training.schedule.warmup_steps == max(int(0.03 * passes * 2 * WORK.updates), 20), "two updates for one"
    asked, _ = fit_to_time(plan_for_sentences("6m", "training.batch.size=768"), WORK, Machine(speed))
    assert asked.config.training.batch.size == 768


def updates_a_second(number: float) -> Callable[[RunConfig], float]:
    """A machine that takes as long for an update of any size and width, up to 4,096 symbols."""
    return lambda config: number * min(config.training.batch.size, 4096)


def test_where_narrower_is_no_faster_the_widest_stays() -> None:
    plan, lines = fit_to_time(plan_for_sentences("6m"), WORK, updates_a_second(1))
    assert plan.config.model.encoder.width == 512
    assert not any("model.encoder.width" in line for line in lines)


@pytest.mark.parametrize(("rate", "size"), [(3.2, 1024), (0.8, 2048), (0.4, 4096), (0.01, 4096)])
def test_on_a_gpu_batches_grow_while_passes_are_left_out_and_updates_take_no_longer(rate: float, size: int) -> None:
    plan, lines = fit_to_time(plan_for_sentences("6m"), WORK, updates_a_second(rate), on_gpu=True)
    training = plan.config.training
    assert (training.epochs, training.batch.size) == (17.0, size)
    passes = min(0.85 * 360 * rate * size / WORK.symbols, training.epochs)
    assert training.schedule.warmup_steps == warm_up(passes * (WORK.updates * 1024 // size))
    why = f"training.batch.size {size:,}: an update of so many takes hardly longer here than one of 1,024 (measured)"
    assert (why.replace(",", "", 1) in lines) == (size > 1024)


def test_batches_grow_no_further_than_the_memory_of_a_gpu() -> None:
    def speed(config: RunConfig) -> float:
        if config.training.batch.size > 2048:
            raise MemoryError("CUDA out of memory")
        return updates_a_second(0.01)(config)

    plan, _ = fit_to_time(plan_for_sentences("6m"), WORK, speed, on_gpu=True)
    assert plan.config.training.batch.size == 2048


def test_a_moment_in_which_the_narrowest_is_slow_does_not_make_the_widest_fast() -> None:
    speeds = {512: 10.0, 384: 10.0, 256: 20.0, 128: 9.0}
    plan, _ = fit_to_time(plan_for("6m"), WORK, lambda config: speeds[config.model.encoder.width])
    assert plan.config.model.encoder.width == 256


def test_a_size_that_was_asked_for_stays_on_a_gpu_too() -> None:
    plan, _ = fit_to_time(plan_for_sentences("6m", "training.batch.size=768"), WORK, updates_a_second(0.1), on_gpu=True)
    assert plan.config.training.batch.size == 768


def test_what_any_machine_can_do_is_not_measured() -> None:
    machine = Machine(10)
    plan = plan_for(None)
    assert fit_to_time(plan, Work(symbols=1000, updates=4), machine) == (plan, [])
    assert machine.asked == []


def test_the_warm_up_is_short_where_the_budget_ends_the_run_early() -> None:
    warmups = [
        fit_to_time(plan_for(budget, "training.batch.size=2048"), WORK, Machine(20_000))[0].config.training.schedule.warmup_steps
        for budget in ("5s", "30s", "30m")
    ]
    assert warmups[0] == 20
    assert warmups[0] < warmups[1] < warmups[2] == int(0.03 * 25 * WORK.updates)


@pytest.mark.parametrize(
    ("asked", "updates"),
    [
        ("training.max_steps=500", 500),
        ("training.max_steps=10", 10),
        ("training.epochs=2", 2 * WORK.updates),
        ("training.batch.size=256", None),
    ],
)
def test_the_warm_up_is_a_part_of_the_run_that_is_asked_for(asked: str, updates: int | None) -> None:
    config = fit_to_time(plan_for(None, asked), WORK, Machine(20_000))[0].config.training
    assert config.schedule.warmup_steps == warm_up(updates or config.epochs * WORK.updates)
    assert warm_up(10) == 5
    assert warm_up(1) == 1
    assert warm_up(10_000) == 300


def test_a_value_that_changed_is_said_though_its_reason_stayed() -> None:
    plan, lines = fit_to_time(plan_for("30s", "training.batch.size=2048"), WORK, Machine(20_000))
    key = "training.schedule.warmup_steps"
    before, after = plan_for("30s", "training.batch.size=2048").config.training.schedule, plan.config.training.schedule
    assert after.warmup_steps < before.warmup_steps
    assert f"{key} {after.warmup_steps}: 3% of the run" in lines


def test_where_no_time_is_left_the_narrowest_is_taken_untried() -> None:
    machine = Machine(20_000)
    plan, lines = fit_to_time(plan_for("6m"), WORK, machine, spent=400)
    assert (plan.config.model.encoder.width, machine.asked) == (128, [128])
    assert "model.encoder.width 128: 512 wide, three quarters of 25 passes would not fit the time on this machine" in lines

    def none_left(_: RunConfig) -> float:
        raise TimeoutError

    for spent in (0, 400):
        plan, _ = fit_to_time(plan_for("6m"), WORK, none_left, spent=spent, threads=2)
        assert (plan.config.model.encoder.width, plan.config.training.threads) == (128, None)


def test_where_the_time_for_trials_ends_the_narrowest_is_taken() -> None:
    asked = list[int]()

    def speed(config: RunConfig) -> float:
        if len(asked) == 2:
            raise TimeoutError
        asked.append(config.model.encoder.width)
        return 10.0

    plan, _ = fit_to_time(plan_for("6m"), WORK, speed)
    assert (asked, plan.config.model.encoder.width) == ([512, 384], 128)


def test_what_no_processor_could_do_is_not_tried_with_wide_networks_but_on_a_gpu() -> None:
    work = Work(symbols=1_000_000_000, updates=500_000)
    for on_gpu, asked in ((False, [128]), (True, [512, 384, 256, 128])):
        machine = Machine(4_000)
        plan, _ = fit_to_time(plan_for("6m", "training.batch.size=1024"), work, machine, spent=330, on_gpu=on_gpu)
        assert (plan.config.model.encoder.width, machine.asked) == (128, asked)


def test_threads_are_chosen_before_widths_so_that_those_that_wait_for_each_other_hide_no_difference() -> None:
    """Two threads beside other programs: all networks are equally slow; on one a narrow one is fast."""

    def speed(config: RunConfig) -> float:
        return 400.0 if config.training.threads is None else Machine(600)(config)

    plan, _ = fit_to_time(plan_for("6m"), WORK, speed, threads=2)
    assert (plan.config.training.threads, plan.config.model.encoder.width) == (1, 128)


def test_a_narrower_network_may_want_fewer_threads_than_the_widest() -> None:
    def speed(config: RunConfig) -> float:
        width, threads = config.model.encoder.width, config.training.threads or 2
        return 400 * 512 / width * (threads if width == 512 else 1)

    plan, lines = fit_to_time(plan_for("6m"), WORK, speed, threads=2)
    assert (plan.config.training.threads, plan.config.model.encoder.width) == (1, 128)
    assert "training.threads 1: nearly as fast as 2 here: threads wait for each other (measured)" in lines
