"""Whether a part of a user's keeps its contract: when it is made it is given small tensors, and what comes back is looked at.

A part with a wrong axis is so told at once, with the shape that was expected, and not by a product of matrices somewhere behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from seqloom.errors import PartError, SeqloomError
from seqloom.nn.attention import Attention
from seqloom.nn.decoders import Decoder
from seqloom.nn.encoders import Encoded, Encoder

__all__ = ["failing_line", "made_attention", "made_decoder", "made_encoder"]

Made = TypeVar("Made", bound=nn.Module)
ROWS, SOURCE, TARGET = 2, 5, 3
"""Sizes of what parts are given: unlike each other, and no 1, which would be spread."""
RESERVED = {"mask", "context", "ctc", "ahead", "first", "dropout"}
"""Names in the memory that others have."""


def made_attention(make: Callable[..., Attention], config: Any, query: int, source: int) -> Attention:
    """An attention of a user's for queries and states of these widths.

    Raises:
        PartError: it does not keep its contract; the message says where.
    """
    name = f"attention {config.kind!r}"
    attention = _construct(make, name, config=config, query=query, source=source)
    width = _width(attention, name, "context_width")
    with _probing(attention, name, f"states ({ROWS}, {SOURCE}, {source}) and mask ({ROWS}, {SOURCE})", "prepare"):
        memory = attention.prepare(torch.full((ROWS, SOURCE, source), 0.5), _mask())
    _check_dict(memory, f"{name}: prepare")
    for key in memory:
        if not key.isidentifier() or key in RESERVED or key.startswith(("first_", "dropout_")):
            raise PartError(f"{name}: prepare gives {key!r}, a name that others have; expected another, such as keys. Rename it.")
    given = f"query ({ROWS}, {TARGET}, {query}) and mask ({ROWS}, {SOURCE})"
    for asked in (False, True):
        with _probing(attention, name, given, "forward"):
            said = attention(torch.full((ROWS, TARGET, query), 0.5), memory, _mask(), asked)
        context, weights = _two(said, f"{name}: forward", "context (B, T, E) and weights (B, T, S)")
        _check_shape(context, f"{name}: forward gives context", ("B", "T", "context_width"), (ROWS, TARGET, width))
        if weights is not None:
            _check_shape(weights, f"{name}: forward gives weights", ("B", "T", "S"), (ROWS, TARGET, SOURCE))
        attention.gives_weights = weights is not None
    return attention


def made_encoder(make: Callable[..., Encoder], config: Any, inputs: int, dropout: float) -> Encoder:
    """The same for an encoder of input vectors of this width."""
    name = f"encoder {config.kind!r}"
    encoder = _construct(make, name, config=config, inputs=inputs, dropout=dropout)
    width = _width(encoder, name, "width")
    with _probing(encoder, name, f"inputs ({ROWS}, {SOURCE}, {inputs}) and mask ({ROWS}, {SOURCE})", "forward"):
        encoded: Any = encoder(torch.full((ROWS, SOURCE, inputs), 0.5), _mask())
    if not all(hasattr(encoded, part) for part in ("states", "mask", "final")):
        raise PartError(f"{name}: forward gives {_kind(encoded)}; expected Encoded(states, mask, final). Mend it.")
    if isinstance(encoded.states, Tensor) and encoded.states.dim() == 3 and encoded.states.shape[1] < SOURCE:
        raise PartError(
            f"{name}: forward gives {encoded.states.shape[1]} states for {SOURCE} positions; expected one for each. Leave fewer to "
            "model.encoder.subsampling, which stands in front of every encoder."
        )
    _check_shape(encoded.states, f"{name}: forward gives states", ("B", "S", "width"), (ROWS, SOURCE, width))
    _check_shape(encoded.mask, f"{name}: forward gives mask", ("B", "S"), (ROWS, SOURCE))
    if not isinstance(encoded.final, Mapping) or "hidden" not in encoded.final:
        raise PartError(f"{name}: forward gives no final['hidden']; expected the last states (B, L, width) there. Add them.")
    last: Any = encoded.final["hidden"]
    _check_shape(last, f"{name}: forward gives final['hidden']", ("B", "L", "width"), (ROWS, None, width))
    return encoder


def made_decoder(make: Callable[..., Decoder], config: Any, attention: Any, inputs: int, encoder: int, dropout: float) -> Decoder:
    """The same for a decoder of input vectors of this width."""
    name = f"decoder {config.kind!r}"
    decoder = _construct(make, name, config=config, attention=attention, inputs=inputs, encoder=encoder, dropout=dropout)
    width = _width(decoder, name, "width")
    encoded = Encoded(torch.full((ROWS, SOURCE, encoder), 0.5), _mask(), {"hidden": torch.full((ROWS, 1, encoder), 0.5)})
    with _probing(decoder, name, f"states {tuple(encoded.states.shape)}", "prepare"):
        memory = decoder.prepare(encoded)
    _check_dict(memory, f"{name}: prepare")
    if "mask" not in memory:
        raise PartError(f"{name}: prepare gives no 'mask'; expected the mask of the states (B, S) under that name. Add encoded.mask.")
    with _probing(decoder, name, f"memory of {', '.join(memory)}", "start"):
        state = decoder.start(memory)
    _check_dict(state, f"{name}: start")
    if not state:
        raise PartError(f"{name}: start gives an empty state; expected one tensor or more, batch first, which a search reorders. Add one.")
    for length in (TARGET, 1):
        given = f"inputs ({ROWS}, {length}, {inputs})"
        with _probing(decoder, name, given, "forward"):
            said = decoder(torch.full((ROWS, length, inputs), 0.5), memory, dict(state), True)
        decoded, after = _two(said, f"{name}: forward", "Decoded and state")
        if not all(hasattr(decoded, part) for part in ("hidden", "attention")):
            raise PartError(f"{name}: forward gives {_kind(decoded)} first; expected Decoded(hidden, attention). Mend it.")
        _check_shape(decoded.hidden, f"{name}: forward gives hidden", ("B", "T", "width"), (ROWS, length, width))
        if decoded.attention is not None:
            _check_shape(decoded.attention, f"{name}: forward gives attention", ("B", "T", "S"), (ROWS, length, SOURCE))
        decoder.gives_weights = decoded.attention is not None
        _check_dict(after, f"{name}: forward")
        if set(after) != set(state):
            raise PartError(f"{name}: forward gives a state of {_names(after)}; expected the names that start gives, {_names(state)}.")
    return decoder


def _check_dict(memory: Any, where: str) -> None:
    """Make sure that something is a dict of tensors, batch first, for ROWS rows."""
    if not isinstance(memory, Mapping):
        raise PartError(f"{where} gives {_kind(memory)}; expected a dict of tensors, batch first. Mend it.")
    for name, part in memory.items():
        if not isinstance(part, Tensor) or not part.dim() or part.shape[0] != ROWS:
            raise PartError(f"{where} gives {name!r}: {_kind(part)}; expected a tensor, batch first: ({ROWS}, …). Mend it.")


def failing_line(error: BaseException, file: str | Path) -> int | None:
    """The line of a file in which an error came about, the innermost one; None where none did."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _construct(make: Callable[..., Made], name: str, **given: Any) -> Made:
    """What a class makes of what is given, in this order."""
    try:
        return make(*given.values())
    except SeqloomError:
        raise
    except Exception as error:
        widths = [f"{key} {value}" if isinstance(value, int | float) else key for key, value in given.items()]
        raise _told(error, f"{name}: __init__ was given {', '.join(widths)}", make.__init__) from error


