"""How raw values become arrays: the kinds of field."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field

from seqloom.config.base import Positive, Settings

__all__ = ["FieldConfig", "FieldsConfig", "TextField", "TokensField"]


class TextField(Settings):
    """Text: ids of characters, words or subwords."""

    kind: Literal["text"] = "text"
    unit: Literal["character", "word", "subword"] = Field(default="character", description="character: grapheme clusters; word: split on blanks and around punctuation; subword: sentencepiece.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that text is brought to when read.")
    decompose: bool = Field(default=False, description="Characters are split into base letters and marks (NFD; Korean syllables into letters) and composed again in the output.")
    lowercase: bool = Field(default=False, description="Lower-case when read; the output is then lower case too.")
    subwords: Literal["bpe", "unigram"] = Field(default="bpe", description="Subword model (Sennrich et al. 2016; Kudo 2018). Only for unit: subword.")
    byte_fallback: bool = Field(default=True, description="Subwords: spell characters that were never seen as bytes instead of <unk>.")
    min_count: Positive = Field(default=1, description="Symbols rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many symbols (the commonest); the subword vocabulary's size. Empty: all (8000 for subwords).")


class TokensField(Settings):
    """Ready-made tokens: ids of what stands between separators."""

    kind: Literal["tokens"] = "tokens"
    separator: str = Field(default=" ", min_length=1, description="What stands between tokens; ' ' is any run of blanks.")
    normalization: Literal["none", "NFC", "NFKC"] = Field(default="NFC", description="Unicode form that tokens are brought to when read.")
    lowercase: bool = Field(default=False, description="Lower-case when read.")
    min_count: Positive = Field(default=1, description="Tokens rarer than this in the training part become <unk>.")
    max_size: Positive | None = Field(default=None, description="At most this many tokens, the commonest. Empty: all.")


FieldConfig = Annotated[Union[TextField, TokensField], Field(discriminator="kind")]  # noqa: UP007


class FieldsConfig(Settings):
    """How both sides become arrays."""

    source: list[FieldConfig] = Field(default=[TextField()], min_length=1, description="One a source column, in order; several are joined with <sep> between.")
    target: FieldConfig = TextField()
    shared: bool = Field(default=False, description="One vocabulary (and one subword model) for source and target.")
