"""Symbols that training never saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.checkpoint import RunDirectory
from seqloom.config import FieldsConfig, RunConfig, TokensField
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.rows import Row
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import UNK
from seqloom.planning.plan import make_plan
from seqloom.settings import override, read_settings
from seqloom.training.events import Silence
from seqloom.training.runs import start
from seqloom.unseen import Unseen

FIELDS = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows_from_memory([("a b", "A B"), ("c", "C")]))
ROWS = [Row(("a x",), "A", "1"), Row(("x y",), "Q x", "2"), Row(("c",), "C Q", "3"), Row(("",), "", "4")]


def test_unseen_symbols_are_counted_on_both_sides() -> None:
    unseen = Unseen(FIELDS)
    unseen.add_pairs(ROWS)
    assert unseen.notes("dev ") == [
        "2 of 4 dev sources hold symbols that training never saw, read as <unk>: 'x' (2), 'y' (1)",
        "2 of 4 dev targets hold symbols that training never saw, which the model cannot write: 'Q' (2), 'x' (1)",
    ]
    nothing = Unseen(FIELDS)
    nothing.add_pairs(ROWS[3:])
    assert nothing.notes() == []


def test_a_model_that_copies_can_write_what_stands_in_the_source() -> None:
    unseen = Unseen(FIELDS, copies=True)
    unseen.add_pairs(ROWS[:2])
    assert unseen.notes()[1] == "1 of 2 targets hold symbols that training never saw, which the model cannot write: 'Q' (1)"


def test_of_many_the_commonest_are_named_and_what_is_no_letter_is_written_out() -> None:
    unseen = Unseen(FIELDS)
    unseen.add_source((" ".join([*"defghijklm", "m", "\x1b"]),))
    (note,) = unseen.notes()
    assert note.endswith(": 'm' (2), 'd' (1), 'e' (1), 'f' (1), 'g' (1), 'h' (1), 'i' (1), 'j' (1) and 3 more")
    unseen = Unseen(FIELDS)
    unseen.add_source(("n" * 3000,))
    assert unseen.notes()[0].endswith(f": '{'n' * 29}…' (1)")
    unseen = Unseen(FIELDS)
    unseen.add_source(("\x1b",))
    assert unseen.notes() == ["1 of 1 sources hold symbols that training never saw, read as <unk>: '\\x1b' (1)"]


def test_train_says_what_dev_holds_that_training_does_not(tmp_path: Path) -> None:
    class Heard(Silence):
        def __init__(self) -> None:
            self.lines = list[str]()

        def say(self, text: str) -> None:
            self.lines.append(text)

    tiny = ["model.embedding=4", "model.encoder.width=4", "model.decoder.width=4", "training.max_steps=1", "training.device=cpu"]
    tiny += ["training.precision=float32", "training.threads=1", "training.schedule.warmup_steps=1"]
    heard = Heard()
    plan = make_plan([("ab", "ba"), ("b", "b")], dev=[("ax", "xa"), ("b", "b")], config=override(RunConfig(), read_settings(tiny)))
    start(plan, tmp_path / "run", watcher=heard)
    assert heard.lines == [
        "note: 1 of 2 dev sources hold symbols that training never saw, read as <unk>: 'x' (1)",
        "note: 1 of 2 dev targets hold symbols that training never saw, which the model cannot write: 'x' (1)",
    ]


@pytest.mark.parametrize(("least", "writes"), [(1, False), (2, True)])
def test_a_run_keeps_whether_training_targets_held_unknown_symbols(tmp_path: Path, least: int, writes: bool) -> None:
    pairs = [(f"{letter} x", f"{letter} y") for letter in "aabbccq"]
    settings = [f"fields.target={{kind: text, unit: word, min_count: {least}}}", "model.encoder.width=8", "training.max_steps=1"]
    finished = start(make_plan(pairs, dev=pairs[:2], settings=read_settings(settings)), tmp_path / "run")
    fields = Fields.load(RunDirectory(finished.run).fields)
    assert (fields.writes_unknown, UNK in fields.never) == (writes, not writes)
