"""Who may import whom: read from the imports of every module, and from what a fresh interpreter has loaded."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import seqloom

PACKAGE = Path(seqloom.__file__).parent


@dataclass(frozen=True)
class Room:
    """Modules that stand together; they may import each other (not in a circle) and the rooms named in `knows`."""

    modules: frozenset[str]
    knows: tuple[str, ...]
    torch: bool = False


def room(modules: str, knows: str = "", *, torch: bool = False) -> Room:
    return Room(frozenset(_named(modules)), tuple(knows.split()), torch)


def _named(modules: str) -> Iterator[str]:
    """`errors data: rows pairs` → errors, data.rows, data.pairs."""
    package = ""
    for word in modules.split():
        if word.endswith(":"):
            package = f"{word[:-1]}."
        else:
            yield f"{package}{word}"


# The picture of docs/architecture.md: change both in one commit.
PICTURE = {
    "errors": room("data fields numbers planning sound training errors files claims installed stopping threads version"),
    "config": room(
        "config config.base config.fields config.kinds config.model config.numbers config.training settings config_file", "errors"
    ),
    "data": room(
        "metrics examples "
        "data: pairs rows sources source_files memory memory_rows tabular kept keyed lines tables layout column_roles marks "
        "header nested languages "
        "sound: clips narrowness audio augment sounds samples field text tones "
        "fields: pieces units vocabulary vocabulary_file protobuf subwords ready_model columns text task vectors ready frame_text frames "
        "moses "
        "training: health "
        "planning: sides "
        "numbers: clock dates spelling panel scaling spread fields accuracy distributions waves date_columns steps wide sentinels",
        "errors config",
    ),
    "plan": room(
        "corpus batching search ctc unseen "
        "planning: selection profile measured_targets oddities relation base autoconfig asked giving_way plan pace "
        "sound: autosound "
        "numbers: autoarray rollout pairs baselines straight_line windows array_pairs array_plan choices plan "
        "training: schedules events progress summary",
        "errors config data",
    ),
    "answers": room("answers cuts measuring numbers: answers", "errors config data plan"),
    "runtime": room(
        "runtime exported manifest page site onnxruntime_web quiet_onnxruntime numbers: runtime", "errors config data plan answers"
    ),
    "server": room(
        "server server.access server.answering server.app server.batcher server.forecasts server.limits server.meters "
        "server.models server.pages server.process server.refusals server.sources server.wire",
        "errors config data plan answers runtime",
    ),
    "nn.layers": room("nn.layers nn.dropout nn.products nn.cross_entropy nn.ctc nn.subsampling", "errors config", torch=True),
    "nn.attention": room("nn.attention", "errors config nn.layers", torch=True),
    "nn.encoders": room("nn.encoders", "errors config nn.layers nn.attention", torch=True),
    "nn.decoders": room("nn.decoders", "errors config nn.layers nn.attention nn.encoders", torch=True),  # what an encoder gives, never how
    "nn.heads": room("nn.heads nn.frame_heads", "errors config nn.layers nn.attention nn.encoders nn.decoders", torch=True),
    "parts": room("parts nn.contract", "errors config data nn.layers nn.attention nn.encoders nn.decoders", torch=True),
    "nn.seq2seq": room("nn.seq2seq", "errors config nn.layers nn.attention nn.encoders nn.decoders nn.heads", torch=True),
    "nn.ensemble": room("nn.ensemble", "errors config nn.layers nn.attention nn.encoders nn.decoders nn.heads nn.seq2seq", torch=True),
    "nn": room("nn", "nn.layers nn.attention nn.encoders nn.decoders nn.heads nn.seq2seq nn.ensemble", torch=True),
    "checkpoint": room("checkpoint hardware training: optimizers", "errors config data plan nn nn.seq2seq nn.ensemble", torch=True),
    "prediction": room(
        "prediction tensors numbers: forecasting scoreboard",
        "errors config data plan answers nn nn.layers nn.decoders nn.heads nn.seq2seq checkpoint",
        torch=True,
    ),
    "work": room(
        "report "
        "training: loop best course embeddings encoding learning trial dev members agreement joining runs curve tensorboard "
        "numbers: dev runs",
        "errors config data plan answers runtime nn nn.layers nn.decoders nn.heads nn.seq2seq checkpoint prediction",
        torch=True,
    ),
    "exportable": room("exportable saving", "errors plan nn.ensemble checkpoint export", torch=True),  # reaches up, when it is asked to
    "model": room(
        "model numbers: forecaster planning: handed",
        "errors config data plan answers nn.seq2seq checkpoint prediction work exportable",
        torch=True,
    ),
    "export": room(
        "export export.beams export.card export.check export.folder export.frames export.graph export.number_check "
        "export.prefixes export.program export.quantize export.recurrence export.tracing export.weights",
        "errors config data plan answers runtime nn.layers nn.attention nn.decoders nn.heads nn.seq2seq checkpoint prediction model",
        torch=True,
    ),
    "testing": room(
        "testing testing.exported testing.laws testing.networks",
        "errors config data plan answers runtime nn.layers nn.attention nn.encoders nn.decoders nn.heads nn.seq2seq nn.ensemble parts "
        "checkpoint prediction model export",
        torch=True,
    ),
    "top": room(
        "pictures cli cli.arrays cli.backtest cli.choosing cli.commands cli.evaluating cli.exporting cli.forecasting cli.joining "
        "cli.options cli.output cli.predicting cli.reporting cli.serving cli.training loading reference __init__ __main__",
        "errors config data plan answers runtime server parts checkpoint prediction work model export",
    ),
}
HOME = {module: name for name, part in PICTURE.items() for module in part.modules}
MODULES = sorted(".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for path in PACKAGE.rglob("*.py"))


@dataclass(frozen=True)
class Import:
    """One import of one name: `seqloom.nn.layers`, `torch.nn`."""

    name: str
    line: int
    runs_at_import: bool


def imports_of(module: str) -> list[Import]:
    """Every import in a module, those inside functions and under TYPE_CHECKING too."""
    found = list(_walk(ast.parse(_path(module).read_text(encoding="utf-8")), runs=True))
    return [Import(_absolute(module, item), item.line, item.runs_at_import) for item in found]


def _path(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _walk(node: ast.AST, *, runs: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, runs) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            prefix = "." * child.level + (child.module or "")
            joint = "" if prefix.endswith(".") or not prefix else "."
            yield from (Import(f"{prefix}{joint}{alias.name}", child.lineno, runs) for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _walk(child, runs=False)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, runs=runs and not inside)


def _absolute(module: str, item: Import) -> str:
    """A relative import with its package written out."""
    level = len(item.name) - len(item.name.lstrip("."))
    if level == 0:
        return item.name
    package = ["seqloom", *module.split(".")]
    if _path(module).name != "__init__.py":
        package.pop()
    return ".".join([*package[: len(package) - level + 1], item.name.lstrip(".")])


def own_module(name: str) -> str | None:
    """`seqloom.nn.layers.Dropout` → `nn.layers`; a name of the package itself → `__init__`; others' modules → None."""
    first, *parts = name.split(".")
    if first != "seqloom":
        return None
    while parts and ".".join(parts) not in MODULES and ".".join(parts) not in HOME:
        parts.pop()
    return ".".join(parts) or "__init__"


