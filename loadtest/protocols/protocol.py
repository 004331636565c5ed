"""What a protocol is to the load engine: requests as prebuilt bytes, the transport for them, answers read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from loadtest.transport.transport import Connections, Done, Transport
from models import Registry, Tensors
from servers.target import Target


class LoadProtocol(Protocol):
    """A protocol. ``loadtest/protocols/<name>/protocol.py`` has one as ``PROTOCOL`` and imports nothing heavy."""

    name: str
    """As endpoints and plans name it."""
    scheme: str
    """Of its URLs, without the s that says TLS."""
    verb: str
    """What Locust's table calls its requests."""

    def encode(self, target: Target, model: str, inputs: Tensors) -> bytes:
        """One request as the transport takes it.

        Raises:
            TailbedError: the protocol cannot hold a tensor.
        """
        ...

    def transport(self, target: Target, payloads: Sequence[bytes], connections: Connections, done: Done) -> Transport:
        """A transport that sends ``payloads[request.item]``.

        Raises:
            TailbedError: the target's certificates or headers cannot be used.
        """
        ...

    def decode(self, answer: bytes) -> dict[str, np.ndarray]:
        """The outputs in a successful answer that a transport kept.

        Raises:
            TailbedError: it is not an answer of this protocol.
        """
        ...


PROTOCOLS: Registry[LoadProtocol] = Registry("loadtest.protocols", entry="protocol", attribute="PROTOCOL")
"""Every ``loadtest/protocols/<name>/protocol.py``."""


def protocol_named(name: str) -> LoadProtocol:
    """The protocol called ``name``, such as ``"oip-http"``: the folder's name with dashes.

    Raises:
        UnknownName: there is none of that name.
    """
    return PROTOCOLS.get(name)
