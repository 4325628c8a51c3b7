"""The config that is chosen from the profile of the data."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from seqloom.config import DataConfig, FieldsConfig, RecurrentDecoder, TextField, TokenHead, TokensField
from seqloom.data.memory_rows import rows_from_memory
from seqloom.planning.autoconfig import Choice, choose, learning_rate
from seqloom.planning.plan import make_plan
from seqloom.planning.profile import profile_rows
from seqloom.settings import read_settings


def chosen(pairs: list[tuple[str | tuple[str, ...], str]]) -> Choice:
    rows = rows_from_memory(pairs)
    return choose(profile_rows(rows), DataConfig())


def numbers(count: int) -> list[tuple[str | tuple[str, ...], str]]:
    """Sequences of ten different tokens, and the same reversed."""
    draw = random.Random(1)
    lists = [[str(draw.randrange(10)) for _ in range(draw.randrange(3, 9))] for _ in range(count)]
    return [(" ".join(part), " ".join(reversed(part))) for part in lists]


def words(count: int) -> list[tuple[str | tuple[str, ...], str]]:
    """Made words of letters, and their letters as tokens."""
    draw = random.Random(1)
    made = ["".join(draw.choice("abcdefghijkl") for _ in range(draw.randrange(3, 12))) for _ in range(count)]
    return [(word, " ".join(word.upper())) for word in made]


def sentences(count: int) -> list[tuple[str | tuple[str, ...], str]]:
    """Sentences of words from an open set, and the like of these in another order."""
    draw = random.Random(1)
    made = [[f"w{int(draw.paretovariate(0.5)) % 100_000}x" for _ in range(draw.randrange(6, 14))] for _ in range(count)]
    return [(" ".join(part), " ".join(part[::-1]).replace("w", "v")) for part in made]


def test_a_closed_set_of_tokens_on_both_sides_gets_tokens_and_a_small_network() -> None:
    choice = chosen(numbers(6000))
    assert [field.kind for field in (*choice.config.fields.source, choice.config.fields.target)] == ["tokens", "tokens"]
    assert (choice.config.model.encoder.width, choice.config.model.dropout, choice.config.training.batch.size) == (128, 0.1, 512)
    assert chosen(numbers(20_000)).config.model.encoder.width == 256
    assert choice.reasons["fields.target"] == "a closed set of 10 tokens, 0 of them seen once"


def test_targets_whose_line_breaks_and_blanks_are_meant_are_no_tokens() -> None:
    lines = [(f"list {number} {row}", f"- a{number}\n- b{number}\n\tc") for row in range(300) for number in (row % 10,)]
    assert chosen(lines).config.fields.target == TextField(unit="character")
    plain = [(source, " ".join(target.split())) for source, target in lines]
    assert chosen(plain).config.fields.target.kind == "tokens"
    slip = [*plain[1:], ("list 0 0", "- a0  - b0 c")]
    plan = make_plan(slip, dev=plain[:20])
    assert plan.config.fields.target.kind == "tokens"
    assert any(
        note.startswith("1 of 300 targets have tabs, line breaks or several blanks between tokens: each becomes") for note in plan.notes
    )
    assert not any("blanks between tokens" in note for note in make_plan(plain, dev=plain[:20]).notes)


def test_words_are_spelled_and_get_two_layers_and_their_phones_are_tokens() -> None:
    config = chosen(words(3000)).config
    assert config.fields.source == [TextField(unit="character")]
    assert config.fields.target.kind == "tokens"
    assert config.model.encoder.layers == 2
    assert config.training.early_stopping.metric == "token_error_rate"


def test_what_is_spelled_is_judged_by_its_characters_in_several_words_too() -> None:
    short = [(word, " ".join([word[:3], word[1:4], word[2:6]])) for word, _ in words(3000)]
    config = chosen(short).config
    assert config.fields.target == TextField(unit="character")
    assert config.training.early_stopping.metric == "character_error_rate"


def test_few_words_get_a_narrow_network_and_sentences_and_many_words_a_wide_one() -> None:
    widths = [chosen(pairs).config.model.encoder.width for pairs in (words(21_000), sentences(1500), sentences(3000), words(100_000))]
    assert widths == [256, 256, 512, 512]


def test_a_second_layer_of_the_decoder_runs_over_what_is_copied_letter_by_letter() -> None:
    copied = chosen([(word, f"{word}xyz") for word, _ in words(3000)])
    assert copied.config.model.decoder == RecurrentDecoder(layers=2, width=256, attend_after="first")
    assert copied.reasons["model.decoder.layers"] == "the second knows what was copied before (measured on dev)"
    for pairs in (words(3000), sentences(3000), questions(2500, copied=True)):
        assert chosen(pairs).config.model.decoder.layers == 1


def test_pairs_that_repeat_are_gone_over_less_often_and_what_is_left_counts() -> None:
    once, often = words(1000), words(1000) * 9
    choice = chosen(often)
    assert choice.config.data.repeats == "root"
    assert choice.reasons["data.repeats"] == "89% of the pairs repeat an earlier one: of n alike √n are gone over, which leaves 2,992"
    assert choice.config.training.epochs == chosen(words(3000)).config.training.epochs
    assert chosen(once).config.data.repeats == "all"


def test_a_target_spelled_with_the_letters_of_its_source_gets_a_pointer() -> None:
    endings = [(word, f"{word}xyz") for word, _ in words(300)]
    choice = chosen(endings)
    assert choice.config.model.copy_source
    assert choice.reasons["model.copy"].endswith("of the target's characters stand in their source")
    assert not chosen([(word, target.replace(" ", "")) for word, target in words(300)]).config.model.copy_source
    assert not chosen(words(300)).config.model.copy_source


def test_sentences_are_cut_into_shared_subwords_and_judged_by_bleu() -> None:
    config = chosen(sentences(1500)).config
    assert config.fields.shared
    assert config.model.tie_embeddings == "all"
    assert isinstance(config.fields.target, TextField)
    assert config.fields.target.unit == "subword"
    assert config.training.early_stopping.metric == "bleu"


def test_syllable_blocks_are_taken_apart_where_new_texts_would_hold_unseen_ones() -> None:
    draw = random.Random(1)
    blocks = ["".join(chr(0xAC00 + draw.randrange(11_172)) for _ in range(3)) for _ in range(2500)]
    letters = chosen([(block, " ".join("ab")) for block in blocks]).config.fields.source[0]
    assert isinstance(letters, TextField)
    assert letters.decompose
    plain = chosen(words(2500)).config.fields.source[0]
    assert isinstance(plain, TextField)
    assert not plain.decompose


def test_tags_are_split_at_the_mark_between_them_and_the_lemma_is_spelled() -> None:
    draw = random.Random(1)
    rows = [((word, ";".join(["V", draw.choice(["PST", "PRS"]), draw.choice("123")])), word + "x") for word, _ in words(2500)]
    source = chosen([((str(lemma), tags), form) for (lemma, tags), form in rows]).config.fields.source
    assert source[1] == TokensField(separator=";")
    assert isinstance(source[0], TextField)


def test_rows_that_are_there_twice_and_words_said_twice_close_no_set() -> None:
    twos = [f"{one} {other}" for (one, _), (other, _) in pairwise(words(801))][::2]  # no word stands in two of them
    names: list[tuple[str | tuple[str, ...], str]] = [(name, name[::-1]) for name in twos]
    for pairs in (names, names * 2, names * 30, [(f"{source} {source}", f"{target} {target}") for source, target in names]):
        fields = chosen(pairs).config.fields
        assert [field.kind for field in (*fields.source, fields.target)] == ["text", "text"]
    assert chosen(names * 2).config.model == chosen(names).config.model


def test_a_few_very_long_sources_are_cut_and_it_is_said() -> None:
    pairs = sentences(1000)
    pairs[7:27] = [(" ".join([str(source)] * 150), target) for source, target in pairs[7:27]]
    choice = chosen(pairs)
    assert choice.config.data.too_long == "cut"
    assert "far above the mean" in choice.reasons["data.max_source_length"]


def chats(where: str, longest: int = 400) -> list[tuple[str | tuple[str, ...], str]]:
    """Idle talk, a question at one end of it, and its answer; one in twenty is long."""
    draw, talk = random.Random(4), ["hello", "my", "friend", "how", "are", "you", "it", "is", "fine", "we", "talk", "a", "lot"]
    answers, pairs = {"red": "like fire", "blue": "like the sea", "green": "like grass"}, list[tuple[str | tuple[str, ...], str]]()
    for number in range(600):
        idle = " ".join(draw.choices(talk, k=12 if number % 20 else longest))
        colour = draw.choice(list(answers))
        asked = f"what is {colour} ?" if where else "say what you like"
        pairs.append((f"{asked} {idle}" if where == "begin" else f"{idle} {asked}", answers[colour]))
    return pairs


def test_of_long_sources_the_end_that_says_more_of_the_target_is_read() -> None:
    for end, words in (("begin", "first"), ("end", "last")):
        choice = chosen(chats(end, 2000))
        assert (choice.config.data.too_long, choice.config.data.keep) == ("cut", end)
        assert choice.reasons["data.keep"].startswith(f"the {words} words of sources say more of their targets than the ")


def test_where_neither_end_says_more_the_name_of_the_column_decides(tmp_path: Path) -> None:
    lines = "\n".join(map("\t".join, chats("", 2000)))
    for name, end in (("history", "end"), ("passage", "begin"), ("context", "end")):
        (tmp_path / "pairs.tsv").write_text(f"{name}\tanswer\n{lines}\n")
        plan = make_plan(tmp_path / "pairs.tsv", source=name, target="answer")
        assert (plan.config.data.too_long, plan.config.data.keep) == ("cut", end)


def test_sources_of_less_than_a_thousand_symbols_are_read_whole() -> None:
    assert chosen(chats("end", 400)).config.data == DataConfig()


def test_long_sources_are_not_cut_where_their_targets_say_all_of_them() -> None:
    pairs = sentences(1000)
    pairs[7:27] = [(" ".join([str(source)] * 150), " ".join([target] * 150)) for source, target in pairs[7:27]]
    assert chosen(pairs).config.data == DataConfig()


def test_texts_without_blanks_get_subwords_enough_for_their_alphabet() -> None:
    draw = random.Random(1)
    often = [chr(0x4E00 + number) for number in range(1200)]
    texts = ["".join(draw.choices(often, k=80)) for _ in range(300)]
    choice = chosen([(text, text[::-1]) for text in texts])
    assert choice.config.fields.target == TextField(unit="subword", subwords="unigram", max_size=260 + 2 * 1200)
    assert choice.reasons["fields.target"] == (
        "texts of 80 characters on average, without blanks between words; 2,660 subwords for 1,200 characters that recur"
    )
    assert "500 subwords for this much text" in chosen(sentences(300)).reasons["fields.target"]


def test_a_pass_has_no_more_updates_than_pairs_and_a_batch_of_long_sources_several() -> None:
    draw = random.Random(1)
    for length, size, updates in ((2400, 8192, 18), (130, 2048, 4), (20, 512, 3)):
        pairs = [(" ".join(f"w{draw.randrange(800)}" for _ in range(length)), f"{draw.randrange(10)}") for _ in range(60)]
        choice = chosen([*pairs])
        assert choice.config.training.batch.size == size
        assert choice.reasons["training.batch.size"] == f"about {updates} updates a pass"
        assert choice.config.training.schedule.warmup_steps <= 0.03 * 60 * choice.config.training.epochs


def test_few_pairs_are_gone_through_more_often_than_many() -> None:
    few, many = chosen(words(2500)).config.training, chosen(words(10_000)).config.training
    assert (few.epochs, many.epochs) == (72, 36)


def test_batches_grow_with_the_number_of_pairs_but_not_to_very_many_short_ones() -> None:
    def size(pairs: list[tuple[str | tuple[str, ...], str]]) -> int:
        return chosen(pairs).config.training.batch.size

    phrases = [(f"{one} {other}", f"{more} {less}") for (one, more), (other, less) in pairwise(words(6001))]
    assert [size(words(2500)), size(words(10_000)), size(words(21_000))] == [512, 512, 512]
    assert [size(phrases[:4000]), size(phrases)] == [512, 1024], "1,024 symbols are 62 of them, and 146 words"
    assert [size(sentences(20_001)), size(sentences(50_001))] == [1024, 2048], "some words are no measure of sentences"


def test_less_is_dropped_from_narrow_networks_unless_pairs_are_very_few() -> None:
    assert [chosen(words(count)).config.model.dropout for count in (1500, 2500, 100_000)] == [0.4, 0.2, 0.3]
    assert chosen(words(2500)).reasons["model.dropout"] == "2,500 pairs, 256 wide: the fewer and the wider, the more"
    assert chosen(sentences(2500)).config.model.dropout == 0.4, "512 wide"
    assert chosen(sentences(10_001)).config.model.dropout == 0.25, "and not few"


def test_every_reason_names_a_setting_that_exists() -> None:
    choice = chosen(words(2500))
    for key in choice.reasons:
        part: object = choice.config.model_dump(by_alias=True)
        for name in key.split("."):
            part = part[int(name)] if isinstance(part, list) else part[name]


def test_long_texts_without_blanks_are_judged_by_a_metric_that_fits_them() -> None:
    draw = random.Random(1)
    proteins = ["".join(draw.choice("ACDEFGHIKLMNPQRSTVWY") for _ in range(80)) for _ in range(300)]
    assert chosen([(text, text[::-1]) for text in proteins]).config.training.early_stopping.metric == "character_error_rate"


def test_the_learning_rate_is_higher_for_narrow_networks_and_lower_for_sentences_and_few_symbols() -> None:
    assert [learning_rate(width, gently=False)[0] for width in (128, 256, 384, 512)] == [0.004, 0.004, 0.002, 0.002]
    assert [learning_rate(width, gently=True)[0] for width in (256, 512)] == [0.002, 0.001]
    assert chosen(numbers(3000)).config.training.optimizer.learning_rate == 0.002


def questions(count: int, *, copied: bool) -> list[tuple[str | tuple[str, ...], str]]:
    """Questions about a course by its number, and a query that names it, or another."""
    draw = random.Random(1)
    numbers = draw.sample(range(1000, 99_999), 2 * count)
    ask = ["who teaches {} in the spring term ?", "is {} open to those who are new here ?", "when does the class {} meet each week ?"]
    named = zip(numbers[:count], numbers[: count if copied else 2 * count][-count:], strict=True)
    return [
        (draw.choice(ask).format(said), f'SELECT name FROM course AS c WHERE c.level = "all" AND c.number = {meant} ;')
        for said, meant in named
    ]


def test_new_words_that_stand_in_their_source_are_copied_whole() -> None:
    choice = chosen(questions(2500, copied=True))
    fields, model = choice.config.fields, choice.config.model
    assert (fields.source, fields.target) == ([TextField(unit="word", min_count=2)], TextField(unit="word", min_count=2))
    assert (model.copy_source, model.tie_embeddings, model.encoder.layers) == (True, "target", 1)
    assert choice.reasons["fields.target"] == (
        "words, of which a pointer copies the new: 100% of the target's rarest words stand in their source"
    )
    assert choice.config.training.early_stopping.metric == "bleu"


def test_an_answer_is_picked_out_of_its_context_word_by_word_and_else_spelled() -> None:
    draw, first = random.Random(1), random.Random(2)
    names = ["".join(first.choices("abdeiklmnorstu", k=7)) for _ in range(3000)]

    def asked(place: int, answer: str) -> tuple[tuple[str, ...], str]:
        told = [f"{draw.choice(names[:500])} lives in {name} since last year ." for name in names[place : place + 3]]
        return (" ".join(told), "who lives where now , and since when ?"), answer

    picked = chosen([asked(place, names[place + place % 3]) for place in range(2500)])
    word = TextField(unit="word", min_count=2)
    assert (picked.config.fields.source[0], picked.config.fields.target) == (word, word)
    assert picked.config.model.copy_source
    others = chosen([asked(place, names[(place + (9 if place % 5 else 1)) % 3000]) for place in range(2500)])
    assert others.config.fields.target == TextField(unit="character")


def test_sentences_whose_new_words_are_others_than_their_sources_are_not_copied() -> None:
    choice = chosen(questions(2500, copied=False))
    assert not choice.config.model.copy_source
    assert isinstance(choice.config.fields.target, TextField)
    assert choice.config.fields.target.unit == "subword"


def test_sentences_of_which_case_or_marks_are_to_be_restored_are_written_in_pieces() -> None:
    draw = random.Random(1)
    names = ["".join(draw.choices("acdeghilmnorstu", k=8)).title() for _ in range(5000)]

    def fields(share: float, lost: Callable[[str], str]) -> FieldsConfig:
        said = [f"{name} was seen with {other} in the town" for name, other in zip(names[::2], names[1::2], strict=True)]
        return chosen([(lost(text) if place < share * len(said) else text, f"{text} .") for place, text in enumerate(said)]).config.fields

    word, marks = TextField(unit="word", min_count=2), str.maketrans("", "", "\u0301")
    assert fields(0.05, str.lower).target == word, "a pointer writes nearly all"
    assert fields(0.05, lambda text: text[::-1]).target == word
    assert fields(0.4, lambda text: text[::-1]).target == word, "what is not in the source in any spelling is no reason for pieces"
    lower = fields(0.4, str.lower)
    assert isinstance(lower.target, TextField)
    assert (lower.target.unit, lower.shared) == ("subword", True)
    names = [f"{name}o\u0301" for name in names]
    bare = fields(0.4, lambda text: text.translate(marks))
    assert isinstance(bare.target, TextField)
    assert bare.target.unit == "subword"


def test_where_a_part_of_the_new_words_stands_in_the_source_pieces_of_them_are_copied() -> None:
    some, others = ([(said, meant.lower()) for said, meant in questions(2500, copied=copied)] for copied in (True, False))
    choice = chosen([*some[:900], *others[900:]])
    assert choice.config.fields.shared
    assert (choice.config.model.copy_source, choice.config.model.tie_embeddings) == (True, "all")
    assert choice.reasons["model.copy"] == "36% of the target's rarest words stand in their source"
    assert not chosen([*some[:500], *others[500:]]).config.model.copy_source


# ------------------------------------------------------------------------------------------------------------------- few

VOWELS, CONSONANTS = "aeiou", "bdfgklmnprstvz"


def spoken(count: int, *, each: str = "{}") -> list[tuple[str | tuple[str, ...], str]]:
    """Made words and their phones, a letter each, in the same order; `each`: how a phone is written."""
    draw = random.Random(3)
    made = ["".join(draw.choice(CONSONANTS) + draw.choice(VOWELS) for _ in range(draw.randrange(2, 5))) for _ in range(count)]
    return [(word, " ".join(each.format(letter.upper()) for letter in word)) for word in made]


def of_ctc(choice: Choice) -> tuple[float, int, float]:
    head = choice.config.model.head
    assert isinstance(head, TokenHead)
    return head.ctc_weight, head.ctc_readings, choice.config.search.ctc_weight


def test_few_words_whose_phones_keep_their_order_are_aligned_by_ctc() -> None:
    choice = chosen(spoken(200))
    assert of_ctc(choice) == (0.5, 1, 0.5)
    assert "200 pairs, few, and targets keep the order of their sources (1.00)" in choice.reasons["model.head.ctc_weight"]
    assert of_ctc(chosen(spoken(200, each="{0} {0}x"))) == (0.5, 2, 0.5), "two phones a letter"
    assert of_ctc(chosen(spoken(200, each="{0} {0}x {0}y {0}z"))) == (0.0, 1, 0.0), "too many for two readings a state"
    assert of_ctc(chosen(spoken(2500))) == (0.0, 1, 0.0)
    assert of_ctc(chosen([(word, phones[::-1]) for word, phones in spoken(200)])) == (0.0, 1, 0.0), "in the reverse order"
    assert of_ctc(chosen([((word, "N"), phones) for word, phones in spoken(200)])) == (0.0, 1, 0.0), "two columns"
    assert of_ctc(chosen([(word, word + "s") for word, _ in spoken(200)])) == (0.0, 1, 0.0), "a pointer copies"


def test_phones_of_few_words_are_tokens_and_words_of_few_sentences_are_none() -> None:
    """At 50 rows too many symbols stand in one row alone for a closed set: they were spelled, blanks and all."""
    for count in (50, 200):
        assert chosen(spoken(count)).config.fields.target.kind == "tokens"
        assert chosen(spoken(count, each="{}ː")).config.fields.target.kind == "tokens"
        assert chosen(sentences(count)).config.fields.target.kind == "text"


@pytest.mark.parametrize(
    "setting",
    [
        "model.head.ctc_weight=0",
        "model.head={ctc_weight: 0}",
        "fields.target={kind: text, unit: character}",
        "model.encoder.subsampling={kind: conv, factor: 2}",
    ],
)
def test_ctc_gives_way_to_what_leaves_it_no_place(setting: str) -> None:
    config = make_plan(spoken(200), settings=read_settings([setting])).config
    assert (config.model.head.ctc_weight, config.search.ctc_weight) == (0.0, 0.0)


@pytest.mark.parametrize("setting", ["model.head.ctc_weight=0.3", "fields.target={kind: tokens}", "model.decoder.kind=transformer"])
def test_ctc_stays_beside_what_leaves_it_room(setting: str) -> None:
    config = make_plan(spoken(200), settings=read_settings([setting])).config
    assert config.model.head.ctc_weight == (0.3 if "0.3" in setting else 0.5)
    assert config.search.ctc_weight == 0.5


def test_targets_of_three_words_that_are_no_spelling_are_judged_by_what_of_them_is_said() -> None:
    """One of 3.98 words on average was judged letter by letter, one of 4 by BLEU."""
    for words, metric in ((3, "chrf"), (5, "bleu")):
        pairs = [(source, " ".join(str(target).split()[:words])) for source, target in sentences(600)]
        choice = chosen([(source, f"{target} {'x' * 20}"[:200] if words > 3 else f"{target}x{'y' * 9}") for source, target in pairs])
        assert choice.config.training.early_stopping.metric == metric


def passages(is_in: bool) -> list[tuple[str | tuple[str, ...], str]]:
    """Questions on passages of few different words, whose answers stand in them with a mark behind, or do not."""
    draw = random.Random(3)
    names, towns = ["Anna", "Bilal", "Chen", "Dara"], ["Paris", "Oslo", "Lima", "Cairo", "Delhi"]
    rows = list[tuple[str | tuple[str, ...], str]]()
    for _ in range(600):
        homes = dict(zip(names, draw.choices(towns, k=4), strict=True))
        told = " ".join(f"{name} lives in the town of {home}." for name, home in homes.items())
        name = draw.choice(names)
        rows.append(((f"Where does {name} live now?", told), homes[name] if is_in else homes[name][::-1]))
    return rows


def test_answers_that_are_a_part_of_their_source_are_copied_though_its_words_are_few() -> None:
    """`Oslo.` and `Oslo` were two symbols, and the answer was spelled: nothing could point at it."""
    choice = chosen(passages(True))
    assert [(field.kind, getattr(field, "unit", "")) for field in (*choice.config.fields.source, choice.config.fields.target)] == [
        ("text", "word"),
        ("text", "word"),
        ("text", "word"),
    ]
    assert choice.config.model.copy_source
    assert choice.reasons["fields.target"] == (
        "words, which a pointer copies: 100% of the targets are a part of their source, but for marks around it"
    )
    spelled = chosen(passages(False)).config
    assert [field.kind for field in spelled.fields.source] == ["tokens", "tokens"]
    assert not spelled.model.copy_source
