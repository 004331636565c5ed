"""The Triton that this machine has: NVIDIA's wheel in its own environment, or an installation that the user names."""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporters.environments import MissingEnvironment
from servers.errors import ServerError
from servers.triton.environment import ENVIRONMENT

VARIABLE: Final = "TAILBED_TRITON"
"""Environment variable with the path of a tritonserver that is to be used in place of the wheel's."""

PYTHON: Final = "python"
"""The backend that runs programs in Python."""

_STUB: Final = "triton_python_backend_stub"
_VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_LIBPYTHON: Final = f"libpython{_VERSION}.so.1.0"


@dataclass(frozen=True)
class Installation:
    """A tritonserver with its backends.

    Attributes:
        server: the program.
        backends: a folder with one folder for each backend.
        bundled: the libraries that all of it is linked with, where it brings its own.
        stubs: a folder with the Python backend's program for each version of Python, where that is not one for a single
            version, in its place in the backend's folder.
    """

    server: Path
    backends: Path
    bundled: Path | None = None
    stubs: Path | None = None

    def has(self, backend: str) -> bool:
        """Whether it has a backend of this name."""
        return (self.backends / backend).is_dir()

    @property
    def stub(self) -> Path | None:
        """The Python backend's program for this version of Python; None where there is none."""
        if self.stubs is not None:
            found = self.stubs / _VERSION / _STUB
            return found if found.is_file() else None
        found = self.backends / PYTHON / _STUB
        return found if found.is_file() and _LIBPYTHON.encode() in found.read_bytes() else None

    def prepare(self, folder: Path) -> Path:
        """The backends as the server looks for them, in ``folder`` where they are not so already.

        The wheel has the Python backend's library and its program in two places. They are linked into one, at the same
        depth as in the wheel: the library finds what it is linked with by where it is itself.

        Raises:
            ServerError: the Python backend is not for this version of Python.
        """
        if (stub := self.stub) is None:
            raise ServerError(f"the Python backend of {self.server} is not for Python {_VERSION}")
        if self.stubs is None or self.bundled is None:
            return self.backends
        shutil.rmtree(folder, ignore_errors=True)
        backends = folder / self.backends.relative_to(self.bundled.parent)
        (backends / PYTHON).mkdir(parents=True)
        for file in (*filter(Path.is_file, (self.backends / PYTHON).iterdir()), stub):
            (backends / PYTHON / file.name).symlink_to(file)
        (folder / self.bundled.name).symlink_to(self.bundled)
        return backends

    def variables(self, folder: Path) -> dict[str, str]:
        """Variables with which the Python backend runs programs in this process's own environment.

        It embeds the first Python on the path, and needs its library: the one that this Python was built with, which
        ``folder`` gets a link to, rather than another release of the same version that the system may have.
        """
        found = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))}
        if (library := _own_library()) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / _LIBPYTHON).symlink_to(library)
            given = os.environ.get("LD_LIBRARY_PATH")
            found["LD_LIBRARY_PATH"] = os.pathsep.join((str(folder), *([given] if given else [])))
        return found


def find() -> Installation | None:
    """The installation that would be used; None where there is none."""
    if named := os.environ.get(VARIABLE):
        server = Path(named).resolve()
        return Installation(server, server.parents[1] / "backends") if _is_program(server) else None
    if not ENVIRONMENT.installed:
        return None
    site = ENVIRONMENT.folder.resolve() / "lib" / f"python{_VERSION}" / "site-packages"
    root = site / "pytriton" / "tritonserver"
    return Installation(
        root / "bin" / "tritonserver", root / "backends", site / "nvidia_pytriton.libs", root / "python_backend_stubs"
    )


def missing() -> str | None:
    """What lacks and how to get it; None where nothing does."""
    if named := os.environ.get(VARIABLE):
        return None if find() else f"{VARIABLE} is {named!r}: expected the path of a tritonserver"
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"NVIDIA's wheel of Triton is for Linux on x86-64: {VARIABLE} may name another tritonserver"
    if (found := find()) is None:
        return str(MissingEnvironment(ENVIRONMENT.name, "the server triton"))
    if found.stub is None:
        return f"NVIDIA's wheel of Triton has no Python backend for Python {_VERSION}"
    if _own_library() is None and ctypes.util.find_library(f"python{_VERSION}") is None:
        return (
            f"Triton's Python backend needs {_LIBPYTHON}, which this Python comes without (Debian: libpython{_VERSION})"
        )
    return None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _own_library() -> Path | None:
    folder = sysconfig.get_config_var("LIBDIR")
    library = Path(folder) / _LIBPYTHON if folder else None
    return library if library is not None and library.is_file() else None
