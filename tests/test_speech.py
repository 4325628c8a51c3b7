"""Sounds in, words out, from the file to the words that are printed: on tones that the program makes."""

import io
import json
import math
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
import torch
from dying import Interrupted

import seqloom
from seqloom.checkpoint import read_tensors
from seqloom.cli import main
from seqloom.config import AudioField, DataConfig, FieldsConfig, TokensField
from seqloom.corpus import encode_rows
from seqloom.data.pairs import read_as_trained, read_rows, resolve
from seqloom.data.rows import Row
from seqloom.errors import CheckpointError, ConfigError, DataError
from seqloom.export import export
from seqloom.fields.task import Fields
from seqloom.model import Model
from seqloom.planning.plan import make_plan
from seqloom.planning.profile import describe, profile_rows
from seqloom.planning.sides import Spread, Symbols
from seqloom.settings import build, read_settings
from seqloom.sound import samples
from seqloom.sound.audio import about
from seqloom.sound.autosound import choose_for_sound
from seqloom.sound.field import SoundField
from seqloom.sound.text import text_of_sound
from seqloom.sound.tones import TONES, write_tones
from seqloom.training import runs

SMALL = [
    "model.embedding=16", "model.encoder.width=32", "model.encoder.layers=1", "model.encoder.subsampling.channels=4",
    "model.decoder.width=32", "training.batch.size=2000", "training.evaluate_every=4", "training.precision=float32",
    "training.device=cpu", "training.threads=1",
]  # fmt: skip
COUNTS = {"train": 24, "dev": 5, "test": 4}


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    write_tones(folder, counts=COUNTS)
    return folder


