"""While a run is made, this process leaves the server's cores alone."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.scenario import ClosedLoop
from servers import Deployment, ServerError
from tailbed.experiment import run as module
from tailbed.experiment.order import Run
from tailbed.experiment.placement import Placement
from tailbed.suite import Candidate, Suite

CORES = sorted(os.sched_getaffinity(0))


@pytest.mark.skipif(len(CORES) < 2, reason="one core")
def test_a_server_is_started_and_watched_from_other_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    def start(*_: Any, **__: Any) -> Any:
        seen.append(os.sched_getaffinity(0))
        raise ServerError("it did not start")

    monkeypatch.setattr(module, "start", start)
    artifact: Any = SimpleNamespace(manifest=None, answers=lambda: None)
    run = Run(1, 1, 0, Candidate(Deployment(artifact, "grpc")), ClosedLoop())
    suite = Suite.model_validate(
        {"name": "s", "models": ["digits"], "formats": ["onnx"], "stacks": ["grpc"], "scenarios": [{"kind": "closed"}]}
    )
    with pytest.raises(ServerError, match="it did not start"):
        module.execute(run, ClosedLoop(), suite, tmp_path / "run", Placement((CORES[0],), CORES[-1]), lambda _: None)
    assert seen == [set(CORES[1:])]
    assert sorted(os.sched_getaffinity(0)) == CORES
