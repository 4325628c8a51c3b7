"""The readers of the benchmarks' data sets on tiny files in the layout of the real ones, the published metrics, and the table."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import quality
import scores
from published import SETS
from sets import Files, advising, aeslc, cmudict, conll2017, histnorm, multi30k, scan, sigmorphon2020, tatoeba


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def pairs_of(path: str) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [(row["source"], row["target"]) for row in rows]


# -------------------------------------------------------------------------------------------------------------- readers


def test_a_word_of_cmudict_is_asked_once_and_right_by_any_pronunciation(tmp_path: Path) -> None:
    folder = tmp_path / "cmudict-g2p"
    put(folder / "cmudict-0.7b.train-dev-20-21.gz", "A  AH\r\nA  EY\r\n")
    put(folder / "cmudict-0.7b.train-dev-1-21.gz", "BE  B IY\r\n")
    put(folder / "cmudict-0.7b.test.gz", "TO  T UW\r\nSO  S OW\r\nTO  T AH\r\nTO  T UW\r\n")
    files = cmudict(tmp_path, tmp_path / "work")
    assert pairs_of(files.train[0]) == [("A", "AH"), ("A", "EY")]
    assert pairs_of(files.dev[0]) == [("BE", "B IY")]
    assert pairs_of(files.test[0]) == [("TO", "T UW"), ("SO", "S OW")]
    assert files.answers == (("T UW", "T AH"), ("S OW",))


def test_sigmorphon_files_are_used_as_they_are(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        put(tmp_path / "sigmorphon2020-g2p" / part / f"vie_{part}.tsv", f"xin chào\t{part} s i n\n")
    files = sigmorphon2020("vie")(tmp_path, tmp_path / "work")
    assert files.train == (str(tmp_path / "sigmorphon2020-g2p" / "train" / "vie_train.tsv"),)
    assert files.answers == (("test s i n",),)


def test_an_inflected_form_is_made_from_lemma_and_tags(tmp_path: Path) -> None:
    put(tmp_path / "conll2017-inflection" / "finnish-uncovered-test", "olla\tolen ollut\tV;PRF\nkala\tkalat\tN;PL\n")
    files = conll2017("finnish", "medium")(tmp_path, tmp_path / "work")
    assert files.train == (str(tmp_path / "conll2017-inflection" / "finnish-train-medium"),)
    assert files.columns == ("--source", "1", "--source", "3", "--target", "2")
    assert files.answers == (("olen ollut",), ("kalat",))


@pytest.mark.parametrize(("split", "folder"), [("simple", "simple_split"), ("length", "length_split"), ("addprim_jump", "add_prim_split")])
def test_a_line_of_scan_is_split_at_out(tmp_path: Path, split: str, folder: str) -> None:
    put(tmp_path / "scan" / folder / f"tasks_train_{split}.txt.gz", "IN: jump OUT: I_JUMP\n")
    put(tmp_path / "scan" / folder / f"tasks_test_{split}.txt.gz", "IN: run left OUT: I_TURN_LEFT I_RUN\n")
    files = scan(split)(tmp_path, tmp_path / "work")
    assert Path(files.train[0]).read_text(encoding="utf-8") == "jump\tI_JUMP\n"
    assert files.answers == (("I_TURN_LEFT I_RUN",),)
    assert files.dev == ()


def test_captions_stay_in_their_parallel_files(tmp_path: Path) -> None:
    put(tmp_path / "multi30k" / "test_2016_flickr.en.gz", "A dog\u2028runs.\nTwo men.\n")
    files = multi30k("de", "en")(tmp_path, tmp_path / "work")
    assert [Path(path).name for path in (*files.train, *files.dev)] == ["train.de.gz", "train.en.gz", "val.de.gz", "val.en.gz"]
    assert files.answers == (("A dog\u2028runs.",), ("Two men.",))


def test_historical_forms_are_preprocessed_as_in_the_comparison(tmp_path: Path) -> None:
    lines = ["Vnnd\tUnd", "", "\t", "allein", ".\t.", "12.\t12.", "3tag\t3 Tage", "zu\tzu dem", "u\u0308ber\tÜber", "a\tb\tc"]
    for part in ("train", "dev", "test"):
        put(tmp_path / "histnorm" / f"german-ridges.{part}.txt.gz", "\n".join(lines) + "\n")
    files = histnorm("german-ridges")(tmp_path, tmp_path / "work")
    expected = [("vnnd", "und"), ("00.", "00."), ("3tag", "3÷tage"), ("zu", "zu÷dem"), ("über", "über"), ("a", "b")]
    assert pairs_of(files.train[0]) == pairs_of(files.test[0]) == expected
    assert files.answers[:2] == (("und",), ("00.",))


def test_values_stand_in_question_and_sql_and_the_excluded_are_left_out(tmp_path: Path) -> None:
    query = {
        "sql": ['SELECT A WHERE D = "department0" AND N LIKE "%topic0%" AND M = number0 ;', "SELECT OTHER ;"],
        "variables": [
            {"name": "department0", "example": "EECS", "location": "sql-only"},
            {"name": "topic0", "example": "math", "location": "both"},
            {"name": "number0", "example": "595", "location": "both"},
        ],
        "sentences": [
            {
                "question-split": split,
                "text": f"{split} : topic0 number0 ?",
                "variables": {"topic0": said, "number0": "550", "department0": ""},
            }
            for split, said in (("train", "graph theory"), ("dev", "AI"), ("test", "logic"), ("exclude", "logic"))
        ],
    }
    put(tmp_path / "text2sql-advising" / "advising.json.gz", json.dumps([query], indent=1))
    files = advising(tmp_path, tmp_path / "work")
    sql = 'SELECT A WHERE D = "EECS" AND N LIKE "%{}%" AND M = 550 ;'
    assert pairs_of(files.train[0]) == [("train : graph theory 550 ?", sql.format("graph theory"))]
    assert pairs_of(files.dev[0]) == [("dev : AI 550 ?", sql.format("AI"))]
    assert files.answers == ((sql.format("logic"),),)


def test_the_subject_of_an_email_is_the_original_one(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        mail = {"id": "x", "body": f"Hello,\n\t{part}", "subject": "Lunch", "ann0": "Lunch on Friday"}
        put(tmp_path / "aeslc" / f"{part}.jsonl.gz", json.dumps(mail) + "\n")
    files = aeslc(tmp_path, tmp_path / "work")
    assert pairs_of(files.dev[0]) == [("Hello,\n\tdev", "Lunch")]
    assert files.answers == (("Lunch",),)


def test_no_english_sentence_of_tatoeba_stands_in_two_parts(tmp_path: Path) -> None:
    lines = [f"Sentence {number}.\tPhrase {number}{mark}" for number in range(400) for mark in ".!."]  # the third repeats the first
    put(tmp_path / "tatoeba-eng-fra" / "fra.txt.gz", "\n".join(lines) + "\n")
    files = tatoeba(tmp_path, tmp_path / "work")
    train, dev, test = (pairs_of(paths[0]) for paths in (files.train, files.dev, files.test))
    english = [{source for source, _ in part} for part in (train, dev, test)]
    assert sum(map(len, english)) == len(set.union(*english)) == 400
    assert len(train) + len(dev) == 2 * (400 - len(test))
    assert all(len(right) == 2 for right in files.answers)
    assert 0 < len(test) < 40 > len(dev) // 2 > 0
    again = tatoeba(tmp_path, tmp_path / "other")
    assert pairs_of(again.test[0]) == test


# -------------------------------------------------------------------------------------------------------------- metrics


def test_a_prediction_is_right_by_any_answer_and_blanks_and_composition_do_not_count() -> None:
    predictions = ["T  AH", "u\u0308ber", "x"]
    answers = [("T UW", "T AH"), ("über",), ("y",)]
    assert scores.accuracy(predictions, answers) == pytest.approx((66.667,), abs=1e-3)
    assert scores.error(predictions, answers) == pytest.approx((33.333,), abs=1e-3)


def test_english_words_are_those_of_the_tutorials() -> None:
    text = "A man's t-shirt isn't $3.50; he'll, e.g., can't stop... 3:30 \"OK\""
    expected = "a man 's t - shirt is n't $ 3.50 ; he 'll , e . g . , ca n't stop ... 3:30 \" ok \""
    assert scores.english_words(text) == expected.split()


def test_bleu_of_the_tutorials_is_blind_to_case_and_sacrebleu_is_not() -> None:
    answers = [("A small dog runs over the wet grass.",)]
    assert scores.tutorial_bleu(["a small dog runs over the wet grass ."], answers)[0] == pytest.approx(100)
    assert scores.tutorial_bleu(["a small dog runs over the wet grass."], answers)[1] < 90


def test_bleu_on_moses_tokens_is_of_lower_case_tokens() -> None:
    assert scores.moses_tokens("fr", "L'Homme boit de l'eau fraîche.") == "l&apos; homme boit de l&apos; eau fraîche ."
    compute = scores.moses_bleu("fr")
    assert compute(["l'homme boit de l'eau fraîche ."], [("L'Homme boit de l'eau fraîche.",)])[0] == pytest.approx(100)


def test_rouge_is_stemmed_and_counted_by_hand() -> None:
    one, two, longest = scores.rouge(["meeting on friday", "lunch"], [("meetings friday",), ("lunch",)])
    assert one == pytest.approx((80 + 100) / 2)  # 2 of 3 and 2 of 2 words
    assert two == pytest.approx(0)
    assert longest == pytest.approx((80 + 100) / 2)


# ---------------------------------------------------------------------------------------------------------------- table


def result(*values: float, **more: Any) -> dict[str, Any]:
    about = {"seconds": 90.0, "parameters": 2_000_000, "chosen": "lstm", "commit": "abc1234", "machine": "a machine", "date": "2026-01-01"}
    return {"values": list(values), **about, **more}


def test_the_mean_stands_in_the_table_once_all_parts_are_there() -> None:
    group = next(group for group in SETS if group.name == "conll-medium")
    results = {quality.key(part, 1, 1): result(70.0 + place) for place, part in enumerate(group.parts)}
    rows = [line for line in quality.table(results).splitlines() if "mean of 5" in line]
    assert len(rows) == 1
    assert "| ≥ 76.0 | 72.0 **missed** | 7.5 | 2.00 M |" in rows[0]
    results.popitem()
    assert "mean of 5" not in quality.table(results)


def test_several_seeds_give_median_and_spread_and_members_a_row_of_their_own() -> None:
    part = next(group for group in SETS if group.name == "aeslc").parts[0]
    results = {quality.key(part, seed, 1): result(20.0 + seed, 8.0, 19.0) for seed in (1, 2, 3)}
    results[quality.key(part, 1, 5)] = result(25.0, 9.0, 21.0)
    rows = [line for line in quality.table(results).splitlines() if line.startswith("| AESLC")]
    assert len(rows) == 2
    assert "| 22.0 / 8.0 / 19.0 (21.0 / 8.0 / 19.0 to 23.0 / 8.0 / 19.0) |" in rows[0]
    assert rows[1].startswith("| AESLC, e-mail to subject, 5 members |")


def test_a_failed_training_says_why() -> None:
    part = next(group for group in SETS if group.name == "tatoeba").parts[0]
    failed = result(failed="exit 2: error: no such option") | {}
    del failed["values"]
    assert "failed: exit 2: error: no such option" in quality.table({quality.key(part, 1, 1): failed})


def test_every_training_gets_paths_columns_and_time_alone() -> None:
    class Options:
        budget, members = "30m", 1

    files = Files(train=("a.de", "a.en"), test=("t",), dev=("d.de", "d.en"), columns=("--target", "2"))
    command = quality.train_command(files, Path("runs/x"), 1, Options)
    expected = "train a.de a.en --dev d.de --dev d.en --target 2 --budget 30m --out runs/x --overwrite"
    assert command == expected.split()
