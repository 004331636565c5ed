"""The client measured against null servers: floors at a suite's loads, and what is refused."""

from pathlib import Path

import pytest

from loadtest import records
from loadtest.plan import read_plan
from loadtest.scenario import ClosedLoop, OpenLoop
from servers import Deployment, ServerError
from tailbed.experiment import null_server
from tailbed.experiment.calibration import calibrate
from tailbed.experiment.placement import place
from tailbed.results.schema import Capacity
from tailbed.suite import Candidate, Suite, candidates, select
from tests.conftest import Exported


def make_suite(**fields: object) -> Suite:
    given = {"name": "tiny", "models": ["digits"], "formats": ["onnx", "torchscript"], "stacks": ["fastapi"]}
    return Suite.model_validate({**given, "duration_s": 1, **fields})


def on_fastapi(digits: Exported) -> list[Candidate]:
    return [Candidate(Deployment(digits["onnx"], "fastapi"))]


def capacity(protocol: str, per_s: float) -> Capacity:
    return Capacity(
        model="digits",
        format="onnx",
        precision="fp32",
        runtime="onnxruntime",
        server="fastapi",
        protocol=protocol,
        per_s=per_s,
        concurrency=4,
        probes={4: per_s},
    )


def test_each_load_has_its_floor_once_for_a_model_and_protocol(digits: Exported, tmp_path: Path) -> None:
    scenarios = [
        {"kind": "closed"},
        {"kind": "open", "rates": [800, 1_000_000, "50%"]},
        {"kind": "ramp", "from_rate": 10, "to_rate": 900},
    ]
    told: list[str] = []
    suite = make_suite(stacks=["fastapi", "grpc"], scenarios=scenarios)
    known = [capacity("oip-http", 1000), capacity("oip-http", 1500), capacity("oip-http", 1e6)]
    served = candidates(suite, select(suite), [digits["onnx"], digits["torchscript"]], None)
    found = calibrate(suite, served, tmp_path, place(), told.append, known)
    assert [(c.model, c.protocol, c.scenario) for c in found] == [
        ("digits", protocol, label)
        for protocol in ("oip-http", "oip-grpc")
        for label in ("closed x1", "poisson 800/s", "poisson 1e+06/s", "poisson 50%", "poisson ramp 10 to 900/s")
        # Over gRPC no deployment was probed.
        if (protocol, label) != ("oip-grpc", "poisson 50%")
    ]
    by_name = {(c.protocol, c.scenario): c for c in found}
    for (_, label), each in by_name.items():
        assert each.capacity > 2000
        if label == "poisson 1e+06/s":
            assert each.p50_ms is None
            assert each.validity == "INVALID"
            assert each.reasons[0].startswith("1,000,000/s over oip-")
            assert "is more than half of the" in each.reasons[0]
        else:
            # The machine may disturb a floor, which is then said.
            assert (each.p50_ms is None) == any(reason.startswith("P50 disturbed") for reason in each.reasons)
            assert each.p50_ms is None or each.p50_ms > 0
            assert not any("busy" in reason for reason in each.reasons if label == "closed x1")
    # Of the rates that a share stands for, the highest one that is not refused.
    raw = tmp_path / "calibration" / "digits-oip-http"
    assert read_plan(raw / "04").scenario == OpenLoop(rate=750, share=0.5)
    assert read_plan(raw / "05").scenario == OpenLoop(rate=900), "a pattern at its highest rate"
    assert len(records.read(raw / "capacity" / records.NAME).intended_ns) > 0
    assert not (raw / "03").exists(), "what is refused is not measured"
    assert any("oip-grpc: poisson 800/s" in line for line in told)


def test_a_p99_gets_the_time_that_it_needs_and_no_more(digits: Exported, tmp_path: Path) -> None:
    suite = make_suite(duration_s=4, scenarios=[{"kind": "open", "rates": [300, 10]}])
    often, seldom = calibrate(suite, on_fastapi(digits), tmp_path, place(), lambda _: None)
    assert not any("insufficient" in reason for reason in often.reasons)
    assert seldom.p99_ms is None
    assert any(reason.startswith("P99 insufficient: ") for reason in seldom.reasons)
    raw = tmp_path / "calibration" / "digits-oip-http"
    assert read_plan(raw / "01").duration_s == pytest.approx(1.15 * 662 / 300)
    assert read_plan(raw / "02").duration_s == 4, "never longer than a run"
    assert read_plan(raw / "capacity").scenario == ClosedLoop(concurrency=16)


def test_a_null_server_that_does_not_start_is_told_in_one_line(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(null_server, "_text", lambda _spec: "nonsense")
    with pytest.raises(ServerError) as caught:
        calibrate(make_suite(scenarios=[{"kind": "closed"}]), on_fastapi(digits), tmp_path, place(), lambda _: None)
    assert "the null server ended: " in str(caught.value)
    assert "nonsense" in str(caught.value)
    assert "\n" not in str(caught.value)
