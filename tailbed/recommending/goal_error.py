"""A goal that an experiment cannot be asked for."""

from __future__ import annotations

from models import TailbedError


class GoalError(TailbedError):
    """A load or model that the experiment does not have, or several where one is asked for."""
