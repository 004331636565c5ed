"""A real tritonserver out of the nvidia-pytriton wheel, serving a model whose computing time is known.

The wheel has the Python backend only, and not where the server looks for it: a folder of links puts it together. What
the wheel bundles of libraries is found by LD_LIBRARY_PATH alone, for the backend's processes and perf_analyzer too.
"""

from __future__ import annotations

import os
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


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        end_ns = time.monotonic_ns() + 1000 * {compute_us}
        y = 2 * pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
        while time.monotonic_ns() < end_ns:
            pass
        return pb_utils.InferenceResponse([pb_utils.Tensor("y", y)])
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
        # A connection that were kept would keep the server from ending in order, and its shared memory would stay.
        url, closed = f"http://{self.http}/v2/models/{MODEL}/stats", {"Connection": "close"}
        response = urllib3.request("GET", url, headers=closed, timeout=10, retries=False)
        success = response.json()["model_stats"][0]["inference_stats"]["success"]
        return success["count"], success["ns"]


@dataclass(frozen=True)
class Wheels:
    """A virtual environment with nvidia-pytriton, numpy below 2 and tritonclient 2.51.0 (for perf_analyzer)."""

    environment: Path

    @property
    def site(self) -> Path:
        found = list(self.environment.glob("lib/python3.*/site-packages"))
        if len(found) != 1 or not (found[0] / "pytriton").is_dir():
            raise TailbedError(f"{self.environment}: not a virtual environment with nvidia-pytriton in it")
        return found[0]

    @property
    def perf_analyzer(self) -> Path:
        found = self.environment / "bin" / "perf_analyzer"
        if not found.exists():
            raise TailbedError(f"{found}: is not there; the wheel of tritonclient 2.51.0 has it")
        return found

    def libraries(self, folder: Path) -> dict[str, str]:
        """The environment variable with which the binaries find their libraries, two of them under links' names."""
        folder.mkdir()
        bundled = self.site / "nvidia_pytriton.libs"
        for name in ("libb64.so.0d", "libcudart.so.12"):
            stem, _, suffix = name.partition(".so.")
            (folder / name).symlink_to(next(bundled.glob(f"{stem}-*.so.{suffix}*")).resolve())
        return {"LD_LIBRARY_PATH": f"{folder.resolve()}:{bundled.resolve()}"}

    @contextmanager
    def serve(
        self,
        folder: Path,
        libraries: dict[str, str],
        *,
        compute_us: int,
        cores: tuple[int, ...] | None,
        nice: int | None,
    ) -> Iterator[Triton]:
        """Run a fresh server with the model, bound to this machine alone."""
        server = (self.site / "pytriton" / "tritonserver").resolve()
        version = self.site.parent.name.removeprefix("python")
        backend = folder / "backends" / "python"
        backend.mkdir(parents=True)
        stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
        for file in (*(server / "backends" / "python").iterdir(), stub):
            (backend / file.name).symlink_to(file)
        model = folder / "models" / MODEL
        (model / "1").mkdir(parents=True)
        (model / "config.pbtxt").write_text(_CONFIG)
        (model / "1" / "model.py").write_text(_MODEL.format(compute_us=compute_us))
        ports = free_ports(HOST, ("http", "grpc", "metrics"))
        argv = [str(server / "bin" / "tritonserver"), f"--model-repository={model.parent}", "--exit-timeout-secs=10"]
        argv += [f"--backend-directory={backend.parent}"]
        argv += [f"--{use}-{what}" for use, port in ports.items() for what in (f"address={HOST}", f"port={port}")]
        # The stub starts the first python on the path and looks at no other hint.
        path = f"{(self.environment / 'bin').resolve()}:{os.environ['PATH']}"
        environment = {**libraries, "PATH": path}
        with SupervisedProcess.start(
            argv, log=folder / "triton.log", env=environment, cores=cores, nice=nice
        ) as process:
            try:
                _await_ready(process, f"http://{HOST}:{ports['http']}")
                yield Triton(*(f"{HOST}:{ports[use]}" for use in ("http", "grpc")))
            finally:
                process.stop(grace_s=15)  # it has models to unload, and shared memory to give back


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
