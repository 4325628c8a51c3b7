"""The arithmetic of `benchmarks/speed.py`, without any peer: turns, ratios, bars, the limit, the tables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import growth
import pytest
import reaching
import speed
import translating
from peers.peer import Place, Translator
from peers.shapes import SHAPES, Shape, Texts, Work, operations_a_token, work_of
from peers.turns import Turns
from race import Turn, spread

HERE = {"commit": "abc1234", "machine": "a machine", "date": "a day"}


def turn(tokens: int, processor: float, seconds: float = 10.0) -> Turn:
    return Turn(seconds=seconds, processor=processor, tokens=tokens, steps=2, peak_mb=100.0)


def raced(ours: list[Turn], theirs: list[Turn], shape: str = "C") -> dict[str, Any]:
    rounds = {"seqloom": ours, "eole": theirs}
    sides = {name: speed.side(name, turns, [(3.0, 2.0)], limit=1000.0) for name, turns in rounds.items()}
    return speed.training_rows({"shape": shape, "threads": 1, "limit": 1000.0}, sides, rounds)[f"{shape} eole 1"]


# ------------------------------------------------------------------------------------------------------------- training


def test_a_ratio_is_taken_within_a_round_and_its_median_over_the_rounds() -> None:
    row = raced([turn(600, 1.0), turn(300, 1.0), turn(900, 1.0)], [turn(200, 1.0), turn(100, 1.0), turn(450, 1.0)])
    assert row["ratio"] == {"median": 3.0, "least": 2.0, "most": 3.0, "all": [3.0, 3.0, 2.0]}


def test_speed_is_by_processor_time_and_wall_time_stands_beside_it() -> None:
    row = raced([turn(400, processor=1.0, seconds=8.0)], [turn(400, processor=4.0, seconds=4.0)])
    assert row["ratio"]["median"] == 4.0
    assert row["wall"]["median"] == 0.5
    assert row["ours"]["of_limit"] == 0.4


@pytest.mark.parametrize(("shape", "times", "reached"), [("A", 4.9, False), ("A", 5.0, True), ("C", 2.5, True), ("C", 2.4, False)])
def test_a_bar_is_reached_by_the_median(shape: str, times: float, reached: bool) -> None:
    assert raced([turn(round(1000 * times), 1.0)], [turn(1000, 1.0)], shape)["reached"] is reached


def test_the_table_of_training_prints_a_missed_bar_as_missed() -> None:
    line = speed.training_table({"C eole 1": raced([turn(1500, 1.0)], [turn(1000, 1.0)]) | HERE}).splitlines()[2]
    assert (
        line
        == "| C | 1 | eole | 1,500 | 1,000 | 1.50 | 1.50 to 1.50 | 1.50 | 2.5 | **no** | 100 / 100 | 2.0 / 2.0 | 150% / 100% | abc1234 |"
    )


def test_tables_of_one_file_take_only_their_own_rows() -> None:
    rows = {"C eole 1": raced([turn(3000, 1.0)], [turn(1000, 1.0)]) | HERE}
    assert len(speed.training_table(rows).splitlines()) == 3
    assert len(translating.translating_table(rows).splitlines()) == 2


def test_the_middle_stands_with_both_ends() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0, "all": [3.0, 1.0, 2.0]}


# ----------------------------------------------------------------------------------------------------------- operations


def test_an_lstm_needs_a_product_and_a_sum_a_weight_three_times() -> None:
    shape = Shape("A", "tiny", "none", embedding=3, width=4, pairs=1, min_count=1, dropout=0.0, learning_rate=1.0)
    # source 2: each direction 4 gates x 2 x (3 + 2), keys 4 x 4; target 1: 4 gates x 4 x (3 + 4), attention 2 x 2 x 4, joining 2 x 4 x 4,
    # projection 4 x 7
    forward = 2 * (2 * 4 * 2 * 5 + 16) + (4 * 4 * 7 + 16 + 32 + 28)
    assert operations_a_token(shape, Work([(2, 1)], vocabulary=7)) == 3 * 2 * forward


def test_a_transformer_needs_its_maps_its_blocks_and_what_positions_do_with_each_other() -> None:
    sizes = {"embedding": 2, "width": 2, "pairs": 1, "min_count": 1, "dropout": 0.0, "learning_rate": 1.0}
    shape = Shape("C", "tiny", "none", **sizes, layers=2, heads=1, feed_forward=5)  # type: ignore[arg-type]
    encoder = 3 * (4 * 4 + 2 * 2 * 5) + 2 * 3 * 3 * 2
    decoder = 1 * (4 * 4 + 2 * 2 * 5) + 2 * 1 * 2 + (1 * 2 * 4 + 3 * 2 * 4 + 2 * 1 * 3 * 2)
    assert operations_a_token(shape, Work([(3, 1)], vocabulary=7)) == 3 * 2 * (2 * (encoder + decoder) + 1 * 2 * 7)


def test_lengths_have_their_end_and_rare_symbols_no_weights(tmp_path: Path) -> None:
    (tmp_path / "train.source").write_text("a b\nc\n", encoding="utf-8")
    (tmp_path / "train.target").write_text("x x\ny\n", encoding="utf-8")
    assert work_of(SHAPES["A"], Texts(tmp_path)) == Work([(3, 3), (2, 2)], vocabulary=1 + 4)


# --------------------------------------------------------------------------------------------------------------- turns


def test_a_turn_ends_with_an_update_and_counts_anew() -> None:
    (told, tell), (ask, asks) = os.pipe(), os.pipe()
    turns = Turns(ask, tell)
    with os.fdopen(asks, "w") as asked, os.fdopen(told) as said:
        print(0.0, file=asked, flush=True)  # after the first update: a turn that is over at once
        turns.tokens = 7
        turns.updated()
        first = json.loads(said.readline())
        print(1000.0, file=asked, flush=True)
        turns.tokens = 5
        turns.updated()
        second = json.loads(said.readline())
        turns.updated()  # within a long turn nothing is said
    turns.ask.close()
    turns.tell.close()
    assert (first["tokens"], first["steps"]) == (7, 1)
    assert (second["tokens"], second["steps"]) == (5, 1)
    assert (turns.tokens, turns.steps) == (0, 1)


# ------------------------------------------------------------------------------------------------------------- decoding


def translated(theirs: list[tuple[float, float]]) -> dict[str, Any]:
    place = Place(SHAPES["A"], Texts(Path()), Path(), Path(), threads=1)
    task = translating.Translating(length=12, sentences=1000, rounds=len(theirs))
    seconds = {"seqloom": [(6.0, 2.0)] * len(theirs), "eole": theirs}
    names, batches = {"seqloom": "seqloom", "eole": "Eole"}, {"seqloom": 0, "eole": 64}
    return {key: row | HERE for key, row in translating.rows_of(place, names, seconds, batches, 5, task).items()}


def test_start_up_is_taken_off_decoding_and_whole_commands_stand_beside_it() -> None:
    row = translated([(20.0, 4.0), (18.0, 4.0), (12.0, 4.0)])["translate A 5 eole 1"]
    assert row["ratio_net"] == {"median": 3.5, "least": 2.0, "most": 4.0, "all": [4.0, 3.5, 2.0]}
    assert row["command"]["median"] == 3.0
    assert row["reached"]


def test_the_table_of_decoding_judges_peers_alone() -> None:
    lines = translating.translating_table(translated([(10.0, 4.0)])).splitlines()[2:]
    assert lines == [
        "| A | 5 | 1 | seqloom | its own | 250 | 4.0 | 1.00 | 1.00 to 1.00 | 1.00 |  |  | abc1234 |",
        "| A | 5 | 1 | Eole | 64 | 167 | 6.0 | 1.50 | 1.50 to 1.50 | 1.67 | 3 | **no** | abc1234 |",
    ]


def test_only_programs_that_take_a_length_decode() -> None:
    assert {name for name, peer in speed.PEERS.items() if isinstance(peer, Translator)} == {"opennmt", "eole", "joeynmt", "transformers"}


@pytest.mark.parametrize(("name", "shapes"), [("joeynmt", "ABC"), ("yoyodyne", "B"), ("transformers", "C"), ("tutorial", "AB")])
def test_each_contestant_says_what_it_trains(name: str, shapes: str) -> None:
    assert speed.PEERS[name].shapes == shapes


# -------------------------------------------------------------------------------------------------------------- growth


def test_a_cost_in_proportion_has_exponent_one_and_its_square_two() -> None:
    assert growth.exponents([10, 30, 300], [2.0, 6.0, 600.0]) == pytest.approx([1.0, 2.0])


def test_the_table_of_growth_has_an_exponent_between_neighbours() -> None:
    points = [{"size": 10, "processor": 0.5, "wall": 1.0, "mb": 100.0}, {"size": 1000, "processor": 50.0, "wall": 60.0, "mb": 100.0}]
    assert growth.table("length", {"recurrent": points}).splitlines()[2:] == [
        "| 10 | recurrent | 0.5 |  | 1 | 100 |  |",
        "| 1,000 | recurrent | 50 | 1.00 | 60 | 100 | 0.00 |",
    ]


# ------------------------------------------------------------------------------------------------------------- reaching


class Steps:
    """Ten updates a turn, in two seconds, one of them of a processor; the first one took three and two."""

    def __init__(self, peer: Any, place: Place, command: list[str]) -> None:
        self.seconds_to_first, self.first, self.process = (3.0, 2.0), Turn(3.0, 2.0, 10, 1, 1.0), self

    def wait(self) -> int:
        """It ended well."""
        return 0

    def turn(self, seconds: float) -> Turn:
        if Learning.done >= Learning.most:
            raise RuntimeError("training ended")
        Learning.done += 10
        return Turn(seconds=2.0, processor=1.0, tokens=100, steps=10, peak_mb=1.0)

    def stop(self) -> None:
        """Nothing goes on."""


class Learning:
    """It looks every 25 updates; its BLEU is their number."""

    name, done, most = "one", 0, 1000

    def prepare(self, place: Place) -> None:
        """Nothing is read."""

    def learn(self, place: Place, every: int) -> list[str]:
        return []

    def looks(self, place: Place, every: int) -> dict[int, float]:
        return {step: float(step) for step in range(every, self.done + 1, every)}


@pytest.mark.parametrize(("bleu", "step", "processor"), [(20.0, 25, 5.0), (25.0, 25, 5.0), (30.0, 50, 7.0), (1000.0, 100, 12.0)])
def test_a_bleu_is_reached_at_the_end_of_the_turn_that_its_update_is_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bleu: float, step: int, processor: float
) -> None:
    (tmp_path / "train.source").write_text("a\n" * (2 * 25 * SHAPES["A"].pairs), encoding="utf-8")
    place = Place(SHAPES["A"], Texts(tmp_path), tmp_path, Path("python"), 1)
    monkeypatch.setattr(reaching, "Racer", Steps)
    monkeypatch.setattr(Learning, "done", 1)
    options = reaching.argparse.Namespace(bleu=bleu, passes=2, shape="A", threads=1)
    row = reaching.reach(Learning(), place, options)  # pyright: ignore[reportArgumentType]
    assert (row["step"], row["processor"], row["reached"]) == (step, processor, bleu <= 50)
    assert [look["step"] for look in row["looks"]] == list(range(25, step + 1, 25))


def test_a_training_that_ends_by_itself_keeps_its_last_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "train.source").write_text("a\n" * (2 * 25 * SHAPES["A"].pairs), encoding="utf-8")
    place = Place(SHAPES["A"], Texts(tmp_path), tmp_path, Path("python"), 1)
    monkeypatch.setattr(reaching, "Racer", Steps)
    monkeypatch.setattr(Learning, "done", 1)
    monkeypatch.setattr(Learning, "most", 60)
    row = reaching.reach(Learning(), place, reaching.argparse.Namespace(bleu=90.0, passes=2, shape="A", threads=1))  # pyright: ignore[reportArgumentType]
    assert (row["step"], row["processor"], row["reached"]) == (50, 7.0, False)


def test_the_table_says_how_many_times_as_long_a_peer_took() -> None:
    ours = {"name": "seqloom", "shape": "A", "threads": 1, "reached": True, "step": 50, "processor": 10.0, "wall": 11.0, "bleu": 31.0}
    theirs = ours | {"name": "one", "processor": 49.0, "wall": 60.0}
    lines = reaching.table({"one": theirs | HERE, "seqloom": ours | HERE}, 30.0).splitlines()
    assert lines[2:] == [
        "| A | 1 | seqloom | 50 | 31.0 | 10 | 11 | 1.00 |  |  | abc1234 |",
        "| A | 1 | one | 50 | 31.0 | 49 | 60 | 4.90 | 5 | **no** | abc1234 |",
    ]
