"""Data sets that the program makes itself, so that anyone can train a first model without a file.

Each is made from a seed by `random.Random` alone, through methods that draw the same in every Python version. No source is in
two splits or has two targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from seqloom.errors import ConfigError, nearest

__all__ = ["EXAMPLES", "ExampleData", "make_example", "write"]

TRAIN, DEV, TEST = 10_000, 500, 1_000  # pairs a split

Pair = tuple[str, str]


@dataclass(frozen=True)
class ExampleData:
    """Pairs of (source, target) in three splits that share no source."""

    name: str
    description: str
    train: list[Pair]
    dev: list[Pair]
    test: list[Pair]


def make_example(name: str, seed: int = 1) -> ExampleData:
    """The data set of that name; the same seed makes the same pairs.

    Raises:
        ConfigError: there is none of that name; the nearest is offered.
    """
    if name not in EXAMPLES:
        raise ConfigError(f"example {name!r} does not exist.{nearest(name, EXAMPLES)} Known: {', '.join(EXAMPLES)}.")
    return EXAMPLES[name](seed)


def write(example: ExampleData, folder: str | Path) -> dict[str, Path]:
    """The files made, by split: train.tsv, dev.tsv and test.tsv in the folder, one source and target a line, without header."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for split, pairs in (("train", example.train), ("dev", example.dev), ("test", example.test)):
        paths[split] = folder / f"{split}.tsv"
        lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
        paths[split].write_bytes(lines.encode())  # bytes: the same line ends on every system
    return paths


def reverse(seed: int) -> ExampleData:
    """1 to 10 numbers below 20, and the same from the last to the first: '3 17 8' → '8 17 3'."""
    return _make("reverse", "sequences of numbers, reversed", _reverse, seed)


def dates(seed: int) -> ExampleData:
    """Days of 1900 to 2099 as people write them in English, and in ISO 8601: 'Saturday, 3 March 1984' → '1984-03-03'."""
    return _make("dates", "dates as people write them, to ISO dates", _date, seed)


def numbers(seed: int) -> ExampleData:
    """Integers below a million in words or grouped digits, and in plain digits: 'four thousand and twelve' → '4012'."""
    return _make("numbers", "numbers in words, to digits", _number, seed)


EXAMPLES: dict[str, Callable[[int], ExampleData]] = {"reverse": reverse, "dates": dates, "numbers": numbers}


def _make(name: str, description: str, draw: Callable[[Random], Pair], seed: int) -> ExampleData:
    """The first distinct sources drawn, shuffled before the split: what is rare is drawn anew less often as time goes on."""
    random = Random(seed)
    distinct: dict[str, str] = {}
    while len(distinct) < TRAIN + DEV + TEST:
        source, target = draw(random)
        distinct.setdefault(source, target)
    pairs = list(distinct.items())
    random.shuffle(pairs)
    return ExampleData(name, description, pairs[:TRAIN], pairs[TRAIN : TRAIN + DEV], pairs[TRAIN + DEV :])


def _reverse(random: Random) -> Pair:
    """A sixth of the numbers repeat the one before, or a model has too few of them to learn from and fails there alone."""
    symbols = [str(random.randrange(20))]
    for _ in range(random.randrange(10)):
        symbols.append(symbols[-1] if random.randrange(6) == 0 else str(random.randrange(20)))
    return " ".join(symbols), " ".join(reversed(symbols))


# -------------------------------------------------------------------------------------------------------------- dates

_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_FIRST, _LAST = date(1900, 1, 1), date(2099, 12, 31)

_DATE_FORMS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "{short_weekday} {day} {short_month} {year}",
    "{short_weekday}, {short_month} {nth} {year}",
    "{day} {short_month} {year}",
    "{short_month} {day}, {year}",
    "{dotted_month} {day}, {year}",
    "{short_month} {nth}, {year}",
    "{month} {nth}, {year}",
    "{nth} {month} {year}",
    "{nth} of {month} {year}",
    "the {nth} of {month}, {year}",
    "{weekday} the {nth} of {month} {year}",
    "{year} {month} {day}",
    "{year}, {month} {nth}",
    "{day:02}-{short_month}-{year}",
    "{day:02} {short_month} {year}",
    "{year}-{short_month}-{day:02}",
    "{year}.{number:02}.{day:02}",
    "{year}/{number:02}/{day:02}",
    "{year}/{number}/{day}",
    "{year}{number:02}{day:02}",
)
_ONLY_AFTER_THE_12TH = (  # before it nobody can tell day and month
    "{day}/{number}/{year}",
    "{day}.{number}.{year}",
    "{day:02}-{number:02}-{year}",
    "{number}/{day}/{year}",
    "{number:02}-{day:02}-{year}",
)


