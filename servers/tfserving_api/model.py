"""What the REST API tells of a model: its status and its metadata."""

from __future__ import annotations

from typing import Any

import orjson

from exporters.savedmodel.signature import SERVING_DEFAULT
from models import TensorSpec
from servers.oip.metadata import ModelMetadata
from servers.tfserving_api import json_text
from servers.tfserving_api.errors import TfServingError
from servers.tfserving_api.signature import AVAILABLE, LOADING, METHOD, chosen, tensor, wire_datatype, wire_shape


def encode_status(metadata: ModelMetadata, *, ready: bool) -> bytes:
    """The answer of ``GET /v1/models/NAME``."""
    state = AVAILABLE if ready else LOADING
    status = {"error_code": "OK", "error_message": ""}
    return orjson.dumps(
        {"model_version_status": [{"version": each, "state": state, "status": status} for each in metadata.versions]}
    )


def decode_status(body: bytes) -> bool:
    """Whether a version of the model is available.

    Raises:
        TfServingError: malformed.
    """
    versions = json_text.load(body).get("model_version_status")
    if not isinstance(versions, list):
        raise TfServingError("the status has no list 'model_version_status'")
    return any(isinstance(version, dict) and version.get("state") == AVAILABLE for version in versions)


def encode_metadata(metadata: ModelMetadata) -> bytes:
    """The answer of ``GET /v1/models/NAME/metadata``."""
    signature = {
        "inputs": {spec.name: _info(spec) for spec in metadata.inputs},
        "outputs": {spec.name: _info(spec) for spec in metadata.outputs},
        "method_name": METHOD,
    }
    version = metadata.versions[0] if metadata.versions else "0"
    return orjson.dumps(
        {
            "model_spec": {"name": metadata.name, "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": {SERVING_DEFAULT: signature}}},
        }
    )


def decode_metadata(body: bytes) -> ModelMetadata:
    """Read the answer of ``GET /v1/models/NAME/metadata``; tensors are in the order of their names.

    Raises:
        TfServingError: malformed, without the default signature, or with types that we cannot hold.
    """
    message = json_text.load(body)
    about = _object(message, "model_spec")
    signatures = _object(_object(_object(message, "metadata"), "signature_def"), "signature_def")
    signature = _object(signatures, chosen(signatures))
    inputs, outputs = (
        tuple(_spec(name, _object(tensors, name)) for name in sorted(tensors))
        for tensors in (_object(signature, "inputs"), _object(signature, "outputs"))
    )
    return ModelMetadata(str(about.get("name", "")), "", inputs, outputs, (str(about.get("version", "")),))


def _info(spec: TensorSpec) -> dict[str, Any]:
    axes = [{"size": str(size), "name": ""} for size in wire_shape(spec)]
    return {
        "dtype": wire_datatype(spec),
        "tensor_shape": {"dim": axes, "unknown_rank": False},
        "name": f"{spec.name}:0",
    }


def _spec(name: str, info: dict[str, Any]) -> TensorSpec:
    shape = _object(info, "tensor_shape")
    axes = shape.get("dim", [])
    if shape.get("unknown_rank"):
        raise TfServingError(f"tensor {name!r} tells no number of axes")
    try:
        sizes = [int(axis["size"]) for axis in axes]
    except (TypeError, KeyError, ValueError) as error:
        raise TfServingError(f"tensor {name!r}: its shape is none") from error
    return tensor(name, info.get("dtype"), sizes)


def _object(owner: dict[str, Any], key: str) -> dict[str, Any]:
    found = owner.get(key)
    if not isinstance(found, dict):
        raise TfServingError(f"{key!r} is missing or no object")
    return found
