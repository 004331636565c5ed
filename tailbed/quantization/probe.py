"""A look at how an artifact is computed, in a child process of its own, whose program is this module."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from exporters import Artifact, ArtifactStore, Compute
from models import TailbedError
from servers.runtimes import runtime_for
from tailbed.experiment.child import answer, ask
from tailbed.quantization.kernels import Kernels, executed, in_words, unseen

_LOG = {"ONEDNN_VERBOSE": "1"}
_SECONDS, _REQUESTS = 0.5, 200


class ProbeError(TailbedError):
    """A look that failed."""


def probe(artifact: Artifact) -> Kernels:
    """Load the artifact as our own servers do, compute some of its requests, and see what with."""
    asked = {"folder": artifact.folder}
    try:
        said = ask(__name__, asked, failed=f"{artifact.ref}: looking at its kernels failed", error=ProbeError)
    except ProbeError as error:
        return unseen(str(error))
    return Kernels.model_validate_json(said["found"])


def _look(asked: dict[str, Any]) -> dict[str, str]:
    # Before any of the libraries is loaded that read it.
    os.environ.update(_LOG)
    artifact = ArtifactStore.open(Path(asked["folder"]))
    manifest, answers = artifact.manifest, artifact.answers()
    with _printed() as lines:
        began = time.perf_counter()
        run = runtime_for(manifest.format).load(artifact.model_file, Compute()).run
        load_s = time.perf_counter() - began
        request_ms = _timed(lambda number: run(answers.request(number % len(answers))))
    kernels = executed(lines)
    found = Kernels(
        kernels=kernels,
        source=in_words(manifest.runtime, kernels),
        operators_ms=_profile(artifact) if manifest.runtime == "onnxruntime" else {},
        load_s=load_s,
        request_ms=request_ms,
    )
    return {"found": found.model_dump_json()}


def _timed(request: Callable[[int], object]) -> float:
    """Median milliseconds of a request, after one that is not counted."""
    request(0)
    times: list[float] = []
    until = time.perf_counter() + _SECONDS
    for number in count(1):
        began = time.perf_counter()
        request(number)
        times.append(time.perf_counter() - began)
        if number >= _REQUESTS or time.perf_counter() > until:
            break
    return 1e3 * median(times)


def _profile(artifact: Artifact) -> dict[str, float]:
    """Milliseconds of one request by type of operator, by ONNX Runtime's own profile of many."""
    from models.frameworks.onnx_runtime import onnxruntime

    library, answers = onnxruntime(), artifact.answers()
    with tempfile.TemporaryDirectory(prefix="tailbed-profile-") as folder:
        options = library.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = library.InferenceSession(str(artifact.path), options, providers=["CPUExecutionProvider"])
        for number in range(_REQUESTS // 4):
            session.run(None, answers.request(number % len(answers)))
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    times: dict[str, dict[str, list[float]]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            times.setdefault(event["args"]["op_name"], {}).setdefault(event["name"], []).append(event["dur"])
    return {operator: sum(map(median, nodes.values())) / 1e3 for operator, nodes in times.items()}


@contextmanager
def _printed() -> Iterator[list[str]]:
    """What is written to standard output in the block, by native libraries too: complete when the block has ended."""
    lines: list[str] = []
    sys.stdout.flush()
    before = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield lines
        finally:
            sys.stdout.flush()
            ctypes.CDLL(None).fflush(None)
            os.dup2(before, 1)
            os.close(before)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()


if __name__ == "__main__":
    answer(_look)
