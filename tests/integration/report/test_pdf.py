"""``tailbed report --pdf`` with a real browser, with none, and with ones that fail."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from tailbed.cli import cli
from tailbed.report import write_report
from tailbed.report.pdf import PrintError, print_page
from tests import chromium
from tests.unit.report.decisions import make_plan
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cell = make_cell(run="runs/1")
    made = make_folder(tmp_path / "results", [cell])
    write_records(made, cell, make_records(np.linspace(1, 3, 2000)))
    made.write_decision(make_plan())
    return made.path


def fake_browser(folder: Path, script: str) -> Path:
    folder.mkdir()
    program = folder / "chromium"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    return program


@chromium.needs_chromium
def test_the_page_is_printed_and_no_process_is_left(folder: Path) -> None:
    command = [sys.executable, "-m", "tailbed", "report", str(folder), "--pdf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    assert f"on paper: {folder}/report.pdf" in done.stdout
    pdf = (folder / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) >= 3
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if "tailbed-pdf-" in str(p.info["cmdline"])]
    assert left == []


def test_without_a_browser_one_line_says_how_to_get_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(PrintError, match=r"apt-get install chromium\), or print .*report\.html from your browser"):
        print_page(folder / "report.html")


def test_a_browser_that_fails_is_told_by_its_last_words(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake_browser(tmp_path / "bin", "print('first'); print('no display'); raise SystemExit(3)")
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(PrintError, match=r"did not print .*report\.html \(exit code 3\): no display"):
        print_page(folder / "report.html")
    assert not (folder / "report.pdf").exists()


def test_a_browser_that_hangs_is_ended_with_its_children(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    script = f"""
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path({str(child)!r}).write_text(str(child.pid))
time.sleep(600)
"""
    program = fake_browser(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(PrintError, match=r"did not print .* within 5 s"):
        print_page(folder / "report.html", timeout_s=5)
    assert not psutil.pid_exists(int(child.read_text()))


def test_a_single_run_has_no_page_to_print(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "results", [])
    cell = make_cell(run="runs/1")
    write_records(made, cell, make_records(np.linspace(1, 3, 2000)))
    done = CliRunner().invoke(cli, ["report", str(made.path / "runs/1"), "--pdf"])
    assert done.exit_code == 2
    assert "holds a single run" in done.output
    assert write_report(made).exists()
