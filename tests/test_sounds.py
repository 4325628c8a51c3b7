"""Tables and folders that name sounds: how they are told, where the sounds lie, and what happens to faulty ones."""

import io
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seqloom.config import DataConfig
from seqloom.data.pairs import read_as_trained, read_rows, resolve
from seqloom.data.rows import Row
from seqloom.data.sources import read_sources
from seqloom.errors import DataError
from seqloom.sound.audio import read_sound
from seqloom.sound.sounds import name_sounds


def sound(path: Path, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(1).normal(size=int(8000 * seconds)), 8000)


def table(folder: Path, text: str, name: str = "manifest.tsv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows(path: str, **config: object) -> list[Row]:
    return list(read_rows([path], DataConfig.model_validate(config)))


def error(path: str, **config: object) -> str:
    with pytest.raises(DataError) as found:
        rows(path, **config)
    return str(found.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "clips/1.wav\tone\nclips/2.flac\ttwo\n"),
        ("a.tsv", "path\ttext\nclips/1.wav\tone\nclips/2.flac\ttwo\n"),
        ("a.tsv", "Aufnahme\tWortlaut\nclips/1.wav\tone\nclips/2.flac\ttwo\n"),
        ("a.csv", "wav,said\nclips/1.wav,one\nclips/2.flac,two\n"),
        ("a.jsonl", '{"audio": "clips/1.wav", "text": "one"}\n{"audio": "clips/2.flac", "text": "two"}\n'),
    ],
)
def test_a_column_of_sound_files_is_seen_and_paths_start_at_the_folder_of_the_table(tmp_path: Path, name: str, text: str):
    path = table(tmp_path, text, name)
    config = DataConfig(train=[path])
    read = read_rows([path], config)
    assert [(row.source, row.target) for row in read] == [((f"{tmp_path}/clips/1.wav",), "one"), ((f"{tmp_path}/clips/2.flac",), "two")]
    assert any("which names sound files" in note for note in read.notes)
    assert resolve(config).sounds is True


def test_texts_that_are_no_sound_files_stay_texts(tmp_path: Path):
    path = table(tmp_path, "clips/1.wav\tone\nno sound\ttwo\n")
    assert [row.source for row in rows(path)] == [("clips/1.wav",), ("no sound",)]
    assert resolve(DataConfig(train=[path])).sounds is False
    assert not name_sounds(["", ""])
    assert rows(path, sounds=True)[0].source == (f"{tmp_path}/clips/1.wav",)


def test_words_that_end_in_the_name_of_a_film_are_texts(tmp_path: Path):
    """They ended in "no such sound file"; names without blanks are paths, and what can be read may have blanks in its name."""
    path = table(tmp_path, "".join(f"how do I open x{number}.mov\tuse vlc\n" for number in range(20)))
    read = read_rows([path], DataConfig())
    assert next(iter(read)).source == ("how do I open x0.mov",)
    said = "20 of 20 sources look like names of sound files; all are read as texts. If they name sounds, say --set data.sounds=true."
    assert said in read.notes
    assert name_sounds(["x.mov", "y.raw"])
    assert name_sounds(["my x.wav", "my y.wav"])
    assert name_sounds([*(f"{number}.m4a" for number in range(9)), "my 9.m4a"])
    assert not name_sounds(["my x.mov", "y.mov"])


def test_one_name_that_is_no_sound_does_not_turn_sounds_into_texts(tmp_path: Path):
    lines = [f"clips/{number}.wav\tone\n" for number in range(20)]
    path = table(tmp_path, "".join([*lines, "clips/20\ttwo\n"]))
    assert rows(path)[20].source == (f"{tmp_path}/clips/20",)
    assert read_rows([path], DataConfig()).are_sounds
    some = read_rows([table(tmp_path, "".join([*lines, *["text\tone\n"] * 5]), "some.tsv")], DataConfig())
    assert not some.are_sounds
    said = "20 of 25 sources look like names of sound files; all are read as texts. If they name sounds, say --set data.sounds=true."
    assert said in some.notes


def test_kinds_of_sounds_that_nothing_reads_are_no_texts(tmp_path: Path):
    (tmp_path / "1.m4a").write_bytes(b"ftypM4A and more")
    path = table(tmp_path, "1.m4a\tone\n2.m4a\ttwo\n")
    assert read_rows([path], DataConfig()).are_sounds
    with pytest.raises(
        DataError, match=r"/1\.m4a: cannot be read as sound \(.*\); expected WAV, FLAC, Ogg or MP3\. Convert it, as in ffmpeg"
    ):
        read_sound(rows(path)[0].source[0])


