"""What README.md and docs/ show is run: commands, Python, configs, links.

A page is followed from top to bottom in a folder of its own, as a reader would:

* A block that begins ```` ```tsv title="pairs.tsv" ```` (any language) is written to that file.
* In a ```` ```console ```` block every line after `$ ` is run, pipes and `> file` included; the lines below it are its output.
  `seqloom` runs in this process. `make` is checked against the Makefile, and what installs is not run.
* A command must end as the page says: with exit code 2 and that very line where the output begins with `error:`, interrupted where it
  begins with `^C`, else with 0. What `inspect` and `--version` print must be what the page shows; `...` stands for lines left out. Scores
  and times of training are not compared.
* A command that ends in ` &` goes on beside the others until the page ends; the page goes on when it has said its first line. It gets a
  free port, which then stands for 8000 in what follows. JSON that `curl` prints has the keys and kinds of values that the page shows,
  and a refusal its very words.
* What would train for minutes is made small: `train`, in a command or in Python, gets SMALL (`--set training.max_steps=20`, narrow layers,
  few dev pairs), so that a run takes a second or two.
* A ```` ```python ```` block is run in one namespace a page; a ```` ```yaml ```` block must be a config that loads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from stage import parts_forgotten

import seqloom.model
from seqloom.cli import main
from seqloom.config import RunConfig
from seqloom.config_file import load_config
from seqloom.errors import ConfigError
from seqloom.examples import make_example
from seqloom.settings import override
from seqloom.training.events import Updated
from seqloom.training.progress import Lines

ROOT = Path(__file__).parents[1]
GENERATED = {"cli.md", "config.md"}  # held to the program by test_reference.py
TRAINS_LONGER = {"README.md", "tutorial.md", "browser.md"}
PAGES = [ROOT / "README.md", *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in GENERATED)]
SMALL = [
    "training.max_steps=20", "training.evaluate_every=20", "training.precision=float32", "training.device=cpu", "data.hold_out_at_most=40",
    "model.embedding=16", "model.encoder.width=32", "model.decoder.width=32",
]  # fmt: skip
NOT_RUN = ("git", "pip", "pip3", "source", *(() if shutil.which("curl") else ("curl",)))
STOPPED_AT = 10


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Step:
    """A command of a page and the output shown below it."""

    command: str
    output: list[str]
    line: int


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: bytes
    err: str


def blocks_of(page: Path) -> Iterator[Block]:
    inside: Block | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if inside is None and (match := re.fullmatch(r'```(\w*)(?: title="([^"]+)")?', line)):
            inside = Block(match[1], match[2] or "", "", number)
        elif inside is not None and line == "```":
            yield inside
            inside = None
        elif inside is not None:
            inside = Block(inside.language, inside.title, f"{inside.text}{line}\n", inside.line)
    assert inside is None, f"{page.name}:{inside and inside.line}: the block is not closed"


def steps_of(block: Block) -> Iterator[Step]:
    found: Step | None = None
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            if found:
                yield found
            found = Step(line[2:], [], number)
        else:
            assert found, f"line {number}: output before any command"
            found.output.append(line)
    if found:
        yield found


# ------------------------------------------------------------------------------------------------------------- a shell


def run(step: Step, folder: Path) -> Result:
    """Runs a pipeline of commands, the last of which may write to a file."""
    lexer = shlex.shlex(step.command, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    words, target = list(lexer), None
    if len(words) > 2 and words[-2] == ">":
        words, target = words[:-2], folder / words[-1]
    result = Result(0, b"", "")
    for stage in split_at(words, "|"):
        if stage[0] == "seqloom":
            result = in_process(stage[1:], result.out, interrupt=step.output[:1] == ["^C"])
        else:
            result = outside(stage, result.out, folder)
        if result.code:
            return result
    if target is not None:
        target.write_bytes(result.out)
    return result


def split_at(words: list[str], mark: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == mark:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Parts that the Python of a page registers are forgotten after it."""
    with parts_forgotten():
        yield


def outside(words: list[str], stdin: bytes, folder: Path) -> Result:
    program = sys.executable if words[0] == "python" else words[0]
    done = subprocess.run([program, *words[1:]], input=stdin, capture_output=True, cwd=folder, check=False, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def in_process(arguments: list[str], stdin: bytes, *, interrupt: bool) -> Result:
    if arguments[0] == "train" or "--curve" in arguments:
        arguments = [*arguments, *(part for setting in small_for(arguments) for part in ("--set", setting))]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    typed = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        for context in (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), mock.patch.object(sys, "stdin", typed)):
            stack.enter_context(context)
        if interrupt:
            stack.enter_context(mock.patch.object(Lines, "updated", stop))
        stack.enter_context(parts_forgotten())
        ended = stack.enter_context(pytest.raises(SystemExit))
        main(arguments)
    out.flush(), err.flush()
    return Result(int(ended.value.code or 0), out.buffer.getvalue(), err.buffer.getvalue().decode())


def small_for(arguments: list[str]) -> list[str]:
    """The settings that make a run small, but for those that the command sets itself."""
    said = {item.partition("=")[0] for item in arguments}
    if any(item.startswith("model.vectors.") for item in said):
        said.add("model.embedding")  # it is as wide as the file's vectors
    return [item for item in SMALL if item.partition("=")[0] not in said or item.startswith("training.max_steps")]


def stop(watcher: Lines, event: Updated) -> None:
    if event.step == STOPPED_AT:
        raise KeyboardInterrupt


