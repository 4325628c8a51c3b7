"""The laws as a user tests her parts by them: what holds passes, and what does not is told with the law, the network and the shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from stage import parts_forgotten, shown

from seqloom.errors import ConfigError, PartError
from seqloom.nn.attention import ATTENTIONS
from seqloom.parts import load_parts
from seqloom.testing import BrokenLawError, check_attention, check_decoder, check_encoder

GATED, CONVOLUTIONS, WINDOW = (shown("own-parts.md", name) for name in ("gated.py", "convolutions.py", "window.py"))
OWN = ", ".join(ATTENTIONS)
"""The attentions of the package."""
FIRST = "in a network with recurrent encoder, recurrent decoder"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    with parts_forgotten():
        yield


def registered(folder: Path, text: str, *changes: tuple[str, str]) -> None:
    """A file with some of its text replaced, and what it registers."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    load_parts(path)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (GATED, lambda: check_attention("gated", width=5)),
        (CONVOLUTIONS, lambda: check_encoder("conv", layers=2)),
        (WINDOW, lambda: check_decoder("window")),
    ],
    ids=["attention", "encoder", "decoder"],
)
def test_the_parts_that_the_page_shows_obey_the_laws(text: str, check: Callable[[], None], tmp_path: Path):
    registered(tmp_path, text)
    check()


def test_parts_of_the_package_obey_the_laws():
    check_attention("additive", width=5, export=False)
    check_encoder("transformer", heads=4, export=False)


