"""What a run says before it begins."""

from dataclasses import replace

import pytest

from seqloom.planning.plan import make_plan
from seqloom.settings import read_settings
from seqloom.training.summary import argument, introduction

PAIRS = [(f"{number} {number + 1}", f"{number + 1} {number}") for number in range(40)]


def test_a_choice_that_is_a_list_is_shown_entry_by_entry_with_what_is_not_usual_in_it():
    plan = make_plan(PAIRS, settings=read_settings(["fields.source=[{kind: tokens, min_count: 2}]", "fields.target={kind: tokens}"]))
    lines = introduction(
        replace(plan, reasons={"fields.source": "each number is one symbol", "fields.shared": "two vocabularies"}), "runs/x"
    )
    assert lines[-4:] == [
        "chosen:",
        "  fields.source  tokens min_count=2  each number is one symbol",
        "  fields.shared  false               two vocabularies",
        "the run: runs/x",
    ]


def test_one_pair_is_no_pairs():
    one = make_plan([("a", "b")], dev=[("c", "d")])
    assert introduction(one, "runs/x")[0] == "data: 1 pair to train on, 1 dev pair"
    assert introduction(make_plan(PAIRS, dev=PAIRS[:2]), "runs/x")[0] == "data: 40 pairs to train on, 2 dev pairs"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "abc"),
        ("it's $(x)", "'it'\"'\"'s $(x)'"),
        ("-v", "-- -v"),
        ("a\tit's\\", "$'a\\tit\\'s\\\\'"),
        ("a\x1b[2Jb\u202e\U000e0001", "$'a\\u001b[2Jb\\u202e\\U000e0001'"),
    ],
)
def test_a_text_as_an_argument_is_nothing_but_text(text: str, said: str):
    assert argument(text) == said
