"""Seqloom: sequence-to-sequence models from a file of pairs, with one command and no flags."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from seqloom.errors import CheckpointError, ConfigError, DataError, MissingFileError, SeqloomError, TrainingError
from seqloom.installed import BEHIND_A_RUN, require
from seqloom.threads import give_forked_processes_one_thread, let_waiting_threads_sleep
from seqloom.version import __version__

if TYPE_CHECKING:
    from seqloom.answers import Output, Prediction
    from seqloom.config import RunConfig
    from seqloom.loading import load
    from seqloom.model import Model, join, resume, train
    from seqloom.numbers.forecaster import Forecaster, train_forecast
    from seqloom.runtime import Predictor

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Forecaster",
    "MissingFileError",
    "Model",
    "Output",
    "Prediction",
    "Predictor",
    "RunConfig",
    "SeqloomError",
    "TrainingError",
    "__version__",
    "join",
    "load",
    "resume",
    "train",
    "train_forecast",
]

_LATER = {
    "Forecaster": "numbers.forecaster",
    "Model": "model",
    "Output": "answers",
    "Prediction": "answers",
    "Predictor": "runtime",
    "RunConfig": "config",
    "join": "model",
    "load": "loading",
    "resume": "model",
    "train": "model",
    "train_forecast": "numbers.forecaster",
}


def __getattr__(name: str) -> Any:
    """What takes long to import, when it is first asked for (PEP 562)."""
    if name in _LATER:
        let_waiting_threads_sleep()
        give_forked_processes_one_thread()
        if _LATER[name] in ("numbers.forecaster", "model"):
            require(BEHIND_A_RUN, f"seqloom.{name}")
        return getattr(importlib.import_module(f"seqloom.{_LATER[name]}"), name)
    raise AttributeError(f"module 'seqloom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
