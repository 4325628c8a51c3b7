"""Reading pairs from every format, and the message of everything that cannot be read."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from seqloom.config import DataConfig
from seqloom.data import kept
from seqloom.data.kept import KeptRows
from seqloom.data.lines import Arriving, LineCounts, decode_lines, read_lines, stdin_holds_bytes
from seqloom.data.memory_rows import rows_from_memory
from seqloom.data.pairs import read_rows, resolve
from seqloom.data.rows import Row
from seqloom.data.sources import read_sources
from seqloom.data.tables import csv_rows
from seqloom.errors import DataError, MissingFileError


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def config(*train: str, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"train": list(train), **settings})


def pairs(path: str, **settings: object) -> list[tuple[tuple[str, ...], str, str]]:
    rows = read_rows([path], config(path, **settings))
    return [(row.source, row.target, row.where.rpartition("/")[2]) for row in rows]


def error(path: str, *more: str, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        list(read_rows([path, *more], config(path, *more, **settings)))
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(Path(path).parent) + "/", "")


# ------------------------------------------------------------------------------------------------------------- formats


def test_a_tsv_gives_its_first_column_as_source_and_its_second_as_target(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "Haus\thouse\nHund\tdog\n")
    assert pairs(path) == [(("Haus",), "house", "train.tsv:1"), (("Hund",), "dog", "train.tsv:2")]


def test_rows_can_be_read_again_and_name_their_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "german,english\nHaus,house\n")
    rows = read_rows([path], config(path))
    assert rows.names == ("german", "english")
    assert list(rows) == list(rows) == [Row(("Haus",), "house", f"{path}:2")]


def test_quotes_in_a_tsv_are_letters(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", '"Haus\t"house" he said\n')
    assert pairs(path) == [(('"Haus',), '"house" he said', "train.tsv:1")]


def test_a_quoted_csv_value_holds_commas_quotes_and_line_ends_and_keeps_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", 'de,en\n"a, ""b""","x\r\ny"\n\nc, "d"\ne,""\n')
    assert pairs(path) == [
        (('a, "b"',), "x\ny", "train.csv:2"),
        (("c",), "d", "train.csv:5"),
        (("e",), "", "train.csv:6"),
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_is_found(tmp_path: Path, mark: str) -> None:
    other = ";" if mark == "," else ","
    path = write(tmp_path / "train.csv", f'de{mark}en\n"so{mark} ja"{mark}so{other} yes\nja{mark}yes\n')
    assert resolve(config(path)).delimiter == mark
    assert pairs(path)[0][:2] == ((f"so{mark} ja",), f"so{other} yes")


@pytest.mark.parametrize(
    ("name", "line", "first"),
    [
        ("a.csv", "Doe{}, John\tJohn Doe", ("Doe0, John", "John Doe")),
        ("a.csv", "Doe{}, John, Jr.\tJohn Doe", ("Doe0, John, Jr.", "John Doe")),
        ("a.csv", "Paris{}, France|city", ("Paris0, France", "city")),
        ("a.txt", "Paris{}, France;city", ("Paris0, France", "city")),
        ("a.csv", "Paris{}, France; city", ("Paris0, France", "city")),
        ("a.csv", "to go{}; to run|gehen", ("to go0; to run", "gehen")),
        ("a.csv", "1,{}|eins", ("1,0", "eins")),
        ("a.csv", "x{}, y => x+y", ("x0, y", "x+y")),
        ("a.csv", "dog{}, dogs", ("dog0", "dogs")),
        ("a.csv", "dog{},N|SG", ("dog0", "N|SG")),
        ("a.csv", '"dog{}", "dogs; hounds"', ("dog0", "dogs; hounds")),
        ("a.csv", 'dog{},"dogs, hounds; bitches"', ("dog0", "dogs, hounds; bitches")),
        ("a.csv", "say(dog{}, dogs);", ("say(dog0", "dogs);")),
        ("a.csv", "x{}, y, z => x+y+z", ("x0, y, z", "x+y+z")),
        ("a.csv", "dog{},d -> g", ("dog0", "d -> g")),
    ],
)
def test_a_mark_that_may_be_punctuation_parts_lines_only_where_no_other_does_as_evenly(
    tmp_path: Path, name: str, line: str, first: tuple[str, str]
) -> None:
    path = write(tmp_path / name, "\n".join(line.format(number) for number in range(3)) + "\n")
    (source,), target, _ = pairs(path, header=False)[0]
    assert (source, target) == first


def test_a_text_without_a_telling_name_that_is_parted_at_commas_with_blanks_is_doubted(tmp_path: Path) -> None:
    doubt = "A blank follows the commas. If they are of the texts, say what stands between columns: --set data.delimiter=…"
    text = "He said: a, b\nShe said: c, d\n"
    for name, doubted in (("a.txt", True), ("a.csv", False)):
        path = write(tmp_path / name, text)
        assert (doubt in read_rows([path], config(path)).notes) == doubted
        assert doubt not in read_rows([path], resolve(config(path))).notes
    path = write(tmp_path / "a.txt", "a,b\nc,d\n")
    assert doubt not in read_rows([path], config(path)).notes


def test_json_lines_take_numbers_as_written_and_join_lists(tmp_path: Path) -> None:
    path = write(
        tmp_path / "train.jsonl", '{"source": 1.50, "target": ["a", "b", 3]}\n\n{"target": null, "source": "\\u00fc\\n", "more": {}}\n'
    )
    assert pairs(path) == [(("1.50",), "a b 3", "train.jsonl:1"), (("ü",), "", "train.jsonl:3")]


DICTIONARY = """;;; # A dictionary  --  Version: 7
;;;
;;;   1. Copy it.
!MARK  M AA1 R K
#HASH  HH AE1 SH

A  AH0
TREE  T R IY1
"""


def test_comments_above_and_among_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "words.txt", DICTIONARY)
    rows = read_rows([path], config(path))
    assert [(row.source[0], row.target, row.where.rpartition(":")[2]) for row in rows] == [
        ("!MARK", "M AA1 R K", "4"),
        ("#HASH", "HH AE1 SH", "5"),
        ("A", "AH0", "7"),
        ("TREE", "T R IY1", "8"),
    ]
    assert [row is None for row in rows.in_step()] == [True, True, True, False, False, True, False, False]
    assert "Lines that begin with ';;;' are comments. If they are data, say --set data.comment='\"\"'." in rows.notes
    assert rows.notes[-2:] == ["3 comments were skipped.", "1 blank line was skipped."]
    other = write(tmp_path / "other.txt", "B  B IY1\n;;; more\nC  S IY1\n")
    trained = resolve(config(path))
    assert [row.source[0] for row in read_rows([other], trained)] == ["B", "C"]
    assert [row.source[0] for row in read_sources(other, 1, trained)] == ["B", "", "C"]


def test_a_quoted_value_may_stand_before_a_blank_that_parts(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('"x y" b\n"u v" "c d"\nw e\n', encoding="utf-8")
    rows = read_rows([str(path)], DataConfig(format="csv", delimiter=" ", header=False, source=[1], target=2))
    assert [(row.source[0], row.target) for row in rows] == [("x y", "b"), ("u v", "c d"), ("w", "e")]


def test_comments_that_are_named_stand_above_a_header_and_between_quoted_records(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", '# made by hand\nde,en\n"a\n# b",c\n# d, e\nf,g\n')
    assert pairs(path, comment="#") == [(("a\n# b",), "c", "train.csv:3"), (("f",), "g", "train.csv:6")]
    path = write(tmp_path / "train.tsv", "# made by hand\nsource\ttarget\na b\tc\n")
    assert pairs(path, comment="#") == [(("a b",), "c", "train.tsv:3")]
    notes: list[str] = []
    assert [row.source[0] for row in read_sources(path, 1, resolve(config(path, comment="#")), None, notes)] == ["", "a b"]


def test_what_training_had_no_comments_of_has_none_later(tmp_path: Path) -> None:
    trained = resolve(config(write(tmp_path / "train.txt", "a  b\nc  d\n")))
    assert trained.comment == ""
    asked = write(tmp_path / "asked.txt", ";;; x  y\nb  c\n")
    assert [row.source[0] for row in read_rows([asked], trained)] == [";;; x", "b"]


def test_plain_lines_that_are_comments_are_said(tmp_path: Path) -> None:
    trained = resolve(config(write(tmp_path / "train.tsv", "# c\na\tb\nc\td\n"), comment="#"))
    notes: list[str] = []
    asked = write(tmp_path / "asked.txt", "a\n#a\nc\n")
    assert [row.source[0] for row in read_sources(asked, 1, trained, None, notes)] == ["a", "", "c"]
    assert notes == ["1 line is a comment, as '#' says (data.comment)"]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("#\thash\n!\tmark\n", ["#", "!"]),
        ("#id\tname\n# 1\tx\n", ["#id", "# 1"]),
        ("# one\tx\ntwo\ty\n", ["# one", "two"]),
        ("# a  x\n# b  y\n", ["# a", "# b"]),
        ("// add\tadd()\nsum\tsum()\n// calls\tf()\n", ["// add", "sum", "// calls"]),
        ("## Intro\t<h2>\ntext\t<p>\n", ["## Intro", "text"]),
    ],
)
def test_a_row_that_begins_with_a_mark_is_no_comment(tmp_path: Path, text: str, sources: list[str]) -> None:
    assert [source for (source,), _, _ in pairs(write(tmp_path / "train.txt", text))] == sources


