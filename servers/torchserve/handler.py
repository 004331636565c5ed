"""The handler in every archive that tailbed makes: TorchServe's worker loads it, in tailbed's own environment.

TorchServe takes the one class of this file for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from exporters.artifact import Artifact
from exporters.checker import Compute
from models import TailbedError, Tensors
from servers.errors import MessageError
from servers.inference.answering import answers, told
from servers.inference.instances import ComputeError
from servers.inference.loading import load
from servers.oip.metadata import ModelMetadata
from servers.protocols.torchserve_grpc.methods import DATA, DESCRIBE
from servers.protocols.torchserve_rest.codec import CONTENT_TYPE, decode, encode
from servers.protocols.torchserve_rest.description import encode_customized
from servers.runtimes import runtime_for
from servers.torchserve.archive import HANDLER_SETTINGS

_BODY = "body"
"""What TorchServe calls the body of a request over REST."""


class Handler:
    """Computes one artifact on requests and answers in safetensors."""

    def initialize(self, context: Any) -> None:
        """Load the artifact that the archive holds, with the archive's own configuration.

        Raises:
            SystemExit: it cannot be loaded, and the log says why in one line. TorchServe tries again with another
                worker, and with longer and longer pauses.
        """
        try:
            self._load(context)
        except Exception as error:
            logging.error("cannot load the model: %s", error if isinstance(error, TailbedError) else told(error))
            raise SystemExit(1) from error

    def handle(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Answer the requests of one batch, in their order.

        Raises:
            PredictionException: one that came over gRPC cannot be answered; TorchServe has no way to say so of one
                alone, and gives the error to all that are with it.
        """
        read = [self._read(row, index, context) for index, row in enumerate(rows)]
        asked = [request for request in read if isinstance(request, Mapping)]
        computed = iter(answers(self._model, self._inputs, asked))
        found: list[bytes] = []
        for index, request in enumerate(read):
            answer = next(computed) if isinstance(request, Mapping) else request
            if isinstance(answer, TailbedError):
                found.append(self._refuse(answer, rows[index], index, context))
            elif isinstance(answer, bytes):
                found.append(answer)
            else:
                context.set_response_content_type(index, CONTENT_TYPE)
                found.append(encode(answer))
        return found

    def _load(self, context: Any) -> None:
        artifact = Artifact.read(Path(context.system_properties["model_dir"]))
        settings = context.model_yaml_config[HANDLER_SETTINGS]
        manifest = artifact.manifest
        self._inputs = manifest.inputs
        self._model, facts = load(
            artifact, Compute(settings["device"], settings["threads"]), max_batch=settings["max_batch"]
        )
        platform = runtime_for(manifest.format).platform
        metadata = ModelMetadata(context.model_name, platform, manifest.inputs, manifest.outputs, ("1.0",))
        self._described = encode_customized(metadata, facts)

    def _read(self, row: Mapping[str, Any], index: int, context: Any) -> Tensors | bytes | TailbedError:
        """What is to be computed, or the answer if that is clear already."""
        if DESCRIBE in row or context.get_request_header(index, DESCRIBE) == "True":
            return self._described
        body = row.get(_BODY, row.get(DATA))
        try:
            if not isinstance(body, bytes | bytearray):
                raise MessageError(f"expected safetensors: as the body over REST, as the input {DATA!r} over gRPC")
            return decode(bytes(body))
        except TailbedError as error:
            return error

    def _refuse(self, error: TailbedError, row: Mapping[str, Any], index: int, context: Any) -> bytes:
        code = 500 if isinstance(error, ComputeError) else 400
        if DATA in row or _BODY not in row:
            from ts.utils.util import PredictionException  # only a worker has it

            raise PredictionException(str(error), code)
        context.set_response_status(code, "Bad Request" if code == 400 else "Internal Server Error", index)
        context.set_response_content_type(index, "application/json")
        return orjson.dumps({"code": code, "type": "PredictionException", "message": str(error)})
