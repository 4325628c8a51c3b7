"""Pairs in whatever Python holds them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.checkpoint import RunDirectory
from seqloom.config import DataConfig
from seqloom.data.memory import hold, hold_sources
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows
from seqloom.data.sources import read_sources
from seqloom.errors import DataError

PAIRS = [("a", "b"), ("c", "d"), ("e", "f")]
SOURCES, TARGETS = ["a", "c", "e"], ["b", "d", "f"]


def held(*arguments: Any, **columns: Any) -> tuple[Any, Any]:
    """The data and the targets."""
    found = hold(*arguments, **columns)
    return found.data, found.targets


class Frame:
    """As much of a data frame as is asked for."""

    def __init__(self, **columns: list[Any]) -> None:
        self.all, self.columns = columns, list(columns)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self.all[name], dtype=object)


class Numbered:
    """A data frame whose columns have no names but 0, 1, 2 …"""

    def __init__(self, columns: list[list[Any]]) -> None:
        self.all, self.columns = columns, np.arange(len(columns))

    def __getitem__(self, name: int) -> list[Any]:
        return self.all[name]


@pytest.mark.parametrize(
    "data",
    [
        PAIRS,
        iter(PAIRS),
        zip(SOURCES, TARGETS, strict=True),
        dict(PAIRS),
        {"source": SOURCES, "target": TARGETS},
        {"target": TARGETS, "source": SOURCES},
        [{"german": source, "english": target} for source, target in PAIRS],
        Frame(german=SOURCES, english=TARGETS),
        Frame(id=[1, 2, 3], target=TARGETS, src=SOURCES),
        np.array(PAIRS),
    ],
    ids=["list", "iterator", "zip", "dictionary", "lists by name", "swapped", "records", "frame", "frame of three", "array"],
)
def test_pairs_are_pairs_in_whatever_they_are_held(data: Any):
    pairs, targets = held(data)
    assert targets is None
    assert [tuple(pair) for pair in pairs] == PAIRS


def test_two_paths_are_parallel_files_whether_together_or_apart(tmp_path: Path):
    for name, lines in (("test.de", SOURCES), ("test.en", TARGETS)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    source, target = tmp_path / "test.de", str(tmp_path / "test.en")
    assert held(source, target) == ([source, target], None)
    settings = [
        "model.embedding=4", "model.encoder.width=4", "model.decoder.width=4", "training.max_steps=1", "training.device=cpu",
        "training.threads=1", "training.precision=float32",
    ]  # fmt: skip
    model = seqloom.train(source, target, dev=PAIRS, out=tmp_path / "run", settings=settings, quiet=True)
    assert model.score(source, target) == model.score(PAIRS)
    assert model.evaluate(source, target) == model.evaluate(PAIRS)


@pytest.mark.parametrize(("data", "targets"), [("test.de", TARGETS), (SOURCES, "test.en"), (PAIRS, "b")])
def test_a_text_beside_a_list_is_refused_and_not_taken_letter_by_letter(data: Any, targets: Any):
    single = data if isinstance(data, str) else targets
    message = f"data: {single!r} beside values in memory; expected two paths, or two lists. Put a single text into a list."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        held(data, targets)


def test_sources_and_targets_may_be_iterators_arrays_and_a_tuple_of_both():
    for sources, targets in ((iter(SOURCES), iter(TARGETS)), (np.array(SOURCES), np.array(TARGETS)), ((SOURCES, TARGETS), None)):
        assert held(sources, targets) == (SOURCES, TARGETS)


def test_paths_and_arrays_of_numbers_stay_what_they_are(tmp_path: Path):
    for data in (None, "pairs.tsv", tmp_path, ["a.txt", "b.txt"]):
        assert held(data) == (data, None)
    numbers = np.zeros((3, 4, 2))
    assert held((numbers, TARGETS))[0] is numbers


def test_lists_of_measured_numbers_are_arrays_and_not_joined() -> None:
    measured = [[0.5, 1.5], [2, 3]]
    pairs, _ = held({"x": measured, "label": ["up", "down"]})
    assert [(source.tolist(), target) for source, target in pairs] == [(measured[0], "up"), (measured[1], "down")]
    assert [source.tolist() for source in hold_sources({"x": measured}, DataConfig(), 1)] == measured
    assert hold_sources([[2, 3]], DataConfig(), 1) == ["2 3"]
    assert hold_sources([[2, 3]], DataConfig(), 1, of_numbers=True)[0].tolist() == [2, 3]


def test_lists_in_records_are_joined_by_blanks_as_those_of_json_lines_are(tmp_path: Path):
    records = [
        {"context": f"c{number}", "question": ["q", f"{number}"], "answers": {"text": [f"a{number}", "b c"], "answer_start": [0, number]}}
        for number in range(3)
    ]
    (file := tmp_path / "qa.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    for source, target in (
        (["context", "question"], "answers.text"),
        (["answers.text"], "context"),
        (["question"], "answers.answer_start"),
    ):
        rows = rows_from_memory(hold(records, source=source, target=target).data)
        from_file = read_rows([str(file)], DataConfig(source=source, target=target))
        assert [(row.source, row.target) for row in rows] == [(row.source, row.target) for row in from_file]
    assert held([{"a": [], "b": "x"}, {"a": ["y", "z"], "b": "x"}])[0] == [("", "x"), ("y z", "x")]


def test_the_parts_of_a_data_set_in_a_dictionary_are_refused_with_what_to_give():
    part = [{"source": source, "target": target} for source, target in PAIRS]
    for data, advice in (
        (
            {"train": PAIRS, "validation": PAIRS},
            r"train, validation\); expected the pairs of one\. Give data\['train'\] and dev=data\['validation'\]\.",
        ),
        ({"train": part, "test": part, "dev": part[:1]}, r"train, test, dev\); .* Give data\['train'\] and dev=data\['dev'\]\."),
        ({"train": SOURCES, "test": TARGETS}, r"train, test\); expected the pairs of one\. Give data\['train'\]\."),
    ):
        with pytest.raises(DataError, match=rf"^data: a dictionary of parts \({advice}$"):
            hold(data)
    assert held({"train": SOURCES, "test": TARGETS}, source="train", target="test")[0] == PAIRS, "named, they are columns"
    assert held({"train": "Zug", "test": "Prüfung"})[0] == [("train", "Zug"), ("test", "Prüfung")]


def test_dictionaries_in_records_and_columns_are_read_by_dotted_names():
    records = [{"id": str(number), "translation": {"de": source, "en": target}} for number, (source, target) in enumerate(PAIRS)]
    assert held(records)[0] == held(records, source="translation.de", target="translation.en")[0] == PAIRS
    assert held(Frame(translation=[record["translation"] for record in records]))[0] == PAIRS
    pyarrow = pytest.importorskip("pyarrow")
    assert held(pyarrow.Table.from_pylist(records))[0] == PAIRS
    with pytest.raises(DataError, match=r"no column 'translation'; expected one of id, translation\.de, translation\.en"):
        held(records, target="translation")


def test_columns_are_chosen_by_name_or_number():
    frame = Frame(lemma=SOURCES, tags=["x", "y", "z"], form=TARGETS)
    assert held(frame, source=["lemma", 2], target="form")[0][1] == (("c", "y"), "d")
    assert held(frame, source="tags", target=1)[0][0] == ("x", "a")
    assert held({"a": ["x"], "2": ["y"], "c": ["z"]}, source=2, target=3)[0] == [("y", "z")], "a number is a place"


def test_a_column_in_memory_may_be_named_by_a_number():
    assert held({"1": ["a", "b"], "fr": ["c", "d"]})[0] == [("a", "c"), ("b", "d")]
    assert held([{"en": "a", "2": "c"}])[0] == [("a", "c")]


def test_tuples_of_arrays_are_sources_and_targets():
    arrays = tuple(np.zeros((3, 1)) for _ in range(4))
    assert held((arrays, arrays)) == (arrays, arrays)
    texts = ("a", "b", "c", "d")
    assert held((texts, np.zeros((4, 3, 1))))[0] == texts


def test_what_is_no_table_is_refused():
    for data, message in (
        (5, "data: int 5; expected a path, pairs or columns. Give one of these."),
        (
            {"source": SOURCES, "target": TARGETS[:2]},
            "data: column source has 3 values and target 2; expected equally many.",
        ),
    ):
        with pytest.raises(DataError, match=f"^{re.escape(message)}"):
            held(data)
    with pytest.raises(DataError, match=r"^data: column 'a' is named twice; expected different columns\. Change source or target\.$"):
        held(Frame(a=SOURCES, b=TARGETS), source="a", target="a")


def test_a_dictionary_of_pairs_stays_one_where_columns_are_asked_for_that_it_has_not():
    assert held(dict(PAIRS), source=["german"], target="english") == (PAIRS, None), "as a model of a file asks for them"
    assert held({"german": tuple(SOURCES), "english": tuple(TARGETS)}, source=["german"], target="english") == (PAIRS, None)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "data: 3 columns (lemma, tags, form); expected 2, or source and target to say which. Name both."),
        ({"source": "lema"}, "data: no column 'lema'; expected one of lemma, tags, form. Did you mean 'lemma'? Name another."),
        ({"target": 4}, "data: no column 4; expected one of lemma, tags, form. Name another."),
    ],
)
def test_columns_that_cannot_be_told_are_refused(choice: dict[str, Any], message: str):
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        held(Frame(lemma=SOURCES, tags=["x", "y", "z"], form=TARGETS), **choice)


def test_a_model_is_trained_and_measured_on_a_frame_and_says_what_is_no_text(tmp_path: Path):
    many = Frame(word=[f"{number:03}" for number in range(60)], turned=[f"{number:03}"[::-1] for number in range(60)])
    model = seqloom.train(
        many, dev=iter(PAIRS), out=tmp_path / "run", settings=["training.max_steps=2", "model.encoder.width=8"], quiet=True
    )
    assert [(row.source[0], row.target) for row in model.rows(many)][:2] == [("000", "000"), ("001", "100")]
    assert model.evaluate(many)["loss"] == model.evaluate(zip(many["word"], many["turned"], strict=True))["loss"]
    for value in (1.5, True, None):
        with pytest.raises(DataError, match=rf"^sources:1: the source is {type(value).__name__} {value}; expected a text\. "):
            model.predict([value])


def test_the_columns_that_a_model_was_trained_on_are_those_it_is_measured_on(tmp_path: Path):
    words = [f"{number:03}" for number in range(60)]
    table = Frame(english=[f"e{word}" for word in words], german=words)
    small = ["training.max_steps=1", "model.encoder.width=8"]
    dev = Frame(english=TARGETS, german=SOURCES)
    model = seqloom.train(table, source="german", target="english", dev=dev, out=tmp_path / "run", settings=small, quiet=True)
    assert [(row.source[0], row.target) for row in model.rows(table)][1] == ("001", "e001")
    read = (tmp_path / "run" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(read) == 3
    assert read[0].index('"a"') < read[0].index('"b"')
    pairs = list(zip(words, words, strict=True))
    seqloom.train(pairs, dev=(pairs[0], pairs[1]), out=tmp_path / "tuple", settings=small, quiet=True)
    assert len((tmp_path / "tuple" / "dev.jsonl").read_text(encoding="utf-8").splitlines()) == 2


SMALL = ["training.max_steps=1", "model.encoder.width=8", "model.decoder.width=8", "training.precision=float32", "training.threads=1"]
WORDS = [f"{number:03}" for number in range(40)]
ENGLISH, GERMAN = [f"e{word}" for word in WORDS], [f"g{word}" for word in WORDS]


def dev_of(run: Path) -> list[tuple[str, str]]:
    """The dev pairs of a run."""
    return [(row.source[0], row.target) for row in RunDirectory(run).read_dev()]


def first_of(model: seqloom.Model, *pairs: Any, **columns: Any) -> tuple[str, str]:
    """The first pair as a model reads it."""
    row = model.rows(*pairs, **columns)[0]
    return row.source[0], row.target


def test_columns_that_settings_or_a_config_name_are_those_of_a_table(tmp_path: Path):
    table = Frame(english=ENGLISH, german=GERMAN)
    named = [*SMALL, "data.source=[german]", "data.target=english"]
    seqloom.train(table, out=tmp_path / "set", settings=named, quiet=True)
    assert all(source.startswith("g") and target.startswith("e") for source, target in dev_of(tmp_path / "set"))
    again = seqloom.train(table, config=tmp_path / "set" / "config.yaml", dev=table, out=tmp_path / "again", settings=SMALL, quiet=True)
    assert dev_of(tmp_path / "again")[0] == first_of(again, table) == ("g000", "e000")
    other = seqloom.train(table, config=again.config, source="english", target="german", out=tmp_path / "other", quiet=True)
    assert first_of(other, table) == ("e000", "g000"), "an argument goes before a config"
    with pytest.raises(DataError, match=r"^data: no column 'deutsch'; expected one of english, german\. Name another\.$"):
        seqloom.train(table, out=tmp_path / "none", settings=["data.source=[deutsch]"], quiet=True)


def test_columns_given_by_number_are_kept_by_name_and_may_be_named_anew(tmp_path: Path):
    table = Frame(english=ENGLISH, tag=WORDS, german=GERMAN)
    model = seqloom.train(table, source=3, target=1, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert (model.config.data.source, model.config.data.target) == (["german"], "english")
    loaded = seqloom.load(tmp_path / "run")
    assert first_of(loaded, table) == first_of(loaded, Frame(german=GERMAN, english=ENGLISH)) == ("g000", "e000")
    assert first_of(loaded, table, source="tag") == ("000", "e000"), "the target stays that of training"
    others = Frame(a=GERMAN, b=ENGLISH)
    with pytest.raises(DataError, match=r"^data: no column 'german'; expected one of a, b\. Name another\.$"):
        loaded.evaluate(others)
    assert loaded.evaluate(others, source="a", target="b")["loss"] == loaded.evaluate(table)["loss"]
    assert loaded.score(others, source=1, target=2) == loaded.score(table)
    (tmp_path / "plain.tsv").write_text("".join(f"{e}\t{g}\n" for e, g in zip(ENGLISH, GERMAN, strict=True)), encoding="utf-8")
    with pytest.raises(DataError, match=r"plain\.tsv: no header that names 'german', 'english'; line 1 is"):
        loaded.rows(tmp_path / "plain.tsv")
    assert first_of(loaded, tmp_path / "plain.tsv", source=2, target=1) == ("g000", "e000")


def test_names_of_columns_are_remembered_where_nothing_was_said_of_them(tmp_path: Path):
    table, turned = Frame(german=GERMAN, english=ENGLISH), Frame(english=ENGLISH, german=GERMAN)
    model = seqloom.train(table, dev=turned, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert dev_of(tmp_path / "run")[0] == first_of(model, turned) == ("g000", "e000")
    assert "source: [german]  # told by how the columns stand, or by their names\n" in (tmp_path / "run" / "config.yaml").read_text("utf-8")
    (tmp_path / "turned.csv").write_text("english,german\ne1,g1\n", encoding="utf-8")
    assert first_of(model, tmp_path / "turned.csv") == ("g1", "e1")
    pairs = list(zip(GERMAN, ENGLISH, strict=True))
    assert first_of(model, pairs) == ("g000", "e000"), "pairs have no columns"
    words = tmp_path / "words.csv"
    for text, sources in (("english,german\ne1,g1\n", ["g1"]), ("g1\ng1\n", ["g1", "g1"])):
        words.write_text(text, encoding="utf-8")
        assert [row.source[0] for row in read_sources(str(words), 1, model.config.data)] == sources


def test_a_table_of_dev_pairs_is_read_by_the_columns_of_the_training_file(tmp_path: Path):
    (tmp_path / "train.csv").write_text(
        "english,german\n" + "".join(f"{e},{g}\n" for e, g in zip(ENGLISH, GERMAN, strict=True)), encoding="utf-8"
    )
    dev = Frame(german=GERMAN[:5], english=ENGLISH[:5])
    seqloom.train(tmp_path / "train.csv", source=2, target=1, dev=dev, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert dev_of(tmp_path / "run")[0] == ("g000", "e000")


def test_a_number_is_the_name_of_a_column_where_it_is_one(tmp_path: Path):
    frame = Numbered([WORDS, GERMAN, ENGLISH])
    assert hold(frame, source=1, target=2).data[0] == ("g000", "e000")
    assert hold(frame, source=0, target=2).data[0] == ("000", "e000")
    with pytest.raises(DataError, match=r"^data: no column 4; expected one of 0, 1, 2\. Name another\.$"):
        hold(frame, source=1, target=4)
    model = seqloom.train(frame, source=1, target=2, out=tmp_path / "run", settings=SMALL, quiet=True)
    assert (model.config.data.source, model.config.data.target) == ([2], 3), "as a file without names is read"
    assert first_of(model, frame) == ("g000", "e000")
    (tmp_path / "plain.tsv").write_text("000\tg000\te000\n", encoding="utf-8")
    assert first_of(model, tmp_path / "plain.tsv") == ("g000", "e000")
    assert hold(Numbered([GERMAN, ENGLISH])).source == [], "nothing was said, and there are no names"
    years = {2023: GERMAN, 2024: ENGLISH}
    assert hold(years, source=2024).source == ["2024"]
    assert hold(years, source="2024", target="2023").data[0] == ("e000", "g000"), "as it is kept"


def test_a_key_that_one_dictionary_lacks_is_refused_as_in_a_file_of_json_lines():
    records = [{"source": source, "target": target} for source, target in PAIRS]
    for last, message in (
        ({"source": "x"}, "pairs:4: no 'target' in the dictionary; expected it in every one. Here are: source."),
        ({"source": "x", "targt": "y"}, "pairs:4: no 'target' in the dictionary; expected it in every one. Did you mean 'targt'?"),
    ):
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            hold([*records, last])
    nested = [{"id": "1", "translation": {"de": "a", "en": "b"}}, {"id": "2", "translation": {"de": "c"}}]
    with pytest.raises(DataError, match=r"^pairs:2: no 'translation\.en' in the dictionary; expected it in every one\. "):
        hold(nested)
    assert hold([{**records[0], "note": "n"}, records[1]]).data == PAIRS[:2], "a column that is not read may have gaps"


class NAType:
    """As much of pandas' NA as matters: it does not say whether it is equal to anything."""

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("nothing", [None, float("nan"), np.float32("nan"), NAType()], ids=["None", "nan", "float32", "NA"])
def test_a_missing_value_of_a_table_is_an_empty_cell(nothing: Any):
    assert hold(Frame(de=["a", nothing], en=["b", "d"])).data == [("a", "b"), ("", "d")]
    assert hold([{"de": "a", "en": "b"}, {"de": "c", "en": nothing}]).gaps == [2]