def test_a_comment_that_is_not_found_is_said_and_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "a\tb\n# c\nd\te\n")
    assert error(path).endswith("got '# c'. Mend or delete the line. If it is a comment, say --set data.comment='#'.")
    assert [source for (source,), _, _ in pairs(path, comment="#")] == ["a", "d"]
    above = write(tmp_path / "above.tsv", "# c\na\tb\n")
    assert pairs(above, comment="#")[0][0] == ("a",)
    assert error(above).startswith("above.tsv: 1 column; expected 2 or more (source, target), got '# c'.")
    assert error(above).endswith(". If it is a comment, say --set data.comment='#'")


@pytest.mark.parametrize("settings", [{"split": "first"}, {"delimiter": " "}])
def test_a_word_and_the_rest_of_its_line_are_two_columns_where_that_is_asked_for(tmp_path: Path, settings: dict[str, str]) -> None:
    path = write(tmp_path / "words.txt", "tree T R IY1\na  AH0\n by B AY1\n")
    assert [(source, target) for (source,), target, _ in pairs(path, **settings)] == [("tree", "T R IY1"), ("a", "AH0"), ("by", "B AY1")]
    trained = resolve(config(path, **settings))
    assert (trained.delimiter, trained.split) == (" ", "first")
    other = write(tmp_path / "other.txt", "hello HH AH0\n")
    assert [(row.source[0], row.target) for row in read_rows([other], trained)] == [("hello", "HH AH0")]
    assert [row.source[0] for row in read_sources(other, 1, trained)] == ["hello"]
    backwards = resolve(config(path, source=[2], target=1, **settings))
    assert [row.source[0] for row in read_sources(write(tmp_path / "p.txt", "HH AH0 L\n"), 1, backwards)] == ["HH AH0 L"]


def test_lines_with_equally_many_blanks_are_split_at_each(tmp_path: Path) -> None:
    path = write(tmp_path / "words.txt", "a b c\nd e f\n")
    assert pairs(path, delimiter=" ", source=[1], target=3)[1][:2] == (("d",), "f")
    assert pairs(path, delimiter=" ", split="first")[1][:2] == (("d",), "e f")


def test_a_file_of_text_in_which_every_value_is_quoted_is_read_without_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", '"source"\t"target"\n"one two"\t"un\tdeux"\n"fo""ur"\t""\n')
    assert pairs(path) == [(("one two",), "un\tdeux", "train.tsv:2"), (('fo"ur',), "", "train.tsv:3")]
    trained = resolve(config(path))
    assert (trained.format, trained.delimiter, trained.header) == ("csv", "\t", True)
    note = "Every value is quoted, and read without its quotes. If they belong to it, say --set data.format=tsv."
    assert note in read_rows([path], config(path)).notes
    assert [row.source[0] for row in read_sources(path, 1, trained)] == ["one two", 'fo"ur']
    bare = write(tmp_path / "bare.tsv", '"one two"\t"un deux"\n"three"\t"trois"\n')
    assert [source for (source,), _, _ in pairs(bare)] == ["one two", "three"]
    assert [row.source[0] for row in read_sources(bare, 1, resolve(config(bare)))] == ["one two", "three"]
    assert pairs(bare, format="tsv")[0][0] == ('"one two"',)
    partly = write(tmp_path / "partly.tsv", '"one"\t"un"\n"two"\tdeux\n')
    assert [source for (source,), _, _ in pairs(partly)] == ['"one"', '"two"']


@pytest.mark.parametrize("name", ["train.csv", "train"])
def test_a_first_line_that_says_the_delimiter_is_no_row(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "sep=;\r\nde;en\r\nHaus, Hof;house\r\nHund;dog\r\n")
    assert pairs(path) == [(("Haus, Hof",), "house", f"{name}:3"), (("Hund",), "dog", f"{name}:4")]


def test_there_is_one_target_column(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "src\tref1\tref2\na\tb\tc\n")
    said = "train.tsv: no column 'ref1,ref2'; expected one target column of src, ref1, ref2. Name one; only --source takes several."
    assert error(path, source=["src"], target="ref1,ref2") == said


def test_objects_in_json_lines_are_read_by_dotted_names(tmp_path: Path) -> None:
    lines = '{"id": "7", "translation": {"de": "Haus", "en": "house"}}\n{"id": "8", "translation": {"en": "dog", "de": "Hund"}}\n'
    path = write(tmp_path / "train.jsonl", lines)
    expected = [(("Haus",), "house", "train.jsonl:1"), (("Hund",), "dog", "train.jsonl:2")]
    assert pairs(path) == pairs(path, source=["translation.de"], target="translation.en") == expected
    assert resolve(config(path)).target == "translation.en"
    assert "no column 'translation.fr'; expected one of id, translation.de, translation.en." in error(path, target="translation.fr")
    sources = write(tmp_path / "sources.jsonl", '{"translation": {"de": "Hund"}}\n')
    assert [row.source for row in read_sources(sources, 1, resolve(config(path)))] == [("Hund",)]


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a long text", "meta": {"name": "a", "language": "en"}}',
        '{"id": "7", "x": {"a": "b", "c": "d", "e": "f"}}',
    ],
)
def test_what_is_in_objects_is_not_guessed_where_it_is_not_plainly_a_pair(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "train.jsonl", line + "\n")
    assert "expected 2, or --source and --target to say which." in error(path)


def test_json_that_is_nested_deeply_is_refused_in_words(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", '{"a": ' * 300 + '"x"' + "}" * 300 + "\n")
    assert "1 column; expected 2 or more (source, target), got a.a.a" in error(path)


