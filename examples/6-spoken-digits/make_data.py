"""Spoken digits as tables of sounds and words: single clips, and strings of 3 to 7 clips joined with silence of random length.

    python examples/6-spoken-digits/make_data.py RECORDINGS [--out digits] [--strings 3000] [--leave-out SPEAKER]

RECORDINGS is the folder `recordings` of github.com/Jakobovski/free-spoken-digit-dataset, or a .tar of it. Files are called
DIGIT_SPEAKER_NUMBER.wav. By the set's own split numbers 0 to 4 are the test; 5 to 9 are dev here, and 10 to 49 are learned from. A clip,
alone or in a string, is in one part only. The same recordings give the same files.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import wave
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PARTS = {"test": range(5), "dev": range(5, 10), "train": range(10, 50)}
STRINGS = {"test": 300, "dev": 100}
LENGTHS = (3, 7)
SILENCE = (0.05, 0.5)
"""Seconds between two clips, and before the first and behind the last."""
RATE, BYTES = 8000, 2


class Clip(NamedTuple):
    """One recording of one digit."""

    digit: int
    speaker: str
    number: int
    samples: bytes


def main() -> None:
    """Writes train.tsv, dev.tsv and test.tsv, which name single clips and strings, and test-single.tsv, test-strings.tsv, test-7.tsv."""
    options = _options()
    clips = sorted(read(options.recordings))
    for part in PARTS:
        chosen = [clip for clip in clips if _part(clip, options.leave_out) == part]
        singles = [(f"{part}/{clip.digit}_{clip.speaker}_{clip.number}.wav", [clip]) for clip in chosen]
        strings = list(joined(chosen, part, options.strings if part == "train" else STRINGS[part]))
        for name, members in [*singles, *strings]:
            write(options.out / name, members, Random(name))
        table(options.out / f"{part}.tsv", [*singles, *strings])
        if part == "test":
            table(options.out / "test-single.tsv", singles)
            table(options.out / "test-strings.tsv", strings)
            table(options.out / "test-7.tsv", [entry for entry in strings if len(entry[1]) == 7])
    print(f"{options.out}: train.tsv, dev.tsv, test.tsv, test-single.tsv, test-strings.tsv, test-7.tsv")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--out", type=Path, default=Path("digits"))
    parser.add_argument("--strings", type=int, default=3000, help="strings in the training part; default 3000")
    parser.add_argument("--leave-out", metavar="SPEAKER", help="all of this speaker's clips are the test, and no other's")
    return parser.parse_args()


def _part(clip: Clip, left_out: str | None) -> str | None:
    """Which part a clip belongs to; with a speaker left out, the test clips of the others are in none."""
    part = next(name for name, numbers in PARTS.items() if clip.number in numbers)
    if left_out is None:
        return part
    return "test" if clip.speaker == left_out else None if part == "test" else part


def read(recordings: Path) -> Iterator[Clip]:
    """The clips of a folder or of a .tar."""
    for name, data in _files(recordings) if recordings.is_dir() else _unpacked(recordings):
        digit, speaker, number = Path(name).stem.split("_")
        with wave.open(io.BytesIO(data)) as sound:
            yield Clip(int(digit), speaker, int(number), sound.readframes(sound.getnframes()))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in sorted(folder.glob("*.wav")))


def _unpacked(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".wav") else None
            if file is not None:
                yield Path(member.name).name, file.read()


def joined(clips: list[Clip], part: str, count: int) -> Iterator[tuple[str, list[Clip]]]:
    """Strings of 3 to 7 clips of one speaker, drawn from a seed of the part's name: each length and each speaker equally often."""
    random, speakers = Random(part), sorted({clip.speaker for clip in clips})
    lengths = range(LENGTHS[0], LENGTHS[1] + 1)
    for number in range(count):
        speaker, length = speakers[number % len(speakers)], lengths[number // len(speakers) % len(lengths)]
        own = [clip for clip in clips if clip.speaker == speaker]
        yield f"{part}/string_{number:04}.wav", [random.choice(own) for _ in range(length)]


def write(path: Path, clips: list[Clip], random: Random) -> None:
    """One clip as it is, several with silence around each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [clip.samples for clip in clips]
    if len(clips) > 1:
        pieces = [part for samples in pieces for part in (_silence(random), samples)] + [_silence(random)]
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, BYTES, RATE, 0, "NONE", "not compressed"))
        sound.writeframes(b"".join(pieces))


def _silence(random: Random) -> bytes:
    return bytes(BYTES * int(RATE * random.uniform(*SILENCE)))


def table(path: Path, entries: list[tuple[str, list[Clip]]]) -> None:
    """Path and words of each sound, a line each, with a header."""
    lines = [f"{name}\t{' '.join(WORDS[clip.digit] for clip in clips)}\n" for name, clips in entries]
    path.write_text("path\ttext\n" + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
