"""How fast a network trains on this machine."""

from __future__ import annotations

from seqloom.config_file import override
from seqloom.corpus import Corpus, encode_rows
from seqloom.fields import Fields
from seqloom.plan import make_plan
from seqloom.trial import symbols_per_second


def test_a_narrow_network_is_found_to_train_faster_than_a_wide_one() -> None:
    pairs = [(f"{number:08}", f"{number:08}"[::-1]) for number in range(300)]
    plan = make_plan(pairs, settings=["training.threads=1"])
    fields = Fields.fit(plan.config.fields, plan.train, plan.names)
    corpus = Corpus.build(encode_rows(plan.train, fields, plan.config.data, copy=False, counts={}))
    speeds = [
        symbols_per_second(override(plan.config, [f"model.encoder.width={width}", f"model.decoder.width={width}"]), fields, corpus)
        for width in (16, 1024)
    ]
    assert speeds[0] > 5 * speeds[1] > 0, "about 1,000 times as many operations, so that no busy machine can hide it"