@pytest.fixture(scope="module")
def model(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Trained for eight updates: it knows nothing, and does all that a model does."""
    out = tmp_path_factory.mktemp("runs") / "tones"
    settings = [*SMALL, "training.max_steps=8"]
    return seqloom.train(tones / "train.tsv", dev=tones / "dev.tsv", out=out, settings=settings)


def command(*arguments: str | Path, stdin: Any = None) -> tuple[int, str, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.object(sys, "stdin", stdin or io.StringIO("")),
        pytest.raises(SystemExit) as ended,
    ):
        main([str(argument) for argument in arguments])
    out.flush()
    return int(ended.value.code or 0), out.buffer.getvalue().decode(), err.getvalue()  # pyright: ignore


# ------------------------------------------------------------------------------------------------------------ the field


def fields_of(tones: Path) -> Fields:
    config = FieldsConfig(source=[AudioField(sample_rate=8000, mels=20)], target=TokensField())
    return Fields.fit(config, read_rows([str(tones / "train.tsv")], DataConfig()))


def test_a_sound_is_frames_and_the_same_after_saving(tones: Path, tmp_path: Path):
    fields = fields_of(tones)
    fields.save(tmp_path / "fields.json")
    loaded = Fields.load(tmp_path / "fields.json")
    path = (str(tones / "dev" / "0001.wav"),)
    frames = fields.source.encode(path)
    assert (fields.source.kind, fields.source.size) == ("frames", 20)
    assert frames.dtype == np.float32
    assert frames.shape[1] == 20
    np.testing.assert_array_equal(loaded.source.encode(path), frames)
    np.testing.assert_array_equal(fields.source.encode(path), frames), "from the cache"
    assert fields.target.decode(loaded.target.encode("do re mi")) == "do re mi"
    assert fields.source.labels(path, frames)[:3] == ["0.00", "0.01", "0.02"]
    assert fields.source.unknown(path) == []


def test_a_sound_that_is_too_long_is_named_with_its_moments(tones: Path):
    rows, config = read_rows([str(tones / "train.tsv")], DataConfig()), DataConfig(sounds=True, max_source_length=9)
    said = rf"train\.tsv:\d+: {tones}/train/\d+\.wav: the source has \d+ moments; the limit is 9\. Shorten it, or train a model with"
    with pytest.raises(DataError, match=said):
        list(encode_rows(rows, fields_of(tones), config, copy=False))


def test_a_sound_that_has_changed_is_heard_anew(tones: Path, tmp_path: Path):
    field, copy = SoundField(AudioField(sample_rate=8000)), tmp_path / "a.wav"
    for name in ("0000.wav", "0001.wav"):
        copy.write_bytes((tones / "train" / name).read_bytes())
        np.testing.assert_array_equal(field.encode((str(copy),)), field.encode((str(tones / "train" / name),)))


def test_a_field_with_the_numbers_of_other_bands_is_refused(tones: Path):
    state = fields_of(tones).state()
    state["source"]["mean"] = state["source"]["mean"][:5]
    with pytest.raises(CheckpointError) as error:
        Fields.from_state(state)
    assert str(error.value).startswith("fields: mean and spread are not those of 20 mel bands. ")


def test_frames_that_are_not_kept_are_heard_anew(tones: Path, monkeypatch: pytest.MonkeyPatch):
    path = (str(tones / "train" / "0000.wav"),)
    kept = SoundField(AudioField(sample_rate=8000)).encode(path)
    monkeypatch.setattr("seqloom.sound.field.CACHED_BYTES", 10)
    field = SoundField(AudioField(sample_rate=8000))
    for _ in range(2):
        np.testing.assert_array_equal(field.encode(path), kept)


def test_training_varies_sounds_by_the_update_alone(tones: Path):
    field = fields_of(tones).source
    frames = field.encode((str(tones / "train" / "0000.wav"),))
    one, same, other = (field.vary(frames, np.random.default_rng([1, step])) for step in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_quiet_that_training_adds_is_what_a_sound_in_noise_has(tones: Path, tmp_path: Path):
    only = {"speed": 0, "vocal_tract": 0, "frequency_masks": 0, "time_masks": 0}
    config = AudioField.model_validate({"sample_rate": 8000, "mels": 20, "augmentation": only})
    field = SoundField(config, [-7.0] * 20, [3.0] * 20)
    samples, _ = soundfile.read(tones / "train" / "0000.wav")
    silent = np.concatenate([np.zeros(4000), samples])
    soundfile.write(tmp_path / "silent.wav", silent, 8000)
    soundfile.write(tmp_path / "noisy.wav", silent + np.random.default_rng(1).normal(0, 0.005, len(silent)), 8000)
    heard, silence = (field.encode((str(tmp_path / name),))[5:45] for name in ("noisy.wav", "silent.wav"))
    frames = field.encode((str(tones / "train" / "0000.wav"),))
    varied = [field.vary(frames, np.random.default_rng(seed)) for seed in range(200)]
    added = [each[:10] for each in varied if len(each) > len(frames) + 60]
    assert len(added) > 5
    assert min(np.abs(each - heard[:10]).mean() for each in added) < 0.5, "among what is drawn there is nearly this noise"
    assert all((each >= silence[:10] - 1e-4).all() for each in added)
    of_its_own = SoundField(config.model_copy(update={"normalization": "sound"}))
    assert {len(of_its_own.vary(frames, np.random.default_rng(seed))) for seed in range(20)} == {len(frames)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"fields": {"source": [{"kind": "audio"}, {"kind": "text"}]}},
            "a source of kind 'audio' stands alone: expected no other source column, and shared: false",
        ),
        (
            {"fields": {"source": [{"kind": "audio"}]}, "model": {"copy": True}},
            "model.copy writes symbols of the source, and frames have none; set model.copy to false",
        ),
    ],
)
def test_settings_that_do_not_go_with_sound_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as error:
        build(settings, where="run.yaml")
    assert message in str(error.value)


# -------------------------------------------------------------------------------------------------------------- choosing


def test_everything_is_chosen_from_the_sounds(tones: Path):
    plan = make_plan(tones / "train.tsv", dev=tones / "dev.tsv")
    config = plan.config
    source = config.fields.source[0]
    assert isinstance(source, AudioField)
    assert (source.sample_rate, source.mels) == (8000, 40)
    assert config.data.sounds is True
    assert config.model.encoder.subsampling.kind == "conv"
    assert config.model.head.ctc_weight == config.search.ctc_weight == 0.3
    tones_ = (
        r"most sounds have 8,000 samples a second; tones, 8\d% of the energy in a tenth of the bands: pitch, which may tell words, is kept"
    )
    assert re.fullmatch(tones_, plan.reasons["fields.source.0"])
    assert (source.augmentation.vocal_tract, source.augmentation.frequency_masks, source.augmentation.speed) == (0, 0, 0.1)
    for key in ("model.encoder.width", "model.encoder.subsampling.factor", "model.head.ctc_weight", "training.epochs", "fields.target"):
        assert plan.reasons[key]


def test_the_rules_go_by_hours_and_pace(tones: Path):
    profile = profile_rows(read_rows([str(tones / "train.tsv")], DataConfig()))
    assert profile.sound is not None
    few = choose_for_sound(profile, DataConfig()).config
    many = choose_for_sound(_with(profile, pairs=200_000), DataConfig()).config
    assert (few.model.encoder.width, many.model.encoder.width) == (256, 512)
    assert few.training.epochs > many.training.epochs
    fast = choose_for_sound(_with(profile, ratio=_with(profile.ratio, p99=0.4)), DataConfig()).config
    assert few.model.encoder.subsampling.factor > fast.model.encoder.subsampling.factor


def test_few_sounds_are_gone_through_in_small_batches_and_with_a_budget_more_often(tones: Path):
    few = make_plan(tones / "train.tsv", dev=tones / "dev.tsv")
    budget = make_plan(tones / "train.tsv", dev=tones / "dev.tsv", budget="10m")
    frames = 100 * sum(about(row.source[0]).seconds for row in few.train)
    assert few.config.training.batch.size == budget.config.training.batch.size == 1000
    assert few.reasons["training.batch.size"] == f"frames; about {math.ceil(frames / 1000)} updates a pass"
    assert few.config.training.epochs == 150
    assert budget.config.training.epochs == pytest.approx(3000 * 1000 / frames, abs=1), "3,000 updates, where the time allows them"
    assert {"training.batch.size", "training.epochs"} < few.fitted
    assert not any(name.startswith("model.") for name in few.fitted)


def test_what_follows_from_the_target_follows_from_what_is_asked_of_it(tones: Path):
    chosen = make_plan(tones / "train.tsv", dev=tones / "dev.tsv").config
    asked = make_plan(tones / "train.tsv", dev=tones / "dev.tsv", settings={"fields.target.kind": "text"})
    assert (chosen.fields.target.kind, chosen.training.early_stopping.metric) == ("tokens", "token_error_rate")
    assert (asked.config.fields.target.kind, asked.config.training.early_stopping.metric) == ("text", "word_error_rate")
    assert chosen.model.encoder.subsampling.factor > asked.config.model.encoder.subsampling.factor, "letters go faster than words"
    assert asked.reasons["fields.target.kind"] == "as asked for"
    assert asked.reasons["fields.source.0"].startswith("most sounds have 8,000 samples a second")
    assert "fields.target" not in asked.reasons
    other = make_plan(
        tones / "train.tsv", dev=tones / "dev.tsv", settings={"fields.target.kind": "text", "model.encoder.subsampling.factor": 8}
    )
    assert other.config.model.encoder.subsampling.factor == 8, "what else is asked for stays"


def test_single_words_are_learned_whole_where_each_is_heard_often(tones: Path):
    profile = profile_rows(read_rows([str(tones / "train.tsv")], DataConfig()))

    def chosen(words: int, sounds: int, once: int = 0) -> tuple[str, str]:
        tokens = Symbols(total=sounds, distinct=words, once=once, rows_with_once=once / sounds)
        target = _with(profile.target, token_lengths=Spread(1.0, 1.0, 1.0, 1.0), tokens=tokens)
        choice = choose_for_sound(_with(profile, target=target), DataConfig())
        return choice.config.fields.target.kind, choice.reasons["fields.target"]

    assert chosen(20, 2000) == ("tokens", "one of 20 words a sound, each in 100 sounds")
    assert chosen(20, 400)[0] == "tokens"
    assert chosen(20, 399)[0] == "text", "letters are shared among words"
    assert chosen(20, 2000, once=15)[0] == "text", "new sounds may say others"


def test_the_metric_that_decides_is_finer_than_whether_a_single_word_is_right(tones: Path):
    profile = profile_rows(read_rows([str(tones / "train.tsv")], DataConfig()))
    single = _with(profile, target=_with(profile.target, token_lengths=Spread(1.0, 1.0, 1.0, 1.0)))
    letters, tokens = FieldsConfig(source=[AudioField()]), FieldsConfig(source=[AudioField()], target=TokensField())
    found = [choose_for_sound(each, DataConfig(), fields) for each in (profile, single) for fields in (letters, tokens)]
    names = ["word_error_rate", "token_error_rate", "character_error_rate", "token_error_rate"]
    assert [choice.config.training.early_stopping.metric for choice in found] == names
    assert found[2].reasons["training.early_stopping.metric"] == "each target is one word: finer than whether all of it is right"


def _with(part: Any, **changes: Any) -> Any:
    import dataclasses

    return dataclasses.replace(part, **changes)


def test_the_page_of_inspect_says_what_sounds_are_like(tones: Path):
    page = describe(profile_rows(read_rows([str(tones / "train.tsv")], DataConfig())))
    assert "different files: 24; 8,000 samples a second; one channel" in page
    assert "seconds: mean " in page
    assert "hours in all" in page
    assert "characters in a value, mean" in page


def test_silence_and_words_written_in_several_ways_are_odd(tones: Path, tmp_path: Path):
    for name, level in (("zeros", 0.0), ("level", 0.25)):
        soundfile.write(tmp_path / f"{name}.wav", np.full(8000, level), 8000)
    quiet = np.zeros(8000)
    quiet[7000] = 0.01
    soundfile.write(tmp_path / "quiet.wav", quiet, 8000)
    words = ["zero", "ZERO", "Zero.", "zero!", "zero", "one", "two"]
    names = ["zeros", "level", "quiet", *(f"{tones}/train/{number:04}" for number in range(4))]
    table = tmp_path / "odd.tsv"
    table.write_text("".join(f"{name}.wav\t{word}\n" for name, word in zip(names, words, strict=True)))
    said = command("inspect", table)[1]
    assert f"  2 rows whose sound is silence: all samples are the same.\n      {table}:1  " in said
    assert (
        "  5 rows whose words are written in several ways, in case or punctuation, of which all but the expected one count as errors.\n"
        "      'zero' (2), 'ZERO' (1), 'Zero.' (1), 'zero!' (1)\n"
    ) in said
    assert "Nothing odd was found." in command("inspect", tones / "train.tsv")[1]


def test_sounds_whose_length_does_not_fit_their_words_are_told_in_seconds(tmp_path: Path):
    """Moments were called characters: `3,915 and 4 characters`."""
    noise = np.random.default_rng(1).normal(size=80_000) / 10
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", noise if number == 7 else noise[: 3000 + number], 8000)
    (tmp_path / "a.tsv").write_text("".join(f"{number}.wav\tfour{number % 5}\n" for number in range(12)))
    said = command("inspect", tmp_path / "a.tsv")[1]
    assert f"lengths do not fit each other.\n      {tmp_path}/a.tsv:8  10.00 seconds and 5 characters  'four2'\n" in said


# -------------------------------------------------------------------------------------------------- training, answering


def test_a_model_says_words_for_a_clip_a_table_and_a_folder(model: Model, tones: Path):
    clip = str(tones / "test" / "0001.wav")
    (answer,) = model.predictions([clip], max_length=5)
    assert set(answer.text.split()) <= {*TONES, "<unk>"}
    assert answer.source == (clip,)
    code, out, err = command("predict", model.path, clip, "--max-length", "5")
    assert (code, out.rstrip("\n")) == (0, answer.text), err
    for given in (tones / "test.tsv", tones / "test"):
        code, out, err = command("predict", model.path, "--input", given, "--max-length", "5")
        assert (code, len(out.splitlines())) == (0, 4), err
        assert out.splitlines()[1] == answer.text
    assert f"note: {given}: 4 sounds, answered in the order of their names, from 0000.wav on; --json has the names\n" in err


@pytest.mark.parametrize("words", [[], ["-"], ["--input", "-"]])
def test_a_sound_is_heard_from_standard_input(model: Model, exported: Path, tones: Path, words: list[str]):
    """It was said to be a program's own file, to be exported as TSV."""
    clip = tones / "test" / "0001.wav"
    wanted = model.predict([str(clip)], max_length=5)[0]
    for run in (model.path, exported):
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(clip.read_bytes())))  # pyright: ignore[reportArgumentType]
        code, out, err = command("predict", run, *words, "--max-length", "5", stdin=stdin)
        assert (code, out) == (0, wanted + "\n"), err


