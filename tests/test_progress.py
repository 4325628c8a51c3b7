"""What a person sees while a run goes, on terminals and off them."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import seqloom
from seqloom.errors import ConfigError
from seqloom.training import progress
from seqloom.training.events import Evaluated, Finished, Sample, Silence, Started, Updated
from seqloom.training.progress import Lines, Screen, Several, Waiting, Warnings, duration, printable, told, value_text

STARTED = Started("runs/x", 0, 9000, 500, 1_234_567, "cpu", "bfloat16", 2, 90.0, 20.0)
UPDATED = Updated(step=30, epoch=1.5, progress=0.25, loss=0.8125, learning_rate=2.5e-4, tokens_per_second=12_345.6, seconds_left=65.0)
SAMPLES = [
    Sample("3 March 1984", "1984-03-03", "1984-03-03"),
    Sample("東京都千代田区" * 20, "Tokio", "Kyoto"),
    Sample("\x1b[2Jwipe\x07", "a\nb", ""),
]
METRICS = {"exact_match": 0.5, "token_accuracy": 0.75, "character_error_rate": 0.125, "loss": 0.25, "perplexity": 1.284}
FINISHED = Finished("runs/x", 40, 70.0, "done", METRICS, "the best on dev, update 30", 500, "beam 5")


def evaluated(*findings: str, is_best: bool = True, step: int = 30) -> Evaluated:
    return Evaluated(step, 1.5, 21.4, METRICS, "character_error_rate", is_best, SAMPLES, list(findings))


def lines_of(watcher_events: list[object], width: int = 100) -> list[str]:
    stream = io.StringIO()
    watcher = Lines(stream, width)
    for event in watcher_events:
        name = {Started: "started", Updated: "updated", Evaluated: "evaluated", Finished: "finished"}[type(event)]
        getattr(watcher, name)(event)
    return stream.getvalue().splitlines()


def test_an_evaluation_is_one_line_with_its_samples_below() -> None:
    lines = lines_of([STARTED, UPDATED, evaluated()])
    assert lines[0] == "training: 1,234,567 weights on 9,000 pairs, at most 20 passes or 1m30s, on cpu, bfloat16, 2 threads"
    assert lines[1] == (
        " 25%  21s  update 30  pass 1.5  loss 0.812  12,346 tokens/s  "
        "dev: character_error_rate 0.1250  exact_match 0.5000  token_accuracy 0.7500  loss 0.25  best so far"
    )
    assert lines[2] == "      3 March 1984 -> 1984-03-03  (right)"
    assert lines[4] == "      \\x1b[2Jwipe\\x07 -> (nothing)  (target: a\\nb)"
    assert len(lines) == 5


def test_letters_that_a_terminal_does_not_have_do_not_end_a_run() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "ascii")
    Lines(stream).say("dev: déjà → 東")
    assert written.getvalue() == b"dev: d?j? ? ?\n"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_sample_is_cut_to_the_width_in_cells(width: int) -> None:
    line = lines_of([evaluated()], width)[2]
    assert cell_len(line) <= width + 8
    assert line.startswith("      東")
    assert "... -> Kyoto  (target: Tokio)" in line


def test_the_loss_of_a_line_is_the_mean_since_the_last() -> None:
    first, second = UPDATED, Updated(31, 1.5, 0.3, 0.4125, 2e-4, 12_000.0, 60.0)
    lines = lines_of([first, second, evaluated(), second, evaluated()], 80)
    losses = [line.partition("loss ")[2].split()[0] for line in lines if "  dev: " in line]
    assert losses == ["0.613", "0.412"]


def test_a_resumed_run_says_where_it_goes_on() -> None:
    resumed = Started("runs/x", 20, 9000, 500, 10, "cpu", "float32", 1, None, 20.0)
    assert lines_of([resumed]) == ["going on after update 20: 10 weights on 9,000 pairs, at most 20 passes, on cpu, float32, 1 thread"]


def test_what_looks_wrong_is_said_when_it_begins_and_at_the_end_of_the_weights_that_are_kept() -> None:
    same, other, third = "12 of 500 predictions are 'a'.", "nothing but <unk>.", "the dev mae is 3.2, worse than the 2.1 of others."
    looks = [evaluated(*findings) for findings in ([same], ["All 500 predictions are 'bb'."], ["9 of 500 predictions are 'a'.", other])]
    kept = replace(FINISHED, findings=["7 of 500 predictions are 'c'.", other, third])
    assert [line for line in lines_of([*looks, kept]) if line.startswith("warning")] == [
        "warning: 12 of 500 predictions are 'a'.",
        "warning: nothing but <unk>.",
        "warning, at the end still: 7 of 500 predictions are 'c'.",
        "warning: the dev mae is 3.2, worse than the 2.1 of others.",
    ]
    assert [line for line in lines_of([*looks, FINISHED]) if "at the end" in line] == [], "the weights that are kept have nothing of it"


def test_a_quiet_run_says_once_what_looks_wrong_and_nothing_that_may_pass() -> None:
    same, other, stream = "12 of 500 predictions are 'a'.", "nothing but <unk>.", io.StringIO()
    watcher = Warnings(stream)
    early = f"Early hint at step 20, which may pass: {same}"
    for findings in ([early], [same], [], ['All 500 predictions are "b\'b".'], [other], [same, other]):
        watcher.evaluated(evaluated(*findings))
    watcher.finished(FINISHED)
    assert stream.getvalue().splitlines() == [f"warning: {same}", f"warning: {other}"]


def test_a_quiet_run_says_warnings_and_no_notes() -> None:
    stream = io.StringIO()
    for text in ("note: x", "warning: the budget ended", "data: 3 pairs"):
        Warnings(stream).say(text)
    assert stream.getvalue() == "warning: the budget ended\n"


def test_training_goes_on_when_nobody_reads() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    watcher = Lines(Closed(), 80)
    watcher.started(STARTED)
    watcher.evaluated(evaluated("odd"))


@pytest.mark.parametrize("width", [30, 60, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_screen_shows_numbers_samples_and_warnings(width: int, encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="replace")
    console = Console(file=stream, force_terminal=True, width=width, height=60, color_system=None, highlight=False, legacy_windows=False)
    screen = Screen(console)
    screen.say("note: 3 blank lines")
    screen.started(STARTED)
    screen.updated(UPDATED)
    screen.evaluated(evaluated("all answers are the same."))
    screen.evaluated(evaluated("all answers are the same.", is_best=False, step=31))
    screen.finished(replace(FINISHED, findings=["all answers are the same."]))
    assert not screen.live.is_started
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "\x1b[2Jwipe" not in text
    assert "\x07" not in text
    if width == 120:
        for part in ("25%", "1m05s left", "12,346 tokens/s", "learning rate 2.50e-04", "best character_error_rate 0.1250 at update 30",
                     "update 31  best, update 30", "warning: all answers are the same.", "Kyoto", "1984-03-03", "(nothing)"):  # fmt: skip
            assert part in text


def test_a_screen_that_was_never_started_can_be_closed() -> None:
    screen = Screen(Console(file=io.StringIO(), force_terminal=True))
    screen.close()
    assert screen.console.file.getvalue() == ""  # pyright: ignore


def test_the_screen_fits_the_width_whatever_the_data() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=50, color_system=None, legacy_windows=False)
    screen = Screen(console)
    screen.evaluated(evaluated())
    with console.capture() as drawn:
        console.print(screen.draw())
    assert max(cell_len(line) for line in drawn.get().splitlines()) <= 50


def test_several_are_told_in_their_order() -> None:
    told: list[str] = []

    class Teller(Silence):
        def __init__(self, name: str) -> None:
            self.name = name

        def say(self, text: str) -> None:
            told.append(f"{self.name} {text}")

        def finished(self, event: Finished) -> None:
            told.append(f"{self.name} {event.why}")

    several = Several([Teller("a"), Teller("b")])
    several.say("x")
    several.started(STARTED)
    several.updated(UPDATED)
    several.evaluated(evaluated())
    several.finished(FINISHED)
    assert told == ["a x", "b x", "a done", "b done"]


class Heard(io.StringIO):
    """A stream that waits for a word."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word, self.said = word, threading.Event()

    def write(self, text: str) -> int:
        if self.word in text:
            self.said.set()
        return super().write(text)


