"""The handler in archives for TorchServe without tailbed, without TorchServe."""

import ast
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, save

from models import TensorMismatch, TensorSpec, check_tensors
from servers.protocols.torchserve_grpc import methods
from servers.protocols.torchserve_rest import codec
from servers.torchserve import portable_handler
from servers.torchserve.container import HANDLER
from servers.torchserve.portable_handler import Handler, decode, encode

DTYPES = ("bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8")


def test_it_needs_python_3_8_and_pytorch_alone() -> None:
    tree = ast.parse(HANDLER.read_text(), feature_version=(3, 8))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    # A worker has ``ts``, which is TorchServe itself.
    assert imported - sys.stdlib_module_names == {"torch", "ts"}
    # Annotations are never evaluated, so only what is outside them must be of 3.8.
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    [class_] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert class_.name == "Handler"


def test_it_calls_things_as_the_clients_do() -> None:
    assert portable_handler.CONTENT_TYPE == codec.CONTENT_TYPE
    assert (portable_handler.DATA, portable_handler.DESCRIBE) == (methods.DATA, methods.DESCRIBE)


_ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4))
)
_TENSORS = st.dictionaries(st.text(max_size=8), _ARRAYS, max_size=3)


@given(tensors=_TENSORS)
def test_it_reads_what_the_library_writes(tensors: dict[str, np.ndarray]) -> None:
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    found = decode(save(contiguous))
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name].numpy(), array)
        assert found[name].numpy().dtype == array.dtype


@given(tensors=_TENSORS)
def test_the_library_reads_what_it_writes(tensors: dict[str, np.ndarray]) -> None:
    # Transposed: what is written must be in C order, whatever lies in memory.
    found = load(
        encode(
            {
                name: torch.from_numpy(np.array(array.T)).mT if array.ndim == 2 else torch.from_numpy(array)
                for name, array in tensors.items()
            }
        )
    )
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


@given(body=st.binary(max_size=64))
def test_any_bytes_are_refused_in_a_line_or_read(body: bytes) -> None:
    try:
        decode(body)
    except ValueError as error:
        said = str(error)
    else:
        return
    assert said.startswith("not safetensors: ")
    assert "\n" not in said


def _body(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        (2**63).to_bytes(8, "little") + b"{}",
        _body([]),
        _body({"x": {}}),
        _body({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        _body({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(4)),
        _body({"x": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}, bytes(8)),
        _body({"x": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, bytes(4)),
        _body({"x": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, bytes(4)),
        _body({"x": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, bytes(2)),
        _body({"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}}, bytes(4)),
    ],
)
def test_what_is_not_safetensors_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not safetensors: "):
        decode(body)


SPECS = (TensorSpec("x", "float32", ("batch", 2)), TensorSpec("y", "int64", ("batch",)))


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"x": np.zeros((1, 2), np.float32)},
        {"x": np.zeros((1, 2), np.float32), "y": np.zeros(1, np.int64), "z": np.zeros(1)},
        {"x": np.zeros((1, 3), np.float32), "y": np.zeros(1, np.int64)},
        {"x": np.zeros((1, 2)), "y": np.zeros(1, np.int64)},
        {"x": np.zeros((1, 2, 1), np.float32), "y": np.zeros(1, np.int64)},
        {"x": np.zeros((2, 2), np.float32), "y": np.zeros(1, np.int64)},
    ],
)
def test_it_says_of_inputs_that_do_not_fit_what_other_servers_say(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(TensorMismatch) as expected:
        check_tensors(SPECS, tensors)
    handler = Handler()
    handler._inputs = [{"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)} for spec in SPECS]
    found = handler._read({"body": bytearray(save(tensors))}, 0, Context())
    assert isinstance(found, ValueError)
    assert str(found) == str(expected.value)


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


class Double(torch.nn.Module):
    """Fails on negative numbers. ``sizes`` are the items of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if (x < 0).any():
            raise RuntimeError("negative\nnumbers")
        return 2 * x


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Handler:
    class PredictionException(Exception):
        pass

    util: Any = ModuleType("ts.utils.util")
    util.PredictionException = PredictionException
    for name, module in (("ts", ModuleType("ts")), ("ts.utils", ModuleType("ts.utils")), ("ts.utils.util", util)):
        monkeypatch.setitem(sys.modules, name, module)
    made = Handler()
    made._module = Double()
    made._device = "cpu"
    made._inputs = [{"name": "x", "dtype": "float64", "shape": ["batch", "length"]}]
    made._outputs = [{"name": "y", "dtype": "float64", "shape": ["batch", "length"]}]
    made._described = b'{"name": "double"}'
    return made


def test_requests_that_fit_together_are_computed_together(handler: Handler) -> None:
    inputs = [np.full((1, 2), 1.0), np.full((2, 3), 2.0), np.full((3, 2), 3.0), np.full((1, 3), 4.0)]
    context = Context()
    answers = handler.handle([{"body": bytearray(save({"x": x}))} for x in inputs], context)
    for x, answer in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(load(answer)["y"], 2 * x)
    assert handler._module.sizes == [4, 3]
    assert set(context.content_types.values()) == {codec.CONTENT_TYPE}
    assert context.statuses == {}


def test_over_rest_each_request_of_a_batch_has_its_own_end(handler: Handler) -> None:
    bodies = [save({"x": np.ones((1, 2))}), b"garbage", save({"x": np.ones(2)}), save({"x": -np.ones((1, 2))})]
    context = Context()
    answers = handler.handle([{"body": bytearray(body)} for body in bodies], context)
    np.testing.assert_array_equal(load(answers[0])["y"], [[2, 2]])
    assert context.statuses == {1: 400, 2: 400, 3: 500}
    told = [json.loads(answer) for answer in answers[1:]]
    assert [each["code"] for each in told] == [400, 400, 500]
    assert told[2]["message"] == "the runtime failed: RuntimeError: negative numbers"


def test_over_grpc_an_error_is_raised(handler: Handler) -> None:
    with pytest.raises(Exception, match="not safetensors") as raised:
        handler.handle([{"data": b"garbage"}], Context())
    assert type(raised.value).__name__ == "PredictionException"
    assert raised.value.args[1] == 400


def test_it_describes_itself_over_both(handler: Handler) -> None:
    assert handler.handle([{"describe": b"true"}], Context()) == [handler._described]
    assert handler.handle([{}], Context({"describe": "True"})) == [handler._described]


def test_a_model_that_cannot_be_loaded_is_one_line_in_the_log(
    handler: Handler, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context: Any = Context()
    context.system_properties = {"model_dir": str(tmp_path)}
    context.model_yaml_config = {"handler": {"threads": 1, "device": "cpu", "max_batch": 1}}
    with pytest.raises(SystemExit):
        handler.initialize(context)
    [record] = caplog.records
    assert record.getMessage().startswith("cannot load the model: FileNotFoundError: ")
    assert "\n" not in record.getMessage()
