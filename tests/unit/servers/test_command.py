"""The command line that our servers are started with."""

from pathlib import Path

import pytest

from exporters import Artifact, Manifest
from models import TensorSpec
from servers import Deployment, ServerError, Settings
from servers.inference.command import command, environment


def _command(settings: Settings, shape: tuple[int | str, ...] = ("batch", 2)) -> tuple[str, ...]:
    spec = (TensorSpec("x", "float32", shape),)
    manifest = Manifest.model_construct(
        model="m", export="onnx", format="onnx", precision="fp32", inputs=spec, outputs=spec
    )
    return command(
        "servers.grpc", Deployment(Artifact(Path("a"), manifest), "grpc", settings), host="h", ports={"p": 1}
    )


def test_every_setting_is_told() -> None:
    told = _command(Settings(instances=2, threads=3, max_batch=4, max_delay_us=5))
    options = dict(zip(told[told.index("--host") :: 2], told[told.index("--host") + 1 :: 2], strict=True))
    assert options == {
        "--host": "h",
        "--p-port": "1",
        "--instances": "2",
        "--threads": "3",
        "--device": "cpu",
        "--max-batch": "4",
        "--max-delay-us": "5",
    }


def test_threads_without_a_setting_of_their_own_are_as_many_and_do_not_spin() -> None:
    variables = environment(Settings(threads=3))
    assert (variables["OMP_NUM_THREADS"], variables["OMP_WAIT_POLICY"]) == ("3", "PASSIVE")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (Settings(instances=0), "instances is 0, expected 1 or more"),
        (Settings(threads=0), "threads is 0, expected 1 or more"),
        (Settings(max_batch=0), "max_batch is 0, expected 1 or more"),
        (Settings(max_batch=2, max_delay_us=-1), "max_delay_us is -1, expected 0 or more"),
        (Settings(max_batch=2, max_delay_us=60_000_001), r"max_delay_us is 60000001, expected a minute .* at most"),
        (Settings(max_delay_us=5), "max_delay_us is 5, but nothing is waited for while max_batch is 1"),
        (Settings(device="tpu"), "device is 'tpu', expected cpu or cuda"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(settings: Settings, line: str) -> None:
    with pytest.raises(ServerError, match=f"^{line}$"):
        _command(settings)


def test_a_model_without_a_batch_axis_cannot_be_batched_but_served() -> None:
    with pytest.raises(ServerError, match="input 'x' of m has no batch axis"):
        _command(Settings(max_batch=2), shape=(1, 2))
    assert _command(Settings(), shape=(1, 2))


def test_a_device_that_the_runtime_has_not_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servers.runtimes.onnxruntime.runtime.RUNTIME.devices", ("cpu",))
    with pytest.raises(ServerError, match="m/onnx/fp32 cannot be served on cuda: onnxruntime computes on cpu"):
        _command(Settings(device="cuda"))
