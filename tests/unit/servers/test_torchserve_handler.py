"""The handler in TorchServe's workers, without TorchServe: joined requests, each with its own end."""

import sys
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import orjson
import pytest

from models import Tensors, TensorSpec
from servers.protocols.torchserve_rest.codec import decode, encode
from servers.torchserve.handler import Handler


class Double:
    """A model that fails on negative numbers."""

    facts: Mapping[str, str] = MappingProxyType({})

    def run(self, inputs: Tensors) -> dict[str, np.ndarray]:
        if (inputs["x"] < 0).any():
            raise RuntimeError("negative\nnumbers")
        return {"y": 2 * inputs["x"]}


class Context:
    """What TorchServe tells a handler of a batch, and what the handler says of the answers."""

    def __init__(self, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.headers = headers
        self.statuses: dict[int, int] = {}
        self.content_types: dict[int, str] = {}

    def get_request_header(self, _: int, name: str) -> str | None:
        return self.headers.get(name)

    def set_response_status(self, code: int, _: str, index: int) -> None:
        self.statuses[index] = code

    def set_response_content_type(self, index: int, value: str) -> None:
        self.content_types[index] = value


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Handler:
    class PredictionException(Exception):
        pass

    util: Any = ModuleType("ts.utils.util")
    util.PredictionException = PredictionException
    for name, module in (("ts", ModuleType("ts")), ("ts.utils", ModuleType("ts.utils")), ("ts.utils.util", util)):
        monkeypatch.setitem(sys.modules, name, module)
    made = Handler()
    made._model = Double()
    made._inputs = (TensorSpec("x", "float64", ("batch", 2)),)
    made._described = b'{"name": "double"}'
    return made


def test_over_rest_each_request_of_a_batch_has_its_own_end(handler: Handler) -> None:
    context = Context()
    bodies = [
        encode({"x": np.ones((1, 2))}),
        b"garbage",
        encode({"x": np.ones((1, 3))}),
        encode({"x": -np.ones((1, 2))}),
    ]
    answers = handler.handle([{"body": bytearray(body)} for body in bodies], context)
    np.testing.assert_array_equal(decode(answers[0])["y"], [[2, 2]])
    told = [orjson.loads(answer) for answer in answers[1:]]
    assert [(one["code"], one["message"].partition(":")[0]) for one in told] == [
        (400, "not safetensors"),
        (400, "tensor 'x' has shape [1, 3], expected [batch, 2]"),
        (500, "the runtime failed"),
    ]
    assert context.statuses == {1: 400, 2: 400, 3: 500}
    assert context.content_types[0] == "application/octet-stream"


def test_over_grpc_a_bad_request_is_an_error(handler: Handler) -> None:
    rows = [{"data": encode({"x": np.ones((1, 2))})}, {"data": b"garbage"}]
    with pytest.raises(Exception, match="not safetensors") as refused:
        handler.handle(rows, Context())
    assert refused.value.args[1] == 400
    [answer] = handler.handle(rows[:1], Context())
    np.testing.assert_array_equal(decode(answer)["y"], [[2, 2]])


def test_it_says_what_it_is_by_a_header_or_an_input(handler: Handler) -> None:
    assert handler.handle([{"body": bytearray()}], Context({"describe": "True"})) == [b'{"name": "double"}']
    described, answer = handler.handle([{"describe": b""}, {"data": encode({"x": np.ones((1, 2))})}], Context())
    assert described == b'{"name": "double"}'
    assert decode(answer)["y"].shape == (1, 2)
