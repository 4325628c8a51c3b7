"""Parts of a user's: registered, configured, trained, loaded, exported; and each mistake told in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from stage import TINY, parts_forgotten, run, shown

import seqloom
from seqloom import parts
from seqloom.config import PARTS, RunConfig, TextField
from seqloom.config_file import dump_config, load_config
from seqloom.errors import ConfigError, MissingFileError, PartError
from seqloom.metrics import METRICS, is_perfect, score
from seqloom.nn.attention import ATTENTIONS, make_attention
from seqloom.parts import load_parts
from seqloom.settings import override, read_settings

OWN = ", ".join(ATTENTIONS)
"""The attentions of the package."""

GATED = '''
import math
from typing import Literal

import torch
from torch import nn

from seqloom.parts import Attention, AttentionSettings, Positive, attention, masked_softmax


class GatedSettings(AttentionSettings):
    """Dot products whose context passes a gate."""

    kind: Literal["gated"] = "gated"
    width: Positive = 64
    sharp: bool = False


@attention(GatedSettings)
class Gated(Attention):
    def __init__(self, config, query, source):
        super().__init__()
        self.context_width = source
        self.query = nn.Linear(query, config.width)
        self.keys = nn.Linear(source, config.width)
        self.gate = nn.Linear(query, source)

    def prepare(self, states, mask):
        return {"keys": self.keys(states), "values": states}

    def forward(self, query, memory, mask, need_weights=False):
        scores = self.query(query) @ memory["keys"].transpose(1, 2) / math.sqrt(memory["keys"].shape[2])
        weights = masked_softmax(scores, mask.unsqueeze(1))
        return torch.sigmoid(self.gate(query)) * (weights @ memory["values"]), weights
'''
ASKED = "model.attention.kind=gated"
PAIRS = [(f"{number} km", f"{number} kilometres") for number in range(1, 60)]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    with parts_forgotten():
        yield


def written(folder: Path, text: str = GATED, name: str = "gated.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, kind: type[Exception] = ConfigError) -> str:
    with pytest.raises(kind) as caught:
        load_parts(written(folder, text))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def forget() -> None:
    """What a program that was just started knows."""
    for kinds in PARTS.values():
        for kind in list(kinds.files):
            del kinds.files[kind], kinds.models[kind]


# ---------------------------------------------------------------------------------------------------------- the config


def test_a_kind_that_is_registered_is_a_kind_like_others(tmp_path: Path):
    load_parts(written(tmp_path))
    config = override(RunConfig(), read_settings(["model.attention.kind=additive", "model.attention.width=7", ASKED]))
    assert config.model.attention.model_dump() == {"kind": "gated", "width": 7, "sharp": False}
    back = override(override(config, {"model.attention.sharp": True}), {"model.attention.kind": "additive"})
    assert back.model.attention.model_dump() == {"kind": "additive", "width": 7}


def test_a_config_is_written_and_read_back_with_a_kind_of_ones_own(tmp_path: Path):
    load_parts(written(tmp_path))
    config = override(RunConfig(), read_settings([ASKED, "model.attention.width=5"]))
    (tmp_path / "run.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "run.yaml") == config


def test_a_kind_may_have_the_name_of_a_setting(tmp_path: Path):
    load_parts(written(tmp_path, GATED.replace('"gated"', '"width"')))
    with pytest.raises(ConfigError) as caught:
        override(RunConfig(), read_settings(["model.attention={kind: width, width: 0}"]))
    assert str(caught.value).startswith("--set: model.attention.width: Input should be greater than or equal to 1; got 0.")


def test_annotations_may_be_texts(tmp_path: Path):
    load_parts(written(tmp_path, "from __future__ import annotations\n" + GATED))
    assert override(RunConfig(), read_settings([ASKED])).model.attention.model_dump() == {"kind": "gated", "width": 64, "sharp": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model.attention.widht=3", "--set: unknown setting 'model.attention.widht'. Did you mean 'model.attention.width'?"),
        ("model.attention.width=0", "--set: model.attention.width: Input should be greater than or equal to 1; got 0."),
        (
            "model.attention.kind=gatde",
            f"--set: model.attention: no kind 'gatde'; expected one of {OWN}, gated. Did you mean "
            "'gated'? One of your own needs its file: --parts FILE, in Python an import. docs/config.md lists what is allowed.",
        ),
    ],
)
def test_what_a_kind_of_ones_own_does_not_know_is_refused(text: str, message: str, tmp_path: Path):
    load_parts(written(tmp_path))
    with pytest.raises(ConfigError) as caught:
        override(RunConfig(), read_settings([ASKED, text]))
    assert str(caught.value).startswith(message)


def test_the_page_of_settings_shows_what_the_package_has_alone(tmp_path: Path):
    from seqloom.reference import config_page

    before = config_page()
    load_parts(written(tmp_path))
    assert config_page() == before


# --------------------------------------------------------------------------------------------------------- registering


def changed(old: str, new: str) -> str:
    assert old in GATED
    return GATED.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "from .blocks import Block\n",
            "--parts gated.py: gated.py:1: ImportError: attempted relative import with no known parent package. Import what lies beside it "
            "without the dot.",
        ),
        (
            changed('"gated"', '"dot"'),
            "--parts gated.py: gated.py:19: GatedSettings: kind 'dot' is there already, one of Seqloom's own; expected one that is not: "
            f"{OWN}. Choose another name.",
        ),
        (
            changed('    kind: Literal["gated"] = "gated"\n', ""),
            "--parts gated.py: gated.py:18: GatedSettings: has no kind; expected a name of small letters, such as "
            'kind: Literal["gated"] = "gated". Add it.',
        ),
        (
            changed("width: Positive = 64", "width: Positive"),
            "--parts gated.py: gated.py:19: GatedSettings: width has no default; expected one for each setting, which --set may leave out. "
            "Give it one.",
        ),
        (
            changed("GatedSettings(AttentionSettings)", "GatedSettings"),
            "--parts gated.py: gated.py:19: GatedSettings: not settings for model.attention; expected class "
            "GatedSettings(AttentionSettings), with a kind. Mend it.",
        ),
        (
            changed("class Gated(Attention)", "class Gated(nn.Module)"),
            "--parts gated.py: gated.py:19: Gated: no Attention; expected class Gated(Attention), from seqloom.parts. Mend it.",
        ),
        (
            changed("def prepare", "def prepares"),
            "--parts gated.py: gated.py:19: Gated: no method prepare; expected prepare, forward, as every Attention has. Add it.",
        ),
        (changed("@attention(GatedSettings)", "1 / 0"), "--parts gated.py: gated.py:19: ZeroDivisionError: division by zero. Mend it."),
        (
            changed("import torch\n", "import torhc\n"),
            "--parts gated.py: gated.py:5: ModuleNotFoundError: No module named 'torhc'. Mend it.",
        ),
        (
            changed("context_width = source", "context_width = = source"),
            "--parts gated.py: gated.py:23: SyntaxError: invalid syntax. Mend it.",
        ),
        (
            "from __future__ import annotations\n" + changed("from typing import Literal", ""),
            "--parts gated.py: gated.py:20: PydanticUndefinedAnnotation: name 'Literal' is not defined. Mend it.",
        ),
        ("import sys\nsys.exit(3)\n", "--parts gated.py: gated.py:2: SystemExit: 3. Mend it."),
        (
            "import math\n",
            "--parts gated.py: registers no part; expected a class under @attention, @encoder or @decoder, or a function under @metric, "
            "of seqloom.parts.",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_in_one_line_with_its_place(text: str, message: str, tmp_path: Path):
    assert refusal(tmp_path, text) == message
    assert not PARTS["attention"].files


def test_a_file_that_is_none_is_refused(tmp_path: Path):
    written(tmp_path)
    for name, message in (
        ("gatd.py", "no such file. Did you mean 'gated.py'?"),
        ("", "no Python file; expected one that registers parts, such as gated.py. Give its name."),
    ):
        with pytest.raises((ConfigError, MissingFileError)) as caught:
            load_parts(tmp_path / name)
        assert str(caught.value) == f"--parts {tmp_path / name}: {message}"


def test_a_file_does_not_take_the_name_of_another_module(tmp_path: Path):
    for name in ("yaml", "turtledemo"):  # loaded, and there to be loaded
        with pytest.raises(ConfigError) as caught:
            load_parts(written(tmp_path, name=f"{name}.py"))
        expected = f"{name}.py: Python has a module {name!r} already; expected a name of its own. Rename the file."
        assert str(caught.value).endswith(expected)


def test_another_class_of_a_kind_that_a_user_has_is_refused(tmp_path: Path):
    load_parts(written(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_parts(written(tmp_path, name="other.py"))
    assert "GatedSettings: kind 'gated' is there already, GatedSettings of gated.py; expected one that is not" in str(caught.value)


def test_a_file_that_is_run_again_replaces_what_it_registered(tmp_path: Path):
    load_parts(written(tmp_path))
    load_parts(written(tmp_path, changed("width: Positive = 64", "width: Positive = 5")))
    assert override(RunConfig(), read_settings([ASKED])).model.attention.model_dump()["width"] == 5


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path):
    written(tmp_path, GATED, "gate_of_mine.py")
    load_parts(written(tmp_path, "import gate_of_mine\n", "all_of_mine.py"))
    assert PARTS["attention"].files == {"gated": "gate_of_mine.py"}


# ------------------------------------------------------------------------------------------------------- its contract


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            changed("mask.unsqueeze(1))", "mask.unsqueeze(1)).transpose(1, 2)").replace('(weights @ memory["values"])', "1"),
            "attention 'gated': forward gives weights: (2, 5, 3); expected (B, T, S), which is (2, 3, 5) here. Mend it.",
        ),
        (
            changed("self.gate = nn.Linear(query, source)", "self.gate = nn.Linear(query, 1)").replace('(weights @ memory["values"])', "1"),
            "attention 'gated': forward gives context: (2, 3, 1); expected (B, T, context_width), which is (2, 3, 7) here. Mend it.",
        ),
        (
            changed("self.gate = nn.Linear(query, source)", "self.gate = nn.Linear(source, query)"),
            "attention 'gated': forward was given query (2, 3, 4) and mask (2, 5) and raised RuntimeError in gated.py:34: mat1 and mat2 "
            "shapes cannot be multiplied (6x4 and 7x4). Mend it.",
        ),
        (
            changed("self.context_width = source", "pass"),
            "attention 'gated': context_width is None; expected a whole number, set in __init__. Set self.context_width.",
        ),
        (
            changed("(self, config, query, source)", "(self, config, query)"),
            "attention 'gated': __init__ was given config, query 4, source 7 and raised TypeError: Gated.__init__() takes 3 positional "
            "arguments but 4 were given. Mend it.",
        ),
        (
            changed('return {"keys": self.keys(states), "values": states}', "return self.keys(states)"),
            "attention 'gated': prepare gives (2, 5, 64); expected a dict of tensors, batch first. Mend it.",
        ),
        (
            changed('{"keys": self.keys(states)', '{"keys": self.keys(states).transpose(0, 1)'),
            "attention 'gated': prepare gives 'keys': (5, 2, 64); expected a tensor, batch first: (2, …). Mend it.",
        ),
        (
            changed('{"keys"', '{"mask"'),
            "attention 'gated': prepare gives 'mask', a name that others have; expected another, such as keys. Rename it.",
        ),
        (
            changed('memory["values"]), weights', 'memory["values"])'),
            "attention 'gated': forward gives (2, 3, 7); expected a tuple of context (B, T, E) and weights (B, T, S). Mend it.",
        ),
    ],
)
def test_a_broken_attention_is_told_when_it_is_made_with_the_shapes(text: str, message: str, tmp_path: Path):
    load_parts(written(tmp_path, text))
    with pytest.raises(PartError) as caught:
        make_attention(override(RunConfig(), read_settings([ASKED])).model.attention, query=4, source=7)
    assert str(caught.value) == message


def test_looking_at_a_part_changes_neither_the_generator_nor_its_mode(tmp_path: Path):
    load_parts(written(tmp_path, changed("weights = masked", "torch.rand(1)\n        weights = masked")))
    config = override(RunConfig(), read_settings([ASKED])).model.attention
    torch.manual_seed(1)
    made = make_attention(config, query=4, source=7)
    after = torch.rand(1)
    torch.manual_seed(1)
    sys.modules["gated"].Gated(config, 4, 7)
    assert torch.equal(after, torch.rand(1))
    assert made.training


# --------------------------------------------------------------------------------------------------------------- a run


def said(capsys: Any) -> str:
    return capsys.readouterr().err.strip()


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS))
    return tmp_path


SET = [word for setting in (*TINY, ASKED) for word in ("--set", setting)]


def test_a_file_of_parts_does_not_go_with_the_run_that_is_replaced(pairs: Path, capsys: Any):
    (pairs / "run" / "training").mkdir(parents=True)
    (pairs / "run" / "run.json").write_text("{}")
    file = written(pairs / "run" / "training")
    assert run("train", "pairs.tsv", "--out", "run", "--overwrite", "--parts", "run/training/gated.py", *SET) == 2
    refused = "error: --parts run/training/gated.py: lies in run, which training would replace. Choose another --out.\n"
    assert capsys.readouterr().err == refused
    assert file.read_text(encoding="utf-8") == GATED


def test_a_part_goes_from_training_to_an_exported_model_on_the_command_line(pairs: Path, capsys: Any):
    assert run("train", "pairs.tsv", "--out", "runs/pairs", "--parts", "gated.py", *SET) == 0
    assert "seqloom predict runs/pairs --parts gated.py '" in capsys.readouterr().out
    assert "kind: gated  # a part of gated.py\n" in (pairs / "runs/pairs/config.yaml").read_text()
    config = load_config("runs/pairs/config.yaml")
    assert config.model.attention.kind == "gated"
    with_it = ("--parts", "gated.py")
    for command in (
        ("predict", "runs/pairs", "7 km"),
        ("evaluate", "runs/pairs"),
        ("score", "runs/pairs", "pairs.tsv"),
        ("export", "runs/pairs", "--out", "dist", "--overwrite"),
    ):
        forget()
        assert run(*command) == 2
        assert said(capsys) == (
            f"error: runs/pairs/config.yaml: model.attention: no kind 'gated'; expected one of {OWN}. "
            "One of your own needs its file: --parts gated.py, in Python an import. docs/config.md lists what is allowed."
        )
        assert run(*command, *with_it) == 0, said(capsys)
        capsys.readouterr()
    forget()
    assert run("predict", "dist", "7 km") == 0
    assert run("predict", "dist", "7 km", *with_it) == 2
    assert said(capsys).endswith("error: --parts: of no effect, an exported model is whole. Leave it out.")


def test_a_run_that_was_stopped_goes_on_with_the_file_and_ends_alike(pairs: Path, capsys: Any):
    class Stop(seqloom.training.events.Silence):
        def updated(self, event: Any) -> None:
            if event.step == 5:
                raise KeyboardInterrupt

    load_parts("gated.py")
    whole = seqloom.train("pairs.tsv", out="runs/whole", settings=[*TINY, ASKED], quiet=True)
    with pytest.raises(KeyboardInterrupt):
        seqloom.train("pairs.tsv", out="runs/stopped", settings=[*TINY, ASKED], watcher=Stop())
    forget()
    assert run("resume", "runs/stopped") == 2
    assert "no kind 'gated'" in said(capsys)
    assert run("resume", "runs/stopped", "--parts", "gated.py", "--quiet") == 0
    again = seqloom.load("runs/stopped")
    for ours, theirs in zip(again.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_in_python_an_import_is_enough_and_a_run_never_loads_code(pairs: Path):
    program = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import seqloom
from seqloom import parts
from stage import TINY
try:
    seqloom.load("runs/pairs")
except seqloom.ConfigError as error:
    assert "--parts gated.py, in Python an import" in str(error), error
    assert "gated" not in sys.modules
else:
    import gated
    seqloom.train("pairs.tsv", out="runs/pairs", settings=[*TINY, "{ASKED}"], quiet=True)
    sys.exit(5)
import gated
print(seqloom.load("runs/pairs").predict(["3 km"]))
"""
    trained = program.replace('seqloom.load("runs/pairs")\nexcept', "pass\nexcept")
    assert subprocess.run([sys.executable, "-c", trained], cwd=pairs, check=False).returncode == 5
    subprocess.run([sys.executable, "-c", program], cwd=pairs, check=True)


