"""The Kubernetes base: what Kubernetes would take, the same as in compose.yaml, and shut as tightly."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from servers import Settings
from servers.containers import CONTAINERS, Service, services_folder, write_service

ROOT = Path(__file__).parents[3]
BASE = ROOT / "deploy" / "kubernetes" / "base"
VERSIONS = ("1.25", "1.32")
"""Of Kubernetes: the first that keeps pods as restricted as the namespace's label asks, and a later one."""

Document = dict[str, Any]


def _builder() -> list[str] | None:
    """What builds the base; None where there is nothing that knows targets of patches."""
    if (kubectl := shutil.which("kubectl")) is not None:
        told = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, check=True)
        if "kustomizeVersion" in json.loads(told.stdout):  # from 1.24 on
            return [kubectl, "kustomize"]
    return [found, "build"] if (found := shutil.which("kustomize")) else None


def _documents(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def kustomization() -> Document:
    return yaml.safe_load((BASE / "kustomization.yaml").read_text())


@pytest.fixture(scope="module")
def built() -> list[Document]:
    if (builder := _builder()) is None:
        pytest.skip("neither kubectl (1.24 or later) nor kustomize is here: see kubernetes.io, Debian's is older")
    done = subprocess.run([*builder, str(BASE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return _documents(done.stdout)


@pytest.fixture(scope="module")
def compose() -> Document:
    found: Document = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


@pytest.fixture(scope="module")
def settings(built: list[Document]) -> dict[str, str]:
    return _named(built, "ConfigMap")["settings"]["data"]


def _named(documents: list[Document], *kinds: str) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in documents if document["kind"] in kinds}


def _pods(documents: list[Document]) -> dict[str, Document]:
    """Every pod's template by the name of what makes it."""
    return {name: made["spec"]["template"] for name, made in _named(documents, "Deployment", "Job").items()}


def _servers(documents: list[Document]) -> dict[str, Document]:
    return {name: made["spec"]["template"] for name, made in _named(documents, "Deployment").items()}


def _container(pod: Document) -> Document:
    (container,) = pod["spec"]["containers"]
    return container


def _containers(pod: Document) -> list[Document]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _interpolated(value: Any, variables: dict[str, str] | None = None) -> Any:
    """A value of compose.yaml with its variables at their defaults, or as a pod's where ``variables`` are given."""
    if isinstance(value, list):
        return [_interpolated(each, variables) for each in value]

    def found(match: re.Match[str]) -> str:
        name, default = match.groups()
        if variables is None:
            return default
        assert variables[name] == default, f"{name} has another default than in compose.yaml"
        return f"$({name})"

    return re.sub(r"\$\{(\w+):-([^}]*)\}", found, str(value))


def test_kubernetes_takes_every_document(built: list[Document]) -> None:
    for version in VERSIONS:
        for document in built:
            kubernetes_validate.validate(document, version, strict=True)


def test_so_it_does_before_the_base_is_built(kustomization: Document) -> None:
    names = kustomization["resources"]
    beside = {"kustomization.yaml", *(patch["path"] for patch in kustomization["patches"])}
    assert sorted(names) == sorted(path.name for path in BASE.iterdir() if path.name not in beside)
    for name in names:
        for document in _documents((BASE / name).read_text()):
            kubernetes_validate.validate(document, VERSIONS[0], strict=True)


def test_the_pod_that_hands_out_results_is_as_shut_in_as_all(built: list[Document]) -> None:
    (pod,) = _documents((BASE.parent / "results.yaml").read_text())
    kubernetes_validate.validate(pod, VERSIONS[0], strict=True)
    master = _pods(built)["locust"]["spec"]
    assert pod["spec"]["securityContext"] == master["securityContext"]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"] == master["containers"][0]["securityContext"]
    kept = {mount["mountPath"]: mount["name"] for mount in master["containers"][0]["volumeMounts"]}
    (mount,) = container["volumeMounts"]
    assert kept[mount["mountPath"]] == mount["name"]
    (volume,) = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] in _named(built, "PersistentVolumeClaim")
    assert pod["metadata"]["namespace"] in _named(built, "Namespace")


def test_the_check_would_find_a_field_that_is_none(built: list[Document]) -> None:
    wrong = copy.deepcopy(_named(built, "Deployment")["triton"])
    _container(wrong["spec"]["template"])["securityContext"]["readOnlyRootFileSystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readOnlyRootFileSystem"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_there_is_a_server_of_every_kind_where_its_stacks_ask_for_it(built: list[Document]) -> None:
    assert sorted(_servers(built)) == sorted(CONTAINERS.names())
    services = _named(built, "Service")
    for name, pod in _servers(built).items():
        ports = dict(CONTAINERS.get(name).ports)
        assert {port["name"]: port["containerPort"] for port in _container(pod)["ports"]} == ports
        assert {port["name"]: port["port"] for port in services[name]["spec"]["ports"]} == ports


def test_images_commands_and_variables_are_those_of_compose(
    built: list[Document], compose: Document, settings: dict[str, str]
) -> None:
    for name, pod in _pods(built).items():
        container, service = _container(pod), compose[name]
        image = _interpolated(service["image"])
        assert container["image"] == (image if ":" in image else f"{image}:latest")
        # Else the image's own would begin.
        assert ("command" in container) == ("entrypoint" in service)
        wanted = _interpolated([*service.get("entrypoint", ()), *service.get("command", ())], settings)
        told = [*container.get("command", ()), *container.get("args", ())]
        # The master is told on its page there what it is told by its options here.
        assert told[: len(wanted)] == wanted
        assert name == "locust" or len(told) == len(wanted)
        given = {variable: value for source in container.get("envFrom", []) for variable, value in settings.items()}
        for variable in container.get("env", []):
            given[variable["name"]] = variable["value"]
        wanted_variables = {key: _interpolated(value) for key, value in service.get("environment", {}).items()}
        assert wanted_variables.items() <= given.items()


def test_variables_in_arguments_are_settings(built: list[Document], settings: dict[str, str]) -> None:
    for pod in _pods(built).values():
        container = _container(pod)
        names = set(re.findall(r"\$\((\w+)\)", " ".join(container.get("args", []))))
        assert names <= settings.keys()
        assert not names or container["envFrom"] == [{"configMapRef": {"name": "settings"}}]


def test_services_find_their_pods_and_nothing_else(built: list[Document]) -> None:
    pods = _pods(built)
    for name, service in _named(built, "Service").items():
        selector = service["spec"]["selector"].items()
        assert [pod for pod, made in pods.items() if selector <= made["metadata"]["labels"].items()] == [name]
        exposed = {port["containerPort"] for port in _container(pods[name])["ports"]}
        assert {port["port"] for port in service["spec"]["ports"]} <= exposed
        # Without an address of its own ports are the pod's: what differs would be lost.
        assert service["spec"]["clusterIP"] == "None"
        assert not any("targetPort" in port for port in service["spec"]["ports"])


def test_what_is_mounted_exists_and_only_the_exporter_writes_what_is_served(built: list[Document]) -> None:
    claims = _named(built, "PersistentVolumeClaim").keys()
    writers = set()
    for name, pod in _pods(built).items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in _containers(pod):
            mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
            assert {mount["name"] for mount in mounts.values()} <= volumes.keys()
            if not mounts["/srv/tailbed"].get("readOnly"):
                writers.add(name)
        assert {mount["name"] for container in _containers(pod) for mount in container["volumeMounts"]} == {*volumes}
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName", "served") in claims
    assert writers == {"exporter"}


def test_every_container_is_shut_in(built: list[Document]) -> None:
    for pod in _pods(built).values():
        spec = pod["spec"]
        of_all = spec["securityContext"]
        assert (of_all["runAsNonRoot"], of_all["runAsUser"]) == (True, 1000)
        assert of_all["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        for container in _containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    (namespace,) = _named(built, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {document["metadata"].get("namespace", "tailbed") for document in built} == {"tailbed"}


def test_every_server_is_asked_whether_its_model_is_ready(built: list[Document], compose: Document) -> None:
    for name, pod in _servers(built).items():
        container = _container(pod)
        often, seldom = container["startupProbe"], container["readinessProbe"]
        asked = {"command": ["bash", f"/srv/tailbed/services/{name}/ready"]}
        assert often["exec"] == seldom["exec"] == asked
        assert compose[name]["healthcheck"]["test"] == ["CMD", *asked["command"]]
        assert often["periodSeconds"] * often["failureThreshold"] >= 300
        assert seldom["periodSeconds"] >= 600, "it would be asked while it is measured"


def test_servers_and_engines_can_have_cores_of_their_own(built: list[Document]) -> None:
    for name, pod in _pods(built).items():
        for container in _containers(pod):
            resources = container["resources"]
            assert resources["requests"] == resources["limits"], f"{name} is not guaranteed what it asks for"
            assert str(int(resources["limits"]["cpu"])) == resources["limits"]["cpu"]
    assert int(_container(_pods(built)["locust-worker"])["resources"]["limits"]["cpu"]) >= 2


def test_load_and_servers_never_share_a_node_nor_do_two_engines(built: list[Document]) -> None:
    pods = _pods(built)
    load = {name for name, pod in pods.items() if _kept_away(pod, _servers(built)["triton"])}
    assert load == {"locust", "locust-worker"}
    for server in _servers(built).values():
        assert {name for name, pod in pods.items() if _kept_away(server, pod)} == load
    assert _kept_away(pods["locust-worker"], pods["locust-worker"])


def _kept_away(pod: Document, other: Document) -> bool:
    rules = pod["spec"].get("affinity", {}).get("podAntiAffinity", {})
    return any(
        rule["topologyKey"] == "kubernetes.io/hostname"
        and rule["labelSelector"]["matchLabels"].items() <= other["metadata"]["labels"].items()
        for rule in rules.get("requiredDuringSchedulingIgnoredDuringExecution", ())
    )


def test_the_master_awaits_as_many_workers_as_there_are(built: list[Document]) -> None:
    jobs = _named(built, "Job")
    workers = jobs["locust-worker"]["spec"]
    assert workers["completionMode"] == "Indexed"
    assert f"--expect-workers={workers['completions']}" in _container(jobs["locust"]["spec"]["template"])["args"]
    assert workers["parallelism"] == workers["completions"]
    assert jobs["locust"]["spec"]["suspend"]
    assert workers["suspend"], "a load would begin while servers start"


def test_a_server_awaits_its_own_export(built: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path))
    for name, pod in _servers(built).items():
        (awaits,) = pod["spec"]["initContainers"]
        home, service = awaits["env"]
        assert home == {"name": "TAILBED_HOME", "value": "/srv/tailbed"}
        assert service == {"name": "SERVICE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}
        assert pod["metadata"]["labels"]["app"] == name
        waiting = subprocess.Popen(awaits["command"], env=os.environ | {"SERVICE": name})
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.5)
            (services_folder() / name).mkdir(parents=True)
            write_service(
                Service(name=name, kind=name, model="m", artifact=tmp_path, settings=Settings(), runtime="onnxruntime")
            )
            assert waiting.wait(10) == 0
        finally:
            waiting.kill()
            waiting.wait()


OPTIONS = """
from locust.argument_parser import get_parser
from loadtest.driver.options import add_arguments
parser = get_parser()
add_arguments(parser)
print(*(option for action in parser._actions for option in action.option_strings))
"""
"""In a process of its own: locust changes the sockets of all that imports it."""


def test_locust_knows_what_it_is_told(built: list[Document]) -> None:
    done = subprocess.run([sys.executable, "-c", OPTIONS], capture_output=True, text=True, check=True, cwd=ROOT)
    for name in ("locust", "locust-worker"):
        told = {argument.partition("=")[0] for argument in _container(_pods(built)[name])["args"]}
        assert {option for option in told if option.startswith("--")} <= set(done.stdout.split())
