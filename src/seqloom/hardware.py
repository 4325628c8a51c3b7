"""What the machine has: device, precision, threads. Chosen by looking, once, and written into the run's config."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch
from torch import nn

from seqloom.config import TrainingConfig
from seqloom.errors import ConfigError, TrainingError
from seqloom.threads import threads_here

__all__ = [
    "PRECISION_REASON",
    "FreedMemory",
    "apart",
    "choose_device",
    "choose_precision",
    "give_back_freed_memory",
    "keep_freed_memory",
    "on_device",
    "resolve",
    "small_numbers_as_zero",
    "threads_to_train_on",
    "usual_torch",
    "without_draws",
]

Placed = TypeVar("Placed", bound=nn.Module)

PRECISION_REASON = "the faster one for products of matrices here, measured"
"""Why a precision was chosen, as a config says it."""

MAPPED_FROM, FREE_AT_THE_END = -3, -1
"""Options of `mallopt`: the least block that is mapped by itself (M_MMAP_THRESHOLD), what may lie free at the end (M_TRIM_THRESHOLD)."""
MAPPED = (1 << 28, 1 << 25)
"""Bytes; GNU's library before 2.35 takes no more than the second."""


def resolve(config: TrainingConfig) -> TrainingConfig:
    """The config with device, precision and threads decided; the process is set to that number of threads."""
    keep_freed_memory()
    threads = threads_here(config.threads or torch.get_num_threads())
    torch.set_num_threads(threads)
    with small_numbers_as_zero():
        torch.ones(1 << 20).add_(1.0)  # starts torch's threads, each of which keeps the setting that it is born with
    device = choose_device(config.device)
    precision = choose_precision(device) if config.precision == "auto" else config.precision
    return config.model_copy(update={"device": device, "precision": precision, "threads": threads})


def threads_to_train_on(device: str) -> int:
    """How many threads a network is trained on where no setting says it: those of the process, and on a GPU one is as good as many."""
    return torch.get_num_threads() if choose_device(device) == "cpu" else 1


@contextmanager
def apart() -> Generator[None]:
    """Trains apart from the rest of the process: in `usual_torch`, and the number of torch's threads and the state of its generators are
    afterwards what they were.

    Raises:
        TrainingError: another training goes on in this process; both would set these.
    """
    if not _TRAINING.acquire(blocking=False):
        raise TrainingError(
            "another training goes on in this process; expected one at a time, since all draw from one generator. Train one after the "
            "other, or each in a process of its own."
        )
    threads = torch.get_num_threads()
    try:
        with usual_torch(), without_draws():
            yield
    finally:
        torch.set_num_threads(threads)
        _TRAINING.release()


_TRAINING = threading.Lock()


@contextmanager
def without_draws() -> Generator[None]:
    """Leaves the state of torch's generators as it was, however many numbers are drawn within: first weights take some, also where they
    are only made to be overwritten by those of a file.
    """
    with torch.random.fork_rng(range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()):
        yield


@contextmanager
def usual_torch() -> Generator[None]:
    """What a process may have set for its own code does not hold within: another default dtype than float32, another default device than
    the processor, no gradients, inference mode, autocast. Some microseconds where nothing is set.
    """
    with ExitStack() as usual:
        if torch.get_default_dtype() != torch.float32:
            usual.enter_context(_in_float32())
        if not _makes_on_processor():
            usual.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            usual.enter_context(torch.inference_mode(False))
            usual.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(device):
                usual.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def _in_float32() -> Generator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _makes_on_processor() -> bool:
    """Whether a tensor is on the processor where nothing else is said; on a default device that is not there none can be made."""
    try:
        return torch.empty(0).device.type == "cpu"
    except (RuntimeError, AssertionError):
        return False


@contextmanager
def small_numbers_as_zero() -> Generator[None]:
    """Lets this thread, and those that it starts, read numbers too small for float32's usual form as zero; others want them exact.

    Gradients are full of such numbers where a network is sure of itself, and a processor is far slower over each: an LSTM of 512 over
    6,000 words, without label smoothing, trained 2.3 times as slowly.
    """
    are_zero = sys.float_info.min / 2 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(are_zero)


def keep_freed_memory() -> bool:
    """Ask GNU's C library not to give memory back to the system that the next tensors need again; gives whether it will.

    By default it does so with every tensor above 32 MB, and with whatever more lies free at the end; a processor then clears each page anew
    before it is written to. An update of an LSTM of 64 over 128 windows of 96 moments took 98 ms, and 71 with this; one of 512 over 80
    sentences, on two threads, 100 and 88. In return up to 1 GB that was used once may stay with the process.
    Nothing is asked where the user has said what to do (MALLOC_..., GLIBC_TUNABLES), or of another library.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ) or not sys.platform.startswith("linux"):
        return False
    try:
        ask = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # the second without the first would map every tensor above 128 KB by itself
    return any(ask(MAPPED_FROM, size) for size in MAPPED) and bool(ask(FREE_AT_THE_END, 1 << 30))


def give_back_freed_memory() -> bool:
    """Give the system back what lies free between blocks that are in use; gives whether it got any. Nothing is asked of another C library.

    What is kept for the next tensors comes apart: oneDNN's kernels, made for each new shape, settle in it, and tensors that no longer fit
    are put behind. Of a process that trained an LSTM of 512 with 8,500 subwords for a minute 700 MB were in use and 1,600 held; 3,150 after
    6,000 updates. Giving back takes some 25 ms, and the pages that the next update needs again are cleared once more: as many updates were
    made in 16 s with it seven times as without.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0)) if sys.platform.startswith("linux") else False
    except (OSError, AttributeError):
        return False


class FreedMemory:
    """Gives freed memory back now and then: often at first, when most kernels are made, and in the end every five seconds."""

    FIRST, LAST = 1.0, 5.0
    """Seconds between two times."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._wait, self._due = clock, self.FIRST, clock()

    def give_back_when_due(self) -> None:
        """To be called after each update."""
        if self._clock() < self._due:
            return
        give_back_freed_memory()
        self._due = self._clock() + self._wait
        self._wait = min(2 * self._wait, self.LAST)


def choose_device(name: str) -> str:
    """The device that `auto` means here, or the one named.

    Raises:
        ConfigError: it is not on this machine.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"training.device: {name!r} cannot be used here ({str(error).splitlines()[0]}). Use --device auto or cpu."
        ) from None
    return name


def on_device(network: Placed, device: str | torch.device) -> Placed:
    """The network on the device. On a GPU cuDNN's layers are told not to use TF32, in the whole process: a search and `score`, which see
    the same target a symbol at a time and as a whole, would differ by 0.0002.
    """
    if torch.device(device).type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return network.to(device)


def choose_precision(device: str) -> str:
    """bfloat16 where this processor multiplies it at least 1.5 times as fast as float32 (AMX, AVX512-BF16, newer GPUs), by a measurement
    of some milliseconds.
    """
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two that wait for each other are slow beside other programs
    try:
        turns = [[_product_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)] for _ in range(4)]
    finally:
        torch.set_num_threads(threads)
    single, half = (min(seconds) for seconds in zip(*turns, strict=True))
    return "bfloat16" if single > 1.5 * half else "float32"


def _product_seconds(dtype: torch.dtype) -> float:
    """The best of five products of 384 × 384 matrices."""
    matrix = torch.ones(384, 384, dtype=dtype).cumsum(0) / 384
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        torch.matmul(matrix, matrix)
        best = min(best, time.perf_counter() - start)
    return best
