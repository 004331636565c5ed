"""What only some commands need is told with what it is for."""

from pathlib import Path

import pytest

from tailbed.doctor import Finding, examine
from tailbed.planning.balancers import program


def only(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> dict[str, Finding]:
    """What is found where these programs are the only ones."""
    for name in programs:
        path = folder / name
        path.write_text(f"#!/bin/sh\necho {name} version 2.6.12\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(program, "_SYSTEM", str(folder))
    return {finding.part: finding for finding in examine()}


def test_what_validates_a_plan_and_prints_a_report_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = only(tmp_path, monkeypatch, "nginx", "google-chrome")
    assert found["load balancers"] == Finding("ok", "load balancers", "nginx 2.6.12, for tailbed plan --validate")
    assert found["browser"] == Finding("ok", "browser", f"{tmp_path}/google-chrome, for tailbed report --pdf")


def test_where_there_is_none_one_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = only(tmp_path, monkeypatch)
    assert found["load balancers"].state == found["browser"].state == "missing"
    assert found["load balancers"].found == "neither HAProxy nor nginx, for tailbed plan --validate"
    assert found["load balancers"].advice == "apt-get install haproxy or apt-get install nginx"
    assert found["browser"].advice == "apt-get install chromium"
