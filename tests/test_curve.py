"""The learning curve of `inspect --curve`: growing parts of the pairs, what they reach on dev, and what is said of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest

from seqloom.cli import main
from seqloom.errors import ConfigError, DataError
from seqloom.examples import make_example
from seqloom.planning.plan import make_plan
from seqloom.settings import read_settings
from seqloom.training.curve import Curve, Point, as_lines, conclude, learning_curve

TINY = ["model.embedding=8", "model.encoder.width=16", "model.decoder.width=16", "training.max_steps=6", "training.device=cpu"]


@pytest.fixture
def dates(tmp_path: Path) -> Path:
    path = tmp_path / "dates.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in make_example("dates").train[:240]), encoding="utf-8")
    return path


def flags(settings: Sequence[str]) -> list[str]:
    return [text for setting in settings for text in ("--set", setting)]


def points(*values: float, passes: float = 10, chosen: float = 10) -> list[Point]:
    return [Point(100 * 2**place, value, passes, chosen, 1.5) for place, value in enumerate(values)]


# ------------------------------------------------------------------------------------------------------ parts of pairs


def test_the_plan_of_a_part_holds_out_the_same_dev_pairs(dates: Path) -> None:
    whole, part = make_plan([str(dates)]), make_plan([str(dates)], share=0.5)
    assert part.dev == whole.dev
    assert 0 < part.profile.pairs < whole.profile.pairs


# --------------------------------------------------------------------------------------------------------- the command


def test_inspect_prints_a_curve_and_whether_more_pairs_would_help(
    dates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(dates), "--curve", "--budget", "60s", *flags(TINY)])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("Learning curve, on "))
    assert lines[0] == f"240 pairs in {dates}"
    assert lines[begin + 1].split() == ["pairs", "character_error_rate", "passes", "time"]
    sizes = [int(line.split()[0]) for line in lines[begin + 2 : begin + 6]]
    assert sizes == sorted(set(sizes))
    assert lines[begin + 6].startswith(("More pairs would ", "Whether more pairs would help cannot be told: "))
    assert err.count("training on ") == 4
    assert list(scratch.glob("seqloom-*")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dates.tsv", "scratch"]


def test_with_json_the_curve_stands_in_the_profile(dates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["inspect", str(dates), "--curve", "--budget", "60s", "--json", *flags(TINY)])
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == 240
    assert found["curve"]["metric"] == "character_error_rate"
    assert len(found["curve"]["points"]) == 4
    assert set(found["curve"]) == {"metric", "dev_pairs", "points", "doubling", "conclusion", "note"}


def test_after_ctrl_c_nothing_is_left_and_no_curve_is_given(dates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with mock.patch("seqloom.training.learning.Learner.update", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        learning_curve([str(dates)], budget="60s", say=lambda text: None, settings=read_settings(TINY))
    assert list(scratch.glob("seqloom-*")) == []


# ---------------------------------------------------------------------------------------------------------- refused


def test_too_short_a_budget_is_refused(dates: Path) -> None:
    with pytest.raises(ConfigError, match=r"--budget 3s: expected 8s or more, for 4 trainings\. Give more time\."):
        learning_curve([str(dates)], budget="3s")


def test_standard_input_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--curve: reads the pairs several times, and standard input can be read only once\."):
        learning_curve(["-"])


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.tsv"
    path.write_text("".join(f"a{number}\tb{number}\n" for number in range(40)), encoding="utf-8")
    with pytest.raises(DataError, match=r"few\.tsv: 3\d training pairs; a learning curve needs 64\. Add pairs\."):
        learning_curve([str(path)])


def test_a_budget_without_a_curve_is_refused(dates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(dates), "--budget", "60s"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: --budget: of no effect, nothing is trained without --curve. Leave it out.\n"


# ----------------------------------------------------------------------------------------------------- what is said


def test_a_falling_error_says_what_a_doubling_would_bring() -> None:
    said = conclude("token_error_rate", points(0.40, 0.30, 0.20, 0.10), -0.05)
    assert said == (
        "More pairs would help: twice the 800 would bring token_error_rate from 0.1000 to about 0.0500, going by the last 3 trainings."
    )


@pytest.mark.parametrize(("doubling", "answer"), [(1.2, "would help:"), (0.5, "would help a little:"), (0.1, "would hardly help:")])
def test_how_much_more_pairs_would_help_goes_by_points(doubling: float, answer: str) -> None:
    assert conclude("bleu", points(20, 25, 28, 30), doubling).startswith(f"More pairs {answer} twice the 800 would bring bleu from 30.00")
    assert conclude("exact_match", points(0.2, 0.3, 0.4, 0.5), doubling / 100).startswith(f"More pairs {answer}")
    assert conclude("bleu", points(20, 25, 28, 30), -doubling).startswith("More pairs would hardly help:")


def test_what_is_perfect_cannot_be_helped() -> None:
    assert conclude("exact_match", points(0.2, 0.8, 1.0, 1.0), 0.1) == "More pairs cannot help: exact_match on dev is perfect with 800."


def test_too_little_time_is_said_and_nothing_is_concluded_from_it() -> None:
    short = points(0.9, 0.8, 0.7, 0.6, passes=1, chosen=60)
    said = conclude("token_error_rate", short, -0.1)
    assert said == "Whether more pairs would help cannot be told: there was too little time to learn from those that there are."


def test_a_curve_is_printed_as_a_table_with_its_sentence() -> None:
    curve = Curve("bleu", 90, points(20, 25.5, passes=3, chosen=10), 5.5, "More pairs would help.", "short.")
    assert as_lines(curve) == [
        "Learning curve, on 90 dev pairs:",
        "  pairs  bleu   passes  time",
        "  100    20.00  3.0     2s",
        "  200    25.50  3.0     2s",
        "More pairs would help.",
        "note: short.",
    ]
