"""Locust over services: a target's name is all it needs, and wrong answers are seen."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from exporters import ANSWERS, Artifact
from loadtest import records
from loadtest.plan import read_plan
from tests.conftest import Exported
from tests.integration.loadtest.services import list_service, service, with_other_answers
from tests.integration.loadtest.test_locust import csv_totals, headless, only_run
from tests.integration.loadtest.test_several_engines import local_master

SHORT = ("--run-time", "3s", "--warmup", "0.5", "--scenario", "poisson", "--rate", "200", "--core", "none")


@pytest.fixture
def onnx(digits: Exported) -> Artifact:
    return digits["onnx"]


@pytest.fixture
def own_home(onnx: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A $TAILBED_HOME without services; the artifact lies in another one."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("kind", "name", "protocol"), [("fastapi", "127.71.0.1", "oip-http"), ("grpc", "127.71.0.2", "oip-grpc")]
)
def test_a_targets_name_is_enough(own_home: Path, onnx: Artifact, tmp_path: Path, kind: str, name: str, protocol: str):
    with service(name, kind, onnx, tmp_path / "server"):
        code, output = headless(tmp_path, "--target", name, *SHORT, "--csv", "out")
    assert code == 0, output
    plan = read_plan(only_run(tmp_path))
    assert (plan.protocol, plan.model, plan.pool) == (protocol, "digits", onnx.folder / ANSWERS)
    found = records.read(only_run(tmp_path) / records.NAME)
    assert found.facts.finished
    assert found.facts.checked > 10
    assert found.facts.wrong == 0
    assert csv_totals(tmp_path)["Failure Count"] == "0"


@pytest.mark.parametrize("processes", [1, 2])
def test_wrong_answers_are_failures_and_end_in_a_line(own_home: Path, onnx: Artifact, tmp_path: Path, processes: int):
    others = with_other_answers(onnx, tmp_path / "others")
    several = ("--processes", "2", *local_master()) if processes > 1 else ()
    with service("127.71.0.3", "fastapi", onnx, tmp_path / "server", expected=others):
        code, output = headless(tmp_path, "--target", "127.71.0.3", *SHORT, *several, "--csv", "out")
    assert code == 1, output
    found = records.read(only_run(tmp_path) / records.NAME)
    assert found.facts.wrong == found.facts.checked > 10
    assert np.count_nonzero(found.correct == 0) >= found.facts.wrong
    (line,) = re.findall(r"/ERROR/.*", output)
    assert f"INVALID: {found.facts.wrong} of {found.facts.checked} checked answers are wrong: item " in line
    assert int(csv_totals(tmp_path)["Failure Count"]) == found.facts.wrong
    with (tmp_path / "out_failures.csv").open() as file:
        told = [(row["Error"], int(row["Occurrences"])) for row in csv.DictReader(file)]
    assert sum(count for _, count in told) == found.facts.wrong
    assert all(error.startswith("wrong answer: item ") for error, _ in told)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--target", "tritno"), "no target 'tritno': choose from 127.71.0.4, 127.71.0.4-http, 127.71.0.4-grpc"),
        ((), "no target: give --host http://HOST:PORT or --host grpc://HOST:PORT, or --target with one of 127.71.0.4,"),
        (("--target", "host"), "no target: give --host"),
        (
            ("--target", "127.71.0.4", "--host", "http://localhost:1", "--model", "m"),
            "--target 127.71.0.4 says where and what to ask: leave out --host, --model",
        ),
        (("--target", "127.71.0.4", "--ca", "ca.pem"), "says where and what to ask: leave out --ca, or give"),
        (
            ("--target", "127.71.0.4"),
            "127.71.0.4: digits is not ready at http://127.71.0.4:8000: see docker",
        ),
        (("--target", "127.71.0.4-grpc"), "127.71.0.4-grpc: digits is not ready at grpc://127.71.0.4:8001"),
    ],
)
def test_what_cannot_be_a_target_ends_with_one_line(
    own_home: Path, onnx: Artifact, tmp_path: Path, options: tuple[str, ...], reason: str
):
    list_service("127.71.0.4", "triton", onnx)
    code, output = headless(tmp_path, *options, "--run-time", "3s")
    assert_one_line(code, output, reason)


def test_a_target_where_there_are_no_services(own_home: Path, tmp_path: Path):
    code, output = headless(tmp_path, "--target", "triton", "--run-time", "3s")
    assert_one_line(code, output, f"no target 'triton': no services were prepared in {own_home}/services: start them")


def test_a_list_of_services_that_cannot_be_read(own_home: Path, onnx: Artifact, tmp_path: Path):
    list_service("127.71.0.4", "triton", onnx)
    (listed,) = own_home.glob("services/127.71.0.4/*.json")
    listed.write_text("{}")
    code, output = headless(tmp_path, "--target", "127.71.0.4", "--run-time", "3s")
    assert_one_line(code, output, str(listed))


def test_records_that_cannot_be_written(own_home: Path, onnx: Artifact, tmp_path: Path):
    (tmp_path / "taken").touch()
    with service("127.71.0.5", "fastapi", onnx, tmp_path / "server"):
        code, output = headless(tmp_path, "--target", "127.71.0.5", "--records", "taken", "--run-time", "3s")
    assert_one_line(code, output, "--records: taken/")
    assert "cannot be written: Not a directory" in output


def assert_one_line(code: int, output: str, reason: str):
    assert code == 1, output
    assert "Traceback" not in output
    (line,) = re.findall(r"/ERROR/.*", output)
    assert reason in line
