"""From the profile of the data to a complete config, every choice with its reason.

The rules look at counts, lengths and alphabets alone; none knows a language or a data set. `docs/autoconfig.md` says them in plain words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from seqloom.config import DataConfig, FieldConfig, FieldsConfig, RunConfig, TextField, TokensField
from seqloom.fields.subwords import RESERVED
from seqloom.metrics import metrics_for
from seqloom.planning.profile import Profile
from seqloom.planning.sides import SideProfile, Symbols
from seqloom.settings import override

__all__ = [
    "ATTEND_AFTER",
    "ATTENTION",
    "BATCH",
    "COPY",
    "CTC",
    "CTC_READINGS",
    "CTC_SEARCH",
    "DECODER_LAYERS",
    "DROPOUT",
    "ENCODER_LAYERS",
    "ENOUGH_UPDATES",
    "FOLLOWING",
    "NARROW",
    "RATE",
    "WARM_UP",
    "Choice",
    "Cut",
    "Settings",
    "choose",
    "cut",
    "has_sentences",
    "is_closed",
    "learning_rate",
    "metric_for",
    "put_together",
    "smallest_batch",
    "warm_up",
]

CLOSED_UNSEEN, CLOSED_ROWS, CLOSED_SIZE = 0.005, 0.02, 1000
"""Tokens are a closed set where new text would hold at most this share of unseen ones, in this share of rows, and there are so few ..."""
SHORT, SHORT_UNSEEN = 2.5, 0.1
"""... or where they are as short as letters, so many characters on average, and of few kinds: up to this share, however few the rows."""
MEANT_BLANKS = 0.01
"""Share of values with other blanks than one between tokens, from which on those are meant: lines of code, lists."""
SENTENCE_TOKENS, SENTENCE_CHARACTERS, LONG_CHARACTERS = 3, 20, 60
"""Text is a sentence, and cut into subwords, from so many tokens and characters on average on; or, without blanks, so many characters."""
FEW = 100
"""Different tokens a side, up to which a small network is enough."""
FEW_PAIRS, FEW_WORDS = 2000, 100_000
"""So many pairs are few: of anything, and of what are no sentences."""
LITTLE = 100_000
"""Target tokens in all, up to which such a network can be smaller still."""
UNSEEN_GAIN = 0.01
"""Characters are decomposed where this share of rows would no longer hold an unseen one."""
SAME_SCRIPT = 0.6
"""Share of target characters that stand in their own source, from which on both sides are taken to be written alike."""
COPIED, COPIED_IN_PIECES = 0.5, 0.25
"""Share of the target's new words that stand in their source, from which on they are copied: whole, or in pieces that both sides share."""
RESPELLED, RESPELLED_OF_OTHERS = 0.1, 1 / 3
"""Shares of the target's new words, and of those that do not stand in their source, that stand there but for case or marks, from which on
they are to be written in pieces: a pointer to whole words cannot write them.
"""
PICKED_OUT = 0.9
"""The same, from which on a short target is a part of a sentence, picked out word by word, and not spelled."""
ALPHABET = 2
"""Subwords are at least so many times the characters that recur: a character without a piece of its own is spelt as three bytes."""
FOLLOWING = 0.5
"""Correlation of the lengths of source and target, from which on a target says all of its source."""
LONG = 1000
"""Symbols of the longest source, up to which reading all of each costs little."""
CLEARLY, LEAST_BITS = 0.2, 0.1
"""By what share, and by how many bits a target word, one end of the sources says more than the other, where that decides."""
TURNS = frozenset(["chat", "conversation", "conversations", "dialog", "dialogs", "dialogue", "dialogues", "history", "messages", "turns"])
"""Names of columns of what was said before, in turns."""
REPEATED = 0.5
"""Share of rows that repeat an earlier pair, from which on a pass goes over them less often."""
SMALL_CORPUS, LARGE_CORPUS = 10_000, 50_000
"""Pairs of sentences: from the one on less is dropped, from the other on batches are larger."""
SENTENCE_DROPOUT = 0.25
"""What is dropped then, at the most."""
NARROW, WIDE = 256, 512
"""Widths: up to the one the learning rate is higher; the other is taken where pairs and time are many."""
LEAST_PAIRS, OF_LONG = 8, 8192
"""Pairs of a batch at the least, as long as they have no more symbols together than the other says."""
SMALLEST_BATCH, BATCH_PAIRS, WIDE_BATCH_PAIRS = 512, 100, 128
"""Of a batch: source or target symbols at the least; pairs at the most, above those symbols and where no side is a sentence; those of a
wide network, which few pairs leave waiting for its weights.
"""
WORD_PASSES, WORDS_IN_ALL = 20, 4_000_000
"""Of words: passes at the least, or as many as go over so many pairs in all, whichever is fewer."""
IN_ORDER, FEW_IN_ORDER = 0.6, 2000
"""Correlation of the places of what goes together on both sides, from which on CTC may align them; pairs below which it does."""
ALIGNED = 0.5
"""CTC's share of the loss and of the search then."""
ROOM, MOST_READINGS = 1.2, 2
"""Target symbols a reading of CTC, up to which nearly all targets fit; readings a state at the most."""
ATTENTION = "model.attention.kind"
BATCH = "training.batch.size"
COPY = "model.copy"
ENCODER_LAYERS, DECODER_LAYERS, ATTEND_AFTER = "model.encoder.layers", "model.decoder.layers", "model.decoder.attend_after"
CTC, CTC_READINGS, CTC_SEARCH = "model.head.ctc_weight", "model.head.ctc_readings", "search.ctc_weight"
DROPOUT = "model.dropout"
RATE = "training.optimizer.learning_rate"
ENOUGH_UPDATES = 3000
"""Batches are made smaller where a run would have fewer."""
WARM_UP = 0.03
"""Of the updates of a run."""