def test_an_encoder_without_the_settings_of_the_usual_one_is_trained_and_exported(pairs: Path, capsys: Any):
    """Reasons of choices that it has no place for go with them."""
    text = shown("own-parts.md", "convolutions.py").replace("    layers: Positive = 3\n", "").replace("config.layers", "2")
    written(pairs, text, "convolutions.py")
    own = ("--parts", "convolutions.py")
    small = [word for setting in TINY if "encoder.layers" not in setting for word in ("--set", setting)]
    assert run("train", "--example", "reverse", "--out", "runs/own", *own, "--set", "model.encoder.kind=conv", *small) == 0, said(capsys)
    out = capsys.readouterr().out
    assert "model.encoder.layers" not in out
    assert "model.encoder.kind" in out
    assert run("export", "runs/own", "--out", "dist", *own) == 0, said(capsys)


def test_parts_of_ones_own_forecast_and_are_exported(pairs: Path, capsys: Any):
    for name in ("convolutions.py", "window.py"):
        written(pairs, shown("own-parts.md", name), name)
    own = ("--parts", "convolutions.py", "--parts", "window.py", "--parts", "gated.py")
    kinds = ("model.encoder.kind=conv", "model.decoder.kind=window", ASKED, "training.max_steps=3", "training.threads=1")
    assert run("train", "--example", "waves", "--out", "runs/waves", *own, *(word for kind in kinds for word in ("--set", kind))) == 0
    assert f"seqloom evaluate runs/waves {' '.join(own)} runs/waves/waves.csv" in capsys.readouterr().out
    assert run("export", "runs/waves", "--out", "dist", *own) == 0, said(capsys)
    forget()
    capsys.readouterr()
    assert run("evaluate", "runs/waves") == 2
    assert "model.encoder: no kind 'conv'" in said(capsys)


