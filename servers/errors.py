"""What can go wrong between a deployment and its endpoint."""

from __future__ import annotations

from models import TailbedError


class ProcessError(TailbedError):
    """A command that cannot be started."""


class ServerError(TailbedError):
    """A server that cannot serve what it is asked to, or that did not get ready."""