@pytest.mark.parametrize("text", ["text\taudio\none\t1.wav\ntwo\t2.wav\n", "one\t1.wav\ntwo\t2.wav\n"])
def test_sounds_in_the_second_column_are_the_source(tmp_path: Path, text: str):
    path = table(tmp_path, text)
    assert [(row.source, row.target) for row in rows(path)] == [((f"{tmp_path}/1.wav",), "one"), ((f"{tmp_path}/2.wav",), "two")]
    said = "names sound files; expected it as the source. Change --source and --target, or say --set data.sounds=false to write such names."
    assert error(path, source=[1], target=2).endswith(said)
    assert rows(path, source=[1], target=2, sounds=False)[0].target == "1.wav"


def test_two_files_of_sounds_and_words_are_read_with_and_without_ids(tmp_path: Path):
    """Kaldi's wav.scp and text were learned as the letters of file names, without a word."""
    scp, text = (
        table(tmp_path, "a-1 wav/1.wav\na-2  wav/my 2.sph\na-3 /x/3.wav\n", "wav.scp"),
        table(tmp_path, "a-1 ONE\na-2 TWO  SIX\na-3\n", "text"),
    )
    wanted = [(f"{tmp_path}/wav/1.wav", "ONE"), (f"{tmp_path}/wav/my 2.sph", "TWO  SIX"), ("/x/3.wav", "")]
    for paths in ([scp, text], [text, scp]):
        read = read_rows(paths, DataConfig())
        assert [(*row.source, row.target) for row in read] == wanted
        assert read.notes[0] == f"Two parallel files: {paths[0]} and {paths[1]}, behind the ids that both have."
    plain, words = table(tmp_path, "1.wav\n2.wav\n", "paths.txt"), table(tmp_path, "one\ntwo six\n", "words.txt")
    assert [(*row.source, row.target) for row in read_rows([plain, words], DataConfig())][1] == (f"{tmp_path}/2.wav", "two six")


def test_sounds_and_words_are_joined_by_ids_and_what_one_file_alone_has_is_counted(tmp_path: Path):
    """The same ids in the same order were asked for."""
    scp, text = table(tmp_path, "a 1.wav\n\nb 2.wav\nc 3.wav\n", "wav.scp"), table(tmp_path, "d four\nc two\na one\n", "text")
    read = read_rows([scp, text], DataConfig())
    wanted = [None if target is None else Row((f"{tmp_path}/{name}",), target, f"{scp}:{line}") for name, target, line in
              (("1.wav", "one", 1), ("", None, 2), ("2.wav", None, 3), ("3.wav", "two", 4))]  # fmt: skip
    assert list(read.in_step()) == wanted
    assert read.notes[2:] == [
        "1 blank line was skipped.",
        f"1 line of {scp} has an id that the other file does not have, and went by, such as {scp}:3.",
        f"1 line of {text} has an id that the other file does not have, and went by, such as {text}:1.",
    ]
    other = read_rows([text, scp], DataConfig())
    assert [(*row.source, row.target) for row in other] == [(f"{tmp_path}/3.wav", "two"), (f"{tmp_path}/1.wav", "one")]


def test_ids_are_found_in_files_of_another_order_however_long_they_are(tmp_path: Path):
    numbers = range(2500)
    scp = table(tmp_path, "".join(f"u{number:04} {number}.wav\n" for number in numbers), "wav.scp")
    text = table(tmp_path, "".join(f"u{number:04} word {number}\n" for number in reversed(numbers)), "text")
    read = list(read_rows([scp, text], DataConfig()))
    assert [row.target for row in read] == [f"word {number}" for number in numbers]
    table(tmp_path, "".join(f"u{min(number, 19):04} word\n" for number in range(21)), "text")
    with pytest.raises(DataError) as found:
        list(read_rows([scp, text], DataConfig()))
    said = "the id 'u0019' stands here and on line 20; expected it once. Leave one out. If they are texts: --set data.sounds=false."
    assert str(found.value) == f"{text}:21: {said}"


