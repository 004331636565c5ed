"""What all tests share: a home of their own for weights and artifacts, and no process left behind."""

import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from exporters import Artifact, ArtifactStore
from tests.one_at_a_time import one_at_a_time

# How long an example takes is a matter of the machine, and no test is to fail for that.
settings.register_profile("tailbed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tailbed")


# TensorFlow and JAX read it when the first of them is loaded. A process of ours that uses TensorFlow sets it in time;
# one that runs many tests may have met JAX before, which sets another.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# For tests that import ONNX Runtime themselves.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# A shell starts what it puts into the background with SIGINT ignored, nohup with SIGHUP, which children inherit: the
# commands under test are to see Ctrl-C and the end of a terminal whichever way the tests were started.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty $TAILBED_HOME for the whole session, so that no test depends on what the user has made before.

    Several workers share it: what one has exported, the others need not.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "home"
    folder.mkdir(exist_ok=True)
    before = os.environ.get("TAILBED_HOME")
    os.environ["TAILBED_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["TAILBED_HOME"]
    else:
        os.environ["TAILBED_HOME"] = before


class Exported:
    """A model's artifacts by ``format`` or ``format/precision``, each exported when it is first asked for."""

    def __init__(self, model: str) -> None:
        self._model = model

    @cache  # noqa: B019  # one object a session
    def __getitem__(self, name: str) -> Artifact:
        from tailbed.experiment.exporting import NotInstalled, export_artifact

        format, _, precision = name.partition("/")
        try:
            # What another test process is making is not to be made twice.
            with one_at_a_time(f"{self._model}/{name}"):
                return export_artifact(self._model, format, precision or "fp32", ArtifactStore())
        except NotInstalled as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def digits(home: Path) -> Exported:
    """The digits model: trained and exported once a session, as users do it."""
    return Exported("digits")


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Fails a test that leaves a child process behind."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=5)
    named = [" ".join(child.cmdline()) for child in alive if child.is_running()]
    for child in alive:
        child.kill()
    assert not named, f"left running: {named}"
