"""Starting a deployment's server and waiting until it really answers."""

from __future__ import annotations

import glob
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from servers.address import check_free, free_ports, is_free
from servers.containers.engine import Engine
from servers.containers.start import start_service
from servers.deployment import Deployment
from servers.errors import ProcessError, ServerError
from servers.process import SupervisedProcess
from servers.readiness import Ended, NotReady, await_ready, load_client, why_not_ready
from servers.running import RunningServer
from servers.stack import Stack
from servers.stacks import STACKS

_ATTEMPTS: Final = 5


def start(
    deployment: Deployment,
    *,
    folder: Path,
    host: str = "127.0.0.1",
    ports: Mapping[str, int] | None = None,
    timeout_s: float = 120.0,
    nice: int | None = None,
    before_exec: Callable[[], None] | None = None,
    temporary: bool = False,
    engine: Engine | None = None,
) -> RunningServer:
    """Start the deployment's server and wait until its model is ready.

    Args:
        deployment: what is served, and by what. A service's host, ports and niceness are its own.
        folder: the server's own folder, made if need be; its output is ``folder/server.log``.
        host: address to bind.
        ports: port numbers by what the stack needs them for; free ones are picked for the others.
        timeout_s: how long to wait.
        nice: as in ``SupervisedProcess.start``.
        before_exec: called when all is prepared in ``folder`` and the server's process is about to be started.
        temporary: whether ``folder`` is to be removed if this process is killed while the server runs.
        engine: what starts a service's container; a service that already runs is taken as it is without one.

    Raises:
        UnknownName: there is no such stack.
        ServerError: the stack cannot run here, a port cannot be bound, or the server ended or did not get ready in
            time. Nothing is left running.
    """
    if deployment.service is not None:
        return start_service(deployment, engine, folder=folder, timeout_s=timeout_s, before_exec=before_exec)
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
            return _attempt(stack, deployment, folder, host, given | picked, timeout_s, nice, before_exec, temporary)
        except Ended as error:
            failure = error
            # Another process may have taken a port between our look and the server's bind: then try others.
            if all(is_free(host, port) for port in picked.values()):
                break
    raise failure


def _attempt(
    stack: Stack,
    deployment: Deployment,
    folder: Path,
    host: str,
    ports: Mapping[str, int],
    timeout_s: float,
    nice: int | None,
    before_exec: Callable[[], None] | None,
    temporary: bool,
) -> RunningServer:
    deadline = time.monotonic() + timeout_s
    launch = stack.launch(deployment, host=host, ports=ports, folder=folder)
    load_client(launch.endpoints)
    log = folder / "server.log"
    if before_exec is not None:
        before_exec()
    scratch = () if launch.scratch is None else (launch.scratch,)
    for made in scratch:
        made.mkdir(mode=0o700)
    try:
        process = SupervisedProcess.start(
            launch.argv,
            log=log,
            env=launch.env,
            cwd=folder,
            cores=deployment.cores,
            nice=nice,
            leftovers=(*launch.leftovers, *(glob.escape(str(made)) for made in scratch)),
            abandoned=(glob.escape(str(folder)),) if temporary else (),
        )
    except BaseException as error:
        for made in scratch:
            shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, ProcessError):
            raise ServerError(str(error)) from error
        raise
    try:
        listening_ns, ready_ns = await_ready(launch.endpoints, process, deadline)
    except BaseException as error:
        code = process.poll()
        process.stop(launch.grace_s)
        if isinstance(error, NotReady):
            name = f"the {stack.name} server of {deployment.artifact.ref}"
            raise why_not_ready(name, error, code, timeout_s, log, launch.failure) from None
        raise
    return RunningServer(launch, ports, process, process.started_ns, listening_ns, ready_ns, log)
