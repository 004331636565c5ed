import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models import PublishError, published


def _everything(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def _publish_half(root: Path, name: str, end: BaseException) -> None:
    with published(root, name) as folder:
        (folder / "file").write_text("half")
        raise end


def test_it_appears_whole_and_only_at_the_end(tmp_path: Path) -> None:
    with published(tmp_path, "a/b") as folder:
        (folder / "one").write_text("1")
        assert not (tmp_path / "a").exists()
        (folder / "two").write_text("2")
    assert _everything(tmp_path) == {"a/b/one": "1", "a/b/two": "2"}


def test_it_replaces_what_was_there(tmp_path: Path) -> None:
    for version in ("old", "new"):
        with published(tmp_path, "a/b") as folder:
            (folder / version).write_text(version)
    assert _everything(tmp_path) == {"a/b/new": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, interruption: type[BaseException]) -> None:
    with published(tmp_path, "old") as folder:
        (folder / "file").write_text("kept")
    for name in ("old", "new/er"):
        with pytest.raises(interruption):
            _publish_half(tmp_path, name, interruption())
    assert _everything(tmp_path) == {"old/file": "kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_disk_that_refuses_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match=r"cannot write .*file/a \(File exists\): .*TAILBED_HOME"):
        _publish_half(tmp_path / "file", "a", AssertionError("there is no folder to fill"))


def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="No space left on device"):
        _publish_half(tmp_path, "a", OSError(errno.ENOSPC, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


_WRITER = """
import sys
from pathlib import Path
from models import published
root, who = Path(sys.argv[1]), sys.argv[2]
for round in range(int(sys.argv[3])):
    with published(root, "shared") as folder:
        (folder / "half").mkdir()
        (folder / "half" / "file").write_text(who)
        print("inside", flush=True)
        if who == "sleeper":
            sys.stdin.read()
        for part in range(5):
            (folder / str(part)).write_text(f"{who} {round}")
        (folder / "half" / "file").write_text(f"{who} {round}")
"""


def _writer(root: Path, who: str, rounds: int) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", _WRITER, str(root), who, str(rounds)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with _writer(tmp_path, "sleeper", 1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inside\n"
        os.kill(process.pid, signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    with published(tmp_path, "shared") as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("whole")
    assert _everything(tmp_path) == {"shared/file": "whole"}


def test_processes_that_publish_the_same_name_take_turns(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, who, 50) for who in ("a", "b", "c")]
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    published_files = _everything(tmp_path)
    assert sorted(published_files) == [*(f"shared/{part}" for part in range(5)), "shared/half/file"]
    assert len(set(published_files.values())) == 1, "one writer's files, not a mixture"