def test_what_takes_long_before_training_is_told_and_what_follows_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Several([Silence(), Lines(heard := Heard("subwords"))])
    with watcher.phase("reading the pairs"):
        pass
    assert heard.getvalue() == ""
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    with watcher.phase("learning 16,000 subwords"):
        assert heard.said.wait(60)
    monkeypatch.setattr(progress, "PATIENCE", 3600.0)
    with watcher.phase("encoding 1,000,000 pairs"):
        assert heard.getvalue().splitlines() == ["learning 16,000 subwords ...", "encoding 1,000,000 pairs ..."]
        with Waiting(waiting := io.StringIO()).phase("reading the pairs"):
            pass
        assert waiting.getvalue() == ""
    with Warnings(quiet := io.StringIO()).phase("reading the pairs"):
        pass
    assert quiet.getvalue() == ""
    assert not any(isinstance(thread, threading.Timer) for thread in threading.enumerate())


def test_a_terminal_shows_what_is_done_and_takes_it_away() -> None:
    console = Console(file=(shown := Heard("encoding 1,000,000 pairs")), width=60, force_terminal=True, legacy_windows=False, _environ={})
    with Screen(console).phase("encoding 1,000,000 pairs"):
        assert shown.said.wait(60)
    assert shown.getvalue().endswith("\x1b[2K")  # the line is empty again


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (65, "1m05s"), (7380, "2h03m"), (90_000, "25h00m"), (float("inf"), "-"), (-1, "-")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_metrics_that_are_in_no_list_are_printed_too() -> None:
    assert value_text("exact_match", 0.5) == "0.5000"
    assert value_text("something_new", 1 / 3) == "0.3333"


