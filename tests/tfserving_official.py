"""A program that speaks to a server, and reads files, by TensorFlow Serving's official stubs alone.

It imports nothing of tailbed's. The package ``tensorflow`` is its generated messages here, which need none of its code.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np

tensorflow = types.ModuleType("tensorflow")
tensorflow.__path__ = list(importlib.util.find_spec("tensorflow").submodule_search_locations)
sys.modules["tensorflow"] = tensorflow

import grpc  # noqa: E402
from tensorflow.core.framework import types_pb2  # noqa: E402
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef  # noqa: E402
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2  # noqa: E402
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub  # noqa: E402
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog  # noqa: E402
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub  # noqa: E402


def request(model: str, images: np.ndarray, *, typed: bool = False, **about: object) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = model
    message.model_spec.signature_name = about.get("signature", "serving_default")
    if "version" in about:
        message.model_spec.version.value = about["version"]
    tensor = message.inputs[about.get("input", "image")]
    tensor.dtype = types_pb2.DT_FLOAT
    for size in images.shape:
        tensor.tensor_shape.dim.add(size=size)
    if typed:
        tensor.float_val.extend(images.ravel().tolist())
    else:
        tensor.tensor_content = images.tobytes()
    message.output_filter.extend(about.get("outputs", ()))
    return message


def scores(answer: predict_pb2.PredictResponse) -> np.ndarray:
    tensor = answer.outputs["scores"]
    assert tensor.dtype == types_pb2.DT_FLOAT
    shape = [axis.size for axis in tensor.tensor_shape.dim]
    return np.frombuffer(tensor.tensor_content, np.float32).reshape(shape)


def code(call: object, message: object) -> str:
    try:
        call(message, timeout=10)
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    return "OK"


def info(of: object) -> list[object]:
    shape = [axis.size for axis in of.tensor_shape.dim]
    return [types_pb2.DataType.Name(of.dtype), shape, of.name]


def ask(address: str, npz: str, out: str) -> dict[str, object]:
    """Everything of the API that our server has, and requests that it must refuse."""
    images = np.load(npz)["image"]
    with grpc.insecure_channel(address) as channel:
        prediction, status = PredictionServiceStub(channel), ModelServiceStub(channel)
        answers = {}
        for size in (1, 3, 8):
            answers[f"content{size}"] = scores(prediction.Predict(request("digits", images[:size]), timeout=10))
            answers[f"typed{size}"] = scores(
                prediction.Predict(request("digits", images[:size], typed=True), timeout=10)
            )
        named = prediction.Predict(request("digits", images[:1], version=1, outputs=["scores"]), timeout=10)
        answers["named"] = scores(named)
        np.savez(out, **answers)

        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = "digits"
        metadata = prediction.GetModelMetadata(asked, timeout=10)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert metadata.metadata["signature_def"].Unpack(signatures)
        (name,) = signatures.signature_def
        signature = signatures.signature_def[name]

        about = get_model_status_pb2.GetModelStatusRequest()
        about.model_spec.name = "digits"
        (version,) = status.GetModelStatus(about, timeout=10).model_version_status
        unknown = get_model_status_pb2.GetModelStatusRequest()
        unknown.model_spec.name = "other"
        wrong = {
            "shape": request("digits", images[:1, :, :4]),
            "input": request("digits", images[:1], input="picture"),
            "signature": request("digits", images[:1], signature="train"),
            "output": request("digits", images[:1], outputs=["logits"]),
            "model": request("other", images[:1]),
            "version": request("digits", images[:1], version=2),
        }
        short = request("digits", images[:1])
        short.inputs["image"].tensor_content = short.inputs["image"].tensor_content[:-4]
        return {
            "model_spec": [named.model_spec.name, named.model_spec.version.value, named.model_spec.signature_name],
            "metadata_spec": [metadata.model_spec.name, metadata.model_spec.version.value],
            "signature": [name, signature.method_name],
            "inputs": {key: info(value) for key, value in signature.inputs.items()},
            "outputs": {key: info(value) for key, value in signature.outputs.items()},
            "status": [
                version.version,
                get_model_status_pb2.ModelVersionStatus.State.Name(version.state),
                version.status.error_code,
            ],
            "refused": {key: code(prediction.Predict, message) for key, message in wrong.items()}
            | {"content": code(prediction.Predict, short)}
            | {"status": code(status.GetModelStatus, unknown)}
            | {"field": code(prediction.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest())},
        }


def warmup(path: str) -> list[object]:
    """The requests in a TFRecord file, whose checksums TensorFlow itself checks elsewhere."""
    found, data = [], Path(path).read_bytes()
    while data:
        size = int.from_bytes(data[:8], "little")
        log = PredictionLog.FromString(data[12 : 12 + size])
        asked = log.predict_log.request
        (name,) = asked.inputs
        tensor = asked.inputs[name]
        shape = [axis.size for axis in tensor.tensor_shape.dim]
        found.append([asked.model_spec.name, name, shape, list(tensor.float_val)])
        data = data[16 + size :]
    return found


def signature(path: str) -> dict[str, object]:
    """A serialized ``SignatureDef``."""
    found = SignatureDef.FromString(Path(path).read_bytes())
    return {
        "method": found.method_name,
        "inputs": {key: info(value) for key, value in found.inputs.items()},
        "outputs": {key: info(value) for key, value in found.outputs.items()},
    }


if __name__ == "__main__":
    print(json.dumps({"ask": ask, "warmup": warmup, "signature": signature}[sys.argv[1]](*sys.argv[2:])))
