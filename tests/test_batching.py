import numpy as np
import pytest

from seqloom.batching import Example, collate, make_batches, pad
from seqloom.config import BatchConfig
from seqloom.fields.vocabulary import BOS, EOS


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def lengths(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.integers(1, 40, count), generator.integers(0, 30, count)


CONFIGS = [
    BatchConfig(unit=unit, size=size, bucket_by=by) for unit, size in (("tokens", 200), ("pairs", 7)) for by in ("length", "source", "none")
]


def test_rows_are_padded_to_the_longest_with_a_mask_of_what_is_real():
    padded, mask = pad([ids(7, 8), ids(4, 5, 6, 7, 8), ids()])
    assert padded.tolist() == [[7, 8, 0, 0, 0], [4, 5, 6, 7, 8], [0] * 5]
    assert mask.sum(1).tolist() == [2, 5, 0]
    assert mask[1].tolist() == [True] * 5
    assert (padded.dtype, mask.dtype) == (np.int64, np.bool_)


def test_a_batch_of_nothing_but_empty_rows_is_one_position_wide():
    assert pad([ids(), ids()])[0].shape == (2, 1)


def test_the_mask_does_not_come_from_the_values():
    assert pad([ids(0, 0, 5)])[1].tolist() == [[True, True, True]]
    assert pad([ids(1, 2), ids(3)], fill=-1)[0].tolist() == [[1, 2], [3, -1]]


def test_a_batch_has_the_start_before_and_the_end_behind_its_targets():
    batch = collate([Example(ids(5, 6, EOS), ids(7, 8), "a"), Example(ids(9, EOS), ids(), "b")], index=[17, 3])
    assert batch.source.tolist() == [[5, 6, EOS], [9, EOS, 0]]
    assert batch.source_mask.tolist() == [[True, True, True], [True, True, False]]
    assert batch.target_in.tolist() == [[BOS, 7, 8], [BOS, 0, 0]]
    assert batch.target_out.tolist() == [[7, 8, EOS], [EOS, 0, 0]]
    assert batch.target_mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.index.tolist() == [17, 3]
    assert batch.tokens == 4
    assert batch.copy is None


def test_what_can_be_copied_is_padded_with_minus_one_beside_the_source():
    batch = collate([Example(ids(5, 6, EOS), ids(7), "a", ids(8, 11, -1)), Example(ids(9, EOS), ids(), "b", ids(7, -1))])
    assert batch.copy is not None
    assert batch.copy.tolist() == [[8, 11, -1], [7, -1, -1]]
    assert batch.index.tolist() == [0, 1]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_pass_holds_every_pair_once_in_batches_within_the_size(config: BatchConfig):
    source, target = lengths()
    batches = make_batches(source, target, config, seed=1, epoch=0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    for batch in batches:
        widest = np.maximum(source[batch], target[batch] + 1).max()
        assert (len(batch) if config.unit == "pairs" else len(batch) * widest) <= config.size


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_order_is_fixed_by_seed_and_pass(config: BatchConfig):
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in make_batches(*lengths(), config, seed, epoch)]

    assert order(1, 3) == order(1, 3)
    assert order(1, 3) != order(1, 4)
    assert order(1, 3) != order(2, 3)


def test_a_pair_larger_than_the_size_is_a_batch_of_its_own():
    batches = make_batches(ids(3, 500, 4), ids(3, 3, 4), BatchConfig(size=20), seed=1, epoch=0)
    assert sorted(batch.tolist() for batch in batches if 1 in batch) == [[1]]
    assert sorted(np.concatenate(batches).tolist()) == [0, 1, 2]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_no_pairs_make_no_batches(config: BatchConfig):
    assert make_batches(ids(), ids(), config, seed=1, epoch=0) == []


def test_buckets_hold_pairs_of_like_length():
    source, target = lengths(2000)

    def padding(by: str) -> tuple[float, float]:
        batches = make_batches(source, target, BatchConfig(unit="pairs", size=20, bucket_by=by), seed=1, epoch=0)  # type: ignore[arg-type]
        shares = [[1 - part[batch].sum() / (part[batch].max() * len(batch)) for batch in batches] for part in (source, target + 1)]
        return float(np.mean(shares[0])), float(np.mean(shares[1]))

    none, by_source, both = padding("none"), padding("source"), padding("length")
    assert by_source[0] < 0.05 < 0.3 < none[0]
    assert sum(both) < 0.5 * sum(none)
    assert both[1] < 0.5 * by_source[1]


def test_without_buckets_the_pairs_are_drawn_freely():
    source, target = lengths(2000)
    batches = make_batches(source, target, BatchConfig(unit="pairs", size=100, bucket_by="none"), seed=1, epoch=0)
    means = [source[batch].mean() for batch in batches]
    assert max(means) - min(means) < 8  # the mean of 100 of 1 to 39 has a standard deviation of 1.1


def frames(length: int, width: int, begin: float = 1.0) -> np.ndarray:
    return np.arange(begin, begin + length * width, dtype=np.float32).reshape(length, width)


def test_a_target_of_frames_is_shown_one_frame_late_with_what_is_known_of_each():
    example = Example(frames(3, 2), frames(2, 1), "", known=frames(2, 3, 10.0))
    batch = collate([example])
    assert batch.source.shape == (1, 3, 2)
    assert batch.target_in[0].tolist() == [[0, 10, 11, 12], [1, 13, 14, 15]]
    assert batch.target_out[0].tolist() == [[1], [2]]
    assert batch.target_mask[0].tolist() == [True, True]
    assert (batch.tokens, batch.source.dtype, batch.target_in.dtype) == (2, np.float32, np.float32)


def test_masks_of_frames_come_from_lengths_and_not_from_values():
    batch = collate([Example(np.zeros((2, 3), np.float32), np.zeros((1, 2), np.float32), "")])
    assert batch.source_mask.tolist() == [[True, True]]
    assert batch.target_mask.tolist() == [[True]]


def test_frames_may_stand_on_one_side_alone():
    batch = collate([Example(frames(3, 2), ids(5, 6), ""), Example(frames(1, 2), ids(7), "")])
    assert (batch.source.shape, batch.target_out[:, :3].tolist()) == ((2, 3, 2), [[5, 6, 2], [7, 2, 0]])
