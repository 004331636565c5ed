"""What can go wrong with a load, in one line each."""

from __future__ import annotations

from models import TailbedError


class LoadError(TailbedError):
    """A load that cannot be offered as asked: a bad plan, pool or target, or nothing measured."""