def test_a_folder_of_a_recipe_is_read_as_its_two_files(tmp_path: Path):
    sound(tmp_path / "1.wav")
    sound(tmp_path / "2.wav")
    table(tmp_path, "a 1.wav\nb 2.wav\n", "wav.scp")
    assert "missing; expected the transcript" in error(str(tmp_path))
    table(tmp_path, "b two\na one\n", "text")
    config = DataConfig(train=[str(tmp_path)])
    wanted = [Row((f"{tmp_path}/{number}.wav",), word, f"{tmp_path}/wav.scp:{number}") for number, word in ((1, "one"), (2, "two"))]
    assert list(read_rows([str(tmp_path)], config)) == wanted
    for training in (config, DataConfig(train=[table(tmp_path, "path\ttext\n1.wav\tone\n", "train.tsv")])):
        assert list(read_as_trained([str(tmp_path)], resolve(training))) == wanted
    assert [row.source for row in read_sources(str(tmp_path), 1, resolve(config))] == [row.source for row in wanted]


def test_segments_of_a_recipe_are_clips_of_its_recordings(tmp_path: Path):
    """They were refused: Kaldi's own tools had to cut the recordings first."""
    sound(tmp_path / "rec" / "1.wav", 2.0)
    table(tmp_path, "r1 rec/1.wav\n", "wav.scp")
    table(tmp_path, "a one\nb two\nc three\n", "text")
    segments = table(tmp_path, "b r1 0.5 1.25\na  r1 0 0.50\n\nc r1 1.25 -1\n", "segments")
    whole, config = f"{tmp_path}/rec/1.wav", DataConfig(train=[str(tmp_path)])
    clips = [(f"{whole}#t=0.5,1.25", "two", 1), (f"{whole}#t=0,0.5", "one", 2), (f"{whole}#t=1.25", "three", 4)]
    wanted = [Row((name,), words, f"{segments}:{line}") for name, words, line in clips]
    assert list(read_rows([str(tmp_path)], config)) == wanted
    assert list(read_rows([segments, str(tmp_path / "text")], DataConfig())) == wanted
    assert [row.source for row in read_sources(str(tmp_path), 1, resolve(config)) if any(row.source)] == [row.source for row in wanted]
    assert [len(read_sound(row.source[0]).samples) for row in wanted] == [6000, 4000, 6000]
    for line, said in (
        ("a r2 0 1", f"no recording 'r2' in {tmp_path}/wav.scp; expected its sound there. Add it, or leave the line out."),
        ("a r1 0", "a r1 0; expected an id, that of a recording, and from which second to which. Mend the line."),
        ("a r1 0 x", "a r1 0 x; expected an id, that of a recording, and from which second to which. Mend the line."),
    ):
        table(tmp_path, f"{line}\n", "segments")
        assert error(str(tmp_path)) == f"{segments}:1: {said}"


def test_a_manifest_says_in_columns_what_of_a_recording_is_heard(tmp_path: Path):
    """Offsets were not read, so that each row of a recording was all of it."""
    rows_of = [{"audio_filepath": "1.wav", "offset": 0.5, "duration": 0.25, "text": "one"},
               {"audio_filepath": "1.wav", "offset": 0, "duration": None, "text": "two"}]  # fmt: skip
    path = table(tmp_path, "".join(f"{json.dumps(row)}\n" for row in rows_of), "manifest.jsonl")
    config, wanted = DataConfig(train=[path]), [f"{tmp_path}/1.wav#t=0.5,0.75", f"{tmp_path}/1.wav"]
    read = read_rows([path], config)
    assert [row.source[0] for row in read] == wanted
    used = "Source: 'audio_filepath', which names sound files, of each what begins at 'offset' and lasts 'duration'. Target: 'text'."
    assert read.notes[1] == used
    assert [row.source[0] for row in read_as_trained([path], resolve(config))] == wanted
    assert [row.source[0] for row in read_sources(path, 1, resolve(config))] == wanted
    table(tmp_path, "path,offset,text\n1.wav,1.5,one\n1.wav,,two\n", "manifest.csv")
    assert [row.source[0] for row in read_rows([f"{tmp_path}/manifest.csv"], DataConfig())] == [
        f"{tmp_path}/1.wav#t=1.5",
        f"{tmp_path}/1.wav",
    ]
    table(tmp_path, "path,offset,text\n1.wav,soon,one\n", "manifest.csv")
    assert error(f"{tmp_path}/manifest.csv") == f"{tmp_path}/manifest.csv:2: offset 'soon', duration ''; expected seconds. Mend the row."


