"""Ready word vectors as text of word2vec, fastText and GloVe: whose rows are kept, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqloom.config import FieldConfig, FieldsConfig, TextField, TokensField
from seqloom.data.rows import Row
from seqloom.errors import DataError, MissingFileError
from seqloom.fields.columns import Column
from seqloom.fields.subwords import Subwords
from seqloom.fields.task import Fields
from seqloom.fields.text import SourceField, TargetField
from seqloom.fields.units import Characters, Unit, Words
from seqloom.fields.vectors import Found, Width, read_vectors, width_of
from seqloom.fields.vocabulary import Vocabulary

WORD2VEC = "3 2\n</s> 0.5 0.5\nthe 1 2 \ndog -2.5e-1 4\n"
WORDS = "expected a word and its numbers, with blanks or tabs between, or how many of both. Name a file of vectors."
GLOVE = "the 1 2\n. . 5 6\ndog -0.25 4\nthe 9 9\n"


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def target_of(symbols: list[str], unit: Unit | None = None, config: FieldConfig | None = None) -> TargetField:
    return TargetField(Column(config or TextField(unit="word"), unit or Words()), Vocabulary(symbols))


def found_in(file: str, field: SourceField | TargetField) -> dict[str, list[float]]:
    (found,) = read_vectors(file, {"target": field})
    return {field.vocabulary.symbol(number): row.tolist() for number, row in zip(found.ids, found.rows, strict=True)}


@pytest.mark.parametrize("text", [WORD2VEC, GLOVE, WORD2VEC.replace("\n", "\r\n")], ids=["word2vec", "GloVe", "CRLF"])
def test_the_rows_of_a_vocabulary_are_read_with_and_without_a_header(tmp_path: Path, text: str):
    field = target_of(["dog", "the", "hen"])
    expected = {"dog": [-0.25, 4.0], "the": [1.0, 2.0]}
    assert found_in(write(tmp_path / "x.vec", text), field) == expected
    assert found_in(write(tmp_path / "x.vec.gz", gzip.compress(text.encode())), field) == expected


def test_tabs_stand_between_a_word_and_its_numbers_as_blanks_do(tmp_path: Path):
    field = target_of(["dog", "the", "hen"])
    for text in (WORD2VEC.replace(" ", "\t"), GLOVE.replace("dog ", "dog\t").replace("the 1", "the\t1")):
        file = write(tmp_path / "x.vec", text)
        assert width_of(file).numbers == 2
        assert found_in(file, field) == {"dog": [-0.25, 4.0], "the": [1.0, 2.0]}


def test_the_width_is_told_from_the_first_lines(tmp_path: Path):
    assert width_of(write(tmp_path / "a", WORD2VEC)) == Width(2, 2, 3)
    assert width_of(write(tmp_path / "b", GLOVE)) == Width(2, 1, None)
    assert width_of(write(tmp_path / "c", "7 0.5 0.25 1\n")) == Width(3, 1, None)


def test_words_with_blanks_are_words_of_their_own(tmp_path: Path):
    field = target_of([".", "the"], config=TokensField())
    assert found_in(write(tmp_path / "x.vec", GLOVE), field) == {"the": [1.0, 2.0]}


def test_marks_where_no_blank_stands_are_taken_off(tmp_path: Path):
    file = write(tmp_path / "x.vec", ", 1 2\n( 3 4\n\uffeddog 5 6\ndog 7 8\n")
    field = target_of(["\uffed,", "(\uffed", "\uffeddog", "dog", "\uffed"])
    assert found_in(file, field) == {"\uffed,": [1, 2], "(\uffed": [3, 4], "\uffeddog": [5, 6], "dog": [7, 8]}


def subwords() -> Subwords:
    return Subwords.train(TextField(unit="subword", max_size=270), lambda: iter(["a dog", "a dog"]))


def test_of_subwords_those_that_are_words_have_vectors_in_a_file_of_words(tmp_path: Path):
    field = target_of(["\u2581dog", "dog", "s", ".", "\u2581a"], subwords(), TextField(unit="subword"))
    assert found_in(write(tmp_path / "w", "dog 1 2\ns 3 4\n. 5 6\n"), field) == {"\u2581dog": [1, 2], ".": [5, 6]}
    of_pieces = "dog 1 2\n\u2581dog 7 8\ns 3 4\n. 5 6\n"
    assert found_in(write(tmp_path / "p", of_pieces), field) == {"\u2581dog": [7, 8], "dog": [1, 2], "s": [3, 4], ".": [5, 6]}


def test_columns_that_are_cut_differently_find_their_symbols_without_namespaces(tmp_path: Path):
    config = FieldsConfig(source=[TokensField(), TokensField(separator=";")])
    fields = Fields.fit(config, [Row(("dog 2:x", "N;the"), "a", "x:1")])
    file = write(tmp_path / "x", "dog 1 2\n2:x 3 4\nN 5 6\nthe 7 8\n")
    assert isinstance(fields.source, SourceField)
    assert found_in(file, fields.source) == {"dog": [1, 2], "1:2:x": [3, 4], "2:N": [5, 6], "2:the": [7, 8]}


def test_both_sides_are_looked_for_in_one_reading(tmp_path: Path):
    file = write(tmp_path / "x", GLOVE)
    source, target = read_vectors(file, {"source": target_of(["the"]), "target": target_of(["dog", "cow"])})
    assert (source.side, source.ids, target.side, target.ids, target.symbols) == ("source", [4], "target", [4], 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": empty; expected a word and its numbers a line. Name a file of vectors."),
        ("the\na\n", f":1: 'the'; {WORDS}"),
        ("the 7\na 5\n", f":1: 'the 7'; {WORDS}"),
        ("3 2\n", f":1: '3 2'; {WORDS}"),
        ("a 1 x\n", ":1: 'x' is no number; expected 2 behind the word. Mend or delete the line."),
        ("a 1 2\nthe 1 nan\n", ":2: 'nan' is no number; expected 2 behind the word. Mend or delete the line."),
        ("a 1 2\nthe 1 2 3\n", ":2: 3 numbers behind 'the'; expected 2, as line 1 has. Mend or delete the line."),
        ("a 1 2 3\nb 1 2 3\nthe 1 2\n", ":3: 2 numbers behind 'the'; expected 3, as line 1 has. Mend or delete the line."),
        ("2 3\na 1 2\nthe 1 2\n", ":2: 2 numbers behind 'a'; expected 3, as line 1 says. Mend or delete the line."),
        ("4 2\na 1 2\nthe 1 2\n", ": 2 vectors; expected 4, as line 1 says: the file is cut off. Download it again."),
    ],
)
def test_what_is_no_file_of_vectors_is_refused(tmp_path: Path, text: str, message: str):
    file = write(tmp_path / "x.vec", text)
    with pytest.raises(DataError) as error:
        read_vectors(file, {"target": target_of(["the"])})
    assert str(error.value) == f"{file}{message}"


def test_binary_vectors_and_missing_files_are_refused(tmp_path: Path):
    file = write(tmp_path / "x.bin", b"3 2\nthe \x00\x00\x80\x3f\x00\x00\x80\xbf\n")
    with pytest.raises(DataError) as error:
        width_of(file)
    advice = "Save it as text, as with save_word2vec_format(PATH, binary=False) of gensim."
    assert str(error.value) == f"{file}: vectors in a program's own form; expected text, a word and its numbers a line. {advice}"
    with pytest.raises(MissingFileError, match=r"y.bin: no such file. Did you mean 'x.bin'\?"):
        width_of(str(tmp_path / "y.bin"))


def test_a_warning_says_why_few_were_found(tmp_path: Path):
    file = write(tmp_path / "x", "the 1 2\ndog 3 4\nhen 5 6\n")
    (capitals,) = read_vectors(file, {"target": target_of(["The", "Dog", "hen", "Zug", "Rad"])})
    assert capitals.notes() == [
        f"vectors: 1 of 5 target symbols are in {file} (20%)",
        "warning: few target symbols have vectors: 2 more are in it in lower case. Lower-case the text with "
        "--set fields.target.lowercase=true",
    ]
    (letters,) = read_vectors(file, {"source": target_of(["t", "h"], Characters(), TextField())})
    assert letters.notes()[1] == (
        "warning: few source symbols have vectors: the text is cut into characters, and the file holds words. Cut it into words with "
        "--set fields.source.0.unit=word"
    )
    assert letters.notes(shared=True)[1].endswith(" --set fields.source.0.unit=word --set fields.target.unit=word")
    (other,) = read_vectors(file, {"source": target_of(["Haus", "Hof"])})
    assert other.notes()[1].endswith("is it of another language, or of text that was tokenised otherwise?")
    assert Found("source", file, 2, ids=[4]).notes() == [f"vectors: 1 of 2 source symbols are in {file} (50%)"]
