"""The history in MLflow tracking: a run is an MLflow run, under an MLflow experiment for each suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tailbed.history.cells import CellKey
from tailbed.history.columns import COLUMNS
from tailbed.history.errors import NO_RUN, HistoryError
from tailbed.history.store import fetched, opened

_PARAMS: Final = (
    *(field for field in CellKey._fields if field not in ("settings", "arm")),
    *("suite", "block", "seed", "mode", "duration_s", "offered_rate", "warmup_s", "settings"),
)
"""What was chosen. Figures are metrics, and all else is a tag."""
_METRIC_TYPES: Final = ("double", "int64")
_NOT_METRICS: Final = frozenset(
    {*_PARAMS, "cell", "planned_cells", "planned_blocks", "elapsed_s", "attempt", "cores", "cores_usable"}
    | {"memory_bytes"}
)
_KEY: Final = "tailbed.run_key"
_LONGEST: Final = 5000
"""Characters of a tag or parameter that every store of MLflow takes; the rest stays in the history."""


@dataclass(frozen=True)
class Exported:
    """How many runs were written, and how many were there already."""

    written: int
    there: int


def export_mlflow(uri: str) -> Exported:
    """Write every run that is not there yet.

    Args:
        uri: of the tracking store, ``http://HOST:PORT`` of an MLflow server, or whatever else the MLflow that is
            installed takes.

    Raises:
        HistoryError: MLflow is not installed, the store refuses, or the history cannot be read.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # A server that is not there is told at once rather than after minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise HistoryError("--mlflow needs the package 'mlflow-skinny': pip install 'tailbed[mlflow]'") from error
    with opened() as database:
        rows = fetched(database.execute("SELECT * FROM runs ORDER BY started, experiment, cell, block"))
    if not rows:
        raise HistoryError(NO_RUN)
    written = there = 0
    try:
        client = MlflowClient(tracking_uri=uri)
        for suite in dict.fromkeys(str(row["suite"]) for row in rows):
            name = f"tailbed {suite}"
            found = client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else client.create_experiment(name)
            known = set(_keys(client, experiment))
            for row in rows:
                if row["suite"] == suite and _key(row) in known:
                    there += 1
                elif row["suite"] == suite:
                    _write(client, experiment, row)
                    written += 1
    except MlflowException as error:
        raise HistoryError(f"{uri}: MLflow: {_said(error)}") from error
    return Exported(written, there)


def _key(row: dict[str, Any]) -> str:
    """What makes a run the same one when it is exported again."""
    return f"{row['experiment']}/{row['cell']}/{row['block']}/{row['attempt']}"


def _keys(client: Any, experiment: str) -> Iterator[str]:
    token = None
    while True:
        # One that was begun and not ended lacks figures, and is no run yet.
        page = client.search_runs([experiment], "attributes.status != 'RUNNING'", max_results=1000, page_token=token)
        yield from (run.data.tags[_KEY] for run in page if _KEY in run.data.tags)
        token = page.token
        if not token:
            return


def _write(client: Any, experiment: str, row: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    time = int(row["started"].replace(tzinfo=UTC).timestamp() * 1000)
    tags = {_KEY: _key(row), **{f"tailbed.{name}": row[name] for name in _tags(row)}}
    if row["run"] is not None:
        tags["tailbed.records"] = f"{row['folder']}/{row['run']}/records.parquet"
    tags["tailbed.report"] = f"{row['folder']}/report.html"
    created = client.create_run(
        experiment,
        start_time=time,
        run_name=f"{row['name']}/{row['run'] or _key(row)}",
        tags={name: _text(value) for name, value in tags.items()},
    )
    run = created.info.run_id
    # In one call: MLflow takes 1000 metrics and 100 parameters at once, and there are fewer columns.
    client.log_batch(
        run,
        metrics=[Metric(name, float(row[name]), time, 0) for name in _metrics(row)],
        params=[Param(name, _text(row[name])) for name in _PARAMS if row[name] is not None],
    )
    status = "FINISHED" if row["finished"] else "KILLED"
    client.set_terminated(run, status, end_time=time + int(row["duration_s"] * 1000))


def _metrics(row: dict[str, Any]) -> list[str]:
    numbers = (name for name, kind in COLUMNS.items() if kind in _METRIC_TYPES and name not in _NOT_METRICS)
    return [name for name in numbers if row[name] is not None]


def _tags(row: dict[str, Any]) -> list[str]:
    others = {*_PARAMS, *_metrics(row)}
    return [name for name in COLUMNS if name not in others and row[name] is not None]


def _text(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _said(error: Exception) -> str:
    """Its first sentence, and what helps where that is known."""
    said = " ".join(str(error).split())
    first = said.partition(". ")[0]
    if "MLFLOW_ALLOW_FILE_STORE" in said:
        return f"{first}: set MLFLOW_ALLOW_FILE_STORE=true to use a folder all the same"
    if "unsupported URI" in said:
        return f"{first}: give a server, http://HOST:PORT, or install the whole of MLflow for a database"
    return first
