"""The commands as a person types them: what they print, where, their exit codes, and what is left after an error."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import sacrebleu
import torch
import yaml

from seqloom.cli import LASTING, main
from seqloom.cli.output import one_line, open_output
from seqloom.cli.training import _closing as closing_lines  # pyright: ignore[reportPrivateUsage]
from seqloom.config import TextField
from seqloom.data.rows import Row
from seqloom.errors import ConfigError, MissingPackageError
from seqloom.loading import load
from seqloom.metrics import score
from seqloom.model import train
from seqloom.training.events import Finished

TINY = [
    "--set", "model.embedding=16", "--set", "model.encoder.width=32", "--set", "model.decoder.width=32", "--set", "training.max_steps=40",
    "--set", "model.copy=false", "--set", "training.optimizer.learning_rate=0.01", "--set", "training.precision=float32", "--device", "cpu",
]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def error(self) -> str:
        """The one line on stderr of a command that a user has to mend."""
        assert self.code == 2
        assert self.err.count("\n") == 1
        assert self.err.startswith("error: ")
        return self.err.removeprefix("error: ").rstrip("\n")


def seqloom(*arguments: str | Path, stdin: str | bytes = "") -> Result:
    """Runs a command in this process, with streams that are no terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    typed = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin), encoding="utf-8")
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "stdin", typed), pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out.flush(), err.flush()
    return Result(int(ended.value.code or 0), *(stream.buffer.getvalue().decode() for stream in (out, err)))


def words(count: int, seed: int) -> list[str]:
    """Different words of three to six letters."""
    draw, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        found["".join(draw.choice("abcdé") for _ in range(draw.randint(3, 6)))] = None
    return list(found)


@dataclass(frozen=True)
class Trained:
    """A run that was made once, the file it was made from, and what `train` printed."""

    run: Path
    pairs: Path
    result: Result


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model that reverses words, in runs/ under the folder where the command ran."""
    folder = tmp_path_factory.mktemp("cli")
    pairs = folder / "pairs.tsv"
    pairs.write_text("".join(f"{word}\t{word[::-1]}\n" for word in words(400, seed=1)), encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = seqloom("train", "pairs.tsv", *TINY)
    finally:
        os.chdir(before)
    assert result.code == 0, result.err
    return Trained(folder / "runs" / "pairs", pairs, result)


@pytest.fixture(scope="session")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model with two source columns, from a CSV with a header, and parts that hold dev pairs."""
    folder = tmp_path_factory.mktemp("columns")
    for name, seed in (("train.csv", 1), ("dev.csv", 2)):
        forms = [f"-{word}" for word in words(60, seed)]
        rows = [f"{form},{tag},{form.upper() if tag == 'UP' else form}\n" for form in forms for tag in ("UP", "SAME")]
        (folder / name).write_text("word,tag,form\n" + "".join(rows), encoding="utf-8")
    options = ["--dev", folder / "dev.csv", "--source", "word,tag", "--target", "form", "--out", folder / "run"]
    result = seqloom("train", folder / "train.csv", *options, *TINY, "--set", "training.max_steps=4")
    assert result.code == 0, result.err
    return Trained(folder / "run", folder / "dev.csv", result)


# --------------------------------------------------------------------------------------------------------------- train


def test_train_tells_the_data_the_choices_the_score_and_the_next_commands(trained: Trained) -> None:
    out = trained.result.out
    assert trained.result.lines[0].startswith("data: 3")
    assert "note: Source: column 1. Target: column 2." in out
    assert "  model.encoder.width " in out
    assert " as asked for\n" in out
    assert "short texts, 5 different characters" in " ".join(out.split())  # the table wraps
    assert "weights on" in out
    assert "dev score (" in out
    assert "  exact_match  " in out
    assert "model: runs/pairs (done after " in out
    assert "  seqloom evaluate runs/pairs TEST_PAIRS\n" in out
    assert trained.result.err == ""


def test_train_names_the_run_after_the_file_and_shows_three_predictions_an_evaluation(trained: Trained) -> None:
    assert (trained.run / "model.safetensors").is_file()
    samples = [line for line in trained.result.lines if " -> " in line]
    evaluations = [line for line in trained.result.lines if "  dev: " in line]
    assert evaluations
    assert len(samples) == 3 * len(evaluations)


def test_the_prediction_that_train_offers_to_try_works(columns: Trained) -> None:
    offered = next(line for line in columns.result.lines if line.startswith("  seqloom predict "))
    shell = offered.replace("seqloom", f"{sys.executable} -m seqloom", 1)
    result = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert result.stdout.count("\n") == 1
    assert " -- $'-" in offered, "a source that begins with a dash is no option"
    assert "\\t" in offered


def test_train_on_an_example_leaves_its_files_in_the_run(tmp_path: Path) -> None:
    run = tmp_path / "reverse"
    result = seqloom("train", "--example", "reverse", "--out", run, *TINY, "--set", "training.max_steps=2", "--seed", "3")
    assert result.code == 0, result.err
    assert [len((run / f"{part}.tsv").read_text().splitlines()) for part in ("train", "dev", "test")] == [10_000, 500, 1_000]
    assert f"  seqloom evaluate {run} {run}/test.tsv\n" in result.out
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert config["data"]["train"] == [str(run / "train.tsv")]
    assert config["seed"] == 3
    few = tmp_path / "few.tsv"
    few.write_text("".join((run / "test.tsv").read_text().splitlines(keepends=True)[:5]))
    assert json.loads(seqloom("evaluate", run, few, "--json").out)["pairs"] == 5


def test_sources_that_are_cut_are_counted_and_marked(trained: Trained, tmp_path: Path) -> None:
    options = ["--set", "data.max_source_length=3", "--set", "data.too_long=cut", *TINY, "--set", "training.max_steps=1"]
    assert seqloom("train", trained.pairs, "--out", tmp_path / "run", *options).code == 0
    result = seqloom("predict", tmp_path / "run", "--json", "abc", "abca")
    assert result.err.startswith(
        "note: 1 of 2 sources are longer than the model reads: cut to their first 3 positions (a model trained with data.keep=end "
        "reads the last)\n"
    )
    assert [json.loads(line).get("source_cut") for line in result.out.splitlines()] == [None, True]
    file = tmp_path / "few.tsv"
    file.write_text("abc\tcba\nabcab\tbacba\n", encoding="utf-8")
    assert "note: 1 of 2 sources are longer than the model reads: cut to" in seqloom("evaluate", tmp_path / "run", file).err
    assert seqloom("score", tmp_path / "run", file).out.count("\n") == 2


def test_sources_longer_than_any_that_training_had_are_told(trained: Trained, tmp_path: Path) -> None:
    longest = max(len(line.partition("\t")[0]) for line in trained.pairs.read_text().splitlines())
    within, beyond = "a" * longest, "ab" * longest
    told = f"note: 1 of 2 sources is longer than any that training had ({longest + 1} positions): answers to such are often wrong"
    assert told in seqloom("predict", trained.run, within, beyond).err
    assert "longer" not in seqloom("predict", trained.run, within).err
    file = tmp_path / "long.tsv"
    file.write_text(f"{within}\ta\n{beyond}\tb\n", encoding="utf-8")
    assert told in seqloom("evaluate", trained.run, file).err