def test_runs_with_a_part_without_layers_are_joined(pairs: Path, capsys: Any):
    written(pairs, shown("own-parts.md", "window.py"), "window.py")
    own = ("--parts", "window.py")
    small = [word for setting in (*TINY, "model.decoder.kind=window") for word in ("--set", setting)]
    for seed in ("1", "2"):
        made = run("train", "pairs.tsv", "--dev", "pairs.tsv", "--out", f"runs/{seed}", *own, *small, "--set", f"seed={seed}", "--quiet")
        assert made == 0, said(capsys)
    capsys.readouterr()
    assert run("join", "runs/1", "runs/2", "--out", "runs/both", *own) == 0, said(capsys)
    assert "recurrent 1 × 8, window 8" in capsys.readouterr().out


def test_a_run_begins_with_another_that_has_a_part_of_ones_own(pairs: Path, capsys: Any):
    assert run("train", "pairs.tsv", "--out", "runs/first", "--parts", "gated.py", "--quiet", *SET) == 0
    small = ("--set", "training.max_steps=3", "--quiet")
    forget()
    assert run("train", "pairs.tsv", "--out", "runs/next", "--from", "runs/first", *small) == 2
    assert "runs/first/config.yaml: model.attention: no kind 'gated'" in said(capsys)
    assert run("train", "pairs.tsv", "--out", "runs/next", "--from", "runs/first", "--parts", "gated.py", *small) == 0, said(capsys)
    assert "kind: gated  # a part of gated.py" in (pairs / "runs/next/config.yaml").read_text()


