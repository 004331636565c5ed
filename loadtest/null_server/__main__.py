"""``python -m loadtest.null_server --port P``: a server without a model."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal

import uvloop

from loadtest.null_server.model import NullModel
from loadtest.protocols import PROTOCOLS
from models import TensorSpec

# Those of the digits model.
_INPUT = "image:float32:batch,1,8,8"
_OUTPUT = "scores:float32:batch,10"


async def _main(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    model = NullModel(
        inputs=tuple(arguments.input or [TensorSpec.parse(_INPUT)]),
        outputs=tuple(arguments.output or [TensorSpec.parse(_OUTPUT)]),
        delay_us=arguments.delay_us,
    )
    # Each one brings its libraries.
    if PROTOCOLS.get(arguments.protocol).scheme == "grpc":
        from loadtest.null_server.grpc import serve
    else:
        from loadtest.null_server.http import serve
    server = await serve(arguments.protocol, model, arguments.host, arguments.port)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await stopped.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.null_server", description=__doc__)
    parser.add_argument("--protocol", choices=PROTOCOLS.names(), default="oip-http")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line printed tells it")
    parser.add_argument("--core", type=int, help="bind to this CPU core")
    parser.add_argument(
        "--delay-us", type=int, default=0, metavar="N", help="for tests: compute N microseconds on each request"
    )
    for kind, default in (("input", _INPUT), ("output", _OUTPUT)):
        parser.add_argument(
            f"--{kind}", type=TensorSpec.parse, action="append", help=f"NAME:DTYPE:SHAPE, such as {default}"
        )
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_main(arguments))


if __name__ == "__main__":
    main()
