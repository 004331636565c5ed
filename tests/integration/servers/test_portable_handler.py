"""What TorchServe in a container is given, in the real TorchServe on this machine: its start script, its files."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import urllib3
import yaml

from exporters import Artifact
from servers import STACKS, Client, Deployment, EndpointError, Settings, connect
from servers.address import free_ports
from servers.containers import CONTAINERS
from servers.containers.scripts import READY, START
from servers.endpoint import Endpoints
from servers.process import SupervisedProcess
from servers.protocols.torchserve_rest.codec import decode, encode
from servers.protocols.torchserve_rest.description import decode_customized
from servers.torchserve import container as module
from servers.torchserve.environment import ENVIRONMENT, java, site_packages
from tests.conftest import Exported
from tests.environments import provide

STACKS_OF_IT = CONTAINERS.get("torchserve").stacks


@pytest.fixture(scope="module", autouse=True)
def installed(home: Path) -> None:
    if shutil.which(java()) is None:
        pytest.skip("there is no Java")
    provide(ENVIRONMENT)


@dataclass(frozen=True)
class Served:
    """A server that was prepared for a container, started beside us."""

    folder: Path
    ports: dict[str, int]
    artifact: Artifact
    process: SupervisedProcess

    @property
    def ready(self) -> bool:
        return subprocess.run(["bash", self.folder / READY], capture_output=True, timeout=10).returncode == 0

    def endpoints(self, stack: str) -> Endpoints:
        return STACKS.get(stack).endpoints("digits", host="127.0.0.1", ports=self.ports)

    def client(self, stack: str) -> Client:
        endpoint = self.endpoints(stack).answers
        return connect(endpoint.url, protocol=endpoint.protocol, timeout_s=20)

    def assert_answers(self, client: Client, first: int, size: int) -> None:
        answers = self.artifact.answers()
        items = slice(first, first + size)
        scores = client.infer("digits", {"image": answers.inputs["image"][items]})["scores"]
        tolerance = self.artifact.manifest.answer_tolerance["scores"]
        np.testing.assert_allclose(scores, answers.outputs["scores"][items], rtol=0, atol=tolerance)


@contextmanager
def serving(artifact: Artifact, folder: Path, settings: Settings) -> Iterator[Served]:
    """The server as its image starts it, but for address, ports and scratch folder, which are free ones here."""
    container = CONTAINERS.get("torchserve")
    folder.mkdir()
    ports = free_ports("127.0.0.1", list(container.ports))
    with tempfile.TemporaryDirectory(prefix="tailbed-", dir="/tmp") as scratch:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(container, "ports", ports)
            patch.setattr(module, "EVERY_ADDRESS", "127.0.0.1")
            patch.setattr(module, "SCRATCH", scratch)
            container.prepare(Deployment(artifact, "torchserve-rest", settings), folder)
        # The command that images have, with the Python whose PyTorch the workers are to have.
        command = Path(scratch, "torchserve")
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ts.model_server "$@"\n')
        command.chmod(0o755)
        env = {"PATH": os.pathsep.join((scratch, os.environ["PATH"])), "PYTHONPATH": str(site_packages())}
        log = folder / "server.log"
        with SupervisedProcess.start(("sh", str(folder / START)), log=log, env=env, cwd=Path(scratch)) as process:
            served = Served(folder, ports, artifact, process)
            deadline = time.monotonic() + 60
            while not served.ready:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield served


@pytest.fixture(scope="module")
def served(digits: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two workers, with requests joined."""
    settings = Settings(instances=2, threads=2, max_batch=4, max_delay_us=2000)
    with serving(digits["torchscript"], tmp_path_factory.mktemp("prepared") / "torchserve", settings) as running:
        yield running
        assert running.process.poll() is None, "the server died under the tests"


