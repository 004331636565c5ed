"""What TorchServe's management API says of a model: its workers, and what its handler says of itself.

The latter is any text that a handler likes. Ours gives the metadata of the Open Inference Protocol with ``parameters``
in it: what really runs, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from servers.errors import MessageError
from servers.oip import fields
from servers.oip.metadata import ModelMetadata, decode_metadata, encode_metadata


def encode_customized(metadata: ModelMetadata, facts: Mapping[str, str]) -> bytes:
    """What our handler says of itself."""
    return orjson.dumps({**orjson.loads(encode_metadata(metadata)), "parameters": dict(facts)})


def decode_customized(model: str, text: bytes) -> tuple[ModelMetadata, dict[str, str]]:
    """What a handler says of itself: the metadata, and what really runs; of another handler than ours, nothing."""
    try:
        facts = fields.parameters(fields.load(text), "the model")
        return decode_metadata(text), {name: fields.text(facts, name) for name in facts}
    except MessageError:
        return ModelMetadata(model, "", (), ()), {}


@dataclass(frozen=True)
class Description:
    """A model as TorchServe describes it.

    Attributes:
        ready: whether every worker that it is to have at least is loaded.
        customized: what the model's handler said; empty where it was not asked or said nothing.
    """

    ready: bool
    customized: bytes


def encode_description(model: str, customized: bytes) -> bytes:
    """What TorchServe says of a model with one worker that is loaded."""
    entry = {"modelName": model, "modelVersion": "1.0", "minWorkers": 1, "workers": [{"id": "1", "status": "READY"}]}
    return orjson.dumps([{**entry, "customizedMetadata": customized.decode()}])


def decode_description(text: bytes) -> Description:
    """Read the answer of ``GET /models/NAME``, which is the message of ``DescribeModel`` too.

    Raises:
        MessageError: malformed.
    """
    try:
        [model] = orjson.loads(text)
        states = [worker["status"] for worker in model["workers"]]
        wanted = int(model["minWorkers"])
        customized = model.get("customizedMetadata") or ""
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MessageError(f"not a model's description: {error!r}") from error
    # Only the workers' states tell: /ping is Healthy, and a request is queued, while they still load.
    ready = states.count("READY") >= max(1, wanted)
    return Description(ready, customized.encode() if isinstance(customized, str) else orjson.dumps(customized))
