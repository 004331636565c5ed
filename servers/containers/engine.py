"""The container engine beside us, where its socket is given: the containers of our own Compose project."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from servers.errors import ServerError, one_line

SOCKET: Final = "/var/run/docker.sock"
_LABEL: Final = "com.docker.compose"
_GRACE_S: Final = 10
"""Between SIGTERM and SIGKILL, where a container has no time of its own: the engine's."""


class EngineError(ServerError):
    """The engine cannot be used, or cannot do what it was asked to."""


@dataclass(frozen=True)
class Image:
    """What a container is made of.

    Attributes:
        name: as the container names it, such as ``tensorflow/serving:2.19.1``.
        id: digest of the image as the engine has it.
        digests: ``NAME@sha256:...`` of each registry that it is known to come from; none of one that was built here.
        size_bytes: its layers', unpacked.
        engine: the engine's version.
    """

    name: str
    id: str
    digests: tuple[str, ...]
    size_bytes: int
    engine: str


@dataclass(frozen=True)
class State:
    """Whether a container runs, and with which code it ended if it does not."""

    running: bool
    exit_code: int


@dataclass(frozen=True)
class Usage:
    """What a container takes.

    Attributes:
        cpu_ns: CPU time since its start.
        memory_bytes: in use, without cached files that are not.
        threads: tasks of the kernel; None where they are not counted.
    """

    cpu_ns: int
    memory_bytes: int
    threads: int | None


class ServiceContainer:
    """One container of a service. Every method raises ``EngineError`` where the engine does not do it."""

    def __init__(self, container: Any, engine: str) -> None:
        """``container`` is the docker library's, inspected; ``engine`` the engine's version."""
        self._container = container
        self._engine = engine
        self.name = str(container.name)
        attributes = container.attrs
        self.command: tuple[str, ...] = (attributes["Path"], *attributes["Args"])
        self.grace_s: int = attributes["Config"].get("StopTimeout") or _GRACE_S
        """Its own, between SIGTERM and SIGKILL."""
        self.cpuset: str = attributes["HostConfig"]["CpusetCpus"]
        """The cores that it may use, such as ``0-3``; empty for all."""
        self.restart: Mapping[str, Any] = attributes["HostConfig"]["RestartPolicy"]

    def state(self) -> State:
        """Asks the engine."""
        with _asked():
            self._container.reload()
        state = self._container.attrs["State"]
        return State(bool(state["Running"]), int(state["ExitCode"]))

    def start(self) -> None:
        """Start it; it may run already."""
        with _asked():
            self._container.start()

    def stop(self, grace_s: float) -> None:
        """Stop it, by force after ``grace_s`` seconds; it may have ended already."""
        with _asked():
            self._container.stop(timeout=round(grace_s))

    def update(self, *, cpuset: str | None = None, restart: Mapping[str, Any] | None = None) -> None:
        """Change the cores that it may use, or when the engine restarts it."""
        changed = {"cpuset_cpus": cpuset, "restart_policy": restart}
        with _asked():
            told = self._container.update(**{name: value for name, value in changed.items() if value is not None})
        if warnings := told.get("Warnings"):
            raise EngineError(one_line(warnings[0]))

    def write_log(self, path: Path, since_s: float) -> None:
        """Write what it said since a time, in seconds since the epoch, to ``path``."""
        with path.open("wb") as file, _asked():
            file.writelines(self._container.logs(stream=True, follow=False, since=since_s))

    def usage(self) -> Usage | None:
        """What it has taken so far; None where it does not run."""
        with _asked():
            stats = self._container.stats(stream=False, one_shot=True)
        memory = stats.get("memory_stats", {})
        if "usage" not in memory:
            return None
        cached = memory.get("stats", {})
        inactive = cached.get("total_inactive_file", cached.get("inactive_file", 0))  # cgroups v1, v2
        threads = stats.get("pids_stats", {}).get("current")
        return Usage(stats["cpu_stats"]["cpu_usage"]["total_usage"], memory["usage"] - inactive, threads)

    def image(self) -> Image:
        """What it is made of."""
        attributes = self._container.attrs
        with _asked():
            found = self._container.client.images.get(attributes["Image"]).attrs
        digests = tuple(found.get("RepoDigests") or ())
        return Image(attributes["Config"]["Image"], attributes["Image"], digests, found["Size"], self._engine)


class Engine:
    """A container engine, and the Compose project in it that this process's own container belongs to."""

    def __init__(self, client: Any, project: str) -> None:
        """``client`` is the docker library's."""
        self._client = client
        self.project = project
        with _asked():
            self.version = str(client.version()["Version"])

    @classmethod
    def find(cls) -> Self:
        """The engine at ``$DOCKER_HOST`` or at its usual socket.

        Raises:
            EngineError: there is none, it may not be used, or this process runs in no Compose project of it.
        """
        where = os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}"
        path = where.removeprefix("unix://")
        if path != where and not Path(path).exists():
            raise EngineError(f"no engine's socket at {path}")
        if path != where and not os.access(path, os.R_OK | os.W_OK):
            raise EngineError(f"this user may not use the engine's socket at {path}")
        try:
            import docker
        except ModuleNotFoundError:
            raise EngineError("the package docker is not installed: pip install 'tailbed[containers]'") from None
        host = socket.gethostname()
        with _asked():
            client = docker.DockerClient(where)
            try:
                own = client.containers.get(host)  # what a container is called inside, unless it was told otherwise
            except docker.errors.NotFound:
                raise EngineError(f"{host} is no container of the engine at {where}") from None
        project = own.labels.get(f"{_LABEL}.project")
        if project is None:
            raise EngineError(f"the container {own.name} belongs to no Compose project")
        return cls(client, project)

    def containers(self, service: str) -> Sequence[ServiceContainer]:
        """The containers of a service of the project, whether they run or not, in the order of their numbers.

        Raises:
            EngineError: the engine does not tell.
        """
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        with _asked():
            found = self._client.containers.list(
                all=True, filters={"label": [f"{_LABEL}.{name}={value}" for name, value in labels.items()]}
            )
        found.sort(key=lambda each: int(each.labels.get(f"{_LABEL}.container-number", 0)))
        return [ServiceContainer(each, self.version) for each in found]


@contextmanager
def _asked() -> Iterator[None]:
    """What the engine or its library says goes wrong, as one line."""
    # Below the docker library, and loaded with it.
    import requests
    import urllib3
    from docker.errors import DockerException

    try:
        yield
    # The last of an answer that ends in the middle of a stream, which docker reads past requests.
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineError(f"the container engine: {one_line(getattr(error, 'explanation', None) or error)}") from error
