import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.batching import Example
from seqloom.config import ArrayField, DataConfig, FieldsConfig, TokensField
from seqloom.corpus import Corpus, encode_rows, length_ratio
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, DataError, TrainingError
from seqloom.fields.task import Fields
from seqloom.fields.vocabulary import EOS, SEP, UNK


def ids(*numbers: int) -> np.ndarray[Any, Any]:
    return np.array(numbers, dtype=np.int64)


EXAMPLES = [
    Example(ids(5, 6, 7, EOS), ids(8, 9), "a:1"),
    Example(ids(EOS), ids(), "a:2"),
    Example(ids(70_000, EOS), ids(9, 8, 7, 6, 5), "a:3"),
]
POINTING = [Example(example.source, example.target, "", np.arange(len(example.source)) - 1) for example in EXAMPLES]


def same(ours: Corpus, theirs: list[Example]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.source.tolist() == other.source.tolist()
        assert one.target.tolist() == other.target.tolist()
        assert (one.copy is None) == (other.copy is None)
        assert one.copy is None or other.copy is None or one.copy.tolist() == other.copy.tolist()
        assert one.source.dtype == one.target.dtype == np.int64


@pytest.mark.parametrize("examples", [EXAMPLES, POINTING, EXAMPLES[1:2], []], ids=["plain", "pointing", "one", "none"])
def test_a_corpus_gives_back_its_examples_saved_and_loaded_too(examples: list[Example], tmp_path: Path):
    corpus = Corpus.build(examples)
    same(corpus, examples)
    assert corpus.source_lengths.tolist() == [len(example.source) for example in examples]
    assert corpus.target_lengths.tolist() == [len(example.target) for example in examples]
    corpus.save(tmp_path / "deep" / "corpus")
    same(Corpus.load(tmp_path / "deep" / "corpus"), examples)


def test_examples_can_be_taken_in_any_order(tmp_path: Path):
    Corpus.build(EXAMPLES).save(tmp_path)
    corpus = Corpus.load(tmp_path)
    assert [corpus[place].target.tolist() for place in (2, 0, 1, 2)] == [[9, 8, 7, 6, 5], [8, 9], [], [9, 8, 7, 6, 5]]


@pytest.mark.parametrize("name", ["source.npy", "source_ends.npy", "target.npy", "target_ends.npy", "copy.npy", "corpus.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "noise", "longer"])
def test_a_damaged_corpus_is_refused(tmp_path: Path, name: str, damage: str):
    Corpus.build(POINTING).save(tmp_path)
    file = tmp_path / name
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "longer" and name != "corpus.json":
        np.save(file, np.arange(99))
    else:
        file.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "noise": b"\x00" * 200, "longer": b"[1]"}[damage])
    with pytest.raises(CheckpointError, match=re.escape(f"{tmp_path}: the encoded training data is damaged (")):
        Corpus.load(tmp_path)


def test_pickled_arrays_are_not_read(tmp_path: Path):
    Corpus.build(EXAMPLES).save(tmp_path)
    np.save(tmp_path / "source.npy", np.array([{}, {}, {}, {}, {}, {}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError):
        Corpus.load(tmp_path)


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(
        TrainingError, match=re.escape(f"{tmp_path}: the encoded training data cannot be written (No space left on device).")
    ):
        Corpus.build(EXAMPLES).save(tmp_path)


# ------------------------------------------------------------------------------------------------------------- encoding

PAIRS = [("a b c", "b a"), ("c c", "a")]


def rows_of(*pairs: tuple[str, str]) -> list[Row]:
    return [Row((source,), target, f"pairs.tsv:{line}") for line, (source, target) in enumerate(pairs, 1)]


FIELDS = Fields.fit(FieldsConfig(source=[TokensField()], target=TokensField()), rows_of(*PAIRS))
A, B = FIELDS.target.vocabulary.id("a"), FIELDS.target.vocabulary.id("b")
SIZE = FIELDS.target.size


def encode(*pairs: tuple[str, str], copy: bool = False, trained: bool = True, counts: Any = None, **data: Any) -> list[Example]:
    return list(encode_rows(rows_of(*pairs), FIELDS, DataConfig(**data), copy=copy, trained=trained, counts=counts))


def test_rows_become_examples_that_know_their_place():
    first, second = encode(("a b", "b a"), ("c", ""))
    assert (first.where, second.where) == ("pairs.tsv:1", "pairs.tsv:2")
    assert len(first.source) == 3
    assert first.source[-1] == EOS
    assert first.target.tolist() == [B, A]
    assert second.target.tolist() == []
    assert first.copy is None


def test_a_model_that_copies_gets_ids_for_what_the_target_lacks():
    (example,) = encode(("X a Y X", "Y a Z X c"), copy=True)
    assert example.copy is not None
    assert example.copy.tolist() == [SIZE, A, SIZE + 1, SIZE, -1]
    assert example.target.tolist() == [SIZE + 1, A, UNK, SIZE, UNK]


def test_a_row_without_source_is_refused_with_its_place():
    message = "pairs.tsv:2: the source is empty; expected at least one symbol. Mend the line, or go on without such rows: --skip-bad."
    with pytest.raises(DataError, match=re.escape(message)):
        encode(("a", "a"), ("", "b"))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            ("a b a b", "a"),
            "the source has 4 symbols; the limit is 3. Mend the line, raise it with --set data.max_source_length=4, or cut or skip",
        ),
        (
            ("a", "a b a"),
            "the target has 3 symbols; the limit is 2. Mend the line, raise it with --set data.max_target_length=3, or cut or skip",
        ),
    ],
)
def test_a_pair_over_a_limit_is_refused_with_place_length_and_limit(pair: tuple[str, str], message: str):
    limits = {"max_source_length": 3, "max_target_length": 2}
    assert len(encode(("a b a", "a b"), **limits)) == 1
    with pytest.raises(DataError, match=re.escape(f"pairs.tsv:1: {message} such pairs with --set data.too_long=cut (or skip).")):
        encode(pair, **limits)