def test_whether_line_1_names_the_columns_can_be_said_anew_of_a_trained_model(columns: Trained, trained: Trained, tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("-abc,UP,-ABC\n-bcd,SAME,-bcd\n", encoding="utf-8")
    assert "say --set data.header=false." in seqloom("evaluate", columns.run, bare).error
    without = ["--set", "data.header=false"]
    assert json.loads(seqloom("evaluate", columns.run, bare, "--json", *without).out)["pairs"] == 2
    assert len(seqloom("score", columns.run, bare, *without).lines) == 2
    sources = tmp_path / "sources.csv"
    sources.write_text("-abc,UP\n-bcd,SAME\n", encoding="utf-8")
    piped = seqloom("predict", columns.run, stdin="-abc\tUP\n-bcd\tSAME\n").lines
    for file in (sources, bare):
        assert seqloom("predict", columns.run, "--input", file, *without).lines == piped
    headed = tmp_path / "headed.tsv"
    headed.write_text("from\tto\nabc\tcba\n", encoding="utf-8")
    assert json.loads(seqloom("evaluate", trained.run, headed, "--json", "--set", "data.header=true").out)["pairs"] == 1
    refused = "--set data.header=true: of no effect on sources of a model that was trained without one. Leave line 1 out."
    assert seqloom("predict", trained.run, "abc", "--set", "data.header=true").error == refused
    idle = "--set search.beam=3: of no effect on scores; expected data.header=true or false. Leave it out."
    assert seqloom("score", trained.run, headed, "--set", "search.beam=3").error == idle


def test_symbols_of_targets_that_training_never_saw_are_told_beside_their_scores(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "strange.tsv"
    file.write_text("abc\tcba\nabc\tcxa\n", encoding="utf-8")
    told = "note: 1 of 2 targets hold symbols that training never saw, which the model cannot write: 'x' (1); scored as <unk>\n"
    assert seqloom("score", trained.run, file).err.endswith(told)


def test_a_model_that_does_not_look_refuses_what_needs_it(trained: Trained, tmp_path: Path) -> None:
    settings = [*TINY, "--set", "training.max_steps=1", "--set", "model.attention.kind=none", "--set", "model.copy=false"]
    told = "search.coverage_penalty: 1 for a model that does not say where it looks; expected 0. Set it to 0, or train with an attention."
    assert seqloom("train", trained.pairs, "--out", tmp_path / "run", *settings, "--set", "search.coverage_penalty=1").error == told
    assert seqloom("train", trained.pairs, "--out", tmp_path / "run", "--overwrite", *settings).code == 0
    for command in (["predict", tmp_path / "run", "abc"], ["evaluate", tmp_path / "run"]):
        assert seqloom(*command, "--set", "search.coverage_penalty=1").error == told
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        load(tmp_path / "run").evaluate(coverage_penalty=1.0)
    replacing = seqloom("predict", tmp_path / "run", "abc", "--replace-unknown").error
    assert replacing == "replace_unknown: this model does not say where it looks; expected one with an attention. Leave it out."
    looking = seqloom("predict", tmp_path / "run", "abc", "--attention", "--json")
    assert looking.out == ""
    looking = looking.error
    assert looking == "attention: this model does not say where it looks; expected one with an attention. Leave it out."


def test_the_metric_that_decides_is_evaluated_too(trained: Trained, tmp_path: Path) -> None:
    settings = [*TINY, "--set", "training.max_steps=1", "--set", "training.early_stopping.metric=bleu"]
    assert seqloom("train", trained.pairs, "--out", tmp_path / "run", *settings).code == 0
    assert "bleu" in json.loads(seqloom("evaluate", tmp_path / "run", "--json").out)
    assert "bleu" not in json.loads(seqloom("evaluate", trained.run, "--json").out)


def test_a_head_of_no_kind_is_told_as_such(trained: Trained, tmp_path: Path) -> None:
    failed = seqloom("train", trained.pairs, "--out", tmp_path / "run", "--set", "model.head.kind=token")
    kinds = "tokens, squared, absolute, huber, quantile, gaussian, student_t"
    assert failed.error == f"--set: model.head: no kind 'token'; expected one of {kinds}. docs/config.md lists what is allowed."


def test_a_source_with_several_targets_may_be_right_by_any(trained: Trained, tmp_path: Path) -> None:
    answers = seqloom("predict", trained.run, "abc", "bca").out.splitlines()
    file = tmp_path / "several.tsv"
    lines = [("abc", "no"), ("bca", "never"), ("abc", answers[0]), ("abc", "nor this")]
    file.write_text("".join(f"{source}\t{target}\n" for source, target in lines), encoding="utf-8")
    each, any_of = seqloom("evaluate", trained.run, file, "--json"), seqloom("evaluate", trained.run, file, "--json", "--any-target")
    assert "(exact_match 0.50); --any-target takes any of them\n" in each.err
    assert "several targets" not in any_of.err
    one, other = json.loads(each.out), json.loads(any_of.out)
    assert (one["pairs"], one["exact_match"]) == (4, 0.25)
    assert (other["pairs"], other["sources"], other["exact_match"]) == (4, 2, 0.5)
    assert other["loss"] == one["loss"]
    assert "free_running_accuracy" not in other
    said = seqloom("evaluate", trained.run, file, "--any-target", "--output", tmp_path / "said.txt")
    assert said.lines[0].endswith(": 4 pairs, 2 sources")
    one_each = [answers[0], answers[1], answers[0], answers[0]]
    assert (tmp_path / "said.txt").read_text(encoding="utf-8").splitlines() == one_each


def test_quiet_prints_nothing_when_nothing_is_wrong(trained: Trained, tmp_path: Path) -> None:
    result = seqloom("train", trained.pairs, "--out", tmp_path / "run", "--quiet", *TINY, "--set", "training.max_steps=2")
    assert result.code == 0
    assert result.out == ""
    assert all(line.startswith("warning") for line in result.err.splitlines())


def test_an_existing_folder_is_refused_before_any_work_and_replaced_when_asked(trained: Trained, tmp_path: Path) -> None:
    assert f"{trained.run}: exists already. Replace it with --overwrite" in seqloom("train", "no.tsv", "--out", trained.run).error
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "is no run of Seqloom, so it is not overwritten" in seqloom("train", "no.tsv", "--out", tmp_path / "mine", "--overwrite").error
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_run_that_holds_the_data_is_not_replaced(trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    (run / "training").mkdir()
    pairs = run / "training" / "pairs.tsv"
    pairs.write_bytes(trained.pairs.read_bytes())
    refused = seqloom("train", pairs, "--out", run, "--overwrite")
    assert f"pairs.tsv: lies in {run}, which training would replace. Choose another --out." in refused.error
    config = tmp_path / "config.yaml"
    config.write_text((trained.run / "config.yaml").read_text().replace("[pairs.tsv]", f"[{pairs}]"))
    refused = seqloom("train", "--config", config, "--out", run, "--overwrite")
    assert f"pairs.tsv: lies in {run}, which training would replace. Choose another --out." in refused.error
    assert pairs.is_file()


def test_what_no_run_wrote_stays_where_a_run_is_replaced(tmp_path: Path) -> None:
    run = tmp_path / "run"
    quick = ("--out", run, *TINY[:6], "--set", "training.max_steps=4", "--quiet")
    assert seqloom("train", "--example", "reverse", *quick).code == 0
    (run / "notes.txt").write_text("what I saw")
    (run / "metrics.jsonl").write_text("of the older run")
    before = (run / "test.tsv").read_bytes()
    again = seqloom("train", "--config", run / "config.yaml", *quick, "--overwrite")
    assert again.code == 0, again.error
    assert (run / "notes.txt").read_text() == "what I saw"
    assert (run / "test.tsv").read_bytes() == before
    assert (run / "metrics.jsonl").read_text().startswith("{")
    assert seqloom("evaluate", run, run / "test.tsv").code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "bad.tsv: no such file."),
        ("", "bad.tsv: "),
        ("one\ntwo\nthree\n", "bad.tsv: 1 column; expected 2 or more (source, target), got 'one'."),
        ("a\tb\nc\td\ne\tf\tg\n", "bad.tsv:3: 3 columns; expected 2"),
        ("a\tb\nc\n", "bad.tsv:2: 1 column; expected 2"),
        (b"a\tb\nc\t\xff\xfe\n", "bad.tsv:2: "),
        ("a\tb\nc\td\0\n", "bad.tsv:2: "),
        ("a\t\nb\t\nc\t\n", "bad.tsv"),
    ],
)
def test_bad_data_gives_one_line_and_leaves_nothing(
    content: str | bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("bad.tsv").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = seqloom("train", "bad.tsv")
    assert message in result.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ([] if content is None else ["bad.tsv"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "no pairs: expected a file of pairs, two parallel files, --example or --config."),
        (["train", "a", "b", "c"], "PAIRS: 3 files; expected one file of pairs or two parallel files."),
        (
            ["train", "a.en", "a.de", "--dev", "b.en", "b.de"],
            "PAIRS: 3 files; expected one file of pairs or two parallel files. Say --dev b.en --dev b.de if these belong together.",
        ),
        (["train", "a.tsv", "--dev", "a", "--dev", "b", "--dev", "c"], "--dev: 3 files"),
        (["train", "a.tsv", "--example", "dates"], "--example dates: PAIRS are given too"),
        (["train", "--example", "date"], "example 'date' does not exist. Did you mean 'dates'?"),
        (["train", "--example", "dates", "--source", "1"], "--example dates: brings its own dev set and columns."),
        (["train", "a.tsv", "--budget", "soon"], "--budget soon: expected a time such as 90s, 15m or 1h30m."),
        (["train", "a.tsv", "--config", "no.yaml"], "no.yaml: no such config file."),
        (["config", "a.tsv", "--set", "seeed=2"], "--set: unknown setting 'seeed'. Did you mean 'seed'?"),
        (["config", "a.tsv", "--set", "model.dropuot=2"], "--set: unknown setting 'model.dropuot'. Did you mean 'model.dropout'?"),
        (["config", "a.tsv", "--set", "model.dropout=2"], "--set: model.dropout: Input should be less than 1; got 2."),
        (["config", "a.tsv", "--set", "model.dropout"], "--set model.dropout: expected key=value, as in --set model.dropout=0.2."),
        (["config", "a.tsv", "--source", "wrod"], "a.tsv: no header that names 'wrod'"),
        (["inspect", "b.tsv"], "b.tsv: no such file."),
        (["evaluate", "runs/none"], "runs/none: no such run directory."),
        (["predict", ".", "x"], "not a run directory, run.json is missing."),
        (["predict", "a.tsv", "x"], "a.tsv: a file; expected the folder of a model. Unpack it where it is an archive, and give"),
        (["serve", "a.tsv"], "a.tsv: a file; expected the folder of a model. Unpack it where it is an archive, and give the folder."),
        (["resume", "runs/none"], "runs/none: no such run directory."),
        (["score", "runs/none", "a.tsv"], "runs/none: no such run directory."),
        (["train", "a.tsv", "--device", "warp"], "'warp'"),
        (["train", "a.tsv", "--members", "0"], "training.members: Input should be greater than or equal to 1; got 0."),
        (["train", "--example", "waves", "--members", "2"], "--members: of no effect, numbers are forecast. Leave it out."),
        (
            ["train", "--example", "waves", "--set", "training.members=2"],
            "training.members 2 is for targets of symbols, and these are numbers; set it to 1.",
        ),
        (
            ["train", "a.tsv", "--set", "training.early_stopping.metric=bleus"],
            "training.early_stopping.metric: 'bleus' is no metric; choose from bleu, chrf,",
        ),
    ],
)
def test_what_a_user_has_to_mend_is_one_line_and_code_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.tsv").write_text("".join(f"{word}\t{word}\n" for word in words(20, seed=1)), encoding="utf-8")
    assert message in seqloom(*arguments).err.splitlines()[-1]
    assert seqloom(*arguments).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


