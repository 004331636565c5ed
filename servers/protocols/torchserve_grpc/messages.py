"""Tensors in the messages of TorchServe's inference API."""

from __future__ import annotations

import numpy as np

from models import Tensors
from servers.protocols.torchserve_grpc import torchserve_pb2 as pb
from servers.protocols.torchserve_grpc.methods import DATA
from servers.protocols.torchserve_rest.codec import decode, encode


def encode_request(model: str, inputs: Tensors) -> pb.PredictionsRequest:
    """A request.

    Raises:
        MessageError: a tensor that safetensors cannot hold.
    """
    return pb.PredictionsRequest(model_name=model, input={DATA: encode(inputs)})


def encode_response(outputs: Tensors) -> pb.PredictionResponse:
    """The answer to it."""
    return pb.PredictionResponse(prediction=encode(outputs))


def decode_response(message: pb.PredictionResponse) -> dict[str, np.ndarray]:
    """The outputs in an answer.

    Raises:
        MessageError: there are none.
    """
    return decode(message.prediction)
