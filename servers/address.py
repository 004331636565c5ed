"""Addresses: which ports are free, and how a server is reached."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import ExitStack

from servers.errors import ServerError

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named here to be replaced


def authority(host: str, port: int) -> str:
    """``HOST:PORT``, with brackets where ``host`` needs them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str) -> str:
    """The host that a client on this machine names, for a server that is bound to ``host``."""
    return _ANY.get(host, host)


def free_ports(host: str, uses: Iterable[str]) -> dict[str, int]:
    """A free port for each use. Another process may take one before it is bound.

    Raises:
        ServerError: ``host`` is no address of this machine.
    """
    with ExitStack() as bound:  # all at once, so that they differ
        return {use: bound.enter_context(_bind(host, 0, use)).getsockname()[1] for use in uses}


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind ``port`` now."""
    try:
        with _bind(host, port, "it"):
            return True
    except ServerError:
        return False


def check_free(host: str, port: int, use: str) -> None:
    """Check that a server could bind ``port`` now.

    Raises:
        ServerError: it is in use, or this process may not bind it.
    """
    if not 1 <= port <= 65535:
        raise ServerError(f"{port} is no port for {use}: choose one from 1 to 65535")
    with _bind(host, port, use):
        pass


def _bind(host: str, port: int, use: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerError(f"cannot bind {host}: {error.strerror}") from error
    except ValueError as error:  # it has no form in ASCII (IDNA), or a null character
        raise ServerError(f"cannot bind {host!r}: not a host name") from error
    try:
        # As servers do: connections of an earlier server that linger must not count.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        raise ServerError(f"cannot bind {host}:{port} for {use}: {error.strerror}") from error
    return found
