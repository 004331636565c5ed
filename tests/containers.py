"""A real container engine for tests: whether there is one, images that it can build, and Compose projects."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.one_at_a_time import one_at_a_time

ROOT = Path(__file__).parents[1]
PYTHON = "tailbed-test/python"
"""What stands for Docker Hub's image of Python: with the wheels that this machine's pip is told to look for."""
BENCH = "tailbed-test/bench"
"""What tailbed and our own servers import, with ONNX Runtime; the checkout itself is to be mounted at ``SOURCE``."""
SOURCE = "/opt/tailbed"
_BASE = "python:3.11-slim-bookworm"


@cache
def missing() -> str | None:
    """Why containers cannot be had here; None where they can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    asked = subprocess.run(["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True)
    if asked.returncode:
        return f"no container engine answers: {asked.stderr.strip().splitlines()[-1]}"
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return "docker has no compose"
    return None


def docker(*words: str, timeout_s: float = 120) -> str:
    """What the docker command prints; it must succeed."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def inspect(container: str) -> dict[str, Any]:
    """What the engine knows of a container."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", container))
    return found[0]


@cache
def python_image() -> str:
    """``PYTHON``, built unless it is there."""
    with one_at_a_time("python-image"):
        if not docker("images", "--quiet", PYTHON).strip():
            with _context() as context:
                folders = [Path(word.removeprefix("file://")) for word in _pip_config("find-links").split()]
                for wheel in (wheel for folder in folders for wheel in folder.glob("torch-*.whl")):
                    shutil.copy(wheel, context)
                (context / "pip.conf").write_text("[global]\nfind-links = /opt/wheels\n")
                (context / "Dockerfile").write_text(
                    f"FROM {_BASE}\nCOPY *.whl pip.conf /opt/wheels/\nRUN mv /opt/wheels/pip.conf /etc/pip.conf\n"
                )
                docker("build", "--quiet", "--tag", PYTHON, str(context), timeout_s=600)
    return PYTHON


@cache
def bench_image() -> str:
    """``BENCH``, built as the package's own lists say."""
    python_image()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["serve"], *extras["containers"], "onnxruntime"]
    with one_at_a_time("bench-image"), _context() as context:
        (context / "wanted").write_text("\n".join(wanted))
        shutil.copy(ROOT / "constraints.txt", context)
        (context / "Dockerfile").write_text(
            f"FROM {PYTHON}\nCOPY wanted constraints.txt /opt/\n"
            "RUN pip install --no-cache-dir -c /opt/constraints.txt -r /opt/wanted\n"
            f"ENV PYTHONPATH={SOURCE} PYTHONDONTWRITEBYTECODE=1\nWORKDIR /tmp\n"
        )
        docker("build", "--quiet", "--tag", BENCH, str(context), timeout_s=600)
    return BENCH


class Project:
    """A Compose project, up when it is made by ``project``."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self._compose = ["compose", "--project-name", name, "--file", str(file)]

    def compose(self, *words: str, timeout_s: float = 170) -> str:
        """What a command of Compose prints; it must succeed."""
        return docker(*self._compose, *words, timeout_s=timeout_s)

    def argv(self, *words: str) -> Sequence[str]:
        """The command line of one that is started otherwise."""
        return ["docker", *self._compose, *words]

    def container(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's first container."""
        return inspect(f"{self.name}-{service}-1")


@contextmanager
def project(name: str, text: str, folder: Path) -> Iterator[Project]:
    """A project of the Compose file ``text``, which is up, and gone at the end with all that it made."""
    file = folder / "compose.yaml"
    file.write_text(text, encoding="utf-8")
    found = Project(name, file)
    try:
        found.compose("up", "--detach")
        yield found
    finally:
        found.compose("--profile", "*", "down", "--volumes", "--timeout", "5", "--remove-orphans")


@contextmanager
def _context() -> Iterator[Path]:
    folder = Path(os.environ["TAILBED_HOME"]) / "image"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _pip_config(name: str) -> str:
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True)
    return asked.stdout.decode() if asked.returncode == 0 else ""
