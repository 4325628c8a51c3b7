"""A folder that one process at a time writes to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import seqloom
from seqloom import claims
from seqloom.checkpoint import RunDirectory
from seqloom.claims import claimed
from seqloom.errors import CheckpointError, DataError
from seqloom.planning.plan import Plan, make_plan
from seqloom.settings import read_settings
from seqloom.training.events import Silence, Started
from seqloom.training.runs import resume, start

HOLD = """
import sys, pathlib
from seqloom.claims import claimed
with claimed(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(folder: Path) -> Generator[subprocess.Popen[str]]:
    """A process that has claimed the folder."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def plan() -> Plan:
    pairs = [(f"{number:03}", f"{number:03}"[::-1]) for number in range(40)]
    small = ["model.encoder.width=8", "model.decoder.width=8", "training.threads=1", "training.device=cpu", "training.max_steps=4"]
    return make_plan(pairs, dev=pairs[:5], settings=read_settings(small))


def test_a_folder_that_another_process_writes_to_is_refused_until_that_ends_in_any_way(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "x"
    with another(folder) as process:
        who = f" (process {process.pid})" if Path("/proc/locks").is_file() else ""
        for given, otherwise in (("", "."), (", or choose another --out", ", or choose another --out.")):
            with pytest.raises(CheckpointError) as caught, claimed(folder, given):
                pass
            assert str(caught.value) == f"{folder}: another training writes there{who}. Wait for it{otherwise}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with claimed(folder):
            pass
    assert not list(folder.iterdir()), "nothing stays of it"


def test_a_folder_that_stays_empty_is_gone_afterwards_and_one_that_was_there_stays(tmp_path: Path) -> None:
    with claimed(tmp_path / "runs" / "x"):
        assert (tmp_path / "runs" / "x").is_dir()
    assert not list(tmp_path.iterdir())
    (tmp_path / "old").mkdir()
    with claimed(tmp_path / "old"), claimed(tmp_path / "old"):
        pass
    with claimed(tmp_path / "new"):
        (tmp_path / "new" / "a").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"old", "new"}


def test_another_thread_is_another_training(tmp_path: Path) -> None:
    def claim() -> None:
        with claimed(tmp_path / "x"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with claimed(tmp_path / "x"), pytest.raises(CheckpointError, match="another training writes there"):
            pool.submit(claim).result()
        pool.submit(claim).result()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_process_that_was_forked_keeps_nothing_and_removes_nothing(tmp_path: Path) -> None:
    script = f"""
import os, pathlib, time
from seqloom.claims import claimed
folder = pathlib.Path({str(tmp_path / "x")!r})
with claimed(folder):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        assert folder.is_dir(), "removed by the child, which left the block"
        child = os.fork()
        if child:
            print(child, flush=True)
            os._exit(0)
        os.close(1)
        time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    try:
        with claimed(tmp_path / "x"):
            pass
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_where_there_are_no_locks_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(38, os.strerror(38))

    with another(tmp_path / "x"):
        with monkeypatch.context() as patch, claimed(tmp_path / "y"):
            patch.setattr(claims.fcntl, "flock", none)
            with claimed(tmp_path / "x"):
                pass
        monkeypatch.setattr(claims, "fcntl", None)
        with claimed(tmp_path / "x"):
            pass
    (tmp_path / "file").touch()
    with claimed(tmp_path / "file" / "x"):
        pass


def test_no_training_begins_or_goes_on_where_another_writes_also_with_overwrite(tmp_path: Path) -> None:
    class Interrupting(Silence):
        def started(self, event: Started) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(plan(), tmp_path / "x", watcher=Interrupting())
    before = sorted(path.name for path in (tmp_path / "x").rglob("*"))
    refused = re.escape(f"{tmp_path / 'x'}: another training writes there")
    with another(tmp_path / "x"):
        for overwrite in (False, True):
            with pytest.raises(CheckpointError, match=refused):
                start(plan(), tmp_path / "x", overwrite=overwrite)
        with pytest.raises(CheckpointError, match=rf"{refused}.*Wait for it\.$"):
            resume(tmp_path / "x")
        with pytest.raises(CheckpointError, match=refused), RunDirectory(tmp_path / "x").beside():
            pass
    assert sorted(path.name for path in (tmp_path / "x").rglob("*")) == before
    assert resume(tmp_path / "x").why == "done"


def test_a_run_that_came_while_data_were_read_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDirectory(tmp_path / "x")
    monkeypatch.setattr(claims, "fcntl", None)

    class Slow(Silence):
        def say(self, text: str) -> None:
            if not run.path.exists() or not any(run.path.iterdir()):
                run.create()
                run.write_about(finished=True)

    plain = make_plan([("a", "b")] * 30, dev=[("c", "b")], settings={"training.max_steps": 1, "training.device": "cpu"})
    with pytest.raises(CheckpointError, match="exists already"):
        start(plain, run.path, watcher=Slow())
    assert run.is_finished()


@pytest.mark.parametrize(
    "begin",
    [
        lambda out: seqloom.train("none.tsv", out=out, overwrite=True),
        lambda out: seqloom.train_forecast("none.csv", forecast="x", horizon=1, history=1, out=out, overwrite=True),
    ],
)
def test_in_python_a_folder_is_claimed_before_anything_is_read(tmp_path: Path, begin: Callable[[Path], object]) -> None:
    with another(tmp_path / "x"), pytest.raises(CheckpointError, match="another training writes there"):
        begin(tmp_path / "x")
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "own.txt").touch()
    with pytest.raises(CheckpointError, match="is no run of Seqloom"):
        begin(tmp_path / "y")
    with pytest.raises(DataError, match="none"):
        begin(tmp_path / "z")
    assert not (tmp_path / "z").exists()
