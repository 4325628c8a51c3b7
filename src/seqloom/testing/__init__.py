"""Tests of a part of one's own in one line: it is held to the laws that the parts of the package obey, within networks of several kinds.

def test_my_attention_obeys_the_laws():
    check_attention("gated", width=8)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from seqloom.config import PARTS, ModelConfig, RunConfig
from seqloom.errors import ConfigError, PartError, SeqloomError
from seqloom.export.tracing import LOOPS
from seqloom.hardware import apart
from seqloom.nn.contract import failing_line
from seqloom.settings import override
from seqloom.testing import exported, laws
from seqloom.testing.laws import BrokenLawError
from seqloom.testing.networks import Sides, batch_of, example, moved, network_of, run

__all__ = ["BrokenLawError", "check_attention", "check_decoder", "check_encoder"]

Tree = dict[str, Any]
RECURRENT: Tree = {"kind": "recurrent", "cell": "lstm"}
TRANSFORMER: Tree = {"kind": "transformer", "layers": 2, "heads": 4, "feed_forward": 7}
ENCODERS: dict[str, Tree] = {"recurrent encoder": {**RECURRENT, "width": 12}, "transformer encoder": {**TRANSFORMER, "width": 12}}
DECODERS: dict[str, Tree] = {
    "recurrent decoder": {**RECURRENT, "width": 8},
    "decoder with input feeding": {"kind": "recurrent", "cell": "gru", "width": 8, "input_feeding": True},
    "transformer decoder": {**TRANSFORMER, "width": 8},
}
ATTENTIONS: dict[str, Tree] = {
    "no attention": {"kind": "none"},
    "dot attention": {"kind": "dot"},
    "multihead attention": {"kind": "multihead", "heads": 2},
}
DOUBLE = "Networks are held to this law in float64: make tensors with the dtype of what you are given, and leave out .float()"
HINTS: dict[Any, str] = {
    laws.stepping: "It looks at later positions, or keeps something on a module from call to call, which a decoder's state is for",
    laws.going_on: "What changes from position to position belongs into the state",
    laws.reordering: "What changes from position to position belongs into the state, batch first",
    exported.answers_alike: LOOPS,
}
"""What mostly mends it where a law does not hold."""
WIDE = 24
"""Width of a network that learns by heart."""
SEARCHES: tuple[Tree, ...] = ({"kind": "greedy"}, {"kind": "beam", "beam": 3}, {"kind": "beam", "beam": 3, "prefix": "b d"})


def check_attention(kind: str, *, export: bool = True, **settings: Any) -> None:
    """Hold an attention to the laws: with recurrent and transformer parts, copying too where it gives weights, reading ids and frames.

    Args:
        kind: as in model.attention.kind; its file is imported.
        export: look also whether the exported networks answer alike, which takes most of the time.
        settings: of it; defaults where they are not given. Narrow ones are quick.

    Raises:
        BrokenLawError: a law does not hold; the message says which, within which network, what was expected and what came.
        PartError: it does not keep its contract; the message says which shape was expected.
        ConfigError: there is no such kind, or a setting is wrong.
    """
    pairs = [(encoder, decoder) for encoder in ENCODERS for decoder in DECODERS]
    networks = [({"encoder": ENCODERS[e], "decoder": DECODERS[d]}, f"{e}, {d}") for e, d in pairs]
    _check("attention", {**settings, "kind": kind}, networks, export)


def check_encoder(kind: str, *, export: bool = True, **settings: Any) -> None:
    """The same for an encoder; 12 wide where no width is given."""
    attentions = [(decoder, attention) for decoder in DECODERS for attention in ATTENTIONS]
    networks = [({"decoder": DECODERS[d], "attention": ATTENTIONS[a]}, f"{d}, {a}") for d, a in attentions]
    _check("encoder", {"width": 12, **settings, "kind": kind}, networks, export)


def check_decoder(kind: str, *, attentions: Sequence[str] = ("none", "dot", "multihead"), export: bool = True, **settings: Any) -> None:
    """The same for a decoder; 8 wide where no width is given.

    Args:
        attentions: that it goes with; leave out "none" where it needs one.
    """
    chosen = {name: tree for name, tree in ATTENTIONS.items() if tree["kind"] in attentions}
    networks = [({"encoder": encoder, "attention": tree}, f"{e}, {a}") for e, encoder in ENCODERS.items() for a, tree in chosen.items()]
    _check("decoder", {"width": 8, **settings, "kind": kind}, networks, export)


@apart()
def _check(part: str, tree: Tree, networks: Sequence[tuple[Tree, str]], export: bool) -> None:
    """Hold a part to the laws within each of the networks."""
    names = PARTS[part].models
    if tree["kind"] not in names:
        raise ConfigError(f"model.{part}: no kind {tree['kind']!r}; expected one of {', '.join(names)}. Import its file first.")
    override(RunConfig(), {f"model.{part}.{name}": value for name, value in tree.items()})
    torch.set_num_threads(1)  # several would wait for each other at products as small as these
    for place, (others, around) in enumerate(networks):
        whole = {"embedding": 6, **others, part: tree}
        of_frames = {"head": {"kind": "gaussian"}}
        traced = export and place in (0, len(networks) - 1)
        if _hold(_Held(part, tree["kind"], around, whole, Sides()), by_heart=not place, export=traced):
            _hold(_Held(part, tree["kind"], f"{around}, copying", {**whole, "copy": True}, Sides(copy=True)))
        _hold(_Held(part, tree["kind"], f"{around}, frames", {**whole, **of_frames}, Sides(3, 2, known=2)))


class _Held:
    """A part within a network that is held to the laws."""

    def __init__(self, part: str, kind: str, around: str, tree: Tree, sides: Sides) -> None:
        self.name, self.around, self.tree, self.sides = f"{part} {kind!r}", around, tree, sides
        module = PARTS[part].models[kind].__module__
        self.file = getattr(sys.modules.get(module), "__file__", None) or ""

    def network(self, seed: int = 1, **more: Any) -> Any:
        """A network of it, in training mode."""
        return network_of(ModelConfig.model_validate({**self.tree, "dropout": 0.0, **more}), self.sides, seed)

    def widened(self) -> Tree:
        """Encoder and decoder, as wide as it takes to learn by heart."""
        return {part: {**self.tree.get(part, {"kind": "recurrent"}), "width": WIDE} for part in ("encoder", "decoder")}

    @contextmanager
    def to(self, law: Callable[..., object]) -> Generator[None]:
        """Tells of which law and which network what is raised inside is."""
        said = (law.__doc__ or "").split(".")
        what = said[1 if said[0].isdigit() else 0].strip()
        where = f"{self.name} in a network with {self.around}: law '{what}'"
        try:
            yield
        except PartError:
            raise
        except SeqloomError as error:
            hint = f". {HINTS[law]}" if law in HINTS and isinstance(error, BrokenLawError) else ""
            raise BrokenLawError(f"{where}: {str(error).rstrip('.')}{hint}.") from error
        except Exception as error:
            line = failing_line(error, self.file)
            at = f" in {Path(self.file).name}:{line}" if line else ""
            problem = " ".join(str(error).split()).rstrip(".")
            if law is exported.answers_alike:
                problem += f". {LOOPS}"
            elif "dtype" in problem or "Double" in problem:
                problem += f". {DOUBLE}"
            raise BrokenLawError(f"{where}: {type(error).__name__}{at}: {problem}.") from error


def _hold(held: _Held, *, by_heart: bool = False, export: bool = False) -> bool:
    """Hold a network to every law; gives whether its attention gives weights."""
    sides = held.sides
    with held.to(run):
        network = moved(held.network()).double().eval()
        decoded, _ = run(network, batch_of(example(5, 3, 1, sides)))
    for law in (laws.stepping, laws.going_on, laws.reordering, laws.padding, laws.later_targets):
        with held.to(law):
            law(network, sides)
    with held.to(laws.the_gradients):
        laws.the_gradients(moved(held.network()), sides)
    with held.to(laws.half_precision):
        laws.half_precision(held.network(), sides)
    with held.to(laws.saved_and_loaded), tempfile.TemporaryDirectory() as folder:
        laws.saved_and_loaded(held.network, sides, Path(folder))
    with held.to(laws.same_seed):
        laws.same_seed(lambda seed: held.network(seed, dropout=0.3), sides)
    if by_heart:
        with held.to(laws.learned_by_heart):
            laws.learned_by_heart(held.network(embedding=WIDE, **held.widened()), sides)
    if export:
        with held.to(exported.answers_alike):
            exported.answers_alike(exported.translator_of(ModelConfig.model_validate(held.tree)), SEARCHES)
    return decoded.attention is not None
