"""Attentions, encoders, decoders and metrics of a user's: registered here, they are like those of the package. docs/own-parts.md shows it.

A file of them is code. It is run because a person imports it or names it with `--parts`, and never because a run needs it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from seqloom import metrics
from seqloom.config import PARTS, AttentionSettings, DecoderSettings, EncoderSettings, Settings
from seqloom.config.base import Natural, Positive, Probability
from seqloom.errors import ConfigError, MissingFileError, PartError, SeqloomError, nearest
from seqloom.nn.attention import ATTENTIONS, Attention, make_attention, masked_softmax
from seqloom.nn.contract import failing_line, made_attention, made_decoder, made_encoder
from seqloom.nn.decoders import DECODERS, Decoded, Decoder
from seqloom.nn.encoders import ENCODERS, Encoded, Encoder

__all__ = [
    "Attention", "AttentionSettings", "Decoded", "Decoder", "DecoderSettings", "Encoded", "Encoder", "EncoderSettings", "Natural",
    "Positive", "Probability", "Settings", "attention", "decoder", "encoder", "load_parts", "make_attention", "masked_softmax", "metric",
]  # fmt: skip

Part = TypeVar("Part", bound=type)
Measured = TypeVar("Measured", bound=metrics.Measure)
METHODS = {"attention": ("prepare", "forward"), "encoder": ("forward",), "decoder": ("prepare", "start", "forward")}


def attention(settings: type[AttentionSettings]) -> Callable[[Part], Part]:
    """A decorator that registers an `Attention` under the kind of its settings, as `model.attention.kind`.

    Raises:
        ConfigError: the kind is there already, or the settings have none.
        PartError: the class is no attention, or lacks a method of the contract.
    """
    return _registering("attention", settings, Attention, ATTENTIONS, made_attention)


def encoder(settings: type[EncoderSettings]) -> Callable[[Part], Part]:
    """The same for an `Encoder`, as `model.encoder.kind`."""
    return _registering("encoder", settings, Encoder, ENCODERS, made_encoder)


def decoder(settings: type[DecoderSettings]) -> Callable[[Part], Part]:
    """The same for a `Decoder`, as `model.decoder.kind`."""
    return _registering("decoder", settings, Decoder, DECODERS, made_decoder)


def metric(name: str, *, higher_is_better: bool = True) -> Callable[[Measured], Measured]:
    """A decorator that registers a function of predictions, list[str], and right answers, list[list[str]], as a metric of texts and tokens:
    `evaluate` prints what it gives, and `training.early_stopping.metric` may name it.

    Raises:
        ConfigError: the name is none, or of a metric of the package.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f'@metric: {_named(name)} in place of a name; expected one, as in @metric("f1"). Give it one.')

    def register(measure: Measured) -> Measured:
        metrics.register(name, measure, higher_is_better=higher_is_better)
        return measure

    return register


def _registering(
    part: str, settings: type[Settings], base: type, classes: dict[str, Callable[..., Any]], made_by: Callable[..., Any]
) -> Callable[[Part], Part]:
    """A decorator for a class of `base`; `made_by` makes a part of it and looks whether it keeps its contract.

    Raises:
        ConfigError: what stands in place of the settings is the class itself, or no class.
    """
    if not isinstance(settings, type) or issubclass(settings, base):  # pyright: ignore[reportUnnecessaryIsInstance]
        what = f"{_named(settings)} in place of its settings; expected their class, as in @{part}(MySettings)"
        raise ConfigError(f"@{part}: {what}. Give it one.")

    def register(made: Part) -> Part:
        if not (isinstance(made, type) and issubclass(made, base)):  # pyright: ignore[reportUnnecessaryIsInstance]
            name = _named(made)
            raise PartError(f"{name}: no {base.__name__}; expected class {name}({base.__name__}), from seqloom.parts. Mend it.")
        for method in METHODS[part]:
            if getattr(made, method) is getattr(base, method):
                expected = f"{', '.join(METHODS[part])}, as every {base.__name__} has"
                raise PartError(f"{made.__name__}: no method {method}; expected {expected}. Add it.")
        classes[PARTS[part].add(settings, _file_of(made))] = partial(made_by, made)
        return made

    return register


def _named(given: object) -> str:
    """A class or a function by its name, all else as it is."""
    return getattr(given, "__name__", repr(given))


def _file_of(made: type) -> str:
    """The name of the file that a class stands in, '' in a notebook."""
    module = sys.modules.get(made.__module__)
    file = getattr(module, "__file__", None)
    return Path(file).name if file else ""


def load_parts(file: str | Path) -> None:
    """Run a Python file that registers parts. It may import what lies beside it.

    Raises:
        MissingFileError: no such file.
        ConfigError: it is no Python file, cannot be run, or registers nothing.
    """
    path = Path(file).expanduser()
    if path.is_dir() or path.suffix != ".py":
        raise ConfigError(f"--parts {file}: no Python file; expected one that registers parts, such as gated.py. Give its name.")
    if not path.is_file():
        raise MissingFileError(f"--parts {file}: no such file.{nearest(path.name, (near.name for near in path.parent.glob('*.py')))}")
    path = path.resolve()
    if _is_anothers(path):
        raise ConfigError(f"--parts {file}: Python has a module {path.stem!r} already; expected a name of its own. Rename the file.")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    before = [dict(known) for known in _registered()]
    _run(path, file)
    if before == _registered():
        expected = "a class under @attention, @encoder or @decoder, or a function under @metric, of seqloom.parts"
        raise ConfigError(f"--parts {file}: registers no part; expected {expected}.")


def _registered() -> list[dict[str, Any]]:
    return [*(kinds.models for kinds in PARTS.values()), metrics.METRICS]


_MARK = "__seqloom_parts__"
"""What a module has that was loaded here: it may be run once more."""


def _is_anothers(path: Path) -> bool:
    """Whether the name of a file is that of another module, which would be taken for it from now on."""
    known = sys.modules.get(path.stem)
    if known is not None:
        return not hasattr(known, _MARK) and getattr(known, "__file__", None) != str(path)
    try:
        spec = importlib.util.find_spec(path.stem)
    except (ImportError, ValueError):
        return False
    return spec is not None and (spec.origin is None or Path(spec.origin).resolve() != path)


def _run(path: Path, file: str | Path) -> None:
    """Run a file as the module of its name.

    Raises:
        ConfigError: what it raised, with its line.
    """
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    setattr(module, _MARK, True)
    sys.modules[path.stem] = module  # where a class looks up the names in its annotations
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[path.stem]
        line = failing_line(error, path)
        at = f"{path.name}:{line}" if line else path.name
        what = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).partition("\n\nFor further")[0].split())
        mend = "Import what lies beside it without the dot" if "relative import" in what else "Mend it"
        told = what if isinstance(error, SeqloomError) else f"{type(error).__name__}: {what}. {mend}"
        raise ConfigError(f"--parts {file}: {at}: {told.rstrip('.')}.") from error
