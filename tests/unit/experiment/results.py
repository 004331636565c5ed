"""Runs and summaries that were never measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailbed.analysis.cell import combine
from tailbed.results.schema import RunResult, Summary
from tests.unit.report.experiments import make_cell


def make_run(block: int = 1, **fields: Any) -> RunResult:
    """A VALID run of digits as ONNX on FastAPI at 200/s, but for ``fields``."""
    cell = make_cell(**fields).model_dump(exclude={"intervals", "runs"})
    return RunResult.model_validate({**cell, "block": block, "finished": True, "run": f"runs/{block:03d}"})


def make_summary(cells: Sequence[Sequence[RunResult]], blocks: int) -> Summary:
    """An experiment of ``cells``, each given by its runs."""
    return Summary(
        suite="made",
        started="2026-01-01T00:00:00+00:00",
        elapsed_s=1.0,
        complete=True,
        planned_cells=len(cells),
        blocks=blocks,
        cells=[combine(runs, blocks) for runs in cells],
        failures=[],
    )
