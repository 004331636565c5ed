"""What can go wrong with TensorFlow Serving's API on the wire."""

from __future__ import annotations

from servers.errors import MessageError


class TfServingError(MessageError):
    """A message that is not what the API says: malformed, inconsistent, or asking for what there is not."""
