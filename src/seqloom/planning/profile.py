"""What the data looks like: lengths, alphabets, how the two sides relate, what dev shares with train, and what is odd in it."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from seqloom.data.rows import Row
from seqloom.errors import DataError, count_of
from seqloom.fields.moses import say_moses
from seqloom.fields.pieces import say_pieces, whole
from seqloom.planning.measured_targets import are_measured, say_measured
from seqloom.planning.oddities import Oddity, find_in_sounds, find_oddities, key_of
from seqloom.planning.relation import Ends, NewWords, correlation, new_words, order, picked_out, ratio, shared, telling_ends
from seqloom.planning.selection import Roots
from seqloom.planning.sides import (
    ArrayProfile,
    Ids,
    SideProfile,
    SoundProfile,
    Spread,
    Symbols,
    numbered,
    profile_arrays,
    profile_side,
    profile_sounds,
)
from seqloom.sound.audio import is_sound

__all__ = ["Overlap", "Profile", "SideProfile", "Spread", "Symbols", "describe", "profile_rows"]

OF_FRAMES = frozenset({"empty target", "duplicates", "several targets", "wild ratio"})
"""What can be odd where sources are sounds or numbers, whose text says nothing."""
WHOLE_ROWS, SAMPLE_ROWS = 200_000, 100_000  # up to how many rows all are looked at, and how many of more
MANY_TARGETS, NEARLY_ALL = 20, 0.9
"""Rows a source, in the mean, and the share of them whose target is another, from which on sources look like labels of their targets."""
LONG = 400
"""Characters of a source that may be cut."""
WORTH_SAYING = 0.01
"""Share of the target's rarest words that stand in their source but for case or marks."""
CONSIDERABLE = 0.1
"""The share of dev rows that are training rows from which on this is warned of."""
SHARED_ROWS = 50_000  # a share comes out the same to a tenth of a point
RELATED_ROWS = 1000
"""Rows by which is told in which order the sides stand, and how many targets are a part of their source."""
SAMPLE_CHARACTERS = 50_000_000  # of both sides; with the rows, what bounds the memory (some hundred megabytes)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Dev rows that training has seen."""

    dev: int
    """Dev rows in all."""
    sources: int
    """Dev rows whose source (in NFC) is a training source."""
    pairs: int
    """Dev rows that are training rows, target and all."""
    example: str
    """The first one: its place in dev, and in train."""

    @property
    def is_considerable(self) -> bool:
        """Whether so many dev rows are training rows that a dev score says little of what is new."""
        return self.pairs >= CONSIDERABLE * self.dev

    @property
    def sentence(self) -> str:
        """The count and an example where dev sources also occur in train, '' where none does."""
        if not self.sources:
            return ""
        return (
            f"{self.sources:,} of {self.dev:,} dev rows ({self.sources / self.dev:.1%}) have a source that training has too, "
            f"{self.pairs:,} of them with the same target, such as {self.example}: dev scores will look better than they are."
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that a person or the automatic config wants to know of training pairs."""

    file: str
    pairs: int
    looked_at: int
    """Rows behind the numbers: all of them, or an even sample where there are very many."""
    source: tuple[SideProfile, ...]
    """Columns of text; none where the source is sound or numbers."""
    sound: SoundProfile | None
    target: SideProfile
    duplicates: int
    """Rows that repeat an earlier pair."""
    root_pairs: int
    """Of all pairs, those that are left where a pair that stands n times is taken √n times (estimated from those looked at)."""
    repeated_sources: int
    """Rows whose source occurs with different targets."""
    ratio: Spread
    """Target length / source length, in characters, all source columns together; in characters a hundredth of a second of sound."""
    token_ratio: Spread
    """The same in tokens between blanks."""
    length_correlation: float
    """Of the two sides' lengths in characters (Pearson); 0 where one does not vary."""
    order: float
    """How far the target's symbols stand in the order of those that they go with in the source (-1 to 1); 0 where too little tells."""
    shared_characters: float
    """Share of target characters that also stand in their row's source."""
    shared_tokens: float
    """Share of target tokens that also stand in their row's source."""
    new_words: NewWords | None
    """How much of the rarest target words stands in their row's source; None where there are too few to say."""
    copies: float
    """Share of rows whose target is (one of) the source."""
    commonest_target: str
    commonest_target_share: float
    overlap: Overlap | None
    """None without dev rows."""
    oddities: tuple[Oddity, ...]
    notes: tuple[str, ...]
    """What the reading found: format, header, columns, blank lines."""
    array: ArrayProfile | None = None
    """Of a source of numbers over time."""
    target_array: ArrayProfile | None = None
    """Of targets of numbers over time, of which `target` says what their text is like."""
    picked_out: float = 0.0
    """Share of rows whose target is a part of a source, word for word."""
    ends: Ends | None = None
    """How much each end of a source says of its target, where some sources are so long that they may be cut."""

    @property
    def is_sampled(self) -> bool:
        return self.looked_at < self.pairs


def profile_rows(
    rows: Iterable[Row],
    dev: Iterable[Row] | None = None,
    *,
    is_numbers: bool = False,
    says_numbers: bool = False,
    sounds: bool | None = None,
) -> Profile:
    """The profile of training rows, read once; memory is bounded: of more than 200,000 rows an even sample of 100,000 is looked at.

    Args:
        is_numbers: whether sources are numbers over time.
        says_numbers: whether targets are.
        sounds: whether they name sounds; None: as the rows say, and in memory where all do.

    Raises:
        DataError: no rows, or all sources or all targets are empty.
    """
    watched, found = _watch(rows, dev)
    count, sample = _sample(watched)
    _refuse_useless(sample)
    texts = list(zip(*(row.source for row in sample), strict=True))
    names = _names(rows, len(texts))
    places = [row.where for row in sample]
    array, lengths = profile_arrays(names[0], texts[0], places) if is_numbers else (None, np.zeros(0, np.int64))
    groups = numbered(map(key_of, sample))  # rows of one source stand on one side of a split
    sounds = getattr(rows, "are_sounds", None) if sounds is None else sounds
    sounds = all(map(is_sound, filter(None, texts[0]))) if sounds is None else sounds
    sides, sound, lengths, tokens = (
        ((), None, lengths, lengths) if array else _sources(names, texts, places, groups, are_sounds=sounds and len(texts) == 1)
    )
    targets = [row.target for row in sample]
    target, target_lengths, target_tokens = profile_side(names[-1], targets, groups)
    target_array = None
    if says_numbers:
        target_array, target_lengths = profile_arrays(names[-1], targets, places, "target")
        target_tokens = target_lengths
    plain = _plain(sample, sides, target)
    same_characters, same_tokens = shared(_evenly(plain, SHARED_ROWS))
    (commonest, often), *_ = Counter(row.target for row in plain).most_common(1)
    related = _evenly(plain, RELATED_ROWS)
    say_length = "{:,}".format if sides else "{:,} moments".format if array else _seconds
    is_text = bool(sides) and target_array is None
    oddities = [oddity for oddity in find_oddities(plain, lengths, target_lengths, say_length) if is_text or oddity.kind in OF_FRAMES]
    oddities += find_in_sounds(sample) if sound else []
    counts = {oddity.kind: oddity.count for oddity in oddities}
    return Profile(
        file=sample[0].where.rpartition(":")[0],
        pairs=count,
        looked_at=len(sample),
        source=sides,
        sound=sound,
        target=target,
        duplicates=counts.get("duplicates", 0),
        root_pairs=sum(1 for _ in Roots(sample)) * count // len(sample),
        repeated_sources=counts.get("several targets", 0),
        ratio=ratio(target_lengths, lengths),
        token_ratio=ratio(target_tokens, tokens),
        length_correlation=correlation(lengths, target_lengths),
        order=order(related) if is_text else 0.0,
        shared_characters=same_characters,
        shared_tokens=same_tokens,
        new_words=new_words(plain, groups),
        copies=sum(row.target in row.source for row in sample) / len(sample),
        commonest_target=commonest,
        commonest_target_share=often / len(sample),
        overlap=found.result() if found else None,
        oddities=tuple(oddities),
        notes=(
            *cast("list[str]", getattr(rows, "notes", [])),
            *_of_moses(sides, target),
            *_backwards(rows, sides, target),
            *([] if sound or target_array else _measured(target, targets, texts)),
        ),
        array=array,
        target_array=target_array,
        picked_out=picked_out(related) if is_text else 0.0,
        ends=telling_ends(plain) if is_text and np.quantile(lengths, 0.99) > LONG else None,
    )


def _evenly(rows: Sequence[Row], count: int) -> Sequence[Row]:
    """All rows, or of many so many, up to twice that, evenly spread."""
    return rows[:: max(1, len(rows) // count)]


def _seconds(hundredths: int) -> str:
    return f"{hundredths / 100:,.2f} seconds"


def _of_moses(sides: Iterable[SideProfile], target: SideProfile) -> list[str]:
    """A sentence for each column that was tokenised as Moses does."""
    return [say_moses(side.name, is_target=side is target) for side in (*sides, target) if side.is_of_moses]


def _backwards(rows: Iterable[Row], sides: Sequence[SideProfile], target: SideProfile) -> list[str]:
    """A sentence where sources are few and targets nearly all different, and nothing tells that they are not the other way round."""
    other_way = cast("str", getattr(rows, "other_way", ""))
    if not other_way or len(sides) != 1 or target.distinct < NEARLY_ALL * target.count or sides[0].distinct * MANY_TARGETS > target.count:
        return []
    values = "1 value" if sides[0].distinct == 1 else f"{sides[0].distinct:,} different values"
    what = f"The source has {values} in {target.count:,} rows, and the target {target.distinct:,}"
    return [f"{what}: no source tells its target. If the source is to be told from the target, say {other_way}."]


def _measured(target: SideProfile, targets: Sequence[str], sources: Sequence[Sequence[str]]) -> list[str]:
    """A sentence where targets that are measured numbers would be learned as text."""
    return [say_measured(target.name, targets, sources)] if are_measured(targets) else []


def _plain(rows: Sequence[Row], sides: Sequence[SideProfile], target: SideProfile) -> Sequence[Row]:
    """The rows with whole words, where they were cut into pieces before."""
    of_sources = [side.mark for side in sides] or [None] * len(rows[0].source)  # sounds and arrays have none
    marks = [*of_sources, target.mark]
    return [whole(row, marks) for row in rows] if any(marks) else rows


def _sources(
    names: Sequence[str], texts: Sequence[Sequence[str]], places: Sequence[str], groups: Ids, *, are_sounds: bool
) -> tuple[tuple[SideProfile, ...], SoundProfile | None, np.ndarray, np.ndarray]:
    """The source columns, or the one that names sounds; lengths (N,) of the sources, and their tokens (N,)."""
    if are_sounds:
        sound, lengths = profile_sounds(names[0], texts[0], places)
        return (), sound, lengths, lengths
    sides = [profile_side(name, values, groups) for name, values in zip(names, texts, strict=False)]
    return tuple(side[0] for side in sides), None, np.sum([side[1] for side in sides], axis=0), np.sum([side[2] for side in sides], axis=0)


def _names(rows: Iterable[Row], columns: int) -> list[str]:
    """`source (german)`, `target (column 2)`; plain words in memory."""
    known = cast("tuple[str, ...]", getattr(rows, "names", ()))
    sides = [*(["source"] if columns == 1 else [f"source {number}" for number in range(1, columns + 1)]), "target"]
    if len(known) != len(sides):
        return sides
    return [f"{side} ({f'column {name}' if name.isdigit() else name})" for side, name in zip(sides, known, strict=True)]


def _sample(rows: Iterable[Row]) -> tuple[int, list[Row]]:
    """The number of rows, and an even sample of them in file order (Vitter 1985, algorithm R; the same rows each time)."""
    draw, kept, capacity, size, count = random.Random(0), list[tuple[int, Row]](), WHOLE_ROWS, 0, 0
    for count, row in enumerate(rows, 1):
        place = len(kept) if len(kept) < capacity else draw.randrange(count)
        if place < len(kept):
            size += _size(row) - _size(kept[place][1])
            kept[place] = (count, row)
        elif place < capacity:
            size += _size(row)
            kept.append((count, row))
        if (size > SAMPLE_CHARACTERS and len(kept) > 1) or (count > WHOLE_ROWS and capacity > SAMPLE_ROWS):
            capacity = min(len(kept) // 2, SAMPLE_ROWS)
            kept = draw.sample(kept, capacity)
            size = sum(_size(row) for _, row in kept)
    return count, [row for _, row in sorted(kept, key=lambda item: item[0])]


def _size(row: Row) -> int:
    return sum(map(len, row.source)) + len(row.target)


def _refuse_useless(rows: Sequence[Row]) -> None:
    if not rows:
        raise DataError("data: no rows; expected pairs of a source and a target. Name a file that holds some.")
    file, count = rows[0].where.rpartition(":")[0], count_of(len(rows), "row")
    for side, is_empty in (("target", not any(row.target for row in rows)), ("source", not any(any(row.source) for row in rows))):
        if is_empty:
            raise DataError(f"{file}: every {side} is empty ({count}); expected texts. Choose another column with --{side}.")


# ------------------------------------------------------------------------------------------------------------- overlap


class _OverlapSearch:
    """Dev rows by source, marked as training rows go by."""

    def __init__(self, dev: Iterable[Row]) -> None:
        self.rows = list(dev)
        self.by_source: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows:
            self.by_source.setdefault(key_of(row), []).append(row)
        self.sources: dict[tuple[str, ...], str] = {}  # source → where in train
        self.pairs: dict[tuple[tuple[str, ...], str], str] = {}

    def look(self, row: Row) -> None:
        source = key_of(row)
        if source in self.by_source:
            self.sources.setdefault(source, row.where)
            self.pairs.setdefault((source, _nfc(row.target)), row.where)

    def result(self) -> Overlap:
        pairs = [row for row in self.rows if (key_of(row), _nfc(row.target)) in self.pairs]
        sources = [row for row in self.rows if key_of(row) in self.sources]
        example = ""
        if sources:
            row = (pairs or sources)[0]
            place = self.pairs[key_of(row), _nfc(row.target)] if pairs else self.sources[key_of(row)]
            example = f"{row.where} as {place}"
        return Overlap(len(self.rows), len(sources), len(pairs), example)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _watch(rows: Iterable[Row], dev: Iterable[Row] | None) -> tuple[Iterable[Row], _OverlapSearch | None]:
    if dev is None:
        return rows, None
    search = _OverlapSearch(dev)

    def watched() -> Iterator[Row]:
        for row in rows:
            search.look(row)
            yield row

    return watched(), search


# ------------------------------------------------------------------------------------------------------------- the page


def describe(profile: Profile) -> str:
    """The profile as a page of plain text."""
    head = f"{count_of(profile.pairs, 'pair')} in {profile.file if profile.file != 'pairs' else 'memory'}"
    if profile.is_sampled:
        head += f"; the numbers below are from {profile.looked_at:,} of them, drawn evenly"
    arrays = [line for array in (profile.array, profile.target_array) if array for line in _arrays(array)]
    relation = _speech(profile, profile.sound) if profile.sound else arrays or _relation(profile)
    notes = [*profile.notes, *_in_pieces(profile)]
    parts = [head, *_indented(notes), "", *_table(profile), *relation, *_dev(profile), "", *_odd(profile)]
    return "\n".join(line.rstrip() for line in parts) + "\n"


def _in_pieces(profile: Profile) -> list[str]:
    """A sentence for each column whose words were cut into pieces before; what becomes of them a config says, and there is none here."""
    sides = (*profile.source, profile.target)
    return [say_pieces(side.name, side.mark, "which train puts together unless a config says otherwise") for side in sides if side.mark]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _table(profile: Profile) -> list[str]:
    """The measures, one a line, with a column for each side of text, and a blank line; nothing where there is no text."""
    sides = (*profile.source, *(() if profile.target_array else (profile.target,)))
    if not sides:
        return []
    rows = [["", *(side.name for side in sides)], *([name, *cells] for name, cells in _measures(sides))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        *(
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ),
        "",
    ]


def _measures(sides: Sequence[SideProfile]) -> Iterator[tuple[str, list[str]]]:
    yield "different values", [f"{side.distinct:,}" for side in sides]
    if any(side.empty for side in sides):
        yield "empty values", [f"{side.empty:.1%}" for side in sides]
    for name, lengths in (("characters", [side.lengths for side in sides]), ("tokens", [side.token_lengths for side in sides])):
        yield f"{name} in a value, mean", [f"{length.mean:,.1f}" for length in lengths]
        yield "  median", [f"{length.median:,.0f}" for length in lengths]
        yield "  99 of 100 have at most", [f"{length.p99:,.0f}" for length in lengths]
        yield "  longest", [f"{length.max:,.0f}" for length in lengths]
    yield "characters in a token", [f"{side.characters_per_token:.1f}" for side in sides]
    yield from _symbol_measures("characters", [side.characters for side in sides])
    if any(side.decomposed.distinct != side.characters.distinct for side in sides):
        yield from _symbol_measures("letters and marks (NFD)", [side.decomposed for side in sides])
    yield from _symbol_measures("tokens", [side.tokens for side in sides])
    if any(side.separator for side in sides):
        yield "separator inside values", [repr(side.separator) if side.separator else "none" for side in sides]
        yield "  different pieces", [f"{side.pieces.distinct:,}" if side.pieces else "-" for side in sides]


def _symbol_measures(name: str, symbols: Sequence[Symbols]) -> Iterator[tuple[str, list[str]]]:
    yield f"different {name}", [f"{item.distinct:,}" for item in symbols]
    yield "  seen only once", [f"{item.once:,}" for item in symbols]
    yield "  unseen in new text, about", [f"{item.unseen:.2%}" for item in symbols]
    yield "  new rows with one, about", [f"{item.rows_with_once:.1%}" for item in symbols]


def _relation(profile: Profile) -> list[str]:
    ratio, tokens = profile.ratio, profile.token_ratio
    lines = [
        "Source and target",
        f"  target / source in characters: mean {ratio.mean:.2f}, 99 of 100 at most {ratio.p99:.2f}, largest {ratio.max:.1f}",
        f"  target / source in tokens:     mean {tokens.mean:.2f}, 99 of 100 at most {tokens.p99:.2f}, largest {tokens.max:.1f}",
        f"  correlation of the lengths: {profile.length_correlation:.2f}, of the places of what goes together: {profile.order:.2f}",
        f"  of the target's characters {profile.shared_characters:.0%} stand in its source, of its tokens {profile.shared_tokens:.0%}",
        f"  of the target's rarest words {_share(profile.new_words)} stand in their source",
        f"  target equals source in {profile.copies:.1%} of the rows",
    ]
    if profile.commonest_target_share >= 0.01:
        lines.append(f"  commonest target: {_shown_value(profile.commonest_target)} in {profile.commonest_target_share:.1%} of the rows")
    return lines


def _share(found: NewWords | None) -> str:
    if found is None:
        return "(too few to say how many)"
    more = f", and but for case or marks {found.respelled:.0%} more," if found.respelled >= WORTH_SAYING else ""
    return f"{found.copied:.0%}{more}"


def _speech(profile: Profile, sound: SoundProfile) -> list[str]:
    """The sounds, and how fast is spoken."""
    length, pace = sound.seconds, profile.ratio
    rates = f"{sound.rate:,} samples a second" + (f", {sound.rates} different rates in all" if sound.rates > 1 else "")
    channels = "one channel" if sound.channels == 1 else f"up to {sound.channels} channels"
    return [
        f"Sounds ({sound.name})",
        f"  different files: {sound.distinct:,}; {rates}; {channels}",
        f"  seconds: mean {length.mean:.2f}, median {length.median:.2f}, 99 of 100 at most {length.p99:.2f}, longest {length.max:.2f}",
        f"  {length.mean * profile.pairs / 3600:.2f} hours in all",
        f"  characters a second: mean {100 * pace.mean:.1f}, 99 of 100 at most {100 * pace.p99:.1f}, most {100 * pace.max:.1f}",
    ]


def _arrays(array: ArrayProfile) -> list[str]:
    """The numbers over time."""
    length = array.lengths
    return [
        f"Arrays ({array.name})",
        f"  different ones: {array.distinct:,}; numbers a moment: {array.width:,}",
        f"  moments: mean {length.mean:,.1f}, median {length.median:,.0f}, 99 of 100 at most {length.p99:,.0f}, longest {length.max:,.0f}",
    ]


def _dev(profile: Profile) -> list[str]:
    if profile.overlap is None:
        return []
    none = f"None of the {profile.overlap.dev:,} dev sources occurs in training."
    return ["", "Dev", f"  {profile.overlap.sentence or none}"]


def _shown_value(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _odd(profile: Profile) -> list[str]:
    if not profile.oddities:
        return ["Nothing odd was found."]
    lines = ["What is odd"]
    for oddity in profile.oddities:
        lines.append(f"  {oddity.text}.")
        lines += [f"      {where}" for where in oddity.where]
    return lines
