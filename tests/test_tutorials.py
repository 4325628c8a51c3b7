"""The worked examples under `examples/`: their commands as their READMEs print them, on small data, and what the READMEs claim."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import random
import re
import runpy
import shlex
import sys
import wave
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
import typer

from seqloom.batching import make_batches
from seqloom.cli import app, main
from seqloom.config_file import load_config
from seqloom.corpus import Corpus, encode_rows
from seqloom.data.pairs import read_rows
from seqloom.fields.task import Fields
from seqloom.model import load, train
from seqloom.settings import override

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDERS = [
    "1-encoder-decoder",
    "2-csv-english-french",
    "3-reverse-gru",
    "4-one-command-three-tasks",
    "5-numbers-in-numbers-out",
    "6-spoken-digits",
]
SMALL = [
    "model.embedding=16", "model.encoder.width=32", "model.decoder.width=32", "model.dropout=0",
    "training.max_steps=60", "training.evaluate_every=20",
    "training.optimizer.learning_rate=0.01", "training.precision=float32", "training.device=cpu", "training.threads=1",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------- data for tests


def sentences(folder: Path) -> None:
    """fra.txt: 216 English sentences, some with two translations, and one that is too long to be chosen."""
    people = {"I": "je", "You": "vous", "Tom": "Tom", "Mary": "Marie", "My father": "mon père", "The cat": "le chat"}
    verbs = {"see": "vois", "want": "veux", "like": "aime", "have": "tiens", "know": "connais", "hear": "entends"}
    things = {
        "a dog": "un chien",
        "the house": "la maison",
        "two birds": "deux oiseaux",
        "a song": "un chant",
        "the sea": "la mer",
        "her": "elle",
    }
    lines = [f"{' '.join([a, b, c])}.\t{' '.join([people[a], verbs[b], things[c]])}." for a, b, c in product(people, verbs, things)]
    lines += [line.replace("vous", "tu") for line in lines if line.startswith("You")]
    lines.append("word " * 12 + "\t" + "mot " * 12)
    random.Random(1).shuffle(lines)
    (folder / "fra.txt").write_text("".join(f"{line}\tCC-BY\n" if n % 2 else f"{line}\n" for n, line in enumerate(lines)), encoding="utf-8")


def mails(folder: Path) -> None:
    """AESLC/enron_subject_line: made mails, in files as the set has them."""
    for split, count in (("train", 200), ("test", 20)):
        place = folder / "AESLC" / "enron_subject_line" / split
        place.mkdir(parents=True)
        for number in range(count):
            what, day = random.Random(number).choice(["meeting", "report", "lunch"]), ["Monday", "Friday"][number % 2]
            body = f"Dear all,\nthe {what} number {number} is on {day}.\nSee you there."
            annotators = "".join(f"\n\n@ann{n}\nno subject {n}" for n in range(3)) if split == "test" else ""
            (place / f"mail-{number:03}.subject").write_text(f"{body}\n\n@subject\n{what} on {day}{annotators}\n", encoding="utf-8")


def questions(folder: Path) -> None:
    """advising.json: two queries, with values in texts and in SQL, and sentences of every split."""
    number = {"name": "number0", "example": "100", "location": "both", "type": "number"}
    department = {"name": "department0", "example": "EECS", "location": "sql-only", "type": "department"}
    queries: list[dict[str, Any]] = []
    for what in ("NAME", "CREDITS"):
        splits = ["train", "train", "train", "dev", "test", "exclude"] * 20
        texts = [
            {
                "question-split": split,
                "text": f"what is the {what} of number0 for {n} ?",
                "variables": {"number0": str(n + 200), "department0": ""},
            }
            for n, split in enumerate(splits)
        ]
        sql = f'SELECT {what} FROM COURSE WHERE DEPARTMENT = "department0" AND NUMBER = number0 ;'
        queries.append({"sql": [sql, "not this one"], "variables": [number, department], "sentences": texts})
    (folder / "advising.json").write_text(json.dumps(queries), encoding="utf-8")


def recordings(folder: Path) -> None:
    """recordings/: two people who say three digits as tones, twelve times each."""
    (folder / "recordings").mkdir()
    for (place, speaker), digit, number in product(enumerate(["jackson", "theo"]), (0, 7, 9), range(12)):
        seconds = np.arange(1200 + 40 * number) / 8000
        samples = 8000 * np.sin(2 * np.pi * (300 + 150 * digit + 20 * place) * seconds) * np.hanning(len(seconds))
        with wave.open(str(folder / "recordings" / f"{digit}_{speaker}_{number}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            file.writeframes(samples.astype("<i2").tobytes())


def prepared(folder: Path) -> Path:
    """A folder with all that the commands of the READMEs expect where they are typed."""
    (folder / "examples").symlink_to(EXAMPLES)
    for make in (sentences, mails, questions, recordings):
        make(folder)
    return folder


# ------------------------------------------------------------------------------------------------ the commands in READMEs


def commands(name: str) -> list[str]:
    """The commands behind `$ ` in the README of an example, in their order."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def is_ours(command: str) -> bool:
    return command.split()[0] in ("seqloom", "python")