def test_a_cell_of_a_notebook_that_is_run_again_replaces_its_part_and_is_told_without_a_file(tmp_path: Path):
    cell: dict[str, Any] = {"__name__": "cell_of_a_notebook"}
    for _ in range(2):
        exec(compile(GATED, "cell", "exec", dont_inherit=True), cell)
    config = override(RunConfig(), read_settings([ASKED]))
    assert type(config.model.attention) is cell["GatedSettings"]
    assert PARTS["attention"].note("gated") == "a part of your own"
    (tmp_path / "run.yaml").write_text(dump_config(config, {"model.attention.kind": "a part of your own"}))
    forget()
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "run.yaml")
    assert "no kind 'gated'" in str(caught.value)
    assert "One of your own needs its file: --parts FILE, in Python an import." in str(caught.value)


def test_a_broken_part_is_refused_before_a_run_is_written_or_replaced(pairs: Path, capsys: Any):
    assert run("train", "pairs.tsv", "--out", "runs/old", *SET[: 2 * len(TINY)]) == 0
    capsys.readouterr()
    written(
        pairs,
        changed("weights = masked", "weights = 0.5 * masked").replace(
            '@ memory["values"]), weights', '@ memory["values"])[..., 1:], weights'
        ),
    )
    for out, more in (("runs/new", ()), ("runs/old", ("--overwrite",))):
        assert run("train", "pairs.tsv", "--out", out, "--parts", "gated.py", *SET, *more) == 2
        assert "gated.py" in said(capsys)
    assert not (pairs / "runs/new").exists()
    assert run("predict", "runs/old", "7 km") == 0


