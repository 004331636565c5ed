"""``tailbed load``: any scenario in a suite's words, and any protocol."""

import json
import subprocess
import sys

import pytest

from tests.integration.loadtest.test_null_server import null_server


def load(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tailbed", "load", url, "--model", "m", "--duration", "1", "--warmup", "0", *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_scenarios_are_run_and_named():
    with null_server() as (url, _):
        for text, label in (
            ("{kind: bursts, on_rate: 200, on_s: 0.2, off_s: 0.3}", "poisson bursts 200/s 0.2s, 0/s 0.3s"),
            ("MultiStream", "MultiStream 8"),
            ("{kind: Offline, samples: 500}", "Offline 500 x256"),
        ):
            done = load(url, "--scenario", text, "--json")
            assert done.returncode == 0, done.stderr
            cell = json.loads(done.stdout)
            assert cell["scenario"] == label
            assert cell["errors"] == 0
            assert cell["requests"] > 0
    assert cell["requests"] == 500


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (("--scenario", "{kind: bursts}"), 1, "tailbed: scenario: on_rate: Field required"),
        (("--scenario", "ajar"), 1, "tailbed: scenario: kind: Input tag 'ajar'"),
        (("--scenario", "SingleStream", "--rate", "4"), 2, "--arrivals, --rate and --concurrency do not go with it"),
    ],
)
def test_a_scenario_that_is_none_ends_with_one_line(options: tuple[str, ...], code: int, problem: str):
    done = load("http://127.0.0.1:1", *options)
    assert done.returncode == code
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_without_binary_tensors_is_asked_in_json_and_that_is_said():
    with null_server("--protocol", "oip-http-json") as (url, _):
        done = load(url)
        assert done.returncode == 0, done.stderr
        assert "asked in JSON (oip-http-json)" in done.stdout
        asked = load(url, "--protocol", "oip-http-json", "--json")
        assert json.loads(asked.stdout)["protocol"] == "oip-http-json"
    with null_server() as (url, _):
        assert json.loads(load(url, "--json").stdout)["protocol"] == "oip-http"


def test_a_protocol_of_ones_own_choice():
    with null_server("--protocol", "oip-grpc-typed") as (url, _):
        cell = json.loads(load(url, "--protocol", "oip-grpc-typed", "--json").stdout)
    assert cell["protocol"] == "oip-grpc-typed"
    assert cell["errors"] == 0
    for protocol, problem in (
        ("oip-grpc", "oip-grpc is spoken at grpc://HOST:PORT or grpcs://HOST:PORT"),
        ("oip-pigeon", "unknown protocol 'oip-pigeon': choose from"),
    ):
        wrong = load("http://127.0.0.1:1", "--protocol", protocol)
        assert wrong.returncode == 1
        assert problem in wrong.stderr
        assert len(wrong.stderr.strip().splitlines()) == 1
