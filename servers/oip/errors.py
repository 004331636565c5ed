"""What can go wrong with the Open Inference Protocol on the wire."""

from __future__ import annotations

from servers.errors import MessageError


class OipError(MessageError):
    """A message that is not what the protocol says: malformed, truncated or inconsistent."""
