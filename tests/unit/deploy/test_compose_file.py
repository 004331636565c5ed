"""compose.yaml as text: what holds for every service, whether or not there is an engine to start it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from servers.containers import CONTAINERS

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNNING = [name for name, service in SERVICES.items() if service.get("deploy", {}).get("replicas") != 0]
SERVERS = [f"{kind}{suffix}" for kind in CONTAINERS.names() for suffix in ("", "-gpu")]


def _default(text: str) -> str:
    """What a text with variables says where none is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0,
    reason="there is no docker compose",
)
def test_compose_takes_it() -> None:
    words = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "--profile", "*", "config", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", RUNNING)
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"]
    assert service["mem_limit"]
    assert service["read_only"] or name == "dcgm-exporter"
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    mounted = [volume for volume in service.get("volumes", ()) if "docker.sock" in volume]
    assert mounted == []


@pytest.mark.parametrize("name", RUNNING)
def test_an_image_is_ours_or_has_a_version(name: str) -> None:
    image = _default(SERVICES[name]["image"])
    assert SERVICES[name]["image"].startswith("${"), "each image name is a variable"
    if image.startswith("tailbed/"):
        dockerfile = SERVICES[name]["build"]["dockerfile"]
        assert (ROOT / dockerfile).is_file()
        # Somebody else may have the name in a registry.
        assert _default(SERVICES[name]["pull_policy"]) == "never"
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)
        assert "build" not in SERVICES[name], "what is built here must not bear an official image's name"


def test_official_images_have_the_versions_of_the_local_environments() -> None:
    pinned = (ROOT / "servers/torchserve/requirements.txt").read_text()
    assert f"torchserve=={_tag('torchserve').removesuffix('-cpu')}\n" in pinned
    assert _tag("torchserve-gpu") == _tag("torchserve").replace("cpu", "gpu")
    assert _tag("triton") == _tag("triton-gpu")


def _tag(service: str) -> str:
    return _default(SERVICES[service]["image"]).rpartition(":")[2]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_started_and_asked_by_what_was_prepared_for_it(name: str) -> None:
    service = SERVICES[name]
    folder = f"/srv/tailbed/services/{name}"
    assert service["entrypoint"] == ["sh", f"{folder}/start"]
    assert service["healthcheck"]["test"] == ["CMD", "bash", f"{folder}/ready"]
    assert service["volumes"] == ["served:/srv/tailbed:ro"]
    exporter = "exporter-gpu" if name.endswith("-gpu") else "exporter"
    assert service["depends_on"] == {exporter: {"condition": "service_completed_successfully"}}
    prepared = dict(word.split("=", 1) for word in map(_default, SERVICES[exporter]["command"]) if "/" in word)
    assert prepared[name] == _default(service["labels"]["tailbed.artifact"])
    inside = {int(port.rpartition(":")[2]) for port in service["ports"]}
    assert inside <= set(CONTAINERS.get(name.removesuffix("-gpu")).ports.values())


def test_published_ports_are_all_different() -> None:
    published = [_default(port).split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(published) == len(set(published))