def test_a_file_and_a_folder_of_sounds_are_told_from_lists_and_sounds(model: Model, tones: Path, tmp_path: Path):
    clip = tones / "test" / "0001.wav"
    assert command("predict", model.path, "--input", clip, "--max-length", "5") == command("predict", model.path, clip, "--max-length", "5")
    said = f"error: TEXT {tones}/test: a folder; expected a sound file. All sounds in it are heard with --input {tones}/test.\n"
    assert command("predict", model.path, tones / "test") == (2, "", said)
    listed = tmp_path / "list.txt"
    listed.write_text(f"{clip}\n")
    said = f"note: {listed} is heard here as a sound; --input {listed} hears those that it names\n"
    assert command("predict", model.path, listed)[2].startswith(said)


def test_evaluation_measures_words(model: Model, tones: Path):
    code, out, err = command("evaluate", model.path, tones / "test.tsv", "--json")
    assert code == 0, err
    assert {"token_error_rate", "exact_match", "loss"} <= json.loads(out).keys()
    assert model.evaluate(tones / "test.tsv") == pytest.approx(
        model.evaluate([(str(tones / f"test/{n:04}.wav"), text) for n, text in enumerate(_texts(tones))])
    )


def _texts(tones: Path) -> list[str]:
    return [line.split("\t")[1] for line in (tones / "test.tsv").read_text().splitlines()[1:]]


