"""Environments beside our own."""

from pathlib import Path

import pytest

from exporters.environments import Environment, InstallError, MissingEnvironment, environment
from models import UnknownName


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    return tmp_path


def test_one_that_is_not_installed_gives_one_line(home: Path) -> None:
    with pytest.raises(
        MissingEnvironment, match=r"^an export needs its own environment: tailbed install litert-torch$"
    ):
        environment("litert-torch").python("an export")


def test_an_unknown_one_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="unknown environment 'x': choose from litert-torch"):
        environment("x")


def test_every_requirement_is_pinned() -> None:
    lines = environment("litert-torch").requirements.read_text().splitlines()
    requirements = [line for line in lines if not line.startswith("#")]
    assert all("==" in line for line in requirements)
    assert {"litert-torch", "torch"} <= {line.partition("==")[0] for line in requirements}


def test_torch_is_that_which_the_programs_are_exported_with() -> None:
    pinned = (Path(__file__).parents[3] / "constraints.txt").read_text().splitlines()
    torch = next(line for line in pinned if line.startswith("torch=="))
    assert torch in environment("litert-torch").requirements.read_text().splitlines()


def test_one_that_fails_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("torch==0.0.0\n")
    # No index: whatever is asked for is not found, at once.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    steps: list[str] = []
    made = Environment("made", requirements)
    with pytest.raises(InstallError, match="cannot install the environment made: ERROR: No matching distribution"):
        made.install(steps.append)
    assert steps[0] == "making an empty environment"
    assert not made.installed
    assert list((home / "environments").iterdir()) == []


def test_one_from_other_requirements_is_not_installed(home: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("torch==1.0.0\n")
    made = Environment("made", requirements)
    made.folder.mkdir(parents=True)
    (made.folder / "requirements.txt").write_text("torch==1.0.0\n")
    assert made.installed
    requirements.write_text("torch==2.0.0\n")
    assert not made.installed
