"""What can go wrong with the Open Inference Protocol, on the wire and at the other end."""

from __future__ import annotations

from models import TailbedError


class OipError(TailbedError, ValueError):
    """A message that is not what the protocol says: malformed, truncated or inconsistent."""


class EndpointError(TailbedError):
    """An endpoint that does not answer, or answers with an error."""


def one_line(said: object) -> str:
    """What another program said, as part of a line: without line breaks, and no longer than 300 characters."""
    return " ".join(str(said).split())[:300]