def _date(random: Random) -> Pair:
    """A day in one of the forms whose meaning is certain, a third of them all lower or upper case."""
    day = _FIRST + timedelta(days=random.randrange((_LAST - _FIRST).days + 1))
    form = random.choice(_DATE_FORMS + _ONLY_AFTER_THE_12TH if day.day > 12 else _DATE_FORMS)
    month, weekday = _MONTHS[day.month - 1], _WEEKDAYS[day.weekday()]
    source = form.format(
        day=day.day,
        nth=_nth(day.day),
        month=month,
        short_month=month[:3],
        dotted_month=month if month == "May" else f"{month[:3]}.",
        number=day.month,
        year=day.year,
        weekday=weekday,
        short_weekday=weekday[:3],
    )
    case = random.choice((str, str, str, str, str.lower, str.upper))
    return case(source), day.isoformat()


def _nth(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


# ------------------------------------------------------------------------------------------------------------ numbers

_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True)
class _Spelling:
    """What differs between people who write the same number."""

    hyphen: str  # in twenty-one
    hundred_and: str  # in two hundred and one
    thousand_end: str  # after thousand, where hundreds follow


def _number(random: Random) -> Pair:
    """A number below a power of ten up to a million, so that short ones are not rare; mostly in words."""
    value = random.randrange(10 ** random.randrange(1, 7))
    spelling = _Spelling(random.choice("- "), random.choice((" ", " and ")), random.choice((" ", ", ")))
    ways = [_in_words, _in_words, _in_words, _in_words, _in_thousands, _in_groups]
    if 1000 < value < 10_000 and value % 1000 >= 100:
        ways.append(_in_hundreds)
    source = random.choice(ways)(value, spelling)
    return random.choice((str, str, str.capitalize))(source), str(value)


def _in_words(value: int, spelling: _Spelling) -> str:
    """'four thousand and twelve'."""
    thousands, rest = divmod(value, 1000)
    return _join_thousands(_below_1000(thousands, spelling), rest, spelling) if thousands else _below_1000(value, spelling)


def _in_thousands(value: int, spelling: _Spelling) -> str:
    """'4 thousand and twelve'."""
    thousands, rest = divmod(value, 1000)
    return _join_thousands(str(thousands), rest, spelling) if thousands else _below_1000(value, spelling)


def _in_groups(value: int, spelling: _Spelling) -> str:
    """'4,012'."""
    return f"{value:,}"


def _in_hundreds(value: int, spelling: _Spelling) -> str:
    """'forty-one hundred and twelve'."""
    hundreds, rest = divmod(value, 100)
    start = f"{_below_1000(hundreds, spelling)} hundred"
    return start + spelling.hundred_and + _below_1000(rest, spelling) if rest else start


def _join_thousands(thousands: str, rest: int, spelling: _Spelling) -> str:
    if not rest:
        return f"{thousands} thousand"
    link = spelling.thousand_end if rest >= 100 else spelling.hundred_and
    return f"{thousands} thousand{link}{_below_1000(rest, spelling)}"


def _below_1000(value: int, spelling: _Spelling) -> str:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_100(rest, spelling)
    start = f"{_DIGITS[hundreds]} hundred"
    return start + spelling.hundred_and + _below_100(rest, spelling) if rest else start


def _below_100(value: int, spelling: _Spelling) -> str:
    if value < 20:
        return (_DIGITS + _TEENS)[value]
    tens, units = divmod(value, 10)
    return f"{_TENS[tens]}{spelling.hyphen}{_DIGITS[units]}" if units else _TENS[tens]
