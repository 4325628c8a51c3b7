"""The numbers and oddities of a profile on small data whose answers are known by hand."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest

from seqloom.config import DataConfig
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows
from seqloom.data.rows import Row
from seqloom.errors import DataError
from seqloom.fields.units import Characters
from seqloom.planning import profile as profile_module
from seqloom.planning import sides
from seqloom.planning.plan import make_plan
from seqloom.planning.profile import Profile, describe, profile_rows
from seqloom.planning.relation import ceiling
from seqloom.planning.sides import find_separator


def rows(*pairs: tuple[str | tuple[str, ...], str]) -> list[Row]:
    return rows_from_memory(pairs)


def oddities(data: Iterable[Row]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {oddity.kind: (oddity.text, oddity.where) for oddity in profile_rows(data).oddities}


def many(count: int) -> list[tuple[str, str]]:
    """Short sentences in no order, all different."""
    draw = random.Random(5)
    words = ["red", "blue", "green", "old", "new", "tall"]
    numbers = draw.sample(range(100, 999), count)
    return [(f"{draw.choice(words)} {draw.choice(words)} house {number}", f"haus {number} {draw.choice(words)}") for number in numbers]


def notes(tmp_path: Path, name: str, text: str, **settings: object) -> list[str]:
    path = tmp_path / name
    path.write_text(text)
    return [*profile_rows(read_rows([str(path)], DataConfig.model_validate({"train": [str(path)], **settings}))).notes]


# ------------------------------------------------------------------------------------------------------------- numbers


def test_the_numbers_of_each_side_are_those_counted_by_hand() -> None:
    found = profile_rows(rows((("ab c", "X"), "abc"), (("a", "Y"), "d e"), (("", "X"), "abc")))
    first, second = found.source
    assert [side.name for side in (*found.source, found.target)] == ["source 1", "source 2", "target"]
    assert (found.pairs, found.looked_at, found.is_sampled) == (3, 3, False)
    assert (first.count, first.distinct, first.empty) == (3, 3, pytest.approx(1 / 3))
    assert (first.lengths.mean, first.lengths.median, first.lengths.max) == (pytest.approx(5 / 3), 1.0, 4.0)
    assert (first.token_lengths.mean, first.token_lengths.max) == (1.0, 2.0)
    assert first.characters_per_token == pytest.approx(4 / 3)
    assert (first.characters.total, first.characters.distinct, first.characters.once) == (5, 4, 3)  # a twice, b, blank and c once
    assert first.characters.unseen == pytest.approx(3 / 5)
    assert first.characters.rows_with_once == pytest.approx(1 / 3)
    assert (first.tokens.total, first.tokens.distinct, first.tokens.once) == (3, 3, 3)
    assert first.tokens.rows_with_once == pytest.approx(2 / 3)
    assert second.tokens.once == 1
    assert (found.target.distinct, found.commonest_target, found.commonest_target_share) == (2, "abc", pytest.approx(2 / 3))


def test_characters_are_grapheme_clusters_and_their_decomposed_form_is_counted_too() -> None:
    side = profile_rows(rows(("각", "n\u0303x"), ("난", "ñ"))).source[0]
    assert (side.lengths.max, side.characters.distinct, side.characters.once) == (1.0, 2, 2)
    assert (side.decomposed.total, side.decomposed.distinct) == (6, 5)
    target = profile_rows(rows(("각", "n\u0303x"), ("난", "ñ"))).target
    assert (target.lengths.max, target.characters.distinct, target.characters.once) == (2.0, 2, 1)


def test_the_relation_of_both_sides_is_the_one_counted_by_hand() -> None:
    found = profile_rows(rows(("a b", "a b"), ("abcd", "ab cdxy"), ("ab", "xy")))
    assert (found.ratio.mean, found.ratio.max) == (pytest.approx((1 + 7 / 4 + 1) / 3), 1.75)
    assert (found.token_ratio.mean, found.token_ratio.max) == (pytest.approx((1 + 2 + 1) / 3), 2.0)
    assert found.shared_characters == pytest.approx((2 + 4 + 0) / 10)
    assert found.shared_tokens == pytest.approx(2 / 5)
    assert found.copies == pytest.approx(1 / 3)
    lengths = [(3, 3), (4, 7), (2, 2)]
    deviations = [(left - 3, right - 4) for left, right in lengths]
    by_hand = sum(left * right for left, right in deviations) / (2 * 14) ** 0.5
    assert found.length_correlation == pytest.approx(by_hand)


def test_what_one_answer_a_source_can_get_right_is_said_where_it_is_not_nearly_all() -> None:
    several = rows(("bass", "fish"), ("bass", "music"), ("bass", "music"), ("lead", "metal"), ("lead", "guide"), ("sea", "water"))
    assert ceiling(several, "dev ") == [
        "some dev sources have several targets, and a model gives one answer to each: at most 4 of 6 dev pairs can come out right "
        "(exact_match 0.67)"
    ]
    assert ceiling(rows(("bass", "fish"), ("bass", "music"), *many(60))) == []


def copied(profile: Profile) -> float | None:
    return profile.new_words and profile.new_words.copied


def test_words_seen_once_are_looked_for_in_their_own_source_marks_apart() -> None:
    asks = [(f"who teaches {number} ?", f'WHERE number = "{number}" ;') for number in range(100, 140)]
    assert copied(profile_rows(rows(*asks))) == 1.0
    others = [(f"{number + 1} ?", target) for number, (_, target) in enumerate(asks, 100)]
    assert copied(profile_rows(rows(*others))) == 0.0
    assert copied(profile_rows(rows(*asks[:20], *others[20:]))) == 0.5
    assert "of the target's rarest words 50% stand in their source" in describe(profile_rows(rows(*asks[:20], *others[20:])))
    assert copied(profile_rows(rows(*asks[:19]))) is None
    assert "of the target's rarest words (too few to say how many) stand in their source" in describe(profile_rows(rows(*asks[:19])))


def test_a_word_that_stands_beside_a_few_sources_is_rare_where_no_others_are() -> None:
    turns = [
        turn
        for name in range(100, 140)
        for turn in ((f"I am n{name}", f"hello n{name}"), (f"I am n{name} . two please", f"two for n{name}"))
    ]
    assert copied(profile_rows(rows(*turns))) == 1.0
    same = [(f"{place} {source}", "the same words") for place, (source, _) in enumerate(turns)]
    assert copied(profile_rows(rows(*same))) is None


def test_rare_words_are_whole_whatever_marks_are_written_as() -> None:
    draw = random.Random(1)
    names = ["".join(f"{draw.choice('bcdghklmnpt')}{draw.choice('ạẽỉộử')}" for _ in range(3)) for _ in range(100)]
    bare = ["".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)) for name in names]
    for form in ("NFC", "NFD"):
        restored = rows(*[(said, unicodedata.normalize(form, name)) for said, name in zip(bare, names, strict=True)])
        assert copied(profile_rows(restored)) == 0.0, form
    decomposed = rows(*[(f"who is {name} ?", unicodedata.normalize("NFD", name)) for name in names])
    assert copied(profile_rows(decomposed)) == 1.0, "as fields compose both sides"
    hindi = ["".join(draw.choice("कखगचजतदन") + draw.choice("ािीुू") for _ in range(4)) for _ in range(100)]
    others = rows(*[("".join(letter for letter in word if letter.isalpha()), word) for word in hindi])
    assert copied(profile_rows(others)) == 0.0, "vowel signs are part of a word"


def test_words_that_stand_in_their_source_but_for_case_or_marks_are_counted_apart() -> None:
    draw = random.Random(1)
    names = ["".join(draw.choices("bdfgklmnrst", k=7)) for _ in range(100)]
    for change in (str.title, str.upper, lambda name: name.replace(name[0], f"{name[0]}\u0301")):
        found = profile_rows(rows(*[(f"ask {name}", change(name)) for name in names])).new_words
        assert found is not None
        assert (found.copied, found.respelled) == (0.0, 1.0)
    some = rows(*[(f"ask {name}", name if place < 70 else name.title() if place < 90 else name[::-1]) for place, name in enumerate(names)])
    page = describe(profile_rows(some))
    assert "of the target's rarest words 70%, and but for case or marks 20% more, stand in their source" in page


def test_sources_of_several_columns_count_together_in_the_ratio() -> None:
    assert profile_rows(rows((("ab", "cd"), "wxyz"), (("a", "b"), "wxyz"))).ratio.max == 2.0


def test_rows_of_a_file_bring_their_names_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("german,english\nHaus,house\nHund,dog\n", encoding="utf-8")
    config = DataConfig.model_validate({"train": [str(path)]})
    found = profile_rows(read_rows([str(path)], config))
    assert [side.name for side in (*found.source, found.target)] == ["source (german)", "target (english)"]
    assert found.file == str(path)
    assert "Source: 'german'. Target: 'english'." in found.notes


# ----------------------------------------------------------------------------------------------------------- separator


def test_few_sources_of_many_different_targets_are_said_with_the_way_to_swap_them(tmp_path: Path) -> None:
    lines = [f"{('pos', 'neg')[number % 2]},film number {number}" for number in range(40)]
    said = "The source has 2 different values in 40 rows, and the target 40: no source tells its target. "
    advice = "If the source is to be told from the target, say --source {} --target {}."
    text = "\n".join(lines) + "\n"
    assert notes(tmp_path, "a.csv", text)[-1] == said + advice.format(2, 1)
    assert notes(tmp_path, "a.csv", f"my mood,film\n{text}")[-1] == said + advice.format("film", "'my mood'")
    repeated = "\n".join(lines[:20] + lines[:20]) + "\n"
    for others in ("\n".join(lines[:39]) + "\n", repeated, f"label,film\n{text}"):
        assert said[:14] not in "".join(notes(tmp_path, "a.csv", others))
    assert said[:14] not in "".join(notes(tmp_path, "a.csv", text, source=[1]))
    (tmp_path / "a.csv").write_text(text)
    assert said + advice.format(2, 1) not in make_plan(tmp_path / "a.csv", source=1, target=2).notes
    found = make_plan(tmp_path / "a.csv").notes[-1]
    assert found == "The source has 1 value in 20 rows, and the target 20: no source tells its target. " + advice.format(2, 1), "one is dev"


@pytest.mark.parametrize("mark", [";", "|", ","])
def test_a_mark_between_recurring_symbols_is_a_separator(mark: str) -> None:
    tags = [mark.join((pos, tense, number)) for pos in ("V", "V.PTCP") for tense in ("PRS", "PST") for number in ("SG", "PL", "DU")] * 10
    side = profile_rows(rows(*((tag, "x y") for tag in tags))).source[0]
    assert side.separator == mark
    assert side.pieces is not None
    assert (side.pieces.total, side.pieces.distinct) == (360, 7)


@pytest.mark.parametrize(
    "texts",
    [
        [f"{number}-{number % 12:02}-{number % 28:02}" for number in range(1000, 3000)],
        [f"Ja, das ist Satz {number}." for number in range(500)],
        [f"word{number}-other{number}" for number in range(500)],
        ["a b c", "d e f"] * 100,
        ["x-y"],
        [],
        ["a'b'c"] * 2,
    ],
)
def test_dates_sentences_and_open_sets_have_no_separator(texts: list[str]) -> None:
    assert find_separator(texts) is None


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "data: no rows; expected pairs of a source and a target. Name a file that holds some."),
        (
            [Row(("a",), "", "a.tsv:1"), Row(("b",), "", "a.tsv:2")],
            "a.tsv: every target is empty (2 rows); expected texts. Choose another column with --target.",
        ),
        ([Row(("", ""), "x", "a.tsv:1")], "a.tsv: every source is empty (1 row); expected texts. Choose another column with --source."),
    ],
)
def test_useless_rows_are_refused(data: list[Row], message: str) -> None:
    with pytest.raises(DataError) as caught:
        profile_rows(data)
    assert str(caught.value) == message


# ------------------------------------------------------------------------------------------------------------ oddities


def test_ordinary_rows_have_nothing_odd() -> None:
    found = profile_rows(rows(*many(200)))
    assert found.oddities == ()
    assert describe(found).endswith("\nNothing odd was found.\n")


@pytest.mark.parametrize(
    ("kind", "pair", "text", "where"),
    [
        ("empty source", ("", "haus"), "1 row with an empty source", "pairs:201  '' → 'haus'"),
        ("empty target", ("red house", ""), "1 row with an empty target", "pairs:201  'red house' → ''"),
        ("control", ("red\x07 house", "haus"), "1 row with control characters (U+0007)", "pairs:201  'red<U+0007> house'"),
        ("tab", ("red\thouse", "haus"), "1 row with tabs inside (U+0009)", "pairs:201  'red<U+0009>house'"),
        ("line break", ("red house", "haus\nrot"), "1 row with line breaks inside (U+000A)", "pairs:201  'haus<U+000A>rot'"),
        (
            "blank",
            ("red\u00a0house", "haus"),
            "1 row with no-break or other special blanks (U+00A0 no-break space)",
            "pairs:201  'red<U+00A0>house'",
        ),
        (
            "zero width",
            ("red \u200bhouse", "haus"),
            "1 row with invisible characters (U+200B zero width space)",
            "pairs:201  'red <U+200B>house'",
        ),
        (
            "replacement",
            ("red house", "h\ufffdus"),
            "1 row with the replacement character U+FFFD: bytes were lost in an earlier conversion",
            "pairs:201  'h<U+FFFD>us'",
        ),
        ("not NFC", ("u\u0308ber red", "haus"), "1 row not in Unicode form NFC", "pairs:201  'u\u0308ber red' → 'haus'"),
        (
            "misread",
            ("grÃ¼n house", "haus"),
            "1 row looking like UTF-8 once read as Latin-1 or Windows-1252",
            "pairs:201  'grÃ¼n house' → 'haus'",
        ),
        (
            "only punctuation",
            ("@@", "haus rot"),
            "1 row where one side holds only punctuation and the other has letters",
            "pairs:201  '@@' → 'haus rot'",
        ),
        (
            "copies",
            ("red old house", "red old house"),
            "1 row whose target is the source, in several words",
            "pairs:201  'red old house' → 'red old house'",
        ),
        (
            "wild ratio",
            ("red house", "haus " * 40),
            "1 row where the two sides' lengths do not fit each other",
            "pairs:201  9 and 199 characters  'haus haus haus haus haus haus…'",
        ),
    ],
)
def test_an_odd_row_is_found_with_its_place(kind: str, pair: tuple[str, str], text: str, where: str) -> None:
    found = oddities(rows(*many(200), pair))
    assert found[kind] == (text, (where,))


def test_rows_that_are_nearly_all_copies_are_said() -> None:
    copied = [(f"word{number}", f"word{number}") for number in range(100)]
    said = "95 rows whose target is their source: little is to be learned here but copying"
    assert oddities(rows(*copied[:95], *many(5)))["nothing but copies"] == (said, ())
    assert "nothing but copies" not in oddities(rows(*copied[:94], *many(6)))


def test_repeated_pairs_and_sources_with_several_targets_are_counted() -> None:
    found = profile_rows(rows(*many(50), ("a b", "x y"), ("a b", "x y"), ("a b", "x z"), ("c", "z")))
    assert (found.duplicates, found.repeated_sources) == (1, 3)
    texts = {oddity.kind: (oddity.text, oddity.where) for oddity in found.oddities}
    assert texts["duplicates"] == ("1 row repeating an earlier pair exactly", ("pairs:52  as pairs:51  'a b'",))
    assert texts["several targets"] == (
        "3 rows whose source has several targets, up to 2 for one source",
        ("pairs:51, pairs:53  'a b' → 'x y', 'x z'",),
    )


def test_accented_text_and_curly_quotes_are_not_taken_for_misread() -> None:
    assert "misread" not in oddities(rows(*many(50), ("„Ä“ sagte É» Ünal", "déjà vu – ça «va»")))


def test_unusually_long_rows_are_found() -> None:
    text, where = oddities(rows(*many(200), ("house " * 300, "haus " * 100)))["long source"]
    assert text == "1 row with a source over 105 characters, while 99 of 100 have at most 21"
    assert where == ("pairs:201  1,799 characters",)


def test_a_target_that_most_rows_share_and_a_constant_source_column_are_said() -> None:
    found = oddities(rows(*(((source, "N"), "yes") for source, _ in many(60))))
    assert found["one target"][0] == "60 rows with the same target 'yes'"
    assert found["constant"] == ("source column 2 is 'N' in all rows", ("pairs:1",))


def test_sorted_rows_are_said() -> None:
    by_source = sorted(many(100))
    assert "sorted by source," in oddities(rows(*by_source))["sorted"][0]
    by_length = [("x" + draw * number, f"y {number}") for number, draw in enumerate(random.Random(5).choices("zab", k=100))]
    assert "sorted by the source's length" in oddities(rows(*by_length))["sorted"][0]
    assert "sorted" not in oddities(rows(*many(100)))


def test_a_first_row_of_single_words_above_sentences_looks_like_a_header() -> None:
    text, where = oddities(rows(("english", "german"), *many(100)))["header"]
    assert text == "The first row looks like a header. If it is one, say --set data.header=true"
    assert where == ("pairs:1  'english' → 'german'",)
    assert "header" not in oddities(rows(("go", "geh"), ("go", "los"), *many(100)))
    assert "header" not in oddities(rows(*many(1), ("english", "german"), *many(100))[1:])  # the second line, behind a header


# --------------------------------------------------------------------------------------------- dev, sampling, the page


def test_the_overlap_of_dev_with_train_is_counted_whatever_the_unicode_form() -> None:
    train = rows(("ü", "x"), ("b", "y"), ("c", "z"))
    dev = [Row(("u\u0308",), "x", "dev:1"), Row(("b",), "other", "dev:2"), Row(("new",), "y", "dev:3"), Row(("c",), "z", "dev:4")]
    found = profile_rows(iter(train), iter(dev)).overlap
    assert found is not None
    assert (found.dev, found.sources, found.pairs, found.example) == (4, 3, 2, "dev:1 as pairs:1")
    assert found.sentence == (
        "3 of 4 dev rows (75.0%) have a source that training has too, 2 of them with the same target, such as dev:1 as pairs:1: "
        "dev scores will look better than they are."
    )
    assert found.is_considerable
    other = profile_rows(train, [dev[1], dev[2]]).overlap
    assert other is not None
    assert not other.is_considerable, "the same source with another target"
    none = profile_rows(train, dev[2:3]).overlap
    assert none is not None
    assert none.sentence == ""


def test_a_big_file_is_sampled_evenly_in_file_order_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_module, "WHOLE_ROWS", 1000)
    monkeypatch.setattr(profile_module, "SAMPLE_ROWS", 500)
    rows = [Row((f"a{number}",), f"{number // 10_000}", f"big.tsv:{number}") for number in range(20_000)]
    assert profile_rows(rows[:1000]).looked_at == 1000
    found = profile_rows(iter(rows))
    assert (found.pairs, found.looked_at, found.is_sampled) == (20_000, 500, True)
    assert describe(found).startswith("20,000 pairs in big.tsv; the numbers below are from 500 of them, drawn evenly\n")
    assert found.commonest_target_share < 0.6  # the second half has the targets 1, the first 0


def test_the_sample_is_also_bounded_in_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_module, "SAMPLE_CHARACTERS", 1000)
    found = profile_rows(Row(("a" * 9,), "b", f"big.tsv:{number}") for number in range(5000))
    assert found.pairs == 5000
    assert 40 <= found.looked_at <= 100
    one = profile_rows([Row(("a" * 5000,), "b", "big.tsv:1")])
    assert (one.pairs, one.looked_at) == (1, 1)


def test_the_page_shows_the_numbers_in_columns_and_each_oddity_with_its_places() -> None:
    data = rows(
        *(((source, "N;SG" if number % 2 else "N;PL"), target) for number, (source, target) in enumerate(many(100))), (("", "N;SG"), "x")
    )
    page = describe(profile_rows(data, data[3:5]))
    lines = page.splitlines()
    assert lines[0] == "101 pairs in memory"
    assert re.split("  +", lines[2].strip()) == ["source 1", "source 2", "target"]
    assert len({len(line) for line in lines[2:5]}) == 1
    assert any(line.split() == ["different", "values", "101", "2", "101"] for line in lines)
    assert any(line.split() == ["separator", "inside", "values", "none", "';'", "none"] for line in lines)
    assert "\nDev\n  2 of 2 dev rows (100.0%) have a source that training has too" in page
    assert page.isascii()
    assert not any(line != line.rstrip() for line in lines)


def test_letters_are_counted_alike_whether_as_numbers_or_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "CODED", 3)
    draw = random.Random(1)
    texts = ["".join(draw.choices("abcd한e\u0301\u1112\u1161🇩🇪 ", k=draw.randint(0, 6))) for _ in range(40)] + ["x", "ß\u0323", "x\u0301"]
    for cut in (Characters().parts, sides._decompose):
        for joined in (texts, [one + other for one, other in zip(texts[::2], texts[1::2], strict=False)] + texts[-1:]):
            assert sides._letters(texts, cut, joined) == sides._symbols(sides._counted(joined, cut)[0], texts, cut, joined)
    assert sides._letters([], Characters().parts, []).total == 0


def test_the_order_of_what_goes_together_is_told_from_the_pairs() -> None:
    draw = random.Random(4)
    lists = [draw.sample("abcdefgh", draw.randrange(3, 8)) for _ in range(100)]
    found = {
        name: profile_rows(rows(*((" ".join(part), " ".join(map(str.upper, changed(part)))) for part in lists))).order
        for name, changed in {"same": list, "reversed": lambda part: part[::-1], "sorted": sorted}.items()
    }
    assert found["same"] == pytest.approx(1.0)
    assert found["reversed"] == pytest.approx(-1.0)
    assert abs(found["sorted"]) < 0.4
    assert profile_rows(rows(("a b", "A B"), ("b a", "B A"))).order == 0.0, "too few to say"


# -------------------------------------------------------------------------------------------------------- dictionaries


def dictionary(*more: tuple[str, str]) -> list[Row]:
    """Words and their sounds, and further rows."""
    return rows(*[(f"w{number}", f"{'ABC'[number % 3]} {'KLM'[number % 2]} T") for number in range(20)], *more)


@pytest.mark.parametrize("brackets", ["()", "[]"])
def test_sources_that_are_others_with_a_number_behind_them_are_odd(brackets: str):
    """They were learned as letters, and nothing odd was found."""
    numbered = [(f"w{number}{brackets[0]}{number}{brackets[1]}", "B L") for number in (1, 3, 12)]
    text, where = oddities(dictionary(*numbered))["numbered sources"]
    assert text == (
        "3 rows whose source is another source with a number in brackets behind it, which is learned as letters. "
        "If they are further targets of that source, say --set data.variants=true"
    )
    assert where[0] == f"pairs:21  '{numbered[0][0]}' → 'B L'"
    assert "numbered sources" not in oddities(dictionary(*numbered[:2])), "two are no habit"
    assert "numbered sources" not in oddities(dictionary(*[(f"f({number})", "B L") for number in range(9)])), "there is no f"


def test_weights_before_targets_are_odd():
    weighted = [(row.source, f"{number % 4 / 4} {row.target}") for number, row in enumerate(dictionary())]
    text, where = oddities(rows(*weighted))["weights"]
    assert text.startswith("20 rows whose target begins with a number from 0 to 1, which is learned as part of it.")
    assert where[1] == "pairs:2  'w1' → '0.25 B L T'"
    counted = rows(*[(f"w{number}", f"{number} {'ABC'[number % 3]}") for number in range(20)])
    assert "weights" not in oddities(counted)
    assert "weights" not in oddities(rows(*[(f"w{number}", f"{number / 40}") for number in range(20)])), "nothing is behind them"


def test_comments_behind_targets_are_odd():
    text, where = oddities(dictionary(("x", "A K # foreign"), ("y", "B L # foreign french"), ("z", "C # name")))["comments behind"]
    assert text.startswith("3 rows whose target has '#' and words behind it that stand nowhere else, which are learned as part of it.")
    assert where[0] == "pairs:21  'x' → 'A K # foreign'"
    assert "comments behind" not in oddities(dictionary(("x", "A # K"), ("y", "B # L T"), ("z", "C # A"))), "as symbols are"


def test_an_emoji_of_several_characters_has_nothing_invisible():
    """Each joiner and tag inside one was named."""
    family, flag = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert "zero width" not in oddities(rows((f"a {family}", "family"), (f"b {flag}", "flag")))
    assert oddities(rows((f"a {family}", "family"), ("c\u200bd", "word")))["zero width"][0].startswith("1 row with invisible")