class Beside:
    """Commands that go on beside the others: servers."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self.port = 8000

    def start(self, step: Step) -> None:
        """Starts it on a free port and waits for the first line that it says."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        words = [sys.executable, "-m", *shlex.split(step.command.removesuffix("&")), "--port", str(self.port)]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stderr is not None
        assert step.output == [process.stderr.readline().rstrip("\n").replace(str(self.port), "8000")]

    def adapted(self, step: Step) -> Step:
        """The step with the free port in place of the one that the page shows."""
        return dataclasses.replace(step, command=step.command.replace(":8000", f":{self.port}"))


@pytest.fixture
def beside() -> Iterator[Beside]:
    made = Beside()
    yield made
    for process in made.processes:
        process.terminate()
        process.communicate(timeout=60)


# ------------------------------------------------------------------------------------------------------------ checking


def check(step: Step, result: Result, page: str) -> None:
    where = f"{page}:{step.line}: $ {step.command}"
    out, expected = result.out.decode().splitlines(), [line.rstrip() for line in step.output]
    if expected[:1] and expected[0].startswith("error:"):
        assert (result.code, result.err.splitlines()) == (2, expected), where
    elif expected[:1] == ["^C"]:
        assert result.code == 130, f"{where}\n{result.err}"
    else:
        assert result.code == 0, f"{where}\n{result.err}"
        if expected and (step.command.startswith(("seqloom inspect", "seqloom --version")) or "| seqloom inspect" in step.command):
            assert_shown(expected, out, where)
        if expected[:1] and expected[0].startswith("{") and step.command.startswith("curl"):
            assert_alike(json.loads(expected[0]), json.loads(out[0]), where)


def assert_alike(shown: Any, got: Any, where: str) -> None:
    """The same keys and kinds of values; what is refused is refused in the same words."""
    assert type(shown) is type(got), where
    if isinstance(shown, dict):
        assert shown.keys() == got.keys() - ({"unknown"} - shown.keys()), where  # to a model of the page's own data all is known
        assert shown.get("error") == got.get("error"), where
        for key, value in shown.items():
            assert_alike(value, got[key], where)
    if isinstance(shown, list) and shown and got:
        assert_alike(shown[0], got[0], where)


def assert_shown(expected: list[str], out: list[str], where: str) -> None:
    """The lines stand in the output one behind the other, with a gap only where the page says `...`."""
    place, gap = 0, False
    for line in expected:
        if line == "...":
            gap = True
            continue
        rest = [text.rstrip() for text in out[place:]]
        assert line in (rest if gap else rest[:1]), f"{where}: does not print {line!r} there; printed: {rest[:3]}"
        place, gap = place + rest.index(line) + 1, False
    assert gap or place == len(out), f"{where}: prints more: {out[place : place + 3]}"


@pytest.fixture
def small_train() -> Iterator[None]:
    """`seqloom.train` in Python with a small model, and a terminal as wide as that of the pages."""
    real: Callable[..., Any] = seqloom.model.train

    def train(*arguments: Any, settings: list[str] | tuple[str, ...] = (), **options: Any) -> Any:
        return real(*arguments, settings=[*settings, *SMALL], **options)

    with mock.patch.object(seqloom.model, "train", train), mock.patch.dict(os.environ, {"COLUMNS": "110"}):
        yield


def prepare(folder: Path) -> None:
    """The files that pages speak of without showing them."""
    data = make_example("reverse")
    first, more = data.train[:400], data.train[400:800]
    parts = {"pairs": first, "train": first, "general": first, "more": more, "mine": more, "val": data.dev[:40], "test": data.test[:40]}
    for name, pairs in parts.items():
        (folder / f"{name}.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
        lines = [f"{source},{target}\n" for source, target in [("german", "english"), *pairs]]
        (folder / f"{name}.csv").write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in TRAINS_LONGER else []) for page in PAGES]
)
def test_what_a_page_shows_can_be_done(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_train: None, beside: Beside, request: pytest.FixtureRequest
) -> None:
    if page.name == "browser.md":
        request.getfixturevalue("onnxruntime_web")  # into the cache
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    prepare(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(page):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        if block.language == "console":
            for step in steps_of(block):
                if step.command.endswith(" &"):
                    beside.start(step)
                elif step.command.split()[0] not in (*NOT_RUN, "cd", "make"):
                    check(step, run(beside.adapted(step), tmp_path), page.name)


def test_targets_of_make_that_pages_name_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        named = set(re.findall(r"`make ([a-z]+)|^(?:\$ )?make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
        assert {first or second for first, second in named} <= targets, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configs_that_a_page_shows_load(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(block for block in blocks_of(page) if block.language == "yaml"):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block.text, encoding="utf-8")
        load_config(path)


def test_settings_that_stand_beside_those_of_others_are_there() -> None:
    tables = [line for line in (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = {
        name for line in tables for name in re.findall(r"\b(?:data|fields|model|training|search)(?:\.\w+)+", line.rpartition(" | ")[2])
    }
    assert len(named) > 40
    for name in sorted(named):
        try:
            override(RunConfig(), {name.replace("source.1", "source.0"): None})
        except ConfigError as error:
            assert "unknown setting" not in str(error), name  # noqa: PT017


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, place = link.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {link}"
        if place:
            assert place in anchors(path), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in text] == []


def test_every_module_stands_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "seqloom"
    modules = [path.relative_to(package).as_posix() for path in package.rglob("*.py")]
    assert [name for name in modules if f"`{name}`" not in text and not name.startswith("cli/") and not name.endswith("/__init__.py")] == []