@pytest.mark.parametrize(
    "asked", [("--set", ASKED), ("--set", ASKED, "--set", "model.decoder.kind=transformer")], ids=["recurrent", "transformer"]
)
def test_copying_by_an_attention_that_gives_no_weights_is_refused(asked: tuple[str, ...], pairs: Path, capsys: Any):
    written(pairs, changed('@ memory["values"]), weights', '@ memory["values"]), None'))
    tiny = SET[: 2 * len(TINY)]
    assert run("train", "pairs.tsv", "--out", "runs/new", "--parts", "gated.py", *tiny, *asked, "--set", "model.copy=true") == 2
    assert said(capsys).endswith(
        "error: model.copy: the attention gives no weights; expected some (B, T, S), by which a pointer copies. "
        "Give them in forward, or set model.copy=false."
    )
    assert not (pairs / "runs/new").exists()


def test_what_a_part_raises_in_a_prediction_is_told_with_its_line(pairs: Path, capsys: Any):
    """As a table of 20 places does at a source of 30."""
    text = changed("self.gate =", "self.places = nn.Parameter(torch.zeros(20))\n        self.gate =")
    text = text.replace("masked_softmax(scores,", "masked_softmax(scores + self.places[: scores.shape[2]],")
    written(pairs, text)
    line = next(number for number, said in enumerate(text.splitlines(), 1) if "self.places[" in said)
    assert run("train", "pairs.tsv", "--out", "runs/new", "--parts", "gated.py", *SET) == 0
    capsys.readouterr()
    assert run("predict", "runs/new", "7" * 30, "--parts", "gated.py") == 2
    message = said(capsys)
    assert message.startswith(f"error: --parts: gated.py:{line}: RuntimeError: The size of tensor a (31) must match")
    assert "This was not foreseen" not in message


