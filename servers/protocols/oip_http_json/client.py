"""The blocking client over HTTP in JSON alone."""

from __future__ import annotations

from functools import partial

from servers.protocols.oip_http.client import HttpClient

CLIENT = partial(HttpClient, binary=False)
