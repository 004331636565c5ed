"""The null servers of TorchServe's protocols: the blocking client and the engine take them for real ones."""

from pathlib import Path

import numpy as np
import pytest

from loadtest.null_server.model import NullModel
from loadtest.plan import AnswerCheck, LoadPlan
from loadtest.records import Outcome
from loadtest.scenario import OpenLoop
from models import TensorSpec
from servers import EndpointError, connect
from tests.integration.loadtest.engines import assert_one_row_each, running
from tests.integration.loadtest.test_null_server import null_server

BOTH = ("torchserve-rest", "torchserve-grpc")
RATE = OpenLoop(rate=200)


@pytest.mark.parametrize("protocol", BOTH)
def test_it_is_ready_and_answers_any_model_with_its_outputs(protocol: str) -> None:
    tensors = ("--input", "x:int64:batch,3", "--output", "y:float32:batch,2,5", "--output", "z:bool:batch")
    with (
        null_server("--protocol", protocol, *tensors) as (url, _),
        connect(url, protocol=protocol, timeout_s=5) as client,
    ):
        assert client.live()
        assert client.ready("any")
        metadata = client.metadata("any")
        assert metadata.name == "any"
        assert [(spec.name, spec.dtype, spec.shape) for spec in metadata.inputs] == [("x", "int64", ("batch", 3))]
        assert client.config("any") == {}
        outputs = client.infer("any", {"x": np.ones((1, 3), np.int64)})
    assert {name: (array.dtype.name, array.shape) for name, array in outputs.items()} == {
        "y": ("float32", (1, 2, 5)),
        "z": ("bool", (1,)),
    }


@pytest.mark.parametrize("protocol", BOTH)
def test_a_load_on_it_has_a_row_for_each_arrival_and_checks_answers(tmp_path: Path, protocol: str) -> None:
    # As many items as the check of rows expects; the third one's answer is known to be another.
    expected = np.repeat(NullModel((), (TensorSpec("y", "float32", ("batch", 2)),)).answer()["y"][None], 8, axis=0)
    expected[2] += 1
    pool = tmp_path / "pool.npz"
    np.savez(pool, **{"inputs/x": np.ones((8, 4), np.float32), "outputs/y": expected.reshape(8, 2)})
    with null_server("--protocol", protocol, "--input", "x:float32:batch,4", "--output", "y:float32:batch,2") as (
        url,
        _,
    ):
        plan = LoadPlan(
            protocol=protocol,
            url=url,
            model="any",
            scenario=RATE,
            pool=pool,
            warmup_s=0,
            duration_s=1,
            timeout_s=5,
            check=AnswerCheck(every=1),
        )
        with running(tmp_path, plan) as engine:
            found = engine.records()
    assert_one_row_each(found, RATE, 1)
    assert (found.outcome == Outcome.OK).all()
    assert found.facts.checked == len(found.outcome)
    assert found.facts.wrong == (found.input_index == 2).sum() > 0


@pytest.mark.parametrize(("protocol", "scheme"), [(BOTH[0], "http"), (BOTH[1], "grpc")])
def test_where_nothing_listens_nothing_is_ready(protocol: str, scheme: str) -> None:
    with connect(f"{scheme}://127.0.0.1:9", protocol=protocol, timeout_s=2) as client:
        assert not client.live()
        assert not client.ready("any")
        for ask in (client.metadata, client.config):
            with pytest.raises(EndpointError, match="cannot connect"):
                ask("any")
