"""What can go wrong between a deployment and its endpoint, and on the wire."""

from __future__ import annotations

from models import TailbedError


class ProcessError(TailbedError):
    """A command that cannot be started."""


class ServerError(TailbedError):
    """A server that cannot serve what it is asked to, or that did not get ready."""


class EndpointError(TailbedError):
    """An endpoint that does not answer, or answers with an error."""


class MessageError(TailbedError, ValueError):
    """A message that is not what its protocol says: malformed, truncated or inconsistent."""


def one_line(said: object) -> str:
    """What another program said, as part of a line: without line breaks, and no longer than 300 characters."""
    return " ".join(str(said).split())[:300]
