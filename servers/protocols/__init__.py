"""Blocking clients of what servers speak, one folder a protocol, for checking and preparing; not for load."""

from servers.protocols.client import CLIENTS, Client, connect, protocol_for

__all__ = ["CLIENTS", "Client", "connect", "protocol_for"]
