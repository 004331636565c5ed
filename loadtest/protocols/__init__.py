"""The protocols that load is offered in, one folder each."""

from loadtest.protocols.protocol import PROTOCOLS, protocol_named

__all__ = ["PROTOCOLS", "protocol_named"]