def test_its_files_and_its_archive(digits: Exported, tmp_path: Path) -> None:
    artifact = digits["torchscript"]
    settings = Settings(instances=2, threads=3, device="cuda", max_batch=4, max_delay_us=5000)
    container = CONTAINERS.get("torchserve")
    prepared = container.prepare(Deployment(artifact, "torchserve-rest", settings), tmp_path)
    assert prepared.runtime == "torchscript"
    lines = (tmp_path / "config.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert properties["inference_address"] == properties["management_address"] == "http://0.0.0.0:8080"
    assert (properties["grpc_inference_port"], properties["number_of_gpu"]) == ("7070", "1")
    assert Path(properties["metrics_config"]).read_text() == prepared.configuration["metrics.yaml"]
    with zipfile.ZipFile(Path(properties["model_store"]) / properties["load_models"]) as archive:
        names = {name for name in archive.namelist() if not name.startswith("MAR-INF/")}
        assert names == {"described.json", "manifest.json", "model-config.yaml", "model.pt", "portable_handler.py"}
        assert archive.read("model.pt") == artifact.path.read_bytes()
        config = yaml.safe_load(archive.read("model-config.yaml"))
        described = archive.read("described.json")
    assert (config["minWorkers"], config["batchSize"], config["maxBatchDelay"]) == (2, 4, 5)
    assert config["handler"] == {"threads": 3, "device": "cuda", "max_batch": 4}
    metadata, facts = decode_customized("digits", described)
    assert metadata.inputs == artifact.manifest.inputs
    assert facts["sha256"] == artifact.manifest.sha256
    assert "export OMP_NUM_THREADS=3\n" in prepared.configuration[START]


@pytest.mark.parametrize("stack", STACKS_OF_IT)
def test_it_answers_right_and_says_what_it_is(served: Served, stack: str) -> None:
    manifest = served.artifact.manifest
    ready = served.endpoints(stack).ready
    with served.client(stack) as client, connect(ready.url, protocol=ready.protocol, timeout_s=20) as management:
        assert management.ready("digits")
        assert not management.ready("cats")
        for size in (1, 3, 8):
            served.assert_answers(client, 5, size)
        for asked in (client, management):
            metadata = asked.metadata("digits")
            assert (metadata.inputs, metadata.outputs) == (manifest.inputs, manifest.outputs)
            facts = asked.config("digits")
            assert facts["artifact"] == served.artifact.ref
            assert (facts["intra_op_threads"], facts["inter_op_threads"], facts["device"]) == ("2", "1", "cpu")
            assert facts["intra_op_spinning"] == "off"


@pytest.mark.parametrize("stack", STACKS_OF_IT)
def test_inputs_that_do_not_fit_are_refused_and_the_server_goes_on(served: Served, stack: str) -> None:
    bad = {
        r"has shape \[1, 1, 8, 9\]": {"image": np.zeros((1, 1, 8, 9), np.float32)},
        "has dtype float64, expected float32": {"image": np.zeros((1, 1, 8, 8))},
        "missing tensor 'image'": {"picture": np.zeros((1, 1, 8, 8), np.float32)},
    }
    with served.client(stack) as client:
        for line, inputs in bad.items():
            with pytest.raises(EndpointError, match=f"(HTTP 400|INVALID_ARGUMENT): .*{line}"):
                client.infer("digits", inputs)
        served.assert_answers(client, 0, 1)


def test_over_rest_a_bad_request_does_not_harm_those_that_it_was_joined_with(served: Served) -> None:
    answers = served.artifact.answers()
    image, expected = answers.inputs["image"][:1], answers.outputs["scores"][:1]

    def ask(number: int) -> None:
        body = encode({"image": image}) if number % 2 else b"garbage"
        response = urllib3.request(
            "POST",
            f"http://127.0.0.1:{served.ports['http']}/predictions/digits",
            body=body,
            headers={"Content-Type": "application/octet-stream"},
            retries=False,
        )
        assert response.status == (200 if number % 2 else 400)
        if number % 2:
            np.testing.assert_allclose(decode(response.data)["scores"], expected, rtol=0, atol=1e-4)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(64)))


def test_its_times_are_told(served: Served) -> None:
    endpoint = served.endpoints("torchserve-rest").answers
    before = STACKS.get("torchserve-rest").times(endpoint)
    with served.client("torchserve-rest") as client:
        for _ in range(5):
            served.assert_answers(client, 0, 1)
    after = STACKS.get("torchserve-rest").times(endpoint)
    assert before is not None
    assert after is not None
    assert after.requests - before.requests == 5


def test_a_model_whose_worker_is_gone_is_not_ready(digits: Exported, tmp_path: Path) -> None:
    with serving(digits["torchscript"], tmp_path / "torchserve", Settings()) as running:
        urllib3.request(
            "PUT",
            f"http://127.0.0.1:{running.ports['http']}/models/digits?min_worker=0&max_worker=0&synchronous=true",
            timeout=20,
        )
        assert not running.ready
