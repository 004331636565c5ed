"""A channel of gRPC's own Python library, on the loop that the engine turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic_ns
from typing import Final

import grpc.aio

from loadtest.protocols.address import Address
from loadtest.protocols.protocol import Connections, Done, Request
from loadtest.records import Outcome

_METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"
_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    # A request that failed is a failure: it is not to be sent again behind the record's back.
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    # Without these, a server that comes back is not asked for seconds.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcChannel:
    """Unary calls with bytes in and out. Sent is when a call is handed to the library, done when it hands it back."""

    inline = False
    """The library's threads do the input and output; a loop that spins would take the core from them."""

    def __init__(self, address: Address, payloads: Sequence[bytes], connections: Connections, done: Done) -> None:
        self._address = address
        self._payloads = payloads
        self._limits = connections
        self._done = done

    async def open(self) -> None:
        """Connect, if the server lets."""
        self._loop = asyncio.get_running_loop()
        self._channel = grpc.aio.insecure_channel(self._address.authority, options=_OPTIONS)
        self._infer = self._channel.unary_unary(_METHOD)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                state = self._channel.get_state(try_to_connect=True)
                while state not in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE):
                    await self._channel.wait_for_state_change(state)
                    state = self._channel.get_state()
        except TimeoutError:
            pass

    def submit(self, request: Request) -> None:
        """Start a call."""
        request.sent_ns = monotonic_ns()
        request.handle = self._loop.create_task(self._call(request))

    def cancel(self, request: Request) -> None:
        """Cancel its call."""
        request.handle.cancel()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def _call(self, request: Request) -> None:
        try:
            answer = await self._infer(self._payloads[request.item])
        except grpc.aio.AioRpcError as error:
            self._done(request, monotonic_ns(), Outcome.GRPC + error.code().value[0])
            return
        now_ns = monotonic_ns()
        if request.keep:
            request.answer = answer
        self._done(request, now_ns, Outcome.OK)