def test_objects_in_parquet_are_read_by_dotted_names(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "train.parquet"
    rows = [{"de": "Haus", "en": "house"}, None, {"de": "Hund", "en": None}]
    parquet.write_table(pyarrow.table({"id": [1, 2, 3], "translation": rows}), path)
    assert pairs(str(path)) == [(("Haus",), "house", "train.parquet:1"), (("Hund",), "", "train.parquet:3")]


def test_parquet_is_read_by_name(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "train.parquet"
    parquet.write_table(pyarrow.table({"id": [1, 2], "de": ["Haus", "Hund"], "en": ["house", None], "tags": [["N", "SG"], []]}), path)
    assert pairs(str(path), source=["de", "tags"], target="en") == [
        (("Haus", "N SG"), "house", "train.parquet:1"),
        (("Hund", ""), "", "train.parquet:2"),
    ]
    assert "no column 'ed'; expected one of id, de, en, tags." in error(str(path), source=["ed"])
    assert "no column '²'; expected one of id, de, en, tags." in error(str(path), source=["²"])


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = write(tmp_path / "train.parquet", b"PAR1")
    assert error(path) == "train.parquet: Parquet needs pyarrow, which is not installed. Install it: pip install 'seqloom[parquet]'"


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    assert error(write(tmp_path / "train.parquet", b"PAR1 and more")).startswith("train.parquet: not a Parquet file (")


def test_parallel_files_keep_one_blank_side_and_skip_two(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a.de", "Haus\n\n\nHund\tx\n"), write(tmp_path / "a.en", "house\n\ncat\ndog\n")
    rows = read_rows([left, right], config(left, right))
    assert [(row.source, row.target, Path(row.where).name) for row in rows] == [
        (("Haus",), "house", "a.de:1"),
        (("",), "cat", "a.de:3"),
        (("Hund\tx",), "dog", "a.de:4"),
    ]
    assert "1 blank line was skipped." in rows.notes


def test_parallel_files_can_be_swapped(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a.de", "Haus\n"), write(tmp_path / "a.en", "house\n")
    rows = list(read_rows([left, right], config(left, right, source=[2], target=1)))
    assert [(row.source, row.target, Path(row.where).name) for row in rows] == [(("house",), "Haus", "a.en:1")]


@pytest.mark.parametrize("name", ["train.tsv.gz", "train.tsv"])
def test_gzip_is_told_by_its_bytes_not_its_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, gzip.compress(b"a\tb\n"))
    assert pairs(path) == [(("a",), "b", f"{name}:1")]


def test_standard_input_can_be_read_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\tb\nc\td\n")))
    settings = resolve(config("-"))
    rows = read_rows(["-"], settings)
    assert [row.where for row in rows] == [row.where for row in rows] == ["stdin:1", "stdin:2"]


def test_a_pipe_can_be_read_more_than_once(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: Path(pipe).write_bytes(b"a\tb\n"))
    writer.start()
    rows = read_rows([pipe], config(pipe))
    writer.join()
    assert list(rows) == list(rows) == [Row(("a",), "b", f"{pipe}:1")]


@pytest.mark.parametrize(
    ("text", "format", "delimiter"),
    [
        ("a\tb\nc\td\n", "tsv", "\t"),
        ("ab  A B\ncd  C D\n", "tsv", "  "),
        ("so ist es ||| that is it\nja ||| yes\n", "tsv", "|||"),
        ("teh->the\nrecieve->receive\n", "tsv", "->"),
        ("x=1 => y=2\na => b\n", "tsv", "=>"),
        ("昨日 → きのう\n", "tsv", "→"),
        ("de;en\nHaus;house\nHund;dog\n", "csv", ";"),
        ('{"source": "a", "target": "b"}\n', "jsonl", None),
    ],
)
def test_a_file_without_a_telling_name_is_told_by_its_first_lines(tmp_path: Path, text: str, format: str, delimiter: str | None) -> None:
    found = resolve(config(write(tmp_path / "train.txt", text)))
    assert (found.format, found.delimiter) == (format, delimiter)


def test_a_quote_beside_a_semicolon_is_no_fault_of_a_file_with_commas(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'x;1,5\ny;2,6\nz;"3,7\n')
    assert pairs(path, header=False)[2][:2] == (('z;"3',), "7")


def test_a_delimiter_of_several_letters_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "tasks.txt", "IN: jump OUT: JUMP\n")
    assert pairs(path, delimiter=" OUT: ")[0][:2] == (("IN: jump",), "JUMP")


def test_byte_order_mark_crlf_and_outer_blanks_go(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", b"\xef\xbb\xbf a \tb\r\nc\td \n")
    rows = read_rows([path], config(path))
    assert [(row.source[0], row.target) for row in rows] == [("a", "b"), ("c", "d")]
    assert "1 lines end with CRLF and 1 with LF; both are read." in rows.notes


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    odd = "a\x0bb\x0cc\u2028d\u0085e\rf"
    assert pairs(write(tmp_path / "train.tsv", f"{odd}\tx\n")) == [((odd,), "x", "train.tsv:1")]
    assert pairs(write(tmp_path / "train.csv", f"de,en\n{odd},x\n")) == [((odd,), "x", "train.csv:2")]


def test_text_is_not_normalised(tmp_path: Path) -> None:
    assert pairs(write(tmp_path / "train.tsv", "u\u0308\tü\n"))[0][:2] == (("u\u0308",), "ü")


def test_blank_lines_and_lone_tabs_are_skipped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "\na\tb\n \n\t\nc\t\n")
    rows = read_rows([path], config(path))
    assert [(row.source[0], row.target, Path(row.where).name) for row in rows] == [("a", "b", "train.tsv:2"), ("c", "", "train.tsv:5")]
    assert "3 blank lines were skipped." in rows.notes


def test_rows_with_an_empty_side_go_by_where_that_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "a\tb\tc\n\t\tx\n\n\tb\tx\ny\tz\t\n")
    rows = read_rows([path], config(path, source=[1, 2], target=3, skip_bad=True))
    for _ in range(2):
        assert [row.where.rpartition(":")[2] for row in rows] == ["1", "4"]
    assert [row is None for row in rows.in_step()] == [False, True, True, False, True]
    first, second = (
        f"1 row with an empty source went by, the first at {path}:2.",
        f"1 row with an empty target went by, the first at {path}:5.",
    )
    assert rows.notes[-3:] == ["1 blank line was skipped.", first, second]
    write(tmp_path / "train.tsv", "\tb\na\t\n")
    assert "no rows; expected a source and a target on each line." in error(path, skip_bad=True)


def test_the_first_row_arrives_before_a_big_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.writelines(f"source {number}\ttarget {number}\n".encode() for number in range(200_000))
    path.write_bytes(path.read_bytes()[:-200_000])  # the end is gone: only reading that far can notice
    rows = iter(read_rows([str(path)], config(str(path))))
    assert next(rows).target == "target 0"
    with pytest.raises(DataError, match=r"train\.tsv\.gz:\d+: the gzip file is damaged here \(.*\)\. Copy or download it again\."):
        list(rows)


# ------------------------------------------------------------------------------------------------- header and columns


def test_a_tsv_has_a_header_when_its_first_row_holds_only_general_words(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "target\tsource\nhouse\tHaus\n")
    found = resolve(config(path))
    assert (found.header, found.source, found.target) == (True, ["source"], "target")
    assert pairs(path) == [(("Haus",), "house", "train.tsv:2")]


def test_a_tsv_has_a_header_when_its_first_row_holds_the_names_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "nr\tdeutsch\tenglisch\n1\tHaus\thouse\n")
    assert pairs(path, source=["deutsch"], target="englisch") == [(("Haus",), "house", "train.tsv:2")]


@pytest.mark.parametrize(
    ("first", "row", "header"),
    [
        ("orthography\tipa", "haus{}\th aʊ s {}", True),
        ("th\ten\tchecked", "กราฟ{}\tgraph\tyes", True),
        ("a\ta", "ab{}\ta b {}", False),  # a word of one letter, the first of a sorted lexicon
        ("Haus\thouse", "Hund{}\tdog", False),
        ("ναι\tyes yes yes", "όχι{}\tno no no", False),
    ],
)
def test_names_over_what_is_no_name_are_the_header_of_a_tsv(tmp_path: Path, first: str, row: str, header: bool) -> None:
    path = write(tmp_path / "train.tsv", "\n".join([first, *(row.format(number, number) for number in range(100, 130))]) + "\n")
    found = resolve(config(path, source=[1], target=2))
    assert (found.header, found.source) == (header, [first.split("\t")[0]] if header else [1])


def test_a_tsv_has_no_header_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "漢字\tよみ\n犬\tいぬ\n")
    rows = read_rows([path], config(path))
    assert len(list(rows)) == 2
    assert "Without a header: line 1 ('漢字', 'よみ') is data. If it is a header, say --set data.header=true." in rows.notes


def test_the_config_decides_about_the_header_and_a_doubt_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "source\ttarget\na\tb\n")
    rows = read_rows([path], config(path, header=False))
    assert len(list(rows)) == 2
    assert (
        "Without a header: line 1 ('source', 'target') is data though it reads like a header. If it is one, say --set data.header=true."
        in rows.notes
    )
    path = write(tmp_path / "train.csv", "a,b\na,c\nd,e\n")
    rows = read_rows([path], config(path, header=True))
    assert len(list(rows)) == 2
    assert (
        "Line 1 is a header: a, b though it looks like data ('a' occurs again in the same column). If it is, say --set data.header=false."
        in rows.notes
    )


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("Haus,house", "'Haus' occurs again in the same column"),
        ("Geh.,Go.", "'Geh.' is a sentence"),
        ("12,twelve", "'12' is a number"),
        ('"1,5",one and a half', "'1,5' is a number"),
        ("$1.50,a dollar fifty", "'$1.50' is a number"),
        ("1'000,thousand", '"1\'000" is a number'),
        ("ja,ja", "the same value stands in it twice"),
        ("ja,", "a cell is empty"),
        ("das ist ein ziemlich langer Satz hier,short", "'das ist ein ziemlich langer S…' is too long for a name"),
    ],
)
def test_the_first_row_of_a_csv_that_is_no_header_is_read_as_data_and_said(tmp_path: Path, first: str, reason: str) -> None:
    path = write(tmp_path / "train.csv", f"{first}\nHund,dog\nHaus,home\n")
    rows = read_rows([path], config(path))
    assert len(list(rows)) == 3
    ((_, cells),) = csv_rows([(1, first)], ",", path)
    shown = ", ".join(repr(cell if len(cell) < 31 else cell[:29] + "…") for cell in cells)
    assert f"Line 1 ({shown}) is read as data: {reason}. If it is a header, say --set data.header=true." in rows.notes


def test_a_number_with_a_decimal_comma_is_no_name_of_a_column(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "1,5;eins Komma fünf\n2,25;zwei Komma zwei fünf\n")
    assert pairs(path)[0][:2] == (("1,5",), "eins Komma fünf")


def test_the_nameless_index_column_that_data_frames_write_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", ",german,english\n0,Haus,house\n1,Hund,dog\n")
    assert pairs(path)[1] == (("Hund",), "dog", "train.csv:3")
    assert pairs(write(tmp_path / "b.csv", "0,1\nHaus,house\n"))[0] == (("Haus",), "house", "b.csv:2")