def test_clips_are_named_by_their_times_in_any_table(tmp_path: Path):
    sound(tmp_path / "clips" / "1.wav", 1.0)
    path = table(tmp_path, "1.wav#t=0.25,0.5\tone\n1.wav#t=0.5\ttwo\n1.wav\tthree\n")
    found = rows(path)
    assert [row.source[0] for row in found] == [f"{tmp_path}/clips/1.wav{times}" for times in ("#t=0.25,0.5", "#t=0.5", "")]
    assert [len(read_sound(row.source[0]).samples) for row in found] == [2000, 4000, 8000]
    skipping = rows(table(tmp_path, "1.wav#t=0.25,0.5\tone\n1.wav#t=2,3\ttwo\n"), skip_bad=True)
    assert [row.target for row in skipping] == ["one"]


def test_commands_for_sounds_are_refused(tmp_path: Path):
    text = table(tmp_path, "a one\nc two\n", "text")
    scp = table(tmp_path, "a sph2pipe -f wav 1.sph |\nc 2.wav\n", "wav.scp")
    with pytest.raises(DataError) as found:
        list(read_rows([scp, text], DataConfig()))
    assert str(found.value) == (
        f"{scp}:1: a command (sph2pipe -f wav 1.sph |); expected the name of a sound file. Run it, and name the file that it writes. "
        "If they are texts: --set data.sounds=false."
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("the cat\nshow it |\na dog\n", "the Katze\nshow es\na Hund\n"),  # one line ends as a command does
        ("| a | b |\n| c | d |\n", "| e | f |\n| g | h |\n"),  # tables in markdown
        ("w1 foo bar |\nw2 foo baz |\n", "w1 so to say |\nw2 so |\n"),  # texts in Devanagari, with numbers of verses
        ("w1 foo bar |\nw2 foo baz |\n", "w1 so to say\nw2 so\n"),
        ("play a\nplay b.wav\nplay c |\n", "play a\nplay b\nplay c\n"),
    ],
)
def test_texts_that_begin_alike_are_no_ids_and_sounds(tmp_path: Path, first: str, second: str):
    """One line that ends in a bar made a command of it, and refused the files."""
    one, other = table(tmp_path, first, "a.en"), table(tmp_path, second, "a.de")
    for paths in ([one, other], [other, one]):
        read = read_rows(paths, DataConfig())
        assert read.notes[0] == f"Two parallel files: {paths[0]} and {paths[1]}."
        lines = zip(*(Path(path).read_text().splitlines() for path in paths), strict=True)
        assert [(row.source[0], row.target) for row in read] == list(lines)


def test_sounds_beside_other_sources_are_refused(tmp_path: Path):
    path = table(tmp_path, "wav\tspeaker\ttext\n1.wav\ta\tone\n2.wav\tb\ttwo\n")
    said = "'wav' names sound files; expected it as the only source. Leave the others out, or say --set data.sounds=false to read the names"
    assert said in error(path, source=["wav", "speaker"], target="text")
    said = "Choose, as in --source wav --target said."
    assert error(table(tmp_path, "wav\tid\tsaid\tsex\n1.wav\ta\tone two\tm\n2.wav\tb\ttwo six\tf\n", "b.tsv")).endswith(said)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("client_id\tpath\tsentence\ttext\n{0}\t1.wav\tIt is one\tit is one\n{0}\t2.wav\tGo\tgo\n", "sentence"),
        ("id\tfile\tlabel\ttranscript\nu1\t1.wav\tjackson\tone\nu2\t2.wav\tnicolas\ttwo\n", "transcript"),
        ("u1\t1.wav\tjackson\tone\nu2\t2.wav\tjackson\ttwo\n", "4"),
        ("uid\tWortlaut\tclip\n{0}\tdrei\t1.wav\n{0}\tvier fünf\t2.wav\n", "Wortlaut"),
    ],
)
def test_the_column_that_is_offered_as_the_target_holds_words(tmp_path: Path, text: str, target: str):
    """It was the one with most letters: that of ids."""
    assert error(table(tmp_path, text.format("abcdef0123" * 6))).endswith(f" --target {target}.")


