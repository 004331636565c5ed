"""A blocking gRPC channel to one server, which the clients of the protocols over gRPC are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import grpc

from servers.errors import EndpointError, one_line
from servers.protocols.closing import Closing
from servers.target import Target

_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A channel of its own: a shared one remembers another's failure to connect and waits before it tries again.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class Unimplemented(EndpointError):
    """A call that the server does not have."""


class GrpcChannel(Closing):
    """Neither retries nor proxies: what it says is what the server did.

    Attributes:
        url: of the server.
        channel: for stubs.
    """

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        self.url = target.url
        self._metadata = tuple(target.headers.items())
        self._timeout_s = timeout_s
        if target.tls:
            target.ssl_context()  # says in one line what is wrong with the certificates
            credentials = grpc.ssl_channel_credentials(target.ca_certificates())
            self.channel = grpc.secure_channel(target.authority, credentials, options=_OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target.authority, options=_OPTIONS)

    def answers(self, question: Callable[[], bool]) -> bool:
        """What ``question`` finds; False where it gets no answer or an error."""
        try:
            return question()
        except EndpointError:
            return False

    def call(self, method: Any, request: Any) -> Any:
        """The answer of a unary ``method`` of a stub on this channel.

        Raises:
            Unimplemented: the server does not have it.
            EndpointError: no answer, or another error.
        """
        try:
            return method(request, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            status, details = error.code(), one_line(error.details())
            if status is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise EndpointError(f"{self.url}: no answer within {self._timeout_s:g} s") from error
            if status is grpc.StatusCode.UNAVAILABLE:
                raise EndpointError(f"{self.url}: cannot connect or connection lost: {details}") from error
            kind = Unimplemented if status is grpc.StatusCode.UNIMPLEMENTED else EndpointError
            raise kind(f"{self.url}: gRPC {status.name}: {details}") from error

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()