LOOP = """
def later(states):
    kept = [states[:, 0]]
    for place in range(1, states.shape[1]):
        kept.append(torch.tanh(kept[-1] + states[:, place]))
    return torch.stack(kept, 1)


@attention"""


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
@pytest.mark.parametrize(("script", "code"), [("", 2), ("@torch.jit.script\n", 0)], ids=["plain", "script"])
def test_a_loop_over_the_source_is_exported_as_a_function_under_script_alone(script: str, code: int, pairs: Path, capsys: Any):
    written(
        pairs,
        changed("\n@attention", LOOP.replace("def later", f"{script}def later")).replace("self.keys(states)", "later(self.keys(states))"),
    )
    assert run("train", "pairs.tsv", "--out", "runs/new", "--parts", "gated.py", *SET) == 0
    capsys.readouterr()
    assert run("export", "runs/new", "--parts", "gated.py", "--out", "dist/new") == code
    assert (pairs / "dist/new").exists() == (code == 0)
    if code:
        message = said(capsys)
        assert "@torch.jit.script" in message
        assert "\n" not in message, "onnxruntime would tell it three times"


VOWELS = """
from seqloom.parts import metric


@metric("vowels")
def vowels(predictions, references):
    pairs = zip(predictions, references)
    return sum(any(said.count("a") == right.count("a") for right in several) for said, several in pairs) / len(predictions)
"""