def needs_torch(item: Import) -> bool:
    module = own_module(item.name)
    if module is None:
        return item.name.split(".")[0] in {"torch", "tensorboard"} or item.name.startswith("safetensors.torch")
    return module in HOME and PICTURE[HOME[module]].torch


def test_every_module_stands_in_the_picture() -> None:
    unknown = [module for module in MODULES if module not in HOME]
    assert not unknown, f"{unknown}: not in PICTURE of tests/test_architecture.py; give each its room there and in docs/architecture.md"


@pytest.mark.parametrize("module", [module for module in MODULES if module in HOME])
def test_a_module_imports_only_what_its_room_knows(module: str) -> None:
    home = PICTURE[HOME[module]]
    known = home.modules.union(*(PICTURE[name].modules for name in home.knows))
    strangers = [
        f"{module}.py:{item.line} imports {item.name}"
        for item in imports_of(module)
        if (target := own_module(item.name)) is not None and target in HOME and target not in known
    ]
    assert not strangers, f"{HOME[module]} knows only: {', '.join(sorted(known))}"


@pytest.mark.parametrize("module", [module for module in MODULES if module in HOME and not PICTURE[HOME[module]].torch])
def test_torch_stays_behind_its_door(module: str) -> None:
    """Below the command line nothing without torch imports it anywhere; on top it is imported inside functions only."""
    on_top = HOME[module] == "top"
    through = [
        f"{module}.py:{item.line} imports {item.name}"
        for item in imports_of(module)
        if needs_torch(item) and (item.runs_at_import or not on_top)
    ]
    assert not through


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {
            target
            for item in imports_of(module)
            if item.runs_at_import and (target := own_module(item.name)) in HOME and target not in {module, "__init__"}
        }
        for module in MODULES
    }
    while leaves := [module for module, targets in graph.items() if not targets & graph.keys()]:
        for module in leaves:
            del graph[module]
    assert not graph, f"a circle among {sorted(graph)}"


