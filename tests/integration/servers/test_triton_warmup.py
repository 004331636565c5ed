"""The real tritonserver takes the requests that its own backends are to compute before a model is ready.

Those backends cannot be had here. The requests are the server's affair and not the backend's, so the Python backend,
which is here, is given the configuration that another one gets.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig  # type: ignore[attr-defined]

from servers import STACKS, Deployment, Launch, ServerError, Settings, start
from servers.triton.environment import ENVIRONMENT
from servers.triton.native import NativeBackend
from servers.triton.repository import configuration
from tests.conftest import Exported
from tests.environments import provide

NATIVE = NativeBackend("onnxruntime", "onnxruntime_onnx", "model.onnx")
NAME = "triton-http"


@pytest.fixture(scope="module", autouse=True)
def triton() -> None:
    provide(ENVIRONMENT)


def _warmed(digits: Exported, monkeypatch: pytest.MonkeyPatch, settings: Settings, *, longer: int = 0) -> Deployment:
    """The deployment, whose server is also told the requests that a native backend's would be told.

    Args:
        longer: by how much their last axis is longer than the model's.
    """
    deployment = Deployment(digits["onnx"], NAME, settings)
    told = text_format.Parse(configuration(deployment, NATIVE, {}), ModelConfig()).model_warmup
    for sample in told:
        sample.inputs["image"].dims[-1] += longer
    stack = STACKS.get(NAME)
    usual = type(stack).launch

    def launch(self: object, deployment: Deployment, *, folder: Path, **where: object) -> Launch:
        launched = usual(self, deployment, folder=folder, **where)
        [path] = folder.glob("repository/*/config.pbtxt")
        config = text_format.Parse(path.read_text(), ModelConfig())
        config.model_warmup.extend(told)
        path.write_text(text_format.MessageToString(config))
        return replace(launched, argv=(*launched.argv, "--log-verbose=1"))

    monkeypatch.setattr(type(stack), "launch", launch)
    return deployment


@pytest.mark.parametrize("max_batch", [1, 3])
def test_it_computes_them_before_it_is_ready(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_batch: int
) -> None:
    deployment = _warmed(digits, monkeypatch, Settings(instances=2, max_batch=max_batch))
    with start(deployment, folder=tmp_path) as running:
        log = running.log.read_text()
    for batch in range(1, max_batch + 1):
        assert log.count(f"'zeros of {batch}'") >= 2, "each instance computes it"
    assert f"'zeros of {max_batch + 1}'" not in log


def test_requests_that_do_not_fit_would_be_noticed(
    digits: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerError, match="before it was ready"):
        start(_warmed(digits, monkeypatch, Settings(), longer=1), folder=tmp_path)