def test_a_metric_of_ones_own_is_printed_and_chooses_the_weights(pairs: Path, capsys: Any):
    (pairs / "vowels.py").write_text(VOWELS, encoding="utf-8")
    watched = ("--set", "training.early_stopping.metric=vowels")
    tiny = [part for setting in TINY for part in ("--set", setting)]
    assert run("train", "pairs.tsv", "--out", "runs/vowels", *tiny, *watched) == 2
    assert "or give the file of your own with --parts." in said(capsys)
    assert run("train", "pairs.tsv", "--out", "runs/vowels", "--parts", "vowels.py", *tiny, *watched) == 0
    assert "  vowels " in capsys.readouterr().out
    assert run("evaluate", "runs/vowels", "--parts", "vowels.py", "--json") == 0
    assert '"vowels"' in capsys.readouterr().out
    del METRICS["vowels"]
    assert run("evaluate", "runs/vowels", "--json") == 0
    assert '"vowels"' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('@metric("bleu")\ndef own(said, right): return 1.0', "metric 'bleu' is there already, one of Seqloom's own. Choose another name."),
        (
            '@metric("my f1")\ndef own(said, right): return 1.0',
            "metric 'my f1': no name; expected letters, digits and _, such as f1. Choose another.",
        ),
    ],
)
def test_a_metric_that_cannot_be_registered_is_told(text: str, message: str, tmp_path: Path):
    (tmp_path / "own_metric.py").write_text(f"from seqloom.parts import metric\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_parts(tmp_path / "own_metric.py")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "metric 'own': KeyError: 'x'. Mend it."),
        ("return 'much'", "metric 'own': gave 'much'; expected a number. Mend it."),
    ],
)
def test_a_metric_that_says_no_number_is_told(body: str, message: str, tmp_path: Path):
    (tmp_path / "own_metric.py").write_text(
        f'from seqloom.parts import metric\n@metric("own", higher_is_better=False)\ndef own(said, right):\n    {body}\n', encoding="utf-8"
    )
    load_parts(tmp_path / "own_metric.py")
    assert not METRICS["own"].higher_is_better
    assert not is_perfect("own", 0.0)
    with pytest.raises(PartError, match=f"^{re.escape(message)}$"):
        score(["own"], ["a"], ["b"], TextField())


@pytest.mark.parametrize(("part", "base"), [("attention", "Attention"), ("encoder", "Encoder"), ("decoder", "Decoder")])
def test_a_decorator_of_a_part_without_its_settings_is_refused(part: str, base: str) -> None:
    bare: Any = getattr(parts, part)
    message = f"@{part}: Mine in place of its settings; expected their class, as in @{part}(MySettings). Give it one."
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        bare(type("Mine", (getattr(parts, base),), {}))
    with pytest.raises(ConfigError, match=f"^@{part}: None in place of its settings"):
        bare(None)


def test_a_metric_without_a_name_is_refused() -> None:
    bare: Any = parts.metric

    def f1(predictions: list[str], references: list[list[str]]) -> float:
        return 1.0

    with pytest.raises(ConfigError, match=r'^@metric: f1 in place of a name; expected one, as in @metric\("f1"\)\. Give it one\.$'):
        bare(f1)