@pytest.mark.parametrize("arguments", [["trian"], ["train", "--bugdet", "1m"], ["predict"], ["train", "--seed", "one"]])
def test_a_misused_option_prints_the_usage_and_code_2(arguments: list[str]) -> None:
    result = seqloom(*arguments)
    assert result.code == 2
    assert result.err.startswith("Usage: seqloom")


# ------------------------------------------------------------------------------------------------------ stop and resume


def test_a_command_looks_for_cycles_among_many_objects_only() -> None:
    with mock.patch.object(gc, "set_threshold") as told, pytest.raises(SystemExit), redirect_stdout(io.StringIO()):
        main(["--version"])
    told.assert_called_once_with(LASTING)


def test_ctrl_c_leaves_a_usable_model_and_resume_ends_the_run(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqloom.training.events import Updated
    from seqloom.training.progress import Lines

    def interrupt(self: Lines, event: Updated) -> None:
        if event.step == 12:
            raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Lines, "updated", interrupt)
        stopped = seqloom("train", trained.pairs, "--out", run, *TINY)
    assert stopped.code == 130
    assert f"model: {run} (interrupted after " in stopped.out
    assert f"  seqloom resume {run}\n" in stopped.out
    assert seqloom("predict", run, "abc").code == 0
    torch.set_num_threads(3)
    resumed = seqloom("resume", run)
    assert torch.get_num_threads() == yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["training"]["threads"] != 3
    assert resumed.code == 0, resumed.err
    assert re.search(r"going on after update \d+: ", resumed.out)  # from the last state that was saved
    assert f"model: {run} (done after " in resumed.out
    assert "this run is finished (done)." in seqloom("resume", run).error


