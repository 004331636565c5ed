"""Making connections to one endpoint."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from loadtest.errors import LoadError
from servers.target import Target


class Dialer:
    """Connects to an endpoint whose host is looked up once, before the load."""

    def __init__(self, target: Target, *, timeout_s: float) -> None:
        """Take the endpoint.

        Raises:
            EndpointError: its certificates cannot be read.
        """
        self._host = target.host
        self._address = target.host, target.port
        self._timeout_s = timeout_s
        self._ssl = target.ssl_context()

    async def resolve(self) -> None:
        """Find the first of the host's addresses that accepts a connection, or the last when none does.

        Raises:
            LoadError: no such host.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        except OSError as error:
            raise LoadError(f"{self._host}: no such host ({error.strerror})") from error
        addresses = list(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(self._timeout_s):
                    transport, _ = await loop.create_connection(asyncio.Protocol, *address)
            except OSError:
                continue
            transport.abort()
            self._address = address
            return
        self._address = addresses[-1]

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Make a connection, for as long as the caller lets.

        Raises:
            OSError: there is none to be made, or the server is not who it should be.
        """
        host, port = self._address
        await asyncio.get_running_loop().create_connection(
            protocol, host, port, ssl=self._ssl, server_hostname=self._host if self._ssl else None
        )
