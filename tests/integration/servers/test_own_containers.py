"""What our own servers in containers are given, run on this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from servers import STACKS, Deployment, Settings, connect
from servers.address import free_ports
from servers.containers import CONTAINERS
from servers.containers.scripts import READY, START
from servers.inference import in_container
from servers.process import SupervisedProcess
from tests.conftest import Exported


@pytest.mark.parametrize("kind", ["fastapi", "grpc"])
def test_it_starts_becomes_ready_answers_and_ends(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    container, artifact = CONTAINERS.get(kind), digits["onnx"]
    ports = free_ports("127.0.0.1", list(container.ports))
    monkeypatch.setattr(container, "ports", ports)
    monkeypatch.setattr(in_container, "EVERY_ADDRESS", "127.0.0.1")
    container.prepare(Deployment(artifact, kind, Settings(threads=2)), tmp_path)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    log = tmp_path / "server.log"
    assert not _ready(tmp_path)
    with SupervisedProcess.start(("sh", str(tmp_path / START)), log=log, env={"PATH": path}, cwd=tmp_path) as process:
        deadline = time.monotonic() + 60
        while not _ready(tmp_path):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        answers = artifact.answers()
        endpoint = STACKS.get(kind).endpoints("digits", host="127.0.0.1", ports=ports).answers
        with connect(endpoint.url, protocol=endpoint.protocol, timeout_s=10) as client:
            assert client.ready("digits")
            assert client.config("digits")["intra_op_threads"] == "2"
            found = client.infer("digits", answers.request(3))["scores"]
        tolerance = artifact.manifest.answer_tolerance["scores"]
        np.testing.assert_allclose(found, answers.answer(3)["scores"], rtol=0, atol=tolerance)
        assert process.stop(5) == 0
    assert not _ready(tmp_path)


def _ready(folder: Path) -> bool:
    return subprocess.run(["bash", folder / READY], capture_output=True, timeout=10).returncode == 0
