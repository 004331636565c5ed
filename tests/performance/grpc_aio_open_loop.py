"""An open loop as one would write it on grpc.aio: how late an absolute schedule is kept there.

Prints the median and the 99th percentile of the lag in microseconds, the requests that were answered, and the median
response in microseconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import grpc.aio
import numpy as np

from loadtest.arrivals import schedule
from loadtest.scenario import OpenLoop

METHOD = "/inference.GRPCInferenceService/ModelInfer"


async def main(address: str, rate: str, seconds: str) -> None:
    message = Path(os.environ["PEER_BODY"]).read_bytes()
    offsets = schedule(OpenLoop(rate=float(rate)), length_s=float(seconds), seed=0).tolist()
    lags, responses = [], []
    async with grpc.aio.insecure_channel(address) as channel:
        infer = channel.unary_unary(METHOD)
        await infer(message)
        start_ns = time.monotonic_ns() + 100_000_000
        end_ns = start_ns + round(float(seconds) * 1e9)

        async def send(intended_ns: int) -> None:
            lags.append(time.monotonic_ns() - intended_ns)
            await infer(message)
            now_ns = time.monotonic_ns()
            responses.append((now_ns, now_ns - intended_ns))

        running = set()
        for offset in offsets:
            wait_ns = start_ns + offset - time.monotonic_ns()
            await asyncio.sleep(max(0, wait_ns / 1e9))
            task = asyncio.create_task(send(start_ns + offset))
            running.add(task)
            task.add_done_callback(running.discard)
            if time.monotonic_ns() > end_ns + 5 * 10**9:
                break
        if running:
            await asyncio.wait(running, timeout=5)
        for task in running:
            task.cancel()
    answered = sum(done_ns <= end_ns for done_ns, _ in responses)
    response_us = np.median([response for _, response in responses]) / 1e3
    print(np.percentile(lags, 50) / 1e3, np.percentile(lags, 99) / 1e3, answered, response_us)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
