"""An experiment's folder as rows of the history, one a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tailbed.experiment.deployment_record import NAME as DEPLOYMENT_JSON
from tailbed.history.best import best_of
from tailbed.history.columns import COLUMNS, Row
from tailbed.history.environment import environment_columns
from tailbed.history.errors import HistoryError
from tailbed.results.decisions import CapacityPlan, QuantizationStudy
from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.schema import ColdStart, DeploymentFacts, Measurement, Resources, RunResult, Summary


def rows_of(folder: ExperimentFolder) -> list[Row]:
    """Every run of the experiment in ``folder``, of all its cells; none where it was stopped before its first.

    Raises:
        ResultsError: it is not a results folder, or its summary cannot be read.
        HistoryError: its summary does not tell when it began.
    """
    summary = folder.read_summary()
    shared = {**_experiment(folder, summary), **environment_columns(folder)}
    deployments = {_deployment_key(each): each for each in summary.deployments}
    rows: list[Row] = []
    for number, cell in enumerate(summary.cells, start=1):
        deployment = _deployment(deployments.get(_deployment_key(cell)))
        rows += [{**shared, "cell": number, **_run(run), **deployment, **_server(folder, run)} for run in cell.runs]
    return [{name: row[name] for name in COLUMNS} for row in rows]


def identity_of(folder: ExperimentFolder, summary: Summary) -> str:
    """What stays the same when an experiment is resumed, copied or renamed, and is no other one's: 16 characters.

    It is made of the suite's name, the start and the first description of the environment, which holds each core's own
    stalls and so is never the same twice. A folder without one goes by its name instead.
    """
    environment = folder.read_environment()
    told = json.dumps(environment, sort_keys=True) if environment else folder.path.resolve().name
    return hashlib.sha256("\n".join((summary.suite, summary.started, told)).encode()).hexdigest()[:16]


def _experiment(folder: ExperimentFolder, summary: Summary) -> Row:
    try:
        started = datetime.fromisoformat(summary.started)
    except ValueError as error:
        raise HistoryError(f"{folder.summary_json}: started: {summary.started!r} is not a time in ISO 8601") from error
    try:
        best, by = best_of(folder, summary)
    except ResultsError:
        # What another version of tailbed concluded is no part of what was measured.
        best = by = None
    return {
        "experiment": identity_of(folder, summary),
        "name": folder.path.resolve().name,
        "suite": summary.suite,
        "kind": _kind(folder),
        "started": _utc(started),
        "recorded": _utc(datetime.now(UTC)),
        "folder": str(folder.path.resolve()),
        "complete": summary.complete,
        "elapsed_s": summary.elapsed_s,
        "planned_cells": summary.planned_cells,
        "planned_blocks": summary.blocks,
        "best": best,
        "best_by": by,
    }


def _utc(moment: datetime) -> datetime:
    """In UTC and without saying so: the columns are, and Parquet's readers differ in what they make of time zones."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _kind(folder: ExperimentFolder) -> str:
    if folder.decision_json(CapacityPlan).exists():
        return "plan"
    return "quantize" if folder.decision_json(QuantizationStudy).exists() else "bench"


def _deployment_key(of: DeploymentFacts | Measurement) -> tuple[str | None, ...]:
    return (of.model, of.format, of.precision, of.server, of.protocol, of.variant)


def _deployment(facts: DeploymentFacts | None) -> Row:
    image = facts.image if facts else None
    return {
        "settings": json.dumps(facts.settings, sort_keys=True) if facts else None,
        "image_name": image.name if image else None,
        "image_id": image.id if image else None,
        "image_digests": " ".join(image.digests) if image else None,
    }


def _run(run: RunResult) -> Row:
    values = run.model_dump(mode="json")
    for model, name in ((ColdStart, "cold_start"), (Resources, "resources")):
        values |= values.pop(name) or dict.fromkeys(model.model_fields)
    return {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in values.items()}


def _server(folder: ExperimentFolder, run: RunResult) -> Row:
    """What the run's ``deployment.json`` tells; None where it has none, as where the server did not start."""
    found: Any = None
    if run.run is not None:
        try:
            found = json.loads((folder.path / run.run / DEPLOYMENT_JSON).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
    told: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    facts = told.get("runs")
    return {
        "artifact_sha256": told.get("sha256"),
        "server_facts": json.dumps(facts, sort_keys=True) if facts else None,
    }
