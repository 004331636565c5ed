"""Our own servers in containers: the command line of a local server, on every address of the container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from servers.containers import Prepared
from servers.containers.scripts import ANSWERED, EVERY_ADDRESS, START, write_ready, write_start
from servers.deployment import Deployment
from servers.inference.command import check_deployment
from servers.stacks import STACKS


class OwnContainer:
    """One of our servers.

    Args:
        stack: its stack's name, which is its folder's.
        ports: inside the container.
        ready_at: which of them tells over HTTP whether the model is ready.
        ready_path: what is asked for there; ``{model}`` stands for the model's name.
        ready_line: as the ``line`` of ``write_ready``.
    """

    def __init__(
        self, stack: str, ports: Mapping[str, int], *, ready_at: str, ready_path: str, ready_line: str = ANSWERED
    ) -> None:
        self.stacks: tuple[str, ...] = (stack,)
        self.ports = ports
        self._ready_at = ready_at
        self._ready_path = ready_path
        self._ready_line = ready_line

    def prepare(self, deployment: Deployment, folder: Path) -> Prepared:
        """See ``Container``."""
        runtime = check_deployment(deployment)
        launch = STACKS.get(self.stacks[0]).launch(deployment, host=EVERY_ADDRESS, ports=self.ports, folder=folder)
        start = write_start(folder, ("python", *launch.argv[1:]), launch.env)
        path = self._ready_path.format(model=quote(deployment.artifact.manifest.model))
        write_ready(folder, port=self.ports[self._ready_at], path=path, line=self._ready_line)
        return Prepared(runtime.name, {START: start})
