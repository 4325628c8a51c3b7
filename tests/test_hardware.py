"""What the machine has is looked up once."""

from __future__ import annotations

import sys

import pytest
import torch

from seqloom.config import TrainingConfig
from seqloom.errors import ConfigError
from seqloom.hardware import choose_device, choose_precision, resolve, small_numbers_as_zero, threads_to_train_on


def test_a_device_that_is_not_here_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"training\.device: 'cuda:93' cannot be used here \(.+\)\. Use --device auto or cpu\."):
        choose_device("cuda:93")


def test_auto_is_a_device_that_works() -> None:
    assert torch.ones(2, device=choose_device("auto")).sum() == 2


def test_precision_follows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom.hardware._product_seconds", lambda dtype: {torch.float32: 3.0, torch.bfloat16: 1.0}[dtype])
    assert choose_precision("cpu") == "bfloat16"
    monkeypatch.setattr("seqloom.hardware._product_seconds", lambda dtype: {torch.float32: 1.4, torch.bfloat16: 1.0}[dtype])
    assert choose_precision("cpu") == "float32"


def test_what_is_asked_for_is_kept_and_what_is_not_is_decided() -> None:
    decided = resolve(TrainingConfig(device="cpu", precision="float32", threads=torch.get_num_threads()))
    assert (decided.device, decided.precision, decided.threads) == ("cpu", "float32", torch.get_num_threads())
    decided = resolve(TrainingConfig())
    assert decided.precision in ("float32", "bfloat16")
    assert decided.threads == torch.get_num_threads()


def test_only_on_a_processor_there_are_several_threads_to_train_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_to_train_on("cpu") == torch.get_num_threads()
    monkeypatch.setattr("seqloom.hardware.choose_device", lambda name: "cuda")
    assert threads_to_train_on("auto") == 1


def test_the_smallest_numbers_are_zero_within_and_what_they_were_after() -> None:
    small = torch.tensor([1e-39])
    with small_numbers_as_zero():
        with small_numbers_as_zero():
            assert float(small.mul(2.0)) == 0.0
        assert float(small.mul(2.0)) == 0.0
    assert float(small.mul(2.0)) > 0.0


def test_deciding_leaves_the_smallest_numbers_to_others() -> None:
    resolve(TrainingConfig())
    assert sys.float_info.min / 2 > 0.0
