"""How a server runs a model: the part that our servers have of Triton's model configuration extension.

Where there is dynamic batching, Triton's ``max_batch_size`` is its largest batch, and the tensors' ``dims`` leave the
batch axis out. Without, ``max_batch_size`` is 0 and the ``dims`` are the whole shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from models import TensorSpec
from servers.oip import fields
from servers.oip.datatypes import BYTES
from servers.oip.errors import OipError
from servers.oip.metadata import ModelMetadata, wire_datatype, wire_shape


@dataclass(frozen=True)
class ModelConfig:
    """How one model is run.

    Attributes:
        metadata: the model itself.
        instances: how many compute at the same time.
        kind: what they compute on, ``KIND_CPU`` or ``KIND_GPU``.
        max_batch: most items that are computed together from several requests; 0 without dynamic batching.
        max_delay_us: longest time in microseconds that a request waits for others.
        parameters: what else there is to know, such as the runtime's version.
    """

    metadata: ModelMetadata
    instances: int
    kind: str
    max_batch: int
    max_delay_us: int
    parameters: Mapping[str, str]

    def message(self) -> dict[str, Any]:
        """The fields of Triton's ``ModelConfig`` message, as its JSON has them."""
        found: dict[str, Any] = {
            "name": self.metadata.name,
            "platform": self.metadata.platform,
            "max_batch_size": self.max_batch,
            "input": [self._tensor(spec) for spec in self.metadata.inputs],
            "output": [self._tensor(spec) for spec in self.metadata.outputs],
            "instance_group": [{"name": self.metadata.name, "kind": self.kind, "count": self.instances}],
            "parameters": {name: {"string_value": value} for name, value in self.parameters.items()},
        }
        if self.max_batch:
            found["dynamic_batching"] = {"max_queue_delay_microseconds": self.max_delay_us}
        return found

    def _tensor(self, spec: TensorSpec) -> dict[str, Any]:
        datatype = wire_datatype(spec)
        shape = wire_shape(spec)
        return {
            "name": spec.name,
            "data_type": "TYPE_STRING" if datatype == BYTES else f"TYPE_{datatype}",
            "dims": shape[1:] if self.max_batch else shape,
        }


def encode_config(config: ModelConfig) -> bytes:
    """The answer of ``GET /v2/models/NAME/config``."""
    return orjson.dumps(config.message())


def decode_parameters(body: bytes) -> dict[str, str]:
    """The parameters in the answer of ``GET /v2/models/NAME/config``.

    Raises:
        OipError: malformed.
    """
    found = {}
    for name, value in fields.parameters(fields.load(body), "the configuration").items():
        if not isinstance(value, dict):
            raise OipError(f"the configuration's parameter {name!r} is not an object")
        found[name] = fields.text(value, "string_value")
    return found
