"""gRPC on Locust's gevent with our request, as Locust's documentation has it: a peer of the load engine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import grpc
import grpc.experimental.gevent
from locust import User, constant, task

grpc.experimental.gevent.init_gevent()
MESSAGE = Path(os.environ["PEER_BODY"]).read_bytes()


class Peer(User):
    wait_time = constant(0)

    def __init__(self, environment):
        super().__init__(environment)
        self._infer = grpc.insecure_channel(self.host.removeprefix("grpc://")).unary_unary(
            "/inference.GRPCInferenceService/ModelInfer"
        )

    @task
    def infer(self):
        start = time.perf_counter()
        answer, error = b"", None
        try:
            answer = self._infer(MESSAGE)
        except grpc.RpcError as failed:
            error = failed
        self.environment.events.request.fire(
            request_type="GRPC",
            name="infer",
            response_time=(time.perf_counter() - start) * 1e3,
            response_length=len(answer),
            exception=error,
            context={},
        )