@pytest.mark.parametrize("train", ["path\ttext\n{0}\tdo\n", "{0}\tdo\n", ""])
def test_the_columns_of_another_manifest_are_told_anew_where_the_model_hears(model: Model, tones: Path, tmp_path: Path, train: str):
    """`evaluate` took the first column, of ids, and the header for a row."""
    sounds = [str(tones / f"test/000{number}.wav") for number in range(2)]
    (tmp_path / "train.tsv").write_text(train.format(sounds[0]))
    config = resolve(DataConfig(train=[str(tmp_path / "train.tsv")])) if train else DataConfig(sounds=True)
    config = config.model_copy(update={"header": None})
    manifests = {
        "headed.tsv": f"id\tpath\tage\tsentence\nu0\t{sounds[0]}\t\tre\nu1\t{sounds[1]}\tten\tmi\n",
        "headed.csv": f"speaker,file,words\ns1,{sounds[0]},re\ns1,{sounds[1]},mi\n",
        "bare.tsv": f"re\t{sounds[0]}\nmi\t{sounds[1]}\n",
    }
    for name, text in manifests.items():
        (tmp_path / name).write_text(text)
        found = [(*row.source, row.target) for row in read_as_trained([str(tmp_path / name)], config)]
        assert found == list(zip(sounds, ("re", "mi"), strict=True))
    asked = config.model_copy(update={"target": "age"})
    assert [row.target for row in read_as_trained([str(tmp_path / "headed.tsv")], asked, target=True)] == ["", "ten"]
    if "path" in train:
        code, _, errors = command("evaluate", model.path, tmp_path / "headed.csv")
        assert code == 0
        assert "note: Source: 'file', which names sound files. Target: 'words'.\n" in errors
        assert command("score", model.path, tmp_path / "headed.csv")[1].count("\n") == 2
        assert [row.target for row in model.rows(tmp_path / "headed.tsv")] == ["re", "mi"]


