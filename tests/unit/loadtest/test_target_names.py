"""What targets are called, and where each is asked."""

from pathlib import Path

import pytest

from loadtest import LoadError
from loadtest.driver.suggestions import Suggestions
from loadtest.driver.targets import find_target, target_names
from models import TailbedError
from servers import Settings
from servers.containers import CONTAINERS, Service, services_folder, write_service


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))


def have(name: str, kind: str) -> None:
    (services_folder() / name).mkdir(parents=True)
    write_service(
        Service(name=name, kind=kind, model="digits", artifact=Path("/a"), settings=Settings(), runtime="onnxruntime")
    )


def test_a_service_is_its_usual_stack_and_each_of_several_has_a_name():
    for name, kind in (("fastapi", "fastapi"), ("triton", "triton"), ("triton-gpu", "triton")):
        have(name, kind)
    at = {name: find_target(name).endpoint for name in target_names()}
    assert {name: (endpoint.protocol, endpoint.url) for name, endpoint in at.items()} == {
        "fastapi": ("oip-http", "http://fastapi:8000"),
        "triton": ("oip-http", "http://triton:8000"),
        "triton-http": ("oip-http", "http://triton:8000"),
        "triton-grpc": ("oip-grpc", "grpc://triton:8001"),
        "triton-gpu": ("oip-http", "http://triton-gpu:8000"),
        "triton-gpu-http": ("oip-http", "http://triton-gpu:8000"),
        "triton-gpu-grpc": ("oip-grpc", "grpc://triton-gpu:8001"),
    }
    assert {endpoint.model for endpoint in at.values()} == {"digits"}


@pytest.mark.parametrize("kind", CONTAINERS.names())
def test_of_a_service_named_after_its_kind_the_stacks_names_are_targets(kind: str):
    have(kind, kind)
    stacks = CONTAINERS.get(kind).stacks
    assert set(target_names()) == {kind, *stacks}
    for stack in stacks:
        assert find_target(stack).name == stack


def test_what_there_is_not_names_what_there_is():
    with pytest.raises(LoadError, match=r"^no target 'x': no services were prepared in .*: start them with docker"):
        find_target("x")
    have("grpc", "grpc")
    with pytest.raises(LoadError, match=r"^no target 'x': choose from grpc$"):
        find_target("x")


def test_a_service_that_cannot_be_read_is_told_when_it_is_asked_for_only():
    have("grpc", "grpc")
    (listed,) = services_folder().glob("grpc/*.json")
    listed.write_text("?")
    assert target_names() == []
    with pytest.raises(TailbedError, match=str(listed)):
        find_target("grpc")


def test_the_pages_lists_take_what_the_command_line_says():
    offered = Suggestions(["closed"])
    assert "{kind: ramp}" in offered
    assert offered == ["closed", "{kind: ramp}"]
    assert "closed" in offered
    assert offered == ["closed", "{kind: ramp}"]
