"""Starting a deployment's server and waiting until it really answers."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from servers.address import check_free, free_ports, is_free
from servers.deployment import Deployment
from servers.endpoint import Endpoint
from servers.errors import ProcessError, ServerError
from servers.process import SupervisedProcess
from servers.protocols.client import connect
from servers.running import RunningServer
from servers.stack import Stack
from servers.stacks import STACKS

_POLL_S: Final = 0.003
_ANSWER_S: Final = 1.0
_ATTEMPTS: Final = 5
_TAIL_BYTES: Final = 65536
_TELLING: Final = re.compile(r"error|exception|fail|cannot|unable", re.IGNORECASE)


def start(
    deployment: Deployment,
    *,
    folder: Path,
    host: str = "127.0.0.1",
    ports: Mapping[str, int] | None = None,
    timeout_s: float = 120.0,
    nice: int | None = None,
    before_exec: Callable[[], None] | None = None,
) -> RunningServer:
    """Start the deployment's server and wait until its model is ready.

    Args:
        deployment: what is served, and by what.
        folder: the server's own folder, made if need be; its output is ``folder/server.log``.
        host: address to bind.
        ports: port numbers by what the stack needs them for; free ones are picked for the others.
        timeout_s: how long to wait.
        nice: as in ``SupervisedProcess.start``.
        before_exec: called when all is prepared in ``folder`` and the server's process is about to be started.

    Raises:
        UnknownName: there is no such stack.
        ServerError: the stack cannot run here, a port cannot be bound, or the server ended or did not get ready in
            time. Nothing is left running.
    """
    stack = STACKS.get(deployment.stack)
    if lacking := stack.missing():
        raise ServerError(lacking)
    given = dict(ports or {})
    if unknown := given.keys() - set(stack.ports):
        raise ServerError(f"{stack.name} has no port {min(unknown)!r}: it has {', '.join(stack.ports)}")
    for use, port in given.items():
        check_free(host, port, use)
    folder = folder.resolve()  # the server runs in it
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(_ATTEMPTS):
        picked = free_ports(host, [use for use in stack.ports if use not in given])
        try:
            return _attempt(stack, deployment, folder, host, given | picked, timeout_s, nice, before_exec)
        except _Ended as error:
            failure = error
            # Another process may have taken a port between our look and the server's bind: then try others.
            if all(is_free(host, port) for port in picked.values()):
                break
    raise failure


class _Ended(ServerError):
    """The server's process ended before it was ready."""


def _attempt(
    stack: Stack,
    deployment: Deployment,
    folder: Path,
    host: str,
    ports: Mapping[str, int],
    timeout_s: float,
    nice: int | None,
    before_exec: Callable[[], None] | None,
) -> RunningServer:
    deadline = time.monotonic() + timeout_s
    launch = stack.launch(deployment, host=host, ports=ports, folder=folder)
    answers, asked = launch.endpoints.answers, launch.endpoints.ready
    # Loads the client's library, which must not count as part of the server's start.
    connect(asked.url, protocol=asked.protocol, timeout_s=_ANSWER_S).close()
    log = folder / "server.log"
    if before_exec is not None:
        before_exec()
    try:
        process = SupervisedProcess.start(
            launch.argv,
            log=log,
            env=launch.env,
            cwd=folder,
            cores=deployment.cores,
            nice=nice,
            leftovers=launch.leftovers,
        )
    except ProcessError as error:
        raise ServerError(str(error)) from error
    try:
        listening_ns = _await(lambda: _accepts(answers), process, deadline)
        if asked.url != answers.url:
            _await(lambda: _accepts(asked), process, deadline)
        # Connected only now: a gRPC channel that was refused once waits long before it tries again.
        with connect(asked.url, protocol=asked.protocol, timeout_s=_ANSWER_S) as client:
            ready_ns = _await(lambda: client.ready(asked.model), process, deadline)
    except BaseException as error:
        code = process.poll()
        process.stop(launch.grace_s)
        name, words = f"the {stack.name} server of {deployment.artifact.ref}", _last_words(log, launch.failure)
        if isinstance(error, ChildProcessError):
            raise _Ended(f"{name} ended with {_exit(code)} before it was ready{words}") from None
        if isinstance(error, TimeoutError):
            raise ServerError(f"{name} was not ready within {timeout_s:g} s{words}") from None
        raise
    return RunningServer(launch, ports, process, process.started_ns, listening_ns, ready_ns, log)


def _await(condition: Callable[[], bool], process: SupervisedProcess, deadline: float) -> int:
    """When the condition was first seen to hold: CLOCK_MONOTONIC in ns."""
    while not condition():
        if process.poll() is not None:
            raise ChildProcessError
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_POLL_S)
    return time.monotonic_ns()


def _accepts(endpoint: Endpoint) -> bool:
    parts = urlsplit(endpoint.url)
    try:
        with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _last_words(log: Path, failure: str | None) -> str:
    """What the log says of the failure: by its pattern, or in the last line that tells why, or else in the last one.

    And where the log is.
    """
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    found = [match[1] for line in lines if (match := re.search(failure, line))] if failure else []
    telling = found or [line for line in lines if _TELLING.search(line)] or lines or ["it said nothing"]
    return f": {telling[-1][:300]} (log: {log})"