def test_one_column_beside_a_nameless_index_is_refused_as_that(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", ",plural\n0,dogs\n1,cats\n")
    assert error(path) == (
        "train.csv: column 1 ('0') has no name, as an index has none, and 'plural' is the only other; expected a source and a target. "
        "Add the other side; or, if the column without a name is one, name it or say --source 1 --target 2."
    )
    assert pairs(path, source=[1], target=2)[0][:2] == (("0",), "dogs")
    path = write(tmp_path / "index.csv", ",german,english,french\n0,Haus,house,maison\n1,Hund,dog,chien\n")
    assert error(path).startswith("index.csv: 4 columns; expected 2, or --source and --target to say which. Columns: 1 ('0'), german ")


def test_several_sources_leave_the_last_column_as_target(tmp_path: Path) -> None:
    path = write(tmp_path / "train", "reír\triendo\tV;PRS\n")
    assert pairs(path, source=[1, 3]) == [(("reír", "V;PRS"), "riendo", "train:1")]
    found = resolve(config(path, source=["1", "3"]))
    assert (found.source, found.target) == ([1, 3], 2)


def test_columns_that_plainly_say_what_they_are_need_no_choice(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "id,target,source,url\n1,house,Haus,x\n2,dog,Hund,x\n")
    assert pairs(path)[0][:2] == (("Haus",), "house")


@pytest.mark.parametrize(
    ("columns", "source", "target"),
    [
        ("id source target notes", "source", "target"),
        ("SRC tgt lang", "SRC", "tgt"),
        ("nr note output input", "input", "output"),
        ("text label split", "text", "label"),
    ],
)
def test_a_first_line_of_text_that_names_one_source_and_one_target_among_others_is_a_header(
    tmp_path: Path, columns: str, source: str, target: str
) -> None:
    names = columns.split()
    rows = ["\t".join(f"{name}{number}" for name in names) for number in range(3)]
    path = write(tmp_path / "train.tsv", "\n".join(["\t".join(names), *rows]) + "\n")
    found = read_rows([path], config(path))
    assert found.names == (source, target)
    assert f"Line 1 is read as a header: {', '.join(names)}. If it is data, say --set data.header=false." in found.notes


@pytest.mark.parametrize(
    ("names", "source"),
    [
        (["label", "text"], "text"),
        (["Class", "name"], "name"),
        (["out", "in"], "in"),
        (["answer", "question"], "question"),
        (["response", "prompt"], "prompt"),
        (["text", "label"], "text"),
        (["text", "query"], "text"),
        (["answer", "score"], "answer"),
        (["label", "target"], "label"),
        (["id", "category", "sentence"], "sentence"),
        (["id", "article", "highlights"], "article"),
        (["completion", "prompt", "model"], "prompt"),
        (["my text", "title", "uuid"], "my text"),
    ],
)
def test_columns_are_told_by_the_words_for_two_sides_whichever_is_first(tmp_path: Path, names: list[str], source: str) -> None:
    path = write(tmp_path / "train.csv", f"{','.join(names)}\n{','.join('abc'[: len(names)])}\n")
    assert resolve(config(path)).source == [source]
    path = write(tmp_path / "train.jsonl", "{" + ", ".join(f'"{name}": "x"' for name in names) + "}\n")
    assert resolve(config(path)).source == [source]


@pytest.mark.parametrize(
    "names",
    [
        "lemma,form,class",
        "path,text,label",
        "question,answer,source",
        "lemma,form,answer",
        "history,message,response",
        "context,utterance,response",
        "persona,context,response",
        "passage,title,answer",
    ],
)
def test_several_columns_of_which_words_may_say_too_little_are_not_guessed(tmp_path: Path, names: str) -> None:
    path = write(tmp_path / "train.csv", f"{names}\n{','.join(f'{name}.wav' for name in names.split(','))}\n")
    count = names.count(",") + 1
    assert error(path).startswith(f"train.csv: {count} columns; expected 2, or --source and --target to say which. ")


@pytest.mark.parametrize(
    ("names", "source"),
    [
        ("id,question,context,answers,title", ["question", "context"]),
        ("context,question,answer", ["context", "question"]),
        ("instruction,input,output", ["instruction", "input"]),
        ("output,instruction,model", ["instruction"]),
        ("context,answer,meta.id", ["context"]),
    ],
)
def test_what_is_read_beside_a_question_is_a_source_too_and_what_is_not_read_is_said(tmp_path: Path, names: str, source: list[str]) -> None:
    columns = names.split(",")
    path = write(tmp_path / "train.csv", f"{names}\n{','.join('abcde'[: len(columns)])}\n")
    assert resolve(config(path)).source == source
    target = next(name for name in columns if name.startswith(("answer", "output")))
    assert resolve(config(path)).target == target
    rest = [name for name in columns if name not in (*source, target)]
    said = " ".join(read_rows([path], config(path)).notes)
    assert f" Not read: {', '.join(rest)}." in said if rest else "Not read" not in said


def test_a_first_line_that_occurs_again_names_no_columns_whatever_it_says(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "the\tsource\ttarget\nthe\tHund\tdog\n")
    assert error(path) == (
        "train.tsv: 3 columns; expected 2, or --source and --target to say which. Columns: 1 ('the'), 2 ('source'), 3 ('target'). "
        "Say which one is to be written and what it is told from, one column or several: --source A,B --target C."
    )


def test_many_columns_without_a_choice_are_shown_with_an_example(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "year,my text,title\n1,hello there,hi\n")
    assert error(path) == (
        "train.csv: 3 columns; expected 2, or --source and --target to say which. "
        "Columns: year ('1'), my text ('hello there'), title ('hi'). "
        "Say which one is to be written and what it is told from, one column or several: --source A,B --target C."
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("my date,load,place\n2024-03-01,5.5,a\n2024-03-02,NA,a\n", "--time 'my date' "),
        ("year,inv,value\n1935,3.5,8\n1936,4.5,7\n1937,1,7\n", "--time year "),
        ("ozone,wind,place\n41,7.4,a\n36,8,b\n", ""),
    ],
)
def test_a_table_of_numbers_over_time_is_told_how_to_be_forecast(tmp_path: Path, text: str, time: str) -> None:
    said = f" Numbers over time are forecast by `seqloom train train.csv {time}--forecast COLUMN --horizon N`."
    assert error(write(tmp_path / "train.csv", text)).endswith(f"--source A,B --target C.{said}")


def test_a_row_a_series_is_told_how_to_be_forecast(tmp_path: Path) -> None:
    said = " Rows that are series, in columns called by times, are forecast by `seqloom train train.csv --wide --horizon N`."
    assert error(write(tmp_path / "train.csv", "land,code,2018,2019,2020\na,b,1,2,4\nc,d,7,5,4\n")).endswith(said)
    assert error(write(tmp_path / "train.csv", "land,2018-01,2018-02\na,1,2\nc,7,5\n")).endswith(said)


def test_numbers_that_may_say_that_nothing_was_measured_are_told_of(tmp_path: Path) -> None:
    rows = [f"2024-{month:02}-01,{month if month % 3 else -999}\n" for month in range(1, 10)]
    path = write(tmp_path / "load.csv", "".join(["month,load\n", *rows]))
    said = " -999 stands 3 times in load, far from all else. If it says that nothing was measured, say --set fields.numbers.sentinels=-999"
    assert said in read_rows([path], config(path)).notes[-1]


def test_two_columns_of_times_and_numbers_are_pairs_and_told_of_forecasts(tmp_path: Path) -> None:
    said = "Numbers over time are forecast by `seqloom train {} --time month --forecast COLUMN --horizon N`."
    path = write(tmp_path / "load.csv", "month,load\n2024-01-01,5.5\n2024-02-01,6\n2024-03-01,5.75\n")
    assert read_rows([path], config(path)).notes[-1] == said.format(path)
    assert read_rows([path], config(path, source=["month"])).notes[-1] != said.format(path)
    words = write(tmp_path / "words.csv", "word,number\nzwei,2\ndrei,3\n")
    assert not any("over time" in note for note in read_rows([words], config(words)).notes)


@pytest.mark.parametrize("text", ["a,b,date\nx y,u v,2024-03-01\nz,w,2024-03-02\n", "a,b,n\nx y,u v,1\nz,w,2\n"])
def test_a_table_with_two_columns_of_texts_is_not(tmp_path: Path, text: str) -> None:
    assert error(write(tmp_path / "train.csv", text)).endswith("--source A,B --target C.")


def test_a_column_that_does_not_exist_offers_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "german,english\nHaus,house\n")
    assert error(path, source=["germna"]) == (
        "train.csv: no column 'germna'; expected one of german, english. Did you mean 'german'? "
        "Change --source, or give it a number from 1."
    )
    assert error(path, target=3) == "train.csv: no column 3; expected 1 to 2 (german, english). Change --target."
    assert error(path, source=["german"], target="german") == (
        "train.csv: column 'german' is named twice; expected different columns. Change --source or --target."
    )


def test_a_name_asked_of_a_file_without_header_shows_its_first_row(tmp_path: Path) -> None:
    path = write(tmp_path / "train.tsv", "Haus\thouse\nHund\tdog\n")
    assert error(path, source=["german"], target="english") == (
        "train.tsv: no header that names 'german', 'english'; line 1 is 'Haus', 'house'. "
        "Use numbers, as in --source 1 --target 2, put a header line on top, or, of a trained model, say --set data.header=false."
    )


def test_a_test_file_with_its_columns_in_another_order_is_read_by_name(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "german,english\nHaus,house\n")
    test = write(tmp_path / "test.csv", "nr,english,german\n1,dog,Hund\n")
    found = resolve(config(train))
    assert (found.format, found.delimiter, found.header, found.source, found.target) == ("csv", ",", True, ["german"], "english")
    assert [(row.source, row.target) for row in read_rows([test], found)] == [(("Hund",), "dog")]


def test_a_test_file_without_the_header_of_the_training_file_is_refused(tmp_path: Path) -> None:
    found = resolve(config(write(tmp_path / "train.csv", "german,english\nHaus,house\n")))
    with pytest.raises(DataError, match=r"test\.csv: no header that names 'german', 'english'; line 1 is 'Hund', 'dog'\. Use numbers, "):
        read_rows([write(tmp_path / "test.csv", "Hund,dog\nKatze,cat\n")], found)


