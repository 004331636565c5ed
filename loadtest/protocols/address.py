"""Where a URL points."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.errors import LoadError
from servers.address import authority


class Address(NamedTuple):
    """Host and port of an endpoint."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """``HOST:PORT``, with brackets around an IPv6 address."""
        return authority(self.host, self.port)


def parse(url: str, scheme: str) -> Address:
    """The address in ``SCHEME://HOST:PORT``.

    Raises:
        LoadError: the URL is not that.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme == scheme and parts.hostname and parts.port and parts.path in ("", "/"):
            return Address(parts.hostname, parts.port)
    except ValueError:
        pass
    raise LoadError(f"{url}: not a target: expected {scheme}://HOST:PORT")