def test_missing_values_are_refused_learned_or_left_out_as_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    gaps = Frame(german=GERMAN, english=[*ENGLISH[:-2], None, float("nan")])
    seqloom.train(gaps, dev=PAIRS, out=tmp_path / "learned", settings=SMALL, quiet=True)
    said = "warning: 2 rows have no target, the first pairs:39; an empty text is learned there. Leave them out with data.skip_bad=true.\n"
    assert capsys.readouterr().err.startswith(said)
    seqloom.train(gaps, dev=PAIRS, out=tmp_path / "left", settings=[*SMALL, "data.skip_bad=true"])
    out = capsys.readouterr().out
    assert "data: 38 pairs to train on" in out
    assert "note: 2 rows with an empty target went by, the first at pairs:39.\n" in out
    with pytest.raises(DataError, match=r"^pairs:2: the source is empty; expected at least one symbol\."):
        seqloom.train(Frame(de=["a", None, "b"], en=TARGETS), dev=PAIRS, out=tmp_path / "none", settings=SMALL, quiet=True)
    with pytest.raises(DataError, match=r'^pairs:2: the target is NoneType None; expected a text\. Give a text, or "" for an empty one\.$'):
        seqloom.train([("a", "b"), ("c", None)], out=tmp_path / "pairs", settings=SMALL, quiet=True)


