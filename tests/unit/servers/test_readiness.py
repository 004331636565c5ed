"""Whether a server's port is open."""

import socket
from typing import Any

import pytest

from servers import Endpoint
from servers.readiness import accepts


def test_any_address_of_a_host_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a name with an IPv6 address too, where the server is bound to IPv4 alone."""
    look_up = socket.getaddrinfo
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        places = [closed.getsockname(), server.getsockname()]

        def found(host: str, *rest: Any, **more: Any) -> list[Any]:
            if host != "served":
                return look_up(host, *rest, **more)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

        monkeypatch.setattr(socket, "getaddrinfo", found)
        endpoint = Endpoint("oip-http", "http://served:8000", "digits")
        assert accepts(endpoint)
        places.pop()
        assert not accepts(endpoint)
