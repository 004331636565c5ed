"""Blocking clients of what servers speak, one folder a protocol, for checking and preparing; not for load."""

from servers.protocols.client import CLIENTS, JSON_ALONE, Client, connect, protocol_of

__all__ = ["CLIENTS", "JSON_ALONE", "Client", "connect", "protocol_of"]
