"""Sounds that the program makes, so that speech can be tried and tested without a recording: words that are tones."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["TONES", "write_tones"]

Samples = npt.NDArray[np.float64]

TONES = {"do": 262.0, "re": 330.0, "mi": 415.0, "fa": 523.0, "so": 659.0, "la": 831.0}
"""Words, and the hertz of the tone that says each."""
RATE = 8000
COUNTS = {"train": 300, "dev": 40, "test": 40}
WORDS = (1, 4)
"""Fewest and most words of a sentence."""


def write_tones(folder: str | Path, seed: int = 1, counts: dict[str, int] = COUNTS) -> dict[str, Path]:
    """Writes sentences of one to four tones as WAV files, and train.tsv, dev.tsv and test.tsv of path and text; gives the tables.

    Tones differ in length, loudness, pitch (by 3 %) and overtones, with pauses between and noise under them. The same seed draws the same.
    """
    draw, tables = np.random.default_rng(seed), dict[str, Path]()
    for part, count in counts.items():
        home, lines = Path(folder) / part, ["path\ttext"]
        home.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            words = draw.choice(list(TONES), size=int(draw.integers(WORDS[0], WORDS[1] + 1))).tolist()
            _write(home / f"{number:04}.wav", _spoken(words, draw))
            lines.append(f"{part}/{number:04}.wav\t{' '.join(words)}")
        tables[part] = Path(folder) / f"{part}.tsv"
        tables[part].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tables


def _spoken(words: list[str], draw: np.random.Generator) -> Samples:
    """The samples (N,) of a sentence."""
    parts = [_pause(draw)]
    for word in words:
        parts += [_tone(TONES[word], draw), _pause(draw)]
    samples = np.concatenate(parts)
    return samples + 0.003 * draw.normal(size=len(samples))


def _tone(hertz: float, draw: np.random.Generator) -> Samples:
    seconds = np.arange(int(RATE * draw.uniform(0.12, 0.25))) / RATE
    pitch, overtones = hertz * draw.uniform(0.97, 1.03), draw.uniform(0.1, 0.5, size=2)
    wave_form = np.sin(2 * np.pi * pitch * seconds)
    for number, share in enumerate(overtones, 2):
        wave_form += share * np.sin(2 * np.pi * number * pitch * seconds)
    return draw.uniform(0.05, 0.3) * wave_form * np.hanning(len(seconds)) ** 0.5


def _pause(draw: np.random.Generator) -> Samples:
    return np.zeros(int(RATE * draw.uniform(0.03, 0.2)))


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
