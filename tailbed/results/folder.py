"""The folder of one experiment: what lies where, and writing it so that a crash leaves it readable."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models import TailbedError
from models.validation import first_problem
from tailbed.results.schema import SCHEMA_VERSION, Cell, ColdStart, Summary


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


_CSV_FIELDS = [name for name in Cell.model_fields if name != "cold_start"] + list(ColdStart.model_fields)


def _row(cell: Cell) -> dict[str, Any]:
    row = cell.model_dump(mode="json")
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
