"""What the machine has is looked up once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from unusual import unusual_torch

from seqloom.config import TrainingConfig
from seqloom.errors import ConfigError
from seqloom.hardware import (
    FreedMemory,
    choose_device,
    choose_precision,
    give_back_freed_memory,
    keep_freed_memory,
    resolve,
    small_numbers_as_zero,
    threads_to_train_on,
    usual_torch,
    without_draws,
)


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


KEPT = """
import resource, sys, torch
from seqloom.hardware import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "ask" else None
for _ in range(3):
    torch.ones(1 << 24).add_(1.0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(1 << 24).add_(1.0)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def kept_memory(how: str) -> tuple[str, int]:
    """What was said, and how many pages the system had to give while 20 tensors of 64 MB came and went."""
    said, faults = subprocess.run([sys.executable, "-c", KEPT, how], check=True, capture_output=True, text=True).stdout.split()
    return said, int(faults)


@pytest.mark.skipif(platform.libc_ver() < ("glibc", "2.35"), reason="an option of GNU's C library, which took 32 MB at most before")
def test_memory_is_kept_unless_the_user_has_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    kept, few = kept_memory("ask")
    _, many = kept_memory("leave")
    assert kept == "True"
    assert few * 5 < many
    monkeypatch.setenv("MALLOC_TOP_PAD_", "0")
    assert kept_memory("ask")[0] == "False"


def test_where_the_larger_size_is_refused_a_smaller_one_is_asked_for_and_else_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    asked: list[tuple[int, int]] = []

    def library(most: int) -> SimpleNamespace:
        def mallopt(option: int, size: int) -> int:
            asked.append((option, size))
            return int(option == -1 or size <= most)

        return SimpleNamespace(mallopt=mallopt)

    monkeypatch.setattr("seqloom.hardware.sys.platform", "linux")
    monkeypatch.setattr("seqloom.hardware.ctypes.CDLL", lambda name: library(1 << 25))
    assert keep_freed_memory()
    assert asked == [(-3, 1 << 28), (-3, 1 << 25), (-1, 1 << 30)]
    monkeypatch.setattr("seqloom.hardware.ctypes.CDLL", lambda name: library(0))
    asked.clear()
    assert not keep_freed_memory()
    assert asked == [(-3, 1 << 28), (-3, 1 << 25)]


GIVEN_BACK = """
import torch
from seqloom.hardware import give_back_freed_memory, keep_freed_memory
keep_freed_memory()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
between = [(torch.ones(1 << 20), torch.ones(64)) for _ in range(50)]  # 4 MB and a little behind each
stays = [little for _, little in between]
before = held()
del between
freed, kept = before - held(), give_back_freed_memory()
print(freed >> 20, kept, (before - held()) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a function of GNU's C library")
def test_what_lies_free_between_what_is_in_use_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    freed, was_there, given_back = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK], check=True, capture_output=True, text=True
    ).stdout.split()
    assert int(freed) < 50
    assert was_there == "True"
    assert int(given_back) > 150


def test_another_c_library_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom.hardware.ctypes.CDLL", lambda name: SimpleNamespace())
    assert not give_back_freed_memory()


def test_memory_is_given_back_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now, times = [0.0], list[float]()
    monkeypatch.setattr("seqloom.hardware.give_back_freed_memory", lambda: times.append(now[0]))
    freed = FreedMemory(clock=lambda: now[0])
    while now[0] < 20:
        freed.give_back_when_due()
        now[0] += 0.25
    assert times == [0, 1, 3, 7, 12, 17]


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="is there"))])
def test_what_a_process_has_set_does_not_hold_in_usual_torch_and_holds_again_after(device: str) -> None:
    with unusual_torch(device):
        with usual_torch():
            weight = torch.ones(3, 2, requires_grad=True)
            product = torch.ones(5, 3) @ weight
            product.sum().backward()
            assert (product.dtype, product.device.type, product.is_inference()) == (torch.float32, "cpu", False)
            assert weight.grad is not None
        made = torch.empty(1, device="cpu")
        assert (made.dtype, made.is_inference(), torch.is_autocast_enabled("cpu")) == (torch.float64, True, True)
        if device == "meta":
            assert torch.empty(1).device.type == "meta"


def test_numbers_that_are_drawn_without_draws_are_drawn_again() -> None:
    with without_draws():
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), first)