def test_silence_and_rates_that_training_did_not_have_are_told_and_marked(model: Model, exported: Path, tmp_path: Path):
    """Any word was said of them, and nothing else."""
    noise = np.random.default_rng(1).normal(size=4000) / 10
    sounds = {"both": np.stack([noise, -noise], 1), "noise": noise, "one": noise[:1], "zero": np.zeros(800)}
    for name, heard in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", heard, 8000)
    for name, rate in (("low", 4000), ("lower", 6000)):
        soundfile.write(tmp_path / f"{name}.wav", noise, rate)
    said = [
        "note: 3 of 6 sounds are silent: all samples are the same, so the answer means nothing\n",
        "note: 2 of 6 sounds have 4,000 to 6,000 samples a second; the model learned from 8,000, of which these lack the high tones\n",
    ]
    for run in (model.path, exported):
        code, out, errors = command("predict", run, "--input", tmp_path, "--json", "--max-length", "5")
        assert code == 0, errors
        assert [note in errors for note in said] == [True, True], errors
        assert [json.loads(line).get("silent") for line in out.splitlines()] == [True, None, None, None, True, True]
    for name in ("both", "noise", "one", "zero", "low", "lower"):
        (tmp_path / f"{name}.txt").write_text("do")
    errors = command("evaluate", model.path, tmp_path)[2]
    assert [note in errors for note in said] == [True, True], errors
    assert "silent" not in command("predict", model.path, tmp_path / "noise.wav", "--max-length", "5")[2]


def test_what_may_be_said_of_a_second_is_not_learned_from_short_sounds(model: Model):
    """Training needed 0.05 symbols a moment, with which strings of more words than it had were cut off."""
    assert model.config.search.max_length_ratio == 0.5


def test_answers_that_are_cut_off_are_counted(model: Model, exported: Path, tones: Path):
    said = "4 of 4 answers were cut off at the longest allowed length (search.max_length is 1). "
    said = f"note: {said}Where more is to be said: --set search.max_length=2\n"
    for run in (model.path, exported):
        code, out, err = command("predict", run, "--input", tones / "test.tsv", "--set", "search.max_length=1", "--json")
        assert (code, err) == (0, said)
        assert all(json.loads(line)["outputs"][0]["cut"] for line in out.splitlines())
    assert said in command("evaluate", model.path, tones / "test.tsv", "--set", "search.max_length=1")[2]


def test_attention_is_over_moments(model: Model, tones: Path):
    (answer,) = model.predictions([str(tones / "test" / "0001.wav")], attention=True, max_length=5)
    weights = answer.outputs[0].attention
    assert weights is not None
    assert len(weights) == len(answer.outputs[0].tokens) + 1
    assert {len(row) for row in weights} == {len(answer.source_tokens)}
    factor = model.config.model.encoder.subsampling.factor
    assert answer.source_tokens[:3] == ["0.00", f"{factor / 100:.2f}", f"{2 * factor / 100:.2f}"]
    np.testing.assert_allclose(np.sum(weights, axis=1), 1, atol=1e-3)


def test_attention_is_drawn(model: Model, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    output = tmp_path / "words.txt"
    clips = [tones / "test" / f"{number:04}.wav" for number in (1, 2)]
    code, _, err = command("predict", model.path, *clips, "--attention", "--output", output)
    assert code == 0, err
    for number in (1, 2):
        assert (tmp_path / f"attention-{number}.png").read_bytes().startswith(b"\x89PNG")
    assert err.startswith("".join(f"attention: {tmp_path}/attention-{number}.png\n" for number in (1, 2)))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = command("predict", model.path, clips[0], "--attention")
    assert code == 2
    assert err == "error: --attention: drawing needs matplotlib, which is not installed. Install it: pip install 'seqloom[report]'\n"


def test_pairs_in_memory_name_sounds_too(tones: Path, tmp_path: Path):
    pairs = [(tones / "train" / f"{number:04}.wav", text) for number, text in enumerate(["do re", "mi", "fa so", "la do mi"] * 3)]
    trained = seqloom.train(pairs, out=tmp_path / "run", settings=[*SMALL, "training.max_steps=2"])
    assert trained.config.data.sounds is True
    assert isinstance(trained.fields.source, SoundField)
    assert len(trained.predict([pairs[0][0]], max_length=3)) == 1


def test_a_path_is_a_sound_and_what_is_none_is_refused(model: Model, exported: Path, tones: Path):
    clip, words = tones / "test" / "0001.wav", _texts(tones)[1]
    said = "expected samples with their rate, as in (samples, 16000), the bytes of a sound file, or its path. Give one of these."
    for here in (model, seqloom.load(exported)):
        assert here.predict([clip], max_length=5) == here.predict([str(clip)], max_length=5)
        for given, message in (
            (heard := soundfile.read(clip)[0], f"sources:1: an array; {said}"),
            ("x" * 5000, f"sources:1: {'x' * 200}: no such sound file; expected one."),
        ):
            with pytest.raises(DataError) as error:
                here.predict([given])
            assert str(error.value).startswith(message)
    assert model.evaluate([(clip, words)]) == model.evaluate([clip], [words]) == model.evaluate([(str(clip), words)])
    with pytest.raises(DataError) as error:
        model.evaluate([(heard, words)])
    assert str(error.value) == f"pairs:1: an array; {said}"


def test_sounds_in_memory_are_heard_as_their_files(model: Model, exported: Path, tones: Path):
    """Samples were to be written to files."""
    clip, words = tones / "test" / "0001.wav", _texts(tones)[1]
    heard, rate = soundfile.read(clip)
    whole, content = soundfile.read(clip, dtype="int16")[0], clip.read_bytes()
    forms = [
        (heard, rate), (rate, heard), [whole, float(rate)], (np.stack([whole, whole], 1), rate), (torch.from_numpy(heard), rate),
        {"array": heard, "sampling_rate": rate, "path": None}, {"bytes": content, "path": "a.wav"}, content, io.BytesIO(content),
    ]  # fmt: skip
    for here in (model, seqloom.load(exported)):
        wanted = here.predict([clip], max_length=5)
        assert here.predict(forms, max_length=5) == wanted * len(forms)
        for table in ({"id": [1], "audio": [forms[5]]}, [{"audio": forms[5], "id": 1}]):
            assert here.predict(table, max_length=5) == wanted
    assert model.evaluate([(form, words) for form in forms[:3]]) == pytest.approx(model.evaluate([(clip, words)] * 3))
    assert model.score([forms[0]], [words]) == pytest.approx(model.score([clip], [words]))
    assert seqloom.load(exported).predictions([forms[3]], max_length=5)[0].source_tokens


SAMPLES = np.random.default_rng(1).normal(size=800) / 10


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((SAMPLES, None), "a rate of None; expected whole samples a second, such as 16000. Mend it."),
        ({"array": SAMPLES}, "samples without their rate; expected both, as in {'array': samples, 'sampling_rate': 16000}. Add the rate."),
        ((SAMPLES, 3000), "3,000 samples a second; expected 4,000 to 768,000. Mend the rate, or take another recording."),
        ((SAMPLES, 8000.5), "a rate of 8000.5; expected whole samples a second, such as 16000. Mend it."),
        ((SAMPLES.astype("i8"), 8000), "samples of int64; expected floats with 1 at full scale, int16 or int32. Convert them with astype,"),
        ((SAMPLES.reshape(2, 400), 8000), "samples of shape (2, 400); expected (N,), or (N, channels), with one at least. Transpose them."),
        ((SAMPLES[:0], 8000), "samples of shape (0,); expected (N,), or (N, channels), with one at least. Mend the array."),
        ((np.where(np.arange(800) == 7, np.nan, SAMPLES), 8000), "sample 7 is nan; expected finite numbers. Mend the recording."),
        (b"no sound", "cannot be read as sound (Format not recognised); expected WAV, FLAC, Ogg or MP3. Convert it, as in ffmpeg"),
    ],
)
def test_samples_that_cannot_be_heard_are_refused_with_what_to_mend(model: Model, given: Any, said: str):
    with pytest.raises(DataError) as error:
        model.predict(["", given])
    assert str(error.value).startswith(f"sources:2: {said}")


