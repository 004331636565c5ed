"""The folder of compiled executables: machine code is given out only where it can run, and whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporters.xla_executable import executables
from exporters.xla_executable.executables import HEADER, ExecutablesError, instruction_sets
from models import TensorSpec

INPUTS = (TensorSpec("x", "float32", ("batch", 3)),)
OUTPUTS = (TensorSpec("y", "float32", ("batch", 2)),)
CONTENTS = {1: b"code for one", 8: b"code for eight"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    executables.write(tmp_path / "model", CONTENTS, INPUTS, OUTPUTS)
    return tmp_path / "model"


def _change(folder: Path, **fields: Any) -> None:
    header = json.loads((folder / HEADER).read_text())
    (folder / HEADER).write_text(json.dumps(header | fields))


def _refused(folder: Path) -> str:
    with pytest.raises(ExecutablesError) as caught:
        executables.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read(folder: Path) -> None:
    header, contents = executables.read(folder)
    assert contents == CONTENTS
    assert (header.inputs, header.outputs) == (INPUTS, OUTPUTS)
    assert sorted(path.name for path in folder.iterdir()) == ["batch-1.xla", "batch-8.xla", "executables.json"]


def test_another_jaxlib_is_refused(folder: Path) -> None:
    _change(folder, jaxlib="0.4.1")
    assert _refused(folder).startswith("compiled by jaxlib 0.4.1, and 0.")


def test_another_architecture_is_refused(folder: Path) -> None:
    _change(folder, machine="s390x")
    assert _refused(folder).startswith("compiled for s390x, and this is ")


def test_an_instruction_set_that_is_missing_here_is_refused(folder: Path) -> None:
    _change(folder, instruction_sets=[*instruction_sets(), "avx9000"])
    assert _refused(folder).startswith("compiled for a processor with avx9000, which this one lacks")


def test_fewer_instruction_sets_than_there_are_here_are_enough(folder: Path) -> None:
    _change(folder, instruction_sets=instruction_sets()[:3])
    assert executables.read(folder)[1] == CONTENTS


@pytest.mark.parametrize("content", [b"", b"code for eigh", b"code for fight"])
def test_a_damaged_executable_is_refused(folder: Path, content: bytes) -> None:
    (folder / "batch-8.xla").write_bytes(content)
    assert _refused(folder) == f"batch-8.xla is damaged: its SHA-256 differs from the one in {HEADER}"


def test_a_missing_executable_is_refused(folder: Path) -> None:
    (folder / "batch-1.xla").unlink()
    assert _refused(folder) == "batch-1.xla: No such file or directory"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b'{"jaxlib": 3}', b"\xff\xfe"])
def test_a_header_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / HEADER).write_bytes(content)
    assert _refused(folder).startswith(HEADER)


def test_a_header_without_executables_is_refused(folder: Path) -> None:
    _change(folder, sha256={})
    assert _refused(folder).startswith(f"{HEADER}: sha256")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "none") == f"{HEADER}: No such file or directory"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu sse2 avx512_bf16 smep hypervisor flush_l1d\nflags\t: sse2\n", ("avx512_bf16", "sse2")),
        ("processor\t: 0\nFeatures\t: fp asimd sve\n", ("asimd", "fp", "sve")),
        ("model name: none\n", ()),
    ],
)
def test_only_what_a_compiler_may_use_counts(tmp_path: Path, cpuinfo: str, expected: tuple[str, ...]) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert instruction_sets(tmp_path / "cpuinfo") == expected


def test_a_system_that_does_not_tell_has_no_known_instruction_sets(tmp_path: Path) -> None:
    assert instruction_sets(tmp_path / "none") == ()
