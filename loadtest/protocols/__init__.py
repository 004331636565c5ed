"""The protocols that load is offered in, one folder each."""

from loadtest.protocols.protocol import PROTOCOLS, protocol_for, protocol_named

__all__ = ["PROTOCOLS", "protocol_for", "protocol_named"]
