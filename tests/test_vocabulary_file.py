"""Ready vocabularies as other toolkits write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqloom.config import FieldConfig, TextField, TokensField
from seqloom.errors import DataError, MissingFileError
from seqloom.fields.columns import unit_of
from seqloom.fields.vocabulary_file import read_vocabulary

TOKENS = TokensField()
ONE = "expected one, as fields.*.unit or separator says; mend the line, or name the vocabulary of the other field."


def read(path: Path, text: str | bytes, config: FieldConfig = TOKENS) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_vocabulary(str(path), config, unit_of(config, None))


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("the\t7\na\t5\n", ["the", "a"]),
        ("<blank>\n<unk>\n<s>\n</s>\nthe\na\n", ["the", "a"]),
        ("<unk>\n<pad>\n<s>\n</s>\nthe\na\n", ["the", "a"]),
        ("the 7\na 5\nmadeupword0000 0\nmadeupword0001 0\n", ["the", "a"]),
        ("the 7\nthe 3 #fairseq:overwrite\n".replace("the 3", "a 3"), ["the", "a"]),
        ("<unk>\t0\n<s>\t0\n</s>\t0\n\u2581the\t-2.5\ns\t-3\n", ["\u2581the", "s"]),
        ("\t44\nthe\t7\na\t5\n", ["the", "a"]),
        ("the\t7\nNummer\u00a05\t2\nthe\u00a0\t1\n\u00a0\t1\n5\t1\n", ["the", "5"]),
        ("the\r\na\r\n\r\n", ["the", "a"]),
        ("the\n<unk>\na", ["the", "<unk>", "a"]),
    ],
    ids=[
        "OpenNMT-py",
        "older OpenNMT-py",
        "JoeyNMT",
        "fairseq",
        "a flag of fairseq",
        "sentencepiece",
        "OpenNMT-py of text with two blanks in a row",
        "OpenNMT-py of text with no-break spaces",
        "CRLF",
        "a special name further down",
    ],
)
def test_symbols_are_read_without_counts_and_special_ones_at_the_head(tmp_path: Path, text: str, symbols: list[str]):
    assert read(tmp_path / "vocab.txt", text) == symbols


def test_a_blank_is_a_symbol_of_characters_and_a_number_one_of_tokens_without_counts(tmp_path: Path):
    assert read(tmp_path / "letters", "e\t9\n \t5\n1\t2\n", TextField()) == ["e", " ", "1"]
    assert read(tmp_path / "bare", "1\n2\n", TOKENS) == ["1", "2"]
    assert read(tmp_path / "tags", "V 3\nN 1\n", TokensField(separator=";")) == ["V 3", "N 1"]


def test_the_mark_that_stands_for_a_blank_among_characters_is_the_blank_where_none_is_there(tmp_path: Path):
    assert read(tmp_path / "joey", "<unk>\n<pad>\n<s>\n</s>\n\u2581\ne\n", TextField()) == [" ", "e"]
    assert read(tmp_path / "both", " \n\u2581\ne\n", TextField()) == [" ", "\u2581", "e"]
    assert read(tmp_path / "tokens", "\u2581\ne\n", TOKENS) == ["\u2581", "e"]


def test_symbols_are_brought_to_the_form_of_the_field(tmp_path: Path):
    assert read(tmp_path / "v", "Cafe\u0301\n", TokensField(lowercase=True)) == ["caf\u00e9"]


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("", TOKENS, ": no symbols; expected one a line. Name a vocabulary, or leave it out to learn one."),
        ("<unk>\n<s>\n", TOKENS, ": no symbols; expected one a line. Name a vocabulary, or leave it out to learn one."),
        ("the\t7\na\n", TOKENS, ":2: 'a' has no count; expected a symbol and its count, as in line 1. Mend the line."),
        (
            "the dog\na\n",
            TOKENS,
            f":1: 'the dog' is 2 symbols of this field; {ONE}",
        ),
        (
            "a\nthe\n",
            TextField(),
            f":2: 'the' is 3 symbols of this field; {ONE}",
        ),
        ("the\na\nthe\n", TOKENS, ":3: 'the' stands in line 1 too; expected each symbol once. Delete one line."),
        (
            "The\na\nthe\n",
            TokensField(lowercase=True),
            ":3: 'the' stands in line 1 too, once both are NFC and lower-cased; expected each symbol once. Delete one line.",
        ),
    ],
)
def test_what_is_no_vocabulary_is_refused_with_its_line(tmp_path: Path, text: str, config: FieldConfig, message: str):
    path = tmp_path / "vocab.txt"
    with pytest.raises(DataError) as error:
        read(path, text, config)
    assert str(error.value) == f"{path}{message}"


def test_bytes_that_are_not_utf_8_and_a_missing_file_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"vocab:2: byte 2 of the line \(0xff\) is not UTF-8; .*expected UTF-8"):
        read(tmp_path / "vocab", b"the\na\xff\n")
    with pytest.raises(MissingFileError, match=r"vocap: no such file. Did you mean 'vocab'\?"):
        read_vocabulary(str(tmp_path / "vocap"), TOKENS, unit_of(TOKENS, None))
