"""Endpoints from their URLs, headers and certificates."""

from pathlib import Path

import pytest
import trustme

from servers import EndpointError
from servers.target import parse_target


@pytest.mark.parametrize(
    ("url", "scheme", "tls", "authority"),
    [
        ("http://localhost:80", "http", False, "localhost:80"),
        ("https://a.example:443/", "http", True, "a.example:443"),
        ("grpc://[::1]:8001", "grpc", False, "[::1]:8001"),
        ("grpcs://10.0.0.1:1", "grpc", True, "10.0.0.1:1"),
    ],
)
def test_a_url_is_read(url: str, scheme: str, tls: bool, authority: str) -> None:
    target = parse_target(url)
    assert (target.scheme, target.tls, target.authority) == (scheme, tls, authority)
    assert target.url == url.rstrip("/")
    context = target.ssl_context()
    assert (context is not None) == tls


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:80", "ftp://a:1", "http://a", "grpc://:1", "http://a:x", "http://a:99999", "http://a:1/v2",
        "http://[::1:80", "http://a:1?x=y", "http://user:word@a:1", "httpss://a:1", "http://ü..x:80",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_one_line(url: str) -> None:
    with pytest.raises(EndpointError, match="expected http://HOST:PORT or grpc://HOST:PORT"):
        parse_target(url)


def test_names_of_headers_are_lowered_and_values_stay_out_of_sight() -> None:
    target = parse_target("http://a:1", headers={"Authorization": "Bearer abc", "X-Empty": ""})
    assert target.headers == {"authorization": "Bearer abc", "x-empty": ""}
    assert "abc" not in repr(target)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"), ("a b", "x"), (":path", "/"), ("Host", "a"), ("te", "x"), ("content-length", "1"),
        ("grpc-timeout", "1S"), ("x", "secret\r\nx: y"), ("x", " secret"), ("x", "secret\u00e9"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_sent_is_one_line_without_its_value(name: str, value: str) -> None:
    with pytest.raises(EndpointError, match="header") as caught:
        parse_target("http://a:1", headers={name: value})
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_certificates_are_read_or_it_is_said_why_not(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    with pytest.raises(EndpointError, match=r"ca\.pem: cannot read certificates"):
        parse_target("https://a:1", ca_file=path).ssl_context()
    path.write_text("hello")
    with pytest.raises(EndpointError, match=r"ca\.pem: not certificates in PEM"):
        parse_target("https://a:1", ca_file=path).ssl_context()
    trustme.CA().cert_pem.write_to_path(str(path))
    context = parse_target("grpcs://a:1", ca_file=path).ssl_context()
    assert context is not None
    assert len(context.get_ca_certs()) == 1  # and none of the system's
