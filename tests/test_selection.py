"""Which rows are held out, which are trained on, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seqloom.config import DataConfig
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows
from seqloom.data.rows import Row
from seqloom.errors import DataError
from seqloom.planning.selection import Roots, split, thin


def config(*train: str, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"train": list(train), **settings})


# --------------------------------------------------------------------------------------------------------------- split


def many_rows(count: int) -> list[Row]:
    return [Row((f"source {number % (count // 2)}",), f"target {number}", f"pairs:{number + 1}") for number in range(count)]


def test_the_split_keeps_a_source_on_one_side_and_loses_nothing() -> None:
    rows = many_rows(2000)
    train, dev = split(rows, config(hold_out=0.1), 7)
    assert not {row.source for row in train} & {row.source for row in dev}
    assert sorted([*train, *dev], key=lambda row: row.where) == sorted(rows, key=lambda row: row.where)
    assert 140 < len(list(dev)) < 260


def test_the_split_does_not_depend_on_the_order_but_on_the_seed() -> None:
    rows = many_rows(400)
    dev = {row.where for row in split(rows, config(), 7)[1]}
    assert dev == {row.where for row in split(rows[::-1], config(), 7)[1]}
    assert dev != {row.where for row in split(rows, config(), 8)[1]}


def test_the_split_sees_through_unicode_forms_and_outer_blanks() -> None:
    forms = [Row((form,), "x", "") for form in ("ü", "u\u0308", " ü ")]
    for seed in range(20):
        train, dev = split([*forms, *many_rows(8)], config(), seed)
        assert sum(row.target == "x" for row in dev) in (0, 3)
        assert len(list(train)) + len(list(dev)) == 11


def test_the_split_holds_out_at_most_the_number_asked_for() -> None:
    _, dev = split(many_rows(4000), config(hold_out=0.4, hold_out_at_most=100), 7)
    assert 50 < len(list(dev)) < 160


def test_the_split_of_a_file_is_read_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"a{number}\tb\n" for number in range(100)), encoding="utf-8")
    train, dev = split(read_rows([str(path)], config(str(path))), config(), 7)
    assert len(list(train)) + len(list(dev)) == 100
    assert list(dev) == list(dev)


def test_one_reading_tells_what_is_held_out() -> None:
    class Counted:
        names, notes, readings = ("1", "2"), list[str](), 0

        def __iter__(self) -> Iterator[Row]:
            self.readings += 1
            return iter(listed)

    listed, rows = rows_from_memory([(f"source {number}", "target") for number in range(3000)]), Counted()
    train, dev = split(rows, config(hold_out_at_most=100), 7)
    assert rows.readings == 1
    assert (list(train), list(dev)) == split(listed, config(hold_out_at_most=100), 7)


@pytest.mark.parametrize("count", [2, 3])
def test_the_smallest_split_has_a_row_on_each_side(count: int) -> None:
    rows = [Row((f"source {number}",), "x", "") for number in range(count)]
    for seed in range(10):
        train, dev = split(rows, config(), seed)
        assert list(train)
        assert list(dev)


@pytest.mark.parametrize("seed", range(6))
def test_a_very_common_source_is_trained_on_and_never_all_of_dev(seed: int) -> None:
    """A comma is a tenth of running text: held out by its hash, dev was half commas and training had none."""
    made = [*((",", ",") for _ in range(100)), *((f"w{number}", "x") for number in range(900))]
    rows = rows_from_memory(made)
    train, dev = (list(part) for part in split(rows, DataConfig(), seed))
    assert sum(row.source == (",",) for row in train) == 100
    assert 60 <= len(dev) <= 120
    few = rows_from_memory([(f"w{number % 4}", str(number)) for number in range(400)])  # all are common: one is held out all the same
    train, dev = (list(part) for part in split(few, DataConfig(), seed))
    assert train
    assert dev
    assert not {row.source for row in train} & {row.source for row in dev}


def test_one_source_cannot_be_split() -> None:
    with pytest.raises(DataError) as caught:
        split([Row(("a",), "b", ""), Row(("a",), "c", "")], config(), 7)
    assert str(caught.value) == (
        "data: 2 pairs of one source; expected two different sources or more, to hold one out. Add pairs, or give --dev FILE."
    )


# ------------------------------------------------------------------------------------------------------ parts of pairs


def test_smaller_parts_are_within_larger_ones_and_sources_stay_together() -> None:
    rows = rows_from_memory([(f"source {number // 2}", f"target {number}") for number in range(800)])
    kept = [{row.where for row in thin(rows, share, seed=3)} for share in (1 / 8, 1 / 4, 1 / 2, 1.0)]
    assert kept[0] < kept[1] < kept[2] < kept[3]
    assert [len(part) / 800 for part in kept] == pytest.approx([1 / 8, 1 / 4, 1 / 2, 1], abs=0.05)
    half = [row.source for row in thin(rows, 0.5, seed=3)]
    assert all(half.count(source) == 2 for source in half)


def test_a_part_of_what_holding_out_left_is_as_large_as_was_asked_for() -> None:
    rows = rows_from_memory([(f"source {number}", "target") for number in range(800)])
    train, _ = split(rows, DataConfig(hold_out=0.4), seed=3)
    assert len(list(thin(train, 0.25, seed=3))) == pytest.approx(len(list(train)) / 4, rel=0.2)


def test_a_pair_that_stands_n_times_comes_root_n_times_each_time_the_rows_are_read() -> None:
    pairs = [("the", "the")] * 17 + [("teh", "the")] * 3 + [("the", "thee")] * 4 + [("ye", "the")]
    roots = Roots(rows_from_memory(pairs))
    kept = [(row.source[0], row.target) for row in roots]
    assert kept == [("the", "the")] * 4 + [("teh", "the")] + [("the", "thee")] * 2 + [("ye", "the")]
    assert [row.where for row in roots] == [row.where for row in roots]
    assert [row.where for row in roots][:4] == ["pairs:1", "pairs:4", "pairs:9", "pairs:16"]
