"""The Open Inference Protocol without raw bytes, in JSON and in typed contents, loaded against our own servers."""

from pathlib import Path

import numpy as np
import pytest

import loadtest
from exporters import ANSWERS
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.protocols import PROTOCOLS
from loadtest.records import Outcome
from loadtest.scenario import ClosedLoop
from servers import Deployment, connect, start
from tests.conftest import Exported
from tests.integration.loadtest.test_null_server import null_server


@pytest.mark.parametrize(("stack", "protocol"), [("fastapi", "oip-http-json"), ("grpc", "oip-grpc-typed")])
def test_answers_are_right(digits: Exported, tmp_path: Path, stack: str, protocol: str) -> None:
    artifact = digits["onnx"]
    answers = artifact.answers()
    with start(Deployment(artifact, stack), folder=tmp_path / "server") as server:
        with connect(server.endpoint.url, protocol=protocol, timeout_s=5) as client:
            assert client.metadata("digits").inputs
            outputs = client.infer("digits", answers.request(0))
            for name, expected in answers.answer(0).items():
                assert np.allclose(outputs[name], expected, atol=1e-5)
        plan = LoadPlan(
            protocol=protocol,
            url=server.endpoint.url,
            model="digits",
            pool=artifact.folder / ANSWERS,
            check=AnswerCheck(tolerance=artifact.manifest.answer_tolerance, every=1),
            scenario=ClosedLoop(concurrency=2),
            warmup_s=0,
            duration_s=0.5,
        )
        found = loadtest.run(plan, tmp_path / "load")
    assert found.facts.checked > 10
    assert found.facts.wrong == 0
    assert set(found.outcome.tolist()) == {Outcome.OK}


@pytest.mark.parametrize("protocol", ["oip-http-json", "oip-grpc-typed"])
def test_null_answers_are_of_the_same_kind(protocol: str, tmp_path: Path) -> None:
    with null_server("--protocol", protocol, "--output", "y:float32:batch,3") as (url, _):
        pool = tmp_path / "pool.npz"
        np.savez(pool, **{"inputs/image": np.zeros((4, 1, 8, 8), np.float32)})
        plan = LoadPlan(
            protocol=protocol, url=url, model="m", pool=pool, scenario=ClosedLoop(), warmup_s=0, duration_s=0.3
        )
        found = loadtest.run(plan, tmp_path / "load")
    assert set(found.outcome.tolist()) == {Outcome.OK}
    assert PROTOCOLS.get(protocol).name == protocol