@pytest.mark.parametrize("too_long", ["error", "skip"])
def test_what_is_answered_or_measured_is_never_skipped_and_the_advice_is_what_can_be_done(too_long: str):
    message = "pairs.tsv:1: the source has 2 symbols; the limit is 1. Shorten it, or train a model with --set data.max_source_length=2 or "
    with pytest.raises(DataError, match=re.escape(f"{message}--set data.too_long=cut.")):
        encode(("a b", ""), trained=False, too_long=too_long, max_source_length=1)
    assert len(encode(("a b", ""), trained=False, too_long="cut", max_source_length=1)) == 1


def test_what_is_too_long_is_skipped_or_cut_and_counted():
    pairs = [("a b a b", "a"), ("a", "a b a"), ("a b a", "a b")]
    counts: dict[str, int] = {}
    limits = {"max_source_length": 3, "max_target_length": 2}
    assert [example.where for example in encode(*pairs, counts=counts, too_long="skip", **limits)] == ["pairs.tsv:3"]
    assert counts == {"skip": 2}
    counts = {}
    cut = encode(*pairs, counts=counts, too_long="cut", **limits)
    assert counts == {"cut": 2}
    assert [(len(example.source), len(example.target)) for example in cut] == [(4, 1), (2, 2), (4, 2)]
    assert all(example.source[-1] == EOS for example in cut)


def test_a_symbol_that_was_cut_from_the_source_cannot_be_copied_any_more():
    """It would have probability zero wherever it stands in the target, a loss of 69 nats that no update can lower."""
    (example,) = encode(("a X b Y", "Y X"), copy=True, too_long="cut", max_source_length=2)
    assert example.copy is not None
    assert example.copy.tolist() == [A, SIZE, -1]
    assert example.target.tolist() == [UNK, SIZE]


def columns(text: str) -> tuple[str, ...]:
    return tuple(text.split("/"))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (20, "a b c d e f g/h i/j k l m n"),
        (15, "a b c d e f/h i/j k l m n"),
        (12, "a b c d/h i/j k l m"),
        (8, "a b/h i/j k"),
        (7, "a b/h/j k"),
        (5, "a/h/j"),
        (4, "a//j"),
        (1, "//"),
    ],
)
def test_of_several_columns_the_longest_are_cut_and_short_ones_stay_whole(limit: int, expected: str):
    whole = columns("a b c d e f g/h i/j k l m n")
    rows = [Row(whole, "", "pairs.tsv:1")]
    fields = Fields.fit(FieldsConfig(source=[TokensField()] * 3, target=TokensField()), rows)
    counts = dict[str, int]()
    cut = DataConfig(max_source_length=limit, too_long="cut")
    (example,) = encode_rows(rows, fields, cut, copy=True, trained=True, counts=counts)
    assert example.source.tolist() == fields.source.encode(columns(expected)).tolist()
    assert counts == ({"cut": 1} if limit < 16 else {})
    assert example.copy is not None
    assert [number >= 0 for number in example.copy] == [number > SEP for number in example.source]


