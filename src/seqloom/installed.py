"""Packages that only an extra brings: whether they are there, told before any work is done, and how to install them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from seqloom.errors import MissingPackageError

__all__ = ["BEHIND_A_RUN", "EXTRAS", "TRAINING", "how_to_install", "missing", "require", "say_missing"]

BEHIND_A_RUN = ("torch", "safetensors")
"""What a plain install lacks to load a run, and to train on numbers."""
TRAINING = (*BEHIND_A_RUN, "rapidfuzz", "sacrebleu", "rouge_score")
"""What training on pairs of texts needs: the metrics are measured at its end."""

EXTRAS = {
    **dict.fromkeys(("onnx", "safetensors", "torch"), "train"),
    **dict.fromkeys(("rapidfuzz", "rouge_score", "sacrebleu"), "metrics"),
    "matplotlib": "report",
    "pyarrow": "parquet",
    "tensorboard": "tensorboard",
}
"""Module to the extra that brings it."""


def missing(modules: Sequence[str]) -> list[str]:
    """Those of the modules that are not installed; none is imported."""
    return [name for name in modules if find_spec(name) is None]


def require(modules: Sequence[str], who: str = "training", extra: str = "train") -> None:
    """Make sure that all modules are installed.

    Raises:
        MissingPackageError: one is not.
    """
    if absent := missing(modules):
        raise MissingPackageError(say_missing(absent[0], who, extra), name=absent[0])


def say_missing(name: str, who: str, extra: str) -> str:
    """A sentence on a package of an extra that is missing, and what to do."""
    return f"{name} is not installed, and {who} needs it. {how_to_install(extra)}"


def how_to_install(extra: str) -> str:
    """What to do where a package of an extra is missing."""
    return f"Install it with: pip install 'seqloom[{extra}]'"
