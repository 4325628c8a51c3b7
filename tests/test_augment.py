from dataclasses import replace

import numpy as np
import pytest

from seqloom.config import AudioField, Augmentation
from seqloom.sound.audio import Sound, log_mel
from seqloom.sound.augment import Quiet, add_quiet, augment, mask_bands, mask_moments, stretch_time, warp_bands

FIELD = AudioField(sample_rate=8000, mels=40)


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def frames(length: int = 50, bands: int = 40) -> np.ndarray:
    return draws(7).normal(size=(length, bands)).astype(np.float32)


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000)
    return log_mel(Sound(samples.astype(np.float32), 8000), FIELD)


def test_the_same_generator_varies_a_sound_alike_and_another_differently():
    given = frames()
    once, again, other = (augment(given, FIELD, draws(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert once.shape != other.shape or not np.array_equal(once, other)
    np.testing.assert_array_equal(given, frames()), "what is given is left as it is"
    assert once.dtype == np.float32


def test_without_settings_nothing_changes():
    still = Augmentation(speed=0, vocal_tract=0, quiet_ms=0, frequency_masks=0, time_masks=0)
    np.testing.assert_array_equal(augment(frames(), FIELD.model_copy(update={"augmentation": still}), draws()), frames())


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_sounds_of_any_length_keep_at_least_one_frame(length: int):
    for seed in range(20):
        varied = augment(frames(length), FIELD, draws(seed))
        assert len(varied) >= 1
        assert np.isfinite(varied).all()


def test_faster_is_shorter_and_in_the_same_order():
    ramp = np.arange(60, dtype=np.float32)[:, None]
    faster, slower = stretch_time(ramp, 1.25), stretch_time(ramp, 0.8)
    assert (len(faster), len(slower)) == (48, 75)
    assert (np.diff(faster[:, 0]) > 0).all()
    np.testing.assert_allclose(np.diff(faster[1:-1, 0]), 1.25, rtol=1e-5)
    np.testing.assert_allclose(faster.mean(), ramp.mean(), rtol=1e-3)


def test_played_faster_a_tone_stays_at_its_pitch_which_goes_along_with_the_vocal_tract():
    def loudest(**settings: float) -> set[int]:
        varied = Augmentation.model_validate({"vocal_tract": 0, "frequency_masks": 0, "time_masks": 0, **settings})
        field = FIELD.model_copy(update={"augmentation": varied})
        return {int(augment(tone(1000), field, draws(seed))[20].argmax()) for seed in range(30)}

    assert loudest(speed=0.3) == {int(tone(1000)[20].argmax())}
    assert len(loudest(speed=0.0, vocal_tract=0.3)) > 3


def test_warped_bands_are_those_of_the_higher_tone():
    low, high = tone(1000), tone(1200)
    assert low[25].argmax() != high[25].argmax()
    assert warp_bands(low, 1.2, 8000)[25].argmax() == high[25].argmax()
    np.testing.assert_allclose(warp_bands(low, 1.0, 8000), low, atol=1e-4)


QUIET = Quiet(
    noise=draws(3).normal(2, 0.1, size=(30, 40)).astype(np.float32),
    decibel=np.full(40, 0.1, np.float32),
    silence=np.full(40, -3.5, np.float32),
)
"""Silence is 55 dB below the noise, which is as loud as the loudest."""


def test_quiet_stands_before_and_behind_and_the_sound_between_is_kept():
    given, before, levels = frames(), set[int](), list[float]()
    for seed in range(300):
        varied = add_quiet(given, 40, QUIET, draws(seed))
        start = next(place for place in range(41) if np.array_equal(varied[place : place + 50], given))
        quiet = np.concatenate([varied[:start], varied[start + 50 :]])
        before.add(start)
        assert len(quiet) <= 80
        assert (quiet >= -3.5).all()
        levels += [float(quiet.mean())] if len(quiet) > 5 else []
    assert before == set(range(41)), "up to 40, each number of them"
    assert -3.5 <= min(levels) < -3.3, "silence"
    assert 0.2 < max(levels) < 0.7, "2 is the loudest, and 15 dB are 1.5"
    np.testing.assert_array_equal(add_quiet(given, 0, QUIET, draws()), given)
    never_heard = replace(QUIET, noise=1000 * QUIET.noise)
    assert max(add_quiet(given, 40, never_heard, draws(seed))[0].max() for seed in range(9)) <= max(3, given[0].max())


def test_three_sounds_in_ten_get_quiet_as_long_as_it_is_asked_for_in_milliseconds():
    only = Augmentation(speed=0, vocal_tract=0, quiet_ms=80, frequency_masks=0, time_masks=0)
    field = FIELD.model_copy(update={"augmentation": only, "frame_shift_ms": 20.0})
    lengths = [len(augment(frames(), field, draws(seed), QUIET)) for seed in range(300)]
    assert set(lengths) == set(range(50, 59)), "four frames on each side at the most"
    assert 0.62 < np.mean([length == 50 for length in lengths]) < 0.78
    assert {len(augment(frames(), field, draws(seed))) for seed in range(20)} == {50}, "none where its loudness is not known"


def test_masks_silence_a_stretch_of_at_most_their_width():
    widths = set()
    for seed in range(40):
        given = frames()
        bands = (mask_bands(given, 8, draws(seed)) != given).all(0)
        moments = (mask_moments(given, 1000, draws(seed)) != given).all(1)
        for masked, most in ((bands, 8), (moments, 10)):
            places = np.flatnonzero(masked)
            assert len(places) <= most
            assert not len(places) or len(places) == places[-1] - places[0] + 1
        widths.add(int(bands.sum()))
    assert widths == set(range(9))
