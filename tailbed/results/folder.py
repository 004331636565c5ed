"""The folder of one experiment: what lies where, and writing it so that a crash leaves it readable."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from models import TailbedError
from models.validation import first_problem
from tailbed.results.decisions import CapacityPlan, QuantizationStudy, Recommendations
from tailbed.results.schema import SCHEMA_VERSION, ColdStart, Measurement, RunResult, Summary

_RESULT = "result.json"
_Decision = TypeVar("_Decision", CapacityPlan, QuantizationStudy, Recommendations)
_DECISIONS: dict[type[BaseModel], str] = {
    CapacityPlan: "capacity-plan.json",
    QuantizationStudy: "quantization.json",
    Recommendations: "recommendation.json",
}


class ResultsError(TailbedError):
    """A results folder that cannot be read or written."""


class ExperimentFolder:
    """Paths inside an experiment's folder, and its files that more than one part reads or writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> ExperimentFolder:
        """Make the folder of a new experiment.

        Raises:
            ResultsError: it cannot be made, or holds something already.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            occupied = any(path.iterdir())
        except OSError as error:
            raise ResultsError(f"{path}: cannot be used for results: {error.strerror}") from error
        if occupied:
            raise ResultsError(f"{path}: is not empty: name a new folder with --out")
        return cls(path)

    @property
    def summary_json(self) -> Path:
        """The results, for programs."""
        return self.path / "summary.json"

    @property
    def summary_csv(self) -> Path:
        """The results, a row a cell, for spreadsheets."""
        return self.path / "summary.csv"

    @property
    def suite(self) -> Path:
        """The suite as it was run, every default filled in."""
        return self.path / "suite.yaml"

    @property
    def environment(self) -> Path:
        """Machine, system, versions and commit."""
        return self.path / "environment.json"

    @property
    def report(self) -> Path:
        """The report page."""
        return self.path / "report.html"

    def run(self, name: str) -> Path:
        """The folder of one run: ``plan.json``, ``records.parquet`` and logs."""
        return self.path / "runs" / name

    def preparation(self, what: str, name: str) -> Path:
        """The folder of something that is measured before the runs, such as a deployment's ``capacity``."""
        return self.path / what / name.replace("/", "-")

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Store where it is measured; a resumed experiment keeps the earlier descriptions beside its own."""
        again = len(list(self.path.glob("environment*.json")))
        path = self.environment.with_stem(f"environment-{again + 1}") if again else self.environment
        _replace(path, json.dumps(environment, indent=2) + "\n")

    def read_environment(self) -> dict[str, Any]:
        """The first description of where it was measured; empty where there is none that can be read."""
        try:
            found = json.loads(self.environment.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_result(self, name: str, result: RunResult) -> None:
        """Store a run's figures as ``result.json`` in its folder."""
        _replace(self.run(name) / _RESULT, result.model_dump_json(indent=2) + "\n")

    def read_result(self, name: str) -> RunResult | None:
        """A run's figures, or None when it has not been measured to an end, whatever that was.

        Raises:
            ResultsError: there is a file, and it is not a result.
        """
        path = self.run(name) / _RESULT
        if not path.exists():
            return None
        try:
            return RunResult.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ResultsError(f"{path}: {first_problem(error)}") from error

    def attempts(self, name: str) -> int:
        """How many attempts at a run were set aside because they were disturbed."""
        return sum(1 for _ in self.run(name).parent.glob(f"{name}.disturbed-*"))

    def set_aside(self, name: str, why: Literal["stopped", "disturbed"]) -> None:
        """Keep what an attempt at a run left under another name, so that it can be measured again."""
        folder = self.run(name)
        if folder.exists():
            kept = sum(1 for _ in folder.parent.glob(f"{name}.{why}-*"))
            folder.rename(folder.with_name(f"{name}.{why}-{kept + 1}"))

    def decision_json(self, kind: type[CapacityPlan] | type[QuantizationStudy] | type[Recommendations]) -> Path:
        """Where a decision of this kind is stored."""
        return self.path / _DECISIONS[kind]

    def write_decision(self, decision: CapacityPlan | QuantizationStudy | Recommendations) -> None:
        """Store what was concluded from the measurements beside them."""
        _replace(self.decision_json(type(decision)), decision.model_dump_json(indent=2) + "\n")

    def read_decision(self, kind: type[_Decision]) -> _Decision | None:
        """What was concluded, or None where nothing of this kind was.

        Raises:
            ResultsError: there is a file, and it is not one of this kind.
        """
        path = self.decision_json(kind)
        if not path.exists():
            return None
        try:
            return kind.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ResultsError(f"{path}: {first_problem(error)}") from error

    def write_summary(self, summary: Summary) -> None:
        """Replace ``summary.json`` and ``summary.csv``."""
        _replace(self.summary_json, summary.model_dump_json(indent=2) + "\n")
        partial = self.summary_csv.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _CSV_FIELDS)
            writer.writeheader()
            writer.writerows(_row(cell) for cell in summary.cells)
        partial.replace(self.summary_csv)

    def read_summary(self) -> Summary:
        """Read ``summary.json``.

        Raises:
            ResultsError: it is missing, of another schema version or not a summary.
        """
        try:
            text = self.summary_json.read_text(encoding="utf-8")
        except OSError as error:
            raise ResultsError(f"{self.path}: not a results folder: summary.json: {error.strerror}") from error
        try:
            return Summary.model_validate_json(text)
        except ValidationError as error:
            version = _version(text)
            if version not in (None, SCHEMA_VERSION):
                raise ResultsError(
                    f"{self.summary_json}: has schema version {version}, this tailbed reads {SCHEMA_VERSION}"
                ) from error
            raise ResultsError(f"{self.summary_json}: {first_problem(error)}") from error


_CSV_FIELDS = [name for name in Measurement.model_fields if name != "cold_start"] + list(ColdStart.model_fields)


def _row(cell: Measurement) -> dict[str, Any]:
    row = cell.model_dump(mode="json", include=set(Measurement.model_fields))
    row |= row.pop("cold_start") or {}
    return {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in row.items()}


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _version(text: str) -> int | None:
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None