def test_one_sound_in_place_of_a_list_is_named(model: Model):
    for given, kind in (((SAMPLES, 8000), "tuple"), (b"RIFF", "bytes"), ({"array": SAMPLES, "sampling_rate": 8000}, "dict")):
        with pytest.raises(DataError) as error:
            model.predict(given)
        assert str(error.value) == f"sources: expected a list of sounds, got one ({kind}). Put it into a list."
    said = r"^sources: an array of shape \(800,\); expected a list of sounds, each with its rate, as in \[\(samples, 16000\)\]\.$"
    with pytest.raises(DataError, match=said):
        model.predict(SAMPLES)  # pyright: ignore[reportArgumentType]


def test_a_model_is_trained_on_sounds_in_memory(tones: Path, tmp_path: Path):
    lines = [line.split("\t") for line in (tones / "train.tsv").read_text().splitlines()[1:]]
    pairs = [(soundfile.read(tones / path), text) for path, text in lines]
    named = [{"sampling_rate": rate, "array": heard} for (heard, rate), _ in pairs]
    table = {"sentence": [text for _, text in pairs], "audio": named, "path": [path for path, _ in lines]}
    settings, dev = [*SMALL, "training.max_steps=2"], [(content := (tones / "dev/0000.wav").read_bytes(), "do")]
    first = seqloom.train(pairs, out=tmp_path / "a", settings=settings, quiet=True)
    assert (first.config.data.sounds, len(first.fields.source.mean)) == (True, 40)
    second = seqloom.train(table, dev=dev, out=tmp_path / "b", settings=settings, quiet=True)
    assert (second.config.data.source, second.config.data.target) == (["audio"], "sentence")
    kept = [json.loads(line)["source"][0] for line in (tmp_path / "b/dev.jsonl").read_text().splitlines()]
    assert kept == [text_of_sound(content)]  # it lasts longer than the files that were trained on
    assert second.evaluate() == pytest.approx(second.evaluate(dev))
    program = "import seqloom, sys; print(seqloom.load(sys.argv[1]).evaluate()['loss'])"
    run = subprocess.run([sys.executable, "-c", program, tmp_path / "a"], capture_output=True, text=True, check=True)
    assert float(run.stdout) == pytest.approx(first.evaluate()["loss"])
    with pytest.raises(DataError, match=r"^pairs:2: samples without their rate; expected both"):
        seqloom.train([*zip(named[:1], "a", strict=True), ({"array": SAMPLES}, "b")], out=tmp_path / "c")


def test_the_same_sounds_in_memory_are_held_out_in_every_process(monkeypatch: pytest.MonkeyPatch):
    pairs = [((SAMPLES[: 700 + number], 8000), str(number)) for number in range(30)]
    held: list[list[str]] = []
    for _ in range(2):
        monkeypatch.setattr(samples, "_folder", lru_cache(samples._folder.__wrapped__))  # pyright: ignore
        plan = make_plan(samples.with_sounds(pairs, None, samples.sound_as_file))
        held.append([row.target for row in plan.dev])
    assert held[0] == held[1] != []


