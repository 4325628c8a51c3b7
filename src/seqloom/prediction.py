"""The only place where a torch model meets search: predict, score given targets, measure."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from seqloom import metrics
from seqloom.answers import Answerer, Prediction, Questions, check_attention
from seqloom.batching import Batch, pad
from seqloom.config import BatchConfig, DataConfig, SearchConfig
from seqloom.corpus import Corpus, encode_rows
from seqloom.ctc import PrefixScorer, with_ctc
from seqloom.data.rows import Row
from seqloom.fields.task import Fields
from seqloom.hardware import on_device, usual_torch
from seqloom.measuring import measured
from seqloom.nn.decoders import Decoded, Memory, State
from seqloom.nn.heads import Pointer
from seqloom.nn.seq2seq import Network, TensorBatch, answering
from seqloom.search import Floats, Hypothesis, Ids, Stepped, search
from seqloom.tensors import to_tensors

__all__ = ["Translator", "inference_copy"]

BATCH_TOKENS = 8192
"""Padded states of the source × hypotheses in one search."""


class Translator:
    """A network, its fields and its search, ready to answer. The network is used as it is and put into evaluation mode; one that is put
    back into training mode answers all the same with nothing dropped, and stays in it.
    """

    def __init__(
        self,
        network: Network,
        fields: Fields,
        config: SearchConfig,
        data: DataConfig,
        device: str = "cpu",
        enough: Callable[[Row], int] | None = None,
    ) -> None:
        """`enough`: see `Answerer`."""
        self.network = on_device(network, device).eval()
        self.fields = fields
        self.config = config
        self.data = data
        self.device = torch.device(device)
        self.enough = enough
        self.batch_tokens = BATCH_TOKENS * network.stride

    @property
    def points(self) -> bool:
        """Whether the network copies source symbols."""
        return self.network.head.points

    @property
    def stride(self) -> int:
        """Source positions a state of the encoder."""
        return self.network.stride

    @property
    def attends(self) -> bool:
        """Whether the model says where it looks."""
        return self.network.attends

    def predict(
        self,
        rows: Iterable[Row],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        replace_unknown: bool = False,
        keep_attention: bool = False,
    ) -> Iterator[Prediction]:
        """Answers to the sources of rows, in their order, as a stream: see `Answerer.answers`."""
        answerer = Answerer(self.fields, self.data, self.config, self, self.enough)
        return answerer.answers(rows, config, prefix=prefix, replace_unknown=replace_unknown, keep_attention=keep_attention)

    @usual_torch()
    @torch.inference_mode()
    def find(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> list[list[Hypothesis]]:
        """See `seqloom.answers.Finder`."""
        with answering(self.network):
            return self._find(questions, config, keep_attention)

    def _find(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> list[list[Hypothesis]]:
        source, mask = (torch.from_numpy(part).to(self.device) for part in pad(questions.sources))
        pointer = None
        if questions.copy_ids is not None:
            ids, _ = pad(questions.copy_ids, fill=-1)
            pointer = Pointer(torch.from_numpy(ids).to(self.device), max(len(extra) for extra in questions.extra))
        memory, vocabulary = self.network.prepare(source, mask), self.fields.target.size + (pointer.extra if pointer else 0)
        ctc = memory.pop("ctc", None)
        stepper = TorchStepper(self.network, memory, pointer, keep_attention or config.coverage_penalty > 0)
        scores = None if ctc is None else PrefixScorer(ctc.cpu().numpy(), memory["mask"].cpu().numpy())
        return search(
            with_ctc(stepper, scores, config, vocabulary),
            config,
            questions.max_lengths,
            vocabulary=vocabulary,
            prefixes=questions.prefixes,
            sentence_numbers=questions.numbers,
            keep_attention=keep_attention,
            never=self.fields.never,
        )

    # ------------------------------------------------------------------------------------------------ given targets

    @usual_torch()
    @torch.inference_mode()
    def score(self, rows: Sequence[Row]) -> list[list[float]]:
        """The log-probability in nats of each symbol of each row's target, </s> last, as the model gives it.

        Sources are cut where the model cuts them; targets are whole: the probability of a cut one would be that of another.
        """
        copy_ids = self.network.head.points
        cuts = self.data.too_long == "cut"
        whole = self.data.model_copy(update={"max_target_length": sys.maxsize} if cuts else {"too_long": "error"})
        corpus = Corpus.build(encode_rows(rows, self.fields, whole, copy=copy_ids))
        result: list[list[float]] = [[] for _ in rows]
        for batch in _length_batches(corpus, self.batch_tokens):
            with answering(self.network):
                wanted = self._said(to_tensors(batch, self.fields.target.size, self.device)).cpu().numpy()
            for row, place in enumerate(batch.index):
                result[place] = wanted[row, : int(batch.target_mask[row].sum())].tolist()
        return result

    def _said(self, batch: TensorBatch) -> Tensor:
        """The log-probabilities (B, T) of the target's symbols."""
        memory = self.network.prepare(batch.source, batch.source_mask)
        decoded, _ = self.network.decode(batch.target_in, memory, self.network.start(memory))
        return self.network.head.log_probs(decoded, batch.pointer).gather(2, batch.target_out.unsqueeze(2)).squeeze(2)

    @usual_torch()
    @torch.inference_mode()
    def losses(self, corpus: Corpus) -> dict[str, float]:
        """With the true symbols before each: `loss` (cross-entropy a symbol, nats), `perplexity` and `teacher_forced_accuracy`."""
        nll = correct = count = 0.0
        for batch in _length_batches(corpus, self.batch_tokens):
            with answering(self.network):
                sums = self.network(to_tensors(batch, self.fields.target.size, self.device))
            nll, correct, count = nll + float(sums.nll), correct + float(sums.correct), count + float(sums.count)
        loss = nll / max(count, 1.0)
        return {"loss": loss, "perplexity": math.exp(min(loss, 700.0)), "teacher_forced_accuracy": correct / max(count, 1.0)}

    def evaluate(
        self, rows: Sequence[Row], config: SearchConfig | None = None, *, also: str = "loss", any_target: bool = False
    ) -> tuple[dict[str, float], list[Prediction]]:
        """Every metric that fits the target, by name, and the predictions.

        Args:
            also: a metric that is measured whether it fits or not.
            any_target: rows of one source are one question, right by any of their targets; its answer stands where the first of them does.

        Raises:
            DataError: there are no rows.
            ConfigError: the search needs an attention that is not there.
        """
        check_attention(config or self.config, attends=self.attends)
        corpus = Corpus.build(encode_rows(rows, self.fields, self.data, copy=self.points))
        values, predictions = measured(self.fields, rows, lambda asked: self.predict(asked, config), also, any_target=any_target)
        values |= self.losses(corpus)
        if any_target:
            return values, predictions
        return values | {"free_running_accuracy": self._free_running_accuracy(rows, predictions, corpus)}, predictions

    def _free_running_accuracy(self, rows: Sequence[Row], predictions: Sequence[Prediction], corpus: Corpus) -> float:
        """What `teacher_forced_accuracy` counts, in the same symbols, of what the model says without the true ones."""
        said = [prediction.outputs[0].tokens if prediction.outputs else [] for prediction in predictions]
        extra = [self.fields.copy_ids(row.source)[1] if self.points else [] for row in rows]
        true = [self.fields.target.to_symbols(example.target, symbols) for example, symbols in zip(corpus, extra, strict=True)]
        return metrics.position_accuracy(said, true)


