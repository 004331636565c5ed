"""The Open Inference Protocol over gRPC with typed contents."""

from __future__ import annotations

from loadtest.protocols.oip_grpc.protocol import OipGrpc

PROTOCOL = OipGrpc("oip-grpc-typed", raw=False)