Cut = tuple[TextField | TokensField, str]
"""How a side is cut into symbols, and why."""


@dataclass(frozen=True)
class Choice:
    """A config, and the reason for each setting that was chosen, by dotted name."""

    config: RunConfig
    reasons: dict[str, str]


@dataclass(frozen=True)
class _Sizes:
    """Symbols a pair once the sides are cut, estimated."""

    source: float
    source_p99: float
    source_max: float
    target: float
    ratio: float
    """Target over source symbols, 99th percentile."""


class Settings:
    """Settings and reasons as they are collected."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def set(self, key: str, value: Any, reason: str = "") -> None:
        self.values[key] = value
        if reason:
            self.reasons[key] = reason


def choose(profile: Profile, data: DataConfig, known: FieldsConfig | None = None) -> Choice:
    """The config for data of this profile where there is time enough; `planning/pace.py` fits it to the time there is.

    Args:
        known: how each column is cut, where that is no longer to be chosen.
    """
    fields, settings = _fields(profile) if known is None else (known, dict[str, str]()), Settings()
    profile = _with_fewer_repeats(profile, settings)
    sizes = _sizes(profile, fields[0])
    settings.reasons |= fields[1]
    _choose_limits(settings, profile, sizes)
    _choose_model(settings, profile, fields[0], sizes)
    _choose_training(settings, profile, fields[0], sizes)
    return Choice(override(RunConfig(data=data, fields=fields[0]), settings.values), settings.reasons)


def _with_fewer_repeats(profile: Profile, settings: Settings) -> Profile:
    """The profile as a pass goes over the pairs."""
    share = profile.duplicates / max(profile.looked_at, 1)
    if share < REPEATED:
        return profile
    why = f"{share:.0%} of the pairs repeat an earlier one: of n alike √n are gone over, which leaves {profile.root_pairs:,}"
    settings.set("data.repeats", "root", why)
    return replace(profile, pairs=profile.root_pairs)


# -------------------------------------------------------------------------------------------------------------- fields


def _fields(profile: Profile) -> tuple[FieldsConfig, dict[str, str]]:
    """How each column is cut into symbols, and the reasons."""
    target, sources = cut(profile.target), [cut(side) for side in profile.source]
    if _copies(profile, sources, target):
        sides = zip((target, *sources), (profile.target, *profile.source), strict=True)
        target, *sources = (_whole_words(side, found, profile) for side, found in sides)
    sources = [_spelled_with_target(part, side, target) for part, side in zip(sources, profile.source, strict=True)]
    shared = _is_shared(profile, sources, target)
    cuts = zip((profile.target, *profile.source), (target, *sources), strict=True)
    if in_subwords := [side for side, cut in cuts if _unit(cut) == "subword"]:
        size, why = _subword_size(profile, in_subwords, shared)
        target, *sources = (_sized(side, size, why) for side in (target, *sources))
    target, *sources = (put_together(*part) for part in zip((profile.target, *profile.source), (target, *sources), strict=True))
    reasons = {f"fields.source.{number}": why for number, (_, why) in enumerate(sources)} | {"fields.target": target[1]}
    if shared:
        share = f"{profile.shared_characters:.0%} of the target's characters stand in their source: one vocabulary for both"
        reasons["fields.shared"] = share
    return FieldsConfig(source=[field for field, _ in sources], target=target[0], shared=shared), reasons


def _unit(side: Cut) -> str:
    return side[0].unit if isinstance(side[0], TextField) else "token"


def cut(side: SideProfile) -> Cut:
    """The smallest symbols that still mean something: pieces between marks, closed tokens, subwords of sentences, else characters."""
    return (_ready_made(side) if side.mark is None else None) or _cut_text(side)


def put_together(side: SideProfile, cut: Cut) -> Cut:
    """The cut for whole words, where they were cut into pieces before."""
    field, why = cut
    if side.mark is None:
        return cut
    return field.model_copy(update={"pieces": side.mark}), f"{why}; their pieces, marked {side.mark}, are put together when read"


def _ready_made(side: SideProfile) -> Cut | None:
    """Pieces between marks, or closed tokens, where the values consist of these."""
    if side.separator is not None and side.pieces is not None:
        why = f"{side.pieces.distinct:,} pieces recur between {side.separator!r}"
        return TokensField(separator=side.separator), why
    tokens = side.tokens
    if side.token_lengths.mean >= 1.5 and (is_closed(tokens) or _are_like_letters(side)) and side.other_blanks <= MEANT_BLANKS * side.count:
        return TokensField(), f"a closed set of {tokens.distinct:,} tokens, {tokens.once:,} of them seen once"
    return None


def _cut_text(side: SideProfile) -> tuple[TextField, str]:
    """Subwords of sentences, else characters."""
    words, characters = side.token_lengths.mean, side.lengths.mean
    if (words >= SENTENCE_TOKENS and characters > SENTENCE_CHARACTERS) or characters > LONG_CHARACTERS:
        kind: Literal["bpe", "unigram"] = "bpe" if words >= SENTENCE_TOKENS else "unigram"
        why = f"sentences of {words:.0f} words on average, of which {side.tokens.unseen:.1%} would be new in new text"
        why = why if kind == "bpe" else f"texts of {characters:.0f} characters on average, without blanks between words"
        return TextField(unit="subword", subwords=kind), why
    return _characters(side)


def is_closed(tokens: Symbols) -> bool:
    """Whether new text would hold hardly any others."""
    return tokens.distinct <= CLOSED_SIZE and tokens.unseen <= CLOSED_UNSEEN and tokens.rows_with_once <= CLOSED_ROWS


def _are_like_letters(side: SideProfile) -> bool:
    """Whether tokens are short and of few kinds, as phones are: few rows hold some that no other does."""
    tokens = side.tokens
    return side.characters_per_token <= SHORT and tokens.distinct <= FEW and tokens.unseen <= SHORT_UNSEEN


def _characters(side: SideProfile) -> tuple[TextField, str]:
    whole, parts = side.characters, side.decomposed
    gain = whole.rows_with_once - parts.rows_with_once
    why = f"short texts, {whole.distinct:,} different characters"
    if gain < UNSEEN_GAIN:
        return TextField(unit="character"), why
    why += (
        f"; taken apart into {parts.distinct:,} letters and marks, since {whole.rows_with_once:.1%} of new texts would hold an unseen one"
    )
    return TextField(unit="character", decompose=True), why


def _spelled_with_target(source: Cut, side: SideProfile, target: Cut) -> Cut:
    """A short source of a spelled target is spelled too: what is to be written stands in its letters and digits."""
    if _unit(source) == "subword" and _unit(target) == "character" and side.lengths.mean <= LONG_CHARACTERS:
        field, why = _characters(side)
        return field, f"{why}, and the target is spelled as well"
    return source


def _copies(profile: Profile, sources: list[Cut], target: Cut) -> bool:
    """Whether what is new in a target stands in its source: it is a sentence itself, or picked out of one."""
    if _is_respelled(profile):
        return False
    if _unit(target) == "subword":
        return _copied(profile) >= COPIED
    if _unit(target) != "character":
        return False
    if any(_unit(side) == "subword" for side in sources):
        return _copied(profile) >= PICKED_OUT
    return profile.new_words is None and any(map(_has_sentences, profile.source)) and profile.picked_out >= PICKED_OUT


def _has_sentences(side: SideProfile) -> bool:
    """Whether texts have so many words and characters as sentences, in however few different words."""
    return side.separator is None and side.token_lengths.mean >= SENTENCE_TOKENS and side.lengths.mean > SENTENCE_CHARACTERS


def _copied(profile: Profile) -> float:
    return profile.new_words.copied if profile.new_words else 0.0


def _is_respelled(profile: Profile) -> bool:
    """Whether much of what is new in a target stands in its source in other case or with other marks, as where those are to be restored."""
    words = profile.new_words
    return words is not None and words.respelled >= max(RESPELLED, RESPELLED_OF_OTHERS * (1 - words.copied))


def _whole_words(side: Cut, found: SideProfile, profile: Profile) -> Cut:
    """Texts in words and marks: what is copied must be one symbol, the same on both sides. A word seen once is left to the pointer."""
    if not isinstance(side[0], TextField) and not _has_sentences(found):
        return side
    why = f"words, of which a pointer copies the new: {_copied(profile):.0%} of the target's rarest words stand in their source"
    if profile.new_words is None:
        why = f"words, which a pointer copies: {profile.picked_out:.0%} of the targets are a part of their source, but for marks around it"
    return TextField(unit="word", min_count=2), why


def _is_shared(profile: Profile, sources: list[Cut], target: Cut) -> bool:
    if len(sources) > 1 or sources[0][0] != target[0] or profile.source[0].mark != profile.target.mark:
        return False
    return _unit(target) == "subword" and profile.shared_characters >= SAME_SCRIPT


def _subword_size(profile: Profile, sides: list[SideProfile], shared: bool) -> tuple[int, str]:
    """8,000 for the 670,000 words of 29,000 pairs of captions, growing as the square root of the text (measured on dev; see docs), or
    what the largest alphabet needs among the `sides` that are cut so; and why.
    """
    words = sum(side.tokens.total for side in (*profile.source, profile.target)) * profile.pairs / max(profile.looked_at, 1)
    by_text = max(round(8000 * math.sqrt(words / 670_000) * (1.0 if shared else 0.75) / 500) * 500, 500)
    letters = max(min(part.distinct - part.once for part in (side.characters, side.decomposed)) for side in sides)
    by_alphabet = RESERVED + ALPHABET * letters
    size = min(max(by_text, by_alphabet), 16_000)
    return size, f"{size:,} subwords for {'this much text' if by_text >= by_alphabet else f'{letters:,} characters that recur'}"


def _sized(side: Cut, size: int, why: str) -> Cut:
    field, because = side
    if isinstance(field, TextField) and field.unit == "subword":
        return field.model_copy(update={"max_size": size}), f"{because}; {why}"
    return side


# --------------------------------------------------------------------------------------------------------- limits, sizes


def _sizes(profile: Profile, fields: FieldsConfig) -> _Sizes:
    sources = [_side_sizes(side, field) for side, field in zip(profile.source, fields.texts, strict=True)]
    symbols = sum(part[0] for part in sources)
    source = [sum(part[place] for part in sources) + len(sources) for place in range(3)]
    target = _side_sizes(profile.target, fields.target)
    each = profile.ratio.p99 if profile.ratio.mean <= 0 else profile.ratio.p99 / profile.ratio.mean
    return _Sizes(source[0], source[1], source[2], target[0] + 1, max(each, 1.0) * target[0] / max(symbols, 1.0))


def _side_sizes(side: SideProfile, field: TextField | TokensField) -> tuple[float, float, float]:
    """Mean, 99th percentile and maximum of a side's symbols; subwords, or words and marks, are taken to be 1.3 between blanks, subwords
    without blanks 3 characters long.
    """
    if isinstance(field, TokensField):
        if field.separator == " ":
            return side.token_lengths.mean, side.token_lengths.p99, side.token_lengths.max
        each = side.pieces.total / max(side.count, 1) if side.pieces else side.token_lengths.mean
        return each, 2 * each, 4 * each
    spread, factor = side.lengths, 1.0
    if field.unit in ("subword", "word"):
        spread, factor = (side.token_lengths, 1.3) if side.token_lengths.mean >= SENTENCE_TOKENS else (side.lengths, 1 / 3)
    elif field.decompose:
        factor = side.decomposed.total / max(side.characters.total, 1)
    return spread.mean * factor, spread.p99 * factor, spread.max * factor


def _choose_limits(settings: Settings, profile: Profile, sizes: _Sizes) -> None:
    is_long = sizes.source_p99 > 400 and sizes.source_p99 > 3 * sizes.source and sizes.source_max > LONG
    if is_long and profile.length_correlation < FOLLOWING:
        limit = int(max(300, round(2 * sizes.source / 50) * 50))
        settings.set(
            "data.max_source_length",
            limit,
            f"the longest sources ({sizes.source_max:,.0f} symbols) are far above the mean ({sizes.source:,.0f})",
        )
        settings.set("data.too_long", "cut", "short columns are kept whole" if len(profile.source) > 1 else "")
        settings.set("data.keep", *_kept_end(profile))
    ratio = max(1.0, math.ceil(10 * 1.3 * sizes.ratio) / 10)
    settings.set("search.max_length_ratio", ratio, f"99 of 100 targets have at most {sizes.ratio:.1f} symbols a source symbol")


def _kept_end(profile: Profile) -> tuple[str, str]:
    """Which end of a source that is cut is read, and why: what is measured, else what its column is called."""
    ends = profile.ends
    if ends is not None and abs(ends.begin - ends.end) >= max(CLEARLY * max(ends.begin, ends.end), LEAST_BITS):
        more, less = ("first", "last") if ends.begin > ends.end else ("last", "first")
        figures = f"{max(ends.begin, ends.end):.2f} and {min(ends.begin, ends.end):.2f} bits a word"
        return ("begin" if more == "first" else "end"), f"the {more} words of sources say more of their targets than the {less} ({figures})"
    names = [(side.name.rpartition("(")[2].removesuffix(")").casefold(), side.lengths.mean) for side in profile.source]
    longest = max(names, key=lambda name: name[1])[0]
    if longest in TURNS or (longest == "context" and len(names) == 1):
        return "end", f"a column called {longest}, of which what is said last is answered"
    return "begin", "what is said first is kept"


# --------------------------------------------------------------------------------------------------------------- model


def _choose_model(settings: Settings, profile: Profile, fields: FieldsConfig, sizes: _Sizes) -> None:
    few, (width, why) = _has_few_symbols(profile, fields), _width(profile, fields)
    settings.set("model.encoder.kind", "recurrent", "trains fastest on a processor and needs least data")
    settings.set("model.encoder.width", width, why)
    if not any(map(_is_sentence, fields.texts)):
        settings.set(ENCODER_LAYERS, 2, "small symbols mean something only together (measured on dev)")
    settings.set("model.decoder.width", width)
    settings.set("model.embedding", width // 2)
    if few:
        settings.set(ATTENTION, "multihead", "few symbols stand in many places: several heads tell them apart (measured)")
    else:
        settings.set(ATTENTION, "dot", "after the recurrence, so that a whole target is one pass")
    if fields.shared:
        settings.set("model.tie_embeddings", "all", "source and target share their symbols")
    if why := _why_copy(profile, fields):
        settings.set(COPY, True, why)
        if not has_sentences(fields):
            settings.set(DECODER_LAYERS, 2, "the second knows what was copied before (measured on dev)")
            settings.set(ATTEND_AFTER, "first")
    elif _may_align(profile, fields, sizes):
        order = f"targets keep the order of their sources ({profile.order:.2f})"
        settings.set(CTC, ALIGNED, f"{profile.pairs:,} pairs, few, and {order}: CTC aligns them (measured on dev)")
        settings.set(CTC_SEARCH, ALIGNED, "nothing is left out or said twice")
        if sizes.ratio > ROOM:
            settings.set(CTC_READINGS, MOST_READINGS, f"99 of 100 targets have at most {sizes.ratio:.1f} symbols a source symbol")
    settings.set(DROPOUT, *_dropout(profile, fields, width))
    settings.set(RATE, *learning_rate(width, gently=few or has_sentences(fields)))


def _may_align(profile: Profile, fields: FieldsConfig, sizes: _Sizes) -> bool:
    """Whether both sides are words in the same order, too few to learn an alignment from, and targets not much longer than sources."""
    are_words = len(fields.texts) == 1 and not has_sentences(fields)
    is_ordered = profile.pairs < FEW_IN_ORDER and profile.order >= IN_ORDER
    return are_words and is_ordered and sizes.ratio <= ROOM * MOST_READINGS


def _width(profile: Profile, fields: FieldsConfig) -> tuple[int, str]:
    """How wide the network is where there is time enough, and why."""
    pairs, few = profile.pairs, _has_few_symbols(profile, fields)
    if few:
        return (128 if _has_little_text(profile, fields) else NARROW), f"{pairs:,} pairs of few symbols on both sides"
    if pairs < FEW_PAIRS or (pairs < FEW_WORDS and not has_sentences(fields)):
        return NARROW, f"{pairs:,} pairs, few"
    return WIDE, f"{pairs:,} pairs"


def _why_copy(profile: Profile, fields: FieldsConfig) -> str:
    """Why there is a pointer to the source, '' where there is none."""
    if not isinstance(fields.target, TextField):
        return ""
    if fields.target.unit == "word":
        return "new words are copied from the source"
    if fields.shared and _copied(profile) >= COPIED_IN_PIECES:
        return f"{_copied(profile):.0%} of the target's rarest words stand in their source"
    spelled = any(isinstance(field, TextField) and field.unit == fields.target.unit == "character" for field in fields.texts)
    if spelled and profile.shared_characters >= SAME_SCRIPT:
        return f"{profile.shared_characters:.0%} of the target's characters stand in their source"
    return ""


def learning_rate(width: int, *, gently: bool) -> tuple[float, str]:
    """For a recurrent network of this width, and why; `gently`, at half the rate, sentences and closed sets of few symbols are learned."""
    rate, why = (0.004 if width <= NARROW else 0.002), f"{width} wide: the narrower, the higher (measured on dev)"
    return (rate / 2, f"{why}; half of it for sentences and few symbols") if gently else (rate, why)


def has_sentences(fields: FieldsConfig) -> bool:
    """Whether a side is cut into words or pieces of them."""
    return any(map(_is_sentence, (*fields.texts, fields.target)))


def _is_sentence(field: FieldConfig) -> bool:
    return isinstance(field, TextField) and field.unit in ("subword", "word")


def _has_few_symbols(profile: Profile, fields: FieldsConfig) -> bool:
    """Both sides are closed sets of few tokens."""
    closed = all(isinstance(field, TokensField) for field in (*fields.source, fields.target))
    return closed and all(side.tokens.distinct <= FEW for side in (*profile.source, profile.target))


def _has_little_text(profile: Profile, fields: FieldsConfig) -> bool:
    """Few symbols, and not many of them in all."""
    return _has_few_symbols(profile, fields) and profile.pairs * profile.target.token_lengths.mean < LITTLE


def _dropout(profile: Profile, fields: FieldsConfig, width: int) -> tuple[float, str]:
    """The fewer pairs and the wider the network the more; little where all is made of a few symbols that are seen very often."""
    pairs, few = profile.pairs, _has_few_symbols(profile, fields)
    if few and pairs >= 5000:
        return 0.1, f"{pairs:,} pairs of few symbols: little can be learned by heart"
    share = 0.4 if pairs < 50_000 else 0.3 if pairs < 200_000 else 0.2 if pairs < 1_000_000 else 0.1
    if pairs >= SMALL_CORPUS and has_sentences(fields):
        share = min(share, SENTENCE_DROPOUT)
    if width < WIDE and pairs >= FEW_PAIRS and not few:
        return share * width / WIDE, f"{pairs:,} pairs, {width} wide: the fewer and the wider, the more"
    return share, f"{pairs:,} pairs: the fewer, the more"


# ------------------------------------------------------------------------------------------------------------ training


def _choose_training(settings: Settings, profile: Profile, fields: FieldsConfig, sizes: _Sizes) -> None:
    symbols = profile.pairs * max(sizes.source, sizes.target)
    batch = max(_batch(profile, fields, symbols / profile.pairs), smallest_batch(symbols / profile.pairs))
    updates = min(symbols / batch, profile.pairs)
    settings.set(BATCH, batch, f"about {updates:,.0f} updates a pass")
    passes = _passes(profile, fields)
    settings.set("training.epochs", passes, f"{profile.pairs:,} pairs: few are gone through often, many seldom")
    settings.set("training.schedule.warmup_steps", warm_up(updates * passes), f"{WARM_UP:.0%} of the run")
    if _has_few_symbols(profile, fields) or profile.pairs < FEW_PAIRS:
        settings.set("training.threads", 1, "a small network: two threads would wait for each other (measured)")
    metric, because = metric_for(profile, fields)
    settings.set("training.early_stopping.metric", metric, because)
    settings.set("training.average", 5, "the best five, where their mean is better on dev")


def _batch(profile: Profile, fields: FieldsConfig, symbols: float) -> int:
    """Source or target symbols of a batch, for pairs of so many each."""
    if profile.pairs < 5000 or _has_little_text(profile, fields):
        return SMALLEST_BATCH
    batch = 1024 if profile.pairs < (LARGE_CORPUS if has_sentences(fields) else 20_000) else 2048
    if has_sentences(fields):
        return batch
    pairs = WIDE_BATCH_PAIRS if _width(profile, fields)[0] == WIDE else BATCH_PAIRS
    while batch > max(SMALLEST_BATCH, pairs * symbols):
        batch //= 2
    return batch


def smallest_batch(symbols: float) -> int:
    """Source or target symbols of a batch at the least, for pairs of so many each: a few pairs, where these are long."""
    batch = SMALLEST_BATCH
    while batch < min(LEAST_PAIRS * symbols, OF_LONG):
        batch *= 2
    return batch


def warm_up(updates: float) -> int:
    """Updates in which the learning rate rises, of so many."""
    return int(min(max(updates * WARM_UP, 20), 1000, max(updates / 2, 1)))


def _passes(profile: Profile, fields: FieldsConfig) -> float:
    """Few pairs are gone through often: 60 times for 3,600, 36 for 10,000, falling as the square root; sentences two thirds as often;
    words at least as often as `WORD_PASSES` and `WORDS_IN_ALL` say.
    """
    sentences = has_sentences(fields)
    least = 3 if sentences else max(3, min(WORD_PASSES, WORDS_IN_ALL / profile.pairs))
    return float(round(min(max((2400 if sentences else 3600) / math.sqrt(profile.pairs), least), 150)))


def metric_for(profile: Profile, fields: FieldsConfig) -> tuple[str, str]:
    """Which dev metric decides what the best weights are."""
    if isinstance(fields.target, TokensField):
        return "token_error_rate", "finer than exact matches, and falls with them"
    fitting = metrics_for(fields.target, profile.target.token_lengths.mean) if _is_sentence(fields.target) else []
    if "bleu" in fitting:
        return "bleu", "targets are sentences"
    if "chrf" in fitting:
        return "chrf", "targets are a few words, too few for BLEU, and may be said in several ways"
    return "character_error_rate", "finer than exact matches, and falls with them"
