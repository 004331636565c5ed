"""``tailbed load --scenario``: any scenario in a suite's words."""

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
