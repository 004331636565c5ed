"""Running a load balancer before some replicas."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from servers import SupervisedProcess
from servers.address import authority, free_ports
from servers.errors import ProcessError
from tailbed.planning.balancers.program import BalancerError, Front, Program, Scheme, required
from tailbed.results.decisions.plan import Balancer

HOST: Final = "127.0.0.1"
_START_S: Final = 10.0
_POLL_S: Final = 0.01


@contextmanager
def balance(
    program: Program,
    balancer: Balancer,
    urls: Sequence[str],
    folder: Path,
    *,
    cores: tuple[int, ...] | None = None,
    nice: int | None = None,
) -> Iterator[str]:
    """Run the program before the replicas at ``urls`` and give its own URL; it ends with the block, or with tailbed.

    Args:
        program: which one.
        balancer: how it chooses.
        urls: of the replicas, all ``http://HOST:PORT`` or all ``grpc://HOST:PORT``.
        folder: for its configuration and its log.
        cores: that it may run on; all by default.
        nice: as in ``SupervisedProcess.start``.

    Raises:
        BalancerError: it is not installed, or does not start.
    """
    found = required(program)
    folder = folder.resolve()  # it is not sought from where we are
    folder.mkdir(parents=True, exist_ok=True)
    scheme = cast(Scheme, urlsplit(urls[0]).scheme)
    port = free_ports(HOST, ["requests"])["requests"]
    front = Front(scheme, balancer, authority(HOST, port), [urlsplit(url).netloc for url in urls], folder)
    file = folder / f"{program.command}.conf"
    file.write_text(program.configuration(front), encoding="utf-8")
    log = folder / f"{program.command}.log"
    try:
        process = SupervisedProcess.start(program.argv(found, file), log=log, cores=cores, nice=nice)
    except ProcessError as error:
        raise BalancerError(f"{program.name}: {error}") from error
    with process:
        _await(program, process, port)
        yield f"{scheme}://{front.listen}"


def _await(program: Program, process: SupervisedProcess, port: int) -> None:
    """Wait until its port is open."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(_POLL_S)
    what = f"was not ready within {_START_S:g} s" if process.poll() is None else f"ended with code {process.poll()}"
    lines = [line.strip() for line in process.log.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = next(filter(None, reversed(lines)), "it said nothing")
    raise BalancerError(f"{program.name} {what}: {said[:300]} (log: {process.log})")
