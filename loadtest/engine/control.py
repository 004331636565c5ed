"""How the engine talks with whoever started it: commands as JSON lines on stdin, events as JSON lines on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Callable
from typing import Any

Command = dict[str, Any]


def emit(event: str, **facts: object) -> None:
    """Print an event. Nobody listening is no error: what counts is in the records."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps({"event": event, **facts}).encode() + b"\n")


def listen(loop: asyncio.AbstractEventLoop, obey: Callable[[Command], None]) -> None:
    """Call ``obey`` on the loop with each command that comes; the end of stdin is ``{"stop": true}``."""
    threading.Thread(target=_read, args=(loop, obey), daemon=True, name="commands").start()


def _read(loop: asyncio.AbstractEventLoop, obey: Callable[[Command], None]) -> None:
    # A thread that waits in read(), because stdin may be what a loop cannot poll, such as a file.
    pending = b""
    while data := os.read(0, 4096):
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            _pass_on(loop, obey, _parse(line))
    _pass_on(loop, obey, {"stop": True})


def _parse(line: bytes) -> Command:
    try:
        command = json.loads(line)
    except ValueError:
        command = None
    if not isinstance(command, dict):
        emit("error", message=f"not a command: {line[:80].decode('utf-8', 'replace')!r}")
        return {}
    return command


def _pass_on(loop: asyncio.AbstractEventLoop, obey: Callable[[Command], None], command: Command) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
        loop.call_soon_threadsafe(obey, command)
