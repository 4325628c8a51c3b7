import re

import pytest

from seqloom.errors import CheckpointError
from seqloom.fields.vocabulary import BOS, EOS, PAD, SPECIALS, UNK, Vocabulary, commonest


def test_the_commonest_symbols_come_first_and_equally_common_ones_by_symbol():
    vocabulary = Vocabulary(commonest({"b": 2, "z": 5, "a": 2, "c": 1}))
    assert [vocabulary.symbol(number) for number in range(len(vocabulary))] == [*SPECIALS, "z", "a", "b", "c"]


def test_the_order_of_counting_does_not_matter():
    assert commonest({"a": 1, "b": 1, "c": 3}) == commonest({"c": 3, "b": 1, "a": 1})


def test_rare_symbols_and_those_beyond_the_size_are_unknown():
    vocabulary = Vocabulary(commonest({"a": 9, "b": 3, "c": 2, "d": 1}, min_count=2, max_size=2))
    assert len(vocabulary) == 4 + 2
    assert vocabulary.ids("abcd") == [4, 5, UNK, UNK]
    assert "a" in vocabulary
    assert "c" not in vocabulary


def test_specials_have_their_fixed_numbers():
    assert [Vocabulary([]).symbol(number) for number in (PAD, BOS, EOS, UNK)] == ["<pad>", "<s>", "</s>", "<unk>"]


def test_a_symbol_of_the_data_that_looks_like_a_special_is_another_symbol():
    vocabulary = Vocabulary(["<s>", "<sep>"], reserved=["<sep>"])
    assert vocabulary.id("<s>") == 5
    assert vocabulary.id("<sep>") == 6
    assert vocabulary.id("</s>") == UNK
    assert vocabulary.symbol(4) == vocabulary.symbol(6) == "<sep>"


def test_a_number_outside_the_vocabulary_has_no_symbol():
    for number in (-1, 5):
        with pytest.raises(IndexError):
            Vocabulary(["a"]).symbol(number)


def test_a_symbol_cannot_stand_twice():
    with pytest.raises(ValueError, match="each symbol once"):
        Vocabulary(["a", "a"])


def test_the_state_gives_the_same_vocabulary_back():
    vocabulary = Vocabulary(["ä", "<s>", "\u0301"], reserved=["<sep>"])
    again = Vocabulary.from_state(vocabulary.state())
    assert again.state() == vocabulary.state()
    assert again.ids(["\u0301", "x", "<s>"]) == vocabulary.ids(["\u0301", "x", "<s>"]) == [7, UNK, 6]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "'reserved' is missing"),
        ({"reserved": []}, "'symbols' is missing"),
        ({"reserved": [], "symbols": "abc"}, "'symbols' is str; expected list"),
        ({"reserved": [], "symbols": ["a", 3]}, "3 in 'symbols'; expected text"),
        ({"reserved": [], "symbols": ["\ud800"]}, r"'\ud800' in 'symbols'; expected text"),
        ({"reserved": [], "symbols": ["a", "a"]}, "each symbol once"),
        ({"reserved": ["<x>"], "symbols": []}, "reserved symbols ['<x>']; expected none or <sep>"),
    ],
)
def test_a_damaged_state_is_refused_in_one_line(state: object, message: str):
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        Vocabulary.from_state(state)
    assert "\n" not in str(caught.value)
