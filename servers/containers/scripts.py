"""The two scripts by which any image runs a server as it was prepared: one becomes it, one tells whether it is ready.

What a server is told depends on its settings, partly on the command line and partly in variables that libraries read
when they are loaded; so both lie beside the files that they name, and images and their entry points need not know them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

START: Final = "start"
"""The script that becomes the server: ``sh start``."""
READY: Final = "ready"
"""The script that ends with 0 when the model can be asked: ``bash ready``. It costs a few milliseconds of one core,
and needs nothing but bash, grep and timeout, which every image has."""
EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  # a container's own, which others reach through its network only
"""What a server in a container is bound to."""

_PATIENCE_S: Final = 1
ANSWERED: Final = "^HTTP/1.1 200"
"""The line of an answer that says that it is one."""


def write_start(folder: Path, argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Write ``folder/start``.

    Args:
        folder: the server's.
        argv: its command line.
        env: variables added to its environment.

    Returns:
        The script's text, for the record.
    """
    exports = (f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    text = "".join(exports) + f"exec {' '.join(map(shlex.quote, argv))}\n"
    (folder / START).write_text(text, encoding="utf-8")
    return text


def write_ready(folder: Path, *, port: int, path: str, line: str = ANSWERED, lines: int = 1) -> None:
    """Write ``folder/ready``, which asks ``http://127.0.0.1:PORT/PATH``.

    Args:
        folder: the server's.
        port: its port in the container.
        path: what is asked for, as it is in a URL.
        line: a pattern as of ``grep -E`` that lines of a ready server's answer match.
        lines: how many of them must, within a second.
    """
    head = (f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", "")
    (folder / READY).write_text(
        f"exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1\n"
        f"printf '%s\\r\\n' {' '.join(map(shlex.quote, head))} >&3\n"
        # Not every server closes the connection where it is asked to.
        f'[ "$(timeout {_PATIENCE_S} grep -E -c -m {lines} -e {shlex.quote(line)} <&3)" = {lines} ]\n'
    )
