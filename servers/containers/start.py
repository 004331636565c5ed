"""Starting a service's container and waiting until it really answers, or taking a service as it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from servers.containers.engine import Engine, EngineError
from servers.containers.kinds import CONTAINERS
from servers.containers.process import ContainerProcess, LeftAlone
from servers.containers.service import Service, ServicesError, read_services
from servers.deployment import Deployment
from servers.endpoint import Endpoints
from servers.readiness import NotReady, await_ready, load_client, why_not_ready
from servers.running import RunningServer, ServerProcess
from servers.stack import Launch


def start_service(
    deployment: Deployment,
    engine: Engine | None,
    *,
    folder: Path,
    timeout_s: float,
    before_exec: Callable[[], None] | None = None,
) -> RunningServer:
    """Have a deployment's service answer: by starting its container, or without an engine by waiting for it.

    Where it has several containers the first one is started.

    Args:
        deployment: with a ``service``.
        engine: what starts it; None takes it as it runs, and never stops it.
        folder, timeout_s, before_exec: as in ``servers.start``.

    Raises:
        ServicesError: there is no such service.
        ServerError: it cannot be started, it ended, or it was not ready in time. A container that was started is
            stopped then.
    """
    service = _service(deployment)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    deadline = time.monotonic() + timeout_s
    endpoints = service.endpoints(deployment.stack)
    load_client(endpoints)
    if before_exec is not None:
        before_exec()
    process: ServerProcess
    if engine is None:
        log.write_text(f"it was not started for this: see docker compose logs {service.name}\n", encoding="utf-8")
        launch, started_ns, process = _launch(service, endpoints), None, LeftAlone()
    else:
        found = engine.containers(service.name)
        if not found:
            raise EngineError(f"the service {service.name} has no container: docker compose up -d {service.name}")
        launch = _launch(service, endpoints, found[0].command, found[0].grace_s)
        process = ContainerProcess.start(found[0], log=log)
        started_ns = process.started_ns
    try:
        listening_ns, ready_ns = await_ready(endpoints, process, deadline)
    except NotReady as failed:
        code = process.stop(launch.grace_s)
        name = f"the service {service.name}, asked as {deployment.stack},"
        raise why_not_ready(name, failed, code, timeout_s, log) from None
    except BaseException:
        with suppress(EngineError):  # what came first is what is told
            process.stop(launch.grace_s)
        raise
    ports = CONTAINERS.get(service.kind).ports
    return RunningServer(launch, ports, process, started_ns, listening_ns, ready_ns, log)


def _service(deployment: Deployment) -> Service:
    services = read_services()
    service = services.get(deployment.service or "")
    if service is None:
        raise ServicesError(f"unknown service {deployment.service!r}: there is {', '.join(services) or 'none'}")
    return service


def _launch(service: Service, endpoints: Endpoints, command: tuple[str, ...] = (), grace_s: float = 0.0) -> Launch:
    return Launch(command, endpoints, configuration=service.configuration, grace_s=grace_s)