def _mask() -> Tensor:
    """The second row has two positions less."""
    return torch.arange(SOURCE) < torch.tensor([[SOURCE], [SOURCE - 2]])


@contextmanager
def _probing(part: nn.Module, name: str, given: str, method: str) -> Generator[None]:
    """Runs a part as in prediction, without a trace in the generator; what it raises is told with what it was given."""
    was_training = part.training
    part.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=()):
            yield
    except SeqloomError:
        raise
    except Exception as error:
        raise _told(error, f"{name}: {method} was given {given}", part.forward) from error
    finally:
        part.train(was_training)


def _told(error: Exception, what: str, method: Any) -> PartError:
    """An error of a part, with the line of the file in which one of its methods stands."""
    path = getattr(getattr(method, "__code__", None), "co_filename", "")
    line = failing_line(error, path)
    at = f" in {Path(path).name}:{line}" if line else ""
    return PartError(f"{what} and raised {type(error).__name__}{at}: {' '.join(str(error).split()).rstrip('.')}. Mend it.")


def _width(part: nn.Module, name: str, attribute: str) -> int:
    found: Any = getattr(part, attribute, None)
    if not isinstance(found, int) or isinstance(found, bool):
        raise PartError(f"{name}: {attribute} is {found!r}; expected a whole number, set in __init__. Set self.{attribute}.")
    return found


def _two(said: Any, where: str, expected: str) -> Sequence[Any]:
    if not isinstance(said, tuple) or len(said) != 2:
        raise PartError(f"{where} gives {_kind(said)}; expected a tuple of {expected}. Mend it.")
    return said


def _check_shape(found: Any, where: str, axes: Sequence[str], sizes: Sequence[int | None]) -> None:
    """Make sure that something is a tensor of these sizes, any size where None stands."""
    shape = tuple(found.shape) if isinstance(found, Tensor) else None
    if shape is None or len(shape) != len(sizes) or any(size not in (None, got) for size, got in zip(sizes, shape, strict=True)):
        wanted = ", ".join(axis if size is None else str(size) for axis, size in zip(axes, sizes, strict=True))
        raise PartError(f"{where}: {_kind(found)}; expected ({', '.join(axes)}), which is ({wanted}) here. Mend it.")


def _kind(found: Any) -> str:
    """A shape, or what stands in place of a tensor."""
    return str(tuple(found.shape)) if isinstance(found, Tensor) else "None" if found is None else f"a {type(found).__name__}"


def _names(parts: Mapping[str, Any]) -> str:
    return ", ".join(sorted(parts)) or "nothing"
