"""The command line as a user types it, in processes of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from loadtest import records
from tests.conftest import Exported

TAILBED = [sys.executable, "-m", "tailbed"]


def tailbed(*words: str, cwd: Path | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TAILBED, *words], capture_output=True, text=True, cwd=cwd, timeout=timeout)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``tailbed serve`` until the block ends, and the first line that it printed."""
    with subprocess.Popen([*TAILBED, "serve", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def test_help_names_every_command_and_loads_no_framework() -> None:
    done = tailbed("--help")
    assert done.returncode == 0
    for command in ("bench", "doctor", "export", "load", "report", "serve"):
        assert command in done.stdout
    probe = "import sys, tailbed.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    heavy = {"torch", "onnx", "onnxruntime", "locust", "gevent", "pydantic", "rich", "grpc", "fastapi", "pyarrow"}
    assert not heavy & set(loaded.stdout.split())


def test_doctor_tells_what_can_run(digits: Exported) -> None:
    assert digits["onnx"]
    done = tailbed("doctor", "--json")
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    for stack in ("fastapi", "grpc"):
        assert findings[f"stack {stack}"]["state"] == "ok"
    assert findings["runtime onnxruntime"]["state"] == "ok"
    assert "digits/onnx/fp32" in findings["artifacts"]["found"]
    assert "stack fastapi" in tailbed("doctor").stdout


@pytest.mark.parametrize(
    ("docker", "state", "found"),
    [
        ('case "$1" in compose) echo 2.30.1;; *) echo 27.1.0;; esac', "ok", "Docker Engine 27.1.0, Compose 2.30.1"),
        ('[ "$1" = compose ] && echo 2.30.1', "missing", "without Docker Engine"),
        ("exit 1", "missing", "without Docker Engine and Compose"),
    ],
)
def test_doctor_tells_whether_containers_can_be_had(
    docker: str, state: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n{docker}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    findings = {finding["part"]: finding for finding in json.loads(tailbed("doctor", "--json").stdout)}
    assert (findings["containers"]["state"], findings["containers"]["found"]) == (state, found)


def test_export_prints_the_manifests(digits: Exported) -> None:
    done = tailbed("export", "digits", "--to", "onnx,torchscript", "--json")
    assert done.returncode == 0, done.stderr
    manifests = json.loads(done.stdout)
    assert [manifest["format"] for manifest in manifests] == ["onnx", "torchscript"]
    assert all(manifest["accuracy"] >= 0.98 for manifest in manifests)


def test_what_there_is_is_listed(digits: Exported) -> None:
    assert digits["onnx"]
    models = {model["name"]: model for model in json.loads(tailbed("models", "--json").stdout)}
    assert {"digits", "resnet18", "resnet50", "wrn-28-10", "bert-base", "bert-mini", "tabular-svm"} <= models.keys()
    assert models["digits"]["exports"]["onnx"][0] == "fp32"
    assert "resnet50" in tailbed("models").stdout
    manifests = json.loads(tailbed("artifacts", "digits", "--json").stdout)
    assert ("onnx", "fp32") in [(manifest["export"], manifest["precision"]) for manifest in manifests]
    assert "digits/onnx/fp32" in tailbed("artifacts").stdout
    formats = json.loads(tailbed("formats", "--json").stdout)
    assert {"torchscript", "savedmodel", "tflite", "jax-export", "onnx"} <= {row["format"] for row in formats}
    assert "torchscript" in tailbed("formats").stdout


def test_all_exports_of_a_model_tell_what_is_not_there() -> None:
    done = tailbed("export", "tabular-logistic", "--all")
    assert done.returncode == 0, done.stderr
    assert "tabular-logistic/onnx/fp32" in done.stdout
    lacking = tailbed("export", "digits", "--to", "tflite-pytorch")
    assert lacking.returncode == 1
    assert "not here: digits/tflite-pytorch/fp32: " in lacking.stderr
    assert "tailbed install litert-torch" in lacking.stderr


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        (["export", "digit", "--to", "onnx"], "unknown model 'digit': choose from ", 1),
        (["export", "digits", "--to", "onxx"], "unknown format 'onxx' of digits: choose from ", 1),
        (["export", "digits", "--to", "onnx", "--precision", "fp3"], "fp3", 1),
        (["serve", "digits/onnx", "--with", "flask"], "unknown stack 'flask': choose from fastapi", 1),
        (["serve", "digits/onnx", "--with", "grpc", "--port-of", "metrics"], "'metrics' is not USE=PORT", 2),
        (["serve", "digits/onnx", "--with", "grpc", "--port-of", "rest=8000"], "grpc has no port 'rest'", 1),
        (["serve", "digits/nothing", "--with", "grpc"], "unknown format 'nothing' of digits: choose from ", 1),
        (["load", "http://127.0.0.1:9", "--model", "digits"], "127.0.0.1:9", 1),
        (["load", "grpc://127.0.0.1:9", "--model", "digits"], "127.0.0.1:9", 1),
        (["load", "ftp://127.0.0.1:9", "--model", "digits"], "ftp", 1),
        (["load", "http://127.0.0.1:9", "--model", "x", "--rate", "5", "--concurrency", "2"], "give one kind", 2),
        (["load", "http://127.0.0.1:9", "--model", "x", "--arrivals", "poisson"], "--arrivals needs --rate", 2),
        (["load", "http://127.0.0.1:9", "--model", "x", "--header", "nonsense"], "nonsense", 1),
        (["load", "http://127.0.0.1:9", "--model", "x", "--bearer-env", "NO_SUCH_TOKEN"], "NO_SUCH_TOKEN", 1),
        (["load", "https://127.0.0.1:9", "--model", "x", "--ca", "nonesuch.pem"], "nonesuch.pem", 1),
        (["load", "http://127.0.0.1:9", "--model", "x", "--rate", "nan"], "finite", 2),
        (["load", "http://127.0.0.1:9", "--model", "x", "--duration", "inf"], "--duration", 2),
        (["load", "http://127.0.0.1:9", "--model", "x", "--rate", "2000000"], "--rate", 2),
        (["export", "digits", "--to", ","], "names no format", 2),
        (["export", "digits", "--to", "onnx", "--precision", "bf16"], "onnx/bf16 is not supported: ONNX Runtime", 1),
        (["export", "tabular-svm", "--to", "onnx", "--precision", "int8-static"], "choose from fp32", 1),
        (["artifacts", "digit"], "unknown model 'digit': choose from", 1),
        (["bench", "quick", "--artifact", "digits/onxx"], "unknown format 'onxx' of digits", 1),
        (["bench", "compose"], "no service has been prepared in ", 1),
        (["bench", "compose", "--artifact", "digits/onnx"], "services serve what they were prepared with", 2),
        (["prepare", "digits/onnx"], "is not SERVICE=MODEL/FORMAT", 2),
        (["prepare", "tritn=digits/onnx"], "unknown service 'tritn': choose from fastapi, grpc, ", 1),
        (["compare", "nonesuch"], "not a results folder", 1),
        (["bench", "nonesuch"], "no suite or file 'nonesuch'", 1),
        (["report", "nonesuch"], "not a results folder", 1),
    ],
)
def test_bad_input_is_one_line(digits: Exported, tmp_path: Path, words: list[str], expected: str, code: int) -> None:
    done = tailbed(*words, cwd=tmp_path)
    assert done.returncode == code
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("stack", "scheme"), [("fastapi", "http"), ("grpc", "grpc")])
def test_serve_then_load(digits: Exported, tmp_path: Path, stack: str, scheme: str) -> None:
    port = free_port()
    with serving("digits/onnx", "--with", stack, "--port", str(port)) as (_, first_line):
        url = f"{scheme}://127.0.0.1:{port}"
        assert f"digits/onnx/fp32 is ready at {url}" in first_line
        out = tmp_path / "load"
        done = tailbed(
            "load", url, "--model", "digits", "--rate", "100", "--duration", "3", "--warmup", "1",
            "--json", "--out", str(out),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        cell = json.loads(done.stdout)
        assert cell["requests"] == pytest.approx(300, rel=0.3)
        assert cell["errors"] == 0
        assert cell["answers_checked"] > 0
        assert cell["answers_wrong"] == 0
        assert cell["runtime"] == "onnx_onnxv1"
        # What runs beside the tests may touch it, and it is withdrawn then.
        assert cell["p50_ms"] is None if "p50_ms" in cell["disturbed"] else cell["p50_ms"] > 0
        assert (out / "records.parquet").exists()
        again = tailbed("load", url, "--model", "nobody", "--duration", "1")
        assert again.returncode == 1
        assert "nobody" in again.stderr
        assert "Traceback" not in again.stderr
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nothing listens after the command has ended"


def test_load_with_inputs_of_ones_own(digits: Exported, tmp_path: Path) -> None:
    good, wrong = tmp_path / "good.npz", tmp_path / "wrong.npz"
    np.savez(good, image=np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32))
    np.savez(wrong, image=np.zeros((5, 1, 9, 8), np.float32))
    port = free_port()
    with serving("digits/torchscript", "--with", "fastapi", "--port", str(port)):
        url = f"http://127.0.0.1:{port}"
        words = ("load", url, "--model", "digits", "--concurrency", "2", "--duration", "1", "--warmup", "0.2")
        out = tmp_path / "out"
        done = tailbed(*words, "--inputs", str(good), "--out", str(out), "--json")
        assert done.returncode == 0, done.stderr
        cell = json.loads(done.stdout)
        assert cell["scenario"] == "closed x2"
        assert cell["errors"] == 0
        assert cell["answers_checked"] == 0, "nobody knows the answers to a user's own inputs"
        assert set(records.read(out / "records.parquet").input_index.tolist()) == set(range(5))
        refused = tailbed(*words, "--inputs", str(wrong))
        assert refused.returncode == 1
        assert "wrong.npz" in refused.stderr
        assert "[1, 9, 8]" in refused.stderr or "9" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        again = tailbed(*words, "--out", str(out))
        assert again.returncode == 1
        assert "is not empty" in again.stderr


def test_a_port_in_use_is_named(digits: Exported) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = tailbed("serve", "digits/onnx", "--with", "fastapi", "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "in use" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_never_outlives_the_command(digits: Exported, stop: signal.Signals) -> None:
    with subprocess.Popen(
        [*TAILBED, "serve", "digits/onnx", "--with", "grpc"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "is ready at" in process.stdout.readline()
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        finally:
            process.kill()
    deadline = time.monotonic() + 15
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in family):
        assert time.monotonic() < deadline, f"still there: {family}"
        time.sleep(0.05)


def test_a_server_that_dies_is_told(digits: Exported) -> None:
    process = subprocess.Popen(
        [*TAILBED, "serve", "digits/onnx", "--with", "grpc"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        server = max(psutil.Process(process.pid).children(recursive=True), key=lambda child: child.create_time())
        os.kill(server.pid, signal.SIGKILL)
        assert process.wait(timeout=20) == 1
        assert "the server ended by itself" in process.stderr.read()
