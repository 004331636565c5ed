"""A model's metadata as JSON."""

import orjson
import pytest

from models import TensorSpec
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata, decode_metadata, encode_metadata


def _body(**changes: object) -> bytes:
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 3]}
    return orjson.dumps({"name": "m", "platform": "p", "inputs": [tensor], "outputs": [tensor]} | changes)


def test_metadata_round_trips() -> None:
    metadata = ModelMetadata(
        "m", "p", (TensorSpec("x", "float32", ("batch", 3, "axis2")),), (TensorSpec("y", "int8", (1,)),), ("1", "2")
    )
    assert decode_metadata(encode_metadata(metadata)) == metadata


def test_what_a_server_leaves_out_is_empty() -> None:
    metadata = decode_metadata(_body(platform=None))
    assert (metadata.platform, metadata.versions) == ("", ())
    assert metadata.inputs == (TensorSpec("x", "float32", ("batch", 3)),)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": None},
        {"inputs": [{"name": "x", "datatype": "FP32"}]},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-2]}]},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": ["1"]}]},
        {"inputs": [{"name": "x", "datatype": "BF16", "shape": [1]}]},
        {"inputs": [{"datatype": "FP32", "shape": [1]}]},
        {"versions": 1},
        {"name": 1},
    ],
)
def test_metadata_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(OipError):
        decode_metadata(_body(**changes))
