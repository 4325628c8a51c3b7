"""The laws that a network obeys, whatever parts it is made of. Each raises a BrokenLawError that says what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqloom.checkpoint import load_weights, read_tensors, write_tensors
from seqloom.config import AdamW
from seqloom.errors import SeqloomError
from seqloom.nn.decoders import Decoded
from seqloom.nn.seq2seq import Network, Seq2Seq
from seqloom.testing.networks import Sides, batch_of, changed_later, example, outputs, run
from seqloom.training.optimizers import Optimizer

__all__ = [
    "EXACT", "SINGLE", "BrokenLawError", "close", "going_on", "half_precision", "later_targets", "learned_by_heart", "padding",
    "reordering", "same_seed", "saved_and_loaded", "stepping", "the_gradients", "true",
]  # fmt: skip

EXACT = 1e-10
"""States in float64: products of a few dozen terms of size 1, added up in another order."""
SINGLE = 2e-5
"""Log-probabilities and losses, which are float32 whatever the network is: sums of some 30 terms of size 1 to 5."""

SINGLES = "So little is rounding: networks are in float64 here; leave out .float(), and keep the dtype of what you are given"
SINGLES_TO = 1e-5
"""Differences in float64 up to this are those of something that was computed in float32."""


class BrokenLawError(SeqloomError, AssertionError):
    """A network does not do what every network does."""


def true(is_so: bool, what: str) -> None:
    """Raises a BrokenLawError that says `what` where something is not so."""
    if not is_so:
        raise BrokenLawError(what)


def close(ours: Tensor, theirs: Tensor, tolerance: float, what: str) -> None:
    """Make sure that two tensors are of one shape and differ by no more than the tolerance."""
    true(ours.shape == theirs.shape, f"{what}: {tuple(ours.shape)}; expected {tuple(theirs.shape)}")
    if ours.numel():
        apart = float((ours.detach() - theirs.detach()).abs().max())
        single = f". {SINGLES}" if tolerance == EXACT < apart < SINGLES_TO else ""
        true(apart <= tolerance, f"{what} differs by {apart:.1g}; expected at most {tolerance:.0g}{single}")


def stepping(network: Network, sides: Sides) -> None:
    """1. Stepping one token at a time equals decoding the whole target at once; the memory never changes. `network`: in float64."""
    batch = batch_of(example(5, 3, 1, sides), example(2, 7, 2, sides))
    whole, said = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    before = {name: part.clone() for name, part in memory.items()}
    state = network.start(memory)
    true(bool(state), "start gives an empty state; expected a tensor or more, which a search reorders")
    for place in range(batch.target_in.shape[1]):
        true(all(len(part) == 2 for part in state.values()), f"a state of {_shapes(state)}; expected tensors, batch first: (2, …)")
        decoded, state = network.decode(batch.target_in[:, place : place + 1], memory, state, need_attention=True)
        _alike(decoded, whole, place, f"at position {place} of a target that is stepped through")
        close(outputs(network, decoded, batch)[:, 0], said[:, place], SINGLE, f"what is said at position {place}")
    changed = [name for name, part in memory.items() if name not in before or not torch.equal(part, before[name])]
    true(not changed and memory.keys() == before.keys(), f"memory {changed} was changed by decoding; expected what prepare gave")


def _alike(decoded: Decoded, whole: Decoded, place: int, where: str) -> None:
    """Make sure that a step says what the whole says at its place."""
    true(decoded.hidden.shape[1] == 1, f"hidden {where}: {tuple(decoded.hidden.shape)}; expected one position")
    close(decoded.hidden[:, 0], whole.hidden[:, place], EXACT, f"hidden {where}")
    if whole.attention is not None:
        if decoded.attention is None:
            raise BrokenLawError(f"attention {where}: None; expected weights, as for the whole")
        close(decoded.attention[:, 0], whole.attention[:, place], EXACT, f"attention {where}")


def going_on(network: Network, sides: Sides) -> None:
    """1. Going on from the middle of a target equals decoding the whole."""
    batch = batch_of(example(5, 3, 1, sides), example(2, 7, 2, sides))
    whole, _ = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    first, state = network.decode(batch.target_in[:, :3], memory, network.start(memory))
    second, _ = network.decode(batch.target_in[:, 3:], memory, state)
    close(torch.cat([first.hidden, second.hidden], 1), whole.hidden, EXACT, "hidden of a target decoded in two parts")


def reordering(network: Network, sides: Sides) -> None:
    """1. Reordering the state is following another hypothesis, as a search does."""
    examples = (example(5, 3, 1, sides), example(5, 3, 2, sides))
    batch = batch_of(examples[0], replace(examples[1], source=examples[0].source, copy=examples[0].copy))
    whole, _ = run(network, batch)
    memory = network.prepare(batch.source, batch.source_mask)
    _, state = network.decode(batch.target_in[:, :2], memory, network.start(memory))
    crossed = {name: part.index_select(0, torch.tensor([1, 0])) for name, part in state.items()}
    decoded, _ = network.decode(batch.target_in[:, 2:].flip(0), memory, crossed)
    close(decoded.hidden.flip(0), whole.hidden[:, 2:], EXACT, "hidden after the rows of the state were exchanged")


def padding(network: Network, sides: Sides) -> None:
    """2. Padding and the other rows of a batch change nothing; the weights of an attention are probabilities of real positions."""
    mine, other = example(5, 3, 1, sides), example(9, 13, 2, sides)
    alone, together = batch_of(mine), batch_of(other, mine)
    true((alone.source.shape[1], together.source.shape[1]) == (5, 9), "the batches are not as long as their sources")
    (decoded, said), (among, said_among) = run(network, alone), run(network, together)
    real = int(alone.target_mask.sum())
    if decoded.attention is not None:
        if among.attention is None:
            raise BrokenLawError("attention of a row beside a longer one: None; expected weights, as for the row alone")
        behind = among.attention[1, :, 5:]
        true(not behind.any(), f"attention to padding adds up to {float(behind.sum()):.1g}; expected 0, by the mask")
        close(among.attention[1, :real, :5], decoded.attention[0, :real, :5], EXACT, "attention of a row beside a longer one")
        sums = among.attention.sum(2)
        close(sums, torch.ones_like(sums), EXACT, "the sum of the attention over the source, 1,")
    close(among.hidden[1, :real], decoded.hidden[0, :real], EXACT, "hidden of a row beside a longer one")
    close(said_among[1, :real], said[0, :real], SINGLE, "what is said of a row beside a longer one")
    if not sides.target:
        close(said.exp().sum(2), torch.ones(said.shape[:2]), SINGLE, "the sum of the probabilities of symbols, 1,")


def later_targets(network: Network, sides: Sides, *, direct: bool = False) -> None:
    """3. The output at position t does not depend on targets at t or later; what comes later does, unless it is `direct`."""
    batch = batch_of(example(5, 7, 1, sides), example(2, 3, 2, sides))
    whole, _ = run(network, batch)
    for place in (0, 3):
        other = changed_later(batch, place)._replace(target_out=torch.zeros_like(batch.target_out))
        changed, _ = run(network, other)
        what = f"hidden up to position {place}, where targets after it are changed,"
        close(changed.hidden[:, : place + 1], whole.hidden[:, : place + 1], EXACT, what)
        moved = float((changed.hidden[:, place + 1] - whole.hidden[:, place + 1]).abs().max())
        true(direct or moved > 1e-4, f"hidden at position {place + 1} moves by {moved:.1g} where its input is changed; expected more")


def the_gradients(network: Network, sides: Sides) -> None:
    """4. Every parameter gets a gradient."""
    for seed in (1, 3):
        network(batch_of(example(5, 3, seed, sides), example(2, 7, seed + 1, sides))).loss.backward()
    for name, weight in network.named_parameters():
        if weight.grad is None:
            raise BrokenLawError(f"{name} gets no gradient; expected one for each parameter. Use it, or leave it out")
        true(bool(weight.grad.isfinite().all()), f"the gradient of {name} is not finite; expected numbers")
        most = float(weight.grad.abs().max())
        true(most > 1e-7, f"the gradient of {name} is {most:.1g}; expected more, since it changes nothing. Use it, or leave it out")


def learned_by_heart(network: Network, sides: Sides) -> None:
    """4. Eight examples can be learned by heart. `network`: without dropout."""
    batch = batch_of(*(example(2 + number % 5, 1 + number % 4, number, sides) for number in range(8)))
    optimizer, begin = Optimizer(network, AdamW()), float(network(batch).loss.detach())
    for number in range(150):
        if number % 10 == 9 and not sides.target:
            with torch.no_grad():
                counted = network(batch)
            if counted.correct == counted.count:
                break
        sums = network(batch)
        (sums.loss / sums.count).backward()
        optimizer.step(0.01)
        optimizer.forget_gradients()
    with torch.no_grad():
        sums = network.eval()(batch)
    if sides.target:
        true(
            bool(sums.loss < 0.05 * begin),
            f"the loss goes from {begin:.3g} to {float(sums.loss):.3g}; expected a twentieth",
        )
    else:
        true(
            bool(sums.correct == sums.count),
            f"{int(sums.correct)} of {int(sums.count)} symbols are learned; expected all",
        )


def saved_and_loaded(make: Callable[[int], Seq2Seq], sides: Sides, folder: Path) -> None:
    """5. Saved and loaded, a model gives the same output. `make`: of a seed."""
    network, other = make(1).eval(), make(2).eval()
    batch = batch_of(example(5, 3, 1, sides), example(2, 7, 2, sides))
    _, wanted = run(network, batch)
    true(not torch.equal(run(other, batch)[1], wanted), "two networks of other seeds say the same; expected other weights")
    write_tensors(folder / "model.safetensors", network.state_dict())
    load_weights(other, read_tensors(folder / "model.safetensors")[0], folder)
    true(torch.equal(run(other, batch)[1], wanted), "a network says something else once saved and loaded; register tensors as buffers")


def same_seed(make: Callable[[int], Seq2Seq], sides: Sides) -> None:
    """7. The same seed gives the same losses, and another seed others. `make`: of a seed, with dropout."""

    def losses(seed: int) -> list[float]:
        network = make(seed)
        optimizer, result = Optimizer(network, AdamW()), list[float]()
        for number in range(3):
            sums = network(batch_of(example(5, 3, number, sides), example(2, 7, number + 1, sides)), 0.5 if number else 1.0)
            sums.loss.backward()
            optimizer.step(0.001)
            optimizer.forget_gradients()
            result.append(float(sums.loss.detach()))
        return result

    first, again, other = losses(1), losses(1), losses(2)
    true(first == again, f"the losses of one seed are {first}, then {again}; expected the same. Draw by torch's generator alone")
    true(first != other, f"the losses of two seeds are both {first}; expected others")


def half_precision(network: Network, sides: Sides) -> None:
    """A step under bfloat16, in which many processors train, gives finite gradients near those of float32. `network`: without dropout."""
    batch = batch_of(example(5, 3, 1, sides), example(2, 7, 2, sides))
    single = network(batch).loss.detach()
    for forcing in (1.0, 0.5):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            sums = network(batch, forcing)
        true(sums.loss.dtype == torch.float32, f"the loss is {sums.loss.dtype}; expected float32")
        sums.loss.backward()
        wrong = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.isfinite().all()]
        true(not wrong, f"the gradient of {wrong} is none or not finite; expected numbers")
        if forcing == 1:  # bfloat16 has 8 bits: some parts in a thousand of a loss that sums a dozen symbols, more of squares over a spread
            allowed = (0.05 if sides.target else 0.02) * float(single.abs())
            close(sums.loss.detach(), single, allowed, "the loss in bfloat16")


def _shapes(tensors: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {tuple(part.shape)}" for name, part in tensors.items())
