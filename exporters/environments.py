"""Python environments beside our own, for libraries whose needs would downgrade what the others are tested with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import MissingPackage, TailbedError, UnknownName
from models.home import home
from models.publishing import published

# PyPI has no CPU build of torch for Linux x86-64; PyTorch's own index has. Without it the default build is taken,
# which works as well and is several GB larger.
_TORCH_INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
_REQUIREMENTS = "requirements.txt"
_VARIABLE = "TAILBED_ENVIRONMENTS"
"""Environment variable with the folder of all environments, where that is another than ``home()/environments``."""


class MissingEnvironment(MissingPackage):
    """An environment that is not installed."""

    def __init__(self, name: str, needed_for: str) -> None:
        TailbedError.__init__(self, f"{needed_for} needs its own environment: tailbed install {name}")


class InstallError(TailbedError):
    """An environment that could not be installed."""


@dataclass(frozen=True)
class Environment:
    """An environment in the folder of all of them.

    Attributes:
        name: what users call it.
        requirements: a pip requirements file with the version of everything in it.
        complete: whether nothing that the file does not name is to be installed, whatever its packages ask for.
    """

    name: str
    requirements: Path
    complete: bool = False

    @property
    def folder(self) -> Path:
        """Where it is, once installed."""
        return _environments() / self.name

    @property
    def installed(self) -> bool:
        """Whether it is there, from requirements that are still the same."""
        try:
            return (self.folder / _REQUIREMENTS).read_bytes() == self.requirements.read_bytes()
        except OSError:
            return False

    def python(self, needed_for: str) -> Path:
        """Its interpreter.

        Raises:
            MissingEnvironment: it is not installed.
        """
        if not self.installed:
            raise MissingEnvironment(self.name, needed_for)
        return self.folder / "bin" / "python"

    def install(self, tell: Callable[[str], None]) -> None:
        """Make it with venv and pip; it appears whole or not at all.

        Args:
            tell: told what is being done.

        Raises:
            InstallError: pip or venv failed; with its last line.
            PublishError: the disk does not take it.
        """
        requirements = [line for line in self.requirements.read_text().splitlines() if not line.startswith("#")]
        with published(_environments(), self.name) as folder:
            tell("making an empty environment")
            if error := _failed([sys.executable, "-m", "venv", str(folder)]):
                raise InstallError(f"cannot make the environment {self.name}: {error}")
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
            for torch in (line for line in requirements if line.startswith("torch==")):
                tell(f"installing {torch}")
                # No retries: an unreachable index must not cost minutes.
                if _failed([*pip, "--extra-index-url", _TORCH_INDEX, torch], PIP_RETRIES="0"):
                    tell(f"installing {torch}, the default build: several GB")
                    _pip(self.name, [*pip, torch])
            tell(f"installing the {len(requirements)} packages of {self.name}")
            _pip(self.name, [*pip, *(["--no-deps"] if self.complete else []), "-r", str(self.requirements)])
            # Last: what is told from it is that all of it is there.
            (folder / _REQUIREMENTS).write_bytes(self.requirements.read_bytes())


ENVIRONMENTS = {
    "litert-torch": Environment("litert-torch", Path(__file__).parent / "tflite" / "litert-torch.txt"),
}


def environment(name: str) -> Environment:
    """The environment called ``name``.

    Raises:
        UnknownName: there is none.
    """
    if name not in ENVIRONMENTS:
        raise UnknownName(f"unknown environment {name!r}: choose from {', '.join(ENVIRONMENTS)}")
    return ENVIRONMENTS[name]


def _environments() -> Path:
    chosen = os.environ.get(_VARIABLE)
    return Path(chosen).expanduser() if chosen else home() / "environments"


def _pip(name: str, argv: list[str]) -> None:
    if error := _failed(argv):
        raise InstallError(f"cannot install the environment {name}: {error}")


def _failed(argv: list[str], **variables: str) -> str | None:
    """Run a program, and give the line in which it says why it failed."""
    # A PYTHONPATH of ours would let pip find there what the environment lacks.
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", env={**inherited, **variables})
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [f"exit code {done.returncode}"])[-1]