def run(command: str, *more: str) -> str:
    """What a command printed, run in this process: starting a Python with torch for each would take longer than the training."""
    words, printed = [*shlex.split(command), *more], io.StringIO()
    with redirect_stdout(printed), mock.patch.object(sys, "argv", words[1:]):
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            with pytest.raises(SystemExit) as ended:
                main(words[1:])
            assert not ended.value.code, f"{command}\n{printed.getvalue()}"
    return printed.getvalue()


def follow(name: str, folder: Path, settings: list[str]) -> dict[str, str]:
    """Runs the commands of a README in their order in a folder, training with `settings` on top; what each printed."""
    changed = [word for setting in settings for word in ("--set", setting)]
    before, printed = Path.cwd(), dict[str, str]()
    os.chdir(folder)
    try:
        for command in filter(is_ours, commands(name)):
            printed[command] = run(command, *(changed if command.startswith("seqloom train") else []))
    finally:
        os.chdir(before)
    return printed


def losses(folder: Path) -> list[float]:
    """The dev loss at each look of a run."""
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def script(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(file).stem, EXAMPLES / name / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FOLDERS)
def test_every_command_in_a_readme_is_one_that_seqloom_or_the_folder_has(name: str) -> None:
    group = typer.main.get_command(app)
    ours = [command for command in commands(name) if is_ours(command)]
    assert ours
    for command in ours:
        words = shlex.split(command)
        if words[0] == "python":
            assert (EXAMPLES.parent / words[1]).is_file(), command
        else:
            group.commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]  # refuses what it does not know


@pytest.mark.parametrize("name", FOLDERS)
def test_a_readme_names_no_path_of_one_machine(name: str) -> None:
    for file in (EXAMPLES / name).iterdir():
        assert not re.search(r"/(tmp|home|work|root)/", file.read_text(encoding="utf-8")), file


# ------------------------------------------------------------------------------------------------------ encoder-decoder


def test_the_encoder_decoder_hands_its_last_state_over_and_learns(tmp_path: Path) -> None:
    printed = follow("1-encoder-decoder", prepared(tmp_path), SMALL)
    found = losses(tmp_path / "runs" / "encoder-decoder")
    assert found[-1] < 0.9 * found[0]
    shapes = next(text for command, text in printed.items() if "shapes.py" in command)
    assert "source ids (2, 23) -> embedded (2, 23, 16)\n" in shapes
    assert "encoder's last state {'hidden': (2, 1, 32), 'cell': (2, 1, 32)}\n" in shapes
    assert "decoder's first state {'hidden': True, 'cell': True}" in shapes
    assert re.search(r"^target in \[1, .*\] \(1 is <s>", shapes, re.MULTILINE)
    assert re.search(r"^target out \[.*, 2\] \(2 is </s>\)", shapes, re.MULTILINE)
    assert re.search(r"^decoder states \(2, 11, 32\) -> scores \(2, 11, \d+\)$", shapes, re.MULTILINE)


