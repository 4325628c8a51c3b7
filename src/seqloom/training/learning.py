"""One update of the weights: the network and its optimizer, on the device and in the precision of the config."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from seqloom.batching import Batch
from seqloom.checkpoint import load_weights
from seqloom.config import RunConfig
from seqloom.hardware import on_device, small_numbers_as_zero
from seqloom.nn.seq2seq import Side, make_network
from seqloom.tensors import to_tensors
from seqloom.training.optimizers import Optimizer

__all__ = ["Diverged", "Learner", "seed_first_weights"]

WEIGHTS = "weights."


class Diverged(ArithmeticError):
    """A loss or a gradient is no longer a number; says which and what it is."""


def seed_first_weights(seed: int) -> None:
    """Let what torch draws next depend on all of a seed; of one above 2**32 it would read the last 32 bits alone, on a processor."""
    torch.manual_seed(seed if seed < 2**32 else int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]))


class Learner:
    """A network that is being trained."""

    def __init__(self, config: RunConfig, source: Side, target: Side) -> None:
        """The first weights are drawn from the config's seed."""
        seed_first_weights(config.seed)
        self.seed, self.settings, self.target_size = config.seed, config.training, target.size
        self.device = torch.device(self.settings.device)
        self.network = on_device(make_network(config.model, source, target), self.device)
        self.optimizer = Optimizer(self.network, self.settings.optimizer)

    @small_numbers_as_zero()
    def update(self, batches: Sequence[Batch], number: int, rate: float, teacher_forcing: float) -> float:
        """Change the weights once, by the gradients of all the batches; gives the loss summed over their target symbols, in nats.

        What is drawn depends on the seed and on the update's `number` alone, so that a resumed run draws what an unbroken one does.

        Raises:
            Diverged: before the weights are touched.
        """
        torch.manual_seed(int(np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)[0]))
        symbols, loss = sum(batch.tokens for batch in batches), 0.0
        self.network.train()
        for batch in batches:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
                sums = self.network(to_tensors(batch, self.target_size, self.device), teacher_forcing)
            (sums.loss / symbols).backward()
            loss += float(sums.loss.detach())
        total = torch.nn.utils.get_total_norm([weight.grad for weight in self.network.parameters() if weight.grad is not None])
        norm = float(total)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise Diverged(f"the loss became {loss}" if not math.isfinite(loss) else f"the norm of the gradients became {norm}")
        if self.settings.clip_norm and norm > self.settings.clip_norm:
            torch.nn.utils.clip_grads_with_norm_(self.network.parameters(), self.settings.clip_norm, total)
        self.optimizer.step(rate)
        self.optimizer.forget_gradients()
        return loss

    @torch.inference_mode()
    def loss(self, batches: Iterable[Batch]) -> float:
        """Of a target symbol, in nats, without smoothing and with nothing dropped; the weights stay as they are."""
        self.network.eval()
        sums = [self.network(to_tensors(batch, self.target_size, self.device)) for batch in batches]
        self.network.train()
        return sum(float(part.nll) for part in sums) / max(sum(float(part.count) for part in sums), 1.0)

    def tensors(self) -> dict[str, Tensor]:
        """All that `restore` needs, by name."""
        weights = {f"{WEIGHTS}{name}": part for name, part in self.network.state_dict().items()}
        return weights | self.optimizer.tensors()

    def restore(self, tensors: dict[str, Tensor], where: str) -> None:
        """Go on from what `tensors` gave.

        Raises:
            CheckpointError: they are of another network or optimizer.
        """
        weights = {name.removeprefix(WEIGHTS): part for name, part in tensors.items() if name.startswith(WEIGHTS)}
        load_weights(self.network, weights, where)
        self.optimizer.restore(tensors)
