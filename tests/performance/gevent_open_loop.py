"""An open loop as one would write it on gevent: how late an absolute schedule is kept there.

Prints the median and the 99th percentile of the lag in microseconds, and the requests that were sent.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import gevent
import numpy as np
from geventhttpclient import HTTPClient

from loadtest.arrivals import schedule
from loadtest.scenario import OpenLoop


def main(host: str, port: str, rate: str, seconds: str) -> None:
    body = Path(os.environ["PEER_BODY"]).read_bytes()
    client = HTTPClient(host, int(port), concurrency=64)
    offsets = schedule(OpenLoop(rate=float(rate)), length_s=float(seconds), seed=0).tolist()
    lags = []

    def send(intended_ns: int) -> None:
        lags.append(time.monotonic_ns() - intended_ns)
        client.post("/v2/models/null/infer", body=body).read()

    start_ns = time.monotonic_ns() + 100_000_000
    running = []
    for offset in offsets:
        wait_ns = start_ns + offset - time.monotonic_ns()
        if wait_ns > 0:
            gevent.sleep(wait_ns / 1e9)
        running.append(gevent.spawn(send, start_ns + offset))
    gevent.joinall(running, timeout=10)
    print(np.percentile(lags, 50) / 1e3, np.percentile(lags, 99) / 1e3, len(lags))


if __name__ == "__main__":
    main(*sys.argv[1:])
