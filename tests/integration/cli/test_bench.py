"""``tailbed bench`` end to end: a whole small experiment, and one that is stopped."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest import records
from tailbed.suite import read_suite
from tests.conftest import Exported

TAILBED = [sys.executable, "-m", "tailbed"]

SUITE = """\
name: tiny
models: [digits]
formats: [onnx, torchscript]
stacks: [fastapi, grpc]
scenarios:
  - {kind: closed}
  - {kind: open, rate: 400}
warmup_s: 0.5
steady_limit_s: null
duration_s: 1
attempts: 1
"""


ONE = SUITE.replace("[onnx, torchscript]", "[onnx]").replace("[fastapi, grpc]", "[grpc]")
"""The same with one deployment."""


def write_suite(folder: Path, text: str = SUITE) -> str:
    path = folder / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_whole_experiment(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["bench", write_suite(tmp_path), "--out", str(out), "--json"]
    done = subprocess.run([*TAILBED, *words], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert summary["complete"]
    assert summary["failures"] == []
    cells = summary["cells"]
    assert [(c["format"], c["server"], c["scenario"]) for c in cells] == [
        (format, stack, scenario)
        for format in ("onnx", "torchscript")
        for stack in ("fastapi", "grpc")
        for scenario in ("closed x1", "poisson 400/s")
    ]
    for cell in cells:
        assert cell["errors"] == 0
        assert cell["answers_checked"] > 0
        assert cell["answers_wrong"] == 0
        start = cell["cold_start"]
        assert 0 < start["listening_ms"] <= start["ready_ms"] < start["first_answer_ms"]
        assert cell["service_p50_ms"] > 0
        assert "p50_ms" in cell["disturbed"] or cell["service_p50_ms"] <= cell["p50_ms"]
        assert 0 < cell["compute_mean_ms"] < 1000
        assert cell["resources"]["cpu_s"] > 0
        assert cell["warmup_s"] == 0.5
        run = out / cell["run"]
        raw = records.read(run / "records.parquet")
        assert cell["requests"] == int((~raw.warmup).sum())
        assert (run / "server" / "server.log").exists()
        deployment = json.loads((run / "deployment.json").read_text())
        assert deployment["settings"]["threads"] == 1
        assert deployment["runs"]["intra_op_threads"] == "1", "by the server's own account"
    assert {(floor["protocol"], floor["scenario"]) for floor in summary["calibration"]} == {
        (protocol, scenario) for protocol in ("oip-http", "oip-grpc") for scenario in ("closed x1", "poisson 400/s")
    }
    # The same arrivals for every deployment: the same seed gives the same number of requests.
    assert len({cell["requests"] for cell in cells if cell["scenario"] == "poisson 400/s"}) == 1
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(cells)
    environment = json.loads((out / "environment.json").read_text())
    assert environment["software"]["packages"]["onnxruntime"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "torchscript" in page

    (out / "report.html").unlink()
    again = subprocess.run([*TAILBED, "report", str(out)], capture_output=True, text=True, timeout=60)
    assert again.returncode == 0, again.stderr
    assert {"poisson", "400/s"} <= set(again.stdout.split()), "which a narrow terminal breaks apart"
    assert "quick mode" in again.stdout
    assert (out / "report.html").exists()


def test_what_is_measured_before_the_runs(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = SUITE.replace("[onnx, torchscript]", "[onnx]").replace("[fastapi, grpc]", "[fastapi]")
    text = text.replace("{kind: closed}", "{kind: open, rates: [50%, 900000]}").replace(
        "  - {kind: open, rate: 400}\n", ""
    )
    text += "cold_start: {processes: 5, idle_gaps_s: [0.1]}\n"
    done = subprocess.run([*TAILBED, "bench", write_suite(tmp_path, text), "--out", str(out)], capture_output=True)
    assert done.returncode == 1, "a rate was refused"
    summary = json.loads((out / "summary.json").read_text())
    (refused,) = summary["failures"]
    assert "poisson 900000/s: 900,000/s over oip-http is more than half of the" in refused
    (capacity,) = summary["capacities"]
    (cell,) = summary["cells"]
    assert cell["scenario"] == "poisson 50%"
    assert cell["offered_rate"] == pytest.approx(0.5 * capacity["per_s"], rel=0.2)
    (study,) = summary["cold_starts"]
    for starts in (study["warm"], study["dropped"]):
        assert len(starts) == 5
        assert all(0 < start["listening_ms"] <= start["ready_ms"] < start["first_answer_ms"] for start in starts)
    assert "dropped" in study["dropped_note"]
    assert study["idle"][0]["usual_ms"] > 0
    page = (out / "report.html").read_text(encoding="utf-8")
    for words in ("page cache dropped", "The floor", "Where the time goes", "Capacity"):
        assert words in page, words
    table = " ".join(done.stdout.decode().split())
    assert "null server" in table
    assert "FAILED" in table


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_experiment_keeps_what_it_measured(digits: Exported, tmp_path: Path, stop: signal.Signals) -> None:
    out = tmp_path / "out"
    suite = write_suite(tmp_path, ONE.replace("duration_s: 1", "duration_s: 40"))
    with subprocess.Popen([*TAILBED, "bench", suite, "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 90
        while not any(spool.stat().st_size for spool in out.glob("runs/*/records.spool")):
            assert time.monotonic() < deadline, "no request was ever spooled"
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)
        process.send_signal(stop)
        assert process.wait(timeout=30) == 130
    summary = json.loads((out / "summary.json").read_text())
    assert not summary["complete"]
    (cell,) = summary["cells"]
    assert cell["validity"] == "INVALID"
    assert cell["reasons"][0].startswith("incomplete")
    assert cell["requests"] > 0
    assert len(records.read(out / cell["run"] / "records.parquet").intended_ns) > 0
    assert "INCOMPLETE" in subprocess.run([*TAILBED, "report", str(out)], capture_output=True, text=True).stdout


def test_an_experiment_killed_outright_is_still_readable(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [*TAILBED, "bench", write_suite(tmp_path, ONE), "--out", str(out)], stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 90
        while not (out / "summary.json").exists() or not json.loads((out / "summary.json").read_text())["cells"]:
            assert time.monotonic() < deadline, "no run ever ended"
            time.sleep(0.1)
        process.kill()
    summary = json.loads((out / "summary.json").read_text())
    assert not summary["complete"]
    assert summary["cells"]
    assert subprocess.run([*TAILBED, "report", str(out)], capture_output=True, timeout=60).returncode == 0


def test_a_stopped_experiment_is_resumed_and_compared(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = SUITE.replace("[onnx, torchscript]", "[onnx]").replace("  - {kind: closed}\n", "")
    words = ["bench", write_suite(tmp_path, text), "--blocks", "2", "--keep-awake", "--out", str(out)]
    with subprocess.Popen([*TAILBED, *words], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 90
        while len(list(out.glob("runs/*/result.json"))) < 2:
            assert time.monotonic() < deadline, "two runs never ended"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    before = {path.parent.name: path.read_text() for path in out.glob("runs/*/result.json")}
    finished = {name for name, text in before.items() if json.loads(text)["finished"]}
    assert 2 <= len(finished) < 4
    assert read_suite(str(out / "suite.yaml")).keep_awake
    again = subprocess.run([*TAILBED, "bench", "--resume", str(out), "--keep-awake"], capture_output=True, text=True)
    assert again.returncode == 2
    assert "give no other suite" in again.stderr
    done = subprocess.run([*TAILBED, "bench", "--resume", str(out), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["complete"]
    assert summary["blocks"] == 2
    assert [[run["block"] for run in cell["runs"]] for cell in summary["cells"]] == [[1, 2]] * 2
    for name in finished:
        assert (out / "runs" / name / "result.json").read_text() == before[name], "what was measured is kept"
    assert (out / "environment-2.json").exists()
    # The same arrivals for all deployments of a block, and others in the next.
    seeds = {(run["block"], run["seed"]) for cell in summary["cells"] for run in cell["runs"]}
    assert seeds == {(1, 1), (2, 2)}
    wrong = subprocess.run([*TAILBED, "bench", "quick", "--resume", str(out)], capture_output=True, text=True)
    assert wrong.returncode == 2
    compared = subprocess.run([*TAILBED, "compare", str(out)], capture_output=True, text=True)
    assert compared.returncode == 0
    # Fewer than the two where the machine has disturbed a run.
    assert re.search(r"insufficient: [012] common blocks, needs 6", " ".join(compared.stdout.split()))
    again = subprocess.run([*TAILBED, "compare", str(out), str(out), "--json"], capture_output=True, text=True)
    assert again.returncode == 0
    assert not any(comparison["claimed"] for comparison in json.loads(again.stdout))
