"""What a plan says of how its endpoint is reached, with secrets named and never written down."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from loadtest.errors import LoadError
from loadtest.protocols import PROTOCOLS
from servers.target import Target, parse_target

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_SECRET: Final = re.compile(r"auth|cookie|token|secret|password|key", re.IGNORECASE)


def check_header(name: str, value: str) -> None:
    """Check that a header can be written into a plan: one that looks secret must take its value from the environment.

    Raises:
        LoadError: its value would be there for all to read.
    """
    if _SECRET.search(name) and not _VARIABLE.search(value):
        raise LoadError(
            f"header {name!r} looks secret, and plans are kept with the results: "
            "put its value into an environment variable and write ${VARIABLE}"
        )


def parse_headers(texts: Iterable[str], *, bearer_env: str | None = None) -> dict[str, str]:
    """Headers from a command line.

    Args:
        texts: each ``NAME: VALUE``; ``${VARIABLE}`` in a value stands for an environment variable.
        bearer_env: the environment variable that holds a bearer token, if one is wanted.

    Raises:
        LoadError: one has no colon, or looks secret and holds its value.
    """
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise LoadError(f"header {name!r}: expected NAME:VALUE")
        check_header(name, value)
        headers[name.strip().lower()] = value.strip()
    if bearer_env:
        headers["authorization"] = f"Bearer ${{{bearer_env}}}"
    return headers


def resolve_target(url: str, headers: Mapping[str, str], ca_file: Path | None) -> Target:
    """The endpoint, with ``${VARIABLE}`` in the headers' values replaced from this process's environment.

    Raises:
        LoadError: such a variable is not set.
        EndpointError: the URL is none, or a header cannot be sent.
    """
    return parse_target(url, headers={name: _resolve(name, value) for name, value in headers.items()}, ca_file=ca_file)


def check_protocol(name: str, target: Target) -> None:
    """Check that a server at ``target`` can be asked in a protocol.

    Raises:
        UnknownName: there is none of that name.
        LoadError: it is not that of the URL.
    """
    scheme = PROTOCOLS.get(name).scheme
    if scheme != target.scheme:
        raise LoadError(f"{target.url}: {name} is spoken at {scheme}://HOST:PORT or {scheme}s://HOST:PORT")


def _resolve(name: str, value: str) -> str:
    def look_up(found: re.Match[str]) -> str:
        variable = found[1]
        if variable not in os.environ:
            raise LoadError(f"header {name!r}: the environment variable {variable} is not set")
        return os.environ[variable]

    return _VARIABLE.sub(look_up, value)
