"""What an experiment lacks is named, as far as it can be known."""

from pathlib import Path

import pytest

from tailbed.report.results.gaps import missing_cells
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import DeploymentFacts
from tests.unit.report.experiments import make_cell, make_folder

SUITE = """
name: small
models: [digits]
formats: [onnx]
stacks: [fastapi, grpc]
scenarios:
  - {kind: closed, concurrency: 1}
  - {kind: open, arrivals: poisson, rate: 200}
"""


def planned(server: str, variant: str | None = None) -> DeploymentFacts:
    return DeploymentFacts(
        model="digits",
        format="onnx",
        precision="fp32",
        server=server,
        protocol="http",
        runtime="onnxruntime",
        variant=variant,
        settings={},
    )


@pytest.fixture
def folder(tmp_path: Path) -> ExperimentFolder:
    """Two of four cells measured, a third failed."""
    cells = [make_cell(), make_cell(server="grpc", protocol="grpc", scenario="closed x1", offered_rate=None)]
    deployments = [planned("fastapi"), planned("grpc")]
    failures = ["digits/onnx/fp32 on grpc, poisson 200/s: the server never got ready"]
    folder = make_folder(
        tmp_path / "results", cells, planned_cells=4, failures=failures, complete=False, deployments=deployments
    )
    folder.suite.write_text(SUITE)
    return folder


def test_cells_neither_measured_nor_failed_are_missing(folder: ExperimentFolder) -> None:
    assert missing_cells(folder, folder.read_summary()) == ["digits/onnx/fp32 on fastapi, closed x1"]


def test_settings_of_their_own_are_cells_of_their_own(folder: ExperimentFolder) -> None:
    (cell, *_) = folder.read_summary().cells
    deployments = [planned("fastapi", "single"), planned("fastapi", "batched")]
    summary = folder.read_summary().model_copy(update={"cells": [cell], "deployments": deployments})
    assert missing_cells(folder, summary) == [
        f"digits/onnx/fp32 on fastapi with {variant}, {scenario}"
        for variant in ("batched", "single")
        for scenario in ("closed x1", "poisson 200/s")
    ]


@pytest.mark.parametrize("suite", [None, "", "name: [", SUITE.replace("onnx", "format-of-a-later-version")])
def test_nothing_is_named_when_the_suite_cannot_be_read(folder: ExperimentFolder, suite: str | None) -> None:
    folder.suite.unlink()
    if suite is not None:
        folder.suite.write_text(suite)
    assert missing_cells(folder, folder.read_summary()) == []


def test_none_is_missing_where_as_many_are_there_as_were_planned(folder: ExperimentFolder) -> None:
    summary = folder.read_summary()
    assert missing_cells(folder, summary.model_copy(update={"planned_cells": len(summary.cells)})) == []