@pytest.mark.parametrize(
    ("changes", "law", "what"),
    [
        (
            [("masked_softmax(scores, mask.unsqueeze(1))", "scores.softmax(-1)")],
            "Padding and the other rows of a batch change nothing",
            "attention to padding adds up to",
        ),
        (
            [("torch.sigmoid(self.gate(query))", "torch.sigmoid(self.gate(query.mean(0, keepdim=True)))")],
            "Padding and the other rows of a batch change nothing",
            "hidden of a row beside a longer one differs by",
        ),
        (
            [(", weights\n", ", 2 * weights\n")],
            "Padding and the other rows of a batch change nothing",
            "the sum of the attention over the source, 1, differs by 1; expected at most 1e-10.",
        ),
        (
            [("torch.sigmoid(self.gate(query))", "torch.sigmoid(self.gate(query.flip(1)))")],
            "Stepping one token at a time equals decoding the whole target at once",
            "hidden at position 0 of a target that is stepped through differs by",
        ),
        (  # which begins as nothing
            [
                ("super().__init__()", "super().__init__()\n        self.late = torch.nn.Parameter(torch.zeros(1))"),
                ("torch.sigmoid(self.gate(query))", "torch.sigmoid(self.gate(query + self.late * query.flip(1)))"),
            ],
            "Stepping one token at a time equals decoding the whole target at once",
            "hidden at position 0 of a target that is stepped through differs by",
        ),
        (
            [(", bias=False", "")],
            "Every parameter gets a gradient",
            "the gradient of decoder.attention.keys.bias is",
        ),
        (
            [("torch.sigmoid(self.gate(query))", "1")],
            "Every parameter gets a gradient",
            "decoder.attention.gate.weight gets no gradient; expected one for each parameter. Use it, or leave it out.",
        ),
        (
            [("super().__init__()", "super().__init__()\n        self.scale = torch.rand(1)"), ("scores =", "scores = self.scale *")],
            "Saved and loaded, a model gives the same output",
            "a network says something else once saved and loaded; register tensors as buffers.",
        ),
        (
            [("weights = masked", "scores = scores + torch.zeros(5)\n        weights = masked")],
            "Padding and the other rows of a batch change nothing",
            "RuntimeError in mine.py:36: The size of tensor a (9) must match the size of tensor b (5)",
        ),
        (
            [("torch.sigmoid(self.gate(query))", "torch.special.i0e(self.gate(query))")],
            "The exported model gives the hypotheses of the trained one",
            "export: the network has an operator that ONNX lacks, aten::special_i0e; expected one of operator set 17. Compute it otherwise",
        ),
    ],
)
def test_a_law_that_does_not_hold_is_told_with_the_network_and_what_was_expected(
    changes: list[tuple[str, str]], law: str, what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    registered(tmp_path, GATED, *changes)
    with pytest.raises(BrokenLawError) as caught:
        check_attention("gated", width=5)
    message = str(caught.value)
    assert message.startswith(f"attention 'gated' {FIRST}: law '{law}")
    assert what in message
    assert "\n" not in message
    assert capfd.readouterr().out == "", "a page about the graph helps nobody"


def test_an_encoder_that_reads_padding_is_told(tmp_path: Path):
    registered(tmp_path, CONVOLUTIONS, ("self.enter(inputs) * real", "self.enter(inputs)"))
    with pytest.raises(BrokenLawError) as caught:
        check_encoder("conv")
    assert str(caught.value).startswith("encoder 'conv' in a network with recurrent decoder, no attention: law 'Padding and the other rows")


def test_a_decoder_that_keeps_its_past_on_itself_is_told(tmp_path: Path):
    """As one whose state does not go through the search would."""
    registered(
        tmp_path,
        WINDOW,
        ("seen = torch.cat([state", 'self.past = state["past"] if inputs.shape[1] > 1 else self.past\n        seen = torch.cat([state'),
        ('[state["past"].to', "[self.past.to"),
        ("self.dropout = nn", "self.past = torch.zeros(2, config.symbols - 1, inputs)\n        self.dropout = nn"),
    )
    with pytest.raises(BrokenLawError) as caught:
        check_decoder("window")
    assert "law 'Stepping one token at a time equals decoding the whole target at once" in str(caught.value)


def test_a_decoder_that_looks_at_the_source_by_itself_is_exported_too(tmp_path: Path):
    """As one does whose attention knows where it looked before: it reads the mask of its rows, and copies with its own weights."""
    registered(
        tmp_path,
        WINDOW,
        ("decoder, make_attention", "decoder, masked_softmax"),
        ("        self.attention = make_attention(attention, query=config.width, source=encoder)\n", ""),
        ("config.width + self.attention.context_width", "2 * config.width"),
        ("**self.attention.prepare(encoded.states, encoded.mask)", '"seen": self.first(encoded.states)'),
        (
            'context, weights = self.attention(query, memory, memory["mask"], need_attention)',
            'weights = masked_softmax(query @ memory["seen"].transpose(1, 2), memory["mask"].unsqueeze(1))\n'
            '        context = weights @ memory["seen"]',
        ),
    )
    check_decoder("window", attentions=["none"])


def test_an_attention_around_another_is_exported_too(tmp_path: Path):
    registered(
        tmp_path,
        GATED,
        ("attention, masked_softmax", "attention, make_attention"),
        ("import torch\n", "import torch\nfrom seqloom.config import AdditiveAttention\n"),
        (
            "self.keys = nn.Linear(source, config.width, bias=False)",
            "self.inner = make_attention(AdditiveAttention(width=config.width), query=config.width, source=source)",
        ),
        ('{"keys": self.keys(states), "values": states}', "self.inner.prepare(states, mask)"),
        ('        keys = memory["keys"]\n', ""),
        (
            "scores = self.query(query) @ keys.transpose(1, 2) / math.sqrt(keys.shape[2])  # (B, T, S)",
            "context, weights = self.inner(self.query(query), memory, mask, need_weights)",
        ),
        ("        weights = masked_softmax(scores, mask.unsqueeze(1))\n", ""),
        ('(weights @ memory["values"])', "context"),
    )
    check_attention("gated", width=5)


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("scores = self.query(query)", "scores = self.query(query).float()", "leave out .float()"),
        ("scores, mask.unsqueeze(1))", "scores.float(), mask.unsqueeze(1)).to(scores.dtype)", "float64 here; leave out .float()"),
        ("math.sqrt(keys.shape[2])", "math.sqrt(keys.shape[2]) @ torch.eye(keys.shape[1])", "with the dtype"),
        ("scores, mask.un", "scores.mean(1, keepdim=True).expand_as(scores), mask.un", "It looks at later positions, or keeps"),
    ],
    ids=["float", "rounded", "made", "ahead"],
)  # fmt: skip
def test_what_mends_it_is_told_where_a_law_does_not_hold(old: str, new: str, advice: str, tmp_path: Path):
    registered(tmp_path, GATED, (old, new))
    with pytest.raises(BrokenLawError) as caught:
        check_attention("gated", width=5)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("text", "change", "kind", "message"),
    [
        (
            CONVOLUTIONS,
            ("return Encoded(states, mask, {", "return Encoded(states[:, ::2], mask, {"),
            "encoder",
            "encoder 'conv': forward gives 3 states for 5 positions; expected one for each. Leave fewer to model.encoder.subsampling, "
            "which stands in front of every encoder.",
        ),
        (
            CONVOLUTIONS,
            ('"hidden": mean', '"hidden": mean.squeeze(1)'),
            "encoder",
            "encoder 'conv': forward gives final['hidden']: (2, 12); expected (B, L, width), which is (2, L, 12) here. Mend it.",
        ),
        (
            CONVOLUTIONS,
            ('{"hidden": mean}', "{}"),
            "encoder",
            "encoder 'conv': forward gives no final['hidden']; expected the last states (B, L, width) there. Add them.",
        ),
        (
            CONVOLUTIONS,
            ("return Encoded(states, mask, {", "return (states, mask, {"),
            "encoder",
            "encoder 'conv': forward gives a tuple; expected Encoded(states, mask, final). Mend it.",
        ),
        (
            WINDOW,
            ('{"mask": encoded.mask, ', "{"),
            "decoder",
            "decoder 'window': prepare gives no 'mask'; expected the mask of the states (B, S) under that name. Add encoded.mask.",
        ),
        (
            WINDOW,
            ('{"past": seen[:, length:]}', '{"passed": seen[:, length:]}'),
            "decoder",
            "decoder 'window': forward gives a state of passed; expected the names that start gives, past.",
        ),
        (
            WINDOW,
            ('return {"past": memory["whole"].new_zeros(memory["whole"].shape[0], self.symbols - 1, self.inputs)}', "return {}"),
            "decoder",
            "decoder 'window': start gives an empty state; expected one tensor or more, batch first, which a search reorders. Add one.",
        ),
        (
            WINDOW,
            ("Decoded(self.dropout(hidden), weights)", "self.dropout(hidden)"),
            "decoder",
            "decoder 'window': forward gives (2, 3, 8) first; expected Decoded(hidden, attention). Mend it.",
        ),
        (
            WINDOW,
            ("self.dropout(hidden), weights", "self.dropout(hidden)[:, -1], weights"),
            "decoder",
            "decoder 'window': forward gives hidden: (2, 8); expected (B, T, width), which is (2, 3, 8) here. Mend it.",
        ),
    ],
)
def test_a_part_that_does_not_keep_its_contract_is_told_with_the_shapes(
    text: str, change: tuple[str, str], kind: str, message: str, tmp_path: Path
):
    registered(tmp_path, text, change)
    with pytest.raises(PartError) as caught:
        check_encoder("conv") if kind == "encoder" else check_decoder("window")
    assert str(caught.value) == message


def test_a_kind_or_a_setting_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        check_attention("gated")
    assert str(caught.value) == (f"model.attention: no kind 'gated'; expected one of {OWN}. Import its file first.")
    registered(tmp_path, GATED)
    with pytest.raises(ConfigError) as caught:
        check_attention("gated", widht=3)
    assert str(caught.value) == "--set: unknown setting 'model.attention.widht'. Did you mean 'model.attention.width'?"


def test_checking_leaves_the_generator_and_the_threads_as_they_were(tmp_path: Path):
    registered(tmp_path, GATED)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    check_attention("gated", width=5, export=False)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
