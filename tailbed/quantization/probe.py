"""A look at how an artifact is computed, in a child process of its own, whose program is this module."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
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
    printed: list[str] = []
    try:
        said = ask(
            __name__,
            {"folder": artifact.folder},
            failed=f"{artifact.ref}: looking at its kernels failed",
            error=ProbeError,
            env=_LOG,
            # Native libraries keep lines back until the process ends.
            printed=lambda text: printed.extend(text.splitlines()),
        )
    except ProbeError as error:
        return unseen(str(error))
    kernels = executed(printed)
    found = Kernels.model_validate_json(said["found"])
    return found.model_copy(update={"kernels": kernels, "source": in_words(artifact.manifest.runtime, kernels)})


def _look(asked: dict[str, Any]) -> dict[str, str]:
    artifact = ArtifactStore.open(Path(asked["folder"]))
    manifest, answers = artifact.manifest, artifact.answers()
    began = time.perf_counter()
    run = runtime_for(manifest.format).load(artifact.model_file, Compute()).run
    load_s = time.perf_counter() - began
    request_ms = _timed(lambda number: run(answers.request(number % len(answers))))
    found = Kernels(
        kernels=(),
        source="",
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


if __name__ == "__main__":
    answer(_look)
