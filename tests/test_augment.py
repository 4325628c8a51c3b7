import numpy as np
import pytest

from seqloom.audio import Sound, log_mel
from seqloom.augment import augment, mask_bands, mask_moments, stretch_time, warp_bands
from seqloom.config import AudioField, Augmentation

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
    still = Augmentation(speed=0, vocal_tract=0, frequency_masks=0, time_masks=0)
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


def test_warped_bands_are_those_of_the_higher_tone():
    low, high = tone(1000), tone(1200)
    assert low[25].argmax() != high[25].argmax()
    assert warp_bands(low, 1.2, 8000)[25].argmax() == high[25].argmax()
    np.testing.assert_allclose(warp_bands(low, 1.0, 8000), low, atol=1e-4)


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