def test_a_run_is_resumed_on_another_device_or_with_other_threads_and_keeps_to_them(trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    (run / "run.json").write_text(json.dumps({**json.loads((run / "run.json").read_text()), "finished": False}))
    written = (run / "config.yaml").read_text(encoding="utf-8")
    refused = seqloom("resume", run, "--device", "cuda:77")
    assert "training.device: 'cuda:77' cannot be used here (" in refused.error
    assert (run / "config.yaml").read_text(encoding="utf-8") == written
    assert "encoded training data is damaged" in seqloom("resume", run, "--device", "cpu", "--threads", "3").error  # all there is left
    now = (run / "config.yaml").read_text(encoding="utf-8")
    assert "  threads: 3  # as asked for\n" in now
    assert "  device: cpu  # as asked for\n" in now
    assert [line for line in now.splitlines() if "threads" not in line and "device" not in line] == [
        line for line in written.splitlines() if "threads" not in line and "device" not in line
    ]


# -------------------------------------------------------------------------------------------------------------- predict


def test_predictions_come_one_a_line_in_order_and_nothing_else_on_stdout(trained: Trained, tmp_path: Path) -> None:
    sources = words(7, seed=5)
    alone = [seqloom("predict", trained.run, source).lines for source in sources[:2]]
    together = seqloom("predict", trained.run, *sources)
    assert together.code == 0
    assert together.err == ""
    assert len(together.lines) == len(sources)
    assert [*alone[0], *alone[1]] == together.lines[:2]
    text = "".join(f"{source}\n" for source in sources)
    (tmp_path / "sources.txt").write_text(text, encoding="utf-8")
    assert seqloom("predict", trained.run, stdin=text).out == together.out
    assert seqloom("predict", trained.run, "--input", tmp_path / "sources.txt").out == together.out
    assert seqloom("predict", trained.run, "--input", "-", stdin=text).out == together.out
    assert seqloom("predict", trained.run, "-", stdin=text).out == together.out


def test_a_blank_line_is_answered_by_a_blank_line_and_counted(trained: Trained) -> None:
    result = seqloom("predict", trained.run, stdin="abc\n\n  \nbcd\n")
    assert [bool(line) for line in result.out.split("\n")] == [True, False, False, True, False]
    assert result.err == "note: 2 blank sources, answered by nothing\n"
    table = seqloom("predict", trained.run, "--scores", stdin="abc\n\n").lines
    assert table[1] == "2\t1\t\t"
    assert json.loads(seqloom("predict", trained.run, "--json", stdin="\n").out) == {"source": "", "outputs": []}


def test_a_source_that_is_too_long_is_counted_once_and_has_its_columns(columns: Trained) -> None:
    long = "ab" * 3000
    result = seqloom("predict", columns.run, "--skip-bad", "--json", stdin=f"ab\tUP\n{long}\tUP\n\n")
    assert result.code == 0, result.err
    assert [json.loads(line)["source"] for line in result.lines] == [["ab", "UP"], ["", ""], ["", ""]]
    assert "note: 1 blank source, answered by nothing\n" in result.err
    assert "note: 1 over the length limit was left out, such as stdin:2: " in result.err


def test_a_file_given_as_a_text_is_named(trained: Trained) -> None:
    result = seqloom("predict", trained.run, trained.pairs)
    assert result.err.startswith(f"note: {trained.pairs} is a file, and read here as a text; --input {trained.pairs} reads what is in it")


def test_no_sources_give_no_predictions(trained: Trained) -> None:
    assert seqloom("predict", trained.run, stdin="") == Result(0, "", "")


def test_symbols_that_training_never_saw_are_counted(trained: Trained, tmp_path: Path) -> None:
    result = seqloom("predict", trained.run, "axa", "xyx", "abc")
    assert result.err == "note: 2 of 3 sources hold symbols that training never saw, read as <unk>: 'x' (3), 'y' (1)\n"
    (tmp_path / "test.tsv").write_text("abcd\tdcba\nabxd\tdxba\n")
    noted = seqloom("evaluate", trained.run, tmp_path / "test.tsv").err
    assert "1 of 2 sources hold symbols that training never saw, read as <unk>: 'x' (1)" in noted
    assert "note: 1 of 2 targets hold symbols that training never saw, which the model cannot write: 'x' (1)" in noted


def test_n_best_is_tsv_with_number_rank_score_and_text(trained: Trained) -> None:
    rows = [line.split("\t") for line in seqloom("predict", trained.run, "abc", "bcd", "--n-best", "3").lines]
    assert [row[:2] for row in rows] == [["1", "1"], ["1", "2"], ["1", "3"], ["2", "1"], ["2", "2"], ["2", "3"]]
    scores = [float(row[2]) for row in rows[:3]]
    assert scores == sorted(scores, reverse=True)
    assert rows[0][3] == seqloom("predict", trained.run, "abc").out.rstrip("\n")
    many = seqloom("predict", trained.run, "abc", "--n-best", "7")
    assert (len(many.lines), many.err) == (7, "")
    wider = seqloom("predict", trained.run, "abc", "--n-best", "7", "--beam", "3")
    assert (wider.out, wider.err) == (many.out, "note: --n-best 7: searched with 7 hypotheses; --beam 3 keeps fewer\n")


def test_json_lines_hold_outputs_whose_symbols_sum_to_their_score(trained: Trained, tmp_path: Path) -> None:
    result = seqloom("predict", trained.run, "abcd", "dcé", "--json", "--n-best", "2", "--attention")
    records = [json.loads(line) for line in result.lines]
    assert [record["source"] for record in records] == ["abcd", "dcé"]
    pairs = tmp_path / "answers.tsv"
    outputs = [(record["source"], output) for record in records for output in record["outputs"] if not output["cut"]]
    pairs.write_text("".join(f"{source}\t{output['text']}\n" for source, output in outputs), encoding="utf-8")
    for record in records:
        assert record["source_tokens"] == list(record["source"])
        for output in record["outputs"]:
            assert len(output["token_log_probs"]) == len(output["tokens"]) + 1 == len(output["attention"])
            assert sum(output["token_log_probs"]) == pytest.approx(output["log_prob"])
            assert len(output["attention"][0]) == len(record["source"]) + 1
    assert outputs
    scored = seqloom("score", trained.run, pairs)
    assert [float(line) for line in scored.lines] == pytest.approx([output["log_prob"] for _, output in outputs], abs=1e-4)
    symbols = [line.split("\t") for line in seqloom("score", trained.run, pairs, "--tokens").lines]
    assert [symbol for number, symbol, _ in symbols if number == "1"] == [*outputs[0][1]["tokens"], "</s>"]
    first = sum(float(part) for number, _, part in symbols if number == "1")
    assert first == pytest.approx(outputs[0][1]["log_prob"], abs=1e-4)
    plain = json.loads(seqloom("predict", trained.run, "abc", "--json").out)["outputs"][0]
    assert set(plain) == {"text", "score", "log_prob", "tokens", "token_log_probs", "cut"}
    assert "copying" not in records[0]["outputs"][0]


def test_sampling_is_drawn_from_a_seed(trained: Trained) -> None:
    sources = words(5, seed=8)
    draws = [seqloom("predict", trained.run, *sources, "--sample", "--temperature", "2", "--seed", seed).out for seed in ("1", "1", "2")]
    assert draws[0] == draws[1] != draws[2]
    several = seqloom("predict", trained.run, *sources, "--sample", "--temperature", "2", "--n-best", "3").lines
    several = [line.split("\t") for line in several]
    assert [line[:2] for line in several] == [[str(number), str(rank)] for number in range(1, 6) for rank in range(1, 4)]
    assert {line[3] for line in several} >= set(draws[0].splitlines())


def test_search_can_be_told_how_to_begin_and_when_to_end(trained: Trained) -> None:
    assert seqloom("predict", trained.run, "abcd", "--prefix", "éé").out.startswith("éé")
    assert len(seqloom("predict", trained.run, "abcd", "--max-length", "2").lines[0]) <= 2
    assert len(seqloom("predict", trained.run, "abcd", "--min-length", "8").lines[0]) >= 8
    assert seqloom("predict", trained.run, "abcd", "--greedy").out == seqloom("predict", trained.run, "abcd", "--beam", "1").out


def test_every_setting_of_the_search_can_be_changed_for_one_call(trained: Trained) -> None:
    few = seqloom("predict", trained.run, "abcd", "--set", "search.min_length=8", "--set", "search.max_length=8")
    assert len(few.lines[0]) == 8
    short = ["--json", "--set", "search.max_length=1", "--set", "search.coverage_penalty=3"]  # which looks at little of the source
    best = json.loads(seqloom("predict", trained.run, "abcd", *short).out)["outputs"][0]
    assert best["score"] < best["log_prob"] / (len(best["tokens"]) + 1) - 0.01
    greedy = seqloom("evaluate", trained.run, "--json", "--set", "search.kind=greedy").out
    assert json.loads(greedy) == json.loads(seqloom("evaluate", trained.run, "--json", "--beam", "1").out)


def test_a_search_that_can_never_end_is_refused(trained: Trained) -> None:
    failed = seqloom("predict", trained.run, "abcd", "--min-length", "9", "--max-length", "5")
    assert failed.code == 2
    assert failed.err.endswith(
        "predict: search: min_length 9 is above max_length 5; lower the one or raise the other. docs/config.md lists what is allowed.\n"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("search.coverage_penlty=1", "--set: unknown setting 'search.coverage_penlty'. Did you mean 'search.coverage_penalty'?"),
        (
            "coverage_penalty=1",
            "--set coverage_penalty=1: of a trained model only the search can be changed; expected search.NAME=VALUE. "
            "Did you mean 'search.coverage_penalty'?",
        ),
        ("model.dropout=0", "--set model.dropout=0: of a trained model only the search can be changed; expected search.NAME=VALUE. Known"),
        ("search.top_p=2", "--set: search.top_p: Input should be less than or equal to 1; got 2."),
        ("search.beam", "--set search.beam: expected key=value"),
        (
            "search.temperature=3",
            "--set: temperature: of no effect with kind 'beam'. Say kind=sample, or leave it out.",
        ),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_what_is_no_setting_of_the_search_is_refused(trained: Trained, command: str, setting: str, message: str) -> None:
    more = ["abc"] if command == "predict" else []
    assert message in seqloom(command, trained.run, *more, "--set", setting).error


def test_output_goes_into_a_file_whole(trained: Trained, tmp_path: Path) -> None:
    there = tmp_path / "answers.txt"
    assert seqloom("predict", trained.run, "abc", "--output", there) == Result(0, "", "")
    assert there.read_text(encoding="utf-8") == seqloom("predict", trained.run, "abc").out
    bad = seqloom("predict", trained.run, "--output", tmp_path / "none" / "answers.txt", "abc")
    assert "none/answers.txt: cannot be written (No such file or directory). Name another file." in bad.error
    seqloom("predict", trained.run, "--output", there, stdin=b"abc\n\xff\n")
    assert there.read_text(encoding="utf-8") == seqloom("predict", trained.run, "abc").out
    assert [path.name for path in tmp_path.iterdir()] == ["answers.txt"]


def test_an_answer_takes_one_line_in_which_sacrebleu_reads_what_was_measured() -> None:
    """A line break was written as a backslash and an n, which stand in answers themselves: neither could be read back."""
    answers = ["two lines\nof \\n code\r\nhere", "print(1)\n\treturn it all"]
    wanted = ["two lines\nof \\n code\nhere", "print(2)\n\treturn it all"]
    assert one_line(answers[0]) == "two lines of \\n code here"
    lines = [one_line(answer) for answer in answers]
    assert all(len(f"{line}\n".splitlines()) == 1 for line in lines)
    measured = score(["bleu"], answers, wanted, TextField(unit="word"))["bleu"]
    assert sacrebleu.corpus_bleu(lines, [wanted]).score == pytest.approx(measured)


def test_output_whose_name_ends_in_gz_is_packed(trained: Trained, tmp_path: Path) -> None:
    seqloom("predict", trained.run, "abc", "--output", tmp_path / "answers.jsonl.gz")
    with gzip.open(tmp_path / "answers.jsonl.gz", "rt", encoding="utf-8") as stream:
        assert stream.read() == seqloom("predict", trained.run, "abc", "--json").out


def test_the_same_answers_are_packed_into_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    for name in ("one.txt.gz", "other.txt.gz"):
        seqloom("predict", trained.run, "abc", "--output", tmp_path / name)
    one, other = ((tmp_path / name).read_bytes() for name in ("one.txt.gz", "other.txt.gz"))
    assert one == other
    assert one[:8] == b"\x1f\x8b\x08\0\0\0\0\0", "no name, no time"


def test_a_link_keeps_leading_to_the_file_that_is_written(trained: Trained, tmp_path: Path) -> None:
    expected = seqloom("predict", trained.run, "abc").out
    (tmp_path / "folder").mkdir()
    target, link, dangling = tmp_path / "folder" / "answers.txt", tmp_path / "link.txt", tmp_path / "dangling.txt"
    target.write_text("older\n", encoding="utf-8")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "folder" / "new.txt")
    for name in (link, dangling):
        assert seqloom("predict", trained.run, "abc", "--output", name) == Result(0, "", "")
        assert name.is_symlink()
        assert name.read_text(encoding="utf-8") == expected
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["answers.txt", "new.txt"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this machine")
def test_a_file_that_is_open_already_is_written_on(trained: Trained, tmp_path: Path) -> None:
    log, link = tmp_path / "log.txt", tmp_path / "link.txt"
    with log.open("w", encoding="utf-8") as file:
        file.write("before\n")
        file.flush()
        link.symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")  # as /dev/stdout is, where it leads to a file
        assert seqloom("predict", trained.run, "abc", "--output", link) == Result(0, "", "")
        assert link.is_symlink()
        assert os.path.samestat(os.fstat(file.fileno()), log.stat())
    assert log.read_text(encoding="utf-8") == "before\n" + seqloom("predict", trained.run, "abc").out


def test_a_draft_takes_no_name_that_another_may_have(tmp_path: Path) -> None:
    mine, there = tmp_path / "answers.txt.part", tmp_path / "answers.txt"
    mine.write_text("mine", encoding="utf-8")
    with open_output(str(there)) as one, open_output(str(there)) as other:
        one.write("one")
        other.write("other")
    assert there.read_text(encoding="utf-8") == "one", "the last to end"
    assert mine.read_text(encoding="utf-8") == "mine"
    (tmp_path / "new").touch()
    assert there.stat().st_mode == (tmp_path / "new").stat().st_mode
    long = tmp_path / ("é" * 125 + ".txt")
    with open_output(str(long)) as stream:
        stream.write("a")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["answers.txt", "answers.txt.part", "new", long.name])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left on the disk. Free some space, and run this again."),
        (errno.EFBIG, "cannot be written (File too large). Files may not be so large here: raise the limit (`ulimit -f unlimited`), and"),
    ],
)
def test_a_file_that_ends_before_its_end_is_named_and_leaves_the_old_one(tmp_path: Path, number: int, said: str) -> None:
    there = tmp_path / "answers.txt"
    there.write_text("older", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(f"--output {there}: {said}")), open_output(str(there)):
        raise OSError(number, os.strerror(number))
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("answers.txt", "older")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
def test_a_full_device_is_told_by_its_name(trained: Trained, tmp_path: Path) -> None:
    link = tmp_path / "full.txt"
    link.symlink_to("/dev/full")
    said = f"--output {link}: no space left on the disk. Free some space, and run this again."
    assert seqloom("predict", trained.run, "abc", "--output", link).error == said


