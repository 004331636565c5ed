"""Services as docker compose has them, without containers: each has a loopback address for a host name."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from exporters import ANSWERS, Artifact
from servers import STACKS, Deployment, Settings, connect
from servers.containers import CONTAINERS, Service, services_folder, write_service


@contextmanager
def service(
    name: str, kind: str, artifact: Artifact, folder: Path, *, expected: Artifact | None = None
) -> Iterator[None]:
    """Serve an artifact at the address ``name`` and the fixed ports of the kind's container, as in compose's network.

    Args:
        name: one of 127.0.0.0/8, which none but this test uses.
        folder: for the server's own files.
        expected: the artifact that the service is said to serve, if not the one that it does.
    """
    stack = STACKS.get(CONTAINERS.get(kind).stacks[0])
    folder.mkdir()
    deployment = Deployment(artifact, stack.name)
    launch = stack.launch(deployment, host=name, ports=CONTAINERS.get(kind).ports, folder=folder)
    with subprocess.Popen(launch.argv, env=os.environ | launch.env, stdout=subprocess.DEVNULL) as server:
        try:
            at = launch.endpoints.ready
            with connect(at.url, protocol=at.protocol, timeout_s=5) as client:
                while not client.ready(at.model):
                    assert server.poll() is None
                    time.sleep(0.1)
            list_service(name, kind, expected or artifact)
            yield
        finally:
            shutil.rmtree(services_folder() / name, ignore_errors=True)
            server.terminate()


def list_service(name: str, kind: str, artifact: Artifact) -> None:
    """Have Locust find the service."""
    (services_folder() / name).mkdir(parents=True)
    write_service(
        Service(
            name=name,
            kind=kind,
            model=artifact.manifest.model,
            artifact=artifact.folder,
            settings=Settings(),
            runtime="onnxruntime",
        )
    )


def with_other_answers(artifact: Artifact, folder: Path) -> Artifact:
    """The same artifact, but that it is said to answer differently."""
    shutil.copytree(artifact.folder, folder)
    with np.load(artifact.folder / ANSWERS) as stored:
        arrays = {name: array + 1 if name.startswith("outputs/") else array for name, array in stored.items()}
    np.savez(folder / ANSWERS, **arrays)
    return Artifact.read(folder)
