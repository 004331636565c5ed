import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import safetensors.numpy

from models import Model
from models.weights import WeightsError, identity
from models.weights.choice import choose_weights
from tests.unit.models.weights_family import toy_model

TENSORS = {"dense.weight": np.ones((2, 3), np.float32), "dense.bias": np.array([1, -1], np.float32)}
PATH = "/someone/toy%20model/resolve/main/model.safetensors"


class Server:
    """Answers every path as told: with a status, headers, a body, and a length that may be a lie."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[tuple[str, str | None]] = []
        seen, answers = self.requests, self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers["Authorization"]))
                status, headers, body = answers.get(self.path, (404, {}, b"not here"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Model:
    for name in ("HF_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
    return toy_model(tmp_path, monkeypatch)


def content() -> bytes:
    return safetensors.numpy.save(TENSORS)


def refusal(model: Model, tmp_path: Path) -> str:
    with pytest.raises(WeightsError) as raised:
        choose_weights(model, "hub")
    assert identity(model) == ""
    assert not [path for path in tmp_path.rglob("*.safetensors") if path.is_file()], "left something behind"
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_it_is_downloaded_with_progress(model: Model, server: Server) -> None:
    server.answers[PATH] = (200, {}, content())
    told: list[tuple[int, int | None]] = []
    weights = choose_weights(model, "hub", lambda written, total: told.append((written, total)))
    assert weights is not None
    assert weights.origin == "hub someone/toy model"
    assert model.weights().sha256 == weights.sha256
    assert all(np.array_equal(model.weights().tensors[name], array) for name, array in TENSORS.items())
    assert told[-1] == (len(content()), len(content()))
    assert server.requests == [(PATH, None)]


def test_the_token_goes_to_the_hub_and_to_no_other_host(
    model: Model, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    server.answers[PATH] = (302, {"Location": f"{other.url}/file"}, b"")
    other.answers["/file"] = (200, {}, content())
    assert choose_weights(model, "hub") is not None
    assert server.requests == [(PATH, "Bearer secret")]
    assert other.requests == [("/file", None)]


def test_redirects_without_end(model: Model, server: Server, tmp_path: Path) -> None:
    server.answers[PATH] = (302, {"Location": PATH}, b"")
    assert "too many redirects" in refusal(model, tmp_path)
    assert len(server.requests) < 10


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "has no such file"), (401, "HF_TOKEN"), (403, "HF_TOKEN"), (503, "try again later")]
)
def test_a_refusal_of_the_hub(status: int, expected: str, model: Model, server: Server, tmp_path: Path) -> None:
    server.answers[PATH] = (status, {}, b"no")
    line = refusal(model, tmp_path)
    assert f"answers {status} for model.safetensors of someone/toy model" in line
    assert expected in line


def test_a_page_in_place_of_the_file(model: Model, server: Server, tmp_path: Path) -> None:
    server.answers[PATH] = (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
    assert "someone/toy model/model.safetensors: not a safetensors file" in refusal(model, tmp_path)


def test_a_transfer_that_breaks_off(model: Model, server: Server, tmp_path: Path) -> None:
    server.answers[PATH] = (200, {"Content-Length": str(len(content()))}, content()[:-9])
    assert "cannot get model.safetensors of someone/toy model" in refusal(model, tmp_path)


def test_no_network(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:  # bound and not listening: nothing answers there
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        line = refusal(model, tmp_path)
    assert "cannot get model.safetensors of someone/toy model" in line
    assert "give the file's path" in line
    assert capfd.readouterr() == ("", "")


def test_an_endpoint_that_is_none(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "huggingface")
    assert "HF_ENDPOINT is 'huggingface', expected an address" in refusal(model, tmp_path)


def test_an_interrupted_download_leaves_nothing(model: Model, server: Server, tmp_path: Path) -> None:
    def stop(_written: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    server.answers[PATH] = (200, {}, content())
    with pytest.raises(KeyboardInterrupt):
        choose_weights(model, "hub", stop)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".hub-")]
    assert identity(model) == ""
