"""What a running experiment shows: a screen that is redrawn where there is a terminal, else a line a run."""

from __future__ import annotations

from tailbed.cli.live.view import LiveView

__all__ = ["LiveView"]