@pytest.mark.parametrize(
    ("name", "text", "source", "target", "left"),
    [
        ("a.jsonl", '{"audio_filepath": "1.wav", "duration": 1.2, "text": "one"}\n' * 2, "audio_filepath", "text", "duration"),
        ("a.csv", "wav_filename,wav_filesize,Transcript\n1.wav,12,one\n1.wav,13,one\n", "wav_filename", "Transcript", "wav_filesize"),
        ("a.tsv", "id\tage\tpath\tsentence\nc\t\t1.wav\tone\nc\tten\t1.wav\tone\n", "path", "sentence", "id, age"),
        ("a.csv", "label,speaker,file\none,s1,1.wav\none,s2,1.wav\n", "file", "label", "speaker"),
    ],
)
def test_the_sides_of_a_manifest_are_told_where_one_column_names_sounds_and_one_is_called_as_what_is_said(
    tmp_path: Path, name: str, text: str, source: str, target: str, left: str
):
    """The program named the right ones, and asked for them."""
    path = table(tmp_path, text, name)
    read = read_rows([path], DataConfig())
    assert [(row.source, row.target) for row in read] == [((f"{tmp_path}/1.wav",), "one")] * 2
    assert f"Source: {source!r}, which names sound files. Target: {target!r}. Not read: {left}." in read.notes
    for part in ({"target": target}, {"source": [source]}):
        assert rows(path, **part)[0] == next(iter(read))
    assert "expected 2, or --source and --target to say which" in error(path, sounds=False)


def test_sounds_beside_two_columns_of_words_or_other_sounds_are_not_guessed(tmp_path: Path):
    assert "expected 2, or" in error(table(tmp_path, "path,text,label\n1.wav,one,a\n2.wav,two,b\n", "a.csv"))
    assert "expected 2, or" in error(table(tmp_path, "loud,soft,text\n1.wav,3.wav,one\n2.wav,4.wav,two\n", "b.csv"))
    assert "expected 2, or" in error(table(tmp_path, "path,text,sex\n1.wav,one,f\n2.wav,two,m\n", "c.csv"), source=["sex"])
    sound(tmp_path / "wavs/u1.wav")
    path = table(tmp_path, "u1|Mr. One|Mister One\nu1|2|two\n", "metadata.csv")
    assert "Choose, as in --source 1 --target" in error(path)
    assert rows(path, sounds=True, target=3)[1] == Row((f"{tmp_path}/wavs/u1.wav",), "two", f"{path}:2")


def test_sounds_are_found_in_a_folder_beside_their_table(tmp_path: Path):
    for number in (1, 2):
        sound(tmp_path / "clips" / f"{number}.wav")
    path = table(tmp_path, "1.wav\tone\n2.wav\ttwo\n")
    read = read_rows([path], DataConfig())
    assert [row.source[0] for row in read] == [f"{tmp_path}/clips/1.wav", f"{tmp_path}/clips/2.wav"]
    assert "Source: column 1, which names sound files in clips. Target: column 2." in read.notes
    sound(tmp_path / "old" / "1.wav")
    assert rows(path)[0].source == (f"{tmp_path}/1.wav",), "one of two is not chosen"


def test_names_of_sounds_without_their_ends_are_said_and_found_where_that_is_asked_for(tmp_path: Path):
    for name in ("a-1", "a-2"):
        sound(tmp_path / "wavs" / f"{name}.wav")
    path = table(tmp_path, "a-1|One.|one\na-2|Two six.|two six\n", "metadata.csv")
    assert error(path).endswith(" Choose, as in --source 1 --target 2 --set data.sounds=true.")
    found = rows(path, source=[1], target=3, sounds=True)
    assert [(*row.source, row.target) for row in found] == [(f"{tmp_path}/wavs/a-1.wav", "one"), (f"{tmp_path}/wavs/a-2.wav", "two six")]
    read = read_rows([path], DataConfig(source=[1], target=3))
    assert not read.are_sounds
    said = f"Sources are names of sound files that lie beside {path}, without their ends; all are read as texts. "
    assert read.notes[-1] == f"{said}If they name sounds, say --set data.sounds=true."


