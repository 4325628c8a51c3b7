import errno
import os
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import TrainingError
from seqloom.files import give_second_name, write_atomically


def failing(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_file_is_written_and_replaced_whole(tmp_path: Path):
    path = tmp_path / "a.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"\x00two")
    assert path.read_bytes() == b"\x00two"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str):
    path = tmp_path / "state.safetensors"
    write_atomically(path, b"old")
    monkeypatch.setattr(*((os, "fsync") if where == "fsync" else (Path, "replace")), failing(number))
    with pytest.raises(TrainingError) as caught:
        write_atomically(path, b"new")
    assert str(caught.value) == (
        f"{path}: no space left on the disk while saving; the last good checkpoint stays. Free some space, then `seqloom resume`."
    )
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path):
    path = tmp_path / "missing" / "a.bin"
    with pytest.raises(TrainingError) as caught:
        write_atomically(path, b"new")
    what = f"{path}: cannot be written (No such file or directory)"
    assert str(caught.value) == f"{what}. See to it that {path.parent} can be written to, then run this again."


def test_a_file_that_may_not_be_so_large_says_what_stays_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "state.safetensors"
    monkeypatch.setattr(os, "fsync", failing(errno.EFBIG))
    limit = "Files may not be so large here: raise the limit (`ulimit -f unlimited`)"
    for stays, then in (("", "then run this again"), ("; the last good checkpoint stays", "then `seqloom resume`")):
        with pytest.raises(TrainingError) as caught:
            write_atomically(path, b"new")
        assert str(caught.value) == f"{path}: cannot be written (File too large){stays}. {limit}, {then}, or train a smaller model."
        path.touch()


def test_a_full_disk_at_the_first_byte_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    monkeypatch.setattr(Path, "open", failing(errno.ENOSPC))
    with pytest.raises(TrainingError, match="no space left"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"


def test_a_real_full_device_is_told_apart(tmp_path: Path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this machine")
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    (tmp_path / "a.bin.part").symlink_to(full)  # what is written to the draft meets a full disk
    with pytest.raises(TrainingError, match="no space left"):
        write_atomically(path, b"new" * 100_000)
    assert path.read_bytes() == b"old"


def test_a_draft_that_a_killed_run_left_is_in_nobodys_way(tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(b"half of a long dr")
    write_atomically(tmp_path / "a.bin", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.bin", b"new")]


def test_where_others_may_write_a_draft_has_a_name_of_its_own(tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(b"mine")
    write_atomically(tmp_path / "a.bin", b"new", shared=True)
    assert sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir()) == [("a.bin", b"new"), ("a.bin.part", b"mine")]


def test_a_second_name_is_the_same_file_until_one_of_them_is_written_anew(tmp_path: Path):
    first, second = tmp_path / "best.bin", tmp_path / "model.bin"
    write_atomically(first, b"one")
    write_atomically(second, b"older")
    (tmp_path / "model.bin.part").write_bytes(b"left by a killed run")
    give_second_name(first, second)
    give_second_name(first, second)
    assert first.samefile(second)
    write_atomically(first, b"two")
    assert (first.read_bytes(), second.read_bytes()) == (b"two", b"one")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.bin", "model.bin"]


def test_where_the_disk_has_no_links_a_second_name_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = tmp_path / "best.bin", tmp_path / "model.bin"
    write_atomically(first, b"one")
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    give_second_name(first, second)
    assert second.read_bytes() == b"one"
    assert not first.samefile(second)
