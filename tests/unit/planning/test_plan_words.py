"""A plan in sentences, ranked, and as a table of eighty columns."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from servers import Deployment
from tailbed.cli.plan_table import print_plan
from tailbed.planning.assembly import assemble, recommended, swept
from tailbed.planning.course import Findings
from tailbed.planning.demand import Demand, Price
from tailbed.planning.words import answer, needs
from tailbed.results.decisions import CapacityPlan, DeploymentPlan, FleetOption, HighestRate, LoadPoint, Prediction
from tailbed.slo import Slo
from tailbed.suite import Candidate
from tests.unit.experiment.results import make_run

HIGHEST = HighestRate(
    per_s=950.0, low=950.0, high=1000.0, limited_by="objective", reason="holds 950/s; at 1,000/s P99 is 61 ms"
)
NONE = HighestRate(per_s=None, low=None, high=2.54, limited_by="objective", reason="holds no rate that was tried")


def option(replicas: int = 3, predicted_ms: float = 31.0, **fields: Any) -> FleetOption:
    given: dict[str, Any] = {
        "balancer": "least-outstanding",
        "replicas": replicas,
        "utilization": 0.62,
        "predicted_ms": predicted_ms,
        "predicted_low_ms": 29.0,
        "predicted_high_ms": 34.0,
        "cost_per_h": 0.34 * replicas,
        "cost_per_million": 0.34 * replicas / 7.2,
    }
    return FleetOption(**given | fields)


def demand(**fields: Any) -> Demand:
    given: dict[str, Any] = {"slo": Slo.parse("p99=50ms"), "rate": 2000.0, "price": Price(per_h=0.34), "pairs": ()}
    return Demand(**given | fields)


def deployment(precision: str = "int8-static", fleet: FleetOption | None = None, **fields: Any) -> DeploymentPlan:
    given: dict[str, Any] = {
        "model": "digits",
        "format": "onnx",
        "precision": precision,
        "server": "fastapi",
        "protocol": "oip-http",
        "runtime": "onnxruntime",
        "points": [],
        "highest": HIGHEST,
        "scalability": None,
        "predictions": [],
        "fleet": [fleet] if fleet else [],
        "replicas": fleet.replicas if fleet else None,
        "needs": "",
    }
    made = DeploymentPlan(**given | fields)
    return made.model_copy(update={"needs": needs(made, fleet, demand())})


def test_the_answer_is_one_sentence() -> None:
    assert answer([deployment(fleet=option())], demand()) == (
        "use onnx/int8-static on fastapi: 3 replicas hold 2,000/s with P99 within 50 ms at 62% utilization for 1.02/h"
    )


def test_the_price_has_its_currency() -> None:
    euros = demand(price=Price(per_h=0.34, currency="EUR"))
    assert needs(deployment(), option(), euros).endswith("for EUR 1.02/h")
    assert needs(deployment(), option(cost_per_h=None), demand(price=None)).endswith("at 62% utilization")


def test_as_few_replicas_are_said_to_be() -> None:
    ranked = [deployment(fleet=option()), deployment("fp32", option())]
    assert answer(ranked, demand()).endswith("; onnx/fp32 on fastapi needs as many")
    assert "as many" not in answer([ranked[0], deployment("fp32", option(4))], demand())


def test_models_are_named_where_there_are_several() -> None:
    ranked = [deployment(fleet=option()), deployment(fleet=option(4), model="bert")]
    assert answer(ranked, demand()).startswith("use digits/onnx/int8-static on fastapi:")


def test_a_demand_below_one_replica_is_said_to_be() -> None:
    said = needs(deployment(), option(1), demand(rate=100.0))
    assert said.startswith("one replica holds 100/s")
    assert said.endswith("(it alone holds 950/s)")


def test_a_rate_that_may_be_too_low_is_said_to_be() -> None:
    unclear = deployment(highest=HIGHEST.model_copy(update={"limited_by": "unclear"}))
    assert needs(unclear, option(), demand()).endswith(
        "(fewer may do: disturbed or INVALID runs hid whether a replica holds more)"
    )
    client = deployment(highest=HIGHEST.model_copy(update={"limited_by": "client"}))
    assert "fewer may do" in needs(client, option(), demand())
    assert "fewer may do" not in needs(client, option(1), demand())
    assert "fewer may do" not in needs(deployment(), option(), demand())


def test_what_cannot_keep_the_objective_says_why() -> None:
    assert "at any rate: holds no rate that was tried" in needs(deployment(highest=NONE), None, demand())
    assert "no number of replicas" in needs(deployment(), None, demand())
    assert needs(deployment(), None, demand(), "no fleet could be simulated").endswith(
        "but no fleet could be simulated"
    )
    one = answer([deployment(highest=NONE)], demand())
    assert one.startswith("no number of replicas is shown to hold 2,000/s with P99 within 50 ms: onnx/int8-static")
    two = answer([deployment(highest=NONE), deployment("fp32", highest=NONE)], demand())
    assert two.startswith("none of the 2 deployments is shown to hold")


def test_the_recommended_option_has_the_fewest_replicas() -> None:
    options = [option(4, 10.0), option(3, 30.0), option(3, 20.0)]
    assert recommended(options) == options[2]
    assert recommended([]) is None


def point(rate: float, held: bool, role: Any = "sweep") -> LoadPoint:
    given: dict[str, Any] = {"throughput": rate, "p50_ms": 1.0, "p99_ms": 2.0, "slo_ms": 2.0, "valid": True}
    return LoadPoint(rate=rate, held=held, why_not=None if held else "P99 is 61 ms", role=role, runs=[], **given)


def test_a_sweep_ends_at_the_first_rate_that_does_not_hold() -> None:
    points = [point(100, True), point(120, True), point(90, True), point(110, False), point(95, False, "search")]
    assert swept(points) == 100
    assert swept(points[4:]) is None
    assert swept([point(100, False)]) is None


def test_a_deployment_that_holds_nothing_is_in_the_plan(tmp_path: Path) -> None:
    manifest = SimpleNamespace(model="digits", export="onnx", precision="fp32")
    artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", manifest=manifest)
    found = Findings(Candidate(Deployment(artifact, "fastapi"), computed_by="onnxruntime"))
    found.highest = NONE
    disturbed = make_run(p99_ms=None, missing={"p99_ms": "disturbed"}, disturbed=["p99_ms"])
    found.results = {"runs/001": disturbed, "runs/002": make_run()}
    told: list[str] = []
    plan = assemble(demand(), [found], tmp_path, told.append)
    assert plan.deployments[0].fleet == []
    assert plan.deployments[0].replicas is None
    assert any("P99 was withdrawn in 1 of 2 runs" in note for note in plan.notes)
    assert told == ["simulating digits/onnx/fp32 on fastapi"]


def test_the_table_has_eighty_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    prediction = Prediction(
        rate=665.0,
        replicas=1,
        balancer=None,
        figure="P99",
        predicted_ms=12.5,
        measured_ms=12.0,
        error=0.5 / 12,
        runs=["runs/001"],
    )
    ranked = [
        deployment(fleet=option(), predictions=[prediction], swept=930.0),
        deployment("fp32", server="tfserving-rest", highest=NONE),
    ]
    plan = CapacityPlan(
        slo=demand().slo,
        rate=2000.0,
        arrivals="poisson",
        headroom=0.3,
        price_per_h=0.34,
        currency=None,
        deployments=ranked,
        validations=[],
        answer=answer(ranked, demand()),
        notes=["a replica is the deployment on 1 core of this machine"],
    )
    print_plan(plan, ["digits/onnx on grpc: the server did not start"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for words in (
        "use onnx/int8-static on fastapi",
        "1.02",
        "0.14",
        "62%",
        "P99 12.5 ms predicted, 12.0 measured (+4%)",
        "up to 930/s all rates of a fine sweep held",
        "cannot be shown to keep P99 within 50 ms",
        "FAILED digits/onnx on grpc",
    ):
        assert words in text
