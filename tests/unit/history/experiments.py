"""Experiments that never ran, for the history to remember."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import DeploymentFacts, ImageFacts, RunResult
from tests.unit.experiment.results import make_run, make_summary

FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)
PACKAGES = {"onnxruntime": "1.23.0", "Some_Thing": "1"}
SHA256 = "8a" * 32


def environment(
    packages: Mapping[str, str] = PACKAGES, *, cpu: str = "AMD EPYC", cores: int = 2, kernel: str = "6.1.0"
) -> dict[str, Any]:
    """What ``environment.json`` says, as far as the history reads it."""
    return {
        "machine": {
            "cpu": cpu,
            "architecture": "x86_64",
            "cores_usable": list(range(cores)),
            "cores_logical": cores,
            "governor": None,
            "memory_bytes": 8_000_000_000,
        },
        "system": {"kernel": kernel, "os": "Debian"},
        "software": {
            "python": "3.11.7",
            "git": {"commit": "ab" * 20, "modified": False},
            "packages": dict(packages),
        },
    }


def make_experiment(
    path: Path,
    cells: Sequence[Sequence[RunResult]],
    *,
    number: int = 0,
    suite: str = "made",
    where: Mapping[str, Any] | None = None,
    image: str | None = None,
    settings: Mapping[str, bool | int | str] | None = None,
    sha256: str = SHA256,
    complete: bool = True,
) -> ExperimentFolder:
    """An experiment's folder: the ``number``-th since ``FIRST``, an hour each; every run with its deployment.json."""
    folder = ExperimentFolder.create(path)
    blocks = max(len(runs) for runs in cells)
    deployments = [
        DeploymentFacts(
            model=runs[0].model,
            format=runs[0].format or "",
            precision=runs[0].precision or "",
            server=runs[0].server or "",
            protocol=runs[0].protocol,
            runtime=runs[0].runtime,
            variant=runs[0].variant,
            settings=dict(settings or {"threads": 1}),
            image=ImageFacts(name="triton", id=image, digests=[f"x@{image}"], size_bytes=1, engine="28")
            if image
            else None,
        )
        for runs in cells
    ]
    summary = make_summary(cells, blocks).model_copy(
        update={
            "suite": suite,
            "started": (FIRST + timedelta(hours=number)).isoformat(timespec="seconds"),
            "deployments": deployments,
            "complete": complete,
        }
    )
    folder.write_environment(where or environment())
    for run in (run for runs in cells for run in runs):
        assert run.run is not None
        (path / run.run).mkdir(parents=True, exist_ok=True)
        facts = {"sha256": sha256, "runs": {"onnxruntime": "1.23.0", "sha256": sha256}}
        (path / run.run / "deployment.json").write_text(json.dumps(facts))
    folder.write_summary(summary)
    return folder


def make_runs(p99_ms: float, blocks: int = 1, **fields: Any) -> list[RunResult]:
    """A cell's runs, all VALID and equal but for ``fields``."""
    return [make_run(block, p99_ms=p99_ms, **fields) for block in range(1, blocks + 1)]
