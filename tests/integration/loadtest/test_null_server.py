"""The null server speaks the protocol: the blocking client takes it for a real one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from servers import connect


@contextmanager
def null_server(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A null server on a free port; gives its URL and its process."""
    argv = [sys.executable, "-m", "loadtest.null_server", *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}", process
        finally:
            process.kill()


def test_it_is_ready_and_answers_any_model_with_its_outputs():
    options = ("--input", "x:int64:batch,3", "--output", "y:float32:batch,2,5", "--output", "z:bool:batch")
    with null_server(*options) as (url, _), connect(url, timeout_s=5) as client:
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


def test_it_ends_in_order_when_it_is_told_to():
    with null_server() as (_, process):
        process.terminate()
        assert process.wait(5) == 0
