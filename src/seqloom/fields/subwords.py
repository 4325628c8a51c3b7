"""Subwords learned from the training texts: sentencepiece's byte-pair encoding or unigram model, without any loss of text."""

from __future__ import annotations

import importlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from seqloom.config import TextField
from seqloom.errors import CheckpointError, ConfigError
from seqloom.fields.protobuf import read_fields
from seqloom.fields.vocabulary import BOS, DAMAGED, EOS, PAD, SPECIALS, UNK

__all__ = ["BLANK", "DEFAULT_SIZE", "FOLDING", "NORMALIZER", "RESERVED", "Subwords"]

DEFAULT_SIZE = 8000  # pieces where no config says how many
COUNTED = 1000  # texts whose words are counted together
SAMPLE = 2_000_000  # sentences, or different words; more change the pieces little and cost gigabytes
COVERAGE = 0.9995  # sentencepiece's own advice for rich alphabets

BLANK = "\u2581"  # sentencepiece writes a blank so
# Characters that sentencepiece would take for its own marks, or that make it drop the sentence: \ufdd0, never a character, and a letter.
_ESCAPES = {"\ufdd0": "\ufdd0.", BLANK: "\ufdd0_", "\u2585": "\ufdd0=", "\0": "\ufdd00"}
_ESCAPED = {escape: character for character, escape in _ESCAPES.items()}
_TO_ESCAPE = re.compile("[\ufdd0\u2581\u2585\0]")
_TO_UNESCAPE = re.compile("\ufdd0[._=0]")
_LOOKS_RESERVED = "(?<=<)(?=(?:pad|s|/s|unk|0x[0-9A-F]{2})>)"
_BYTES = {f"<0x{value:02X}>": bytes([value]) for value in range(256)}
RESERVED = len(SPECIALS) + len(_BYTES)
"""Pieces that are special or single bytes, whatever the text."""
NORMALIZER, FOLDING = 3, b"nmt"
"""The field of a model that says how it normalises; the name there, under 1, of ready models that take tabs and line breaks for blanks."""
_SPACES = re.compile("[ \t\n\f\r\u1680\u2028\u2029]+")


class Subwords:
    """A trained subword model: `join(split(text))` is the text, whatever it holds.

    With byte fallback a character that was never seen is spelt as its UTF-8 bytes, "<0xE2>" and so on. Sequences of bytes that are not
    UTF-8, which a network can produce, are shown as U+FFFD.
    """

    def __init__(self, model: bytes, byte_fallback: bool = True, kind: str = "bpe") -> None:
        self.model = model
        self.byte_fallback = byte_fallback
        self.folds = any(
            number == NORMALIZER and isinstance(value, bytes) and dict(read_fields(value)).get(1) == FOLDING
            for number, value in read_fields(model)
        )
        """Whether tabs and line breaks are blanks, as they were where a ready model was trained."""
        self._processor: Any = _sentencepiece().SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(model)
        pieces: list[str] = [self._processor.IdToPiece(number) for number in range(self._processor.GetPieceSize())]
        if tuple(pieces[: len(SPECIALS)]) != SPECIALS:
            raise CheckpointError(f"fields: the subword model begins with other symbols than ours. {DAMAGED}")
        self.pieces = pieces[len(SPECIALS) :]
        self.by_word = kind == "bpe" and not any(BLANK in piece[1:] for piece in self.pieces)
        """Whether a word is cut alike wherever it stands; a unigram model adds up weights over all of a text, and rounding decides ties. A
        model from elsewhere may have pieces that reach over a blank.
        """

    @classmethod
    def train(cls, config: TextField, texts: Callable[[], Iterator[str]]) -> Subwords:
        """The model learned from all texts, which are gone through once or twice; smaller than asked for where they hold no more.

        Raises:
            ConfigError: `max_size` leaves no room for characters, or sentencepiece cannot learn from these texts.
        """
        writer = io.BytesIO()
        try:
            _sentencepiece().SentencePieceTrainer.train(model_writer=writer, **_material(config, texts), **_settings(config))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"fields: no subwords can be learned from these texts ({reason}). Set unit to 'character'.") from None
        return cls(writer.getvalue(), config.byte_fallback, config.subwords)

    def split(self, text: str) -> list[str]:
        return self._processor.encode(_escape(self._folded(text)), out_type=str)

    def parts(self, text: str) -> list[str]:
        """The words, where no piece reaches over a blank; else the pieces."""
        if not self.by_word:
            return self.split(text)
        return _escape(self._folded(text)).split(" ") if text else []

    def cut(self, part: str) -> list[str]:
        """The pieces of a part; a blank beside a blank is a piece of its own."""
        if not self.by_word:
            return [part]
        return self._processor.encode(part, out_type=str) if part else [BLANK]

    def _folded(self, text: str) -> str:
        """The text with one blank for each run of tabs, line breaks and blanks, where these are folded; runs of blanks alone stay."""
        return _SPACES.sub(lambda found: found[0] if set(found[0]) == {" "} else " ", text) if self.folds else text

    def join(self, symbols: Iterable[str]) -> str:
        if self.byte_fallback:
            spelt = b"".join(_BYTES.get(symbol) or symbol.encode("utf-8", "replace") for symbol in symbols)
            text = spelt.decode("utf-8", "replace")
        else:
            text = "".join(symbols)
        text = text.replace(BLANK, " ").removeprefix(" ")
        return _TO_UNESCAPE.sub(lambda match: _ESCAPED[match[0]], text) if "\ufdd0" in text else text


