"""``python -m servers.grpc``: serve one artifact over gRPC, and its metrics over HTTP."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import start_http_server

from servers.address import authority, check_free
from servers.errors import ServerError
from servers.grpc import tfserving
from servers.grpc.service import SERVICE, service
from servers.inference.collector import freeze
from servers.inference.command import Options, run
from servers.inference.served import MAX_REQUEST_BYTES, ServedModel

_GRACE_S: Final = 1.0
_SERVICES: Final = ("", SERVICE)
"""What the health service knows: the server as a whole, and the protocol."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # Two servers would share one port silently, and the load between them.
    ("grpc.so_reuseport", 0),
)


def serve(options: Options) -> None:
    """Open the ports, load the model, and serve until SIGTERM.

    Raises:
        TailbedError: the model cannot be served.
    """
    uvloop.run(_serve(options, ServedModel(options.artifact, options.settings)))


async def _serve(options: Options, model: ServedModel) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((service(model), *tfserving.services(model)))
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    await _set(healthy, health_pb2.HealthCheckResponse.NOT_SERVING)

    _bind(server, options, model)
    await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stopping = asyncio.create_task(stopped.wait())
    loading = asyncio.create_task(model.load(freeze))  # not awaited first: the port answers meanwhile
    try:
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            await _set(healthy, health_pb2.HealthCheckResponse.SERVING)
            await stopping
    finally:
        await healthy.enter_graceful_shutdown()
        await server.stop(_GRACE_S)
        model.close()


def _bind(server: grpc.aio.Server, options: Options, model: ServedModel) -> None:
    for use, port in options.ports.items():
        check_free(options.host, port, use)  # gRPC itself does not say why it cannot
    address = authority(options.host, options.ports["grpc"])
    try:
        server.add_insecure_port(address)
        start_http_server(options.ports["metrics"], options.host, model.metrics.registry)
    except (RuntimeError, OSError) as error:
        raise ServerError(f"cannot bind {address} and port {options.ports['metrics']}: {error}") from error


async def _set(healthy: health.aio.HealthServicer, status: int) -> None:
    for name in _SERVICES:
        await healthy.set(name, status)


if __name__ == "__main__":
    run("servers.grpc", ("grpc", "metrics"), serve)
