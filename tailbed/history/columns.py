"""The columns of the history: a row is a run, with all that is known of it and of where it was measured.

Every column has a type of its own here, so that one without a value in one experiment has the same type as in another,
where it has.
"""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import BaseModel

from tailbed.results.schema import ColdStart, Resources, RunResult

if TYPE_CHECKING:
    import pyarrow as pa

Value = str | int | float | bool | datetime | None
Row = dict[str, Value]

_TEXT, _WHOLE, _NUMBER, _TRUTH, _TIME = "string", "int64", "double", "bool", "timestamp[us]"

PACKAGES: Final = (
    "ai-edge-litert",
    "fastapi",
    "grpcio",
    "jax",
    "keras",
    "lightgbm",
    "locust",
    "nncf",
    "numpy",
    "onnxruntime",
    "openvino",
    "starlette",
    "tailbed",
    "tensorflow-cpu",
    "torch",
    "torchao",
    "tritonclient",
    "uvicorn",
    "uvloop",
    "xgboost-cpu",
)
"""Packages that compute, serve or load, and so have a column each; all others are in ``packages``."""


def package_column(package: str) -> str:
    """``package_tensorflow_cpu`` of ``tensorflow-cpu``."""
    return f"package_{normal(package).replace('-', '_')}"


def normal(package: str) -> str:
    """A distribution's name as every spelling of it is normalized (PEP 503)."""
    return package.lower().replace("_", "-").replace(".", "-")


def _type(annotation: Any) -> str:
    """The column type of a pydantic field: JSON text for what is not one plain value."""
    alternatives = [each for each in get_args(annotation) or [annotation] if each is not NoneType]
    plain = {int: _WHOLE, float: _NUMBER, bool: _TRUTH}
    return plain.get(alternatives[0], _TEXT) if get_origin(annotation) not in (dict, list) else _TEXT


def _fields(model: type[BaseModel], *without: str) -> dict[str, str]:
    return {name: _type(field.annotation) for name, field in model.model_fields.items() if name not in without}


_EXPERIMENT: Final = {
    "experiment": _TEXT,
    "name": _TEXT,
    "suite": _TEXT,
    "kind": _TEXT,
    "started": _TIME,
    "recorded": _TIME,
    "folder": _TEXT,
    "complete": _TRUTH,
    "elapsed_s": _NUMBER,
    "planned_cells": _WHOLE,
    "planned_blocks": _WHOLE,
    "best": _TEXT,
    "best_by": _TEXT,
}
_RUN: Final = {
    "cell": _WHOLE,
    **_fields(RunResult, "cold_start", "resources"),
    **_fields(ColdStart),
    **_fields(Resources),
}
_DEPLOYMENT: Final = dict.fromkeys(
    ("settings", "image_name", "image_id", "image_digests", "artifact_sha256", "server_facts"), _TEXT
)
_ENVIRONMENT: Final = {
    "cpu": _TEXT,
    "architecture": _TEXT,
    "cores": _WHOLE,
    "cores_usable": _WHOLE,
    "memory_bytes": _WHOLE,
    "governor": _TEXT,
    "kernel": _TEXT,
    "os": _TEXT,
    "python": _TEXT,
    "git_commit": _TEXT,
    "git_modified": _TRUTH,
    "packages_sha256": _TEXT,
    "packages": _TEXT,
    "environment_changed": _TRUTH,
    **{package_column(package): _TEXT for package in PACKAGES},
}
COLUMNS: Final[dict[str, str]] = {**_EXPERIMENT, **_RUN, **_DEPLOYMENT, **_ENVIRONMENT}
"""The type of every column, by its name, in their order."""


def schema() -> pa.Schema:
    """The same for Arrow and Parquet."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