@pytest.mark.parametrize(
    ("whole", "limit", "expected"),
    [("a b a X c Y", 3, "X c Y"), ("a b", 3, "a b"), ("a b c d e/h i", 6, "c d e/h i"), ("a b/h i j k", 4, "b/j k")],
)
def test_what_is_said_last_is_read_where_that_is_asked_for(whole: str, limit: int, expected: str):
    rows = [Row(columns(whole), "X Y", "pairs.tsv:1")]
    fields = Fields.fit(FieldsConfig(source=[TokensField()] * len(columns(whole)), target=TokensField()), rows)
    (example,) = encode_rows(rows, fields, DataConfig(max_source_length=limit, too_long="cut", keep="end"), copy=True, trained=True)
    assert example.source.tolist() == fields.source.encode(columns(expected)).tolist()
    assert example.copy is not None
    whole_copies, _ = fields.copy_ids(columns(whole))
    kept = fields.kept(fields.source.encode(columns(whole)), limit, "end")
    assert example.copy.tolist() == whole_copies[kept].tolist()


def test_of_frames_too_the_last_are_read_where_that_is_asked_for():
    frames = np.arange(10.0).reshape(5, 2)
    sources = [Row((str(frames.tolist()),), "a", "pairs.jsonl:1")]
    fields = Fields.fit(FieldsConfig(source=[ArrayField()], target=TokensField()), sources)
    whole = fields.source.encode(sources[0].source)
    (example,) = encode_rows(sources, fields, DataConfig(max_source_length=2, too_long="cut", keep="end"), copy=False, trained=True)
    assert example.source.tolist() == whole[-2:].tolist()


def test_fields_of_older_models_cut_the_end_whatever_column_stands_there():
    rows = [Row(("a b c d", "e f"), "", "pairs.tsv:1")]
    fields = Fields.fit(FieldsConfig(source=[TokensField()] * 2, target=TokensField()), rows)
    state = fields.state()
    assert Fields.from_state(state).shares_limit
    older = Fields.from_state({name: value for name, value in state.items() if name != "shares_limit"})
    (example,) = encode_rows(rows, older, DataConfig(max_source_length=5, too_long="cut"), copy=False, trained=True)
    assert example.source.tolist() == fields.source.encode(("a b c d", "")).tolist()


def test_the_length_ratio_lets_nearly_all_targets_be_written() -> None:
    examples = [Example(np.arange(4, 8), np.full(50, 5), "x")] * 20 + [Example(np.arange(4, 8), np.full(3, 5), "x")] * 80
    assert length_ratio(Corpus.build(examples)) == 12.0  # (50 - 10) / 4, and a fifth more
    assert length_ratio(Corpus.build([Example(np.arange(4, 8), np.full(3, 5), "x")])) == 1.0


def test_short_targets_of_frames_leave_room_for_those_of_longer_ones() -> None:
    """A hundred moments that take six symbols: of a thousand moments sixty are to be had, and not the ten that all may have."""
    assert length_ratio(Corpus.build([Example(np.ones((100, 3), np.float32), np.full(6, 5), "x")])) == 0.08


def test_frames_are_kept_whole_and_read_by_memory_map(tmp_path: Path):
    draw = np.random.default_rng(1)
    examples = [
        Example(draw.normal(size=(length, 3)).astype(np.float32), draw.normal(size=(2, 1)).astype(np.float32), "",
                known=draw.normal(size=(2, 4)).astype(np.float32))
        for length in (5, 1, 8)
    ]  # fmt: skip
    corpus = Corpus.build(examples)
    corpus.save(tmp_path / "corpus")
    for kept in (corpus, Corpus.load(tmp_path / "corpus")):
        assert (kept.source_lengths.tolist(), kept.target_lengths.tolist()) == ([5, 1, 8], [2, 2, 2])
        for mine, theirs in zip(examples, kept, strict=True):
            for name in ("source", "target", "known"):
                np.testing.assert_array_equal(getattr(theirs, name), getattr(mine, name))
        batch = kept.batch([2, 0])
        assert (batch.source.shape, batch.index.tolist()) == ((2, 8, 3), [2, 0])


def test_the_commonest_target_is_found_among_the_first_examples_and_of_equals_it_is_the_first():
    targets = [(8, 9), (7,), (7,), (8, 9), (5, 5), (5, 5), (5, 5)]
    corpus = Corpus.build([Example(ids(EOS), ids(*target), "") for target in targets])
    assert [corpus.commonest_target(among).tolist() for among in (1, 3, 5, 100)] == [[8, 9], [7], [8, 9], [5, 5]]
    assert Corpus.build([Example(ids(EOS), ids(), "")]).commonest_target(1).tolist() == []
