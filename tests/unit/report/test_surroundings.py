"""The environment as people read it."""

import json
from pathlib import Path

import pytest

from tailbed.report.environment.data import date_line, groups, machine_line
from tailbed.results.folder import ExperimentFolder

ENVIRONMENT = {
    "machine": {"cpu": "AMD EPYC", "cores_logical": 2, "memory_bytes": 16_800_000_000, "cores_usable": [0, 1]},
    "system": {"kernel": "6.1.0", "governor": None, "load_average": [0.123456, 1.0]},
    "software": {
        "python": "3.11.7",
        "git": {"commit": "abc", "modified": True},
        "packages": {f"package_{place}": "1.0" for place in range(20)},
    },
}


def test_the_machine_in_one_line() -> None:
    assert machine_line(ENVIRONMENT) == "AMD EPYC, 2 cores, 16.8 GB, Linux 6.1.0"
    assert machine_line({"machine": {"cores_logical": 1}}) == "1 core"


@pytest.mark.parametrize("environment", [{}, {"machine": "a laptop", "system": None}])
def test_an_unknown_machine_is_none(environment: dict[str, object]) -> None:
    assert machine_line(environment) is None


def test_groups_say_every_fact_in_words() -> None:
    found = {group.title: group for group in groups(ENVIRONMENT | {"host": "bench-1"})}
    assert found["general"].facts == {"host": "bench-1"}
    assert found["machine"].facts["memory"] == "16.8 GB"
    assert found["machine"].facts["cores usable"] == "0, 1"
    assert found["system"].facts == {"kernel": "6.1.0", "governor": "not known", "load average": "0.1235, 1"}
    assert found["software"].facts == {"python": "3.11.7", "git": "commit abc, modified yes"}


def test_a_long_group_is_folded_away_under_its_own_names() -> None:
    packages = {group.title: group for group in groups(ENVIRONMENT)}["software: packages"]
    assert packages.long
    assert packages.facts["package_7"] == "1.0"


@pytest.mark.parametrize("text", [None, "", "[1]", "{", "\xff"])
def test_an_unreadable_environment_is_empty(tmp_path: Path, text: str | None) -> None:
    folder = ExperimentFolder(tmp_path)
    if text is not None:
        folder.environment.write_text(text, encoding="latin-1")
    assert folder.read_environment() == {}
    folder.environment.write_text(json.dumps(ENVIRONMENT))
    assert folder.read_environment() == ENVIRONMENT


def test_dates() -> None:
    assert date_line("2026-11-21T01:40:02+00:00") == "21 November 2026, 01:40 UTC"
    assert date_line("yesterday") == "yesterday"