def test_a_sound_has_one_name_from_wherever_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = ["1.wav", "./1.wav", "clips/../1.wav", str(tmp_path / "1.wav")]
    table(tmp_path, "".join(f"{name}\tone\n" for name in names))
    whole = f"{tmp_path}/1.wav"
    for folder, path in ((tmp_path, "manifest.tsv"), (tmp_path.parent, f"{tmp_path.name}/manifest.tsv")):
        monkeypatch.chdir(folder)
        asked = read_sources(path, config=resolve(DataConfig(train=[path])))
        assert {row.source[0] for row in (*rows(path), *asked)} == {whole}


def test_absolute_paths_stay_and_the_column_can_be_chosen(tmp_path: Path):
    path = table(tmp_path, "id\tpath\tsentence\n1\t/x/1.wav\tone\n2\t/x/2.wav\ttwo\n")
    assert rows(path, source=["path"], target="sentence")[0].source == ("/x/1.wav",)


def test_a_folder_of_sounds_with_transcripts_is_read(tmp_path: Path):
    for name, text in (("b/2.wav", "two\n"), ("1.flac", "one  and\na half")):
        sound(tmp_path / name)
        (tmp_path / name).with_suffix(".txt").write_text(text)
    folder = str(tmp_path)
    assert [(row.source, row.target, row.where) for row in read_rows([folder], DataConfig())] == [
        ((f"{folder}/1.flac",), "one and a half", f"{folder}:1"),
        ((f"{folder}/b/2.wav",), "two", f"{folder}:2"),
    ]
    found = resolve(DataConfig(train=[folder]))
    assert (found.format, found.sounds, found.source, found.target) == ("folder", True, ["path"], "text")
    other = table(tmp_path, "path\ttext\n1.flac\tone\n")
    assert next(iter(read_rows([other], found))).source == (f"{folder}/1.flac",)
    assert [row.target for row in read_rows([folder], resolve(DataConfig(train=[other])))] == ["one and a half", "two"]


def test_folders_of_sounds_are_called_as_what_is_said_in_them(tmp_path: Path):
    """The layout of many sets of single words was refused for want of transcripts."""
    for name in ("yes/1.wav", "yes/2.wav", "turn off/1.wav"):
        sound(tmp_path / name)
    (tmp_path / "README.md").write_text("words")
    read = read_rows([str(tmp_path)], DataConfig())
    expected = [("turn off/1.wav", "turn off"), ("yes/1.wav", "yes"), ("yes/2.wav", "yes")]
    assert [(*row.source, row.target) for row in read] == [(f"{tmp_path}/{name}", words) for name, words in expected]
    assert read.notes[0] == "A folder of 2 folders of sounds; what is said in each is what it is called: turn off, yes."
    (tmp_path / "held_out.txt").write_text("yes/1.wav\n\n")
    assert rows(str(tmp_path)) == list(read)
    (tmp_path / "held_out.txt").write_text("yes/1.wav\nyes/3.wav\n")
    assert "1.txt: missing; expected the transcript of the sound beside it." in error(str(tmp_path))


@pytest.mark.parametrize("names", [["yes/1.wav"], ["yes/1.wav", "no/1.wav", "1.wav"], ["a/yes/1.wav", "b/no/1.wav"]])
def test_folders_that_are_no_labels_of_all_sounds_want_transcripts(tmp_path: Path, names: list[str]):
    for name in names:
        sound(tmp_path / name)
    said = (
        "Write it, or name a table of path and text, or put all sounds into folders, two at least, that are called as what is said in them."
    )
    assert error(str(tmp_path)).endswith(f"missing; expected the transcript of the sound beside it. {said}")


@pytest.mark.parametrize("names", [["train/1.wav", "test/1.wav"], ["yes/1.wav", "no/1.wav", "metadata.csv"]])
def test_folders_of_the_parts_of_a_data_set_or_beside_a_table_are_no_labels(tmp_path: Path, names: list[str]):
    for name in names:
        sound(tmp_path / name) if name.endswith(".wav") else (tmp_path / name).write_text("path,text\n")
    assert "missing; expected the transcript of the sound beside it." in error(str(tmp_path))


def test_a_transcript_without_sound_is_refused(tmp_path: Path):
    path = table(tmp_path, "path\ttext\n1.wav\tone\n\ttwo\n")
    assert error(path) == (
        f"{path}:3: a transcript without sound: the name is empty; expected that of a sound file. Fill it in, or remove the row. "
        "Go on without such rows with --skip-bad."
    )


