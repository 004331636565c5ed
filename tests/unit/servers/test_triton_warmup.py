"""What Triton computes before it says that a model is ready, where its own backends load it."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import (  # type: ignore[attr-defined]
    TYPE_FP32,
    TYPE_INT64,
    TYPE_STRING,
    ModelConfig,
    ModelWarmup,
)

from exporters import Artifact, Manifest
from models import TensorSpec
from servers import Deployment, Settings
from servers.triton.native import NativeBackend
from servers.triton.repository import configuration

NATIVE = NativeBackend("onnxruntime", "onnxruntime_onnx", "model.onnx")
ARTIFACT = Artifact(
    Path("a"),
    Manifest.model_construct(
        model="m",
        export="onnx",
        format="onnx",
        precision="fp32",
        inputs=(
            TensorSpec("image", "float32", ("batch", 3, "length", 8)),
            TensorSpec("words", "object", ("batch", 1)),
            TensorSpec("ids", "int64", ("batch", "length")),
        ),
        outputs=(TensorSpec("scores", "float32", ("batch", 2)),),
        sha256="0" * 64,
        batch_sizes=None,
        file="model.onnx",
    ),
)


def samples(settings: Settings) -> list[ModelWarmup]:
    text = configuration(Deployment(ARTIFACT, "triton-http", settings), NATIVE, {})
    return list(text_format.Parse(text, ModelConfig()).model_warmup)


def shapes(sample: ModelWarmup) -> dict[str, list[int]]:
    return {name: list(tensor.dims) for name, tensor in sample.inputs.items()}


def test_without_batching_one_request_of_one_item_with_its_whole_shape() -> None:
    (sample,) = samples(Settings())
    assert sample.batch_size == 1
    assert shapes(sample) == {"image": [1, 3, 1, 8], "words": [1, 1], "ids": [1, 1]}
    assert {name: tensor.data_type for name, tensor in sample.inputs.items()} == {
        "image": TYPE_FP32,
        "words": TYPE_STRING,
        "ids": TYPE_INT64,
    }
    assert all(tensor.zero_data for tensor in sample.inputs.values())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_with_batching_every_size_that_requests_are_joined_to(device: str) -> None:
    found = samples(Settings(max_batch=3, device=device))
    assert [sample.batch_size for sample in found] == [1, 2, 3]
    assert [shapes(sample) for sample in found] == [{"image": [3, 1, 8], "words": [1], "ids": [1]}] * 3
    assert len({sample.name for sample in found}) == 3


def test_our_program_for_the_python_backend_warms_up_itself() -> None:
    numbers = ARTIFACT.manifest.model_copy(update={"inputs": ARTIFACT.manifest.inputs[::2]})
    deployment = Deployment(Artifact(Path("a"), numbers), "triton-http", Settings(max_batch=4))
    assert "model_warmup" not in configuration(deployment, None, {})
