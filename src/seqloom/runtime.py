"""Exported models: the graph that holds encoder, decoder and beam search, run by onnxruntime. No torch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from seqloom.answers import Questions
from seqloom.batching import pad
from seqloom.config import SearchConfig
from seqloom.ctc import check_ctc
from seqloom.errors import CheckpointError, ConfigError
from seqloom.fields.task import Fields
from seqloom.manifest import AGAIN, Manifest, read_manifest
from seqloom.measuring import Measurable, Sources
from seqloom.quiet_onnxruntime import onnxruntime
from seqloom.search import Hypothesis
from seqloom.stopping import stoppable

if TYPE_CHECKING:
    from seqloom.data.memory import Given, Targets

__all__ = ["Graph", "Predictor", "fields_of", "open_session", "refuse_another", "run_session"]

Restored = TypeVar("Restored")

ELSEWHERE, LENGTH_ENDS = b"location", (8, 0)
"""How the name of a file with a tensor's data begins in a graph: the key, behind the last byte of its length (a varint of any form)."""
BATCH_TOKENS = 2048
"""Padded states of the source × hypotheses in one run of the graph."""


class Predictor(Measurable):
    """An exported model, ready to answer; may be used by several threads at once."""

    def __init__(self, path: Path, manifest: Manifest, fields: Fields, graph: Graph) -> None:
        super().__init__(fields, manifest.data, manifest.search, graph)
        self.path = path
        self.manifest = manifest
        self.graph = graph

    @classmethod
    def load(cls, path: str | Path, *, threads: int | None = None) -> Predictor:
        """The model in an exported folder, on so many threads; without a number on those of OMP_NUM_THREADS, else on all cores.

        Raises:
            CheckpointError: not an exported folder, damaged, or of another format.
        """
        folder = Path(path)
        manifest, contents = read_manifest(folder)
        fields = fields_of(folder, contents, Fields.from_state)
        graph = Graph(contents["model.onnx"], threads, where=folder / "model.onnx")
        refuse_another(folder, manifest, contents, graph.session)
        return cls(folder, manifest, fields, graph)

    def evaluate(
        self,
        pairs: Given,
        targets: Targets | None = None,
        *,
        source: Sources = None,
        target: str | int | None = None,
        any_target: bool = False,
        skip_bad: bool | None = None,
        **search: Any,
    ) -> dict[str, float]:
        """Every metric of the answers that fits the target, by name, on a file, on pairs or on two lists; as of a trained model, without
        what asks for the probability of a given target.

        Args:
            source, target: columns of the file or table, where they are not those of training.
            any_target: pairs of one source are one question, right by any of their targets.
            skip_bad: go on without pairs that lack a side or are too long, which a UserWarning counts; without, as in training.
        """
        rows = self.rows(pairs, targets, source=source, target=target, skip_bad=skip_bad)
        return self.measured(rows, self.search(**search), any_target=any_target)[0]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "score":
                what = "an exported model has no score: its graph says how probable its own answers are, not given ones"
                raise AttributeError(f"{self.path}: {what}. Score with the run that it was made from.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Graph:
    """`seqloom.answers.Finder` over an exported graph."""

    def __init__(self, model: bytes, threads: int | None = None, *, where: Path | str = "model.onnx") -> None:
        self.session = open_session(model, threads, where)
        inputs = {part.name for part in self.session.get_inputs()}
        self.points, self.hears = "copy_ids" in inputs, "ctc_weight" in inputs
        self.stride = int(self.session.get_modelmeta().custom_metadata_map.get("seqloom.stride", 1))
        self.batch_tokens = BATCH_TOKENS * self.stride
        self.attends = "attention" in {part.name for part in self.session.get_outputs()}

    def find(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> list[list[Hypothesis]]:
        """See `seqloom.answers.Finder`."""
        if config.kind == "sample":
            raise ConfigError("search.kind: an exported model does not sample; expected beam or greedy. Sample with the run it came from.")
        if config.no_repeat_ngram:
            raise ConfigError("search.no_repeat_ngram: an exported model does not know it; expected 0. Set it to 0, or ask the run.")
        check_ctc(config, self.hears)
        keep_attention = keep_attention and self.attends
        names = ["ids", "lengths", "scores", "token_log_probs", *(["attention"] if keep_attention else [])]
        ids, lengths, scores, log_probs, *attention = run_session(self.session, names, self._inputs(questions, config, keep_attention))
        return [
            [
                Hypothesis(
                    ids=ids[row, rank, : length - 1].tolist(),
                    score=float(scores[row, rank]),
                    log_prob=float(log_probs[row, rank, :length].sum()),
                    token_log_probs=log_probs[row, rank, :length].tolist(),
                    cut=length > longest,
                    attention=attention[0][row, rank, :length] if attention else None,
                )
                for rank, length in enumerate(found)
                if length
            ]
            for row, (found, longest) in enumerate(zip(lengths.tolist(), questions.max_lengths, strict=True))
        ]

    def _inputs(self, questions: Questions, config: SearchConfig, keep_attention: bool) -> dict[str, np.ndarray[Any, Any]]:
        source, mask = pad(questions.sources)
        inputs = {
            "source": source,
            "source_lengths": mask.sum(1),
            "beam": np.array(config.rows),
            "max_lengths": np.array(questions.max_lengths),
            "min_length": np.array(config.min_length),
            "length_penalty": np.array(config.length_penalty, np.float32),
            "coverage_penalty": np.array(config.coverage_penalty, np.float32),
            "prefix": _prefixes(questions),
            "want_attention": np.array(keep_attention),
        }
        if questions.copy_ids is not None:
            inputs["copy_ids"] = pad(questions.copy_ids, fill=-1)[0]
        if self.hears:
            inputs["ctc_weight"] = np.array(config.ctc_weight, np.float32)
        return inputs


def fields_of(folder: Path, contents: Mapping[str, bytes], from_state: Callable[[object], Restored]) -> Restored:
    """The fields of an exported folder.

    Raises:
        CheckpointError: no JSON, or not the state of such fields; names the file.
    """
    try:
        return from_state(json.loads(contents["fields.json"]))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / 'fields.json'}: {error}") from None


def refuse_another(folder: Path, manifest: Manifest, contents: Mapping[str, bytes], session: Any) -> None:
    """Make sure that the graph is of the model that the files beside it describe, by what it carries of them itself.

    Raises:
        CheckpointError: its fields, or its settings of search, data or head, are others; names the first.
    """
    carried: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    beside = {"fields": ("fields.json", json.loads(contents["fields.json"]))}
    beside |= {name: ("manifest.json", getattr(manifest, name).model_dump(mode="json")) for name in ("search", "data", "head")}
    for name, (file, said) in beside.items():
        if not _is_alike(carried.get(f"seqloom.{name}", "{}"), said, whole=name == "fields"):
            what = f"carries other {name} than {file} says; expected the files of one model"
            raise CheckpointError(f"{folder / 'model.onnx'}: {what}. {AGAIN}")


def _is_alike(carried: str, said: Any, *, whole: bool) -> bool:
    """Whether a graph carries what a file says; of settings, those that are newer than the graph may be missing."""
    try:
        told = json.loads(carried)
    except (ValueError, RecursionError):
        return False
    if not whole and isinstance(told, dict):
        told = said | told
    return told == said or json.dumps(told, sort_keys=True) == json.dumps(said, sort_keys=True)  # where NaN is NaN


def open_session(model: bytes, threads: int | None, where: Path | str) -> Any:
    """A session of onnxruntime over a graph.

    Raises:
        CheckpointError: it cannot be loaded, or would have onnxruntime read other files, such as those of whoever runs it.
    """
    if _names_a_file(model):
        raise CheckpointError(f"{where}: names another file for its data; expected all of it in this one. {AGAIN}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _threads_of_openmp()
    options.log_severity_level = 4  # errors are raised, and so told once
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait would starve others
    options.add_session_config_entry("session.load_model_format", "ONNX")  # no other is looked through for files that it names
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common ancestor
        raise CheckpointError(f"{where}: onnxruntime cannot load it ({' '.join(str(error).split())[:200]}). {AGAIN}") from None


def run_session(session: Any, names: Sequence[str], inputs: Mapping[str, np.ndarray[Any, Any]]) -> list[Any]:
    """The outputs of these names. A run that is under a `stopping.Stop` ends between two nodes, those inside its loops too.

    Raises:
        Stopped: the stop was said.
    """
    options = onnxruntime.RunOptions()

    def end() -> None:
        options.terminate = True

    with stoppable(end):
        return session.run(names, inputs, options)


def _names_a_file(model: bytes) -> bool:
    """Whether a graph has a tensor whose data stands in a file. One search for the key alone takes half the time of two with its length."""
    place = model.find(ELSEWHERE, 1)
    while place > 0 and model[place - 1] not in LENGTH_ENDS:
        place = model.find(ELSEWHERE, place + 1)
    return place > 0


def _threads_of_openmp() -> int:
    """The first of the numbers in OMP_NUM_THREADS, which may be several (`4,2`); 0 without one."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def _prefixes(questions: Questions) -> np.ndarray[Any, Any]:
    """(B, P) int64, 0 where there is none."""
    if questions.prefixes is None:
        return np.zeros((len(questions.sources), 0), np.int64)
    return pad([np.asarray(prefix, np.int64) for prefix in questions.prefixes])[0]