@pytest.mark.skipif(sys.platform == "win32", reason="which ends a process at once")
def test_a_program_that_is_told_to_end_leaves_no_draft(tmp_path: Path) -> None:
    there = tmp_path / "answers.txt"
    code = f"import os, signal, time\nfrom seqloom.cli.output import open_output\nwith open_output({str(there)!r}):\n"
    code += "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 143
    assert not list(tmp_path.iterdir())


def test_the_file_that_is_read_is_not_replaced_by_the_answers(trained: Trained, tmp_path: Path) -> None:
    read, link = tmp_path / "sources.txt", tmp_path / "link.txt"
    read.write_text("abc\ncab\n", encoding="utf-8")
    link.symlink_to(read)
    said = f"--output {read}: the file that is read, and would be replaced; expected another. Name one."
    assert seqloom("predict", trained.run, "--input", read, "--output", read).error == said
    said = f"--output {link}: the same file as {read}, which is read, and would be replaced; expected another. Name one."
    assert seqloom("predict", trained.run, "--input", read, "--output", link).error == said
    assert read.read_text(encoding="utf-8") == "abc\ncab\n"
    for command in ("evaluate", "score"):
        assert "the file that is read" in seqloom(command, trained.run, trained.pairs, "--output", trained.pairs).err


def test_a_text_that_the_locale_cannot_read_names_the_locale(trained: Trained) -> None:
    said = seqloom("predict", trained.run, b"caf\xe9".decode("utf-8", "surrogateescape")).error
    what = "TEXT 1: bytes that are no utf-8, which is what the locale says; expected whole characters."
    assert said == f"{what} Say what your terminal writes, as in LC_ALL=C.UTF-8."


def test_the_name_of_the_output_says_json_lines_and_no_other_format(trained: Trained, tmp_path: Path) -> None:
    there = tmp_path / "answers.jsonl"
    seqloom("predict", trained.run, "abc", "--output", there)
    assert there.read_text(encoding="utf-8") == seqloom("predict", trained.run, "abc", "--json").out
    for name, format in (("a.csv", "csv"), ("a.json", "json"), ("a.parquet", "parquet")):
        ways = "a line an answer (.txt), TSV with --scores or --n-best (.tsv), or JSON Lines (.jsonl)"
        said = f"--output {tmp_path / name}: answers are not written as {format}; expected {ways}. Name another file."
        assert seqloom("predict", trained.run, "abc", "--output", tmp_path / name).error == said
    seqloom("predict", trained.run, "abc", "--scores", "--output", tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8") == seqloom("predict", trained.run, "abc", "--scores").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["abc", ""], "TEXT 2: empty; expected a source."),
        (["abc", "--input", "x"], "--input: TEXT is given too"),
        (["abc", "--greedy", "--beam", "2"], "--beam, --greedy, --sample: more than one is given"),
        (["abc", "--n-best", "0"], "--n-best 0: expected 1 or more"),
        (
            ["abc", "--n-best", "2", "--greedy"],
            "--n-best 2: of no effect with --greedy, which has one answer. Leave one of them out.",
        ),
        (["abc", "--top-k", "2", "--temperature", "3"], "--temperature, --top-k: of no effect without --sample."),
        (["abc", "--quantiles", "0.5"], "--quantiles: of no effect, the model was trained on pairs. Leave it out."),
        (["abc", "--beam", "0"], "search.beam: Input should be greater than or equal to 1; got 0"),
        (["abc", "--length-penalty", "1e9"], "search.length_penalty: Input should be less than or equal to 10; got 1000000000.0"),
        (["abc", "--length-penalty", "inf"], "search.length_penalty: Input should be a finite number; got inf"),
        (["--input", "none.txt"], "none.txt: no such file."),
        (["a" * 5001], "TEXT 1: "),
    ],
)
def test_options_of_predict_that_make_no_sense_are_refused(trained: Trained, arguments: list[str], message: str) -> None:
    assert message in seqloom("predict", trained.run, *arguments).error