def test_a_test_file_of_another_format_is_read_by_its_own_name(tmp_path: Path) -> None:
    found = resolve(config(write(tmp_path / "train.csv", "german,english\nHaus,house\n")))
    test = write(tmp_path / "test.jsonl", '{"english": "dog", "german": "Hund"}\n')
    assert [row.target for row in read_rows([test], found)] == ["dog"]
    left, right = write(tmp_path / "t.de", "Hund\n"), write(tmp_path / "t.en", "dog\n")
    assert [row.target for row in read_rows([left, right], found)] == ["dog"]


def test_resolve_without_files_changes_nothing() -> None:
    assert resolve(config()) == config()


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_missing_file_offers_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "a\tb\n")
    path = str(tmp_path / "trian.tsv")
    with pytest.raises(MissingFileError) as caught:
        read_rows([path], config(path))
    assert str(caught.value) == f"{path}: no such file. Did you mean 'train.tsv'?"
    assert isinstance(caught.value, FileNotFoundError)


def test_a_missing_parallel_file_is_refused_before_reading(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a.de", "Haus\n"), str(tmp_path / "a.fr")
    with pytest.raises(MissingFileError, match=r"a\.fr: no such file\. Check the name\."):
        read_rows([left, right], config(left, right))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    wanted = ": a folder; expected a file, or a folder of sounds, each with a .txt beside it. Name the file in it."
    assert error(str(tmp_path)).endswith(wanted)


def test_a_file_that_may_not_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(DataError, match=r"a\.tsv: cannot be read \(Permission denied\)\. Change its permissions or name another file\."):
        read_rows([path], config(path))


@pytest.mark.parametrize(("name", "text"), [("a.tsv", ""), ("a.tsv", "\n \n"), ("a.csv", ""), ("a.jsonl", "\n"), ("a.txt", "")])
def test_an_empty_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(DataError, match="no rows; expected a source and a target on each line"):
        read_rows([path], config(path))


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert error(write(tmp_path / "a.csv", "de,en\n")).startswith("a.csv: no rows, only a header; expected")


def test_empty_parallel_files_are_refused(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a.de", ""), write(tmp_path / "a.en", "")
    assert error(left, right).startswith("a.de and a.en: no rows; expected")


def test_one_column_is_refused(tmp_path: Path) -> None:
    message = "1 column; expected 2 or more (source, target), got 'just a line'. Put a tab between them, or say what stands there: "
    assert error(write(tmp_path / "a.tsv", "just a line\nmore\n")) == f"a.tsv: {message}--set data.delimiter=…"
    said = "Put a tab between them, or say what stands there: --set data.delimiter=…. For a first word and the rest of the line: "
    assert error(write(tmp_path / "a.tsv", "just a line\nmore here\n")).endswith(f"{said}--set data.split=first")
    assert error(write(tmp_path / "a.jsonl", '{"text": "x"}\n')) == (
        "a.jsonl: 1 column; expected 2 or more (source, target), got text. Name both values on every line."
    )
    chat = '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}\n'
    assert error(write(tmp_path / "a.jsonl", chat)) == (
        "a.jsonl: 1 column; expected 2 or more (source, target), got messages, which holds lists of objects, as chats are kept. "
        "Write a line for each reply, with what was said before it as the source, as examples/4-one-command-three-tasks does."
    )


REPLIES = "Write a line for each reply, with what was said before it as the source, as examples/4-one-command-three-tasks does."
TURNS = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
QUESTIONS = [{"context": "c", "qas": [{"question": "q", "answers": [{"text": "a"}]}]}]
FLATTEN, AS_QUESTIONS = "Flatten them first, into one object a line with texts in it", "as context, question and answer."


@pytest.mark.parametrize(
    ("record", "what", "advice"),
    [
        ({"id": "1", "conversations": TURNS}, "'conversations' holds lists of objects, as chats are kept", REPLIES),
        ({"id": 1, "dialog": ["how are you", "fine"]}, "'dialog' holds lists of texts, as chats are kept", REPLIES),
        ({"said": [{"role": "user", "content": "hi"}], "id": 1}, "'said' holds lists of objects, as chats are kept", REPLIES),
        ({"version": "1", "data": [{"paragraphs": QUESTIONS}]}, "'data' holds records in records", f"{FLATTEN}, {AS_QUESTIONS}"),
        ({"text": "a", "marks": [{"begin": 1}]}, "'marks' holds lists of objects", f"{FLATTEN}."),
        ({"dialogue": ["hi", "hello"]}, "dialogue, which holds lists of texts, as chats are kept", REPLIES),
        ({"data": [{"paragraphs": QUESTIONS}]}, "data, which holds records in records", f"{FLATTEN}, {AS_QUESTIONS}"),
    ],
)
def test_chats_and_records_in_records_are_refused_with_advice(tmp_path: Path, record: dict[str, object], what: str, advice: str) -> None:
    path = write(tmp_path / "a.jsonl", (json.dumps(record) + "\n") * 3)
    said = f"{what}; expected texts" if len(record) > 1 else f"1 column; expected 2 or more (source, target), got {what}"
    assert error(path) == f"a.jsonl: {said}. {advice}"


def test_a_chat_among_other_columns_is_told_beside_what_to_choose(tmp_path: Path) -> None:
    record = {"id": 1, "model": "m", "language": "en", "messages": TURNS}
    said = error(write(tmp_path / "a.jsonl", json.dumps(record) + "\n"))
    assert "4 columns; expected 2, or --source and --target to say which." in said
    assert said.endswith(f"--target C. 'messages' holds lists of objects, as chats are kept. {REPLIES}")
    asked = error(str(tmp_path / "a.jsonl"), source=["id"], target="messages")
    assert asked == f"a.jsonl: 'messages' holds lists of objects, as chats are kept; expected texts. {REPLIES}"


def test_columns_beside_a_chat_and_turns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    record = {"question": "q", "answer": "a", "messages": TURNS, "dialog": ["how are you", "fine"]}
    path = write(tmp_path / "a.jsonl", json.dumps(record) + "\n")
    assert pairs(path) == [(("q",), "a", "a.jsonl:1")]
    assert pairs(path, source=["question"], target="dialog") == [(("q",), "how are you fine", "a.jsonl:1")]
    numbers = write(tmp_path / "b.jsonl", '{"id": "ab", "turns": [1, 2]}\n')
    assert pairs(numbers) == [(("ab",), "1 2", "b.jsonl:1")]


@pytest.mark.parametrize("start", [b"\xff\xff\xff\xff\x98\0\0\0", b"ARROW1\0\0\xff\xff\xff\xff"], ids=["stream", "file"])
def test_an_arrow_file_is_refused_with_what_makes_a_readable_one(tmp_path: Path, start: bytes) -> None:
    assert error(write(tmp_path / "a.arrow", start + b"\0" * 50)) == (
        "a.arrow: an Arrow file; expected text, plain or gzip. "
        "Save it as Parquet or JSON Lines, a Dataset of datasets with its to_parquet or to_json."
    )


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_arrays_of_numpy_are_refused_with_how_they_are_given(tmp_path: Path, save: Any) -> None:
    """To remove the NUL bytes, as was said of them, would have spoilt the file."""
    held = io.BytesIO()
    save(held, np.zeros(3))
    assert error(write(tmp_path / "a.npy", held.getvalue())) == (
        "a.npy: arrays of NumPy; expected text, plain or gzip. Load them in Python, with numpy.load, and give them to "
        "seqloom.train((X, y)) or seqloom.train_forecast({'load': y}, ...)."
    )


@pytest.mark.parametrize(("line", "found"), [("x", "1 column"), ("x\ty\tz", "3 columns")])
def test_a_ragged_row_is_refused_with_its_line(tmp_path: Path, line: str, found: str) -> None:
    path = write(tmp_path / "a.tsv", f"a\tb\n\n{line}\nc\td\n")
    got = ", ".join(map(repr, line.split("\t")))
    assert error(path) == f"a.tsv:3: {found}; expected 2 (1, 2), got {got}. Mend or delete the line."


def test_a_ragged_first_row_is_the_one_refused(tmp_path: Path) -> None:
    assert error(write(tmp_path / "a.tsv", "a\tb\tx\nc\td\ne\tf\n")).startswith("a.tsv:1: 3 columns; expected 2 (1, 2)")


def test_unequal_parallel_files_are_refused_with_both_counts(tmp_path: Path) -> None:
    left, right = write(tmp_path / "a.de", "x\n" * 1200), write(tmp_path / "a.en", "y\n" * 7)
    message = "expected equally many, line n of one for line n of the other. Find where they part before training."
    assert error(left, right) == f"a.de has 1,200 lines and a.en 7; {message}"
    assert error(right, left) == f"a.en has 7 lines and a.de 1,200; {message}"


def test_files_that_are_not_two_parallel_ones_are_refused(tmp_path: Path) -> None:
    names = [write(tmp_path / name, "a\tb\n") for name in ("a.tsv", "b.tsv", "c.tsv")]
    assert error(*names) == (
        "a.tsv, b.tsv, c.tsv: 3 files; expected one file of pairs or two parallel text files. "
        "Join tables of the same columns into one with cat."
    )
    assert error(*names[:2]).startswith("a.tsv, b.tsv: two tables; expected one file of pairs or two parallel text files.")


@pytest.mark.parametrize(
    ("encoding", "text", "line", "message"),
    [
        (
            "iso-8859-1",
            "Haus\thouse\ngrün\tgreen\n",
            2,
            "byte 3 of the line (0xfc) is not UTF-8; it looks like ISO-8859-1, expected UTF-8.",
        ),
        ("cp1252", "„grün“\tgreen\n", 1, "byte 1 of the line (0x84) is not UTF-8; it looks like WINDOWS-1252, expected UTF-8."),
        ("shift_jis", "日本語です\tx\n", 1, "byte 1 of the line (0x93) is not UTF-8; expected UTF-8."),
        ("utf-16", "Haus\thouse\n", 1, "not UTF-8; it begins with the byte order mark of UTF-16."),
        ("utf-16-le", "Haus\thouse\n", 1, "a NUL byte at byte 2 of the line; it looks like UTF-16, expected UTF-8."),
    ],
)
def test_another_encoding_is_refused_with_its_likely_name(tmp_path: Path, encoding: str, text: str, line: int, message: str) -> None:
    likely = {"iso-8859-1": "ISO-8859-1", "cp1252": "WINDOWS-1252", "shift_jis": "ENCODING"}.get(encoding, "UTF-16")
    path = write(tmp_path / "a.tsv", text.encode(encoding))
    assert error(path) == f"a.tsv:{line}: {message} Convert it: iconv -f {likely} -t UTF-8 OLD > NEW"


def test_a_nul_byte_is_refused_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\nHaus\tho\0use\n")
    assert error(path) == "a.tsv:2: a NUL byte at byte 8 of the line; expected text. Remove it: tr -d '\\000' < OLD > NEW"


def test_a_file_of_a_programs_own_is_not_taken_for_utf_16(tmp_path: Path) -> None:
    path = write(tmp_path / "words.db", b"SQLite format 3\0\x10\0\x01\x01\0@  \0\0\0\x0c\0\0\0\0\0\0\n")
    assert error(path) == (
        "words.db:1: a NUL byte at byte 16 of the line; it looks like a program's own file, expected text. "
        "Export it from there as TSV, CSV or JSON Lines."
    )


def test_old_macintosh_lines_are_refused(tmp_path: Path) -> None:
    assert error(write(tmp_path / "a.tsv", "a\tb\rc\td\r")) == (
        "a.tsv:1: the lines end with a carriage return alone; expected LF or CRLF. Convert it: tr '\\r' '\\n' < OLD > NEW"
    )


def test_archives_and_spreadsheets_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"PK\x03\x04 and more")
    assert error(path) == "a.csv: a zip archive or spreadsheet; expected text, plain or gzip. Unpack it, or save the sheet as CSV."


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv.gz", gzip.compress(b"a\tb\n" * 9)[:-12])
    assert error(path).startswith("a.tsv.gz:1: the gzip file is damaged here (")


def test_a_quote_that_is_never_closed_is_refused_where_it_opens(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'de,en\na,b\n"c,d\ne,f\n')
    assert error(path).startswith("a.csv:3: a quote is opened here and not closed by the end of the file. Close it, or double a quote")
    path = write(tmp_path / "a.csv", 'de,en\na,b\n"c,d\n' + "e,f\n" * 300_000)
    assert error(path).startswith("a.csv:3: a quote is opened here and not closed by 1,000,000 characters on.")


def test_json_over_several_lines_is_refused_with_the_way_to_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "words.json", '{\n  "Haus": "house"\n}\n')
    begin, _, message = error(path).partition("; ")
    assert begin == "words.json:1: not JSON (Expecting property name enclosed in double quotes at character 2)"
    advice = "An object over several lines becomes one line with jq -c ., or one line a name and its value with jq -c 'to_entries[]'."
    assert message == f"expected one object a line, got '{{'. {advice}"


