"""The scripts by which images run servers, run by the shells that images have."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.address import free_ports
from servers.containers.scripts import READY, START, write_ready, write_start

_WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)


@given(words=st.lists(_WORDS, max_size=4), value=_WORDS)
def test_a_server_is_told_every_word_and_variable_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], value: str
) -> None:
    folder = tmp_path_factory.mktemp("server")
    program = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['THREADS'], os.getpid()]))"
    text = write_start(folder, (sys.executable, "-c", program, *words), {"THREADS": value})
    assert (folder / START).read_bytes().decode() == text
    shell = subprocess.Popen(["sh", str(folder / START)], stdout=subprocess.PIPE, env={"PYTHONUTF8": "1"})
    said, _ = shell.communicate(timeout=30)
    # The shell became the program, so that signals reach it.
    assert json.loads(said) == [words, value, shell.pid]


class Answers(HTTPServer):
    """Answers every request alike, and keeps what was asked."""

    status, body = 200, b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Answers)
        server.asked.append(self.path)
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[Answers]:
    with Answers() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _ready(folder: Path) -> bool:
    done = subprocess.run(["bash", str(folder / READY)], capture_output=True, timeout=10, text=True)
    assert done.stdout == ""
    return done.returncode == 0


def test_ready_is_a_status_of_200(answers: Answers, tmp_path: Path) -> None:
    write_ready(tmp_path, port=answers.server_port, path="/v2/models/digits/ready")
    assert _ready(tmp_path)
    answers.status = 400
    assert not _ready(tmp_path)
    assert answers.asked == ["/v2/models/digits/ready"] * 2


def test_ready_may_take_several_lines_of_the_answer(answers: Answers, tmp_path: Path) -> None:
    write_ready(tmp_path, port=answers.server_port, path="/models/digits", line='"status": "READY"', lines=2)
    worker = b'{\n"status": "READY"\n}\n'
    for count, ready in ((0, False), (1, False), (2, True), (3, True)):
        answers.body = b"[\n" + worker * count + b']\n"status": "UNLOADING"\n'
        assert _ready(tmp_path) == ready


def test_a_server_that_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_ready(tmp_path, port=silent.getsockname()[1], path="/")
        assert not _ready(tmp_path)


def test_a_server_that_does_not_listen_is_not_ready(tmp_path: Path) -> None:
    write_ready(tmp_path, port=free_ports("127.0.0.1", ["http"])["http"], path="/")
    assert not _ready(tmp_path)
