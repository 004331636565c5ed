"""A null server beside an experiment: an artifact's protocol and tensors, and no model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from exporters import Artifact
from loadtest.protocols import PROTOCOLS
from models import TensorSpec
from servers import ServerError, SupervisedProcess

_START_S: Final = 30.0
_POLL_S: Final = 0.01


@contextmanager
def null_server(
    artifact: Artifact, protocol: str, folder: Path, *, cores: tuple[int, ...] | None, nice: int | None = None
) -> Iterator[str]:
    """Run a null server on ``cores`` and give its URL; its log goes to ``folder``.

    Raises:
        ServerError: it did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-P", "-m", "loadtest.null_server", "--protocol", protocol]
    for option, specs in (("--input", artifact.manifest.inputs), ("--output", artifact.manifest.outputs)):
        for spec in specs:
            argv += [option, _text(spec)]
    with SupervisedProcess.start(argv, log=folder / "null_server.log", cores=cores, nice=nice) as process:
        yield f"{PROTOCOLS.get(protocol).scheme}://127.0.0.1:{_port(process)}"


def _text(spec: TensorSpec) -> str:
    return f"{spec.name}:{spec.dtype}:{','.join(map(str, spec.shape))}"


def _port(process: SupervisedProcess) -> int:
    """The port, which it tells in its log."""
    deadline = time.monotonic() + _START_S
    while (alive := process.poll() is None) and time.monotonic() < deadline:
        for line in process.log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if line.startswith("port ") and line.endswith("\n"):
                return int(line.split()[1])
        time.sleep(_POLL_S)
    lines = [line.strip() for line in process.log.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = next(filter(None, reversed(lines)), "it said nothing")
    what = f"was not ready within {_START_S:g} s" if alive else "ended"
    raise ServerError(f"the null server {what}: {said} (log: {process.log})")
