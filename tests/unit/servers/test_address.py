"""Addresses and ports."""

import socket

import pytest

from servers import ServerError
from servers.address import authority, check_free, free_ports, is_free, reachable


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = free_ports("127.0.0.1", ("http", "grpc", "metrics"))
    assert list(ports) == ["http", "grpc", "metrics"]
    assert len(set(ports.values())) == 3
    for use, port in ports.items():
        check_free("127.0.0.1", port, use)


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        with pytest.raises(ServerError, match=f"cannot bind 127.0.0.1:{port} for http: Address already in use"):
            check_free("127.0.0.1", port, "http")
    assert is_free("127.0.0.1", port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ServerError, match=f"{port} is no port for http"):
        check_free("127.0.0.1", port, "http")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "ü..x"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ServerError, match=f"cannot bind '?{host}"):
        free_ports(host, ("http",))


def test_a_client_reaches_a_server_that_is_bound_to_every_address() -> None:
    assert authority(reachable("0.0.0.0"), 80) == "127.0.0.1:80"
    assert authority(reachable("::"), 80) == "[::1]:80"
    assert authority(reachable("10.0.0.1"), 80) == "10.0.0.1:80"