def test_text_behind_a_closing_quote_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'de,en\n"a" x,b\n')
    assert error(path).startswith("a.csv:2: 'x,b' stands behind a closing quote; expected ',' or the end of the line.")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"source": "a", "target": }', "not JSON (Expecting value at character 27); expected one object a line, got"),
        ('["a", "b"]', '\'["a", "b"]\' is not an object; expected one object a line, with named values. A JSON array becomes JSON Lines'),
        ('{"source": "a", "traget": "b"}', "no 'target' in the object; expected it on every line. Did you mean 'traget'?"),
        (
            '{"source": "a", "target": {"b": 1}}',
            "'target' holds an object; expected text, a number or a list of texts. Name what is in it, as in target.b.",
        ),
        ('{"source": "a", "target": "\\ud83d"}', "half of a surrogate pair; expected whole characters."),
        ('{"source": "a", "target": ["\\u0000"]}', "a NUL character; expected text. Remove it."),
    ],
)
def test_a_bad_json_line_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", '{"source": "a", "target": "b"}\n' + line + "\n")
    assert error(path, source=["source"], target="target").startswith(f"a.jsonl:2: {message}")


# ----------------------------------------------------------------------------------------------------------- in memory


def test_pairs_and_two_lists_become_the_same_rows() -> None:
    expected = [Row(("a",), "x", "pairs:1"), Row(("b",), "y", "pairs:2")]
    assert rows_from_memory([("a", "x"), ["b", " y"]]) == rows_from_memory(["a", "b"], ["x", "y"]) == expected
    assert rows_from_memory([(("a", "N"), "x")]) == [Row(("a", "N"), "x", "pairs:1")]


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        ([], None, "pairs: no rows; expected a list of (source, target) pairs. Give at least one."),
        (["ab"], None, "pairs:1: expected a (source, target) pair, got 'ab'."),
        ([("a", "b"), ("a", "b", "c")], None, "pairs:2: expected a (source, target) pair, got 3 values."),
        ([("a",)], None, "pairs:1: expected a (source, target) pair, got 1 value."),
        (
            [("a", ["b", "c"])],
            None,
            "pairs:1: the target is list ['b', 'c']; expected a text. Join its parts with \" \".join(...).",
        ),
        ([("a", None)], None, 'pairs:1: the target is NoneType None; expected a text. Give a text, or "" for an empty one.'),
        (
            [("a", 0.5)],
            None,
            "pairs:1: the target is float 0.5; expected a text. "
            "One that names something becomes a text with str(); one that is measured goes into an array, as in np.array([0.5]).",
        ),
        (
            [(b"RIFF", "a")],
            None,
            "pairs:1: the source is bytes b'RIFF'; expected a text. Decode it; of a sound, give the path of its file.",
        ),
        (
            [((np.zeros(9), 8000), "a")],
            None,
            "pairs:1: a sound; expected a text, as in training. Give texts; only a model that was trained on sounds hears.",
        ),
        (["a", "b"], ["c"], "pairs: 2 sources and 1 targets; expected equally many."),
        ([(("a", "b"), "c"), ("a", "c")], None, "pairs:2: 1 source column; expected 2 as in the first pair."),
        ([("a", "b\0")], None, "pairs:1: a NUL character; expected text."),
    ],
)
def test_what_is_not_pairs_is_refused(data: list[object], target: list[str] | None, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_from_memory(data, target)
    assert str(caught.value).startswith(message)


# ---------------------------------------------------------------------------------------------------------- prediction


def sources(lines: str | list[str], columns: int = 1, settings: DataConfig | None = None) -> list[tuple[str, ...]]:
    return [row.source for row in read_sources(lines, columns, settings)]


def test_blank_lines_keep_their_place_among_sources(tmp_path: Path) -> None:
    rows = list(read_sources(write(tmp_path / "in.txt", "a\n\nb c\r\n")))
    assert [(row.source, row.target, Path(row.where).name) for row in rows] == [
        (("a",), "", "in.txt:1"),
        (("",), "", "in.txt:2"),
        (("b c",), "", "in.txt:3"),
    ]
    assert sources(["a\n", "", "b"]) == [("a",), ("",), ("b",)]


@pytest.mark.parametrize("trained", ["train.tsv", ""], ids=["a run", "an exported model"])
def test_a_table_of_sources_has_no_header_where_training_had_none(tmp_path: Path, trained: str) -> None:
    """Its first line is the first source: an answer that is left out puts all others beside the wrong source."""
    write(tmp_path / "train.tsv", "a\tb\nc\td\n")
    found = resolve(config(str(tmp_path / "train.tsv"))).model_copy(update={"train": [str(tmp_path / trained)] if trained else []})
    notes: list[str] = []
    for text, read in (("mg\nzhog\n", ["mg", "zhog"]), ('"m,g",1\nzhog,2\n', ["m,g", "zhog"]), ("source\nzhog\n", ["zhog"])):
        path = write(tmp_path / "in.csv", text)
        assert [row.source[0] for row in read_sources(path, 1, found, notes=notes)] == read
    assert notes == [
        f"{tmp_path / 'in.csv'}: 2 columns; the source is column 1, as in the training file",
        f"{tmp_path / 'in.csv'}:1: 'source' is read as a header; if it is a source, put the line 'source' above it",
    ]


def test_of_named_values_the_one_that_says_it_is_the_source_is_taken(tmp_path: Path) -> None:
    """What training knew by number says nothing of names."""
    found = resolve(config(write(tmp_path / "train.tsv", "a\tb\nc\td\n")))
    for text in ('{"id": 1, "source": "mg"}\n', '{"text": "mg"}\n'):
        assert sources(write(tmp_path / "in.jsonl", text), 1, found) == [("mg",)]
    path = write(tmp_path / "in.jsonl", '{"id": 1, "text": "mg"}\n')
    with pytest.raises(
        DataError,
        match=r"in\.jsonl: 2 columns \(id, text\); expected the model's 1 source column\. Call it 'source', or leave the others out\.$",
    ):
        sources(path, 1, found)


def test_a_table_without_the_column_that_training_read_is_refused_with_what_can_be_done(tmp_path: Path) -> None:
    """The advice was to change --source, which predict has not."""
    found = resolve(config(write(tmp_path / "train.csv", "german,english\na,b\nc,d\n"), source=["german"], target="english"))
    path = write(tmp_path / "in.csv", "id,germans\n1,mg\n2,zhog\n")
    with pytest.raises(DataError) as caught:
        sources(path, 1, found)
    assert str(caught.value) == (
        f"{path}: no column 'german', which training read; expected it among id, germans. Did you mean 'germans'? "
        "Give the column of the source that name."
    )
    assert sources(write(tmp_path / "in.csv", "id,german\n1,mg\n2,zhog\n"), 1, found) == [("mg",), ("zhog",)]


def test_named_columns_are_no_numbered_ones(tmp_path: Path) -> None:
    found = resolve(config(write(tmp_path / "train.tsv", "a\tb\nc\td\n")))
    assert sources(write(tmp_path / "in.csv", "id,source\n1,mg\n2,zhog\n"), 1, found) == [("mg",), ("zhog",)]
    rows = read_rows([write(tmp_path / "test.jsonl", '{"target": "X", "source": "mg"}\n')], found)
    assert [(row.source, row.target) for row in rows] == [(("mg",), "X")]
    assert sources(write(tmp_path / "words.csv", "mg\nzhog\n"), 1, DataConfig()) == [("mg",), ("zhog",)], "trained on pairs in memory"


def test_a_table_of_pairs_has_no_header_where_training_had_none(tmp_path: Path) -> None:
    found = resolve(config(write(tmp_path / "train.tsv", "a\tb\nc\td\n")))
    rows = read_rows([write(tmp_path / "test.csv", "mg,x\nzhog,y\n")], found)
    assert [row.source for row in rows] == [("mg",), ("zhog",)]
    assert rows.doubt in rows.notes
    assert (
        rows.doubt
        == "Without a header: line 1 ('mg', 'x') is data though it reads like a header. If it is one, say --set data.header=true."
    )


def test_several_source_columns_are_separated_by_tabs(tmp_path: Path) -> None:
    path = write(tmp_path / "in.txt", "reír\tV;PRS\n\nver\n")
    rows = read_sources(path, 2)
    assert [row.source for row in itertools.islice(rows, 2)] == [("reír", "V;PRS"), ("", "")]
    with pytest.raises(
        DataError, match=r"in\.txt:3: 1 source column; expected the model's 2 source columns separated by tabs, got 'ver'\. "
    ):
        next(rows)


def test_columns_beside_the_source_are_not_read_and_said_once(tmp_path: Path) -> None:
    train = resolve(config(write(tmp_path / "train.tsv", "a\tb\nc\td\n")))
    notes: list[str] = []
    path = write(tmp_path / "in.txt", "mg\nzhog\tX\n\ng\t \nh\tY\tZ\n")
    assert [row.source[0] for row in read_sources(path, 1, train, notes=notes)] == ["mg", "zhog", "", "g", "h"]
    further = "further columns, which are not read (the first at"
    assert notes == [f"2 lines have {further} {path}:2); the source is column 1, as in the training file"]
    assert [row.source[0] for row in read_sources(["a\tb"], 1, train)] == ["a\tb"], "what is given as a text is read whole"
    train = resolve(config(write(tmp_path / "train.tsv", "reír\triendo\tV;PRS\n"), source=[1, 3], target=2))
    path, notes = write(tmp_path / "in.tsv", "ver\tviendo\tV\n"), []
    assert [row.source for row in read_sources(path, 2, train, notes=notes)] == [("ver", "V")]
    assert notes == [f"1 line has {further} {path}:1); the source is columns 1 and 3, as in the training file"]


def test_a_file_like_the_training_file_gives_its_source_columns(tmp_path: Path) -> None:
    train = resolve(config(write(tmp_path / "train.tsv", "reír\triendo\tV;PRS\n"), source=[1, 3], target=2))
    test = write(tmp_path / "test.tsv", "ver\tviendo\tV;PRS\n")
    assert sources(test, 2, train) == [("ver", "V;PRS")]
    train = resolve(config(write(tmp_path / "train.csv", "german,english\nHaus,house\n")))
    assert sources(write(tmp_path / "test.csv", 'english,german\ndog,"Hund, der"\n\n'), 1, train) == [("Hund, der",), ("",)]
    assert sources(write(tmp_path / "test.csv", "german\nHund\n"), 1, train) == [("Hund",)]
    assert sources(write(tmp_path / "test.jsonl", '{"german": "Hund"}\n'), 1, train) == [("Hund",)]


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    with open(ours, encoding="utf-8") as stdin, open(theirs, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdin", stdin)
        lines = Arriving()
        rows = read_sources("-", stdin=lines)
        pipe.write(b"a\nb\nc")
        assert [row.source for row in lines.together(rows, 9)] == [("a",), ("b",)]
        pipe.write(b"d\ne\nf\n")
        assert [row.source for row in lines.together(rows, 2)] == [("cd",), ("e",)]
        assert not lines.pausing()
        assert next(rows) == Row(("f",), "", "stdin:5")
        assert lines.pausing()
        pipe.write(b"the last without an end")
        pipe.close()
        assert not lines.pausing()
        assert [row.source[0] for row in lines.together(rows, 9)] == ["the last without an end"]
        assert list(lines) == []
        assert lines.together(rows, 9) == []


def test_packed_standard_input_is_unpacked_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    packed = gzip.compress(b"a\nb") + gzip.compress(b"c\n") + b"\0\0"
    with open(ours, encoding="utf-8") as stdin, open(theirs, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdin", stdin)
        pipe.write(packed[:7])
        assert not stdin_holds_bytes()
        rows = read_sources("-", stdin=Arriving())
        for byte in packed[7:]:
            pipe.write(bytes([byte]))
        pipe.close()
        assert [row.source for row in rows] == [("a",), ("bc",)]


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (gzip.compress(b"a\nb\n")[:-9], "stdin: the gzip file ends before its end. Copy or download it again."),
        (
            gzip.compress(b"a\nb\n") + b"more",
            "stdin: the gzip file is damaged (Error -3 while decompressing data: incorrect header check).",
        ),
        (b"\xfd7zXZ\0more", "stdin: compressed with xz; expected text, plain or gzip. Unpack it with xz -d."),
    ],
)
def test_standard_input_that_cannot_be_unpacked_is_refused(packed: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    with pytest.raises(DataError, match=re.escape(said)):
        list(read_sources("-", stdin=Arriving()))


def test_a_long_line_and_the_last_one_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a" * 300_000 + b"\n\n" + b"b" * 70_000
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert list(Arriving()) == text.splitlines(keepends=True)


def test_lines_like_a_training_file_with_header_or_json_are_understood_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = resolve(config(write(tmp_path / "train.csv", "german,english\nHaus,house\n")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'german,english\n"a, b",c\nd,e\n')))
    assert sources("-", 1, train) == [("a, b",), ("d",)]
    train = resolve(config(write(tmp_path / "train.jsonl", '{"source": "a", "target": "b"}\n')))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"source": "x"}\nplain\n')))
    assert sources("-", 1, train) == [("x",), ("plain",)]