def test_the_encoder_decoder_is_the_tutorials() -> None:
    config = load_config(EXAMPLES / "1-encoder-decoder" / "run.yaml")
    model = config.model
    assert (model.encoder.kind, model.encoder.cell, model.decoder.kind, model.decoder.cell) == ("recurrent", "lstm", "recurrent", "lstm")
    assert (model.decoder.start, model.attention.kind, model.encoder.bidirectional) == ("copy", "none", False)
    assert (model.head.label_smoothing, config.training.teacher_forcing.start) == (0.0, 1.0)


# ------------------------------------------------------------------------------------------------------------ torchtext


@pytest.fixture(scope="module")
def english_french(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands of the CSV example ran."""
    folder = prepared(tmp_path_factory.mktemp("csv"))
    follow("2-csv-english-french", folder, [*SMALL, "training.max_steps=40"])
    return folder


def test_the_csv_files_keep_an_english_sentence_on_one_side(english_french: Path) -> None:
    parts = {name: (english_french / f"{name}.csv").read_text(encoding="utf-8").splitlines() for name in ("train", "validation")}
    assert all(lines[0] == "English,French" for lines in parts.values())
    sources = {name: {line.split(",")[0] for line in lines[1:]} for name, lines in parts.items()}
    assert len(sources["train"] | sources["validation"]) == 216
    assert not sources["train"] & sources["validation"]
    assert sum(len(lines) - 1 for lines in parts.values()) == 252


def test_the_csv_config_is_what_the_old_code_said(english_french: Path) -> None:
    config = load_config(english_french / "runs" / "torchtext" / "config.yaml")
    fields = Fields.load(english_french / "runs" / "torchtext" / "fields.json")
    for field in (*config.fields.source, config.fields.target):
        assert (field.kind, field.separator, field.max_size) == ("tokens", " ", 5000)
    assert max(fields.source.size, fields.target.size) <= 5000 + 4
    assert (config.data.source, config.data.target, config.training.teacher_forcing.start) == (["English"], "French", 0.5)
    assert (
        config.training.optimizer.kind,
        load_config(EXAMPLES / "2-csv-english-french" / "torchtext.yaml").training.optimizer.learning_rate,
    ) == ("adam", 0.001)
    assert (config.model.encoder.cell, config.model.encoder.layers, config.model.decoder.layers) == ("lstm", 2, 2)
    assert load_config(EXAMPLES / "2-csv-english-french" / "torchtext.yaml").model.dropout > 0


def test_the_csv_batches_hold_32_pairs_of_like_source_length(english_french: Path) -> None:
    config = load_config(english_french / "runs" / "torchtext" / "config.yaml")
    fields = Fields.load(english_french / "runs" / "torchtext" / "fields.json")
    corpus = Corpus.build(encode_rows(read_rows([str(english_french / "train.csv")], config.data), fields, config.data, copy=False))
    batches = make_batches(corpus.source_lengths, corpus.target_lengths, config.training.batch, config.seed, epoch=0)
    assert sorted(map(len, batches))[1:] == [32] * (len(corpus) // 32)
    ranges = sorted((int(corpus.source_lengths[b].min()), int(corpus.source_lengths[b].max())) for b in batches)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))


def test_the_csv_example_learns_and_answers(english_french: Path) -> None:
    found = losses(english_french / "runs" / "torchtext")
    assert found[-1] < 0.9 * found[0]
    assert load(english_french / "runs" / "torchtext").predict(["I see a dog."])[0]


def test_a_vocabulary_of_at_most_5000_drops_the_rarest(tmp_path: Path) -> None:
    given = load_config(EXAMPLES / "2-csv-english-french" / "torchtext.yaml")
    config = override(given, {"data.dev": [], "data.train": [str(tmp_path / "train.csv")]})
    lines = [f"w{n} the,m{n} le" for n in range(6000)]
    (tmp_path / "train.csv").write_text("\n".join(["English,French", *lines]) + "\n", encoding="utf-8")
    fields = Fields.fit(config.fields, read_rows(config.data.train, config.data), ("English", "French"))
    assert (fields.source.size, fields.target.size) == (5004, 5004)


# ----------------------------------------------------------------------------------------------------------- reverse GRU


def short_numbers() -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
    """All sequences of one to four numbers below 8, shuffled: 4,280 to train on, 200 for dev, 200 for the test."""
    sources = [" ".join(map(str, numbers)) for length in range(1, 5) for numbers in product(range(8), repeat=length)]
    random.Random(1).shuffle(sources)
    pairs = [(source, " ".join(reversed(source.split()))) for source in sources]
    return pairs[400:], pairs[:200], pairs[200:400]


@pytest.mark.slow
def test_the_gru_reverses_every_sequence_that_it_has_not_seen(tmp_path: Path) -> None:
    pairs, dev, test = short_numbers()
    settings = ["training.epochs=4", "training.threads=1", "training.device=cpu", "training.precision=float32"]
    model = train(pairs, dev=dev, config=EXAMPLES / "3-reverse-gru" / "reverse.yaml", settings=settings, out=tmp_path / "run")
    assert model.evaluate(test)["exact_match"] == 1.0


def test_the_reversing_gru_uses_sgd_and_plain_likelihood() -> None:
    config = load_config(EXAMPLES / "3-reverse-gru" / "reverse.yaml")
    assert (config.training.optimizer.kind, config.model.head.label_smoothing) == ("sgd", 0.0)
    assert (config.model.encoder.cell, config.model.decoder.cell) == ("gru", "gru")


def test_the_commands_of_the_reversing_gru_work(tmp_path: Path) -> None:
    printed = follow("3-reverse-gru", prepared(tmp_path), [setting for setting in SMALL if "learning_rate" not in setting])
    found = losses(tmp_path / "runs" / "reverse")
    assert found[-1] < found[0]
    assert any("1,000 pairs\n  exact_match " in text for text in printed.values())


# ------------------------------------------------------------------------------------------------ one command, three tasks

TASKS = {
    "translator": ("translator.csv", "English,French", "I see a dog."),
    "summariser": ("summariser.jsonl", '{"body": "', "Dear all,\nthe lunch number 7 is on Friday.\nSee you there."),
    "answerer": ("answerer.tsv", "question\tsql", "what is the NAME of 207 for 7 ?"),
    "chatbot": ("chatbot.tsv", "turns\treply", "Ada here. / Do you have tea?"),
}


@pytest.fixture(scope="module")
def three_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands of the three tasks ran."""
    folder = prepared(tmp_path_factory.mktemp("tasks"))
    follow("4-one-command-three-tasks", folder, SMALL)
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_one_command_learns_each_task(three_tasks: Path, task: str) -> None:
    file, first, source = TASKS[task]
    assert (three_tasks / file).read_text(encoding="utf-8").startswith(first)
    found = losses(three_tasks / "runs" / task)
    assert found[-1] < found[0]
    model = load(three_tasks / "runs" / task)
    assert isinstance(model.predict([source], max_length=20)[0], str)
    assert (model.config.model.encoder.cell, model.config.model.decoder.cell) == ("lstm", "lstm")


def test_each_task_is_trained_by_the_same_command() -> None:
    trainings = [command for command in commands("4-one-command-three-tasks") if command.startswith("seqloom train")]
    assert len(trainings) == 4
    for command in trainings:
        assert re.fullmatch(r"seqloom train \S+ --source \S+ --target \S+ --budget \w+", command)


def test_questions_and_sql_get_their_values(three_tasks: Path) -> None:
    lines = (three_tasks / "answerer.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 80
    assert lines[1] == 'what is the NAME of 200 for 0 ?\tSELECT NAME FROM COURSE WHERE DEPARTMENT = "EECS" AND NUMBER = 200 ;'
    assert len((three_tasks / "answerer-test.tsv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * 20


def test_a_mail_is_cut_into_body_and_subject(three_tasks: Path) -> None:
    test = [json.loads(line) for line in (three_tasks / "summariser-test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(test) == 20
    assert test[1]["body"].startswith("Dear all,\nthe ")
    assert re.fullmatch(r"\w+ on Friday", test[1]["subject"])


def test_the_translators_test_sentences_are_not_learned(tmp_path: Path) -> None:
    lines = [f"sentence {n}\tphrase {n} {way}\n" for n in range(1200) for way in range(2)]
    (tmp_path / "fra.txt").write_text("".join(lines), encoding="utf-8")
    make: Callable[[Path, Path], None] = script("4-one-command-three-tasks", "make_data.py").translator
    make(tmp_path / "fra.txt", tmp_path)
    train, test = (
        {line.split(",")[0] for line in (tmp_path / name).read_text(encoding="utf-8").splitlines()[1:]}
        for name in ("translator.csv", "translator-test.csv")
    )
    assert (len(train), len(test), len(train & test)) == (1080, 120, 0)


def test_a_reply_needs_both_turns() -> None:
    pairs = script("4-one-command-three-tasks", "make_dialogues.py").dialogues()
    assert len(pairs) == len({turns for turns, _ in pairs}) == 4000
    replies = [{}, {}]
    for turns, reply in pairs:
        for known, turn in zip(replies, turns.split(" / "), strict=True):
            known.setdefault(turn, set()).add(reply)
    assert all(len(found) > 1 for known in replies for found in known.values())


# -------------------------------------------------------------------------------------------------------- spoken digits


def test_spoken_digits_are_made_learned_from_and_heard(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    module, made = script("6-spoken-digits", "make_data.py"), folder / "digits"
    with mock.patch.dict(module.STRINGS, test=7, dev=4):
        arguments = [str(folder / "recordings"), "--out", str(made), "--strings", "12"]
        with redirect_stdout(io.StringIO()), mock.patch.object(sys, "argv", ["make_data.py", *arguments]):
            module.main()
    rows = {part: (made / f"{part}.tsv").read_text(encoding="utf-8").splitlines()[1:] for part in ("train", "dev", "test", "test-7")}
    assert {part: len(found) for part, found in rows.items()} == {"train": 12 + 12, "dev": 30 + 4, "test": 30 + 7, "test-7": 0}
    assert all(line.split("\t")[0].startswith(part.removesuffix("-7")) for part, found in rows.items() for line in found)
    assert {len(line.split("\t")[1].split()) for line in rows["train"]} == {1, 3, 4, 5, 6, 7}
    small = [*SMALL[2:], "model.encoder.width=32", "model.encoder.subsampling.channels=4"]
    changed = [word for setting in small for word in ("--set", setting)]
    before = Path.cwd()
    os.chdir(folder)
    try:
        for command in commands("6-spoken-digits")[1:]:
            printed = run(command, *(changed if command.startswith("seqloom train") else []))
        assert set(printed.split()) <= {"zero", "seven", "nine", "<unk>"}
        assert (folder / "attention-1.png").exists()
    finally:
        os.chdir(before)


def test_a_speaker_who_is_left_out_is_the_test_and_nothing_else(tmp_path: Path) -> None:
    module = script("6-spoken-digits", "make_data.py")
    clips = sorted(module.read(prepared(tmp_path) / "recordings"))
    parts = {part: [clip for clip in clips if module._part(clip, "theo") == part] for part in ("train", "dev", "test")}
    assert {clip.speaker for clip in parts["test"]} == {"theo"}
    assert {clip.speaker for clip in parts["train"] + parts["dev"]} == {"jackson"}
    assert min(clip.number for clip in parts["train"]) == 10
    strings = list(module.joined(parts["test"], "test", 10))
    assert strings == list(module.joined(parts["test"], "test", 10))
    assert all(len({clip.speaker for clip in members}) == 1 for _, members in strings)
