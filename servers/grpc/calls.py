"""Unary calls of our gRPC server, and the status that each of our exceptions becomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message

from models import TailbedError, TensorMismatch
from servers.errors import MessageError
from servers.inference.instances import ComputeError
from servers.inference.served import NotReady, UnknownModel

_STATUS: Final[dict[type[Exception], grpc.StatusCode]] = {
    MessageError: grpc.StatusCode.INVALID_ARGUMENT,
    TensorMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    ComputeError: grpc.StatusCode.INTERNAL,
}
_DETAILS: Final = 1000
"""Characters of an error: it travels in a header, which gRPC limits to 8 KiB with all others."""


def unary(kind: Any, call: Callable[[Any], Awaitable[Message]]) -> grpc.RpcMethodHandler:
    """A unary call that reads its own request: a generated one answers UNKNOWN, with a traceback, to what is none."""

    async def answer(sent: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            return (await call(kind.FromString(sent))).SerializeToString()
        except DecodeError:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the message is no {kind.DESCRIPTOR.name}")
        except TailbedError as error:
            status = next(_STATUS[base] for base in type(error).__mro__ if base in _STATUS)
            await context.abort(status, str(error)[:_DETAILS])
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(answer)
