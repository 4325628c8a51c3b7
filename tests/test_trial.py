"""How fast a network trains on this machine."""

from __future__ import annotations

import pytest
import torch

from seqloom.config import RunConfig
from seqloom.corpus import Corpus, encode_rows
from seqloom.fields.task import Fields
from seqloom.planning.plan import make_plan
from seqloom.settings import override
from seqloom.training.trial import Trials, symbols_per_second

Trial = tuple[RunConfig, Fields, Corpus]


@pytest.fixture
def trial() -> Trial:
    pairs = [(f"{number:08}", f"{number:08}"[::-1]) for number in range(300)]
    plan = make_plan(pairs, settings={"training.threads": 1, "training.device": "cpu"})
    fields = Fields.fit(plan.config.fields, plan.train, plan.names)
    return plan.config, fields, Corpus.build(encode_rows(plan.train, fields, plan.config.data, copy=False, counts={}))


def test_a_narrow_network_is_found_to_train_faster_than_a_wide_one(trial: Trial) -> None:
    config, fields, corpus = trial
    speeds = [
        symbols_per_second(override(config, {"model.encoder.width": width, "model.decoder.width": width}), fields, corpus)
        for width in (16, 1024)
    ]
    assert speeds[0] > 5 * speeds[1] > 0, "about 1,000 times as many operations, so that no busy machine can hide it"


def test_a_trial_on_fewer_threads_leaves_the_process_its_own(trial: Trial) -> None:
    config, fields, corpus = trial
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        symbols_per_second(config, fields, corpus)
        assert (config.training.threads, torch.get_num_threads()) == (1, 2)
    finally:
        torch.set_num_threads(before)


def test_what_does_not_fit_a_gpu_is_said_to_lack_memory(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("seqloom.training.learning.Learner.update", full)
    with pytest.raises(MemoryError, match=r"^CUDA out of memory$"):
        symbols_per_second(*trial)


def test_trials_end_with_their_time(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    config, fields, corpus = trial
    updates = list[object]()
    monkeypatch.setattr("seqloom.training.learning.Learner.update", lambda *_: updates.append(1))
    trials = Trials(fields, corpus, 1e-9)
    rate = trials(config)
    assert trials.fastest == trials.reached(config) == rate > 0
    assert len(updates) == 2, "of the first batch alone"
    with pytest.raises(TimeoutError):
        trials(config)
    assert Trials(fields, corpus, 0.0).reached(config) == 0