class _Counting:
    """Three rows, and how often they were read."""

    names: ClassVar[tuple[str, ...]] = ("german", "english")
    notes: ClassVar[list[str]] = ["a note"]

    def __init__(self) -> None:
        self.readings = 0

    def __iter__(self) -> Iterator[Row]:
        self.readings += 1
        return iter([Row((f"s{number}",), f"t{number}", f"pairs:{number}") for number in range(3)])


def test_few_rows_are_read_once_and_kept() -> None:
    rows = _Counting()
    again = KeptRows(rows)
    assert [next(iter(again)).target for _ in range(2)] == ["t0", "t0"]  # no whole reading
    assert [[row.target for row in again] for _ in range(3)] == [["t0", "t1", "t2"]] * 3
    assert rows.readings == 3
    assert (again.names, again.notes) == (rows.names, rows.notes)


def test_many_rows_are_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 500)  # bytes: one row and a bit
    rows = _Counting()
    again = KeptRows(rows)
    assert [[row.target for row in again] for _ in range(3)] == [["t0", "t1", "t2"]] * 3
    assert rows.readings == 3


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2500])
@pytest.mark.parametrize("odd", [b"", b"last without an end", b"crlf\r\n", b"\n \n", "stra\u00dfe\u2028\x0b\x85x\n".encode(), b"a\rb\n"])
def test_lines_are_the_same_together_and_one_by_one(count: int, odd: bytes, tmp_path: Path) -> None:
    raw = b"".join(b"line %d\n" % number for number in range(count)) + odd
    (tmp_path / "a.txt").write_bytes(raw)
    together, alone = LineCounts(), LineCounts()
    assert list(read_lines(str(tmp_path / "a.txt"), together)) == list(decode_lines(io.BytesIO(raw), "a.txt", alone))
    assert together == alone


