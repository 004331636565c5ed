"""The null servers speak their protocols: the blocking client takes them for real ones."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from servers import connect

OIP = ["oip-http", "oip-http-json", "oip-grpc", "oip-grpc-typed"]


@contextmanager
def null_server(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A null server on a free port; gives its URL and its process."""
    argv = [sys.executable, "-m", "loadtest.null_server", *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        scheme = "grpc" if any("grpc" in option for option in options) else "http"
        try:
            yield f"{scheme}://127.0.0.1:{process.stdout.readline().split()[1]}", process
        finally:
            process.kill()


@pytest.mark.parametrize("protocol", OIP)
def test_it_is_ready_and_answers_any_model_with_its_outputs(protocol: str):
    options = (
        "--protocol",
        protocol,
        "--input",
        "x:int64:batch,3",
        "--output",
        "y:float32:batch,2,5",
        "--output",
        "z:bool:batch",
    )
    with null_server(*options) as (url, _), connect(url, protocol=protocol, timeout_s=5) as client:
        assert client.live()
        assert client.ready("any")
        metadata = client.metadata("any")
        assert metadata.name == "any"
        assert [(spec.name, spec.dtype, spec.shape) for spec in metadata.inputs] == [("x", "int64", ("batch", 3))]
        outputs = client.infer("any", {"x": np.ones((1, 3), np.int64)})
        assert {name: (array.dtype.name, array.shape) for name, array in outputs.items()} == {
            "y": ("float32", (1, 2, 5)),
            "z": ("bool", (1,)),
        }


def test_a_client_that_takes_little_at_once_gets_a_large_answer_whole():
    options = ("--protocol", "oip-grpc", "--input", "x:float32:batch,1000000", "--output", "y:float32:batch,1000000")
    with null_server(*options) as (url, _), connect(url, timeout_s=5) as client:  # gRPC's own, with its small windows
        for _ in range(3):
            assert client.infer("any", {"x": np.ones((1, 10**6), np.float32)})["y"].shape == (1, 10**6)


def test_what_it_does_not_have_is_an_error():
    with (
        null_server("--protocol", "oip-grpc") as (url, _),
        grpc.insecure_channel(url.removeprefix("grpc://")) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/other.Service/Method")(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("protocol", ["oip-http", "oip-grpc"])
def test_it_ends_in_order_when_it_is_told_to(protocol: str):
    with null_server("--protocol", protocol) as (_, process):
        process.terminate()
        assert process.wait(5) == 0


@pytest.mark.parametrize("protocol", ["oip-http", "oip-grpc"])
def test_it_computes_for_as_long_as_it_is_told(protocol: str):
    options = ("--protocol", protocol, "--delay-us", "30000", "--input", "x:float32:batch", "--output", "y:bool:batch")
    with null_server(*options) as (url, _), connect(url, timeout_s=5) as client:
        client.ready("any")
        began = time.perf_counter()
        for _ in range(3):
            client.infer("any", {"x": np.ones(1, np.float32)})
        assert time.perf_counter() - began >= 3 * 0.030


def test_a_tensor_may_have_a_colon_in_its_name():
    with null_server("--input", "image:0:float32:batch,2") as (url, _), connect(url, timeout_s=5) as client:
        assert client.metadata("any").inputs[0].name == "image:0"