def test_a_text_without_a_sound_goes_by_and_is_said(tmp_path: Path):
    """A README.txt in the folder ended everything."""
    sound(tmp_path / "1.wav")
    (tmp_path / "1.txt").write_text("one")
    (tmp_path / "README.txt").write_bytes(b"/ Recorded in Malm\xf6.\n")
    read = read_rows([str(tmp_path)], DataConfig())
    assert [row.target for row in read] == ["one"]
    assert f"1 text has no sound beside it, or one with a text of its own, and went by, such as {tmp_path}/README.txt." in read.notes


def test_one_text_for_a_folder_holds_the_words_of_its_sounds_behind_their_names(tmp_path: Path):
    """As LibriSpeech has them."""
    for name in ("84/121/84-121-0000.flac", "84/121/84-121-0001.flac", "84/150/84-150-0000.flac", "85/1.wav"):
        sound(tmp_path / name)
    (tmp_path / "84/121/84-121.trans.txt").write_text("84-121-0000 GO  ON\n84-121-0001\n84-121-0002 THREE\n")
    (tmp_path / "84/150/84-150.trans.txt").write_text("84-150-0000 THEN\n")
    (tmp_path / "85/1.txt").write_text("one")
    read = read_rows([str(tmp_path)], DataConfig())
    assert [(Path(row.source[0]).stem, row.target) for row in read] == [
        ("84-121-0000", "GO ON"),
        ("84-121-0001", ""),
        ("84-150-0000", "THEN"),
        ("1", "one"),
    ]
    assert (
        f"1 text has no sound beside it, or one with a text of its own, and went by, such as {tmp_path}/84/121/84-121.trans.txt:3."
        in read.notes
    )


def test_the_text_of_a_sound_goes_before_what_others_say(tmp_path: Path):
    """A README of which a line begins as a sound is called gave it these words."""
    for name in ("1", "2"):
        sound(tmp_path / f"{name}.wav")
    (tmp_path / "1.txt").write_text("one")
    (tmp_path / "all.txt").write_text("1 ONE\n2 two\n")
    (tmp_path / "README.txt").write_text("Notes\n1 microphone was used\n")
    read = read_rows([str(tmp_path)], DataConfig())
    assert [row.target for row in read] == ["one", "two"]
    said = f"2 texts have no sound beside them, or one with a text of its own, and went by, such as {tmp_path}/README.txt."
    assert said in read.notes
    (tmp_path / "again.txt").write_text("2  two\n")
    assert [row.target for row in read_rows([str(tmp_path)], DataConfig())] == ["one", "two"]
    (tmp_path / "other.txt").write_text("\n2 people spoke\n")
    assert error(str(tmp_path)) == (
        f"{tmp_path}/other.txt:2: 'people spoke'; expected one transcript of 2.wav, which has another at {tmp_path}/again.txt:1. "
        "Leave one out."
    )


def test_a_sound_without_transcript_is_refused(tmp_path: Path):
    sound(tmp_path / "1.wav")
    (tmp_path / "2.txt").write_text("two")
    assert error(str(tmp_path)) == (
        f"{tmp_path}/1.txt: missing; expected the transcript of the sound beside it. Write it, or name a table of path and text."
    )
    (tmp_path / "1.txt").write_bytes(b"caf\xe9")
    assert error(str(tmp_path)) == f"{tmp_path}/1.txt: byte 4 is not UTF-8; expected UTF-8. Convert the transcript."


def test_faulty_sounds_go_by_and_are_counted(tmp_path: Path):
    for number in (1, 2):
        sound(tmp_path / f"{number}.wav")
    (tmp_path / "3.wav").touch()
    path = table(tmp_path, "1.wav\tone\n3.wav\tthree\n2.wav\ttwo\n4.wav\tfour\n\tfive\n")
    read = read_rows([path], DataConfig(skip_bad=True))
    for _ in range(2):
        assert [row.target for row in read] == ["one", "two"]
    assert read.notes[-2] == f"1 row with an empty source went by, the first at {path}:5."
    assert read.notes[-1] == f"2 sounds could not be used and went by, such as {tmp_path}/3.wav: an empty file (0 bytes)."


def test_of_a_faulty_sound_only_the_fault_is_said(tmp_path: Path):
    sound(tmp_path / "1; 2.wav")
    path = tmp_path / "1; 2.wav"
    path.write_bytes(path.read_bytes()[:-100])
    read = read_rows([table(tmp_path, "1; 2.wav\tone\n")], DataConfig(skip_bad=True))
    assert not list(read)
    assert re.search(
        r"such as .*/1; 2\.wav: the sound is cut off: [\d,]+ bytes of sound are announced and [\d,]+ are there\.$", read.notes[-1]
    )