def test_numbers_of_a_table_are_text_beside_text_or_where_they_are_named():
    assert hold(Frame(word=SOURCES, count=[1, 2.5, True])).data == [("a", "1"), ("c", "2.5"), ("e", "True")]
    assert hold(Frame(one=[1, 2], two=[np.float64(0.5), np.int64(3)]), source="one", target="two").data == [("1", "0.5"), ("2", "3")]
    assert hold(Frame(one=[1, 2], two=[3, 4])).data == [(1, 3), (2, 4)], "which says what they are, and is refused later"


def test_pairs_are_pairs_in_what_is_only_asked_for_by_number_and_in_columns_of_any_library():
    class Dataset:
        def __len__(self) -> int:
            return len(PAIRS)

        def __getitem__(self, place: int) -> tuple[str, str]:
            return PAIRS[place]

    class LazyFrame:
        def collect(self) -> Frame:
            return Frame(german=SOURCES, english=TARGETS)

    for data in (Dataset(), LazyFrame(), {"de": tuple(SOURCES), "en": np.array(TARGETS)}):
        assert [tuple(pair) for pair in hold(data).data] == PAIRS
    assert held(Frame(de=SOURCES), Frame(en=TARGETS)) == (SOURCES, TARGETS)
    with pytest.raises(
        DataError, match=r"^data: 2 columns \(de, en\) beside targets; expected one\. Leave the targets out, and name both "
    ):
        hold(Frame(de=SOURCES, en=TARGETS), TARGETS)


