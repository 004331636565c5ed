"""The answers of a null model in the Open Inference Protocol over gRPC with typed contents."""

from __future__ import annotations

from functools import partial

from loadtest.protocols.oip_grpc.null import OipGrpcNull

NULL = partial(OipGrpcNull, raw=False)
