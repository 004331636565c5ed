"""Stacks as tests of all of them meet them: installed, or skipped with the reason; and what their servers occupy."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest

from exporters import exporters_of
from models import MODELS
from servers import STACKS, Stack
from servers.address import is_free
from tests.environments import provide

FORMATS: Final = [name for name, exporter in exporters_of(MODELS.get("digits")).items() if name == exporter.format]
"""Every format, by the name of the export that is made from the framework the model comes from."""
_USUAL: Final = ("onnx", "savedmodel", "torchscript")
_SHARED_MEMORY: Final = re.compile(r"(/dev/shm/\S+)$", re.MULTILINE)


def one_of_each_folder() -> list[str]:
    """One name of each stack's folder: its protocols change nothing in how its processes start and end."""
    folders = {name.partition("-")[0]: name for name in reversed(STACKS.names())}
    return sorted(folders.values())


def installed(name: str) -> Stack:
    """The stack called ``name``, once this machine has it; otherwise the test is skipped."""
    stack = STACKS.get(name)
    if stack.missing() and stack.environment is not None:
        provide(stack.environment)
    if lacking := stack.missing():
        pytest.skip(lacking)
    return stack


def usual_format(stack: Stack) -> str:
    """A format that the stack serves."""
    return next(format for format in _USUAL if stack.serves(format))


@dataclass(frozen=True)
class Footprint:
    """What a server occupies while it runs."""

    processes: list[psutil.Process]
    sockets: set[tuple[str, int]]
    """Addresses and ports that listen."""
    files: set[Path]
    """Shared memory and Unix sockets."""

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        """That of a server's process, with its two supervisors and all its descendants."""
        server = psutil.Process(pid)
        family = [server, *server.children(recursive=True)]
        sockets, files = set(), set()
        for process in family:
            for connection in process.net_connections("all"):
                if connection.status == psutil.CONN_LISTEN:
                    sockets.add((connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port))
                elif isinstance(connection.laddr, str) and connection.laddr.startswith("/"):
                    files.add(Path(connection.laddr))
            files |= {Path(path) for path in _SHARED_MEMORY.findall(Path(f"/proc/{process.pid}/maps").read_text())}
        return cls([*family, *server.parents()[:2]], sockets, {path for path in files if path.exists()})

    def assert_gone(self) -> None:
        """Nothing of it is there any more; a process may still be on its way out."""
        _, alive = psutil.wait_procs(self.processes, timeout=30)
        assert not alive
        assert not [port for host, port in self.sockets if not is_free(host, port)]
        assert not [path for path in self.files if path.exists()]