def test_samples_that_are_learned_as_numbers_are_told_to_be_given_with_their_rate():
    draw = np.random.default_rng(1)
    plan = make_plan([(draw.normal(size=3000), word) for word in ["one", "two"] * 6])
    assert plan.notes[-1] == (
        "arrays of one number a moment, 3,000 moments in the mean: more than can be learned from well. "
        "If they are samples of sounds, give each with its rate: ((samples, 16000), target)."
    )
    assert not make_plan([(draw.normal(size=1000), word) for word in ["one", "two"] * 6]).notes


def test_a_stopped_and_resumed_run_ends_with_the_same_weights(tones: Path, tmp_path: Path):
    settings = [*SMALL, "training.max_steps=7", "model.dropout=0.2"]
    plan = make_plan(tones / "train.tsv", dev=tones / "dev.tsv", settings=read_settings(settings))
    runs.start(plan, tmp_path / "whole")
    runs.start(plan, tmp_path / "stopped", watcher=Interrupted(5))
    runs.resume(tmp_path / "stopped")
    whole, resumed = (read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("whole", "stopped"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(part, resumed[name]) for name, part in whole.items())


@pytest.mark.slow
def test_tones_are_learned(tmp_path: Path):
    tables = write_tones(tmp_path / "tones", counts={"train": 200, "dev": 30, "test": 40})
    settings = [
        "model.encoder.width=64", "model.decoder.width=64", "model.embedding=32", "model.encoder.layers=1", "model.dropout=0.1",
        "model.encoder.subsampling.channels=8", "training.batch.size=1500", "training.epochs=30",
        "training.optimizer.learning_rate=0.005", "training.threads=1", "training.precision=float32",
    ]  # fmt: skip
    trained = seqloom.train(tables["train"], dev=tables["dev"], out=tmp_path / "run", settings=settings)
    assert trained.evaluate(tables["test"])["token_error_rate"] < 0.25, "knowing nothing is above 0.8"


# ---------------------------------------------------------------------------------------------------------------- faults


@pytest.fixture
def faulty(tones: Path, tmp_path: Path) -> Path:
    """A table with an empty file in its third row."""
    lines = ["path\ttext", *(f"{tones}/train/{number:04}.wav\tdo re" for number in range(6))]
    (tmp_path / "empty.wav").touch()
    lines[3] = "empty.wav\tmi"
    (tmp_path / "faulty.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "faulty.tsv"


def test_names_that_are_no_sounds_can_be_read_as_texts(tmp_path: Path):
    pairs = tmp_path / "songs.tsv"
    pairs.write_text("".join(f"song {number}\tsong_{number}.mp3\n" for number in range(40)))
    code, _, said = command("train", pairs, "--out", tmp_path / "run")
    assert (code, said.endswith("with --skip-bad. If such names are texts: --set data.sounds=false.\n")) == (2, True)
    assert command("inspect", pairs)[2].endswith("with --skip-bad. If such names are texts: --set data.sounds=false.\n")
    code, out, _ = command("config", pairs, "--set", "data.sounds=false")
    assert (code, "kind: audio" in out) == (0, False)


def test_inspect_goes_on_without_faulty_sounds(faulty: Path):
    code, _, said = command("inspect", faulty)
    assert (code, "Go on without such files with --skip-bad." in said) == (2, True)
    code, out, _ = command("inspect", faulty, "--skip-bad")
    assert (code, "1 sound could not be used and went by" in out) == (0, True)


def test_a_faulty_sound_ends_the_training_with_its_place(faulty: Path, tones: Path, tmp_path: Path):
    path = f"{tmp_path}/empty.wav"
    with pytest.raises(DataError) as error:
        seqloom.train(faulty, dev=tones / "dev.tsv", out=tmp_path / "run", settings=SMALL)
    said = f"{path}: an empty file (0 bytes); expected a sound. Record or copy it again. Go on without such files with --skip-bad."
    assert str(error.value) == f"{faulty}:4: {said}"


def test_training_goes_on_without_faulty_sounds(faulty: Path, tones: Path, tmp_path: Path):
    more = [word for setting in [*SMALL, "training.max_steps=2"] for word in ("--set", setting)]
    code, out, err = command("train", faulty, "--dev", tones / "dev.tsv", "--out", tmp_path / "run", "--skip-bad", *more)
    assert code == 0, err
    assert "data: 5 pairs to train on" in out
    assert f"note: 1 sound could not be used and went by, such as {tmp_path}/empty.wav: an empty file (0 bytes).\n" in out


def test_a_faulty_sound_is_answered_by_a_blank_line_or_refused(model: Model, faulty: Path):
    code, out, err = command("predict", model.path, "--input", faulty, "--skip-bad", "--max-length", "3")
    assert code == 0, err
    assert [bool(line) for line in out.splitlines()].count(False) == 1 or out.splitlines()[2] == ""
    assert f"1 sound could not be used and went by, such as {faulty.parent}/empty.wav: an empty file (0 bytes)." in err
    assert "blank source" not in err
    code, out, _ = command("predict", model.path, "--input", faulty, "--skip-bad", "--max-length", "3", "--json")
    assert [record["source"] for record in map(json.loads, out.splitlines()) if not record["outputs"]] == [f"{faulty.parent}/empty.wav"]
    code, _, err = command("predict", model.path, "--input", faulty)
    assert code == 2
    assert err.startswith(f"error: {faulty}:4: {faulty.parent}/empty.wav: an empty file (0 bytes);")
    code, _, err = command("evaluate", model.path, faulty, "--skip-bad")
    assert code == 0, err


def test_sounds_that_are_too_long_go_by_where_that_is_asked_for(tones: Path, tmp_path: Path):
    lines = (tones / "train.tsv").read_text().splitlines()
    lengths = [about(str(tones / line.split("\t")[0])).seconds for line in lines[1:]]
    limit = round(sorted(lengths)[-2] * 100)
    place = lengths.index(max(lengths)) + 2
    more = [word for setting in [*SMALL, "training.max_steps=2", f"data.max_source_length={limit}"] for word in ("--set", setting)]
    command_line = ["train", tones / "train.tsv", "--dev", tones / "train.tsv", "--out", tmp_path / "run", *more]
    assert command(*command_line)[0] == 2
    code, out, err = command(*command_line, "--skip-bad")
    assert code == 0, err
    assert "note: 1 training pair over the length limits was skipped (data.too_long: skip)." in out
    assert "note: 1 dev pair over the length limits was skipped (data.too_long: skip)." in out
    for words in (["predict", tmp_path / "run", "--input"], ["evaluate", tmp_path / "run"], ["score", tmp_path / "run"]):
        assert command(*words, tones / "train.tsv")[0] == 2
        code, out, err = command(*words, tones / "train.tsv", "--skip-bad")
        assert code == 0, err
        assert f"note: 1 over the length limit was left out, such as {tones}/train.tsv:{place}: {tones}/train/" in err
        assert f" moments; the limit is {limit}.\n" in err
        assert words[0] == "evaluate" or out.splitlines()[place - 2] == ""


def test_rows_know_their_sounds_by_path(tones: Path):
    row = next(iter(read_rows([str(tones / "train.tsv")], DataConfig())))
    assert row == Row((f"{tones}/train/0000.wav",), row.target, f"{tones}/train.tsv:2")


# -------------------------------------------------------------------------------------------------------- without torch


@pytest.fixture(scope="module")
def exported(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(model.path, tmp_path_factory.mktemp("dist") / "tones", precision="float32").folder


def test_an_exported_model_hears_what_the_trained_one_does(model: Model, exported: Path, tones: Path):
    sounds = [str(path) for path in sorted((tones / "test").glob("*.wav"))]
    there = seqloom.load(exported)
    for search in ({}, {"ctc_weight": 0.0}, {"ctc_weight": 0.7, "beam": 2}):
        ours, theirs = (model_.predictions(sounds, attention=True, **search) for model_ in (model, there))
        for one, other in zip(ours, theirs, strict=True):
            assert [output.tokens for output in one.outputs] == [output.tokens for output in other.outputs]
            np.testing.assert_allclose([output.score for output in one.outputs], [output.score for output in other.outputs], atol=1e-4)
            np.testing.assert_allclose(np.array(one.outputs[0].attention), np.array(other.outputs[0].attention), atol=1e-4)


def test_an_exported_model_hears_without_torch(exported: Path, tones: Path):
    program = (
        "import sys; from seqloom.cli import main\n"
        f"try: main(['predict', {str(exported)!r}, {str(tones / 'test' / '0001.wav')!r}])\n"
        "finally: print(sorted({'torch', 'onnx', 'safetensors'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert len(done.stdout.splitlines()) == 1


def test_a_model_of_sounds_is_begun_with_and_learns_another_word(model: Model, tones: Path, tmp_path: Path):
    few: dict[str, Any] = {
        "start_from": model.path,
        "settings": [*SMALL[-3:], "training.max_steps=2", "training.evaluate_every=1"],
        "quiet": True,
    }
    seqloom.train(tones / "train.tsv", dev=tones / "dev.tsv", out=tmp_path / "same", **few)
    line = json.loads((tmp_path / "same" / "metrics.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert (line["step"], line["loss"]) == (0, pytest.approx(model.evaluate(tones / "dev.tsv")["loss"], rel=1e-5))
    rows = [line.split("\t") for line in (tones / "train.tsv").read_text(encoding="utf-8").splitlines()]
    named = [(str(tones / path), "boom") if number else (path, words) for number, (path, words) in enumerate(rows)]
    (tmp_path / "new.tsv").write_text("".join(f"{path}\t{words}\n" for path, words in named), encoding="utf-8")
    new = seqloom.train(tmp_path / "new.tsv", dev=tones / "dev.tsv", out=tmp_path / "new", **few)
    assert new.fields.source.state() == model.fields.source.state()
    assert new.fields.target.vocabulary.state()["symbols"] == [*model.fields.target.vocabulary.state()["symbols"], "boom"]
    with pytest.raises(ConfigError, match=r": its model reads sounds; these pairs have texts\. Give pairs of the same kind\.$"):
        seqloom.train([("a", "b"), ("c", "d"), ("e", "f")], out=tmp_path / "no", **few)
