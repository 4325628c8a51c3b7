"""Tones are told from speech by how narrow they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from seqloom.sound.narrowness import narrowness

RATE = 8000
TIME = np.arange(RATE) / RATE


def written(folder: Path, *sounds: np.ndarray) -> list[str]:
    paths = [folder / f"{number}.wav" for number in range(len(sounds))]
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound, RATE)
    return [str(path) for path in paths]


def test_tones_are_narrow_with_noise_and_pauses_too_and_noise_and_overtones_are_wide(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, RATE)
    tones = 0.3 * (np.sin(2 * np.pi * 770 * TIME) + np.sin(2 * np.pi * 1336 * TIME)) * (TIME % 0.25 < 0.1)
    voice = 0.1 * sum(np.sin(2 * np.pi * 150 * each * TIME) / each for each in range(1, 20))
    assert narrowness(written(tmp_path, tones + noise)) > 0.9
    assert narrowness(written(tmp_path, 10 * noise)) < 0.5
    assert narrowness(written(tmp_path, voice + noise)) < 0.6


def test_the_median_sound_decides_and_faulty_ones_go_by(tmp_path: Path) -> None:
    tone, noise = 0.3 * np.sin(2 * np.pi * 770 * TIME), np.random.default_rng(1).normal(0, 0.2, RATE)
    paths = written(tmp_path, tone, tone, noise)
    assert narrowness(paths) > 0.9
    assert narrowness([paths[0], *[paths[2]] * 2]) < 0.5
    assert narrowness([str(tmp_path / "none.wav"), paths[0]]) == narrowness(paths[:1]) > 0.9
    assert narrowness([str(tmp_path / "none.wav")]) == 0
