"""``python -m servers.fastapi``: serve one artifact over HTTP."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from servers.errors import ServerError
from servers.fastapi.app import create_app
from servers.inference.collector import freeze
from servers.inference.command import Options, run
from servers.inference.served import ServedModel

_KEEP_ALIVE_S = 3600
"""An idle connection stays: its end would look like a failed request to a client that sends at that moment."""


def serve(options: Options) -> None:
    """Open the port, load the model, and serve until SIGTERM.

    Raises:
        TailbedError: the model cannot be served.
    """
    model = ServedModel(options.artifact, options.settings)
    failure: ServerError | None = None

    async def load() -> None:
        nonlocal failure
        try:
            await model.load(freeze)
        except ServerError as error:
            failure = error
            server.should_exit = True

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(load())  # not awaited: the port opens meanwhile
        yield
        loading.cancel()
        model.close()

    config = uvicorn.Config(
        create_app(model, lifespan),
        host=options.host,
        port=options.ports["http"],
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises it again once it has stopped
    server.run()
    if failure is not None:
        raise failure


if __name__ == "__main__":
    run("servers.fastapi", ("http",), serve)