def test_control_characters_are_written_out_and_letters_are_not() -> None:
    assert printable("e\u0301 \u200d क्षि") == "e\u0301 \u200d क्षि"
    assert printable("\x1b]0;\t\x9b") == "\\x1b]0;\\t\\x9b"


# --------------------------------------------------------------------------------------------------------- TensorBoard


def test_tensorboard_gets_curves_and_samples(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from seqloom.training.tensorboard import TensorBoard

    board = TensorBoard()
    board.started(replace(STARTED, run=str(tmp_path)))
    board.updated(UPDATED)
    board.evaluated(evaluated())
    board.finished(FINISHED)
    board.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"train/loss", "train/learning_rate", "dev/exact_match", "final/exact_match"} <= set(events.Tags()["scalars"])
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(30, 0.8125)]


def test_tensorboard_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from seqloom.errors import ConfigError
    from seqloom.training.tensorboard import TensorBoard

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(ConfigError, match=r"--tensorboard: tensorboard is not installed .* pip install 'seqloom\[tensorboard\]'"):
        TensorBoard()


def test_a_watcher_that_cannot_be_told_everything_is_refused_before_anything_is_done():
    message = (
        r"^watcher: builtin_function_or_method has no say\(\); expected the methods of seqloom\.training\.events\.Watcher\. Begin with"
    )
    with pytest.raises(ConfigError, match=message):
        seqloom.train([("a", "b")], watcher=print)  # pyright: ignore[reportArgumentType]
    assert type(told(None, quiet=True)) is Warnings
    assert type(told(None, quiet=False)) is Lines
    assert told(silence := Silence(), quiet=False) is silence
