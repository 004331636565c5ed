"""TensorFlow Serving in a container, whose image has its program on PATH."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from servers.containers import Container, Prepared
from servers.containers.scripts import START, write_ready, write_start
from servers.deployment import Deployment
from servers.stacks import STACKS
from servers.tfserving.binary import BINARY
from servers.tfserving.configuration import check, files, options


class _TfServing:
    stacks: tuple[str, ...] = ("tfserving-rest", "tfserving-grpc")
    ports: Mapping[str, int] = {"grpc": 8500, "http": 8501}

    def prepare(self, deployment: Deployment, folder: Path) -> Prepared:
        """See ``Container``."""
        stack, manifest, settings = self.stacks[0], deployment.artifact.manifest, deployment.settings
        check(stack, deployment, devices=("cpu", "cuda"))
        from servers.tfserving.folder import write_model  # brings protobuf

        base = folder / "models" / manifest.model
        write_model(deployment.artifact, base, max_batch=settings.max_batch)
        written = files(settings)
        for name, text in written.items():
            (folder / name).write_text(text)
        told = options(deployment, ports=self.ports, base=base, folder=folder)
        env = {} if settings.device == "cuda" else {"CUDA_VISIBLE_DEVICES": "-1"}
        start = write_start(folder, (BINARY, *told), env)
        write_ready(
            folder, port=self.ports["http"], path=f"/v1/models/{quote(manifest.model)}", line='"state": ?"AVAILABLE"'
        )
        computes = STACKS.get(stack).serves(manifest.format)
        assert computes is not None  # its format was checked
        return Prepared(computes, {**written, START: start})


CONTAINER: Container = _TfServing()