def test_two_columns_of_one_name_are_refused():
    frame = Numbered([SOURCES, TARGETS])
    frame.columns = np.array(["a", "a"])
    with pytest.raises(DataError, match=r"^data: 2 columns are called 'a'; expected one\. Rename the others\.$"):
        hold(frame)


def test_dev_files_without_names_are_read_in_order_where_nothing_was_said_of_columns(tmp_path: Path):
    (tmp_path / "dev.tsv").write_text("g1\te1\ng2\te2\n", encoding="utf-8")
    (tmp_path / "named.csv").write_text("english,german\ne1,g1\n", encoding="utf-8")
    for name, text in (("dev.de", "g1\n"), ("dev.en", "e1\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    table, pair = Frame(german=GERMAN, english=ENGLISH), [tmp_path / "dev.de", tmp_path / "dev.en"]
    for dev in (tmp_path / "dev.tsv", tmp_path / "named.csv", pair):
        model = seqloom.train(table, dev=dev, out=tmp_path / "run", settings=SMALL, quiet=True, overwrite=True)
        assert dev_of(tmp_path / "run")[0] == ("g1", "e1")
        assert model.config.data.source == ["german"]
    with pytest.raises(DataError, match=r"dev\.tsv: no header that names 'german', 'english'; line 1 is "):
        seqloom.train(table, source="german", target="english", dev=tmp_path / "dev.tsv", out=tmp_path / "no", settings=SMALL, quiet=True)
    assert first_of(model, *pair) == ("g1", "e1")


def test_answers_are_for_the_sources_of_a_table_and_not_for_its_names(tmp_path: Path):
    table = Frame(english=ENGLISH, german=GERMAN)
    model = seqloom.train(table, source="german", target="english", out=tmp_path / "run", settings=SMALL, quiet=True)
    few = model.predict(GERMAN[:3])
    for sources in (
        Frame(german=GERMAN[:3]),
        Frame(english=ENGLISH[:3], german=GERMAN[:3]),
        {"german": GERMAN[:3]},
        [{"german": word} for word in GERMAN[:3]],
        Frame(wort=GERMAN[:3]),
        np.array(GERMAN[:3]),
        np.array(GERMAN[:3]).reshape(3, 1),
        iter(GERMAN[:3]),
    ):
        assert model.predict(sources) == few
    assert model.predict(Frame(german=[None, "g000"])) == ["", few[0]]
    for sources, message in (
        (Frame(a=GERMAN, b=ENGLISH), "2 columns (a, b); expected the columns of training, 'german'. Choose or rename them."),
        ({"g000": "e000"}, "expected a list of texts, got a dictionary of texts. Give list(...) of its sources."),
        (Path("words.txt"), "expected a list of texts, got the path 'words.txt'. Read its lines into one."),
        (None, "expected a list of texts, got None. Give one."),
    ):
        with pytest.raises(DataError, match=f"^sources: {re.escape(message)}$"):
            model.predict(sources)
    pairs = [((german, tag), english) for german, tag, english in zip(GERMAN, WORDS, ENGLISH, strict=True)]
    several = seqloom.train(pairs, out=tmp_path / "several", settings=SMALL, quiet=True)
    assert several.predict(Frame(any=GERMAN[:2], tag=WORDS[:2])) == several.predict(list(zip(GERMAN[:2], WORDS[:2], strict=True)))
    with pytest.raises(DataError, match=r"^sources: 1 column \(any\); expected the model's 2 source columns alone\. Choose "):
        several.predict(Frame(any=GERMAN))


def test_a_table_with_some_of_the_columns_of_training_is_not_read_by_where_they_stand():
    config = DataConfig(source=["word", "case"], target="out")
    assert hold_sources({"case": ["U"], "word": ["ab"]}, config, 2) == [("ab", "U")]
    assert hold_sources({"a": ["ab"], "b": ["U"]}, config, 2) == [("ab", "U")]
    with pytest.raises(DataError) as caught:
        hold_sources({"mode": ["U"], "word": ["ab"]}, config, 2)
    assert str(caught.value) == "sources: 2 columns (mode, word); expected the columns of training, 'word', 'case'. Choose or rename them."


def test_tensors_are_arrays_alone_in_pairs_and_in_lists():
    torch = pytest.importorskip("torch")
    sources, targets = torch.arange(12.0).reshape(2, 3, 2).requires_grad_(), torch.arange(8.0).reshape(2, 4, 1)
    for given in ((sources, targets), ((sources, targets), None), ([*sources], [*targets])):
        held = hold(*given)
        assert np.array_equal(held.data, sources.detach().numpy())
        assert np.array_equal(held.targets, targets.numpy())
    pair = hold([(sources[0], targets[0]), (sources[1], targets[1])]).data[1]
    assert isinstance(pair[0], np.ndarray)
    assert np.array_equal(pair[1], targets[1].numpy())
