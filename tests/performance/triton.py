"""The real tritonserver, serving a model whose computing time is known; and NVIDIA's perf_analyzer.

perf_analyzer is in another wheel, without two of its libraries: those that the server's wheel bundles, under their
usual names.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import urllib3

from models import TailbedError
from servers import SupervisedProcess, connect
from servers.address import free_ports
from servers.triton.command import GRACE_S, command, leftovers
from servers.triton.installation import Installation, find, missing

HOST = "127.0.0.1"
MODEL = "busy"
WIDTH = 64
START_S = 60.0

_CONFIG = f"""
name: "{MODEL}"
backend: "python"
max_batch_size: 8
input [{{ name: "x" data_type: TYPE_FP32 dims: [ {WIDTH} ] }}]
output [{{ name: "y" data_type: TYPE_FP32 dims: [ {WIDTH} ] }}]
instance_group [{{ count: 1 kind: KIND_CPU }}]
"""
_MODEL = """
import time
import triton_python_backend_utils as pb_utils
from servers.triton.tensors import from_triton, to_triton


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        end_ns = time.monotonic_ns() + 1000 * {compute_us}
        y = 2 * from_triton(request, "x")
        while time.monotonic_ns() < end_ns:
            pass
        return pb_utils.InferenceResponse([to_triton("y", y)])
"""


@dataclass(frozen=True)
class Triton:
    """A running server.

    Attributes:
        http, grpc: ``HOST:PORT``.
    """

    http: str
    grpc: str

    def requests(self) -> tuple[int, int]:
        """How many requests it has answered, and the nanoseconds that they took inside it, by its own statistics."""
        # A connection that were kept would keep the server waiting for it at its end.
        url, closed = f"http://{self.http}/v2/models/{MODEL}/stats", {"Connection": "close"}
        response = urllib3.request("GET", url, headers=closed, timeout=10, retries=False)
        success = response.json()["model_stats"][0]["inference_stats"]["success"]
        return success["count"], success["ns"]


def installed() -> Installation:
    """The server of NVIDIA's wheel.

    Raises:
        TailbedError: it is not installed.
    """
    found = find()
    if found is None or found.bundled is None:
        raise TailbedError(missing() or "this needs the server of NVIDIA's wheel, not another one")
    return found


@dataclass(frozen=True)
class PerfAnalyzer:
    """perf_analyzer out of the wheel of tritonclient 2.51.0, the last one that has it and runs here.

    Attributes:
        program: the file.
        variables: with which it finds its libraries.
    """

    program: Path
    variables: dict[str, str]

    @classmethod
    def of(cls, environment: Path, installation: Installation, folder: Path) -> PerfAnalyzer:
        """That of a virtual environment; ``folder`` gets links to libraries of the server's.

        Raises:
            TailbedError: it is not there.
        """
        program = environment / "bin" / "perf_analyzer"
        if not program.exists():
            raise TailbedError(f"{program}: is not there; the wheel of tritonclient 2.51.0 has it")
        assert installation.bundled is not None
        folder.mkdir()
        for name in ("libb64.so.0d", "libcudart.so.12"):
            stem, _, suffix = name.partition(".so.")
            (folder / name).symlink_to(next(installation.bundled.glob(f"{stem}-*.so.{suffix}*")).resolve())
        return cls(program.absolute(), {"LD_LIBRARY_PATH": f"{folder.resolve()}:{installation.bundled}"})


@contextmanager
def serve(
    installation: Installation, folder: Path, *, compute_us: int, cores: tuple[int, ...] | None, nice: int | None
) -> Iterator[Triton]:
    """Run a fresh server with the model, bound to this machine alone."""
    folder = folder.resolve()
    model = folder / "repository" / MODEL
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(_CONFIG)
    (model / "1" / "model.py").write_text(_MODEL.format(compute_us=compute_us))
    ports = free_ports(HOST, ("http", "grpc", "metrics"))
    shared_memory = f"tailbed-{secrets.token_hex(4)}-"
    argv = command(
        installation,
        repository=model.parent,
        backends=installation.prepare(folder / "installation"),
        host=HOST,
        ports=ports,
        shared_memory=shared_memory,
        gpu=False,
    )
    with SupervisedProcess.start(
        argv,
        log=folder / "triton.log",
        env=installation.variables(folder / "libraries"),
        cores=cores,
        nice=nice,
        leftovers=leftovers(shared_memory),
    ) as process:
        try:
            _await_ready(process, f"http://{HOST}:{ports['http']}")
            yield Triton(*(f"{HOST}:{ports[use]}" for use in ("http", "grpc")))
        finally:
            process.stop(GRACE_S)


def write_pool(path: Path) -> None:
    """Requests with the answers that the model gives, each item ``[WIDTH]``."""
    x = np.random.default_rng(0).random((64, WIDTH), dtype=np.float32)
    np.savez(path, **{"inputs/x": x, "outputs/y": 2 * x})


def _await_ready(process: SupervisedProcess, url: str) -> None:
    deadline = time.monotonic() + START_S
    with connect(url, timeout_s=5) as client:
        while not client.ready(MODEL):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TailbedError(f"tritonserver did not start (log: {process.log})")
            time.sleep(0.1)
