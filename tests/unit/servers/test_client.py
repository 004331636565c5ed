"""The blocking clients against servers that misbehave; against real ones they are used all over the other tests."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import trustme

from servers import EndpointError, connect

INPUTS = {"x": np.zeros(1, np.float32)}


@contextmanager
def answering(answer: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that answers each connection with these bytes and closes it; with None it never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            held = []
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    break
                try:
                    connection = tls.wrap_socket(connection, server_side=True) if tls else connection
                except OSError:  # the client does not trust us
                    connection.close()
                    continue
                _read_request(connection)
                if answer is None:
                    held.append(connection)
                    continue
                connection.sendall(answer)
                connection.close()
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def _read_request(connection: socket.socket) -> None:
    """All of it: a connection closed with bytes unread is reset, and the answer lost."""
    with connection.makefile("rb") as file:
        size = 0
        while line := file.readline().strip().lower():
            if line.startswith(b"content-length:"):
                size = int(line.split(b":")[1])
            elif line == b"pri * http/2.0":
                return
        file.read(size)


def _http(body: str, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


@pytest.mark.parametrize(
    "url", ["", "localhost:80", "ftp://a:1", "http://a", "grpc://:1", "http://a:x", "http://a:1/v2"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(EndpointError, match="expected http://HOST:PORT or grpc://HOST:PORT"):
        connect(url, timeout_s=1)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_where_nothing_listens_nothing_is_live(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with connect(f"{scheme}://127.0.0.1:{port}", timeout_s=5) as client:
        assert not client.live()
        assert not client.ready("m")
        with pytest.raises(EndpointError, match=r"cannot connect.*refused") as refused:
            client.metadata("m")
        assert "\n" not in str(refused.value)
        with pytest.raises(EndpointError, match="cannot connect"):
            client.infer("m", INPUTS)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_does_not_answer_is_told_from_one_that_is_not_there(scheme: str) -> None:
    with answering(None) as port, connect(f"{scheme}://127.0.0.1:{port}", timeout_s=0.3) as client:
        with pytest.raises(EndpointError, match=r"no answer within 0\.3 s"):
            client.metadata("m")
        assert not client.live()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (_http('{"error": "no such\\nmodel"}', "404 Not Found"), "HTTP 404: no such model"),
        (_http("<html>down</html>", "502 Bad Gateway"), "HTTP 502: <html>down</html>"),
        (_http("", "503 Service Unavailable"), "HTTP 503: Service Unavailable"),
        (_http("", "302 Found", "Location: http://elsewhere/\r\n"), "HTTP 302"),
        (_http("{}"), "'inputs' must be a list"),
        (_http("hello"), "not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "the connection was lost"),
        (b"", "the connection was lost"),
        (b"SSH-2.0-OpenSSH_9\r\n", "connection was lost"),
    ],
)
def test_a_bad_answer_is_one_line(answer: bytes, line: str) -> None:
    with answering(answer) as port, connect(f"http://127.0.0.1:{port}", timeout_s=5) as client:
        with pytest.raises(EndpointError, match=line) as bad:
            client.metadata("m")
        assert "\n" not in str(bad.value)


def test_a_server_without_the_binary_extension_is_asked_in_json() -> None:
    answer = '{"model_name": "m", "outputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [5]}]}'
    with answering(_http(answer)) as port, connect(f"http://127.0.0.1:{port}", timeout_s=5) as client:
        assert client.infer("m", INPUTS)["y"].tolist() == [5]


def test_an_answer_that_breaks_the_protocol_is_one_line() -> None:
    answer = '{"outputs": [{"name": "y", "datatype": "INT64", "shape": [2], "data": [5]}]}'
    with (
        answering(_http(answer)) as port,
        connect(f"http://127.0.0.1:{port}", timeout_s=5) as client,
        pytest.raises(EndpointError, match="answer of 'm': tensor 'y'"),
    ):
        client.infer("m", INPUTS)


def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    with answering(_http("")) as port, connect(f"http://127.0.0.1:{port}", timeout_s=5) as client:
        assert client.live()


def test_a_server_with_tls_is_trusted_by_its_authority_only(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(_http(""), context) as port:
        url = f"https://127.0.0.1:{port}"
        with connect(url, timeout_s=5, ca_file=tmp_path / "ca.pem") as client:
            assert client.live()
        with connect(url, timeout_s=5) as client:
            assert not client.live()
            with pytest.raises(EndpointError, match="certificate") as caught:
                client.metadata("m")
            assert "\n" not in str(caught.value)


def test_headers_go_with_every_call() -> None:
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                seen.append(connection.recv(10_000))
                connection.sendall(_http(""))

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with connect(url, timeout_s=5, headers={"Authorization": "Bearer abc"}) as client:
            assert client.live()
        thread.join()
    assert b"authorization: Bearer abc\r\n" in seen[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "grpc://127.0.0.1:1"])
@pytest.mark.parametrize("timeout_s", [float("nan"), float("inf"), 0.0, -1.0, 1e12])
def test_what_is_no_timeout_is_one_line(url: str, timeout_s: float) -> None:
    with pytest.raises(EndpointError, match=r"timeout of .* s: expected seconds above 0"):
        connect(url, timeout_s=timeout_s)