def test_one_of_two_parallel_files_is_no_table(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, "a b\nc d\n") for name in ("dev.de", "dev.en"))
    train = resolve(DataConfig(train=[str(one), str(two)]))
    with pytest.raises(DataError) as caught:
        read_rows([str(one)], train)
    said = "1 column; expected 2 or more (source, target), or two parallel files as in training. Name both; a dev set takes --dev twice."
    assert str(caught.value) == f"{one}: {said}"


def test_a_link_to_what_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.symlink_to("gone.tsv")
    with pytest.raises(MissingFileError) as caught:
        list(read_lines(str(path)))
    assert str(caught.value) == f"{path}: a link to gone.tsv, which is not there. Mend the link."


@pytest.mark.parametrize("before", [1, 1500])
def test_one_byte_of_another_encoding_among_utf8_is_no_reason_to_convert_the_file(tmp_path: Path, before: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("déjà\n".encode() * before + b"caf\xe9 du coin\n")
    with pytest.raises(DataError) as caught:
        list(read_lines(str(path)))
    said = f"{path}:{before + 1}: byte 4 of the line (0xe9) is not UTF-8; it looks like ISO-8859-1, expected UTF-8. "
    assert str(caught.value) == said + "The lines before are: mend this one alone."


def test_a_faulty_line_far_down_is_named_and_those_before_it_are_given(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"line\n" * 1500 + b"\xff\n" + b"line\n" * 2000)
    lines = read_lines(str(tmp_path / "a.txt"))
    assert sum(1 for _ in itertools.islice(lines, 1500)) == 1500
    with pytest.raises(DataError, match=r"a\.txt:1501: byte 1 of the line \(0xff\) is not UTF-8"):
        next(lines)


TSV_OF_OTHERS = {
    "english\tfrench\nred\trouge\n\nsky\tciel\n": ["red", "", "sky"],
    "french\tenglish\nrouge\tred\n": ["red"],
    "red\ngreen\nblue sky\n": ["red", "green", "blue sky"],
}


@pytest.mark.parametrize("name", ["train.csv", "train.jsonl"])
@pytest.mark.parametrize(("text", "expected"), TSV_OF_OTHERS.items())
def test_a_table_with_tabs_is_read_by_its_columns_whatever_training_read(tmp_path: Path, name: str, text: str, expected: list[str]):
    lines = ["english,french", "red,rouge"] if name.endswith("csv") else ['{"english": "red", "french": "rouge"}']
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "asked.tsv").write_text(text, encoding="utf-8")
    config = resolve(DataConfig(train=[str(tmp_path / name)]))
    assert [row.source[0] for row in read_sources(str(tmp_path / "asked.tsv"), 1, config)] == expected
    (tmp_path / "other.tsv").write_text("german\tfrench\nrot\trouge\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"other\.tsv: no (header that names|column) 'english'"):
        list(read_sources(str(tmp_path / "other.tsv"), 1, config))


def test_lists_of_several_texts_are_joined_and_said(tmp_path: Path):
    file = tmp_path / "answers.jsonl"
    file.write_text('{"turns": ["hi", "hello there"], "tags": ["N", "PL"], "answers": ["Tom", "Tom Sawyer"]}\n', encoding="utf-8")
    read = read_rows([str(file)], DataConfig(source=["turns", "tags"], target="answers"))
    assert [(row.source, row.target) for row in read] == [(("hi hello there", "N PL"), "Tom Tom Sawyer")]
    said = "holds lists of several texts, which are joined by blanks."
    advice = "If they are several right answers, give each a row of its own."
    assert read.notes[-2:] == [f"'turns' {said}", f"'answers' {said} {advice}"]


def test_csv_is_not_parted_at_its_first_delimiter(tmp_path: Path):
    path = write(tmp_path / "train.csv", "a,b\nc,d\n")
    assert (
        error(path, split="first")
        == "train.csv: data.split=first for CSV; expected lines of text. Leave it out, or add --set data.format=tsv."
    )


def test_a_run_of_blanks_parts_aligned_columns_once(tmp_path: Path):
    """Four blanks or more were an empty column, and the advice was to mend or delete the line."""
    path = write(
        tmp_path / "lex.txt", "HELLO   HH AH L OW\nWORLD     W ER L D\nof course    AH V\n  THE  DH AH   \n" + "A  AH\n" * 9 + "HM  \n"
    )
    expected = [("HELLO", "HH AH L OW"), ("WORLD", "W ER L D"), ("of course", "AH V"), ("THE", "DH AH"), *[("A", "AH")] * 9, ("HM", "")]
    assert [(source[0], target) for source, target, _ in pairs(path)] == expected
    asked = write(tmp_path / "asked.txt", "WORLD     W ER L D\nHELLO\n")
    assert [row.source for row in read_sources(asked, 1, resolve(config(path)))] == [("WORLD",), ("HELLO",)]


def test_a_word_and_the_rest_are_offered_though_a_line_holds_one_word_alone(tmp_path: Path):
    path = write(tmp_path / "lexicon.txt", "<eps>\n" + "".join(f"word{number} W ER D\n" for number in range(20)))
    assert error(path).endswith("For a first word and the rest of the line: --set data.split=first")


@pytest.mark.parametrize("name", ["-", "asked.tsv"])
def test_lines_without_the_header_of_training_are_refused_with_what_reads_them(tmp_path: Path, name: str):
    """The advice was to mend the line; `evaluate` knew better."""
    found = resolve(config(write(tmp_path / "train.tsv", "word\tpron\na\tb\nc\td\n"), source=["word"], target="pron"))
    lines = name if name == "-" else write(tmp_path / name, "ab\tx y\n")
    with pytest.raises(DataError) as caught:
        list(read_sources(lines, 1, found, stdin=[b"ab\tx y\n"]))
    assert str(caught.value).endswith(
        "got 'ab', 'x y'. Mend the line, or, where no first line names 'word' as in training, say --set data.header=false."
    )


def test_numbers_behind_sources_are_left_out_where_they_count_the_rows_of_one(tmp_path: Path):
    path = write(tmp_path / "lex.txt", "READ  R EH D\nREAD(1)  R IY D\nREAD[2]  R\n(3)  TH\nf(x)  F\n")
    read = [("READ", "R EH D"), ("READ", "R IY D"), ("READ", "R"), ("(3)", "TH"), ("f(x)", "F")]
    assert [(source[0], target) for source, target, _ in pairs(path, variants=True)] == read
    assert pairs(path)[1][0] == ("READ(1)",)
    found = resolve(config(path, variants=True))
    assert sources(write(tmp_path / "asked.txt", "READ(1)\nWORD\n"), 1, found) == [("READ",), ("WORD",)]


@pytest.mark.parametrize(
    ("order", "header", "options"),
    [
        ((0, 1, 2), "", "--source 1,3 --target 2"),
        ((0, 2, 1), "", "--source 1,2 --target 3"),
        ((0, 2, 1), "lemma\ttags\tform\n", "--source lemma,tags --target form"),
        ((0, 1, 2), "lemma\tform\tfeatures\n", "--source lemma,features --target form"),
    ],
)
def test_a_column_of_marks_is_offered_beside_the_source(tmp_path: Path, order: tuple[int, ...], header: str, options: str):
    """The refusal left the user to find out which columns are which."""
    tags = ["V;PST;3;SG", "V;PRS;1;PL", "V;PRS;3;SG"]
    rows = [(f"lem{number}a", f"for{number}m", tags[number % 3]) for number in range(30)]
    path = write(tmp_path / "verbs.tsv", header + "".join("\t".join(row[place] for place in order) + "\n" for row in rows))
    said = error(path)
    assert "holds marks with ';' between them, as a source has beside its text" in said
    assert said.endswith(f"{options}, or name the columns otherwise.")


def test_a_side_that_is_given_is_not_asked_for(tmp_path: Path):
    path = write(tmp_path / "a.csv", "word,class_of,pron\nab,N,x y\ncd,V,z\n")
    said = "a.csv: 3 columns; expected --{} beside --{}. Columns: word ('ab'), class_of ('N'), pron ('x y'). "
    assert (
        error(path, target="pron")
        == f"{said.format('source', 'target')}Say what the target is told from, one column or several: --source A,B."
    )
    assert error(path, source=["word"]) == f"{said.format('target', 'source')}Say which one is to be written: --target C."
