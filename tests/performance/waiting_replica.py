"""A replica that mostly waits, so that several of them on one core are several: ``python -m ... MEAN_MS SEED``.

It answers the Open Inference Protocol over HTTP, one request after the other in the order in which they came, each
after a time of this mean that takes no CPU time: gamma, with a coefficient of variation of a half. The first line
printed is its port.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from queue import SimpleQueue
from threading import Thread
from typing import cast

import httptools
import numpy as np
import uvloop

from loadtest.null_server.http import NULLS
from loadtest.null_server.model import NullModel
from models import TensorSpec

INPUT, OUTPUT = "image:float32:batch,1,8,8", "scores:float32:batch,10"
Waiting = SimpleQueue[tuple[asyncio.Transport, bytes]]


class Connection(asyncio.Protocol):
    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url

    def on_message_complete(self) -> None:
        self._waiting.put((self._transport, self._path))


def answer(waiting: Waiting, loop: asyncio.AbstractEventLoop, mean_s: float, seed: int) -> None:
    # In a thread: an event loop's timers are as coarse as a millisecond.
    null = NULLS.get("oip-http")(NullModel((TensorSpec.parse(INPUT),), (TensorSpec.parse(OUTPUT),)))
    rng = np.random.default_rng(seed)
    free = time.monotonic()
    while True:
        transport, path = waiting.get()
        # From when it is free, not from when it woke up: what sleeping is late by must not add up.
        free = max(free, time.monotonic()) + rng.gamma(4, mean_s / 4)
        time.sleep(max(0.0, free - time.monotonic()))
        loop.call_soon_threadsafe(transport.write, null.respond(path))


async def serve(mean_s: float, seed: int) -> None:
    loop = asyncio.get_running_loop()
    waiting: Waiting = SimpleQueue()
    server = await loop.create_server(lambda: Connection(waiting), "127.0.0.1", 0, backlog=4096)
    loop.add_signal_handler(signal.SIGTERM, sys.exit)
    Thread(target=answer, args=(waiting, loop, mean_s, seed), daemon=True).start()
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]) / 1e3, int(sys.argv[2])))
