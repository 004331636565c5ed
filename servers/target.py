"""Where an endpoint is and how it is reached: its URL, what to send along, and whom to trust."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from servers.address import authority
from servers.errors import EndpointError

SCHEMES: Final[Mapping[str, tuple[Literal["http", "grpc"], bool]]] = {
    "http": ("http", False),
    "https": ("http", True),
    "grpc": ("grpc", False),
    "grpcs": ("grpc", True),
}
"""Of URLs: which one it is without TLS, and whether it is with it."""

_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?|")
_OURS: Final = frozenset(("connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"))
"""Headers that make a request what it is."""


@dataclass(frozen=True)
class Target:
    """An endpoint.

    Attributes:
        scheme: of its URL, without the s that says TLS.
        tls: whether it is encrypted.
        headers: sent with every request; over gRPC, its metadata. Names are in lower case. They may hold secrets.
        ca_file: certificates (PEM) to trust instead of the system's.
    """

    scheme: Literal["http", "grpc"]
    tls: bool
    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None

    @property
    def authority(self) -> str:
        """``HOST:PORT``, with brackets around an IPv6 address."""
        return authority(self.host, self.port)

    @property
    def url(self) -> str:
        """As it was given."""
        return f"{self.scheme}{'s' if self.tls else ''}://{self.authority}"

    def ca_certificates(self) -> bytes | None:
        """What ``ca_file`` holds.

        Raises:
            EndpointError: it cannot be read.
        """
        if self.ca_file is None:
            return None
        try:
            return self.ca_file.read_bytes()
        except OSError as error:
            raise EndpointError(f"{self.ca_file}: cannot read certificates: {error.strerror}") from error

    def ssl_context(self) -> ssl.SSLContext | None:
        """For connections to it; None without TLS.

        Raises:
            EndpointError: ``ca_file`` holds no certificates.
        """
        if not self.tls:
            return None
        context = ssl.create_default_context()
        if (certificates := self.ca_certificates()) is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(cadata=certificates.decode("ascii"))
            except (ssl.SSLError, UnicodeDecodeError) as error:
                raise EndpointError(f"{self.ca_file}: not certificates in PEM") from error
        context.set_alpn_protocols(["h2"] if self.scheme == "grpc" else ["http/1.1"])
        return context


def parse_target(url: str, *, headers: Mapping[str, str] | None = None, ca_file: Path | None = None) -> Target:
    """The endpoint at ``SCHEME://HOST:PORT``, with one of ``SCHEMES``.

    Raises:
        EndpointError: the URL is not that, or a header cannot be sent.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
        rest = parts.path.rstrip("/") + parts.query + parts.fragment
        (host or "").encode("idna")
    except ValueError:  # a port that is no number, brackets that do not match, a name that has no form in ASCII
        scheme, host, port, rest = "", None, None, ""
    if scheme not in SCHEMES or not host or not port or rest or parts.username is not None:
        raise EndpointError(
            f"{url}: not an endpoint: expected http://HOST:PORT or grpc://HOST:PORT (https or grpcs with TLS)"
        )
    plain, tls = SCHEMES[scheme]
    return Target(plain, tls, host, port, _checked(headers or {}), ca_file)


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in headers.items():
        lower = name.lower()
        if not _NAME.fullmatch(lower) or lower in _OURS or lower.startswith("grpc-"):
            raise EndpointError(f"header {name!r}: not a name that can be given")
        # The value itself stays out of the message: it may be a secret.
        if not _VALUE.fullmatch(value):
            raise EndpointError(f"header {name!r}: its value must be printable ASCII without spaces around it")
        found[lower] = value
    return found