def test_sounds_to_predict_from_are_named_by_tables_lists_and_folders(tmp_path: Path):
    for number in (1, 2):
        sound(tmp_path / "clips" / f"{number}.wav")
    config = resolve(DataConfig(train=[table(tmp_path, "path\ttext\nclips/1.wav\tone\nclips/2.wav\ttwo\n")]))
    wanted = [f"{tmp_path}/clips/1.wav", f"{tmp_path}/clips/2.wav"]
    listed = table(tmp_path, "clips/1.wav\nclips/2.wav\n", "list.txt")
    named = table(tmp_path, "".join(json.dumps({"path": f"clips/{number}.wav"}) + "\n" for number in (1, 2)), "list.jsonl")
    for given in (config.train[0], listed, named, str(tmp_path / "clips")):
        assert [row.source[0] for row in read_sources(given, 1, config)] == wanted
    assert [row.source for row in read_sources(["x.wav"], 1, config)] == [("x.wav",)]


def heard(path: str, notes: list[str]) -> list[str]:
    return [row.source[0].removeprefix(os.path.dirname(path) + "/") for row in read_sources(path, 1, DataConfig(sounds=True), None, notes)]


def test_a_list_to_predict_from_may_have_ids_where_all_lines_do(tmp_path: Path):
    """A name with a blank whose file was missing gave that of another."""
    for name in ("take.wav", "my take.wav", "1.wav"):
        sound(tmp_path / name)
    notes = list[str]()
    scp = table(tmp_path, "\na-1 take.wav\na-2  my take.wav\na-3 1.wav\n", "wav.scp")
    assert heard(scp, notes) == ["", "take.wav", "my take.wav", "1.wav"]
    assert notes == [f"{scp}:2: 'a-1' is read as an id, and so is what each line begins with"]
    notes.clear()
    for text in ("second take.wav\n", "second take.wav\n1.wav\n", "my take.wav\nsecond take.wav\n", "second take.wav\nthird take.wav\n"):
        assert heard(table(tmp_path, text, "list.txt"), notes) == text.splitlines()
    assert heard(table(tmp_path, "path,text\nsecond take.wav,a\nmy 1.wav,b\n", "list.csv"), notes) == ["second take.wav", "my 1.wav"]
    assert not any(" id" in note for note in notes)


def test_a_keyboard_is_not_looked_at_before_it_is_read(monkeypatch: pytest.MonkeyPatch):
    """The first Ctrl-D was swallowed there."""

    class Keyboard(io.BytesIO):
        def peek(self, size: int) -> bytes:
            raise AssertionError

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Keyboard(), encoding="utf-8"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert list(read_sources("-", 1, DataConfig(sounds=True), stdin=[b"/x/1.wav\n"])) == [Row(("/x/1.wav",), "", "stdin:1")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf16_is_no_sound(monkeypatch: pytest.MonkeyPatch, encoding: str):
    given = "\ufeffa.wav\n".encode(encoding)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(given))))  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match=r"^stdin:1: not UTF-8; it begins with the byte order mark of UTF-16\. Convert it: iconv"):
        list(read_sources("-", 1, DataConfig(sounds=True)))


def test_a_table_to_predict_from_gives_its_only_column_of_sounds(tmp_path: Path):
    """Whatever training called its own, or where it stood: a manifest was to lose its other columns."""
    text = "id,file,speaker,transcript\n1,a.wav,theo,three\n2,b.wav,theo,four\n"
    manifests = [
        table(tmp_path, text, "manifest.csv"),
        table(tmp_path, text.replace(",", "\t"), "manifest.tsv"),
        table(tmp_path, text.partition("\n")[2].replace(",", "\t"), "bare.tsv"),
    ]
    for train in ("path\ttext\n1.wav\tone\n2.wav\ttwo\n", "1.wav\tone\n2.wav\ttwo\n"):
        config = resolve(DataConfig(train=[table(tmp_path, train, "train.tsv")]))
        for path in manifests:
            assert [row.source[0] for row in read_sources(path, 1, config)] == [f"{tmp_path}/a.wav", f"{tmp_path}/b.wav"]
