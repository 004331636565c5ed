"""Locust's own fast client with our request, as users of Locust would write it: the peer of the load engine."""

from __future__ import annotations

import os
from pathlib import Path

from locust import FastHttpUser, constant, task

BODY = Path(os.environ["PEER_BODY"]).read_bytes()
HEADERS = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": os.environ["PEER_JSON_SIZE"]}


class Peer(FastHttpUser):
    wait_time = constant(0)

    @task
    def infer(self):
        self.client.post("/v2/models/null/infer", data=BODY, headers=HEADERS)