def test_onnxruntime_is_imported_in_one_place_alone() -> None:
    importing = {module for module in MODULES for item in imports_of(module) if item.name.split(".")[0] == "onnxruntime"}
    assert importing == {"quiet_onnxruntime"}, "the others would load it before it is told to send no telemetry"


@pytest.mark.parametrize(("said", "kept"), [(None, "1"), ("0", "0")])
def test_onnxruntime_is_told_to_send_no_telemetry_before_it_is_loaded(said: str | None, kept: str) -> None:
    code = (
        "import os, sys, types\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'onnxruntime':\n"
        "            print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import seqloom.runtime\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {} if said is None else {"ORT_DISABLE_TELEMETRY": said}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout, done.stderr) == (f"{kept}\n", "")


@pytest.mark.parametrize("arguments", [["-c", "import seqloom"], ["-m", "seqloom", "--help"], ["-m", "seqloom", "train", "--help"]])
def test_torch_is_not_loaded_for_an_import_or_for_help(arguments: list[str]) -> None:
    result = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert "seqloom" in loaded
    assert not {
        name for name in loaded if name.split(".")[0] in {"torch", "tensorboard", "matplotlib", "onnxruntime", "fastapi", "uvicorn"}
    }


def _names_of_classes() -> dict[str, set[str]]:
    """What each class of the package has: what its body defines, what its methods give to self, and the same of its bases here."""
    trees = [ast.parse(_path(module).read_text(encoding="utf-8")) for module in MODULES]
    nodes = {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    return {name: _names_of(node, nodes) for name, node in nodes.items()}


def _names_of(node: ast.ClassDef, nodes: dict[str, ast.ClassDef]) -> set[str]:
    inherited = [_names_of(nodes[base], nodes) for base in map(ast.unparse, node.bases) if base in nodes and base != node.name]
    stored = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Store)]
    own = {part.id if isinstance(part, ast.Name) else part.attr for part in stored}
    return own.union({part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.ClassDef)}, *inherited)


def test_what_pages_name_of_a_class_is_there() -> None:
    names, root = _names_of_classes(), Path(__file__).parents[1]
    texts = {page.name: page.read_text(encoding="utf-8") for page in [*root.glob("*.md"), *root.glob("docs/*.md")]}
    named = [(page, *match.groups()) for page, text in texts.items() for match in re.finditer(r"`([A-Z]\w*)\.(\w+)", text)]
    of_here = [(page, owner, name) for page, owner, name in named if owner in names]
    assert ("architecture.md", "Fields", "encode_target") in of_here
    assert not [f"{page}: {owner}.{name}" for page, owner, name in of_here if name not in names[owner]]
