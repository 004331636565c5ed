"""The Open Inference Protocol over HTTP in JSON alone."""

from __future__ import annotations

from loadtest.protocols.oip_http.protocol import OipHttp

PROTOCOL = OipHttp("oip-http-json", binary=False)