def _sentencepiece() -> Any:
    try:
        return importlib.import_module("sentencepiece")
    except ImportError:
        reason = "fields: unit 'subword' needs the package sentencepiece"
        raise ConfigError(f"{reason}. Run `pip install sentencepiece`, or set unit to 'character'.") from None


def _settings(config: TextField) -> dict[str, Any]:
    return {
        "vocab_size": config.max_size or DEFAULT_SIZE,
        "hard_vocab_limit": False,  # a small text gives fewer pieces, not an error
        "model_type": config.subwords,
        "byte_fallback": config.byte_fallback,
        "character_coverage": 1.0,  # rare characters are taken out beforehand
        "normalization_rule_name": "identity",  # the field normalises
        "add_dummy_prefix": True,
        "remove_extra_whitespaces": False,
        "pad_id": PAD,
        "bos_id": BOS,
        "eos_id": EOS,
        "unk_id": UNK,
        "max_sentence_length": 1 << 30,  # bytes; the default drops sentences over 4192
        "num_threads": 2,  # fixed: sums of floats depend on it
        "minloglevel": 2,
    }


def _material(config: TextField, texts: Callable[[], Iterator[str]]) -> dict[str, Any]:
    """What the trainer learns from. Byte pairs are merged inside words, so different words with their counts give the same pieces as all
    the sentences, in a fraction of time and memory. The unigram model looks at whole sentences, and a tab cannot stand in a list of words.
    """
    if config.subwords == "bpe":
        words = _words(texts())
        if not any("\t" in word for word in words):
            return {"sentence_iterator": _counted(words, _rare(_characters(words), config)), "input_format": "tsv"}
    counts, sentences = _survey(texts())
    return {"sentence_iterator": _sentences(texts(), sentences, _rare(counts, config))}


def _words(texts: Iterable[str]) -> Counter[str]:
    """What stands between blanks; of more than SAMPLE different words those that were rarest so far go."""
    words: Counter[str] = Counter()
    texts = iter(texts)
    while some := list(islice(texts, COUNTED)):
        words.update(chain.from_iterable(_escape(text).split(" ") for text in some))
        rarest = 1
        while len(words) > SAMPLE:
            words = Counter({word: count for word, count in words.items() if count > rarest})
            rarest *= 2
    return words


def _characters(words: Counter[str]) -> Counter[str]:
    """Characters as the trainer will count them in these words."""
    counts: Counter[str] = Counter({BLANK: words.total()})
    for word, count in words.items():
        for character in word:
            counts[character] += count
    return counts


def _counted(words: Counter[str], rare: str) -> Iterator[str]:
    """Lines of a word and its count, cut as `_sentences` cuts."""
    cut, is_empty = _cut(rare), True
    for word, count in words.items():
        for part in filter(None, cut.split(word)):
            is_empty = False
            yield f"{part}\t{count}"
    if is_empty:
        yield " \t1"


def _survey(texts: Iterable[str]) -> tuple[Counter[str], int]:
    """Characters as the trainer will count them, and how many sentences there are."""
    counts: Counter[str] = Counter()
    sentences = 0
    for text in texts:
        counts.update(_escape(text))
        sentences += 1
    counts[BLANK] = counts.pop(" ", 0) + sentences
    return counts, sentences


def _rare(counts: Counter[str], config: TextField) -> str:
    """Characters that get no piece: none while all take a quarter of the room, else those beyond COVERAGE of the text or half the room.

    The trainer's own `character_coverage` does not go below 0.98, too much for a rich alphabet in a small vocabulary.
    """
    size = config.max_size or DEFAULT_SIZE
    fixed = RESERVED if config.byte_fallback else len(SPECIALS)
    room = size - fixed
    if room < 2:
        spare = f", or set byte_fallback to false, which spares {len(_BYTES)}" if config.byte_fallback else ""
        raise ConfigError(f"fields: max_size {size} has no room for subwords; expected more than {fixed + 1}. Raise it{spare}.")
    if len(counts) <= room // 4:
        return ""
    characters = sorted(counts, key=lambda character: (character != BLANK, -counts[character], character))
    total, seen, kept = sum(counts.values()), 0, 0
    while kept < room // 2 and seen < COVERAGE * total:
        seen += counts[characters[kept]]
        kept += 1
    return "".join(characters[kept:])


def _sentences(texts: Iterable[str], count: int, rare: str) -> Iterator[str]:
    """The texts to learn from, at most SAMPLE of them, evenly spread; cut at rare characters and where a piece could look special."""
    kept = min(count, SAMPLE)
    cut, is_empty = _cut(rare), True
    for index, text in enumerate(texts):
        if index * kept // count == (index - 1) * kept // count:
            continue
        for part in filter(None, cut.split(_escape(text))):
            is_empty = False
            yield part
    if is_empty:
        yield " "  # the trainer refuses to learn from nothing


def _cut(rare: str) -> re.Pattern[str]:
    """Where texts to learn from are cut: at rare characters, and where a piece could look like a special one."""
    return re.compile(f"{_LOOKS_RESERVED}|[{re.escape(rare)}]+" if rare else _LOOKS_RESERVED)


def _escape(text: str) -> str:
    if text.isascii() and "\0" not in text:  # the others are no ASCII
        return text
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match[0]], text) if _TO_ESCAPE.search(text) else text
