"""The blocking client over gRPC with typed contents."""

from __future__ import annotations

from functools import partial

from servers.protocols.oip_grpc.client import GrpcClient

CLIENT = partial(GrpcClient, raw=False)
