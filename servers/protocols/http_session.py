"""A blocking HTTP connection to one server, which the clients of the protocols over HTTP are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import urllib3

from servers.errors import EndpointError, one_line
from servers.protocols.closing import Closing
from servers.target import Target

Reason = Callable[[bytes], str | None]
"""Finds the server's own message in the body of an error; None where it is not as the protocol has it."""


class HttpSession(Closing):
    """Neither retries nor proxies nor redirects: what it says is what the server did.

    Attributes:
        url: of the server.
    """

    def __init__(self, target: Target, *, timeout_s: float, reason: Reason) -> None:
        bracketed = f"[{target.host}]" if ":" in target.host else target.host
        self.url = target.url
        self._headers = target.headers
        self._timeout_s = timeout_s
        self._reason = reason
        timeout = urllib3.Timeout(total=timeout_s)
        if context := target.ssl_context():
            self._pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                bracketed, target.port, timeout=timeout, retries=False, maxsize=1, ssl_context=context
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(bracketed, target.port, timeout=timeout, retries=False, maxsize=1)

    def is_ok(self, path: str) -> bool:
        """Whether ``GET path`` is answered with 200."""
        try:
            return self.send("GET", path).status == 200
        except EndpointError:
            return False

    def ask(self, method: str, path: str, **content: Any) -> urllib3.BaseHTTPResponse:
        """The response with status 200 to a request; ``content`` is its ``body`` and ``headers``.

        Raises:
            EndpointError: no answer, or another status.
        """
        return self.checked(path, self.send(method, path, **content))

    def checked(self, path: str, response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        """The response, if its status is 200.

        Raises:
            EndpointError: it is not, with the server's own message.
        """
        if response.status != 200:
            said = self._reason(response.data) or response.data[:1000].decode(errors="replace")
            raise EndpointError(f"{self.url}{path}: HTTP {response.status}: {one_line(said) or response.reason}")
        return response

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> urllib3.BaseHTTPResponse:
        """The response to a request, whatever its status.

        Raises:
            EndpointError: no answer.
        """
        try:
            return self._pool.urlopen(
                method, path, redirect=False, headers={**self._headers, **(headers or {})}, **content
            )
        except urllib3.exceptions.NewConnectionError as error:
            cause = error.__cause__ or error
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
            raise EndpointError(f"{self.url}: cannot connect: {reason}") from error
        except urllib3.exceptions.TimeoutError as error:
            raise EndpointError(f"{self.url}{path}: no answer within {self._timeout_s:g} s") from error
        except urllib3.exceptions.ProtocolError as error:
            raise EndpointError(f"{self.url}{path}: the connection was lost: {one_line(error.args[-1])}") from error
        except urllib3.exceptions.HTTPError as error:
            raise EndpointError(f"{self.url}{path}: {one_line(error)}") from error

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
