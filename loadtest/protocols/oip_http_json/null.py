"""The answers of a null model in the Open Inference Protocol over HTTP in JSON alone."""

from __future__ import annotations

from functools import partial

from loadtest.protocols.oip_http.null import OipHttpNull

NULL = partial(OipHttpNull, binary=False)