def test_a_part_of_pairs_is_refused(trained: Trained) -> None:
    said = "--part: of no effect, the model was trained on pairs. Leave it out."
    assert said in seqloom("evaluate", trained.run, "--part", "test").error


def test_several_source_columns_are_separated_by_tabs(columns: Trained) -> None:
    result = seqloom("predict", columns.run, "abc\tUP", "abc\tSAME")
    assert result.code == 0
    assert len(result.lines) == 2
    assert json.loads(seqloom("predict", columns.run, "abc\tUP", "--json").out)["source"] == ["abc", "UP"]
    assert (
        "TEXT 2: 1 source column; expected the model's 2 source columns separated by tabs, got 'abc'. Mend the text."
        in seqloom("predict", columns.run, "abc\tV", "abc").error
    )
    from_file = seqloom("predict", columns.run, "--input", columns.pairs)
    assert len(from_file.lines) == 120


def test_columns_that_predict_does_not_read_are_said(trained: Trained) -> None:
    result = seqloom("predict", trained.run, stdin="abc\tcba\nbcd\n")
    assert result.out == seqloom("predict", trained.run, "abc", "bcd").out
    said = "note: 1 line has further columns, which are not read (the first at stdin:1); the source is column 1, as in the training file\n"
    assert result.err == said