class TorchStepper:
    """`seqloom.search.Stepper` over the network: keeps the state of N rows between the steps."""

    def __init__(self, network: Network, memory: Memory, pointer: Pointer | None, need_attention: bool) -> None:
        self.network = network
        self.memory = memory
        self.device = memory["mask"].device
        self.pointer = pointer
        self.need_attention = need_attention
        self.state: State = network.start(memory)
        self.sentences: Ids = np.arange(len(memory["mask"]))
        """(N,): of each row."""

    def step(self, tokens: Ids, parents: Ids, k: int, wanted: Ids) -> Stepped:
        """See `seqloom.search.Stepper`."""
        self._follow(parents)
        inputs = torch.from_numpy(tokens).to(self.device).unsqueeze(1)
        decoded, self.state = self.network.decode(inputs, self.memory, self.state, self.need_attention)
        log_probs = self.network.head.log_probs(decoded, self.pointer).squeeze(1)  # (N, V)
        best, ids = log_probs.topk(k, dim=1)
        asked = log_probs.gather(1, torch.from_numpy(wanted).to(self.device).unsqueeze(1)).squeeze(1)
        attention, copying = self._attention(decoded.attention), self._copying(decoded)
        return Stepped(best.cpu().numpy(), ids.cpu().numpy(), asked.cpu().numpy(), attention, copying)

    def _follow(self, parents: Ids) -> None:
        """Reorder the state; the memory is the same for all rows of a sentence, so only rows of other sentences touch it."""
        places, sentences = torch.from_numpy(parents).to(self.device), self.sentences[parents]
        self.state = {name: part.index_select(0, places) for name, part in self.state.items()}
        if not np.array_equal(sentences, self.sentences):
            self.memory = {name: part.index_select(0, places) for name, part in self.memory.items()}
            if self.pointer is not None:
                self.pointer = Pointer(self.pointer.copy_ids.index_select(0, places), self.pointer.extra)
        self.sentences = sentences

    def _attention(self, weights: Tensor | None) -> Floats | None:
        """(N, S) in float32: positive at real positions, zero at padding."""
        if weights is None or not self.need_attention:
            return None
        return (weights.squeeze(1).float().clamp(min=1e-9) * self.memory["mask"]).cpu().numpy()

    def _copying(self, decoded: Decoded) -> Floats | None:
        """(N, S) in float32, for a model that copies."""
        if self.pointer is None or not self.need_attention:
            return None
        return self.network.head.copying(decoded, self.pointer).squeeze(1).cpu().numpy()


def inference_copy(network: Network, precision: str) -> Network:
    """The network to decode with in training: itself in float32, and on a GPU, whose kernel would pack weights in bfloat16 anew each time;
    else a copy with all weights in bfloat16.
    """
    on_processor = next(network.parameters()).device.type == "cpu"
    return copy.deepcopy(network).to(torch.bfloat16) if precision == "bfloat16" and on_processor else network


def _length_batches(corpus: Corpus, size: int) -> Iterator[Batch]:
    for index in corpus.batches(BatchConfig(size=size), seed=0, epoch=0):
        yield corpus.batch(index)
