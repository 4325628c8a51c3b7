from __future__ import annotations

import hashlib
import re
from datetime import date

import pytest

from seqloom.errors import ConfigError
from seqloom.examples import EXAMPLES, make_example, write


@pytest.fixture(scope="module", params=list(EXAMPLES))
def example(request):
    return make_example(request.param)


def splits(example):
    return example.train, example.dev, example.test


def every(name):
    return [pair for split in splits(make_example(name)) for pair in split]


def test_no_source_is_in_two_splits_or_twice_in_one(example):
    sources = [source for split in splits(example) for source, _ in split]
    assert len(sources) == len(set(sources)) == 11_500
    assert [len(split) for split in splits(example)] == [10_000, 500, 1_000]


def test_pairs_fit_a_line_of_two_columns(example):
    for split in splits(example):
        for text in (text for pair in split for text in pair):
            assert text == " ".join(text.split())
            assert text


def test_the_same_seed_makes_the_same_pairs_and_another_does_not(example):
    assert make_example(example.name) == example
    assert make_example(example.name, seed=2).train != example.train


@pytest.mark.parametrize(
    ("name", "digest"),
    [("reverse", "2b77f7524b2e95f6"), ("dates", "eca768dae504c598"), ("numbers", "239966d543a2106f")],
)
def test_every_python_version_makes_these_pairs(name, digest):
    assert hashlib.sha256(repr(every(name)).encode()).hexdigest()[:16] == digest


def test_reverse_reverses_numbers_of_every_length():
    pairs = every("reverse")
    assert all(source.split()[::-1] == target.split() for source, target in pairs)
    assert {len(source.split()) for source, _ in pairs} == set(range(1, 11))
    assert {symbol for source, _ in pairs for symbol in source.split()} == {str(n) for n in range(20)}


MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def read_date(source):
    """The only date that the source can mean, and its weekday if it names one; read without knowing the forms."""
    words = [word[:3] for word in re.findall(r"[a-z]+", source.lower())]
    numbers = [int(number) for number in re.findall(r"\d+", re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1 \2 \3", source))]
    year = next(number for number in numbers if number > 31)
    named = [MONTHS.index(word) + 1 for word in words if word in MONTHS]
    first, second = [*named, *(number for number in numbers if number <= 31)]
    if named or numbers[0] == year:
        meant = {date(year, first, second)}
    else:
        meant = {date(year, m, d) for m, d in ((first, second), (second, first)) if m <= 12}
    assert len(meant) == 1
    return meant.pop(), [WEEKDAYS.index(word) for word in words if word in WEEKDAYS]


def test_dates_mean_one_day_and_name_its_weekday():
    for source, target in every("dates"):
        day, weekdays = read_date(source)
        assert day.isoformat() == target, source
        assert weekdays in ([], [day.weekday()]), source


def test_dates_come_in_many_forms():
    shapes = {re.sub(r"\d", "9", re.sub(r"[A-Za-z]+", "a", source)) for source, _ in every("dates")}
    assert shapes > {"a, 9 a 9999", "a 9a, 9999", "a 9a a a, 9999", "9999.99.99", "99/9/9999", "9/99/9999"}
    assert len(shapes) > 25


SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"]
SMALL += ["fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def read_number(source):
    """The value of the source, read from left to right."""
    values = {word: value for value, word in enumerate(SMALL)} | {word: 10 * value for value, word in enumerate(TENS, start=2)}
    done = part = 0
    for word in re.findall(r"[a-z]+|\d+", re.sub(r"(?<=\d),(?=\d)", "", source.lower())):
        if word == "hundred":
            part *= 100
        elif word == "thousand":
            done, part = part * 1000, 0
        elif word != "and":
            part += values[word] if word in values else int(word)
    return done + part


def test_numbers_have_the_value_of_their_words():
    pairs = every("numbers")
    assert all(str(read_number(source)) == target for source, target in pairs)
    assert {len(target) for _, target in pairs} >= {1, 2, 3, 4, 5, 6}
    assert max(int(target) for _, target in pairs) < 1_000_000


def test_written_files_are_tab_separated_lines(tmp_path):
    example = make_example("reverse")
    paths = write(example, tmp_path / "new" / "folder")
    assert {split: path.name for split, path in paths.items()} == {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
    lines = paths["dev"].read_bytes().decode().split("\n")
    assert lines.pop() == ""
    assert [tuple(line.split("\t")) for line in lines] == example.dev


def test_an_unknown_example_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as error:
        make_example("date")
    assert str(error.value) == "example 'date' does not exist. Did you mean 'dates'? Known: reverse, dates, numbers."
