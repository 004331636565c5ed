"""Dropping files from the page cache, on this machine's own file system."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from servers import ServerError
from tailbed.experiment.page_cache import Dropped, cached_bytes, drop, files_of

SIZE = 1_000_001
CHILD = """
import mmap, sys
opened = open(sys.argv[1], "rb")
with open(sys.argv[2], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that has just been written, on a disk."""
    device = tmp_path.stat().st_dev
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == f"{os.major(device)}:{os.minor(device)}" and fields[fields.index("-") + 1] in (
            "tmpfs",
            "ramfs",
        ):
            pytest.skip("the temporary folder is in memory: nothing can be dropped from it")
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


def _cached(path: Path) -> int:
    with path.open("rb") as file:
        return cached_bytes(file.fileno(), path.stat().st_size)


def test_a_file_is_dropped_even_if_it_was_just_written(file: Path) -> None:
    assert _cached(file) == SIZE
    assert drop([file]) == Dropped(before_bytes=SIZE, left_bytes=0, unseen_bytes=0)
    assert _cached(file) == 0
    assert len(file.read_bytes()) == SIZE
    assert _cached(file) == SIZE


def test_what_a_process_has_mapped_stays_and_is_told(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert len(bytes(mapped)) == SIZE  # every page is mapped once it is touched
        dropped = drop([file])
    assert dropped.before_bytes == SIZE
    assert dropped.left_bytes == SIZE
    assert _cached(file) == SIZE


def test_what_cannot_be_dropped_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    paths = [tmp_path, tmp_path / "empty", tmp_path / "pipe", tmp_path / "missing"]
    assert drop(paths) == Dropped(0, 0, 0)


def test_the_note_says_how_much_and_what_stayed() -> None:
    assert str(Dropped(240_000_000, 0, 0)) == "240.0 of 240.0 MB dropped"
    some = str(Dropped(240_000_000, 28_000_000, 3_000_000))
    assert some.startswith("212.0 of 240.0 MB dropped; the rest is mapped by other processes")
    assert some.endswith("asked for 3.0 MB more of another user, where it is not seen")


def test_a_process_and_its_children_show_what_they_read(tmp_path: Path) -> None:
    opened, mapped = tmp_path / "opened", tmp_path / "mapped"
    opened.write_bytes(b"1")
    mapped.write_bytes(b"2")
    command = [sys.executable, "-c", CHILD, str(opened), str(mapped)]
    parent = ["sh", "-c", '"$0" "$@"; true', *command]  # a shell that waits for its child
    with subprocess.Popen(parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        files = files_of(process.pid)
        process.stdin.close()
    assert {opened, mapped} <= files
    assert Path(os.path.realpath(sys.executable)) in files
    assert Path(os.path.realpath(os.__file__)) in files  # a module, read and closed


def test_a_process_that_has_ended_is_one_line() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(ServerError, match="cannot see which files the server reads"):
        files_of(process.pid)