def test_a_reader_that_leaves_early_ends_predict_quietly(trained: Trained) -> None:
    command = [sys.executable, "-m", "seqloom", "predict", str(trained.run), "--greedy", "--max-length", "3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(b"abcd\n" * 9000)
    assert err == b""
    assert process.returncode == 0


def test_standard_input_that_is_closed_or_named_twice_is_refused(trained: Trained, tmp_path: Path) -> None:
    with mock.patch.object(sys, "stdin", None), redirect_stderr(io.StringIO()) as err, pytest.raises(SystemExit):
        main(["predict", str(trained.run)])
    assert err.getvalue() == "error: stdin: closed; expected sources, one a line. Name a file, or give them to the command.\n"
    said = "error: --input: TEXT is given too; expected one of both. Leave one out.\n"
    assert seqloom("predict", trained.run, "-", "--input", tmp_path / "in.txt", stdin="abc\n").err == said


def test_who_waits_for_an_answer_gets_it(trained: Trained) -> None:
    command = [sys.executable, "-m", "seqloom", "predict", str(trained.run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for source in ("abc", "bcd"):
            process.stdin.write(f"{source}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == seqloom("predict", trained.run, source).out.encode()
        process.stdin.close()
        assert process.stdout.read() == b""


# ------------------------------------------------------------------------------------------- evaluate, inspect, config


def test_evaluate_prints_a_table_or_json(trained: Trained, tmp_path: Path) -> None:
    test = tmp_path / "test.tsv"
    test.write_text("".join(f"{word}\t{word[::-1]}\n" for word in words(30, seed=9)), encoding="utf-8")
    table = seqloom("evaluate", trained.run, test, "--output", tmp_path / "answers.txt")
    found = json.loads(seqloom("evaluate", trained.run, test, "--json").out)
    assert table.lines[0] == f"{trained.run} on {test}: 30 pairs"
    printed = dict(line.split() for line in table.lines[1:])
    assert float(printed["exact_match"]) == pytest.approx(found["exact_match"], abs=1e-4)
    assert {"token_accuracy", "character_error_rate", "loss", "perplexity"} <= set(printed)
    assert found["pairs"] == 30
    answers = (tmp_path / "answers.txt").read_text(encoding="utf-8").splitlines()
    right = sum(answer == word[::-1] for answer, word in zip(answers, words(30, seed=9), strict=True))
    assert right / 30 == pytest.approx(found["exact_match"])


def test_a_header_that_training_had_not_is_warned_of_where_it_is_read_as_data(trained: Trained, tmp_path: Path) -> None:
    """Such a first line was measured as a pair, learned of and answered, without a word that it may be a header."""
    rows = "".join(f"{word}\t{' '.join(word[::-1])}\n" for word in words(30, seed=9))
    test, table = tmp_path / "test.tsv", tmp_path / "test.csv"
    test.write_text("word\tsounds\n" + rows, encoding="utf-8")
    table.write_text("\ufeffword;sounds\n" + rows.replace("\t", ";"), encoding="utf-8")
    doubt = "Without a header: line 1 ('word', 'sounds') is data though it reads like a header."
    warning = f"warning: {doubt} If it is one, say --set data.header=true.\n"
    for file in (test, table):
        for command in ("evaluate", "score"):
            assert warning in seqloom(command, trained.run, file).err
            assert "warning" not in seqloom(command, trained.run, file, "--set", "data.header=false").err, "it is said"
        assert ": 30 pairs\n" in seqloom("evaluate", trained.run, file, "--set", "data.header=true").out
        answered = seqloom("predict", trained.run, "--input", file).err
        assert f"warning: {file}:1: 'word', 'sounds' is answered as a source though it reads like a header" in answered
    assert "warning: stdin:1: 'word', 'sounds'" in seqloom("predict", trained.run, stdin=test.read_text(encoding="utf-8")).err
    assert "warning" not in seqloom("predict", trained.run, stdin="word\n" + rows).err
    train = ["train", trained.pairs, "--dev", test, "--out", tmp_path / "run", *TINY, "--set", "training.max_steps=2"]
    assert warning.replace("Without", "dev: Without") in seqloom(*train).out


def test_evaluate_writes_each_pair_beside_its_answer_where_the_name_says_a_table(trained: Trained, tmp_path: Path) -> None:
    """Bare answers were written into files called .jsonl and .tsv."""
    test = tmp_path / "test.tsv"
    test.write_text("abc\tcba\nabc\tcab\n\nbad\tdab\n", encoding="utf-8")
    plain, lines, table = (tmp_path / f"e.{name}" for name in ("txt", "jsonl", "tsv"))
    found = [json.loads(seqloom("evaluate", trained.run, test, "--json", "--output", file).out) for file in (plain, lines, table)]
    assert found[0] == found[1] == found[2]
    answers = plain.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [record["output"] for record in records] == [answers[0], answers[1], answers[3]]
    assert list(records[0]) == ["where", "source", "target", "output", "right"]
    assert [(record["where"], record["target"]) for record in records] == [(f"{test}:1", "cba"), (f"{test}:2", "cab"), (f"{test}:4", "dab")]
    assert [record["right"] for record in records] == [record["output"] == record["target"] for record in records]
    assert sum(record["right"] for record in records) == round(found[0]["exact_match"] * 3)
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["where", "source", "target", "output", "right"]
    assert [row[4] for row in rows[1:]] == ["yes" if record["right"] else "no" for record in records]
    seqloom("evaluate", trained.run, test, "--any-target", "--output", lines)
    several = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [record["targets"] for record in several] == [["cba", "cab"], ["cba", "cab"], ["dab"]]
    assert several[0]["right"] == several[1]["right"] == (several[0]["output"] in ("cba", "cab"))
    refused = seqloom("evaluate", trained.run, test, "--output", tmp_path / "e.parquet").error
    assert "answers are not written as parquet; expected a line an answer (.txt), TSV with a header" in refused


@pytest.fixture
def gaps(tmp_path: Path) -> list[Path]:
    """Two parallel files with a blank pair and a pair without a source."""
    sources, targets = tmp_path / "test.src", tmp_path / "test.tgt"
    sources.write_text("abc\n\ndea\n\nbad\n", encoding="utf-8")
    targets.write_text("cba\n\naed\nxx\ndab\n", encoding="utf-8")
    return [sources, targets]


def test_what_is_written_of_pairs_stays_in_step_with_their_lines(trained: Trained, gaps: list[Path], tmp_path: Path) -> None:
    there = tmp_path / "out.txt"
    result = seqloom("evaluate", trained.run, *gaps, "--skip-bad", "--output", there)
    assert result.lines[0].endswith(": 3 pairs")
    assert f"note: 1 row with an empty source went by, the first at {gaps[0]}:4.\n" in result.err
    assert there.read_text(encoding="utf-8") == seqloom("predict", trained.run, "--input", gaps[0]).out
    lines = seqloom("score", trained.run, *gaps, "--skip-bad").lines
    assert [bool(line) for line in lines] == [True, False, True, False, True]
    pairs = tmp_path / "test.tsv"
    pairs.write_text("abc\tcba\n\n \t\ndea\taed\n", encoding="utf-8")
    assert seqloom("score", trained.run, pairs).lines == [lines[0], "", "", lines[2]]
    tokens = seqloom("score", trained.run, pairs, "--tokens").lines
    assert [line.split("\t")[0] for line in tokens] == ["1"] * 4 + ["4"] * 4


def test_a_row_without_a_source_ends_a_command_and_names_the_flag_that_goes_on(trained: Trained, gaps: list[Path], tmp_path: Path) -> None:
    for command in ("evaluate", "score"):
        said = seqloom(command, trained.run, *gaps).err.splitlines()[-1]
        where = f"error: {gaps[0]}:4: the source is empty; expected at least one symbol."
        assert said == f"{where} Mend the line, or go on without such rows: --skip-bad."
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(trained.pairs.read_text(encoding="utf-8") + "\tabc\nabc\t\nabd\t\n", encoding="utf-8")
    train = ["train", pairs, "--out", tmp_path / "run", *TINY, "--set", "training.max_steps=2"]
    assert seqloom(*train).err.startswith(f"error: {pairs}:401: the source is empty;")
    result = seqloom(*train, "--skip-bad")
    assert f"note: 1 row with an empty source went by, the first at {pairs}:401.\n" in result.out
    assert f"note: 2 rows with an empty target went by, the first at {pairs}:402.\n" in result.out


def test_a_file_without_the_header_of_training_is_read_whole_by_numbers(columns: Trained, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("ab,UP,AB\nde,SAME,de\nde,UP,DE\n", encoding="utf-8")
    assert "no header that names 'word', 'tag', 'form'" in seqloom("evaluate", columns.run, test).error
    result = seqloom("evaluate", columns.run, test, "--source", "1,2", "--target", "3", "--json")
    assert json.loads(result.out)["pairs"] == 3


def test_columns_in_another_order_than_those_of_training_are_warned_of(columns: Trained, tmp_path: Path) -> None:
    """Nothing came out right, and a note named symbols that training never saw."""
    test = tmp_path / "test.tsv"
    test.write_text("".join(f"{word}\t{word.upper()}\tUP\n" for word in words(30, seed=5)), encoding="utf-8")
    said = "warning: columns exchanged? Hardly a pair holds only symbols that the model knows, and most do with two columns exchanged."
    for command in ("evaluate", "score"):
        result = seqloom(command, columns.run, test, "--source", "1,2", "--target", "3")
        assert f"{said} They are read so with --source 1,3 --target 2\n" in result.err
        assert "warning" not in seqloom(command, columns.run, test, "--source", "1,3", "--target", "2").err


def test_a_header_that_is_said_holds_beside_columns_that_are_said(columns: Trained, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("2023,2024,2025\nab,UP,AB\nde,SAME,de\n", encoding="utf-8")
    words = (columns.run, test, "--source", "1,2", "--target", "3", "--set", "data.header=true")
    assert json.loads(seqloom("evaluate", *words, "--json").out)["pairs"] == 2
    assert len(seqloom("score", *words).lines) == 2


def test_what_says_how_a_file_is_read_is_refused_without_one(columns: Trained) -> None:
    refused = seqloom("evaluate", columns.run, "--source", "nosuch", "--target", "99").error
    assert refused == "--source, --target: of no effect, the run's own dev pairs are read already. Leave it out."
    idle = "of no effect, the run's own dev pairs are read already."
    for header in ("true", "null"):
        refused = seqloom("evaluate", columns.run, "--set", f"data.header={header}").error
        assert refused == f"--set data.header={header}: {idle} Name a file, or leave it out."
    with pytest.raises(ConfigError, match=f"^source: {idle} Give pairs, or leave it out"):
        load(columns.run).evaluate(source="nosuch")
    with pytest.raises(ConfigError, match=f"^targets, target: {idle} Give pairs, or leave them out"):
        load(columns.run).evaluate(targets=["ab"], target=1)


def test_a_group_of_settings_is_taken_apart_by_every_command(columns: Trained, tmp_path: Path) -> None:
    """`evaluate` took a group for one of how a file is read, and `inspect` forgot the columns."""
    one, other = (seqloom("evaluate", columns.run, "--set", asked).out for asked in ("search={beam: 2}", "search.beam=2"))
    assert one == other
    table = tmp_path / "table.csv"
    table.write_text("a,b,c\n" + "".join(f"{number},{number}x,y{number}\n" for number in range(30)))
    words = ("inspect", table, "--source", "3", "--target", "2", "--set")
    assert seqloom(*words, "data={skip_bad: true}").out == seqloom(*words, "data.skip_bad=true").out


def test_the_help_of_a_command_has_no_gaps_where_its_docstring_goes_on_in_a_new_line() -> None:
    about = seqloom("predict", "--help").out.partition("Arguments:")[0]
    assert "Answers come one a line" in about
    assert not re.search(r"\S {2,}\S", about)


def test_settings_of_forecasts_are_not_ignored_for_being_zero(tmp_path: Path, trained: Trained) -> None:
    for flag in ("--horizon", "--history", "--season"):
        assert seqloom("train", trained.pairs, flag, "0", "--out", tmp_path / "run").code == 2
    assert not (tmp_path / "run").exists()


def test_evaluate_says_what_can_come_out_right_where_sources_have_several_targets(trained: Trained, tmp_path: Path) -> None:
    test = tmp_path / "test.tsv"
    test.write_text("ab\tba\nab\tab\nad\tda\n", encoding="utf-8")
    assert "at most 2 of 3 pairs can come out right (exact_match 0.67)" in seqloom("evaluate", trained.run, test).err


def test_evaluate_without_a_file_takes_the_dev_pairs(columns: Trained) -> None:
    result = seqloom("evaluate", columns.run)
    assert result.lines[0] == f"{columns.run} on the run's dev pairs: 120 pairs"
    assert json.loads(seqloom("evaluate", columns.run, columns.pairs, "--json", "--beam", "2").out)["pairs"] == 120


def test_sentences_are_scored_with_signatures(tmp_path: Path) -> None:
    draw = random.Random(1)
    lines = [" ".join(draw.choice(["we", "see", "two", "red", "birds", "today"]) for _ in range(9)) for _ in range(200)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{line}\t{line}.\n" for line in lines))
    as_words = ["--set", "fields.target.kind=text", "--set", "fields.target.unit=word", "--set", "training.max_steps=2"]
    as_words += ["--set", "training.early_stopping.metric=bleu"]
    assert seqloom("train", tmp_path / "pairs.tsv", "--out", tmp_path / "run", *TINY, *as_words).code == 0
    result = seqloom("evaluate", tmp_path / "run")
    assert result.lines[1].split()[0] == "bleu"
    assert "|tok:" in result.lines[-2]
    found = json.loads(seqloom("evaluate", tmp_path / "run", "--json").out)
    assert "tok:" in found["signatures"]["bleu"]


def test_inspect_describes_the_pairs(trained: Trained) -> None:
    result = seqloom("inspect", trained.pairs)
    assert result.lines[0] == f"400 pairs in {trained.pairs}"
    assert result.err == ""
    profile = json.loads(seqloom("inspect", trained.pairs, "--dev", trained.pairs, "--json").out)
    assert profile["pairs"] == 400
    assert profile["overlap"]["pairs"] == 400


def test_inspect_finds_the_columns_of_dev_by_the_names_of_training_as_train_does(tmp_path: Path) -> None:
    """A dev file with further columns was refused, though `train` took it."""
    train, dev = tmp_path / "train.jsonl", tmp_path / "dev.jsonl"
    train.write_text("".join(json.dumps({"id": n, "body": f"b{n}", "subject": f"s{n}"}) + "\n" for n in range(9)))
    dev.write_text(json.dumps({"id": 1, "body": "b1", "subject": "s1", "ann0": "x", "ann1": "y"}) + "\n")
    result = seqloom("inspect", train, "--dev", dev, "--source", "body", "--target", "subject", "--json")
    assert json.loads(result.out)["overlap"]["pairs"] == 1
    assert seqloom("inspect", train, "--dev", dev).err == ""


def test_a_source_of_any_length_is_not_offered_to_try() -> None:
    finished = Finished("runs/a", 1, 1.0, "done", {"loss": 1.0}, "the last", 1, "greedy", [], {})
    rows = [Row(("word " * 500,), "a", "dev:1"), Row(("a short one",), "b", "dev:2")]
    assert closing_lines(finished, rows, None, None)[-1] == "  seqloom predict runs/a 'a short one'"
    assert closing_lines(finished, rows[:1], None, None)[-1] == "  seqloom predict runs/a TEXT"


def test_config_prints_yaml_with_reasons_that_train_can_follow(trained: Trained, tmp_path: Path) -> None:
    result = seqloom("config", trained.pairs, *TINY, "--set", "training.max_steps=2", "--set", "data.hold_out=0.2", "--seed", "7")
    config = yaml.safe_load(result.out)
    assert config["seed"] == 7
    assert config["model"]["encoder"]["width"] == 32
    assert "  hold_out: 0.2  # as asked for\n" in result.out
    assert result.err.startswith("note: ")
    (tmp_path / "run.yaml").write_text(result.out, encoding="utf-8")
    followed = seqloom("train", "--config", tmp_path / "run.yaml", "--out", tmp_path / "run", "--set", "model.dropout=0.5")
    assert followed.code == 0, followed.err
    assert re.search(r"^  model.dropout +0.5 +as asked for$", followed.out, re.MULTILINE)
    written = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text(encoding="utf-8"))
    assert written["model"]["dropout"] == 0.5
    assert written["model"]["encoder"] == config["model"]["encoder"]
    comments = (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")
    assert "  dropout: 0.5  # as asked for\n" in comments
    assert "  average: 5  # the best five, where their mean is better on dev\n" in comments
    assert "# 1.2 times what 999 of 1,000 training targets need\n" in comments
    assert len((tmp_path / "run" / "dev.jsonl").read_text().splitlines()) == pytest.approx(80, abs=25)


# -------------------------------------------------------------------------------------------------- what nobody foresaw


def test_the_version_is_printed() -> None:
    from seqloom import __version__

    assert seqloom("--version") == Result(0, f"seqloom {__version__}\n", "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("the\nmoon"), 1, "error: RuntimeError: the moon. This was not foreseen; `seqloom --debug "),
        (
            MemoryError("10 GiB"),
            1,
            "error: not enough memory (10 GiB). Try a smaller training.batch.size or model.embedding; `seqloom --debug",
        ),
        (torch.OutOfMemoryError("CUDA: 2 GiB"), 1, "error: not enough memory (CUDA: 2 GiB). Try a smaller training.batch.size "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 1, "error: not enough memory (DefaultCPUAllocator: can't "),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(
    error: BaseException, code: int, message: str, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.planning.profile.profile_rows", mock.Mock(side_effect=error))
    monkeypatch.setattr("sys.argv", ["seqloom", "inspect", str(trained.pairs)])  # what the advice repeats
    result = seqloom("inspect", trained.pairs)
    assert result.code == code
    assert result.err.startswith(message)
    assert result.err.count("\n") == 1
    assert "Traceback" in seqloom("--debug", "inspect", trained.pairs).err


def test_a_full_disk_is_said_in_one_line(trained: Trained) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this machine")
    result = seqloom("predict", trained.run, "abc", "--output", "/dev/full")
    assert result.error == "--output /dev/full: no space left on the disk. Free some space, and run this again."


def test_debug_shows_the_traceback_and_the_line() -> None:
    result = seqloom("--debug", "inspect", "no.tsv")
    assert result.code == 2
    assert result.err.startswith("Traceback")
    assert result.err.splitlines()[-1].startswith("error: no.tsv: no such file.")


def without_torch(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a plain install does with some code, in a process of its own."""
    code = f"import sys; sys.modules['torch'] = sys.modules['safetensors'] = None; {code}"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_a_plain_install_says_what_brings_torch(trained: Trained) -> None:
    cli = "from seqloom.cli import main; main(sys.argv[1:])"
    result = without_torch(cli, "train", str(trained.pairs), "--out", "runs/never")
    assert result.returncode == 2
    assert result.stderr == "error: torch is not installed, and training needs it. Install it with: pip install 'seqloom[train]'\n"
    needs = f"{trained.run}: a trained run, which needs torch, and that is not installed. Install it with: pip install 'seqloom[train]', "
    for words in (["predict", str(trained.run), "x"], ["evaluate", str(trained.run)]):
        assert without_torch(cli, *words).stderr == f"error: {needs}or export the run where it is.\n"
    result = without_torch("import seqloom; seqloom.load(sys.argv[1])", str(trained.run))
    assert result.stderr.splitlines()[-1] == f"seqloom.errors.CheckpointError: {needs}or export the run where it is."


def test_python_says_what_brings_torch() -> None:
    needs = "torch is not installed, and {} needs it. Install it with: pip install 'seqloom[train]'"
    for name in ("train", "resume", "train_forecast"):
        result = without_torch(f"import seqloom; seqloom.{name}([('a', 'b')])")
        assert result.stderr.splitlines()[-1] == f"seqloom.errors.MissingPackageError: {needs.format(f'seqloom.{name}')}"


@pytest.mark.parametrize("name", ["safetensors", "rapidfuzz", "sacrebleu", "rouge_score"])
def test_a_package_that_training_needs_at_its_end_is_missed_at_its_beginning(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.installed.find_spec", lambda module: None if module == name else module)
    message = f"{name} is not installed, and training needs it. Install it with: pip install 'seqloom[train]'"
    assert seqloom("train", tmp_path / "not-looked-at.tsv").error == message
    with pytest.raises(MissingPackageError, match=re.escape(message)):
        train(tmp_path / "not-looked-at.tsv", out=tmp_path / "run")
    assert issubclass(MissingPackageError, ImportError)


def test_a_plain_install_tells_a_wrong_path_as_that(trained: Trained) -> None:
    cli = "from seqloom.cli import main; main(sys.argv[1:])"
    said = "no/such: no such run directory. `seqloom train PAIRS --out no/such` makes one."
    for words in (["predict", "no/such", "x"], ["evaluate", "no/such"]):
        assert without_torch(cli, *words).stderr == f"error: {said}\n"
    result = without_torch("import seqloom; seqloom.load('no/such')")
    assert result.stderr.splitlines()[-1] == f"seqloom.errors.CheckpointError: {said}"


def test_a_plain_install_tells_an_exported_model_as_that(trained: Trained, tmp_path: Path) -> None:
    exported = tmp_path / "dist"
    exported.mkdir()
    for name in ("model.onnx", "manifest.json"):
        (exported / name).touch()
    (exported / "fields.json").write_text('{"kind": "numbers"}', encoding="utf-8")
    run = "an exported model; this needs the run that it was made from. Give the folder that `seqloom train` wrote."
    for words, said in (
        (["resume", exported], run),
        (["report", exported], run),
        (["join", trained.run, exported, "--out", "all"], "an exported model, whose networks cannot be taken out. Give the run that it"),
        (["export", exported, "--out", "again"], "exported already; expected a run. Copy the folder, make a site of it"),
    ):
        result = without_torch("from seqloom.cli import main; main(sys.argv[1:])", *map(str, words))
        assert result.stderr.startswith(f"error: {exported}: {said}"), words


def test_a_terminal_that_knows_only_ascii_is_no_reason_to_stop(trained: Trained) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "seqloom", "inspect", str(trained.pairs)]
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
